//! E7 to E10: restarts, errors that clients are answered with, slow commands.

use std::time::Duration;

use super::Raw;
use crate::base::Shown;
use crate::base::units::{Count, Span};
use crate::redis::facts::{Facts, Node};
use crate::redis::finding::Object;
use crate::redis::limits::Kind;
use crate::redis::look::Answer;
use crate::redis::rates::precise;
use crate::redis::trouble::Trouble;

fn about(node: &Node<'_>) -> Object {
    Object::Node(node.addr.clone())
}

/// `480`, `3,100`, `0.4`
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn rate(rate: f64) -> String {
    if rate >= 10.0 { Count(rate.round() as u64).to_string() } else { format!("{rate:.1}") }
}

/// For so long a master that came back empty is CRITICAL, unless its keys are back sooner: who can save what is lost does it
/// within that time, and afterwards the data that grows there is the truth. It stays in the events.
const EMPTY: Duration = Duration::from_hours(1);

/// E7: a master that comes back without its data is an owner, empty, all green, and its replica copies the emptiness. A cache
/// is meant to do that.
pub fn restarted(facts: &Facts<'_>) -> Vec<Raw> {
    let mut found = Vec::new();
    for node in &facts.nodes {
        let emptied = node.past.emptied.filter(|(at, _)| node.owner && facts.ago(*at) < EMPTY);
        if let Some((_, before)) = emptied {
            let copies = if node.replicas.is_empty() { "" } else { "; its replica copies this" };
            let keys = node.past.keys.map_or_else(|| "not known".to_owned(), |keys| Count(keys).to_string());
            let text = format!("{} restarted empty: {} keys -> {keys}{copies}", facts.who(node), Count(before));
            let next = "stop its writers, and restore its data from a save or from elsewhere before it is overwritten";
            let raw = if facts.limits.cache {
                Raw::notice(about(node), text)
            } else {
                Raw::critical(about(node), text).next(next)
            };
            found.push(raw.key(format!("empty {}", node.addr)));
        } else if let Some((at, _)) = node.past.restarted.filter(|(at, _)| facts.ago(*at) < facts.limits.told_for) {
            let text = format!("{} restarted {} ago", facts.who(node), Span(facts.ago(at)));
            found.push(Raw::notice(about(node), text).key(format!("restart {}", node.addr)));
        }
    }
    found
}

/// The beginning of a command: its arguments may be long.
fn short(command: &str) -> String {
    const MOST: usize = 120;
    match command.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &command[..end]),
        None => command.to_owned(),
    }
}

/// A look asks for two things that a node refuses while it loads, and each console looks: up to so many a second are firn's own.
const OWN: f64 = 10.0;

/// E8
pub fn errors(facts: &Facts<'_>) -> Vec<Raw> {
    if facts.subject.kind != Kind::Cluster {
        return Vec::new();
    }
    let mut found = Vec::new();
    // What was counted before stands still while a node tells nothing.
    for node in facts.nodes.iter().filter(|node| node.info.is_some()) {
        let lately = |code: &str| {
            let (grown, span) = node.past.grown(code).filter(|(grown, _)| *grown > 0)?;
            Some((grown, precise(grown) / span.as_secs_f64()))
        };
        for (code, what, most) in [
            ("CLUSTERDOWN", "clients are told that the cluster is down", 0.0),
            ("TRYAGAIN", "commands over several keys wait for a slot that moves", 0.0),
            ("LOADING", "clients ask while it loads", OWN),
        ] {
            if let Some((_, per)) = lately(code).filter(|(_, per)| *per > most) {
                let text = format!("{}: {what}: {} {code}/s", node.addr, rate(per));
                found.push(Raw::warning(about(node), text).key(format!("{code} {}", node.addr)));
            }
        }
        let calls = node.past.grown("commands").map(|(grown, _)| grown);
        if let (Some((moved, per)), Some(calls)) = (lately("MOVED"), calls)
            && precise(moved) > facts.limits.moved_share.get() * precise(calls)
        {
            let text = format!("{}: clients have stale slot maps: {} MOVED/s", node.addr, rate(per));
            let next = "find clients that are not cluster-aware, or have not read the map since slots moved";
            found.push(Raw::warning(about(node), text).key(format!("MOVED {}", node.addr)).next(next));
        }
    }
    found
}

/// E9: what firn's own user is refused does not count.
pub fn logins(facts: &Facts<'_>) -> Vec<Raw> {
    let found = facts.nodes.iter().filter(|node| node.info.is_some()).filter_map(|node| {
        let own = match node.look.map(|look| &look.answer) {
            Some(Answer::Came(reply)) => {
                [reply.info.as_ref().err(), reply.nodes.as_ref().err(), reply.cluster.as_ref().err()]
                    .iter()
                    .any(|trouble| matches!(trouble, Some(Trouble::NoPerm(_))))
            }
            _ => false,
        };
        let own = own || facts.aside(node).is_some_and(|aside| aside.refused);
        let counted = [
            ("WRONGPASS", "wrong passwords", false),
            ("NOAUTH", "commands without a password", false),
            ("acl_access_denied_auth", "refused logins", false),
            ("acl_access_denied_cmd", "commands that the user may not send", own),
        ];
        let parts: Vec<String> = counted
            .iter()
            .filter(|(_, _, own)| !own)
            .filter_map(|(name, what, _)| {
                let (grown, span) = node.past.grown(name).filter(|(grown, _)| *grown > 0)?;
                Some(format!("{} {what} in {}", Count(grown), Span(span)))
            })
            .collect();
        let text = || format!("{}: {}", node.addr, parts.join(", "));
        (!parts.is_empty())
            .then(|| Raw::warning(about(node), text()).next("ACL LOG at the node names user, address and command"))
    });
    found.collect()
}

/// E10
pub fn slow(facts: &Facts<'_>) -> Vec<Raw> {
    let mut found = Vec::new();
    for node in &facts.nodes {
        let aside = facts.aside(node);
        // A line that is new is told for as long as the ticks need to raise it.
        let recent =
            node.past.slow.and_then(|(id, at)| at.filter(|at| facts.ago(*at) < Duration::from_mins(1)).and(id));
        let line = recent.and_then(|id| aside?.slow.as_ref()?.iter().find(|slow| slow.id == id));
        if let Some(slow) = line {
            let text = format!(
                "{}: {} {:.1} ms from {}",
                node.addr,
                Shown::text(&short(&slow.command)),
                slow.took.as_secs_f64() * 1e3,
                Shown::text(&slow.client)
            );
            found.push(
                Raw::warning(about(node), text).key(format!("slow {}", node.addr)).next("SLOWLOG GET shows the others"),
            );
        }
        let spikes = aside.and_then(|aside| aside.spikes.as_ref()).into_iter().flatten();
        // The longest so far stands until it is reset: it counts when it has grown since the look before.
        let took = spikes.filter_map(|spike| {
            let most = node.past.spikes.get(&spike.event).and_then(|(_, grown)| *grown).map(|at| (spike.most, at));
            let latest = (spike.latest, facts.by_its_clock(node, spike.at));
            let young = [Some(latest), most].into_iter().flatten();
            let young =
                young.filter(|(took, at)| *took > facts.limits.latency && facts.ago(*at) < facts.limits.latency_age);
            young.max().map(|(took, at)| (took, at, &spike.event))
        });
        if let Some((took, at, event)) = took.max() {
            let text = format!(
                "{}: latency of {} up to {} ms, {} ago",
                node.addr,
                Shown::text(event),
                took.as_millis(),
                Span(facts.ago(at))
            );
            found.push(
                Raw::warning(about(node), text)
                    .key(format!("latency {}", node.addr))
                    .next("LATENCY DOCTOR, and LATENCY HISTORY of that event"),
            );
        }
        for (name, what, next) in [
            ("rejected", "connections rejected", "raise maxclients, or find who keeps connections open"),
            (
                "total_cluster_links_buffer_limit_exceeded",
                "lines between nodes cut for their buffers",
                "raise cluster-link-sendbuf-limit",
            ),
        ] {
            let counted = node.info.and_then(|_| node.past.grown(name));
            if let Some((grown, span)) = counted.filter(|(grown, _)| *grown > 0) {
                let text = format!("{}: {} {what} in {}", node.addr, Count(grown), Span(span));
                found.push(Raw::warning(about(node), text).key(format!("{name} {}", node.addr)).next(next));
            }
        }
    }
    found
}
