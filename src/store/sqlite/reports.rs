//! What reports read: pages by key, counts with an end, sums of tallies. Nothing here grows with archived rows.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{Row, ToSql, params};

use super::db::Db;
use super::{files, flow, notices, sessions, tally, uploads};
use crate::base::Time;
use crate::base::ids::{ArchiveId, ArchiveUuid, FileId, Lane};
use crate::store::{
    ArchiveRow, COUNTED_UP_TO, Due, FailedRow, LaneState, Look, MemberRow, Overview, QueueRow, QueueState, Result,
    RunningPlan, SessionRow, Unfinished,
};

pub(super) fn lanes(db: &Db<'_>) -> Result<Vec<LaneState>> {
    let totals = tally::totals(db)?;
    let mut lanes = Vec::new();
    for lane in Lane::ALL {
        let total = totals.iter().find(|total| total.vault.is_empty() && total.lane == lane.word());
        let (files, bytes) = total.map_or((0, 0), |t| {
            (t.queued_files.saturating_sub(t.left_files), t.queued_bytes.saturating_sub(t.left_bytes))
        });
        let count = |state| {
            db.one(
                "SELECT count(*) FROM (SELECT 1 FROM queue WHERE lane = ?1 AND state = ?2 LIMIT ?3)",
                params![lane, state, COUNTED_UP_TO],
                |row| row.get(0),
            )
        };
        let mut oldest: Option<Time> = None;
        for state in [QueueState::Queued, QueueState::Fetching, QueueState::Bundled] {
            // Rows are due in the order they were queued, but for failures: the first is the oldest of its state.
            let first = db.one(
                "SELECT queued_at FROM queue WHERE lane = ?1 AND state = ?2 ORDER BY next_try, file LIMIT 1",
                params![lane, state],
                |row| row.get(0),
            )?;
            oldest = [oldest, first].into_iter().flatten().min();
        }
        lanes.push(LaneState {
            lane,
            files,
            bytes,
            queued: count(QueueState::Queued)?.unwrap_or(0),
            fetching: count(QueueState::Fetching)?.unwrap_or(0),
            bundled: count(QueueState::Bundled)?.unwrap_or(0),
            failed: count(QueueState::Failed)?.unwrap_or(0),
            oldest,
        });
    }
    Ok(lanes)
}

const QUEUED: &str = "q.file, s.name, f.key, q.lane, q.state, f.length, q.attempts, q.queued_at, q.next_try
    FROM queue q JOIN file f ON f.id = q.file JOIN source s ON s.id = f.source";

fn read_queued(row: &Row<'_>) -> rusqlite::Result<QueueRow> {
    Ok(QueueRow {
        file: row.get(0)?,
        source: row.get(1)?,
        key: row.get(2)?,
        lane: row.get(3)?,
        state: row.get(4)?,
        length: row.get(5)?,
        attempts: row.get(6)?,
        queued_at: row.get(7)?,
        next_try: row.get(8)?,
    })
}

pub(super) fn queue_page(
    db: &Db<'_>,
    lane: Lane,
    state: QueueState,
    after: Option<(Time, FileId)>,
    limit: u32,
) -> Result<Vec<QueueRow>> {
    let (time, file) = after.unwrap_or((Time::from_micros(i64::MIN), FileId(i64::MIN)));
    // The row value keeps SQLite on the index: it seeks to the pair and reads the page.
    db.rows(
        &format!(
            "SELECT {QUEUED} WHERE q.lane = ?1 AND q.state = ?2 AND (q.next_try, q.file) > (?3, ?4)
             ORDER BY q.next_try, q.file LIMIT ?5"
        ),
        params![lane, state, time, file, limit],
        read_queued,
    )
}

pub(super) fn failed_page(db: &Db<'_>, after: Option<(Time, FileId)>, limit: u32) -> Result<Vec<FailedRow>> {
    let mut rows = Vec::new();
    for lane in Lane::ALL {
        rows.extend(queue_page(db, lane, QueueState::Failed, after, limit)?);
    }
    rows.sort_by_key(|row| (row.next_try, row.file));
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    with_reasons(db, rows)
}

pub(super) fn failed_page_before(db: &Db<'_>, before: Option<(Time, FileId)>, limit: u32) -> Result<Vec<FailedRow>> {
    let (time, file) = before.unwrap_or((Time::from_micros(i64::MAX), FileId(i64::MAX)));
    let mut rows = Vec::new();
    for lane in Lane::ALL {
        rows.extend(db.rows(
            &format!(
                "SELECT {QUEUED} WHERE q.lane = ?1 AND q.state = ?2 AND (q.next_try, q.file) < (?3, ?4)
                 ORDER BY q.next_try DESC, q.file DESC LIMIT ?5"
            ),
            params![lane, QueueState::Failed, time, file, limit],
            read_queued,
        )?);
    }
    rows.sort_by_key(|row| (row.next_try, row.file));
    let surplus = rows.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    rows.drain(..surplus);
    with_reasons(db, rows)
}

fn with_reasons(db: &Db<'_>, rows: Vec<QueueRow>) -> Result<Vec<FailedRow>> {
    rows.into_iter()
        .map(|row| {
            let reason = db.one(
                "SELECT reason, detail FROM failure WHERE file = ? ORDER BY id DESC LIMIT 1",
                [row.file],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            Ok(FailedRow { row, reason })
        })
        .collect()
}

pub(super) fn overview(db: &Db<'_>, look: Look) -> Result<Overview> {
    let since = db.now().minus(look.flow);
    let sessions = sessions::open(db)?;
    Ok(Overview {
        now: db.now(),
        totals: tally::totals(db)?,
        lanes: lanes(db)?,
        running: running(db, look.plans, &sessions)?,
        sessions,
        notices: notices::notices(db)?,
        archives: archives_live(db, look.archives)?,
        failed: failed_page(db, None, look.failed)?,
        orders: notices::all_orders(db)?,
        sources: files::sources(db)?,
        duties: notices::duties(db)?,
        flow: flow::rows(db, since)?,
        watched: flow::watched(db, since)?,
        latest: flow::latest(db, db.now().minus(look.latest_within), look.latest)?,
    })
}

/// Plans that run. What a host is called is known by its sessions; where none is open, by those that ended lately.
fn running(db: &Db<'_>, limit: u32, open: &[SessionRow]) -> Result<Vec<RunningPlan>> {
    let mut plans = db.rows(
        // 2: running; as a literal, for the index.
        "SELECT id, host, coalesce(confirmed_at, made_at) FROM plan INDEXED BY plan_live WHERE live = 1 AND state = 2
         ORDER BY made_at, id LIMIT ?",
        [limit],
        |row| Ok(RunningPlan { plan: row.get(0)?, host: row.get(1)?, host_name: None, since: row.get(2)? }),
    )?;
    let mut names: HashMap<String, String> = HashMap::new();
    for session in open {
        names.insert(session.process.host_key(), session.process.host.clone());
    }
    if plans.iter().any(|plan| !names.contains_key(&plan.host)) {
        for (key, name) in sessions::hosts_lately(db)? {
            names.entry(key).or_insert(name);
        }
    }
    for plan in &mut plans {
        plan.host_name = names.get(&plan.host).cloned();
    }
    Ok(plans)
}

const ARCHIVE: &str =
    "id, uuid, vault, lane, state, owner, closed_by, size, files, manifest_offset, tree_hash, check_kind,
    check_value, remote_id, attempts, next_try, note, opened_at, sealed_at, uploading_at, stored_at FROM archive";

fn read_archive(row: &Row<'_>) -> rusqlite::Result<ArchiveRow> {
    Ok(ArchiveRow {
        id: row.get(0)?,
        uuid: row.get(1)?,
        vault: row.get(2)?,
        lane: row.get(3)?,
        state: row.get(4)?,
        owner: row.get(5)?,
        closed_by: row.get(6)?,
        size: row.get(7)?,
        files: row.get(8)?,
        manifest_offset: row.get(9)?,
        tree_hash: row.get(10)?,
        check: uploads::read_check(row, 11)?,
        remote_id: row.get(13)?,
        attempts: row.get(14)?,
        next_try: row.get(15)?,
        note: row.get(16)?,
        opened_at: row.get(17)?,
        sealed_at: row.get(18)?,
        uploading_at: row.get(19)?,
        stored_at: row.get(20)?,
    })
}

pub(super) fn archives_live(db: &Db<'_>, limit: u32) -> Result<Vec<ArchiveRow>> {
    db.rows(
        &format!("SELECT {ARCHIVE} WHERE live = 1 AND state IN (0, 1, 2, 5) ORDER BY id LIMIT ?"),
        [limit],
        read_archive,
    )
}

pub(super) fn archive(db: &Db<'_>, uuid: ArchiveUuid) -> Result<Option<ArchiveRow>> {
    db.one(&format!("SELECT {ARCHIVE} WHERE uuid = ?"), [uuid], read_archive)
}

pub(super) fn members(db: &Db<'_>, archive: ArchiveId, after: Option<u64>, limit: u32) -> Result<Vec<MemberRow>> {
    let after = after.map_or(-1, |offset| i64::try_from(offset).unwrap_or(i64::MAX));
    db.rows(
        "SELECT m.file, f.source, f.key, m.header_offset, m.data_offset, m.length, f.sha256
         FROM member m JOIN file f ON f.id = m.file
         WHERE m.archive = ?1 AND m.header_offset > ?2 ORDER BY m.header_offset LIMIT ?3",
        params![archive, after, limit],
        |row| {
            Ok(MemberRow {
                file: row.get(0)?,
                source: row.get(1)?,
                key: row.get(2)?,
                header_offset: row.get(3)?,
                data_offset: row.get(4)?,
                length: row.get(5)?,
                sha256: row.get(6)?,
            })
        },
    )
}

pub(super) fn staged(db: &Db<'_>, host: &str, dir: &Path) -> Result<Vec<(String, ArchiveUuid, Option<u64>)>> {
    db.rows(
        "SELECT staging_name, uuid, CASE WHEN host = ?1 AND staging_dir = ?2 THEN size END FROM archive
         WHERE live = 1 AND state IN (0, 1, 2, 5) AND staging_name IS NOT NULL",
        params![host, dir.as_os_str().as_bytes()],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

pub(super) fn due(db: &Db<'_>, host: &str) -> Result<Due> {
    let mut due = Due::default();
    let is = |sql: &str, params: &[&dyn ToSql]| Ok(db.one(sql, params, |_| Ok(()))?.is_some());
    for (place, lane) in Lane::ALL.iter().enumerate() {
        due.fetch[place] = is(
            "SELECT 1 FROM queue WHERE lane = ?1 AND state = 0 AND next_try <= ?2
             UNION ALL SELECT 1 FROM queue WHERE lane = ?1 AND state = 3 AND next_try <= ?2 LIMIT 1",
            params![lane, db.now()],
        )?;
        due.upload[place] = is(
            "SELECT 1 FROM archive WHERE live = 1 AND state = 1 AND lane = ?1 AND next_try <= ?2 AND host = ?3 LIMIT 1",
            params![lane, db.now(), host],
        )?;
    }
    due.settle = is(&format!("SELECT 1 FROM archive a WHERE {} LIMIT 1", uploads::TO_SETTLE), params![db.now()])?;
    Ok(due)
}

pub(super) fn unfinished(db: &Db<'_>, attempts: u32) -> Result<Unfinished> {
    let mut left = Unfinished::default();
    for lane in Lane::ALL {
        let some = |states: &str| {
            let sql = format!("SELECT 1 FROM queue WHERE lane = ? AND state IN ({states}) LIMIT 1");
            Ok(db.one(&sql, [lane], |_| Ok(()))?.is_some())
        };
        left.waiting |= some("0")?;
        left.fetching |= some("1")?;
        left.bundled |= some("2")?;
        let retry: Option<Time> = db.one(
            "SELECT next_try FROM queue WHERE lane = ?1 AND state = 3 AND attempts < ?2 ORDER BY next_try LIMIT 1",
            params![lane, attempts],
            |row| row.get(0),
        )?;
        left.retry_at = [left.retry_at, retry].into_iter().flatten().min();
        left.given_up += db
            .one(
                "SELECT count(*) FROM (SELECT 1 FROM queue WHERE lane = ?1 AND state = 3 AND attempts >= ?2 LIMIT ?3)",
                params![lane, attempts, COUNTED_UP_TO],
                |row| row.get::<_, u64>(0),
            )?
            .unwrap_or(0);
    }
    let live = db.one("SELECT 1 FROM archive WHERE live = 1 AND state IN (0, 1, 2, 5) LIMIT 1", [], |_| Ok(()))?;
    left.archives = live.is_some();
    Ok(left)
}
