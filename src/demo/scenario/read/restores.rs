//! Reading what a scenario says of restores.

use std::path::{Component, Path, PathBuf};

use super::{Reader, Section};
use crate::base::{Money, Shown};
use crate::config::{BudgetConfig, RestoreConfig, Value};
use crate::demo::scenario::{PlaceTrouble, PlaceTroubleKind, Restore, RestoreWish};
use crate::vault::Tier;

/// Keys that go with `files`, and not with `lines`.
const OF_FILES: [&str; 4] = ["source", "files", "archives", "to"];

impl Reader<'_> {
    /// What operators restore.
    pub(super) fn restores<'a>(
        &mut self,
        all: impl Iterator<Item = &'a Section>,
        hosts: &[&str],
        sources: &[&str],
    ) -> Vec<Restore> {
        all.filter_map(|section| self.restore(section, hosts, sources)).collect()
    }

    fn restore(&mut self, section: &Section, hosts: &[&str], sources: &[&str]) -> Option<Restore> {
        if section.has("host") {
            self.known(section, "host", hosts);
        }
        let wish = self.wish(section, sources)?;
        let (confirm, failing) = (section.flag("confirm"), section.small("failing"));
        if failing > 0 && !confirm {
            let text = "a plan that nobody confirms retrieves nothing; leave it out, or write confirm = true";
            self.wrong(section.line_of("failing"), "restore.failing", text);
        }
        Some(Restore {
            at: section.span("at"),
            host: if section.has("host") { section.text("host") } else { (*hosts.first()?).to_owned() },
            who: section.text("who"),
            title: section.has("title").then(|| section.text("title")),
            wish,
            tier: match section.text("tier").as_str() {
                "expedited" => Tier::Expedited,
                "bulk" => Tier::Bulk,
                _ => Tier::Standard,
            },
            confirm,
            corrupt: section.small("corrupt"),
            failing,
        })
    }

    /// Either lines, or files of a source.
    fn wish(&mut self, section: &Section, sources: &[&str]) -> Option<RestoreWish> {
        if section.has("lines") {
            if let Some(key) = OF_FILES.into_iter().find(|key| section.has(key)) {
                let text = "it does not go with lines; leave one of them out";
                self.wrong(section.line_of(key), format!("restore.{key}"), text);
            }
            return Some(RestoreWish::Lines(section.text("lines")));
        }
        for key in OF_FILES {
            if !section.has(key) {
                let text = "it is missing; write lines, or all of source, files, archives and to";
                self.wrong(section.line, format!("restore.{key}"), text);
                return None;
            }
        }
        self.known(section, "source", sources);
        let to = self.folder(section, "to")?;
        Some(RestoreWish::Some {
            source: section.text("source"),
            files: section.small("files"),
            archives: section.small("archives"),
            to,
        })
    }

    /// What goes wrong where restores go.
    pub(super) fn places<'a>(&mut self, all: impl Iterator<Item = &'a Section>) -> Vec<PlaceTrouble> {
        all.filter_map(|section| {
            self.window(section);
            let kind = if section.text("kind") == "file" { PlaceTroubleKind::File } else { PlaceTroubleKind::Away };
            let place = self.folder(section, "at")?;
            Some(PlaceTrouble { place, from: section.span("from"), until: section.span("until"), kind })
        })
        .collect()
    }

    /// A folder by its absolute path, which is one below the demo's own.
    fn folder(&mut self, section: &Section, key: &'static str) -> Option<PathBuf> {
        let text = section.text(key);
        let path = Path::new(&text);
        let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
        if path.is_absolute() && path.parent().is_some() && path.components().all(plain) {
            return Some(path.components().collect());
        }
        let text = format!(
            "found \"{}\"; allowed is the absolute path of a folder without \"..\", such as \"/srv/restored\"",
            Shown::text(&text)
        );
        self.wrong(section.line_of(key), format!("{}.{key}", section.name), text);
        None
    }
}

impl Section {
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    fn flag(&self, key: &str) -> bool {
        matches!(self.values.get(key), Some((Value::Flag(true), _)))
    }

    fn money(&self, key: &str) -> Option<Money> {
        match self.values.get(key) {
            Some((Value::Dollars(money), _)) => Some(*money),
            _ => None,
        }
    }

    /// How restores work.
    pub(super) fn restoring(&self) -> RestoreConfig {
        RestoreConfig {
            confirm_above: self.money("confirm_above").unwrap_or_default(),
            new_per_second: self.small("new_per_second"),
            slots: self.small("slots"),
            rate_per_day: match self.values.get("rate_per_day") {
                Some((Value::Number(bytes), _)) => Some(*bytes),
                _ => None,
            },
        }
    }

    /// What restores may cost.
    pub(super) fn budget(&self) -> BudgetConfig {
        BudgetConfig {
            restore_plan: self.money("restore_plan"),
            restore_day: self.money("restore_day"),
            restore_month: self.money("restore_month"),
        }
    }
}
