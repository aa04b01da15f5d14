//! Actions that only show.

use crate::backup::snapshot::Bundle;
use crate::backup::snapshot::gather::POOL_STANDS;
use crate::base::{Severity, Shown};
use crate::console::effect::{Effect, Query, Wanted};
use crate::console::list::Paged;
use crate::console::model::{Area, Model};
use crate::console::overlay::{DetailsView, Files, FilesOf, Overlay, Prompt, Purpose, Search};
use crate::console::tabs::TabId;
use crate::console::tabs::backup::state::pool_id;
use crate::console::tabs::backup::{Pane, RowId};
use crate::console::tabs::restore::Pane as RestorePane;
use crate::console::update::{delays, freezes, leaving, moves, redis};
use crate::console::widgets::line_edit::LineEdit;
use crate::store::ArchiveState;

/// Goes to a tab.
pub fn tab(model: &mut Model, tab: TabId) -> Vec<Effect> {
    model.tab = tab;
    model.dirty = true;
    Vec::new()
}

/// The next list.
pub fn pane_next(model: &mut Model) -> Vec<Effect> {
    pane(model, 1)
}

/// The list before.
pub fn pane_previous(model: &mut Model) -> Vec<Effect> {
    pane(model, Pane::ALL.len() - 1)
}

fn pane(model: &mut Model, by: usize) -> Vec<Effect> {
    let at = Pane::ALL.iter().position(|pane| *pane == model.backup.pane).unwrap_or(0);
    model.backup.pane = Pane::ALL[(at + by) % Pane::ALL.len()];
    moves::want_failed(model, false)
}

/// Nothing is selected.
pub fn nothing_selected(model: &Model) -> Option<String> {
    let none = match model.beneath() {
        Some(Overlay::Findings { .. }) => model.findings().is_empty(),
        Some(Overlay::Files(files)) => files.paged.is_empty(),
        Some(Overlay::Rows(list)) => list.paged.is_empty(),
        Some(_) => false,
        None if model.tab == TabId::Restore => model.restore.is_nothing_selected(),
        None if model.tab == TabId::Delay => model.delay.list.selected.is_none(),
        None if model.tab == TabId::Redis => model.redis.is_nothing_selected(),
        None => model.tab != TabId::Backup || model.backup.list().selected.is_none(),
    };
    none.then(|| "nothing is selected: the list is empty".to_owned())
}

/// All about the selected row.
pub fn details(model: &mut Model) -> Vec<Effect> {
    let query = match model.overlays.last() {
        Some(Overlay::Files(files)) => files.paged.rows().nth(files.selected).map(|row| Query::File(row.file)),
        _ => match model.backup.list().selected.clone() {
            Some(RowId::Archive(uuid)) => Some(Query::Archive(uuid)),
            Some(RowId::File(file)) => Some(Query::File(file)),
            Some(RowId::Pool(..)) => {
                let text = model.shown.as_ref().and_then(|snapshot| model.backup.pool(snapshot)).map(|pool| {
                    let result = pool.order.as_ref().and_then(|order| order.result.clone());
                    let said = match (&pool.order, result) {
                        (None, _) => "no order in force".to_owned(),
                        (Some(_), Some(result)) => result,
                        (Some(order), None) => format!("asked by {} at {}, not applied yet", order.who, order.at),
                    };
                    format!("{} {}: {said}", pool.host, pool.pool)
                });
                if let Some(text) = text {
                    model.tell(Severity::Ok, Shown::text(&text).to_string());
                }
                None
            }
            None => None,
        },
    };
    let Some(query) = query else { return Vec::new() };
    let view = DetailsView { query: query.clone(), details: None, wrong: None, top: 0 };
    model.overlays.push(Overlay::Details(Box::new(view)));
    vec![Effect::Ask(query)]
}

/// Whether details have files.
pub fn no_members(model: &Model) -> Option<String> {
    match model.beneath() {
        Some(Overlay::Details(view)) if matches!(view.query, Query::Archive(_)) => None,
        _ => Some("only an archive has files".to_owned()),
    }
}

/// The files of an archive.
pub fn members(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Details(view)) = model.overlays.last() else { return Vec::new() };
    let Query::Archive(uuid) = view.query else { return Vec::new() };
    files(model, format!("files of {uuid}"), FilesOf::Archive(uuid))
}

/// Opens a list of files and asks for its first page.
pub fn files(model: &mut Model, title: String, of: FilesOf) -> Vec<Effect> {
    let mut files = Files { title, of, paged: Paged::default(), selected: 0, wrong: None };
    let effects = moves::want_files(&mut files);
    model.overlays.push(Overlay::Files(Box::new(files)));
    effects
}

/// Asks what to filter by.
pub fn filter(model: &mut Model) -> Vec<Effect> {
    let (before, title) = if model.tab == TabId::Restore {
        (model.restore.filter().to_owned(), model.restore.pane.title())
    } else if model.tab == TabId::Delay {
        (model.delay.list.filter.clone(), "Replicas")
    } else if model.tab == TabId::Redis {
        (model.redis.filter().to_owned(), model.redis.list().title())
    } else {
        (model.backup.list().filter.clone(), model.backup.pane.title())
    };
    let label = format!("filter {}", title.to_lowercase());
    // What was typed and left is there again.
    let draft = if before.is_empty() { model.drafts.get("filter").cloned() } else { None };
    let text = draft.unwrap_or_else(|| before.clone());
    prompt(model, label, &text, Purpose::Filter { before });
    set_filter(model, &text);
    Vec::new()
}

/// Keeps a filter that was left, or forgets the one that was kept.
pub fn keep_filter(model: &mut Model, text: &str) -> Vec<Effect> {
    let known = model.drafts.get("filter").map_or("", String::as_str);
    if known == text {
        return Vec::new();
    }
    model.drafts.insert("filter", text.to_owned());
    vec![Effect::Draft { name: "filter", text: text.to_owned() }]
}

/// Filters by a text.
pub fn set_filter(model: &mut Model, text: &str) {
    if model.tab == TabId::Restore {
        model.restore.set_filter(text);
        return;
    }
    if model.tab == TabId::Delay {
        model.delay.set_filter(text);
        return;
    }
    if model.tab == TabId::Redis {
        model.redis.set_filter(text);
        return;
    }
    text.clone_into(&mut model.backup.list_mut().filter);
    if let Some(snapshot) = model.shown.clone() {
        model.backup.arrange(&snapshot);
    }
}

/// Sorts by the next column.
pub fn sort(model: &mut Model) -> Vec<Effect> {
    if model.tab == TabId::Restore {
        let (title, descending) = model.restore.sort(false);
        return tell_sorted(model, title, descending);
    }
    let columns = model.backup.columns();
    model.backup.list_mut().next_sort(columns);
    arranged(model)
}

/// Turns the order round.
pub fn turn(model: &mut Model) -> Vec<Effect> {
    if model.tab == TabId::Restore {
        let (title, descending) = model.restore.sort(true);
        return tell_sorted(model, title, descending);
    }
    let list = model.backup.list_mut();
    list.descending = !list.descending;
    if list.sort.is_none() {
        list.sort = Some(0);
    }
    arranged(model)
}

fn arranged(model: &mut Model) -> Vec<Effect> {
    if let Some(snapshot) = model.shown.clone() {
        model.backup.arrange(&snapshot);
    }
    let list = model.backup.list();
    let title = list.sort.and_then(|at| model.backup.titles().get(at).copied());
    let descending = list.descending;
    tell_sorted(model, title, descending)
}

fn tell_sorted(model: &mut Model, title: Option<&str>, descending: bool) -> Vec<Effect> {
    let text = match title {
        Some(title) => format!("sorted by {title}, {}", if descending { "largest first" } else { "smallest first" }),
        None => "in the order of the state".to_owned(),
    };
    model.tell(Severity::Ok, text);
    Vec::new()
}

/// Only what can be done to many is marked.
pub fn not_marked(model: &Model) -> Option<String> {
    if model.backup.pane == Pane::Failures {
        return nothing_selected(model);
    }
    Some("only failed files are marked: to retry many at once".to_owned())
}

/// Marks the selected row.
pub fn mark(model: &mut Model) -> Vec<Effect> {
    model.backup.list_mut().mark();
    moves::want_failed(model, false)
}

/// Looks for a file.
pub fn find(model: &mut Model) -> Vec<Effect> {
    let draft = model.drafts.get("find").cloned().unwrap_or_default();
    prompt(model, "find a file: [source:]beginning of its key".to_owned(), &draft, Purpose::Find);
    Vec::new()
}

/// The name under which what is typed for a purpose is kept.
pub fn draft_name(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Filter { .. } => "filter",
        Purpose::Find => "find",
        Purpose::RestoreInto { .. } => "restore-into",
        Purpose::Load | Purpose::Save => "list-file",
    }
}

/// Asks for a line.
pub fn prompt(model: &mut Model, label: String, text: &str, purpose: Purpose) {
    let edit = LineEdit::new(text);
    model.overlays.push(Overlay::Prompt(Box::new(Prompt { label, edit, wrong: None, purpose })));
}

/// Open findings.
pub fn findings(model: &mut Model) -> Vec<Effect> {
    let selected = model.findings().first().map(|row| (row.rule.clone(), row.object.clone()));
    model.overlays.push(Overlay::Findings { selected });
    Vec::new()
}

/// Where the selected finding can be seen and acted on: the list, and the row if there is one.
fn place_of(model: &Model) -> Option<(Pane, Option<RowId>)> {
    let Some(Overlay::Findings { selected: Some((rule, object)) }) = model.beneath() else { return None };
    let snapshot = model.shown.as_ref()?;
    match rule.as_str() {
        POOL_STANDS => {
            let row = snapshot.pools.iter().find(|pool| format!("{} {}", pool.host, pool.pool) == *object);
            Some((Pane::Pools, row.map(pool_id)))
        }
        "backup.failed" => Some((Pane::Failures, None)),
        "archive.unknown" | "archive.failing" => {
            let unknown = rule == "archive.unknown";
            let wanted = |bundle: &&Bundle| {
                if unknown { bundle.row.state == ArchiveState::Unknown } else { bundle.row.attempts > 0 }
            };
            let row = snapshot.bundles.iter().find(wanted);
            Some((Pane::Bundles, row.map(|bundle| RowId::Archive(bundle.row.uuid))))
        }
        _ => None,
    }
}

/// The selected finding is about nothing that is in a list.
pub fn nowhere_to_go(model: &Model) -> Option<String> {
    if matches!(model.beneath(), Some(Overlay::Findings { selected: None })) {
        return Some("there is no open finding".to_owned());
    }
    if [TabId::Restore, TabId::Delay, TabId::Redis].into_iter().any(|tab| is_about(model, tab)) {
        return None;
    }
    place_of(model)
        .is_none()
        .then(|| "nothing in the lists can be done about it; the last line says what can".to_owned())
}

/// Whether the selected finding is about what a tab shows: it is seen there, where that is configured.
fn is_about(model: &Model, tab: TabId) -> bool {
    let Some(Overlay::Findings { selected: Some((rule, _)) }) = model.beneath() else { return false };
    let on = model.setup.areas.iter().any(|(of, area)| *of == tab && *area == Area::On);
    on && TabId::of_rule(rule) == tab
}

/// The plan or the job that a finding of restores names.
fn go_to_restores(model: &mut Model, object: &str) -> Vec<Effect> {
    model.overlays.clear();
    model.tab = TabId::Restore;
    let word = object.strip_prefix("plan ").and_then(|rest| rest.split(' ').next());
    let number: Option<i64> = word.and_then(|word| word.parse().ok());
    if let Some(place) = number.and_then(|n| model.restore.plans.ids.iter().position(|plan| plan.0 == n)) {
        model.restore.select(RestorePane::Plans, place);
    }
    let job = model.restore.shown.as_ref().and_then(|snapshot| {
        let named = |uuid: String| object.contains(&uuid);
        snapshot.jobs.iter().find(|job| named(job.row.archive_uuid.to_string()) || named(job.row.uuid.to_string()))
    });
    let job = job.map(|job| job.row.id);
    if let Some(place) = job.and_then(|job| model.restore.jobs.ids.iter().position(|id| *id == job)) {
        model.restore.select(RestorePane::Jobs, place);
    }
    Vec::new()
}

/// Goes to what the selected finding is about.
pub fn go(model: &mut Model) -> Vec<Effect> {
    if let Some(Overlay::Findings { selected: Some((_, object)) }) = model.beneath() {
        let object = object.clone();
        if is_about(model, TabId::Restore) {
            return go_to_restores(model, &object);
        }
        if is_about(model, TabId::Delay) {
            return delays::go(model, &object);
        }
        if is_about(model, TabId::Redis) {
            return redis::go(model, &object);
        }
    }
    let Some((pane, row)) = place_of(model) else { return Vec::new() };
    model.overlays.clear();
    model.tab = TabId::Backup;
    model.backup.pane = pane;
    if !model.backup.list().filter.is_empty() {
        // What it is about may not pass the filter.
        set_filter(model, "");
    }
    if let Some(place) = row.and_then(|row| model.backup.list().ids.iter().position(|id| *id == row)) {
        model.backup.list_mut().select(place);
    }
    moves::want_failed(model, false)
}

/// Holds the screen, or lets it go on.
pub fn hold(model: &mut Model) -> Vec<Effect> {
    if model.held.take().is_some() {
        if let Some(newest) = model.newest.clone() {
            model.backup.adopt(&newest);
            model.shown = Some(newest);
        }
        if let Some(newest) = model.restore.newest.clone() {
            model.restore.adopt(newest);
        }
        if let Some(newest) = model.delay.newest.clone() {
            model.delay.adopt(newest);
        }
        if let Some(newest) = model.redis.newest.clone() {
            model.redis.adopt(newest);
        }
        model.tell(Severity::Ok, "the screen goes on");
        return vec![Effect::Refresh];
    }
    model.held = Some(model.state_now());
    let key = model.keymap.first("hold").unwrap_or_default();
    model.tell(Severity::Ok, format!("the screen is held; work goes on, alarms still show; {key} lets it go on"));
    Vec::new()
}

/// Reads the state anew.
pub fn refresh(_: &mut Model) -> Vec<Effect> {
    vec![Effect::Refresh]
}

/// The log.
pub fn log(model: &mut Model) -> Vec<Effect> {
    model.overlays.push(Overlay::Log { up: 0 });
    Vec::new()
}

/// Themes.
pub fn themes(model: &mut Model) -> Vec<Effect> {
    let selected = model.setup.themes.iter().position(|name| *name == model.theme).unwrap_or(0);
    model.overlays.push(Overlay::Themes { selected, before: model.theme.clone() });
    Vec::new()
}

/// Takes the mouse, or leaves it.
pub fn mouse(model: &mut Model) -> Vec<Effect> {
    vec![Effect::Mouse(!model.mouse)]
}

/// Help.
pub fn help(model: &mut Model) -> Vec<Effect> {
    if matches!(model.overlays.last(), Some(Overlay::Help(_))) {
        return leaving::close(model);
    }
    model.overlays.push(Overlay::Help(Search::default()));
    Vec::new()
}

/// The palette.
pub fn palette(model: &mut Model) -> Vec<Effect> {
    model.overlays.push(Overlay::Palette(Search::default()));
    Vec::new()
}

/// Copies what the selected row is called.
pub fn copy(model: &mut Model) -> Vec<Effect> {
    let text = match model.overlays.last() {
        Some(Overlay::Findings { selected }) => {
            let row = model
                .findings()
                .iter()
                .find(|row| Some((&row.rule, &row.object)) == selected.as_ref().map(|s| (&s.0, &s.1)));
            row.map(|row| {
                format!(
                    "{} {} {}: {} (should be: {}); since {}; {}",
                    row.severity, row.rule, row.object, row.value, row.limit, row.since, row.next_step
                )
            })
        }
        Some(Overlay::Files(files)) => files.paged.rows().nth(files.selected).map(|row| row.name.clone()),
        Some(Overlay::Details(view) | Overlay::Plan(view)) => view.details.as_ref().map(|details| details.id.clone()),
        Some(Overlay::Rows(list)) => list.row().map(|row| format!("{}: {}", row.name, row.note)),
        Some(Overlay::Log { up }) => {
            let end = model.log.len().saturating_sub(*up);
            let start = end.saturating_sub(model.height("log"));
            let lines = model.log.get(start..end).unwrap_or_default();
            let lines: Vec<String> = lines.iter().map(|line| format!("{} {}", line.at, line.text)).collect();
            Some(lines.join("\n"))
        }
        Some(Overlay::Replica(view)) => Some(view.name.clone()),
        Some(Overlay::Node(view)) => Some(view.node.to_string()),
        Some(Overlay::Events(_) | Overlay::Load { .. }) => redis::all(model),
        Some(Overlay::Frozen(view)) => Some(freezes::copied(view, model.state_now())),
        _ if model.tab == TabId::Restore => model.restore.selected_name(),
        _ if model.tab == TabId::Delay => model.delay.list.selected.clone(),
        _ if model.tab == TabId::Redis => redis::copied(model),
        _ => model.shown.as_ref().and_then(|snapshot| model.backup.selected_name(snapshot)),
    };
    text.map(Effect::Copy).into_iter().collect()
}

/// Copies all that is shown.
pub fn copy_all(model: &mut Model) -> Vec<Effect> {
    if let Some(Overlay::Frozen(view)) = model.overlays.last() {
        return vec![Effect::Copy(freezes::all(view, model.state_now()))];
    }
    if let Some(text) = delays::all(model).or_else(|| redis::all(model)) {
        return vec![Effect::Copy(text)];
    }
    let Some(Overlay::Details(view) | Overlay::Plan(view)) = model.overlays.last() else { return Vec::new() };
    view.details.as_ref().map(|details| Effect::Copy(details.text())).into_iter().collect()
}

/// What would be restored from where the console is, and what it is called.
pub fn to_restore(model: &Model) -> Option<(Wanted, String)> {
    match model.beneath() {
        Some(Overlay::Files(files)) => {
            let row = files.paged.rows().nth(files.selected)?;
            Some((Wanted::File(row.file), row.name.clone()))
        }
        Some(Overlay::Details(view)) => {
            let name = view.details.as_ref()?.title.clone();
            let what = match view.query {
                Query::Archive(uuid) => Wanted::Archive(uuid),
                Query::File(file) => Wanted::File(file),
                _ => return None,
            };
            Some((what, name))
        }
        Some(_) => None,
        None => {
            let snapshot = model.shown.as_ref()?;
            match model.backup.pane {
                Pane::Bundles => {
                    let uuid = model.backup.bundle(snapshot)?.row.uuid;
                    Some((Wanted::Archive(uuid), format!("archive {uuid}")))
                }
                Pane::Failures => {
                    let row = model.backup.failure()?;
                    let name = crate::console::tabs::backup::rows::name(&row.row.source, &row.row.key);
                    Some((Wanted::File(row.row.file), name))
                }
                Pane::Pools => None,
            }
        }
    }
}
