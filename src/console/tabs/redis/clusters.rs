//! The list of clusters: what each column shows of one, and what it sorts by. Pure.

use super::wrong;
use crate::base::units::Count;
use crate::base::{Severity, Shown, Time};
use crate::console::format;
use crate::console::glyphs::Look;
use crate::console::list::SortKey;
use crate::console::theme::Role;
use crate::console::widgets::table::{Cell, Column, Row};
use crate::redis::limits::Kind;
use crate::redis::read::ClusterRead;
use crate::redis::slots::SLOTS;
use crate::redis::snapshot::{Counts, Health};

/// The column of states.
pub const STATE: usize = 0;
/// The column of names.
pub const NAME: usize = 1;
/// The column of commands a second.
const OPS: usize = 7;

/// Titles of the columns.
pub const TITLES: [&str; 11] =
    ["state", "cluster", "says", "slots", "masters", "replicas", "nodes", "ops/s", "findings", "since", "worst"];

/// What the list can be sorted by: the column, and whether it begins with the largest.
pub const SORTS: [(Option<usize>, bool); 3] = [(Some(STATE), true), (Some(NAME), false), (Some(OPS), true)];

/// How bad it is with a cluster. What has not been looked at is not known.
pub fn severity(one: &ClusterRead) -> Severity {
    one.health.as_ref().map_or(Severity::Unknown, |health| health.severity)
}

/// Since when the worst that is wrong with it is.
pub fn since(health: &Health) -> Option<Time> {
    let open = || health.findings.iter().filter(|finding| finding.silenced.is_none());
    let worst = open().map(|finding| finding.severity).max()?;
    open().filter(|finding| finding.severity == worst).map(|finding| finding.since).min()
}

/// `16,384/16,384`: slots that are served, of all there are.
pub fn slots(health: &Health) -> String {
    match health.line.kind {
        Kind::Cluster => format!("{}/{}", format::count(health.line.served.map(u64::from)), Count(u64::from(SLOTS))),
        Kind::List | Kind::Replicas => format::UNKNOWN.to_owned(),
    }
}

/// How that is painted: what nobody serves is critical, what is only not seen is not known.
pub fn standing(health: &Health) -> Role {
    let all = u32::from(SLOTS);
    match (health.line.served, health.line.unseen) {
        (Some(served), unseen) if served + unseen.unwrap_or(0) < all => Role::Critical,
        (Some(served), _) if served < all => Role::Unknown,
        _ => Role::Text,
    }
}

/// How many findings there are of each kind, the worst first; what there is none of is left out.
pub fn counted(counts: &Counts) -> impl Iterator<Item = (Severity, Count)> {
    let all = [
        (Severity::Critical, counts.critical),
        (Severity::Warning, counts.warning),
        (Severity::Unknown, counts.unknown),
    ];
    all.into_iter().filter(|(_, count)| *count > 0).map(|(severity, count)| (severity, Count(count.into())))
}

/// What a column sorts by.
pub fn key(one: &ClusterRead, column: usize) -> SortKey {
    let health = one.health.as_ref();
    match column {
        STATE => SortKey::Number(match severity(one) {
            Severity::Ok => 0.0,
            Severity::Unknown => 1.0,
            Severity::Warning => 2.0,
            Severity::Critical => 3.0,
        }),
        NAME => SortKey::Text(one.name.clone()),
        OPS => super::nodes::number(health.and_then(|health| health.line.ops)),
        _ => SortKey::None,
    }
}

/// All that a row says, for the filter.
pub fn text(one: &ClusterRead, now: Time) -> String {
    let words = match &one.health {
        None => "not looked at yet".to_owned(),
        Some(health) => {
            let found = health.findings.iter().map(wrong::text);
            let says = health.line.state.as_deref().unwrap_or_default();
            format!("{says} {}", found.collect::<Vec<_>>().join(" "))
        }
    };
    let stale = if one.stale(now).is_some() { "stale" } else { "" };
    let production = if one.production { "production" } else { "" };
    format!("{} {} {words} {stale} {production}", one.name, severity(one).word())
}

/// The columns.
pub fn columns() -> [Column<'static>; 11] {
    let words = |at: usize, min: u16, weight: u16| Column::words(TITLES[at], min, weight);
    [
        words(0, 10, 0),
        words(1, 8, 2).cut(format::Cut::Middle),
        words(2, 4, 0).drop(7),
        Column::numbers(TITLES[3], 13).drop(1),
        Column::numbers(TITLES[4], 7).drop(8),
        Column::numbers(TITLES[5], 8).drop(9),
        Column::numbers(TITLES[6], 7).drop(2),
        Column::numbers(TITLES[7], 8).drop(6),
        words(8, 12, 0),
        Column::numbers(TITLES[9], 7).drop(4),
        words(10, 36, 6).drop(5),
    ]
}

/// A cluster's row.
pub fn row<'a>(one: &ClusterRead, now: Time, look: &Look<'_>) -> Row<'a> {
    let severity = severity(one);
    let name = Cell::new(Shown::text(&one.name).to_string(), Role::Text);
    let Some(health) = &one.health else {
        let mut cells = vec![state(severity, severity, Role::Unknown, look), name];
        cells.extend((0..6).map(|_| Cell::new(format::UNKNOWN, Role::Dim)));
        cells.push(Cell::new("not seen yet", Role::Unknown));
        cells.push(Cell::new(format::UNKNOWN, Role::Dim));
        cells.push(Cell::new("it has not been looked at yet", Role::Dim));
        return Row { cells, marked: false };
    };
    let line = &health.line;
    let stale = one.stale(now);
    let (sign, role) = match stale {
        Some(_) => (Severity::Unknown, Role::Stale),
        None => (severity, Role::of(severity)),
    };
    let found: Vec<String> =
        counted(&health.counts).map(|(severity, count)| format!("{}{count}", look.glyphs.severity(severity))).collect();
    let found = match (stale, found.is_empty()) {
        (Some(age), _) => Cell::new(format!("{} old", format::short_span(Some(age))), Role::Stale),
        (None, true) => Cell::new("none", Role::Dim),
        (None, false) => Cell::new(found.join(" "), role),
    };
    let worst = match (stale, wrong::worst(health)) {
        (Some(age), _) => Cell::new(format!("looked at {} ago", format::span(Some(age))), Role::Stale),
        (None, Some(finding)) => Cell::new(wrong::short(finding), Role::Text),
        (None, None) => Cell::new("", Role::Dim),
    };
    let plain = |text: String| Cell::new(text, if stale.is_some() { Role::Stale } else { Role::Text });
    let cells = vec![
        state(sign, severity, role, look),
        name,
        Cell::new(says(health), if line.state.as_deref() == Some("fail") { Role::Critical } else { Role::Dim }),
        match standing(health) {
            Role::Text => plain(slots(health)),
            role => Cell::new(slots(health), role),
        },
        plain(format::count(line.masters.map(u64::from))),
        plain(format::count(line.replicas.map(u64::from))),
        plain(format!("{}/{}", Count(line.answering.into()), Count(line.known.into()))),
        plain(format::rate(line.ops)),
        found,
        Cell::new(format::short_span(since(health).map(|since| now.since(since))), Role::Dim),
        worst,
    ];
    Row { cells, marked: false }
}

fn state<'a>(sign: Severity, severity: Severity, role: Role, look: &Look<'_>) -> Cell<'a> {
    Cell::new(format!("{} {}", look.glyphs.severity(sign), severity.word()), role)
}

/// What the cluster says of itself.
pub fn says(health: &Health) -> String {
    format::known(health.line.state.as_deref(), |state| Shown::text(state).to_string())
}
