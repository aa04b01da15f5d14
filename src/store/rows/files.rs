//! Sessions, sources, files and their queue; what can be restored of them.

use std::time::Duration;

use super::QueueState;
use crate::base::file::FoundFile;
use crate::base::hash::Hash32;
use crate::base::host::ProcessIdentity;
use crate::base::ids::{ArchiveId, ArchiveUuid, FileId, Generation, Key, Lane, SessionId, SourceId};
use crate::base::{FileTime, Time};

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
    /// Its lease holds until then, by [`crate::store::Store::now`].
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
    /// Whether any file of it is known that was not seen to go.
    pub has_files: bool,
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

/// A claimed file that turned out to be another version waits this long: one that is written all the time must not be
/// read all the time.
pub const CHANGED_AGAIN: Duration = Duration::from_secs(1);
/// A new version of a file whose old one could not be read is tried within this time.
pub const NEW_VERSION_WITHIN: Duration = Duration::from_secs(5);

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

/// A key, and what would be restored of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorableKey {
    /// The key.
    pub key: Key,
    /// Its newest restorable version, if it has one.
    pub version: Option<Restorable>,
    /// The source did not have it then (only as of a time).
    pub absent: bool,
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
    /// Its number.
    pub archive_id: ArchiveId,
    /// The vault's name for that archive.
    pub remote_id: Vec<u8>,
    /// Where its bytes start there.
    pub data_offset: u64,
}
