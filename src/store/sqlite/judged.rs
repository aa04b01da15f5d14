//! What is seen and judged of delayed replicas.

use rusqlite::{Row, params};

use super::db::Db;
use super::events;
use super::notices::{self, severity, severity_code};
use crate::base::Time;
use crate::base::ids::SessionId;
use crate::store::{
    DelaySample, DutyRow, Forget, Forgotten, JudgedBy, JudgedRow, JudgedWrite, LARGEST_BODY, LARGEST_SPARK, NewEvent,
    NewJudged, Result, delay_duty, heartbeat_duty, server_of,
};

/// Those that are held already, nearly all of them each time, cost one look.
pub(super) fn duties_take(db: &Db<'_>, names: &[String], session: SessionId) -> Result<Vec<Option<DutyRow>>> {
    super::alive(db, session)?;
    let take = |name: &String| match notices::duty(db, name)? {
        Some(row) if row.owner == Some(session) => Ok(Some(row)),
        _ => notices::duty_take(db, name, session),
    };
    names.iter().map(take).collect()
}

pub(super) fn write(db: &Db<'_>, session: SessionId, row: &NewJudged) -> Result<JudgedWrite> {
    let sizes = [("its state", row.state.len(), LARGEST_BODY), ("its sparkline", row.spark.len(), LARGEST_SPARK)];
    if let Some((what, bytes, most)) = sizes.into_iter().find(|(_, bytes, most)| bytes > most) {
        return Ok(JudgedWrite::TooLarge { what, bytes, most });
    }
    let held = db.one(
        "SELECT 1 FROM duty WHERE name = ?1 AND owner = ?2 AND generation = ?3",
        params![delay_duty(&row.replica), session, row.generation],
        |_| Ok(()),
    )?;
    if held.is_none() {
        return Ok(JudgedWrite::NotHeld);
    }
    let known = db.one(
        "SELECT r.id, r.oldest, j.at FROM replica r LEFT JOIN judge j ON j.replica = r.id WHERE r.name = ?",
        [&row.replica],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<Time>>(1)?, row.get::<_, Option<Time>>(2)?)),
    )?;
    let (replica, oldest) = match known {
        Some((_, _, Some(at))) if at >= row.at => return Ok(JudgedWrite::NotNewer(at)),
        Some((_, _, None)) | None if row.known => return Ok(JudgedWrite::Forgotten),
        Some((id, oldest, _)) => (id, oldest),
        None => {
            db.run("INSERT INTO replica (name) VALUES (?)", [&row.replica])?;
            (db.last_id(), None)
        }
    };
    for sample in &row.samples {
        db.run(
            "INSERT INTO sample (replica, at, delay, severity) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (replica, at) DO NOTHING",
            params![replica, sample.at, sample.delay, severity_code(sample.severity)],
        )?;
    }
    let first = row.samples.iter().map(|sample| sample.at).min();
    if let Some(first) = first.filter(|first| oldest.is_none_or(|oldest| *first < oldest)) {
        db.run("UPDATE replica SET oldest = ?2 WHERE id = ?1", params![replica, first])?;
    }
    db.run(
        "INSERT INTO judge (replica, at, written, session, severity, rule, text, state, spark)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (replica) DO UPDATE SET at = excluded.at, written = excluded.written, session = excluded.session,
            severity = excluded.severity, rule = excluded.rule, text = excluded.text, state = excluded.state,
            spark = excluded.spark",
        params![
            replica,
            row.at,
            db.now(),
            session,
            severity_code(row.severity),
            row.rule,
            events::cut(&row.text),
            row.state,
            row.spark
        ],
    )?;
    Ok(JudgedWrite::Written)
}

/// The session's row goes some time after its end.
const JUDGED: &str =
    "SELECT r.name, j.at, j.written, j.severity, j.rule, j.text, j.state, j.spark, j.session, w.host, w.pid
    FROM judge j JOIN replica r ON r.id = j.replica LEFT JOIN worker w ON w.id = j.session";

fn read(row: &Row<'_>) -> rusqlite::Result<JudgedRow> {
    let process = match (row.get::<_, Option<String>>(9)?, row.get::<_, Option<u32>>(10)?) {
        (Some(host), Some(pid)) => Some((host, pid)),
        _ => None,
    };
    Ok(JudgedRow {
        replica: row.get(0)?,
        at: row.get(1)?,
        written: row.get(2)?,
        severity: severity(row.get(3)?),
        rule: row.get(4)?,
        text: row.get(5)?,
        state: row.get(6)?,
        spark: row.get(7)?,
        writer: JudgedBy { session: row.get(8)?, process },
    })
}

pub(super) fn all(db: &Db<'_>, since: Option<Time>) -> Result<Vec<JudgedRow>> {
    let since = since.unwrap_or(Time::from_micros(i64::MIN));
    db.rows(&format!("{JUDGED} WHERE j.written >= ? ORDER BY r.name"), [since], read)
}

pub(super) fn names(db: &Db<'_>) -> Result<Vec<String>> {
    db.rows("SELECT name FROM replica WHERE id IN (SELECT replica FROM judge) ORDER BY name", [], |row| row.get(0))
}

pub(super) fn one(db: &Db<'_>, replica: &str) -> Result<Option<JudgedRow>> {
    db.one(&format!("{JUDGED} WHERE r.name = ?"), [replica], read)
}

pub(super) fn forget(db: &Db<'_>, replicas: &[String]) -> Result<u64> {
    let mut gone = 0;
    for name in replicas {
        gone += db.run("DELETE FROM judge WHERE replica = (SELECT id FROM replica WHERE name = ?)", [name])?;
        db.run("DELETE FROM replica WHERE name = ? AND oldest IS NULL", [name])?;
    }
    Ok(gone)
}

pub(super) fn forget_told(db: &Db<'_>, what: &Forget, who: &str) -> Result<Forgotten> {
    let name = what.name();
    let (duty, whole) = match what {
        Forget::Replica(name) => (delay_duty(name), server_of(name) == name),
        Forget::Heartbeat(name) => (heartbeat_duty(name), true),
    };
    let holder = db.one(
        "SELECT w.host, w.pid FROM duty d JOIN worker w ON w.id = d.owner
         WHERE d.name = ?1 AND w.ended_at IS NULL AND w.lease_until > ?2",
        params![duty, db.now()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if let Some((host, pid)) = holder.filter(|_| whole) {
        return Ok(Forgotten::Worked(host, pid));
    }
    // Channels stand behind the server's name; no byte of a name lies between "/" and "0".
    let names: Vec<String> = match what {
        Forget::Heartbeat(_) => Vec::new(),
        Forget::Replica(_) if whole => db.rows(
            "SELECT r.name FROM replica r JOIN judge j ON j.replica = r.id
             WHERE r.name = ?1 OR (r.name > ?1 || '/' AND r.name < ?1 || '0')",
            [name],
            |row| row.get(0),
        )?,
        Forget::Replica(_) => vec![name.to_owned()],
    };
    let verdicts = forget(db, &names)?;
    let findings = notices::drop_of(db, &duty, (!whole).then_some(name))?;
    if verdicts + findings == 0 {
        return Ok(Forgotten::Nothing);
    }
    let what = if matches!(what, Forget::Heartbeat(_)) { "heartbeat.forget" } else { "replica.forget" };
    let detail = format!("{verdicts} verdicts and {findings} open findings were forgotten");
    let event = NewEvent {
        who: who.to_owned(),
        what: what.to_owned(),
        object: name.to_owned(),
        detail,
        outcome: "done".to_owned(),
    };
    events::add(db, &event)?;
    Ok(Forgotten::Done { verdicts, findings })
}

fn read_sample(row: &Row<'_>) -> rusqlite::Result<DelaySample> {
    Ok(DelaySample { at: row.get(0)?, delay: row.get(1)?, severity: severity(row.get(2)?) })
}

pub(super) fn samples(db: &Db<'_>, replica: &str, from: Time, to: Time, limit: u32) -> Result<Vec<DelaySample>> {
    db.rows(
        "SELECT at, delay, severity FROM sample
         WHERE replica = (SELECT id FROM replica WHERE name = ?1) AND at >= ?2 AND at <= ?3 ORDER BY at LIMIT ?4",
        params![replica, from, to, limit],
        read_sample,
    )
}

pub(super) fn newest(db: &Db<'_>, replica: &str, from: Time, limit: u32) -> Result<Vec<DelaySample>> {
    let mut found = db.rows(
        "SELECT at, delay, severity FROM sample
         WHERE replica = (SELECT id FROM replica WHERE name = ?1) AND at >= ?2 ORDER BY at DESC LIMIT ?3",
        params![replica, from, limit],
        read_sample,
    )?;
    found.reverse();
    Ok(found)
}

/// Each replica knows its oldest sample, so that only those are looked at that have something to drop.
pub(super) fn prune(db: &Db<'_>, before: Time, limit: u32) -> Result<u64> {
    let limit = u64::from(limit);
    let mut dropped = 0;
    while dropped < limit {
        let next = db.one("SELECT id FROM replica WHERE oldest < ?1 ORDER BY oldest LIMIT 1", [before], |row| {
            row.get::<_, i64>(0)
        })?;
        let Some(replica) = next else { break };
        // The first that stays: the first that is too many, or else all that are old enough go.
        let kept = db.one(
            "SELECT at FROM sample WHERE replica = ?1 AND at < ?2 ORDER BY at LIMIT 1 OFFSET ?3",
            params![replica, before, limit - dropped],
            |row| row.get::<_, Time>(0),
        )?;
        dropped +=
            db.run("DELETE FROM sample WHERE replica = ?1 AND at < ?2", params![replica, kept.unwrap_or(before)])?;
        db.run("UPDATE replica SET oldest = (SELECT min(at) FROM sample WHERE replica = ?1) WHERE id = ?1", [replica])?;
        // Nothing is left of one that is watched no more.
        db.run(
            "DELETE FROM replica WHERE id = ?1 AND oldest IS NULL
             AND NOT EXISTS (SELECT 1 FROM judge WHERE replica = ?1)",
            [replica],
        )?;
    }
    Ok(dropped)
}
