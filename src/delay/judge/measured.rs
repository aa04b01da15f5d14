//! Every limit with what is measured against it.

use super::{Asker, Facts, ago};
use crate::delay::limits::DelayBy;
use crate::delay::trend::seconds;
use crate::delay::verdict::Measured;

/// Those that are most used first; those that do not apply last.
pub(super) fn measured(facts: &Facts<'_>) -> Vec<Measured> {
    let (limits, now) = (facts.limits(), facts.now());
    let secs = |span: std::time::Duration| span.as_secs_f64();
    let intercept = facts.fit().map(|fit| fit.intercept);
    let (least, most, target) = (secs(limits.min_delay_time), secs(limits.max_delay_time), facts.target());
    let way = |to: f64| intercept.map(|is| ((is - target) / (to - target)).max(0.0)).filter(|used| used.is_finite());
    let mut all = vec![
        Measured {
            name: "min-delay-time".to_owned(),
            value: intercept,
            least: Some(least),
            most: None,
            used: way(least),
        },
        Measured {
            name: "max-delay-time".to_owned(),
            value: intercept,
            least: None,
            most: Some(most),
            used: way(most),
        },
    ];
    let mut at_most = |name: &str, value: Option<f64>, most: f64| {
        let used = value.map(|value| (value / most).max(0.0)).filter(|used| used.is_finite());
        all.push(Measured { name: name.to_owned(), value, least: None, most: Some(most), used });
    };
    let state = facts.state();
    let age = |known: Option<(f64, crate::base::Time)>| known.map(|(age, at)| age + ago(now, at));
    let asked = facts.asked();
    at_most("max-seconds-behind", age(state.local).filter(|_| asked.local), secs(limits.max_seconds_behind));
    if asked.primary {
        at_most("max-seconds-behind (primary)", age(state.primary), secs(limits.max_seconds_behind));
    }
    at_most("max-master-behind", facts.received_still(), secs(limits.max_master_behind));
    // It sleeps while a job runs.
    let executed = facts.still(facts.executed_still()).filter(|_| facts.running().is_empty());
    at_most("max-relay-behind", executed, secs(limits.max_relay_behind));
    if limits.delay_by == DelayBy::External {
        at_most("tool-interval × 3", executed, secs(limits.tool_interval) * 3.0);
    }
    let written = match &asked.asker {
        Asker::Reader(Ok(Some(at))) => Some(seconds(now, *at)),
        Asker::Reader(_) | Asker::Worker => None,
    };
    let sample = facts.newest().map(|(_, at)| ago(now, at));
    at_most(
        "max-last-seen",
        written.map_or(sample, |age| Some(sample.map_or(age, |s| s.max(age)))),
        secs(limits.max_last_seen),
    );
    for class in &limits.jobs {
        let ran = facts.running().iter().filter(|job| job.class == class.name).map(|job| job.ran);
        at_most(&class.limit_name(), ran.max_by(f64::total_cmp), secs(class.longest));
    }
    let out = facts.out().is_some();
    let recovery = facts.in_window().filter(|_| out).map(|(_, ago)| ago);
    at_most("max-recovery-time", recovery, secs(limits.max_recovery_time));
    at_most("max-trend-time", facts.elapsed().filter(|_| out), secs(limits.max_trend_time));
    at_most("io-grace", state.io_bad_since.map(|since| ago(now, since)), secs(limits.io_grace));
    let rank = |measured: &Measured| measured.used.unwrap_or(-1.0);
    all.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    all
}
