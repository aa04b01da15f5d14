//! A configured firn in a folder of its own: source, vault, state.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firn::config::Config;
use firn::services::Services;
use tempfile::TempDir;

use super::support::folders::walk;
use super::support::waiting::in_time;

/// The longest anything here may take; only what hangs comes near it.
pub const DEADLINE: Duration = Duration::from_mins(1);

pub struct World {
    temp: TempDir,
}

impl World {
    /// A source with nothing in it; there is no vault and no state yet.
    pub fn new() -> Self {
        let temp = tempfile::Builder::new().prefix("firn-world").tempdir().unwrap();
        fs::create_dir(temp.path().join("photos")).unwrap();
        Self { temp }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub fn vault(&self) -> PathBuf {
        self.path("vault")
    }

    /// The services over the vault in `folder` and the state in `state`; both are made when they are not there.
    pub async fn services_with(&self, folder: &str, name: &str, state: &str) -> Services {
        let text = format!(
            "[state]\nurl = \"sqlite:{state}\"\n[staging]\nbudget = \"4MiB\"\n\
             [[source]]\nname = \"ugc\"\npath = \"photos\"\n\
             [vault]\nname = \"{name}\"\npath = \"{folder}\"\n\
             [backup]\nbundle_size = \"1MiB\"\nbundle_age = \"1s\"\nfetchers = 2\nuploaders = 2\nattempts = 3\n"
        );
        let config = Config::parse(Some((&self.path("firn.toml"), &text)), &[], &[]).unwrap();
        Services::open(config, true).await.unwrap()
    }

    pub async fn services(&self) -> Services {
        self.services_with("vault", "cold", "firn.db").await
    }
}

/// Everything below a folder: what each path is and holds. Nothing where there is no folder.
pub fn everything_in(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let holds = |path: &Path, meta: &fs::Metadata| match (meta.is_dir(), meta.is_file()) {
        (true, _) => b"a folder".to_vec(),
        (_, true) => fs::read(path).unwrap(),
        _ => b"something else".to_vec(),
    };
    walk(root).into_iter().map(|(path, meta)| (path.clone(), holds(&path, &meta))).collect()
}

/// Waits until `look` finds something.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    in_time(DEADLINE, what, look).await
}
