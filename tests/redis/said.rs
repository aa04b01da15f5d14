//! What is said where there is little room, what is in doubt, what a silence takes, and what a plugin's numbers alarm.

use std::time::Duration;

use firn::base::Severity::{Critical, Ok, Warning};
use firn::base::plugin::WIDTH;
use firn::redis::addr::NodeAddr;
use firn::redis::finding::Finding;
use firn::redis::plugin::plugin;
use firn::redis::report;
use firn::redis::rules::RULES;
use firn::redis::silence::{Silence, Target, apply};
use firn::redis::snapshot::Health;
use firn::redis::trouble::Trouble;

use super::plays;
use super::world::{Play, World, at};

/// How it stands at a second of what happens from the sixth on.
fn stands(second: i64, happens: impl Fn(&mut World)) -> Health {
    let play = Play::new("shop").well(0, 4).run(6, second, |world, _| happens(world));
    play.judged(&RULES).pop().unwrap().1
}

fn of<'a>(health: &'a Health, rule: &str) -> &'a Finding {
    let found = health.findings.iter().find(|one| one.rule.0 == rule);
    found.unwrap_or_else(|| panic!("no {rule} in {:#?}", health.findings))
}

fn node(text: &str) -> Target {
    Target::Node(NodeAddr::parse(text, 0).unwrap())
}

fn silenced(health: Health, targets: &[(Target, u64)]) -> Health {
    let now = health.at;
    let silence = |(target, secs): &(Target, u64)| Silence {
        target: target.clone(),
        until: now.plus(Duration::from_secs(*secs)),
        who: "mira".to_owned(),
        why: "a disk".to_owned(),
    };
    apply(health, &targets.iter().map(silence).collect::<Vec<_>>(), now)
}

/// The rules that still count.
fn loud(health: &Health) -> Vec<&'static str> {
    health.findings.iter().filter(|one| one.silenced.is_none()).map(|one| one.rule.0).collect()
}

#[test]
fn where_there_is_little_room_the_node_is_named_and_what_is_wrong_with_it() {
    let health = stands(12, |world| world.dies(7001));
    let a1 = of(&health, "A1");
    assert!(a1.said().starts_with("10.0.0.1:7001, master of 0-5460 (33 %): refused for 6 s; cluster"), "{a1:?}");
    assert_eq!(a1.brief(), "10.0.0.1:7001: refused for 6 s");
    assert_eq!(of(&health, "B1").brief(), "5,461 slots (33 %) uncovered: 0-5460");
    let health = stands(12, |world| world.node(7005).fails = Some(Trouble::Refused));
    assert_eq!(of(&health, "A1").brief(), "10.0.0.3:7005: refused for 6 s");
    assert_eq!(plugin(&health, 0).line, "REDIS WARNING - shop: 10.0.0.3:7005: refused for 6 s (+1)");
    // What it is about stands in the first line of whatever happens.
    for play in plays::all() {
        for (_, health) in play.judged(&RULES) {
            for finding in &health.findings {
                let brief = finding.brief();
                assert!(brief.chars().count() <= finding.said().chars().count(), "{brief:?} of {finding:?}");
                assert!(!brief.contains(", master of") && !brief.contains(", replica of"), "{brief}");
            }
        }
    }
}

#[test]
fn what_the_last_look_does_not_show_is_in_doubt_and_says_so_first() {
    let play = Play::new("shop").well(0, 4).run(6, 10, |world, _| world.dies(7001)).well(12, 12);
    let health = play.judged(&RULES).pop().unwrap().1;
    let a1 = of(&health, "A1");
    assert!(a1.over && a1.said().starts_with("over? 10.0.0.1:7001, master of"), "{a1:?}");
    assert!(!a1.text.contains("over?"), "what is kept is what was seen: {a1:?}");
    assert!(
        plugin(&health, 0).line.starts_with("REDIS CRITICAL - shop: over? 5,461 slots"),
        "{}",
        plugin(&health, 0).line
    );
    let text = report::text(&health).join("\n");
    assert!(text.contains("  CRITICAL A1   over? 10.0.0.1:7001"), "{text}");
    assert_eq!(report::json(&health)["findings"][0]["over"], true);
}

#[test]
fn a_node_in_maintenance_takes_with_it_what_it_alone_brings_about() {
    let replica = |world: &mut World| {
        world.node(7005).fails = Some(Trouble::Refused);
        world.node(7002).set("connected_slaves", 0);
        world.node(7002).info.remove("slave0");
    };
    let health = stands(12, replica);
    assert_eq!(loud(&health), ["A1", "B8", "D6"]);
    let quiet = silenced(health.clone(), &[(node("10.0.0.3:7005"), 60)]);
    assert_eq!((loud(&quiet), quiet.severity, quiet.counts.silenced), (vec![], Ok, 3));
    // Another node is none of it.
    let other = silenced(health.clone(), &[(node("10.0.0.1:7006"), 60)]);
    assert_eq!((loud(&other), other.severity), (vec!["A1", "B8", "D6"], Warning));
    // Its master's silence takes what is said of the master, and holds as long as the longest.
    let master = silenced(health, &[(node("10.0.0.2:7002"), 90), (node("10.0.0.3:7005"), 60)]);
    assert_eq!(of(&master, "B8").silenced_until, Some(at(12 + 90)));
    assert_eq!(of(&master, "A1").silenced_until, Some(at(12 + 60)));
    // A master: what clients feel is not silenced with it, but with the whole cluster.
    let health = stands(12, |world| {
        world.dies(7001);
        world.node(7004).fails = Some(Trouble::Refused);
    });
    let both = [(node("10.0.0.1:7001"), 60), (node("10.0.0.2:7004"), 60)];
    let quiet = silenced(health.clone(), &both);
    assert_eq!((loud(&quiet), quiet.severity), (vec!["B1"], Critical));
    let all = silenced(health, &[(Target::Cluster, 60)]);
    assert_eq!((loud(&all), all.severity), (vec![], Ok));
}

#[test]
fn of_several_causes_all_are_silenced_or_none() {
    // 7006 copies 7002 as well, and both copies are gone.
    let happens = |world: &mut World| {
        for port in 7001..=7006 {
            if let Some(line) = world.node(port).view.iter_mut().find(|line| line.id == super::world::id(7006)) {
                line.master = super::world::id(7002);
            }
        }
        world.node(7005).fails = Some(Trouble::Refused);
        world.node(7006).fails = Some(Trouble::Refused);
    };
    let health = stands(12, happens);
    let b8 = |health: &Health| {
        health.findings.iter().find(|one| one.rule.0 == "B8" && one.causes.len() == 2).cloned().unwrap()
    };
    let one = silenced(health.clone(), &[(node("10.0.0.3:7005"), 60)]);
    assert_eq!(b8(&one).silenced, None);
    let two = silenced(health, &[(node("10.0.0.3:7005"), 60), (node("10.0.0.1:7006"), 30)]);
    assert_eq!(b8(&two).silenced_until, Some(at(12 + 30)), "until the first of them ends");
}

#[test]
fn a_plugin_says_how_many_are_silenced() {
    let health = stands(12, |world| world.node(7005).fails = Some(Trouble::Refused));
    let quiet = silenced(health.clone(), &[(node("10.0.0.3:7005"), 60)]);
    let said = plugin(&quiet, 0);
    assert_eq!(said.line, "REDIS OK - shop: 16384 of 16384 slots served, 5 of 6 nodes answer (2 silenced)");
    let text = said.to_string();
    assert!(text.contains(" silenced=2;;;0") && text.contains("\n2 silenced"), "{text}");
    let text = plugin(&quiet, 1).to_string();
    assert!(
        text.contains("\n2 silenced\n")
            && text.contains("\nsilenced A1: 10.0.0.3:7005")
            && text.contains("by mira: a disk"),
        "{text}"
    );
    let loud = plugin(&health, 0).to_string();
    assert!(!loud.contains(" silenced)") && loud.contains(" silenced=0;;;0"), "{loud}");
    // Where there is no room for it, the finding stays whole.
    let mut long = quiet;
    long.line.name = "x".repeat(40);
    assert!(!plugin(&long, 0).line.contains("silenced"), "{}", plugin(&long, 0).line);
    assert!(plugin(&long, 0).line.chars().count() <= WIDTH);
}

#[test]
fn slots_that_are_not_seen_alarm_nobody_and_slots_that_nobody_serves_do() {
    let blind = stands(12, |world| {
        world.node(7003).fails = Some(Trouble::NoAuth);
        world.node(7006).fails = Some(Trouble::NoAuth);
    });
    let text = plugin(&blind, 0).to_string();
    let numbers = "slots_uncovered=0;;0;0;16384 slots_served=10923;;;0;16384 slots_not_seen=5461;;;0;16384";
    assert!(blind.severity == Warning && text.contains(numbers), "{text}");
    let dead = stands(12, |world| world.dies(7003));
    let text = plugin(&dead, 0).to_string();
    assert!(dead.severity == Critical && text.contains("slots_uncovered=5461;;0;0;16384"), "{text}");
}

#[test]
fn each_node_tells_when_it_was_looked_at() {
    let mut play = Play::new("shop").well(0, 4);
    play.steps.push((12, World::well(12)));
    let health = play.judged(&RULES).pop().unwrap().1;
    assert!(health.nodes.iter().all(|row| row.looked == Some(at(12))), "{:?}", health.nodes);
    let replayed = super::kit::stands("06b-open-slot-migrating-only");
    let none = replayed.nodes.iter().find(|row| row.sight == firn::redis::snapshot::Sight::NotAsked).unwrap();
    assert_eq!(none.looked, None);
}
