//! Hash values, and what a vault confirmed.

use std::fmt;

use super::encode;

/// A 32-byte hash: SHA-256, tree hash, BLAKE3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash32(pub [u8; 32]);

/// A 16-byte hash: MD5, or the first half of a longer one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash16(pub [u8; 16]);

macro_rules! shown_as_hex {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode::hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

shown_as_hex!(Hash32);
shown_as_hex!(Hash16);

impl Hash32 {
    /// From 64 hex digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        encode::unhex(text)?.try_into().ok().map(Self)
    }
}

/// Which hash of an archive's bytes a vault computes and confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckKind {
    /// The SHA-256 tree hash over 1 MiB leaves (vaults of Amazon Glacier).
    TreeHash,
    /// SHA-256 of all bytes.
    Sha256,
    /// BLAKE3 of all bytes.
    Blake3,
}

impl CheckKind {
    /// The name used in reports and in the state database.
    pub fn word(self) -> &'static str {
        match self {
            CheckKind::TreeHash => "tree-hash",
            CheckKind::Sha256 => "sha256",
            CheckKind::Blake3 => "blake3",
        }
    }

    /// The kind of that name.
    pub fn from_word(word: &str) -> Option<Self> {
        [CheckKind::TreeHash, CheckKind::Sha256, CheckKind::Blake3].into_iter().find(|kind| kind.word() == word)
    }
}

/// A hash of an archive's bytes, with its kind. Two of different kinds are never equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Check {
    /// Which hash.
    pub kind: CheckKind,
    /// Its value.
    pub value: Hash32,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.value)
    }
}
