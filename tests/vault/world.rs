//! A configured firn in a folder of its own: source, vault, state.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firn::config::Config;
use firn::services::Services;
use tempfile::TempDir;

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
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            let holds = match (kind.is_dir(), kind.is_file()) {
                (true, _) => b"a folder".to_vec(),
                (_, true) => fs::read(&path).unwrap(),
                _ => b"something else".to_vec(),
            };
            if kind.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path, holds);
        }
    }
    found
}

/// Looks until `holds` gives something; the wait between two looks is this function's alone.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut holds: impl FnMut() -> F) -> T {
    let clock = firn::base::Clock::system();
    let looking = async {
        loop {
            if let Some(found) = holds().await {
                return found;
            }
            clock.sleep(Duration::from_millis(50)).await;
        }
    };
    let Ok(found) = tokio::time::timeout(DEADLINE, looking).await else { panic!("never: {what}") };
    found
}
