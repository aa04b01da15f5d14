//! Sessions: leases, and what becomes of the work of those who died.

use std::time::Duration;

use rusqlite::{Row, params};

use super::db::Db;
use super::tally;
use crate::base::Time;
use crate::base::host::ProcessIdentity;
use crate::base::ids::{ArchiveId, SessionId};
use crate::store::{ArchiveState, NewEvent, NewSession, QueueState, Reaped, Result, Session, SessionRow, StoreError};

pub(super) fn start(db: &Db<'_>, new: &NewSession) -> Result<Session> {
    let p = &new.process;
    let lease_until = db.now().plus(new.lease);
    db.run(
        "INSERT INTO worker (host, machine_id, boot_id, pid_namespace, pid, pid_start, kinds, started, last_seen, lease_until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)",
        params![p.host, p.machine_id, p.boot_id, p.pid_namespace, p.pid, p.pid_start, new.kinds, db.now(), lease_until],
    )?;
    Ok(Session { id: SessionId(db.last_id()), lease_until })
}

pub(super) fn renew(db: &Db<'_>, session: SessionId, lease: Duration, doing: &str) -> Result<Session> {
    // A newer firn has come meanwhile: what this build would write, that one may not understand.
    super::schema::check(db)?;
    let lease_until = db.now().plus(lease);
    let changed = db.run(
        "UPDATE worker SET last_seen = ?2, lease_until = ?3, doing = ?4 WHERE id = ?1 AND ended_at IS NULL",
        params![session, db.now(), lease_until, doing],
    )?;
    if changed == 0 {
        return Err(StoreError::Stale { what: "the lease".to_owned(), session });
    }
    Ok(Session { id: session, lease_until })
}

pub(super) fn open(db: &Db<'_>) -> Result<Vec<SessionRow>> {
    db.rows(
        "SELECT id, host, machine_id, boot_id, pid_namespace, pid, pid_start, kinds, started, last_seen, lease_until, doing
         FROM worker WHERE ended_at IS NULL ORDER BY id",
        [],
        read,
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        id: row.get(0)?,
        process: ProcessIdentity {
            host: row.get(1)?,
            machine_id: row.get(2)?,
            boot_id: row.get(3)?,
            pid_namespace: row.get(4)?,
            pid: row.get(5)?,
            pid_start: row.get(6)?,
        },
        kinds: row.get(7)?,
        started: row.get(8)?,
        last_seen: row.get(9)?,
        lease_until: row.get(10)?,
        doing: row.get(11)?,
    })
}

/// A session that ends in good order gives back what it may still hold.
pub(super) fn end(db: &Db<'_>, session: SessionId) -> Result<Reaped> {
    release(db, session, true)
}

pub(super) fn reap(db: &Db<'_>, dead: SessionId, by: SessionId, certain: bool, here: bool) -> Result<Reaped> {
    let lease = db.one("SELECT lease_until FROM worker WHERE id = ? AND ended_at IS NULL", [dead], |row| row.get(0))?;
    match lease {
        None => Ok(Reaped::default()),
        Some(until) if !certain && db.now() < until => Ok(Reaped::default()),
        Some(_) => {
            let reaped = release(db, dead, here)?;
            super::events::add(
                db,
                &NewEvent {
                    who: format!("session {by}"),
                    what: "session.reaped".to_owned(),
                    object: format!("session {dead}"),
                    detail: format!(
                        "it died: {} files queued again, {} bundles abandoned, {} uploads to settle",
                        reaped.files, reaped.abandoned, reaped.uploads
                    ),
                    outcome: "done".to_owned(),
                },
            )?;
            Ok(reaped)
        }
    }
}

/// Hosts of the last thousand sessions, open or ended: key and name, the newest first.
pub(super) fn hosts_lately(db: &Db<'_>) -> Result<Vec<(String, String)>> {
    db.rows("SELECT host, machine_id FROM worker ORDER BY id DESC LIMIT 1000", [], |row| {
        Ok((read_host(row)?, row.get(0)?))
    })
}

/// Names a host as archives do, from `host` and `machine_id`.
fn read_host(row: &Row<'_>) -> rusqlite::Result<String> {
    let (boot_id, pid_namespace) = (String::new(), String::new());
    let process =
        ProcessIdentity { host: row.get(0)?, machine_id: row.get(1)?, boot_id, pid_namespace, pid: 0, pid_start: 0 };
    Ok(process.host_key())
}

/// Whether a session of that host has not ended.
pub(super) fn host_lives(db: &Db<'_>, host: &str) -> Result<bool> {
    let hosts = db.rows("SELECT host, machine_id FROM worker WHERE ended_at IS NULL", [], read_host)?;
    Ok(hosts.iter().any(|other| other == host))
}

/// When a session of that host was last heard of; nothing when none is remembered.
pub(super) fn last_seen(db: &Db<'_>, host: &str) -> Result<Option<Time>> {
    let seen = db.rows("SELECT host, machine_id, last_seen FROM worker", [], |row| {
        Ok((read_host(row)?, row.get::<_, Time>(2)?))
    })?;
    Ok(seen.into_iter().filter(|(other, _)| other == host).map(|(_, at)| at).max())
}

fn release(db: &Db<'_>, session: SessionId, here: bool) -> Result<Reaped> {
    let mut reaped = Reaped { done: true, ..Reaped::default() };
    db.run("UPDATE worker SET ended_at = ?2 WHERE id = ?1", params![session, db.now()])?;
    // What was being fetched is due again; what had failed before stays a failure. (Rows being fetched are few: the
    // claim's index finds them for each lane.)
    reaped.files += db.run(
        "UPDATE queue SET owner = NULL, generation = generation + 1, next_try = min(next_try, ?2),
                state = CASE WHEN attempts > 0 THEN ?4 ELSE ?5 END
         WHERE lane IN (0, 1) AND state = ?3 AND owner = ?1",
        params![session, db.now(), QueueState::Fetching, QueueState::Failed, QueueState::Queued],
    )?;
    // A sealed bundle has no owner: any session of its host may upload it, for as long as there is one or may be again.
    let lost = match db.one("SELECT host, machine_id FROM worker WHERE id = ?", [session], read_host)? {
        Some(host) if !here && !host_lives(db, &host)? => Some(host),
        _ => None,
    };
    let held: Vec<(ArchiveId, ArchiveState)> = db.rows(
        "SELECT id, state FROM archive WHERE live = 1 AND state IN (0, 1, 2, 5)
         AND (owner = ?1 OR (state = 1 AND host = ?2)) ORDER BY id",
        params![session, lost],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (archive, state) in held {
        match state {
            ArchiveState::Open | ArchiveState::Sealed => reaped.abandoned += 1,
            _ => {
                reaped.uploads += 1;
                let state = if here { state } else { ArchiveState::Unknown };
                db.run(
                    "UPDATE archive SET owner = NULL, generation = generation + 1, state = ?2,
                            unknown_since = CASE WHEN ?2 = ?3 THEN coalesce(unknown_since, ?4) ELSE unknown_since END
                     WHERE id = ?1",
                    params![archive, state, ArchiveState::Unknown, db.now()],
                )?;
                // A file on its way in parts is queued again by now; who fetches it takes up the same upload.
                db.run(
                    "UPDATE queue SET archive = ?1 WHERE state IN (0, 3) AND file =
                        (SELECT direct_file FROM archive WHERE id = ?1 AND size IS NULL)",
                    [archive],
                )?;
                continue;
            }
        }
        reaped.files += super::bundles::unbundle(db, archive)?;
        super::bundles::close(db, archive, ArchiveState::Abandoned, "its session ended before it was sent")?;
    }
    super::delivery::release(db, session)?;
    db.run("UPDATE duty SET owner = NULL, generation = generation + 1 WHERE owner = ?", [session])?;
    tally::fold(db, session)?;
    Ok(reaped)
}
