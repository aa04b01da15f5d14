//! What one look at the two threads yields.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::gtid::Gtids;
use super::place;
use super::record::shown;
use super::statement::{Spot, Statement};
use crate::base::Time;
use crate::base::hash::Hash32;
use crate::delay::seen::{IoThread, Position, Status};
use crate::delay::state::Place;

/// Bytes of a set of GTIDs that are stored; of a longer one its mark is.
const LONGEST_SET: usize = 2_000;

/// The executed place, to be compared with that of another look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The position.
    Position(Position),
    /// Where there is no position: a hash of the executed GTIDs of servers that were received from.
    Gtid(String),
}

/// A look at the two threads. What was not seen is nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sight {
    /// When it began.
    pub at: Time,
    /// How long it took.
    pub took: Duration,
    /// What tells its executed place from that of another look.
    pub mark: Option<Mark>,
    /// The IO thread.
    pub io: Option<IoThread>,
    /// Whether the SQL thread runs.
    pub sql: Option<bool>,
    /// Up to where the SQL thread was told to go (`Until_Condition`), where it was.
    pub until: Option<String>,
    /// Executed up to there, in the source's log.
    pub executed: Place,
    /// Received up to there, in the source's log.
    pub received: Place,
    /// Whether sets of GTIDs were left out that are too long to be stored.
    pub long_gtids: bool,
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
        let executed = Place { position: status.executed.clone(), gtid: status.executed_gtid.clone() };
        let received = Place { position: status.received.clone(), gtid: status.received_gtid.clone() };
        Self {
            at,
            took: Duration::ZERO,
            mark: mark(&executed, &received),
            io: status.io,
            sql: status.sql,
            until: status.until.clone(),
            executed,
            received,
            long_gtids: false,
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

    /// The same without sets of GTIDs that are too long to be stored. Of those what says whether the statement has been
    /// applied is kept: the servers that are in its GTID.
    #[must_use]
    pub fn kept(mut self, statement: &Statement) -> Self {
        let wanted = match &statement.spot {
            Some(Spot::Gtid(gtid)) => Some(gtid),
            _ => None,
        };
        for place in [&mut self.executed, &mut self.received] {
            let Some(set) = place.gtid.take() else { continue };
            place.gtid = if set.len() <= LONGEST_SET {
                Some(set)
            } else {
                self.long_gtids = true;
                let part = wanted.and_then(|wanted| Some(set.parse::<Gtids>().ok()?.only_servers_of(wanted)));
                part.map(|part| part.to_string()).filter(|part| !part.is_empty() && part.len() <= LONGEST_SET)
            };
        }
        self
    }

    /// Whether a later look saw the same executed place; nothing where that cannot be said.
    pub fn same_place(&self, later: &Sight) -> Option<bool> {
        match (self.mark.as_ref()?, later.mark.as_ref()?) {
            (Mark::Position(then), Mark::Position(now)) => Some(then == now),
            (Mark::Gtid(then), Mark::Gtid(now)) => Some(then == now),
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
            (None, Some(gtid)) if !self.long_gtids => shown(gtid),
            (None, _) if self.mark.is_some() => "a set of GTIDs too long to show".to_owned(),
            (None, _) => "an unknown position".to_owned(),
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

/// GTIDs count only where there is no position: they are the server's, not the channel's, and move with its own writes.
fn mark(executed: &Place, received: &Place) -> Option<Mark> {
    if let Some(position) = &executed.position {
        return Some(Mark::Position(position.clone()));
    }
    let set: Gtids = executed.gtid.as_deref()?.parse().ok()?;
    // Of a channel that has received nothing since it was set up, all of the set counts.
    let received: Option<Gtids> = received.gtid.as_deref().and_then(|text| text.parse().ok());
    let set = received.map_or_else(|| set.clone(), |received| set.only_servers_of(&received));
    Some(Mark::Gtid(Hash32(Sha256::digest(set.to_string()).into()).to_string()))
}
