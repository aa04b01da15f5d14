//! What an operator is told to do, and where the cluster's line and strip come from: what no text of a play shows.

use firn::base::Severity::Critical;
use firn::redis::finding::Finding;
use firn::redis::limits::Kind;
use firn::redis::rules::RULES;
use firn::redis::snapshot::{Health, SlotState, Strip};
use firn::redis::trouble::Trouble;

use super::loads::{led_by_nobody, two_masters};
use super::plays::forgets_itself;
use super::world::{Play, World};

fn last(play: &Play) -> Health {
    play.judged(&RULES).pop().unwrap().1
}

fn one<'a>(health: &'a Health, rule: &str) -> &'a Finding {
    let found = health.findings.iter().find(|one| one.rule.0 == rule);
    found.unwrap_or_else(|| panic!("no {rule}: {:?}", health.findings))
}

#[test]
fn slots_of_an_owner_whose_address_is_lost_are_not_served_and_its_replica_is_told_to_take_over() {
    let health = last(&Play::new("lost").run(0, 6, |world, _| forgets_itself(world)));
    let strip = [
        Strip { from: 0, to: 10922, state: SlotState::Served },
        Strip { from: 10923, to: 16383, state: SlotState::Failing },
    ];
    assert_eq!((health.severity, health.strip.as_slice()), (Critical, &strip[..]));
    let line = &health.line;
    assert_eq!((line.masters, line.served, line.unseen, line.assigned), (Some(3), Some(10_923), Some(0), Some(16_384)));
    assert_eq!(line.keys, None, "the keys of the lost one are not known");
    assert_eq!(one(&health, "B1").command.as_deref(), Some("redis-cli -h 10.0.0.1 -p 7006 CLUSTER FAILOVER FORCE"));
    // Without a replica there is nobody to tell.
    let health = last(&Play::new("lost, alone").run(0, 6, |world, _| {
        forgets_itself(world);
        world.nodes.retain(|node| node.port != 7006);
        for node in &mut world.nodes {
            node.view.retain(|line| line.id != super::world::id(7006));
        }
    }));
    assert!(one(&health, "B1").text.ends_with("whose address nobody knows any more; no replica left"), "{health:?}");
    assert_eq!(one(&health, "B1").command, None);
    // Before they lose it, another node answers there.
    let health = last(&Play::new("lost at once").run(0, 6, |world, _| {
        let kept = world.node(7002).line(7003).clone();
        forgets_itself(world);
        world.everywhere(7003, |line| (line.addr, line.flags) = (kept.addr.clone(), "master".to_owned()));
    }));
    let text = &one(&health, "B1").text;
    assert!(
        text.contains("at whose address, 10.0.0.3:7003, another node answers; its replica 10.0.0.1:7006"),
        "{text}"
    );
    // Somebody still has its address: it is not seen, and no more is known.
    let health = last(&Play::new("lost to some").run(0, 6, |world, _| {
        let kept = world.node(7002).line(7003).clone();
        forgets_itself(world);
        *world.node(7002).line(7003) = kept;
        world.nodes.retain(|node| node.port != 7003);
    }));
    assert!(health.findings.iter().all(|one| one.rule.0 != "B1"), "{:?}", health.findings);
    assert_eq!(health.line.unseen, Some(5461));
}

fn dead(world: &mut World, flags: Option<&str>) {
    world.dies(7001);
    if let Some(flags) = flags {
        world.everywhere(7001, |line| line.flags = flags.to_owned());
    }
}

#[test]
fn to_take_over_without_a_vote_is_told_where_a_majority_calls_the_master_failed_and_nowhere_else() {
    let after = |flags: Option<&'static str>| {
        let health = last(&Play::new("dies").well(0, 4).run(6, 40, |world, _| dead(world, flags)));
        let found = one(&health, "B1");
        (found.command.clone(), found.next.clone().unwrap())
    };
    let takeover = "redis-cli -h 10.0.0.2 -p 7004 CLUSTER FAILOVER TAKEOVER";
    assert_eq!(after(Some("master,fail")).0.as_deref(), Some(takeover));
    for flags in [None, Some("master,fail?")] {
        let (command, next) = after(flags);
        assert_eq!(command, None, "{flags:?}");
        assert!(next.starts_with("no majority of masters has called it failed"), "{next}");
    }
    for trouble in [
        Trouble::Refused,
        Trouble::Silent(std::time::Duration::from_secs(1)),
        Trouble::Loading,
        Trouble::Busy("BUSY a script".to_owned()),
    ] {
        let health =
            last(&Play::new("heard").well(0, 4).run(6, 60, |world, _| world.node(7001).fails = Some(trouble.clone())));
        let found = one(&health, "B1");
        assert_eq!(found.command, None, "{trouble:?}");
        assert!(found.text.contains("the others still hear it: no failover will come of this"), "{}", found.text);
        assert!(health.findings.iter().all(|one| !one.text.contains("under way") && !one.text.contains(" due")));
        assert!(
            found.next.as_ref().unwrap().ends_with("let 10.0.0.2:7004 take over by hand: CLUSTER FAILOVER FORCE there")
        );
    }
}

/// No command of a cluster is for nodes that are none.
#[test]
fn a_master_and_its_replicas_are_told_what_helps_them() {
    let of = |name, until, change: fn(&mut World)| {
        last(&Play::new(name).kind(Kind::Replicas).run(0, until, |world, _| change(world)))
    };
    let soon = of("soon", 20, led_by_nobody);
    assert_eq!(one(&soon, "B1").command, None, "a sentinel may be about to");
    let late = of("late", 70, led_by_nobody);
    let found = one(&late, "B1");
    assert_eq!(found.command.as_deref(), Some("redis-cli -h 10.0.0.3 -p 7005 REPLICAOF NO ONE"), "it has more");
    assert!(found.next.as_ref().unwrap().ends_with("then REPLICAOF 10.0.0.3 7005 at the others"), "{found:?}");
    assert_eq!((late.line.masters, late.severity), (Some(1), Critical));
    let two = of("two", 8, two_masters);
    let command = one(&two, "C3").command.as_deref();
    assert_eq!(command, Some("redis-cli -h 10.0.0.1 -p 7001 REPLICAOF 10.0.0.2 7004"));
    let next = one(&two, "B8").next.as_deref();
    assert_eq!(next, Some("give it a replica: REPLICAOF 10.0.0.1 7001 at an empty node"));
    for health in [soon, late, two] {
        let told = health.findings.iter().flat_map(|one| [&one.next, &one.command]).flatten();
        assert!(told.clone().all(|text| !text.contains("CLUSTER")), "{:?}", told.collect::<Vec<_>>());
    }
}

#[test]
fn a_machine_that_has_all_of_a_shard_is_not_told_to_lead_a_replica_elsewhere() {
    let health = last(&Play::new("one machine").run(0, 6, |world, _| {
        for node in &mut world.nodes {
            let line = node.line(7004);
            line.addr = line.addr.replace("10.0.0.2", "10.0.0.1");
        }
        world.node(7004).host = "10.0.0.1".to_owned();
    }));
    let found = one(&health, "B10");
    assert_eq!(found.text, "losing host 10.0.0.1 loses 10.0.0.1:7001 of 0-5460 (33 %) with all its replicas");
    assert_eq!(found.next.as_deref(), Some("move a replica of 10.0.0.1:7001 to another host"));
}
