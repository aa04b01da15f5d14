//! A directory as a source: every regular file below one folder.
//!
//! | what stands there | what firn does |
//! | --- | --- |
//! | a regular file, empty or not, any bytes in its name | backs it up; its key is its path below the root |
//! | a hard link | each name is a file of its own, stored once per name |
//! | a symbolic link, socket, fifo, device | leaves it out, names the first of each kind; never opens or follows it |
//! | a folder that cannot be read | a finding; nothing below it is taken for gone |
//! | a folder on another device (a mount) | goes into it |
//! | a folder exchanged for a link during the scan | does not go there: every step is relative to an open folder and follows no link |
//! | a file that changes, grows or shrinks while it is read | is not stored as read; tried again |
//! | a file that is replaced while it is read | the same; what stands under its name by then is the version tried next |
//! | a file that is gone, or no regular file any more, when its turn comes | leaves the queue, marked gone |
//! | folders nested deeper than 512, or paths over 4,095 bytes | a finding; the rest goes on |
//! | more folders than the system lets one watch | a finding; the scans find what changes there |
//! | more changes at once than the system keeps | told as missed: everything is scanned again |
//! | a file written or given a new name | reported when it is closed or named, within two seconds |
//! | a file changed just now | read once its times would show another change: after 20 ms, or 2 s where the file system counts in seconds |
//! | a file written through a mapping | found by the next scan once the system has given it a new time; a second store to a page that is not written back yet gives none, and is missed until the file is closed, synced or written otherwise |
//! | a file written by another host, or held open; one linked into place from a nameless one (`O_TMPFILE`); a change of mode or owner; a mount that appears | found by the next scan only |

mod folders;
mod path;
mod read;
mod stat;
mod walk;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Presence, ReadWhole, Reading, Report, Root, Seen, Source, SourceError, Unread, Wanted};
use crate::base::buffers::Buffer;
use crate::base::disk::Dir;
use crate::base::ids::Key;
use crate::base::task;
use crate::base::{Clock, Shown, Stop};

/// A folder of this machine.
#[derive(Debug, Clone)]
pub struct DirectorySource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    path: PathBuf,
    /// Set once the system has refused to open a file without touching its access time (only its owner may).
    touches_atime: AtomicBool,
    /// At most this many folders are watched, whatever the system allows.
    watches: usize,
    /// What times of files are compared with: the system's, whatever clock the rest works by.
    clock: Clock,
}

/// Memory for a quarter of a million paths; a tree with more folders is left to the scans.
const MOST_WATCHES: usize = 250_000;

impl DirectorySource {
    /// The source `name` below the folder `path`. Nothing is read yet.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        let (name, path) = (name.into(), path.into());
        let touches_atime = AtomicBool::new(false);
        Self(Arc::new(Inner { name, path, touches_atime, watches: MOST_WATCHES, clock: Clock::system() }))
    }

    /// The same, with fewer watches.
    #[must_use]
    pub fn with_watches(self, watches: usize) -> Self {
        let (name, path, clock) = (self.0.name.clone(), self.0.path.clone(), self.0.clock.clone());
        Self(Arc::new(Inner { name, path, touches_atime: AtomicBool::new(false), watches, clock }))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl Inner {
    fn open_root(&self) -> Result<Dir, SourceError> {
        Dir::open(&self.path).map_err(|e| SourceError::NoRoot {
            name: self.name.clone(),
            place: Shown::path(&self.path).to_string(),
            detail: e.source.to_string(),
        })
    }
}

#[async_trait]
impl Source for DirectorySource {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn kind(&self) -> &'static str {
        "directory"
    }

    fn place(&self) -> String {
        Shown::path(&self.0.path).to_string()
    }

    async fn root(&self) -> Result<Root, SourceError> {
        self.blocking(|inner| {
            let dir = inner.open_root()?;
            let failed = |detail: String| SourceError::NoRoot {
                name: inner.name.clone(),
                place: Shown::path(&inner.path).to_string(),
                detail,
            };
            let mut is_empty = true;
            dir.each_name(|_, _| {
                is_empty = false;
                false
            })
            .map_err(|e| failed(e.to_string()))?;
            let device = stat::device(&dir).map_err(|e| failed(e.to_string()))?;
            let inode = rustix::fs::fstat(dir.fd()).map_err(|e| failed(std::io::Error::from(e).to_string()))?.st_ino;
            Ok(Root { device: Some(device), is_empty, inode: Some(inode) })
        })
        .await?
    }

    async fn scan(
        &self,
        scanned: mpsc::Sender<Report>,
        live: Option<mpsc::Sender<Report>>,
        stop: Stop,
    ) -> Result<(), SourceError> {
        let root = self.blocking(Inner::open_root).await??;
        let watch = live.map(|live| watch::Watch::start(root.clone(), self.0.watches, live, stop.clone()));
        let ended = self
            .blocking(move |_| {
                let mut walk = walk::Walk::new(&root, &scanned, &stop);
                if let Some(watch) = &watch {
                    walk.watch(watch.folders());
                }
                walk.run(b"");
                walk.finish();
                watch
            })
            .await?;
        match ended {
            // The scan is over; the watch goes on until it is stopped.
            Some(watch) => watch.ended().await,
            None => Ok(()),
        }
        .map_err(|detail| SourceError::Internal { name: self.0.name.clone(), detail })
    }

    async fn read_whole(&self, wanted: Vec<Wanted>, buffer: Buffer, seen: Box<dyn Seen>) -> ReadWhole {
        read::read_whole(Arc::clone(&self.0), wanted, buffer, seen).await
    }

    async fn open(&self, wanted: Wanted) -> Result<Box<dyn Reading>, Unread> {
        read::open(Arc::clone(&self.0), wanted).await
    }

    async fn present(&self, keys: Vec<Key>) -> Vec<Presence> {
        let all = keys.len();
        let looked = self.blocking(move |inner| {
            let root = inner.open_root().ok();
            keys.iter().map(|key| root.as_ref().map_or(Presence::CannotTell, |root| path::present(root, key))).collect()
        });
        looked.await.unwrap_or_else(|_| vec![Presence::CannotTell; all])
    }
}

impl DirectorySource {
    async fn blocking<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, SourceError> {
        let inner = Arc::clone(&self.0);
        let done = task::blocking(move || op(&inner)).await;
        done.map_err(|e| SourceError::Internal { name: self.0.name.clone(), detail: e.to_string() })
    }
}
