//! What holds whatever happens.

use firn::base::Severity;
use firn::redis::addr::NodeAddr;
use firn::redis::health::{Tick, judge};
use firn::redis::history::History;
use firn::redis::limits::{Limits, Raise, Subject};
use firn::redis::look::{Answer, Look};
use firn::redis::silence::{Silence, Target, apply};
use firn::redis::snapshot::{Health, SlotState};
use firn::redis::trouble::Trouble;
use proptest::prelude::*;

use super::plays;
use super::world::{World, at, found};

pub fn tick<'a>(subject: &'a Subject, limits: &'a Limits, looks: &'a [Look], second: i64) -> Tick<'a> {
    Tick { subject, limits, looks, asides: &[], sentinels: &[], now: at(second), raise: Raise::Live }
}

/// Judges looks three times, two seconds apart, as they stand.
fn judged(make: impl Fn(i64) -> Vec<Look>) -> Health {
    let subject = Subject::cluster("shop");
    let limits = Limits::default();
    let mut history = History::default();
    let mut last = None;
    for second in [0, 2, 4, 6] {
        let looks = make(second);
        let (next, health) = judge(&history, &tick(&subject, &limits, &looks, second));
        history = next;
        last = Some(health);
    }
    last.unwrap()
}

fn blind() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        Just(Trouble::NoAuth),
        Just(Trouble::WrongPass),
        Just(Trouble::Denied),
        Just(Trouble::NoPerm("NOPERM this user has no permissions to run the 'info' command".to_owned())),
        Just(Trouble::Tls("certificate has expired".to_owned())),
        Just(Trouble::Resolve { host: "cache-1".to_owned(), why: "no such host".to_owned() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// What could not be looked into is never down, and its slots are never uncovered.
    #[test]
    fn what_is_not_seen_makes_nothing_critical(troubles in prop::collection::vec(prop::option::of(blind()), 6)) {
        let health = judged(|second| {
            let mut world = World::well(second);
            for (node, trouble) in world.nodes.iter_mut().zip(&troubles) {
                node.fails.clone_from(trouble);
            }
            world.looks(second)
        });
        let bad: Vec<_> = health.findings.iter().filter(|one| one.severity != Severity::Unknown).collect();
        prop_assert!(bad.is_empty(), "{bad:?}");
        let all = troubles.iter().flatten().count();
        prop_assert_eq!(usize::try_from(health.counts.unknown).unwrap(), all);
        let expected = match all {
            0 => Severity::Ok,
            6 => Severity::Unknown,
            _ => Severity::Warning,
        };
        prop_assert_eq!(health.severity, expected);
        prop_assert!(health.strip.iter().all(|span| matches!(span.state, SlotState::Served | SlotState::NotSeen)));
    }

    /// Who was not asked says nothing.
    #[test]
    fn what_was_not_asked_makes_nothing_of_a_cluster_that_is_well(asked in prop::collection::vec(any::<bool>(), 6), told in any::<bool>()) {
        let health = judged(|second| {
            let looks = World::well(second).looks(second);
            let kept = looks.into_iter().zip(&asked).filter_map(|(look, asked)| match asked {
                true => Some(look),
                false if told => Some(Look { answer: Answer::NotAsked, ..look }),
                false => None,
            });
            kept.collect()
        });
        prop_assert!(health.findings.is_empty(), "{:?}", health.findings);
        let none = !asked.contains(&true);
        prop_assert_eq!(health.severity, if none { Severity::Unknown } else { Severity::Ok });
    }

    /// In whatever order looks come, and whatever is in it of what the plays know.
    #[test]
    fn the_order_of_looks_does_not_matter(play in 0_usize..60, seed in any::<u64>()) {
        let all = plays::all();
        let play = &all[play % all.len()];
        let (mut one, mut other) = (History::default(), History::default());
        let mut random = seed;
        for (second, world) in play.steps.iter().take(12) {
            let looks = world.looks(*second);
            let mut shuffled: Vec<(u64, Look)> = looks.iter().cloned().map(|look| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random, look)
            }).collect();
            shuffled.sort_by_key(|(key, _)| *key);
            let shuffled: Vec<Look> = shuffled.into_iter().map(|(_, look)| look).collect();
            let tick = |looks| Tick { subject: &play.subject, limits: &play.limits, looks, asides: &world.asides, sentinels: &world.sentinels, now: at(*second), raise: Raise::Live };
            let (a, b) = (judge(&one, &tick(&looks[..])), judge(&other, &tick(&shuffled[..])));
            prop_assert_eq!(&a, &b, "{}", play.name);
            (one, other) = (a.0, b.0);
        }
    }
}

#[test]
fn who_asks_again_without_a_new_look_is_told_the_same() {
    for play in plays::all() {
        let mut history = History::default();
        for (second, world) in play.steps.iter().take(20) {
            let looks = world.looks(*second);
            let tick = Tick {
                subject: &play.subject,
                limits: &play.limits,
                looks: &looks,
                asides: &world.asides,
                sentinels: &world.sentinels,
                now: at(*second),
                raise: Raise::Live,
            };
            let (next, health) = judge(&history, &tick);
            let (again, same) = judge(&next, &tick);
            assert_eq!(again, next, "{} at {second}", play.name);
            assert_eq!(same, health, "{} at {second}", play.name);
            history = next;
        }
    }
}

#[test]
fn what_is_kept_is_bounded_and_nodes_that_nobody_knows_are_forgotten() {
    let subject = Subject::cluster("shop");
    let limits = Limits::default();
    let mut history = History::default();
    // Every tick a few addresses that were never there, each of them refusing; an hour and a day later they are forgotten.
    for round in 0..60_u16 {
        let second = i64::from(round) * 3600;
        let mut looks = World::well(second).looks(second);
        for n in 0..20_u16 {
            let addr = NodeAddr::new("10.9.9.9", 1000 + round * 20 + n).unwrap();
            looks.push(Look { addr, at: at(second), took: None, answer: Answer::Failed(Trouble::Refused) });
        }
        history = judge(&history, &tick(&subject, &limits, &looks, second)).0;
    }
    assert!(history.nodes.len() <= 6 + 20 * 24, "{} nodes are kept", history.nodes.len());
    assert!(history.held.len() <= 6 + 20 * 3, "{} findings are kept", history.held.len());
    let node = &history.nodes["10.0.0.1:7001"];
    assert!(node.samples.len() <= History::SAMPLES && node.trips.len() <= History::TRIPS, "{node:?}");
}

#[test]
fn a_silence_takes_findings_out_of_the_total_until_it_ends() {
    let health = judged(|second| {
        let mut world = World::well(second);
        world.dies(7005);
        world.node(7001).set("mem_clients_slaves", 200 << 20);
        world.looks(second)
    });
    assert_eq!(health.severity, Severity::Warning);
    let of = |port: u16| Target::Node(NodeAddr::new(if port == 7001 { "10.0.0.1" } else { "10.0.0.3" }, port).unwrap());
    let silence = |target: Target, until: i64| Silence {
        target,
        until: at(until),
        who: "an\u{1b}a".to_owned(),
        why: "new disks".to_owned(),
    };
    let one = apply(health.clone(), &[silence(of(7001), 60)], at(6));
    assert_eq!((one.counts.silenced, one.severity), (1, Severity::Warning));
    let quiet = one.findings.last().unwrap();
    let words = format!("silenced until {} by an\\x1ba: new disks", at(60));
    assert_eq!((quiet.rule.0, quiet.silenced.as_deref()), ("D7", Some(words.as_str())), "{:?}", one.findings);
    let all = apply(one, &[silence(Target::Cluster, 60)], at(6));
    assert_eq!((all.severity, all.counts.warning), (Severity::Ok, 0));
    assert_eq!(usize::try_from(all.counts.silenced).unwrap(), all.findings.len());
    let over = apply(all, &[silence(Target::Cluster, 60)], at(60));
    assert_eq!((over.severity, over.counts.silenced), (Severity::Warning, 0));
    assert_eq!(over, apply(health, &[], at(60)));
}

/// A look that stands for a node, as its answer is still out, is no second one.
#[test]
fn the_same_look_at_a_node_counts_once() {
    let subject = Subject::cluster("shop");
    let limits = Limits::default();
    let (mut history, mut said) = (History::default(), Vec::new());
    let mut dead: Option<Look> = None;
    for second in 0..8 {
        let mut world = World::well(second);
        if second >= 2 {
            world.dies(7001);
        }
        let mut looks = world.looks(second);
        let addr = world.node(7001).addr();
        let own = looks.iter_mut().find(|look| look.addr == addr).unwrap();
        // It was found dead at 2 s, and its next answer comes at 6 s.
        if (2..6).contains(&second) {
            *own = dead.get_or_insert_with(|| own.clone()).clone();
        }
        let (next, health) = judge(&history, &tick(&subject, &limits, &looks, second));
        history = next;
        let raised: Vec<_> = found(&health).map(|one| one.rule.0).filter(|rule| ["A1", "B1"].contains(rule)).collect();
        said.push((second, raised));
    }
    let expected = |second: i64| if second < 6 { vec![] } else { vec!["A1", "B1"] };
    assert_eq!(said, (0..8).map(|second| (second, expected(second))).collect::<Vec<_>>());
}

#[test]
fn a_tick_of_a_second_raises_a_dead_master_in_two() {
    let play = super::world::Play::new("dies").ticks(0, 3, 1, |_, _| {}).ticks(4, 6, 1, |world, _| world.dies(7001));
    let judged = play.stored();
    let said = |second: i64| {
        let health = &judged.iter().find(|(at, _)| *at == second).unwrap().1;
        (health.severity, found(health).map(|one| one.rule.0).collect::<Vec<_>>())
    };
    assert_eq!(said(4), (Severity::Ok, vec![]));
    assert_eq!(said(5), (Severity::Critical, vec!["A1", "B1"]));
}
