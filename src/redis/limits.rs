//! What is judged, by which limits, and when something counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::addr::NodeAddr;
use super::commands::Cli;
pub use crate::base::cluster_limits::{ClusterLimits as Limits, Hundredths};

/// How the nodes of a cluster belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A redis or valkey cluster: slots, masters and replicas, views.
    #[default]
    Cluster,
    /// Independent nodes that somebody else spreads keys over, such as the buckets of dtm-redis.
    List,
    /// A primary and its replicas, with or without Sentinel.
    Replicas,
}

impl Kind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::List => "list",
            Self::Replicas => "replicas",
        }
    }
}

/// What is judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// Its name in the configuration.
    pub name: String,
    /// How its nodes belong together.
    pub kind: Kind,
    /// Names of the machines that addresses are on, where two addresses are one machine, or where no address says it.
    pub hosts: BTreeMap<String, String>,
    /// Nodes that the configuration names: each is told of, whatever becomes of it.
    pub seeds: BTreeSet<NodeAddr>,
    /// How its nodes are reached by hand.
    pub cli: Cli,
}

impl Subject {
    /// A cluster of that name.
    pub fn cluster(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// When something that is seen counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Raise {
    /// After [`Limits::raise_after`] ticks, and until [`Limits::clear_after`] ticks without.
    Live,
    /// At once: a recording is judged, and what its last poll shows is all there is.
    Recorded,
}
