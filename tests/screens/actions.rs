//! Every action of the one table: where it can be done it does something, by each of its keys and by its name; where it
//! cannot, it says why; in a read-only console nothing that changes anything is reached by any way.

use std::collections::BTreeSet;

use firn::console::action::{self, ACTIONS, Action, Context, Danger, Scope};
use firn::console::effect::{Deed, Effect};
use firn::console::model::Model;
use firn::console::msg::Msg;
use firn::console::overlay::{Focus, Overlay, Search};
use firn::console::tabs::TabId;
use firn::console::update::{deeds, typing};
use firn::store::ArchiveState;

use super::kit::{
    WAYS, answer, blank, busy, console, desk, go, idle, open, paint, pool, press, said, send, top, type_in,
};

/// A console in which an action can be done, and in which it shows.
fn ready(action: &Action) -> Model {
    if ["redis.", "node.", "events.", "bench.", "load."].iter().any(|room| action.id.starts_with(room)) {
        return super::redis::ready(action.id);
    }
    if let Scope::Overlay(word) = action.scope {
        let way = match (word, action.id) {
            ("details", "details.retry") => "right enter",
            ("confirm", _) => "right right p",
            ("findings", "findings.go") => "F down",
            ("form", "form.plan") => return super::restores::requested(),
            ("batch", _) => return super::restores::written(action.id == "batch.redo"),
            ("replica", "replica.closer") => "4 enter ]",
            ("plan", "plan.confirm") => "2 enter",
            ("plan", "plan.again") => "2 down enter",
            ("plan", "plan.faster" | "plan.fastest") => "2 down down enter",
            _ => WAYS.iter().find(|(_, way)| top(&open(way)) == word).map(|(_, way)| *way).unwrap(),
        };
        let mut model = open(way);
        if action.id == "themes.use" {
            press(&mut model, "down");
        }
        return model;
    }
    let mut model = desk();
    match action.id {
        "backup.pause" | "backup.larger" | "backup.smaller" | "backup.drain" => go(&mut model, "right right"),
        "backup.retry" | "mark" => go(&mut model, "right"),
        "tab.1" => model.tab = TabId::Audit,
        "restore.retry" | "restore.faster" | "restore.fastest" => go(&mut model, "2 down down"),
        "restore.again" => go(&mut model, "2 down"),
        id if id.starts_with("delay.") => go(&mut model, "4"),
        id if id.starts_with("restore.") => go(&mut model, "2"),
        "back" => {
            go(&mut model, "/");
            type_in(&mut model, "live");
            go(&mut model, "enter");
        }
        "up" | "down" | "page-up" | "page-down" | "top" | "end" => go(&mut model, "down down down down down"),
        _ => {}
    }
    model
}

/// What of a console can be seen to differ after a key: not when it was touched, nor what was done by name.
fn picture(model: &Model) -> String {
    let mut model = model.clone();
    model.touched = model.now;
    model.dirty = false;
    model.recent.clear();
    format!("{model:?}")
}

/// Fails unless something came of an action.
fn assert_done(action: &Action, how: &str, before: &Model, after: &Model, effects: &[Effect]) {
    let refused = said(after).starts_with(&format!("{}: ", action.id));
    assert!(!refused, "{} by {how}: {}", action.id, said(after));
    assert!(!effects.is_empty() || picture(before) != picture(after), "{} by {how} does nothing", action.id);
}

/// Names an action in the palette, whatever the console shows.
fn by_name(model: &mut Model, id: &str) -> Vec<Effect> {
    model.overlays.push(Overlay::Palette(Search::default()));
    type_in(model, id);
    press(model, "enter")
}

fn do_effects(effects: &[Effect]) -> Vec<&Deed> {
    effects.iter().filter_map(|effect| if let Effect::Do(_, deed) = effect { Some(deed) } else { None }).collect()
}

#[test]
fn the_table_is_whole() {
    let ids: BTreeSet<&str> = ACTIONS.iter().map(|action| action.id).collect();
    assert_eq!(ids.len(), ACTIONS.len(), "an id names one action");
    for action in ACTIONS {
        assert!(!action.text.is_empty() && !action.keys.is_empty(), "{action:?}");
        assert!(action.text.chars().next().unwrap().is_lowercase() || action.scope == Scope::Global, "{action:?}");
        assert!(action.id.chars().all(|c| c.is_ascii_lowercase() || "-.0123456789".contains(c)), "{action:?}");
        assert_eq!(action::find(action.id), Some(action));
        let known = match action.scope {
            Scope::Overlay(word) => action::OVERLAYS.contains(&word) || action::TYPED.contains(&word),
            _ => true,
        };
        assert!(known && !action::group(action.scope).is_empty(), "{action:?}");
    }
    let words: BTreeSet<&str> = WAYS.iter().map(|(_, way)| top(&open(way))).collect();
    let all: BTreeSet<&str> = action::OVERLAYS.into_iter().chain(action::TYPED).collect();
    assert_eq!(words, all, "every overlay can be opened");
}

#[test]
fn every_action_does_something_by_each_of_its_keys() {
    for action in ACTIONS {
        let model = ready(action);
        assert!(Context::of(&model).has(action.scope), "{action:?}");
        assert_eq!(action::why_not(action, &model), None, "{action:?}");
        for key in action.keys {
            let mut after = model.clone();
            let effects = press(&mut after, key);
            assert_done(action, key, &model, &after, &effects);
        }
    }
}

#[test]
fn every_action_does_something_by_its_name() {
    for action in ACTIONS.iter().filter(|action| action.id != "palette") {
        let model = ready(action);
        let mut after = model.clone();
        let effects = by_name(&mut after, action.id);
        assert_ne!(top(&after), "palette", "{action:?}: {}", said(&after));
        assert_done(action, "name", &model, &after, &effects);
        // By key and by name it is the same.
        let mut by_key = model.clone();
        assert_eq!(press(&mut by_key, action.keys[0]), effects, "{action:?}");
        assert_eq!(picture(&by_key), picture(&after), "{action:?}");
    }
}

#[test]
fn help_finds_every_action_by_name_and_by_key() {
    for action in ACTIONS {
        let mut model = ready(action);
        let wanted = model.keymap.keys(action.id).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(wanted, action.keys, "{action:?}");
        model.overlays.push(Overlay::Help(Search::default()));
        assert!(typing::rows_of(&model).contains(&action), "{action:?} is not in help");
        for text in std::iter::once(&action.id).chain(action.keys) {
            let mut model = model.clone();
            type_in(&mut model, text);
            assert!(typing::rows_of(&model).contains(&action), "{action:?} is not found by {text:?}");
        }
    }
}

/// Consoles in which there is little to be done.
fn bare() -> Vec<Model> {
    let mut bare = vec![blank(), console(idle())];
    for keys in ["right", "right right"] {
        let mut model = console(idle());
        go(&mut model, keys);
        bare.push(model);
    }
    let mut elsewhere = desk();
    elsewhere.tab = TabId::Audit;
    bare.push(elsewhere);
    let mut empty = console(idle());
    go(&mut empty, "F");
    bare.push(empty);
    // Details of nothing that failed, and that were not read.
    let mut unread = desk();
    press(&mut unread, "enter");
    bare.push(unread);
    let mut file = desk();
    go(&mut file, "right enter");
    bare.push(file);
    let mut none = desk();
    go(&mut none, "f");
    press(&mut none, "enter");
    bare.push(none);
    bare.extend(super::restores::bare());
    bare.extend(super::delays::bare());
    bare.extend(super::redis::bare());
    bare
}

#[test]
fn what_cannot_be_done_says_why_and_does_nothing() {
    let mut refused = BTreeSet::new();
    for model in bare() {
        for action in ACTIONS.iter().filter(|action| Context::of(&model).has(action.scope)) {
            let Some(why) = action::why_not(action, &model) else { continue };
            refused.insert(action.id);
            for key in action.keys {
                let mut after = model.clone();
                assert_eq!(press(&mut after, key), [], "{action:?}");
                assert_eq!(said(&after), format!("{}: {why}", action.id));
                after.flash = None;
                assert_eq!(picture(&after), picture(&model), "{action:?} by {key}");
            }
            let mut named = model.clone();
            assert_eq!(by_name(&mut named, action.id), [], "{action:?}");
            assert_eq!(said(&named), format!("{}: {why}", action.id));
        }
    }
    let conditional = [
        "backup.pause",
        "backup.retry",
        "backup.retry-all",
        "backup.seal",
        "backup.restore",
        "backup.larger",
        "backup.smaller",
        "backup.drain",
        "details",
        "mark",
        "copy",
        "findings.ack",
        "findings.copy",
        "findings.go",
        "details.files",
        "details.restore",
        "details.retry",
        "files.details",
        "files.restore",
        "files.copy",
        "restore.new",
        "restore.batch",
        "restore.confirm",
        "restore.cancel",
        "restore.faster",
        "restore.fastest",
        "restore.again",
        "restore.retry",
        "restore.details",
        "form.plan",
        "batch.plan",
        "batch.wrong",
        "batch.save",
        "batch.clear",
        "quotes.before",
        "quotes.next",
        "quotes.save",
        "plan.files",
        "plan.wrong",
        "plan.parts",
        "plan.confirm",
        "plan.cancel",
        "plan.faster",
        "plan.fastest",
        "plan.again",
        "plan.retry",
        "rows.wrong",
        "rows.copy",
        "delay.details",
        "delay.job",
        "replica.closer",
        "replica.wider",
        "replica.next",
        "replica.previous",
        "replica.job",
        "replica.copy-all",
        "jobs.pick",
        "replica.freeze",
        "freeze.go",
        "frozen.tick",
        "frozen.resume",
        "redis.details",
        "redis.pane",
        "redis.failover",
        "redis.stable",
        "redis.kill",
        "redis.events",
        "redis.bench",
        "redis.turn",
        "node.again",
        "node.next",
        "node.previous",
        "node.failover",
        "node.kill",
        "bench.start",
        "load.stop",
        "load.another",
    ];
    assert_eq!(refused, BTreeSet::from(conditional));
}

#[test]
fn reasons_name_what_stands_in_the_way() {
    let pools = |change: fn(&mut firn::backup::snapshot::PoolRow)| {
        let mut snapshot = busy();
        change(&mut snapshot.pools[0]);
        let mut model = console(snapshot);
        go(&mut model, "right right");
        model
    };
    let cases = vec![
        (pools(|pool| pool.alive = false), "p", "the worker db-ops-1 2211 is not heard of; nobody would obey"),
        (pools(|pool| pool.size = firn::worker::pool::LARGEST), "+", "places at most"),
        (pools(|pool| pool.size = firn::worker::pool::SMALLEST), "-", "one is kept for live files"),
        (desk(), "p", "select a pool first (the list Pools, with the arrow keys)"),
        (desk(), "r", "select a failed file first (the list Failures, with the arrow keys)"),
        (console(idle()), "A", "no file has failed"),
        (console(idle()), "x", "no bundle is open"),
        (console(idle()), "R", "select a bundle or a file first; `f` finds any file"),
        (console(idle()), "enter", "nothing is selected: the list is empty"),
        (blank(), "A", "the state has not been read yet"),
    ];
    for (mut model, key, why) in cases {
        assert_eq!(press(&mut model, key), []);
        assert!(said(&model).ends_with(why), "{key}: {:?}", said(&model));
    }
    // Nobody is there to seal.
    let mut snapshot = busy();
    snapshot.pools.retain(|row| row.pool != "fetch");
    let mut model = console(snapshot);
    assert_eq!(press(&mut model, "x"), []);
    assert_eq!(said(&model), "backup.seal: no worker that fetches runs");
    // A plan is written into the state, and this console writes nothing.
    let mut model = desk();
    model.setup.read_only = true;
    for id in ["backup.restore", "details.restore"] {
        assert_eq!(press(&mut model, "R"), []);
        assert_eq!(said(&model), format!("{id}: this console is read-only ([console] read_only, or --read-only)"));
        go(&mut model, "enter");
    }
    // What this console alone sees.
    let mut snapshot = idle();
    snapshot.findings = vec![super::kit::finding(firn::base::Severity::Critical, "worker.none", "")];
    let mut model = console(snapshot);
    assert_eq!(press(&mut model, "F a"), []);
    assert_eq!(said(&model), "findings.ack: it is what this report sees now, and goes when it no longer holds");
}

/// Goes all the way with what an action asks: types the folder and the word, presses the button.
pub fn all_the_way(model: &mut Model, mut effects: Vec<Effect>) -> Vec<Effect> {
    for _ in 0..4 {
        let step = match model.overlays.last() {
            Some(Overlay::Prompt(_)) => {
                press(model, "ctrl-u");
                type_in(model, "/srv/restored");
                let asked = press(model, "enter");
                answer(model, &asked);
                asked
            }
            Some(Overlay::Confirm(confirm)) => {
                assert_eq!(confirm.focus, Focus::Cancel, "Cancel first");
                let word = confirm.word.clone();
                type_in(model, &word.unwrap_or_default());
                press(model, "tab enter")
            }
            _ => break,
        };
        effects.extend(step);
    }
    effects
}

fn dangerous() -> impl Iterator<Item = &'static Action> {
    ACTIONS.iter().filter(|action| action.danger != Danger::None)
}

#[test]
fn whatever_changes_something_asks_as_its_danger_says_and_runs_once() {
    for action in dangerous() {
        for production in [false, true] {
            let mut model = ready(action);
            model.setup.production = production;
            let again = model.clone();
            let first = press(&mut model, action.keys[0]);
            assert!(action.danger != Danger::Asks || do_effects(&first).is_empty(), "{action:?} asks first");
            // Where a price is read before, it comes.
            answer(&mut model, &first);
            let asked = matches!(top(&model), "confirm" | "prompt");
            if production || action.danger == Danger::Asks {
                assert!(asked && do_effects(&first).is_empty(), "{action:?} asks first");
            } else {
                assert_eq!(do_effects(&first).len(), 1, "{action:?} is done at once");
            }
            let effects = all_the_way(&mut model, first);
            assert_eq!(do_effects(&effects).len(), 1, "{action:?} in production {production}: {}", said(&model));
            // The same once more, while the first has not been answered.
            model.overlays.clone_from(&again.overlays);
            model.backup = again.backup;
            let second = press(&mut model, action.keys[0]);
            answer(&mut model, &second);
            assert!(!matches!(top(&model), "confirm" | "prompt"), "{action:?} asks again");
            let effects = all_the_way(&mut model, second);
            assert!(do_effects(&effects).is_empty(), "{action:?} runs twice: {effects:?}");
            assert!(said(&model).starts_with(&format!("{}: ", action.id)), "{action:?}: {:?}", said(&model));
        }
    }
}

#[test]
fn a_read_only_console_changes_nothing_by_any_way() {
    for action in dangerous() {
        let mut model = ready(action);
        model.setup.read_only = true;
        let why = format!("{}: this console is read-only ([console] read_only, or --read-only)", action.id);
        for key in action.keys {
            let mut after = model.clone();
            assert_eq!(press(&mut after, key), [], "{action:?}");
            assert_eq!(said(&after), why);
            assert_eq!(after.overlays.len(), model.overlays.len(), "{action:?} asks");
        }
        let mut named = model.clone();
        assert_eq!(by_name(&mut named, action.id), [], "{action:?}");
        assert_eq!(said(&named), why);
        // Even a dialog that stood there already.
        let mut asked = ready(action);
        let read = press(&mut asked, action.keys[0]);
        answer(&mut asked, &read);
        asked.setup.read_only = true;
        let effects = all_the_way(&mut asked, Vec::new());
        assert_eq!(do_effects(&effects), Vec::<&Deed>::new(), "{action:?}");
    }
    // A click selects and never acts, read-only or not.
    for read_only in [true, false] {
        for (name, way) in WAYS.iter().chain([&("the tab", "")]) {
            let mut model = desk();
            go(&mut model, way);
            model.setup.read_only = read_only;
            let (_, report) = paint(&model, (140, 40));
            model.drawn(report);
            for row in 0..40 {
                for column in (0..140).step_by(3) {
                    let effects = send(&mut model, Msg::Click(column, row));
                    assert!(do_effects(&effects).is_empty(), "{name}: a click at {column}, {row}");
                }
            }
            for up in [true, false] {
                let effects = send(&mut model, Msg::Wheel(up));
                assert!(do_effects(&effects).is_empty(), "{name}: the wheel");
            }
        }
    }
}

#[test]
fn deeds_are_what_was_asked_for() {
    let mut model = desk();
    go(&mut model, "right right");
    let effects = press(&mut model, "+");
    let [Deed::Order(change)] = do_effects(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((change.host.as_str(), change.pool.as_str(), change.size), ("db-ops-1", "fetch", Some(5)));
    assert_eq!(change.who, "robin on db-ops-1");
    // Marked files, and those alone.
    let mut model = desk();
    go(&mut model, "right space down space");
    let effects = press(&mut model, "r");
    let [Deed::Retry(Some(files))] = do_effects(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(files.iter().map(|file| file.0).collect::<Vec<_>>(), [1, 3]);
    assert!(model.backup.failures.marks.is_empty());
    // Seal reaches each host that fetches, once.
    let mut snapshot = busy();
    snapshot.pools.push(pool("db-ops-1", "fetch", 2));
    assert!(snapshot.bundles.iter().any(|bundle| bundle.row.state == ArchiveState::Open));
    let mut model = console(snapshot);
    let effects = press(&mut model, "x");
    let [Deed::Seal(orders)] = do_effects(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(orders.iter().map(|order| order.host.as_str()).collect::<Vec<_>>(), ["db-ops-1", "db-ops-2"]);
    // A finding is quiet for four hours by the clock of the state.
    let mut model = desk();
    let effects = press(&mut model, "F a");
    let [Deed::Ack { rule, object, until }] = do_effects(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((rule.as_str(), object.as_str()), ("vault.unreachable", "glacier"));
    assert_eq!(*until, super::kit::NOW.plus(deeds::ACK_FOR));
}
