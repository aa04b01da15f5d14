//! A master and its replicas, which are no cluster: who the master is, by what the replicas say.

use std::collections::BTreeMap;

use super::Node;
use crate::redis::addr::NodeAddr;
use crate::redis::info::Info;
use crate::redis::snapshot::Role;

/// Of a master and its replicas: whom the replicas name as their master, and whether all of those have lost their line to it.
pub(super) fn led(all: &BTreeMap<NodeAddr, Node<'_>>) -> BTreeMap<NodeAddr, bool> {
    let mut led: BTreeMap<NodeAddr, bool> = BTreeMap::new();
    for info in all.values().filter_map(|node| node.info) {
        let Some(addr) = master_of(info) else { continue };
        *led.entry(addr).or_insert(true) &= info.get("master_link_status") == Some("down");
    }
    led
}

/// Where a replica says that its master is.
pub(super) fn master_of(info: &Info) -> Option<NodeAddr> {
    let port = info.number("master_port").filter(|_| info.get("role") != Some("master"))?;
    NodeAddr::new(info.get("master_host")?, u16::try_from(port).ok()?)
}

/// Of a master and its replicas: who is named as the master is one, though it does not answer. A master of before that nobody
/// names serves nobody once another one answers.
pub(super) fn lead(nodes: &mut [Node<'_>], led: &BTreeMap<NodeAddr, bool>) {
    let answers = nodes.iter().any(|node| node.info.is_some() && node.role == Some(Role::Master));
    for node in nodes.iter_mut().filter(|node| node.info.is_none()) {
        if led.contains_key(&node.addr) {
            // A replica may have replicas.
            if node.role.is_none() || !answers {
                node.role = Some(Role::Master);
            }
        } else if answers && node.past.role == Some(Role::Master) {
            node.owner = false;
            continue;
        }
        node.owner = node.role == Some(Role::Master);
    }
}
