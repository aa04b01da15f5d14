//! What a plan wants of one archive, and what that takes in every tier.

use std::collections::HashMap;
use std::ops::Range;

use super::{Reads, Terms, Usage, cover};
use crate::base::ids::ArchiveId;
use crate::base::speed::Joinable;
use crate::vault::Tier;
use crate::vault::tariff::place;

/// A file that is wanted, by where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The archive.
    pub archive: ArchiveId,
    /// The archive's size, bytes.
    pub size: u64,
    /// Where the file's bytes begin in it.
    pub offset: u64,
    /// Its length, bytes; an empty file needs no retrieval.
    pub length: u64,
}

/// A retrieval that is on its way, or whose output can still be read for long enough. Which those are the caller knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// What it makes readable.
    pub range: Range<u64>,
    /// The tier it was asked for in.
    pub tier: Option<Tier>,
    /// Whether its output can be read already.
    pub ready: bool,
}

impl Running {
    /// Whether a wish in a tier may join it.
    pub fn serves(&self, range: &Range<u64>, tier: Option<Tier>) -> bool {
        Joinable { range: &self.range, ready: self.ready, speed: place(self.tier) }.serves(range, place(tier))
    }
}

/// What a tier would take for an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The tier.
    pub tier: Option<Tier>,
    /// What a job would ask for (aligned; `0..size` is the whole archive); nothing where all wanted files are empty.
    pub range: Option<Range<u64>>,
    /// The retrieval that is joined instead, by its place among those of the archive.
    pub joined: Option<usize>,
    /// Bytes that are read of the output.
    pub read: u64,
}

impl Offer {
    /// Bytes the job would make readable.
    fn asked(&self) -> u64 {
        self.range.as_ref().map_or(0, |range| range.end - range.start)
    }

    /// What is billed if all goes well. What is joined costs no request and no retrieval, but its bytes leave the
    /// service's network all the same.
    pub fn usage(&self) -> Usage {
        match self.joined {
            Some(_) => Usage { jobs: 0, asked: 0, read: self.read },
            None => Usage { jobs: u64::from(self.range.is_some()), asked: self.asked(), read: self.read },
        }
    }

    /// What is billed on top should the joined retrieval expire or fail: its own job. Nothing where nothing is joined.
    pub fn at_risk(&self) -> Usage {
        match self.joined {
            Some(_) => Usage { jobs: 1, asked: self.asked(), read: 0 },
            None => Usage::default(),
        }
    }
}

/// What a plan wants of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The archive.
    pub archive: ArchiveId,
    /// Its size, bytes.
    pub size: u64,
    /// Wishes; a file that is wanted at two places counts twice.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// From the first wanted byte to the last: what a retrieval must cover to serve; nothing where all files are empty.
    pub need: Option<Range<u64>>,
    /// What it takes, a tier each, as [`Terms::tiers`] has them.
    pub offers: Vec<Offer>,
}

impl Part {
    /// What it takes in a tier.
    pub fn offer(&self, tier: Option<Tier>) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.tier == tier)
    }
}

/// A wish that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// It lies beyond its archive's end.
    #[error(
        "a file of {length} bytes at {offset} cannot lie in archive {archive}, which has {size}; the state is wrong about it: nothing is asked for"
    )]
    Outside {
        /// The archive.
        archive: ArchiveId,
        /// Its size, bytes.
        size: u64,
        /// Where the file is said to begin.
        offset: u64,
        /// The file's length, bytes.
        length: u64,
    },
    /// It came out of order, or its archive changed its size meanwhile.
    #[error(
        "internal error: archive {archive}, offset {offset} came after archive {after}, offset {at}; wishes are priced in the order of archive and offset"
    )]
    OutOfOrder {
        /// Its archive.
        archive: ArchiveId,
        /// Its offset.
        offset: u64,
        /// The archive before it.
        after: ArchiveId,
        /// The offset before it.
        at: u64,
    },
}

/// Wishes in the order of archive and offset, made parts of a plan one by one.
#[derive(Debug)]
pub struct PartFold<'a> {
    terms: &'a Terms,
    running: &'a HashMap<ArchiveId, Vec<Running>>,
    open: Option<Open>,
}

/// The archive that is being added up.
#[derive(Debug)]
struct Open {
    archive: ArchiveId,
    size: u64,
    files: u64,
    bytes: u64,
    /// From the first wanted byte to the last.
    around: Option<Range<u64>>,
    last: u64,
    reads: Reads,
    read: u64,
}

impl<'a> PartFold<'a> {
    /// No wish yet. `running`: what may be joined, by archive.
    pub fn new(terms: &'a Terms, running: &'a HashMap<ArchiveId, Vec<Running>>) -> Self {
        Self { terms, running, open: None }
    }

    /// The next wish; the archive before, once it is another one's turn.
    pub fn push(&mut self, wanted: Wanted) -> Result<Option<Part>, PartError> {
        let Wanted { archive, size, offset, length } = wanted;
        let outside = PartError::Outside { archive, size, offset, length };
        let end = offset.checked_add(length).filter(|end| *end <= size).ok_or(outside)?;
        let done = match &self.open {
            Some(open) if open.archive == archive && open.size == size && offset >= open.last => None,
            Some(open) if open.archive >= archive => {
                return Err(PartError::OutOfOrder { archive, offset, after: open.archive, at: open.last });
            }
            _ => self.open.take(),
        };
        let free = self.terms.egress_is_free();
        let open = self.open.get_or_insert_with(|| Open {
            archive,
            size,
            files: 0,
            bytes: 0,
            around: None,
            last: 0,
            reads: Reads::new(free),
            read: 0,
        });
        open.files += 1;
        open.bytes = open.bytes.saturating_add(length);
        open.last = offset;
        if length > 0 {
            let around = open.around.get_or_insert(offset..end);
            around.end = around.end.max(end);
            open.read += open.reads.push(offset..end).map_or(0, |range| range.end - range.start);
        }
        Ok(done.map(|open| self.close(open)))
    }

    /// After the last wish: the last archive.
    pub fn finish(mut self) -> Option<Part> {
        self.open.take().map(|open| self.close(open))
    }

    fn close(&self, open: Open) -> Part {
        let read = open.read + open.reads.end().map_or(0, |range| range.end - range.start);
        let running = self.running.get(&open.archive).map(Vec::as_slice).unwrap_or_default();
        let offers = self.terms.tiers().iter().map(|tier| {
            let range = cover(open.around.clone(), open.size, self.terms.by_range(*tier));
            // What must be covered to join is what is wanted, not what would be asked for.
            let joined =
                open.around.as_ref().and_then(|around| running.iter().position(|job| job.serves(around, *tier)));
            Offer { tier: *tier, range, joined, read }
        });
        let offers = offers.collect();
        let Open { archive, size, files, bytes, around: need, .. } = open;
        Part { archive, size, files, bytes, need, offers }
    }
}
