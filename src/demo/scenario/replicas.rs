//! What a scenario says of delayed replicas.

use std::sync::Arc;
use std::time::Duration;

use crate::base::Time;
use crate::delay::limits::Limits;
use crate::demo::replicas::trace::Trace;

/// A replica that is acted.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaSpec {
    /// Its name.
    pub name: String,
    /// Its group, if it is in one.
    pub group: Option<String>,
    /// The host that it replicates from.
    pub source: String,
    /// What it says when it is asked for its version.
    pub version: String,
    /// What happens to it.
    pub trace: Arc<Trace>,
    /// Where in its trace it is when the demo begins.
    pub offset: Duration,
    /// What is allowed of it.
    pub limits: Limits,
    /// Seconds that it makes up a second when somebody has stopped and started it; nothing: all at once.
    pub catch_up: Option<u32>,
    /// How often a tool looks whether its SQL thread stands, and starts it; nothing: there is none.
    pub tool: Option<Duration>,
    /// So often it starts it, before somebody ends the tool.
    pub tool_times: u32,
}

/// A moment of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So long before it begins.
    Ago(Duration),
    /// So long after it begins.
    In(Duration),
}

impl Moment {
    /// When it is, in a scenario that begins then.
    pub fn of(self, start: Time) -> Time {
        match self {
            Self::Ago(span) => start.minus(span),
            Self::In(span) => start.plus(span),
        }
    }
}

/// A job on a replica, as an operator, or a script of theirs, tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// Which replica.
    pub replica: String,
    /// Its class, such as `backup`.
    pub class: String,
    /// When it begins.
    pub start: Moment,
    /// When it ends; nothing: nobody tells of it.
    pub end: Option<Moment>,
    /// Who tells of it.
    pub who: String,
}
