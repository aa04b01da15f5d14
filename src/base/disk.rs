//! Durable file calls. Everything firn writes beside the state database goes through here: relative to an open folder
//! (so that a folder exchanged underneath cannot divert a write), never following a link, each call a numbered step of
//! the crash tests.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::{Clock, Shown, faults};

/// A file call that failed: what was tried, on what, and what the system said.
#[derive(Debug, thiserror::Error)]
#[error("cannot {op} {}: {source}", Shown::path(.path))]
pub struct DiskError {
    /// The verb.
    pub op: &'static str,
    /// The object.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

/// The kinds of trouble that callers treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No space, no inodes or no quota left.
    Full,
    /// Mounted read-only.
    ReadOnly,
    /// It is not there.
    Missing,
    /// It is there already.
    Exists,
    /// Not permitted.
    Denied,
    /// Anything else.
    Other,
}

impl DiskError {
    /// Which kind of trouble this is.
    pub fn trouble(&self) -> Trouble {
        match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Trouble::Full,
            io::ErrorKind::ReadOnlyFilesystem => Trouble::ReadOnly,
            io::ErrorKind::NotFound => Trouble::Missing,
            io::ErrorKind::AlreadyExists => Trouble::Exists,
            io::ErrorKind::PermissionDenied => Trouble::Denied,
            _ => Trouble::Other,
        }
    }
}

/// An open folder.
#[derive(Debug, Clone)]
pub struct Dir {
    fd: Arc<OwnedFd>,
    path: Arc<Path>,
}

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// File, folder, link …
    pub kind: FileType,
    /// Bytes.
    pub size: u64,
    /// Device number: two folders with one device can be renamed between.
    pub device: u64,
    /// Inode number: with the device, what it is, whatever it is called.
    pub inode: u64,
}

/// Room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that this process may still write.
    pub free: u64,
    /// All bytes.
    pub total: u64,
}

impl Dir {
    /// Opens the folder at `path`; a link to a folder is followed, this once.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|e| failed("open the folder", path, e))?;
        Ok(Self { fd: Arc::new(fd), path: path.into() })
    }

    /// Whether it is the same folder as `other`.
    pub fn is(&self, other: &Self) -> Result<bool, DiskError> {
        let stat = |dir: &Self| rustix::fs::fstat(&*dir.fd).map_err(|e| failed("look at", &dir.path, e));
        let (here, there) = (stat(self)?, stat(other)?);
        Ok((here.st_dev, here.st_ino) == (there.st_dev, there.st_ino))
    }

    /// Locks the folder against other processes that lock it, waiting for them; until the last copy of it is dropped.
    pub fn lock(&self) -> Result<(), DiskError> {
        rustix::fs::flock(&*self.fd, FlockOperation::LockExclusive).map_err(|e| failed("lock", &self.path, e))
    }

    /// The same, waiting for so long at most (somebody who is held still keeps a lock for ever); whether it is locked.
    pub fn lock_within(&self, within: Duration) -> Result<bool, DiskError> {
        let clock = Clock::system();
        let began = clock.mono();
        loop {
            match rustix::fs::flock(&*self.fd, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(true),
                Err(Errno::WOULDBLOCK) if clock.mono().since(began) >= within => return Ok(false),
                Err(Errno::WOULDBLOCK) => clock.pause(Duration::from_millis(5)),
                Err(e) => return Err(failed("lock", &self.path, e)),
            }
        }
    }

    /// Opens the folder at `path`, making it and what is missing above it.
    pub fn open_or_make(path: &Path) -> Result<Self, DiskError> {
        match Self::open(path) {
            Err(e) if e.trouble() == Trouble::Missing => {
                let parent = match path.parent() {
                    Some(parent) if parent != Path::new("") => Self::open_or_make(parent)?,
                    _ => Self::open(Path::new("."))?,
                };
                let name = path.file_name().ok_or(e)?;
                parent.make_dir(name)?;
                parent.sync()?;
                Self::open(path)
            }
            other => other,
        }
    }

    /// The path it was opened by, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same folder under another path, for messages.
    #[must_use]
    pub fn called(self, path: &Path) -> Self {
        Self { path: path.into(), ..self }
    }

    /// The open folder itself.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// The path of something in it, for messages.
    pub fn join(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a folder in it; a link is refused.
    pub fn sub(&self, name: &OsStr) -> Result<Self, DiskError> {
        let path = self.join(name);
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&*self.fd, name, flags, Mode::empty());
        Ok(Self { fd: Arc::new(fd.map_err(|e| failed("open the folder", &path, e))?), path: path.into() })
    }

    /// Makes a folder in it; one that is there already is fine.
    pub fn make_dir(&self, name: &OsStr) -> Result<(), DiskError> {
        let path = self.join(name);
        faults::step("mkdir");
        match rustix::fs::mkdirat(&*self.fd, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => {
                faults::made_dir(&path);
                Ok(())
            }
            Err(Errno::EXIST) => Ok(()),
            Err(e) => Err(failed("make the folder", &path, e)),
        }
    }

    /// Opens a folder in it, making it (durably) when it is missing.
    pub fn sub_or_make(&self, name: &OsStr) -> Result<Self, DiskError> {
        match self.sub(name) {
            Err(e) if e.trouble() == Trouble::Missing => {
                self.make_dir(name)?;
                self.sync()?;
                self.sub(name)
            }
            other => other,
        }
    }

    /// Creates a file that must not exist. `mode` is its permission bits before the umask.
    pub fn create(&self, name: &OsStr, mode: u32) -> Result<DiskFile, DiskError> {
        let path = self.join(name);
        faults::step("create");
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&*self.fd, name, flags, Mode::from_raw_mode(mode));
        let file = File::from(fd.map_err(|e| failed("create", &path, e))?);
        faults::created(&path);
        Ok(DiskFile { file, path })
    }

    /// Opens a file for reading; a link is refused.
    pub fn open_file(&self, name: &OsStr) -> Result<DiskFile, DiskError> {
        self.open_with(name, OFlags::RDONLY)
    }

    /// Opens a file that exists, for reading and writing; a link is refused.
    pub fn open_write(&self, name: &OsStr) -> Result<DiskFile, DiskError> {
        self.open_with(name, OFlags::RDWR)
    }

    fn open_with(&self, name: &OsStr, access: OFlags) -> Result<DiskFile, DiskError> {
        let path = self.join(name);
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&*self.fd, name, flags, Mode::empty()).map_err(|e| failed("open", &path, e))?;
        Ok(DiskFile { file: File::from(fd), path })
    }

    /// What stands under `name`; nothing if nothing does. A link is not followed.
    pub fn entry(&self, name: &OsStr) -> Result<Option<Entry>, DiskError> {
        match rustix::fs::statat(&*self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Entry {
                kind: FileType::from_raw_mode(stat.st_mode),
                size: u64::try_from(stat.st_size).unwrap_or(0),
                device: stat.st_dev,
                inode: stat.st_ino,
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(failed("look at", &self.join(name), e)),
        }
    }

    /// What the folder is, whatever it is called: device and inode number.
    pub fn identity(&self) -> Result<(u64, u64), DiskError> {
        let stat = rustix::fs::fstat(&*self.fd).map_err(|e| failed("look at", &self.path, e))?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// The device the folder is on.
    pub fn device(&self) -> Result<u64, DiskError> {
        Ok(rustix::fs::fstat(&*self.fd).map_err(|e| failed("look at", &self.path, e))?.st_dev)
    }

    /// Renames into `to` under a name that must be free there. Both folders must be on one device.
    pub fn rename_new(&self, from: &OsStr, to: &Dir, name: &OsStr) -> Result<(), DiskError> {
        let (old, new) = (self.join(from), to.join(name));
        faults::step("rename");
        let done = match rustix::fs::renameat_with(&*self.fd, from, &*to.fd, name, RenameFlags::NOREPLACE) {
            // A file system without the flag: a hard link is refused by a name that is taken, too.
            Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::linkat(&*self.fd, from, &*to.fd, name, AtFlags::empty())
                .and_then(|()| rustix::fs::unlinkat(&*self.fd, from, AtFlags::empty())),
            other => other,
        };
        done.map_err(|e| failed("rename into place as", &new, e))?;
        faults::renamed(&old, &new);
        Ok(())
    }

    /// Renames inside the folder, over whatever has the new name.
    pub fn rename_over(&self, from: &OsStr, name: &OsStr) -> Result<(), DiskError> {
        let (old, new) = (self.join(from), self.join(name));
        faults::step("rename");
        faults::replacing(&new);
        rustix::fs::renameat(&*self.fd, from, &*self.fd, name).map_err(|e| failed("rename into place as", &new, e))?;
        faults::renamed(&old, &new);
        Ok(())
    }

    /// Removes a file; one that is not there is fine.
    pub fn remove(&self, name: &OsStr) -> Result<(), DiskError> {
        let path = self.join(name);
        faults::step("remove");
        if faults::kept_in_limbo(&path) {
            return Ok(());
        }
        match rustix::fs::unlinkat(&*self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(failed("remove", &path, e)),
        }
    }

    /// Makes names created, renamed and removed in it durable.
    pub fn sync(&self) -> Result<(), DiskError> {
        faults::step("fsync of a folder");
        rustix::fs::fsync(&*self.fd).map_err(|e| failed("fsync the folder", &self.path, e))?;
        faults::dir_synced(&self.path);
        Ok(())
    }

    /// Makes everything on the folder's file system durable.
    pub fn sync_all(&self) -> Result<(), DiskError> {
        faults::step("syncfs");
        faults::syncing(&self.fd, || rustix::fs::syncfs(&*self.fd))
            .map_err(|e| failed("sync the file system of", &self.path, e))
    }

    /// Calls `each` with every name in it but `.` and `..`, in the order the file system gives, until it says stop.
    pub fn each_name(&self, mut each: impl FnMut(&OsStr, FileType) -> bool) -> Result<(), DiskError> {
        let read = |e| failed("list", &self.path, e);
        for entry in rustix::fs::Dir::read_from(&*self.fd).map_err(read)? {
            let entry = entry.map_err(read)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." && !each(OsStr::from_bytes(name), entry.file_type()) {
                break;
            }
        }
        Ok(())
    }

    /// All names in it, sorted. For folders whose size firn itself bounds.
    pub fn names(&self) -> Result<Vec<OsString>, DiskError> {
        let mut names = Vec::new();
        self.each_name(|name, _| {
            names.push(OsString::from_vec(name.as_bytes().to_vec()));
            true
        })?;
        names.sort_unstable();
        Ok(names)
    }

    /// How much room the folder's file system has.
    pub fn room(&self) -> Result<Room, DiskError> {
        let room = rustix::fs::fstatvfs(&*self.fd).map_err(|e| failed("ask for the room on", &self.path, e))?;
        let block = room.f_frsize;
        Ok(Room { free: room.f_bavail.saturating_mul(block), total: room.f_blocks.saturating_mul(block) })
    }
}

/// An open file that firn wrote or reads.
#[derive(Debug)]
pub struct DiskFile {
    file: File,
    path: PathBuf,
}

impl DiskFile {
    /// Writes all of `data` at `offset`.
    pub fn write_at(&self, data: &[u8], offset: u64) -> Result<(), DiskError> {
        faults::writing(&self.file, &self.path, offset, data.len());
        self.file.write_all_at(data, offset).map_err(|e| self.failed("write", e))
    }

    /// Reads exactly `buf.len()` bytes at `offset`.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<(), DiskError> {
        self.file.read_exact_at(buf, offset).map_err(|e| self.failed("read", e))
    }

    /// Cuts the file to `len` bytes.
    pub fn truncate(&self, len: u64) -> Result<(), DiskError> {
        faults::step("truncate");
        faults::writing(&self.file, &self.path, len, 0);
        self.file.set_len(len).map_err(|e| self.failed("truncate", e))
    }

    /// Makes what was written durable (not its name: that is its folder's [`Dir::sync`]).
    pub fn sync(&self) -> Result<(), DiskError> {
        faults::step("fsync");
        self.file.sync_data().map_err(|e| self.failed("fsync", e))?;
        faults::synced(&self.file, &self.path);
        Ok(())
    }

    /// Its length in bytes.
    pub fn size(&self) -> Result<u64, DiskError> {
        Ok(self.file.metadata().map_err(|e| self.failed("look at", e))?.len())
    }

    /// Its inode number: what it is, whatever it is called.
    pub fn inode(&self) -> Result<u64, DiskError> {
        let stat = rustix::fs::fstat(&self.file);
        Ok(stat.map_err(|e| self.failed("look at", e.into()))?.st_ino)
    }

    /// The open file itself.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The path it was opened by; it may have been renamed since.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self, op: &'static str, source: io::Error) -> DiskError {
        DiskError { op, path: self.path.clone(), source }
    }
}

fn failed(op: &'static str, path: &Path, errno: Errno) -> DiskError {
    DiskError { op, path: path.to_owned(), source: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> &OsStr {
        OsStr::new(text)
    }

    #[test]
    fn a_taken_name_is_never_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        dir.create(name("a"), 0o600).unwrap().write_at(b"a", 0).unwrap();
        dir.create(name("b"), 0o600).unwrap().write_at(b"b", 0).unwrap();
        let error = dir.rename_new(name("a"), &dir, name("b")).unwrap_err();
        assert_eq!(error.trouble(), Trouble::Exists);
        assert!(error.to_string().starts_with(&format!("cannot rename into place as {}/b: ", temp.path().display())));
        assert_eq!(dir.create(name("b"), 0o600).unwrap_err().trouble(), Trouble::Exists);
        assert_eq!(std::fs::read(temp.path().join("b")).unwrap(), b"b");
    }

    #[test]
    fn a_link_is_never_followed_below_the_folder() {
        let temp = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("f"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path(), temp.path().join("d")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("f"), temp.path().join("l")).unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        assert!(dir.sub(name("d")).is_err());
        assert!(dir.open_file(name("l")).is_err());
        assert_eq!(dir.create(name("l"), 0o600).unwrap_err().trouble(), Trouble::Exists);
        assert_eq!(dir.entry(name("l")).unwrap().unwrap().kind, FileType::Symlink);
    }

    #[test]
    fn missing_folders_are_made_and_names_are_listed_sorted() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open_or_make(&temp.path().join("x/y")).unwrap();
        dir.create(name("2"), 0o600).unwrap();
        dir.create(name("1"), 0o600).unwrap();
        assert_eq!(dir.names().unwrap(), ["1", "2"]);
        assert_eq!(dir.entry(name("3")).unwrap(), None);
        assert!(dir.room().unwrap().total > 0);
    }
}
