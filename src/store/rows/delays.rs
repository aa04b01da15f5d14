//! Delayed replicas: samples, what the judge says and keeps, jobs, replicas stopped in an emergency.

use crate::base::ids::{FreezeId, Generation, JobId, SessionId};
use crate::base::{Severity, Time};

/// Bytes of what a judge keeps of a replica, and of what is recorded of a freeze: at most. Both are text that processes
/// of other versions may have to read, so they are bounded here and not by what they are made of.
pub const LARGEST_BODY: usize = 64 * 1024;

/// Bytes of a replica's sparkline at most.
pub const LARGEST_SPARK: usize = 4 * 1024;

/// The server that a replica belongs to: its name, without the channel behind it.
pub fn server_of(replica: &str) -> &str {
    replica.split_once('/').map_or(replica, |(server, _)| server)
}

/// The duty under which a replica is looked at and judged: one process does it for all. Channels of a server (`db14/ch1`)
/// are seen together, under the duty of the server.
pub fn delay_duty(replica: &str) -> String {
    format!("delay:{}", server_of(replica))
}

/// The duty under which heartbeats are written to a server.
pub fn heartbeat_duty(name: &str) -> String {
    format!("heartbeat:{name}")
}

/// A sample of a replica's delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelaySample {
    /// When.
    pub at: Time,
    /// Microseconds, below zero where the heartbeat is from the future; nothing: none was seen. Never zero for that.
    pub delay: Option<i64>,
    /// What the judge said with it.
    pub severity: Severity,
}

/// What a judge says of a replica, to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJudged {
    /// The replica's name.
    pub replica: String,
    /// Under which its duty ([`delay_duty`]) is held.
    pub generation: Generation,
    /// Whether a verdict of it was read or written by this session before: one that is gone since was forgotten.
    pub known: bool,
    /// When it was judged, by the store's clock.
    pub at: Time,
    /// Samples since the last time; of one that is there already the first stays.
    pub samples: Vec<DelaySample>,
    /// How bad.
    pub severity: Severity,
    /// The number of the rule that decided.
    pub rule: u8,
    /// Its words.
    pub text: String,
    /// What the judge keeps, as JSON; at most [`LARGEST_BODY`] bytes.
    pub state: String,
    /// The sparkline, as JSON; at most [`LARGEST_SPARK`] bytes.
    pub spark: String,
}

/// What became of a [`NewJudged`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JudgedWrite {
    /// It stands in the state.
    Written,
    /// The duty is not held by this session under that generation (any more); nothing of it was written.
    NotHeld,
    /// What stands there was judged at the same time or later, then; nothing of it was written.
    NotNewer(Time),
    /// It was known, and somebody has had it forgotten since; nothing of it was written.
    Forgotten,
    /// What it keeps, or its sparkline, is larger than what is possible; nothing of it was written.
    TooLarge {
        /// Which of the two.
        what: &'static str,
        /// Its bytes.
        bytes: usize,
        /// What is possible.
        most: usize,
    },
}

impl JudgedWrite {
    /// Whether it stands in the state.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Written)
    }
}

/// What is to be forgotten of delayed replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forget {
    /// A replica with all its channels, or one channel of it (`db14/main`).
    Replica(String),
    /// Where heartbeats were written to.
    Heartbeat(String),
}

impl Forget {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Replica(name) | Self::Heartbeat(name) => name,
        }
    }
}

/// What became of a [`Forget`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgotten {
    /// It is forgotten: so many verdicts, and so many open findings.
    Done {
        /// Verdicts.
        verdicts: u64,
        /// Findings.
        findings: u64,
    },
    /// Somebody works on it: host and process number. Nothing was done.
    Worked(String, u32),
    /// Nothing is kept of that name.
    Nothing,
}

/// What the judge says of a replica, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedRow {
    /// The replica's name.
    pub replica: String,
    /// When it was judged.
    pub at: Time,
    /// When that was committed: what is asked for with `since`.
    pub written: Time,
    /// How bad.
    pub severity: Severity,
    /// The number of the rule that decided.
    pub rule: u8,
    /// Its words.
    pub text: String,
    /// What the judge keeps, as JSON.
    pub state: String,
    /// The sparkline, as JSON.
    pub spark: String,
    /// Who wrote it.
    pub writer: JudgedBy,
}

/// Who wrote a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedBy {
    /// The session.
    pub session: SessionId,
    /// Host and process number; nothing: it ended so long ago that nobody remembers it.
    pub process: Option<(String, u32)>,
}

/// A job that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// The replica's name.
    pub replica: String,
    /// The job's class.
    pub class: String,
    /// When it began; nothing: now.
    pub start: Option<Time>,
    /// Who says so.
    pub who: String,
    /// What it is: a command, or nothing.
    pub detail: String,
}

/// What became of a [`NewJob`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStarted {
    /// It runs.
    Started(JobRow),
    /// One of that class runs on that replica; nothing was entered.
    Running(JobRow),
    /// Its start lies after this, the present time; nothing was entered.
    Future(Time),
}

/// The end of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndJob {
    /// The replica's name.
    pub replica: String,
    /// The job's class.
    pub class: String,
    /// This one alone, if it is the one that runs; nothing: whichever runs.
    pub only: Option<JobId>,
    /// When it ended; nothing: now.
    pub end: Option<Time>,
    /// Who says so.
    pub who: String,
    /// How: `done`, or what went wrong.
    pub outcome: String,
}

/// What became of an [`EndJob`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnded {
    /// It has ended.
    Ended(JobRow),
    /// None of that class runs on that replica (or another one than was meant); the one that ended last, if there was
    /// one.
    NotRunning(Option<JobRow>),
    /// It would end before it began; nothing was changed.
    BeforeStart(JobRow),
    /// Its end lies after this, the present time; nothing was changed.
    Future(Time),
}

/// A job on a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Its number.
    pub id: JobId,
    /// The replica's name.
    pub replica: String,
    /// Its class.
    pub class: String,
    /// When it began.
    pub start: Time,
    /// When it ended; nothing: it has not.
    pub end: Option<Time>,
    /// Who said that it began.
    pub started_by: String,
    /// Who said that it ended.
    pub ended_by: Option<String>,
    /// What it is.
    pub detail: String,
    /// How it ended.
    pub outcome: Option<String>,
}

/// A freeze that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFreeze {
    /// The replica's name.
    pub replica: String,
    /// Where it stands, as a word.
    pub state: String,
    /// What is recorded, as JSON; at most [`LARGEST_BODY`] bytes.
    pub body: String,
    /// Who orders it.
    pub who: String,
}

/// What became of a [`NewFreeze`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FreezeBegun {
    /// It has begun.
    Begun(FreezeRow),
    /// The replica has one that has not ended; nothing was entered.
    Open(FreezeRow),
}

/// A replica stopped in an emergency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeRow {
    /// Its number.
    pub id: FreezeId,
    /// The replica's name.
    pub replica: String,
    /// Where it stands, as a word.
    pub state: String,
    /// What is recorded, as JSON.
    pub body: String,
    /// Grows by one with each change: who changes it names the one it has read.
    pub revision: u64,
    /// Who ordered it.
    pub who: String,
    /// When it began.
    pub started: Time,
    /// When it was last changed.
    pub changed: Time,
    /// When it ended; nothing: it has not.
    pub ended: Option<Time>,
}
