//! How a verdict is put into words.

use super::facts::{Facts, Out};
use super::{ago, seconds};
use crate::base::{Shown, Time};
use crate::delay::job::Job;
use crate::delay::seen::Heartbeat;
use crate::delay::verdict::{Fit, HELD};

/// So much of a text from outside is shown.
const LONGEST: usize = 160;

/// Whole seconds.
pub(crate) fn whole(secs: f64) -> String {
    let rounded = secs.round();
    // There is a zero below zero.
    format!("{:.0}", if rounded == 0.0 { 0.0 } else { rounded })
}

/// A slope with its sign.
pub(crate) fn slope(slope: f64) -> String {
    let text = format!("{slope:+.3} s/s");
    if text.starts_with("-0.000") { text.replacen('-', "+", 1) } else { text }
}

/// A text from outside, safe to show and not long.
pub(crate) fn outside(text: &str) -> String {
    let shown = Shown::text(text.trim()).to_string();
    match shown.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &shown[..cut]),
        None => shown,
    }
}

/// `intercept 16408 s, allowed 5400 to 9000 s, slope +1.000 s/s`
pub(super) fn line(fit: &Fit, facts: &Facts<'_>) -> String {
    let limits = facts.limits();
    format!(
        "intercept {} s, allowed {} to {} s, slope {}",
        whole(fit.intercept),
        whole(limits.min_delay_time.as_secs_f64()),
        whole(limits.max_delay_time.as_secs_f64()),
        slope(fit.slope)
    )
}

/// How it returns: `back in 6345 s at this rate`.
pub(super) fn back(facts: &Facts<'_>) -> String {
    facts.back_in().map_or_else(String::new, |secs| format!(", back in {} s at this rate", whole(secs)))
}

/// `above maximum` or `below minimum`.
pub(super) fn side(out: &Out) -> &'static str {
    if out.below { "below minimum" } else { "above maximum" }
}

/// Why there is no sample.
pub(super) fn no_sample(facts: &Facts<'_>) -> String {
    let state = facts.state();
    if let Some((_, why)) = &state.blind {
        return outside(why);
    }
    match state.seen.as_ref().and_then(|(_, seen)| seen.delay.as_ref()) {
        Some(Heartbeat::NoRow(which)) => format!("no heartbeat row of {}", outside(which)),
        Some(Heartbeat::Unread(why)) => format!("heartbeat not read: {}", outside(why)),
        Some(Heartbeat::Age(age)) if !age.is_finite() => "the heartbeat's age is no number".to_owned(),
        Some(Heartbeat::Age(_)) => "nobody has looked since".to_owned(),
        None => "no heartbeat was looked for".to_owned(),
    }
}

/// A verdict that is held: [`crate::delay::verdict::Verdict::is_held`] knows it by this.
pub(super) fn held(text: &str, facts: &Facts<'_>) -> String {
    format!("{text}{HELD} no sample for {} s: {})", whole(facts.quiet()), no_sample(facts))
}

/// A job whose class nobody knows.
pub(super) fn unknown_class(job: &Job) -> String {
    format!("unknown job class {}: it excuses nothing; name it among the job classes", outside(&job.class))
}

/// A job whose times cannot be.
pub(super) fn bad_time(job: &Job, now: Time) -> String {
    let class = outside(&job.class);
    let why = match job.end {
        Some(end) if end < job.start => format!("ends {} s before it starts", whole(seconds(job.start, end))),
        Some(end) if end > now => format!("ended {} s in the future", whole(ago(end, now))),
        _ => format!("started {} s in the future", whole(ago(job.start, now))),
    };
    format!("bad job time: {class} {why}: it excuses nothing; check clocks, and correct it with firn job")
}
