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

/// Where this user's programs keep what is theirs and not worth a backup: drafts and logs of the console.
pub fn user_state() -> Option<PathBuf> {
    let dirs = directories::ProjectDirs::from("", "", "firn")?;
    Some(dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned())
}

/// The user's home.
pub fn home() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned())
}

/// The places on this machine, for this user.
pub fn candidates() -> Candidates {
    let user = directories::ProjectDirs::from("", "", "firn").map(|dirs| dirs.config_dir().join("config.toml"));
    Candidates { user, system: Path::new("/etc/firn/config.toml").to_owned() }
}
