//! Bundles, uploads, archives and the vault they lie in.

use std::path::PathBuf;

use super::{ArchiveState, ClosedBy};
use crate::base::Time;
use crate::base::hash::{Check, Hash16, Hash32};
use crate::base::ids::{ArchiveId, ArchiveUuid, FileId, Generation, Key, Lane, SessionId, SourceId, VaultUuid};

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

/// What became of bundles whose hosts are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Adopted {
    /// Bundles that belong to this host now.
    pub adopted: u64,
    /// Bundles that came to nothing; their files are queued again.
    pub abandoned: u64,
}
