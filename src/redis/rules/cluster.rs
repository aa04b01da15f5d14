//! B1 to B5 and B11: the cluster, from its views laid together.

use super::Raw;
use super::led;
use crate::base::Shown;
use crate::base::units::{Count, Span};
use crate::redis::addr::NodeAddr;
use crate::redis::facts::{Facts, Lost, Missed, Node, percent, share};
use crate::redis::finding::{EventKind, Object};
use crate::redis::history::Stranger;
use crate::redis::info::Info;
use crate::redis::limits::Kind;
use crate::redis::merge::Merged;
use crate::redis::nodes::Flag;
use crate::redis::slots::SlotSet;
use crate::redis::snapshot::Sight;
use std::time::Duration;

/// How long a failover takes after the cluster knows, at most.
const FAILOVER: Duration = Duration::from_secs(5);

/// Slots that nobody owns; nothing: no view was seen.
pub(super) fn unassigned(facts: &Facts<'_>) -> Option<SlotSet> {
    let runs = facts.merged.as_ref()?.owners();
    Some(SlotSet::of(runs.iter().filter(|(_, _, id)| id.is_none()).map(|(from, to, _)| (*from, *to))))
}

/// `1 slot`, `5,461 slots (33 %)`
fn many(slots: &SlotSet) -> String {
    match slots.count() {
        1 => "1 slot".to_owned(),
        count => format!("{} slots ({})", Count(u64::from(count)), percent(slots.share())),
    }
}

/// B1
pub fn uncovered(facts: &Facts<'_>) -> Vec<Raw> {
    match facts.subject.kind {
        Kind::Cluster => {}
        Kind::Replicas => return led::masterless(facts),
        Kind::List => return Vec::new(),
    }
    let mut found: Vec<Raw> =
        facts.owners().filter(|node| node.serves() == Some(false)).map(|node| without_owner(facts, node)).collect();
    found.extend(facts.lost().iter().filter(|lost| lost.gone).map(|lost| nowhere(facts, lost)));
    match unassigned(facts) {
        Some(none) if !none.is_empty() => {
            let verb = if none.count() == 1 { "has" } else { "have" };
            found.push(
                Raw::critical(Object::Slots(none.clone()), format!("{} {verb} no owner at all: {none}", many(&none)))
                    .key("unassigned")
                    .next("give them to a master: redis-cli --cluster fix, or CLUSTER ADDSLOTS where they belong"),
            );
        }
        Some(_) => {}
        // Nobody can be asked who owns what, because nobody is there.
        None => {
            let asked: Vec<_> = facts.nodes.iter().filter(|node| node.look.is_some()).collect();
            if found.is_empty() && !asked.is_empty() && asked.iter().all(|node| node.serves() == Some(false)) {
                // Without a view, now or before, those that were asked may be the least of the cluster.
                let all =
                    if asked.len() == 1 { "the one node".to_owned() } else { format!("all {} nodes", asked.len()) };
                let text = format!("{all} known of it do not answer; who owns which slot is not known");
                let raw = Raw::unknown(Object::Cluster, text).key("nobody");
                found.push(raw.next("name more of its nodes as seeds, or start these"));
            }
        }
    }
    found
}

fn without_owner(facts: &Facts<'_>, node: &Node<'_>) -> Raw {
    let heir = facts.replicas(node).find(|replica| facts.promotable(replica) == Some(Ok(())));
    let alive = facts.replicas(node).any(|replica| replica.serves() != Some(false));
    let due = facts.node_timeout().value.saturating_add(FAILOVER);
    let down = node.past.unserved.map(|since| facts.ago(since));
    let failed =
        node.id.as_ref().zip(facts.merged.as_ref()).is_some_and(|(id, merged)| merged.flagged(id, Flag::Fail) > 0);
    let mut command = None;
    let (what, next) = match (heir, facts.missed(node)) {
        (Some(heir), Missed::Yes) if down.is_some_and(|down| down >= due) => {
            let what = format!("{} could take over and has not, {} after", heir.addr, Span(down.unwrap_or_default()));
            if failed {
                command = Some(facts.subject.cli.failover(&heir.addr, Some("TAKEOVER")));
                (what, "see the log of the replica for why it was not elected".to_owned())
            } else {
                let next = format!(
                    "no majority of masters has called it failed, and only such a one elects: start masters, {} first",
                    node.addr
                );
                (what, next)
            }
        }
        (Some(heir), Missed::Yes) => {
            (format!("failover under way to {}", heir.addr), "wait for the failover".to_owned())
        }
        (Some(heir), Missed::NotYet(timeout)) => (
            format!(
                "the others have not missed it yet (node-timeout {}); {} could take over",
                Span(timeout),
                heir.addr
            ),
            match node.sight {
                Sight::Loading => remedy(node),
                _ => format!("see why {} does not answer", node.addr),
            },
        ),
        (Some(heir), Missed::No) => (
            "the others still hear it: no failover will come of this".to_owned(),
            format!("{}, or let {} take over by hand: CLUSTER FAILOVER FORCE there", remedy(node), heir.addr),
        ),
        (Some(heir), Missed::Unknown) => (
            format!("{} could take over; whether the cluster has missed it is not known", heir.addr),
            format!("start {}", node.addr),
        ),
        (None, Missed::No) => ("the others still hear it: no failover will come of this".to_owned(), remedy(node)),
        (None, _) if alive => {
            ("no replica is known to be able to take over".to_owned(), format!("start {}", node.addr))
        }
        (None, _) => ("no replica left".to_owned(), format!("start {}, or restore its data elsewhere", node.addr)),
    };
    let text = format!("{} have no live owner: {}, master {}, {what}", many(&node.slots), node.slots, node.addr);
    let few = format!("{} uncovered: {}", many(&node.slots), node.slots);
    let raw = Raw::critical(Object::Slots(node.slots.clone()), text).brief(few);
    let raw = raw.key(node.addr.to_string()).next(next);
    match command {
        Some(command) => raw.command(command),
        None => raw,
    }
}

/// What helps a master that its cluster hears and that serves nobody here.
fn remedy(node: &Node<'_>) -> String {
    match node.sight {
        Sight::Loading => format!("wait until {} has loaded", node.addr),
        Sight::Busy => format!("end what blocks {}", node.addr),
        Sight::Down => {
            format!("see what keeps firn from {}: its bind, a firewall, maxclients, the way there", node.addr)
        }
        _ => format!("see why {} does not answer here", node.addr),
    }
}

/// An owner that is nowhere: nobody calls it failed, so nobody is elected. A replica of it takes over when it is told to.
fn nowhere(facts: &Facts<'_>, lost: &Lost<'_>) -> Raw {
    let live: Vec<&Node<'_>> = facts.replicas_of(lost.id).filter(|replica| replica.serves() != Some(false)).collect();
    let heir = live.iter().max_by_key(|replica| (replica.keys(), std::cmp::Reverse(&replica.addr)));
    let held =
        |heir: &Node<'_>| heir.keys().map(|keys| format!(", which holds {} keys", Count(keys))).unwrap_or_default();
    let (what, next) = match heir {
        Some(heir) => (
            format!("its replica {}{}, is not elected", heir.addr, held(heir)),
            format!("if {} holds its data, let it take over: CLUSTER FAILOVER FORCE", heir.addr),
        ),
        None => (
            "no replica left".to_owned(),
            "bring it back with its nodes.conf, or give its slots to another master and restore their data there: \
             redis-cli --cluster fix"
                .to_owned(),
        ),
    };
    let place = match facts.merged.as_ref().and_then(|merged| merged.place(lost.id)) {
        Some(addr) => format!("at whose address, {addr}, another node answers"),
        None => "whose address nobody knows any more".to_owned(),
    };
    let text = format!(
        "{} have no live owner: {}, master {}, {place}; {what}",
        many(&lost.slots),
        lost.slots,
        facts.called(lost.id)
    );
    let few = format!("{} uncovered: {}", many(&lost.slots), lost.slots);
    let raw = Raw::critical(Object::Slots(lost.slots.clone()), text).brief(few).key(lost.id.as_str()).next(next);
    match heir {
        Some(heir) => raw.command(facts.subject.cli.failover(&heir.addr, Some("FORCE"))),
        None => raw,
    }
}

/// What the winning views' `CLUSTER INFO` say.
fn told<'b>(facts: &'b Facts<'_>) -> Vec<(String, &'b Info)> {
    let winners = facts.merged.iter().flat_map(Merged::winners);
    winners.filter_map(|view| Some((view.addr.to_string(), view.cluster?))).collect()
}

/// B2
pub fn state(facts: &Facts<'_>) -> Vec<Raw> {
    let told = told(facts);
    let fail = told.iter().filter(|(_, info)| info.get("cluster_state") == Some("fail")).count();
    if fail == 0 {
        return Vec::new();
    }
    let assigned = |info: &Info| info.number("cluster_slots_assigned").is_some_and(|count| count < 16_384);
    let holes = told.iter().any(|(_, info)| assigned(info) || info.number("cluster_slots_fail").is_some_and(|n| n > 0));
    let why =
        if holes { " (full coverage required)" } else { " (no majority of masters, or it has only just come back)" };
    let text = format!("cluster refuses all commands{why}: {fail} of {} nodes say state fail", told.len());
    vec![Raw::critical(Object::Cluster, text).next("give every slot a live owner; the state follows within seconds")]
}

/// B3
pub fn failing(facts: &Facts<'_>) -> Vec<Raw> {
    let told = told(facts);
    let most = |name: &str| told.iter().filter_map(|(_, info)| info.number(name)).max().unwrap_or(0);
    let (fail, pfail) = (most("cluster_slots_fail"), most("cluster_slots_pfail"));
    let part = |count: u64| {
        let count = u32::try_from(count).unwrap_or(u32::MAX).min(16_384);
        f64::from(count) * 100.0 / 16_384.0
    };
    if fail > 0 {
        let open = told.iter().all(|(_, info)| info.get("cluster_state") != Some("fail"));
        let off = if open { ": full coverage is off" } else { "" };
        let text = format!("serving {} of slots{off}; {} slots fail", percent(100.0 - part(fail)), Count(fail));
        return vec![Raw::critical(Object::Cluster, text).next("bring back the masters that failed, or their data")];
    }
    if pfail > 0 {
        let text = format!("{} slots ({}) are suspected to fail", Count(pfail), percent(part(pfail)));
        return vec![Raw::warning(Object::Cluster, text).next("wait for the cluster to decide")];
    }
    Vec::new()
}

/// B4
pub fn quorum(facts: &Facts<'_>) -> Vec<Raw> {
    if facts.subject.kind == Kind::Replicas {
        return led::quorum(facts);
    }
    let size = told(facts).iter().filter_map(|(_, info)| info.number("cluster_size")).max();
    let Some(size) = size.filter(|size| *size > 0 && facts.merged.is_some()) else { return Vec::new() };
    let live = facts.owners().filter(|node| node.serves() != Some(false)).count() as u64;
    if live * 2 > size {
        return Vec::new();
    }
    let text = format!("no quorum: no failover can happen ({live} of {size} masters)");
    vec![Raw::critical(Object::Cluster, text).next("start masters until more than half of them live")]
}

/// B5
pub fn flags(facts: &Facts<'_>) -> Vec<Raw> {
    if facts.subject.kind == Kind::Replicas {
        return led::flags(facts);
    }
    let Some(merged) = &facts.merged else { return Vec::new() };
    let by = merged.winner().map(|view| view.addr.clone());
    let all = merged.winners().count();
    let mut found = Vec::new();
    for id in merged.ids() {
        let (fail, pfail) = (merged.flagged(id, Flag::Fail), merged.flagged(id, Flag::PFail));
        let Some(line) = merged.line(id).filter(|_| fail + pfail > 0) else { continue };
        let node = facts.by_id(id);
        let name = node.map_or_else(|| facts.called(id), |node| facts.who(node));
        let owner = line.owns() && node.is_none_or(|node| node.owner);
        let since = facts.lasting(node.and_then(|node| node.past.unserved));
        let here = if node.is_some_and(|node| node.serves() == Some(true)) { ", though it answers here" } else { "" };
        let word = if fail > 0 { "failed" } else { "suspected to have failed" };
        let said = if fail > 0 { fail } else { pfail };
        let owns = if owner { "" } else { ", owns nothing" };
        let text = format!("{name}: {word}{since} ({said} of {all} views){owns}{here}");
        let object = node.map_or(Object::Cluster, |node| Object::Node(node.addr.clone()));
        let raw = if owner { Raw::critical(object, text) } else { Raw::warning(object, text) };
        let raw = raw.key(id.as_str());
        found.push(match &by {
            Some(by) if !owner && fail > 0 => raw
                .next("repair it, or let the cluster forget it: CLUSTER FORGET")
                .command(facts.subject.cli.forget_everywhere(by, id)),
            _ => raw.next("start it, or see what keeps the others from it"),
        });
    }
    found.extend(strangers(facts));
    found
}

/// Those that only shake hands, or have no address, for longer than the node timeout.
fn strangers(facts: &Facts<'_>) -> Vec<Raw> {
    let recorded = facts.raise == crate::redis::limits::Raise::Recorded;
    let timeout = facts.node_timeout().value;
    let old = |one: &Stranger| recorded || one.seen.since(one.since) >= timeout;
    let raws = facts.past.shaking.iter().filter(|(_, one)| old(one)).map(|(place, one)| {
        let (by, since) = (one.by.join(", "), facts.lasting(Some(one.since)));
        let text = if one.handshake {
            format!("{by} keeps shaking hands with {place}{since}: nobody answers there")
        } else {
            format!("{by} has no address for node {}{since}", one.id.short())
        };
        let raw = Raw::warning(Object::Cluster, text);
        let raw = NodeAddr::parse(place, 0).filter(|_| one.handshake).iter().fold(raw, Raw::because);
        raw.key(place)
            .next("see whether the address is right and its bus port reachable; a handshake is given up by itself")
    });
    raws.collect()
}

/// B11
pub fn changed(facts: &Facts<'_>) -> Vec<Raw> {
    let recent = facts.past.events.iter().filter(|event| facts.ago(event.at) < facts.limits.told_for);
    let changes = recent.filter(|event| matches!(event.kind, EventKind::Failover | EventKind::Moved));
    let notices = changes.map(|event| {
        let text = Shown::text(&event.text).to_string();
        Raw::notice(Object::Node(event.node.clone()), text).key(format!("{} {}", event.at.as_micros(), event.node))
    });
    notices.collect()
}

/// What is said of slots that are lost with a node.
pub(super) fn loses(node: &Node<'_>) -> String {
    if node.slots.is_empty() {
        "losing it loses its keys".to_owned()
    } else {
        format!("losing it loses {}", share(&node.slots))
    }
}
