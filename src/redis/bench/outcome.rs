//! What a run tells: while it runs, and at its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::ledger::Verdict;
use crate::redis::addr::NodeAddr;

/// Error codes that are told apart; what comes beyond is counted as `other`.
const CODES: usize = 32;
/// Characters kept of an error's text.
const TEXT: usize = 200;
/// The code of a connection that was closed or broke while an answer was due.
pub const LOST: &str = "connection lost";
/// The code of a connection that could not be made.
pub const NO_CONNECTION: &str = "no connection";
/// The code of an answer that did not come in time.
pub const SILENT: &str = "no answer in time";
/// The code of an answer that is none to the request.
pub const ODD: &str = "odd answer";

/// An error as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Seen {
    /// How often.
    pub count: u64,
    /// What the first one said, as it came (show it through `Shown`).
    pub text: String,
}

/// What came of attempts. An attempt is a request of `get_set`, else a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Requests that were answered as they should be, or transactions that were carried out.
    pub commits: u64,
    /// Transactions that the server did not carry out, as a watched key had changed: a nil answer to `EXEC` (`*-1`, and
    /// `$-1` of dtm-redis).
    pub aborts: u64,
    /// Attempts that came to nothing by an error, a lost connection, or silence.
    pub failed: u64,
    /// Transactions whose `EXEC` was sent and whose answer was lost: carried out or not, nobody knows.
    pub undecided: u64,
    /// Round trips.
    pub trips: u64,
    /// `GET`s that found nothing.
    pub misses: u64,
    /// Redirections by `MOVED`.
    pub moved: u64,
    /// Redirections by `ASK`.
    pub asked: u64,
    /// Connections made anew.
    pub reconnects: u64,
    /// Errors by their code (the first word), and what happened to connections.
    pub errors: BTreeMap<String, Seen>,
}

impl Counts {
    /// All attempts that ended.
    pub fn attempts(&self) -> u64 {
        self.commits + self.aborts + self.failed + self.undecided
    }

    /// Which share of the transactions that came to an answer of `EXEC` was aborted, percent; nothing: none came to one.
    #[allow(clippy::cast_precision_loss)]
    pub fn abort_share(&self) -> Option<f64> {
        let decided = self.commits + self.aborts;
        (decided > 0).then(|| self.aborts as f64 * 100.0 / decided as f64)
    }

    /// Counts an error.
    pub fn error(&mut self, code: &str, text: &str) {
        let full = self.errors.len() >= CODES && !self.errors.contains_key(code);
        let code = if full { "other" } else { code };
        if let Some(seen) = self.errors.get_mut(code) {
            seen.count += 1;
        } else {
            self.errors.insert(code.to_owned(), Seen { count: 1, text: text.chars().take(TEXT).collect() });
        }
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.commits += other.commits;
        self.aborts += other.aborts;
        self.failed += other.failed;
        self.undecided += other.undecided;
        self.trips += other.trips;
        self.misses += other.misses;
        self.moved += other.moved;
        self.asked += other.asked;
        self.reconnects += other.reconnects;
        for (code, seen) in &other.errors {
            self.error(code, &seen.text);
            if let Some(own) = self.errors.get_mut(code).filter(|_| seen.count > 1) {
                own.count += seen.count - 1;
            }
        }
    }
}

/// Requests that were under way when the time that is measured was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Unanswered {
    /// How many. Whatever came of them is not among the counts that are measured; how long they took is among the times.
    pub count: u64,
    /// How long the oldest was waited for: until its answer came, or until it was given up.
    #[serde(rename = "oldest_ms", serialize_with = "millis")]
    pub oldest: Duration,
}

impl Unanswered {
    /// Adds one.
    pub(super) fn see(&mut self, waited: Duration) {
        self.add(&Self { count: 1, oldest: waited });
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.oldest = self.oldest.max(other.oldest);
    }
}

/// Times, of as many as there were.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// How many.
    pub count: u64,
    /// Their mean.
    #[serde(rename = "mean_ms", serialize_with = "millis")]
    pub mean: Duration,
    /// The median.
    #[serde(rename = "p50_ms", serialize_with = "millis")]
    pub p50: Duration,
    /// 99 of 100 took no longer.
    #[serde(rename = "p99_ms", serialize_with = "millis")]
    pub p99: Duration,
    /// 999 of 1,000 took no longer.
    #[serde(rename = "p999_ms", serialize_with = "millis")]
    pub p999: Duration,
    /// The longest.
    #[serde(rename = "max_ms", serialize_with = "millis")]
    pub max: Duration,
}

fn millis<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(span.as_secs_f64() * 1e3)
}

fn seconds<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(span.as_secs_f64())
}

fn shown<S: Serializer>(addr: &NodeAddr, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(addr)
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Connections are made.
    Connecting,
    /// Clients work and nothing counts.
    WarmUp,
    /// What comes counts.
    Measuring,
    /// What is under way is waited for, and keys are removed.
    Ending,
}

/// What a quarter of a second brought.
#[derive(Debug, Clone)]
pub struct Live {
    /// What the keys of the run begin with.
    pub prefix: String,
    /// What removes them by hand, a command for each host.
    pub remedy: Arc<[String]>,
    /// Where the run stands.
    pub phase: Phase,
    /// Since when clients work.
    pub since: Duration,
    /// Until when they will.
    pub of: Duration,
    /// How long this bucket is.
    pub span: Duration,
    /// What came in it.
    pub counts: Counts,
    /// How long round trips took that ended in it; nothing: none did.
    pub trip: Option<Latency>,
    /// How long transactions took that ended in it; nothing: none did, or there are none.
    pub transaction: Option<Latency>,
    /// What has been counted since the warm-up.
    pub so_far: Counts,
}

/// One host, or one master of a cluster.
#[derive(Debug, Clone, Serialize)]
pub struct HostFigures {
    /// Which.
    #[serde(serialize_with = "shown")]
    pub host: NodeAddr,
    /// What was counted, by the node that clients are at home at.
    pub counts: Counts,
    /// How long attempts took, as with transactions.
    pub attempt: Option<Latency>,
}

/// One step of an attempt.
#[derive(Debug, Clone, Serialize)]
pub struct StepFigures {
    /// Its command.
    pub command: &'static str,
    /// How long it took.
    pub trip: Latency,
}

/// What the tool takes itself, against an answerer in this process that answers at once: what a server and a network add
/// is what is beyond.
#[derive(Debug, Clone, Serialize)]
pub struct Overhead {
    /// A round trip with one client.
    pub one: Option<Latency>,
    /// A round trip with as many clients as a host gets.
    pub many: Option<Latency>,
    /// Round trips a second with as many.
    pub rate: f64,
}

/// What was sent in the whole run, warm-up and end included: what a server's own counters (`INFO commandstats`) are held
/// against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sent {
    /// `WATCH`
    pub watch: u64,
    /// `GET`
    pub get: u64,
    /// `MULTI`
    pub multi: u64,
    /// `SET`, whether carried out at once or queued.
    pub set: u64,
    /// `EXEC`
    pub exec: u64,
    /// `UNWATCH`, after a transaction that failed.
    pub unwatch: u64,
    /// `DISCARD`, likewise.
    pub discard: u64,
}

impl Sent {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.watch += other.watch;
        self.get += other.get;
        self.multi += other.multi;
        self.set += other.set;
        self.exec += other.exec;
        self.unwatch += other.unwatch;
        self.discard += other.discard;
    }
}

/// Keys that could not be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Where.
    #[serde(serialize_with = "shown")]
    pub host: NodeAddr,
    /// How many of them may be left.
    pub keys: u64,
    /// Why.
    pub why: String,
    /// What removes them.
    pub command: String,
}

/// A run that ended.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// What its keys began with.
    pub prefix: String,
    /// What was done.
    pub work: &'static str,
    /// How keys were chosen.
    pub choice: &'static str,
    /// Over how many.
    pub keys: u64,
    /// Bytes of a value.
    pub value_bytes: usize,
    /// Clients of each host.
    pub clients: u32,
    /// Threads that did it.
    pub threads: usize,
    /// What the generators began with: the same number chooses the same keys.
    pub seed: u64,
    /// How long was measured; shorter than asked for if it was stopped.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub span: Duration,
    /// Whether somebody stopped it.
    pub stopped: bool,
    /// What was counted after the warm-up.
    pub counts: Counts,
    /// The same over the whole run, warm-up and end included.
    pub whole: Counts,
    /// What was sent in the whole run.
    pub sent: Sent,
    /// Attempts of `counts`.
    pub attempts: u64,
    /// Which share of the transactions of `counts` that came to an answer of `EXEC` was aborted, percent; nothing: none came
    /// to one, or there are none.
    pub abort_share: Option<f64>,
    /// Requests that were under way at the end.
    pub unanswered: Unanswered,
    /// Requests or transactions that succeeded, a second.
    pub per_second: f64,
    /// Attempts a second, whatever came of them: what the post's own tool calls requests.
    pub attempts_per_second: f64,
    /// Round trips a second.
    pub trips_per_second: f64,
    /// How long round trips took. A request that was given up, or that was under way at the end, is among them with the time
    /// that it was waited for: it took at least so long.
    pub trip: Option<Latency>,
    /// The same by command.
    pub steps: Vec<StepFigures>,
    /// How long transactions took that were carried out or aborted, and those of which a request was given up or under way at
    /// the end.
    pub transaction: Option<Latency>,
    /// Those that were carried out alone.
    pub committed: Option<Latency>,
    /// Hosts, or masters of the cluster.
    pub hosts: Vec<HostFigures>,
    /// How busy the busiest thread was, percent of a core: near 100 the tool itself is the limit. Nothing: nobody tells.
    pub busiest_thread: Option<f64>,
    /// What the tool takes itself, where that was asked for.
    pub overhead: Option<Overhead>,
    /// What the invariant check says, where it was asked for.
    pub invariant: Option<Verdict>,
    /// Keys that were removed.
    pub removed: u64,
    /// Keys that were not.
    pub left: Vec<Left>,
}
