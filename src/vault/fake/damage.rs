//! What became of an archive's bytes beneath the service, which does not know it: its hashes stay those of what was taken.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

use super::core::Core;
use super::refusal::Refusal;

/// Which bits of a byte that is spoiled are other ones.
pub(super) const SPOILT: u8 = 0x20;

/// What is wrong with an archive.
#[derive(Debug, Default)]
pub(super) struct Damage {
    spoilt: BTreeSet<u64>,
    /// Where it ends now.
    length: Option<u64>,
}

impl Damage {
    /// Which of some bytes of an archive are spoilt, counted from the first of them; and how many of them are there.
    pub(super) fn of(&self, bytes: &Range<u64>) -> (Vec<u64>, u64) {
        let end = self.length.unwrap_or(u64::MAX).clamp(bytes.start, bytes.end);
        let spoilt = self.spoilt.range(bytes.start..end).map(|at| at - bytes.start);
        (spoilt.collect(), end - bytes.start)
    }
}

/// What is to go wrong next.
#[derive(Debug, Default)]
pub(super) struct Plans {
    pub(super) failing: VecDeque<String>,
}

impl Core {
    /// Spoils the byte at `offset` of an archive: every output has another one there.
    pub fn spoil(&mut self, archive_id: &str, offset: u64) -> Result<(), Refusal> {
        let size = self.size_of(archive_id)?;
        if offset >= size {
            return Err(Refusal::RangeOutside { start: offset, end: offset.saturating_add(1), from: 0, to: size });
        }
        self.damage.entry(archive_id.into()).or_default().spoilt.insert(offset);
        Ok(())
    }

    /// Cuts an archive off: every output ends at byte `length` of it.
    pub fn truncate(&mut self, archive_id: &str, length: u64) -> Result<(), Refusal> {
        let size = self.size_of(archive_id)?;
        if length > size {
            return Err(Refusal::RangeOutside { start: length, end: length, from: 0, to: size });
        }
        self.damage.entry(archive_id.into()).or_default().length = Some(length);
        Ok(())
    }

    /// The next retrieval that is asked for will come to nothing at its end; asked for again, the one after it, too.
    pub fn fail_next_job(&mut self, why: impl Into<String>) {
        self.plans.failing.push_back(why.into());
    }

    fn size_of(&self, archive_id: &str) -> Result<u64, Refusal> {
        let archive = self.archives.get(archive_id);
        archive
            .map(|archive| archive.size)
            .ok_or_else(|| Refusal::NotFound { what: "archive", id: archive_id.to_owned() })
    }
}
