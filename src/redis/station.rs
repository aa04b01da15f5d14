//! Watches one cluster for as long as somebody wants to know: looks, judges, and says what it found to whoever listens. A
//! process has one of each cluster, whether its console draws it or its worker keeps the history: a node sees one connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex as Shared;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use super::addr::NodeAddr;
use super::aside::{Aside, Slow, Spike};
use super::conn::Batch;
use super::health::{Tick, judge};
use super::history::History;
use super::limits::{Kind, Limits, Raise, Subject};
use super::line::Line;
use super::look::Look;
use super::nodes::Flag;
use super::panels;
use super::probe::Probe;
use super::silence::{self, Silence};
use super::snapshot::Health;
use crate::base::clock::Mono;
use crate::base::{Clock, Stop, task};

/// Questions beside the tick are asked so often.
const BESIDE: Duration = Duration::from_secs(10);
/// A tick that missed a node is followed by another so soon.
const URGENT: Duration = Duration::from_millis(250);
/// Slots on their way whose keys are counted, of one node.
const COUNTED: usize = 16;

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

/// Watches a cluster.
pub struct Station {
    cluster: Cluster,
    clock: Clock,
    told: watch::Sender<Told>,
    silences: Shared<Vec<Silence>>,
    /// What was asked beside the tick, and when; held while a tick runs, so that there is one at a time.
    beside: Mutex<(Option<Mono>, BTreeMap<NodeAddr, Aside>)>,
}

impl Station {
    /// One that has not looked yet.
    pub fn new(cluster: Cluster, clock: Clock) -> Self {
        let (told, _) = watch::channel(Told::default());
        Self { cluster, clock, told, silences: Shared::default(), beside: Mutex::default() }
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
    pub fn remember(&self, history: History) {
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
        let mut beside = self.beside.lock().await;
        let looks = self.cluster.probe.tick().await;
        let mono = self.clock.mono();
        if beside.0.is_none_or(|at| mono.since(at) >= BESIDE) {
            beside.1 = self.ask_beside(&looks).await;
            beside.0 = Some(mono);
        }
        let asides: Vec<Aside> = beside.1.values().cloned().collect();
        let (before, now) = (self.told().history, self.clock.now());
        let tick = Tick {
            subject: &self.cluster.subject,
            limits: &self.cluster.limits,
            looks: &looks,
            asides: &asides,
            now,
            raise: Raise::Live,
        };
        let (history, health) = judge(&before, &tick);
        let silences = self.silences.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let health = silence::apply(health, &silences, now);
        let told = Told { health: Some(Arc::new(health)), history: Arc::new(history) };
        self.told.send_replace(told.clone());
        told
    }

    /// Looks on its interval until told to stop. A look that takes longer costs those that fall into it.
    pub async fn run(&self, stop: &Stop) {
        let mut next = self.clock.mono();
        while !stop.is_stopped() {
            self.tick().await;
            let now = self.clock.mono();
            while next <= now {
                next = next.plus(self.cluster.every);
            }
            let wait = next.since(now);
            let wait = if self.cluster.probe.is_urgent() { wait.min(URGENT) } else { wait };
            tokio::select! {
                biased;
                () = stop.stopped() => {}
                () = self.clock.sleep(wait) => {}
            }
        }
    }

    /// The line to a node.
    pub fn line(&self, node: &NodeAddr) -> Option<Arc<Line>> {
        self.cluster.probe.line(node)
    }

    /// Slow commands, latency and the keys of open slots, of every node that answered, all at once.
    async fn ask_beside(&self, looks: &[Look]) -> BTreeMap<NodeAddr, Aside> {
        let clustered = self.cluster.subject.kind == Kind::Cluster;
        let mut asked = Vec::new();
        for look in looks.iter().filter(|look| look.info().is_some()) {
            let Some(line) = self.line(&look.addr) else { continue };
            let open = if clustered { open_slots(look) } else { Vec::new() };
            let (addr, at) = (look.addr.clone(), self.clock.now());
            asked.push(task::spawn(async move {
                let mut aside = Aside::new(addr, at);
                aside.slow = panels::slow_log(&line, None).await.ok().map(|all| all.into_iter().map(slow).collect());
                aside.spikes = panels::latency(&line).await.ok().map(|latency| {
                    let spike = |one: panels::LatencyEvent| Spike { event: one.name, at: one.at, most: one.most };
                    latency.events.into_iter().map(spike).collect()
                });
                for slot in open {
                    let batch = Batch::of(&[&["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()]]);
                    let Ok(answered) = line.ask(&batch).await else { break };
                    let keys = answered.values.first().and_then(super::resp::Value::integer);
                    aside.slot_keys.extend(keys.and_then(|keys| u64::try_from(keys).ok()).map(|keys| (slot, keys)));
                }
                aside
            }));
        }
        let mut all = BTreeMap::new();
        for one in asked {
            if let Ok(aside) = one.await {
                all.insert(aside.addr.clone(), aside);
            }
        }
        all
    }
}

/// Slots that leave this node.
fn open_slots(look: &Look) -> Vec<u16> {
    let own = look.view().into_iter().flatten().filter(|line| line.is(Flag::Myself));
    let open = own.flat_map(|line| &line.open).filter(|open| !open.importing).map(|open| open.slot);
    open.take(COUNTED).collect()
}

fn slow(one: panels::Slow) -> Slow {
    Slow { id: one.id, took: one.took, command: one.command.join(" "), client: one.client.unwrap_or_default() }
}
