//! Listing everything below a folder, with memory that does not grow with the tree: one open folder per level.

use std::collections::BTreeSet;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use tokio::sync::mpsc;

use super::folders::Folders;
use super::{path, stat};
use crate::base::disk::Dir;
use crate::base::file::FoundFile;
use crate::base::ids::Key;
use crate::base::{Shown, Stop};
use crate::source::{NotAFile, Report, Trouble};

/// Folders nested deeper than this are reported and left out: each level costs an open file.
pub(super) const DEEPEST: usize = 512;

/// Files in one report.
const BATCH: usize = 512;

pub(super) struct Walk<'a> {
    root: &'a Dir,
    out: &'a mpsc::Sender<Report>,
    stop: &'a Stop,
    watch: Option<&'a Folders>,
    batch: Vec<FoundFile>,
    skipped: BTreeSet<NotAFile>,
    ended: bool,
}

/// A folder being listed.
struct Level {
    dir: rustix::fs::Dir,
    /// How long the path was before its name was added.
    above: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a Dir, out: &'a mpsc::Sender<Report>, stop: &'a Stop) -> Self {
        Self { root, out, stop, watch: None, batch: Vec::with_capacity(BATCH), skipped: BTreeSet::new(), ended: false }
    }

    /// Watches each folder from just before it is listed.
    pub(super) fn watch(&mut self, watch: &'a Folders) {
        self.watch = Some(watch);
    }

    /// Reports everything below the folder `start` (a path below the root; empty for the root itself).
    pub(super) fn run(&mut self, start: &[u8]) {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY;
        let opened = if start.is_empty() {
            // A second open of the root: listing moves an open folder's position.
            rustix::fs::openat(self.root.fd(), ".", flags | OFlags::CLOEXEC, Mode::empty())
        } else {
            path::open_beneath(self.root, start, flags)
        };
        let mut at = start.to_vec();
        let mut levels = Vec::new();
        match opened.and_then(rustix::fs::Dir::new) {
            Ok(dir) => {
                self.note_watch(&dir, &at);
                levels.push(Level { dir, above: 0 });
            }
            // Exchanged for something else since it was reported, or gone with the folder it was in.
            Err(Errno::NOTDIR | Errno::LOOP) if !start.is_empty() => {}
            Err(errno) => self.trouble(&at, "open the folder", errno),
        }
        while let depth = levels.len()
            && let Some(level) = levels.last_mut()
        {
            if self.ended || self.stop.is_stopped() {
                self.ended = true;
                return;
            }
            match level.dir.read() {
                None => {
                    at.truncate(level.above);
                    levels.pop();
                }
                Some(Err(errno)) => {
                    self.trouble(&at, "list the folder", errno);
                    at.truncate(level.above);
                    levels.pop();
                }
                Some(Ok(entry)) => {
                    let name = entry.file_name();
                    if name == c"." || name == c".." {
                        continue;
                    }
                    let above = at.len();
                    if above > 0 {
                        at.push(b'/');
                    }
                    at.extend_from_slice(name.to_bytes());
                    if let Some(dir) = self.entry(&level.dir, name, entry.file_type(), &at, depth) {
                        levels.push(Level { dir, above });
                    } else {
                        at.truncate(above);
                    }
                }
            }
        }
    }

    /// Sends what is left, and says that this was all (unless it was stopped before).
    pub(super) fn finish(mut self) {
        self.flush();
        self.send(Report::Done);
    }

    /// Takes one entry; a folder comes back opened.
    fn entry(
        &mut self,
        dir: &rustix::fs::Dir,
        name: &CStr,
        kind: FileType,
        at: &[u8],
        depth: usize,
    ) -> Option<rustix::fs::Dir> {
        let mut kind = kind;
        let mut stat = None;
        if matches!(kind, FileType::RegularFile | FileType::Unknown) {
            let looked = dir.fd().and_then(|fd| rustix::fs::statat(fd, name, AtFlags::SYMLINK_NOFOLLOW));
            match looked {
                Ok(found) => {
                    kind = FileType::from_raw_mode(found.st_mode);
                    stat = Some(found);
                }
                Err(errno) => {
                    self.trouble(at, "look at", errno);
                    return None;
                }
            }
        }
        match (kind, stat) {
            (FileType::RegularFile, Some(_)) if at.len() > path::LONGEST => {
                let detail = format!(
                    "{} has a path of {} bytes, over {}; give it a shorter one",
                    Shown::bytes(at),
                    at.len(),
                    path::LONGEST
                );
                self.send(Report::Trouble(Trouble { key: Key::new(at), reason: "too-long", detail }));
            }
            (FileType::RegularFile, Some(stat)) => {
                self.batch.push(stat::found(Key::new(at), &stat));
                if self.batch.len() >= BATCH {
                    self.flush();
                }
            }
            (FileType::Directory, _) if depth >= DEEPEST => {
                let detail = format!(
                    "{} lies {DEEPEST} folders deep; what is below it is not backed up: make it a source of its own",
                    Shown::bytes(at)
                );
                self.send(Report::Trouble(Trouble { key: Key::new(at), reason: "too-deep", detail }));
            }
            (FileType::Directory, _) => {
                let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
                let opened = dir.fd().and_then(|fd| rustix::fs::openat(fd, name, flags, Mode::empty()));
                match opened.and_then(rustix::fs::Dir::new) {
                    Ok(dir) => {
                        self.note_watch(&dir, at);
                        return Some(dir);
                    }
                    // Exchanged for something else since it was listed: its turn comes with the next scan.
                    Err(Errno::NOTDIR | Errno::LOOP) => {}
                    Err(errno) => self.trouble(at, "open the folder", errno),
                }
            }
            (other, _) => {
                let what = stat::not_a_file(other);
                if self.skipped.insert(what) {
                    self.send(Report::Skipped(what, Key::new(at)));
                }
            }
        }
        None
    }

    fn note_watch(&mut self, dir: &rustix::fs::Dir, at: &[u8]) {
        let limit = self.watch.and_then(|watch| watch.add(dir, at));
        if let Some(report) = limit {
            self.send(report);
        }
    }

    fn trouble(&mut self, at: &[u8], tried: &str, errno: Errno) {
        let reason = match errno {
            // It has vanished since it was listed; that is not trouble.
            Errno::NOENT => return,
            Errno::ACCESS | Errno::PERM => "permission",
            Errno::MFILE | Errno::NFILE => "open-files",
            _ => "io",
        };
        let shown = if at.is_empty() { "the root".to_owned() } else { Shown::bytes(at).to_string() };
        let detail = format!("cannot {tried} {shown}: {}", std::io::Error::from(errno));
        self.send(Report::Trouble(Trouble { key: Key::new(at), reason, detail }));
    }

    /// Sends what is left.
    pub(super) fn flush(&mut self) {
        if !self.batch.is_empty() {
            let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
            self.send(Report::Files(batch));
        }
    }

    fn send(&mut self, report: Report) {
        if !self.ended && self.out.blocking_send(report).is_err() {
            // Nobody listens any more.
            self.ended = true;
        }
    }
}

/// What one path names now, if it is a regular file; for single paths that a watch reports.
pub(super) fn look(root: &Dir, key: &[u8]) -> Option<(rustix::fs::Stat, Key)> {
    let fd = path::open_beneath(root, key, OFlags::PATH).ok()?;
    let stat = rustix::fs::fstat(fd).ok()?;
    (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then(|| (stat, Key::new(key)))
}

/// The name of an entry of a folder, as a path below the root.
pub(super) fn below(folder: &[u8], name: &OsStr) -> Vec<u8> {
    let mut at = folder.to_vec();
    if !at.is_empty() {
        at.push(b'/');
    }
    at.extend_from_slice(name.as_bytes());
    at
}
