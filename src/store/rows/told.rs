//! What each sender of alerts has told, what it is telling, and how often findings changed meanwhile.

use super::NoticeRow;
use crate::base::ids::{Generation, SessionId};
use crate::base::{Severity, Time};

/// The duty under which alerts are sent: one process does it for all.
pub const ALERT: &str = "alert";

/// Under which hold of the duty [`ALERT`] something is written; under an older one no row changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Who holds it.
    pub session: SessionId,
    /// Under which it was taken.
    pub generation: Generation,
}

/// How often a finding has come, gone and changed its severity: counted where that happens, so nothing is missed
/// between two looks. It outlives the finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnRow {
    /// The rule.
    pub rule: String,
    /// The object.
    pub object: String,
    /// How bad it was when it was last seen to hold.
    pub severity: Severity,
    /// What was seen then.
    pub value: String,
    /// Since when it held then.
    pub since: Time,
    /// Changes in all: raised, cleared, another severity.
    pub changes: u64,
    /// When the first of them was.
    pub first_at: Time,
    /// When the newest of them was.
    pub changed_at: Time,
}

/// What a sender has last told of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldRow {
    /// The rule.
    pub rule: String,
    /// The object.
    pub object: String,
    /// How bad it was told to be; of one told to be over, how bad it had been told to be.
    pub severity: Severity,
    /// Whether it was told to hold (else: to be over).
    pub open: bool,
    /// When.
    pub at: Time,
    /// When it was last told as critical.
    pub critical_at: Option<Time>,
    /// [`TurnRow::changes`] then: what is above it has happened since.
    pub changes: u64,
}

/// What a message tells of a finding; becomes a [`ToldRow`] once it has been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// The rule.
    pub rule: String,
    /// The object.
    pub object: String,
    /// How bad it is told to be.
    pub severity: Severity,
    /// Whether it is told to hold.
    pub open: bool,
    /// Whether it is told as critical, now or in between.
    pub critical: bool,
    /// [`TurnRow::changes`] when the message was made.
    pub changes: u64,
}

/// A message, whole: it can be sent again as it was, whoever sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertMessage {
    /// Made from its content: lower-case hex.
    pub id: String,
    /// When it was made.
    pub made_at: Time,
    /// Whether it did not wait for the interval between messages.
    pub broke: bool,
    /// One line, safe to show and to put into a header.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same for programs: a JSON object.
    pub json: String,
    /// What it tells.
    pub tells: Vec<Telling>,
}

/// How a sender stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TellerRow {
    /// Its name: `mail`, `command`, `ping`.
    pub sender: String,
    /// When it first entered service; what came and went before is not told.
    pub since: Time,
    /// When its last message went out.
    pub last_sent: Option<Time>,
    /// When that one was made: what changed since is news.
    pub last_made: Option<Time>,
    /// Whether it did not wait for the interval.
    pub broke: bool,
    /// Failures in a row.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: Option<Time>,
    /// What the newest one said.
    pub error: Option<String>,
    /// It is not tried before then.
    pub next_try: Option<Time>,
}

/// A message on its way: the process that sent it has not said what came of it, or could not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The message.
    pub message: AlertMessage,
    /// How often it was tried.
    pub tries: u32,
}

/// All that a sender's next message depends on, read at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertView {
    /// That instant.
    pub now: Time,
    /// Open findings, worst first.
    pub notices: Vec<NoticeRow>,
    /// How often findings changed: those that are open, that this sender has told as open, and those that changed since
    /// it last told them.
    pub turns: Vec<TurnRow>,
    /// What this sender has told.
    pub told: Vec<ToldRow>,
    /// How it stands; nothing: it has never been in service.
    pub teller: Option<TellerRow>,
    /// What it was sending.
    pub pending: Option<Pending>,
}
