//! From settings to a configuration: what belongs together, what must not.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::layers::{Section, Settings};
use super::problem::{MISSING, Origin, Problem};
use super::schema::{self, Value};
use super::{BackupConfig, BudgetConfig, Config, ConsoleConfig, RestoreConfig, SourceConfig, VaultConfig};
use crate::base::units::exact_size;
use crate::base::url::UrlRule;
use crate::base::{Money, Shown};

/// Builds the configuration; nothing if what is wrong leaves nothing to build.
pub(super) fn build(
    settings: &Settings,
    base: &Path,
    file: Option<PathBuf>,
    problems: &mut Vec<Problem>,
) -> Option<Config> {
    let empty = Section::new();
    let section = |name: &str| settings.sections.get(name).unwrap_or(&empty);
    let read = Paths { base };
    let sources: Vec<SourceConfig> = settings
        .list("source")
        .iter()
        .filter_map(|(origin, section)| source(&read, origin, section, problems))
        .collect();
    twice(settings, problems);
    let urls =
        settings.list("url").iter().filter_map(|(origin, section)| url(origin, section, settings, problems)).collect();
    let vault = section("vault");
    let vault_path = read.path(vault, "path");
    let named = vault.values().find(|setting| setting.origin != Origin::Default);
    if let (None, Some(other)) = (&vault_path, named) {
        let text = format!("{MISSING}; allowed is a path: the vault's folder");
        problems.push(Problem { origin: other.origin.clone(), key: "vault.path".to_owned(), text });
    }
    let vault_name = text(vault, "name")?;
    let tariff = match text(vault, "tariff")? {
        // A tariff is called as the kind of vault it is for.
        auto if auto == "auto" => text(vault, "kind")?,
        named => named,
    };
    let vault = vault_path.map(|path| VaultConfig { name: vault_name, path, tariff, base: base.to_owned() });
    let (staging, backup, worker) = (section("staging"), section("backup"), section("worker"));
    let config = Config {
        state: state(&read, section("state"), problems)?,
        staging: read.path(staging, "path")?,
        staging_budget: number(staging, "budget")?,
        sources,
        urls,
        vault,
        backup: BackupConfig {
            bundle_size: number(backup, "bundle_size")?,
            bundle_age: span(backup, "bundle_age")?,
            fetchers: u32::try_from(number(backup, "fetchers")?).ok()?,
            uploaders: u32::try_from(number(backup, "uploaders")?).ok()?,
            md5: text(backup, "md5")?,
            attempts: u32::try_from(number(backup, "attempts")?).ok()?,
            memory: number(backup, "memory")?,
            repeat_unknown_after: span(backup, "repeat_unknown_after"),
        },
        restore: restore(section("restore"))?,
        budget: BudgetConfig {
            restore_plan: dollars(section("budget"), "restore_plan"),
            restore_day: dollars(section("budget"), "restore_day"),
            restore_month: dollars(section("budget"), "restore_month"),
        },
        lease: span(worker, "lease")?,
        stop_within: span(worker, "stop_within")?,
        console: console(&read, section("console"))?,
        alert: super::alert::build(&read, section("alert"), problems)?,
        delay: super::delay::build(&read, settings, problems)?,
        redis: super::redis::build(&read, settings, problems)?,
        log_level: text(section("log"), "level")?,
        settings: settings.clone(),
        file,
    };
    room_for_bundles(&config, problems);
    places(&config, problems);
    Some(config)
}

fn console(read: &Paths<'_>, section: &Section) -> Option<ConsoleConfig> {
    Some(ConsoleConfig {
        workers: text(section, "workers")?,
        environment: text(section, "environment")?,
        production: flag(section, "production")?,
        read_only: flag(section, "read_only")?,
        refresh: span(section, "refresh")?,
        theme: text(section, "theme")?,
        keymap: read.path(section, "keymap"),
        colour: text(section, "colour")?,
        glyphs: text(section, "glyphs")?,
        charts: text(section, "charts")?,
        mouse: flag(section, "mouse")?,
        log: read.path(section, "log"),
        base: read.base.to_owned(),
    })
}

fn restore(section: &Section) -> Option<RestoreConfig> {
    Some(RestoreConfig {
        confirm_above: dollars(section, "confirm_above")?,
        new_per_second: u32::try_from(number(section, "new_per_second")?).ok()?,
        slots: u32::try_from(number(section, "slots")?).ok()?,
        rate_per_day: number(section, "rate_per_day"),
    })
}

/// Money; nothing for `none`.
fn dollars(section: &Section, key: &str) -> Option<Money> {
    match section.get(key)?.value {
        Value::Dollars(money) => Some(money),
        _ => None,
    }
}

pub(super) fn flag(section: &Section, key: &str) -> Option<bool> {
    match section.get(key)?.value {
        Value::Flag(flag) => Some(flag),
        _ => None,
    }
}

pub(super) fn text(section: &Section, key: &str) -> Option<String> {
    match &section.get(key)?.value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// A number or a size; nothing for `none`.
pub(super) fn number(section: &Section, key: &str) -> Option<u64> {
    match section.get(key)?.value {
        Value::Number(n) => Some(n),
        _ => None,
    }
}

/// A span; nothing for `never`.
pub(super) fn span(section: &Section, key: &str) -> Option<Duration> {
    match section.get(key)?.value {
        Value::Span(span) => span,
        _ => None,
    }
}

/// Paths are relative to the configuration file.
pub(super) struct Paths<'a> {
    pub(super) base: &'a Path,
}

impl Paths<'_> {
    pub(super) fn path(&self, section: &Section, key: &str) -> Option<PathBuf> {
        Some(self.base.join(text(section, key)?))
    }
}

fn source(read: &Paths<'_>, origin: &Origin, section: &Section, problems: &mut Vec<Problem>) -> Option<SourceConfig> {
    for key in ["name", "path"] {
        if !section.contains_key(key) {
            let allowed = schema::find("source", key).map_or_else(String::new, |key| key.kind.allowed());
            let text = format!("{MISSING}; allowed is {allowed}");
            problems.push(Problem { origin: origin.clone(), key: format!("source.{key}"), text });
        }
    }
    let default = schema::find("source", "rescan").and_then(|key| key.kind.read(key.default?));
    let default = default.and_then(|value| match value {
        Value::Span(span) => span,
        _ => None,
    });
    let rescan = span(section, "rescan").or(default)?;
    Some(SourceConfig { name: text(section, "name")?, path: read.path(section, "path")?, rescan })
}

/// A pattern of URLs; its source must be one of the configuration.
fn url(origin: &Origin, section: &Section, settings: &Settings, problems: &mut Vec<Problem>) -> Option<UrlRule> {
    let mut wrong = |origin: &Origin, key: &str, text: String| {
        problems.push(Problem { origin: origin.clone(), key: format!("url.{key}"), text });
        None
    };
    let Some((setting, pattern)) = section.get("pattern").zip(text(section, "pattern")) else {
        return wrong(
            origin,
            "pattern",
            format!("{MISSING}; allowed is a URL with places, such as \"https://cdn.example.com/{{source}}/{{key}}\""),
        );
    };
    let (source, domain) = (text(section, "source"), text(section, "domain"));
    let rule = match UrlRule::new(&pattern, source.as_deref(), domain.as_deref()) {
        Ok(rule) => rule,
        Err(error) => {
            return wrong(&setting.origin, "pattern", format!("found \"{}\": {error}", Shown::text(&pattern)));
        }
    };
    let names: Vec<String> = settings.list("source").iter().filter_map(|(_, section)| text(section, "name")).collect();
    if let Some((setting, name)) = section.get("source").zip(source).filter(|(_, name)| !names.contains(name)) {
        let near = schema::nearest(&name, names.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
        return wrong(&setting.origin, "source", format!("found {name:?}, and no [[source]] has that name{near}"));
    }
    Some(rule)
}

fn twice(settings: &Settings, problems: &mut Vec<Problem>) {
    let mut seen = HashSet::new();
    for (_, section) in settings.list("source") {
        let Some((setting, name)) = section.get("name").zip(text(section, "name")) else { continue };
        if !seen.insert(name.clone()) {
            let text = format!("found {name:?} a second time; every source has a name of its own");
            problems.push(Problem { origin: setting.origin.clone(), key: "source.name".to_owned(), text });
        }
    }
}

/// `sqlite:PATH`. Other engines' addresses may hold a password: it is never repeated.
fn state(read: &Paths<'_>, section: &Section, problems: &mut Vec<Problem>) -> Option<PathBuf> {
    let url = text(section, "url")?;
    match url.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() && !path.starts_with("//") => Some(read.base.join(path)),
        other => {
            let found = other.map_or_else(
                || "no engine".to_owned(),
                |(engine, _)| format!("the engine \"{}\"", Shown::text(engine)),
            );
            problems.push(Problem {
                origin: section.get("url")?.origin.clone(),
                key: "state.url".to_owned(),
                text: format!("found {found}; allowed is sqlite:PATH, such as \"sqlite:firn.db\""),
            });
            None
        }
    }
}

fn room_for_bundles(config: &Config, problems: &mut Vec<Problem>) {
    let needed = config.backup.bundle_size.saturating_mul(4);
    if config.staging_budget < needed {
        let made = |section: &str, key: &str| {
            let setting = config.settings.sections.get(section)?.get(key)?;
            (setting.origin != Origin::Default).then(|| setting.origin.clone())
        };
        let origin = made("staging", "budget").or_else(|| made("backup", "bundle_size")).unwrap_or(Origin::Default);
        problems.push(Problem {
            origin,
            key: "staging.budget".to_owned(),
            text: format!(
                "found {} with bundles of {}; allowed is four bundles or more ({}): two are filled while others wait",
                exact_size(config.staging_budget),
                exact_size(config.backup.bundle_size),
                exact_size(needed)
            ),
        });
    }
}

/// What firn writes must not lie in what it backs up, nor its folders in one another.
fn places(config: &Config, problems: &mut Vec<Problem>) {
    let origin = |section: &str, key: &str| {
        let setting = config.settings.sections.get(section).and_then(|section| section.get(key));
        setting.map_or(Origin::Default, |setting| setting.origin.clone())
    };
    let mut ours = vec![
        ("state.url", origin("state", "url"), real(&config.state)),
        ("staging.path", origin("staging", "path"), real(&config.staging)),
    ];
    if let Some(vault) = &config.vault {
        ours.push(("vault.path", origin("vault", "path"), real(&vault.path)));
    }
    for source in &config.sources {
        let root = real(&source.path);
        for (key, origin, path) in &ours {
            if path.starts_with(&root) {
                problems.push(Problem {
                    origin: origin.clone(),
                    key: (*key).to_owned(),
                    text: format!(
                        "found {}, which lies in the source {} ({}); put it elsewhere: firn would back up its own work",
                        Shown::path(path),
                        source.name,
                        Shown::path(&root)
                    ),
                });
            } else if *key != "state.url" && root.starts_with(path) {
                let named = |section: &&Section| text(section, "name").as_ref() == Some(&source.name);
                let section = config.settings.list("source").iter().map(|(_, section)| section).find(named);
                let at = section.and_then(|section| section.get("path"));
                problems.push(Problem {
                    origin: at.map_or(Origin::Default, |setting| setting.origin.clone()),
                    key: "source.path".to_owned(),
                    text: format!(
                        "found {}, which lies in {key} ({}); put it elsewhere: firn would back up its own work",
                        Shown::path(&root),
                        Shown::path(path)
                    ),
                });
            }
        }
    }
    if let [_, (key, origin, staging), (_, _, vault)] = ours.as_slice()
        && (staging.starts_with(vault) || vault.starts_with(staging))
    {
        problems.push(Problem {
            origin: origin.clone(),
            key: (*key).to_owned(),
            text: format!(
                "found {}, and the vault is {}; neither may lie in the other",
                Shown::path(staging),
                Shown::path(vault)
            ),
        });
    }
}

/// The path with links resolved as far as it exists, and without `.` and `..`.
pub(crate) fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut tail = Vec::new();
    let mut head = absolute.as_path();
    loop {
        if let Ok(real) = std::fs::canonicalize(head) {
            let mut whole = real;
            for part in tail.into_iter().rev() {
                match part {
                    Component::ParentDir => {
                        whole.pop();
                    }
                    Component::CurDir => {}
                    part => whole.push(part),
                }
            }
            return whole;
        }
        let (Some(parent), Some(last)) = (head.parent(), head.components().next_back()) else { return absolute };
        tail.push(last);
        head = parent;
    }
}
