//! Which bytes of an archive are read for the files that are wanted of it. Pure.
//!
//! Members lie one after the other with their headers and padding between them. Two that are close are read in one go:
//! the bytes between them cost less than another request.

use std::ops::Range;

/// Bytes between two members that are read along with them. Headers and padding of a small member are 2 to 3 KiB.
pub const CLOSE: u64 = 4 << 10;
/// The same where reading costs nothing.
pub const CLOSE_IF_FREE: u64 = 64 << 10;

/// How many bytes between two members are read along with them.
pub const fn gap(free: bool) -> u64 {
    if free { CLOSE_IF_FREE } else { CLOSE }
}

/// The ranges that are read: each member is in one of them, no two are nearer to each other than `gap` bytes and one, and
/// none begins or ends with a byte that nobody wants. `members` come in order of their first bytes; empty ones need none.
pub fn reads(members: impl IntoIterator<Item = Range<u64>>, gap: u64) -> Vec<Range<u64>> {
    let mut reads: Vec<Range<u64>> = Vec::new();
    for member in members.into_iter().filter(|member| !member.is_empty()) {
        match reads.last_mut().filter(|last| member.start <= last.end.saturating_add(gap)) {
            Some(last) => last.end = last.end.max(member.end),
            None => reads.push(member),
        }
    }
    reads
}

/// What is read in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The bytes; none where all its members are empty.
    pub range: Range<u64>,
    /// Its members, by their places in the list.
    pub members: Range<usize>,
    /// Whether it is a slice of its one member, rather than all of each.
    pub slice: bool,
}

/// Cuts what [`reads`] gives into pieces of at most `most` bytes: between members, and within those alone that are larger.
/// What lies between two pieces and belongs to no member is not read.
pub fn pieces(members: &[Range<u64>], gap: u64, most: u64) -> Vec<Piece> {
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
            let end = last.range.end.max(member.end);
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
    use proptest::prelude::*;

    #[test]
    #[allow(clippy::single_range_in_vec_init)] // lists of one range
    fn neighbours_are_read_together_and_far_ones_are_not() {
        let of = |members: &[Range<u64>]| reads(members.iter().cloned(), CLOSE);
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[5..5]), []);
        assert_eq!(of(&[0..10, 4106..4200]), [0..4200]);
        assert_eq!(of(&[0..10, 4107..4200]), [0..10, 4107..4200]);
        assert_eq!(of(&[0..10, 3000..3000, 4107..4200]), [0..10, 4107..4200], "an empty one bridges nothing");
        assert_eq!(of(&[0..10, 0..10, 5..7]), [0..10]);
    }

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
        fn each_member_is_read_once_and_nothing_else_but_what_lies_between_near_ones(members in members(), gap in 0u64..8000) {
            let reads = reads(members.iter().cloned(), gap);
            for pair in reads.windows(2) {
                prop_assert!(pair[1].start > pair[0].end + gap);
            }
            for member in members.iter().filter(|member| !member.is_empty()) {
                let holding = reads.iter().filter(|read| read.start <= member.start && member.end <= read.end);
                prop_assert_eq!(holding.count(), 1);
            }
            for read in &reads {
                prop_assert!(members.iter().any(|member| member.start == read.start && !member.is_empty()));
                prop_assert!(members.iter().any(|member| member.end == read.end && !member.is_empty()));
            }
            let wanted: u64 = members.iter().map(|member| member.end - member.start).sum();
            let read: u64 = reads.iter().map(|read| read.end - read.start).sum();
            prop_assert!(read >= wanted && read <= wanted + gap * members.len() as u64);
        }

        #[test]
        fn pieces_are_small_in_order_and_hold_all_of_it(members in members(), gap in 0u64..8000, most in 1u64..30_000) {
            let reads = reads(members.iter().cloned(), gap);
            let pieces = pieces(&members, gap, most);
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
