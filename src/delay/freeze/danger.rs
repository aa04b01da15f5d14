//! What a restart or a careless command would delete: what has been received and not applied may be nowhere else.

use serde::{Deserialize, Serialize};

use super::sight::Sight;
use crate::base::units::Size;
use crate::delay::privilege::Flavour;

/// How the replica asks its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GtidUse {
    /// By positions.
    No,
    /// By GTIDs, MySQL (`Auto_Position`).
    AutoPosition,
    /// By GTIDs, MariaDB (`Using_Gtid`).
    UsingGtid,
}

/// What is known of a server's settings. What it does not show is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The server and its version.
    pub server: Option<Flavour>,
    /// `relay_log_purge`.
    pub relay_log_purge: Option<bool>,
    /// `relay_log_recovery`.
    pub relay_log_recovery: Option<bool>,
    /// `skip_replica_start`, `skip_slave_start`: whether a restart leaves the threads alone.
    pub skip_start: Option<bool>,
    /// The channel that was looked at, as the server names it; empty: it has no name.
    pub channel: Option<String>,
    /// The folder of the relay logs.
    pub relay_dir: Option<String>,
    /// How the replica asks its source.
    pub gtid: Option<GtidUse>,
    /// Workers that apply in parallel.
    pub parallel: Option<u32>,
}

impl Facts {
    /// Whether starting a thread while both stand deletes the relay log: MariaDB with GTIDs (tried on 10.11). One that
    /// does not show how it asks may.
    pub fn start_deletes(&self) -> bool {
        let mariadb = self.server.is_some_and(Flavour::is_mariadb);
        mariadb && self.gtid != Some(GtidUse::No)
    }
}

/// What would delete the relay log, or set it going, a sentence each; safe to show.
pub fn dangers(facts: &Facts, sight: &Sight) -> Vec<String> {
    let held =
        sight.relay_space.map_or_else(|| "the relay log".to_owned(), |bytes| format!("{} of relay log", Size(bytes)));
    let mut all = vec![match facts.relay_log_recovery {
        Some(true) => format!(
            "relay_log_recovery is ON: a restart of the server throws away what was received and not applied ({held}) and asks the source for it again; if the source is lost, so is that. Set relay_log_recovery=0 in the server's configuration before it is restarted"
        ),
        Some(false) => format!("relay_log_recovery is OFF: a restart of the server keeps {held}"),
        None => "relay_log_recovery is not known: if it is ON, a restart of the server throws away what was received and not applied".to_owned(),
    }];
    all.push(match facts.relay_log_purge {
        Some(true) => "relay_log_purge is ON: a relay log file is deleted as soon as all of it has been applied; nothing is deleted while the SQL thread stands. SET GLOBAL relay_log_purge = 0 keeps them".to_owned(),
        Some(false) => "relay_log_purge is OFF: relay log files are kept when they have been applied".to_owned(),
        None => "relay_log_purge is not known: if it is ON, relay log files go as they are applied".to_owned(),
    });
    match facts.skip_start {
        Some(true) => all.push("a restart of the server leaves both threads stopped (skip_replica_start is ON)".to_owned()),
        Some(false) => all.push("skip_replica_start is OFF: a restart of the server starts both threads by itself; add it to the server's configuration before a restart".to_owned()),
        None => all.push("a restart of the server starts both threads by itself unless its configuration has skip-slave-start; it does not show whether it has".to_owned()),
    }
    if facts.start_deletes() {
        all.push("this replica uses GTIDs (MariaDB): starting either thread while both stand deletes the relay log and asks the source for all of it again".to_owned());
    }
    all.push("CHANGE MASTER (CHANGE REPLICATION SOURCE) while both threads stand deletes the relay log unless it names RELAY_LOG_FILE and RELAY_LOG_POS; RESET SLAVE (RESET REPLICA) always does".to_owned());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(facts: &Facts) -> String {
        dangers(facts, &Sight { relay_space: Some(25_000_000), ..Sight::default() }).join("\n")
    }

    #[test]
    fn what_a_restart_deletes_is_told_with_its_size() {
        let on = Facts {
            relay_log_recovery: Some(true),
            relay_log_purge: Some(true),
            skip_start: Some(false),
            ..Facts::default()
        };
        let text = said(&on);
        assert!(text.contains("throws away what was received and not applied (25.0 MB of relay log)"), "{text}");
        assert!(text.contains("nothing is deleted while the SQL thread stands"), "{text}");
        assert!(text.contains("skip_replica_start is OFF: a restart of the server starts both threads"), "{text}");
        let off = Facts {
            relay_log_recovery: Some(false),
            relay_log_purge: Some(false),
            skip_start: Some(true),
            ..Facts::default()
        };
        let text = said(&off);
        assert!(text.contains("a restart of the server keeps 25.0 MB of relay log"), "{text}");
        assert!(text.contains("leaves both threads stopped"), "{text}");
        let text = said(&Facts::default());
        assert!(
            text.contains("relay_log_recovery is not known") && text.contains("relay_log_purge is not known"),
            "{text}"
        );
    }

    #[test]
    fn only_mariadb_deletes_at_a_start_and_only_with_gtids() {
        let facts = |version: &str, gtid| Facts { server: Flavour::parse(version), gtid, ..Facts::default() };
        assert!(facts("10.11.19-MariaDB", Some(GtidUse::UsingGtid)).start_deletes());
        assert!(facts("10.11.19-MariaDB", None).start_deletes());
        assert!(!facts("10.11.19-MariaDB", Some(GtidUse::No)).start_deletes());
        assert!(!facts("8.4.0", Some(GtidUse::AutoPosition)).start_deletes());
        assert!(!Facts::default().start_deletes());
    }
}
