//! MySQL or MariaDB, which version; what it calls things.

use serde::{Deserialize, Serialize};

/// Who made the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// MySQL, Percona Server.
    MySql,
    /// MariaDB.
    MariaDb,
}

/// A server and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Who made it.
    pub flavour: Flavour,
    /// Major, minor, patch.
    pub version: (u32, u32, u32),
}

impl Server {
    /// From `@@version`: `8.0.36`, `5.7.44-log`, `10.11.19-MariaDB-0+deb12u1`; nothing where it begins with no number.
    pub fn parse(text: &str) -> Option<Self> {
        let flavour = if text.to_ascii_lowercase().contains("mariadb") { Flavour::MariaDb } else { Flavour::MySql };
        // What MariaDB puts in front for old replicas.
        let text = if flavour == Flavour::MariaDb { text.strip_prefix("5.5.5-").unwrap_or(text) } else { text };
        let mut numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.').next()?.split('.');
        let major = numbers.next()?.parse().ok()?;
        let mut next = || numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        Some(Self { flavour, version: (major, next(), next()) })
    }

    /// Whether it says REPLICA and SOURCE (MySQL 8.0.23; MariaDB takes the old words in every version).
    pub fn says_source(self) -> bool {
        self.flavour == Flavour::MySql && self.version >= (8, 0, 23)
    }

    /// `REPLICA` or `SLAVE`.
    pub fn replica(self) -> &'static str {
        if self.says_source() { "REPLICA" } else { "SLAVE" }
    }

    /// `SOURCE` or `MASTER`.
    pub fn source(self) -> &'static str {
        if self.says_source() { "SOURCE" } else { "MASTER" }
    }

    /// The tool that reads its logs.
    pub fn binlog_tool(self) -> &'static str {
        match self.flavour {
            // The name since 10.4.6; mysqlbinlog remains as a link.
            Flavour::MariaDb if self.version >= (10, 4, 6) => "mariadb-binlog",
            Flavour::MariaDb | Flavour::MySql => "mysqlbinlog",
        }
    }

    /// The privilege it takes to stop and start the threads (MySQL manual, "Privileges Provided by MySQL"; MariaDB
    /// manual, "GRANT").
    pub fn privilege(self) -> &'static str {
        match (self.flavour, self.version) {
            (Flavour::MySql, version) if version >= (8, 0, 0) => "REPLICATION_SLAVE_ADMIN",
            (Flavour::MariaDb, version) if version >= (10, 5, 2) => "REPLICATION SLAVE ADMIN",
            _ => "SUPER",
        }
    }

    /// The privilege it takes to read the status of replication.
    pub fn status_privilege(self) -> &'static str {
        match (self.flavour, self.version) {
            (Flavour::MariaDb, version) if version >= (10, 5, 9) => "SLAVE MONITOR",
            _ => "REPLICATION CLIENT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_servers_write_them() {
        use Flavour::{MariaDb, MySql};
        for (text, flavour, version) in [
            ("8.0.36", MySql, (8, 0, 36)),
            ("5.7.44-log", MySql, (5, 7, 44)),
            ("9.7.4", MySql, (9, 7, 4)),
            ("8.0.35-27", MySql, (8, 0, 35)),
            ("10.11.19-MariaDB-0+deb12u1-log", MariaDb, (10, 11, 19)),
            ("5.5.5-10.3.39-MariaDB", MariaDb, (10, 3, 39)),
            ("8.4", MySql, (8, 4, 0)),
        ] {
            assert_eq!(Server::parse(text), Some(Server { flavour, version }), "{text}");
        }
        assert_eq!(Server::parse("unknown"), None);
        assert_eq!(Server::parse(""), None);
    }

    #[test]
    fn each_calls_things_by_its_own_words() {
        for (text, replica, privilege, status, tool) in [
            ("5.7.44", "SLAVE", "SUPER", "REPLICATION CLIENT", "mysqlbinlog"),
            ("8.0.22", "SLAVE", "REPLICATION_SLAVE_ADMIN", "REPLICATION CLIENT", "mysqlbinlog"),
            ("8.0.23", "REPLICA", "REPLICATION_SLAVE_ADMIN", "REPLICATION CLIENT", "mysqlbinlog"),
            ("9.7.4", "REPLICA", "REPLICATION_SLAVE_ADMIN", "REPLICATION CLIENT", "mysqlbinlog"),
            ("10.3.39-MariaDB", "SLAVE", "SUPER", "REPLICATION CLIENT", "mysqlbinlog"),
            ("10.11.19-MariaDB", "SLAVE", "REPLICATION SLAVE ADMIN", "SLAVE MONITOR", "mariadb-binlog"),
        ] {
            let server = Server::parse(text).unwrap();
            let words = (server.replica(), server.privilege(), server.status_privilege(), server.binlog_tool());
            assert_eq!(words, (replica, privilege, status, tool), "{text}");
        }
    }
}
