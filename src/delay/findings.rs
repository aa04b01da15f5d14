//! What is wrong with delayed replicas, as findings: what is told to people.

use super::limits::{DelayBy, Limits};
use super::state::State;
use super::verdict::RuleId;
use crate::base::units::Span;
use crate::base::{Finding, Severity, Shown, Time};
use crate::store::NoticeRow;

/// The rule of all findings about a replica: a verdict that changes its reason is still about the same thing.
pub const REPLICA: &str = "delay.replica";

/// The rule of a verdict that cannot be stored.
pub const UNSTORED: &str = "delay.unstored";
/// The rule of heartbeats that are not written.
pub const HEARTBEAT: &str = "delay.heartbeat";

/// What a finding begins with that nobody looks after any more.
const UNWATCHED: &str = "nobody watches it any more; before: ";

/// A finding that nobody has looked after for long: neither over nor known to hold. Nothing: its rule is none of this room.
pub fn unwatched(row: &NoticeRow) -> Option<Finding> {
    let rule = [REPLICA, UNSTORED, HEARTBEAT].into_iter().find(|rule| *rule == row.rule)?;
    let (worker, option) = if rule == HEARTBEAT { ("heartbeat", "--heartbeat ") } else { ("delay", "") };
    let before = row.value.strip_prefix(UNWATCHED).unwrap_or(&row.value);
    let next = format!(
        "see that a firn with the worker `{worker}` runs where it is configured (firn status); if it is no more: \
         firn delay forget {option}{}",
        Shown::text(&row.object)
    );
    let found = Finding::new(rule, row.object.clone(), row.severity, row.since);
    Some(found.value(format!("{UNWATCHED}{before}")).limit(row.limit.clone()).next(next))
}

/// A verdict that is too large for the state: nobody else sees it.
pub fn unstored(name: &str, why: &str, since: Time) -> Finding {
    Finding::new(UNSTORED, name, Severity::Critical, since)
        .value(format!("its verdict cannot be stored: {why}; what is shown of it is old"))
        .limit("every verdict is stored")
        .next(format!(
            "see what of it is so long: firn delay doctor {0}; begin it anew: firn delay forget {0}",
            Shown::text(name)
        ))
}

/// What is wrong with a replica. A window that fills after a start is not: it is UNKNOWN on the screen, nobody is told, and it
/// becomes CRITICAL when it does not fill (rule 15). One that fills anew while something is wrong is: nothing is over by it.
/// `frozen`: it is stopped in an emergency, and nobody is to be told to start it.
pub fn finding(name: &str, state: &State, limits: &Limits, frozen: bool) -> Option<Finding> {
    let verdict = state.last.as_ref()?;
    let fills = |rule: RuleId, severity: Severity| rule == RuleId(15) && severity == Severity::Unknown;
    let bad = || state.turns.iter().rev().take_while(|turn| turn.severity != Severity::Ok);
    let begins = fills(verdict.rule, verdict.severity) && bad().all(|turn| fills(turn.rule, turn.severity));
    if verdict.severity == Severity::Ok || begins {
        return None;
    }
    let since = bad().last().map_or(verdict.at, |turn| turn.since);
    let stands = frozen && matches!(verdict.rule.0, 5..=8 | 11 | 12 | 16..=22);
    let (value, next) = if stands {
        let next = format!("do NOT start its threads; what to do: firn delay frozen {name}");
        (format!("stopped in an emergency (frozen): {}", verdict.text.split(';').next().unwrap_or_default()), next)
    } else {
        (verdict.text.clone(), next_step(name, verdict.rule, limits.delay_by))
    };
    let bounds = format!(
        "a delay from {} to {}, and replication that runs",
        Span(limits.min_delay_time),
        Span(limits.max_delay_time)
    );
    Some(Finding::new(REPLICA, name, verdict.severity, since).value(value).limit(bounds).next(next))
}

/// What an operator does about it, by the rule that decided. Where a tool holds the delay, a SQL thread that is started by
/// hand applies all that was held back.
pub fn next_step(name: &str, rule: RuleId, delay_by: DelayBy) -> String {
    let step = match rule.0 {
        5 if delay_by == DelayBy::External => {
            "read the error on the replica (SHOW REPLICA STATUS), mend what it names, and let the delay tool start the SQL thread"
        }
        8 if delay_by == DelayBy::External => {
            "start the delay tool (pt-slave-delay) again; not the SQL thread by hand: all that is held back would be applied"
        }
        1 => "mend the limits in the configuration, then: firn config check",
        2 => "see that a firn with the worker `delay` runs: firn status",
        3 | 4 => "ask what the probe sees",
        5 => "read the error on the replica (SHOW REPLICA STATUS), mend what it names there, START REPLICA SQL_THREAD",
        6 => "see that the source is up and reachable from the replica, and that its account may log in",
        7 => "START REPLICA IO_THREAD on the replica, unless somebody stopped it on purpose",
        8 => {
            "START REPLICA SQL_THREAD on the replica, unless somebody stopped it on purpose: then say so with firn job start"
        }
        9 => "see that the heartbeat writer runs on the replica",
        10 => "see that the heartbeat writer runs on the source",
        11 => "see that the source is up and writes; without a heartbeat an idle source looks the same",
        12 => "see what the SQL thread does on the replica: SHOW PROCESSLIST, locks, a full disk",
        13 => "see whether the job still runs; if it has ended: firn job end",
        14 => "none while the job keeps within its limit",
        15 => "see why samples are missing",
        17 | 18 | 21 => "none while it keeps recovering; the limit of that is watched",
        19 | 20 => "see why the replica does not catch up: load, locks, disk; or begin it anew",
        _ => "see whether the delay was changed (SOURCE_DELAY), the heartbeat runs, and the replica keeps up",
    };
    match rule.0 {
        3 | 4 | 15 => format!("{step}: firn delay doctor {name}"),
        _ => step.to_owned(),
    }
}
