//! `[delay]`, `[[replica_group]]`, `[[replica]]`, `[[heartbeat]]`: which replicas are delayed on purpose, and what is allowed
//! of them. What a replica does not say its group says, then `[delay]`, then the defaults.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use super::layers::{Section, Settings};
use super::problem::{Origin, Problem};
use super::schema::nearest;
use super::sections::{Layers, wrong};
use super::validate::{Paths, text};
use crate::base::limits::Limits;
use crate::base::secret::SecretRef;

pub(super) mod keys;
mod sections;
mod words;

/// Delayed replicas, and the heartbeats that are written for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayConfig {
    /// What holds for a replica unless it or its group says otherwise.
    pub limits: Limits,
    /// The replicas, in the order of the file.
    pub replicas: Vec<ReplicaConfig>,
    /// Where heartbeats are written to.
    pub heartbeats: Vec<HeartbeatConfig>,
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
    pub limits: Limits,
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

#[cfg(test)]
mod tests;
