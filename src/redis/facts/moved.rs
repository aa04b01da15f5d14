//! Addresses that nodes have gone from: where nobody answers any more, and who was there answers elsewhere.

use std::collections::BTreeMap;

use super::Node;
use crate::redis::addr::NodeAddr;
use crate::redis::limits::Subject;
use crate::redis::nodes::NodeId;
use crate::redis::snapshot::Sight;

/// Marks them, and takes out those that the configuration does not name: nothing is amiss there. Returned are those.
pub(super) fn take_out(
    nodes: &mut Vec<Node<'_>>,
    answering: &BTreeMap<NodeId, NodeAddr>,
    subject: &Subject,
) -> Vec<NodeAddr> {
    for node in nodes.iter_mut().filter(|node| node.id.is_none()) {
        if matches!(node.sight, Sight::Down | Sight::Hung) {
            node.moved = node.past.id.as_ref().and_then(|id| answering.get(id)).cloned();
        }
    }
    let left = |node: &Node<'_>| node.moved.is_some() && !subject.seeds.contains(&node.addr);
    let out = nodes.iter().filter(|node| left(node)).map(|node| node.addr.clone()).collect();
    nodes.retain(|node| !left(node));
    out
}
