//! How fast a vault gives back what it holds: the words for it, and who may wait for whose job.

use std::ops::Range;

/// Tiers by their words, the fastest first; the first is that there is nothing to choose.
pub const SPEEDS: [&str; 4] = ["immediate", "expedited", "standard", "bulk"];

/// A tier's place among [`SPEEDS`]: the faster, the smaller. What is no tier is as fast as there is nothing to choose.
pub fn speed(word: &str) -> usize {
    SPEEDS.iter().position(|known| *known == word).unwrap_or(0)
}

/// A retrieval job, as far as joining it goes.
#[derive(Debug, Clone, Copy)]
pub struct Joinable<'a> {
    /// Bytes of the archive that it makes readable.
    pub range: &'a Range<u64>,
    /// Whether its output can be read already.
    pub ready: bool,
    /// How fast it is, as [`speed`] has it.
    pub speed: usize,
}

impl Joinable<'_> {
    /// Whether who wants some bytes at a speed may join it: it covers them, and is no slower than what would be asked for.
    /// (To pay for minutes and wait for a job of hours is nobody's wish.)
    pub fn serves(self, need: &Range<u64>, speed: usize) -> bool {
        self.range.start <= need.start && need.end <= self.range.end && (self.ready || self.speed <= speed)
    }
}
