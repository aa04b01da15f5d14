//! Counts, held against the servers' own.

use std::time::Duration;

use firn::redis::bench::{Choice, Spec, Work};

use crate::kit::{local, run, run_with, short};
use crate::session::{self, Store};
use crate::support::redis::{Cluster, Redis, give};

#[test]
fn aborted_transactions_are_those_that_the_server_did_not_carry_out() {
    let server = Redis::start(&[]);
    server.cmd(&["SET", "mine", "1"]);
    server.cmd(&["SET", "firn-bench:other:k00000000", "1"]);
    let sets = server.calls("set");
    let spec = Spec { clients: 20, keys: 1, choice: Choice::Walk, ..short(&[server.addr()], Work::Trans) };
    let outcome = run(spec);
    let (exec, set) = (server.calls("exec"), server.calls("set") - sets);
    let all = &outcome.whole;
    // All contend for one key: the server carries a part of them out.
    assert_eq!((all.commits, all.aborts), (set, exec - set), "{outcome:?}");
    assert!(all.aborts > all.commits && all.commits > 0, "{outcome:?}");
    assert_eq!((all.failed, all.undecided, all.errors.len()), (0, 0, 0));
    assert_eq!((outcome.sent.exec, outcome.sent.watch), (exec, server.calls("watch")));
    assert_eq!((outcome.sent.multi, outcome.sent.set), (server.calls("multi"), exec));
    assert_eq!(all.trips, 5 * exec);
    // What is measured is all but what ended after the time was over.
    let late = all.attempts() - outcome.counts.attempts();
    assert!(late <= 20, "{late} of 20 clients");
    let times = outcome.transaction.unwrap();
    // Those that were under way then are in the times.
    assert_eq!(times.count, all.attempts());
    assert_eq!(outcome.committed.unwrap().count, outcome.counts.commits);
    assert_eq!(outcome.trip.unwrap().count, outcome.counts.trips + outcome.unanswered.count);
    assert!(outcome.unanswered.count <= 20 && outcome.unanswered.count <= late, "{:?}", outcome.unanswered);
    assert!(
        times.p50 <= times.p99
            && times.p99 <= times.p999
            && times.p999 <= times.max
            && times.p50 > outcome.trip.unwrap().p50
    );
    let names: Vec<&str> = outcome.steps.iter().map(|step| step.command).collect();
    assert_eq!(names, ["WATCH", "GET", "MULTI", "SET", "EXEC"]);
    // Its own keys are gone, and no others.
    assert_eq!((outcome.removed, outcome.left.len(), server.keys()), (1, 0, 2));
}

#[test]
fn get_and_set_are_as_many_and_each_is_on_the_server() {
    let server = Redis::start(&[]);
    let spec =
        Spec { warm_up: Duration::from_millis(300), value: 100_000, keys: 20, ..short(&[server.addr()], Work::GetSet) };
    let outcome = run(spec);
    let all = &outcome.whole;
    assert_eq!(outcome.sent.set, server.calls("set"));
    // One more asks whether the host answers, and 32 whether it is a node of a cluster.
    assert_eq!(outcome.sent.get, server.calls("get") - 33);
    assert_eq!(all.commits, outcome.sent.get + outcome.sent.set - 10, "greetings of 10 clients are no requests");
    assert!(all.commits > outcome.counts.commits, "the warm-up does not count");
    let (gets, sets) = (outcome.steps[0].trip.count, outcome.steps[1].trip.count);
    assert!(gets.abs_diff(sets) <= 10, "{gets} and {sets} come in turn");
    assert!(outcome.counts.misses < gets / 10 && outcome.transaction.is_none());
    let rate = outcome.counts.commits as f64 / outcome.span.as_secs_f64();
    assert!((rate - outcome.per_second).abs() < 1.0);
    assert_eq!((outcome.left.len(), server.keys()), (0, 0));
}

#[test]
fn the_same_seed_chooses_the_same_keys() {
    let server = Redis::start(&[]);
    let first = |seed| {
        server.cmd(&["FLUSHALL"]);
        let spec = Spec { clients: 1, keys: 1_000_000, seed: Some(seed), ..short(&[server.addr()], Work::GetSet) };
        let addr = server.port();
        let spec = Spec { span: Duration::from_millis(600), ..spec };
        let (tell, told) = std::sync::mpsc::channel();
        run_with(spec, move |_| {
            let all = crate::support::redis::Talk::at(addr).ask(&["KEYS", "*"]);
            let mut keys: Vec<String> = all
                .array()
                .unwrap()
                .iter()
                .map(|key| key.text().unwrap().rsplit(':').next().unwrap().to_owned())
                .collect();
            keys.sort();
            tell.send(keys).unwrap();
        })
        .unwrap();
        told.recv().unwrap()
    };
    let (one, same, other) = (first(7), first(7), first(8));
    // One run comes further than the other.
    let both = one.iter().filter(|key| same.contains(key)).count();
    assert!(both * 10 >= one.len().min(same.len()) * 9, "{both} of {} and {}", one.len(), same.len());
    assert!(other.iter().filter(|key| one.contains(key)).count() * 10 < other.len());
}

#[test]
fn clients_of_several_hosts_and_threads_are_counted_apart_and_together() {
    let servers = [Redis::start(&[]), Redis::start(&[])];
    let hosts = [servers[0].addr(), servers[1].addr()];
    let outcome = run(Spec { threads: Some(2), ..short(&hosts, Work::Trans) });
    assert_eq!((outcome.threads, outcome.hosts.len(), outcome.clients), (2, 2, 10));
    let sum: u64 = outcome.hosts.iter().map(|host| host.counts.commits).sum();
    assert_eq!(sum, outcome.counts.commits);
    let mut whole = 0;
    for (server, figures) in servers.iter().zip(&outcome.hosts) {
        let exec = server.calls("exec");
        assert!(figures.counts.attempts() <= exec && exec <= figures.counts.attempts() + 20, "{figures:?} of {exec}");
        let late = figures.attempt.unwrap().count - figures.counts.attempts();
        assert!(late <= 10 && figures.counts.attempts() + late == exec, "{figures:?} of {exec}");
        assert_eq!(server.keys(), 0);
        whole += exec;
    }
    assert_eq!(outcome.whole.attempts(), whole);
    assert!(outcome.busiest_thread.is_some_and(|busy| busy > 1.0 && busy < 110.0));
}

#[test]
fn a_session_of_dtm_redis_is_asked_what_it_knows() {
    let store = std::sync::Arc::new(Store::default());
    let hosts = [local(session::dtm(&store)), local(session::dtm(&store))];
    let outcome = run(Spec { keys: 2, choice: Choice::Walk, ..short(&hosts, Work::Trans) });
    assert_eq!(
        (outcome.whole.commits, outcome.whole.aborts),
        (*store.commits.lock().unwrap(), *store.aborts.lock().unwrap())
    );
    assert!(outcome.whole.aborts > 0 && outcome.whole.commits > 0, "{outcome:?}");
    assert!(outcome.whole.errors.is_empty(), "{:?}", outcome.whole.errors);
    let asked: Vec<String> = store.commands.lock().unwrap().iter().cloned().collect();
    assert_eq!(asked, ["DEL", "EXEC", "GET", "MULTI", "SET", "WATCH"]);
    assert_eq!((store.keys(), outcome.removed, outcome.left.len()), (0, 2, 0));
}

#[test]
fn all_masters_of_a_cluster_are_loaded_and_slots_are_followed() {
    let cluster = Cluster::bare(3);
    let spec = Spec { cluster: true, span: Duration::from_secs(2), ..short(&[cluster.nodes[1].addr()], Work::Trans) };
    let nodes: Vec<u16> = cluster.nodes.iter().map(|node| node.port()).collect();
    let ports = nodes.clone();
    let outcome = run_with(spec, move |_| give(ports[0], ports[1], 0..200)).unwrap();
    let ports: Vec<u16> = outcome.hosts.iter().map(|host| host.host.port()).collect();
    assert_eq!(ports, nodes);
    assert!(outcome.hosts.iter().all(|host| host.counts.commits > 0), "{outcome:?}");
    // 200 slots of 16,384 hold some 6 of 500 keys; each is moved once, and told to all.
    assert!(outcome.whole.moved > 0, "{outcome:?}");
    let executed: u64 = cluster.nodes.iter().map(|node| node.calls("exec")).sum();
    let refused = outcome.whole.failed;
    assert!(outcome.whole.attempts() >= executed && outcome.whole.attempts() - executed <= refused, "{outcome:?}");
    assert_eq!(cluster.nodes.iter().map(Redis::keys).sum::<u64>(), 0, "{:?}", outcome.left);
    assert!(outcome.removed <= 500 && outcome.removed > 400);
}
