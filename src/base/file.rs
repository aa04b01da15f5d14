//! A file as its source shows it.

use super::FileTime;
use super::ids::{Key, Version};

/// A file that a source shows, at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Its name in the source.
    pub key: Key,
    /// Which version.
    pub version: Version,
    /// Bytes.
    pub length: u64,
    /// Permission bits.
    pub mode: u32,
    /// Last change of its content.
    pub mtime: FileTime,
    /// Domain, where sources have them.
    pub domain: Option<String>,
    /// Class, where sources have them.
    pub class: Option<String>,
    /// The checksum that the source itself keeps, such as `MD5:…`.
    pub source_checksum: Option<String>,
}
