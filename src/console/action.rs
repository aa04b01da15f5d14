//! Actions: what one is, and where it can be done. Their one table feeds dispatch, footer, help, palette, keymap file and
//! documentation.

mod table;

use super::effect::Effect;
use super::model::{Area, Model};
use super::tabs::TabId;

pub use self::table::ACTIONS;

/// Where an action can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere; while text is typed, those of them that are no text.
    Always,
    /// On every tab.
    Global,
    /// Wherever there is a list or something to scroll.
    List,
    /// On one tab.
    Tab(TabId),
    /// Over the tab, in one kind of overlay.
    Overlay(&'static str),
}

/// What it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Danger {
    /// It only shows.
    None,
    /// It changes work and is easily changed back. Done at once; in production it asks first.
    Changes,
    /// It always asks first; in bulk or in production it wants a typed word.
    Asks,
}

/// An action.
#[derive(Clone, Copy)]
pub struct Action {
    /// Its name, as keymaps and the palette write it.
    pub id: &'static str,
    /// Its usual keys.
    pub keys: &'static [&'static str],
    /// What it does, in a line.
    pub text: &'static str,
    /// The word in the footer; empty: it is not shown there.
    pub short: &'static str,
    /// Where it can be done.
    pub scope: Scope,
    /// What it can do.
    pub danger: Danger,
    /// Why it cannot be done now.
    pub why_not: fn(&Model) -> Option<String>,
    /// Does it.
    pub run: fn(&mut Model) -> Vec<Effect>,
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Where the console is: what is over the tab, else the tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// A tab, with nothing over it.
    Tab(TabId),
    /// An overlay by its word.
    Overlay(&'static str),
}

/// Overlays whose keys are no text.
pub const OVERLAYS: [&str; 16] = [
    "confirm", "findings", "log", "themes", "details", "files", "waiting", "quotes", "plan", "rows", "replica", "jobs",
    "frozen", "node", "events", "load",
];
/// Overlays in which something is typed.
pub const TYPED: [&str; 7] = ["help", "palette", "prompt", "form", "batch", "freeze", "bench"];

/// Every place where keys mean something.
pub fn contexts() -> impl Iterator<Item = Context> {
    let tabs = TabId::ALL.into_iter().map(Context::Tab);
    tabs.chain(OVERLAYS.into_iter().chain(TYPED).map(Context::Overlay))
}

impl Context {
    /// Where a model is.
    pub fn of(model: &Model) -> Self {
        model.overlays.last().map_or(Self::Tab(model.tab), |overlay| Self::Overlay(overlay.word()))
    }

    /// Whether actions of a scope can be done here by their keys.
    pub fn has(self, scope: Scope) -> bool {
        match (self, scope) {
            (_, Scope::Always) | (Self::Tab(_), Scope::Global | Scope::List) => true,
            (Self::Tab(tab), Scope::Tab(of)) => tab == of,
            (Self::Overlay(word), Scope::Overlay(of)) => word == of,
            (Self::Overlay(word), Scope::List) => OVERLAYS.contains(&word),
            _ => false,
        }
    }
}

/// The group an action is listed under in help.
pub fn group(scope: Scope) -> &'static str {
    match scope {
        Scope::Always => "Everywhere",
        Scope::Global => "Console",
        Scope::List => "Lists",
        Scope::Tab(tab) => tab.title(),
        Scope::Overlay(word) => match word {
            "findings" => "Findings",
            "details" => "Details",
            "files" => "Files",
            "log" => "Log",
            "themes" => "Themes",
            "form" => "Request",
            "batch" => "Batch editor",
            "quotes" => "Plan and price",
            "plan" => "Plan",
            "rows" => "Files of a plan",
            "replica" => "Replica",
            "jobs" => "Jobs of a replica",
            "freeze" => "Freeze a replica",
            "frozen" => "Frozen replica",
            "node" => "Node",
            "events" => "Events of a cluster",
            "bench" | "load" => "Benchmark",
            _ => "Dialogs",
        },
    }
}

/// An action by its name.
pub fn find(id: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.id == id)
}

/// Why an action cannot be done now, whatever way it is asked for: by key, palette or mouse.
pub fn why_not(action: &Action, model: &Model) -> Option<String> {
    if action.danger != Danger::None && model.setup.read_only {
        return Some("this console is read-only ([console] read_only, or --read-only)".to_owned());
    }
    if let Scope::Tab(tab) = action.scope
        && !model.setup.areas.iter().any(|(of, area)| *of == tab && *area == Area::On)
    {
        return Some(format!("{} is not configured", tab.title()));
    }
    (action.why_not)(model)
}
