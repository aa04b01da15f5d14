//! The leaves of a bundle: 1 MiB each, hashed and written side by side, put together in order.
//!
//! A bundle has one writer, but what costs time (SHA-256 of a leaf, the write itself) needs no order: leaves are handed
//! out, and their hashes come back to be merged.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};

use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::Xxh3Default;

use crate::base::disk::DiskError;
use crate::base::hash::{Check, CheckKind, Hash16, Hash32};
use crate::vault::tree::{self, LEAF, Tree};

/// Leaves under way at a time: their buffers are all the memory a bundle needs.
const UNDER_WAY: usize = 4;

/// Where a bundle's bytes go, leaf by leaf; not always in order.
pub trait Sink: Send + Sync + 'static {
    /// Takes the leaf (1 MiB, the last one less) that starts at `offset`.
    fn leaf(&self, offset: u64, bytes: &[u8], hash: Hash32) -> Result<(), DiskError>;

    /// Forgets everything from `len` on (a multiple of 1 MiB). No leaf is under way meanwhile.
    fn cut(&self, len: u64) -> Result<(), DiskError>;
}

/// Who hashes and writes leaves.
#[derive(Debug, Clone)]
pub enum Hands {
    /// Whoever fills them, one after the other.
    Own,
    /// The runtime's threads for blocking work, several at a time. In a world this is no operation: whoever needs a leaf
    /// waits for it within blocking work that is one, and leaves are put together in order whenever they come.
    Runtime(tokio::runtime::Handle),
}

struct Back {
    index: u64,
    bytes: Vec<u8>,
    hash: Result<Hash32, DiskError>,
}

/// The leaves of one bundle.
pub struct Leaves<S> {
    sink: Arc<S>,
    hands: Hands,
    out: mpsc::Sender<Back>,
    back: mpsc::Receiver<Back>,
    under_way: usize,
    spare: Vec<Vec<u8>>,
    early: BTreeMap<u64, Hash32>,
    given: u64,
    done: Merged,
}

/// What the leaves come to, from the first on.
#[derive(Clone)]
pub struct Merged {
    leaves: u64,
    tree: Tree,
    check: Checker,
}

/// The hash that the vault will confirm, where it is another than the tree hash: computed in order.
#[derive(Clone)]
enum Checker {
    Tree,
    Sha256(Sha256),
    Xxh3(Box<Xxh3Default>),
}

/// What the finished leaves come to.
pub struct Roots {
    /// The tree hash.
    pub tree: Hash32,
    /// The hash that the vault will confirm.
    pub check: Check,
}

impl<S: Sink> Leaves<S> {
    /// No leaves yet; `kind` is the hash that the vault will confirm.
    pub fn new(sink: S, kind: CheckKind, hands: Hands) -> Self {
        let (out, back) = mpsc::channel();
        let check = match kind {
            CheckKind::TreeHash => Checker::Tree,
            CheckKind::Sha256 => Checker::Sha256(Sha256::new()),
            CheckKind::Xxh3 => Checker::Xxh3(Box::default()),
        };
        Self {
            sink: Arc::new(sink),
            hands,
            out,
            back,
            under_way: 0,
            spare: Vec::new(),
            early: BTreeMap::new(),
            given: 0,
            done: Merged { leaves: 0, tree: Tree::new(), check },
        }
    }

    /// Where the bytes go.
    pub fn sink(&self) -> Arc<S> {
        Arc::clone(&self.sink)
    }

    /// An empty buffer for the next leaf.
    pub fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_else(|| Vec::with_capacity(LEAF))
    }

    /// Takes the next leaf. Trouble with an earlier one may show here.
    pub fn give(&mut self, bytes: Vec<u8>) -> Result<(), DiskError> {
        match &mut self.done.check {
            Checker::Tree => {}
            Checker::Sha256(hasher) => hasher.update(&bytes),
            Checker::Xxh3(hasher) => hasher.update(&bytes),
        }
        let index = self.given;
        self.given += 1;
        self.under_way += 1;
        let (sink, out) = (Arc::clone(&self.sink), self.out.clone());
        let work = move || {
            let hash = tree::leaf(&bytes);
            let written = sink.leaf(index * LEAF as u64, &bytes, hash);
            // Nobody waits for a leaf of a bundle that was thrown away.
            let _ = out.send(Back { index, bytes, hash: written.map(|()| hash) });
        };
        match &self.hands {
            Hands::Own => work(),
            Hands::Runtime(handle) => drop(handle.spawn_blocking(work)),
        }
        self.take_back(UNDER_WAY - 1)
    }

    /// Waits until at most `most` leaves are under way.
    fn take_back(&mut self, most: usize) -> Result<(), DiskError> {
        let mut trouble = None;
        while self.under_way > most {
            let Ok(back) = self.back.recv() else { break };
            self.under_way -= 1;
            let mut bytes = back.bytes;
            bytes.clear();
            self.spare.push(bytes);
            match back.hash {
                Ok(hash) => {
                    self.early.insert(back.index, hash);
                }
                Err(e) => trouble = Some(e),
            }
        }
        while let Some(hash) = self.early.remove(&self.done.leaves) {
            self.done.leaves += 1;
            self.done.tree.push(hash);
        }
        trouble.map_or(Ok(()), Err)
    }

    /// Waits for all leaves; what they come to so far.
    pub fn settle(&mut self) -> Result<Merged, DiskError> {
        self.take_back(0)?;
        Ok(self.done.clone())
    }

    /// Forgets all leaves after those of `merged`.
    pub fn cut(&mut self, merged: Merged) -> Result<(), DiskError> {
        // All leaves of `merged` were settled; whatever trouble there is belongs to one that is forgotten.
        let _ = self.take_back(0);
        self.early.clear();
        let len = merged.leaves * LEAF as u64;
        if self.given != merged.leaves {
            self.sink.cut(len)?;
        }
        self.given = merged.leaves;
        self.done = merged;
        Ok(())
    }

    /// Waits for all leaves and merges them.
    pub fn finish(mut self) -> Result<(Roots, Arc<S>), DiskError> {
        let done = self.settle()?;
        let tree = done.tree.root();
        let check = match done.check {
            Checker::Tree => Check::TreeHash(tree),
            Checker::Sha256(hasher) => Check::Sha256(Hash32(hasher.finalize().into())),
            Checker::Xxh3(hasher) => Check::Xxh3(Hash16(hasher.digest128().to_be_bytes())),
        };
        Ok((Roots { tree, check }, self.sink))
    }

    /// Waits for whatever is under way and lets go of the sink.
    pub fn discard(mut self) {
        // The bundle is thrown away; what went wrong with it no longer matters.
        let _ = self.take_back(0);
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)] // patterns of bytes
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Nowhere;

    impl Sink for Nowhere {
        fn leaf(&self, _: u64, _: &[u8], _: Hash32) -> Result<(), DiskError> {
            Ok(())
        }
        fn cut(&self, _: u64) -> Result<(), DiskError> {
            Ok(())
        }
    }

    fn roots(data: &[u8], kind: CheckKind, hands: Hands) -> Roots {
        let mut leaves = Leaves::new(Nowhere, kind, hands);
        for chunk in data.chunks(LEAF) {
            let mut leaf = leaves.buffer();
            leaf.extend_from_slice(chunk);
            leaves.give(leaf).unwrap();
        }
        leaves.finish().unwrap().0
    }

    fn xxh3(data: &[u8]) -> Check {
        Check::Xxh3(Hash16(xxhash_rust::xxh3::xxh3_128(data).to_be_bytes()))
    }

    /// For every number of leaves up to 9, whole and with a short last one: what the stock crates say of all bytes.
    #[test]
    fn merged_hashes_are_those_of_the_whole() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let data: Vec<u8> = (0..9 * LEAF).map(|i| (i.wrapping_mul(2_654_435_761) >> 7) as u8).collect();
        let lengths = (0..=9).flat_map(|n| [n * LEAF, (n * LEAF).saturating_sub(1), n * LEAF + 1]);
        for length in lengths.filter(|length| *length <= data.len()) {
            let data = &data[..length];
            let expected = tree::of_bytes(data);
            let found = roots(data, CheckKind::Xxh3, Hands::Runtime(runtime.handle().clone()));
            assert_eq!((found.tree, found.check), (expected, xxh3(data)), "{length}");
            let found = roots(data, CheckKind::Sha256, Hands::Own);
            assert_eq!(found.check, Check::Sha256(Hash32(Sha256::digest(data).into())), "{length}");
            assert_eq!(roots(data, CheckKind::TreeHash, Hands::Own).check, Check::TreeHash(expected), "{length}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn after_a_cut_it_is_as_if_the_rest_had_never_been(before in 0usize..5, cut in 0usize..5, after in 0usize..5) {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let leaf = |n: usize| vec![n as u8; LEAF];
            let mut leaves = Leaves::new(Nowhere, CheckKind::Xxh3, Hands::Runtime(runtime.handle().clone()));
            let mut kept = Vec::new();
            for n in 0..before {
                leaves.give(leaf(n)).unwrap();
                kept.extend(leaf(n));
            }
            let mark = leaves.settle().unwrap();
            for n in 0..cut {
                leaves.give(leaf(100 + n)).unwrap();
            }
            leaves.cut(mark).unwrap();
            for n in 0..after {
                leaves.give(leaf(200 + n)).unwrap();
                kept.extend(leaf(200 + n));
            }
            let (roots, _) = leaves.finish().unwrap();
            prop_assert_eq!(roots.check, xxh3(&kept));
            prop_assert_eq!(roots.tree, tree::of_bytes(&kept));
        }
    }
}
