//! Everything that the Backup tab, `firn status` and `firn queue` show, at one instant: one set of values, rendered as
//! a screen, as text or as JSON.
//!
//! Pure: [`rates`] computes every rate, percentile and remaining time from timestamps and counts of rows; what there
//! is not enough of is nothing, never zero. Thin: [`mod@gather`] reads the state, in one transaction. [`mod@json`] writes it
//! all down for scripts.

pub mod gather;
pub mod json;
pub mod rates;
mod seen;

use std::collections::BTreeMap;
use std::time::Duration;

pub use self::gather::gather;
pub use self::json::json;
use crate::base::{Severity, Time};
use crate::store::{ArchiveRow, FailedRow, LaneState, NoticeRow, OrderRow};

/// How everything stands at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The instant, by the clock of the state.
    pub now: Time,
    /// Where the state is, safe to show.
    pub state: String,
    /// The worst of what nobody has acknowledged.
    pub severity: Severity,
    /// What the vaults hold.
    pub stored: Stored,
    /// How each lane stands, live first.
    pub lanes: Vec<LaneState>,
    /// What moved lately.
    pub pace: Pace,
    /// How long files took from being found to being in the vault.
    pub latency: Latency,
    /// How long the history lane will still take at the pace of the last ten minutes.
    pub history_left: Option<Duration>,
    /// Archives on their way, oldest first, up to [`ARCHIVES`].
    pub bundles: Vec<Bundle>,
    /// There are more of them.
    pub more_bundles: bool,
    /// Files that failed, the next to be tried first: the first page.
    pub failed: Vec<FailedRow>,
    /// Processes that work on this state, oldest first.
    pub workers: Vec<Worker>,
    /// Pools of all hosts.
    pub pools: Vec<PoolRow>,
    /// Orders in force, of all hosts.
    pub orders: Vec<OrderRow>,
    /// Open findings, worst first; among them what only a report can see, such as that nobody works.
    pub findings: Vec<NoticeRow>,
    /// Sources and when they were last scanned.
    pub sources: Vec<SourceStanding>,
}

/// Archives on their way that a snapshot lists.
pub const ARCHIVES: u32 = 1000;
/// Failed files that a snapshot lists.
pub const FAILED: u32 = 200;

/// What the vaults hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Archives.
    pub archives: u64,
    /// Their bytes.
    pub archive_bytes: u64,
    /// Files in them.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
}

/// What moved lately. Rates are over the last whole minute, and nothing until a minute has been seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pace {
    /// Files found a minute.
    pub found_per_minute: Option<f64>,
    /// Files stored a minute.
    pub stored_per_minute: Option<f64>,
    /// Bytes of archives stored a second.
    pub bytes_per_second: Option<f64>,
    /// Files found in each ten seconds of the last ten minutes, oldest first; nothing where nobody looked.
    pub found: Vec<Option<f64>>,
    /// Bytes of archives stored in each of them.
    pub bytes: Vec<Option<f64>>,
}

/// How long files took, over the newest live files that were stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// How many files this is about.
    pub files: u64,
    /// Half of them took no longer.
    pub p50: Option<Duration>,
    /// All but one in a hundred took no longer; nothing with fewer than a hundred.
    pub p99: Option<Duration>,
}

/// An archive on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// Its row.
    pub row: ArchiveRow,
    /// Who works on it: `host pid`, where that is known.
    pub worker: Option<String>,
    /// How far it has come in its present state; nothing where nobody says.
    pub progress: Option<Progress>,
}

/// How far something has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Bytes done.
    pub done: u64,
    /// Bytes to do: the bundle's target while it is open, its size while it is sent.
    pub of: u64,
    /// Bytes a second since it began; nothing until that means something.
    pub rate: Option<f64>,
    /// When it was written.
    pub at: Time,
}

/// A process that works on this state.
#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    /// Its session.
    pub session: i64,
    /// Its host. From outside: shown escaped.
    pub host: String,
    /// Its process number.
    pub pid: u32,
    /// Worker kinds, comma-separated.
    pub kinds: String,
    /// When it started.
    pub started: Time,
    /// When it was last heard of.
    pub last_seen: Time,
    /// Whether its lease holds.
    pub alive: bool,
    /// What each of its sources is doing: `scanning`, `watching`, `elsewhere`, `held: why`.
    pub scanning: BTreeMap<String, String>,
    /// Bytes of its staging budget that are taken, and the budget.
    pub staging: Option<(u64, u64)>,
    /// Files claimed and not yet in a sealed bundle.
    pub in_hand: Option<u64>,
    /// The same and whatever else it wrote, as it wrote it.
    pub doing: serde_json::Value,
}

/// A pool of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolRow {
    /// The host it is on. From outside: shown escaped.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The pool: `fetch` or `upload`.
    pub pool: String,
    /// Places taken.
    pub busy: u32,
    /// Places.
    pub size: u32,
    /// Stands still.
    pub paused: bool,
    /// Only finishes what it has.
    pub draining: bool,
    /// When its process was last heard of.
    pub seen: Time,
    /// Whether its process's lease holds.
    pub alive: bool,
    /// What was asked of it and what came of it; nothing when nobody asked.
    pub order: Option<OrderRow>,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStanding {
    /// Its name.
    pub name: String,
    /// Where it is, safe to show.
    pub place: String,
    /// When the last complete scan ended.
    pub scanned: Option<Time>,
    /// Files that it saw.
    pub files: Option<u64>,
    /// What came of it, in words.
    pub last_scan: Option<String>,
}
