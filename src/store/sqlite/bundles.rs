//! Bundles until they are sealed, and how one comes to nothing.

use std::os::unix::ffi::OsStrExt as _;

use rusqlite::params;

use super::db::Db;
use super::events;
use super::queue::MINE;
use crate::base::faults;
use crate::base::ids::{ArchiveId, FileId, Generation, SessionId};
use crate::store::{
    ArchiveState, BundleRef, FetchFailure, NewBundle, PartRow, QueueState, Result, ResumedBundle, SealedBundle,
    StoreError,
};

pub(super) fn stale(bundle: BundleRef, session: SessionId) -> StoreError {
    StoreError::Stale { what: format!("archive {}", bundle.uuid), session }
}

/// Whether the archive is still this session's, under this generation, in one of `states`; else the work is stale.
pub(super) fn hold(
    db: &Db<'_>,
    session: SessionId,
    bundle: BundleRef,
    states: &[ArchiveState],
) -> Result<ArchiveState> {
    let state = db.one(
        "SELECT state FROM archive WHERE id = ?1 AND owner = ?2 AND generation = ?3",
        params![bundle.archive, session, bundle.generation],
        |row| row.get(0),
    )?;
    state.filter(|state| states.contains(state)).ok_or_else(|| stale(bundle, session))
}

pub(super) fn open(db: &Db<'_>, session: SessionId, new: &NewBundle) -> Result<BundleRef> {
    super::alive(db, session)?;
    let state = if new.direct.is_some() { ArchiveState::Uploading } else { ArchiveState::Open };
    let uploading_at = new.direct.map(|_| db.now());
    let staging_dir = new.staged.as_ref().map(|staged| staged.dir.as_os_str().as_bytes());
    let staging_name = new.staged.as_ref().map(|staged| &staged.name);
    db.run(
        "INSERT INTO archive (uuid, vault, lane, state, live, owner, generation, host, staging_dir, staging_name,
                              direct_file, opened_at, uploading_at)
         VALUES (?1, ?2, ?3, ?4, 1, ?5, 1, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            new.uuid,
            new.vault,
            new.lane,
            state,
            session,
            new.host,
            staging_dir,
            staging_name,
            new.direct,
            db.now(),
            uploading_at
        ],
    )?;
    faults::step(if new.direct.is_some() { "commit: upload entered" } else { "commit: bundle open" });
    Ok(BundleRef { archive: ArchiveId(db.last_id()), uuid: new.uuid, generation: Generation(1) })
}

pub(super) fn direct_resume(
    db: &Db<'_>,
    session: SessionId,
    archive: ArchiveId,
    file: FileId,
) -> Result<Option<ResumedBundle>> {
    super::alive(db, session)?;
    let taken = db.one(
        "UPDATE archive SET owner = ?2, generation = generation + 1, state = ?4
         WHERE id = ?1 AND live = 1 AND owner IS NULL AND direct_file = ?3 AND size IS NULL
         RETURNING uuid, generation, upload_id",
        params![archive, session, file, ArchiveState::Uploading],
        |row| {
            let bundle = BundleRef { archive, uuid: row.get(0)?, generation: row.get(1)? };
            Ok((bundle, row.get::<_, Option<Vec<u8>>>(2)?))
        },
    )?;
    let Some((bundle, upload_id)) = taken else { return Ok(None) };
    Ok(Some(ResumedBundle { bundle, upload_id, parts: parts(db, archive)? }))
}

pub(super) fn parts(db: &Db<'_>, archive: ArchiveId) -> Result<Vec<PartRow>> {
    db.rows("SELECT number, size, tree_hash, etag FROM part WHERE archive = ? ORDER BY number", [archive], |row| {
        Ok(PartRow { number: row.get(0)?, size: row.get(1)?, tree_hash: row.get(2)?, etag: row.get(3)? })
    })
}

pub(super) fn direct_pause(db: &Db<'_>, session: SessionId, bundle: BundleRef, failure: &FetchFailure) -> Result<()> {
    hold(db, session, bundle, &[ArchiveState::Uploading])?;
    super::queue::failed(db, session, std::slice::from_ref(failure))?;
    db.run("UPDATE queue SET archive = ?2 WHERE file = ?1", params![failure.file, bundle.archive])?;
    db.run(
        "UPDATE archive SET owner = NULL, generation = generation + 1, attempts = attempts + 1, note = ?2 WHERE id = ?1",
        params![bundle.archive, failure.detail],
    )?;
    Ok(())
}

pub(super) fn seal(db: &Db<'_>, session: SessionId, bundle: BundleRef, sealed: &SealedBundle) -> Result<()> {
    hold(db, session, bundle, &[ArchiveState::Open])?;
    contents(db, session, bundle, sealed)?;
    db.run(
        "UPDATE archive SET state = ?2, owner = NULL, sealed_at = ?3, next_try = ?3 WHERE id = ?1",
        params![bundle.archive, ArchiveState::Sealed, db.now()],
    )?;
    faults::step("commit: bundle sealed");
    Ok(())
}

/// The deliberate mistake `delete-before-commit` of the crash tests: queue rows go before what replaces them is there.
pub(super) fn forget(db: &Db<'_>, files: &[FileId]) -> Result<()> {
    for file in files {
        db.run("DELETE FROM queue WHERE file = ?", [file])?;
    }
    Ok(())
}

/// Enters what a bundle holds: members, hashes of its files, its own.
pub(super) fn contents(db: &Db<'_>, session: SessionId, bundle: BundleRef, sealed: &SealedBundle) -> Result<()> {
    let bundled = format!("UPDATE queue SET state = 2, owner = NULL, archive = ?4 WHERE {MINE}");
    for m in &sealed.members {
        if db.run(&bundled, params![m.file, session, m.generation, bundle.archive])? == 0
            && !faults::bug("delete-before-commit")
        {
            return Err(StoreError::Stale { what: format!("file {}", m.file), session });
        }
        db.run(
            "INSERT INTO member (archive, header_offset, file, data_offset, length) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![bundle.archive, m.header_offset, m.file, m.data_offset, m.length],
        )?;
        db.run("UPDATE file SET sha256 = ?2, md5 = coalesce(?3, md5) WHERE id = ?1", params![m.file, m.sha256, m.md5])?;
    }
    db.run(
        "UPDATE archive SET closed_by = ?2, size = ?3, files = ?4, manifest_offset = ?5, tree_hash = ?6, sha256 = ?7,
                check_kind = ?8, check_value = ?9 WHERE id = ?1",
        params![
            bundle.archive,
            sealed.closed_by,
            sealed.size,
            sealed.members.len() as u64,
            sealed.manifest_offset,
            sealed.tree_hash,
            sealed.sha256,
            sealed.check.kind().word(),
            sealed.check.bytes()
        ],
    )?;
    Ok(())
}

pub(super) fn abandon(
    db: &Db<'_>,
    session: SessionId,
    bundle: BundleRef,
    files: &[(FileId, Generation)],
    why: &str,
) -> Result<()> {
    hold(db, session, bundle, &[ArchiveState::Open, ArchiveState::Uploading])?;
    super::queue::give_back(db, session, files)?;
    unbundle(db, bundle.archive)?;
    close(db, bundle.archive, ArchiveState::Abandoned, why)?;
    events::failure(db, "bundle", None, Some(bundle.archive), "abandoned", why)
}

/// Queues the files of a bundle again that are in no other; the bundle no longer counts as a copy of them.
pub(super) fn unbundle(db: &Db<'_>, archive: ArchiveId) -> Result<u64> {
    let files = db.run(
        "UPDATE queue SET state = ?2, archive = NULL, next_try = min(next_try, ?4), generation = generation + 1
         WHERE archive = ?1 AND state = ?3 AND file IN (SELECT file FROM member WHERE archive = ?1)",
        params![archive, QueueState::Queued, QueueState::Bundled, db.now()],
    )?;
    db.run("DELETE FROM member WHERE archive = ?", [archive])?;
    Ok(files)
}

/// Ends an archive's life in the pipeline.
pub(super) fn close(db: &Db<'_>, archive: ArchiveId, state: ArchiveState, why: &str) -> Result<()> {
    db.run("DELETE FROM part WHERE archive = ?", [archive])?;
    db.run(
        "UPDATE archive SET state = ?2, live = NULL, owner = NULL, generation = generation + 1, note = ?3 WHERE id = ?1",
        params![archive, state, why],
    )?;
    Ok(())
}
