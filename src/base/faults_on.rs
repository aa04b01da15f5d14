//! The test build's side of [`super`]: counting, aborting, forgetting.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// What a power cut takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loss {
    Nothing,
    Data,
    Names,
    All,
    Some(u64),
}

/// Before which step to abort.
enum At {
    /// The k-th of all.
    Step(u64),
    /// The n-th of that name.
    Named(String, u64),
}

struct Plan {
    crash_at: Option<At>,
    loss: Loss,
    limbo: Option<PathBuf>,
    bug: String,
    log: Option<File>,
}

#[derive(Default)]
struct Journal {
    steps: u64,
    /// Steps of the name that is waited for.
    named: u64,
    limbo_names: u64,
    /// By inode: what of a file is not durable.
    files: BTreeMap<(u64, u64), Dirty>,
    /// Names not durable, oldest first, each with its number.
    names: Vec<(u64, NameChange)>,
    /// How many names have changed.
    changes: u64,
}

struct Dirty {
    path: PathBuf,
    durable_len: u64,
    /// Bytes overwritten below `durable_len`, oldest first.
    old: Vec<(u64, Vec<u8>)>,
}

enum NameChange {
    Made { path: PathBuf, folder: bool },
    Renamed { from: PathBuf, to: PathBuf },
    Removed { path: PathBuf, limbo: PathBuf },
}

impl Journal {
    fn changed(&mut self, change: NameChange) {
        self.changes += 1;
        self.names.push((self.changes, change));
    }
}

impl NameChange {
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Made { path, .. } | Self::Removed { path, .. } | Self::Renamed { to: path, .. } => path.parent(),
        }
    }
}

static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let text = |name| std::env::var(name).unwrap_or_default();
    let loss = match text("FIRN_CRASH_LOSS").as_str() {
        "data" => Loss::Data,
        "names" => Loss::Names,
        "all" => Loss::All,
        other => other.strip_prefix("seed:").and_then(|n| n.parse().ok()).map_or(Loss::Nothing, Loss::Some),
    };
    Plan {
        crash_at: crash_at(&text("FIRN_CRASH_AT")),
        loss,
        limbo: std::env::var_os("FIRN_CRASH_LIMBO").map(PathBuf::from),
        bug: text("FIRN_BUG"),
        log: std::env::var_os("FIRN_STEP_LOG")
            .and_then(|path| File::options().append(true).create(true).open(path).ok()),
    }
});

/// `17`, or `vault: put#1`.
fn crash_at(text: &str) -> Option<At> {
    match text.split_once('#') {
        Some((name, n)) => Some(At::Named(name.to_owned(), n.parse().ok()?)),
        None => text.parse().ok().map(At::Step),
    }
}

static JOURNAL: LazyLock<Mutex<Journal>> = LazyLock::new(Mutex::default);

fn journal() -> MutexGuard<'static, Journal> {
    JOURNAL.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forgetful() -> bool {
    PLAN.crash_at.is_some() && PLAN.loss != Loss::Nothing
}

/// Counts a durable step; aborts before the one that `FIRN_CRASH_AT` names.
pub fn step(name: &str) {
    if let Some(mut log) = PLAN.log.as_ref() {
        // One write a line, so that lines of two threads do not mix. A log that cannot be written fails its test.
        let _ = log.write_all(format!("{name}\n").as_bytes());
    }
    let Some(at) = &PLAN.crash_at else { return };
    let mut journal = journal();
    journal.steps += 1;
    let now = match at {
        At::Step(k) => journal.steps == *k,
        At::Named(wanted, n) => {
            journal.named += u64::from(wanted == name);
            wanted == name && journal.named == *n
        }
    };
    if now {
        power_cut(&mut journal);
        if let Some(limbo) = &PLAN.limbo {
            // Tells the test which step it was; the process is about to vanish.
            let _ = fs::write(limbo.join("crashed-before"), format!("{} {name}\n", journal.steps));
        }
        std::process::abort();
    }
}

/// Whether the deliberate mistake `name` is switched on.
pub fn bug(name: &str) -> bool {
    PLAN.bug == name
}

pub(in crate::base) fn made_dir(path: &Path) {
    if forgetful() {
        journal().changed(NameChange::Made { path: path.to_owned(), folder: true });
    }
}

pub(in crate::base) fn created(path: &Path) {
    if forgetful() {
        journal().changed(NameChange::Made { path: path.to_owned(), folder: false });
    }
}

pub(in crate::base) fn replacing(path: &Path) {
    // The file that loses its name is kept aside, so that a power cut can give the name back to it.
    if path.exists() {
        kept_in_limbo(path);
    }
}

pub(in crate::base) fn renamed(from: &Path, to: &Path) {
    if forgetful() {
        let mut journal = journal();
        for dirty in journal.files.values_mut() {
            if dirty.path == from {
                to.clone_into(&mut dirty.path);
            }
        }
        journal.changed(NameChange::Renamed { from: from.to_owned(), to: to.to_owned() });
    }
}

pub(in crate::base) fn kept_in_limbo(path: &Path) -> bool {
    let Some(folder) = PLAN.limbo.as_ref().filter(|_| forgetful()) else { return false };
    let mut journal = journal();
    journal.limbo_names += 1;
    let limbo = folder.join(format!("{}-{}", std::process::id(), journal.limbo_names));
    if fs::rename(path, &limbo).is_err() {
        return false;
    }
    journal.changed(NameChange::Removed { path: path.to_owned(), limbo });
    true
}

pub(in crate::base) fn dir_synced(folder: &Path) {
    if forgetful() {
        journal().names.retain(|(_, change)| {
            let durable = change.folder() == Some(folder);
            if let (true, NameChange::Removed { limbo, .. }) = (durable, change) {
                let _ = fs::remove_file(limbo);
            }
            !durable
        });
    }
}

pub(in crate::base) fn writing(file: &File, path: &Path, offset: u64, len: usize) {
    if !forgetful() {
        return;
    }
    let Ok(meta) = file.metadata() else { return };
    let mut journal = journal();
    let dirty = journal.files.entry((meta.dev(), meta.ino())).or_insert_with(|| Dirty {
        path: path.to_owned(),
        durable_len: meta.len(),
        old: Vec::new(),
    });
    // A truncation (no bytes) loses everything behind it; a write loses what it covers.
    let end = if len == 0 { dirty.durable_len } else { offset.saturating_add(len as u64) };
    if offset < dirty.durable_len {
        let lost = end.min(dirty.durable_len) - offset;
        let mut old = vec![0; usize::try_from(lost).unwrap_or(0)];
        if file.read_exact_at(&mut old, offset).is_ok() {
            dirty.old.push((offset, old));
        }
    }
}

pub(in crate::base) fn synced(file: &File, path: &Path) {
    if !forgetful() {
        return;
    }
    let Ok(meta) = file.metadata() else { return };
    let fresh = Dirty { path: path.to_owned(), durable_len: meta.len(), old: Vec::new() };
    let mut journal = journal();
    let entry = journal.files.entry((meta.dev(), meta.ino())).or_insert(fresh);
    entry.durable_len = meta.len();
    entry.old.clear();
}

/// A whole file system is synced: what was written or named there before it began is durable after it.
pub(in crate::base) fn syncing<T>(folder: &OwnedFd, sync: impl FnOnce() -> T) -> T {
    if !forgetful() {
        return sync();
    }
    let Ok(device) = rustix::fs::fstat(folder).map(|stat| stat.st_dev) else { return sync() };
    let (written, changes) = {
        let journal = journal();
        let there = journal.files.iter().filter(|(id, _)| id.0 == device);
        let length = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
        let written: Vec<_> = there.map(|(id, dirty)| (*id, dirty.old.len(), length(&dirty.path))).collect();
        (written, journal.changes)
    };
    let done = sync();
    let mut journal = journal();
    for (id, old, length) in written {
        if let Some(dirty) = journal.files.get_mut(&id) {
            dirty.old.drain(..old.min(dirty.old.len()));
            dirty.durable_len = dirty.durable_len.max(length);
        }
    }
    let on = |path: &Path| fs::metadata(path).is_ok_and(|meta| meta.dev() == device);
    journal.names.retain(|(number, change)| {
        let durable = *number <= changes && change.folder().is_some_and(on);
        if let (true, NameChange::Removed { limbo, .. }) = (durable, change) {
            let _ = fs::remove_file(limbo);
        }
        !durable
    });
    done
}

fn power_cut(journal: &mut Journal) {
    let mut random = match PLAN.loss {
        Loss::Some(seed) => seed ^ 0x9e37_79b9_7f4a_7c15,
        _ => 0,
    };
    let mut takes = |kind: Loss| match PLAN.loss {
        Loss::Nothing => false,
        Loss::All => true,
        Loss::Some(_) => {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random & 1 == 1
        }
        only => only == kind,
    };
    for dirty in journal.files.values() {
        if takes(Loss::Data) {
            let Ok(file) = File::options().write(true).open(&dirty.path) else { continue };
            // What is durable as it is keeps its time, too.
            if dirty.old.is_empty() && file.metadata().is_ok_and(|meta| meta.len() == dirty.durable_len) {
                continue;
            }
            for (offset, bytes) in dirty.old.iter().rev() {
                let _ = file.write_all_at(bytes, *offset);
            }
            let _ = file.set_len(dirty.durable_len);
        }
    }
    for (_, change) in journal.names.drain(..).rev() {
        if !takes(Loss::Names) {
            continue;
        }
        let _ = match change {
            NameChange::Made { path, folder: true } => fs::remove_dir(path),
            NameChange::Made { path, folder: false } => fs::remove_file(path),
            NameChange::Renamed { from, to } => fs::rename(to, from),
            NameChange::Removed { path, limbo } => fs::rename(limbo, path),
        };
    }
}
