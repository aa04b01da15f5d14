//! From where on something is said. The defaults are those of the checks' table; every one can be set for a cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
}

impl Subject {
    /// A cluster of that name.
    pub fn cluster(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// Limits of a cluster. Each field's comment begins with its name in the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// `raise-after`: so many ticks in a row a finding is there before it is raised.
    pub raise_after: u32,
    /// `clear-after`: so many ticks in a row it is gone before it is cleared.
    pub clear_after: u32,
    /// `node-timeout`: the cluster's own `cluster-node-timeout`.
    pub node_timeout: Duration,
    /// `views-differ-for`: views are in dispute when they differ for so long. They differ for milliseconds in normal work.
    pub views_differ: Duration,
    /// `epochs-differ-for`: nodes hold different current epochs for so long.
    pub epochs_differ: Duration,
    /// `link-down`: a replica's line to its master is down for so long.
    pub link_down: Duration,
    /// `lag-warning`: a replica has not acknowledged for so long.
    pub lag_warning: Duration,
    /// `lag-critical`: the same.
    pub lag_critical: Duration,
    /// `resyncs`: so many full resyncs within `resync-window` are a loop.
    pub resyncs: u64,
    /// `resync-window`
    pub resync_window: Duration,
    /// `replica-buffer`: the hard limit of `client-output-buffer-limit replica`, bytes.
    pub replica_buffer: u64,
    /// `replica-buffer-share`: so much of it is used.
    pub replica_buffer_share: f64,
    /// `validity-factor`: `cluster-replica-validity-factor`; 0: a replica may always take over.
    pub validity_factor: u32,
    /// `repl-ping`: `repl-ping-replica-period`
    pub repl_ping: Duration,
    /// `slot-stands`: an open slot makes no progress for so long.
    pub slot_stands: Duration,
    /// `clients-share`: so much of `maxclients` is used.
    pub clients_share: f64,
    /// `memory-share`: so much of `maxmemory` is used where nothing may be evicted.
    pub memory_share: f64,
    /// `machine-share`: so much of the machine's memory is used where there is no `maxmemory`.
    pub machine_share: f64,
    /// `fragmentation`: `mem_fragmentation_ratio` above it, …
    pub fragmentation: f64,
    /// `fragmentation-waste`: … with so many bytes wasted.
    pub waste: u64,
    /// `swapped`: `mem_fragmentation_ratio` below it, …
    pub swapped: f64,
    /// `swapped-used`: … with so many bytes used.
    pub swapped_used: u64,
    /// `save-age`: the last save to disk may be so old; nothing: any age is fine.
    pub save_age: Option<Duration>,
    /// `fork`: the last fork took so long.
    pub fork: Duration,
    /// `masters-together`: half of the masters are on one machine for so long. After a failover they may be, for a while.
    pub masters_together: Duration,
    /// `imbalance`: the largest master is so many times the mean.
    pub imbalance: f64,
    /// `slower`: round trips take so many times what is usual, …
    pub slower: f64,
    /// `slow`: … and so long.
    pub slow: Duration,
    /// `emptied`: a restarted owner of slots has less than so much of its keys.
    pub emptied: f64,
    /// `moved-share`: so much of the calls is answered with `MOVED`.
    pub moved_share: f64,
    /// `latency`: an event of `LATENCY LATEST` took so long …
    pub latency: Duration,
    /// `latency-age`: … and is not older.
    pub latency_age: Duration,
    /// `told-for`: what happened once (another node at an address, a restart, a failover) is told for so long.
    pub told_for: Duration,
    /// `cache`: keys may be evicted, that is what they are there for.
    pub cache: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            raise_after: 2,
            clear_after: 3,
            node_timeout: Duration::from_secs(15),
            views_differ: Duration::from_secs(2),
            epochs_differ: Duration::from_secs(10),
            link_down: Duration::from_secs(5),
            lag_warning: Duration::from_secs(5),
            lag_critical: Duration::from_secs(30),
            resyncs: 2,
            resync_window: Duration::from_mins(10),
            replica_buffer: 256 << 20,
            replica_buffer_share: 0.5,
            validity_factor: 10,
            repl_ping: Duration::from_secs(10),
            slot_stands: Duration::from_mins(1),
            clients_share: 0.9,
            memory_share: 0.9,
            machine_share: 0.8,
            fragmentation: 1.5,
            waste: 100_000_000,
            swapped: 0.9,
            swapped_used: 1_000_000_000,
            save_age: None,
            fork: Duration::from_secs(1),
            masters_together: Duration::from_mins(10),
            imbalance: 1.5,
            slower: 5.0,
            slow: Duration::from_millis(20),
            emptied: 0.1,
            moved_share: 0.05,
            latency: Duration::from_millis(100),
            latency_age: Duration::from_mins(5),
            told_for: Duration::from_mins(10),
            cache: false,
        }
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
