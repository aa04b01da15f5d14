//! What the threads of a run share: what clients do, where they go, and when.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::client::Keys;
use super::nodes::Nodes;
use super::outcome::{Counts, Live, Phase};
use super::spec::{BenchError, Choice, Work};
use super::tally::Tally;
use crate::base::clock::Mono;
use crate::base::{Clock, Stop};
use crate::redis::addr::NodeAddr;
use crate::redis::trouble::Trouble;

/// Where a part of the clients is at home: a host, or a master of a cluster with the slots it has at the beginning.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) addr: NodeAddr,
    /// Where that led when it was found.
    pub(super) to: SocketAddr,
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
    /// The key that is asked for to see whether somebody answers: in a cluster one of a slot that has an owner.
    pub(super) greeting: String,
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
    /// As whom it logs in, where that is not the default user.
    pub(super) user: Option<String>,
    pub(super) places: Vec<Place>,
    /// The slot of each key; empty: the hosts are no cluster.
    pub(super) slot_of_key: Vec<u16>,
    /// The keys of each place, whose slots it has at the beginning; empty likewise.
    pub(super) keys_of_place: Vec<Vec<u32>>,
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
    /// What removes the keys by hand, a command a host.
    pub(super) remedy: Arc<[String]>,
    /// Clients that are connected, by place.
    pub(super) met: Vec<AtomicU32>,
    /// Why it came to nothing: the place that is not reached, and what it says.
    pub(super) trouble: Mutex<Option<(u16, Trouble)>>,
    /// Threads that open no connection any more. Until it is all of them none closes its own: a server that is full would
    /// let others in for them, and more connections would come about than it takes.
    pub(super) settled: AtomicU32,
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

    /// That nothing has come yet.
    pub(super) fn quiet(&self, phase: Phase) -> Live {
        Live {
            prefix: self.plan.prefix.clone(),
            remedy: Arc::clone(&self.remedy),
            phase,
            since: Duration::ZERO,
            of: self.plan.warm_up + self.plan.span,
            span: Duration::ZERO,
            counts: Counts::default(),
            trip: None,
            transaction: None,
            so_far: Counts::default(),
        }
    }

    /// Why it came to nothing, with how many connections of that place came about of how many; nothing: it did not.
    pub(super) fn unmet(&self) -> Option<BenchError> {
        let (place, trouble) = lock(&self.trouble).clone()?;
        let host = self.plan.places.get(usize::from(place))?.addr.clone();
        let open = self.met.get(usize::from(place)).map_or(0, |met| met.load(Ordering::Relaxed));
        let wanted = self.plan.threads.iter().flatten().filter(|(_, at)| *at == place).count();
        Some(BenchError::Connections { host, open, wanted: u32::try_from(wanted).unwrap_or(u32::MAX), trouble })
    }
}

impl Plan {
    /// The keys that clients of a place choose from.
    pub(super) fn keys(&self, place: u16) -> Keys<'_> {
        self.keys_of_place.get(usize::from(place)).map_or(Keys::First(self.keys), |keys| Keys::These(keys))
    }
}
