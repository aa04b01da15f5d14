//! Decisions of the pipeline. Pure: values in, values out.

use std::collections::VecDeque;
use std::time::Duration;

use super::bundle::member;
use crate::base::backoff::Backoff;
use crate::base::buffers::BUFFER;
use crate::store::Claimed;

/// Waits between tries of one file.
pub const FETCH_AGAIN: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_hours(1) };
/// Waits between tries of one upload.
pub const UPLOAD_AGAIN: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_mins(5) };

/// Files of a batch: enough to make the cost of a batch small against that of its files.
pub const BATCH_FILES: usize = 256;

/// Sizes that decide how a file travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// A bundle is closed at this many bytes.
    pub target: u64,
    /// A file larger than this is never staged.
    pub direct_over: u64,
}

/// How a file travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Read whole, checked, appended with others.
    Whole,
    /// Streamed into the lane's open bundle.
    Streamed,
    /// Streamed into a staged bundle of its own.
    Alone,
    /// Sent to the vault part by part, never staged.
    Direct,
}

impl Sizes {
    /// How a file of `length` bytes travels.
    pub fn route(&self, length: u64) -> Route {
        if length > self.direct_over {
            Route::Direct
        } else if length > self.target {
            Route::Alone
        } else if length > BUFFER as u64 {
            Route::Streamed
        } else {
            Route::Whole
        }
    }

    /// Whether a bundle of `len` bytes is to be closed before a file that will add `more`: the target is overshot by
    /// no more than half of itself, unless the bundle would be less than half full.
    pub fn close_before(&self, len: u64, more: u64) -> bool {
        len.saturating_add(more) > self.target.saturating_add(self.target / 2) && len >= self.target / 2
    }

    /// Whether a bundle of `len` bytes is full.
    pub fn is_full(&self, len: u64) -> bool {
        len >= self.target
    }
}

/// Bytes of a batch whose files are only hashed while they are read: few enough that they are still in a processor's
/// cache when they are appended.
pub const BATCH_BYTES: u64 = 1 << 20;
/// Bytes of a batch whose MD5s are computed side by side: as many as fit.
pub const MD5_BATCH_BYTES: u64 = BUFFER as u64;

/// Takes the next piece of work off the front: one large file, or small ones of one source that have at most `most`
/// bytes together. A file that has failed before comes alone, so that it can hurt no other.
pub fn take_batch(ready: &mut VecDeque<Claimed>, sizes: Sizes, most: u64) -> Vec<Claimed> {
    let Some(first) = ready.pop_front() else { return Vec::new() };
    let small = |file: &Claimed| sizes.route(file.found.length) == Route::Whole && file.attempts == 0;
    if !small(&first) {
        return vec![first];
    }
    let source = first.source;
    let mut bytes = first.found.length;
    let mut batch = vec![first];
    while batch.len() < BATCH_FILES
        && let Some(next) =
            ready.pop_front_if(|next| small(next) && next.source == source && bytes + next.found.length <= most)
    {
        bytes += next.found.length;
        batch.push(next);
    }
    batch
}

/// What a batch may add to the staging folder.
pub fn cost(batch: &[Claimed]) -> u64 {
    batch.iter().map(|file| member::cost(file.found.key.as_bytes().len(), file.found.length)).sum()
}

/// The wait before a failed upload or fetch is tried again. `salt` spreads things that failed together.
pub fn wait(backoff: Backoff, failures: u32, salt: i64) -> Duration {
    let spread = salt.wrapping_mul(0x9e37_79b9).to_le_bytes()[3];
    backoff.after(failures, spread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::file::FoundFile;
    use crate::base::ids::{FileId, Generation, Key, Lane, SourceId, Version};
    use crate::base::{FileTime, Time};
    use proptest::prelude::*;

    const SIZES: Sizes = Sizes { target: 25_000_000, direct_over: 5_000_000_000 };

    fn claimed(n: i64, source: i64, length: u64, attempts: u32) -> Claimed {
        Claimed {
            file: FileId(n),
            generation: Generation(1),
            lane: Lane::History,
            attempts,
            queued_at: Time::default(),
            source: SourceId(source),
            found: FoundFile {
                key: Key::new(&b"k"[..]),
                version: Version::new(&b"v"[..]),
                length,
                mode: 0o644,
                mtime: FileTime::default(),
                domain: None,
                class: None,
                source_checksum: None,
            },
            resume: None,
        }
    }

    #[test]
    fn how_files_travel() {
        let cases = [
            (0, Route::Whole),
            (8 << 20, Route::Whole),
            ((8 << 20) + 1, Route::Streamed),
            (25_000_000, Route::Streamed),
            (25_000_001, Route::Alone),
            (5_000_000_000, Route::Alone),
            (5_000_000_001, Route::Direct),
        ];
        for (length, route) in cases {
            assert_eq!(SIZES.route(length), route, "{length}");
        }
        // A small target does not stream what fits a buffer into a bundle it does not fit.
        let small = Sizes { target: 1_000_000, direct_over: 2_000_000 };
        assert_eq!(small.route(1_500_000), Route::Alone);
        assert_eq!(small.route(3_000_000), Route::Direct);
    }

    #[test]
    fn bundles_overshoot_by_at_most_half() {
        assert!(!SIZES.close_before(20_000_000, 10_000_000));
        assert!(SIZES.close_before(20_000_000, 20_000_000));
        assert!(!SIZES.close_before(5_000_000, 40_000_000), "less than half full: better one large than two small");
        assert!(SIZES.is_full(25_000_000) && !SIZES.is_full(24_999_999));
    }

    #[test]
    fn a_file_that_failed_before_comes_alone() {
        let mut ready: VecDeque<_> = [claimed(1, 1, 10, 0), claimed(2, 1, 10, 1), claimed(3, 1, 10, 0)].into();
        let batches: Vec<Vec<i64>> = std::iter::from_fn(|| {
            let batch = take_batch(&mut ready, SIZES, MD5_BATCH_BYTES);
            (!batch.is_empty()).then(|| batch.iter().map(|file| file.file.0).collect())
        })
        .collect();
        assert_eq!(batches, [vec![1], vec![2], vec![3]]);
    }

    proptest! {
        #[test]
        fn batches_fit_a_buffer_keep_the_order_and_lose_nothing(
            files in prop::collection::vec((1i64..3, 0u64..30_000_000, 0u32..2), 0..600),
            most in prop_oneof![Just(BATCH_BYTES), Just(MD5_BATCH_BYTES)],
        ) {
            let mut ready: VecDeque<_> =
                files.iter().enumerate().map(|(n, (source, length, attempts))| claimed(i64::try_from(n).unwrap(), *source, *length, *attempts)).collect();
            let mut seen = Vec::new();
            loop {
                let batch = take_batch(&mut ready, SIZES, most);
                if batch.is_empty() {
                    break;
                }
                if batch.len() > 1 {
                    prop_assert!(batch.iter().map(|f| f.found.length).sum::<u64>() <= most);
                    prop_assert!(batch.iter().all(|f| f.source == batch[0].source && f.attempts == 0));
                    prop_assert!(batch.len() <= BATCH_FILES);
                }
                seen.extend(batch.iter().map(|f| f.file.0));
            }
            let all: Vec<i64> = (0..i64::try_from(files.len()).unwrap()).collect();
            prop_assert_eq!(seen, all);
        }
    }
}
