//! Each refusal for its reason.

use super::*;
use crate::vault::Tier;
use crate::vault::fake::{Rate, Retrieval};

const INVALID: &str = "InvalidParameterValueException";

fn retrieval(archive_id: &str, range: Option<std::ops::Range<u64>>) -> Retrieval {
    Retrieval { archive_id: archive_id.to_owned(), range, tier: Some(Tier::Expedited), description: String::new() }
}

#[test]
fn descriptions_are_printable_ascii_of_bounded_length() {
    let mut site = Site::new(Rules::default());
    let long = "x".repeat(1025);
    let cases = [
        (long.as_str(), "the description has 1025 characters; 1024 at most"),
        ("caf\u{e9}", "the description holds a character that is not printable ASCII, at byte 3"),
        ("a\nb", "the description holds a character that is not printable ASCII, at byte 1"),
        ("\x7f", "the description holds a character that is not printable ASCII, at byte 0"),
    ];
    for (description, sentence) in cases {
        is_refused(site.post(description, b"x"), 400, INVALID, sentence);
        is_refused(site.core.initiate_upload(site.now, description, MIB), 400, INVALID, sentence);
    }
    for description in ["", "x", &long[1..], "~ ~"] {
        site.post(description, b"x").unwrap();
    }
    assert_eq!(site.shelf.count().unwrap(), 4, "what is refused does not stay");
}

#[test]
fn an_archive_has_at_least_a_byte_and_at_most_what_a_request_carries() {
    let mut site = Site::new(Rules { single_request: 1000, ..Rules::default() });
    is_refused(site.post("a", b""), 400, INVALID, "the body has 0 bytes; from 1 to 1000 in one request");
    let sentence = "the body has 1001 bytes; from 1 to 1000 in one request";
    is_refused(site.post("a", &[7; 1001]), 400, INVALID, sentence);
    site.post("a", &[7; 1000]).unwrap();
}

#[test]
fn the_tree_hash_must_be_that_of_the_bytes() {
    let mut site = Site::new(Rules::default());
    let whole = bytes(MIB + 1, 1);
    let (_, other) = site.body(b"other");
    // The linear hash is another one above a MiB.
    let (body, truth) = site.body(&whole);
    let sentence = format!("the tree hash {truth} was computed of the bytes that came, {other} was stated");
    is_refused(site.core.post(site.now, "a", other, body), 400, INVALID, &sentence);
    let linear = super::super::hash::leaf(&whole);
    let (body, _) = site.body(&whole);
    let sentence = format!("the tree hash {truth} was computed of the bytes that came, {linear} was stated");
    is_refused(site.core.post(site.now, "a", linear, body), 400, INVALID, &sentence);

    let upload = site.begin(MIB);
    let (body, part_truth) = site.body(&whole[..1 << 20]);
    let sentence = format!("the tree hash {part_truth} was computed of the bytes that came, {other} was stated");
    is_refused(site.core.upload_part(site.now, &upload, 0, other, body), 400, INVALID, &sentence);
    site.part(&upload, 0, &whole[..1 << 20]).unwrap();
    site.part(&upload, MIB, &whole[1 << 20..]).unwrap();
    let sentence = format!("the tree hash {truth} was computed of the bytes that came, {other} was stated");
    is_refused(site.core.complete_upload(site.now, &upload, MIB + 1, other), 400, INVALID, &sentence);
    site.complete(&upload, &whole).unwrap();
}

#[test]
fn parts_are_of_a_power_of_two_mebibytes() {
    let mut site = Site::new(Rules::default());
    for size in [0, 1, MIB - 1, MIB + 1, 3 * MIB, 8 << 30] {
        let sentence = format!("the part size is {size} bytes; it must be 1 MiB times a power of two, up to 4 GiB");
        is_refused(site.core.initiate_upload(site.now, "a", size), 400, INVALID, &sentence);
    }
    for size in [MIB, 2 * MIB, 4 << 30] {
        site.core.initiate_upload(site.now, "a", size).unwrap();
    }
}

#[test]
fn a_part_starts_where_one_can_and_is_no_larger() {
    let mut site = Site::new(Rules::default());
    let upload = site.begin(MIB);
    let misaligned = "the part starts at byte 5; it must start at a multiple of the part size, 1048576";
    is_refused(site.part(&upload, 5, b"x"), 400, INVALID, misaligned);
    let sentence = "the part has 0 bytes; from 1 to 1048576 for this upload";
    is_refused(site.part(&upload, 0, b""), 400, INVALID, sentence);
    let sentence = "the part has 1048577 bytes; from 1 to 1048576 for this upload";
    is_refused(site.part(&upload, 0, &bytes(MIB + 1, 1)), 400, INVALID, sentence);
    let sentence = "the part is number 10001; an upload has 10000 parts at most";
    is_refused(site.part(&upload, 10_000 * MIB, b"x"), 400, INVALID, sentence);
    site.part(&upload, 9_999 * MIB, b"x").unwrap();
}

#[test]
fn gaps_are_refused_at_the_end_and_not_before() {
    let mut site = Site::new(Rules::default());
    let whole = bytes(2 * MIB + 100, 3);
    let parts = [&whole[..1 << 20], &whole[1 << 20..2 << 20], &whole[2 << 20..]];
    for (missing, held) in [(0, 0), (1, MIB), (2, 2 * MIB)] {
        let upload = site.begin(MIB);
        for (n, part) in parts.iter().enumerate().filter(|(n, _)| *n != missing) {
            site.part(&upload, n as u64 * MIB, part).unwrap();
        }
        let sentence = format!("the parts hold {held} bytes without a gap, 2097252 were stated; send what is missing");
        is_refused(site.complete(&upload, &whole), 400, INVALID, &sentence);
        site.part(&upload, missing as u64 * MIB, parts[missing]).unwrap();
        site.complete(&upload, &whole).unwrap();
    }
    // Short in the middle: taken, and found out at the end.
    let upload = site.begin(MIB);
    site.part(&upload, 0, &parts[0][1..]).unwrap();
    site.part(&upload, MIB, parts[1]).unwrap();
    let sentence = "the parts hold 1048575 bytes without a gap, 2097151 were stated; send what is missing";
    is_refused(site.complete(&upload, &whole[1..2 << 20]), 400, INVALID, sentence);
    // More than was said.
    let sentence = "the parts hold 2097151 bytes, 1048576 were stated";
    is_refused(site.complete(&upload, &whole[..1 << 20]), 400, INVALID, sentence);
}

#[test]
fn what_is_not_there_is_said_with_its_name_made_safe() {
    let mut site = Site::new(Rules::default());
    let missing = "ResourceNotFoundException";
    let sentence = "upload not found: \\x1b[2J";
    is_refused(site.part("\x1b[2J", 0, b"x"), 404, missing, sentence);
    is_refused(site.complete("\x1b[2J", b"x"), 404, missing, sentence);
    is_refused(site.core.describe_job(site.now, "j"), 404, missing, "job not found: j");
    is_refused(site.core.job_output(site.now, "j", 0..1), 404, missing, "job not found: j");
    let asked = retrieval("a", None);
    is_refused(site.core.initiate_retrieval(site.now, &asked), 404, missing, "archive not found: a");
    let sentence = "the vault has no inventory yet; the first is taken at 2023-11-15T22:13:20Z";
    is_refused(site.core.initiate_inventory(site.now, ""), 404, missing, sentence);
    site.core.abort_upload(site.now, "u").unwrap();
    site.core.delete(site.now, "a").unwrap();
}

#[test]
fn a_range_is_of_whole_megabytes_within_the_archive() {
    let mut site = Site::new(Rules::default());
    let id = site.post("a", &bytes(2 * MIB + 5, 4)).unwrap().archive_id;
    for (range, what) in [
        (1..MIB, "of an archive of 2097157 bytes is not megabyte-aligned (1048576 bytes)"),
        (0..5, "of an archive of 2097157 bytes is not megabyte-aligned (1048576 bytes)"),
        (MIB..MIB, "is not within 0..2097157"),
        (0..3 * MIB, "is not within 0..2097157"),
    ] {
        let sentence = format!("the range {}..{} {what}", range.start, range.end);
        is_refused(site.core.initiate_retrieval(site.now, &retrieval(&id, Some(range))), 400, INVALID, &sentence);
    }
    for range in [0..MIB, MIB..2 * MIB + 5, 0..2 * MIB + 5] {
        site.core.initiate_retrieval(site.now, &retrieval(&id, Some(range))).unwrap();
    }
}

#[test]
fn output_is_there_after_the_job_and_within_its_range() {
    let mut site = Site::new(Rules::default());
    let id = site.post("a", &bytes(2 * MIB + 5, 4)).unwrap().archive_id;
    let job = site.core.initiate_retrieval(site.now, &retrieval(&id, Some(MIB..2 * MIB))).unwrap();
    let sentence = "the job is in progress; its output is not available yet";
    is_refused(site.core.job_output(site.now, &job, MIB..2 * MIB), 400, INVALID, sentence);
    site.pass(HOUR);
    #[allow(clippy::reversed_empty_ranges)] // that is one of them
    for range in [0..1, MIB - 1..2 * MIB, MIB..2 * MIB + 1, 2 * MIB..MIB] {
        let sentence = format!("the range {}..{} is not within 1048576..2097152", range.start, range.end);
        is_refused(site.core.job_output(site.now, &job, range), 400, INVALID, &sentence);
    }
    let sentence = "the job's output is an archive, not an inventory";
    is_refused(site.core.inventory_output(site.now, &job), 400, INVALID, sentence);
    site.pass(HOUR * 24);
    let job = site.core.initiate_inventory(site.now, "").unwrap();
    site.pass(HOUR * 5);
    let sentence = "the job's output is an inventory, not an archive";
    is_refused(site.core.job_output(site.now, &job, 0..1), 400, INVALID, sentence);
}

#[test]
fn weather_refuses_in_the_services_words() {
    let sentence = "the service cannot complete the request now; send it again later";
    let mut site = Site::with_faults(1, &[Fault::Outage]);
    is_refused(site.post("a", b"x"), 500, "ServiceUnavailableException", sentence);
    is_refused(site.core.describe(site.now), 500, "ServiceUnavailableException", sentence);
    // Throttling is no server error at this service.
    let mut site = Site::with_faults(1, &[Fault::Throttle { one_in: 1 }]);
    let sentence = "the rate of requests is too high; send fewer, later";
    is_refused(site.post("a", b"x"), 400, "ThrottlingException", sentence);
    site.pass(HOUR);
    let id = site.post("a", b"x").unwrap().archive_id;
    assert_eq!(site.shelf.count().unwrap(), 1);
    site.core.rules.weather.windows.push(Window { from: START, until: site.now.plus(HOUR), fault: Fault::NoExpedited });
    let asked = retrieval(&id, None);
    let sentence = "there is no capacity for expedited retrievals now; ask again later, or for the tier Standard";
    is_refused(site.core.initiate_retrieval(site.now, &asked), 503, "InsufficientCapacityException", sentence);
    for tier in [None, Some(Tier::Standard), Some(Tier::Bulk)] {
        site.core.initiate_retrieval(site.now, &Retrieval { tier, ..asked.clone() }).unwrap();
    }
    site.pass(HOUR);
    site.core.initiate_retrieval(site.now, &asked).unwrap();
}

#[test]
fn more_than_the_rate_is_refused_until_time_has_passed() {
    let mut site = Site::new(Rules { rate: Some(Rate { per_second: 2, burst: 3 }), ..Rules::default() });
    let took = |site: &mut Site, tries: usize| (0..tries).filter(|_| site.core.describe(site.now).is_ok()).count();
    assert_eq!(took(&mut site, 10), 3, "what has been saved up");
    assert_eq!(took(&mut site, 10), 0);
    site.pass(Duration::from_millis(499));
    assert_eq!(took(&mut site, 10), 0);
    site.pass(Duration::from_millis(1));
    assert_eq!(took(&mut site, 10), 1, "refused requests do not put off the next");
    site.pass(HOUR);
    assert_eq!(took(&mut site, 10), 3, "no more is saved up than that");
}
