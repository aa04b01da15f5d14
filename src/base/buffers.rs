//! A fixed number of large buffers, handed out and given back: what bounds the memory of the pipeline, whatever the
//! number of workers or the size of a file.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Bytes of a buffer.
pub const BUFFER: usize = 8 << 20;

/// The buffers there are.
#[derive(Debug, Clone)]
pub struct Buffers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    state: Mutex<State>,
    given_back: Notify,
}

#[derive(Debug, Default)]
struct State {
    out: usize,
    free: Vec<Box<[u8]>>,
}

impl Buffers {
    /// `count` buffers, made when first needed; at least two.
    pub fn new(count: usize) -> Self {
        let limit = count.max(2);
        Self(Arc::new(Inner { limit, state: Mutex::default(), given_back: Notify::new() }))
    }

    /// Takes a buffer once more than `leave` are there to be taken.
    pub async fn take(&self, leave: usize) -> Buffer {
        loop {
            let given_back = self.0.given_back.notified();
            tokio::pin!(given_back);
            // From here on a buffer given back is not missed.
            given_back.as_mut().enable();
            if let Some(buffer) = self.try_take(leave) {
                return buffer;
            }
            given_back.await;
        }
    }

    fn try_take(&self, leave: usize) -> Option<Buffer> {
        let mut state = self.0.lock();
        if self.0.limit.saturating_sub(state.out) <= leave.min(self.0.limit - 1) {
            return None;
        }
        state.out += 1;
        let bytes = state.free.pop().unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice());
        Some(Buffer { bytes: Some(bytes), used: 0, from: Some(Arc::clone(&self.0)) })
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer in use: room for bytes ([`BUFFER`] of them in a pool's), of which the first [`Buffer::used`] hold something.
#[derive(Debug)]
pub struct Buffer {
    bytes: Option<Box<[u8]>>,
    used: usize,
    from: Option<Arc<Inner>>,
}

impl Buffer {
    /// No buffer: no room, nothing in it. What stands in for one that was lost.
    pub fn empty() -> Self {
        Self { bytes: None, used: 0, from: None }
    }

    /// A buffer of its own, that belongs to no pool.
    pub fn loose(bytes: usize) -> Self {
        Self { bytes: Some(vec![0; bytes].into_boxed_slice()), used: 0, from: None }
    }

    /// How many bytes hold something.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Says how many bytes hold something.
    pub fn set_used(&mut self, used: usize) {
        self.used = used.min(self.len());
    }

    /// The bytes that hold something.
    pub fn filled(&self) -> &[u8] {
        &self[..self.used]
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.filled()
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes.as_deref_mut().unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let (Some(bytes), Some(from)) = (self.bytes.take(), self.from.take()) {
            {
                let mut state = from.lock();
                state.out -= 1;
                state.free.push(bytes);
            }
            // All who wait look again: each may leave a different number behind.
            from.given_back.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn never_more_than_there_are_and_some_are_left_for_the_urgent() {
        let buffers = Buffers::new(3);
        let first = buffers.take(1).await;
        let _second = buffers.take(1).await;
        assert!(buffers.try_take(1).is_none(), "one is left for the urgent");
        let urgent = buffers.take(0).await;
        assert!(buffers.try_take(0).is_none());
        let waiting = {
            let buffers = buffers.clone();
            crate::base::task::spawn(async move { buffers.take(1).await.len() })
        };
        tokio::task::yield_now().await;
        drop(urgent);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "that one is for the urgent only");
        drop(first);
        assert_eq!(waiting.await.unwrap(), BUFFER);
    }
}
