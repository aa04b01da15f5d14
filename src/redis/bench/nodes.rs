//! Where clients go: the hosts, and in a cluster which of them owns which slot.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{PoisonError, RwLock};

use super::control::resolve;
use crate::redis::addr::NodeAddr;
use crate::redis::resp::Value;
use crate::redis::slots::SLOTS;

/// A slot that nobody is known to own.
const NOBODY: u16 = u16::MAX;
/// Nodes that redirections may lead to.
const MOST: usize = 4_096;

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) addr: NodeAddr,
    pub(super) to: SocketAddr,
}

/// All nodes of a run. Grows by what redirections name.
#[derive(Debug)]
pub(super) struct Nodes {
    all: RwLock<Vec<Node>>,
    /// The owner of each slot; empty: the hosts are no cluster.
    owner: Vec<AtomicU16>,
}

impl Nodes {
    /// Independent hosts.
    pub(super) fn independent(all: Vec<Node>) -> Self {
        Self { all: RwLock::new(all), owner: Vec::new() }
    }

    /// Nodes of a cluster, and the slots of each: from, to, node.
    pub(super) fn cluster(all: Vec<Node>, slots: &[(u16, u16, usize)]) -> Self {
        let owner: Vec<AtomicU16> = (0..SLOTS).map(|_| AtomicU16::new(NOBODY)).collect();
        let nodes = Self { all: RwLock::new(all), owner };
        for (from, to, node) in slots {
            for slot in *from..=*to {
                nodes.owned(slot, u16::try_from(*node).unwrap_or(NOBODY));
            }
        }
        nodes
    }

    /// Whether they are a cluster.
    pub(super) fn is_cluster(&self) -> bool {
        !self.owner.is_empty()
    }

    /// Who owns a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<u16> {
        let node = self.owner.get(usize::from(slot))?.load(Ordering::Relaxed);
        (node != NOBODY).then_some(node)
    }

    /// A slot has another owner.
    pub(super) fn owned(&self, slot: u16, by: u16) {
        if let Some(owner) = self.owner.get(usize::from(slot)) {
            owner.store(by, Ordering::Relaxed);
        }
    }

    /// A node by its number.
    pub(super) fn get(&self, number: u16) -> Option<Node> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).get(usize::from(number)).cloned()
    }

    /// How many there are.
    pub(super) fn count(&self) -> u16 {
        u16::try_from(self.all.read().unwrap_or_else(PoisonError::into_inner).len()).unwrap_or(NOBODY)
    }

    /// The number of a node, which is new where nobody has named it yet; nothing: its name has no address, or there are
    /// too many.
    pub(super) fn number(&self, addr: &NodeAddr) -> Option<u16> {
        let known = |all: &[Node]| all.iter().position(|node| node.addr == *addr);
        let place = known(&self.all.read().unwrap_or_else(PoisonError::into_inner));
        let place = if let Some(place) = place {
            place
        } else {
            let to = resolve(addr).ok()?.into_iter().next()?;
            let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
            match known(&all) {
                Some(place) => place,
                None if all.len() < MOST => {
                    all.push(Node { addr: addr.clone(), to });
                    all.len() - 1
                }
                None => return None,
            }
        };
        u16::try_from(place).ok()
    }
}

/// Where an error of a cluster sends a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirect {
    /// Whether it is `ASK`: for this request alone.
    pub(super) ask: bool,
    pub(super) slot: u16,
    pub(super) to: NodeAddr,
}

/// `MOVED 3999 127.0.0.1:6381`, `ASK …`; an address without a host is on the host that was asked.
/// Source: the cluster specification, "MOVED redirection".
pub(super) fn redirect(error: &[u8], asked: &NodeAddr) -> Option<Redirect> {
    let mut words = std::str::from_utf8(error).ok()?.split(' ');
    let ask = match words.next()? {
        "MOVED" => false,
        "ASK" => true,
        _ => return None,
    };
    let slot = words.next()?.parse().ok().filter(|slot| *slot < SLOTS)?;
    let (host, port) = words.next()?.rsplit_once(':')?;
    let host = if host.is_empty() || host == "?" { asked.host() } else { host };
    Some(Redirect { ask, slot, to: NodeAddr::new(host, port.parse().ok()?)? })
}

/// `CLUSTER SLOTS`: ranges with the master of each; nothing: it is no such answer.
/// Source: <https://redis.io/docs/latest/commands/cluster-slots/>
pub(super) fn masters(value: &Value, asked: &NodeAddr) -> Option<Vec<(u16, u16, NodeAddr)>> {
    let slot = |value: &Value| u16::try_from(value.integer()?).ok().filter(|slot| *slot < SLOTS);
    let mut all = Vec::new();
    for range in value.array()? {
        let [from, to, master, ..] = range.array()? else { return None };
        let (from, to) = (slot(from)?, slot(to)?);
        if from > to {
            return None;
        }
        let [host, port, ..] = master.array()? else { return None };
        // An endpoint that the node does not know: it is where it was asked.
        let host = host.text().filter(|host| !host.is_empty() && host != "?");
        let host = host.unwrap_or_else(|| asked.host().to_owned());
        all.push((from, to, NodeAddr::new(&host, u16::try_from(port.integer()?).ok()?)?));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> NodeAddr {
        NodeAddr::parse(text, 6379).unwrap()
    }

    #[test]
    fn redirections_are_read() {
        let asked = addr("10.0.0.1:7000");
        let of = |text: &str| redirect(text.as_bytes(), &asked).map(|to| (to.ask, to.slot, to.to.to_string()));
        assert_eq!(of("MOVED 3999 127.0.0.1:6381"), Some((false, 3999, "127.0.0.1:6381".to_owned())));
        assert_eq!(of("ASK 1 :7001"), Some((true, 1, "10.0.0.1:7001".to_owned())));
        assert_eq!(of("MOVED 2 fd00::1:7001"), Some((false, 2, "[fd00::1]:7001".to_owned())));
        for text in ["", "ERR x", "MOVED", "MOVED 16384 a:1", "MOVED 1 a", "MOVED 1 a:0", "MOVED 1 a b:1"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn slots_have_masters() {
        let bulk = |text: &str| Value::Bulk(text.as_bytes().to_vec());
        let range = |from, to, host: Value, port| {
            let node = Value::Array(vec![host, Value::Integer(port), bulk("id"), Value::Array(Vec::new())]);
            Value::Array(vec![Value::Integer(from), Value::Integer(to), node])
        };
        let asked = addr("10.0.0.1:7000");
        let all = Value::Array(vec![range(0, 5460, bulk("10.0.0.2"), 7001), range(5461, 16383, Value::Null, 7000)]);
        let found: Vec<String> =
            masters(&all, &asked).unwrap().iter().map(|(from, to, addr)| format!("{from}-{to} {addr}")).collect();
        assert_eq!(found, ["0-5460 10.0.0.2:7001", "5461-16383 10.0.0.1:7000"]);
        assert_eq!(masters(&Value::Array(vec![range(0, 16384, Value::Null, 7000)]), &asked), None);
        assert_eq!(masters(&Value::Array(vec![range(2, 1, Value::Null, 7000)]), &asked), None);
        assert_eq!(masters(&Value::Simple(b"OK".to_vec()), &asked), None);
        let nodes = Nodes::cluster(Vec::new(), &[(0, 1, 0), (2, 3, 1)]);
        nodes.owned(1, 5);
        assert_eq!([0, 1, 2, 3, 4].map(|slot| nodes.owner(slot)), [Some(0), Some(5), Some(1), Some(1), None]);
        assert_eq!(
            (nodes.number(&asked), nodes.number(&addr("10.0.0.2")), nodes.number(&asked)),
            (Some(0), Some(1), Some(0))
        );
    }
}
