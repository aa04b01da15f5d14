//! What the judge keeps between two judgements. It is stored: a process that takes over, the one-shot check and the console
//! then say the same as the one that wrote it.

use serde::{Deserialize, Serialize};

use super::seen::{Position, Seen};
use super::verdict::{RuleId, Verdict};
use crate::base::{Severity, Time};

/// Something whose last change counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved<T> {
    /// What it is now.
    pub value: T,
    /// Since when.
    pub since: Time,
}

/// Where a log has got to: a position, and the GTIDs where positions say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// The position.
    pub position: Option<Position>,
    /// The GTIDs.
    pub gtid: Option<String>,
}

/// Which server it is: another one begins its window anew.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// The replica's `server_id`.
    pub server_id: Option<u64>,
    /// The replica's UUID.
    pub server_uuid: Option<String>,
    /// The source's `server_id`.
    pub source_id: Option<u64>,
    /// The source's UUID.
    pub source_uuid: Option<String>,
    /// The configured delay, seconds.
    pub sql_delay: Option<u64>,
}

/// A verdict that has held since a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Since when.
    pub since: Time,
    /// How bad.
    pub severity: Severity,
    /// Which rule.
    pub rule: RuleId,
    /// Its words when it began.
    pub text: String,
}

/// What is kept. Times are the state's clock.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// When the window began: samples before it do not count.
    pub began: Option<Time>,
    /// Why it began then: another server, another delay, the first look.
    pub began_why: Option<String>,
    /// When it was last looked at, whatever came of it: a look that is not newer changes nothing.
    pub looked: Option<Time>,
    /// Which server it was.
    pub identity: Identity,
    /// Its uptime when it was last seen, and when that was.
    pub uptime: Option<(u64, Time)>,
    /// Received up to there.
    pub received: Option<Moved<Place>>,
    /// Executed up to there.
    pub executed: Option<Moved<Place>>,
    /// The source's heartbeat that has been applied: when it was written (microseconds since 1970), and since when it is that
    /// one.
    pub beat: Option<Moved<i64>>,
    /// The newest sample that has a value, seconds, and when it was.
    pub sample: Option<(f64, Time)>,
    /// What was seen last, and when.
    pub seen: Option<(Time, Seen)>,
    /// Since when looks fail without a break, and why the newest did; nothing: it did not.
    pub blind: Option<(Time, String)>,
    /// The local heartbeat, last time it was known: its age, and when that was.
    pub local: Option<(f64, Time)>,
    /// The primary's own, the same way.
    pub primary: Option<(f64, Time)>,
    /// Since when the IO thread fails.
    pub io_bad_since: Option<Time>,
    /// Since when the line is out of bounds.
    pub out_since: Option<Time>,
    /// Whether the excursion began under a job or its window.
    pub excused: bool,
    /// Whether it has been recovering in this excursion.
    pub recovering_seen: bool,
    /// Whether it has been found too slow in this excursion: that stays.
    pub overdue: bool,
    /// Since when the line is back in bounds.
    pub in_since: Option<Time>,
    /// Since when the newest samples are in bounds.
    pub real_in_since: Option<Time>,
    /// Since when there are samples and still too few for a trend.
    pub unfit_since: Option<Time>,
    /// When the latest job that is known of ended.
    pub job_ended: Option<Time>,
    /// When a job that stops the IO thread last ended.
    pub io_job_ended: Option<Time>,
    /// Since when jobs and their windows have excused it without a break.
    pub excused_since: Option<Time>,
    /// The newest verdict: held over a short gap.
    pub last: Option<Box<Verdict>>,
    /// Verdicts as they changed, the newest last; at most [`State::TURNS`].
    pub turns: Vec<Turn>,
}

impl State {
    /// So many changes of the verdict are kept.
    pub const TURNS: usize = 50;
}
