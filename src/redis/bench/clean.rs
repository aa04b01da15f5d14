//! After the clients: accounts are read, and every key of the run is removed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::control::Control;
use super::ledger::Held;
use super::nodes::{masters, redirect};
use super::outcome::Left;
use super::shared::{Plan, Shared};
use super::spec::{Login, Spoken, Work};
use super::wire;
use crate::base::clock::Mono;
use crate::redis::addr::NodeAddr;
use crate::redis::resp::{Value, request};
use crate::redis::trouble::{Says, Trouble};

/// Requests that are sent before their answers are read.
const AT_ONCE: usize = 256;
/// How long hosts that do not answer are tried.
const TRY: Duration = Duration::from_secs(10);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(250);
/// How long one answer is waited for: a session of dtm-redis hangs for five seconds.
const ANSWER: Duration = Duration::from_secs(6);
/// Redirections that one request follows.
const HOPS: usize = 5;

/// Connections to whoever has to be asked.
struct Hands<'a> {
    shared: &'a Shared,
    login: Option<&'a Login>,
    open: BTreeMap<u16, Control>,
    /// Until when hosts that do not answer are tried.
    until: Mono,
}

impl<'a> Hands<'a> {
    fn new(shared: &'a Shared, login: Option<&'a Login>) -> Self {
        Self { shared, login, open: BTreeMap::new(), until: shared.clock.mono().plus(TRY) }
    }

    fn is_late(&self) -> bool {
        self.shared.clock.mono() >= self.until
    }
}

impl Hands<'_> {
    fn to(&mut self, node: u16) -> Result<(&mut Control, NodeAddr), Trouble> {
        let named = self.shared.nodes.get(node).ok_or(Trouble::Closed)?;
        if !self.open.contains_key(&node) {
            self.open.insert(node, Control::at(named.to, self.login, ANSWER)?);
        }
        self.open.get_mut(&node).map(|control| (control, named.addr)).ok_or(Trouble::Closed)
    }

    /// Where to ask first about a key.
    fn owner(&self, slot: Option<u16>, home: u16) -> u16 {
        slot.and_then(|slot| self.shared.nodes.owner(slot)).unwrap_or(home)
    }

    /// Asks whoever owns a key, until it works or the time is over. Where a node of a cluster fails, another one is asked
    /// who the owner is by now.
    fn patiently(&mut self, slot: Option<u16>, home: u16, bytes: &[u8]) -> Result<Value, Trouble> {
        loop {
            let to = self.owner(slot, home);
            match self.one(to, bytes) {
                Err(e) if passes(&e) && !self.is_late() => {
                    self.shared.clock.pause(AGAIN);
                    if self.shared.nodes.is_cluster() {
                        self.look_again(to);
                    }
                }
                told => return told,
            }
        }
    }

    /// Asks the nodes of a cluster, but one, who owns which slot by now.
    fn look_again(&mut self, but: u16) {
        for node in (0..self.shared.nodes.count()).filter(|node| *node != but) {
            if self.is_late() {
                return;
            }
            let told = self.to(node).and_then(|(control, addr)| Ok((control.ask(&["CLUSTER", "SLOTS"])?, addr)));
            let Some(ranges) = told.ok().and_then(|(value, addr)| masters(&value, &addr)) else {
                self.open.remove(&node);
                continue;
            };
            for (from, to, addr) in ranges {
                if let Some(owner) = self.shared.nodes.number(&addr) {
                    (from..=to).for_each(|slot| self.shared.nodes.owned(slot, owner));
                }
            }
            return;
        }
    }

    /// Asks the same of many keys at one node. Each answer is given to `each`, with the key's place; how far it came.
    fn many(
        &mut self,
        node: u16,
        requests: &[(usize, Vec<u8>)],
        each: &mut dyn FnMut(usize, Value),
    ) -> Result<(), Trouble> {
        for some in requests.chunks(AT_ONCE) {
            let bytes: Vec<u8> = some.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
            let told = (|| {
                let (control, _) = self.to(node)?;
                control.write(&bytes)?;
                for (place, _) in some {
                    each(*place, control.read()?);
                }
                Ok(())
            })();
            if told.is_err() {
                self.open.remove(&node);
                return told;
            }
        }
        Ok(())
    }

    /// Asks about one key, wherever it is.
    fn one(&mut self, mut node: u16, bytes: &[u8]) -> Result<Value, Trouble> {
        for _ in 0..HOPS {
            let told = (|| {
                let (control, addr) = self.to(node)?;
                control.write(bytes)?;
                Ok((control.read()?, addr))
            })();
            let (value, addr) = match told {
                Ok(told) => told,
                Err(e) => {
                    self.open.remove(&node);
                    return Err(e);
                }
            };
            let Value::Error(text) = &value else { return Ok(value) };
            let Some(to) = redirect(text, &addr).filter(|_| self.shared.nodes.is_cluster()) else {
                return Err(Trouble::of_error(&String::from_utf8_lossy(text)));
            };
            let Some(next) = self.shared.nodes.number(&to.to) else { return Ok(value) };
            if to.ask {
                let (control, _) = self.to(next)?;
                control.write(&[wire::ASKING, bytes].concat())?;
                control.read()?;
                let value = control.read()?;
                return match value.error() {
                    Some(text) => Err(Trouble::of_error(&text)),
                    None => Ok(value),
                };
            }
            self.shared.nodes.owned(to.slot, next);
            node = next;
        }
        Err(Trouble::Odd { what: "a request", found: "one redirection after another".to_owned() })
    }
}

/// A key of the run: its name, the place it is at home at, and its slot.
struct Key {
    name: String,
    place: usize,
    slot: Option<u16>,
}

/// Some of the keys at a time: there may be millions.
fn each_key(plan: &Plan, mut take: impl FnMut(Vec<Key>)) {
    const SOME: u32 = 8_192;
    if let Work::Transfer { accounts } = plan.work {
        let mut banks = Vec::new();
        for (place, of) in plan.places.iter().enumerate() {
            if banks.contains(&of.bank) {
                continue;
            }
            banks.push(of.bank);
            let name = |account| wire::account(&plan.prefix, of.bank, account);
            take((0..accounts).map(|account| Key { name: name(account), place, slot: Some(of.slot) }).collect());
        }
        return;
    }
    for begin in (0..plan.keys).step_by(SOME as usize) {
        let some = begin..plan.keys.min(begin + SOME);
        if plan.slot_of_key.is_empty() {
            for place in 0..plan.places.len() {
                let name = |key| wire::key(&plan.prefix, key);
                take(some.clone().map(|key| Key { name: name(key), place, slot: None }).collect());
            }
        } else {
            // Keys of a slot that nobody owned were never chosen.
            let keys = some.filter_map(|key| {
                let slot = *plan.slot_of_key.get(key as usize)?;
                let place = usize::from(*plan.place_of_slot.get(usize::from(slot))?);
                let name = wire::key(&plan.prefix, key);
                (place < plan.places.len()).then_some(Key { name, place, slot: Some(slot) })
            });
            take(keys.collect());
        }
    }
}

/// What every account holds; nothing where it is gone or holds something else. And why some could not be read.
pub(super) fn accounts(shared: &Shared, login: Option<&Login>, accounts: u16) -> (Held, Option<String>) {
    let mut found = Held::new();
    let (mut unread, mut dead) = (None, Vec::new());
    let mut hands = Hands::new(shared, login);
    for place in &shared.plan.places {
        for account in 0..accounts {
            if found.contains_key(&(place.bank, account)) {
                continue;
            }
            let mut bytes = Vec::new();
            request(&mut bytes, &["GET", &wire::account(&shared.plan.prefix, place.bank, account)]);
            let node = hands.owner(Some(place.slot), place.node);
            // A host that was waited for in vain is not waited for again for each of its accounts.
            if dead.contains(&node) {
                continue;
            }
            match hands.patiently(Some(place.slot), place.node, &bytes) {
                Ok(Value::Bulk(value)) => drop(found.insert((place.bank, account), wire::parse_account(&value))),
                Ok(_) => drop(found.insert((place.bank, account), None)),
                Err(e) => {
                    unread.get_or_insert(format!("{}: {e}", place.addr));
                    dead.push(node);
                }
            }
        }
    }
    (found, unread)
}

/// Whether a trouble may be over soon: a node that starts, or one whose place another one is about to take.
fn passes(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Refused | Trouble::Closed | Trouble::Loading | Trouble::Silent(_) | Trouble::Connect(_) => true,
        Trouble::Error(text) => text.starts_with("CLUSTERDOWN"),
        _ => false,
    }
}

/// Removes every key of the run. How many were there, and what may be left.
pub(super) fn clean(shared: &Shared, login: Option<&Login>) -> (u64, Vec<Left>) {
    let plan = &shared.plan;
    let mut hands = Hands::new(shared, login);
    let mut removed = 0;
    let mut left: BTreeMap<usize, (u64, Trouble)> = BTreeMap::new();
    // Who was waited for in vain is not waited for again for each key.
    let mut dead: BTreeMap<u16, Trouble> = BTreeMap::new();
    each_key(plan, |keys| {
        // By the node they are asked of, so that many are asked at once.
        let mut by_node: BTreeMap<u16, Vec<(usize, Vec<u8>)>> = BTreeMap::new();
        for (number, key) in keys.iter().enumerate() {
            let mut bytes = Vec::new();
            request(&mut bytes, &["DEL", &key.name]);
            let node = hands.owner(key.slot, plan.places[key.place].node);
            by_node.entry(node).or_default().push((number, bytes));
        }
        for (node, requests) in by_node {
            let mut again: Vec<bool> = vec![true; keys.len()];
            let mut count = 0;
            if !dead.contains_key(&node) {
                // What this leaves is tried one by one.
                let _ = hands.many(node, &requests, &mut |number, value| {
                    if let Some(there) = value.integer() {
                        count += u64::try_from(there).unwrap_or(0);
                        again[number] = false;
                    }
                });
            }
            for (number, bytes) in requests.iter().filter(|(number, _)| again[*number]) {
                let told = match dead.get(&node) {
                    Some(why) => Err(why.clone()),
                    None => hands.patiently(keys[*number].slot, node, bytes),
                };
                match told {
                    Ok(value) => count += value.integer().and_then(|there| u64::try_from(there).ok()).unwrap_or(0),
                    Err(e) => {
                        if !matches!(e.says(), Says::Other | Says::Blind) {
                            dead.entry(node).or_insert_with(|| e.clone());
                        }
                        left.entry(keys[*number].place).or_insert((0, e)).0 += 1;
                    }
                }
            }
            removed += count;
        }
    });
    // A cluster is asked where it answers: any of its nodes sends each key's where it belongs.
    let answers = (0..plan.places.len()).find(|place| shared.nodes.is_cluster() && !left.contains_key(place));
    let left = left.into_iter().map(|(place, (keys, why))| {
        let host = plan.places[place].addr.clone();
        let command = by_hand(plan, shared.nodes.is_cluster(), place, answers.unwrap_or(place));
        Left { host, keys, why: Spoken(&why).to_string(), command }
    });
    (removed, left.collect())
}

/// What removes every key of the run by hand: a command for each host, and one for all of a cluster, whose nodes send each
/// key's where it belongs.
pub(super) fn remedy(plan: &Plan, cluster: bool) -> Arc<[String]> {
    let mut banks = Vec::new();
    let mut all = Vec::new();
    for (place, of) in plan.places.iter().enumerate() {
        let known = match plan.work {
            Work::Transfer { .. } => banks.contains(&of.bank),
            _ => cluster && place > 0,
        };
        banks.push(of.bank);
        if !known {
            all.push(by_hand(plan, cluster, place, place));
        }
    }
    all.into()
}

/// What an operator types to remove the keys of a place, at the same or another one: into one connection, key by key, as a cluster and dtm-redis take
/// them. The password is typed where there is one, and stands in no command.
fn by_hand(plan: &Plan, cluster: bool, place: usize, asked: usize) -> String {
    let (at, asked) = (&plan.places[place], &plan.places[asked]);
    let (format, last) = match plan.work {
        Work::Transfer { accounts } => {
            (format!("DEL {}{{b{:05}}}:a%05.0f", plan.prefix, at.bank), u32::from(accounts) - 1)
        }
        _ => (format!("DEL {}k%08.0f", plan.prefix), plan.keys - 1),
    };
    let keys = format!("seq -f '{format}' 0 {last}");
    let user = plan.user.as_ref().map_or_else(String::new, |user| format!(" --user {}", quoted(user)));
    let (keys, ask) = if plan.login.is_some() {
        // redis-cli takes the first line of what it reads for the password, and does not ask where that is no terminal.
        let asked = "printf 'password: ' >&2; stty -echo 2>/dev/null; head -n 1; stty echo 2>/dev/null; echo >&2";
        (format!("{{ {asked}; {keys}; }}"), " --askpass")
    } else {
        (keys, "")
    };
    let cluster = if cluster { " -c" } else { "" };
    // Where it was found: a name may lead elsewhere.
    let (host, port) = (asked.to.ip(), asked.to.port());
    format!("{keys} | redis-cli{cluster}{user}{ask} -h {host} -p {port} | sort | uniq -c")
}

/// A word as a shell takes it whatever stands in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
