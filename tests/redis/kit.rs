//! Recordings by name, and folders made of them.

use std::fs;
use std::path::{Path, PathBuf};

use firn::base::Severity;
use firn::redis::limits::Limits;
use firn::redis::replay::{Replayed, replay};
use firn::redis::snapshot::Health;

/// Where recorded folders are: those that the demo plays, too, and those that only tests need.
const HOMES: [&str; 2] = ["demo-data/redis", "tests/redis/captures"];

/// A recorded folder.
pub fn capture(name: &str) -> PathBuf {
    let all = HOMES.map(|home| Path::new(env!("CARGO_MANIFEST_DIR")).join(home).join(name));
    all.into_iter().find(|path| path.is_dir()).unwrap_or_else(|| panic!("nothing recorded is called {name}"))
}

/// The names of all of them.
pub fn recorded() -> Vec<String> {
    let entries = HOMES.iter().flat_map(|home| fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(home)).unwrap());
    let folders = entries.map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names.dedup();
    names
}

/// Judges folders as polls.
pub fn judged<P: AsRef<Path>>(dirs: &[P]) -> Replayed {
    replay(dirs, &Limits::default()).unwrap()
}

/// How a recorded folder stands.
pub fn stands(name: &str) -> Health {
    judged(&[capture(name)]).polls.pop().unwrap()
}

/// `CRITICAL B1 slots 0-5460: …`
pub fn lines(health: &Health) -> Vec<String> {
    let all = health.findings.iter().chain(&health.notices);
    all.map(|one| format!("{} {} {}: {}", one.severity, one.rule, one.object, one.text)).collect()
}

/// The rules that say something of that severity, each once.
pub fn rules(health: &Health, severity: Severity) -> Vec<&'static str> {
    let all = health.findings.iter().chain(&health.notices).filter(|one| one.severity == severity);
    let mut rules: Vec<&'static str> = all.map(|one| one.rule.0).collect();
    rules.dedup();
    rules
}

/// A copy of a recorded folder that a test may change.
pub fn copy(name: &str, to: &Path) -> PathBuf {
    let to = to.join(name);
    for node in fs::read_dir(capture(name)).unwrap() {
        let node = node.unwrap();
        let into = to.join(node.file_name());
        fs::create_dir_all(&into).unwrap();
        for file in fs::read_dir(node.path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), into.join(file.file_name())).unwrap();
        }
    }
    to
}

/// Every file of a node says that.
pub fn says(dir: &Path, node: &str, text: &str) {
    let node = dir.join(node);
    fs::create_dir_all(&node).unwrap();
    for file in firn::redis::record::FILES {
        fs::write(node.join(file), text).unwrap();
    }
}
