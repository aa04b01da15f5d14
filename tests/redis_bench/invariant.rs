//! The invariant check: silent where transactions hold, and loud where they do not.

use std::sync::{Arc, Mutex};

use firn::redis::bench::{Choice, Spec, Work, words};

use crate::kit::{local, masters, run, run_with, short};
use crate::session::{self, Store};
use crate::support::redis::{Redis, Talk};

/// Few accounts: every second transfer meets another one.
const FEW: Work = Work::Transfer { accounts: 5 };

#[test]
fn a_server_that_keeps_its_promise_holds() {
    let server = Redis::start(&[]);
    let before = server.calls("set");
    let outcome = run(short(&[server.addr()], FEW));
    let verdict = outcome.invariant.as_ref().unwrap();
    assert!(verdict.holds(), "{verdict:?}");
    assert_eq!((verdict.accounts, verdict.sum_found), (5, Some(5000)));
    assert!(outcome.whole.aborts > 0, "they contend: {outcome:?}");
    // Two of each transfer, and five at the beginning.
    assert_eq!(server.calls("set") - before, 2 * verdict.transfers + 5);
    assert_eq!(verdict.transfers, outcome.whole.commits);
    assert_eq!((server.keys(), outcome.removed), (0, 5));
    assert!(words::lines(&outcome).iter().any(|line| line.starts_with("invariant holds: 5 accounts, ")));
}

#[test]
fn transactions_that_watch_nothing_lose_updates_and_they_are_named() {
    let server = Redis::start(&[]);
    let outcome = run(short(&[local(session::forgetful(server.port()))], FEW));
    let verdict = outcome.invariant.as_ref().unwrap();
    assert!(!verdict.holds() && verdict.lost_updates > 0, "{verdict:?}");
    // Nothing is watched, so nothing is aborted: by its commits alone such a server is the faster one.
    assert_eq!((outcome.whole.aborts, outcome.whole.failed), (0, 0));
    let lost = &verdict.lost[0];
    assert!(lost.key.starts_with(&outcome.prefix) && lost.change > 0 && lost.client < 10, "{lost:?}");
    assert!(verdict.wrong_accounts > 0 && verdict.wrong[0].changes.unwrap() < verdict.wrong[0].commits);
    let lines = words::lines(&outcome);
    assert!(lines.iter().any(|line| line.starts_with("INVARIANT BROKEN: 5 accounts, ")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("was committed twice")), "{lines:#?}");
}

/// One client that reads an account, waits until others have changed it, and writes what it made of what it read.
#[test]
fn one_write_without_watch_is_caught() {
    let server = Redis::start(&[]);
    let port = server.port();
    let outcome = run_with(short(&[server.addr()], Work::Transfer { accounts: 20 }), move |_| {
        let mut talk = Talk::at(port);
        let keys = talk.ask(&["KEYS", "firn-bench:*"]);
        let key = keys.array().unwrap()[0].text().unwrap();
        let read = talk.ask(&["GET", &key]).text().unwrap();
        let (balance, changes) = read.split_once(' ').unwrap();
        let others = |talk: &mut Talk| {
            let now: u64 = talk.ask(&["GET", &key]).text().unwrap().split_once(' ').unwrap().1.parse().unwrap();
            (now > changes.parse::<u64>().unwrap() + 3).then_some(())
        };
        crate::support::waiting::eventually(crate::support::waiting::LONG, "others change it", || others(&mut talk));
        let value = format!("{balance} {}", changes.parse::<u64>().unwrap() + 1);
        assert_eq!(talk.ask(&["SET", &key, &value]).text().unwrap(), "OK");
    })
    .unwrap();
    let verdict = outcome.invariant.as_ref().unwrap();
    assert!(!verdict.holds() && verdict.lost_updates >= 3, "{verdict:?}");
    assert_eq!(verdict.wrong_accounts, 1, "{verdict:?}");
    assert!(verdict.lost.iter().all(|lost| lost.key == verdict.wrong[0].key), "{verdict:?}");
}

#[test]
fn answers_that_are_lost_leave_nothing_undecided() {
    let server = Redis::start(&[]);
    let cuts = Arc::new(Mutex::new(0));
    let port = session::cutting(server.port(), &cuts);
    let outcome = run_with(short(&[local(port)], FEW), move |_| *cuts.lock().unwrap() = 9).unwrap();
    let verdict = outcome.invariant.as_ref().unwrap();
    assert!(verdict.holds(), "{verdict:?}");
    assert_eq!((outcome.whole.undecided, outcome.whole.reconnects), (9, 9), "{outcome:?}");
    assert!(verdict.settled > 0, "what the server had carried out counts: {verdict:?}");
    assert_eq!(verdict.transfers, outcome.whole.commits + verdict.settled);
}

#[test]
fn what_is_emptied_meanwhile_is_not_well() {
    let server = Redis::start(&[]);
    let port = server.port();
    let outcome = run_with(short(&[server.addr()], FEW), move |_| {
        assert_eq!(Talk::at(port).ask(&["FLUSHALL"]).text().unwrap(), "OK");
    });
    let outcome = outcome.unwrap();
    let verdict = outcome.invariant.as_ref().unwrap();
    assert!(!verdict.holds() && verdict.sum_found.is_none() && verdict.wrong_accounts > 0, "{verdict:?}");
    assert!(outcome.whole.errors["odd answer"].text.contains("an account is gone"), "{:?}", outcome.whole.errors);
}

#[test]
fn sessions_of_one_store_share_their_accounts() {
    let store = Arc::new(Store::default());
    let hosts = [local(session::dtm(&store)), local(session::dtm(&store))];
    let outcome = run(Spec { choice: Choice::Walk, ..short(&hosts, FEW) });
    let verdict = outcome.invariant.as_ref().unwrap();
    assert!(verdict.holds() && verdict.accounts == 5, "{verdict:?}");
    assert!(outcome.whole.aborts > 0 && outcome.whole.errors.is_empty(), "{outcome:?}");
    // Hosts with a store each have accounts of their own.
    let servers = [Redis::start(&[]), Redis::start(&[])];
    let outcome = run(short(&[servers[0].addr(), servers[1].addr()], FEW));
    let verdict = outcome.invariant.as_ref().unwrap();
    assert!(verdict.holds() && verdict.accounts == 10, "{verdict:?}");
    assert_eq!(servers[0].keys() + servers[1].keys(), 0);
}

#[test]
fn a_cluster_transfers_on_every_master() {
    let cluster = masters();
    let outcome = run(Spec { cluster: true, ..short(&[cluster.nodes[0].addr()], FEW) });
    let verdict = outcome.invariant.as_ref().unwrap();
    assert!(verdict.holds() && verdict.accounts == 15, "{verdict:?}");
    assert!(outcome.hosts.iter().all(|host| host.counts.commits > 0), "{outcome:?}");
    assert_eq!(cluster.nodes.iter().map(Redis::keys).sum::<u64>(), 0);
}
