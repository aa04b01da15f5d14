//! From file, environment and flags to one value a key: flag > `FIRN_*` > file > default.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::problem::{NOT_TOML, Origin, Problem};
use super::schema::{self, KEYS, Key, Kind, LISTS, Value, nearest};
use crate::base::Shown;

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value.
    pub value: Value,
    /// Who made it.
    pub origin: Origin,
}

/// Settings by key.
pub type Section = BTreeMap<&'static str, Setting>;

/// All settings that somebody made or that have a default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// By section, then key.
    pub sections: BTreeMap<&'static str, Section>,
    /// Those of the lists, by the list's name: each with the line it begins at.
    pub lists: BTreeMap<&'static str, Vec<(Origin, Section)>>,
}

impl Settings {
    /// The sections of a list, in the order of the file.
    pub fn list(&self, name: &str) -> &[(Origin, Section)] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Variables that begin with `FIRN_` and are no keys.
const OTHER_VARIABLES: [&str; 6] =
    ["FIRN_CONFIG", "FIRN_BUG", "FIRN_CRASH_AT", "FIRN_CRASH_LOSS", "FIRN_CRASH_LIMBO", "FIRN_STEP_LOG"];

/// Builds the settings from their layers; what is wrong is added to `problems` and left out.
pub fn merge(
    file: Option<(&Path, &str)>,
    variables: &[(String, OsString)],
    flags: &[String],
    problems: &mut Vec<Problem>,
) -> Settings {
    let mut settings = Settings::default();
    for key in KEYS.iter().filter(|key| !key.is_listed()) {
        if let Some(value) = key.default.and_then(|text| key.kind.read(text)) {
            let setting = Setting { value, origin: Origin::Default };
            settings.sections.entry(key.section).or_default().insert(key.name, setting);
        }
    }
    if let Some((path, text)) = file {
        File { path, text, settings: &mut settings, problems }.read();
    }
    let unknown: Vec<Problem> =
        variables.iter().filter_map(|(name, text)| variable(name, text, &mut settings, problems)).collect();
    for flag in flags {
        self::flag(flag, &mut settings, problems);
    }
    // A secret may stand in a variable of any name.
    let named = |problem: &Problem| {
        let Origin::Variable(name) = &problem.origin else { return false };
        let secret = Value::Text(format!("env:{name}"));
        let listed = settings.lists.values().flatten().map(|(_, section)| section);
        settings.sections.values().chain(listed).flat_map(Section::values).any(|setting| setting.value == secret)
    };
    problems.extend(unknown.into_iter().filter(|problem| !named(problem)));
    settings
}

/// Reads a variable; one that is no key's comes back as what is wrong.
fn variable(name: &str, text: &OsStr, settings: &mut Settings, problems: &mut Vec<Problem>) -> Option<Problem> {
    if OTHER_VARIABLES.contains(&name) {
        return None;
    }
    let origin = Origin::Variable(Shown::text(name).to_string());
    let Some(key) = KEYS.iter().find(|key| key.variable().as_deref() == Some(name)) else {
        let known: Vec<String> = KEYS.iter().filter_map(Key::variable).collect();
        let near = nearest(name, known.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        let text = format!("no key of firn's is set by it{near}");
        return Some(Problem { origin, key: String::new(), text });
    };
    match text.to_str() {
        Some(text) => put(key, text, origin, settings, problems),
        None => problems.push(Problem {
            origin,
            key: key.path(),
            text: found(&format!("\"{}\", which is not UTF-8", Shown::bytes(text.as_encoded_bytes())), key.kind),
        }),
    }
    None
}

fn flag(flag: &str, settings: &mut Settings, problems: &mut Vec<Problem>) {
    let wrong = |text: String| Problem { origin: Origin::Flag, key: String::new(), text };
    let Some((path, text)) = flag.split_once('=') else {
        problems.push(wrong(format!("found \"{}\"; write --set section.key=value", Shown::text(flag))));
        return;
    };
    let key = KEYS.iter().filter(|key| !key.is_listed()).find(|key| key.path() == path);
    let Some(key) = key else {
        let known: Vec<String> = KEYS.iter().filter(|key| !key.is_listed()).map(Key::path).collect();
        let near = nearest(path, known.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        let text = match path.split_once('.') {
            Some(("source", _)) => "sources are set in the configuration file only".to_owned(),
            Some(("url", _)) => "patterns of URLs are set in the configuration file only".to_owned(),
            Some(("replica" | "replica_group", _)) => {
                "replicas and their groups are set in the configuration file only; what holds for all is delay.…"
                    .to_owned()
            }
            Some(("redis", _)) => {
                "redis clusters are set in the configuration file only; what holds for all is redis_limits.…".to_owned()
            }
            Some(("heartbeat", _)) => "heartbeats are set in the configuration file only".to_owned(),
            _ => format!("unknown key \"{}\"{near}", Shown::text(path)),
        };
        problems.push(wrong(text));
        return;
    };
    put(key, text, Origin::Flag, settings, problems);
}

fn put(key: &'static Key, text: &str, origin: Origin, settings: &mut Settings, problems: &mut Vec<Problem>) {
    match key.kind.read(text) {
        Some(value) => {
            settings.sections.entry(key.section).or_default().insert(key.name, Setting { value, origin });
        }
        None => problems.push(Problem {
            origin,
            key: key.path(),
            text: found(&format!("\"{}\"", Shown::text(text)), key.kind),
        }),
    }
}

fn found(what: &str, kind: Kind) -> String {
    format!("found {what}; allowed is {}", kind.allowed())
}

/// A configuration file being read.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
    settings: &'a mut Settings,
    problems: &'a mut Vec<Problem>,
}

impl File<'_> {
    fn read(&mut self) {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        // What stands after such a place may have been taken for something else.
        let broken = !errors.is_empty();
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
            let line_start = self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
            let after_section = self
                .text
                .get(line_start..at)
                .is_some_and(|line| line.starts_with('[') && line.trim_end().ends_with(']'));
            let mend = if after_section { "; write what a section holds on the lines below its name" } else { "" };
            self.wrong(at, "", format!("{NOT_TOML}: {}{mend}", Shown::text(&message)));
        }
        if broken {
            return;
        }
        for (name, value) in document.get_ref() {
            let at = name.span().start;
            let name: &str = name.get_ref();
            match (name, value.get_ref()) {
                (name, value) if LISTS.contains(&name) => self.list(at, name, value),
                (name, DeValue::Table(table)) if KEYS.iter().any(|key| key.section == name) => {
                    let known = KEYS.iter().find(|key| key.section == name).map_or("", |key| key.section);
                    let section = self.section(known, table);
                    self.settings.sections.entry(known).or_default().extend(section);
                }
                (name, other) if KEYS.iter().any(|key| key.section == name) => {
                    self.wrong_type(at, name, other, &format!("a section: write [{name}]"));
                }
                (name, _) => {
                    let mut sections: Vec<&str> = KEYS.iter().map(|key| key.section).collect();
                    sections.dedup();
                    let near = near_words(name, &sections);
                    self.wrong(at, name, format!("unknown section{near}; there are {}", sections.join(", ")));
                }
            }
        }
    }

    /// `[[source]]`, `[[url]]` and the like, as often as they stand there.
    fn list(&mut self, at: usize, name: &str, value: &DeValue<'_>) {
        let Some(name) = LISTS.into_iter().find(|list| *list == name) else { return };
        let DeValue::Array(list) = value else {
            return self.wrong_type(at, name, value, &format!("a list: write [[{name}]], in two brackets"));
        };
        for item in list {
            let at = item.span().start;
            let DeValue::Table(table) = item.get_ref() else {
                self.wrong_type(at, name, item.get_ref(), &format!("a table: write [[{name}]]"));
                continue;
            };
            let section = (self.origin(at), self.section(name, table));
            self.settings.lists.entry(name).or_default().push(section);
        }
    }

    fn section(&mut self, name: &'static str, table: &DeTable<'_>) -> Section {
        let mut section = Section::new();
        for (key, value) in table {
            let at = key.span().start;
            let found_name: &str = key.get_ref();
            let Some(key) = schema::find(name, found_name) else {
                let known: Vec<&str> = schema::section(name).map(|key| key.name).collect();
                let near = near_words(found_name, &known);
                let path = format!("{name}.{found_name}");
                self.wrong(at, &path, format!("unknown key{near}; [{name}] has {}", known.join(", ")));
                continue;
            };
            let read = match value.get_ref() {
                DeValue::String(text) => key.kind.read(text).ok_or_else(|| format!("\"{}\"", Shown::text(text))),
                DeValue::Integer(n) if key.kind.takes_integer() && n.radix() == 10 => {
                    key.kind.read(&n.as_str().replace('_', "")).ok_or_else(|| n.as_str().to_owned())
                }
                DeValue::Float(n) if key.kind.takes_decimals() => {
                    key.kind.read(&n.as_str().replace('_', "")).ok_or_else(|| n.as_str().to_owned())
                }
                DeValue::Boolean(flag) if key.kind.takes_boolean() => {
                    key.kind.read(&flag.to_string()).ok_or_else(|| flag.to_string())
                }
                other => Err(type_of(other).to_owned()),
            };
            match read {
                Ok(value) => {
                    section.insert(key.name, Setting { value, origin: self.origin(at) });
                }
                Err(what) => self.wrong(at, &key.path(), found(&what, key.kind)),
            }
        }
        section
    }

    fn origin(&self, at: usize) -> Origin {
        let before = self.text.get(..at).unwrap_or(self.text);
        Origin::File(self.path.to_owned(), before.matches('\n').count() + 1)
    }

    fn wrong(&mut self, at: usize, key: &str, text: String) {
        let origin = self.origin(at);
        self.problems.push(Problem { origin, key: key.to_owned(), text });
    }

    fn wrong_type(&mut self, at: usize, key: &str, found: &DeValue<'_>, allowed: &str) {
        self.wrong(at, key, format!("found {}; allowed is {allowed}", type_of(found)));
    }
}

fn near_words(found: &str, words: &[&str]) -> String {
    nearest(found, words.iter().copied()).map_or_else(String::new, |near| format!("; did you mean {near:?}?"))
}

fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
