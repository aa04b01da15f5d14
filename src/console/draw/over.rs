//! What is drawn over a tab: details, lists, dialogs, what is typed in.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::base::Shown;
use crate::base::units::{Count, Size};
use crate::console::action::{self, ACTIONS, Action, Scope};
use crate::console::details::Details;
use crate::console::format;
use crate::console::glyphs::Look;
use crate::console::keymap::Keymap;
use crate::console::model::{Model, Report};
use crate::console::overlay::{Confirm, DetailsView, Files, Focus, JobsView, Overlay, Prompt, Purpose};
use crate::console::tabs::TabId;
use crate::console::tabs::delay::detail::{self as replica, Shot};
use crate::console::tabs::delay::{ReplicaView, frost};
use crate::console::tabs::redis::{benchdraw, node};
use crate::console::tabs::restore::about::{ListOf, PlanList};
use crate::console::tabs::restore::{edit, quotes};
use crate::console::theme::Role;
use crate::console::update::{load, moves, restores, typing, windows};
use crate::console::widgets::{
    self, Piece, confirm, detail, findings, help, log_view, paint, palette, pane, picker, prompt, table,
};
use crate::log::Level;

/// Draws one of them; gives the cell of the cursor.
pub(super) fn over(
    model: &Model,
    overlay: &Overlay,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
    report: &mut Report,
) -> Option<Position> {
    let hits = &mut Vec::new();
    let extent = match overlay {
        Overlay::Help(search) => {
            let rows = typing::matching(model, search);
            let view = help::HelpView {
                query: &search.query,
                rows: rows.iter().map(|action| help_row(model, action)).collect(),
                total: typing::all(model).len(),
                scroll: search.selected,
            };
            help::draw(&view, look, area, buf, hits)
        }
        Overlay::Palette(search) => {
            let rows = typing::matching(model, search);
            let view = palette::PaletteView {
                query: &search.query,
                selected: search.selected.min(rows.len().saturating_sub(1)),
                rows: rows
                    .iter()
                    .map(|action| palette::PaletteRow {
                        name: action.id.into(),
                        text: action.text.into(),
                        keys: keys_of(&model.keymap, action).into(),
                        why_not: action::why_not(action, model).map(Into::into),
                    })
                    .collect(),
            };
            palette::draw(&view, look, area, buf, hits)
        }
        Overlay::Confirm(confirm) => ask(confirm, look, area, buf),
        Overlay::Prompt(prompt) => return line(prompt, look, area, buf),
        Overlay::Waiting(waiting) => {
            let lines = vec![detail::DetailLine::Text(Piece::new(waiting.label.as_str(), Role::Text))];
            let hint = hints(model, "waiting").into();
            let view = detail::DetailView { title: "Restore".into(), lines, scroll: 0, selected: None, hint };
            detail::draw(&view, look, area, buf)
        }
        Overlay::Findings { selected } => list_findings(model, selected.as_ref(), look, area, buf),
        Overlay::Log { up } => list_log(model, *up, look, area, buf),
        Overlay::Themes { selected, before } => {
            let current = model.setup.themes.iter().position(|name| name == before);
            let view = picker::PickerView {
                title: "Theme".into(),
                entries: model.setup.themes.iter().map(|name| (name.as_str().into(), "".into())).collect(),
                selected: *selected,
                current,
                hint: hints(model, "themes").into(),
            };
            picker::draw(&view, look, area, buf, hits)
        }
        Overlay::Details(view) => details(model, view, "details", look, area, buf),
        Overlay::Plan(view) => details(model, view, "plan", look, area, buf),
        Overlay::Rows(list) => list_rows(model, list, look, area, buf),
        Overlay::Form => {
            let dest = restores::default_dest(model).unwrap_or_else(|| "file:/srv/restored/".to_owned());
            return edit::form(&model.restore.form, &dest, &hints(model, "form"), look, area, buf);
        }
        Overlay::Batch => {
            let over = over_tab(area);
            let (extent, cursor) = edit::batch(&model.restore.editor, &hints(model, "batch"), look, over, buf);
            report.heights.insert(overlay.word(), u16::try_from(extent.shown).unwrap_or(u16::MAX).max(1));
            return cursor;
        }
        Overlay::Quotes(view) => {
            let restores = model.restore.newest.as_ref();
            let money = restores.map_or_else(Default::default, |snapshot| (snapshot.used, snapshot.limits));
            quotes::draw(view, money, &hints(model, "quotes"), look, over_tab(area), buf)
        }
        Overlay::Replica(view) => {
            let extent = replica(model, view, look, over_tab(area), buf);
            report.heights.insert(moves::REPLICA_LINES, u16::try_from(extent.total).unwrap_or(u16::MAX));
            extent
        }
        Overlay::Freeze(form) => {
            let hint = format!("{}   PgUp PgDn scroll", hints(model, "freeze"));
            let (extent, cursor) = frost::form(form, model.state_now(), &hint, look, over_tab(area), buf);
            report.heights.insert(moves::FREEZE_LINES, u16::try_from(extent.total).unwrap_or(u16::MAX));
            report.heights.insert(overlay.word(), u16::try_from(extent.shown).unwrap_or(u16::MAX).max(1));
            return cursor;
        }
        Overlay::Frozen(view) => {
            frost::frozen(view, model.state_now(), &hints(model, "frozen"), look, over_tab(area), buf)
        }
        Overlay::Jobs(view) => jobs(model, view, look, area, buf),
        Overlay::Node(_) | Overlay::Events(_) | Overlay::Load { .. } => {
            let extent = of_redis(model, overlay, look, over_tab(area), buf);
            report.heights.insert(moves::REDIS_LINES, u16::try_from(extent.total).unwrap_or(u16::MAX));
            extent
        }
        Overlay::Bench => {
            return model.redis.bench.form.as_ref().and_then(|form| {
                let (wrong, hint) = (load::wrong(model), hints(model, "bench"));
                benchdraw::form(form, wrong.as_deref(), &hint, look, over_tab(area), buf)
            });
        }
        Overlay::Files(files) => list_files(model, files, look, area, buf),
    };
    report.heights.insert(overlay.word(), u16::try_from(extent.shown).unwrap_or(u16::MAX).max(1));
    None
}

fn keys_of(keymap: &Keymap, action: &Action) -> String {
    keymap.keys(action.id).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn help_row<'a>(model: &Model, action: &Action) -> help::HelpRow<'a> {
    help::HelpRow {
        group: action::group(action.scope).into(),
        keys: keys_of(&model.keymap, action).into(),
        text: action.text.into(),
        why_not: action::why_not(action, model).map(Into::into),
    }
}

/// The keys of an overlay, for its bottom line.
fn hints(model: &Model, word: &'static str) -> String {
    let own = ACTIONS.iter().filter(|action| action.scope == Scope::Overlay(word) && !action.short.is_empty());
    // What cannot be done now is left out here; its key says why.
    own.filter(|action| action::why_not(action, model).is_none())
        .filter_map(|action| Some(format!("{} {}", model.keymap.first(action.id)?, action.short)))
        .collect::<Vec<_>>()
        .join("   ")
}

fn ask(view: &Confirm, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> widgets::Extent {
    let missing = view.word.as_ref().is_some_and(|word| view.typed.text().trim() != word);
    let refused = missing.then(|| format!("type \"{}\" first", view.word.as_deref().unwrap_or_default()));
    let view = confirm::ConfirmView {
        title: view.title.as_str().into(),
        objects: view.object.iter().map(|line| line.as_str().into()).collect(),
        effects: view.effect.iter().map(|line| line.as_str().into()).collect(),
        action: view.go.into(),
        action_focused: view.focus == Focus::Go,
        danger: true,
        word: view.word.as_ref().map(|word| (word.as_str().into(), view.typed.text().into())),
        refused: refused.map(Into::into),
        scroll: 0,
    };
    confirm::draw(&view, look, area, buf, &mut Vec::new())
}

fn line(view: &Prompt, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let (placeholder, hint) = match &view.purpose {
        Purpose::Filter { .. } => ("words that must be there, !words that must not", "Enter keeps it, Esc drops it"),
        Purpose::Find => ("photos:avatar/2026", "Enter looks for it, Esc leaves; what is typed is kept"),
        Purpose::RestoreInto { .. } => ("/srv/restored", "Enter says what it costs and how long it takes, Esc leaves"),
        Purpose::Load => ("/srv/requests.txt", "Enter puts its lines in at the cursor, Esc leaves"),
        Purpose::Save => {
            ("/srv/requests.txt", "Enter writes the list; what is there stays, but for where it came from")
        }
    };
    let row = matches!(view.purpose, Purpose::Filter { .. });
    let view = prompt::PromptView {
        label: view.label.as_str().into(),
        line: &view.edit,
        placeholder: placeholder.into(),
        hint: hint.into(),
        error: view.wrong.as_deref().map(Into::into),
    };
    if row {
        // A filter is typed below the list that follows it.
        let bottom = Rect { y: area.bottom().saturating_sub(1), height: area.height.min(1), ..area };
        return prompt::draw_row(&view, look, bottom, buf);
    }
    prompt::draw(&view, look, area, buf)
}

fn list_findings(
    model: &Model,
    selected: Option<&(String, String)>,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) -> widgets::Extent {
    let now = model.state_now();
    let rows = model.findings();
    let view = findings::FindingsView {
        rows: rows
            .iter()
            .map(|row| findings::FindingRow {
                severity: row.severity,
                area: TabId::of_rule(&row.rule).title().into(),
                object: format!("{} {}", row.rule, Shown::text(&row.object)).into(),
                value: row.value.as_str().into(),
                limit: row.limit.as_str().into(),
                age: format::span(Some(now.since(row.since))).into(),
                next_step: row.next_step.as_str().into(),
                acknowledged: row.ack_until.filter(|until| *until > now).map(|until| until.to_string().into()),
            })
            .collect(),
        selected: rows
            .iter()
            .position(|row| selected.is_some_and(|(rule, object)| row.rule == *rule && row.object == *object)),
        hint: hints(model, "findings").into(),
    };
    findings::draw(&view, look, area, buf, &mut Vec::new())
}

fn list_log(model: &Model, up: usize, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> widgets::Extent {
    let level = |level: Level| match level {
        Level::ERROR => log_view::LogLevel::Error,
        Level::WARN => log_view::LogLevel::Warn,
        Level::INFO => log_view::LogLevel::Info,
        _ => log_view::LogLevel::Debug,
    };
    let view = log_view::LogView {
        entries: model
            .log
            .iter()
            .map(|line| log_view::LogEntry {
                time: format::utc_second(line.at).into(),
                level: level(line.level),
                target: "".into(),
                text: line.text.as_str().into(),
            })
            .collect(),
        back: up,
        lost: model.log_dropped,
        file: Some(model.setup.log_place.as_str().into()),
        hint: hints(model, "log").into(),
    };
    log_view::draw(&view, look, area, buf)
}

fn lines_of(details: &Details) -> Vec<detail::DetailLine<'_>> {
    let mut lines = Vec::new();
    for (at, group) in details.groups.iter().enumerate() {
        if at > 0 {
            lines.push(detail::DetailLine::Gap);
        }
        if !group.title.is_empty() {
            lines.push(detail::DetailLine::Heading(group.title.as_str().into()));
        }
        for (name, value, role) in &group.lines {
            lines.push(detail::DetailLine::Pair(name.as_str().into(), Piece::new(value.as_str(), *role)));
        }
    }
    lines
}

fn details(
    model: &Model,
    view: &DetailsView,
    word: &'static str,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) -> widgets::Extent {
    let told = |text: &str, role| vec![detail::DetailLine::Text(Piece::new(text.to_owned(), role))];
    let (title, lines) = match (&view.details, &view.wrong) {
        (Some(details), _) => (details.title.as_str(), lines_of(details)),
        (None, Some(wrong)) => ("", told(wrong, Role::Warning)),
        (None, None) => ("", told("reading …", Role::Dim)),
    };
    let view = detail::DetailView {
        title: title.into(),
        lines,
        scroll: view.top,
        selected: None,
        hint: hints(model, word).into(),
    };
    detail::draw(&view, look, area, buf)
}

/// Jobs to choose from.
fn jobs(model: &Model, view: &JobsView, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> widgets::Extent {
    let now = model.delay.now().unwrap_or(model.now);
    let view = picker::PickerView {
        title: format!("Jobs of {}", Shown::text(&view.replica)).into(),
        entries: view
            .choices
            .iter()
            .map(|choice| windows::words(choice, now))
            .map(|(name, note)| (name.into(), note.into()))
            .collect(),
        selected: view.selected,
        current: None,
        hint: hints(model, "jobs").into(),
    };
    picker::draw(&view, look, area, buf, &mut Vec::new())
}

/// One replica, with its chart.
fn replica(model: &Model, view: &ReplicaView, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> widgets::Extent {
    let now = model.delay.now().unwrap_or(model.now);
    let line = model.delay.named(&view.name);
    let shot = Shot { view, line, span: model.delay.span, now, hint: hints(model, "replica") };
    replica::draw(&shot, look, area, buf)
}

/// A node of a redis cluster, what happened to one, a run of the benchmark.
fn of_redis(model: &Model, overlay: &Overlay, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> widgets::Extent {
    let hint = hints(model, overlay.word());
    match (overlay, model.redis.shown.as_deref(), &model.redis.bench.run) {
        (Overlay::Node(view), Some(read), _) => node::draw(view, read, &hint, look, area, buf),
        (Overlay::Events(view), Some(read), _) => node::events(view, read, &hint, look, area, buf),
        (Overlay::Load { top }, _, Some(run)) => benchdraw::run(run, *top, &hint, look, area, buf),
        _ => widgets::Extent::default(),
    }
}

/// The area of the tab.
fn over_tab(area: Rect) -> Rect {
    Rect { y: area.y.saturating_add(2).min(area.bottom()), height: area.height.saturating_sub(4), ..area }
}

/// Files or archives of a plan, and what is to be said of the selected one.
fn list_rows(model: &Model, list: &PlanList, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> widgets::Extent {
    let area = over_tab(area);
    paint::clear(area, look, buf);
    let count = Count((list.paged.before() + list.paged.len()) as u64);
    let more = if list.paged.more() && list.paged.loaded() { " and more" } else { "" };
    let (what, none) = match list.of {
        ListOf::Files { wrong: false } => ("files", "it wants no file"),
        ListOf::Files { wrong: true } => ("files that are wrong", "no file of it failed, and each is possible"),
        ListOf::Parts => ("archives", "it needs no archive"),
    };
    let title = format!("plan {}, {what}: {count}{more}", list.plan);
    let view = pane::PaneView { title: title.into(), right: "".into(), focused: true };
    let inner = pane::draw(&view, look, area, buf);
    if area.height >= 3 {
        paint::on_border(&hints(model, "rows"), Role::Dim, area, area.bottom() - 1, look, buf);
    }
    let below = if inner.height > 7 { 4 } else { 0 };
    let body = Rect { height: inner.height - below, ..inner };
    let columns = [
        table::Column::words("what", 20, 3).cut(format::Cut::Middle),
        table::Column::numbers("size", 9).drop(2),
        table::Column::words("state", 13, 0),
        table::Column::words("where to, or why not", 20, 4).drop(1),
    ];
    let rows: Vec<_> = list.paged.rows().collect();
    let row = |place: u64| {
        let row = rows.get(usize::try_from(place).ok()?)?;
        Some(table::Row {
            cells: vec![
                table::Cell::plain(row.name.as_str()),
                table::Cell::plain(row.size.as_str()),
                table::Cell::new(row.state.as_str(), row.role),
                table::Cell::new(row.note.as_str(), Role::Dim),
            ],
            marked: false,
        })
    };
    let empty = match (&list.wrong, list.paged.loaded()) {
        (Some(wrong), _) => wrong.clone(),
        (None, false) => "reading …".to_owned(),
        (None, true) => none.to_owned(),
    };
    let height = usize::from(body.height.saturating_sub(1));
    let top = list.selected.saturating_sub(height / 2).min(rows.len().saturating_sub(height));
    let view = table::TableView {
        id: 9,
        columns: &columns,
        total: rows.len() as u64,
        offset: top as u64,
        selected: (!rows.is_empty()).then_some(list.selected as u64),
        focused: true,
        sorted: None,
        row: &row,
        empty: empty.into(),
    };
    let extent = table::draw(&view, look, body, buf, &mut Vec::new());
    if let Some(row) = list.row().filter(|_| below > 0) {
        let under = Rect { y: body.bottom(), height: below, ..inner };
        paint::rule(Rect { height: 1, ..under }, look, buf);
        let said = if row.note.is_empty() { row.name.clone() } else { format!("{}: {}", row.name, row.note) };
        let lines = format::wrap(&look.text(&said), under.width.into());
        for (line, y) in lines.iter().zip(under.top() + 1..under.bottom()) {
            paint::text(line, row.role, under.x, y, under.width, look, buf);
        }
    }
    extent
}

fn list_files(model: &Model, files: &Files, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> widgets::Extent {
    let area = over_tab(area);
    paint::clear(area, look, buf);
    let count = files.paged.before() + files.paged.len();
    let more = if files.paged.more() && files.paged.loaded() { " and more" } else { "" };
    let title = format!("{}: {}{more}", files.title, Count(count as u64));
    let view = pane::PaneView { title: title.into(), right: hints(model, "files").into(), focused: true };
    let inner = pane::draw(&view, look, area, buf);
    let columns = [
        table::Column::words("file", 20, 4).cut(format::Cut::Middle),
        table::Column::numbers("size", 9),
        table::Column::words("state", 9, 0),
        table::Column::words("since", 18, 0).drop(1),
    ];
    let rows: Vec<&crate::console::overlay::FileLine> = files.paged.rows().collect();
    let row = |place: u64| {
        let row = rows.get(usize::try_from(place).ok()?)?;
        Some(table::Row {
            cells: vec![
                table::Cell::plain(row.name.as_str()),
                table::Cell::plain(Size(row.length).to_string()),
                table::Cell::new(row.state.as_str(), row.role),
                table::Cell::new(format::utc_day(row.at), Role::Dim),
            ],
            marked: false,
        })
    };
    let empty = match (&files.wrong, files.paged.loaded()) {
        (Some(wrong), _) => wrong.clone(),
        (None, false) => "reading …".to_owned(),
        (None, true) => "no file's key begins so; keys are compared as they are, letter by letter".to_owned(),
    };
    let height = usize::from(inner.height.saturating_sub(1));
    let top = files.selected.saturating_sub(height / 2).min(rows.len().saturating_sub(height));
    let view = table::TableView {
        id: 9,
        columns: &columns,
        total: rows.len() as u64,
        offset: top as u64,
        selected: (!rows.is_empty()).then_some(files.selected as u64),
        focused: true,
        sorted: None,
        row: &row,
        empty: empty.into(),
    };
    table::draw(&view, look, inner, buf, &mut Vec::new())
}
