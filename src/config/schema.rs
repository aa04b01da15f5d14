//! Every key there is: its kind, its default, what it means. The template, the checks, the environment variables and
//! `firn config show` all come from this one table.

use std::time::Duration;

use super::delay::keys::{self as delay, joined};
use super::redis;
use crate::base::Money;
pub use crate::base::near::nearest;
use crate::base::units::{exact_size, exact_span, parse_size, parse_span};

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text that is not empty.
    Text,
    /// A path; a relative one is relative to the configuration file.
    Path,
    /// A name: letters, digits, `_`, `.`, `-`; 64 at most.
    Name,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// `all`, `none`, or some of these words, comma-separated.
    Some(&'static [&'static str]),
    /// A whole number from … to ….
    Number(u64, u64),
    /// A size in bytes from … to ….
    Size(u64, u64),
    /// A span of time from … to …, seconds.
    Span(u64, u64),
    /// A span of time from … to …, milliseconds.
    Short(u64, u64),
    /// A number with two decimals at most, from … to …, hundredths.
    Ratio(u64, u64),
    /// A span of time as before, or `never`.
    SpanOrNever(u64, u64),
    /// A size in bytes from … to …, or `none`.
    SizeOrNone(u64, u64),
    /// An amount of dollars.
    Dollars,
    /// An amount of dollars, or `none`.
    DollarsOrNone,
}

/// A value, read and found possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, path, name or word.
    Text(String),
    /// Number or size.
    Number(u64),
    /// Span; nothing is `never`.
    Span(Option<Duration>),
    /// Yes or no.
    Flag(bool),
    /// Money.
    Dollars(Money),
    /// `none`: no limit.
    Nothing,
}

/// A key of a section.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The section.
    pub section: &'static str,
    /// The key.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is when nobody says; nothing: it must be said where its section is used.
    pub default: Option<&'static str>,
    /// One line of what it means.
    pub about: &'static str,
}

impl Key {
    /// `section.name`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// Whether its section is one of many of its kind, written `[[section]]`.
    pub fn is_listed(&self) -> bool {
        LISTS.contains(&self.section)
    }

    /// The environment variable that overrides it. (Lists have none.)
    pub fn variable(&self) -> Option<String> {
        (!self.is_listed()).then(|| format!("FIRN_{}_{}", self.section, self.name).to_uppercase())
    }
}

pub(super) const fn key(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    about: &'static str,
) -> Key {
    Key { section, name, kind, default, about }
}

pub(super) const DAY: u64 = 86_400;

/// Sections of which there are as many as one likes, written `[[section]]`.
pub const LISTS: [&str; 6] = ["source", "url", "replica_group", "replica", "heartbeat", "redis"];

/// Every key, section by section, in the order of the template.
pub const KEYS: &[Key] = &joined::<{ HOUSE.len() + delay::KEYS.len() + redis::KEYS.len() + LOG.len() }>(&[
    HOUSE,
    delay::KEYS,
    redis::KEYS,
    LOG,
]);

const HOUSE: &[Key] = &[
    key("state", "url", Kind::Text, Some("sqlite:firn.db"), "the state database: sqlite:PATH, on a local disk"),
    key(
        "staging",
        "path",
        Kind::Path,
        Some("staging"),
        "where bundles wait for the vault; best on the vault's or a fast local disk",
    ),
    key(
        "staging",
        "budget",
        Kind::Size(1 << 20, 1 << 50),
        Some("10GB"),
        "what they may take there; a file larger than half of it is never staged",
    ),
    key("source", "name", Kind::Name, None, "the source's name, for commands and reports"),
    key("source", "kind", Kind::Word(&["directory"]), Some("directory"), "what it is"),
    key("source", "path", Kind::Path, None, "its root: every regular file below it is backed up"),
    key(
        "source",
        "rescan",
        Kind::Span(1, 30 * DAY),
        Some("6h"),
        "how often everything is looked at again, beside the watch",
    ),
    key(
        "url",
        "pattern",
        Kind::Text,
        None,
        "how URLs of files look, with {key} at the end and, before it, {source} or {domain} where they name it",
    ),
    key("url", "source", Kind::Name, None, "the source whose keys they are, should the pattern not name it"),
    key("url", "domain", Kind::Text, None, "the MogileFS domain whose keys they are, should the pattern not name it"),
    key("vault", "name", Kind::Name, Some("vault"), "the vault's name, for commands and reports"),
    key("vault", "kind", Kind::Word(&["directory"]), Some("directory"), "what it is"),
    key("vault", "path", Kind::Path, None, "its folder"),
    key(
        "vault",
        "tariff",
        Kind::Text,
        Some("auto"),
        "what it charges: a tariff by its name, or the path of a tariff file; auto: that of its kind",
    ),
    key("backup", "bundle_size", Kind::Size(1 << 16, 1 << 40), Some("25MB"), "a bundle is closed at this size …"),
    key(
        "backup",
        "bundle_age",
        Kind::Span(1, DAY),
        Some("20s"),
        "… or at this age, so that a quiet hour still gets a file into the vault",
    ),
    key(
        "backup",
        "fetchers",
        Kind::Number(2, 1024),
        Some("8"),
        "how many fetch at once; one of them is kept for live files",
    ),
    key(
        "backup",
        "uploaders",
        Kind::Number(2, 1024),
        Some("4"),
        "how many upload at once; one of them is kept for live files",
    ),
    key(
        "backup",
        "md5",
        Kind::Word(&["auto", "always", "never"]),
        Some("auto"),
        "when to compute MD5 beside SHA-256; auto: where the source keeps one to compare with",
    ),
    key(
        "backup",
        "attempts",
        Kind::Number(1, 1000),
        Some("5"),
        "a file that failed this often is reported as given up (and tried ever more rarely)",
    ),
    key(
        "backup",
        "memory",
        Kind::Size(32 << 20, 1 << 40),
        Some("64MiB"),
        "memory for file contents, in buffers of 8 MiB",
    ),
    key(
        "backup",
        "repeat_unknown_after",
        Kind::SpanOrNever(60, 365 * DAY),
        Some("1h"),
        "an archive whose upload nobody saw end is sent again after this; or never",
    ),
    key(
        "restore",
        "confirm_above",
        Kind::Dollars,
        Some("10"),
        "a plan that may cost more than this, dollars, wants a typed word",
    ),
    key(
        "restore",
        "new_per_second",
        Kind::Number(1, 100_000),
        Some("50"),
        "how many retrieval jobs are asked for in a second",
    ),
    key("restore", "slots", Kind::Number(2, 1024), Some("4"), "how many archives are read and delivered at once"),
    key(
        "restore",
        "rate_per_day",
        Kind::SizeOrNone(1 << 20, 1 << 60),
        Some("none"),
        "how much a plan asks for in 24 hours; a larger one is spread over days",
    ),
    key("budget", "restore_plan", Kind::DollarsOrNone, Some("none"), "what one restore plan may cost, dollars"),
    key(
        "budget",
        "restore_day",
        Kind::DollarsOrNone,
        Some("none"),
        "what all restore plans of a day may cost, dollars",
    ),
    key(
        "budget",
        "restore_month",
        Kind::DollarsOrNone,
        Some("none"),
        "what all restore plans of a month may cost, dollars",
    ),
    key(
        "worker",
        "lease",
        Kind::Span(10, 3600),
        Some("60s"),
        "a worker that is not heard of for this long has lost its work to others",
    ),
    key(
        "worker",
        "stop_within",
        Kind::Span(1, 3600),
        Some("20s"),
        "how long work in progress may take to finish when firn is told to stop",
    ),
    key(
        "console",
        "workers",
        Kind::Some(&["scan", "fetch", "upload", "reconcile", "restore", "delay", "heartbeat", "redis", "alert"]),
        Some("all"),
        "which workers run inside the console; none of them when it is read-only",
    ),
    key("console", "environment", Kind::Name, Some("local"), "what this installation is called, always on the screen"),
    key(
        "console",
        "production",
        Kind::Flag,
        Some("false"),
        "whether lives depend on it: a colour of its own, and whatever changes work asks first",
    ),
    key("console", "read_only", Kind::Flag, Some("false"), "shows everything and changes nothing"),
    key("console", "refresh", Kind::Span(1, 60), Some("2s"), "how often the state is read anew"),
    key("console", "theme", Kind::Text, Some("default"), "a theme by its name, or the path of a theme file"),
    key("console", "keymap", Kind::Path, None, "a file of keys that differ from the usual ones"),
    key(
        "console",
        "colour",
        Kind::Word(&["auto", "none", "16", "256", "true"]),
        Some("auto"),
        "how many colours the terminal shows; auto: as NO_COLOR, COLORTERM and TERM say",
    ),
    key(
        "console",
        "glyphs",
        Kind::Word(&["auto", "utf8", "ascii"]),
        Some("auto"),
        "which characters are drawn with; auto: as the locale says",
    ),
    key(
        "console",
        "charts",
        Kind::Word(&["auto", "braille", "block", "ascii"]),
        Some("auto"),
        "what charts are drawn with; auto: block, or ascii where the locale says so",
    ),
    key("console", "mouse", Kind::Flag, Some("false"), "whether the mouse is firn's from the start; a key toggles it"),
    key(
        "console",
        "log",
        Kind::Path,
        None,
        "the folder of the console's log (default: the user's own; see firn config paths)",
    ),
    key(
        "alert",
        "min_severity",
        Kind::Word(&["unknown", "warning", "critical"]),
        Some("unknown"),
        "what is less bad is not told",
    ),
    key(
        "alert",
        "repeat_critical",
        Kind::Span(600, 7 * DAY),
        Some("4h"),
        "how often a critical finding is told again while it stays and nobody has acknowledged it",
    ),
    key("alert", "repeat", Kind::Span(600, 7 * DAY), Some("24h"), "how often any other is"),
    key(
        "alert",
        "digest",
        Kind::Span(60, DAY),
        Some("1h"),
        "the least time between two messages of a sender: what comes meanwhile is gathered; critical breaks in, once",
    ),
    key("alert", "mail_server", Kind::Text, None, "the SMTP server's name or address; without it no mail is sent"),
    key(
        "alert",
        "mail_port",
        Kind::Number(1, 65535),
        None,
        "its port (default: 587, 465 where mail_tls is \"tls\", 25 where there is none)",
    ),
    key(
        "alert",
        "mail_tls",
        Kind::Word(&["starttls", "tls", "none", "insecure"]),
        Some("starttls"),
        "how the line is kept from others; none: to this host alone; insecure: none, to any host",
    ),
    key("alert", "mail_user", Kind::Text, None, "who logs in there, if anybody has to"),
    key("alert", "mail_password", Kind::Text, None, "where the password stands: env:NAME or file:PATH"),
    key("alert", "mail_from", Kind::Text, None, "the sender's address"),
    key("alert", "mail_to", Kind::Text, None, "the recipients' addresses, comma-separated"),
    key("alert", "mail_ca", Kind::Path, None, "certificates in PEM that are trusted beside the usual ones"),
    key(
        "alert",
        "command",
        Kind::Text,
        None,
        "a program and its arguments, run without a shell; the message is JSON on its standard input",
    ),
    key(
        "alert",
        "ping_url",
        Kind::Text,
        None,
        "where the address stands (env:NAME or file:PATH) that is asked for as long as somebody watches",
    ),
    key("alert", "ping_every", Kind::Span(10, DAY), Some("5m"), "how often it is"),
];

const LOG: &[Key] = &[key(
    "log",
    "level",
    Kind::Word(&["error", "warn", "info", "debug", "trace"]),
    Some("info"),
    "how much `firn run` says on standard error, and the console in its log",
)];

/// Keys of a section.
pub fn section(name: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.section == name)
}

/// A key by its path.
pub fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

impl Kind {
    /// What is allowed, in words.
    pub fn allowed(&self) -> String {
        let span = |secs| exact_span(Duration::from_secs(secs));
        match self {
            Self::Text => "text that is not empty".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Name => "a name of letters, digits, \"_\", \".\" and \"-\", 64 at most".to_owned(),
            Self::Word(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
                match words.as_slice() {
                    [one] => one.clone(),
                    [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
                    [] => String::new(),
                }
            }
            Self::Flag => "true or false".to_owned(),
            Self::Some(words) => format!("\"all\", \"none\", or some of {}, comma-separated", words.join(", ")),
            Self::Number(low, high) => format!("a whole number from {low} to {high}"),
            Self::Size(low, high) => {
                format!("a size from {} to {}, such as \"25MB\" or \"64MiB\"", exact_size(*low), exact_size(*high))
            }
            Self::Span(low, high) => {
                format!("a span of time from {} to {}, such as \"20s\" or \"6h\"", span(*low), span(*high))
            }
            Self::Short(low, high) => {
                let span = |millis| exact_span(Duration::from_millis(millis));
                format!("a span of time from {} to {}, such as \"20ms\" or \"1s\"", span(*low), span(*high))
            }
            Self::Ratio(low, high) => {
                format!("a number from {} to {}, such as 1.5", decimals(*low), decimals(*high))
            }
            Self::SpanOrNever(low, high) => {
                format!("a span of time from {} to {}, such as \"1h\", or \"never\"", span(*low), span(*high))
            }
            Self::SizeOrNone(low, high) => {
                format!(
                    "a size from {} to {}, such as \"25MB\" or \"64MiB\", or \"none\"",
                    exact_size(*low),
                    exact_size(*high)
                )
            }
            Self::Dollars => "an amount of dollars, such as \"12.50\"".to_owned(),
            Self::DollarsOrNone => "an amount of dollars, such as \"12.50\", or \"none\"".to_owned(),
        }
    }

    /// Reads a text, as it stands in a file's string, a variable or a flag.
    pub fn read(&self, text: &str) -> Option<Value> {
        let within = |low: u64, n: u64, high: u64| (low..=high).contains(&n).then_some(n);
        let between = |low: Duration, high: Duration| {
            let span = parse_span(text).ok()?;
            (low..=high).contains(&span).then_some(Value::Span(Some(span)))
        };
        let span = |low: u64, high: u64| between(Duration::from_secs(low), Duration::from_secs(high));
        match *self {
            Self::Text | Self::Path => (!text.is_empty() && !text.contains('\0')).then(|| Value::Text(text.to_owned())),
            Self::Name => {
                let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
                let ok = !text.is_empty() && text.len() <= 64 && text.chars().all(fine);
                ok.then(|| Value::Text(text.to_owned()))
            }
            Self::Word(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
            Self::Flag => text.parse().ok().map(Value::Flag),
            Self::Some(words) => {
                let known = |word: &str| words.contains(&word.trim());
                let ok = matches!(text, "all" | "none") || text.split(',').all(known);
                ok.then(|| Value::Text(text.to_owned()))
            }
            Self::Number(low, high) => within(low, text.trim().parse().ok()?, high).map(Value::Number),
            Self::SizeOrNone(..) | Self::DollarsOrNone if text == "none" => Some(Value::Nothing),
            Self::Size(low, high) | Self::SizeOrNone(low, high) => {
                within(low, parse_size(text).ok()?, high).map(Value::Number)
            }
            Self::Dollars | Self::DollarsOrNone => Money::parse(text).map(Value::Dollars),
            Self::Ratio(low, high) => within(low, hundredths(text.trim())?, high).map(Value::Number),
            Self::Short(low, high) => between(Duration::from_millis(low), Duration::from_millis(high)),
            Self::SpanOrNever(..) if text == "never" => Some(Value::Span(None)),
            Self::Span(low, high) | Self::SpanOrNever(low, high) => span(low, high),
        }
    }

    /// Whether a TOML integer may stand for it.
    pub fn takes_integer(&self) -> bool {
        matches!(
            self,
            Self::Number(..)
                | Self::Size(..)
                | Self::SizeOrNone(..)
                | Self::Ratio(..)
                | Self::Dollars
                | Self::DollarsOrNone
        )
    }

    /// Whether a TOML number with decimals may stand for it.
    pub fn takes_decimals(&self) -> bool {
        matches!(self, Self::Ratio(..))
    }

    /// Whether a TOML boolean may stand for it.
    pub fn takes_boolean(&self) -> bool {
        matches!(self, Self::Flag)
    }

    /// A value as it is written in a file.
    pub fn write(&self, value: &Value) -> String {
        match value {
            Value::Number(n) if matches!(self, Self::Size(..) | Self::SizeOrNone(..)) => {
                format!("{:?}", exact_size(*n))
            }
            Value::Number(n) if matches!(self, Self::Ratio(..)) => decimals(*n),
            Value::Number(n) => n.to_string(),
            Value::Span(Some(span)) => format!("{:?}", exact_span(*span)),
            Value::Span(None) => "\"never\"".to_owned(),
            Value::Flag(flag) => flag.to_string(),
            Value::Dollars(money) => format!("{:?}", money.exact()),
            Value::Nothing => "\"none\"".to_owned(),
            Value::Text(text) => toml_string(text),
        }
    }
}

/// `1.5` as 150.
fn hundredths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let part: u64 = format!("{part:0<2}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(part)
}

/// 150 as `1.5`, as [`hundredths`] reads it.
fn decimals(hundredths: u64) -> String {
    let (whole, part) = (hundredths / 100, hundredths % 100);
    match part {
        0 => whole.to_string(),
        part if part.is_multiple_of(10) => format!("{whole}.{}", part / 10),
        part => format!("{whole}.{part:02}"),
    }
}

/// A TOML basic string.
fn toml_string(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_control() => format!("\\u{:04X}", c as u32),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_allowed_and_reads_back_as_it_is_written() {
        for key in KEYS {
            let Some(default) = key.default else { continue };
            let value = key.kind.read(default).unwrap_or_else(|| panic!("{}: {default}", key.path()));
            let written = key.kind.write(&value);
            assert_eq!(key.kind.read(written.trim_matches('"')), Some(value), "{}", key.path());
        }
    }

    #[test]
    fn no_key_twice() {
        for (n, key) in KEYS.iter().enumerate() {
            assert!(KEYS[n + 1..].iter().all(|other| other.path() != key.path()), "{}", key.path());
        }
    }

    #[test]
    fn limits_are_kept_and_told() {
        let number = Kind::Number(2, 1024);
        assert_eq!(number.read("2"), Some(Value::Number(2)));
        for text in ["1", "1025", "many", "-3", "2.5", ""] {
            assert_eq!(number.read(text), None, "{text}");
        }
        assert_eq!(number.allowed(), "a whole number from 2 to 1024");
        assert_eq!(Kind::Span(1, DAY).read("25h"), None);
        assert_eq!(Kind::SpanOrNever(60, DAY).read("never"), Some(Value::Span(None)));
        let money = Kind::DollarsOrNone;
        assert_eq!(money.read("12.50"), Some(Value::Dollars(Money::from_cents(1250))));
        assert_eq!((money.read("none"), Kind::Dollars.read("none")), (Some(Value::Nothing), None));
        assert_eq!(money.write(&Value::Dollars(Money::from_cents(1250))), "\"12.5\"");
        for text in ["$12", "-1", "12,5", "1e3", "never", ""] {
            assert_eq!(money.read(text), None, "{text}");
        }
        let size = Kind::SizeOrNone(1 << 20, 1 << 60);
        assert_eq!(
            (size.read("2TB"), size.read("none")),
            (Some(Value::Number(2_000_000_000_000)), Some(Value::Nothing))
        );
        assert_eq!((size.read("1kB"), size.write(&Value::Nothing)), (None, "\"none\"".to_owned()));
        assert_eq!(Kind::Word(&["a", "b", "c"]).allowed(), "\"a\", \"b\" or \"c\"");
        for name in ["", "a b", "a/b", "é", &"x".repeat(65)] {
            assert_eq!(Kind::Name.read(name), None, "{name}");
        }
    }
}
