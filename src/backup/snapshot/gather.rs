//! Reads the state and makes of it what is shown. One transaction: a screen and a script that look at the same instant
//! see the same values.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value;

use super::{ARCHIVES, Bundle, FAILED, PoolRow, Progress, Snapshot, SourceStanding, Stored, Worker, rates};
use crate::backup::scan::duty_of;
use crate::base::units::Count;
use crate::base::{Severity, Time};
use crate::store::{
    DutyRow, LaneState, Look, NoticeRow, OrderRow, Overview, SessionRow, SourceRow, Store, StoreError, Total,
};

/// What a snapshot reads.
const LOOK: Look = Look {
    archives: ARCHIVES + 1,
    failed: FAILED,
    flow: rates::LOOK_BACK,
    latest: 1000,
    latest_within: Duration::from_hours(1),
};

/// How everything stands now. `sources` are those of the configuration: name, and where it is, safe to show.
pub async fn gather(store: &dyn Store, sources: &[(String, String)]) -> Result<Snapshot, StoreError> {
    let overview = store.overview(LOOK).await?;
    Ok(from(store.place(), overview, sources))
}

/// The same from what was read. Pure.
fn from(place: &str, overview: Overview, sources: &[(String, String)]) -> Snapshot {
    let now = overview.now;
    let workers: Vec<Worker> = overview.sessions.iter().map(|row| worker(row, now)).collect();
    let findings = findings(overview.notices, &overview.lanes, &workers, now);
    let history_left = rates::history_left(now, &overview.flow, &overview.watched, &overview.lanes);
    let mut archives = overview.archives;
    let more_bundles = archives.len() > ARCHIVES as usize;
    archives.truncate(ARCHIVES as usize);
    let progress: HashMap<String, Progress> =
        workers.iter().filter(|worker| worker.alive).flat_map(progress_of).collect();
    let bundles = archives.into_iter().map(|row| {
        let owner = row.owner.and_then(|owner| workers.iter().find(|worker| worker.session == owner.0));
        Bundle {
            worker: owner.map(|worker| format!("{} {}", worker.host, worker.pid)),
            progress: progress.get(&row.uuid.to_string()).copied(),
            row,
        }
    });
    Snapshot {
        now,
        state: place.to_owned(),
        severity: worst(&findings, now),
        stored: stored(&overview.totals),
        pace: rates::pace(now, &overview.flow, &overview.watched),
        latency: rates::latency(&overview.latest),
        history_left,
        bundles: bundles.collect(),
        more_bundles,
        failed: overview.failed,
        pools: workers.iter().flat_map(|worker| pools(worker, &overview.orders)).collect(),
        sources: sources.iter().map(|named| standing(named, &overview.sources, &overview.duties)).collect(),
        lanes: overview.lanes,
        workers,
        orders: overview.orders,
        findings,
    }
}

fn stored(totals: &[Total]) -> Stored {
    totals.iter().fold(Stored::default(), |sum, total| Stored {
        archives: sum.archives + total.archives,
        archive_bytes: sum.archive_bytes + total.archive_bytes,
        files: sum.files + total.stored_files,
        file_bytes: sum.file_bytes + total.stored_bytes,
    })
}

fn worker(row: &SessionRow, now: Time) -> Worker {
    // What another version or a broken worker wrote is shown as it is, and counts for nothing where it does not fit.
    let doing: Value = serde_json::from_str(&row.doing).unwrap_or(Value::Null);
    let number = |key: &str| doing.get(key).and_then(Value::as_u64);
    let scanning: BTreeMap<String, String> = doing
        .get("scanning")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(name, word)| Some((name.clone(), word.as_str()?.to_owned())))
        .collect();
    Worker {
        session: row.id.0,
        host: row.process.host.clone(),
        pid: row.process.pid,
        kinds: row.kinds.clone(),
        started: row.started,
        last_seen: row.last_seen,
        alive: row.lease_until > now,
        scanning,
        staging: number("staging_used").zip(number("staging_budget")),
        in_hand: number("in_hand"),
        doing,
    }
}

fn list<'a>(worker: &'a Worker, key: &str) -> impl Iterator<Item = &'a Value> {
    worker.doing.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// What a worker says of bundles that it fills or sends, by the archive's name.
fn progress_of(worker: &Worker) -> impl Iterator<Item = (String, Progress)> {
    list(worker, "bundles").filter_map(|bundle| {
        let number = |key: &str| bundle.get(key).and_then(Value::as_u64);
        let (done, elapsed) = (number("done")?, Duration::from_millis(number("elapsed_ms")?));
        let progress = Progress {
            done,
            // A file larger than what was left of the target goes in whole.
            of: number("of")?.max(done),
            rate: rates::progress(done, elapsed),
            at: worker.last_seen,
        };
        Some((bundle.get("archive")?.as_str()?.to_owned(), progress))
    })
}

fn pools(worker: &Worker, orders: &[OrderRow]) -> Vec<PoolRow> {
    let pool = |value: &Value| {
        let number = |key: &str| value.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        let is = |key: &str| value.get(key).and_then(Value::as_bool);
        let name = value.get("pool")?.as_str()?.to_owned();
        let order = orders.iter().find(|order| order.host == worker.host && order.pool == name).cloned();
        Some(PoolRow {
            host: worker.host.clone(),
            pid: worker.pid,
            busy: number("busy")?,
            size: number("size")?,
            paused: is("paused")?,
            draining: is("draining")?,
            seen: worker.last_seen,
            alive: worker.alive,
            pool: name,
            order,
        })
    };
    list(worker, "pools").filter_map(pool).collect()
}

fn standing((name, place): &(String, String), rows: &[SourceRow], duties: &[(String, DutyRow)]) -> SourceStanding {
    let row = rows.iter().find(|row| row.name == *name);
    let duty = duty_of(name);
    let duty = duties.iter().find(|(name, _)| *name == duty);
    SourceStanding {
        name: name.clone(),
        place: place.clone(),
        scanned: row.and_then(|row| row.scanned),
        files: row.and_then(|row| row.files_present),
        last_scan: duty.and_then(|(_, duty)| duty.result.clone()),
    }
}

/// The rule of a finding that only a report can see; nobody is there to write it down.
pub const NOBODY_WORKS: &str = "worker.none";

/// Open findings, and what only a report can see: that nobody works.
fn findings(mut rows: Vec<NoticeRow>, lanes: &[LaneState], workers: &[Worker], now: Time) -> Vec<NoticeRow> {
    let waiting: u64 = lanes.iter().map(|lane| lane.files).sum();
    if waiting > 0 && !workers.iter().any(|worker| worker.alive) {
        rows.push(NoticeRow {
            rule: NOBODY_WORKS.to_owned(),
            object: "queue".to_owned(),
            scope: "report".to_owned(),
            severity: Severity::Warning,
            worst: Severity::Warning,
            value: format!("{} files wait and no worker runs", Count(waiting)),
            limit: "a worker that is heard of".to_owned(),
            since: now,
            seen_at: now,
            next_step: "start one: firn run".to_owned(),
            ack_until: None,
        });
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.severity));
    rows
}

/// The worst of what nobody has acknowledged, or for no longer.
fn worst(findings: &[NoticeRow], now: Time) -> Severity {
    let open = findings.iter().filter(|row| row.ack_until.is_none_or(|until| until <= now));
    open.map(|row| row.severity).max().unwrap_or_default()
}
