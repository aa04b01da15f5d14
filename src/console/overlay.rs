//! What lies over a tab: help, palette, dialogs, lists. The topmost takes the keys.

use std::path::PathBuf;
use std::time::Duration;

use super::details::Details;
use super::effect::{Deed, Query, Wanted};
use super::list::Paged;
use super::tabs::delay::ReplicaView;
use super::tabs::delay::freeze::{FreezeForm, FrozenView};
use super::tabs::redis::{EventsView, NodeView};
use super::tabs::restore::about::PlanList;
use super::tabs::restore::quotes::Quotes;
use super::theme::Role;
use super::widgets::line_edit::LineEdit;
use crate::base::Time;
use crate::base::addr::NodeAddr;
use crate::base::ids::{ArchiveUuid, FileId, Key, PlanId, SourceId};
use crate::redis::snapshot::Role as Part;
use crate::store::PlanState;

/// Something over the tab.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// Every action that can be done here, searched by typing.
    Help(Search),
    /// Every action by name.
    Palette(Search),
    /// Something that asks before it is done.
    Confirm(Box<Confirm>),
    /// A line of text is asked for.
    Prompt(Box<Prompt>),
    /// What a restore comes to is being read; the answer takes its place.
    Waiting(Box<Waiting>),
    /// Open findings.
    Findings {
        /// The selected one: rule, object.
        selected: Option<(String, String)>,
    },
    /// The newest lines of the log.
    Log {
        /// Lines above the newest.
        up: usize,
    },
    /// Themes, shown as they are gone through.
    Themes {
        /// The selected one.
        selected: usize,
        /// The one to go back to.
        before: String,
    },
    /// All about one thing.
    Details(Box<DetailsView>),
    /// Files of an archive, or files found.
    Files(Box<Files>),
    /// One request is written (in the Restore tab's state).
    Form,
    /// A list of requests is written (in the Restore tab's state).
    Batch,
    /// A draft, priced.
    Quotes(Box<Quotes>),
    /// All about a plan.
    Plan(Box<DetailsView>),
    /// Files or parts of a plan.
    Rows(Box<PlanList>),
    /// One replica, with the chart of its delay.
    Replica(Box<ReplicaView>),
    /// Jobs that can be begun or ended on a replica.
    Jobs(Box<JobsView>),
    /// A replica that may have to be frozen: the statement is typed, and when it arrives is counted down.
    Freeze(Box<FreezeForm>),
    /// The freeze of a replica.
    Frozen(Box<FrozenView>),
    /// One node of a redis cluster.
    Node(Box<NodeView>),
    /// What happened to a redis cluster.
    Events(EventsView),
    /// A run of the benchmark is asked for (in the Redis tab's state).
    Bench,
    /// The run (in the Redis tab's state).
    Load {
        /// The first line of its figures shown.
        top: usize,
    },
}

/// Jobs to choose from.
#[derive(Debug, Clone)]
pub struct JobsView {
    /// The replica.
    pub replica: String,
    /// The channel that was looked at, with its replica's name (`db14/main`).
    pub channel: Option<String>,
    /// What can be begun or ended.
    pub choices: Vec<JobChoice>,
    /// The selected one.
    pub selected: usize,
}

/// A job that can be begun or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobChoice {
    /// Its class.
    pub class: String,
    /// Since when it runs; nothing: it does not.
    pub running: Option<Time>,
    /// How long one may run; nothing: nobody has said.
    pub longest: Option<Duration>,
}

/// Something that is awaited before it can be asked about.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// What is being read.
    pub label: String,
    /// What was asked.
    pub query: Query,
}

/// A list searched by typing.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// What is searched for.
    pub query: LineEdit,
    /// The selected row of those that match.
    pub selected: usize,
    /// How far back in what was done before.
    pub back: Option<usize>,
}

/// Which button is focused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// Nothing is done.
    Cancel,
    /// It is done.
    Go,
}

/// A dialog that names object, count and effect. It does nothing itself.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// What it is called.
    pub title: String,
    /// What it is about.
    pub object: Vec<String>,
    /// What will happen.
    pub effect: Vec<String>,
    /// The word on the button.
    pub go: &'static str,
    /// A word that must be typed; nothing: none.
    pub word: Option<String>,
    /// What is typed of it.
    pub typed: LineEdit,
    /// The focused button.
    pub focus: Focus,
    /// What is then done.
    pub intent: Intent,
    /// It has been on the screen: one that comes by itself takes no key before.
    pub seen: bool,
}

/// What a dialog is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Something changes.
    Deed {
        /// What.
        deed: Deed,
        /// What must still hold when it is done.
        seen: Seen,
    },
    /// The console ends.
    Quit,
}

/// What stood there when it was asked for: looked at again before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing in particular.
    Nothing,
    /// A pool of a host, standing so.
    Pool {
        /// The host.
        host: String,
        /// The pool.
        pool: String,
        /// Its order's generation then.
        generation: Option<i64>,
    },
    /// Files that had failed.
    Failed(Vec<FileId>),
    /// A plan, standing so.
    Plan(PlanId, PlanState),
    /// A node of a redis cluster, being that.
    Node(Box<NodeSeen>),
}

/// A node of a redis cluster as it was shown to whoever was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSeen {
    /// The cluster.
    pub cluster: String,
    /// The node.
    pub node: NodeAddr,
    /// What it was.
    pub role: Option<Part>,
    /// Of which master it was a replica.
    pub master: Option<NodeAddr>,
    /// The command of the finding that led to it.
    pub command: Option<String>,
}

/// A line that is asked for.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// What is asked.
    pub label: String,
    /// What is typed.
    pub edit: LineEdit,
    /// What is wrong with it.
    pub wrong: Option<String>,
    /// What it is for.
    pub purpose: Purpose,
}

/// What a line is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The filter of the list.
    Filter {
        /// What it was before.
        before: String,
    },
    /// A file is looked for.
    Find,
    /// The folder to restore into.
    RestoreInto {
        /// What.
        what: Wanted,
        /// What it is called.
        name: String,
    },
    /// The file that a list is read from.
    Load,
    /// The file that a list is written to.
    Save,
}

/// Details, and how far they are scrolled.
#[derive(Debug, Clone)]
pub struct DetailsView {
    /// What they are of.
    pub query: Query,
    /// Them; nothing while they are read.
    pub details: Option<Details>,
    /// Why they could not be read.
    pub wrong: Option<String>,
    /// The first line shown.
    pub top: usize,
}

/// A list of files.
#[derive(Debug, Clone)]
pub struct Files {
    /// What it is called.
    pub title: String,
    /// Whose files.
    pub of: FilesOf,
    /// Them.
    pub paged: Paged<FilePlace, FileLine>,
    /// The selected one, as a place in what is held.
    pub selected: usize,
    /// Why they could not be read.
    pub wrong: Option<String>,
}

/// Whose files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilesOf {
    /// An archive's.
    Archive(ArchiveUuid),
    /// Those found by the beginning of their key.
    Found(String),
}

/// Where a page of files begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilePlace {
    /// After this header offset.
    Offset(u64),
    /// After this source and key.
    Key(SourceId, Key),
}

/// A file in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLine {
    /// The file.
    pub file: FileId,
    /// Its place in the list.
    pub place: FilePlace,
    /// `source:key`, safe to show.
    pub name: String,
    /// Its bytes.
    pub length: u64,
    /// Where it stands.
    pub state: String,
    /// How that is drawn.
    pub role: Role,
    /// When it came to stand there.
    pub at: Option<Time>,
}

impl Files {
    /// The query for a page of it.
    pub fn query(&self, page: usize, start: Option<FilePlace>) -> Query {
        match (&self.of, start) {
            (FilesOf::Archive(archive), start) => {
                let after = match start {
                    Some(FilePlace::Offset(offset)) => Some(offset),
                    _ => None,
                };
                Query::Members { archive: *archive, page, after }
            }
            (FilesOf::Found(text), start) => {
                let after = match start {
                    Some(FilePlace::Key(source, key)) => Some((source, key)),
                    _ => None,
                };
                Query::Find { text: text.clone(), page, after }
            }
        }
    }
}

impl Overlay {
    /// The word by which actions and keymaps name it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Help(_) => "help",
            Self::Palette(_) => "palette",
            Self::Confirm(_) => "confirm",
            Self::Prompt(_) => "prompt",
            Self::Waiting(_) => "waiting",
            Self::Findings { .. } => "findings",
            Self::Log { .. } => "log",
            Self::Themes { .. } => "themes",
            Self::Details(_) => "details",
            Self::Files(_) => "files",
            Self::Form => "form",
            Self::Batch => "batch",
            Self::Quotes(_) => "quotes",
            Self::Plan(_) => "plan",
            Self::Rows(_) => "rows",
            Self::Replica(_) => "replica",
            Self::Jobs(_) => "jobs",
            Self::Freeze(_) => "freeze",
            Self::Frozen(_) => "frozen",
            Self::Node(_) => "node",
            Self::Events(_) => "events",
            Self::Bench => "bench",
            Self::Load { .. } => "load",
        }
    }

    /// Whether printable keys are text here.
    pub fn takes_text(&self) -> bool {
        match self {
            Self::Help(_)
            | Self::Palette(_)
            | Self::Prompt(_)
            | Self::Form
            | Self::Batch
            | Self::Freeze(_)
            | Self::Bench => true,
            Self::Confirm(confirm) => confirm.word.is_some(),
            _ => false,
        }
    }
}

/// A file that was typed, as an absolute path; or what is wrong with it.
pub fn file(text: &str, home: Option<&std::path::Path>) -> Result<PathBuf, String> {
    let text = text.trim();
    let path = match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    };
    if path.is_absolute() && !text.ends_with('/') {
        return Ok(path);
    }
    let shown = crate::base::Shown::text(text).to_string();
    Err(format!("\"{shown}\" is no file's absolute path; write it from the root, such as /srv/requests.txt"))
}

/// A folder that was typed, as an absolute path; or what is wrong with it.
pub fn folder(text: &str, home: Option<&std::path::Path>) -> Result<PathBuf, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("type the folder to restore into, such as /srv/restored".to_owned());
    }
    let path = match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    };
    if path.is_absolute() {
        Ok(path)
    } else {
        let shown = crate::base::Shown::text(text).to_string();
        Err(format!("\"{shown}\" is not absolute; write it from the root, such as /srv/restored"))
    }
}
