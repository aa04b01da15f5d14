//! The table of actions.

use super::Action;
use super::Danger::{self, Asks, Changes};
use super::Scope::{self, Always, Global, List, Overlay, Tab};
use crate::console::effect::Effect;
use crate::console::model::Model;
use crate::console::tabs::TabId;
use crate::console::update::{deeds, delays, freezes, hurries, leaving, moves, restores, views, windows, written};

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

const BACKUP: Scope = Tab(TabId::Backup);
const RESTORE: Scope = Tab(TabId::Restore);
const DELAY: Scope = Tab(TabId::Delay);

/// Every action.
pub const ACTIONS: &[Action] = &[
    // What matters on the tab comes first: the footer takes them in this order.
    deed(
        action(
            "backup.pause",
            &["p"],
            "pause the selected pool, or let it work again",
            "pause/resume",
            BACKUP,
            deeds::pause,
        ),
        Asks,
        deeds::no_pool,
    ),
    deed(
        action("backup.retry", &["r"], "try the selected or marked failed files now", "retry", BACKUP, deeds::retry),
        Changes,
        deeds::no_failure,
    ),
    deed(
        action("backup.retry-all", &["A"], "try all failed files now", "", BACKUP, deeds::retry_all),
        Asks,
        deeds::no_failures,
    ),
    deed(
        action("backup.seal", &["x"], "close (seal) the open bundles now", "seal", BACKUP, deeds::seal),
        Changes,
        deeds::nothing_open,
    ),
    action("backup.find", &["f"], "find any file by the beginning of its key", "find", BACKUP, views::find),
    unless(
        action(
            "backup.restore",
            &["R"],
            "restore the selected bundle or file into a folder: what it costs and how long it takes comes first",
            "restore",
            BACKUP,
            deeds::restore,
        ),
        deeds::nothing_to_restore,
    ),
    deed(
        action("backup.larger", &["+", "="], "give the selected pool one place more", "", BACKUP, deeds::larger),
        Changes,
        deeds::not_larger,
    ),
    deed(
        action("backup.smaller", &["-"], "take one place from the selected pool", "", BACKUP, deeds::smaller),
        Changes,
        deeds::not_smaller,
    ),
    deed(
        action(
            "backup.drain",
            &["d"],
            "let the selected pool finish what it has and take no more",
            "",
            BACKUP,
            deeds::drain,
        ),
        Asks,
        deeds::no_pool,
    ),
    unless(
        action("details", &["enter"], "all about the selected row", "details", BACKUP, views::details),
        views::nothing_selected,
    ),
    action(
        "filter",
        &["/"],
        "filter the list: words that must be there, !words that must not",
        "filter",
        BACKUP,
        views::filter,
    ),
    action("sort", &["s"], "sort by the next column", "", BACKUP, views::sort),
    action("sort.turn", &["S"], "turn the order round", "", BACKUP, views::turn),
    unless(
        action("mark", &["space"], "mark the selected failed file, to retry many at once", "", BACKUP, views::mark),
        views::not_marked,
    ),
    action("pane.next", &["right", "l"], "the next list", "", BACKUP, views::pane_next),
    action("pane.previous", &["left", "h"], "the list before", "", BACKUP, views::pane_previous),
    // The Restore tab.
    unless(
        action("restore.new", &["n"], "restore one file or folder: a form", "new", RESTORE, written::form),
        restores::not_here,
    ),
    unless(
        action(
            "restore.batch",
            &["b"],
            "restore many: an editor for a list of requests, a line each",
            "batch",
            RESTORE,
            written::batch,
        ),
        restores::not_here,
    ),
    deed(
        action(
            "restore.confirm",
            &["c"],
            "confirm the selected plan: from then on it is carried out",
            "confirm",
            RESTORE,
            restores::confirm,
        ),
        Asks,
        restores::not_to_confirm,
    ),
    deed(
        action(
            "restore.cancel",
            &["x"],
            "stop the selected plan, or drop it if nobody has confirmed it",
            "cancel",
            RESTORE,
            restores::cancel,
        ),
        Asks,
        restores::not_to_cancel,
    ),
    deed(
        action(
            "restore.faster",
            &["u"],
            "make the jobs under way of the selected plan, or the selected job, a tier faster; the price is shown first",
            "faster",
            RESTORE,
            hurries::faster,
        ),
        Asks,
        hurries::not_faster,
    ),
    deed(
        action("restore.fastest", &["U"], "the same, as fast as the vault can", "", RESTORE, hurries::fastest),
        Asks,
        hurries::not_faster,
    ),
    deed(
        action(
            "restore.again",
            &["t"],
            "try now what of the selected plan is held up: what held it up is mended",
            "try now",
            RESTORE,
            restores::again,
        ),
        Changes,
        restores::nothing_held,
    ),
    unless(
        action(
            "restore.retry",
            &["r"],
            "a new plan of what of the selected one was not delivered",
            "retry",
            RESTORE,
            restores::retry,
        ),
        restores::nothing_to_retry,
    ),
    unless(
        action(
            "restore.details",
            &["enter"],
            "all about the selected plan, or the archive of the selected job",
            "details",
            RESTORE,
            restores::details,
        ),
        views::nothing_selected,
    ),
    action(
        "restore.filter",
        &["/"],
        "filter the list: words that must be there, !words that must not",
        "filter",
        RESTORE,
        views::filter,
    ),
    action("restore.sort", &["s"], "sort by the next column", "", RESTORE, views::sort),
    action("restore.turn", &["S"], "turn the order round", "", RESTORE, views::turn),
    action("restore.pane", &["right", "l", "left", "h"], "the other list", "", RESTORE, restores::pane),
    // The Delay tab.
    unless(
        action(
            "delay.details",
            &["enter"],
            "the chart of the selected replica and all its verdict rests on",
            "details",
            DELAY,
            delays::details,
        ),
        views::nothing_selected,
    ),
    action(
        "delay.filter",
        &["/"],
        "filter the list: words that must be there, !words that must not",
        "filter",
        DELAY,
        views::filter,
    ),
    unless(
        action(
            "delay.job",
            &["w"],
            "a backup or another job begins or ends on the selected replica: its window",
            "window",
            DELAY,
            windows::jobs,
        ),
        windows::no_jobs,
    ),
    action("delay.sort", &["s"], "sort by state, name, delay or slope", "sort", DELAY, delays::sort),
    action("delay.turn", &["S"], "turn the order round", "", DELAY, delays::turn),
    // Lists.
    action("up", &["up", "k"], "up", "", List, moves::up),
    action("down", &["down", "j"], "down", "", List, moves::down),
    action("page-up", &["pgup", "ctrl-b", "ctrl-u"], "a page up", "", List, moves::page_up),
    action("page-down", &["pgdn", "ctrl-f", "ctrl-d"], "a page down", "", List, moves::page_down),
    action("top", &["home", "g"], "to the beginning", "", List, moves::top),
    action("end", &["end", "G"], "to the end", "", List, moves::end),
    // The console.
    action("findings", &["F"], "open findings, worst first", "findings", Global, views::findings),
    unless(
        action("copy", &["y"], "copy what the selected row is called", "", Global, views::copy),
        views::nothing_selected,
    ),
    action("hold", &["z"], "hold the screen as it is, or let it go on", "", Global, views::hold),
    action("tab.1", &["1"], "the Backup tab", "", Global, |m| views::tab(m, TabId::Backup)),
    action("tab.2", &["2"], "the Restore tab", "", Global, |m| views::tab(m, TabId::Restore)),
    action("tab.3", &["3"], "the Audit tab", "", Global, |m| views::tab(m, TabId::Audit)),
    action("tab.4", &["4"], "the Delay tab", "", Global, |m| views::tab(m, TabId::Delay)),
    action("tab.5", &["5"], "the Redis tab", "", Global, |m| views::tab(m, TabId::Redis)),
    action("tab.6", &["6"], "the Counters tab", "", Global, |m| views::tab(m, TabId::Counters)),
    action("tab.next", &["tab"], "the next tab", "", Global, |m| views::tab(m, m.tab.step(1))),
    action("tab.previous", &["shift-tab"], "the tab before", "", Global, |m| views::tab(m, m.tab.step(-1))),
    action("refresh", &["ctrl-r"], "read the state anew now", "", Global, views::refresh),
    action("log", &["L"], "the newest lines of the log", "", Global, views::log),
    action("theme", &["T"], "another theme, shown as you go through them", "", Global, views::themes),
    action("mouse", &["M"], "take the mouse, or leave it to the terminal to select text", "", Global, views::mouse),
    action("help", &["?"], "help, searched by typing", "help", Always, views::help),
    action("palette", &[":"], "do anything by its name", "command", Always, views::palette),
    action("back", &["esc"], "back one level: drop the filter, the marks", "", Global, leaving::back),
    action("quit", &["q"], "leave the console", "quit", Global, leaving::quit),
    // Over the tab.
    deed(
        action(
            "findings.ack",
            &["a"],
            "acknowledge the selected finding for a while",
            "acknowledge",
            Overlay("findings"),
            deeds::ack,
        ),
        Changes,
        deeds::no_finding,
    ),
    unless(
        action("findings.copy", &["y"], "copy the finding", "copy", Overlay("findings"), views::copy),
        views::nothing_selected,
    ),
    unless(
        action(
            "findings.go",
            &["enter"],
            "go to the list and the row that it is about",
            "go there",
            Overlay("findings"),
            views::go,
        ),
        views::nowhere_to_go,
    ),
    action("findings.close", &["esc", "q", "F"], "close", "close", Overlay("findings"), leaving::close),
    action("log.close", &["esc", "q", "L"], "close", "close", Overlay("log"), leaving::close),
    action("log.copy", &["y"], "copy what is shown", "copy", Overlay("log"), views::copy),
    action("themes.use", &["enter"], "keep this theme", "use", Overlay("themes"), leaving::close_keeping),
    action("themes.close", &["esc", "q"], "back to the theme before", "back", Overlay("themes"), leaving::close),
    action("details.copy", &["y"], "copy the id", "copy id", Overlay("details"), views::copy),
    action("details.copy-all", &["Y"], "copy everything shown", "copy all", Overlay("details"), views::copy_all),
    unless(
        action(
            "details.files",
            &["enter", "m"],
            "the files of this archive",
            "files",
            Overlay("details"),
            views::members,
        ),
        views::no_members,
    ),
    unless(
        action("details.restore", &["R"], "restore this into a folder", "restore", Overlay("details"), deeds::restore),
        deeds::nothing_to_restore,
    ),
    deed(
        action("details.retry", &["r"], "try this file now", "retry", Overlay("details"), deeds::retry),
        Changes,
        deeds::no_failure,
    ),
    action("details.close", &["esc", "q"], "back", "back", Overlay("details"), leaving::close),
    unless(
        action("files.details", &["enter"], "all about the selected file", "details", Overlay("files"), views::details),
        views::nothing_selected,
    ),
    unless(
        action(
            "files.restore",
            &["R"],
            "restore the selected file into a folder",
            "restore",
            Overlay("files"),
            deeds::restore,
        ),
        deeds::nothing_to_restore,
    ),
    unless(
        action("files.copy", &["y"], "copy the file's name", "copy", Overlay("files"), views::copy),
        views::nothing_selected,
    ),
    action("files.close", &["esc", "q"], "back", "back", Overlay("files"), leaving::close),
    unless(
        action(
            "form.plan",
            &["enter", "f2"],
            "what it comes to: price and time of each tier; nothing is asked for yet",
            "plan",
            Overlay("form"),
            restores::plan_form,
        ),
        written::form_not_to_plan,
    ),
    action("form.close", &["esc"], "leave it; what is typed is kept", "leave", Overlay("form"), leaving::close),
    unless(
        action(
            "batch.plan",
            &["f2", "alt-p"],
            "what the list comes to: price and time of each tier; nothing is asked for yet",
            "plan",
            Overlay("batch"),
            restores::plan_batch,
        ),
        written::not_to_plan,
    ),
    unless(
        action(
            "batch.wrong",
            &["f3", "alt-n"],
            "go to the next line that is wrong",
            "next wrong",
            Overlay("batch"),
            written::next_wrong,
        ),
        written::nothing_wrong,
    ),
    action(
        "batch.load",
        &["f5", "alt-o"],
        "put the lines of a file in at the cursor",
        "load",
        Overlay("batch"),
        written::load,
    ),
    unless(
        action("batch.save", &["f6", "alt-s"], "write the list to a file", "save", Overlay("batch"), written::save),
        written::nothing_written,
    ),
    action("batch.undo", &["alt-u"], "take the last change back", "", Overlay("batch"), written::undo),
    action("batch.redo", &["alt-r"], "do it again", "", Overlay("batch"), written::redo),
    unless(
        action("batch.clear", &["f8", "alt-x"], "empty the list", "", Overlay("batch"), written::clear),
        written::nothing_written,
    ),
    action("batch.close", &["esc"], "leave it; the list is kept", "leave", Overlay("batch"), leaving::close),
    unless(
        action(
            "quotes.before",
            &["left", "h", "shift-tab"],
            "look at the tier before",
            "",
            Overlay("quotes"),
            restores::tier_before,
        ),
        restores::one_tier,
    ),
    unless(
        action(
            "quotes.next",
            &["right", "l", "tab"],
            "look at the next tier",
            "tier",
            Overlay("quotes"),
            restores::tier_next,
        ),
        restores::one_tier,
    ),
    unless(
        action(
            "quotes.save",
            &["enter"],
            "save the plan in this tier, and ask whether it is to be carried out",
            "save and confirm",
            Overlay("quotes"),
            restores::choose,
        ),
        restores::not_to_choose,
    ),
    action(
        "quotes.close",
        &["esc", "q"],
        "back; a plan that was not saved is dropped",
        "back",
        Overlay("quotes"),
        leaving::close,
    ),
    unless(
        action("plan.files", &["enter", "m"], "the files of the plan", "files", Overlay("plan"), restores::files),
        restores::no_plan,
    ),
    unless(
        action(
            "plan.wrong",
            &["w"],
            "those of its files that failed or are not possible",
            "wrong ones",
            Overlay("plan"),
            restores::wrong_files,
        ),
        restores::no_plan,
    ),
    unless(
        action("plan.parts", &["a"], "the archives of the plan", "archives", Overlay("plan"), restores::parts),
        restores::no_plan,
    ),
    deed(
        action("plan.confirm", &["c"], "confirm this plan", "confirm", Overlay("plan"), restores::confirm),
        Asks,
        restores::not_to_confirm,
    ),
    deed(
        action("plan.cancel", &["x"], "stop this plan", "cancel", Overlay("plan"), restores::cancel),
        Asks,
        restores::not_to_cancel,
    ),
    deed(
        action(
            "plan.faster",
            &["u"],
            "make its jobs under way a tier faster; the price is shown first",
            "",
            Overlay("plan"),
            hurries::faster,
        ),
        Asks,
        hurries::not_faster,
    ),
    deed(
        action("plan.fastest", &["U"], "the same, as fast as the vault can", "", Overlay("plan"), hurries::fastest),
        Asks,
        hurries::not_faster,
    ),
    deed(
        action(
            "plan.again",
            &["t"],
            "try now what of it is held up: what held it up is mended",
            "try now",
            Overlay("plan"),
            restores::again,
        ),
        Changes,
        restores::nothing_held,
    ),
    unless(
        action(
            "plan.retry",
            &["r"],
            "a new plan of what of it was not delivered",
            "retry",
            Overlay("plan"),
            restores::retry,
        ),
        restores::nothing_to_retry,
    ),
    action("plan.copy", &["y"], "copy its number", "", Overlay("plan"), views::copy),
    action("plan.copy-all", &["Y"], "copy everything shown", "", Overlay("plan"), views::copy_all),
    action("plan.close", &["esc", "q"], "back", "back", Overlay("plan"), leaving::close),
    unless(
        action(
            "rows.wrong",
            &["w"],
            "only the files that are wrong, or all of them",
            "wrong or all",
            Overlay("rows"),
            restores::turn_wrong,
        ),
        restores::no_plan,
    ),
    unless(
        action("rows.copy", &["y"], "copy the row and what is said of it", "copy", Overlay("rows"), views::copy),
        views::nothing_selected,
    ),
    action("rows.close", &["esc", "q"], "back", "back", Overlay("rows"), leaving::close),
    action(
        "replica.span",
        &["e"],
        "show more time in the chart: 1 h, 6 h, 24 h, 10 d, and again",
        "time shown",
        Overlay("replica"),
        delays::span,
    ),
    unless(
        action(
            "replica.freeze",
            &["f"],
            "a bad statement is coming: when it reaches it, and stop it; or how its freeze stands",
            "freeze",
            Overlay("replica"),
            freezes::open,
        ),
        delays::gone,
    ),
    unless(
        action("replica.closer", &["[", "+"], "show less time, closer", "", Overlay("replica"), delays::closer),
        delays::not_closer,
    ),
    unless(
        action("replica.wider", &["]", "-"], "show more time", "", Overlay("replica"), delays::wider),
        delays::not_wider,
    ),
    unless(
        action(
            "replica.next",
            &["right", "l", "n"],
            "the next replica on the list",
            "next",
            Overlay("replica"),
            delays::next,
        ),
        delays::alone,
    ),
    unless(
        action(
            "replica.previous",
            &["left", "h", "N"],
            "the replica before on the list",
            "",
            Overlay("replica"),
            delays::previous,
        ),
        delays::alone,
    ),
    unless(
        action(
            "replica.job",
            &["w"],
            "a backup or another job begins or ends on it: its window",
            "window",
            Overlay("replica"),
            windows::jobs,
        ),
        windows::no_jobs,
    ),
    action("replica.copy", &["y"], "copy its name", "", Overlay("replica"), views::copy),
    unless(
        action("replica.copy-all", &["Y"], "copy everything shown", "copy all", Overlay("replica"), views::copy_all),
        delays::gone,
    ),
    action("replica.close", &["esc", "q"], "back", "back", Overlay("replica"), leaving::close),
    deed(
        action(
            "jobs.pick",
            &["enter"],
            "start or end the selected job; it asks first",
            "choose",
            Overlay("jobs"),
            windows::pick,
        ),
        Asks,
        windows::not_to_pick,
    ),
    deed(
        action(
            "freeze.go",
            &["enter"],
            "stop the SQL thread, then the IO thread; it asks for the replica's name first",
            "freeze",
            Overlay("freeze"),
            freezes::go,
        ),
        Asks,
        freezes::not_to_freeze,
    ),
    action("freeze.close", &["esc"], "back; what is typed is kept", "back", Overlay("freeze"), leaving::close),
    deed(
        action(
            "frozen.tick",
            &["space", "enter"],
            "tick the selected recovery step, or take the tick back",
            "tick",
            Overlay("frozen"),
            freezes::tick,
        ),
        Changes,
        freezes::not_to_tick,
    ),
    deed(
        action(
            "frozen.resume",
            &["r"],
            "start both threads again for good; it asks for the replica's name first",
            "resume",
            Overlay("frozen"),
            freezes::resume,
        ),
        Asks,
        freezes::not_to_resume,
    ),
    action("frozen.copy", &["y"], "copy the selected line: a command, a step", "copy", Overlay("frozen"), views::copy),
    action("frozen.copy-all", &["Y"], "copy everything there is", "copy all", Overlay("frozen"), views::copy_all),
    action("frozen.close", &["esc", "q"], "back", "back", Overlay("frozen"), leaving::close),
    action("jobs.close", &["esc", "q"], "back", "back", Overlay("jobs"), leaving::close),
    action(
        "waiting.close",
        &["esc", "q"],
        "do not wait; nothing is spent (a plan that is being saved is saved)",
        "leave",
        Overlay("waiting"),
        leaving::close,
    ),
    action(
        "confirm.switch",
        &["left", "right", "tab", "shift-tab", "h", "l"],
        "the other button",
        "",
        Overlay("confirm"),
        leaving::switch,
    ),
    action("confirm.press", &["enter"], "press the focused button", "", Overlay("confirm"), leaving::press),
    action("confirm.close", &["esc", "q", "n"], "cancel", "cancel", Overlay("confirm"), leaving::close),
    // Everywhere.
    action("cancel", &["ctrl-c"], "cancel what is asked; else leave the console", "", Always, leaving::cancel),
    action("redraw", &["ctrl-l"], "draw the screen anew", "", Always, leaving::redraw),
    action("suspend", &["ctrl-z"], "suspend the console; `fg` brings it back", "", Always, leaving::suspend),
];
