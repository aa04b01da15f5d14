//! A pool: how many of one kind of work may run at once. It can be paused, resumed, drained and resized while it runs,
//! and it keeps one place for live work.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;

use crate::base::ids::Lane;

/// The smallest pool: one place for live work, one for history.
pub const SMALLEST: u32 = 2;
/// The largest pool; beyond it somebody has mistyped.
pub const LARGEST: u32 = 1024;

/// A pool of places to work.
#[derive(Debug, Clone)]
pub struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: &'static str,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    size: u32,
    paused: bool,
    draining: bool,
    live: u32,
    history: u32,
}

/// A pool as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolView {
    /// Its name.
    pub pool: &'static str,
    /// Places.
    pub size: u32,
    /// Places taken.
    pub busy: u32,
    /// Whether it stands still.
    pub paused: bool,
    /// Whether it only finishes what it has.
    pub draining: bool,
}

/// A size a pool cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pool of {asked} is not possible; {SMALLEST} (one place is kept for live files) to {LARGEST} are")]
pub struct SizeError {
    /// What was asked for.
    pub asked: u32,
}

impl Pool {
    /// A pool that runs.
    pub fn new(name: &'static str, size: u32) -> Result<Self, SizeError> {
        check(size)?;
        let state = State { size, paused: false, draining: false, live: 0, history: 0 };
        Ok(Self(Arc::new(Inner { name, state: Mutex::new(state), changed: Notify::new() })))
    }

    /// Takes a place: live work any free one, history never the last.
    pub async fn start(&self, lane: Lane) -> Slot {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // From here on a change is not missed.
            changed.as_mut().enable();
            if let Some(slot) = self.try_start(lane) {
                return slot;
            }
            changed.await;
        }
    }

    fn try_start(&self, lane: Lane) -> Option<Slot> {
        let mut state = self.0.lock();
        let free = state.size > state.live + state.history;
        let allowed = lane == Lane::Live || state.history + 1 < state.size;
        if state.paused || state.draining || !free || !allowed {
            return None;
        }
        match lane {
            Lane::Live => state.live += 1,
            Lane::History => state.history += 1,
        }
        Some(Slot { pool: Arc::clone(&self.0), lane })
    }

    /// Stands still or goes on. Work in progress is finished either way.
    pub fn pause(&self, paused: bool) {
        self.change(|state| state.paused = paused);
    }

    /// Only finishes what it has; or takes new work again.
    pub fn drain(&self, draining: bool) {
        self.change(|state| state.draining = draining);
    }

    /// Changes how many places there are. What runs beyond the new size is finished.
    pub fn resize(&self, size: u32) -> Result<(), SizeError> {
        check(size)?;
        self.change(|state| state.size = size);
        Ok(())
    }

    /// As it stands.
    pub fn view(&self) -> PoolView {
        let state = self.0.lock();
        PoolView {
            pool: self.0.name,
            size: state.size,
            busy: state.live + state.history,
            paused: state.paused,
            draining: state.draining,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock());
        self.0.changed.notify_waiters();
    }
}

fn check(size: u32) -> Result<(), SizeError> {
    if (SMALLEST..=LARGEST).contains(&size) { Ok(()) } else { Err(SizeError { asked: size }) }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place taken; given back when dropped.
#[derive(Debug)]
pub struct Slot {
    pool: Arc<Inner>,
    lane: Lane,
}

impl Drop for Slot {
    fn drop(&mut self) {
        {
            let mut state = self.pool.lock();
            match self.lane {
                Lane::Live => state.live -= 1,
                Lane::History => state.history -= 1,
            }
        }
        self.pool.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn history_never_takes_the_last_place_and_live_takes_any() {
        let pool = Pool::new("fetch", 3).unwrap();
        let history: Vec<_> = (0..3).filter_map(|_| pool.try_start(Lane::History)).collect();
        assert_eq!(history.len(), 2);
        let live = pool.try_start(Lane::Live);
        assert!(live.is_some() && pool.try_start(Lane::Live).is_none());
        drop(history);
        assert_eq!((0..3).filter_map(|_| pool.try_start(Lane::Live)).collect::<Vec<_>>().len(), 2);
    }

    #[test]
    fn paused_drained_and_resized_while_running() {
        let pool = Pool::new("fetch", 2).unwrap();
        let working = pool.try_start(Lane::Live);
        pool.pause(true);
        assert!(pool.try_start(Lane::Live).is_none());
        pool.pause(false);
        pool.drain(true);
        assert!(pool.try_start(Lane::Live).is_none());
        assert_eq!(pool.view(), PoolView { pool: "fetch", size: 2, busy: 1, paused: false, draining: true });
        drop(working);
        assert_eq!(pool.view().busy, 0);
        pool.drain(false);
        pool.resize(4).unwrap();
        assert_eq!((0..9).filter_map(|_| pool.try_start(Lane::History)).collect::<Vec<_>>().len(), 3);
    }

    #[test]
    fn a_size_out_of_bounds_is_refused_with_the_bounds() {
        assert_eq!(Pool::new("fetch", 1).unwrap_err(), SizeError { asked: 1 });
        let pool = Pool::new("fetch", 2).unwrap();
        let error = pool.resize(2000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a pool of 2000 is not possible; 2 (one place is kept for live files) to 1024 are"
        );
        assert_eq!(pool.view().size, 2);
    }

    #[tokio::test]
    async fn who_waits_for_a_place_gets_it_when_one_is_given_back() {
        let pool = Pool::new("fetch", 2).unwrap();
        let first = pool.start(Lane::History).await;
        let waiting = {
            let pool = pool.clone();
            crate::base::task::spawn(async move { pool.start(Lane::History).await })
        };
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        let slot = waiting.await.unwrap();
        assert_eq!(pool.view().busy, 1);
        drop(slot);
    }

    proptest! {
        /// Whatever is started and ended, busy never exceeds the size it had when the last place was taken, and a
        /// place for live work is left unless live work has it.
        #[test]
        fn never_more_than_its_size(steps in prop::collection::vec((any::<bool>(), any::<bool>(), 2u32..6), 1..60)) {
            let pool = Pool::new("fetch", 4).unwrap();
            let mut held: Vec<Slot> = Vec::new();
            for (start, live, size) in steps {
                let lane = if live { Lane::Live } else { Lane::History };
                if start {
                    if let Some(slot) = pool.try_start(lane) {
                        held.push(slot);
                        let view = pool.view();
                        prop_assert!(view.busy <= view.size);
                        prop_assert!(lane == Lane::Live || held.iter().filter(|s| s.lane == lane).count() < view.size as usize);
                    }
                } else if held.pop().is_none() {
                    pool.resize(size).unwrap();
                }
                prop_assert_eq!(pool.view().busy as usize, held.len());
            }
        }
    }
}
