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

impl Hash16 {
    /// XXH3, 128 bits, of all bytes: tells one text from another where nobody means harm.
    pub fn xxh3(bytes: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_128(bytes).to_be_bytes())
    }
}

/// Which hash of an archive's bytes a vault computes and confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckKind {
    /// The SHA-256 tree hash over 1 MiB leaves (vaults of Amazon Glacier).
    TreeHash,
    /// SHA-256 of all bytes.
    Sha256,
    /// XXH3, 128 bits, of all bytes: no proof against an attacker, but as good as any against a faulty disk or memory,
    /// and thirty times as fast.
    Xxh3,
}

impl CheckKind {
    /// The name used in reports and in the state database.
    pub fn word(self) -> &'static str {
        match self {
            CheckKind::TreeHash => "tree-hash",
            CheckKind::Sha256 => "sha256",
            CheckKind::Xxh3 => "xxh3-128",
        }
    }
}

/// A hash of an archive's bytes, with its kind. Two of different kinds are never equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// [`CheckKind::TreeHash`]
    TreeHash(Hash32),
    /// [`CheckKind::Sha256`]
    Sha256(Hash32),
    /// [`CheckKind::Xxh3`]
    Xxh3(Hash16),
}

impl Check {
    /// Which hash it is.
    pub fn kind(&self) -> CheckKind {
        match self {
            Check::TreeHash(_) => CheckKind::TreeHash,
            Check::Sha256(_) => CheckKind::Sha256,
            Check::Xxh3(_) => CheckKind::Xxh3,
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Check::TreeHash(hash) | Check::Sha256(hash) => &hash.0,
            Check::Xxh3(hash) => &hash.0,
        }
    }

    /// From a kind's word and bytes; nothing if they do not fit.
    pub fn from_parts(word: &str, bytes: &[u8]) -> Option<Self> {
        match word {
            "tree-hash" => bytes.try_into().ok().map(|bytes| Check::TreeHash(Hash32(bytes))),
            "sha256" => bytes.try_into().ok().map(|bytes| Check::Sha256(Hash32(bytes))),
            "xxh3-128" => bytes.try_into().ok().map(|bytes| Check::Xxh3(Hash16(bytes))),
            _ => None,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind().word(), encode::hex(self.bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_reads_back_from_its_parts_and_kinds_are_never_mixed() {
        let checks = [Check::TreeHash(Hash32([7; 32])), Check::Sha256(Hash32([7; 32])), Check::Xxh3(Hash16([7; 16]))];
        for check in checks {
            assert_eq!(Check::from_parts(check.kind().word(), check.bytes()), Some(check));
        }
        assert_ne!(checks[0], checks[1]);
        assert_eq!(Check::from_parts("sha256", &[7; 16]), None);
        assert_eq!(Check::from_parts("md4", &[7; 16]), None);
    }
}
