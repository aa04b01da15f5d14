//! Rows of redis clusters.

use crate::base::Time;

/// What is remembered of a cluster may have this many bytes.
pub const LARGEST_CLUSTER: usize = 8 << 20;
/// A silence may last this long: what is quiet for good is forgotten.
pub const LONGEST_SILENCE: std::time::Duration = std::time::Duration::from_hours(24 * 7);

/// The duty under which a cluster's history is kept and its findings are told: every console looks at it by itself.
pub fn cluster_duty(name: &str) -> String {
    format!("redis-history:{name}")
}

/// What the judge remembers of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRow {
    /// The cluster's name.
    pub name: String,
    /// When it was written.
    pub written: Time,
    /// It, as JSON.
    pub body: String,
    /// Who wrote it: host and process number; nothing: nobody remembers.
    pub writer: Option<(String, u32)>,
}

/// What became of writing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterWrite {
    /// It stands in the state.
    Written,
    /// The duty is not held by this session under that generation (any more).
    NotHeld,
    /// It is larger than [`LARGEST_CLUSTER`]: so many bytes.
    TooLarge(usize),
}

/// A silence that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSilence {
    /// The cluster.
    pub cluster: String,
    /// The node's address; nothing: the whole cluster.
    pub node: Option<String>,
    /// Until when.
    pub until: Time,
    /// Who.
    pub who: String,
    /// Why.
    pub why: String,
}

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilenceRow {
    /// The cluster.
    pub cluster: String,
    /// The node's address; nothing: the whole cluster.
    pub node: Option<String>,
    /// Since when.
    pub since: Time,
    /// Until when.
    pub until: Time,
    /// Who.
    pub who: String,
    /// Why.
    pub why: String,
}
