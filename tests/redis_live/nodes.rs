//! Real nodes by themselves: who lets nobody in, who is full, blocked, loading, or cannot save.

use std::time::Duration;

use firn::base::Clock;
use firn::redis::addr::NodeAddr;
use firn::redis::conn::Account;
use firn::redis::look::Answer;
use firn::redis::probe::{NetProbe, Probe as _, Settings, Topology};
use firn::redis::trouble::{Says, Trouble};

use crate::kit::{account, alone, probe, secret, settings, trouble};
use crate::support::redis::{Redis, Talk, free_port};
use crate::support::waiting::{LONG, eventually, in_time};

fn logins(node: &Redis) -> u64 {
    node.info("total_connections_received").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_that_are_wanted_wrong_right_or_not_to_be_had() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Redis::start(&["--requirepass", "open sesame"]);
    node.login(&["open sesame"]);
    let addr = node.addr();
    assert_eq!(trouble(&alone(&addr, Account::default()).await), Trouble::NoAuth);
    let wrong = secret(&dir, "sesame");
    for user in [None, Some("default"), Some("nobody")] {
        let why = trouble(&alone(&addr, account(user, wrong.clone())).await);
        assert_eq!(why, Trouble::WrongPass, "{user:?}");
        assert_eq!((why.says(), why.to_string().as_str()), (Says::Blind, "does not take this user and password"));
    }
    let right = secret(&dir, "open sesame");
    for user in [None, Some("default")] {
        assert!(alone(&addr, account(user, right.clone())).await.info().is_some(), "{user:?}");
    }
    let gone = account(None, firn::base::secret::SecretRef::File(dir.path().join("gone")));
    let why = trouble(&alone(&addr, gone).await);
    assert!(why.to_string().starts_with("firn cannot ask: cannot read the secret file"), "{why}");
    assert_eq!(why.says(), Says::Blind);
    // A node without a password, asked with one.
    let open = Redis::start(&[]);
    assert_eq!(trouble(&alone(&open.addr(), account(None, right.clone())).await), Trouble::NoPassword);
    assert!(alone(&open.addr(), account(Some("default"), right)).await.info().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lets_nobody_in_is_not_asked_each_tick_and_what_it_said_stands() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Redis::start(&["--requirepass", "right"]);
    node.login(&["right"]);
    let (clock, hand) = Clock::manual(firn::base::Time::from_secs(100));
    let settings = Settings { account: account(None, secret(&dir, "wrong")), ..settings() };
    let probe = NetProbe::new(Topology::Nodes { nodes: vec![node.addr()] }, settings, clock);
    let mut tries = Vec::new();
    for _ in 0..36 {
        let before = logins(&node);
        let looks = probe.tick().await;
        assert_eq!(looks.iter().map(trouble).collect::<Vec<_>>(), [Trouble::WrongPass], "it is told in every tick");
        // The test's own connections come on top.
        tries.push(logins(&node) - before - 1);
        hand.advance(Duration::from_secs(1));
    }
    let tries: u64 = tries.iter().sum();
    assert!((5..=8).contains(&tries), "after 2, 4, 8 and then each 10 seconds, a quarter more or less: {tries}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_see_info_alone_sees_that() {
    let dir = tempfile::tempdir().unwrap();
    let node = Redis::node(5_000);
    node.cmd(&["ACL", "SETUSER", "half", "on", ">pw", "-@all", "+info", "+ping"]);
    let settings = Settings { account: account(Some("half"), secret(&dir, "pw")), ..settings() };
    let seeds = vec![node.addr()];
    let probe = NetProbe::new(Topology::Cluster { seeds }, settings, Clock::system());
    let looks = probe.tick().await;
    let Answer::Came(reply) = &looks[0].answer else { panic!("{looks:?}") };
    assert!(reply.info.is_ok());
    let why = reply.nodes.clone().unwrap_err();
    let text = why.to_string();
    assert!(text.starts_with("the user may not do that: NOPERM "), "{text}");
    assert!(text.ends_with(" has no permissions to run the 'cluster|nodes' command"), "{text}");
    assert_eq!((why.says(), reply.cluster.clone().unwrap_err().says()), (Says::Blind, Says::Blind));
    // And one who may see nothing at all.
    node.cmd(&["ACL", "SETUSER", "half", "-info"]);
    let looks = probe.tick().await;
    assert!(matches!(trouble(&looks[0]), Trouble::NoPerm(_)), "{looks:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_no_node_of_a_cluster_says_so_and_the_rest_is_seen() {
    let node = Redis::start(&[]);
    let looks = probe(Topology::Cluster { seeds: vec![node.addr()] }).tick().await;
    let reply = looks[0].reply().unwrap();
    assert_eq!(reply.info.as_ref().unwrap().is_cluster(), Some(false));
    assert_eq!((reply.nodes.clone(), reply.cluster.clone()), (Err(Trouble::NoCluster), Err(Trouble::NoCluster)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_node_lets_nobody_in_and_goes_on_answering_who_is_in() {
    let node = Redis::start(&["--maxclients", "4"]);
    let inside = probe(Topology::Nodes { nodes: vec![node.addr()] });
    assert!(inside.tick().await[0].info().is_some());
    let mut others: Vec<Talk> = (0..3).map(|_| Talk::to(&node)).collect();
    assert!(others[0].ask(&["PING"]).text().is_some());
    let why = trouble(&alone(&node.addr(), Account::default()).await);
    assert_eq!(why.to_string(), "takes no more clients: ERR max number of clients reached");
    assert_eq!(why.says(), Says::Full);
    let looks = inside.tick().await;
    assert_eq!(looks[0].info().unwrap().number("connected_clients"), Some(4));
    assert!(looks[0].info().unwrap().number("rejected_connections") >= Some(1));
    drop(others);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_blocked_by_a_script_says_so_and_is_seen_again_after_it() {
    let node = Redis::node(5_000);
    node.cmd(&["CONFIG", "SET", "busy-reply-threshold", "50"]);
    let probe = probe(Topology::Cluster { seeds: vec![node.addr()] });
    assert!(probe.tick().await[0].info().is_some());
    let mut script = Talk::to(&node);
    script.send(&["EVAL", "while true do end", "0"]);
    let why = in_time(LONG, "it says that it is blocked", async || {
        let looks = probe.tick().await;
        matches!(&looks[0].answer, Answer::Failed(Trouble::Busy(_))).then(|| trouble(&looks[0]))
    })
    .await;
    let text = why.to_string();
    assert!(text.starts_with("is blocked by a script or a function: BUSY "), "{text}");
    assert!(text.contains(" is busy running a script."), "{text}");
    assert_eq!(why.says(), Says::Busy);
    // A new connection is told the same.
    assert!(matches!(trouble(&alone(&node.addr(), Account::default()).await), Trouble::Busy(_)));
    assert_eq!(node.cmd(&["SCRIPT", "KILL"]), "OK");
    in_time(LONG, "it answers", async || probe.tick().await[0].info().map(drop)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_loads_its_data_says_so() {
    let mut node = Redis::node(5_000);
    node.cmd(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    eventually(LONG, "it serves", || node.cmd(&["CLUSTER", "INFO"]).contains("state:ok").then_some(()));
    node.cmd(&["DEBUG", "POPULATE", "2000", "k", "1000"]);
    node.cmd(&["SAVE"]);
    // Slow as a large dataset is: a millisecond each 100 bytes or so, and clients are served in between.
    node.also(&["--key-load-delay", "3000", "--loading-process-events-interval-bytes", "1024"]);
    node.restart();
    let probe = probe(Topology::Cluster { seeds: vec![node.addr()] });
    let (reply, info) = in_time(LONG, "it says that it loads", async || {
        let looks = probe.tick().await;
        let reply = looks[0].reply()?;
        let info = reply.info.clone().ok().filter(|info| info.flag("loading") == Some(true))?;
        Some((reply.clone(), info))
    })
    .await;
    // Valkey 8.1 and later tell both all the same.
    if info.get("server_name") != Some("valkey") {
        assert_eq!((reply.nodes, reply.cluster), (Err(Trouble::Loading), Err(Trouble::Loading)));
    }
    assert_eq!(Trouble::Loading.says(), Says::Loading);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_save_is_seen_whole_with_its_errors_counted() {
    let node = Redis::start(&[]);
    node.cmd(&["SET", "a", "b"]);
    node.cmd(&["CONFIG", "SET", "save", "3600 1"]);
    let dump = node.dir().join("dump.rdb");
    std::fs::create_dir(&dump).unwrap();
    std::fs::write(dump.join("x"), "").unwrap();
    node.cmd(&["BGSAVE"]);
    eventually(LONG, "the save has failed", || {
        (node.info("rdb_last_bgsave_status").as_deref() == Some("err")).then_some(())
    });
    let refused = node.raw(&["SET", "a", "c"]).error().unwrap();
    assert!(refused.starts_with("MISCONF "), "{refused}");
    let look = alone(&node.addr(), Account::default()).await;
    let info = look.info().unwrap();
    assert_eq!(
        (info.get("rdb_last_bgsave_status"), info.errors("MISCONF"), info.keys()),
        (Some("err"), Some(1), Some(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_closed_meanwhile_is_made_anew_within_the_tick() {
    let mut node = Redis::start(&[]);
    let probe = probe(Topology::Nodes { nodes: vec![node.addr()] });
    probe.tick().await;
    for _ in 0..3 {
        node.cmd(&["CLIENT", "KILL", "TYPE", "normal"]);
        let looks = probe.tick().await;
        assert!(looks[0].info().is_some(), "{looks:?}");
    }
    let before = node.info("run_id").unwrap();
    node.restart();
    let looks = probe.tick().await;
    assert_ne!(looks[0].info().unwrap().get("run_id"), Some(before.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_by_its_ipv6_address() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("not tested here: there is no IPv6");
        return;
    }
    let mut node = Redis::start(&["--bind", "127.0.0.1 ::1"]);
    let addr = NodeAddr::parse(&format!("[::1]:{}", node.port()), 6379).unwrap();
    let look = alone(&addr, Account::default()).await;
    assert_eq!((look.addr.to_string(), look.info().is_some()), (format!("[::1]:{}", node.port()), true));
    node.kill();
    assert_eq!(trouble(&alone(&addr, Account::default()).await), Trouble::Refused);
    assert_ne!(free_port(), 0);
}
