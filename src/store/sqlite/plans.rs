//! Plans: put together, saved, confirmed, stopped, removed.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use rusqlite::params;

use super::db::Db;
use super::plan_rows::plan;
use super::{events, ledger, retrievals};
use crate::base::ids::{ArchiveId, DestId, Generation, PlanId};
use crate::base::units::Count;
use crate::base::{Money, Time, calendar};
use crate::store::{
    CancelledPlan, Confirm, Confirmed, DestRow, NewDest, NewEvent, NewPart, NewPlan, NewRestore, PlanState, PlanTotals,
    PlannedFile, RestorePlace, RestoreState, Result, StoreError,
};

/// Who spends what restores cost.
pub(super) const SPENDER: &str = "restore";

/// A plan is spread over that many days at most.
const MOST_DAYS: u32 = 3_660;

fn within_days(plan: PlanId, day: u32) -> Result<()> {
    if day > MOST_DAYS {
        let (day, most) = (Count(u64::from(day)), Count(u64::from(MOST_DAYS)));
        return Err(StoreError::Impossible(format!(
            "plan {plan} goes on {day} days after its confirmation; it is spread over {most} at most"
        )));
    }
    Ok(())
}

pub(super) fn begin(db: &Db<'_>, new: &NewPlan) -> Result<PlanId> {
    db.run(
        "INSERT INTO plan (state, live, title, made_by, made_at, host, vault, supplement_of)
         VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![PlanState::Draft, new.title, new.who, db.now(), new.host, new.vault, new.supplement_of],
    )?;
    Ok(PlanId(db.last_id()))
}

fn in_draft(db: &Db<'_>, plan: PlanId) -> Result<()> {
    match state(db, plan)? {
        Some(PlanState::Draft) => Ok(()),
        other => {
            let what = other.map_or("not there", PlanState::word);
            Err(StoreError::Impossible(format!("files are added to plan {plan}, which is {what}")))
        }
    }
}

fn state(db: &Db<'_>, plan: PlanId) -> Result<Option<PlanState>> {
    db.one("SELECT state FROM plan WHERE id = ?", [plan], |row| row.get(0))
}

pub(super) fn dests(db: &Db<'_>, plan: PlanId, dests: &[NewDest]) -> Result<Vec<DestId>> {
    in_draft(db, plan)?;
    let one = |dest: &NewDest| {
        let place = dest.place.as_bytes();
        db.run(
            "INSERT INTO dest (plan, kind, place) VALUES (?1, ?2, ?3) ON CONFLICT (plan, kind, place) DO NOTHING",
            params![plan, dest.kind, place],
        )?;
        let id = db.one(
            "SELECT id FROM dest WHERE plan = ?1 AND kind = ?2 AND place = ?3",
            params![plan, dest.kind, place],
            |row| row.get(0),
        )?;
        id.ok_or_else(|| StoreError::Impossible("a destination was entered and is not there".to_owned()))
    };
    dests.iter().map(one).collect()
}

pub(super) fn places(db: &Db<'_>, plan: PlanId) -> Result<Vec<(DestId, DestRow)>> {
    db.rows("SELECT id, kind, place FROM dest WHERE plan = ? ORDER BY id", [plan], |row| {
        Ok((row.get(0)?, DestRow { kind: row.get(1)?, place: OsString::from_vec(row.get(2)?) }))
    })
}

/// Enters files; the numbers of those whose place another file of the plan has.
pub(super) fn add(db: &Db<'_>, plan: PlanId, files: &[NewRestore]) -> Result<Vec<u64>> {
    in_draft(db, plan)?;
    let mut twice = Vec::new();
    for file in files {
        // What is in an archive is a version of a file, and what is in none has a reason.
        let lacks = match (file.from, file.file, &file.why) {
            (Some(_), None, _) => Some("an archive and no version"),
            (None, _, None) => Some("no archive and no reason"),
            _ => None,
        };
        if let Some(lacks) = lacks {
            return Err(StoreError::Impossible(format!("file {} of plan {plan} has {lacks}", file.n)));
        }
        let (archive, offset) = file.from.unwrap_or((ArchiveId(0), 0));
        let state = if file.from.is_some() { RestoreState::Waiting } else { RestoreState::Impossible };
        // The file's row has its key.
        let name = file.file.is_none().then_some(&file.name);
        let entered = db.run(
            "INSERT INTO restore (plan, archive, data_offset, n, file, name, length, dest, target, overwrite, state, reason,
                source, as_of)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING",
            params![
                plan,
                archive,
                offset,
                file.n,
                file.file,
                name,
                file.length,
                file.dest,
                file.target,
                file.overwrite,
                state,
                file.why,
                file.asked.map(|(source, _)| source),
                file.asked.and_then(|(_, at)| at)
            ],
        )?;
        if entered == 0 {
            twice.push(file.n);
        }
    }
    Ok(twice)
}

pub(super) fn files(db: &Db<'_>, plan: PlanId, after: Option<RestorePlace>, limit: u32) -> Result<Vec<PlannedFile>> {
    let (archive, offset, n) = after.unwrap_or((ArchiveId(0), u64::MAX >> 1, u64::MAX >> 1));
    db.rows(
        "SELECT r.archive, coalesce(a.size, 0), a.state, r.data_offset, r.n, r.length, r.dest, r.target,
                r.overwrite
         FROM restore r JOIN archive a ON a.id = r.archive
         WHERE r.plan = ?1 AND (r.archive, r.data_offset, r.n) > (?2, ?3, ?4)
         ORDER BY r.archive, r.data_offset, r.n LIMIT ?5",
        params![plan, archive, offset, n, limit],
        |row| {
            Ok(PlannedFile {
                archive: row.get(0)?,
                archive_size: row.get(1)?,
                archive_state: row.get(2)?,
                offset: row.get(3)?,
                n: row.get(4)?,
                length: row.get(5)?,
                dest: row.get(6)?,
                target: row.get(7)?,
                overwrite: row.get(8)?,
            })
        },
    )
}

/// Whether a pricing of a plan is its newest.
fn is_newest(db: &Db<'_>, plan: PlanId, pricing: Generation) -> Result<bool> {
    let newest = db.one("SELECT pricing FROM plan WHERE id = ?", [plan], |row| row.get::<_, Generation>(0))?;
    Ok(newest.is_none_or(|newest| newest == pricing))
}

pub(super) fn parts(db: &Db<'_>, plan: PlanId, pricing: Generation, parts: &[NewPart]) -> Result<bool> {
    if !is_newest(db, plan, pricing)? {
        return Ok(false);
    }
    in_draft(db, plan)?;
    for part in parts {
        within_days(plan, part.day)?;
        if db.one("SELECT 1 FROM archive WHERE id = ?", [part.archive], |_| Ok(()))?.is_none() {
            let archive = part.archive;
            return Err(StoreError::Impossible(format!(
                "plan {plan} has a part of archive {archive}, which is not known"
            )));
        }
        let (need, range) = (part.need.as_ref(), part.range.as_ref());
        let covered = match (need, range) {
            (None, None) => true,
            (Some(need), Some(range)) => range.start <= need.start && need.end <= range.end,
            _ => false,
        };
        if !covered {
            return Err(StoreError::Impossible(format!(
                "plan {plan} needs {need:?} of archive {} and asks for {range:?}",
                part.archive
            )));
        }
        db.run(
            "INSERT INTO plan_part (plan, archive, state, need_start, need_end, range_start, range_end, files, bytes,
                                    read_bytes, price, full_price, egress, joins, day)
             VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            params![
                plan,
                part.archive,
                need.map(|need| need.start),
                need.map(|need| need.end),
                range.map(|range| range.start),
                range.map(|range| range.end),
                part.files,
                part.bytes,
                part.read_bytes,
                part.price,
                part.full_price,
                part.egress,
                part.joins,
                part.day
            ],
        )?;
    }
    Ok(true)
}

pub(super) fn unpriced(db: &Db<'_>, plan: PlanId) -> Result<Option<Generation>> {
    let changed = db.run(
        "UPDATE plan SET state = ?2, hash = NULL, pricing = pricing + 1 WHERE id = ?1 AND state IN (?2, ?3)",
        params![plan, PlanState::Draft, PlanState::Planned],
    )?;
    if changed == 0 {
        return Ok(None);
    }
    db.run("DELETE FROM plan_part WHERE plan = ?", [plan])?;
    db.one("SELECT pricing FROM plan WHERE id = ?", [plan], |row| row.get(0))
}

pub(super) fn save(db: &Db<'_>, plan: PlanId, pricing: Generation, totals: &PlanTotals) -> Result<bool> {
    // What an overtaken one lacks is no fault of the plan's.
    if !is_newest(db, plan, pricing)? {
        return Ok(false);
    }
    if totals.price < Money::ZERO || totals.ceiling < totals.price {
        return Err(StoreError::Impossible(format!(
            "plan {plan} costs {} and at most {}",
            totals.price, totals.ceiling
        )));
    }
    // A file that no part delivers would wait for ever. From archive to archive, not from file to file.
    let left_out: Option<ArchiveId> = db.one(
        "WITH RECURSIVE wanted (archive) AS (
             SELECT min(archive) FROM restore WHERE plan = ?1 AND archive > 0
             UNION ALL
             SELECT (SELECT min(archive) FROM restore WHERE plan = ?1 AND archive > wanted.archive)
             FROM wanted WHERE wanted.archive IS NOT NULL)
         SELECT archive FROM wanted WHERE archive IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM plan_part p WHERE p.plan = ?1 AND p.archive = wanted.archive) LIMIT 1",
        [plan],
        |row| row.get(0),
    )?;
    if let Some(archive) = left_out {
        return Err(StoreError::Impossible(format!("plan {plan} has files of archive {archive} and no part for them")));
    }
    let risks: Vec<(&str, i64)> = totals.risks.iter().map(|(name, money)| (name.as_str(), money.nanos())).collect();
    let risks = serde_json::to_string(&risks).map_err(|e| StoreError::Impossible(e.to_string()))?;
    let changed = db.run(
        "UPDATE plan SET state = ?2, tier = ?3, tariff = ?4, tariff_hash = ?5, hash = ?6, files = ?7, bytes = ?8,
                impossible = ?9, archives = ?10, jobs = ?11, joined = ?12, asked_bytes = ?13, read_bytes = ?14,
                price = ?15, sure = ?16, ceiling = ?17, risks = ?18, seconds_from = ?19, seconds_to = ?20,
                overwrites = ?21
         WHERE id = ?1 AND state = ?22",
        params![
            plan,
            PlanState::Planned,
            totals.tier,
            totals.tariff,
            totals.tariff_hash,
            totals.hash,
            totals.files,
            totals.bytes,
            totals.impossible,
            totals.archives,
            totals.jobs,
            totals.joined,
            totals.asked_bytes,
            totals.read_bytes,
            totals.price,
            totals.sure,
            totals.ceiling,
            risks,
            totals.seconds.map(|(from, _)| from),
            totals.seconds.map(|(_, to)| to),
            totals.overwrites,
            PlanState::Draft
        ],
    )?;
    Ok(changed > 0)
}

pub(super) fn confirm(db: &Db<'_>, confirm: &Confirm) -> Result<Confirmed> {
    let Some(plan) = plan(db, confirm.plan)? else { return Ok(Confirmed::Not(PlanState::Dropped)) };
    match plan.state {
        PlanState::Planned => {}
        PlanState::Running | PlanState::Ended => {
            return Ok(match plan.confirmed {
                Some((who, at)) => Confirmed::Already { who, at },
                None => Confirmed::Not(plan.state),
            });
        }
        other => return Ok(Confirmed::Not(other)),
    }
    let Some(totals) = plan.totals.filter(|totals| totals.hash == confirm.hash) else { return Ok(Confirmed::Changed) };
    let elsewhere = "SELECT d.kind FROM dest d WHERE d.plan = ?1 AND d.kind <> 'folder' AND EXISTS
         (SELECT 1 FROM restore r INDEXED BY restore_target WHERE r.plan = ?1 AND r.dest = d.id AND r.archive > 0)";
    if let Some(kind) = db.one(&format!("{elsewhere} LIMIT 1"), [confirm.plan], |row| row.get(0))? {
        return Ok(Confirmed::Undelivered { kind });
    }
    // What is set aside is the whole ceiling, whatever the caller says of days.
    let days = ledger::shares(&confirm.days);
    for day in days.keys() {
        within_days(confirm.plan, *day)?;
    }
    let set_aside: Money = days.values().copied().sum();
    if set_aside != totals.ceiling || days.values().any(|money| *money < Money::ZERO) {
        return Err(StoreError::Impossible(format!(
            "plan {} has a ceiling of {} and {set_aside} is set aside for it",
            confirm.plan, totals.ceiling
        )));
    }
    if let Some(over) = ledger::over(db, SPENDER, &confirm.into(), &days, totals.ceiling)? {
        if let Confirmed::Over { budget, when, limit, used, asked } = &over {
            let of = if when.is_empty() { (*budget).to_owned() } else { format!("{budget} {when}") };
            let detail = format!(
                "{}: it may cost up to {asked}; the budget of the {of} is {limit}, and {used} of it is reserved or spent",
                plan.title
            );
            say(db, &confirm.who, "restore.denied", confirm.plan, &detail, "denied")?;
        }
        return Ok(over);
    }
    let today = calendar::day(db.now());
    for (day, money) in &days {
        ledger::reserve(db, SPENDER, confirm.plan, today + i64::from(*day), *money)?;
    }
    // So many times 24 hours later, not at midnight: whenever it is confirmed, no 24 hours have two days' rate. The day of
    // the calendar is the one that its money was set aside for above.
    db.run(
        "UPDATE plan_part SET live = 1, host = ?4,
                not_before = ?2 + day * ?3
         WHERE plan = ?1",
        params![confirm.plan, db.now(), calendar::DAY, plan.host],
    )?;
    let parts = db.one("SELECT count(*) FROM plan_part WHERE plan = ?", [confirm.plan], |row| row.get::<_, u64>(0))?;
    db.run(
        "UPDATE plan SET state = ?2, confirmed_by = ?3, confirmed_at = ?4, parts_left = ?5 WHERE id = ?1",
        params![confirm.plan, PlanState::Running, confirm.who, db.now(), parts.unwrap_or(0)],
    )?;
    event(
        db,
        &confirm.who,
        "restore.confirmed",
        confirm.plan,
        &format!("{}: {} files, {}, at most {}", plan.title, totals.files, totals.price, totals.ceiling),
    )?;
    if parts == Some(0) {
        end_if_over(db, confirm.plan)?;
    }
    Ok(Confirmed::Yes)
}

/// Ends a plan when none of its parts is left. Whether it has.
pub(super) fn end_if_over(db: &Db<'_>, plan: PlanId) -> Result<bool> {
    let changed = db.run(
        "UPDATE plan SET state = ?2, live = NULL, ended_at = ?3 WHERE id = ?1 AND state = ?4 AND parts_left = 0",
        params![plan, PlanState::Ended, db.now(), PlanState::Running],
    )?;
    if changed == 0 {
        return Ok(false);
    }
    ledger::close(db, plan)?;
    if let Some(row) = self::plan(db, plan)? {
        let detail =
            format!("{}: {} files delivered, {} failed, {} spent", row.title, row.delivered, row.failed, row.spent);
        event(db, &row.confirmed.map_or(row.made_by, |(who, _)| who), "restore.ended", plan, &detail)?;
    }
    Ok(true)
}

pub(super) fn event(db: &Db<'_>, who: &str, what: &str, plan: PlanId, detail: &str) -> Result<()> {
    say(db, who, what, plan, detail, "done")
}

pub(super) fn say(db: &Db<'_>, who: &str, what: &str, plan: PlanId, detail: &str, outcome: &str) -> Result<()> {
    events::add(
        db,
        &NewEvent {
            who: who.to_owned(),
            what: what.to_owned(),
            object: format!("plan {plan}"),
            detail: detail.to_owned(),
            outcome: outcome.to_owned(),
        },
    )
}

pub(super) fn drop_unconfirmed(db: &Db<'_>, plan: PlanId) -> Result<bool> {
    let changed = db.run(
        "UPDATE plan SET state = ?2 WHERE id = ?1 AND state IN (?3, ?4)",
        params![plan, PlanState::Dropped, PlanState::Draft, PlanState::Planned],
    )?;
    Ok(changed > 0)
}

pub(super) fn cancel(db: &Db<'_>, id: PlanId, who: &str) -> Result<CancelledPlan> {
    let changed = db.run(
        "UPDATE plan SET state = ?2, live = NULL, ended_at = ?3 WHERE id = ?1 AND state = ?4",
        params![id, PlanState::Cancelled, db.now(), PlanState::Running],
    )?;
    let row = plan(db, id)?;
    let (spent, delivered) = row.as_ref().map_or((Money::ZERO, 0), |row| (row.spent, row.delivered));
    if changed == 0 {
        return Ok(CancelledPlan { done: false, spent, delivered, jobs: 0 });
    }
    // Who delivers one of them finds its claim gone at its next word.
    db.run(
        "UPDATE plan_part SET state = 5, live = NULL, owner = NULL, generation = generation + 1
         WHERE plan = ?1 AND live = 1",
        [id],
    )?;
    let jobs = retrievals::left_alone(db, id)?;
    db.run("UPDATE plan SET parts_left = 0 WHERE id = ?", [id])?;
    ledger::close(db, id)?;
    let detail = format!("{delivered} files delivered, {spent} spent, {jobs} jobs go on at the vault");
    event(db, who, "restore.cancelled", id, &detail)?;
    Ok(CancelledPlan { done: true, spent, delivered, jobs })
}

pub(super) fn prune(db: &Db<'_>, before: Time, limit: u32) -> Result<u64> {
    db.run(
        "UPDATE plan SET state = ?2 WHERE id IN
            (SELECT id FROM plan WHERE live = 1 AND state IN (?3, ?4) AND made_at < ?1 LIMIT ?5)",
        params![before, PlanState::Dropped, PlanState::Draft, PlanState::Planned, limit],
    )?;
    let limit = u64::from(limit);
    let mut gone = 0;
    let dropped: Vec<PlanId> = db.rows(
        "SELECT id FROM plan WHERE live = 1 AND state = ?1 ORDER BY made_at LIMIT ?2",
        params![PlanState::Dropped, limit],
        |row| row.get(0),
    )?;
    for plan in dropped {
        for some in [
            "DELETE FROM restore WHERE plan = ?1 AND (archive, data_offset, n) IN
                (SELECT archive, data_offset, n FROM restore WHERE plan = ?1 LIMIT ?2)",
            "DELETE FROM plan_part WHERE plan = ?1 AND archive IN
                (SELECT archive FROM plan_part WHERE plan = ?1 LIMIT ?2)",
            "DELETE FROM dest WHERE id IN (SELECT id FROM dest WHERE plan = ?1 LIMIT ?2)",
            "DELETE FROM plan WHERE id = ?1 AND ?2 > 0",
        ] {
            gone += db.run(some, params![plan, limit - gone.min(limit)])?;
            if gone >= limit {
                return Ok(gone);
            }
        }
    }
    Ok(gone)
}
