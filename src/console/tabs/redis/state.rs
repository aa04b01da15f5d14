//! What the tab remembers: which cluster is looked at, how its lists are looked at, and the benchmark.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bench::Bench;
use super::{clusters, nodes, wrong};
use crate::console::details::Group;
use crate::console::effect::{Query, RedisPanel};
use crate::console::list::ListState;
use crate::redis::addr::NodeAddr;
use crate::redis::finding::Finding;
use crate::redis::read::{ClusterRead, RedisRead};
use crate::redis::snapshot::{Health, NodeRow};

/// A list of the tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// The clusters, where there are several and none is looked at.
    Clusters,
    /// What is wrong with the cluster that is looked at.
    Findings,
    /// Its nodes.
    Nodes,
}

impl List {
    /// The word by which drawings report it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Findings => "redis findings",
            Self::Nodes => "nodes",
        }
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Clusters => "Clusters",
            Self::Findings => "Findings",
            Self::Nodes => "Nodes",
        }
    }
}

/// A finding on the list: what it is about, and which of several that are about the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FindingId {
    /// The rule.
    pub rule: &'static str,
    /// The object.
    pub object: String,
    /// How many of that rule and object come before it.
    pub nth: usize,
}

/// A node that is looked at closely.
#[derive(Debug, Clone)]
pub struct NodeView {
    /// Its cluster.
    pub cluster: String,
    /// It.
    pub node: NodeAddr,
    /// What is shown of it; nothing: what every look tells.
    pub panel: Option<RedisPanel>,
    /// What was read on demand.
    pub read: BTreeMap<RedisPanel, Result<Vec<Group>, String>>,
    /// What has been asked and not been answered.
    pub asked: Option<Query>,
    /// The first line shown.
    pub top: usize,
}

impl NodeView {
    /// One of which nothing has been read.
    pub fn new(cluster: String, node: NodeAddr) -> Self {
        Self { cluster, node, panel: None, read: BTreeMap::new(), asked: None, top: 0 }
    }
}

/// What happened to a cluster.
#[derive(Debug, Clone)]
pub struct EventsView {
    /// The cluster.
    pub cluster: String,
    /// The first line shown.
    pub top: usize,
}

/// The tab's own state.
#[derive(Debug, Clone)]
pub struct State {
    /// What is shown.
    pub shown: Option<Arc<RedisRead>>,
    /// The newest there is: the same, but while the screen is held.
    pub newest: Option<Arc<RedisRead>>,
    /// Why nothing newer comes.
    pub wrong: Option<String>,
    /// The cluster that is looked at, where there are several.
    pub open: Option<String>,
    /// Which list of a cluster has the keys.
    pub pane: List,
    /// The clusters.
    pub clusters: ListState<String>,
    /// What is wrong with the one that is looked at, and what else is worth knowing of it.
    pub findings: ListState<FindingId>,
    /// Its nodes.
    pub nodes: ListState<NodeAddr>,
    /// Whether somebody has looked.
    pub looked: bool,
    /// The benchmark.
    pub bench: Bench,
}

impl Default for State {
    fn default() -> Self {
        let clusters = ListState { sort: Some(clusters::STATE), descending: true, ..ListState::default() };
        Self {
            shown: None,
            newest: None,
            wrong: None,
            open: None,
            pane: List::Findings,
            clusters,
            findings: ListState::default(),
            nodes: ListState::default(),
            looked: false,
            bench: Bench::default(),
        }
    }
}

impl State {
    /// Takes up what was read.
    pub fn adopt(&mut self, read: Arc<RedisRead>) {
        self.shown = Some(read);
        self.arrange();
    }

    /// Puts the lists in order anew: other rows, another filter, another sort, another cluster.
    pub fn arrange(&mut self) {
        let Some(read) = self.shown.clone() else { return };
        let key = |one: &ClusterRead, column: usize| clusters::key(one, column);
        self.clusters.arrange(&read.clusters, |one| one.name.clone(), key, |one| clusters::text(one, read.now));
        let health = self.current().and_then(|one| one.health.clone());
        let (mut found, mut rows): (Vec<(FindingId, &Finding)>, &[NodeRow]) = (Vec::new(), &[]);
        if let Some(health) = &health {
            (found, rows) = (wrong::ranked(health), &health.nodes);
        }
        let none = |_: &(FindingId, &Finding), _: usize| crate::console::list::SortKey::None;
        self.findings.arrange(&found, |row| row.0.clone(), none, |row| wrong::text(row.1));
        self.nodes.arrange(rows, |row| row.addr.clone(), nodes::key, nodes::text);
    }

    /// The cluster that is looked at; nothing: the list of them is, or there is none.
    pub fn current(&self) -> Option<&ClusterRead> {
        let read = self.shown.as_ref()?;
        match (read.clusters.as_slice(), &self.open) {
            ([one], _) => Some(one),
            (_, Some(name)) => read.named(name),
            _ => None,
        }
    }

    /// How the cluster that is looked at stands.
    pub fn health(&self) -> Option<&Arc<Health>> {
        self.current()?.health.as_ref()
    }

    /// The list that has the keys.
    pub fn list(&self) -> List {
        if self.current().is_some() { self.pane } else { List::Clusters }
    }

    /// Looks at a cluster.
    pub fn open(&mut self, name: Option<String>) {
        if self.open == name {
            return;
        }
        self.open = name;
        self.findings = ListState::default();
        // How nodes are sorted holds for every cluster.
        self.nodes = ListState { sort: self.nodes.sort, descending: self.nodes.descending, ..ListState::default() };
        self.pane = List::Findings;
        self.arrange();
    }

    /// The selected finding.
    pub fn finding(&self) -> Option<Finding> {
        let id = self.findings.selected.as_ref()?;
        let found = wrong::ranked(self.health()?);
        found.into_iter().find(|(one, _)| one == id).map(|(_, finding)| finding.clone())
    }

    /// A node of the cluster that is looked at.
    pub fn node(&self, addr: &NodeAddr) -> Option<&NodeRow> {
        self.health()?.nodes.iter().find(|row| row.addr == *addr)
    }

    /// The selected node.
    pub fn selected_node(&self) -> Option<&NodeRow> {
        self.node(self.nodes.selected.as_ref()?)
    }

    /// Whether nothing is selected in the list that has the keys.
    pub fn is_nothing_selected(&self) -> bool {
        match self.list() {
            List::Clusters => self.clusters.selected.is_none(),
            List::Findings => self.findings.selected.is_none(),
            List::Nodes => self.nodes.selected.is_none(),
        }
    }

    /// Moves the selection of the list that has the keys.
    pub fn step(&mut self, by: isize) {
        match self.list() {
            List::Clusters => self.clusters.step(by),
            List::Findings => self.findings.step(by),
            List::Nodes => self.nodes.step(by),
        }
    }

    /// Selects a row.
    pub fn select(&mut self, list: List, place: usize) {
        match list {
            List::Clusters => self.clusters.select(place),
            List::Findings => self.findings.select(place),
            List::Nodes => self.nodes.select(place),
        }
        if list != List::Clusters {
            self.pane = list;
        }
    }

    /// Where a list begins on the screen.
    pub fn set_top(&mut self, list: List, top: usize) {
        match list {
            List::Clusters => self.clusters.top = top,
            List::Findings => self.findings.top = top,
            List::Nodes => self.nodes.top = top,
        }
    }

    /// What the list that has the keys is filtered by.
    pub fn filter(&self) -> &str {
        match self.list() {
            List::Clusters => &self.clusters.filter,
            List::Findings => &self.findings.filter,
            List::Nodes => &self.nodes.filter,
        }
    }

    /// Filters that list.
    pub fn set_filter(&mut self, text: &str) {
        let filter = match self.list() {
            List::Clusters => &mut self.clusters.filter,
            List::Findings => &mut self.findings.filter,
            List::Nodes => &mut self.nodes.filter,
        };
        text.clone_into(filter);
        self.arrange();
    }

    /// Sorts clusters, or nodes, by what comes next, or turns the order round; says how they are sorted then.
    pub fn sort(&mut self, turn: bool) -> String {
        let all = self.list() == List::Clusters;
        let sorts: &[(Option<usize>, bool)] = if all { &clusters::SORTS } else { &nodes::SORTS };
        let titles: &[&str] = if all { &clusters::TITLES } else { &nodes::TITLES };
        let (sort, descending) = if all {
            (&mut self.clusters.sort, &mut self.clusters.descending)
        } else {
            (&mut self.nodes.sort, &mut self.nodes.descending)
        };
        if turn {
            *descending = !*descending;
        } else {
            let at = sorts.iter().position(|(column, _)| column == sort);
            (*sort, *descending) = sorts[at.map_or(0, |at| (at + 1) % sorts.len())];
        }
        let (sort, descending) = (*sort, *descending);
        self.arrange();
        let what = if all { "clusters" } else { "nodes" };
        let Some(column) = sort else { return format!("{what} as they belong together: masters and their replicas") };
        let how = match (titles[column] == "state", titles[column] == "cluster", descending) {
            (true, _, true) => "worst first",
            (true, _, false) => "best first",
            (_, true, true) => "from Z to A",
            (_, true, false) => "from A to Z",
            (_, _, true) => "largest first",
            (_, _, false) => "smallest first",
        };
        format!("{what} sorted by {}, {how}", titles[column])
    }
}
