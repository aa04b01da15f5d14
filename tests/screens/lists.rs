//! Lists over new snapshots: what is selected, marked, filtered and sorted; and a screen that is held.

use std::sync::Arc;
use std::time::Duration;

use firn::backup::snapshot::Snapshot;
use firn::base::Severity;
use firn::console::effect::{Effect, Query};
use firn::console::model::Model;
use firn::console::msg::{Msg, Reply};
use firn::console::tabs::backup::{Pane, RowId};
use firn::console::update::update;
use firn::store::ArchiveState;

use super::kit::{
    NOW, archive, bundle, busy, console, desk, failed, finding, go, idle, press, said, screen, send, type_in,
};

fn newer(change: impl FnOnce(&mut Snapshot)) -> Msg {
    let mut snapshot = busy();
    snapshot.now = NOW.plus(Duration::from_secs(2));
    change(&mut snapshot);
    Msg::Snapshot(Arc::new(snapshot))
}

fn selected(model: &Model) -> &RowId {
    model.backup.list().selected.as_ref().unwrap()
}

#[test]
fn the_selection_follows_what_is_selected() {
    let mut model = desk();
    press(&mut model, "down down down down");
    assert_eq!(*selected(&model), RowId::Archive(archive(5)));
    // Rows come before it, and others go.
    send(
        &mut model,
        newer(|snapshot| {
            snapshot.bundles.insert(0, bundle(77, ArchiveState::Sealed));
            snapshot.bundles.insert(0, bundle(78, ArchiveState::Sealed));
        }),
    );
    assert_eq!((selected(&model), model.backup.list().place()), (&RowId::Archive(archive(5)), Some(6)));
    // It goes itself: its place is kept.
    send(
        &mut model,
        newer(|snapshot| {
            snapshot.bundles.remove(4);
        }),
    );
    assert_eq!(*selected(&model), RowId::Archive(archive(8)), "{:?}", model.backup.list());
    assert!(model.backup.list().lost);
    // What is copied is what is selected now.
    assert_eq!(press(&mut model, "y"), [Effect::Copy(archive(8).to_string())]);
    // All go, and come again.
    send(&mut model, newer(|snapshot| snapshot.bundles.clear()));
    assert_eq!(model.backup.list().selected, None);
    send(&mut model, newer(|_| {}));
    assert!(model.backup.list().selected.is_some());
}

#[test]
fn a_filter_is_seen_while_it_is_typed_and_dropped_by_escape() {
    let mut model = desk();
    press(&mut model, "/");
    type_in(&mut model, "upload");
    assert_eq!(model.backup.list().ids, [RowId::Archive(archive(2))]);
    let text = screen(&model, (140, 40));
    assert!(text.contains("1/14") || text.contains("of 14"), "how many there are without it:\n{text}");
    // Kept over new snapshots, by Enter.
    press(&mut model, "enter");
    send(&mut model, newer(|snapshot| snapshot.bundles.push(bundle(50, ArchiveState::Uploading))));
    assert_eq!(model.backup.list().ids.len(), 2);
    // Another one is dropped by Escape, and the first stands again.
    press(&mut model, "/");
    type_in(&mut model, " nothing");
    assert!(model.backup.list().ids.is_empty());
    assert!(screen(&model, (140, 40)).contains("no row passes the filter; Esc drops it"));
    press(&mut model, "esc");
    assert_eq!((model.backup.list().filter.as_str(), model.backup.list().ids.len()), ("upload", 2));
    press(&mut model, "esc");
    assert_eq!((said(&model), model.backup.list().ids.len()), ("the filter is gone", 15));
    // What must not be there.
    // What was typed and left is there again.
    press(&mut model, "/");
    assert!(screen(&model, (140, 40)).contains("upload nothing"));
    press(&mut model, "ctrl-u");
    type_in(&mut model, "!sealed");
    assert_eq!(model.backup.list().ids.len(), 4);
}

#[test]
fn every_column_sorts_both_ways_and_says_so() {
    for keys in ["", "right", "right right"] {
        let mut model = desk();
        go(&mut model, keys);
        let (columns, all) = (model.backup.columns(), model.backup.list().ids.len());
        for column in 0..columns {
            press(&mut model, "s");
            let title = model.backup.titles()[column];
            assert_eq!(said(&model), format!("sorted by {title}, smallest first"));
            let up = model.backup.list().ids.clone();
            press(&mut model, "S");
            assert_eq!(said(&model), format!("sorted by {title}, largest first"));
            let down = model.backup.list().ids.clone();
            assert_eq!((up.len(), down.len()), (all, all));
            press(&mut model, "S");
            assert_eq!(model.backup.list().ids, up);
        }
        press(&mut model, "s");
        assert_eq!((said(&model), model.backup.list().sort), ("in the order of the state", None));
    }
    // By size, unknown last whichever way.
    let mut model = desk();
    press(&mut model, "s s s s");
    let last = |model: &Model| model.backup.list().ids.last().cloned();
    assert_eq!(last(&model), Some(RowId::Archive(archive(1))));
    press(&mut model, "S");
    assert_eq!(last(&model), Some(RowId::Archive(archive(1))), "an open bundle's files are not counted yet");
}

#[test]
fn marks_stay_with_their_rows_and_go_with_them() {
    let mut model = desk();
    go(&mut model, "right space space down space");
    let marks = |model: &Model| model.backup.failures.marks.iter().cloned().collect::<Vec<_>>();
    let file = |n| RowId::File(firn::base::ids::FileId(n));
    assert_eq!(marks(&model), [file(1), file(2), file(4)]);
    assert!(screen(&model, (140, 40)).contains("3 marked"));
    send(
        &mut model,
        newer(|snapshot| {
            snapshot.failed.retain(|row| row.row.file.0 != 2);
            snapshot.failed.insert(0, failed(90));
        }),
    );
    assert_eq!(marks(&model), [file(1), file(4)]);
    press(&mut model, "esc");
    assert_eq!((said(&model), marks(&model).len()), ("the marks are gone", 0));
}

#[test]
fn a_screen_that_is_held_stays_and_alarms_still_show() {
    let mut model = console(Snapshot { findings: Vec::new(), severity: Severity::Ok, ..busy() });
    press(&mut model, "z");
    assert!(said(&model).starts_with("the screen is held; work goes on, alarms still show; z "), "{}", said(&model));
    model.flash = None;
    let before = screen(&model, (140, 40));
    assert!(before.lines().next().unwrap().contains("HELD since 12:00:00Z"), "{before}");
    let news = newer(|snapshot| {
        snapshot.bundles.clear();
        snapshot.failed.clear();
        snapshot.stored.archives = 1;
        snapshot.findings = vec![finding(Severity::Critical, "vault.unreachable", "glacier")];
    });
    send(&mut model, news);
    let after = screen(&model, (140, 40));
    // The tab is what it was; header and footer are not.
    let body = |text: &str| text.lines().skip(2).take(36).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(body(&before), body(&after));
    assert!(after.lines().next().unwrap().contains("Backup ✖1"), "{after}");
    assert!(after.lines().last().unwrap().contains("✖ glacier: 10 archives"), "{after}");
    // A finding is listed as it is now.
    press(&mut model, "F");
    assert!(screen(&model, (140, 40)).contains("vault.unreachable"));
    press(&mut model, "esc");
    assert_eq!(press(&mut model, "z"), [Effect::Refresh]);
    assert_eq!((model.backup.bundles.ids.len(), model.held), (0, None));
    assert!(screen(&model, (140, 40)).contains("IN VAULT 1 archives"));
}

#[test]
fn findings_are_gone_through_and_acknowledged() {
    let mut model = desk();
    press(&mut model, "F");
    let text = screen(&model, (140, 40));
    for wanted in ["vault.unreachable glacier", "archive.unknown glacier", "wait for the inventory", "10 archives"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    press(&mut model, "down");
    let effects = press(&mut model, "a");
    let [Effect::Do(ticket, _)] = effects[..] else { panic!("{effects:?}") };
    // It is quiet once the state says so, and can be read in the list still.
    let until = Some(NOW.plus(Duration::from_hours(4)));
    send(&mut model, Msg::Reply(Reply::Done(ticket, Ok("acknowledged".to_owned()))));
    send(&mut model, newer(|snapshot| snapshot.findings[1].ack_until = until));
    assert_eq!(press(&mut model, "a"), []);
    assert_eq!(said(&model), "findings.ack: it is acknowledged until 2026-11-22T16:00:00Z already");
    assert!(screen(&model, (140, 40)).contains("archive.unknown"));
    press(&mut model, "esc");
    let quiet = newer(|snapshot| {
        snapshot.findings.remove(0);
        snapshot.findings.truncate(1);
        snapshot.findings[0].ack_until = until;
    });
    send(&mut model, quiet);
    model.flash = None;
    let text = screen(&model, (140, 40));
    assert!(!text.lines().next().unwrap().contains('⚠') && !text.lines().last().unwrap().contains('⚠'), "{text}");
    // The one that was selected has gone: nothing is acknowledged in its place.
    let mut model = desk();
    press(&mut model, "F");
    send(
        &mut model,
        newer(|snapshot| {
            snapshot.findings.remove(0);
        }),
    );
    assert_eq!(press(&mut model, "a"), []);
    assert_eq!(said(&model), "findings.ack: it no longer holds");
}

#[test]
fn what_is_not_read_is_said_and_its_age_is_seen() {
    let mut model = desk();
    send(&mut model, Msg::Blind("the disk is full".to_owned()));
    let late = NOW.plus(Duration::from_secs(90));
    update(&mut model, Msg::Tick, late);
    let text = screen(&model, (140, 40));
    let (first, last) = (text.lines().next().unwrap(), text.lines().last().unwrap());
    assert!(first.contains("db away 90 s"), "{first}");
    assert!(last.contains("the state cannot be read for 90 s: the disk is full"), "{last}");
    assert!(text.contains("IN VAULT 3,018 archives"), "what was read last stays");
    // A quiet reader is told apart from a working one.
    let mut model = desk();
    update(&mut model, Msg::Tick, late);
    assert!(screen(&model, (140, 40)).lines().next().unwrap().contains("db read 90 s ago"));
}

#[test]
fn a_long_list_of_failures_is_read_page_by_page() {
    let mut snapshot = busy();
    snapshot.failed = (1..=200).map(failed).collect();
    let mut model = console(snapshot.clone());
    let effects = press(&mut model, "right end");
    let after = Some((snapshot.failed[199].row.next_try, snapshot.failed[199].row.file));
    assert_eq!(effects, [Effect::Ask(Query::Failed { page: 1, after })]);
    assert!(screen(&model, (140, 40)).contains("and more"));
    send(&mut model, Msg::Reply(Reply::Failed(1, Ok((201..=230).map(failed).collect()))));
    assert_eq!(model.backup.failures.ids.len(), 230);
    press(&mut model, "end");
    assert_eq!(*selected(&model), RowId::File(firn::base::ids::FileId(230)));
    // What could not be read is said, and asked again by the next move.
    let mut model = console(snapshot);
    press(&mut model, "right end");
    send(&mut model, Msg::Reply(Reply::Failed(1, Err("the state is locked".to_owned()))));
    assert_eq!(said(&model), "the state is locked");
    assert_eq!(press(&mut model, "up").len(), 1);
}

#[test]
fn an_empty_console_says_why_it_is_empty() {
    let text = screen(&console(idle()), (140, 40));
    for wanted in ["nothing is on its way", "no file has failed", "no worker runs; `firn run` starts one"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    assert!(screen(&super::kit::blank(), (140, 40)).contains("reading the state …"));
}

#[test]
fn a_finding_leads_to_what_can_be_done_about_it() {
    // A pool that stands still: the list, the row, and the key that acts on it.
    let mut model = desk();
    let mut pools = model.newest.as_ref().unwrap().pools.clone();
    pools[3].paused = true;
    let object = format!("{} {}", pools[3].host, pools[3].pool);
    send(
        &mut model,
        newer(|snapshot| {
            snapshot.pools.clone_from(&pools);
            snapshot.findings = vec![finding(Severity::Warning, "worker.pool", &object)];
        }),
    );
    press(&mut model, "F enter");
    assert!(model.overlays.is_empty() && model.backup.pane == Pane::Pools);
    let row = RowId::Pool(pools[3].host.clone(), pools[3].pid, pools[3].pool.clone());
    assert_eq!(model.backup.list().selected, Some(row));
    let text = screen(&model, (140, 40));
    assert!(text.contains("F findings  p pause/resume"), "{text}");
    // An unknown archive, behind a filter.
    let mut model = desk();
    press(&mut model, "/");
    type_in(&mut model, "open");
    press(&mut model, "enter");
    press(&mut model, "F down enter");
    let selected = model.backup.list().selected.clone().unwrap();
    let bundles = model.newest.as_ref().unwrap().bundles.clone();
    let row = bundles.iter().find(|bundle| RowId::Archive(bundle.row.uuid) == selected).unwrap();
    assert_eq!((model.backup.pane, row.row.state), (Pane::Bundles, ArchiveState::Unknown));
    // What no list holds says so.
    let mut model = desk();
    press(&mut model, "F enter");
    assert!(said(&model).ends_with("nothing in the lists can be done about it; the last line says what can"));
}
