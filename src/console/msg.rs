//! What reaches the model.

use std::sync::Arc;

use super::chord::Chord;
use super::details::Details;
use super::effect::{Query, Ticket};
use super::overlay::FileLine;
use crate::backup::snapshot::Snapshot;
use crate::base::Severity;
use crate::log::Line;
use crate::store::FailedRow;
use crate::worker::supervisor::Standing;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Msg {
    /// A key.
    Key(Chord),
    /// Text pasted in one go.
    Paste(String),
    /// A click at column and row.
    Click(u16, u16),
    /// The wheel, upwards or downwards.
    Wheel(bool),
    /// The terminal has another size.
    Resize(u16, u16),
    /// Time has passed.
    Tick,
    /// The state was read.
    Snapshot(Arc<Snapshot>),
    /// The state could not be read.
    Blind(String),
    /// The vault was looked at: nothing is wrong, or what is.
    Vault(Result<(), String>),
    /// The embedded workers stand so.
    Workers(Standing),
    /// An answer.
    Reply(Reply),
    /// The log has grown: its newest lines, oldest first, and how many have been dropped.
    Log(Vec<Arc<Line>>, u64),
    /// The process was told to end.
    Told(&'static str),
}

/// What came of an effect.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A deed was done, or why not.
    Done(Ticket, Result<String, String>),
    /// Details were read.
    Details(Query, Result<Box<Details>, String>),
    /// What a restore comes to, a line each; or why it cannot be.
    Plan(Query, Result<Vec<String>, String>),
    /// A page of files.
    Files(Query, Result<Vec<FileLine>, String>),
    /// A page of failed files.
    Failed(usize, Result<Vec<FailedRow>, String>),
    /// Text was copied, or why not.
    Copied(Result<String, String>),
    /// A theme was loaded, or why not.
    Theme(Result<String, String>),
    /// The mouse was taken or left.
    Mouse(bool),
    /// Something to tell.
    Tell(Severity, String),
}
