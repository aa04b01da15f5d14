//! A made-up cluster, as its nodes answer, and what happens to it.

use std::collections::BTreeMap;
use std::time::Duration;

use firn::base::{Severity, Time};
use firn::redis::addr::NodeAddr;
use firn::redis::aside::Aside;
use firn::redis::finding::Finding;
use firn::redis::health::{Tick, judge_by};
use firn::redis::history::History;
use firn::redis::info::Info;
use firn::redis::limits::{Kind, Limits, Raise, Subject};
use firn::redis::look::{Answer, Look, Reply};
use firn::redis::nodes;
use firn::redis::rules::{RULES, Rule};
use firn::redis::sentinel::SentinelLook;
use firn::redis::snapshot::Health;
use firn::redis::trouble::Trouble;

/// A second of a play.
pub fn at(second: i64) -> Time {
    Time::from_secs(1_795_348_845 + second)
}

/// The name of the node at a port.
pub fn id(port: u16) -> String {
    format!("{port:040}")
}

/// A line of a view.
#[derive(Debug, Clone)]
pub struct Line {
    pub id: String,
    pub addr: String,
    pub flags: String,
    pub master: String,
    pub epoch: u64,
    pub link: &'static str,
    pub slots: String,
}

/// A node, and how it answers.
#[derive(Debug, Clone)]
pub struct Node {
    pub host: String,
    pub port: u16,
    /// It answers nothing.
    pub fails: Option<Trouble>,
    /// It refuses one of the three.
    pub refuses: BTreeMap<&'static str, Trouble>,
    pub info: BTreeMap<String, String>,
    pub view: Vec<Line>,
    pub cluster: BTreeMap<String, String>,
    pub took: Duration,
}

impl Node {
    pub fn set(&mut self, field: &str, value: impl ToString) {
        self.info.insert(field.to_owned(), value.to_string());
    }

    /// Its line of a node.
    pub fn line(&mut self, port: u16) -> &mut Line {
        self.view.iter_mut().find(|line| line.id == id(port)).unwrap()
    }

    pub fn addr(&self) -> NodeAddr {
        NodeAddr::new(&self.host, self.port).unwrap()
    }

    pub fn look(&self, second: i64) -> Look {
        let answer = match &self.fails {
            Some(trouble) => Answer::Failed(trouble.clone()),
            None => Answer::Came(Box::new(self.reply())),
        };
        Look { addr: self.addr(), at: at(second), took: Some(self.took).filter(|_| self.fails.is_none()), answer }
    }

    fn reply(&self) -> Reply {
        let stats = |begin: &str| {
            let all = self.info.iter().filter(|(name, _)| name.starts_with(begin));
            all.map(|(name, value)| format!("{name}:{value}\r\n")).collect::<String>()
        };
        let sections = ["cmdstat_", "errorstat_", "db"];
        let plain: String = self
            .info
            .iter()
            .filter(|(name, _)| !sections.iter().any(|begin| name.starts_with(begin)))
            .map(|(name, value)| format!("{name}:{value}\r\n"))
            .collect();
        let info = format!(
            "# Server\r\n{plain}# Commandstats\r\n{}# Errorstats\r\n{}# Keyspace\r\n{}",
            stats("cmdstat_"),
            stats("errorstat_"),
            stats("db")
        );
        let view: String = self
            .view
            .iter()
            .map(|line| {
                let Line { id, addr, flags, master, epoch, link, slots } = line;
                format!("{id} {addr} {flags} {master} 0 0 {epoch} {link} {slots}\n")
            })
            .collect();
        let cluster: String = self.cluster.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect();
        let refused = |what: &str| self.refuses.get(what).cloned();
        Reply {
            info: refused("INFO").map_or_else(|| Ok(Info::parse(&info)), Err),
            nodes: refused("CLUSTER NODES").map_or_else(|| Ok(nodes::parse(&view).unwrap()), Err),
            cluster: refused("CLUSTER INFO").map_or_else(|| Ok(Info::parse(&cluster)), Err),
        }
    }
}

/// All nodes at a second.
#[derive(Debug, Clone)]
pub struct World {
    pub nodes: Vec<Node>,
    pub asides: Vec<Aside>,
    pub sentinels: Vec<SentinelLook>,
}

/// Slots of the three masters.
pub const SLOTS: [&str; 3] = ["0-5460", "5461-10922", "10923-16383"];

impl World {
    /// Six nodes on three machines, all of it well: masters 7001 to 7003, their replicas 7004 to 7006, each on the next machine.
    pub fn well(second: i64) -> Self {
        let host = |port: u16| match port {
            7001 | 7006 => "10.0.0.1",
            7002 | 7004 => "10.0.0.2",
            _ => "10.0.0.3",
        };
        let line = |own: u16, port: u16| {
            let master = port - if port > 7003 { 3 } else { 0 };
            let part = if port > 7003 { "slave" } else { "master" };
            Line {
                id: id(port),
                addr: format!("{}:{port}@1{port}", host(port)),
                flags: if own == port { format!("myself,{part}") } else { part.to_owned() },
                master: if port > 7003 { id(master) } else { "-".to_owned() },
                epoch: u64::from(master - 7000),
                link: "connected",
                slots: if port > 7003 { String::new() } else { SLOTS[usize::from(port - 7001)].to_owned() },
            }
        };
        let grown = u64::try_from(second + 1000).unwrap();
        let node = |port: u16| {
            let mut info: BTreeMap<String, String> = BTreeMap::new();
            let mut put = |name: &str, value: String| info.insert(name.to_owned(), value);
            put("redis_version", "7.0.15".to_owned());
            put("redis_mode", "cluster".to_owned());
            put("run_id", format!("{port:a>40}"));
            put("uptime_in_seconds", grown.to_string());
            put("loading", "0".to_owned());
            put("connected_clients", "10".to_owned());
            put("cluster_connections", "10".to_owned());
            put("maxclients", "10000".to_owned());
            put("used_memory", "2000000000".to_owned());
            put("maxmemory", "4000000000".to_owned());
            put("maxmemory_policy", "noeviction".to_owned());
            put("mem_not_counted_for_evict", "0".to_owned());
            put("total_system_memory", "16000000000".to_owned());
            put("mem_fragmentation_ratio", "1.10".to_owned());
            put("mem_fragmentation_bytes", "200000000".to_owned());
            put("mem_clients_slaves", "20000".to_owned());
            put("rdb_last_bgsave_status", "ok".to_owned());
            put("rdb_last_save_time", (at(second).as_micros() / 1_000_000).to_string());
            put("aof_last_bgrewrite_status", "ok".to_owned());
            put("aof_last_write_status", "ok".to_owned());
            put("latest_fork_usec", "1000".to_owned());
            put("total_commands_processed", (grown * 2000).to_string());
            put("rejected_connections", "0".to_owned());
            put("evicted_keys", "0".to_owned());
            put("sync_full", "1".to_owned());
            put("acl_access_denied_auth", "0".to_owned());
            put("acl_access_denied_cmd", "0".to_owned());
            put("errorstat_MOVED", "count=7".to_owned());
            put("cmdstat_get", format!("calls={}", grown * 1000));
            put("db0", "keys=40000,expires=0,avg_ttl=0".to_owned());
            put("master_repl_offset", (grown * 10_000).to_string());
            put("repl_backlog_size", "1048576".to_owned());
            if port > 7003 {
                put("role", "slave".to_owned());
                put("master_host", host(port - 3).to_owned());
                put("master_port", (port - 3).to_string());
                put("master_link_status", "up".to_owned());
                put("master_sync_in_progress", "0".to_owned());
                put("connected_slaves", "0".to_owned());
            } else {
                put("role", "master".to_owned());
                put("connected_slaves", "1".to_owned());
                let (other, offset) = (port + 3, grown * 10_000 - 4000);
                put("slave0", format!("ip={},port={other},state=online,offset={offset},lag=0", host(other)));
            }
            let told = [
                ("cluster_state", "ok"),
                ("cluster_slots_assigned", "16384"),
                ("cluster_slots_ok", "16384"),
                ("cluster_slots_pfail", "0"),
                ("cluster_slots_fail", "0"),
                ("cluster_known_nodes", "6"),
                ("cluster_size", "3"),
                ("cluster_current_epoch", "6"),
                ("total_cluster_links_buffer_limit_exceeded", "0"),
            ];
            Node {
                host: host(port).to_owned(),
                port,
                fails: None,
                refuses: BTreeMap::new(),
                info,
                view: (7001..=7006).map(|other| line(port, other)).collect(),
                cluster: told.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                took: Duration::from_micros(400),
            }
        };
        Self { nodes: (7001..=7006).map(node).collect(), asides: Vec::new(), sentinels: Vec::new() }
    }

    pub fn node(&mut self, port: u16) -> &mut Node {
        self.nodes.iter_mut().find(|node| node.port == port).unwrap()
    }

    /// A node is at 10.0.0.9, and nobody where it was.
    pub fn moves(&mut self, port: u16) {
        let mut old = self.node(port).clone();
        old.fails = Some(Trouble::Refused);
        self.node(port).host = "10.0.0.9".to_owned();
        for node in &mut self.nodes {
            node.line(port).addr = format!("10.0.0.9:{port}@1{port}");
        }
        self.nodes.push(old);
    }

    /// A node is gone: nobody listens there, and nobody has a line to it.
    pub fn dies(&mut self, port: u16) {
        self.node(port).fails = Some(Trouble::Refused);
        self.everywhere(port, |line| line.link = "disconnected");
    }

    /// What every other node says of one.
    pub fn everywhere(&mut self, port: u16, change: impl Fn(&mut Line)) {
        for node in self.nodes.iter_mut().filter(|node| node.port != port) {
            change(node.line(port));
        }
    }

    /// What `CLUSTER INFO` says everywhere.
    pub fn told(&mut self, field: &str, value: &str) {
        for node in &mut self.nodes {
            node.cluster.insert(field.to_owned(), value.to_owned());
        }
    }

    pub fn looks(&self, second: i64) -> Vec<Look> {
        self.nodes.iter().map(|node| node.look(second)).collect()
    }
}

/// What is expected of a rule at a second: of no severity, it is silent.
#[derive(Debug, Clone)]
pub struct Says {
    pub second: i64,
    pub rule: &'static str,
    pub severity: Option<Severity>,
    pub text: &'static str,
}

/// What happens, and what must be said.
pub struct Play {
    pub name: &'static str,
    pub subject: Subject,
    pub limits: Limits,
    pub steps: Vec<(i64, World)>,
    pub says: Vec<Says>,
}

impl Play {
    pub fn new(name: &'static str) -> Self {
        let subject = Subject::cluster("shop");
        Self { name, subject, limits: Limits::default(), steps: Vec::new(), says: Vec::new() }
    }

    pub fn kind(mut self, kind: Kind) -> Self {
        self.subject.kind = kind;
        self
    }

    /// The configuration names a node.
    pub fn names(mut self, node: &str) -> Self {
        self.subject.seeds.insert(NodeAddr::parse(node, 6379).unwrap());
        self
    }

    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Ticks from one second to another, both included.
    pub fn ticks(mut self, from: i64, to: i64, every: usize, change: impl Fn(&mut World, i64)) -> Self {
        for second in (from..=to).step_by(every) {
            let mut world = World::well(second);
            change(&mut world, second);
            self.steps.push((second, world));
        }
        self
    }

    /// Ticks each two seconds.
    pub fn run(self, from: i64, to: i64, change: impl Fn(&mut World, i64)) -> Self {
        self.ticks(from, to, 2, change)
    }

    /// All is well.
    pub fn well(self, from: i64, to: i64) -> Self {
        self.run(from, to, |_, _| {})
    }

    pub fn says(mut self, second: i64, rule: &'static str, severity: Severity, text: &'static str) -> Self {
        self.says.push(Says { second, rule, severity: Some(severity), text });
        self
    }

    pub fn silent(mut self, second: i64, rule: &'static str) -> Self {
        self.says.push(Says { second, rule, severity: None, text: "" });
        self
    }

    /// How it stands after each tick, by these rules.
    pub fn judged(&self, rules: &[Rule]) -> Vec<(i64, Health)> {
        self.with(rules, |_, history| history)
    }

    /// The same, by one judge a tick: each reads what the one before has stored.
    pub fn stored(&self) -> Vec<(i64, Health)> {
        self.with(&RULES, |second, history| {
            let read: History = serde_json::from_str(&serde_json::to_string(&history).unwrap()).unwrap();
            assert_eq!(read, history, "{} at {second}: what is stored is not what is read", self.name);
            read
        })
    }

    fn with(&self, rules: &[Rule], between: impl Fn(i64, History) -> History) -> Vec<(i64, Health)> {
        let mut history = History::default();
        let judged = self.steps.iter().map(|(second, world)| {
            let looks = world.looks(*second);
            let tick = Tick {
                subject: &self.subject,
                limits: &self.limits,
                looks: &looks,
                asides: &world.asides,
                sentinels: &world.sentinels,
                now: at(*second),
                raise: Raise::Live,
            };
            let (next, health) = judge_by(rules, &history, &tick);
            history = between(*second, next);
            (*second, health)
        });
        judged.collect()
    }

    /// What of the expected is not said.
    pub fn missed(&self, judged: &[(i64, Health)]) -> Vec<(&'static str, String)> {
        let missed = self.says.iter().filter_map(|says| {
            let health = judged.iter().find(|(second, _)| *second == says.second);
            let health = &health.unwrap_or_else(|| panic!("{}: no tick at {}", self.name, says.second)).1;
            let all: Vec<&Finding> = found(health).filter(|one| one.rule.0 == says.rule).collect();
            let right = match says.severity {
                None => all.is_empty(),
                Some(severity) => all.iter().any(|one| one.severity == severity && one.text.contains(says.text)),
            };
            let lines: Vec<String> = all.iter().map(|one| format!("{} {}", one.severity, one.text)).collect();
            (!right).then(|| (says.rule, format!("{} at {}: {says:?}, not {lines:?}", self.name, says.second)))
        });
        missed.collect()
    }
}

/// Findings and notices.
pub fn found(health: &Health) -> impl Iterator<Item = &Finding> {
    health.findings.iter().chain(&health.notices)
}
