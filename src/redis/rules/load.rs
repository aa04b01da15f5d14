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

/// E7: a master that comes back without its data is an owner, empty, all green, and its replica copies the emptiness.
pub fn restarted(facts: &Facts<'_>) -> Vec<Raw> {
    let mut found = Vec::new();
    for node in &facts.nodes {
        if let Some((_, before)) = node.past.emptied.filter(|_| node.owner) {
            let copies = if node.replicas.is_empty() { "" } else { "; its replica copies this" };
            let keys = node.past.keys.map_or_else(|| "not known".to_owned(), |keys| Count(keys).to_string());
            let text = format!("{} restarted empty: {} keys -> {keys}{copies}", facts.who(node), Count(before));
            let next = "stop its writers, and restore its data from a save or from elsewhere before it is overwritten";
            found.push(Raw::critical(about(node), text).key(format!("empty {}", node.addr)).next(next));
        } else if let Some((at, _)) = node.past.restarted.filter(|(at, _)| facts.ago(*at) < facts.limits.told_for) {
            let text = format!("{} restarted {} ago", facts.who(node), Span(facts.ago(at)));
            found.push(Raw::notice(about(node), text).key(format!("restart {}", node.addr)));
        }
    }
    found
}

/// E8
pub fn errors(facts: &Facts<'_>) -> Vec<Raw> {
    if facts.subject.kind != Kind::Cluster {
        return Vec::new();
    }
    let mut found = Vec::new();
    for node in &facts.nodes {
        let lately = |code: &str| {
            let (grown, span) = node.past.grown(code).filter(|(grown, _)| *grown > 0)?;
            Some((grown, precise(grown) / span.as_secs_f64()))
        };
        for (code, what) in [
            ("CLUSTERDOWN", "clients are told that the cluster is down"),
            ("TRYAGAIN", "commands over several keys wait for a slot that moves"),
            ("LOADING", "clients ask while it loads"),
        ] {
            if let Some((_, per)) = lately(code) {
                let text = format!("{}: {what}: {} {code}/s", node.addr, rate(per));
                found.push(Raw::warning(about(node), text).key(format!("{code} {}", node.addr)));
            }
        }
        let calls = node.past.grown("commands").map(|(grown, _)| grown);
        if let (Some((moved, per)), Some(calls)) = (lately("MOVED"), calls)
            && precise(moved) > facts.limits.moved_share * precise(calls)
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
    let found = facts.nodes.iter().filter_map(|node| {
        let own = match node.look.map(|look| &look.answer) {
            Some(Answer::Came(reply)) => {
                [reply.info.as_ref().err(), reply.nodes.as_ref().err(), reply.cluster.as_ref().err()]
                    .iter()
                    .any(|trouble| matches!(trouble, Some(Trouble::NoPerm(_))))
            }
            _ => false,
        };
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
            node.past.slow.and_then(|(id, at)| at.filter(|at| facts.ago(*at) < Duration::from_mins(1)).map(|_| id));
        let line = recent.and_then(|id| aside?.slow.as_ref()?.iter().find(|slow| slow.id == id));
        if let Some(slow) = line {
            let text = format!(
                "{}: {} {:.1} ms from {}",
                node.addr,
                Shown::text(&slow.command),
                slow.took.as_secs_f64() * 1e3,
                Shown::text(&slow.client)
            );
            found.push(
                Raw::warning(about(node), text).key(format!("slow {}", node.addr)).next("SLOWLOG GET shows the others"),
            );
        }
        let spikes = aside.and_then(|aside| aside.spikes.as_ref()).into_iter().flatten();
        let young =
            spikes.filter(|spike| spike.most > facts.limits.latency && facts.ago(spike.at) < facts.limits.latency_age);
        if let Some(spike) = young.max_by_key(|spike| spike.most) {
            let text = format!(
                "{}: latency of {} up to {} ms, {} ago",
                node.addr,
                Shown::text(&spike.event),
                spike.most.as_millis(),
                Span(facts.ago(spike.at))
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
            if let Some((grown, span)) = node.past.grown(name).filter(|(grown, _)| *grown > 0) {
                let text = format!("{}: {} {what} in {}", node.addr, Count(grown), Span(span));
                found.push(Raw::warning(about(node), text).key(format!("{name} {}", node.addr)).next(next));
            }
        }
    }
    found
}
