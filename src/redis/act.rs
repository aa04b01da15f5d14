//! The few things an operator may have done from here, each confirmed by hand. There is no way to send anything else.

use std::fmt;

use super::addr::NodeAddr;
use super::conn::Batch;
use super::line::Line;
use super::resp::Value;
use super::slots::SLOTS;
use super::trouble::Trouble;
use crate::base::Shown;

/// What is to be done at one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A replica takes over from its master, with that one's consent: `CLUSTER FAILOVER`, without `FORCE` or `TAKEOVER`.
    Failover,
    /// A slot's move is forgotten by the node: `CLUSTER SETSLOT … STABLE`. Keys stay where they are.
    Stable(Slot),
    /// Connections of replicas are closed; they come back by themselves: `CLIENT KILL TYPE replica`.
    DropReplicas,
}

/// A slot's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u16);

impl Slot {
    /// One; nothing: there is no such slot.
    pub fn new(number: u16) -> Option<Self> {
        (number < SLOTS).then_some(Self(number))
    }
}

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// The node says no, or nothing.
    #[error("{addr}: {act}: {why}{mend}")]
    Refused {
        /// Which node.
        addr: NodeAddr,
        /// What was asked.
        act: Act,
        /// Its answer.
        why: Trouble,
        /// What to do.
        mend: &'static str,
    },
    /// The node is no replica.
    #[error("{addr} is a {}, and only a replica can take over; choose a replica of that shard", Shown::text(role))]
    NoReplica {
        /// Which node.
        addr: NodeAddr,
        /// What it is.
        role: String,
    },
}

impl Act {
    fn words(self) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Failover => &["CLUSTER", "FAILOVER"],
            Self::DropReplicas => &["CLIENT", "KILL", "TYPE", "replica"],
            Self::Stable(Slot(number)) => {
                return vec!["CLUSTER".to_owned(), "SETSLOT".to_owned(), number.to_string(), "STABLE".to_owned()];
            }
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }
}

impl fmt::Display for Act {
    /// The command, as `redis-cli` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(" "))
    }
}

/// Has it done: the node's answer in words. It is sent once, on a connection of its own moment: whether one that broke meanwhile
/// carried it out would not be known.
pub async fn act(line: &Line, act: Act) -> Result<String, ActError> {
    let addr = || line.addr().clone();
    let refused = |why: Trouble| {
        let mend = match &why {
            Trouble::NoPerm(_) => "; allow it as `firn redis acl` shows for acts",
            Trouble::Silent(_) | Trouble::Closed => {
                "; it may have been done all the same: look at the cluster before you try again"
            }
            _ => "",
        };
        ActError::Refused { addr: addr(), act, why, mend }
    };
    if act == Act::Failover {
        let role = line.ask(&Batch::of(&[&["ROLE"]])).await.map_err(refused)?.values;
        let first = role.first().and_then(Value::array).and_then(|parts| parts.first()).and_then(Value::text);
        // Where the role may not be asked, the server refuses by itself what it must.
        if let Some(role) = first.filter(|role| role != "slave") {
            return Err(ActError::NoReplica { addr: addr(), role });
        }
    }
    let mut batch = Batch::default();
    batch.push(&act.words());
    let values = line.ask_once(&batch).await.map_err(refused)?.values;
    let value = values.into_iter().next().unwrap_or(Value::Null);
    match (value.error(), act, &value) {
        (Some(error), _, _) => Err(refused(Trouble::of_error(&error))),
        (None, Act::DropReplicas, Value::Integer(number)) => Ok(format!("{number} connections of replicas closed")),
        (None, Act::Failover, _) => Ok("failover begun: the view of this node shows when it has taken over".to_owned()),
        (None, Act::Stable(Slot(number)), _) => Ok(format!("slot {number} is stable at this node")),
        (None, _, value) => Ok(Shown::text(&value.to_string()).to_string()),
    }
}
