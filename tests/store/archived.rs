//! A SQLite state with many archived files and little work, and the operations whose cost must not grow with them.
//! Shared by the test beside it and by the bench.

use std::path::Path;
use std::time::Duration;

use firn::base::clock::Clock;
use firn::base::file::FoundFile;
use firn::base::host::ProcessIdentity;
use firn::base::ids::{ArchiveUuid, FileId, Generation, Key, Lane, SessionId, SourceId, Version};
use firn::base::{FileTime, Time};
use firn::store::sqlite::SqliteStore;
use firn::store::{Asked, FetchFailure, FileState, Look, NewSession, QueueState, Standing, Store};
use rusqlite::Connection;
use uuid::Uuid;

/// Files in one archive, as the history lane fills them.
const IN_ARCHIVE: u64 = 100;

/// What is still to be done, in each state alike: files of each lane and state.
const TO_DO: u64 = 300;

/// Of one page or claim.
const PAGE: u32 = 100;

const HOST: &str = "alpha";

/// Each is run on states of different sizes.
pub const OPERATIONS: &[&str] = &[
    "claim live",
    "claim history",
    "found: known",
    "found: new",
    "found: new version",
    "known",
    "due",
    "unfinished",
    "lanes",
    "totals",
    "queue page",
    "failed page",
    "failed page before",
    "overview",
    "flow",
    "latest",
    "watched",
    "find",
    "find everywhere",
    "file detail",
    "archive detail",
    "restorable file",
    "restorable members",
    "failures page",
    "events page",
    "live archives",
    "upload claim",
    "settle claim",
    "archive by name",
    "members page",
    "restorable page",
    "restorable page, as of",
    "restorable page, prefix",
    "restorable key",
    "restorable key, as of",
    "standing, stored",
    "standing, as of",
    "standing, waiting",
    "standing, nearly known",
    "standing, folders and archives",
    "current files page",
    "current files, small source",
    "newest file",
    "alert view",
    "told",
    "vault identity",
    "source",
    "put off",
    "fetch failed again",
    "staged",
    "adopt",
    "reap",
];

/// A state filled past the store.
pub struct State {
    store: SqliteStore,
    session: SessionId,
    source: SourceId,
    small_source: SourceId,
    rows: u64,
    now: Time,
    given_back: std::sync::Mutex<Vec<(FileId, Generation)>>,
}

/// The key of an archived file, entered folder by folder as a scan does: ten in each.
fn key_of(row: u64) -> Vec<u8> {
    format!("{:07}/{row:08}.jpg", row / 10).into_bytes()
}

fn process() -> ProcessIdentity {
    ProcessIdentity {
        host: HOST.to_owned(),
        machine_id: String::new(),
        boot_id: String::new(),
        pid_namespace: String::new(),
        pid: 1,
        pid_start: 1,
    }
}

fn found(key: Vec<u8>, version: &[u8]) -> FoundFile {
    FoundFile {
        key: Key::new(key),
        version: Version::new(version),
        length: 100,
        mode: 0o644,
        mtime: FileTime { secs: 1, nanos: 0 },
        domain: None,
        class: None,
        source_checksum: None,
    }
}

impl State {
    /// Makes a state at `path` with `rows` archived files.
    pub async fn filled(path: &Path, rows: u64) -> Self {
        let now = Time::from_secs(1_000_000_000);
        let (clock, _) = Clock::manual(now);
        let store = SqliteStore::open(path, clock.clone(), true).unwrap();
        let source = store.source("large".to_owned(), "directory").await.unwrap().id;
        let small_source = store.source("small".to_owned(), "directory").await.unwrap().id;
        let lease = Duration::from_secs(1_000_000);
        let new = NewSession { process: process(), kinds: String::new(), lease };
        let session = store.session_start(new).await.unwrap().id;
        drop(store);
        archive(path, rows, source);
        // A new connection: its plans are made for what is there now.
        let store = SqliteStore::open(path, clock, true).unwrap();
        let state = Self { store, session, source, small_source, rows, now, given_back: std::sync::Mutex::default() };
        state.work(path).await;
        state
    }

    /// The same little work in every state.
    async fn work(&self, path: &Path) {
        for lane in Lane::ALL {
            let files = (0..TO_DO * 4).map(|n| found(format!("zz-{lane}/{n:06}").into_bytes(), b"1")).collect();
            self.store.found(self.session, self.source, lane, files).await.unwrap();
        }
        let few = (0..TO_DO).map(|n| found(format!("{n:06}").into_bytes(), b"1")).collect();
        self.store.found(self.session, self.small_source, Lane::History, few).await.unwrap();
        let mut failed = Vec::new();
        for lane in Lane::ALL {
            let claimed = self.store.claim(self.session, lane, u32::try_from(TO_DO).unwrap()).await.unwrap();
            failed.extend(claimed.into_iter().map(|claimed| FetchFailure {
                file: claimed.file,
                generation: claimed.generation,
                reason: "permission".to_owned(),
                detail: "it cannot be read".to_owned(),
                next_try: self.now.plus(Duration::from_mins(1)),
                counts: true,
            }));
        }
        self.store.fetch_failed(self.session, failed).await.unwrap();
        for lane in Lane::ALL {
            self.store.claim(self.session, lane, u32::try_from(TO_DO).unwrap()).await.unwrap();
        }
        // The newest two archives were live, and stored just now.
        let db = Connection::open(path).unwrap();
        db.busy_timeout(Duration::from_secs(10)).unwrap();
        let newest = i64::try_from(self.rows / IN_ARCHIVE).unwrap() - 1;
        let stored = rusqlite::params![newest, self.now.as_micros()];
        db.execute("UPDATE archive SET lane = 0, stored_at = ?2 WHERE id >= ?1", stored).unwrap();
        // Archives still on their way.
        for (state, owner) in [(1, None), (2, None), (5, None), (0, Some(self.session.0))] {
            db.execute(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
                 INSERT INTO archive (uuid, vault, lane, state, live, owner, generation, host, staging_dir, staging_name,
                                      opened_at, next_try)
                 SELECT randomblob(16), 'cold', 0, ?1, 1, ?2, 1, ?3, CAST('/staging' AS BLOB), ?1 || '-' || i || '.tar',
                        0, 0 FROM n",
                rusqlite::params![state, owner, HOST],
            )
            .unwrap();
        }
    }

    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.store.steps()
    }

    /// Runs an operation and sees that it found what there is.
    #[allow(clippy::too_many_lines)] // one arm for each operation
    pub async fn run(&self, operation: &str) {
        let store = &self.store;
        let middle = key_of(self.rows / 2);
        let page = usize::try_from(PAGE).unwrap();
        match operation {
            "claim live" | "claim history" => {
                let lane = if operation == "claim live" { Lane::Live } else { Lane::History };
                let claimed = store.claim(self.session, lane, PAGE).await.unwrap();
                assert_eq!(claimed.len(), page);
                self.given_back.lock().unwrap().extend(claimed.iter().map(|file| (file.file, file.generation)));
            }
            "found: known" => {
                let files = (0..100).map(|n| found(key_of(self.rows / 2 + n), b"1")).collect();
                assert_eq!(store.found(self.session, self.source, Lane::Live, files).await.unwrap().known, 100);
            }
            "found: new" => {
                let files = (0..100).map(|n| found(format!("{n:07}/new").into_bytes(), b"1")).collect();
                assert_eq!(store.found(self.session, self.source, Lane::Live, files).await.unwrap().queued, 100);
            }
            "found: new version" => {
                let files = (0..100).map(|n| found(key_of(self.rows / 2 + n), b"2")).collect();
                assert_eq!(store.found(self.session, self.source, Lane::Live, files).await.unwrap().queued, 100);
            }
            "known" => {
                let asked = (0..100).map(|n| (Key::new(key_of(self.rows / 2 + n)), Version::new(*b"1"))).collect();
                assert!(store.known(self.source, asked).await.unwrap().iter().all(Option::is_some));
            }
            "due" => assert!(store.due(HOST.to_owned()).await.unwrap().settle),
            "unfinished" => assert!(store.unfinished(1).await.unwrap().waiting),
            "lanes" => assert_eq!(store.lanes().await.unwrap()[0].failed, TO_DO),
            "totals" => assert_eq!(store.totals().await.unwrap().len(), 2),
            "queue page" => {
                let first = store.queue_page(Lane::Live, QueueState::Fetching, None, PAGE).await.unwrap();
                let last = first.last().map(|row| (row.next_try, row.file));
                let next = store.queue_page(Lane::Live, QueueState::Fetching, last, PAGE).await.unwrap();
                assert_eq!((first.len(), next.len()), (page, page));
            }
            "failed page" => assert_eq!(store.failed_page(None, PAGE).await.unwrap().len(), page),
            "failed page before" => assert_eq!(store.failed_page_before(None, PAGE).await.unwrap().len(), page),
            "overview" => {
                let hour = Duration::from_hours(1);
                let look =
                    Look { archives: PAGE, failed: PAGE, plans: PAGE, flow: hour, latest: 1000, latest_within: hour };
                let seen = store.overview(look).await.unwrap();
                assert_eq!((seen.archives.len(), seen.failed.len(), seen.latest.len()), (page, page, 200));
            }
            "flow" => assert_eq!(store.flow(Time::from_secs(0)).await.unwrap().len(), 2),
            // Of two archives, each with a hundred files, the first is long enough.
            "latest" => assert_eq!(store.latest(Time::from_secs(0), PAGE).await.unwrap().len(), page),
            "watched" => assert!(!store.watched(self.now).await.unwrap().is_empty()),
            "find" => {
                let rows = store.find_files(Some(self.source), b"0".to_vec(), None, PAGE).await.unwrap();
                assert!(rows.len() == page && rows.iter().all(|row| row.state == FileState::Stored));
            }
            "find everywhere" => {
                let after = Some((self.source, Key::new(middle)));
                assert_eq!(store.find_files(None, Vec::new(), after, PAGE).await.unwrap().len(), page);
            }
            "file detail" => {
                let file = FileId(i64::try_from(self.rows / 2).unwrap());
                assert_eq!(store.file_detail(file).await.unwrap().unwrap().copies.len(), 1);
            }
            "archive detail" => {
                let name = ArchiveUuid(Uuid::from_u128(u128::from(self.rows / IN_ARCHIVE / 2)));
                assert_eq!(store.archive_detail(name).await.unwrap().unwrap().row.files, Some(100));
            }
            "restorable file" => {
                let file = FileId(i64::try_from(self.rows / 2).unwrap());
                assert!(store.restorable_file(file).await.unwrap().unwrap().version.is_some());
            }
            "restorable members" => {
                let archive = firn::base::ids::ArchiveId(i64::try_from(self.rows / IN_ARCHIVE / 2).unwrap());
                assert_eq!(store.restorable_members(archive, None, Some(0), PAGE).await.unwrap().len(), page - 1);
            }
            "failures page" => assert_eq!(store.failures(Some(500), PAGE).await.unwrap().len(), page),
            "events page" => assert_eq!(store.events(Some(500), PAGE).await.unwrap().len(), page),
            "live archives" => assert_eq!(store.archives_live(PAGE).await.unwrap().len(), page),
            "upload claim" => {
                let upload = store.upload_claim(self.session, Lane::Live, HOST.to_owned()).await.unwrap().unwrap();
                store
                    .upload_failed(self.session, upload.bundle, "upload", String::new(), Time::from_secs(0))
                    .await
                    .unwrap();
            }
            "settle claim" => {
                for upload in store.settle_claim(self.session, 16).await.unwrap() {
                    let (bundle, due) = (upload.bundle, Time::from_secs(0));
                    store.upload_unknown(self.session, bundle, String::new(), due).await.unwrap();
                }
            }
            "archive by name" => {
                let name = ArchiveUuid(Uuid::from_u128(u128::from(self.rows / IN_ARCHIVE / 2)));
                assert!(store.archive(name).await.unwrap().is_some());
            }
            "members page" => {
                let archive = firn::base::ids::ArchiveId(i64::try_from(self.rows / IN_ARCHIVE / 2).unwrap());
                assert_eq!(store.members(archive, Some(0), PAGE).await.unwrap().len(), page - 1);
            }
            "restorable page" | "restorable page, as of" => {
                let at = (operation != "restorable page").then_some(Time::from_secs(1000));
                let after = Some(Key::new(middle));
                let rows = store.restorable(self.source, Vec::new(), after, at, PAGE).await.unwrap();
                assert!(rows.len() == page && rows.iter().all(|row| row.version.is_some()));
            }
            "restorable page, prefix" => {
                let prefix = format!("{:07}/", self.rows / 2 / 10).into_bytes();
                let rows = store.restorable(self.source, prefix, None, None, 10).await.unwrap();
                assert!(rows.len() == 10 && rows.iter().all(|row| row.version.is_some()));
            }
            "restorable key" | "restorable key, as of" => {
                let at = (operation != "restorable key").then_some(self.now);
                let row = store.restorable_key(self.source, Key::new(middle), at).await.unwrap();
                assert!(row.unwrap().version.is_some());
            }
            "standing, stored" | "standing, as of" => {
                let at = (operation != "standing, stored").then_some(self.now);
                let asked =
                    (0..100).map(|n| Asked::Key(self.source, Key::new(key_of(self.rows / 2 + n)), at)).collect();
                let found = store.standing(asked, 0).await.unwrap();
                assert!(found.iter().all(|one| matches!(one, Standing::Ready(_))));
            }
            "standing, waiting" => {
                let key = |n| Key::new(format!("zz-live/{n:06}").into_bytes());
                let asked = (0..100).map(|n| Asked::Key(self.source, key(n + 300), None)).collect();
                let found = store.standing(asked, 0).await.unwrap();
                assert!(found.iter().all(|one| matches!(one, Standing::Waits { .. })));
            }
            "standing, nearly known" => {
                let wrong = |n| [key_of(self.rows / 2 + n).as_slice(), b"x"].concat();
                let asked = (0..10).map(|n| Asked::Key(self.source, Key::new(wrong(n)), None)).collect();
                let found = store.standing(asked, 10).await.unwrap();
                assert!(found.iter().all(|one| matches!(one, Standing::Unknown { near: Some(_) })));
            }
            "standing, folders and archives" => {
                let folder = format!("{:07}/", self.rows / 2 / 10).into_bytes();
                let archive = ArchiveUuid(Uuid::from_u128(u128::from(self.rows / IN_ARCHIVE / 2)));
                let asked = vec![
                    Asked::Prefix(self.source, folder.clone()),
                    Asked::Prefix(self.source, Vec::new()),
                    Asked::Key(self.source, Key::new(&folder[..7]), None),
                    Asked::Archive(archive),
                    Asked::Anything,
                ];
                assert_eq!(store.standing(asked, 0).await.unwrap(), vec![Standing::Many; 5]);
            }
            "current files page" => {
                let after = FileId(i64::try_from(self.rows / 2).unwrap());
                let rows = store.current_files(self.source, after, FileId(i64::MAX), PAGE).await.unwrap();
                assert_eq!(rows.len(), page);
            }
            "current files, small source" => {
                let rows = store.current_files(self.small_source, FileId(0), FileId(i64::MAX), PAGE).await.unwrap();
                assert_eq!(rows.len(), page);
            }
            "alert view" => assert!(store.alert_view("mail".to_owned()).await.unwrap().notices.is_empty()),
            "told" => assert!(store.told().await.unwrap().is_empty()),
            "newest file" => assert!(store.newest_file().await.unwrap() > FileId(i64::try_from(self.rows).unwrap())),
            "vault identity" => assert!(!store.vault_identity("cold".to_owned()).await.unwrap().state_is_new),
            "source" => {
                let row = store.source("large".to_owned(), "directory").await.unwrap();
                assert!(row.has_files && row.id == self.source);
            }
            // What was claimed for it is taken from the rows that are due and put there again.
            "put off" => {
                let claimed = store.claim(self.session, Lane::Live, PAGE).await.unwrap();
                assert_eq!(claimed.len(), page);
                let files = claimed.iter().map(|file| (file.file, file.generation)).collect();
                store.put_off(self.session, files, self.now).await.unwrap();
            }
            // One that has failed more often than is remembered.
            "fetch failed again" => {
                let mut claimed = store.claim(self.session, Lane::History, 1).await.unwrap();
                for _ in 0..12 {
                    let file = claimed.remove(0);
                    let again = FetchFailure {
                        file: file.file,
                        generation: file.generation,
                        reason: "permission".to_owned(),
                        detail: "it cannot be read".to_owned(),
                        next_try: Time::from_secs(0),
                        counts: true,
                    };
                    store.fetch_failed(self.session, vec![again]).await.unwrap();
                    claimed = store.claim(self.session, Lane::History, 1).await.unwrap();
                    assert_eq!(claimed[0].file, file.file);
                }
                self.given_back.lock().unwrap().extend(claimed.iter().map(|file| (file.file, file.generation)));
            }
            "staged" => assert_eq!(store.staged(HOST.to_owned(), "/staging".into()).await.unwrap().len(), 800),
            "adopt" => {
                let (names, never) = (vec!["none.tar".to_owned()], Duration::MAX);
                let adopted =
                    store.adopt_staged(self.session, "another".to_owned(), "/staging".into(), names, never).await;
                assert_eq!(adopted.unwrap(), firn::store::Adopted::default());
            }
            "reap" => {
                let new = NewSession { process: process(), kinds: String::new(), lease: Duration::ZERO };
                let dead = store.session_start(new).await.unwrap().id;
                assert!(store.reap(dead, self.session, true, false).await.unwrap().done);
            }
            other => panic!("{other} is no operation"),
        }
    }

    /// Puts things back to where they were, uncounted: the next round is to find the same.
    pub async fn undo(&self, operation: &str) {
        if operation.starts_with("claim") || operation == "fetch failed again" {
            let claimed = std::mem::take(&mut *self.given_back.lock().unwrap());
            self.store.give_back(self.session, claimed).await.unwrap();
        }
        if operation == "found: new" || operation == "found: new version" {
            let place = self.store.place().to_owned();
            let db = Connection::open(place).unwrap();
            db.busy_timeout(Duration::from_secs(10)).unwrap();
            let mut newest = self.store.newest_file().await.unwrap().0;
            for _ in 0..100 {
                db.execute("DELETE FROM queue WHERE file = ?", [newest]).unwrap();
                db.execute("DELETE FROM file WHERE id = ?", [newest]).unwrap();
                newest -= 1;
            }
            let first = i64::try_from(self.rows / 2).unwrap();
            db.execute("UPDATE file SET superseded_at = NULL WHERE id BETWEEN ?1 AND ?1 + 200", [first]).unwrap();
        }
    }
}

/// Enters archived files as the store would have, without its transactions, and the indexes after the rows.
fn archive(path: &Path, rows: u64, source: SourceId) {
    let db = Connection::open(path).unwrap();
    db.busy_timeout(Duration::from_secs(10)).unwrap();
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000").unwrap();
    let indexes: Vec<(String, String)> = db
        .prepare(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name IN ('file', 'member') AND sql > ''",
        )
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for (name, _) in &indexes {
        db.execute_batch(&format!("DROP INDEX {name}")).unwrap();
    }
    for first in (1..=rows).step_by(100_000) {
        db.execute_batch("BEGIN").unwrap();
        let mut file = db
            .prepare(
                "INSERT INTO file (id, source, version, key, length, mode, mtime_s, mtime_ns, sha256, first_seen)
                 VALUES (?1, ?2, x'31', ?3, 100, 420, 1, 0, zeroblob(32), ?1)",
            )
            .unwrap();
        let mut member = db
            .prepare("INSERT INTO member (archive, header_offset, file, data_offset, length) VALUES (?1, ?2, ?3, ?2 + 1024, 100)")
            .unwrap();
        for row in first..=rows.min(first + 99_999) {
            file.execute(rusqlite::params![row, source.0, key_of(row)]).unwrap();
            let place = row - 1;
            member.execute([place / IN_ARCHIVE + 1, place % IN_ARCHIVE * 2048, row]).unwrap();
        }
        db.execute_batch("COMMIT").unwrap();
    }
    let mut archive = db
        .prepare(
            "INSERT INTO archive (id, uuid, vault, remote_id, lane, state, generation, host, size, files, opened_at, stored_at)
             VALUES (?1, ?2, 'cold', ?2, 1, 3, 3, ?3, 1000000, 100, 0, 0)",
        )
        .unwrap();
    db.execute_batch("BEGIN").unwrap();
    for number in 1..=rows.div_ceil(IN_ARCHIVE) {
        let uuid = Uuid::from_u128(u128::from(number));
        archive.execute(rusqlite::params![number, uuid.as_bytes().as_slice(), HOST]).unwrap();
    }
    for _ in 0..1000 {
        db.execute("INSERT INTO event (at, who, what, object, detail, outcome) VALUES (0, '', '', '', '', '')", [])
            .unwrap();
        db.execute("INSERT INTO failure (at, stage, reason, detail) VALUES (0, '', '', '')", []).unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
    for (_, sql) in &indexes {
        db.execute_batch(sql).unwrap();
    }
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}
