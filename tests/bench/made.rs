//! A made-up cluster, for the bench of the console.

use std::sync::Arc;
use std::time::Duration;

use firn::base::{Severity, Time};
use firn::redis::addr::NodeAddr;
use firn::redis::finding::{Finding, Object, RuleId};
use firn::redis::read::{ClusterRead, RedisRead};
use firn::redis::slots::{SLOTS, SlotSet};
use firn::redis::snapshot::{ClusterLine, Counts, Health, NodeRow, Role, Sight, SlotState, Strip};

/// A cluster of so many nodes, with findings, and no two slots beside each other that stand alike.
pub fn cluster(nodes: u16, now: Time) -> RedisRead {
    let addr = |n: u16| NodeAddr::new("10.99.0.1", 19_100 + n).unwrap();
    let row = |n: u16| NodeRow {
        addr: addr(n),
        id: None,
        role: Some(if n.is_multiple_of(2) { Role::Master } else { Role::Replica }),
        master: (n % 2 == 1).then(|| addr(n - 1)),
        sight: Sight::Answers,
        flags: Vec::new(),
        slots: SlotSet::of((0..273).map(|k| (k * 60 + n, k * 60 + n))),
        severity: if n.is_multiple_of(7) { Severity::Warning } else { Severity::Ok },
        keys: Some(41_793),
        memory: Some(1_100_000_000),
        memory_max: Some(4_000_000_000),
        ops: Some(1_204.0),
        clients: Some(48),
        link: Some(true),
        lag_bytes: Some(812),
        lag_seconds: Some(0),
        looked: Some(now),
        took: Some(Duration::from_micros(294)),
        version: Some("redis 7.0.15".to_owned()),
        uptime: Some(864_000),
        trouble: None,
        rates: Vec::new(),
    };
    let found = |n: u16| Finding {
        rule: RuleId("D2"),
        severity: Severity::Warning,
        object: Object::Node(addr(n)),
        text: "12 s and 30 MB behind, growing 9 MB/s".to_owned(),
        next: Some("look at the network between them".to_owned()),
        command: None,
        since: now,
        brief: None,
        over: false,
        causes: Vec::new(),
        silenced: None,
        silenced_until: None,
    };
    let states = [SlotState::Served, SlotState::Open, SlotState::Failing];
    let health = Health {
        at: now,
        severity: Severity::Warning,
        seen: true,
        counts: Counts { warning: nodes.into(), ..Counts::default() },
        line: ClusterLine { name: "shop".to_owned(), known: nodes.into(), views: 1, ..ClusterLine::default() },
        findings: (0..nodes).map(found).collect(),
        notices: Vec::new(),
        nodes: (0..nodes).map(row).collect(),
        shards: Vec::new(),
        strip: (0..SLOTS).map(|n| Strip { from: n, to: n, state: states[usize::from(n % 3)] }).collect(),
        events: Vec::new(),
    };
    let every = Duration::from_secs(2);
    let one = ClusterRead { name: "shop".to_owned(), production: false, every, health: Some(Arc::new(health)) };
    RedisRead { now, clusters: vec![one] }
}
