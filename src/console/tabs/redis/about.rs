//! All about a node, as lines; and what happened to its cluster. Pure.

use std::time::Duration;

use super::nodes;
use super::wrong;
use crate::base::escape::shown_again;
use crate::base::units::Size;
use crate::base::{Severity, Time};
use crate::console::details::{Details, Group, moment};
use crate::console::format;
use crate::console::theme::Role;
use crate::redis::finding::{Event, Object};
use crate::redis::nodes::Flag;
use crate::redis::snapshot::{Health, NodeRow, Role as Part};

/// A flag as servers write it.
fn flag(flag: Flag) -> &'static str {
    match flag {
        Flag::Myself => "myself",
        Flag::Master => "master",
        Flag::Replica => "replica",
        Flag::PFail => "fail?",
        Flag::Fail => "fail",
        Flag::Handshake => "handshake",
        Flag::NoAddr => "noaddr",
        Flag::NoFailover => "nofailover",
    }
}

/// What every look tells of a node.
pub fn node(row: &NodeRow, health: &Health, now: Time) -> Details {
    let mut groups = vec![standing(row, now)];
    groups.extend(found(row, health, now));
    groups.push(belongs(row, health));
    if row.role == Some(Part::Replica) {
        groups.push(copies(row));
    }
    groups.push(load(row));
    if !row.rates.is_empty() {
        let mut rates = Group::new("counters, a second");
        for (name, value) in &row.rates {
            rates.line(name, format::rate(Some(*value)));
        }
        groups.push(rates);
    }
    let id = row.addr.to_string();
    Details { title: format!("{id} ({})", nodes::role(row)), groups, id, failed: false }
}

fn standing(row: &NodeRow, now: Time) -> Group {
    let severity = nodes::severity(row);
    let mut group = Group::new("");
    group.role("a direct look", row.sight.word(), if severity == Severity::Ok { Role::Ok } else { Role::of(severity) });
    let trouble = row.trouble.as_deref().map(shown_again);
    if let Some(trouble) = trouble {
        group.role("why", trouble, Role::of(severity.max(Severity::Unknown)));
    }
    let flags: Vec<&str> = row.flags.iter().copied().filter(|one| *one != Flag::Myself).map(flag).collect();
    let flags = if flags.is_empty() { format::UNKNOWN.to_owned() } else { flags.join(", ") };
    group.line("the others say", flags);
    group.line("round trip", format::millis(row.took));
    group.line("looked at", moment(row.looked, now));
    group.line("server", format::known(row.version.as_deref(), shown_again));
    group.line("has run for", format::span(row.uptime.map(Duration::from_secs)));
    group.line("id", format::known(row.id.as_ref(), |id| id.as_str().to_owned()));
    group
}

/// What is found of it, whole.
fn found(row: &NodeRow, health: &Health, now: Time) -> Option<Group> {
    let mut group = Group::new("what is found of it");
    for (_, finding) in wrong::ranked(health) {
        let about = match &finding.object {
            Object::Node(addr) => *addr == row.addr,
            Object::Host(host) => host == row.addr.host(),
            Object::Cluster | Object::Slots(_) => false,
        };
        if !about {
            continue;
        }
        let role = wrong::role(finding);
        let since = format::age(now, Some(finding.since));
        let name = format!("{} {}", finding.rule, wrong::word(finding));
        group.role(&name, format!("{} (for {since})", wrong::said(finding)), role);
        group.some("  do", finding.next.as_deref().map(shown_again));
        group.some("  command", finding.command.as_deref().map(shown_again));
    }
    (!group.lines.is_empty()).then_some(group)
}

fn belongs(row: &NodeRow, health: &Health) -> Group {
    let mut group = Group::new("in the cluster");
    group.line("part", nodes::role(row));
    if row.role == Some(Part::Replica) {
        group.line("copies", format::known(row.master.as_ref(), ToString::to_string));
        return group;
    }
    let slots = if row.slots.is_empty() {
        "none".to_owned()
    } else {
        format!("{} of them: {} ({:.1} %)", row.slots.count(), row.slots, row.slots.share())
    };
    group.line("slots", slots);
    let shard = health.shards.iter().find(|shard| shard.master == row.addr);
    let copies = shard.map(|shard| shard.replicas.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    match copies.as_deref() {
        Some("") => group.role("replicas", "none", Role::Warning),
        copies => group.line("replicas", copies.unwrap_or(format::UNKNOWN)),
    }
    group
}

fn copies(row: &NodeRow) -> Group {
    let mut group = Group::new("copying");
    match row.link {
        Some(true) => group.line("line to its master", "up"),
        Some(false) => group.role("line to its master", "down", Role::Warning),
        None => group.line("line to its master", format::UNKNOWN),
    }
    group.line("bytes behind", format::size(row.lag_bytes));
    group.line("last acknowledged", format::known(row.lag_seconds, |seconds| format!("{seconds} s ago")));
    group
}

fn load(row: &NodeRow) -> Group {
    let mut group = Group::new("what it holds and does");
    group.line("keys", format::count(row.keys));
    let most = match row.memory_max {
        Some(0) => "no limit".to_owned(),
        most => format!("of {}", format::size(most)),
    };
    group.line("memory", format::known(row.memory, |used| format!("{}, {most}", Size(used))));
    group.line("commands a second", format::rate(row.ops));
    group.line("clients", format::count(row.clients));
    group
}

/// What happened, the newest first.
pub fn events(events: &[Event], now: Time) -> Vec<Group> {
    let mut group = Group::new("");
    for event in events {
        let ago = format::age(now, Some(event.at));
        let name = format!("{} {}", format::utc_second(event.at), event.kind.word());
        let words = format!("{}: {} ({ago} ago)", event.node, shown_again(&event.text));
        group.line(&name, words);
    }
    if group.lines.is_empty() {
        group.role("nothing", "no failover, restart or move was seen since firn looks", Role::Dim);
    }
    vec![group]
}
