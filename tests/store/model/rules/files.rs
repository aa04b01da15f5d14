//! Files and their versions, and what can be restored of them.

use firn::base::Time;
use firn::base::ids::Lane;
use firn::store::{NEW_VERSION_WITHIN, QueueState};

use super::{Answer, Copy, File, Queued, Rules, length, next};

impl Rules {
    pub(super) fn count(&mut self, vault: bool, lane: Lane, what: usize, number: i64, bytes: i64) {
        let counts = self.totals.entry((vault, lane)).or_default();
        counts[what].0 += number;
        counts[what].1 += bytes;
    }

    pub(super) fn put_in_queue(&mut self, file: i64, lane: Lane) {
        let row = Queued {
            lane,
            state: QueueState::Queued,
            attempts: 0,
            since: self.now,
            next_try: self.now,
            owner: None,
            generation: 0,
            archive: None,
        };
        self.queue.insert(file, row);
        self.count(false, lane, 0, 1, length(self.files[&file].version));
    }

    pub(super) fn leave(&mut self, file: i64) {
        let row = self.queue.remove(&file).unwrap();
        self.count(false, row.lane, 1, 1, length(self.files[&file].version));
    }

    pub(super) fn waits(&self, file: i64) -> bool {
        self.queue.get(&file).is_some_and(|row| matches!(row.state, QueueState::Queued | QueueState::Failed))
    }

    pub(super) fn is_member(&self, file: i64) -> bool {
        self.archives.values().any(|a| a.members.iter().any(|m| m.0 == file))
    }

    pub(super) fn of_key(&self, key: u8) -> Vec<i64> {
        self.files.iter().filter(|(_, file)| file.key == key).map(|(id, _)| *id).collect()
    }

    pub(super) fn supersede_others(&mut self, key: u8, but: i64) {
        for id in self.of_key(key) {
            if id != but {
                let now = self.now;
                let file = self.files.get_mut(&id).unwrap();
                file.superseded = file.superseded.or(Some(now));
                if self.waits(id) {
                    self.leave(id);
                }
            }
        }
    }

    pub(super) fn become_version(&mut self, id: i64, version: u8) {
        let now = self.now;
        let file = self.files.get_mut(&id).unwrap();
        let longer = length(version) - length(file.version);
        if file.version != version {
            file.first_seen = now;
        }
        (file.version, file.superseded, file.gone) = (version, None, None);
        let row = self.queue.get_mut(&id).unwrap();
        (row.archive, row.next_try) = (None, row.next_try.min(now.plus(NEW_VERSION_WITHIN)));
        let lane = row.lane;
        self.count(false, lane, 0, 0, longer);
    }

    pub(super) fn overtake(&mut self, id: i64) {
        if self.waits(id) && self.queue[&id].lane == Lane::History {
            let bytes = length(self.files[&id].version);
            self.count(false, Lane::History, 0, -1, -bytes);
            self.count(false, Lane::Live, 0, 1, bytes);
            self.queue.get_mut(&id).unwrap().lane = Lane::Live;
        }
    }

    pub fn found(&mut self, session: i64, lane: Lane, files: &[(u8, u8)]) -> Answer<u64> {
        self.alive(session)?;
        Ok(files.iter().map(|(key, version)| u64::from(self.enter(lane, *key, *version))).sum())
    }

    pub(super) fn enter(&mut self, lane: Lane, key: u8, version: u8) -> bool {
        let rows = self.of_key(key);
        if let Some(id) = rows.iter().copied().find(|id| self.files[id].version == version) {
            let file = &self.files[&id];
            if file.superseded.is_none() && file.gone.is_none() {
                if lane == Lane::Live && self.queue.get(&id).is_some_and(|row| row.state == QueueState::Queued) {
                    self.overtake(id);
                }
                return false;
            }
            self.supersede_others(key, id);
            let file = self.files.get_mut(&id).unwrap();
            (file.superseded, file.gone) = (None, None);
            let safe = self.archives.values().any(|a| a.is_safe() && a.members.iter().any(|m| m.0 == id));
            if safe || self.queue.contains_key(&id) {
                return false;
            }
            self.put_in_queue(id, lane);
            return true;
        }
        // A row that is no part of any archive yet may become another version; the current one first.
        let free = rows.iter().copied().filter(|id| self.waits(*id) && !self.is_member(*id));
        let free = free.min_by_key(|id| (self.files[id].superseded.is_some() || self.files[id].gone.is_some(), *id));
        if let Some(id) = free {
            self.become_version(id, version);
            self.supersede_others(key, id);
            if lane == Lane::Live {
                self.overtake(id);
            }
            return true;
        }
        let id = next(self.files.len());
        self.files.insert(id, File { key, version, first_seen: self.now, superseded: None, gone: None });
        self.supersede_others(key, id);
        self.put_in_queue(id, lane);
        true
    }

    pub fn mark_gone(&mut self, session: i64, ids: &[i64]) -> Answer<u64> {
        self.alive(session)?;
        let mut marked = 0;
        for id in ids {
            let now = self.now;
            if let Some(file) = self.files.get_mut(id)
                && file.gone.is_none()
                && file.superseded.is_none()
            {
                file.gone = Some(now);
                marked += 1;
            }
            if self.waits(*id) {
                self.leave(*id);
            }
        }
        Ok(marked)
    }

    /// Key by key: what would be restored, and whether the source did not have it then.
    pub fn restorable(&self, at: Option<Time>) -> Vec<(u8, Option<Copy>, bool)> {
        let mut keys: Vec<u8> = self.files.values().map(|file| file.key).collect();
        keys.sort_unstable();
        keys.dedup();
        let restorable = |key| {
            let absent = at.is_some_and(|at| !self.was_there(key, at));
            (key, if absent { None } else { self.restorable_key(key, at) }, absent)
        };
        keys.into_iter().map(restorable).collect()
    }

    /// When a version was no longer current, and whether because it was gone.
    fn end(&self, id: i64) -> Option<(Time, bool)> {
        let file = &self.files[&id];
        let superseded = file.superseded.map(|at| (at, false));
        file.gone.map(|at| (at, true)).into_iter().chain(superseded).min_by_key(|(at, gone)| (*at, !gone))
    }

    /// What was there last had not gone by then. It may have been superseded, by a version that has become a later one.
    fn was_there(&self, key: u8, at: Time) -> bool {
        let ended = |id: i64| self.end(id).filter(|(ended, _)| *ended <= at);
        let seen = self.of_key(key).into_iter().filter(|id| self.files[id].first_seen <= at);
        let last = seen.max_by_key(|id| (ended(*id).is_none(), ended(*id).map(|(ended, _)| ended), *id));
        last.is_some_and(|id| ended(id).is_none_or(|(_, gone)| !gone))
    }

    fn restorable_key(&self, key: u8, at: Option<Time>) -> Option<Copy> {
        let copy = |id: i64| {
            let safe = self.archives.values().filter(|a| a.is_safe());
            safe.flat_map(|a| a.members.iter().map(|m| (m.0, m.1, a.number))).find(|copy| copy.0 == id)
        };
        let rows = self.of_key(key).into_iter().filter(|id| at.is_none_or(|at| self.files[id].first_seen <= at));
        let is_current = |id: &i64| self.end(*id).is_none_or(|(ended, _)| at.is_some_and(|at| ended > at));
        let wanted = rows.clone().filter(is_current).max_by_key(|id| (self.files[id].first_seen, *id));
        let best = rows.filter(|id| copy(*id).is_some()).max_by_key(|id| {
            let file = &self.files[id];
            // Now: not superseded, or superseded last.
            let replaced = at.is_none().then_some((file.superseded.is_none(), file.superseded));
            (Some(*id) == wanted, replaced, file.first_seen, *id)
        })?;
        let (file, version, number) = copy(best)?;
        Some((file, version, number, wanted.map_or(at.is_some(), |wanted| wanted != best)))
    }
}
