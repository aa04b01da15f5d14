//! A switch that is thrown once: everything that holds it stops claiming, finishes or gives back, and ends.

use std::sync::Arc;

use tokio::sync::watch;

/// Shared by a supervisor and all it runs.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// Not thrown yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Throws it. A second time changes nothing.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has been thrown.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it has been thrown.
    pub async fn stopped(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|stopped| *stopped).await;
    }
}
