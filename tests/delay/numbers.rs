//! The line's figures against exact arithmetic, at the times of today.

use std::time::Duration;

use firn::base::Time;
use firn::delay::limits::Limits;
use firn::delay::seen::Sample;
use firn::delay::trend::{Frame, fit};
use proptest::prelude::*;

use super::kit::{at, secs};

/// Slope and intercept by whole numbers alone: microseconds, with `now` at 0.
#[allow(clippy::cast_precision_loss)]
fn exact(points: &[(i64, i64)]) -> (f64, f64) {
    let n = i128::try_from(points.len()).unwrap();
    let sum = |of: fn(i128, i128) -> i128| points.iter().map(|(x, y)| of(i128::from(*x), i128::from(*y))).sum::<i128>();
    let (x, y, xx, xy) = (sum(|x, _| x), sum(|_, y| y), sum(|x, _| x * x), sum(|x, y| x * y));
    let (above, below) = (n * xy - x * y, n * xx - x * x);
    // (y − m x) / n with m = above / below.
    let intercept = (y * below - above * x) as f64 / (n * below) as f64;
    (above as f64 / below as f64, intercept / 1e6)
}

fn samples(now: Time, points: &[(i64, i64)]) -> Vec<Sample> {
    #[allow(clippy::cast_precision_loss)]
    let sample =
        |(x, y): &(i64, i64)| Sample { at: Time::from_micros(now.as_micros() + x), delay: Some(*y as f64 / 1e6) };
    points.iter().map(sample).collect()
}

fn frame() -> Frame {
    Frame::of(&Limits::default())
}

proptest! {
    #[test]
    fn slope_and_intercept_are_exact_at_the_times_of_today(
        jitter in prop::collection::vec((0i64..9_000_000, -3_000_000i64..3_000_000), 31..60),
        start in 0i64..100_000_000_000,
        rate in -5_000i64..5_000,
    ) {
        let count = i64::try_from(jitter.len()).unwrap();
        let points: Vec<(i64, i64)> = (0..count).zip(&jitter).map(|(i, (late, noise))| {
            let x = (i - count) * 10_000_000 + late;
            (x, start + rate * (x / 1000) + noise)
        }).collect();
        let got = fit(&samples(at(0), &points), at(0), None, &frame()).unwrap();
        let (slope, intercept) = exact(&points);
        prop_assert!((got.slope - slope).abs() <= 1e-9 * slope.abs().max(1.0), "{} {slope}", got.slope);
        prop_assert!((got.intercept - intercept).abs() <= 1e-9 * intercept.abs().max(1.0), "{} {intercept}", got.intercept);
        prop_assert!(got.correlation.is_none_or(|r| (-1.0..=1.0).contains(&r)));
    }
}

/// By sums of seconds since 1970 the slope would be off by a third: the reason for the centre.
#[test]
fn textbook_sums_would_not_do() {
    let points: Vec<(i64, i64)> = (1..=13).map(|i| ((i - 13) * 10_000_000, 7_200_000_000 + i * 10_000_000)).collect();
    let frame = Frame { window: secs(150), ..frame() };
    let got = fit(&samples(at(0), &points), at(0), None, &frame).unwrap();
    assert!((got.slope - 1.0).abs() < 1e-12, "{}", got.slope);
    #[allow(clippy::cast_precision_loss)]
    let naive = {
        let t = |x: i64| (at(0).as_micros() + x) as f64 / 1e6;
        let n = points.len() as f64;
        let sum = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|(x, y)| of(t(*x), *y as f64 / 1e6)).sum::<f64>();
        let (x, y, xx, xy) = (sum(&|x, _| x), sum(&|_, y| y), sum(&|x, _| x * x), sum(&|x, y| x * y));
        (n * xy - x * y) / (n * xx - x * x)
    };
    assert!((naive - 1.0).abs() > 0.01, "{naive}");
}

#[test]
fn a_flat_line_has_no_correlation_and_a_straight_one_has_all() {
    let flat: Vec<(i64, i64)> = (-40..=0).map(|i| (i * 10_000_000, 7_200_100_000)).collect();
    let got = fit(&samples(at(0), &flat), at(0), None, &frame()).unwrap();
    assert_eq!((got.correlation, got.count), (None, 41));
    assert!(
        got.slope.abs() < 1e-12 && (got.intercept - 7200.1).abs() < 1e-9 && (got.replay_speed() - 1.0).abs() < 1e-12
    );
    let falling: Vec<(i64, i64)> = flat.iter().map(|(x, y)| (*x, y - x / 2)).collect();
    let got = fit(&samples(at(0), &falling), at(0), None, &frame()).unwrap();
    assert!(got.correlation.unwrap() < -0.999_999, "{got:?}");
}

#[test]
fn what_does_not_bear_a_line() {
    let points = |count: i64, apart: i64, newest: i64| -> Vec<(i64, i64)> {
        (0..count).map(|i| ((newest - (count - 1 - i) * apart) * 1_000_000, 7_200_000_000)).collect()
    };
    let fits = |points: &[(i64, i64)]| fit(&samples(at(0), points), at(0), None, &frame()).is_some();
    assert!(fits(&points(30, 10, 0)), "thirty samples cover half the window");
    assert!(!fits(&points(29, 10, 0)), "twenty-nine do not");
    assert!(fits(&points(10, 60, 0)) && !fits(&points(9, 60, 0)), "ten are needed");
    assert!(fits(&points(40, 10, -60)) && !fits(&points(40, 10, -61)), "the newest is a minute old at most");
    // A sample that is as old as the window is out of it.
    assert!(fits(&points(10, 59, -60)) && !fits(&points(10, 60, -60)));
    let long = points(60, 10, 0);
    let began = |second: i64| fit(&samples(at(0), &long), at(0), Some(at(second)), &frame()).map(|fit| fit.count);
    assert_eq!((began(-290), began(-280), began(-1000)), (Some(30), None, Some(60)));
    // None of these is a number, and none becomes one.
    let mut holes = samples(at(0), &long);
    for (place, value) in [(3, None), (4, Some(f64::NAN)), (5, Some(f64::INFINITY))] {
        holes[place].delay = value;
    }
    assert_eq!(fit(&holes, at(0), None, &frame()).unwrap().count, 57);
}

/// Ten samples, or half of what the window holds, but three.
#[test]
fn how_many_samples_are_needed() {
    let least = |window, interval| Frame::of(&Limits { window, interval, ..Limits::default() }).least;
    let millis = Duration::from_millis;
    assert_eq!(least(secs(600), secs(10)), 10);
    assert_eq!(least(secs(20), secs(1)), 10);
    assert_eq!(least(secs(100), secs(10)), 5);
    assert_eq!(least(secs(30), secs(10)), 3);
    assert_eq!(least(secs(600), millis(0)), 10);
}
