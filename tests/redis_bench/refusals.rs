//! What is refused before anything is loaded, and in which words.

use std::time::Duration;

use firn::redis::bench::{Choice, Guard, Known, Spec, Work};

use crate::kit::{local, masters, refused, run, short};
use crate::session;
use crate::support::redis::{Redis, free_port};
use crate::support::waiting::{LONG, eventually};

fn marked(name: &str, port: u16) -> Guard {
    Guard::new([Known {
        name: name.to_owned(),
        production: true,
        tls: None,
        nodes: vec![local(port)],
        runs: Vec::new(),
    }])
}

#[test]
fn production_is_not_loaded_unless_told() {
    let server = Redis::start(&[]);
    let port = server.port();
    let spec = Spec { guard: marked("cluster \"shop\"", port), ..short(&[server.addr()], Work::GetSet) };
    let text = refused(spec.clone());
    assert_eq!(
        text,
        format!(
            "127.0.0.1:{port} is marked production in the configuration (cluster \"shop\"); a benchmark takes what its \
             users need: name another host, or say --anyway"
        )
    );
    assert_eq!(server.calls("get"), 0, "it was not even asked");
    assert!(run(Spec { anyway: true, ..spec }).counts.commits > 0);
    // A master that nobody named is production as well.
    let cluster = masters();
    let port = cluster.nodes[1].port();
    let spec = Spec { cluster: true, guard: marked("it", port), ..short(&[cluster.nodes[0].addr()], Work::GetSet) };
    assert!(refused(spec).starts_with(&format!("127.0.0.1:{port} is marked production")));
}

#[test]
fn the_other_side_of_a_production_replication_is_production() {
    let master = Redis::start(&[]);
    let replica = Redis::start(&["--replicaof", &format!("127.0.0.1 {}", master.port())]);
    // A master names it when it has acknowledged something.
    eventually(LONG, "it is attached", || {
        master.info("slave0").is_some_and(|told| told.contains("state=online")).then_some(())
    });
    for (marked_one, asked) in [(&master, &replica), (&replica, &master)] {
        let port = marked_one.port();
        let spec = Spec { guard: marked("pair", port), ..short(&[asked.addr()], Work::GetSet) };
        let text = refused(spec);
        assert!(text.starts_with(&format!("127.0.0.1:{port} is marked production")), "{text}");
    }
    assert_eq!(master.calls("set"), 0);
}

#[test]
fn limits_are_said() {
    let host = [local(7000)];
    let base = || short(&host, Work::Trans);
    let many = Spec { clients: 0, ..base() };
    assert_eq!(refused(many), "clients of a host: 0 is not from 1 to 10000; load it from several machines");
    assert!(refused(Spec { keys: 0, ..base() }).starts_with("keys: 0 is not from 1 to 10000000; "));
    assert!(
        refused(Spec { value: 2 << 20, ..base() }).starts_with("bytes of a value: 2097152 is not from 1 to 1048576; ")
    );
    assert!(refused(Spec { threads: Some(65), ..base() }).starts_with("threads: 65 is not from 1 to 64; "));
    let accounts = short(&host, Work::Transfer { accounts: 1 });
    assert!(refused(accounts).starts_with("accounts: 1 is not from 2 to 10000; "));
    assert_eq!(
        refused(Spec { span: Duration::ZERO, ..base() }),
        "--seconds: 0 s is not from 100 ms to 24 h; choose a span within"
    );
    assert!(refused(short(&[], Work::Trans)).starts_with("hosts: 0 is not from 1 to 256; "));
    let twice = short(&[local(7000), local(7000)], Work::Trans);
    assert_eq!(refused(twice), "127.0.0.1:7000 is named twice in --hosts; more clients are asked for by --clients");
}

#[test]
fn hosts_that_are_none_are_told() {
    let port = free_port();
    let at = |text: &str| format!("127.0.0.1:{port}: {text}; nothing was loaded");
    assert_eq!(refused(short(&[local(port)], Work::Trans)), at("connection refused"));
    let web = session::parrot(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let text = refused(short(&[local(web)], Work::Trans));
    assert!(
        text.contains("\"HTTP/1.1 400 Bad Request\\x0d\\x0a") && text.contains("begins no reply of a redis server"),
        "{text}"
    );
    assert!(text.contains("is it one, and without TLS, which the benchmark does not speak?; nothing was"), "{text}");
    let silent = session::parrot(b"");
    let spec = Spec { patience: Duration::from_millis(200), ..short(&[local(silent)], Work::Trans) };
    assert!(refused(spec).contains("takes connections and does not answer within 200 ms"));
    let evil = session::parrot(b"-ERR \x1b[31mred\r\n");
    assert!(refused(short(&[local(evil)], Work::Trans)).contains("ERR \\x1b[31mred"));
}

#[test]
fn whom_a_server_does_not_let_in_is_told() {
    let server = Redis::start(&["--requirepass", "geheim"]);
    let text = refused(short(&[server.addr()], Work::Trans));
    assert!(text.contains("wants a password, and none was given"), "{text}");
    let small = Redis::start(&["--maxclients", "8"]);
    let text = refused(short(&[small.addr()], Work::Trans));
    assert!(
        text.contains(" of 10 connections came about, then: takes no more clients: ERR max number of clients"),
        "{text}"
    );
    assert_eq!(small.calls("set"), 0);
    // Over all threads, and of this host alone.
    let (small, large) = (Redis::start(&["--maxclients", "40"]), Redis::start(&[]));
    let spec = Spec { clients: 60, threads: Some(3), ..short(&[large.addr(), small.addr()], Work::Trans) };
    let text = refused(spec);
    let rest = text.strip_prefix(&format!("{}: ", small.addr())).unwrap_or_else(|| panic!("{text}"));
    let (open, rest) = rest.split_once(' ').unwrap();
    assert!((36..=40).contains(&open.parse::<u32>().unwrap()), "{text}");
    assert!(rest.starts_with("of 60 connections came about, then: takes no more clients: "), "{text}");
}

#[test]
fn keys_that_nobody_owns_are_not_chosen() {
    let node = Redis::node(5_000);
    node.cmd(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    let whole = |node: &Redis| node.cmd(&["CLUSTER", "INFO"]).contains("cluster_state:ok").then_some(());
    node.cmd(&["CLUSTER", "ADDSLOTSRANGE", "0", "1"]);
    eventually(LONG, "it serves what it has", || whole(&node));
    for choice in [Choice::Random, Choice::Walk] {
        let spec = Spec { cluster: true, keys: 1, choice, ..short(&[node.addr()], Work::GetSet) };
        assert_eq!(
            refused(spec),
            "no master owns the slot of any of the 1 keys: 2 of 16384 slots have an owner; take more --keys, or give the \
             other slots to masters; nothing was loaded"
        );
    }
    node.cmd(&["CLUSTER", "ADDSLOTSRANGE", "2", "8191"]);
    for choice in [Choice::Random, Choice::Walk] {
        let outcome = run(Spec { cluster: true, choice, ..short(&[node.addr()], Work::GetSet) });
        assert!(outcome.counts.commits > 0 && outcome.whole.errors.is_empty(), "{outcome:?}");
        assert!((200..=300).contains(&outcome.removed) && outcome.left.is_empty(), "{outcome:?}");
    }
    let outcome = run(Spec { cluster: true, ..short(&[node.addr()], Work::Transfer { accounts: 5 }) });
    assert!(outcome.invariant.as_ref().is_some_and(firn::redis::bench::Verdict::holds), "{outcome:?}");
    assert_eq!(node.keys(), 0);
}

#[test]
fn a_cluster_is_loaded_as_one() {
    let cluster = masters();
    let node = cluster.nodes[0].addr();
    let text = refused(short(std::slice::from_ref(&node), Work::Trans));
    // Most keys are on the others.
    if text.contains("--cluster") {
        assert_eq!(text, format!("{node} is a node of a cluster, where a key is at one of many nodes; say --cluster"));
    } else {
        panic!("{text}");
    }
    let alone = Redis::start(&[]);
    let text = refused(Spec { cluster: true, ..short(&[alone.addr()], Work::Trans) });
    assert!(text.contains("is no node of a cluster (cluster support is disabled)"), "{text}");
    let empty = Redis::node(5_000);
    let text = refused(Spec { cluster: true, ..short(&[empty.addr()], Work::Trans) });
    assert!(
        text.contains("no master owns a slot in its view (CLUSTER SLOTS)") || text.contains("CLUSTERDOWN"),
        "{text}"
    );
}
