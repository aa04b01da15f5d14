//! What is allowed of a delayed replica.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who holds transactions back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DelayBy {
    /// The server (`SOURCE_DELAY`, `MASTER_DELAY`).
    Native,
    /// A tool that stops and starts the SQL thread (pt-slave-delay): a thread that stands is normal.
    External,
}

/// A class of jobs, and how long one may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobClass {
    /// Its name: `backup`, `deshard`, or one's own.
    pub name: String,
    /// How long one may run: `max-backup-behind` for `backup`, `max-deshard-behind` for `deshard`.
    pub longest: Duration,
    /// Whether such a job stops the IO thread, too.
    pub stops_io: bool,
}

/// Every limit, by the names of "Monitoring Delayed Replication" (Cianos) with dashes for underscores; its values are the
/// defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// `max-seconds-behind`: age of the local heartbeat, and of the primary's own read on the primary.
    pub max_seconds_behind: Duration,
    /// `max-relay-behind`: since the executed position last changed.
    pub max_relay_behind: Duration,
    /// `max-master-behind`: since the received position last changed.
    pub max_master_behind: Duration,
    /// `max-last-seen`: since the worker last wrote, and since the newest sample.
    pub max_last_seen: Duration,
    /// `min-delay-time`: the least delay allowed.
    pub min_delay_time: Duration,
    /// `max-delay-time`: the greatest delay allowed.
    pub max_delay_time: Duration,
    /// `max-recovery-time`: after a job has ended.
    pub max_recovery_time: Duration,
    /// `max-trend-time`: for a trend to lead back.
    pub max_trend_time: Duration,
    /// Classes of jobs with their limits (`max-backup-behind`, `max-deshard-behind`, and one's own).
    pub jobs: Vec<JobClass>,
    /// `window`: what the trend is fitted over.
    pub window: Duration,
    /// `interval`: between two samples.
    pub interval: Duration,
    /// `io-grace`: how long an IO thread may fail to connect before that is critical.
    pub io_grace: Duration,
    /// Who holds transactions back.
    pub delay_by: DelayBy,
    /// How often the tool looks, where `delay_by` is external (pt-slave-delay `--interval`).
    pub tool_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let secs = Duration::from_secs;
        let job = |name: &str, longest| JobClass { name: name.to_owned(), longest, stops_io: false };
        Self {
            max_seconds_behind: secs(60),
            max_relay_behind: secs(28_800),
            max_master_behind: secs(1_800),
            max_last_seen: secs(60),
            min_delay_time: secs(5_400),
            max_delay_time: secs(9_000),
            max_recovery_time: secs(21_600),
            max_trend_time: secs(9_000),
            jobs: vec![job("backup", secs(64_800)), job("deshard", secs(32_400))],
            window: secs(600),
            interval: secs(10),
            io_grace: secs(60),
            delay_by: DelayBy::Native,
            tool_interval: secs(60),
        }
    }
}

impl Limits {
    /// How far back samples matter to the judge.
    pub fn remembered(&self) -> Duration {
        self.window.saturating_add(self.max_last_seen)
    }
}
