//! A recorded history is judged as a worker would have judged it then: how limits are tried against last month.

use std::str::FromStr;

use serde::Serialize;

use super::job::{Job, known_at};
use super::judge::{Asked, RULES, Rule};
use super::limits::Limits;
use super::seen::Look;
use super::state::State;
use super::trend::seconds;
use super::unit::Unit;
use super::verdict::Verdict;
use crate::base::{Severity, Time};

/// Judges looks one after another.
#[derive(Debug, Clone)]
pub struct Replay {
    limits: Limits,
    asked: Asked,
    jobs: Vec<Job>,
    rules: Vec<Rule>,
    unit: Unit,
}

impl Replay {
    /// Begins with nothing known. `jobs` are all there were: each is known of from its start, and its end from then.
    pub fn new(limits: Limits, asked: Asked, jobs: Vec<Job>) -> Self {
        Self { limits, asked, jobs, rules: RULES.to_vec(), unit: Unit::default() }
    }

    /// Judges by these rules alone.
    #[must_use]
    pub fn by(mut self, rules: Vec<Rule>) -> Self {
        self.rules = rules;
        self
    }

    /// Judges for somebody else.
    #[must_use]
    pub fn asked(mut self, asked: Asked) -> Self {
        self.asked = asked;
        self
    }

    /// Judges after a look, at its time.
    pub fn step(&mut self, look: &Look) -> Verdict {
        self.unit.take(look, &self.limits);
        self.ask(look.at)
    }

    /// Judges at a time without looking.
    pub fn ask(&mut self, now: Time) -> Verdict {
        let jobs = known_at(&self.jobs, now);
        self.unit.judge(&self.rules, &self.limits, &jobs, &self.asked, now)
    }

    /// What is kept between two judgements.
    pub fn state(&self) -> &State {
        &self.unit.state
    }

    /// Goes on from a state that was kept elsewhere: samples of before stay, as a store keeps them.
    pub fn set_state(&mut self, state: State) {
        self.unit.state = state;
    }
}

/// A text that is no job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// It has another shape.
    #[error(
        "{found:?} is no job; write its class, when it started and when it ended, in t_seconds: \"backup:30-120\", or \"backup:30\" if it has not"
    )]
    Shape {
        /// What stands there.
        found: String,
    },
    /// It ends before it starts.
    #[error("{found:?} ends before it starts; write the start first: \"backup:30-120\"")]
    Backwards {
        /// What stands there.
        found: String,
    },
}

/// A job by its class and the seconds of a history: `backup:30-120`.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSpan {
    /// Its class.
    pub class: String,
    /// When it started.
    pub start: f64,
    /// When it ended; nothing: it did not.
    pub end: Option<f64>,
}

impl FromStr for JobSpan {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let shape = || SpanError::Shape { found: text.to_owned() };
        let (class, times) = text.rsplit_once(':').ok_or_else(shape)?;
        let number = |text: &str| {
            let plain = text.starts_with(|c: char| c.is_ascii_digit());
            text.parse::<f64>().ok().filter(|secs| plain && secs.is_finite() && *secs < 1e10).ok_or_else(shape)
        };
        let (start, end) = match times.split_once('-') {
            None => (number(times)?, None),
            Some((start, "")) => (number(start)?, None),
            Some((start, end)) => (number(start)?, Some(number(end)?)),
        };
        if class.is_empty() {
            return Err(shape());
        }
        if end.is_some_and(|end| end < start) {
            return Err(SpanError::Backwards { found: text.to_owned() });
        }
        Ok(Self { class: class.to_owned(), start, end })
    }
}

impl JobSpan {
    /// The job, in a history whose second 0 is at `origin`.
    #[allow(clippy::cast_possible_truncation)] // below 1e10 seconds
    pub fn job(&self, origin: Time) -> Job {
        let at = |secs: f64| Time::from_micros(origin.as_micros().saturating_add((secs * 1e6).round() as i64));
        Job { class: self.class.clone(), start: at(self.start), end: self.end.map(at) }
    }
}

/// How far apart samples usually are: the one in the middle of the distances. Nothing: fewer than two.
pub fn usual_interval(looks: &[Look]) -> Option<std::time::Duration> {
    let mut apart: Vec<_> = looks.windows(2).map(|pair| pair[1].at.since(pair[0].at)).collect();
    apart.sort();
    apart.get(apart.len() / 2).copied().filter(|apart| !apart.is_zero())
}

/// A verdict of a replay, as it is printed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// When, in the history's seconds.
    pub t_seconds: Number,
    /// How bad, in capitals.
    pub severity: &'static str,
    /// The rule that decided.
    pub rule: u8,
    /// Why.
    pub text: String,
    /// The sample of that moment.
    pub delay: Option<f64>,
    /// The delay by the trend.
    pub intercept: Option<f64>,
    /// The trend.
    pub slope: Option<f64>,
    /// Its correlation.
    pub correlation: Option<f64>,
}

/// A number that is written without a fraction where it has none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(pub f64);

impl Serialize for Number {
    #[allow(clippy::cast_possible_truncation)] // only where it is exact
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && self.0.abs() < 9e15 {
            to.serialize_i64(self.0 as i64)
        } else {
            to.serialize_f64(self.0)
        }
    }
}

impl Line {
    /// Of the verdict after a look at `t_seconds`.
    pub fn new(t_seconds: f64, look: &Look, verdict: &Verdict) -> Self {
        let micros = |value: f64| (value * 1e6).round() / 1e6;
        Self {
            t_seconds: Number(t_seconds),
            severity: verdict.severity.word(),
            rule: verdict.rule.0,
            text: verdict.text.clone(),
            delay: look.sample().delay,
            intercept: verdict.fit.map(|fit| micros(fit.intercept)),
            slope: verdict.fit.map(|fit| micros(fit.slope)),
            correlation: verdict.fit.and_then(|fit| fit.correlation).map(micros),
        }
    }
}

/// `t=120 WARNING #17 Replication delay …`
impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = format!("t={}", self.t_seconds.0);
        let rule = format!("#{}", self.rule);
        write!(f, "{at:<8} {:<8} {rule:<3} {}", self.severity, self.text)
    }
}

/// How long each verdict held: what a replay comes to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sums {
    last: Option<(Time, Severity)>,
    spans: Vec<(Severity, f64, u64)>,
}

impl Sums {
    /// A verdict; it holds until the next one.
    pub fn add(&mut self, verdict: &Verdict) {
        if let Some((at, severity)) = self.last
            && let Some(sum) = self.spans.iter_mut().find(|(of, ..)| *of == severity)
        {
            sum.1 += seconds(verdict.at, at);
        }
        let turned = self.last.is_none_or(|(_, severity)| severity != verdict.severity);
        match self.spans.iter_mut().find(|(of, ..)| *of == verdict.severity) {
            Some(sum) => sum.2 += u64::from(turned),
            None => self.spans.push((verdict.severity, 0.0, 1)),
        }
        self.last = Some((verdict.at, verdict.severity));
    }

    /// Per severity, the worst first: seconds, and how often it began.
    pub fn worst_first(&self) -> Vec<(Severity, f64, u64)> {
        let mut spans = self.spans.clone();
        spans.sort_by_key(|(severity, ..)| std::cmp::Reverse(*severity));
        spans
    }
}
