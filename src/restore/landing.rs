//! What files meet where they arrive: why one is not restored, what may stand under its name already, and the mode and
//! time that it gets back.

use std::ffi::OsStr;
use std::fmt;

use md5::Md5;
use rustix::fs::{FileType, Mode, Timespec, Timestamps, UTIME_OMIT};
use sha2::{Digest as _, Sha256};

use super::target::NoTarget;
use crate::base::disk::{Dir, DiskError, DiskFile};
use crate::base::hash::{Hash16, Hash32};
use crate::base::{FileTime, Shown};

/// Bytes read or written at a time.
pub(super) const PIECE: u64 = 4 << 20;
/// Permission bits that are put back. Set-user-id and set-group-id are not: the owner is whoever restores.
pub(super) const MODE: u32 = 0o1777;

/// Why a file was not restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotRestored {
    /// Its key is no path below the destination.
    NoTarget(NoTarget),
    /// Something else is there.
    Exists,
    /// A link, or something that is no folder, is in the way.
    InTheWay(String),
    /// What the archive holds is not what was backed up.
    Damaged {
        /// What the SHA-256 should be.
        expected: Hash32,
        /// What it is.
        found: Hash32,
        /// In which archive.
        archive: String,
    },
    /// The SHA-256 is right and the MD5 is not.
    OtherMd5 {
        /// What the MD5 should be.
        expected: Hash16,
        /// What it is.
        found: Hash16,
        /// In which archive.
        archive: String,
    },
    /// The destination could not take it.
    Disk(String),
}

impl fmt::Display for NotRestored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTarget(why) => write!(f, "{why}; it is not restored to a folder"),
            Self::Exists => f.write_str("another file is there already and stays; --overwrite replaces it, or in a list the word overwrite at the end of its line"),
            Self::InTheWay(what) => write!(f, "{what} is in the way; it is not followed"),
            Self::Damaged { expected, found, archive } => write!(
                f,
                "archive {archive} holds other bytes than were backed up (SHA-256 {found}, should be {expected}); nothing was written"
            ),
            Self::OtherMd5 { expected, found, archive } => write!(
                f,
                "archive {archive} holds bytes of the right SHA-256 whose MD5 is {found}, and the state has {expected} for it; nothing was written"
            ),
            Self::Disk(why) => f.write_str(why),
        }
    }
}

/// What stands in the way, in words.
pub(super) fn in_the_way(dir: &Dir, name: &OsStr, kind: FileType) -> NotRestored {
    let what = match kind {
        FileType::Symlink => "the link",
        FileType::Directory => "the folder",
        FileType::RegularFile => "the file",
        _ => "the thing",
    };
    NotRestored::InTheWay(format!("{what} {}", Shown::path(&dir.join(name))))
}

/// Whether a file holds that many bytes of that SHA-256.
pub(super) fn holds(file: &DiskFile, (length, sha256): (u64, Hash32)) -> bool {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; usize::try_from(PIECE.min(length)).unwrap_or(0)];
    let mut offset = 0;
    while offset < length {
        let now = usize::try_from(length - offset).unwrap_or(usize::MAX).min(piece.len());
        if file.read_at(&mut piece[..now], offset).is_err() {
            return false;
        }
        hasher.update(&piece[..now]);
        offset += now as u64;
    }
    Hash32(hasher.finalize().into()) == sha256
}

/// Gives a file its mode and time back; the bits of [`MODE`] alone.
pub(super) fn dress(file: &DiskFile, mode: u32, mtime: FileTime) -> Result<(), DiskError> {
    let failed = |op| move |e: rustix::io::Errno| DiskError { op, path: file.path().to_owned(), source: e.into() };
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: mtime.secs, tv_nsec: mtime.nanos.into() },
    };
    rustix::fs::fchmod(file.file(), Mode::from_raw_mode(mode & MODE)).map_err(failed("set the mode of"))?;
    rustix::fs::futimens(file.file(), &times).map_err(failed("set the time of"))
}

/// The hashes of a member while its bytes come: SHA-256 always, MD5 where there is one to compare with.
#[derive(Clone)]
pub(super) struct Sums {
    sha256: Sha256,
    md5: Option<Md5>,
}

impl Sums {
    /// Of no bytes yet.
    pub(super) fn new(md5: bool) -> Self {
        Self { sha256: Sha256::new(), md5: md5.then(Md5::new) }
    }

    /// More bytes have come.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// Compares with what was backed up; what is wrong, if something is.
    pub(super) fn check(self, sha256: Hash32, md5: Option<Hash16>, archive: &str) -> Option<NotRestored> {
        let found = Hash32(self.sha256.finalize().into());
        if found != sha256 {
            return Some(NotRestored::Damaged { expected: sha256, found, archive: archive.to_owned() });
        }
        let found = self.md5.map(|md5| Hash16(md5.finalize().into()))?;
        let expected = md5.filter(|md5| *md5 != found)?;
        Some(NotRestored::OtherMd5 { expected, found, archive: archive.to_owned() })
    }
}
