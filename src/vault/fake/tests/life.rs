//! What time does: to jobs, uploads and inventories; and what a lost reply leaves behind.

use std::collections::BTreeSet;

use super::*;
use crate::vault::Tier;
use crate::vault::fake::{Inventory, JobView, Phase, Retrieval};

fn ask(site: &mut Site, archive_id: &str, tier: Tier) -> Arc<str> {
    let archive_id = archive_id.to_owned();
    let asked = Retrieval { archive_id, range: None, tier: Some(tier), description: "restore 7".to_owned() };
    site.core.initiate_retrieval(site.now, &asked).unwrap()
}

fn described(site: &mut Site, job: &str) -> JobView {
    site.core.describe_job(site.now, job).unwrap()
}

fn read(site: &mut Site, job: &str, range: std::ops::Range<u64>) -> Vec<u8> {
    let mut read = Vec::new();
    for (body, range) in site.core.job_output(site.now, job, range).unwrap().pieces {
        body.read_into(&mut read, range).unwrap();
    }
    read
}

fn listed(inventory: &Inventory) -> Vec<&str> {
    let mut listed: Vec<&str> = inventory.archives.iter().map(|listed| &*listed.description).collect();
    listed.sort_unstable();
    listed
}

#[test]
fn a_job_takes_the_time_of_its_tier_and_its_output_stays_a_day() {
    let minutes = Duration::from_mins;
    for (tier, least, most) in [
        (Tier::Expedited, minutes(1), minutes(5)),
        (Tier::Standard, HOUR * 3, HOUR * 5),
        (Tier::Bulk, HOUR * 5, HOUR * 12),
    ] {
        let mut site = Site::new(Rules::default());
        let whole = bytes(MIB + 9, 1);
        let receipt = site.post("a", &whole).unwrap();
        let mut spans = BTreeSet::new();
        for _ in 0..20 {
            let asked = site.now;
            let job = ask(&mut site, &receipt.archive_id, tier);
            site.pass(least.checked_sub(Duration::from_micros(1)).unwrap());
            let view = described(&mut site, &job);
            assert_eq!((view.phase, view.asked, view.tier), (Phase::InProgress, asked, tier));
            assert_eq!(
                (&*view.description, view.archive),
                ("restore 7", Some((receipt.archive_id.clone(), 0..MIB + 9)))
            );
            assert_eq!((view.archive_hash, view.hash), (Some(receipt.tree_hash), Some(receipt.tree_hash)));
            site.pass(most);
            let Phase::Succeeded { at, until } = described(&mut site, &job).phase else {
                panic!("not ready: {tier:?}")
            };
            assert!((least..=most).contains(&at.since(asked)), "{tier:?} took {:?}", at.since(asked));
            assert_eq!(until.since(at), HOUR * 24);
            spans.insert(at.since(asked));
            assert_eq!(read(&mut site, &job, 0..MIB + 9), whole);
            site.now = until.minus(Duration::from_micros(1));
            assert_eq!(read(&mut site, &job, 5..9), whole[5..9]);
            site.now = until;
            let sentence = format!("the job's output was kept until {until}; ask for the archive again");
            is_refused(site.core.describe_job(site.now, &job), 404, "ResourceNotFoundException", &sentence);
            is_refused(site.core.job_output(site.now, &job, 0..1), 404, "ResourceNotFoundException", &sentence);
        }
        assert!(spans.len() > 15, "{tier:?}: {spans:?}");
    }
}

#[test]
fn a_job_ends_at_the_moment_that_was_drawn() {
    let mut site = Site::new(Rules::default());
    let id = site.post("a", b"x").unwrap().archive_id;
    let job = ask(&mut site, &id, Tier::Bulk);
    site.pass(HOUR * 13);
    let Phase::Succeeded { at, .. } = described(&mut site, &job).phase else { panic!("not ready") };
    let other = ask(&mut site, &id, Tier::Bulk);
    assert_ne!(job, other, "each request is a job of its own");
    // The same seed and requests again, on another vault: the same ids and times.
    let mut site = Site::new(Rules::default());
    assert_eq!(site.post("a", b"x").unwrap().archive_id, id);
    assert_eq!(ask(&mut site, &id, Tier::Bulk), job);
    site.now = at.minus(Duration::from_micros(1));
    assert_eq!(described(&mut site, &job).phase, Phase::InProgress);
    site.now = at;
    assert!(matches!(described(&mut site, &job).phase, Phase::Succeeded { .. }));
    // Another seed: others.
    let mut site = Site::new(Rules { seed: 1, ..Rules::default() });
    assert_ne!(site.post("a", b"x").unwrap().archive_id, id);
}

#[test]
fn an_archive_in_parts_is_read_across_them_and_hashed_where_a_tree_covers_it() {
    let mut site = Site::new(Rules::default());
    let whole = bytes(3 * MIB + 77, 5);
    let upload = site.begin(MIB);
    for (n, part) in whole.chunks(1 << 20).enumerate() {
        site.part(&upload, n as u64 * MIB, part).unwrap();
    }
    let receipt = site.complete(&upload, &whole).unwrap();
    let job = ask(&mut site, &receipt.archive_id, Tier::Expedited);
    site.pass(HOUR);
    for range in [0..3 * MIB + 77, MIB - 1..MIB + 1, 5..3 * MIB + 70, 2 * MIB..2 * MIB, 3 * MIB..3 * MIB + 77] {
        let (from, to) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        assert!(read(&mut site, &job, range.clone()) == whole[from..to], "{range:?}");
    }
    for (range, is) in [(0..2 * MIB, true), (2 * MIB..3 * MIB + 77, true), (MIB..3 * MIB, false), (0..MIB - 1, false)] {
        let hash = site.core.job_output(site.now, &job, range.clone()).unwrap().hash;
        let (from, to) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        assert_eq!(hash, is.then(|| site.body(&whole[from..to]).1), "{range:?}");
    }
}

#[test]
fn what_was_deleted_cannot_be_asked_for_and_is_read_until_its_output_ends() {
    let mut site = Site::new(Rules::default());
    let id = site.post("a", b"whole").unwrap().archive_id;
    let done = ask(&mut site, &id, Tier::Expedited);
    site.pass(HOUR);
    let under_way = ask(&mut site, &id, Tier::Standard);
    site.core.delete(site.now, &id).unwrap();
    site.core.delete(site.now, &id).unwrap();
    assert_eq!(read(&mut site, &done, 0..5), b"whole");
    let asked = Retrieval { archive_id: id.to_string(), range: None, tier: None, description: String::new() };
    let sentence = format!("archive not found: {id}");
    is_refused(site.core.initiate_retrieval(site.now, &asked), 404, "ResourceNotFoundException", &sentence);
    site.pass(HOUR * 6);
    let why = "the archive was deleted before it was retrieved";
    let Phase::Failed { why: told, .. } = described(&mut site, &under_way).phase else { panic!("it did not fail") };
    assert_eq!(told, why);
    let sentence = format!("the job failed: {why}");
    is_refused(site.core.job_output(site.now, &under_way, 0..1), 400, "InvalidParameterValueException", &sentence);
    assert_eq!(site.shelf.count().unwrap(), 1, "the first job's output needs it");
    site.pass(HOUR * 24);
    site.core.describe(site.now).unwrap();
    assert_eq!(site.shelf.count().unwrap(), 0);
}

#[test]
fn an_inventory_is_of_its_moment_and_there_is_none_before_the_first() {
    let mut site = Site::new(Rules::default());
    site.post("first", b"1").unwrap();
    let second = site.post("second", b"2").unwrap().archive_id;
    assert_eq!(site.core.next_inventory(site.now), START.plus(HOUR * 24));
    site.now = START.plus(HOUR * 24).minus(Duration::from_micros(1));
    assert_eq!(site.core.last_inventory(site.now), None);
    site.now = START.plus(HOUR * 24);
    site.post("third", b"3").unwrap();
    site.core.delete(site.now, &second).unwrap();
    let newest = site.core.last_inventory(site.now).unwrap();
    assert_eq!((newest.taken, listed(&newest)), (START.plus(HOUR * 24), vec!["first", "second"]));
    site.pass(HOUR * 23);
    assert_eq!(site.core.last_inventory(site.now).unwrap(), newest);
    // Nobody looked for days: the newest is of the last day that ended.
    site.pass(HOUR * 50);
    let newest = site.core.last_inventory(site.now).unwrap();
    assert_eq!((newest.taken, listed(&newest)), (START.plus(HOUR * 96), vec!["first", "third"]));
    assert_eq!(site.core.next_inventory(site.now), START.plus(HOUR * 120));
}

#[test]
fn an_inventory_job_gives_what_was_newest_when_it_was_asked_for() {
    let mut site = Site::new(Rules::default());
    site.post("first", b"1").unwrap();
    site.pass(HOUR * 47);
    let job = site.core.initiate_inventory(site.now, "nightly").unwrap();
    assert_eq!(described(&mut site, &job).archive, None);
    site.post("second", b"2").unwrap();
    let sentence = "the job is in progress; its output is not available yet";
    is_refused(site.core.inventory_output(site.now, &job), 400, "InvalidParameterValueException", sentence);
    site.pass(HOUR * 5);
    let given = site.core.inventory_output(site.now, &job).unwrap();
    assert_eq!((given.taken, listed(&given)), (START.plus(HOUR * 24), vec!["first"]));
    assert_eq!(listed(&site.core.last_inventory(site.now).unwrap()), ["first", "second"]);
}

#[test]
fn a_lost_reply_has_its_effect_and_another_try_makes_another_archive() {
    let mut site = Site::with_faults(1, &[Fault::LostReply { one_in: 1 }]);
    let sentence = "the connection ended before the reply came";
    is_refused(site.post("a", b"same"), 408, "RequestTimeoutException", sentence);
    site.pass(HOUR);
    let second = site.post("a", b"same").unwrap();
    assert_eq!(second.archive_id.len(), 138);
    site.pass(HOUR * 24);
    let newest = site.core.last_inventory(site.now).unwrap();
    assert_eq!(listed(&newest), ["a", "a"]);
    let (one, other) = (&newest.archives[0], &newest.archives[1]);
    assert_ne!(one.archive_id, other.archive_id);
    assert_eq!((one.tree_hash, one.size), (other.tree_hash, other.size));
    assert!([one, other].iter().any(|listed| listed.archive_id == second.archive_id));
}

#[test]
fn a_wrong_hash_in_a_reply_is_of_what_is_kept_rightly() {
    let mut site = Site::with_faults(1, &[Fault::CorruptReply { one_in: 1 }]);
    let (_, truth) = site.body(b"x");
    let receipt = site.post("a", b"x").unwrap();
    assert_ne!(receipt.tree_hash, truth);
    site.pass(HOUR * 25);
    assert_eq!(site.core.last_inventory(site.now).unwrap().archives[0].tree_hash, truth);
}

#[test]
fn an_upload_that_nobody_touches_is_removed() {
    let mut site = Site::new(Rules::default());
    let (idle, used) = (site.begin(MIB), site.begin(MIB));
    site.part(&idle, 0, b"x").unwrap();
    site.pass(HOUR * 20);
    site.part(&used, 0, b"y").unwrap();
    site.pass(HOUR * 4);
    assert_eq!(site.core.list_uploads(site.now, None, 10).unwrap().0.len(), 2);
    site.pass(Duration::from_micros(1));
    let left = site.core.list_uploads(site.now, None, 10).unwrap().0;
    assert_eq!((left.len(), &left[0].upload_id, left[0].size, left[0].part_size), (1, &used, 1, MIB));
    is_refused(site.part(&idle, 0, b"x"), 404, "ResourceNotFoundException", &format!("upload not found: {idle}"));
    assert_eq!(site.shelf.count().unwrap(), 1);
}

#[test]
fn completing_again_is_answered_as_before_for_a_while() {
    let mut site = Site::new(Rules::default());
    let upload = site.begin(MIB);
    site.part(&upload, 0, b"xyz").unwrap();
    let first = site.complete(&upload, b"xyz").unwrap();
    site.pass(Duration::from_mins(10));
    assert_eq!(site.complete(&upload, b"xyz").unwrap(), first);
    let (_, wrong) = site.body(b"abc");
    let sentence = format!("the tree hash {} was computed of the bytes that came, {wrong} was stated", first.tree_hash);
    is_refused(site.complete(&upload, b"abc"), 400, "InvalidParameterValueException", &sentence);
    assert!(site.core.list_uploads(site.now, None, 10).unwrap().0.is_empty());
    site.pass(Duration::from_micros(1));
    let sentence = format!("upload not found: {upload}");
    is_refused(site.complete(&upload, b"xyz"), 404, "ResourceNotFoundException", &sentence);
    assert_eq!(site.core.archives.len(), 1);
}

#[test]
fn uploads_are_listed_page_by_page() {
    let mut site = Site::new(Rules::default());
    let mut begun: Vec<Arc<str>> = (0..7).map(|_| site.begin(MIB)).collect();
    site.core.abort_upload(site.now, &begun.remove(3)).unwrap();
    begun.sort();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = site.core.list_uploads(site.now, after.as_deref(), 2).unwrap();
        assert!(page.len() <= 2);
        found.extend(page.into_iter().map(|view| view.upload_id));
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(found, begun);
}

#[test]
fn time_that_goes_back_changes_nothing() {
    let mut site = Site::new(Rules::default());
    site.post("a", b"x").unwrap();
    site.pass(HOUR * 30);
    let newest = site.core.last_inventory(site.now).unwrap();
    assert_eq!(site.core.last_inventory(START).unwrap(), newest);
    let (body, hash) = site.body(b"y");
    let late = site.core.post(START, "b", hash, body).unwrap();
    assert_eq!(site.core.archives[&late.archive_id].created, START.plus(HOUR * 30));
}

#[test]
fn what_becomes_of_requests_does_not_depend_on_their_order() {
    let faults = [Fault::LostReply { one_in: 3 }, Fault::Throttle { one_in: 4 }, Fault::CorruptReply { one_in: 5 }];
    let outcomes = |order: Vec<u32>| {
        let mut site = Site::with_faults(1, &faults);
        let outcome = |n: u32| (n, site.post(&format!("archive {}", n / 2), b"x"));
        let mut outcomes: Vec<(u32, String)> =
            order.into_iter().map(outcome).map(|(n, answer)| (n / 2, format!("{answer:?}"))).collect();
        outcomes.sort();
        outcomes
    };
    let forward = outcomes((0..60).collect());
    assert_eq!(forward, outcomes((0..60).rev().collect()));
    assert_eq!(forward, outcomes((0..60).map(|n| n * 7 % 60).collect()));
    for word in ["NoReply", "Throttling", "Receipt"] {
        assert!(forward.iter().any(|(_, answer)| answer.contains(word)), "{word} among {forward:?}");
    }
}
