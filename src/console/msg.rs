//! What reaches the model.

use std::path::PathBuf;
use std::sync::Arc;

use super::chord::Chord;
use super::details::{Details, Group};
use super::effect::{Query, Ticket, Written};
use super::overlay::FileLine;
use super::tabs::delay::freeze::Reading;
use super::tabs::restore::about::ListRow;
use crate::backup::snapshot::Snapshot;
use crate::base::Severity;
use crate::delay::snapshot::{DelayChart, DelaySnapshot};
use crate::log::Line;
use crate::redis::bench::{Live, Outcome};
use crate::redis::read::RedisRead;
use crate::restore::snapshot::{PlanLine, RestoreSnapshot};
use crate::restore::view::{DraftView, VerdictPage};
use crate::services::Faster;
use crate::store::{FailedRow, PlanRow};
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
    /// The state was read: how restores stand.
    Restores(Arc<RestoreSnapshot>),
    /// The state was read: how replicas stand.
    Delays(Arc<DelaySnapshot>),
    /// Redis clusters were looked at, or why they cannot be.
    Redis(Result<Arc<RedisRead>, String>),
    /// The benchmark tells how it goes.
    Bench(BenchTold),
    /// Verdicts of some lines.
    Verdicts(Written, VerdictPage),
    /// All lines of this revision have been looked at, or why they could not be.
    Checked(Written, u64, Result<(), String>),
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

/// What a run of the benchmark tells.
#[derive(Debug, Clone)]
pub enum BenchTold {
    /// What the last part of a second brought.
    Live(Arc<Live>),
    /// It has ended, and this came of it. (Why nothing came of it, the answer to the deed says.)
    Ended(Arc<Outcome>),
}

/// What came of an effect.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A deed was done, or why not.
    Done(Ticket, Result<String, String>),
    /// Details were read.
    Details(Query, Result<Box<Details>, String>),
    /// A page of files.
    Files(Query, Result<Vec<FileLine>, String>),
    /// A page of plans.
    Plans(usize, Result<Vec<PlanLine>, String>),
    /// A page of the files or parts of a plan.
    PlanRows(Query, Result<Vec<ListRow>, String>),
    /// What was asked for, priced in every tier.
    Draft(Query, Result<Box<DraftView>, String>),
    /// A plan was saved, in the tier that was chosen.
    Chosen(Query, Result<Box<PlanRow>, String>),
    /// What making jobs faster takes, in each tier, the fastest first.
    Faster(Query, Result<Vec<Faster>, String>),
    /// What a replica's chart is drawn from.
    DelayChart(Query, Result<Box<DelayChart>, String>),
    /// How a replica stands to whoever may have to freeze it.
    Freeze(Query, Result<Box<Reading>, String>),
    /// What was asked of a node of a redis cluster: lines in groups. Why not: it does not answer, or does not let us see.
    RedisPanel(Query, Result<Vec<Group>, String>),
    /// A list was read from a file.
    Loaded(PathBuf, Result<String, String>),
    /// A list was written to a file.
    Saved(PathBuf, Result<(), String>),
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
