//! The schema, as numbered steps that only go forward. Each step runs in a transaction with its own number.

mod clusters;
mod delays;
mod files;
mod restores;
mod work;

use rusqlite::{Connection, TransactionBehavior, params};

use super::db::Db;
use crate::base::Time;
use crate::store::StoreError;

/// Marks a database as firn's: `PRAGMA application_id`, "firn" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x6669_726e;

/// Steps in order; a step's number is its place, from 1.
pub(super) const STEPS: &[(&str, &str)] = &[
    files::FILES,
    files::ARCHIVES,
    work::WORK,
    work::MOVES,
    restores::RESTORES,
    work::ALERTS,
    restores::UNDELIVERED,
    delays::REPLICAS,
    clusters::CLUSTERS,
];

fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Refuses a schema that has grown beyond this build since it was opened.
pub(super) fn check(db: &Db<'_>) -> Result<(), StoreError> {
    let found = db.one("SELECT max(number) FROM migration", [], |row| row.get::<_, i64>(0))?.unwrap_or(0);
    if found > known() {
        Err(StoreError::Newer { place: db.place().to_owned(), found, known: known() })
    } else {
        Ok(())
    }
}

/// Brings the schema up to date; a newer one than this build knows is refused. `place` is for the error.
pub(super) fn migrate(db: &mut Connection, place: &str, now: Time) -> Result<(), StoreError> {
    let failed = |e: rusqlite::Error| super::translate(place, &e);
    let known = known();
    loop {
        // Under the write lock, so that two processes that start together take turns.
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
        )
        .map_err(failed)?;
        let found: i64 =
            tx.query_row("SELECT coalesce(max(number), 0) FROM migration", [], |row| row.get(0)).map_err(failed)?;
        if found > known {
            return Err(StoreError::Newer { place: place.to_owned(), found, known });
        }
        let Some((name, sql)) = usize::try_from(found).ok().and_then(|done| STEPS.get(done)) else {
            return Ok(());
        };
        tx.execute_batch(sql).map_err(failed)?;
        tx.execute(
            "INSERT INTO migration (number, name, applied_at) VALUES (?, ?, ?)",
            params![found + 1, name, now.as_micros()],
        )
        .map_err(failed)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        crate::base::faults::step("commit of a migration");
        tx.commit().map_err(failed)?;
    }
}
