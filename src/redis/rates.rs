//! Counters of a server as rates. The first tick gives none, and a counter that fell (a restart, `CONFIG RESETSTAT`) skips
//! its interval: a rate is never negative, and never the whole of a counter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::addr::NodeAddr;
use super::info::Info;
use crate::base::Time;

/// Counters that are shown as rates: the name firn gives it, and the field of `INFO`.
pub const FIELDS: [(&str, &str); 11] = [
    ("commands", "total_commands_processed"),
    ("connections", "total_connections_received"),
    ("rejected", "rejected_connections"),
    ("net-in", "total_net_input_bytes"),
    ("net-out", "total_net_output_bytes"),
    ("hits", "keyspace_hits"),
    ("misses", "keyspace_misses"),
    ("expired", "expired_keys"),
    ("evicted", "evicted_keys"),
    ("errors", "total_error_replies"),
    ("written", "master_repl_offset"),
];
/// Errors that are counted: the codes of `errorstat_…`.
const ERRORS: [&str; 8] = ["OOM", "MISCONF", "CLUSTERDOWN", "TRYAGAIN", "LOADING", "MOVED", "NOAUTH", "WRONGPASS"];
/// Further counters, as `INFO` or `CLUSTER INFO` calls them.
const MORE: [&str; 3] = ["sync_full", "acl_access_denied_auth", "acl_access_denied_cmd"];
/// A counter of `CLUSTER INFO`.
const LINKS: &str = "total_cluster_links_buffer_limit_exceeded";
/// Commands whose calls tell how many keys were moved.
const MOVES: [&str; 2] = ["migrate", "restore-asking"];

/// Counters of a node at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub at: Time,
    /// In which run of the server.
    pub run: Option<String>,
    /// The counters, those that were told.
    pub values: BTreeMap<String, u64>,
}

impl Sample {
    /// Of what a node told.
    pub fn of(at: Time, info: &Info, cluster: Option<&Info>) -> Self {
        let mut values = BTreeMap::new();
        let mut put = |name: &str, value: Option<u64>| {
            if let Some(value) = value {
                values.insert(name.to_owned(), value);
            }
        };
        for (name, field) in FIELDS {
            put(name, info.number(field));
        }
        for code in ERRORS {
            put(code, info.errors(code));
        }
        for field in MORE {
            put(field, info.number(field));
        }
        put(LINKS, cluster.and_then(|cluster| cluster.number(LINKS)));
        // A command that was never called has no line, where the section is told.
        let told = info.sections().any(|(name, _)| name == "Commandstats");
        for command in MOVES {
            let calls = match info.get(&format!("cmdstat_{command}")) {
                Some(value) => Info::part(value, "calls").and_then(|calls| calls.parse().ok()),
                None => told.then_some(0),
            };
            put(command, calls);
        }
        Self { at, run: info.get("run_id").map(ToOwned::to_owned), values }
    }

    /// How much a counter has grown since; nothing: it is not known at both times, it fell, or another run counts.
    pub fn grown(&self, since: &Self, name: &str) -> Option<u64> {
        if self.run != since.run {
            return None;
        }
        self.values.get(name)?.checked_sub(*since.values.get(name)?)
    }

    /// The same, a second.
    pub fn rate(&self, since: &Self, name: &str) -> Option<f64> {
        let seconds = self.at.since(since.at).as_secs_f64();
        let grown = self.grown(since, name)?;
        (seconds > 0.0).then(|| precise(grown) / seconds)
    }

    /// Every counter of [`FIELDS`] as a rate.
    pub fn rates(&self, since: &Self) -> Vec<(&'static str, f64)> {
        FIELDS.iter().filter_map(|(name, _)| Some((*name, self.rate(since, name)?))).collect()
    }

    /// What a counter sink is given for the interval: `redis.<cluster>.<node>.<field>`, and by how much it grew.
    pub fn counts(&self, since: &Self, cluster: &str, node: &NodeAddr) -> Vec<(String, u64)> {
        let counts = FIELDS.iter().filter_map(|(name, _)| {
            Some((format!("redis.{}.{}.{name}", part(cluster), part(&node.to_string())), self.grown(since, name)?))
        });
        counts.collect()
    }
}

/// A part of a counter's name: what would end it is replaced.
fn part(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':') { c } else { '_' }).collect()
}

/// As a floating-point number; a counter beyond 2^53 loses its last digits, which no rate shows.
#[allow(clippy::cast_precision_loss)]
pub fn precise(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(second: i64, run: &str, commands: u64) -> Sample {
        let text = format!("# Stats\r\nrun_id:{run}\r\ntotal_commands_processed:{commands}\r\nevicted_keys:7\r\n");
        Sample::of(Time::from_secs(second), &Info::parse(&text), None)
    }

    #[test]
    fn a_counter_that_fell_skips_its_interval() {
        let first = sample(10, "a", 1000);
        assert_eq!(sample(12, "a", 1500).rate(&first, "commands"), Some(250.0));
        assert_eq!(sample(12, "a", 1500).rate(&first, "evicted"), Some(0.0));
        assert_eq!(sample(12, "a", 1500).rate(&first, "hits"), None, "not told");
        assert_eq!(sample(12, "a", 20).rate(&first, "commands"), None, "CONFIG RESETSTAT");
        assert_eq!(sample(12, "b", 5000).rate(&first, "commands"), None, "another run");
        assert_eq!(sample(10, "a", 1500).rate(&first, "commands"), None, "no time has passed");
    }

    #[test]
    fn names_of_counters_have_four_parts_whatever_the_cluster_is_called() {
        let addr = NodeAddr::new("10.0.0.1", 7000).unwrap();
        let counts = sample(12, "a", 1500).counts(&sample(10, "a", 1000), "shop.eu west", &addr);
        assert_eq!(counts[0], ("redis.shop_eu_west.10_0_0_1:7000.commands".to_owned(), 500));
        assert!(counts.iter().all(|(name, _)| name.split('.').count() == 4), "{counts:?}");
    }
}
