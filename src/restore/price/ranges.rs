//! Which bytes of an archive a job asks for, and which of its output are read.

use std::ops::Range;

/// Ranges of jobs begin and end at whole ones of these, but for an archive's end ("megabyte aligned", Glacier developer
/// guide, api-initiate-job-post). They need not be tree-hash aligned: every file has a SHA-256 of its own.
pub const MIB: u64 = 1 << 20;

/// Members nearer to each other than this are read as one: a header and its padding cost less than another request.
pub const NEAR: u64 = 4 << 10;
/// As [`NEAR`], where reading costs nothing.
pub const NEAR_WHEN_FREE: u64 = 64 << 10;

/// What a job asks for, so that these members can be read: the smallest aligned range that covers them, or the whole
/// archive when it is not to be `by_range`. Empty members need nothing; nothing where all of them are.
pub fn cover(members: impl IntoIterator<Item = Range<u64>>, archive_size: u64, by_range: bool) -> Option<Range<u64>> {
    let around = |all: Range<u64>, one: Range<u64>| all.start.min(one.start)..all.end.max(one.end);
    let wanted = members.into_iter().filter(|member| !member.is_empty()).reduce(around)?;
    if !by_range {
        return Some(0..archive_size);
    }
    let end = wanted.end.checked_next_multiple_of(MIB).unwrap_or(u64::MAX);
    Some(wanted.start - wanted.start % MIB..end.min(archive_size))
}

/// The range as a job names it: nothing for the whole archive.
pub fn named(range: &Range<u64>, archive_size: u64) -> Option<Range<u64>> {
    (*range != (0..archive_size)).then(|| range.clone())
}

/// Which byte ranges of a job's output are read for these members, which come in the order of their offsets. A member
/// that is wanted twice is read once. They are as long as they come out; whoever reads them does so in pieces.
pub fn reads(members: impl IntoIterator<Item = Range<u64>>, egress_free: bool) -> Vec<Range<u64>> {
    let mut fold = Reads::new(egress_free);
    let mut all: Vec<Range<u64>> = members.into_iter().filter_map(|member| fold.push(member)).collect();
    all.extend(fold.end());
    all
}

/// [`reads`], member by member.
#[derive(Debug, Clone)]
pub struct Reads {
    gap: u64,
    open: Option<Range<u64>>,
}

impl Reads {
    /// None yet.
    pub fn new(egress_free: bool) -> Self {
        Self { gap: if egress_free { NEAR_WHEN_FREE } else { NEAR }, open: None }
    }

    /// The next member; a range that is complete by it.
    pub fn push(&mut self, member: Range<u64>) -> Option<Range<u64>> {
        if member.is_empty() {
            return None;
        }
        match &mut self.open {
            Some(open) if member.start >= open.start && member.start <= open.end.saturating_add(self.gap) => {
                open.end = open.end.max(member.end);
                None
            }
            open => open.replace(member),
        }
    }

    /// After the last member: the last range.
    pub fn end(self) -> Option<Range<u64>> {
        self.open
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)] // a list of one member is meant
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_smallest_aligned_range_or_the_whole_archive() {
        type Case<'a> = (&'a [Range<u64>], bool, Option<Range<u64>>);
        let size = 25 * MIB + 100;
        let cases: [Case<'_>; 8] = [
            (&[10..20], true, Some(0..MIB)),
            (&[MIB - 1..MIB + 1], true, Some(0..2 * MIB)),
            (&[MIB..2 * MIB], true, Some(MIB..2 * MIB)),
            (&[3 * MIB..3 * MIB + 1, 9 * MIB..9 * MIB + 5], true, Some(3 * MIB..10 * MIB)),
            // The end of an archive need not be aligned.
            (&[25 * MIB + 1..size], true, Some(25 * MIB..size)),
            (&[10..20], false, Some(0..size)),
            (&[10..10, 7 * MIB..7 * MIB], true, None),
            (&[], false, None),
        ];
        for (members, by_range, expected) in cases {
            assert_eq!(cover(members.iter().cloned(), size, by_range), expected, "{members:?}");
        }
        assert_eq!(named(&(0..size), size), None);
        assert_eq!(named(&(0..MIB), size), Some(0..MIB));
    }

    #[test]
    fn near_members_are_read_as_one() {
        let all = [512..1000, 1536..2000, 2000 + NEAR..9000, 9000 + NEAR + 1..20_000, 30_000..30_000];
        assert_eq!(reads(all.clone(), false), [512..9000, 9000 + NEAR + 1..20_000]);
        assert_eq!(reads(all, true), [512..20_000]);
        // The same member at two places is read once.
        assert_eq!(reads([512..1000, 512..1000, 600_000..600_100], true), [512..1000, 600_000..600_100]);
        assert_eq!(reads([5..5], true), []);
    }

    /// Members in the order of their offsets, as a bundle has them, and the archive's size.
    fn bundle() -> impl Strategy<Value = (Vec<Range<u64>>, u64)> {
        let member = (0..3 * MIB, prop_oneof![Just(0), 1..5000u64, 1..3 * MIB]);
        (prop::collection::vec(member, 0..12), 0..2 * MIB).prop_map(|(members, tail)| {
            let mut at = 0;
            let members: Vec<_> = members
                .into_iter()
                .map(|(gap, length)| {
                    let start: u64 = at + gap;
                    at = start + length;
                    start..at
                })
                .collect();
            (members, at + tail)
        })
    }

    proptest! {
        #[test]
        fn a_cover_is_aligned_covers_all_and_is_the_smallest((members, size) in bundle()) {
            let Some(range) = cover(members.iter().cloned(), size, true) else {
                prop_assert!(members.iter().all(Range::is_empty));
                return Ok(());
            };
            let covers = |range: &Range<u64>| {
                members.iter().filter(|m| !m.is_empty()).all(|m| range.start <= m.start && m.end <= range.end)
            };
            prop_assert!(covers(&range));
            prop_assert!(range.start % MIB == 0 && (range.end % MIB == 0 || range.end == size) && range.end <= size);
            // Every aligned range there is, by brute force.
            let edges: Vec<u64> = (0..size).step_by(1 << 20).chain([size]).collect();
            let smallest = edges
                .iter()
                .flat_map(|start| edges.iter().map(move |end| *start..*end))
                .filter(|other| !other.is_empty() && covers(other))
                .map(|other| other.end - other.start)
                .min();
            prop_assert_eq!(smallest, Some(range.end - range.start));
        }

        #[test]
        fn reads_give_every_wanted_byte_once_and_nothing_outside((members, size) in bundle(), free: bool) {
            let reads = reads(members.iter().cloned(), free);
            let gap = if free { NEAR_WHEN_FREE } else { NEAR };
            for member in members.iter().filter(|m| !m.is_empty()) {
                let within = reads.iter().filter(|r| r.start <= member.start && member.end <= r.end).count();
                prop_assert_eq!(within, 1, "{:?}", member);
            }
            for pair in reads.windows(2) {
                prop_assert!(pair[0].end + gap < pair[1].start, "{:?}", pair);
            }
            if let Some(range) = cover(members.iter().cloned(), size, true) {
                prop_assert!(reads.iter().all(|r| range.start <= r.start && r.end <= range.end));
            } else {
                prop_assert!(reads.is_empty());
            }
            // Not more than the wanted bytes and the gaps between them.
            let read: u64 = reads.iter().map(|r| r.end - r.start).sum();
            let wanted: u64 = members.iter().map(|m| m.end - m.start).sum();
            prop_assert!(read >= wanted && read <= wanted + gap * members.len() as u64);
        }
    }
}
