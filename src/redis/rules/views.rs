//! C1 to C5: views that disagree. They differ for milliseconds in normal work, so the table lets these wait.

use std::collections::{BTreeMap, BTreeSet};

use super::Raw;
use super::led::masters;
use super::safety::names;
use crate::base::units::Span;
use crate::redis::facts::Facts;
use crate::redis::finding::Object;
use crate::redis::limits::{Kind, Raise};
use crate::redis::merge::Merged;
use crate::redis::nodes::{Flag, NodeId};
use crate::redis::slots::SlotSet;
use crate::redis::view::View;

/// C1
pub fn members(facts: &Facts<'_>) -> Vec<Raw> {
    let Some(merged) = &facts.merged else { return Vec::new() };
    let mut found = Vec::new();
    let all = merged.views.len();
    for id in merged.ids() {
        let member = |view: &&View<'_>| view.line(id).is_some_and(|line| !line.is(Flag::Handshake));
        let know = merged.views.iter().filter(member).count();
        if know == all {
            continue;
        }
        let name = facts.called(id);
        if know * 2 >= all {
            for view in merged.views.iter().filter(|view| !member(view)) {
                let text = format!("{} does not know {name} ({know} of {all} know it): CLUSTER MEET", view.addr);
                let raw = Raw::warning(Object::Node(view.addr.clone()), text).key(format!("{} {id}", view.addr));
                let to = facts.by_id(id).map(|node| facts.subject.cli.meet(view.addr, &node.addr));
                let raw = raw.next("make them known to each other again");
                found.push(match to {
                    Some(command) => raw.command(command),
                    None => raw,
                });
            }
        } else {
            // The one that is not known may itself be the one that knows: it has been forgotten by the others.
            let by: BTreeSet<String> = merged.views.iter().filter(member).map(|view| view.addr.to_string()).collect();
            let own = merged.view(id).map(|view| view.addr.clone());
            let (text, object) = match &own {
                Some(own) => (
                    format!("{own} is known to {know} of {all} nodes only ({})", names(&by)),
                    Object::Node(own.clone()),
                ),
                None => (format!("only {} still knows {name} ({know} of {all} nodes)", names(&by)), Object::Cluster),
            };
            let raw = Raw::warning(object, text).key(id.as_str());
            found.push(match (own, merged.winner()) {
                (Some(own), Some(winner)) => raw
                    .next("CLUSTER MEET, or CLUSTER RESET at it if it is to go")
                    .command(facts.subject.cli.meet(winner.addr, &own)),
                (None, Some(winner)) => raw
                    .next("let it be forgotten everywhere")
                    .command(facts.subject.cli.forget_everywhere(winner.addr, id)),
                _ => raw,
            });
        }
    }
    found.extend(merged.foreign.iter().map(|view| {
        let alone = view.members().count() == 1;
        let text = if alone {
            format!("{} knows no other node", view.addr)
        } else {
            format!("{} belongs to another cluster: it knows no node of this one", view.addr)
        };
        let next =
            if alone { "CLUSTER MEET, if it is to join" } else { "take it from the seeds, or see who set its address" };
        Raw::warning(Object::Node(view.addr.clone()), text).next(next)
    }));
    found
}

/// The nodes of views.
fn named(merged: &Merged<'_>, views: &[usize]) -> BTreeSet<String> {
    views.iter().filter_map(|place| merged.views.get(*place)).map(|view| view.addr.to_string()).collect()
}

/// C2: slots that are claimed twice are C3's.
pub fn owners(facts: &Facts<'_>) -> Vec<Raw> {
    let Some(merged) = &facts.merged else { return Vec::new() };
    let split = merged.splits().iter().fold(SlotSet::default(), |all, split| all.union(&split.slots));
    let found = merged.disputes().into_iter().filter_map(|dispute| {
        let slots = dispute.slots.minus(&split);
        if slots.is_empty() {
            return None;
        }
        let who = |id: Option<&NodeId>| id.map_or_else(|| "nobody".to_owned(), |id| facts.called(id));
        let which = if slots.count() == 1 { format!("slot {slots}") } else { format!("slots {slots}") };
        let by = names(&named(merged, &dispute.views));
        // Whether somebody serves them: whoever claims a slot in its own view does. One that was not seen may.
        let first = slots.ranges().first().map_or(0, |(from, _)| *from);
        let claims = |id: Option<&NodeId>| {
            let Some(id) = id else { return Some(false) };
            merged.view(id).map(|view| view.claims().is_some_and(|claims| claims.contains(first)))
        };
        let (by_named, by_owner) = (claims(dispute.named), claims(dispute.owner));
        let says = if dispute.views.len() == 1 { "says" } else { "say" };
        let text = format!("{which}: {by} {says} {}, the others say {}", who(dispute.named), who(dispute.owner));
        let object = Object::Slots(slots.clone());
        let key = format!("{:?} {:?} {:?}", dispute.named, dispute.owner, dispute.views);
        let loops = (by_named, by_owner) == (Some(false), Some(false));
        let raw = if loops {
            Raw::critical(object, format!("{text}: MOVED loop, neither serves"))
        } else {
            Raw::warning(object, format!("{text}: stale map on {by}"))
        };
        // A command mends one slot at one master; what is more is in words.
        let alone = match dispute.views.as_slice() {
            [place] if slots.count() == 1 => merged.views.get(*place).filter(|view| view.myself.is(Flag::Master)),
            _ => None,
        };
        let mend = dispute.owner.zip(alone);
        let raw = raw.key(key).next("tell the nodes that differ who the owner is: CLUSTER SETSLOT n NODE id");
        Some(match mend {
            Some((owner, view)) => raw.command(facts.subject.cli.set_slot(view.addr, first, owner)),
            None => raw,
        })
    });
    found.collect()
}

/// C3
pub fn splits(facts: &Facts<'_>) -> Vec<Raw> {
    if facts.subject.kind == Kind::Replicas {
        return masters(facts);
    }
    let Some(merged) = &facts.merged else { return Vec::new() };
    let found = merged.splits().into_iter().filter_map(|split| {
        let (owner, other) = (merged.views.get(split.views.0)?, merged.views.get(split.views.1)?);
        let place = |view: &View<'_>| {
            let host = facts.by_id(&view.myself.id).and_then(|node| facts.host(node));
            let host = host.map(|host| format!(", host {}", crate::base::Shown::text(&host))).unwrap_or_default();
            format!("{} (epoch {}{host})", view.addr, view.myself.epoch)
        };
        let text = format!(
            "{} still claims {}; {} is the owner: writes at {} are refused after node-timeout, and what was written is lost on healing",
            place(other),
            split.slots,
            place(owner),
            other.addr
        );
        Some(
            Raw::critical(Object::Slots(split.slots.clone()), text)
                .key(format!("{} {}", owner.addr, other.addr))
                .next(format!("keep clients from {}, and bring its network back", other.addr))
                .command(facts.subject.cli.ask(other.addr, &["CLUSTER", "NODES"])),
        )
    });
    found.collect()
}

/// C4: two nodes that answer here and each miss the other.
pub fn partition(facts: &Facts<'_>) -> Vec<Raw> {
    let Some(merged) = &facts.merged else { return Vec::new() };
    let misses = |one: &View<'_>, other: &View<'_>| one.misses(&other.myself.id) && other.misses(&one.myself.id);
    // Sides: who does not miss each other. The winning side comes first.
    let order: Vec<usize> = merged.groups.iter().flat_map(|group| group.views.iter().copied()).collect();
    let mut sides: Vec<Vec<&View<'_>>> = Vec::new();
    for view in order.iter().filter_map(|place| merged.views.get(*place)) {
        match sides.iter_mut().find(|side| side.iter().all(|other| !misses(view, other))) {
            Some(side) => side.push(view),
            None => sides.push(vec![view]),
        }
    }
    if sides.len() < 2 {
        return Vec::new();
    }
    let shown: Vec<String> = sides
        .iter()
        .map(|side| {
            let hosts: BTreeSet<String> = side
                .iter()
                .map(|view| {
                    let host = facts.by_id(&view.myself.id).and_then(|node| facts.host(node));
                    host.map_or_else(|| view.addr.to_string(), |host| crate::base::Shown::text(&host).to_string())
                })
                .collect();
            format!("{{{}}}", names(&hosts))
        })
        .collect();
    let majority = shown.first().cloned().unwrap_or_default();
    let sorted: BTreeSet<String> = shown.into_iter().collect();
    let sorted: Vec<String> = sorted.into_iter().collect();
    let text = format!(
        "the cluster is split: {} do not hear each other; most masters are in {majority}; from here all of them answer",
        sorted.join(" | ")
    );
    vec![Raw::critical(Object::Cluster, text).next("bring the network between them back, the bus ports too")]
}

/// C5
pub fn roles(facts: &Facts<'_>) -> Vec<Raw> {
    let Some(merged) = &facts.merged else { return Vec::new() };
    let mut found = Vec::new();
    let old = |rule_key: &str, least: std::time::Duration| {
        let since = facts.past.held.get(&format!("C5 {rule_key}")).map(|held| facts.ago(held.since));
        facts.raise == Raise::Recorded || since.is_some_and(|since| since >= least)
    };
    for id in merged.ids() {
        let mut said: BTreeMap<(bool, Option<&NodeId>), BTreeSet<String>> = BTreeMap::new();
        for view in &merged.views {
            if let Some(line) = view.line(id).filter(|line| line.is(Flag::Master) || line.is(Flag::Replica)) {
                said.entry((line.is(Flag::Master), line.master.as_ref())).or_default().insert(view.addr.to_string());
            }
        }
        if said.len() > 1 {
            let key = format!("role {id}");
            let parts: Vec<String> = said
                .iter()
                .map(|((master, of), by)| {
                    let what = match (master, of) {
                        (true, _) => "a master".to_owned(),
                        (false, Some(of)) => format!("a replica of {}", facts.called(of)),
                        (false, None) => "a replica".to_owned(),
                    };
                    format!("{what} for {}", names(by))
                })
                .collect();
            let text = format!("{} is {}", facts.called(id), parts.join(", and "));
            let object = facts.by_id(id).map_or(Object::Cluster, |node| Object::Node(node.addr.clone()));
            let raw = if old(&key, facts.limits.views_differ) {
                Raw::warning(object, text)
            } else {
                Raw::notice(object, text)
            };
            found
                .push(raw.key(key).next("it should pass within seconds; else see whether the bus ports are reachable"));
        }
    }
    let epochs: BTreeSet<u64> = merged.views.iter().filter_map(View::epoch).collect();
    if epochs.len() > 1
        && let (Some(low), Some(high)) = (epochs.first().copied(), epochs.last().copied())
    {
        let behind: BTreeSet<String> =
            merged.views.iter().filter(|view| view.epoch() == Some(low)).map(|view| view.addr.to_string()).collect();
        let since = facts.past.held.get("C5 epoch").map(|held| held.since);
        let lasting = since.map(|since| facts.ago(since)).filter(|span| span.as_secs() > 0);
        let lasting = lasting.map(|span| format!(" for {}", Span(span))).unwrap_or_default();
        let text =
            format!("nodes hold different current epochs{lasting}: {low} at {}, {high} elsewhere", names(&behind));
        let old = old("epoch", facts.limits.epochs_differ);
        let raw = if old { Raw::warning(Object::Cluster, text) } else { Raw::notice(Object::Cluster, text) };
        found.push(raw.key("epoch").next("see whether they hear the others: their bus ports, and the partition above"));
    }
    found
}
