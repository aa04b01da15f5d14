//! Heartbeats, written: so that pt-heartbeat is not needed. The table and its rows are pt-heartbeat's; the time is that of
//! the server that is written to. A row that is missing comes (back) by itself.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::connect::{Link, LinkError, Server, words};
use super::heartbeat::{HeartbeatTable, IdColumn};
use super::privilege::{Flavour, Need};
use super::probe::{IDENTITY, Identity};
use crate::base::{Clock, Stop, Time};

/// Where a heartbeat is written, and how.
#[derive(Debug, Clone)]
pub struct Beating {
    /// The server.
    pub server: Server,
    /// The table.
    pub table: HeartbeatTable,
    /// Whether a table that is missing is created.
    pub create: bool,
    /// Whether it is a replica's own heartbeat: then it is kept out of the binary log, where it would be a transaction that
    /// the primary does not have.
    pub local: bool,
    /// How often.
    pub interval: Duration,
}

/// What became of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// It stands there.
    Written,
    /// The server is read-only: none is due there.
    ReadOnly,
}

/// A heartbeat that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BeatError {
    /// The server.
    #[error("{error}{mend}")]
    Link {
        /// What it said.
        error: LinkError,
        /// What to do.
        mend: String,
    },
    /// There is no table.
    #[error("{server} has no table {table}; create it there, or set create = true: {statement}")]
    NoTable {
        /// The server.
        server: String,
        /// The table.
        table: String,
        /// The statement that creates it.
        statement: String,
    },
    /// It is no heartbeat table.
    #[error("{table} on {server} is no heartbeat table: {why}")]
    NotATable {
        /// The server.
        server: String,
        /// The table.
        table: String,
        /// What it lacks.
        why: &'static str,
    },
    /// The server does not say who it is.
    #[error("{server} does not say its server_id, or the time")]
    Nobody {
        /// The server.
        server: String,
    },
}

/// How it goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Heartbeats written.
    pub written: u64,
    /// Heartbeats left out since the server is read-only.
    pub skipped: u64,
    /// Heartbeats that could not be written.
    pub failed: u64,
    /// Whether the newest was left out.
    pub read_only: bool,
    /// When the newest was due.
    pub at: Option<Time>,
    /// Why it could not be written; nothing: it could, or none was due.
    pub error: Option<String>,
}

/// Which columns a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    id: IdColumn,
    place: bool,
}

/// Writes heartbeats to one server.
#[derive(Debug)]
pub struct Writer {
    beating: Beating,
    link: Link,
    clock: Clock,
    told: Mutex<Told>,
    shape: Mutex<Option<Shape>>,
    /// The place in the binary log is refused: it is not asked for each second.
    no_place: Mutex<bool>,
}

/// No such table; no such database.
const NO_TABLE: [u16; 2] = [1146, 1049];
/// The server is read-only.
const READ_ONLY: u16 = 1290;

impl Writer {
    /// Not connected yet.
    pub fn new(beating: Beating, clock: Clock) -> Self {
        let mut server = beating.server.clone();
        if beating.local {
            server.begin.push("SET SESSION sql_log_bin=0".to_owned());
        }
        Self {
            link: Link::new(server),
            beating,
            clock,
            told: Mutex::default(),
            shape: Mutex::default(),
            no_place: Mutex::default(),
        }
    }

    /// How it goes.
    pub fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes until told to stop. Nothing ends it but that: what fails is counted, told, and tried again.
    pub async fn run(&self, stop: &Stop) {
        while !stop.is_stopped() {
            let began = self.clock.mono();
            tokio::select! {
                biased;
                () = stop.stopped() => break,
                () = self.once() => {}
            }
            let rest = self.beating.interval.saturating_sub(self.clock.mono().since(began));
            tokio::select! {
                biased;
                () = stop.stopped() => break,
                () = self.clock.sleep(rest.max(Duration::from_millis(100))) => {}
            }
        }
        self.link.close().await;
    }

    async fn once(&self) {
        let at = self.clock.now();
        let beat = self.beat().await;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.at = Some(at);
        told.error = None;
        told.read_only = matches!(beat, Ok(Beat::ReadOnly));
        match beat {
            Ok(Beat::Written) => told.written += 1,
            Ok(Beat::ReadOnly) => told.skipped += 1,
            Err(e) => {
                told.failed += 1;
                told.error = Some(e.to_string());
            }
        }
    }

    /// Writes one heartbeat.
    pub async fn beat(&self) -> Result<Beat, BeatError> {
        let answer = self
            .link
            .ask("who it is", IDENTITY)
            .await
            .map_err(|error| BeatError::Link { error, mend: String::new() })?;
        let who = Identity::of(&answer);
        // One that must not be written to is no primary, whatever the account may do; a replica's own is written if it can be.
        if !self.beating.local && who.read_only == Some(true) {
            return Ok(Beat::ReadOnly);
        }
        let shape = self.shape(&who).await?;
        let place = if shape.place { self.place(&who).await } else { None };
        let time = format!(
            "SELECT DATE_FORMAT(UTC_TIMESTAMP(6) + INTERVAL {} SECOND, '%Y-%m-%dT%H:%i:%s.%f') AS now",
            self.beating.table.offset
        );
        let error = |e| failed(e, &who, Need::Write(&self.beating.table));
        let now = self.link.ask("the time", &time).await.map_err(error)?;
        let nobody = || BeatError::Nobody { server: self.link.server().to_owned() };
        let now = now.value(0, "now").filter(|now| now.len() <= 26).ok_or_else(nobody)?.to_owned();
        let written = upsert(&self.beating.table, shape, &now, who.server_id.ok_or_else(nobody)?, place.as_ref());
        match self.link.act("the heartbeat", &written).await {
            Ok(()) => Ok(Beat::Written),
            Err(e) if e.code() == Some(READ_ONLY) => Ok(Beat::ReadOnly),
            Err(e) => {
                // The table may be another one by now.
                *self.shape.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Err(failed(e, &who, Need::Write(&self.beating.table)))
            }
        }
    }

    /// Which columns the table has; creates it where it is missing and may be created.
    async fn shape(&self, who: &Identity) -> Result<Shape, BeatError> {
        if let Some(shape) = *self.shape.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(shape);
        }
        let table = &self.beating.table;
        let ask = format!("SHOW COLUMNS FROM {}", table.quoted());
        let mut answer = self.link.ask("the heartbeat table's columns", &ask).await;
        if answer.as_ref().err().and_then(LinkError::code).is_some_and(|code| NO_TABLE.contains(&code)) {
            let statement = create(table);
            if !self.beating.create {
                return Err(BeatError::NoTable {
                    server: self.link.server().to_owned(),
                    table: table.shown(),
                    statement,
                });
            }
            match self.link.act("creating the heartbeat table", &statement).await {
                Ok(()) => {}
                Err(e) if e.code() == Some(READ_ONLY) => {}
                Err(e) => return Err(failed(e, who, Need::Create(table))),
            }
            answer = self.link.ask("the heartbeat table's columns", &ask).await;
        }
        let answer = answer.map_err(|e| failed(e, who, Need::Write(table)))?;
        let row = |name: &str| {
            (0..answer.rows.len()).find(|row| answer.value(*row, "Field").is_some_and(|f| f.eq_ignore_ascii_case(name)))
        };
        let wrong = |why| BeatError::NotATable { server: self.link.server().to_owned(), table: table.shown(), why };
        let (id, at) = [IdColumn::ServerId, IdColumn::Id]
            .into_iter()
            .find_map(|id| Some((id, row(id.name())?)))
            .ok_or_else(|| wrong("it has neither a column server_id nor id"))?;
        if row("ts").is_none() {
            return Err(wrong("it has no column ts"));
        }
        if !matches!(answer.value(at, "Key"), Some("PRI" | "UNI")) {
            return Err(wrong("its writer's column is no unique key; rows would pile up"));
        }
        let shape = Shape { id, place: row("file").is_some() && row("position").is_some() };
        *self.shape.lock().unwrap_or_else(PoisonError::into_inner) = Some(shape);
        Ok(shape)
    }

    /// Where the server's binary log is, if the account may know.
    async fn place(&self, who: &Identity) -> Option<(String, u64)> {
        if *self.no_place.lock().unwrap_or_else(PoisonError::into_inner) {
            return None;
        }
        let statement = match who.flavour {
            Flavour::MySql(major, minor, _) if (major, minor) >= (8, 2) => "SHOW BINARY LOG STATUS",
            _ => "SHOW MASTER STATUS",
        };
        match self.link.ask(statement, statement).await {
            Ok(answer) => {
                let file = answer.value(0, "File")?;
                let possible = file.len() <= 255 && !file.contains(['\'', '\\', '\0']);
                Some((possible.then(|| file.to_owned())?, answer.value(0, "Position")?.parse().ok()?))
            }
            Err(e) => {
                if e.code().is_some() {
                    *self.no_place.lock().unwrap_or_else(PoisonError::into_inner) = true;
                }
                None
            }
        }
    }
}

fn failed(error: LinkError, who: &Identity, need: Need<'_>) -> BeatError {
    let mend = need.mend(error.code(), who.flavour, &who.account);
    BeatError::Link { error, mend }
}

/// The table as pt-heartbeat 3.7 makes it, in `InnoDB`, so that a heartbeat is a transaction.
fn create(table: &HeartbeatTable) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (ts VARCHAR(26) NOT NULL, server_id INT UNSIGNED NOT NULL PRIMARY KEY, \
         file VARCHAR(255) DEFAULT NULL, position BIGINT UNSIGNED DEFAULT NULL, \
         relay_source_log_file VARCHAR(255) DEFAULT NULL, exec_source_log_pos BIGINT UNSIGNED DEFAULT NULL) ENGINE=InnoDB",
        table.quoted()
    )
}

/// Values are written out: with statement-based replication a variable would be the replica's.
fn upsert(table: &HeartbeatTable, shape: Shape, now: &str, id: u64, place: Option<&(String, u64)>) -> String {
    let (columns, values, update) = if shape.place {
        let (file, at) = place.map_or_else(
            || ("NULL".to_owned(), "NULL".to_owned()),
            |(file, at)| (format!("'{}'", words(file)), at.to_string()),
        );
        (", file, position", format!(", {file}, {at}"), format!(", file = {file}, position = {at}"))
    } else {
        ("", String::new(), String::new())
    };
    format!(
        "INSERT INTO {} (ts, {}{columns}) VALUES ('{now}', {id}{values}) ON DUPLICATE KEY UPDATE ts = '{now}'{update}",
        table.quoted(),
        shape.id.name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_one_statement_that_means_the_same_on_every_replica() {
        let table = HeartbeatTable { database: "percona".to_owned(), table: "heartbeat".to_owned(), offset: 0 };
        let now = "2026-11-22T05:51:31.000900";
        let shape = |id, place| Shape { id, place };
        let log = ("bin.000001".to_owned(), 34_961);
        assert_eq!(
            upsert(&table, shape(IdColumn::ServerId, true), now, 1, Some(&log)),
            "INSERT INTO `percona`.`heartbeat` (ts, server_id, file, position) VALUES ('2026-11-22T05:51:31.000900', 1, \
             'bin.000001', 34961) ON DUPLICATE KEY UPDATE ts = '2026-11-22T05:51:31.000900', file = 'bin.000001', \
             position = 34961"
        );
        assert_eq!(
            upsert(&table, shape(IdColumn::ServerId, true), now, 1, None),
            "INSERT INTO `percona`.`heartbeat` (ts, server_id, file, position) VALUES ('2026-11-22T05:51:31.000900', 1, \
             NULL, NULL) ON DUPLICATE KEY UPDATE ts = '2026-11-22T05:51:31.000900', file = NULL, position = NULL"
        );
        assert_eq!(
            upsert(&table, shape(IdColumn::Id, false), now, 7, Some(&log)),
            "INSERT INTO `percona`.`heartbeat` (ts, id) VALUES ('2026-11-22T05:51:31.000900', 7) \
             ON DUPLICATE KEY UPDATE ts = '2026-11-22T05:51:31.000900'"
        );
    }
}
