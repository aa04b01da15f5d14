//! What a tick adds to what is kept.

use std::collections::BTreeMap;

use super::addr::NodeAddr;
use super::facts::{Facts, Node, owners};
use super::finding::{Event, EventKind};
use super::history::{History, NodePast, OpenPast, Seen, keep};
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
use crate::base::units::Count;

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
        let aside = facts.asides.iter().filter(|aside| aside.addr == node.addr).max_by_key(|aside| aside.at);
        let newest = aside.and_then(|aside| aside.slow.as_ref()?.iter().map(|slow| (slow.id, aside.at)).max());
        if let Some((id, at)) = newest {
            node.past.slow = match node.past.slow {
                None => Some((id, None)),
                Some((before, _)) if id > before => Some((id, Some(at))),
                // The numbers begin anew with the server.
                Some((before, _)) if id < before => Some((id, None)),
                same => same,
            };
        }
    }
    if let Some(merged) = &facts.merged {
        strangers(merged, &mut past.strangers, facts.now);
        open_slots(facts, merged, &mut past.open);
        let new = owners(merged);
        let epoch = merged.views.iter().filter_map(View::epoch).max();
        if !past.owners.is_empty() {
            events.extend(changes(facts, &past, &new, epoch));
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
    past.known = now;
    let own = look.view().and_then(|lines| lines.iter().find(|line| line.is(Flag::Myself))).map(|line| line.id.clone());
    if let (Some(before), Some(own)) = (&past.id, &own)
        && before != own
    {
        let text = format!("another node answers at {}: was {}, now {}", node.addr, before.short(), own.short());
        events.push(event(at, EventKind::Replaced, &node.addr, text));
        let before = before.clone();
        *past = NodePast { known: now, replaced: Some((at, before)), ..NodePast::default() };
    }
    past.id = own.or_else(|| node.id.clone());
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

fn lost(keys: u64, before: u64, limits: &Limits) -> bool {
    super::rates::precise(keys) < limits.emptied * super::rates::precise(before)
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

/// Nodes that only shake hands, or have no address.
fn strangers(merged: &Merged<'_>, known: &mut BTreeMap<NodeId, Time>, now: Time) {
    let lines = merged.views.iter().flat_map(View::lines);
    let seen = lines.filter(|line| line.is(Flag::Handshake) || line.is(Flag::NoAddr));
    let seen: BTreeMap<NodeId, Time> =
        seen.map(|line| (line.id.clone(), known.get(&line.id).copied().unwrap_or(now))).collect();
    *known = seen;
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

/// Slots that changed hands: to a replica of who had them and all of them is a failover.
fn changes(facts: &Facts<'_>, past: &History, new: &BTreeMap<NodeId, SlotSet>, epoch: Option<u64>) -> Vec<Event> {
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
            let before = past.nodes.values().find(|one| one.id.as_ref() == Some(heir));
            let was_replica = before.is_some_and(|one| one.master.as_ref() == Some(old));
            let grown = epoch > past.epoch;
            let failover = was_replica && grown && kept.is_none();
            let outage = past.nodes.values().find(|one| one.id.as_ref() == Some(old)).and_then(|one| one.unserved);
            let lasted = outage.filter(|_| failover).map(|since| facts.ago(since));
            let (from, to) = (facts.called(old), &node.addr);
            let long = lasted.map(|span| format!(", {:.1} s", span.as_secs_f64())).unwrap_or_default();
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
        let long = outage.map(|span| format!(", {:.1} s", span.as_secs_f64())).unwrap_or_default();
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
