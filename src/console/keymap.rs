//! Which keys do what: the action table's own, and an operator's file of what differs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::action::{ACTIONS, Action, Context, contexts};
use super::chord::{Chord, ChordError};
use crate::base::Shown;
use crate::config::nearest;

/// Where the keys of an action come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysFrom {
    /// The action table.
    Default,
    /// A line of the operator's file.
    File(PathBuf, usize),
}

/// Keys by action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    keys: BTreeMap<&'static str, (Vec<Chord>, KeysFrom)>,
}

/// A keymap that cannot be used: everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// The file cannot be read.
    #[error("cannot read the keymap {place}: {detail}; mend [console] keymap")]
    Unread {
        /// Where.
        place: String,
        /// What the system said.
        detail: String,
    },
    /// It says what it must not.
    #[error("the keymap cannot be used:\n{}", .0.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<String>),
}

const ONE_SECTION: &str = "a keymap has one section: [keys]";

impl Default for Keymap {
    fn default() -> Self {
        let keys = ACTIONS.iter().map(|action| {
            // The table's keys are tested to be keys.
            let chords = action.keys.iter().filter_map(|key| key.parse().ok()).collect();
            (action.id, (chords, KeysFrom::Default))
        });
        Self { keys: keys.collect() }
    }
}

impl Keymap {
    /// The usual keys, but for what a file says.
    pub fn load(path: Option<&Path>) -> Result<Self, KeymapError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let place = Shown::path(path).to_string();
        let text = super::look::read_text(path).map_err(|detail| KeymapError::Unread { place, detail })?;
        Self::parse(path, &text)
    }

    /// Reads a file: `[keys]`, then `action = "key"` or `action = ["key", "key"]`; an empty list takes an action's keys
    /// away.
    pub fn parse(path: &Path, text: &str) -> Result<Self, KeymapError> {
        let mut map = Self::default();
        let mut wrong = Vec::new();
        let line = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
        let place = |at: usize| format!("{}:{}", Shown::path(path), line(at));
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
            wrong.push(format!("{}: this is not TOML: {}", place(at), Shown::text(&message)));
        }
        if !wrong.is_empty() {
            return Err(KeymapError::Wrong(wrong));
        }
        for (section, value) in document.get_ref() {
            let (at, name): (usize, &str) = (section.span().start, section.get_ref());
            let DeValue::Table(table) = value.get_ref() else {
                wrong.push(format!("{}: found \"{}\"; {ONE_SECTION}", place(at), Shown::text(name)));
                continue;
            };
            if name != "keys" {
                wrong.push(format!("{}: found \"{}\"; {ONE_SECTION}", place(at), Shown::text(name)));
                continue;
            }
            for (id, keys) in table {
                let (at, id): (usize, &str) = (id.span().start, id.get_ref());
                let Some(action) = ACTIONS.iter().find(|action| action.id == id) else {
                    let near = nearest(id, ACTIONS.iter().map(|action| action.id));
                    let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
                    wrong.push(format!(
                        "{}: \"{}\" is no action{near}; `firn config keymap` lists them",
                        place(at),
                        Shown::text(id)
                    ));
                    continue;
                };
                match chords(keys.get_ref()) {
                    Ok(chords) => {
                        map.keys.insert(action.id, (chords, KeysFrom::File(path.to_owned(), line(at))));
                    }
                    Err(text) => wrong.push(format!("{}: {id}: {text}", place(at))),
                }
            }
        }
        wrong.extend(map.clashes());
        if wrong.is_empty() { Ok(map) } else { Err(KeymapError::Wrong(wrong)) }
    }

    /// Keys that would do two things at once, each named with both.
    pub fn clashes(&self) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        for context in contexts() {
            let mut taken: BTreeMap<Chord, &Action> = BTreeMap::new();
            for action in ACTIONS.iter().filter(|action| context.has(action.scope)) {
                for chord in self.keys(action.id) {
                    let Some(other) = taken.insert(*chord, action).filter(|other| other.id != action.id) else {
                        continue;
                    };
                    let from = [other, action].map(|action| match self.from(action.id) {
                        KeysFrom::Default => format!("{} (as usual)", action.id),
                        KeysFrom::File(path, line) => format!("{} ({}:{line})", action.id, Shown::path(path)),
                    });
                    let text = format!(
                        "the key \"{chord}\" would do two things: {} and {}; give one of them another key",
                        from[0], from[1]
                    );
                    if !told.contains(&text) {
                        told.push(text);
                    }
                }
            }
        }
        told
    }

    /// Keys of an action.
    pub fn keys(&self, id: &str) -> &[Chord] {
        self.keys.get(id).map_or(&[], |(chords, _)| chords)
    }

    /// Where they come from.
    pub fn from(&self, id: &str) -> &KeysFrom {
        self.keys.get(id).map_or(&KeysFrom::Default, |(_, from)| from)
    }

    /// The first key of an action, as people write it.
    pub fn first(&self, id: &str) -> Option<String> {
        self.keys(id).first().map(ToString::to_string)
    }

    /// What a key does where the console is now.
    pub fn action(&self, context: Context, chord: Chord) -> Option<&'static Action> {
        ACTIONS.iter().find(|action| context.has(action.scope) && self.keys(action.id).contains(&chord))
    }
}

fn chords(value: &DeValue<'_>) -> Result<Vec<Chord>, String> {
    let read = |text: &str| text.parse::<Chord>().map_err(|e: ChordError| e.to_string());
    match value {
        DeValue::String(text) => Ok(vec![read(text)?]),
        DeValue::Array(list) => list
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => read(text),
                _ => Err("allowed is a key, such as \"ctrl-r\", or a list of keys".to_owned()),
            })
            .collect(),
        _ => Err("allowed is a key, such as \"ctrl-r\", or a list of keys".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Keymap, String> {
        Keymap::parse(Path::new("/etc/keys.toml"), text).map_err(|e| e.to_string())
    }

    #[test]
    fn the_usual_keys_are_keys_and_clash_nowhere() {
        for action in ACTIONS {
            for key in action.keys {
                assert!(key.parse::<Chord>().is_ok(), "{}: {key}", action.id);
            }
        }
        assert_eq!(Keymap::default().clashes(), Vec::<String>::new());
    }

    #[test]
    fn a_file_is_a_patch() {
        let map = parse("[keys]\n\"backup.pause\" = [\"ctrl-p\", \"f2\"]\nquit = []\n").unwrap();
        assert_eq!(map.first("backup.pause").as_deref(), Some("ctrl-p"));
        assert_eq!(map.keys("quit"), []);
        assert_eq!(map.from("backup.pause"), &KeysFrom::File("/etc/keys.toml".into(), 2));
        assert_eq!(map.keys("help"), Keymap::default().keys("help"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_its_mend() {
        for (text, expected) in [
            ("[keys]\n\"backup.pause\" = \"q\"\n", "/etc/keys.toml:2"),
            ("[keys]\n\"backup.pause\" = \"q\"\n", "the key \"q\" would do two things"),
            (
                "[keys]\n\"backup.puase\" = \"w\"\n",
                "/etc/keys.toml:2: \"backup.puase\" is no action; did you mean \"backup.pause\"?",
            ),
            ("[keys]\nhelp = \"hyper-x\"\n", "/etc/keys.toml:2: help: \"hyper-x\" is no key; write a character"),
            ("[keys]\nhelp = 3\n", "/etc/keys.toml:2: help: allowed is a key, such as \"ctrl-r\", or a list of keys"),
            ("[key]\nhelp = \"x\"\n", "/etc/keys.toml:1: found \"key\"; a keymap has one section: [keys]"),
            ("[keys\n", "/etc/keys.toml:1: this is not TOML"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
        let clash = parse("[keys]\n\"backup.pause\" = \"q\"\n").unwrap_err();
        assert!(clash.contains("quit (as usual)") && clash.contains("backup.pause (/etc/keys.toml:2)"), "{clash}");
        let unread = Keymap::load(Some(Path::new("/nowhere/keys.toml"))).unwrap_err().to_string();
        assert!(
            unread.starts_with("cannot read the keymap /nowhere/keys.toml: ")
                && unread.ends_with("mend [console] keymap"),
            "{unread}"
        );
    }
}
