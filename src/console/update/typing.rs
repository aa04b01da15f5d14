//! Where printable keys are text: help, palette, prompts, the word of a dialog.

use crate::base::Severity;
use crate::console::action::{self, ACTIONS, Action, Context};
use crate::console::chord::{Chord, Press};
use crate::console::effect::Effect;
use crate::console::model::Model;
use crate::console::overlay::{self, FilesOf, Focus, Overlay, Prompt, Purpose, Search};
use crate::console::update::{freezes, leaving, load, moves, perform, restores, views, written};
use crate::console::widgets::line_edit::LineEdit;

/// What a key does in the topmost overlay when it takes text; nothing: it is no text.
pub(super) fn key(model: &mut Model, chord: Chord) -> Option<Vec<Effect>> {
    match model.overlays.last() {
        Some(Overlay::Batch) => return written::batch_key(model, chord),
        Some(Overlay::Form) => return written::form_key(model, chord),
        Some(Overlay::Freeze(_)) => return freezes::key(model, chord),
        Some(Overlay::Bench) => return load::key(model, chord),
        _ => {}
    }
    let plain = !chord.ctrl && !chord.alt;
    match (chord.press, plain) {
        (Press::Esc, true) => return Some(leaving::close(model)),
        (Press::Enter, true) => return Some(enter(model)),
        (Press::Up | Press::Down, true) => {
            let up = chord.press == Press::Up;
            return Some(up_or_down(model, up));
        }
        (Press::PageUp, true) => return Some(moves::page_up(model)),
        (Press::PageDown, true) => return Some(moves::page_down(model)),
        _ => {}
    }
    match model.overlays.last_mut()? {
        Overlay::Help(search) | Overlay::Palette(search) => {
            if chord.press == Press::Tab {
                return Some(complete(model));
            }
            let taken = search.query.key(chord);
            if taken {
                (search.selected, search.back) = (0, None);
            }
            taken.then(Vec::new)
        }
        Overlay::Confirm(confirm) => {
            match chord.press {
                Press::Tab | Press::BackTab => return Some(leaving::switch(model)),
                Press::Left | Press::Right if confirm.typed.text().is_empty() => return Some(leaving::switch(model)),
                _ => {}
            }
            confirm.typed.key(chord).then(Vec::new)
        }
        Overlay::Prompt(prompt) => {
            let taken = prompt.edit.key(chord);
            if !taken {
                return None;
            }
            prompt.wrong = None;
            Some(changed(model))
        }
        _ => None,
    }
}

/// Pasted text goes where text is typed; elsewhere it does nothing, above all no actions.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    match model.overlays.last_mut() {
        Some(Overlay::Help(search) | Overlay::Palette(search)) => {
            let lost = search.query.paste(text);
            search.selected = 0;
            cut(model, lost);
            Vec::new()
        }
        Some(Overlay::Prompt(prompt)) => {
            let lost = prompt.edit.paste(text);
            prompt.wrong = None;
            cut(model, lost);
            changed(model)
        }
        Some(Overlay::Batch) => written::batch_paste(model, text),
        Some(Overlay::Form) => {
            let (effects, lost) = written::form_paste(model, text);
            cut(model, lost);
            effects
        }
        Some(Overlay::Freeze(form)) => {
            let lost = form.edit.paste(text);
            freezes::typed(model);
            cut(model, lost);
            Vec::new()
        }
        Some(Overlay::Bench) => {
            match load::paste(model, text) {
                Some(lost) => cut(model, lost),
                None => model.tell(Severity::Warning, "pasted text was dropped: this line is a choice"),
            }
            Vec::new()
        }
        // A word that is pasted was not thought about.
        Some(Overlay::Confirm(confirm)) if confirm.word.is_some() => {
            model.tell(Severity::Warning, "the word must be typed, not pasted");
            Vec::new()
        }
        _ => {
            model.tell(Severity::Warning, "pasted text was dropped: nothing is being typed here");
            Vec::new()
        }
    }
}

/// Says that a line does not hold all that was pasted.
fn cut(model: &mut Model, lost: usize) {
    if lost > 0 {
        let longest = crate::console::widgets::line_edit::LONGEST;
        model.tell(
            Severity::Warning,
            format!("a line holds {longest} characters: {lost} of what was pasted are left out"),
        );
    }
}

/// What a prompt holds has changed: the list follows a filter as it is typed, and drafts are kept.
fn changed(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Prompt(prompt)) = model.overlays.last() else { return Vec::new() };
    let text = prompt.edit.text().to_owned();
    match &prompt.purpose {
        Purpose::Filter { .. } => {
            views::set_filter(model, &text);
            Vec::new()
        }
        purpose => {
            let name = views::draft_name(purpose);
            model.drafts.insert(name, text.clone());
            vec![Effect::Draft { name, text }]
        }
    }
}

fn up_or_down(model: &mut Model, up: bool) -> Vec<Effect> {
    let recent = model.recent.clone();
    let (context, rows) = (below(model), rows_of(model).len());
    let Some(overlay) = model.overlays.last_mut() else { return Vec::new() };
    match overlay {
        // With nothing typed, up goes through what was done before.
        Overlay::Palette(search) if search.query.text().is_empty() || search.back.is_some() => {
            let known: Vec<&str> = recent.iter().rev().copied().filter(|id| usable(context, id)).collect();
            let back = match (search.back, up) {
                (None, true) if search.selected > 0 => {
                    search.selected -= 1;
                    return Vec::new();
                }
                (None, true) => Some(0),
                (Some(at), true) => Some(at + 1),
                (Some(at), false) => at.checked_sub(1),
                (None, false) => {
                    search.selected = (search.selected + 1).min(rows.saturating_sub(1));
                    return Vec::new();
                }
            };
            let Some(at) = back else {
                search.query = LineEdit::default();
                search.back = None;
                return Vec::new();
            };
            if let Some(id) = known.get(at) {
                search.query = LineEdit::new(id);
                search.back = Some(at);
                search.selected = 0;
            }
            Vec::new()
        }
        // Headings of groups are lines too.
        Overlay::Help(search) => {
            let most = rows + rows / 2;
            search.selected = if up { search.selected.saturating_sub(1) } else { (search.selected + 1).min(most) };
            Vec::new()
        }
        Overlay::Palette(search) => {
            let at = search.selected.min(rows.saturating_sub(1));
            search.selected = if up { at.saturating_sub(1) } else { (at + 1).min(rows.saturating_sub(1)) };
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Whether an action can be named in the palette over a context.
fn usable(context: Context, id: &str) -> bool {
    action::find(id).is_some_and(|action| context.has(action.scope))
}

/// What is under the topmost overlay: what help and palette are about.
pub fn below(model: &Model) -> Context {
    let under = model.overlays.len().checked_sub(2).and_then(|at| model.overlays.get(at));
    under.map_or(Context::Tab(model.tab), |overlay| Context::Overlay(overlay.word()))
}

/// Actions that the search of help or palette shows.
pub fn rows_of(model: &Model) -> Vec<&'static Action> {
    match model.overlays.last() {
        Some(Overlay::Help(search) | Overlay::Palette(search)) => matching(model, search),
        _ => Vec::new(),
    }
}

/// Every action that can be done under help or palette. (The palette does not name itself.)
pub fn all(model: &Model) -> Vec<&'static Action> {
    let context = below(model);
    let named = matches!(model.overlays.last(), Some(Overlay::Palette(_)));
    ACTIONS.iter().filter(|action| context.has(action.scope) && !(named && action.id == "palette")).collect()
}

/// Those of them that a search finds: by name, by what they do, or by their key. Those whose name begins so come first.
pub fn matching(model: &Model, search: &Search) -> Vec<&'static Action> {
    let exact = search.query.text().trim();
    let words: Vec<String> = exact.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let fits = |action: &&Action| {
        let keys: Vec<String> = model.keymap.keys(action.id).iter().map(ToString::to_string).collect();
        let text = format!("{} {} {}", action.id, action.text, action::group(action.scope)).to_lowercase();
        keys.iter().any(|key| key == exact) || words.iter().all(|word| text.contains(word.as_str()))
    };
    let mut rows: Vec<&Action> = all(model).into_iter().filter(fits).collect();
    if !exact.is_empty() {
        rows.sort_by_key(|action| (action.id != exact, !action.id.starts_with(exact)));
    }
    rows
}

fn complete(model: &mut Model) -> Vec<Effect> {
    let rows = rows_of(model);
    if let Some(Overlay::Palette(search)) = model.overlays.last_mut()
        && let Some(action) = rows.get(search.selected.min(rows.len().saturating_sub(1)))
    {
        search.query = LineEdit::new(action.id);
        search.selected = 0;
    }
    Vec::new()
}

fn enter(model: &mut Model) -> Vec<Effect> {
    let rows = rows_of(model);
    match model.overlays.last() {
        Some(Overlay::Help(_)) => leaving::close(model),
        Some(Overlay::Palette(search)) => {
            let Some(action) = rows.get(search.selected.min(rows.len().saturating_sub(1))).copied() else {
                let text = search.query.text().trim().to_owned();
                let near = crate::config::nearest(&text, ACTIONS.iter().map(|action| action.id));
                let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
                model.tell(Severity::Warning, format!("there is no action like that here{near}"));
                return Vec::new();
            };
            if action.danger == action::Danger::None || action::why_not(action, model).is_none() {
                model.overlays.pop();
            }
            perform(model, action)
        }
        Some(Overlay::Confirm(confirm)) => match confirm.focus {
            Focus::Cancel if confirm.word.as_deref() == Some(confirm.typed.text().trim()) => {
                // The word is there: Enter goes to the button, and the next one presses it.
                leaving::switch(model)
            }
            _ => leaving::press(model),
        },
        Some(Overlay::Prompt(prompt)) => {
            let prompt = prompt.clone();
            submit(model, &prompt)
        }
        _ => Vec::new(),
    }
}

fn submit(model: &mut Model, prompt: &Prompt) -> Vec<Effect> {
    let text = prompt.edit.text().trim().to_owned();
    match &prompt.purpose {
        Purpose::Filter { .. } => {
            model.overlays.pop();
            views::keep_filter(model, "")
        }
        Purpose::Find => {
            model.overlays.pop();
            let title = if text.is_empty() {
                "all files".to_owned()
            } else {
                format!("files that begin with \"{}\"", crate::base::Shown::text(&text))
            };
            views::files(model, title, FilesOf::Found(text))
        }
        Purpose::Load | Purpose::Save => written::submit_file(model, &text, &prompt.purpose),
        Purpose::RestoreInto { what, name } => match overlay::folder(&text, model.setup.home.as_deref()) {
            Err(wrong) => {
                if let Some(Overlay::Prompt(prompt)) = model.overlays.last_mut() {
                    prompt.wrong = Some(wrong);
                }
                Vec::new()
            }
            Ok(into) => restores::plan_into(model, what, name, &into),
        },
    }
}
