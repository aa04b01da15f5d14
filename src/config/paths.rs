//! Where a configuration is looked for.

use std::path::{Path, PathBuf};

/// The places, the first one that exists being the one in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// The user's own; nothing for a user without a home.
    pub user: Option<PathBuf>,
    /// The machine's.
    pub system: PathBuf,
}

impl Candidates {
    /// The file in use.
    pub fn in_use(&self) -> Option<PathBuf> {
        self.all().into_iter().find(|path| path.is_file())
    }

    /// All of them in the order they are looked at.
    pub fn all(&self) -> Vec<PathBuf> {
        self.user.iter().cloned().chain([self.system.clone()]).collect()
    }
}

/// The places on this machine, for this user.
pub fn candidates() -> Candidates {
    let user = directories::ProjectDirs::from("", "", "firn").map(|dirs| dirs.config_dir().join("config.toml"));
    Candidates { user, system: Path::new("/etc/firn/config.toml").to_owned() }
}
