//! A section over those it falls back to, read key by key.

use std::collections::HashSet;
use std::time::Duration;

use super::words::{channel, classes, host, known_class, offset, query, table};
use super::{HeartbeatConfig, Login, ReplicaConfig, ServerConfig, Tls};
use crate::base::limits::{DelayBy, JobClass, Limits};
use crate::base::secret::SecretRef;
use crate::config::layers::{Section, Setting};
use crate::config::problem::{MISSING, Origin, Problem};
use crate::config::schema;
use crate::config::validate::{Paths, flag, number, span, text};

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

    fn wrong(&self, key: &str, text: String) -> Problem {
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
    pub(super) fn shared(&self, problems: &mut Vec<Problem>) {
        self.parsed("heartbeat", problems, table);
        self.parsed("heartbeat_clock", problems, offset);
        self.parsed("jobs_query", problems, query);
        for key in ["password", "freeze_password"] {
            self.secret(key, problems);
        }
    }

    pub(super) fn replica(
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

    pub(super) fn heartbeat(&self, problems: &mut Vec<Problem>) -> Option<HeartbeatConfig> {
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

    /// The limits in force. What cannot be of them is told once: by the section that says one of those it is about.
    pub(super) fn limits(&self, problems: &mut Vec<Problem>, told: &mut HashSet<String>) -> Option<Limits> {
        let limits = Limits {
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
            delay_by: if self.text("delay_by")? == "external" { DelayBy::External } else { DelayBy::Native },
            tool_interval: self.span("tool_interval")?,
        };
        for error in limits.check() {
            let text = error.to_string();
            let new = told.insert(text.clone());
            let keys: Vec<String> = error.about().iter().map(|name| name.replace('-', "_")).collect();
            let said = keys.iter().find(|key| self.says(key));
            if new || said.is_some() && self.list != "delay" {
                let made = |key: &&String| self.setting(key).is_some_and(|setting| setting.origin != Origin::Default);
                let made = said.filter(made).or_else(|| keys.iter().find(made)).or(keys.first());
                problems.extend(made.map(|key| self.wrong(key, text)));
            }
        }
        Some(limits)
    }

    /// Classes of jobs: the post's two, and those of `jobs`.
    fn classes(&self, problems: &mut Vec<Problem>) -> Option<Vec<JobClass>> {
        let class = |name: &str, longest| JobClass { name: name.to_owned(), longest, stops_io: false };
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
