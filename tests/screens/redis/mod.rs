//! The Redis tab over made-up clusters: what those are, and consoles over them. Its lists, one node looked at closely, the
//! benchmark and what comes from outside have rooms of their own.

mod closely;
mod lists;
pub mod load;
mod orders;
mod outside;

use std::sync::Arc;
use std::time::Duration;

use firn::base::{Severity, Time};
use firn::console::details::Group;
use firn::console::effect::{Query, RedisPanel};
use firn::console::model::Model;
use firn::console::msg::{Msg, Reply};
use firn::console::tabs::redis::List;
use firn::redis::addr::NodeAddr;
use firn::redis::finding::{Event, EventKind, Finding, Object, RuleId};
use firn::redis::limits::Kind;
use firn::redis::nodes::{Flag, NodeId};
use firn::redis::read::{ClusterRead, RedisRead};
use firn::redis::slots::{SLOTS, SlotSet};
use firn::redis::snapshot::{ClusterLine, Counts, Health, NodeRow, Role, ShardRow, Sight, SlotState, Strip};

use crate::kit::{NOW, ago, busy, console, go, paint, send};

pub fn addr(port: u16) -> NodeAddr {
    NodeAddr::new("10.99.0.1", port).unwrap()
}

fn id(port: u16) -> NodeId {
    NodeId::parse(&format!("{port:040x}")).unwrap()
}

/// A node that answers and serves.
pub fn node(port: u16, role: Role) -> NodeRow {
    NodeRow {
        addr: addr(port),
        id: Some(id(port)),
        role: Some(role),
        master: None,
        sight: Sight::Answers,
        flags: vec![if role == Role::Master { Flag::Master } else { Flag::Replica }],
        slots: SlotSet::default(),
        severity: Severity::Ok,
        keys: Some(13_931),
        memory: Some(1_100_000_000),
        memory_max: Some(4_000_000_000),
        ops: Some(1_204.4),
        clients: Some(48),
        link: None,
        lag_bytes: None,
        lag_seconds: None,
        looked: Some(NOW),
        took: Some(Duration::from_micros(294)),
        version: Some("redis 7.0.15".to_owned()),
        uptime: Some(864_000),
        trouble: None,
        rates: vec![("instantaneous_ops", 1_204.4), ("evicted_keys", 0.0)],
    }
}

/// A replica that follows closely.
pub fn replica(port: u16, of: u16) -> NodeRow {
    NodeRow {
        master: Some(addr(of)),
        link: Some(true),
        lag_bytes: Some(812),
        lag_seconds: Some(0),
        ops: Some(401.0),
        clients: Some(4),
        ..node(port, Role::Replica)
    }
}

/// A node of which nothing is seen.
pub fn dark(row: NodeRow, sight: Sight, severity: Severity, trouble: &str) -> NodeRow {
    NodeRow {
        sight,
        severity,
        keys: None,
        memory: None,
        memory_max: None,
        ops: None,
        clients: None,
        link: None,
        lag_bytes: None,
        lag_seconds: None,
        took: None,
        version: None,
        uptime: None,
        trouble: Some(trouble.to_owned()),
        rates: Vec::new(),
        ..row
    }
}

pub fn finding(rule: &'static str, severity: Severity, object: Object, text: &str) -> Finding {
    Finding {
        rule: RuleId(rule),
        severity,
        object,
        text: text.to_owned(),
        next: None,
        command: None,
        brief: None,
        since: ago(4),
        over: false,
        causes: Vec::new(),
        silenced: None,
        silenced_until: None,
    }
}

fn counted(health: &mut Health) {
    let mut counts = Counts { not_seen: health.line.not_seen, ..Counts::default() };
    for finding in &health.findings {
        match (finding.silenced.is_some(), finding.severity) {
            (true, _) => counts.silenced += 1,
            (_, Severity::Critical) => counts.critical += 1,
            (_, Severity::Warning) => counts.warning += 1,
            (_, Severity::Unknown) => counts.unknown += 1,
            _ => {}
        }
    }
    health.counts = counts;
    let open = health.findings.iter().filter(|finding| finding.silenced.is_none());
    health.severity = open.map(|finding| finding.severity).max().unwrap_or_default();
    if health.severity == Severity::Unknown {
        health.severity = Severity::Warning;
    }
}

/// So many shards with a replica each, in which nothing is wrong.
pub fn healthy(name: &str, shards: u16) -> Health {
    let edge = |n: u16| u16::try_from(u32::from(n) * u32::from(SLOTS) / u32::from(shards)).unwrap();
    let (mut nodes, mut rows) = (Vec::new(), Vec::new());
    for n in 0..shards {
        let slots = SlotSet::of([(edge(n), edge(n + 1) - 1)]);
        let (master, copy) = (19_101 + n, 19_101 + shards + n);
        nodes.push(NodeRow { slots: slots.clone(), ..node(master, Role::Master) });
        nodes.push(replica(copy, master));
        rows.push(ShardRow {
            master: addr(master),
            replicas: vec![addr(copy)],
            share: slots.share(),
            slots,
            served: Some(true),
        });
    }
    let count = u32::from(shards);
    Health {
        at: NOW,
        severity: Severity::Ok,
        seen: true,
        counts: Counts::default(),
        line: ClusterLine {
            name: name.to_owned(),
            kind: Kind::Cluster,
            state: Some("ok".to_owned()),
            served: Some(u32::from(SLOTS)),
            unseen: Some(0),
            uncovered: Some(0),
            assigned: Some(u32::from(SLOTS)),
            epoch: Some(6),
            masters: Some(count),
            replicas: Some(count),
            known: 2 * count,
            answering: 2 * count,
            not_seen: 0,
            keys: Some(13_931 * u64::from(shards)),
            ops: Some(1_605.4 * f64::from(shards)),
            views: 1,
        },
        findings: Vec::new(),
        notices: vec![finding("B13", Severity::Ok, Object::Node(addr(19_103)), "imbalance 1.6x in ops")],
        nodes,
        shards: rows,
        strip: vec![Strip { from: 0, to: SLOTS - 1, state: SlotState::Served }],
        events: vec![Event {
            at: ago(7_200),
            kind: EventKind::Failover,
            node: addr(19_101),
            slots: SlotSet::of([(0, 5460)]),
            text: "0-5460 went from 10.99.0.1:19104 to 10.99.0.1:19101, about 8 s".to_owned(),
            lasted: Some(8_040),
        }],
    }
}

fn strip(parts: &[(u16, u16, SlotState)]) -> Vec<Strip> {
    parts.iter().map(|(from, to, state)| Strip { from: *from, to: *to, state: *state }).collect()
}

/// A master was killed two seconds ago: the cluster itself still says that all is well.
pub fn failing_over() -> Health {
    let mut health = healthy("shop", 3);
    let gone = dark(health.nodes[0].clone(), Sight::Down, Severity::Critical, "connection refused");
    health.nodes[0] = gone;
    health.nodes[1].link = Some(false);
    health.nodes[1].lag_seconds = Some(3);
    health.nodes[1].severity = Severity::Warning;
    health.line.answering = 5;
    health.line.served = Some(10_923);
    health.line.uncovered = Some(5_461);
    (health.line.keys, health.line.ops) = (None, None);
    health.shards[0].served = Some(false);
    health.strip = strip(&[(0, 5_460, SlotState::Failing), (5_461, 16_383, SlotState::Served)]);
    let mut first = finding(
        "A1",
        Severity::Critical,
        Object::Node(addr(19_101)),
        "10.99.0.1:19101, master of 0-5460 (33 %): refused for 4 s; cluster not yet aware (node-timeout 15 s); failover to \
         10.99.0.1:19104 due in about 12 s",
    );
    first.brief = Some("10.99.0.1:19101: refused for 4 s".to_owned());
    first.next = Some("wait for the failover; if the machine is up, start the server there".to_owned());
    let mut second = finding(
        "B1",
        Severity::Critical,
        Object::Slots(SlotSet::of([(0, 5_460)])),
        "5461 slots (33 %) have no live owner: failover under way",
    );
    second.since = ago(2);
    let third =
        finding("D1", Severity::Warning, Object::Node(addr(19_104)), "link down 3 s: its master does not answer");
    health.findings = vec![first, second, third];
    counted(&mut health);
    health
}

/// A master and its only replica are gone, and the cluster goes on without a third of its slots.
pub fn uncovered() -> Health {
    let mut health = failing_over();
    health.nodes[1] = dark(health.nodes[1].clone(), Sight::Down, Severity::Warning, "connection refused");
    health.nodes[0].flags.push(Flag::Fail);
    health.line.answering = 4;
    health.findings.truncate(2);
    "5461 slots (33 %) have no live owner: 0-5460, master 10.99.0.1:19101, no replica left"
        .clone_into(&mut health.findings[1].text);
    health.findings[1].next = Some("start 10.99.0.1:19101 or its replica 10.99.0.1:19104 again".to_owned());
    health.findings.swap(0, 1);
    let off = finding("B3", Severity::Critical, Object::Cluster, "serving 67 % of slots: full coverage is off");
    health.findings.insert(1, off);
    counted(&mut health);
    health
}

/// Views name different owners of a slot, another one is half open, one node does not let us look.
pub fn disputed() -> Health {
    let mut health = healthy("shop", 3);
    health.line.views = 2;
    health.line.served = Some(16_382);
    health.line.not_seen = 1;
    health.line.answering = 5;
    health.nodes[5] =
        dark(health.nodes[5].clone(), Sight::Blind, Severity::Unknown, "does not take this user and password");
    health.strip = strip(&[
        (0, 0, SlotState::Served),
        (1, 1, SlotState::Disputed),
        (2, 8_449, SlotState::Served),
        (8_450, 8_450, SlotState::Open),
        (8_451, 16_383, SlotState::Served),
    ]);
    let mut loops = finding(
        "C2",
        Severity::Critical,
        Object::Slots(SlotSet::of([(1, 1)])),
        "slot 1: 10.99.0.1:19106 says 10.99.0.1:19102, all others say 10.99.0.1:19101: MOVED loop",
    );
    loops.next = Some("tell the node that is wrong who the owner is".to_owned());
    loops.command = Some(format!("redis-cli -h 10.99.0.1 -p 19106 CLUSTER SETSLOT 1 NODE {}", id(19_101).as_str()));
    let mut open = finding(
        "B6",
        Severity::Warning,
        Object::Slots(SlotSet::of([(8_450, 8_450)])),
        "slot 8450 is half open: only 10.99.0.1:19102 knows",
    );
    open.command = Some("redis-cli -h 10.99.0.1 -p 19102 CLUSTER SETSLOT 8450 STABLE".to_owned());
    let blind = finding(
        "A5",
        Severity::Unknown,
        Object::Node(addr(19_106)),
        "cannot look inside: wrong password (others see it as connected)",
    );
    let mut quiet = finding(
        "B10",
        Severity::Warning,
        Object::Host("10.99.0.1".to_owned()),
        "losing host 10.99.0.1 stops the cluster",
    );
    quiet.silenced = Some("silenced by mira until 13:00Z: one machine in the lab".to_owned());
    health.findings = vec![loops, open, blind, quiet];
    counted(&mut health);
    health
}

/// A cluster as it is configured.
pub fn read(health: Health) -> ClusterRead {
    ClusterRead {
        name: health.line.name.clone(),
        production: false,
        every: Duration::from_secs(2),
        health: Some(Arc::new(health)),
    }
}

fn named(mut health: Health, name: &str) -> Health {
    name.clone_into(&mut health.line.name);
    health
}

/// Independent nodes, as the buckets of dtm-redis.
pub fn list() -> Health {
    let mut health = named(healthy("buckets", 2), "buckets");
    health.line.kind = Kind::List;
    for row in &mut health.nodes {
        (row.role, row.master, row.link, row.slots) = (None, None, None, SlotSet::default());
        row.flags.clear();
    }
    (health.line.state, health.line.served, health.line.assigned, health.line.epoch) = (None, None, None, None);
    (health.line.masters, health.line.replicas, health.line.views) = (Some(4), None, 0);
    (health.shards, health.strip) = (Vec::new(), Vec::new());
    (health.notices, health.events) = (Vec::new(), Vec::new());
    health
}

/// Several clusters: one in trouble, one in dispute, one of lists, one in production, one nobody has looked at.
pub fn clusters() -> RedisRead {
    let mut production = read(healthy("ledger", 3));
    production.production = true;
    let unread = ClusterRead { name: "sessions".to_owned(), health: None, ..production.clone() };
    RedisRead {
        now: NOW,
        clusters: vec![production, unread, read(disputed()), read(named(failing_over(), "carts")), read(list())],
    }
}

pub fn one(health: Health) -> RedisRead {
    RedisRead { now: NOW, clusters: vec![read(health)] }
}

/// A console on the tab, over these clusters.
pub fn over(read: RedisRead) -> Model {
    let mut model = console(busy());
    send(&mut model, Msg::Redis(Ok(Arc::new(read))));
    go(&mut model, "5");
    let (_, report) = paint(&model, (140, 40));
    model.drawn(report);
    model
}

/// One over a cluster alone.
pub fn alone(health: Health) -> Model {
    over(one(health))
}

/// Selects a finding by its rule.
pub fn select(model: &mut Model, rule: &str) {
    let at = model.redis.findings.ids.iter().position(|id| id.rule == rule).unwrap();
    model.redis.select(List::Findings, at);
}

/// Selects a node.
pub fn select_node(model: &mut Model, port: u16) {
    let at = model.redis.nodes.ids.iter().position(|id| *id == addr(port)).unwrap();
    model.redis.select(List::Nodes, at);
}

/// A node looked at closely.
pub fn closely(health: Health, port: u16) -> Model {
    let mut model = alone(health);
    select_node(&mut model, port);
    go(&mut model, "enter");
    model
}

/// A console in which an action of the tab can be done.
pub fn ready(id: &str) -> Model {
    match id {
        "redis.stable" => {
            let mut model = alone(disputed());
            select(&mut model, "B6");
            model
        }
        "redis.failover" => {
            let mut model = alone(healthy("shop", 3));
            select_node(&mut model, 19_104);
            model
        }
        "redis.kill" => {
            let mut model = alone(healthy("shop", 3));
            select_node(&mut model, 19_101);
            model
        }
        "redis.details" | "redis.turn" => over(clusters()),
        "node.failover" => closely(healthy("shop", 3), 19_104),
        "node.again" => {
            let mut model = closely(healthy("shop", 3), 19_101);
            go(&mut model, "right");
            model
        }
        "load.stop" => load::running(),
        "load.another" => load::ended(),
        id if id.starts_with("node.") => closely(healthy("shop", 3), 19_101),
        id if id.starts_with("bench.") => {
            let mut model = alone(healthy("shop", 3));
            go(&mut model, "b");
            model
        }
        id if id.starts_with("load.") => load::running(),
        id if id.starts_with("events.") => {
            let mut model = alone(healthy("shop", 3));
            go(&mut model, "e");
            model
        }
        _ => alone(failing_over()),
    }
}

/// Consoles on which little can be done.
pub fn bare() -> Vec<Model> {
    let mut all = vec![over(RedisRead { now: NOW, clusters: Vec::new() }), over(clusters())];
    // Nodes in their tree, no finding, no replica, no orders.
    let mut tree = alone(list());
    go(&mut tree, "right");
    all.push(tree);
    let unread = ClusterRead { health: None, ..read(healthy("shop", 3)) };
    all.push(over(RedisRead { now: NOW, clusters: vec![unread] }));
    let mut production = read(healthy("shop", 3));
    production.production = true;
    all.push(over(RedisRead { now: NOW, clusters: vec![production.clone()] }));
    // One node alone, looked at closely, as every look has it.
    let mut single = list();
    single.nodes.truncate(1);
    all.push(closely(single, 19_101));
    let mut form = alone(healthy("shop", 3));
    go(&mut form, "b ctrl-u");
    all.push(form);
    all.extend([load::ended(), load::running()]);
    // It has become production since it was opened.
    let mut meanwhile = load::ended();
    send(&mut meanwhile, Msg::Redis(Ok(Arc::new(RedisRead { now: NOW, clusters: vec![production] }))));
    all.push(meanwhile);
    all
}

/// The answer to what is asked of a node.
pub fn answer_panel(query: &Query) -> Reply {
    let Query::RedisPanel { panel, node, .. } = query else { panic!("{query:?}") };
    let mut group = Group::new(match panel {
        RedisPanel::Info => "Server",
        RedisPanel::SlowLog => "slowest first",
        _ => "",
    });
    match panel {
        RedisPanel::Info => group.line("redis_version", "7.0.15"),
        RedisPanel::SlowLog => group.line("24.6 ms", "KEYS * from 127.0.0.1:47132"),
        RedisPanel::Clients => group.line("id 7", format!("addr=127.0.0.1:47132 laddr={node}")),
        _ => {}
    }
    let result = match panel {
        RedisPanel::Config => Err("the user may not do that: NOPERM config|get".to_owned()),
        _ => Ok(vec![group]),
    };
    Reply::RedisPanel(query.clone(), result)
}

/// That many seconds later.
pub fn later(secs: u64) -> Time {
    NOW.plus(Duration::from_secs(secs))
}
