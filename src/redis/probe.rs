//! Looking at a cluster: every node is asked itself, all at once, each within its own deadline.

mod ask;
mod known;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex as Shared;
use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc};

use super::addr::NodeAddr;
use super::conn::Account;
use super::line::Line;
use super::look::Look;
use super::sentinel::{SentinelLook, look as look_at_sentinel};
use super::trouble::Trouble;
use crate::base::backoff::Backoff;
use crate::base::task::{self, JoinHandle};
use crate::base::{Clock, random};
use ask::{Came, Which};
use known::Known;
pub use known::Named;

/// Looks at all nodes of a cluster.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Looks once at each node that is known. It returns within its own time-outs, and may be dropped at any time. A node that is
    /// not asked this time (see [`NetProbe`]) is told as it was last seen, with the time of then.
    async fn tick(&self) -> Vec<Look>;

    /// What the sentinels said in the last tick, where there are any.
    fn sentinels(&self) -> Vec<SentinelLook> {
        Vec::new()
    }

    /// Whether the last tick missed a node that answered before: whoever asks again at once, and not after the usual time, knows
    /// sooner whether it is so.
    fn is_urgent(&self) -> bool {
        false
    }

    /// The line to a node, for what is asked on demand; nothing: it is not known, or there is none (a recording).
    fn line(&self, _: &NodeAddr) -> Option<Arc<Line>> {
        None
    }
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// A cluster. Its nodes are found from these: the union of what they see.
    Cluster {
        /// Where to begin; any number.
        seeds: Vec<NodeAddr>,
    },
    /// Independent nodes; no other is looked for.
    Nodes {
        /// Which.
        nodes: Vec<NodeAddr>,
    },
    /// A master and its replicas, found from each other, and from sentinels where there are any.
    Replicas {
        /// Where to begin; any number, none where there are sentinels.
        seeds: Vec<NodeAddr>,
        /// Sentinels.
        sentinels: Vec<NodeAddr>,
        /// Of which master, by the sentinels' name for it; nothing: of all they watch.
        master: Option<String>,
    },
    /// dtm-redis: sessions, which know little more than `GET` and `SET`, and the servers its buckets are kept on. The map of
    /// keys is fixed, so no other is looked for.
    Dtm {
        /// Sessions.
        sessions: Vec<NodeAddr>,
        /// The servers of its buckets.
        buckets: Vec<NodeAddr>,
    },
}

/// How it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Who asks.
    pub account: Account,
    /// Who asks sentinels, which have users of their own; nothing: the same.
    pub sentinel_account: Option<Account>,
    /// An address that nobody names any more is asked so much longer, or as long as it answers.
    pub keep: Duration,
    /// Questions of a tick are spread over so long, so that not all answers come at once. Short against the interval of ticks.
    pub spread: Duration,
    /// Nodes that are asked at most; further ones are not looked at.
    pub most: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account: Account::default(),
            sentinel_account: None,
            keep: Duration::from_mins(10),
            spread: Duration::from_millis(50),
            most: MOST_NODES,
        }
    }
}

/// Nodes of one cluster that are asked.
pub const MOST_NODES: usize = 4_096;
/// A view above this size is asked for every [`VIEW_AGE`], and at once when `CLUSTER INFO` says that something moved.
pub const LARGE_VIEW: usize = 64 << 10;
/// How old a large view may be.
pub const VIEW_AGE: Duration = Duration::from_secs(10);
/// Who cannot be resolved, or lets nobody in, is asked again after so long: it costs both sides, and changes seldom.
const AGAIN: Backoff = Backoff { first: Duration::from_secs(2), longest: Duration::from_secs(10) };

/// Looks at nodes over the network: one connection a node, kept from tick to tick, and on it the questions of a tick in one round
/// trip. No node waits for another.
///
/// Not asked in every tick, so that the last look stands again: a node that cannot be resolved or lets nobody in (after 2 s, 4 s,
/// 8 s, then each 10 s); and of views above [`LARGE_VIEW`] the last one stands for [`VIEW_AGE`] where nothing moved.
#[derive(Debug)]
pub struct NetProbe {
    topology: Topology,
    settings: Settings,
    account: Arc<Account>,
    clock: Clock,
    state: Mutex<State>,
    /// What is read between ticks.
    told: Shared<Told>,
}

#[derive(Debug)]
struct State {
    known: Known,
    sentinels: BTreeMap<NodeAddr, Arc<Line>>,
    dice: u64,
}

#[derive(Debug, Default)]
struct Told {
    lines: BTreeMap<NodeAddr, Arc<Line>>,
    /// Where a node is asked that is told under another address.
    asked: BTreeMap<NodeAddr, NodeAddr>,
    sentinels: Vec<SentinelLook>,
    urgent: bool,
}

/// What comes back from one that was asked.
enum News {
    Node(NodeAddr, Came),
    Sentinel(SentinelLook),
}

/// Tasks of a tick; whoever gives the tick up gives them up.
#[derive(Default)]
struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl NetProbe {
    /// Nothing is asked yet.
    pub fn new(topology: Topology, settings: Settings, clock: Clock) -> Self {
        let (seeds, sentinels, merges) = match &topology {
            Topology::Cluster { seeds } => (seeds.clone(), &[][..], true),
            Topology::Nodes { nodes } => (nodes.clone(), &[][..], false),
            Topology::Replicas { seeds, sentinels, .. } => (seeds.clone(), sentinels.as_slice(), true),
            Topology::Dtm { sessions, buckets } => (sessions.iter().chain(buckets).cloned().collect(), &[][..], false),
        };
        let known = Known::new(seeds, merges, settings.keep, settings.most, clock.mono());
        let account = Arc::new(settings.account.clone());
        let of_sentinel = Arc::new(settings.sentinel_account.clone().unwrap_or_else(|| settings.account.clone()));
        let line = |addr: &NodeAddr| {
            (addr.clone(), Arc::new(Line::new(addr.clone(), Arc::clone(&of_sentinel), clock.clone())))
        };
        let sentinels = sentinels.iter().map(line).collect();
        let dice = random::bytes::<8>().map_or(0x5bd1_e995, u64::from_le_bytes);
        let state = Mutex::new(State { known, sentinels, dice });
        Self { topology, settings, account, clock, state, told: Shared::default() }
    }

    /// What is looked at.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn which(&self, addr: &NodeAddr, view: bool) -> Which {
        match &self.topology {
            Topology::Cluster { .. } => Which::Cluster { view },
            Topology::Replicas { .. } => Which::Replica,
            Topology::Dtm { sessions, buckets } if sessions.contains(addr) => {
                Which::Session(ask::session_keys(buckets.len()))
            }
            Topology::Nodes { .. } | Topology::Dtm { .. } => Which::Alone,
        }
    }

    /// The line of a node that is asked.
    fn line_of(&self, addr: &NodeAddr, which: &Which) -> Arc<Line> {
        let account = match which {
            // It knows neither who asks, nor a password.
            Which::Session(_) => {
                Arc::new(Account { named: false, user: None, password: None, ..self.settings.account.clone() })
            }
            _ => Arc::clone(&self.account),
        };
        let made = || Arc::new(Line::new(addr.clone(), account, self.clock.clone()));
        Arc::clone(self.told().lines.entry(addr.clone()).or_insert_with(made))
    }

    fn start(&self, state: &mut State, addr: NodeAddr, tasks: &mut Tasks, news: &mpsc::UnboundedSender<News>) {
        let (view, sections) = state.known.asks(&addr);
        let which = self.which(&addr, view);
        let line = self.line_of(&addr, &which);
        let wait = self.settings.spread.mul_f64(f64::from(dice(&mut state.dice)) / 256.0);
        let (clock, news) = (self.clock.clone(), news.clone());
        tasks.0.push(task::spawn(async move {
            if !wait.is_zero() {
                clock.sleep(wait).await;
            }
            let asked = task::caught(Box::pin(ask::look(&line, &which, sections, &clock))).await;
            let came = asked.unwrap_or_else(|why| Came::not(clock.now(), sections, Trouble::Own(why.to_string())));
            // Nobody listens any more where the tick was given up.
            let _ = news.send(News::Node(addr, came));
        }));
    }

    fn start_sentinels(&self, state: &State, tasks: &mut Tasks, news: &mpsc::UnboundedSender<News>) -> usize {
        let Topology::Replicas { master, .. } = &self.topology else { return 0 };
        for line in state.sentinels.values() {
            let (line, clock, news, master) = (Arc::clone(line), self.clock.clone(), news.clone(), master.clone());
            tasks.0.push(task::spawn(async move {
                let asked = task::caught(Box::pin(look_at_sentinel(&line, master.as_deref(), &clock))).await;
                let look = asked.unwrap_or_else(|why| SentinelLook {
                    addr: line.addr().clone(),
                    at: clock.now(),
                    answer: Err(Trouble::Own(why.to_string())),
                });
                let _ = news.send(News::Sentinel(look));
            }));
        }
        state.sentinels.len()
    }
}

#[async_trait]
impl Probe for NetProbe {
    async fn tick(&self) -> Vec<Look> {
        let mut state = self.state.lock().await;
        let state = &mut *state;
        let (news, mut heard) = mpsc::unbounded_channel();
        let (mut tasks, mut sentinels) = (Tasks::default(), Vec::new());
        let mut asked = state.known.begin(self.clock.mono());
        let mut outstanding = self.start_sentinels(state, &mut tasks, &news);
        loop {
            outstanding += asked.len();
            for addr in asked.drain(..) {
                self.start(state, addr, &mut tasks, &news);
            }
            if outstanding == 0 {
                asked = state.known.settle();
                if asked.is_empty() {
                    break;
                }
                continue;
            }
            // There is a sender here: it is not closed.
            let Some(one) = heard.recv().await else { break };
            outstanding -= 1;
            match one {
                News::Node(addr, came) => {
                    let spread = dice(&mut state.dice);
                    asked = state.known.came(&addr, came, spread);
                }
                News::Sentinel(look) => {
                    asked = state.known.name(&look.named());
                    sentinels.push(look);
                }
            }
        }
        let (looks, given_up) = state.known.end();
        sentinels.sort_by(|a: &SentinelLook, b| a.addr.cmp(&b.addr));
        let mut told = self.told();
        for addr in &given_up {
            told.lines.remove(addr);
        }
        told.asked = state.known.asked(&looks);
        told.sentinels = sentinels;
        told.urgent = state.known.is_urgent();
        looks
    }

    fn sentinels(&self) -> Vec<SentinelLook> {
        self.told().sentinels.clone()
    }

    fn is_urgent(&self) -> bool {
        self.told().urgent
    }

    fn line(&self, addr: &NodeAddr) -> Option<Arc<Line>> {
        let told = self.told();
        told.lines.get(told.asked.get(addr).unwrap_or(addr)).map(Arc::clone)
    }
}

/// The next of a stream of numbers below 256 (splitmix64).
fn dice(state: &mut u64) -> u8 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed.to_le_bytes()[7]
}
