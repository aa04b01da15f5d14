//! The one place where the model changes: `update(model, message, now) -> effects`. Pure: no await, no clock, no I/O.

pub mod deeds;
pub mod delays;
pub mod freezes;
pub mod hurries;
pub mod leaving;
pub mod load;
pub mod moves;
pub mod orders;
pub mod pools;
pub mod redis;
mod replies;
pub mod restores;
pub mod typing;
pub mod views;
pub mod windows;
pub mod written;

use std::sync::Arc;

use super::action::{self, Action, Context, Danger};
use super::chord::Chord;
use super::effect::Effect;
use super::model::{Connection, Hit, Leaving, Model};
use super::msg::Msg;
use super::overlay::Overlay;
use super::tabs::TabId;
use super::widgets::small;
use crate::backup::snapshot::Snapshot;
use crate::base::{Severity, Time};
use crate::restore::snapshot::RestoreSnapshot;
use crate::worker::supervisor::Standing;

/// Lines of the log that are kept for the screen.
pub const LOG_LINES: usize = 2000;

/// Takes in what happened at `now` (by the console's clock) and says what is to be done about it.
pub fn update(model: &mut Model, msg: Msg, now: Time) -> Vec<Effect> {
    model.now = now;
    if model.flash.as_ref().is_some_and(|flash| flash.until <= now) {
        model.flash = None;
        model.dirty = true;
    }
    match msg {
        Msg::Key(chord) => {
            model.touched = now;
            model.dirty = true;
            key(model, chord)
        }
        Msg::Paste(text) => {
            model.touched = now;
            model.dirty = true;
            typing::paste(model, &text)
        }
        Msg::Click(column, row) => {
            model.touched = now;
            click(model, column, row)
        }
        Msg::Wheel(up) => {
            model.touched = now;
            model.dirty = true;
            if up { moves::wheel_up(model) } else { moves::wheel_down(model) }
        }
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            model.dirty = true;
            Vec::new()
        }
        Msg::Tick => {
            model.dirty = true;
            // What is being written is kept, however long it is.
            written::keep(model, true)
        }
        Msg::Snapshot(snapshot) => adopt(model, snapshot),
        Msg::Restores(snapshot) => adopt_restores(model, snapshot),
        Msg::Delays(snapshot) => {
            let mut effects = delays::adopt(model, snapshot);
            effects.extend(freezes::want(model));
            effects
        }
        Msg::Redis(read) => redis::adopt(model, read),
        Msg::Bench(told) => load::told(model, told),
        msg @ (Msg::Verdicts(..) | Msg::Checked(..)) => {
            written::looked_at(model, msg);
            Vec::new()
        }
        Msg::Blind(why) => {
            if !matches!(&model.state, Connection::Trouble(_, known) if *known == why) {
                let since = match &model.state {
                    Connection::Trouble(since, _) => *since,
                    _ => now,
                };
                model.state = Connection::Trouble(since, why);
                model.dirty = true;
                model.look_again();
            }
            Vec::new()
        }
        Msg::Vault(result) => {
            let standing = match (result, &model.vault) {
                (Ok(()), _) => Connection::Fine,
                (Err(why), Connection::Trouble(since, _)) => Connection::Trouble(*since, why),
                (Err(why), _) => Connection::Trouble(now, why),
            };
            model.dirty |= standing != model.vault;
            model.vault = standing;
            Vec::new()
        }
        Msg::Workers(standing) => {
            if let Standing::Stopped { reason, .. } = &standing {
                model.tell(Severity::Critical, format!("the workers of this console stopped: {reason}"));
            }
            model.dirty = true;
            model.workers = Some(standing);
            model.look_again();
            Vec::new()
        }
        Msg::Reply(reply) => {
            model.dirty = true;
            replies::reply(model, reply)
        }
        Msg::Log(mut lines, dropped) => {
            let keep = lines.len().min(LOG_LINES);
            lines.drain(..lines.len() - keep);
            model.log.extend(lines);
            let over = model.log.len().saturating_sub(LOG_LINES);
            model.log.drain(..over);
            model.log_dropped = dropped;
            model.dirty |= matches!(model.overlays.last(), Some(Overlay::Log { .. }));
            Vec::new()
        }
        Msg::Told(signal) => {
            model.tell(Severity::Warning, format!("{signal}: leaving"));
            leave(model)
        }
    }
}

/// The state was read: it is shown, unless the screen is held.
fn adopt(model: &mut Model, snapshot: Arc<Snapshot>) -> Vec<Effect> {
    model.state = Connection::Fine;
    model.newest = Some(Arc::clone(&snapshot));
    model.read_at = Some(model.now);
    model.dirty = true;
    model.look_again();
    if model.held.is_none() {
        model.backup.adopt(&snapshot);
        model.shown = Some(snapshot);
    }
    let mut effects = moves::want_failed(model, true);
    // What is looked at closely changes, too.
    if let (None, Some(Overlay::Details(view))) = (model.held, model.overlays.last())
        && view.details.is_some()
    {
        effects.push(Effect::Ask(view.query.clone()));
    }
    effects
}

/// How restores stand was read: it is shown, unless the screen is held.
fn adopt_restores(model: &mut Model, snapshot: Arc<RestoreSnapshot>) -> Vec<Effect> {
    model.restore.newest = Some(Arc::clone(&snapshot));
    model.dirty |= model.tab == TabId::Restore;
    if model.held.is_some() {
        return Vec::new();
    }
    model.restore.adopt(snapshot);
    let mut effects = restores::want_plans(model);
    // What is looked at closely changes, too.
    if let Some(Overlay::Plan(view)) = model.overlays.last()
        && view.details.is_some()
    {
        effects.push(Effect::Ask(view.query.clone()));
    }
    effects
}

/// Begins to leave; a second time it is at once.
pub fn leave(model: &mut Model) -> Vec<Effect> {
    model.dirty = true;
    if matches!(model.leaving, Leaving::Since(_)) {
        return vec![Effect::Abandon];
    }
    model.leaving = Leaving::Since(model.now);
    vec![Effect::Leave]
}

fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    if matches!(model.leaving, Leaving::Since(_)) {
        let (q, ctrl_c) = (Chord::char('q'), Chord { ctrl: true, ..Chord::char('c') });
        let again = chord == q || chord == ctrl_c;
        return if again { leave(model) } else { Vec::new() };
    }
    if model.size.0 < small::LEAST.0 || model.size.1 < small::LEAST.1 {
        // Nothing is seen but that the terminal is too small: nothing is done that should be seen.
        let pressed = |id: &str| model.keymap.keys(id).contains(&chord);
        if pressed("cancel") {
            return leave(model);
        }
        let action = ["suspend", "redraw"].into_iter().find(|id| pressed(id)).and_then(action::find);
        return action.map_or_else(Vec::new, |action| perform(model, action));
    }
    if matches!(model.overlays.last(), Some(Overlay::Confirm(confirm)) if !confirm.seen) {
        return Vec::new();
    }
    let context = Context::of(model);
    let typed = model.overlays.last().is_some_and(Overlay::takes_text);
    if typed && let Some(effects) = typing::key(model, chord) {
        return effects;
    }
    let Some(action) = model.keymap.action(context, chord) else { return Vec::new() };
    if typed && action.scope != action::Scope::Always && chord.typed().is_some() {
        return Vec::new();
    }
    perform(model, action)
}

/// Does an action, or says why not.
pub fn perform(model: &mut Model, action: &'static Action) -> Vec<Effect> {
    if let Some(why) = action::why_not(action, model) {
        model.tell(Severity::Warning, format!("{}: {why}", action.id));
        return Vec::new();
    }
    if action.danger != Danger::None || !matches!(action.scope, action::Scope::List | action::Scope::Always) {
        model.recent.retain(|id| *id != action.id);
        model.recent.push(action.id);
    }
    (action.run)(model)
}

fn click(model: &mut Model, column: u16, row: u16) -> Vec<Effect> {
    let at = ratatui::layout::Position { x: column, y: row };
    let hit = model.report.hits.iter().rev().find(|(area, _)| area.contains(at)).map(|(_, hit)| hit.clone());
    model.dirty |= hit.is_some();
    // A click selects and never acts; under an overlay nothing can be clicked.
    match hit.filter(|_| model.overlays.is_empty()) {
        Some(Hit::Tab(tab)) => views::tab(model, tab),
        Some(Hit::Row(pane, place)) => {
            model.backup.pane = pane;
            model.backup.list_mut().select(place);
            moves::want_failed(model, false)
        }
        Some(Hit::Plan(pane, place)) => {
            model.restore.select(pane, place);
            restores::want_plans(model)
        }
        Some(Hit::Replica(place)) => {
            model.delay.list.select(place);
            Vec::new()
        }
        Some(Hit::Redis(list, place)) => {
            model.redis.select(list, place);
            Vec::new()
        }
        None => Vec::new(),
    }
}
