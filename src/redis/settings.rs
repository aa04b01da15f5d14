//! Settings of the servers that the judge goes by, as they tell them: how long a cluster waits for a node, which replica may take
//! over, what a replica's buffer holds.

use std::collections::BTreeMap;
use std::time::Duration;

use super::conn::Batch;
use super::facts::{Facts, Node};
use super::line::Line;
use super::trouble::Trouble;

/// What is asked: by the name of now, and by the one before redis 5.
const ASKED: [[&str; 2]; 6] = [
    ["cluster-node-timeout", ""],
    ["cluster-replica-validity-factor", "cluster-slave-validity-factor"],
    ["repl-ping-replica-period", "repl-ping-slave-period"],
    ["client-output-buffer-limit", ""],
    ["save", ""],
    ["stop-writes-on-bgsave-error", ""],
];
/// What is written where there is no save point, as it stands in a `redis.conf`.
const NONE: &str = "\"\"";

/// What a server has set. Nothing: it does not say, or there is no such setting there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// `cluster-node-timeout`: who is silent for so long is suspected to have failed.
    pub node_timeout: Option<Duration>,
    /// `cluster-replica-validity-factor`; 0: a replica may always take over.
    pub validity_factor: Option<u32>,
    /// `repl-ping-replica-period`
    pub repl_ping: Option<Duration>,
    /// The hard limit of `client-output-buffer-limit replica`, bytes; 0: there is none.
    pub replica_buffer: Option<u64>,
    /// Whether there are save points: `save` is not empty.
    pub saves: Option<bool>,
    /// `stop-writes-on-bgsave-error`: whether a save that failed refuses writes, where there are save points.
    pub stops_writes: Option<bool>,
}

impl Settings {
    /// Out of names and values.
    pub fn of(told: &BTreeMap<String, String>) -> Self {
        let text = |place: usize| {
            let [now, before]: [&str; 2] = ASKED.get(place).copied().unwrap_or_default();
            told.get(now).or_else(|| told.get(before))
        };
        let buffers = text(3).map(|text| text.split_ascii_whitespace().collect::<Vec<_>>());
        let replica = |words: &Vec<&str>| {
            let found = words.chunks_exact(4).find(|class| matches!(class[0], "replica" | "slave"))?;
            found[1].parse().ok()
        };
        Self {
            node_timeout: text(0).and_then(|text| text.parse().ok()).map(Duration::from_millis),
            validity_factor: text(1).and_then(|text| text.parse().ok()),
            repl_ping: text(2).and_then(|text| text.parse().ok()).map(Duration::from_secs),
            replica_buffer: buffers.as_ref().and_then(replica),
            saves: text(4).map(|text| !matches!(text.trim(), "" | NONE)),
            stops_writes: text(5).and_then(|text| match text.as_str() {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            }),
        }
    }

    /// As lines of a name and a value, which [`Settings::read`] reads again.
    pub fn text(&self) -> String {
        let lines = [
            self.node_timeout.map(|span| span.as_millis().to_string()),
            self.validity_factor.map(|factor| factor.to_string()),
            self.repl_ping.map(|span| span.as_secs().to_string()),
            self.replica_buffer.map(|bytes| format!("replica {bytes} 0 0")),
            // Which ones is not kept.
            self.saves.map(|saves| if saves { "set" } else { NONE }.to_owned()),
            self.stops_writes.map(|stops| if stops { "yes" } else { "no" }.to_owned()),
        ];
        let lines = ASKED.iter().zip(lines).filter_map(|([name, _], value)| Some(format!("{name} {}\r\n", value?)));
        lines.collect()
    }

    /// Out of such lines; what is none is passed over.
    pub fn read(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.trim().split_once(' '));
        Self::of(&pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }
}

/// What redis and valkey have unless they are told otherwise.
const USUAL: Settings = Settings {
    node_timeout: Some(Duration::from_secs(15)),
    validity_factor: Some(10),
    repl_ping: Some(Duration::from_secs(10)),
    replica_buffer: Some(256 << 20),
    saves: None,
    stops_writes: None,
};

/// A setting that a rule goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground<T> {
    /// What it is.
    pub value: T,
    /// Whether nobody told it: it is what servers have unless they are told otherwise.
    pub assumed: bool,
}

impl<T: Default> Ground<T> {
    fn of(told: Option<T>, configured: Option<T>, usual: Option<T>) -> Self {
        let known = told.or(configured);
        Self { assumed: known.is_none(), value: known.or(usual).unwrap_or_default() }
    }
}

impl<'a> Facts<'a> {
    fn settings(&self, node: &Node<'a>) -> Settings {
        self.aside(node).and_then(|aside| aside.settings).unwrap_or_default()
    }

    /// `cluster-node-timeout`, the longest of those that were told: those who decide that a node has failed are others.
    pub fn node_timeout(&self) -> Ground<Duration> {
        let told = self.asides.iter().filter_map(|aside| aside.settings?.node_timeout).max();
        Ground::of(told, self.limits.node_timeout, USUAL.node_timeout)
    }

    /// The hard limit of what a node keeps for a replica, bytes; 0: there is none.
    pub fn replica_buffer(&self, node: &Node<'a>) -> Ground<u64> {
        Ground::of(self.settings(node).replica_buffer, self.limits.replica_buffer, USUAL.replica_buffer)
    }

    /// How long a replica may have been cut off and still take over; nothing: however long.
    /// Source: `clusterHandleSlaveFailover` of redis.
    pub fn validity(&self, replica: &Node<'a>) -> Ground<Option<Duration>> {
        let own = self.settings(replica);
        let timeout = match own.node_timeout {
            Some(value) => Ground { value, assumed: false },
            None => self.node_timeout(),
        };
        let factor = Ground::of(own.validity_factor, self.limits.validity_factor, USUAL.validity_factor);
        let ping = Ground::of(own.repl_ping, self.limits.repl_ping, USUAL.repl_ping);
        if factor.value == 0 {
            return Ground { value: None, assumed: factor.assumed };
        }
        let most = timeout.value.saturating_mul(factor.value).saturating_add(ping.value);
        Ground { value: Some(most), assumed: timeout.assumed || factor.assumed || ping.assumed }
    }
}

/// Asks a server.
pub async fn ask(line: &Line) -> Result<Settings, Trouble> {
    let mut batch = Batch::default();
    for name in ASKED.iter().flatten().filter(|name| !name.is_empty()) {
        // More than one name in a command is for redis 7 and later.
        batch.push(&["CONFIG", "GET", name]);
    }
    let mut told = BTreeMap::new();
    for value in line.ask(&batch).await?.values {
        if let Some(error) = value.error() {
            return Err(Trouble::of_error(&error));
        }
        let pairs = value.array().unwrap_or_default().chunks_exact(2);
        told.extend(pairs.filter_map(|pair| Some((pair[0].text()?, pair[1].text()?))));
    }
    Ok(Settings::of(&told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_by_both_names_and_what_is_not_told_is_not_known() {
        let told = |pairs: &[(&str, &str)]| {
            Settings::of(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let now = told(&[
            ("cluster-node-timeout", "5000"),
            ("cluster-replica-validity-factor", "0"),
            ("repl-ping-replica-period", "10"),
            ("client-output-buffer-limit", "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"),
            ("save", "3600 1 300 100"),
            ("stop-writes-on-bgsave-error", "no"),
        ]);
        let all = Settings {
            node_timeout: Some(Duration::from_secs(5)),
            validity_factor: Some(0),
            repl_ping: Some(Duration::from_secs(10)),
            replica_buffer: Some(256 << 20),
            saves: Some(true),
            stops_writes: Some(false),
        };
        assert_eq!(now, all);
        assert_eq!(Settings::read(&all.text()), all);
        let none = told(&[("save", ""), ("stop-writes-on-bgsave-error", "yes")]);
        assert_eq!((none.saves, none.stops_writes), (Some(false), Some(true)));
        assert_eq!(Settings::read(&none.text()), none);
        let old = told(&[("cluster-slave-validity-factor", "7"), ("repl-ping-slave-period", "3")]);
        assert_eq!((old.validity_factor, old.repl_ping), (Some(7), Some(Duration::from_secs(3))));
        assert_eq!((old.node_timeout, old.replica_buffer), (None, None));
        let odd = told(&[("cluster-node-timeout", "-1"), ("client-output-buffer-limit", "normal 0 0")]);
        assert_eq!(odd, Settings::default());
        assert_eq!(Settings::read("cluster-node-timeout\nx y\r\n"), Settings::default());
    }
}
