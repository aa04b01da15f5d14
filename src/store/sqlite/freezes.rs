//! Replicas stopped in an emergency.

use rusqlite::{Row, params};

use super::db::Db;
use super::events;
use crate::base::Time;
use crate::base::ids::FreezeId;
use crate::store::{FreezeBegun, FreezeRow, LARGEST_BODY, NewEvent, NewFreeze, Result, StoreError};

const FREEZE: &str = "id, replica, state, body, revision, who, started, changed, ended";

fn read(row: &Row<'_>) -> rusqlite::Result<FreezeRow> {
    Ok(FreezeRow {
        id: row.get(0)?,
        replica: row.get(1)?,
        state: row.get(2)?,
        body: row.get(3)?,
        revision: row.get(4)?,
        who: row.get(5)?,
        started: row.get(6)?,
        changed: row.get(7)?,
        ended: row.get(8)?,
    })
}

fn fits(what: impl FnOnce() -> String, body: &str) -> Result<()> {
    if body.len() <= LARGEST_BODY {
        return Ok(());
    }
    Err(StoreError::TooLarge { what: what(), bytes: body.len(), most: LARGEST_BODY })
}

pub(super) fn begin(db: &Db<'_>, new: &NewFreeze) -> Result<FreezeBegun> {
    fits(|| format!("the record of a freeze of {}", new.replica), &new.body)?;
    let open = format!("SELECT {FREEZE} FROM freeze WHERE replica = ?1 AND ended IS NULL");
    if let Some(row) = db.one(&open, [&new.replica], read)? {
        return Ok(FreezeBegun::Open(row));
    }
    db.run(
        "INSERT INTO freeze (replica, state, body, revision, who, started, changed) VALUES (?1, ?2, ?3, 0, ?4, ?5, ?5)",
        params![new.replica, new.state, new.body, events::cut(&new.who), db.now()],
    )?;
    let id = FreezeId(db.last_id());
    let (who, what, object) = (new.who.clone(), "freeze.begun".to_owned(), new.replica.clone());
    let detail = format!("freeze {id}: the SQL thread is to be stopped, then the IO thread");
    events::add(db, &NewEvent { who, what, object, detail, outcome: "done".to_owned() })?;
    let row = one(db, id)?;
    row.map(FreezeBegun::Begun)
        .ok_or_else(|| StoreError::Impossible(format!("the freeze {id} was entered and is not there")))
}

pub(super) fn change(
    db: &Db<'_>,
    id: FreezeId,
    revision: u64,
    (state, body): (&str, &str),
    event: Option<&NewEvent>,
    ends: bool,
) -> Result<bool> {
    fits(|| format!("the record of freeze {id}"), body)?;
    let changed = db.run(
        "UPDATE freeze SET state = ?3, body = ?4, changed = ?5, ended = CASE WHEN ?6 THEN ?5 END, revision = revision + 1
         WHERE id = ?1 AND revision = ?2 AND ended IS NULL",
        params![id, revision, state, body, db.now(), ends],
    )?;
    if let Some(event) = event.filter(|_| changed > 0) {
        events::add(db, event)?;
    }
    Ok(changed > 0)
}

pub(super) fn open(db: &Db<'_>) -> Result<Vec<FreezeRow>> {
    db.rows(&format!("SELECT {FREEZE} FROM freeze WHERE ended IS NULL ORDER BY id"), [], read)
}

pub(super) fn one(db: &Db<'_>, id: FreezeId) -> Result<Option<FreezeRow>> {
    db.one(&format!("SELECT {FREEZE} FROM freeze WHERE id = ?"), [id], read)
}

pub(super) fn list(db: &Db<'_>, replica: &str, limit: u32) -> Result<Vec<FreezeRow>> {
    db.rows(
        &format!("SELECT {FREEZE} FROM freeze WHERE replica = ?1 ORDER BY id DESC LIMIT ?2"),
        params![replica, limit],
        read,
    )
}

pub(super) fn prune(db: &Db<'_>, before: Time, limit: u32) -> Result<u64> {
    db.run(
        "DELETE FROM freeze WHERE id IN (SELECT id FROM freeze WHERE ended < ?1 ORDER BY ended LIMIT ?2)",
        params![before, limit],
    )
}
