//! How far the replica has got, from what the judge keeps.

use std::time::Duration;

use super::danger::Facts;
use super::sight::Sight;
use crate::base::Time;
use crate::delay::limits::{DelayBy, Limits};
use crate::delay::privilege::Flavour;
use crate::delay::seen::{Heartbeat, Sample};
use crate::delay::state::State;

/// A trend at least this steep says that nothing is applied, or that the heartbeat's writer is dead.
const NOTHING_APPLIED: f64 = 0.9;

/// Two heartbeats closer than this (seconds) are one: writers beat once a second, or less often.
const SAME_BEAT: f64 = 0.5;

/// How far a replica has got.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
pub struct Line {
    /// When the delay was sampled.
    pub at: Time,
    /// The delay then: the age of the primary's heartbeat that has been applied, by the replica's clock; seconds.
    pub delay: Option<f64>,
    /// When that heartbeat was written, by the primary's clock.
    pub applied: Option<Time>,
    /// Its trend, seconds a second.
    pub slope: Option<f64>,
    /// The threads and positions.
    pub sight: Sight,
    /// Whether positions have moved lately though the heartbeat has not: its writer is dead, or its table filtered, and
    /// the heartbeat says less than has been applied.
    pub beat_stuck: bool,
    /// Whether several workers apply, or that is not known where it is what servers do: some of what comes after the
    /// executed position may have been applied (MySQL manual, "Replication Transaction Inconsistencies").
    pub parallel: bool,
    /// Whether a freeze keeps it stopped, whatever drives its threads otherwise.
    pub frozen: bool,
    /// Whether a tool holds transactions back instead of the server.
    pub external: bool,
    /// How often that tool looks.
    pub tool_interval: Duration,
    /// What is older than this says nothing of now.
    pub fresh: Duration,
}

impl Line {
    /// From the judge's state and the newest samples, oldest first; nothing where the replica's threads were never seen.
    pub fn of(state: &State, samples: &[Sample], limits: &Limits) -> Option<Self> {
        let (at, seen) = state.seen.as_ref()?;
        let status = seen.status.as_ref()?;
        let delay = match seen.delay {
            Some(Heartbeat::Age(age)) => Some(age),
            _ => None,
        };
        let slope = state.last.as_ref().and_then(|verdict| verdict.fit).map(|fit| fit.slope);
        let moved = state.executed.as_ref().map(|moved| moved.since);
        Some(Self {
            at: *at,
            delay,
            applied: seen.applied,
            slope,
            sight: Sight::of(*at, status, seen.uptime),
            beat_stuck: outlived(state, limits)
                || beat_stuck(samples, moved)
                || trend_stuck(slope, moved, *at, status.sql, limits),
            parallel: seen.version.as_deref().and_then(Flavour::parse).is_some_and(is_parallel_by_itself),
            frozen: false,
            external: limits.delay_by == DelayBy::External,
            tool_interval: limits.tool_interval,
            fresh: limits.max_last_seen,
        })
    }

    /// From a look alone: no delay is known.
    pub fn alone(sight: Sight, external: bool, tool_interval: Duration, fresh: Duration) -> Self {
        Self {
            at: sight.at,
            delay: None,
            applied: None,
            slope: None,
            sight,
            beat_stuck: false,
            parallel: false,
            frozen: false,
            external,
            tool_interval,
            fresh,
        }
    }

    /// The same with a newer look at the threads.
    #[must_use]
    pub fn with(self, sight: Sight) -> Self {
        if sight.at >= self.sight.at { Self { sight, ..self } } else { self }
    }

    /// What the primary had written by then has been applied here; nothing where no heartbeat says so. By the primary's
    /// clock, as statements' times are: a replica whose clock is wrong says the same.
    pub fn applied_until(&self) -> Option<Time> {
        self.applied
    }

    /// The replica's clock when the delay was sampled: the heartbeat's age was computed by it.
    pub fn replica_clock(&self) -> Option<Time> {
        let delay = self.delay.filter(|delay| delay.is_finite())?;
        Some(earlier(self.applied?, -delay))
    }

    /// The delay that the server itself keeps, where it keeps one.
    pub fn held(&self) -> Option<Duration> {
        let native = self.sight.sql_delay.filter(|delay| *delay > 0 && !self.external)?;
        Some(Duration::from_secs(native))
    }
}

/// Four workers are the default since then (MySQL manual, `replica_parallel_workers`).
fn is_parallel_by_itself(server: Flavour) -> bool {
    !server.is_mariadb() && server.version() >= (8, 0, 27)
}

/// Whether several workers apply, by the server's settings; `known` where they do not tell.
pub fn is_parallel(facts: Option<&Facts>, known: bool) -> bool {
    let of_server = || facts?.server.map(is_parallel_by_itself);
    facts.and_then(|facts| facts.parallel).map_or_else(|| of_server().unwrap_or(known), |workers| workers > 0)
}

/// The time so many seconds before another; seconds below zero lead forward.
pub fn earlier(at: Time, seconds: f64) -> Time {
    match Duration::try_from_secs_f64(seconds.abs()) {
        Ok(span) if seconds < 0.0 => at.plus(span),
        Ok(span) => at.minus(span),
        Err(_) => at,
    }
}

/// The executed position went on after the heartbeat had ceased to: however long both have stood since, more has been applied
/// than the heartbeat says.
fn outlived(state: &State, limits: &Limits) -> bool {
    match (&state.executed, &state.beat) {
        (Some(executed), Some(beat)) => executed.since > beat.since.plus(limits.interval * 2),
        _ => false,
    }
}

/// The last two heartbeats are the same one, and the executed position has moved between them.
fn beat_stuck(samples: &[Sample], moved: Option<Time>) -> bool {
    let mut newest = samples.iter().rev().filter_map(|sample| sample.delay.map(|delay| (sample.at, delay)));
    let (Some((late, late_delay)), Some((early, early_delay)), Some(moved)) = (newest.next(), newest.next(), moved)
    else {
        return false;
    };
    let apart = late.since(early).as_secs_f64();
    // The heartbeat's own time has advanced by what the delay did not grow.
    apart > SAME_BEAT && apart - (late_delay - early_delay) < SAME_BEAT && moved > early
}

/// The delay grows as if nothing were applied, and yet positions move.
fn trend_stuck(slope: Option<f64>, moved: Option<Time>, at: Time, sql: Option<bool>, limits: &Limits) -> bool {
    let (Some(slope), Some(moved)) = (slope, moved) else { return false };
    sql == Some(true) && slope > NOTHING_APPLIED && at.since(moved) < limits.interval * 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delay::seen::{Seen, Status};

    fn sample(at: i64, delay: f64) -> Sample {
        Sample { at: Time::from_secs(at), delay: Some(delay) }
    }

    #[test]
    fn a_heartbeat_that_stands_while_positions_move_is_seen() {
        let moved = |at| Some(Time::from_secs(at));
        let gap = Sample { at: Time::from_secs(115), delay: None };
        // The delay has grown by just the time between the samples: it is the same heartbeat.
        assert!(beat_stuck(&[sample(100, 20.0), sample(110, 30.0)], moved(105)));
        assert!(beat_stuck(&[sample(100, 20.0), sample(110, 30.0), gap], moved(105)));
        // Nothing was applied: the heartbeat is as old as it says.
        assert!(!beat_stuck(&[sample(100, 20.0), sample(110, 30.0)], moved(90)));
        assert!(!beat_stuck(&[sample(100, 20.0), sample(110, 29.0)], moved(105)));
        assert!(!beat_stuck(&[sample(100, 20.0), sample(110, 20.0)], moved(110)));
        assert!(!beat_stuck(&[sample(110, 20.0)], moved(110)));
    }

    #[test]
    fn several_workers_by_the_settings_or_by_default() {
        let facts = |version: &str, parallel| Facts { server: Flavour::parse(version), parallel, ..Facts::default() };
        for (facts, known, wanted) in [
            (Some(facts("5.7.44", Some(4))), false, true),
            (Some(facts("8.4.0", Some(0))), true, false),
            (Some(facts("8.0.27", None)), false, true),
            (Some(facts("8.0.26", None)), true, false),
            (Some(facts("10.11.19-MariaDB", None)), true, false),
            (Some(Facts::default()), true, true),
            (None, false, false),
        ] {
            assert_eq!(is_parallel(facts.as_ref(), known), wanted, "{facts:?}");
        }
        let state = |version: &str| {
            let seen = Seen { version: Some(version.to_owned()), status: Some(Status::default()), ..Seen::default() };
            State { seen: Some((Time::from_secs(1), seen)), ..State::default() }
        };
        let of = |version| Line::of(&state(version), &[], &Limits::default()).unwrap().parallel;
        assert_eq!(["8.0.36", "8.0.26", "10.11.19-MariaDB"].map(of), [true, false, false]);
    }

    #[test]
    fn a_trend_of_one_with_moving_positions_says_the_same() {
        let limits = Limits::default();
        let stuck = |slope, moved, sql| {
            trend_stuck(Some(slope), Some(Time::from_secs(moved)), Time::from_secs(1_000), sql, &limits)
        };
        assert!(stuck(1.0, 995, Some(true)));
        assert!(!stuck(1.0, 500, Some(true)), "the applier is stuck, not the heartbeat");
        assert!(!stuck(0.3, 995, Some(true)));
        assert!(!stuck(1.0, 995, Some(false)));
    }
}
