//! The picture of the tab.
//!
//! ```text
//!  FOUND 1,204/min ▁▂▅▇   FETCH 6/8 ████▌   BUNDLES 3 open   UPLOAD 3/4 ███▊   IN VAULT 3,018,442 archives 71.2 TB
//!  oldest waiting 21 s   file→vault p50 28 s p99 51 s   live 312   history 1,882,004 (9 d 4 h left)   failed 3
//!  ┌ Bundles ───────────────────────────────────────────────────────────┐┌ Failures ──────────────────────┐
//!  └────────────────────────────────────────────────────────────────────┘└────────────────────────────────┘
//!  ┌ Pools ─────────────────────────────────────────────────────────────┐┌ Into the vault ────────────────┐
//!  └────────────────────────────────────────────────────────────────────┘└────────────────────────────────┘
//! ```
//!
//! In a narrow or low terminal the lists lie one above the other, the one with the keys the highest.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::rows::{self, BUNDLES, Column, FAILURES, POOLS, Pane, RowId};
use crate::backup::snapshot::{PoolRow, Snapshot};
use crate::base::Time;
use crate::base::ids::Lane;
use crate::base::units::{Count, Size};
use crate::console::format::{self, Align};
use crate::console::glyphs::Look;
use crate::console::list::ListState;
use crate::console::model::{Hit, Model, Report};
use crate::console::theme::Role;
use crate::console::widgets::chart::{self, ChartView};
use crate::console::widgets::pane::{self, PaneView};
use crate::console::widgets::strip::{self, Item, Part};
use crate::console::widgets::table::{self, TableView};
use crate::console::widgets::{HitId, Piece};
use crate::store::{ArchiveState, COUNTED_UP_TO, LaneState};

/// From here on lists lie side by side.
const WIDE: u16 = 110;
/// From here on there is room for the chart.
const HIGH: u16 = 26;

/// Draws the tab.
pub fn draw(model: &Model, look: &Look<'_>, area: Rect, buf: &mut Buffer, report: &mut Report) {
    let Some(snapshot) = &model.shown else {
        let lines = if matches!(model.state, crate::console::model::Connection::Trouble(..)) {
            ""
        } else {
            "reading the state …"
        };
        let part = Part { items: vec![Item::Text(Piece::new(lines, Role::Dim))], drop: 0 };
        strip::draw(&[part], 2, look, inside(area), buf);
        return;
    };
    let now = snapshot.now;
    let lines: u16 = if area.width >= WIDE { 2 } else { 3 };
    let [top, rest] = Layout::vertical([Constraint::Length(lines), Constraint::Fill(1)]).areas(area);
    strips(snapshot, look, inside(top), buf);
    let draw_list = |pane: Pane, rect: Rect, buf: &mut Buffer, report: &mut Report| match pane {
        Pane::Bundles => {
            list(model, pane, &snapshot.bundles, BUNDLES, look, rect, buf, report, now, empty(pane, snapshot));
        }
        Pane::Failures => {
            list(model, pane, &model.backup.failed_rows, FAILURES, look, rect, buf, report, now, empty(pane, snapshot));
        }
        Pane::Pools => list(model, pane, &snapshot.pools, POOLS, look, rect, buf, report, now, empty(pane, snapshot)),
    };
    if area.width >= WIDE {
        let chart = rest.height >= HIGH;
        // As many rows as there are pools, with border and titles; no more than a third.
        let pools = u16::try_from(snapshot.pools.len()).unwrap_or(u16::MAX).saturating_add(3);
        let below = if chart { pools.max(10).min(rest.height / 3) } else { pools.min(rest.height / 3) };
        let [upper, lower] = Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(rest);
        let halves = Layout::horizontal([Constraint::Percentage(60), Constraint::Fill(1)]);
        let [bundles, failures] = halves.areas(upper);
        draw_list(Pane::Bundles, bundles, buf, report);
        draw_list(Pane::Failures, failures, buf, report);
        if chart {
            let [pools, flow] = halves.areas(lower);
            draw_list(Pane::Pools, pools, buf, report);
            throughput(snapshot, look, flow, buf);
        } else {
            draw_list(Pane::Pools, lower, buf, report);
        }
        return;
    }
    let share = |pane: Pane| if pane == model.backup.pane { Constraint::Fill(2) } else { Constraint::Fill(1) };
    let panes: [Rect; 3] = Layout::vertical(Pane::ALL.map(share)).areas(rest);
    for (pane, rect) in Pane::ALL.into_iter().zip(panes) {
        draw_list(pane, rect, buf, report);
    }
}

fn inside(area: Rect) -> Rect {
    Rect { x: area.x.saturating_add(1).min(area.right()), width: area.width.saturating_sub(2), ..area }
}

fn empty(pane: Pane, snapshot: &Snapshot) -> String {
    match pane {
        Pane::Bundles => {
            let waiting: u64 = snapshot.lanes.iter().map(|lane| lane.files).sum();
            let scanned =
                !snapshot.sources.is_empty() && snapshot.sources.iter().all(|source| source.scanned.is_some());
            if waiting == 0 && scanned {
                "nothing is on its way: every file that was found is in the vault".to_owned()
            } else {
                "nothing is on its way".to_owned()
            }
        }
        Pane::Failures => "no file has failed".to_owned(),
        Pane::Pools if snapshot.workers.iter().any(|worker| worker.alive) => {
            "workers run and have not said how their pools stand".to_owned()
        }
        Pane::Pools => "no worker runs; `firn run` starts one".to_owned(),
    }
}

fn text(text: impl Into<String>, role: Role) -> Item<'static> {
    Item::Text(Piece::new(text.into(), role))
}

/// The pools of one name of all processes that are heard of: at work, places, and whether one of them stands still.
fn pools_of<'a>(snapshot: &'a Snapshot, name: &str) -> (u64, u64, Vec<&'a PoolRow>) {
    let pools: Vec<&PoolRow> = snapshot.pools.iter().filter(|pool| pool.alive && pool.pool == name).collect();
    let sum = |of: fn(&PoolRow) -> u32| pools.iter().map(|pool| u64::from(of(pool))).sum();
    (sum(|pool| pool.busy), sum(|pool| pool.size), pools)
}

#[allow(clippy::cast_precision_loss)] // a part of a whole, for a bar
fn pool_part(title: &str, name: &str, snapshot: &Snapshot, drop: u8) -> Part<'static> {
    let (busy, size, pools) = pools_of(snapshot, name);
    let mut items = vec![text(format!("{title} "), Role::Title)];
    if pools.is_empty() {
        items.push(text(format::UNKNOWN, Role::Unknown));
        return Part { items, drop };
    }
    items.push(text(format!("{busy}/{size} "), Role::Text));
    items.push(Item::Bar { fraction: (size > 0).then(|| busy as f64 / size as f64), width: 5, role: Role::Bar });
    let still = pools.iter().filter(|pool| pool.paused || pool.draining).count();
    if still == pools.len() {
        items.push(text(" PAUSED", Role::Held));
    } else if still > 0 {
        items.push(text(format!(" {still} PAUSED"), Role::Held));
    }
    Part { items, drop }
}

fn strips(snapshot: &Snapshot, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let open = snapshot.bundles.iter().filter(|bundle| bundle.row.state == ArchiveState::Open).count();
    let unknown = snapshot.bundles.iter().filter(|bundle| bundle.row.state == ArchiveState::Unknown).count();
    let pace = &snapshot.pace;
    let found = Part {
        items: vec![
            text("FOUND ", Role::Title),
            text(format!("{} ", format::rate_per_minute(pace.found_per_minute)), Role::Text),
            Item::Spark { values: &pace.found, width: 8, role: Role::Spark },
        ],
        drop: 1,
    };
    let mut bundles = vec![text("BUNDLES ", Role::Title), text(format!("{open} open"), Role::Text)];
    if unknown > 0 {
        bundles.push(text(format!(" {unknown} UNKNOWN"), Role::Warning));
    }
    // Files whose archive nobody can vouch for are not safe: that is never left out.
    let bundles = Part { items: bundles, drop: if unknown > 0 { 0 } else { 2 } };
    let stored = Part {
        items: vec![
            text("IN VAULT ", Role::Title),
            text(format!("{} archives ", Count(snapshot.stored.archives)), Role::Text),
            text(Size(snapshot.stored.archive_bytes).to_string(), Role::Text),
        ],
        drop: 0,
    };
    let upload = pool_part("UPLOAD", "upload", snapshot, 0);
    let fetch = pool_part("FETCH", "fetch", snapshot, 0);
    let oldest = snapshot.lanes.iter().filter_map(|lane| lane.oldest).min();
    let waiting = Part {
        items: vec![
            text("oldest waiting ", Role::Dim),
            text(format::known(oldest, |at| format::span(Some(snapshot.now.since(at)))), Role::Text),
        ],
        drop: 1,
    };
    let latency = Part {
        items: vec![
            text("file→vault p50 ", Role::Dim),
            text(format::span(snapshot.latency.p50), Role::Text),
            text(" p99 ", Role::Dim),
            text(format::span(snapshot.latency.p99), Role::Text),
        ],
        drop: 2,
    };
    let lane = |lane: Lane| snapshot.lanes.iter().find(|state| state.lane == lane);
    let live =
        Part { items: vec![text("live ", Role::Live), text(rows::waiting(lane(Lane::Live)), Role::Text)], drop: 0 };
    let some = lane(Lane::History).is_some_and(|lane| lane.files > 0);
    let left = snapshot.history_left.filter(|_| some);
    let left = left.map_or_else(String::new, |left| format!(" ({} left)", format::span(Some(left))));
    let history = Part {
        items: vec![
            text("history ", Role::History),
            text(rows::waiting(lane(Lane::History)), Role::Text),
            text(left, Role::Dim),
        ],
        drop: 0,
    };
    let failed = failed(&snapshot.lanes);
    let rate = Part {
        items: vec![text("into the vault ", Role::Dim), text(format::byte_rate(pace.bytes_per_second), Role::Text)],
        drop: 3,
    };
    let lines: Vec<Vec<Part<'_>>> = if area.height >= 3 {
        vec![vec![found, fetch, upload], vec![bundles, stored, latency], vec![waiting, live, history, failed]]
    } else {
        vec![vec![found, fetch, bundles, upload, stored], vec![waiting, latency, live, history, failed, rate]]
    };
    for (line, row) in lines.iter().zip(area.rows()) {
        strip::draw(line, 3, look, row, buf);
    }
}

fn failed(lanes: &[LaneState]) -> Part<'static> {
    let count: u64 = lanes.iter().map(|lane| lane.failed).sum();
    let more = lanes.iter().any(|lane| lane.failed >= COUNTED_UP_TO);
    let role = if count > 0 { Role::Warning } else { Role::Text };
    let count = format!("{}{}", Count(count), if more { "+" } else { "" });
    Part { items: vec![text("failed ", Role::Dim), text(count, role)], drop: 0 }
}

/// Bytes that came into the vault in the last ten minutes.
fn throughput(snapshot: &Snapshot, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let view = PaneView { title: "Into the vault".into(), right: "".into(), focused: false };
    let inner = pane::draw(&view, look, area, buf);
    let seconds = 10.0;
    let values: Vec<Option<f64>> = snapshot.pace.bytes.iter().map(|bytes| bytes.map(|bytes| bytes / seconds)).collect();
    let most = values.iter().flatten().copied().reduce(f64::max);
    let numbers = format!(
        "last minute {}   most in ten seconds {}",
        format::byte_rate(snapshot.pace.bytes_per_second),
        format::byte_rate(most)
    );
    let view = ChartView {
        values: &values,
        second: None,
        top: None,
        thresholds: &[],
        write: &|value| format::byte_rate(Some(value)),
        from: "10 min ago".into(),
        to: "now".into(),
        numbers: numbers.into(),
    };
    chart::draw(&view, look, inner, buf);
}

/// One of the lists, in a pane.
#[allow(clippy::too_many_arguments)] // what a list is, what it shows, where it goes
fn list<R>(
    model: &Model,
    which: Pane,
    rows: &[R],
    columns: &'static [Column<R>],
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
    report: &mut Report,
    now: Time,
    empty: String,
) {
    let state: &ListState<RowId> = model.backup.of(which);
    let focused = model.backup.pane == which;
    let place = state.place();
    let shown = state.ids.len() as u64;
    let before = if which == Pane::Failures { model.backup.failed.before() as u64 } else { 0 };
    let filter = (!state.filter.is_empty()).then_some((state.filter.as_str(), Some(state.total as u64)));
    let mut title = table::title(which.title(), place.map(|place| place as u64), shown, filter);
    if before > 0 {
        title = format!("{title} after {}", Count(before));
    }
    if which == Pane::Failures && model.backup.failed.more() && model.backup.failed.loaded() {
        let looked = state.sort.is_some() || !state.filter.is_empty();
        title.push_str(if looked { " of those read, and more" } else { " and more" });
    }
    if which == Pane::Bundles && model.shown.as_ref().is_some_and(|snapshot| snapshot.more_bundles) {
        title.push_str(" and more");
    }
    let marks =
        if state.marks.is_empty() { String::new() } else { format!("{} marked", Count(state.marks.len() as u64)) };
    let view = PaneView { title: title.into(), right: marks.into(), focused };
    let inner = pane::draw(&view, look, area, buf);
    let heads: Vec<table::Column<'_>> = columns
        .iter()
        .map(|column| table::Column {
            title: column.title.into(),
            min: column.width,
            weight: column.grow,
            align: if column.right { Align::Right } else { Align::Left },
            cut: if column.title == "file" { format::Cut::Middle } else { format::Cut::End },
            drop: column.drop,
        })
        .collect();
    let row = |place: u64| {
        let at = *state.order.get(usize::try_from(place).ok()?)?;
        let id = state.ids.get(usize::try_from(place).ok()?)?;
        let row = rows.get(at)?;
        let cell = |column: &Column<R>| {
            let cell = (column.cell)(row, now);
            match cell.part {
                Some(part) => table::Cell::Bar { fraction: Some(part), text: Piece::new(cell.text, cell.role) },
                None => table::Cell::new(cell.text, cell.role),
            }
        };
        Some(table::Row { cells: columns.iter().map(cell).collect(), marked: state.marks.contains(id) })
    };
    // Titles of columns take a row.
    let height = inner.height.saturating_sub(1);
    let top = state.scrolled(usize::from(height));
    let part = which == Pane::Failures && model.backup.failed.more() && model.backup.failed.loaded();
    let empty = match (state.filter.is_empty(), part) {
        (true, _) => empty,
        (false, false) => "no row passes the filter; Esc drops it".to_owned(),
        (false, true) => "no row of those read passes the filter, and there are more; Esc drops it".to_owned(),
    };
    let view = TableView {
        id: Pane::ALL.iter().position(|pane| *pane == which).and_then(|at| u16::try_from(at).ok()).unwrap_or(0),
        columns: &heads,
        total: shown,
        offset: top as u64,
        selected: place.map(|place| place as u64),
        focused,
        sorted: state.sort.map(|column| (column, !state.descending)),
        row: &row,
        empty: empty.into(),
    };
    let mut hits = Vec::new();
    let extent = table::draw(&view, look, inner, buf, &mut hits);
    report.heights.insert(which.word(), u16::try_from(extent.shown).unwrap_or(u16::MAX).max(1));
    report.tops.insert(which, top);
    for (rect, hit) in hits {
        if let HitId::Row { row, .. } = hit
            && let Ok(place) = usize::try_from(row)
        {
            report.hits.push((rect, Hit::Row(which, place)));
        }
    }
}
