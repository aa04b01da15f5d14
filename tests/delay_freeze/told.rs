//! What is told of a freeze: checklist, loss, the finding.

use std::time::Duration;

use firn::base::{Money, Severity, Time};
use firn::delay::freeze::keeper::finding;
use firn::delay::freeze::record::{Phase, Record};
use firn::delay::freeze::steps::{LossInput, Step, checklist, elapsed, loss};

use super::machine::asked;

const NOW: Time = Time::from_secs(1_795_435_200);

fn minutes(minutes: u64) -> Time {
    NOW.plus(Duration::from_mins(minutes))
}

#[test]
fn the_checklist_of_the_post_with_who_and_when() {
    let mut record = Record::new(asked(), NOW);
    assert!(record.tick(Step::Stopped, minutes(7), "firn"));
    assert!(record.tick(Step::Removed, minutes(31), "anna\u{1b}[2J on db1"));
    assert!(!record.tick(Step::Removed, minutes(40), "bert"), "who did it first stays");
    let lines: Vec<String> = checklist(&record).iter().map(firn::delay::freeze::steps::Line::words).collect();
    assert_eq!(
        lines,
        [
            "[x] T+0   degraded  service degraded; investigation into the cause begins (T+0:00, anna on db1)",
            "[x] T+5   stopped   cause determined; all replication to the delayed replica stopped, IO thread and SQL thread (T+7:00, firn)",
            "[x] T+35  removed   the pending transaction removed from the relay log, or the relay log reset, as consistency demands (T+31:00, anna\\x1b[2J on db1)",
            "[ ] T+40  promoted  the delayed replica promoted to primary",
            "[ ] T+50  validated validated that the system is functional",
            "[ ]       declared  service recovery declared",
            "[ ]       demoted   the demoted primary recovered to a consistent state",
        ]
    );
    assert!(record.untick(Step::Removed, minutes(41), "bert") && record.ticked(Step::Removed).is_none());
}

#[test]
fn the_loss_of_the_post_stops_when_recovery_is_declared() {
    let mut asked = asked();
    asked.loss = Some(LossInput::parse("10000", "100", Duration::from_hours(20)).unwrap());
    let mut record = Record::new(asked, NOW);
    let so_far = loss(&record, minutes(30)).unwrap().unwrap();
    assert_eq!((so_far.with, so_far.without), (Money::from_cents(500_000), Money::from_cents(20_000_000)));
    assert_eq!(so_far.words()[1], "loss with it so far: $10,000.00 an hour × 0.5 h × 100 % = $5,000.00");
    record.tick(Step::Declared, minutes(50), "anna");
    assert_eq!(elapsed(&record, minutes(500)), Duration::from_mins(50));
    let whole = loss(&record, minutes(500)).unwrap().unwrap();
    assert_eq!(
        whole.words(),
        [
            "loss without the delayed replica (rebuilt from a backup): $10,000.00 an hour × 20 h × 100 % = $200,000.00",
            "loss with it: $10,000.00 an hour × 0.833 h × 100 % = $8,333.34",
            "saved: $191,666.67",
        ]
    );
    assert_eq!(loss(&Record::new(super::machine::asked(), NOW), NOW), None, "nobody has said what an hour is worth");
}

#[test]
fn the_finding_is_critical_until_it_is_proven_to_stand() {
    let mut record = Record::new(asked(), NOW);
    let found = finding(&record, NOW);
    assert_eq!((found.severity, found.value.as_str()), (Severity::Critical, "to be frozen; nothing is stopped yet"));
    record.phase = Phase::Resuming;
    assert_eq!(finding(&record, NOW).severity, Severity::Warning);
    record.phase = Phase::Proving;
    record.restarts = 3;
    assert!(finding(&record, NOW).next_step.starts_with("find what starts the replica"));
}
