//! What goes into the store and what comes out.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::file::FoundFile;
use crate::base::hash::{Check, Hash16, Hash32};
use crate::base::host::ProcessIdentity;
use crate::base::ids::{ArchiveId, ArchiveUuid, FileId, Generation, Key, Lane, SessionId, SourceId, VaultUuid};
use crate::base::{FileTime, Severity, Time};

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The number that stands in the database.
            pub const fn code(self) -> i64 {
                match self { $($name::$variant => $code,)* }
            }

            /// The value behind a number of the database.
            pub const fn from_code(code: i64) -> Option<Self> {
                match code { $($code => Some($name::$variant),)* _ => None }
            }

            /// The word in reports and JSON.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }
    };
}

coded! {
    /// Where a queued file stands.
    QueueState {
        /// Waits to be fetched.
        Queued = 0 "queued",
        /// A session is fetching it.
        Fetching = 1 "fetching",
        /// In a bundle that is not stored yet.
        Bundled = 2 "bundled",
        /// Could not be fetched; tried again at its next try.
        Failed = 3 "failed",
    }
}

coded! {
    /// Where an archive stands.
    ArchiveState {
        /// Being filled.
        Open = 0 "open",
        /// Complete and durable in staging.
        Sealed = 1 "sealed",
        /// On its way; from here it never goes back by time.
        Uploading = 2 "uploading",
        /// The vault has confirmed its hash.
        Stored = 3 "stored",
        /// Came to nothing before it was sent.
        Abandoned = 4 "abandoned",
        /// The reply was lost; its files are not safe.
        Unknown = 5 "unknown",
        /// In the vault, and so are all its files elsewhere.
        Duplicate = 6 "duplicate",
        /// In the vault, and not ours.
        Orphan = 7 "orphan",
        /// In the vault, and its bytes are wrong.
        Damaged = 8 "damaged",
    }
}

impl ArchiveState {
    /// Whether something is still to be done about it.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Open | Self::Sealed | Self::Uploading | Self::Unknown)
    }
}

coded! {
    /// Why a bundle was closed.
    ClosedBy {
        /// It reached its target size.
        Size = 0 "size",
        /// It reached its maximum age.
        Age = 1 "age",
        /// Somebody, or the end of the work, asked for it.
        Hand = 2 "hand",
    }
}

/// A session to be entered.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Which process.
    pub process: ProcessIdentity,
    /// What it does: worker kinds, comma-separated.
    pub kinds: String,
    /// How long the lease holds without being renewed.
    pub lease: Duration,
}

/// A session's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// Its lease holds until then, by [`super::Store::now`].
    pub lease_until: Time,
}

/// A session that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The session.
    pub id: SessionId,
    /// Which process.
    pub process: ProcessIdentity,
    /// Worker kinds, comma-separated.
    pub kinds: String,
    /// When it started.
    pub started: Time,
    /// When it was last heard of.
    pub last_seen: Time,
    /// Its lease holds until then.
    pub lease_until: Time,
    /// What it wrote of itself last: JSON.
    pub doing: String,
}

/// What a dead session held, after it was given back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reaped {
    /// Whether it was reaped at all.
    pub done: bool,
    /// Files queued again.
    pub files: u64,
    /// Bundles that came to nothing.
    pub abandoned: u64,
    /// Uploads left to be settled with the vault, or to be taken up again.
    pub uploads: u64,
}

/// A source as the state knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    /// Its number.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// The device its root was on, when it was last seen whole.
    pub device: Option<u64>,
    /// Files that the last complete scan saw; nothing before the first one.
    pub files_present: Option<u64>,
    /// When the last complete scan ended.
    pub scanned: Option<Time>,
    /// Who made it.
    pub scanned_by: Option<SessionId>,
}

/// What entering found files did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FoundOutcome {
    /// New versions, now queued.
    pub queued: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Versions that were known already.
    pub known: u64,
}

/// A file that a session is to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The file.
    pub file: FileId,
    /// Under which the claim was made.
    pub generation: Generation,
    /// Its lane.
    pub lane: Lane,
    /// Failed attempts so far.
    pub attempts: u32,
    /// When it was first queued.
    pub queued_at: Time,
    /// Its source.
    pub source: SourceId,
    /// What the source showed.
    pub found: FoundFile,
    /// An upload of this very version that was begun and not ended, to be taken up again.
    pub resume: Option<ArchiveId>,
}

/// A fetch that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchFailure {
    /// The file.
    pub file: FileId,
    /// Under which it was claimed.
    pub generation: Generation,
    /// A word for the kind of failure, such as `permission`.
    pub reason: String,
    /// The whole sentence.
    pub detail: String,
    /// When to try again.
    pub next_try: Time,
    /// Whether it counts as an attempt at the file (the vault's trouble does not).
    pub counts: bool,
}

/// A claimed file that turned out to be another version: the row becomes that version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// The claimed version.
    pub file: FileId,
    /// Under which it was claimed.
    pub generation: Generation,
    /// What the source shows now.
    pub found: FoundFile,
    /// When it changed while it was being read: that was a failed attempt, and this is when to try again.
    pub failed: Option<(String, Time)>,
}

/// A staged file of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile {
    /// The staging folder, absolute.
    pub dir: PathBuf,
    /// The file in it.
    pub name: String,
}

/// A bundle to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBundle {
    /// Its name.
    pub uuid: ArchiveUuid,
    /// The vault it is for.
    pub vault: String,
    /// Its lane.
    pub lane: Lane,
    /// Who can reach its staged file.
    pub host: String,
    /// Its staged file; nothing when it goes straight to the vault.
    pub staged: Option<StagedFile>,
    /// The one file of a bundle that goes straight to the vault.
    pub direct: Option<FileId>,
}

/// A bundle that goes straight to the vault, taken up again where another session left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumedBundle {
    /// The archive, under a new generation.
    pub bundle: BundleRef,
    /// The upload the vault opened for it, if it came to that.
    pub upload_id: Option<Vec<u8>>,
    /// Parts the vault holds.
    pub parts: Vec<PartRow>,
}

/// An archive, and the generation under which the holder may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleRef {
    /// The archive's row.
    pub archive: ArchiveId,
    /// Its name.
    pub uuid: ArchiveUuid,
    /// Under which it is held.
    pub generation: Generation,
}

/// What a bundle holds, once it is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBundle {
    /// Why it was closed.
    pub closed_by: ClosedBy,
    /// All bytes of the tar.
    pub size: u64,
    /// Where the manifest's header starts.
    pub manifest_offset: u64,
    /// Its tree hash.
    pub tree_hash: Hash32,
    /// SHA-256 of all bytes, where the vault asks for it.
    pub sha256: Option<Hash32>,
    /// The hash that the vault will have to confirm.
    pub check: Check,
    /// Its files, in order of offset.
    pub members: Vec<NewMember>,
}

/// A file in a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewMember {
    /// The file.
    pub file: FileId,
    /// Under which it was claimed.
    pub generation: Generation,
    /// Where its first header starts.
    pub header_offset: u64,
    /// Where its bytes start.
    pub data_offset: u64,
    /// How many.
    pub length: u64,
    /// Their SHA-256.
    pub sha256: Hash32,
    /// Their MD5, when it was computed.
    pub md5: Option<Hash16>,
}

/// An archive on its way to the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Which archive.
    pub bundle: BundleRef,
    /// Its lane.
    pub lane: Lane,
    /// Its state when it was claimed.
    pub state: ArchiveState,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Its staged file, if it has one.
    pub staged: Option<StagedFile>,
    /// Bytes; nothing when it is not complete.
    pub size: Option<u64>,
    /// Where the manifest starts; nothing when it is not complete.
    pub manifest_offset: Option<u64>,
    /// What the vault will have to confirm; nothing when it is not complete.
    pub check: Option<Check>,
    /// The tree hash; nothing when it is not complete.
    pub tree_hash: Option<Hash32>,
    /// The upload the vault opened for it.
    pub upload_id: Option<Vec<u8>>,
    /// Since when nobody knows.
    pub unknown_since: Option<Time>,
    /// Whether its files have been queued again meanwhile.
    pub repeated: bool,
}

/// A part of an upload that the vault holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRow {
    /// From 0.
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// Its tree hash.
    pub tree_hash: Hash32,
    /// What the vault called it.
    pub etag: Option<Vec<u8>>,
}

/// What a vault said when it took an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// The vault's name for it.
    pub remote_id: Vec<u8>,
    /// The hash that the vault computed itself.
    pub check: Check,
    /// Its size there.
    pub size: u64,
}

/// Files that an archive made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredFiles {
    /// How many left the queue with it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// An archive in the vault that nobody here knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Its name.
    pub uuid: ArchiveUuid,
    /// The vault.
    pub vault: String,
    /// The vault's name for it.
    pub remote_id: Vec<u8>,
    /// Bytes.
    pub size: u64,
    /// Where its manifest starts.
    pub manifest_offset: u64,
}

/// An archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveRow {
    /// Its number.
    pub id: ArchiveId,
    /// Its name.
    pub uuid: ArchiveUuid,
    /// The vault it is for.
    pub vault: String,
    /// Its lane.
    pub lane: Lane,
    /// Where it stands.
    pub state: ArchiveState,
    /// Who holds it.
    pub owner: Option<SessionId>,
    /// Why it was closed.
    pub closed_by: Option<ClosedBy>,
    /// Bytes of the tar, once complete.
    pub size: Option<u64>,
    /// Files in it, once complete.
    pub files: Option<u64>,
    /// Where its manifest starts.
    pub manifest_offset: Option<u64>,
    /// Its tree hash.
    pub tree_hash: Option<Hash32>,
    /// What was computed here, and the vault had to confirm.
    pub check: Option<Check>,
    /// The vault's name for it.
    pub remote_id: Option<Vec<u8>>,
    /// Failed attempts.
    pub attempts: u32,
    /// When it is tried again.
    pub next_try: Option<Time>,
    /// The last reason for trouble.
    pub note: Option<String>,
    /// When it was opened.
    pub opened_at: Time,
    /// When it was complete.
    pub sealed_at: Option<Time>,
    /// When its upload began.
    pub uploading_at: Option<Time>,
    /// When the vault confirmed it.
    pub stored_at: Option<Time>,
}

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// The file.
    pub file: FileId,
    /// Its source.
    pub source: SourceId,
    /// Its key.
    pub key: Key,
    /// Where its first header starts.
    pub header_offset: u64,
    /// Where its bytes start.
    pub data_offset: u64,
    /// How many.
    pub length: u64,
    /// Their SHA-256.
    pub sha256: Option<Hash32>,
}

/// Whether a vault is known to this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VaultKnown {
    /// The identity that stands in the vault, or is about to.
    pub uuid: Option<VaultUuid>,
    /// Whether it certainly stands there.
    pub made: bool,
    /// Whether this state has never had an archive: a new state may make a new vault.
    pub state_is_new: bool,
}

/// What a round of findings changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NoticeRound {
    /// Keys (rule, object) that are new or have become worse.
    pub raised: Vec<(String, String)>,
    /// Keys that no longer hold.
    pub cleared: Vec<(String, String)>,
}

/// An open finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// The rule.
    pub rule: String,
    /// The object.
    pub object: String,
    /// Who looks after it.
    pub scope: String,
    /// How bad it is now.
    pub severity: Severity,
    /// How bad it has been.
    pub worst: Severity,
    /// What was seen.
    pub value: String,
    /// What it should be.
    pub limit: String,
    /// Since when.
    pub since: Time,
    /// When it was last seen to hold.
    pub seen_at: Time,
    /// What to do about it.
    pub next_step: String,
    /// Acknowledged until then.
    pub ack_until: Option<Time>,
}

/// A singleton job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyRow {
    /// Who holds it.
    pub owner: Option<SessionId>,
    /// Under which it is held.
    pub generation: Generation,
    /// When it last ran through.
    pub last_run: Option<Time>,
    /// When it is next due.
    pub next_run: Option<Time>,
    /// What came of it.
    pub result: Option<String>,
}

/// A change somebody wants to a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolChange {
    /// The host it is for.
    pub host: String,
    /// The pool.
    pub pool: String,
    /// Its new size.
    pub size: Option<u32>,
    /// Whether it is to stand still.
    pub paused: Option<bool>,
    /// Whether it is to finish what it has and report.
    pub drain: Option<bool>,
    /// Who asks.
    pub who: String,
    /// Until when a pause or a drain holds; after it the pool works again.
    pub until: Option<Time>,
}

/// An order in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// The host it is for.
    pub host: String,
    /// The pool.
    pub pool: String,
    /// The size asked for.
    pub size: Option<u32>,
    /// Stand still.
    pub paused: bool,
    /// Finish and report.
    pub drain: bool,
    /// Grows with each change.
    pub generation: Generation,
    /// Who asked.
    pub who: String,
    /// When.
    pub at: Time,
    /// Until when a pause or a drain holds.
    pub until: Option<Time>,
    /// The newest generation that was applied.
    pub applied: Option<Generation>,
    /// What came of it.
    pub result: Option<String>,
}

/// Something to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// A person or a session.
    pub who: String,
    /// What happened: a stable word such as `pool.pause`.
    pub what: String,
    /// To what.
    pub object: String,
    /// The whole sentence.
    pub detail: String,
    /// `done`, or why not.
    pub outcome: String,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Time,
    /// The rest.
    pub event: NewEvent,
}

/// Totals of a vault and lane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Total {
    /// The vault; empty for what has not reached one.
    pub vault: String,
    /// The lane, as its word.
    pub lane: String,
    /// Files that were ever queued.
    pub queued_files: u64,
    /// Their bytes.
    pub queued_bytes: u64,
    /// Files that left the queue, stored or not.
    pub left_files: u64,
    /// Their bytes.
    pub left_bytes: u64,
    /// Files stored.
    pub stored_files: u64,
    /// Their bytes.
    pub stored_bytes: u64,
    /// Archives stored.
    pub archives: u64,
    /// Their bytes.
    pub archive_bytes: u64,
}

/// How a lane stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneState {
    /// The lane.
    pub lane: Lane,
    /// Files in the queue, whatever their state.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files waiting to be fetched: counted up to [`COUNTED_UP_TO`].
    pub queued: u64,
    /// Files being fetched, likewise.
    pub fetching: u64,
    /// Files in bundles, likewise.
    pub bundled: u64,
    /// Files that failed and wait for their next try, likewise.
    pub failed: u64,
    /// When the file that has waited longest was queued.
    pub oldest: Option<Time>,
}

/// Counts of queue rows stop here: a report is not to grow with the queue.
pub const COUNTED_UP_TO: u64 = 10_000;

/// What is due now, for workers that would otherwise ask in vain. Indexed by lane: live, history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due {
    /// Files to fetch.
    pub fetch: [bool; 2],
    /// Sealed bundles of the host to upload.
    pub upload: [bool; 2],
    /// Archives to settle with the vault.
    pub settle: bool,
}

/// What keeps the pipeline from having nothing left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)] // answers to separate questions
pub struct Unfinished {
    /// Files wait to be fetched.
    pub waiting: bool,
    /// Files are being fetched, or lie in bundles that are not sealed.
    pub fetching: bool,
    /// Files are in bundles that are not stored.
    pub bundled: bool,
    /// Files failed and are tried again: when the next one is.
    pub retry_at: Option<Time>,
    /// Archives are open, sealed, on their way or unknown.
    pub archives: bool,
    /// Files that have failed too often: counted up to [`COUNTED_UP_TO`].
    pub given_up: u64,
}

/// A file in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRow {
    /// The file.
    pub file: FileId,
    /// Its source's name.
    pub source: String,
    /// Its key.
    pub key: Key,
    /// Its lane.
    pub lane: Lane,
    /// Where it stands.
    pub state: QueueState,
    /// Bytes.
    pub length: u64,
    /// Failed attempts.
    pub attempts: u32,
    /// When it was queued.
    pub queued_at: Time,
    /// When it is due.
    pub next_try: Time,
}

/// A file that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRow {
    /// The file.
    pub row: QueueRow,
    /// The newest reason: a word and a sentence.
    pub reason: Option<(String, String)>,
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureRow {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Time,
    /// `fetch`, `bundle` or `upload`.
    pub stage: String,
    /// Of which file.
    pub file: Option<FileId>,
    /// Of which archive.
    pub archive: Option<ArchiveId>,
    /// A word for its kind.
    pub reason: String,
    /// The whole sentence.
    pub detail: String,
}

/// A key, and what would be restored of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorableKey {
    /// The key.
    pub key: Key,
    /// Its newest restorable version, if it has one.
    pub version: Option<Restorable>,
}

/// A version of a file that a vault holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restorable {
    /// The file.
    pub file: FileId,
    /// Bytes.
    pub length: u64,
    /// Permission bits.
    pub mode: u32,
    /// Last change of its content.
    pub mtime: FileTime,
    /// SHA-256 of its bytes.
    pub sha256: Hash32,
    /// When it disappeared from its source.
    pub gone_at: Option<Time>,
    /// Whether the source has shown a newer version since, which is not in the vault yet.
    pub newer_waits: bool,
    /// The archive it is in.
    pub archive: ArchiveUuid,
    /// The vault's name for that archive.
    pub remote_id: Vec<u8>,
    /// Where its bytes start there.
    pub data_offset: u64,
}
