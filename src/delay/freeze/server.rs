//! What a server calls things, by its kind and version.

use crate::delay::privilege::Flavour;

impl Flavour {
    /// Whether it says REPLICA and SOURCE (MySQL 8.0.23; MariaDB takes the old words in every version).
    pub fn says_source(self) -> bool {
        !self.is_mariadb() && self.version() >= (8, 0, 23)
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
        // The name since 10.4.6; mysqlbinlog remains as a link.
        if self.is_mariadb() && self.version() >= (10, 4, 6) { "mariadb-binlog" } else { "mysqlbinlog" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delay::privilege::Need;

    #[test]
    fn each_calls_things_by_its_own_words() {
        for (text, replica, privilege, status, tool) in [
            ("5.7.44", "SLAVE", "SUPER", "REPLICATION CLIENT", "mysqlbinlog"),
            ("8.0.22", "SLAVE", "REPLICATION_SLAVE_ADMIN", "REPLICATION CLIENT", "mysqlbinlog"),
            ("8.0.23", "REPLICA", "REPLICATION_SLAVE_ADMIN", "REPLICATION CLIENT", "mysqlbinlog"),
            ("9.7.4", "REPLICA", "REPLICATION_SLAVE_ADMIN", "REPLICATION CLIENT", "mysqlbinlog"),
            ("10.3.39-MariaDB", "SLAVE", "SUPER", "REPLICATION CLIENT", "mysqlbinlog"),
            ("10.5.8-MariaDB", "SLAVE", "REPLICATION SLAVE ADMIN", "REPLICATION SLAVE ADMIN", "mariadb-binlog"),
            ("10.11.19-MariaDB", "SLAVE", "REPLICATION SLAVE ADMIN", "REPLICA MONITOR", "mariadb-binlog"),
        ] {
            let server = Flavour::parse(text).unwrap();
            let words =
                (server.replica(), server.freeze_privilege(), Need::Status.privilege(server), server.binlog_tool());
            assert_eq!(words, (replica, privilege, status, tool), "{text}");
        }
    }
}
