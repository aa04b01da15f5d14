//! The whole screen from the model: header, tab, footer, and what lies over them. Pure; what it reports back are the
//! places of rows and what can be clicked.

mod over;

use std::time::Duration;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};

use self::over::over;
use super::action::{self, ACTIONS, Action, Context, Danger, Scope};
use super::format;
use super::glyphs::Look;
use super::model::{Area, Connection, Hit, Leaving, Model, Report};
use super::tabs::{TabId, absent, backup, delay, redis, restore};
use super::widgets::{HitId, footer, header, notice, paint, small};
use crate::backup::pipe::Kinds;
use crate::base::{Severity, Shown};
use crate::store::NoticeRow;
use crate::worker::supervisor::Standing;

/// Draws everything.
pub fn draw(model: &Model, look: &Look<'_>, frame: &mut Frame<'_>) -> Report {
    let area = frame.area();
    let mut report = Report::default();
    let cursor = paint(model, look, area, frame.buffer_mut(), &mut report);
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
    report
}

/// The same into a buffer; gives the cell of the cursor.
pub fn paint(model: &Model, look: &Look<'_>, area: Rect, buf: &mut Buffer, report: &mut Report) -> Option<Position> {
    paint::clear(area, look, buf);
    if small::is_too_small(area) {
        small::draw(look, area, buf);
        return None;
    }
    let [top, tab, bottom] =
        Layout::vertical([Constraint::Length(2), Constraint::Fill(1), Constraint::Length(2)]).areas(area);
    head(model, look, top, buf, report);
    match area_of(model, model.tab) {
        Area::On if model.tab == TabId::Backup => backup::draw::draw(model, look, tab, buf, report),
        Area::On if model.tab == TabId::Restore => restore::draw::draw(model, look, tab, buf, report),
        Area::On if model.tab == TabId::Delay => delay::draw::draw(model, look, tab, buf, report),
        Area::On if model.tab == TabId::Redis => redis::draw::draw(model, look, tab, buf, report),
        other => absent::draw(model.tab, &other, model.setup.config_place.as_deref(), look, tab, buf),
    }
    foot(model, look, bottom, buf);
    let mut cursor = None;
    for overlay in &model.overlays {
        cursor = over(model, overlay, look, area, buf, report);
    }
    cursor
}

/// Whether an area can be looked at.
fn area_of(model: &Model, tab: TabId) -> Area {
    let known = model.setup.areas.iter().find(|(of, _)| *of == tab);
    known.map_or(Area::Off(&[]), |(_, area)| area.clone())
}

fn head(model: &Model, look: &Look<'_>, area: Rect, buf: &mut Buffer, report: &mut Report) {
    let setup = &model.setup;
    let tabs = TabId::ALL.map(|tab| {
        let (severity, count) = model.worst(tab);
        header::Tab {
            title: tab.title().into(),
            severity,
            count: count as u64,
            configured: area_of(model, tab) == Area::On,
        }
    });
    let connection = |name: &'static str, connection: &Connection| match connection {
        Connection::Connecting => {
            header::Connection { name: name.into(), state: "…".into(), severity: Severity::Unknown }
        }
        Connection::Fine => header::Connection { name: name.into(), state: "ok".into(), severity: Severity::Ok },
        Connection::Trouble(since, _) => header::Connection {
            name: name.into(),
            state: away(model.now.since(*since)).into(),
            severity: Severity::Critical,
        },
    };
    let mut connections = vec![connection("vault", &model.vault), connection("db", &model.state)];
    // A worker may have seen it before this console looks again.
    let told = |row: &&NoticeRow| row.rule.starts_with("vault.") && row.severity == Severity::Critical;
    if model.vault == Connection::Fine && model.findings().iter().any(|row| told(&row)) {
        connections[0] =
            header::Connection { name: "vault".into(), state: "in trouble".into(), severity: Severity::Critical };
    }
    if let (Some(age), Connection::Fine) = (model.stale(), &model.state) {
        connections[1] = header::Connection {
            name: "db".into(),
            state: format!("read {} ago", format::span(Some(age))).into(),
            severity: Severity::Unknown,
        };
    }
    let stopped = matches!(&model.workers, Some(Standing::Stopped { .. }));
    let workers = match (&setup.workers, &model.workers) {
        (Some(_), Some(Standing::Ended | Standing::Stopped { .. })) | (None, _) => None,
        (Some(kinds), _) if *kinds == Kinds::all().words() => Some("all".to_owned()),
        (Some(kinds), _) => Some(kinds.clone()),
    };
    if stopped {
        // Among what is connected, for that is never left out while it is in trouble.
        let state = "STOPPED".into();
        connections.push(header::Connection { name: "workers".into(), state, severity: Severity::Critical });
    }
    let view = header::HeaderView {
        environment: Some(setup.environment.as_str().into()),
        production: setup.production,
        host: setup.host.as_str().into(),
        tabs: tabs.into(),
        active: model.tab.number() - 1,
        badge: setup.badge.as_deref().map(Into::into),
        read_only: setup.read_only,
        held: model.held.map(|at| format::utc_second(at).into()),
        workers: workers.map(Into::into),
        connections,
        clock: format::utc_minute(model.state_now()).into(),
    };
    let mut hits = Vec::new();
    header::draw(&view, look, area, buf, &mut hits);
    for (rect, hit) in hits {
        if let HitId::Tab(at) = hit
            && let Some(tab) = TabId::ALL.get(at)
        {
            report.hits.push((rect, Hit::Tab(*tab)));
        }
    }
}

/// For how long something is away, once that is a figure.
fn away(span: Duration) -> String {
    if span < Duration::from_secs(1) { "away".to_owned() } else { format!("away {}", format::span(Some(span))) }
}

/// Actions that the footer shows where the console is, the first the most important.
fn keys(model: &Model) -> Vec<&'static Action> {
    let context = Context::of(model);
    let fits = |action: &&Action| context.has(action.scope) && !action.short.is_empty();
    let own = |action: &&Action| !matches!(action.scope, Scope::Global | Scope::Always) && fits(action);
    let mut actions: Vec<&Action> = ACTIONS.iter().filter(own).filter(|action| relevant(model, action)).collect();
    // When something is wrong, what tells it whole comes first.
    let wrong = model.findings().iter().any(|row| !model.is_quiet(row));
    let at = if wrong { 0 } else { actions.len() };
    actions.splice(at..at, ACTIONS.iter().filter(|action| action.id == "findings" && fits(action)));
    actions.truncate(8);
    actions
}

/// Whether an action has to do with the list that has the keys. (All of them are in help.)
fn relevant(model: &Model, action: &Action) -> bool {
    use backup::Pane;
    let pane = model.backup.pane;
    match action.id {
        "backup.pause" | "backup.drain" | "backup.larger" | "backup.smaller" => pane == Pane::Pools,
        "backup.retry" => pane == Pane::Failures,
        "backup.seal" => pane == Pane::Bundles,
        "backup.restore" => pane != Pane::Pools,
        // What can be done now with the plan at hand.
        "restore.confirm" | "restore.cancel" | "restore.retry" | "plan.confirm" | "plan.cancel" | "plan.retry"
        | "redis.pane" | "redis.failover" | "redis.stable" | "redis.kill" | "redis.events" => {
            action::why_not(action, model).is_none()
        }
        _ => true,
    }
}

fn hint<'a>(model: &Model, action: &Action) -> footer::KeyHint<'a> {
    let read_only = action.danger != Danger::None && model.setup.read_only;
    footer::KeyHint {
        key: model.keymap.first(action.id).unwrap_or_default().into(),
        text: action.short.into(),
        enabled: !read_only && action::why_not(action, model).is_none(),
    }
}

fn foot(model: &Model, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let finding =
        model.findings().iter().filter(|row| !model.is_quiet(row)).max_by_key(|row| (row.severity, row.since));
    let trouble = match (&model.state, &model.vault) {
        (Connection::Trouble(since, why), _) => {
            let ago = format::span(Some(model.now.since(*since)));
            Some((Severity::Unknown, format!("the state cannot be read for {ago}: {why}")))
        }
        _ => None,
    };
    let finding = trouble.or_else(|| finding.map(|row| (row.severity, sentence(row, model.tab))));
    let notice = match (&model.leaving, &model.flash) {
        (Leaving::Since(since), _) => Some(notice::Notice {
            level: notice::Level::Warn,
            text: format!(
                "leaving: workers finish what they have ({} of at most {}); q again leaves at once",
                format::span(Some(model.now.since(*since))),
                format::span(Some(model.setup.stop_within))
            )
            .into(),
            more: 0,
        }),
        (_, Some(flash)) => Some(notice::Notice {
            level: match flash.severity {
                Severity::Ok => notice::Level::Info,
                Severity::Critical => notice::Level::Error,
                _ => notice::Level::Warn,
            },
            text: flash.text.as_str().into(),
            more: 0,
        }),
        _ => None,
    };
    let fixed = ["help", "palette", "quit"].into_iter().filter_map(action::find).map(|action| hint(model, action));
    let fixed = if model.overlays.is_empty() { fixed.collect() } else { Vec::new() };
    let view = footer::FooterView {
        notice,
        finding: finding.map(|(severity, text)| (severity, text.into())),
        keys: keys(model).into_iter().map(|action| hint(model, action)).collect(),
        fixed,
    };
    footer::draw(&view, look, area, buf, &mut Vec::new());
}

/// A finding in one line: what was seen first, for the rest may be cut. On another tab its area is named.
pub fn sentence(row: &NoticeRow, on: TabId) -> String {
    let tab = TabId::of_rule(&row.rule);
    let area = if tab == on { String::new() } else { format!("{}: ", tab.title()) };
    let object = Shown::text(&row.object).to_string();
    let object = if row.value.contains(&object) { String::new() } else { format!("{object}: ") };
    format!("{area}{object}{}; {}", row.value, row.next_step)
}
