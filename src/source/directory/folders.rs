//! The folders that are watched, and by which number the system calls each.

use std::collections::HashMap;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::inotify::{self, WatchFlags};
use rustix::io::Errno;

use crate::source::Report;

/// The folders that are watched.
pub(super) struct Folders {
    /// Nothing when the system gave no inotify instance.
    fd: Option<OwnedFd>,
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By watch descriptor: the folder's path below the root.
    folders: HashMap<i32, Box<[u8]>>,
    limit_told: bool,
}

impl Folders {
    /// None yet; `most` may be.
    pub(super) fn new(fd: Option<OwnedFd>, most: usize) -> Self {
        Self { fd, most, state: Mutex::default() }
    }

    /// Where events come from, if the system gave an instance.
    pub(super) fn fd(&self) -> Option<&OwnedFd> {
        self.fd.as_ref()
    }

    /// The path of a watched folder.
    pub(super) fn path(&self, wd: i32) -> Option<Box<[u8]>> {
        self.lock().folders.get(&wd).cloned()
    }

    /// The system does not watch it any more.
    pub(super) fn gone(&self, wd: i32) {
        self.lock().folders.remove(&wd);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches an open folder. A report if this is the first one that cannot be.
    pub(super) fn add(&self, dir: &rustix::fs::Dir, at: &[u8]) -> Option<Report> {
        let mut state = self.lock();
        let watched = state.folders.len();
        let added = match &self.fd {
            None => Err("the system gives no more inotify instances (fs.inotify.max_user_instances)".to_owned()),
            Some(_) if watched >= self.most => Err(format!("firn watches at most {} folders", self.most)),
            Some(fd) => dir.fd().and_then(|dir| add_watch(fd, dir.as_raw_fd())).map_err(|errno| match errno {
                Errno::NOSPC => "the system lets no more be watched (fs.inotify.max_user_watches)".to_owned(),
                other => std::io::Error::from(other).to_string(),
            }),
        };
        match added {
            Ok(wd) => {
                state.folders.insert(wd, at.into());
                None
            }
            Err(detail) if !state.limit_told => {
                state.limit_told = true;
                Some(Report::WatchLimit { watched: watched as u64, detail })
            }
            Err(_) => None,
        }
    }

    /// Forgets the folder at `at` and all below it.
    pub(super) fn forget(&self, at: &[u8]) {
        let Some(fd) = &self.fd else { return };
        let inside = |folder: &[u8]| folder.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest[0] == b'/');
        self.lock().folders.retain(|wd, folder| {
            let forget = inside(folder);
            if forget {
                // It may be gone already; then so is the watch.
                let _ = inotify::remove_watch(fd, *wd);
            }
            !forget
        });
    }
}

/// By way of the open folder itself, so that the watch is on what is being listed and on nothing else.
fn add_watch(fd: &OwnedFd, dir: i32) -> Result<i32, Errno> {
    let events = WatchFlags::CLOSE_WRITE
        | WatchFlags::CREATE
        | WatchFlags::MOVED_TO
        | WatchFlags::MOVED_FROM
        | WatchFlags::ONLYDIR
        | WatchFlags::EXCL_UNLINK;
    inotify::add_watch(fd, format!("/proc/self/fd/{dir}"), events)
}
