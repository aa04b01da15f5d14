//! Where the bytes of the service lie: files in a folder. What is no longer needed is removed.

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::hash;
use crate::base::disk::{Dir, DiskError, DiskFile};
use crate::base::hash::Hash32;

/// How much is read, hashed and written at a time: a leaf.
const PIECE: usize = 1 << 20;

/// A folder for bodies.
#[derive(Debug)]
pub struct Shelf {
    dir: Dir,
    next: AtomicU64,
}

/// Bytes on a shelf, and the hashes of their MiB. The file goes when this does.
#[derive(Debug)]
pub struct Body {
    dir: Dir,
    name: OsString,
    size: u64,
    leaves: Vec<Hash32>,
}

impl Shelf {
    /// A shelf in the folder `path`, which is made when it is missing. It should hold nothing else.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        Ok(Self { dir: Dir::open_or_make(path)?, next: AtomicU64::new(0) })
    }

    /// Lays down some bytes of a file. `each` sees them as they pass.
    pub fn lay_file(&self, file: &DiskFile, range: Range<u64>, mut each: impl FnMut(&[u8])) -> Result<Body, DiskError> {
        let (mut laying, to) = self.begin()?;
        let mut piece = vec![0; PIECE];
        let mut at = range.start;
        while at < range.end {
            let length = usize::try_from(range.end - at).unwrap_or(PIECE).min(PIECE);
            file.read_at(&mut piece[..length], at)?;
            each(&piece[..length]);
            laying.append(&to, &piece[..length])?;
            at += length as u64;
        }
        Ok(laying)
    }

    /// Lays down bytes.
    pub fn lay(&self, bytes: &[u8]) -> Result<Body, DiskError> {
        let (mut laying, to) = self.begin()?;
        for piece in bytes.chunks(PIECE) {
            laying.append(&to, piece)?;
        }
        Ok(laying)
    }

    /// Bodies that lie there.
    pub fn count(&self) -> Result<usize, DiskError> {
        let mut count = 0;
        self.dir.each_name(|_, _| {
            count += 1;
            true
        })?;
        Ok(count)
    }

    fn begin(&self) -> Result<(Body, DiskFile), DiskError> {
        let name = OsString::from(format!("{:08}.body", self.next.fetch_add(1, Ordering::Relaxed)));
        let file = self.dir.create(&name, 0o600)?;
        Ok((Body { dir: self.dir.clone(), name, size: 0, leaves: Vec::new() }, file))
    }
}

impl Body {
    /// Pieces come in order; only the last may be shorter than a leaf.
    fn append(&mut self, to: &DiskFile, piece: &[u8]) -> Result<(), DiskError> {
        to.write_at(piece, self.size)?;
        self.size += piece.len() as u64;
        self.leaves.push(hash::leaf(piece));
        Ok(())
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of its MiB, in order.
    pub fn leaves(&self) -> &[Hash32] {
        &self.leaves
    }

    /// Its tree hash.
    pub fn tree_hash(&self) -> Hash32 {
        hash::root(&self.leaves)
    }

    /// Appends some of its bytes to `to`.
    pub fn read_into(&self, to: &mut Vec<u8>, range: Range<u64>) -> Result<(), DiskError> {
        let file = self.dir.open_file(&self.name)?;
        let start = to.len();
        to.resize(start + usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(0), 0);
        file.read_at(&mut to[start..], range.start)
    }

    /// The name of its file on the shelf.
    pub fn file_name(&self) -> &OsStr {
        &self.name
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Err(e) = self.dir.remove(&self.name) {
            tracing::debug!(error = %e, "a body of the emulated vault stays on its shelf");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_laid_down_is_read_back_and_goes_with_its_last_owner() {
        let temp = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(&temp.path().join("shelf")).unwrap();
        let bytes: Vec<u8> = (0..(1 << 20) + 5u32).map(|n| n.to_le_bytes()[1]).collect();
        let body = shelf.lay(&bytes).unwrap();
        assert_eq!((body.size(), body.leaves().len()), (bytes.len() as u64, 2));
        let mut read = b"before".to_vec();
        body.read_into(&mut read, (1 << 20) - 2..(1 << 20) + 3).unwrap();
        assert_eq!(read, [b"before", &bytes[(1 << 20) - 2..(1 << 20) + 3]].concat());
        let file = shelf.dir.open_file(body.file_name()).unwrap();
        let mut seen = 0;
        let again = shelf.lay_file(&file, 1 << 20..(1 << 20) + 5, |piece| seen += piece.len()).unwrap();
        assert_eq!((again.size(), seen, again.tree_hash()), (5, 5, hash::leaf(&bytes[1 << 20..])));
        assert_eq!(shelf.count().unwrap(), 2);
        drop((body, again));
        assert_eq!(shelf.count().unwrap(), 0);
    }

    #[test]
    fn a_file_that_ends_too_early_is_told_and_leaves_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(&temp.path().join("shelf")).unwrap();
        std::fs::write(temp.path().join("short"), b"abc").unwrap();
        let file = Dir::open(temp.path()).unwrap().open_file(OsStr::new("short")).unwrap();
        let told = shelf.lay_file(&file, 0..4, |_| {}).unwrap_err().to_string();
        assert_eq!(told, format!("cannot read {}: failed to fill whole buffer", file.path().display()));
        assert_eq!(shelf.count().unwrap(), 0);
    }
}
