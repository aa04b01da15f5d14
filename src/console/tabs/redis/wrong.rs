//! The list of findings: their order, and what each column shows. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::state::FindingId;
use crate::base::escape::shown_again;
use crate::base::{Severity, Time};
use crate::console::format::{self, Cut};
use crate::console::glyphs::Look;
use crate::console::theme::Role;
use crate::console::widgets::table::{Cell, Column, Row};
use crate::redis::finding::Finding;
use crate::redis::snapshot::Health;

/// What is wrong, the worst first, then what is worth knowing, and at the end what is silenced.
pub fn ranked(health: &Health) -> Vec<(FindingId, &Finding)> {
    let mut seen: BTreeMap<(&'static str, String), usize> = BTreeMap::new();
    let mut all: Vec<(FindingId, &Finding)> = Vec::with_capacity(health.findings.len() + health.notices.len());
    for finding in health.findings.iter().chain(&health.notices) {
        let object = finding.object.to_string();
        let before = seen.entry((finding.rule.0, object.clone())).or_default();
        all.push((FindingId { rule: finding.rule.0, object, nth: *before }, finding));
        *before += 1;
    }
    // What comes first among equally bad ones is for the judge to say.
    all.sort_by_key(|(_, finding)| (finding.silenced.is_some(), Reverse(finding.severity)));
    all
}

/// The word for how bad it is. One with nothing wrong is told for what it is worth.
pub fn word(finding: &Finding) -> &'static str {
    match (finding.silenced.is_some(), finding.severity) {
        (true, _) => "silenced",
        (false, Severity::Ok) => "notice",
        (false, severity) => severity.word(),
    }
}

/// How it is drawn.
pub fn role(finding: &Finding) -> Role {
    match (finding.silenced.is_some(), finding.severity) {
        (true, _) | (false, Severity::Ok) => Role::Dim,
        (false, severity) => Role::of(severity),
    }
}

/// What a finding says; of one that is silenced, until when and by whom comes first.
pub fn said(finding: &Finding) -> String {
    with_silence(finding, shown_again(&finding.said()))
}

/// The same in few words, for where there is little room.
fn few(finding: &Finding) -> String {
    with_silence(finding, shown_again(&finding.brief()))
}

fn with_silence(finding: &Finding, text: String) -> String {
    match &finding.silenced {
        Some(silenced) => format!("{}: {text}", shown_again(silenced)),
        None => text,
    }
}

/// The same with its rule, and with what it is about where its words do not name that.
pub fn sentence(finding: &Finding) -> String {
    named(finding, &said(finding))
}

/// The same in few words.
pub fn short(finding: &Finding) -> String {
    named(finding, &few(finding))
}

fn named(finding: &Finding, text: &str) -> String {
    let object = finding.object.to_string();
    if text.contains(&object) {
        format!("{} {text}", finding.rule)
    } else {
        format!("{} {object}: {text}", finding.rule)
    }
}

/// The worst of what is not silenced, as the judge has it first.
pub fn worst(health: &Health) -> Option<&Finding> {
    let open = health.findings.iter().filter(|finding| finding.silenced.is_none());
    open.min_by_key(|finding| Reverse(finding.severity))
}

/// All that a row says, for the filter.
pub fn text(finding: &Finding) -> String {
    let next = finding.next.as_deref().unwrap_or_default();
    let command = finding.command.as_deref().unwrap_or_default();
    format!("{} {} {} {} {next} {command}", word(finding), finding.rule, finding.object, said(finding))
}

/// The columns.
pub fn columns() -> [Column<'static>; 5] {
    [
        Column::words("severity", 10, 0),
        Column::words("rule", 4, 0).drop(2),
        // What it is about, its words name as well.
        Column::words("object", 16, 1).cut(Cut::Middle).drop(3),
        Column::words("what", 40, 8),
        Column::numbers("since", 7).drop(1),
    ]
}

/// Below so many columns a row has room for few words.
pub const NARROW: u16 = 120;

/// A finding's row in a list of that width.
pub fn row<'a>(finding: &Finding, now: Time, width: u16, look: &Look<'_>) -> Row<'a> {
    let words = if width < NARROW { few(finding) } else { said(finding) };
    let role = role(finding);
    let quiet = if role == Role::Dim { Role::Dim } else { Role::Text };
    let sign = look.glyphs.severity(finding.severity);
    let cells = vec![
        Cell::new(format!("{sign} {}", word(finding)), role),
        Cell::new(finding.rule.0, Role::Dim),
        Cell::new(finding.object.to_string(), quiet),
        Cell::new(words, quiet),
        Cell::new(format::short_span(Some(now.since(finding.since))), Role::Dim),
    ];
    Row { cells, marked: false }
}
