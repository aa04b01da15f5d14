//! Who keeps the history of a cluster: one of all who look; notices, events, silences, and who goes on when it dies.

use std::time::Duration;

use firn::base::Severity::{Critical, Ok, Warning};
use firn::redis::finding::EventKind;
use firn::redis::history::History;
use firn::store::{LARGEST_CLUSTER, cluster_duty};
use rusqlite::Connection;

use super::plays::taken_over;
use super::stage::{LEASE, SHOP, Stage};
use super::world::World;

fn dies(world: &mut World) {
    world.dies(7001);
}

const A1: &str = "redis.A1 shop 10.0.0.1:7001";
const B1: &str = "redis.B1 shop slots 0-5460";

#[test]
fn one_keeps_the_history_and_the_other_goes_on_when_it_dies() {
    let stage = Stage::new();
    let first = stage.process("alpha");
    stage.pass(20);
    let second = stage.process("beta");
    stage.pass(20);
    assert_eq!((stage.writer().as_deref(), stage.told()), (Some("alpha"), Vec::new()));
    stage.now(dies);
    stage.pass(3);
    // Seen once: it may be a moment's. Seen twice, people are told.
    assert_eq!(stage.told(), []);
    stage.pass(2);
    let said = [(A1.to_owned(), Critical), (B1.to_owned(), Critical)];
    assert_eq!(stage.told()[..2], said);
    let since = stage.notices().into_values().map(|row| row.since).collect::<Vec<_>>();
    // Every process says it, one writes it.
    assert_eq!((first.health().severity, second.health().severity), (Critical, Critical));
    assert_eq!(stage.writer().as_deref(), Some("alpha"));
    first.kill();
    let written = stage.row().unwrap().written;
    // Nobody takes a duty whose holder may live; the lease runs out, and the other goes on.
    stage.pass(LEASE - 15);
    assert_eq!(stage.row().unwrap().written, written);
    stage.pass(30);
    assert_eq!(stage.writer().as_deref(), Some("beta"));
    assert!(stage.row().unwrap().written > written);
    assert_eq!(stage.told()[..2], said);
    assert_eq!(stage.notices().into_values().map(|row| row.since).collect::<Vec<_>>(), since, "it is the same trouble");
    // In good order the next one goes on at once.
    second.stop();
    stage.pass(1);
    let third = stage.process("gamma");
    stage.pass(8);
    assert_eq!(stage.writer().as_deref(), Some("gamma"));
    assert_eq!(stage.told()[..2], said);
    let unserved = stage.history().nodes["10.0.0.1:7001"].unserved.unwrap();
    assert!(stage.time().since(unserved).as_secs() > 50, "what it remembers is what the first of them saw");
    stage.now(|_| {});
    stage.pass(10);
    assert_eq!((third.health().severity, stage.told()), (Ok, Vec::new()));
}

#[test]
fn a_notice_is_raised_once_kept_fresh_and_written_anew_when_it_is_another() {
    let stage = Stage::new();
    let process = stage.process("alpha");
    stage.pass(10);
    // Of a replica it is a warning.
    stage.now(|world| world.dies(7004));
    stage.pass(6);
    let key = ("redis.A1".to_owned(), "shop 10.0.0.2:7004".to_owned());
    let first = stage.notices().remove(&key).unwrap();
    assert_eq!((first.severity, first.scope.as_str()), (Warning, cluster_duty(SHOP).as_str()));
    assert!(first.value.contains("10.0.0.2:7004, replica of 10.0.0.1:7001: refused for"), "{}", first.value);
    assert_eq!(first.next_step, "start it, or see whether its machine and the way there are up");
    // Its numbers are those of a minute ago at most.
    stage.pass(30);
    assert_eq!(stage.notices()[&key].value, first.value);
    stage.pass(40);
    let later = stage.notices().remove(&key).unwrap();
    assert_ne!(later.value, first.value);
    assert_eq!(later.since, first.since);
    // It is worse at once: another is dead as well.
    let before = stage.told().len();
    stage.now(|world| {
        world.dies(7004);
        world.dies(7001);
    });
    stage.pass(5);
    let told = stage.told();
    assert!(told.len() > before && told.contains(&(A1.to_owned(), Critical)), "{told:?}");
    let owner = &stage.notices()[&("redis.B1".to_owned(), "shop slots 0-5460".to_owned())];
    assert!(owner.value.ends_with("master 10.0.0.1:7001, no replica left"), "{}", owner.value);
    // One of the two comes back: its part goes, three looks later.
    stage.now(|world| world.dies(7004));
    stage.pass(3);
    assert!(stage.told().contains(&(A1.to_owned(), Critical)));
    stage.pass(4);
    let told = stage.told();
    assert!(!told.iter().any(|(what, _)| what == A1 || what == B1), "{told:?}");
    assert!(told.contains(&("redis.A1 shop 10.0.0.2:7004".to_owned(), Warning)), "{told:?}");
    assert_eq!(process.health().severity, Warning);
}

#[test]
fn an_event_is_written_once_whoever_saw_it() {
    let stage = Stage::new();
    let first = stage.process("alpha");
    // Their looks fall into the same seconds, and not into the same moments.
    stage.pass(1);
    let second = stage.process("beta");
    stage.pass(9);
    stage.now(dies);
    stage.pass(8);
    stage.now(taken_over);
    stage.pass(6);
    let told = || stage.events().into_iter().map(|event| (event.what, event.object)).collect::<Vec<_>>();
    let failover = ("redis.failover".to_owned(), "shop 10.0.0.2:7004".to_owned());
    assert_eq!(told(), std::slice::from_ref(&failover));
    let event = stage.events().remove(0);
    assert!(event.detail.contains("0-5460 10.0.0.1:7001 -> 10.0.0.2:7004, about 8 s"), "{}", event.detail);
    stage.pass(20);
    first.kill();
    // What happens while nobody may write is not lost: the other has seen it.
    stage.pass(5);
    stage.now(|world| {
        taken_over(world);
        world.node(7005).set("run_id", "another");
    });
    stage.pass(60);
    let restart = ("redis.restart".to_owned(), "shop 10.0.0.3:7005".to_owned());
    assert_eq!((told(), stage.writer().as_deref()), (vec![failover.clone(), restart.clone()], Some("beta")));
    // One that comes later knows what happened before it came, and tells it nobody again.
    let third = stage.process("gamma");
    stage.pass(4);
    let kinds: Vec<EventKind> = third.health().events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Restart, EventKind::Failover]);
    second.stop();
    stage.pass(20);
    assert_eq!((told(), stage.writer().as_deref()), (vec![failover, restart], Some("gamma")));
}

#[test]
fn an_event_that_the_dead_one_wrote_last_is_not_written_again() {
    let stage = Stage::new();
    let first = stage.process("alpha");
    stage.pass(1);
    let second = stage.process("beta");
    stage.pass(8);
    stage.now(dies);
    stage.pass(10);
    stage.now(taken_over);
    // The first looks at every even second: it sees it, writes it, and dies before the other looks.
    stage.pass(1);
    assert_eq!((stage.events().len(), second.health().events.len()), (1, 0));
    first.kill();
    stage.pass(60);
    assert_eq!((stage.writer().as_deref(), second.health().events.len()), (Some("beta"), 1));
    assert_eq!(stage.events().len(), 1, "{:?}", stage.events());
}

#[test]
fn an_event_is_written_with_what_is_kept_or_not_at_all() {
    let stage = Stage::new();
    let first = stage.process("alpha");
    stage.pass(1);
    let second = stage.process("beta");
    stage.pass(10);
    // A restart changes no finding: nothing else makes it write.
    let runs = |world: &mut World| world.node(7005).set("run_id", "another");
    stage.now(runs);
    stage.pass(1);
    assert_eq!((stage.events().len(), second.health().events.len()), (1, 0));
    assert_eq!(stage.history().events.len(), 1, "who goes on from it knows that it is written down");
    first.kill();
    stage.pass(60);
    assert_eq!((stage.writer().as_deref(), second.health().events.len()), (Some("beta"), 1));
    assert_eq!(stage.events().len(), 1, "{:?}", stage.events());
    // The state takes no event: what is kept does not say that it has it.
    let file = Connection::open(stage.file()).unwrap();
    let full =
        "CREATE TRIGGER full BEFORE INSERT ON event WHEN NEW.who = 'redis shop' BEGIN SELECT RAISE(ABORT, 'full'); END";
    file.execute_batch(full).unwrap();
    stage.now(|world| world.node(7005).set("run_id", "a third"));
    stage.pass(6);
    assert_eq!(second.health().events.len(), 2);
    assert_eq!((stage.events().len(), stage.history().events.len()), (1, 1));
    file.execute_batch("DROP TRIGGER full").unwrap();
    second.kill();
    let third = stage.process("gamma");
    stage.pass(60);
    assert_eq!((stage.writer().as_deref(), third.health().events.len()), (Some("gamma"), 2));
    assert_eq!(stage.events().len(), 2, "{:?}", stage.events());
}

#[test]
fn two_restarts_of_a_node_in_a_minute_are_two_events_whoever_saw_them() {
    let stage = Stage::new();
    let first = stage.process("alpha");
    let second = stage.process("beta");
    stage.pass(10);
    stage.now(|world| world.node(7005).set("run_id", "another"));
    stage.pass(6);
    assert_eq!(stage.events().len(), 1);
    first.kill();
    stage.now(|world| world.node(7005).set("run_id", "a third"));
    stage.pass(60);
    assert_eq!((stage.writer().as_deref(), second.health().events.len()), (Some("beta"), 2));
    assert_eq!(stage.events().len(), 2, "{:?}", stage.events());
}

#[test]
fn what_is_silenced_is_told_nobody_and_is_not_over() {
    let stage = Stage::new();
    let process = stage.process("alpha");
    stage.pass(10);
    stage.now(|world| world.node(7005).fails = Some(firn::redis::trouble::Trouble::Refused));
    stage.pass(6);
    let a1 = ("redis.A1 shop 10.0.0.3:7005".to_owned(), Warning);
    let b8 = ("redis.B8 shop 10.0.0.2:7002".to_owned(), Warning);
    let both = vec![a1.clone(), b8.clone()];
    assert_eq!(stage.told(), both);
    let turns = stage.turns();
    assert_eq!(turns.len(), 2, "{turns:?}");
    // The node: that its master has no other is of it, too.
    stage.silence(Some("10.0.0.3:7005"), 60);
    stage.pass(9);
    assert_eq!((stage.told(), stage.quiet()), (vec![], both.clone()));
    let health = process.health();
    assert_eq!((health.severity, health.counts.warning, health.counts.silenced), (Ok, 0, 2));
    let silenced = health.findings.iter().find(|one| one.silenced.is_some()).unwrap();
    assert!(silenced.silenced.as_ref().unwrap().ends_with("by mira: a new disk"), "{silenced:?}");
    let key = ("redis.A1".to_owned(), "shop 10.0.0.3:7005".to_owned());
    assert!(stage.notices()[&key].value.ends_with("by mira: a new disk)"), "{:?}", stage.notices()[&key]);
    // It ends, and what holds is told again; at no time was it over, and nothing is raised a second time.
    stage.pass(60);
    assert_eq!((stage.told(), stage.quiet()), (both.clone(), vec![]));
    assert_eq!((stage.turns(), process.health().counts.silenced), (turns.clone(), 0));
    // A silence of the whole cluster is ended by hand while one of the node holds.
    stage.silence(Some("10.0.0.3:7005"), 40);
    stage.silence(None, 3600);
    stage.pass(9);
    assert_eq!((stage.told(), stage.quiet()), (vec![], both.clone()));
    stage.unsilence(None);
    for _ in 0..20 {
        stage.pass(1);
        assert_eq!(stage.told(), [], "the other holds");
    }
    stage.pass(30);
    assert_eq!((stage.told(), stage.turns()), (both.clone(), turns.clone()));
    // Ended by hand with none beside it, it is told within seconds.
    stage.silence(None, 3600);
    stage.pass(9);
    assert_eq!(stage.told(), []);
    stage.unsilence(None);
    stage.pass(12);
    assert_eq!((stage.told(), stage.turns()), (both.clone(), turns.clone()));
    // What becomes worse is silenced all the same; what ends during a silence is over.
    stage.silence(None, 3600);
    stage.now(dies);
    stage.pass(9);
    assert_eq!((stage.told(), process.health().severity), (vec![], Ok));
    assert!(stage.quiet().contains(&(A1.to_owned(), Critical)), "{:?}", stage.quiet());
    let over = ("finding.cleared".to_owned(), "shop 10.0.0.3:7005".to_owned());
    assert!(stage.turns().contains(&over), "{:?}", stage.turns());
}

/// Puts that in the place of what is kept.
fn spoil(stage: &Stage, body: &str) {
    let changed = Connection::open(stage.file()).unwrap().execute("UPDATE cluster SET body = ?", [body]).unwrap();
    assert_eq!(changed, 1);
}

#[test]
fn what_is_kept_and_cannot_be_read_is_begun_anew() {
    let stage = Stage::new();
    let first = stage.process("alpha");
    stage.pass(20);
    first.stop();
    stage.pass(1);
    for body in ["", "{\"events\":7}", "\u{1b}[31m", "{\"held\":{}"] {
        spoil(&stage, body);
        let process = stage.process("beta");
        stage.pass(10);
        assert_eq!(process.health().severity, Ok, "{body:?}");
        assert!(stage.history().nodes.len() == 6, "{body:?}");
        process.stop();
        stage.pass(6);
    }
}

#[test]
fn what_is_too_large_is_not_kept_and_people_are_told_all_the_same() {
    let stage = Stage::new();
    let first = stage.process("alpha");
    stage.pass(20);
    first.stop();
    stage.pass(1);
    // More than a look can add: what it remembers of nodes nobody knows any more.
    let mut history = stage.history();
    let mut node = history.nodes["10.0.0.1:7001"].clone();
    node.known = stage.time().minus(History::REMEMBERED).plus(Duration::from_secs(80));
    let name = |n: usize| format!("10.{}.{}.{}:7001", n >> 16, (n >> 8) & 255, n & 255);
    while serde_json::to_string(&history).unwrap().len() <= LARGEST_CLUSTER {
        let from = history.nodes.len();
        assert!(from < History::NODES, "as many as are kept are small enough to be stored");
        history.nodes.extend((from..from + 500).map(|n| (name(n), node.clone())));
    }
    spoil(&stage, &serde_json::to_string(&history).unwrap());
    let before = stage.row().unwrap();
    let process = stage.process("beta");
    stage.now(dies);
    stage.pass(20);
    assert_eq!(stage.row().unwrap(), before, "what was kept is left as it is");
    assert_eq!(process.health().severity, Critical);
    assert!(stage.told().contains(&(A1.to_owned(), Critical)), "{:?}", stage.told());
    let key = ("redis.unstored".to_owned(), format!("{SHOP} history"));
    let row = stage.notices().remove(&key).unwrap();
    assert_eq!(row.severity, Warning);
    let (bytes, rest) = row.value.strip_prefix("what is kept of its nodes takes ").unwrap().split_once(' ').unwrap();
    assert!(bytes.parse::<usize>().unwrap() > LARGEST_CLUSTER, "{}", row.value);
    assert!(rest.starts_with(&format!("bytes, and {LARGEST_CLUSTER} are possible: ")), "{}", row.value);
    // It stays for as long as that is so: nodes that nobody speaks of are forgotten after a day.
    stage.pass(20);
    assert_eq!(stage.notices()[&key].since, row.since);
    stage.pass(70);
    assert!(!stage.notices().contains_key(&key), "{:?}", stage.told());
    assert!(stage.row().unwrap().written > before.written);
}

#[test]
fn who_does_not_hold_the_duty_any_more_writes_nothing() {
    let stage = Stage::new();
    let process = stage.process("alpha");
    stage.pass(19);
    // Somebody else has been given it, as after a pause of the whole process.
    let other = Connection::open(stage.file()).unwrap();
    let changed = other
        .execute("UPDATE duty SET generation = generation + 1, owner = NULL WHERE name = ?", [cluster_duty(SHOP)])
        .unwrap();
    assert_eq!(changed, 1);
    let before = stage.row().unwrap();
    stage.now(dies);
    // It asks for it every few seconds; until it has it again it tells nobody what it sees.
    let mut kept_quiet = false;
    while stage.row().unwrap() == before {
        assert_eq!(stage.told(), []);
        let health = process.health();
        assert!(health.at.since(before.written).as_secs() < 30, "it does not take it again");
        kept_quiet |= health.severity == Critical;
        stage.pass(1);
    }
    assert!(kept_quiet);
    assert!(stage.told().contains(&(A1.to_owned(), Critical)), "{:?}", stage.told());
}
