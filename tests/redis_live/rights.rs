//! The account that may look: everything the probe and the panels ask is allowed, and nothing else is.

use std::collections::BTreeMap;
use std::time::Duration;

use firn::base::{Clock, Time};
use firn::redis::acl::{ACTS, LOOKS, Rights, command};
use firn::redis::act::{Act, Slot};
use firn::redis::beside::Beside;
use firn::redis::look::Answer;
use firn::redis::moves::keys_in_slots;
use firn::redis::panels::{self, Panels, SETTINGS};
use firn::redis::probe::{NetProbe, Probe as _, Settings, Topology};
use firn::redis::resp::Value;
use firn::redis::trouble::{Says, Trouble};

use crate::kit::{account, secret, settings};
use crate::support::redis::{Redis, Talk};

/// The account `firn`, made as the text says.
fn admit(node: &Redis, rights: Rights) {
    let line = command("firn", rights).unwrap().replace("PASSWORD", "pw");
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(node.cmd(&words), "OK", "{line}");
    node.cmd(&["ACL", "LOG", "RESET"]);
}

fn account_of(dir: &tempfile::TempDir) -> firn::redis::conn::Account {
    account(Some("firn"), secret(dir, "pw"))
}

/// What the server refused, by its own book.
fn refused(node: &Redis) -> Vec<String> {
    let log = node.raw(&["ACL", "LOG"]);
    let entries = log.array().unwrap().iter().map(|entry| {
        let parts = entry.array().unwrap();
        let pair = parts.chunks(2).find(|pair| pair[0].text().as_deref() == Some("object")).unwrap();
        pair[1].text().unwrap()
    });
    entries.collect()
}

/// Everything that is ever asked to look.
async fn look(node: &Redis, dir: &tempfile::TempDir) -> Panels {
    let settings = Settings { account: account_of(dir), ..settings() };
    let cluster = NetProbe::new(Topology::Cluster { seeds: vec![node.addr()] }, settings.clone(), Clock::system());
    let looks = cluster.tick().await;
    assert!(matches!(looks[0].answer, Answer::Came(_)), "{looks:?}");
    let replicas = Topology::Replicas { seeds: vec![node.addr()], sentinels: Vec::new(), master: None };
    NetProbe::new(replicas, settings, Clock::system()).tick().await;
    let line = cluster.line(&node.addr()).unwrap();
    let counted = keys_in_slots(&line, &[7, 16_383]).await;
    let may = refused(node).iter().all(|right| right != "cluster|countkeysinslot");
    assert_eq!(counted.ok(), may.then(|| BTreeMap::from([(7, 0), (16_383, 0)])));
    panels::all(&line).await
}

/// Beside the tick nothing is asked for ever that the account may not ask, nor what the server does not know: it counts both.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_beside_the_tick_is_not_asked_again_for_a_while() {
    let (node, dir) = (Redis::node(5_000), tempfile::tempdir().unwrap());
    let counted = || (node.info("acl_access_denied_cmd"), node.info("errorstat_ERR"));
    assert_eq!(node.cmd(&["ACL", "SETUSER", "firn", "reset", "on", ">pw", "-@all", "+info", "+client|setname"]), "OK");
    let settings = Settings { account: account_of(&dir), ..settings() };
    let probe = NetProbe::new(Topology::Nodes { nodes: vec![node.addr()] }, settings, Clock::system());
    let looks = probe.tick().await;
    let (clock, hand) = Clock::manual(Time::from_secs(0));
    let mut beside = Beside::default();
    // Until that round is taken in; none follows, as the clock stands.
    let round = async |beside: &mut Beside| {
        let before = beside.asides();
        for _ in 0..3_000 {
            beside.go_on(&looks, true, &clock, |addr| probe.line(addr)).await;
            if beside.asides() != before {
                break;
            }
            tokio::task::yield_now().await;
            node.raw(&["PING"]);
        }
    };
    round(&mut beside).await;
    let aside = beside.asides().pop().unwrap();
    assert!(aside.refused && aside.slow.is_none() && aside.settings.is_none() && aside.tasks.is_none(), "{aside:?}");
    let first = counted();
    assert_ne!(first.0.as_deref(), Some("0"));
    for _ in 0..3 {
        hand.advance(Duration::from_secs(10));
        round(&mut beside).await;
    }
    let aside = beside.asides().pop().unwrap();
    assert!(!aside.refused && aside.at == Time::from_secs(30), "{aside:?}");
    assert_eq!(counted(), first, "it was asked again");
    // Somebody may have given it the right since.
    admit(&node, Rights::Look);
    hand.advance(Duration::from_mins(10));
    round(&mut beside).await;
    let aside = beside.asides().pop().unwrap();
    assert!(aside.slow.is_some() && aside.spikes.is_some(), "{aside:?}");
    let timeout = aside.settings.and_then(|settings| settings.node_timeout);
    assert_eq!(timeout, Some(Duration::from_secs(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_may_do_all_that_is_asked_and_nothing_that_is_not() {
    let (node, dir) = (Redis::node(5_000), tempfile::tempdir().unwrap());
    admit(&node, Rights::Look);
    let seen = look(&node, &dir).await;
    assert!(seen.slow.is_ok() && seen.latency.is_ok() && seen.clients.is_ok() && seen.memory.is_ok(), "{seen:?}");
    assert_eq!(seen.config.unwrap().len(), SETTINGS.len());
    assert_eq!(refused(&node), Vec::<String>::new());
    // Nothing else.
    let mut talk = Talk::to(&node);
    talk.ask(&["AUTH", "firn", "pw"]);
    let others: [&[&str]; 12] = [
        &["GET", "x"],
        &["SET", "x", "y"],
        &["KEYS", "*"],
        &["SCAN", "0"],
        &["CONFIG", "SET", "maxmemory", "1"],
        &["CLUSTER", "SLOTS"],
        &["CLUSTER", "FAILOVER"],
        &["CLIENT", "KILL", "TYPE", "replica"],
        &["MONITOR"],
        &["ACL", "LIST"],
        &["EVAL", "return 1", "0"],
        &["SUBSCRIBE", "x"],
    ];
    for command in others {
        let answer = talk.ask(command);
        assert!(answer.error().is_some_and(|text| text.starts_with("NOPERM")), "{command:?}: {answer}");
    }
}

/// The list is as short as it can be: without any one of it something is refused.
#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_of_its_rights_something_is_refused_and_the_rest_is_seen() {
    let (node, dir) = (Redis::node(5_000), tempfile::tempdir().unwrap());
    for right in LOOKS {
        admit(&node, Rights::Look);
        node.cmd(&["ACL", "SETUSER", "firn", &format!("-{right}")]);
        let seen = look(&node, &dir).await;
        assert_eq!(refused(&node).first().map(String::as_str), Some(right));
        let parts = BTreeMap::from([
            ("slowlog|get", seen.slow.err()),
            ("latency|latest", seen.latency.err()),
            ("client|list", seen.clients.err()),
            ("memory|stats", seen.memory.err()),
            ("config|get", seen.config.err()),
        ]);
        for (part, why) in parts {
            assert_eq!(why.is_some(), part == right, "without {right}: {part}: {why:?}");
            assert!(why.is_none_or(|why| why.says() == Says::Blind), "what is refused says nothing of the node");
        }
    }
    admit(&node, Rights::Act);
    let acts = [Act::Failover, Act::Stable(Slot::new(7).unwrap()), Act::DropReplicas].map(|act| act.to_string());
    for (right, act) in ACTS.iter().zip(&acts) {
        let words: Vec<&str> = act.split(' ').collect();
        let tried = || node.cmd(&[&["ACL", "DRYRUN", "firn"], words.as_slice()].concat());
        assert_eq!(tried(), "OK", "{act}");
        node.cmd(&["ACL", "SETUSER", "firn", &format!("-{right}")]);
        assert!(tried().contains("no permissions to run"), "{act}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn panels_tell_what_the_server_recorded() {
    let node = Redis::start(&["--slowlog-log-slower-than", "0", "--latency-monitor-threshold", "5"]);
    let (line, clock) = {
        let probe = crate::kit::probe(Topology::Nodes { nodes: vec![node.addr()] });
        probe.tick().await;
        (probe.line(&node.addr()).unwrap(), Clock::system())
    };
    node.cmd(&["SET", "slow", "\u{1b}[31mred"]);
    node.cmd(&["CONFIG", "SET", "requirepass", ""]);
    node.cmd(&["DEBUG", "SLEEP", "0.02"]);
    let seen = panels::all(&line).await;
    let slow = seen.slow.unwrap();
    let set = slow.iter().find(|entry| entry.command[0] == "SET").unwrap();
    assert_eq!(set.command, ["SET", "slow", "\u{1b}[31mred"]);
    assert!(clock.now().since(set.at) < Duration::from_mins(1) && set.client.is_some());
    assert!(slow.windows(2).all(|pair| pair[0].id > pair[1].id), "newest first");
    let newer = panels::slow_log(&line, Some(set.id)).await.unwrap();
    assert!(!newer.is_empty() && newer.iter().all(|entry| entry.id > set.id));
    let slept = slow.iter().find(|entry| entry.command[0] == "DEBUG").unwrap();
    assert!(slept.took >= Duration::from_millis(20), "{slept:?}");
    let latency = seen.latency.unwrap();
    assert_eq!(latency.threshold, Some(Duration::from_millis(5)));
    let event = latency.events.iter().find(|event| event.name == "command").unwrap();
    assert!(event.most >= Duration::from_millis(20) && event.latest <= event.most, "{event:?}");
    let clients = seen.clients.unwrap();
    assert!(
        clients.all >= 1 && clients.kept.iter().any(|client| client.name == "firn" && client.command == "client|list")
    );
    let memory: BTreeMap<_, _> = seen.memory.unwrap().into_iter().collect();
    assert!(
        memory["total.allocated"].parse::<u64>().unwrap() > 100_000
            && memory.contains_key("db.0.overhead.hashtable.main")
    );
    assert_eq!(seen.config.unwrap()["latency-monitor-threshold"], "5");

    node.cmd(&["CONFIG", "SET", "latency-monitor-threshold", "0"]);
    assert_eq!(
        panels::latency(&line).await.unwrap().threshold,
        Some(Duration::ZERO),
        "it records nothing, and says so"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn panels_of_a_hung_node_are_given_up_once() {
    let node = Redis::start(&[]);
    let probe = crate::kit::probe(Topology::Nodes { nodes: vec![node.addr()] });
    probe.tick().await;
    let line = probe.line(&node.addr()).unwrap();
    node.freeze();
    let clock = Clock::system();
    let began = clock.mono();
    let seen = panels::all(&line).await;
    assert!(clock.mono().since(began) < Duration::from_millis(1_900));
    let silent = Trouble::Silent(Duration::from_secs(1));
    assert_eq!((seen.slow.err(), seen.config.err()), (Some(silent.clone()), Some(silent)));
    node.thaw();
    assert!(matches!(node.raw(&["PING"]), Value::Simple(_)));
}
