//! A section over those it falls back to, read key by key.

use std::time::Duration;

use super::layers::{Section, Setting};
use super::problem::{MISSING, Origin, Problem};
use super::validate::{Paths, span, text};
use super::{Tls, schema};
use crate::base::secret::SecretRef;

/// A problem at a key, or where its section begins.
pub(super) fn wrong(section: &Section, origin: &Origin, list: &str, key: &str, text: String) -> Problem {
    let origin = section.get(key).map_or(origin, |setting| &setting.origin).clone();
    Problem { origin, key: format!("{list}.{key}"), text }
}

/// Sections, each over the next.
pub(super) struct Layers<'a> {
    /// The list (or section) that the first of them is of.
    pub(super) list: &'static str,
    /// Where that begins.
    pub(super) origin: &'a Origin,
    pub(super) sections: Vec<&'a Section>,
    pub(super) read: &'a Paths<'a>,
}

impl Layers<'_> {
    /// The setting in force; nothing: there is none, nor a default.
    pub(super) fn setting(&self, key: &str) -> Option<Setting> {
        let made = self.sections.iter().find_map(|section| section.get(key)).cloned();
        made.or_else(|| {
            let key = schema::find(self.list, key)?;
            Some(Setting { value: key.kind.read(key.default?)?, origin: Origin::Default })
        })
    }

    /// One key as a section of its own, for those who read sections.
    pub(super) fn one(&self, key: &'static str) -> Section {
        self.setting(key).map(|setting| (key, setting)).into_iter().collect()
    }

    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        text(&self.one(key), key)
    }

    pub(super) fn span(&self, key: &'static str) -> Option<Duration> {
        span(&self.one(key), key)
    }

    /// Whether the first section itself says so, and not one below it.
    pub(super) fn says(&self, key: &str) -> bool {
        self.sections.first().is_some_and(|section| section.contains_key(key))
    }

    pub(super) fn wrong(&self, key: &str, text: String) -> Problem {
        let origin = self.setting(key).map_or_else(|| self.origin.clone(), |setting| setting.origin);
        // One that nobody made is told where the section begins.
        let origin = if origin == Origin::Default { self.origin.clone() } else { origin };
        Problem { origin, key: format!("{}.{key}", self.list), text }
    }

    pub(super) fn needed(&self, key: &'static str, problems: &mut Vec<Problem>) -> Option<String> {
        let found = self.text(key);
        if found.is_none() {
            let allowed = schema::find(self.list, key).map_or_else(String::new, |key| key.kind.allowed());
            problems.push(Problem {
                origin: self.origin.clone(),
                key: format!("{}.{key}", self.list),
                text: format!("{MISSING}; allowed is {allowed}"),
            });
        }
        found
    }

    /// What is wrong with a value is told by the section that makes it, once.
    pub(super) fn told_here<T>(
        &self,
        key: &'static str,
        found: Result<T, String>,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        match found {
            Ok(value) => Some(value),
            Err(text) => {
                if self.says(key) {
                    problems.push(self.wrong(key, text));
                }
                None
            }
        }
    }

    pub(super) fn parsed<T>(
        &self,
        key: &'static str,
        problems: &mut Vec<Problem>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(key)?;
        self.told_here(key, parse(&text), problems)
    }

    /// The place of a secret. What stands there instead may be the secret itself: it is not repeated.
    pub(super) fn secret(&self, key: &'static str, problems: &mut Vec<Problem>) -> Option<SecretRef> {
        self.parsed(key, problems, |text| SecretRef::parse(text, self.read.base).map_err(|e| e.to_string()))
    }

    /// How a line to a server is kept from others.
    pub(super) fn tls(&self) -> Option<Tls> {
        Some(match self.text("tls")?.as_str() {
            "off" => Tls::Off,
            "insecure" => Tls::Insecure,
            _ => Tls::Required,
        })
    }
}
