//! What a scenario says of redis clusters.

use std::sync::Arc;
use std::time::Duration;

use crate::demo::clusters::state::State;

/// A cluster that is acted.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterSpec {
    /// Its name.
    pub name: String,
    /// The machines that its nodes are dealt to; none: each is where it was captured.
    pub machines: Vec<String>,
    /// How often it is looked at.
    pub interval: Duration,
    /// Its `cluster-node-timeout`, as the configuration would have it; nothing: nobody says.
    pub node_timeout: Option<Duration>,
    /// For how long its nodes had run when they were captured, beyond what they say themselves.
    pub age: Duration,
    /// What it goes through: the first state is there when the demo begins.
    pub acts: Vec<ActSpec>,
}

/// A state that a cluster comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct ActSpec {
    /// When.
    pub at: Duration,
    /// Which.
    pub state: Arc<State>,
}
