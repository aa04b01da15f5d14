//! `[delay]`, `[[replica_group]]`, `[[replica]]`, `[[heartbeat]]`: which replicas are delayed on purpose, and what is allowed
//! of them. What a replica does not say its group says, then `[delay]`, then the defaults.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use super::layers::{Section, Setting, Settings};
use super::problem::{MISSING, Origin, Problem};
use super::schema::{self, nearest};
use super::validate::{Paths, flag, number, span, text};
use crate::base::Shown;
use crate::base::secret::SecretRef;
use crate::base::units::{exact_span, parse_span};

pub(super) mod keys;

/// Delayed replicas, and the heartbeats that are written for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayConfig {
    /// What holds for a replica unless it or its group says otherwise.
    pub limits: LimitsConfig,
    /// The replicas, in the order of the file.
    pub replicas: Vec<ReplicaConfig>,
    /// Where heartbeats are written to.
    pub heartbeats: Vec<HeartbeatConfig>,
}

/// What is allowed of a replica: the limits of "Monitoring Delayed Replication" (Cianos) by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // each is the key of its name
pub struct LimitsConfig {
    pub max_seconds_behind: Duration,
    pub max_relay_behind: Duration,
    pub max_master_behind: Duration,
    pub max_last_seen: Duration,
    pub min_delay_time: Duration,
    pub max_delay_time: Duration,
    pub max_recovery_time: Duration,
    pub max_trend_time: Duration,
    /// Classes of jobs: `backup` and `deshard` first, then those of `jobs`.
    pub jobs: Vec<JobClassConfig>,
    pub window: Duration,
    pub interval: Duration,
    pub io_grace: Duration,
    /// `delay_by = "external"`.
    pub external: bool,
    pub tool_interval: Duration,
}

/// A class of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobClassConfig {
    /// Its name.
    pub name: String,
    /// How long one may run.
    pub longest: Duration,
    /// Whether it stops the IO thread, too.
    pub stops_io: bool,
}

/// How a line to a server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// TLS, and the certificate is checked.
    Required,
    /// TLS, and it is not.
    Insecure,
    /// In the open.
    Off,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Its name.
    pub user: String,
    /// Where its password stands; nothing: it has none.
    pub password: Option<SecretRef>,
}

/// A server and who logs in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who logs in.
    pub login: Login,
    /// How the line is kept from others.
    pub tls: Tls,
    /// The certificate authority; nothing: the public ones.
    pub tls_ca: Option<PathBuf>,
}

/// A replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaConfig {
    /// Its name.
    pub name: String,
    /// Its group.
    pub group: Option<String>,
    /// Where it is.
    pub server: ServerConfig,
    /// The one channel to watch; nothing: each by itself.
    pub channel: Option<String>,
    /// The heartbeat table: database and table.
    pub heartbeat: (String, String),
    /// How far the heartbeat's clock is ahead of UTC, seconds.
    pub heartbeat_offset: i32,
    /// The `server_id` whose heartbeat counts; nothing: the source's.
    pub heartbeat_source: Option<u64>,
    /// Whether a heartbeat is written on the replica itself, too.
    pub local_heartbeat: bool,
    /// The primary, where its own heartbeat is read as well.
    pub primary: Option<ServerConfig>,
    /// A SELECT that tells jobs.
    pub jobs_query: Option<String>,
    /// Who may stop and start its threads; nothing: it is not frozen from here.
    pub freeze: Option<Login>,
    /// What is allowed of it.
    pub limits: LimitsConfig,
}

/// A server that heartbeats are written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatConfig {
    /// A name for it.
    pub name: String,
    /// Where it is.
    pub server: ServerConfig,
    /// Database and table.
    pub table: (String, String),
    /// Whether the table is created when it is missing.
    pub create: bool,
    /// Whether it is kept out of the binary log.
    pub local: bool,
    /// How often it is written.
    pub interval: Duration,
    /// How far its clock is ahead of UTC, seconds.
    pub offset: i32,
}

/// Longest `jobs_query`, bytes.
const LONGEST_QUERY: usize = 4096;
/// Most classes of jobs.
const CLASSES: usize = 32;

/// Reads the sections.
pub(super) fn build(read: &Paths<'_>, settings: &Settings, problems: &mut Vec<Problem>) -> Option<DelayConfig> {
    let empty = Section::new();
    let all = settings.sections.get("delay").unwrap_or(&empty);
    let before = problems.len();
    let mut told = HashSet::new();
    let base = Layers { list: "delay", origin: &Origin::Default, sections: vec![all], read };
    let limits = base.limits(problems, &mut told);
    base.shared(problems);
    for list in ["replica_group", "replica", "heartbeat"] {
        twice(list, settings, problems);
    }
    let mut groups: BTreeMap<String, &Section> = BTreeMap::new();
    for (origin, section) in settings.list("replica_group") {
        let layers = Layers { list: "replica_group", origin, sections: vec![section, all], read };
        layers.limits(problems, &mut told);
        layers.shared(problems);
        if let Some(name) = layers.needed("name", problems) {
            groups.insert(name, section);
        }
    }
    let mut replicas = Vec::new();
    for (origin, section) in settings.list("replica") {
        let group = text(section, "group");
        let found = group.as_ref().and_then(|name| groups.get(name));
        if let (Some(name), None) = (&group, found) {
            let near = nearest(name, groups.keys().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
            let text = format!("found {name:?}, and no [[replica_group]] has that name{near}");
            problems.push(wrong(section, origin, "replica", "group", text));
        }
        let sections = [Some(section), found.copied(), Some(all)].into_iter().flatten().collect();
        let layers = Layers { list: "replica", origin, sections, read };
        replicas.extend(layers.replica(group, problems, &mut told));
    }
    let heartbeats: Vec<HeartbeatConfig> = settings
        .list("heartbeat")
        .iter()
        .filter_map(|(origin, section)| {
            Layers { list: "heartbeat", origin, sections: vec![section], read }.heartbeat(problems)
        })
        .collect();
    (problems.len() == before).then_some(DelayConfig { limits: limits?, replicas, heartbeats })
}

fn twice(list: &str, settings: &Settings, problems: &mut Vec<Problem>) {
    let mut seen = HashSet::new();
    for (origin, section) in settings.list(list) {
        let Some(name) = text(section, "name") else { continue };
        if !seen.insert(name.clone()) {
            let what = if list == "replica_group" { "group" } else { list };
            let text = format!("found {name:?} a second time; every {what} has a name of its own");
            problems.push(wrong(section, origin, list, "name", text));
        }
    }
}

/// A problem at a key, or where its section begins.
fn wrong(section: &Section, origin: &Origin, list: &str, key: &str, text: String) -> Problem {
    let origin = section.get(key).map_or(origin, |setting| &setting.origin).clone();
    Problem { origin, key: format!("{list}.{key}"), text }
}

/// Sections, each over the next.
struct Layers<'a> {
    /// The list (or section) that the first of them is of.
    list: &'static str,
    /// Where that begins.
    origin: &'a Origin,
    sections: Vec<&'a Section>,
    read: &'a Paths<'a>,
}

impl Layers<'_> {
    /// The setting in force; nothing: there is none, nor a default.
    fn setting(&self, key: &str) -> Option<Setting> {
        let made = self.sections.iter().find_map(|section| section.get(key)).cloned();
        made.or_else(|| {
            let key = schema::find(self.list, key)?;
            Some(Setting { value: key.kind.read(key.default?)?, origin: Origin::Default })
        })
    }

    /// One key as a section of its own, for those who read sections.
    fn one(&self, key: &'static str) -> Section {
        self.setting(key).map(|setting| (key, setting)).into_iter().collect()
    }

    fn text(&self, key: &'static str) -> Option<String> {
        text(&self.one(key), key)
    }

    fn span(&self, key: &'static str) -> Option<Duration> {
        span(&self.one(key), key)
    }

    /// Whether the first section itself says so, and not one below it.
    fn says(&self, key: &str) -> bool {
        self.sections.first().is_some_and(|section| section.contains_key(key))
    }

    fn wrong(&self, key: &'static str, text: String) -> Problem {
        let origin = self.setting(key).map_or_else(|| self.origin.clone(), |setting| setting.origin);
        // One that nobody made is told where the section begins.
        let origin = if origin == Origin::Default { self.origin.clone() } else { origin };
        Problem { origin, key: format!("{}.{key}", self.list), text }
    }

    fn needed(&self, key: &'static str, problems: &mut Vec<Problem>) -> Option<String> {
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
    fn told_here<T>(&self, key: &'static str, found: Result<T, String>, problems: &mut Vec<Problem>) -> Option<T> {
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

    fn parsed<T>(
        &self,
        key: &'static str,
        problems: &mut Vec<Problem>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(key)?;
        self.told_here(key, parse(&text), problems)
    }

    /// The place of a secret. What stands there instead may be the secret itself: it is not repeated.
    fn secret(&self, key: &'static str, problems: &mut Vec<Problem>) -> Option<SecretRef> {
        self.parsed(key, problems, |text| SecretRef::parse(text, self.read.base).map_err(|e| e.to_string()))
    }

    fn login(&self, user: &'static str, password: &'static str, problems: &mut Vec<Problem>) -> Option<Login> {
        let secret = self.secret(password, problems);
        let Some(name) = self.text(user) else {
            if self.says(password) && self.list != "delay" && self.list != "replica_group" {
                let text = format!("{MISSING}, and {password} needs it; allowed is the account that logs in with it");
                let origin = self.wrong(password, String::new()).origin;
                problems.push(Problem { origin, key: format!("{}.{user}", self.list), text });
            }
            return None;
        };
        Some(Login { user: name, password: secret })
    }

    fn server(&self, login: Login, host: String, port: &'static str) -> Option<ServerConfig> {
        let tls = match self.text("tls")?.as_str() {
            "off" => Tls::Off,
            "insecure" => Tls::Insecure,
            _ => Tls::Required,
        };
        let port = u16::try_from(number(&self.one(port), port)?).ok()?;
        Some(ServerConfig { host, port, login, tls, tls_ca: self.read.path(&self.one("tls_ca"), "tls_ca") })
    }

    fn host(&self, key: &'static str, problems: &mut Vec<Problem>) -> Option<String> {
        self.parsed(key, problems, host)
    }

    /// What every section may say, checked where it is said.
    fn shared(&self, problems: &mut Vec<Problem>) {
        self.parsed("heartbeat", problems, table);
        self.parsed("heartbeat_clock", problems, offset);
        self.parsed("jobs_query", problems, query);
        for key in ["password", "freeze_password"] {
            self.secret(key, problems);
        }
    }

    fn replica(
        &self,
        group: Option<String>,
        problems: &mut Vec<Problem>,
        told: &mut HashSet<String>,
    ) -> Option<ReplicaConfig> {
        let name = self.needed("name", problems);
        let host = self.needed("host", problems).and_then(|_| self.host("host", problems));
        self.needed("user", problems);
        let login = self.login("user", "password", problems);
        let limits = self.limits(problems, told);
        let heartbeat = self.parsed("heartbeat", problems, table);
        let heartbeat_offset = self.parsed("heartbeat_clock", problems, offset);
        let jobs_query = self.parsed("jobs_query", problems, query);
        let freeze = self.login("freeze_user", "freeze_password", problems);
        let channel = self.parsed("channel", problems, channel);
        let primary_host = self.host("primary_host", problems);
        let primary_login = self.login("primary_user", "primary_password", problems);
        if !self.says("primary_host")
            && let Some(key) =
                ["primary_port", "primary_user", "primary_password"].into_iter().find(|key| self.says(key))
        {
            let text = format!("{MISSING}, and {key} needs it; allowed is the primary's host name or address");
            problems.push(Problem {
                origin: self.wrong(key, String::new()).origin,
                key: "replica.primary_host".to_owned(),
                text,
            });
        }
        let login = login?;
        let primary = match primary_host {
            Some(host) => Some(self.server(primary_login.unwrap_or_else(|| login.clone()), host, "primary_port")?),
            None => None,
        };
        Some(ReplicaConfig {
            name: name?,
            group,
            server: self.server(login, host?, "port")?,
            channel,
            heartbeat: heartbeat?,
            heartbeat_offset: heartbeat_offset?,
            heartbeat_source: number(&self.one("heartbeat_source"), "heartbeat_source"),
            local_heartbeat: flag(&self.one("local_heartbeat"), "local_heartbeat")?,
            primary,
            jobs_query,
            freeze,
            limits: limits?,
        })
    }

    fn heartbeat(&self, problems: &mut Vec<Problem>) -> Option<HeartbeatConfig> {
        let name = self.needed("name", problems);
        let host = self.needed("host", problems).and_then(|_| self.host("host", problems));
        self.needed("user", problems);
        let login = self.login("user", "password", problems);
        let table = self.parsed("table", problems, table).or_else(|| table(&self.text("table")?).ok());
        let offset = self.parsed("clock", problems, offset).or_else(|| offset(&self.text("clock")?).ok());
        Some(HeartbeatConfig {
            name: name?,
            server: self.server(login?, host?, "port")?,
            table: table?,
            create: flag(&self.one("create"), "create")?,
            local: flag(&self.one("local"), "local")?,
            interval: self.span("interval")?,
            offset: offset?,
        })
    }

    /// The limits in force. Two that contradict each other are told once: by the section that says either.
    fn limits(&self, problems: &mut Vec<Problem>, told: &mut HashSet<String>) -> Option<LimitsConfig> {
        let limits = LimitsConfig {
            max_seconds_behind: self.span("max_seconds_behind")?,
            max_relay_behind: self.span("max_relay_behind")?,
            max_master_behind: self.span("max_master_behind")?,
            max_last_seen: self.span("max_last_seen")?,
            min_delay_time: self.span("min_delay_time")?,
            max_delay_time: self.span("max_delay_time")?,
            max_recovery_time: self.span("max_recovery_time")?,
            max_trend_time: self.span("max_trend_time")?,
            jobs: self.classes(problems)?,
            window: self.span("window")?,
            interval: self.span("interval")?,
            io_grace: self.span("io_grace")?,
            external: self.text("delay_by")? == "external",
            tool_interval: self.span("tool_interval")?,
        };
        for (key, other, text) in contradictions(&limits) {
            let new = told.insert(text.clone());
            let keys = [key, other];
            let said = keys.into_iter().find(|key| self.says(key));
            if new || said.is_some() && self.list != "delay" {
                let made = |key: &&str| self.setting(key).is_some_and(|setting| setting.origin != Origin::Default);
                let made = said.filter(made).or_else(|| keys.into_iter().find(made));
                problems.push(self.wrong(made.unwrap_or(key), text));
            }
        }
        Some(limits)
    }

    /// Classes of jobs: the post's two, and those of `jobs`.
    fn classes(&self, problems: &mut Vec<Problem>) -> Option<Vec<JobClassConfig>> {
        let class = |name: &str, longest| JobClassConfig { name: name.to_owned(), longest, stops_io: false };
        let mut all =
            vec![class("backup", self.span("max_backup_behind")?), class("deshard", self.span("max_deshard_behind")?)];
        let more = self.parsed("jobs", problems, classes);
        all.extend(more.into_iter().flatten().map(|(name, longest)| class(&name, longest)));
        let names: Vec<String> = all.iter().map(|class| class.name.clone()).collect();
        let stopping = self.parsed("jobs_stop_io", problems, |text| {
            let words = text.split(',').map(str::trim).filter(|_| text != "none");
            words.map(|word| known_class(word, &names)).collect::<Result<Vec<String>, String>>()
        });
        for name in stopping.into_iter().flatten() {
            for class in all.iter_mut().filter(|class| class.name == name) {
                class.stops_io = true;
            }
        }
        Some(all)
    }
}

fn known_class(word: &str, names: &[String]) -> Result<String, String> {
    if names.iter().any(|name| name == word) {
        return Ok(word.to_owned());
    }
    let near = nearest(word, names.iter().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    Err(format!("found \"{}\", which is no class of jobs{near}; there are {}", Shown::text(word), names.join(", ")))
}

/// Limits that cannot both hold: two keys, and what to say with both values.
fn contradictions(limits: &LimitsConfig) -> Vec<(&'static str, &'static str, String)> {
    let span = |span| exact_span(span);
    let mut found = Vec::new();
    if limits.min_delay_time >= limits.max_delay_time {
        found.push((
            "min_delay_time",
            "max_delay_time",
            format!(
                "found min_delay_time {} with max_delay_time {}; allowed is a minimum below the maximum",
                span(limits.min_delay_time),
                span(limits.max_delay_time)
            ),
        ));
    }
    if limits.window < limits.interval * 3 {
        found.push((
            "window",
            "interval",
            format!(
                "found window {} with interval {}; allowed is three intervals ({}) or more: a trend is fitted over them",
                span(limits.window),
                span(limits.interval),
                span(limits.interval * 3)
            ),
        ));
    }
    if limits.max_last_seen <= limits.interval {
        found.push((
            "max_last_seen",
            "interval",
            format!(
                "found max_last_seen {} with interval {}; allowed is more than an interval: every sample would be too old \
                 before the next",
                span(limits.max_last_seen),
                span(limits.interval)
            ),
        ));
    }
    found
}

/// `reindex:4h, copy:90m`, or `none`.
fn classes(text: &str) -> Result<Vec<(String, Duration)>, String> {
    let allowed = "allowed are names with how long one may run, such as \"reindex:4h, copy:90m\", or \"none\"";
    if text == "none" {
        return Ok(Vec::new());
    }
    let mut all: Vec<(String, Duration)> = Vec::new();
    for item in text.split(',') {
        let wrong = |why: &str| format!("found \"{}\"{why}; {allowed}", Shown::text(item.trim()));
        let (name, longest) = item.trim().split_once(':').ok_or_else(|| wrong(""))?;
        let name = name.trim();
        if schema::Kind::Name.read(name).is_none() {
            return Err(wrong(", and a name is letters, digits, \"_\", \".\" and \"-\""));
        }
        let longest = parse_span(longest).map_err(|_| wrong(""))?;
        if longest.is_zero() || longest > Duration::from_hours(720) {
            return Err(wrong(", and a job runs from 1 s to 30 d"));
        }
        if let Some(key) = ["backup", "deshard"].into_iter().find(|post| *post == name) {
            return Err(wrong(&format!(", whose limit is max_{key}_behind")));
        }
        if all.iter().any(|(other, _)| other == name) {
            return Err(wrong(" a second time"));
        }
        if all.len() + 2 >= CLASSES {
            return Err(wrong(&format!(", one more than the {CLASSES} classes there may be")));
        }
        all.push((name.to_owned(), longest));
    }
    Ok(all)
}

/// `DATABASE.TABLE`, of names that need no more than quotes.
fn table(text: &str) -> Result<(String, String), String> {
    let fine = |name: &str| {
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '-');
        (1..=64).contains(&name.len()) && name.chars().all(letter)
    };
    match text.split_once('.') {
        Some((database, table)) if fine(database) && fine(table) => Ok((database.to_owned(), table.to_owned())),
        _ => Err(format!(
            "found \"{}\"; allowed is DATABASE.TABLE, each of letters, digits, \"_\", \"$\" and \"-\", 64 at most",
            Shown::text(text)
        )),
    }
}

/// How far a clock is ahead of UTC, seconds.
fn offset(text: &str) -> Result<i32, String> {
    let wrong = || {
        format!(
            "found \"{}\"; allowed is \"utc\" or a fixed offset such as \"+09:00\": a zone by its name changes its offset \
             twice a year, and delays would be wrong by an hour",
            Shown::text(text)
        )
    };
    if text.eq_ignore_ascii_case("utc") {
        return Ok(0);
    }
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return Err(wrong()),
    };
    let (hours, minutes) = rest.split_once(':').ok_or_else(wrong)?;
    let two = |digits: &str| {
        let fine = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        fine.then(|| digits.parse::<i32>().ok()).flatten().ok_or_else(wrong)
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let secs = sign * (hours * 3600 + minutes * 60);
    // What MySQL takes for an offset.
    if minutes < 60 && (-50_340..=50_400).contains(&secs) { Ok(secs) } else { Err(wrong()) }
}

fn host(text: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '@' | '\'' | '"' | '`' | '[' | ']');
    if text.len() <= 255 && text.chars().all(fine) && text.matches(':').count() != 1 {
        return Ok(text.to_owned());
    }
    Err(format!("found \"{}\"; allowed is a host name or an address, without a port", Shown::text(text)))
}

fn channel(text: &str) -> Result<String, String> {
    if text.len() <= 64 && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("found \"{}\"; allowed is a channel's name, 64 bytes at most", Shown::text(text)))
}

/// One SELECT.
fn query(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    let select = trimmed.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"))
        && trimmed[6..].starts_with(char::is_whitespace);
    let why = if !select {
        "which is no SELECT"
    } else if trimmed.contains(';') {
        "with a \";\" in it"
    } else if trimmed.len() > LONGEST_QUERY {
        "which is too long"
    } else {
        return Ok(trimmed.to_owned());
    };
    let begin: String = trimmed.chars().take(40).collect();
    Err(format!(
        "found \"{}\", {why}; allowed is one SELECT of three columns (class, start, end), {LONGEST_QUERY} bytes at most",
        Shown::text(&begin)
    ))
}

#[cfg(test)]
mod tests;
