//! What the judge keeps between two ticks. It is stored: who takes over goes on, and says the same. It is bounded: nodes that
//! nobody has spoken of for a day are forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::addr::NodeAddr;
use super::finding::{Event, Object};
use super::nodes::NodeId;
use super::rates::Sample;
use super::slots::SlotSet;
use super::snapshot::Role;
use crate::base::{Severity, Time};

/// What is kept of a finding that is there, or was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Since when it is there.
    pub since: Time,
    /// Ticks in a row that show it.
    pub there: u32,
    /// Ticks in a row that do not.
    pub gone: u32,
    /// Whether it is raised.
    pub raised: bool,
    /// What it said last.
    pub severity: Severity,
    /// About what.
    pub object: Object,
    /// In words.
    pub text: String,
    /// What to do.
    pub next: Option<String>,
    /// The command.
    pub command: Option<String>,
}

/// A number that was seen at times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When.
    pub at: Time,
    /// The number.
    pub value: u64,
}

/// What is kept of a node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NodePast {
    /// Its name.
    pub id: Option<NodeId>,
    /// What it was last.
    pub role: Option<Role>,
    /// Of which master.
    pub master: Option<NodeId>,
    /// When anybody last spoke of it.
    pub known: Time,
    /// Since when it serves nobody, as far as a direct look says.
    pub unserved: Option<Time>,
    /// In which run it was last seen.
    pub run: Option<String>,
    /// Its keys, as they were told last.
    pub keys: Option<u64>,
    /// Its counters at the last ticks that told them, the newest last.
    pub samples: Vec<Sample>,
    /// Round trips, microseconds, the newest last.
    pub trips: Vec<u32>,
    /// Medians of a minute's round trips, the newest last; an hour of them.
    pub minutes: Vec<u32>,
    /// The minute that runs, and its round trips.
    pub minute: (i64, Vec<u32>),
    /// How often it has sent everything to a replica (`sync_full`), each time that changed.
    pub syncs: Vec<Seen>,
    /// Bytes its replicas are behind, by their address, the newest last.
    pub behind: BTreeMap<String, Vec<Seen>>,
    /// When another node began to answer at its address, and which did before.
    pub replaced: Option<(Time, NodeId)>,
    /// When it began to run anew, and the keys it had before.
    pub restarted: Option<(Time, Option<u64>)>,
    /// It came back without its keys: when that was seen, and how many there were.
    pub emptied: Option<(Time, u64)>,
    /// The newest line of the slow log that was told, and when a newer one than before was.
    pub slow: Option<(u64, Option<Time>)>,
}

/// A slot on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenPast {
    /// Since when it is open.
    pub since: Time,
    /// When keys last moved.
    pub moved: Time,
    /// Keys left when that was last told, and when it was first.
    pub left: Option<(u64, u64)>,
    /// When it was last seen open.
    pub seen: Time,
}

/// What is kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// The newest look that was judged: one that is not newer counts no tick.
    pub newest: Option<Time>,
    /// Findings by rule and object.
    pub held: BTreeMap<String, Held>,
    /// Nodes by address.
    pub nodes: BTreeMap<String, NodePast>,
    /// Who owned what in the winning view.
    pub owners: BTreeMap<NodeId, SlotSet>,
    /// The highest epoch.
    pub epoch: Option<u64>,
    /// Slots on their way, by slot.
    pub open: BTreeMap<u16, OpenPast>,
    /// Since when nodes only shake hands, or have no address, by name.
    pub strangers: BTreeMap<NodeId, Time>,
    /// What happened, the newest first.
    pub events: Vec<Event>,
}

impl History {
    /// Events that are kept.
    pub const EVENTS: usize = 200;
    /// Findings that are kept.
    pub const HELD: usize = 8_192;
    /// Nodes that are kept.
    pub const NODES: usize = 8_192;
    /// How long a node is remembered that nobody speaks of.
    pub const REMEMBERED: Duration = Duration::from_hours(24);
    /// Counters of so many ticks are kept.
    pub const SAMPLES: usize = 3;
    /// Round trips that are kept.
    pub const TRIPS: usize = 100;
    /// Minutes that are kept.
    pub const MINUTES: usize = 60;

    /// What is kept of a node.
    pub fn node(&self, addr: &NodeAddr) -> Option<&NodePast> {
        self.nodes.get(&addr.to_string())
    }

    /// Forgets what is over: an operator has seen that a node came back empty.
    pub fn forget(&mut self, addr: &NodeAddr) {
        if let Some(past) = self.nodes.get_mut(&addr.to_string()) {
            past.emptied = None;
            past.restarted = None;
            past.replaced = None;
        }
    }
}

impl NodePast {
    /// The newest counters.
    pub fn sample(&self) -> Option<&Sample> {
        self.samples.last()
    }

    /// The newest counters, and those of the tick before.
    pub fn last_two(&self) -> Option<(&Sample, &Sample)> {
        let (new, before) = self.samples.split_last()?;
        Some((new, before.last()?))
    }

    /// How much a counter has grown over the last two intervals, and in what time: what happened in one tick is there in
    /// the next one too.
    pub fn grown(&self, name: &str) -> Option<(u64, Duration)> {
        let (new, before) = self.samples.split_last()?;
        let grown = |old: &Sample| Some((new.grown(old, name)?, new.at.since(old.at)));
        let (older, last) = (before.len().checked_sub(2).and_then(|place| before.get(place)), before.last());
        older.and_then(grown).or_else(|| last.and_then(grown)).filter(|(_, span)| !span.is_zero())
    }

    /// 99 of 100 of its last round trips took at most so long; nothing: too few are known.
    pub fn p99(&self) -> Option<Duration> {
        const LEAST: usize = 20;
        let mut trips = self.trips.clone();
        trips.sort_unstable();
        let place = (trips.len() * 99).div_ceil(100).checked_sub(1)?;
        trips.get(place).filter(|_| trips.len() >= LEAST).map(|micros| Duration::from_micros(u64::from(*micros)))
    }

    /// What is usual: the median of the minutes of an hour; nothing: fewer than ten minutes are known.
    pub fn usual(&self) -> Option<Duration> {
        const LEAST: usize = 10;
        let median = median(&self.minutes)?;
        (self.minutes.len() >= LEAST).then(|| Duration::from_micros(u64::from(median)))
    }

    /// Keeps a round trip.
    pub fn trip(&mut self, at: Time, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        keep(&mut self.trips, micros, History::TRIPS);
        let minute = at.as_micros().div_euclid(60_000_000);
        if self.minute.0 != minute {
            let over = std::mem::take(&mut self.minute.1);
            if let Some(median) = median(&over) {
                keep(&mut self.minutes, median, History::MINUTES);
            }
            self.minute.0 = minute;
        }
        keep(&mut self.minute.1, micros, History::TRIPS);
    }
}

/// Adds to the end; what is too much goes from the beginning.
pub fn keep<T>(to: &mut Vec<T>, one: T, most: usize) {
    to.push(one);
    let over = to.len().saturating_sub(most);
    to.drain(..over);
}

fn median(of: &[u32]) -> Option<u32> {
    let mut sorted = of.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}
