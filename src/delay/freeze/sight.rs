//! What one look at the two threads yields.

use serde::{Deserialize, Serialize};

use super::gtid::Gtids;
use super::place;
use crate::base::Time;
use crate::delay::seen::{IoThread, Position, Status};
use crate::delay::state::Place;

/// A look at the two threads. What was not seen is nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sight {
    /// When.
    pub at: Time,
    /// The IO thread.
    pub io: Option<IoThread>,
    /// Whether the SQL thread runs.
    pub sql: Option<bool>,
    /// Executed up to there, in the source's log.
    pub executed: Place,
    /// Received up to there, in the source's log.
    pub received: Place,
    /// Executed up to there, in the relay log.
    pub relay: Option<Position>,
    /// Bytes of all relay logs.
    pub relay_space: Option<u64>,
    /// The configured delay, seconds.
    pub sql_delay: Option<u64>,
    /// Last error of the SQL thread, where there is one.
    pub sql_error: Option<(u32, String)>,
    /// Last error of the IO thread, where there is one.
    pub io_error: Option<(u32, String)>,
    /// Seconds since the server started.
    pub uptime: Option<u64>,
}

impl Sight {
    /// What a row of status says.
    pub fn of(at: Time, status: &Status, uptime: Option<u64>) -> Self {
        let error = |errno: Option<u32>, text: &Option<String>| {
            errno.filter(|errno| *errno != 0).map(|errno| (errno, text.clone().unwrap_or_default()))
        };
        Self {
            at,
            io: status.io,
            sql: status.sql,
            executed: Place { position: status.executed.clone(), gtid: status.executed_gtid.clone() },
            received: Place { position: status.received.clone(), gtid: status.received_gtid.clone() },
            relay: status.relay.clone(),
            relay_space: status.relay_space,
            sql_delay: status.sql_delay,
            sql_error: error(status.sql_errno, &status.sql_error),
            io_error: error(status.io_errno, &status.io_error),
            uptime,
        }
    }

    /// Whether both threads read No.
    pub fn stands(&self) -> bool {
        self.sql == Some(false) && self.io == Some(IoThread::No)
    }

    /// Whether a thread is seen to run; one that is not known is not.
    pub fn runs(&self) -> bool {
        self.sql == Some(true) || matches!(self.io, Some(IoThread::Yes | IoThread::Connecting))
    }

    /// Whether a later look saw the same executed position; nothing where that cannot be said. GTIDs count only where
    /// there is no position: they are the server's, not the channel's, and move with its own writes.
    pub fn same_place(&self, later: &Sight) -> Option<bool> {
        match (&self.executed.position, &later.executed.position) {
            (Some(then), Some(now)) => Some(then == now),
            (None, None) => {
                let gtids = |sight: &Sight| {
                    let executed: Gtids = sight.executed.gtid.as_deref()?.parse().ok()?;
                    let received: Option<Gtids> = sight.received.gtid.as_deref().and_then(|text| text.parse().ok());
                    // Of a channel that has received nothing since it was set up, all of the set counts.
                    Some(received.map_or_else(|| executed.clone(), |received| executed.only_servers_of(&received)))
                };
                Some(gtids(self)? == gtids(later)?)
            }
            _ => None,
        }
    }

    /// Whether the server has been started anew between this look and a later one.
    pub fn restarted(&self, later: &Sight) -> bool {
        matches!((self.uptime, later.uptime), (Some(then), Some(now)) if now < then)
    }

    /// The executed place in words.
    pub fn place_words(&self) -> String {
        match (&self.executed.position, &self.executed.gtid) {
            (Some(position), _) => place::word(position),
            (None, Some(gtid)) => crate::base::Shown::text(gtid).to_string(),
            (None, None) => "an unknown position".to_owned(),
        }
    }

    /// The threads in words: `IO No, SQL Yes`.
    pub fn threads_words(&self) -> String {
        let io = match self.io {
            Some(IoThread::Yes) => "Yes",
            Some(IoThread::No) => "No",
            Some(IoThread::Connecting) => "Connecting",
            None => "unknown",
        };
        let sql = match self.sql {
            Some(true) => "Yes",
            Some(false) => "No",
            None => "unknown",
        };
        format!("IO {io}, SQL {sql}")
    }
}
