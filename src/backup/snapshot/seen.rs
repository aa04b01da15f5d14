//! Findings that only a report can see: nobody is there to write them down, so that they hold for as long as they are seen.

use super::gather::backs_up;
use super::{PoolRow, Worker};
use crate::base::units::Count;
use crate::base::{Severity, Shown, Time};
use crate::store::{LaneState, NoticeRow, RunningPlan, SessionRow};
use crate::worker::heard;
pub use crate::worker::heard::NOBODY_RESTORES;

/// The rule of a finding that only a report can see; nobody is there to write it down.
pub const NOBODY_WORKS: &str = "worker.none";

/// The rule of another: a pool stands still while work for it waits.
pub const POOL_STANDS: &str = "worker.pool";

/// Plans that nobody carries out. Where another host restores, it has told so already, and `known` has it.
pub(super) fn nobody_restores(
    known: &[NoticeRow],
    running: &[RunningPlan],
    sessions: &[SessionRow],
    now: Time,
) -> Vec<NoticeRow> {
    let seen = heard::nobody_restores(running, sessions, now).into_iter().map(|found| NoticeRow {
        rule: found.key.rule.to_owned(),
        object: found.key.object,
        scope: "report".to_owned(),
        severity: found.severity,
        worst: found.severity,
        value: found.value,
        limit: found.limit,
        since: found.since,
        seen_at: now,
        next_step: found.next_step,
        ack_until: None,
    });
    seen.filter(|row| !known.iter().any(|known| known.rule == row.rule && known.object == row.object)).collect()
}

/// Pools that somebody made stand still and that work waits for: a pause is forgotten easily.
pub(super) fn standing_still(pools: &[PoolRow], lanes: &[LaneState], sealed: u64, now: Time) -> Vec<NoticeRow> {
    let files: u64 = lanes.iter().map(|lane| lane.queued).sum();
    let row = |pool: &PoolRow| {
        let waits = match pool.pool.as_str() {
            "fetch" if files > 0 => format!("{} files wait", Count(files)),
            "upload" if sealed > 0 => "bundles wait to be sent".to_owned(),
            _ => return None,
        };
        let order = pool.order.as_ref();
        // The newest order may be another one, not applied yet.
        let order = order.filter(|order| order.paused || order.drain);
        let who = order.map_or_else(String::new, |order| format!(" by {}", Shown::text(&order.who)));
        let (host, name) = (Shown::text(&pool.host), Shown::text(&pool.pool));
        let how = if pool.paused { "paused" } else { "drained" };
        let since = order.map_or(now, |order| order.at);
        Some(NoticeRow {
            rule: POOL_STANDS.to_owned(),
            object: format!("{} {}", pool.host, pool.pool),
            scope: "report".to_owned(),
            severity: Severity::Warning,
            worst: Severity::Warning,
            value: format!("the pool {name} of {host} was {how}{who}, and {waits}"),
            limit: "a pool that works while work waits".to_owned(),
            since,
            seen_at: now,
            next_step: format!("let it work: p on it in the console, or firn pool resume {name} --host {host}"),
            ack_until: None,
        })
    };
    let mut found: Vec<NoticeRow> =
        pools.iter().filter(|pool| pool.alive && (pool.paused || pool.draining)).filter_map(row).collect();
    // Processes of one host obey one order.
    found.sort_by(|a, b| a.object.cmp(&b.object));
    found.dedup_by(|a, b| a.object == b.object);
    found
}

/// Open findings, and what only a report can see: that nobody works.
pub(super) fn findings(mut rows: Vec<NoticeRow>, lanes: &[LaneState], workers: &[Worker], now: Time) -> Vec<NoticeRow> {
    let waiting: u64 = lanes.iter().map(|lane| lane.files).sum();
    let mut backing_up = workers.iter().filter(|worker| backs_up(worker));
    if waiting > 0 && !backing_up.any(|worker| worker.alive) {
        rows.push(NoticeRow {
            rule: NOBODY_WORKS.to_owned(),
            object: "queue".to_owned(),
            scope: "report".to_owned(),
            severity: Severity::Warning,
            worst: Severity::Warning,
            value: format!("{} files wait and no worker runs", Count(waiting)),
            limit: "a worker that is heard of".to_owned(),
            since: workers.iter().filter(|worker| backs_up(worker)).map(|worker| worker.last_seen).max().unwrap_or(now),
            seen_at: now,
            next_step: "start one: firn run".to_owned(),
            ack_until: None,
        });
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.severity));
    rows
}
