//! The addresses that captured nodes have in the demo: those that they were captured at, or on machines that the scenario
//! names. What is changed in a reply is an address and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::base::addr::NodeAddr;
use crate::redis::replay::Texts;

/// The first port on a machine.
const PORT: u16 = 6379;
/// The port that nodes speak to each other at is that much above the one of clients.
const BUS: u16 = 10_000;

/// Which captured node is where.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<NodeAddr, NodeAddr>);

impl Names {
    /// Nodes in their order, dealt to the machines in turn; without machines each stays where it is.
    pub(super) fn deal(nodes: &BTreeSet<NodeAddr>, machines: &[String]) -> Self {
        let mut names = BTreeMap::new();
        if !machines.is_empty() {
            for (place, node) in nodes.iter().enumerate() {
                let above = u16::try_from(place / machines.len()).unwrap_or(u16::MAX);
                let at = NodeAddr::new(&machines[place % machines.len()], PORT.saturating_add(above));
                names.extend(at.map(|at| (node.clone(), at)));
            }
        }
        Self(names)
    }

    /// Where it is.
    pub(super) fn of(&self, node: &NodeAddr) -> NodeAddr {
        self.0.get(node).unwrap_or(node).clone()
    }

    fn named(&self, host: &str, port: &str) -> Option<&NodeAddr> {
        self.0.get(&NodeAddr::new(host, port.parse().ok()?)?)
    }

    /// The replies of a node with the new addresses.
    pub(super) fn texts(&self, node: &NodeAddr, texts: &Texts) -> Texts {
        if self.0.is_empty() {
            return texts.clone();
        }
        let [info, view, cluster] = texts;
        [
            info.as_deref().map(|text| self.info(node, text)),
            view.as_deref().map(|text| self.view(text)),
            cluster.clone(),
        ]
    }

    fn info(&self, node: &NodeAddr, text: &str) -> String {
        let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_end);
        let master = of("master_host:").zip(of("master_port:")).and_then(|(host, port)| self.named(host, port));
        super::text::rewritten(text, |name, value| match name {
            "tcp_port" => Some(self.of(node).port().to_string()),
            "master_host" => master.map(|master| master.host().to_owned()),
            "master_port" => master.map(|master| master.port().to_string()),
            _ if name.starts_with("slave") => {
                let rest = value.strip_prefix("ip=")?;
                let (host, rest) = rest.split_once(",port=")?;
                let (port, rest) = rest.split_once(',')?;
                let named = self.named(host, port)?;
                Some(format!("ip={},port={},{rest}", named.host(), named.port()))
            }
            _ => None,
        })
    }

    fn view(&self, text: &str) -> String {
        let mut named = String::with_capacity(text.len() + 64);
        for line in text.split_inclusive('\n') {
            let mut words = line.splitn(3, ' ');
            let (Some(id), Some(at), Some(rest)) = (words.next(), words.next(), words.next()) else {
                named.push_str(line);
                continue;
            };
            let (addr, _) = at.split_once('@').unwrap_or((at, ""));
            let known = addr.rsplit_once(':').and_then(|(host, port)| self.named(host, port));
            let at =
                known.map_or_else(|| at.to_owned(), |known| format!("{known}@{}", known.port().saturating_add(BUS)));
            // Writing to a string does not fail.
            let _ = write!(named, "{id} {at} {rest}");
        }
        named
    }
}
