//! From where on something is said of a redis cluster.

use std::time::Duration;

/// A number in hundredths: a ratio (`1.5` is 150), or a share (`90 %` is 90).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hundredths(pub u32);

impl Hundredths {
    /// The number.
    pub fn get(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

/// Limits of a cluster; the defaults are those of the checks' table. Each field's comment begins with its name in the
/// configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterLimits {
    /// `raise_after`: so many ticks in a row a finding is there before it is raised.
    pub raise_after: u32,
    /// `clear_after`: so many ticks in a row it is gone before it is cleared.
    pub clear_after: u32,
    /// `node_timeout`: `cluster-node-timeout`, where no node tells its own.
    pub node_timeout: Option<Duration>,
    /// `views_differ_for`: views are in dispute when they differ for so long. They differ for milliseconds in normal work.
    pub views_differ: Duration,
    /// `epochs_differ_for`: nodes hold different current epochs for so long.
    pub epochs_differ: Duration,
    /// `link_down`: a replica's line to its master is down for so long.
    pub link_down: Duration,
    /// `lag_warning`: a replica has not acknowledged for so long.
    pub lag_warning: Duration,
    /// `lag_critical`: the same.
    pub lag_critical: Duration,
    /// `resyncs`: so many full resyncs within `resync_window` are a loop.
    pub resyncs: u64,
    /// `resync_window`
    pub resync_window: Duration,
    /// `replica_buffer`: the hard limit of `client-output-buffer-limit replica`, bytes, where a node does not tell its own; 0:
    /// none.
    pub replica_buffer: Option<u64>,
    /// `replica_buffer_share`: so much of it is used.
    pub replica_buffer_share: Hundredths,
    /// `validity_factor`: `cluster-replica-validity-factor`, where a node does not tell its own; 0: a replica may always take
    /// over.
    pub validity_factor: Option<u32>,
    /// `repl_ping`: `repl-ping-replica-period`, where a node does not tell its own.
    pub repl_ping: Option<Duration>,
    /// `slot_stands`: an open slot makes no progress for so long.
    pub slot_stands: Duration,
    /// `clients_share`: so much of `maxclients` is used.
    pub clients_share: Hundredths,
    /// `memory_share`: so much of `maxmemory` is used where nothing may be evicted.
    pub memory_share: Hundredths,
    /// `machine_share`: so much of the machine's memory is used where there is no `maxmemory`.
    pub machine_share: Hundredths,
    /// `fragmentation`: `mem_fragmentation_ratio` above it, …
    pub fragmentation: Hundredths,
    /// `fragmentation_waste`: … with so many bytes wasted.
    pub waste: u64,
    /// `swapped`: `mem_fragmentation_ratio` below it, …
    pub swapped: Hundredths,
    /// `swapped_used`: … with so many bytes used.
    pub swapped_used: u64,
    /// `save_age`: the last save to disk may be so old; nothing: any age is fine.
    pub save_age: Option<Duration>,
    /// `fork`: the last fork took so long.
    pub fork: Duration,
    /// `masters_together`: half of the masters are on one machine for so long. After a failover they may be, for a while.
    pub masters_together: Duration,
    /// `imbalance`: the largest master is so many times the mean.
    pub imbalance: Hundredths,
    /// `slower`: round trips take so many times what is usual, …
    pub slower: Hundredths,
    /// `slow`: … and so long.
    pub slow: Duration,
    /// `emptied`: a restarted owner of slots has less than so much of its keys.
    pub emptied: Hundredths,
    /// `moved_share`: so much of the calls is answered with `MOVED`.
    pub moved_share: Hundredths,
    /// `latency`: an event of `LATENCY LATEST` took so long …
    pub latency: Duration,
    /// `latency_age`: … and is not older.
    pub latency_age: Duration,
    /// `told_for`: what happened once (another node at an address, a restart, a failover) is told for so long.
    pub told_for: Duration,
    /// `cache`: keys may be evicted, that is what they are there for.
    pub cache: bool,
}

impl Default for ClusterLimits {
    fn default() -> Self {
        Self {
            raise_after: 2,
            clear_after: 3,
            node_timeout: None,
            views_differ: Duration::from_secs(2),
            epochs_differ: Duration::from_secs(10),
            link_down: Duration::from_secs(5),
            lag_warning: Duration::from_secs(5),
            lag_critical: Duration::from_secs(30),
            resyncs: 2,
            resync_window: Duration::from_mins(10),
            replica_buffer: None,
            replica_buffer_share: Hundredths(50),
            validity_factor: None,
            repl_ping: None,
            slot_stands: Duration::from_mins(1),
            clients_share: Hundredths(90),
            memory_share: Hundredths(90),
            machine_share: Hundredths(80),
            fragmentation: Hundredths(150),
            waste: 100_000_000,
            swapped: Hundredths(90),
            swapped_used: 1_000_000_000,
            save_age: None,
            fork: Duration::from_secs(1),
            masters_together: Duration::from_mins(10),
            imbalance: Hundredths(150),
            slower: Hundredths(500),
            slow: Duration::from_millis(20),
            emptied: Hundredths(10),
            moved_share: Hundredths(5),
            latency: Duration::from_millis(100),
            latency_age: Duration::from_mins(5),
            told_for: Duration::from_mins(10),
            cache: false,
        }
    }
}
