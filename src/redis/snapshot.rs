//! How a cluster stands: what the Redis tab draws, and what `firn redis` and `firn check redis` say. What is not known is
//! nothing, never zero.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::addr::NodeAddr;
use super::finding::{Event, Finding};
use super::limits::Kind;
use super::nodes::{Flag, NodeId};
use super::slots::SlotSet;
use crate::base::{Severity, Time};

/// How a cluster stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// When.
    pub at: Time,
    /// How bad it is in all: the worst of what is not silenced; what could not be seen raises it to WARNING at most.
    pub severity: Severity,
    /// Whether anything was seen of it: of a cluster a view, of others a node's `INFO`.
    pub seen: bool,
    /// How many findings there are of each kind.
    pub counts: Counts,
    /// The cluster in one line.
    pub line: ClusterLine,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// What is worth knowing and not wrong.
    pub notices: Vec<Finding>,
    /// Every node that is known of, in the order of shards: a master, its replicas, and those of no shard.
    pub nodes: Vec<NodeRow>,
    /// Masters with slots, and their replicas, in the order of their first slot.
    pub shards: Vec<ShardRow>,
    /// The slots from 0 up, what is alike together; empty: there are none, or no view was seen.
    pub strip: Vec<Strip>,
    /// What happened, the newest first.
    pub events: Vec<Event>,
}

/// How many findings there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// CRITICAL, not silenced.
    pub critical: u32,
    /// WARNING, not silenced.
    pub warning: u32,
    /// UNKNOWN, not silenced.
    pub unknown: u32,
    /// Silenced ones of any severity.
    pub silenced: u32,
    /// Nodes that could not be looked into.
    pub not_seen: u32,
}

/// The cluster in one line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClusterLine {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// `cluster_state` of the winning side: `ok` or `fail`. It is not health.
    pub state: Option<String>,
    /// Slots that a live owner serves.
    pub served: Option<u32>,
    /// Slots whose owner could not be looked into.
    pub unseen: Option<u32>,
    /// Slots that nobody owns, or whose owner serves nobody.
    pub uncovered: Option<u32>,
    /// Slots that have an owner.
    pub assigned: Option<u32>,
    /// The highest current epoch.
    pub epoch: Option<u64>,
    /// Masters that own slots (of a list: nodes that are no replica).
    pub masters: Option<u32>,
    /// Their replicas.
    pub replicas: Option<u32>,
    /// Nodes that are known of.
    pub known: u32,
    /// Those that answered.
    pub answering: u32,
    /// Those that could not be looked into.
    pub not_seen: u32,
    /// Keys of the masters; nothing: not all of them were seen.
    pub keys: Option<u64>,
    /// Commands a second of all nodes; nothing: not all of them were seen twice.
    pub ops: Option<f64>,
    /// How many groups of views that are alike there are.
    pub views: u32,
}

/// A node's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It owns slots, or may.
    Master,
    /// It copies a master.
    Replica,
}

impl Role {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Replica => "replica",
        }
    }
}

/// What a direct look says of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// It answers.
    Answers,
    /// It serves those who are in, and lets nobody else in.
    Full,
    /// It reads its data.
    Loading,
    /// A script blocks it.
    Busy,
    /// It takes connections and does nothing.
    Hung,
    /// Nobody listens there, or no way leads there.
    Down,
    /// It was not asked, and every view that was seen calls it gone.
    Gone,
    /// It does not let us look.
    Blind,
    /// It is not what it should be.
    Other,
    /// It was not asked.
    NotAsked,
}

impl Sight {
    /// Whether it serves its clients; nothing: that is not known.
    pub fn serves(self) -> Option<bool> {
        match self {
            Self::Answers | Self::Full => Some(true),
            Self::Loading | Self::Busy | Self::Hung | Self::Down | Self::Gone => Some(false),
            Self::Blind | Self::Other | Self::NotAsked => None,
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Full => "full",
            Self::Loading => "loading",
            Self::Busy => "busy",
            Self::Hung => "hung",
            Self::Down => "down",
            Self::Gone => "gone",
            Self::Blind => "not seen",
            Self::Other => "odd",
            Self::NotAsked => "not asked",
        }
    }
}

/// A node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRow {
    /// Where it is.
    pub addr: NodeAddr,
    /// Its name.
    pub id: Option<NodeId>,
    /// What it is.
    pub role: Option<Role>,
    /// Of which master it is a replica.
    pub master: Option<NodeAddr>,
    /// What a direct look says.
    pub sight: Sight,
    /// What the winning view says of it.
    pub flags: Vec<Flag>,
    /// Slots it owns in the winning view.
    pub slots: SlotSet,
    /// How bad what is found of it is.
    pub severity: Severity,
    /// Keys.
    pub keys: Option<u64>,
    /// Bytes used.
    pub memory: Option<u64>,
    /// Bytes allowed; 0: any.
    pub memory_max: Option<u64>,
    /// Commands a second.
    pub ops: Option<f64>,
    /// Clients.
    pub clients: Option<u64>,
    /// Whether a replica's line to its master is up.
    pub link: Option<bool>,
    /// Bytes that a replica is behind, as its master has it; up to a second of writes when all is well.
    pub lag_bytes: Option<u64>,
    /// Seconds since it last acknowledged.
    pub lag_seconds: Option<u64>,
    /// When it was last looked at itself; nothing: it was not asked.
    pub looked: Option<Time>,
    /// Round trip of this look.
    pub took: Option<Duration>,
    /// Name and version of the server; safe to show.
    pub version: Option<String>,
    /// Seconds it has run.
    pub uptime: Option<u64>,
    /// Why nothing, or not everything, is seen of it; safe to show.
    pub trouble: Option<String>,
    /// Counters as rates, a second. None in the first tick, and none over a restart.
    pub rates: Vec<(&'static str, f64)>,
}

/// A master with slots and its replicas.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardRow {
    /// The master.
    pub master: NodeAddr,
    /// Its replicas, in the order of their addresses.
    pub replicas: Vec<NodeAddr>,
    /// Its slots.
    pub slots: SlotSet,
    /// How much of all slots, percent.
    pub share: f64,
    /// Whether its slots are served; nothing: that is not known.
    pub served: Option<bool>,
}

/// How slots stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SlotState {
    /// Their owner serves.
    Served,
    /// They are on their way, or half so.
    Open,
    /// Their owner could not be looked into.
    NotSeen,
    /// Views name different owners.
    Disputed,
    /// Nobody owns them.
    Unassigned,
    /// Their owner serves nobody.
    Failing,
}

impl SlotState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Open => "open",
            Self::NotSeen => "not seen",
            Self::Disputed => "disputed",
            Self::Unassigned => "unassigned",
            Self::Failing => "failing",
        }
    }
}

/// Slots from one to another that stand alike, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strip {
    /// The first.
    pub from: u16,
    /// The last.
    pub to: u16,
    /// How they stand.
    pub state: SlotState,
}
