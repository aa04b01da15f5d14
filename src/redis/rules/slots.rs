//! B6 and B7: slots on their way. An open slot stands in the line of the node that holds its marker, and nowhere else: not in
//! `CLUSTER SLOTS`, not in any other node's view.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Raw;
use crate::base::Shown;
use crate::base::units::{Count, Span};
use crate::redis::aside::TaskState;
use crate::redis::facts::Facts;
use crate::redis::finding::Object;
use crate::redis::merge::Merged;
use crate::redis::nodes::NodeId;
use crate::redis::rates::precise;
use crate::redis::slots::SlotSet;

/// A marker: who holds it, what it says, and what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// Both sides know, and keys may move.
    Moving,
    /// The other side was seen and knows nothing.
    Half,
    /// The other side was not seen.
    OneSeen,
    /// The holder gives away what it does not own, or takes what it owns.
    Stale,
}

/// Every slot that is open anywhere.
pub(crate) fn opened(merged: &Merged<'_>) -> SlotSet {
    let all = merged.views.iter().flat_map(|view| &view.myself.open);
    SlotSet::of(all.map(|open| (open.slot, open.slot)))
}

type Key<'a> = (Way, &'a NodeId, &'a NodeId, bool);

/// Markers that say the same, together. A pair counts once, at the side that gives.
fn ways<'a>(merged: &Merged<'a>) -> BTreeMap<Key<'a>, Vec<(u16, u16)>> {
    let mut ways: BTreeMap<Key<'a>, Vec<(u16, u16)>> = BTreeMap::new();
    for view in &merged.views {
        let holder = &view.myself.id;
        for open in &view.myself.open {
            let owned = merged.owner(open.slot) == Some(holder);
            let other = merged.view(&open.peer);
            let paired = other.map(|other| {
                let back = |one: &&crate::redis::nodes::OpenSlot| {
                    one.slot == open.slot && one.importing != open.importing && one.peer == *holder
                };
                other.myself.open.iter().find(back).is_some()
            });
            let way = match (open.importing == owned, paired) {
                (true, _) => Way::Stale,
                (false, Some(true)) if open.importing => continue,
                (false, Some(true)) => Way::Moving,
                (false, Some(false)) => Way::Half,
                (false, None) => Way::OneSeen,
            };
            ways.entry((way, holder, &open.peer, open.importing)).or_default().push((open.slot, open.slot));
        }
    }
    ways
}

/// B6
pub fn open(facts: &Facts<'_>) -> Vec<Raw> {
    let Some(merged) = &facts.merged else { return Vec::new() };
    let mut found = Vec::new();
    for ((way, holder, peer, importing), ranges) in ways(merged) {
        let slots = SlotSet::of(ranges);
        let (name, other) = (facts.called(holder), facts.called(peer));
        let which = if slots.count() == 1 { format!("slot {slots}") } else { format!("slots {slots}") };
        let at = facts.by_id(holder).map(|node| &node.addr);
        let mend = at.map(|at| facts.subject.cli.stable(at, slots.ranges()));
        let what = if slots.count() == 1 { slots.to_string() } else { "n".to_owned() };
        let key = format!("{way:?} {holder} {peer} {importing}");
        let object = Object::Slots(slots.clone());
        let raw = match way {
            Way::Moving => moving(facts, &which, &slots, holder, peer),
            Way::Half => {
                let does = if importing { "importing from" } else { "migrating to" };
                let text =
                    format!("{which} half-open: only {name} knows, {does} {other}; CLUSTER SETSLOT {what} STABLE");
                Raw::warning(object, text).next("finish the move by hand, or call it off where the marker is")
            }
            Way::OneSeen => {
                let does = if importing { "comes from" } else { "goes to" };
                Raw::notice(object, format!("{which} {does} {other}, says {name}; {other} was not seen"))
            }
            Way::Stale => {
                let text = if importing {
                    format!("{which}: {name} says it is importing what it already owns, from {other}; a stale marker")
                } else {
                    format!("{which}: {name} says it is migrating what it does not own, to {other}; a stale marker")
                };
                Raw::warning(object, text).next("clear the marker where it is")
            }
        };
        let raw = raw.key(key);
        found.push(match mend {
            Some(mend) if matches!(way, Way::Half | Way::Stale) => raw.command(mend),
            _ => raw,
        });
    }
    found
}

/// `slot 8450 moving 19102 -> 19103: 10 of 20 keys left, 3 keys/s`
fn moving(facts: &Facts<'_>, which: &str, slots: &SlotSet, from: &NodeId, to: &NodeId) -> Raw {
    let all = || slots.ranges().iter().flat_map(|(from, to)| *from..=*to).filter_map(|slot| facts.past.open.get(&slot));
    let left = all().map(|open| open.left).try_fold((0_u64, 0_u64), |sum, left| {
        let (left, first) = left?;
        Some((sum.0.saturating_add(left), sum.1.saturating_add(first)))
    });
    let rate = facts.by_id(to).and_then(|node| node.past.grown("restore-asking"));
    let mut text = format!("{which} moving {} -> {}", facts.called(from), facts.called(to));
    let mut parts = Vec::new();
    if let Some((left, first)) = left.filter(|(_, first)| *first > 0) {
        parts.push(format!("{} of {} keys left", Count(left), Count(first)));
    }
    if let Some((grown, span)) = rate {
        let rate = precise(grown) / span.as_secs_f64();
        parts.push(if rate >= 10.0 { format!("{rate:.0} keys/s") } else { format!("{rate:.1} keys/s") });
    }
    let still = all().map(|open| facts.ago(open.moved)).max().filter(|still| *still >= facts.limits.slot_stands);
    if let Some(still) = still {
        parts.push(format!("no progress for {}", Span(still)));
    }
    if !parts.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(text, ": {}", parts.join(", "));
    }
    let object = Object::Slots(slots.clone());
    match still {
        Some(_) => Raw::warning(object, text)
            .next("see whether whoever moves it still runs; redis-cli --cluster fix finishes it"),
        None => Raw::notice(object, text),
    }
}

/// B7
pub fn tasks(facts: &Facts<'_>) -> Vec<Raw> {
    let mut found = Vec::new();
    for node in &facts.nodes {
        let tasks = facts.aside(node).and_then(|aside| aside.tasks.as_ref());
        for task in tasks.into_iter().flatten().filter(|task| task.state != TaskState::Done) {
            let told = Shown::text(&task.told);
            let object = Object::Slots(task.slots.clone());
            let raw = match task.state {
                TaskState::Failed => {
                    Raw::warning(object, format!("{}: moving slots {} has failed: {told}", node.addr, task.slots))
                        .next("see its last error, and start it again")
                }
                _ => Raw::notice(object, format!("{}: slots {} are on their way: {told}", node.addr, task.slots)),
            };
            found.push(raw.key(format!("{} {}", node.addr, task.id)));
        }
        // Redis 8.4 says so in CLUSTER INFO, to those who may not ask for the tasks themselves.
        let cluster = node.look.and_then(|look| look.cluster());
        let running = cluster.and_then(|info| info.number("cluster_slot_migration_active_tasks")).filter(|n| *n > 0);
        if let (Some(running), None) = (running, tasks) {
            let text = format!("{}: {} tasks move slots", node.addr, Count(running));
            found.push(Raw::notice(Object::Node(node.addr.clone()), text));
        }
    }
    found
}
