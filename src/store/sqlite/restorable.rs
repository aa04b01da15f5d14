//! What can be restored: per key the newest version a vault holds, now or as of a time.

use rusqlite::{Row, params};

use super::db::Db;
use crate::base::ids::{ArchiveId, FileId, Key, SourceId};
use crate::base::{FileTime, Time};
use crate::store::{Restorable, RestorableKey, RestorableMember, Result};

/// The first key that no longer starts with `prefix`: the end of its range. Nothing when every later key starts so.
pub(super) fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

pub(super) fn page(
    db: &Db<'_>,
    source: SourceId,
    prefix: &[u8],
    after: Option<&Key>,
    at: Option<Time>,
    limit: u32,
) -> Result<Vec<RestorableKey>> {
    keys(db, source, prefix, after, limit)?.into_iter().map(|key| version(db, source, key, at)).collect()
}

/// Keys of a source that begin with `prefix`, in order, after `after`.
pub(super) fn keys(db: &Db<'_>, source: SourceId, prefix: &[u8], after: Option<&Key>, limit: u32) -> Result<Vec<Key>> {
    let end = end_of(prefix);
    let read = |row: &Row<'_>| row.get::<_, Key>(0);
    let select = |condition: &str| {
        format!("SELECT key FROM file WHERE source = ?1 AND {condition} GROUP BY key ORDER BY key LIMIT ?4")
    };
    // A place before the first of them is no place to go on from.
    let after = after.filter(|after| after.as_bytes() >= prefix);
    match (after, end) {
        (Some(after), Some(end)) => db.rows(&select("key > ?2 AND key < ?3"), params![source, after, end, limit], read),
        (Some(after), None) => {
            db.rows(&select("key > ?2 AND ?3 IS NULL"), params![source, after, None::<i64>, limit], read)
        }
        (None, Some(end)) => db.rows(&select("key >= ?2 AND key < ?3"), params![source, prefix, end, limit], read),
        (None, None) => db.rows(&select("key >= ?2 AND ?3 IS NULL"), params![source, prefix, None::<i64>, limit], read),
    }
}

pub(super) fn one(db: &Db<'_>, source: SourceId, key: Key, at: Option<Time>) -> Result<Option<RestorableKey>> {
    let known =
        db.one("SELECT 1 FROM file WHERE source = ?1 AND key = ?2 LIMIT 1", params![source, key], |_| Ok(()))?;
    match known {
        None => Ok(None),
        Some(()) => Ok(Some(version(db, source, key, at)?)),
    }
}

/// The version of a key to restore. As of a time: the one that was current then, or when that was never stored the one
/// before it that was; nothing when the source did not have the file then. Now: the newest that is stored, even
/// when the source has deleted it since, for that is when it is wanted. Newest is what was superseded last or not at
/// all: a version that was put back is newer than the one that had replaced it.
pub(super) fn version(db: &Db<'_>, source: SourceId, key: Key, at: Option<Time>) -> Result<RestorableKey> {
    // The version that one would want, stored or not.
    let wanted: Option<FileId> = match at {
        None => db.one(
            "SELECT id FROM file WHERE source = ?1 AND key = ?2 AND superseded_at IS NULL AND gone_at IS NULL LIMIT 1",
            params![source, key],
            |row| row.get(0),
        )?,
        Some(at) => {
            let then = db.one(
                "SELECT id FROM file WHERE source = ?1 AND key = ?2 AND first_seen <= ?3
                 AND (superseded_at IS NULL OR superseded_at > ?3) AND (gone_at IS NULL OR gone_at > ?3)
                 ORDER BY first_seen DESC, id DESC LIMIT 1",
                params![source, key, at],
                |row| row.get(0),
            )?;
            if then.is_none() && !was_there(db, source, &key, at)? {
                return Ok(RestorableKey { key, version: None, absent: true });
            }
            then
        }
    };
    let newest: Option<Restorable> = db.one(
        &format!(
            "SELECT {VERSION}
             FROM file f
             JOIN member m ON m.file = f.id
             JOIN archive a ON a.id = m.archive AND a.state IN (3, 6) AND a.remote_id IS NOT NULL
             WHERE f.source = ?1 AND f.key = ?2 AND f.sha256 IS NOT NULL AND (?3 IS NULL OR f.first_seen <= ?3)
             ORDER BY f.id IS ?4 DESC,
                      CASE WHEN ?3 IS NULL THEN coalesce(f.superseded_at, 9223372036854775807) END DESC,
                      f.first_seen DESC, f.id DESC, a.id LIMIT 1"
        ),
        params![source, key, at, wanted],
        read_version,
    )?;
    let waits = |file| wanted.map_or(at.is_some(), |wanted| wanted != file);
    let version = newest.map(|version| Restorable { newer_waits: waits(version.file), ..version });
    Ok(RestorableKey { key, version, absent: false })
}

pub(super) fn file(db: &Db<'_>, file: FileId, than: Option<ArchiveId>) -> Result<Option<RestorableKey>> {
    let Some(key) = db.one("SELECT key FROM file WHERE id = ?", [file], |row| row.get(0))? else { return Ok(None) };
    let version: Option<Restorable> = db.one(
        &format!(
            "SELECT {VERSION}
             FROM file f
             JOIN member m ON m.file = f.id
             JOIN archive a ON a.id = m.archive AND a.state IN (3, 6) AND a.remote_id IS NOT NULL
             WHERE f.id = ?1 AND f.sha256 IS NOT NULL ORDER BY a.id IS ?2, a.id LIMIT 1"
        ),
        params![file, than],
        read_version,
    )?;
    Ok(Some(RestorableKey { key, version, absent: false }))
}

pub(super) fn members(
    db: &Db<'_>,
    archive: ArchiveId,
    within: Option<(Time, Time)>,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<RestorableMember>> {
    let (from, to) = (within.map(|(from, _)| from), within.map(|(_, to)| to));
    let after = after.map_or(-1, |offset| i64::try_from(offset).unwrap_or(i64::MAX));
    db.rows(
        &format!(
            "SELECT {VERSION}, s.name, f.key, m.header_offset
             FROM member m
             JOIN archive a ON a.id = m.archive AND a.state IN (3, 6) AND a.remote_id IS NOT NULL
             JOIN file f ON f.id = m.file AND f.sha256 IS NOT NULL
             JOIN source s ON s.id = f.source
             WHERE m.archive = ?1 AND m.header_offset > ?2
             -- CROSS JOIN: by key first, so that it does not grow with the archive.
             AND NOT EXISTS (SELECT 1 FROM file o CROSS JOIN member n ON n.file = o.id AND n.archive = ?1
                             WHERE o.source = f.source AND o.key = f.key AND n.header_offset > m.header_offset
                             AND (?4 IS NULL OR o.id = f.id))
             -- What is newer is as `version` has it: archives need not be taken in the order of what they hold.
             AND (?4 IS NULL OR NOT EXISTS (
                SELECT 1 FROM file o CROSS JOIN member n ON n.file = o.id
                CROSS JOIN archive b ON b.id = n.archive AND b.state IN (3, 6) AND b.remote_id IS NOT NULL
                WHERE o.source = f.source AND o.key = f.key AND o.id <> f.id AND o.sha256 IS NOT NULL
                AND b.stored_at >= ?4 AND b.stored_at < ?5
                AND (coalesce(o.superseded_at, 9223372036854775807), o.first_seen, o.id)
                    > (coalesce(f.superseded_at, 9223372036854775807), f.first_seen, f.id)))
             ORDER BY m.header_offset LIMIT ?3"
        ),
        params![archive, after, limit, from, to],
        |row| {
            Ok(RestorableMember {
                version: read_version(row)?,
                source: row.get(11)?,
                key: row.get(12)?,
                header_offset: row.get(13)?,
            })
        },
    )
}

pub(super) fn archives_between(
    db: &Db<'_>,
    from: Time,
    to: Time,
    before: Option<(Time, ArchiveId)>,
    limit: u32,
) -> Result<Vec<(ArchiveId, Time)>> {
    // Before the first of `to`'s microsecond: every archive taken earlier.
    let (at, id) = before.unwrap_or((to, ArchiveId(i64::MIN)));
    db.rows(
        "SELECT id, stored_at FROM archive
         WHERE state IN (3, 6) AND remote_id IS NOT NULL AND stored_at >= ?1 AND (stored_at, id) < (?2, ?3)
         ORDER BY stored_at DESC, id DESC LIMIT ?4",
        params![from, at, id, limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Of `file` f, `archive` a and `member` m.
const VERSION: &str =
    "f.id, f.length, f.mode, f.mtime_s, f.mtime_ns, f.sha256, f.gone_at, a.uuid, a.remote_id, m.data_offset, a.id";

fn read_version(row: &Row<'_>) -> rusqlite::Result<Restorable> {
    Ok(Restorable {
        file: row.get(0)?,
        length: row.get(1)?,
        mode: row.get(2)?,
        mtime: FileTime { secs: row.get(3)?, nanos: row.get(4)? },
        sha256: row.get(5)?,
        gone_at: row.get(6)?,
        newer_waits: false,
        archive: row.get(7)?,
        remote_id: row.get(8)?,
        data_offset: row.get(9)?,
        archive_id: row.get(10)?,
    })
}

/// Whether the source had the file at that time although no row is its version of then: a row that only waited has
/// become a later version since. The one before it was superseded then, and not gone.
fn was_there(db: &Db<'_>, source: SourceId, key: &Key, at: Time) -> Result<bool> {
    let superseded = db.one(
        "SELECT gone_at IS NULL OR superseded_at < gone_at FROM file WHERE source = ?1 AND key = ?2 AND first_seen <= ?3
         ORDER BY min(coalesce(superseded_at, gone_at), coalesce(gone_at, superseded_at)) DESC, id DESC LIMIT 1",
        params![source, key, at],
        |row| row.get::<_, Option<bool>>(0),
    )?;
    Ok(superseded.flatten().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::end_of;
    use proptest::prelude::*;

    #[test]
    fn the_end_of_a_prefix() {
        assert_eq!(end_of(b"a/"), Some(b"a0".to_vec()));
        assert_eq!(end_of(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(end_of(b"\xff"), None);
        assert_eq!(end_of(b""), None);
    }

    proptest! {
        #[test]
        fn keys_lie_before_the_end_exactly_when_they_start_so(prefix: Vec<u8>, key: Vec<u8>, rest: Vec<u8>) {
            let inside = |key: &[u8]| key >= prefix.as_slice() && end_of(&prefix).is_none_or(|end| key < end.as_slice());
            prop_assert_eq!(inside(&key), key.starts_with(&prefix));
            let longer = [prefix.clone(), rest].concat();
            prop_assert!(inside(&longer));
        }
    }
}
