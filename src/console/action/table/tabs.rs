//! What can be done on a tab, and wherever nothing is over it.

use super::{action, deed, unless};
use crate::console::action::Action;
use crate::console::action::Danger::{Asks, Changes};
use crate::console::action::Scope::{self, Always, Global, List, Tab};
use crate::console::tabs::TabId;
use crate::console::update::{deeds, delays, hurries, leaving, moves, pools, restores, views, windows, written};

const BACKUP: Scope = Tab(TabId::Backup);
const RESTORE: Scope = Tab(TabId::Restore);
const DELAY: Scope = Tab(TabId::Delay);

pub(super) const TABS: &[Action] = &[
    // What matters on the tab comes first: the footer takes them in this order.
    deed(
        action(
            "backup.pause",
            &["p"],
            "pause the selected pool, or let it work again",
            "pause/resume",
            BACKUP,
            pools::pause,
        ),
        Asks,
        pools::no_pool,
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
        action("backup.seal", &["x"], "close (seal) the open bundles now", "seal", BACKUP, pools::seal),
        Changes,
        pools::nothing_open,
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
        action("backup.larger", &["+", "="], "give the selected pool one place more", "", BACKUP, pools::larger),
        Changes,
        pools::not_larger,
    ),
    deed(
        action("backup.smaller", &["-"], "take one place from the selected pool", "", BACKUP, pools::smaller),
        Changes,
        pools::not_smaller,
    ),
    deed(
        action(
            "backup.drain",
            &["d"],
            "let the selected pool finish what it has and take no more",
            "",
            BACKUP,
            pools::drain,
        ),
        Asks,
        pools::no_pool,
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
];
