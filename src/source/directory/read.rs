//! Reading one version of a file: exactly its bytes, or the reason why not.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use super::{Inner, path, stat};
use crate::base::Shown;
use crate::base::buffers::Buffer;
use crate::base::disk::Dir;
use crate::base::file::FoundFile;
use crate::base::ids::Key;
use crate::base::task;
use crate::source::{ReadWhole, Reading, Seen, Unread, Wanted};

/// Read and shown at a time: stays in a processor's own cache until it has been seen.
const PIECE: usize = 512 << 10;

pub(super) async fn read_whole(
    inner: Arc<Inner>,
    wanted: Vec<Wanted>,
    buffer: Buffer,
    seen: Box<dyn Seen>,
) -> ReadWhole {
    let all = wanted.len();
    let done = task::blocking(move || {
        let (mut buffer, mut seen) = (buffer, seen);
        let mut results = Vec::with_capacity(wanted.len());
        let root = inner.open_root();
        let mut used = 0;
        for (file, wanted) in wanted.iter().enumerate() {
            let result = match &root {
                Ok(root) => one(&inner, root, wanted, &mut buffer, used, |bytes| seen.bytes(file, bytes)),
                Err(e) => Err(Unread::Failed { reason: "root", detail: e.to_string() }),
            };
            results.push(result.map(|length| {
                let start = used;
                used += length;
                start
            }));
        }
        buffer.set_used(used);
        ReadWhole { buffer, results, seen: Some(seen) }
    });
    done.await.unwrap_or_else(|e| {
        // The buffer went down with the task and was given back; nothing is in the new one.
        let failed = Unread::Failed { reason: "internal", detail: format!("internal error: {e}") };
        ReadWhole { buffer: Buffer::empty(), results: vec![Err(failed); all], seen: None }
    })
}

/// Reads one file behind what the buffer holds already. Its length.
fn one(
    inner: &Inner,
    root: &Dir,
    wanted: &Wanted,
    buffer: &mut Buffer,
    used: usize,
    mut seen: impl FnMut(&[u8]),
) -> Result<usize, Unread> {
    let file = open_version(inner, root, wanted)?;
    let length = usize::try_from(wanted.length).ok();
    let into = length.and_then(|length| buffer.get_mut(used..used.checked_add(length)?));
    let Some(into) = into else {
        let detail = format!("internal error: no room for {} bytes", wanted.length);
        return Err(Unread::Failed { reason: "internal", detail });
    };
    let mut offset = 0;
    for piece in into.chunks_mut(PIECE) {
        read_exactly(root, &file, wanted, piece, offset)?;
        seen(piece);
        offset += piece.len() as u64;
    }
    unchanged(root, &file, wanted)?;
    Ok(into.len())
}

/// Opens a file that is still the wanted version.
fn open_version(inner: &Inner, root: &Dir, wanted: &Wanted) -> Result<File, Unread> {
    let key = wanted.key.as_bytes();
    // Never waits for a pipe's other end, should the file have become one.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let quiet = !inner.touches_atime.load(Ordering::Relaxed);
    let first = if quiet { flags | OFlags::NOATIME } else { flags };
    let opened = match path::open_beneath(root, key, first) {
        Err(Errno::PERM) if quiet => {
            inner.touches_atime.store(true, Ordering::Relaxed);
            path::open_beneath(root, key, flags)
        }
        other => other,
    };
    let file = File::from(opened.map_err(|errno| failed(&wanted.key, "open", errno))?);
    // Whatever is written after the wait has another time than what is read after it.
    let stat = rustix::fs::fstat(&file).map_err(|errno| failed(&wanted.key, "look at", errno))?;
    inner.clock.pause(stat::too_young(&stat, inner.clock.now()));
    let now = look(&file, &wanted.key)?.ok_or(Unread::Gone)?;
    if now.version == wanted.version { Ok(file) } else { Err(Unread::Changed(Box::new(now))) }
}

/// What an open file is now; nothing if it is no regular file.
fn look(file: impl AsFd, key: &Key) -> Result<Option<FoundFile>, Unread> {
    let stat = rustix::fs::fstat(file).map_err(|errno| failed(key, "look at", errno))?;
    let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    Ok(regular.then(|| stat::found(key.clone(), &stat)))
}

fn read_exactly(root: &Dir, file: &File, wanted: &Wanted, into: &mut [u8], offset: u64) -> Result<(), Unread> {
    match file.read_exact_at(into, offset) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Err(changing(root, &wanted.key)),
        Err(e) => {
            let errno = Errno::from_io_error(&e).unwrap_or(Errno::IO);
            Err(failed(&wanted.key, "read", errno))
        }
    }
}

fn unchanged(root: &Dir, file: &File, wanted: &Wanted) -> Result<(), Unread> {
    let now = look(file, &wanted.key)?.ok_or(Unread::Gone)?;
    if now.version == wanted.version { Ok(()) } else { Err(changing(root, &wanted.key)) }
}

/// What stands under the name by now: the open file may have been removed, or another put in its place.
fn changing(root: &Dir, key: &Key) -> Unread {
    let now = path::open_beneath(root, key.as_bytes(), OFlags::PATH).map_err(|errno| failed(key, "look at", errno));
    match now.and_then(|now| look(now, key)) {
        Ok(Some(now)) => Unread::Changing(Box::new(now)),
        Ok(None) => Unread::Gone,
        Err(unread) => unread,
    }
}

fn failed(key: &Key, tried: &str, errno: Errno) -> Unread {
    // No such device or address: a socket has taken its place.
    if path::says_gone(errno) || errno == Errno::NXIO {
        return Unread::Gone;
    }
    let reason = match errno {
        Errno::ACCESS | Errno::PERM => "permission",
        Errno::MFILE | Errno::NFILE => "open-files",
        _ => "io",
    };
    let detail = format!("cannot {tried} {}: {}", Shown::bytes(key.as_bytes()), std::io::Error::from(errno));
    Unread::Failed { reason, detail }
}

struct OpenFile {
    root: Dir,
    file: Arc<File>,
    wanted: Wanted,
}

pub(super) async fn open(inner: Arc<Inner>, wanted: Wanted) -> Result<Box<dyn Reading>, Unread> {
    let opened = blocking(move || {
        let root = inner.open_root().map_err(|e| Unread::Failed { reason: "root", detail: e.to_string() })?;
        let file = Arc::new(open_version(&inner, &root, &wanted)?);
        Ok(OpenFile { root, file, wanted })
    });
    Ok(Box::new(opened.await?))
}

async fn blocking<T: Send + 'static>(op: impl FnOnce() -> Result<T, Unread> + Send + 'static) -> Result<T, Unread> {
    let done = task::blocking(op).await;
    done.unwrap_or_else(|e| Err(Unread::Failed { reason: "internal", detail: format!("internal error: {e}") }))
}

#[async_trait]
impl Reading for OpenFile {
    async fn read(&mut self, offset: u64, buffer: Buffer) -> Result<Buffer, Unread> {
        let (root, file, wanted) = (self.root.clone(), Arc::clone(&self.file), self.wanted.clone());
        blocking(move || {
            let mut buffer = buffer;
            let left = wanted.length.saturating_sub(offset);
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            read_exactly(&root, &file, &wanted, &mut buffer[..now], offset)?;
            buffer.set_used(now);
            Ok(buffer)
        })
        .await
    }

    async fn finish(self: Box<Self>) -> Result<(), Unread> {
        blocking(move || unchanged(&self.root, &self.file, &self.wanted)).await
    }
}
