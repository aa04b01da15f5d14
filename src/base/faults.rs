//! The crash tests' hold on the real code. In an ordinary build every function here is empty and costs nothing.
//!
//! With the feature `faults` (the test build) each durable step (commit, create, rename, remove, fsync, vault call)
//! is counted. `FIRN_CRASH_AT=k` aborts the process just before step `k` (`name#n`: before the n-th of that name).
//! `FIRN_CRASH_LOSS` first undoes what a power
//! cut could undo: `data` (bytes written but not fsynced), `names` (names created, renamed or removed in a folder that
//! was not fsynced since), `all`, or `seed:N` (a random part of both). `FIRN_BUG` switches on one of the deliberate
//! mistakes that the crash tests must catch. `FIRN_STEP_LOG` names a file that gets a line for each step.

#[cfg(not(feature = "faults"))]
mod off {
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    /// Nothing, in this build.
    #[inline]
    pub fn step(_: &str) {}
    /// Never, in this build.
    #[inline]
    pub fn bug(_: &str) -> bool {
        false
    }
    #[inline]
    pub(in crate::base) fn made_dir(_: &Path) {}
    #[inline]
    pub(in crate::base) fn created(_: &Path) {}
    #[inline]
    pub(in crate::base) fn renamed(_: &Path, _: &Path) {}
    #[inline]
    pub(in crate::base) fn replacing(_: &Path) {}
    #[inline]
    pub(in crate::base) fn kept_in_limbo(_: &Path) -> bool {
        false
    }
    #[inline]
    pub(in crate::base) fn dir_synced(_: &Path) {}
    #[inline]
    pub(in crate::base) fn writing(_: &File, _: &Path, _: u64, _: usize) {}
    #[inline]
    pub(in crate::base) fn synced(_: &File, _: &Path) {}
    #[inline]
    pub(in crate::base) fn syncing<T>(_: &OwnedFd, sync: impl FnOnce() -> T) -> T {
        sync()
    }
}

#[cfg(not(feature = "faults"))]
pub use off::*;

#[cfg(feature = "faults")]
#[path = "faults_on.rs"]
mod on;

#[cfg(feature = "faults")]
pub use on::*;
