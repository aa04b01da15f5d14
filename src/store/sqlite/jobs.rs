//! Jobs that hold a replica up: backups, deshards.

use rusqlite::{Row, params};

use super::db::Db;
use super::events;
use crate::base::Time;
use crate::base::ids::JobId;
use crate::store::{EndJob, JobEnded, JobRow, JobStarted, NewEvent, NewJob, Result, StoreError};

const JOB: &str = "id, replica, class, start, ended, started_by, ended_by, detail, outcome";

fn read(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    Ok(JobRow {
        id: row.get(0)?,
        replica: row.get(1)?,
        class: row.get(2)?,
        start: row.get(3)?,
        end: row.get(4)?,
        started_by: row.get(5)?,
        ended_by: row.get(6)?,
        detail: row.get(7)?,
        outcome: row.get(8)?,
    })
}

fn running(db: &Db<'_>, replica: &str, class: &str) -> Result<Option<JobRow>> {
    db.one(
        &format!("SELECT {JOB} FROM window WHERE replica = ?1 AND class = ?2 AND ended IS NULL"),
        params![replica, class],
        read,
    )
}

fn row(db: &Db<'_>, id: JobId) -> Result<JobRow> {
    let found = db.one(&format!("SELECT {JOB} FROM window WHERE id = ?"), [id], read)?;
    found.ok_or_else(|| StoreError::Impossible(format!("the job {id} was entered and is not there")))
}

pub(super) fn start(db: &Db<'_>, new: &NewJob) -> Result<JobStarted> {
    if let Some(row) = running(db, &new.replica, &new.class)? {
        return Ok(JobStarted::Running(row));
    }
    let start = new.start.unwrap_or(db.now());
    if start > db.now() {
        return Ok(JobStarted::Future(db.now()));
    }
    db.run(
        "INSERT INTO window (replica, class, start, made_at, started_by, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![new.replica, new.class, start, db.now(), events::cut(&new.who), events::cut(&new.detail)],
    )?;
    let row = row(db, JobId(db.last_id()))?;
    let detail = match row.detail.as_str() {
        "" => format!("{} since {start}", new.class),
        detail => format!("{} since {start}: {detail}", new.class),
    };
    event(db, &new.who, "job.started", &new.replica, detail, "done")?;
    Ok(JobStarted::Started(row))
}

pub(super) fn end(db: &Db<'_>, end: &EndJob) -> Result<JobEnded> {
    let running = running(db, &end.replica, &end.class)?;
    let Some(open) = running.filter(|open| end.only.is_none_or(|only| only == open.id)) else {
        let last = match end.only {
            Some(only) => {
                db.one(&format!("SELECT {JOB} FROM window WHERE id = ? AND ended IS NOT NULL"), [only], read)?
            }
            None => db.one(
                &format!(
                    "SELECT {JOB} FROM window WHERE replica = ?1 AND class = ?2 AND ended IS NOT NULL
                     ORDER BY ended DESC, id DESC LIMIT 1"
                ),
                params![end.replica, end.class],
                read,
            )?,
        };
        return Ok(JobEnded::NotRunning(last));
    };
    let at = end.end.unwrap_or(db.now());
    if at > db.now() {
        return Ok(JobEnded::Future(db.now()));
    }
    if at < open.start {
        return Ok(JobEnded::BeforeStart(open));
    }
    db.run(
        "UPDATE window SET ended = ?2, ended_by = ?3, outcome = ?4 WHERE id = ?1",
        params![open.id, at, events::cut(&end.who), events::cut(&end.outcome)],
    )?;
    let detail = format!("{} from {} to {at}", end.class, open.start);
    event(db, &end.who, "job.ended", &end.replica, detail, &end.outcome)?;
    Ok(JobEnded::Ended(row(db, open.id)?))
}

fn event(db: &Db<'_>, who: &str, what: &str, replica: &str, detail: String, outcome: &str) -> Result<()> {
    let (who, what, object) = (who.to_owned(), what.to_owned(), replica.to_owned());
    events::add(db, &NewEvent { who, what, object, detail, outcome: outcome.to_owned() })
}

pub(super) fn jobs(db: &Db<'_>, replica: Option<&str>, ended_since: Time) -> Result<Vec<JobRow>> {
    // Two statements, each with an index of its own: `? IS NULL OR replica = ?` would have none.
    match replica {
        Some(replica) => db.rows(
            &format!(
                "SELECT {JOB} FROM window WHERE replica = ?1 AND ended IS NULL
                 UNION ALL SELECT {JOB} FROM window WHERE replica = ?1 AND ended >= ?2 ORDER BY start, id"
            ),
            params![replica, ended_since],
            read,
        ),
        None => db.rows(
            &format!(
                "SELECT {JOB} FROM window WHERE ended IS NULL
                 UNION ALL SELECT {JOB} FROM window WHERE ended >= ?1 ORDER BY start, id"
            ),
            [ended_since],
            read,
        ),
    }
}

pub(super) fn ended(
    db: &Db<'_>,
    replica: Option<&str>,
    before: Option<(Time, JobId)>,
    limit: u32,
) -> Result<Vec<JobRow>> {
    let (end, id) = before.unwrap_or((Time::from_micros(i64::MAX), JobId(i64::MAX)));
    match replica {
        Some(replica) => db.rows(
            &format!(
                "SELECT {JOB} FROM window WHERE replica = ?1 AND ended IS NOT NULL AND (ended, id) < (?2, ?3)
                 ORDER BY ended DESC, id DESC LIMIT ?4"
            ),
            params![replica, end, id, limit],
            read,
        ),
        None => db.rows(
            &format!(
                "SELECT {JOB} FROM window WHERE ended IS NOT NULL AND (ended, id) < (?1, ?2)
                 ORDER BY ended DESC, id DESC LIMIT ?3"
            ),
            params![end, id, limit],
            read,
        ),
    }
}

pub(super) fn prune(db: &Db<'_>, before: Time, limit: u32) -> Result<u64> {
    db.run(
        "DELETE FROM window WHERE id IN (SELECT id FROM window WHERE ended < ?1 ORDER BY ended LIMIT ?2)",
        params![before, limit],
    )
}
