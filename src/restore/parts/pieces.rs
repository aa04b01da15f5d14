//! In which pieces the members of a page are read. Pure. What is near enough to be read together is what the price of the
//! plan took to be so ([`crate::restore::price::ranges`]).

use std::ops::Range;

use crate::restore::price::ranges::{NEAR, NEAR_WHEN_FREE};

/// How many bytes between two members are read along with them.
pub(super) const fn gap(free: bool) -> u64 {
    if free { NEAR_WHEN_FREE } else { NEAR }
}

/// What is read in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The bytes; none where all its members are empty.
    pub range: Range<u64>,
    /// Its members, by their places in the list.
    pub members: Range<usize>,
    /// Whether it is a slice of its one member, rather than all of each.
    pub slice: bool,
}

/// Cuts what is read for these members, which come in order, into pieces of at most `most` bytes: between members, and within those alone that are larger.
/// What lies between two pieces and belongs to no member is not read.
pub(super) fn pieces(members: &[Range<u64>], gap: u64, most: u64) -> Vec<Piece> {
    let most = most.max(1);
    let mut pieces: Vec<Piece> = Vec::new();
    for (at, member) in members.iter().enumerate() {
        if member.end.saturating_sub(member.start) > most {
            let mut start = member.start;
            while start < member.end {
                let end = start.saturating_add(most).min(member.end);
                pieces.push(Piece { range: start..end, members: at..at + 1, slice: true });
                start = end;
            }
            continue;
        }
        let joins = |last: &&mut Piece| {
            let end = if member.is_empty() { last.range.end } else { last.range.end.max(member.end) };
            let near = member.is_empty() || last.range.is_empty() || member.start <= last.range.end.saturating_add(gap);
            !last.slice && near && member.start >= last.range.start && end - last.range.start <= most
        };
        match pieces.last_mut().filter(joins) {
            // Nothing has been wanted of it so far.
            Some(last) if last.range.is_empty() => {
                last.range = member.clone();
                last.members.end = at + 1;
            }
            Some(last) => {
                if !member.is_empty() {
                    last.range.end = last.range.end.max(member.end);
                }
                last.members.end = at + 1;
            }
            None => pieces.push(Piece { range: member.clone(), members: at..at + 1, slice: false }),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::restore::price::ranges::reads;
    use proptest::prelude::*;

    #[test]
    fn a_large_member_is_cut_and_small_ones_are_not() {
        let cut = pieces(&[0..10, 20..30, 40..65, 70..80, 90..90], 100, 12);
        let piece = |range, members, slice| Piece { range, members, slice };
        assert_eq!(
            cut,
            [
                piece(0..10, 0..1, false),
                piece(20..30, 1..2, false),
                piece(40..52, 2..3, true),
                piece(52..64, 2..3, true),
                piece(64..65, 2..3, true),
                piece(70..80, 3..5, false),
            ]
        );
    }

    /// Members as they lie in an archive: in order, apart by at least a header.
    fn members() -> impl Strategy<Value = Vec<Range<u64>>> {
        prop::collection::vec((512u64..10_000, 0u64..20_000), 0..40).prop_map(|gaps| {
            let mut at = 0;
            let member = |(between, length)| {
                let start = at + between;
                at = start + length;
                start..at
            };
            gaps.into_iter().map(member).collect()
        })
    }

    proptest! {
        #[test]
        fn pieces_are_small_in_order_and_hold_all_of_it(members in members(), free: bool, most in 1u64..30_000) {
            let reads = reads(members.iter().cloned(), free);
            let pieces = pieces(&members, gap(free), most);
            let mut next = 0;
            let mut covered = vec![0; members.len()];
            for (at, piece) in pieces.iter().enumerate() {
                let length = piece.range.end - piece.range.start;
                prop_assert!(length <= most);
                prop_assert!(length == 0 || reads.iter().any(|read| read.start <= piece.range.start && piece.range.end <= read.end));
                if at > 0 && length > 0 {
                    prop_assert!(pieces[..at].iter().all(|before| before.range.is_empty() || before.range.end <= piece.range.start));
                }
                for member in piece.members.clone() {
                    if piece.slice {
                        covered[member] += length;
                        prop_assert!(members[member].start <= piece.range.start && piece.range.end <= members[member].end);
                    } else {
                        prop_assert_eq!(member, next.max(member), "members come in order");
                        covered[member] += members[member].end - members[member].start;
                        let inside = piece.range.start <= members[member].start && members[member].end <= piece.range.end;
                        prop_assert!(inside || members[member].is_empty());
                    }
                    next = next.max(member);
                }
            }
            for (member, covered) in members.iter().zip(covered) {
                prop_assert_eq!(covered, member.end - member.start);
            }
            let none_is_left = members.is_empty() || pieces.last().is_some_and(|last| last.members.end == members.len());
            prop_assert!(none_is_left);
        }
    }
}
