//! Actions of the Restore tab: requests as they are written, plans as they are priced, confirmed, cancelled, retried.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::base::Severity;
use crate::base::Shown;
use crate::base::ids::PlanId;
use crate::base::units::Count;
use crate::console::effect::{Deed, Effect, Query, Wanted};
use crate::console::format;
use crate::console::model::Model;
use crate::console::msg::Reply;
use crate::console::overlay::{DetailsView, Intent, Overlay, Purpose, Seen, Waiting};
use crate::console::tabs::TabId;
use crate::console::tabs::restore::Pane;
use crate::console::tabs::restore::about::{ListOf, PlanList};
use crate::console::tabs::restore::quotes::{Quotes, question};
use crate::console::tabs::restore::rows::wanted;
use crate::console::tabs::restore::state::plan_id;
use crate::console::update::deeds::{self, Question};
use crate::console::update::written::{batch_paste, keep};
use crate::restore::ask::quoted;
use crate::restore::snapshot::PlanLine;
use crate::restore::view::DraftView;
use crate::store::{PlanRow, PlanState, RetrievalState};

/// More files than this are many.
const MANY: u64 = 20;

/// Where to, for lines that do not say.
pub fn default_dest(model: &Model) -> Option<String> {
    let folder = model.setup.restore_into.trim_end_matches('/');
    (!folder.is_empty()).then(|| format!("file:{folder}/"))
}

// --- why not ------------------------------------------------------------------------------------------------------

/// Nothing is asked for from a console that may change nothing.
pub fn not_here(model: &Model) -> Option<String> {
    model.setup.read_only.then(|| "this console is read-only ([console] read_only, or --read-only)".to_owned())
}

/// The plan that the keys are about.
fn about(model: &Model) -> Option<PlanId> {
    match model.beneath() {
        Some(Overlay::Plan(view)) => match view.query {
            Query::Plan(plan) => Some(plan),
            _ => None,
        },
        Some(Overlay::Rows(list)) => Some(list.plan),
        None if model.tab == TabId::Restore => model.restore.selected_plan(),
        Some(_) | None => None,
    }
}

pub(super) fn selected(model: &Model) -> Result<&PlanLine, String> {
    let plan = about(model).ok_or("select a plan first (the list Plans, with the arrow keys)")?;
    model.restore.newest_plan(plan).ok_or_else(|| format!("plan {plan} has not been read"))
}

/// No plan is selected.
pub fn no_plan(model: &Model) -> Option<String> {
    selected(model).err()
}

pub(super) fn under_way(model: &Model, plan: PlanId) -> Option<String> {
    let asked =
        [about_choose, about_confirm, about_cancel, about_drop, about_faster, about_again].map(|about| about(plan));
    let asked = asked.iter().find(|about| model.is_under_way(about));
    asked.map(|about| format!("{about}: it was asked for and has not been answered yet"))
}

/// What a plan that was confirmed says of itself.
pub fn confirmed(row: &PlanRow) -> String {
    let by = row
        .confirmed
        .as_ref()
        .map_or_else(String::new, |(who, at)| format!("; it was confirmed by {} at {at}", Shown::text(who)));
    format!("plan {} is {}{by}", row.id, row.state.word())
}

/// The selected plan does not wait to be confirmed.
pub fn not_to_confirm(model: &Model) -> Option<String> {
    let line = match selected(model) {
        Ok(line) => line,
        Err(why) => return Some(why),
    };
    if line.row.state != PlanState::Planned || line.row.totals.is_none() {
        return Some(confirmed(&line.row));
    }
    under_way(model, line.row.id)
}

/// The selected plan cannot be stopped.
pub fn not_to_cancel(model: &Model) -> Option<String> {
    let row = match selected(model) {
        Ok(line) => &line.row,
        Err(why) => return Some(why),
    };
    match row.state {
        PlanState::Draft | PlanState::Planned | PlanState::Running => under_way(model, row.id),
        _ => Some(format!("plan {} is {}; there is nothing to stop", row.id, row.state.word())),
    }
}

/// Nothing of the selected plan is held up.
pub fn nothing_held(model: &Model) -> Option<String> {
    match selected(model) {
        Ok(line) if line.held.is_none() => Some(format!("nothing of plan {} is held up", line.row.id)),
        Ok(line) => under_way(model, line.row.id),
        Err(why) => Some(why),
    }
}

/// Files of a plan that were wanted and are not there.
fn missing(row: &PlanRow) -> u64 {
    match row.state {
        PlanState::Running => row.failed.max(row.parts_stopped),
        PlanState::Ended | PlanState::Cancelled => {
            wanted(row).unwrap_or(0).saturating_sub(row.delivered).max(row.failed)
        }
        _ => 0,
    }
}

/// Nothing of the selected plan failed.
pub fn nothing_to_retry(model: &Model) -> Option<String> {
    if let Some(why) = not_here(model) {
        return Some(why);
    }
    let row = match selected(model) {
        Ok(line) => &line.row,
        Err(why) => return Some(why),
    };
    if missing(row) == 0 {
        return Some(format!("nothing of plan {} failed or was left out", row.id));
    }
    None
}

/// The tier that is looked at cannot be confirmed.
pub fn not_to_choose(model: &Model) -> Option<String> {
    if let Some(why) = not_here(model) {
        return Some(why);
    }
    let Some(Overlay::Quotes(quotes)) = model.beneath() else { return Some("there is no plan to confirm".to_owned()) };
    quotes.refused().or_else(|| under_way(model, quotes.view.plan))
}

/// There is no other tier.
pub fn one_tier(model: &Model) -> Option<String> {
    match model.beneath() {
        Some(Overlay::Quotes(quotes)) if quotes.view.quotes.len() > 1 => None,
        _ => Some("there is no other tier".to_owned()),
    }
}

// --- planned ------------------------------------------------------------------------------------------------------

pub(super) fn wait(model: &mut Model, label: String, query: Query) -> Vec<Effect> {
    model.overlays.push(Overlay::Waiting(Box::new(Waiting { label, query: query.clone() })));
    vec![Effect::Ask(query)]
}

/// The answer to a query has come, and nobody waits for it any more: where in the stack that stood, for what takes its
/// place there. Nothing, when nobody waited. (Help may lie over it.)
pub(super) fn waited(model: &mut Model, query: &Query) -> Option<usize> {
    let waits = |overlay: &Overlay| matches!(overlay, Overlay::Waiting(waiting) if waiting.query == *query);
    let at = model.overlays.iter().rposition(waits)?;
    model.overlays.remove(at);
    Some(at)
}

/// Prices the list.
pub fn plan_batch(model: &mut Model) -> Vec<Effect> {
    let mut effects = keep(model, true);
    let text: Arc<str> = model.restore.editor.to_check();
    let label = format!("putting a plan together of {} lines …", Count(model.restore.editor.lines().len() as u64));
    let dest = default_dest(model);
    effects.extend(wait(model, label, Query::Draft { text, dest, tier: None }));
    effects
}

/// Prices the request of the form.
pub fn plan_form(model: &mut Model) -> Vec<Effect> {
    let form = &model.restore.form;
    let (line, tier) = (form.line(), form.wished());
    let label = format!("putting a plan together of {} …", Shown::text(&line));
    let dest = default_dest(model);
    wait(model, label, Query::Draft { text: line.into(), dest, tier })
}

/// Prices what is selected elsewhere, to go into a folder.
pub(super) fn plan_into(model: &mut Model, what: &Wanted, name: &str, into: &Path) -> Vec<Effect> {
    let source = match what {
        Wanted::Archive(uuid) => format!("archive:{uuid}"),
        Wanted::File(file) => format!("version:{file}"),
    };
    let folder = [b"file:", into.as_os_str().as_bytes(), b"/"].concat();
    let text = format!("{source} {}", quoted(&folder));
    let label = format!("putting a plan together of {name} …");
    wait(model, label, Query::Draft { text: text.into(), dest: None, tier: None })
}

/// A draft has come. What nobody waits for any more is thrown away again.
pub(super) fn drafted(model: &mut Model, query: &Query, result: Result<Box<DraftView>, String>) -> Vec<Effect> {
    let Some(at) = waited(model, query) else {
        let Ok(view) = result else { return Vec::new() };
        return drop_draft(model, view.plan);
    };
    match result {
        Ok(view) => {
            let wished = if let Query::Draft { tier, .. } = query { *tier } else { None };
            model.overlays.insert(at, Overlay::Quotes(Box::new(Quotes::new(*view, wished))));
        }
        Err(why) => {
            match model.overlays[..at].last_mut() {
                Some(Overlay::Form) => model.restore.form.wrong = Some(why.clone()),
                Some(Overlay::Batch) => model.restore.editor.wrong = Some(why.clone()),
                Some(Overlay::Prompt(prompt)) => prompt.wrong = Some(why.clone()),
                _ => {}
            }
            model.tell(Severity::Critical, format!("no plan: {why}"));
        }
    }
    Vec::new()
}

fn drop_draft(model: &mut Model, plan: PlanId) -> Vec<Effect> {
    let about = about_drop(plan);
    if model.is_under_way(&about) {
        return Vec::new();
    }
    let ticket = model.ticket(about);
    vec![Effect::Do(ticket, Deed::Drop(plan))]
}

/// The plan screen is left: a draft is thrown away, what was saved waits.
pub(super) fn left_quotes(model: &mut Model, quotes: &Quotes) -> Vec<Effect> {
    if quotes.saved {
        let key = model.keymap.first("restore.confirm").unwrap_or_default();
        let text = format!("plan {} is saved and waits to be confirmed ({key} on the list Plans)", quotes.view.plan);
        model.tell(Severity::Ok, text);
        return vec![Effect::Refresh];
    }
    drop_draft(model, quotes.view.plan)
}

/// The tier before.
pub fn tier_before(model: &mut Model) -> Vec<Effect> {
    tier(model, -1)
}

/// The next tier.
pub fn tier_next(model: &mut Model) -> Vec<Effect> {
    tier(model, 1)
}

fn tier(model: &mut Model, by: isize) -> Vec<Effect> {
    if let Some(Overlay::Quotes(quotes)) = model.overlays.last_mut() {
        quotes.go(by);
    }
    Vec::new()
}

/// Saves the plan in the tier that is looked at; the question comes with the answer.
pub fn choose(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Quotes(quotes)) = model.overlays.last() else { return Vec::new() };
    let Some(quote) = quotes.quote() else { return Vec::new() };
    let (plan, tier) = (quotes.view.plan, quote.tier.clone());
    // Who stops waiting does not stop it: it is not asked for twice at a time.
    let ticket = model.ticket(about_choose(plan));
    wait(model, format!("saving plan {plan} …"), Query::Choose { ticket, plan, tier })
}

/// The plan was saved: it is asked whether it is to be carried out.
pub(super) fn chosen(model: &mut Model, query: &Query, result: Result<Box<PlanRow>, String>) -> Vec<Effect> {
    let Query::Choose { ticket, plan, .. } = query else { return Vec::new() };
    model.under_way.remove(ticket);
    let saved = result.is_ok();
    for overlay in &mut model.overlays {
        if let Overlay::Quotes(quotes) = overlay
            && quotes.view.plan == *plan
        {
            quotes.saved |= saved;
        }
    }
    let Some(at) = waited(model, query) else { return vec![Effect::Refresh] };
    match result {
        Ok(row) => {
            if let Some(question) = about_to_confirm(model, &row) {
                deeds::ask_late(model, at, question);
            }
        }
        Err(why) => model.tell(Severity::Critical, format!("plan {plan} was not saved: {why}")),
    }
    vec![Effect::Refresh]
}

/// Whether a plan is to be carried out.
fn about_to_confirm(model: &Model, row: &PlanRow) -> Option<Question> {
    let totals = row.totals.as_ref()?;
    let title = format!("plan {}: {}", row.id, Shown::text(&row.title));
    let (object, effect) = question(&title, totals);
    let deed = Deed::Confirm { plan: row.id, hash: totals.hash };
    let intent = Intent::Deed { deed, seen: Seen::Plan(row.id, PlanState::Planned) };
    // What is replaced is gone: that is not agreed to by a key alone.
    let bulk = totals.overwrites > 0 || totals.ceiling > model.setup.confirm_above;
    Some(Question { title: "Restore".to_owned(), object, effect, go: "restore", bulk, intent })
}

/// Asks whether the selected plan is to be carried out.
pub fn confirm(model: &mut Model) -> Vec<Effect> {
    if let Ok(line) = selected(model) {
        let row = line.row.clone();
        if let Some(question) = about_to_confirm(model, &row) {
            deeds::ask(model, question);
        }
    }
    Vec::new()
}

/// The plan was confirmed from here: what it was written in is left, and it is selected.
pub(super) fn carried_out(model: &mut Model, plan: PlanId) {
    let written = |overlay: &Overlay| match overlay {
        Overlay::Quotes(_) | Overlay::Form | Overlay::Batch => true,
        Overlay::Prompt(prompt) => matches!(prompt.purpose, Purpose::RestoreInto { .. }),
        _ => false,
    };
    model.overlays.retain(|overlay| !written(overlay));
    model.restore.pane = Pane::Plans;
    model.restore.plans.selected = Some(plan);
}

/// Asks whether the selected plan is to be stopped, and says what of it is paid already.
pub fn cancel(model: &mut Model) -> Vec<Effect> {
    let Ok(line) = selected(model) else { return Vec::new() };
    let row = line.row.clone();
    let object = vec![
        format!("plan {}: {}", row.id, Shown::text(&row.title)),
        format!("{} of {} files delivered", Count(row.delivered), format::count(wanted(&row))),
    ];
    let seen = Seen::Plan(row.id, row.state);
    if row.state != PlanState::Running {
        let effect = vec!["nobody has confirmed it: nothing was asked for, nothing is paid".to_owned()];
        let intent = Intent::Deed { deed: Deed::Drop(row.id), seen };
        let title = "Drop a plan".to_owned();
        deeds::ask(model, Question { title, object, effect, go: "drop", bulk: false, intent });
        return Vec::new();
    }
    let under_way = |state| matches!(state, RetrievalState::Intended | RetrievalState::Asked | RetrievalState::Ready);
    let (jobs, more) = model.restore.newest.as_ref().map_or((0, true), |snapshot| {
        let own = snapshot.jobs.iter().filter(|job| under_way(job.row.state) && job.plans.contains(&row.id));
        (own.count(), snapshot.more_jobs)
    });
    let ceiling = row.totals.as_ref().map_or_else(String::new, |totals| format!(" of at most {}", totals.ceiling));
    let mut effect = vec![format!("{}{ceiling} is spent already and stays spent; the rest is free again", row.spent)];
    effect.push(match (jobs, more) {
        (0, false) => "no job of it is under way at the vault".to_owned(),
        (1, false) => "1 job of it is under way at the vault: it goes on there and cannot be taken back".to_owned(),
        (n, false) => format!("{n} jobs of it are under way at the vault: they go on there and cannot be taken back"),
        // The board has its first jobs alone.
        (n, true) => format!(
            "{n} jobs of it are on the board and there may be more: what was asked for goes on and cannot be taken back"
        ),
    });
    effect.push(
        "what has been delivered stays; what is left is not delivered, until it is retried as a new plan".to_owned(),
    );
    let bulk = wanted(&row).is_some_and(|files| files > MANY);
    let intent = Intent::Deed { deed: Deed::Cancel(row.id), seen };
    let title = "Cancel a plan".to_owned();
    deeds::ask(model, Question { title, object, effect, go: "stop", bulk, intent });
    Vec::new()
}

/// Has what is held up of the selected plan tried again now, rather than when its time comes.
pub fn again(model: &mut Model) -> Vec<Effect> {
    let Ok(line) = selected(model) else { return Vec::new() };
    let (plan, title) = (line.row.id, Shown::text(&line.row.title).to_string());
    let why = line.held.as_ref().map_or_else(String::new, |held| Shown::text(&held.why).to_string());
    let (deed, seen) = (Deed::Again(plan), Seen::Plan(plan, PlanState::Running));
    if !model.setup.production {
        return deeds::execute(model, deed, &seen);
    }
    let object = vec![format!("plan {plan}: {title}")];
    let effect = vec![why, "what is held up is tried again at once, by whoever carries the plan out".to_owned()];
    let intent = Intent::Deed { deed, seen };
    let title = "Try again".to_owned();
    deeds::ask(model, Question { title, object, effect, go: "try", bulk: false, intent });
    Vec::new()
}

/// Plans again what of the selected plan was not delivered.
pub fn retry(model: &mut Model) -> Vec<Effect> {
    let Some(plan) = about(model) else { return Vec::new() };
    wait(model, format!("putting a plan together of the rest of plan {plan} …"), Query::Supplement(plan))
}

// --- looked at ----------------------------------------------------------------------------------------------------

/// All about the selected plan, or about the archive of the selected job.
pub fn details(model: &mut Model) -> Vec<Effect> {
    let query = match model.restore.pane {
        Pane::Plans => model.restore.plans.selected.map(Query::Plan),
        Pane::Jobs => model.restore.job().map(|job| Query::Archive(job.row.archive_uuid)),
    };
    let Some(query) = query else { return Vec::new() };
    let view = Box::new(DetailsView { query: query.clone(), details: None, wrong: None, top: 0 });
    model.overlays.push(if matches!(query, Query::Plan(_)) { Overlay::Plan(view) } else { Overlay::Details(view) });
    vec![Effect::Ask(query)]
}

/// The files of the plan.
pub fn files(model: &mut Model) -> Vec<Effect> {
    rows(model, ListOf::Files { wrong: false })
}

/// Those of them that are wrong.
pub fn wrong_files(model: &mut Model) -> Vec<Effect> {
    rows(model, ListOf::Files { wrong: true })
}

/// The archives of the plan.
pub fn parts(model: &mut Model) -> Vec<Effect> {
    rows(model, ListOf::Parts)
}

fn rows(model: &mut Model, of: ListOf) -> Vec<Effect> {
    let Some(plan) = about(model) else { return Vec::new() };
    let mut list = PlanList::new(plan, of);
    let effects = want_rows(&mut list);
    model.overlays.push(Overlay::Rows(Box::new(list)));
    effects
}

/// Only the files that are wrong, or all of them.
pub fn turn_wrong(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Rows(list)) = model.overlays.last_mut() else { return Vec::new() };
    let wrong = matches!(list.of, ListOf::Files { wrong: true });
    **list = PlanList::new(list.plan, ListOf::Files { wrong: !wrong });
    want_rows(list)
}

/// Asks for the page that the selection comes near to.
pub fn want_rows(list: &mut PlanList) -> Vec<Effect> {
    match list.paged.want(list.selected) {
        Some((page, after)) => vec![Effect::Ask(list.query(page, after))],
        None => Vec::new(),
    }
}

/// Asks for the page of plans that the selection comes near to.
pub fn want_plans(model: &mut Model) -> Vec<Effect> {
    let state = &mut model.restore;
    if model.held.is_some() || state.pane != Pane::Plans || state.shown.is_none() {
        return Vec::new();
    }
    let place = state.plans.place().and_then(|place| state.plans.order.get(place).copied()).unwrap_or(0);
    let wanted = state.paged.want(place);
    wanted.map(|(page, before)| Effect::Ask(Query::Plans { page, before })).into_iter().collect()
}

// --- names --------------------------------------------------------------------------------------------------------

/// What saving a plan in a tier is called.
fn about_choose(plan: PlanId) -> String {
    format!("save plan {plan}")
}

/// What confirming a plan is called.
pub fn about_confirm(plan: PlanId) -> String {
    format!("confirm plan {plan}")
}

/// What stopping a plan is called.
pub fn about_cancel(plan: PlanId) -> String {
    format!("cancel plan {plan}")
}

/// What trying again what is held up is called.
pub fn about_again(plan: PlanId) -> String {
    format!("try plan {plan} again")
}

/// What making a plan's jobs faster is called.
pub fn about_faster(plan: PlanId) -> String {
    format!("make jobs of plan {plan} faster")
}

/// What throwing a plan away is called.
pub fn about_drop(plan: PlanId) -> String {
    format!("drop plan {plan}")
}

/// Whether a plan no longer stands as it stood when it was asked about.
pub(super) fn changed(model: &Model, plan: PlanId, state: PlanState) -> Option<String> {
    let row = &model.restore.newest_plan(plan)?.row;
    (row.state != state).then(|| confirmed(row))
}

/// The next list.
pub fn pane(model: &mut Model) -> Vec<Effect> {
    model.restore.pane = match model.restore.pane {
        Pane::Plans => Pane::Jobs,
        Pane::Jobs => Pane::Plans,
    };
    want_plans(model)
}

/// What came of effects of this tab.
pub(super) fn reply(model: &mut Model, reply: Reply) -> Vec<Effect> {
    match reply {
        Reply::Plans(page, result) => {
            match result {
                Ok(rows) => model.restore.paged.put(page, rows, plan_id),
                Err(text) => {
                    model.restore.paged.failed();
                    model.tell(Severity::Warning, text);
                }
            }
            model.restore.arrange();
            Vec::new()
        }
        Reply::PlanRows(query, result) => {
            let Query::PlanRows { plan, of, page, .. } = &query else { return Vec::new() };
            let list = model.overlays.iter_mut().find_map(|overlay| match overlay {
                Overlay::Rows(list) if list.plan == *plan && list.of == *of => Some(list),
                _ => None,
            });
            let Some(list) = list else { return Vec::new() };
            match result {
                Ok(rows) => {
                    let before = list.paged.before();
                    list.paged.put(*page, rows, |row| row.place);
                    let moved = before.cast_signed() - list.paged.before().cast_signed();
                    list.selected = list.selected.saturating_add_signed(moved).min(list.paged.len().saturating_sub(1));
                    list.wrong = None;
                    want_rows(list)
                }
                Err(text) => {
                    list.paged.failed();
                    list.wrong = Some(text);
                    Vec::new()
                }
            }
        }
        Reply::Draft(query, result) => drafted(model, &query, result),
        Reply::Chosen(query, result) => chosen(model, &query, result),
        Reply::Faster(query, result) => super::hurries::priced(model, &query, result),
        Reply::Loaded(path, result) => {
            let shown = Shown::path(&path).to_string();
            match result {
                Ok(text) => {
                    let alone = model.restore.editor.is_empty();
                    let effects = batch_paste(model, &text);
                    if !effects.is_empty() {
                        let lines = crate::base::units::Count(text.lines().count() as u64);
                        model.tell(Severity::Ok, format!("{lines} lines of {shown} were put in"));
                        // What is put into another list is no longer that file.
                        if alone {
                            model.restore.file = Some(path);
                        }
                    }
                    effects
                }
                Err(why) => {
                    model.tell(Severity::Critical, format!("{shown} was not read: {why}"));
                    Vec::new()
                }
            }
        }
        Reply::Saved(path, result) => {
            let shown = Shown::path(&path).to_string();
            match result {
                Ok(()) => {
                    model.tell(Severity::Ok, format!("the list is in {shown}"));
                    model.restore.file = Some(path);
                }
                Err(why) => model.tell(Severity::Critical, format!("the list was not written to {shown}: {why}")),
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}
