//! What the plays expect is said; and with one rule left out exactly what it says is missing.

use firn::redis::rules::{RULES, Rule};

use super::plays::all;
use super::world::{Play, found};

#[test]
fn every_rule_says_what_happens_and_what_to_do() {
    let missed: Vec<String> = all().iter().flat_map(|play| play.missed(&play.stored())).map(|(_, text)| text).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn a_cluster_that_is_well_gives_nothing_but_rates() {
    let judged = Play::new("well").well(0, 600).judged(&RULES);
    for (second, health) in &judged {
        let said: Vec<&str> = found(health).map(|one| one.text.as_str()).collect();
        assert!(said.is_empty() && health.events.is_empty(), "at {second}: {said:?}");
    }
    assert_eq!(judged[0].1.line.ops, None, "the first tick gives no rate");
    assert_eq!(judged[1].1.line.ops, Some(12_000.0));
}

/// One rule is left out at a time: exactly what it says is missing.
#[test]
fn a_rule_that_is_left_out_is_missed_in_its_rows_and_no_other() {
    let plays: Vec<(Play, _)> =
        all().into_iter().map(|play| (play.judged(&RULES), play)).map(|(whole, play)| (play, whole)).collect();
    let mutant = |rule: &Rule| {
        let rest: Vec<_> = RULES.into_iter().filter(|one| one.id != rule.id).collect();
        let (mut gone, mut lines) = (0, 0);
        for (play, whole) in &plays {
            let named = play.says.iter().filter(|says| says.rule == rule.id.0 && says.severity.is_some()).count();
            if named == 0 && !whole.iter().any(|(_, health)| found(health).any(|one| one.rule == rule.id)) {
                continue;
            }
            let cut = play.judged(&rest);
            for ((second, whole), (_, cut)) in whole.iter().zip(&cut) {
                let expected: Vec<_> = found(whole).filter(|one| one.rule != rule.id).collect();
                assert_eq!(found(cut).collect::<Vec<_>>(), expected, "{} at {second} without {rule:?}", play.name);
                gone += found(whole).count() - expected.len();
            }
            let missed = play.missed(&cut);
            assert!(
                missed.iter().all(|(of, _)| *of == rule.id.0) && missed.len() == named,
                "{}: {missed:?}",
                play.name
            );
            lines += missed.len();
        }
        assert!(gone > 0 && lines > 0, "{rule:?} is not missed");
        format!("{rule:?}: {gone} rows, {lines} expectations")
    };
    let lists: Vec<String> = std::thread::scope(|scope| {
        let halves: Vec<_> =
            RULES.chunks(22).map(|half| scope.spawn(|| half.iter().map(mutant).collect::<Vec<_>>())).collect();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    println!("{}", lists.join("\n"));
}
