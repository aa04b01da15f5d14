//! What the judge keeps between two ticks. It is stored: who takes over goes on, and says the same. It is bounded: nodes that
//! nobody has spoken of for a day are forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::addr::NodeAddr;
use super::finding::{Event, Object};
use super::nodes::NodeId;
use super::rates::Sample;
use super::slots::SlotSet;
use super::snapshot::Role;
use crate::base::{Severity, Time};

/// The port of an address that says none.
const PORT: u16 = 6379;

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
    /// In few words, where the words are many.
    #[serde(default)]
    pub brief: Option<String>,
    /// Nodes that bring it about.
    #[serde(default)]
    pub causes: Vec<NodeAddr>,
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
    /// The look that was judged last: the same one counts no second time.
    pub looked: Option<Time>,
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
    /// The newest line of the slow log that was told, and when a newer one than before was. No line: it was told, and empty.
    pub slow: Option<(Option<u64>, Option<Time>)>,
    /// The longest of each event of `LATENCY LATEST`, microseconds, and when it was seen to have grown.
    pub spikes: BTreeMap<String, (u64, Option<Time>)>,
    /// Whether writes were refused for a save that failed, and none has succeeded since.
    pub refuses: bool,
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

/// A node that only shakes hands, or has no address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stranger {
    /// Its name as it was last seen.
    pub id: NodeId,
    /// Since when.
    pub since: Time,
    /// When it was last seen.
    pub seen: Time,
    /// In whose views it was then.
    pub by: Vec<String>,
    /// Whether it shakes hands; else it has no address.
    pub handshake: bool,
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
    /// Nodes that only shake hands, or have no address: by where they are, or by name where that is not known. A handshake
    /// is given up and begun anew by another name.
    pub shaking: BTreeMap<String, Stranger>,
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
    /// Strangers that are kept, and events of latency of one node.
    pub const STRANGERS: usize = 256;
    /// How long a node is remembered that nobody speaks of.
    pub const REMEMBERED: Duration = Duration::from_hours(24);
    /// Counters of so many ticks are kept.
    pub const SAMPLES: usize = 3;

    /// Where its nodes may be, for whoever begins to look. Where one has gone from, as it serves at another address, is left out.
    pub fn places(&self) -> Vec<NodeAddr> {
        let serving = self.nodes.values().filter(|one| one.unserved.is_none());
        let serving: BTreeSet<&NodeId> = serving.filter_map(|one| one.id.as_ref()).collect();
        let gone = |one: &NodePast| one.unserved.is_some() && one.id.as_ref().is_some_and(|id| serving.contains(id));
        let there = self.nodes.iter().filter(|(_, one)| !gone(one));
        there.filter_map(|(addr, _)| NodeAddr::parse(addr, PORT)).collect()
    }
    /// Round trips that are kept.
    pub const TRIPS: usize = 100;
    /// Minutes that are kept.
    pub const MINUTES: usize = 60;

    /// What is kept of a node.
    pub fn node(&self, addr: &NodeAddr) -> Option<&NodePast> {
        self.nodes.get(&addr.to_string())
    }

    /// Goes on after nobody has looked for a while: what changed in between is not known, and what was, may long be over.
    pub fn resume(&mut self) {
        for node in self.nodes.values_mut() {
            node.samples.clear();
            node.behind.clear();
            (node.unserved, node.slow) = (None, None);
            node.spikes.clear();
        }
        self.open.clear();
        self.shaking.clear();
        for held in self.held.values_mut() {
            held.gone = u32::MAX;
        }
    }

    /// Goes on where the clock went back, or whoever kept this had one that was ahead: nothing was later than now.
    pub fn rewind(&mut self, now: Time) {
        self.newest = None;
        let back = |at: &mut Time| *at = (*at).min(now);
        for node in self.nodes.values_mut() {
            node.samples.clear();
            node.behind.clear();
            node.syncs.retain(|seen| seen.at <= now);
            node.looked = None;
            node.spikes.values_mut().filter_map(|(_, at)| at.as_mut()).for_each(back);
            back(&mut node.known);
            node.unserved.iter_mut().for_each(back);
            for at in [
                node.replaced.as_mut().map(|(at, _)| at),
                node.restarted.as_mut().map(|(at, _)| at),
                node.emptied.as_mut().map(|(at, _)| at),
                node.slow.as_mut().and_then(|(_, at)| at.as_mut()),
            ]
            .into_iter()
            .flatten()
            {
                back(at);
            }
        }
        self.held.values_mut().for_each(|held| back(&mut held.since));
        for open in self.open.values_mut() {
            back(&mut open.since);
            back(&mut open.moved);
            back(&mut open.seen);
        }
        for stranger in self.shaking.values_mut() {
            back(&mut stranger.since);
            back(&mut stranger.seen);
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
