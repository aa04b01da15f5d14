//! Looking at a cluster: every node is asked itself, all at once, each within its own deadline.

mod ask;
mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::Mutex as Shared;
use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc};

use super::addr::NodeAddr;
use super::conn::Account;
use super::info::Info;
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

    /// Nodes that the last tick has no look of, as their answer is still out or has come only just before: the look before stands.
    fn standing(&self) -> Vec<NodeAddr> {
        Vec::new()
    }

    /// Somebody who looked before knew these nodes: they are asked too.
    async fn know(&self, _: &[NodeAddr]) {}

    /// What the sentinels said in the last tick, where there are any.
    fn sentinels(&self) -> Vec<SentinelLook> {
        Vec::new()
    }

    /// Whether the last tick missed a node that answered before: whoever asks again at once, and not after the usual time, knows
    /// sooner whether it is so.
    fn is_urgent(&self) -> bool {
        false
    }

    /// Whether a node has closed its connection since it last answered: a process that dies does, and whoever asks then knows
    /// sooner than the usual time. It is told until it is asked the next time but one.
    fn is_cut(&self) -> bool {
        false
    }

    /// The line to a node, for what is asked on demand; nothing: it is not known, or there is none (a recording).
    fn line(&self, _: &NodeAddr) -> Option<Arc<Line>> {
        None
    }

    /// What a node says of itself now, where that is known without a line to ask it on.
    fn info(&self, _: &NodeAddr) -> Option<Info> {
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
    /// A tick waits so long for the slowest and no longer: what comes later counts in the next one. Nothing: it waits for all,
    /// as long as each may take.
    pub haste: Option<Duration>,
    /// Whether those who let nobody in are asked again in every tick, as there are only a few.
    pub restless: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account: Account::default(),
            sentinel_account: None,
            keep: Duration::from_mins(10),
            spread: Duration::from_millis(50),
            most: MOST_NODES,
            haste: None,
            restless: false,
        }
    }
}

/// Nodes of one cluster that are asked.
pub const MOST_NODES: usize = 4_096;
/// A view above this size is asked for every [`VIEW_AGE`], and at once when `CLUSTER INFO` says that something moved.
pub const LARGE_VIEW: usize = 64 << 10;
/// How old a large view may be.
pub const VIEW_AGE: Duration = Duration::from_secs(10);
/// In a tick that comes early nobody is asked who has answered so short a time ago.
const GAP: Duration = Duration::from_millis(900);
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
    /// Who was asked and has not answered.
    out: Tasks,
    news: mpsc::UnboundedSender<News>,
    heard: mpsc::UnboundedReceiver<News>,
}

#[derive(Debug, Default)]
struct Told {
    lines: BTreeMap<NodeAddr, Arc<Line>>,
    /// Where a node is asked that is told under another address.
    asked: BTreeMap<NodeAddr, NodeAddr>,
    sentinels: Vec<SentinelLook>,
    urgent: bool,
    standing: Vec<NodeAddr>,
    /// Those that were asked in the last tick, where they are asked.
    lately: BTreeSet<NodeAddr>,
}

/// What comes back from one that was asked.
enum News {
    Node(NodeAddr, Came),
    Sentinel(SentinelLook),
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Node(NodeAddr),
    Sentinel(NodeAddr),
}

/// Tasks whose answers are out; whoever gives the probe up gives them up.
#[derive(Debug, Default)]
struct Tasks(BTreeMap<Asked, JoinHandle<()>>);

impl Tasks {
    fn give_up(&mut self) {
        for task in std::mem::take(&mut self.0).into_values() {
            task.abort();
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.give_up();
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
        let gap = settings.haste.map_or(Duration::ZERO, |_| GAP);
        let known = Known::new(seeds, merges, settings.keep, settings.most, clock.mono()).paced(gap, settings.restless);
        let account = Arc::new(settings.account.clone());
        let of_sentinel = Arc::new(settings.sentinel_account.clone().unwrap_or_else(|| settings.account.clone()));
        let line = |addr: &NodeAddr| {
            (addr.clone(), Arc::new(Line::new(addr.clone(), Arc::clone(&of_sentinel), clock.clone())))
        };
        let sentinels = sentinels.iter().map(line).collect();
        let dice = random::bytes::<8>().map_or(0x5bd1_e995, u64::from_le_bytes);
        let (news, heard) = mpsc::unbounded_channel();
        let state = Mutex::new(State { known, sentinels, dice, out: Tasks::default(), news, heard });
        Self { topology, settings, account, clock, state, told: Shared::default() }
    }

    /// What is looked at.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    fn is_line_cut(&self, addr: &NodeAddr) -> bool {
        self.told().lines.get(addr).is_some_and(|line| line.is_cut())
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

    fn start(&self, state: &mut State, addr: NodeAddr) {
        let (view, sections) = state.known.asks(&addr);
        let which = self.which(&addr, view);
        let line = self.line_of(&addr, &which);
        let wait = self.settings.spread.mul_f64(f64::from(dice(&mut state.dice)) / 256.0);
        let (clock, news, name) = (self.clock.clone(), state.news.clone(), Asked::Node(addr.clone()));
        let asking = task::spawn(async move {
            if !wait.is_zero() {
                clock.sleep(wait).await;
            }
            let asked = task::caught(Box::pin(ask::look(&line, &which, sections, &clock))).await;
            let came = asked.unwrap_or_else(|why| Came::not(clock.now(), sections, Trouble::Own(why.to_string())));
            // Nobody listens any more where the probe was given up.
            let _ = news.send(News::Node(addr, came));
        });
        state.out.0.insert(name, asking);
    }

    fn start_sentinels(&self, state: &mut State) {
        let Topology::Replicas { master, .. } = &self.topology else { return };
        for (addr, line) in &state.sentinels {
            let name = Asked::Sentinel(addr.clone());
            if state.out.0.contains_key(&name) {
                continue;
            }
            let (line, clock, news, master) =
                (Arc::clone(line), self.clock.clone(), state.news.clone(), master.clone());
            let asking = task::spawn(async move {
                let asked = task::caught(Box::pin(look_at_sentinel(&line, master.as_deref(), &clock))).await;
                let look = asked.unwrap_or_else(|why| SentinelLook {
                    addr: line.addr().clone(),
                    at: clock.now(),
                    answer: Err(Trouble::Own(why.to_string())),
                });
                let _ = news.send(News::Sentinel(look));
            });
            state.out.0.insert(name, asking);
        }
    }

    /// Takes in what has come: whom to ask besides.
    fn take(state: &mut State, news: News, sentinels: &mut BTreeMap<NodeAddr, SentinelLook>) -> Vec<NodeAddr> {
        match news {
            News::Node(addr, came) => {
                state.out.0.remove(&Asked::Node(addr.clone()));
                let spread = dice(&mut state.dice);
                state.known.came(&addr, came, spread)
            }
            News::Sentinel(look) => {
                state.out.0.remove(&Asked::Sentinel(look.addr.clone()));
                let named = state.known.name(&look.named());
                sentinels.insert(look.addr.clone(), look);
                named
            }
        }
    }
}

#[async_trait]
impl Probe for NetProbe {
    async fn tick(&self) -> Vec<Look> {
        let mut state = self.state.lock().await;
        let state = &mut *state;
        let haste = self.settings.haste;
        if haste.is_none() && !state.out.0.is_empty() {
            // A tick was given up: nobody wants to know any more.
            state.out.give_up();
            (state.news, state.heard) = mpsc::unbounded_channel();
            state.known.given_up();
        }
        let until = haste.map(|haste| self.clock.mono().plus(haste));
        // Of a sentinel whose answer is out the last one stands.
        let before = self.told().sentinels.clone();
        let mut sentinels: BTreeMap<NodeAddr, SentinelLook> =
            before.into_iter().map(|look| (look.addr.clone(), look)).collect();
        let mut asked = state.known.begin(self.clock.mono(), |addr| self.is_line_cut(addr));
        while let Ok(late) = state.heard.try_recv() {
            asked.extend(Self::take(state, late, &mut sentinels));
        }
        asked.extend(state.known.again());
        self.start_sentinels(state);
        loop {
            for addr in asked.drain(..) {
                self.start(state, addr);
            }
            if state.out.0.is_empty() {
                asked = state.known.settle();
                if asked.is_empty() {
                    break;
                }
                continue;
            }
            let one = match until {
                None => state.heard.recv().await,
                Some(until) => {
                    let left = until.since(self.clock.mono());
                    tokio::select! {
                        biased;
                        one = state.heard.recv() => one,
                        () = self.clock.sleep(left) => None,
                    }
                }
            };
            let Some(one) = one else { break };
            asked = Self::take(state, one, &mut sentinels);
        }
        // Who is found only now is asked meanwhile.
        for addr in state.known.settle() {
            self.start(state, addr);
        }
        let (looks, given_up) = state.known.end();
        let mut told = self.told();
        // Nobody is asked at a second address of a node: it has one connection.
        for addr in given_up.iter().chain(&state.known.spare()) {
            told.lines.remove(addr);
        }
        told.asked = state.known.asked(&looks);
        told.sentinels = sentinels.into_values().collect();
        told.urgent = state.known.is_urgent();
        told.standing = state.known.standing();
        told.lately = state.known.lately();
        looks
    }

    fn standing(&self) -> Vec<NodeAddr> {
        self.told().standing.clone()
    }

    async fn know(&self, addrs: &[NodeAddr]) {
        if matches!(self.topology, Topology::Cluster { .. } | Topology::Replicas { .. }) {
            self.state.lock().await.known.know(addrs, self.clock.mono());
        }
    }

    fn sentinels(&self) -> Vec<SentinelLook> {
        self.told().sentinels.clone()
    }

    fn is_urgent(&self) -> bool {
        self.told().urgent
    }

    fn is_cut(&self) -> bool {
        // Who is asked no more, as the same node answers at another address, may be cut for good.
        let told = self.told();
        told.lately.iter().filter_map(|addr| told.lines.get(addr)).any(|line| line.is_cut())
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
