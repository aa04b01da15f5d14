//! The tree hash of Amazon Glacier: SHA-256 of each 1 MiB leaf, then of pairs, level by level; an odd last node goes up
//! unchanged. (Glacier developer guide, "Computing checksums".)

use sha2::{Digest as _, Sha256};

use crate::base::hash::Hash32;

/// Bytes of a leaf; only the last may be shorter.
pub const LEAF: usize = 1 << 20;

/// Computes a tree hash from leaves that come in order. Keeps one hash per level, so its size does not grow with the
/// data's: 28 hashes for the largest archive there can be.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// Complete subtrees from left to right, each smaller than the one before: (leaves, hash).
    peaks: Vec<(u64, Hash32)>,
}

/// SHA-256 of one leaf.
pub fn leaf(data: &[u8]) -> Hash32 {
    Hash32(Sha256::digest(data).into())
}

fn pair(left: Hash32, right: Hash32) -> Hash32 {
    let mut hasher = Sha256::new();
    hasher.update(left.0);
    hasher.update(right.0);
    Hash32(hasher.finalize().into())
}

impl Tree {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: Hash32) {
        self.push_subtree(1, leaf);
    }

    /// Adds the root of a complete subtree of `leaves` leaves, a power of two. What stands to its left must be a
    /// multiple of that many leaves: so it is for equal parts of a power of two MiB, and for whatever comes last.
    pub fn push_subtree(&mut self, leaves: u64, root: Hash32) {
        let mut new = (leaves, root);
        while let Some((size, hash)) = self.peaks.pop_if(|(size, _)| *size == new.0) {
            new = (size * 2, pair(hash, new.1));
        }
        self.peaks.push(new);
    }

    /// How many leaves there are.
    pub fn leaves(&self) -> u64 {
        self.peaks.iter().map(|(size, _)| size).sum()
    }

    /// The root. Of no leaves: the hash of no bytes.
    pub fn root(&self) -> Hash32 {
        let mut peaks = self.peaks.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = peaks.next() else { return leaf(&[]) };
        peaks.fold(last, |right, left| pair(left, right))
    }
}

/// The tree hash of bytes that are all there.
pub fn of_bytes(data: &[u8]) -> Hash32 {
    let mut tree = Tree::new();
    for chunk in data.chunks(LEAF) {
        tree.push(leaf(chunk));
    }
    tree.root()
}

/// Computes a tree hash of bytes that come in pieces of any size.
#[derive(Debug, Clone, Default)]
pub struct TreeHasher {
    tree: Tree,
    current: Sha256,
    filled: usize,
}

impl TreeHasher {
    /// Nothing hashed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            let (now, rest) = data.split_at(data.len().min(LEAF - self.filled));
            self.current.update(now);
            self.filled += now.len();
            if self.filled == LEAF {
                self.close_leaf();
            }
            data = rest;
        }
    }

    /// The root over all bytes taken.
    pub fn finish(mut self) -> Hash32 {
        if self.filled > 0 {
            self.close_leaf();
        }
        self.tree.root()
    }

    fn close_leaf(&mut self) {
        self.tree.push(Hash32(self.current.finalize_reset().into()));
        self.filled = 0;
    }
}

/// Whether Glacier answers a range of an archive of `size` bytes with a checksum: `start..end` must be a whole subtree.
/// In leaves, with `n` of them: `start` is a multiple of some power of two `p` and `end` is `start + p`, or the end.
pub fn is_aligned(start: u64, end: u64, size: u64) -> bool {
    let leaf = LEAF as u64;
    if start >= end || end > size || !start.is_multiple_of(leaf) || !(end.is_multiple_of(leaf) || end == size) {
        return false;
    }
    let (first, last, all) = (start / leaf, end.div_ceil(leaf), size.div_ceil(leaf));
    (0..=63u32)
        .map(|i| 1u64 << i)
        .any(|power| first.is_multiple_of(power) && last == first.saturating_add(power).min(all))
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)] // patterns of bytes
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The recipe of the developer guide, word for word: all leaves, then pair by pair until one is left.
    fn by_the_book(data: &[u8]) -> Hash32 {
        let mut level: Vec<Hash32> = data.chunks(LEAF).map(leaf).collect();
        if level.is_empty() {
            return leaf(&[]);
        }
        while level.len() > 1 {
            level = level.chunks(2).map(|c| if let [l, r] = c { pair(*l, *r) } else { c[0] }).collect();
        }
        level[0]
    }

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i.wrapping_mul(2_654_435_761) as u32 as u8) ^ (i >> 11) as u8).collect()
    }

    #[test]
    fn vectors_of_a_pattern() {
        let vectors = [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (1_048_576, "c1f05bd229b66f8ddedd2f8383a43a1da6cd860c46aadaf7bb078329b0b5b276"),
            (1_048_577, "6bd8e963ccf11a8ee2adfd31e19db0828abacb389e145d52959e3ac8d8b4e020"),
            (5_767_168, "cf6648ff15658489468c0986c12f2ecad56ee7e6f96d4ee4680624cdf064b1e3"),
            (25_000_000, "90bbefa4f475d1cd795dc1384f66a8c4a7f0a70b367003d50685cffa6f60f134"),
        ];
        for (len, hex) in vectors {
            assert_eq!(of_bytes(&pattern(len)).to_string(), hex, "{len}");
        }
    }

    #[test]
    fn vectors_of_repeated_text() {
        let vectors = [
            (1_048_576, "9bc1b2a288b26af7257a36277ae3816a7d4f16e89c1e7e77d0a5c48bad62b360"),
            (1_048_577, "8dd49bbc6297567fac3852c2deddcdbc57358bc403c10d4f6dc64b143ad9b27b"),
            (3_145_928, "6a95a5e9e490541960697e5458d1f868b12592a671be429cfdea6b421b1e9616"),
        ];
        for (len, hex) in vectors {
            assert_eq!(of_bytes(&vec![b'a'; len]).to_string(), hex, "{len}");
        }
        let digits: Vec<u8> = b"01245678912".iter().copied().cycle().take(105_906_680).collect();
        let hex = "3d417484359fc9f5a3bafd576dc47b8b2de2bf2d4fdac5aa2aff768f2210d386";
        assert_eq!(of_bytes(&digits).to_string(), hex);
    }

    #[test]
    fn aligned_ranges_are_exactly_the_subtrees() {
        // The nodes of the recipe's tree over n leaves, as ranges of leaves.
        for n in 1u64..40 {
            let mut nodes = std::collections::HashSet::new();
            let mut level: Vec<(u64, u64)> = (0..n).map(|i| (i, i + 1)).collect();
            while !level.is_empty() {
                nodes.extend(level.iter().copied());
                if level.len() == 1 {
                    break;
                }
                level = level.chunks(2).map(|c| (c[0].0, c[c.len() - 1].1)).collect();
            }
            let leaf = LEAF as u64;
            let size = n * leaf - 5;
            for a in 0..n {
                for b in a + 1..=n {
                    let (start, end) = (a * leaf, (b * leaf).min(size));
                    assert_eq!(is_aligned(start, end, size), nodes.contains(&(a, b)), "{a}..{b} of {n}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn pieces_of_any_size_give_the_same_hash(len in 0usize..5 * LEAF, cuts in prop::collection::vec(1usize..2 * LEAF, 0..8)) {
            let data = pattern(len);
            let mut hasher = TreeHasher::new();
            let mut rest = data.as_slice();
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                hasher.update(now);
                rest = later;
            }
            hasher.update(rest);
            let expected = by_the_book(&data);
            prop_assert_eq!(hasher.finish(), expected);
            prop_assert_eq!(of_bytes(&data), expected);
        }

        #[test]
        fn parts_of_a_power_of_two_give_the_hash_of_the_whole(leaves in 1u64..200, power in 0u32..5, seed: u8) {
            let hashes: Vec<Hash32> = (0..leaves).map(|i| leaf(&[seed, i as u8])).collect();
            let mut whole = Tree::new();
            for hash in &hashes {
                whole.push(*hash);
            }
            let mut parts = Tree::new();
            for part in hashes.chunks(1 << power) {
                let mut tree = Tree::new();
                for hash in part {
                    tree.push(*hash);
                }
                parts.push_subtree(1 << power, tree.root());
            }
            prop_assert_eq!(parts.root(), whole.root());
            prop_assert_eq!(whole.leaves(), leaves);
        }
    }
}
