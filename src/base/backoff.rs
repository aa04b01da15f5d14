//! How long to wait before the next try. Pure, so that it is tested and not believed.

use std::time::Duration;

/// Doubling waits between a first and a longest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Wait after the first failure.
    pub first: Duration,
    /// No wait is longer than this.
    pub longest: Duration,
}

impl Backoff {
    /// The wait after `failures` failures in a row (1 is the first). `spread` in `0..=255` moves the wait by up to a
    /// quarter either way, so that a hundred things that failed together do not try again together; 128 moves nothing.
    pub fn after(&self, failures: u32, spread: u8) -> Duration {
        let doublings = failures.saturating_sub(1).min(40);
        let wait = self.first.saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(self.longest);
        let quarter = wait / 4;
        (wait.saturating_sub(quarter) + quarter * u32::from(spread) / 128).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const B: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_mins(5) };

    #[test]
    fn doubles_up_to_the_longest() {
        let waits: Vec<_> = (0..=12).map(|n| B.after(n, 128).as_secs()).collect();
        assert_eq!(waits, [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(B.after(u32::MAX, 128), B.longest);
    }

    proptest! {
        #[test]
        fn never_longer_than_the_longest_nor_shorter_than_three_quarters(n in 1u32..100, spread: u8) {
            let plain = B.after(n, 128);
            let moved = B.after(n, spread);
            prop_assert!(moved <= B.longest);
            prop_assert!(moved >= plain * 3 / 4);
        }

        #[test]
        fn grows(n in 1u32..100, spread: u8) {
            prop_assert!(B.after(n + 1, spread) >= B.after(n, spread));
        }
    }
}
