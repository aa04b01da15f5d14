//! What the model asks the world to do. The loop carries it out; the answer comes back as a [`super::msg::Reply`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::tabs::delay::Span;
use super::tabs::restore::about::{ListOf, ListPlace};
use crate::base::Time;
use crate::base::addr::NodeAddr;
use crate::base::hash::Hash32;
use crate::base::ids::{ArchiveUuid, FileId, Key, PlanId, RetrievalUuid, SourceId};
use crate::delay::freeze::danger::Facts;
use crate::delay::freeze::statement::Statement;
use crate::delay::freeze::steps::Step;
use crate::redis::bench::{Choice, Work};
use crate::services::Faster;
use crate::store::PoolChange;

/// Names an effect that is under way, so that the same is not asked for twice.
pub type Ticket = u64;

/// What is asked of the state and answered with what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// An order to a pool.
    Order(PoolChange),
    /// Closes the open bundles of these hosts.
    Seal(Vec<PoolChange>),
    /// Tries failed files now: these, or all.
    Retry(Option<Vec<FileId>>),
    /// Acknowledges a finding.
    Ack {
        /// The rule.
        rule: String,
        /// The object.
        object: String,
        /// Until when.
        until: Time,
    },
    /// Has what is held up of a plan tried again now.
    Again(PlanId),
    /// Confirms a plan: from then on it is carried out.
    Confirm {
        /// The plan.
        plan: PlanId,
        /// As it was shown.
        hash: Hash32,
    },
    /// Stops a plan.
    Cancel(PlanId),
    /// Makes jobs of a running plan faster, as it was shown.
    Faster(Arc<Faster>),
    /// Throws a plan away that nobody has confirmed.
    Drop(PlanId),
    /// A job that holds a replica up has begun.
    JobStart(JobOf),
    /// It has ended.
    JobEnd(JobOf),
    /// Stops a replica in an emergency, and keeps it stopped.
    Freeze(Box<FreezeOf>),
    /// Lets a frozen replica go on for good.
    Resume(String),
    /// Ticks a recovery step, or takes the tick back.
    FreezeTick {
        /// The replica.
        replica: String,
        /// The step.
        step: Step,
        /// It is done; else it is not, after all.
        done: bool,
    },
    /// An order to a node of a redis cluster.
    Redis(RedisAct),
    /// Runs the benchmark, one at a time; what it tells meanwhile comes as [`super::msg::Msg::Bench`].
    Bench(Box<BenchAsk>),
}

/// What may be done to a node of a cluster from here. Nothing else can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RedisOrder {
    /// `CLUSTER FAILOVER`, on a replica: it takes over from its master, in agreement with it.
    Failover,
    /// `CLUSTER SETSLOT n STABLE`, on a node that says this slot is on its way.
    Stable(u16),
    /// `CLIENT KILL TYPE replica`: the replicas of this master connect anew.
    KillReplicas,
}

/// An order to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisAct {
    /// The cluster, by its name in the configuration.
    pub cluster: String,
    /// The node.
    pub node: NodeAddr,
    /// What it is to do.
    pub order: RedisOrder,
}

/// What is shown of one node, on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RedisPanel {
    /// `INFO everything`, section by section.
    Info,
    /// `SLOWLOG GET`
    SlowLog,
    /// `LATENCY LATEST`, and whether the server watches latency at all.
    Latency,
    /// `CLIENT LIST`
    Clients,
    /// `MEMORY STATS`
    Memory,
    /// `CONFIG GET` of a named few.
    Config,
}

/// A run of the benchmark, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenchAsk {
    /// The cluster whose user and password are taken; nothing: hosts that are in no configured cluster.
    pub of: Option<String>,
    /// Where to.
    pub hosts: Vec<NodeAddr>,
    /// Whether they are nodes of one cluster, whose masters are asked for.
    pub cluster: bool,
    /// Clients of each host or master.
    pub clients: u32,
    /// How long is measured.
    pub span: Duration,
    /// What clients do.
    pub work: Work,
    /// Over how many keys.
    pub keys: u32,
    /// How they choose.
    pub choice: Choice,
}

/// What a freeze is asked for with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeOf {
    /// The replica, or one channel of it.
    pub replica: String,
    /// The statement that must not be applied, as far as it is known.
    pub statement: Statement,
    /// The server's settings, where they have been read.
    pub facts: Option<Facts>,
}

/// A job by what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOf {
    /// The replica.
    pub replica: String,
    /// The one channel of it (`db14/main`) on which it may have begun; it is looked for there where the replica has none.
    pub channel: Option<String>,
    /// The job's class.
    pub class: String,
}

/// What is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The list of the batch editor.
    Batch,
    /// The request of the form.
    Form,
}

/// What is to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All files of an archive.
    Archive(ArchiveUuid),
    /// One version of a file.
    File(FileId),
}

/// Something to be read from the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// All about an archive.
    Archive(ArchiveUuid),
    /// All about a file.
    File(FileId),
    /// A page of the files of an archive, after a header offset.
    Members {
        /// The archive.
        archive: ArchiveUuid,
        /// The page's number.
        page: usize,
        /// Where it starts.
        after: Option<u64>,
    },
    /// A page of files by the beginning of their key.
    Find {
        /// What was typed: `source:prefix`, or a prefix.
        text: String,
        /// The page's number.
        page: usize,
        /// Where it starts.
        after: Option<(SourceId, Key)>,
    },
    /// All about a plan.
    Plan(PlanId),
    /// A page of plans, the newest first.
    Plans {
        /// The page's number.
        page: usize,
        /// Those with lower numbers.
        before: Option<PlanId>,
    },
    /// A page of the files or parts of a plan.
    PlanRows {
        /// The plan.
        plan: PlanId,
        /// Which list.
        of: ListOf,
        /// The page's number.
        page: usize,
        /// Where it starts.
        after: Option<ListPlace>,
    },
    /// What these requests come to, in every tier: a draft is put together.
    Draft {
        /// Requests, a line each.
        text: Arc<str>,
        /// Where to, for lines that do not say.
        dest: Option<String>,
        /// The tier that is wished for.
        tier: Option<&'static str>,
    },
    /// The same for what of a plan was not delivered.
    Supplement(PlanId),
    /// Saves a draft in a tier.
    Choose {
        /// Under which it is not asked for twice.
        ticket: Ticket,
        /// The draft.
        plan: PlanId,
        /// The tier.
        tier: Option<String>,
    },
    /// What making jobs of a running plan faster takes.
    Faster {
        /// The plan.
        plan: PlanId,
        /// This one alone; nothing: all that are under way.
        job: Option<RetrievalUuid>,
        /// As fast as the vault can; else by one step.
        most: bool,
    },
    /// What a replica's chart is drawn from.
    DelayChart {
        /// The replica.
        name: String,
        /// How much time.
        span: Span,
        /// Until when, by the state's clock.
        until: Time,
    },
    /// How a replica stands to whoever may have to freeze it.
    Freeze {
        /// The replica.
        name: String,
        /// It is looked at now, by the account that may stop it.
        look: bool,
        /// A freeze that is over counts.
        ended: bool,
    },
    /// What is shown of one node of a redis cluster, on demand.
    RedisPanel {
        /// The cluster, by its name in the configuration.
        cluster: String,
        /// The node.
        node: NodeAddr,
        /// What of it.
        panel: RedisPanel,
    },
    /// A page of failed files.
    Failed {
        /// The page's number.
        page: usize,
        /// Where it starts.
        after: Option<(Time, FileId)>,
    },
}

/// What the loop is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Change something, and say what came of it.
    Do(Ticket, Deed),
    /// Read something.
    Ask(Query),
    /// Read the state anew at once.
    Refresh,
    /// Put text on the operator's clipboard.
    Copy(String),
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Load a theme by name or path.
    Theme(String),
    /// Suspend the process.
    Suspend,
    /// Draw everything anew, whatever the terminal shows.
    Redraw,
    /// Look at each line of what is being written; what is looked at of an older text of it is given up.
    Check {
        /// What.
        of: Written,
        /// Which text.
        revision: u64,
        /// The text.
        text: Arc<str>,
        /// Where to, for lines that do not say.
        dest: Option<String>,
    },
    /// Read a list from a file.
    Load(PathBuf),
    /// Write a list to a file.
    Save {
        /// The file.
        path: PathBuf,
        /// The list.
        text: Arc<str>,
        /// It may take the place of what is there.
        replace: bool,
    },
    /// Keep what is being written.
    Draft {
        /// Which text.
        name: &'static str,
        /// The text.
        text: String,
    },
    /// Stop the benchmark: it removes its keys, tells what it has, and is answered.
    BenchStop,
    /// Tell the workers of this process to stop; the console ends when they have.
    Leave,
    /// End at once.
    Abandon,
}
