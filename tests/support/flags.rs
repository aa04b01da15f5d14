//! What stands on a bench's command line: `--name VALUE`, each with a default.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use tempfile::TempDir;

/// What was given.
pub struct Flags(BTreeMap<String, String>);

impl Flags {
    /// Reads the command line. Ends the bench, with the names there are, at one that is none of them.
    pub fn read(names: &[&str]) -> Self {
        let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
        let mut given = BTreeMap::new();
        while let Some(arg) = args.next() {
            match arg.strip_prefix("--").filter(|name| names.contains(name)).zip(args.next()) {
                Some((name, value)) => given.insert(name.to_owned(), value),
                None => panic!("{arg}: there are --{}, each with a value", names.join(", --")),
            };
        }
        Self(given)
    }

    /// A number.
    pub fn number<T: FromStr>(&self, name: &str, default: T) -> T {
        let Some(text) = self.text(name) else { return default };
        text.parse().unwrap_or_else(|_| panic!("--{name}: {text} is no number that is possible there"))
    }

    /// A word.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The folder to work in: `--dir`, else that for temporary files.
    pub fn dir(&self) -> PathBuf {
        self.text("dir").map_or_else(std::env::temp_dir, PathBuf::from)
    }

    /// A new folder in it, which goes with what is returned.
    pub fn folder(&self) -> TempDir {
        tempfile::Builder::new().prefix("firn-bench-").tempdir_in(self.dir()).unwrap()
    }
}
