//! Watching folders through inotify: what is written, moved in or linked now is reported within a fraction of a second.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::sync::mpsc;

use super::walk::{Walk, below, look};
use super::{path, stat};
use crate::base::Stop;
use crate::base::disk::Dir;
use crate::source::Report;

/// While nothing happens, the end of the watch is looked for this often.
const LOOK_NANOS: i64 = 200_000_000;

/// What is gathered at most before it is reported. What happens while a report waits to be taken is gathered meanwhile: a
/// file written ten times in it is looked at once.
const GATHER: usize = 512;

/// A watch on many folders, and the thread that reads it.
pub(super) struct Watch {
    folders: Arc<Folders>,
    thread: tokio::task::JoinHandle<()>,
}

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
    fn forget(&self, at: &[u8]) {
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

impl Watch {
    /// Starts reading; folders are added as a walk comes by. Reports go to `live` until `stop` is thrown.
    pub(super) fn start(root: Dir, most: usize, live: mpsc::Sender<Report>, stop: Stop) -> Self {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok();
        let folders = Arc::new(Folders { fd, most, state: Mutex::default() });
        let thread = {
            let folders = Arc::clone(&folders);
            tokio::task::spawn_blocking(move || Reader { root, folders, live, stop, seen: BTreeSet::new() }.run())
        };
        Self { folders, thread }
    }

    /// What a walk adds to.
    pub(super) fn folders(&self) -> &Folders {
        &self.folders
    }

    /// Waits until the reader has been stopped.
    pub(super) async fn ended(self) -> Result<(), String> {
        self.thread.await.map_err(|e| e.to_string())
    }
}

/// Returns when there is something to read, on a signal, and after a while.
fn wait_for(ready: &mut [PollFd<'_>]) {
    let wait = Timespec { tv_sec: 0, tv_nsec: LOOK_NANOS };
    let _ = rustix::event::poll(ready, Some(&wait));
}

struct Reader {
    root: Dir,
    folders: Arc<Folders>,
    live: mpsc::Sender<Report>,
    stop: Stop,
    /// Paths to be looked at: files, and new folders (with a slash at the end).
    seen: BTreeSet<Vec<u8>>,
}

impl Reader {
    fn run(mut self) {
        let folders = Arc::clone(&self.folders);
        let Some(fd) = &folders.fd else {
            // Nothing to read; but only the end of the scan's owner may look like the end of the watch.
            while self.goes_on() {
                wait_for(&mut []);
            }
            return;
        };
        let mut buffer = vec![MaybeUninit::uninit(); 64 * 1024];
        // Outside the loop: what it has read and not handed out yet is still in it.
        let mut events = inotify::Reader::new(fd, &mut buffer);
        while self.goes_on() {
            if events.is_buffer_empty() {
                wait_for(&mut [PollFd::new(fd, PollFlags::IN)]);
            }
            while self.seen.len() < GATHER
                && let Ok(event) = events.next()
            {
                let name = event.file_name().map(|name| name.to_bytes().to_vec());
                self.take(event.wd(), event.events(), name);
            }
            self.report();
        }
    }

    fn goes_on(&self) -> bool {
        !self.stop.is_stopped() && !self.live.is_closed()
    }

    fn take(&mut self, wd: i32, events: ReadFlags, name: Option<Vec<u8>>) {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            let detail = "more changed at once than the system keeps (fs.inotify.max_queued_events)".to_owned();
            self.send(Report::Missed(detail));
            return;
        }
        if events.contains(ReadFlags::IGNORED) {
            self.folders.lock().folders.remove(&wd);
            return;
        }
        let folder = self.folders.lock().folders.get(&wd).cloned();
        let (Some(folder), Some(name)) = (folder, name) else { return };
        let at = below(&folder, OsStr::from_bytes(&name));
        let is_folder = events.contains(ReadFlags::ISDIR);
        if is_folder && events.contains(ReadFlags::MOVED_FROM) {
            self.folders.forget(&at);
        } else if is_folder && events.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
            self.seen.insert([at.as_slice(), b"/"].concat());
        } else if !is_folder && events.intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO | ReadFlags::CREATE) {
            // A file just created is empty and will be closed; only a new name of an old file has no such end.
            let created_only = !events.intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO);
            if !created_only || look(&self.root, &at).is_some_and(|(stat, _)| stat.st_nlink > 1) {
                self.seen.insert(at);
            }
        }
    }

    fn report(&mut self) {
        let mut files = Vec::new();
        for at in std::mem::take(&mut self.seen) {
            if let Some(folder) = at.strip_suffix(b"/") {
                // Whatever was put into it before it was watched is found by listing it, after it is watched.
                let mut walk = Walk::new(&self.root, &self.live, &self.stop);
                walk.watch(&self.folders);
                walk.run(folder);
                walk.flush();
            } else if at.len() <= path::LONGEST
                && let Some((stat, key)) = look(&self.root, &at)
            {
                files.push(stat::found(key, &stat));
            }
        }
        if !files.is_empty() {
            self.send(Report::Files(files));
        }
    }

    fn send(&self, report: Report) {
        // Nobody listens any more only when the scan's owner has ended; `run` sees that by itself.
        let _ = self.live.blocking_send(report);
    }
}
