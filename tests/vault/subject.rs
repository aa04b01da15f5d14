//! What the suite is run on: something that makes a vault. A new vault joins by implementing [`Subject`] and one line of
//! `contract!`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use firn::base::Time;
use firn::base::disk::Dir;
use firn::base::hash::{Check, CheckKind, Hash16, Hash32};
use firn::base::ids::{ArchiveUuid, VaultUuid};
use firn::vault::directory::DirectoryVault;
use firn::vault::{ArchiveName, Progress, Put, Vault};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use uuid::Uuid;

use super::support::dice::noise;

/// A vault that is empty at first, and what a test may do to it from outside.
pub trait Subject: Send + Sync {
    /// The vault, opened anew as by another process.
    fn vault(&self) -> Arc<dyn Vault>;

    /// Where archives to be put are staged.
    fn staging(&self) -> PathBuf;

    /// Lets time pass for a vault whose jobs take some, or whose inventory is not of this moment.
    fn pass_time(&self, _span: Duration) {}

    /// Changes a bit of a stored archive beneath the vault. Whether that can be done here.
    fn damage(&self, archive: ArchiveUuid) -> bool;

    /// Puts things into the vault that are not firn's: their names as the inventory gives them. Nothing where nobody can.
    fn add_foreign(&self) -> Vec<Vec<u8>>;

    /// Whether they are still what they were.
    fn foreign_is_untouched(&self) -> bool;

    /// Has the next job that is asked for come to nothing at its end. Whether that can be done here.
    fn fail_next_job(&self) -> bool {
        false
    }

    /// Puts messages into the vault's queue that are not about jobs of this vault's firn: their bodies, no two alike. Nothing
    /// where there is no queue.
    fn add_foreign_messages(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The directory vault in a folder of its own.
pub struct Directory {
    temp: TempDir,
    uuid: VaultUuid,
}

const FOREIGN: [&str; 6] = [
    "notes.txt",
    "incoming/x.tar",
    "archives/ff/0193a1b2-0000-7000-8000-0000000000aa.m1.tar",
    "archives/readme",
    "archives/00/thumbs\x1b[31m.db",
    "archives/7f",
];

impl Directory {
    pub fn new() -> Self {
        let temp = tempfile::Builder::new().prefix("firn-vault").tempdir().unwrap();
        let uuid = VaultUuid::new().unwrap();
        fs::create_dir(temp.path().join("staging")).unwrap();
        let subject = Self { temp, uuid };
        let made = subject.open().make_blocking(uuid);
        made.unwrap();
        subject
    }

    pub fn open(&self) -> DirectoryVault {
        let vault = DirectoryVault::new("cold", self.path(""));
        vault.only_as(self.uuid);
        vault
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.temp.path().join("vault").join(below)
    }

    /// Beside the vault.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub fn stored(&self, name: ArchiveName) -> PathBuf {
        self.path(&format!("archives/{}/{}.m{}.tar", name.uuid.shard(), name.uuid, name.manifest_offset))
    }
}

/// Making a vault before there is a runtime.
trait MakeBlocking {
    fn make_blocking(&self, uuid: VaultUuid) -> firn::vault::Result<()>;
}

impl MakeBlocking for DirectoryVault {
    fn make_blocking(&self, uuid: VaultUuid) -> firn::vault::Result<()> {
        let vault = self.clone();
        let made = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(vault.make(uuid, Time::from_secs(1_700_000_000)))
        });
        made.join().unwrap().map(|_| ())
    }
}

impl Subject for Directory {
    fn vault(&self) -> Arc<dyn Vault> {
        Arc::new(self.open())
    }

    fn staging(&self) -> PathBuf {
        self.outside("staging")
    }

    fn damage(&self, archive: ArchiveUuid) -> bool {
        let shard = self.path(&format!("archives/{}", archive.shard()));
        let of_it = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(&archive.to_string());
        let path = fs::read_dir(shard).unwrap().map(|entry| entry.unwrap().path()).find(of_it).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        fs::write(path, bytes).unwrap();
        true
    }

    fn add_foreign(&self) -> Vec<Vec<u8>> {
        for name in FOREIGN {
            fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
            fs::write(self.path(name), name).unwrap();
        }
        fs::create_dir(self.path("photos")).unwrap();
        fs::write(self.path("photos/p"), "p").unwrap();
        FOREIGN.iter().map(|name| name.as_bytes().to_vec()).chain([b"photos".to_vec()]).collect()
    }

    fn foreign_is_untouched(&self) -> bool {
        FOREIGN.iter().all(|name| fs::read(self.path(name)).is_ok_and(|bytes| bytes == name.as_bytes()))
            && fs::read(self.path("photos/p")).is_ok_and(|bytes| bytes == b"p")
    }
}

/// An archive's name that is not used twice.
pub fn new_name(manifest_offset: u64) -> ArchiveName {
    ArchiveName { uuid: ArchiveUuid::new(Time::from_secs(1_700_000_000)).unwrap(), manifest_offset }
}

/// A name whose archive lies in a shard of the test's choice.
pub fn name_in(shard: u8) -> ArchiveName {
    let mut bytes = *new_name(0).uuid.0.as_bytes();
    bytes[15] = shard;
    ArchiveName { uuid: ArchiveUuid(Uuid::from_bytes(bytes)), manifest_offset: 7 }
}

/// Bytes without a pattern, so that none stand for others.
pub fn body(size: usize, seed: u64) -> Vec<u8> {
    noise(seed, size)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// By the recipe: the hashes of all MiB, then of pairs until one is left.
fn tree_hash(bytes: &[u8]) -> [u8; 32] {
    let mut level: Vec<[u8; 32]> = bytes.chunks(1 << 20).map(sha256).collect();
    if level.is_empty() {
        return sha256(b"");
    }
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| if pair.len() == 2 { sha256(&pair.concat()) } else { pair[0] }).collect();
    }
    level[0]
}

/// The hash of some bytes, computed apart from firn's own code.
pub fn check_of(kind: CheckKind, bytes: &[u8]) -> Check {
    match kind {
        CheckKind::TreeHash => Check::TreeHash(Hash32(tree_hash(bytes))),
        CheckKind::Sha256 => Check::Sha256(Hash32(sha256(bytes))),
        CheckKind::Xxh3 => Check::Xxh3(Hash16(xxhash_rust::xxh3::xxh3_128(bytes).to_be_bytes())),
    }
}

/// Stages an archive with the right promises.
pub fn stage(staging: &Path, kind: CheckKind, name: ArchiveName, bytes: &[u8]) -> Put {
    let file = OsString::from(format!("{}.tar", name.uuid));
    fs::write(staging.join(&file), bytes).unwrap();
    let staging = Dir::open(staging).unwrap();
    Put { name, size: bytes.len() as u64, expect: check_of(kind, bytes), staging, file, progress: Progress::default() }
}
