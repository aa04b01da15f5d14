//! The few orders that can be given to nodes of a cluster: why they cannot be given, what they ask first.

use super::redis::{no_cluster, target};
use crate::base::Shown;
use crate::base::escape::shown_again;
use crate::console::effect::{Deed, Effect, RedisAct, RedisOrder};
use crate::console::model::Model;
use crate::console::overlay::{Intent, NodeSeen, Seen};
use crate::console::tabs::redis::{List, nodes};
use crate::console::update::deeds::{self, Question};
use crate::redis::addr::NodeAddr;
use crate::redis::limits::Kind;
use crate::redis::slots::SLOTS;
use crate::redis::snapshot::{NodeRow, Role};

/// What is waited for while an order is carried out.
pub fn about_act(act: &RedisAct) -> String {
    format!("{} at {}", words(act.order), act.node)
}

/// An order as a server reads it.
pub fn words(order: RedisOrder) -> String {
    match order {
        RedisOrder::Failover => "CLUSTER FAILOVER".to_owned(),
        RedisOrder::Stable(slot) => format!("CLUSTER SETSLOT {slot} STABLE"),
        RedisOrder::KillReplicas => "CLIENT KILL TYPE replica".to_owned(),
    }
}

fn waits(model: &Model, order: RedisOrder, node: &NodeAddr) -> Option<String> {
    let about = about_act(&RedisAct { cluster: String::new(), node: node.clone(), order });
    model.is_under_way(&about).then(|| format!("{about}: it was asked for and has not been answered yet"))
}

/// A node that would not hear an order.
fn deaf(row: &NodeRow) -> Option<String> {
    let serves = row.sight.serves() == Some(true);
    (!serves).then(|| format!("{} does not answer us ({}): it would not hear it", row.addr, nodes::standing(row)))
}

/// No replica is selected that could take over.
pub fn no_failover(model: &Model) -> Option<String> {
    if let Some(why) = not_a_cluster(model) {
        return Some(why);
    }
    match target(model) {
        None => Some("select a replica first (the list Nodes, with the arrow keys)".to_owned()),
        Some(row) if row.role != Some(Role::Replica) => {
            Some(format!("{} is {}; only a replica can take over", row.addr, article(row)))
        }
        Some(row) => deaf(row).or_else(|| waits(model, RedisOrder::Failover, &row.addr)),
    }
}

fn article(row: &NodeRow) -> &'static str {
    match row.role {
        Some(Role::Master) => "a master",
        Some(Role::Replica) => "a replica",
        None => "not known to be a replica",
    }
}

fn not_a_cluster(model: &Model) -> Option<String> {
    if let Some(why) = no_cluster(model) {
        return Some(why);
    }
    let kind = model.redis.health().map(|health| health.line.kind);
    (kind != Some(Kind::Cluster)).then(|| "these nodes are no redis cluster".to_owned())
}

fn order(model: &mut Model, node: &NodeAddr, order: RedisOrder, title: &str, object: Vec<String>, effect: Vec<String>) {
    let Some(cluster) = model.redis.current().map(|one| one.name.clone()) else { return };
    let row = model.redis.node(node);
    let (role, master) = (row.and_then(|row| row.role), row.and_then(|row| row.master.clone()));
    let command = match order {
        RedisOrder::Stable(_) => model.redis.finding().and_then(|finding| finding.command),
        RedisOrder::Failover | RedisOrder::KillReplicas => None,
    };
    let mut lines = vec![node.to_string(), format!("of {}", Shown::text(&cluster))];
    lines.extend(object);
    let act = RedisAct { cluster: cluster.clone(), node: node.clone(), order };
    let seen = Seen::Node(Box::new(NodeSeen { cluster, node: node.clone(), role, master, command }));
    let intent = Intent::Deed { deed: Deed::Redis(act), seen };
    let question = Question { title: title.to_owned(), object: lines, effect, go: "send", bulk: true, intent };
    deeds::ask_name(model, question, &node.to_string());
}

/// Asks whether the selected replica is to take over from its master.
pub fn failover(model: &mut Model) -> Vec<Effect> {
    let Some(row) = target(model).cloned() else { return Vec::new() };
    let master = row.master.as_ref().map_or_else(|| "its master".to_owned(), ToString::to_string);
    let mut effect = vec![
        format!(
            "CLUSTER FAILOVER: it takes over from {master}, in agreement with it; nothing that was written is lost"
        ),
        "writes to its slots wait for a moment, then clients are sent on to it (MOVED)".to_owned(),
    ];
    if row.link == Some(false) {
        effect.push("its line to its master is down: it will refuse; look at the finding first".to_owned());
    }
    let object = vec![format!("replica of {master}")];
    order(model, &row.addr, RedisOrder::Failover, "Fail over to a replica", object, effect);
    Vec::new()
}

/// The slot and the node of a `CLUSTER SETSLOT n STABLE` that the selected finding names as what would repair it.
fn open_slot(model: &Model) -> Option<(NodeAddr, u16)> {
    if model.redis.list() != List::Findings || model.beneath().is_some() {
        return None;
    }
    let command = model.redis.finding()?.command?;
    let words: Vec<&str> = command.split_whitespace().collect();
    let ["redis-cli", .., "-h", host, "-p", port, "CLUSTER", "SETSLOT", slot, "STABLE"] = words.as_slice() else {
        return None;
    };
    let slot: u16 = slot.parse().ok().filter(|slot| *slot < SLOTS)?;
    // Only a node that is known is ever told anything.
    let addr = NodeAddr::new(host, port.parse().ok()?)?;
    model.redis.node(&addr).map(|row| (row.addr.clone(), slot))
}

/// The selected finding is no slot that is half open.
pub fn no_stable(model: &Model) -> Option<String> {
    if let Some(why) = not_a_cluster(model) {
        return Some(why);
    }
    let Some((node, slot)) = open_slot(model) else {
        return Some("select the finding of an open slot that CLUSTER SETSLOT … STABLE would close".to_owned());
    };
    let deaf = model.redis.node(&node).and_then(deaf);
    deaf.or_else(|| waits(model, RedisOrder::Stable(slot), &node))
}

/// Asks whether an open slot is to be closed.
pub fn stable(model: &mut Model) -> Vec<Effect> {
    let Some((node, slot)) = open_slot(model) else { return Vec::new() };
    let said = model.redis.finding().map(|finding| shown_again(&finding.text));
    let effect = vec![
        format!("CLUSTER SETSLOT {slot} STABLE: it forgets that this slot is on its way; no key is moved"),
        "a move that somebody still carries out ends half done".to_owned(),
    ];
    let object = vec![format!("slot {slot}"), said.unwrap_or_default()];
    order(model, &node, RedisOrder::Stable(slot), "Close an open slot", object, effect);
    Vec::new()
}

/// No master is selected whose replicas could be sent away.
pub fn no_kill(model: &Model) -> Option<String> {
    if let Some(why) = no_cluster(model) {
        return Some(why);
    }
    let none = || Some("select the master of the replicas first (the list Nodes, with the arrow keys)".to_owned());
    let Some(row) = target(model) else { return none() };
    let copied = model.redis.health().is_some_and(|health| {
        health.nodes.iter().any(|other| other.role == Some(Role::Replica) && other.master.as_ref() == Some(&row.addr))
    });
    if row.role != Some(Role::Master) {
        return Some(format!("{} is {}; the order goes to a master", row.addr, article(row)));
    }
    if !copied {
        return Some(format!("{} has no replica", row.addr));
    }
    deaf(row).or_else(|| waits(model, RedisOrder::KillReplicas, &row.addr))
}

/// Asks whether the replicas of a master are to connect anew.
pub fn kill(model: &mut Model) -> Vec<Effect> {
    let Some(node) = target(model).map(|row| row.addr.clone()) else { return Vec::new() };
    let replicas: Vec<String> = model.redis.health().map_or_else(Vec::new, |health| {
        let own = |row: &&NodeRow| row.role == Some(Role::Replica) && row.master.as_ref() == Some(&node);
        health.nodes.iter().filter(own).map(|row| row.addr.to_string()).collect()
    });
    let effect = vec![
        "CLIENT KILL TYPE replica: the lines to its replicas are cut; they connect anew at once".to_owned(),
        "one whose gap is longer than the backlog copies everything again".to_owned(),
    ];
    let object = vec![format!("its replicas: {}", replicas.join(", "))];
    order(model, &node, RedisOrder::KillReplicas, "Have replicas connect anew", object, effect);
    Vec::new()
}

/// What has changed of a node since it was asked about.
pub(super) fn changed(model: &Model, was: &NodeSeen) -> Option<String> {
    let (cluster, node) = (&was.cluster, &was.node);
    let one = model.redis.newest.as_ref().and_then(|read| read.named(cluster));
    let row = one.and_then(|one| one.health.as_ref()?.nodes.iter().find(|row| row.addr == *node));
    match row {
        None => Some(format!("{node} has gone")),
        Some(row) if row.role != was.role => Some(format!("{node} has become {}", article(row))),
        Some(row) if row.master != was.master => Some(format!("{node} has got another master")),
        Some(_) => {
            let found = one.and_then(|one| one.health.as_ref()).map(|health| &health.findings);
            let there = |command| found.is_some_and(|all| all.iter().any(|one| one.command.as_ref() == Some(command)));
            let gone = was.command.as_ref().is_some_and(|command| !there(command));
            gone.then(|| "the finding that led to it has gone".to_owned())
        }
    }
}
