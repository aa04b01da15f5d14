//! The table of actions.

mod over;
mod redis;
mod tabs;

use super::Action;
use super::Danger;
use super::Scope::{self, Always};
use crate::console::effect::Effect;
use crate::console::model::Model;
use crate::console::update::leaving;

const fn action(
    id: &'static str,
    keys: &'static [&'static str],
    text: &'static str,
    short: &'static str,
    scope: Scope,
    run: fn(&mut Model) -> Vec<Effect>,
) -> Action {
    Action { id, keys, text, short, scope, danger: Danger::None, why_not: never, run }
}

const fn deed(mut action: Action, danger: Danger, why_not: fn(&Model) -> Option<String>) -> Action {
    action.danger = danger;
    action.why_not = why_not;
    action
}

const fn unless(mut action: Action, why_not: fn(&Model) -> Option<String>) -> Action {
    action.why_not = why_not;
    action
}

fn never(_: &Model) -> Option<String> {
    None
}

/// What can be done everywhere, whatever is over the tab.
const EVERYWHERE: &[Action] = &[
    action("cancel", &["ctrl-c"], "cancel what is asked; else leave the console", "", Always, leaving::cancel),
    action("redraw", &["ctrl-l"], "draw the screen anew", "", Always, leaving::redraw),
    action("suspend", &["ctrl-z"], "suspend the console; `fg` brings it back", "", Always, leaving::suspend),
];

const TABLES: [&[Action]; 5] = [redis::ON_TAB, tabs::TABS, over::OVER, redis::OVER_IT, EVERYWHERE];

const COUNT: usize =
    redis::ON_TAB.len() + tabs::TABS.len() + over::OVER.len() + redis::OVER_IT.len() + EVERYWHERE.len();

static ALL: [Action; COUNT] = joined(TABLES);

/// Every action. What matters in its place comes first: the footer takes them in this order.
pub static ACTIONS: &[Action] = &ALL;

/// One after the other.
#[allow(clippy::large_stack_arrays)] // it is worked out when firn is compiled
const fn joined(tables: [&[Action]; 5]) -> [Action; COUNT] {
    let mut all = [EVERYWHERE[0]; COUNT];
    let (mut to, mut table) = (0, 0);
    while table < tables.len() {
        let mut from = 0;
        while from < tables[table].len() {
            all[to] = tables[table][from];
            (to, from) = (to + 1, from + 1);
        }
        table += 1;
    }
    all
}
