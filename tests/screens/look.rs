//! What the sources promise, looked up in them: the demo invents no figures, and the console does not know whether it
//! shows a demo.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut waiting = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)];
    let mut found = Vec::new();
    while let Some(place) = waiting.pop() {
        for entry in fs::read_dir(&place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 3, "{folder}: {found:?}");
    found
}

/// The lines that are code, with their numbers. Strings stay; remarks and tests go.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let tests = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..tests].lines().enumerate();
    lines.map(|(n, line)| (n + 1, line.split("//").next().unwrap_or_default()))
}

/// Whether a word stands in a line by itself.
fn has(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

/// Places in the code of a folder where a line is like that.
fn places(folder: &str, like: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources(folder) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = code(&text).filter(|(_, line)| like(line));
        found.extend(lines.map(|(n, line)| format!("{}:{n}: {}", path.display(), line.trim())));
    }
    found
}

/// Types of which a snapshot is made.
fn types() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/backup/snapshot/mod.rs")).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("pub struct "));
    let mut names: Vec<String> = names.map(|rest| rest.split([' ', '<']).next().unwrap().to_owned()).collect();
    assert!(names.len() >= 8 && names.contains(&"Snapshot".to_owned()), "{names:?}");
    names.extend(["LaneState", "FailedRow", "ArchiveRow", "NoticeRow", "OrderRow", "QueueRow"].map(str::to_owned));
    names
}

#[test]
fn the_demo_makes_no_part_of_a_snapshot() {
    let types = types();
    // The acted service has a pool and a worker of its own: what counts is where a name comes from.
    let of_snapshot = places("demo", |line| has(line, "snapshot") || has(line, "Snapshot"));
    assert!(of_snapshot.is_empty(), "{of_snapshot:#?}");
    let store = places("demo", |line| types.iter().any(|name| name.ends_with("Row") && has(line, name)));
    assert!(store.is_empty(), "{store:#?}");
    // The look itself looks: the real pipeline does make them.
    assert!(!places("backup", |line| types.iter().any(|name| has(line, name))).is_empty());
}

#[test]
fn the_console_does_not_ask_whether_it_shows_a_demo() {
    let asked = |line: &str| {
        let line = line.to_lowercase();
        line.contains("demo")
            && ["if", "match", "while", "=>", "matches!", "=="]
                .iter()
                .any(|word| if word.chars().all(char::is_alphabetic) { has(&line, word) } else { line.contains(word) })
    };
    assert!(
        asked("if services.is_demo() {") && asked("Backing::Demo(_) => 1,") && !asked("let a = \"a demo's clock\";")
    );
    let found = places("console", asked);
    assert!(found.is_empty(), "{found:#?}");
    let named = places("console", |line| line.contains("demo::") || line.contains("Demo"));
    assert!(named.is_empty(), "{named:#?}");
}
