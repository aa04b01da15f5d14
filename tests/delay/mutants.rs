//! One rule is left out at a time: exactly its rows change.

use firn::delay::judge::{RULES, Rule};
use firn::delay::verdict::Verdict;

use super::plays;

fn without(number: u8) -> Vec<Rule> {
    RULES.iter().filter(|rule| rule.id.0 != number).copied().collect()
}

fn said(verdict: &Verdict) -> (u8, firn::base::Severity, &str) {
    (verdict.rule.0, verdict.severity, verdict.text.as_str())
}

#[test]
fn a_rule_that_is_left_out_is_missed_in_its_rows_and_no_other() {
    let plays: Vec<_> = plays::all().into_iter().map(|play| (play.verdicts(), play)).collect();
    let mutant = |rule: &Rule| {
        let number = rule.id.0;
        let (mut changed, mut of) = (0, 0);
        let mut lines = Vec::new();
        for (whole, play) in &plays {
            let cut = play.judged(&without(number), |_| {});
            for (whole, cut) in whole.iter().zip(&cut) {
                let its = whole.rule.0 == number;
                let differs = said(whole) != said(cut);
                assert_eq!(
                    differs,
                    its,
                    "without rule {number}, {} at {}: {:?}, {:?}",
                    play.name,
                    whole.at,
                    said(whole),
                    said(cut)
                );
                changed += u32::from(differs);
                of += u32::from(its);
            }
            // And of what is expected in words, exactly the lines that name it fail.
            let missed = play.missed(&cut);
            assert_eq!(missed.len(), play.lines.iter().filter(|line| line.rule == number).count(), "{missed:#?}");
            lines.extend(missed);
        }
        assert!(changed > 0 && changed == of && !lines.is_empty(), "rule {number} is not missed");
        let list = format!(
            "rule {number:>2}, {}: {changed} rows and {} lines\n    {}",
            rule.name,
            lines.len(),
            lines.join("\n    ")
        );
        list
    };
    let lists: Vec<String> = std::thread::scope(|scope| {
        let halves: Vec<_> =
            RULES.chunks(11).map(|half| scope.spawn(|| half.iter().map(mutant).collect::<Vec<_>>())).collect();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    println!("{}", lists.join("\n"));
}
