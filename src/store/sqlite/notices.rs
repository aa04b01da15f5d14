//! Findings, duties, orders: small tables that several processes share.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rusqlite::{Row, params};

use super::db::Db;
use super::{events, told};
use crate::base::ids::{Generation, SessionId};
use crate::base::{Finding, Severity, Time};
use crate::store::{DutyRow, NewEvent, NoticeRound, NoticeRow, OrderRow, PoolChange, Result, StoreError};

pub(super) fn severity_code(severity: Severity) -> i64 {
    match severity {
        Severity::Ok => 0,
        Severity::Unknown => 1,
        Severity::Warning => 2,
        Severity::Critical => 3,
    }
}

pub(super) fn severity(code: i64) -> Severity {
    match code {
        0 => Severity::Ok,
        2 => Severity::Warning,
        3 => Severity::Critical,
        // What this build does not know it cannot see.
        _ => Severity::Unknown,
    }
}

/// What comes back within this is the same trouble.
const FLAPS: Duration = Duration::from_hours(1);

pub(super) fn round(db: &Db<'_>, scope: &str, findings: &[Finding]) -> Result<NoticeRound> {
    let before: Vec<(String, String, i64)> =
        db.rows("SELECT rule, object, severity FROM notice WHERE scope = ?", [scope], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let mut before: HashMap<(String, String), i64> =
        before.into_iter().map(|(rule, object, severity)| ((rule, object), severity)).collect();
    let mut round = NoticeRound::default();
    // Said twice, it is one finding: as bad as it was said to be, and silenced only if both are.
    let mut said: BTreeMap<(&str, &str), &Finding> = BTreeMap::new();
    for finding in findings {
        let kept = said.entry((finding.key.rule, &finding.key.object)).or_insert(finding);
        let of = |one: &Finding| (one.quiet_until.is_none(), one.severity);
        if of(kept) < of(finding) {
            *kept = finding;
        }
    }
    for finding in said.into_values() {
        let key = (finding.key.rule.to_owned(), finding.key.object.clone());
        let code = severity_code(finding.severity);
        let old = before.remove(&key);
        db.run(
            "INSERT INTO notice
                (rule, object, scope, severity, worst, value, limit_text, since, seen_at, next_step, ack_until)
             VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9,
                -- One that is soon back as what was acknowledged is acknowledged; one that is worse, or another one
                -- days later, is not.
                coalesce(?11, (SELECT t.ack_until FROM turn t
                 WHERE t.rule = ?1 AND t.object = ?2 AND t.severity >= ?4 AND t.ack_until > ?8 AND t.changed_at >= ?10)))
             ON CONFLICT (rule, object) DO UPDATE SET
                scope = excluded.scope, severity = excluded.severity, worst = max(worst, excluded.severity),
                value = excluded.value, limit_text = excluded.limit_text, since = min(since, excluded.since),
                seen_at = excluded.seen_at, next_step = excluded.next_step,
                -- What has become worse is no longer what was acknowledged; a silence takes whatever comes.
                ack_until = CASE WHEN ?11 IS NULL THEN CASE WHEN excluded.severity > severity THEN NULL ELSE ack_until END
                    ELSE max(?11, coalesce(ack_until, ?11)) END",
            params![
                key.0,
                key.1,
                scope,
                code,
                finding.value,
                finding.limit,
                finding.since,
                db.now(),
                finding.next_step,
                db.now().minus(FLAPS),
                finding.quiet_until
            ],
        )?;
        if old != Some(code) {
            told::turned(db, finding)?;
        }
        if old.is_none_or(|old| old < code) {
            event(db, scope, "finding.raised", &key.1, &finding.to_string())?;
            round.raised.push(key);
        }
    }
    let mut cleared: Vec<_> = before.into_keys().collect();
    cleared.sort();
    for key in cleared {
        clear(db, scope, &key.0, &key.1)?;
        round.cleared.push(key);
    }
    Ok(round)
}

fn clear(db: &Db<'_>, scope: &str, rule: &str, object: &str) -> Result<()> {
    told::ended(db, rule, object)?;
    db.run("DELETE FROM notice WHERE rule = ?1 AND object = ?2", params![rule, object])?;
    event(db, scope, "finding.cleared", object, &format!("{rule} no longer holds"))
}

/// Clears the findings of a scope, or those about one object of it, whoever looks after them; how many.
pub(super) fn drop_of(db: &Db<'_>, scope: &str, object: Option<&str>) -> Result<u64> {
    let keys: Vec<(String, String)> = db.rows(
        "SELECT rule, object FROM notice WHERE scope = ?1 AND (?2 IS NULL OR object = ?2) ORDER BY rule, object",
        params![scope, object],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (rule, object) in &keys {
        clear(db, scope, rule, object)?;
    }
    Ok(keys.len() as u64)
}

fn event(db: &Db<'_>, scope: &str, what: &str, object: &str, detail: &str) -> Result<()> {
    events::add(
        db,
        &NewEvent {
            who: scope.to_owned(),
            what: what.to_owned(),
            object: object.to_owned(),
            detail: detail.to_owned(),
            outcome: "done".to_owned(),
        },
    )
}

pub(super) fn notices(db: &Db<'_>) -> Result<Vec<NoticeRow>> {
    db.rows(
        "SELECT rule, object, scope, severity, worst, value, limit_text, since, seen_at, next_step, ack_until
         FROM notice ORDER BY severity DESC, since, rule, object",
        [],
        |row| {
            Ok(NoticeRow {
                rule: row.get(0)?,
                object: row.get(1)?,
                scope: row.get(2)?,
                severity: severity(row.get(3)?),
                worst: severity(row.get(4)?),
                value: row.get(5)?,
                limit: row.get(6)?,
                since: row.get(7)?,
                seen_at: row.get(8)?,
                next_step: row.get(9)?,
                ack_until: row.get(10)?,
            })
        },
    )
}

pub(super) fn ack(db: &Db<'_>, rule: &str, object: &str, until: Time, who: &str) -> Result<bool> {
    let changed =
        db.run("UPDATE notice SET ack_until = ?3 WHERE rule = ?1 AND object = ?2", params![rule, object, until])?;
    if changed > 0 {
        event(db, who, "finding.acknowledged", object, &format!("{rule} until {until}"))?;
    }
    Ok(changed > 0)
}

const DUTY: &str = "owner, generation, last_run, next_run, result";

fn read_duty(row: &Row<'_>) -> rusqlite::Result<DutyRow> {
    Ok(DutyRow {
        owner: row.get(0)?,
        generation: row.get(1)?,
        last_run: row.get(2)?,
        next_run: row.get(3)?,
        result: row.get(4)?,
    })
}

pub(super) fn duty(db: &Db<'_>, name: &str) -> Result<Option<DutyRow>> {
    db.one(&format!("SELECT {DUTY} FROM duty WHERE name = ?"), [name], read_duty)
}

/// All of them, by name: as many as there are sources, vaults, hosts and the like.
pub(super) fn duties(db: &Db<'_>) -> Result<Vec<(String, DutyRow)>> {
    db.rows(&format!("SELECT {DUTY}, name FROM duty ORDER BY name"), [], |row| Ok((row.get(5)?, read_duty(row)?)))
}

pub(super) fn duty_take(db: &Db<'_>, name: &str, session: SessionId) -> Result<Option<DutyRow>> {
    super::alive(db, session)?;
    db.run("INSERT INTO duty (name, generation) VALUES (?, 0) ON CONFLICT (name) DO NOTHING", [name])?;
    // A holder whose lease has run out has lost the duty, whether or not anybody has reaped it yet.
    db.run(
        "UPDATE duty SET owner = ?2, generation = generation + 1 WHERE name = ?1 AND owner IS NOT ?2
         AND NOT EXISTS (SELECT 1 FROM worker w WHERE w.id = duty.owner AND w.ended_at IS NULL AND w.lease_until > ?3)",
        params![name, session, db.now()],
    )?;
    Ok(duty(db, name)?.filter(|row| row.owner == Some(session)))
}

pub(super) fn duty_done(
    db: &Db<'_>,
    name: &str,
    session: SessionId,
    generation: Generation,
    next_run: Time,
    result: &str,
) -> Result<()> {
    let changed = db.run(
        "UPDATE duty SET last_run = ?4, next_run = ?5, result = ?6 WHERE name = ?1 AND owner = ?2 AND generation = ?3",
        params![name, session, generation, db.now(), next_run, result],
    )?;
    if changed == 0 {
        return Err(StoreError::Stale { what: format!("the duty {name}"), session });
    }
    Ok(())
}

pub(super) fn duty_release(db: &Db<'_>, name: &str, session: SessionId) -> Result<()> {
    db.run(
        "UPDATE duty SET owner = NULL, generation = generation + 1 WHERE name = ?1 AND owner = ?2",
        params![name, session],
    )?;
    Ok(())
}

const ORDER: &str = "host, pool, size, paused, drain, generation, who, at, until, applied, result";

fn read_order(row: &Row<'_>) -> rusqlite::Result<OrderRow> {
    Ok(OrderRow {
        host: row.get(0)?,
        pool: row.get(1)?,
        size: row.get(2)?,
        paused: row.get(3)?,
        drain: row.get(4)?,
        generation: row.get(5)?,
        who: row.get(6)?,
        at: row.get(7)?,
        until: row.get(8)?,
        applied: row.get(9)?,
        result: row.get(10)?,
    })
}

pub(super) fn order(db: &Db<'_>, change: &PoolChange) -> Result<OrderRow> {
    let row = db.one(
        &format!(
            "INSERT INTO command (host, pool, size, paused, drain, generation, who, at, until)
             VALUES (?1, ?2, ?3, coalesce(?4, 0), coalesce(?5, 0), 1, ?6, ?7, ?8)
             ON CONFLICT (host, pool) DO UPDATE SET
                size = coalesce(?3, size), paused = coalesce(?4, paused), drain = coalesce(?5, drain),
                generation = generation + 1, who = excluded.who, at = excluded.at, until = excluded.until, result = NULL
             RETURNING {ORDER}"
        ),
        params![change.host, change.pool, change.size, change.paused, change.drain, change.who, db.now(), change.until],
        read_order,
    )?;
    let row = row.ok_or_else(|| StoreError::Impossible("an order was entered and is not there".to_owned()))?;
    let words = [
        change.size.map(|size| format!("size {size}")),
        change.paused.map(|paused| if paused { "pause" } else { "resume" }.to_owned()),
        change.drain.filter(|drain| *drain).map(|_| "drain".to_owned()),
        change.until.map(|until| format!("until {until}")),
    ];
    let mut detail = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if detail.is_empty() {
        "now".clone_into(&mut detail);
    }
    event(db, &change.who, "pool.ordered", &format!("{} on {}", row.pool, row.host), &detail)?;
    Ok(row)
}

pub(super) fn orders(db: &Db<'_>, host: &str) -> Result<Vec<OrderRow>> {
    db.rows(&format!("SELECT {ORDER} FROM command WHERE host = ? ORDER BY pool"), [host], read_order)
}

pub(super) fn all_orders(db: &Db<'_>) -> Result<Vec<OrderRow>> {
    db.rows(&format!("SELECT {ORDER} FROM command ORDER BY host, pool"), [], read_order)
}

pub(super) fn order_applied(db: &Db<'_>, host: &str, pool: &str, generation: Generation, result: &str) -> Result<()> {
    db.run(
        "UPDATE command SET applied = ?3, result = ?4 WHERE host = ?1 AND pool = ?2 AND generation = ?3",
        params![host, pool, generation, result],
    )?;
    Ok(())
}
