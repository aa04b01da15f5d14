//! Restoring: which files, from which archives, to where; and getting them there without harming what is there already.
//!
//! Pure: [`target`] turns a key into a path that cannot leave the destination. Thin: [`deliver`] reads members by their
//! offset, checks their SHA-256 before they get their final name, and puts times and modes back.

pub mod deliver;
pub mod target;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::disk::DiskError;
use crate::base::ids::{ArchiveUuid, Key, SourceId};
use crate::base::{Shown, Time};
use crate::store::{Restorable, RestorableKey, Store, StoreError};
use crate::vault::{Vault, VaultError};

/// Keys looked up in one go.
const PAGE: u32 = 500;
/// Archives of a plan are counted up to here.
pub const ARCHIVES_COUNTED: usize = 100_000;

/// Which files are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Of which source.
    pub source: SourceId,
    /// Which keys.
    pub keys: Keys,
    /// As they were then; nothing: the newest there are.
    pub at: Option<Time>,
    /// Only what the source still has.
    pub current: bool,
}

/// Which keys of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// One, and all below it should it be (or have been) a folder.
    Tree(Key),
    /// Those that begin so; all of them for nothing.
    Prefix(Vec<u8>),
}

/// What a wish comes to, before anything is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Files that will be restored.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Archives they are in, counted up to [`ARCHIVES_COUNTED`].
    pub archives: u64,
    /// How many of the files their source has deleted since.
    pub gone: u64,
    /// How many have a newer version that no vault holds yet.
    pub newer_waits: u64,
    /// Keys no version of which can be restored (as of that time).
    pub without: u64,
    /// Deleted files that are left out because their names are folders now: both cannot be.
    pub folders_now: u64,
}

/// A restore that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault as a whole.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The destination as a whole.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The destination takes no more.
    #[error("{0}; what has its name there is whole: make room, or mend the mount, and run the same restore again")]
    NoRoom(DiskError),
    /// Another restore is at work there.
    #[error("another restore is writing to {}; wait until it has ended, or restore to another folder", Shown::path(.0))]
    Busy(PathBuf),
    /// A task of it failed.
    #[error("a task of the restore failed: {0}")]
    Task(String),
}

/// Where files are restored from.
#[derive(Clone)]
pub struct Restorer {
    /// The state.
    pub store: Arc<dyn Store>,
    /// The vault.
    pub vault: Arc<dyn Vault>,
}

/// The files of a wish, a page at a time.
pub struct Pages<'a> {
    restorer: &'a Restorer,
    wish: &'a Wish,
    after: Option<Key>,
    below: bool,
    over: bool,
    folders_now: u64,
}

impl Restorer {
    /// The files of a wish. Memory does not grow with their number.
    pub fn pages<'a>(&'a self, wish: &'a Wish) -> Pages<'a> {
        Pages { restorer: self, wish, after: None, below: false, over: false, folders_now: 0 }
    }

    /// Adds up what a wish comes to.
    pub async fn plan(&self, wish: &Wish) -> Result<Plan, RestoreError> {
        let mut plan = Plan::default();
        let mut archives: HashSet<ArchiveUuid> = HashSet::new();
        let mut pages = self.pages(wish);
        while let Some(page) = pages.next().await? {
            for key in page {
                match key.version {
                    None => plan.without += 1,
                    Some(version) => {
                        plan.files += 1;
                        plan.bytes += version.length;
                        plan.gone += u64::from(version.gone_at.is_some());
                        plan.newer_waits += u64::from(version.newer_waits);
                        if archives.len() < ARCHIVES_COUNTED {
                            archives.insert(version.archive);
                        }
                    }
                }
            }
        }
        plan.archives = archives.len() as u64;
        plan.folders_now = pages.folders_now;
        Ok(plan)
    }
}

impl Pages<'_> {
    /// The next page; nothing after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<RestorableKey>>, RestoreError> {
        if self.over {
            return Ok(None);
        }
        let (store, wish) = (&self.restorer.store, self.wish);
        let page = match &wish.keys {
            Keys::Tree(key) => {
                let one: Vec<_> = if self.below {
                    Vec::new()
                } else {
                    store.restorable_key(wish.source, key.clone(), wish.at).await?.into_iter().collect()
                };
                // The pages below it begin at their own beginning.
                let first = !std::mem::replace(&mut self.below, true);
                if first && !one.is_empty() {
                    return Ok(Some(self.wanted(one).await?));
                }
                self.keys(below(key)).await?
            }
            Keys::Prefix(prefix) => self.keys(prefix.clone()).await?,
        };
        let Some(last) = page.last() else {
            self.over = true;
            return Ok(None);
        };
        self.after = Some(last.key.clone());
        Ok(Some(self.wanted(page).await?))
    }

    /// What of a page is to be restored.
    async fn wanted(&mut self, mut page: Vec<RestorableKey>) -> Result<Vec<RestorableKey>, StoreError> {
        if self.wish.current {
            let still_there = |version: &Restorable| version.gone_at.is_none();
            page.retain(|key: &RestorableKey| key.version.as_ref().is_none_or(still_there));
        }
        // What was not there then is not missed.
        page.retain(|key| !key.absent);
        let mut kept = Vec::with_capacity(page.len());
        for key in page {
            if self.is_folder_now(&key).await? {
                self.folders_now += 1;
            } else {
                kept.push(key);
            }
        }
        Ok(kept)
    }

    async fn keys(&self, prefix: Vec<u8>) -> Result<Vec<RestorableKey>, StoreError> {
        self.restorer.store.restorable(self.wish.source, prefix, self.after.clone(), self.wish.at, PAGE).await
    }

    /// Whether a file was deleted and a folder has its name now, with files that will be restored.
    async fn is_folder_now(&self, key: &RestorableKey) -> Result<bool, StoreError> {
        if key.version.as_ref().is_none_or(|version| version.gone_at.is_none()) {
            return Ok(false);
        }
        let (store, wish) = (&self.restorer.store, self.wish);
        let mut after = None;
        loop {
            let page = store.restorable(wish.source, below(&key.key), after, wish.at, PAGE).await?;
            let Some(last) = page.last() else { return Ok(false) };
            after = Some(last.key.clone());
            if page.iter().any(|key| key.version.as_ref().is_some_and(|version| version.gone_at.is_none())) {
                return Ok(true);
            }
        }
    }
}

/// What the keys below a folder begin with.
fn below(folder: &Key) -> Vec<u8> {
    [folder.as_bytes(), b"/"].concat()
}
