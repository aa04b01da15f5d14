//! Sources and their files: what was found, what is gone.

use rusqlite::{Row, params};
use sha2::{Digest as _, Sha256};

use super::db::Db;
use super::tally::{self, Add};
use crate::base::hash::Hash16;
use crate::base::ids::{FileId, Key, Lane, SessionId, SourceId, Version};
use crate::base::{FileTime, Time};
use crate::store::{FoundFile, FoundOutcome, QueueState, Result, SourceRow, StoreError};

/// The first half of a key's SHA-256: what an index can hold of a key of any length.
pub(super) fn key_hash(key: &Key) -> Hash16 {
    let mut half = [0; 16];
    half.copy_from_slice(&Sha256::digest(key.as_bytes())[..16]);
    Hash16(half)
}

pub(super) fn source(db: &Db<'_>, name: &str, kind: &str) -> Result<SourceRow> {
    db.run("INSERT INTO source (name, kind) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING", params![name, kind])?;
    let row = db.one(
        "SELECT id, name, device, files_present, scanned, scanned_by FROM source WHERE name = ?",
        [name],
        |row| {
            Ok(SourceRow {
                id: row.get(0)?,
                name: row.get(1)?,
                device: row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned),
                files_present: row.get(3)?,
                scanned: row.get(4)?,
                scanned_by: row.get(5)?,
            })
        },
    )?;
    row.ok_or_else(|| StoreError::Impossible(format!("the source {name:?} was entered and is not there")))
}

pub(super) fn rooted(db: &Db<'_>, source: SourceId, device: Option<u64>) -> Result<()> {
    db.run("UPDATE source SET device = ?2 WHERE id = ?1", params![source, device.map(u64::cast_signed)])?;
    Ok(())
}

pub(super) fn scanned(db: &Db<'_>, source: SourceId, by: SessionId, started: Time, files: u64) -> Result<()> {
    db.run(
        "UPDATE source SET scan_started = ?2, scanned = ?3, scanned_by = ?4, files_present = ?5 WHERE id = ?1",
        params![source, started, db.now(), by, files],
    )?;
    Ok(())
}

pub(super) fn known(db: &Db<'_>, source: SourceId, files: &[(Key, Version)]) -> Result<Vec<Option<FileId>>> {
    files
        .iter()
        .map(|(key, version)| {
            db.one(
                "SELECT id FROM file WHERE source = ?1 AND key_hash = ?2 AND version = ?3
                 AND superseded_at IS NULL AND gone_at IS NULL",
                params![source, key_hash(key), version],
                |row| row.get(0),
            )
        })
        .collect()
}

pub(super) fn found(
    db: &Db<'_>,
    session: SessionId,
    source: SourceId,
    lane: Lane,
    files: &[FoundFile],
) -> Result<FoundOutcome> {
    let mut outcome = FoundOutcome::default();
    for file in files {
        if enter(db, session, source, lane, file)? {
            outcome.queued += 1;
            outcome.bytes += file.length;
        } else {
            outcome.known += 1;
        }
    }
    Ok(outcome)
}

/// Enters one version. Whether it is now queued because of this.
pub(super) fn enter(db: &Db<'_>, session: SessionId, source: SourceId, lane: Lane, file: &FoundFile) -> Result<bool> {
    let hash = key_hash(&file.key);
    let new: Option<FileId> = db.one(
        "INSERT INTO file (source, key_hash, version, key, domain, class, length, mode, mtime_s, mtime_ns,
                           source_checksum, first_seen)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (source, key_hash, version) DO NOTHING RETURNING id",
        params![
            source,
            hash,
            file.version,
            file.key,
            file.domain,
            file.class,
            file.length,
            file.mode,
            file.mtime.secs,
            file.mtime.nanos,
            file.source_checksum,
            db.now()
        ],
        |row| row.get(0),
    )?;
    let id = match new {
        Some(id) => id,
        None => match known_version(db, source, hash, file, lane)? {
            Known::Current => return Ok(false),
            Known::Again(id) => id,
        },
    };
    supersede_others(db, session, source, hash, id)?;
    if new.is_none() {
        // Seen again after it had been taken for gone or superseded: only what no archive holds is queued.
        let safe = db.one(
            "SELECT 1 FROM member m JOIN archive a ON a.id = m.archive WHERE m.file = ?1 AND a.state IN (3, 6)
             UNION ALL SELECT 1 FROM queue WHERE file = ?1",
            [id],
            |_| Ok(()),
        )?;
        if safe.is_some() {
            return Ok(false);
        }
    }
    queue(db, session, lane, id, file.length)?;
    Ok(true)
}

enum Known {
    /// Nothing to do.
    Current,
    /// It is current again.
    Again(FileId),
}

fn known_version(db: &Db<'_>, source: SourceId, hash: Hash16, file: &FoundFile, lane: Lane) -> Result<Known> {
    let (id, key, was_current): (FileId, Key, bool) = db
        .one(
            "SELECT id, key, superseded_at IS NULL AND gone_at IS NULL FROM file
             WHERE source = ?1 AND key_hash = ?2 AND version = ?3",
            params![source, hash, file.version],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?
        .ok_or_else(|| StoreError::Impossible("a version conflicts with one that is not there".to_owned()))?;
    if key != file.key {
        let text = format!("the keys {} and {} have one hash", key.shown(), file.key.shown());
        return Err(StoreError::Impossible(text));
    }
    if was_current {
        if lane == Lane::Live {
            // Still waiting from the first scan, and touched now: live overtakes.
            db.run(
                "UPDATE queue SET lane = 0 WHERE file = ?1 AND lane = 1 AND state = ?2",
                params![id, QueueState::Queued],
            )?;
        }
        return Ok(Known::Current);
    }
    db.run("UPDATE file SET superseded_at = NULL, gone_at = NULL WHERE id = ?", [id])?;
    Ok(Known::Again(id))
}

/// Older versions of a key: superseded; those still waiting can no longer be read and leave the queue.
fn supersede_others(db: &Db<'_>, session: SessionId, source: SourceId, hash: Hash16, current: FileId) -> Result<()> {
    let older: Vec<FileId> = db.rows(
        "UPDATE file SET superseded_at = ?4 WHERE source = ?1 AND key_hash = ?2 AND id <> ?3 AND superseded_at IS NULL
         RETURNING id",
        params![source, hash, current, db.now()],
        |row| row.get(0),
    )?;
    for id in older {
        leave_queue(db, session, id, "state IN (0, 3)")?;
    }
    Ok(())
}

/// Takes a file out of the queue if `condition` holds for its row, and counts it as left.
pub(super) fn leave_queue(db: &Db<'_>, session: SessionId, file: FileId, condition: &str) -> Result<bool> {
    let sql = format!("DELETE FROM queue WHERE file = ?1 AND {condition} RETURNING lane");
    let Some(lane) = db.one(&sql, [file], |row| row.get::<_, Lane>(0))? else { return Ok(false) };
    let bytes = db.one("SELECT length FROM file WHERE id = ?", [file], |row| row.get(0))?.unwrap_or(0);
    tally::add(db, session, "", lane, Add { left_files: 1, left_bytes: bytes, ..Add::default() })?;
    Ok(true)
}

fn queue(db: &Db<'_>, session: SessionId, lane: Lane, file: FileId, length: u64) -> Result<()> {
    db.run(
        "INSERT INTO queue (file, lane, state, attempts, queued_at, next_try, generation) VALUES (?1, ?2, ?3, 0, ?4, ?4, 0)",
        params![file, lane, QueueState::Queued, db.now()],
    )?;
    let bytes = i64::try_from(length).unwrap_or(i64::MAX);
    tally::add(db, session, "", lane, Add { queued_files: 1, queued_bytes: bytes, ..Add::default() })
}

pub(super) fn newest(db: &Db<'_>) -> Result<FileId> {
    Ok(db.one("SELECT coalesce(max(id), 0) FROM file", [], |row| row.get(0))?.unwrap_or(FileId(0)))
}

pub(super) fn current(
    db: &Db<'_>,
    source: SourceId,
    after: FileId,
    up_to: FileId,
    limit: u32,
) -> Result<Vec<(FileId, Key)>> {
    db.rows(
        "SELECT id, key FROM file WHERE id > ?2 AND id <= ?3 AND source = ?1 AND superseded_at IS NULL
         AND gone_at IS NULL ORDER BY id LIMIT ?4",
        params![source, after, up_to, limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

pub(super) fn mark_gone(db: &Db<'_>, session: SessionId, files: &[FileId]) -> Result<u64> {
    let mut marked = 0;
    for file in files {
        marked += db.run(
            "UPDATE file SET gone_at = ?2 WHERE id = ?1 AND gone_at IS NULL AND superseded_at IS NULL",
            params![file, db.now()],
        )?;
        leave_queue(db, session, *file, "state IN (0, 3)")?;
    }
    Ok(marked)
}

/// Columns of `file` from `first` on, in this order: key, version, length, mode, seconds and nanoseconds of the mtime,
/// domain, class, checksum of the source.
pub(super) fn read_found(row: &Row<'_>, first: usize) -> rusqlite::Result<FoundFile> {
    Ok(FoundFile {
        key: row.get(first)?,
        version: row.get(first + 1)?,
        length: row.get(first + 2)?,
        mode: row.get(first + 3)?,
        mtime: FileTime { secs: row.get(first + 4)?, nanos: row.get(first + 5)? },
        domain: row.get(first + 6)?,
        class: row.get(first + 7)?,
        source_checksum: row.get(first + 8)?,
    })
}
