//! Where files come from.
//!
//! A [`Source`] is scanned (everything it has), watched (what changes, where it can say so) and read. What it shows of
//! a file ([`FoundFile`]) names a version; reading asks for exactly that version and says what it found instead.

pub mod directory;

use std::any::Any;
use std::fmt;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::base::Stop;
use crate::base::buffers::Buffer;
use crate::base::file::FoundFile;
use crate::base::ids::{Key, Version};

/// A source's root as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    /// Identifies the device it is on, where that means something.
    pub device: Option<u64>,
    /// Whether it holds nothing at all.
    pub is_empty: bool,
    /// Which folder it is on that device, where that means something: another one may have taken its place.
    pub inode: Option<u64>,
}

/// What a scan or a watch reports. Batches are bounded.
#[derive(Debug)]
pub enum Report {
    /// Files it saw.
    Files(Vec<FoundFile>),
    /// Something that cannot be backed up as it is.
    Trouble(Trouble),
    /// Things that are no regular files, left out: what kind, and the first of that kind.
    Skipped(NotAFile, Key),
    /// The watch has missed something: only a scan can tell what.
    Missed(String),
    /// Folders cannot all be watched; only scans will find what changes in the rest.
    WatchLimit {
        /// Folders that are watched.
        watched: u64,
        /// Why no more.
        detail: String,
    },
    /// Everything that was there when it was asked has been reported.
    Done,
}

/// A file or folder that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which.
    pub key: Key,
    /// A word: `permission`, `io`, `too-deep`, `too-long`.
    pub reason: &'static str,
    /// The whole sentence, safe to show.
    pub detail: String,
}

/// What stands in a source and is no regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotAFile {
    /// A symbolic link: neither followed nor stored.
    Symlink,
    /// A socket.
    Socket,
    /// A named pipe.
    Fifo,
    /// A block or character device.
    Device,
    /// Something the system does not name.
    Other,
}

impl NotAFile {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Symlink => "symlink",
            Self::Socket => "socket",
            Self::Fifo => "fifo",
            Self::Device => "device",
            Self::Other => "other",
        }
    }
}

/// A version to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub key: Key,
    /// Which version.
    pub version: Version,
    /// Its length, bytes.
    pub length: u64,
}

/// Why a version was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// The source no longer has the file.
    Gone,
    /// It was another version before reading began.
    Changed(Box<FoundFile>),
    /// It changed while it was being read: this is what it is now.
    Changing(Box<FoundFile>),
    /// It could not be read.
    Failed {
        /// A word: `permission`, `io`.
        reason: &'static str,
        /// The whole sentence, safe to show.
        detail: String,
    },
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the source no longer has it"),
            Self::Changed(_) => f.write_str("it is another version by now"),
            Self::Changing(now) => {
                write!(f, "it changed while it was being read (it has {} bytes now)", now.length)
            }
            Self::Failed { detail, .. } => f.write_str(detail),
        }
    }
}

/// A source that cannot be used as a whole.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Its root is not there, or is no folder.
    #[error("the source {name}: its root {place} cannot be opened: {detail}")]
    NoRoot {
        /// The source.
        name: String,
        /// Its root.
        place: String,
        /// What the system said.
        detail: String,
    },
    /// firn itself failed.
    #[error("the source {name}: internal error: {detail}")]
    Internal {
        /// The source.
        name: String,
        /// What.
        detail: String,
    },
}

/// Whether a source still has a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It has.
    Present,
    /// It certainly has not.
    Absent,
    /// It could not be looked at.
    CannotTell,
}

/// Is shown bytes as they are read, while they are still at hand.
pub trait Seen: Send {
    /// The next bytes of the file at this place of the list.
    fn bytes(&mut self, file: usize, bytes: &[u8]);

    /// What it was, to get it back.
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}

/// Files read whole.
pub struct ReadWhole {
    /// Their bytes.
    pub buffer: Buffer,
    /// Where each file's bytes start, or why they are not there.
    pub results: Vec<Result<usize, Unread>>,
    /// What was shown the bytes; nothing if it was lost.
    pub seen: Option<Box<dyn Seen>>,
}

/// Where files come from.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its name in the configuration and in the state.
    fn name(&self) -> &str;

    /// Its kind.
    fn kind(&self) -> &'static str;

    /// Where it is, safe to show.
    fn place(&self) -> String;

    /// Its root as it is now.
    async fn root(&self) -> Result<Root, SourceError>;

    /// Reports everything it has, then [`Report::Done`]; ends early when `stop` is thrown or nobody listens. With
    /// `watch`, folders are watched from just before they are listed, and what changes is reported to `live` until
    /// `stop` is thrown. Trouble with one file or folder never ends it.
    async fn scan(
        &self,
        scanned: mpsc::Sender<Report>,
        live: Option<mpsc::Sender<Report>>,
        stop: Stop,
    ) -> Result<(), SourceError>;

    /// Reads files whole, one after the other into `buffer`, which must have room for all of them. `seen` is shown each
    /// file's bytes as they come. Each result says where a file's bytes stand (they are exactly the wanted version) or
    /// why they do not.
    async fn read_whole(&self, wanted: Vec<Wanted>, buffer: Buffer, seen: Box<dyn Seen>) -> ReadWhole;

    /// Opens a file to be read in pieces.
    async fn open(&self, wanted: Wanted) -> Result<Box<dyn Reading>, Unread>;

    /// Whether it still has these keys.
    async fn present(&self, keys: Vec<Key>) -> Vec<Presence>;
}

/// A file being read in pieces.
#[async_trait]
pub trait Reading: Send {
    /// Fills the buffer from `offset` on, up to the file's wanted length. A file that is shorter by now is
    /// [`Unread::Changing`].
    async fn read(&mut self, offset: u64, buffer: Buffer) -> Result<Buffer, Unread>;

    /// Whether what was read is exactly the wanted version.
    async fn finish(self: Box<Self>) -> Result<(), Unread>;
}
