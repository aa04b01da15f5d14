//! Which nodes are asked: seeds, and whom the views name. Pure.
//!
//! A node that answers at two addresses (a seed by its name, and the address that the others see) is asked at one of them, and
//! told under the address that the others see. A view counts only while a seed's view, or one that is reached from there,
//! names the node it is of: whoever has gone over to another cluster does not bring that one in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::addr::NodeAddr;
use super::super::look::{Answer, Look};
use super::super::nodes::{Flag, NodeId, NodeLine};
use super::super::trouble::{Says, Trouble};
use super::ask::{Came, Sections};
use super::{AGAIN, LARGE_VIEW, VIEW_AGE};
use crate::base::backoff::Backoff;
use crate::base::clock::Mono;

#[cfg(test)]
mod tests;

/// Who answers at an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A node of a cluster.
    Node(NodeId),
    /// A process, by its `run_id`.
    Run(String),
}

/// An address that is asked.
#[derive(Debug)]
struct Entry {
    seed: bool,
    /// When somebody last named it.
    named: Mono,
    /// In which tick that was.
    named_in: u64,
    who: Option<Who>,
    /// Under which address the others see who answers here, if under another.
    label: Option<NodeAddr>,
    /// Whether it did in the last tick.
    answered: bool,
    /// The look of this tick, or the one that stands for it while nobody asks.
    look: Option<Look>,
    looked_in: u64,
    failures: u32,
    not_before: Option<Mono>,
    sections: Sections,
    /// The view that stands while a large one is not asked for.
    view: Option<Vec<NodeLine>>,
    /// What `CLUSTER INFO` said that a changed view would change.
    state: Vec<Option<u64>>,
    /// When it was last asked.
    asked: Option<Mono>,
    awaits: Awaits,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    /// Nothing.
    Nothing,
    /// Its answer.
    Answer,
    /// The next tick: it was passed over in this one, as it has answered only just before.
    Turn,
}

/// Somebody whom a view names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Where.
    pub addr: NodeAddr,
    /// Who; nothing: that is not told.
    pub id: Option<NodeId>,
}

/// A view of which it is not clear yet whether it counts.
#[derive(Debug)]
struct Pending {
    id: NodeId,
    seed: bool,
    named: Vec<Named>,
}

/// The addresses that are asked.
#[derive(Debug)]
pub struct Known {
    /// Whether two addresses may be one node; where somebody listed them, they are two.
    merges: bool,
    entries: BTreeMap<NodeAddr, Entry>,
    /// Who belongs to the cluster, by the views that counted in the last tick.
    home: BTreeSet<NodeId>,
    /// The same of this tick, so far.
    found: BTreeSet<NodeId>,
    pending: Vec<Pending>,
    /// Whether a seed has shown its view in this tick.
    seeded: bool,
    tick: u64,
    now: Mono,
    keep: Duration,
    most: usize,
    views: Views,
    urgent: bool,
    /// Who has answered is asked again after so long at the earliest.
    gap: Duration,
    /// When those who let nobody in are asked again; nothing: in every tick.
    again: Option<Backoff>,
}

/// When views are asked for.
#[derive(Debug, Default)]
struct Views {
    /// Whether one is large.
    large: bool,
    /// When all were asked for.
    asked: Option<Mono>,
    /// Whether something has moved since.
    moved: bool,
}

/// Fields of `CLUSTER INFO` that change with a view.
const STATE: [&str; 7] = [
    "cluster_current_epoch",
    "cluster_known_nodes",
    "cluster_size",
    "cluster_slots_assigned",
    "cluster_slots_ok",
    "cluster_slots_pfail",
    "cluster_slots_fail",
];

impl Known {
    /// Seeds alone.
    pub fn new(
        seeds: impl IntoIterator<Item = NodeAddr>,
        merges: bool,
        keep: Duration,
        most: usize,
        now: Mono,
    ) -> Self {
        let mut known = Self {
            merges,
            entries: BTreeMap::new(),
            home: BTreeSet::new(),
            found: BTreeSet::new(),
            pending: Vec::new(),
            seeded: false,
            tick: 0,
            now,
            keep,
            most,
            views: Views::default(),
            urgent: false,
            gap: Duration::ZERO,
            again: Some(AGAIN),
        };
        for seed in seeds {
            known.enter(seed, true);
        }
        known
    }

    /// Who has answered is asked again after so long at the earliest; `restless`: those who let nobody in are asked again in
    /// every tick.
    pub fn paced(mut self, gap: Duration, restless: bool) -> Self {
        (self.gap, self.again) = (gap, Some(AGAIN).filter(|_| !restless));
        self
    }

    /// Somebody knew these before: they are asked as if a view had named them.
    pub fn know(&mut self, addrs: &[NodeAddr], now: Mono) {
        self.now = now;
        for addr in addrs {
            self.enter(addr.clone(), false);
        }
    }

    fn enter(&mut self, addr: NodeAddr, seed: bool) -> bool {
        if self.entries.contains_key(&addr) || self.entries.len() >= self.most {
            return false;
        }
        let entry = Entry {
            seed,
            named: self.now,
            named_in: self.tick,
            who: None,
            label: None,
            answered: false,
            look: None,
            looked_in: 0,
            failures: 0,
            not_before: None,
            sections: Sections::default(),
            view: None,
            state: Vec::new(),
            asked: None,
            awaits: Awaits::Nothing,
        };
        self.entries.insert(addr, entry);
        true
    }

    /// Begins a tick: who is asked in it, those whose line is cut at once. Whose answer is still out is not asked again.
    pub fn begin(&mut self, now: Mono, is_cut: impl Fn(&NodeAddr) -> bool) -> Vec<NodeAddr> {
        self.now = now;
        self.tick += 1;
        self.pending.clear();
        self.found.clear();
        self.seeded = false;
        self.urgent = false;
        let views = &self.views;
        if !views.large || views.moved || views.asked.is_none_or(|at| now.since(at) >= VIEW_AGE) {
            self.views = Views { asked: Some(now), ..Views::default() };
            for entry in self.entries.values_mut() {
                entry.view = None;
            }
        }
        let spare = self.spare();
        let mut due = Vec::new();
        for (addr, entry) in &mut self.entries {
            if entry.awaits == Awaits::Turn {
                entry.awaits = Awaits::Nothing;
            }
            if entry.awaits == Awaits::Answer || entry.not_before.is_some_and(|at| at > now) || spare.contains(addr) {
                continue;
            }
            let just = entry.answered && entry.asked.is_some_and(|at| now.since(at) < self.gap);
            if just && !is_cut(addr) {
                entry.awaits = Awaits::Turn;
            } else {
                due.push(addr.clone());
            }
        }
        due
    }

    /// Addresses at which nobody is asked, as the same node answers at another.
    pub fn spare(&self) -> BTreeSet<NodeAddr> {
        let answering = || self.entries.iter().filter(|(_, entry)| entry.answered);
        let mut best: BTreeMap<&Who, (&NodeAddr, &Entry)> = BTreeMap::new();
        for (addr, entry) in answering() {
            let Some(who) = &entry.who else { continue };
            let kept = best.entry(who).or_insert((addr, entry));
            // At the address that others name, and be it only because what they say of it is meant for that.
            if entry.named_in > kept.1.named_in {
                *kept = (addr, entry);
            }
        }
        let labels: BTreeSet<&NodeAddr> = answering().filter_map(|(_, entry)| entry.label.as_ref()).collect();
        let spare = self.entries.iter().filter(|(addr, entry)| {
            let other = entry.who.as_ref().and_then(|who| best.get(who)).is_some_and(|(kept, _)| kept != addr);
            other || (!entry.answered && labels.contains(addr))
        });
        spare.map(|(addr, _)| addr.clone()).collect()
    }

    /// A node is asked: whether for its view, and what it knows of `INFO`.
    pub fn asks(&mut self, addr: &NodeAddr) -> (bool, Sections) {
        let now = self.now;
        self.entries.get_mut(addr).map_or((true, Sections::default()), |entry| {
            (entry.asked, entry.awaits) = (Some(now), Awaits::Answer);
            (entry.view.is_none(), entry.sections)
        })
    }

    /// Whose late answer of this tick is that there is none: they are asked again.
    pub fn again(&self) -> Vec<NodeAddr> {
        let late = self.entries.iter().filter(|(_, entry)| {
            entry.looked_in == self.tick
                && entry.awaits == Awaits::Nothing
                && !entry.answered
                && entry.not_before.is_none_or(|at| at <= self.now)
        });
        late.map(|(addr, _)| addr.clone()).collect()
    }

    /// Nobody waits for what is out.
    pub fn given_up(&mut self) {
        for entry in self.entries.values_mut() {
            entry.awaits = Awaits::Nothing;
        }
    }

    /// Whose last look stands for this tick: their answer is still out, or has come only just before.
    pub fn standing(&self) -> Vec<NodeAddr> {
        let standing = self.entries.iter().filter(|(_, entry)| match entry.awaits {
            Awaits::Turn => true,
            Awaits::Answer => entry.looked_in != self.tick,
            Awaits::Nothing => false,
        });
        standing.map(|(addr, entry)| entry.label.clone().unwrap_or_else(|| addr.clone())).collect()
    }

    /// Those that were asked in this tick.
    pub fn lately(&self) -> BTreeSet<NodeAddr> {
        let asked = self.entries.iter().filter(|(_, entry)| entry.looked_in == self.tick);
        asked.map(|(addr, _)| addr.clone()).collect()
    }

    /// What a node answered: whom to ask besides, in the same tick. `spread` moves the wait of one who lets nobody in.
    pub fn came(&mut self, addr: &NodeAddr, came: Came, spread: u8) -> Vec<NodeAddr> {
        let (now, tick) = (self.now, self.tick);
        let Some(entry) = self.entries.get_mut(addr) else { return Vec::new() };
        let before = entry.answered;
        (entry.looked_in, entry.awaits) = (tick, Awaits::Nothing);
        entry.sections = came.sections;
        let replicas = named_by_replication(&came);
        let mut look = Look { addr: addr.clone(), at: came.at, took: came.took, answer: Answer::NotAsked };
        let mut pending = None;
        match came.reply {
            Ok(mut reply) => {
                if let Some(view) = &entry.view {
                    reply.nodes = reply.cluster.as_ref().map(|_| view.clone()).map_err(Clone::clone);
                }
                if let Ok(view) = &reply.nodes {
                    if came.view.is_some_and(|bytes| bytes > LARGE_VIEW) {
                        self.views.large = true;
                        entry.view = Some(view.clone());
                    }
                    if let Some(own) = view.iter().find(|line| line.is(Flag::Myself)) {
                        entry.who = Some(Who::Node(own.id.clone()));
                        entry.label = own.addr.clone().filter(|seen| seen != addr);
                        let id = own.id.clone();
                        pending = Some(Pending { id, seed: entry.seed, named: named_by_view(view) });
                    }
                } else if let Some(info) = reply.info.as_ref().ok().filter(|_| self.merges) {
                    entry.who = info.get("run_id").map(|id| Who::Run(id.to_owned()));
                    entry.label = None;
                }
                if let Ok(cluster) = &reply.cluster {
                    let state: Vec<_> = STATE.iter().map(|name| cluster.number(name)).collect();
                    self.views.moved |= !entry.state.is_empty() && entry.state != state;
                    entry.state = state;
                }
                look.answer = reply.answer();
            }
            Err(why) => look.answer = Answer::Failed(why),
        }
        match &look.answer {
            Answer::Failed(why) => {
                entry.answered = false;
                entry.view = None;
                self.urgent |= before && why.says() != Says::Blind;
                if let Some(again) = self.again.as_ref().filter(|_| wants_patience(why)) {
                    entry.failures = entry.failures.saturating_add(1);
                    entry.not_before = Some(now.plus(again.after(entry.failures, spread)));
                } else {
                    (entry.failures, entry.not_before) = (0, None);
                }
            }
            Answer::Came(_) | Answer::NotAsked => {
                entry.answered = true;
                (entry.failures, entry.not_before) = (0, None);
            }
        }
        entry.look = Some(look);
        let mut fresh = self.name(&replicas);
        if let Some(pending) = pending {
            self.seeded |= pending.seed;
            self.pending.push(pending);
            fresh.extend(self.count());
        }
        fresh
    }

    /// Takes in the views that count by now: whom to ask besides.
    fn count(&mut self) -> Vec<NodeAddr> {
        let mut fresh = Vec::new();
        while let Some(place) = self.pending.iter().position(|view| view.seed || self.found.contains(&view.id)) {
            let view = self.pending.swap_remove(place);
            self.found.extend(view.named.iter().filter_map(|named| named.id.clone()));
            fresh.extend(self.name(&view.named));
        }
        fresh
    }

    /// Everybody has answered, or not: whom to ask besides. Where no seed has shown its view, those count who were in the
    /// cluster before.
    pub fn settle(&mut self) -> Vec<NodeAddr> {
        if self.seeded {
            return Vec::new();
        }
        self.found.extend(self.home.iter().cloned());
        self.count()
    }

    /// Somebody names these: which of them are new.
    pub fn name(&mut self, named: &[Named]) -> Vec<NodeAddr> {
        let mut fresh = Vec::new();
        for one in named {
            let who = one.id.clone().map(Who::Node);
            let known = |addr: &NodeAddr, entry: &Entry| {
                *addr == one.addr || (who.is_some() && entry.who == who && entry.label.as_ref() == Some(&one.addr))
            };
            let place = if self.entries.contains_key(&one.addr) {
                Some(one.addr.clone())
            } else {
                self.entries.iter().find(|(addr, entry)| known(addr, entry)).map(|(addr, _)| addr.clone())
            };
            match place.and_then(|addr| self.entries.get_mut(&addr)) {
                Some(entry) => (entry.named, entry.named_in) = (self.now, self.tick),
                None => {
                    if self.enter(one.addr.clone(), false) {
                        fresh.push(one.addr.clone());
                    }
                }
            }
        }
        fresh
    }

    /// Ends a tick: what is seen of each node, one look each, and the addresses that are given up.
    pub fn end(&mut self) -> (Vec<Look>, Vec<NodeAddr>) {
        if !self.found.is_empty() {
            self.home = std::mem::take(&mut self.found);
        }
        let tick = self.tick;
        let missing = |entry: &&mut Entry| entry.looked_in != tick && entry.awaits == Awaits::Nothing;
        for entry in self.entries.values_mut().filter(missing) {
            entry.answered = false;
        }
        let (now, keep) = (self.now, self.keep);
        let gone = |entry: &Entry| !entry.seed && !entry.answered && now.since(entry.named) > keep;
        let given_up: Vec<NodeAddr> =
            self.entries.iter().filter(|(_, entry)| gone(entry)).map(|(addr, _)| addr.clone()).collect();
        for addr in &given_up {
            self.entries.remove(addr);
        }
        let spare = self.spare();
        let mut looks: BTreeMap<NodeAddr, Look> = BTreeMap::new();
        for (addr, entry) in &mut self.entries {
            // What was seen of a node that nobody is patient with is of this tick.
            let stands = entry.looked_in == self.tick || entry.not_before.is_some();
            let look = if entry.answered { entry.look.take() } else { entry.look.clone() };
            let Some(mut look) = look.filter(|_| stands && !spare.contains(addr)) else { continue };
            look.addr = entry.label.clone().unwrap_or(look.addr);
            match looks.get(&look.addr) {
                Some(kept) if kept.reply().is_some() || look.reply().is_none() => {}
                _ => {
                    looks.insert(look.addr.clone(), look);
                }
            }
        }
        (looks.into_values().collect(), given_up)
    }

    /// Whether a node that answered before did not in this tick, or has not yet.
    pub fn is_urgent(&self) -> bool {
        let waits = |entry: &Entry| entry.awaits == Awaits::Answer && (entry.answered || entry.look.is_none());
        self.urgent || self.entries.values().any(waits)
    }

    /// Where nodes are asked that are told under another address.
    pub fn asked(&self, looks: &[Look]) -> BTreeMap<NodeAddr, NodeAddr> {
        let told: BTreeSet<&NodeAddr> = looks.iter().map(|look| &look.addr).collect();
        let by_label = self.entries.iter().filter(|(_, entry)| entry.answered);
        let by_label = by_label.filter_map(|(addr, entry)| Some((entry.label.clone()?, addr.clone())));
        // Whoever answers where it is told is asked there.
        let direct = |label: &NodeAddr| self.entries.get(label).is_some_and(|entry| entry.answered);
        by_label.filter(|(label, _)| told.contains(label) && !direct(label)).collect()
    }
}

/// Whether asking again soon is of no use to anybody.
fn wants_patience(why: &Trouble) -> bool {
    matches!(
        why,
        Trouble::Resolve { .. }
            | Trouble::NoAuth
            | Trouble::WrongPass
            | Trouble::NoPassword
            | Trouble::NoUsers
            | Trouble::NoPerm(_)
            | Trouble::Denied
            | Trouble::Tls(_)
            | Trouble::Handshake(_)
            | Trouble::Own(_)
    )
}

/// Whom a view names. Who is only being met may be anybody.
fn named_by_view(view: &[NodeLine]) -> Vec<Named> {
    let met = view.iter().filter(|line| !line.is(Flag::Handshake));
    met.filter_map(|line| Some(Named { addr: line.addr.clone()?, id: Some(line.id.clone()) })).collect()
}

/// Whom a node names as its master or its replicas; `ROLE` says the same where `INFO` may not be asked.
fn named_by_replication(came: &Came) -> Vec<Named> {
    let Some(role) = &came.role else { return Vec::new() };
    let named = |host: &str, port: u16| Some(Named { addr: NodeAddr::new(host, port)?, id: None });
    if let Some(info) = came.reply.as_ref().ok().and_then(|reply| reply.info.as_ref().ok()) {
        let master = info.get("master_host").zip(info.get("master_port").and_then(|port| port.parse().ok()));
        let replicas = info.attached();
        let replicas = replicas.iter().filter_map(|one| named(&one.ip, one.port));
        return replicas.chain(master.and_then(|(host, port)| named(host, port))).collect();
    }
    let of = |host: Option<&super::super::resp::Value>, port: Option<&super::super::resp::Value>| {
        named(&host?.text()?, u16::try_from(port?.integer()?).ok()?)
    };
    let Some(parts) = role.array() else { return Vec::new() };
    match parts.first().and_then(super::super::resp::Value::text).as_deref() {
        Some("master") => {
            let replicas = parts.get(2).and_then(super::super::resp::Value::array).unwrap_or_default();
            replicas.iter().filter_map(|one| of(one.array()?.first(), one.array()?.get(1))).collect()
        }
        Some("slave") => of(parts.get(1), parts.get(2)).into_iter().collect(),
        _ => Vec::new(),
    }
}
