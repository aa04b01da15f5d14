//! The staging folder: where bundles wait for the vault. Its budget is the pipeline's back-pressure.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use uuid::Uuid;

use crate::base::Clock;
use crate::base::backoff::Backoff;
use crate::base::clock::Mono;
use crate::base::disk::{Dir, DiskError};
use crate::base::ids::{ArchiveUuid, Lane};

/// Room that is left on the file system for what a budget does not foresee: manifests, a last leaf.
const MARGIN: u64 = 4 << 20;
/// How often the file system is asked again when it has no room.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// Waits after a write that failed.
const AFTER_FAILURE: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(15) };

/// The staging folder and what of its budget is taken.
#[derive(Debug, Clone)]
pub struct Staging(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: Dir,
    /// Where it is.
    path: PathBuf,
    /// What the state calls it.
    name: PathBuf,
    budget: u64,
    /// What history leaves to live work.
    for_live: u64,
    clock: Clock,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    used: u64,
    failures: u32,
    /// Nothing new is begun before then.
    not_before: Option<Mono>,
}

impl Staging {
    /// Opens (and makes) the folder.
    pub fn open(path: &Path, budget: u64, for_live: u64, clock: Clock) -> Result<Self, DiskError> {
        Self::open_as(path, None, budget, for_live, clock)
    }

    /// The same; the state knows it as `name`, if it is not to be known by its path.
    pub fn open_as(
        path: &Path,
        name: Option<PathBuf>,
        budget: u64,
        for_live: u64,
        clock: Clock,
    ) -> Result<Self, DiskError> {
        let dir = Dir::open_or_make(path)?;
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = name.unwrap_or_else(|| path.clone());
        let state = Mutex::default();
        Ok(Self(Arc::new(Inner { dir, path, name, budget, for_live, clock, state, freed: Notify::new() })))
    }

    /// The open folder.
    pub fn dir(&self) -> &Dir {
        &self.0.dir
    }

    /// What the state and reports call it: its absolute path, where nobody says otherwise.
    #[allow(clippy::misnamed_getters)] // nearly everybody who asks means the name
    pub fn path(&self) -> &Path {
        &self.0.name
    }

    /// Where a folder is that the state calls so: this one, or one of an earlier configuration.
    pub fn place_of<'a>(&'a self, name: &'a Path) -> &'a Path {
        if name == self.0.name { &self.0.path } else { name }
    }

    /// Waits until `bytes` of the budget are free, and the file system has room for them.
    pub async fn reserve(&self, lane: Lane, bytes: u64) -> Reservation {
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            // From here on room that is given back is not missed.
            freed.as_mut().enable();
            match self.try_reserve(lane, bytes) {
                Ok(reservation) => return reservation,
                Err(Wait::ForBudget) => freed.await,
                Err(Wait::For(span)) => self.0.clock.sleep(span).await,
            }
        }
    }

    fn try_reserve(&self, lane: Lane, bytes: u64) -> Result<Reservation, Wait> {
        let mut state = self.0.lock();
        let now = self.0.clock.mono();
        if let Some(until) = state.not_before.filter(|until| *until > now) {
            return Err(Wait::For(until.since(now)));
        }
        let budget = if lane == Lane::Live { self.0.budget } else { self.0.budget.saturating_sub(self.0.for_live) };
        // What is larger than the whole budget passes when nothing else is there; it would wait for ever.
        if state.used > 0 && state.used.saturating_add(bytes) > budget {
            return Err(Wait::ForBudget);
        }
        if self.0.dir.room().is_ok_and(|room| room.free < bytes.saturating_add(MARGIN.min(room.total / 8))) {
            return Err(Wait::For(ASK_AGAIN));
        }
        state.used += bytes;
        Ok(Reservation { bytes, from: Arc::clone(&self.0) })
    }

    /// Counts what is there already, whatever the budget.
    pub fn adopt(&self, bytes: u64) -> Reservation {
        self.0.lock().used += bytes;
        Reservation { bytes, from: Arc::clone(&self.0) }
    }

    /// A write failed: nothing new is begun for a while.
    pub fn failed(&self) {
        let mut state = self.0.lock();
        state.failures += 1;
        state.not_before = Some(self.0.clock.mono().plus(AFTER_FAILURE.after(state.failures, 128)));
    }

    /// A bundle was written to its end.
    pub fn worked(&self) {
        let mut state = self.0.lock();
        state.failures = 0;
        state.not_before = None;
    }

    /// Bytes of the budget that are taken, and the budget.
    pub fn used(&self) -> (u64, u64) {
        (self.0.lock().used, self.0.budget)
    }

    /// Removes the staged file of an archive, if it is there.
    pub fn remove(&self, name: &str) -> Result<(), DiskError> {
        self.0.dir.remove(OsStr::new(name))
    }
}

enum Wait {
    ForBudget,
    For(Duration),
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A share of the budget; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    bytes: u64,
    from: Arc<Inner>,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.from.lock().used -= self.bytes;
        self.from.freed.notify_waiters();
    }
}

/// The name of an archive's staged file.
pub fn staged_name(uuid: ArchiveUuid) -> String {
    format!("{uuid}.tar")
}

/// How the names of files begin that only try whether the folder can be written.
pub const PROBE: &str = ".firn-probe-";

/// Whether a name in the folder is one that firn gives: a bundle's, or that of a trial whose maker was killed.
pub fn is_staged_name(name: &OsStr) -> bool {
    if name.to_str().is_some_and(|name| name.starts_with(PROBE)) {
        return true;
    }
    let stem = name.to_str().and_then(|name| name.strip_suffix(".tar"));
    stem.is_some_and(|stem| Uuid::try_parse(stem).is_ok_and(|uuid| uuid.to_string() == stem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;

    #[tokio::test]
    async fn history_waits_where_live_may_still_go() {
        let temp = tempfile::tempdir().unwrap();
        let staging = Staging::open(temp.path(), 100, 30, Clock::system()).unwrap();
        let first = staging.reserve(Lane::History, 60).await;
        assert!(staging.try_reserve(Lane::History, 20).is_err());
        let live = staging.reserve(Lane::Live, 20).await;
        assert_eq!(staging.used(), (80, 100));
        let waiting = {
            let staging = staging.clone();
            crate::base::task::spawn(async move { staging.reserve(Lane::History, 20).await })
        };
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        let second = waiting.await.unwrap();
        drop((live, second));
        assert_eq!(staging.used(), (0, 100));
    }

    #[tokio::test]
    async fn after_a_failure_nothing_is_begun_for_a_while() {
        let temp = tempfile::tempdir().unwrap();
        let (clock, hand) = Clock::manual(Time::from_secs(0));
        let staging = Staging::open(temp.path(), 100, 0, clock).unwrap();
        staging.failed();
        assert!(staging.try_reserve(Lane::Live, 1).is_err());
        hand.advance(Duration::from_secs(1));
        assert!(staging.try_reserve(Lane::Live, 1).is_ok());
        staging.failed();
        hand.advance(Duration::from_secs(1));
        assert!(staging.try_reserve(Lane::Live, 1).is_err(), "the second wait is longer");
        staging.worked();
        assert!(staging.try_reserve(Lane::Live, 1).is_ok());
    }

    #[test]
    fn only_names_that_firn_gives_are_its_own() {
        let uuid = ArchiveUuid(Uuid::from_u128(7));
        assert!(is_staged_name(OsStr::new(&staged_name(uuid))));
        for other in
            ["x.tar", "lost+found", "00000000-0000-0000-0000-000000000007", "00000000000000000000000000000007.tar"]
        {
            assert!(!is_staged_name(OsStr::new(other)), "{other}");
        }
    }
}
