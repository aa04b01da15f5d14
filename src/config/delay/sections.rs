//! What a replica and a heartbeat say, over the sections they fall back to.

use std::collections::HashSet;

use super::words::{channel, classes, host, known_class, offset, query, table};
use super::{HeartbeatConfig, Login, ReplicaConfig, ServerConfig};
use crate::base::limits::{DelayBy, JobClass, Limits};
use crate::config::problem::{MISSING, Origin, Problem};
use crate::config::sections::Layers;
use crate::config::validate::{flag, number};

impl Layers<'_> {
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
        let tls = self.tls()?;
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
