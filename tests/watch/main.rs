//! The worker of delayed replicas: who looks at what, when, and what is left when somebody hangs, dies or comes back.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod kit;
mod left;
mod memory;
mod often;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use firn::base::Severity;
use firn::delay::limits::Limits;
use firn::delay::seen::Seen;

use crate::kit::{Acted, Does, Stage, behind};

const OK: (Severity, u8) = (Severity::Ok, 16);

fn fine() -> Acted {
    Acted::new(Does::Answers(vec![behind(7200.0, "")]))
}

#[test]
fn each_server_is_looked_at_on_its_interval_and_becomes_a_verdict() {
    let stage = Stage::new();
    let (quick, slow) = (fine(), fine());
    let often = Limits { interval: std::time::Duration::from_secs(5), ..Limits::default() };
    let _process = stage.process("alpha", &[quick.target("quick", often), slow.target("slow", Limits::default())]);
    stage.pass(901);
    assert_eq!((stage.verdict("quick"), stage.verdict("slow")), (OK, OK));
    // One look at once, then one an interval.
    assert_eq!((quick.looks(), slow.looks()), (181, 91));
    let samples = stage.samples("slow");
    assert_eq!(samples.len(), 91);
    assert!(samples.iter().all(|(_, delay)| *delay == Some(7_200_000_000)), "{samples:?}");
    for pair in samples.windows(2) {
        assert_eq!(pair[1].0 - pair[0].0, 10, "{samples:?}");
    }
    // Nothing is wrong, and nobody is told anything.
    assert_eq!(stage.ask(stage.store.notices()).unwrap(), []);
}

#[test]
fn one_that_hangs_delays_no_other_and_is_told_to_be_unseen() {
    let stage = Stage::new();
    let hangs = Acted::new(Does::Hangs);
    let others: Vec<Acted> = (0..20).map(|_| fine()).collect();
    let mut targets = vec![hangs.target("hangs", Limits::default())];
    targets.extend(others.iter().enumerate().map(|(n, one)| one.target(&format!("db{n}"), Limits::default())));
    let _process = stage.process("alpha", &targets);
    stage.pass(901);
    for (n, one) in others.iter().enumerate() {
        assert_eq!(one.looks(), 91, "db{n}");
        assert_eq!(stage.verdict(&format!("db{n}")), OK);
    }
    assert_eq!(stage.verdict("hangs"), (Severity::Critical, 3));
    let notices = stage.ask(stage.store.notices()).unwrap();
    let found: Vec<_> = notices.iter().map(|row| (row.rule.as_str(), row.object.as_str(), row.severity)).collect();
    assert_eq!(found, [("delay.replica", "hangs", Severity::Critical)]);
    assert!(notices[0].value.contains("the look at it has not come to an end"), "{}", notices[0].value);
}

#[test]
fn a_look_that_falls_over_is_begun_anew() {
    let stage = Stage::new();
    let one = Acted::new(Does::Panics);
    let _process = stage.process("alpha", &[one.target("db1", Limits::default())]);
    stage.pass(121);
    let row = stage.judged("db1");
    assert_eq!((row.severity, row.rule), (Severity::Critical, 3));
    assert!(row.text.contains("the look fell over"), "{}", row.text);
    one.now(Does::Answers(vec![behind(7200.0, "")]));
    stage.pass(900);
    assert_eq!(stage.verdict("db1"), OK);
}

#[test]
fn one_process_judges_and_another_goes_on_where_it_died() {
    let stage = Stage::new();
    let one = fine();
    let targets = [one.target("db1", Limits::default())];
    let first = stage.process("alpha", &targets);
    stage.pass(700);
    let second = stage.process("beta", &targets);
    stage.pass(300);
    // Only one of them looks.
    assert_eq!(one.looks(), 101);
    one.now(Does::Answers(vec![behind(20_000.0, "")]));
    stage.pass(600);
    let before = stage.state("db1");
    assert_eq!(stage.verdict("db1"), (Severity::Critical, 22));
    let since = before.out_since.unwrap();
    first.kill();
    // Its lease runs out; until then nobody may say that all is well.
    stage.pass(200);
    let row = stage.judged("db1");
    assert_eq!((row.severity, row.rule, row.writer.process), (Severity::Critical, 22, Some(("beta".to_owned(), 1))));
    let after = stage.state("db1");
    assert_eq!((after.out_since, after.turns), (Some(since), before.turns));
    // In good order the next one goes on at once.
    second.stop();
    stage.pass(1);
    let third = stage.process("gamma", &targets);
    stage.pass(10);
    let row = stage.judged("db1");
    assert_eq!((row.rule, row.writer.process), (22, Some(("gamma".to_owned(), 1))));
    assert_eq!(stage.state("db1").out_since, Some(since));
    drop(third);
}

#[test]
fn an_answer_that_is_wrong_once_is_a_gap_and_nothing_becomes_well_by_it() {
    let stage = Stage::new();
    let one = Acted::new(Does::Answers(vec![behind(20_000.0, "")]));
    let _process = stage.process("alpha", &[one.target("db1", Limits::default())]);
    stage.pass(901);
    assert_eq!(stage.verdict("db1"), (Severity::Critical, 22));
    let wrong = [
        Does::Fails("SHOW REPLICA STATUS: error 1227"),
        Does::Answers(Vec::new()),
        Does::Answers(vec![Seen { delay: None, ..behind(0.0, "") }]),
        Does::Answers(vec![behind(f64::NAN, "")]),
        Does::Answers(vec![behind(f64::NEG_INFINITY, "")]),
    ];
    for does in wrong {
        one.now(does.clone());
        stage.pass(10);
        assert_eq!(stage.judged("db1").severity, Severity::Critical, "{does:?}");
        assert_eq!(stage.samples("db1").last().unwrap().1, None, "{does:?}: a gap stays a gap");
        one.now(Does::Answers(vec![behind(20_000.0, "")]));
        stage.pass(10);
        assert_eq!(stage.judged("db1").severity, Severity::Critical, "after {does:?}");
    }
}

/// Where the source took longer to answer than the replica did.
#[test]
fn a_look_counts_for_the_moment_at_which_the_replica_was_seen() {
    let stage = Stage::new();
    let one = Acted::new(Does::Answers(vec![behind(7200.0, "")]));
    let _process = stage.process("alpha", &[one.target("db1", Limits::default())]);
    stage.pass(105);
    let before = stage.judged("db1").at;
    one.now(Does::Answers(vec![Seen { ago: Duration::from_secs(4), ..behind(7200.0, "") }]));
    stage.pass(10);
    assert_eq!(stage.judged("db1").at.since(before), Duration::from_secs(6));
}

#[test]
fn channels_are_judged_each_by_itself() {
    let stage = Stage::new();
    let one = Acted::new(Does::Answers(vec![behind(7200.0, "a"), behind(30_000.0, "b")]));
    let _process = stage.process("alpha", &[one.target("db1", Limits::default())]);
    stage.pass(900);
    assert_eq!((stage.verdict("db1/a"), stage.verdict("db1/b")), (OK, (Severity::Critical, 22)));
    assert!(stage.ask(stage.store.judged_one("db1".to_owned())).unwrap().is_none());
    // One that is not there any more is no replica; the other is as it was.
    one.now(Does::Answers(vec![behind(7200.0, "a")]));
    stage.pass(20);
    assert_eq!((stage.verdict("db1/a"), stage.verdict("db1/b")), (OK, (Severity::Critical, 4)));
    // A look that fails is missing for each of them.
    one.now(Does::Fails("error 2003"));
    stage.pass(100);
    assert_eq!((stage.verdict("db1/a").1, stage.verdict("db1/b").1), (3, 3));
}

#[test]
fn what_is_wrong_is_told_and_taken_back() {
    let stage = Stage::new();
    let one = fine();
    let _process = stage.process("alpha", &[one.target("db1", Limits::default())]);
    stage.pass(100);
    // The window fills: unknown, and nobody is told.
    assert_eq!(stage.verdict("db1"), (Severity::Unknown, 15));
    assert_eq!(stage.ask(stage.store.notices()).unwrap(), []);
    stage.pass(800);
    let mut stopped = behind(7200.0, "");
    if let Some(status) = &mut stopped.status {
        (status.sql, status.sql_errno) = (Some(false), Some(1062));
        status.sql_error = Some("Duplicate entry '7'\u{1b}[31m for key".to_owned());
    }
    one.now(Does::Answers(vec![stopped]));
    stage.pass(20);
    let notices = stage.ask(stage.store.notices()).unwrap();
    assert_eq!(notices.len(), 1);
    let row = &notices[0];
    assert_eq!((row.rule.as_str(), row.object.as_str(), row.severity), ("delay.replica", "db1", Severity::Critical));
    assert!(row.value.contains("1062") && !row.value.contains('\u{1b}'), "{}", row.value);
    assert!(row.next_step.contains("START REPLICA SQL_THREAD"), "{}", row.next_step);
    one.now(Does::Answers(vec![behind(7200.0, "")]));
    stage.pass(20);
    assert_eq!(stage.ask(stage.store.notices()).unwrap(), []);
    assert_eq!(stage.age(), 940);
}
