//! A master with two replicas, watched by three real sentinels, as `firn redis` tells of them: the master dies, one takes over,
//! the old one is back; then sentinels hang, and nobody takes over.

use std::process::Command;

use serde_json::Value;

use crate::commands::Desk;
use crate::support::redis::Redis;
use crate::support::waiting::{LONG, eventually, found};

/// Three sentinels that know each other and both replicas. They take their time: they miss a master for six seconds, agree,
/// elect one of them, and try again after some more.
fn sentinels(of: &Redis) -> Vec<Redis> {
    let all: Vec<Redis> = (0..3).map(|_| Redis::start(&["--sentinel"])).collect();
    for sentinel in &all {
        sentinel.cmd(&["SENTINEL", "MONITOR", "main", "127.0.0.1", &of.port().to_string(), "2"]);
        sentinel.cmd(&["SENTINEL", "SET", "main", "down-after-milliseconds", "6000", "failover-timeout", "10000"]);
    }
    for sentinel in &all {
        eventually(LONG, "they know each other and the replicas", || {
            let known = sentinel.raw(&["SENTINEL", "CKQUORUM", "main"]).text();
            let replicas = sentinel.raw(&["SENTINEL", "REPLICAS", "main"]);
            (known.is_some_and(|text| text.starts_with("OK 3 usable"))
                && replicas.array().is_some_and(|all| all.len() == 2))
            .then_some(())
        });
    }
    all
}

/// Whether it is a master. Sentinels close the connections of whom they give another part.
fn leads(one: &Redis) -> bool {
    let asked = Command::new("redis-cli").args(["-p", &one.port().to_string(), "ROLE"]).output().unwrap();
    asked.status.success() && asked.stdout.starts_with(b"master")
}

/// Severity and text of what is found by that rule, if anything is.
fn by(cluster: &Value, rule: &str) -> Option<(String, String)> {
    let all = cluster["findings"].as_array().unwrap();
    let one = all.iter().find(|one| one["rule"] == rule)?;
    Some((one["severity"].as_str().unwrap().to_owned(), one["text"].as_str().unwrap().to_owned()))
}

fn told(desk: &Desk) -> Value {
    let done = desk.firn(&["redis", "--json"]);
    done.json()["clusters"][0].take()
}

/// Looks until that holds of what is told.
#[track_caller]
fn until(desk: &Desk, what: &str, mut holds: impl FnMut(&Value) -> bool) {
    let mut last = Value::Null;
    let came = found(LONG, || {
        last = told(desk);
        holds(&last).then_some(())
    });
    assert!(came.is_some(), "{what} did not come: {last:#}");
}

#[test]
fn what_sentinels_see_and_do_is_told() {
    let first = Redis::start(&[]);
    let of = format!("127.0.0.1 {}", first.port());
    let mut servers: Vec<Redis> =
        std::iter::once(first).chain((0..2).map(|_| Redis::start(&["--replicaof", &of]))).collect();
    let guards = sentinels(&servers[0]);
    let addrs: Vec<_> = guards.iter().map(Redis::addr).collect();
    let desk = Desk::over(&addrs, "kind = \"sentinel\"\nsentinel_name = \"main\"");
    until(&desk, "nothing is wrong", |seen| seen["severity"] == "OK");
    let seen = told(&desk);
    assert_eq!(seen["nodes"].as_array().map(Vec::len), Some(3), "{seen:#}");

    // Its master dies. One of the others takes over; when the dead one is back it is made a replica.
    let dead = servers[0].addr();
    servers[0].kill();
    until(&desk, "no master", |seen| by(seen, "B1").is_some());
    eventually(LONG, "one has taken over", || servers[1..].iter().any(leads).then_some(()));
    until(&desk, "there is a master", |seen| by(seen, "B1").is_none() && seen["severity"] != "CRITICAL");
    servers[0].restart();
    let whole = |seen: &Value| seen["severity"] == "OK" && seen["nodes"].as_array().unwrap().len() == 3;
    until(&desk, "all is well again", whole);
    assert!(!leads(&servers[0]), "{dead}");

    // One sentinel hangs: it says nothing of the master, and the two others must not be fewer.
    guards[2].freeze();
    until(&desk, "one sentinel is not seen", |seen| by(seen, "A5").is_some() && by(seen, "B4").is_some());
    let seen = told(&desk);
    let (severity, text) = by(&seen, "A5").unwrap();
    assert_eq!(severity, "UNKNOWN", "{text}");
    assert!(text.starts_with(&format!("sentinel {}: not seen: ", addrs[2])), "{text}");
    let least = "main: 2 of 3 sentinels live: without one more no failover can happen";
    assert_eq!(by(&seen, "B4"), Some(("WARNING".to_owned(), least.to_owned())));
    assert_eq!(seen["severity"], "WARNING", "{seen:#}");
    // Two of them: nobody could take over any more.
    guards[1].freeze();
    let none = "main: no failover can happen: 1 of 3 sentinels live, 2 are needed";
    until(&desk, "no quorum", |seen| by(seen, "B4") == Some(("CRITICAL".to_owned(), none.to_owned())));
    // Then the master dies, and nothing happens by itself.
    let master = servers.iter_mut().find(|one| leads(one)).unwrap();
    let dead = master.addr();
    master.kill();
    let text = format!("no master answers ({dead}): 2 replicas answer, and take no writes");
    until(&desk, "no master", |seen| by(seen, "B1") == Some(("CRITICAL".to_owned(), text.clone())));
}
