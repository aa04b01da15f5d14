//! How a cluster stands, as a monitoring plugin says it.

use super::report::{counts, headline};
use super::slots::SLOTS;
use super::snapshot::Health;
use crate::base::Severity;
use crate::base::plugin::{Plugin, WIDTH, cut, plain};

/// What its first line begins with.
pub const LABEL: &str = "REDIS";

/// How a cluster stands, for a plugin. With `verbosity` 1 all findings, 2 also what to do and notices, 3 also what happened.
pub fn plugin(health: &Health, verbosity: u8) -> Plugin {
    let mut plugin = Plugin::new(LABEL, health.severity, first(health), perfdata(health));
    if verbosity == 0 && health.counts.silenced > 0 {
        plugin.push(&counts(health));
    }
    if verbosity >= 1 {
        plugin.push(&headline(health));
        plugin.push(&counts(health));
        for finding in &health.findings {
            let word = if finding.silenced.is_some() { "silenced" } else { finding.severity.word() };
            plugin.push(&format!("{word} {}: {}", finding.rule, finding.said()));
            finding.silenced.iter().for_each(|silenced| plugin.push(&format!("  {silenced}")));
            if verbosity >= 2 {
                finding.next.iter().for_each(|next| plugin.push(&format!("  {next}")));
                finding.command.iter().for_each(|command| plugin.push(&format!("  $ {command}")));
            }
        }
    }
    if verbosity >= 2 {
        health.notices.iter().for_each(|notice| plugin.push(&format!("notice {}: {}", notice.rule, notice.said())));
    }
    if verbosity >= 3 {
        health.events.iter().for_each(|event| plugin.push(&format!("{} {}", event.at, event.text)));
    }
    plugin.bound();
    plugin
}

/// The worst finding, and how many more there are.
fn first(health: &Health) -> String {
    let begin = format!("REDIS {} - {}: ", health.severity, plain(&health.line.name));
    let loud: Vec<_> = health.findings.iter().filter(|finding| finding.silenced.is_none()).collect();
    // What clients feel says more than which node it is.
    let felt =
        loud.iter().find(|one| one.severity == Severity::Critical && ["B1", "C2", "C3", "E7"].contains(&one.rule.0));
    let silenced = match health.counts.silenced {
        0 => String::new(),
        count => format!(" ({count} silenced)"),
    };
    let Some(worst) = felt.or(loud.first()) else {
        let served = health.line.served.map(|served| format!("{served} of {SLOTS} slots served, ")).unwrap_or_default();
        let text = match health.severity {
            Severity::Unknown => "nothing of it was seen yet".to_owned(),
            _ => format!("{served}{} of {} nodes answer", health.line.answering, health.line.known),
        };
        return cut(&with(format!("{begin}{text}"), &silenced), WIDTH);
    };
    let more = loud.len() - 1;
    let tail = if more > 0 { format!(" (+{more})") } else { String::new() };
    let text = plain(&worst.brief());
    // The finding comes before the cluster's name, which whoever asked knows.
    let begin = match begin.chars().count() + text.chars().count() + tail.len() {
        0..=WIDTH => begin,
        _ => format!("REDIS {} - ", health.severity),
    };
    let room = WIDTH.saturating_sub(begin.chars().count() + tail.len());
    with(format!("{begin}{}{tail}", cut(&text, room)), &silenced)
}

/// A line, and what is added to it where that fits.
fn with(line: String, more: &str) -> String {
    if line.chars().count() + more.len() <= WIDTH { line + more } else { line }
}

/// What is not known is `U`.
fn perfdata(health: &Health) -> String {
    let whole = |value: Option<u64>| value.map_or_else(|| "U".to_owned(), |value| value.to_string());
    let line = &health.line;
    let mut parts = Vec::new();
    if line.kind == super::limits::Kind::Cluster {
        // A slot that is not seen is not served for all that is known, and alarms nobody.
        parts.push(format!("slots_uncovered={};;0;0;{SLOTS}", whole(line.uncovered.map(u64::from))));
        parts.push(format!("slots_served={};;;0;{SLOTS}", whole(line.served.map(u64::from))));
        parts.push(format!("slots_not_seen={};;;0;{SLOTS}", whole(line.unseen.map(u64::from))));
    }
    parts.push(format!("nodes={};;;0;{}", line.answering, line.known));
    parts.push(format!("nodes_not_seen={};;;0;{}", line.not_seen, line.known));
    parts.push(format!("critical={};;0;0", health.counts.critical));
    parts.push(format!("warning={};0;;0", health.counts.warning));
    parts.push(format!("unknown={};;;0", health.counts.unknown));
    parts.push(format!("silenced={};;;0", health.counts.silenced));
    parts.push(format!("keys={};;;0", whole(line.keys)));
    parts.push(format!("ops={};;;0", line.ops.map_or_else(|| "U".to_owned(), |ops| format!("{ops:.1}"))));
    parts.join(" ")
}
