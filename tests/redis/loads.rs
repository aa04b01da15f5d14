//! Streams of looks at what nodes hold and are asked for, and at nodes that are no cluster.

use std::time::Duration;

use firn::base::Severity::{Critical, Ok, Warning};
use firn::redis::aside::{Aside, Slow, Spike};
use firn::redis::limits::Kind;
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
                node.set("mem_fragmentation_ratio", "1.80");
                let node = world.node(7006);
                node.set("mem_fragmentation_ratio", "0.50");
            })
            .says(8, "E1", Critical, "memory full, writes are refused: 4.0 GB of 4.0 GB (noeviction)")
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
                world.node(7001).set("errorstat_MISCONF", "count=1");
                world.node(7002).set("aof_last_write_status", "err");
                world.node(7003).set("errorstat_MISCONF", format!("count={}", second * 5));
                world.node(7003).set("rdb_last_bgsave_status", "err");
                world.node(7004).set("aof_last_bgrewrite_status", "err");
                world.node(7005).set("rdb_last_save_time", at(second - 8000).as_micros() / 1_000_000);
                world.node(7006).set("latest_fork_usec", 2_300_000);
                // Of this one nobody knows whether it has save points.
                world.node(7004).set("rdb_last_bgsave_status", "err");
            })
            .says(8, "E5", Critical, "10.0.0.1:7001, master of 0-5460 (33 %): cannot save to disk: writes refused (MISCONF)")
            .says(8, "E5", Critical, "10.0.0.2:7002, master of 5461-10922 (33 %): cannot write its append-only file: writes refused (MISCONF)")
            .says(8, "E5", Critical, "20 writes refused (MISCONF) in 4 s")
            .says(8, "E5", Warning, "cannot save to disk; no write was refused for it so far")
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
                // A stray client or two is nothing.
                world.node(7003).set("errorstat_MOVED", format!("count={}", grows(second, 0, 2)));
            })
            .says(8, "E8", Warning, "10.0.0.1:7001: clients have stale slot maps: 480 MOVED/s")
            .says(8, "E8", Warning, "10.0.0.2:7002: clients are told that the cluster is down: 10 CLUSTERDOWN/s")
            .says(8, "E8", Warning, "10.0.0.3:7003: commands over several keys wait for a slot that moves: 4.0 TRYAGAIN/s"),
        Play::new("refused logins")
            .run(0, 8, |world, second| world.node(7001).set("errorstat_WRONGPASS", format!("count={}", grows(second, 0, 3))))
            .says(8, "E9", Warning, "10.0.0.1:7001: 12 wrong passwords in 4 s"),
        Play::new("what firn itself is refused")
            .run(0, 8, |world, second| {
                let node = world.node(7001);
                node.set("acl_access_denied_cmd", second);
                node.refuses.insert("CLUSTER INFO", Trouble::NoPerm("NOPERM no 'cluster|info'".to_owned()));
            })
            .silent(8, "E9"),
        Play::new("slow commands and spikes")
            .run(0, 8, |world, second| {
                let mut aside = Aside::new(world.node(7001).addr(), at(second));
                let slow = |id: u64| Slow { id, took: Duration::from_micros(24_600), command: "KEYS *".to_owned(), client: "127.0.0.1:47132".to_owned() };
                aside.slow = Some(if second >= 4 { vec![slow(8), slow(7)] } else { vec![slow(7)] });
                aside.spikes = Some(vec![Spike { event: "fork".to_owned(), at: at(second - 60), most: Duration::from_millis(180) }]);
                world.asides.push(aside);
                world.node(7002).cluster.insert("total_cluster_links_buffer_limit_exceeded".to_owned(), second.to_string());
            })
            .says(8, "E10", Warning, "10.0.0.1:7001: KEYS * 24.6 ms from 127.0.0.1:47132")
            .says(8, "E10", Warning, "10.0.0.1:7001: latency of fork up to 180 ms, 60 s ago")
            .says(8, "E10", Warning, "10.0.0.2:7002: 4 lines between nodes cut for their buffers in 4 s"),
    ]
}

/// Nodes that are no cluster.
pub fn others() -> Vec<Play> {
    let alone = |world: &mut World| {
        for node in &mut world.nodes {
            node.set("redis_mode", "standalone");
            node.refuses.insert("CLUSTER NODES", Trouble::NoCluster);
            node.refuses.insert("CLUSTER INFO", Trouble::NoCluster);
        }
    };
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
            .says(16, "B11", Ok, "10.0.0.1:7001 -> 10.0.0.2:7004, 6.0 s"),
    ]
}
