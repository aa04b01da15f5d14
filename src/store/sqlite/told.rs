//! Alerts: how often findings changed, what each sender told of them, and the message it has on its way.

use rusqlite::{Row, params};

use super::db::Db;
use super::events;
use super::notices::{self, severity, severity_code};
use crate::base::{Finding, Time};
use crate::store::{
    ALERT, AlertMessage, AlertView, Hold, NewEvent, Pending, Result, StoreError, TellerRow, Telling, ToldRow, TurnRow,
};

/// A finding is new, or another severity of it is.
pub(super) fn turned(db: &Db<'_>, finding: &Finding) -> Result<()> {
    db.run(
        "INSERT INTO turn (rule, object, severity, value, since, changes, first_at, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?6)
         ON CONFLICT (rule, object) DO UPDATE SET severity = excluded.severity, value = excluded.value,
            since = excluded.since, changes = changes + 1, changed_at = excluded.changed_at",
        params![
            finding.key.rule,
            finding.key.object,
            severity_code(finding.severity),
            finding.value,
            finding.since,
            db.now()
        ],
    )?;
    Ok(())
}

/// A finding no longer holds. That it was acknowledged is remembered: it may be back in a moment.
pub(super) fn ended(db: &Db<'_>, rule: &str, object: &str) -> Result<()> {
    db.run(
        "UPDATE turn SET changes = changes + 1, changed_at = ?3,
            ack_until = (SELECT ack_until FROM notice n WHERE n.rule = ?1 AND n.object = ?2)
         WHERE rule = ?1 AND object = ?2",
        params![rule, object, db.now()],
    )?;
    Ok(())
}

/// Only who holds the duty, under the hold in force, writes what was told.
fn held(db: &Db<'_>, hold: Hold) -> Result<()> {
    let found = db.one(
        "SELECT 1 FROM duty WHERE name = ?1 AND owner = ?2 AND generation = ?3",
        params![ALERT, hold.session, hold.generation],
        |_| Ok(()),
    )?;
    found.ok_or_else(|| StoreError::Stale { what: format!("the duty {ALERT}"), session: hold.session })
}

pub(super) fn enter(db: &Db<'_>, hold: Hold, sender: &str) -> Result<()> {
    held(db, hold)?;
    db.run(
        "INSERT INTO teller (sender, since) VALUES (?1, ?2) ON CONFLICT (sender) DO NOTHING",
        params![sender, db.now()],
    )?;
    Ok(())
}

pub(super) fn view(db: &Db<'_>, sender: &str) -> Result<AlertView> {
    let told = db.rows(&format!("SELECT {TOLD} FROM told WHERE sender = ?"), [sender], read_told)?;
    let teller = db.one(&format!("SELECT {TELLER} FROM teller WHERE sender = ?"), [sender], read_teller)?;
    // What changed before the newest message was made, and is neither open nor told as open, has nothing more to tell.
    let turns = db.rows(
        "SELECT t.rule, t.object, t.severity, t.value, t.since, t.changes, t.first_at, t.changed_at FROM notice n
            JOIN turn t ON t.rule = n.rule AND t.object = n.object
         UNION
         SELECT t.rule, t.object, t.severity, t.value, t.since, t.changes, t.first_at, t.changed_at FROM told d
            JOIN turn t ON t.rule = d.rule AND t.object = d.object WHERE d.sender = ?1
         UNION
         SELECT rule, object, severity, value, since, changes, first_at, changed_at FROM turn WHERE changed_at >= ?2
         ORDER BY 1, 2",
        params![sender, teller.as_ref().map_or(db.now(), |row| row.last_made.unwrap_or(row.since))],
        |row| {
            Ok(TurnRow {
                rule: row.get(0)?,
                object: row.get(1)?,
                severity: severity(row.get(2)?),
                value: row.get(3)?,
                since: row.get(4)?,
                changes: row.get(5)?,
                first_at: row.get(6)?,
                changed_at: row.get(7)?,
            })
        },
    )?;
    Ok(AlertView { now: db.now(), notices: notices::notices(db)?, turns, told, teller, pending: pending(db, sender)? })
}

fn pending(db: &Db<'_>, sender: &str) -> Result<Option<Pending>> {
    let found = db.one(
        "SELECT id, made_at, broke, subject, text, json, tries FROM sending WHERE sender = ?",
        [sender],
        |row| {
            let message = AlertMessage {
                id: row.get(0)?,
                made_at: row.get(1)?,
                broke: row.get(2)?,
                subject: row.get(3)?,
                text: row.get(4)?,
                json: row.get(5)?,
                tells: Vec::new(),
            };
            Ok(Pending { message, tries: row.get(6)? })
        },
    )?;
    let Some(mut pending) = found else { return Ok(None) };
    pending.message.tells = db.rows(
        "SELECT rule, object, severity, open, critical, changes FROM telling WHERE sender = ? ORDER BY rule, object",
        [sender],
        |row| {
            Ok(Telling {
                rule: row.get(0)?,
                object: row.get(1)?,
                severity: severity(row.get(2)?),
                open: row.get(3)?,
                critical: row.get(4)?,
                changes: row.get(5)?,
            })
        },
    )?;
    Ok(Some(pending))
}

pub(super) fn begin(db: &Db<'_>, hold: Hold, sender: &str, message: &AlertMessage) -> Result<()> {
    held(db, hold)?;
    db.run(
        "INSERT INTO sending (sender, id, made_at, broke, subject, text, json, tries)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)
         ON CONFLICT (sender) DO UPDATE SET
            tries = CASE WHEN id = excluded.id THEN tries + 1 ELSE 1 END, id = excluded.id, made_at = excluded.made_at,
            broke = excluded.broke, subject = excluded.subject, text = excluded.text, json = excluded.json",
        params![sender, message.id, message.made_at, message.broke, message.subject, message.text, message.json],
    )?;
    db.run("DELETE FROM telling WHERE sender = ?", [sender])?;
    for tells in &message.tells {
        db.run(
            "INSERT INTO telling (sender, rule, object, severity, open, critical, changes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (sender, rule, object) DO NOTHING",
            params![
                sender,
                tells.rule,
                tells.object,
                severity_code(tells.severity),
                tells.open,
                tells.critical,
                tells.changes
            ],
        )?;
    }
    Ok(())
}

pub(super) fn sent(db: &Db<'_>, hold: Hold, sender: &str, message: Option<&str>, but: Option<&str>) -> Result<()> {
    held(db, hold)?;
    let (mut made_at, mut broke) = (db.now(), false);
    if let Some(id) = message {
        let pending = db.one(
            "SELECT made_at, broke, subject FROM sending WHERE sender = ?1 AND id = ?2",
            params![sender, id],
            |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)),
        )?;
        let Some((made, breaks, subject)) = pending else {
            return Err(StoreError::Impossible(format!("{sender} has sent the message {id}, which it never began")));
        };
        (made_at, broke) = (made, breaks);
        db.run(
            "INSERT INTO told (sender, rule, object, severity, open, at, critical_at, changes)
             SELECT sender, rule, object, severity, open, ?2, CASE WHEN critical THEN ?2 END, changes
             FROM telling WHERE sender = ?1
             ON CONFLICT (sender, rule, object) DO UPDATE SET severity = excluded.severity, open = excluded.open,
                at = excluded.at, critical_at = coalesce(excluded.critical_at, critical_at), changes = excluded.changes",
            params![sender, db.now()],
        )?;
        forget(db, sender)?;
        let (who, what, outcome) = (ALERT.to_owned(), "alert.sent".to_owned(), "done".to_owned());
        events::add(db, &NewEvent { who, what, object: sender.to_owned(), detail: subject, outcome })?;
    }
    db.run(
        "INSERT INTO teller (sender, since, last_sent, last_made, broke, error) VALUES (?1, ?2, ?2, ?3, ?4, ?5)
         ON CONFLICT (sender) DO UPDATE SET last_sent = excluded.last_sent, last_made = excluded.last_made, broke = excluded.broke, failures = 0,
            failing_since = NULL, error = excluded.error, next_try = NULL",
        params![sender, db.now(), made_at, broke, but],
    )?;
    Ok(())
}

fn forget(db: &Db<'_>, sender: &str) -> Result<()> {
    db.run("DELETE FROM sending WHERE sender = ?", [sender])?;
    db.run("DELETE FROM telling WHERE sender = ?", [sender])?;
    Ok(())
}

pub(super) fn failed(db: &Db<'_>, hold: Hold, sender: &str, certain: bool, error: &str, next_try: Time) -> Result<()> {
    held(db, hold)?;
    if certain {
        forget(db, sender)?;
    }
    db.run(
        "INSERT INTO teller (sender, since, failures, failing_since, error, next_try) VALUES (?1, ?2, 1, ?2, ?3, ?4)
         ON CONFLICT (sender) DO UPDATE SET failures = failures + 1, failing_since = coalesce(failing_since, ?2),
            error = excluded.error, next_try = excluded.next_try",
        params![sender, db.now(), error, next_try],
    )?;
    Ok(())
}

const TELLER: &str = "sender, since, last_sent, last_made, broke, failures, failing_since, error, next_try";

fn read_teller(row: &Row<'_>) -> rusqlite::Result<TellerRow> {
    Ok(TellerRow {
        sender: row.get(0)?,
        since: row.get(1)?,
        last_sent: row.get(2)?,
        last_made: row.get(3)?,
        broke: row.get(4)?,
        failures: row.get(5)?,
        failing_since: row.get(6)?,
        error: row.get(7)?,
        next_try: row.get(8)?,
    })
}

pub(super) fn tellers(db: &Db<'_>) -> Result<Vec<TellerRow>> {
    db.rows(&format!("SELECT {TELLER} FROM teller ORDER BY sender"), [], read_teller)
}

const TOLD: &str = "rule, object, severity, open, at, critical_at, changes";

fn read_told(row: &Row<'_>) -> rusqlite::Result<ToldRow> {
    Ok(ToldRow {
        rule: row.get(0)?,
        object: row.get(1)?,
        severity: severity(row.get(2)?),
        open: row.get(3)?,
        at: row.get(4)?,
        critical_at: row.get(5)?,
        changes: row.get(6)?,
    })
}

pub(super) fn of_open(db: &Db<'_>) -> Result<Vec<(String, ToldRow)>> {
    let columns = TOLD.split(", ").map(|column| format!("d.{column}")).collect::<Vec<_>>().join(", ");
    db.rows(
        &format!(
            "SELECT {columns}, d.sender FROM told d JOIN notice n ON n.rule = d.rule AND n.object = d.object
             WHERE d.open ORDER BY d.rule, d.object, d.at DESC, d.sender"
        ),
        [],
        |row| Ok((row.get(7)?, read_told(row)?)),
    )
}

/// What was told to be over long ago, and counts of findings that nobody needs any more.
pub(super) fn prune(db: &Db<'_>, older_than: Time) -> Result<()> {
    db.run("DELETE FROM told WHERE open = 0 AND at < ?", [older_than])?;
    db.run(
        "DELETE FROM turn WHERE changed_at < ?
         AND NOT EXISTS (SELECT 1 FROM notice n WHERE n.rule = turn.rule AND n.object = turn.object)
         AND NOT EXISTS (SELECT 1 FROM told d WHERE d.rule = turn.rule AND d.object = turn.object)",
        [older_than],
    )?;
    Ok(())
}
