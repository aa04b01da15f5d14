//! Where rooms count what they do, without knowing who reads it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Takes counts. Cheap enough to be called once per file.
pub trait CounterSink: Send + Sync {
    /// Adds `by` to the counter `name`.
    fn add(&self, name: &str, by: u64);
}

/// Names that [`Totals`] keeps, at most: some are made of what servers say. Further ones are not counted.
pub const MOST_NAMES: usize = 100_000;

/// Keeps totals since the process started, for the progress line and the worker row.
#[derive(Debug, Default, Clone)]
pub struct Totals(Arc<Mutex<BTreeMap<String, u64>>>);

impl Totals {
    /// The total of `name` so far; nothing if it was never counted.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }
}

impl CounterSink for Totals {
    fn add(&self, name: &str, by: u64) {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(total) = map.get_mut(name) {
            *total = total.saturating_add(by);
        } else if map.len() < MOST_NAMES {
            map.insert(name.to_owned(), by);
        }
    }
}

/// Counts nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoSink;

impl CounterSink for NoSink {
    fn add(&self, _: &str, _: u64) {}
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

    #[test]
    fn names_without_end_do_not_fill_the_memory() {
        let totals = Totals::default();
        for number in 0..=MOST_NAMES {
            totals.add(&format!("redis.shop.{number}.commands"), 1);
        }
        totals.add("redis.shop.0.commands", 1);
        assert_eq!(totals.get("redis.shop.0.commands"), Some(2), "a known one goes on");
        assert_eq!(totals.get(&format!("redis.shop.{MOST_NAMES}.commands")), None);
    }
}
