//! D1 to D7: each replica, from its master's `INFO` and its own. How far one is behind is said by its master alone: what
//! `CLUSTER SHARDS` tells is gossip, seconds old.

use std::time::Duration;

use super::Raw;
use crate::base::units::{Count, Size, Span};
use crate::redis::facts::{Facts, Node};
use crate::redis::finding::Object;
use crate::redis::info::Attached;
use crate::redis::limits::Kind;
use crate::redis::rates::precise;
use crate::redis::snapshot::Role;

/// Replicas acknowledge every second; one that has not for so long does not.
const NO_ACK: u64 = 10;

/// No backlog is made larger than that, bytes: it is memory of the master.
const BACKLOG: u64 = 64 << 30;

fn about(node: &Node<'_>) -> Object {
    Object::Node(node.addr.clone())
}

fn replicas<'b, 'a>(facts: &'b Facts<'a>) -> impl Iterator<Item = &'b Node<'a>> {
    facts.nodes.iter().filter(|node| node.role == Some(Role::Replica))
}

/// Its master in words.
fn of(facts: &Facts<'_>, node: &Node<'_>) -> String {
    facts.master(node).map(|master| format!(", replica of {}", master.addr)).unwrap_or_default()
}

/// D1
pub fn link(facts: &Facts<'_>) -> Vec<Raw> {
    let found = replicas(facts).filter_map(|node| {
        let info = node.info.filter(|info| info.get("master_link_status") == Some("down"))?;
        // Of a dead master every line is down.
        if facts.master(node).is_some_and(|master| master.serves() == Some(false)) {
            return None;
        }
        let told = info.number("master_link_down_since_seconds").map(Duration::from_secs);
        let never = info.signed("master_link_down_since_seconds") == Some(-1);
        if !never && told.is_some_and(|down| down <= facts.limits.link_down) {
            return None;
        }
        let long = told.map(|down| format!(" {}", Span(down))).unwrap_or_default();
        let how = match (info.flag("master_sync_in_progress"), info.signed("master_sync_total_bytes")) {
            (Some(true), Some(-1)) => " (handshake)",
            (Some(true), _) => " (resync under way)",
            _ => "",
        };
        let never = if never { ": it never had its master's data" } else { "" };
        let text = format!("{}{}: link down{long}{how}{never}: check masterauth", node.addr, of(facts, node));
        Some(
            Raw::warning(about(node), text)
                .next("see its log: masterauth and masteruser, the network, the master's maxclients"),
        )
    });
    found.collect()
}

/// Bytes that a replica is behind; nothing: it is not known, or it resyncs.
pub(crate) fn bytes(master: &Node<'_>, attached: &Attached) -> Option<u64> {
    let online = attached.state == "online" && attached.port != 0;
    let offset = attached.offset.filter(|offset| online && *offset > 0)?;
    Some(master.info?.number("master_repl_offset")?.saturating_sub(offset))
}

/// D2: a second of writes is behind when all is well, as acknowledgements come once a second.
pub fn behind(facts: &Facts<'_>) -> Vec<Raw> {
    let found = replicas(facts).filter_map(|node| {
        let master = facts.master(node)?;
        let attached = node.attached(facts).filter(|one| one.port != 0 && one.state == "online")?;
        let bytes = bytes(master, &attached);
        let lag = attached.lag.map(Duration::from_secs);
        let past = master.past.behind.get(&node.addr.to_string()).map(Vec::as_slice).unwrap_or_default();
        let last = past.len().checked_sub(3).and_then(|from| past.get(from..));
        let growing = last.filter(|last| last.windows(2).all(|two| two[1].value > two[0].value));
        let rate = master.past.last_two().and_then(|(new, old)| new.rate(old, "written"));
        let falls = growing.and_then(|last| {
            let (first, end) = (last.first()?, last.last()?);
            let seconds = end.at.since(first.at).as_secs_f64();
            (precise(end.value) > rate? && seconds > 0.0).then(|| precise(end.value - first.value) / seconds)
        });
        let critical = lag.is_some_and(|lag| lag >= facts.limits.lag_critical);
        if !critical && falls.is_none() && lag.is_none_or(|lag| lag < facts.limits.lag_warning) {
            return None;
        }
        let mut parts: Vec<String> =
            lag.filter(|lag| !lag.is_zero()).map(|lag| Span(lag).to_string()).into_iter().collect();
        parts.extend(bytes.map(|bytes| Size(bytes).to_string()));
        let growth = falls.map(|rate| format!(", growing {}/s", Size(whole(rate)))).unwrap_or_default();
        let text = format!("{}, replica of {}: {} behind{growth}", node.addr, master.addr, parts.join(" and "));
        let raw = if critical { Raw::critical(about(node), text) } else { Raw::warning(about(node), text) };
        Some(raw.next("see what keeps it: its machine's load and disk, the network, a slow command"))
    });
    found.collect()
}

/// As a whole number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}

/// D3
pub fn backlog(facts: &Facts<'_>) -> Vec<Raw> {
    let found = replicas(facts).filter_map(|node| {
        let master = facts.master(node)?;
        let bytes = bytes(master, &node.attached(facts)?)?;
        let size = master.info?.number("repl_backlog_size").filter(|size| bytes > *size)?;
        let text = format!(
            "{}, replica of {}: {} behind: a short break now costs a full resync (backlog {})",
            node.addr,
            master.addr,
            Size(bytes),
            Size(size)
        );
        let raw = Raw::warning(about(node), text).next("raise repl-backlog-size at the master");
        // What no machine has is nothing to set.
        let enough = bytes.checked_mul(2).and_then(u64::checked_next_power_of_two).filter(|bytes| *bytes <= BACKLOG);
        Some(match enough {
            Some(bytes) => raw.command(
                facts.subject.cli.ask(&master.addr, &["CONFIG", "SET", "repl-backlog-size", &bytes.to_string()]),
            ),
            None => raw,
        })
    });
    found.collect()
}

/// D4
pub fn resyncs(facts: &Facts<'_>) -> Vec<Raw> {
    let mut found = Vec::new();
    for node in replicas(facts) {
        let attached = node.attached(facts);
        let own = || node.info.is_some_and(|info| info.flag("master_sync_in_progress") == Some(true));
        let state = match &attached {
            Some(one) if one.state != "online" => {
                format!("full resync running ({})", crate::base::Shown::text(&one.state))
            }
            Some(one) if one.port != 0 && one.offset == Some(0) => {
                "full resync is ending, nothing is acknowledged yet".to_owned()
            }
            None if facts.master(node).is_none_or(|master| master.info.is_none()) && own() => {
                "full resync running".to_owned()
            }
            _ => continue,
        };
        let text = format!("{}{}: syncing: {state}", node.addr, of(facts, node));
        found.push(Raw::warning(about(node), text).next("wait; until then it cannot take over"));
    }
    for node in facts.nodes.iter().filter(|node| node.info.is_some()) {
        let from = facts.now.minus(facts.limits.resync_window);
        let (before, within): (Vec<&crate::redis::history::Seen>, Vec<_>) =
            node.past.syncs.iter().partition(|seen| seen.at < from);
        let first = before.last().or(within.first()).map(|seen| seen.value);
        let last = node.past.syncs.last().map(|seen| seen.value);
        let grown = last.zip(first).and_then(|(last, first)| last.checked_sub(first)).unwrap_or(0);
        // Each replica needs one to attach: beyond that some replica came again. After a failover all of them attach once.
        let attached = node.info.and_then(|info| info.number("connected_slaves")).unwrap_or(0);
        let replicas = attached.max(node.replicas.len() as u64).max(1);
        if grown.div_ceil(replicas) >= facts.limits.resyncs.max(1) {
            let of = if replicas > 1 { format!(" for {replicas} replicas") } else { String::new() };
            let text = format!(
                "{}: resync loop: {} full resyncs in {}{of}",
                node.addr,
                Count(grown),
                Span(facts.limits.resync_window)
            );
            found.push(
                Raw::critical(about(node), text)
                    .key(format!("loop {}", node.addr))
                    .next("raise client-output-buffer-limit replica and repl-backlog-size, or lower the writes"),
            );
        }
    }
    found
}

/// D5
pub fn silent(facts: &Facts<'_>) -> Vec<Raw> {
    let mut found = Vec::new();
    for master in facts.nodes.iter().filter(|node| node.info.is_some()) {
        let all = master.info.map(crate::redis::info::Info::attached).unwrap_or_default();
        for one in all.iter().filter(|one| one.port == 0 && one.lag.is_some_and(|lag| lag >= NO_ACK)) {
            let replica = facts.replicas(master).find(|node| node.attached(facts).as_ref() == Some(one));
            let up = replica.and_then(|node| node.info?.get("master_link_status")).is_none_or(|link| link == "up");
            if !up {
                continue;
            }
            let name =
                replica.map_or_else(|| crate::base::Shown::text(&one.ip).to_string(), |node| node.addr.to_string());
            let lag = Span(Duration::from_secs(one.lag.unwrap_or(0)));
            let text = format!(
                "{name}, replica of {}: legacy SYNC without ACKs for {lag}: CLIENT KILL TYPE replica on the master",
                master.addr
            );
            let object = replica.map_or_else(|| about(master), about);
            found.push(
                Raw::warning(object, text)
                    .key(format!("{} {}", master.addr, name))
                    .next("cut its line at the master: it comes back with PSYNC")
                    .command(facts.subject.cli.ask(&master.addr, &["CLIENT", "KILL", "TYPE", "replica"])),
            );
        }
    }
    found
}

/// D6
pub fn missing(facts: &Facts<'_>) -> Vec<Raw> {
    if facts.subject.kind == Kind::List {
        return Vec::new();
    }
    let found = facts.owners().filter_map(|node| {
        let attached = node.info?.number("connected_slaves")?;
        let known = node.replicas.len() as u64;
        let text = || format!("{}: {attached} of {known} replicas attached", node.addr);
        (attached < known).then(|| {
            let away = || facts.replicas(node).filter(|replica| replica.attached(facts).is_none());
            // Which are missing is known where no other could be.
            let sure = away().count() as u64 == known - attached;
            let away = away().filter(|_| sure).map(|replica| &replica.addr);
            let raw = away.fold(Raw::warning(about(node), text()), Raw::because);
            raw.next("see the log of the replica that is missing")
        })
    });
    found.collect()
}

/// D7
pub fn buffers(facts: &Facts<'_>) -> Vec<Raw> {
    let found = facts.nodes.iter().filter_map(|node| {
        let used = node.info?.number("mem_clients_slaves")?;
        let limit = facts.replica_buffer(node);
        let most = limit.value;
        if most == 0 || precise(used) <= facts.limits.replica_buffer_share.get() * precise(most) {
            return None;
        }
        let how = if limit.assumed { " (the default; its own is not told)" } else { "" };
        let text = format!("{}: replica buffer {} of {}{how}", node.addr, Size(used), Size(most));
        Some(
            Raw::warning(about(node), text)
                .next("a replica over the limit is cut and resyncs in full: see why it does not read"),
        )
    });
    found.collect()
}
