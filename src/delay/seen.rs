//! What one look at a replica yields. What was not seen is nothing, never zero.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::job::Job;
use crate::base::Time;

/// The IO thread (receiver).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IoThread {
    /// It runs and is connected.
    Yes,
    /// It does not run.
    No,
    /// It runs and is not connected (`Connecting`, MariaDB's `Preparing`).
    Connecting,
}

/// A place in a log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The log's file.
    pub file: String,
    /// Byte in it.
    pub at: u64,
}

/// A row of `SHOW REPLICA STATUS`, with what `performance_schema` knows beside it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Status {
    /// The channel (MySQL) or connection (MariaDB); empty: the only one.
    pub channel: String,
    /// The IO thread.
    pub io: Option<IoThread>,
    /// Whether the SQL thread runs.
    pub sql: Option<bool>,
    /// Last error of the IO thread; 0: none.
    pub io_errno: Option<u32>,
    /// Its text.
    pub io_error: Option<String>,
    /// Last error of the SQL thread; 0: none.
    pub sql_errno: Option<u32>,
    /// Its text.
    pub sql_error: Option<String>,
    /// What the IO thread says it does.
    pub io_state: Option<String>,
    /// What the SQL thread says it does.
    pub sql_state: Option<String>,
    /// The source's host.
    pub source_host: Option<String>,
    /// The source's port.
    pub source_port: Option<u16>,
    /// The source's `server_id`.
    pub source_id: Option<u64>,
    /// The source's UUID (MySQL).
    pub source_uuid: Option<String>,
    /// Received up to there, in the source's logs (`Source_Log_File`, `Read_Source_Log_Pos`).
    pub received: Option<Position>,
    /// Executed up to there, in the source's logs (`Relay_Source_Log_File`, `Exec_Source_Log_Pos`).
    pub executed: Option<Position>,
    /// Executed up to there, in the relay log (`Relay_Log_File`, `Relay_Log_Pos`).
    pub relay: Option<Position>,
    /// GTIDs received: where positions say nothing (`GTID_ONLY`), their change is the position's.
    pub received_gtid: Option<String>,
    /// GTIDs executed.
    pub executed_gtid: Option<String>,
    /// Bytes of all relay logs.
    pub relay_space: Option<u64>,
    /// `Until_Condition`, where it is not `None`.
    pub until: Option<String>,
    /// The delay that is configured, seconds.
    pub sql_delay: Option<u64>,
    /// Seconds that the event at the head still waits.
    pub sql_remaining: Option<u64>,
    /// `Seconds_Behind_*`: shown, never judged.
    pub seconds_behind: Option<u64>,
    /// Age of the newest transaction received, by its commit at the first server; seconds (`performance_schema`).
    pub queued_age: Option<f64>,
    /// Age of the newest transaction applied, the same way.
    pub applied_age: Option<f64>,
}

/// A heartbeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heartbeat {
    /// Its age, seconds; below zero: from the future.
    Age(f64),
    /// The table has no row of that writer.
    NoRow(String),
    /// It could not be read.
    Unread(String),
}

/// What one look at a replica (one channel of a server) yields.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Seen {
    /// The replica's own `server_id`.
    pub server_id: Option<u64>,
    /// Its own UUID (MySQL).
    pub server_uuid: Option<String>,
    /// Seconds since it started.
    pub uptime: Option<u64>,
    /// `@@version`.
    pub version: Option<String>,
    /// `@@read_only`.
    pub read_only: Option<bool>,
    /// Its status; nothing: it is no replica.
    pub status: Option<Status>,
    /// The source's heartbeat, as applied here: its age is the delay.
    pub delay: Option<Heartbeat>,
    /// When that heartbeat was written, by the clock of who wrote it: the source's, as the times of its statements are.
    #[serde(default)]
    pub applied: Option<Time>,
    /// The heartbeat written on the replica itself; nothing: none is expected.
    pub local: Option<Heartbeat>,
    /// The source's heartbeat read on the source; nothing: none is expected.
    pub primary: Option<Heartbeat>,
    /// Jobs that a query of one's own tells; of several channels each has them.
    #[serde(default)]
    pub jobs: Vec<Job>,
    /// What is odd and no reason to fail: a column that is not known, two writers at once.
    pub notes: Vec<String>,
    /// How long before the look ended this was seen: the source, asked beside it, may have taken longer. What is seen counts
    /// for that moment.
    #[serde(skip)]
    pub ago: Duration,
}

/// A look at a replica, when it ended. One that failed is a missing sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// When.
    pub at: Time,
    /// What was seen, or why nothing was.
    pub seen: Result<Seen, String>,
}

/// A sample of the delay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Time,
    /// Seconds; nothing: the look failed or saw no heartbeat. Finite.
    pub delay: Option<f64>,
}

impl Look {
    /// Its sample: nothing where the look failed, saw no heartbeat, or its age is no number.
    pub fn sample(&self) -> Sample {
        Sample { at: self.at, delay: self.seen.as_ref().ok().and_then(Seen::age) }
    }
}

impl Seen {
    /// When what a look yielded was seen, if the look ended at `end`. One that failed did so then.
    pub fn when(seen: Result<&Self, &String>, end: Time) -> Time {
        seen.map_or(end, |seen| end.minus(seen.ago))
    }

    /// The delay, seconds, where it is known.
    pub fn age(&self) -> Option<f64> {
        match self.delay {
            Some(Heartbeat::Age(age)) if age.is_finite() => Some(age),
            _ => None,
        }
    }
}
