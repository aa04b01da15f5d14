//! What the threads of a run share: what clients do, where they go, and when.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::nodes::Nodes;
use super::spec::{BenchError, Choice, Work};
use super::tally::Tally;
use crate::base::clock::Mono;
use crate::base::{Clock, Stop};
use crate::redis::addr::NodeAddr;

/// Where a part of the clients is at home: a host, or a master of a cluster with the slots it has at the beginning.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) addr: NodeAddr,
    pub(super) node: u16,
    /// Its accounts.
    pub(super) bank: u32,
    /// Their slot.
    pub(super) slot: u16,
}

/// What clients do, as it was settled before they began.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) prefix: String,
    pub(super) work: Work,
    pub(super) choice: Choice,
    pub(super) keys: u32,
    pub(super) value: usize,
    pub(super) seed: u64,
    pub(super) patience: Duration,
    pub(super) warm_up: Duration,
    pub(super) span: Duration,
    /// The request that logs in.
    pub(super) login: Option<Vec<u8>>,
    pub(super) places: Vec<Place>,
    /// The slot of each key; empty: the hosts are no cluster.
    pub(super) slot_of_key: Vec<u16>,
    /// The place of each slot; empty likewise.
    pub(super) place_of_slot: Vec<u16>,
    /// The clients of each thread: number and place.
    pub(super) threads: Vec<Vec<(u32, u16)>>,
}

/// What all threads share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) plan: Plan,
    pub(super) nodes: Nodes,
    pub(super) tallies: Vec<Mutex<Tally>>,
    pub(super) stop: Stop,
    /// Nobody waits for them any more.
    pub(super) halt: AtomicBool,
    /// Clients that are connected.
    pub(super) ready: AtomicU32,
    /// When all begin.
    pub(super) begin: OnceLock<Mono>,
    /// Why it came to nothing.
    pub(super) trouble: Mutex<Option<BenchError>>,
    /// How busy each thread was, percent.
    pub(super) busy: Mutex<Vec<f64>>,
}

pub(super) fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn is_halted(&self) -> bool {
        self.stop.is_stopped() || self.halt.load(Ordering::Relaxed)
    }

    pub(super) fn mine(&self, place: u16, key: u32) -> bool {
        let Some(slot) = self.plan.slot_of_key.get(key as usize) else { return true };
        self.plan.place_of_slot.get(usize::from(*slot)) == Some(&place)
    }
}
