//! Configuration: one TOML file, overridden by `FIRN_*` variables, overridden by `--set`. Everything that is wrong with
//! it is told at once, with file, line and key, what was found and what is allowed.

mod layers;
mod paths;
mod problem;
mod schema;
mod validate;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use layers::{Section, Setting, Settings};
pub use paths::{Candidates, candidates};
pub use problem::{ConfigError, Origin, Problem};
pub use schema::{KEYS, Key, Kind, Value};

/// The template that `firn config init` writes: every key with its default, commented out.
pub const TEMPLATE: &str = include_str!("template.toml");

/// A configuration that has been found possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The state database's file.
    pub state: PathBuf,
    /// The staging folder.
    pub staging: PathBuf,
    /// Its budget, bytes.
    pub staging_budget: u64,
    /// The sources.
    pub sources: Vec<SourceConfig>,
    /// The vault, if there is one.
    pub vault: Option<VaultConfig>,
    /// How the pipeline works.
    pub backup: BackupConfig,
    /// How long a lease holds.
    pub lease: Duration,
    /// How long work in progress may take to finish.
    pub stop_within: Duration,
    /// How much is said on standard error.
    pub log_level: String,
    /// What everything was read from.
    pub settings: Settings,
    /// The file, if there was one.
    pub file: Option<PathBuf>,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// Its name.
    pub name: String,
    /// Its root.
    pub path: PathBuf,
    /// How often it is scanned.
    pub rescan: Duration,
}

/// A vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultConfig {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
}

/// How the pipeline works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupConfig {
    /// A bundle is closed at this many bytes.
    pub bundle_size: u64,
    /// A bundle is closed at this age.
    pub bundle_age: Duration,
    /// How many fetch at once.
    pub fetchers: u32,
    /// How many upload at once.
    pub uploaders: u32,
    /// `auto`, `always` or `never`.
    pub md5: String,
    /// A file that failed this often is given up.
    pub attempts: u32,
    /// Memory for file contents, bytes.
    pub memory: u64,
    /// When an unknown archive is sent again; nothing: never.
    pub repeat_unknown_after: Option<Duration>,
}

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `--config`, or `FIRN_CONFIG`.
    pub file: Option<PathBuf>,
    /// `--set section.key=value`.
    pub set: Vec<String>,
}

impl Config {
    /// Loads the configuration that is in force for this process.
    pub fn load(given: &Given) -> Result<Self, ConfigError> {
        let variables: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, text)| {
                let name = name.into_string().ok().filter(|name| name.starts_with("FIRN_"))?;
                Some((name, text.to_string_lossy().into_owned()))
            })
            .collect();
        Self::load_from(given, &candidates(), &variables)
    }

    /// The same, with everything from outside handed in.
    pub fn load_from(
        given: &Given,
        candidates: &Candidates,
        variables: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let path = match &given.file {
            Some(path) => path.clone(),
            None => candidates.in_use().ok_or_else(|| ConfigError::None(candidates.all()))?,
        };
        let text =
            std::fs::read_to_string(&path).map_err(|source| ConfigError::Unread { path: path.clone(), source })?;
        Self::parse(Some((&path, &text)), variables, &given.set)
    }

    /// Builds a configuration from its layers.
    pub fn parse(
        file: Option<(&Path, &str)>,
        variables: &[(String, String)],
        flags: &[String],
    ) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let settings = layers::merge(file, variables, flags, &mut problems);
        let base = file.and_then(|(path, _)| path.parent()).unwrap_or(Path::new("."));
        let config = validate::build(&settings, base, file.map(|(path, _)| path.to_owned()), &mut problems);
        // In the order of the file, then what has no place in it.
        problems.sort_by_key(|problem| match &problem.origin {
            Origin::File(_, line) => *line,
            _ => usize::MAX,
        });
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigError::Wrong(problems)),
        }
    }
}

#[cfg(test)]
mod tests;
