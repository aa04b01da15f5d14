//! A snapshot for scripts. Names are stable: fields are added, none is renamed. Times are RFC 3339 in UTC, sizes bytes,
//! spans whole seconds (rounded down) unless the name says otherwise; what is not known is null. Bytes that are not UTF-8
//! stand as base64 under a name that ends in `_b64`.

use serde_json::{Map, Value, json};

use super::{Bundle, PoolRow, Progress, Snapshot, SourceStanding, Worker};
use crate::base::Time;
use crate::base::encode::put_bytes;
use crate::store::{
    ArchiveState, BUCKET, COUNTED_UP_TO, ClosedBy, FailedRow, FailureRow, LaneState, NoticeRow, OrderRow, QueueRow,
};

/// All of it.
pub fn json(snapshot: &Snapshot) -> Value {
    let now = snapshot.now;
    let pace = &snapshot.pace;
    let latency = &snapshot.latency;
    json!({
        "time": now.to_string(),
        "severity": snapshot.severity.word(),
        "state": snapshot.state,
        "stored": {
            "archives": snapshot.stored.archives,
            "archive_bytes": snapshot.stored.archive_bytes,
            "files": snapshot.stored.files,
            "file_bytes": snapshot.stored.file_bytes,
        },
        "lanes": lanes(snapshot),
        "counted_up_to": COUNTED_UP_TO,
        "archives": on_the_way(snapshot),
        "pace": {
            "found_per_minute": pace.found_per_minute,
            "stored_per_minute": pace.stored_per_minute,
            "bytes_per_second": pace.bytes_per_second,
            "bucket_seconds": BUCKET.as_secs(),
            "found": pace.found,
            "bytes": pace.bytes,
        },
        "latency": {
            "files": latency.files,
            "p50_seconds": latency.p50.map(|span| span.as_secs_f64()),
            "p99_seconds": latency.p99.map(|span| span.as_secs_f64()),
        },
        "history_left_seconds": snapshot.history_left.map(|span| span.as_secs()),
        "bundles": snapshot.bundles.iter().map(|row| bundle(row, now)).collect::<Vec<_>>(),
        "failed": snapshot.failed.iter().map(failed).collect::<Vec<_>>(),
        "sources": snapshot.sources.iter().map(source).collect::<Vec<_>>(),
        "workers": snapshot.workers.iter().map(worker).collect::<Vec<_>>(),
        "pools": snapshot.pools.iter().map(pool).collect::<Vec<_>>(),
        "orders": snapshot.orders.iter().map(order).collect::<Vec<_>>(),
        "findings": snapshot.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// A time, or null.
pub fn time(at: Option<Time>) -> Value {
    at.map_or(Value::Null, |at| Value::from(at.to_string()))
}

/// The lanes, live first.
pub fn lanes(snapshot: &Snapshot) -> Value {
    snapshot.lanes.iter().map(|row| lane(row, snapshot.now)).collect()
}

fn lane(lane: &LaneState, now: Time) -> Value {
    json!({
        "lane": lane.lane.word(),
        "files": lane.files,
        "bytes": lane.bytes,
        "queued": lane.queued,
        "fetching": lane.fetching,
        "bundled": lane.bundled,
        "failed": lane.failed,
        "oldest": time(lane.oldest),
        "oldest_seconds": lane.oldest.map(|at| now.since(at).as_secs()),
    })
}

/// How many archives of those listed are in each state that is not final.
pub fn on_the_way(snapshot: &Snapshot) -> Value {
    let count = |state| snapshot.bundles.iter().filter(|bundle| bundle.row.state == state).count();
    json!({
        "open": count(ArchiveState::Open),
        "sealed": count(ArchiveState::Sealed),
        "uploading": count(ArchiveState::Uploading),
        "unknown": count(ArchiveState::Unknown),
        "more": snapshot.more_bundles,
    })
}

/// An archive on its way.
pub fn bundle(bundle: &Bundle, now: Time) -> Value {
    let row = &bundle.row;
    json!({
        "uuid": row.uuid.to_string(),
        "lane": row.lane.word(),
        "state": row.state.word(),
        "files": row.files,
        "bytes": row.size,
        "closed_by": row.closed_by.map(ClosedBy::word),
        "opened": row.opened_at.to_string(),
        "age_seconds": now.since(row.opened_at).as_secs(),
        "attempts": row.attempts,
        "next_try": time(row.next_try.filter(|_| row.attempts > 0)),
        "note": row.note,
        "worker": bundle.worker,
        "progress": bundle.progress.map(progress),
    })
}

fn progress(progress: Progress) -> Value {
    json!({
        "done": progress.done,
        "of": progress.of,
        "bytes_per_second": progress.rate,
        "at": progress.at.to_string(),
    })
}

/// A queued file.
pub fn queued(row: &QueueRow) -> Map<String, Value> {
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

/// A failed file.
pub fn failed(row: &FailedRow) -> Map<String, Value> {
    let mut object = queued(&row.row);
    let (reason, detail) = row.reason.clone().unzip();
    object.insert("reason".to_owned(), Value::from(reason));
    object.insert("detail".to_owned(), Value::from(detail));
    object
}

/// A failed attempt.
pub fn failure(row: &FailureRow) -> Value {
    json!({ "at": row.at.to_string(), "stage": row.stage, "reason": row.reason, "detail": row.detail })
}

fn source(source: &SourceStanding) -> Value {
    json!({
        "name": source.name,
        "place": source.place,
        "scanned": time(source.scanned),
        "files": source.files,
        "last_scan": source.last_scan,
    })
}

fn worker(worker: &Worker) -> Value {
    json!({
        "session": worker.session,
        "host": worker.host,
        "pid": worker.pid,
        "kinds": worker.kinds,
        "started": worker.started.to_string(),
        "last_seen": worker.last_seen.to_string(),
        "alive": worker.alive,
        "doing": worker.doing,
    })
}

fn pool(pool: &PoolRow) -> Value {
    json!({
        "host": pool.host,
        "pid": pool.pid,
        "pool": pool.pool,
        "busy": pool.busy,
        "size": pool.size,
        "paused": pool.paused,
        "draining": pool.draining,
        "seen": pool.seen.to_string(),
        "alive": pool.alive,
        "order": pool.order.as_ref().map(order),
    })
}

fn order(order: &OrderRow) -> Value {
    json!({
        "host": order.host,
        "pool": order.pool,
        "size": order.size,
        "paused": order.paused,
        "drain": order.drain,
        "generation": order.generation.0,
        "who": order.who,
        "at": order.at.to_string(),
        "until": time(order.until),
        "applied": order.applied.map(|generation| generation.0),
        "result": order.result,
    })
}

fn finding(row: &NoticeRow) -> Value {
    json!({
        "severity": row.severity.word(),
        "rule": row.rule,
        "object": row.object,
        "value": row.value,
        "limit": row.limit,
        "since": row.since.to_string(),
        "next_step": row.next_step,
        "acknowledged_until": time(row.ack_until),
    })
}
