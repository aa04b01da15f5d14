//! A look of one's own at a replica, for who has no worker, or will not rely on it. What a worker has stored (samples, since
//! when positions stand, the excursion) is what the look is added to; without it a single look says what it can: rules that
//! need no trend, and else that there are too few samples. Nothing is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gather::{Known, all_jobs};
use super::judge::Asked;
use super::probe::Probe;
use super::seen::Look;
use super::snapshot::ReplicaLine;
use super::unit::Unit;
use super::watch::{sample_of, spread};
use crate::base::{Clock, Time};
use crate::store::{JudgedRow, Store, StoreError, server_of};

/// Samples of a window, at most.
const WINDOW: u32 = super::watch::WINDOW;

/// Looks at a server once and judges each of its channels; where `replica` names a channel, that one alone. Without a
/// state, or one that knows the server, it is judged by that look alone.
pub async fn direct(
    probe: &dyn Probe,
    store: Option<&dyn Store>,
    clock: &Clock,
    known: &Known,
    replica: &str,
) -> Result<Vec<ReplicaLine>, StoreError> {
    let mut units = BTreeMap::new();
    if let Some(store) = store {
        for row in store.judged(None).await? {
            if server_of(&row.replica) == known.name {
                let name = row.replica.clone();
                units.insert(name, unit(store, known, row).await?);
            }
        }
    }
    let seen = probe.look().await.map_err(|e| e.to_string());
    // What the look saw, it saw until now.
    let now = match store {
        Some(store) => store.now().await?,
        None => clock.now(),
    };
    let jobs = match store {
        Some(store) => all_jobs(store, std::slice::from_ref(known), now).await?,
        None => super::gather::Jobs::default(),
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
        let (_, verdict) = unit.look(&Look { at: now, seen }, &known.limits, &jobs, &asked);
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
