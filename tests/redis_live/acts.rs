//! What an operator may have done.

use std::collections::BTreeMap;
use std::sync::Arc;

use firn::base::Clock;
use firn::redis::act::{Act, Slot, act};
use firn::redis::conn::Account;
use firn::redis::line::Line;
use firn::redis::moves::{keys_in_slots, moves};
use firn::redis::probe::Probe as _;
use firn::redis::slots::slot_of;
use firn::redis::trouble::Trouble;

use crate::kit::{account, secret};
use crate::support::redis::{Cluster, Redis};
use crate::support::waiting::{LONG, eventually};

fn line(node: &Redis) -> Line {
    Line::new(node.addr(), Arc::new(Account::default()), Clock::system())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_over_a_slot_is_made_stable_and_replicas_are_dropped() {
    let cluster = Cluster::start(2, 5_000);
    let (master, replica, other) = (&cluster.nodes[0], &cluster.nodes[2], &cluster.nodes[1]);
    // A slot that is open on one side alone.
    master.cmd(&["CLUSTER", "SETSLOT", "7", "MIGRATING", other.id().as_str()]);
    let probe = crate::kit::cluster_from(&cluster.addrs());
    probe.tick().await;
    let asked = probe.line(&master.addr()).unwrap();
    let tag = (0..1_000_000).find(|n| slot_of(n.to_string().as_bytes()) == 9).unwrap();
    for n in 0..3 {
        master.cmd(&["SET", &format!("{{{tag}}}{n}"), "x"]);
    }
    let keys = keys_in_slots(&asked, &[7, 9]).await.unwrap();
    assert_eq!(keys, BTreeMap::from([(7, 0), (9, 3)]));
    let why = moves(&asked).await.unwrap_err();
    assert!(
        matches!(&why, Trouble::Error(text) if text.starts_with("ERR unknown subcommand")),
        "redis 7.0 has none: {why}"
    );
    let open = || master.view().into_iter().flat_map(|line| line.open).count();
    assert_eq!(open(), 1);
    let done = act(&line(master), Act::Stable(Slot::new(7).unwrap())).await.unwrap();
    assert_eq!((done.as_str(), open()), ("slot 7 is stable at this node", 0));
    assert_eq!(Slot::new(16_384), None);

    let done = act(&line(master), Act::DropReplicas).await.unwrap();
    assert_eq!(done, "1 connections of replicas closed");
    cluster.settled();

    let said = act(&line(master), Act::Failover).await.unwrap_err().to_string();
    let expected =
        format!("{} is a master, and only a replica can take over; choose a replica of that shard", master.addr());
    assert_eq!(said, expected);
    let done = act(&line(replica), Act::Failover).await.unwrap();
    assert_eq!(done, "failover begun: the view of this node shows when it has taken over");
    eventually(LONG, "it has taken over", || (replica.info("role").as_deref() == Some("master")).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_look_may_not_act_and_what_was_not_answered_may_have_been_done() {
    let (node, dir) = (Redis::node(5_000), tempfile::tempdir().unwrap());
    node.cmd(&["ACL", "SETUSER", "eye", "on", ">pw", "-@all", "+info"]);
    let of = Arc::new(account(Some("eye"), secret(&dir, "pw")));
    let said = act(&Line::new(node.addr(), of, Clock::system()), Act::DropReplicas).await.unwrap_err().to_string();
    let begins = format!("{}: CLIENT KILL TYPE replica: the user may not do that: NOPERM ", node.addr());
    let ends = " has no permissions to run the 'client|kill' command; allow it as `firn redis acl` shows for acts";
    assert!(said.starts_with(&begins) && said.ends_with(ends), "{said}");
    node.freeze();
    let said = act(&line(&node), Act::Stable(Slot::new(1).unwrap())).await.unwrap_err().to_string();
    assert!(said.ends_with("it may have been done all the same: look at the cluster before you try again"), "{said}");
}
