//! When a statement reaches the replica, and whether it has been applied. Times of statements are the primary's, as its
//! heartbeats are.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::gtid::{Gtids, Holds};
use super::line::Line;
use super::place::{self, order};
use super::statement::{Spot, Statement};
use crate::base::Time;
use crate::base::units::Span;
use crate::delay::seen::{IoThread, Position};

/// Events carry whole seconds: one may be applied up to so much before its delay is over.
const WHOLE_SECOND: Duration = Duration::from_secs(1);

/// A heartbeat that has been applied says what was written until a second or two after it: the next one, which has not
/// been applied, is that far away, and both times are rounded.
const BEAT: Duration = Duration::from_secs(3);

/// A replica that applies slower than this (seconds of the primary a second) arrives nowhere.
const STILL: f64 = 0.01;

/// Whether the statement has been applied on the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// It has not.
    NotYet,
    /// It has.
    Already,
    /// What is known does not tell.
    CannotTell,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotYet => "not yet applied",
            Self::Already => "already applied",
            Self::CannotTell => "cannot tell",
        })
    }
}

/// The verdict for the statement, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The verdict.
    pub applied: Applied,
    /// Why, in words that are safe to show.
    pub why: String,
}

impl Answer {
    fn new(applied: Applied, why: impl Into<String>) -> Self {
        Self { applied, why: why.into() }
    }
}

/// When the statement reaches the replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Not before this, however fast the replica applies: the server holds it until then. Nothing: the server holds
    /// nothing back.
    pub not_before: Option<Time>,
    /// When it is expected by the trend; nothing while nothing is applied, or where the delay is not known.
    pub expected: Option<Time>,
    /// That in words, with what is left of the time.
    pub words: String,
}

/// Whether the statement has been applied, from what is known now.
pub fn answer(statement: &Statement, line: &Line, now: Time) -> Answer {
    match (&statement.spot, statement.time) {
        (Some(Spot::Position(at)), time) => {
            let said = by_position(at, line, now);
            match time.filter(|_| line.parallel && said.applied == Applied::CannotTell) {
                Some(time) => still_held(time, line, now).unwrap_or(said),
                None => said,
            }
        }
        (Some(Spot::Gtid(gtid)), _) => by_gtid(gtid, line, now),
        (None, Some(time)) => by_time(time, line, now),
        (None, None) => Answer::new(
            Applied::CannotTell,
            "no statement is named; give its time, its position in the source's log, or its GTID",
        ),
    }
}

/// A look that is too old to say anything of now, in words. Where both threads stood, the watch tells when that changes.
fn stale(at: Time, line: &Line, now: Time) -> Option<Answer> {
    let age = now.since(at);
    (age > line.fresh).then(|| {
        Answer::new(
            Applied::CannotTell,
            format!("the replica was last seen {} ago; it may have gone on since", Span(age)),
        )
    })
}

/// What a verdict from a position holds for.
fn as_of(line: &Line) -> String {
    if line.sight.sql == Some(false) {
        "and the SQL thread stands".to_owned()
    } else {
        format!("as of {}, while the SQL thread runs", line.sight.at)
    }
}

fn by_position(at: &Position, line: &Line, now: Time) -> Answer {
    if let Some(answer) = stale(line.sight.at, line, now) {
        return answer;
    }
    let sight = &line.sight;
    let in_relay_log = sight.relay.as_ref().filter(|relay| place::base(&relay.file) == place::base(&at.file));
    let in_source = sight.executed.position.as_ref().filter(|done| place::base(&done.file) == place::base(&at.file));
    let (done, log) = match (in_source, in_relay_log) {
        (Some(done), _) => (done, "the source's log"),
        (None, Some(relay)) => (relay, "the relay log"),
        (None, None) => {
            let known = [sight.executed.position.as_ref(), sight.relay.as_ref()];
            let known: Vec<String> = known.into_iter().flatten().map(place::word).collect();
            let why = if known.is_empty() {
                "the replica shows no positions (a channel of GTIDs alone); give the statement's GTID".to_owned()
            } else {
                format!(
                    "{} is in no log that this replica reads; it stands at {}: is it the log of this replica's source?",
                    place::word(at),
                    known.join(" (relay log: ") + if known.len() > 1 { ")" } else { "" }
                )
            };
            return Answer::new(Applied::CannotTell, why);
        }
    };
    let (asked, reached) = (place::word(at), place::word(done));
    match order(at, done) {
        Some(Ordering::Less) => {
            Answer::new(Applied::Already, format!("the replica has executed {log} up to {reached}, beyond {asked}"))
        }
        Some(Ordering::Equal) => Answer::new(
            Applied::CannotTell,
            format!(
                "the replica stands exactly at {reached}: a statement that begins there (\"# at\" of the binlog tool, in that log) has not been applied, one that ends there (end_log_pos) has"
            ),
        ),
        // Where it stands there are no gaps, unless it stands by an error.
        Some(Ordering::Greater) if line.parallel && (sight.sql != Some(false) || sight.sql_error.is_some()) => {
            Answer::new(
                Applied::CannotTell,
                format!(
                    "the replica applies by several workers: all up to {reached} has been executed, and of what comes after it, as {asked}, some may have been; give the statement's GTID"
                ),
            )
        }
        Some(Ordering::Greater) => beyond(at, line, in_source.is_some(), &reached),
        None => Answer::new(Applied::CannotTell, format!("{asked} and {reached} cannot be put in order")),
    }
}

/// A position after what has been executed: before or after what has been received?
fn beyond(at: &Position, line: &Line, in_source: bool, reached: &str) -> Answer {
    let received = line.sight.received.position.as_ref().filter(|_| in_source);
    let asked = place::word(at);
    match received.map(|received| (received, order(at, received))) {
        Some((received, Some(Ordering::Greater | Ordering::Equal))) if line.sight.io == Some(IoThread::Yes) => {
            Answer::new(
                Applied::CannotTell,
                format!(
                    "{asked} is beyond all that this replica has received ({}), though its IO thread runs; is it the log of this replica's source?",
                    place::word(received)
                ),
            )
        }
        Some((received, Some(Ordering::Greater | Ordering::Equal))) => Answer::new(
            Applied::NotYet,
            format!("not even received: the replica has received up to {}, {}", place::word(received), as_of(line)),
        ),
        _ => Answer::new(
            Applied::NotYet,
            format!("the replica has executed up to {reached}, before {asked}, {}", as_of(line)),
        ),
    }
}

fn by_gtid(gtid: &Gtids, line: &Line, now: Time) -> Answer {
    if let Some(answer) = stale(line.sight.at, line, now) {
        return answer;
    }
    let Some(text) = line.sight.executed.gtid.as_deref() else {
        let why = if line.sight.long_gtids {
            "the replica's executed GTIDs are too many to be kept here; ask the replica itself (SELECT GTID_SUBSET('GTID', @@gtid_executed)), or give the statement's position"
        } else {
            "the replica shows no executed GTIDs (or more than 16 KB of them); give the statement's position"
        };
        return Answer::new(Applied::CannotTell, why);
    };
    let executed: Gtids = match text.parse() {
        Ok(executed) => executed,
        Err(e) => return Answer::new(Applied::CannotTell, format!("the replica's executed GTIDs cannot be read: {e}")),
    };
    let received: Option<Gtids> = line.sight.received.gtid.as_deref().and_then(|text| text.parse().ok());
    let received = received.map(|received| received.holds(gtid));
    match executed.holds(gtid) {
        Holds::All => Answer::new(Applied::Already, format!("{gtid} is among the GTIDs that the replica has executed")),
        Holds::Some => Answer::new(
            Applied::CannotTell,
            format!("some of {gtid} has been executed and some has not; name the one transaction"),
        ),
        // Of a server that is new to the replica it may have received, and not yet executed, the first transactions.
        Holds::Stranger if !matches!(received, Some(Holds::All)) => Answer::new(
            Applied::CannotTell,
            format!(
                "the replica has executed nothing of the server or domain in {gtid}; is it written as it is in the log?"
            ),
        ),
        Holds::None | Holds::Stranger => {
            let got = if received == Some(Holds::All) { "has been received and " } else { "" };
            Answer::new(
                Applied::NotYet,
                format!("{gtid} {got}is not among the GTIDs that the replica has executed, {}", as_of(line)),
            )
        }
    }
}

/// What no worker has been given yet, as the server itself holds it back, whatever their order.
fn still_held(time: Time, line: &Line, now: Time) -> Option<Answer> {
    let clock = line.replica_clock().map_or(line.at, |clock| clock.max(line.at));
    let until = time.plus(line.held()?).minus(WHOLE_SECOND);
    (stale(line.at, line, now).is_none() && clock < until).then(|| {
        Answer::new(
            Applied::NotYet,
            format!("the server holds back what was written at {time} until {until}, as of {}", line.at),
        )
    })
}

/// By a time only "not yet" can be proven: a statement that began before a heartbeat may have been committed after it.
fn by_time(time: Time, line: &Line, now: Time) -> Answer {
    if let Some(answer) = stale(line.at, line, now) {
        return answer;
    }
    let Some(until) = line.applied_until() else {
        return Answer::new(
            Applied::CannotTell,
            "no heartbeat says how far the replica has got; give the statement's position or GTID",
        );
    };
    if until.plus(BEAT) >= time {
        let how = if until >= time {
            format!("{} after it: what had been committed by then has been applied", Span(until.since(time)))
        } else {
            "too close to it to tell".to_owned()
        };
        return Answer::new(
            Applied::CannotTell,
            format!(
                "the primary's heartbeat of {until} has been applied, {how}. A time names no statement: give its position or GTID"
            ),
        );
    }
    // While the server itself holds it back, the heartbeat need not be believed. It does by its own clock.
    let clock = line.replica_clock().map_or(line.at, |clock| clock.max(line.at));
    let held = line.held().is_some_and(|held| clock.plus(WHOLE_SECOND) < time.plus(held));
    if line.beat_stuck && !held {
        return Answer::new(
            Applied::CannotTell,
            format!(
                "the heartbeat stands at {until} though positions move: its writer is dead or its table filtered, so it does not say how far the replica has got"
            ),
        );
    }
    Answer::new(
        Applied::NotYet,
        format!(
            "the replica has applied what the primary wrote until {until}, {} before it, as of {}",
            Span(time.since(until)),
            line.at
        ),
    )
}

/// When a statement that began at `time` reaches the replica.
pub fn arrival(time: Time, line: &Line, now: Time) -> Arrival {
    let not_before = released(time, line).map(|at| at.minus(WHOLE_SECOND));
    let stands = line.frozen || (line.sight.sql == Some(false) && !line.external);
    let expected = if stands { None } else { expected(time, line) };
    let left = |at: Time| if at > now { format!("in {}", Span(at.since(now))) } else { "now".to_owned() };
    let words = match (stands, not_before, expected) {
        (true, Some(first), _) if first > now => {
            format!("not while the SQL thread stands; once it is started, not before {first} ({})", left(first))
        }
        (true, ..) if line.external => {
            "not while it is frozen; once it is resumed, when the delay tool lets it".to_owned()
        }
        (true, ..) => "not while the SQL thread stands; at once when it is started".to_owned(),
        (false, Some(first), Some(at)) if first > now => {
            format!("in {} at the earliest ({first}), expected about {at} ({})", Span(first.since(now)), left(at))
        }
        (false, Some(first), None) if first > now => format!("in {} at the earliest ({first})", Span(first.since(now))),
        (false, Some(_), Some(at)) if at > now => format!(
            "expected about {at} ({}); the server no longer holds it back, the replica is only behind",
            left(at)
        ),
        (false, None, Some(at)) if at > now => format!(
            "expected about {at} ({}); the server itself does not hold it back{}",
            left(at),
            if line.external { ", the delay tool does" } else { "" }
        ),
        (false, _, Some(_)) => "by now, as far as the trend tells".to_owned(),
        (false, Some(_), None) => "at any moment: the server no longer holds it back".to_owned(),
        (false, None, None) => "nobody can tell: neither a delay of the server nor a heartbeat is known".to_owned(),
    };
    Arrival { not_before, expected, words }
}

/// When the server lets it go, by the clock of the state. A replica whose clock is ahead of that lets it go sooner.
fn released(time: Time, line: &Line) -> Option<Time> {
    let ahead = line.replica_clock().map_or(Duration::ZERO, |clock| clock.since(line.at));
    line.held().map(|held| time.plus(held).minus(ahead))
}

/// By the trend: when the applied position gets to the statement. Never before the server lets it go.
fn expected(time: Time, line: &Line) -> Option<Time> {
    let until = line.applied_until().filter(|_| !line.beat_stuck);
    let held = released(time, line);
    let Some(until) = until else { return held };
    let gap = time.since(until).as_secs_f64();
    let speed = 1.0 - line.slope.unwrap_or(0.0);
    if speed < STILL && gap > 0.0 {
        // The trend says that nothing is applied; a server that holds all of it back looks the same.
        return held.filter(|held| *held > line.at);
    }
    let span = Duration::try_from_secs_f64(gap / speed.max(STILL)).ok()?;
    let reached = line.at.plus(span);
    Some(held.map_or(reached, |held| held.max(reached)))
}

#[cfg(test)]
mod tests;
