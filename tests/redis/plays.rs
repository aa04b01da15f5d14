//! Streams of looks, and what each rule must say of them.

use std::time::Duration;

use firn::base::Severity::{Critical, Ok, Unknown, Warning};
use firn::redis::aside::{Aside, Task, TaskState};
use firn::redis::settings::Settings;
use firn::redis::slots::SlotSet;
use firn::redis::trouble::Trouble;

use super::attached::replication;
use super::loads::{grows, kept, led, load, others, refusals, sentinels, slowness};
use super::world::{Play, World, at, id};

fn silent() -> Trouble {
    Trouble::Silent(Duration::from_secs(1))
}

/// Nodes that are still there tell what they have set.
fn tells(world: &mut World, second: i64, millis: u64) {
    let settings = Settings { node_timeout: Some(Duration::from_millis(millis)), ..Settings::default() };
    for port in [7002, 7003] {
        let mut aside = Aside::new(world.node(port).addr(), at(second));
        aside.settings = Some(settings);
        world.asides.push(aside);
    }
}

/// Nodes, by a direct look.
fn nodes() -> Vec<Play> {
    vec![
        Play::new("a master dies")
            .well(0, 4)
            .run(6, 12, |world, _| world.dies(7001))
            .well(14, 20)
            .silent(6, "A1")
            .silent(6, "B1")
            .says(8, "A1", Critical, "10.0.0.1:7001, master of 0-5460 (33 %): refused for 2 s; cluster not yet aware (node-timeout not told; 15 s by default); failover to 10.0.0.2:7004 due in ~13 s")
            .says(8, "B1", Critical, "5,461 slots (33 %) have no live owner: 0-5460, master 10.0.0.1:7001, failover under way to 10.0.0.2:7004")
            .says(16, "A1", Critical, "refused")
            .silent(18, "A1"),
        Play::new("a master of a cluster dies that waits for 5 s")
            .run(0, 4, |world, second| tells(world, second, 5_000))
            .run(6, 20, |world, second| {
                tells(world, second, 5_000);
                world.dies(7001);
            })
            .says(8, "A1", Critical, "refused for 2 s; cluster not yet aware (node-timeout 5 s); failover to 10.0.0.2:7004 due in ~3 s")
            .says(14, "B1", Critical, "failover under way to 10.0.0.2:7004")
            .says(16, "B1", Critical, "10.0.0.2:7004 could take over and has not, 10 s after"),
        Play::new("nobody looked for a while, and it is over")
            .run(0, 8, |world, _| world.dies(7001))
            .ticks(400, 404, 2, |_, _| {})
            .says(8, "A1", Critical, "refused")
            .silent(400, "A1")
            .silent(400, "B1"),
        Play::new("nobody looked for a while, and it is not")
            .run(0, 8, |world, _| world.dies(7001))
            .ticks(400, 404, 2, |world, _| world.dies(7001))
            .says(400, "A1", Critical, "10.0.0.1:7001, master of 0-5460 (33 %): refused; cluster not yet aware"),
        Play::new("the clock goes back")
            .well(4_000, 4_004)
            .ticks(100, 108, 2, |world, _| world.dies(7001))
            .says(102, "A1", Critical, "refused for 2 s")
            .says(108, "B1", Critical, "5,461 slots (33 %) have no live owner"),
        Play::new("a master dies and nobody takes over")
            .well(0, 4)
            .run(6, 30, |world, _| world.dies(7001))
            .says(30, "B1", Critical, "10.0.0.2:7004 could take over and has not, 24 s after"),
        Play::new("a replica dies")
            .well(0, 4)
            .run(6, 12, |world, _| world.dies(7005))
            .says(8, "A1", Warning, "10.0.0.3:7005, replica of 10.0.0.2:7002: refused for 2 s")
            .says(8, "B8", Warning, "10.0.0.2:7002 has no live replica (10.0.0.3:7005): losing it loses 5461-10922 (33 %)"),
        Play::new("a master hangs")
            .well(0, 4)
            .run(6, 12, |world, _| world.node(7002).fails = Some(silent()))
            .silent(6, "A2")
            .says(8, "A2", Critical, "10.0.0.2:7002, master of 5461-10922 (33 %) accepts connections but does not answer for 2 s")
            .says(8, "B1", Critical, "5,462 slots (33 %) have no live owner: 5461-10922, master 10.0.0.2:7002, the others have not missed it yet (node-timeout 15 s); 10.0.0.3:7005 could take over"),
        Play::new("a master hangs here for good, and the others hear it")
            .run(0, 40, |world, _| world.node(7002).fails = Some(silent()))
            .says(40, "A2", Critical, "the others still hear it: no failover will come of this")
            .says(40, "B1", Critical, "master 10.0.0.2:7002, the others still hear it: no failover will come of this"),
        Play::new("a script blocks a master")
            .run(0, 40, |world, _| world.node(7001).fails = Some(Trouble::Busy("BUSY Redis is busy running a script.".to_owned())))
            .says(40, "A4", Critical, "blocked by a script or function for 40 s")
            .says(40, "B1", Critical, "master 10.0.0.1:7001, the others still hear it: no failover will come of this"),
        Play::new("firn alone cannot reach a master")
            .run(0, 40, |world, _| world.node(7001).fails = Some(Trouble::Refused))
            .says(4, "A1", Critical, "refused for 4 s; cluster not yet aware (node-timeout not told; 15 s by default)")
            .says(4, "B1", Critical, "the others have not missed it yet (node-timeout 15 s); 10.0.0.2:7004 could take over")
            .says(14, "A1", Critical, "refused for 14 s; the others still hear it: no failover will come of this")
            .says(40, "B1", Critical, "master 10.0.0.1:7001, the others still hear it: no failover will come of this"),
        Play::new("a replica hangs")
            .run(0, 8, |world, _| world.node(7006).fails = Some(silent()))
            .says(8, "A2", Warning, "stopped, swapping or blocked"),
    ]
}

/// Nodes that answer, and say that they do not serve, or that firn may not look.
fn answering() -> Vec<Play> {
    vec![
        Play::new("a master loads")
            .run(0, 8, |world, _| {
                let node = world.node(7003);
                node.set("loading", 1);
                node.set("loading_loaded_perc", "5.31");
                node.set("loading_eta_seconds", 18);
                node.refuses.insert("CLUSTER NODES", Trouble::Loading);
                node.refuses.insert("CLUSTER INFO", Trouble::Loading);
            })
            .says(8, "A3", Critical, "loading 5 %, 18 s left")
            .says(
                8,
                "B1",
                Critical,
                "the others have not missed it yet (node-timeout 15 s); 10.0.0.1:7006 could take over",
            ),
        // Valkey answers while it loads: what it knew before it was ended. Somebody else has taken over meanwhile.
        Play::new("who was a master loads, and tells of before")
            .run(0, 8, |world, _| {
                taken_over(world);
                let node = world.node(7001);
                node.fails = None;
                node.view = World::well(0).node(7001).view.clone();
                node.set("loading", 1);
                node.cluster.insert("cluster_state".to_owned(), "fail".to_owned());
            })
            .says(8, "A3", Warning, "10.0.0.1:7001, master: loading; it serves nobody until then")
            .silent(8, "B1")
            .silent(8, "B2")
            .silent(8, "C1")
            .silent(8, "C2")
            .silent(8, "C3")
            .silent(8, "C5"),
        Play::new("a script blocks a replica")
            .run(0, 12, |world, _| {
                world.node(7004).fails = Some(Trouble::Busy("BUSY Redis is busy running a script.".to_owned()));
            })
            .says(12, "A4", Warning, "blocked by a script or function for 12 s: SCRIPT KILL / FUNCTION KILL"),
        Play::new("another password")
            .run(0, 8, |world, _| world.node(7002).fails = Some(Trouble::WrongPass))
            .says(8, "A5", Unknown, "cannot look inside: wrong password (others see it as connected)")
            .silent(8, "B1"),
        Play::new("no right to see views")
            .run(0, 8, |world, _| {
                let text = "NOPERM this user has no permissions to run the 'cluster|nodes' command".to_owned();
                world.node(7002).refuses.insert("CLUSTER NODES", Trouble::NoPerm(text));
            })
            .says(8, "A5", Unknown, "the user lacks +cluster|nodes"),
        Play::new("clients")
            .run(0, 8, |world, second| {
                world.node(7001).fails = Some(Trouble::Full("ERR max number of clients reached".to_owned()));
                world.node(7002).set("connected_clients", 9_100);
                let node = world.node(7003);
                node.set("connected_clients", 9_989);
                node.set("rejected_connections", grows(second, 0, 35));
            })
            .says(8, "A6", Critical, "10.0.0.1:7001, master of 0-5460 (33 %) refuses new clients")
            .says(8, "A6", Warning, "9,111 of 10,000")
            .says(8, "A6", Critical, "refuses new clients: 10,000 of 10,000, rejected +35/s")
            .says(8, "E10", Warning, "connections rejected"),
        Play::new("a web server at a node's address")
            .run(0, 8, |world, _| {
                let odd = firn::redis::resp::RespError::Begin { begin: "HTTP/1.1 400".to_owned() };
                world.node(7006).fails = Some(Trouble::Wire(odd));
                world.node(7005).fails = Some(Trouble::NoCluster);
            })
            .says(8, "A7", Unknown, "unknown server: \"HTTP/1.1 400\" begins no reply")
            .says(8, "A7", Unknown, "not a cluster node"),
        Play::new("another node at an address")
            .well(0, 4)
            .run(6, 10, |world, _| {
                let other = id(7999);
                for node in &mut world.nodes {
                    node.line(7006).id.clone_from(&other);
                }
            })
            .says(8, "A8", Warning, "another node answers at this address: was 00000000, now 00000000"),
        Play::new("slow answers")
            .ticks(0, 900, 10, |_, _| {})
            .ticks(910, 960, 10, |world, _| world.node(7001).took = Duration::from_millis(85))
            .silent(900, "A9")
            .says(960, "A9", Warning, "answers in 85 ms (usual 0.4)"),
    ]
}

/// The cluster.
fn cluster() -> Vec<Play> {
    vec![
        Play::new("a slot has no owner")
            .run(0, 8, |world, _| {
                for node in &mut world.nodes {
                    node.line(7001).slots = "0 2-5460".to_owned();
                }
                world.told("cluster_state", "fail");
                world.told("cluster_slots_assigned", "16383");
            })
            .says(8, "B1", Critical, "1 slot has no owner at all: 1")
            .says(
                8,
                "B2",
                Critical,
                "cluster refuses all commands (full coverage required): 6 of 6 nodes say state fail",
            ),
        Play::new("a master comes back without its nodes.conf")
            .well(0, 4)
            .run(6, 14, |world, _| forgets_itself(world))
            .says(8, "B1", Critical, "5,461 slots (33 %) have no live owner: 10923-16383, master node 00000000, whose address nobody knows any more; its replica 10.0.0.1:7006, which holds 40,000 keys, is not elected")
            .says(8, "C1", Warning, "10.0.0.3:7003 knows no other node"),
        Play::new("slots fail and coverage is off")
            .run(0, 8, |world, _| {
                world.dies(7003);
                world.dies(7006);
                world.everywhere(7003, |line| line.flags = "master,fail".to_owned());
                world.everywhere(7006, |line| line.flags = "slave,fail".to_owned());
                world.told("cluster_slots_fail", "5461");
            })
            .says(8, "B3", Critical, "serving 67 % of slots: full coverage is off")
            .says(8, "B1", Critical, "no replica left")
            .says(8, "B5", Critical, "10.0.0.3:7003, master of 10923-16383 (33 %): failed for 8 s (4 of 4 views)")
            .says(
                8,
                "B5",
                Warning,
                "10.0.0.1:7006, replica of 10.0.0.3:7003: failed for 8 s (4 of 4 views), owns nothing",
            ),
        Play::new("slots may fail")
            .run(0, 8, |world, _| {
                world.everywhere(7003, |line| line.flags = "master,fail?".to_owned());
                world.told("cluster_slots_pfail", "5461");
            })
            .says(8, "B3", Warning, "5,461 slots (33 %) are suspected to fail")
            .says(8, "B5", Critical, "suspected to have failed (5 of 6 views), though it answers here"),
        Play::new("two of three masters die")
            .run(0, 8, |world, _| {
                world.dies(7002);
                world.dies(7003);
            })
            .says(8, "B4", Critical, "no quorum: no failover can happen (1 of 3 masters)"),
        Play::new("a stranger shakes hands")
            .run(0, 20, |world, _| {
                let mut line = world.node(7001).line(7002).clone();
                (line.id, line.addr) = (id(9999), "10.0.0.9:7009@17009".to_owned());
                (line.flags, line.link, line.slots) = ("handshake".to_owned(), "disconnected", String::new());
                world.node(7001).view.push(line);
            })
            .silent(14, "B5")
            .says(20, "B5", Warning, "10.0.0.1:7001 keeps shaking hands with 10.0.0.9:7009 for 20 s"),
        Play::new("a stranger whose handshake is given up and begun anew by another name")
            .run(0, 60, |world, second| {
                if second % 10 < 6 {
                    let mut line = world.node(7001).line(7002).clone();
                    let name = 9000 + u16::try_from(second / 10).unwrap();
                    (line.id, line.addr) = (id(name), "10.0.0.9:7009@17009".to_owned());
                    (line.flags, line.link, line.slots) = ("handshake".to_owned(), "disconnected", String::new());
                    world.node(7001).view.push(line);
                }
            })
            .well(62, 90)
            .silent(14, "B5")
            .says(48, "B5", Warning, "10.0.0.1:7001 keeps shaking hands with 10.0.0.9:7009 for 48 s")
            .says(60, "B5", Warning, "10.0.0.1:7001 keeps shaking hands with 10.0.0.9:7009 for 60 s")
            .silent(90, "B5"),
    ]
}

/// Slots that change hands.
fn moving() -> Vec<Play> {
    vec![
        Play::new("a slot moves, stands still, and is left half-open")
            .run(0, 20, |world, second| moves(world, grows(second, 0, 3)))
            .run(22, 90, |world, _| moves(world, 60))
            .run(92, 100, |world, _| world.node(7001).line(7001).slots = format!("0-5460 [7->-{}]", id(7002)))
            .run(102, 110, |world, _| world.node(7001).line(7001).slots = format!("0-5460 [9000->-{}]", id(7002)))
            .says(20, "B6", Ok, "slot 7 moving 10.0.0.1:7001 -> 10.0.0.2:7002: 40 of 100 keys left, 3.0 keys/s")
            .silent(0, "B6")
            .says(90, "B6", Warning, "no progress for 70 s")
            .says(
                100,
                "B6",
                Warning,
                "slot 7 half-open: only 10.0.0.1:7001 knows, migrating to 10.0.0.2:7002; CLUSTER SETSLOT 7 STABLE",
            )
            .says(110, "B6", Warning, "slot 9000: 10.0.0.1:7001 says it is migrating what it does not own"),
        Play::new("tasks that move slots")
            .run(0, 8, |world, second| {
                let mut aside = Aside::new(world.node(7001).addr(), at(second));
                let task = |id: &str, state, told: &str| Task {
                    id: id.to_owned(),
                    slots: SlotSet::of([(5, 9)]),
                    state,
                    told: told.to_owned(),
                };
                aside.tasks = Some(vec![
                    task("a", TaskState::Runs, "snapshotting"),
                    task("b", TaskState::Failed, "out of\u{1b} memory"),
                    task("c", TaskState::Done, ""),
                ]);
                world.asides.push(aside);
                world.node(7002).cluster.insert("cluster_slot_migration_active_tasks".to_owned(), "1".to_owned());
            })
            .says(8, "B7", Ok, "10.0.0.1:7001: slots 5-9 are on their way: snapshotting")
            .says(8, "B7", Warning, "10.0.0.1:7001: moving slots 5-9 has failed: out of\\x1b memory")
            .says(8, "B7", Ok, "10.0.0.2:7002: 1 tasks move slots"),
        Play::new("a failover")
            .well(0, 4)
            .run(6, 20, |world, _| world.dies(7001))
            .run(22, 30, |world, _| taken_over(world))
            .says(24, "B11", Ok, "0-5460 10.0.0.1:7001 -> 10.0.0.2:7004, about 16 s")
            .says(24, "B8", Warning, "10.0.0.2:7004 has no replica: losing it loses 0-5460 (33 %)"),
        Play::new("a failover whose epoch is told before its views are asked for")
            .well(0, 4)
            .run(6, 20, |world, _| world.dies(7001))
            .run(22, 24, |world, _| {
                world.dies(7001);
                world.told("cluster_current_epoch", "7");
            })
            .run(26, 30, |world, _| taken_over(world))
            .says(28, "B11", Ok, "0-5460 10.0.0.1:7001 -> 10.0.0.2:7004, about 20 s"),
        Play::new("a failover after which the old master is back as a replica at once")
            .well(0, 4)
            .run(6, 20, |world, _| world.dies(7001))
            .run(22, 30, |world, _| {
                taken_over(world);
                world.everywhere(7001, |line| {
                    line.flags = "slave".to_owned();
                    (line.master, line.epoch) = (id(7004), 7);
                });
            })
            .says(24, "B11", Ok, "0-5460 10.0.0.1:7001 -> 10.0.0.2:7004, about 16 s"),
    ]
}

/// 7003 was started anew by another name, and the others have lost the address of the old one.
pub fn forgets_itself(world: &mut World) {
    world.everywhere(7003, |line| {
        line.addr = ":0@0".to_owned();
        line.flags = "master,noaddr".to_owned();
        line.link = "disconnected";
    });
    let node = world.node(7003);
    let mut own = node.line(7003).clone();
    (own.id, own.slots, own.epoch) = (id(7993), String::new(), 0);
    node.view = vec![own];
    node.cluster.insert("cluster_slots_assigned".to_owned(), "0".to_owned());
    node.set("run_id", "e".repeat(40));
    node.info.remove("db0");
}

/// Slot 7 goes from 7001 to 7002: so many of 100 keys are there.
fn moves(world: &mut World, moved: i64) {
    world.node(7001).line(7001).slots = format!("0-5460 [7->-{}]", id(7002));
    world.node(7002).line(7002).slots = format!("5461-10922 [7-<-{}]", id(7001));
    world.node(7002).set("cmdstat_restore-asking", format!("calls={moved}"));
    let mut aside = Aside::new(world.node(7001).addr(), at(0));
    aside.slot_keys.insert(7, u64::try_from(100 - moved).unwrap());
    world.asides.push(aside);
}

/// 7004 has taken over from 7001, which is dead.
pub fn taken_over(world: &mut World) {
    world.dies(7001);
    world.told("cluster_current_epoch", "7");
    for node in &mut world.nodes {
        let own = node.port == 7004;
        let line = node.line(7004);
        line.flags = if own { "myself,master".to_owned() } else { "master".to_owned() };
        (line.master, line.epoch, line.slots) = ("-".to_owned(), 7, "0-5460".to_owned());
        if node.port != 7001 {
            let line = node.line(7001);
            (line.flags, line.slots) = ("master,fail".to_owned(), String::new());
        }
    }
    let heir = world.node(7004);
    heir.set("role", "master");
    heir.info.remove("master_link_status");
}

/// What the next failure would cost.
fn safety() -> Vec<Play> {
    vec![
        Play::new("no replica can take over")
            .run(0, 8, |world, second| {
                let node = world.node(7005);
                node.set("master_link_status", "down");
                node.set("master_link_down_since_seconds", 32 + second);
                world.everywhere(7006, |line| line.flags = "slave,nofailover".to_owned());
                world.node(7006).line(7006).flags = "myself,slave,nofailover".to_owned();
            })
            .says(8, "B9", Critical, "no replica of 10.0.0.2:7002 can take over: 10.0.0.3:7005 link down 40 s")
            .says(8, "B9", Critical, "no replica of 10.0.0.3:7003 can take over: 10.0.0.1:7006 will not take over (nofailover)")
            .says(8, "D1", Warning, "10.0.0.3:7005, replica of 10.0.0.2:7002: link down 40 s: check masterauth"),
        Play::new("one machine has a shard, and most masters")
            .run(0, 8, |world, _| {
                for node in &mut world.nodes {
                    for port in [7002, 7004] {
                        let line = node.line(port);
                        line.addr = line.addr.replace("10.0.0.2", "10.0.0.1");
                    }
                }
                for port in [7002, 7004] {
                    world.node(port).host = "10.0.0.1".to_owned();
                }
            })
            .says(8, "B10", Warning, "losing host 10.0.0.1 stops the cluster: 2 of 3 masters there, 10.0.0.1:7001 of 0-5460 (33 %) with all its replicas"),
        Play::new("most masters meet on a machine, and stay")
            .ticks(0, 640, 10, |world, _| {
                for node in &mut world.nodes {
                    let line = node.line(7002);
                    line.addr = line.addr.replace("10.0.0.2", "10.0.0.1");
                }
                world.node(7002).host = "10.0.0.1".to_owned();
            })
            .says(20, "B10", Ok, "losing host 10.0.0.1 stops the cluster: 2 of 3 masters there")
            .says(640, "B10", Warning, "losing host 10.0.0.1 stops the cluster: 2 of 3 masters there"),
        Play::new("epochs, versions and memory limits that are not alike")
            .run(0, 8, |world, _| {
                for node in &mut world.nodes {
                    node.line(7002).epoch = 1;
                }
                world.node(7003).set("redis_version", "7.2.4");
                world.node(7006).set("maxmemory", 0);
            })
            .says(8, "B12", Warning, "masters 10.0.0.1:7001 and 10.0.0.2:7002 have one config epoch, 1")
            .says(8, "B12", Warning, "nodes run different versions: redis 7.0.15 (5), redis 7.2.4 (1)")
            .says(8, "B12", Warning, "maxmemory of 10.0.0.3:7003 is 4.0 GB, of its replica 10.0.0.1:7006 none"),
        Play::new("one master has most of it")
            .run(0, 8, |world, second| {
                world.node(7003).set("used_memory", 3_500_000_000_u64);
                world.node(7001).set("used_memory", 400_000_000);
                world.node(7002).set("used_memory", 400_000_000);
                world.node(7002).set("total_commands_processed", grows(second, -1000, 90_000));
            })
            .says(8, "B13", Ok, "imbalance 2.4x: 10.0.0.3:7003 has that much more memory than the mean")
            .says(8, "B13", Ok, "imbalance 2.9x: 10.0.0.2:7002 has that much more load than the mean"),
        Play::new("one master did most of it, and dies")
            .run(0, 16, |world, second| {
                world.node(7002).set("total_commands_processed", grows(second, -1000, 90_000));
                if second > 8 {
                    world.dies(7002);
                }
            })
            .says(8, "B13", Ok, "imbalance 2.9x: 10.0.0.2:7002")
            .silent(16, "B13"),
    ]
}

/// Views that disagree.
fn views() -> Vec<Play> {
    vec![
        Play::new("a forgotten node")
            .run(0, 8, |world, _| {
                let gone = id(7004);
                world.node(7003).view.retain(|line| line.id != gone);
            })
            .silent(0, "C1")
            .says(2, "C1", Warning, "10.0.0.3:7003 does not know 10.0.0.2:7004 (5 of 6 know it): CLUSTER MEET"),
        Play::new("views that differ for a second")
            .ticks(0, 1, 1, |world, _| {
                let gone = id(7004);
                world.node(7003).view.retain(|line| line.id != gone);
            })
            .well(2, 8)
            .silent(1, "C1")
            .silent(8, "C1"),
        Play::new("a node of another cluster")
            .run(0, 8, |world, _| {
                let node = world.node(7006);
                for line in &mut node.view {
                    line.id.replace_range(0..1, "f");
                    line.master = line.master.replace("0000000000000000000000000000000000007003", "f000000000000000000000000000000000007003");
                }
            })
            .says(8, "C1", Warning, "10.0.0.1:7006 belongs to another cluster")
            .silent(8, "C2")
            .silent(8, "C3"),
        Play::new("a slot that nobody serves")
            .run(0, 8, |world, _| {
                let node = world.node(7001);
                node.line(7001).slots = "0 2-5460".to_owned();
                node.line(7002).slots = "1 5461-10922".to_owned();
            })
            .says(8, "C2", Critical, "slot 1: 10.0.0.1:7001 says 10.0.0.2:7002, the others say 10.0.0.1:7001: MOVED loop, neither serves"),
        Play::new("a stale map")
            .run(0, 8, |world, _| {
                let node = world.node(7004);
                node.line(7001).slots = "0 2-5460".to_owned();
                node.line(7002).slots = "1 5461-10922".to_owned();
            })
            .says(8, "C2", Warning, "slot 1: 10.0.0.2:7004 says 10.0.0.2:7002, the others say 10.0.0.1:7001: stale map on 10.0.0.2:7004"),
        Play::new("a split")
            .run(0, 20, |world, _| {
                taken_over(world);
                let old = World::well(0).node(7001).clone();
                *world.node(7001) = old;
                for port in [7002, 7003, 7004, 7005] {
                    world.node(7001).line(port).flags += ",fail?";
                }
            })
            .says(2, "C3", Critical, "10.0.0.1:7001 (epoch 1, host 10.0.0.1) still claims 0-5460; 10.0.0.2:7004 (epoch 7, host 10.0.0.2) is the owner")
            .says(2, "C4", Critical, "the cluster is split: {10.0.0.1, 10.0.0.2, 10.0.0.3} | {10.0.0.1} do not hear each other")
            .silent(0, "C3")
            .says(20, "C5", Warning, "10.0.0.2:7004 is a replica of 10.0.0.1:7001 for 10.0.0.1:7001, and a master for"),
        Play::new("an epoch that is behind")
            .run(0, 20, |world, _| {
                world.node(7005).cluster.insert("cluster_current_epoch".to_owned(), "5".to_owned());
            })
            .says(8, "C5", Ok, "nodes hold different current epochs")
            .says(20, "C5", Warning, "nodes hold different current epochs for 20 s: 5 at 10.0.0.3:7005, 6 elsewhere"),
    ]
}

/// All of them.
pub fn all() -> Vec<Play> {
    [
        nodes(),
        answering(),
        cluster(),
        moving(),
        safety(),
        views(),
        replication(),
        load(),
        kept(),
        slowness(),
        refusals(),
        others(),
        led(),
        sentinels(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
