//! Who may know whom. Reads every path that starts at the crate's root, in `use` or in code, and fails with file and
//! line on an arrow that should not be.

#![allow(clippy::unwrap_used)] // helpers of tests

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms it may know.
const FLOORS: [(&str, &[&str]); 18] = [
    ("base", &[]),
    ("log", &["base"]),
    ("config", &["base"]),
    ("store", &["base"]),
    ("source", &["base"]),
    ("vault", &["base"]),
    ("worker", &["base", "store"]),
    ("retrieval", &["base", "store", "vault", "worker"]),
    ("backup", &["base", "store", "source", "vault", "worker"]),
    ("restore", &["base", "store", "source", "vault", "worker", "retrieval"]),
    ("delay", &["base", "store", "worker"]),
    ("redis", &["base", "store", "worker"]),
    ("alert", &["base", "store", "worker"]),
    ("demo", &["base", "config", "store", "source", "vault", "worker", "backup", "delay", "redis"]),
    (
        "services",
        &[
            "base",
            "config",
            "store",
            "source",
            "vault",
            "worker",
            "retrieval",
            "backup",
            "restore",
            "delay",
            "redis",
            "alert",
            "demo",
        ],
    ),
    ("console", &["base", "log", "config", "store", "worker", "backup", "restore", "delay", "redis", "services"]),
    (
        "cli",
        &[
            "base", "log", "config", "store", "vault", "worker", "backup", "restore", "delay", "redis", "alert",
            "services", "console",
        ],
    ),
    ("main", &["cli"]),
];

/// Libraries that belong to one place, by the name their paths start with.
const AT_HOME: [(&str, &[&str]); 15] = [
    ("mysql_async", &["delay/"]),
    ("mio", &["redis/bench/"]),
    ("hdrhistogram", &["redis/bench/"]),
    ("ratatui", &["console/"]),
    ("crossterm", &["console/term/"]),
    ("rusqlite", &["store/sqlite/"]),
    ("clap", &["cli/", "main.rs"]),
    ("toml", &["config/", "console/", "demo/", "vault/tariff/"]),
    ("directories", &["config/"]),
    ("tracing_subscriber", &["cli/", "log/"]),
    ("lettre", &["alert/"]),
    ("ureq", &["alert/"]),
    ("rustls", &["redis/"]),
    ("tokio_rustls", &["redis/"]),
    ("webpki_roots", &["redis/"]),
];

/// Modules from the crate's root down to the file, such as `["backup", "bundle", "member"]`.
fn module_of(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib") {
        parts.pop();
    }
    parts
}

/// The text without comments; lines stay where they are. Quotes are not looked at: a path in a string counts too.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The first names after a root at `at`: one, or those of a group in braces.
fn first_names(text: &str, at: usize) -> Vec<String> {
    let rest = &text[at..];
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let mut names = Vec::new();
    let (mut depth, mut start) = (1, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => {
                names.push(name(group[start..at].trim_start()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 1 => {
                names.push(name(group[start..at].trim_start()));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

/// Every arrow of a file's text: line, and the room it points at.
fn arrows(module: &[String], text: &str) -> Vec<(usize, String)> {
    let text = without_comments(text);
    let mut found = Vec::new();
    for (at, _) in text.match_indices("::") {
        let before = &text[..at];
        let word: String = before.chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let word: String = word.chars().rev().collect();
        let starts = !before[..before.len() - word.len()].ends_with("::");
        let line = before.matches('\n').count() + 1;
        let next = at + 2;
        match word.as_str() {
            "crate" | "firn" if starts => found.extend(first_names(&text, next).into_iter().map(|name| (line, name))),
            "super" => {
                let chain = before.trim_end_matches("super").matches_super();
                // The last `super` of a chain decides: as many levels up as there are words.
                if !text[next..].starts_with("super") && chain + 1 == module.len() {
                    found.extend(first_names(&text, next).into_iter().map(|name| (line, name)));
                }
            }
            _ => {}
        }
    }
    found
}

trait Supers {
    /// How many `super::` the text ends with.
    fn matches_super(&self) -> usize;
}

impl Supers for str {
    fn matches_super(&self) -> usize {
        let mut rest = self;
        let mut count = 0;
        while let Some(shorter) = rest.strip_suffix("super::") {
            rest = shorter;
            count += 1;
        }
        count
    }
}

/// Whether `name::` stands in the text as the start of a path.
fn uses(text: &str, name: &str) -> Option<usize> {
    let text = without_comments(text);
    let found = text
        .match_indices(&format!("{name}::"))
        .find(|(at, _)| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
    found.map(|(at, _)| text[..at].matches('\n').count() + 1)
}

/// What is wrong with a file: one line for each arrow that should not be.
fn wrong(file: &Path, text: &str) -> Vec<String> {
    let floors: BTreeMap<&str, &[&str]> = FLOORS.into_iter().collect();
    let module = module_of(file);
    let mut wrong = Vec::new();
    let Some(room) = module.first() else { return wrong };
    match floors.get(room.as_str()) {
        None => wrong.push(format!("src/{}: the room {room:?} is not in the table of floors", file.display())),
        Some(may) => {
            for (line, to) in arrows(&module, text) {
                if to != *room && floors.contains_key(to.as_str()) && !may.contains(&to.as_str()) {
                    wrong.push(format!("src/{}:{line}: {room} may not know {to}", file.display()));
                }
            }
        }
    }
    for (library, homes) in AT_HOME {
        let at_home = homes.iter().any(|home| file.to_string_lossy().starts_with(home));
        if let Some(line) = uses(text, library).filter(|_| !at_home) {
            wrong.push(format!("src/{}:{line}: {library} is at home in {} alone", file.display(), homes.join(" and ")));
        }
    }
    wrong
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_arrow_points_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 50, "only {} files were found below {}", files.len(), src.display());
    let mut all = Vec::new();
    for path in files {
        all.extend(wrong(path.strip_prefix(&src).unwrap(), &fs::read_to_string(&path).unwrap()));
    }
    assert!(all.is_empty(), "arrows that should not be:\n{}", all.join("\n"));
}

#[test]
fn no_floor_knows_one_above_it() {
    for (at, (room, may)) in FLOORS.iter().enumerate() {
        for known in *may {
            let place = FLOORS.iter().position(|(name, _)| name == known);
            assert!(place.is_some_and(|place| place < at), "{room} may know {known}, which is not below it");
        }
    }
}

#[test]
fn a_wrong_arrow_is_told_with_file_and_line() {
    let cases = [
        (
            "base/clock.rs",
            "\n// crate::cli is a comment\nuse crate::store::Store;",
            "src/base/clock.rs:3: base may not know store",
        ),
        ("backup/plan.rs", "fn f() { crate::restore::x() }", "src/backup/plan.rs:1: backup may not know restore"),
        ("restore/mod.rs", "use crate::{base, backup::plan};", "src/restore/mod.rs:1: restore may not know backup"),
        ("vault/mod.rs", "\n\nuse super::store;", "src/vault/mod.rs:3: vault may not know store"),
        (
            "vault/directory/mod.rs",
            "use super::super::{source};",
            "src/vault/directory/mod.rs:1: vault may not know source",
        ),
        ("store/mod.rs", "pub use firn::vault::tree;", "src/store/mod.rs:1: store may not know vault"),
        (
            "vault/mod.rs",
            "fn f(e: rusqlite::Error) {}",
            "src/vault/mod.rs:1: rusqlite is at home in store/sqlite/ alone",
        ),
        ("attic/mod.rs", "", "src/attic/mod.rs: the room \"attic\" is not in the table of floors"),
    ];
    for (file, text, expected) in cases {
        assert_eq!(wrong(Path::new(file), text), [expected], "{file}: {text}");
    }
    let right = [
        ("backup/plan.rs", "use crate::store::Claimed;\nuse super::lane;"),
        ("cli/mod.rs", "use clap::Parser;\nuse crate::services::Services;"),
        ("base/mod.rs", "use crate::base::time;\nlet x = other_crate::store::y;"),
    ];
    for (file, text) in right {
        assert!(wrong(Path::new(file), text).is_empty(), "{file}: {text}");
    }
}
