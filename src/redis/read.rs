//! All clusters at once, as a screen reads them.

use std::sync::Arc;
use std::time::Duration;

use super::snapshot::Health;
use crate::base::Time;

/// How every configured cluster stands, in the order of the configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RedisRead {
    /// When it was read.
    pub now: Time,
    /// The clusters.
    pub clusters: Vec<ClusterRead>,
}

/// A configured cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterRead {
    /// Its name in the configuration.
    pub name: String,
    /// Whether the benchmark keeps off it.
    pub production: bool,
    /// How often it is looked at.
    pub every: Duration,
    /// How it stands; nothing: it has not been looked at yet.
    pub health: Option<Arc<Health>>,
}

impl RedisRead {
    /// A cluster by its name.
    pub fn named(&self, name: &str) -> Option<&ClusterRead> {
        self.clusters.iter().find(|one| one.name == name)
    }
}

impl ClusterRead {
    /// How it stands, and for how long nobody has looked: nothing unless that is longer than three looks take. A node may
    /// be looked at every ten seconds only, the cluster is not.
    pub fn stale(&self, now: Time) -> Option<Duration> {
        let age = now.since(self.health.as_ref()?.at);
        (age > self.every * 3 + Duration::from_secs(1)).then_some(age)
    }
}
