//! What the judge says.

use serde::{Deserialize, Serialize};

use crate::base::{Severity, Time};

/// The number of a rule, from 1 to 22: the order they are asked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub u8);

/// A rule that matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// Which.
    pub rule: RuleId,
    /// How bad.
    pub severity: Severity,
    /// Why, in words; safe to show.
    pub text: String,
}

/// The line through the samples of the window, with x = 0 at the time of judgement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Seconds a second: above 0 the replica falls further behind.
    pub slope: f64,
    /// The delay at x = 0, seconds.
    pub intercept: f64,
    /// Correlation, −1 to 1; nothing on a flat line.
    pub correlation: Option<f64>,
    /// Samples.
    pub count: u32,
}

impl Fit {
    /// How fast the replica replays what happened: 1 − slope. 0 stopped, 1 steady, 3 catching up at three times.
    pub fn replay_speed(&self) -> f64 {
        1.0 - self.slope
    }
}

/// How long it has been degraded, by cause; seconds, each beside its limit. Nothing: not for that cause.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Degraded {
    /// A job runs.
    pub job: Option<(f64, f64)>,
    /// A job has ended.
    pub recovery: Option<(f64, f64)>,
    /// A trend leads back, or should.
    pub trend: Option<(f64, f64)>,
}

/// A limit and what is measured against it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Its name, as in the configuration: `max-delay-time`.
    pub name: String,
    /// What is measured, seconds; nothing: it is not known.
    pub value: Option<f64>,
    /// The least allowed, seconds.
    pub least: Option<f64>,
    /// The most allowed, seconds.
    pub most: Option<f64>,
    /// How much of the way to the limit is used, 1 at the limit; nothing where it does not apply or is not known.
    pub used: Option<f64>,
}

impl Measured {
    /// How far it is from a bound of the delay, seconds, and whether it is beyond; nothing: it is none of the two, or not
    /// known. How near such a bound is counts from where the delay should be, and a share of it would say nothing.
    pub fn from_bound(&self) -> Option<(f64, bool)> {
        let bound = ["min-delay-time", "max-delay-time"].contains(&self.name.as_str());
        let (value, used) = self.value.zip(self.used).filter(|_| bound)?;
        let limit = self.least.or(self.most)?;
        Some(((value - limit).abs(), used > 1.0))
    }
}

/// A verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// When.
    pub at: Time,
    /// How bad.
    pub severity: Severity,
    /// The rule that decided.
    pub rule: RuleId,
    /// Its words.
    pub text: String,
    /// All rules that match, in their order; the first decides.
    pub matches: Vec<Match>,
    /// The newest sample, seconds, and when it was.
    pub delay: Option<(f64, Time)>,
    /// The trend; nothing: too few samples.
    pub fit: Option<Fit>,
    /// Seconds until it is back in bounds at the present rate.
    pub back_in: Option<f64>,
    /// Seconds until it leaves the bounds at the present rate.
    pub out_in: Option<f64>,
    /// Since when it has been out of bounds.
    pub out_since: Option<Time>,
    /// Degraded seconds.
    pub degraded: Degraded,
    /// Every limit with its measure, those that are most used first.
    pub measured: Vec<Measured>,
    /// The likely cause, where there is one.
    pub hint: Option<String>,
}

/// Between the words of a verdict and why it is held.
pub(super) const HELD: &str = " (held:";

impl Verdict {
    /// Whether it is that of before: nothing new is known, and its words are those it was given with.
    pub fn is_held(&self) -> bool {
        let own = self.matches.first().and_then(|first| self.text.strip_prefix(first.text.as_str()));
        own.is_some_and(|rest| rest.starts_with(HELD))
    }
}
