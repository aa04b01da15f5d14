//! States one after another, as one cluster goes through them: who lives when, in which run, and from where its counters and
//! offsets go on when the next state begins.
//!
//! What a state does not tell of a node goes on as in the state before it. A node that it tells nothing of at all is dead if
//! the views call it gone: nobody listens at its address any more. One that lives again after that has been started anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::names::Names;
use super::text;
use crate::base::Time;
use crate::base::addr::NodeAddr;
use crate::base::world::mix;
use crate::demo::scenario::ClusterSpec;
use crate::redis::info::Info;
use crate::redis::look::{Answer, Look};
use crate::redis::nodes::{Flag, parse};
use crate::redis::replay::{Texts, look};
use crate::redis::trouble::{Says, Trouble};

/// Counters that grow as long as a server is used.
const FLOWS: [&str; 17] = [
    "total_connections_received",
    "total_commands_processed",
    "total_net_input_bytes",
    "total_net_output_bytes",
    "total_net_repl_input_bytes",
    "total_net_repl_output_bytes",
    "keyspace_hits",
    "keyspace_misses",
    "total_reads_processed",
    "total_writes_processed",
    "rdb_changes_since_last_save",
    "used_cpu_sys",
    "used_cpu_user",
    "used_cpu_sys_main_thread",
    "used_cpu_user_main_thread",
    "cluster_stats_messages_sent",
    "cluster_stats_messages_received",
];
/// The same, by how they begin.
const FLOWS_OF: [&str; 2] = ["cluster_stats_messages_ping_", "cluster_stats_messages_pong_"];
/// Commands whose calls grow.
const COMMANDS: [&str; 5] = ["cmdstat_get", "cmdstat_set", "cmdstat_ping", "cmdstat_replconf", "cmdstat_info"];
/// Those of a replica that grow with what its master sends.
const COPIED: [&str; 5] = [
    "total_commands_processed",
    "total_net_input_bytes",
    "total_net_repl_input_bytes",
    "total_reads_processed",
    "rdb_changes_since_last_save",
];
/// Counters that grow when something happens: they stand as they were captured, and never fall within a run.
const COUNTED: [&str; 10] = [
    "total_error_replies",
    "rejected_connections",
    "sync_full",
    "sync_partial_ok",
    "sync_partial_err",
    "expired_keys",
    "evicted_keys",
    "acl_access_denied_auth",
    "acl_access_denied_cmd",
    "total_cluster_links_buffer_limit_exceeded",
];
/// What is told as a rate, of which counter, and how many of it are one of what is told (`kbps` are KiB a second).
const RATES: [(&str, &str, f64); 5] = [
    ("instantaneous_ops_per_sec", "total_commands_processed", 1.0),
    ("instantaneous_input_kbps", "total_net_input_bytes", 1024.0),
    ("instantaneous_output_kbps", "total_net_output_bytes", 1024.0),
    ("instantaneous_input_repl_kbps", "total_net_repl_input_bytes", 1024.0),
    ("instantaneous_output_repl_kbps", "total_net_repl_output_bytes", 1024.0),
];
/// What one run of a server has, and no other.
const NAMED: [&str; 2] = ["run_id", "process_id"];
/// Load varies in waves of so many seconds, by so many seconds' worth either way: a fifth at most, in all.
const WAVES: [(f64, f64); 2] = [(40.0, 2.5), (3.0, 0.1)];
/// A replica has acknowledged what was written this long ago at most, seconds; servers acknowledge once a second.
const ACKNOWLEDGED: f64 = 0.6;
/// A look takes so long, and up to as much again, microseconds.
const TRIP: f64 = 230.0;

/// A node in one state.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    texts: Texts,
    /// Nobody listens there.
    dead: bool,
    /// When it was captured.
    pub captured: Option<Time>,
    /// Bytes of its backlog that were kept then.
    pub backlog: Option<u64>,
    /// Whose replica it is, while the line to that one stands.
    follows: Option<NodeAddr>,
    /// What its counters grow by a second.
    rates: BTreeMap<String, f64>,
    /// Bytes a second that it writes as a master.
    writes: f64,
    /// Where all of it stands when the state begins.
    from: Stand,
}

/// Where the counters of a node stand.
#[derive(Debug, Clone, Default)]
struct Stand {
    /// What names this run, and no other.
    named: BTreeMap<String, String>,
    uptime: f64,
    flows: BTreeMap<String, f64>,
    counted: BTreeMap<String, u64>,
    offset: Option<f64>,
}

/// What has moved since a state was captured.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Seconds since the state began.
    pub since: f64,
    /// Seconds that it has run.
    pub uptime: f64,
    /// Up to where it has written, or copied.
    pub offset: Option<f64>,
    /// Up to where its replicas have acknowledged.
    pub acknowledged: Option<f64>,
    /// Whether the last acknowledgement is a second old.
    pub late: bool,
    named: BTreeMap<String, String>,
    flows: BTreeMap<String, f64>,
    counted: BTreeMap<String, u64>,
    now: BTreeMap<&'static str, f64>,
}

impl Moved {
    /// What names the run of the server.
    pub fn named(&self, name: &str) -> Option<String> {
        self.named.get(name).cloned()
    }

    /// A counter that grows with use.
    pub fn flow(&self, name: &str) -> Option<f64> {
        self.flows.get(name).copied()
    }

    /// A counter that grows when something happens.
    pub fn counted(&self, name: &str) -> Option<u64> {
        self.counted.get(name).copied()
    }

    /// What is told as a rate.
    pub fn rate(&self, name: &str) -> Option<f64> {
        self.now.get(name).copied()
    }
}

/// A state of the cluster, from when on it is so.
#[derive(Debug)]
struct Act {
    /// Seconds since the scenario began.
    from: f64,
    parts: BTreeMap<NodeAddr, Part>,
}

/// What a cluster goes through.
#[derive(Debug)]
pub struct Reel {
    acts: Vec<Act>,
    seed: u64,
    start: Time,
}

impl Reel {
    /// What the cluster of a scenario goes through, which begins at `start`.
    pub fn new(spec: &ClusterSpec, seed: u64, start: Time) -> Self {
        let told: Vec<BTreeMap<NodeAddr, Texts>> = spec.acts.iter().map(|act| by_address(&act.state.nodes)).collect();
        let mut nodes: BTreeSet<NodeAddr> = told.iter().flat_map(|told| told.keys().cloned()).collect();
        nodes.extend(told.iter().flat_map(viewed));
        let names = Names::deal(&nodes, &spec.machines);
        let mut reel = Self { acts: Vec::new(), seed: mix(seed ^ hash(&spec.name)), start };
        for (act, told) in spec.acts.iter().zip(told) {
            let told = told.iter().map(|(addr, texts)| (names.of(addr), names.texts(addr, texts))).collect();
            reel.enter(act.at.as_secs_f64(), &told, spec.age);
        }
        reel
    }

    /// The next state begins.
    fn enter(&mut self, from: f64, told: &BTreeMap<NodeAddr, Texts>, age: Duration) {
        let before = self.acts.last();
        let mut nodes: BTreeSet<NodeAddr> = told.keys().cloned().collect();
        nodes.extend(viewed(told));
        let mut parts: BTreeMap<NodeAddr, Part> = BTreeMap::new();
        for addr in nodes {
            let last = before.and_then(|act| act.parts.get(&addr)).filter(|part| !part.dead);
            let dead = || Part { dead: true, ..Part::default() };
            let goes_on = |texts: &Texts| {
                let [info, view, cluster] = texts.clone();
                let last = last.map(|part| part.texts.clone()).unwrap_or_default();
                let [last_info, last_view, last_cluster] = last;
                [info.or(last_info), view.or(last_view), cluster.or(last_cluster)]
            };
            let part = match told.get(&addr) {
                Some(texts) => captured(goes_on(texts)),
                None if is_gone(told, &addr) => dead(),
                None => captured(goes_on(&Texts::default())),
            };
            if part.dead || part.texts.iter().any(Option::is_some) {
                parts.insert(addr, part);
            }
        }
        let ends: BTreeMap<NodeAddr, Stand> = match before {
            None => BTreeMap::new(),
            Some(act) => act.parts.keys().map(|addr| (addr.clone(), self.stand(act, addr, from))).collect(),
        };
        for (addr, part) in &mut parts {
            let (last, lived) = (ends.get(addr), before.and_then(|act| act.parts.get(addr)).map(|part| !part.dead));
            part.from = begins(part, last, lived, age);
        }
        // A replica is where its master is; one that has lost its master stands where it was.
        let offsets: BTreeMap<NodeAddr, f64> =
            parts.iter().filter_map(|(addr, part)| Some((addr.clone(), part.from.offset?))).collect();
        for part in parts.values_mut() {
            let follows = part.follows.as_ref().and_then(|master| offsets.get(master));
            part.from.offset = follows.copied().or(part.from.offset);
        }
        self.acts.push(Act { from, parts });
    }

    /// Where a node stands at a time within a state.
    fn stand(&self, act: &Act, addr: &NodeAddr, t: f64) -> Stand {
        let Some(part) = act.parts.get(addr) else { return Stand::default() };
        let mut stand = part.from.clone();
        stand.uptime += t - act.from;
        let used = self.used(addr, t) - self.used(addr, act.from);
        for (name, value) in &mut stand.flows {
            *value += part.rates.get(name).copied().unwrap_or(0.0) * used;
        }
        stand.offset = self.offset(act, addr, t);
        stand
    }

    /// Up to where a node has written, or copied.
    fn offset(&self, act: &Act, addr: &NodeAddr, t: f64) -> Option<f64> {
        let part = act.parts.get(addr)?;
        match &part.follows {
            Some(master) if master != addr && act.parts.get(master).is_some_and(|one| one.follows.is_none()) => {
                self.offset(act, master, t)
            }
            _ => Some(part.from.offset? + part.writes * (self.used(addr, t) - self.used(addr, act.from))),
        }
    }

    /// Seconds' worth of its usual load that a node has had: it grows with the time, now a little faster, now slower.
    fn used(&self, addr: &NodeAddr, t: f64) -> f64 {
        let node = hash(&addr.to_string());
        let waves = WAVES.iter().map(|(span, most)| {
            let (whole, part) = ((t / span).floor(), (t / span).fract());
            let (here, next) = (self.noise(node, *span, whole), self.noise(node, *span, whole + 1.0));
            most * (here + (next - here) * part)
        });
        t + waves.sum::<f64>()
    }

    /// From −1 to 1, the same for the same place.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // any bits will do
    fn noise(&self, node: u64, span: f64, place: f64) -> f64 {
        let drawn = mix(self.seed ^ mix(node ^ mix((span as u64) ^ ((place as i64 as u64) << 8))));
        #[allow(clippy::cast_precision_loss)] // 32 bits
        let part = (drawn >> 32) as f64 / f64::from(u32::MAX);
        2.0 * part - 1.0
    }

    /// What has moved of a node.
    fn moved(&self, act: &Act, addr: &NodeAddr, part: &Part, t: f64) -> Moved {
        let stand = self.stand(act, addr, t);
        let load = self.used(addr, t) - self.used(addr, t - 1.0);
        let rate = |(told, of, one): &(&'static str, &str, f64)| {
            let rate = part.rates.get(*of).copied().unwrap_or(0.0);
            (*told, rate * load / one)
        };
        // Later than the last acknowledgement by less than a second.
        let late = f64::midpoint(self.noise(hash(&addr.to_string()), 1.0, t.floor()), 1.0);
        Moved {
            since: t - act.from,
            uptime: stand.uptime,
            named: stand.named,
            offset: stand.offset,
            acknowledged: self
                .offset(act, addr, t - late * ACKNOWLEDGED)
                .map(|at| at.max(part.from.offset.unwrap_or(0.0))),
            late: late > 0.7,
            flows: stand.flows,
            counted: stand.counted,
            now: RATES.iter().map(rate).collect(),
        }
    }

    /// What a look at every node yields then.
    pub fn looks(&self, now: Time) -> Vec<Look> {
        #[allow(clippy::cast_precision_loss)] // days in microseconds are exact
        let t = now.as_micros().saturating_sub(self.start.as_micros()) as f64 / 1e6;
        let here = self.acts.partition_point(|act| act.from <= t).saturating_sub(1);
        let Some(act) = self.acts.get(here) else { return Vec::new() };
        act.parts.iter().filter_map(|(addr, part)| self.look(act, addr, part, t, now)).collect()
    }

    fn look(&self, act: &Act, addr: &NodeAddr, part: &Part, t: f64, now: Time) -> Option<Look> {
        if part.dead {
            return Some(Look { addr: addr.clone(), at: now, took: None, answer: Answer::Failed(Trouble::Refused) });
        }
        let moved = self.moved(act, addr, part, t);
        let [info, view, cluster] = &part.texts;
        let texts = [
            info.as_deref().map(|one| text::info(one, part, &moved, now)),
            view.as_deref().map(|one| text::nodes(one, &moved, now)),
            cluster.as_deref().map(|one| text::cluster(one, &moved)),
        ];
        let seen = look(&crate::redis::record::folder(addr), &texts)?;
        let came = matches!(seen.answer, Answer::Came(_));
        let trip = TRIP * (1.0 + f64::midpoint(self.noise(hash(&addr.to_string()), 2.0, (t * 4.0).floor()), 1.0));
        Some(Look { addr: addr.clone(), at: now, took: came.then(|| Duration::from_micros(text::whole(trip))), ..seen })
    }
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte)))
}

/// The replies of a state by the nodes' addresses.
fn by_address(nodes: &[(String, Texts)]) -> BTreeMap<NodeAddr, Texts> {
    nodes.iter().filter_map(|(name, texts)| Some((look(name, texts)?.addr, texts.clone()))).collect()
}

/// The nodes that views speak of.
fn viewed(told: &BTreeMap<NodeAddr, Texts>) -> Vec<NodeAddr> {
    let views = told.values().filter_map(|[_, view, _]| parse(view.as_deref()?).ok());
    views.flatten().filter_map(|line| line.addr).collect()
}

/// Whether most views have no line to it, or call it failed.
fn is_gone(told: &BTreeMap<NodeAddr, Texts>, addr: &NodeAddr) -> bool {
    let views = told.values().filter_map(|[_, view, _]| parse(view.as_deref()?).ok());
    let lines = views.filter_map(|lines| lines.into_iter().find(|line| line.addr.as_ref() == Some(addr)));
    let said: Vec<bool> = lines.map(|line| !line.connected || line.is(Flag::Fail) || line.is(Flag::PFail)).collect();
    said.iter().filter(|gone| **gone).count() * 2 > said.len()
}

/// What the replies of a node say of how it moves.
fn captured(texts: Texts) -> Part {
    let told = |text: &Option<String>| text.as_deref().map(Info::parse).unwrap_or_default();
    let (info, cluster) = (told(&texts[0]), told(&texts[2]));
    let failed = texts.iter().flatten().next().and_then(|text| crate::redis::record::read_trouble(text));
    let dead = failed.is_some_and(|trouble| trouble == Trouble::Refused || trouble.says() == Says::Down);
    let uptime = info.float("uptime_in_seconds").unwrap_or(0.0).max(1.0);
    let mut rates = BTreeMap::new();
    for (name, value) in numbers(&info, &cluster) {
        rates.insert(name, value / uptime);
    }
    if info.get("master_link_status") == Some("down") {
        // Nothing comes to it any more.
        rates.retain(|name, _| !COPIED.contains(&name.as_str()));
    }
    let master = info.get("master_host").zip(info.number("master_port"));
    let master = master.and_then(|(host, port)| NodeAddr::new(host, u16::try_from(port).ok()?));
    Part {
        dead,
        backlog: info.number("repl_backlog_histlen"),
        captured: info.signed("server_time_usec").map(Time::from_micros),
        follows: master.filter(|_| info.get("master_link_status") == Some("up")),
        writes: match info.get("role") {
            Some("master") => info.float("master_repl_offset").unwrap_or(0.0) / uptime,
            _ => 0.0,
        },
        rates,
        texts,
        from: Stand::default(),
    }
}

/// Counters that grow with use, as they were captured.
fn numbers(info: &Info, cluster: &Info) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    for name in FLOWS {
        all.extend(info.float(name).or_else(|| cluster.float(name)).map(|value| (name.to_owned(), value)));
    }
    for with in FLOWS_OF {
        all.extend(
            cluster.beginning(with).filter_map(|(rest, value)| Some((format!("{with}{rest}"), value.parse().ok()?))),
        );
    }
    for name in COMMANDS {
        for part in ["calls", "usec"] {
            let value = info.get(name).and_then(|value| Info::part(value, part)?.parse().ok());
            all.extend(value.map(|value: f64| (format!("{name} {part}"), value)));
        }
    }
    all
}

/// Counters that grow when something happens, as they were captured.
fn happened(info: &Info, cluster: &Info) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for name in COUNTED {
        all.extend(info.number(name).or_else(|| cluster.number(name)).map(|value| (name.to_owned(), value)));
    }
    let errors = info.beginning("errorstat_");
    all.extend(
        errors
            .filter_map(|(code, value)| Some((format!("errorstat_{code}"), Info::part(value, "count")?.parse().ok()?))),
    );
    all
}

/// Where a node stands when a state begins: as it stood at the end of the one before, or as a server that has just begun.
fn begins(part: &Part, last: Option<&Stand>, lived: Option<bool>, age: Duration) -> Stand {
    let told = |text: &Option<String>| text.as_deref().map(Info::parse).unwrap_or_default();
    let (info, cluster) = (told(&part.texts[0]), told(&part.texts[2]));
    let (flows, mut counted) = (numbers(&info, &cluster), happened(&info, &cluster));
    let named = NAMED.iter().filter_map(|name| Some(((*name).to_owned(), info.get(name)?.to_owned()))).collect();
    match (last, lived) {
        _ if part.dead => last.cloned().unwrap_or_default(),
        (Some(last), Some(true)) => {
            let go_on = flows.into_iter().map(|(name, value)| {
                let value = last.flows.get(&name).copied().unwrap_or(value);
                (name, value)
            });
            for (name, value) in &last.counted {
                let count = counted.entry(name.clone()).or_default();
                *count = (*count).max(*value);
            }
            let flows = go_on.collect();
            let named = if last.named.is_empty() { named } else { last.named.clone() };
            Stand { named, uptime: last.uptime, flows, counted, offset: last.offset }
        }
        (Some(last), _) => {
            let flows = flows.into_keys().map(|name| (name, 0.0)).collect();
            Stand { named, uptime: 0.0, flows, counted, offset: last.offset }
        }
        (None, _) => {
            // It has run for so long already, and as it was captured.
            let age = age.as_secs_f64();
            let grown = flows.into_iter().map(|(name, value)| {
                let more = part.rates.get(&name).copied().unwrap_or(0.0) * age;
                (name, value + more)
            });
            Stand {
                named,
                uptime: info.float("uptime_in_seconds").unwrap_or(0.0) + age,
                flows: grown.collect(),
                counted,
                offset: info.float("master_repl_offset").map(|offset| offset + part.writes * age),
            }
        }
    }
}
