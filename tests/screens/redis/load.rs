//! The benchmark: its form, what it refuses, a run as it goes, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use firn::base::Severity;
use firn::console::effect::{BenchAsk, Deed, Effect, Ticket};
use firn::console::model::Model;
use firn::console::msg::{BenchTold, Msg, Reply};
use firn::console::overlay::Overlay;
use firn::console::tabs::redis::List;
use firn::redis::bench::ledger::{Lost, Verdict, Wrong};
use firn::redis::bench::outcome::{HostFigures, Left, StepFigures};
use firn::redis::bench::{Choice, Counts, Latency, Live, Outcome, Phase, Unanswered, Work};
use firn::redis::read::RedisRead;

use super::{addr, alone, clusters, healthy, list, over, read};
use crate::actions::all_the_way;
use crate::kit::{NOW, go, paint, press, said, screen, send, top, type_in};
use crate::pictures::compare;

fn latency(micros: u64) -> Latency {
    let times = |by: u64| Duration::from_micros(micros * by);
    Latency { count: 6_000, mean: times(1), p50: times(1), p99: times(3), p999: times(7), max: times(20) }
}

fn counts(commits: u64, aborts: u64) -> Counts {
    let mut counts = Counts { commits, aborts, trips: (commits + aborts) * 5, moved: 3, ..Counts::default() };
    if aborts > 100 {
        counts.failed = 2;
        counts.error("CLUSTERDOWN", "CLUSTERDOWN The cluster is down");
        counts.error("CLUSTERDOWN", "CLUSTERDOWN The cluster is down");
    }
    counts
}

pub fn live(n: u64, phase: Phase) -> BenchTold {
    let part = 6_000 + 40 * (n % 7);
    BenchTold::Live(Arc::new(Live {
        prefix: "firn-bench:0badcafe:".to_owned(),
        remedy: Arc::new([]),
        phase,
        since: Duration::from_millis(250 * n),
        of: Duration::from_secs(11),
        span: Duration::from_millis(250),
        counts: counts(part, 50),
        trip: Some(latency(370)),
        transaction: Some(latency(1_900)),
        so_far: counts(part * n, 50 * n),
    }))
}

pub fn outcome() -> Outcome {
    Outcome {
        prefix: "firn-bench:0a1b2c3d:".to_owned(),
        work: "trans",
        choice: "random",
        keys: 9_999,
        value_bytes: 27,
        clients: 100,
        threads: 1,
        seed: 7,
        span: Duration::from_secs(10),
        stopped: false,
        counts: counts(260_000, 2_100),
        whole: counts(286_000, 2_300),
        sent: firn::redis::bench::outcome::Sent::default(),
        attempts: 262_100,
        abort_share: Some(0.8),
        unanswered: Unanswered { count: 100, oldest: Duration::from_micros(410) },
        per_second: 26_000.0,
        attempts_per_second: 26_210.0,
        trips_per_second: 131_050.0,
        trip: Some(latency(370)),
        steps: vec![StepFigures { command: "EXEC", trip: latency(410) }],
        transaction: Some(latency(1_900)),
        committed: Some(latency(1_910)),
        hosts: vec![HostFigures { host: addr(19_101), counts: counts(260_000, 2_100), attempt: None }],
        busiest_thread: Some(97.0),
        overhead: None,
        invariant: None,
        removed: 9_999,
        left: Vec::new(),
    }
}

/// A console over a run that has begun, and the ticket it is waited for under.
fn begun() -> (Model, Ticket) {
    let mut model = alone(healthy("shop", 3));
    go(&mut model, "b enter");
    let effects = all_the_way(&mut model, Vec::new());
    let [Effect::Do(ticket, Deed::Bench(_))] = effects[..] else { panic!("{effects:?}") };
    (model, ticket)
}

/// A run that goes on.
pub fn running() -> Model {
    let (mut model, _) = begun();
    for n in 1..=20 {
        send(&mut model, Msg::Bench(live(n, if n <= 4 { Phase::WarmUp } else { Phase::Measuring })));
    }
    model
}

/// One that has ended.
pub fn ended() -> Model {
    let (mut model, ticket) = begun();
    let BenchTold::Live(told) = live(44, Phase::Ending) else { panic!("live") };
    // Before it is measured, and while keys are removed, nothing comes.
    let nothing = |phase| Live { phase, counts: Counts::default(), trip: None, transaction: None, ..(*told).clone() };
    send(&mut model, Msg::Bench(BenchTold::Live(Arc::new(nothing(Phase::Connecting)))));
    for n in 5..=44 {
        send(&mut model, Msg::Bench(live(n, Phase::Measuring)));
    }
    send(&mut model, Msg::Bench(BenchTold::Live(Arc::new(nothing(Phase::Ending)))));
    send(&mut model, Msg::Bench(BenchTold::Ended(Arc::new(outcome()))));
    send(&mut model, Msg::Reply(Reply::Done(ticket, Ok("the benchmark has ended".to_owned()))));
    model.flash = None;
    model
}

#[test]
fn the_form_is_filled_with_the_cluster_and_the_posts_figures() {
    let mut model = alone(healthy("shop", 3));
    go(&mut model, "b");
    let text = screen(&model, (80, 24));
    compare("redis-bench-form-80x24.txt", &text);
    for wanted in ["10.99.0.1:19101", "nodes of one cluster", "get_set", "100", "9999", "random", "enter start"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    // Every line is typed into or chosen in; a letter is no command.
    go(&mut model, "tab q space down space space down");
    type_in(&mut model, "q");
    go(&mut model, "backspace backspace backspace backspace");
    type_in(&mut model, "20");
    go(&mut model, "tab ctrl-u");
    type_in(&mut model, "3");
    go(&mut model, "tab ctrl-u");
    type_in(&mut model, "1");
    go(&mut model, "down right enter");
    let text = screen(&model, (140, 40));
    for wanted in ["transfer with 20 clients for each of them, 3 s, over 100 accounts, chosen", "no other"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    let effects = all_the_way(&mut model, Vec::new());
    let [Effect::Do(_, Deed::Bench(ask))] = &effects[..] else { panic!("{effects:?}") };
    let wanted = BenchAsk {
        of: Some("shop".to_owned()),
        hosts: vec![addr(19_101)],
        cluster: false,
        clients: 20,
        span: Duration::from_secs(3),
        work: Work::Transfer { accounts: 100 },
        keys: 1,
        choice: Choice::Walk,
    };
    assert_eq!(**ask, wanted);
    // Independent hosts are all named.
    let mut model = alone(list());
    go(&mut model, "b");
    let text = screen(&model, (140, 40));
    assert!(text.contains("10.99.0.1:19101, 10.99.0.1:19103") && text.contains("independent hosts"), "{text}");
    // What was typed is there again.
    type_in(&mut model, ", other:1");
    go(&mut model, "esc b");
    assert!(screen(&model, (140, 40)).contains(", other:1"));
}

#[test]
fn what_cannot_be_run_says_why_while_it_is_typed() {
    for (keys, text, why) in [
        ("ctrl-u", "", "hosts: 0 is not from 1 to 256; name the hosts to load"),
        ("ctrl-u", "a b:x", "hosts: \"b:x\" is none; write HOST:PORT"),
        ("ctrl-u", "a:1, a:1", "a:1"),
        ("down down down ctrl-u", "0", "clients of a host: 0 is not from 1 to 10000"),
        ("down down down ctrl-u", "many", "clients of each: \"many\" is no whole number"),
        ("down down down down ctrl-u", "0", "--seconds"),
        ("down down down down down ctrl-u", "99999999", "keys: 99999999 is not from 1 to 10000000"),
    ] {
        let mut model = alone(healthy("shop", 3));
        go(&mut model, "b");
        go(&mut model, keys);
        type_in(&mut model, text);
        let screen = screen(&model, (140, 40));
        assert!(screen.contains(why), "{why:?} in\n{screen}");
        assert_eq!(press(&mut model, "enter"), []);
        assert!(top(&model) == "bench" && said(&model).starts_with("bench.start: "), "{}", said(&model));
    }
}

#[test]
fn production_is_kept_off_by_whatever_way_it_is_named() {
    let mut production = read(healthy("ledger", 3));
    production.production = true;
    let mut model = over(RedisRead { now: NOW, clusters: vec![production.clone()] });
    assert_eq!(press(&mut model, "b"), []);
    assert_eq!(
        said(&model),
        "redis.bench: ledger is marked as production (production = true): the benchmark keeps off it"
    );
    // From the list of clusters, the selected one counts.
    let mut model = over(clusters());
    let at = model.redis.clusters.ids.iter().position(|name| name == "ledger").unwrap();
    model.redis.select(List::Clusters, at);
    assert_eq!(press(&mut model, "b"), []);
    assert!(said(&model).contains("ledger is marked as production"));
    // Its nodes, typed over another cluster.
    let mut other = healthy("lab", 1);
    for (row, port) in other.nodes.iter_mut().zip([7_001, 7_002]) {
        row.addr = addr(port);
    }
    let both = RedisRead { now: NOW, clusters: vec![read(other), production] };
    let mut model = over(both);
    let at = model.redis.clusters.ids.iter().position(|name| name == "lab").unwrap();
    model.redis.select(List::Clusters, at);
    go(&mut model, "b");
    assert!(screen(&model, (140, 40)).contains("10.99.0.1:7001"));
    type_in(&mut model, ", 10.99.0.1:19103");
    assert_eq!(press(&mut model, "enter"), []);
    let why = "bench.start: 10.99.0.1:19103 is of ledger, which is marked as production (production = true): the benchmark \
               keeps off it";
    assert_eq!(said(&model), why);
    // Nobody but its own nodes gets a cluster's password.
    go(&mut model, "ctrl-u");
    type_in(&mut model, "10.99.0.1:7001, elsewhere:6379");
    go(&mut model, "enter");
    let effects = all_the_way(&mut model, Vec::new());
    let [Effect::Do(_, Deed::Bench(ask))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((ask.of.as_deref(), ask.hosts.len()), (None, 2));
}

#[test]
fn a_run_is_seen_as_it_goes() {
    let model = running();
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        compare(&format!("redis-bench-live-{}x{}.txt", size.0, size.1), &text);
        for wanted in [
            "Benchmark get_set: 10.99.0.1:19101, 100 clients of each",
            "5 s of 11 s, measuring",
            "a second 24,960",
            "p99 5.70 ms",
            "least 24,000, most 24,960",
            "commits",
            "aborts",
        ] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
    }
    let text = screen(&model, (140, 40));
    assert!(text.contains("a second       31,200"), "four seconds of it were counted: {text}");
    let wanted = "mean 1.90 ms   p50 1.90 ms   p99 5.70 ms   p99.9 13 ms   max 38 ms";
    assert!(text.contains(wanted), "{text}");
    // What could not be told is a gap, and not zero.
    let (mut silent, _) = begun();
    let BenchTold::Live(told) = live(1, Phase::Connecting) else { panic!("live") };
    let none = Live { trip: None, transaction: None, span: Duration::ZERO, ..(*told).clone() };
    send(&mut silent, Msg::Bench(BenchTold::Live(Arc::new(none))));
    let text = screen(&silent, (140, 40));
    assert!(text.contains("a second –") && text.contains("p99 –") && text.contains("connecting"), "{text}");
    // The run goes on while something else is looked at, and is found again.
    let mut model = running();
    go(&mut model, "esc");
    assert_eq!(top(&model), "");
    go(&mut model, "b");
    assert!(matches!(model.overlays.last(), Some(Overlay::Load { .. })));
    assert_eq!(press(&mut model, "n"), []);
    assert_eq!(said(&model), "load.another: it goes on; stop it first");
    assert_eq!(press(&mut model, "x"), [Effect::BenchStop]);
    assert!(screen(&model, (140, 40)).contains("stopping: keys are removed"));
    assert_eq!(press(&mut model, "x"), []);
    assert_eq!(said(&model), "load.stop: it is being stopped; keys are removed");
    // Whoever leaves is told of it first.
    go(&mut model, "esc q");
    assert!(screen(&model, (140, 40)).contains("not answered yet: the benchmark"));
}

#[test]
fn what_came_of_a_run_stays_until_the_next() {
    let mut model = ended();
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        compare(&format!("redis-bench-ended-{}x{}.txt", size.0, size.1), &text);
        for wanted in [
            "10 s of 10 s, ended",
            "a second 26,000",
            "least 24,000, most 24,960",
            "2,100 (0.8 % of what was decided)",
            "CLUSTERDOWN",
            "2 times",
        ] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
    }
    let text = screen(&model, (140, 60));
    for wanted in ["EXEC", "committed", "removed", "9,999", "a thread of firn was busy 97 %"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    let [Effect::Copy(all)] = &press(&mut model, "y")[..] else { panic!("nothing is copied") };
    assert!(all.starts_with("benchmark get_set of 10.99.0.1:19101\n") && all.contains("  commits: 260,000"), "{all}");
    go(&mut model, "n");
    assert_eq!(top(&model), "bench");
}

#[test]
fn what_went_wrong_with_a_run_is_said() {
    // Keys that are left, and an invariant that is broken.
    let (mut model, ticket) = begun();
    let mut broken = outcome();
    broken.left = vec![Left {
        host: addr(19_101),
        keys: 40,
        why: "connection refused".to_owned(),
        command: "redis-cli -h 10.99.0.1 -p 19101 --scan".to_owned(),
    }];
    broken.invariant = Some(Verdict {
        accounts: 100,
        transfers: 900,
        sum_expected: 10_000,
        sum_found: Some(9_990),
        lost_updates: 3,
        foreign_updates: 4,
        settled: 0,
        wrong: vec![Wrong {
            key: "firn-bench:0a1b2c3d:{b00000}:a00007".to_owned(),
            host: "10.99.0.1:19101".to_owned(),
            commits: 9,
            changes: Some(8),
            expected: 990,
            found: Some(980),
        }],
        wrong_accounts: 2,
        lost: vec![Lost { key: "firn-bench:0a1b2c3d:{b00000}:a00007".to_owned(), change: 5, client: 3 }],
        unknown: None,
    });
    send(&mut model, Msg::Bench(BenchTold::Ended(Arc::new(broken.clone()))));
    send(&mut model, Msg::Reply(Reply::Done(ticket, Ok("ended".to_owned()))));
    // Whoever asked for the check sees what it says without scrolling.
    let text = screen(&model, (80, 24));
    for wanted in [
        "10 s of 10 s, ended; invariant BROKEN",
        "lost updates          3",
        "foreign updates       4",
        "wrong accounts        2",
    ] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    let (_, report) = paint(&model, (140, 70));
    model.drawn(report);
    let text = screen(&model, (140, 70));
    for wanted in [
        "BROKEN",
        "9990 of 10000",
        "a00007: change 5 was committed twice; the second by client 3",
        "a00007 at 10.99.0.1:19101: holds 980, its transfers make 990; 9 committed, changed 8 times",
        "and 1 more accounts",
        "100 requests were unanswered at the end, the oldest for 0.410 ms",
        "40 may be left: connection refused",
        "--scan",
    ] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    if let Some(verdict) = &mut broken.invariant {
        verdict.unknown = Some("10.99.0.1:19102 was not read".to_owned());
    }
    send(&mut model, Msg::Bench(BenchTold::Ended(Arc::new(broken))));
    assert!(screen(&model, (140, 70)).contains("not known: 10.99.0.1:19102 was not read"));
    // Nothing came of it.
    let (mut model, ticket) = begun();
    send(&mut model, Msg::Reply(Reply::Done(ticket, Err("10.99.0.1:19101: connection refused".to_owned()))));
    assert!(screen(&model, (80, 24)).contains("nothing came of it: 10.99.0.1:19101: connection refused"));
    assert!(!model.redis.bench.is_running() && model.under_way.is_empty());
    assert_eq!(model.flash.as_ref().map(|flash| flash.severity), Some(Severity::Critical));
}
