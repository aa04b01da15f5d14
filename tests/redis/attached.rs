//! Streams of looks at replicas, as their masters have them.

use firn::base::Severity::{Critical, Warning};

use super::world::{Play, World};

/// A replica's line at its master.
fn attached(world: &mut World, master: u16, state: &str, offset: i64, lag: i64) {
    let other = world.node(master + 3).host.clone();
    let port = master + 3;
    world.node(master).set("slave0", format!("ip={other},port={port},state={state},offset={offset},lag={lag}"));
}

/// 7001 has two replicas, and has sent everything so often.
fn two(world: &mut World, syncs: u64) {
    let master = world.node(7001);
    master.set("connected_slaves", 2);
    master.set("slave1", "ip=10.0.0.3,port=7009,state=online,offset=7,lag=0");
    master.set("sync_full", syncs);
}

/// All of them.
pub fn replication() -> Vec<Play> {
    vec![
        Play::new("lag")
            .run(0, 8, |world, second| {
                let offset = (second + 1000) * 10_000;
                attached(world, 7001, "online", offset - 120_000, 12);
                attached(world, 7002, "online", offset - 400_000, 40);
            })
            .says(8, "D2", Warning, "10.0.0.2:7004, replica of 10.0.0.1:7001: 12 s and 120.0 kB behind")
            .says(8, "D2", Critical, "10.0.0.3:7005, replica of 10.0.0.2:7002: 40 s and 400.0 kB behind"),
        Play::new("a lag that grows, and is beyond the backlog")
            .run(0, 20, |world, second| attached(world, 7001, "online", (second + 1000) * 10_000 - 900_000 - second * 9000, 1))
            .says(20, "D2", Warning, "1 s and 1.1 MB behind, growing 9.0 kB/s")
            .says(20, "D3", Warning, "1.1 MB behind: a short break now costs a full resync (backlog 1.0 MB)"),
        Play::new("resyncs")
            .run(0, 8, |world, _| attached(world, 7001, "send_bulk", 0, 0))
            .run(10, 40, |world, second| world.node(7001).set("sync_full", 1 + second / 10))
            .says(8, "D4", Warning, "10.0.0.2:7004, replica of 10.0.0.1:7001: syncing: full resync running (send_bulk)")
            .silent(8, "D3")
            .says(40, "D4", Critical, "10.0.0.1:7001: resync loop: 4 full resyncs in 10 min"),
        Play::new("two replicas attach, and one of them again")
            .run(0, 2, |world, _| two(world, 1))
            .run(4, 20, |world, _| two(world, 3))
            .run(22, 30, |world, _| two(world, 4))
            .silent(20, "D4")
            .says(30, "D4", Critical, "10.0.0.1:7001: resync loop: 3 full resyncs in 10 min for 2 replicas"),
        Play::new("legacy SYNC")
            .run(0, 8, |world, second| {
                world.node(7001).set("slave0", format!("ip=10.0.0.2,port=0,state=online,offset=0,lag={}", 70 + second));
            })
            .says(8, "D5", Warning, "10.0.0.2:7004, replica of 10.0.0.1:7001: legacy SYNC without ACKs for 78 s: CLIENT KILL TYPE replica on the master")
            .silent(8, "D2")
            .silent(8, "D3"),
        Play::new("a replica is not attached")
            .run(0, 8, |world, _| {
                world.node(7001).set("connected_slaves", 0);
                world.node(7001).info.remove("slave0");
            })
            .says(8, "D6", Warning, "10.0.0.1:7001: 0 of 1 replicas attached"),
        Play::new("a replica's buffer")
            .run(0, 8, |world, _| world.node(7002).set("mem_clients_slaves", 140 << 20))
            .says(8, "D7", Warning, "10.0.0.2:7002: replica buffer 146.8 MB of 268.4 MB"),
    ]
}
