//! Rates, percentiles and remaining times, from counts and timestamps of rows. Pure. What there is not enough of is
//! nothing: a bucket in which nobody was at work is unknown, a percentile wants a sample that can tell it.
//!
//! When a bucket is known: sessions with the kind of worker that is asked about covered all of it. Two sessions with no
//! more than a bucket between them count as one (a worker that was restarted): what did not run for so short a time did
//! not find or store anything then, and that is what is shown.

use std::time::Duration;

use super::{Latency, Pace};
use crate::base::Time;
use crate::base::ids::Lane;
use crate::store::{BUCKET, FlowRow, LaneState, Latest, Watch};

/// Buckets of a series: ten minutes.
pub const SERIES: usize = 60;
/// Buckets that a rate is told from: a minute.
pub const MINUTE: usize = 6;
/// How far back rows are needed: the series, the bucket that is not complete yet, and one for sessions that touch.
pub const LOOK_BACK: Duration = Duration::from_secs(BUCKET.as_secs() * (SERIES as u64 + 2));

/// Samples that a median wants.
pub const FOR_P50: usize = 10;
/// Samples that the 99th percentile wants.
pub const FOR_P99: usize = 100;
/// A rate since the beginning means nothing before this.
pub const PROGRESS_MEANS: Duration = Duration::from_secs(2);

/// Which worker kind must have been at work for a bucket to be known.
fn at_work(kind: Option<&str>) -> impl Fn(&Watch) -> bool {
    move |watch| kind.is_none_or(|kind| watch.kinds.split(',').any(|word| word == kind))
}

/// Spans in which somebody was at work, joined where they touch or nearly do, in order.
fn spans(watched: &[Watch], kind: Option<&str>) -> Vec<(Time, Time)> {
    let mut all: Vec<(Time, Time)> = watched
        .iter()
        .filter(|watch| watch.until > watch.from)
        .filter(|watch| at_work(kind)(watch))
        .map(|watch| (watch.from, watch.until))
        .collect();
    all.sort_unstable();
    let mut joined: Vec<(Time, Time)> = Vec::new();
    for (from, until) in all {
        match joined.last_mut() {
            Some(last) if from <= last.1.plus(BUCKET) => last.1 = last.1.max(until),
            _ => joined.push((from, until)),
        }
    }
    joined
}

/// When the newest complete bucket ended.
fn last_end(now: Time) -> Time {
    let bucket = BUCKET.as_secs().cast_signed() * 1_000_000;
    Time::from_micros(now.as_micros().div_euclid(bucket) * bucket)
}

/// What `value` adds up to in each of the last [`SERIES`] complete buckets, oldest first.
fn series(
    now: Time,
    rows: &[FlowRow],
    watched: &[Watch],
    kind: Option<&str>,
    value: impl Fn(&FlowRow) -> u64,
) -> Vec<Option<u64>> {
    let spans = spans(watched, kind);
    let end = last_end(now);
    let start = |place: usize| end.minus(BUCKET * u32::try_from(SERIES - place).unwrap_or(u32::MAX));
    let known = |from: Time| spans.iter().any(|span| span.0 <= from && from.plus(BUCKET) <= span.1);
    let mut series: Vec<Option<u64>> = (0..SERIES).map(|place| known(start(place)).then_some(0)).collect();
    for row in rows.iter().filter(|row| row.at >= start(0) && row.at < end) {
        let place = usize::try_from(row.at.since(start(0)).as_secs() / BUCKET.as_secs()).unwrap_or(usize::MAX);
        if let Some(Some(sum)) = series.get_mut(place) {
            *sum = sum.saturating_add(value(row));
        }
    }
    series
}

/// The sum over the last whole minute, if all of it is known.
fn last_minute(series: &[Option<u64>]) -> Option<u64> {
    let newest = series.get(series.len().checked_sub(MINUTE)?..)?;
    newest.iter().copied().sum()
}

#[allow(clippy::cast_precision_loss)] // a rate is shown with three digits
fn float(number: u64) -> f64 {
    number as f64
}

fn floats(series: &[Option<u64>]) -> Vec<Option<f64>> {
    series.iter().map(|value| value.map(float)).collect()
}

/// What moved lately, all lanes together. Files are found only where a scanner is at work; stored are those of which any
/// worker could tell.
pub fn pace(now: Time, rows: &[FlowRow], watched: &[Watch]) -> Pace {
    let found = series(now, rows, watched, Some("scan"), |row| row.found_files);
    let stored = series(now, rows, watched, None, |row| row.stored_files);
    let bytes = series(now, rows, watched, None, |row| row.archive_bytes);
    Pace {
        found_per_minute: last_minute(&found).map(float),
        stored_per_minute: last_minute(&stored).map(float),
        bytes_per_second: last_minute(&bytes).map(|bytes| float(bytes) / 60.0),
        found: floats(&found),
        bytes: floats(&bytes),
    }
}

/// How long a lane will still take at the pace of those of the last ten minutes that are known, a minute at least.
/// Nothing when nothing of it was stored meanwhile; no time at all when nothing waits.
pub fn left(now: Time, rows: &[FlowRow], watched: &[Watch], lane: &LaneState) -> Option<Duration> {
    if lane.files == 0 {
        return Some(Duration::ZERO);
    }
    let rows: Vec<FlowRow> = rows.iter().filter(|row| row.lane == lane.lane).copied().collect();
    // Files of no bytes take time, too.
    let (waiting, stored) = if lane.bytes > 0 {
        (lane.bytes, series(now, &rows, watched, None, |row| row.stored_bytes))
    } else {
        (lane.files, series(now, &rows, watched, None, |row| row.stored_files))
    };
    let known: Vec<u64> = stored.into_iter().flatten().collect();
    let done: u64 = known.iter().sum();
    if known.len() < MINUTE || done == 0 {
        return None;
    }
    let seconds = u128::from(waiting) * u128::from(BUCKET.as_secs()) * known.len() as u128 / u128::from(done);
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)))
}

/// What is left of history.
pub fn history_left(now: Time, rows: &[FlowRow], watched: &[Watch], lanes: &[LaneState]) -> Option<Duration> {
    lanes.iter().find(|lane| lane.lane == Lane::History).and_then(|lane| left(now, rows, watched, lane))
}

/// How long files took from being found to being stored.
pub fn latency(files: &[Latest]) -> Latency {
    let mut took: Vec<Duration> = files.iter().map(|file| file.stored.since(file.found)).collect();
    took.sort_unstable();
    Latency {
        files: took.len() as u64,
        p50: (took.len() >= FOR_P50).then(|| nearest_rank(&took, 50)).flatten(),
        p99: (took.len() >= FOR_P99).then(|| nearest_rank(&took, 99)).flatten(),
    }
}

/// The smallest of `sorted` that at least `percent` in a hundred do not exceed.
fn nearest_rank(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// Bytes a second of something that has come to `done` in `elapsed`.
pub fn progress(done: u64, elapsed: Duration) -> Option<f64> {
    (elapsed >= PROGRESS_MEANS).then(|| float(done) / elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(secs: i64, found: u64, stored: u64, bytes: u64) -> FlowRow {
        FlowRow {
            at: Time::from_secs(secs),
            lane: Lane::History,
            found_files: found,
            found_bytes: found * 10,
            stored_files: stored,
            stored_bytes: stored * 100,
            archives: u64::from(bytes > 0),
            archive_bytes: bytes,
        }
    }

    fn watch(from: i64, until: i64, kinds: &str) -> Watch {
        Watch { from: Time::from_secs(from), until: Time::from_secs(until), kinds: kinds.to_owned() }
    }

    fn lane(files: u64, bytes: u64) -> LaneState {
        LaneState { lane: Lane::History, files, bytes, queued: files, fetching: 0, bundled: 0, failed: 0, oldest: None }
    }

    #[test]
    fn nothing_is_told_until_a_whole_minute_has_been_seen() {
        let rows = [row(1000, 6, 3, 600), row(1050, 6, 3, 600)];
        let pace_at = |now| pace(Time::from_secs(now), &rows, &[watch(1000, now, "scan,upload")]);
        assert_eq!(pace_at(1059).found_per_minute, None);
        let whole = pace_at(1060);
        assert_eq!((whole.found_per_minute, whole.stored_per_minute), (Some(12.0), Some(6.0)));
        assert_eq!(whole.bytes_per_second, Some(20.0));
        // The bucket that is not complete does not count, and does not make what is known unknown.
        assert_eq!(pace_at(1069), Pace { ..whole.clone() });
        assert_eq!(pace_at(1070).found_per_minute, Some(6.0));
        // It began within a bucket: that one is not whole.
        assert_eq!(pace(Time::from_secs(1065), &rows, &[watch(1001, 1065, "scan")]).found_per_minute, None);
    }

    #[test]
    fn where_nobody_looks_for_files_none_is_not_zero() {
        let pace = pace(Time::from_secs(1060), &[], &[watch(0, 1060, "fetch,upload")]);
        assert_eq!((pace.found_per_minute, pace.stored_per_minute), (None, Some(0.0)));
        assert!(pace.found.iter().all(Option::is_none) && pace.bytes.iter().all(|bytes| *bytes == Some(0.0)));
    }

    #[test]
    fn a_worker_that_was_restarted_leaves_no_gap_and_a_longer_absence_does() {
        let now = Time::from_secs(2000);
        let near = [watch(1000, 1955, "scan"), watch(1965, 2000, "scan")];
        assert_eq!(pace(now, &[], &near).found_per_minute, Some(0.0));
        let far = [watch(1000, 1955, "scan"), watch(1966, 2000, "scan")];
        let gap = pace(now, &[], &far);
        assert_eq!(gap.found_per_minute, None);
        let unknown: Vec<usize> = (0..SERIES).filter(|place| gap.found[*place].is_none()).collect();
        assert_eq!(unknown, [55, 56], "1950 to 1970 was not seen whole");
    }

    #[test]
    fn what_is_left_of_history_is_told_by_what_was_stored_in_what_is_known() {
        let now = Time::from_secs(10_000);
        let watched = [watch(9_900, 10_000, "upload")];
        // 100 seconds known, 10 files of 100 bytes stored: 10 bytes a second.
        let rows = [row(9_950, 0, 10, 0)];
        let left_of = |bytes| left(now, &rows, &watched, &lane(5, bytes));
        assert_eq!(left_of(3600), Some(Duration::from_mins(6)));
        assert_eq!(left_of(u64::MAX), Some(Duration::from_secs(u64::MAX / 10)));
        assert_eq!(left(now, &[], &watched, &lane(5, 3600)), None, "nothing was stored");
        assert_eq!(left(now, &rows, &watched[..0], &lane(5, 3600)), None, "nobody was there");
        assert_eq!(left(now, &rows, &[watch(9_950, 10_000, "upload")], &lane(5, 3600)), None, "less than a minute");
        assert_eq!(left(now, &rows, &watched, &lane(20, 0)), Some(Duration::from_secs(200)), "by files");
        assert_eq!(left(now, &[], &[], &lane(0, 0)), Some(Duration::ZERO));
        let live = [FlowRow { lane: Lane::Live, ..rows[0] }];
        assert_eq!(left(now, &live, &watched, &lane(5, 3600)), None, "the other lane's");
    }

    #[test]
    fn percentiles_want_a_sample_that_can_tell_them() {
        let files = |n: i64| -> Vec<Latest> {
            (1..=n).rev().map(|n| Latest { found: Time::from_secs(50), stored: Time::from_secs(50 + n) }).collect()
        };
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(latency(&[]), Latency { files: 0, p50: None, p99: None });
        assert_eq!(latency(&files(9)), Latency { files: 9, p50: None, p99: None });
        assert_eq!(latency(&files(10)), Latency { files: 10, p50: seconds(5), p99: None });
        assert_eq!(latency(&files(99)).p99, None);
        assert_eq!(latency(&files(100)), Latency { files: 100, p50: seconds(50), p99: seconds(99) });
        assert_eq!(latency(&files(1000)), Latency { files: 1000, p50: seconds(500), p99: seconds(990) });
    }

    #[test]
    fn progress_has_a_rate_once_that_means_something() {
        assert_eq!(progress(1000, Duration::from_millis(1999)), None);
        assert_eq!(progress(1000, Duration::from_secs(4)), Some(250.0));
        assert_eq!(progress(0, Duration::from_secs(4)), Some(0.0), "it stands still");
    }

    /// The same by seconds, one after the other.
    fn naive(now: i64, rows: &[FlowRow], watched: &[Watch], kind: &str) -> Vec<Option<u64>> {
        let end = now - now % 10;
        let second = |time: Time| time.as_micros() / 1_000_000;
        let mut seen: Vec<bool> = (0..2000)
            .map(|at| {
                let covers = |watch: &&Watch| second(watch.from) <= at && at < second(watch.until);
                watched.iter().filter(covers).any(|watch| watch.kinds.contains(kind))
            })
            .collect();
        let gaps: Vec<(usize, usize)> = (0..seen.len())
            .filter(|at| *at > 0 && !seen[*at] && seen[*at - 1])
            .map(|at| (at, (at..seen.len()).find(|later| seen[*later]).unwrap_or(usize::MAX)))
            .collect();
        for (from, to) in gaps.into_iter().filter(|(from, to)| to - from <= 10) {
            seen[from..to].fill(true);
        }
        (0..60)
            .map(|place| {
                let from = end - 600 + place * 10;
                let whole = (from..from + 10).all(|at| usize::try_from(at).is_ok_and(|at| seen[at]));
                let of = rows.iter().filter(|row| second(row.at) == from).map(|row| row.found_files).sum();
                whole.then_some(of)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn series_are_what_counting_second_by_second_gives(
            now in 700i64..1400,
            rows in prop::collection::vec((0i64..140, 0u64..50), 0..80),
            watched in prop::collection::vec((0i64..1400, 1i64..400, any::<bool>()), 0..8),
        ) {
            let rows: Vec<FlowRow> = rows.into_iter().map(|(bucket, found)| row(bucket * 10, found, 0, 0)).collect();
            let watched: Vec<Watch> = watched
                .into_iter()
                .map(|(from, long, scans)| watch(from, from + long, if scans { "scan,fetch" } else { "fetch" }))
                .collect();
            let time = Time::from_secs(now);
            let expected = naive(now, &rows, &watched, "scan");
            prop_assert_eq!(&series(time, &rows, &watched, Some("scan"), |row| row.found_files), &expected);
            let minute = expected[54..].iter().copied().sum::<Option<u64>>();
            prop_assert_eq!(pace(time, &rows, &watched).found_per_minute, minute.map(float));
        }

        #[test]
        fn a_percentile_is_one_of_the_sample_and_splits_it(took in prop::collection::vec(0i64..1000, 1..400)) {
            let files: Vec<Latest> =
                took.iter().map(|took| Latest { found: Time::from_secs(0), stored: Time::from_secs(*took) }).collect();
            let latency = latency(&files);
            prop_assert_eq!(latency.p50.is_some(), took.len() >= 10);
            prop_assert_eq!(latency.p99.is_some(), took.len() >= 100);
            for (value, percent) in [(latency.p50, 50), (latency.p99, 99)] {
                let Some(value) = value else { continue };
                let value = i64::try_from(value.as_secs()).unwrap();
                prop_assert!(took.contains(&value));
                let no_longer = took.iter().filter(|took| **took <= value).count();
                let shorter = took.iter().filter(|took| **took < value).count();
                prop_assert!(no_longer * 100 >= took.len() * percent, "too few take no longer");
                prop_assert!(shorter * 100 < took.len() * percent, "a shorter one would do");
            }
        }
    }
}
