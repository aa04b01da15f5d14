//! Totals: each writer keeps a row of its own, so that no row is hot; they are summed on read. What is added here is
//! what moves, too: it goes into the bucket of this moment with the same transaction.

use rusqlite::params;

use super::db::Db;
use crate::base::ids::{Lane, SessionId};
use crate::store::{Result, Total};

/// What one operation adds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Add {
    pub queued_files: i64,
    pub queued_bytes: i64,
    pub left_files: i64,
    pub left_bytes: i64,
    pub stored_files: i64,
    pub stored_bytes: i64,
    pub archives: i64,
    pub archive_bytes: i64,
}

const UPSERT: &str = "INSERT INTO tally (writer, vault, lane, queued_files, queued_bytes, left_files, left_bytes,
                                         stored_files, stored_bytes, archives, archive_bytes)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    ON CONFLICT (writer, vault, lane) DO UPDATE SET
        queued_files = queued_files + excluded.queued_files, queued_bytes = queued_bytes + excluded.queued_bytes,
        left_files = left_files + excluded.left_files, left_bytes = left_bytes + excluded.left_bytes,
        stored_files = stored_files + excluded.stored_files, stored_bytes = stored_bytes + excluded.stored_bytes,
        archives = archives + excluded.archives, archive_bytes = archive_bytes + excluded.archive_bytes";

/// A file that enters the queue.
pub(super) fn found(db: &Db<'_>, writer: SessionId, lane: Lane, bytes: u64) -> Result<()> {
    db.flows(lane, |flow| {
        flow.found_files += 1;
        flow.found_bytes += bytes;
    });
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    add(db, writer, "", lane, Add { queued_files: 1, queued_bytes: bytes, ..Add::default() })
}

pub(super) fn add(db: &Db<'_>, writer: SessionId, vault: &str, lane: Lane, a: Add) -> Result<()> {
    let counted = |number: i64| u64::try_from(number).unwrap_or(0);
    db.flows(lane, |flow| {
        flow.stored_files += counted(a.stored_files);
        flow.stored_bytes += counted(a.stored_bytes);
        flow.archives += counted(a.archives);
        flow.archive_bytes += counted(a.archive_bytes);
    });
    db.run(
        UPSERT,
        params![
            writer,
            vault,
            lane,
            a.queued_files,
            a.queued_bytes,
            a.left_files,
            a.left_bytes,
            a.stored_files,
            a.stored_bytes,
            a.archives,
            a.archive_bytes
        ],
    )?;
    Ok(())
}

/// Adds the row of a writer that has ended to row 0.
pub(super) fn fold(db: &Db<'_>, writer: SessionId) -> Result<()> {
    db.run(
        "INSERT INTO tally (writer, vault, lane, queued_files, queued_bytes, left_files, left_bytes, stored_files,
                            stored_bytes, archives, archive_bytes)
         SELECT 0, vault, lane, queued_files, queued_bytes, left_files, left_bytes, stored_files, stored_bytes,
                archives, archive_bytes FROM tally WHERE writer = ?1
         ON CONFLICT (writer, vault, lane) DO UPDATE SET
            queued_files = queued_files + excluded.queued_files, queued_bytes = queued_bytes + excluded.queued_bytes,
            left_files = left_files + excluded.left_files, left_bytes = left_bytes + excluded.left_bytes,
            stored_files = stored_files + excluded.stored_files, stored_bytes = stored_bytes + excluded.stored_bytes,
            archives = archives + excluded.archives, archive_bytes = archive_bytes + excluded.archive_bytes",
        [writer],
    )?;
    db.run("DELETE FROM tally WHERE writer = ?1", [writer])?;
    Ok(())
}

pub(super) fn totals(db: &Db<'_>) -> Result<Vec<Total>> {
    db.rows(
        "SELECT vault, lane, sum(queued_files), sum(queued_bytes), sum(left_files), sum(left_bytes), sum(stored_files),
                sum(stored_bytes), sum(archives), sum(archive_bytes)
         FROM tally GROUP BY vault, lane ORDER BY vault, lane",
        [],
        |row| {
            Ok(Total {
                vault: row.get(0)?,
                lane: row.get::<_, Lane>(1)?.word().to_owned(),
                queued_files: row.get(2)?,
                queued_bytes: row.get(3)?,
                left_files: row.get(4)?,
                left_bytes: row.get(5)?,
                stored_files: row.get(6)?,
                stored_bytes: row.get(7)?,
                archives: row.get(8)?,
                archive_bytes: row.get(9)?,
            })
        },
    )
}
