//! What the console starts with: which tabs are on, which workers run beside it, and what keeps it from being opened.

use std::path::PathBuf;

use super::keymap::{Keymap, KeymapError};
use super::look::{self, LookError};
use super::model::{Area, Setup};
use super::tabs::TabId;
use super::term::{Caps, Refusal};
use super::theme::Theme;
use crate::backup::pipe::{KindError, Kinds};
use crate::base::Shown;
use crate::config::ConsoleConfig;
use crate::log::LogError;
use crate::services::{ServiceError, Services};

/// What is not the configuration's to say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// No workers in this process, whatever is configured.
    pub no_workers: bool,
    /// Nothing may be changed.
    pub read_only: bool,
    /// Who sits here.
    pub who: String,
    /// Where drafts are kept; nothing: nowhere.
    pub drafts: Option<PathBuf>,
    /// Where the log is kept; nothing: in memory alone.
    pub log: Option<PathBuf>,
    /// The operator's home.
    pub home: Option<PathBuf>,
}

/// A console that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// There is nothing to draw on.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The keymap.
    #[error(transparent)]
    Keymap(#[from] KeymapError),
    /// The theme.
    #[error(transparent)]
    Look(#[from] LookError),
    /// The list of workers.
    #[error("[console] workers: {0}")]
    Workers(#[from] KindError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What it draws from.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The state, where a single screen was asked for.
    #[error("the state cannot be read: {0}")]
    State(String),
    /// The terminal.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] std::io::Error),
}

/// Config sections that would switch the Backup tab on.
const BACKUP_LINES: &[&str] =
    &["[[source]]", "name = \"photos\"", "path = \"/srv/photos\"", "", "[vault]", "path = \"/mnt/vault\""];
/// The same for the Restore tab.
const RESTORE_LINES: &[&str] = &["[vault]", "path = \"/mnt/vault\""];
/// The same for the Delay tab.
const DELAY_LINES: &[&str] = &[
    "[[replica]]",
    "name = \"db14-delay\"",
    "host = \"db14-delay.example.com\"",
    "user = \"firn\"",
    "password = \"env:FIRN_REPLICA_PASSWORD\"",
];
/// The same for the Redis tab.
const REDIS_LINES: &[&str] = &["[[redis]]", "name = \"sessions\"", "seeds = \"10.0.0.1:6379, 10.0.0.2:6379\""];
/// What there is in place of areas that this version has not.
const NO_AUDIT: &str =
    "Every archive was read back and hashed by its vault when it was stored; nothing is read again later.";
const NO_COUNTERS: &str = "Nothing keeps counters over time; the Backup tab shows the last ten minutes.";

/// What the console starts with.
pub fn setup(services: &Services, options: &Options, workers: Option<String>) -> Setup {
    let config = &services.config;
    let console = &config.console;
    let backup = config.vault.is_some() && !config.sources.is_empty();
    let areas = vec![
        (TabId::Backup, if backup { Area::On } else { Area::Off(BACKUP_LINES) }),
        (TabId::Restore, if config.vault.is_some() { Area::On } else { Area::Off(RESTORE_LINES) }),
        (TabId::Audit, Area::Absent(NO_AUDIT)),
        (TabId::Delay, if services.has_replicas() { Area::On } else { Area::Off(DELAY_LINES) }),
        (TabId::Redis, if services.has_redis() { Area::On } else { Area::Off(REDIS_LINES) }),
        (TabId::Counters, Area::Absent(NO_COUNTERS)),
    ];
    let mut themes: Vec<String> = Theme::names().map(str::to_owned).collect();
    if !themes.contains(&console.theme) {
        themes.push(console.theme.clone());
    }
    let home = options.home.clone();
    let restore_into =
        home.as_ref().map_or_else(String::new, |home| home.join("restored").to_string_lossy().into_owned());
    Setup {
        environment: console.environment.clone(),
        production: console.production,
        read_only: console.read_only || options.read_only,
        badge: services.badge.clone(),
        host: services.process.host.clone(),
        pid: services.process.pid,
        who: options.who.clone(),
        workers,
        stop_within: config.stop_within,
        refresh: console.refresh,
        areas,
        themes,
        home,
        restore_into,
        confirm_above: config.restore.confirm_above,
        no_faster: services.no_faster(),
        config_place: config.file.as_deref().map(|file| Shown::path(file).to_string()),
        log_place: options
            .log
            .as_deref()
            .map_or_else(|| "in memory alone".to_owned(), |path| Shown::path(path).to_string()),
    }
}

/// Which workers run in this process.
pub fn kinds(services: &Services, options: &Options) -> Result<Option<Kinds>, ConsoleError> {
    let console = &services.config.console;
    let idle = services.config.vault.is_none() && !services.watches();
    if options.no_workers || options.read_only || console.read_only || idle {
        return Ok(None);
    }
    let named = match console.workers.as_str() {
        "none" => return Ok(None),
        "all" => Kinds::all(),
        list => Kinds::parse(list)?,
    };
    // Where there is nothing to back up there may be much to restore, or something to watch.
    let nothing = services.config.sources.is_empty() || services.config.vault.is_none();
    let kinds = if nothing { named.without_backup() } else { named };
    Ok((!kinds.is_empty()).then_some(kinds))
}

/// Whether the theme and the keymap that are configured can be used.
pub fn files(console: &ConsoleConfig) -> Result<(), ConsoleError> {
    Keymap::load(console.keymap.as_deref())?;
    look::theme(&console.theme, &console.base, look::depth(console, &Caps::of_process()))?;
    Ok(())
}
