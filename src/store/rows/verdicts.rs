//! How what is asked for stands in the catalog.

use super::{ArchiveState, QueueState};
use crate::base::Time;
use crate::base::ids::{ArchiveId, ArchiveUuid, FileId, Key, Lane, SourceId};

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A key of a source: its version at a time, or the newest a vault holds; where there is none, what lies below it as
    /// a folder.
    Key(SourceId, Key, Option<Time>),
    /// Keys of a source that begin so.
    Prefix(SourceId, Vec<u8>),
    /// One version of a file.
    Version(FileId),
    /// All files of an archive.
    Archive(ArchiveUuid),
    /// Whatever there is.
    Anything,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A vault holds it.
    Ready(Ready),
    /// It names many, and there are some.
    Many,
    /// Nothing of that name is known.
    Unknown {
        /// The key beside it that is spelled most like it, if one is near. Not looked for: none.
        near: Option<Key>,
    },
    /// It is known, and its source did not have it then.
    Absent {
        /// When it was first seen.
        first_seen: Time,
    },
    /// No vault holds it yet.
    Waits {
        /// Its lane.
        lane: Lane,
        /// Where it stands in the queue.
        state: QueueState,
        /// When it was queued.
        since: Time,
        /// When it is tried next.
        next_try: Time,
    },
    /// It is in an archive that cannot give it, and in no other.
    Held {
        /// The archive.
        archive: ArchiveUuid,
        /// Where that stands.
        state: ArchiveState,
    },
    /// Its source deleted it before a vault held it.
    Lost {
        /// When.
        gone_at: Time,
    },
    /// It is known, in no vault, and in no queue.
    Nowhere,
}

/// A version that a vault holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The version.
    pub file: FileId,
    /// Its source.
    pub source: SourceId,
    /// Its key.
    pub key: Key,
    /// Bytes.
    pub length: u64,
    /// When its source deleted it.
    pub gone_at: Option<Time>,
    /// Whether the source has shown a newer version since (by then), which no vault holds.
    pub newer_waits: bool,
    /// The archive it is in.
    pub archive: ArchiveUuid,
    /// The archive's number, and where the bytes start in it.
    pub from: (ArchiveId, u64),
}
