//! Every rule speaks in a stream of looks, with its words.

use std::collections::BTreeSet;

use firn::base::Severity;
use firn::delay::judge::RULES;

use super::kit::Play;
use super::plays;

#[test]
fn every_rule_speaks_with_its_words() {
    let plays = plays::all();
    let missed: Vec<String> = plays.iter().flat_map(|play| play.missed(&play.verdicts())).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    let spoken: BTreeSet<u8> = plays.iter().flat_map(|play| play.lines.iter().map(|line| line.rule)).collect();
    assert_eq!(spoken, (1..=22).collect(), "rules that some play expects");
}

#[test]
fn rules_stand_in_their_order() {
    let numbers: Vec<u8> = RULES.iter().map(|rule| rule.id.0).collect();
    assert_eq!(numbers, (1..=22).collect::<Vec<u8>>());
}

/// All rules that match are listed; the first decides.
#[test]
fn all_that_match_are_listed() {
    for play in plays::all() {
        for verdict in play.verdicts() {
            let rules: Vec<u8> = verdict.matches.iter().map(|found| found.rule.0).collect();
            assert_eq!(rules.first(), Some(&verdict.rule.0), "{} at {}", play.name, verdict.at);
            assert_eq!(verdict.matches[0].severity, verdict.severity, "{} at {}", play.name, verdict.at);
        }
    }
}

fn named(name: &str) -> Play {
    plays::all().into_iter().find(|play| play.name == name).unwrap()
}

#[test]
fn what_lies_behind_the_first_is_told() {
    let play = named("nothing is executed");
    let last = play.verdicts().pop().unwrap();
    let rules: Vec<u8> = last.matches.iter().map(|found| found.rule.0).collect();
    assert_eq!(rules, [12, 22]);
    assert_eq!(last.hint.as_deref(), Some("the applier is stuck: one long transaction, a lock, or a full disk"));
}

#[test]
fn a_job_that_cannot_be_excuses_nothing_and_is_listed() {
    let last = named("jobs whose times cannot be").verdicts().pop().unwrap();
    let listed: Vec<(Severity, &str)> =
        last.matches.iter().map(|found| (found.severity, found.text.as_str())).skip(1).collect();
    let time = "bad job time: backup ends 50 s before it starts: it excuses nothing; check clocks, and correct it with firn job";
    let class = "unknown job class reindex: it excuses nothing; name it among the job classes";
    assert_eq!(listed, [(Severity::Warning, time), (Severity::Warning, class)]);
}

#[test]
fn degraded_seconds_stand_beside_their_limits() {
    let play = named("a backup, a return at half speed, and a window that is long enough");
    let at = |second| play.verdicts().into_iter().find(|verdict| verdict.at == super::kit::at(second)).unwrap();
    assert_eq!(at(6100).degraded.job, Some((5500.0, 64_800.0)));
    assert_eq!(at(7200).degraded.recovery, Some((1000.0, 21_600.0)));
    assert_eq!((at(7200).degraded.job, at(7200).degraded.trend), (None, None));
    let fills = named("a new replica fills").verdicts();
    let trend = fills.iter().find(|verdict| verdict.at == super::kit::at(1290)).unwrap();
    assert_eq!(trend.degraded.trend, Some((1000.0, 9000.0)));
    assert_eq!(
        trend.hint.as_deref(),
        Some("the line fills after a change, or the replica is new: in bounds in 4110 s")
    );
}

#[test]
fn the_limit_that_is_nearest_comes_first() {
    let last = named("nothing is received").verdicts().pop().unwrap();
    let first = &last.measured[0];
    assert_eq!((first.name.as_str(), first.value, first.most), ("max-master-behind", Some(1900.0), Some(1800.0)));
    let used: Vec<f64> = last.measured.iter().map(|measured| measured.used.unwrap_or(-1.0)).collect();
    assert!(used.is_sorted_by(|a, b| a >= b), "{used:?}");
    let names: Vec<&str> = last.measured.iter().map(|measured| measured.name.as_str()).collect();
    for name in [
        "min-delay-time",
        "max-delay-time",
        "max-seconds-behind",
        "max-relay-behind",
        "max-last-seen",
        "max-backup-behind",
        "max-deshard-behind",
        "max-recovery-time",
        "max-trend-time",
        "io-grace",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    // What is no span of this replica now is not known, and not zero.
    let backup = last.measured.iter().find(|measured| measured.name == "max-backup-behind").unwrap();
    assert_eq!((backup.value, backup.used), (None, None));
}

#[test]
fn verdicts_are_remembered_as_they_change() {
    let play = named("a gap, and a longer one");
    let mut replay = play.replay();
    for step in &play.steps {
        if let super::kit::Step::Look(look) = step {
            replay.step(look);
        }
    }
    let turns: Vec<(u8, Severity)> = replay.state().turns.iter().map(|turn| (turn.rule.0, turn.severity)).collect();
    let (ok, critical) = (Severity::Ok, Severity::Critical);
    assert_eq!(turns, [(15, Severity::Unknown), (16, ok), (3, critical), (16, ok)]);
}

/// A look that came late changes nothing: times do not go back.
#[test]
fn an_older_look_is_ignored() {
    let play = named("a collapse");
    let mut replay = play.replay();
    for step in &play.steps {
        if let super::kit::Step::Look(look) = step {
            replay.step(look);
        }
    }
    let mut state = replay.state().clone();
    let before = state.clone();
    let late = firn::delay::seen::Look { at: super::kit::at(600), seen: Err("late".to_owned()) };
    firn::delay::observe::observe(&mut state, &late, &play.limits);
    assert_eq!(state, before);
}
