//! A master and its replicas, which are no cluster: whether there is one master. Its keys are all there are, so that none
//! answers is what slots without an owner are to a cluster (B1), and two of them are what slots are that are claimed twice (C3).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use super::Raw;
use crate::base::Shown;
use crate::base::units::Span;
use crate::redis::facts::{Facts, Node};
use crate::redis::finding::Object;
use crate::redis::sentinel::Watched;
use crate::redis::snapshot::{Role, Sight};
use crate::redis::trouble::{Says, Trouble};

/// Sentinels have a replica take over within that time (`down-after-milliseconds` is 30 s unless told otherwise); before, nobody
/// does by hand.
const BY_HAND: Duration = Duration::from_mins(1);

/// What a replica has of its master's writes.
fn offset(node: &Node<'_>) -> Option<u64> {
    node.info?.number("slave_repl_offset")
}

/// B1 of a master and its replicas.
pub fn masterless(facts: &Facts<'_>) -> Vec<Raw> {
    let asked: Vec<&Node<'_>> = facts.nodes.iter().filter(|node| node.sight != Sight::NotAsked).collect();
    // One that is not seen may be the master.
    let unseen = facts.nodes.iter().any(|node| node.role != Some(Role::Replica) && node.serves() != Some(false));
    if asked.is_empty() || unseen {
        return Vec::new();
    }
    let live: Vec<&Node<'_>> = asked.iter().copied().filter(|node| node.serves() == Some(true)).collect();
    let master = facts.owners().next();
    let Some(heir) = live.iter().max_by_key(|node| (offset(node), Reverse(&node.addr))) else {
        // That nobody is seen at all says nothing of those that could not be looked at.
        if asked.iter().any(|node| node.serves() != Some(false)) {
            return Vec::new();
        }
        let text = format!("none of {} nodes serves anybody: there is no master, and no replica", asked.len());
        return vec![Raw::critical(Object::Cluster, text).key("masterless").next("start them; the master first")];
    };
    let takes = match live.len() {
        1 => "1 replica answers, and takes".to_owned(),
        count => format!("{count} replicas answer, and take"),
    };
    let who = master.map(|master| format!(" ({})", master.addr)).unwrap_or_default();
    let text = format!("no master answers{who}: {takes} no writes");
    let raw = Raw::critical(Object::Cluster, text).key("masterless");
    if master.is_some_and(|master| master.sight == Sight::Loading) {
        return vec![raw.next("wait until it has loaded")];
    }
    let start = master.map_or_else(|| "start it".to_owned(), |master| format!("start {}", master.addr));
    let since = master.and_then(|master| master.past.unserved).map(|since| facts.ago(since));
    let raw = raw.next(format!(
        "{start}; where no sentinel has another take over within {}: REPLICAOF NO ONE at {}, then REPLICAOF {} {} at the others",
        Span(BY_HAND),
        heir.addr,
        heir.addr.host(),
        heir.addr.port()
    ));
    vec![if since.is_some_and(|since| since >= BY_HAND) {
        raw.command(facts.subject.cli.ask(&heir.addr, &["REPLICAOF", "NO", "ONE"]))
    } else {
        raw
    }]
}

/// C3 of a master and its replicas: so it is when the master before comes back after a failover, and nobody makes it a replica.
pub fn masters(facts: &Facts<'_>) -> Vec<Raw> {
    let attached = |node: &Node<'_>| node.info.and_then(|info| info.number("connected_slaves")).unwrap_or(0);
    let mut all: Vec<&Node<'_>> =
        facts.nodes.iter().filter(|node| node.info.is_some() && node.role == Some(Role::Master)).collect();
    // Whom the sentinels name is it.
    let named = |node: &Node<'_>| watched(facts).values().flatten().any(|one| one.addr.as_ref() == Some(&node.addr));
    all.sort_by_key(|node| (Reverse((named(node), attached(node))), node.addr.clone()));
    let [first, second, ..] = all.as_slice() else { return Vec::new() };
    let each: Vec<String> = all.iter().map(|node| format!("{} ({} attached)", node.addr, attached(node))).collect();
    let text = format!(
        "{} masters: {} each say that they are it; what is written at one is not at the others",
        all.len(),
        each.join(" and ")
    );
    let raw = Raw::critical(Object::Cluster, text).key("masters");
    if all.len() > 2 || (named(first), attached(first)) == (named(second), attached(second)) {
        let next = "decide which has the data, and make the others its replicas: REPLICAOF; what was written there alone is lost";
        return vec![raw.next(next)];
    }
    let next = format!(
        "keep writers from {}, and make it a replica of {}, if that is the one: what was written at {} alone is lost",
        second.addr, first.addr, second.addr
    );
    let port = first.addr.port().to_string();
    vec![raw.next(next).command(facts.subject.cli.ask(&second.addr, &["REPLICAOF", first.addr.host(), &port]))]
}

/// A5 of sentinels: one that does not answer is not seen, which says nothing of the master.
pub fn blind(facts: &Facts<'_>) -> Vec<Raw> {
    let found = facts.sentinels.iter().filter_map(|look| {
        let why = look.answer.as_ref().err().filter(|why| **why != Trouble::NotAsked)?;
        let text = format!("sentinel {}: not seen: {why}", look.addr);
        let raw = Raw::unknown(Object::Node(look.addr.clone()), text).key(format!("sentinel {}", look.addr));
        Some(raw.next("see whether it runs, and whether firn's user may ask it: firn redis acl prints what it needs"))
    });
    let mut found: Vec<Raw> = found.collect();
    if facts.sentinels.iter().any(|look| look.answer.is_ok()) && watched(facts).is_empty() {
        let raw = Raw::unknown(Object::Cluster, "sentinels answer, and none of them watches a master of that name");
        found.push(raw.key("sentinel name").next("set sentinel_name as SENTINEL MASTERS says it"));
    }
    found
}

/// Masters that sentinels watch, each with those who said something of it.
fn watched<'a>(facts: &Facts<'a>) -> BTreeMap<&'a str, Vec<&'a Watched>> {
    let mut all: BTreeMap<&str, Vec<&Watched>> = BTreeMap::new();
    for one in facts.sentinels.iter().filter_map(|look| look.answer.as_ref().ok()).flatten() {
        all.entry(one.name.as_str()).or_default().push(one);
    }
    all
}

/// B4 of sentinels: a quorum of them must agree that a master is down, and most of them elect who leads the failover. Those that
/// could not be looked at may live.
/// Source: <https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/>
pub fn quorum(facts: &Facts<'_>) -> Vec<Raw> {
    let dead = facts.sentinels.iter().filter_map(|look| look.answer.as_ref().err());
    let down = |why: &&Trouble| matches!(why.says(), Says::Down | Says::Hung) && !matches!(why, Trouble::Handshake(_));
    let dead = dead.filter(down).count() as u64;
    let asked = facts.sentinels.len() as u64;
    if asked > 0 && dead == asked {
        let text = format!("none of {asked} sentinels answers: while none lives, no failover can happen");
        let raw = Raw::critical(Object::Cluster, text).key("sentinels");
        return vec![raw.next("start sentinels until most of them live")];
    }
    let mut found = Vec::new();
    for (name, said) in watched(facts) {
        let all = said.iter().filter_map(|one| one.other_sentinels).max().map_or(1, |others| others.saturating_add(1));
        let Some(quorum) = said.iter().filter_map(|one| one.quorum).max() else { continue };
        // Some that are known to each other firn may not ask at all.
        let live = all.saturating_sub(dead).max(said.len() as u64);
        let name = Shown::text(name);
        let needed = quorum.max(all / 2 + 1);
        let raw = if quorum > all {
            let text = format!("{name}: quorum is {quorum} of {all} sentinels: no failover can ever happen");
            Raw::critical(Object::Cluster, text)
                .next("lower the quorum, or start more sentinels: SENTINEL SET … quorum")
        } else if live < needed {
            let text = format!("{name}: no failover can happen: {live} of {all} sentinels live, {needed} are needed");
            Raw::critical(Object::Cluster, text).next("start sentinels until most of them live")
        } else if live == needed && dead > 0 {
            let text = format!("{name}: {live} of {all} sentinels live: without one more no failover can happen");
            Raw::warning(Object::Cluster, text).next("start those that do not")
        } else {
            continue;
        };
        found.push(raw.key(format!("sentinels {name}")));
    }
    found
}

/// B5 of sentinels: how they see the master.
pub fn flags(facts: &Facts<'_>) -> Vec<Raw> {
    let mut found = Vec::new();
    for (name, said) in watched(facts) {
        let of = |flag: &str| said.iter().filter(|one| one.is(flag)).count();
        let (agreed, alone) = (of("o_down"), of("s_down").max(of("o_down")));
        let at = said.iter().find_map(|one| one.addr.clone());
        let place = at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
        let going = if of("failover_in_progress") > 0 { "; a failover is under way" } else { "" };
        let object = at.map_or(Object::Cluster, Object::Node);
        let (all, name) = (said.len(), Shown::text(name));
        let raw = if agreed > 0 {
            let text = format!("{name}{place}: sentinels agree that it is down ({agreed} of {all}){going}");
            Raw::critical(object, text).next("start it; the sentinels let a replica take over, if they can")
        } else if alone > 0 {
            let text = format!("{name}{place}: {alone} of {all} sentinels miss it{going}");
            Raw::warning(object, text).next("see whether it answers, and the way from the sentinels to it")
        } else {
            continue;
        };
        found.push(raw.key(format!("sentinels {name}")));
    }
    found
}
