//! The picture of the tab.
//!
//! ```text
//!  RUNNING 2   FILES 1,204 of 9,000 ███▏   JOBS 12 asked 3 ready   first expires in 4 h 12 min
//!  today $3.10 of $20.00   month $41.00 of $200.00
//!  ┌ Plans ──────────────────────────────────────────────────────────────────────────────────────────────┐
//!  └─────────────────────────────────────────────────────────────────────────────────────────────────────┘
//!  ┌ Jobs ───────────────────────────────────────────────────────────────────────────────────────────────┐
//!  └─────────────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::rows::{JOBS, PLANS, Pane, countdown, wanted};
use crate::base::units::Count;
use crate::base::{Money, Time};
use crate::console::format::{self, Align};
use crate::console::glyphs::Look;
use crate::console::list::ListState;
use crate::console::model::{Connection, Hit, Model, Report};
use crate::console::tabs::backup::Column;
use crate::console::tabs::backup::rows::part_of;
use crate::console::theme::Role;
use crate::console::widgets::pane::{self, PaneView};
use crate::console::widgets::strip::{self, Item, Part};
use crate::console::widgets::table::{self, TableView};
use crate::console::widgets::{HitId, Piece};
use crate::restore::findings::Held;
use crate::restore::snapshot::{Due, ENDING, RestoreSnapshot};
use crate::store::{PlanState, RetrievalState};

/// Draws the tab.
pub fn draw(model: &Model, look: &Look<'_>, area: Rect, buf: &mut Buffer, report: &mut Report) {
    let inside = |area: Rect| Rect {
        x: area.x.saturating_add(1).min(area.right()),
        width: area.width.saturating_sub(2),
        ..area
    };
    let Some(snapshot) = &model.restore.shown else {
        let words = if matches!(model.state, Connection::Trouble(..)) { "" } else { "reading the state …" };
        strip::draw(&[Part { items: vec![text(words, Role::Dim)], drop: 0 }], 2, look, inside(area), buf);
        return;
    };
    let [top, rest] = Layout::vertical([Constraint::Length(2), Constraint::Fill(1)]).areas(area);
    strips(snapshot, look, inside(top), buf);
    // The list that has the keys is the larger one; jobs take no more than they have.
    let jobs = u16::try_from(snapshot.jobs.len()).unwrap_or(u16::MAX).saturating_add(3);
    let share = |pane: Pane| match (pane == model.restore.pane, pane) {
        (true, _) => Constraint::Fill(3),
        (false, Pane::Plans) => Constraint::Fill(2),
        (false, Pane::Jobs) => Constraint::Length(jobs.clamp(4, (rest.height * 2 / 5).max(4))),
    };
    let [plans, board] = Layout::vertical(Pane::ALL.map(share)).areas(rest);
    let state = &model.restore;
    let more = state.paged.more() && state.paged.loaded();
    let none = "no plan yet: n asks for one file or folder, b for a list";
    let view = List { pane: Pane::Plans, state: &state.plans, before: state.paged.before(), more, empty: none };
    list(model, &view, &state.rows, PLANS, look, plans, buf, report, snapshot.now);
    let none = "no job is under way at a vault";
    let view = List { pane: Pane::Jobs, state: &state.jobs, before: 0, more: snapshot.more_jobs, empty: none };
    list(model, &view, &snapshot.jobs, JOBS, look, board, buf, report, snapshot.now);
}

fn text(text: impl Into<String>, role: Role) -> Item<'static> {
    Item::Text(Piece::new(text.into(), role))
}

/// What is spent of a budget.
fn budget(name: &str, used: Money, limit: Option<Money>, drop: u8) -> Part<'static> {
    let mut items = vec![text(format!("{name} "), Role::Dim)];
    match limit {
        None => items.push(text(format!("{used}, no budget"), Role::Text)),
        Some(limit) => {
            let near = used.nanos() >= limit.nanos() / 10 * 9;
            let role = if near { Role::Warning } else { Role::Text };
            items.push(text(format!("{used} of {limit}"), role));
        }
    }
    Part { items, drop }
}

fn strips(snapshot: &RestoreSnapshot, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let running = || snapshot.plans.iter().map(|line| &line.row).filter(|row| row.state == PlanState::Running);
    let delivered: u64 = running().map(|row| row.delivered).sum();
    let files: u64 = running().filter_map(wanted).sum();
    let failed: u64 = running().map(|row| row.failed).sum();
    let count = running().count();
    let more = |more: bool| if more { "+" } else { "" };
    let plans = Part {
        items: vec![
            text("RUNNING ", Role::Title),
            text(format!("{}{}", Count(count as u64), more(snapshot.more_plans)), Role::Text),
        ],
        drop: 0,
    };
    let stuck: Vec<&Held> = snapshot.plans.iter().filter_map(|line| line.held.as_ref()).collect();
    let worst = stuck.iter().map(|held| held.severity).max();
    let held = worst.map(|severity| Part {
        items: vec![text(format!("{} HELD UP", Count(stuck.len() as u64)), Role::of(severity))],
        drop: 0,
    });
    let mut items = vec![text("FILES ", Role::Title)];
    if count == 0 {
        items.push(text("none under way", Role::Dim));
    } else {
        items.push(text(format!("{} of {}{} ", Count(delivered), Count(files), more(snapshot.more_plans)), Role::Text));
        items.push(Item::Bar { fraction: part_of(delivered, files), width: 8, role: Role::Bar });
    }
    if failed > 0 {
        items.push(text(format!(" {} failed", Count(failed)), Role::Warning));
    }
    let files = Part { items, drop: 0 };
    let of = |states: &[RetrievalState]| snapshot.jobs.iter().filter(|job| states.contains(&job.row.state)).count();
    let asked = of(&[RetrievalState::Intended, RetrievalState::Asked]);
    let ready = of(&[RetrievalState::Ready]);
    let jobs = Part {
        items: vec![
            text("JOBS ", Role::Title),
            text(
                format!("{} asked  {} ready{}", Count(asked as u64), Count(ready as u64), more(snapshot.more_jobs)),
                Role::Text,
            ),
        ],
        // The list of jobs is below; what is held up is said before how many they are.
        drop: u8::from(held.is_some()),
    };
    let first = snapshot.jobs.iter().filter(|job| job.row.state == RetrievalState::Ready);
    let first = first.filter_map(|job| job.row.expires_at).min();
    let mut lower = Vec::new();
    let mut upper: Vec<Part> = [Some(plans), held, Some(files), Some(jobs)].into_iter().flatten().collect();
    if let Some(at) = first {
        let cell = countdown(Some(Due::Expires(at)), snapshot.now);
        let part = Part { items: vec![text("first ", Role::Dim), text(cell.text, cell.role)], drop: 1 };
        // What is soon gone is never left out.
        let ending = at.since(snapshot.now) < ENDING;
        if ending { lower.push(Part { drop: 0, ..part }) } else { upper.push(part) }
    }
    lower.push(budget("today", snapshot.used.day, snapshot.limits.day, 0));
    lower.push(budget("this month", snapshot.used.month, snapshot.limits.month, 0));
    if let Some(limit) = snapshot.limits.plan {
        lower.push(Part {
            items: vec![text("one plan at most ", Role::Dim), text(limit.to_string(), Role::Text)],
            drop: 1,
        });
    }
    for (line, row) in [upper, lower].iter().zip(area.rows()) {
        strip::draw(line, 3, look, row, buf);
    }
}

/// What one of the lists is.
struct List<'a, Id> {
    pane: Pane,
    state: &'a ListState<Id>,
    /// Rows before those held.
    before: usize,
    /// There are more than those held.
    more: bool,
    /// Why it is empty.
    empty: &'a str,
}

/// One of the lists, in a pane.
#[allow(clippy::too_many_arguments)] // what a list is, what it shows, where it goes
fn list<R, Id: Clone + Ord>(
    model: &Model,
    view: &List<'_, Id>,
    rows: &[R],
    columns: &'static [Column<R>],
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
    report: &mut Report,
    now: Time,
) {
    let (state, which) = (view.state, view.pane);
    let focused = model.restore.pane == which;
    let place = state.place();
    let shown = state.ids.len() as u64;
    let filter = (!state.filter.is_empty()).then_some((state.filter.as_str(), Some(state.total as u64)));
    let mut title = table::title(which.title(), place.map(|place| place as u64), shown, filter);
    if view.before > 0 {
        title = format!("{title} after {}", Count(view.before as u64));
    }
    if view.more {
        let looked = state.sort.is_some() || !state.filter.is_empty();
        title.push_str(if looked { " of those read, and more" } else { " and more" });
    }
    let inner = pane::draw(&PaneView { title: title.into(), right: "".into(), focused }, look, area, buf);
    let heads: Vec<table::Column<'_>> = columns
        .iter()
        .map(|column| table::Column {
            title: column.title.into(),
            min: column.width,
            weight: column.grow,
            align: if column.right { Align::Right } else { Align::Left },
            cut: format::Cut::End,
            drop: column.drop,
        })
        .collect();
    let row = |place: u64| {
        let row = rows.get(*state.order.get(usize::try_from(place).ok()?)?)?;
        let cell = |column: &Column<R>| {
            let cell = (column.cell)(row, now);
            match cell.part {
                Some(part) => table::Cell::Bar { fraction: Some(part), text: Piece::new(cell.text, cell.role) },
                None => table::Cell::new(cell.text, cell.role),
            }
        };
        Some(table::Row { cells: columns.iter().map(cell).collect(), marked: false })
    };
    let top = state.scrolled(usize::from(inner.height.saturating_sub(1)));
    let empty = match (state.filter.is_empty(), view.more) {
        (true, _) => view.empty,
        (false, false) => "no row passes the filter; Esc drops it",
        (false, true) => "no row of those read passes the filter, and there are more; Esc drops it",
    };
    let table = TableView {
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
    let extent = table::draw(&table, look, inner, buf, &mut hits);
    report.heights.insert(which.word(), u16::try_from(extent.shown).unwrap_or(u16::MAX).max(1));
    report.restore_tops.insert(which, top);
    for (rect, hit) in hits {
        if let HitId::Row { row, .. } = hit
            && let Ok(place) = usize::try_from(row)
        {
            report.hits.push((rect, Hit::Plan(which, place)));
        }
    }
}
