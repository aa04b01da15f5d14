//! B8 to B10, B12 and B13: what the next failure would cost.

use std::collections::{BTreeMap, BTreeSet};

use super::Raw;
use super::cluster::loses;
use crate::base::Shown;
use crate::base::units::Size;
use crate::redis::facts::{Facts, Node, share};
use crate::redis::finding::Object;
use crate::redis::limits::Kind;
use crate::redis::rates::precise;

fn about(node: &Node<'_>) -> Object {
    Object::Node(node.addr.clone())
}

/// B8: one that does not live is none.
pub fn alone(facts: &Facts<'_>) -> Vec<Raw> {
    if facts.subject.kind == Kind::List {
        return Vec::new();
    }
    // Without a view nobody knows whose replica is whose.
    let known = facts.merged.is_some() || facts.subject.kind == Kind::Replicas;
    let owners = facts.owners().filter(|node| known && node.serves() != Some(false));
    let alone = owners.filter(|node| facts.replicas(node).all(|replica| replica.serves() == Some(false)));
    let found = alone.map(|node| {
        let dead: Vec<String> = facts.replicas(node).map(|replica| replica.addr.to_string()).collect();
        let which = if dead.is_empty() {
            "has no replica".to_owned()
        } else {
            format!("has no live replica ({})", dead.join(", "))
        };
        let raw = Raw::warning(about(node), format!("{} {which}: {}", node.addr, loses(node)));
        let raw = facts.replicas(node).map(|replica| &replica.addr).fold(raw, Raw::because);
        if dead.is_empty() {
            let how = if facts.subject.kind == Kind::Cluster {
                "CLUSTER REPLICATE at an empty node".to_owned()
            } else {
                format!("REPLICAOF {} {} at an empty node", node.addr.host(), node.addr.port())
            };
            raw.next(format!("give it a replica: {how}"))
        } else {
            raw.next("bring its replica back")
        }
    });
    found.collect()
}

/// B9: replicas live, and none of them may take over.
pub fn stuck(facts: &Facts<'_>) -> Vec<Raw> {
    if facts.subject.kind != Kind::Cluster {
        return Vec::new();
    }
    let found = facts.owners().filter_map(|node| {
        let live = facts.replicas(node).filter(|replica| replica.serves() != Some(false));
        let said: Option<Vec<Result<(), String>>> = live.map(|replica| facts.promotable(replica)).collect();
        // One of which it is not known might.
        let why: Vec<String> = said?.into_iter().map(Result::err).collect::<Option<Vec<String>>>()?;
        (!why.is_empty()).then(|| {
            let text = format!("no replica of {} can take over: {}", node.addr, why.join("; "));
            // One that does not live could, if it did.
            let raw =
                facts.replicas(node).map(|replica| &replica.addr).fold(Raw::critical(about(node), text), Raw::because);
            raw.next(
                "see the replica's log for why its line to the master is down: masterauth, masteruser, the network",
            )
        })
    });
    found.collect()
}

/// B10
pub fn hosts(facts: &Facts<'_>) -> Vec<Raw> {
    if facts.subject.kind == Kind::List {
        return Vec::new();
    }
    let masters: Vec<&Node<'_>> = facts.owners().collect();
    let mut on: BTreeMap<String, Vec<&Node<'_>>> = BTreeMap::new();
    for master in &masters {
        if let Some(host) = facts.host(master) {
            on.entry(host).or_default().push(master);
        }
    }
    let found = on.into_iter().filter_map(|(host, here)| {
        let whole: Vec<&&Node<'_>> = here
            .iter()
            .filter(|master| !master.replicas.is_empty())
            .filter(|master| facts.replicas(master).all(|replica| facts.host(replica).as_ref() == Some(&host)))
            .collect();
        let stops = facts.subject.kind == Kind::Cluster && masters.len() > 1 && here.len() * 2 >= masters.len();
        let shown = Shown::text(&host).to_string();
        let names = whole.iter().map(|master| {
            let of = if master.slots.is_empty() { String::new() } else { format!(" of {}", share(&master.slots)) };
            format!("{}{of}", master.addr)
        });
        let their = if whole.len() == 1 { "its" } else { "their" };
        let shards = format!("{} with all {their} replicas", names.collect::<Vec<_>>().join(" and "));
        let text = match (stops, whole.is_empty()) {
            (false, true) => return None,
            (true, true) => {
                format!("losing host {shown} stops the cluster: {} of {} masters there", here.len(), masters.len())
            }
            (true, false) => format!(
                "losing host {shown} stops the cluster: {} of {} masters there, {shards}",
                here.len(),
                masters.len(),
            ),
            (false, false) => format!("losing host {shown} loses {shards}"),
        };
        // One whose replicas are all there cannot be led away.
        let next = match whole.first() {
            Some(master) => format!("move a replica of {} to another host", master.addr),
            None => "let a replica on another host take over: CLUSTER FAILOVER there".to_owned(),
        };
        // Masters that meet on a machine by a failover are led back sooner or later; how long they have been there is told
        // by what is kept.
        let since = facts.past.held.get(&format!("B10 {}", Object::Host(host.clone()))).map(|held| held.since);
        let stays = since.is_some_and(|since| facts.ago(since) >= facts.limits.masters_together);
        let object = Object::Host(host);
        let raw = if stays || !whole.is_empty() { Raw::warning(object, text) } else { Raw::notice(object, text) };
        Some(raw.next(next))
    });
    found.collect()
}

/// B12
pub fn unlike(facts: &Facts<'_>) -> Vec<Raw> {
    let mut found = Vec::new();
    let mut epochs: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for node in facts.owners() {
        if let Some(line) = node.line {
            epochs.entry(line.epoch).or_default().push(node.addr.to_string());
        }
    }
    for (epoch, nodes) in epochs.into_iter().filter(|(_, nodes)| nodes.len() > 1) {
        let text = format!(
            "masters {} have one config epoch, {epoch}: which wins a slot is left to chance",
            nodes.join(" and ")
        );
        found.push(
            Raw::warning(Object::Cluster, text).key(format!("epoch {epoch}")).next("CLUSTER BUMPEPOCH at one of them"),
        );
    }
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for version in facts.nodes.iter().filter_map(|node| node.info?.version()) {
        *versions.entry(version).or_default() += 1;
    }
    if versions.len() > 1 {
        let all: Vec<String> =
            versions.iter().map(|(version, count)| format!("{} ({count})", Shown::text(version))).collect();
        let text = format!("nodes run different versions: {}", all.join(", "));
        found.push(Raw::warning(Object::Cluster, text).key("versions").next("bring all of them to the newest"));
    }
    for node in facts.owners() {
        let most = |node: &Node<'_>| node.info?.number("maxmemory");
        let Some(own) = most(node) else { continue };
        let other =
            facts.replicas(node).find_map(|replica| Some((replica, most(replica).filter(|other| *other != own)?)));
        if let Some((replica, other)) = other {
            let shown = |bytes: u64| if bytes == 0 { "none".to_owned() } else { Size(bytes).to_string() };
            let text = format!(
                "maxmemory of {} is {}, of its replica {} {}",
                node.addr,
                shown(own),
                replica.addr,
                shown(other)
            );
            found.push(
                Raw::warning(about(node), text).key(format!("maxmemory {}", node.addr)).next("set the same at both"),
            );
        }
    }
    found
}

/// B13
pub fn imbalance(facts: &Facts<'_>) -> Vec<Raw> {
    /// Below it no master is large.
    const SMALL: f64 = 100e6;
    /// Below it none is busy, commands a second.
    const IDLE: f64 = 1000.0;
    // What one did before it died is not what it does.
    let ops = |node: &Node<'_>| node.info.and(node.past.last_two()).and_then(|(new, old)| new.rate(old, "commands"));
    let memory = |node: &Node<'_>| node.info?.number("used_memory").map(precise);
    let mut found = Vec::new();
    let mut look = |what: &str, least: f64, of: &dyn Fn(&Node<'_>) -> Option<f64>| {
        let all: Option<Vec<(&Node<'_>, f64)>> = facts.owners().map(|node| Some((node, of(node)?))).collect();
        let Some(all) = all.filter(|all| all.len() > 1) else { return };
        #[allow(clippy::cast_precision_loss)] // nodes are few
        let mean = all.iter().map(|(_, value)| value).sum::<f64>() / all.len() as f64;
        let Some((node, most)) = all.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)) else { return };
        if most >= least && most > facts.limits.imbalance.get() * mean {
            let text = format!("imbalance {:.1}x: {} has that much more {what} than the mean", most / mean, node.addr);
            found.push(Raw::notice(about(node), text).key(what));
        }
    };
    look("memory", SMALL, &memory);
    look("load", IDLE, &ops);
    found
}

/// Names of nodes, few of them.
pub(super) fn names(all: &BTreeSet<String>) -> String {
    const MOST: usize = 5;
    let shown: Vec<&str> = all.iter().take(MOST).map(String::as_str).collect();
    let more = all.len().saturating_sub(MOST);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}
