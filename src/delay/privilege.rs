//! What an account needs, by server and version, and the statement that gives it (MySQL's and MariaDB's manuals; for MariaDB
//! 10.11 and MySQL 9 as tried: there the manual of MariaDB lists more than suffices). Pure.

use serde::{Deserialize, Serialize};

use super::connect::words;
use super::heartbeat::{HeartbeatTable, identifier};

/// A server's kind and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// MySQL (and Percona Server).
    MySql(u32, u32, u32),
    /// MariaDB.
    MariaDb(u32, u32, u32),
}

fn says_mariadb(version: &str) -> bool {
    version.to_ascii_lowercase().contains("mariadb")
}

impl Flavour {
    /// From `VERSION()`: `10.11.19-MariaDB-0+deb12u1-log`, `8.0.36`, `5.7.44-48-log`; nothing where it begins with no
    /// number.
    pub fn parse(version: &str) -> Option<Self> {
        let mariadb = says_mariadb(version);
        // What MariaDB puts in front for old replicas.
        let rest =
            version.strip_prefix("5.5.5-").filter(|rest| mariadb && rest.starts_with(|c: char| c.is_ascii_digit()));
        let mut numbers = rest.unwrap_or(version).split(|c: char| !c.is_ascii_digit() && c != '.').next()?.split('.');
        let major = numbers.next()?.parse().ok()?;
        let mut next = || numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let (minor, patch) = (next(), next());
        Some(if mariadb { Self::MariaDb(major, minor, patch) } else { Self::MySql(major, minor, patch) })
    }

    /// The same; one that says nothing is the oldest there is.
    pub fn of(version: &str) -> Self {
        let oldest = if says_mariadb(version) { Self::MariaDb(0, 0, 0) } else { Self::MySql(0, 0, 0) };
        Self::parse(version).unwrap_or(oldest)
    }

    /// Major, minor, patch.
    pub fn version(self) -> (u32, u32, u32) {
        match self {
            Self::MySql(major, minor, patch) | Self::MariaDb(major, minor, patch) => (major, minor, patch),
        }
    }

    /// Whether it is MariaDB.
    pub fn is_mariadb(self) -> bool {
        matches!(self, Self::MariaDb(..))
    }

    /// What stopping and starting replication threads takes.
    pub fn freeze_privilege(self) -> &'static str {
        match self {
            Self::MariaDb(major, minor, patch) if (major, minor, patch) >= (10, 5, 2) => "REPLICATION SLAVE ADMIN",
            Self::MySql(major, ..) if major >= 8 => "REPLICATION_SLAVE_ADMIN",
            _ => "SUPER",
        }
    }

    /// Whether `performance_schema` knows commit times of what was received and applied.
    pub fn has_commit_times(self) -> bool {
        matches!(self, Self::MySql(major, minor, patch) if (major, minor, patch) >= (8, 0, 1))
    }
}

/// Something an account has to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need<'a> {
    /// To see the replication's status.
    Status,
    /// To read the heartbeat table.
    Heartbeat(&'a HeartbeatTable),
    /// To read `performance_schema`.
    PerformanceSchema,
    /// To write the heartbeat table.
    Write(&'a HeartbeatTable),
    /// To create it.
    Create(&'a HeartbeatTable),
    /// To keep a heartbeat out of the binary log.
    NoBinlog,
    /// To see the position of the binary log.
    BinlogPosition,
}

impl Need<'_> {
    /// The privilege's name on that server.
    pub fn privilege(self, flavour: Flavour) -> &'static str {
        match (self, flavour) {
            (Self::Heartbeat(_) | Self::PerformanceSchema, _) => "SELECT",
            (Self::Write(_), _) => "SELECT, INSERT, UPDATE",
            (Self::Create(_), _) => "CREATE",
            (Self::Status, Flavour::MariaDb(major, minor, patch)) if (major, minor, patch) >= (10, 5, 9) => {
                "REPLICA MONITOR"
            }
            (Self::Status, Flavour::MariaDb(major, minor, patch)) if (major, minor, patch) >= (10, 5, 2) => {
                "REPLICATION SLAVE ADMIN"
            }
            (Self::BinlogPosition, Flavour::MariaDb(major, minor, patch)) if (major, minor, patch) >= (10, 5, 2) => {
                "BINLOG MONITOR"
            }
            (Self::Status | Self::BinlogPosition, _) => "REPLICATION CLIENT",
            (Self::NoBinlog, Flavour::MariaDb(major, minor, patch)) if (major, minor, patch) >= (10, 5, 2) => {
                "BINLOG ADMIN"
            }
            (Self::NoBinlog, Flavour::MySql(major, minor, patch)) if (major, minor, patch) >= (8, 0, 14) => {
                "SESSION_VARIABLES_ADMIN"
            }
            (Self::NoBinlog, _) => "SUPER",
        }
    }

    /// The statement that gives it to `account`, as `CURRENT_USER()` names it (`firn@10.%`).
    pub fn grant(self, flavour: Flavour, account: &str) -> String {
        let on = match self {
            Self::Heartbeat(table) | Self::Write(table) => table.quoted(),
            Self::Create(table) => format!("{}.*", identifier(&table.database)),
            Self::PerformanceSchema => "performance_schema.*".to_owned(),
            Self::Status | Self::NoBinlog | Self::BinlogPosition => "*.*".to_owned(),
        };
        format!("GRANT {} ON {on} TO {}", self.privilege(flavour), quoted_account(account))
    }

    /// What to add to an error: nothing unless it is one of a missing privilege.
    pub fn mend(self, code: Option<u16>, flavour: Flavour, account: &str) -> String {
        let missing = matches!(code, Some(1044 | 1142 | 1143 | 1227 | 1370 | 3530));
        if missing { format!("; there: {}", self.grant(flavour, account)) } else { String::new() }
    }
}

/// `firn@10.%` as `'firn'@'10.%'`.
pub fn quoted_account(account: &str) -> String {
    let (user, host) = account.rsplit_once('@').unwrap_or((account, "%"));
    let quoted = |name: &str| format!("'{}'", words(name).replace('\'', "''"));
    format!("{}@{}", quoted(user), quoted(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_servers_say_them() {
        let cases = [
            ("10.11.19-MariaDB-0+deb12u1-log", Flavour::MariaDb(10, 11, 19)),
            ("5.5.68-mariadb", Flavour::MariaDb(5, 5, 68)),
            ("8.0.36", Flavour::MySql(8, 0, 36)),
            ("5.7.44-48-log", Flavour::MySql(5, 7, 44)),
            ("9.7.4", Flavour::MySql(9, 7, 4)),
            ("8.0.35-27", Flavour::MySql(8, 0, 35)),
            ("8.4", Flavour::MySql(8, 4, 0)),
            ("5.5.5-10.3.39-MariaDB", Flavour::MariaDb(10, 3, 39)),
            ("", Flavour::MySql(0, 0, 0)),
        ];
        for (text, flavour) in cases {
            assert_eq!(Flavour::of(text), flavour, "{text}");
        }
        assert_eq!([Flavour::parse("unknown"), Flavour::parse("")], [None, None]);
        let knows =
            ["8.0.0", "8.0.1", "8.4.2", "5.7.44", "10.11.19-MariaDB"].map(|text| Flavour::of(text).has_commit_times());
        assert_eq!(knows, [false, true, true, false, false]);
    }

    #[test]
    fn each_server_wants_its_own_privilege() {
        let table = HeartbeatTable { database: "percona".to_owned(), table: "heartbeat".to_owned(), offset: 0 };
        let cases = [
            (Need::Status, "8.4.0", "GRANT REPLICATION CLIENT ON *.* TO 'firn'@'10.%'"),
            (Need::Status, "10.11.19-MariaDB", "GRANT REPLICA MONITOR ON *.* TO 'firn'@'10.%'"),
            (Need::Status, "10.5.8-MariaDB", "GRANT REPLICATION SLAVE ADMIN ON *.* TO 'firn'@'10.%'"),
            (Need::Status, "10.4.2-MariaDB", "GRANT REPLICATION CLIENT ON *.* TO 'firn'@'10.%'"),
            (Need::Heartbeat(&table), "5.7.44", "GRANT SELECT ON `percona`.`heartbeat` TO 'firn'@'10.%'"),
            (Need::PerformanceSchema, "9.7.4", "GRANT SELECT ON performance_schema.* TO 'firn'@'10.%'"),
            (Need::Write(&table), "9.7.4", "GRANT SELECT, INSERT, UPDATE ON `percona`.`heartbeat` TO 'firn'@'10.%'"),
            (Need::Create(&table), "9.7.4", "GRANT CREATE ON `percona`.* TO 'firn'@'10.%'"),
            (Need::NoBinlog, "10.11.19-MariaDB", "GRANT BINLOG ADMIN ON *.* TO 'firn'@'10.%'"),
            (Need::NoBinlog, "8.0.36", "GRANT SESSION_VARIABLES_ADMIN ON *.* TO 'firn'@'10.%'"),
            (Need::NoBinlog, "5.7.44", "GRANT SUPER ON *.* TO 'firn'@'10.%'"),
            (Need::BinlogPosition, "10.11.19-MariaDB", "GRANT BINLOG MONITOR ON *.* TO 'firn'@'10.%'"),
            (Need::BinlogPosition, "8.0.36", "GRANT REPLICATION CLIENT ON *.* TO 'firn'@'10.%'"),
        ];
        for (need, version, told) in cases {
            assert_eq!(need.grant(Flavour::of(version), "firn@10.%"), told, "{version}");
        }
    }

    #[test]
    fn an_account_is_quoted_and_the_mend_told_for_what_it_mends() {
        for (account, quoted) in
            [("firn@%", "'firn'@'%'"), ("o'neil@a@b", "'o''neil@a'@'b'"), ("@localhost", "''@'localhost'")]
        {
            assert_eq!(quoted_account(account), quoted);
        }
        let mend = |code| Need::Status.mend(code, Flavour::MySql(8, 0, 36), "firn@%");
        assert_eq!(mend(Some(1227)), "; there: GRANT REPLICATION CLIENT ON *.* TO 'firn'@'%'");
        assert_eq!((mend(Some(1064)), mend(None)), (String::new(), String::new()));
    }
}
