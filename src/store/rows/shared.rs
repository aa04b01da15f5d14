//! What processes and people share: findings, duties, orders, events, failures, totals.

use std::time::Duration;

use crate::base::ids::{ArchiveId, FileId, Generation, SessionId};
use crate::base::{Severity, Time};

/// What a round of findings changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NoticeRound {
    /// Keys (rule, object) that are new or have become worse.
    pub raised: Vec<(String, String)>,
    /// Keys that no longer hold.
    pub cleared: Vec<(String, String)>,
}

/// An open finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// The rule.
    pub rule: String,
    /// The object.
    pub object: String,
    /// Who looks after it.
    pub scope: String,
    /// How bad it is now.
    pub severity: Severity,
    /// How bad it has been.
    pub worst: Severity,
    /// What was seen.
    pub value: String,
    /// What it should be.
    pub limit: String,
    /// Since when.
    pub since: Time,
    /// When it was last seen to hold.
    pub seen_at: Time,
    /// What to do about it.
    pub next_step: String,
    /// Acknowledged until then.
    pub ack_until: Option<Time>,
}

/// A singleton job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyRow {
    /// Who holds it.
    pub owner: Option<SessionId>,
    /// Under which it is held.
    pub generation: Generation,
    /// When it last ran through.
    pub last_run: Option<Time>,
    /// When it is next due.
    pub next_run: Option<Time>,
    /// What came of it.
    pub result: Option<String>,
}

/// An order to this pool of a host means: what is being filled there is sealed now.
pub const SEAL: &str = "seal";

/// A change somebody wants to a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolChange {
    /// The host it is for.
    pub host: String,
    /// The pool.
    pub pool: String,
    /// Its new size.
    pub size: Option<u32>,
    /// Whether it is to stand still.
    pub paused: Option<bool>,
    /// Whether it is to finish what it has and report.
    pub drain: Option<bool>,
    /// Who asks.
    pub who: String,
    /// Until when a pause or a drain holds; after it the pool works again.
    pub until: Option<Time>,
}

/// An order in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// The host it is for.
    pub host: String,
    /// The pool.
    pub pool: String,
    /// The size asked for.
    pub size: Option<u32>,
    /// Stand still.
    pub paused: bool,
    /// Finish and report.
    pub drain: bool,
    /// Grows with each change.
    pub generation: Generation,
    /// Who asked.
    pub who: String,
    /// When.
    pub at: Time,
    /// Until when a pause or a drain holds.
    pub until: Option<Time>,
    /// The newest generation that was applied.
    pub applied: Option<Generation>,
    /// What came of it.
    pub result: Option<String>,
}

/// A finding is acknowledged for no longer than this: what softens an alarm has an end.
pub const ACK_LONGEST: Duration = Duration::from_hours(7 * 24);

/// Something to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// A person or a session.
    pub who: String,
    /// What happened: a stable word such as `pool.pause`.
    pub what: String,
    /// To what.
    pub object: String,
    /// The whole sentence.
    pub detail: String,
    /// `done`, or why not.
    pub outcome: String,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Time,
    /// The rest.
    pub event: NewEvent,
}

/// Totals of a vault and lane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Total {
    /// The vault; empty for what has not reached one.
    pub vault: String,
    /// The lane, as its word.
    pub lane: String,
    /// Files that were ever queued.
    pub queued_files: u64,
    /// Their bytes.
    pub queued_bytes: u64,
    /// Files that left the queue, stored or not.
    pub left_files: u64,
    /// Their bytes.
    pub left_bytes: u64,
    /// Files stored.
    pub stored_files: u64,
    /// Their bytes.
    pub stored_bytes: u64,
    /// Archives stored.
    pub archives: u64,
    /// Their bytes.
    pub archive_bytes: u64,
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureRow {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Time,
    /// `fetch`, `bundle` or `upload`.
    pub stage: String,
    /// Of which file.
    pub file: Option<FileId>,
    /// Of which archive.
    pub archive: Option<ArchiveId>,
    /// A word for its kind.
    pub reason: String,
    /// The whole sentence.
    pub detail: String,
}
