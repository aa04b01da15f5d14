//! One sync for all who wait for one, a file system at a time.
//!
//! Who has written waits until a sync that began after has ended. The first who comes leads: it waits until nobody else
//! can come, until there are enough files or bytes, or for a second; then all who came by then share one `syncfs`.
//!
//! The kernel tells of a write that came to nothing once an open folder (syncfs(2): since the call before it), and all
//! share one here: the sync that hears of it may be another's, for files that were written after. So failures are
//! counted. Who begins to write takes a [`Mark`] of that count first, and a sync is good for what has its mark from after
//! the last failure alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::{BATCH_BYTES, BATCH_FILES, BATCH_SPAN};
use crate::base::Clock;
use crate::base::clock::Mono;
use crate::base::disk::{Dir, DiskError};
use crate::base::task;

/// How the file system of a folder is synced.
pub type SyncCall = Arc<dyn Fn(&Dir) -> Result<(), DiskError> + Send + Sync>;

/// How many syncs had failed, of all file systems, before something was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Mark(u64);

/// What a sync came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Synced {
    /// The count with the file system's last failure in it, and why that was.
    failed: Option<(u64, String)>,
}

impl Synced {
    /// Why what was begun to be written at that mark may not be durable, if so.
    pub(super) fn loses(&self, mark: Mark) -> Option<&str> {
        self.failed.as_ref().filter(|(count, _)| mark.0 < *count).map(|(_, why)| why.as_str())
    }
}

/// Syncs of all file systems.
pub(super) struct Syncs {
    clock: Clock,
    call: SyncCall,
    /// Who may come for a sync.
    active: AtomicUsize,
    /// Syncs that failed.
    failures: Arc<AtomicU64>,
    devices: Mutex<HashMap<u64, Arc<Device>>>,
}

/// A file system that is delivered to.
#[derive(Debug)]
struct Device {
    /// A folder on it, open since before anything was written: it hears of every write that came to nothing.
    dir: Dir,
    state: Mutex<State>,
    changed: Notify,
    /// Held while it is synced: of two at a time one would hear nothing of what the other is told.
    syncing: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    led: bool,
    waiting: Vec<oneshot::Sender<Synced>>,
    last: Synced,
    files: usize,
    bytes: u64,
    since: Option<Mono>,
}

/// Somebody who may come for a sync, until this is dropped.
pub(super) struct Active<'a>(&'a Syncs);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        let mut devices = self.0.devices();
        if self.0.active.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Nothing keeps a file system from being unmounted when nobody delivers to it.
            devices.clear();
        }
        let devices: Vec<_> = devices.values().cloned().collect();
        for device in devices {
            device.changed.notify_waiters();
        }
    }
}

/// The lead of a sync, until this is dropped.
struct Lead<'a>(&'a Device);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.0.lock().led = false;
        self.0.changed.notify_waiters();
    }
}

impl Device {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Syncs, on this thread, and counts a failure before anybody can hear of another sync: whoever led may be gone.
    fn sync(&self, call: &SyncCall, failures: &AtomicU64) -> Synced {
        let _alone = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        match call(&self.dir) {
            Ok(()) => self.lock().last.clone(),
            Err(e) => self.fail(failures, e.to_string()),
        }
    }

    fn fail(&self, failures: &AtomicU64, why: String) -> Synced {
        let mut state = self.lock();
        state.last.failed = Some((failures.fetch_add(1, Ordering::SeqCst) + 1, why));
        state.last.clone()
    }
}

/// By `syncfs`.
pub(super) fn by_the_system() -> SyncCall {
    Arc::new(Dir::sync_all)
}

impl Syncs {
    pub(super) fn new(clock: Clock, call: SyncCall) -> Self {
        Self { clock, call, active: AtomicUsize::new(0), failures: Arc::default(), devices: Mutex::default() }
    }

    /// How it stands before something is written.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.failures.load(Ordering::SeqCst))
    }

    fn devices(&self) -> MutexGuard<'_, HashMap<u64, Arc<Device>>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on the caller may come for a sync: others wait for it, a little.
    pub(super) fn enter(&self) -> Active<'_> {
        self.active.fetch_add(1, Ordering::SeqCst);
        Active(self)
    }

    /// Something is about to be written to a folder on that device.
    pub(super) fn about_to_write(&self, device: u64, dir: &Dir) {
        let new =
            || Device { dir: dir.clone(), state: Mutex::default(), changed: Notify::new(), syncing: Mutex::default() };
        self.devices().entry(device).or_insert_with(|| Arc::new(new()));
    }

    /// Returns when everything that was written to the device before is durable, or lost ([`Synced::loses`]). So many
    /// files and bytes wait for it.
    pub(super) async fn sync(&self, device: u64, files: usize, bytes: u64) -> Synced {
        // Without it, nothing was written there.
        let Some(device) = self.devices().get(&device).cloned() else { return Synced::default() };
        loop {
            let (tell, mut told) = oneshot::channel();
            {
                let mut state = device.lock();
                state.waiting.push(tell);
                state.files += files;
                state.bytes += bytes;
                state.since.get_or_insert(self.clock.mono());
            }
            device.changed.notify_waiters();
            loop {
                let changed = device.changed.notified();
                tokio::pin!(changed);
                // From here on a change is not missed.
                changed.as_mut().enable();
                match told.try_recv() {
                    Ok(answer) => return answer,
                    // Who led was dropped while it synced; nobody knows what came of it.
                    Err(oneshot::error::TryRecvError::Closed) => break,
                    Err(oneshot::error::TryRecvError::Empty) => {}
                }
                if !std::mem::replace(&mut device.lock().led, true) {
                    self.lead(&device).await;
                    continue;
                }
                changed.await;
            }
        }
    }

    async fn lead(&self, device: &Arc<Device>) {
        let lead = Lead(device);
        loop {
            let changed = device.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let left = {
                let state = device.lock();
                let waited = state.since.map_or(Duration::ZERO, |since| self.clock.mono().since(since));
                let enough = state.waiting.len() >= self.active.load(Ordering::SeqCst)
                    || state.files >= BATCH_FILES
                    || state.bytes >= BATCH_BYTES;
                if enough { Duration::ZERO } else { BATCH_SPAN.saturating_sub(waited) }
            };
            if left.is_zero() {
                break;
            }
            tokio::select! {
                biased;
                () = changed => {}
                () = self.clock.sleep(left) => {}
            }
        }
        let waiting = {
            let mut state = device.lock();
            let waiting = std::mem::take(&mut state.waiting);
            (state.files, state.bytes, state.since) = (0, 0, None);
            waiting
        };
        let (synced, call, failures) = (Arc::clone(device), Arc::clone(&self.call), Arc::clone(&self.failures));
        let done = task::blocking(move || synced.sync(&call, &failures)).await;
        let answer = done.unwrap_or_else(|e| device.fail(&self.failures, format!("the sync failed: {e}")));
        for tell in waiting {
            // One that waits no longer needs no answer.
            let _ = tell.send(answer.clone());
        }
        drop(lead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use std::path::Path;
    use std::task::Poll;

    async fn settles() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_comes_alone_does_not_wait_and_two_share_one() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        let (clock, hand) = Clock::manual(Time::from_secs(0));
        let syncs = Syncs::new(clock, by_the_system());
        let device = dir.device().unwrap();
        assert_eq!(syncs.sync(device, 1, 1).await, Synced::default(), "nothing was written there");
        let one = syncs.enter();
        syncs.about_to_write(device, &dir);
        assert_eq!(syncs.sync(device, 1, 1).await, Synced::default());
        let two = syncs.enter();
        {
            // One of two waits for the other, and for a second at most.
            let mut first = Box::pin(syncs.sync(device, 1, 1));
            assert!(matches!(futures_poll(&mut first).await, Poll::Pending));
            settles().await;
            assert!(matches!(futures_poll(&mut first).await, Poll::Pending));
            let (first, second) = tokio::join!(first, syncs.sync(device, 1, 1));
            assert_eq!((first, second), (Synced::default(), Synced::default()));
        }
        {
            let mut alone = Box::pin(syncs.sync(device, 1, 1));
            assert!(matches!(futures_poll(&mut alone).await, Poll::Pending));
            hand.advance(BATCH_SPAN);
            assert_eq!(alone.await, Synced::default());
        }
        // Enough files do not wait.
        assert_eq!(syncs.sync(device, BATCH_FILES, 1).await, Synced::default());
        assert_eq!(syncs.sync(device, 1, BATCH_BYTES).await, Synced::default());
        drop(two);
        assert_eq!(syncs.sync(device, 1, 1).await, Synced::default());
        drop(one);
        assert!(syncs.devices().is_empty(), "nothing is held open");
    }

    #[tokio::test]
    async fn a_leader_that_is_dropped_is_followed_by_another() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        let (clock, _hand) = Clock::manual(Time::from_secs(0));
        let syncs = Syncs::new(clock, by_the_system());
        let device = dir.device().unwrap();
        let (_one, _two, three) = (syncs.enter(), syncs.enter(), syncs.enter());
        syncs.about_to_write(device, &dir);
        let mut first = Box::pin(syncs.sync(device, 1, 1));
        assert!(matches!(futures_poll(&mut first).await, Poll::Pending));
        let mut second = Box::pin(syncs.sync(device, 1, 1));
        assert!(matches!(futures_poll(&mut second).await, Poll::Pending));
        drop(first);
        drop(three);
        assert_eq!(second.await, Synced::default());
    }

    /// A file system that fails when it is told to, and says so once, as the kernel does.
    fn failing() -> (SyncCall, Arc<AtomicUsize>) {
        let left = Arc::new(AtomicUsize::new(0));
        let errors = Arc::clone(&left);
        let call: SyncCall = Arc::new(move |dir: &Dir| {
            let one = errors.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
            let source = std::io::Error::from_raw_os_error(5);
            one.map_or(Ok(()), |_| {
                Err(DiskError { op: "sync the file system of", path: dir.path().to_owned(), source })
            })
        });
        (call, left)
    }

    #[tokio::test]
    async fn what_was_begun_before_a_sync_failed_is_lost_whoevers_sync_that_was() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        let (clock, _hand) = Clock::manual(Time::from_secs(0));
        let (call, errors) = failing();
        let syncs = Syncs::new(clock, call);
        let device = dir.device().unwrap();
        let _alone = syncs.enter();
        let (ours, theirs) = (syncs.mark(), syncs.mark());
        syncs.about_to_write(device, &dir);
        assert_eq!(syncs.sync(device, 1, 1).await.loses(ours), None);
        errors.store(1, Ordering::SeqCst);
        let why = format!("cannot sync the file system of {}: Input/output error (os error 5)", temp.path().display());
        assert_eq!(syncs.sync(device, 1, 1).await.loses(ours), Some(why.as_str()));
        // The kernel has told it, and says no more. What was being written meanwhile is lost all the same.
        let later = syncs.sync(device, 1, 1).await;
        assert_eq!(later.loses(theirs), Some(why.as_str()));
        // What is begun from here on is as good as the next sync.
        let after = syncs.mark();
        assert_eq!(syncs.sync(device, 1, 1).await.loses(after), None);
        // And another file system has nothing to do with it.
        let elsewhere = Path::new("/dev/shm");
        if let Ok(other) = Dir::open(elsewhere)
            && let Ok(number) = other.device()
            && number != device
        {
            syncs.about_to_write(number, &other);
            assert_eq!(syncs.sync(number, 1, 1).await.loses(ours), None);
        }
    }

    #[tokio::test]
    async fn a_failure_counts_though_who_led_is_gone() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        let (clock, _hand) = Clock::manual(Time::from_secs(0));
        let (call, errors) = failing();
        let (began, may_end) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(std::sync::Barrier::new(2)));
        let held: SyncCall = {
            let (began, may_end, first) = (Arc::clone(&began), Arc::clone(&may_end), AtomicUsize::new(0));
            Arc::new(move |dir: &Dir| {
                let done = call(dir);
                if first.fetch_add(1, Ordering::SeqCst) == 0 {
                    began.wait();
                    may_end.wait();
                }
                done
            })
        };
        let syncs = Syncs::new(clock, held);
        let device = dir.device().unwrap();
        let _alone = syncs.enter();
        let mark = syncs.mark();
        syncs.about_to_write(device, &dir);
        errors.store(1, Ordering::SeqCst);
        let mut first = Box::pin(syncs.sync(device, 1, 1));
        assert!(matches!(futures_poll(&mut first).await, Poll::Pending));
        began.wait();
        drop(first);
        // The next one leads while the call of the first has not returned: it does not overtake it.
        let mut second = Box::pin(syncs.sync(device, 1, 1));
        assert!(matches!(futures_poll(&mut second).await, Poll::Pending));
        may_end.wait();
        assert!(second.await.loses(mark).is_some());
    }

    /// Polls once.
    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        std::future::poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx))).await
    }
}
