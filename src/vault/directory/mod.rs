//! The directory vault: archives as files below one folder. The embedded default.
//!
//! ```text
//! firn-vault.json                                   the identity; without it, or with another, nothing is written
//! incoming/<uuid>.tar                               on its way: moved or copied here, then read back
//! archives/<hh>/<uuid>.m<manifest offset>.tar       stored; <hh> are the last two digits of the UUID
//! ```
//!
//! An archive is fsynced, read back and hashed in `incoming`, and only then renamed to its final name, which must be
//! free; the folder is fsynced before the vault confirms. The hash (XXH3, 128 bits) is of the bytes as the file system
//! gives them back, not of the bytes that were sent: it tells a faulty disk, bus or memory. What the bytes mean is held
//! by the SHA-256 of each file and the tree hash of each archive, in manifest and state. (They may still come from the
//! page cache; audits read them from the disk later.)

mod identity;
mod incoming;
mod layout;
mod stored;

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;

pub use self::identity::{IDENTITY_FILE, Identity};
use super::{
    ArchiveName, Capabilities, Confirmed, Head, Item, JobRequest, JobSeen, JobState, OpenUpload, Page, PartBody,
    PartRules, Put, Result, Tier, Vault, VaultError,
};
use crate::base::disk::{Dir, DiskError, Room, Trouble};
use crate::base::hash::{Check, CheckKind};
use crate::base::ids::{ArchiveUuid, VaultUuid};
use crate::base::task;
use crate::base::{Shown, Time};

/// How much is read, hashed or copied at a time: stays in a processor's own cache.
const PIECE: usize = 256 << 10;

/// A vault in a folder of this machine.
#[derive(Debug, Clone)]
pub struct DirectoryVault(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    path: PathBuf,
    expected: OnceLock<VaultUuid>,
}

/// The folders of a vault whose identity has just been found right. Everything is done relative to them, so a mount
/// that comes or goes meanwhile cannot divert a write.
struct Root {
    dir: Dir,
    archives: Dir,
    incoming: Dir,
}

impl DirectoryVault {
    /// The vault `name` in the folder `path`. Nothing is read or written yet; until [`Self::only_as`] has been called
    /// the vault is not ready.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { name: name.into(), path: path.into(), expected: OnceLock::new() }))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The identity that must stand in the folder from now on. The first call counts.
    pub fn only_as(&self, uuid: VaultUuid) {
        let _ = self.0.expected.set(uuid);
    }

    /// The identity that stands in the folder; nothing if there is none.
    pub async fn identity(&self) -> Result<Option<Identity>> {
        self.blocking(|inner| match Dir::open(&inner.path) {
            Ok(dir) => inner.read_identity(&dir),
            Err(e) if e.trouble() == Trouble::Missing => Ok(None),
            Err(e) => Err(inner.disk(e)),
        })
        .await
    }

    /// Whether the folder is absent, or holds nothing (but a file system's own `lost+found`).
    pub async fn is_vacant(&self) -> Result<bool> {
        self.blocking(|inner| match Dir::open(&inner.path) {
            Ok(dir) => {
                let mut vacant = true;
                dir.each_name(|name, _| {
                    vacant = name == "lost+found";
                    vacant
                })
                .map_err(|e| inner.disk(e))?;
                Ok(vacant)
            }
            Err(e) if e.trouble() == Trouble::Missing => Ok(true),
            Err(e) => Err(inner.disk(e)),
        })
        .await
    }

    /// Makes the folder a vault with this identity; a folder with another is refused. False: it had this one already,
    /// from another process that was faster.
    pub async fn make(&self, uuid: VaultUuid, now: Time) -> Result<bool> {
        self.blocking(move |inner| {
            let dir = Dir::open_or_make(&inner.path).map_err(|e| inner.disk(e))?;
            // One at a time; the lock goes with the folder's last descriptor.
            dir.lock().map_err(|e| inner.disk(e))?;
            match inner.read_identity(&dir)? {
                Some(found) if found.uuid == uuid => Ok(false),
                Some(found) => Err(inner.other(found.uuid, uuid)),
                None => identity::make(&dir, uuid, now).map(|()| true).map_err(|e| inner.disk(e)),
            }
        })
        .await
    }

    async fn blocking<T: Send + 'static>(&self, op: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        let inner = Arc::clone(&self.0);
        let name = inner.name.clone();
        let done = task::blocking(move || op(&inner)).await;
        done.unwrap_or_else(|e| Err(VaultError::Internal { vault: name, detail: e.to_string() }))
    }
}

fn os(text: impl Into<OsString>) -> OsString {
    text.into()
}

impl Inner {
    fn disk(&self, source: DiskError) -> VaultError {
        VaultError::Disk { vault: self.name.clone(), source }
    }

    fn place(&self) -> String {
        Shown::path(&self.path).to_string()
    }

    fn no_such(&self, what: impl Into<String>) -> VaultError {
        VaultError::NoSuch { vault: self.name.clone(), what: what.into() }
    }

    /// The vault's folders, if its identity is the expected one at this moment.
    fn root(&self) -> Result<Root> {
        let expected = *self.expected.get().ok_or_else(|| VaultError::Internal {
            vault: self.name.clone(),
            detail: "it was used before its identity was known".to_owned(),
        })?;
        let missing =
            || VaultError::NoIdentity { vault: self.name.clone(), place: self.place(), file: IDENTITY_FILE, expected };
        let dir = Dir::open(&self.path)
            .map_err(|e| if e.trouble() == Trouble::Missing { missing() } else { self.disk(e) })?;
        match self.read_identity(&dir)? {
            None => Err(missing()),
            Some(found) if found.uuid != expected => Err(self.other(found.uuid, expected)),
            Some(_) => {
                let sub = |name: &str| dir.sub_or_make(OsStr::new(name)).map_err(|e| self.disk(e));
                Ok(Root { archives: sub(layout::ARCHIVES)?, incoming: sub(layout::INCOMING)?, dir: dir.clone() })
            }
        }
    }
}

#[async_trait]
impl Vault for DirectoryVault {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn place(&self) -> String {
        self.0.place()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: "directory",
            check: CheckKind::Xxh3,
            refuses_wrong_hash: true,
            thaw: false,
            range_jobs: true,
            tiers: &[],
            upgrade: false,
            extend: false,
            lists_jobs: false,
            idempotent_put: true,
            minimum_age: Duration::ZERO,
            parts: PartRules { smallest: 1 << 20, largest: 1 << 40, most: u64::from(u32::MAX) },
            archive_size: (1, u64::MAX >> 1),
            request_lives: Duration::ZERO,
            inventory_lag: Duration::ZERO,
        }
    }

    async fn ready(&self) -> Result<()> {
        self.blocking(|inner| inner.root().map(|_| ())).await
    }

    async fn room(&self) -> Result<Option<Room>> {
        self.blocking(|inner| Ok(Some(inner.root()?.dir.room().map_err(|e| inner.disk(e))?))).await
    }

    async fn put(&self, put: Put) -> Result<Confirmed> {
        self.blocking(move |inner| inner.put(&put)).await
    }

    async fn begin(&self, name: ArchiveName, _part_size: u64) -> Result<Vec<u8>> {
        self.blocking(move |inner| inner.begin(name)).await
    }

    async fn put_part(&self, upload_id: &[u8], number: u32, part_size: u64, body: PartBody) -> Result<Vec<u8>> {
        let upload_id = upload_id.to_vec();
        self.blocking(move |inner| inner.put_part(&upload_id, number, part_size, &body)).await
    }

    async fn complete(&self, upload_id: &[u8], name: ArchiveName, size: u64, expect: Check) -> Result<Confirmed> {
        let upload_id = upload_id.to_vec();
        self.blocking(move |inner| inner.complete(&upload_id, name, size, expect)).await
    }

    async fn uploads(&self, _after: Option<String>) -> Result<Page<OpenUpload>> {
        self.blocking(Inner::uploads).await
    }

    async fn abort(&self, upload_id: &[u8]) -> Result<()> {
        let upload_id = upload_id.to_vec();
        self.blocking(move |inner| inner.abort(&upload_id)).await
    }

    async fn head(&self, uuid: ArchiveUuid) -> Result<Head> {
        self.blocking(move |inner| inner.head(uuid)).await
    }

    async fn request(&self, job: JobRequest) -> Result<Vec<u8>> {
        self.blocking(move |inner| {
            if let Some(tier) = job.tier {
                let detail = format!("a directory has no retrieval tiers ({tier:?} was asked for)");
                return Err(VaultError::NotPossible { vault: inner.name.clone(), detail });
            }
            let root = inner.root()?;
            inner.open_stored(&root, &job.remote_id)?;
            // There is nothing to wait for: the archive itself is the job's output.
            Ok(job.remote_id)
        })
        .await
    }

    /// None: a job is the archive itself, granted at once, and asking again is the same job.
    async fn jobs(&self, _after: Option<String>) -> Result<Page<JobSeen>> {
        Ok(Page { items: Vec::new(), next: None })
    }

    async fn upgrade(&self, _job_id: &[u8], _tier: Tier) -> Result<()> {
        let detail = "a directory grants retrievals at once; there is nothing to make faster".to_owned();
        Err(VaultError::NotPossible { vault: self.0.name.clone(), detail })
    }

    async fn extend(&self, job_id: &[u8], _until: Time) -> Result<()> {
        // What can be read stays readable.
        self.status(job_id).await.map(|_| ())
    }

    async fn status(&self, job_id: &[u8]) -> Result<JobState> {
        let job_id = job_id.to_vec();
        self.blocking(move |inner| {
            let root = inner.root()?;
            inner.open_stored(&root, &job_id)?;
            Ok(JobState::Ready { until: None })
        })
        .await
    }

    async fn read(&self, job_id: &[u8], range: Range<u64>) -> Result<Vec<u8>> {
        let job_id = job_id.to_vec();
        self.blocking(move |inner| inner.read(&job_id, &range)).await
    }

    async fn inventory(&self, after: Option<String>) -> Result<Page<Item>> {
        self.blocking(move |inner| inner.inventory(after.as_deref())).await
    }

    async fn delete(&self, remote_id: &[u8]) -> Result<()> {
        let remote_id = remote_id.to_vec();
        self.blocking(move |inner| inner.delete(&remote_id)).await
    }
}
