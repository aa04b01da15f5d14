//! How what is asked for stands: one look-up for each, all in one transaction.

use rusqlite::{Row, params};

use super::db::Db;
use super::{reports, restorable};
use crate::base::Time;
use crate::base::ids::{ArchiveId, ArchiveUuid, FileId, Key, SourceId};
use crate::base::near::nearest;
use crate::store::{ArchiveState, Asked, Ready, Restorable, Result, Standing};

/// Rows looked at on each side of a key that is not known.
const BESIDE: u32 = 24;

pub(super) fn standing(db: &Db<'_>, asked: &[Asked], near: u32) -> Result<Vec<Standing>> {
    let mut near = near;
    asked.iter().map(|asked| one(db, asked, &mut near)).collect()
}

fn one(db: &Db<'_>, asked: &Asked, near: &mut u32) -> Result<Standing> {
    match asked {
        Asked::Key(source, key, at) => of_key(db, *source, key, *at, near),
        Asked::Prefix(source, prefix) => {
            if any(db, *source, prefix)? {
                return Ok(Standing::Many);
            }
            // A folder, or the beginning of names in one: the folder or file beside it that was perhaps meant.
            Ok(Standing::Unknown { near: beside(db, *source, prefix, near)? })
        }
        Asked::Version(file) => version(db, *file),
        Asked::Archive(uuid) => archive(db, *uuid),
        Asked::Anything => {
            let found = db.one(
                "SELECT 1 FROM source s WHERE EXISTS (SELECT 1 FROM file WHERE source = s.id) LIMIT 1",
                [],
                |_| Ok(()),
            )?;
            Ok(found.map_or(Standing::Unknown { near: None }, |()| Standing::Many))
        }
    }
}

fn any(db: &Db<'_>, source: SourceId, prefix: &[u8]) -> Result<bool> {
    Ok(!restorable::keys(db, source, prefix, None, 1)?.is_empty())
}

/// A version of a key with a copy of it.
struct Copy {
    file: FileId,
    length: u64,
    first_seen: Time,
    superseded_at: Option<Time>,
    gone_at: Option<Time>,
    hashed: bool,
    /// Of an archive that a vault holds.
    archive: Option<ArchiveUuid>,
    from: Option<(ArchiveId, u64)>,
}

fn of_key(db: &Db<'_>, source: SourceId, key: &Key, at: Option<Time>, near: &mut u32) -> Result<Standing> {
    // Nearly every key has one version, with one copy. Then there is nothing to choose; else the rule does, which is
    // written once.
    let copies = db.rows(
        "SELECT f.id, f.length, f.first_seen, f.superseded_at, f.gone_at, f.sha256 IS NOT NULL,
                CASE WHEN a.state IN (3, 6) AND a.remote_id IS NOT NULL THEN a.uuid END, a.id, m.data_offset
         FROM file f LEFT JOIN member m ON m.file = f.id LEFT JOIN archive a ON a.id = m.archive
         WHERE f.source = ?1 AND f.key = ?2 LIMIT 2",
        params![source, key],
        |row| {
            Ok(Copy {
                file: row.get(0)?,
                length: row.get(1)?,
                first_seen: row.get(2)?,
                superseded_at: row.get(3)?,
                gone_at: row.get(4)?,
                hashed: row.get(5)?,
                archive: row.get(6)?,
                from: row.get::<_, Option<ArchiveId>>(7)?.zip(row.get(8)?),
            })
        },
    )?;
    if let [Copy { archive: Some(archive), from: Some(from), hashed: true, .. }] = copies.as_slice() {
        let only = &copies[0];
        let then = |at| {
            only.first_seen <= at
                && only.superseded_at.is_none_or(|time| time > at)
                && only.gone_at.is_none_or(|time| time > at)
        };
        if at.is_none_or(then) {
            return Ok(Standing::Ready(Ready {
                file: only.file,
                source,
                key: key.clone(),
                length: only.length,
                gone_at: only.gone_at,
                newer_waits: false,
                archive: *archive,
                from: *from,
            }));
        }
    }
    let below = || any(db, source, &[key.as_bytes(), b"/"].concat());
    if copies.is_empty() {
        if !key.as_bytes().ends_with(b"/") && below()? {
            return Ok(Standing::Many);
        }
        return Ok(Standing::Unknown { near: beside(db, source, key.as_bytes(), near)? });
    }
    let found = restorable::version(db, source, key.clone(), at)?;
    if let Some(version) = found.version {
        return Ok(Standing::Ready(ready(source, key.clone(), &version)));
    }
    let why = if found.absent { absent(db, source, key)? } else { why_not(db, newest(db, source, key, at)?)? };
    // What was a file once, and never stored, may be a folder by now.
    let is_folder = matches!(why, Standing::Absent { .. } | Standing::Lost { .. } | Standing::Nowhere) && below()?;
    Ok(if is_folder { Standing::Many } else { why })
}

fn ready(source: SourceId, key: Key, version: &Restorable) -> Ready {
    Ready {
        file: version.file,
        source,
        key,
        length: version.length,
        gone_at: version.gone_at,
        newer_waits: version.newer_waits,
        archive: version.archive,
        from: (version.archive_id, version.data_offset),
    }
}

fn absent(db: &Db<'_>, source: SourceId, key: &Key) -> Result<Standing> {
    let first =
        db.one("SELECT min(first_seen) FROM file WHERE source = ?1 AND key = ?2", params![source, key], |row| {
            row.get::<_, Option<Time>>(0)
        })?;
    Ok(first.flatten().map_or(Standing::Nowhere, |first_seen| Standing::Absent { first_seen }))
}

/// The version that would be wanted of a key, stored or not: the one that nothing had superseded by then, else the one
/// superseded last.
fn newest(db: &Db<'_>, source: SourceId, key: &Key, at: Option<Time>) -> Result<Option<FileId>> {
    db.one(
        "SELECT id FROM file WHERE source = ?1 AND key = ?2 AND (?3 IS NULL OR first_seen <= ?3)
         ORDER BY coalesce(superseded_at, 9223372036854775807) DESC, gone_at IS NULL DESC, id DESC LIMIT 1",
        params![source, key, at],
        |row| row.get(0),
    )
}

/// Why no vault can give a version.
fn why_not(db: &Db<'_>, file: Option<FileId>) -> Result<Standing> {
    let Some(file) = file else { return Ok(Standing::Nowhere) };
    let held = db.one(
        "SELECT a.uuid, a.state FROM member m JOIN archive a ON a.id = m.archive WHERE m.file = ?1
         ORDER BY a.id DESC LIMIT 1",
        [file],
        |row| Ok((row.get(0)?, row.get::<_, ArchiveState>(1)?)),
    )?;
    // On its way to a vault is still in the queue.
    let on_its_way = |state| matches!(state, ArchiveState::Open | ArchiveState::Sealed | ArchiveState::Uploading);
    if let Some((archive, state)) = held.filter(|(_, state)| !on_its_way(*state)) {
        return Ok(Standing::Held { archive, state });
    }
    let waits = db.one("SELECT lane, state, queued_at, next_try FROM queue WHERE file = ?1", [file], |row| {
        Ok(Standing::Waits { lane: row.get(0)?, state: row.get(1)?, since: row.get(2)?, next_try: row.get(3)? })
    })?;
    if let Some(waits) = waits {
        return Ok(waits);
    }
    let gone_at = db.one("SELECT gone_at FROM file WHERE id = ?1", [file], |row| row.get::<_, Option<Time>>(0))?;
    Ok(gone_at.flatten().map_or(Standing::Nowhere, |gone_at| Standing::Lost { gone_at }))
}

fn version(db: &Db<'_>, file: FileId) -> Result<Standing> {
    let Some(found) = restorable::file(db, file, None)? else { return Ok(Standing::Unknown { near: None }) };
    let Some(version) = found.version else { return why_not(db, Some(file)) };
    let source = db.one("SELECT source FROM file WHERE id = ?1", [file], |row| row.get(0))?;
    Ok(source.map_or(Standing::Nowhere, |source| Standing::Ready(ready(source, found.key, &version))))
}

fn archive(db: &Db<'_>, uuid: ArchiveUuid) -> Result<Standing> {
    Ok(match reports::archive(db, uuid)? {
        None => Standing::Unknown { near: None },
        Some(row) if matches!(row.state, ArchiveState::Stored | ArchiveState::Duplicate) => Standing::Many,
        Some(row) => Standing::Held { archive: uuid, state: row.state },
    })
}

/// The key in the same folder that is spelled most like one that is not known, among those beside it in their order.
fn beside(db: &Db<'_>, source: SourceId, key: &[u8], left: &mut u32) -> Result<Option<Key>> {
    if *left == 0 {
        return Ok(None);
    }
    *left -= 1;
    // A slash or "./" that no key begins with.
    let trimmed = key.strip_prefix(b"./").or_else(|| key.strip_prefix(b"/")).unwrap_or(key);
    if trimmed.len() < key.len() && !trimmed.is_empty() && any(db, source, trimmed)? {
        return Ok(Some(Key::new(trimmed)));
    }
    let (key, slash) = key.strip_suffix(b"/").map_or((key, false), |folder| (folder, true));
    let Ok(text) = std::str::from_utf8(key) else { return Ok(None) };
    let folder = key.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    let read = |row: &Row<'_>| row.get::<_, Key>(0);
    // The end of the folder is part of the search in the index: behind it lies all the rest of the source.
    let behind = match restorable::end_of(&key[..folder]) {
        Some(end) => db.rows(
            "SELECT key FROM file WHERE source = ?1 AND key > ?2 AND key < ?3 ORDER BY key LIMIT ?4",
            params![source, key, end, BESIDE],
            read,
        )?,
        None => db.rows(
            "SELECT key FROM file WHERE source = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
            params![source, key, BESIDE],
            read,
        )?,
    };
    let before = db.rows(
        "SELECT key FROM file WHERE source = ?1 AND key < ?2 AND key >= ?3 ORDER BY key DESC LIMIT ?4",
        params![source, key, &key[..folder], BESIDE],
        read,
    )?;
    // As deep as what was asked for: of what lies deeper the folder.
    let names = behind.iter().chain(&before).filter_map(|found| {
        let bytes = found.as_bytes();
        let within = bytes.get(folder..)?;
        let length = within.iter().position(|byte| *byte == b'/');
        // A folder is meant where a folder was written, and where nothing says what.
        let name = bytes.get(..length.map_or(bytes.len(), |length| folder + length))?;
        std::str::from_utf8(name).ok().filter(|_| !slash || length.is_some())
    });
    let found = nearest(&text[folder..], names.map(|name| &name[folder..]));
    Ok(found.map(|name| {
        let slash: &[u8] = if slash { b"/" } else { b"" };
        Key::new([&key[..folder], name.as_bytes(), slash].concat())
    }))
}
