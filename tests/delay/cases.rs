//! Simulated histories at the scale of "Monitoring Delayed Replication": two hours behind, a sample every ten seconds, a
//! window of ten minutes, three seconds of noise either way. What is expected was worked out by an evaluation of the rules
//! that shares no code with this one.

use firn::base::Severity::{self, Critical, Ok as Okay, Warning};
use firn::delay::verdict::Verdict;

use super::kit::{Play, behind, spans};
use crate::support::dice::Dice;

const DAY: i64 = 86_400;

#[allow(clippy::cast_precision_loss)]
fn float(secs: i64) -> f64 {
    secs as f64
}

/// Three seconds either way, the same for the same seed.
fn noisy(play: Play, from: i64, to: i64, seed: u64, delay: impl Fn(i64) -> f64) -> Play {
    let mut dice = Dice(seed);
    let mut noise = std::collections::HashMap::new();
    for second in (from..to).step_by(10) {
        #[allow(clippy::cast_precision_loss)]
        noise.insert(second, dice.roll(6001) as f64 / 1000.0 - 3.0);
    }
    play.looks(from, to, move |second| Ok(behind(second, (delay(second) + noise[&second]).max(0.0))))
}

/// How long each (severity, rule) held in a row from a second on, shorter ones than `least` seconds apart.
fn held(verdicts: &[Verdict], from: i64) -> Vec<(i64, Severity, u8)> {
    let turns = spans(verdicts).into_iter().filter(|(_, to, ..)| *to >= from);
    turns.map(|(begin, end, severity, rule)| (end + 10 - begin.max(from), severity, rule)).collect()
}

/// Each span as expected: its length within so many seconds, its severity, its rule. The last one is open.
fn expect(name: &str, held: &[(i64, Severity, u8)], expected: &[(i64, i64, Severity, u8)]) {
    let same = held.len() == expected.len()
        && held.iter().zip(expected).enumerate().all(|(place, ((long, s, r), (wanted, slack, es, er)))| {
            (s, r) == (es, er) && (place + 1 == expected.len() || (long - wanted).abs() <= *slack)
        });
    assert!(same, "{name}: {held:?}, expected (seconds, tolerance, severity, rule) {expected:?}");
}

/// The one whose backup peaked at 16,408 s.
fn backup(name: &'static str, back: impl Fn(i64) -> f64) -> Play {
    let play = Play::new(name).job("backup", 1000, Some(10_208));
    noisy(play, 0, 50_000, 3, move |second| match second {
        ..1000 => 7200.0,
        1000..10_208 => 7200.0 + float(second - 1000),
        _ => back(second).max(7200.0),
    })
}

#[test]
fn a_steady_line_for_three_days() {
    let play = noisy(Play::new("A"), 0, 3 * DAY, 1, |second| 7200.0 + 10.0 * (float(second) / 500.0).sin());
    let verdicts = play.verdicts();
    assert!(verdicts[30..].iter().all(|verdict| (verdict.severity, verdict.rule.0) == (Okay, 16)));
}

#[test]
fn b_backup_and_an_abrupt_return() {
    let verdicts = backup("B", |_| 7200.0).verdicts();
    let peak = verdicts.iter().filter_map(|verdict| verdict.fit).map(|fit| fit.intercept).fold(0.0, f64::max);
    let least =
        verdicts[100..].iter().filter_map(|verdict| verdict.fit).map(|fit| fit.intercept).fold(f64::MAX, f64::min);
    // A step from a flat line would undershoot by a third of its height, to 4,131; this one came from a line that rose until
    // then, whose window was 300 s lower on average: by a third of about 430 s less.
    assert!((peak - 16_408.0).abs() < 15.0 && (least - 4275.0).abs() < 30.0, "{peak} {least}");
    let expected = [
        (9210, 10, Warning, 14),
        (150, 10, Warning, 17),
        (130, 20, Okay, 16),
        (240, 20, Warning, 17),
        (0, 0, Okay, 16),
    ];
    expect("B", &held(&verdicts, 1000), &expected);
}

/// Without a window: critical until three samples are back, then the fit rings.
#[test]
fn b2_the_same_without_a_window() {
    let mut play = backup("B2", |_| 7200.0);
    // A limit is more than nothing.
    play.limits.max_recovery_time = std::time::Duration::from_micros(1);
    let expected = [
        (9210, 10, Warning, 14),
        (20, 10, Critical, 19),
        (130, 20, Warning, 18),
        (130, 20, Okay, 16),
        (240, 20, Warning, 18),
        (0, 0, Okay, 16),
    ];
    expect("B2", &held(&play.verdicts(), 1000), &expected);
}

/// Read literally (without rule 18), a replica that is back at two hours pages for four minutes.
#[test]
fn b3_the_literal_reading_pages_on_a_healthy_replica() {
    let mut play = backup("B3", |_| 7200.0);
    play.limits.max_recovery_time = std::time::Duration::from_micros(1);
    // The window that excuses it is over: what is left is the undershoot, 22 or 19.
    let literal: Vec<_> = firn::delay::judge::RULES.iter().filter(|rule| rule.id.0 != 18).copied().collect();
    let verdicts = play.judged(&literal, |_| {});
    let critical: Vec<_> =
        held(&verdicts, 10_400).into_iter().filter(|(_, severity, _)| *severity == Critical).collect();
    assert!(matches!(critical[..], [(220..=260, Critical, 19)]), "{critical:?}");
}

#[test]
fn c_return_at_half_a_second_a_second() {
    let verdicts = backup("C", |second| 16_408.0 - 0.5 * float(second - 10_208)).verdicts();
    let expected = [(9210, 10, Warning, 14), (14_820, 30, Warning, 17), (0, 0, Okay, 16)];
    expect("C", &held(&verdicts, 1000), &expected);
}

#[test]
fn d_return_too_slow_for_the_window() {
    let verdicts = backup("D", |second| 16_408.0 - 0.2 * float(second - 10_208)).verdicts();
    // The window is over by time; critical until 9,000 s is reached.
    let expected = [(9210, 10, Warning, 14), (21_600, 20, Warning, 17), (15_440, 30, Critical, 19), (0, 0, Okay, 16)];
    expect("D", &held(&verdicts, 1000), &expected);
}

#[test]
fn e_applier_stuck_with_its_threads_running() {
    let play = noisy(Play::new("E"), 0, 5000, 5, |second| 7200.0 + float((second - 1000).max(0)));
    expect("E", &held(&play.verdicts(), 1000), &[(1800, 20, Okay, 16), (0, 0, Critical, 22)]);
}

#[test]
fn f_dips() {
    let dip = |name, to: f64, long: i64| {
        let dipped = 2000..2000 + long;
        noisy(Play::new(name), 0, 4000, 6, move |second| if dipped.contains(&second) { to } else { 7200.0 }).verdicts()
    };
    expect("to 0 for 20 s", &held(&dip("F20", 0.0, 20), 2000), &[(0, 0, Okay, 16)]);
    let held40 = held(&dip("F40", 0.0, 40), 2000);
    assert_eq!(held40[1], (10, Critical, 22), "{held40:?}");
    assert!(held40.iter().all(|(long, severity, _)| *severity != Critical || *long <= 10), "{held40:?}");
    let held60 = held(&dip("F60", 0.0, 60), 2000);
    expect("to 0 for 60 s", &held60[..3], &[(30, 10, Okay, 16), (50, 10, Critical, 22), (0, 0, Warning, 18)]);
    expect("to 5,000 for 20 s", &held(&dip("F5", 5000.0, 20), 2000), &[(0, 0, Okay, 16)]);
    let long = held(&dip("F300", 5000.0, 300), 2000);
    expect("to 5,000 for 300 s", &long[..2], &[(150, 10, Okay, 16), (0, 0, Critical, 22)]);
}

#[test]
fn g_collapse() {
    let play = noisy(Play::new("G"), 0, 5000, 7, |second| if second < 1000 { 7200.0 } else { 0.0 });
    expect("G", &held(&play.verdicts(), 1000), &[(35, 5, Okay, 16), (0, 0, Critical, 22)]);
}

#[test]
fn h_a_new_replica_fills_from_nothing() {
    let play = noisy(Play::new("H"), 0, 9000, 8, |second| float(second).min(7200.0));
    let held = held(&play.verdicts(), 0);
    let expected = [(290, 0, Severity::Unknown, 15), (5110, 20, Warning, 21), (0, 0, Okay, 16)];
    expect("H", &held, &expected);
}

#[test]
fn i_overload_and_its_recoveries() {
    let overload = |name, rate: f64| {
        noisy(Play::new(name), 0, 40_000, 9, move |second| match second {
            ..1000 => 7200.0,
            1000..10_000 => 7200.0 + 0.3 * float(second - 1000),
            _ => (9900.0 + rate * float(second - 10_000)).max(7200.0),
        })
        .verdicts()
    };
    let fast = held(&overload("I", -0.5), 1000);
    // At the turn the fit lags by a few samples.
    expect("I", &fast, &[(6000, 60, Okay, 16), (3280, 60, Critical, 22), (1520, 60, Warning, 21), (0, 0, Okay, 16)]);
    let slow = held(&overload("I2", -0.05), 1000);
    let rules: Vec<u8> = slow.iter().map(|(.., rule)| *rule).collect();
    // A rate just at the least one passes and fails by its noise; what was recovering once is late from then on.
    assert_eq!(rules, [16, 22, 20, 16], "{slow:?}");
}

#[test]
fn i3_an_approach_that_never_arrives() {
    let play = noisy(Play::new("I3"), 0, 40_000, 10, |second| match second {
        ..1000 => 7200.0,
        1000..5000 => 7200.0 + 0.95 * float(second - 1000),
        _ => 9300.0 + 1700.0 * (-float(second - 5000) / 3000.0).exp(),
    });
    let held = held(&play.verdicts(), 1000);
    let rules: Vec<u8> = held.iter().map(|(.., rule)| *rule).collect();
    assert_eq!(rules, [16, 22, 21, 20], "{held:?}");
    let (out, recovering) = (held[1].0, held[2].0);
    // Late 9,000 s after it left the bounds, and it stays.
    assert!((out + recovering - 9010).abs() <= 20, "{held:?}");
}

#[test]
fn k_three_minutes_without_samples() {
    let gone = |_| Err("timed out".to_owned());
    let play = noisy(Play::new("K"), 0, 2000, 11, |_| 7200.0).looks(2000, 2180, gone);
    let play = noisy(play, 2180, 4000, 12, |_| 7200.0);
    // The newest sample is of second 1,990: held until 2,050.
    expect("K", &held(&play.verdicts(), 2000), &[(60, 0, Okay, 16), (120, 0, Critical, 3), (0, 0, Okay, 16)]);
}

/// What B2 would be had there never been a job: it pages until three samples are back, and not for the ringing after.
#[test]
fn an_abrupt_return_without_any_job() {
    let play = noisy(Play::new("J"), 0, 6000, 13, |second| match second {
        1000..3500 => 7200.0 + float(second - 1000),
        _ => 7200.0,
    });
    let held = held(&play.verdicts(), 3500);
    assert_eq!(held.last().map(|(_, severity, rule)| (*severity, *rule)), Some((Okay, 16)), "{held:?}");
    let critical: i64 = held.iter().filter(|(_, severity, _)| *severity == Critical).map(|(long, ..)| long).sum();
    assert!(critical <= 20, "{held:?}");
}
