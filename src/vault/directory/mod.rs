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
mod layout;

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use rustix::fs::FileType;
use xxhash_rust::xxh3::Xxh3Default;

pub use self::identity::{IDENTITY_FILE, Identity};
use self::layout::Stored;
use super::{
    ArchiveName, Capabilities, Confirmed, Head, Item, JobRequest, JobState, OpenUpload, Page, PartBody, PartRules, Put,
    Result, Tier, Vault, VaultError,
};
use crate::base::disk::{Dir, DiskError, DiskFile, Room, Trouble};
use crate::base::hash::{Check, CheckKind, Hash16};
use crate::base::ids::{ArchiveUuid, VaultUuid};
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
    /// The vault `name` in the folder `path`. Nothing is read or written yet; until [`Self::expect`] has been called
    /// the vault is not ready.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { name: name.into(), path: path.into(), expected: OnceLock::new() }))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The identity that must stand in the folder from now on. The first call counts.
    pub fn expect(&self, uuid: VaultUuid) {
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

    /// Makes the folder a vault with this identity; a folder that has one already is refused.
    pub async fn make(&self, uuid: VaultUuid, now: Time) -> Result<()> {
        self.blocking(move |inner| {
            let dir = Dir::open_or_make(&inner.path).map_err(|e| inner.disk(e))?;
            if let Some(found) = inner.read_identity(&dir)? {
                return Err(inner.other(found.uuid, uuid));
            }
            identity::make(&dir, uuid, now).map_err(|e| inner.disk(e))
        })
        .await
    }

    async fn blocking<T: Send + 'static>(&self, op: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        let inner = Arc::clone(&self.0);
        let name = inner.name.clone();
        let done = tokio::task::spawn_blocking(move || op(&inner)).await;
        done.unwrap_or_else(|e| Err(VaultError::Internal { vault: name, detail: e.to_string() }))
    }
}

fn os(text: impl Into<OsString>) -> OsString {
    text.into()
}

fn internal_name(upload_id: &[u8]) -> Option<(OsString, ArchiveUuid)> {
    let name = std::str::from_utf8(upload_id).ok()?;
    Some((os(name), layout::incoming_uuid(name)?))
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

    fn put(&self, put: &Put) -> Result<Confirmed> {
        let root = self.root()?;
        let name = os(layout::incoming_name(put.name.uuid));
        // An earlier try may have got as far as `incoming`, or to the end; what counts is what the file holds.
        let is_here = root.incoming.entry(&name).map_err(|e| self.disk(e))?.is_some();
        if !is_here && !self.is_stored_alike(&root, put.name)? {
            self.take_in(&root, put, &name)?;
        }
        self.confirm_and_name(&root, put.name, put.size, put.expect)
    }

    /// Moves the staged file into `incoming`, or copies it when it lies on another device.
    fn take_in(&self, root: &Root, put: &Put, name: &OsStr) -> Result<()> {
        let entry = put.staging.entry(&put.file).map_err(|e| self.disk(e))?;
        let Some(entry) = entry.filter(|entry| entry.kind == FileType::RegularFile) else {
            return Err(VaultError::NothingToSend { vault: self.name.clone(), archive: put.name.uuid });
        };
        if entry.device == root.incoming.device().map_err(|e| self.disk(e))? {
            return put.staging.rename_new(&put.file, &root.incoming, name).map_err(|e| self.disk(e));
        }
        let copy = os(layout::copying_name(put.name.uuid));
        root.incoming.remove(&copy).map_err(|e| self.disk(e))?;
        let copied = copy_into(put, &root.incoming, &copy, name);
        if copied.is_err() {
            // What there is of it is in the way of nothing; removing it frees its room.
            let _ = root.incoming.remove(&copy);
        }
        copied.map_err(|e| self.disk(e))
    }

    fn is_stored_alike(&self, root: &Root, name: ArchiveName) -> Result<bool> {
        Ok(self.find(root, name.uuid)?.is_some_and(|stored| stored.name == name))
    }

    /// Checks what lies in `incoming` and gives it its final name.
    fn confirm_and_name(&self, root: &Root, name: ArchiveName, size: u64, expect: Check) -> Result<Confirmed> {
        let incoming = os(layout::incoming_name(name.uuid));
        let stored = Stored::new(name);
        let shard = root.archives.sub_or_make(OsStr::new(&stored.shard)).map_err(|e| self.disk(e))?;
        let final_name = os(stored.file_name.clone());
        let file = match root.incoming.open_file(&incoming) {
            Ok(file) => file,
            Err(e) if e.trouble() == Trouble::Missing => {
                // Perhaps it has its final name already.
                let file = shard.open_file(&final_name).map_err(|e| match e.trouble() {
                    Trouble::Missing => VaultError::NothingToSend { vault: self.name.clone(), archive: name.uuid },
                    _ => self.disk(e),
                })?;
                let confirmed = self.checked(&file, &stored, size, expect)?;
                shard.sync().map_err(|e| self.unknown(name.uuid, &e))?;
                return Ok(confirmed);
            }
            Err(e) => return Err(self.disk(e)),
        };
        file.sync().map_err(|e| self.disk(e))?;
        let confirmed = match self.checked(&file, &stored, size, expect) {
            Ok(confirmed) => confirmed,
            Err(e @ (VaultError::Mismatch { .. } | VaultError::WrongSize { .. })) => {
                root.incoming.remove(&incoming).map_err(|e| self.disk(e))?;
                return Err(e);
            }
            Err(e) => return Err(e),
        };
        root.incoming.rename_new(&incoming, &shard, &final_name).map_err(|e| match e.trouble() {
            Trouble::Exists => VaultError::Taken { vault: self.name.clone(), archive: name.uuid },
            _ => self.unknown(name.uuid, &e),
        })?;
        shard.sync().map_err(|e| self.unknown(name.uuid, &e))?;
        Ok(confirmed)
    }

    fn unknown(&self, archive: ArchiveUuid, e: &DiskError) -> VaultError {
        VaultError::OutcomeUnknown { vault: self.name.clone(), archive, detail: e.to_string() }
    }

    /// Reads a file back and compares it with what was promised.
    fn checked(&self, file: &DiskFile, stored: &Stored, size: u64, expect: Check) -> Result<Confirmed> {
        let archive = stored.name.uuid;
        let found = file.size().map_err(|e| self.disk(e))?;
        if found != size {
            return Err(VaultError::WrongSize { vault: self.name.clone(), archive, expected: size, found });
        }
        let check = self.hash(file, size)?;
        if check != expect {
            return Err(VaultError::Mismatch { vault: self.name.clone(), archive, expected: expect, found: check });
        }
        Ok(Confirmed { remote_id: stored.remote_id(), check, size })
    }

    /// XXH3 of what the file system gives back.
    fn hash(&self, file: &DiskFile, size: u64) -> Result<Check> {
        let mut hasher = Xxh3Default::new();
        let mut piece = vec![0; PIECE];
        let mut offset = 0;
        while offset < size {
            let now = usize::try_from(size - offset).unwrap_or(PIECE).min(PIECE);
            file.read_at(&mut piece[..now], offset).map_err(|e| self.disk(e))?;
            hasher.update(&piece[..now]);
            offset += now as u64;
        }
        Ok(Check::Xxh3(Hash16(hasher.digest128().to_be_bytes())))
    }

    fn find(&self, root: &Root, uuid: ArchiveUuid) -> Result<Option<Stored>> {
        let shard = match root.archives.sub(OsStr::new(&uuid.shard())) {
            Ok(shard) => shard,
            Err(e) if e.trouble() == Trouble::Missing => return Ok(None),
            Err(e) => return Err(self.disk(e)),
        };
        let mut found = None;
        shard
            .each_name(|name, _| {
                found = name.to_str().and_then(Stored::parse).filter(|stored| stored.name.uuid == uuid);
                found.is_none()
            })
            .map_err(|e| self.disk(e))?;
        Ok(found)
    }

    fn open_stored(&self, root: &Root, remote_id: &[u8]) -> Result<DiskFile> {
        let unknown = || self.no_such(format!("archive {}", Shown::bytes(remote_id)));
        let stored = Stored::from_remote_id(remote_id).ok_or_else(unknown)?;
        let open = root
            .archives
            .sub(OsStr::new(&stored.shard))
            .and_then(|shard| shard.open_file(OsStr::new(&stored.file_name)));
        open.map_err(|e| if e.trouble() == Trouble::Missing { unknown() } else { self.disk(e) })
    }

    fn inventory(&self, after: Option<&str>) -> Result<Page<Item>> {
        let root = self.root()?;
        let mut items = Vec::new();
        let shard = match after {
            None => {
                self.foreign(&root.dir, "", &mut items, |name| {
                    name == IDENTITY_FILE
                        || name == layout::ARCHIVES
                        || name == layout::INCOMING
                        || name == "lost+found"
                })?;
                self.foreign(&root.incoming, layout::INCOMING, &mut items, |name| {
                    name.to_str().is_some_and(|name| layout::incoming_uuid(name).is_some())
                })?;
                self.foreign(&root.archives, layout::ARCHIVES, &mut items, |name| {
                    name.to_str().is_some_and(layout::is_shard)
                })?;
                0
            }
            Some(text) => u8::from_str_radix(text, 16).map_err(|_| self.no_such(format!("page {text:?}")))?,
        };
        let shard_name = format!("{shard:02x}");
        match root.archives.sub(OsStr::new(&shard_name)) {
            Ok(dir) => {
                for name in dir.names().map_err(|e| self.disk(e))? {
                    let stored = name.to_str().and_then(Stored::parse).filter(|stored| stored.shard == shard_name);
                    let entry = dir.entry(&name).map_err(|e| self.disk(e))?;
                    match (stored, entry) {
                        (Some(stored), Some(entry)) if entry.kind == FileType::RegularFile => items
                            .push(Item::Archive { name: stored.name, remote_id: stored.remote_id(), size: entry.size }),
                        (_, Some(_)) => items.push(foreign(&format!("{}/{shard_name}", layout::ARCHIVES), &name)),
                        (_, None) => {}
                    }
                }
            }
            Err(e) if e.trouble() == Trouble::Missing => {}
            Err(e) => return Err(self.disk(e)),
        }
        Ok(Page { items, next: shard.checked_add(1).map(|next| format!("{next:02x}")) })
    }

    fn foreign(&self, dir: &Dir, within: &str, items: &mut Vec<Item>, ours: impl Fn(&OsStr) -> bool) -> Result<()> {
        dir.each_name(|name, _| {
            if !ours(name) {
                items.push(foreign(within, name));
            }
            // A folder full of somebody else's files is told by its first thousand.
            items.len() < 1000
        })
        .map_err(|e| self.disk(e))
    }
}

fn foreign(within: &str, name: &OsStr) -> Item {
    use std::os::unix::ffi::OsStrExt as _;
    let mut path = within.as_bytes().to_vec();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name.as_bytes());
    Item::Foreign(path)
}

fn copy_into(put: &Put, incoming: &Dir, copy: &OsStr, name: &OsStr) -> std::result::Result<(), DiskError> {
    let from = put.staging.open_file(&put.file)?;
    let to = incoming.create(copy, 0o440)?;
    let size = from.size()?;
    let mut piece = vec![0; PIECE];
    let mut offset = 0;
    while offset < size {
        let now = usize::try_from(size - offset).unwrap_or(PIECE).min(PIECE);
        from.read_at(&mut piece[..now], offset)?;
        to.write_at(&piece[..now], offset)?;
        offset += now as u64;
    }
    to.sync()?;
    incoming.rename_new(copy, incoming, name)
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
            idempotent_put: true,
            minimum_age: Duration::ZERO,
            parts: PartRules { smallest: 1 << 20, largest: 1 << 40, most: u64::from(u32::MAX) },
            archive_size: (1, u64::MAX >> 1),
            request_lives: Duration::ZERO,
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
        self.blocking(move |inner| {
            let root = inner.root()?;
            let file = layout::incoming_name(name.uuid);
            // Anything left of an earlier upload of that name is begun anew.
            root.incoming.remove(OsStr::new(&file)).map_err(|e| inner.disk(e))?;
            root.incoming.create(OsStr::new(&file), 0o640).map_err(|e| inner.disk(e))?;
            root.incoming.sync().map_err(|e| inner.disk(e))?;
            Ok(file.into_bytes())
        })
        .await
    }

    async fn put_part(&self, upload_id: &[u8], number: u32, part_size: u64, body: PartBody) -> Result<Vec<u8>> {
        let upload_id = upload_id.to_vec();
        self.blocking(move |inner| {
            let unknown = || inner.no_such(format!("upload {}", Shown::bytes(&upload_id)));
            let (name, _) = internal_name(&upload_id).ok_or_else(unknown)?;
            let root = inner.root()?;
            let file = root
                .incoming
                .open_write(&name)
                .map_err(|e| if e.trouble() == Trouble::Missing { unknown() } else { inner.disk(e) })?;
            let offset = u64::from(number).saturating_mul(part_size);
            file.write_at((*body).as_ref(), offset).map_err(|e| inner.disk(e))?;
            file.sync().map_err(|e| inner.disk(e))?;
            Ok(number.to_string().into_bytes())
        })
        .await
    }

    async fn complete(&self, upload_id: &[u8], name: ArchiveName, size: u64, expect: Check) -> Result<Confirmed> {
        let upload_id = upload_id.to_vec();
        self.blocking(move |inner| {
            let mine = internal_name(&upload_id).is_some_and(|(_, uuid)| uuid == name.uuid);
            if !mine {
                return Err(inner.no_such(format!("upload {} of {}", Shown::bytes(&upload_id), name.uuid)));
            }
            let root = inner.root()?;
            inner.confirm_and_name(&root, name, size, expect)
        })
        .await
    }

    async fn uploads(&self, _after: Option<String>) -> Result<Page<OpenUpload>> {
        self.blocking(|inner| {
            let root = inner.root()?;
            let mut items = Vec::new();
            for name in root.incoming.names().map_err(|e| inner.disk(e))? {
                let Some((text, uuid)) = name.to_str().and_then(|t| Some((t, layout::incoming_uuid(t)?))) else {
                    continue;
                };
                if let Some(entry) = root.incoming.entry(&name).map_err(|e| inner.disk(e))? {
                    items.push(OpenUpload { upload_id: text.as_bytes().to_vec(), uuid: Some(uuid), size: entry.size });
                }
            }
            Ok(Page { items, next: None })
        })
        .await
    }

    async fn abort(&self, upload_id: &[u8]) -> Result<()> {
        let upload_id = upload_id.to_vec();
        self.blocking(move |inner| {
            let unknown = || inner.no_such(format!("upload {}", Shown::bytes(&upload_id)));
            let (name, _) = internal_name(&upload_id).ok_or_else(unknown)?;
            let root = inner.root()?;
            root.incoming.remove(&name).and_then(|()| root.incoming.sync()).map_err(|e| inner.disk(e))
        })
        .await
    }

    async fn head(&self, uuid: ArchiveUuid) -> Result<Head> {
        self.blocking(move |inner| {
            let root = match inner.root() {
                Ok(root) => root,
                Err(e) => return Ok(Head::CannotTell(e.to_string())),
            };
            let Some(stored) = inner.find(&root, uuid)? else { return Ok(Head::Absent) };
            let file = inner.open_stored(&root, &stored.remote_id())?;
            // A name that a power cut could still take away is not "stored".
            let shard = root.archives.sub(OsStr::new(&stored.shard)).and_then(|shard| shard.sync());
            if let Err(e) = shard.and_then(|()| file.sync()) {
                return Ok(Head::CannotTell(e.to_string()));
            }
            let size = file.size().map_err(|e| inner.disk(e))?;
            let confirmed = Confirmed { remote_id: stored.remote_id(), check: inner.hash(&file, size)?, size };
            Ok(Head::Stored { name: stored.name, confirmed })
        })
        .await
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
        self.blocking(move |inner| {
            let root = inner.root()?;
            let file = inner.open_stored(&root, &job_id)?;
            let size = file.size().map_err(|e| inner.disk(e))?;
            let wanted = range.end.checked_sub(range.start).filter(|_| range.end <= size);
            let Some(wanted) = wanted.and_then(|wanted| usize::try_from(wanted).ok()) else {
                let detail = format!("bytes {}..{} of an archive of {size} bytes", range.start, range.end);
                return Err(VaultError::NotPossible { vault: inner.name.clone(), detail });
            };
            let mut bytes = vec![0; wanted];
            file.read_at(&mut bytes, range.start).map_err(|e| inner.disk(e))?;
            Ok(bytes)
        })
        .await
    }

    async fn inventory(&self, after: Option<String>) -> Result<Page<Item>> {
        self.blocking(move |inner| inner.inventory(after.as_deref())).await
    }

    async fn delete(&self, remote_id: &[u8]) -> Result<()> {
        let remote_id = remote_id.to_vec();
        self.blocking(move |inner| {
            let unknown = || inner.no_such(format!("archive {}", Shown::bytes(&remote_id)));
            let stored = Stored::from_remote_id(&remote_id).ok_or_else(unknown)?;
            let root = inner.root()?;
            match root.archives.sub(OsStr::new(&stored.shard)) {
                Ok(shard) => {
                    let removed = shard.remove(OsStr::new(&stored.file_name)).and_then(|()| shard.sync());
                    removed.map_err(|e| inner.disk(e))
                }
                Err(e) if e.trouble() == Trouble::Missing => Ok(()),
                Err(e) => Err(inner.disk(e)),
            }
        })
        .await
    }
}
