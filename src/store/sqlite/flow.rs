//! What moves: counted by spans of ten seconds, kept for two hours, so that rates can be told from rows.

use rusqlite::params;

use super::db::{Db, Moved};
use crate::base::Time;
use crate::base::ids::Lane;
use crate::store::{BUCKET, FLOW_KEPT, FlowRow, Latest, Result, Watch};

/// Microseconds of a bucket.
const MICROS: i64 = BUCKET.as_secs().cast_signed() * 1_000_000;

fn bucket(time: Time) -> i64 {
    time.as_micros().div_euclid(MICROS)
}

/// Writes what this transaction has moved into the bucket of this moment.
pub(super) fn write(db: &Db<'_>) -> Result<()> {
    let mut any = false;
    for (lane, m) in Lane::ALL.into_iter().zip(db.moved()) {
        if m == Moved::default() {
            continue;
        }
        any = true;
        db.run(
            "INSERT INTO flow (bucket, lane, found_files, found_bytes, stored_files, stored_bytes, archives, archive_bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (bucket, lane) DO UPDATE SET
                found_files = found_files + excluded.found_files, found_bytes = found_bytes + excluded.found_bytes,
                stored_files = stored_files + excluded.stored_files,
                stored_bytes = stored_bytes + excluded.stored_bytes,
                archives = archives + excluded.archives, archive_bytes = archive_bytes + excluded.archive_bytes",
            params![
                bucket(db.now()),
                lane,
                m.found_files,
                m.found_bytes,
                m.stored_files,
                m.stored_bytes,
                m.archives,
                m.archive_bytes
            ],
        )?;
    }
    // The table holds little, whether or not anybody ever prunes.
    if any { drop_old(db) } else { Ok(()) }
}

pub(super) fn drop_old(db: &Db<'_>) -> Result<()> {
    db.run("DELETE FROM flow WHERE bucket < ?", [bucket(db.now().minus(FLOW_KEPT))])?;
    Ok(())
}

pub(super) fn rows(db: &Db<'_>, since: Time) -> Result<Vec<FlowRow>> {
    // The first bucket that began then or later.
    let first = bucket(since.minus(std::time::Duration::from_micros(1))).saturating_add(1);
    db.rows(
        "SELECT bucket, lane, found_files, found_bytes, stored_files, stored_bytes, archives, archive_bytes
         FROM flow WHERE bucket >= ? ORDER BY bucket, lane",
        [first],
        |row| {
            Ok(FlowRow {
                at: Time::from_micros(row.get::<_, i64>(0)?.saturating_mul(MICROS)),
                lane: row.get(1)?,
                found_files: row.get(2)?,
                found_bytes: row.get(3)?,
                stored_files: row.get(4)?,
                stored_bytes: row.get(5)?,
                archives: row.get(6)?,
                archive_bytes: row.get(7)?,
            })
        },
    )
}

/// A session is at work from its start until it was last heard of, and a bucket longer while its lease holds: it writes
/// every two seconds. One that was killed is not taken to be at work until its lease runs out.
pub(super) fn watched(db: &Db<'_>, since: Time) -> Result<Vec<Watch>> {
    db.rows(
        "SELECT started, CASE WHEN lease_until > ?2 THEN min(?2, last_seen + ?3) ELSE last_seen END, kinds
         FROM worker WHERE ended_at IS NULL AND (lease_until > ?2 OR last_seen >= ?1)
         UNION ALL
         SELECT started, last_seen, kinds FROM worker WHERE ended_at >= ?1 AND last_seen >= ?1
         ORDER BY 1",
        params![since, db.now(), MICROS],
        |row| Ok(Watch { from: row.get(0)?, until: row.get(1)?, kinds: row.get(2)? }),
    )
}

pub(super) fn latest(db: &Db<'_>, since: Time, limit: u32) -> Result<Vec<Latest>> {
    // CROSS JOIN keeps the order of the loops: archives from the newest down, until there are enough files.
    db.rows(
        "SELECT f.first_seen, a.stored_at
         FROM archive a CROSS JOIN member m ON m.archive = a.id CROSS JOIN file f ON f.id = m.file
         WHERE a.lane = 0 AND a.state = 3 AND a.stored_at >= ?1 ORDER BY a.stored_at DESC LIMIT ?2",
        params![since, limit],
        |row| Ok(Latest { found: row.get(0)?, stored: row.get(1)? }),
    )
}
