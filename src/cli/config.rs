//! `firn config init|check|show|paths|keymap|theme`

mod console;

use std::io::Write as _;
use std::path::PathBuf;

use clap::Subcommand;

use super::console::{drafts, log_folder};
use super::{CliError, out};
use crate::base::Shown;
use crate::config::{Config, ConfigError, Given, KEYS, LISTS, Origin, Section, TEMPLATE, candidates};
use crate::console::look;
use crate::services;
use crate::vault::tariff::Tariff;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Writes a configuration with every key and its default, commented out
    Init {
        /// Where to (default: the user's own; "-" for standard output)
        path: Option<PathBuf>,
        /// Overwrites what is there
        #[arg(long)]
        force: bool,
    },
    /// Says what is wrong with the configuration: file, line, key, what was found, what is allowed
    Check,
    /// Shows every setting in force, and where it comes from
    Show,
    /// Shows where the configuration is looked for, and the paths it names
    Paths,
    /// Shows the console's keys in force, where they come from, and what they do; written as a keymap file is
    Keymap,
    /// Shows the console's theme in force: each role's style, and where it comes from
    Theme {
        /// Another theme, by its name or the path of its file
        name: Option<String>,
        /// Prints the file of a theme of firn's own, to begin one's own with
        #[arg(long)]
        text: bool,
    },
}

pub(super) fn run(given: &Given, command: Command) -> Result<u8, CliError> {
    match command {
        Command::Init { path, force } => init(path, force),
        Command::Check => {
            let config = Config::load(given)?;
            let mut wrong = console::wrong(&config.console);
            let tariff = config.vault.as_ref().map(|vault| Tariff::load(&vault.tariff, &vault.base));
            wrong.extend(tariff.and_then(Result::err).map(|e| e.to_string()));
            wrong.extend(services::alert_senders(&config).err().map(|e| e.to_string()));
            for text in &wrong {
                out::error(text);
            }
            let mut missing = Vec::new();
            if config.sources.is_empty() {
                missing.push("no source: add [[source]] with a name and a path");
            }
            if config.vault.is_none() {
                missing.push("no vault: add [vault] with a path");
            }
            let file = config.file.as_deref().map_or_else(String::new, |file| Shown::path(file).to_string());
            for text in &missing {
                out::error(&format!("{file}: {text}; `firn run` needs one"));
            }
            Ok(match (wrong.is_empty(), missing.is_empty()) {
                (true, true) => {
                    out::line(format!("{file}: OK"))?;
                    0
                }
                (true, false) => super::FAILED,
                (false, _) => super::USAGE,
            })
        }
        Command::Show => show(&Config::load(given)?),
        Command::Paths => paths(given),
        Command::Keymap => console::keymap(&load_or_default(given)?.console),
        Command::Theme { name, text } => {
            let config = load_or_default(given)?;
            let origin = config.settings.sections.get("console").and_then(|section| section.get("theme"));
            let origin = origin.map_or(&Origin::Default, |setting| &setting.origin).to_string();
            console::theme(&config.console, &origin, name.as_deref(), text)
        }
    }
}

/// The configuration in force; where there is no file, what is in force without one.
fn load_or_default(given: &Given) -> Result<Config, ConfigError> {
    match Config::load(given) {
        Err(ConfigError::None(_)) => Config::without_file(&given.set),
        other => other,
    }
}

fn init(path: Option<PathBuf>, force: bool) -> Result<u8, CliError> {
    let path = match path {
        Some(path) if path.as_os_str() == "-" => {
            std::io::stdout().lock().write_all(TEMPLATE.as_bytes())?;
            return Ok(0);
        }
        Some(path) => path,
        None => {
            let places = candidates();
            places.user.unwrap_or(places.system)
        }
    };
    let failed = |source| ConfigError::Unwritten { path: path.clone(), source };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    let mut options = std::fs::File::options();
    options.write(true);
    let opened = if force { options.create(true).truncate(true) } else { options.create_new(true) }.open(&path);
    let mut file = match opened {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => return Err(ConfigError::Exists(path).into()),
        other => other.map_err(failed)?,
    };
    file.write_all(TEMPLATE.as_bytes()).map_err(failed)?;
    out::line(format!("wrote {}; name a source and a vault in it, then: firn config check", Shown::path(&path)))?;
    Ok(0)
}

fn show(config: &Config) -> Result<u8, CliError> {
    let empty = Section::new();
    let mut section = "";
    for key in KEYS.iter().filter(|key| !key.is_listed()) {
        if key.section != section {
            if !section.is_empty() {
                out::line("")?;
            }
            section = key.section;
            out::line(format!("[{section}]"))?;
        }
        match config.settings.sections.get(section).unwrap_or(&empty).get(key.name) {
            Some(setting) => setting_line(key.name, &key.kind.write(&setting.value), &setting.origin)?,
            None => out::line(format!("# {} is not set", key.name))?,
        }
    }
    let lists =
        LISTS.into_iter().flat_map(|list| config.settings.list(list).iter().map(move |(_, section)| (list, section)));
    for (list, section) in lists {
        out::line(format!("\n[[{list}]]"))?;
        for key in KEYS.iter().filter(|key| key.section == list) {
            let default = key.default.and_then(|text| key.kind.read(text));
            match (section.get(key.name), default) {
                (Some(setting), _) => setting_line(key.name, &key.kind.write(&setting.value), &setting.origin)?,
                (None, Some(value)) => setting_line(key.name, &key.kind.write(&value), &Origin::Default)?,
                (None, None) => {}
            }
        }
    }
    Ok(0)
}

fn setting_line(name: &str, value: &str, origin: &Origin) -> Result<(), CliError> {
    let text = format!("{name} = {}", Shown::text(value).to_string().replace("\\\\", "\\"));
    out::line(format!("{text:<44} # {origin}"))
}

fn paths(given: &Given) -> Result<u8, CliError> {
    let places = candidates();
    let used = given.file.clone().or_else(|| places.in_use());
    let line =
        |what: &str, path: &std::path::Path, note: &str| out::line(format!("{what:<22} {}{note}", Shown::path(path)));
    if let Some(file) = &given.file {
        line("configuration (given)", file, "")?;
    }
    for (what, path) in
        [("configuration (user)", places.user.clone()), ("configuration (system)", Some(places.system.clone()))]
    {
        match path {
            Some(path) => {
                let is_used = given.file.is_none() && used.as_ref() == Some(&path);
                let note = if is_used {
                    "  (in use)"
                } else if path.is_file() {
                    ""
                } else {
                    "  (not there)"
                };
                line(what, &path, note)?;
            }
            None => out::line(format!("{what:<22} none: this user has no home"))?,
        }
    }
    if used.is_none() {
        return Ok(0);
    }
    let config = Config::load(given)?;
    line("state", &config.state, "")?;
    line("staging", &config.staging, "")?;
    for source in &config.sources {
        line(&format!("source {}", source.name), &source.path, "")?;
    }
    if let Some(vault) = &config.vault {
        line(&format!("vault {}", vault.name), &vault.path, "")?;
        if let Some(tariff) = Tariff::file(&vault.tariff, &vault.base) {
            line("tariff", &tariff, "")?;
        }
    }
    if let Some(log) = log_folder(&config) {
        line("console's log", &log, "")?;
    }
    if let Some(drafts) = drafts() {
        line("console's drafts", &drafts, "")?;
    }
    if let Some(keymap) = &config.console.keymap {
        line("keymap", keymap, "")?;
    }
    if let Some(theme) = look::file(&config.console.theme, &config.console.base) {
        line("theme", &theme, "")?;
    }
    Ok(0)
}
