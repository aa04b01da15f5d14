//! Retrieval jobs: joined, asked for, heard of; and the money that asking takes.

use rusqlite::{Row, params};

use super::db::Db;
use super::plans::{self, SPENDER};
use super::{ledger, plan_rows};
use crate::base::Time;
use crate::base::ids::{ArchiveId, PlanId, RetrievalId, RetrievalUuid, SessionId};
use crate::base::speed::{Joinable, speed};
use crate::store::{
    ArchiveState, AskPart, Heard, Hurry, JobAsked, PartState, PlanPartRow, PlanState, Result, RetrievalRow,
    RetrievalState,
};

const JOB: &str =
    "r.id, r.uuid, r.vault, r.archive, a.uuid, coalesce(a.remote_id, x''), r.range_start, r.range_end, r.tier, r.plan,
    r.state, r.job_id, r.price, r.asked_at, r.ready_at, r.expires_at, r.next_look,
    coalesce(r.note, CASE WHEN r.state = 1 THEN r.faster_note END), r.due, r.faster, r.faster_plan, r.faster_price,
    r.faster_asked, r.faster_tries, r.faster_next";

fn read(row: &Row<'_>) -> rusqlite::Result<RetrievalRow> {
    let faster = match row.get(19)? {
        None => None,
        Some(tier) => Some(Hurry {
            tier,
            plan: row.get(20)?,
            price: row.get(21)?,
            asked: row.get(22)?,
            tries: row.get(23)?,
            next: row.get(24)?,
        }),
    };
    Ok(RetrievalRow {
        id: row.get(0)?,
        uuid: row.get(1)?,
        vault: row.get(2)?,
        archive: row.get(3)?,
        archive_uuid: row.get(4)?,
        remote_id: row.get(5)?,
        range: row.get(6)?..row.get(7)?,
        tier: row.get(8)?,
        plan: row.get(9)?,
        state: row.get(10)?,
        job_id: row.get(11)?,
        price: row.get(12)?,
        asked_at: row.get(13)?,
        ready_at: row.get(14)?,
        expires_at: row.get(15)?,
        next_look: row.get(16)?,
        note: row.get(17)?,
        due: row.get(18)?,
        faster,
    })
}

pub(super) fn rows(db: &Db<'_>, which: &str, with: impl rusqlite::Params) -> Result<Vec<RetrievalRow>> {
    db.rows(&format!("SELECT {JOB} FROM retrieval r JOIN archive a ON a.id = r.archive {which}"), with, read)
}

pub(super) fn by_id(db: &Db<'_>, id: RetrievalId) -> Result<Option<RetrievalRow>> {
    Ok(rows(db, "WHERE r.id = ?", [id])?.into_iter().next())
}

pub(super) fn by_uuid(db: &Db<'_>, uuid: RetrievalUuid) -> Result<Option<RetrievalRow>> {
    Ok(rows(db, "WHERE r.uuid = ?", [uuid])?.into_iter().next())
}

pub(super) fn live(db: &Db<'_>, after: Option<RetrievalId>, limit: u32) -> Result<Vec<RetrievalRow>> {
    let after = after.unwrap_or(RetrievalId(0));
    rows(db, "WHERE r.live = 1 AND r.id > ?1 ORDER BY r.id LIMIT ?2", params![after, limit])
}

pub(super) fn due(db: &Db<'_>, limit: u32) -> Result<Vec<RetrievalRow>> {
    rows(db, "WHERE r.live = 1 AND r.next_look <= ?1 ORDER BY r.next_look, r.id LIMIT ?2", params![db.now(), limit])
}

/// Jobs of one archive that can be joined, the one that lives longest first.
fn of_archive(db: &Db<'_>, vault: &str, archive: ArchiveId, until: Time) -> Result<Vec<RetrievalRow>> {
    rows(
        db,
        "WHERE r.archive = ?1 AND r.live = 1 AND r.vault = ?2 AND (r.state IN (0, 1)
            OR (r.state = 2 AND coalesce(r.expires_at, ?3) >= ?3))
         ORDER BY r.state DESC, coalesce(r.expires_at, 9223372036854775807) DESC, r.id",
        params![archive, vault, until],
    )
}

pub(super) fn joinable(db: &Db<'_>, vault: &str, archives: &[ArchiveId], until: Time) -> Result<Vec<RetrievalRow>> {
    let mut found = Vec::new();
    for archive in archives {
        found.extend(of_archive(db, vault, *archive, until)?);
    }
    Ok(found)
}

pub(super) fn parts_to_ask(db: &Db<'_>, limit: u32) -> Result<Vec<PlanPartRow>> {
    plan_rows::read_parts(
        db,
        // 0: waiting; as a literal, for the index of those.
        "WHERE p.live = 1 AND p.state = 0 AND p.not_before <= ?1 ORDER BY p.not_before, p.plan, p.archive LIMIT ?2",
        params![db.now(), limit],
    )
}

/// Takes a part out of its plan's way: its files that wait have failed, for that reason.
pub(super) fn stop(db: &Db<'_>, plan: PlanId, archive: ArchiveId, reason: &str) -> Result<()> {
    let stopped = db.run(
        "UPDATE plan_part SET state = ?3, live = NULL, owner = NULL, generation = generation + 1, reason = ?4
         WHERE plan = ?1 AND archive = ?2 AND live = 1",
        params![plan, archive, PartState::Stopped, reason],
    )?;
    if stopped == 0 {
        return Ok(());
    }
    let failed = db.run(
        "UPDATE restore SET state = 3, reason = ?3, done_at = ?4 WHERE plan = ?1 AND archive = ?2 AND state = 0",
        params![plan, archive, reason, db.now()],
    )?;
    db.run(
        "UPDATE plan SET parts_left = parts_left - 1, parts_stopped = parts_stopped + 1, failed = failed + ?2
         WHERE id = ?1",
        params![plan, failed],
    )?;
    plans::event(db, "restore", "restore.stopped", plan, &format!("archive {archive}: {reason}"))?;
    plans::end_if_over(db, plan)?;
    Ok(())
}

pub(super) fn ask(db: &Db<'_>, session: SessionId, ask: &AskPart) -> Result<JobAsked> {
    super::alive(db, session)?;
    let (plan, archive) = (ask.plan, ask.archive);
    let Some(row) = plan_rows::plan(db, plan)?.filter(|row| row.state == PlanState::Running) else {
        return Ok(JobAsked::Gone);
    };
    let found =
        plan_rows::read_parts(db, "WHERE p.plan = ?1 AND p.archive = ?2 AND p.live = 1", params![plan, archive])?;
    // One that somebody else has asked for, and was refused, has a later time.
    let now = db.now();
    let may = |part: &PlanPartRow| part.state == PartState::Waiting && part.not_before.is_some_and(|from| from <= now);
    let Some(part) = found.into_iter().find(may) else { return Ok(JobAsked::Gone) };
    let stopped = |why: String| {
        stop(db, plan, archive, &why)?;
        Ok(JobAsked::Stopped(why))
    };
    let state: Option<ArchiveState> = db.one("SELECT state FROM archive WHERE id = ?", [archive], |row| row.get(0))?;
    match state {
        Some(ArchiveState::Stored | ArchiveState::Duplicate) => {}
        Some(other) => {
            return stopped(format!("archive {} is {other} now; a supplement plan looks for other copies", part.uuid));
        }
        None => return stopped(format!("archive {} is not known any more", part.uuid)),
    }
    let (Some(need), Some(range)) = (part.part.need, part.part.range) else {
        set(db, plan, archive, PartState::Ready, None)?;
        return Ok(JobAsked::Nothing);
    };
    let fast = |tier: Option<&str>| tier.map_or(0, speed);
    let tier = row.totals.as_ref().and_then(|totals| totals.tier.as_deref());
    let serves = |job: &RetrievalRow| {
        let ready = job.state == RetrievalState::Ready;
        Joinable { range: &job.range, ready, speed: fast(job.tier.as_deref()) }.serves(&need, fast(tier))
    };
    let there = of_archive(db, &row.vault, archive, ask.joinable_until)?;
    if let Some(job) = there.into_iter().find(serves) {
        let state = if job.state == RetrievalState::Ready { PartState::Ready } else { PartState::Asked };
        set(db, plan, archive, state, Some(job.id))?;
        return Ok(JobAsked::Joined(job));
    }
    if part.asked_times >= ask.most {
        let why = part.reason.unwrap_or_else(|| "why is not known".to_owned());
        let times = if part.asked_times == 1 { "once".to_owned() } else { format!("{} times", part.asked_times) };
        return stopped(format!(
            "archive {} was asked for {times} without coming through ({why}); a supplement plan asks for it again",
            part.uuid
        ));
    }
    let Some(totals) = row.totals else { return Ok(JobAsked::Gone) };
    if totals.tariff_hash != ask.tariff_hash {
        return stopped(format!(
            "the tariff {} has changed since the plan was made; a supplement plan prices it anew",
            totals.tariff
        ));
    }
    if !ledger::spend(db, SPENDER, plan, ask.price)? {
        return stopped(format!(
            "asking for it costs {} and {} of the plan's ceiling of {} is spent or held; a supplement plan prices it anew",
            ask.price,
            row.spent.plus(row.held),
            totals.ceiling
        ));
    }
    // Of what a vault refuses again and again the last refusal is kept.
    db.run(
        "DELETE FROM retrieval INDEXED BY retrieval_refused WHERE archive = ?1 AND plan = ?2 AND live IS NULL AND job_id IS NULL",
        params![archive, plan],
    )?;
    db.run(
        "INSERT INTO retrieval (uuid, vault, archive, range_start, range_end, tier, plan, state, live, price, asked_at,
                                next_look)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?10, ?10)",
        params![
            ask.uuid,
            row.vault,
            archive,
            range.start,
            range.end,
            totals.tier,
            plan,
            RetrievalState::Intended,
            ask.price,
            db.now()
        ],
    )?;
    let id = RetrievalId(db.last_id());
    // Until the vault has taken it, it counts how often it was refused.
    db.run(
        "UPDATE plan_part SET state = ?3, retrieval = ?4, asked_times = asked_times + 1
         WHERE plan = ?1 AND archive = ?2",
        params![plan, archive, PartState::Asked, id],
    )?;
    Ok(by_id(db, id)?.map_or(JobAsked::Gone, JobAsked::New))
}

fn set(db: &Db<'_>, plan: PlanId, archive: ArchiveId, state: PartState, job: Option<RetrievalId>) -> Result<()> {
    db.run(
        "UPDATE plan_part SET state = ?3, retrieval = ?4, reason = NULL, attempts = 0
         WHERE plan = ?1 AND archive = ?2 AND live = 1",
        params![plan, archive, state, job],
    )?;
    Ok(())
}

/// A job's output turned out to be gone: nobody joins it any more, and who waited for it waits for another.
pub(super) fn lost(db: &Db<'_>, job: RetrievalId, why: &str) -> Result<()> {
    over(db, job, RetrievalState::Expired, why)?;
    again(db, job, why, db.now(), "0")
}

/// Parts that wait for a job need another one, with so many attempts behind them. Those that somebody is delivering right
/// now see for themselves.
fn again(db: &Db<'_>, job: RetrievalId, why: &str, from: Time, attempts: &'static str) -> Result<()> {
    db.run(
        &format!(
            "UPDATE plan_part SET state = ?2, retrieval = NULL, reason = ?3, not_before = ?4, attempts = {attempts}
             WHERE retrieval = ?1 AND live = 1 AND owner IS NULL"
        ),
        params![job, PartState::Waiting, why, from],
    )?;
    Ok(())
}

pub(super) fn heard(db: &Db<'_>, uuid: RetrievalUuid, heard: &Heard) -> Result<Option<RetrievalRow>> {
    let Some(job) = by_uuid(db, uuid)? else { return Ok(None) };
    let under_way = matches!(job.state, RetrievalState::Intended | RetrievalState::Asked);
    match heard {
        Heard::Taken { job_id, next_look, due } if job.state == RetrievalState::Intended => {
            db.run(
                "UPDATE retrieval SET state = ?2, job_id = ?3, next_look = ?4, due = ?5, note = NULL WHERE id = ?1",
                params![job.id, RetrievalState::Asked, job_id, next_look, due],
            )?;
            db.run(
                "UPDATE plan_part SET attempts = 0, reason = NULL WHERE retrieval = ?1 AND live = 1 AND owner IS NULL",
                [job.id],
            )?;
        }
        Heard::Refused { why, next_try } if job.state == RetrievalState::Intended => {
            over(db, job.id, RetrievalState::Failed, why)?;
            if let Some(plan) = job.plan {
                ledger::refund(db, SPENDER, plan, job.price, job.asked_at)?;
                // It was not asked for, so it does not count as that.
                db.run(
                    "UPDATE plan_part SET asked_times = max(0, asked_times - 1) WHERE plan = ?1 AND archive = ?2",
                    params![plan, job.archive],
                )?;
            }
            // What was only interrupted is asked for at once.
            let attempts = if *next_try > db.now() { "attempts + 1" } else { "attempts" };
            again(db, job.id, why, *next_try, attempts)?;
        }
        Heard::Gone(why) if job.state == RetrievalState::Intended => {
            over(db, job.id, RetrievalState::Failed, why)?;
            if let Some(plan) = job.plan {
                ledger::refund(db, SPENDER, plan, job.price, job.asked_at)?;
            }
            let waiting: Vec<PlanId> = db.rows(
                "SELECT plan FROM plan_part WHERE retrieval = ?1 AND live = 1 ORDER BY plan",
                [job.id],
                |row| row.get(0),
            )?;
            for plan in waiting {
                stop(db, plan, job.archive, why)?;
            }
        }
        Heard::Still { next_look, note } => {
            db.run(
                "UPDATE retrieval SET next_look = ?2, note = ?3 WHERE id = ?1 AND live = 1",
                params![job.id, next_look, note],
            )?;
        }
        Heard::Ready { until, next_look } if under_way && job.job_id.is_some() => {
            db.run(
                "UPDATE retrieval SET state = ?2, ready_at = ?3, expires_at = ?4, next_look = ?5, note = NULL
                 WHERE id = ?1",
                params![job.id, RetrievalState::Ready, db.now(), until, next_look],
            )?;
            db.run(
                "UPDATE plan_part SET state = ?2, not_before = ?3 WHERE retrieval = ?1 AND live = 1 AND state = ?4",
                params![job.id, PartState::Ready, db.now(), PartState::Asked],
            )?;
            // Plans that waited for it may have been cancelled meanwhile.
            close_unwanted(db, Some(job.id))?;
        }
        Heard::Ready { until, next_look } if job.state == RetrievalState::Ready => {
            // An older word, come late, does not shorten what a newer one has told.
            db.run(
                "UPDATE retrieval SET expires_at = max(coalesce(expires_at, ?2), coalesce(?2, expires_at)), next_look = ?3
                 WHERE id = ?1",
                params![job.id, until, next_look],
            )?;
        }
        Heard::Ending { next_look } if job.state == RetrievalState::Ready => {
            db.run("UPDATE retrieval SET next_look = ?2 WHERE id = ?1 AND live = 1", params![job.id, next_look])?;
            again(db, job.id, "its job's output is about to be gone", db.now(), "0")?;
        }
        Heard::Failed(why) if job.state != RetrievalState::Closed => {
            over(db, job.id, RetrievalState::Failed, why)?;
            again(db, job.id, &format!("its job failed: {why}"), db.now(), "0")?;
        }
        Heard::Expired if job.state != RetrievalState::Closed => {
            over(db, job.id, RetrievalState::Expired, "its output is gone")?;
            again(db, job.id, "its job's output is gone", db.now(), "0")?;
        }
        // Late or twice: what is known already stands.
        _ => {}
    }
    by_uuid(db, uuid)
}

fn over(db: &Db<'_>, job: RetrievalId, state: RetrievalState, note: &str) -> Result<()> {
    db.run(
        "UPDATE retrieval SET state = ?2, live = NULL, note = ?3 WHERE id = ?1 AND live = 1",
        params![job, state, note],
    )?;
    Ok(())
}

pub(super) fn wanted(db: &Db<'_>, uuid: RetrievalUuid) -> Result<u64> {
    let count = db.one(
        "SELECT count(*) FROM plan_part WHERE live = 1 AND retrieval = (SELECT id FROM retrieval WHERE uuid = ?)",
        [uuid],
        |row| row.get(0),
    )?;
    Ok(count.unwrap_or(0))
}

/// A job whose output stays until somebody closes it is closed when nobody waits for it.
pub(super) fn close_unwanted(db: &Db<'_>, job: Option<RetrievalId>) -> Result<()> {
    db.run(
        "UPDATE retrieval SET state = ?2, live = NULL WHERE id = ?1 AND state = ?3 AND expires_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM plan_part WHERE retrieval = ?1 AND live = 1)",
        params![job, RetrievalState::Closed, RetrievalState::Ready],
    )?;
    Ok(())
}

/// A cancelled plan's jobs: those that are under way and that nobody else waits for. How many.
pub(super) fn left_alone(db: &Db<'_>, plan: PlanId) -> Result<u64> {
    let jobs: Vec<RetrievalId> = db.rows(
        "SELECT DISTINCT p.retrieval FROM plan_part p JOIN retrieval r ON r.id = p.retrieval AND r.live = 1
         WHERE p.plan = ?1 AND p.state = ?2
         AND NOT EXISTS (SELECT 1 FROM plan_part o WHERE o.retrieval = p.retrieval AND o.live = 1)",
        params![plan, PartState::Cancelled],
        |row| row.get(0),
    )?;
    let mut under_way = 0;
    for job in jobs {
        close_unwanted(db, Some(job))?;
        under_way += u64::from(
            by_id(db, job)?.is_some_and(|job| matches!(job.state, RetrievalState::Intended | RetrievalState::Asked)),
        );
    }
    Ok(under_way)
}
