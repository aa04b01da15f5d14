//! The demo: a source made of nothing, behind the same trait, and a clock that can run fast.

use std::time::Duration;

/// What a demo is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoOptions {
    /// The name of a scenario, or the path of one; `calm` if nobody says.
    pub scenario: Option<String>,
    /// Virtual seconds to a real one, when it is paced.
    pub speed: f64,
    /// What everything random is drawn from.
    pub seed: u64,
    /// How far the clock is stepped; nothing: it is paced.
    pub until: Option<Duration>,
    /// Threads that the demo's tasks run on; the outcome does not depend on it.
    pub threads: Option<usize>,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { scenario: None, speed: 1.0, seed: 1, until: None, threads: None }
    }
}

/// Moves the demo's clock, and ends the demo when it is dropped: its tasks, then its folder.
#[derive(Debug)]
pub struct DemoDriver {}

impl DemoDriver {
    /// Steps the clock until the demo is `until` old, not a microsecond more. Blocks until everything has come to rest.
    pub fn run_until(&self, until: Duration) {
        let _ = until;
    }

    /// Lets the clock run at the demo's speed, on a thread of its own, until the driver is dropped.
    pub fn pace(&self) {}
}
