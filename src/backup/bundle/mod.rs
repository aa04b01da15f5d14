//! The bundle format: a plain POSIX (pax) tar that `tar` reads without firn.
//!
//! ```text
//! member      pax header: mtime to the nanosecond, a long path where needed,
//!             comment = firn1 source=… key=… version=…   (so even a cut tar says what it holds)
//!             ustar header, the file's bytes, padding to 512
//! …
//! MANIFEST.json   the last member: every file with its hashes and offsets
//! two blocks of zeros
//! ```
//!
//! The manifest's offset stands in the archive's description, so one tail range gives it.

pub mod leaves;
pub mod manifest;
pub mod member;
pub mod name;
pub mod writer;

/// The bundle format's version, as the manifest and the comments name it.
pub const FORMAT: &str = "firn-bundle-1";
/// The manifest's member name.
pub const MANIFEST: &str = "MANIFEST.json";
/// Bytes of a tar block.
pub const BLOCK: u64 = 512;
/// The end of a tar: two blocks of zeros.
pub const END: usize = 1024;

/// `length` rounded up to whole tar blocks.
pub fn padded(length: u64) -> u64 {
    length.next_multiple_of(BLOCK)
}
