//! Opening the file: what it is, where it lies, what it may be.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema::APPLICATION_ID;
use crate::base::Shown;
use crate::base::disk::Dir;
use crate::store::{Result, StoreError};

/// How long to wait for another program's lock.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// Below this much room an I/O error of SQLite is taken for a full file system.
const NO_ROOM: u64 = 256 * 1024;

/// How long to wait for another firn that is opening a file in the same folder. (A new version may have a large state to
/// bring up to date.)
const OPENING: Duration = Duration::from_secs(30);

/// File systems whose locks and caches are not those of one machine (`statfs` magic numbers, linux/magic.h).
const NETWORK: [(u64, &str); 11] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x5346_414f, "AFS"),
    (0x7461_636f, "OCFS2"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x0116_1970, "GFS2"),
];

/// The network file system behind a magic number.
fn network_file_system(magic: u64) -> Option<&'static str> {
    NETWORK.iter().find(|(known, _)| *known == magic & 0xffff_ffff).map(|(_, name)| *name)
}

/// Refuses what SQLite must not be opened on. The folder comes back locked: as long as it is held, no other firn opens a
/// file there, and so none meets a half-made one.
pub(super) fn inspect(path: &Path, place: &str, create: bool) -> Result<Dir> {
    let unopened = |detail: String| StoreError::Unopened { place: place.to_owned(), detail };
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let exists = match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => true,
        Ok(_) => return Err(unopened("it is not a file; name a file in [state] url".to_owned())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => false,
        Err(e) => return Err(unopened(e.to_string())),
    };
    if !exists && !create {
        return Err(StoreError::Absent { place: place.to_owned() });
    }
    let dir = Dir::open(parent)
        .map_err(|e| unopened(format!("{e}; make the folder {} or mend [state] url", Shown::path(parent))))?;
    let magic = rustix::fs::fstatfs(dir.fd()).map_err(|e| unopened(std::io::Error::from(e).to_string()))?.f_type;
    #[allow(clippy::cast_sign_loss)] // a bit pattern
    local(place, magic as u64)?;
    lock(&dir, OPENING).map_err(unopened)?;
    Ok(dir)
}

/// Takes the folder's lock, or says who is in the way.
fn lock(dir: &Dir, within: Duration) -> std::result::Result<(), String> {
    if dir.lock_within(within).map_err(|e| e.to_string())? {
        return Ok(());
    }
    let folder = Shown::path(dir.path());
    Err(format!(
        "another firn has been opening a file in the folder {folder} for over {} s; find it (`fuser {folder}`), and end it if it hangs",
        within.as_secs()
    ))
}

/// Which file was opened. SQLite goes on with a file that has been removed or replaced as if nothing had happened.
pub(super) struct Opened {
    path: PathBuf,
    /// Device and number of the file.
    id: (u64, u64),
}

impl Opened {
    /// The file that lies there now.
    pub(super) fn now(path: &Path, place: &str) -> Result<Self> {
        let meta = std::fs::metadata(path)
            .map_err(|e| StoreError::Unopened { place: place.to_owned(), detail: e.to_string() })?;
        Ok(Self { path: path.to_owned(), id: (meta.dev(), meta.ino()) })
    }

    /// Refuses to go on when another file lies there, or none. What cannot be looked at is left to SQLite.
    pub(super) fn check(&self, place: &str) -> Result<()> {
        let what = match std::fs::metadata(&self.path) {
            Ok(meta) if (meta.dev(), meta.ino()) == self.id => return Ok(()),
            Ok(_) => "replaced by another file",
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => "removed",
            Err(_) => return Ok(()),
        };
        Err(StoreError::Moved { place: place.to_owned(), what })
    }
}

/// Refuses a file system that is shared over a network.
fn local(place: &str, magic: u64) -> Result<()> {
    match network_file_system(magic) {
        Some(kind) => Err(StoreError::NetworkFileSystem { place: place.to_owned(), kind }),
        None => Ok(()),
    }
}

/// A connection with the settings that firn relies on. `writes` is false for a reader.
pub(super) fn connect(path: &Path, place: &str, writes: bool) -> Result<Connection> {
    let failed = |e: rusqlite::Error| translate(place, &e);
    let access = if writes {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    let db = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
    db.busy_timeout(BUSY).map_err(failed)?;
    db.set_prepared_statement_cache_capacity(128);
    // A plan is made for a statement, not for the values it is run with: else SQLite parses and plans many of them anew
    // for every value bound, which costs several times what running them does (SQLite, query planner stability guarantee).
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    if writes {
        // SQLite opens a file that may only be read without a word.
        if db.is_readonly("main").map_err(failed)? {
            let detail = "its file may only be read by this user".to_owned();
            return Err(StoreError::ReadOnly { place: place.to_owned(), detail });
        }
        let id: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
        if id != APPLICATION_ID && (id != 0 || tables > 0) {
            let detail = format!("its application_id is {id:#x} and it holds {tables} tables and indexes");
            return Err(StoreError::NotFirn { place: place.to_owned(), detail });
        }
        let mode: String = db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)).map_err(failed)?;
        if mode != "wal" {
            let detail = format!("SQLite cannot use a write-ahead log there (it offers {mode:?})");
            return Err(StoreError::Unopened { place: place.to_owned(), detail });
        }
        // A commit that has been answered survives a power cut.
        db.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        // 16 MiB of log between checkpoints: fewer fsyncs of the main file, a bounded replay.
        db.pragma_update(None, "wal_autocheckpoint", 4096).map_err(failed)?;
        db.pragma_update(None, "journal_size_limit", 64 << 20).map_err(failed)?;
    }
    // Negative: KiB.
    db.pragma_update(None, "cache_size", if writes { -16_384 } else { -4096 }).map_err(failed)?;
    Ok(db)
}

/// SQLite's error as the trouble an operator has.
pub(super) fn translate(place: &str, error: &rusqlite::Error) -> StoreError {
    let place = place.to_owned();
    let rusqlite::Error::SqliteFailure(failure, message) = error else {
        return StoreError::Engine { place, detail: error.to_string() };
    };
    let detail = message.clone().unwrap_or_else(|| failure.to_string());
    match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Locked { place, waited: BUSY },
        ErrorCode::DiskFull => StoreError::Full { place },
        ErrorCode::DatabaseCorrupt => StoreError::Corrupt { place, detail },
        ErrorCode::NotADatabase => StoreError::NotFirn { place, detail },
        ErrorCode::ReadOnly => StoreError::ReadOnly { place, detail },
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied => StoreError::Unopened { place, detail },
        ErrorCode::SystemIoFailure if is_full(&place) => StoreError::Full { place },
        _ => StoreError::Engine { place, detail: format!("{detail} (SQLite code {})", failure.extended_code) },
    }
}

/// SQLite reports a shared-memory file that cannot grow as an I/O error.
fn is_full(place: &str) -> bool {
    let path = Path::new(place);
    let room = Dir::open(path.parent().unwrap_or(Path::new("."))).and_then(|dir| dir.room());
    room.is_ok_and(|room| room.free < NO_ROOM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_survives_a_power_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("firn.db");
        let db = connect(&path, "firn.db", true).unwrap();
        let full: i64 = db.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((full, mode.as_str()), (2, "wal"));
        // A reader cannot write, whatever it is asked.
        let refused = connect(&path, "firn.db", false).unwrap().execute_batch("CREATE TABLE t (a)").unwrap_err();
        assert!(matches!(translate("firn.db", &refused), StoreError::ReadOnly { .. }), "{refused}");
    }

    #[test]
    fn a_folder_that_another_keeps_locked_is_refused_after_a_while() {
        let temp = tempfile::tempdir().unwrap();
        let holder = Dir::open(temp.path()).unwrap();
        holder.lock().unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        let folder = temp.path().display();
        assert_eq!(
            lock(&dir, Duration::from_millis(20)).unwrap_err(),
            format!(
                "another firn has been opening a file in the folder {folder} for over 0 s; find it (`fuser {folder}`), and end it if it hangs"
            )
        );
        drop(holder);
        assert_eq!(lock(&dir, Duration::from_secs(20)), Ok(()));
    }

    #[test]
    fn a_file_that_is_taken_away_is_noticed_and_one_that_comes_back_too() {
        let dir = tempfile::tempdir().unwrap();
        let (path, aside) = (dir.path().join("firn.db"), dir.path().join("aside"));
        std::fs::write(&path, b"").unwrap();
        let opened = Opened::now(&path, "firn.db").unwrap();
        let said = || opened.check("firn.db").map_err(|e| e.to_string());
        assert_eq!(said(), Ok(()));
        std::fs::rename(&path, &aside).unwrap();
        assert!(said().unwrap_err().contains("firn.db was removed while it was open"), "{:?}", said());
        std::fs::write(&path, b"").unwrap();
        assert!(said().unwrap_err().contains("was replaced by another file"), "{:?}", said());
        std::fs::rename(&aside, &path).unwrap();
        assert_eq!(said(), Ok(()));
    }

    #[test]
    fn a_network_file_system_is_refused_with_its_name() {
        assert!(local("firn.db", 0xef53).is_ok());
        assert_eq!(
            local("firn.db", 0x6969).unwrap_err().to_string(),
            "the state database firn.db is on a network file system (NFS), where SQLite's locks cannot be trusted; put it on a local disk"
        );
    }

    #[test]
    fn network_file_systems_are_known_by_their_number() {
        assert_eq!(network_file_system(0x6969), Some("NFS"));
        assert_eq!(network_file_system(0xffff_ffff_ff53_4d42), Some("CIFS"));
        assert_eq!(network_file_system(0xef53), None, "ext4");
        assert_eq!(network_file_system(0x0102_1994), None, "tmpfs");
    }
}
