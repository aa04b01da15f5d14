//! What is written in the Restore tab: the form and the batch editor, their keys, files and drafts.

use crate::base::Severity;
use crate::console::chord::{Chord, Press};
use crate::console::effect::{Effect, Written};
use crate::console::model::Model;
use crate::console::msg::Msg;
use crate::console::overlay::{Overlay, Purpose};
use crate::console::tabs::restore::Field;
use crate::console::tabs::restore::editor::Taken;
use crate::console::update::restores::{default_dest, not_here};
use crate::console::update::views;

/// The name of the list's draft.
pub const BATCH_DRAFT: &str = "batch";

/// The list cannot be planned.
pub fn not_to_plan(model: &Model) -> Option<String> {
    if let Some(why) = not_here(model) {
        return Some(why);
    }
    let editor = &model.restore.editor;
    if editor.lines().iter().all(|line| line.trim().is_empty()) {
        return Some("the list is empty: paste or type requests first".to_owned());
    }
    if editor.is_checked() && editor.counts().ok == 0 {
        return Some("no line of the list can be planned; each says why".to_owned());
    }
    None
}

/// No line of the list is wrong.
pub fn nothing_wrong(model: &Model) -> Option<String> {
    let editor = &model.restore.editor;
    if editor.next_wrong().is_some() {
        return None;
    }
    Some(
        if editor.is_checked() {
            "no line is wrong"
        } else {
            "no wrong line has been found yet; it is being looked at"
        }
        .to_owned(),
    )
}

/// The list is empty.
pub fn nothing_written(model: &Model) -> Option<String> {
    model.restore.editor.is_empty().then(|| "the list is empty".to_owned())
}

/// The request of the form cannot be planned.
pub fn form_not_to_plan(model: &Model) -> Option<String> {
    if let Some(why) = not_here(model) {
        return Some(why);
    }
    let form = &model.restore.form;
    if let Some(why) = form.commented() {
        return Some(why);
    }
    if form.line().is_empty() {
        return Some("type what is to be restored first".to_owned());
    }
    let refused = form.verdict.as_ref().filter(|verdict| !verdict.usable);
    refused.map(|verdict| verdict.short.clone())
}

/// Opens the form.
pub fn form(model: &mut Model) -> Vec<Effect> {
    model.overlays.push(Overlay::Form);
    if model.restore.form.verdict.is_none() { check_form(model) } else { Vec::new() }
}

/// Opens the batch editor.
pub fn batch(model: &mut Model) -> Vec<Effect> {
    model.overlays.push(Overlay::Batch);
    if model.restore.editor.is_checked() { Vec::new() } else { check_batch(model) }
}

fn check_form(model: &Model) -> Vec<Effect> {
    let form = &model.restore.form;
    let line = form.line();
    if line.is_empty() || form.commented().is_some() {
        return Vec::new();
    }
    vec![Effect::Check { of: Written::Form, revision: form.revision, text: line.into(), dest: default_dest(model) }]
}

fn check_batch(model: &Model) -> Vec<Effect> {
    let editor = &model.restore.editor;
    vec![Effect::Check {
        of: Written::Batch,
        revision: editor.revision(),
        text: editor.to_check(),
        dest: default_dest(model),
    }]
}

/// The list is another one: it is looked at anew, and kept.
fn batch_changed(model: &mut Model) -> Vec<Effect> {
    let mut effects = check_batch(model);
    effects.extend(keep(model, false));
    effects
}

/// Keeps the list, should it have changed; a long one only when `all` says so.
pub fn keep(model: &mut Model, all: bool) -> Vec<Effect> {
    let Some(text) = model.restore.editor.unkept(all) else { return Vec::new() };
    vec![Effect::Draft { name: BATCH_DRAFT, text }]
}

/// A key in the batch editor; nothing: it is none of its own.
pub(super) fn batch_key(model: &mut Model, chord: Chord) -> Option<Vec<Effect>> {
    let page = model.height("batch").saturating_sub(1).max(1).cast_signed();
    let editor = &mut model.restore.editor;
    match (chord.press, chord.ctrl || chord.alt) {
        (Press::PageUp, false) => editor.step(-page),
        (Press::PageDown, false) => editor.step(page),
        _ => match editor.key(chord) {
            Taken::No => return None,
            Taken::Moved => {}
            Taken::Changed => return Some(batch_changed(model)),
        },
    }
    Some(Vec::new())
}

/// A key in the form; nothing: it is none of its own.
pub(super) fn form_key(model: &mut Model, chord: Chord) -> Option<Vec<Effect>> {
    let (taken, other) = model.restore.form.key(chord);
    if other {
        return Some(form_changed(model));
    }
    taken.then(Vec::new)
}

fn form_changed(model: &mut Model) -> Vec<Effect> {
    let form = &mut model.restore.form;
    let name = form_draft(form.field);
    let text = form.edit().map(|edit| edit.text().to_owned()).unwrap_or_default();
    let mut effects = check_form(model);
    effects.push(Effect::Draft { name, text });
    effects
}

/// The name under which a line of the form is kept.
pub fn form_draft(field: Field) -> &'static str {
    match field {
        Field::Source => "restore-source",
        Field::Dest => "restore-dest",
        Field::AsOf | Field::Tier => "restore-as-of",
    }
}

/// Text pasted into the list.
pub(super) fn batch_paste(model: &mut Model, text: &str) -> Vec<Effect> {
    match model.restore.editor.paste(text) {
        Ok(_) => batch_changed(model),
        Err(why) => {
            model.tell(Severity::Warning, why);
            Vec::new()
        }
    }
}

/// Text pasted into the form; gives what must be said.
pub(super) fn form_paste(model: &mut Model, text: &str) -> (Vec<Effect>, usize) {
    let form = &mut model.restore.form;
    let Some(edit) = form.edit() else { return (Vec::new(), 0) };
    let lost = edit.paste(text.trim_end_matches(['\n', '\r']));
    form.changed();
    (form_changed(model), lost)
}

/// Goes to the next line that is wrong.
pub fn next_wrong(model: &mut Model) -> Vec<Effect> {
    if let Some(line) = model.restore.editor.next_wrong() {
        model.restore.editor.go_to(line);
    }
    Vec::new()
}

/// Takes the last change of the list back.
pub fn undo(model: &mut Model) -> Vec<Effect> {
    if model.restore.editor.undo() {
        return batch_changed(model);
    }
    model.tell(Severity::Ok, "there is no change to take back");
    Vec::new()
}

/// Does it again.
pub fn redo(model: &mut Model) -> Vec<Effect> {
    if model.restore.editor.redo() {
        return batch_changed(model);
    }
    model.tell(Severity::Ok, "there is no change to do again");
    Vec::new()
}

/// Empties the list.
pub fn clear(model: &mut Model) -> Vec<Effect> {
    if !model.restore.editor.clear() {
        return Vec::new();
    }
    let key = model.keymap.first("batch.undo").unwrap_or_default();
    model.tell(Severity::Ok, format!("the list is empty; {key} brings it back"));
    batch_changed(model)
}

/// Asks for the file that a list is read from.
pub fn load(model: &mut Model) -> Vec<Effect> {
    file(model, "read requests from the file", Purpose::Load)
}

/// Asks for the file that the list is written to.
pub fn save(model: &mut Model) -> Vec<Effect> {
    file(model, "write the list to the file", Purpose::Save)
}

fn file(model: &mut Model, label: &str, purpose: Purpose) -> Vec<Effect> {
    let known = model.restore.file.as_ref().map(|path| path.to_string_lossy().into_owned());
    let draft = known.or_else(|| model.drafts.get("list-file").cloned()).unwrap_or_default();
    views::prompt(model, label.to_owned(), &draft, purpose);
    Vec::new()
}

/// A path was typed: the list is read from it, or written to it.
pub(super) fn submit_file(model: &mut Model, text: &str, purpose: &Purpose) -> Vec<Effect> {
    let path = match crate::console::overlay::file(text, model.setup.home.as_deref()) {
        Ok(path) => path,
        Err(why) => {
            if let Some(Overlay::Prompt(prompt)) = model.overlays.last_mut() {
                prompt.wrong = Some(why);
            }
            return Vec::new();
        }
    };
    model.overlays.pop();
    if *purpose == Purpose::Load {
        return vec![Effect::Load(path)];
    }
    // What it came from may be written over; anything else that is there stays.
    let replace = model.restore.file.as_ref() == Some(&path);
    vec![Effect::Save { path, text: model.restore.editor.to_check(), replace }]
}

/// Verdicts have come, or have all come. Those of an older text are not taken.
pub(super) fn looked_at(model: &mut Model, msg: Msg) {
    match msg {
        Msg::Verdicts(Written::Batch, page) => model.dirty |= model.restore.editor.adopt(page),
        Msg::Verdicts(Written::Form, page) if page.revision == model.restore.form.revision => {
            model.dirty = true;
            model.restore.form.verdict = page.verdicts.into_iter().next();
        }
        Msg::Checked(Written::Batch, revision, result) => model.dirty |= model.restore.editor.ended(revision, result),
        Msg::Checked(Written::Form, revision, Err(why)) if revision == model.restore.form.revision => {
            model.dirty = true;
            model.restore.form.wrong = Some(why);
        }
        _ => {}
    }
}
