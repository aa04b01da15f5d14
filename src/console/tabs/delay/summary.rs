//! What the tab says of all replicas together, and what its columns are made for: counted once a reading, not once a frame.
//! Pure.

use std::collections::BTreeMap;

use super::rows::{bounds, old, shared};
use crate::base::Severity;
use crate::delay::snapshot::DelaySnapshot;

/// All replicas in a few figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many there are.
    pub all: u64,
    /// How many are as bad as that.
    pub severities: BTreeMap<Severity, u64>,
    /// Stopped in an emergency.
    pub frozen: u64,
    /// Nobody has judged them.
    pub never: u64,
    /// Nobody has judged them lately.
    pub late: u64,
    /// Jobs that run, by class.
    pub jobs: BTreeMap<String, u64>,
    /// How many each host judges.
    pub hosts: BTreeMap<String, u64>,
    /// The bounds in words, where all have the same.
    pub bounds: Option<String>,
    /// Characters of the longest name.
    pub longest: usize,
    /// Some are in a group.
    pub grouped: bool,
}

impl Summary {
    /// Of a snapshot.
    pub fn of(snapshot: &DelaySnapshot) -> Self {
        let lines = &snapshot.replicas;
        let mut sum = Self {
            all: lines.len() as u64,
            bounds: shared(lines).map(bounds),
            longest: lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0),
            grouped: lines.iter().any(|line| line.group.is_some()),
            ..Self::default()
        };
        for line in lines {
            *sum.severities.entry(line.severity()).or_default() += 1;
            sum.frozen += u64::from(line.is_frozen());
            sum.late += u64::from(old(line, snapshot.now).is_some());
            match &line.judged {
                None => sum.never += 1,
                Some((host, _)) => *sum.hosts.entry(host.clone()).or_default() += 1,
            }
            for job in line.jobs.iter().filter(|job| job.end.is_none()) {
                *sum.jobs.entry(job.class.clone()).or_default() += 1;
            }
        }
        sum
    }
}
