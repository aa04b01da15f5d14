//! A store with a clock that is moved by hand, on any engine, and the few steps that most tests start with.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use firn::base::clock::{Clock, Hand};
use firn::base::file::FoundFile;
use firn::base::hash::{Check, Hash16, Hash32};
use firn::base::host::ProcessIdentity;
use firn::base::ids::{ArchiveUuid, FileId, Generation, Key, Lane, SessionId, SourceId, Version};
use firn::base::{FileTime, Time};
use firn::store::sqlite::SqliteStore;
use firn::store::{
    BundleRef, Claimed, ClosedBy, Confirmation, FetchFailure, NewBundle, NewMember, NewSession, QueueState,
    RestorableKey, Result, SealedBundle, StagedFile, Store, StoreError, Upload,
};
use uuid::Uuid;

/// Where every world's clock starts.
pub const START: Time = Time::from_secs(1_000_000);

/// So many seconds after the start.
pub fn at(seconds: i64) -> Time {
    Time::from_micros(START.as_micros() + seconds * 1_000_000)
}

/// How long a lease holds here.
pub const LEASE: Duration = Duration::from_mins(1);

/// The vault of every test.
pub const VAULT: &str = "cold";

/// A database engine in a test's hands.
pub trait Engine: Send + Sync {
    /// Another handle on the same state, as another process has one.
    fn open(&self) -> Arc<dyn Store>;
    /// Lets time pass.
    fn advance(&self, span: Duration);
    /// Sets the wall clock alone; the monotonic clock goes on.
    fn set_wall(&self, wall: Time);
}

/// SQLite in a folder of its own.
pub struct Sqlite {
    dir: tempfile::TempDir,
    clock: Clock,
    hand: Hand,
}

impl Sqlite {
    /// A state that nobody has used.
    pub fn fresh() -> Self {
        let (clock, hand) = Clock::manual(START);
        // Memory, where there is such a folder: what survives a power cut is not the question here.
        let dir = match tempfile::tempdir_in("/dev/shm") {
            Ok(dir) => dir,
            Err(_) => tempfile::tempdir().unwrap(),
        };
        Self { dir, clock, hand }
    }

    /// The database.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("firn.db")
    }

    /// What moves its clock.
    pub fn hand(&self) -> Hand {
        self.hand.clone()
    }
}

impl Engine for Sqlite {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.path(), self.clock.clone(), true).unwrap())
    }

    fn advance(&self, span: Duration) {
        self.hand.advance(span);
    }

    fn set_wall(&self, wall: Time) {
        self.hand.set_wall(wall);
    }
}

/// Makes a test of each function for each engine.
macro_rules! on_every_engine {
    ($($test:ident)*) => {
        mod on_sqlite {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test($crate::world::World::new(Box::new($crate::world::Sqlite::fresh()))).await;
                }
            )*
        }
    };
}

/// A fresh state, opened once.
pub struct World {
    engine: Box<dyn Engine>,
    /// The handle that tests use.
    pub store: Arc<dyn Store>,
}

impl World {
    pub fn new(engine: Box<dyn Engine>) -> Self {
        let store = engine.open();
        Self { engine, store }
    }

    /// Closes the state and opens it again.
    pub fn reopen(&mut self) {
        self.store = self.engine.open();
    }

    /// A second handle.
    pub fn another(&self) -> Arc<dyn Store> {
        self.engine.open()
    }

    pub fn advance(&self, seconds: u64) {
        self.engine.advance(Duration::from_secs(seconds));
    }

    pub fn set_wall(&self, wall: Time) {
        self.engine.set_wall(wall);
    }

    pub async fn now(&self) -> Time {
        self.store.now().await.unwrap()
    }

    /// That many seconds from now.
    pub async fn in_secs(&self, seconds: u64) -> Time {
        self.now().await.plus(Duration::from_secs(seconds))
    }

    pub async fn session(&self) -> SessionId {
        self.session_on("alpha").await
    }

    pub async fn session_on(&self, host: &str) -> SessionId {
        self.store.session_start(new_session(host)).await.unwrap().id
    }

    pub async fn source(&self) -> SourceId {
        self.store.source("ugc".to_owned(), "directory").await.unwrap().id
    }

    /// Files of one key and version each, found in a lane; how many are queued because of it.
    pub async fn find(&self, session: SessionId, lane: Lane, files: &[(&str, u8)]) -> u64 {
        let files = files.iter().map(|(key, version)| file(key, *version)).collect();
        self.store.found(session, self.source().await, lane, files).await.unwrap().queued
    }

    pub async fn claim(&self, session: SessionId, lane: Lane) -> Vec<Claimed> {
        self.store.claim(session, lane, 100).await.unwrap()
    }

    /// Finds one file live and claims it.
    pub async fn claimed(&self, session: SessionId, key: &str, version: u8) -> Claimed {
        self.find(session, Lane::Live, &[(key, version)]).await;
        let mut claimed = self.claim(session, Lane::Live).await;
        assert_eq!(claimed.len(), 1, "only {key} was to be claimed: {claimed:?}");
        claimed.remove(0)
    }

    pub async fn open(&self, session: SessionId, number: u8) -> BundleRef {
        self.open_on(session, number, "alpha").await
    }

    pub async fn open_on(&self, session: SessionId, number: u8, host: &str) -> BundleRef {
        self.store.bundle_open(session, new_bundle(number, host)).await.unwrap()
    }

    /// A sealed bundle of what is claimed.
    pub async fn seal(&self, session: SessionId, number: u8, claimed: &[Claimed]) -> BundleRef {
        let bundle = self.open(session, number).await;
        self.store.bundle_seal(session, bundle, contents(claimed)).await.unwrap();
        bundle
    }

    pub async fn upload(&self, session: SessionId) -> Upload {
        let claimed = self.store.upload_claim(session, Lane::Live, host_key("alpha")).await.unwrap();
        claimed.expect("a sealed bundle is due")
    }

    /// Brings claimed files into the vault, in a bundle of their own.
    pub async fn deliver(&self, session: SessionId, number: u8, claimed: &[Claimed]) -> BundleRef {
        let sealed = self.seal(session, number, claimed).await;
        let upload = self.upload(session).await;
        assert_eq!(upload.bundle.archive, sealed.archive);
        self.store.upload_stored(session, upload.bundle, confirmed(number)).await.unwrap();
        upload.bundle
    }

    /// Finds, claims and delivers one version of a key; its file.
    pub async fn stored(&self, session: SessionId, key: &str, version: u8, number: u8) -> FileId {
        let claimed = self.claimed(session, key, version).await;
        self.deliver(session, number, std::slice::from_ref(&claimed)).await;
        claimed.file
    }

    /// Keys in the queue in that state, in the order they are due.
    pub async fn queued(&self, lane: Lane, state: QueueState) -> Vec<String> {
        let rows = self.store.queue_page(lane, state, None, 1000).await.unwrap();
        rows.into_iter().map(|row| row.key.to_string()).collect()
    }

    /// How many rows the queue has.
    pub async fn in_queue(&self) -> usize {
        let mut rows = 0;
        for lane in Lane::ALL {
            for state in QueueState::ALL {
                rows += self.queued(lane, *state).await.len();
            }
        }
        rows
    }

    pub async fn restorable(&self, key: &str, at: Option<Time>) -> Option<RestorableKey> {
        self.store.restorable_key(self.source().await, self::key(key), at).await.unwrap()
    }

    /// The version that would be restored, told by its length.
    pub async fn version_of(&self, key: &str, at: Option<Time>) -> Option<u8> {
        let found = self.restorable(key, at).await?.version?;
        Some(u8::try_from(found.length - 1000).unwrap())
    }
}

pub fn process(host: &str) -> ProcessIdentity {
    ProcessIdentity {
        host: host.to_owned(),
        machine_id: format!("{host}-machine-0123456789"),
        boot_id: "boot".to_owned(),
        pid_namespace: "pid".to_owned(),
        pid: 7,
        pid_start: 9,
    }
}

pub fn host_key(host: &str) -> String {
    process(host).host_key()
}

pub fn new_session(host: &str) -> NewSession {
    NewSession { process: process(host), kinds: "backup".to_owned(), lease: LEASE }
}

pub fn key(name: &str) -> Key {
    Key::new(name.as_bytes())
}

/// Its length tells its version.
pub fn file(name: &str, version: u8) -> FoundFile {
    FoundFile {
        key: key(name),
        version: Version::new([version]),
        length: 1000 + u64::from(version),
        mode: 0o640,
        mtime: FileTime { secs: i64::from(version), nanos: 5 },
        domain: None,
        class: None,
        source_checksum: None,
    }
}

pub fn uuid(number: u8) -> ArchiveUuid {
    ArchiveUuid(Uuid::from_u128(u128::from(number)))
}

pub fn new_bundle(number: u8, host: &str) -> NewBundle {
    NewBundle {
        uuid: uuid(number),
        vault: VAULT.to_owned(),
        lane: Lane::Live,
        host: host_key(host),
        staged: Some(StagedFile { dir: PathBuf::from("/staging"), name: format!("{number}.tar") }),
        direct: None,
    }
}

pub fn new_direct(number: u8, file: FileId) -> NewBundle {
    NewBundle { staged: None, direct: Some(file), ..new_bundle(number, "alpha") }
}

/// A bundle of what was claimed, each file after the one before.
pub fn contents(claimed: &[Claimed]) -> SealedBundle {
    let mut offset = 0;
    let members = claimed.iter().map(|file| {
        let header_offset = offset;
        offset += 2048 + file.found.length.next_multiple_of(512);
        NewMember {
            file: file.file,
            generation: file.generation,
            header_offset,
            data_offset: header_offset + 2048,
            length: file.found.length,
            sha256: sha256(&file.found),
            md5: Some(Hash16([1; 16])),
        }
    });
    let members: Vec<_> = members.collect();
    SealedBundle {
        closed_by: ClosedBy::Age,
        size: offset + 4096,
        manifest_offset: offset,
        tree_hash: Hash32([2; 32]),
        sha256: None,
        check: Check::Xxh3(Hash16([3; 16])),
        members,
    }
}

/// Tells versions apart.
pub fn sha256(found: &FoundFile) -> Hash32 {
    Hash32([found.version.as_bytes()[0]; 32])
}

pub fn confirmed(number: u8) -> Confirmation {
    Confirmation { remote_id: format!("remote/{number}").into_bytes(), check: Check::Xxh3(Hash16([3; 16])), size: 1 }
}

pub fn failure(claimed: &Claimed, next_try: Time) -> FetchFailure {
    FetchFailure {
        file: claimed.file,
        generation: claimed.generation,
        reason: "permission".to_owned(),
        detail: format!("{} cannot be read", claimed.found.key),
        next_try,
        counts: true,
    }
}

pub fn refs(claimed: &[Claimed]) -> Vec<(FileId, Generation)> {
    claimed.iter().map(|file| (file.file, file.generation)).collect()
}

/// The refusal of a session whose work belongs to somebody else by now, with its reason.
pub fn refused<T: Debug>(result: Result<T>, what: &str, session: SessionId) {
    let error = result.expect_err("this was to be refused");
    assert!(matches!(error, StoreError::Stale { .. }), "{error:?}");
    let reason =
        format!("{what} no longer belongs to session {session}: its lease was lost and the work was given back");
    assert_eq!(error.to_string(), reason);
}
