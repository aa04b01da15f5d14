//! What acted clusters show, and that a judge is not misled by what moves them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use firn::base::addr::NodeAddr;
use firn::base::{Severity, Time};
use firn::console::effect::{RedisAct, RedisOrder, RedisPanel};
use firn::demo::clusters::Reel;
use firn::demo::clusters::state::{State, known};
use firn::demo::scenario::{ActSpec, ClusterSpec, Scenario};
use firn::redis::finding::EventKind;
use firn::redis::health::{Tick, judge};
use firn::redis::history::History;
use firn::redis::info::Info;
use firn::redis::limits::{Limits, Raise, Subject};
use firn::redis::look::{Answer, Look};
use firn::redis::rates::FIELDS;
use firn::redis::snapshot::{Health, NodeRow};
use firn::redis::trouble::Trouble;

use super::{Play, the_same_twice};

const START: Time = Time::from_secs(1_800_000_000);

fn spec(cluster: &str) -> ClusterSpec {
    let scenario = Scenario::find("redis").unwrap();
    scenario.clusters.into_iter().find(|spec| spec.name == cluster).unwrap()
}

/// Looks every two seconds, as a station does, and judges.
fn judged(spec: &ClusterSpec, seed: u64, seconds: u64) -> Vec<(u64, Health)> {
    every(2, spec, seed, seconds)
}

fn every(step: usize, spec: &ClusterSpec, seed: u64, seconds: u64) -> Vec<(u64, Health)> {
    let reel = Reel::new(spec, seed, START);
    let limits = Limits { node_timeout: spec.node_timeout, ..Limits::default() };
    let (subject, mut history, mut all) = (Subject::cluster(&spec.name), History::default(), Vec::new());
    for second in (0..=seconds).step_by(step) {
        let now = START.plus(Duration::from_secs(second));
        let looks = reel.looks(now);
        let (subject, limits) = (&subject, &limits);
        let tick = Tick { subject, limits, looks: &looks, asides: &[], sentinels: &[], now, raise: Raise::Live };
        let (next, health) = judge(&history, &tick);
        history = next;
        all.push((second, health));
    }
    all
}

/// `CRITICAL A1`, each once.
fn rules(health: &Health) -> BTreeSet<String> {
    health.findings.iter().map(|one| format!("{} {}", one.severity, one.rule)).collect()
}

fn set(rules: &[&str]) -> BTreeSet<String> {
    rules.iter().map(|rule| (*rule).to_owned()).collect()
}

fn told(health: &Health) -> Vec<String> {
    health
        .findings
        .iter()
        .chain(&health.notices)
        .map(|one| format!("{} {} {}", one.severity, one.rule, one.text))
        .collect()
}

/// When what is found changes, and to what.
fn turns(spec: &ClusterSpec, seconds: u64) -> Vec<(u64, BTreeSet<String>)> {
    let mut turns: Vec<(u64, BTreeSet<String>)> = Vec::new();
    for (second, health) in judged(spec, 1, seconds) {
        let rules = rules(&health);
        if turns.last().is_none_or(|(_, before)| *before != rules) {
            turns.push((second, rules));
        }
    }
    turns
}

#[test]
fn a_healthy_cluster_stays_so_for_an_hour_and_is_alive() {
    for (seed, step, seconds) in [(1, 8, 3600), (2, 2, 300), (7, 2, 300)] {
        let all = every(step, &spec("sessions"), seed, seconds);
        for (second, health) in &all {
            assert_eq!((health.severity, told(health)), (Severity::Ok, Vec::new()), "after {second} s of seed {seed}");
            assert!(health.events.is_empty(), "{:?}", health.events);
        }
        let ops: Vec<f64> = all.iter().filter_map(|(_, health)| health.line.ops).collect();
        let (low, high) = (ops.iter().copied().fold(f64::MAX, f64::min), ops.iter().copied().fold(0.0, f64::max));
        assert!(low > 4_000.0 && high < 9_000.0 && high > low * 1.05, "{low} to {high} commands a second");
        let (_, last) = all.last().unwrap();
        let behind = last.nodes.iter().filter_map(|row| row.lag_bytes).max().unwrap();
        assert!(behind > 0 && last.nodes.iter().all(|row| row.took.is_some()), "{:?}", last.nodes);
        let days = |row: &NodeRow| row.uptime.unwrap() / 86_400;
        assert!(last.nodes.iter().all(|row| days(row) == 41), "{:?}", last.nodes);
    }
}

fn infos(looks: &[Look]) -> BTreeMap<NodeAddr, Info> {
    looks.iter().filter_map(|look| Some((look.addr.clone(), look.info()?.clone()))).collect()
}

#[test]
fn counters_never_fall_while_a_server_runs() {
    for name in ["sessions", "orders", "carts", "feed", "search", "cache", "mail"] {
        let reel = Reel::new(&spec(name), 3, START);
        let mut before: BTreeMap<NodeAddr, Info> = BTreeMap::new();
        for half in 0..900 {
            let looks = reel.looks(START.plus(Duration::from_millis(half * 500)));
            assert_eq!(looks.len(), 6, "{name}: every node is looked at");
            let now = infos(&looks);
            for (addr, info) in &now {
                let Some(last) = before.get(addr).filter(|last| last.get("run_id") == info.get("run_id")) else {
                    continue;
                };
                let counters = FIELDS.iter().map(|(_, field)| *field).chain([
                    "uptime_in_seconds",
                    "server_time_usec",
                    "sync_full",
                ]);
                for field in counters {
                    let (old, new) = (last.number(field), info.number(field));
                    // A replica that begins to follow another is where that one is.
                    assert!(old <= new, "{name} {addr} {field} fell from {old:?} to {new:?} at {half}");
                }
            }
            before = now;
        }
    }
}

#[test]
fn the_same_seed_says_the_same_and_another_something_else() {
    let at = START.plus(Duration::from_secs(77));
    let of = |seed: u64| Reel::new(&spec("orders"), seed, START).looks(at);
    assert_eq!(of(5), of(5));
    assert_ne!(of(5), of(6));
    let texts = |looks: &[Look]| -> Vec<_> {
        looks.iter().filter_map(|look| look.info()).map(|info| info.get("run_id").map(str::to_owned)).collect()
    };
    assert_eq!(texts(&of(5)), texts(&of(6)), "who has not been started anew has the run that was captured");
}

#[test]
fn a_master_that_dies_is_told_at_once_and_the_story_ends_well() {
    let spec = spec("orders");
    let all = judged(&spec, 1, 900);
    let at = |second: u64| &all.iter().find(|(at, _)| *at == second).unwrap().1;
    assert_eq!((at(28).severity, told(at(28))), (Severity::Ok, Vec::new()));
    // Killed between two looks, it is told at the second one that misses it: the cluster itself says ok.
    let dead = at(32);
    assert_eq!(rules(dead), set(&["CRITICAL A1", "CRITICAL B1"]), "{:#?}", told(dead));
    assert_eq!((dead.line.state.as_deref(), dead.line.served), (Some("ok"), Some(10_923)));
    assert!(told(dead)[0].contains("10.20.2.11:6379, master of 0-5460 (33 %): refused"), "{:#?}", told(dead));
    assert!(
        told(dead)[0].contains("cluster not yet aware (node-timeout 5 s); failover to 10.20.2.13:6380"),
        "{:#?}",
        told(dead)
    );
    assert!(told(at(36))[0].contains("refused for 6 s; the cluster suspects it"), "{:#?}", told(at(36)));
    let over = at(60);
    assert_eq!((over.severity, over.line.served), (Severity::Warning, Some(16_384)), "{:#?}", told(over));
    assert_eq!(rules(over), set(&["WARNING A1", "WARNING B5", "WARNING B8"]), "{:#?}", told(over));
    let event = over.events.iter().find(|event| event.kind == EventKind::Failover).unwrap();
    assert!(event.text.contains("0-5460 10.20.2.11:6379 -> 10.20.2.13:6380, about 8 s"), "{}", event.text);
    let back = at(240);
    assert_eq!(told(back).iter().filter(|text| !text.starts_with("OK")).count(), 0, "{:#?}", told(back));
    let restarts = |health: &Health| health.events.iter().filter(|event| event.kind == EventKind::Restart).count();
    assert_eq!((restarts(back), restarts(at(900))), (1, 1), "one node was started anew: {:?}", back.events);
    // Two of three masters were on one machine until then.
    assert!(
        told(back).iter().any(|text| text.contains("losing host 10.20.2.13 stops the cluster")),
        "{:#?}",
        told(back)
    );
    assert!(!told(at(320)).iter().any(|text| text.contains("losing host")), "{:#?}", told(at(320)));
    let failovers = at(900).events.iter().filter(|event| event.kind == EventKind::Failover).count();
    assert_eq!((at(900).severity, failovers), (Severity::Ok, 2), "{:?}", at(900).events);
}

#[test]
fn each_trouble_is_found_by_name_and_nothing_else_is() {
    let last = |cluster: &str, seconds: u64| turns(&spec(cluster), seconds).pop().unwrap();
    let fine = |cluster: &str, until: u64| {
        let (_, before) = judged(&spec(cluster), 1, until).pop().unwrap();
        assert_eq!((before.severity, rules(&before)), (Severity::Ok, set(&[])), "{cluster}: {:#?}", told(&before));
    };
    fine("carts", 48);
    let dead = ["CRITICAL A1", "CRITICAL B1", "CRITICAL B3", "CRITICAL B5", "WARNING A1", "WARNING B5"];
    assert_eq!(last("carts", 600).1, set(&[&dead[..], &["CRITICAL B2"]].concat()));
    assert_eq!(last("feed", 600).1, set(&dead));
    fine("search", 68);
    assert_eq!(last("search", 600).1, set(&["CRITICAL C2"]));
    fine("cache", 88);
    assert_eq!(last("cache", 600).1, set(&["CRITICAL E1", "WARNING E1"]));
    assert_eq!(turns(&spec("mail"), 600), [(0, set(&[])), (60, set(&["WARNING B6"]))]);
}

#[test]
fn every_state_is_whole_and_stays_where_it_was_captured_without_machines() {
    for name in known() {
        let state = State::embedded(name).unwrap();
        assert!(state.nodes.iter().all(|(_, texts)| texts[1].is_some() && texts[2].is_some()), "{name}");
        let one = ClusterSpec { machines: Vec::new(), age: Duration::ZERO, ..spec("sessions") };
        let acts = vec![ActSpec { at: Duration::ZERO, state: state.into() }];
        let looks = Reel::new(&ClusterSpec { acts, ..one }, 1, START).looks(START);
        let ports: Vec<u16> = looks.iter().map(|look| look.addr.port()).collect();
        assert_eq!(ports, [19101, 19102, 19103, 19104, 19105, 19106], "{name}");
        for look in &looks {
            assert!(matches!(&look.answer, Answer::Came(_) | Answer::Failed(Trouble::Refused)), "{name}: {look:?}");
            if let Some(reply) = look.reply() {
                assert!(reply.nodes.is_ok() && reply.cluster.is_ok(), "{name}: {look:?}");
            }
        }
    }
    assert!(State::embedded("helthy").is_none());
}

/// How a cluster stands, as the console that looks on has it.
fn stands(play: &Play, cluster: &str) -> Health {
    let read = play.services.redis();
    let one = read.clusters.iter().find(|one| one.name == cluster).unwrap();
    Health::clone(one.health.as_ref().unwrap())
}

#[test]
fn redis_clusters_are_the_same_on_one_thread_and_on_four() {
    let state = the_same_twice("redis", Duration::from_secs(130));
    for table in ["cluster", "notice", "event"] {
        assert!(state.lines().any(|row| row.starts_with(&format!("{table}|"))), "{table} is empty");
    }
    assert!(state.contains("redis orders|redis.failover|orders 10.20.2.13:6380"), "the failover is written down");
}

#[test]
fn what_is_found_is_told_and_what_happened_is_written_down() {
    let play = Play::of("redis", 1, 2);
    let notices = |secs: u64, cluster: &str| -> BTreeSet<String> {
        play.driver.run_until(Duration::from_secs(secs));
        let all = play.snapshot().findings;
        let own = all.iter().filter(|row| row.object.starts_with(&format!("{cluster} ")));
        own.map(|row| format!("{} {} {}", row.severity, row.rule, row.object)).collect()
    };
    assert_eq!(notices(28, "orders"), set(&[]));
    // It is killed at 30 s; a second tick follows a quarter of a second after the one that misses it.
    let dead = ["CRITICAL redis.A1 orders 10.20.2.11:6379", "CRITICAL redis.B1 orders slots 0-5460"];
    assert_eq!(notices(31, "orders"), set(&dead));
    let stands_then = stands(&play, "orders");
    assert_eq!((stands_then.severity, stands_then.line.state.as_deref()), (Severity::Critical, Some("ok")));
    assert_eq!(notices(31, "sessions"), set(&[]));
    assert_eq!(play.events("redis.failover"), []);
    let without = ["A1", "B5", "B8"].map(|rule| {
        let node = if rule == "B8" { "10.20.2.13:6380" } else { "10.20.2.11:6379" };
        format!("WARNING redis.{rule} orders {node}")
    });
    assert_eq!(notices(60, "orders"), BTreeSet::from(without));
    let told = play.events("redis.failover");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "redis orders");
    assert!(told[0].1.contains("0-5460 10.20.2.11:6379 -> 10.20.2.13:6380, about 8 s"), "{told:?}");
    assert_eq!(notices(230, "orders"), set(&[]), "started again, it follows");
    assert_eq!(play.events("redis.restart").len(), 1);
    for (cluster, rule) in [("carts", "redis.B2"), ("feed", "redis.B1"), ("search", "redis.C2"), ("cache", "redis.E1")]
    {
        let told = notices(231, cluster);
        assert!(told.iter().any(|row| row.starts_with(&format!("CRITICAL {rule} "))), "{cluster}: {told:?}");
    }
    assert_eq!(notices(231, "mail"), set(&["WARNING redis.B6 mail slot 8450"]));
    assert_eq!(notices(231, "sessions"), set(&[]));
}

#[test]
fn of_an_acted_node_there_is_what_it_tells_and_nothing_is_done_to_it() {
    let play = Play::of("redis", 1, 2);
    play.driver.run_until(Duration::from_secs(40));
    let (lives, dead) = (NodeAddr::new("10.20.2.12", 6379).unwrap(), NodeAddr::new("10.20.2.11", 6379).unwrap());
    let panel = |node: &NodeAddr, panel: RedisPanel| {
        play.runtime.block_on(firn::console::clusters::panel(&play.services, "orders", node, panel))
    };
    let groups = panel(&lives, RedisPanel::Info).unwrap();
    let line = |title: &str, name: &str| {
        let group = groups.iter().find(|group| group.title == title)?;
        Some(group.lines.iter().find(|(known, _, _)| known == name)?.1.clone())
    };
    assert_eq!(line("Server", "redis_version").as_deref(), Some("7.0.15"));
    assert_eq!(line("Server", "tcp_port").as_deref(), Some("6379"));
    assert_eq!(line("Server", "uptime_in_days").as_deref(), Some("41"));
    assert!(line("Replication", "slave0").unwrap().starts_with("ip=10.20.2.11,port=6380,state=online,offset="));
    let refused = "10.20.2.12:6379 is a recording that the demo plays: it tells what every look tells and its INFO; \
                   nothing else can be asked of it, and nothing done to it";
    for asked in [RedisPanel::SlowLog, RedisPanel::Clients, RedisPanel::Config] {
        assert_eq!(panel(&lives, asked).unwrap_err(), refused);
    }
    assert!(panel(&dead, RedisPanel::Info).unwrap_err().starts_with("10.20.2.11:6379 is a recording"));
    let ask = RedisAct { cluster: "orders".to_owned(), node: lives, order: RedisOrder::KillReplicas };
    let done = play.runtime.block_on(firn::console::clusters::act(&play.services, "you", ask));
    assert_eq!(done.unwrap_err(), refused);
    assert_eq!(play.events("redis.act"), [], "nothing was ordered");
}

#[test]
fn a_calm_evening_has_a_healthy_cluster_and_a_bad_night_has_not() {
    let play = Play::of("calm", 1, 2);
    play.driver.run_until(Duration::from_mins(2));
    assert_eq!(
        (stands(&play, "sessions").severity, stands(&play, "sessions").line.ops.is_some()),
        (Severity::Ok, true)
    );
    let play = Play::of("bad-night", 1, 2);
    let severity = |secs: u64| {
        play.driver.run_until(Duration::from_secs(secs));
        let health = stands(&play, "sessions");
        (health.severity, health.line.served)
    };
    assert_eq!(severity(158), (Severity::Ok, Some(16_384)));
    assert_eq!(severity(164), (Severity::Critical, Some(10_923)));
    assert_eq!(severity(200), (Severity::Warning, Some(16_384)));
    let told: Vec<String> = play.snapshot().findings.into_iter().map(|row| row.rule).collect();
    assert!(told.iter().any(|rule| rule == "redis.B8"), "{told:?}");
}
