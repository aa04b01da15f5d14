//! What a node was asked beside the tick, every ten seconds or while a panel is open: the judge uses it where it is there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::addr::NodeAddr;
use super::settings::Settings;
use super::slots::SlotSet;
use crate::base::Time;

/// What a node answered beside the tick. Nothing: it was not asked, or refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Aside {
    /// Which.
    pub addr: NodeAddr,
    /// When.
    pub at: Time,
    /// `SLOWLOG GET`, the newest first.
    pub slow: Option<Vec<Slow>>,
    /// `LATENCY LATEST`
    pub spikes: Option<Vec<Spike>>,
    /// `CLUSTER COUNTKEYSINSLOT` of the slots that are open there.
    pub slot_keys: BTreeMap<u16, u64>,
    /// `CONFIG GET` of what the judge goes by.
    pub settings: Option<Settings>,
    /// Whether a question was refused that the node has counted as refused.
    pub refused: bool,
    /// `CLUSTER GETSLOTMIGRATIONS` (valkey 9), `CLUSTER MIGRATION STATUS ALL` (redis 8.4)
    pub tasks: Option<Vec<Task>>,
}

impl Aside {
    /// One that says nothing.
    pub fn new(addr: NodeAddr, at: Time) -> Self {
        Self {
            addr,
            at,
            slow: None,
            spikes: None,
            slot_keys: BTreeMap::new(),
            settings: None,
            refused: false,
            tasks: None,
        }
    }
}

/// A line of the slow log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slow {
    /// Its number, counted up since the server started.
    pub id: u64,
    /// How long the command took.
    pub took: Duration,
    /// The command, cut short.
    pub command: String,
    /// Who sent it.
    pub client: String,
}

/// An event of the latency monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spike {
    /// Its name, such as `command` or `fork`.
    pub event: String,
    /// When it last happened, by the server's clock.
    pub at: Time,
    /// How long it took then.
    pub latest: Duration,
    /// How long it took at most.
    pub most: Duration,
}

/// How a task that moves slots stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// It runs.
    Runs,
    /// It has failed, or was cancelled.
    Failed,
    /// It is done.
    Done,
}

/// A task that moves slots in one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub id: String,
    /// The slots.
    pub slots: SlotSet,
    /// How it stands.
    pub state: TaskState,
    /// What the server says of it: its state, and its last error.
    pub told: String,
}
