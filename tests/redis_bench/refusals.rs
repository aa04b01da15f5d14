//! What is refused before anything is loaded, and in which words.

use std::sync::Arc;
use std::time::Duration;

use firn::redis::bench::{Spec, Work};

use crate::kit::{local, refused, run, short};
use crate::server::{Cluster, Redis, free_port};
use crate::session;

#[test]
fn production_is_not_loaded_unless_told() {
    let server = Redis::start(&[]);
    let port = server.port();
    let spec = Spec {
        production: Arc::new(move |addr| (addr.port() == port).then(|| "cluster \"shop\"".to_owned())),
        ..short(&[server.addr()], Work::GetSet)
    };
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
    let cluster = Cluster::start(2);
    let port = cluster.nodes[1].port();
    let spec = Spec {
        cluster: true,
        production: Arc::new(move |addr| (addr.port() == port).then(|| "it".to_owned())),
        ..short(&[cluster.nodes[0].addr()], Work::GetSet)
    };
    assert!(refused(spec).starts_with(&format!("127.0.0.1:{port} is marked production")));
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
}

#[test]
fn a_cluster_is_loaded_as_one() {
    let cluster = Cluster::start(2);
    let node = cluster.nodes[0].addr();
    let text = refused(short(std::slice::from_ref(&node), Work::Trans));
    // Half of all keys are on the other one.
    if text.contains("--cluster") {
        assert_eq!(text, format!("{node} is a node of a cluster, where a key is at one of many nodes; say --cluster"));
    } else {
        panic!("{text}");
    }
    let alone = Redis::start(&[]);
    let text = refused(Spec { cluster: true, ..short(&[alone.addr()], Work::Trans) });
    assert!(text.contains("is no node of a cluster (cluster support is disabled)"), "{text}");
    let empty = Redis::node();
    let text = refused(Spec { cluster: true, ..short(&[empty.addr()], Work::Trans) });
    assert!(
        text.contains("no master owns a slot in its view (CLUSTER SLOTS)") || text.contains("CLUSTERDOWN"),
        "{text}"
    );
}
