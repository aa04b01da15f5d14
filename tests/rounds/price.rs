//! What a restore costs: as planned, as set down, and as an independent script reckons it from the vault's request log.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use firn::base::Money;
use firn::store::{PlanState, RetrievalState};
use firn::vault::Tier;
use firn::vault::fake::Fault;

use crate::kit::{Dice, Kind, Look, Site, lost_tree, same, tree};

const TIERS: [Tier; 3] = [Tier::Expedited, Tier::Standard, Tier::Bulk];

fn site(dice: &mut Dice) -> (Site, BTreeMap<PathBuf, Look>) {
    let site = Site::new(Kind::Glacier);
    let before = lost_tree(&site, dice, 40);
    (site, before)
}

/// Each part's sums are rounded up by themselves, and may be so many billionths of a dollar above the whole's.
fn rounded(archives: u64) -> i64 {
    i64::try_from(archives).unwrap() * 4
}

#[test]
fn a_plan_that_goes_well_costs_its_price_and_the_script_reckons_the_same() {
    for (seed, tier) in (20..).zip(TIERS) {
        let (site, before) = site(&mut Dice(seed));
        let plan = site.confirmed(&format!("everything: {}/", site.path("back").display()), Some(tier));
        site.carry_out(&[plan.id]);
        same(&before, &tree(&site.path("back")));
        let (row, told) = (site.row(plan.id), site.reckoned());
        let totals = row.totals.unwrap();
        println!("{tier:?}: {told} of {} for {} archives", totals.ceiling, totals.archives);
        assert!(told > Money::from_cents(5), "so much that a cent is a small part of it: {told}");
        assert_eq!(told, totals.price, "what was planned is what it cost, to the last digit");
        let beyond = row.spent.nanos() - told.nanos();
        assert!((0..=rounded(totals.archives)).contains(&beyond), "{} was set down, {told} it cost", row.spent);
        assert!(row.spent <= totals.ceiling);
    }
}

#[test]
fn whatever_goes_wrong_what_it_costs_is_set_down_and_never_above_the_ceiling() {
    let faults: [&[Fault]; 4] = [
        &[Fault::FailedJob { one_in: 3 }, Fault::LostMessage { one_in: 2 }],
        &[Fault::LostReply { one_in: 4 }, Fault::Throttle { one_in: 4 }],
        &[Fault::FailedJob { one_in: 2 }, Fault::LostReply { one_in: 5 }, Fault::DoubledMessage { one_in: 2 }],
        &[Fault::NoExpedited, Fault::FailedJob { one_in: 4 }, Fault::Throttle { one_in: 3 }],
    ];
    for (seed, some) in (30..).zip(faults) {
        let (site, before) = site(&mut Dice(seed));
        let plan = site.confirmed(&format!("everything: {}/", site.path("back").display()), Some(Tier::Standard));
        site.weather(some);
        site.carry_out(&[plan.id]);
        let (row, told) = (site.row(plan.id), site.reckoned());
        let totals = row.totals.unwrap();
        println!("{some:?}: {told} of {}, {} delivered, {} failed", totals.ceiling, row.delivered, row.failed);
        assert_eq!((row.state, row.delivered + row.failed), (PlanState::Ended, before.len() as u64));
        let jobs = site.billed("job").len() as u64;
        assert!(jobs <= totals.jobs * 2, "{jobs} for {} archives", totals.jobs);
        assert!(told <= totals.ceiling, "{told} is above {}", totals.ceiling);
        assert!(row.spent <= totals.ceiling, "{} is above {}", row.spent, totals.ceiling);
        assert!(told.nanos() <= row.spent.nanos() + rounded(totals.archives), "{told} of {} set down", row.spent);
        // What came is right, and what did not says why.
        let found = tree(&site.path("back"));
        let wrong = site.files(plan.id, true);
        assert_eq!((found.len() as u64, wrong.len() as u64), (row.delivered, row.failed));
        for (path, file) in &found {
            assert!(before[path] == *file, "{}", path.display());
        }
        assert!(wrong.iter().all(|file| file.reason.is_some()));
    }
}

/// The service counts the bytes that it sends, also of answers that were cut off.
#[test]
fn answers_that_are_cut_off_are_paid_for_and_stay_below_the_ceiling() {
    let (site, before) = site(&mut Dice(40));
    let plan = site.confirmed(&format!("everything: {}/", site.path("back").display()), Some(Tier::Standard));
    site.weather(&[Fault::CutOutput { one_in: 3 }]);
    site.carry_out(&[plan.id]);
    let (row, told) = (site.row(plan.id), site.reckoned());
    let totals = row.totals.unwrap();
    println!("{told} it cost, {} was set down, {} planned, {} at most", row.spent, totals.price, totals.ceiling);
    assert!(told <= totals.ceiling && row.spent <= totals.ceiling, "{told} is above {}", totals.ceiling);
    assert!(told.nanos() <= row.spent.nanos() + rounded(totals.archives), "{told} of {} set down", row.spent);
    let (found, wrong) = (tree(&site.path("back")), site.files(plan.id, true));
    assert_eq!((found.len() + wrong.len(), found.len() as u64), (before.len(), row.delivered));
    assert!(found.iter().all(|(path, file)| before[path] == *file));
    for file in wrong {
        let why = file.reason.unwrap();
        assert!(why.contains("ceiling") && why.contains("a supplement plan prices it anew"), "{why}");
    }
}

/// What was set aside for bytes that were never sent is there for them again.
#[test]
fn an_outage_of_hours_while_it_is_read_costs_nothing_and_ends_nothing() {
    let (site, before) = site(&mut Dice(50));
    let plan = site.confirmed(&format!("everything: {}/", site.path("back").display()), Some(Tier::Expedited));
    let worker = site.start(Arc::clone(&site.services), None);
    site.drive("asked", || site.billed("job").len() as u64 == plan.totals.as_ref().unwrap().jobs);
    // Each job is known to be readable before the service goes away: its messages have been heard.
    site.drive("all can be read", || {
        let jobs = site.ask(site.store.retrievals(None, 100)).unwrap();
        !jobs.is_empty() && jobs.iter().all(|job| job.state == RetrievalState::Ready)
            || !site.billed("output").is_empty()
    });
    site.weather(&[Fault::Outage]);
    site.pass(Duration::from_hours(3));
    site.weather(&[]);
    site.drive("it is over", || site.over(&[plan.id]));
    site.end(&worker);
    let (row, told) = (site.row(plan.id), site.reckoned());
    let why: Vec<_> = site.files(plan.id, true).into_iter().map(|file| file.reason).collect();
    assert_eq!((row.delivered, row.failed), (before.len() as u64, 0), "{why:?}");
    same(&before, &tree(&site.path("back")));
    assert_eq!(told, plan.totals.unwrap().price);
    assert!((0..=rounded(row.totals.unwrap().archives) + 100).contains(&(row.spent.nanos() - told.nanos())));
}
