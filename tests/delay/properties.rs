//! What holds of every history.

use firn::base::{Severity, Time};
use firn::delay::job::Job;
use firn::delay::judge::{Asked, judge};
use firn::delay::limits::Limits;
use firn::delay::observe::observe;
use firn::delay::replay::Replay;
use firn::delay::seen::{Heartbeat, IoThread, Look, Sample};
use firn::delay::state::State;
use firn::delay::verdict::Verdict;
use proptest::prelude::*;

use super::kit::{at, behind, secs};

/// A window of ten samples: histories are short.
fn small() -> Limits {
    let mut limits = Limits {
        window: secs(100),
        max_trend_time: secs(300),
        max_recovery_time: secs(200),
        min_delay_time: secs(600),
        max_delay_time: secs(1000),
        ..Limits::default()
    };
    limits.jobs[0].longest = secs(250);
    limits
}

/// What happens for a while.
#[derive(Debug, Clone)]
enum Piece {
    Steady(u16),
    Slope(i8),
    Gone,
    NoHeartbeat,
    SqlError,
    IoStopped,
    Restart,
}

fn piece() -> impl Strategy<Value = (Piece, i64)> {
    let piece = prop_oneof![
        3 => (300u16..1300).prop_map(Piece::Steady),
        4 => (-20i8..=10).prop_map(Piece::Slope),
        2 => Just(Piece::Gone),
        1 => Just(Piece::NoHeartbeat),
        1 => Just(Piece::SqlError),
        1 => Just(Piece::IoStopped),
        1 => Just(Piece::Restart),
    ];
    (piece, 1i64..20)
}

fn history() -> impl Strategy<Value = Vec<Look>> {
    prop::collection::vec(piece(), 1..10).prop_map(|pieces| {
        let (mut looks, mut delay, mut second, mut up) = (Vec::new(), 800.0, 0, 100_000u64);
        for (piece, count) in pieces {
            if matches!(piece, Piece::Restart) {
                up = 0;
            }
            for _ in 0..count {
                match piece {
                    Piece::Steady(at) => delay = f64::from(at),
                    Piece::Slope(tenths) => delay += f64::from(tenths),
                    _ => {}
                }
                let mut seen = behind(second, delay);
                seen.uptime = Some(up);
                up += 10;
                let status = seen.status.as_mut().unwrap();
                match piece {
                    Piece::SqlError => (status.sql, status.sql_errno) = (Some(false), Some(1062)),
                    Piece::IoStopped => status.io = Some(IoThread::No),
                    Piece::NoHeartbeat => seen.delay = Some(Heartbeat::Unread("denied".to_owned())),
                    _ => {}
                }
                let seen = if matches!(piece, Piece::Gone) { Err("gone".to_owned()) } else { Ok(seen) };
                looks.push(Look { at: at(second), seen });
                second += 10;
            }
        }
        looks
    })
}

fn jobs() -> impl Strategy<Value = Vec<Job>> {
    let job = (0i64..1500, 0i64..400, any::<bool>()).prop_map(|(start, long, ends)| Job {
        class: "backup".to_owned(),
        start: at(start),
        end: ends.then(|| at(start + long)),
    });
    prop::collection::vec(job, 0..3)
}

fn verdicts(looks: &[Look], jobs: &[Job]) -> Vec<Verdict> {
    let mut replay = Replay::new(small(), Asked::by_worker(true, true), jobs.to_vec());
    looks.iter().map(|look| replay.step(look)).collect()
}

fn shifted(time: Time, by: i64) -> Time {
    Time::from_micros(time.as_micros() + by)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// Times shifted by a constant change nothing but times.
    #[test]
    fn time_has_no_origin(looks in history(), jobs in jobs(), by in -1_700_000_000_000_000i64..1_700_000_000_000_000) {
        let plain = verdicts(&looks, &jobs);
        let later: Vec<Look> = looks.iter().map(|look| Look { at: shifted(look.at, by), seen: look.seen.clone() }).collect();
        let later_jobs: Vec<Job> = jobs.iter().map(|job| Job {
            class: job.class.clone(), start: shifted(job.start, by), end: job.end.map(|end| shifted(end, by)),
        }).collect();
        for (plain, mut moved) in plain.into_iter().zip(verdicts(&later, &later_jobs)) {
            moved.at = shifted(moved.at, -by);
            moved.delay = moved.delay.map(|(delay, time)| (delay, shifted(time, -by)));
            moved.out_since = moved.out_since.map(|since| shifted(since, -by));
            prop_assert_eq!(plain, moved);
        }
    }

    /// OK is said of a line that is in bounds by samples that were seen, with a sample of that moment; or it is held over a
    /// gap that is short, from a verdict that was OK.
    #[test]
    fn a_gap_never_makes_it_ok(looks in history(), jobs in jobs(), from in 0usize..150, long in 1usize..40) {
        let mut gappy = looks.clone();
        for look in gappy.iter_mut().skip(from).take(long) {
            look.seen = Err("gone".to_owned());
        }
        let said = verdicts(&gappy, &jobs);
        let limits = small();
        let bounds = limits.min_delay_time.as_secs_f64()..=limits.max_delay_time.as_secs_f64();
        for (place, verdict) in said.iter().enumerate().filter(|(_, verdict)| verdict.severity == Severity::Ok) {
            let (_, newest) = verdict.delay.unwrap();
            if newest == verdict.at {
                prop_assert_eq!(verdict.rule.0, 16);
                // Worked out again by samples alone, in another way: the mean of the window, and its slope from it.
                let window: Vec<(f64, f64)> = gappy[..=place].iter().filter_map(|look| {
                    let age = verdict.at.since(look.at).as_secs_f64();
                    Some((-age, look.sample().delay?)).filter(|_| age < limits.window.as_secs_f64())
                }).collect();
                prop_assert!(window.len() >= 5, "{} samples", window.len());
                let b = verdict.fit.unwrap().intercept;
                prop_assert!(bounds.contains(&b), "intercept {}", b);
            } else {
                prop_assert_eq!(said[place - 1].severity, Severity::Ok, "held, and was not OK before");
                prop_assert!(verdict.at.since(newest) <= limits.max_last_seen);
                prop_assert!(verdict.text.contains("(held: no sample for "), "{}", verdict.text);
            }
        }
        // Before the gap nothing is otherwise.
        for (plain, gappy) in verdicts(&looks, &jobs).iter().zip(&said).take(from) {
            prop_assert_eq!(plain, gappy);
        }
    }

    /// A verdict is a function of the state and the samples: whoever takes over at any time says the same.
    #[test]
    fn whoever_takes_over_says_the_same(looks in history(), jobs in jobs(), every in 1usize..7) {
        let plain = verdicts(&looks, &jobs);
        let (limits, asked) = (small(), Asked::by_worker(true, true));
        let mut state = State::default();
        for (place, look) in looks.iter().enumerate() {
            if place % every == 0 {
                state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
            }
            observe(&mut state, look, &limits);
            // All samples there ever were: those that do not count change nothing.
            let samples: Vec<Sample> = looks[..=place].iter().map(Look::sample).collect();
            let known: Vec<Job> = jobs.iter().filter(|job| job.start <= look.at)
                .map(|job| Job { end: job.end.filter(|end| *end <= look.at), ..job.clone() }).collect();
            let (next, verdict) = judge(&state, &samples, &known, &asked, &limits, look.at);
            // Asked again, it says it again.
            let (_, again) = judge(&state, &samples, &known, &asked, &limits, look.at);
            prop_assert_eq!(&verdict, &again);
            let other = &plain[place];
            prop_assert_eq!((verdict.rule, verdict.severity, &verdict.text), (other.rule, other.severity, &other.text));
            prop_assert_eq!((verdict.fit, verdict.out_since), (other.fit, other.out_since));
            prop_assert_eq!((&verdict.matches, verdict.degraded), (&other.matches, other.degraded));
            state = next;
        }
    }

    /// Whatever limits there are, it says something, with figures.
    #[test]
    fn no_limit_makes_it_fall(
        looks in history(),
        jobs in jobs(),
        spans in prop::collection::vec(prop_oneof![Just(0u64), 1u64..2000, Just(u64::MAX / 4)], 13),
    ) {
        let span = |place: usize| secs(spans[place]);
        let mut limits = Limits {
            max_seconds_behind: span(0), max_relay_behind: span(1), max_master_behind: span(2), max_last_seen: span(3),
            min_delay_time: span(4), max_delay_time: span(5), max_recovery_time: span(6), max_trend_time: span(7),
            window: span(8), interval: span(9), io_grace: span(10), tool_interval: span(11), ..Limits::default()
        };
        limits.jobs[0].longest = span(12);
        let usable = limits.check().is_empty();
        let mut replay = Replay::new(limits, Asked::by_worker(true, true), jobs);
        for look in &looks {
            let verdict = replay.step(look);
            prop_assert_eq!(verdict.rule.0 == 1, !usable);
            let figures = verdict.measured.iter().flat_map(|measured| [measured.value, measured.used]);
            prop_assert!(figures.flatten().all(f64::is_finite));
            prop_assert!(verdict.fit.is_none_or(|fit| fit.slope.is_finite() && fit.intercept.is_finite()));
        }
    }
}
