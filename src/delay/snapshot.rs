//! How all replicas stand: what the Delay tab draws and `firn delay` prints.

use std::sync::Arc;

use super::job::Job;
use super::limits::Limits;
use super::state::{Place, State};
use super::verdict::Verdict;
use crate::base::{Severity, Time};

/// Columns of a replica's sparkline: six hours.
pub const SPARK: usize = 36;

/// How a freeze of a replica stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frozen {
    /// Whether the replica is proven to stand, and was seen to lately.
    pub proven: bool,
    /// How it stands, in words.
    pub words: String,
    /// Where it has got to: the word that the state keeps.
    pub state: String,
    /// Since when; nothing: what is recorded of it cannot be read.
    pub since: Option<Time>,
    /// Who asked for it.
    pub who: String,
    /// Why it is not known to stand, where that is not only a matter of time.
    pub why: Option<String>,
    /// The statement that must not be applied, in words; nothing: nobody has said.
    pub statement: Option<String>,
    /// Executed up to there, as it was last seen.
    pub at: Place,
}

/// A replica.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaLine {
    /// Its name: that of the configuration, with `/channel` behind it where the server has several.
    pub name: String,
    /// Its group, if it is in one.
    pub group: Option<String>,
    /// What is allowed of it.
    pub limits: Arc<Limits>,
    /// What the judge says now; nothing: nobody has judged it yet.
    pub verdict: Option<Verdict>,
    /// What the judge keeps.
    pub state: Arc<State>,
    /// Jobs that run, and those that ended within their recovery window.
    pub jobs: Vec<Job>,
    /// The delay in the last six hours, oldest first: the average of ten minutes each.
    pub spark: Vec<Option<f64>>,
    /// Who judges it, and when that was last written.
    pub judged: Option<(String, Time)>,
    /// Its freeze, where it is stopped in an emergency or is being stopped.
    pub frozen: Option<Frozen>,
}

impl ReplicaLine {
    /// Whether it is proven to stand: a freeze that has not got there says so in [`ReplicaLine::frozen`].
    pub fn is_frozen(&self) -> bool {
        self.frozen.as_ref().is_some_and(|frozen| frozen.proven)
    }

    /// How bad it is. Nobody has judged it: UNKNOWN.
    pub fn severity(&self) -> Severity {
        self.verdict.as_ref().map_or(Severity::Unknown, |verdict| verdict.severity)
    }
}

/// How all replicas stand.
#[derive(Debug, Clone, PartialEq)]
pub struct DelaySnapshot {
    /// When it was gathered.
    pub now: Time,
    /// The replicas, in the order of the configuration.
    pub replicas: Vec<ReplicaLine>,
}

/// What a replica's chart is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct DelayChart {
    /// From when.
    pub from: Time,
    /// Until when.
    pub to: Time,
    /// Samples, oldest first: when, and the delay in seconds; nothing is a gap.
    pub samples: Vec<(Time, Option<f64>)>,
    /// There were so many that some were left out: where two lie far apart, nothing need be missing between them.
    pub thinned: bool,
    /// Jobs that touch that time.
    pub jobs: Vec<Job>,
}
