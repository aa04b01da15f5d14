//! Jobs at the vault: one for many wishes, whatever becomes of it, of its request, its answer, its message.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use firn::base::Money;
use firn::base::ids::PlanId;
use firn::services::Order;
use firn::store::{Confirmed, PlanRow, PlanState, RetrievalState};
use firn::vault::Tier;
use firn::vault::fake::{Fault, Topic};

use crate::kit::{Look, Plot, Site, fill_small, same, tree};

const STANDARD: Option<Tier> = Some(Tier::Standard);

/// Files of one archive, lost.
fn one_archive(plot: Plot) -> (Site, BTreeMap<PathBuf, Look>) {
    let site = Site::built(plot);
    let before = fill_small(&site, 10, 20_000);
    assert_eq!(site.held().len(), 1, "they are in one archive");
    (site, before)
}

/// A plan for each file, confirmed.
fn ten(site: &Site, before: &BTreeMap<PathBuf, Look>) -> Vec<PlanRow> {
    let line = |key: &PathBuf| format!("ugc:{} {}/", key.display(), site.path("back").display());
    before.keys().map(|key| site.confirmed(&line(key), STANDARD)).collect()
}

fn ids(plans: &[PlanRow]) -> Vec<PlanId> {
    plans.iter().map(|plan| plan.id).collect()
}

/// All of them ended with their file delivered, within their ceilings; what they spent together is what the vault's
/// requests cost.
#[track_caller]
fn all_well(site: &Site, plans: &[PlanRow], before: &BTreeMap<PathBuf, Look>) -> Money {
    let (mut spent, mut ceilings) = (Money::ZERO, Money::ZERO);
    for plan in plans {
        let row = site.row(plan.id);
        let why: Vec<_> = site.files(plan.id, true).into_iter().map(|file| file.reason).collect();
        assert_eq!((row.state, row.delivered, row.failed), (PlanState::Ended, 1, 0), "{why:?}");
        let ceiling = row.totals.unwrap().ceiling;
        assert!(row.spent <= ceiling, "{} of {ceiling}", row.spent);
        (spent, ceilings) = (spent.plus(row.spent), ceilings.plus(ceiling));
    }
    same(before, &tree(&site.path("back")));
    let told = site.reckoned();
    assert!(told <= spent, "the vault's requests cost {told}, {spent} was set down");
    assert!(spent.nanos() - told.nanos() < 200, "each sum is rounded up by itself, no more: {spent}, {told}");
    assert!(told <= ceilings);
    spent
}

#[test]
fn ten_requests_for_files_of_one_archive_make_one_job() {
    let (site, before) = one_archive(Plot::glacier());
    let plans = ten(&site, &before);
    site.carry_out(&ids(&plans));
    all_well(&site, &plans, &before);
    assert_eq!(site.billed("job").len(), 1);
    // One has paid for it, the others for what they read.
    let paid = |plan: &&PlanRow| site.row(plan.id).spent == plan.totals.as_ref().unwrap().price;
    assert_eq!(plans.iter().filter(paid).count(), 1);
}

#[test]
fn a_wish_that_comes_while_the_job_runs_or_can_be_read_joins_it_at_no_price_but_what_is_read() {
    let (site, before) = one_archive(Plot::glacier());
    let keys: Vec<&PathBuf> = before.keys().collect();
    let line = |key: &PathBuf| format!("ugc:{} {}/", key.display(), site.path("back").display());
    let first = site.confirmed(&line(keys[0]), STANDARD);
    let worker = site.start(Arc::clone(&site.services), None);
    site.pass(Duration::from_mins(20));
    assert_eq!(site.billed("job").len(), 1);
    // While it runs: a faster one is not waited for longer than it was paid for.
    let faster = site.plan(Order::Text(line(keys[1]).as_str().into()), Some(Tier::Expedited));
    assert_eq!(faster.totals.as_ref().unwrap().joined, 0);
    let mut plans = vec![first];
    for (key, tier) in [(keys[2], STANDARD), (keys[3], Some(Tier::Bulk))] {
        let plan = site.confirmed(&line(key), tier);
        let totals = plan.totals.clone().unwrap();
        assert_eq!((totals.jobs, totals.joined), (0, 1), "{tier:?}");
        assert!(totals.price < totals.ceiling, "a join may expire: that is in the ceiling");
        plans.push(plan);
    }
    site.drive("it can be read", || site.over(&ids(&plans)));
    // While it can be read, in whatever tier.
    let late = site.confirmed(&line(keys[4]), Some(Tier::Expedited));
    assert_eq!(late.totals.as_ref().unwrap().joined, 1);
    site.drive("the late one", || site.over(&[late.id]));
    site.end(&worker);
    plans.push(late);
    let wanted = [0, 2, 3, 4].map(|n| (keys[n].clone(), before[keys[n]].clone())).into();
    all_well(&site, &plans, &wanted);
    assert_eq!(site.billed("job").len(), 1);
}

/// What goes wrong once, and how many jobs it takes.
struct Mishap {
    what: &'static str,
    before: fn(&Site),
    jobs: usize,
}

/// Only at first.
fn at_first(site: &Site, fault: Fault) {
    let core = &mut site.glacier.as_ref().unwrap().core();
    let (from, until) = (firn::base::Time::from_secs(0), site.clock.now().plus(Duration::from_secs(20)));
    core.set_weather(firn::vault::fake::Weather { windows: vec![firn::vault::fake::Window { from, until, fault }] });
}

const MISHAPS: [Mishap; 9] = [
    Mishap { what: "the message is lost", before: |site| site.weather(&[Fault::LostMessage { one_in: 1 }]), jobs: 1 },
    Mishap {
        what: "the message comes twice",
        before: |site| site.weather(&[Fault::DoubledMessage { one_in: 1 }]),
        jobs: 1,
    },
    Mishap {
        what: "the message comes hours late",
        before: |site| site.weather(&[Fault::LateMessage { one_in: 1, by: Duration::from_hours(9) }]),
        jobs: 1,
    },
    Mishap {
        what: "the job fails",
        before: |site| site.glacier.as_ref().unwrap().core().fail_next_job("the disk is on fire"),
        jobs: 2,
    },
    Mishap {
        what: "the job fails and nobody is told",
        before: |site| {
            site.weather(&[Fault::LostMessage { one_in: 1 }]);
            site.glacier.as_ref().unwrap().core().fail_next_job("the disk is on fire");
        },
        jobs: 2,
    },
    Mishap {
        what: "the reply is lost after the request took effect",
        before: |site| at_first(site, Fault::LostReply { one_in: 1 }),
        jobs: 1,
    },
    Mishap { what: "the request is lost", before: |site| site.ways.lost.store(1, Ordering::SeqCst), jobs: 1 },
    Mishap { what: "the service is out", before: |site| at_first(site, Fault::Outage), jobs: 1 },
    Mishap { what: "too many requests", before: |site| at_first(site, Fault::Throttle { one_in: 1 }), jobs: 1 },
];

#[test]
fn whatever_goes_wrong_once_the_ten_come_back_and_no_more_is_asked_than_must_be() {
    for mishap in &MISHAPS {
        println!("{}", mishap.what);
        let (site, before) = one_archive(Plot::glacier());
        let plans = ten(&site, &before);
        (mishap.before)(&site);
        site.carry_out(&ids(&plans));
        all_well(&site, &plans, &before);
        assert_eq!(site.billed("job").len(), mishap.jobs, "{}", mishap.what);
    }
}

#[test]
fn output_that_expired_before_anybody_came_is_asked_for_once_more() {
    let (site, before) = one_archive(Plot::glacier());
    let plans = ten(&site, &before);
    let worker = site.start(Arc::clone(&site.services), None);
    site.drive("asked", || site.billed("job").len() == 1);
    site.pass(Duration::from_mins(2));
    worker.group.kill();
    // The host is down for two days.
    site.pass(Duration::from_hours(48));
    site.carry_out(&ids(&plans));
    all_well(&site, &plans, &before);
    assert_eq!(site.billed("job").len(), 2);
}

#[test]
fn a_job_that_fails_every_time_ends_its_plan_with_the_reason_and_a_supplement_goes_on() {
    let (site, before) = one_archive(Plot::glacier());
    // What is there already is to be replaced.
    let lines = format!("everything: {}/ overwrite", site.path("back").display());
    fs::create_dir(site.path("back")).unwrap();
    fs::write(site.path("back/1.jpg"), b"another one").unwrap();
    let plan = site.confirmed(&lines, STANDARD);
    {
        let mut core = site.glacier.as_ref().unwrap().core();
        core.fail_next_job("the robot dropped it");
        core.fail_next_job("the robot dropped it again");
    }
    site.carry_out(&[plan.id]);
    let row = site.row(plan.id);
    assert_eq!((row.state, row.delivered, row.failed, row.parts_stopped), (PlanState::Ended, 0, 10, 1));
    for file in site.files(plan.id, true) {
        let why = file.reason.unwrap();
        let said = "was asked for 2 times without coming through (its job failed: the robot dropped it again); a supplement plan asks for it again";
        assert!(why.starts_with("archive ") && why.ends_with(said), "{why}");
    }
    assert_eq!(site.billed("job").len(), 2);
    let totals = row.totals.unwrap();
    assert_eq!(totals.overwrites, 10);
    assert!(row.spent <= totals.ceiling);
    let rest = site.plan(Order::RestOf(plan.id), STANDARD);
    let totals = rest.totals.as_ref().unwrap();
    assert_eq!((rest.supplement_of, totals.files, totals.overwrites), (Some(plan.id), 10, 10));
    assert_eq!(site.confirm(&rest), Confirmed::Yes);
    site.carry_out(&[rest.id]);
    // Also by the rest of the plan, though nobody said so again.
    same(&before, &tree(&site.path("back")));
    assert_eq!(site.billed("job").len(), 3);
}

#[test]
fn messages_of_others_stay_where_they_are_and_doubled_ones_do_no_harm() {
    let topic = Topic { foreign_one_in: 1, rubbish_one_in: 1, of_vault: true, ..Topic::default() };
    let (site, before) = one_archive(Plot { topic, ..Plot::glacier() });
    let others = ["{\"Message\": \"lunch is ready\"}", "not even JSON", ""];
    for body in others {
        let now = site.clock.now();
        site.glacier.as_ref().unwrap().core().put_message(now, body.to_owned());
    }
    site.weather(&[Fault::DoubledMessage { one_in: 1 }]);
    let plans = ten(&site, &before);
    let worker = site.start(Arc::clone(&site.services), None);
    site.drive("they are delivered", || site.over(&ids(&plans)));
    // Long enough for each message to have been given out some times.
    site.pass(Duration::from_mins(40));
    site.end(&worker);
    all_well(&site, &plans, &before);
    assert_eq!(site.billed("job").len(), 1);
    let kept = site.glacier.as_ref().unwrap().core().messages_kept(site.clock.now());
    assert_eq!(kept, others.len() + 2, "those of others, and no others");
}

/// A destination that takes nothing for a day, while the output comes to its end.
#[test]
fn work_that_waits_when_the_output_has_five_hours_left_asks_again_once() {
    let (site, before) = one_archive(Plot::glacier());
    let dest = site.path("back");
    let lines = format!("everything: {}/", dest.display());
    let plan = site.confirmed(&lines, STANDARD);
    fs::write(&dest, b"a file where the folder is to be").unwrap();
    let worker = site.start(Arc::clone(&site.services), None);
    site.drive("it can be read", || {
        let jobs = site.ask(site.store.retrievals(None, 10)).unwrap();
        jobs.iter().any(|job| job.state == RetrievalState::Ready)
    });
    let until = site.ask(site.store.retrievals(None, 10)).unwrap()[0].expires_at.unwrap();
    let margin = Duration::from_hours(5);
    let before_that = until.minus(margin).minus(Duration::from_mins(20));
    site.pass(before_that.since(site.clock.now()));
    assert_eq!(site.billed("job").len(), 1, "not before there are five hours left");
    site.pass(Duration::from_hours(1));
    assert_eq!(site.billed("job").len(), 2, "five hours are left, and nothing is delivered");
    site.pass(Duration::from_hours(3));
    assert_eq!(site.billed("job").len(), 2, "once");
    fs::remove_file(&dest).unwrap();
    site.drive("it is delivered", || site.over(&[plan.id]));
    site.end(&worker);
    let row = site.row(plan.id);
    assert_eq!((row.delivered, row.failed), (10, 0));
    assert!(row.spent <= row.totals.unwrap().ceiling);
    assert!(site.reckoned() <= row.spent);
    same(&before, &tree(&dest));
    assert_eq!(site.billed("job").len(), 2);
}

/// Who waits for one plan looks ten times a second; it asks no faster for that.
#[test]
fn a_restore_in_the_foreground_asks_for_no_more_in_a_second_than_is_allowed() {
    let site = Site::built(Plot::glacier().with("[restore]\nnew_per_second = 2"));
    let before = fill_small(&site, 9, 1 << 20);
    let plan = site.confirmed(&format!("everything: {}/", site.path("back").display()), Some(Tier::Expedited));
    let jobs = plan.totals.as_ref().unwrap().jobs;
    assert!(jobs >= 8, "{jobs}");
    let worker = site.start(Arc::clone(&site.services), Some(plan.id));
    let asked = || site.billed("job").len();
    let mut seen = vec![asked()];
    while (*seen.last().unwrap() as u64) < jobs {
        assert!(seen.len() < 1000, "{seen:?}");
        while !site.world.at_rest(Duration::from_millis(100)) {}
        site.hand.advance(Duration::from_millis(100));
        while !site.world.at_rest(Duration::from_millis(100)) {}
        seen.push(asked());
    }
    let most = seen.iter().zip(seen.iter().skip(9)).map(|(from, to)| to - from).max();
    assert_eq!(most, Some(2), "in a second; how many there were, each tenth of one: {seen:?}");
    site.drive("the plan ends", || site.over(&[plan.id]));
    site.drive("the worker ends", || worker.fell().is_some());
    assert_eq!(worker.fell(), Some(Ok(())));
    same(&before, &tree(&site.path("back")));
}
