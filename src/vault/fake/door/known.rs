//! What a client remembers of its own requests, and what an inventory then says about an archive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::REQUEST_LIVES;
use crate::base::hash::Check;
use crate::base::ids::ArchiveUuid;
use crate::base::{Clock, Time};
use crate::vault::fake::core::{Inventory, Listed};
use crate::vault::{ArchiveName, Confirmed, Head};

/// Requests of this door.
#[derive(Debug)]
pub(super) struct Known {
    /// When the door was made. What other processes asked before ended by then.
    since: Time,
    memory: Mutex<Memory>,
}

/// Where in an inventory each name stands.
type Places = BTreeMap<ArchiveUuid, Vec<usize>>;

#[derive(Debug, Default)]
struct Memory {
    /// How many requests about an archive are under way, and when the last one ended.
    asked: BTreeMap<ArchiveUuid, (u32, Time)>,
    /// Archives that were deleted, by the service's id, and when.
    deleted: BTreeMap<Vec<u8>, Time>,
    /// The inventory that was read last, and where in it each name stands.
    read: Option<(Arc<Inventory>, Places)>,
}

/// A request that makes an archive, while it is under way. One whose caller went away has ended, too.
pub(super) struct UnderWay<'a> {
    known: &'a Known,
    clock: &'a Clock,
    uuid: ArchiveUuid,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let now = self.clock.now();
        if let Some((under_way, last)) = self.known.lock().asked.get_mut(&self.uuid) {
            *under_way = under_way.saturating_sub(1);
            *last = now.max(*last);
        }
    }
}

impl Known {
    pub(super) fn since(now: Time) -> Self {
        Self { since: now, memory: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin<'a>(&'a self, uuid: ArchiveUuid, clock: &'a Clock) -> UnderWay<'a> {
        let now = clock.now();
        self.lock().asked.entry(uuid).or_insert((0, now)).0 += 1;
        UnderWay { known: self, clock, uuid }
    }

    pub(super) fn deleted(&self, remote_id: &[u8], now: Time) {
        self.lock().deleted.insert(remote_id.to_vec(), now);
    }

    /// What the newest inventory says about an archive; the next is taken at `next`.
    pub(super) fn head(&self, uuid: ArchiveUuid, newest: Option<&Arc<Inventory>>, next: Time) -> Head {
        let mut memory = self.lock();
        let Some(newest) = newest else {
            return Head::CannotTell(format!(
                "only an inventory tells what it holds, and there is none yet; the first is taken at {next}"
            ));
        };
        memory.read_in(newest);
        let mut deleted = None;
        for listed in memory.listed(uuid) {
            let remote_id = listed.archive_id.as_bytes();
            match (memory.deleted.get(remote_id), ArchiveName::parse(&listed.description)) {
                (None, Some(name)) => {
                    let check = Check::TreeHash(listed.tree_hash);
                    return Head::Stored {
                        name,
                        confirmed: Confirmed { remote_id: remote_id.to_vec(), check, size: listed.size },
                    };
                }
                (at, _) => deleted = deleted.max(at.copied()),
            }
        }
        if let Some(at) = deleted {
            return Head::CannotTell(format!(
                "it was deleted at {at}, after its newest inventory ({}); the next is taken at {next}",
                newest.taken
            ));
        }
        let (under_way, last) = memory.asked.get(&uuid).copied().unwrap_or((0, self.since));
        if under_way > 0 {
            return Head::CannotTell("a request about it is under way".to_owned());
        }
        let settled = last.max(self.since).plus(REQUEST_LIVES);
        if newest.taken > settled {
            return Head::Absent;
        }
        Head::CannotTell(format!(
            "only an inventory tells what it holds, and the newest one ({}) may be older than what was asked of it until {settled}; the next is taken at {next}",
            newest.taken
        ))
    }
}

impl Memory {
    /// Takes up an inventory, and forgets what it makes superfluous.
    fn read_in(&mut self, newest: &Arc<Inventory>) {
        if self.read.as_ref().is_some_and(|(read, _)| read.taken == newest.taken) {
            return;
        }
        let mut places = Places::new();
        for (at, listed) in newest.archives.iter().enumerate() {
            if let Some(name) = ArchiveName::parse(&listed.description) {
                places.entry(name.uuid).or_default().push(at);
            }
        }
        self.asked.retain(|_, (under_way, last)| *under_way > 0 || newest.taken <= last.plus(REQUEST_LIVES));
        self.deleted.retain(|_, at| newest.taken <= *at);
        self.read = Some((Arc::clone(newest), places));
    }

    /// What the inventory lists under firn's name for an archive.
    fn listed(&self, uuid: ArchiveUuid) -> impl Iterator<Item = &Listed> {
        let read = self.read.as_ref();
        let places = read.and_then(|(_, places)| places.get(&uuid)).into_iter().flatten();
        places.filter_map(move |at| read.and_then(|(inventory, _)| inventory.archives.get(*at)))
    }
}
