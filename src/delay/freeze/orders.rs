//! What operators order: a freeze asked for again, run up to a place, resumed, let go of; recovery steps. Pure: the record
//! and the order become the next record, or why not now.

use super::arrival::{self, Applied};
use super::line::Line;
use super::machine::{Happened, Next, spot_words};
use super::record::{Asked, By, Phase, Record, shown};
use super::statement::{Spot, Statement};
use super::steps::{LossInput, Step};
use crate::base::units::Span;
use crate::base::{Money, Time};

/// An order that cannot be given now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// A freeze that is over.
    #[error("the freeze of {0} is over; ask for a new one: firn delay freeze")]
    Over(String),
    /// What was promoted is no replica any more.
    #[error("{0} was promoted: nothing is started on it; end the freeze with: firn delay resume {0} --no-start")]
    Promoted(String),
    /// Only a replica that is proven to stand is let run up to a place.
    #[error("{replica} is not proven to stand ({phase}); wait until it is frozen, then let it run up to a place")]
    NotFrozen {
        /// The replica.
        replica: String,
        /// Where the freeze has got to.
        phase: &'static str,
    },
    /// The place lies behind.
    #[error("{replica} cannot run up to {place}: {why}")]
    Behind {
        /// The replica.
        replica: String,
        /// The place.
        place: String,
        /// Why.
        why: String,
    },
}

/// A freeze asked for again while one is open: it begins anew, whatever it was at. What is known of the statement is
/// kept unless more is said now.
pub fn ask_again(record: &Record, asked: Asked, now: Time) -> Result<Next, NotNow> {
    if record.is_over() {
        return Err(NotNow::Over(record.replica.clone()));
    }
    let mut next = Next::of(record);
    let kept = &mut next.record;
    kept.statement.time = asked.statement.time.or(kept.statement.time);
    kept.statement.spot = asked.statement.spot.or(kept.statement.spot.take());
    if let Some(degraded) = asked.degraded {
        kept.degraded = degraded.min(now);
    }
    kept.loss = asked.loss.or(kept.loss.take());
    kept.facts = asked.facts.or(kept.facts.take());
    kept.gap = asked.gap;
    kept.external = asked.external;
    let words = kept.statement.words();
    let detail = format!("freeze asked for again by {}; statement: {words}", shown(&asked.who));
    if matches!(next.record.phase, Phase::Advancing | Phase::Resuming | Phase::Released) {
        next.record.resume = None;
        next.record.until = None;
        next.record.by_hand = false;
        next.record.started = false;
        next.record.stopped = false;
        next.record.first = None;
        next.enter(Phase::Asked, now);
    }
    next.happen(now, "freeze.asked", detail, "done");
    Ok(next)
}

/// Lets a frozen replica run up to a place and no further: the SQL thread alone.
pub fn ask_until(record: &Record, until: Spot, who: &str, line: &Line, now: Time) -> Result<Next, NotNow> {
    if record.is_over() {
        return Err(NotNow::Over(record.replica.clone()));
    }
    if record.phase != Phase::Frozen {
        return Err(NotNow::NotFrozen { replica: record.replica.clone(), phase: record.phase.word() });
    }
    let statement = Statement { time: None, spot: Some(until.clone()) };
    let said = arrival::answer(&statement, line, now);
    if said.applied != Applied::NotYet {
        return Err(NotNow::Behind { replica: record.replica.clone(), place: spot_words(&until), why: said.why });
    }
    let mut next = Next::of(record);
    let detail = format!("{} lets the SQL thread run up to {}, and no further", shown(who), spot_words(&until));
    next.record.resume = Some(By { at: now, who: who.to_owned() });
    next.record.until = Some(until);
    next.record.started = false;
    next.record.first = None;
    next.record.proof = None;
    next.enter(Phase::Advancing, now);
    next.happen(now, "freeze.until", detail, "done");
    Ok(next)
}

/// Lets the replica go on for good.
pub fn ask_resume(record: &Record, who: &str, now: Time) -> Result<Next, NotNow> {
    if record.is_over() {
        return Err(NotNow::Over(record.replica.clone()));
    }
    if record.ticked(Step::Promoted).is_some() {
        return Err(NotNow::Promoted(record.replica.clone()));
    }
    let mut next = Next::of(record);
    next.record.resume = Some(By { at: now, who: who.to_owned() });
    next.record.left_at.clone_from(&record.last);
    // A thread that was let run up to a place still stops there: it is stopped before it is started for good.
    if !matches!(next.record.phase, Phase::Advancing | Phase::Resuming) {
        next.record.until = None;
    }
    next.record.started = false;
    next.record.first = None;
    next.record.proof = None;
    next.enter(Phase::Resuming, now);
    next.happen(now, "freeze.resume", format!("resume asked for by {}", shown(who)), "done");
    Ok(next)
}

/// Whether a promotion that is taken back stops the replica: it was let go of for that alone, not into somebody's hands.
pub fn stops(record: &Record) -> bool {
    record.phase == Phase::Released && record.ticked(Step::Promoted).is_some() && !record.by_hand
}

/// Ticks a recovery step, or takes the tick back. Of a replica that was promoted nothing is watched any more; one whose
/// promotion is taken back is stopped and proven anew.
pub fn tick(record: &Record, step: Step, done: bool, who: &str, at: Time, now: Time) -> Result<Next, NotNow> {
    if record.is_over() {
        return Err(NotNow::Over(record.replica.clone()));
    }
    let mut next = Next::of(record);
    let changed = if done { next.record.tick(step, at, who) } else { next.record.untick(step, now, who) };
    if !changed {
        return Ok(next);
    }
    let detail = format!("{}{}", if done { "step done: " } else { "step taken back: " }, step.words());
    next.happened.push(Happened { what: "freeze.step", detail, outcome: "done".to_owned() });
    if step == Step::Promoted && (done || stops(record)) {
        next.record.first = None;
        next.record.proof = None;
        next.record.stopped = false;
        next.enter(if done { Phase::Released } else { Phase::Asked }, now);
    }
    Ok(next)
}

/// Says what the loss is computed from.
pub fn set_loss(record: &Record, input: LossInput, who: &str, now: Time) -> Result<Next, NotNow> {
    if record.is_over() {
        return Err(NotNow::Over(record.replica.clone()));
    }
    let mut next = Next::of(record);
    let value = Money::from_nanos(input.value_nanos);
    let detail = format!(
        "{}: an hour is worth {value}, exposure {}, rebuilt in {}",
        shown(who),
        input.exposure_words(),
        Span(input.rebuild)
    );
    next.record.loss = Some(input);
    next.happen(now, "freeze.loss", detail, "done");
    Ok(next)
}

/// Ends the freeze and starts nothing: the replica has been promoted, or somebody else goes on with it.
pub fn ask_release(record: &Record, who: &str, now: Time) -> Result<Next, NotNow> {
    if record.is_over() {
        return Err(NotNow::Over(record.replica.clone()));
    }
    let mut next = Next::of(record);
    next.record.resume = Some(By { at: now, who: who.to_owned() });
    next.record.proof = None;
    next.enter(Phase::Resumed, now);
    let detail = format!("{} ended the freeze; nothing was started", shown(who));
    next.happen(now, "freeze.ended", detail, "done");
    Ok(next)
}

/// Lets somebody go on by hand: nothing is watched or touched, and the freeze stays open for its recovery steps.
pub fn ask_by_hand(record: &Record, who: &str, now: Time) -> Result<Next, NotNow> {
    if record.is_over() {
        return Err(NotNow::Over(record.replica.clone()));
    }
    let mut next = Next::of(record);
    next.record.first = None;
    next.record.proof = None;
    next.record.stopped = false;
    next.record.by_hand = true;
    next.enter(Phase::Released, now);
    next.happen(now, "freeze.released", format!("{} goes on by hand; nothing is watched", shown(who)), "done");
    Ok(next)
}
