//! README.md says what is so: its keys are the action table's, its settings the configuration's, its files are there,
//! and its commands are firn's.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use firn::config::KEYS;
use firn::console::action::{ACTIONS, Danger, Scope, group};

const HOME: &str = env!("CARGO_MANIFEST_DIR");
const BEGIN: &str = "<!-- keys: RENEW_README=1 cargo test --test readme -->\n";
const END: &str = "<!-- /keys -->\n";

fn readme() -> String {
    std::fs::read_to_string(Path::new(HOME).join("README.md")).unwrap()
}

/// The keys that are pressed on a tab; dialogs and lists over it show their own.
fn table() -> String {
    let mut table = "| key | what it does | name |\n| --- | --- | --- |\n".to_owned();
    let mut shown = "";
    for action in ACTIONS.iter().filter(|action| !matches!(action.scope, Scope::Overlay(_))) {
        if group(action.scope) != shown {
            shown = group(action.scope);
            writeln!(table, "| **{shown}** | | |").unwrap();
        }
        let keys: Vec<String> = action.keys.iter().map(|key| format!("`{key}`")).collect();
        let danger = match action.danger {
            Danger::None => "",
            Danger::Changes => " ●",
            Danger::Asks => " ◆",
        };
        writeln!(table, "| {} | {}{danger} | `{}` |", keys.join(" "), action.text, action.id).unwrap();
    }
    table
}

#[test]
fn its_keys_are_those_of_the_action_table() {
    let text = readme();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (keys, after) = rest.split_once(END).unwrap();
    if std::env::var_os("RENEW_README").is_some() {
        std::fs::write(Path::new(HOME).join("README.md"), format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
        return;
    }
    assert!(
        keys == table(),
        "README.md has other keys than the code; renew it: RENEW_README=1 cargo test --test readme"
    );
}

#[test]
fn it_names_every_setting_and_its_default() {
    let text = readme();
    for key in KEYS {
        let row = text.lines().find(|line| {
            let named = |name: &str| line.contains(&format!("`{name}`"));
            // A list's keys stand beside its name.
            line.starts_with("| `")
                && (named(&key.path())
                    || key.is_listed() && line.starts_with(&format!("| `[[{}]]`", key.section)) && named(key.name))
        });
        let row = row.unwrap_or_else(|| panic!("README.md has no row for {}", key.path()));
        let default = key.default.map(|default| format!("`{default}`"));
        assert!(default.is_none_or(|default| row.contains(&default)), "{}: {row}", key.path());
    }
}

#[test]
fn files_it_links_to_are_there() {
    let text = readme();
    let links: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    let files: Vec<&str> =
        links.into_iter().filter(|link| !link.starts_with("http") && !link.starts_with('#')).collect();
    assert!(files.contains(&"tests/pictures/backup.svg"), "{files:?}");
    for file in files {
        assert!(Path::new(HOME).join(file).is_file(), "README.md: {file} is not there");
    }
}

/// Command lines of firn's: lines of shell, and what stands between backticks.
fn commands(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut shell = None;
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            shell = shell.xor(Some(language));
        } else if shell == Some("sh") {
            found.push(line.split('#').next().unwrap_or(line));
        } else {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found.into_iter().filter_map(|line| line.strip_prefix("firn ")).collect()
}

#[test]
fn its_commands_are_firns() {
    let text = readme();
    let mut seen = std::collections::BTreeSet::new();
    for line in commands(&text) {
        let words = line.split_whitespace().filter(|word| *word != "--config" && *word != "firn.toml");
        let (options, words): (Vec<&str>, Vec<&str>) =
            words.partition(|word| word.trim_start_matches('[').starts_with("--"));
        // Words after the command: one of a group's, or an argument.
        let command = words.first().copied();
        let below = words.get(1).map(|word| word.split(['|', '\\']).collect::<Vec<_>>()).unwrap_or_default();
        let groups = ["alert", "bench", "check", "config", "delay", "job", "pool", "redis", "source", "vault"];
        let asked: Vec<Vec<&str>> = match command {
            Some(command) if groups.contains(&command) && !below.is_empty() => {
                let is_command =
                    |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
                let named: Vec<Vec<&str>> =
                    below.into_iter().filter(is_command).map(|word| vec![command, word]).collect();
                // An argument stands there: the group is a command itself.
                if named.is_empty() { vec![vec![command]] } else { named }
            }
            Some(command) => vec![vec![command]],
            None => vec![vec![]],
        };
        for command in asked {
            let out = Command::new(env!("CARGO_BIN_EXE_firn")).args(&command).arg("--help").output().unwrap();
            // Whatever is no verdict exits with 3 there, help too.
            let expected = if command.first() == Some(&"check") { 3 } else { 0 };
            assert_eq!(out.status.code(), Some(expected), "README.md: firn {line}: {command:?}");
            let help = String::from_utf8(out.stdout).unwrap();
            for option in &options {
                let option = option.trim_matches(['[', ']']);
                assert!(help.contains(option), "README.md: firn {line}: {option}");
            }
            seen.insert(command);
        }
    }
    assert!(seen.len() > 15, "{seen:?}");
}
