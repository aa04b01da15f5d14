//! The one folder that a demo writes to. It goes with the demo.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::DemoError;
use crate::base::{Shown, random};

/// A folder of this process alone, removed with all it holds when it is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes one where the system keeps what is temporary.
    pub(super) fn make() -> Result<Self, DemoError> {
        let parent = std::env::temp_dir();
        let name = format!("firn-demo-{}-{:016x}", std::process::id(), u64::from_le_bytes(random::bytes()?));
        let path = parent.join(name);
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|source| DemoError::Folder { place: Shown::path(&parent).to_string(), source })?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(error = %e, folder = %Shown::path(&self.0), "the demo's folder could not be removed");
        }
    }
}
