//! What a look changes in the state, and what it does not.

use firn::base::Severity;
use firn::delay::judge::{Asked, Asker, told};
use firn::delay::limits::Limits;
use firn::delay::observe::observe;
use firn::delay::seen::{Look, Position, Seen, Status};
use firn::delay::state::State;

use super::kit::{at, fine};
use super::plays;

fn look(state: &mut State, second: i64, change: impl FnOnce(&mut Seen)) {
    let mut seen = fine(second);
    change(&mut seen);
    observe(state, &Look { at: at(second), seen: Ok(seen) }, &Limits::default());
}

fn status(seen: &mut Seen, change: impl FnOnce(&mut Status)) {
    change(seen.status.as_mut().unwrap());
}

/// Positions that stand; the GTIDs are told.
fn standing(seen: &mut Seen, received: &str, executed: &str) {
    let stand = |file: &str, at| Some(Position { file: file.to_owned(), at });
    status(seen, |status| {
        (status.received, status.relay) = (stand("bin.000001", 4), stand("relay.000001", 4));
        (status.received_gtid, status.executed_gtid) = (Some(received.to_owned()), Some(executed.to_owned()));
    });
}

#[test]
fn gtids_count_only_where_positions_say_nothing() {
    let mut state = State::default();
    look(&mut state, 0, |seen| standing(seen, "a:1-10", "a:1-8"));
    // A write on the replica itself is among the GTIDs executed: what stands, stands.
    look(&mut state, 10, |seen| standing(seen, "a:1-11", "a:1-8,b:1"));
    assert_eq!(state.received.as_ref().unwrap().since, at(0));
    assert_eq!(state.executed.as_ref().unwrap().since, at(0));
    // GTID_ONLY: the file is INVALID, the byte 0.
    let only = |seen: &mut Seen, gtid: &str| {
        standing(seen, gtid, gtid);
        let none = || Some(Position { file: "INVALID".to_owned(), at: 0 });
        status(seen, |status| (status.received, status.relay, status.executed) = (none(), none(), none()));
    };
    look(&mut state, 20, |seen| only(seen, "a:1-12"));
    look(&mut state, 30, |seen| only(seen, "a:1-13"));
    look(&mut state, 40, |seen| only(seen, "a:1-13"));
    assert_eq!(state.received.as_ref().unwrap().since, at(30));
    assert_eq!(state.executed.as_ref().unwrap().since, at(30));
}

/// `performance_schema` knows when the newest transaction that was received was committed.
#[test]
fn what_was_received_lately_bounds_how_long_nothing_was() {
    let mut state = State::default();
    let queued = |seen: &mut Seen, age| {
        status(seen, |status| {
            (status.received, status.received_gtid, status.queued_age) = (None, None, Some(age));
        });
    };
    look(&mut state, 0, |seen| queued(seen, 5.0));
    assert_eq!(state.received.as_ref().unwrap().since, at(-5));
    // Nothing came: its age grows by the time that passes.
    look(&mut state, 60, |seen| queued(seen, 65.0));
    assert_eq!(state.received.as_ref().unwrap().since, at(-5));
    look(&mut state, 70, |seen| queued(seen, 1.0));
    assert_eq!(state.received.as_ref().unwrap().since, at(69));
    // A clock that is ahead does not reach into the future.
    look(&mut state, 80, |seen| queued(seen, -30.0));
    assert_eq!(state.received.as_ref().unwrap().since, at(80));
}

#[test]
fn a_look_that_failed_changes_nothing_else() {
    let mut state = State::default();
    look(&mut state, 0, |_| {});
    let before = state.clone();
    for (second, why) in [(10, "refused"), (20, "timed out")] {
        observe(&mut state, &Look { at: at(second), seen: Err(why.to_owned()) }, &Limits::default());
    }
    let expected = State { blind: Some((at(10), "timed out".to_owned())), looked: Some(at(20)), ..before };
    assert_eq!(state, expected);
    look(&mut state, 30, |_| {});
    assert_eq!(state.blind, None);
}

#[test]
fn what_is_not_told_does_not_make_it_another_server() {
    let mut state = State::default();
    look(&mut state, 0, |_| {});
    look(&mut state, 10, |seen| {
        (seen.server_id, seen.uptime) = (None, None);
        // A replica that has not reached its source yet shows 0.
        status(seen, |status| {
            (status.source_id, status.source_uuid, status.sql_delay) = (Some(0), Some(String::new()), None);
        });
    });
    look(&mut state, 20, |_| {});
    assert_eq!((state.began, state.began_why.as_deref()), (Some(at(0)), Some("the first look")));
    look(&mut state, 30, |seen| status(seen, |status| status.source_id = Some(9)));
    let why = "another source: server_id 1 became 9";
    assert_eq!((state.began, state.began_why.as_deref()), (Some(at(30)), Some(why)));
}

/// Started after it was last seen, and up for longer than it was then: an uptime that is greater does not tell.
#[test]
fn a_restart_in_a_long_gap_is_known_by_when_it_started() {
    let mut state = State::default();
    look(&mut state, 0, |seen| seen.uptime = Some(100));
    look(&mut state, 10_000, |seen| seen.uptime = Some(5000));
    assert_eq!(state.began_why.as_deref(), Some("the server restarted: up for 5000 s, before that for 100 s"));
    look(&mut state, 10_010, |seen| seen.uptime = Some(5010));
    assert_eq!(state.began, Some(at(10_000)));
}

/// The excursion of a server that is gone is not that of the one in its place; the history of verdicts is kept.
#[test]
fn another_server_begins_without_the_excursion_of_the_one_before() {
    let play = plays::all().into_iter().find(|play| play.name == "a collapse").unwrap();
    let mut replay = play.replay();
    for step in &play.steps {
        if let super::kit::Step::Look(look) = step {
            replay.step(look);
        }
    }
    let mut state = replay.state().clone();
    assert!(state.out_since.is_some());
    look(&mut state, 700, |seen| seen.server_id = Some(3));
    assert_eq!((state.out_since, state.began), (None, Some(at(700))));
    assert!(!state.turns.is_empty() && state.last.is_some());
}

/// Who reads is told what the worker said, word for word, or why it cannot be relied on.
#[test]
fn who_reads_is_told_what_the_worker_said() {
    for play in plays::all().iter().filter(|play| play.limits.check().is_empty()) {
        let mut replay = play.replay();
        for step in &play.steps {
            let super::kit::Step::Look(look) = step else { continue };
            let said = replay.step(look);
            let asked = |second| Asked { asker: Asker::Reader(Ok(Some(second))), local: true, primary: true };
            let read = told(replay.state(), &[], &asked(look.at), &play.limits, look.at);
            assert_eq!((&read.text, read.severity, read.rule), (&said.text, said.severity, said.rule), "{}", play.name);
            let late = look.at.plus(play.limits.max_last_seen * 2);
            let read = told(replay.state(), &[], &asked(look.at), &play.limits, late);
            assert_eq!((read.severity, read.rule.0), (Severity::Critical, 2), "{}", play.name);
        }
    }
}
