//! Replicas that are made up.

use std::sync::Arc;
use std::time::Duration;

use firn::base::{Severity, Time};
use firn::delay::job::Job;
use firn::delay::limits::Limits;
use firn::delay::seen::{Heartbeat, IoThread, Position, Seen, Status};
use firn::delay::snapshot::ReplicaLine;
use firn::delay::state::{Moved, Place, State};
use firn::delay::verdict::{Degraded, Fit, Match, Measured, RuleId, Verdict};

/// 2026-11-22T12:00:45Z.
pub const NOW: Time = Time::from_secs(1_795_348_845);

/// So many seconds before.
pub fn ago(seconds: f64) -> Time {
    NOW.minus(Duration::from_secs_f64(seconds))
}

#[allow(clippy::unnecessary_wraps)] // as it stands where it goes
pub fn fit(intercept: f64, slope: f64, correlation: Option<f64>) -> Option<Fit> {
    Some(Fit { slope, intercept, correlation, count: 60 })
}

#[allow(clippy::unnecessary_wraps)]
pub fn place(since: Time) -> Option<Moved<Place>> {
    let position = Position { file: "mysql-bin.000123".to_owned(), at: 4711 };
    Some(Moved { value: Place { position: Some(position), gtid: None }, since })
}

pub fn job(class: &str, began: f64, ended: Option<f64>) -> Job {
    Job { class: class.to_owned(), start: ago(began), end: ended.map(ago) }
}

/// A verdict of a rule: a delay of two hours, its line flat.
pub fn verdict(rule: u8, severity: Severity, text: &str) -> Verdict {
    Verdict {
        at: NOW,
        severity,
        rule: RuleId(rule),
        text: text.to_owned(),
        matches: vec![Match { rule: RuleId(rule), severity, text: text.to_owned() }],
        delay: Some((7204.2, ago(1.0))),
        fit: fit(7203.9, 0.0, None),
        back_in: None,
        out_in: None,
        out_since: None,
        degraded: Degraded::default(),
        measured: vec![Measured {
            name: "max-delay-time".to_owned(),
            value: Some(7203.9),
            least: None,
            most: Some(9000.0),
            used: Some(0.8),
        }],
        hint: None,
    }
}

/// A healthy replica that has such a verdict.
pub fn line(verdict: Verdict) -> ReplicaLine {
    let status = Status {
        io: Some(IoThread::Yes),
        sql: Some(true),
        io_errno: Some(0),
        sql_errno: Some(0),
        source_id: Some(1),
        sql_delay: Some(7200),
        ..Status::default()
    };
    let seen = Seen { status: Some(status), delay: Some(Heartbeat::Age(7204.2)), ..Seen::default() };
    let state = State {
        seen: Some((ago(1.0), seen)),
        received: place(ago(0.5)),
        executed: place(ago(1.5)),
        ..State::default()
    };
    ReplicaLine {
        name: "db14".to_owned(),
        group: None,
        limits: Arc::new(Limits::default()),
        verdict: Some(verdict),
        state: Arc::new(state),
        jobs: Vec::new(),
        spark: Vec::new(),
        judged: Some(("db-ops-1".to_owned(), ago(1.0))),
        frozen: None,
    }
}

impl Made for ReplicaLine {}

/// Changes to what was made up.
pub trait Made: Into<ReplicaLine> {
    fn state(self, change: impl FnOnce(&mut State)) -> ReplicaLine {
        let mut line = self.into();
        change(Arc::make_mut(&mut line.state));
        line
    }

    fn status(self, change: impl FnOnce(&mut Status)) -> ReplicaLine {
        self.state(|state| change(state.seen.as_mut().unwrap().1.status.as_mut().unwrap()))
    }

    fn verdict(self, change: impl FnOnce(&mut Verdict)) -> ReplicaLine {
        let mut line = self.into();
        change(line.verdict.as_mut().unwrap());
        line
    }

    fn limits(self, change: impl FnOnce(&mut Limits)) -> ReplicaLine {
        let mut line = self.into();
        change(Arc::make_mut(&mut line.limits));
        line
    }

    fn jobs(self, jobs: Vec<Job>) -> ReplicaLine {
        ReplicaLine { jobs, ..self.into() }
    }
}
