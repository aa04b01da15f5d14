//! Jobs that hold a replica up (backups, deshards): begun and ended from here, so that the judge knows of them.

use std::time::Duration;

use crate::base::{Shown, Time};
use crate::console::effect::{Deed, Effect, JobOf};
use crate::console::format;
use crate::console::model::Model;
use crate::console::overlay::{Intent, JobChoice, JobsView, Overlay, Seen};
use crate::console::tabs::TabId;
use crate::console::update::deeds::{self, Question};
use crate::console::update::restores;
use crate::delay::snapshot::ReplicaLine;
use crate::store::server_of;

/// The replica that the keys are about.
fn about(model: &Model) -> Option<&ReplicaLine> {
    match model.beneath() {
        Some(Overlay::Replica(view)) => model.delay.named(&view.name),
        None if model.tab == TabId::Delay => model.delay.selected(),
        _ => None,
    }
}

/// What can be begun or ended on a replica: each class it knows, and whatever else runs there.
fn choices(line: &ReplicaLine) -> Vec<JobChoice> {
    let mut jobs: Vec<(&str, Time)> =
        line.jobs.iter().filter(|job| job.end.is_none()).map(|job| (job.class.as_str(), job.start)).collect();
    let running = |class: &str, jobs: &mut Vec<(&str, Time)>| {
        let at = jobs.iter().position(|(running, _)| *running == class)?;
        Some(jobs.remove(at).1)
    };
    let mut choices: Vec<JobChoice> = line
        .limits
        .jobs
        .iter()
        .map(|class| JobChoice {
            class: class.name.clone(),
            running: running(&class.name, &mut jobs),
            longest: Some(class.longest),
        })
        .collect();
    choices.extend(jobs.into_iter().map(|(class, start)| JobChoice {
        class: class.to_owned(),
        running: Some(start),
        longest: None,
    }));
    // What runs is what one comes for.
    choices.sort_by_key(|choice| choice.running.is_none());
    choices
}

/// The console may change nothing, no replica is selected, or it has no class of jobs.
pub fn no_jobs(model: &Model) -> Option<String> {
    if let Some(why) = restores::not_here(model) {
        return Some(why);
    }
    match about(model) {
        None => Some("select a replica first (with the arrow keys)".to_owned()),
        Some(line) if choices(line).is_empty() => Some("it has no class of jobs (delay.jobs)".to_owned()),
        Some(_) => None,
    }
}

/// Asks which job begins or ends.
pub fn jobs(model: &mut Model) -> Vec<Effect> {
    let Some(line) = about(model) else { return Vec::new() };
    // Channels of a server are held up together.
    let replica = server_of(&line.name).to_owned();
    let channel = (line.name != replica).then(|| line.name.clone());
    let view = JobsView { replica, channel, choices: choices(line), selected: 0 };
    model.overlays.push(Overlay::Jobs(Box::new(view)));
    Vec::new()
}

/// The choice that is selected, and the replica.
fn chosen(model: &Model) -> Option<(&JobsView, &JobChoice)> {
    let Some(Overlay::Jobs(view)) = model.beneath() else { return None };
    Some((view, view.choices.get(view.selected)?))
}

/// Nothing is selected, or it was asked for already.
pub fn not_to_pick(model: &Model) -> Option<String> {
    let Some((view, choice)) = chosen(model) else {
        return Some("nothing is selected: the list is empty".to_owned());
    };
    let about = about_job(&view.replica, &choice.class);
    model.is_under_way(&about).then(|| format!("{about}: it was asked for and has not been answered yet"))
}

/// What is waited for while a job begins or ends.
pub fn about_job(replica: &str, class: &str) -> String {
    format!("{} on {}", Shown::text(class), Shown::text(replica))
}

/// A span in words, or that there is none.
fn at_most(longest: Option<Duration>) -> String {
    longest.map_or_else(|| "no limit".to_owned(), |longest| format!("at most {}", format::span(Some(longest))))
}

/// A choice in words: what would be done, and what is to be known of it.
pub fn words(choice: &JobChoice, now: Time) -> (String, String) {
    let class = Shown::text(&choice.class).to_string();
    match choice.running {
        None => (format!("start {class}"), at_most(choice.longest)),
        Some(start) => {
            let ran = format::age(now, Some(start));
            (format!("end {class}"), format!("it has run for {ran}, {}", at_most(choice.longest)))
        }
    }
}

/// Asks whether the selected job is to begin or to end.
pub fn pick(model: &mut Model) -> Vec<Effect> {
    let Some((view, choice)) = chosen(model) else { return Vec::new() };
    let (replica, channel, choice) = (view.replica.clone(), view.channel.clone(), choice.clone());
    let now = model.delay.now().unwrap_or(model.now);
    let recovery = model.delay.shown.as_ref().and_then(|snapshot| {
        snapshot.replicas.iter().find(|line| server_of(&line.name) == replica).map(|line| line.limits.max_recovery_time)
    });
    let job = JobOf { replica: replica.clone(), channel, class: choice.class.clone() };
    let (class, shown) = (Shown::text(&choice.class).to_string(), Shown::text(&replica).to_string());
    let (title, go, effect, deed) = match choice.running {
        None => {
            let excuse = match choice.longest {
                Some(longest) => format!(
                    "for {} at most a delay out of bounds there, and a SQL thread that stands, is WARNING and no alarm",
                    format::span(Some(longest))
                ),
                None => "its class has no limit, and excuses nothing".to_owned(),
            };
            let effect = vec![excuse, "nothing is started there: this only tells firn that it runs".to_owned()];
            (format!("Start {class}"), "start", effect, Deed::JobStart(job))
        }
        Some(start) => {
            let mut effect =
                vec![format!("it has run for {}; nothing is stopped there", format::age(now, Some(start)))];
            if let Some(recovery) = recovery {
                effect.push(format!("from now on the delay has {} to recover in", format::span(Some(recovery))));
            }
            (format!("End {class}"), "end", effect, Deed::JobEnd(job))
        }
    };
    // The list was right when it was opened; the question takes its place.
    model.overlays.pop();
    let intent = Intent::Deed { deed, seen: Seen::Nothing };
    deeds::ask(model, Question { title, object: vec![format!("{class} on {shown}")], effect, go, bulk: false, intent });
    Vec::new()
}

/// A choice was moved to.
pub(super) fn step(view: &mut JobsView, by: isize) {
    view.selected = view.selected.saturating_add_signed(by).min(view.choices.len().saturating_sub(1));
}
