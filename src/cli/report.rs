//! What `status` and `queue` show: one set of values, rendered as text or as JSON. Field names are stable.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::encode::put_bytes;
use crate::base::ids::Lane;
use crate::base::{Severity, Time};
use crate::store::{
    ArchiveRow, ArchiveState, FailedRow, LaneState, NoticeRow, QueueRow, SessionRow, Store, StoreError,
};

/// Archives on their way that a report counts and lists.
pub(super) const ARCHIVES: u32 = 1000;

/// A finding, as a report shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FindingReport {
    pub severity: &'static str,
    pub rule: String,
    pub object: String,
    pub value: String,
    pub limit: String,
    pub since: String,
    pub next_step: String,
    pub acknowledged_until: Option<String>,
    #[serde(skip)]
    pub level: Severity,
}

/// A lane, as a report shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LaneReport {
    pub lane: &'static str,
    pub files: u64,
    pub bytes: u64,
    pub queued: u64,
    pub fetching: u64,
    pub bundled: u64,
    pub failed: u64,
    pub oldest: Option<String>,
    pub oldest_seconds: Option<u64>,
}

impl LaneReport {
    pub fn new(lane: &LaneState, now: Time) -> Self {
        Self {
            lane: lane.lane.word(),
            files: lane.files,
            bytes: lane.bytes,
            queued: lane.queued,
            fetching: lane.fetching,
            bundled: lane.bundled,
            failed: lane.failed,
            oldest: lane.oldest.map(|at| at.to_string()),
            oldest_seconds: lane.oldest.map(|at| now.since(at).as_secs()),
        }
    }
}

/// A worker, as a report shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct WorkerReport {
    pub session: i64,
    pub host: String,
    pub pid: u32,
    pub kinds: String,
    pub started: String,
    pub last_seen: String,
    pub alive: bool,
    pub doing: Value,
}

impl WorkerReport {
    pub fn new(row: &SessionRow, now: Time) -> Self {
        Self {
            session: row.id.0,
            host: row.process.host.clone(),
            pid: row.process.pid,
            kinds: row.kinds.clone(),
            started: row.started.to_string(),
            last_seen: row.last_seen.to_string(),
            alive: row.lease_until > now,
            doing: serde_json::from_str(&row.doing).unwrap_or(Value::Null),
        }
    }
}

/// An archive on its way, as a report shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ArchiveReport {
    pub uuid: String,
    pub lane: &'static str,
    pub state: &'static str,
    pub files: Option<u64>,
    pub bytes: Option<u64>,
    pub closed_by: Option<&'static str>,
    pub opened: String,
    pub age_seconds: u64,
    pub attempts: u32,
    pub next_try: Option<String>,
    pub note: Option<String>,
}

impl ArchiveReport {
    pub fn new(row: &ArchiveRow, now: Time) -> Self {
        Self {
            uuid: row.uuid.to_string(),
            lane: row.lane.word(),
            state: row.state.word(),
            files: row.files,
            bytes: row.size,
            closed_by: row.closed_by.map(crate::store::ClosedBy::word),
            opened: row.opened_at.to_string(),
            age_seconds: now.since(row.opened_at).as_secs(),
            attempts: row.attempts,
            next_try: row.next_try.filter(|_| row.attempts > 0).map(|at| at.to_string()),
            note: row.note.clone(),
        }
    }
}

/// A queued file as JSON: its key as `key`, or `key_b64` when it is not UTF-8.
pub(super) fn queued(row: &QueueRow) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("source".to_owned(), Value::from(row.source.clone()));
    put_bytes(&mut object, "key", row.key.as_bytes());
    object.insert("lane".to_owned(), Value::from(row.lane.word()));
    object.insert("state".to_owned(), Value::from(row.state.word()));
    object.insert("bytes".to_owned(), Value::from(row.length));
    object.insert("queued".to_owned(), Value::from(row.queued_at.to_string()));
    object.insert("attempts".to_owned(), Value::from(row.attempts));
    object.insert("next_try".to_owned(), Value::from(row.next_try.to_string()));
    object
}

/// A failed file as JSON.
pub(super) fn failed(row: &FailedRow) -> Map<String, Value> {
    let mut object = queued(&row.row);
    let (reason, detail) = row.reason.clone().unzip();
    object.insert("reason".to_owned(), Value::from(reason));
    object.insert("detail".to_owned(), Value::from(detail));
    object
}

/// How many archives are in each state that is not final.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct OnTheWay {
    pub open: u64,
    pub sealed: u64,
    pub uploading: u64,
    pub unknown: u64,
    /// There are more than were counted.
    pub more: bool,
}

impl OnTheWay {
    pub fn count(archives: &[ArchiveRow]) -> Self {
        let mut counts = Self { more: archives.len() >= ARCHIVES as usize, ..Self::default() };
        for archive in archives {
            match archive.state {
                ArchiveState::Open => counts.open += 1,
                ArchiveState::Sealed => counts.sealed += 1,
                ArchiveState::Uploading => counts.uploading += 1,
                ArchiveState::Unknown => counts.unknown += 1,
                _ => {}
            }
        }
        counts
    }
}

/// Open findings, and what only a report can see: that nobody works.
pub(super) async fn findings(
    store: &dyn Store,
    lanes: &[LaneState],
    workers: &[WorkerReport],
    now: Time,
) -> Result<Vec<FindingReport>, StoreError> {
    let mut findings: Vec<FindingReport> = store.notices().await?.iter().map(finding).collect();
    let waiting: u64 = lanes.iter().map(|lane| lane.files).sum();
    if waiting > 0 && !workers.iter().any(|worker| worker.alive) {
        findings.push(FindingReport {
            severity: Severity::Warning.word(),
            rule: "worker.none".to_owned(),
            object: "queue".to_owned(),
            value: format!("{} files wait and no worker runs", crate::base::units::Count(waiting)),
            limit: "a worker that is heard of".to_owned(),
            since: now.to_string(),
            next_step: "start one: firn run".to_owned(),
            acknowledged_until: None,
            level: Severity::Warning,
        });
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    Ok(findings)
}

fn finding(row: &NoticeRow) -> FindingReport {
    FindingReport {
        severity: row.severity.word(),
        rule: row.rule.clone(),
        object: row.object.clone(),
        value: row.value.clone(),
        limit: row.limit.clone(),
        since: row.since.to_string(),
        next_step: row.next_step.clone(),
        acknowledged_until: row.ack_until.map(|at| at.to_string()),
        level: row.severity,
    }
}

/// The worst of the findings that nobody has acknowledged.
pub(super) fn worst(findings: &[FindingReport], rows_now: Time) -> Severity {
    let quiet = |finding: &&FindingReport| {
        finding.acknowledged_until.as_ref().is_none_or(|until| *until <= rows_now.to_string())
    };
    findings.iter().filter(quiet).map(|finding| finding.level).max().unwrap_or_default()
}

/// Lanes as reports, live first.
pub(super) fn lanes(states: &[LaneState], now: Time) -> Vec<LaneReport> {
    let mut reports: Vec<LaneReport> = states.iter().map(|lane| LaneReport::new(lane, now)).collect();
    reports.sort_by_key(|report| report.lane != Lane::Live.word());
    reports
}
