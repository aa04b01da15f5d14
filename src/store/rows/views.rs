//! What screens and reports read: how everything stands, what moved lately, all there is about one file or archive.

use std::path::PathBuf;
use std::time::Duration;

use super::{
    ArchiveRow, ArchiveState, DutyRow, FailedRow, FailureRow, LaneState, NoticeRow, OrderRow, QueueState, Restorable,
    SessionRow, SourceRow, Total,
};
use crate::base::hash::{Check, Hash16, Hash32};
use crate::base::ids::{ArchiveUuid, FileId, Key, Lane, PlanId, SessionId, SourceId, Version};
use crate::base::{FileTime, Time};

/// What moves is counted by spans of this length, which begin at whole multiples of it since 1970 UTC.
pub const BUCKET: Duration = Duration::from_secs(10);

/// Buckets are kept this long.
pub const FLOW_KEPT: Duration = Duration::from_hours(2);

/// What moved in a lane in one bucket. A bucket in which nothing moved has no row: whether anybody looked is told by
/// [`Watch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowRow {
    /// When the bucket began.
    pub at: Time,
    /// The lane.
    pub lane: Lane,
    /// Files that entered the queue. (A file that only waits and changes is the same file.)
    pub found_files: u64,
    /// Their bytes.
    pub found_bytes: u64,
    /// Files that left the queue because they are stored.
    pub stored_files: u64,
    /// Their bytes.
    pub stored_bytes: u64,
    /// Archives stored.
    pub archives: u64,
    /// Their bytes.
    pub archive_bytes: u64,
}

/// A span in which a session was at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// When it started.
    pub from: Time,
    /// When it was last heard of; now, while its lease holds.
    pub until: Time,
    /// Its worker kinds, comma-separated.
    pub kinds: String,
}

/// A file that was stored lately: when it was found, and when the vault had confirmed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest {
    /// When it was first seen.
    pub found: Time,
    /// When its archive was stored.
    pub stored: Time,
}

/// A plan that is carried out: by whom it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningPlan {
    /// The plan.
    pub plan: PlanId,
    /// The host that its destinations are on ([`crate::base::host::ProcessIdentity::host_key`]).
    pub host: String,
    /// What that host called itself, by a session of it that is remembered.
    pub host_name: Option<String>,
    /// When it was confirmed.
    pub since: Time,
}

/// How much an overview is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Archives on their way, at most.
    pub archives: u32,
    /// Failed files, at most.
    pub failed: u32,
    /// Plans that run, at most.
    pub plans: u32,
    /// How far back to read what moved.
    pub flow: Duration,
    /// Files stored lately, at most …
    pub latest: u32,
    /// … and no longer ago than this.
    pub latest_within: Duration,
}

/// How everything stands, read in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The store's time.
    pub now: Time,
    /// Totals per vault and lane.
    pub totals: Vec<Total>,
    /// How each lane stands, live first.
    pub lanes: Vec<LaneState>,
    /// Sessions that have not ended, oldest first.
    pub sessions: Vec<SessionRow>,
    /// Open findings, worst first.
    pub notices: Vec<NoticeRow>,
    /// Archives on their way, oldest first.
    pub archives: Vec<ArchiveRow>,
    /// Failed files, the next to be tried first.
    pub failed: Vec<FailedRow>,
    /// Plans that run, oldest first.
    pub running: Vec<RunningPlan>,
    /// Orders of all hosts.
    pub orders: Vec<OrderRow>,
    /// Sources that this state has ever seen.
    pub sources: Vec<SourceRow>,
    /// Duties by name.
    pub duties: Vec<(String, DutyRow)>,
    /// What moved, oldest first.
    pub flow: Vec<FlowRow>,
    /// Who was at work meanwhile.
    pub watched: Vec<Watch>,
    /// Live files stored lately, newest first.
    pub latest: Vec<Latest>,
}

coded! {
    /// Where a file stands: its newest version.
    FileState {
        /// Waits to be fetched.
        Queued = 0 "queued",
        /// A session is fetching it.
        Fetching = 1 "fetching",
        /// In a bundle that is not stored yet.
        Bundled = 2 "bundled",
        /// Could not be fetched; tried again.
        Failed = 3 "failed",
        /// In a vault.
        Stored = 4 "stored",
        /// Deleted at its source. Whether a vault holds it is told by its copies.
        Gone = 5 "gone",
        /// Neither waits nor lies in a vault: an older version that was overtaken before it was stored.
        Nowhere = 6 "nowhere",
    }
}

impl From<QueueState> for FileState {
    fn from(state: QueueState) -> Self {
        match state {
            QueueState::Queued => Self::Queued,
            QueueState::Fetching => Self::Fetching,
            QueueState::Bundled => Self::Bundled,
            QueueState::Failed => Self::Failed,
        }
    }
}

/// A file that was looked for: the newest version of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// The version.
    pub file: FileId,
    /// Its source.
    pub source: SourceId,
    /// The source's name.
    pub source_name: String,
    /// Its key.
    pub key: Key,
    /// Bytes.
    pub length: u64,
    /// Last change of its content.
    pub mtime: FileTime,
    /// When it was first seen.
    pub first_seen: Time,
    /// When it disappeared from its source.
    pub gone_at: Option<Time>,
    /// Where it stands.
    pub state: FileState,
    /// The newest archive in a vault that holds this version.
    pub archive: Option<ArchiveUuid>,
}

/// All there is about one version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDetail {
    /// The version, and where it stands.
    pub row: FileRow,
    /// What tells it from other versions, as its source writes it.
    pub version: Version,
    /// Its domain, where the source has such.
    pub domain: Option<String>,
    /// Its class, where the source has such.
    pub class: Option<String>,
    /// Permission bits.
    pub mode: u32,
    /// Copies that its source keeps, where it says.
    pub devcount: Option<u64>,
    /// What the source says is its checksum.
    pub source_checksum: Option<String>,
    /// MD5 of its bytes, where it was computed.
    pub md5: Option<Hash16>,
    /// SHA-256 of its bytes, once it was read.
    pub sha256: Option<Hash32>,
    /// When a newer version was seen.
    pub superseded_at: Option<Time>,
    /// What is still to be done about it.
    pub queue: Option<QueueDetail>,
    /// Archives that name it, newest first: at most [`COPIES`].
    pub copies: Vec<CopyRow>,
    /// Failed attempts at it, newest first: at most [`FAILURES`].
    pub failures: Vec<FailureRow>,
}

/// Copies that a detail lists.
pub const COPIES: u32 = 100;
/// Failures that a detail lists.
pub const FAILURES: u32 = 20;

/// A file's row in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDetail {
    /// Its lane.
    pub lane: Lane,
    /// Where it stands.
    pub state: QueueState,
    /// Failed attempts.
    pub attempts: u32,
    /// When it was queued.
    pub queued_at: Time,
    /// When it is due.
    pub next_try: Time,
    /// Who holds it.
    pub owner: Option<SessionId>,
    /// The archive it is in or goes to.
    pub archive: Option<ArchiveUuid>,
}

/// A copy of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRow {
    /// The archive.
    pub archive: ArchiveUuid,
    /// Its vault.
    pub vault: String,
    /// The vault's region, where it has one.
    pub region: Option<String>,
    /// The vault's name for the archive.
    pub remote_id: Option<Vec<u8>>,
    /// Where the archive stands.
    pub state: ArchiveState,
    /// Where the file's first header starts.
    pub header_offset: u64,
    /// Where its bytes start.
    pub data_offset: u64,
    /// How many.
    pub length: u64,
    /// When the vault confirmed the archive.
    pub stored_at: Option<Time>,
    /// When the archive was last found right.
    pub verified_at: Option<Time>,
}

/// All there is about one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveDetail {
    /// Its row.
    pub row: ArchiveRow,
    /// The vault's region, where it has one.
    pub region: Option<String>,
    /// Who can reach its staged file.
    pub host: String,
    /// The folder of its staged file. From outside: shown escaped.
    pub staging_dir: Option<PathBuf>,
    /// The name of its staged file.
    pub staging_name: Option<String>,
    /// The one file of an archive that goes straight to the vault.
    pub direct_file: Option<FileId>,
    /// The upload that the vault opened for it.
    pub upload_id: Option<Vec<u8>>,
    /// Bytes of a part of that upload.
    pub part_size: Option<u64>,
    /// Parts that the vault holds of that upload.
    pub parts: u64,
    /// Their bytes.
    pub part_bytes: u64,
    /// SHA-256 of all bytes, where the vault asked for it.
    pub sha256: Option<Hash32>,
    /// What the vault confirmed.
    pub confirmed: Option<Check>,
    /// Since when nobody knows whether the vault holds it.
    pub unknown_since: Option<Time>,
    /// Whether its files were queued again meanwhile.
    pub repeated: bool,
    /// When it was last found right.
    pub verified_at: Option<Time>,
    /// How.
    pub verified_how: Option<String>,
    /// Failed attempts at it, newest first: at most [`FAILURES`].
    pub failures: Vec<FailureRow>,
}

/// A file of an archive, as it would be restored from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorableMember {
    /// Its source's name.
    pub source: String,
    /// Its key.
    pub key: Key,
    /// Where its first header starts: the next page goes on after it.
    pub header_offset: u64,
    /// Its bytes.
    pub version: Restorable,
}
