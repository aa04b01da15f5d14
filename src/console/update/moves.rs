//! Up, down, and whatever else moves a selection or scrolls.

use crate::console::effect::{Effect, Query};
use crate::console::model::Model;
use crate::console::overlay::{Files, Overlay};
use crate::console::tabs::TabId;
use crate::console::tabs::backup::Pane;
use crate::console::tabs::redis::EventsView;
use crate::console::update::{restores, windows};

/// The plan screen is scrolled no further than this; where it ends earlier, it stays there.
const LONGEST_BELOW: usize = 500;

/// The word by which drawings report how many lines there are about a replica, as drawn.
pub const REPLICA_LINES: &str = "replica lines";

/// The same of what is told under the line in which a statement is typed.
pub const FREEZE_LINES: &str = "freeze lines";

/// The same of a node of a cluster, of what happened to one, and of a run of the benchmark.
pub const REDIS_LINES: &str = "redis lines";

/// Lines of the wheel.
const WHEEL: isize = 3;

/// One up.
pub fn up(model: &mut Model) -> Vec<Effect> {
    step(model, -1)
}

/// One down.
pub fn down(model: &mut Model) -> Vec<Effect> {
    step(model, 1)
}

/// The wheel upwards.
pub fn wheel_up(model: &mut Model) -> Vec<Effect> {
    step(model, -WHEEL)
}

/// The wheel downwards.
pub fn wheel_down(model: &mut Model) -> Vec<Effect> {
    step(model, WHEEL)
}

/// A page up.
pub fn page_up(model: &mut Model) -> Vec<Effect> {
    let page = page(model);
    step(model, -page)
}

/// A page down.
pub fn page_down(model: &mut Model) -> Vec<Effect> {
    let page = page(model);
    step(model, page)
}

/// To the beginning.
pub fn top(model: &mut Model) -> Vec<Effect> {
    step(model, isize::MIN / 2)
}

/// To the end of what is held.
pub fn end(model: &mut Model) -> Vec<Effect> {
    step(model, isize::MAX / 2)
}

fn page(model: &Model) -> isize {
    let list = match model.overlays.last() {
        Some(overlay) => overlay.word(),
        None if model.tab == TabId::Restore => model.restore.pane.word(),
        None if model.tab == TabId::Delay => "replicas",
        None if model.tab == TabId::Redis => model.redis.list().word(),
        None => model.backup.pane.word(),
    };
    // A line of the page before stays, to see where one is.
    model.height(list).saturating_sub(1).max(1).cast_signed()
}

fn clamped(at: usize, by: isize, count: usize) -> usize {
    at.saturating_add_signed(by).min(count.saturating_sub(1))
}

fn step(model: &mut Model, by: isize) -> Vec<Effect> {
    let findings = model.findings().iter().map(|row| (row.rule.clone(), row.object.clone())).collect::<Vec<_>>();
    let log_lines = model.log.len();
    let themes = model.setup.themes.clone();
    let replica_lines = model.height(REPLICA_LINES);
    let redis_lines = model.height(REDIS_LINES);
    let (freeze_lines, now) = (model.height(FREEZE_LINES), model.state_now());
    let height = model.overlays.last().map_or(1, |overlay| model.height(overlay.word()));
    match model.overlays.last_mut() {
        None if model.tab == TabId::Backup => {
            model.backup.list_mut().step(by);
            want_failed(model, false)
        }
        None if model.tab == TabId::Restore => {
            model.restore.step(by);
            restores::want_plans(model)
        }
        None if model.tab == TabId::Delay => {
            model.delay.list.step(by);
            Vec::new()
        }
        None if model.tab == TabId::Redis => {
            model.redis.step(by);
            Vec::new()
        }
        None
        | Some(Overlay::Confirm(_) | Overlay::Prompt(_) | Overlay::Waiting(_) | Overlay::Form | Overlay::Bench) => {
            Vec::new()
        }
        Some(Overlay::Events(EventsView { top, .. }) | Overlay::Load { top }) => {
            *top = clamped(*top, by, redis_lines.saturating_sub(height) + 1);
            Vec::new()
        }
        Some(Overlay::Batch) => {
            model.restore.editor.step(by);
            Vec::new()
        }
        Some(Overlay::Quotes(quotes)) => {
            // How long what is below is, is known where it is drawn.
            quotes.top = quotes.top.saturating_add_signed(by).min(LONGEST_BELOW);
            Vec::new()
        }
        Some(Overlay::Rows(list)) => {
            list.selected = clamped(list.selected, by, list.paged.len());
            restores::want_rows(list)
        }
        Some(Overlay::Help(search) | Overlay::Palette(search)) => {
            search.selected = search.selected.saturating_add_signed(by);
            Vec::new()
        }
        Some(Overlay::Findings { selected }) => {
            let at = findings.iter().position(|key| Some(key) == selected.as_ref()).unwrap_or(0);
            *selected = findings.get(clamped(at, by, findings.len())).cloned();
            Vec::new()
        }
        Some(Overlay::Log { up }) => {
            *up = clamped(*up, by.saturating_neg(), log_lines.saturating_sub(height) + 1);
            Vec::new()
        }
        Some(Overlay::Themes { selected, .. }) => {
            *selected = clamped(*selected, by, themes.len());
            themes.get(*selected).map(|name| Effect::Theme(name.clone())).into_iter().collect()
        }
        Some(Overlay::Details(view) | Overlay::Plan(view)) => {
            let lines = view.details.as_ref().map_or(0, crate::console::details::Details::height);
            view.top = clamped(view.top, by, lines.saturating_sub(height) + 1);
            Vec::new()
        }
        Some(Overlay::Node(view)) => {
            view.top = clamped(view.top, by, redis_lines.saturating_sub(height) + 1);
            Vec::new()
        }
        Some(Overlay::Jobs(view)) => {
            windows::step(view, by);
            Vec::new()
        }
        Some(Overlay::Freeze(form)) => {
            form.top = clamped(form.top, by, freeze_lines.saturating_sub(height) + 1);
            Vec::new()
        }
        Some(Overlay::Frozen(view)) => {
            view.step(by, now);
            Vec::new()
        }
        Some(Overlay::Replica(view)) => {
            view.top = clamped(view.top, by, replica_lines.saturating_sub(height) + 1);
            Vec::new()
        }
        Some(Overlay::Files(files)) => {
            files.selected = clamped(files.selected, by, files.paged.len());
            want_files(files)
        }
    }
}

/// Asks for the page of files that the selection comes near to.
pub fn want_files(files: &mut Files) -> Vec<Effect> {
    match files.paged.want(files.selected) {
        Some((page, start)) => vec![Effect::Ask(files.query(page, start))],
        None => Vec::new(),
    }
}

/// Asks for the page of failed files that the selection comes near to; with `again` for the one it is on, to see what
/// has changed.
pub fn want_failed(model: &mut Model, again: bool) -> Vec<Effect> {
    if model.held.is_some() || model.backup.pane != Pane::Failures {
        return Vec::new();
    }
    let state = &mut model.backup;
    // The list may be sorted or filtered: what counts is where the row stands among those that came.
    let place = state.failures.place().and_then(|place| state.failures.order.get(place).copied()).unwrap_or(0);
    let wanted = match state.failed.want(place) {
        None if again && state.failed.before() > 0 => state.failed.again(place),
        wanted => wanted,
    };
    wanted.map(|(page, after)| Effect::Ask(Query::Failed { page, after })).into_iter().collect()
}
