//! What the judge says of recorded replies, state by state.

use std::fs;

use firn::base::Severity::{self, Critical, Ok, Unknown, Warning};
use firn::redis::snapshot::{SlotState, Strip};

use super::kit::{capture, copy, judged, lines, recorded, rules, says, stands};

/// A recorded state: how bad it is, the rules that say so, those that add a warning or something unknown, and the notices.
type Row = (&'static str, Severity, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

/// Every recorded state, as its record describes it. Where the record leaves the verdict to circumstances:
/// 04d: the replica whose line is down is the only one of its master, which makes it CRITICAL;
/// 06a: one poll cannot tell that a slot stands still, so it is OK with a notice;
/// 07d: since when a node shakes hands one poll cannot tell either, but a handshake that works lasts milliseconds: WARNING;
/// 10c: nothing of a cluster is seen, so it is UNKNOWN: the configuration is wrong;
/// 11c: two of three masters are on one machine after the failover: a notice, until they have stayed there;
/// 17: who was a master loads, after a replica has taken over, and tells views of before, which are none.
const TABLE: [Row; 29] = [
    ("01-healthy", Ok, &[], &[], &[]),
    ("02a-master-killed-1s-after", Critical, &["A1", "B1"], &[], &[]),
    ("02b-master-pfail-or-fail", Critical, &["A1", "B1", "B5"], &["B3"], &[]),
    ("02c-after-failover", Warning, &[], &["A1", "B5", "B8"], &[]),
    ("03a-slots-uncovered-full-coverage-yes", Critical, &["A1", "B1", "B2", "B3", "B5"], &["A1", "B5"], &[]),
    ("03b-slots-uncovered-full-coverage-no", Critical, &["A1", "B1", "B3", "B5"], &["A1", "B5"], &[]),
    ("04a-replica-lagging", Warning, &[], &["D3"], &[]),
    ("04b-hung-node-2s", Warning, &[], &["A2", "B8"], &[]),
    ("04c-hung-node-9s", Warning, &[], &["A1", "B5", "B8", "D2"], &[]),
    ("04d-replica-link-down-auth", Critical, &["B9"], &["D6"], &[]),
    ("05-node-loading", Warning, &[], &["A3", "B8", "D6"], &[]),
    ("06a-slot-mid-migration", Ok, &[], &[], &["B6"]),
    ("06b-open-slot-migrating-only", Warning, &[], &["B6"], &[]),
    ("06c-open-slot-importing-only", Warning, &[], &["B6"], &[]),
    ("07b-views-differ-slot-owner", Critical, &["C2"], &[], &[]),
    ("07c-slot-unassigned", Critical, &["B1", "B2"], &[], &[]),
    ("07d-handshake-node", Warning, &[], &["B5"], &[]),
    ("09a-memory-full-noeviction", Critical, &["E1"], &["B12", "D3"], &[]),
    ("10a-bgsave-failing-misconf", Critical, &["E5"], &[], &[]),
    ("10b-maxclients-reached", Critical, &["A6"], &[], &[]),
    ("10c-not-a-cluster-node", Unknown, &[], &["A7"], &[]),
    ("11a-three-hosts-healthy", Ok, &[], &[], &[]),
    ("11c-partition-healed", Ok, &[], &[], &["B10"]),
    ("12-dead-master-back", Ok, &[], &[], &[]),
    ("13-open-slot", Ok, &[], &[], &["B6"]),
    ("14-led-back", Ok, &[], &[], &[]),
    ("15-memory-full", Critical, &["E1"], &["E1"], &[]),
    ("16-nodes-conf-lost", Critical, &["B1"], &["B5", "B8", "C1"], &[]),
    ("17-valkey-loads", Warning, &[], &["A3", "B5", "B8"], &[]),
];

#[test]
fn every_recorded_state_has_the_verdict_it_was_recorded_for() {
    for (name, severity, critical, warning, notices) in TABLE {
        let health = stands(name);
        let shown = lines(&health).join("\n    ");
        println!("{severity:8} {name}\n    {shown}");
        assert_eq!(health.severity, severity, "{name}: {shown}");
        assert_eq!(rules(&health, Critical), critical, "{name}: {shown}");
        let second: Vec<&str> = [rules(&health, Warning), rules(&health, Unknown)].concat();
        assert_eq!(second, warning, "{name}: {shown}");
        assert_eq!(rules(&health, Ok), notices, "{name}: {shown}");
    }
    assert_eq!(recorded(), TABLE.map(|row| row.0.to_owned()), "a recorded state is not in the table");
}

#[test]
fn a_killed_master_is_said_with_its_slots_and_who_takes_over_before_the_cluster_knows() {
    let health = stands("02a-master-killed-1s-after");
    assert_eq!(
        health.findings[0].text,
        "127.0.0.1:19101, master of 0-5460 (33 %): every node calls it gone; cluster not yet aware (node-timeout not told; \
         15 s by default); failover to 127.0.0.1:19106 is due"
    );
    assert_eq!(
        health.findings[1].text,
        "5,461 slots (33 %) have no live owner: 0-5460, master 127.0.0.1:19101, failover under way to 127.0.0.1:19106"
    );
    let strip = [
        Strip { from: 0, to: 5460, state: SlotState::Failing },
        Strip { from: 5461, to: 16383, state: SlotState::Served },
    ];
    assert_eq!(health.strip, strip);
    let line = &health.line;
    assert_eq!((line.state.as_deref(), line.served, line.assigned), (Some("ok"), Some(10_923), Some(16_384)));
    assert_eq!(
        (line.known, line.answering, line.keys),
        (6, 5, None),
        "keys of a master that is not seen are not known"
    );
}

/// A master without a replica was started anew without its `nodes.conf`: state stays ok, all slots assigned, for good.
#[test]
fn slots_of_a_master_that_came_back_by_another_name_are_served_by_nobody() {
    let health = stands("16-nodes-conf-lost");
    assert_eq!(
        health.findings[0].text,
        "5,461 slots (33 %) have no live owner: 10923-16383, master node abc73d63, whose address nobody knows any more; no \
         replica left"
    );
    let line = &health.line;
    assert_eq!((line.state.as_deref(), line.masters, line.served), (Some("ok"), Some(3), Some(10_923)));
    assert_eq!(health.strip.last().map(|span| (span.from, span.state)), Some((10_923, SlotState::Failing)));
}

#[test]
fn a_healthy_cluster_is_counted_as_it_is() {
    let health = stands("01-healthy");
    let line = &health.line;
    assert_eq!((line.served, line.unseen, line.assigned, line.epoch), (Some(16_384), Some(0), Some(16_384), Some(6)));
    assert_eq!((line.masters, line.replicas, line.known, line.answering), (Some(3), Some(3), 6, 6));
    assert_eq!((line.keys, line.ops), (Some(112_622), None), "one poll gives no rate");
    let rows: Vec<(String, Option<String>)> =
        health.nodes.iter().map(|row| (row.addr.to_string(), row.master.as_ref().map(ToString::to_string))).collect();
    let port = |port: u16| format!("127.0.0.1:{port}");
    let expected = [
        (port(19101), None),
        (port(19106), Some(port(19101))),
        (port(19102), None),
        (port(19104), Some(port(19102))),
        (port(19103), None),
        (port(19105), Some(port(19103))),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_failover_between_two_polls_is_an_event_and_a_cluster_without_views_still_knows_its_owners() {
    let polls =
        ["01-healthy", "02a-master-killed-1s-after", "02b-master-pfail-or-fail", "02c-after-failover"].map(capture);
    let replayed = judged(&polls);
    let severities: Vec<Severity> = replayed.polls.iter().map(|poll| poll.severity).collect();
    assert_eq!(severities, [Ok, Critical, Critical, Warning]);
    let last = replayed.last().unwrap();
    assert_eq!(last.events.len(), 1, "{:?}", last.events);
    assert!(last.events[0].text.contains("0-5460 127.0.0.1:19101 -> 127.0.0.1:19106"), "{:?}", last.events);
    assert_eq!(rules(last, Ok), ["B11"]);
    // Since when: the first poll that showed it, in a row.
    let b1 = replayed.polls[2].findings.iter().find(|one| one.rule.0 == "B1").unwrap();
    assert_eq!(b1.since, replayed.polls[1].at);
}

#[test]
fn a_node_with_another_password_is_not_seen_and_nothing_else() {
    let temp = tempfile::tempdir().unwrap();
    let dir = copy("01-healthy", temp.path());
    says(&dir, "19101", "-NOAUTH Authentication required.\r\n");
    let health = judged(&[&dir]).polls.pop().unwrap();
    assert_eq!((health.severity, rules(&health, Unknown)), (Warning, vec!["A5"]), "{:?}", lines(&health));
    assert_eq!((health.counts.not_seen, health.counts.critical, health.counts.warning), (1, 0, 0));
    assert!(health.findings[0].text.contains("(others see it as connected)"), "{}", health.findings[0].text);
    // All of them: nothing is seen.
    for port in 19102..=19106 {
        says(&dir, &port.to_string(), "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    }
    let health = judged(&[&dir]).polls.pop().unwrap();
    assert_eq!(
        (health.severity, health.counts.unknown, health.line.served),
        (Unknown, 6, None),
        "{:?}",
        lines(&health)
    );
}

#[test]
fn with_info_alone_replication_and_memory_are_still_judged_and_the_missing_right_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let dir = copy("09a-memory-full-noeviction", temp.path());
    for port in ["19101", "19106"] {
        for (file, command) in [("cluster-nodes.txt", "cluster|nodes"), ("cluster-info.txt", "cluster|info")] {
            let text = format!("-NOPERM this user has no permissions to run the '{command}' command\r\n");
            fs::write(dir.join(port).join(file), text).unwrap();
        }
    }
    let health = judged(&[&dir]).polls.pop().unwrap();
    let shown = lines(&health);
    assert_eq!((health.severity, rules(&health, Critical)), (Critical, vec!["E1"]), "{shown:?}");
    assert!(shown.iter().any(|line| line.contains("the user lacks +cluster|nodes +cluster|info")), "{shown:?}");
}

#[test]
fn a_master_that_a_script_blocks_serves_nobody() {
    let temp = tempfile::tempdir().unwrap();
    let dir = copy("01-healthy", temp.path());
    says(&dir, "19103", "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n");
    let health = judged(&[&dir]).polls.pop().unwrap();
    assert_eq!(rules(&health, Critical), ["A4", "B1"], "{:?}", lines(&health));
    let kill = health.findings[0].command.as_deref();
    assert_eq!(kill, Some("redis-cli -h 127.0.0.1 -p 19103 SCRIPT KILL"));
}

/// Host 1 is cut off and writes to it are lost: its master claims its slots still, and so does the replica that took over.
#[test]
fn two_masters_of_the_same_slots_are_a_split_and_the_sides_are_said_as_hosts() {
    let temp = tempfile::tempdir().unwrap();
    let healed = copy("11c-partition-healed", temp.path());
    let before = capture("11a-three-hosts-healthy");
    // The views of host 1 are those of before, with everybody else failing; those of the others are of after, without it.
    for port in ["19301", "19304"] {
        let text = fs::read_to_string(before.join(port).join("cluster-nodes.txt")).unwrap();
        let cut = text.lines().map(|line| if line.contains("10.99.0.1:") { line.to_owned() } else { missed(line) });
        fs::write(healed.join(port).join("cluster-nodes.txt"), cut.collect::<Vec<_>>().join("\n")).unwrap();
        let info = fs::read_to_string(before.join(port).join("cluster-info.txt")).unwrap();
        fs::write(healed.join(port).join("cluster-info.txt"), info.replace("cluster_state:ok", "cluster_state:fail"))
            .unwrap();
    }
    for port in ["19302", "19303", "19305", "19306"] {
        let path = healed.join(port).join("cluster-nodes.txt");
        let text = fs::read_to_string(&path).unwrap();
        let cut = text.lines().map(|line| if line.contains("10.99.0.1:") { missed(line) } else { line.to_owned() });
        fs::write(&path, cut.collect::<Vec<_>>().join("\n")).unwrap();
    }
    let health = judged(&[&healed]).polls.pop().unwrap();
    let shown = lines(&health);
    assert_eq!(health.severity, Critical);
    let of = |rule: &str| health.findings.iter().find(|one| one.rule.0 == rule).map(|one| one.text.as_str());
    assert_eq!(
        of("C3"),
        Some(
            "10.99.0.1:19301 (epoch 1, host 10.99.0.1) still claims 0-5460; 10.99.0.3:19306 (epoch 6, host 10.99.0.3) is the owner: \
             writes at 10.99.0.1:19301 are refused after node-timeout, and what was written is lost on healing"
        ),
        "{shown:?}"
    );
    assert!(of("C4").unwrap().contains("{10.99.0.1} | {10.99.0.2, 10.99.0.3}"), "{shown:?}");
    assert_eq!(of("B2"), None, "the side that refuses is not the one that wins: {shown:?}");
}

/// The line of a node that is not heard.
fn missed(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
    words[2] += ",fail?";
    "disconnected".clone_into(&mut words[7]);
    words.join(" ")
}

#[test]
fn a_forgotten_node_is_found_from_either_side() {
    let temp = tempfile::tempdir().unwrap();
    let dir = copy("01-healthy", temp.path());
    for (port, gone) in [("19103", "19104"), ("19104", "19103")] {
        let path = dir.join(port).join("cluster-nodes.txt");
        let text = fs::read_to_string(&path).unwrap();
        let kept: Vec<&str> = text.lines().filter(|line| !line.contains(&format!(":{gone}@"))).collect();
        fs::write(&path, kept.join("\n") + "\n").unwrap();
    }
    let health = judged(&[&dir]).polls.pop().unwrap();
    let shown = lines(&health);
    let texts: Vec<&str> =
        health.findings.iter().filter(|one| one.rule.0 == "C1").map(|one| one.text.as_str()).collect();
    let expected = [
        "127.0.0.1:19103 does not know 127.0.0.1:19104 (5 of 6 know it): CLUSTER MEET",
        "127.0.0.1:19104 does not know 127.0.0.1:19103 (5 of 6 know it): CLUSTER MEET",
    ];
    assert_eq!(texts, expected, "{shown:?}");
    let meet = "redis-cli -h 127.0.0.1 -p 19103 CLUSTER MEET 127.0.0.1 19104";
    assert_eq!(health.findings.iter().find(|one| one.rule.0 == "C1").unwrap().command.as_deref(), Some(meet));
}

#[test]
fn a_marker_of_a_slot_that_is_not_owned_any_more_is_stale() {
    let temp = tempfile::tempdir().unwrap();
    let dir = copy("09a-memory-full-noeviction", temp.path());
    let path = dir.join("19106/cluster-nodes.txt");
    let text = fs::read_to_string(&path).unwrap();
    let marked =
        text.replace("7 connected 0-5460", "7 connected 0-5460 [8450->-da3580799b56c87fb005a4f35bcc638d9f6ffc58]");
    assert_ne!(marked, text);
    fs::write(&path, marked).unwrap();
    let health = judged(&[&dir]).polls.pop().unwrap();
    let found = health.findings.iter().find(|one| one.rule.0 == "B6").unwrap();
    assert!(found.text.contains("migrating what it does not own"), "{}", found.text);
    assert_eq!(found.command.as_deref(), Some("redis-cli -h 127.0.0.1 -p 19106 CLUSTER SETSLOT 8450 STABLE"));
}

/// A master that was started anew without its data: an owner, empty, everything green.
#[test]
fn a_master_that_came_back_empty_is_found_by_what_was_before() {
    let temp = tempfile::tempdir().unwrap();
    let dir = copy("01-healthy", temp.path());
    let path = dir.join("19103/info-everything.txt");
    let text = fs::read_to_string(&path).unwrap();
    let run = text.lines().find(|line| line.starts_with("run_id:")).unwrap();
    let keys = text.lines().find(|line| line.starts_with("db0:")).unwrap();
    fs::write(&path, text.replace(run, &format!("run_id:{}", "5".repeat(40))).replace(keys, "")).unwrap();
    let alone = judged(&[&dir]);
    assert_eq!(alone.last().unwrap().severity, Ok, "one poll cannot tell");
    let both = judged(&[capture("01-healthy"), dir.clone(), dir]);
    let health = both.last().unwrap();
    assert_eq!(rules(health, Critical), ["E7"], "{:?}", lines(health));
    assert!(
        health.findings[0].text.contains("restarted empty: 41,686 keys -> 0; its replica copies this"),
        "{:?}",
        lines(health)
    );
    let kinds: Vec<&str> = health.events.iter().map(|event| event.kind.word()).collect();
    assert_eq!(kinds, ["emptied", "restart"]);
}

/// A replica that fell back to plain SYNC, and one that is sent everything anew.
#[test]
fn a_replica_that_never_acknowledges_is_not_said_to_be_far_behind() {
    let temp = tempfile::tempdir().unwrap();
    let dir = copy("04a-replica-lagging", temp.path());
    let path = dir.join("19102/info-everything.txt");
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.starts_with("slave0:")).unwrap();
    for (attached, rule, part) in [
        ("slave0:ip=127.0.0.1,port=0,state=online,offset=0,lag=758", "D5", "legacy SYNC without ACKs for 12 min"),
        (
            "slave0:ip=127.0.0.1,port=19104,state=wait_bgsave,offset=0,lag=0",
            "D4",
            "syncing: full resync running (wait_bgsave)",
        ),
        ("slave0:ip=127.0.0.1,port=19104,state=online,offset=0,lag=0", "D4", "syncing: full resync is ending"),
    ] {
        fs::write(&path, text.replace(line, attached)).unwrap();
        let health = judged(&[&dir]).polls.pop().unwrap();
        assert_eq!(rules(&health, Warning), [rule], "{:?}", lines(&health));
        assert!(health.findings[0].text.contains(part), "{:?}", lines(&health));
    }
}
