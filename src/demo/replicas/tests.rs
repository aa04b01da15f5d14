//! Acted replicas behave as real ones do.

use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;

use super::server::ActedServer;
use super::trace::Trace;
use super::{EMBEDDED, known};
use crate::base::clock::Hand;
use crate::base::{Clock, Time};
use crate::delay::freeze::gtid::Gtids;
use crate::delay::freeze::machine::Act;
use crate::delay::freeze::statement::Spot;
use crate::delay::freeze::threads::Threads;
use crate::delay::limits::{DelayBy, Limits};
use crate::delay::probe::Probe;
use crate::delay::seen::{Heartbeat, IoThread, Position, Seen, Status};
use crate::demo::scenario::ReplicaSpec;

const START: Time = Time::from_secs(1_790_000_000);

fn spec(trace: &str, offset: u64) -> ReplicaSpec {
    let text = EMBEDDED.iter().find(|(name, _)| *name == trace).map_or(trace, |(_, text)| *text);
    ReplicaSpec {
        name: "db7".to_owned(),
        group: None,
        source: "db-main".to_owned(),
        version: "8.0.41".to_owned(),
        trace: Trace::parse(text).unwrap().into(),
        offset: Duration::from_secs(offset),
        limits: Limits::default(),
        catch_up: None,
        tool: None,
        tool_times: 3,
    }
}

fn server(spec: ReplicaSpec) -> (ActedServer, Hand) {
    let (clock, hand) = Clock::manual(START);
    (ActedServer::new(spec, 1, START, clock), hand)
}

fn at(secs: u64) -> Time {
    START.plus(Duration::from_secs(secs))
}

fn status(seen: &Seen) -> &Status {
    seen.status.as_ref().unwrap()
}

fn delay(seen: &Seen) -> f64 {
    age(seen.delay.as_ref())
}

fn age(beat: Option<&Heartbeat>) -> f64 {
    match beat {
        Some(Heartbeat::Age(age)) => *age,
        other => panic!("{other:?}"),
    }
}

/// Bytes of the source's logs.
fn bytes(place: Option<&Position>) -> u64 {
    let place = place.unwrap();
    let number: u64 = place.file.rsplit('.').next().unwrap().parse().unwrap();
    (number - 1) * (1 << 30) + place.at - 4
}

fn places(seen: &Seen) -> (u64, u64) {
    (bytes(status(seen).received.as_ref()), bytes(status(seen).executed.as_ref()))
}

#[test]
fn every_trace_that_is_part_of_the_program_can_be_played() {
    for name in known() {
        let (server, _) = server(spec(name, 0));
        for secs in (0..200_000).step_by(977) {
            if let Ok(seen) = server.seen(at(secs)) {
                assert!(delay(&seen).is_finite() && delay(&seen) > 0.0, "{name} at {secs} s");
                let (received, executed) = places(&seen);
                assert!(received >= executed && executed > 0, "{name} at {secs} s: {received} {executed}");
            }
        }
    }
    assert!(Trace::parse(EMBEDDED[0].1).unwrap().has_local());
    assert!(!Trace::parse(EMBEDDED[0].1).unwrap().has_primary());
}

#[test]
fn a_trace_that_is_none_is_told_with_its_line_and_its_mend() {
    let told = |text: &str| Trace::parse(text).unwrap_err().to_string();
    let head = "t_seconds,delay_seconds,io_running,sql_running\n";
    for (text, expected) in [
        (head.to_owned(), "it has no keyframe; each row below the first line is one"),
        (
            "t_seconds,delay_seconds,io_runing\n0,1,Yes\n".to_owned(),
            "its first line names io_runing, which a recorded history does not know; correct the name, or take the column out",
        ),
        (
            "t_seconds,io_running\n0,Yes\n".to_owned(),
            "its first line does not name delay_seconds; a trace needs it beside t_seconds",
        ),
        (
            format!("{head}0,1,Yes,Yes\n1,1,Yes\n"),
            "line 3: 3 fields, but the header names 4 columns; leave a field empty for NULL",
        ),
        (format!("{head}0,two hours,Yes,Yes\n"), "line 2, column delay_seconds: two hours is not a number"),
        (format!("{head}0,1,Yes,\u{1b}[31m\n"), "line 2, column sql_running: \\x1b[31m is not Yes or No"),
        (
            format!("{head}5,1,Yes,Yes\n5,1,Yes,Yes\n"),
            "line 3: its time 5 s does not come after 5 s of the row before; rows are in the order of time",
        ),
    ] {
        assert_eq!(told(&text), expected, "{text:?}");
    }
    let mut long = head.to_owned();
    for t in 0..=200_000 {
        writeln!(long, "{t},1,Yes,Yes").unwrap();
    }
    assert_eq!(told(&long), "it has over 200000 keyframes; cut it, or keep every tenth");
}

#[test]
fn a_recorded_history_is_a_trace() {
    // As a probe of MySQL 8 records it, both threads and an error with commas in it.
    let text = "wall_utc,t_seconds,delay_seconds,replica_io_running,replica_sql_running,last_sql_errno,last_sql_error,uptime,hb_ts\n\
        2026-11-22T05:57:02.5,0,20.5,Yes,Yes,0,,900,x\n\
        2026-11-22T05:57:12.5,10,20.7,Yes,No,1062,\"Duplicate entry '7', and a \"\"quote\"\"\",910,x\n";
    let (acted, _) = server(spec(text, 0));
    let seen = acted.seen(at(15)).unwrap();
    assert_eq!((status(&seen).sql, status(&seen).sql_errno), (Some(false), Some(1062)));
    assert_eq!(status(&seen).sql_error.as_deref(), Some("Duplicate entry '7', and a \"quote\""));
    assert_eq!(seen.uptime, Some(915));
    assert!(!Trace::parse(text).unwrap().has_local());
}

#[test]
fn between_keyframes_ages_move_and_words_hold() {
    let text = "t_seconds,delay_seconds,io_running,sql_running,local_heartbeat_age\n\
        100,10,Yes,Yes,0.5\n200,110,Yes,No,0.5\n300,,,,\n400,50,No,Yes,9\n500,70,Yes,Yes,109\n";
    let trace = Trace::parse(text).unwrap();
    let seen = |t: f64| {
        let scene = trace.at(t, false);
        (scene.delay, scene.io, scene.sql, scene.local)
    };
    let (yes, no) = (Some(IoThread::Yes), Some(IoThread::No));
    assert_eq!(seen(-50.0), (Some(10.0), yes, Some(true), Some(0.5)), "before the first line that one holds");
    assert_eq!(seen(150.0), (Some(60.0), yes, Some(true), Some(0.5)));
    assert_eq!(seen(250.0), (Some(110.0), yes, Some(false), Some(0.5)), "nothing leads into a gap");
    assert_eq!(seen(350.0), (None, None, None, None), "a gap is not bridged");
    assert_eq!(seen(450.0), (Some(60.0), no, Some(true), Some(59.0)));
    assert_eq!(seen(9000.0), (Some(70.0), yes, Some(true), Some(109.0)), "the last line holds");
    assert_eq!((trace.at(299.0, false).up_since, trace.at(450.0, false).up_since), (None, Some(400.0)));
    let near = |found: f64, wanted: f64| (found - wanted).abs() < 1e-9;
    assert!(near(trace.at(450.0, false).received, 400.0), "nothing is received while the IO thread stands");
    assert_eq!(trace.at(250.0, false).executed, Some(90.0), "nor executed while the SQL thread does");
    assert_eq!(trace.at(250.0, true).executed, Some(140.0), "but where a tool drives it");
}

#[test]
fn a_healthy_line_varies_by_some_seconds_and_moves() {
    let (acted, _) = server(spec("healthy", 0));
    let looks: Vec<Seen> = (0..600).map(|n| acted.seen(at(n * 10)).unwrap()).collect();
    let off: Vec<f64> = looks.iter().map(|seen| delay(seen) - 7200.0).collect();
    assert!(off.iter().all(|off| off.abs() <= 3.0), "{off:?}");
    assert!(off.iter().any(|off| *off > 2.0) && off.iter().any(|off| *off < -2.0), "{off:?}");
    for pair in looks.windows(2) {
        let (before, after) = (places(&pair[0]), places(&pair[1]));
        assert!(after.0 > before.0 && after.1 > before.1, "{before:?} {after:?}");
    }
    let seen = &looks[0];
    let row = status(seen);
    assert_eq!(
        (row.io, row.sql, row.sql_delay, row.seconds_behind.is_some()),
        (Some(IoThread::Yes), Some(true), Some(7200), true)
    );
    assert_eq!(row.sql_state.as_deref(), Some("Waiting until SOURCE_DELAY seconds after source executed event"));
    assert!((0.0..1.0).contains(&age(seen.local.as_ref())) && seen.primary.is_none());
    // Another seed is another noise, the same one the same.
    let (clock, _) = Clock::manual(START);
    let other = ActedServer::new(spec("healthy", 0), 2, START, clock.clone());
    assert!((delay(&other.seen(at(0)).unwrap()) - delay(seen)).abs() > 1e-9);
    assert_eq!(ActedServer::new(spec("healthy", 0), 1, START, clock).seen(at(0)).unwrap(), *seen);
}

#[test]
fn a_thread_that_stands_stands_to_the_byte() {
    let (acted, _) = server(spec("backup", 21_600));
    let first = acted.seen(at(1)).unwrap();
    for secs in 2..9000 {
        let seen = acted.seen(at(secs)).unwrap();
        let past = f64::from(u32::try_from(secs - 1).unwrap());
        assert!((delay(&seen) - delay(&first) - past).abs() < 1e-6, "a second a second: {}", delay(&seen));
        assert_eq!(status(&seen).executed, status(&first).executed, "at {secs} s");
        assert!(places(&seen).0 > places(&first).0);
        assert_eq!((status(&seen).sql, status(&seen).seconds_behind), (Some(false), None));
    }
    let (acted, _) = server(spec("backup", 30_808));
    assert!((delay(&acted.seen(at(0)).unwrap()) - 16_408.0).abs() < 1e-6);
    // The IO thread the same, while what was received is executed.
    let (acted, _) = server(spec("io-error", 21_600));
    let (first, last) = (acted.seen(at(5)).unwrap(), acted.seen(at(7000)).unwrap());
    assert_eq!(status(&first).received, status(&last).received);
    assert!(places(&last).1 > places(&first).1);
    assert!((delay(&last) - 7200.0).abs() <= 3.0, "the delay says nothing of it yet");
    assert_eq!(status(&last).io_errno, Some(13_114));
    assert!(status(&last).io_error.as_ref().unwrap().starts_with("Got fatal error 1236 from source"));
    let (drained, later) = (acted.seen(at(7300)).unwrap(), acted.seen(at(9300)).unwrap());
    assert!((delay(&later) - delay(&drained) - 2000.0).abs() <= 6.0, "drained, it grows");
    assert_eq!(status(&drained).executed, status(&drained).received);
    assert_eq!(status(&later).executed, status(&later).received);
}

#[test]
fn a_dead_writer_is_seen_in_its_heartbeat_and_nowhere_else() {
    let (acted, _) = server(spec("local-writer", 21_600));
    let seen = acted.seen(at(500)).unwrap();
    assert!((age(seen.local.as_ref()) - 500.5).abs() < 1e-6 && (delay(&seen) - 7200.0).abs() <= 3.0);
    let (acted, _) = server(spec("primary-writer", 21_600));
    let seen = acted.seen(at(500)).unwrap();
    assert!((age(seen.primary.as_ref()) - 500.5).abs() < 1e-6 && (delay(&seen) - 7200.0).abs() <= 3.0);
    let (early, late) = (acted.seen(at(8000)).unwrap(), acted.seen(at(9000)).unwrap());
    assert!((delay(&late) - delay(&early) - 1000.0).abs() <= 6.0, "its last row has arrived");
    assert!(places(&late).1 > places(&early).1, "replication itself is fine");
}

#[test]
fn a_server_that_is_down_is_no_answer_and_begins_anew() {
    let (acted, hand) = server(spec("no-answer", 21_590));
    assert_eq!(acted.seen(at(0)).unwrap().uptime, Some(40 * 86_400 + 21_590));
    assert_eq!(
        acted.seen(at(10)).unwrap_err().to_string(),
        "db7:3306 does not answer within 2s; is it up, and does a firewall let firn's host through?"
    );
    let back = acted.seen(at(915)).unwrap();
    assert_eq!(back.uptime, Some(5), "it was started anew");
    assert!((delay(&back) - 7200.0).abs() <= 3.0);
    // Whoever looks waits for its time-out.
    hand.advance(Duration::from_secs(10));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let look = Probe::look(&acted);
        tokio::pin!(look);
        assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(look.as_mut().poll(cx).is_pending())).await);
        hand.advance(Duration::from_secs(2));
        assert!(look.await.is_err());
    });
}

#[test]
fn what_is_stopped_stands_and_what_is_started_comes_back() {
    for (catch_up, later, still) in [(None, 1, 0.0), (Some(3), 100, 300.0), (Some(3), 200, 0.0)] {
        let (acted, hand) = server(ReplicaSpec { catch_up, ..spec("healthy", 0) });
        acted.stop_sql();
        let stopped = acted.seen(at(0)).unwrap();
        hand.advance(Duration::from_mins(10));
        let stands = acted.seen(at(600)).unwrap();
        assert_eq!((status(&stands).sql, status(&stands).sql_errno), (Some(false), Some(0)));
        assert_eq!(status(&stands).executed, status(&stopped).executed);
        assert!((delay(&stands) - 7800.0).abs() < 1e-6, "{}", delay(&stands));
        acted.stop_io();
        hand.advance(Duration::from_secs(10));
        let both = acted.seen(at(610)).unwrap();
        assert_eq!((status(&both).io, status(&both).io_errno), (Some(IoThread::No), Some(0)));
        assert_eq!(status(&both).received, stands.status.as_ref().unwrap().received);
        acted.start_io();
        acted.start_sql();
        let excess = 610.0;
        let back = acted.seen(at(610 + later)).unwrap();
        let expected =
            if catch_up.is_some() { (excess - 3.0 * f64::from(u32::try_from(later).unwrap())).max(0.0) } else { 0.0 };
        assert!((delay(&back) - 7200.0 - expected).abs() <= 3.0, "{catch_up:?} {later}: {}", delay(&back));
        assert!((expected - still).abs() <= 10.0);
        assert_eq!((status(&back).io, status(&back).sql), (Some(IoThread::Yes), Some(true)));
        assert!(places(&back).1 > places(&both).1);
    }
}

#[test]
fn with_its_io_thread_stopped_a_replica_runs_dry() {
    let (acted, hand) = server(spec("healthy", 0));
    acted.stop_io();
    hand.advance(Duration::from_secs(7100));
    let seen = acted.seen(at(7100)).unwrap();
    assert!((delay(&seen) - 7200.0).abs() <= 3.0 && places(&seen).0 > places(&seen).1);
    let dry = acted.seen(at(8200)).unwrap();
    assert!((delay(&dry) - 8200.0).abs() <= 3.0, "{}", delay(&dry));
    assert_eq!(places(&dry).0, places(&dry).1);
    assert_eq!(status(&dry).sql_state.as_deref(), Some("Replica has read all relay log; waiting for more updates"));
}

#[test]
fn a_tool_starts_what_was_stopped_until_somebody_ends_it() {
    let tool = Some(Duration::from_secs(30));
    let (acted, hand) = server(ReplicaSpec { tool, tool_times: 2, ..spec("healthy", 0) });
    let mut runs = Vec::new();
    hand.advance(Duration::from_secs(5));
    for n in 0..4 {
        acted.stop_sql();
        hand.advance(Duration::from_secs(24));
        assert_eq!(status(&acted.seen(at(29 + n * 30)).unwrap()).sql, Some(false), "not before it looks");
        hand.advance(Duration::from_secs(6));
        runs.push(status(&acted.seen(at(35 + n * 30)).unwrap()).sql);
    }
    assert_eq!(runs, [Some(true), Some(true), Some(false), Some(false)]);
}

#[test]
fn a_tool_that_holds_the_line_makes_a_saw_tooth() {
    let limits = Limits { delay_by: DelayBy::External, ..Limits::default() };
    let external = ReplicaSpec { limits, version: "5.7.44-log".to_owned(), ..spec("tool", 0) };
    let (acted, hand) = server(ReplicaSpec { tool: Some(Duration::from_mins(1)), tool_times: 1, ..external });
    let mut jumps = 0;
    let mut before = acted.seen(at(0)).unwrap();
    for secs in (10..=600).step_by(10) {
        let seen = acted.seen(at(secs)).unwrap();
        assert!((7200.0..=7261.0).contains(&delay(&seen)), "{}", delay(&seen));
        assert_eq!((status(&seen).sql, status(&seen).until.as_deref()), (Some(false), Some("Master")));
        assert_eq!((status(&seen).seconds_behind, status(&seen).queued_age), (None, None));
        jumps += u32::from(status(&seen).executed != status(&before).executed);
        before = seen;
    }
    assert_eq!(jumps, 10, "once a minute");
    // Stopped by hand, it is driven on, once; then it stands.
    hand.advance(Duration::from_secs(605));
    acted.stop_sql();
    let stopped = acted.seen(at(605)).unwrap();
    let driven = acted.seen(at(725)).unwrap();
    assert!(places(&driven).1 > places(&stopped).1, "both threads say what they said, and it moves");
    hand.advance(Duration::from_mins(2));
    acted.stop_sql();
    let (one, other) = (acted.seen(at(725)).unwrap(), acted.seen(at(905)).unwrap());
    assert_eq!(status(&one).executed, status(&other).executed);
}

#[test]
fn each_server_says_it_in_its_words() {
    for (version, uuid, queued, io_state) in [
        ("8.0.41", true, true, "Waiting for source to send event"),
        ("5.7.44-log", true, false, "Waiting for master to send event"),
        ("10.11.19-MariaDB-log", false, false, "Waiting for master to send event"),
    ] {
        let (acted, _) = server(ReplicaSpec { version: version.to_owned(), ..spec("healthy", 0) });
        let seen = acted.seen(at(0)).unwrap();
        let row = status(&seen);
        assert_eq!((seen.server_uuid.is_some(), row.source_uuid.is_some()), (uuid, uuid), "{version}");
        assert_eq!((row.received_gtid.is_some(), row.queued_age.is_some()), (uuid, queued), "{version}");
        assert_eq!(row.io_state.as_deref(), Some(io_state), "{version}");
    }
    let (acted, _) = server(spec("sql-error", 22_000));
    let seen = acted.seen(at(0)).unwrap();
    let said = status(&seen).sql_error.clone().unwrap();
    assert!(said.starts_with("Could not execute Write_rows event on table shop.orders; Duplicate entry"), "{said}");
}

#[test]
#[allow(clippy::result_large_err)] // of a closure that is called a few times
fn up_to_a_place_and_no_further() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for by_gtid in [false, true] {
        let (acted, hand) = server(spec("healthy", 0));
        let perform = |act: Act| runtime.block_on(acted.perform(&act));
        perform(Act::StopSql).unwrap();
        perform(Act::StopIo).unwrap();
        let stopped = acted.seen(at(0)).unwrap();
        hand.advance(Duration::from_secs(1000));
        let sight = runtime.block_on(Threads::look(&acted, at(1000))).unwrap();
        assert!(sight.stands() && sight.executed.position == status(&stopped).executed, "{sight:?}");
        // A minute of the source further on.
        let (began, goal) = (places(&stopped).1, places(&acted.seen(at(1000)).unwrap()).0 / 2);
        let goal = began + (goal - began / 2) / 100;
        let spot = if by_gtid {
            let uuid = status(&stopped).source_uuid.clone().unwrap();
            Spot::Gtid(format!("{uuid}:{}", goal / 800 + 1).parse().unwrap())
        } else {
            Spot::Position(Position { file: format!("binlog.{:06}", 1 + (goal >> 30)), at: 4 + goal % (1 << 30) })
        };
        perform(Act::StartSql(Some(spot))).unwrap();
        let there = acted.seen(at(1000)).unwrap();
        let reached = places(&there).1;
        assert!(reached > began && reached <= goal && goal - reached < 3000, "{began} {reached} {goal}");
        assert_eq!((status(&there).sql, status(&there).io), (Some(false), Some(IoThread::No)));
        assert_eq!(places(&acted.seen(at(3000)).unwrap()).1, reached, "it stands there");
        perform(Act::StartIo).unwrap();
        perform(Act::StartSql(None)).unwrap();
        let on = acted.seen(at(3010)).unwrap();
        assert!(status(&on).sql == Some(true) && (delay(&on) - 7200.0).abs() <= 3.0, "{}", delay(&on));
    }
    let (acted, _) = server(spec("healthy", 0));
    let stranger: Gtids = "3e11fa47-71ca-11e1-9e33-c80aa9429562:5".parse().unwrap();
    let told = runtime.block_on(acted.perform(&Act::StartSql(Some(Spot::Gtid(stranger))))).unwrap_err().to_string();
    assert!(told.contains("START REPLICA SQL_THREAD UNTIL: error 1277"), "{told}");
    let (down, _) = server(spec("no-answer", 21_700));
    let told = runtime.block_on(down.perform(&Act::StopSql)).unwrap_err().to_string();
    assert!(told.starts_with("db7:3306 does not answer within 2s"), "{told}");
}

proptest! {
    /// Whatever is done to the threads, and however often it is looked at: executed never goes back and is never ahead of
    /// what is received, which never goes back either; and the delay is the age of what is executed.
    #[test]
    fn positions_never_go_back(
        acts in prop::collection::vec((0_u8..5, 1_u64..400), 1..40),
        trace in prop::sample::select(vec!["healthy", "backup", "recovery", "overload", "released", "io-error", "tool"]),
        offset in 0_u64..50_000,
        catch_up in prop::option::of(1_u32..5),
        tool in prop::option::of(20_u64..90),
    ) {
        let tool = tool.map(Duration::from_secs);
        let mut spec = ReplicaSpec { catch_up, tool, ..spec(trace, offset) };
        if trace == "tool" {
            spec.limits.delay_by = DelayBy::External;
        }
        let (acted, hand) = server(spec);
        let (mut now, mut before) = (0, places(&acted.seen(at(0)).unwrap()));
        for (act, wait) in acts {
            match act {
                0 => acted.stop_sql(),
                1 => acted.start_sql(),
                2 => acted.stop_io(),
                3 => acted.start_io(),
                _ => {}
            }
            hand.advance(Duration::from_secs(wait));
            now += wait;
            let seen = acted.seen(at(now)).unwrap();
            let here = places(&seen);
            prop_assert!(here.0 >= before.0 && here.1 >= before.1, "{before:?} {here:?}");
            prop_assert!(here.1 <= here.0, "{here:?}");
            let applied = status(&seen).applied_age.unwrap();
            prop_assert!((delay(&seen) - applied).abs() <= 3.0 + 1e-6, "{} {applied}", delay(&seen));
            before = here;
        }
    }
}
