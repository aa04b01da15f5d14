//! A password or token: read from where a reference points, never shown.

use std::fmt;
use std::path::{Path, PathBuf};

/// The largest secret file that is read; a larger one is not a secret.
const LARGEST: u64 = 64 * 1024;

/// Where a secret stands. A configuration holds this, never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`.
    Env(String),
    /// `file:PATH`.
    File(PathBuf),
}

/// A secret that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The text is no reference. It may be the secret itself, so it is not repeated.
    #[error(
        "a secret is not written into the configuration; write \"env:NAME\" or \"file:PATH\" to say where it stands"
    )]
    NoReference,
    /// The variable is not set, or not text.
    #[error("the environment variable {0} is not set (or is not UTF-8); set it, or name another")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("cannot read the secret file {}: {source}", .path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no secret.
    #[error("the secret file {} holds {bytes} bytes; a secret is UTF-8 text of 1 to {LARGEST} bytes", .path.display())]
    NotASecret {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
}

/// The secret. Shows as `***` whatever asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl SecretRef {
    /// Reads `env:NAME` or `file:PATH` (a relative path is relative to `base`).
    pub fn parse(text: &str, base: &Path) -> Result<Self, SecretError> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(base.join(path))),
            _ => Err(SecretError::NoReference),
        }
    }

    /// Fetches the secret; a trailing newline of a file is not part of it.
    pub fn read(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Env(name) => std::env::var(name).map(Secret).map_err(|_| SecretError::NoVariable(name.clone())),
            Self::File(path) => {
                let failed = |source| SecretError::NoFile { path: path.clone(), source };
                let bytes = std::fs::metadata(path).map_err(failed)?.len();
                let refuse = || SecretError::NotASecret { path: path.clone(), bytes };
                if bytes == 0 || bytes > LARGEST {
                    return Err(refuse());
                }
                let text = String::from_utf8(std::fs::read(path).map_err(failed)?).map_err(|_| refuse())?;
                Ok(Secret(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
        }
    }
}

impl Secret {
    /// The secret itself, for the call that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_open_is_refused_without_repeating_it() {
        for text in ["hunter2", "env:", "file:", "pass:word"] {
            let error = SecretRef::parse(text, Path::new("/")).unwrap_err();
            assert!(matches!(error, SecretError::NoReference));
            assert!(!error.to_string().contains("hunter2") && !error.to_string().contains("pass:word"));
        }
    }

    #[test]
    fn read_from_a_file_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pw"), "hunter2\n").unwrap();
        let secret = SecretRef::parse("file:pw", dir.path()).unwrap().read().unwrap();
        assert_eq!(secret.reveal(), "hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = SecretRef::parse("env:FIRN_NO_SUCH_VARIABLE", Path::new("/")).unwrap().read().unwrap_err();
        assert!(missing.to_string().contains("FIRN_NO_SUCH_VARIABLE is not set"));
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("empty"), "").unwrap();
        let empty = SecretRef::parse("file:empty", dir.path()).unwrap().read().unwrap_err();
        assert!(matches!(empty, SecretError::NotASecret { bytes: 0, .. }));
    }
}
