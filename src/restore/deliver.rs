//! Getting files to their destination. Nothing has its final name before its bytes have been found right, nothing is
//! replaced unless that was asked for, and no link leads anywhere else.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use rustix::fs::{FileType, FlockOperation};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;

pub use super::landing::NotRestored;
use super::landing::{PIECE, dress, holds, in_the_way};
use super::target::target;
use super::{RestoreError, Restorer, Wanted};
use crate::base::disk::{Dir, DiskError, DiskFile, Trouble};
use crate::base::hash::Hash32;
use crate::base::ids::Key;
use crate::base::task;
use crate::store::Restorable;
use crate::vault::{JobRequest, JobState, VaultError};

/// Files restored at a time.
const AT_ONCE: usize = 8;

/// What becomes of files that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// They stay, and are told.
    Keep,
    /// They are replaced.
    Replace,
}

/// How one file came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is there now.
    Restored {
        /// Bytes.
        bytes: u64,
    },
    /// It was there already, byte for byte.
    AlreadyThere,
    /// It is not there; why.
    Not(NotRestored),
}

/// How a restore came out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivered {
    /// Files restored.
    pub restored: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were there already.
    pub already_there: u64,
    /// Files that are not there.
    pub not_restored: u64,
    /// Of those, how many are damaged.
    pub damaged: u64,
}

impl Restorer {
    /// Restores what is wanted below `dest`. `told` hears of each file.
    pub async fn deliver<'a>(
        &'a self,
        wanted: impl Into<Wanted<'a>>,
        dest: Dir,
        existing: Existing,
        mut told: impl FnMut(&Key, &Outcome),
    ) -> Result<Delivered, RestoreError> {
        self.vault.ready().await?;
        alone(&dest)?;
        let mut delivered = Delivered::default();
        let mut running: JoinSet<(Key, Result<Outcome, RestoreError>)> = JoinSet::new();
        let mut count = |key: &Key, outcome: &Outcome| {
            match outcome {
                Outcome::Restored { bytes } => {
                    delivered.restored += 1;
                    delivered.bytes += bytes;
                }
                Outcome::AlreadyThere => delivered.already_there += 1,
                Outcome::Not(why) => {
                    delivered.not_restored += 1;
                    delivered.damaged += u64::from(matches!(why, NotRestored::Damaged { .. }));
                }
            }
            told(key, outcome);
        };
        let mut pages = self.pages(wanted);
        while let Some(page) = pages.next().await? {
            for key in page {
                let Some(version) = key.version else {
                    count(&key.key, &Outcome::Not(NotRestored::NoVersion));
                    continue;
                };
                if running.len() >= AT_ONCE
                    && let Some(done) = running.join_next().await
                {
                    let (key, outcome) = done.map_err(|e| RestoreError::Task(e.to_string()))?;
                    count(&key, &outcome?);
                }
                let (restorer, dest) = (self.clone(), dest.clone());
                running.spawn(async move {
                    let outcome = restorer.one(&key.key, &version, dest, existing).await;
                    (key.key, outcome)
                });
            }
        }
        while let Some(done) = running.join_next().await {
            let (key, outcome) = done.map_err(|e| RestoreError::Task(e.to_string()))?;
            count(&key, &outcome?);
        }
        // Not one fsync a file: one for the file system, before anybody is told that it is done.
        blocking(move || dest.sync_all()).await??;
        Ok(delivered)
    }

    async fn one(
        &self,
        key: &Key,
        version: &Restorable,
        dest: Dir,
        existing: Existing,
    ) -> Result<Outcome, RestoreError> {
        let target = match target(key.as_bytes()) {
            Ok(target) => target,
            Err(why) => return Ok(Outcome::Not(NotRestored::NoTarget(why))),
        };
        let (folders, name, wanted) = (target.folders, target.name.clone(), (version.length, version.sha256));
        let ready = blocking(move || ready(&dest, &folders, &name, wanted)).await?;
        let dir = match ready {
            Ready::Free(dir) => dir,
            Ready::Same => return Ok(Outcome::AlreadyThere),
            Ready::Other(dir) if existing == Existing::Replace => dir,
            Ready::Other(_) => return Ok(Outcome::Not(NotRestored::Exists)),
            Ready::Not(why) => return Ok(Outcome::Not(why)),
        };
        let part = part_name(key);
        let part_file = {
            let (dir, part) = (dir.clone(), part.clone());
            // What an interrupted restore left behind is begun anew.
            blocking(move || dir.remove(&part).and_then(|()| dir.create(&part, 0o600))).await?
        };
        let file = match part_file {
            Ok(file) => Arc::new(file),
            Err(e) => return full_or(e),
        };
        let fetched = self.fetch(version, &file).await;
        let outcome = match fetched {
            Ok(Ok(found)) if found == version.sha256 => {
                let (dir, part, version) = (dir.clone(), part.clone(), version.clone());
                let named = blocking(move || finish(&dir, &part, &target.name, &file, &version, existing)).await?;
                match named {
                    Ok(()) => return Ok(Outcome::Restored { bytes: wanted.0 }),
                    Err(e) if e.trouble() == Trouble::Exists => Ok(Outcome::Not(NotRestored::Exists)),
                    Err(e) => full_or(e),
                }
            }
            Ok(Ok(found)) => Ok(Outcome::Not(NotRestored::Damaged {
                expected: version.sha256,
                found,
                archive: version.archive.to_string(),
            })),
            Ok(Err(why)) => Ok(Outcome::Not(NotRestored::Vault(why))),
            Err(RestoreError::Disk(e)) => full_or(e),
            Err(e) => Err(e),
        };
        // Whatever went wrong: nothing half done is left under any name.
        let _ = blocking(move || dir.remove(&part)).await?;
        outcome
    }

    /// Reads the member's bytes into a file; their SHA-256, or why the vault could not give them.
    async fn fetch(&self, version: &Restorable, file: &Arc<DiskFile>) -> Result<Result<Hash32, String>, RestoreError> {
        let job = JobRequest {
            remote_id: version.remote_id.clone(),
            range: Some(version.data_offset..version.data_offset + version.length),
            tier: None,
            description: format!("restore of file {}", version.file),
        };
        let told = |e: &VaultError| e.to_string();
        let job = match self.vault.request(job).await {
            Ok(job) => job,
            Err(e) => return Ok(Err(told(&e))),
        };
        match self.vault.status(&job).await {
            Ok(JobState::Ready { .. }) => {}
            Ok(other) => return Ok(Err(format!("the vault has not made it readable: {other:?}"))),
            Err(e) => return Ok(Err(told(&e))),
        }
        let mut hasher = Sha256::new();
        let mut done = 0;
        while done < version.length {
            let now = PIECE.min(version.length - done);
            let start = version.data_offset + done;
            let bytes = match self.vault.read(&job, start..start + now).await {
                Ok(bytes) => bytes,
                Err(e) => return Ok(Err(told(&e))),
            };
            let (file, at, before) = (Arc::clone(file), done, hasher);
            let (written, digest) = blocking(move || {
                let mut hasher = before;
                hasher.update(&bytes);
                (file.write_at(&bytes, at), hasher)
            })
            .await?;
            written?;
            hasher = digest;
            done += now;
        }
        Ok(Ok(Hash32(hasher.finalize().into())))
    }
}

/// Two restores to one folder would write the same unnamed files. (The lock goes with the process; a file system without
/// locks has to do without.)
fn alone(dest: &Dir) -> Result<(), RestoreError> {
    match rustix::fs::flock(dest.fd(), FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(RestoreError::Busy(dest.path().to_owned())),
        _ => Ok(()),
    }
}

/// What a destination is like before a file goes there.
enum Ready {
    /// Nothing is there.
    Free(Dir),
    /// The file is there already, byte for byte.
    Same,
    /// Another file is there.
    Other(Dir),
    /// It cannot go there.
    Not(NotRestored),
}

fn ready(dest: &Dir, folders: &[OsString], name: &OsStr, wanted: (u64, Hash32)) -> Ready {
    let mut dir = dest.clone();
    for folder in folders {
        dir = match step(&dir, folder) {
            Ok(dir) => dir,
            Err(why) => return Ready::Not(why),
        };
    }
    match dir.entry(name) {
        Ok(None) => Ready::Free(dir),
        Ok(Some(entry)) if entry.kind == FileType::RegularFile => {
            if entry.size == wanted.0 && dir.open_file(name).is_ok_and(|file| holds(&file, wanted)) {
                Ready::Same
            } else {
                Ready::Other(dir)
            }
        }
        Ok(Some(entry)) => Ready::Not(in_the_way(&dir, name, entry.kind)),
        Err(e) => Ready::Not(NotRestored::Disk(e.to_string())),
    }
}

/// One folder further down, made if it is missing; never through a link.
fn step(dir: &Dir, folder: &OsStr) -> Result<Dir, NotRestored> {
    let entry = dir.entry(folder).map_err(|e| NotRestored::Disk(e.to_string()))?;
    if let Some(entry) = entry.filter(|entry| entry.kind != FileType::Directory) {
        return Err(in_the_way(dir, folder, entry.kind));
    }
    dir.make_dir(folder).and_then(|()| dir.sub(folder)).map_err(|e| NotRestored::Disk(e.to_string()))
}

/// Where a file's bytes gather before it has its name: the same for the same key, so that what an interrupted restore
/// left is found by the next.
fn part_name(key: &Key) -> OsString {
    let hash = Hash32(Sha256::digest(key.as_bytes()).into()).to_string();
    OsString::from(format!(".firn-part-{}", &hash[..16]))
}

/// Mode and time, then the name.
fn finish(
    dir: &Dir,
    part: &OsStr,
    name: &OsStr,
    file: &DiskFile,
    version: &Restorable,
    existing: Existing,
) -> Result<(), DiskError> {
    dress(file, version.mode, version.mtime)?;
    match existing {
        Existing::Keep => dir.rename_new(part, dir, name),
        Existing::Replace => dir.rename_over(part, name),
    }
}

/// A destination without room ends the restore; other trouble is that file's.
fn full_or(e: DiskError) -> Result<Outcome, RestoreError> {
    match e.trouble() {
        Trouble::Full | Trouble::ReadOnly => Err(RestoreError::NoRoom(e)),
        _ => Ok(Outcome::Not(NotRestored::Disk(e.to_string()))),
    }
}

async fn blocking<T: Send + 'static>(op: impl FnOnce() -> T + Send + 'static) -> Result<T, RestoreError> {
    task::blocking(op).await.map_err(|e| RestoreError::Task(e.to_string()))
}
