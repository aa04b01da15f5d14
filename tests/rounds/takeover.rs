//! Workers that die, and others that go on; and plans that are stopped on the way.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use firn::base::host::ProcessIdentity;
use firn::store::{PlanRow, PlanState, RestoreState};
use firn::vault::Tier;
use firn::vault::fake::Link;

use crate::kit::{Dice, Kind, Look, Plot, Site, lost_tree, same, tree};
use crate::support::folders::digest;

const EXPEDITED: Option<Tier> = Some(Tier::Expedited);

fn lost(plot: Plot, seed: u64) -> (Site, BTreeMap<PathBuf, Look>) {
    let site = Site::built(plot);
    let before = lost_tree(&site, &mut Dice(seed), 30);
    (site, before)
}

fn everything(site: &Site) -> PlanRow {
    let tier = site.glacier.as_ref().and(EXPEDITED);
    site.confirmed(&format!("everything: {}/", site.path("back").display()), tier)
}

/// Wakes one sleeper after the other, so many of them. Whether the plan is still under way.
fn step(site: &Site, plan: &PlanRow, wakes: u32) -> bool {
    let limit = site.clock.mono().plus(Duration::from_hours(100));
    for _ in 0..wakes {
        rest(site);
        if site.over(&[plan.id]) || !site.hand.wake_next(limit) {
            return false;
        }
    }
    true
}

fn rest(site: &Site) {
    while !site.world.at_rest(Duration::from_millis(100)) {}
}

/// Everything is there, once, and paid for no more than may be.
#[track_caller]
fn whole(site: &Site, plan: &PlanRow, before: &BTreeMap<PathBuf, Look>, what: &str) {
    let row = site.row(plan.id);
    let files = site.files(plan.id, false);
    let wrong: Vec<_> = files.iter().filter(|file| file.state == RestoreState::Failed).collect();
    assert!(wrong.is_empty(), "{what}: {wrong:?}");
    assert_eq!((row.state, row.delivered, row.failed), (PlanState::Ended, before.len() as u64, 0), "{what}");
    same(before, &tree(&site.path("back")));
    if site.glacier.is_some() {
        let (told, totals) = (site.reckoned(), row.totals.unwrap());
        assert!(told <= totals.ceiling && row.spent <= totals.ceiling, "{what}: {told}, {}", row.spent);
        assert_eq!(site.billed("job").len() as u64, totals.jobs, "{what}: nothing is asked for twice");
    }
}

/// A worker is killed after some of its waits; the next process goes on, and is killed in turn.
fn killed_after(plot: &Plot, wakes: u32) -> bool {
    let (site, before) = lost(plot.clone(), 9);
    let plan = everything(&site);
    let mut came = Vec::new();
    let mut cut = false;
    for process in 0..3 {
        let own = ProcessIdentity::own();
        let identity = ProcessIdentity { pid_start: own.pid_start + 10 + process, ..own };
        let services = Arc::new(site.another(identity, &site.config_with("")));
        let worker = site.start(services, None);
        cut = step(&site, &plan, wakes + u32::try_from(process).unwrap() * 7);
        worker.group.kill();
        rest(&site);
        // What has been told as delivered is there, whole, and stays told.
        let delivered: Vec<u64> = site
            .files(plan.id, false)
            .into_iter()
            .filter(|file| matches!(file.state, RestoreState::Delivered | RestoreState::There))
            .map(|file| {
                let path = PathBuf::from(file.name.to_string());
                if let Some(known) = before.get(&path) {
                    let found = std::fs::read(site.path("back").join(&path)).unwrap();
                    assert!(digest(&found) == known.sha256, "{} was told as delivered", path.display());
                }
                file.n
            })
            .collect();
        assert!(came.iter().all(|n| delivered.contains(n)), "what was told once is not taken back");
        came = delivered;
    }
    site.carry_out(&[plan.id]);
    whole(&site, &plan, &before, &format!("killed after {wakes} waits"));
    cut
}

#[test]
fn a_worker_that_is_killed_anywhere_is_gone_on_from_glacier() {
    let link = Link {
        base: Duration::from_millis(170),
        bytes_per_second: Some(1 << 20),
        jitter_percent: 30,
        ..Link::default()
    };
    let plot = Plot { link, ..Plot::glacier() };
    let mut cuts = 0;
    for wakes in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1300, 1600, 1900, 2200] {
        cuts += u32::from(killed_after(&plot, wakes));
    }
    assert!(cuts >= 8, "{cuts} of the kills cut work short");
}

#[test]
fn a_worker_that_is_killed_anywhere_is_gone_on_from_a_folder() {
    for wakes in 1..12 {
        killed_after(&Plot::of(Kind::Directory), wakes);
    }
}

/// A slot that panics, and the one who asks and hears: the worker ends, says why, and gives back what it held.
#[test]
fn a_worker_of_which_a_part_panics_ends_and_says_so() {
    for falls in ["read", "status"] {
        let (site, before) = lost(Plot::glacier(), 12);
        let plan = everything(&site);
        *site.ways.falls.lock().unwrap() = Some(falls);
        let worker = site.start(Arc::clone(&site.services), None);
        site.drive("it falls over", || worker.fell().is_some());
        let why = format!("a task of the restore worker failed: it panicked: the {falls} fell over");
        assert_eq!(worker.fell(), Some(Err(why)));
        assert_eq!(site.ask(site.store.sessions()).unwrap(), [], "its session has ended");
        // Nothing is held by nobody: the next one goes on at once.
        site.carry_out(&[plan.id]);
        whole(&site, &plan, &before, falls);
    }
}

/// Two processes of one host work side by side.
#[test]
fn two_workers_side_by_side_ask_once_and_deliver_once() {
    let link = Link { base: Duration::from_millis(90), jitter_percent: 50, ..Link::default() };
    let (site, before) = lost(Plot { link, ..Plot::glacier() }, 10);
    let plan = everything(&site);
    let own = ProcessIdentity::own();
    let workers: Vec<_> = (0..2)
        .map(|n| {
            // Both live: the second one's number is that of a process which does.
            let identity =
                if n == 0 { own.clone() } else { ProcessIdentity { pid_namespace: String::new(), ..own.clone() } };
            site.start(Arc::new(site.another(identity, &site.config_with(""))), None)
        })
        .collect();
    site.drive("it is over", || site.over(&[plan.id]));
    for worker in &workers {
        site.end(worker);
    }
    whole(&site, &plan, &before, "two workers");
    let twice = site.files(plan.id, false).into_iter().filter(|file| file.state == RestoreState::There).count();
    assert_eq!(twice, 0, "nothing was delivered by both");
}

#[test]
fn a_plan_that_is_stopped_on_the_way_says_what_is_paid_and_leaves_what_came() {
    let link = Link { base: Duration::from_millis(170), bytes_per_second: Some(1 << 20), ..Link::default() };
    let mut stopped_midway = 0;
    for wakes in [1, 4, 30, 120, 400, 700, 1000, 1400, 1800] {
        let (site, before) = lost(Plot { link, ..Plot::glacier() }, 11);
        let plan = everything(&site);
        let worker = site.start(Arc::clone(&site.services), None);
        let under_way = step(&site, &plan, wakes);
        let (services, id) = (Arc::clone(&site.services), plan.id);
        let told = site.run(async move { services.cancel_plan(id, "anna".to_owned()).await.unwrap() });
        // The worker finds out, and ends in good order.
        site.pass(Duration::from_mins(30));
        site.end(&worker);
        let row = site.row(plan.id);
        if !told.done {
            assert!(!under_way || row.state == PlanState::Ended);
            continue;
        }
        assert_eq!(
            (row.state, row.spent, row.delivered),
            (PlanState::Cancelled, told.spent, told.delivered),
            "{wakes}"
        );
        assert!(site.reckoned().nanos() <= told.spent.nanos() + 100, "{} of {}", site.reckoned(), told.spent);
        // What is not paid for was not sent, and what was set aside and not sent has been given back.
        assert!(row.spent.nanos() <= site.reckoned().nanos() + 100, "{} of {}", site.reckoned(), row.spent);
        assert_eq!(site.ask(site.store.used("restore")).unwrap().day, told.spent, "the rest is free again");
        // What is there is whole, under its own name, and nothing else is.
        let found = tree(&site.path("back"));
        for (path, file) in &found {
            assert!(before.get(path) == Some(file), "{} after {wakes}", path.display());
        }
        assert!(found.len() as u64 >= told.delivered);
        stopped_midway += u32::from(told.delivered > 0 || !told.spent.is_zero());
        // Nothing goes on by itself.
        site.new_log();
        site.carry_out(&[plan.id]);
        assert_eq!(site.billed("job").len(), 0);
    }
    assert!(stopped_midway >= 3, "{stopped_midway}");
}
