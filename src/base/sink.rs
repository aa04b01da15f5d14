//! Where rooms count what they do, without knowing who reads it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Takes counts. Cheap enough to be called once per file.
pub trait CounterSink: Send + Sync {
    /// Adds `by` to the counter `name`.
    fn add(&self, name: &'static str, by: u64);
}

/// Keeps totals since the process started, for the progress line and the worker row.
#[derive(Debug, Default, Clone)]
pub struct Totals(Arc<Mutex<BTreeMap<&'static str, Arc<AtomicU64>>>>);

impl Totals {
    /// The total of `name` so far; nothing if it was never counted.
    pub fn get(&self, name: &'static str) -> Option<u64> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(name).map(|total| total.load(Ordering::Relaxed))
    }
}

impl CounterSink for Totals {
    fn add(&self, name: &'static str, by: u64) {
        let total = {
            let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(map.entry(name).or_default())
        };
        total.fetch_add(by, Ordering::Relaxed);
    }
}

/// Counts nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoSink;

impl CounterSink for NoSink {
    fn add(&self, _: &'static str, _: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_counted_is_not_zero() {
        let totals = Totals::default();
        totals.add("backup.files", 2);
        totals.add("backup.files", 3);
        assert_eq!(totals.get("backup.files"), Some(5));
        assert_eq!(totals.get("backup.bytes"), None);
    }
}
