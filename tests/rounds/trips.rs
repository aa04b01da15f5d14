//! A tree, backed up, deleted, and given back whole.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use firn::restore::price::Quote;
use firn::services::Order;
use firn::store::{Confirmed, PlanRow, PlanState};
use firn::vault::Tier;

use crate::kit::{Dice, Kind, Look, Site, lost_tree, quoted, same, tree};

const TIERS: [Option<Tier>; 3] = [Some(Tier::Expedited), Some(Tier::Standard), Some(Tier::Bulk)];

#[track_caller]
fn ended(site: &Site, plan: &PlanRow, files: usize) -> PlanRow {
    let row = site.row(plan.id);
    let wrong: Vec<_> = site.files(plan.id, true).into_iter().map(|file| (file.name, file.reason)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let came = (row.state, row.delivered, row.failed, row.parts_left, row.parts_stopped);
    assert_eq!(came, (PlanState::Ended, files as u64, 0, 0, 0));
    let totals = row.totals.as_ref().unwrap();
    assert!(row.spent <= totals.ceiling, "{} of {}", row.spent, totals.ceiling);
    row
}

/// All of it into one folder.
fn everything(site: &Site, before: &BTreeMap<PathBuf, Look>, tier: Option<Tier>) -> PlanRow {
    let dest = site.path(&format!("all {tier:?}"));
    let lines = format!("everything: {}", quoted(format!("{}/", dest.display()).as_bytes()));
    let plan = site.confirmed(&lines, tier);
    site.carry_out(&[plan.id]);
    same(before, &tree(&dest));
    ended(site, &plan, before.len())
}

/// Some of it, in any order, some to where it was, some to a name of its own, some of it twice.
fn batch(site: &Site, before: &BTreeMap<PathBuf, Look>, tier: Option<Tier>, dice: &mut Dice) -> PlanRow {
    let dest = site.path(&format!("some {tier:?}"));
    let mut left: Vec<(&PathBuf, &Look)> = before.iter().collect();
    let (mut lines, mut wanted) = ("\u{feff}# what somebody pasted\r\n\r\n".to_owned(), BTreeMap::new());
    for n in 0..25 {
        let (key, found) = dice.pick(&mut left);
        let source = quoted(&[b"ugc:", key.as_os_str().as_bytes()].concat());
        let mut to = |target: PathBuf| {
            let word = quoted(dest.join(&target).as_os_str().as_bytes());
            write!(lines, "{source}\t{word}  # line {n}\r\n").unwrap();
            wanted.insert(target, found.clone());
        };
        if n % 3 == 0 {
            to(PathBuf::from(format!("renamed/{n}")));
        }
        if n % 3 == 1 {
            to(PathBuf::from(format!("other {n}")));
        } else {
            to(key.clone());
        }
    }
    let plan = site.confirmed(&lines, tier);
    site.carry_out(&[plan.id]);
    same(&wanted, &tree(&dest));
    ended(site, &plan, wanted.len())
}

#[test]
fn everything_and_a_random_batch_come_back_from_a_folder() {
    let (site, mut dice) = (Site::new(Kind::Directory), Dice(3));
    let before = lost_tree(&site, &mut dice, 60);
    let all = everything(&site, &before, None);
    let some = batch(&site, &before, None, &mut dice);
    for row in [all, some] {
        assert!(row.spent.is_zero() && row.totals.unwrap().ceiling.is_zero());
    }
}

#[test]
fn everything_and_a_random_batch_come_back_from_glacier_in_every_tier() {
    let (site, mut dice) = (Site::new(Kind::Glacier), Dice(4));
    let before = lost_tree(&site, &mut dice, 60);
    let mut spent = Vec::new();
    for tier in TIERS {
        site.new_log();
        let began = site.clock.now();
        let row = everything(&site, &before, tier);
        let totals = row.totals.unwrap();
        let took = row.ended_at.unwrap().since(began);
        let (least, most) = totals.seconds.unwrap();
        assert!(Duration::from_secs(least) <= took, "{tier:?} took {took:?}");
        assert!(took < Duration::from_secs(most) + Duration::from_mins(30), "{tier:?} took {took:?}");
        assert_eq!(site.billed("job").len() as u64, totals.jobs);
        assert!(site.billed("job").iter().all(|job| job.tier == tier));
        spent.push(row.spent);
        // What was retrieved for that is gone by then: nothing is joined.
        site.pass(Duration::from_hours(30));
        site.new_log();
        let row = batch(&site, &before, tier, &mut dice);
        assert_eq!(row.totals.unwrap().joined, 0);
        site.pass(Duration::from_hours(30));
    }
    assert!(spent[0] > spent[1] && spent[1] > spent[2], "the faster the dearer: {spent:?}");
}

/// What has been delivered is found there, and neither read nor written again.
#[test]
fn what_is_there_already_is_not_fetched_twice() {
    let (site, mut dice) = (Site::new(Kind::Glacier), Dice(5));
    let before = lost_tree(&site, &mut dice, 60);
    let dest = site.path("back");
    let lines = format!("everything: {}/", dest.display());
    let first = site.confirmed(&lines, Some(Tier::Standard));
    site.carry_out(&[first.id]);
    ended(&site, &first, before.len());
    site.new_log();
    let second = site.plan(Order::Text(lines.as_str().into()), Some(Tier::Standard));
    let totals = second.totals.clone().unwrap();
    assert_eq!((totals.jobs, totals.joined), (0, totals.archives), "all of it is readable still");
    assert_eq!(site.confirm(&second), Confirmed::Yes);
    site.carry_out(&[second.id]);
    ended(&site, &second, before.len());
    assert_eq!((site.billed("job").len(), site.billed("output").len()), (0, 0));
    same(&before, &tree(&dest));
}

/// Quotes of a draft are those that the plan is saved with.
#[test]
fn a_plan_is_saved_at_the_price_that_was_quoted() {
    let (site, mut dice) = (Site::new(Kind::Glacier), Dice(6));
    lost_tree(&site, &mut dice, 60);
    let drafted = site.draft(Order::Text(format!("everything: {}/", site.path("back").display()).as_str().into()));
    let tiers: Vec<Option<Tier>> = drafted.quotes.iter().map(|quote| quote.tier).collect();
    assert_eq!(tiers, TIERS);
    for Quote { tier, price, ceiling, jobs, files, .. } in &drafted.quotes {
        let totals = site.choose(drafted.plan, *tier).totals.unwrap();
        assert_eq!((totals.price, totals.jobs, totals.files), (price.amount, *jobs, *files));
        // Parts are rounded up each for itself.
        assert!(totals.ceiling >= *ceiling && totals.ceiling.nanos() - ceiling.nanos() < 100, "{tier:?}");
    }
}
