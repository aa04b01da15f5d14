//! What is left behind: replicas and channels that are no more, verdicts that cannot be stored.

use firn::base::Severity::{Critical, Ok as Well};
use firn::delay::limits::Limits;
use firn::store::{Forget, Forgotten, NoticeRow};

use crate::kit::{Acted, Does, Stage, behind};

fn forget(stage: &Stage, name: &str) -> Forgotten {
    stage.ask(stage.store.delay_forget(Forget::Replica(name.to_owned()), "me".to_owned())).unwrap()
}

fn notices(stage: &Stage) -> Vec<NoticeRow> {
    stage.ask(stage.store.notices()).unwrap()
}

fn names(stage: &Stage) -> Vec<String> {
    stage.ask(stage.store.judged(None)).unwrap().into_iter().map(|row| row.replica).collect()
}

#[test]
fn a_finding_that_nobody_looks_after_says_so_until_its_replica_is_forgotten() {
    let stage = Stage::new();
    let late = Acted::new(Does::Answers(vec![behind(30_000.0, "")]));
    let fine = Acted::new(Does::Answers(vec![behind(7200.0, "")]));
    let first = stage.process("alpha", &[late.target("old", Limits::default())]);
    let _second = stage.process("beta", &[fine.target("db2", Limits::default())]);
    stage.pass(900);
    let before = notices(&stage);
    assert_eq!((before.len(), before[0].object.as_str(), before[0].severity), (1, "old", Critical));
    // As long as somebody watches it nobody else says anything of it, nor is it forgotten.
    stage.pass(4000);
    assert_eq!(forget(&stage, "old"), Forgotten::Worked("alpha".to_owned(), 1));
    assert!(notices(&stage)[0].value.starts_with("Replication delay "), "{:?}", notices(&stage));
    first.stop();
    // Soon after, whoever watched it may be back.
    stage.pass(3000);
    assert!(notices(&stage)[0].value.starts_with("Replication delay "), "{:?}", notices(&stage));
    stage.pass(1500);
    let after = notices(&stage);
    assert_eq!((after.len(), after[0].object.as_str(), after[0].severity), (1, "old", Critical));
    assert_eq!(after[0].since, before[0].since);
    assert!(after[0].value.starts_with("nobody watches it any more; before: Replication delay "), "{}", after[0].value);
    assert!(after[0].next_step.ends_with("firn delay forget old"), "{}", after[0].next_step);
    // It is said once, not within itself.
    stage.pass(9000);
    assert_eq!(notices(&stage)[0].value, after[0].value);
    assert_eq!(forget(&stage, "old"), Forgotten::Done { verdicts: 1, findings: 1 });
    assert_eq!((notices(&stage), names(&stage)), (vec![], vec!["db2".to_owned()]));
    assert_eq!(forget(&stage, "old"), Forgotten::Nothing);
    let event = stage.ask(stage.store.events(None, 1)).unwrap().remove(0).event;
    assert_eq!((event.what.as_str(), event.object.as_str(), event.who.as_str()), ("replica.forget", "old", "me"));
    assert_eq!(event.detail, "1 verdicts and 1 open findings were forgotten");
    stage.pass(9000);
    assert_eq!((notices(&stage), names(&stage)), (vec![], vec!["db2".to_owned()]));
}

#[test]
fn a_channel_that_is_gone_is_forgotten_while_its_server_is_watched_and_one_that_is_there_is_judged_anew() {
    let stage = Stage::new();
    let one = Acted::new(Does::Answers(vec![behind(7200.0, "a"), behind(7200.0, "b"), behind(7200.0, "b0")]));
    let _process = stage.process("alpha", &[one.target("db1", Limits::default())]);
    stage.pass(900);
    one.now(Does::Answers(vec![behind(7200.0, "a"), behind(7200.0, "b0")]));
    stage.pass(20);
    assert_eq!(stage.verdict("db1/b"), (Critical, 4));
    assert_eq!(notices(&stage).iter().map(|row| row.object.as_str()).collect::<Vec<_>>(), ["db1/b"]);
    assert_eq!(forget(&stage, "db1/b"), Forgotten::Done { verdicts: 1, findings: 1 });
    stage.pass(20);
    assert_eq!((notices(&stage), names(&stage)), (vec![], vec!["db1/a".to_owned(), "db1/b0".to_owned()]));
    assert_eq!(forget(&stage, "db1/b"), Forgotten::Nothing);
    // One that is still there begins anew; the other is as it was.
    assert_eq!(forget(&stage, "db1/a"), Forgotten::Done { verdicts: 1, findings: 0 });
    stage.pass(30);
    assert_eq!((stage.verdict("db1/a").1, stage.verdict("db1/b0")), (15, (Well, 16)));
}

#[test]
fn channels_beside_the_one_that_is_named_now_are_forgotten() {
    let stage = Stage::new();
    let one = Acted::new(Does::Answers(vec![behind(7200.0, "a"), behind(30_000.0, "b")]));
    let first = stage.process("alpha", &[one.target("db1", Limits::default())]);
    stage.pass(900);
    first.stop();
    stage.pass(10);
    one.now(Does::Answers(vec![behind(7200.0, "a")]));
    let only = firn::delay::watch::Target { channel: Some("a".to_owned()), ..one.target("db1", Limits::default()) };
    let _second = stage.process("alpha", &[only]);
    stage.pass(60);
    assert_eq!((notices(&stage), names(&stage)), (vec![], vec!["db1/a".to_owned()]));
    assert_eq!(stage.verdict("db1/a"), (Well, 16), "it is not begun anew");
}

#[test]
fn a_whole_server_is_forgotten_with_its_channels_and_no_other() {
    let stage = Stage::new();
    let all = ["a", "b"].map(|channel| behind(30_000.0, channel));
    let (one, other) = (Acted::new(Does::Answers(all.to_vec())), Acted::new(Does::Answers(vec![behind(7200.0, "")])));
    let targets = [one.target("db1", Limits::default()), other.target("db10", Limits::default())];
    let process = stage.process("alpha", &targets);
    stage.pass(900);
    process.kill();
    // Its lease has to run out first.
    assert_eq!(forget(&stage, "db1"), Forgotten::Worked("alpha".to_owned(), 1));
    stage.pass(120);
    assert_eq!(forget(&stage, "db1"), Forgotten::Done { verdicts: 2, findings: 2 });
    assert_eq!(names(&stage), ["db10"]);
}

#[test]
fn a_verdict_that_cannot_be_stored_is_told() {
    let stage = Stage::new();
    let one = Acted::new(Does::Answers(vec![behind(7200.0, "")]));
    let _process = stage.process("alpha", &[one.target("db1", Limits::default())]);
    stage.pass(900);
    let mut long = behind(7200.0, "");
    if let Some(status) = &mut long.status {
        status.sql_error = Some("x".repeat(70_000));
    }
    one.now(Does::Answers(vec![long]));
    stage.pass(20);
    let seen = stage.judged("db1").at;
    stage.pass(30);
    let found = notices(&stage);
    assert_eq!((found.len(), found[0].rule.as_str(), found[0].severity), (1, "delay.unstored", Critical));
    assert!(found[0].value.starts_with("its verdict cannot be stored: its state takes 7"), "{}", found[0].value);
    assert!(found[0].value.contains(" bytes, and 65536 are possible"), "{}", found[0].value);
    assert_eq!(stage.judged("db1").at, seen, "what is shown is old");
    one.now(Does::Answers(vec![behind(7200.0, "")]));
    stage.pass(30);
    assert_eq!(notices(&stage), []);
}
