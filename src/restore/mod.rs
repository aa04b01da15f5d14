//! Restoring: which files, from which archives, to where; and getting them there without harming what is there already.
//!
//! Pure: [`target`] turns a key into a path that cannot leave the destination. Thin: [`parts`] reads members by
//! their offset, checks their SHA-256 before they get their final name, puts times and modes back, many files to a sync,
//! with each file's outcome in the state.

pub mod ask;
pub mod findings;
mod landing;
mod pages;
pub mod parts;
pub mod plan;
pub mod price;
pub mod snapshot;
pub mod target;
pub mod view;
pub mod work;

use std::sync::Arc;

use self::pages::{Lists, Wishes};
use crate::base::Time;
use crate::base::disk::DiskError;
use crate::base::ids::{ArchiveUuid, FileId, Key, PlanId, SourceId};
use crate::store::{ArchiveState, RestorableKey, Store, StoreError};
use crate::vault::{Vault, VaultError};

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

/// Files that are named by where they lie, not as the newest of their key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// All files of an archive, from that archive. Should it hold files of several sources, each source gets a folder of
    /// its name.
    Archive(ArchiveUuid),
    /// This very version of a file.
    File(FileId),
}

/// What is to be restored.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// By key.
    Wish(&'a Wish),
    /// By where it lies.
    Listed(&'a Listed),
}

impl<'a> From<&'a Wish> for Wanted<'a> {
    fn from(wish: &'a Wish) -> Self {
        Self::Wish(wish)
    }
}

impl<'a> From<&'a Listed> for Wanted<'a> {
    fn from(listed: &'a Listed) -> Self {
        Self::Listed(listed)
    }
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
    /// No such archive.
    #[error("no archive {0} is known to this state; `firn show` and the vault's inventory name archives in full")]
    NoArchive(ArchiveUuid),
    /// Not in a vault.
    #[error("archive {archive} is {state}; only what a vault holds can be restored from it")]
    NotStored {
        /// The archive.
        archive: ArchiveUuid,
        /// Where it stands.
        state: ArchiveState,
    },
    /// No such file.
    #[error("no file {0} is known to this state")]
    NoFile(FileId),
    /// A wish that cannot be priced.
    #[error(transparent)]
    Price(#[from] price::PartError),
    /// Somebody else began to price it later.
    #[error("plan {0} was priced anew by somebody else meanwhile; nothing of this was saved: look at it again")]
    PricedAnew(PlanId),
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

/// The files that are wanted, a page at a time.
pub struct Pages<'a> {
    of: Of<'a>,
    folders_now: u64,
}

enum Of<'a> {
    Wish(Wishes<'a>),
    Listed(Lists<'a>),
}

impl Restorer {
    /// The files that are wanted. Memory does not grow with their number.
    pub fn pages<'a>(&'a self, wanted: impl Into<Wanted<'a>>) -> Pages<'a> {
        let of = match wanted.into() {
            Wanted::Wish(wish) => Of::Wish(Wishes::new(self, wish)),
            Wanted::Listed(listed) => Of::Listed(Lists::new(self, listed)),
        };
        Pages { of, folders_now: 0 }
    }
}

impl Pages<'_> {
    /// Deleted files that were left out so far because folders have their names now.
    pub fn folders_now(&self) -> u64 {
        self.folders_now
    }

    /// The next page; nothing after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<RestorableKey>>, RestoreError> {
        match &mut self.of {
            Of::Wish(wishes) => {
                let page = wishes.next().await?;
                self.folders_now = wishes.folders_now;
                Ok(page)
            }
            Of::Listed(lists) => lists.next().await,
        }
    }
}
