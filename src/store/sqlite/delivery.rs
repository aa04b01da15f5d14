//! Delivery: parts claimed, outcomes of their files, and how parts go on.

use rusqlite::params;

use super::db::Db;
use super::plans::{self, SPENDER};
use super::{ledger, retrievals};
use crate::base::FileTime;
use crate::base::ids::{ArchiveId, Generation, PlanId, RetrievalId, SessionId};
use crate::store::{
    FileOutcome, PartEnd, PartFile, PartKey, PartState, PartWork, PlanState, RestoreState, Result, StoreError,
};

pub(super) fn claim(db: &Db<'_>, session: SessionId, host: &str, only: Option<PlanId>) -> Result<Option<PartWork>> {
    super::alive(db, session)?;
    // Each way has its index: what other hosts, other plans and other sessions have is not looked at.
    let (index, of_plan) = match only {
        None => ("plan_part_ready", "?3 IS NULL"),
        Some(_) => ("plan_part_ready_of", "p.plan = ?3"),
    };
    let found = db.one(
        &format!(
            "SELECT p.plan, p.archive, a.uuid, coalesce(a.size, 0), p.generation, p.retrieval, p.attempts
             FROM plan_part p INDEXED BY {index} JOIN archive a ON a.id = p.archive
             WHERE p.live = 1 AND p.state = 2 AND p.owner IS NULL AND p.host = ?1 AND p.not_before <= ?2 AND {of_plan}
             ORDER BY p.not_before, p.plan, p.archive LIMIT 1"
        ),
        params![host, db.now(), only],
        |row| {
            Ok((
                PartWork {
                    plan: row.get(0)?,
                    archive: row.get(1)?,
                    uuid: row.get(2)?,
                    archive_size: row.get(3)?,
                    generation: row.get(4)?,
                    retrieval: None,
                    attempts: row.get(6)?,
                },
                row.get::<_, Option<RetrievalId>>(5)?,
            ))
        },
    )?;
    let Some((mut work, job)) = found else { return Ok(None) };
    work.generation = Generation(work.generation.0 + 1);
    db.run(
        "UPDATE plan_part SET owner = ?3, generation = ?4 WHERE plan = ?1 AND archive = ?2",
        params![work.plan, work.archive, session, work.generation],
    )?;
    work.retrieval = job.map(|job| retrievals::by_id(db, job)).transpose()?.flatten();
    Ok(Some(work))
}

/// What came to its end while somebody was reading it is asked for again when that one lets go of it.
const AGAIN: &str = "
    state = CASE WHEN EXISTS (SELECT 1 FROM retrieval r WHERE r.id = plan_part.retrieval AND r.live IS NULL)
                 THEN 0 ELSE state END,
    retrieval = (SELECT r.id FROM retrieval r WHERE r.id = plan_part.retrieval AND r.live = 1)";

/// Whether a part's job is over: what failed before has nothing to do with the next.
const OVER: &str = "EXISTS (SELECT 1 FROM retrieval r WHERE r.id = plan_part.retrieval AND r.live IS NULL)";

/// Nothing is written about a part that belongs to somebody else by now.
fn held(db: &Db<'_>, session: SessionId, key: PartKey) -> Result<()> {
    let held = db.one(
        "SELECT 1 FROM plan_part WHERE plan = ?1 AND archive = ?2 AND owner = ?3 AND generation = ?4 AND live = 1",
        params![key.plan, key.archive, session, key.generation],
        |_| Ok(()),
    )?;
    let what = || format!("the part of archive {} of plan {}", key.archive, key.plan);
    held.ok_or_else(|| StoreError::Stale { what: what(), session })
}

pub(super) fn files(
    db: &Db<'_>,
    plan: PlanId,
    archive: ArchiveId,
    after: Option<(u64, u64)>,
    limit: u32,
) -> Result<Vec<PartFile>> {
    let (offset, n) = after.map_or((-1, 0), |(offset, n)| (i64::try_from(offset).unwrap_or(i64::MAX), n));
    db.rows(
        "SELECT r.data_offset, r.n, f.id, f.source, f.key, r.length, f.mode, f.mtime_s, f.mtime_ns, f.sha256, f.md5, r.dest,
                r.target, r.overwrite
         FROM restore r JOIN file f ON f.id = r.file AND f.sha256 IS NOT NULL
         WHERE r.plan = ?1 AND r.archive = ?2 AND (r.data_offset, r.n) > (?3, ?4) AND r.state = ?5
         ORDER BY r.data_offset, r.n LIMIT ?6",
        params![plan, archive, offset, n, RestoreState::Waiting, limit],
        |row| {
            Ok(PartFile {
                offset: row.get(0)?,
                n: row.get(1)?,
                file: row.get(2)?,
                source: row.get(3)?,
                key: row.get(4)?,
                length: row.get(5)?,
                mode: row.get(6)?,
                mtime: FileTime { secs: row.get(7)?, nanos: row.get(8)? },
                sha256: row.get(9)?,
                md5: row.get(10)?,
                dest: row.get(11)?,
                target: row.get(12)?,
                overwrite: row.get(13)?,
            })
        },
    )
}

pub(super) fn spend(db: &Db<'_>, session: SessionId, key: PartKey, money: crate::base::Money) -> Result<bool> {
    held(db, session, key)?;
    ledger::spend(db, SPENDER, key.plan, money)
}

pub(super) fn unspend(db: &Db<'_>, session: SessionId, key: PartKey, money: crate::base::Money) -> Result<()> {
    if money < crate::base::Money::ZERO {
        let plan = key.plan;
        return Err(StoreError::Impossible(format!("plan {plan} is to get {money} back, less than nothing")));
    }
    if let Err(lost) = held(db, session, key) {
        // The plan was cancelled, or the part stopped or given back, under this very claim, and nobody has claimed it
        // since. Once: from here on it is another generation.
        let once = db.run(
            "UPDATE plan_part SET generation = generation + 1
             WHERE plan = ?1 AND archive = ?2 AND owner IS NULL AND generation = ?3 + 1",
            params![key.plan, key.archive, key.generation],
        )?;
        if once == 0 {
            return Err(lost);
        }
    }
    ledger::refund(db, SPENDER, key.plan, money, db.now())
}

pub(super) fn outcomes(db: &Db<'_>, session: SessionId, key: PartKey, outcomes: &[FileOutcome]) -> Result<()> {
    held(db, session, key)?;
    let (mut delivered, mut there, mut bytes, mut failed) = (0u64, 0u64, 0u64, 0u64);
    for outcome in outcomes {
        if matches!(outcome.state, RestoreState::Waiting | RestoreState::Impossible) {
            return Err(StoreError::Impossible(format!(
                "file {} of plan {} is said to have come out as {:?}",
                outcome.n,
                key.plan,
                outcome.state.word()
            )));
        }
        let changed = db.run(
            "UPDATE restore SET state = ?5, reason = ?6, done_at = ?7
             WHERE plan = ?1 AND archive = ?2 AND data_offset = ?3 AND n = ?4 AND state = ?8",
            params![
                key.plan,
                key.archive,
                outcome.offset,
                outcome.n,
                outcome.state,
                outcome.reason,
                db.now(),
                RestoreState::Waiting
            ],
        )?;
        match outcome.state {
            RestoreState::Delivered => {
                delivered += changed;
                bytes += changed * outcome.bytes;
            }
            RestoreState::There => {
                delivered += changed;
                there += changed;
            }
            _ => failed += changed,
        }
    }
    db.run(
        "UPDATE plan SET delivered = delivered + ?2, delivered_bytes = delivered_bytes + ?3, failed = failed + ?4,
                there = there + ?5
         WHERE id = ?1",
        params![key.plan, delivered, bytes, failed, there],
    )?;
    if delivered > 0 {
        // What failed before it did not fail in a row.
        db.run(
            "UPDATE plan_part SET attempts = 0 WHERE plan = ?1 AND archive = ?2 AND attempts > 0",
            params![key.plan, key.archive],
        )?;
    }
    Ok(())
}

pub(super) fn end(db: &Db<'_>, session: SessionId, key: PartKey, end: &PartEnd) -> Result<bool> {
    held(db, session, key)?;
    let job: Option<RetrievalId> = db
        .one(
            "SELECT retrieval FROM plan_part WHERE plan = ?1 AND archive = ?2",
            params![key.plan, key.archive],
            |row| row.get(0),
        )?
        .flatten();
    match end {
        PartEnd::Done => {
            let waits = db.one(
                "SELECT 1 FROM restore WHERE plan = ?1 AND archive = ?2 AND state = ?3 LIMIT 1",
                params![key.plan, key.archive, RestoreState::Waiting],
                |_| Ok(()),
            )?;
            if waits.is_some() {
                return Err(StoreError::Impossible(format!(
                    "the part of archive {} of plan {} is done, and files of it wait",
                    key.archive, key.plan
                )));
            }
            db.run(
                "UPDATE plan_part SET state = ?3, live = NULL, owner = NULL, reason = NULL WHERE plan = ?1 AND archive = ?2",
                params![key.plan, key.archive, PartState::Done],
            )?;
            db.run("UPDATE plan SET parts_left = parts_left - 1 WHERE id = ?", [key.plan])?;
        }
        PartEnd::Later { next_try, reason, failed } => {
            db.run(
                &format!(
                    "UPDATE plan_part SET owner = NULL, generation = generation + 1, not_before = ?3, reason = ?4,
                            attempts = CASE WHEN {OVER} THEN 0 ELSE attempts + ?5 END, {AGAIN}
                     WHERE plan = ?1 AND archive = ?2"
                ),
                params![key.plan, key.archive, next_try, reason, failed],
            )?;
            return Ok(false);
        }
        PartEnd::AskAgain(reason) => {
            // Its job is not joined again, by this part or by others.
            if let Some(job) = job {
                db.run(
                    "UPDATE plan_part SET owner = NULL, generation = generation + 1 WHERE plan = ?1 AND archive = ?2",
                    params![key.plan, key.archive],
                )?;
                retrievals::lost(db, job, reason)?;
                return Ok(false);
            }
            let why =
                format!("no job was to make it readable, and it cannot be read ({reason}); a supplement plan sees why");
            retrievals::stop(db, key.plan, key.archive, &why)?;
        }
        PartEnd::Stopped(reason) => retrievals::stop(db, key.plan, key.archive, reason)?,
    }
    retrievals::close_unwanted(db, job)?;
    if plans::end_if_over(db, key.plan)? {
        return Ok(true);
    }
    Ok(db
        .one("SELECT 1 FROM plan WHERE id = ?1 AND state = ?2", params![key.plan, PlanState::Ended], |_| Ok(()))?
        .is_some())
}

/// What is held is tried again now; how many parts. One that is being tried is left to who tries it.
pub(super) fn again(db: &Db<'_>, plan: PlanId) -> Result<u64> {
    let changed = db.run(
        "UPDATE plan_part INDEXED BY plan_part_held SET attempts = 0, not_before = ?2, reason = NULL
         WHERE plan = ?1 AND live = 1 AND attempts > 0 AND owner IS NULL",
        params![plan, db.now()],
    )?;
    Ok(changed)
}

/// A session is over: what it was delivering is for others.
pub(super) fn release(db: &Db<'_>, session: SessionId) -> Result<()> {
    db.run(
        &format!("UPDATE plan_part SET owner = NULL, generation = generation + 1, {AGAIN} WHERE owner = ?"),
        [session],
    )?;
    Ok(())
}
