//! What is no cluster: lists, a master with replicas, sentinels, dtm-redis.

use std::sync::atomic::Ordering;
use std::time::Duration;

use firn::base::Clock;
use firn::redis::acl::{Rights, command};
use firn::redis::addr::NodeAddr;
use firn::redis::info::Info;
use firn::redis::probe::{NetProbe, Probe as _, Settings, Topology};
use firn::redis::resp::{Bounds, Reader};
use firn::redis::trouble::{Says, Trouble};

use crate::kit::{Fake, account, of, probe, secret, settings, trouble};
use crate::support::redis::Redis;
use crate::support::waiting::{LONG, eventually, in_time};

/// A master, and a replica of it.
fn pair() -> (Redis, Redis) {
    let master = Redis::start(&[]);
    let replica = Redis::start(&["--replicaof", &format!("127.0.0.1 {}", master.port())]);
    eventually(LONG, "it is attached", || (replica.info("master_link_status").as_deref() == Some("up")).then_some(()));
    (master, replica)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_list_exactly_those_are_asked_and_nothing_but_info() {
    let (master, replica) = pair();
    let list = vec![master.addr(), NodeAddr::new("localhost", master.port()).unwrap()];
    let probe = probe(Topology::Nodes { nodes: list.clone() });
    for _ in 0..3 {
        let looks = probe.tick().await;
        assert_eq!(looks.len(), 2, "its replica is not looked for, and what was listed twice is told twice");
        assert!(list.iter().all(|addr| of(&looks, addr).info().is_some()));
    }
    let stats = master.cmd(&["INFO", "commandstats"]);
    let stats = Info::parse(&stats);
    assert_eq!((stats.get("cmdstat_cluster|nodes"), stats.get("cmdstat_role")), (None, None));
    drop(replica);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_and_its_replicas_are_found_from_each_other() {
    let (mut master, replica) = pair();
    let both = {
        let mut both = [master.addr(), replica.addr()];
        both.sort();
        both
    };
    for seed in [master.addr(), replica.addr(), NodeAddr::new("localhost", replica.port()).unwrap()] {
        let probe = probe(Topology::Replicas { seeds: vec![seed.clone()], sentinels: Vec::new(), master: None });
        for tick in 0..3 {
            let looks = probe.tick().await;
            let seen: Vec<_> = looks.iter().map(|look| look.addr.clone()).collect();
            assert!(seen == both || tick == 0, "from {seed} in tick {tick}: {seen:?}");
        }
    }
    let probe = probe(Topology::Replicas { seeds: vec![replica.addr()], sentinels: Vec::new(), master: None });
    assert_eq!(probe.tick().await.len(), 2);
    master.kill();
    let looks = probe.tick().await;
    assert_eq!(trouble(of(&looks, &master.addr())), Trouble::Refused, "the replica still names it");
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_say_where_the_master_is_and_are_told_nothing() {
    let (master, replica) = pair();
    let sentinel = Redis::start(&["--sentinel"]);
    sentinel.cmd(&["SENTINEL", "MONITOR", "main", "127.0.0.1", &master.port().to_string(), "1"]);
    let rule = command("firn", Rights::Sentinel).unwrap().replace("PASSWORD", "pw");
    sentinel.cmd(&rule.split(' ').collect::<Vec<_>>());
    let ordinary = master.addr();
    master.cmd(&["ACL", "SETUSER", "firn", "on", ">pw", "+@all"]);
    let topology = Topology::Replicas {
        seeds: Vec::new(),
        sentinels: vec![sentinel.addr(), ordinary.clone()],
        master: Some("main".to_owned()),
    };
    let dir = tempfile::tempdir().unwrap();
    let of_sentinel = Some(account(Some("firn"), secret(&dir, "pw")));
    let settings = Settings { sentinel_account: of_sentinel, ..settings() };
    let probe = NetProbe::new(topology, settings, Clock::system());
    let looks = in_time(LONG, "the sentinel knows the replica", async || {
        let looks = probe.tick().await;
        let told = probe.sentinels();
        let main = told.iter().find(|look| look.addr == sentinel.addr())?.answer.as_ref().ok()?.first()?.clone();
        (main.replicas.as_ref().is_ok_and(|all| all.len() == 1)).then_some((looks, main))
    })
    .await;
    let (looks, main) = looks;
    assert!(of(&looks, &master.addr()).info().is_some() && of(&looks, &replica.addr()).info().is_some());
    assert_eq!((main.name.as_str(), main.addr.as_ref(), main.quorum), ("main", Some(&master.addr()), Some(1)));
    assert!(main.is("master") && !main.is("o_down"));
    assert_eq!(main.replicas.unwrap()[0].addr, replica.addr());
    let told = probe.sentinels();
    let wrong = told.iter().find(|look| look.addr == ordinary).unwrap().answer.clone().unwrap_err().to_string();
    assert!(
        wrong.starts_with("SENTINEL MASTERS answered with ERR unknown command") && wrong.ends_with("is it a sentinel?"),
        "{wrong}"
    );
    let refused = sentinel.raw(&["ACL", "LOG"]);
    assert_eq!(refused.array().map(<[_]>::len), Some(0), "{refused}");
}

/// Answers as a session does: it knows `GET` and little else, and `GET` of a bucket that is gone hangs.
fn session(hangs: bool) -> Fake {
    Fake::new(move |_, asked| {
        let mut reader = Reader::new(Bounds::MONITOR);
        reader.feed(asked);
        let mut answer = String::new();
        while let Some(command) = reader.read().unwrap() {
            let word = command.array().unwrap()[0].text().unwrap();
            if word != "GET" {
                answer.push_str("-ERR unknown command\r\n");
            } else if !hangs {
                answer.push_str("$-1\r\n");
            }
        }
        Some(answer.into_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_dtm_redis_is_asked_what_it_knows_and_its_buckets_by_themselves() {
    let (fine, hung) = (session(false), session(true));
    let buckets = [Redis::start(&[]), Redis::start(&[])];
    let probe = probe(Topology::Dtm {
        sessions: vec![fine.addr(), hung.addr()],
        buckets: buckets.iter().map(Redis::addr).collect(),
    });
    for _ in 0..2 {
        let looks = probe.tick().await;
        assert_eq!(looks.len(), 4);
        let reply = of(&looks, &fine.addr()).reply().unwrap();
        assert!(reply.info.as_ref().unwrap().is_empty(), "it tells nothing of itself");
        let why = trouble(of(&looks, &hung.addr()));
        assert_eq!((why.says(), why), (Says::Hung, Trouble::Silent(Duration::from_secs(1))));
        assert!(buckets.iter().all(|bucket| of(&looks, &bucket.addr()).info().is_some()));
    }
    let heard = String::from_utf8(fine.heard.lock().unwrap().clone()).unwrap();
    assert_eq!(
        (heard.matches("GET").count(), heard.matches('$').count()),
        (4, 8),
        "a key for each bucket, and nothing else"
    );
    assert!(!heard.contains("CLIENT") && heard.matches("firn:probe:").count() == 4, "{heard}");
    assert_eq!(fine.connections.load(Ordering::SeqCst), 1);
    assert_eq!(buckets[0].info("keyspace_misses").as_deref(), Some("0"), "nothing is read or written there");
}
