//! A real cluster: found from one seed, nodes that die, hang, and change who they are.

use std::collections::BTreeSet;
use std::time::Duration;

use firn::base::Clock;
use firn::redis::addr::NodeAddr;
use firn::redis::conn::Batch;
use firn::redis::look::Answer;
use firn::redis::nodes::Flag;
use firn::redis::probe::{Probe as _, VIEW_AGE};
use firn::redis::trouble::{Says, Trouble};

use crate::kit::{cluster_from, of, trouble};
use crate::support::redis::{Cluster, shared};
use crate::support::waiting::{LONG, in_time};

/// How often the server sees somebody who calls itself firn.
fn firns(clients: &str) -> usize {
    clients.lines().filter(|line| line.contains(" name=firn ")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_are_found_from_one_seed_in_the_first_tick_and_told_by_the_address_the_others_see() {
    let cluster = shared();
    // The seed by a name, the others by what its view says.
    let seed = NodeAddr::new("localhost", cluster.nodes[4].port()).unwrap();
    let probe = cluster_from(&[seed]);
    for _ in 0..2 {
        let looks = probe.tick().await;
        assert_eq!(looks.iter().map(|look| look.addr.clone()).collect::<Vec<_>>(), cluster.addrs());
        for look in &looks {
            let view = look.view().unwrap_or_else(|| panic!("{look:?}"));
            assert_eq!(view.len(), 6);
            assert!(look.took.is_some_and(|took| took > Duration::ZERO));
            let info = look.info().unwrap();
            assert_eq!(info.is_cluster(), Some(true));
            assert_eq!(info.number("tcp_port"), Some(u64::from(look.addr.port())));
            assert_eq!(look.cluster().unwrap().get("cluster_state"), Some("ok"));
        }
        let owned: u32 = looks[0].view().unwrap().iter().map(|line| line.slots.count()).sum();
        assert_eq!((owned, probe.is_urgent()), (16_384, false));
    }
    let told = NodeAddr::new("127.0.0.1", cluster.nodes[4].port()).unwrap();
    assert!(probe.line(&told).is_some(), "its panels are asked at the seed's name");
    assert!(probe.line(&NodeAddr::new("10.9.9.9", 1).unwrap()).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_seeds_of_one_node_are_one_node() {
    let cluster = shared();
    let port = cluster.nodes[0].port();
    let seeds = ["localhost", "127.0.0.1", "127.1"].map(|host| NodeAddr::new(host, port).unwrap());
    let probe = cluster_from(&seeds);
    for _ in 0..3 {
        let looks = probe.tick().await;
        assert_eq!(looks.iter().map(|look| look.addr.clone()).collect::<Vec<_>>(), cluster.addrs());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_master_is_refused_within_a_tick_and_a_hung_node_keeps_nobody_waiting() {
    let mut cluster = Cluster::start(3, 5_000);
    let (addrs, clock) = (cluster.addrs(), Clock::system());
    let probe = cluster_from(&addrs[..1]);
    probe.tick().await;
    probe.tick().await;
    for node in &cluster.nodes {
        assert_eq!(firns(&node.cmd(&["CLIENT", "LIST"])), 1, "one connection a node");
        assert_eq!(node.info("errorstat_NOPERM"), None);
    }

    // SIGSTOP: the kernel takes connections, nobody answers.
    let hung = cluster.nodes[5].addr();
    cluster.nodes[5].freeze();
    let began = clock.mono();
    let looks = probe.tick().await;
    let took = clock.mono().since(began);
    let why = trouble(of(&looks, &hung));
    assert_eq!(why.to_string(), "takes connections and does not answer within 1 s");
    assert_eq!(why.says(), Says::Hung);
    assert!(took >= Duration::from_secs(1) && took < Duration::from_millis(1_900), "{took:?}");
    let others = looks.iter().filter(|look| look.addr != hung);
    assert_eq!(others.clone().filter(|look| look.view().is_some()).count(), 5);
    assert!(others.clone().all(|look| look.took.unwrap() < Duration::from_millis(900)), "{looks:?}");
    assert!(probe.is_urgent());
    // What it answers late is nobody's: the answers after that are those to the questions after that.
    probe.tick().await;
    cluster.nodes[5].thaw();
    let looks = in_time(LONG, "it answers again", async || {
        let looks = probe.tick().await;
        of(&looks, &hung).reply().is_some().then_some(looks)
    })
    .await;
    let look = of(&looks, &hung);
    assert_eq!(look.view().unwrap().iter().find(|line| line.is(Flag::Myself)).unwrap().addr.as_ref(), Some(&hung));
    assert_eq!(look.info().unwrap().number("tcp_port"), Some(u64::from(hung.port())));
    assert_eq!(firns(&cluster.nodes[5].cmd(&["CLIENT", "LIST"])), 1, "those of before are closed");
    cluster.settled();

    // SIGKILL: seen in the next tick, seconds before the cluster knows.
    let dead = cluster.nodes[0].addr();
    probe.tick().await;
    assert!(!probe.is_cut(), "nobody has closed anything");
    cluster.nodes[0].kill();
    in_time(LONG, "its connection is closed", async || probe.is_cut().then_some(())).await;
    // Who asks for something else meanwhile takes nothing away from it.
    let asked = probe.line(&dead).unwrap().ask(&Batch::of(&[&["PING"]])).await;
    assert_eq!((asked.err(), probe.is_cut()), (Some(Trouble::Refused), true));
    let looks = probe.tick().await;
    assert!(!probe.is_cut(), "it has been asked since");
    assert_eq!(trouble(of(&looks, &dead)), Trouble::Refused);
    assert_eq!(trouble(of(&looks, &dead)).says(), Says::Down);
    assert_eq!(looks.iter().filter(|look| look.reply().is_some()).count(), 5);
    assert!(probe.is_urgent());
    for look in looks.iter().filter(|look| look.addr != dead) {
        let flagged = look.view().unwrap().iter().any(|line| line.is(Flag::Fail) || line.is(Flag::PFail));
        assert!(!flagged, "{} knows already", look.addr);
    }
    // In the end its replica is a master, and the seed, which is gone, is not missed.
    in_time(LONG, "its replica takes over", async || {
        let looks = probe.tick().await;
        assert_eq!(looks.len(), 6);
        let replica = of(&looks, &cluster.nodes[3].addr());
        (replica.info()?.get("role") == Some("master")).then_some(())
    })
    .await;
    assert!(!probe.is_urgent(), "it is known by now that it is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_becomes_another_is_told_where_it_was() {
    let cluster = Cluster::start(1, 5_000);
    let probe = cluster_from(&cluster.addrs());
    let of_replica = cluster.nodes[1].addr();
    let myself = async || {
        let looks = probe.tick().await;
        let view = of(&looks, &of_replica).view().unwrap().to_vec();
        view.into_iter().find(|line| line.is(Flag::Myself)).unwrap().id
    };
    let before = myself().await;
    assert_eq!(before, cluster.nodes[1].id());
    cluster.nodes[1].cmd(&["CLUSTER", "RESET", "HARD"]);
    let after = myself().await;
    assert_eq!(after, cluster.nodes[1].id());
    assert_ne!(before, after);
}

/// A node of another cluster brings that one in where it is named as a seed, and not by having been of this one.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_gone_over_to_another_cluster_does_not_bring_that_in() {
    let (mine, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| Cluster::start(1, 5_000));
        (Cluster::start(1, 5_000), other.join().unwrap())
    });
    let probe = cluster_from(&[mine.nodes[0].addr()]);
    let gone = mine.nodes[1].addr();
    assert_eq!(probe.tick().await.len(), 2);
    mine.nodes[1].cmd(&["CLUSTER", "RESET", "SOFT"]);
    mine.nodes[0].cmd(&["CLUSTER", "FORGET", mine.nodes[1].id().as_str()]);
    let to = other.nodes[0].id();
    // The other cluster is met and joined as a replica.
    let port = other.nodes[0].port().to_string();
    let bus = other.nodes[0].cmd(&["CONFIG", "GET", "cluster-port"]);
    let bus: String = bus.chars().filter(char::is_ascii_digit).collect();
    mine.nodes[1].cmd(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
    in_time(LONG, "it is of the other cluster", async || {
        let looks = probe.tick().await;
        let seen: BTreeSet<&NodeAddr> = looks.iter().map(|look| &look.addr).collect();
        assert!(!seen.contains(&other.nodes[0].addr()) && !seen.contains(&other.nodes[1].addr()), "{seen:?}");
        assert!(seen.contains(&gone), "it is still looked at while it answers");
        of(&looks, &gone).view()?.iter().any(|line| line.id == to && !line.is(Flag::Handshake)).then_some(())
    })
    .await;
    let looks = probe.tick().await;
    assert_eq!(looks.len(), 2, "{looks:?}");
    let both = cluster_from(&[mine.nodes[0].addr(), gone]);
    assert!(both.tick().await.len() >= 4, "a seed is what the operator says it is");
    assert!(VIEW_AGE < Duration::from_secs(20));
    assert!(looks.iter().all(|look| matches!(look.answer, Answer::Came(_))));
}
