//! Watches one cluster for as long as somebody wants to know: looks, judges, and says what it found to whoever listens. A
//! process has one of each cluster, whether its console draws it or its worker keeps the history: a node sees one connection.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::Mutex as Shared;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use super::addr::NodeAddr;
use super::aside::Aside;
use super::beside::Beside;
use super::health::{Tick, judge};
use super::history::History;
use super::info::Info;
use super::limits::{Kind, Limits, Raise, Subject};
use super::line::Line;
use super::look::Look;
use super::probe::Probe;
use super::silence::{self, Silence};
use super::snapshot::Health;
use crate::base::{Clock, Stop};

/// A tick that missed a node is followed by another so soon.
const URGENT: Duration = Duration::from_millis(250);

/// A cluster, and how to look at it.
pub struct Cluster {
    /// What is judged.
    pub subject: Subject,
    /// By what.
    pub limits: Arc<Limits>,
    /// How often.
    pub every: Duration,
    /// Whether the benchmark keeps off it.
    pub production: bool,
    /// Looks at it.
    pub probe: Arc<dyn Probe>,
}

/// What a station has found.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// How the cluster stands; nothing: it has not been looked at yet.
    pub health: Option<Arc<Health>>,
    /// What the judge keeps.
    pub history: Arc<History>,
}

/// What stands from tick to tick.
#[derive(Default)]
struct Kept {
    /// What is asked beside.
    beside: Beside,
    /// The looks of the last tick.
    looks: BTreeMap<NodeAddr, Look>,
}

/// Watches a cluster.
pub struct Station {
    cluster: Cluster,
    clock: Clock,
    told: watch::Sender<Told>,
    silences: Shared<Vec<Silence>>,
    /// What stands from tick to tick; held while a tick runs, so that there is one at a time.
    kept: Mutex<Kept>,
}

impl Station {
    /// One that has not looked yet.
    pub fn new(cluster: Cluster, clock: Clock) -> Self {
        let (told, _) = watch::channel(Told::default());
        Self { cluster, clock, told, silences: Shared::default(), kept: Mutex::default() }
    }

    /// What it watches.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.cluster.subject.name
    }

    /// What it has found, and whatever it finds.
    pub fn listen(&self) -> watch::Receiver<Told> {
        self.told.subscribe()
    }

    /// What it has found.
    pub fn told(&self) -> Told {
        self.told.borrow().clone()
    }

    /// From the next tick on these hold.
    pub fn silence(&self, silences: Vec<Silence>) {
        *self.silences.lock().unwrap_or_else(PoisonError::into_inner) = silences;
    }

    /// Goes on from what was kept, unless it has found something itself.
    pub async fn remember(&self, history: History) {
        self.cluster.probe.know(&history.places()).await;
        self.told.send_if_modified(|told| {
            let begins = told.health.is_none();
            if begins {
                told.history = Arc::new(history);
            }
            begins
        });
    }

    /// Looks once and judges.
    pub async fn tick(&self) -> Told {
        let mut kept = self.kept.lock().await;
        let mut looks = self.cluster.probe.tick().await;
        kept.beside.go_on(&looks, self.is_clustered(), &self.clock, |node| self.line(node)).await;
        let (asides, sentinels) = (kept.beside.asides(), self.cluster.probe.sentinels());
        let there: BTreeSet<NodeAddr> = looks.iter().map(|look| look.addr.clone()).collect();
        let standing = self.cluster.probe.standing().into_iter().filter(|addr| !there.contains(addr));
        looks.extend(standing.filter_map(|addr| kept.looks.remove(&addr)));
        let (before, now) = (self.told().history, self.clock.now());
        let tick = Tick {
            subject: &self.cluster.subject,
            limits: &self.cluster.limits,
            looks: &looks,
            asides: &asides,
            sentinels: &sentinels,
            now,
            raise: Raise::Live,
        };
        // Whoever falls over a server's answers begins anew with the next one, and says nothing until then.
        let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| judge(&before, &tick)));
        let Ok((history, health)) = judged else {
            tracing::error!(
                cluster = self.name(),
                "its nodes' answers cannot be judged; what was kept of it is dropped"
            );
            self.told.send_replace(Told::default());
            return Told::default();
        };
        kept.looks = looks.into_iter().map(|look| (look.addr.clone(), look)).collect();
        let silences = self.silences.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let health = silence::apply(health, &silences, now);
        let told = Told { health: Some(Arc::new(health)), history: Arc::new(history) };
        self.told.send_replace(told.clone());
        told
    }

    /// Looks on its interval until told to stop. A look that takes longer costs those that fall into it.
    pub async fn run(&self, stop: &Stop) {
        let mut next = self.clock.mono();
        let mut early = false;
        while !stop.is_stopped() {
            self.tick().await;
            let now = self.clock.mono();
            while next <= now {
                next = next.plus(self.cluster.every);
            }
            let wait = next.since(now);
            let wait = if self.cluster.probe.is_urgent() { wait.min(URGENT) } else { wait };
            early = self.rest(wait, !early, stop).await;
        }
    }

    /// Waits so long, or until told to stop, or, where that is to be heeded, until a node closes its connection: whoever dies is
    /// asked at once. Whether that was it: a server that closes after each answer is not asked without end.
    async fn rest(&self, wait: Duration, heeds: bool, stop: &Stop) -> bool {
        let until = self.clock.mono().plus(wait);
        loop {
            let left = until.since(self.clock.mono());
            tokio::select! {
                biased;
                () = stop.stopped() => return false,
                () = self.clock.sleep(left.min(URGENT)) => {}
            }
            if left <= URGENT {
                return false;
            }
            if heeds && self.cluster.probe.is_cut() {
                return true;
            }
        }
    }

    /// The line to a node.
    pub fn line(&self, node: &NodeAddr) -> Option<Arc<Line>> {
        self.cluster.probe.line(node)
    }

    /// What a node says of itself now, where no line is needed to know it.
    pub fn info(&self, node: &NodeAddr) -> Option<Info> {
        self.cluster.probe.info(node)
    }

    /// Looks once, and asks everything that is asked beside it, for who records what is seen.
    pub async fn look(&self) -> (Vec<Look>, Vec<Aside>) {
        let looks = self.cluster.probe.tick().await;
        let asides = Beside::whole(&looks, self.is_clustered(), &self.clock, |node| self.line(node)).await;
        (looks, asides)
    }

    fn is_clustered(&self) -> bool {
        self.cluster.subject.kind == Kind::Cluster
    }
}
