//! A switch that is thrown once: everything that holds it stops claiming, finishes or gives back, and ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Shared by a supervisor and all it runs. Who waits for it is woken in the order of waiting (a `watch` wakes in an order
/// of its own, which differs from run to run).
#[derive(Debug, Clone)]
pub struct Stop(Arc<Switch>);

#[derive(Debug)]
struct Switch {
    thrown: AtomicBool,
    word: Notify,
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// Not thrown yet.
    pub fn new() -> Self {
        Self(Arc::new(Switch { thrown: AtomicBool::new(false), word: Notify::new() }))
    }

    /// Throws it. A second time changes nothing.
    pub fn stop(&self) {
        self.0.thrown.store(true, Ordering::SeqCst);
        self.0.word.notify_waiters();
    }

    /// Whether it has been thrown.
    pub fn is_stopped(&self) -> bool {
        self.0.thrown.load(Ordering::SeqCst)
    }

    /// Returns when it has been thrown.
    pub async fn stopped(&self) {
        let word = self.0.word.notified();
        tokio::pin!(word);
        // From here on a word is not missed.
        word.as_mut().enable();
        if !self.is_stopped() {
            word.await;
        }
    }
}
