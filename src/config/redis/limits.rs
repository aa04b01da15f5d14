//! `[redis_limits]`: from where on something is said of a cluster. What it says holds for all of them; a `[[redis]]` says
//! otherwise for itself, with the same keys.

use std::collections::HashSet;
use std::time::Duration;

use crate::base::cluster_limits::{ClusterLimits, Hundredths};
use crate::config::problem::{Origin, Problem};
use crate::config::schema::{DAY, Key, Kind, key};
use crate::config::sections::Layers;
use crate::config::validate::number;

/// What holds for all.
pub(super) const ALL: &str = "redis_limits";
/// How many keys there are.
pub(super) const COUNT: usize = 33;

const SPAN: Kind = Kind::Span(1, 30 * DAY);
const SHARE: Kind = Kind::Number(1, 100);
const RATIO: Kind = Kind::Ratio(100, 100_000);
const SHORT: Kind = Kind::Short(1, 60_000);
const BYTES: Kind = Kind::Size(0, 1 << 50);

/// The keys, with their defaults for all, without any for one cluster.
pub(super) const fn keys(s: &'static str) -> [Key; COUNT] {
    [
        one(s, "raise_after", Kind::Number(1, 100), "2", "so many looks in a row show a finding before it is raised"),
        one(s, "clear_after", Kind::Number(1, 100), "3", "so many looks in a row are without it before it is cleared"),
        one(s, "node_timeout", Kind::Span(1, DAY), "", "cluster-node-timeout, where no node tells it"),
        one(
            s,
            "validity_factor",
            Kind::Number(0, 1000),
            "",
            "cluster-replica-validity-factor, where a node does not tell",
        ),
        one(s, "repl_ping", Kind::Span(1, DAY), "", "repl-ping-replica-period, where a node does not tell it"),
        one(
            s,
            "replica_buffer",
            BYTES,
            "",
            "the hard limit of a replica's output buffer, where a node does not tell it",
        ),
        one(s, "replica_buffer_share", SHARE, "50", "percent of that buffer in use"),
        one(s, "views_differ_for", Kind::Span(0, DAY), "2s", "nodes' views differ for so long"),
        one(s, "epochs_differ_for", SPAN, "10s", "nodes hold different current epochs for so long"),
        one(s, "link_down", Kind::Span(0, 30 * DAY), "5s", "a replica's line to its master is down for so long"),
        one(s, "lag_warning", SPAN, "5s", "a replica has not acknowledged for so long: WARNING"),
        one(s, "lag_critical", SPAN, "30s", "the same: CRITICAL"),
        one(s, "resyncs", Kind::Number(1, 100), "2", "so many full resyncs within resync_window are a loop"),
        one(s, "resync_window", SPAN, "10m", "within this"),
        one(s, "slot_stands", SPAN, "1m", "an open slot makes no progress for so long"),
        one(s, "clients_share", SHARE, "90", "percent of maxclients in use"),
        one(s, "memory_share", SHARE, "90", "percent of maxmemory in use where nothing may be evicted"),
        one(s, "machine_share", SHARE, "80", "percent of the machine's memory in use where there is no maxmemory"),
        one(s, "fragmentation", RATIO, "1.5", "mem_fragmentation_ratio above this"),
        one(s, "fragmentation_waste", BYTES, "100MB", "with so much wasted"),
        one(s, "swapped", Kind::Ratio(0, 100), "0.9", "mem_fragmentation_ratio below this: swapped out"),
        one(s, "swapped_used", BYTES, "1GB", "with so much in use"),
        one(s, "save_age", Kind::SpanOrNever(60, 365 * DAY), "never", "the last save to disk is older"),
        one(s, "fork", SHORT, "1s", "the last fork took so long"),
        one(s, "masters_together", Kind::Span(0, 30 * DAY), "10m", "half of the masters are on one host for so long"),
        one(s, "imbalance", RATIO, "1.5", "the largest master is so many times the mean"),
        one(s, "slower", RATIO, "5", "round trips take so many times what is usual"),
        one(s, "slow", SHORT, "20ms", "and so long"),
        one(s, "emptied", SHARE, "10", "percent of its keys that a restarted master has, or less: it came back empty"),
        one(s, "moved_share", SHARE, "5", "percent of the calls that are answered with MOVED"),
        one(s, "latency", SHORT, "100ms", "an event of LATENCY LATEST took so long"),
        one(s, "latency_age", SPAN, "5m", "and is not older"),
        one(s, "told_for", SPAN, "10m", "what happened once is told for so long"),
    ]
}

const fn one(section: &'static str, name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Key {
    // A string in a constant is compared by its bytes: of the two sections one is this long.
    let all = section.len() == ALL.len() && !default.is_empty();
    key(section, name, kind, if all { Some(default) } else { None }, about)
}

impl Layers<'_> {
    fn small(&self, key: &'static str) -> Option<u32> {
        u32::try_from(number(&self.one(key), key)?).ok()
    }

    fn part(&self, key: &'static str) -> Option<Hundredths> {
        self.small(key).map(Hundredths)
    }

    fn bytes(&self, key: &'static str) -> Option<u64> {
        number(&self.one(key), key)
    }

    /// The limits in force. What cannot be of them is told once.
    pub(super) fn cluster_limits(
        &self,
        cache: bool,
        problems: &mut Vec<Problem>,
        told: &mut HashSet<String>,
    ) -> Option<ClusterLimits> {
        let limits = ClusterLimits {
            raise_after: self.small("raise_after")?,
            clear_after: self.small("clear_after")?,
            node_timeout: self.span("node_timeout"),
            views_differ: self.span("views_differ_for")?,
            epochs_differ: self.span("epochs_differ_for")?,
            link_down: self.span("link_down")?,
            lag_warning: self.span("lag_warning")?,
            lag_critical: self.span("lag_critical")?,
            resyncs: self.bytes("resyncs")?,
            resync_window: self.span("resync_window")?,
            replica_buffer: self.bytes("replica_buffer"),
            replica_buffer_share: self.part("replica_buffer_share")?,
            validity_factor: self.small("validity_factor"),
            repl_ping: self.span("repl_ping"),
            slot_stands: self.span("slot_stands")?,
            clients_share: self.part("clients_share")?,
            memory_share: self.part("memory_share")?,
            machine_share: self.part("machine_share")?,
            fragmentation: self.part("fragmentation")?,
            waste: self.bytes("fragmentation_waste")?,
            swapped: self.part("swapped")?,
            swapped_used: self.bytes("swapped_used")?,
            save_age: self.span("save_age"),
            fork: self.span("fork")?,
            masters_together: self.span("masters_together")?,
            imbalance: self.part("imbalance")?,
            slower: self.part("slower")?,
            slow: self.span("slow")?,
            emptied: self.part("emptied")?,
            moved_share: self.part("moved_share")?,
            latency: self.span("latency")?,
            latency_age: self.span("latency_age")?,
            told_for: self.span("told_for")?,
            cache,
        };
        self.crossed(&limits, problems, told);
        Some(limits)
    }

    fn crossed(&self, limits: &ClusterLimits, problems: &mut Vec<Problem>, told: &mut HashSet<String>) {
        let (warning, critical): (Duration, Duration) = (limits.lag_warning, limits.lag_critical);
        if warning <= critical {
            return;
        }
        let text = format!(
            "found lag_warning {} above lag_critical {}; the first must not be the longer one: lower it, or raise the other",
            crate::base::units::exact_span(warning),
            crate::base::units::exact_span(critical)
        );
        if told.insert(text.clone()) || self.list != ALL && (self.says("lag_warning") || self.says("lag_critical")) {
            let made = |key: &&str| self.setting(key).is_some_and(|setting| setting.origin != Origin::Default);
            let key = ["lag_warning", "lag_critical"].into_iter().find(made).unwrap_or("lag_warning");
            problems.push(self.wrong(key, text));
        }
    }
}
