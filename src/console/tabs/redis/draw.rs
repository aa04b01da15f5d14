//! The picture of the tab.
//!
//! ```text
//!  ✖ CRITICAL shop   SLOTS 10,923/16,384   ANSWER 5/6   MASTERS 3   REPLICAS 2   SAYS ok   VIEWS agree   EPOCH 6
//!  ✖ 2 CRITICAL   ⚠ 1 WARNING   worst for 4 s   last event 2 min ago: failover 10.99.0.3:19301
//!  ─────────────────────────────────────────────────────────────────✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖✖
//!  ✖ failing 5,461 (33 %): 10923-16383   ─ served 10,923 (67 %)
//!  ┌ Findings ────────────────────────────────────────────────────────────────────────────────────────┐
//!  └──────────────────────────────────────────────────────────────────────────────────────────────────┘
//!  ┌ Nodes ───────────────────────────────────────────────────────────────────────────────────────────┐
//!  └──────────────────────────────────────────────────────────────────────────────────────────────────┘
//!  what is selected, whole; what to do about it; the command that would
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::state::{List, State};
use super::{clusters, head, nodes, wrong};
use crate::base::escape::shown_again;
use crate::base::units::Count;
use crate::base::{Severity, Shown, Time};
use crate::console::format;
use crate::console::glyphs::Look;
use crate::console::list::ListState;
use crate::console::model::{Hit, Model, Report};
use crate::console::theme::Role;
use crate::console::widgets::pane::{self, PaneView};
use crate::console::widgets::strip::{self, Part};
use crate::console::widgets::table::{self, Column, Row, TableView};
use crate::console::widgets::{HitId, paint};
use crate::redis::limits::Kind;
use crate::redis::read::{ClusterRead, RedisRead};
use crate::redis::snapshot::Health;

/// Draws the tab.
pub fn draw(model: &Model, look: &Look<'_>, area: Rect, buf: &mut Buffer, report: &mut Report) {
    let state = &model.redis;
    let Some(read) = &state.shown else {
        let (words, role) = match &state.wrong {
            Some(why) => (format!("clusters cannot be looked at: {}", Shown::text(why)), Role::Unknown),
            None => ("looking at the clusters …".to_owned(), Role::Dim),
        };
        for (line, row) in format::wrap(&look.text(&words), inside(area).width.into()).iter().zip(inside(area).rows()) {
            paint::text(line, role, row.x, row.y, row.width, look, buf);
        }
        return;
    };
    match state.current() {
        None => overview(state, read, look, area, buf, report),
        Some(one) => match &one.health {
            None => {
                let parts = [Part { items: vec![head::text(unread(one), Role::Unknown)], drop: 0 }];
                strip::draw(&parts, 2, look, inside(area), buf);
            }
            Some(health) => {
                let copy = model.keymap.first("copy").unwrap_or_default();
                cluster(state, one, health, read.now, &copy, look, area, buf, report);
            }
        },
    }
}

/// Of a cluster that has not been looked at.
fn unread(one: &ClusterRead) -> String {
    format!("? UNKNOWN {}: it has not been looked at yet", Shown::text(&one.name))
}

fn inside(area: Rect) -> Rect {
    Rect { x: area.x.saturating_add(1).min(area.right()), width: area.width.saturating_sub(2), ..area }
}

/// A list as it is drawn.
struct Listed<'a> {
    list: List,
    focused: bool,
    columns: &'a [Column<'a>],
    sorted: Option<(usize, bool)>,
    empty: &'a str,
}

fn listed<'a, Id: Clone + Ord>(
    view: &Listed<'a>,
    state: &ListState<Id>,
    row: &dyn Fn(usize) -> Option<Row<'a>>,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
    report: &mut Report,
) {
    let (place, total, top) =
        (state.place().map(|place| place as u64), state.ids.len() as u64, state.scrolled(within(area)));
    let filter = (!state.filter.is_empty()).then_some((state.filter.as_str(), Some(state.total as u64)));
    let title = table::title(view.list.title(), place, total, filter);
    let inner = pane::draw(&PaneView { title: title.into(), right: "".into(), focused: view.focused }, look, area, buf);
    let empty = if state.filter.is_empty() { view.empty } else { "no row passes the filter; Esc drops it" };
    let at = |place: u64| row(*state.order.get(usize::try_from(place).ok()?)?);
    let table = TableView {
        id: 0,
        columns: view.columns,
        total,
        offset: top as u64,
        selected: place,
        focused: view.focused,
        sorted: view.sorted,
        row: &at,
        empty: empty.to_owned().into(),
    };
    let mut hits = Vec::new();
    let extent = table::draw(&table, look, inner, buf, &mut hits);
    report.heights.insert(view.list.word(), u16::try_from(extent.shown).unwrap_or(u16::MAX).max(1));
    report.redis_tops.insert(view.list, top);
    for (rect, hit) in hits {
        if let HitId::Row { row, .. } = hit
            && let Ok(place) = usize::try_from(row)
        {
            report.hits.push((rect, Hit::Redis(view.list, place)));
        }
    }
}

/// Rows that a list has within its border.
fn within(area: Rect) -> usize {
    usize::from(if area.height < 3 { area.height } else { area.height - 2 }.saturating_sub(1))
}

/// The clusters, where there are several.
fn overview(state: &State, read: &RedisRead, look: &Look<'_>, area: Rect, buf: &mut Buffer, report: &mut Report) {
    let below = if read.clusters.is_empty() { 0 } else { Shape::said(area.height) };
    let [top, rest, said] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(below)]).areas(area);
    let all = Count(read.clusters.len() as u64).to_string();
    let mut parts =
        vec![Part { items: vec![head::text("CLUSTERS ", Role::Title), head::text(all, Role::Text)], drop: 0 }];
    for severity in [Severity::Critical, Severity::Warning, Severity::Unknown, Severity::Ok] {
        let count = read.clusters.iter().filter(|one| clusters::severity(one) == severity).count() as u64;
        if count > 0 {
            let words = format!("{} {} {}", look.glyphs.severity(severity), Count(count), severity.word());
            parts.push(Part { items: vec![head::text(words, Role::of(severity))], drop: 0 });
        }
    }
    trouble(state, &mut parts);
    strip::draw(&parts, 3, look, inside(top), buf);
    let list = &state.clusters;
    let columns = clusters::columns();
    let view = Listed {
        list: List::Clusters,
        focused: true,
        columns: &columns,
        sorted: list.sort.map(|column| (column, !list.descending)),
        empty: "no cluster is configured",
    };
    let row = |at: usize| Some(clusters::row(read.clusters.get(at)?, read.now, look));
    listed(&view, list, &row, look, rest, buf, report);
    // The list has room for the beginning of what is worst.
    let selected = state.clusters.selected.as_ref().and_then(|name| read.named(name));
    if let Some(one) = selected.filter(|one| one.stale(read.now).is_none())
        && let Some(finding) = one.health.as_ref().and_then(|health| wrong::worst(health))
    {
        let mut lines = vec![(wrong::sentence(finding), wrong::role(finding))];
        lines.extend(finding.next.as_ref().map(|next| (format!("do: {}", shown_again(next)), Role::Text)));
        sentences(lines, look, inside(said), buf);
    }
}

/// Says that nothing newer comes, and why.
fn trouble(state: &State, parts: &mut Vec<Part<'static>>) {
    if let Some(why) = &state.wrong {
        let words = format!("not looked at any more: {}", Shown::text(why));
        parts.push(Part { items: vec![head::text(words, Role::Unknown)], drop: 0 });
    }
}

/// Rows of the parts of a cluster's picture.
struct Shape {
    lines: u16,
    strip: u16,
    findings: u16,
    said: u16,
}

impl Shape {
    /// Rows for what is selected.
    fn said(height: u16) -> u16 {
        match height {
            0..10 => 0,
            10..16 => 1,
            16..26 => 3,
            _ => 5,
        }
    }

    /// So that of a small screen the list that has the keys is left.
    fn of(height: u16, found: usize, state: &State, kind: Kind) -> Self {
        let lines = if height >= 6 { 2 } else { u16::from(height >= 3) };
        let strip = match height {
            _ if kind != Kind::Cluster => 0,
            0..8 => 0,
            8..12 => 1,
            _ => 2,
        };
        let said = Self::said(height);
        let rest = height.saturating_sub(lines + strip + said);
        let focused = state.pane == List::Findings;
        let most = if focused { rest * 3 / 5 } else { rest * 2 / 5 };
        // Border and titles; what is not there takes a line.
        let wanted = u16::try_from(found.max(1)).unwrap_or(u16::MAX).saturating_add(if found == 0 { 2 } else { 3 });
        let findings = match (rest, focused) {
            (0..8, true) => rest,
            (0..8, false) => 0,
            _ => wanted.min(most.max(4)),
        };
        Self { lines, strip, findings, said }
    }
}

#[allow(clippy::too_many_arguments)] // what, when, how and where
fn cluster(
    state: &State,
    one: &ClusterRead,
    health: &Health,
    now: Time,
    copy: &str,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
    report: &mut Report,
) {
    let found = wrong::ranked(health);
    let shape = Shape::of(area.height, state.findings.ids.len(), state, health.line.kind);
    let [top, slots, findings, nodes, said] = Layout::vertical([
        Constraint::Length(shape.lines),
        Constraint::Length(shape.strip),
        Constraint::Length(shape.findings),
        Constraint::Fill(1),
        Constraint::Length(shape.said),
    ])
    .areas(area);
    let mut upper = head::line(one, health, now, look);
    trouble(state, &mut upper);
    let lower = head::counts(one, health, now, look);
    for (parts, row) in [upper, lower].iter().zip(inside(top).rows()) {
        strip::draw(parts, 3, look, row, buf);
    }
    if slots.height > 0 {
        head::slots(health, look, inside(slots), buf);
    }
    if findings.height > 0 {
        let columns = wrong::columns();
        let view = Listed {
            list: List::Findings,
            focused: state.pane == List::Findings,
            columns: &columns,
            sorted: None,
            empty: "nothing is wrong that firn can see",
        };
        let row = |at: usize| Some(wrong::row(found.get(at)?.1, now, findings.width, look));
        listed(&view, &state.findings, &row, look, findings, buf, report);
    }
    if nodes.height > 0 {
        node_list(state, health, look, nodes, buf, report);
    }
    selected(state, &found, copy, look, inside(said), buf);
}

fn node_list(state: &State, health: &Health, look: &Look<'_>, area: Rect, buf: &mut Buffer, report: &mut Report) {
    let list = &state.nodes;
    let longest = health.nodes.iter().map(|row| format::width(&nodes::label(row, true, look))).max().unwrap_or(0);
    let heads = nodes::heads(health.line.kind, longest, list.sort);
    let sorted = list.sort.and_then(|column| Some((heads.place(column)?, !list.descending)));
    let view = Listed {
        list: List::Nodes,
        focused: state.pane == List::Nodes,
        columns: &heads.columns,
        sorted,
        empty: "no node is known of",
    };
    let row = |at: usize| Some(nodes::row(health.nodes.get(at)?, &heads, look));
    listed(&view, list, &row, look, area, buf, report);
}

/// What is to be said of what is selected, whole: what it is, what to do, and the command that would do it.
fn selected(
    state: &State,
    found: &[(super::FindingId, &crate::redis::finding::Finding)],
    copy: &str,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let mut lines: Vec<(String, Role)> = Vec::new();
    if state.pane == List::Nodes {
        if let Some(row) = state.selected_node() {
            let severity = nodes::severity(row);
            let role = if severity == Severity::Ok { Role::Text } else { Role::of(severity) };
            lines.push((nodes::sentence(row), role));
        }
    } else if let Some(id) = &state.findings.selected
        && let Some((_, finding)) = found.iter().find(|(one, _)| one == id)
    {
        lines.push((wrong::sentence(finding), wrong::role(finding)));
        if let Some(next) = &finding.next {
            lines.push((format!("do: {}", shown_again(next)), Role::Text));
        }
        if let Some(command) = &finding.command {
            lines.push((format!("{copy} copies: {}", shown_again(command)), Role::Strong));
        }
    }
    sentences(lines, look, area, buf);
}

/// Sentences one below the other, broken where they are long.
fn sentences(lines: Vec<(String, Role)>, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let wide = usize::from(area.width);
    let broken: Vec<(Vec<String>, Role)> =
        lines.into_iter().map(|(line, role)| (format::wrap(&look.text(&line), wide), role)).collect();
    let mut room = usize::from(area.height);
    let mut rows = area.rows();
    let mut after: usize = broken.len();
    for (lines, role) in broken {
        after -= 1;
        // What comes after has a line each, so that what to do is not lost behind a long sentence.
        let most = room.saturating_sub(after).max(usize::from(room > 0)).min(lines.len());
        for (n, line) in lines.iter().take(most).enumerate() {
            let Some(row) = rows.next() else { return };
            let cut = n + 1 == most && most < lines.len();
            let line = if cut { format!("{line} {}", look.glyphs.ellipsis) } else { line.clone() };
            paint::text(&line, role, row.x, row.y, row.width, look, buf);
        }
        room = room.saturating_sub(most);
    }
}
