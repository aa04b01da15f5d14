//! MySQL's and MariaDB's threads, over a line of their own.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::commands;
use super::danger::{Facts, GtidUse};
use super::machine::Act;
use super::server::{Flavour, Server};
use super::sight::Sight;
use super::threads::{Threads, ThreadsError, names};
use crate::base::{Clock, Shown, Time};
use crate::delay::connect::{Link, LinkError, Table};
use crate::delay::seen::{IoThread, Position, Status};

/// Stopping waits for the transaction that is being applied: longer than a look may take.
pub const STOP_WITHIN: Duration = Duration::from_secs(10);

/// The account lacks a privilege: `SELECT`-like ones (1142, 1044), global ones (1227).
const LACKS: [u16; 3] = [1142, 1044, 1227];

/// Longest error text of a thread that is kept, characters.
const TEXT: usize = 300;

/// The threads of a replica.
#[derive(Debug)]
pub struct MysqlThreads {
    link: Link,
    clock: Clock,
    /// The replica's name, for words.
    replica: String,
    /// The channel that is meant; nothing: the only one.
    channel: Option<String>,
    /// What was last seen of the server: which words it takes, and which channel it is.
    known: Mutex<Option<(Server, String)>>,
}

impl MysqlThreads {
    /// Over a line that nobody else uses. `channel` is the one that is meant; nothing: the server has one alone.
    pub fn new(link: Link, clock: Clock, replica: impl Into<String>, channel: Option<String>) -> Self {
        Self { link, clock, replica: replica.into(), channel, known: Mutex::default() }
    }

    async fn version(&self) -> Result<Server, ThreadsError> {
        let table = self.link.ask("SELECT @@version", "SELECT @@version AS version").await?;
        let text = table.value(0, "version").unwrap_or_default();
        Server::parse(text).ok_or_else(|| ThreadsError::Version {
            server: self.link.server().to_owned(),
            version: Shown::text(&text.chars().take(80).collect::<String>()).to_string(),
        })
    }

    /// The rows of status, and the words the server takes.
    async fn status(&self) -> Result<(Server, Table), ThreadsError> {
        let known = self.known.lock().await.as_ref().map(|(server, _)| *server);
        let server = match known {
            Some(server) => server,
            None => self.version().await?,
        };
        // Whatever the account sees, each has its own spelling; `ALL` gives every connection of MariaDB.
        let sql = match (server.flavour, server.version) {
            (Flavour::MariaDb, _) => "SHOW ALL SLAVES STATUS",
            (Flavour::MySql, version) if version >= (8, 0, 22) => "SHOW REPLICA STATUS",
            (Flavour::MySql, _) => "SHOW SLAVE STATUS",
        };
        match self.link.ask("SHOW REPLICA STATUS", sql).await {
            Ok(table) => Ok((server, table)),
            Err(error) => {
                // Behind the name there may be another server now.
                *self.known.lock().await = None;
                Err(self.lacking(error, server.status_privilege()))
            }
        }
    }

    fn lacking(&self, error: LinkError, privilege: &'static str) -> ThreadsError {
        match error.code() {
            Some(code) if LACKS.contains(&code) => {
                ThreadsError::Privilege { error, account: self.link.account().to_owned(), privilege }
            }
            _ => ThreadsError::Link(error),
        }
    }

    /// The row that is meant.
    fn row(&self, table: &Table) -> Result<usize, ThreadsError> {
        let channels: Vec<&str> = (0..table.rows.len()).map(|row| channel_of(table, row)).collect();
        let server = || self.link.server().to_owned();
        match (&self.channel, channels.as_slice()) {
            (None, [_]) => Ok(0),
            (None, [first, _, ..]) => Err(ThreadsError::WhichChannel {
                server: server(),
                channels: names(&channels),
                first: Shown::text(channels.iter().find(|name| !name.is_empty()).unwrap_or(first)).to_string(),
            }),
            (Some(meant), all) => {
                all.iter().position(|name| name.eq_ignore_ascii_case(meant)).ok_or_else(|| ThreadsError::NoReplica {
                    server: server(),
                    channel: format!(" on the channel \"{}\"", Shown::text(meant)),
                })
            }
            (None, []) => Err(ThreadsError::NoReplica { server: server(), channel: String::new() }),
        }
    }

    /// The server's words and the channel's name, seen lately or now.
    async fn words(&self) -> Result<(Server, String), ThreadsError> {
        if let Some(known) = self.known.lock().await.clone() {
            return Ok(known);
        }
        let (server, table) = self.status().await?;
        let channel = channel_of(&table, self.row(&table)?).to_owned();
        *self.known.lock().await = Some((server, channel.clone()));
        Ok((server, channel))
    }
}

#[async_trait]
impl Threads for MysqlThreads {
    async fn look(&self, now: Time) -> Result<Sight, ThreadsError> {
        let began = self.clock.mono();
        let (server, table) = self.status().await?;
        let row = self.row(&table)?;
        let channel = channel_of(&table, row).to_owned();
        *self.known.lock().await = Some((server, channel));
        // What the server is does not tell how long it has been up; without that the look is still one.
        let uptime = self.link.ask("SHOW GLOBAL STATUS", "SHOW GLOBAL STATUS LIKE 'Uptime'").await;
        let uptime = uptime.ok().and_then(|table| table.value(0, "Value").and_then(|text| text.parse().ok()));
        let mut sight = Sight::of(now, &status(&table, row), uptime);
        sight.took = self.clock.mono().since(began);
        Ok(sight)
    }

    async fn facts(&self) -> Result<Facts, ThreadsError> {
        let (server, table) = self.status().await?;
        let row = self.row(&table)?;
        let sql = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('relay_log_purge', 'relay_log_recovery', \
                   'skip_replica_start', 'skip_slave_start', 'relay_log_basename', 'replica_parallel_workers', \
                   'slave_parallel_workers', 'slave_parallel_threads')";
        let variables = self.link.ask("SHOW GLOBAL VARIABLES", sql).await?;
        Ok(facts(server, &table, row, &variables))
    }

    async fn perform(&self, act: &Act) -> Result<(), ThreadsError> {
        let (server, channel) = self.words().await?;
        let (name, sql) = match act {
            Act::Look => return Ok(()),
            Act::StopSql => ("STOP REPLICA SQL_THREAD", commands::stop_sql(server, &channel)?),
            Act::StopIo => ("STOP REPLICA IO_THREAD", commands::stop_io(server, &channel)?),
            Act::StartIo => ("START REPLICA IO_THREAD", commands::start_io(server, &channel)?),
            Act::StartSql(None) => ("START REPLICA SQL_THREAD", commands::start_sql(server, &channel, None, None)?),
            Act::StartSql(Some(until)) => {
                // What a start would delete is asked anew: it may have been changed since.
                let (facts, sight) = (self.facts().await?, self.look(self.clock.now()).await?);
                let sql = commands::start_sql_safely(server, &channel, until, &sight, &facts, &self.replica)?;
                ("START REPLICA SQL_THREAD UNTIL", sql)
            }
        };
        self.link.act(name, &sql).await.map_err(|error| self.lacking(error, server.privilege()))
    }
}

/// A value in either spelling.
fn either<'a>(table: &'a Table, row: usize, new: &str, old: &str) -> Option<&'a str> {
    table.value(row, new).or_else(|| table.value(row, old))
}

fn channel_of(table: &Table, row: usize) -> &str {
    either(table, row, "Channel_Name", "Connection_name").unwrap_or_default()
}

fn number<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}

/// A place, where it is one: a channel of GTIDs alone shows `INVALID` or an empty name.
fn place_of(file: Option<&str>, at: Option<&str>) -> Option<Position> {
    let (file, at) = (file?, number(at)?);
    (super::place::base(file).is_some() && at > 0).then(|| Position { file: file.to_owned(), at })
}

/// The status, as far as the threads go.
fn status(table: &Table, row: usize) -> Status {
    let get = |new: &str, old: &str| either(table, row, new, old);
    let text = |found: Option<&str>| {
        found.filter(|text| !text.is_empty()).map(|text| text.chars().take(TEXT).collect::<String>())
    };
    let one = |name: &str| table.value(row, name);
    let long = |name: &str| one(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let slave_pos = long("Gtid_Slave_Pos");
    Status {
        channel: channel_of(table, row).to_owned(),
        io: match get("Replica_IO_Running", "Slave_IO_Running") {
            Some("Yes") => Some(IoThread::Yes),
            Some("No") => Some(IoThread::No),
            Some("Connecting" | "Preparing") => Some(IoThread::Connecting),
            _ => None,
        },
        sql: match get("Replica_SQL_Running", "Slave_SQL_Running") {
            Some("Yes") => Some(true),
            Some("No") => Some(false),
            _ => None,
        },
        io_errno: number(one("Last_IO_Errno")),
        io_error: text(one("Last_IO_Error")),
        sql_errno: number(one("Last_SQL_Errno")),
        sql_error: text(one("Last_SQL_Error")),
        received: place_of(
            get("Source_Log_File", "Master_Log_File"),
            get("Read_Source_Log_Pos", "Read_Master_Log_Pos"),
        ),
        executed: place_of(
            get("Relay_Source_Log_File", "Relay_Master_Log_File"),
            get("Exec_Source_Log_Pos", "Exec_Master_Log_Pos"),
        ),
        relay: place_of(one("Relay_Log_File"), one("Relay_Log_Pos")),
        received_gtid: long("Retrieved_Gtid_Set").or_else(|| slave_pos.as_ref().and_then(|_| long("Gtid_IO_Pos"))),
        executed_gtid: long("Executed_Gtid_Set").or(slave_pos),
        relay_space: number(one("Relay_Log_Space")),
        sql_delay: number(one("SQL_Delay")),
        sql_remaining: number(one("SQL_Remaining_Delay")),
        ..Status::default()
    }
}

fn facts(server: Server, table: &Table, row: usize, variables: &Table) -> Facts {
    let variable = |name: &str| {
        let at = (0..variables.rows.len())
            .find(|at| variables.value(*at, "Variable_name").is_some_and(|found| found.eq_ignore_ascii_case(name)))?;
        variables.value(at, "Value")
    };
    let flag = |name: &str| match variable(name)?.to_ascii_uppercase().as_str() {
        "ON" | "1" => Some(true),
        "OFF" | "0" => Some(false),
        _ => None,
    };
    let gtid = match (table.value(row, "Auto_Position"), table.value(row, "Using_Gtid")) {
        (Some("1"), _) => Some(GtidUse::AutoPosition),
        (_, Some(using)) if !using.eq_ignore_ascii_case("no") => Some(GtidUse::UsingGtid),
        (Some(_), _) | (_, Some(_)) => Some(GtidUse::No),
        (None, None) => None,
    };
    let folder = variable("relay_log_basename").and_then(|base| base.rsplit_once('/')).map(|(folder, _)| folder);
    Facts {
        server: Some(server),
        relay_log_purge: flag("relay_log_purge"),
        relay_log_recovery: flag("relay_log_recovery"),
        skip_start: flag("skip_replica_start").or_else(|| flag("skip_slave_start")),
        relay_dir: folder.filter(|folder| !folder.is_empty()).map(str::to_owned),
        gtid,
        parallel: ["replica_parallel_workers", "slave_parallel_workers", "slave_parallel_threads"]
            .into_iter()
            .find_map(|name| number(variable(name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(row: &[(&str, Option<&str>)]) -> Table {
        Table {
            columns: row.iter().map(|(name, _)| (*name).to_owned()).collect(),
            rows: vec![row.iter().map(|(_, value)| value.map(str::to_owned)).collect()],
            cut: Vec::new(),
        }
    }

    #[test]
    fn both_spellings_say_the_same() {
        let new = table(&[
            ("Replica_IO_Running", Some("Connecting")),
            ("Replica_SQL_Running", Some("No")),
            ("Source_Log_File", Some("binlog.000012")),
            ("Read_Source_Log_Pos", Some("900")),
            ("Relay_Log_File", Some("db14-relay.000044")),
            ("Relay_Log_Pos", Some("700")),
            ("Relay_Source_Log_File", Some("binlog.000010")),
            ("Exec_Source_Log_Pos", Some("500")),
            ("Last_SQL_Errno", Some("1062")),
            ("Last_SQL_Error", Some("Duplicate entry")),
            ("SQL_Delay", Some("7200")),
            ("SQL_Remaining_Delay", None),
            ("Channel_Name", Some("")),
        ]);
        let mut old = new.clone();
        for column in &mut old.columns {
            *column = column.replace("Replica", "Slave").replace("Source", "Master");
        }
        old.columns[12] = "Connection_name".to_owned();
        let seen = status(&new, 0);
        assert_eq!(seen, status(&old, 0));
        assert_eq!((seen.io, seen.sql, seen.sql_errno), (Some(IoThread::Connecting), Some(false), Some(1062)));
        assert_eq!(seen.executed, Some(Position { file: "binlog.000010".to_owned(), at: 500 }));
        assert_eq!(seen.relay, Some(Position { file: "db14-relay.000044".to_owned(), at: 700 }));
        assert_eq!((seen.sql_delay, seen.sql_remaining), (Some(7_200), None));
    }

    #[test]
    fn what_is_not_shown_is_unknown_and_never_no() {
        let odd = table(&[
            ("Replica_IO_Running", Some("Maybe")),
            ("Replica_SQL_Running", None),
            ("Relay_Source_Log_File", Some("INVALID")),
            ("Exec_Source_Log_Pos", Some("0")),
            ("Executed_Gtid_Set", Some("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5")),
        ]);
        let seen = status(&odd, 0);
        assert_eq!((seen.io, seen.sql, seen.executed), (None, None, None));
        assert_eq!(seen.executed_gtid.as_deref(), Some("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"));
    }

    #[test]
    fn settings_in_either_spelling_and_how_the_source_is_asked() {
        let variables = |rows: &[(&str, &str)]| Table {
            columns: vec!["Variable_name".to_owned(), "Value".to_owned()],
            rows: rows.iter().map(|(name, value)| vec![Some((*name).to_owned()), Some((*value).to_owned())]).collect(),
            cut: Vec::new(),
        };
        let mysql = Server::parse("8.4.0").unwrap();
        let found = facts(
            mysql,
            &table(&[("Auto_Position", Some("1"))]),
            0,
            &variables(&[
                ("relay_log_purge", "ON"),
                ("relay_log_recovery", "OFF"),
                ("skip_replica_start", "ON"),
                ("relay_log_basename", "/var/lib/mysql/db14-relay"),
                ("replica_parallel_workers", "4"),
            ]),
        );
        assert_eq!(
            (found.relay_log_purge, found.relay_log_recovery, found.skip_start),
            (Some(true), Some(false), Some(true))
        );
        assert_eq!(found.relay_dir.as_deref(), Some("/var/lib/mysql"));
        assert_eq!((found.gtid, found.parallel), (Some(GtidUse::AutoPosition), Some(4)));
        let mariadb = Server::parse("10.11.19-MariaDB").unwrap();
        let using = |word| facts(mariadb, &table(&[("Using_Gtid", Some(word))]), 0, &variables(&[])).gtid;
        assert_eq!((using("Slave_Pos"), using("No")), (Some(GtidUse::UsingGtid), Some(GtidUse::No)));
        assert_eq!(facts(mariadb, &table(&[]), 0, &variables(&[])).gtid, None);
    }
}
