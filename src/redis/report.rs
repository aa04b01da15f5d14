//! How a cluster stands, as text for people and JSON for scripts. The Redis tab draws the same snapshot.

use serde_json::{Value, json};

use super::finding::{Event, Finding};
use super::record::flag_word;
use super::replay::Replayed;
use super::slots::SLOTS;
use super::snapshot::{ClusterLine, Health, NodeRow};
use crate::base::Severity;
use crate::base::units::{Count, Size, Span};

/// What is not known.
const NOTHING: &str = "–";

fn known<T>(value: Option<T>, shown: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| NOTHING.to_owned(), shown)
}

/// A number of things as people say it: `1,234`, `2.4 k`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn rate(rate: f64) -> String {
    Count(rate.max(0.0).round() as u64).to_string()
}

/// The cluster in one line.
pub fn headline(health: &Health) -> String {
    let line = &health.line;
    let mut parts = vec![format!("{} {} ({})", health.severity, line.name, line.kind.word())];
    if let Some(state) = &line.state {
        parts.push(format!("state {state}"));
    }
    if let Some(served) = line.served {
        parts.push(format!("{} of {} slots served", Count(u64::from(served)), Count(u64::from(SLOTS))));
    }
    if let Some(unseen) = line.unseen.filter(|unseen| *unseen > 0) {
        parts.push(format!("{} not seen", Count(u64::from(unseen))));
    }
    parts.extend(line.epoch.map(|epoch| format!("epoch {epoch}")));
    if let (Some(masters), Some(replicas)) = (line.masters, line.replicas) {
        parts.push(format!("{masters} masters, {replicas} replicas"));
    }
    parts.push(format!("{} of {} nodes answer", line.answering, line.known));
    parts.extend(line.keys.map(|keys| format!("{} keys", Count(keys))));
    parts.extend(line.ops.map(|ops| format!("{} commands/s", rate(ops))));
    parts.join("; ")
}

/// `1 critical, 2 warnings, 1 node not seen`
pub fn counts(health: &Health) -> String {
    let counts = &health.counts;
    let word = |count: u32, one: &str, many: &str| {
        (count > 0).then(|| format!("{count} {}", if count == 1 { one } else { many }))
    };
    let parts = [
        word(counts.critical, "critical", "critical"),
        word(counts.warning, "warning", "warnings"),
        word(counts.unknown, "unknown", "unknown"),
        word(counts.silenced, "silenced", "silenced"),
        word(counts.not_seen, "node not seen", "nodes not seen"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "nothing is wrong".to_owned() } else { parts.join(", ") }
}

/// All of it: findings with what to do, notices, nodes, events.
pub fn text(health: &Health) -> Vec<String> {
    let mut lines = vec![headline(health), counts(health)];
    for finding in &health.findings {
        lines.extend(finding_lines(health, finding));
    }
    for notice in &health.notices {
        lines.push(format!("  {:8} {:4} {}", "notice", notice.rule, notice.said()));
    }
    lines.extend(nodes(health));
    if !health.events.is_empty() {
        lines.push("events".to_owned());
        lines.extend(health.events.iter().take(20).map(|event| format!("  {} {}", event.at, event.text)));
    }
    lines
}

fn finding_lines(health: &Health, finding: &Finding) -> Vec<String> {
    let word = if finding.silenced.is_some() { "silenced".to_owned() } else { finding.severity.to_string() };
    let since = health.at.since(finding.since);
    let since = if since.as_secs() > 0 { format!(" (since {})", Span(since)) } else { String::new() };
    let mut lines = vec![format!("  {word:8} {:4} {}{since}", finding.rule, finding.said())];
    lines.extend(finding.silenced.iter().map(|why| format!("{:16}{why}", "")));
    lines.extend(finding.next.iter().map(|next| format!("{:16}{next}", "")));
    lines.extend(finding.command.iter().map(|command| format!("{:16}$ {command}", "")));
    lines
}

/// A table of the nodes.
fn nodes(health: &Health) -> Vec<String> {
    const HEADS: [&str; 12] =
        ["node", "role", "state", "slots", "keys", "memory", "ops/s", "clients", "lag", "trip", "up", "version"];
    let cells = |node: &NodeRow| -> [String; 12] {
        let indent = if node.master.is_some() { "  " } else { "" };
        let slots =
            if node.slots.is_empty() { String::new() } else { Count(u64::from(node.slots.count())).to_string() };
        let lag = match (node.lag_seconds, node.lag_bytes) {
            (Some(seconds), Some(bytes)) => format!("{seconds} s {}", Size(bytes)),
            (Some(seconds), None) => format!("{seconds} s"),
            (None, Some(bytes)) => Size(bytes).to_string(),
            (None, None) if node.link == Some(false) => "link down".to_owned(),
            (None, None) => String::new(),
        };
        [
            format!("{indent}{}", node.addr),
            known(node.role, |role| role.word().to_owned()),
            node.sight.word().to_owned(),
            slots,
            known(node.keys, |keys| Count(keys).to_string()),
            known(node.memory, |bytes| Size(bytes).to_string()),
            known(node.ops, rate),
            known(node.clients, |clients| Count(clients).to_string()),
            lag,
            known(node.took, |took| format!("{:.1} ms", took.as_secs_f64() * 1e3)),
            known(node.uptime, |up| Span(std::time::Duration::from_secs(up)).to_string()),
            node.version.clone().unwrap_or_else(|| NOTHING.to_owned()),
        ]
    };
    let rows: Vec<[String; 12]> = health.nodes.iter().map(cells).collect();
    let widths: Vec<usize> = HEADS
        .iter()
        .enumerate()
        .map(|(place, head)| rows.iter().map(|row| row[place].chars().count()).chain([head.len()]).max().unwrap_or(0))
        .collect();
    let line = |row: &[String]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("  {}", cells.join("  ")).trim_end().to_owned()
    };
    let heads: Vec<String> = HEADS.iter().map(|head| (*head).to_owned()).collect();
    if rows.is_empty() {
        Vec::new()
    } else {
        std::iter::once(line(&heads)).chain(rows.iter().map(|row| line(row))).collect()
    }
}

/// How a cluster stands, for scripts. What is not known is null.
pub fn json(health: &Health) -> Value {
    json!({
        "cluster": health.line.name,
        "kind": health.line.kind.word(),
        "at": health.at.to_string(),
        "severity": health.severity.word(),
        "counts": {
            "critical": health.counts.critical,
            "warning": health.counts.warning,
            "unknown": health.counts.unknown,
            "silenced": health.counts.silenced,
            "not_seen": health.counts.not_seen,
        },
        "summary": summary(&health.line),
        "findings": health.findings.iter().map(finding).collect::<Vec<_>>(),
        "notices": health.notices.iter().map(finding).collect::<Vec<_>>(),
        "nodes": health.nodes.iter().map(node).collect::<Vec<_>>(),
        "shards": health.shards.iter().map(|shard| json!({
            "master": shard.master.to_string(),
            "replicas": shard.replicas.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "slots": shard.slots.ranges(),
            "served": shard.served,
        })).collect::<Vec<_>>(),
        "slots": health.strip.iter().map(|span| json!({
            "from": span.from, "to": span.to, "state": span.state.word(),
        })).collect::<Vec<_>>(),
        "events": health.events.iter().map(event).collect::<Vec<_>>(),
    })
}

/// A recording judged: how it stood at its last poll, and how bad each poll was.
pub fn replay_json(replayed: &Replayed) -> Value {
    let mut value = replayed.last().map_or_else(|| json!({}), json);
    let polls = replayed
        .polls
        .iter()
        .map(|poll| json!({ "folder": poll.line.name, "at": poll.at.to_string(), "severity": poll.severity.word() }));
    value["polls"] = polls.collect();
    value
}

fn summary(line: &ClusterLine) -> Value {
    json!({
        "state": line.state,
        "slots": SLOTS,
        "slots_served": line.served,
        "slots_not_seen": line.unseen,
        "slots_uncovered": line.uncovered,
        "slots_assigned": line.assigned,
        "epoch": line.epoch,
        "masters": line.masters,
        "replicas": line.replicas,
        "nodes_known": line.known,
        "nodes_answering": line.answering,
        "nodes_not_seen": line.not_seen,
        "views": line.views,
        "keys": line.keys,
        "ops": line.ops,
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule.0,
        "severity": finding.severity.word(),
        "object": finding.object.to_string(),
        "text": finding.text,
        "brief": finding.brief.as_ref().unwrap_or(&finding.text),
        "over": finding.over,
        "since": finding.since.to_string(),
        "next": finding.next,
        "command": finding.command,
        "causes": finding.causes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "silenced": finding.silenced,
        "silenced_until": finding.silenced_until.map(|until| until.to_string()),
    })
}

fn event(event: &Event) -> Value {
    json!({
        "at": event.at.to_string(),
        "kind": event.kind.word(),
        "node": event.node.to_string(),
        "slots": event.slots.ranges(),
        "text": event.text,
        "lasted_ms": event.lasted,
    })
}

fn node(node: &NodeRow) -> Value {
    let flags: Vec<&str> = node.flags.iter().map(|flag| flag_word(*flag)).collect();
    let rates: serde_json::Map<String, Value> =
        node.rates.iter().map(|(name, rate)| ((*name).to_owned(), json!(rate))).collect();
    json!({
        "address": node.addr.to_string(),
        "id": node.id.as_ref().map(super::nodes::NodeId::as_str),
        "role": node.role.map(super::snapshot::Role::word),
        "master": node.master.as_ref().map(ToString::to_string),
        "state": node.sight.word(),
        "severity": node.severity.word(),
        "flags": flags,
        "slots": node.slots.ranges(),
        "keys": node.keys,
        "memory": node.memory,
        "memory_max": node.memory_max,
        "ops": node.ops,
        "clients": node.clients,
        "link_up": node.link,
        "lag_bytes": node.lag_bytes,
        "lag_seconds": node.lag_seconds,
        "looked": node.looked.map(|at| at.to_string()),
        "round_trip_us": node.took.and_then(|took| u64::try_from(took.as_micros()).ok()),
        "version": node.version,
        "uptime_seconds": node.uptime,
        "trouble": node.trouble,
        "rates": rates,
    })
}

/// The worst of several clusters. There are none: UNKNOWN, nothing is watched.
pub fn severity(all: &[Health]) -> Severity {
    all.iter().map(|health| health.severity).max().unwrap_or(Severity::Unknown)
}
