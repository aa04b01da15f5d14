//! Configuration: one TOML file, overridden by `FIRN_*` variables, overridden by `--set`. Everything that is wrong with
//! it is told at once, with file, line and key, what was found and what is allowed.

mod alert;
mod delay;
mod layers;
mod paths;
mod problem;
mod redis;
mod schema;
mod sections;
mod validate;

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::Money;

pub use alert::{AlertConfig, MailConfig};
pub use delay::{DelayConfig, HeartbeatConfig, Login, ReplicaConfig, ServerConfig, Tls};
pub use layers::{Section, Setting, Settings};
pub use paths::{Candidates, candidates, home, user_state};
pub use problem::{ConfigError, Origin, Problem};
pub use redis::{RedisConfig, Topology};
pub use schema::{KEYS, Key, Kind, LISTS, Value, nearest};
pub(crate) use validate::real;

use crate::base::url::UrlRule;

/// The template that `firn config init` writes: every key with its default, commented out.
pub const TEMPLATE: &str = include_str!("template.toml");

/// A configuration file may have this many bytes; whoever names a larger one has named something else.
const LONGEST: u64 = 1 << 20;

/// A configuration that has been found possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The state database's file.
    pub state: PathBuf,
    /// The staging folder.
    pub staging: PathBuf,
    /// Its budget, bytes.
    pub staging_budget: u64,
    /// The sources.
    pub sources: Vec<SourceConfig>,
    /// Which files URLs mean, by patterns: the first that fits.
    pub urls: Vec<UrlRule>,
    /// The vault, if there is one.
    pub vault: Option<VaultConfig>,
    /// How the pipeline works.
    pub backup: BackupConfig,
    /// How archives are retrieved and files given back.
    pub restore: RestoreConfig,
    /// What that may cost.
    pub budget: BudgetConfig,
    /// How long a lease holds.
    pub lease: Duration,
    /// How long work in progress may take to finish.
    pub stop_within: Duration,
    /// The interactive console.
    pub console: ConsoleConfig,
    /// Who is told what is wrong.
    pub alert: AlertConfig,
    /// Delayed replicas.
    pub delay: DelayConfig,
    /// Redis clusters.
    pub redis: Vec<RedisConfig>,
    /// How much is said on standard error.
    pub log_level: String,
    /// What everything was read from.
    pub settings: Settings,
    /// The file, if there was one.
    pub file: Option<PathBuf>,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// Its name.
    pub name: String,
    /// Its root.
    pub path: PathBuf,
    /// How often it is scanned.
    pub rescan: Duration,
}

/// A vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultConfig {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// What it charges: a tariff's name, or the path of a tariff file.
    pub tariff: String,
    /// What a relative path of a tariff file is relative to.
    pub base: PathBuf,
}

/// How archives are retrieved and files given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoreConfig {
    /// A plan whose ceiling is above this wants a typed word.
    pub confirm_above: Money,
    /// Retrieval jobs asked for in a second, at most.
    pub new_per_second: u32,
    /// Archives read and delivered at once.
    pub slots: u32,
    /// Bytes asked for in a day, at most; nothing: no limit.
    pub rate_per_day: Option<u64>,
}

/// What restores may cost; nothing: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BudgetConfig {
    /// One plan.
    pub restore_plan: Option<Money>,
    /// All plans of a day.
    pub restore_day: Option<Money>,
    /// All plans of a month.
    pub restore_month: Option<Money>,
}

impl Default for RestoreConfig {
    /// What is in force when nobody says anything: as the table of keys has it.
    fn default() -> Self {
        let value = |name: &str| schema::find("restore", name).and_then(|key| key.kind.read(key.default?));
        let number = |name: &str| match value(name) {
            Some(Value::Number(n)) => Some(n),
            _ => None,
        };
        let small = |name: &str| number(name).and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        Self {
            confirm_above: match value("confirm_above") {
                Some(Value::Dollars(money)) => money,
                _ => Money::ZERO,
            },
            new_per_second: small("new_per_second"),
            slots: small("slots"),
            rate_per_day: number("rate_per_day"),
        }
    }
}

/// How the pipeline works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupConfig {
    /// A bundle is closed at this many bytes.
    pub bundle_size: u64,
    /// A bundle is closed at this age.
    pub bundle_age: Duration,
    /// How many fetch at once.
    pub fetchers: u32,
    /// How many upload at once.
    pub uploaders: u32,
    /// `auto`, `always` or `never`.
    pub md5: String,
    /// A file that failed this often is given up.
    pub attempts: u32,
    /// Memory for file contents, bytes.
    pub memory: u64,
    /// When an unknown archive is sent again; nothing: never.
    pub repeat_unknown_after: Option<Duration>,
}

/// The interactive console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleConfig {
    /// Which workers run in it: `all`, `none`, or a comma-separated list.
    pub workers: String,
    /// What this installation is called.
    pub environment: String,
    /// Whether lives depend on it.
    pub production: bool,
    /// Shows everything and changes nothing.
    pub read_only: bool,
    /// How often the state is read anew.
    pub refresh: Duration,
    /// A theme's name, or the path of a theme file.
    pub theme: String,
    /// A file of keys.
    pub keymap: Option<PathBuf>,
    /// `auto`, `none`, `16`, `256` or `true`.
    pub colour: String,
    /// `auto`, `utf8` or `ascii`.
    pub glyphs: String,
    /// `auto`, `braille`, `block` or `ascii`.
    pub charts: String,
    /// Whether the mouse is taken from the start.
    pub mouse: bool,
    /// The folder of its log.
    pub log: Option<PathBuf>,
    /// What relative paths are relative to.
    pub base: PathBuf,
}

impl Default for ConsoleConfig {
    /// What is in force when nobody says anything: as the table of keys has it.
    fn default() -> Self {
        let word =
            |name: &str| schema::find("console", name).and_then(|key| key.default).unwrap_or_default().to_owned();
        let refresh = schema::find("console", "refresh").and_then(|key| match key.kind.read(key.default?) {
            Some(Value::Span(span)) => span,
            _ => None,
        });
        Self {
            workers: word("workers"),
            environment: word("environment"),
            production: word("production") == "true",
            read_only: word("read_only") == "true",
            refresh: refresh.unwrap_or_default(),
            theme: word("theme"),
            keymap: None,
            colour: word("colour"),
            glyphs: word("glyphs"),
            charts: word("charts"),
            mouse: word("mouse") == "true",
            log: None,
            base: PathBuf::from("."),
        }
    }
}

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `--config`, or `FIRN_CONFIG`.
    pub file: Option<PathBuf>,
    /// `--set section.key=value`.
    pub set: Vec<String>,
}

impl Config {
    /// Loads the configuration that is in force for this process.
    pub fn load(given: &Given) -> Result<Self, ConfigError> {
        Self::load_from(given, &candidates(), &variables())
    }

    /// What variables and flags say over the defaults, without any file.
    pub fn without_file(flags: &[String]) -> Result<Self, ConfigError> {
        Self::parse(None, &variables(), flags)
    }

    /// The same, with everything from outside handed in.
    pub fn load_from(
        given: &Given,
        candidates: &Candidates,
        variables: &[(String, OsString)],
    ) -> Result<Self, ConfigError> {
        let path = match &given.file {
            Some(path) => path.clone(),
            None => candidates.in_use().ok_or_else(|| ConfigError::None(candidates.all()))?,
        };
        let text = text_of(&path)?;
        Self::parse(Some((&path, &text)), variables, &given.set)
    }

    /// Builds a configuration from its layers.
    pub fn parse(
        file: Option<(&Path, &str)>,
        variables: &[(String, OsString)],
        flags: &[String],
    ) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let settings = layers::merge(file, variables, flags, &mut problems);
        // Messages and rows then name places that mean the same from every folder.
        let path = file.map(|(path, _)| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        let base = path.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
        let broken = !problems.is_empty();
        let mut more = Vec::new();
        let config = validate::build(&settings, base, path.clone(), &mut more);
        // What is missing may stand where something could not be read.
        if !problems.iter().any(Problem::is_syntax) {
            problems.extend(more.into_iter().filter(|problem| !(broken && problem.is_missing())));
        }
        // In the order of the file, then what has no place in it.
        problems.sort_by_key(|problem| match &problem.origin {
            Origin::File(_, line) => *line,
            _ => usize::MAX,
        });
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigError::Wrong(problems)),
        }
    }
}

/// Variables of this process that may be firn's.
fn variables() -> Vec<(String, OsString)> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok().filter(|name| name.starts_with("FIRN_"))?, text)))
        .collect()
}

/// The text of a configuration file.
fn text_of(path: &Path) -> Result<String, ConfigError> {
    let unread = |source| ConfigError::Unread { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes)).map_err(unread)?;
    if bytes.len() as u64 > LONGEST {
        return Err(ConfigError::TooLong { path: path.to_owned(), limit: LONGEST });
    }
    String::from_utf8(bytes).map_err(|e| {
        let before = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        ConfigError::NotUtf8 { path: path.to_owned(), line }
    })
}

#[cfg(test)]
mod tests;
