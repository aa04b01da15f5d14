//! A process that takes over says what the one before it would have: the state goes through its written form.

use firn::base::Severity::{Critical, Warning};
use firn::delay::judge::RULES;
use firn::delay::replay::Replay;
use firn::delay::state::State;

use super::kit::Play;
use super::plays;

fn restart(replay: &mut Replay) {
    let text = serde_json::to_string(replay.state()).unwrap();
    let state: State = serde_json::from_str(&text).unwrap();
    replay.set_state(state);
}

fn same(play: &Play, every: usize) {
    let whole = play.verdicts();
    let mut step = 0;
    let torn = play.judged(&RULES, |replay| {
        if step % every == 0 {
            restart(replay);
        }
        step += 1;
    });
    for (a, b) in whole.iter().zip(&torn) {
        let told = |verdict: &firn::delay::verdict::Verdict| {
            let degraded = verdict.degraded;
            (
                verdict.rule,
                verdict.severity,
                verdict.text.clone(),
                verdict.out_since,
                degraded,
                verdict.hint.clone(),
                verdict.matches.clone(),
            )
        };
        assert_eq!(told(a), told(b), "{}, restarted every {every} steps, at {}", play.name, a.at);
        assert_eq!(a.fit, b.fit, "{} at {}", play.name, a.at);
    }
}

#[test]
fn restarted_before_every_judgement_the_verdicts_are_the_same() {
    for play in plays::all() {
        same(&play, 1);
        same(&play, 7);
    }
}

/// The eight conditions of "Monitoring Delayed Replication", each met in a play, and each after a restart in it as before:
/// the verdict, since when it is out, and the clock of the recovery.
#[test]
fn in_each_of_the_eight_conditions_a_restart_changes_nothing() {
    let conditions = [
        (Warning, "Replication delay intercept recovering – below minimum with slope"),
        (Warning, "Replication delay intercept recovering – above maximum with slope"),
        (
            Warning,
            "Replication delay intercept is out of bounds, currently in recovery window for backup which completed",
        ),
        (
            Warning,
            "Replication delay intercept is out of bounds, currently in recovery window for deshard which completed",
        ),
        (Warning, "Replication delay intercept recovering – real value within range"),
        (Critical, "Replication delay intercept is out of bounds, and slope does not indicate recovery"),
        (Critical, "Replication delay intercept recovery exceeded window"),
        (Warning, "Active backup"),
    ];
    let plays = plays::all();
    for (severity, words) in conditions {
        let mut met = 0;
        for play in &plays {
            let whole = play.verdicts();
            let Some(place) =
                whole.iter().rposition(|verdict| verdict.severity == severity && verdict.text.starts_with(words))
            else {
                continue;
            };
            met += 1;
            let mut step = 0;
            let torn = play.judged(&RULES, |replay| {
                if step == place {
                    restart(replay);
                }
                step += 1;
            });
            for (a, b) in whole.iter().zip(&torn).skip(place) {
                assert_eq!((a.rule, a.severity, &a.text), (b.rule, b.severity, &b.text), "{} at {}", play.name, a.at);
                assert_eq!((a.out_since, a.degraded), (b.out_since, b.degraded), "{} at {}", play.name, a.at);
            }
        }
        assert!(met > 0, "no play meets {words:?}");
    }
}
