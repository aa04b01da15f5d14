//! The benchmark: asked for, begun, watched, stopped.

use crate::base::Shown;
use crate::base::units::Count;
use crate::console::chord::Chord;
use crate::console::effect::{BenchAsk, Deed, Effect};
use crate::console::model::Model;
use crate::console::msg::BenchTold;
use crate::console::overlay::{Intent, Overlay, Seen};
use crate::console::tabs::redis::List;
use crate::console::tabs::redis::bench::{Form, Run};
use crate::console::update::deeds::{self, Question};
use crate::redis::bench::Work;
use crate::redis::read::ClusterRead;

/// What is waited for while a run goes on.
pub const ABOUT: &str = "the benchmark";

/// The cluster that the keys are about.
fn about(model: &Model) -> Option<&ClusterRead> {
    let selected = || {
        let name = model.redis.clusters.selected.as_ref().filter(|_| model.redis.list() == List::Clusters)?;
        model.redis.shown.as_ref()?.named(name)
    };
    model.redis.current().or_else(selected)
}

/// The cluster is marked as production.
pub fn not_here(model: &Model) -> Option<String> {
    if model.redis.bench.is_running() {
        return None;
    }
    let one = about(model).filter(|one| one.production)?;
    Some(format!("{} is marked as production (production = true): the benchmark keeps off it", Shown::text(&one.name)))
}

/// Opens the run that goes on, or the form.
pub fn open(model: &mut Model) -> Vec<Effect> {
    if model.redis.bench.is_running() {
        model.overlays.push(Overlay::Load { top: 0 });
        return Vec::new();
    }
    form(model);
    Vec::new()
}

fn form(model: &mut Model) {
    let one = about(model).cloned();
    let of = one.as_ref().map(|one| one.name.clone());
    // What was typed for this cluster is there again.
    if model.redis.bench.form.as_ref().is_none_or(|form| form.of != of) {
        model.redis.bench.form = Some(Form::over(one.as_ref()));
    }
    model.overlays.push(Overlay::Bench);
}

/// A key while the form is filled in; nothing: it is no text.
pub(super) fn key(model: &mut Model, chord: Chord) -> Option<Vec<Effect>> {
    let taken = model.redis.bench.form.as_mut()?.key(chord);
    taken.then(Vec::new)
}

/// Text pasted into the form; how much of it was lost, if it went anywhere.
pub(super) fn paste(model: &mut Model, text: &str) -> Option<usize> {
    Some(model.redis.bench.form.as_mut()?.edit()?.paste(text))
}

fn asked(model: &Model) -> Result<BenchAsk, String> {
    let form = model.redis.bench.form.as_ref().ok_or("nothing is asked for")?;
    form.ask(model.redis.newest.as_deref())
}

/// What is wrong with what is asked for, while it is typed.
pub fn wrong(model: &Model) -> Option<String> {
    asked(model).err()
}

/// Why a run cannot be begun.
pub fn not_to_start(model: &Model) -> Option<String> {
    if model.redis.bench.is_running() {
        return Some("one run goes on already".to_owned());
    }
    wrong(model)
}

/// Asks whether it is to be begun.
pub fn start(model: &mut Model) -> Vec<Effect> {
    let Ok(ask) = asked(model) else { return Vec::new() };
    let hosts: Vec<String> = ask.hosts.iter().map(ToString::to_string).collect();
    let over = match ask.work {
        Work::Transfer { accounts } => format!("{} accounts", Count(accounts.into())),
        Work::GetSet | Work::Trans => format!("{} keys", Count(ask.keys.into())),
    };
    let each = if ask.cluster { "each master of their cluster" } else { "each of them" };
    let object = vec![
        hosts.join(", "),
        format!(
            "{} with {} clients for {each}, {} s, over {over}, chosen by {}",
            ask.work.name(),
            Count(ask.clients.into()),
            ask.span.as_secs(),
            ask.choice.name()
        ),
    ];
    let effect = vec![
        "it takes all that these servers can give: whoever else uses them waits meanwhile".to_owned(),
        "keys that begin with firn-bench: are written and removed again; no other is touched".to_owned(),
    ];
    let intent = Intent::Deed { deed: Deed::Bench(Box::new(ask)), seen: Seen::Nothing };
    let title = "Run the benchmark".to_owned();
    deeds::ask(model, Question { title, object, effect, go: "start", bulk: false, intent });
    Vec::new()
}

/// It is begun: its picture takes the place of the form.
pub(super) fn begun(model: &mut Model, ask: &BenchAsk) {
    model.overlays.retain(|overlay| !matches!(overlay, Overlay::Bench));
    model.overlays.push(Overlay::Load { top: 0 });
    model.redis.bench.run = Some(Run::new(ask.clone()));
}

/// It tells how it goes.
pub(super) fn told(model: &mut Model, told: BenchTold) -> Vec<Effect> {
    model.dirty |= matches!(model.overlays.last(), Some(Overlay::Load { .. }));
    if let Some(run) = &mut model.redis.bench.run {
        run.told(told);
    }
    Vec::new()
}

/// It was answered: whatever it told, it goes on no more.
pub(super) fn answered(model: &mut Model, result: &Result<String, String>) {
    if let Some(run) = model.redis.bench.run.as_mut().filter(|run| run.ended.is_none()) {
        run.ended = Some(Err(match result {
            Ok(said) => format!("it ended without figures: {said}"),
            Err(why) => why.clone(),
        }));
    }
}

/// Nothing runs, or it is being stopped.
pub fn not_to_stop(model: &Model) -> Option<String> {
    match &model.redis.bench.run {
        Some(run) if run.ended.is_none() && run.stopping => Some("it is being stopped; keys are removed".to_owned()),
        Some(run) if run.ended.is_none() => None,
        _ => Some("it has ended".to_owned()),
    }
}

/// Stops it: what it has is told, and its keys are removed.
pub fn stop(model: &mut Model) -> Vec<Effect> {
    if let Some(run) = &mut model.redis.bench.run {
        run.stopping = true;
    }
    vec![Effect::BenchStop]
}

/// It goes on, or the cluster is none for it.
pub fn not_another(model: &Model) -> Option<String> {
    if model.redis.bench.is_running() {
        return Some("it goes on; stop it first".to_owned());
    }
    not_here(model)
}

/// Asks for another run.
pub fn another(model: &mut Model) -> Vec<Effect> {
    model.overlays.pop();
    form(model);
    Vec::new()
}
