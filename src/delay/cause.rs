//! The likely cause of what a verdict says: a hint beside it, never a verdict.

use super::judge::Facts;
use super::limits::DelayBy;
use super::trend::seconds;
use super::verdict::Fit;
use crate::base::Severity;

/// A slope that differs less from it counts as flat, or as +1.
const NEAR: f64 = 0.1;
/// Time zones differ by multiples of a quarter of an hour, seconds.
const ZONES: f64 = 900.0;
/// So near to such a multiple it is one, seconds.
const ZONE_NEAR: f64 = 30.0;

/// What probably causes it; nothing: nothing is known to look like that.
pub(crate) fn hint(facts: &Facts<'_>, severity: Severity) -> Option<String> {
    changed(facts).or_else(|| zone(facts)).or_else(|| flow(facts, severity)).or_else(|| outside(facts))
}

/// `SQL_Delay` has changed within the window.
fn changed(facts: &Facts<'_>) -> Option<String> {
    let state = facts.state();
    let why = state.began_why.as_ref().filter(|why| why.starts_with("SQL_Delay"))?;
    let ago = seconds(facts.now(), state.began?);
    let window = facts.limits().window.as_secs_f64();
    (ago <= 2.0 * window).then(|| format!("{why} {ago:.0} s ago: the line fills or drains to the new delay"))
}

/// Whether the server's own delay can ever be in bounds.
fn outside(facts: &Facts<'_>) -> Option<String> {
    let limits = facts.limits();
    let delay = facts.state().identity.sql_delay.filter(|_| limits.delay_by == DelayBy::Native)?;
    let (least, most) = (limits.min_delay_time.as_secs(), limits.max_delay_time.as_secs());
    let text = || format!("SQL_Delay is {delay} s, outside of {least} to {most} s: set SOURCE_DELAY or the bounds");
    (!(least..=most).contains(&delay)).then(text)
}

/// A delay that is off by a time zone.
fn zone(facts: &Facts<'_>) -> Option<String> {
    let (delay, _) = facts.newest()?;
    let running = facts.status().is_some_and(|status| {
        status.io == Some(super::seen::IoThread::Yes)
            && (status.sql == Some(true) || facts.limits().delay_by == DelayBy::External)
    });
    let steady = facts.fit().is_none_or(|fit| fit.slope.abs() < NEAR);
    let off = delay - facts.target();
    let zones = (off / ZONES).round();
    let bounds = facts.limits().min_delay_time.as_secs_f64()..=facts.limits().max_delay_time.as_secs_f64();
    let like_one = running && steady && zones != 0.0 && (off - zones * ZONES).abs() <= ZONE_NEAR;
    // A line that has run empty is at zero, whatever its target.
    let empty = (0.0..=ZONE_NEAR).contains(&delay);
    (like_one && !empty && !bounds.contains(&delay)).then(|| {
        format!(
            "the delay is off by {:+.2} h, as by a time zone: does the heartbeat writer write UTC (--utc)?",
            zones * ZONES / 3600.0
        )
    })
}

/// What arrives, what is executed, and what the line does.
fn flow(facts: &Facts<'_>, severity: Severity) -> Option<String> {
    let Fit { slope, intercept, .. } = facts.fit()?;
    let interval = facts.limits().interval.as_secs_f64();
    let step = match facts.limits().delay_by {
        DelayBy::Native => interval,
        DelayBy::External => interval.max(facts.limits().tool_interval.as_secs_f64()),
    };
    let received = facts.received_still()? <= 3.0 * interval;
    let executed = facts.executed_still()? <= 3.0 * step;
    let status = facts.status()?;
    let growing = (slope - 1.0).abs() < NEAR;
    let below = intercept < facts.limits().min_delay_time.as_secs_f64();
    let hint = match (received, executed) {
        (true, true) if growing && below => {
            let left = facts.limits().min_delay_time.as_secs_f64() - intercept;
            format!("the line fills after a change, or the replica is new: in bounds in {left:.0} s")
        }
        (true, true) if growing => {
            "the heartbeat writer is dead or its table is filtered; replication itself goes on".to_owned()
        }
        (true, true) if (NEAR..1.0 - NEAR).contains(&slope) && severity != Severity::Ok => {
            format!("overload: it executes {:.0} % of what arrives", (1.0 - slope) * 100.0)
        }
        (true, false) if growing && status.sql == Some(true) => {
            "the applier is stuck: one long transaction, a lock, or a full disk".to_owned()
        }
        (false, true) if slope.abs() < NEAR => {
            let within = match (status.sql_remaining, status.sql_delay) {
                (Some(left), Some(delay)) => format!("in {left} to {delay} s"),
                (None, Some(delay)) => format!("within {delay} s"),
                _ => "once what was received is executed".to_owned(),
            };
            format!("nothing is received: the delay will start to grow {within}")
        }
        (false, false) if growing && read_all(status.sql_state.as_deref()) => {
            "the primary is down or cannot be reached, or it is idle and its heartbeat writer is dead".to_owned()
        }
        _ => return None,
    };
    Some(hint)
}

/// `Slave has read all relay log; waiting for more updates`, in all its spellings.
fn read_all(state: Option<&str>) -> bool {
    state.is_some_and(|state| state.contains("has read all relay log"))
}
