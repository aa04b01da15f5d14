//! From sealed to stored, and what lies between: failed, unknown, duplicate.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use rusqlite::{Row, params};

use super::db::Db;
use super::tally::{self, Add};
use super::{bundles, events, sessions};
use crate::base::hash::Check;
use crate::base::ids::{ArchiveId, Lane, SessionId};
use crate::base::{Time, faults};
use crate::store::{
    ArchiveState, BundleRef, Confirmation, Orphan, PartRow, QueueState, Result, SealedBundle, StagedFile, StoreError,
    StoredFiles, Upload,
};

const UPLOAD: &str =
    "id, uuid, generation, lane, state, attempts, staging_dir, staging_name, size, manifest_offset, check_kind,
    check_value, tree_hash, upload_id, unknown_since, repeated";

fn read(row: &Row<'_>) -> rusqlite::Result<Upload> {
    Ok(Upload {
        bundle: BundleRef { archive: row.get(0)?, uuid: row.get(1)?, generation: row.get(2)? },
        lane: row.get(3)?,
        state: row.get(4)?,
        attempts: row.get(5)?,
        staged: row
            .get::<_, Option<Vec<u8>>>(6)?
            .zip(row.get(7)?)
            .map(|(dir, name)| StagedFile { dir: PathBuf::from(OsString::from_vec(dir)), name }),
        size: row.get(8)?,
        manifest_offset: row.get(9)?,
        check: read_check(row, 10)?,
        tree_hash: row.get(12)?,
        upload_id: row.get(13)?,
        unknown_since: row.get(14)?,
        repeated: row.get::<_, Option<bool>>(15)?.unwrap_or(false),
    })
}

/// A check from two columns: kind and value.
pub(super) fn read_check(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Check>> {
    let kind: Option<String> = row.get(first)?;
    let value: Option<Vec<u8>> = row.get(first + 1)?;
    Ok(kind.zip(value).and_then(|(kind, value)| Check::from_parts(&kind, &value)))
}

pub(super) fn claim(db: &Db<'_>, session: SessionId, lane: Lane, host: &str) -> Result<Option<Upload>> {
    super::alive(db, session)?;
    let next = db.one(
        "SELECT id FROM archive WHERE live = 1 AND state = ?1 AND lane = ?2 AND next_try <= ?3 AND host = ?4
         ORDER BY next_try, id LIMIT 1",
        params![ArchiveState::Sealed, lane, db.now(), host],
        |row| row.get::<_, ArchiveId>(0),
    )?;
    let Some(archive) = next else { return Ok(None) };
    db.one(
        &format!(
            "UPDATE archive SET state = ?2, owner = ?3, generation = generation + 1, uploading_at = ?4 WHERE id = ?1
             RETURNING {UPLOAD}"
        ),
        params![archive, ArchiveState::Uploading, session, db.now()],
        read,
    )
}

pub(super) fn begun(
    db: &Db<'_>,
    session: SessionId,
    bundle: BundleRef,
    upload_id: &[u8],
    part_size: u64,
) -> Result<()> {
    bundles::hold(db, session, bundle, &[ArchiveState::Uploading])?;
    // Another upload holds none of the parts of the one before.
    db.run("DELETE FROM part WHERE archive = ?", [bundle.archive])?;
    db.run(
        "UPDATE archive SET upload_id = ?2, part_size = ?3 WHERE id = ?1",
        params![bundle.archive, upload_id, part_size],
    )?;
    faults::step("commit: upload begun");
    Ok(())
}

pub(super) fn part_stored(db: &Db<'_>, session: SessionId, bundle: BundleRef, part: &PartRow) -> Result<()> {
    bundles::hold(db, session, bundle, &[ArchiveState::Uploading])?;
    db.run(
        "INSERT INTO part (archive, number, size, tree_hash, etag) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (archive, number) DO UPDATE SET size = excluded.size, tree_hash = excluded.tree_hash, etag = excluded.etag",
        params![bundle.archive, part.number, part.size, part.tree_hash, part.etag],
    )?;
    faults::step("commit: part stored");
    Ok(())
}

pub(super) fn contents(db: &Db<'_>, session: SessionId, bundle: BundleRef, sealed: &SealedBundle) -> Result<()> {
    bundles::hold(db, session, bundle, &[ArchiveState::Uploading])?;
    bundles::contents(db, session, bundle, sealed)?;
    db.run("UPDATE archive SET sealed_at = ?2 WHERE id = ?1", params![bundle.archive, db.now()])?;
    faults::step("commit: upload contents");
    Ok(())
}

pub(super) fn stored(
    db: &Db<'_>,
    session: SessionId,
    bundle: BundleRef,
    confirmed: &Confirmation,
) -> Result<StoredFiles> {
    bundles::hold(db, session, bundle, &[ArchiveState::Uploading])?;
    store(db, session, bundle.archive, confirmed)
}

/// The one transition that makes files safe: the archive is stored, its files leave the queue, the totals grow.
fn store(db: &Db<'_>, session: SessionId, archive: ArchiveId, confirmed: &Confirmation) -> Result<StoredFiles> {
    let (vault, lane, size): (String, Lane, u64) = db
        .one("SELECT vault, lane, size FROM archive WHERE id = ? AND size IS NOT NULL", [archive], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .ok_or_else(|| StoreError::Impossible(format!("archive {archive} is to be stored and has no contents")))?;
    // The rows are deleted with the lane they stood in, for the lane's totals.
    let left: Vec<(Lane, u64)> = db.rows(
        "DELETE FROM queue WHERE archive = ?1 AND state = ?2 AND file IN (SELECT file FROM member WHERE archive = ?1)
         RETURNING lane, (SELECT length FROM file WHERE id = queue.file)",
        params![archive, QueueState::Bundled],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for lane in Lane::ALL {
        let mine = left.iter().filter(|(of, _)| *of == lane);
        let (files, bytes) = mine.fold((0i64, 0u64), |(n, sum), (_, length)| (n + 1, sum + length));
        if files > 0 {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            let add = Add {
                left_files: files,
                left_bytes: bytes,
                stored_files: files,
                stored_bytes: bytes,
                ..Add::default()
            };
            tally::add(db, session, "", lane, add)?;
        }
    }
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    tally::add(db, session, &vault, lane, Add { archives: 1, archive_bytes: size, ..Add::default() })?;
    db.run("DELETE FROM part WHERE archive = ?", [archive])?;
    db.run(
        "UPDATE archive SET state = ?2, live = NULL, owner = NULL, generation = generation + 1, remote_id = ?3,
                confirmed_kind = ?4, confirmed_value = ?5, stored_at = ?6, verified_at = ?6, verified_how = 'on upload',
                next_try = NULL, note = NULL WHERE id = ?1",
        params![
            archive,
            ArchiveState::Stored,
            confirmed.remote_id,
            confirmed.check.kind().word(),
            confirmed.check.bytes(),
            db.now()
        ],
    )?;
    faults::step("commit: archive stored");
    Ok(StoredFiles { files: left.len() as u64, bytes: left.iter().map(|(_, length)| length).sum() })
}

pub(super) fn failed(
    db: &Db<'_>,
    session: SessionId,
    bundle: BundleRef,
    reason: &str,
    why: &str,
    next_try: Time,
) -> Result<()> {
    bundles::hold(db, session, bundle, &[ArchiveState::Uploading, ArchiveState::Unknown])?;
    db.run(
        "UPDATE archive SET state = ?2, owner = NULL, generation = generation + 1, attempts = attempts + 1, note = ?3,
                next_try = ?4, unknown_since = NULL WHERE id = ?1",
        params![bundle.archive, ArchiveState::Sealed, why, next_try],
    )?;
    events::failure(db, "upload", None, Some(bundle.archive), reason, why)?;
    // Whoever settled it may be on another host, and its own may have nobody left who could send it.
    let host: Option<String> = db.one("SELECT host FROM archive WHERE id = ?", [bundle.archive], |row| row.get(0))?;
    if let Some(host) = host
        && !sessions::host_lives(db, &host)?
    {
        bundles::unbundle(db, bundle.archive)?;
        bundles::close(db, bundle.archive, ArchiveState::Abandoned, "nobody is left on its host to send it")?;
    }
    Ok(())
}

pub(super) fn unknown(db: &Db<'_>, session: SessionId, bundle: BundleRef, why: &str, next_try: Time) -> Result<()> {
    bundles::hold(db, session, bundle, &[ArchiveState::Uploading, ArchiveState::Unknown])?;
    db.run(
        "UPDATE archive SET state = ?2, owner = NULL, generation = generation + 1, attempts = attempts + 1, note = ?3,
                next_try = ?4, unknown_since = coalesce(unknown_since, ?5) WHERE id = ?1",
        params![bundle.archive, ArchiveState::Unknown, why, next_try, db.now()],
    )?;
    events::failure(db, "upload", None, Some(bundle.archive), "unknown", why)
}

pub(super) fn abandon(db: &Db<'_>, session: SessionId, bundle: BundleRef, reason: &str, why: &str) -> Result<u64> {
    bundles::hold(db, session, bundle, &[ArchiveState::Uploading, ArchiveState::Unknown])?;
    let files = bundles::unbundle(db, bundle.archive)?;
    bundles::close(db, bundle.archive, ArchiveState::Abandoned, why)?;
    events::failure(db, "upload", None, Some(bundle.archive), reason, why)?;
    Ok(files)
}

/// Which archives `a` somebody has to ask the vault about by the time `?1`: left behind, due, and not to be taken up
/// again by whoever fetches their one file.
pub(super) const TO_SETTLE: &str = "live = 1 AND state IN (2, 5) AND owner IS NULL
    AND (next_try IS NULL OR next_try <= ?1)
    AND (direct_file IS NULL OR size IS NOT NULL
         OR NOT EXISTS (SELECT 1 FROM queue WHERE file = a.direct_file AND archive = a.id))";

pub(super) fn settle_claim(db: &Db<'_>, session: SessionId, limit: u32) -> Result<Vec<Upload>> {
    super::alive(db, session)?;
    let due: Vec<ArchiveId> = db.rows(
        &format!("SELECT id FROM archive a WHERE {TO_SETTLE} ORDER BY id LIMIT ?2"),
        params![db.now(), limit],
        |row| row.get(0),
    )?;
    let sql = format!("UPDATE archive SET owner = ?2, generation = generation + 1 WHERE id = ?1 RETURNING {UPLOAD}");
    let mut taken = Vec::new();
    for archive in due {
        taken.extend(db.one(&sql, params![archive, session], read)?);
    }
    Ok(taken)
}

pub(super) fn settle_stored(
    db: &Db<'_>,
    session: SessionId,
    bundle: BundleRef,
    confirmed: &Confirmation,
) -> Result<ArchiveState> {
    bundles::hold(db, session, bundle, &[ArchiveState::Uploading, ArchiveState::Unknown])?;
    let repeated =
        db.one("SELECT coalesce(repeated, 0) FROM archive WHERE id = ?", [bundle.archive], |row| row.get(0))?;
    if repeated != Some(true) {
        store(db, session, bundle.archive, confirmed)?;
        return Ok(ArchiveState::Stored);
    }
    // Its files went into other archives meanwhile; it stays a copy of them, and is listed as what it is.
    db.run("DELETE FROM part WHERE archive = ?", [bundle.archive])?;
    db.run(
        "UPDATE archive SET state = ?2, live = NULL, owner = NULL, generation = generation + 1, remote_id = ?3,
                confirmed_kind = ?4, confirmed_value = ?5, stored_at = ?6, next_try = NULL WHERE id = ?1",
        params![
            bundle.archive,
            ArchiveState::Duplicate,
            confirmed.remote_id,
            confirmed.check.kind().word(),
            confirmed.check.bytes(),
            db.now()
        ],
    )?;
    Ok(ArchiveState::Duplicate)
}

pub(super) fn repeat(db: &Db<'_>, session: SessionId, bundle: BundleRef, next_try: Time) -> Result<u64> {
    bundles::hold(db, session, bundle, &[ArchiveState::Unknown])?;
    let files = db.run(
        "UPDATE queue SET state = ?2, archive = NULL, next_try = min(next_try, ?4), generation = generation + 1
         WHERE archive = ?1 AND state = ?3 AND file IN (SELECT file FROM member WHERE archive = ?1)",
        params![bundle.archive, QueueState::Queued, QueueState::Bundled, db.now()],
    )?;
    db.run(
        "UPDATE archive SET repeated = 1, owner = NULL, generation = generation + 1, next_try = ?2 WHERE id = ?1",
        params![bundle.archive, next_try],
    )?;
    Ok(files)
}

pub(super) fn orphan(db: &Db<'_>, session: SessionId, orphan: &Orphan) -> Result<()> {
    super::alive(db, session)?;
    let new = db.run(
        "INSERT INTO archive (uuid, vault, remote_id, lane, state, generation, host, size, manifest_offset, opened_at)
         VALUES (?1, ?2, ?3, 1, ?4, 1, '', ?5, ?6, ?7) ON CONFLICT (uuid) DO NOTHING",
        params![
            orphan.uuid,
            orphan.vault,
            orphan.remote_id,
            ArchiveState::Orphan,
            orphan.size,
            orphan.manifest_offset,
            db.now()
        ],
    )?;
    if new > 0 {
        events::add(
            db,
            &crate::store::NewEvent {
                who: format!("session {session}"),
                what: "archive.orphan".to_owned(),
                object: orphan.uuid.to_string(),
                detail: format!("the vault {} holds it and this state has never sent it", orphan.vault),
                outcome: "listed".to_owned(),
            },
        )?;
    }
    Ok(())
}
