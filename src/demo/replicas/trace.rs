//! What a replica shows over time: keyframes, one a row of a recorded history ([`crate::delay::trace`]).
//!
//! Between two rows ages move in a straight line; words, errors and the configured delay hold until the next row. Empty is
//! not seen: a row without a delay begins a gap, which the next one ends. Before the first row that one holds, and after
//! the last one that one. Positions are not read: they follow from the delay, the threads and who plays the trace.

use crate::delay::seen::{Heartbeat, IoThread, Look};
use crate::delay::trace::{self, Reader};

/// A trace may have this many rows.
const MOST: usize = 200_000;

/// A trace that cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It is no recorded history.
    #[error(transparent)]
    Read(#[from] trace::TraceError),
    /// Some of its columns are not known.
    #[error("its first line names {}, which a recorded history does not know; correct the name, or take the column out", .0.join(" and "))]
    Unknown(Vec<String>),
    /// A column that no trace can be without.
    #[error("its first line does not name delay_seconds; a trace needs it beside t_seconds")]
    NoDelay,
    /// It has no row beside that of the names.
    #[error("it has no keyframe; each row below the first line is one")]
    Empty,
    /// It has too many.
    #[error("it has over {MOST} keyframes; cut it, or keep every tenth")]
    TooMany,
}

/// A keyframe. Times and ages in seconds.
#[derive(Debug, Clone, PartialEq, Default)]
struct Frame {
    at: f64,
    delay: Option<f64>,
    io: Option<IoThread>,
    sql: Option<bool>,
    io_errno: Option<u32>,
    sql_errno: Option<u32>,
    sql_delay: Option<u64>,
    local: Option<f64>,
    primary: Option<f64>,
    applied: Option<f64>,
    sql_state: Option<String>,
    io_error: Option<String>,
    sql_error: Option<String>,
    uptime: Option<u64>,
}

/// What a replica shows over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// In the order of time; never empty.
    frames: Vec<Frame>,
    local: bool,
    primary: bool,
}

/// What it shows at a time of its trace, in seconds of that.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Age of the source's heartbeat; nothing: it does not answer.
    pub delay: Option<f64>,
    /// The IO thread.
    pub io: Option<IoThread>,
    /// Whether the SQL thread runs.
    pub sql: Option<bool>,
    /// Error of the IO thread; 0: none.
    pub io_errno: Option<u32>,
    /// Error of the SQL thread; 0: none.
    pub sql_errno: Option<u32>,
    /// The configured delay.
    pub sql_delay: Option<u64>,
    /// Age of the heartbeat that is written on the replica.
    pub local: Option<f64>,
    /// Age of the source's heartbeat on the source.
    pub primary: Option<f64>,
    /// What the SQL thread says it does, where that is not what it says anyway.
    pub sql_state: Option<String>,
    /// What the error of the IO thread is told as, where the trace has it.
    pub io_error: Option<String>,
    /// What the error of the SQL thread is told as, where the trace has it.
    pub sql_error: Option<String>,
    /// Received is what was written until then.
    pub received: f64,
    /// Executed is what was written until then.
    pub executed: Option<f64>,
    /// Since when the server is up, where that can be told: what the trace says, or the end of its last gap.
    pub up_since: Option<f64>,
}

impl Trace {
    /// Reads a trace.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let reader = Reader::new(text.as_bytes())?;
        if !reader.ignored().is_empty() {
            return Err(TraceError::Unknown(reader.ignored().to_vec()));
        }
        if !reader.has_delay() {
            return Err(TraceError::NoDelay);
        }
        let (local, primary) = (reader.has_local(), reader.has_primary());
        let mut frames: Vec<Frame> = Vec::new();
        for row in reader {
            let row = row?;
            if frames.len() >= MOST {
                return Err(TraceError::TooMany);
            }
            frames.push(frame(row.seconds, row.look));
        }
        if frames.is_empty() { Err(TraceError::Empty) } else { Ok(Self { frames, local, primary }) }
    }

    /// Whether it tells of a heartbeat that is written on the replica.
    pub fn has_local(&self) -> bool {
        self.local
    }

    /// Whether it tells of the source's heartbeat on the source.
    pub fn has_primary(&self) -> bool {
        self.primary
    }

    /// What it shows at a time. A thread `driven` by a tool stands when it is looked at, and executes nevertheless.
    pub fn at(&self, t: f64, driven: bool) -> Scene {
        let here = self.frames.partition_point(|frame| frame.at <= t).saturating_sub(1);
        // There is at least one.
        let none = Frame::default();
        let frame = self.frames.get(here).unwrap_or(&none);
        let next = self.frames.get(here + 1);
        let between = |value: fn(&Frame) -> Option<f64>| {
            let from = value(frame)?;
            let Some((next, to)) = next.and_then(|next| Some((next, value(next)?))) else { return Some(from) };
            Some(from + (to - from) * ((t - frame.at) / (next.at - frame.at)).max(0.0))
        };
        let age: fn(&Frame) -> Option<f64> = |frame| frame.applied.or(frame.delay);
        let stands = |is: fn(&Frame) -> bool| {
            let begun = self.frames.get(..=here)?.iter().rev().take_while(|frame| is(frame)).last()?;
            Some(begun)
        };
        let executed = match stands(|frame| frame.sql == Some(false)).filter(|_| !driven) {
            // As it stood when the thread was stopped, to the byte.
            Some(begun) => age(begun).map(|age| begun.at - age),
            None => between(age).map(|age| t - age),
        };
        let received = stands(|frame| frame.io.is_some_and(|io| io != IoThread::Yes)).map_or(t, |begun| begun.at);
        let up_since = self.frames.get(..=here).and_then(|before| {
            let gap = before.iter().rposition(|frame| frame.delay.is_none())?;
            before.get(gap + 1).map(|frame| frame.at)
        });
        #[allow(clippy::cast_precision_loss)] // seconds
        let up_since = frame.uptime.map(|uptime| frame.at - uptime as f64).or(up_since);
        Scene {
            delay: between(|frame| frame.delay),
            io: frame.io,
            sql: frame.sql,
            io_errno: frame.io_errno,
            sql_errno: frame.sql_errno,
            sql_delay: frame.sql_delay,
            local: between(|frame| frame.local),
            primary: between(|frame| frame.primary),
            sql_state: frame.sql_state.clone(),
            io_error: frame.io_error.clone(),
            sql_error: frame.sql_error.clone(),
            received,
            executed,
            up_since,
        }
    }
}

/// A row as a keyframe.
fn frame(at: f64, look: Look) -> Frame {
    let Ok(seen) = look.seen else { return Frame { at, ..Frame::default() } };
    let age = |beat: Option<Heartbeat>| match beat {
        Some(Heartbeat::Age(age)) => Some(age),
        _ => None,
    };
    let status = seen.status.unwrap_or_default();
    Frame {
        at,
        delay: age(seen.delay),
        io: status.io,
        sql: status.sql,
        io_errno: status.io_errno,
        sql_errno: status.sql_errno,
        sql_delay: status.sql_delay,
        local: age(seen.local),
        primary: age(seen.primary),
        applied: status.applied_age,
        sql_state: status.sql_state,
        io_error: status.io_error,
        sql_error: status.sql_error,
        uptime: seen.uptime,
    }
}
