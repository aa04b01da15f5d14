//! The judge: pure, over what is kept. The same looks at the same time say the same, whoever judges.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::aside::Aside;
use super::facts::{self, Facts, Node};
use super::finding::{Finding, Object, RuleId};
use super::history::{Held, History};
use super::limits::{Kind, Limits, Raise, Subject};
use super::look::{Answer, Look};
use super::merge::Merged;
use super::observe::observe;
use super::rules::{self, RULES, Raw, Rule};
use super::sentinel::SentinelLook;
use super::slots::SlotSet;
use super::snapshot::{ClusterLine, Counts, Health, NodeRow, Role, ShardRow, Sight};
use super::strip::strip;
use super::view::View;
use crate::base::{Severity, Shown, Time};

/// Clocks of hosts that share a state are this close.
const AHEAD: Duration = Duration::from_secs(5);
/// Who has not looked for so long begins anew with what changes from look to look.
const AWAY: Duration = Duration::from_secs(150);

/// A tick: what was seen, and what to judge it by.
#[derive(Debug, Clone, Copy)]
pub struct Tick<'a> {
    /// What is judged.
    pub subject: &'a Subject,
    /// The limits.
    pub limits: &'a Limits,
    /// The looks of the tick, in any order. A node without one was not asked.
    pub looks: &'a [Look],
    /// What was asked beside it, as far as it is still true.
    pub asides: &'a [Aside],
    /// What the sentinels said, where there are any.
    pub sentinels: &'a [SentinelLook],
    /// The time.
    pub now: Time,
    /// When something counts.
    pub raise: Raise,
}

/// Judges a tick. The history that comes back is the next tick's. Looks that are not newer than those judged before count no
/// tick: who only asks again is told the same.
pub fn judge(history: &History, tick: &Tick<'_>) -> (History, Health) {
    judge_by(&RULES, history, tick)
}

/// Judges by other rules than all: what a test leaves out must be missed.
pub fn judge_by(rules: &[Rule], history: &History, tick: &Tick<'_>) -> (History, Health) {
    let history = going_on(history, tick);
    let history: &History = &history;
    let merged = Some(tick.looks).filter(|_| tick.subject.kind == Kind::Cluster);
    let merged = merged.and_then(|looks| Merged::at_home(looks, &history.owners));
    let (nodes, left) = facts::nodes(tick.subject, tick.looks, merged.as_ref(), history);
    let mut facts = Facts {
        subject: tick.subject,
        limits: tick.limits,
        now: tick.now,
        raise: tick.raise,
        merged,
        nodes,
        left,
        asides: tick.asides,
        sentinels: tick.sentinels,
        past: history.clone(),
    };
    let asked = tick.looks.iter().filter(|look| look.answer != Answer::NotAsked);
    // Where no node is known, sentinels alone may say why.
    let newest = asked.map(|look| look.at).max();
    let newest = newest.or_else(|| tick.sentinels.iter().map(|look| look.at).max());
    let new = newest > history.newest;
    let stale = stale(&facts, history);
    if new {
        observe(&mut facts);
        facts.past.newest = newest;
    }
    let mut held = std::mem::take(&mut facts.past.held);
    // Rules that wait by themselves ask since when.
    facts.past.held.clone_from(&held);
    if new {
        let found = rules.iter().flat_map(|rule| (rule.find)(&facts).into_iter().map(move |raw| (rule, raw)));
        let found: Vec<(&Rule, Raw)> = found.collect();
        hold(&mut held, found, &facts, &stale);
    }
    let health = health(&facts, &held);
    let mut past = facts.past;
    past.held = held;
    (past, health)
}

/// What is kept, as far as it is of any use now.
fn going_on<'a>(history: &'a History, tick: &Tick<'_>) -> Cow<'a, History> {
    if tick.raise == Raise::Recorded {
        return Cow::Borrowed(history);
    }
    let Some(newest) = history.newest else { return Cow::Borrowed(history) };
    if newest > tick.now.plus(AHEAD) {
        let mut back = history.clone();
        back.rewind(tick.now);
        Cow::Owned(back)
    } else if tick.now.since(newest) > AWAY {
        let mut later = history.clone();
        later.resume();
        Cow::Owned(later)
    } else {
        Cow::Borrowed(history)
    }
}

/// Nodes whose look was judged before: what is found of them counts no second time.
fn stale(facts: &Facts<'_>, history: &History) -> BTreeSet<String> {
    let looked = |node: &Node<'_>| {
        let before = history.node(&node.addr)?.looked?;
        node.look.filter(|look| look.at <= before).map(|_| node.addr.to_string())
    };
    facts.nodes.iter().filter_map(looked).collect()
}

/// A finding's name tick after tick.
fn key(rule: RuleId, raw: &Raw) -> String {
    match &raw.key {
        Some(key) => format!("{rule} {key}"),
        None => format!("{rule} {}", raw.object),
    }
}

/// What is there for long enough is raised, what is gone for long enough is cleared.
fn hold(held: &mut BTreeMap<String, Held>, found: Vec<(&Rule, Raw)>, facts: &Facts<'_>, stale: &BTreeSet<String>) {
    // Of a node, or by the look at one (B1 is known by its owner).
    let same = |object: &Object, key: Option<&str>| match object {
        Object::Node(addr) => stale.contains(&addr.to_string()),
        _ => key.is_some_and(|key| stale.contains(key)),
    };
    let recorded = facts.raise == Raise::Recorded;
    let (raise, clear) =
        if recorded { (1, 1) } else { (facts.limits.raise_after.max(1), facts.limits.clear_after.max(1)) };
    let mut there: BTreeSet<String> = BTreeSet::new();
    for (rule, raw) in found {
        let key = key(rule.id, &raw);
        let again = !there.insert(key.clone());
        if held.len() >= History::HELD && !held.contains_key(&key) {
            continue;
        }
        let one = held.entry(key).or_insert_with(|| Held {
            since: facts.now,
            there: 0,
            gone: 0,
            raised: false,
            severity: raw.severity,
            object: raw.object.clone(),
            text: String::new(),
            next: None,
            command: None,
            brief: None,
            causes: Vec::new(),
        });
        // Of two that are one the worse counts.
        if again && raw.severity <= one.severity {
            continue;
        }
        if !again && (one.there == 0 || !same(&raw.object, raw.key.as_deref())) {
            one.there = one.there.saturating_add(1);
        }
        one.gone = 0;
        let waited = recorded || facts.ago(one.since) >= (rule.wait)(facts.limits);
        one.raised |= one.there >= raise && waited;
        one.brief = brief(facts, &raw);
        (one.severity, one.object, one.text) = (raw.severity, raw.object, raw.text);
        (one.next, one.command, one.causes) = (raw.next, raw.command, raw.causes);
    }
    held.retain(|key, one| {
        if there.contains(key) {
            return true;
        }
        one.there = 0;
        if one.gone == 0 || !same(&one.object, key.split_once(' ').map(|(_, key)| key)) {
            one.gone = one.gone.saturating_add(1);
        }
        one.raised && one.gone < clear
    });
}

/// The words of a finding where there is little room: what is wrong comes first, which part the node has is left out, and
/// so is what follows from it.
fn brief(facts: &Facts<'_>, raw: &Raw) -> Option<String> {
    let few = raw.brief.clone().unwrap_or_else(|| {
        let node = match &raw.object {
            Object::Node(addr) => facts.nodes.iter().find(|node| node.addr == *addr),
            _ => None,
        };
        let rest = node.and_then(|node| Some((node, raw.text.strip_prefix(&facts.who(node))?)));
        let text = rest.map_or_else(|| raw.text.clone(), |(node, rest)| format!("{}{rest}", node.addr));
        text.split_once("; ").map_or(text.clone(), |(first, _)| first.to_owned())
    });
    Some(few).filter(|few| *few != raw.text)
}

fn health(facts: &Facts<'_>, held: &BTreeMap<String, Held>) -> Health {
    let rule = |key: &str| RULES.iter().find(|rule| Some(rule.id.0) == key.split(' ').next()).map(|rule| rule.id);
    let raised = held.iter().filter(|(_, one)| one.raised).filter_map(|(key, one)| {
        Some(Finding {
            rule: rule(key)?,
            severity: one.severity,
            object: one.object.clone(),
            // It is cleared when it stays away; until then it says what was seen last.
            text: one.text.clone(),
            brief: one.brief.clone(),
            next: one.next.clone(),
            command: one.command.clone(),
            since: one.since,
            over: one.gone > 0,
            causes: one.causes.clone(),
            silenced: None,
            silenced_until: None,
        })
    });
    let (notices, findings): (Vec<_>, Vec<_>) = raised.partition(|finding| finding.severity == Severity::Ok);
    let seen = match facts.subject.kind {
        Kind::Cluster => facts.merged.is_some(),
        Kind::List | Kind::Replicas => facts.nodes.iter().any(|node| node.info.is_some()),
    };
    let strip = strip(facts);
    let line = line(facts, &strip);
    let mut health = Health {
        at: facts.now,
        severity: Severity::Ok,
        seen,
        counts: Counts { not_seen: line.not_seen, ..Counts::default() },
        line,
        nodes: rows(facts, &findings),
        findings,
        notices,
        shards: shards(facts),
        strip,
        events: facts.past.events.clone(),
    };
    health.notices.sort_by(order);
    health.total();
    health
}

/// The worst first, then by rule and object; silenced ones last.
fn order(a: &Finding, b: &Finding) -> std::cmp::Ordering {
    let of = |one: &Finding| (one.silenced.is_some(), std::cmp::Reverse(one.severity), one.rule);
    of(a).cmp(&of(b)).then_with(|| a.object.to_string().cmp(&b.object.to_string())).then_with(|| a.text.cmp(&b.text))
}

impl Health {
    /// Sorts and counts findings, and says how bad it is in all. What could not be seen raises the total to WARNING at most;
    /// nothing at all is seen: it is UNKNOWN.
    pub(super) fn total(&mut self) {
        self.findings.sort_by(order);
        let of = |severity| {
            let all = self.findings.iter().filter(|one| one.silenced.is_none() && one.severity == severity);
            u32::try_from(all.count()).unwrap_or(u32::MAX)
        };
        let silenced = self.findings.iter().filter(|one| one.silenced.is_some()).count();
        self.counts = Counts {
            critical: of(Severity::Critical),
            warning: of(Severity::Warning),
            unknown: of(Severity::Unknown),
            silenced: u32::try_from(silenced).unwrap_or(u32::MAX),
            not_seen: self.line.not_seen,
        };
        self.severity = match self.counts {
            Counts { critical: 1.., .. } => Severity::Critical,
            Counts { warning: 1.., .. } => Severity::Warning,
            _ if !self.seen => Severity::Unknown,
            Counts { unknown: 1.., .. } => Severity::Warning,
            _ => Severity::Ok,
        };
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn line(facts: &Facts<'_>, strip: &[super::snapshot::Strip]) -> ClusterLine {
    use super::snapshot::SlotState;
    let sum = |states: &[SlotState]| {
        let spans = strip.iter().filter(|span| states.contains(&span.state));
        spans.map(|span| u32::from(span.to - span.from) + 1).sum::<u32>()
    };
    let viewed = facts.merged.is_some();
    let owners = || facts.owners();
    let state = facts.merged.as_ref().and_then(|merged| {
        let said = merged.winners().filter_map(|view| view.cluster?.get("cluster_state"));
        // One node that refuses is enough to say so.
        said.map(|state| Shown::text(state).to_string()).max_by_key(|state| state != "ok")
    });
    let lost = facts.lost();
    let keys = owners().map(Node::keys).try_fold(0_u64, |sum, keys| Some(sum.saturating_add(keys?)));
    let keys = keys.filter(|_| lost.is_empty());
    let ops = facts
        .nodes
        .iter()
        .filter(|node| node.serves() == Some(true))
        .map(rate)
        .try_fold((0_u32, 0.0), |(count, sum), ops| Some((count + 1, sum + ops?)));
    let known = facts.subject.kind != Kind::Cluster || viewed || owners().next().is_some();
    ClusterLine {
        name: Shown::text(&facts.subject.name).to_string(),
        kind: facts.subject.kind,
        state,
        served: (!strip.is_empty()).then(|| sum(&[SlotState::Served, SlotState::Open])),
        unseen: (!strip.is_empty()).then(|| sum(&[SlotState::NotSeen])),
        uncovered: (!strip.is_empty()).then(|| sum(&[SlotState::Unassigned, SlotState::Failing])),
        assigned: viewed.then(|| 16_384 - sum(&[SlotState::Unassigned])),
        epoch: facts.merged.as_ref().and_then(|merged| merged.views.iter().filter_map(View::epoch).max()),
        masters: known.then(|| count(owners().count() + lost.len())),
        replicas: known.then(|| count(facts.nodes.iter().filter(|node| node.role == Some(Role::Replica)).count())),
        known: count(facts.nodes.len()),
        answering: count(
            facts.nodes.iter().filter(|node| node.serves() == Some(true) || node.sight == Sight::Loading).count(),
        ),
        not_seen: count(facts.nodes.iter().filter(|node| matches!(node.sight, Sight::Blind | Sight::Other)).count()),
        keys: keys.filter(|_| owners().next().is_some()),
        ops: ops.filter(|(count, _)| *count > 0).map(|(_, sum)| sum),
        views: facts.merged.as_ref().map_or(0, |merged| count(merged.groups.len())),
    }
}

/// Commands a second.
fn rate(node: &Node<'_>) -> Option<f64> {
    node.info?;
    node.past.last_two().and_then(|(new, old)| new.rate(old, "commands"))
}

fn rows(facts: &Facts<'_>, findings: &[Finding]) -> Vec<NodeRow> {
    let mut order: Vec<usize> = (0..facts.nodes.len()).filter(|place| facts.nodes[*place].owner).collect();
    order.sort_by_key(|place| first(&facts.nodes[*place].slots));
    let shards =
        order.iter().flat_map(|place| std::iter::once(*place).chain(facts.nodes[*place].replicas.iter().copied()));
    let mut order: Vec<usize> = shards.collect();
    let placed: BTreeSet<usize> = order.iter().copied().collect();
    order.extend((0..facts.nodes.len()).filter(|place| !placed.contains(place)));
    let mut bad: BTreeMap<&super::addr::NodeAddr, Severity> = BTreeMap::new();
    for finding in findings {
        if let Object::Node(addr) = &finding.object {
            let worst = bad.entry(addr).or_default();
            *worst = finding.severity.max(*worst);
        }
    }
    let nodes = order.into_iter().filter_map(|place| facts.nodes.get(place));
    nodes.map(|node| row(facts, node, bad.get(&node.addr).copied().unwrap_or_default())).collect()
}

fn first(slots: &SlotSet) -> u16 {
    slots.ranges().first().map_or(u16::MAX, |(from, _)| *from)
}

fn row(facts: &Facts<'_>, node: &Node<'_>, severity: Severity) -> NodeRow {
    let number = |name: &str| node.info.and_then(|info| info.number(name));
    let attached = node.attached(facts);
    let master = facts.master(node);
    let lag = attached.as_ref().filter(|one| one.port != 0 && one.state == "online");
    NodeRow {
        addr: node.addr.clone(),
        id: node.id.clone(),
        role: node.role,
        master: master.map(|master| master.addr.clone()),
        sight: node.sight,
        flags: node.line.map(|line| line.flags.iter().copied().collect()).unwrap_or_default(),
        slots: node.slots.clone(),
        severity,
        keys: node.keys(),
        memory: number("used_memory"),
        memory_max: number("maxmemory"),
        ops: rate(node),
        clients: number("connected_clients"),
        link: node.info.and_then(|info| info.get("master_link_status")).map(|link| link == "up"),
        lag_bytes: master.zip(attached.as_ref()).and_then(|(master, one)| rules::bytes_behind(master, one)),
        lag_seconds: lag.and_then(|one| one.lag),
        looked: node.look.filter(|look| look.answer != Answer::NotAsked).map(|look| look.at),
        took: node.look.and_then(|look| look.took),
        version: node.info.and_then(super::info::Info::version).map(|version| Shown::text(&version).to_string()),
        uptime: number("uptime_in_seconds"),
        trouble: node.trouble.map(ToString::to_string),
        rates: node.info.and_then(|_| node.past.last_two()).map(|(new, old)| new.rates(old)).unwrap_or_default(),
    }
}

fn shards(facts: &Facts<'_>) -> Vec<ShardRow> {
    let mut owners: Vec<&Node<'_>> = facts.owners().filter(|_| facts.subject.kind != Kind::List).collect();
    owners.sort_by_key(|node| (first(&node.slots), node.addr.clone()));
    let shard = |node: &Node<'_>| ShardRow {
        master: node.addr.clone(),
        replicas: facts.replicas(node).map(|replica| replica.addr.clone()).collect(),
        slots: node.slots.clone(),
        share: node.slots.share(),
        served: node.serves(),
    };
    owners.into_iter().map(shard).collect()
}
