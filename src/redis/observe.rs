//! What a tick adds to what is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::addr::NodeAddr;
use super::aside::Aside;
use super::facts::{Facts, Node, owners};
use super::finding::{Event, EventKind};
use super::history::{History, NodePast, OpenPast, Seen, Stranger, keep};
use super::limits::{Kind, Limits};
use super::look::Answer;
use super::merge::Merged;
use super::nodes::{Flag, NodeId};
use super::rates::Sample;
use super::rules::opened;
use super::slots::SlotSet;
use super::snapshot::Role;
use super::view::View;
use crate::base::Time;
use crate::base::units::{Count, Span};

/// Keys below which a restart that lost them is not told as one.
const FEW: u64 = 10;
/// Times of full resyncs that are kept of a node.
const SYNCS: usize = 100;
/// How far replicas are behind is kept of so many ticks.
const BEHIND: usize = 4;

/// Takes a tick into what is kept, and into the nodes.
pub fn observe(facts: &mut Facts<'_>) {
    let mut past = std::mem::take(&mut facts.past);
    let mut events = Vec::new();
    for node in &mut facts.nodes {
        of_node(node, facts.limits, facts.now, &mut events);
    }
    let behind = behind(facts);
    for (master, replica, seen) in behind {
        if let Some(node) = facts.nodes.get_mut(master) {
            keep(node.past.behind.entry(replica).or_default(), seen, BEHIND);
        }
    }
    for node in &mut facts.nodes {
        let now = facts.now;
        node.past.behind.retain(|_, seen| seen.last().is_some_and(|one| now.since(one.at) < History::REMEMBERED));
        let aside = facts.asides.iter().filter(|aside| aside.addr == node.addr).max_by_key(|aside| aside.at);
        if let Some(aside) = aside {
            beside(&mut node.past, aside);
        }
    }
    if let Some(merged) = &facts.merged {
        strangers(facts, merged, &mut past.shaking);
        open_slots(facts, merged, &mut past.open);
        let new = owners(merged);
        let epoch = merged.views.iter().filter_map(View::epoch).max();
        if !past.owners.is_empty() {
            events.extend(changes(facts, merged, &past, &new));
        }
        past.owners = new;
        past.epoch = epoch.max(past.epoch);
    } else if facts.subject.kind == Kind::Replicas {
        events.extend(promoted(facts, &past));
    }
    // What was before counts for the events; from here on it is what is.
    for node in &mut facts.nodes {
        node.past.role = node.role.or(node.past.role);
        if let Some(line) = node.line {
            node.past.master.clone_from(&line.master);
        }
        past.nodes.insert(node.addr.to_string(), node.past.clone());
    }
    for addr in &facts.left {
        // It is asked for as long as it is known of.
        if let Some(one) = past.nodes.get_mut(&addr.to_string()) {
            (one.known, one.unserved) = (facts.now, one.unserved.or(Some(facts.now)));
        }
    }
    for event in events {
        tell(&mut past.events, event, facts.limits);
    }
    bound(&mut past, facts.now);
    facts.past = past;
}

fn of_node(node: &mut Node<'_>, limits: &Limits, now: Time, events: &mut Vec<Event>) {
    let Some(look) = node.look.filter(|look| !matches!(look.answer, Answer::NotAsked)) else {
        // Nobody asked: what others say keeps it known, and no more.
        if node.line.is_some() {
            node.past.known = now;
            node.past.id.clone_from(&node.id);
        }
        return;
    };
    let at = look.at;
    let past = &mut node.past;
    (past.known, past.looked) = (now, Some(at));
    let own = look.view().and_then(|lines| lines.iter().find(|line| line.is(Flag::Myself))).map(|line| line.id.clone());
    if let (Some(before), Some(own)) = (&past.id, &own)
        && before != own
    {
        let text = format!("another node answers at {}: was {}, now {}", node.addr, before.short(), own.short());
        events.push(event(at, EventKind::Replaced, &node.addr, text));
        let before = before.clone();
        *past = NodePast { known: now, looked: Some(at), replaced: Some((at, before)), ..NodePast::default() };
    }
    // Where a node has gone from, its name is what tells so.
    past.id = own.or_else(|| node.id.clone()).or_else(|| past.id.take().filter(|_| node.moved.is_some()));
    match node.sight.serves() {
        Some(false) => past.unserved = past.unserved.or(Some(at)),
        // It may have come back, and not let us look.
        Some(true) | None => past.unserved = None,
    }
    if let Some(took) = look.took {
        past.trip(at, took);
    }
    let Some(info) = look.info() else { return };
    let mut told = Vec::new();
    if let Some(run) = info.get("run_id") {
        if past.run.as_deref().is_some_and(|before| before != run) {
            past.restarted = Some((at, past.keys));
            told.push((EventKind::Restart, format!("{} restarted", node.addr)));
        }
        past.run = Some(run.to_owned());
    }
    let sample = Sample::of(at, info, look.cluster());
    if let Some(syncs) = sample.values.get("sync_full").copied() {
        let last = past.syncs.last().map(|seen| seen.value);
        if last.is_some_and(|last| syncs < last) {
            past.syncs.clear();
        }
        if past.syncs.last().is_none_or(|seen| seen.value != syncs) {
            keep(&mut past.syncs, Seen { at, value: syncs }, SYNCS);
        }
    }
    if past.samples.last().is_none_or(|last| last.at < at) {
        keep(&mut past.samples, sample, History::SAMPLES);
    }
    // With save points and stop-writes-on-bgsave-error a failed save refuses writes until one succeeds.
    let failed = info.get("rdb_last_bgsave_status") == Some("err");
    past.refuses = failed && (past.refuses || past.grown("MISCONF").is_some_and(|(grown, _)| grown > 0));
    let loading = info.flag("loading") == Some(true);
    if let Some(keys) = info.keys().filter(|_| !loading) {
        // Compared once, when all it has is there.
        if let Some((restarted, before)) = past.restarted {
            if let Some(before) = before.filter(|before| node.owner && *before >= FEW && lost(keys, *before, limits)) {
                past.emptied = Some((at, before));
                told.push((
                    EventKind::Emptied,
                    format!("{} came back empty: {} keys -> {}", node.addr, Count(before), Count(keys)),
                ));
            }
            past.restarted = Some((restarted, None));
        }
        past.emptied = past.emptied.filter(|(_, before)| lost(keys, *before, limits));
        past.keys = Some(keys);
    }
    events.extend(told.into_iter().map(|(kind, text)| event(at, kind, &node.addr, text)));
}

/// What was asked beside the tick.
fn beside(past: &mut NodePast, aside: &Aside) {
    if let Some(slow) = &aside.slow {
        let newest = slow.iter().map(|slow| slow.id).max();
        past.slow = match (past.slow, newest) {
            // What was there before anybody looked is not new.
            (None, newest) => Some((newest, None)),
            (Some((before, _)), Some(id)) if before != Some(id) => Some((Some(id), Some(aside.at))),
            // It is the same, or it was emptied: the numbers go on.
            (same, _) => same,
        };
    }
    for spike in aside.spikes.iter().flatten() {
        let most = u64::try_from(spike.most.as_micros()).unwrap_or(u64::MAX);
        if past.spikes.len() >= History::STRANGERS && !past.spikes.contains_key(&spike.event) {
            continue;
        }
        let fresh = !past.spikes.contains_key(&spike.event);
        let kept = past.spikes.entry(spike.event.clone()).or_insert((most, None));
        *kept = match *kept {
            (before, _) if !fresh && most > before => (most, Some(aside.at)),
            // LATENCY RESET, or another run.
            (before, _) if most < before => (most, None),
            same => same,
        };
    }
}

fn lost(keys: u64, before: u64, limits: &Limits) -> bool {
    super::rates::precise(keys) < limits.emptied.get() * super::rates::precise(before)
}

fn event(at: Time, kind: EventKind, node: &NodeAddr, text: String) -> Event {
    Event { at, kind, node: node.clone(), slots: SlotSet::default(), text, lasted: None }
}

/// How far replicas are behind now, as their masters have it: the master's place, the replica's address.
fn behind(facts: &Facts<'_>) -> Vec<(usize, String, Seen)> {
    let all = facts.nodes.iter().filter(|node| node.role == Some(Role::Replica)).filter_map(|node| {
        let place = node.master?;
        let master = facts.nodes.get(place)?;
        let value = super::rules::bytes_behind(master, &node.attached(facts)?)?;
        Some((place, node.addr.to_string(), Seen { at: master.look?.at, value }))
    });
    all.collect()
}

/// Nodes that only shake hands, or have no address. A handshake is given up after the node timeout, and whoever begins it anew
/// does so by another name: what is kept outlives such a gap.
fn strangers(facts: &Facts<'_>, merged: &Merged<'_>, known: &mut BTreeMap<String, Stranger>) {
    let now = facts.now;
    for view in &merged.views {
        for line in view.lines().iter().filter(|line| line.is(Flag::Handshake) || line.is(Flag::NoAddr)) {
            let place = line.addr.as_ref().map_or_else(|| line.id.as_str().to_owned(), ToString::to_string);
            if known.len() >= History::STRANGERS && !known.contains_key(&place) {
                continue;
            }
            let fresh = || Stranger {
                id: line.id.clone(),
                since: now,
                seen: now,
                by: Vec::new(),
                handshake: line.is(Flag::Handshake),
            };
            let one = known.entry(place).or_insert_with(fresh);
            if one.seen < now {
                one.by.clear();
            }
            (one.id, one.seen, one.handshake) = (line.id.clone(), now, line.is(Flag::Handshake));
            one.by.push(view.addr.to_string());
        }
    }
    let gap = facts.node_timeout().value;
    // One without an address has its name for good: it is there, or it is not.
    known.retain(|_, one| one.seen == now || (one.handshake && now.since(one.seen) <= gap));
}

fn open_slots(facts: &Facts<'_>, merged: &Merged<'_>, known: &mut BTreeMap<u16, OpenPast>) {
    let open = opened(merged);
    known.retain(|slot, _| open.contains(*slot));
    let holders = |slot: u16, importing: bool| {
        let here = merged
            .views
            .iter()
            .filter(move |view| view.myself.open.iter().any(|open| open.slot == slot && open.importing == importing));
        here.filter_map(|view| facts.by_id(&view.myself.id))
    };
    for slot in open.ranges().iter().flat_map(|(from, to)| *from..=*to) {
        let left = holders(slot, false).find_map(|node| facts.aside(node)?.slot_keys.get(&slot).copied());
        // Keys arrive by RESTORE-ASKING, one each, whichever slot they are of.
        let arrived = holders(slot, true).any(|node| {
            node.past.last_two().and_then(|(new, old)| new.grown(old, "restore-asking")).is_some_and(|grown| grown > 0)
        });
        let now = facts.now;
        let past = known.entry(slot).or_insert(OpenPast { since: now, moved: now, left: None, seen: now });
        let fewer = left.zip(past.left).is_some_and(|(left, (before, _))| left < before);
        if fewer || arrived {
            past.moved = now;
        }
        if let Some(left) = left {
            let first = past.left.map_or(left, |(_, first)| first.max(left));
            past.left = Some((left, first));
        }
        past.seen = now;
    }
}

/// Slots that changed hands: to a replica of who had them and all of them is a failover. Whoever takes over does so with a config
/// epoch above that of the master before. The epoch that `CLUSTER INFO` tells is no measure: it is asked for more often than a
/// large view, and shows a tick earlier.
fn changes(facts: &Facts<'_>, merged: &Merged<'_>, past: &History, new: &BTreeMap<NodeId, SlotSet>) -> Vec<Event> {
    let mut events = Vec::new();
    for (old, had) in &past.owners {
        let kept = new.get(old);
        let lost = kept.map_or_else(|| had.clone(), |kept| had.minus(kept));
        if lost.is_empty() {
            continue;
        }
        for (heir, has) in new {
            let got = lost.minus(&lost.minus(has));
            if got.is_empty() || heir == old {
                continue;
            }
            let Some(node) = facts.by_id(heir) else { continue };
            let was = past.nodes.values().find(|one| one.id.as_ref() == Some(heir));
            let was_replica = was.is_some_and(|one| one.master.as_ref() == Some(old));
            // One that is a replica by now shows the epoch of its master.
            let before = merged.line(old).filter(|line| line.is(Flag::Master)).map(|line| line.epoch);
            let grown = merged.line(heir).map(|line| line.epoch) > before;
            let failover = was_replica && grown && kept.is_none();
            let outage = past.nodes.values().find(|one| one.id.as_ref() == Some(old)).and_then(|one| one.unserved);
            let lasted = outage.filter(|_| failover).map(|since| facts.ago(since));
            let (from, to) = (facts.called(old), &node.addr);
            let long = lasted.map(about).unwrap_or_default();
            let text = if failover {
                format!("failover {}: {got} {from} -> {to}{long}", clock(facts.now))
            } else {
                format!("slots moved {}: {got} {from} -> {to}", clock(facts.now))
            };
            events.push(Event {
                at: facts.now,
                kind: if failover { EventKind::Failover } else { EventKind::Moved },
                node: node.addr.clone(),
                slots: got,
                text,
                lasted: lasted.and_then(|span| u64::try_from(span.as_millis()).ok()),
            });
        }
    }
    events
}

/// Of a primary with replicas: a replica that is none any more has taken over.
fn promoted(facts: &Facts<'_>, past: &History) -> Vec<Event> {
    let was = |node: &Node<'_>, role: Role| past.node(&node.addr).and_then(|past| past.role) == Some(role);
    let new = facts
        .nodes
        .iter()
        .filter(|node| node.info.is_some() && node.role == Some(Role::Master) && was(node, Role::Replica));
    let events = new.map(|node| {
        let old = facts.nodes.iter().find(|other| other.addr != node.addr && was(other, Role::Master));
        let outage = old.and_then(|old| past.node(&old.addr)?.unserved).map(|since| facts.ago(since));
        let from = old.map(|old| format!("{} -> ", old.addr)).unwrap_or_default();
        let long = outage.map(about).unwrap_or_default();
        Event {
            at: facts.now,
            kind: EventKind::Failover,
            node: node.addr.clone(),
            slots: SlotSet::default(),
            text: format!("failover {}: {from}{}{long}", clock(facts.now), node.addr),
            lasted: outage.and_then(|span| u64::try_from(span.as_millis()).ok()),
        }
    });
    events.collect()
}

/// `, about 8 s`: when it began and when it ended is known to a tick.
fn about(span: Duration) -> String {
    format!(", about {}", Span(Duration::from_secs_f64(span.as_secs_f64().round().max(1.0))))
}

/// `06:12:09`
fn clock(at: Time) -> String {
    let shown = at.to_string();
    shown.split_once('T').map_or(shown.clone(), |(_, time)| time.trim_end_matches('Z').to_owned())
}

/// Adds an event. Slots that move to a node one after another are one, of when the first of them did.
fn tell(events: &mut Vec<Event>, event: Event, limits: &Limits) {
    let goes_on = |last: &Event| {
        last.kind == EventKind::Moved && last.node == event.node && event.at.since(last.at) < limits.told_for
    };
    match events.first_mut() {
        Some(last) if event.kind == EventKind::Moved && goes_on(last) => {
            let slots = last.slots.union(&event.slots);
            last.text = event.text.replacen(&event.slots.to_string(), &slots.to_string(), 1);
            last.slots = slots;
        }
        _ => events.insert(0, event),
    }
    events.truncate(History::EVENTS);
}

fn bound(past: &mut History, now: Time) {
    past.nodes.retain(|_, node| now.since(node.known) < History::REMEMBERED);
    while past.nodes.len() > History::NODES {
        let oldest = past.nodes.iter().min_by_key(|(_, node)| node.known).map(|(addr, _)| addr.clone());
        let Some(oldest) = oldest else { break };
        past.nodes.remove(&oldest);
    }
}
