//! A look of one's own at a replica, for who has no worker, or will not rely on it. What a worker has stored (samples, since
//! when positions stand, the excursion) is what the look is added to; without it a single look says what it can: rules that
//! need no trend, and else that there are too few samples. Which jobs run is stored, too: without it nobody can tell a
//! backup from a fault. Nothing is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gather::{Known, all_jobs};
use super::judge::{Asked, outside};
use super::probe::Probe;
use super::seen::{Look, Seen};
use super::snapshot::ReplicaLine;
use super::unit::Unit;
use super::verdict::{Match, RuleId, Verdict};
use super::watch::{sample_of, spread};
use crate::base::{Clock, Severity, Time};
use crate::store::{JudgedRow, Store, StoreError, server_of};

/// Samples of a window, at most.
const WINDOW: u32 = super::watch::WINDOW;

/// Looks at a server once and judges each of its channels; where `replica` names a channel, that one alone. Without a
/// state (`store` is then why there is none), or one that knows the server, it is judged by that look alone.
pub async fn direct(
    probe: &dyn Probe,
    store: Result<&dyn Store, &str>,
    clock: &Clock,
    known: &Known,
    replica: &str,
) -> Result<Vec<ReplicaLine>, StoreError> {
    let mut units = BTreeMap::new();
    if let Ok(store) = store {
        for row in store.judged(None).await? {
            if server_of(&row.replica) == known.name {
                let name = row.replica.clone();
                units.insert(name, unit(store, known, row).await?);
            }
        }
    }
    let seen = probe.look().await.map_err(|e| e.to_string());
    // The look ended now.
    let now = match store {
        Ok(store) => store.now().await?,
        Err(_) => clock.now(),
    };
    let jobs = match store {
        Ok(store) => all_jobs(store, std::slice::from_ref(known), now).await?,
        Err(_) => super::gather::Jobs::default(),
    };
    let mut lines = Vec::new();
    for (name, seen) in spread(&known.name, &units, seen) {
        if name != replica && replica != known.name {
            continue;
        }
        let mut unit = units.remove(&name).unwrap_or_default();
        let mut jobs = jobs.of(&name);
        jobs.extend(seen.as_ref().ok().map(|seen| seen.jobs.clone()).unwrap_or_default());
        let asked = Asked::by_worker(known.local, known.primary);
        let at = Seen::when(seen.as_ref(), now);
        let (_, mut verdict) = unit.look(&Look { at, seen }, &known.limits, &jobs, &asked);
        if let Err(why) = store {
            without_jobs(&mut verdict, why);
        }
        lines.push(ReplicaLine {
            name,
            group: known.group.clone(),
            limits: Arc::clone(&known.limits),
            verdict: Some(verdict),
            spark: unit.spark.averages(now),
            state: Arc::new(unit.state),
            jobs,
            judged: None,
            frozen: None,
        });
    }
    Ok(lines)
}

/// What a job that runs would excuse, in words; nothing: no job excuses it.
fn excusable(rule: RuleId) -> Option<&'static str> {
    match rule.0 {
        7 => Some("IO thread stopped"),
        8 => Some("SQL thread stopped"),
        11 => Some("master log not updated"),
        12 => Some("relay log not updated"),
        _ => None,
    }
}

/// A verdict by somebody who cannot know which jobs run: what one would excuse is neither a fault nor none. What none
/// excuses stays what it is, and decides.
fn without_jobs(verdict: &mut Verdict, why: &str) {
    let decided = excusable(verdict.rule);
    for found in verdict.matches.iter_mut().filter(|found| excusable(found.rule).is_some()) {
        found.severity = Severity::Unknown;
        found.text = format!("unless a job runs: {}", found.text);
    }
    let Some(what) = decided else { return };
    let worse = verdict.matches.iter().find(|found| found.severity == Severity::Critical).cloned();
    let found = worse.unwrap_or_else(|| Match {
        rule: RuleId(0),
        severity: Severity::Unknown,
        text: format!("whether a job runs is not known: {what}; {}", outside(why)),
    });
    verdict.matches.retain(|other| *other != found);
    verdict.matches.insert(0, found.clone());
    Match { rule: verdict.rule, severity: verdict.severity, text: verdict.text } = found;
}

/// What is stored of a replica; where that cannot be read, nothing.
async fn unit(store: &dyn Store, known: &Known, row: JudgedRow) -> Result<Unit, StoreError> {
    let from = row.at.minus(known.limits.remembered());
    let rows = store.delay_samples(row.replica, from, Time::from_micros(i64::MAX), WINDOW).await?;
    Ok(Unit {
        state: serde_json::from_str(&row.state).unwrap_or_default(),
        samples: rows.iter().map(sample_of).collect(),
        spark: serde_json::from_str(&row.spark).unwrap_or_default(),
        known: true,
    })
}
