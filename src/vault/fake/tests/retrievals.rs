//! The list of jobs, faster jobs, jobs that fail, archives that are spoilt, outputs that are cut, and the log of it all.

use std::collections::BTreeSet;
use std::ops::Range;

use super::*;
use crate::vault::Tier;
use crate::vault::fake::{JobFilter, JobView, Output, Phase, Retrieval, TierTimes};

const HOURS: fn(u64) -> Duration = Duration::from_hours;

fn asked(archive_id: &str, range: Option<Range<u64>>, tier: Tier, description: &str) -> Retrieval {
    Retrieval { archive_id: archive_id.to_owned(), range, tier: Some(tier), description: description.to_owned() }
}

fn ask(site: &mut Site, archive_id: &str, tier: Tier) -> Arc<str> {
    site.core.initiate_retrieval(site.now, &asked(archive_id, None, tier, "x")).unwrap()
}

/// With retrievals that take exactly: one minute, four hours, ten hours.
fn exact(rules: Rules) -> Site {
    let just = |span| (span, span);
    let tiers = TierTimes { expedited: just(HOUR / 60), standard: just(HOURS(4)), bulk: just(HOURS(10)) };
    Site::new(Rules { tiers, ..rules })
}

fn phase(site: &mut Site, job: &str) -> Phase {
    site.core.describe_job(site.now, job).unwrap().phase
}

/// All pages of a listing.
fn list(site: &mut Site, filter: JobFilter, limit: usize) -> Vec<JobView> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = site.core.list_jobs(site.now, filter, after.as_deref(), limit).unwrap();
        assert!(page.len() <= limit.clamp(1, 50), "{} on a page of {limit}", page.len());
        assert!(next.is_none() || !page.is_empty());
        all.extend(page);
        match next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

fn read(output: &Output) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (body, range) in &output.pieces {
        body.read_into(&mut bytes, range.clone()).unwrap();
    }
    output.spoil(&mut bytes);
    bytes
}

#[test]
fn jobs_are_listed_page_by_page_as_they_were_described_until_their_outputs_end() {
    let mut site = exact(Rules::default());
    let archive = site.post("a", &bytes(3 * MIB + 5, 1)).unwrap().archive_id;
    let mut started: BTreeSet<Arc<str>> = BTreeSet::new();
    for n in 0..123 {
        let request = asked(&archive, Some(MIB..2 * MIB), Tier::Standard, &format!("job {n}"));
        started.insert(site.core.initiate_retrieval(site.now, &request).unwrap());
    }
    for limit in [0, 1, 7, 50, 1000] {
        let listed = list(&mut site, JobFilter::default(), limit);
        let ids: Vec<&Arc<str>> = listed.iter().map(|job| &job.job_id).collect();
        assert_eq!(ids, started.iter().collect::<Vec<_>>(), "each once, {limit} on a page");
    }
    let listed = list(&mut site, JobFilter::default(), 50);
    let words: BTreeSet<&str> = listed.iter().map(|job| &*job.description).collect();
    assert_eq!((words.len(), words.contains("job 122")), (123, true));
    let first = &listed[0];
    assert_eq!(first.archive, Some((Arc::clone(&archive), MIB..2 * MIB)));
    assert_eq!((first.archive_size, first.tier, first.asked), (Some(3 * MIB + 5), Tier::Standard, START));
    // As they are described one by one.
    assert_eq!(*first, site.core.describe_job(site.now, &first.job_id).unwrap());
    site.pass(HOURS(28).saturating_sub(Duration::from_micros(1)));
    assert_eq!(list(&mut site, JobFilter::default(), 50).len(), 123);
    site.pass(Duration::from_micros(1));
    assert_eq!(list(&mut site, JobFilter::default(), 50), []);
}

#[test]
fn a_listing_is_filtered_by_state() {
    let mut site = exact(Rules::default());
    let archive = site.post("a", b"x").unwrap().archive_id;
    let (fast, slow) = (ask(&mut site, &archive, Tier::Expedited), ask(&mut site, &archive, Tier::Bulk));
    site.core.fail_next_job("the disk is gone");
    let failed = ask(&mut site, &archive, Tier::Standard);
    site.pass(HOURS(5));
    let mut ids = |completed, status| {
        let filter = JobFilter { completed, status };
        list(&mut site, filter, 50).into_iter().map(|job| job.job_id).collect::<BTreeSet<_>>()
    };
    let set = |ids: &[&Arc<str>]| ids.iter().map(|id| Arc::clone(id)).collect::<BTreeSet<_>>();
    assert_eq!(ids(None, None), set(&[&fast, &slow, &failed]));
    assert_eq!(ids(Some(true), None), set(&[&fast, &failed]));
    assert_eq!(ids(Some(false), None), set(&[&slow]));
    assert_eq!(ids(None, Some("Succeeded")), set(&[&fast]));
    assert_eq!(ids(None, Some("Failed")), set(&[&failed]));
    assert_eq!(ids(Some(true), Some("InProgress")), set(&[]));
}

#[test]
fn a_lost_reply_to_a_retrieval_leaves_a_job_that_the_list_tells() {
    let mut site = Site::with_faults(1, &[Fault::LostReply { one_in: 1 }]);
    let archive = {
        assert_eq!(site.post("a", b"x").unwrap_err(), Refusal::NoReply);
        site.core.holdings()[0].archive_id.clone()
    };
    site.core.keep_log(10);
    let request = asked(&archive, None, Tier::Bulk, "firn1 job x");
    let sentence = "the connection ended before the reply came";
    is_refused(site.core.initiate_retrieval(site.now, &request), 408, "RequestTimeoutException", sentence);
    is_refused(site.core.list_jobs(site.now, JobFilter::default(), None, 50), 408, "RequestTimeoutException", sentence);
    site.pass(HOUR);
    let listed = list(&mut site, JobFilter::default(), 50);
    assert_eq!((listed.len(), &*listed[0].description, listed[0].tier), (1, "firn1 job x", Tier::Bulk));
    // It is paid for.
    let log: Vec<_> = site.core.log().iter().map(|entry| (entry.op, entry.billed)).collect();
    assert_eq!(log, [("job", true), ("jobs", true), ("jobs", true)]);
}

#[test]
fn a_job_can_be_made_faster_where_the_rules_say_so() {
    let mut site = exact(Rules { upgrade: true, ..Rules::default() });
    let archive = site.post("a", b"x").unwrap().archive_id;
    let job = ask(&mut site, &archive, Tier::Bulk);
    site.pass(HOURS(3));
    site.core.upgrade_job(site.now, &job, Tier::Standard).unwrap();
    let is = |site: &mut Site| site.core.describe_job(site.now, &job).unwrap();
    site.pass(HOURS(4).saturating_sub(Duration::from_micros(1)));
    assert_eq!((is(&mut site).phase, is(&mut site).tier), (Phase::InProgress, Tier::Standard));
    let sentence = "the job is Standard; it can be made faster only";
    for tier in [Tier::Standard, Tier::Bulk] {
        let answer = site.core.upgrade_job(site.now, &job, tier);
        is_refused(answer, 400, "InvalidParameterValueException", sentence);
    }
    site.pass(Duration::from_micros(1));
    let at = START.plus(HOURS(7));
    assert_eq!(is(&mut site).phase, Phase::Succeeded { at, until: at.plus(HOURS(24)) });
    let sentence = "the job has come to its end; it cannot be made faster";
    let answer = site.core.upgrade_job(site.now, &job, Tier::Expedited);
    is_refused(answer, 400, "InvalidParameterValueException", sentence);
    site.pass(HOURS(24));
    let answer = site.core.upgrade_job(site.now, &job, Tier::Expedited);
    let sentence = format!("the job's output was kept until {}; ask for the archive again", at.plus(HOURS(24)));
    is_refused(answer, 404, "ResourceNotFoundException", &sentence);
    let answer = site.core.upgrade_job(site.now, "none", Tier::Expedited);
    is_refused(answer, 404, "ResourceNotFoundException", "job not found: none");
}

#[test]
fn a_job_that_would_end_sooner_as_it_is_does_not_become_slower() {
    let mut site = exact(Rules { upgrade: true, ..Rules::default() });
    let archive = site.post("a", b"x").unwrap().archive_id;
    let job = ask(&mut site, &archive, Tier::Bulk);
    site.pass(HOURS(9));
    site.core.upgrade_job(site.now, &job, Tier::Standard).unwrap();
    site.pass(HOURS(1));
    assert!(matches!(phase(&mut site, &job), Phase::Succeeded { at, .. } if at == START.plus(HOURS(10))));
}

#[test]
fn the_service_itself_makes_no_job_faster_and_without_capacity_nobody_does() {
    let mut site = exact(Rules::default());
    let archive = site.post("a", b"x").unwrap().archive_id;
    let job = ask(&mut site, &archive, Tier::Bulk);
    let sentence = "a retrieval cannot be made faster once it was asked for; ask for another";
    let answer = site.core.upgrade_job(site.now, &job, Tier::Expedited);
    is_refused(answer, 400, "InvalidParameterValueException", sentence);

    let window = Window { from: START, until: START.plus(HOUR), fault: Fault::NoExpedited };
    let weather = Weather { windows: vec![window] };
    let mut site = exact(Rules { upgrade: true, weather, ..Rules::default() });
    let archive = site.post("a", b"x").unwrap().archive_id;
    let job = ask(&mut site, &archive, Tier::Bulk);
    let sentence = "there is no capacity for expedited retrievals now; ask again later, or for the tier Standard";
    let answer = site.core.upgrade_job(site.now, &job, Tier::Expedited);
    is_refused(answer, 503, "InsufficientCapacityException", sentence);
    assert_eq!(site.core.describe_job(site.now, &job).unwrap().tier, Tier::Bulk);
    site.core.upgrade_job(site.now, &job, Tier::Standard).unwrap();
    site.core.upgrade_job(START.plus(HOUR), &job, Tier::Expedited).unwrap();
}

#[test]
fn jobs_fail_at_their_end_by_the_weather_of_that_time_or_when_told_to() {
    let window =
        Window { from: START.plus(HOURS(4)), until: START.plus(HOURS(5)), fault: Fault::FailedJob { one_in: 1 } };
    let mut site = exact(Rules { weather: Weather { windows: vec![window] }, ..Rules::default() });
    let archive = site.post("a", b"x").unwrap().archive_id;
    let (within, after) = (ask(&mut site, &archive, Tier::Standard), ask(&mut site, &archive, Tier::Bulk));
    site.core.fail_next_job("shelf 7 is on fire");
    let (told, next) = (ask(&mut site, &archive, Tier::Expedited), ask(&mut site, &archive, Tier::Expedited));
    assert_eq!(phase(&mut site, &told), Phase::InProgress);
    // Nobody looks until long after.
    site.pass(HOURS(20));
    let why = "the archive could not be retrieved because of an internal error";
    assert_eq!(phase(&mut site, &within), Phase::Failed { at: START.plus(HOURS(4)), why: why.to_owned() });
    let why = "shelf 7 is on fire".to_owned();
    assert_eq!(phase(&mut site, &told), Phase::Failed { at: START.plus(HOUR / 60), why });
    assert!(matches!(phase(&mut site, &next), Phase::Succeeded { .. }));
    assert!(matches!(phase(&mut site, &after), Phase::Succeeded { .. }));
    let answer = site.core.job_output(site.now, &told, 0..1);
    is_refused(answer, 400, "InvalidParameterValueException", "the job failed: shelf 7 is on fire");
}

#[test]
fn a_spoilt_byte_is_in_every_output_and_in_no_hash() {
    let mut site = exact(Rules::default());
    let content = bytes(2 * MIB + 100, 3);
    let receipt = site.post("a", &content).unwrap();
    let id = receipt.archive_id;
    let job = ask(&mut site, &id, Tier::Standard);
    for offset in [5, MIB + 7, 2 * MIB + 99, 5] {
        site.core.spoil(&id, offset).unwrap();
    }
    site.pass(HOURS(4));
    let later = {
        let job = ask(&mut site, &id, Tier::Expedited);
        site.pass(HOUR);
        job
    };
    let mut wrong = content.clone();
    for at in [5, 1_048_583, 2_097_251] {
        wrong[at] ^= 0x20;
    }
    for job in [job, later] {
        for range in [0..2 * MIB + 100, 5..6, 6..MIB, MIB..2 * MIB, MIB + 7..MIB + 9, 2 * MIB + 99..2 * MIB + 100] {
            let output = site.core.job_output(site.now, &job, range.clone()).unwrap();
            let at = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            assert!(read(&output) == wrong[at], "{range:?}");
            assert_eq!(output.sent, range.end - range.start);
        }
        let described = site.core.describe_job(site.now, &job).unwrap();
        assert_eq!((described.archive_hash, described.hash), (Some(receipt.tree_hash), Some(receipt.tree_hash)));
    }
    let sentence = format!("the range 2097252..2097253 is not within 0..{}", content.len());
    is_refused(site.core.spoil(&id, 2 * MIB + 100), 400, "InvalidParameterValueException", &sentence);
    is_refused(site.core.spoil("none", 0), 404, "ResourceNotFoundException", "archive not found: none");
}

#[test]
fn the_outputs_of_an_archive_that_was_cut_off_end_there() {
    let mut site = exact(Rules::default());
    let id = site.post("a", &bytes(2 * MIB, 3)).unwrap().archive_id;
    let job = ask(&mut site, &id, Tier::Standard);
    site.pass(HOURS(4));
    site.core.spoil(&id, MIB + 50).unwrap();
    site.core.truncate(&id, MIB + 10).unwrap();
    for (range, sent) in [(0..MIB, MIB), (0..2 * MIB, MIB + 10), (MIB..MIB + 11, 10), (MIB + 10..MIB + 60, 0)] {
        let output = site.core.job_output(site.now, &job, range.clone()).unwrap();
        assert_eq!(output.sent, sent, "{range:?}");
    }
    let sentence = "the range 2097153..2097153 is not within 0..2097152";
    is_refused(site.core.truncate(&id, 2 * MIB + 1), 400, "InvalidParameterValueException", sentence);
    is_refused(site.core.truncate("none", 0), 404, "ResourceNotFoundException", "archive not found: none");
}

#[test]
fn an_output_is_cut_in_its_middle_by_the_weather_and_another_try_may_pass() {
    let window = Window { from: START, until: START.plus(HOURS(100)), fault: Fault::CutOutput { one_in: 2 } };
    let mut site = exact(Rules { weather: Weather { windows: vec![window] }, ..Rules::default() });
    let id = site.post("a", &bytes(MIB, 3)).unwrap().archive_id;
    let job = ask(&mut site, &id, Tier::Standard);
    site.pass(HOURS(4));
    let mut sent: Vec<u64> = (0..40).map(|_| site.core.job_output(site.now, &job, 100..1100).unwrap().sent).collect();
    let whole = sent.iter().filter(|sent| **sent == 1000).count();
    assert!((8..32).contains(&whole), "{whole} of 40 are whole");
    sent.sort_unstable();
    sent.dedup();
    assert!(sent.len() > 5 && sent.iter().all(|sent| *sent <= 1000), "{sent:?}");
    assert_eq!(site.core.job_output(site.now, &job, 7..7).unwrap().sent, 0);
}

#[test]
fn the_log_tells_what_is_billed() {
    let window = Window { from: START, until: START.plus(HOUR / 60), fault: Fault::Throttle { one_in: 1 } };
    let mut site = exact(Rules { weather: Weather { windows: vec![window] }, upgrade: true, ..Rules::default() });
    site.pass(HOUR / 60);
    site.post("unwritten", b"x").unwrap();
    assert_eq!((site.core.log().len(), site.core.log_lines()), (0, String::new()));
    site.core.keep_log(100);
    let id = site.post("a", &bytes(3 * MIB, 3)).unwrap().archive_id;
    let request = asked(&id, Some(MIB..3 * MIB), Tier::Bulk, "x");
    let job = site.core.initiate_retrieval(site.now, &request).unwrap();
    site.core.upgrade_job(site.now, &job, Tier::Expedited).unwrap();
    // Refused in as many ways as there are.
    assert!(site.core.initiate_retrieval(site.now, &asked("none", None, Tier::Bulk, "x")).is_err());
    assert!(site.core.job_output(site.now, &job, MIB..MIB + 1).is_err());
    site.pass(HOUR);
    site.core.job_output(site.now, &job, MIB + 5..MIB + 12).unwrap();
    assert!(site.core.job_output(site.now, &job, 0..1).is_err());
    let log: Vec<_> = site.core.log().iter().map(|entry| (entry.op, entry.tier, entry.bytes, entry.billed)).collect();
    let (bulk, expedited) = (Some(Tier::Bulk), Some(Tier::Expedited));
    let expected = [
        ("upload", None, 3 * MIB, true),
        ("job", bulk, 2 * MIB, true),
        ("upgrade", expedited, 2 * MIB, true),
        ("job", bulk, 0, false),
        ("output", None, 0, false),
        ("output", None, 7, true),
        ("output", None, 0, false),
    ];
    assert_eq!(log, expected);
    let lines = "{\"at\":\"2023-11-14T22:14:20Z\",\"billed\":true,\"bytes\":3145728,\"op\":\"upload\"}\n\
                 {\"at\":\"2023-11-14T22:14:20Z\",\"billed\":true,\"bytes\":2097152,\"op\":\"job\",\"tier\":\"bulk\"}\n\
                 {\"at\":\"2023-11-14T22:14:20Z\",\"billed\":true,\"bytes\":2097152,\"op\":\"upgrade\",\"tier\":\"expedited\"}\n\
                 {\"at\":\"2023-11-14T23:14:20Z\",\"billed\":true,\"bytes\":7,\"op\":\"output\"}\n";
    assert_eq!(site.core.log_lines(), lines);
}

#[test]
fn what_is_refused_before_it_is_looked_at_is_not_billed_and_a_full_log_says_so() {
    let mut site = Site::with_faults(1, &[Fault::Throttle { one_in: 1 }]);
    site.core.keep_log(2);
    for _ in 0..3 {
        let request = asked("none", None, Tier::Bulk, "x");
        assert_eq!(site.core.initiate_retrieval(site.now, &request), Err(Refusal::Throttling));
    }
    let log: Vec<_> = site.core.log().iter().map(|entry| (entry.op, entry.billed)).collect();
    assert_eq!((log, site.core.log_dropped()), (vec![("job", false); 2], 1));
    assert_eq!(site.core.log_lines(), "");
    site.core.keep_log(1);
    assert_eq!((site.core.log().len(), site.core.log_dropped()), (0, 0));
}

#[test]
fn only_what_was_sent_of_an_output_is_billed() {
    let window = |fault| Window { from: START.plus(HOURS(3)), until: START.plus(HOURS(100)), fault };
    for (fault, check) in [
        (Fault::LostReply { one_in: 1 }, (|bytes| bytes == 0) as fn(u64) -> bool),
        (Fault::CutOutput { one_in: 1 }, |bytes| bytes < 1000),
    ] {
        let mut site = exact(Rules { weather: Weather { windows: vec![window(fault)] }, ..Rules::default() });
        let id = site.post("a", &bytes(MIB, 3)).unwrap().archive_id;
        let job = ask(&mut site, &id, Tier::Expedited);
        site.pass(HOURS(4));
        site.core.keep_log(10);
        drop(site.core.job_output(site.now, &job, 0..1000));
        let log = site.core.log();
        assert_eq!((log.len(), log[0].op, log[0].billed), (1, "output", true));
        assert!(check(log[0].bytes), "{fault:?}: {}", log[0].bytes);
    }
}
