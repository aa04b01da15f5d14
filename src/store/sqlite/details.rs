//! All there is about one file or one archive, and the search for files by their keys.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use rusqlite::{Row, params};

use super::db::Db;
use super::{events, reports, restorable, uploads};
use crate::base::FileTime;
use crate::base::ids::{ArchiveUuid, FileId, Key, SourceId};
use crate::store::{ArchiveDetail, COPIES, CopyRow, FileDetail, FileRow, FileState, QueueDetail, QueueState, Result};

/// Of `file` f; the newest version of a key is the one that nothing has superseded, else the one superseded last.
const FILE: &str = "f.id, f.source, (SELECT name FROM source WHERE id = f.source), f.key, f.length, f.mtime_s,
    f.mtime_ns, f.first_seen, f.gone_at, (SELECT state FROM queue WHERE file = f.id),
    (SELECT a.uuid FROM member m JOIN archive a ON a.id = m.archive AND a.state IN (3, 6) WHERE m.file = f.id
     ORDER BY a.id DESC LIMIT 1)";

fn read_file(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    let gone_at = row.get(8)?;
    let queued: Option<QueueState> = row.get(9)?;
    let archive: Option<ArchiveUuid> = row.get(10)?;
    let state = match (queued, gone_at, archive) {
        (Some(state), ..) => state.into(),
        (None, Some(_), _) => FileState::Gone,
        (None, None, Some(_)) => FileState::Stored,
        (None, None, None) => FileState::Nowhere,
    };
    Ok(FileRow {
        file: row.get(0)?,
        source: row.get(1)?,
        source_name: row.get(2)?,
        key: row.get(3)?,
        length: row.get(4)?,
        mtime: FileTime { secs: row.get(5)?, nanos: row.get(6)? },
        first_seen: row.get(7)?,
        gone_at,
        state,
        archive,
    })
}

pub(super) fn find(
    db: &Db<'_>,
    source: Option<SourceId>,
    prefix: &[u8],
    after: Option<&(SourceId, Key)>,
    limit: u32,
) -> Result<Vec<FileRow>> {
    let sources: Vec<SourceId> = match source {
        Some(source) => vec![source],
        None => db.rows("SELECT id FROM source ORDER BY id", [], |row| row.get(0))?,
    };
    let mut found = Vec::new();
    for source in sources {
        let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let after = match after {
            Some((at, _)) if source < *at => continue,
            Some((at, key)) if source == *at => Some(key),
            _ => None,
        };
        if left == 0 {
            break;
        }
        for key in restorable::keys(db, source, prefix, after, left)? {
            let sql = format!(
                "SELECT {FILE} FROM file f WHERE f.source = ?1 AND f.key = ?2
                 ORDER BY coalesce(f.superseded_at, 9223372036854775807) DESC, f.id DESC LIMIT 1"
            );
            found.extend(db.one(&sql, params![source, key], read_file)?);
        }
    }
    Ok(found)
}

pub(super) fn file(db: &Db<'_>, file: FileId) -> Result<Option<FileDetail>> {
    let sql = format!(
        "SELECT {FILE}, f.version, f.domain, f.class, f.mode, f.devcount, f.source_checksum, f.md5, f.sha256,
                f.superseded_at FROM file f WHERE f.id = ?"
    );
    let detail = db.one(&sql, [file], |row| {
        Ok(FileDetail {
            row: read_file(row)?,
            version: row.get(11)?,
            domain: row.get(12)?,
            class: row.get(13)?,
            mode: row.get(14)?,
            devcount: row.get(15)?,
            source_checksum: row.get(16)?,
            md5: row.get(17)?,
            sha256: row.get(18)?,
            superseded_at: row.get(19)?,
            queue: None,
            copies: Vec::new(),
            failures: Vec::new(),
        })
    })?;
    let Some(mut detail) = detail else { return Ok(None) };
    detail.queue = db.one(
        "SELECT q.lane, q.state, q.attempts, q.queued_at, q.next_try, q.owner, a.uuid
         FROM queue q LEFT JOIN archive a ON a.id = q.archive AND a.live = 1 WHERE q.file = ?",
        [file],
        |row| {
            Ok(QueueDetail {
                lane: row.get(0)?,
                state: row.get(1)?,
                attempts: row.get(2)?,
                queued_at: row.get(3)?,
                next_try: row.get(4)?,
                owner: row.get(5)?,
                archive: row.get(6)?,
            })
        },
    )?;
    detail.copies = db.rows(
        "SELECT a.uuid, a.vault, a.region, a.remote_id, a.state, m.header_offset, m.data_offset, m.length, a.stored_at,
                a.verified_at
         FROM member m JOIN archive a ON a.id = m.archive WHERE m.file = ?1 ORDER BY a.id DESC LIMIT ?2",
        params![file, COPIES],
        |row| {
            Ok(CopyRow {
                archive: row.get(0)?,
                vault: row.get(1)?,
                region: row.get(2)?,
                remote_id: row.get(3)?,
                state: row.get(4)?,
                header_offset: row.get(5)?,
                data_offset: row.get(6)?,
                length: row.get(7)?,
                stored_at: row.get(8)?,
                verified_at: row.get(9)?,
            })
        },
    )?;
    detail.failures = events::of_file(db, file)?;
    Ok(Some(detail))
}

pub(super) fn archive(db: &Db<'_>, uuid: ArchiveUuid) -> Result<Option<ArchiveDetail>> {
    let Some(row) = reports::archive(db, uuid)? else { return Ok(None) };
    let (parts, part_bytes) = db
        .one("SELECT count(*), coalesce(sum(size), 0) FROM part WHERE archive = ?", [row.id], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .unwrap_or_default();
    let failures = events::of_archive(db, row.id)?;
    db.one(
        "SELECT region, host, staging_dir, staging_name, direct_file, upload_id, part_size, sha256, confirmed_kind,
                confirmed_value, unknown_since, repeated, verified_at, verified_how FROM archive WHERE id = ?",
        [row.id],
        |more| {
            Ok(ArchiveDetail {
                row: row.clone(),
                region: more.get(0)?,
                host: more.get(1)?,
                staging_dir: more.get::<_, Option<Vec<u8>>>(2)?.map(|dir| PathBuf::from(OsString::from_vec(dir))),
                staging_name: more.get(3)?,
                direct_file: more.get(4)?,
                upload_id: more.get(5)?,
                part_size: more.get(6)?,
                parts,
                part_bytes,
                sha256: more.get(7)?,
                confirmed: uploads::read_check(more, 8)?,
                unknown_since: more.get(10)?,
                repeated: more.get::<_, Option<bool>>(11)?.unwrap_or(false),
                verified_at: more.get(12)?,
                verified_how: more.get(13)?,
                failures: failures.clone(),
            })
        },
    )
}
