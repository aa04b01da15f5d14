//! What one thread counts. Every quarter of a second it is exchanged for an empty one, which takes a thread no time.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::ledger::Entry;
use super::outcome::{Counts, HostFigures, Latency, Sent, StepFigures, Unanswered};
use super::spec::BenchError;
use super::wire::Command;
use crate::redis::addr::NodeAddr;

/// The longest time that is told apart, nanoseconds: ten minutes.
const LONGEST: u64 = 600_000_000_000;
/// Digits that times are exact to: a tenth of a percent, and for hosts a percent.
const DIGITS: u8 = 3;
const DIGITS_OF_HOST: u8 = 2;

/// A histogram of nanoseconds.
fn histogram(digits: u8) -> Result<Histogram<u64>, BenchError> {
    let made = Histogram::new_with_bounds(1, LONGEST, digits);
    // These bounds are ones that the crate takes.
    made.map_err(|e| BenchError::System(std::io::Error::other(e.to_string())))
}

/// What is made of a histogram; nothing: it is empty.
pub(super) fn latency(of: &Histogram<u64>) -> Option<Latency> {
    let at = |quantile| Duration::from_nanos(of.value_at_quantile(quantile).min(of.max()));
    (!of.is_empty()).then(|| Latency {
        count: of.len(),
        mean: Duration::from_secs_f64(of.mean() / 1e9),
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        max: Duration::from_nanos(of.max()),
    })
}

/// One host, or one master.
#[derive(Debug)]
pub(super) struct OfHost {
    pub(super) counts: Counts,
    pub(super) attempts: Histogram<u64>,
}

#[derive(Debug)]
pub(super) struct Tally {
    /// While it is measured.
    pub(super) hosts: Vec<OfHost>,
    /// Before and after that.
    pub(super) other: Counts,
    pub(super) sent: Sent,
    /// By command, in the order of [`Command::STEPS`].
    pub(super) trips: [Histogram<u64>; 5],
    pub(super) committed: Histogram<u64>,
    pub(super) aborted: Histogram<u64>,
    /// Transactions that came to nothing by waiting, or to an end too late.
    pub(super) unfinished: Histogram<u64>,
    pub(super) unanswered: Unanswered,
    /// Commits of the invariant check.
    pub(super) log: Vec<Entry>,
}

impl Tally {
    pub(super) fn new(hosts: usize) -> Result<Self, BenchError> {
        let one = histogram(DIGITS)?;
        let host = histogram(DIGITS_OF_HOST)?;
        Ok(Self {
            hosts: (0..hosts).map(|_| OfHost { counts: Counts::default(), attempts: host.clone() }).collect(),
            other: Counts::default(),
            sent: Sent::default(),
            trips: std::array::from_fn(|_| one.clone()),
            committed: one.clone(),
            aborted: one.clone(),
            unfinished: one,
            unanswered: Unanswered::default(),
            log: Vec::new(),
        })
    }

    /// What is counted while it is measured.
    pub(super) fn counts(&self) -> Counts {
        let mut all = Counts::default();
        for host in &self.hosts {
            all.add(&host.counts);
        }
        all
    }

    /// Empties it.
    pub(super) fn clear(&mut self) {
        for host in &mut self.hosts {
            host.counts = Counts::default();
            host.attempts.reset();
        }
        self.other = Counts::default();
        self.sent = Sent::default();
        self.unanswered = Unanswered::default();
        for one in self.trips.iter_mut().chain([&mut self.committed, &mut self.aborted, &mut self.unfinished]) {
            if !one.is_empty() {
                one.reset();
            }
        }
        self.log.clear();
    }

    /// Adds another of the same hosts; its log is left where it is.
    pub(super) fn add(&mut self, other: &Self) {
        // Histograms of the same bounds take each other in.
        let into = |to: &mut Histogram<u64>, from: &Histogram<u64>| {
            if !from.is_empty() {
                let _ = to.add(from);
            }
        };
        for (own, host) in self.hosts.iter_mut().zip(&other.hosts) {
            own.counts.add(&host.counts);
            into(&mut own.attempts, &host.attempts);
        }
        self.other.add(&other.other);
        self.sent.add(&other.sent);
        for (own, one) in self.trips.iter_mut().zip(&other.trips) {
            into(own, one);
        }
        into(&mut self.committed, &other.committed);
        into(&mut self.aborted, &other.aborted);
        into(&mut self.unfinished, &other.unfinished);
        self.unanswered.add(&other.unanswered);
    }

    /// Times of transactions, whatever came of them.
    pub(super) fn transactions(&self) -> Histogram<u64> {
        let mut all = self.committed.clone();
        let _ = all.add(&self.aborted);
        let _ = all.add(&self.unfinished);
        all
    }

    /// Times of round trips.
    pub(super) fn all_trips(&self) -> Histogram<u64> {
        let mut all = self.trips[0].clone();
        for one in &self.trips[1..] {
            let _ = all.add(one);
        }
        all
    }

    pub(super) fn steps(&self) -> Vec<StepFigures> {
        let each = Command::STEPS.iter().zip(&self.trips);
        each.filter_map(|(command, times)| Some(StepFigures { command: command.name(), trip: latency(times)? }))
            .collect()
    }

    pub(super) fn host_figures(&self, hosts: &[NodeAddr]) -> Vec<HostFigures> {
        let each = hosts.iter().zip(&self.hosts);
        each.map(|(host, of)| HostFigures {
            host: host.clone(),
            counts: of.counts.clone(),
            attempt: latency(&of.attempts),
        })
        .collect()
    }
}
