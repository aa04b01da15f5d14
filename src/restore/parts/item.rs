//! Files on their way through a batch: written, synced, named, and only then told to the state.

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::Arc;

use super::folders::{Folders, Spot, Wrong, wrong};
use super::member::Place;
use super::syncs::{Mark, Synced};
use crate::base::Shown;
use crate::base::clock::Mono;
use crate::base::disk::Trouble;
use crate::base::hash::Hash32;
use crate::base::ids::DestId;
use crate::restore::landing::{NotRestored, holds, in_the_way};
use crate::store::{FileOutcome, RestoreState};
use rustix::fs::FileType;

/// A file with its outcome, or one that has all but its name.
#[derive(Debug)]
pub(super) struct Item {
    /// Its outcome; of one that is to be named, the one that it then has.
    pub outcome: FileOutcome,
    /// The device that has to be synced before the outcome is told.
    pub device: Option<u64>,
    /// From before anything was written for it that is not known to be durable.
    pub mark: Mark,
    /// What is to be named.
    pub landing: Option<Landing>,
}

/// A file that is whole and checked under a name of firn's.
#[derive(Debug)]
pub(super) struct Landing {
    /// The folder.
    pub spot: Arc<Spot>,
    /// What it is called there.
    pub part: OsString,
    /// Which file it is: another try may have taken its name meanwhile.
    pub inode: u64,
    /// What it is to be called.
    pub name: OsString,
    /// Whether what has that name is replaced.
    pub overwrite: bool,
    /// SHA-256 of its bytes.
    pub sha256: Hash32,
}

/// Files that share their syncs.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The files.
    pub items: Vec<Item>,
    /// Bytes that were written for them.
    pub bytes: u64,
    /// When the first came.
    pub began: Option<Mono>,
}

impl Item {
    /// One whose outcome is known, on a device that is to be synced.
    pub(super) fn settled((offset, n): Place, state: RestoreState, bytes: u64, (device, mark): (u64, Mark)) -> Self {
        let outcome = FileOutcome { offset, n, state, bytes, reason: None };
        Self { outcome, device: Some(device), mark, landing: None }
    }

    /// One that is not restored.
    pub(super) fn failed((offset, n): Place, reason: String) -> Self {
        let outcome = FileOutcome { offset, n, state: RestoreState::Failed, bytes: 0, reason: Some(reason) };
        Self { outcome, device: None, mark: Mark::default(), landing: None }
    }

    /// Why it may not be durable, by the syncs of its device.
    pub(super) fn lost(&self, synced: &HashMap<u64, Synced>) -> Option<String> {
        synced.get(&self.device?)?.loses(self.mark).map(str::to_owned)
    }
}

impl Batch {
    /// The devices that must be synced for it, with how many files and bytes wait for each.
    pub(super) fn devices(items: &[Item]) -> HashMap<u64, (usize, u64)> {
        let mut devices: HashMap<u64, (usize, u64)> = HashMap::new();
        for item in items {
            if let Some(device) = item.device {
                let (files, bytes) = devices.entry(device).or_default();
                *files += 1;
                *bytes += item.outcome.bytes;
            }
        }
        devices
    }
}

/// Gives files their names, which are durable when what is written from `mark` on is. Those that could get none for a reason that is their destination's are not among those that
/// come back; the reasons are.
pub(super) fn name_all(folders: &mut Folders, items: Vec<Item>, mark: Mark) -> (Vec<Item>, Vec<(DestId, String)>) {
    let mut troubles = Vec::new();
    let mut named = Vec::with_capacity(items.len());
    for mut item in items {
        let Some(landing) = item.landing.take() else {
            named.push(item);
            continue;
        };
        match name(folders, &landing) {
            Ok(state) => {
                item.outcome.state = state;
                item.mark = mark;
                named.push(item);
            }
            Err(why) => {
                remove(folders, &landing);
                match why {
                    Wrong::File(why) => {
                        let place = (item.outcome.offset, item.outcome.n);
                        named.push(Item::failed(place, why.to_string()));
                    }
                    Wrong::Place(why) => troubles.push((landing.spot.dest, why)),
                }
            }
        }
    }
    (named, troubles)
}

fn name(folders: &mut Folders, landing: &Landing) -> Result<RestoreState, Wrong> {
    let gone =
        |what: String| Wrong::Place(format!("{what} was taken away while it was restored; it is restored again"));
    let Some(open) = folders.open(&landing.spot, false)? else {
        let path: std::path::PathBuf = landing.spot.folders.iter().collect();
        return Err(gone(format!("the folder {} of the destination", Shown::path(&path))));
    };
    let dir = &open.dir;
    match dir.entry(&landing.part).map_err(|e| wrong(&e, false))? {
        Some(entry) if entry.inode == landing.inode => {}
        _ => return Err(gone(format!("the file {}", Shown::path(&dir.join(&landing.part))))),
    }
    let named = if landing.overwrite {
        dir.rename_over(&landing.part, &landing.name)
    } else {
        dir.rename_new(&landing.part, dir, &landing.name)
    };
    let Err(e) = named else { return Ok(RestoreState::Delivered) };
    // Something got there meanwhile, or is a folder that is not replaced.
    match dir.entry(&landing.name) {
        Ok(Some(entry)) if entry.kind == FileType::RegularFile && e.trouble() == Trouble::Exists => {
            let there = dir.open_file(&landing.name);
            let same = there.is_ok_and(|file| holds(&file, (entry.size, landing.sha256)));
            if !same {
                return Err(Wrong::File(NotRestored::Exists));
            }
            remove(folders, landing);
            Ok(RestoreState::There)
        }
        Ok(Some(entry)) if entry.kind != FileType::RegularFile => {
            Err(Wrong::File(in_the_way(dir, &landing.name, entry.kind)))
        }
        _ => Err(wrong(&e, landing.spot.folders.is_empty())),
    }
}

/// Removes what was to be named: if it is still the file that it was, and no other try's.
pub(super) fn remove(folders: &mut Folders, landing: &Landing) {
    let Ok(Some(open)) = folders.open(&landing.spot, false) else { return };
    if open.dir.entry(&landing.part).is_ok_and(|entry| entry.is_some_and(|entry| entry.inode == landing.inode)) {
        // One that cannot be removed is found and replaced by the next try.
        let _ = open.dir.remove(&landing.part);
    }
}
