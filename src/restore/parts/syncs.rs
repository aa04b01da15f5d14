//! One sync for all who wait for one, a file system at a time.
//!
//! Who has written waits until a sync that began after has ended. The first who comes leads: it waits until nobody else
//! can come, until there are enough files or bytes, or for a second; then all who came by then share one `syncfs`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::{BATCH_BYTES, BATCH_FILES, BATCH_SPAN};
use crate::base::Clock;
use crate::base::clock::Mono;
use crate::base::disk::Dir;
use crate::base::task;

type Answer = Result<(), String>;

/// Syncs of all file systems.
#[derive(Debug)]
pub(super) struct Syncs {
    clock: Clock,
    /// Who may come for a sync.
    active: AtomicUsize,
    devices: Mutex<HashMap<u64, Arc<Device>>>,
}

/// A file system that is delivered to.
#[derive(Debug)]
struct Device {
    /// A folder on it, open since before anything was written: it hears of every write that came to nothing.
    dir: Dir,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    led: bool,
    waiting: Vec<oneshot::Sender<Answer>>,
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
}

impl Syncs {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, active: AtomicUsize::new(0), devices: Mutex::default() }
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
        self.devices()
            .entry(device)
            .or_insert_with(|| Arc::new(Device { dir: dir.clone(), state: Mutex::default(), changed: Notify::new() }));
    }

    /// Returns when everything that was written to the device before is durable. So many files and bytes wait for it.
    pub(super) async fn sync(&self, device: u64, files: usize, bytes: u64) -> Answer {
        // Without it, nothing was written there.
        let Some(device) = self.devices().get(&device).cloned() else { return Ok(()) };
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
        let dir = device.dir.clone();
        let done = task::blocking(move || dir.sync_all().map_err(|e| e.to_string())).await;
        let answer = done.unwrap_or_else(|e| Err(format!("the sync failed: {e}")));
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
        let syncs = Syncs::new(clock);
        let device = dir.device().unwrap();
        assert_eq!(syncs.sync(device, 1, 1).await, Ok(()), "nothing was written there");
        let one = syncs.enter();
        syncs.about_to_write(device, &dir);
        assert_eq!(syncs.sync(device, 1, 1).await, Ok(()));
        let two = syncs.enter();
        {
            // One of two waits for the other, and for a second at most.
            let mut first = Box::pin(syncs.sync(device, 1, 1));
            assert!(matches!(futures_poll(&mut first).await, Poll::Pending));
            settles().await;
            assert!(matches!(futures_poll(&mut first).await, Poll::Pending));
            let (first, second) = tokio::join!(first, syncs.sync(device, 1, 1));
            assert_eq!((first, second), (Ok(()), Ok(())));
        }
        {
            let mut alone = Box::pin(syncs.sync(device, 1, 1));
            assert!(matches!(futures_poll(&mut alone).await, Poll::Pending));
            hand.advance(BATCH_SPAN);
            assert_eq!(alone.await, Ok(()));
        }
        // Enough files do not wait.
        assert_eq!(syncs.sync(device, BATCH_FILES, 1).await, Ok(()));
        assert_eq!(syncs.sync(device, 1, BATCH_BYTES).await, Ok(()));
        drop(two);
        assert_eq!(syncs.sync(device, 1, 1).await, Ok(()));
        drop(one);
        assert!(syncs.devices().is_empty(), "nothing is held open");
    }

    #[tokio::test]
    async fn a_leader_that_is_dropped_is_followed_by_another() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        let (clock, _hand) = Clock::manual(Time::from_secs(0));
        let syncs = Syncs::new(clock);
        let device = dir.device().unwrap();
        let (_one, _two, three) = (syncs.enter(), syncs.enter(), syncs.enter());
        syncs.about_to_write(device, &dir);
        let mut first = Box::pin(syncs.sync(device, 1, 1));
        assert!(matches!(futures_poll(&mut first).await, Poll::Pending));
        let mut second = Box::pin(syncs.sync(device, 1, 1));
        assert!(matches!(futures_poll(&mut second).await, Poll::Pending));
        drop(first);
        drop(three);
        assert_eq!(second.await, Ok(()));
    }

    /// Polls once.
    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        std::future::poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx))).await
    }
}
