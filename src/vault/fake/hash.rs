//! The service's own tree hash: SHA-256 of each MiB, then of pairs, until one is left. By the recipe of the developer
//! guide ("Computing checksums"), from all leaves at once.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::base::hash::Hash32;

/// Bytes of a leaf.
pub const MIB: u64 = 1 << 20;

/// SHA-256 of one leaf.
pub fn leaf(bytes: &[u8]) -> Hash32 {
    Hash32(Sha256::digest(bytes).into())
}

/// The tree hash over leaves. Of none: the hash of no bytes.
pub fn root(leaves: &[Hash32]) -> Hash32 {
    match leaves {
        [] => leaf(b""),
        [one] => *one,
        // Pairs are made from the left, and what is over goes up as it is: so the left side of every node is the
        // largest full tree that leaves something for the right.
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            let mut both = [0; 64];
            both[..32].copy_from_slice(&root(left).0);
            both[32..].copy_from_slice(&root(right).0);
            leaf(&both)
        }
    }
}

/// Whether a job may ask for these bytes of an archive of `size`: whole MiB, but for the end.
pub fn is_megabyte_aligned(range: &Range<u64>, size: u64) -> bool {
    range.start.is_multiple_of(MIB) && (range.end.is_multiple_of(MIB) || range.end == size)
}

/// Whether these bytes of something of `size` bytes are all that lies under one node of its tree, so that they have a
/// tree hash that is part of the whole's.
pub fn is_tree_aligned(range: &Range<u64>, size: u64) -> bool {
    if range.is_empty() || range.end > size || !is_megabyte_aligned(range, size) {
        return false;
    }
    let (from, to, all) = (range.start / MIB, range.end.div_ceil(MIB), size.div_ceil(MIB));
    // The smallest tree that is wide enough; a wider one that starts here as well ends at the same place or beyond.
    let width = (to - from).next_power_of_two();
    from.is_multiple_of(width) && to == (from + width).min(all)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::encode::hex;

    fn of(bytes: &[u8]) -> String {
        let leaves: Vec<Hash32> = bytes.chunks(1 << 20).map(leaf).collect();
        hex(&root(&leaves).0)
    }

    #[test]
    fn known_hashes_of_known_bytes() {
        // Computed by botocore's `calculate_tree_hash`.
        let cases = [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (1_048_576, "c1f05bd229b66f8ddedd2f8383a43a1da6cd860c46aadaf7bb078329b0b5b276"),
            (1_048_577, "6bd8e963ccf11a8ee2adfd31e19db0828abacb389e145d52959e3ac8d8b4e020"),
            (5_767_168, "cf6648ff15658489468c0986c12f2ecad56ee7e6f96d4ee4680624cdf064b1e3"),
            (25_000_000, "90bbefa4f475d1cd795dc1384f66a8c4a7f0a70b367003d50685cffa6f60f134"),
        ];
        #[allow(clippy::cast_possible_truncation)] // that is the formula
        let bytes: Vec<u8> = (0..25_000_000u64).map(|i| (i * 2_654_435_761) as u8 ^ (i >> 11) as u8).collect();
        for (size, hash) in cases {
            assert_eq!(of(&bytes[..size]), hash, "{size} bytes");
        }
        let cases = [
            (1_048_576, "9bc1b2a288b26af7257a36277ae3816a7d4f16e89c1e7e77d0a5c48bad62b360"),
            (1_048_577, "8dd49bbc6297567fac3852c2deddcdbc57358bc403c10d4f6dc64b143ad9b27b"),
            (3_145_928, "6a95a5e9e490541960697e5458d1f868b12592a671be429cfdea6b421b1e9616"),
        ];
        for (size, hash) in cases {
            assert_eq!(of(&vec![b'a'; size]), hash, "{size} times a");
        }
    }

    #[test]
    fn it_is_the_hash_level_by_level() {
        for n in 1..70u8 {
            let leaves: Vec<Hash32> = (0..n).map(|n| leaf(&[n])).collect();
            let mut level = leaves.clone();
            while level.len() > 1 {
                let pair = |pair: &[Hash32]| match pair {
                    [left, right] => leaf(&[left.0, right.0].concat()),
                    odd => odd[0],
                };
                level = level.chunks(2).map(pair).collect();
            }
            assert_eq!(root(&leaves), level[0], "{n} leaves");
        }
    }

    #[test]
    fn a_range_is_aligned_where_a_node_of_the_tree_covers_it() {
        for all in 1..70u64 {
            // The nodes of the tree, made level by level: what leaves each one covers.
            let mut nodes = BTreeSet::new();
            let mut level: Vec<(u64, u64)> = (0..all).map(|leaf| (leaf, leaf + 1)).collect();
            loop {
                nodes.extend(level.iter().copied());
                if level.len() == 1 {
                    break;
                }
                level = level.chunks(2).map(|pair| (pair[0].0, pair[pair.len() - 1].1)).collect();
            }
            let size = all * MIB - 7;
            for from in 0..all {
                for to in from + 1..=all {
                    let range = from * MIB..(to * MIB).min(size);
                    assert_eq!(is_tree_aligned(&range, size), nodes.contains(&(from, to)), "{from}..{to} of {all} MiB");
                }
            }
        }
    }

    #[test]
    fn a_job_takes_whole_megabytes_but_for_the_end() {
        let size = 3 * MIB + 5;
        for (range, is) in [
            (0..size, true),
            (0..MIB, true),
            (MIB..2 * MIB, true),
            (3 * MIB..size, true),
            (0..MIB + 1, false),
            (1..MIB, false),
            (MIB..size - 1, false),
        ] {
            assert_eq!(is_megabyte_aligned(&range, size), is, "{range:?}");
        }
    }
}
