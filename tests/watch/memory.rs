//! What a screen has read before it does not read again, and shows what one that reads everything anew would.

use std::sync::Arc;

use firn::delay::gather::{Known, Memory, gather};
use firn::delay::limits::Limits;
use firn::delay::snapshot::DelaySnapshot;

use crate::kit::{Acted, Does, Stage, behind};

/// How all of them stand; the same as if it were read anew.
fn seen(stage: &Stage, memory: &mut Memory, known: &[Known]) -> DelaySnapshot {
    let shown = stage.ask(memory.gather(&*stage.store, known)).unwrap();
    assert_eq!(shown, stage.ask(gather(&*stage.store, known)).unwrap());
    shown
}

/// Of each line: whether its state is what was read before. What was written last may be read once more.
fn kept(before: &DelaySnapshot, now: &DelaySnapshot) -> Vec<bool> {
    before.replicas.iter().zip(&now.replicas).map(|(one, other)| Arc::ptr_eq(&one.state, &other.state)).collect()
}

#[test]
fn what_has_changed_is_read_and_what_is_forgotten_vanishes() {
    let stage = Stage::new();
    let (often, seldom) =
        (Limits::default(), Limits { interval: std::time::Duration::from_secs(30), ..Limits::default() });
    let channels = Acted::new(Does::Answers(vec![behind(7200.0, "one"), behind(7200.0, "two")]));
    let targets = [
        Acted::new(Does::Answers(vec![behind(7200.0, "")])).target("often", often.clone()),
        Acted::new(Does::Fails("no route")).target("seldom", seldom),
        channels.target("several", often),
    ];
    let known: Vec<Known> = targets.iter().map(Known::from).collect();
    let mut memory = Memory::default();
    assert!(seen(&stage, &mut memory, &known).replicas.iter().all(|line| line.judged.is_none()));

    let process = stage.process("alpha", &targets);
    stage.pass(45);
    let first = seen(&stage, &mut memory, &known);
    let names: Vec<&str> = first.replicas.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["often", "seldom", "several/one", "several/two"]);
    assert!(first.replicas.iter().all(|line| line.judged.is_some()));
    stage.pass(10);
    let second = seen(&stage, &mut memory, &known);
    assert_eq!(kept(&first, &second), [false, true, false, false]);

    process.stop();
    stage.pass(1);
    let third = seen(&stage, &mut memory, &known);
    // Too old to be told as it is: judged anew, from what was read.
    stage.pass(200);
    let fourth = seen(&stage, &mut memory, &known);
    assert!(kept(&third, &fourth)[1], "of the others some were the last to be written");
    assert!(fourth.replicas.iter().all(|line| line.verdict.as_ref().unwrap().rule.0 == 2), "{fourth:?}");

    let forgotten = ["often", "several/one"].map(str::to_owned).to_vec();
    assert_eq!(stage.ask(stage.store.judged_forget(forgotten)).unwrap(), 2);
    let fifth = seen(&stage, &mut memory, &known);
    let names: Vec<(&str, bool)> =
        fifth.replicas.iter().map(|line| (line.name.as_str(), line.judged.is_some())).collect();
    assert_eq!(names, [("often", false), ("seldom", true), ("several/two", true)]);
    let _process = stage.process("beta", &targets);
    stage.pass(35);
    let sixth = seen(&stage, &mut memory, &known);
    assert!(sixth.replicas.iter().all(|line| line.judged.as_ref().is_some_and(|(host, _)| host == "beta")));
    assert_eq!(sixth.replicas.len(), 4);
}
