//! What is wrong with delayed replicas, as findings: what is told to people.

use super::limits::Limits;
use super::state::State;
use super::verdict::RuleId;
use crate::base::units::Span;
use crate::base::{Finding, Severity};

/// The rule of all findings about a replica: a verdict that changes its reason is still about the same thing.
pub const REPLICA: &str = "delay.replica";

/// The scope of a server's findings.
pub fn scope(server: &str) -> String {
    format!("delay:{server}")
}

/// What is wrong with a replica. A window that fills is not: it is UNKNOWN on the screen, nobody is told, and it becomes
/// CRITICAL when it does not fill (rule 15).
pub fn finding(name: &str, state: &State, limits: &Limits) -> Option<Finding> {
    let verdict = state.last.as_ref()?;
    let fills = verdict.rule == RuleId(15) && verdict.severity == Severity::Unknown;
    if verdict.severity == Severity::Ok || fills {
        return None;
    }
    let since = state.turns.iter().rev().take_while(|turn| turn.severity != Severity::Ok).last();
    let since = since.map_or(verdict.at, |turn| turn.since);
    let bounds = format!(
        "a delay from {} to {}, and replication that runs",
        Span(limits.min_delay_time),
        Span(limits.max_delay_time)
    );
    let found = Finding::new(REPLICA, name, verdict.severity, since).value(verdict.text.clone()).limit(bounds);
    Some(found.next(next_step(name, verdict.rule)))
}

/// What an operator does about it, by the rule that decided.
pub fn next_step(name: &str, rule: RuleId) -> String {
    let step = match rule.0 {
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
