//! Jobs that are made faster while they run: the money is the operator's, held for that alone until the vault is asked.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;

use super::db::Db;
use super::plan_rows::plan;
use super::plans::{self, SPENDER};
use super::{ledger, retrievals};
use crate::base::ids::{RetrievalId, RetrievalUuid, SessionId};
use crate::base::speed::speed;
use crate::base::units::Count;
use crate::base::{Money, Time};
use crate::store::{
    Confirmed, Hurried, Hurry, HurryHeard, HurryJob, HurryPlan, HurryStep, PlanState, Result, RetrievalRow,
    RetrievalState, StoreError,
};

/// A job, if it stands as it was shown and a part of the plan waits for it.
fn standing(db: &Db<'_>, hurry: &HurryPlan, vault: &str, shown: &HurryJob) -> Result<Option<RetrievalRow>> {
    let Some(job) = retrievals::by_uuid(db, shown.job)? else { return Ok(None) };
    let faster = speed(&hurry.tier) < job.tier.as_deref().map_or(0, speed);
    let stands = job.state == RetrievalState::Asked && job.job_id.is_some() && job.faster.is_none();
    if !stands || !faster || job.tier != shown.from || job.vault != vault {
        return Ok(None);
    }
    let waits = db.one(
        "SELECT 1 FROM plan_part INDEXED BY plan_part_job WHERE retrieval = ?1 AND live = 1 AND plan = ?2",
        params![job.id, hurry.plan],
        |_| Ok(()),
    )?;
    Ok(waits.map(|()| job))
}

pub(super) fn plan_hurry(db: &Db<'_>, hurry: &HurryPlan) -> Result<Hurried> {
    if let Some(wrong) = hurry.jobs.iter().find(|job| job.price < Money::ZERO) {
        return Err(StoreError::Impossible(format!(
            "making job {} of plan {} faster is to cost {}, less than nothing",
            wrong.job, hurry.plan, wrong.price
        )));
    }
    let Some(row) = plan(db, hurry.plan)? else { return Ok(Hurried::Not(PlanState::Dropped)) };
    let Some(totals) = row.totals.filter(|_| row.state == PlanState::Running) else {
        return Ok(Hurried::Not(row.state));
    };
    let (mut jobs, mut price, mut from) = (BTreeMap::new(), Money::ZERO, BTreeSet::new());
    for shown in &hurry.jobs {
        let Some(job) = standing(db, hurry, &row.vault, shown)? else { continue };
        if jobs.insert(job.id, shown.price).is_none() {
            price = price.plus(shown.price);
            from.extend(job.tier);
        }
    }
    if jobs.is_empty() {
        return Ok(Hurried::Nothing);
    }
    let ceiling = totals.ceiling.plus(price);
    let over = ledger::over(db, SPENDER, &hurry.into(), &BTreeMap::from([(0, price)]), ceiling)?;
    if let Some(Confirmed::Over { budget, when, limit, used, asked }) = over.filter(|_| !price.is_zero()) {
        let of = if when.is_empty() { budget.to_owned() } else { format!("{budget} {when}") };
        let detail = format!(
            "{}: making its jobs faster costs {price} more and comes to {asked}; the budget of the {of} is {limit}, and {used} of it is reserved or spent",
            row.title
        );
        plans::say(db, &hurry.who, "restore.faster", hurry.plan, &detail, "denied")?;
        return Ok(Hurried::Over { budget, when, limit, used, asked });
    }
    ledger::raise(db, SPENDER, hurry.plan, price)?;
    for (job, price) in &jobs {
        db.run(
            "UPDATE retrieval SET faster = ?2, faster_plan = ?3, faster_price = ?4, faster_asked = NULL, faster_tries = 0,
                    faster_next = ?5, faster_note = NULL
             WHERE id = ?1",
            params![job, hurry.tier, hurry.plan, price, db.now()],
        )?;
    }
    let (count, from) = (jobs.len() as u64, from.into_iter().collect::<Vec<_>>().join(" and "));
    let words = if count == 1 { "1 job".to_owned() } else { format!("{} jobs", Count(count)) };
    let detail = format!("{}: {words} from {from} to {}, {price} more, at most {ceiling}", row.title, hurry.tier);
    plans::event(db, &hurry.who, "restore.faster", hurry.plan, &detail)?;
    let left_out = (hurry.jobs.len() as u64).saturating_sub(count);
    Ok(Hurried::Yes { jobs: count, left_out, price, ceiling })
}

pub(super) fn due(db: &Db<'_>, limit: u32) -> Result<Vec<RetrievalRow>> {
    retrievals::rows(
        db,
        "WHERE r.faster IS NOT NULL AND r.faster_next <= ?1 ORDER BY r.faster_next, r.id LIMIT ?2",
        params![db.now(), limit],
    )
}

/// It is over with making it faster, for that reason or as it was to be.
fn clear(db: &Db<'_>, job: RetrievalId, note: Option<&str>) -> Result<()> {
    db.run(
        "UPDATE retrieval SET faster = NULL, faster_plan = NULL, faster_price = NULL, faster_asked = NULL,
                faster_tries = NULL, faster_next = NULL, faster_note = ?2
         WHERE id = ?1",
        params![job, note],
    )?;
    Ok(())
}

/// Its money, which is held, is free again.
fn give_up(db: &Db<'_>, job: RetrievalId, hurry: &Hurry, why: &str) -> Result<()> {
    ledger::lower(db, SPENDER, hurry.plan, hurry.price)?;
    clear(db, job, Some(&format!("not made faster ({}): {why}; it goes on as it was", hurry.tier)))
}

pub(super) fn begin(db: &Db<'_>, session: SessionId, uuid: RetrievalUuid) -> Result<HurryStep> {
    super::alive(db, session)?;
    let Some(job) = retrievals::by_uuid(db, uuid)? else { return Ok(HurryStep::Gone) };
    let Some(hurry) = job.faster.clone() else { return Ok(HurryStep::Gone) };
    if hurry.asked.is_some() {
        // From now on this try counts, and not one of a worker that was given up.
        db.run("UPDATE retrieval SET faster_tries = faster_tries + 1 WHERE id = ?1", [job.id])?;
        return Ok(retrievals::by_id(db, job.id)?.map_or(HurryStep::Gone, HurryStep::Again));
    }
    let gone = |why: &str| {
        give_up(db, job.id, &hurry, why)?;
        Ok(HurryStep::Gone)
    };
    if job.state != RetrievalState::Asked {
        return gone("it came to its end before");
    }
    if retrievals::wanted(db, uuid)? == 0 {
        return gone("nobody waits for it any more");
    }
    // What was held for it is spent on it.
    ledger::hold(db, hurry.plan, Money::ZERO.minus(hurry.price))?;
    if !ledger::spend(db, SPENDER, hurry.plan, hurry.price)? {
        ledger::hold(db, hurry.plan, hurry.price)?;
        return gone("the plan that was to pay for it is over");
    }
    db.run("UPDATE retrieval SET faster_asked = ?2 WHERE id = ?1", params![job.id, db.now()])?;
    Ok(retrievals::by_id(db, job.id)?.map_or(HurryStep::Gone, HurryStep::Ask))
}

/// Asked again at that time; `asked`: whether a request may have reached the vault.
fn again(db: &Db<'_>, job: RetrievalId, asked: Option<Time>, next: Time, note: &str) -> Result<()> {
    db.run(
        "UPDATE retrieval SET faster_asked = ?2, faster_tries = faster_tries + ?5, faster_next = ?3, faster_note = ?4
         WHERE id = ?1",
        // One that is repeated is counted when that begins.
        params![job, asked, next, note, asked.is_none()],
    )?;
    Ok(())
}

pub(super) fn heard(db: &Db<'_>, uuid: RetrievalUuid, tries: u32, heard: &HurryHeard) -> Result<Option<RetrievalRow>> {
    let Some(job) = retrievals::by_uuid(db, uuid)? else { return Ok(None) };
    // Late or twice: what is known already stands.
    let Some((hurry, at)) = job.faster.clone().and_then(|hurry| hurry.asked.map(|at| (hurry, at))) else {
        return Ok(Some(job));
    };
    match heard {
        // Another has asked since, and may have been heard.
        HurryHeard::Refused { .. } | HurryHeard::Lost(_) if tries < hurry.tries => {}
        HurryHeard::Done { next_look, due } => {
            db.run(
                "UPDATE retrieval SET tier = ?2, due = ?3, next_look = CASE WHEN state = ?4 THEN ?5 ELSE next_look END
                 WHERE id = ?1",
                params![job.id, hurry.tier, due, RetrievalState::Asked, next_look],
            )?;
            clear(db, job.id, None)?;
        }
        HurryHeard::Refused { why, again: next } => {
            ledger::refund(db, SPENDER, hurry.plan, hurry.price, at)?;
            ledger::hold(db, hurry.plan, hurry.price)?;
            match next {
                Some(next) => again(db, job.id, None, *next, &format!("not made faster ({}) yet: {why}", hurry.tier))?,
                None => give_up(db, job.id, &hurry, why)?,
            }
        }
        HurryHeard::Unknown { why, again: next } => {
            let note = format!("whether it was made faster ({}) is not known yet: {why}", hurry.tier);
            again(db, job.id, Some(at), *next, &note)?;
        }
        HurryHeard::Lost(why) => {
            let note =
                format!("whether it was made faster ({}) cannot be known, and counts as paid: {why}", hurry.tier);
            clear(db, job.id, Some(&note))?;
        }
    }
    retrievals::by_id(db, job.id)
}
