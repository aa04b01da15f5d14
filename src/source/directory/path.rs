//! From a key to an open file, without ever leaving the root or following a link.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::base::disk::Dir;
use crate::base::ids::Key;
use crate::source::Presence;

/// The longest path the system takes in one call.
pub(super) const LONGEST: usize = 4095;

/// Opens what `key` names below `root`. Links anywhere on the way are refused (`ELOOP`), so is leaving the root.
pub(super) fn open_beneath(root: &Dir, key: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(root.fd(), OsStr::from_bytes(key), flags, Mode::empty(), resolve) {
        // A kernel before 5.6, or a sandbox that does not know the call: step by step.
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(root, key, flags),
        other => other,
    }
}

fn step_by_step(root: &Dir, key: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let folder = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at: Option<OwnedFd> = None;
    let mut parts = key.split(|byte| *byte == b'/').peekable();
    while let Some(part) = parts.next() {
        if part.is_empty() || part == b"." || part == b".." {
            return Err(Errno::NOENT);
        }
        let flags = if parts.peek().is_some() { folder } else { flags };
        let from = at.as_ref().unwrap_or(root.fd());
        at = Some(rustix::fs::openat(from, OsStr::from_bytes(part), flags, Mode::empty())?);
    }
    at.ok_or(Errno::NOENT)
}

/// Errors that say that there is no such file (any more): its folder or itself is gone or something else.
pub(super) fn says_gone(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV)
}

/// Whether a regular file stands under `key`.
pub(super) fn present(root: &Dir, key: &Key) -> Presence {
    let bytes = key.as_bytes();
    let (folder, name) = match bytes.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (Some(&bytes[..slash]), &bytes[slash + 1..]),
        None => (None, bytes),
    };
    let opened = folder.map(|folder| open_beneath(root, folder, OFlags::PATH | OFlags::DIRECTORY)).transpose();
    let stat = opened.and_then(|folder| {
        rustix::fs::statat(folder.as_ref().unwrap_or(root.fd()), OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW)
    });
    match stat {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Presence::Present,
        Ok(_) => Presence::Absent,
        Err(errno) if says_gone(errno) => Presence::Absent,
        Err(_) => Presence::CannotTell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    type Open = fn(&Dir, &[u8], OFlags) -> Result<OwnedFd, Errno>;

    #[test]
    fn links_and_ways_out_are_refused_by_both_ways_of_opening() {
        let temp = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        std::fs::create_dir(temp.path().join("d")).unwrap();
        std::fs::write(temp.path().join("d/f"), "x").unwrap();
        symlink(outside.path(), temp.path().join("way")).unwrap();
        symlink(outside.path().join("secret"), temp.path().join("d/link")).unwrap();
        let root = Dir::open(temp.path()).unwrap();
        let ways: [Open; 2] = [open_beneath, |root, key, flags| step_by_step(root, key, flags | OFlags::NOFOLLOW)];
        for open in ways {
            assert!(open(&root, b"d/f", OFlags::RDONLY).is_ok());
            for key in ["way/secret", "d/link", "../x", "d/../../x", "/etc/passwd", "d/f/x", "nothing"] {
                let errno = open(&root, key.as_bytes(), OFlags::RDONLY).unwrap_err();
                assert!(says_gone(errno), "{key}: {errno}");
            }
        }
        let look = |key: &str| present(&root, &Key::new(key.as_bytes()));
        assert_eq!(look("d/f"), Presence::Present);
        assert_eq!(look("d/link"), Presence::Absent);
        assert_eq!(look("way/secret"), Presence::Absent);
    }
}
