//! What a replica shows over time: keyframes, one a line.
//!
//! The columns are those of a recorded history, by name, of which a trace needs `t_seconds` and `delay_seconds`. Between
//! two lines ages move in a straight line; words, errors and the configured delay hold until the next line. Empty is not
//! seen: a line without a delay begins a gap, which the next one ends. Before the first line that one holds, and after
//! the last one that one.

use crate::base::Shown;
use crate::base::near::nearest;
use crate::delay::seen::IoThread;

/// A trace may have this many lines.
const MOST: usize = 200_000;

/// Columns that are played.
const PLAYED: [&str; 12] = [
    "t_seconds",
    "delay_seconds",
    "io_running",
    "sql_running",
    "last_io_errno",
    "last_sql_errno",
    "sql_delay",
    "local_heartbeat_age",
    "primary_heartbeat_age",
    "ps_applied_original_commit_age",
    "sql_state",
    "notes",
];

/// Further columns of recorded histories: what they hold follows from the others, or from who plays them.
const BESIDE: [&str; 22] = [
    "wall_utc",
    "seconds_behind_master",
    "sql_remaining_delay",
    "hb_ts",
    "hb_file",
    "hb_position",
    "io_state",
    "master_log_file",
    "read_master_log_pos",
    "relay_master_log_file",
    "exec_master_log_pos",
    "relay_log_file",
    "relay_log_pos",
    "relay_log_space",
    "query_ms",
    "ps_lag_at_apply",
    "ps_queued_original_commit_age",
    "ps_desired_delay",
    "ps_remaining_delay",
    "ps_io_state",
    "ps_applier_state",
    "hb_server_id",
];

/// A trace that cannot be played.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TraceError {
    /// It has no line of names, or no other one.
    #[error("it has no keyframe; the first line names the columns, each other one is a keyframe")]
    Empty,
    /// It has too many.
    #[error("it has over {MOST} keyframes; cut it, or keep every tenth")]
    TooMany,
    /// A column that is not known.
    #[error("line 1: unknown column {found}{near}; played are {}", PLAYED.join(", "))]
    Unknown {
        /// Its name, safe to show.
        found: String,
        /// What may have been meant.
        near: String,
    },
    /// A column stands twice.
    #[error("line 1: the column {0} stands twice; keep one of them")]
    Twice(&'static str),
    /// A column that no trace can be without.
    #[error("line 1: the column {0} is missing; a trace needs t_seconds and delay_seconds")]
    Missing(&'static str),
    /// A line of another width.
    #[error("line {line}: found {found} values, the first line names {columns} columns; a value holds no comma")]
    Width {
        /// The line.
        line: usize,
        /// Its values.
        found: usize,
        /// The columns.
        columns: usize,
    },
    /// A value that is none.
    #[error("line {line}: {column}: found \"{found}\"; allowed is {allowed}")]
    Value {
        /// The line.
        line: usize,
        /// The column.
        column: &'static str,
        /// What stands there, safe to show.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// Time does not go on.
    #[error(
        "line {line}: t_seconds: {found} is not after the {before} of the line before; put the lines in order of time"
    )]
    Order {
        /// The line.
        line: usize,
        /// Its time.
        found: f64,
        /// The time before.
        before: f64,
    },
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
}

/// What a replica shows over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// In the order of time; never empty.
    frames: Vec<Frame>,
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
    /// Received is what was written until then.
    pub received: f64,
    /// Executed is what was written until then.
    pub executed: Option<f64>,
    /// When the last gap ended, if there was one.
    pub up_since: Option<f64>,
}

impl Trace {
    /// Reads a trace.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let columns = columns(lines.next().ok_or(TraceError::Empty)?.1)?;
        let mut frames: Vec<Frame> = Vec::new();
        for (n, line) in lines {
            let frame = frame(n + 1, line, &columns)?;
            if frames.len() >= MOST {
                return Err(TraceError::TooMany);
            }
            match frames.last() {
                Some(last) if last.at >= frame.at => {
                    return Err(TraceError::Order { line: n + 1, found: frame.at, before: last.at });
                }
                _ => frames.push(frame),
            }
        }
        if frames.is_empty() { Err(TraceError::Empty) } else { Ok(Self { frames }) }
    }

    /// Whether it tells of a heartbeat that is written on the replica.
    pub fn has_local(&self) -> bool {
        self.frames.iter().any(|frame| frame.local.is_some())
    }

    /// Whether it tells of the source's heartbeat on the source.
    pub fn has_primary(&self) -> bool {
        self.frames.iter().any(|frame| frame.primary.is_some())
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
            received,
            executed,
            up_since,
        }
    }
}

/// Which column each value is of; nothing: it is not played.
fn columns(line: &str) -> Result<Vec<Option<&'static str>>, TraceError> {
    let mut columns = Vec::new();
    for found in line.split(',').map(str::trim) {
        let played = PLAYED.into_iter().find(|name| *name == found);
        if played.is_none() && !BESIDE.contains(&found) {
            let near = nearest(found, PLAYED).map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
            return Err(TraceError::Unknown { found: Shown::text(found).to_string(), near });
        }
        match played {
            Some(name) if columns.contains(&played) => return Err(TraceError::Twice(name)),
            _ => columns.push(played),
        }
    }
    for needed in ["t_seconds", "delay_seconds"] {
        if !columns.contains(&Some(needed)) {
            return Err(TraceError::Missing(needed));
        }
    }
    Ok(columns)
}

fn frame(line: usize, text: &str, columns: &[Option<&'static str>]) -> Result<Frame, TraceError> {
    let values: Vec<&str> = text.split(',').map(str::trim).collect();
    if values.len() != columns.len() {
        return Err(TraceError::Width { line, found: values.len(), columns: columns.len() });
    }
    let mut frame = Frame { at: f64::NAN, ..Frame::default() };
    for (column, value) in columns.iter().zip(values) {
        let Some(column) = *column else { continue };
        let wrong = |allowed| {
            let found = Shown::text(value).to_string();
            TraceError::Value { line, column, found, allowed }
        };
        if value.is_empty() && column != "t_seconds" {
            continue;
        }
        let seconds = || {
            let found = value.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && seconds.abs() < 1e9);
            found.ok_or_else(|| wrong("a number of seconds below 1000000000"))
        };
        let number = || value.parse::<u32>().map_err(|_| wrong("a whole number"));
        match column {
            "t_seconds" => frame.at = seconds()?,
            "delay_seconds" => frame.delay = Some(seconds()?),
            "local_heartbeat_age" => frame.local = Some(seconds()?),
            "primary_heartbeat_age" => frame.primary = Some(seconds()?),
            "ps_applied_original_commit_age" => frame.applied = Some(seconds()?),
            "io_running" => {
                frame.io = Some(match value {
                    "Yes" => IoThread::Yes,
                    "No" => IoThread::No,
                    "Connecting" | "Preparing" => IoThread::Connecting,
                    _ => return Err(wrong("Yes, No, Connecting or Preparing")),
                });
            }
            "sql_running" => {
                frame.sql = Some(match value {
                    "Yes" => true,
                    "No" => false,
                    _ => return Err(wrong("Yes or No")),
                });
            }
            "last_io_errno" => frame.io_errno = Some(number()?),
            "last_sql_errno" => frame.sql_errno = Some(number()?),
            "sql_delay" => frame.sql_delay = Some(number()?.into()),
            "sql_state" => frame.sql_state = Some(Shown::text(value).to_string()),
            // Notes are for who reads the file.
            _ => {}
        }
    }
    Ok(frame)
}
