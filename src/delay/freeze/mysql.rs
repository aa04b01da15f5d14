//! MySQL's and MariaDB's threads, over a line of their own.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::commands;
use super::danger::{Facts, GtidUse};
use super::machine::Act;
use super::sight::Sight;
use super::threads::{Threads, ThreadsError, names};
use crate::base::{Clock, Shown, Time};
use crate::delay::connect::{Link, LinkError, Table};
use crate::delay::privilege::{Flavour, Need};
use crate::delay::seen::Status;
use crate::delay::status::statuses;

/// Stopping waits for the transaction that is being applied: longer than a look may take.
pub const STOP_WITHIN: Duration = Duration::from_secs(10);

/// The account lacks a privilege: `SELECT`-like ones (1142, 1044), global ones (1227).
const LACKS: [u16; 3] = [1142, 1044, 1227];

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
    known: Mutex<Option<(Flavour, String)>>,
}

impl MysqlThreads {
    /// Over a line that nobody else uses. `channel` is the one that is meant; nothing: the server has one alone.
    pub fn new(link: Link, clock: Clock, replica: impl Into<String>, channel: Option<String>) -> Self {
        Self { link, clock, replica: replica.into(), channel, known: Mutex::default() }
    }

    async fn version(&self) -> Result<Flavour, ThreadsError> {
        let table = self.link.ask("SELECT @@version", "SELECT @@version AS version").await?;
        let text = table.value(0, "version").unwrap_or_default();
        Flavour::parse(text).ok_or_else(|| ThreadsError::Version {
            server: self.link.server().to_owned(),
            version: Shown::text(&text.chars().take(80).collect::<String>()).to_string(),
        })
    }

    /// The rows of status, and the words the server takes.
    async fn status(&self) -> Result<(Flavour, Table), ThreadsError> {
        let known = self.known.lock().await.as_ref().map(|(server, _)| *server);
        let server = match known {
            Some(server) => server,
            None => self.version().await?,
        };
        // Whatever the account sees, each has its own spelling; `ALL` gives every connection of MariaDB.
        let sql = match server {
            Flavour::MariaDb(..) => "SHOW ALL SLAVES STATUS",
            Flavour::MySql(..) if server.version() >= (8, 0, 22) => "SHOW REPLICA STATUS",
            Flavour::MySql(..) => "SHOW SLAVE STATUS",
        };
        match self.link.ask("SHOW REPLICA STATUS", sql).await {
            Ok(table) => Ok((server, table)),
            Err(error) => {
                // Behind the name there may be another server now.
                *self.known.lock().await = None;
                Err(self.lacking(error, Need::Status.privilege(server)))
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
    #[allow(clippy::result_large_err)] // rare, and handed up at once
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
    async fn words(&self) -> Result<(Flavour, String), ThreadsError> {
        if let Some(known) = self.known.lock().await.clone() {
            return Ok(known);
        }
        let (server, table) = match self.status().await {
            Ok(seen) => seen,
            // Who may stop a thread need not be allowed to see it.
            Err(ThreadsError::Privilege { .. }) => {
                return Ok((self.version().await?, self.channel.clone().unwrap_or_default()));
            }
            Err(e) => return Err(e),
        };
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
        if matches!(act, Act::StopSql | Act::StopIo) {
            self.none_waits().await?;
        }
        self.link.act(name, &sql).await.map_err(|error| self.lacking(error, server.freeze_privilege()))
    }
}

/// A STOP waits for the statement that is being applied, and cannot be killed meanwhile; its connection stays, whatever became
/// of who sent it. (An account sees its own connections without a privilege.)
const WAITING: &str = "SELECT COUNT(*) AS waiting FROM information_schema.PROCESSLIST \
    WHERE USER = SUBSTRING_INDEX(USER(), '@', 1) AND (INFO LIKE 'STOP SLAVE%' OR INFO LIKE 'STOP REPLICA%')";

impl MysqlThreads {
    /// One STOP at a time: each that waits holds a connection, and they would come to be all that the server has.
    async fn none_waits(&self) -> Result<(), ThreadsError> {
        // What cannot be counted keeps nobody from stopping.
        let waiting = self.link.ask("what waits", WAITING).await;
        let waiting = waiting.ok().and_then(|table| number::<u64>(table.value(0, "waiting"))).unwrap_or(0);
        if waiting > 0 {
            return Err(ThreadsError::Waits { server: self.link.server().to_owned() });
        }
        Ok(())
    }
}

fn channel_of(table: &Table, row: usize) -> &str {
    table.value(row, "Channel_Name").or_else(|| table.value(row, "Connection_name")).unwrap_or_default()
}

/// The status of a row.
fn status(table: &Table, row: usize) -> Status {
    statuses(table).0.into_iter().nth(row).unwrap_or_default()
}

fn number<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}

fn facts(server: Flavour, table: &Table, row: usize, variables: &Table) -> Facts {
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
        channel: Some(channel_of(table, row).to_owned()),
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
    fn settings_in_either_spelling_and_how_the_source_is_asked() {
        let variables = |rows: &[(&str, &str)]| Table {
            columns: vec!["Variable_name".to_owned(), "Value".to_owned()],
            rows: rows.iter().map(|(name, value)| vec![Some((*name).to_owned()), Some((*value).to_owned())]).collect(),
            cut: Vec::new(),
        };
        let mysql = Flavour::parse("8.4.0").unwrap();
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
        let mariadb = Flavour::parse("10.11.19-MariaDB").unwrap();
        let using = |word| facts(mariadb, &table(&[("Using_Gtid", Some(word))]), 0, &variables(&[])).gtid;
        assert_eq!((using("Slave_Pos"), using("No")), (Some(GtidUse::UsingGtid), Some(GtidUse::No)));
        assert_eq!(facts(mariadb, &table(&[]), 0, &variables(&[])).gtid, None);
    }
}
