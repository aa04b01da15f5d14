//! How far bundles have come that are being filled or sent: counted where it happens, read every two seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::base::clock::Mono;
use crate::base::ids::ArchiveUuid;
use crate::vault::Progress;

/// Bundles that are being filled or sent.
#[derive(Debug, Clone, Default)]
pub struct Moving(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    begun: u64,
    bundles: HashMap<ArchiveUuid, Item>,
}

#[derive(Debug)]
struct Item {
    number: u64,
    progress: Progress,
    of: u64,
    since: Mono,
}

/// A bundle that moves, until this is dropped.
#[derive(Debug)]
pub struct Moves {
    moving: Moving,
    uuid: ArchiveUuid,
    number: u64,
    progress: Progress,
}

/// How far a bundle has come, as its worker writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The archive's name.
    pub archive: String,
    /// Bytes done.
    pub done: u64,
    /// Bytes to do.
    pub of: u64,
    /// Milliseconds since it began, by the monotonic clock: clocks of hosts differ.
    pub elapsed_ms: u64,
}

impl Moving {
    /// A bundle begins to be filled, or to be sent.
    pub fn begin(&self, uuid: ArchiveUuid, of: u64, now: Mono) -> Moves {
        let progress = Progress::default();
        let mut inner = self.lock();
        inner.begun += 1;
        let number = inner.begun;
        inner.bundles.insert(uuid, Item { number, progress: progress.clone(), of, since: now });
        drop(inner);
        Moves { moving: self.clone(), uuid, number, progress }
    }

    /// All that move, in order of their names.
    pub fn glance(&self, now: Mono) -> Vec<Moved> {
        let inner = self.lock();
        let mut bundles: Vec<Moved> = inner
            .bundles
            .iter()
            .map(|(uuid, item)| Moved {
                archive: uuid.to_string(),
                done: item.progress.bytes(),
                of: item.of,
                elapsed_ms: u64::try_from(now.since(item.since).as_millis()).unwrap_or(u64::MAX),
            })
            .collect();
        bundles.sort_unstable_by(|a, b| a.archive.cmp(&b.archive));
        bundles
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Moves {
    /// Where bytes are counted.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// So many bytes are done. A bundle that was empty begins now.
    pub fn come_to(&self, bytes: u64, now: Mono) {
        if self.progress.bytes() == 0 {
            self.change(|item| item.since = now);
        }
        self.progress.set(bytes);
    }

    /// It will be at least this large.
    pub fn at_least(&self, bytes: u64) {
        self.change(|item| item.of = item.of.max(bytes));
    }

    fn change(&self, change: impl FnOnce(&mut Item)) {
        if let Some(item) = self.moving.lock().bundles.get_mut(&self.uuid).filter(|item| item.number == self.number) {
            change(item);
        }
    }
}

impl Drop for Moves {
    fn drop(&mut self) {
        let mut inner = self.moving.lock();
        // Who filled it may end after another has begun to send it.
        if inner.bundles.get(&self.uuid).is_some_and(|item| item.number == self.number) {
            inner.bundles.remove(&self.uuid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Clock, Time};
    use std::time::Duration;

    #[test]
    fn what_moves_is_told_until_it_is_done_and_by_whom_it_was_begun_last() {
        let (clock, hand) = Clock::manual(Time::from_secs(1));
        let moving = Moving::default();
        let uuid = ArchiveUuid(uuid::Uuid::from_u128(7));
        let moved = |done, of, elapsed_ms| vec![Moved { archive: uuid.to_string(), done, of, elapsed_ms }];
        let filled = moving.begin(uuid, 100, clock.mono());
        hand.advance(Duration::from_secs(5));
        assert_eq!(moving.glance(clock.mono()), moved(0, 100, 5000));
        filled.come_to(30, clock.mono());
        hand.advance(Duration::from_secs(2));
        filled.come_to(60, clock.mono());
        filled.at_least(90);
        assert_eq!(moving.glance(clock.mono()), moved(60, 100, 2000), "it began when something went in");
        filled.at_least(300);
        let sent = moving.begin(uuid, 250, clock.mono());
        sent.progress().set(10);
        filled.at_least(1000);
        drop(filled);
        assert_eq!(moving.glance(clock.mono()), moved(10, 250, 0));
        drop(sent);
        assert_eq!(moving.glance(clock.mono()), []);
    }
}
