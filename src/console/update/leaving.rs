//! Back and out: closing what is over a tab, answering what is asked, leaving the console.

use crate::base::Severity;
use crate::console::effect::Effect;
use crate::console::model::{Area, Model};
use crate::console::overlay::{Confirm, Focus, Intent, Overlay, Purpose};
use crate::console::tabs::TabId;
use crate::console::update::{deeds, leave, redis, restores, views, written};
use crate::console::widgets::line_edit::LineEdit;
use crate::worker::supervisor::Standing;

/// Closes the topmost overlay, and undoes what it only showed.
pub fn close(model: &mut Model) -> Vec<Effect> {
    match model.overlays.pop() {
        Some(Overlay::Themes { before, .. }) if before != model.theme => vec![Effect::Theme(before)],
        Some(Overlay::Quotes(quotes)) => restores::left_quotes(model, &quotes),
        Some(Overlay::Batch) => written::keep(model, true),
        Some(Overlay::Prompt(prompt)) => {
            let Purpose::Filter { before } = &prompt.purpose else { return Vec::new() };
            views::set_filter(model, before);
            views::keep_filter(model, prompt.edit.text())
        }
        _ => Vec::new(),
    }
}

/// Closes the topmost overlay and keeps what it shows.
pub fn close_keeping(model: &mut Model) -> Vec<Effect> {
    model.overlays.pop();
    Vec::new()
}

/// The other button.
pub fn switch(model: &mut Model) -> Vec<Effect> {
    if let Some(Overlay::Confirm(confirm)) = model.overlays.last_mut() {
        confirm.focus = match confirm.focus {
            Focus::Cancel => Focus::Go,
            Focus::Go => Focus::Cancel,
        };
    }
    Vec::new()
}

/// Presses the focused button.
pub fn press(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Confirm(confirm)) = model.overlays.last() else { return Vec::new() };
    if confirm.focus == Focus::Cancel {
        model.overlays.pop();
        model.tell(Severity::Ok, "cancelled; nothing was done");
        return Vec::new();
    }
    if let Some(word) = &confirm.word
        && confirm.typed.text().trim() != word
    {
        let text = format!("type \"{word}\" to go on");
        model.tell(Severity::Warning, text);
        return Vec::new();
    }
    let intent = confirm.intent.clone();
    model.overlays.pop();
    match intent {
        Intent::Quit => leave(model),
        Intent::Deed { deed, seen } => deeds::execute(model, deed, &seen),
    }
}

/// Back one level: the filter, then the marks.
pub fn back(model: &mut Model) -> Vec<Effect> {
    if model.tab == TabId::Restore && !model.restore.filter().is_empty() {
        views::set_filter(model, "");
        model.tell(Severity::Ok, "the filter is gone");
    }
    if model.tab == TabId::Delay && !model.delay.list.filter.is_empty() {
        views::set_filter(model, "");
        model.tell(Severity::Ok, "the filter is gone");
    }
    if model.tab == TabId::Redis {
        redis::back(model);
    }
    if model.tab != TabId::Backup {
        return Vec::new();
    }
    if !model.backup.list().filter.is_empty() {
        views::set_filter(model, "");
        model.tell(Severity::Ok, "the filter is gone");
    } else if !model.backup.list().marks.is_empty() {
        model.backup.list_mut().marks.clear();
        model.tell(Severity::Ok, "the marks are gone");
    }
    Vec::new()
}

/// Leaves; when workers run here, says first what becomes of their work.
pub fn quit(model: &mut Model) -> Vec<Effect> {
    if !works(model) && model.under_way.is_empty() {
        return leave(model);
    }
    ask_to_quit(model);
    Vec::new()
}

/// Whether workers run in this process.
fn works(model: &Model) -> bool {
    model.setup.workers.is_some() && !matches!(model.workers, None | Some(Standing::Ended))
}

fn ask_to_quit(model: &mut Model) {
    let mut effect = Vec::new();
    if works(model) {
        let within = crate::base::units::Span(model.setup.stop_within);
        effect.push(format!("the workers of this console take no new work and finish what they have, within {within}"));
        effect.push("what is left then is taken up at the next start; nothing is lost".to_owned());
        let others = model.newest.as_ref().map_or(0, |snapshot| {
            let own = |worker: &&crate::backup::snapshot::Worker| {
                worker.host == model.setup.host && worker.pid == model.setup.pid
            };
            snapshot.workers.iter().filter(|worker| worker.alive && !own(worker)).count()
        });
        effect.push(match others {
            0 if model.setup.areas.contains(&(TabId::Backup, Area::On)) => {
                "no other worker runs on this state: nothing is backed up until one does".to_owned()
            }
            0 => "no other worker runs on this state: nobody watches it, and tells people, until one does".to_owned(),
            1 => "1 other worker process goes on".to_owned(),
            n => format!("{n} other worker processes go on"),
        });
    }
    for about in model.under_way.values() {
        effect.push(format!("not answered yet: {about}"));
        if about.starts_with("restore ") {
            effect.push("it is cut off: what has its name there is whole; ask for it again to get the rest".to_owned());
        }
    }
    let confirm = Confirm {
        title: "Leave the console".to_owned(),
        object: vec![in_hand(model)],
        effect,
        go: "leave",
        word: None,
        typed: LineEdit::default(),
        focus: Focus::Cancel,
        intent: Intent::Quit,
        seen: true,
    };
    model.overlays.push(Overlay::Confirm(Box::new(confirm)));
}

/// What the workers of this process have in hand, in words.
fn in_hand(model: &Model) -> String {
    let own = model.newest.as_ref().and_then(|snapshot| {
        snapshot
            .workers
            .iter()
            .find(|worker| worker.host == model.setup.host && worker.pid == model.setup.pid && worker.alive)
    });
    match (own.and_then(|worker| worker.in_hand), model.setup.workers.as_deref()) {
        (Some(files), Some(kinds)) => {
            format!("workers run in it ({kinds}); they have {} in hand", crate::console::format::files(files))
        }
        (None, Some(kinds)) => format!("workers run in it ({kinds})"),
        _ => "no workers run in it".to_owned(),
    }
}

/// Cancels what is asked; else leaves.
pub fn cancel(model: &mut Model) -> Vec<Effect> {
    if !model.overlays.is_empty() {
        return close(model);
    }
    // Meant for a prompt, or as a copy: it never ends the console by itself.
    ask_to_quit(model);
    Vec::new()
}

/// Draws everything anew.
pub fn redraw(_: &mut Model) -> Vec<Effect> {
    vec![Effect::Redraw]
}

/// Suspends the process.
pub fn suspend(model: &mut Model) -> Vec<Effect> {
    if works(model) {
        // Seen when it goes on.
        model.tell(Severity::Warning, "the workers of this console were suspended with it; they go on now");
    }
    vec![Effect::Suspend]
}
