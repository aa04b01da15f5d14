//! Sources and their files: what was found, what is gone.

use rusqlite::{Row, params};

use super::db::Db;
use super::tally::{self, Add};
use crate::base::faults;
use crate::base::file::FoundFile;
use crate::base::ids::{FileId, Key, Lane, SessionId, SourceId, Version};
use crate::base::{FileTime, Time};
use crate::store::{
    CHANGED_AGAIN, ChangedFile, FoundOutcome, NEW_VERSION_WITHIN, QueueState, Result, SourceRow, StoreError,
};

const SOURCE: &str = "SELECT id, name, device, files_present, scanned, scanned_by,
    EXISTS (SELECT 1 FROM file WHERE source = source.id AND superseded_at IS NULL AND gone_at IS NULL) FROM source";

fn read_source(row: &Row<'_>) -> rusqlite::Result<SourceRow> {
    Ok(SourceRow {
        id: row.get(0)?,
        name: row.get(1)?,
        device: row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned),
        files_present: row.get(3)?,
        scanned: row.get(4)?,
        scanned_by: row.get(5)?,
        has_files: row.get(6)?,
    })
}

pub(super) fn sources(db: &Db<'_>) -> Result<Vec<SourceRow>> {
    db.rows(&format!("{SOURCE} ORDER BY id"), [], read_source)
}

pub(super) fn source(db: &Db<'_>, name: &str, kind: &str) -> Result<SourceRow> {
    db.run("INSERT INTO source (name, kind) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING", params![name, kind])?;
    let row = db.one(&format!("{SOURCE} WHERE name = ?"), [name], read_source)?;
    row.ok_or_else(|| StoreError::Impossible(format!("the source {name:?} was entered and is not there")))
}

pub(super) fn rooted(db: &Db<'_>, source: SourceId, device: Option<u64>) -> Result<()> {
    db.run("UPDATE source SET device = ?2 WHERE id = ?1", params![source, device.map(u64::cast_signed)])?;
    Ok(())
}

pub(super) fn scanned(db: &Db<'_>, source: SourceId, by: SessionId, started: Time, files: u64) -> Result<()> {
    super::alive(db, by)?;
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
                "SELECT id FROM file WHERE source = ?1 AND key = ?2 AND version = ?3
                 AND superseded_at IS NULL AND gone_at IS NULL",
                params![source, key, version],
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
    super::alive(db, session)?;
    let mut outcome = FoundOutcome::default();
    for file in files {
        if enter(db, session, source, lane, file)? {
            outcome.queued += 1;
            outcome.bytes += file.length;
        } else {
            outcome.known += 1;
        }
    }
    if outcome.queued > 0 {
        faults::step("commit: found");
    }
    Ok(outcome)
}

/// A version of a key that the state knows.
struct Row1 {
    id: FileId,
    version: Version,
    length: u64,
    current: bool,
    queued: Option<(Lane, QueueState)>,
    /// Whether some archive's row of members names it: then the row stays the version that lies there.
    member: bool,
}

impl Row1 {
    /// Whether it only waits, so that it may become another version of its file.
    fn is_free(&self) -> bool {
        !self.member && matches!(self.queued, Some((_, QueueState::Queued | QueueState::Failed)))
    }
}

fn versions(db: &Db<'_>, source: SourceId, key: &Key) -> Result<Vec<Row1>> {
    db.rows(
        "SELECT f.id, f.version, f.length, f.superseded_at IS NULL AND f.gone_at IS NULL, q.lane, q.state,
                EXISTS (SELECT 1 FROM member m WHERE m.file = f.id)
         FROM file f LEFT JOIN queue q ON q.file = f.id WHERE f.source = ?1 AND f.key = ?2",
        params![source, key],
        |row| {
            let queued = row.get::<_, Option<Lane>>(4)?.zip(row.get(5)?);
            let (id, version, length) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Row1 { id, version, length, current: row.get(3)?, queued, member: row.get(6)? })
        },
    )
}

/// Enters one version. Whether it is now queued because of this.
fn enter(db: &Db<'_>, session: SessionId, source: SourceId, lane: Lane, file: &FoundFile) -> Result<bool> {
    let versions = versions(db, source, &file.key)?;
    if let Some(known) = versions.iter().find(|row| row.version == file.version) {
        return again(db, session, lane, known, &versions);
    }
    // An older version may wait as well, given back by whoever had claimed it.
    let waiting = versions.iter().filter(|row| row.is_free()).min_by_key(|row| (!row.current, row.id));
    if let Some(waiting) = waiting {
        reversion(db, session, waiting, file)?;
        supersede(db, session, versions.iter().filter(|row| row.id != waiting.id))?;
        if lane == Lane::Live {
            overtake(db, session, waiting.id, file.length)?;
        }
        return Ok(true);
    }
    db.run(
        "INSERT INTO file (source, version, key, domain, class, length, mode, mtime_s, mtime_ns,
                           source_checksum, first_seen)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            source,
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
    )?;
    let id = FileId(db.last_id());
    supersede(db, session, &versions)?;
    queue(db, session, lane, id, file.length)?;
    Ok(true)
}

/// A version that is known already is seen.
fn again(db: &Db<'_>, session: SessionId, lane: Lane, known: &Row1, versions: &[Row1]) -> Result<bool> {
    if known.current {
        if lane == Lane::Live && known.queued == Some((Lane::History, QueueState::Queued)) {
            overtake(db, session, known.id, known.length)?;
        }
        return Ok(false);
    }
    // It had been taken for gone or superseded. What no archive holds is queued.
    supersede(db, session, versions.iter().filter(|row| row.id != known.id))?;
    db.run("UPDATE file SET superseded_at = NULL, gone_at = NULL WHERE id = ?", [known.id])?;
    let safe = db.one(
        "SELECT 1 FROM member m JOIN archive a ON a.id = m.archive WHERE m.file = ?1 AND a.state IN (3, 6) LIMIT 1",
        [known.id],
        |_| Ok(()),
    )?;
    if safe.is_some() || known.queued.is_some() {
        return Ok(false);
    }
    queue(db, session, lane, known.id, known.length)?;
    Ok(true)
}

/// A row that only waits becomes another version of its file, first seen now: as of an earlier time it was not there.
fn reversion(db: &Db<'_>, session: SessionId, row: &Row1, file: &FoundFile) -> Result<()> {
    db.run(
        "UPDATE file SET version = ?2, length = ?3, mode = ?4, mtime_s = ?5, mtime_ns = ?6, domain = ?7, class = ?8,
                source_checksum = ?9, superseded_at = NULL, gone_at = NULL,
                first_seen = CASE WHEN version = ?2 THEN first_seen ELSE ?10 END WHERE id = ?1",
        params![
            row.id,
            file.version,
            file.length,
            file.mode,
            file.mtime.secs,
            file.mtime.nanos,
            file.domain,
            file.class,
            file.source_checksum,
            db.now()
        ],
    )?;
    // What was uploaded of the version before is of no use; nor does what hindered it hinder this one for long.
    db.run(
        "UPDATE queue SET archive = NULL, next_try = min(next_try, ?2) WHERE file = ?1",
        params![row.id, db.now().plus(NEW_VERSION_WITHIN)],
    )?;
    if let Some((lane, _)) = row.queued {
        let by = signed(file.length) - signed(row.length);
        tally::add(db, session, "", lane, Add { queued_bytes: by, ..Add::default() })?;
    }
    Ok(())
}

/// Still waiting from the first scan, and touched now: live overtakes.
fn overtake(db: &Db<'_>, session: SessionId, file: FileId, length: u64) -> Result<()> {
    let moved = db.run("UPDATE queue SET lane = 0 WHERE file = ?1 AND lane = 1 AND state IN (0, 3)", [file])?;
    if moved > 0 {
        let bytes = signed(length);
        tally::add(db, session, "", Lane::History, Add { queued_files: -1, queued_bytes: -bytes, ..Add::default() })?;
        tally::add(db, session, "", Lane::Live, Add { queued_files: 1, queued_bytes: bytes, ..Add::default() })?;
    }
    Ok(())
}

/// Versions of a key that are no longer its newest; those still waiting can no longer be read and leave the queue.
fn supersede<'r>(db: &Db<'_>, session: SessionId, versions: impl IntoIterator<Item = &'r Row1>) -> Result<()> {
    for row in versions {
        db.run(
            "UPDATE file SET superseded_at = ?2 WHERE id = ?1 AND superseded_at IS NULL",
            params![row.id, db.now()],
        )?;
        if row.queued.is_some() {
            leave_queue(db, session, row.id, "state IN (0, 3)")?;
        }
    }
    Ok(())
}

fn signed(length: u64) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// A claimed file has become another version. The row becomes that version and waits again. If it cannot (it has been
/// superseded, an archive names it, or that version has a row already) it is done with, and what the source shows now
/// is entered like anything that is found: the last to look is right.
pub(super) fn changed(db: &Db<'_>, session: SessionId, lane: Lane, change: &ChangedFile) -> Result<()> {
    let (source, key): (SourceId, Key) = db
        .one("SELECT source, key FROM file WHERE id = ?", [change.file], |row| Ok((row.get(0)?, row.get(1)?)))?
        .ok_or_else(|| StoreError::Impossible(format!("file {} is queued and not there", change.file)))?;
    let versions = versions(db, source, &key)?;
    let taken = versions.iter().any(|row| row.id != change.file && row.version == change.found.version);
    let superseded =
        db.one("SELECT superseded_at IS NOT NULL FROM file WHERE id = ?", [change.file], |row| row.get::<_, bool>(0))?;
    let row = versions.iter().find(|row| row.id == change.file && !row.member && !taken && superseded == Some(false));
    let Some(row) = row else {
        leave_queue(db, session, change.file, "state = 1")?;
        db.run(
            "UPDATE file SET superseded_at = coalesce(superseded_at, ?2) WHERE id = ?1",
            params![change.file, db.now()],
        )?;
        enter(db, session, source, lane, &change.found)?;
        return Ok(());
    };
    reversion(db, session, row, &change.found)?;
    let (state, next_try, attempts) = match &change.failed {
        Some((_, next_try)) => (QueueState::Failed, *next_try, 1),
        None => (QueueState::Queued, db.now().plus(CHANGED_AGAIN), 0),
    };
    db.run(
        "UPDATE queue SET state = ?2, owner = NULL, generation = generation + 1, next_try = ?3, attempts = attempts + ?4
         WHERE file = ?1",
        params![change.file, state, next_try, attempts],
    )?;
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
    tally::found(db, session, lane, length)
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
    super::alive(db, session)?;
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
