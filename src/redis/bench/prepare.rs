//! Before clients begin: every host is asked once, a cluster for its masters, and accounts are laid out.

use std::collections::BTreeMap;

use super::control::{Control, auth};
use super::guard::Watch;
use super::ledger::BEGIN;
use super::nodes::{Node, Nodes, masters};
use super::shared::{Place, Plan};
use super::spec::{BenchError, RunId, Spec, Work};
use super::wire;
use crate::redis::addr::NodeAddr;
use crate::redis::info::Info;
use crate::redis::nodes;
use crate::redis::resp::{Value, request};
use crate::redis::slots::{SLOTS, slot_of};
use crate::redis::trouble::Trouble;

/// Requests that are sent before their answers are read.
const AT_ONCE: usize = 256;

/// Keys that a host is asked for, to see whether it sends elsewhere.
const KEYS_ASKED: u32 = 32;

/// What a run is about to do.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) plan: Plan,
    pub(super) nodes: Nodes,
}

/// A host that does not answer as it should.
fn of(host: &NodeAddr) -> impl FnOnce(Trouble) -> BenchError {
    let host = host.clone();
    move |trouble| BenchError::Host { host, trouble }
}

/// Refuses hosts that are kept off. Nothing is connected.
pub(super) fn allowed(spec: &Spec) -> Result<(), BenchError> {
    let watch = spec.guard.watch();
    spec.hosts.iter().try_for_each(|host| watch.allow(host, spec.anyway))
}

/// Asks the hosts and settles what clients do.
pub(super) fn prepare(spec: &Spec, id: &RunId, seed: u64) -> Result<Ready, BenchError> {
    let prefix = id.prefix();
    let Found { nodes, mut places, place_of_slot, greeting } =
        if spec.cluster { cluster(spec, &prefix)? } else { independent(spec, &prefix)? };
    let cluster = nodes.is_cluster();
    let slot_of_key: Vec<u16> = if cluster && !matches!(spec.work, Work::Transfer { .. }) {
        (0..spec.keys).map(|key| slot_of(wire::key(&prefix, key).as_bytes())).collect()
    } else {
        Vec::new()
    };
    if let Work::Transfer { .. } = spec.work {
        banks(spec, &prefix, &greeting, &mut places, &place_of_slot)?;
    }
    let keys_of_place = by_place(&slot_of_key, &place_of_slot, places.len());
    if !keys_of_place.is_empty() && keys_of_place.iter().all(Vec::is_empty) {
        let owned = place_of_slot.iter().filter(|place| **place != NOWHERE).count();
        return Err(BenchError::NoOwner { keys: spec.keys, owned });
    }
    let threads = seats(spec, &places, &keys_of_place);
    let plan = Plan {
        prefix,
        greeting,
        work: spec.work,
        choice: spec.choice,
        keys: spec.keys,
        value: spec.value,
        seed,
        patience: spec.patience,
        warm_up: spec.warm_up,
        span: spec.span,
        login: spec.login.as_ref().map(auth),
        user: spec.login.as_ref().and_then(|login| login.user.clone()),
        places,
        slot_of_key,
        keys_of_place,
        place_of_slot,
        threads,
    };
    Ok(Ready { plan, nodes })
}

/// Opens a connection and asks for a key of our own: what every server answers, dtm-redis too.
fn meet(spec: &Spec, greeting: &str, host: &NodeAddr) -> Result<Control, BenchError> {
    greeted(spec, greeting, host, Control::open(host, spec.login.as_ref(), spec.patience))
}

/// The same at the very address where a place was found.
fn again(spec: &Spec, greeting: &str, at: &Place) -> Result<Control, BenchError> {
    greeted(spec, greeting, &at.addr, Control::at(at.to, spec.login.as_ref(), spec.patience))
}

fn greeted(
    spec: &Spec,
    greeting: &str,
    host: &NodeAddr,
    control: Result<Control, Trouble>,
) -> Result<Control, BenchError> {
    let mut control = control.map_err(of(host))?;
    let answer = control.ask(&["GET", greeting]).map_err(of(host))?;
    match answer.error() {
        None => Ok(control),
        Some(text) if !spec.cluster && (text.starts_with("MOVED ") || text.starts_with("CLUSTERDOWN")) => {
            Err(BenchError::IsCluster { host: host.clone() })
        }
        Some(text) if text.starts_with("MOVED ") || text.starts_with("ASK ") => Ok(control),
        Some(text) => Err(of(host)(Trouble::of_error(&text))),
    }
}

/// Where a run goes.
struct Found {
    nodes: Nodes,
    places: Vec<Place>,
    /// The place of each slot; empty: the hosts are no cluster.
    place_of_slot: Vec<u16>,
    /// The key that is asked for to see whether somebody answers.
    greeting: String,
}

/// The place of a slot without an owner.
pub(super) const NOWHERE: u16 = u16::MAX;

/// A number of a list that is short.
fn short(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// The others of a replication, as a server names them: the master of a replica, the replicas of a master.
/// Source: <https://redis.io/docs/latest/commands/role/>
fn partners(role: &Value) -> Vec<NodeAddr> {
    let of = |host: Option<String>, port: Option<u16>| NodeAddr::new(&host?, port?);
    let number = |value: &Value| value.text().and_then(|text| text.parse().ok());
    match role.array() {
        Some([kind, host, port, ..]) if kind.text().as_deref() == Some("slave") => {
            of(host.text(), port.integer().and_then(|port| port.try_into().ok())).into_iter().collect()
        }
        Some([kind, _, replicas]) if kind.text().as_deref() == Some("master") => {
            let replicas = replicas.array().unwrap_or_default().iter();
            replicas.filter_map(|one| of(one.array()?.first()?.text(), number(one.array()?.get(1)?))).collect()
        }
        _ => Vec::new(),
    }
}

/// Refuses a server that is kept off by its `run_id`, at whatever address it was reached. Whether it answered; if not, the
/// connection is of no use any more.
fn run_allowed(spec: &Spec, watch: &Watch<'_>, host: &NodeAddr, control: &mut Control) -> Result<bool, BenchError> {
    let Ok(answer) = control.ask(&["INFO", "server"]) else { return Ok(false) };
    // One that may not say it, or cannot, is known by its address alone.
    let info = answer.text().map(|text| Info::parse(&text)).unwrap_or_default();
    info.get("run_id").map_or(Ok(()), |run| watch.allow_run(host, run, spec.anyway))?;
    Ok(true)
}

fn independent(spec: &Spec, prefix: &str) -> Result<Found, BenchError> {
    let watch = spec.guard.watch();
    let (mut nodes, mut places) = (Vec::new(), Vec::new());
    let greeting = format!("{prefix}greeting");
    for (number, host) in spec.hosts.iter().enumerate() {
        let mut control = meet(spec, &greeting, host)?;
        if watch.knows_runs() && !run_allowed(spec, &watch, host, &mut control)? {
            // A session of dtm-redis may answer no command that it does not know.
            control = meet(spec, &greeting, host)?;
        }
        // What is replicated from or to a server that is kept off is kept off: roles change. Not every server tells.
        if !watch.is_empty() {
            match control.ask(&["ROLE"]) {
                Ok(role) => partners(&role).iter().try_for_each(|other| watch.allow(other, spec.anyway))?,
                Err(_) => control = meet(spec, &greeting, host)?,
            }
        }
        // A node of a cluster answers for its own slots: one key says little.
        for key in 0..KEYS_ASKED {
            let answer = control.ask(&["GET", &wire::key(prefix, key)]).map_err(of(host))?;
            if answer.error().is_some_and(|text| text.starts_with("MOVED ")) {
                return Err(BenchError::IsCluster { host: host.clone() });
            }
        }
        let (number, to) = (short(number), control.to);
        nodes.push(Node { addr: host.clone(), to });
        places.push(Place { addr: host.clone(), to, node: number, bank: number.into(), slot: 0 });
    }
    Ok(Found { nodes: Nodes::independent(nodes), places, place_of_slot: Vec::new(), greeting })
}

fn cluster(spec: &Spec, prefix: &str) -> Result<Found, BenchError> {
    let watch = spec.guard.watch();
    // Any node knows; one that is down is no reason not to ask the next. One that is production is.
    let mut ranges = Err(None);
    for host in &spec.hosts {
        match ask_slots(spec, &watch, host) {
            Ok(found) => {
                ranges = Ok((host, found));
                break;
            }
            Err(e @ (BenchError::Production { .. } | BenchError::Tls { .. })) => return Err(e),
            Err(e) => ranges = ranges.map_err(|first: Option<BenchError>| first.or(Some(e))),
        }
    }
    let (asked, ranges) = match ranges {
        Ok(found) => found,
        Err(first) => {
            let none = || BenchError::NoMasters { host: spec.hosts[0].clone() };
            return Err(first.unwrap_or_else(none));
        }
    };
    let mut numbers: BTreeMap<NodeAddr, usize> = BTreeMap::new();
    let (mut nodes, mut places, mut slots) = (Vec::new(), Vec::new(), Vec::new());
    let mut place_of_slot = vec![NOWHERE; usize::from(SLOTS)];
    for (from, to, _) in &ranges {
        place_of_slot[usize::from(*from)..=usize::from(*to)].fill(0);
    }
    // A node of a cluster that is not whole refuses a key that nobody owns.
    let owned = |key: &String| place_of_slot.get(usize::from(slot_of(key.as_bytes()))) != Some(&NOWHERE);
    let greeting =
        if ranges.is_empty() { None } else { (0..u32::MAX).map(|n| format!("{prefix}greeting{n}")).find(owned) };
    let Some(greeting) = greeting else { return Err(BenchError::NoMasters { host: asked.clone() }) };
    for (from, to, addr) in ranges {
        let number = if let Some(number) = numbers.get(&addr) {
            *number
        } else {
            watch.allow(&addr, spec.anyway)?;
            let to = meet(spec, &greeting, &addr)?.to;
            nodes.push(Node { addr: addr.clone(), to });
            let number = numbers.len();
            places.push(Place { addr: addr.clone(), to, node: short(number), bank: 0, slot: 0 });
            numbers.insert(addr, number);
            number
        };
        slots.push((from, to, number));
        place_of_slot[usize::from(from)..=usize::from(to)].fill(short(number));
    }
    Ok(Found { nodes: Nodes::cluster(nodes, &slots), places, place_of_slot, greeting })
}

/// Slots and their masters, as a node says; none of its cluster is kept off.
fn ask_slots(spec: &Spec, watch: &Watch<'_>, host: &NodeAddr) -> Result<Vec<(u16, u16, NodeAddr)>, BenchError> {
    let mut control = Control::open(host, spec.login.as_ref(), spec.patience).map_err(of(host))?;
    if !watch.is_empty() {
        all_allowed(spec, watch, host, &mut control)?;
        if watch.knows_runs() && !run_allowed(spec, watch, host, &mut control)? {
            control = Control::open(host, spec.login.as_ref(), spec.patience).map_err(of(host))?;
        }
    }
    let answer = control.ask(&["CLUSTER", "SLOTS"]).map_err(of(host))?;
    if let Some(text) = answer.error() {
        return Err(of(host)(Trouble::of_error(&text)));
    }
    let odd = || Trouble::Odd { what: "CLUSTER SLOTS", found: answer.to_string().chars().take(80).collect() };
    masters(&answer, host).ok_or_else(odd).map_err(of(host))
}

/// Refuses a cluster one of whose nodes is kept off, whatever it is there: it is the same cluster.
fn all_allowed(spec: &Spec, watch: &Watch<'_>, host: &NodeAddr, control: &mut Control) -> Result<(), BenchError> {
    let answer = control.ask(&["CLUSTER", "NODES"]).map_err(of(host))?;
    if let Some(text) = answer.error() {
        return Err(of(host)(Trouble::of_error(&text)));
    }
    let odd = |found: String| of(host)(Trouble::Odd { what: "CLUSTER NODES", found });
    let lines = nodes::parse(&answer.text().unwrap_or_default()).map_err(|e| odd(e.to_string()))?;
    for line in lines {
        let Some(addr) = line.addr else { continue };
        watch.allow(&addr, spec.anyway)?;
        if let Some(named) = line.hostname.and_then(|name| NodeAddr::new(&name, addr.port())) {
            watch.allow(&named, spec.anyway)?;
        }
    }
    Ok(())
}

/// The keys of each place; none where the hosts are no cluster.
fn by_place(slot_of_key: &[u16], place_of_slot: &[u16], places: usize) -> Vec<Vec<u32>> {
    if slot_of_key.is_empty() {
        return Vec::new();
    }
    let mut all = vec![Vec::new(); places];
    for (key, slot) in (0_u32..).zip(slot_of_key) {
        let place = place_of_slot.get(usize::from(*slot));
        if let Some(keys) = place.and_then(|place| all.get_mut(usize::from(*place))) {
            keys.push(key);
        }
    }
    all
}

/// Which thread has which client: number and place. The clients of a place are spread over all threads.
fn seats(spec: &Spec, places: &[Place], keys_of_place: &[Vec<u32>]) -> Vec<Vec<(u32, u16)>> {
    // With few keys a master may own none of them: its clients are at home elsewhere.
    let has = |place: &usize| keys_of_place.get(*place).is_none_or(|keys| !keys.is_empty());
    let homes: Vec<u16> = (0..places.len()).filter(has).map(short).collect();
    let all = spec.clients.saturating_mul(u32::try_from(places.len()).unwrap_or(u32::MAX));
    let count = threads(spec, all);
    let mut threads: Vec<Vec<(u32, u16)>> = vec![Vec::new(); count];
    for number in 0..all {
        let home = homes.get(number as usize % homes.len().max(1)).copied().unwrap_or(0);
        threads[number as usize / places.len() % count].push((number, home));
    }
    threads.retain(|thread| !thread.is_empty());
    threads
}

/// How many threads serve so many clients.
fn threads(spec: &Spec, clients: u32) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // One thread serves what one server answers; the servers need cores, too, where they are on this machine.
    let chosen = spec.threads.unwrap_or_else(|| (cores / 2).clamp(1, 4).min(spec.hosts.len().max(1)));
    chosen.min(clients as usize).max(1)
}

/// Gives each place its bank.
fn banks(
    spec: &Spec,
    prefix: &str,
    greeting: &str,
    places: &mut [Place],
    place_of_slot: &[u16],
) -> Result<(), BenchError> {
    if place_of_slot.is_empty() {
        if is_one_store(spec, greeting, places)? {
            for place in places {
                place.bank = 0;
            }
        }
        return Ok(());
    }
    let mut bank = 0;
    for (number, place) in places.iter_mut().enumerate() {
        // Any tag will do whose slot this master owns; a master owns some slot.
        loop {
            let slot = slot_of(wire::account(prefix, bank, 0).as_bytes());
            if place_of_slot.get(usize::from(slot)) == Some(&short(number)) {
                (place.bank, place.slot) = (bank, slot);
                break;
            }
            bank += 1;
        }
        bank += 1;
    }
    Ok(())
}

/// Writes the accounts of every bank.
pub(super) fn lay_out(spec: &Spec, plan: &Plan) -> Result<(), BenchError> {
    let Work::Transfer { accounts } = plan.work else { return Ok(()) };
    let mut written = Vec::new();
    for place in &plan.places {
        if written.contains(&place.bank) {
            continue;
        }
        written.push(place.bank);
        let mut control = again(spec, &plan.greeting, place)?;
        let value = format!("{BEGIN} 0");
        let all: Vec<u16> = (0..accounts).collect();
        for some in all.chunks(AT_ONCE) {
            let mut bytes = Vec::new();
            for account in some {
                request(&mut bytes, &["SET", &wire::account(&plan.prefix, place.bank, *account), &value]);
            }
            control.write(&bytes).map_err(of(&place.addr))?;
            for _ in some {
                control.fine().map_err(of(&place.addr))?;
            }
        }
    }
    Ok(())
}

/// Whether all hosts show the same store, as the sessions of dtm-redis do: what is written at one is read at the others.
fn is_one_store(spec: &Spec, key: &str, places: &[Place]) -> Result<bool, BenchError> {
    let [first, others @ ..] = places else { return Ok(false) };
    if others.is_empty() {
        return Ok(false);
    }
    let ask = |place: &Place, parts: &[&str]| -> Result<Value, BenchError> {
        let mut control = again(spec, key, place)?;
        control.ask(parts).map_err(of(&place.addr))
    };
    ask(first, &["SET", key, "1"])?;
    let seen: Result<Vec<Value>, BenchError> = others.iter().map(|place| ask(place, &["GET", key])).collect();
    ask(first, &["DEL", key])?;
    Ok(seen?.iter().all(|value| *value == Value::Bulk(b"1".to_vec())))
}
