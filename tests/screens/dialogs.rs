//! Dialogs: Cancel first, a typed word where much is at stake, what was seen looked at again, nothing twice.

use std::sync::Arc;

use firn::base::ids::PlanId;
use firn::console::effect::{Deed, Effect, Query};
use firn::console::model::Model;
use firn::console::msg::{Msg, Reply};
use firn::console::overlay::{Confirm, Focus, Overlay};
use firn::console::tabs::TabId;

use super::kit::{answer, busy, desk, go, order, press, said, screen, send, top, type_in};

fn confirm(model: &Model) -> &Confirm {
    match model.overlays.last() {
        Some(Overlay::Confirm(confirm)) => confirm,
        other => panic!("no dialog, but {other:?}: {}", said(model)),
    }
}

/// A dialog that asks whether a pool is to be paused.
fn pausing() -> Model {
    let mut model = desk();
    assert_eq!(press(&mut model, "right right p"), []);
    model
}

#[test]
fn cancel_is_focused_and_enter_cancels() {
    let mut model = pausing();
    assert_eq!((confirm(&model).focus, confirm(&model).word.clone()), (Focus::Cancel, None));
    let text = screen(&model, (120, 40));
    for wanted in ["Pause a pool", "pool fetch of db-ops-1", "3 of 4 places at work", "not safe meanwhile", "Cancel"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!((top(&model), said(&model)), ("", "cancelled; nothing was done"));
    for key in ["esc", "q", "n", "ctrl-c"] {
        let mut model = pausing();
        assert_eq!(press(&mut model, key), [], "{key}");
        assert!(model.overlays.is_empty(), "{key}");
    }
}

#[test]
fn the_other_button_does_it() {
    for key in ["right", "left", "tab", "shift-tab", "h", "l"] {
        let mut model = pausing();
        press(&mut model, key);
        assert_eq!(confirm(&model).focus, Focus::Go, "{key}");
        let effects = press(&mut model, "enter");
        let [Effect::Do(_, Deed::Order(change))] = &effects[..] else { panic!("{key}: {effects:?}") };
        assert_eq!((change.pool.as_str(), change.paused, change.drain), ("fetch", Some(true), None));
    }
    // Twice the other is Cancel again.
    let mut model = pausing();
    assert_eq!(press(&mut model, "right right enter"), []);
}

#[test]
fn in_bulk_and_in_production_the_word_is_typed() {
    let mut model = desk();
    press(&mut model, "A");
    assert_eq!(confirm(&model).word.as_deref(), Some("retry"));
    // The focus alone does not do it, nor does another word.
    assert_eq!(press(&mut model, "tab enter"), []);
    assert_eq!(said(&model), "type \"retry\" to go on");
    type_in(&mut model, "retr");
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!((said(&model), top(&model)), ("type \"retry\" to go on", "confirm"));
    type_in(&mut model, "y");
    let effects = press(&mut model, "enter");
    assert!(matches!(&effects[..], [Effect::Do(_, Deed::Retry(None))]), "{effects:?}");
    // With the word typed, Enter goes to the button first.
    let mut model = desk();
    press(&mut model, "A");
    type_in(&mut model, "retry");
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!(confirm(&model).focus, Focus::Go);
    assert_eq!(press(&mut model, "enter").len(), 1);
    // Few files at hand, and production.
    let mut model = desk();
    model.setup.production = true;
    go(&mut model, "right");
    press(&mut model, "r");
    let asked = confirm(&model);
    assert_eq!(asked.word.as_deref(), Some("retry"));
    assert_eq!(asked.object.last().unwrap(), "in staging, which is PRODUCTION");
    // Many marked files.
    let mut model = desk();
    go(&mut model, "right");
    for _ in 0..21 {
        press(&mut model, "space");
    }
    press(&mut model, "r");
    assert_eq!((confirm(&model).word.as_deref(), &confirm(&model).object[0][..]), (Some("retry"), "21 files"));
}

#[test]
fn the_word_is_not_pasted() {
    let mut model = desk();
    press(&mut model, "A");
    assert_eq!(send(&mut model, Msg::Paste("retry".to_owned())), []);
    assert_eq!(said(&model), "the word must be typed, not pasted");
    assert!(confirm(&model).typed.text().is_empty());
    assert_eq!(press(&mut model, "tab enter"), []);
    // Nor is anything else pasted into a dialog.
    let mut model = pausing();
    assert_eq!(send(&mut model, Msg::Paste("\r\n".to_owned())), []);
    assert_eq!((top(&model), said(&model)), ("confirm", "pasted text was dropped: nothing is being typed here"));
}

#[test]
fn what_has_changed_meanwhile_is_told_and_nothing_is_done() {
    // Somebody else has given an order.
    let mut model = pausing();
    let mut snapshot = busy();
    snapshot.pools[0].order = Some(order("db-ops-1", "fetch", 9));
    send(&mut model, Msg::Snapshot(Arc::new(snapshot)));
    assert_eq!(press(&mut model, "right enter"), []);
    let told = "mira on db-ops-2 gave the pool fetch another order meanwhile; nothing was done, look again";
    assert_eq!((said(&model), top(&model), model.under_way.len()), (told, "", 0));
    // Its process has gone.
    let mut model = pausing();
    let mut snapshot = busy();
    snapshot.pools[0].alive = false;
    send(&mut model, Msg::Snapshot(Arc::new(snapshot)));
    assert_eq!(press(&mut model, "right enter"), []);
    assert_eq!(said(&model), "the pool fetch of db-ops-1 has gone meanwhile; nothing was done, look again");
    // Failed files were tried by somebody else.
    let mut model = desk();
    model.setup.production = true;
    go(&mut model, "right");
    press(&mut model, "r");
    let mut snapshot = busy();
    snapshot.failed.remove(0);
    send(&mut model, Msg::Snapshot(Arc::new(snapshot)));
    type_in(&mut model, "retry");
    assert_eq!(press(&mut model, "enter enter"), []);
    assert_eq!(said(&model), "the failed files have changed meanwhile; nothing was done, look again");
    // The same state, newer: nothing has changed.
    let mut model = pausing();
    send(&mut model, Msg::Snapshot(Arc::new(busy())));
    assert_eq!(press(&mut model, "right enter").len(), 1);
}

#[test]
fn the_selection_may_move_under_a_dialog() {
    // The dialog is about what it names, whatever is selected when its button is pressed.
    let mut model = pausing();
    let mut snapshot = busy();
    snapshot.pools.insert(0, super::kit::pool("aaa", "fetch", 2));
    model.backup.pools.select(3);
    send(&mut model, Msg::Snapshot(Arc::new(snapshot)));
    let effects = press(&mut model, "right enter");
    let [Effect::Do(_, Deed::Order(change))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((change.host.as_str(), change.pool.as_str()), ("db-ops-1", "fetch"));
}

#[test]
fn nothing_runs_twice_until_it_is_answered() {
    let mut model = pausing();
    let effects = press(&mut model, "right enter");
    let [Effect::Do(ticket, _)] = effects[..] else { panic!("{effects:?}") };
    for key in ["p", "d", "+", "-"] {
        assert_eq!(press(&mut model, key), []);
        assert!(said(&model).ends_with("pool fetch of db-ops-1: the order before has not been answered yet"), "{key}");
    }
    // Another pool may be asked meanwhile.
    assert_eq!(press(&mut model, "down +").len(), 1);
    press(&mut model, "up");
    let told = send(&mut model, Msg::Reply(Reply::Done(ticket, Err("the state is locked".to_owned()))));
    assert_eq!(told, [Effect::Refresh]);
    assert_eq!(said(&model), "pool fetch of db-ops-1: the state is locked");
    press(&mut model, "p");
    assert_eq!(top(&model), "confirm");
}

#[test]
fn restoring_asks_for_a_folder_and_names_it() {
    let mut model = desk();
    press(&mut model, "R");
    assert_eq!(top(&model), "prompt");
    press(&mut model, "ctrl-u");
    type_in(&mut model, "there");
    press(&mut model, "enter");
    assert!(screen(&model, (120, 40)).contains("\"there\" is not absolute; write it from the root"));
    press(&mut model, "ctrl-u");
    type_in(&mut model, "~/out");
    let effects = press(&mut model, "enter");
    let uuid = model.backup.bundle(model.shown.as_ref().unwrap()).unwrap().row.uuid;
    let line = format!("archive:{uuid} file:/home/robin/out/");
    let [Effect::Ask(query @ Query::Draft { text, dest: None, tier: None })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((&**text, top(&model)), (&*line, "waiting"));
    // What it comes to is seen before anything is asked for, and the plan is confirmed like any other.
    answer(&mut model, &[Effect::Ask(query.clone())]);
    assert_eq!(top(&model), "quotes");
    go(&mut model, "right enter");
    assert_eq!((top(&model), confirm(&model).focus), ("confirm", Focus::Cancel));
    type_in(&mut model, "restore");
    let effects = press(&mut model, "enter enter");
    let [Effect::Do(ticket, Deed::Confirm { .. })] = effects[..] else { panic!("{effects:?}") };
    send(&mut model, Msg::Reply(Reply::Done(ticket, Ok("plan 8 is confirmed".to_owned()))));
    // What nobody waits for any more takes nobody's place, and is thrown away.
    let mut left = desk();
    let effects = press(&mut left, "right R enter");
    let [.., Effect::Ask(query @ Query::Draft { .. })] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(top(&left), "waiting");
    press(&mut left, "esc esc");
    let drafted = super::restores::reply(query).unwrap();
    let effects = send(&mut left, Msg::Reply(drafted));
    assert!(matches!(effects[..], [Effect::Do(_, Deed::Drop(PlanId(8)))]), "{effects:?}");
    assert_eq!(left.overlays.len(), 0);
    // Leaving the plan leads back to the folder; one that cannot be used is asked for again, with why.
    let mut model = desk();
    go(&mut model, "R enter esc");
    assert_eq!(top(&model), "prompt");
    let effects = press(&mut model, "enter");
    let [Effect::Ask(query)] = &effects[..] else { panic!("{effects:?}") };
    send(&mut model, Msg::Reply(Reply::Draft(query.clone(), Err("the vault is in it".to_owned()))));
    assert_eq!(top(&model), "prompt");
    assert!(screen(&model, (120, 40)).contains("the vault is in it"));
    // A file; a folder with a blank and a quotation mark.
    let mut model = desk();
    press(&mut model, "right R ctrl-u");
    type_in(&mut model, "/srv/a \"b\"");
    let effects = press(&mut model, "enter");
    let [Effect::Ask(Query::Draft { text, .. })] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(&**text, r#"version:1 "file:/srv/a \"b\"/""#);
}

#[test]
fn leaving_says_what_becomes_of_the_work() {
    // Nothing runs here: it leaves at once.
    assert_eq!(press(&mut desk(), "q"), [Effect::Leave]);
    // An unanswered order, or workers, are told first.
    let mut model = desk();
    go(&mut model, "right right +");
    assert_eq!(press(&mut model, "q"), []);
    assert!(confirm(&model).effect.contains(&"not answered yet: pool fetch of db-ops-1".to_owned()));
    let mut model = desk();
    model.setup.workers = Some("fetch upload".to_owned());
    send(&mut model, Msg::Workers(firn::worker::supervisor::Standing::Running));
    assert_eq!(press(&mut model, "q"), []);
    let asked = confirm(&model);
    assert_eq!(asked.object, ["workers run in it (fetch upload); they have 12 files in hand"]);
    assert!(asked.effect.iter().any(|line| line.contains("no other worker runs on this state")), "{:?}", asked.effect);
    // Where nothing is backed up, that is not what ends.
    let mut watching = model.clone();
    watching.overlays.clear();
    watching.setup.areas.retain(|(tab, _)| *tab != TabId::Backup);
    assert_eq!(press(&mut watching, "q"), []);
    let told = confirm(&watching).effect.join("; ");
    assert!(
        told.contains("nobody watches it, and tells people, until one does") && !told.contains("backed up"),
        "{told}"
    );
    assert_eq!(press(&mut model, "right enter"), [Effect::Leave]);
    assert!(screen(&model, (140, 40)).contains("leaving: workers finish what they have"));
    // While it leaves, nothing else is done; once more, it is at once.
    assert_eq!(press(&mut model, "p A x R"), []);
    assert_eq!(press(&mut model, "q"), [Effect::Abandon]);
}
