//! The picture of the tab.
//!
//! ```text
//!  REPLICAS 12   ✖ 1 CRITICAL   ⚠ 2 WARNING   ● 9 OK   FROZEN none   JOBS 2 run (backup 1, deshard 1)
//!  worst db14-delay for 11 min   judged by db-ops-1 (9), db-ops-2 (3)
//!  ┌ Replicas ───────────────────────────────────────────────────────────────────────────────────────────┐
//!  │ replica     state       delay now  band 5,400–9,000      slope       r     last 6 h  why              │
//!  └─────────────────────────────────────────────────────────────────────────────────────────────────────┘
//!  db14-delay: out of bounds, and slope does not indicate recovery …
//! ```

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::rows::{self, old, stale};
use super::state::State;
use crate::base::units::Count;
use crate::base::{Severity, Shown};
use crate::console::format;
use crate::console::glyphs::Look;
use crate::console::model::{Connection, Hit, Model, Report};
use crate::console::theme::Role;
use crate::console::widgets::pane::{self, PaneView};
use crate::console::widgets::strip::{self, Item, Part};
use crate::console::widgets::table::{self, TableView};
use crate::console::widgets::{HitId, Piece, paint};
use crate::delay::snapshot::{DelaySnapshot, ReplicaLine};

/// Hosts that are named; the others are counted.
const HOSTS: usize = 3;

/// Draws the tab.
pub fn draw(model: &Model, look: &Look<'_>, area: Rect, buf: &mut Buffer, report: &mut Report) {
    let inside = |area: Rect| Rect {
        x: area.x.saturating_add(1).min(area.right()),
        width: area.width.saturating_sub(2),
        ..area
    };
    let Some(snapshot) = &model.delay.shown else {
        let words = if matches!(model.state, Connection::Trouble(..)) { "" } else { "reading the state …" };
        strip::draw(&[Part { items: vec![text(words, Role::Dim)], drop: 0 }], 2, look, inside(area), buf);
        return;
    };
    let said = if area.height >= 16 { 3 } else { 0 };
    let [top, rest, below] =
        Layout::vertical([Constraint::Length(2), Constraint::Fill(1), Constraint::Length(said)]).areas(area);
    strips(&model.delay, snapshot, look, inside(top), buf);
    list(model, snapshot, look, rest, buf, report);
    selected(model, snapshot, look, inside(below), buf);
}

pub(super) fn text(text: impl Into<String>, role: Role) -> Item<'static> {
    Item::Text(Piece::new(text.into(), role))
}

/// How many replicas are how bad, the worst of them first.
fn counts(snapshot: &DelaySnapshot, look: &Look<'_>) -> Vec<Part<'static>> {
    let all = snapshot.replicas.len() as u64;
    let mut parts =
        vec![Part { items: vec![text("REPLICAS ", Role::Title), text(Count(all).to_string(), Role::Text)], drop: 0 }];
    for severity in [Severity::Critical, Severity::Warning, Severity::Unknown, Severity::Ok] {
        let count = snapshot.replicas.iter().filter(|line| line.severity() == severity).count() as u64;
        if count > 0 {
            let words = format!("{} {} {}", look.glyphs.severity(severity), Count(count), severity.word());
            parts.push(Part { items: vec![text(words, Role::of(severity))], drop: 0 });
        }
    }
    parts
}

fn strips(state: &State, snapshot: &DelaySnapshot, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let lines = &snapshot.replicas;
    let mut upper = counts(snapshot, look);
    let frozen = lines.iter().filter(|line| line.is_frozen()).count() as u64;
    if frozen > 0 {
        upper.push(Part { items: vec![text(format!("{} FROZEN", Count(frozen)), Role::Held)], drop: 0 });
    }
    let mut classes: BTreeMap<&str, u64> = BTreeMap::new();
    for job in lines.iter().flat_map(|line| &line.jobs).filter(|job| job.end.is_none()) {
        *classes.entry(&job.class).or_default() += 1;
    }
    let mut jobs = vec![text("JOBS ", Role::Title)];
    if classes.is_empty() {
        jobs.push(text("none run", Role::Dim));
    } else {
        let each: Vec<String> =
            classes.iter().map(|(class, count)| format!("{} {}", Shown::text(class), Count(*count))).collect();
        jobs.push(text(each.join(", "), Role::Text));
    }
    upper.push(Part { items: jobs, drop: 1 });
    let mut lower = Vec::new();
    if let Some(line) = worst(state, snapshot) {
        let since = line.state.turns.last().map(|turn| turn.since);
        let name = Shown::text(&line.name).to_string();
        let mut items = vec![text("worst ", Role::Dim), text(name, Role::of(line.severity()))];
        if let Some(since) = since {
            items.push(text(format!(" for {}", format::span(Some(snapshot.now.since(since)))), Role::Text));
        }
        lower.push(Part { items, drop: 0 });
    }
    let never = lines.iter().filter(|line| line.judged.is_none()).count() as u64;
    let late = lines.iter().filter(|line| old(line, snapshot.now).is_some()).count() as u64;
    for (count, what) in [(never, "never judged"), (late, "not judged lately")] {
        if count > 0 {
            lower.push(Part { items: vec![text(format!("{} {what}", Count(count)), Role::Unknown)], drop: 0 });
        }
    }
    lower.push(Part { items: vec![text("judged by ", Role::Dim), text(judges(lines), Role::Text)], drop: 1 });
    for (line, row) in [upper, lower].iter().zip(area.rows()) {
        strip::draw(line, 3, look, row, buf);
    }
}

/// The worst replica that is not fine: the one that the list has first.
fn worst<'a>(state: &State, snapshot: &'a DelaySnapshot) -> Option<&'a ReplicaLine> {
    let first = snapshot.replicas.get(*state.ranked.first()?)?;
    (first.severity() > Severity::Ok).then_some(first)
}

/// Who judges, and how many replicas each.
fn judges(lines: &[ReplicaLine]) -> String {
    let mut hosts: BTreeMap<&str, u64> = BTreeMap::new();
    for (host, _) in lines.iter().filter_map(|line| line.judged.as_ref()) {
        *hosts.entry(host).or_default() += 1;
    }
    if hosts.is_empty() {
        return "nobody".to_owned();
    }
    let more = hosts.len().saturating_sub(HOSTS);
    let mut words: Vec<String> =
        hosts.iter().take(HOSTS).map(|(host, count)| format!("{} ({})", Shown::text(host), Count(*count))).collect();
    if more > 0 {
        words.push(format!("{more} more hosts"));
    }
    words.join(", ")
}

fn list(model: &Model, snapshot: &DelaySnapshot, look: &Look<'_>, area: Rect, buf: &mut Buffer, report: &mut Report) {
    let state = &model.delay.list;
    let place = state.place();
    let shown = state.ids.len() as u64;
    let filter = (!state.filter.is_empty()).then_some((state.filter.as_str(), Some(state.total as u64)));
    let title = table::title("Replicas", place.map(|place| place as u64), shown, filter);
    let inner = pane::draw(&PaneView { title: title.into(), right: "".into(), focused: true }, look, area, buf);
    let heads = rows::heads(&snapshot.replicas, inner.width);
    let row = |place: u64| {
        let line = model.delay.line(usize::try_from(place).ok()?)?;
        Some(rows::row(line, &heads, snapshot.now, look))
    };
    let top = state.scrolled(usize::from(inner.height.saturating_sub(1)));
    let empty =
        if state.filter.is_empty() { "no replica is configured" } else { "no row passes the filter; Esc drops it" };
    let view = TableView {
        id: 0,
        columns: &heads.columns,
        total: shown,
        offset: top as u64,
        selected: place.map(|place| place as u64),
        focused: true,
        sorted: state.sort.map(|column| (column, !state.descending)),
        row: &row,
        empty: empty.into(),
    };
    let mut hits = Vec::new();
    let extent = table::draw(&view, look, inner, buf, &mut hits);
    report.heights.insert("replicas", u16::try_from(extent.shown).unwrap_or(u16::MAX).max(1));
    report.delay_top = Some(top);
    for (rect, hit) in hits {
        if let HitId::Row { row, .. } = hit
            && let Ok(place) = usize::try_from(row)
        {
            report.hits.push((rect, Hit::Replica(place)));
        }
    }
}

/// What is to be said of the selected replica, whole.
fn selected(model: &Model, snapshot: &DelaySnapshot, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let Some(line) = model.delay.selected() else { return };
    let severity = line.severity();
    let (why, _) = rows::why(line, snapshot.now);
    let mut said = format!("{}: {why}", Shown::text(&line.name));
    if let Some(hint) = line.verdict.as_ref().and_then(|verdict| verdict.hint.as_ref()) {
        said = format!("{said}; likely cause: {}", Shown::text(hint));
    }
    let role = match severity {
        Severity::Ok if stale(line, snapshot.now).is_some() => Role::Unknown,
        Severity::Ok => Role::Text,
        severity => Role::of(severity),
    };
    let lines = format::wrap(&look.text(&said), area.width.into());
    for (line, row) in lines.iter().zip(area.rows()) {
        paint::text(line, role, row.x, row.y, row.width, look, buf);
    }
}
