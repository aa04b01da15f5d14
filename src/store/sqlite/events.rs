//! Events, failures, and the end of what is old.

use rusqlite::{Row, params};

use super::db::Db;
use crate::base::Time;
use crate::base::ids::{ArchiveId, FileId};
use crate::store::{EventRow, FAILURES, FailureRow, NewEvent, Result};

/// A sentence in the state database is cut here: server messages and names from outside can be of any length.
const LONGEST: usize = 2000;

/// So many failures of one file are kept: one that can never be read is tried for as long as it is there.
const FAILURES_OF_A_FILE: u32 = 10;

pub(super) fn cut(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

pub(super) fn add(db: &Db<'_>, event: &NewEvent) -> Result<()> {
    db.run(
        "INSERT INTO event (at, who, what, object, detail, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![db.now(), event.who, event.what, cut(&event.object), cut(&event.detail), cut(&event.outcome)],
    )?;
    Ok(())
}

pub(super) fn page(db: &Db<'_>, before: Option<i64>, limit: u32) -> Result<Vec<EventRow>> {
    db.rows(
        &format!("SELECT {EVENT} FROM event WHERE id < ?1 ORDER BY id DESC LIMIT ?2"),
        params![before.unwrap_or(i64::MAX), limit],
        read,
    )
}

/// The newest of one object.
pub(super) fn of(db: &Db<'_>, object: &str, limit: u32) -> Result<Vec<EventRow>> {
    db.rows(
        &format!("SELECT {EVENT} FROM event WHERE object = ?1 ORDER BY id DESC LIMIT ?2"),
        params![object, limit],
        read,
    )
}

const EVENT: &str = "id, at, who, what, object, detail, outcome";

fn read(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    let event = NewEvent {
        who: row.get(2)?,
        what: row.get(3)?,
        object: row.get(4)?,
        detail: row.get(5)?,
        outcome: row.get(6)?,
    };
    Ok(EventRow { id: row.get(0)?, at: row.get(1)?, event })
}

pub(super) fn failure(
    db: &Db<'_>,
    stage: &str,
    file: Option<FileId>,
    archive: Option<ArchiveId>,
    reason: &str,
    detail: &str,
) -> Result<()> {
    db.run(
        "INSERT INTO failure (at, stage, file, archive, reason, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![db.now(), stage, file, archive, reason, cut(detail)],
    )?;
    if let Some(file) = file {
        db.run(
            "DELETE FROM failure WHERE file = ?1
             AND id <= (SELECT id FROM failure WHERE file = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            params![file, FAILURES_OF_A_FILE],
        )?;
    }
    Ok(())
}

pub(super) fn failures(db: &Db<'_>, before: Option<i64>, limit: u32) -> Result<Vec<FailureRow>> {
    db.rows(
        &format!("SELECT {FAILURE} WHERE id < ?1 ORDER BY id DESC LIMIT ?2"),
        params![before.unwrap_or(i64::MAX), limit],
        read_failure,
    )
}

const FAILURE: &str = "id, at, stage, file, archive, reason, detail FROM failure";

fn read_failure(row: &Row<'_>) -> rusqlite::Result<FailureRow> {
    Ok(FailureRow {
        id: row.get(0)?,
        at: row.get(1)?,
        stage: row.get(2)?,
        file: row.get(3)?,
        archive: row.get(4)?,
        reason: row.get(5)?,
        detail: row.get(6)?,
    })
}

/// The newest failures of a file.
pub(super) fn of_file(db: &Db<'_>, file: FileId) -> Result<Vec<FailureRow>> {
    let sql = format!("SELECT {FAILURE} WHERE file = ?1 ORDER BY id DESC LIMIT ?2");
    db.rows(&sql, params![file, FAILURES], read_failure)
}

/// The newest failures of an archive.
pub(super) fn of_archive(db: &Db<'_>, archive: ArchiveId) -> Result<Vec<FailureRow>> {
    let sql = format!("SELECT {FAILURE} WHERE archive = ?1 ORDER BY id DESC LIMIT ?2");
    db.rows(&sql, params![archive, FAILURES], read_failure)
}

/// Row numbers grow with time, so what is old is at the low end: no index by time is needed.
pub(super) fn prune(db: &Db<'_>, older_than: Time) -> Result<u64> {
    let mut dropped = 0;
    for table in ["event", "failure"] {
        let kept = format!("SELECT id FROM {table} WHERE at >= ? ORDER BY id LIMIT 1");
        let first_kept = db.one(&kept, [older_than], |row| row.get::<_, i64>(0))?.unwrap_or(i64::MAX);
        dropped += db.run(&format!("DELETE FROM {table} WHERE id < ?"), [first_kept])?;
    }
    dropped += db.run("DELETE FROM worker WHERE ended_at < ?", [older_than])?;
    super::flow::drop_old(db)?;
    super::told::prune(db, older_than)?;
    Ok(dropped)
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "é".repeat(1500);
        assert_eq!(super::cut(&text).len(), 2000);
        assert_eq!(super::cut("short"), "short");
    }
}
