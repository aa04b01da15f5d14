//! Actions that change something: why they cannot be done, what they ask first, and what they then do.

use std::time::Duration;

use crate::backup::snapshot::gather::{NOBODY_RESTORES, NOBODY_WORKS, POOL_STANDS};
use crate::base::ids::FileId;
use crate::base::units::{Count, Span};
use crate::base::{Severity, Shown};
use crate::console::effect::{Deed, Effect};
use crate::console::model::{CONSOLE_STATE, CONSOLE_WORKERS, Model, REDIS_HERE};
use crate::console::overlay::{Confirm, Focus, Intent, Overlay, Purpose, Seen};
use crate::console::tabs::backup::{Pane, RowId};
use crate::console::update::{freezes, load, orders, pools, restores, views, windows};
use crate::console::widgets::line_edit::LineEdit;

/// A finding is acknowledged for this long; then it alarms again.
pub const ACK_FOR: Duration = Duration::from_hours(4);

/// Findings that nobody wrote into the state: they are what is seen at the moment.
const SEEN_HERE: [&str; 6] = [NOBODY_WORKS, NOBODY_RESTORES, POOL_STANDS, CONSOLE_WORKERS, CONSOLE_STATE, REDIS_HERE];

/// More files than this are many.
const MANY: usize = 20;

// --- why not ------------------------------------------------------------------------------------------------------

/// No failed file is selected.
pub fn no_failure(model: &Model) -> Option<String> {
    if chosen(model).is_empty() {
        return Some("select a failed file first (the list Failures, with the arrow keys)".to_owned());
    }
    model.is_under_way(RETRY).then(|| "the retry before has not been answered yet".to_owned())
}

/// No file has failed.
pub fn no_failures(model: &Model) -> Option<String> {
    match failed(model) {
        None => Some("the state has not been read yet".to_owned()),
        Some(0) => Some("no file has failed".to_owned()),
        Some(_) => model.is_under_way(RETRY).then(|| "the retry before has not been answered yet".to_owned()),
    }
}

/// Nothing that a vault holds is selected.
pub fn nothing_to_restore(model: &Model) -> Option<String> {
    if let Some(why) = restores::not_here(model) {
        return Some(why);
    }
    let none = views::to_restore(model).is_none();
    none.then(|| "select a bundle or a file first; `f` finds any file".to_owned())
}

fn about_finding(rule: &str, object: &str) -> String {
    format!("acknowledge {rule} {}", Shown::text(object))
}

/// There is no finding to acknowledge.
pub fn no_finding(model: &Model) -> Option<String> {
    let Some(Overlay::Findings { selected: Some((rule, object)) }) = model.beneath() else {
        return Some("there is no open finding".to_owned());
    };
    if SEEN_HERE.contains(&rule.as_str()) {
        return Some("it is what this report sees now, and goes when it no longer holds".to_owned());
    }
    let found = model.findings().iter().find(|row| row.rule == *rule && row.object == *object);
    match found {
        None => Some("it no longer holds".to_owned()),
        Some(row) if model.is_quiet(row) => {
            row.ack_until.map(|until| format!("it is acknowledged until {until} already"))
        }
        Some(_) => {
            let asked = model.is_under_way(&about_finding(rule, object));
            asked.then(|| "it was asked for and has not been answered yet".to_owned())
        }
    }
}

// --- what they do -------------------------------------------------------------------------------------------------

const RETRY: &str = "retry";

/// What is asked before something is done.
pub struct Question {
    /// What it is called.
    pub title: String,
    /// What it is about.
    pub object: Vec<String>,
    /// What will happen.
    pub effect: Vec<String>,
    /// The word on the button, and to be typed.
    pub go: &'static str,
    /// It is about many.
    pub bulk: bool,
    /// What is then done.
    pub intent: Intent,
}

/// Asks, with Cancel focused. In bulk and in production a word must be typed.
pub fn ask(model: &mut Model, question: Question) {
    put(model, model.overlays.len(), question, true);
}

/// Asks, and wants a name typed whatever the environment is.
pub fn ask_name(model: &mut Model, question: Question, name: &str) {
    ask(model, question);
    if let Some(Overlay::Confirm(confirm)) = model.overlays.last_mut() {
        confirm.word = Some(Shown::text(name).to_string());
    }
}

/// Asks in that place of the stack. It comes when it comes: keys that were meant for something else are not for it.
pub fn ask_late(model: &mut Model, at: usize, question: Question) {
    put(model, at, question, false);
}

fn put(model: &mut Model, at: usize, question: Question, seen: bool) {
    let typed = question.bulk || model.setup.production;
    let mut object = question.object;
    object.retain(|line| !line.is_empty());
    if model.setup.production {
        object.push(format!("in {}, which is PRODUCTION", model.setup.environment));
    }
    let confirm = Confirm {
        title: question.title,
        object,
        effect: question.effect,
        go: question.go,
        word: typed.then(|| question.go.to_owned()),
        typed: LineEdit::default(),
        focus: Focus::Cancel,
        intent: question.intent,
        seen,
    };
    model.overlays.insert(at, Overlay::Confirm(Box::new(confirm)));
}

/// Failed files that are meant.
fn chosen(model: &Model) -> Vec<FileId> {
    match model.beneath() {
        Some(Overlay::Details(view)) => match view.query {
            crate::console::effect::Query::File(file) => {
                let failed = view.details.as_ref().is_some_and(|details| details.failed);
                failed.then_some(file).into_iter().collect()
            }
            _ => Vec::new(),
        },
        None if model.backup.pane == Pane::Failures => {
            model.backup.chosen_failures().iter().map(|row| row.row.file).collect()
        }
        _ => Vec::new(),
    }
}

/// How many files have failed, counted up to a limit.
fn failed(model: &Model) -> Option<u64> {
    model.newest.as_ref().map(|snapshot| snapshot.lanes.iter().map(|lane| lane.failed).sum())
}

/// Tries the selected or marked files now.
pub fn retry(model: &mut Model) -> Vec<Effect> {
    let files = chosen(model);
    let count = files.len();
    let in_list = model.beneath().is_none();
    let shown = |file: &FileId| model.backup.failures.ids.contains(&RowId::File(*file));
    let hidden = if in_list { files.iter().filter(|file| !shown(file)).count() } else { 0 };
    let seen = if in_list { Seen::Failed(files.clone()) } else { Seen::Nothing };
    let deed = Deed::Retry(Some(files));
    if count <= MANY && hidden == 0 && !model.setup.production {
        return execute(model, deed, &seen);
    }
    let mut object = vec![files_of(count)];
    if hidden > 0 {
        object.push(format!("{hidden} of them are marked and hidden by the filter"));
    }
    let question = Question {
        title: "Retry failed files".to_owned(),
        object,
        effect: vec!["they are due at once; their attempts go on being counted".to_owned()],
        go: "retry",
        bulk: count > MANY,
        intent: Intent::Deed { deed, seen },
    };
    ask(model, question);
    Vec::new()
}

fn files_of(count: usize) -> String {
    crate::console::format::files(count as u64)
}

/// Tries all failed files now.
pub fn retry_all(model: &mut Model) -> Vec<Effect> {
    let count = failed(model).unwrap_or(0);
    let at_least = if count >= crate::store::COUNTED_UP_TO { "at least " } else { "" };
    let question = Question {
        title: "Retry all failed files".to_owned(),
        object: vec![format!("{at_least}{} files", Count(count))],
        effect: vec!["all are due at once, on every host; live files still go first".to_owned()],
        go: "retry",
        bulk: true,
        intent: Intent::Deed { deed: Deed::Retry(None), seen: Seen::Nothing },
    };
    ask(model, question);
    Vec::new()
}

/// Asks where to restore into.
pub fn restore(model: &mut Model) -> Vec<Effect> {
    let Some((what, name)) = views::to_restore(model) else { return Vec::new() };
    let known = model.drafts.get("restore-into").cloned();
    let into = known.unwrap_or_else(|| model.setup.restore_into.clone());
    let label = format!("restore {name} into the folder");
    views::prompt(model, label, &into, Purpose::RestoreInto { what, name });
    Vec::new()
}

/// Acknowledges the selected finding.
pub fn ack(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Findings { selected: Some((rule, object)) }) = model.overlays.last() else { return Vec::new() };
    let until = model.state_now().plus(ACK_FOR);
    let deed = Deed::Ack { rule: rule.clone(), object: object.clone(), until };
    if !model.setup.production {
        return execute(model, deed, &Seen::Nothing);
    }
    let question = Question {
        title: "Acknowledge a finding".to_owned(),
        object: vec![format!("{rule} {}", Shown::text(object))],
        effect: vec![format!("it is quiet for {}, then it alarms again", Span(ACK_FOR))],
        go: "acknowledge",
        bulk: false,
        intent: Intent::Deed { deed, seen: Seen::Nothing },
    };
    ask(model, question);
    Vec::new()
}

// --- carried out --------------------------------------------------------------------------------------------------

/// Looks once more whether what was seen still holds, and asks the state for it.
pub fn execute(model: &mut Model, deed: Deed, seen: &Seen) -> Vec<Effect> {
    if model.setup.read_only {
        model.tell(Severity::Warning, "this console is read-only; nothing was done");
        return Vec::new();
    }
    if let Some(why) = changed(model, seen) {
        model.tell(Severity::Warning, format!("{why} meanwhile; nothing was done, look again"));
        return Vec::new();
    }
    let about = match &deed {
        Deed::Bench(_) => load::ABOUT.to_owned(),
        Deed::Redis(act) => orders::about_act(act),
        Deed::Seal(_) => pools::SEAL.to_owned(),
        Deed::Order(change) => pools::about(&change.pool, &change.host),
        Deed::Retry(_) => RETRY.to_owned(),
        Deed::Ack { rule, object, .. } => about_finding(rule, object),
        Deed::Confirm { plan, .. } => restores::about_confirm(*plan),
        Deed::Cancel(plan) => restores::about_cancel(*plan),
        Deed::Faster(faster) => restores::about_faster(faster.plan),
        Deed::Again(plan) => restores::about_again(*plan),
        Deed::Drop(plan) => restores::about_drop(*plan),
        Deed::JobStart(job) | Deed::JobEnd(job) => windows::about_job(&job.replica, &job.class),
        Deed::Freeze(of) => freezes::about_freeze(&of.replica),
        Deed::Resume(replica) => freezes::about_resume(replica),
        Deed::FreezeTick { replica, step, .. } => freezes::about_step(replica, *step),
    };
    if model.is_under_way(&about) {
        model.tell(Severity::Warning, format!("{about}: it was asked for and has not been answered yet"));
        return Vec::new();
    }
    let ticket = model.ticket(about);
    match &deed {
        Deed::Retry(Some(_)) => model.backup.failures.marks.clear(),
        Deed::Confirm { plan, .. } => restores::carried_out(model, *plan),
        Deed::Bench(ask) => load::begun(model, ask),
        _ => {}
    }
    vec![Effect::Do(ticket, deed)]
}

fn changed(model: &Model, seen: &Seen) -> Option<String> {
    let snapshot = model.newest.as_ref();
    match seen {
        Seen::Nothing => None,
        Seen::Plan(plan, state) => restores::changed(model, *plan, *state),
        Seen::Node(seen) => orders::changed(model, seen),
        Seen::Pool { host, pool, generation } => {
            let row = snapshot.and_then(|snapshot| {
                snapshot.pools.iter().find(|row| row.host == *host && row.pool == *pool && row.alive)
            });
            match row {
                None => Some(format!("the pool {} of {} has gone", Shown::text(pool), Shown::text(host))),
                Some(row) if row.order.as_ref().map(|order| order.generation.0) != *generation => {
                    let who = row.order.as_ref().map_or("somebody", |order| order.who.as_str());
                    Some(format!("{} gave the pool {} another order", Shown::text(who), Shown::text(pool)))
                }
                Some(_) => None,
            }
        }
        Seen::Failed(files) => {
            let known = |file: &FileId| model.backup.failed_rows.iter().any(|row| row.row.file == *file);
            (!files.iter().all(known)).then(|| "the failed files have changed".to_owned())
        }
    }
}
