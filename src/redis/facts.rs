//! What the rules ask: every node with what is seen of it, what its cluster says of it, and what it was before.

mod led;
mod moved;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::addr::NodeAddr;
use super::aside::Aside;
use super::history::{History, NodePast};
use super::info::{Attached, Info};
use super::limits::{Kind, Limits, Raise, Subject};
use super::look::{Answer, Look};
use super::merge::Merged;
use super::nodes::{Flag, NodeId, NodeLine};
use super::sentinel::SentinelLook;
use super::slots::SlotSet;
use super::snapshot::{Role, Sight};
use super::trouble::{Says, Trouble};
use crate::base::Time;
use crate::base::units::Span;

/// A node and all that is known of it.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// Where it is.
    pub addr: NodeAddr,
    /// Its name.
    pub id: Option<NodeId>,
    /// The look at it; nothing: it was not looked at.
    pub look: Option<&'a Look>,
    /// Its `INFO`.
    pub info: Option<&'a Info>,
    /// What a direct look says.
    pub sight: Sight,
    /// Why nothing, or not everything, was seen.
    pub trouble: Option<&'a Trouble>,
    /// What is said of it: by the winning view, or by any.
    pub line: Option<&'a NodeLine>,
    /// What it is.
    pub role: Option<Role>,
    /// Of which master it is a replica, by place in [`Facts::nodes`].
    pub master: Option<usize>,
    /// What it owns in the winning view (where no view was seen: in the last one that was).
    pub slots: SlotSet,
    /// Its replicas, by place.
    pub replicas: Vec<usize>,
    /// Whether it is a master that serves clients: of a cluster, one with slots.
    pub owner: bool,
    /// What was kept of it, this tick included.
    pub past: NodePast,
    /// Where the node answers that was here before; nobody answers here.
    pub moved: Option<NodeAddr>,
}

/// How long after the node timeout a node that is stopped is suspected by most, at most.
const SUSPECTED: Duration = Duration::from_secs(5);

/// How old a view may be: large ones are asked for that seldom.
const VIEWS: Duration = Duration::from_secs(10);

/// Whether a cluster has missed a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// It suspects it, or has lost its lines to it: a failover comes, if it can.
    Yes,
    /// It does not answer here, and the cluster waits for so long before it suspects anybody.
    NotYet(Duration),
    /// It hears it.
    No,
    /// No view says.
    Unknown,
}

/// An owner of slots that is nowhere: its cluster has lost its address (`noaddr`), or another node answers there. So it is when
/// a node loses its `nodes.conf` and comes back by a new name: the others never call the old one failed, and state stays ok.
#[derive(Debug, Clone)]
pub struct Lost<'a> {
    /// Its name.
    pub id: &'a NodeId,
    /// Its slots.
    pub slots: SlotSet,
    /// Whether every view calls it gone. Else it is not seen, and may be alive.
    pub gone: bool,
}

/// All of it.
#[derive(Debug)]
pub struct Facts<'a> {
    /// What is judged.
    pub subject: &'a Subject,
    /// The limits.
    pub limits: &'a Limits,
    /// When.
    pub now: Time,
    /// When something counts.
    pub raise: Raise,
    /// The views; nothing: none was seen.
    pub merged: Option<Merged<'a>>,
    /// The nodes, sorted by address.
    pub nodes: Vec<Node<'a>>,
    /// Addresses that nodes have gone from and nobody needs to be told of.
    pub left: Vec<NodeAddr>,
    /// What was asked beside the tick.
    pub asides: &'a [Aside],
    /// What the sentinels said, where there are any.
    pub sentinels: &'a [SentinelLook],
    /// What is kept, this tick included.
    pub past: History,
}

/// What of a look is trouble. Elsewhere than in a cluster nobody asks for views.
fn trouble(look: &Look, kind: Kind) -> Option<&Trouble> {
    match &look.answer {
        Answer::NotAsked => None,
        Answer::Failed(trouble) => Some(trouble),
        Answer::Came(reply) => {
            let views = [reply.nodes.as_ref().err(), reply.cluster.as_ref().err()];
            let views = views.into_iter().filter(|_| kind == Kind::Cluster);
            let all = std::iter::once(reply.info.as_ref().err()).chain(views);
            all.flatten().find(|trouble| **trouble != Trouble::NotAsked)
        }
    }
}

/// What a direct look says. Where anything came the node answers, whatever it refuses.
fn sight(look: &Look, kind: Kind) -> Sight {
    let of = |trouble: &Trouble| match trouble.says() {
        Says::Down => Sight::Down,
        Says::Hung => Sight::Hung,
        Says::Loading => Sight::Loading,
        Says::Busy => Sight::Busy,
        Says::Full => Sight::Full,
        Says::Blind => Sight::Blind,
        Says::Other => Sight::Other,
        Says::Nothing => Sight::NotAsked,
    };
    match &look.answer {
        Answer::NotAsked => Sight::NotAsked,
        Answer::Failed(trouble) => of(trouble),
        Answer::Came(reply) => {
            let loading = reply.info.as_ref().is_ok_and(|info| info.flag("loading") == Some(true));
            let came = reply.info.is_ok() || reply.nodes.is_ok() || reply.cluster.is_ok();
            match &reply.nodes {
                _ if loading => Sight::Loading,
                Err(Trouble::Loading) => Sight::Loading,
                Err(Trouble::NoCluster) if kind == Kind::Cluster => Sight::Other,
                _ if came => Sight::Answers,
                _ => trouble(look, kind).map_or(Sight::NotAsked, of),
            }
        }
    }
}

/// Every node that is looked at or spoken of, sorted by address; and where nodes have gone from, see [`Facts::left`].
pub fn nodes<'a>(
    subject: &Subject,
    looks: &'a [Look],
    merged: Option<&Merged<'a>>,
    history: &History,
) -> (Vec<Node<'a>>, Vec<NodeAddr>) {
    let mut all: BTreeMap<NodeAddr, Node<'a>> = BTreeMap::new();
    let own = |look: &Look| {
        let mine = look.view().and_then(|lines| lines.iter().find(|line| line.is(Flag::Myself)));
        mine.map(|line| line.id.clone())
    };
    let owned: BTreeMap<NodeId, SlotSet> = match merged {
        Some(merged) => owners(merged),
        None if subject.kind == Kind::Cluster => history.owners.clone(),
        None => BTreeMap::new(),
    };
    // A node that was asked at two addresses is one.
    let mut asked: BTreeMap<NodeId, NodeAddr> = BTreeMap::new();
    let mut looks: Vec<&Look> = looks.iter().collect();
    looks.sort_by(|a, b| (&a.addr, b.at).cmp(&(&b.addr, a.at)));
    for look in looks {
        let id = own(look);
        if let Some(id) = &id {
            match asked.entry(id.clone()) {
                Entry::Occupied(_) => continue,
                Entry::Vacant(free) => free.insert(look.addr.clone()),
            };
        }
        all.entry(look.addr.clone()).or_insert_with(|| node(look.addr.clone(), id, Some(look), subject.kind));
    }
    for id in merged.map(Merged::ids).unwrap_or_default() {
        if asked.contains_key(*id) {
            continue;
        }
        let Some(addr) = merged.and_then(|merged| merged.place(id)) else { continue };
        let known = all.entry(addr.clone()).or_insert_with(|| node(addr.clone(), None, None, subject.kind));
        // Where two names were known by one address, the one that has not failed is it.
        let better = match &known.id {
            None => true,
            Some(other) => merged.and_then(|merged| merged.line(other)).is_some_and(|other| other.is(Flag::Fail)),
        };
        if better && known.look.is_none_or(|look| look.view().is_none()) {
            known.id = Some((*id).clone());
        }
    }
    let led = if subject.kind == Kind::Replicas { led::led(&all) } else { BTreeMap::new() };
    // A name without an address may be that of a host that is no more.
    let nameless = |node: &Node<'_>| matches!(node.trouble, Some(Trouble::Resolve { .. }));
    let other = |node: &Node<'_>| match node.info {
        Some(info) => info.get("role") != Some("master"),
        None => nameless(node) && led.contains_key(&node.addr),
    };
    if all.values().all(other) {
        // Nobody was asked where the master is; one that does not answer might be it by another name.
        for (addr, cut) in &led {
            let named = all.entry(addr.clone()).or_insert_with(|| node(addr.clone(), None, None, subject.kind));
            if *cut && (named.look.is_none() || nameless(named)) {
                named.sight = Sight::Gone;
            }
        }
    }
    let mut nodes: Vec<Node<'a>> = all.into_values().collect();
    for node in &mut nodes {
        node.past = history.node(&node.addr).cloned().unwrap_or_default();
        // Who never answered and closes each connection, or begins no TLS, may serve others in another way: TLS or none, or
        // behind a proxy.
        let shy = matches!(node.trouble, Some(Trouble::Closed | Trouble::Handshake(_)));
        if node.sight == Sight::Hung && node.past.run.is_none() && shy {
            node.sight = Sight::Blind;
        }
        if node.id.is_none() {
            // Who answers elsewhere, or is said to be elsewhere, is not here any more.
            let elsewhere = |id: &NodeId| {
                asked.contains_key(id) || merged.and_then(|all| all.place(id)).is_some_and(|at| *at != node.addr)
            };
            let before = node.past.id.clone().filter(|id| !elsewhere(id));
            node.id = before;
        }
        node.line = node.id.as_ref().and_then(|id| merged?.line(id));
        if node.sight == Sight::NotAsked && node.id.as_ref().is_some_and(|id| merged.is_some_and(|all| all.gone(id))) {
            node.sight = Sight::Gone;
        }
        node.slots = node.id.as_ref().and_then(|id| owned.get(id)).cloned().unwrap_or_default();
        node.role = role(node);
        node.owner = match subject.kind {
            Kind::Cluster => !node.slots.is_empty(),
            Kind::List => node.role != Some(Role::Replica),
            Kind::Replicas => node.role == Some(Role::Master),
        };
    }
    let left = moved::take_out(&mut nodes, &asked, subject);
    if subject.kind == Kind::Replicas {
        led::lead(&mut nodes, &led);
    }
    family(&mut nodes);
    (nodes, left)
}

fn node(addr: NodeAddr, id: Option<NodeId>, look: Option<&Look>, kind: Kind) -> Node<'_> {
    Node {
        addr,
        id,
        look,
        info: look.and_then(Look::info),
        sight: look.map_or(Sight::NotAsked, |look| sight(look, kind)),
        trouble: look.and_then(|look| trouble(look, kind)),
        line: None,
        role: None,
        master: None,
        slots: SlotSet::default(),
        replicas: Vec::new(),
        owner: false,
        past: NodePast::default(),
        moved: None,
    }
}

/// Who owns what in the winning view.
pub fn owners(merged: &Merged<'_>) -> BTreeMap<NodeId, SlotSet> {
    let mut ranges: BTreeMap<&NodeId, Vec<(u16, u16)>> = BTreeMap::new();
    for (from, to, id) in merged.owners() {
        if let Some(id) = id {
            ranges.entry(id).or_default().push((from, to));
        }
    }
    ranges.into_iter().map(|(id, ranges)| (id.clone(), SlotSet::of(ranges))).collect()
}

/// By the winning view, by itself, or as it was.
fn role(node: &Node<'_>) -> Option<Role> {
    let said = node.line.and_then(|line| match (line.is(Flag::Master), line.is(Flag::Replica)) {
        (true, _) => Some(Role::Master),
        (_, true) => Some(Role::Replica),
        _ => None,
    });
    let own = || match node.info?.get("role")? {
        "master" => Some(Role::Master),
        "slave" | "replica" => Some(Role::Replica),
        _ => None,
    };
    said.or_else(own).or(node.past.role)
}

/// Whose replica each is: by name in a cluster, by the address of its master elsewhere.
fn family(nodes: &mut [Node<'_>]) {
    let ids: BTreeMap<NodeId, usize> =
        nodes.iter().enumerate().filter_map(|(place, node)| Some((node.id.clone()?, place))).collect();
    let addrs: BTreeMap<NodeAddr, usize> =
        nodes.iter().enumerate().map(|(place, node)| (node.addr.clone(), place)).collect();
    let of = |node: &Node<'_>| {
        let by_name = node.line.and_then(|line| line.master.as_ref());
        if let Some(id) = by_name {
            return ids.get(id).copied();
        }
        if node.line.is_some() {
            return None;
        }
        let told = node.info.and_then(|info| addrs.get(&led::master_of(info)?).copied());
        told.or_else(|| ids.get(node.past.master.as_ref()?).copied())
    };
    let masters: Vec<Option<usize>> =
        nodes.iter().map(|node| of(node).filter(|_| node.role == Some(Role::Replica))).collect();
    for (place, master) in masters.into_iter().enumerate() {
        nodes[place].master = master;
        if let Some(master) = master.filter(|master| *master != place) {
            nodes[master].replicas.push(place);
        }
    }
}

impl<'a> Node<'a> {
    /// Whether it serves its clients; nothing: that is not known.
    pub fn serves(&self) -> Option<bool> {
        self.sight.serves()
    }

    /// Keys, where all of them are in memory.
    pub fn keys(&self) -> Option<u64> {
        self.info.filter(|info| info.flag("loading") != Some(true))?.keys()
    }

    /// Where a replica is, as its master has it.
    pub fn attached(&self, facts: &'a Facts<'_>) -> Option<Attached> {
        let master = facts.nodes.get(self.master?)?;
        let all = master.info?.attached();
        let same = |one: &&Attached| one.port == self.addr.port() && one.ip == self.addr.host();
        if let Some(found) = all.iter().find(same) {
            return Some(found.clone());
        }
        // Behind another address, or by a name: the port tells, if it is the only one.
        let mut ports = all.iter().filter(|one| one.port == self.addr.port());
        let port = ports.next().filter(|_| ports.next().is_none());
        // One that never told its port is the replica that is left.
        let mut nameless = all.iter().filter(|one| one.port == 0 && one.ip == self.addr.host());
        let left = || nameless.next().filter(|_| nameless.next().is_none() && master.replicas.len() == 1);
        port.or_else(left).cloned()
    }
}

impl<'a> Facts<'a> {
    /// Those that own slots, or serve clients by themselves.
    pub fn owners(&self) -> impl Iterator<Item = &Node<'a>> {
        self.nodes.iter().filter(|node| node.owner)
    }

    /// Owners by the winning view that have no place of their own, in the order of their slots.
    pub fn lost(&self) -> Vec<Lost<'a>> {
        let Some(merged) = &self.merged else { return Vec::new() };
        let placed: BTreeSet<&NodeId> = self.nodes.iter().filter_map(|node| node.id.as_ref()).collect();
        let mut all: BTreeMap<&'a NodeId, Vec<(u16, u16)>> = BTreeMap::new();
        for (from, to, id) in merged.owners() {
            if let Some(id) = id.filter(|id| !placed.contains(id)) {
                all.entry(id).or_default().push((from, to));
            }
        }
        let lost = |(id, ranges)| Lost { id, slots: SlotSet::of(ranges), gone: merged.gone(id) };
        let mut lost: Vec<Lost<'a>> = all.into_iter().map(lost).collect();
        lost.sort_by(|a, b| a.slots.ranges().cmp(b.slots.ranges()));
        lost
    }

    /// Whose cluster says that they are replicas of a node, wherever that is.
    pub fn replicas_of<'b>(&'b self, id: &'b NodeId) -> impl Iterator<Item = &'b Node<'a>> {
        self.nodes.iter().filter(move |node| node.line.is_some_and(|line| line.master.as_ref() == Some(id)))
    }

    /// The replicas of a node.
    pub fn replicas<'b>(&'b self, node: &'b Node<'a>) -> impl Iterator<Item = &'b Node<'a>> {
        node.replicas.iter().filter_map(|place| self.nodes.get(*place))
    }

    /// The master of a node.
    pub fn master(&self, node: &Node<'a>) -> Option<&Node<'a>> {
        self.nodes.get(node.master?)
    }

    /// A node by its name.
    pub fn by_id(&self, id: &NodeId) -> Option<&Node<'a>> {
        self.nodes.iter().find(|node| node.id.as_ref() == Some(id))
    }

    /// Where a node is, or its name where that is not known.
    pub fn called(&self, id: &NodeId) -> String {
        let known = self.by_id(id).map(|node| node.addr.to_string());
        known.unwrap_or_else(|| format!("node {}", id.short()))
    }

    /// `127.0.0.1:19101, master of 0-5460 (33 %)`
    pub fn who(&self, node: &Node<'a>) -> String {
        match (node.role, self.master(node)) {
            (_, _) if !node.slots.is_empty() => format!("{}, master of {}", node.addr, share(&node.slots)),
            (Some(Role::Replica), Some(master)) => format!("{}, replica of {}", node.addr, master.addr),
            (Some(Role::Replica), None) => format!("{}, replica", node.addr),
            (Some(Role::Master), _) => format!("{}, master", node.addr),
            (None, _) => node.addr.to_string(),
        }
    }

    /// How long ago that was.
    pub fn ago(&self, since: Time) -> Duration {
        self.now.since(since)
    }

    /// A time that a server told, by our clock: its own may be off. It tells what time it has (`server_time_usec`, redis 6 and
    /// later); where it does not, clocks are taken to be alike.
    pub fn by_its_clock(&self, node: &Node<'a>, told: Time) -> Time {
        let own = node.info.and_then(|info| info.signed("server_time_usec")).filter(|micros| *micros > 0);
        match (own.map(Time::from_micros), node.look) {
            (Some(own), Some(look)) if own >= told => look.at.minus(own.since(told)),
            (Some(own), Some(look)) => look.at.plus(told.since(own)),
            _ => told,
        }
    }

    /// ` for 3 s`; nothing where it has only begun.
    pub fn lasting(&self, since: Option<Time>) -> String {
        let span = since.map(|since| self.ago(since)).filter(|span| span.as_secs() > 0);
        span.map(|span| format!(" for {}", Span(span))).unwrap_or_default()
    }

    /// Whether the cluster has missed a master that serves nobody here. While it hears it, nobody takes over: a script answers
    /// the bus, and a node that only firn cannot reach is well. One that loads after a start is not heard (measured on redis
    /// 7.0 and 8.0 and on valkey 8.1): its lines have ended with the process before it, and it takes up no new ones.
    pub fn missed(&self, node: &Node<'a>) -> Missed {
        let said = node.id.as_ref().zip(self.merged.as_ref()).and_then(|(id, merged)| merged.missed(id));
        let timeout = self.node_timeout().value;
        let least = match node.sight {
            // The bus is answered meanwhile.
            Sight::Busy => Duration::ZERO,
            // A process that has ended has closed its lines at once.
            Sight::Down if matches!(node.trouble, Some(Trouble::Refused)) => VIEWS,
            // Who is stopped, or whose machine is gone, keeps its lines for as long as the node timeout.
            _ => timeout.saturating_add(SUSPECTED),
        };
        let young = node.past.unserved.is_none_or(|since| self.ago(since) < least);
        match said {
            None => Missed::Unknown,
            Some(true) => Missed::Yes,
            Some(false) if young => Missed::NotYet(timeout),
            Some(false) => Missed::No,
        }
    }

    /// Whether a replica may take over; nothing: that is not known. Of one whose master is dead the line is down as a
    /// matter of course: it counts how long.
    /// Source: `clusterHandleSlaveFailover` of redis, `cluster-replica-validity-factor`.
    pub fn promotable(&self, replica: &Node<'a>) -> Option<Result<(), String>> {
        if replica.line.is_some_and(|line| line.is(Flag::NoFailover)) {
            return Some(Err(format!("{} will not take over (nofailover)", replica.addr)));
        }
        if replica.serves() != Some(true) {
            return None;
        }
        let info = replica.info?;
        let link = info.get("master_link_status")?;
        let down = info.number("master_link_down_since_seconds").map(Duration::from_secs);
        if link == "up" {
            return Some(Ok(()));
        }
        let dead = self.master(replica).is_some_and(|master| master.serves() == Some(false));
        let first =
            info.signed("master_sync_total_bytes").is_some() && info.flag("master_sync_in_progress") == Some(true);
        let most = self.validity(replica);
        let since = down.map(|down| format!(" {}", Span(down))).unwrap_or_default();
        match (dead, down, most.value) {
            // -1 and no time at all: it has never had its master's data.
            (_, None, _) if info.get("master_link_down_since_seconds").is_some() => {
                Some(Err(format!("{} never had its master's data", replica.addr)))
            }
            (true, Some(down), Some(most_allowed)) if down > most_allowed => {
                let how = if most.assumed { ", as servers are set by default" } else { "" };
                Some(Err(format!(
                    "{} has been cut off for longer than allowed ({} of {}{how})",
                    replica.addr,
                    Span(down),
                    Span(most_allowed)
                )))
            }
            (true, _, _) => Some(Ok(())),
            (false, _, _) if first => Some(Err(format!("{} link down{since}, resync under way", replica.addr))),
            (false, _, _) => Some(Err(format!("{} link down{since}", replica.addr))),
        }
    }

    /// What was asked of a node beside the tick.
    pub fn aside(&self, node: &Node<'a>) -> Option<&'a Aside> {
        self.asides.iter().filter(|aside| aside.addr == node.addr).max_by_key(|aside| aside.at)
    }

    /// The machine a node is on; nothing: a loopback address does not say.
    pub fn host(&self, node: &Node<'a>) -> Option<String> {
        let loopback = |addr: &NodeAddr| addr.ip().map_or(addr.host() == "localhost", |ip| ip.is_loopback());
        // What its cluster calls it by counts: firn may ask it through a tunnel.
        let told = node.line.and_then(|line| line.addr.as_ref());
        let all = || told.into_iter().chain([&node.addr]);
        let hosts = &self.subject.hosts;
        let label = all().find_map(|addr| hosts.get(&addr.to_string()).or_else(|| hosts.get(addr.host())));
        label.cloned().or_else(|| all().find(|addr| !loopback(addr)).map(|addr| addr.host().to_owned()))
    }
}

/// `0-5460 (33 %)`
pub fn share(slots: &SlotSet) -> String {
    format!("{slots} ({})", percent(slots.share()))
}

/// `33 %`; what is below one is not nothing.
pub fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.995 { "< 1 %".to_owned() } else { format!("{share:.0} %") }
}
