//! The queue: who fetches what, and what came of it.

use rusqlite::params;

use super::db::Db;
use super::{events, files};
use crate::base::faults;
use crate::base::ids::{FileId, Generation, Lane, SessionId};
use crate::store::{ChangedFile, Claimed, FetchFailure, QueueState, Result, StoreError};

pub(super) fn claim(db: &Db<'_>, session: SessionId, lane: Lane, limit: u32) -> Result<Vec<Claimed>> {
    super::alive(db, session)?;
    let mut claimed = Vec::new();
    for state in [QueueState::Failed, QueueState::Queued] {
        let left = limit.saturating_sub(u32::try_from(claimed.len()).unwrap_or(u32::MAX));
        // Failed files that are due take at most half of a claim, so that they cannot hold up what is new.
        let share = if state == QueueState::Failed { left.div_ceil(2) } else { left };
        claimed.extend(db.rows(
            "SELECT q.file, q.generation + 1, q.attempts, q.queued_at, f.source, q.archive,
                    f.key, f.version, f.length, f.mode, f.mtime_s, f.mtime_ns, f.domain, f.class, f.source_checksum
             FROM queue q JOIN file f ON f.id = q.file
             WHERE q.lane = ?1 AND q.state = ?2 AND q.next_try <= ?3 ORDER BY q.next_try, q.file LIMIT ?4",
            params![lane, state, db.now(), share],
            |row| {
                Ok(Claimed {
                    file: row.get(0)?,
                    generation: row.get(1)?,
                    lane,
                    attempts: row.get(2)?,
                    queued_at: row.get(3)?,
                    source: row.get(4)?,
                    resume: row.get(5)?,
                    found: files::read_found(row, 6)?,
                })
            },
        )?);
    }
    for file in &claimed {
        // An upload to be taken up again stays named until it is, or nobody would know that it is not left behind.
        db.run(
            "UPDATE queue SET state = ?2, owner = ?3, generation = generation + 1 WHERE file = ?1",
            params![file.file, QueueState::Fetching, session],
        )?;
    }
    if !claimed.is_empty() {
        faults::step("commit: claim");
    }
    Ok(claimed)
}

/// A claimed row must still be this session's, under the generation it was claimed with.
pub(super) const MINE: &str = "file = ?1 AND owner = ?2 AND generation = ?3 AND state = 1";

fn stale(file: FileId, session: SessionId) -> StoreError {
    StoreError::Stale { what: format!("file {file}"), session }
}

pub(super) fn give_back(db: &Db<'_>, session: SessionId, files: &[(FileId, Generation)]) -> Result<()> {
    for (file, generation) in files {
        let sql = format!(
            "UPDATE queue SET owner = NULL, generation = generation + 1,
                    state = CASE WHEN attempts > 0 THEN 3 ELSE 0 END WHERE {MINE}"
        );
        if db.run(&sql, params![file, session, generation])? == 0 {
            return Err(stale(*file, session));
        }
    }
    Ok(())
}

/// Files that nothing is wrong with and that cannot be had now: due again at `next_try`, without a word.
pub(super) fn put_off(
    db: &Db<'_>,
    session: SessionId,
    files: &[(FileId, Generation)],
    next_try: crate::base::Time,
) -> Result<()> {
    give_back(db, session, files)?;
    for (file, _) in files {
        db.run("UPDATE queue SET next_try = ?2 WHERE file = ?1", params![file, next_try])?;
    }
    Ok(())
}

pub(super) fn failed(db: &Db<'_>, session: SessionId, failures: &[FetchFailure]) -> Result<()> {
    for failure in failures {
        let sql = format!(
            "UPDATE queue SET owner = NULL, generation = generation + 1, archive = NULL, attempts = attempts + ?5,
                    state = 3, next_try = ?4 WHERE {MINE}"
        );
        if db.run(&sql, params![failure.file, session, failure.generation, failure.next_try, failure.counts])? == 0 {
            return Err(stale(failure.file, session));
        }
        events::failure(db, "fetch", Some(failure.file), None, &failure.reason, &failure.detail)?;
    }
    Ok(())
}

pub(super) fn gone(db: &Db<'_>, session: SessionId, claims: &[(FileId, Generation)]) -> Result<()> {
    for (file, generation) in claims {
        mine(db, session, *file, *generation)?;
        files::leave_queue(db, session, *file, "state = 1")?;
        db.run("UPDATE file SET gone_at = coalesce(gone_at, ?2) WHERE id = ?1", params![file, db.now()])?;
    }
    Ok(())
}

pub(super) fn changed(db: &Db<'_>, session: SessionId, changes: &[ChangedFile]) -> Result<()> {
    for change in changes {
        let lane = mine(db, session, change.file, change.generation)?;
        files::changed(db, session, lane, change)?;
        if let Some((detail, _)) = &change.failed {
            events::failure(db, "fetch", Some(change.file), None, "changing", detail)?;
        }
    }
    Ok(())
}

fn mine(db: &Db<'_>, session: SessionId, file: FileId, generation: Generation) -> Result<Lane> {
    let lane =
        db.one(&format!("SELECT lane FROM queue WHERE {MINE}"), params![file, session, generation], |row| row.get(0))?;
    lane.ok_or_else(|| stale(file, session))
}

pub(super) fn retry(db: &Db<'_>, only: Option<FileId>) -> Result<u64> {
    db.run(
        "UPDATE queue SET next_try = ?2
         WHERE lane IN (0, 1) AND state IN (0, 3) AND next_try > ?2 AND (?1 IS NULL OR file = ?1)",
        params![only, db.now()],
    )
}
