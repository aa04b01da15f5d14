//! What `stat` says, as firn's words.

use rustix::fs::{FileType, Stat};

use crate::base::FileTime;
use crate::base::disk::Dir;
use crate::base::file::FoundFile;
use crate::base::ids::{Key, Version};
use crate::source::NotAFile;

/// Size, mtime, ctime, inode in hex: what changes when the content may have changed.
pub(super) fn version(stat: &Stat) -> Version {
    let text = format!(
        "{:x}-{:x}.{:x}-{:x}.{:x}-{:x}",
        stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec, stat.st_ino
    );
    Version::new(text.into_bytes())
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
