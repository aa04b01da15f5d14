use super::*;
use crate::delay::freeze::sight::{Mark, Sight};
use crate::delay::state::Place;
use proptest::prelude::*;

const NOW: Time = Time::from_secs(1_795_435_200);
const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

fn at(file: &str, at: u64) -> Position {
    Position { file: file.to_owned(), at }
}

/// Two hours behind, all well.
fn line() -> Line {
    Line {
        at: NOW,
        delay: Some(7_200.0),
        applied: Some(ago(7_200)),
        slope: Some(0.0),
        sight: Sight {
            at: NOW,
            io: Some(IoThread::Yes),
            sql: Some(true),
            executed: Place { position: Some(at("binlog.000010", 500)), gtid: Some(format!("{A}:1-100")) },
            received: Place { position: Some(at("binlog.000012", 900)), gtid: Some(format!("{A}:1-300")) },
            relay: Some(at("db14-relay.000044", 700)),
            sql_delay: Some(7_200),
            ..Sight::default()
        },
        beat_stuck: false,
        parallel: false,
        frozen: false,
        external: false,
        tool_interval: Duration::from_mins(1),
        fresh: Duration::from_mins(1),
    }
}

/// So many seconds behind.
fn behind(seconds: u32) -> Line {
    Line { delay: Some(seconds.into()), applied: Some(ago(seconds.into())), ..line() }
}

fn ago(seconds: u64) -> Time {
    NOW.minus(Duration::from_secs(seconds))
}

fn of_time(time: Time) -> Statement {
    Statement { time: Some(time), spot: None }
}

fn of_position(file: &str, place: u64) -> Statement {
    Statement { time: None, spot: Some(Spot::Position(at(file, place))) }
}

fn of_gtid(text: &str) -> Statement {
    Statement { time: None, spot: Some(Spot::Gtid(text.parse().unwrap())) }
}

fn check(line: &Line, statement: &Statement, applied: Applied, why: &str) {
    let said = answer(statement, line, NOW);
    assert_eq!(said.applied, applied, "{}", said.why);
    assert!(said.why.contains(why), "{}", said.why);
}

#[test]
fn a_position_tells_by_what_has_been_executed() {
    let line = line();
    check(
        &line,
        &of_position("binlog.000010", 499),
        Applied::Already,
        "up to binlog.000010:500, beyond binlog.000010:499",
    );
    check(&line, &of_position("binlog.000009", 9_999), Applied::Already, "beyond binlog.000009:9999");
    check(&line, &of_position("binlog.000010", 500), Applied::CannotTell, "stands exactly at binlog.000010:500");
    check(&line, &of_position("binlog.000010", 501), Applied::NotYet, "while the SQL thread runs");
    check(&line, &of_position("binlog.000012", 4), Applied::NotYet, "before binlog.000012:4");
    check(&line, &of_position("binlog.000012", 901), Applied::CannotTell, "beyond all that this replica has received");
    check(&line, &of_position("db14-relay.000044", 701), Applied::NotYet, "up to db14-relay.000044:700");
    check(
        &line,
        &of_position("db14-relay.000043", 5_000),
        Applied::Already,
        "the relay log up to db14-relay.000044:700",
    );
    check(&line, &of_position("other.000010", 501), Applied::CannotTell, "in no log that this replica reads");
}

#[test]
fn what_was_not_received_has_not_been_applied_when_the_io_thread_stands() {
    let mut line = line();
    line.sight.io = Some(IoThread::No);
    line.sight.sql = Some(false);
    check(&line, &of_position("binlog.000012", 901), Applied::NotYet, "not even received");
    check(&line, &of_position("binlog.000011", 4), Applied::NotYet, "and the SQL thread stands");
    line.sight.executed.position = None;
    line.sight.relay = None;
    check(&line, &of_position("binlog.000011", 4), Applied::CannotTell, "give the statement's GTID");
}

#[test]
fn a_gtid_tells_by_the_set_that_has_been_executed() {
    let mut line = line();
    check(&line, &of_gtid(&format!("{A}:100")), Applied::Already, "among the GTIDs");
    check(&line, &of_gtid(&format!("{A}:101")), Applied::NotYet, "has been received and is not among");
    check(&line, &of_gtid(&format!("{A}:301")), Applied::NotYet, "is not among the GTIDs");
    check(&line, &of_gtid(&format!("{A}:99-101")), Applied::CannotTell, "name the one transaction");
    check(
        &line,
        &of_gtid("4e11fa47-71ca-11e1-9e33-c80aa9429562:7"),
        Applied::CannotTell,
        "nothing of the server or domain",
    );
    check(&line, &of_gtid("0-1-7"), Applied::CannotTell, "nothing of the server or domain");
    line.sight.executed.gtid = Some("0-1-100".to_owned());
    line.sight.received.gtid = Some("0-1-300".to_owned());
    check(&line, &of_gtid("0-1-100"), Applied::Already, "among");
    check(&line, &of_gtid("0-1-101"), Applied::NotYet, "received");
    check(&line, &of_gtid("1-1-1"), Applied::CannotTell, "nothing of the server or domain");
    line.sight.executed.gtid = None;
    check(&line, &of_gtid("0-1-101"), Applied::CannotTell, "give the statement's position");
    line.sight.executed.gtid = Some("nonsense".to_owned());
    check(&line, &of_gtid("0-1-101"), Applied::CannotTell, "cannot be read: \"nonsense\" is no GTID");
}

#[test]
fn a_time_proves_only_that_it_has_not_been_applied() {
    let line = line();
    check(&line, &of_time(ago(3_600)), Applied::NotYet, "60 min before it");
    check(&line, &of_time(ago(7_190)), Applied::NotYet, "10 s before it");
    check(&line, &of_time(ago(7_198)), Applied::CannotTell, "too close to it");
    check(&line, &of_time(ago(7_200)), Applied::CannotTell, "0 s after it");
    check(&line, &of_time(ago(20_000)), Applied::CannotTell, "A time names no statement");
    let blind = Line { delay: None, applied: None, ..line.clone() };
    check(&blind, &of_time(ago(3_600)), Applied::CannotTell, "no heartbeat");
    let old = Line { at: ago(61), ..line };
    check(&old, &of_time(ago(3_600)), Applied::CannotTell, "last seen 61 s ago");
}

#[test]
fn a_heartbeat_whose_writer_is_dead_is_believed_only_while_the_server_holds_back() {
    // The heartbeat says three hours; the replica may well be at two.
    let line = Line { slope: Some(1.0), beat_stuck: true, ..behind(10_800) };
    check(&line, &of_time(ago(9_000)), Applied::CannotTell, "its writer is dead");
    check(&line, &of_time(ago(3_600)), Applied::NotYet, "has applied what the primary wrote");
    let external = Line { external: true, ..line };
    check(&external, &of_time(ago(3_600)), Applied::CannotTell, "its writer is dead");
}

#[test]
fn a_replica_whose_clock_is_wrong_says_the_same_of_a_statement() {
    // An hour behind, and its clock ten minutes ahead: it computes the heartbeat's age with that.
    let line = Line { delay: Some(4_200.0), ..behind(3_600) };
    check(&line, &of_time(ago(3_900)), Applied::CannotTell, "5 min after it");
    check(&line, &of_time(ago(3_000)), Applied::NotYet, "10 min before it");
    // And ten minutes after.
    let line = Line { delay: Some(3_000.0), ..behind(3_600) };
    check(&line, &of_time(ago(3_300)), Applied::NotYet, "5 min before it");
    // A sample from before the heartbeat's own time was kept.
    let old = Line { applied: None, ..line };
    check(&old, &of_time(ago(60)), Applied::CannotTell, "no heartbeat says how far");
    // It holds back by its own clock.
    let ahead = Line { delay: Some(7_800.0), beat_stuck: true, ..behind(7_200) };
    check(&ahead, &of_time(ago(6_900)), Applied::CannotTell, "its writer is dead");
    check(&ahead, &of_time(ago(6_500)), Applied::NotYet, "has applied what the primary wrote");
    assert_eq!(arrival(ago(3_600), &ahead, NOW).not_before, Some(NOW.plus(Duration::from_secs(2_999))));
}

#[test]
fn of_several_workers_only_what_is_behind_is_known() {
    let line = Line { parallel: true, ..line() };
    check(&line, &of_position("binlog.000010", 499), Applied::Already, "beyond binlog.000010:499");
    let why = "the replica applies by several workers: all up to binlog.000010:500 has been executed";
    check(&line, &of_position("binlog.000012", 4), Applied::CannotTell, why);
    check(&line, &of_position("db14-relay.000044", 701), Applied::CannotTell, "by several workers");
    check(&line, &of_gtid(&format!("{A}:101")), Applied::NotYet, "is not among the GTIDs");
    // No worker has been given what the server still holds back.
    let mut both = of_position("binlog.000012", 4);
    both.time = Some(ago(7_190));
    check(&line, &both, Applied::NotYet, "the server holds back what was written at");
    both.time = Some(ago(7_199));
    check(&line, &both, Applied::CannotTell, "by several workers");
    // Stopped, it has no gaps; stopped by an error, it may.
    let mut stands = line;
    stands.sight.sql = Some(false);
    check(&stands, &of_position("binlog.000012", 4), Applied::NotYet, "and the SQL thread stands");
    stands.sight.sql_error = Some((1_062, "Duplicate entry".to_owned()));
    check(&stands, &of_position("binlog.000012", 4), Applied::CannotTell, "by several workers");
}

#[test]
fn what_is_frozen_lets_nothing_arrive_though_a_tool_would() {
    let mut line = Line { external: true, frozen: true, ..line() };
    line.sight.sql_delay = Some(0);
    line.sight.sql = Some(false);
    let come = arrival(ago(3_600), &line, NOW);
    assert_eq!((come.not_before, come.expected), (None, None));
    assert_eq!(come.words, "not while it is frozen; once it is resumed, when the delay tool lets it");
}

#[test]
fn a_set_that_was_too_long_to_keep_is_told_as_that() {
    let many: Vec<String> = (1..2_000).map(|n| (2 * n).to_string()).collect();
    let other = "4e11fa47-71ca-11e1-9e33-c80aa9429562";
    let set = format!("{A}:1-100,{other}:{}", many.join(":"));
    let sight = |statement: &Statement| {
        let mut sight = line().sight;
        sight.executed.gtid = Some(set.clone());
        sight.kept(statement)
    };
    let kept = |statement: &Statement| Line { sight: sight(statement), ..line() };
    // What the statement's own server has executed is kept.
    for (gtid, applied) in [("100", Applied::Already), ("101", Applied::NotYet)] {
        let statement = of_gtid(&format!("{A}:{gtid}"));
        check(&kept(&statement), &statement, applied, "among the GTIDs");
    }
    let statement = of_gtid(&format!("{other}:7"));
    check(&kept(&statement), &statement, Applied::CannotTell, "executed GTIDs are too many to be kept here");
    let mut long = sight(&of_gtid(&format!("{A}:7")));
    (long.executed.position, long.mark) = (None, Some(Mark::Gtid("a hash".to_owned())));
    assert_eq!(long.place_words(), "a set of GTIDs too long to show", "a part is not shown as the whole");
}

#[test]
fn what_was_seen_long_ago_tells_nothing_of_now() {
    let mut line = line();
    line.sight.at = ago(120);
    check(&line, &of_position("binlog.000012", 4), Applied::CannotTell, "last seen 2 min ago");
    check(&line, &of_gtid(&format!("{A}:101")), Applied::CannotTell, "last seen 2 min ago");
    check(&line, &Statement::default(), Applied::CannotTell, "no statement is named");
}

#[test]
fn the_arrival_counts_down_to_what_the_server_holds() {
    let line = line();
    let come = arrival(ago(2_880), &line, NOW);
    assert_eq!(come.not_before, Some(NOW.plus(Duration::from_secs(4_319))));
    assert_eq!(come.expected, Some(NOW.plus(Duration::from_mins(72))));
    assert!(come.words.starts_with("in 71 min at the earliest"), "{}", come.words);
    // Five minutes later, nothing else has changed.
    let later = arrival(ago(2_880), &line, NOW.plus(Duration::from_mins(5)));
    assert!(later.words.starts_with("in 66 min at the earliest"), "{}", later.words);
}

#[test]
fn a_replica_that_is_further_behind_arrives_later_by_its_trend() {
    // Three hours behind, catching up at twice the speed: an hour and a half of the primary's time a second line.
    let line = Line { slope: Some(-1.0), ..behind(10_800) };
    let come = arrival(ago(7_200), &line, NOW);
    assert_eq!(come.not_before, Some(ago(1)));
    assert_eq!(come.expected, Some(NOW.plus(Duration::from_mins(30))));
    assert!(come.words.contains("the replica is only behind"), "{}", come.words);
    // It cannot overtake the delay.
    let come = arrival(ago(1_000), &line, NOW);
    assert_eq!(come.expected, Some(NOW.plus(Duration::from_secs(6_200))));
}

#[test]
fn a_thread_that_stands_lets_nothing_arrive() {
    let mut line = line();
    line.sight.sql = Some(false);
    let come = arrival(ago(3_600), &line, NOW);
    assert_eq!(come.expected, None);
    assert!(
        come.words.starts_with("not while the SQL thread stands; once it is started, not before"),
        "{}",
        come.words
    );
    let come = arrival(ago(9_000), &line, NOW);
    assert_eq!(come.words, "not while the SQL thread stands; at once when it is started");
}

#[test]
fn a_tool_holds_back_what_the_server_does_not() {
    let mut line = Line { external: true, ..line() };
    line.sight.sql_delay = Some(0);
    line.sight.sql = Some(false);
    let come = arrival(ago(3_600), &line, NOW);
    assert_eq!((come.not_before, come.expected), (None, Some(NOW.plus(Duration::from_hours(1)))));
    assert!(come.words.ends_with("the server itself does not hold it back, the delay tool does"), "{}", come.words);
    let blind = Line { delay: None, applied: None, ..line };
    assert!(arrival(ago(3_600), &blind, NOW).words.starts_with("nobody can tell"));
}

proptest! {
    /// Whatever the trend: nothing is expected before the server lets it go, and by a time alone nothing is ever
    /// called applied.
    #[test]
    fn never_before_the_server_lets_it_go(
        behind in proptest::option::of(-10i64..30_000), skew in -5_000.0f64..5_000.0,
        slope in proptest::option::of(-5.0f64..2.0),
        held in proptest::option::of(0u64..20_000),
        age in 0u64..30_000,
        stuck: bool, external: bool, sql in proptest::option::of(any::<bool>()),
    ) {
        #[allow(clippy::cast_precision_loss)] // small
        let delay = behind.map(|behind| behind as f64 + skew);
        let applied = behind.map(|behind| Time::from_micros(NOW.as_micros() - behind * 1_000_000));
        let mut line = Line { delay, applied, slope, beat_stuck: stuck, external, ..line() };
        line.sight.sql_delay = held;
        line.sight.sql = sql;
        let come = arrival(ago(age), &line, NOW);
        if let (Some(first), Some(at)) = (come.not_before, come.expected) {
            prop_assert!(at > first);
        }
        let said = answer(&of_time(ago(age)), &line, NOW);
        prop_assert!(said.applied != Applied::Already);
        if said.applied == Applied::NotYet {
            // By the primary's clock alone, whatever the replica's is.
            prop_assert!(applied.is_some_and(|applied| applied.plus(BEAT) < ago(age)));
        }
    }
}
