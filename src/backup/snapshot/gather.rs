//! Reads the state and makes of it what is shown. One transaction: a screen and a script that look at the same instant
//! see the same values.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value;

pub use super::seen::{NOBODY_RESTORES, NOBODY_WORKS, POOL_STANDS};
use super::seen::{findings, nobody_restores, standing_still};
use super::{ARCHIVES, Bundle, FAILED, PoolRow, Progress, Snapshot, SourceStanding, Stored, Worker, rates};
use crate::backup::scan::duty_of;
use crate::base::{Severity, Time};
use crate::store::{
    ArchiveState, DutyRow, Look, NoticeRow, OrderRow, Overview, SessionRow, SourceRow, Store, StoreError, Total,
};

/// Plans that run and that are looked at.
const PLANS: u32 = 1000;

/// What a snapshot reads.
const LOOK: Look = Look {
    archives: ARCHIVES + 1,
    failed: FAILED,
    plans: PLANS,
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
    let mut workers: Vec<Worker> = overview.sessions.iter().map(|row| worker(row, now)).collect();
    // Those that back up come first: what this is about.
    workers.sort_by_key(|worker| !backs_up(worker));
    let pools: Vec<PoolRow> = workers.iter().flat_map(|worker| pools(worker, &overview.orders)).collect();
    let sealed = overview.archives.iter().filter(|row| row.state == ArchiveState::Sealed).count() as u64;
    let mut notices = overview.notices;
    notices.extend(standing_still(&pools, &overview.lanes, sealed, now));
    let nobody = nobody_restores(&notices, &overview.running, &overview.sessions, now);
    notices.extend(nobody);
    let findings = findings(notices, &overview.lanes, &workers, now);
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
        pools,
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

/// Whether it does any of the work that this is about. (A session of an older firn that names nothing does.)
pub(super) fn backs_up(worker: &Worker) -> bool {
    let others = worker.kinds == "alert" || worker.kinds == "restore" || worker.kinds.starts_with("restore plan ");
    !others
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

/// The worst of what nobody has acknowledged, or for no longer.
fn worst(findings: &[NoticeRow], now: Time) -> Severity {
    let open = findings.iter().filter(|row| row.ack_until.is_none_or(|until| until <= now));
    open.map(|row| row.severity).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::ProcessIdentity;
    use crate::base::ids::{ArchiveId, ArchiveUuid, Generation, Lane, SessionId};
    use crate::store::{ArchiveRow, LaneState};
    use proptest::prelude::*;

    const NOW: Time = Time::from_secs(1000);

    fn session(id: i64, lease_until: i64, doing: &str) -> SessionRow {
        SessionRow {
            id: SessionId(id),
            process: ProcessIdentity {
                host: "alpha".to_owned(),
                machine_id: String::new(),
                boot_id: String::new(),
                pid_namespace: String::new(),
                pid: 70 + u32::try_from(id).unwrap(),
                pid_start: 1,
            },
            kinds: "scan,fetch".to_owned(),
            started: Time::from_secs(1),
            last_seen: Time::from_secs(998),
            lease_until: Time::from_secs(lease_until),
            doing: doing.to_owned(),
        }
    }

    fn archive(owner: i64) -> ArchiveRow {
        ArchiveRow {
            id: ArchiveId(1),
            uuid: ArchiveUuid(uuid::Uuid::from_u128(1)),
            vault: "cold".to_owned(),
            lane: Lane::Live,
            state: ArchiveState::Open,
            owner: Some(SessionId(owner)),
            closed_by: None,
            size: None,
            files: None,
            manifest_offset: None,
            tree_hash: None,
            check: None,
            remote_id: None,
            attempts: 0,
            next_try: None,
            note: None,
            opened_at: NOW,
            sealed_at: None,
            uploading_at: None,
            stored_at: None,
        }
    }

    fn overview(sessions: Vec<SessionRow>) -> Overview {
        Overview {
            now: NOW,
            totals: Vec::new(),
            lanes: Vec::new(),
            sessions,
            notices: Vec::new(),
            archives: vec![archive(1)],
            failed: Vec::new(),
            running: Vec::new(),
            orders: Vec::new(),
            sources: Vec::new(),
            duties: Vec::new(),
            flow: Vec::new(),
            watched: Vec::new(),
            latest: Vec::new(),
        }
    }

    const DOING: &str = r#"{"pools":[{"pool":"fetch","size":8,"busy":3,"paused":false,"draining":true}],
        "scanning":{"ugc":"watching"},"staging_used":10,"staging_budget":100,"in_hand":4,
        "bundles":[{"archive":"00000000-0000-0000-0000-000000000001","done":120,"of":100,"elapsed_ms":4000}]}"#;

    #[test]
    fn what_a_worker_wrote_is_read() {
        let snapshot = from("state", overview(vec![session(1, 1001, DOING)]), &[]);
        let worker = &snapshot.workers[0];
        assert_eq!((worker.staging, worker.in_hand, worker.alive), (Some((10, 100)), Some(4), true));
        assert_eq!(worker.scanning["ugc"], "watching");
        let pool = &snapshot.pools[0];
        assert_eq!((pool.busy, pool.size, pool.paused, pool.draining), (3, 8, false, true));
        let at = Time::from_secs(998);
        // A file larger than the target went in whole.
        let expected = Progress { done: 120, of: 120, rate: Some(30.0), at };
        assert_eq!(
            (snapshot.bundles[0].progress, snapshot.bundles[0].worker.as_deref()),
            (Some(expected), Some("alpha 71"))
        );
    }

    #[test]
    fn who_is_not_heard_of_any_more_tells_nothing_of_progress() {
        let snapshot = from("state", overview(vec![session(1, 1000, DOING)]), &[]);
        assert_eq!((snapshot.workers[0].alive, snapshot.pools[0].alive), (false, false));
        assert_eq!(snapshot.bundles[0].progress, None);
    }

    #[test]
    fn orders_stand_beside_the_pools_they_are_for() {
        let order = |host: &str, pool: &str| OrderRow {
            host: host.to_owned(),
            pool: pool.to_owned(),
            size: None,
            paused: true,
            drain: false,
            generation: Generation(3),
            who: "kim".to_owned(),
            at: NOW,
            until: None,
            applied: None,
            result: None,
        };
        let orders = vec![order("beta", "fetch"), order("alpha", "upload"), order("alpha", "fetch")];
        let seen = Overview { orders: orders.clone(), ..overview(vec![session(1, 1001, DOING)]) };
        let snapshot = from("state", seen, &[]);
        assert_eq!(snapshot.pools[0].order.as_ref(), Some(&orders[2]));
        assert_eq!(snapshot.orders, orders);
    }

    #[test]
    fn severity_is_the_worst_that_nobody_has_acknowledged() {
        let notice = |severity, ack_until: Option<i64>| NoticeRow {
            rule: "rule".to_owned(),
            object: "object".to_owned(),
            scope: String::new(),
            severity,
            worst: severity,
            value: String::new(),
            limit: String::new(),
            since: NOW,
            seen_at: NOW,
            next_step: String::new(),
            ack_until: ack_until.map(Time::from_secs),
        };
        let severity = |notices: &[NoticeRow]| {
            from("state", Overview { notices: notices.to_vec(), ..overview(Vec::new()) }, &[]).severity
        };
        assert_eq!(severity(&[]), Severity::Ok);
        let warning = notice(Severity::Warning, None);
        assert_eq!(severity(&[notice(Severity::Critical, Some(1001)), warning.clone()]), Severity::Warning);
        assert_eq!(severity(&[notice(Severity::Critical, Some(1000)), warning]), Severity::Critical, "it is over");
        let waits = LaneState {
            lane: Lane::Live,
            files: 2,
            bytes: 0,
            queued: 2,
            fetching: 0,
            bundled: 0,
            failed: 0,
            oldest: None,
        };
        let nobody = from("state", Overview { lanes: vec![waits.clone()], ..overview(Vec::new()) }, &[]);
        assert_eq!((nobody.severity, nobody.findings[0].rule.as_str()), (Severity::Warning, NOBODY_WORKS));
        let lost = from("state", Overview { lanes: vec![waits], ..overview(vec![session(1, 1000, "")]) }, &[]);
        assert_eq!(lost.findings[0].value, "2 files wait and no worker runs");
    }

    #[test]
    fn there_is_a_word_when_there_are_more_archives() {
        let many = |count: usize| {
            let snapshot = from("state", Overview { archives: vec![archive(1); count], ..overview(Vec::new()) }, &[]);
            (snapshot.bundles.len(), snapshot.more_bundles)
        };
        assert_eq!((many(1000), many(1001)), ((1000, false), (1000, true)));
    }

    /// JSON of any shape, with the names that are looked for in it.
    fn nonsense() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i16>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            let names = prop::sample::select(vec![
                "pools",
                "bundles",
                "scanning",
                "pool",
                "busy",
                "size",
                "paused",
                "draining",
                "archive",
                "done",
                "of",
                "elapsed_ms",
                "staging_used",
                "staging_budget",
                "in_hand",
            ]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((names, inner), 0..8).prop_map(|fields| {
                    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_worker_that_writes_nonsense_harms_nobody(doing in nonsense(), cut in 0usize..200) {
            let text = doing.to_string();
            let cut: String = text.chars().take(cut).collect();
            let snapshot = from("state", overview(vec![session(1, 1001, DOING), session(2, 1001, &text), session(3, 1001, &cut)]), &[]);
            prop_assert_eq!(snapshot.workers.len(), 3);
            prop_assert_eq!(&snapshot.workers[1].doing, &doing);
            prop_assert!(snapshot.bundles[0].progress.is_some());
            prop_assert_eq!(super::super::json(&snapshot)["workers"].as_array().map(Vec::len), Some(3));
        }
    }
}
