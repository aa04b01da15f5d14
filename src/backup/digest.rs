//! Hashing files: SHA-256 always, MD5 where something will be compared with it.

use std::any::Any;
use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::bundle::writer::Digests;
use crate::base::encode;
use crate::base::hash::{Hash16, Hash32};
use crate::source::Seen;

/// When MD5 is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Md5Policy {
    /// Where the source keeps an MD5 to compare with.
    Auto,
    /// For every file.
    Always,
    /// For none.
    Never,
}

impl Md5Policy {
    /// Whether to compute the MD5 of a file with this checksum of its source.
    pub fn applies(self, source_checksum: Option<&str>) -> bool {
        match self {
            Self::Auto => source_checksum.is_some_and(|text| text.starts_with("MD5:")),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Hashes of a file that comes in pieces.
#[derive(Clone)]
pub struct FileHasher {
    sha256: Sha256,
    md5: Option<Md5>,
}

impl FileHasher {
    /// Nothing hashed yet.
    pub fn new(with_md5: bool) -> Self {
        Self { sha256: Sha256::new(), md5: with_md5.then(Md5::new) }
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// The hashes.
    pub fn finish(self) -> Digests {
        Digests {
            sha256: Hash32(self.sha256.finalize().into()),
            md5: self.md5.map(|md5| Hash16(md5.finalize().into())),
        }
    }
}

/// Computes the SHA-256 of files while they are read.
#[derive(Default)]
pub struct WhileRead {
    current: Option<(usize, Sha256)>,
    done: BTreeMap<usize, Hash32>,
}

impl WhileRead {
    /// The SHA-256 of the file at this place of the list.
    pub fn take(&mut self, file: usize) -> Hash32 {
        self.close();
        // A file without bytes was never shown any.
        self.done.remove(&file).unwrap_or_else(|| Hash32(Sha256::digest([]).into()))
    }

    fn close(&mut self) {
        if let Some((file, hasher)) = self.current.take() {
            self.done.insert(file, Hash32(hasher.finalize().into()));
        }
    }
}

impl Seen for WhileRead {
    fn bytes(&mut self, file: usize, bytes: &[u8]) {
        if self.current.as_ref().is_none_or(|(current, _)| *current != file) {
            self.close();
            self.current = Some((file, Sha256::new()));
        }
        if let Some((_, hasher)) = &mut self.current {
            hasher.update(bytes);
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// Compares with the checksum that the source keeps; what is wrong, if something is.
pub fn differs(source_checksum: Option<&str>, digests: &Digests) -> Option<String> {
    let expected = source_checksum?.strip_prefix("MD5:")?;
    let found = encode::hex(&digests.md5?.0);
    (!expected.eq_ignore_ascii_case(&found))
        .then(|| format!("its MD5 is {found}, its source says {}", crate::base::Shown::text(expected)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_only_where_it_is_compared() {
        let cases = [
            (Md5Policy::Auto, None, false),
            (Md5Policy::Auto, Some("MD5:00"), true),
            (Md5Policy::Auto, Some("SHA-256:00"), false),
            (Md5Policy::Always, None, true),
            (Md5Policy::Never, Some("MD5:00"), false),
        ];
        for (policy, checksum, applies) in cases {
            assert_eq!(policy.applies(checksum), applies, "{policy:?} {checksum:?}");
        }
    }

    fn of_bytes(bytes: &[u8], with_md5: bool) -> Digests {
        let mut hasher = FileHasher::new(with_md5);
        hasher.update(bytes);
        hasher.finish()
    }

    #[test]
    fn files_hashed_while_they_are_read_each_by_itself() {
        let mut seen = WhileRead::default();
        seen.bytes(0, b"a");
        seen.bytes(0, b"bc");
        seen.bytes(2, b"x");
        assert_eq!(seen.take(0), of_bytes(b"abc", false).sha256);
        assert_eq!(seen.take(1), of_bytes(b"", false).sha256, "a file without bytes is shown none");
        assert_eq!(seen.take(2), of_bytes(b"x", false).sha256);
    }

    #[test]
    fn pieces_give_the_hashes_of_the_whole() {
        let mut hasher = FileHasher::new(true);
        hasher.update(b"ab");
        hasher.update(b"c");
        let digests = hasher.finish();
        assert_eq!(digests, of_bytes(b"abc", true));
        assert_eq!(digests.sha256.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digests.md5.unwrap().to_string(), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn a_checksum_of_the_source_that_differs_is_told() {
        let digests = of_bytes(b"abc", true);
        assert_eq!(differs(Some("MD5:900150983CD24FB0D6963F7D28E17F72"), &digests), None);
        let wrong = differs(Some("MD5:00"), &digests).unwrap();
        assert_eq!(wrong, "its MD5 is 900150983cd24fb0d6963f7d28e17f72, its source says 00");
        assert_eq!(differs(None, &digests), None);
    }
}
