//! What came of effects.

use super::{delays, freezes, load, redis, restores};
use crate::base::Severity;
use crate::console::effect::{Effect, Query};
use crate::console::model::Model;
use crate::console::msg::Reply;
use crate::console::overlay::{Files, FilesOf, Overlay};
use crate::console::tabs::backup::state::failed_place;

pub(super) fn reply(model: &mut Model, reply: Reply) -> Vec<Effect> {
    match reply {
        Reply::Done(ticket, result) => {
            let about = model.under_way.remove(&ticket);
            if about.as_deref() == Some(load::ABOUT) {
                load::answered(model, &result);
            }
            match result {
                Ok(text) => model.tell(Severity::Ok, text),
                Err(text) => {
                    let about = about.map_or_else(String::new, |about| format!("{about}: "));
                    model.tell(Severity::Critical, format!("{about}{text}"));
                }
            }
            vec![Effect::Refresh]
        }
        Reply::Details(query, result) => {
            for overlay in &mut model.overlays {
                if let Overlay::Details(view) | Overlay::Plan(view) = overlay
                    && view.query == query
                {
                    match result {
                        Ok(details) => view.details = Some(*details),
                        Err(text) => view.wrong = Some(text),
                    }
                    break;
                }
            }
            Vec::new()
        }
        Reply::Files(query, result) => {
            let files = model.overlays.iter_mut().find_map(|overlay| match overlay {
                Overlay::Files(files) if is_of(&query, files) => Some(files),
                _ => None,
            });
            let (Some(files), Some(page)) = (files, page_of(&query)) else { return Vec::new() };
            match result {
                Ok(rows) => {
                    let before = files.paged.before();
                    files.paged.put(page, rows, |row| row.place.clone());
                    // Pages that came before, or went, move the places of what is held.
                    let moved = before.cast_signed() - files.paged.before().cast_signed();
                    files.selected =
                        files.selected.saturating_add_signed(moved).min(files.paged.len().saturating_sub(1));
                    files.wrong = None;
                    super::moves::want_files(files)
                }
                Err(text) => {
                    files.paged.failed();
                    files.wrong = Some(text);
                    Vec::new()
                }
            }
        }
        Reply::Failed(page, result) => {
            match result {
                Ok(rows) => model.backup.failed.put(page, rows, failed_place),
                Err(text) => {
                    model.backup.failed.failed();
                    model.tell(Severity::Warning, text);
                }
            }
            if let Some(snapshot) = model.shown.clone() {
                model.backup.arrange(&snapshot);
            }
            Vec::new()
        }
        Reply::Copied(Ok(text)) => {
            model.tell(Severity::Ok, format!("copied {text}"));
            Vec::new()
        }
        Reply::Copied(Err(text)) => {
            model.tell(Severity::Warning, format!("not copied: {text}"));
            Vec::new()
        }
        Reply::Theme(Ok(name)) => {
            model.theme = name;
            Vec::new()
        }
        Reply::Theme(Err(text)) => {
            model.tell(Severity::Warning, text);
            Vec::new()
        }
        Reply::Mouse(on) => {
            model.mouse = on;
            let text = if on {
                "the mouse is firn's: click and wheel; Shift selects text"
            } else {
                "the mouse is the terminal's"
            };
            model.tell(Severity::Ok, text);
            Vec::new()
        }
        Reply::Tell(severity, text) => {
            model.tell(severity, text);
            Vec::new()
        }
        Reply::DelayChart(query, result) => delays::charted(model, &query, result),
        Reply::Freeze(query, result) => freezes::read(model, &query, result),
        Reply::RedisPanel(query, result) => redis::panel_read(model, &query, result),
        other => restores::reply(model, other),
    }
}

fn is_of(query: &Query, files: &Files) -> bool {
    match (query, &files.of) {
        (Query::Members { archive, .. }, FilesOf::Archive(of)) => archive == of,
        (Query::Find { text, .. }, FilesOf::Found(of)) => text == of,
        _ => false,
    }
}

fn page_of(query: &Query) -> Option<usize> {
    match query {
        Query::Members { page, .. } | Query::Find { page, .. } | Query::Failed { page, .. } => Some(*page),
        _ => None,
    }
}
