//! What is wrong with a cluster, in words.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::addr::NodeAddr;
use super::slots::SlotSet;
use crate::base::{Severity, Time};

/// A rule's id: `A1` to `E10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct RuleId(pub &'static str);

impl RuleId {
    /// Its place in the table: the letter, and the number.
    fn place(self) -> (u8, u32) {
        let letter = self.0.bytes().next().unwrap_or_default();
        (letter, self.0.get(1..).and_then(|number| number.parse().ok()).unwrap_or_default())
    }
}

impl Ord for RuleId {
    /// In the order of the table: `A9` before `B1`, `B9` before `B10`.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place().cmp(&other.place()).then_with(|| self.0.cmp(other.0))
    }
}

impl PartialOrd for RuleId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Object {
    /// The cluster as a whole.
    Cluster,
    /// A node.
    Node(NodeAddr),
    /// Slots.
    Slots(SlotSet),
    /// A machine.
    Host(String),
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.pad("cluster"),
            Self::Node(addr) => write!(f, "{addr}"),
            Self::Slots(slots) if slots.count() == 1 => write!(f, "slot {slots}"),
            Self::Slots(slots) => write!(f, "slots {slots}"),
            Self::Host(host) => write!(f, "host {}", crate::base::Shown::text(host)),
        }
    }
}

/// One thing that is wrong, or (with [`Severity::Ok`]) worth knowing.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Which rule says so.
    pub rule: RuleId,
    /// How bad.
    pub severity: Severity,
    /// About what.
    pub object: Object,
    /// In words; safe to show.
    pub text: String,
    /// The same where there is little room; nothing: the words are short enough.
    pub brief: Option<String>,
    /// What to do, in words; safe to show.
    pub next: Option<String>,
    /// The command that would repair it, for a shell; nobody but the operator carries it out.
    pub command: Option<String>,
    /// Since when.
    pub since: Time,
    /// The last look did not show it any more; it is cleared when it stays away.
    pub over: bool,
    /// The nodes that bring it about, where it is about another or about more: all of them silenced, so is it.
    pub causes: Vec<NodeAddr>,
    /// By whom, until when and why it is silenced, in words: it does not count in the total.
    pub silenced: Option<String>,
    /// Until when that is.
    pub silenced_until: Option<Time>,
}

impl Finding {
    /// Its words; what the last look did not show is in doubt, and says so first.
    pub fn said(&self) -> String {
        self.doubted(&self.text)
    }

    /// Its few words, for where there is little room.
    pub fn brief(&self) -> String {
        self.doubted(self.brief.as_deref().unwrap_or(&self.text))
    }

    fn doubted(&self, text: &str) -> String {
        if self.over { format!("over? {text}") } else { text.to_owned() }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A replica has taken over.
    Failover,
    /// Slots have changed their owner in order.
    Moved,
    /// A node runs anew.
    Restart,
    /// An owner of slots came back without its keys.
    Emptied,
    /// Another node answers at an address.
    Replaced,
}

impl EventKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::Moved => "moved",
            Self::Restart => "restart",
            Self::Emptied => "emptied",
            Self::Replaced => "replaced",
        }
    }
}

/// Something that happened, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was seen.
    pub at: Time,
    /// What.
    pub kind: EventKind,
    /// At which node.
    pub node: NodeAddr,
    /// Which slots changed hands.
    pub slots: SlotSet,
    /// In words; safe to show.
    pub text: String,
    /// How long the outage was, milliseconds; nothing: there was none, or it was not seen.
    pub lasted: Option<u64>,
}
