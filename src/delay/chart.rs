//! Reads what a replica's chart is drawn from. Ten days can hold many hundred thousand samples: all of them are read, a page
//! at a time, and of very many those are kept that can be told apart.

use super::job::Job;
use super::snapshot::DelayChart;
use super::watch::sample_of;
use crate::base::Time;
use crate::store::{Store, StoreError, server_of};

/// Samples read in one go.
const PAGE: u32 = 50_000;
/// So many samples are kept as they are: ten days of one every ten seconds.
const MANY: usize = 100_000;
/// Of more the time is cut into so many columns, more than any screen has.
const COLUMNS: i64 = 10_000;

/// When, and the delay in seconds; nothing is a gap.
type Point = (Time, Option<f64>);

/// The samples of a replica in a span of time, and the jobs that touch it.
pub async fn chart(store: &dyn Store, replica: &str, from: Time, to: Time) -> Result<DelayChart, StoreError> {
    let (mut samples, mut thinned) = (Vec::new(), false);
    let mut next = from;
    loop {
        let page = store.delay_samples(replica.to_owned(), next, to, PAGE).await?;
        let last = page.last().map(|row| row.at);
        samples.extend(page.iter().map(sample_of).map(|sample| (sample.at, sample.delay)));
        if samples.len() > MANY {
            samples = thin(&samples, from, to);
            thinned = true;
        }
        match last {
            Some(last) if page.len() >= PAGE as usize => next = Time::from_micros(last.as_micros().saturating_add(1)),
            _ => break,
        }
    }
    if thinned {
        samples = thin(&samples, from, to);
    }
    let server = server_of(replica);
    let of = |name: &str| name == replica || name == server;
    let jobs = store.jobs(None, from).await?.into_iter().filter(|row| of(&row.replica) && row.start <= to);
    let jobs = jobs.map(|row| Job { class: row.class, start: row.start, end: row.end }).collect();
    Ok(DelayChart { from, to, samples, thinned, jobs })
}

/// Of each column the lowest and the highest sample, and the first that is missing where one is: no dip, no peak and no gap
/// is lost. What was thinned before can be thinned again with what came since, as if it had been all at once.
fn thin(samples: &[Point], from: Time, to: Time) -> Vec<Point> {
    let wide = (to.as_micros().saturating_sub(from.as_micros()) / COLUMNS).max(1);
    let column = |point: &Point| point.0.as_micros().saturating_sub(from.as_micros()) / wide;
    let mut kept = Vec::new();
    for column in samples.chunk_by(|one, next| column(one) == column(next)) {
        let known = || column.iter().filter_map(|point| Some((point, point.1?)));
        let lowest = known().min_by(|one, other| one.1.total_cmp(&other.1));
        // Of equals the first, as above.
        let highest = known().max_by(|one, other| one.1.total_cmp(&other.1).then(other.0.0.cmp(&one.0.0)));
        let gap = column.iter().find(|point| point.1.is_none());
        let mut all: Vec<&Point> = [lowest, highest].into_iter().flatten().map(|(point, _)| point).chain(gap).collect();
        all.sort_by_key(|point| point.0);
        all.dedup_by_key(|point| point.0);
        kept.extend(all.into_iter().copied());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const END: Time = Time::from_secs(100_000);

    fn every_tenth_of_a_second(values: &[Option<f64>]) -> Vec<Point> {
        (0..).zip(values).map(|(n, value)| (Time::from_micros(n * 100_000), *value)).collect()
    }

    proptest! {
        // A column is ten seconds wide here: a hundred samples.
        #[test]
        fn each_column_keeps_its_extremes_and_its_gap_however_often_it_is_thinned(
            values in prop::collection::vec(prop::option::weighted(0.97, -10..10_i32), 0..1500),
            cut in 0..1500_usize,
        ) {
            let values: Vec<_> = values.into_iter().map(|value| value.map(f64::from)).collect();
            let all = every_tenth_of_a_second(&values);
            let thinned = thin(&all, Time::from_secs(0), END);
            let column = |point: &Point| point.0.as_micros() / 10_000_000;
            prop_assert!(thinned.is_sorted_by(|one, next| one.0 < next.0));
            prop_assert!(thinned.iter().all(|point| all.contains(point)));
            for at in 0..15 {
                let of = |points: &[Point]| -> Vec<Option<f64>> {
                    points.iter().filter(|point| column(point) == at).map(|point| point.1).collect()
                };
                let (before, after) = (of(&all), of(&thinned));
                let extremes = |values: &[Option<f64>]| {
                    let known = || values.iter().flatten().copied();
                    (known().reduce(f64::min), known().reduce(f64::max))
                };
                prop_assert_eq!(extremes(&before), extremes(&after));
                prop_assert_eq!(before.contains(&None), after.contains(&None));
                prop_assert!(after.len() <= 3);
            }
            // As if it had been all at once.
            let (first, rest) = all.split_at(cut.min(all.len()));
            let mut again = thin(first, Time::from_secs(0), END);
            again.extend(rest);
            prop_assert_eq!(thin(&again, Time::from_secs(0), END), thinned);
        }
    }

    #[test]
    fn times_that_are_all_one_and_a_span_of_nothing_are_no_trouble() {
        let one = (Time::from_secs(5), Some(1.0));
        assert_eq!(thin(&[], one.0, one.0), []);
        assert_eq!(thin(&[one], one.0, one.0), [one]);
        assert_eq!(thin(&[(one.0, None)], one.0, one.0), [(one.0, None)]);
    }
}
