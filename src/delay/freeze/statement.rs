//! The statement that must not be applied.

use serde::{Deserialize, Serialize};

use super::gtid::Gtids;
use super::place;
use crate::base::Time;
use crate::delay::seen::Position;

/// Where a statement stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spot {
    /// It begins at that byte of the source's log, or of the relay log: the name of the file tells which.
    Position(Position),
    /// It is that transaction.
    Gtid(Gtids),
}

/// The statement that must not be applied, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Statement {
    /// When it began, by the primary's clock.
    pub time: Option<Time>,
    /// Where it stands.
    pub spot: Option<Spot>,
}

impl Statement {
    /// Whether nothing is known of it.
    pub fn is_unknown(&self) -> bool {
        self.time.is_none() && self.spot.is_none()
    }

    /// What is known of it, in words that are safe to show.
    pub fn words(&self) -> String {
        let spot = self.spot.as_ref().map(|spot| match spot {
            Spot::Position(at) => format!("at {}", place::word(at)),
            Spot::Gtid(gtid) => format!("GTID {gtid}"),
        });
        let time = self.time.map(|time| format!("of {time}"));
        match (spot, time) {
            (Some(spot), Some(time)) => format!("{spot}, {time}"),
            (spot, time) => spot.or(time).unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}
