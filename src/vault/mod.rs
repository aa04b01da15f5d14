//! Cold storage: what firn asks of it ([`Vault`]), and the directory that is the default.
//!
//! An archive is put once under a name firn chose beforehand, is confirmed by a hash the vault computed itself, and is
//! read back through a retrieval job (which a directory grants at once). Vaults differ in what they can do; the
//! differences are [`Capabilities`], never guesses.

pub mod directory;
mod error;
pub mod fake;
mod job;
pub mod tariff;
pub mod tree;

use std::ffi::OsString;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

pub use self::error::{Result, VaultError};
pub use self::job::{JobRequest, JobSeen, JobState, MESSAGE_LIMIT, Message, Messages};
use crate::base::Time;
use crate::base::disk::{Dir, Room};
use crate::base::hash::{Check, CheckKind};
use crate::base::ids::ArchiveUuid;

/// What an archive is called in the vault beside its id: short, ASCII, enough to find it again and to read its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveName {
    /// The name firn chose.
    pub uuid: ArchiveUuid,
    /// Where the manifest's header starts: one tail range gives the manifest.
    pub manifest_offset: u64,
}

/// `firn1 <uuid> m=<offset>`
impl fmt::Display for ArchiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "firn1 {} m={}", self.uuid, self.manifest_offset)
    }
}

impl ArchiveName {
    /// Reads an archive description; nothing if it is not one of firn's.
    pub fn parse(text: &str) -> Option<Self> {
        let (uuid, offset) = text.strip_prefix("firn1 ")?.split_once(" m=")?;
        let name = Self { uuid: ArchiveUuid(Uuid::try_parse(uuid).ok()?), manifest_offset: offset.parse().ok()? };
        (name.to_string() == text).then_some(name)
    }
}

/// How fast a retrieval is to be, and how dear it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Minutes.
    Expedited,
    /// Hours.
    Standard,
    /// Up to two days.
    Bulk,
}

/// Rules for uploads in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartRules {
    /// Smallest part but the last, bytes.
    pub smallest: u64,
    /// Largest part, bytes.
    pub largest: u64,
    /// Most parts.
    pub most: u64,
}

/// What a vault can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // a list of yes-or-no answers is what it is
pub struct Capabilities {
    /// Its kind, as the configuration names it.
    pub kind: &'static str,
    /// The hash that it computes of what it holds and confirms.
    pub check: CheckKind,
    /// Whether it refuses a body whose hash is not the promised one (else only firn's comparison does).
    pub refuses_wrong_hash: bool,
    /// Whether archives must be thawed before they can be read.
    pub thaw: bool,
    /// Whether a job may ask for a range of an archive (else the whole archive is thawed).
    pub range_jobs: bool,
    /// Tiers of retrieval; none where there is nothing to choose.
    pub tiers: &'static [Tier],
    /// Whether a job can be made faster while it runs.
    pub upgrade: bool,
    /// Whether the life of a job's output can be extended.
    pub extend: bool,
    /// Whether it lists its jobs ([`Vault::jobs`]), so that one whose reply was lost is found again. Where it does not, asking
    /// again must cost nothing.
    pub lists_jobs: bool,
    /// Whether putting the same archive twice leaves one.
    pub idempotent_put: bool,
    /// Deleting an archive earlier than this costs as much as keeping it.
    pub minimum_age: Duration,
    /// Rules for parts.
    pub parts: PartRules,
    /// Smallest and largest archive, bytes.
    pub archive_size: (u64, u64),
    /// How long after a request was sent it may still take effect: absence is not final before.
    pub request_lives: Duration,
    /// How old its inventory may be. Where that is all it knows archives by, [`Vault::head`] cannot tell what became of
    /// a request that is younger.
    pub inventory_lag: Duration,
}

/// How far something has come, bytes: counted by whoever moves them, read by whoever shows it. A clone is the same count.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// More bytes are done.
    pub fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes are done.
    pub fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// Bytes done.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A complete archive in the staging folder, to be put.
#[derive(Debug, Clone)]
pub struct Put {
    /// What to call it.
    pub name: ArchiveName,
    /// Its bytes.
    pub size: u64,
    /// What firn computed of it. The vault computes its own and refuses to keep anything else.
    pub expect: Check,
    /// The staging folder.
    pub staging: Dir,
    /// The file in it. A vault may move it away.
    pub file: OsString,
    /// Where the vault counts how far it has come: from nothing to the archive's size.
    pub progress: Progress,
}

/// The bytes of a part, shared so that a try can be repeated without a copy.
pub type PartBody = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// What the vault holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// The vault's name for it.
    pub remote_id: Vec<u8>,
    /// The hash that the vault computed of what it holds.
    pub check: Check,
    /// Its size there, bytes.
    pub size: u64,
}

/// Whether the vault holds an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// It does.
    Stored {
        /// The name it is stored under.
        name: ArchiveName,
        /// As on upload.
        confirmed: Confirmed,
    },
    /// It does not.
    Absent,
    /// It cannot say (yet); why.
    CannotTell(String),
}

/// An upload that was begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The vault's name for it.
    pub upload_id: Vec<u8>,
    /// Whose it is, where it says.
    pub uuid: Option<ArchiveUuid>,
    /// Bytes so far.
    pub size: u64,
}

/// Something found in the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An archive of firn's.
    Archive {
        /// Its name.
        name: ArchiveName,
        /// The vault's name for it.
        remote_id: Vec<u8>,
        /// Bytes.
        size: u64,
    },
    /// Something else; firn leaves it alone. From outside: shown escaped.
    Foreign(Vec<u8>),
}

/// A page of something, and where the next one starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// To be handed in for the next page; nothing after the last.
    pub next: Option<String>,
}

/// Cold storage.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Its name in the configuration and in the state.
    fn name(&self) -> &str;

    /// Where it is, safe to show.
    fn place(&self) -> String;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Whether it is the vault this state expects and can be reached.
    async fn ready(&self) -> Result<()>;

    /// How much room it has; nothing where that has no meaning.
    async fn room(&self) -> Result<Option<Room>>;

    /// Puts a complete archive, once. An error other than [`VaultError::OutcomeUnknown`] means that the vault does not
    /// hold it.
    async fn put(&self, put: Put) -> Result<Confirmed>;

    /// Begins an upload in parts of `part_size` bytes (the last may be shorter).
    async fn begin(&self, name: ArchiveName, part_size: u64) -> Result<Vec<u8>>;

    /// Sends part `number` (from 0). May be repeated; it is durable when this returns. Returns the vault's name for it.
    async fn put_part(&self, upload_id: &[u8], number: u32, part_size: u64, body: PartBody) -> Result<Vec<u8>>;

    /// Ends an upload in parts.
    async fn complete(&self, upload_id: &[u8], name: ArchiveName, size: u64, expect: Check) -> Result<Confirmed>;

    /// Uploads that were begun and not ended.
    async fn uploads(&self, after: Option<String>) -> Result<Page<OpenUpload>>;

    /// Throws an upload away; one that is not there is fine.
    async fn abort(&self, upload_id: &[u8]) -> Result<()>;

    /// Whether it holds an archive.
    async fn head(&self, uuid: ArchiveUuid) -> Result<Head>;

    /// Asks for an archive to be made readable. Returns the job's id. Where [`Capabilities::thaw`] is, each call makes another
    /// job, and [`VaultError::JobUnknown`] means that there may be one.
    async fn request(&self, job: JobRequest) -> Result<Vec<u8>>;

    /// The jobs that it still knows, in whatever state, page by page. A job that begins while pages are read may be
    /// missed by them.
    async fn jobs(&self, after: Option<String>) -> Result<Page<JobSeen>>;

    /// Makes a job faster, at the full price of the faster tier; nothing of the first price is given back (S3 user guide,
    /// "restoring-objects-upgrade-tier"). A job that is in that tier already is refused with [`VaultError::NotFaster`], so
    /// that a request may be repeated whose answer did not come ([`VaultError::FasterUnknown`]). Any other error means that
    /// this request did not make it faster.
    async fn upgrade(&self, job_id: &[u8], tier: Tier) -> Result<()>;

    /// Keeps a job's output longer.
    async fn extend(&self, job_id: &[u8], until: Time) -> Result<()>;

    /// Where a job stands.
    async fn status(&self, job_id: &[u8]) -> Result<JobState>;

    /// Reads bytes of a job's output (offsets are those of the archive). The caller bounds the range. An error says how
    /// much of it was sent all the same ([`VaultError::came`]): one that broke off is [`VaultError::BrokenOff`].
    async fn read(&self, job_id: &[u8], range: Range<u64>) -> Result<Vec<u8>>;

    /// Everything it holds, page by page.
    async fn inventory(&self, after: Option<String>) -> Result<Page<Item>>;

    /// Deletes an archive; one that is not there is fine.
    async fn delete(&self, remote_id: &[u8]) -> Result<()>;

    /// Where the ends of its jobs are told, if anywhere. What is not told there is found by [`Self::status`].
    fn messages(&self) -> Option<Arc<dyn Messages>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_description_reads_back_and_others_do_not() {
        let text = "firn1 0193a1b2-0000-7000-8000-0000000000aa m=25000448";
        let name = ArchiveName::parse(text).unwrap();
        assert_eq!((name.to_string().as_str(), name.manifest_offset), (text, 25_000_448));
        for other in [
            "",
            "firn1 ",
            "firn2 0193a1b2-0000-7000-8000-0000000000aa m=1",
            "firn1 0193a1b2 m=1",
            "firn1 0193a1b2-0000-7000-8000-0000000000aa m=+1",
            "firn1 0193A1B2-0000-7000-8000-0000000000aa m=1",
            "firn1 0193a1b2-0000-7000-8000-0000000000aa m=1 ",
        ] {
            assert_eq!(ArchiveName::parse(other), None, "{other:?}");
        }
    }
}
