//! The line through the samples of a window: its slope, and the delay it says for now.
//!
//! Least squares, centred, in two passes, anew each time: running sums drift, and sums over seconds since 1970 lose the
//! slope in rounding.

use std::time::Duration;

use super::limits::Limits;
use super::seen::Sample;
use super::verdict::Fit;
use crate::base::Time;

/// So many samples are enough for a trend, where the window holds twice as many.
const ENOUGH: usize = 10;
/// A line whose samples differ by less than this (root mean square, seconds) is flat: heartbeats are stamped in
/// microseconds, and a flat line has no correlation.
const FLAT: f64 = 1e-6;

/// What a line is fitted over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Samples at most that old count.
    pub window: Duration,
    /// Between two samples.
    pub interval: Duration,
    /// The newest sample must not be older.
    pub fresh: Duration,
    /// So many samples are needed.
    pub least: usize,
}

impl Frame {
    /// That of `limits`. Ten samples are needed, or half of what the window holds where that is less, but three.
    pub fn of(limits: &Limits) -> Self {
        let half = limits.window.as_micros() / limits.interval.as_micros().max(1) / 2;
        let least = usize::try_from(half).unwrap_or(usize::MAX).clamp(3, ENOUGH);
        Self { window: limits.window, interval: limits.interval, fresh: limits.max_last_seen, least }
    }
}

/// The samples that count: with a value, after `now` − window, at `now` at the latest, not before the window `began`.
pub fn counted(
    samples: &[Sample],
    now: Time,
    began: Option<Time>,
    frame: &Frame,
) -> impl DoubleEndedIterator<Item = (Time, f64)> + Clone {
    let from = now.minus(frame.window);
    samples
        .iter()
        .filter(move |sample| sample.at > from && sample.at <= now && began.is_none_or(|began| sample.at >= began))
        .filter_map(|sample| Some((sample.at, sample.delay.filter(|delay| delay.is_finite())?)))
}

/// The line at `now` (x = 0). Nothing where the samples do not bear one: fewer than `frame.least`, none that is fresh, or
/// they cover less than half the window. A sample stands for its interval, so that n of them cover n intervals.
///
/// `samples` are in the order of time.
pub fn fit(samples: &[Sample], now: Time, began: Option<Time>, frame: &Frame) -> Option<Fit> {
    let counted = counted(samples, now, began, frame);
    let (first, _) = counted.clone().next()?;
    let (newest, _) = counted.clone().next_back()?;
    let covered = newest.since(first).saturating_add(frame.interval);
    if now.since(newest) > frame.fresh || covered < frame.window / 2 {
        return None;
    }
    let (mut count, mut sum_x, mut sum_d) = (0u32, 0.0, 0.0);
    for (at, delay) in counted.clone() {
        count += 1;
        sum_x += seconds(at, now);
        sum_d += delay;
    }
    if usize::try_from(count).is_ok_and(|count| count < frame.least) {
        return None;
    }
    let n = f64::from(count);
    let (mean_x, mean_d) = (sum_x / n, sum_d / n);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (at, delay) in counted {
        let (x, y) = (seconds(at, now) - mean_x, delay - mean_d);
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    if xx <= 0.0 {
        return None;
    }
    let slope = xy / xx;
    let intercept = mean_d - slope * mean_x;
    let flat = (yy / n).sqrt() < FLAT;
    let correlation = if flat { None } else { Some((xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0)) };
    let sound = slope.is_finite() && intercept.is_finite() && correlation.is_none_or(f64::is_finite);
    sound.then_some(Fit { slope, intercept, correlation, count })
}

/// Seconds from `from` to `to`, below zero where `to` is the earlier. The difference is taken before it becomes a number
/// with a fraction: exact to the microsecond for spans below 285 years.
#[allow(clippy::cast_precision_loss)] // a difference, not a time since 1970
pub fn seconds(to: Time, from: Time) -> f64 {
    to.as_micros().saturating_sub(from.as_micros()) as f64 / 1e6
}
