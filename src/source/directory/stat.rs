//! What `stat` says, as firn's words.

use std::time::Duration;

use rustix::fs::{FileType, Stat};

use crate::base::disk::Dir;
use crate::base::file::FoundFile;
use crate::base::ids::{Key, Version};
use crate::base::{FileTime, Time};
use crate::source::NotAFile;

/// Size, mtime, ctime, inode in hex: what changes when the content may have changed.
pub(super) fn version(stat: &Stat) -> Version {
    let text = format!(
        "{:x}-{:x}.{:x}-{:x}.{:x}-{:x}",
        stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec, stat.st_ino
    );
    Version::new(text.into_bytes())
}

/// How coarse the times of a file system are that counts in whole seconds (or, like FAT, in pairs of them) …
const COARSE: Duration = Duration::from_secs(2);
/// … and of others: a tick of the kernel's clock, and as much again for good measure.
const FINE: Duration = Duration::from_millis(20);

/// How long to wait before a file is read that was changed just now: until a change after it must show in its times. Two
/// changes within one grain of the clock leave one time, and what was read between them would be taken for the last.
pub(super) fn too_young(stat: &Stat, now: Time) -> Duration {
    let grain = if stat.st_mtime_nsec == 0 && stat.st_ctime_nsec == 0 { COARSE } else { FINE };
    let micros = stat.st_ctime.saturating_mul(1_000_000).saturating_add((stat.st_ctime_nsec / 1000).cast_signed());
    let changed = Time::from_micros(micros);
    // A time in the future is another clock's: it says nothing here.
    if changed > now { Duration::ZERO } else { grain.saturating_sub(now.since(changed)) }
}

pub(super) fn found(key: Key, stat: &Stat) -> FoundFile {
    FoundFile {
        key,
        version: version(stat),
        length: u64::try_from(stat.st_size).unwrap_or(0),
        mode: stat.st_mode & 0o7777,
        mtime: FileTime { secs: stat.st_mtime, nanos: u32::try_from(stat.st_mtime_nsec).unwrap_or(0) },
        domain: None,
        class: None,
        source_checksum: None,
    }
}

/// The kind of thing that is no regular file and no folder.
pub(super) fn not_a_file(kind: FileType) -> NotAFile {
    match kind {
        FileType::Symlink => NotAFile::Symlink,
        FileType::Socket => NotAFile::Socket,
        FileType::Fifo => NotAFile::Fifo,
        FileType::BlockDevice | FileType::CharacterDevice => NotAFile::Device,
        _ => NotAFile::Other,
    }
}

/// What identifies the file system a folder is on: its own id where it has one (that stays the same over reboots; a
/// device number may not), else the device number.
pub(super) fn device(dir: &Dir) -> std::io::Result<u64> {
    let id = rustix::fs::fstatvfs(dir.fd())?.f_fsid;
    if id != 0 { Ok(id) } else { Ok(rustix::fs::fstat(dir.fd())?.st_dev) }
}
