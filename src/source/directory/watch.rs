//! Watching folders through inotify: what is written, moved in or linked now is reported within a fraction of a second.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags};
use tokio::sync::mpsc;

use super::folders::Folders;
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

impl Watch {
    /// Starts reading; folders are added as a walk comes by. Reports go to `live` until `stop` is thrown.
    pub(super) fn start(root: Dir, most: usize, live: mpsc::Sender<Report>, stop: Stop) -> Self {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok();
        let folders = Arc::new(Folders::new(fd, most));
        let thread = {
            let folders = Arc::clone(&folders);
            // Not work that somebody waits for: it runs as long as the watch does.
            #[allow(clippy::disallowed_methods)]
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
        let Some(fd) = folders.fd() else {
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
            self.folders.gone(wd);
            return;
        }
        let folder = self.folders.path(wd);
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
