//! Whatever the verdict and whatever servers say, the output is a plugin's.

use std::sync::Arc;
use std::time::Duration;

use firn::base::Severity;
use firn::delay::limits::{DelayBy, Limits};
use firn::delay::plugin::{Plugin, plugin};
use firn::delay::seen::{Heartbeat, IoThread};
use firn::delay::snapshot::ReplicaLine;
use firn::delay::state::Turn;
use firn::delay::verdict::{Degraded, Fit, Match, Measured, RuleId};
use proptest::prelude::*;

use crate::made::{Made as _, NOW, ago, job, line, place, verdict};
use crate::reader::{Output, read};

/// Text as servers and people write it, and as somebody who means harm does.
fn text() -> BoxedStrategy<String> {
    let text = prop_oneof![
        "[a-z ]{0,60}",
        "\\PC{0,80}",
        ".{0,40}",
        Just("a|b;c=1 'x'=2\n\x1b[2J\r\u{202e}\u{9b}31m".to_owned()),
        "[x]{60,90}",
        "[é日]{1,90}",
        Just(String::new()),
    ];
    text.boxed()
}

/// Seconds as they come, those beside a limit, and those that no clock has.
fn seconds() -> BoxedStrategy<f64> {
    let seconds = prop_oneof![
        4 => -100.0..100_000.0_f64,
        2 => prop::sample::select(vec![5400.0, 9000.0, 60.0, 1800.0, 28800.0, 0.0])
            .prop_flat_map(|edge: f64| prop::sample::select(vec![edge, edge + 1e-7, edge - 1e-7, edge + 0.04, edge - 0.04, edge + 0.4])),
        1 => prop::sample::select(vec![-0.0, 1e14, 1e15, 1e300, -1e300, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ];
    seconds.boxed()
}

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..200_000_u64).prop_map(Duration::from_secs),
        (0..20_000_u64).prop_map(Duration::from_millis),
        Just(Duration::ZERO),
    ]
}

fn limits() -> BoxedStrategy<Limits> {
    let limits = prop_oneof![
        Just(Limits::default()),
        (span(), span(), span(), span(), span(), any::<bool>()).prop_map(
            |(low, high, behind, seen, grace, external)| Limits {
                min_delay_time: low,
                max_delay_time: high,
                max_seconds_behind: behind,
                max_master_behind: behind,
                max_relay_behind: behind,
                max_last_seen: seen,
                io_grace: grace,
                delay_by: if external { DelayBy::External } else { DelayBy::Native },
                ..Limits::default()
            }
        ),
    ];
    limits.boxed()
}

fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(vec![Severity::Ok, Severity::Warning, Severity::Critical, Severity::Unknown])
}

fn a_fit() -> impl Strategy<Value = Option<Fit>> {
    let some = (seconds(), seconds(), prop::option::of(-1.1..1.1_f64), any::<u32>());
    prop::option::of(some.prop_map(|(slope, intercept, correlation, count)| Fit {
        slope,
        intercept,
        correlation,
        count,
    }))
}

fn degraded() -> impl Strategy<Value = Degraded> {
    let one = || prop::option::of((seconds(), prop::sample::select(vec![64_800.0, 21_600.0, 9000.0])));
    (one(), one(), one()).prop_map(|(job, recovery, trend)| Degraded { job, recovery, trend })
}

fn heartbeat() -> impl Strategy<Value = Option<Heartbeat>> {
    prop::option::of(prop_oneof![
        seconds().prop_map(Heartbeat::Age),
        text().prop_map(Heartbeat::NoRow),
        text().prop_map(Heartbeat::Unread),
    ])
}

prop_compose! {
    fn replica()(
        rule in 0..=23_u8,
        how_bad in severity(),
        (name, why, error, hint) in (text(), text(), text(), prop::option::of(text())),
        limits in limits(),
        delay in prop::option::of((seconds(), -10.0..4000.0_f64)),
        fit in a_fit(),
        degraded in degraded(),
        (back_in, local, primary) in (prop::option::of(seconds()), prop::option::of(seconds()), prop::option::of(seconds())),
        moved in prop::option::of(0.0..100_000.0_f64),
        (beat, is_replica, connecting, errno) in (heartbeat(), any::<bool>(), any::<bool>(), prop::option::of(0..3000_u32)),
        jobs in prop::collection::vec((text(), 0.0..90_000.0_f64, prop::option::of(0.0..90_000.0_f64)), 0..3),
        judged in prop::option::of((text(), -100.0..100_000.0_f64)),
        blind in prop::option::of(text()),
        turns in 0..60_usize,
    ) -> ReplicaLine {
        let later = |seconds: f64| if seconds < 0.0 { NOW.plus(Duration::from_secs_f64(-seconds)) } else { ago(seconds) };
        let made = line(verdict(rule, how_bad, &why))
            .limits(|l| *l = limits)
            .verdict(|v| {
                v.delay = delay.map(|(delay, so_old)| (delay, later(so_old)));
                v.fit = fit;
                v.degraded = degraded;
                v.back_in = back_in;
                v.hint = hint;
                v.matches.push(Match { rule: RuleId(22), severity: Severity::Critical, text: error.clone() });
                v.measured.push(Measured { name: why.clone(), value: local, least: primary, most: back_in, used: local });
            })
            .state(|s| {
                s.received = moved.and_then(|seconds| place(later(seconds)));
                s.executed = moved.and_then(|seconds| place(later(seconds / 2.0)));
                s.local = local.map(|age| (age, ago(0.5)));
                s.primary = primary.map(|age| (age, ago(0.5)));
                s.blind = blind.map(|why| (ago(1.0), why));
                s.io_bad_since = moved.map(later);
                let turn = Turn { since: ago(1.0), severity: how_bad, rule: RuleId(rule), text: error.clone() };
                s.turns = vec![turn; turns];
                let seen = &mut s.seen.as_mut().unwrap().1;
                seen.delay = beat;
                if is_replica {
                    let status = seen.status.as_mut().unwrap();
                    status.io = Some(if connecting { IoThread::Connecting } else { IoThread::No });
                    (status.io_errno, status.sql_errno) = (errno, errno);
                    (status.io_error, status.sql_error) = (Some(error.clone()), Some(error.clone()));
                } else {
                    seen.status = None;
                }
            });
        ReplicaLine {
            name,
            jobs: jobs.iter().map(|(class, began, ended)| job(class, *began, *ended)).collect(),
            judged: judged.map(|(who, at)| (who, later(at))),
            ..made
        }
    }
}

/// What is wrong with the figures: each says what the limits say of the same value.
fn figures(line: &ReplicaLine, output: &Output) -> Result<(), TestCaseError> {
    let v = line.verdict.as_ref().unwrap();
    let l = &line.limits;
    let (low, high) = (l.min_delay_time.as_secs_f64(), l.max_delay_time.as_secs_f64());
    let stands = |label: &str, value: Option<f64>| -> Result<(), TestCaseError> {
        let value = value.filter(|value| value.is_finite() && value.abs() < 1e15);
        let found = output.metric(label);
        prop_assert_eq!(found.is_some(), value.is_some(), "{}: {:?}", label, value);
        let (Some(found), Some(value)) = (found, value) else { return Ok(()) };
        prop_assert!((found.value - value).abs() <= 0.05 + value.abs() * 1e-12, "{label}: {} for {value}", found.value);
        prop_assert_eq!(found.unit.as_str(), "s");
        if low < high {
            let alerts = value < low || value > high;
            prop_assert_eq!(found.crit.unwrap().alerts(found.value), alerts, "{}: {} as {}", label, value, found.value);
            prop_assert_eq!(found.warn, found.crit);
        } else {
            prop_assert_eq!((found.warn, found.crit), (None, None));
        }
        Ok(())
    };
    stands("delay", v.delay.filter(|(_, at)| v.at.since(*at) <= l.max_last_seen).map(|(value, _)| value))?;
    stands("intercept", v.fit.map(|fit| fit.intercept))?;
    let at_most = |label: &str, value: Option<f64>, most: f64| -> Result<(), TestCaseError> {
        let value = value.filter(|value| value.is_finite() && value.abs() < 1e15);
        let found = output.metric(label);
        prop_assert_eq!(found.is_some(), value.is_some(), "{}: {:?}", label, value);
        let (Some(found), Some(value)) = (found, value) else { return Ok(()) };
        let alerts = found.crit.is_some_and(|crit| crit.alerts(found.value));
        // Executed positions may be excused.
        prop_assert!(
            alerts == (value > most) || label == "executed" && found.crit.is_none(),
            "{label}: {value} of {most}"
        );
        Ok(())
    };
    at_most("local_hb", line.state.local.map(|(age, _)| age + 0.5), l.max_seconds_behind.as_secs_f64())?;
    at_most("primary_hb", line.state.primary.map(|(age, _)| age + 0.5), l.max_seconds_behind.as_secs_f64())?;
    let still = |moved: &Option<firn::delay::state::Moved<firn::delay::state::Place>>| {
        moved.as_ref().map(|moved| v.at.since(moved.since).as_secs_f64())
    };
    at_most("received", still(&line.state.received), l.max_master_behind.as_secs_f64())?;
    at_most("executed", still(&line.state.executed), l.max_relay_behind.as_secs_f64())?;
    for (label, of) in [("job", v.degraded.job), ("recovery", v.degraded.recovery), ("trend", v.degraded.trend)] {
        at_most(label, of.map(|(so_long, _)| so_long), of.map_or(0.0, |(_, most)| most))?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_always_a_plugins_output(line in replica(), verbosity in 0..=4_u8) {
        let plugin = plugin(&line, verbosity);
        let text = plugin.to_string();
        let output = read(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
        let severity = line.verdict.as_ref().unwrap().severity;
        prop_assert_eq!(output.word.as_str(), severity.word());
        prop_assert_eq!((output.code(), plugin.exit), (severity.exit_code(), severity.exit_code()));
        figures(&line, &output)?;
    }

    #[test]
    fn what_it_cannot_say_is_unknown_and_said(why in text()) {
        let plugin = Plugin::unknown("DELAY", &why);
        let text = plugin.to_string();
        let output = read(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
        prop_assert_eq!((output.word.as_str(), plugin.exit), ("UNKNOWN", 3));
        prop_assert!(output.metrics.is_empty());
    }

    #[test]
    fn the_same_replica_is_always_told_the_same(line in replica()) {
        let other = ReplicaLine { state: Arc::new((*line.state).clone()), ..line.clone() };
        prop_assert_eq!(plugin(&line, 3), plugin(&other, 3));
    }
}
