//! What goes wrong while it runs, and what is left behind then.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use firn::base::Clock;
use firn::base::secret::SecretRef;
use firn::redis::bench::{Choice, Login, Spec, Work, words};

use crate::kit::{by_hand, run, run_with, short};
use crate::support::redis::{Cluster, Redis, Talk};
use crate::support::waiting::{LONG, eventually};

fn login(dir: &std::path::Path, user: &str, password: &str) -> Login {
    std::fs::write(dir.join("password"), password).unwrap();
    let password = SecretRef::parse("file:password", dir).unwrap().read().unwrap();
    Login { user: Some(user.to_owned()), password }
}

#[test]
fn errors_are_counted_by_their_code_as_the_server_counts_them() {
    let server = Redis::start(&["--maxmemory-policy", "noeviction"]);
    let port = server.port();
    let outcome = run_with(short(&[server.addr()], Work::Trans), move |_| {
        assert_eq!(Talk::at(port).ask(&["CONFIG", "SET", "maxmemory", "1"]).text().unwrap(), "OK");
    })
    .unwrap();
    let seen = &outcome.whole.errors["OOM"];
    assert_eq!(seen.count, server.counted("errorstat_OOM", "count"));
    assert!(seen.text.starts_with("OOM command not allowed"), "{seen:?}");
    // Those whose SET was queued by then.
    let aborted = outcome.whole.errors.get("EXECABORT").map_or(0, |seen| seen.count);
    assert_eq!(aborted, server.counted("errorstat_EXECABORT", "count"));
    assert!(aborted <= 10 && outcome.whole.failed == seen.count + aborted, "{outcome:?}");
    // What failed in the middle was taken back, so that what came after it was a transaction again.
    assert_eq!((outcome.sent.discard, server.calls("discard")), (seen.count, seen.count));
    assert_eq!(outcome.whole.commits + outcome.whole.aborts, server.calls("exec"));
    assert_eq!(server.keys(), 0);
}

#[test]
fn connections_that_are_closed_are_made_anew() {
    let server = Redis::start(&[]);
    let port = server.port();
    let outcome = run_with(Spec { span: Duration::from_secs(2), ..short(&[server.addr()], Work::Trans) }, move |_| {
        Talk::at(port).ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    })
    .unwrap();
    let all = &outcome.whole;
    assert_eq!((all.reconnects, all.failed + all.undecided), (10, 10), "{outcome:?}");
    assert_eq!(all.errors["connection lost"].count, 10);
    let later = words::lines(&outcome);
    assert!(later.contains(&"connections made anew: 10".to_owned()), "{later:#?}");
    assert!(all.commits > 100 && server.keys() == 0);
    assert!(all.attempts() >= server.calls("exec") && server.calls("exec") >= all.commits + all.aborts);
}

#[test]
fn a_run_that_is_stopped_removes_its_keys_and_says_how_long_it_was() {
    let server = Redis::start(&[]);
    let spec = Spec { span: Duration::from_mins(10), ..short(&[server.addr()], Work::GetSet) };
    let outcome = run_with(spec, |stop| stop.stop()).unwrap();
    assert!(outcome.stopped && outcome.span < Duration::from_mins(1) && outcome.per_second > 1.0, "{outcome:?}");
    assert!(outcome.removed > 0 && outcome.removed <= 500);
    assert_eq!((server.keys(), outcome.left.len()), (0, 0));
}

#[test]
fn keys_that_cannot_be_removed_are_named_with_the_command_that_removes_them() {
    let dir = tempfile::tempdir().unwrap();
    let server = Redis::start(&[]);
    server.cmd(&["SET", "mine", "1"]);
    server.cmd(&["ACL", "SETUSER", "bench", "on", ">secret", "~firn-bench:*", "+@all", "-del"]);
    for work in [Work::GetSet, Work::Transfer { accounts: 3 }] {
        let login = Some(login(dir.path(), "bench", "secret"));
        let spec = Spec { keys: 7, choice: Choice::Walk, login, ..short(&[server.addr()], work) };
        let outcome = run(spec);
        let keys = if work == Work::GetSet { 7 } else { 3 };
        let [left] = &outcome.left[..] else { panic!("{outcome:?}") };
        assert_eq!((outcome.removed, left.keys, server.keys()), (0, keys, keys + 1));
        assert!(left.why.contains("the user may not do that: NOPERM"), "{left:?}");
        assert!(words::lines(&outcome).iter().any(|line| line.contains(&left.command)), "{left:?}");
        assert!(left.command.contains("--user 'bench'") && !left.command.contains("secret"), "{left:?}");
        // When the user may, the command does it as it stands there; the password is typed.
        server.cmd(&["ACL", "SETUSER", "bench", "+del"]);
        assert_eq!(by_hand(&left.command, "secret\n").trim(), format!("{keys} 1"), "{}", left.command);
        assert_eq!(server.keys(), 1);
        server.cmd(&["ACL", "SETUSER", "bench", "-del"]);
    }
}

#[test]
fn a_server_that_dies_leaves_nobody_waiting() {
    let server = Redis::start(&[]);
    let (port, addr) = (server.port(), server.addr());
    let server = Arc::new(std::sync::Mutex::new(server));
    let dying = Arc::clone(&server);
    let outcome = run_with(short(&[addr], Work::Trans), move |_| dying.lock().unwrap().kill()).unwrap();
    let all = &outcome.whole;
    assert!(all.commits > 0 && all.errors["no connection"].count > 0, "{outcome:?}");
    assert_eq!(all.errors["no connection"].text, "connection refused");
    let [left] = &outcome.left[..] else { panic!("{outcome:?}") };
    assert_eq!((left.keys, left.why.as_str(), left.host.port()), (500, "connection refused", port));
}

/// Keys are removed at whoever owns them by then; and what is left is removed by way of a node that answers.
#[test]
fn keys_of_a_master_that_dies_are_removed_where_they_are_by_then() {
    let cluster = Cluster::start(3, 1_000);
    let (host, dead) = (cluster.nodes[1].addr(), cluster.nodes[0].addr());
    let cluster = Arc::new(Mutex::new(cluster));
    let nodes = Arc::clone(&cluster);
    let spec = Spec { cluster: true, span: Duration::from_mins(5), ..short(&[host], Work::GetSet) };
    let outcome = run_with(spec, move |stop| {
        let mut cluster = nodes.lock().unwrap();
        eventually(LONG, "its replica has keys", || (cluster.nodes[3].keys() > 50).then_some(()));
        cluster.nodes[0].kill();
        stop.stop();
    })
    .unwrap();
    assert!(outcome.removed > 200, "{outcome:?}");
    let cluster = cluster.lock().unwrap();
    // On a busy machine the cluster may take longer than keys are tried.
    for left in &outcome.left {
        assert!(!left.command.contains(&format!("-p {} ", dead.port())), "{left:?}");
        eventually(LONG, "another one has taken over", || {
            cluster.nodes[1].cmd(&["CLUSTER", "INFO"]).contains("cluster_state:ok").then_some(())
        });
        by_hand(&left.command, "");
    }
    for node in cluster.nodes.iter().filter(|node| node.addr() != dead) {
        eventually(LONG, "it is empty", || if node.keys() == 0 { Ok(()) } else { Err(node.keys()) });
    }
}

#[test]
fn a_server_that_hangs_is_given_up_in_time() {
    let server = Redis::start(&[]);
    let port = server.port();
    let patience = Duration::from_millis(300);
    let spec = Spec { patience, clients: 3, span: Duration::from_secs(2), ..short(&[server.addr()], Work::GetSet) };
    let outcome = run_with(spec, move |_| {
        // For a second it answers nobody.
        Talk::at(port).ask(&["DEBUG", "SLEEP", "1"]);
    })
    .unwrap();
    let silent = &outcome.whole.errors["no answer in time"];
    // What was given up took at least as long as it was waited for.
    assert!(outcome.trip.unwrap().max >= patience, "{outcome:?}");
    assert!(outcome.hosts[0].attempt.unwrap().max >= patience && outcome.transaction.is_none(), "{outcome:?}");
    assert!(silent.count >= 3 && silent.text.contains("does not answer within 300 ms"), "{outcome:?}");
    assert_eq!((server.keys(), outcome.left.len()), (0, 0));
}

#[test]
fn a_server_that_stands_still_until_the_end_is_seen_in_the_times() {
    let stood = Duration::from_secs(2);
    for work in [Work::GetSet, Work::Trans] {
        let server = Arc::new(Redis::start(&[]));
        let standing = Arc::clone(&server);
        let outcome = run_with(short(&[server.addr()], work), move |_| {
            standing.freeze();
            Clock::system().pause(stood);
            standing.thaw();
        })
        .unwrap();
        let seen = outcome.unanswered;
        assert!(seen.count == 10 && seen.oldest >= stood, "{outcome:?}");
        assert!(outcome.trip.unwrap().max >= stood && outcome.hosts[0].attempt.unwrap().max >= stood, "{outcome:?}");
        if work == Work::Trans {
            assert!(outcome.transaction.unwrap().max >= stood && outcome.committed.unwrap().max < stood, "{outcome:?}");
        }
        let lines = words::lines(&outcome);
        let begin = "10 requests were unanswered at the end, the oldest for ";
        assert!(lines.iter().any(|line| line.starts_with(begin)), "{lines:#?}");
        assert_eq!((server.keys(), outcome.left.len()), (0, 0));
    }
}

#[test]
fn accounts_that_cannot_be_written_are_told_and_none_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let servers = [Redis::start(&[]), Redis::start(&[])];
    for (server, may) in servers.iter().zip(["+@all", "+@all -@write +del"]) {
        server.cmd(
            &[&["ACL", "SETUSER", "bench", "on", ">secret", "~*"], &may.split(' ').collect::<Vec<_>>()[..]].concat(),
        );
    }
    let hosts = [servers[0].addr(), servers[1].addr()];
    let login = Some(login(dir.path(), "bench", "secret"));
    let spec = Spec { login, ..short(&hosts, Work::Transfer { accounts: 3 }) };
    let text = crate::kit::refused(spec);
    assert!(text.contains("the user may not do that: NOPERM") && text.contains("'set'"), "{text}");
    assert!(servers[0].calls("set") > 3, "its accounts had been written");
    assert_eq!((servers[0].keys(), servers[1].keys()), (0, 0));
}
