//! Streams of looks at what nodes hold and are asked for, and at nodes that are no cluster.

use std::time::Duration;

use firn::base::Severity::{Critical, Ok, Unknown, Warning};
use firn::redis::addr::NodeAddr;
use firn::redis::aside::{Aside, Slow, Spike};
use firn::redis::limits::Kind;
use firn::redis::sentinel::{SentinelLook, Watched};
use firn::redis::settings::Settings;
use firn::redis::trouble::Trouble;

use super::world::{Play, World, at};

/// A counter that grows by so much a second from a second on.
pub fn grows(second: i64, from: i64, by: i64) -> i64 {
    (second - from).max(0) * by
}

/// Memory, disk, errors.
pub fn load() -> Vec<Play> {
    vec![
        Play::new("memory")
            .run(0, 20, |world, second| {
                world.node(7001).set("used_memory", 4_000_000_001_u64);
                world.node(7002).set("used_memory", 3_800_000_000_u64);
                // One burst of errors, in one tick.
                world.node(7003).set("errorstat_OOM", format!("count={}", if second >= 10 { 52 } else { 0 }));
                world.node(7004).set("maxmemory", 0);
                world.node(7004).set("used_memory", 13_500_000_000_u64);
                let node = world.node(7005);
                node.set("used_memory", 4_000_000_001_u64);
                node.set("mem_fragmentation_ratio", "1.80");
                let node = world.node(7006);
                node.set("mem_fragmentation_ratio", "0.50");
            })
            .says(8, "E1", Critical, "memory full, writes are refused: 4.0 GB of 4.0 GB (noeviction)")
            .says(8, "E1", Warning, "10.0.0.3:7005, replica of 10.0.0.2:7002: memory 100 % full: 4.0 GB of 4.0 GB (noeviction); as a master it would refuse writes")
            .says(8, "E1", Warning, "memory 95 % full: 3.8 GB of 4.0 GB (noeviction)")
            .says(12, "E1", Critical, "10.0.0.3:7003, master of 10923-16383 (33 %): writes refused: 52 OOM in 4 s")
            .says(8, "E3", Warning, "10.0.0.2:7004: no memory limit, 84 % of the machine")
            .says(8, "E4", Warning, "10.0.0.3:7005: fragmentation 1.80: 200.0 MB wasted")
            .says(8, "E4", Critical, "10.0.0.1:7006: probably swapped out"),
        Play::new("evictions")
            .run(0, 8, |world, second| world.node(7001).set("evicted_keys", grows(second, 0, 3100)))
            .says(8, "E2", Warning, "10.0.0.1:7001: evicting 3,100 keys/s"),
        Play::new("evictions of a cache")
            .limits(|limits| limits.cache = true)
            .run(0, 8, |world, second| world.node(7001).set("evicted_keys", grows(second, 0, 3100)))
            .silent(8, "E2"),
        Play::new("a counter that falls tells nothing")
            .run(0, 3, |world, _| world.node(7001).set("evicted_keys", 5_000_000))
            .run(4, 12, |world, _| world.node(7001).set("evicted_keys", 3))
            .silent(6, "E2")
            .silent(12, "E2"),
        Play::new("saving")
            .limits(|limits| limits.save_age = Some(Duration::from_hours(1)))
            .run(0, 8, |world, second| {
                world.node(7001).set("rdb_last_bgsave_status", "err");
                tells(world, 7001, second, Some(true), Some(true));
                world.node(7002).set("aof_last_write_status", "err");
                world.node(7003).set("errorstat_MISCONF", format!("count={}", second * 5));
                world.node(7003).set("rdb_last_bgsave_status", "err");
                world.node(7004).set("aof_last_bgrewrite_status", "err");
                world.node(7005).set("rdb_last_save_time", at(second - 8000).as_micros() / 1_000_000);
                world.node(7006).set("latest_fork_usec", 2_300_000);
                world.node(7004).set("rdb_last_bgsave_status", "err");
            })
            .says(8, "E5", Critical, "10.0.0.1:7001, master of 0-5460 (33 %): cannot save to disk: writes are refused (MISCONF)")
            .says(8, "E5", Critical, "10.0.0.2:7002, master of 5461-10922 (33 %): cannot write its append-only file: writes refused (MISCONF)")
            .says(8, "E5", Critical, "20 writes refused (MISCONF) in 4 s")
            .says(8, "E5", Warning, "10.0.0.2:7004, replica of 10.0.0.1:7001: cannot save to disk: it is a replica and takes no writes, but would not as a master")
            .says(8, "E6", Warning, "10.0.0.2:7004: the last rewrite of its append-only file failed")
            .says(8, "E6", Warning, "10.0.0.3:7005: last saved 2 h 13 min ago (at most 60 min)")
            .says(8, "E6", Warning, "10.0.0.1:7006: its last fork stopped it for 2.3 s"),
        Play::new("a master restarts, and comes back empty")
            .well(0, 4)
            .run(6, 10, |world, _| world.node(7001).set("run_id", "b".repeat(40)))
            .run(12, 20, |world, _| {
                world.node(7001).set("run_id", "c".repeat(40));
                world.node(7001).set("db0", "keys=12,expires=0,avg_ttl=0");
            })
            .run(22, 40, |world, _| world.node(7001).set("run_id", "c".repeat(40)))
            .says(8, "E7", Ok, "10.0.0.1:7001, master of 0-5460 (33 %) restarted 2 s ago")
            .says(14, "E7", Critical, "10.0.0.1:7001, master of 0-5460 (33 %) restarted empty: 40,000 keys -> 12; its replica copies this")
            .says(40, "E7", Ok, "restarted"),
        Play::new("errors that clients are answered with")
            .run(0, 8, |world, second| {
                world.node(7001).set("errorstat_MOVED", format!("count={}", grows(second, 0, 480)));
                world.node(7002).set("errorstat_CLUSTERDOWN", format!("count={}", grows(second, 0, 10)));
                world.node(7003).set("errorstat_TRYAGAIN", format!("count={}", grows(second, 0, 4)));
                world.node(7004).set("errorstat_LOADING", format!("count={}", grows(second, 0, 40)));
                // A stray client or two is nothing.
                world.node(7003).set("errorstat_MOVED", format!("count={}", grows(second, 0, 2)));
            })
            .says(8, "E8", Warning, "10.0.0.1:7001: clients have stale slot maps: 480 MOVED/s")
            .says(8, "E8", Warning, "10.0.0.2:7002: clients are told that the cluster is down: 10 CLUSTERDOWN/s")
            .says(8, "E8", Warning, "10.0.0.3:7003: commands over several keys wait for a slot that moves: 4.0 TRYAGAIN/s")
            .says(8, "E8", Warning, "10.0.0.2:7004: clients ask while it loads: 40 LOADING/s"),
        Play::new("consoles look at a node that loads")
            .run(0, 8, |world, second| {
                world.node(7004).set("errorstat_LOADING", format!("count={}", grows(second, 0, 4)));
            })
            .silent(8, "E8"),
    ]
}

fn spike(at: firn::base::Time, latest: u64, most: u64) -> Spike {
    let (latest, most) = (Duration::from_millis(latest), Duration::from_millis(most));
    Spike { event: "fork".to_owned(), at, latest, most }
}

/// 7001 was started anew, and 12 of its keys are there.
fn emptied(world: &mut World) {
    world.node(7001).set("run_id", "c".repeat(40));
    world.node(7001).set("db0", "keys=12,expires=0,avg_ttl=0");
}

/// A node tells whether it has save points, and whether it refuses writes when one fails.
fn tells(world: &mut World, port: u16, second: i64, saves: Option<bool>, stops_writes: Option<bool>) {
    let mut aside = Aside::new(world.node(port).addr(), at(second));
    aside.settings = Some(Settings { saves, stops_writes, ..Settings::default() });
    world.asides.push(aside);
}

/// What is known of saves, clocks and data that is gone.
pub fn kept() -> Vec<Play> {
    vec![
        Play::new("a failed save, and what of it is known")
            .run(0, 20, |world, second| {
                for port in [7001, 7002, 7003] {
                    world.node(port).set("rdb_last_bgsave_status", "err");
                }
                // It was refused once, long ago.
                world.node(7001).set("errorstat_MISCONF", "count=7");
                tells(world, 7002, second, Some(false), Some(true));
                tells(world, 7003, second, Some(true), Some(false));
            })
            .run(22, 22, |world, _| {
                world.node(7001).set("rdb_last_bgsave_status", "err");
                world.node(7001).set("errorstat_MISCONF", "count=8");
            })
            .run(24, 60, |world, _| {
                world.node(7001).set("rdb_last_bgsave_status", "err");
                // CONFIG RESETSTAT: none any more, and they are refused still.
                world.node(7001).set("errorstat_MISCONF", "count=0");
            })
            .run(62, 70, |world, _| world.node(7001).set("errorstat_MISCONF", "count=8"))
            .says(20, "E5", Warning, "10.0.0.1:7001, master of 0-5460 (33 %): cannot save to disk: whether writes are refused is not known")
            .says(20, "E5", Warning, "10.0.0.2:7002, master of 5461-10922 (33 %): cannot save to disk: no write is refused for it, as it has no save points")
            .says(20, "E5", Warning, "cannot save to disk: no write is refused for it (stop-writes-on-bgsave-error no)")
            .says(22, "E5", Critical, "1 writes refused (MISCONF)")
            .says(60, "E5", Critical, "10.0.0.1:7001, master of 0-5460 (33 %): cannot save to disk: writes were refused (MISCONF)")
            .silent(70, "E5"),
        Play::new("a node that comes back at another address")
            .well(0, 4)
            .run(6, 14, |world, _| world.moves(7003))
            // Longer than anything is remembered: nobody is missed where it was.
            .ticks(20, 200_000, 20_000, |world, _| world.moves(7003))
            .silent(14, "A1")
            .silent(14, "B1")
            .silent(14, "B12")
            .silent(180_020, "A1"),
        Play::new("a node of the configuration comes back at another address")
            .names("10.0.0.3:7003")
            .well(0, 4)
            .run(6, 14, |world, _| world.moves(7003))
            .says(14, "A1", Warning, "10.0.0.3:7003: nobody answers; the node that was here answers at 10.0.0.9:7003")
            .silent(14, "B1")
            .silent(14, "B12"),
        Play::new("a node that has spoken TLS, and one that never did, begin none")
            .run(0, 4, |world, _| world.node(7002).fails = Some(Trouble::Handshake(Duration::from_secs(1))))
            .run(6, 14, |world, _| {
                for port in [7001, 7002] {
                    world.node(port).fails = Some(Trouble::Handshake(Duration::from_secs(1)));
                }
            })
            .says(14, "A2", Critical, "10.0.0.1:7001, master of 0-5460 (33 %) accepts connections but does not answer")
            .says(14, "A5", Unknown, "cannot look inside: TLS fails: no answer to the beginning of TLS within 1 s"),
        Play::new("a node that evicts, and dies")
            .run(0, 8, |world, second| world.node(7001).set("evicted_keys", grows(second, 0, 900)))
            .run(10, 30, |world, _| world.node(7001).fails = Some(Trouble::Refused))
            .says(8, "E2", Warning, "10.0.0.1:7001: evicting 900 keys/s")
            .silent(30, "E2"),
        Play::new("a server whose clock is off")
            .limits(|limits| limits.save_age = Some(Duration::from_hours(1)))
            .run(0, 8, |world, second| {
                let own = at(second - 7200);
                let node = world.node(7001);
                node.set("server_time_usec", own.as_micros());
                node.set("rdb_last_save_time", own.as_micros() / 1_000_000 - 10);
                let mut aside = Aside::new(node.addr(), at(second));
                aside.spikes = Some(vec![spike(at(second - 7260), 180, 180)]);
                world.asides.push(aside);
            })
            .silent(8, "E6")
            .says(8, "E10", Warning, "10.0.0.1:7001: latency of fork up to 180 ms, 60 s ago"),
        Play::new("a master that stays empty is told for an hour")
            .ticks(0, 200, 100, |_, _| {})
            .ticks(300, 4_300, 100, |world, _| emptied(world))
            .says(3_800, "E7", Critical, "restarted empty: 40,000 keys -> 12")
            .silent(4_300, "E7"),
        Play::new("a cache that comes back empty")
            .limits(|limits| limits.cache = true)
            .well(0, 4)
            .run(6, 12, |world, _| emptied(world))
            .says(12, "E7", Ok, "restarted empty: 40,000 keys -> 12"),
    ]
}

/// Slow commands, and spikes of latency.
pub fn slowness() -> Vec<Play> {
    vec![
        Play::new("slow commands and spikes")
            .run(0, 8, |world, second| {
                let mut aside = Aside::new(world.node(7001).addr(), at(second));
                let slow = |id: u64| Slow {
                    id,
                    took: Duration::from_micros(24_600),
                    command: "KEYS *".to_owned(),
                    client: "127.0.0.1:47132".to_owned(),
                };
                aside.slow = Some(if second >= 4 { vec![slow(8), slow(7)] } else { vec![slow(7)] });
                aside.spikes = Some(vec![spike(at(second - 60), 180, 180)]);
                world.asides.push(aside);
                world
                    .node(7002)
                    .cluster
                    .insert("total_cluster_links_buffer_limit_exceeded".to_owned(), second.to_string());
            })
            .says(8, "E10", Warning, "10.0.0.1:7001: KEYS * 24.6 ms from 127.0.0.1:47132")
            .says(8, "E10", Warning, "10.0.0.1:7001: latency of fork up to 180 ms, 60 s ago")
            .says(8, "E10", Warning, "10.0.0.2:7002: 4 lines between nodes cut for their buffers in 4 s"),
        Play::new("the first slow command, and a spike of long ago")
            .run(0, 20, |world, second| {
                let mut aside = Aside::new(world.node(7001).addr(), at(second));
                let command = format!("EVAL {}", "x".repeat(400));
                let slow = Slow { id: 0, took: Duration::from_millis(30), command, client: "10.0.0.9:1".to_owned() };
                aside.slow = Some(if second >= 4 { vec![slow] } else { Vec::new() });
                // The longest was long before anybody looked; lately it is well, until one falls between two looks.
                aside.spikes = Some(vec![spike(at(second - 1), 3, if second >= 12 { 250 } else { 180 })]);
                world.asides.push(aside);
            })
            .says(8, "E10", Warning, "10.0.0.1:7001: EVAL xxx")
            .says(8, "E10", Warning, "xxx… 30.0 ms from 10.0.0.9:1")
            .says(20, "E10", Warning, "10.0.0.1:7001: latency of fork up to 250 ms, 8 s ago"),
        Play::new("a spike of long ago")
            .run(0, 20, |world, second| {
                let mut aside = Aside::new(world.node(7001).addr(), at(second));
                aside.slow = Some(Vec::new());
                aside.spikes = Some(vec![spike(at(second - 1), 3, 180)]);
                world.asides.push(aside);
            })
            .silent(20, "E10"),
    ]
}

/// Logins, and commands that are refused.
pub fn refusals() -> Vec<Play> {
    vec![
        Play::new("refused logins")
            .run(0, 8, |world, second| {
                world.node(7001).set("errorstat_WRONGPASS", format!("count={}", grows(second, 0, 3)));
            })
            .says(8, "E9", Warning, "10.0.0.1:7001: 12 wrong passwords in 4 s"),
        Play::new("what firn itself is refused")
            .run(0, 8, |world, second| {
                let node = world.node(7001);
                node.set("acl_access_denied_cmd", second);
                node.refuses.insert("CLUSTER INFO", Trouble::NoPerm("NOPERM no 'cluster|info'".to_owned()));
            })
            .silent(8, "E9"),
        Play::new("what firn itself is refused beside the tick")
            .run(0, 8, |world, second| {
                let mut aside = Aside::new(world.node(7001).addr(), at(second));
                aside.refused = true;
                world.asides.push(aside);
                world.node(7001).set("acl_access_denied_cmd", second);
                world.node(7002).set("acl_access_denied_cmd", second);
            })
            .says(8, "E9", Warning, "10.0.0.2:7002: 4 commands that the user may not send in 4 s"),
    ]
}

/// Nodes that know nothing of clusters.
pub fn alone(world: &mut World) {
    for node in &mut world.nodes {
        node.set("redis_mode", "standalone");
        node.refuses.insert("CLUSTER NODES", Trouble::NoCluster);
        node.refuses.insert("CLUSTER INFO", Trouble::NoCluster);
    }
}

/// A master, 7001, and two replicas of it.
pub fn three(world: &mut World) {
    alone(world);
    world.nodes.retain(|node| [7001, 7004, 7005].contains(&node.port));
    let other = world.node(7005);
    other.set("master_host", "10.0.0.1");
    other.set("master_port", 7001);
    let master = world.node(7001);
    master.set("connected_slaves", 2);
    master.set("slave1", "ip=10.0.0.3,port=7005,state=online,offset=9000000,lag=0");
}

/// The master has gone, and both replicas still name it.
pub fn led_by_nobody(world: &mut World) {
    three(world);
    world.node(7001).fails = Some(Trouble::Refused);
    for (port, offset) in [(7004, 100), (7005, 200)] {
        world.node(port).set("master_link_status", "down");
        world.node(port).set("slave_repl_offset", offset);
    }
}

/// 7004 has taken over with 7005, and 7001 has come back and knows nothing of it.
pub fn two_masters(world: &mut World) {
    three(world);
    world.node(7001).set("connected_slaves", 0);
    world.node(7001).info.remove("slave0");
    world.node(7001).info.remove("slave1");
    let heir = world.node(7004);
    heir.set("role", "master");
    heir.set("connected_slaves", 1);
    heir.set("slave0", "ip=10.0.0.3,port=7005,state=online,offset=9000000,lag=0");
    heir.info.remove("master_host");
    heir.info.remove("master_link_status");
    let other = world.node(7005);
    other.set("master_host", "10.0.0.2");
    other.set("master_port", 7004);
}

/// Three sentinels of the master, which say that of it; one that says nothing does not answer.
fn watched(world: &mut World, second: i64, said: [Option<&str>; 3]) {
    for (port, flags) in (26_379..).zip(said) {
        let one = |flags: &str| Watched {
            name: "main".to_owned(),
            addr: NodeAddr::new("10.0.0.1", 7001),
            flags: flags.split(',').map(str::to_owned).collect(),
            other_sentinels: Some(2),
            quorum: Some(2),
            replicas: Result::Ok(Vec::new()),
        };
        let answer = flags.map(|flags| vec![one(flags)]).ok_or(Trouble::Refused);
        world.sentinels.push(SentinelLook { addr: NodeAddr::new("10.0.0.7", port).unwrap(), at: at(second), answer });
    }
}

/// Nodes that are no cluster.
pub fn others() -> Vec<Play> {
    vec![
        Play::new("buckets")
            .kind(Kind::List)
            .run(0, 8, move |world, _| {
                alone(world);
                world.nodes.truncate(3);
                world.node(7002).fails = Some(Trouble::Refused);
            })
            .says(8, "A1", Critical, "10.0.0.2:7002: refused for 8 s")
            .silent(8, "A7")
            .silent(8, "B1")
            .silent(8, "D6"),
        Play::new("a primary and its replica")
            .kind(Kind::Replicas)
            .run(0, 4, move |world, _| {
                alone(world);
                world.nodes.retain(|node| [7001, 7004].contains(&node.port));
            })
            .run(6, 10, move |world, _| {
                alone(world);
                world.nodes.retain(|node| [7001, 7004].contains(&node.port));
                world.node(7001).fails = Some(Trouble::Refused);
            })
            .run(12, 20, move |world, _| {
                alone(world);
                world.nodes.retain(|node| [7001, 7004].contains(&node.port));
                world.node(7001).fails = Some(Trouble::Refused);
                world.node(7004).set("role", "master");
            })
            .silent(4, "B8")
            .says(10, "A1", Critical, "10.0.0.1:7001, master: refused for 4 s")
            .says(10, "B1", Critical, "no master answers (10.0.0.1:7001): 1 replica answers, and takes no writes")
            .silent(20, "B1")
            .says(16, "B11", Ok, "10.0.0.1:7001 -> 10.0.0.2:7004, about 6 s")
            .says(16, "A1", Warning, "10.0.0.1:7001, master: refused for 10 s"),
    ]
}

/// A master and its replicas, and what sentinels say of them.
pub fn sentinels() -> Vec<Play> {
    vec![
        Play::new("sentinels")
            .kind(Kind::Replicas)
            .run(0, 8, |world, second| {
                three(world);
                watched(world, second, [Some("master"), Some("master"), Some("master")]);
            })
            .run(10, 18, |world, second| {
                three(world);
                watched(world, second, [Some("master"), Some("master,s_down"), None]);
            })
            .run(20, 28, |world, second| {
                three(world);
                watched(world, second, [Some("master,s_down,o_down,failover_in_progress"), None, None]);
            })
            .silent(8, "A5")
            .silent(8, "B4")
            .silent(8, "B5")
            .says(18, "A5", Unknown, "sentinel 10.0.0.7:26381: not seen: ")
            .says(18, "B4", Warning, "main: 2 of 3 sentinels live: without one more no failover can happen")
            .says(18, "B5", Warning, "main (10.0.0.1:7001): 1 of 2 sentinels miss it")
            .says(28, "B4", Critical, "main: no failover can happen: 1 of 3 sentinels live, 2 are needed")
            .says(
                28,
                "B5",
                Critical,
                "main (10.0.0.1:7001): sentinels agree that it is down (1 of 1); a failover is under way",
            ),
        Play::new("no sentinel is left")
            .kind(Kind::Replicas)
            .run(0, 8, |world, second| {
                three(world);
                watched(world, second, [None, None, None]);
            })
            .says(8, "A5", Unknown, "sentinel 10.0.0.7:26381: not seen: ")
            .says(8, "B4", Critical, "none of 3 sentinels answers: while none lives, no failover can happen"),
        Play::new("sentinels of others alone")
            .kind(Kind::Replicas)
            .run(0, 8, |world, second| {
                world.nodes.clear();
                let addr = NodeAddr::new("10.0.0.7", 26_379).unwrap();
                world.sentinels.push(SentinelLook { addr, at: at(second), answer: Result::Ok(Vec::new()) });
            })
            .says(8, "A5", Unknown, "sentinels answer, and none of them watches a master of that name"),
    ]
}

/// A master and its replicas.
pub fn led() -> Vec<Play> {
    vec![
        Play::new("a master that was never seen, and its replicas")
            .kind(Kind::Replicas)
            .run(0, 90, |world, _| led_by_nobody(world))
            .says(8, "A1", Critical, "10.0.0.1:7001, master: refused for 8 s")
            .says(8, "B1", Critical, "no master answers (10.0.0.1:7001): 2 replicas answer, and take no writes")
            .silent(90, "C3"),
        Play::new("a master that nobody asked, and its replicas")
            .kind(Kind::Replicas)
            .run(0, 8, |world, _| {
                led_by_nobody(world);
                world.nodes.retain(|node| node.port != 7001);
            })
            .says(8, "A1", Critical, "10.0.0.1:7001, master: every replica has lost its line to it")
            .says(8, "B1", Critical, "no master answers (10.0.0.1:7001): 2 replicas answer, and take no writes"),
        Play::new("a master that nobody asked, and that its replicas hear")
            .kind(Kind::Replicas)
            .run(0, 8, |world, _| {
                three(world);
                world.nodes.retain(|node| node.port != 7001);
            })
            .silent(8, "A1")
            .silent(8, "B1"),
        Play::new("a master that firn may not look at, and its replicas")
            .kind(Kind::Replicas)
            .run(0, 8, |world, _| {
                three(world);
                world.node(7001).fails = Some(Trouble::WrongPass);
            })
            .silent(8, "B1"),
        Play::new("nobody is there")
            .kind(Kind::Replicas)
            .run(0, 8, |world, _| {
                three(world);
                for node in &mut world.nodes {
                    node.fails = Some(Trouble::Refused);
                }
            })
            .says(8, "B1", Critical, "none of 3 nodes serves anybody: there is no master, and no replica"),
        Play::new("a master whose name is that of a host that is no more")
            .kind(Kind::Replicas)
            .run(0, 8, |world, _| {
                led_by_nobody(world);
                let (host, why) = ("redis-master".to_owned(), "no such host".to_owned());
                world.node(7001).fails = Some(Trouble::Resolve { host, why });
            })
            .says(8, "A1", Critical, "10.0.0.1:7001, master: every replica has lost its line to it")
            .says(8, "B1", Critical, "no master answers (10.0.0.1:7001): 2 replicas answer, and take no writes"),
        Play::new("two masters after a failover")
            .kind(Kind::Replicas)
            .run(0, 8, |world, _| two_masters(world))
            .silent(0, "C3")
            .says(
                2,
                "C3",
                Critical,
                "2 masters: 10.0.0.2:7004 (1 attached) and 10.0.0.1:7001 (0 attached) each say that they are it",
            )
            .says(8, "B8", Warning, "10.0.0.1:7001 has no replica")
            .silent(8, "B1"),
    ]
}
