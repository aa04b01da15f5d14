//! What is wrong with a configuration: where, which key, what was found, what is allowed.

use std::fmt;
use std::path::PathBuf;

use crate::base::Shown;
use crate::base::units::Size;

/// Where a setting was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody made it.
    Default,
    /// A line of a file.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", Shown::path(path)),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag => f.write_str("--set"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// Which key, as `section.key`; empty when it is about the whole file.
    pub key: String,
    /// What was found and what is allowed: a whole sentence, safe to show.
    pub text: String,
}

/// How the text of a problem begins when a key is not there.
pub(super) const MISSING: &str = "it is missing";

/// How the text of a problem begins when a line is not TOML.
pub(super) const NOT_TOML: &str = "this is not TOML";

impl Problem {
    /// Whether the file could not be read beyond it.
    pub(super) fn is_syntax(&self) -> bool {
        self.text.starts_with(NOT_TOML)
    }

    /// Whether it is that a key is not there.
    pub(super) fn is_missing(&self) -> bool {
        self.text.starts_with(MISSING)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}: {}", self.origin, self.text)
        } else {
            write!(f, "{}: {}: {}", self.origin, Shown::text(&self.key), self.text)
        }
    }
}

/// A configuration that cannot be used: everything that is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is none.
    #[error("there is no configuration file; looked for {}; write one with `firn config init`, or name one with --config", list(.0))]
    None(Vec<PathBuf>),
    /// It cannot be read.
    #[error("cannot read the configuration file {}: {source}", Shown::path(.path))]
    Unread {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is too long to be one.
    #[error("the configuration file {} has over {}; it is something else: name the right one with --config", Shown::path(.path), Size(*.limit))]
    TooLong {
        /// The file.
        path: PathBuf,
        /// How much is read.
        limit: u64,
    },
    /// It is not text.
    #[error("the configuration file {}:{line}: found bytes that are not UTF-8; save the file as UTF-8", Shown::path(.path))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Where the first of them stand.
        line: usize,
    },
    /// It says what it must not.
    #[error("the configuration cannot be used:\n{}", lines(.0))]
    Wrong(Vec<Problem>),
    /// The template would overwrite something.
    #[error("{} is there already; --force overwrites it", Shown::path(.0))]
    Exists(PathBuf),
    /// The template cannot be written.
    #[error("cannot write {}: {source}", Shown::path(.path))]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n")
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| Shown::path(path).to_string()).collect::<Vec<_>>().join(", ")
}
