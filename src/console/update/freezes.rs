//! The freeze of a replica: opened from its picture, asked for, watched, resumed.

use std::time::Duration;

use crate::base::{Shown, Time};
use crate::console::chord::{Chord, Press};
use crate::console::effect::{Deed, Effect, FreezeOf, Query};
use crate::console::model::Model;
use crate::console::overlay::{Intent, Overlay, Seen};
use crate::console::tabs::delay::freeze::{FreezeForm, FrozenView, Reading, Told, What, statement};
use crate::console::update::deeds::{self, Question};
use crate::console::update::moves;
use crate::console::widgets::line_edit::LineEdit;
use crate::delay::freeze::orders::NotNow;
use crate::delay::freeze::report;
use crate::delay::freeze::steps::Step;

/// A replica that may have to be frozen is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What is waited for while a replica is frozen.
pub fn about_freeze(replica: &str) -> String {
    format!("freeze of {}", Shown::text(replica))
}

/// While it is resumed.
pub fn about_resume(replica: &str) -> String {
    format!("resume of {}", Shown::text(replica))
}

/// While a step of it is ticked.
pub fn about_step(replica: &str, step: Step) -> String {
    format!("step {} of {}", step.word(), Shown::text(replica))
}

fn waits(model: &Model, about: &str) -> Option<String> {
    model.is_under_way(about).then(|| format!("{about}: it was asked for and has not been answered yet"))
}

fn form(model: &Model) -> Option<&FreezeForm> {
    // A question may lie over it.
    model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Freeze(form) => Some(&**form),
        _ => None,
    })
}

fn frozen(model: &Model) -> Option<&FrozenView> {
    // A question may lie over it.
    model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Frozen(view) => Some(&**view),
        _ => None,
    })
}

/// Opens the freeze of the replica that is looked at, or asks what statement is coming.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Replica(view)) = model.overlays.last() else { return Vec::new() };
    let name = view.name.clone();
    let is_frozen = model.delay.named(&name).is_some_and(|line| line.frozen.is_some());
    let overlay = if is_frozen {
        Overlay::Frozen(Box::new(FrozenView { name, reading: None, wrong: None, asked: None, selected: None }))
    } else {
        let edit = LineEdit::new(&model.delay.statement);
        Overlay::Freeze(Box::new(FreezeForm {
            name,
            edit,
            reading: None,
            wrong: None,
            asked: None,
            looked: false,
            top: 0,
        }))
    };
    model.overlays.push(overlay);
    want(model)
}

/// Asks how the replica stands that is being frozen, or may have to be.
pub(super) fn want(model: &mut Model) -> Vec<Effect> {
    let (now, read_only) = (model.state_now(), model.setup.read_only);
    let held = model.held.is_some();
    let under_way = form(model).is_some_and(|form| model.is_under_way(&about_freeze(&form.name)));
    let asked = model.overlays.iter_mut().rev().find_map(|overlay| match overlay {
        Overlay::Freeze(form) if form.asked.is_none() => {
            // What is known comes first; then it is looked at, every so often.
            let known = form.reading.as_ref();
            let due = known
                .is_none_or(|known| under_way || (!form.looked && !read_only) || now.since(known.at) >= LOOK_EVERY);
            let look = known.is_some() && !read_only && !under_way;
            let query = Query::Freeze { name: form.name.clone(), look, ended: false };
            (due && !(held && known.is_some())).then(|| form.asked.insert(query).clone())
        }
        Overlay::Frozen(view) if view.asked.is_none() && !(held && view.reading.is_some()) => {
            let query = Query::Freeze { name: view.name.clone(), look: false, ended: true };
            Some(view.asked.insert(query).clone())
        }
        _ => None,
    });
    asked.map(Effect::Ask).into_iter().collect()
}

/// It was read how a replica stands.
pub(super) fn read(model: &mut Model, query: &Query, result: Result<Box<Reading>, String>) -> Vec<Effect> {
    let Query::Freeze { look, .. } = query else { return Vec::new() };
    for overlay in model.overlays.iter_mut().rev() {
        match overlay {
            Overlay::Freeze(form) if form.asked.as_ref() == Some(query) => {
                form.asked = None;
                match result {
                    Ok(reading) if reading.record.is_some() => {
                        // It is being frozen: from here, or by somebody else.
                        let (name, wrong, asked) = (form.name.clone(), None, None);
                        let view = FrozenView { name, reading: Some(reading), wrong, asked, selected: None };
                        *overlay = Overlay::Frozen(Box::new(view));
                    }
                    Ok(mut reading) => {
                        form.looked |= *look;
                        if reading.facts.is_none() {
                            reading.facts = form.reading.take().and_then(|known| known.facts);
                        }
                        (form.reading, form.wrong) = (Some(reading), None);
                    }
                    Err(why) => form.wrong = Some(why),
                }
                break;
            }
            Overlay::Frozen(view) if view.asked.as_ref() == Some(query) => {
                view.asked = None;
                match result {
                    Ok(reading) => (view.reading, view.wrong) = (Some(reading), None),
                    Err(why) => view.wrong = Some(why),
                }
                break;
            }
            _ => {}
        }
    }
    Vec::new()
}

/// A key while the statement is typed; nothing: it is no text.
pub(super) fn key(model: &mut Model, chord: Chord) -> Option<Vec<Effect>> {
    let plain = !chord.ctrl && !chord.alt;
    match (chord.press, plain) {
        (Press::Up, true) => return Some(moves::up(model)),
        (Press::Down, true) => return Some(moves::down(model)),
        (Press::PageUp, true) => return Some(moves::page_up(model)),
        (Press::PageDown, true) => return Some(moves::page_down(model)),
        _ => {}
    }
    let Some(Overlay::Freeze(form)) = model.overlays.last_mut() else { return None };
    let taken = form.edit.key(chord);
    if taken {
        typed(model);
    }
    taken.then(Vec::new)
}

/// The statement has changed: it is there again where another replica is to be frozen.
pub(super) fn typed(model: &mut Model) {
    if let Some(Overlay::Freeze(form)) = model.overlays.last_mut() {
        form.top = 0;
        form.edit.text().clone_into(&mut model.delay.statement);
    }
}

/// Why the replica cannot be frozen: the statement cannot be read, nobody may stop it, or it is under way.
pub fn not_to_freeze(model: &Model) -> Option<String> {
    let Some(form) = form(model) else { return Some("no replica is to be frozen here".to_owned()) };
    if let Err(why) = statement(form.edit.text()) {
        return Some(why);
    }
    let cannot = form.reading.as_ref().and_then(|reading| reading.cannot.clone());
    cannot.or_else(|| waits(model, &about_freeze(&form.name)))
}

/// Asks whether it is to be frozen.
pub fn go(model: &mut Model) -> Vec<Effect> {
    let now = model.state_now();
    let Some(form) = form(model) else { return Vec::new() };
    let Ok(statement) = statement(form.edit.text()) else { return Vec::new() };
    let name = form.name.clone();
    let reading = form.reading.as_deref();
    let mut said = format!("statement {}", statement.words());
    let line = reading.and_then(|reading| reading.line.as_ref()).filter(|_| !statement.is_unknown());
    if let Some(line) = line {
        let found = report::prospect(&statement, line, now);
        said = format!("{said}: {}", found.answer.applied);
    }
    let object = vec![Shown::text(&name).to_string(), said];
    let effect = vec![
        "the SQL thread is stopped first, then the IO thread; until it is resumed it is kept stopped".to_owned(),
        "its delay grows meanwhile, and nothing that is received is applied".to_owned(),
    ];
    let facts = reading.and_then(|reading| reading.facts.clone());
    let deed = Deed::Freeze(Box::new(FreezeOf { replica: name.clone(), statement, facts }));
    let intent = Intent::Deed { deed, seen: Seen::Nothing };
    let title = "Freeze a replica".to_owned();
    deeds::ask_name(model, Question { title, object, effect, go: "freeze", bulk: true, intent }, &name);
    Vec::new()
}

/// The freeze that is looked at, while it is open.
fn open_one(model: &Model) -> Result<&FrozenView, String> {
    let view = frozen(model).ok_or("no freeze is looked at")?;
    match view.record() {
        None => Err("it is being read; wait".to_owned()),
        Some(record) if record.is_over() => Err("the freeze is over".to_owned()),
        Some(_) => Ok(view),
    }
}

/// The selected recovery step.
fn step(view: &FrozenView, now: Time) -> Option<(Step, bool)> {
    match view.line(now)?.what {
        What::Step(step, done) => Some((step, done)),
        _ => None,
    }
}

/// No step is selected, or its tick is under way.
pub fn not_to_tick(model: &Model) -> Option<String> {
    match open_one(model).map(|view| (view, step(view, model.state_now()))) {
        Err(why) => Some(why),
        Ok((_, None)) => Some("select a recovery step (with the arrow keys)".to_owned()),
        Ok((view, Some((step, _)))) => waits(model, &about_step(&view.name, step)),
    }
}

/// Ticks the selected step. That of the promotion asks: nothing is watched after it, and all is stopped when it is taken
/// back.
pub fn tick(model: &mut Model) -> Vec<Effect> {
    let now = model.state_now();
    let Some(view) = frozen(model) else { return Vec::new() };
    let (name, Some((step, done))) = (view.name.clone(), step(view, now)) else { return Vec::new() };
    let deed = Deed::FreezeTick { replica: name.clone(), step, done: !done };
    if step != Step::Promoted && !model.setup.production {
        return deeds::execute(model, deed, &Seen::Nothing);
    }
    let effect = match (step, done) {
        (Step::Promoted, false) => "from now on nobody watches that it stands, and nothing is started there",
        (Step::Promoted, true) => "both its threads are stopped, and it is proven anew that it stands",
        (_, false) => "it is entered as done now, by you",
        (_, true) => "its tick is taken back",
    };
    let title = if done { "Take a step back" } else { "Tick a step" };
    let question = Question {
        title: title.to_owned(),
        object: vec![Shown::text(&name).to_string(), step.words().to_owned()],
        effect: vec![effect.to_owned()],
        go: if done { "take back" } else { "tick" },
        bulk: false,
        intent: Intent::Deed { deed, seen: Seen::Nothing },
    };
    if step == Step::Promoted {
        deeds::ask_name(model, question, &name);
    } else {
        deeds::ask(model, question);
    }
    Vec::new()
}

/// It is not read, is over, was promoted, or nobody may start it.
pub fn not_to_resume(model: &Model) -> Option<String> {
    let view = match open_one(model) {
        Err(why) => return Some(why),
        Ok(view) => view,
    };
    let promoted = view.record().is_some_and(|record| record.ticked(Step::Promoted).is_some());
    if promoted {
        return Some(NotNow::Promoted(Shown::text(&view.name).to_string()).to_string());
    }
    let cannot = view.reading.as_ref().and_then(|reading| reading.cannot.clone());
    cannot.or_else(|| waits(model, &about_resume(&view.name)))
}

/// Asks whether it is to go on for good.
pub fn resume(model: &mut Model) -> Vec<Effect> {
    let now = model.state_now();
    let Some(view) = frozen(model) else { return Vec::new() };
    let (name, Some(record)) = (view.name.clone(), view.record()) else { return Vec::new() };
    let line = view.reading.as_ref().and_then(|reading| reading.line.as_ref());
    let sight = record.last.clone().unwrap_or_default();
    let (mut effect, _) = report::resume_lines(record, &sight, record.facts.as_ref(), line, now);
    // What would be applied is read first.
    effect.reverse();
    effect.push("the IO thread is started, then the SQL thread; nobody keeps it stopped any more".to_owned());
    let question = Question {
        title: "Resume a replica".to_owned(),
        object: vec![Shown::text(&name).to_string()],
        effect,
        go: "resume",
        bulk: true,
        intent: Intent::Deed { deed: Deed::Resume(name.clone()), seen: Seen::Nothing },
    };
    deeds::ask_name(model, question, &name);
    Vec::new()
}

/// What is copied of a freeze: the selected line.
pub(super) fn copied(view: &FrozenView, now: Time) -> String {
    match view.line(now) {
        Some(Told { what: What::Command(text), .. }) => text,
        Some(line) => line.text,
        None => view.name.clone(),
    }
}

/// All there is about it.
pub(super) fn all(view: &FrozenView, now: Time) -> String {
    let reading = view.reading.as_ref();
    let record = reading.and_then(|reading| reading.record.as_deref().map(|record| (record, reading.line.clone())));
    record.map_or_else(|| view.name.clone(), |(record, line)| report::lines(record, line, now).join("\n"))
}
