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
        (Some(Spot::Position(at)), _) => by_position(at, line, now),
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
        return Answer::new(Applied::CannotTell, "the replica shows no executed GTIDs; give the statement's position");
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
    let stands = line.sight.sql == Some(false) && !line.external;
    let expected = if stands { None } else { expected(time, line) };
    let left = |at: Time| if at > now { format!("in {}", Span(at.since(now))) } else { "now".to_owned() };
    let words = match (stands, not_before, expected) {
        (true, Some(first), _) if first > now => {
            format!("not while the SQL thread stands; once it is started, not before {first} ({})", left(first))
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
mod tests {
    use super::*;
    use crate::delay::freeze::sight::Sight;
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
        check(
            &line,
            &of_position("binlog.000012", 901),
            Applied::CannotTell,
            "beyond all that this replica has received",
        );
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
            behind in proptest::option::of(-10i64..100_000), skew in -5_000.0f64..5_000.0,
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
}
