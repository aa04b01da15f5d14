//! Plans, their parts and their files, as they stand.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use rusqlite::{Row, params};

use super::db::Db;
use super::retrievals;
use crate::base::ids::{ArchiveId, Key, PlanId, SourceId};
use crate::base::{Money, Time};
use crate::store::{NewPart, PlanPartRow, PlanRow, PlanState, PlanTotals, RestorePlace, RestoreRow, Result};

const PLAN: &str =
    "id, state, title, made_by, made_at, host, vault, supplement_of, tier, tariff, tariff_hash, hash, files,
    bytes, impossible, archives, jobs, joined, asked_bytes, read_bytes, price, sure, ceiling, risks, seconds_from,
    seconds_to, confirmed_by, confirmed_at, ended_at, spent, delivered, delivered_bytes, failed, parts_left,
    parts_stopped, there, raised, held, overwrites";

fn read(row: &Row<'_>) -> rusqlite::Result<PlanRow> {
    let tariff: Option<String> = row.get(9)?;
    let hashes = (row.get(10)?, row.get(11)?);
    let totals = match (tariff, hashes) {
        (Some(tariff), (Some(tariff_hash), Some(hash))) => {
            let risks: String = row.get(23)?;
            // Written by `save` alone; what cannot be read is no risk that anybody was told.
            let risks: Vec<(String, i64)> = serde_json::from_str(&risks).unwrap_or_default();
            let (from, to): (Option<u64>, Option<u64>) = (row.get(24)?, row.get(25)?);
            Some(PlanTotals {
                tier: row.get(8)?,
                tariff,
                tariff_hash,
                hash,
                files: row.get(12)?,
                bytes: row.get(13)?,
                impossible: row.get(14)?,
                overwrites: row.get(38)?,
                archives: row.get(15)?,
                jobs: row.get(16)?,
                joined: row.get(17)?,
                asked_bytes: row.get(18)?,
                read_bytes: row.get(19)?,
                price: row.get(20)?,
                sure: row.get(21)?,
                ceiling: row.get(22)?,
                risks: risks.into_iter().map(|(name, nanos)| (name, Money::from_nanos(nanos))).collect(),
                seconds: from.zip(to),
            })
        }
        _ => None,
    };
    let (who, at): (Option<String>, Option<Time>) = (row.get(26)?, row.get(27)?);
    Ok(PlanRow {
        id: row.get(0)?,
        state: row.get(1)?,
        title: row.get(2)?,
        made_by: row.get(3)?,
        made_at: row.get(4)?,
        host: row.get(5)?,
        vault: row.get(6)?,
        supplement_of: row.get(7)?,
        totals,
        confirmed: who.zip(at),
        ended_at: row.get(28)?,
        spent: row.get(29)?,
        delivered: row.get(30)?,
        delivered_bytes: row.get(31)?,
        failed: row.get(32)?,
        parts_left: row.get(33)?,
        parts_stopped: row.get(34)?,
        there: row.get(35)?,
        raised: row.get(36)?,
        held: row.get(37)?,
    })
}

pub(super) fn plan(db: &Db<'_>, plan: PlanId) -> Result<Option<PlanRow>> {
    db.one(&format!("SELECT {PLAN} FROM plan WHERE id = ?"), [plan], read)
}

pub(super) fn plans(db: &Db<'_>, before: Option<PlanId>, limit: u32) -> Result<Vec<PlanRow>> {
    db.rows(
        // 5: dropped; as a literal, since the index of the others is asked for.
        &format!(
            "SELECT {PLAN} FROM plan INDEXED BY plan_shown WHERE id < ?1 AND state <> 5 ORDER BY id DESC LIMIT ?2"
        ),
        params![before.unwrap_or(PlanId(i64::MAX)), limit],
        read,
    )
}

pub(super) fn undelivered(db: &Db<'_>, ended: Time, limit: u32) -> Result<Vec<PlanRow>> {
    let left = "NOT EXISTS (SELECT 1 FROM plan s WHERE s.supplement_of = plan.id AND s.confirmed_at IS NOT NULL)";
    // 2: running, 3: ended; as literals, for the indices of those.
    let mut found = db.rows(
        &format!(
            "SELECT {PLAN} FROM plan INDEXED BY plan_live WHERE live = 1 AND state = 2 AND failed > 0 AND {left}
             ORDER BY made_at, id LIMIT ?1"
        ),
        [limit],
        read,
    )?;
    found.extend(db.rows(
        &format!(
            "SELECT {PLAN} FROM plan INDEXED BY plan_failed
             WHERE state = 3 AND failed > 0 AND ended_at > ?1 AND {left} ORDER BY ended_at DESC, id DESC LIMIT ?2"
        ),
        params![ended, limit],
        read,
    )?);
    Ok(found)
}

const PART: &str =
    "p.plan, p.archive, a.uuid, p.state, p.range_start, p.range_end, p.files, p.bytes, p.read_bytes, p.price,
    p.full_price, p.egress, p.joins, p.day, p.asked_times, p.not_before, p.reason, p.retrieval,
    p.need_start, p.need_end, p.attempts";

fn read_part(row: &Row<'_>) -> rusqlite::Result<(PlanPartRow, Option<crate::base::ids::RetrievalId>)> {
    let range: (Option<u64>, Option<u64>) = (row.get(4)?, row.get(5)?);
    let need: (Option<u64>, Option<u64>) = (row.get(18)?, row.get(19)?);
    let archive = row.get(1)?;
    let part = PlanPartRow {
        plan: row.get(0)?,
        archive,
        uuid: row.get(2)?,
        state: row.get(3)?,
        part: NewPart {
            archive,
            need: need.0.zip(need.1).map(|(start, end)| start..end),
            range: range.0.zip(range.1).map(|(start, end)| start..end),
            files: row.get(6)?,
            bytes: row.get(7)?,
            read_bytes: row.get(8)?,
            price: row.get(9)?,
            full_price: row.get(10)?,
            egress: row.get(11)?,
            joins: row.get(12)?,
            day: row.get(13)?,
        },
        retrieval: None,
        asked_times: row.get(14)?,
        not_before: row.get(15)?,
        reason: row.get(16)?,
        attempts: row.get(20)?,
    };
    Ok((part, row.get(17)?))
}

/// Parts that a condition names, each with its job.
pub(super) fn read_parts(db: &Db<'_>, which: &str, with: impl rusqlite::Params) -> Result<Vec<PlanPartRow>> {
    let rows = db.rows(
        &format!("SELECT {PART} FROM plan_part p JOIN archive a ON a.id = p.archive {which}"),
        with,
        read_part,
    )?;
    rows.into_iter()
        .map(|(mut part, job)| {
            part.retrieval = job.map(|job| retrievals::by_id(db, job)).transpose()?.flatten();
            Ok(part)
        })
        .collect()
}

pub(super) fn parts_held(db: &Db<'_>, limit: u32) -> Result<Vec<PlanPartRow>> {
    read_parts(db, "WHERE p.live = 1 AND p.attempts > 0 ORDER BY p.plan, p.archive LIMIT ?1", params![limit])
}

pub(super) fn held(db: &Db<'_>, plan: PlanId) -> Result<(u64, Option<String>)> {
    let found = db.one(
        "SELECT count(*), min(reason) FROM plan_part INDEXED BY plan_part_held
         WHERE plan = ? AND live = 1 AND attempts > 0",
        [plan],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(found.unwrap_or_default())
}

pub(super) fn plans_held(db: &Db<'_>, limit: u32) -> Result<Vec<PlanPartRow>> {
    // From plan to plan, however many parts of one are held.
    let plans: Vec<PlanId> = db.rows(
        "WITH RECURSIVE held (plan) AS (
             SELECT min(plan) FROM plan_part INDEXED BY plan_part_held WHERE live = 1 AND attempts > 0
             UNION ALL
             SELECT (SELECT min(plan) FROM plan_part INDEXED BY plan_part_held
                     WHERE live = 1 AND attempts > 0 AND plan > held.plan)
             FROM held WHERE held.plan IS NOT NULL)
         SELECT plan FROM held WHERE plan IS NOT NULL LIMIT ?",
        [limit],
        |row| row.get(0),
    )?;
    let mut first = Vec::with_capacity(plans.len());
    for plan in plans {
        // The worst of them: what a destination or a vault holds up comes before what was refused now and then.
        let archive: Option<ArchiveId> = db.one(
            "SELECT archive FROM plan_part INDEXED BY plan_part_held WHERE live = 1 AND attempts > 0 AND plan = ?
             ORDER BY state < 2 AND attempts < 4, archive LIMIT 1",
            [plan],
            |row| row.get(0),
        )?;
        first.extend(read_parts(db, "WHERE p.plan = ?1 AND p.archive = ?2", params![plan, archive])?);
    }
    Ok(first)
}

pub(super) fn parts_page(db: &Db<'_>, plan: PlanId, after: Option<ArchiveId>, limit: u32) -> Result<Vec<PlanPartRow>> {
    let after = after.unwrap_or(ArchiveId(0));
    read_parts(db, "WHERE p.plan = ?1 AND p.archive > ?2 ORDER BY p.archive LIMIT ?3", params![plan, after, limit])
}

pub(super) fn restores(
    db: &Db<'_>,
    plan: PlanId,
    wrong: bool,
    after: Option<RestorePlace>,
    limit: u32,
) -> Result<Vec<RestoreRow>> {
    let (index, only) = if wrong { ("INDEXED BY restore_wrong", "AND r.state IN (3, 4)") } else { ("", "") };
    read_restores(db, plan, (index, only), after, limit)
}

/// What a plan did not deliver: what failed; once it runs no more also what never came to be tried.
pub(super) fn rest(db: &Db<'_>, plan: PlanId, after: Option<RestorePlace>, limit: u32) -> Result<Vec<RestoreRow>> {
    let runs =
        db.one("SELECT 1 FROM plan WHERE id = ?1 AND state = ?2", params![plan, PlanState::Running], |_| Ok(()))?;
    if runs.is_some() {
        return restores(db, plan, true, after, limit);
    }
    read_restores(db, plan, ("", "AND r.state IN (0, 3, 4)"), after, limit)
}

fn read_restores(
    db: &Db<'_>,
    plan: PlanId,
    (index, only): (&str, &str),
    after: Option<RestorePlace>,
    limit: u32,
) -> Result<Vec<RestoreRow>> {
    let (archive, offset, n) = after.map_or((-1, 0, 0), |(archive, offset, n)| (archive.0, offset, n));
    db.rows(
        &format!(
            "SELECT r.archive, r.data_offset, r.n, r.file, s.name, coalesce(f.key, r.name, x''), r.length, d.place,
                    r.target, r.state, r.reason, r.done_at, r.overwrite, d.kind, r.source, r.as_of
             FROM restore r {index} LEFT JOIN file f ON f.id = r.file LEFT JOIN source s ON s.id = f.source
             JOIN dest d ON d.id = r.dest
             WHERE r.plan = ?1 AND (r.archive, r.data_offset, r.n) > (?2, ?3, ?4) {only}
             ORDER BY r.archive, r.data_offset, r.n LIMIT ?5"
        ),
        params![plan, archive, offset, n, limit],
        |row| {
            let archive: ArchiveId = row.get(0)?;
            Ok(RestoreRow {
                archive: (archive.0 != 0).then_some(archive),
                offset: row.get(1)?,
                n: row.get(2)?,
                file: row.get(3)?,
                source: row.get(4)?,
                name: row.get::<_, Key>(5)?,
                length: row.get(6)?,
                place: OsString::from_vec(row.get(7)?),
                target: row.get(8)?,
                state: row.get(9)?,
                reason: row.get(10)?,
                done_at: row.get(11)?,
                overwrite: row.get(12)?,
                kind: row.get(13)?,
                asked: asked(row)?,
            })
        },
    )
}

fn asked(row: &Row<'_>) -> rusqlite::Result<Option<(SourceId, Option<Time>)>> {
    let (source, at): (Option<SourceId>, Option<Time>) = (row.get(14)?, row.get(15)?);
    Ok(source.map(|source| (source, at)))
}
