//! `firn redis` and `firn check redis` at a real cluster, as commands: what they say, and their exit codes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use firn::base::Clock;
use firn::redis::addr::NodeAddr;
use firn::store::sqlite::SqliteStore;
use serde_json::Value;
use tempfile::TempDir;

use crate::reader::{Output, read};
use crate::support::done::Done;
use crate::support::redis::{Cluster, Redis, free_port, shared};

/// A folder with a configuration of one cluster, `shop`.
pub struct Desk {
    dir: TempDir,
}

impl Desk {
    pub fn over(seeds: &[NodeAddr], more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let seeds: Vec<String> = seeds.iter().map(ToString::to_string).collect();
        let config =
            format!("[[redis]]\nname = \"shop\"\nseeds = \"{}\"\ninterval = \"1s\"\n{more}\n", seeds.join(", "));
        fs::write(dir.path().join("firn.toml"), config).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn firn(&self, args: &[&str]) -> Done {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
        command.env_clear().env("HOME", self.dir.path()).env("REDIS_PASSWORD", "geheim");
        command.arg("--config").arg(self.path("firn.toml")).args(args).current_dir(self.dir.path());
        Done::of(command).clean()
    }
}

/// The output of a plugin, whose word is its exit code, and the figures that are not known.
#[track_caller]
fn plugin(done: &Done) -> (Output, Vec<&str>) {
    assert_eq!(done.err, "", "nothing is said elsewhere");
    // `U` is the guidelines' word for what is not known.
    let text = done.out.trim_end();
    let (first, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    let (known, unknown): (Vec<&str>, Vec<&str>) = first.split(' ').partition(|word| !word.contains("=U;"));
    let output = read(&format!("{}{rest}", known.join(" "))).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(i32::from(output.code()), done.code, "{}", done.out);
    (output, unknown.into_iter().map(|word| word.split('=').next().unwrap()).collect())
}

/// Rule, severity and text of what is found, as JSON has it.
fn found(cluster: &Value) -> BTreeSet<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = cluster["findings"].as_array().unwrap_or_else(|| panic!("{cluster:#}"));
    all.iter().map(|one| (text(&one["rule"]), text(&one["severity"]), text(&one["object"]))).collect()
}

#[test]
fn a_healthy_cluster_is_ok_in_words_in_json_and_as_a_plugin() {
    let desk = Desk::over(&shared().addrs()[..1], "");
    let done = desk.firn(&["redis"]).expect(0).tells("nothing is wrong");
    let first = done.out.lines().next().unwrap();
    assert!(first.starts_with("OK shop (cluster); state ok; 16,384 of 16,384 slots served; epoch "), "{first}");
    assert!(first.contains("3 masters, 3 replicas; 6 of 6 nodes answer"), "{first}");
    for addr in shared().addrs() {
        assert!(done.out.contains(&addr.to_string()), "{addr} is not in\n{}", done.out);
    }
    let json = desk.firn(&["redis", "--json"]).expect(0).json();
    let cluster = &json["clusters"][0];
    assert_eq!((&cluster["cluster"], &cluster["severity"]), (&"shop".into(), &"OK".into()));
    assert_eq!(found(cluster), BTreeSet::new());
    assert_eq!(cluster["nodes"].as_array().map(Vec::len), Some(6), "{cluster:#}");
    let done = desk.firn(&["check", "redis", "shop"]).expect(0);
    let (output, unknown) = plugin(&done);
    assert_eq!(output.first, "REDIS OK - shop: 16384 of 16384 slots served, 6 of 6 nodes answer");
    assert_eq!(unknown, Vec::<&str>::new());
    let value = |label: &str| output.metric(label).unwrap_or_else(|| panic!("no {label}")).value;
    assert_eq!((value("slots_served"), value("nodes"), value("critical"), value("warning")), (16_384.0, 6.0, 0.0, 0.0));
    let uncovered = output.metric("slots_uncovered").unwrap();
    assert!(uncovered.crit.unwrap().alerts(1.0) && !uncovered.crit.unwrap().alerts(uncovered.value));
}

#[test]
fn names_that_are_wrong_are_said_and_nobody_who_answers_is_unknown() {
    let desk = Desk::over(&shared().addrs(), "");
    let text = "\"shpo\" names no redis cluster of the configuration; did you mean shop?";
    // Of a report, 3 is what could not be looked at; of an act, 2 is a usage error.
    desk.firn(&["redis", "shpo"]).expect(3).tells(text);
    let done = desk.firn(&["check", "redis", "shpo"]).expect(3).tells("shpo");
    assert!(done.out.starts_with("REDIS UNKNOWN - "), "{done:#?}");
    desk.firn(&["redis", "record", "shpo", "seen"]).expect(2).tells(text);
    desk.firn(&["redis", "silence", "shpo", "--why", "x"]).expect(2).tells(text);
    let none = Desk::over(&[], "");
    fs::write(none.path("firn.toml"), "").unwrap();
    none.firn(&["redis"]).expect(3).tells("the configuration names no redis cluster; add [[redis]]");

    // Nobody listens there: nothing is known of a cluster, not even that it is down.
    let gone = NodeAddr::new("127.0.0.1", free_port()).unwrap();
    let desk = Desk::over(std::slice::from_ref(&gone), "");
    plugin(&desk.firn(&["check", "redis", "shop"]));
    desk.firn(&["redis"]).tells(&gone.to_string());
}

#[test]
fn one_that_cannot_be_looked_into_is_a_warning_and_what_is_not_known_is_u() {
    let mut cluster = Cluster::start(1, 5_000);
    for node in &mut cluster.nodes {
        node.cmd(&["CONFIG", "SET", "masterauth", "geheim"]);
        node.cmd(&["CONFIG", "SET", "requirepass", "geheim"]);
        node.login(&["geheim"]);
    }
    cluster.acknowledged();
    // With the password all is well, and it is nowhere in what is written.
    let desk = Desk::over(&cluster.addrs(), "password = \"env:REDIS_PASSWORD\"");
    desk.firn(&["redis", "record", "shop", "seen"]).expect(0).tells("2 nodes recorded in seen");
    let all = files(&desk.path("seen"));
    assert!(all.len() >= 6 && all.iter().all(|(_, text)| !text.contains("geheim")), "{all:#?}");
    desk.firn(&["redis", "replay", "seen"]).expect(0).tells("OK");
    // One node with another.
    cluster.nodes[1].cmd(&["CONFIG", "SET", "requirepass", "anders"]);
    let done = desk.firn(&["check", "redis", "shop", "-v"]).expect(1);
    let (output, _) = plugin(&done);
    let first = format!("REDIS WARNING - {}: cannot look inside: wrong password", cluster.nodes[1].addr());
    assert!(output.first.starts_with(&first), "{output:#?}");
    assert!(output.long.iter().any(|line| line.contains("cannot look inside: wrong password")), "{output:#?}");
    assert_eq!((output.metric("unknown").unwrap().value, output.metric("nodes_not_seen").unwrap().value), (1.0, 1.0));
    let json = desk.firn(&["redis", "shop", "--json"]).expect(1).json();
    let a5 = ("A5".to_owned(), "UNKNOWN".to_owned(), cluster.nodes[1].addr().to_string());
    assert_eq!(found(&json["clusters"][0]), BTreeSet::from([a5]));
    // What was refused is recorded as it was answered, and judged so again.
    desk.firn(&["redis", "record", "shop", "refused"]).expect(0);
    let all = files(&desk.path("refused"));
    assert!(all.iter().any(|(_, text)| text.starts_with("-WRONGPASS ")), "{all:#?}");
    assert!(all.iter().all(|(_, text)| !text.contains("geheim") && !text.contains("anders")), "{all:#?}");
    desk.firn(&["redis", "replay", "refused"]).expect(1).tells("A5").tells("wrong password");
    // Neither: nothing is seen, and that is no failure of the cluster.
    cluster.nodes[0].cmd(&["CONFIG", "SET", "requirepass", "anders"]);
    let done = desk.firn(&["check", "redis", "shop"]).expect(3);
    let (output, unknown) = plugin(&done);
    assert!(output.first.starts_with("REDIS UNKNOWN - shop: "), "{}", output.first);
    assert!(unknown.contains(&"slots_served") && unknown.contains(&"keys"), "{unknown:?}: {}", done.out);
}

/// Every file below a folder.
fn files(dir: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.clone(), fs::read_to_string(path).unwrap()));
        }
    }
    all
}

#[test]
fn a_killed_master_is_critical_recorded_judged_again_and_silenced() {
    let mut cluster = Cluster::start(3, 30_000);
    // From any seed but the one that dies.
    let desk = Desk::over(&[cluster.nodes[2].addr()], "");
    let (dead, replica) = (cluster.nodes[0].addr(), cluster.nodes[3].addr());
    cluster.nodes[0].kill();
    let done = desk.firn(&["redis", "shop"]).expect(2);
    let first = done.out.lines().next().unwrap();
    assert!(first.starts_with("CRITICAL shop (cluster); state ok; 10,923 of 16,384 slots served; "), "{first}");
    let b1 = format!("5,461 slots (33 %) have no live owner: 0-5460, master {dead}, failover under way to {replica}");
    done.tells(&b1).tells(&format!("{dead}, master of 0-5460 (33 %): refused"));
    let done = desk.firn(&["check", "redis", "shop", "-v"]).expect(2);
    let (output, unknown) = plugin(&done);
    assert!(
        output.first.starts_with("REDIS CRITICAL - shop: 5,461 slots (33 %) uncovered: 0-5460"),
        "{}",
        output.first
    );
    assert_eq!((output.metric("slots_served").unwrap().value, output.metric("nodes").unwrap().value), (10_923.0, 5.0));
    assert!(output.long.iter().any(|line| line.contains("CRITICAL A1: ") && line.contains("refused")), "{output:#?}");
    assert_eq!(unknown, ["keys"], "not all masters were seen");

    // Somebody else judges what was seen, and finds the same.
    desk.firn(&["redis", "record", "shop", "seen"]).expect(0).tells("6 nodes recorded in seen");
    desk.firn(&["redis", "record", "shop", "seen"]).expect(1).tells("seen is there already");
    let live = desk.firn(&["redis", "shop", "--json"]).expect(2).json();
    let again = desk.firn(&["redis", "replay", "seen", "--json"]).expect(2).json();
    assert_eq!(again["severity"], "CRITICAL");
    assert_eq!(found(&again), found(&live["clusters"][0]));
    let rules: BTreeSet<String> = found(&again).into_iter().map(|(rule, _, _)| rule).collect();
    assert!(rules.contains("A1") && rules.contains("B1"), "{rules:?}");

    // Maintenance: of the node alone, then of all of it.
    desk.firn(&["redis", "silence", "shop", &dead.to_string()]).expect(2).tells("--why");
    desk.firn(&["redis", "silence", "shop", "--why", "x", "--for", "8d"]).expect(2).tells("7 d");
    desk.firn(&["redis", "silence", "shop", "nowhere:port", "--why", "x"])
        .expect(2)
        .tells("is no node; write HOST:PORT");
    let hush = || desk.firn(&["redis", "silence", "shop", &dead.to_string(), "--why", "a new disk", "--for", "1h"]);
    hush().expect(1).tells("there is no state database at ");
    SqliteStore::open(&desk.path("firn.db"), Clock::system(), true).unwrap();
    hush().expect(0).tells(&format!("{dead} of shop: silenced until "));
    let done = desk.firn(&["redis", "shop"]).expect(2);
    done.tells("silenced A1").tells(": a new disk").tells(&b1);
    desk.firn(&["redis", "silence", "shop", "--why", "move"]).expect(0);
    let done = desk.firn(&["check", "redis", "shop", "-v"]).expect(0);
    let (output, _) = plugin(&done);
    assert_eq!(
        (output.metric("critical").unwrap().value, output.metric("slots_served").unwrap().value),
        (0.0, 10_923.0)
    );
    assert!(output.long.iter().any(|line| line.starts_with("silenced B1: ")), "{output:#?}");
    desk.firn(&["redis", "unsilence", "shop"]).expect(0).tells("shop: not silenced any more");
    desk.firn(&["redis", "unsilence", "shop"]).expect(1).tells("shop is not silenced; firn redis says what is");
}

#[test]
fn the_account_that_acl_prints_is_the_one_that_looks() {
    let node = Redis::node(5_000);
    node.cmd(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    let desk = Desk::over(&[node.addr()], "user = \"eye\"\npassword = \"env:REDIS_PASSWORD\"");
    let line = desk.firn(&["redis", "acl", "eye"]).expect(0).out;
    let line = line.trim_end().replace("PASSWORD", "geheim");
    node.cmd(&["ACL", "LOG", "RESET"]);
    // Before it is there, nobody is let in.
    desk.firn(&["redis"]).expect(3).tells("wrong password");
    assert_eq!(node.cmd(&line.split(' ').collect::<Vec<_>>()), "OK", "{line}");
    node.cmd(&["ACL", "LOG", "RESET"]);
    let done = desk.firn(&["redis"]);
    assert!(done.code != 3 && done.out.contains("1 of 1 nodes answer"), "{done:#?}");
    assert_eq!(node.raw(&["ACL", "LOG"]).array().map(<[_]>::len), Some(0), "nothing of it was refused");
    desk.firn(&["redis", "acl", "no name"]).expect(2);
    assert_ne!(desk.firn(&["redis", "acl", "eye", "--acts"]).expect(0).out.trim_end(), line);
}
