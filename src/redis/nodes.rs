//! `CLUSTER NODES`: how one node sees its cluster.
//!
//! Source: <https://redis.io/docs/latest/commands/cluster-nodes/>

use std::collections::BTreeSet;
use std::fmt;

use super::addr::NodeAddr;
use super::slots::{SLOTS, SlotSet};
use crate::base::Shown;

/// Longest name of a node that is kept, bytes; servers use 40 hexadecimal digits.
const ID: usize = 40;
/// Nodes of a view that are kept.
const NODES: usize = 4_096;

/// A node's name: 40 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct NodeId(String);

impl NodeId {
    /// One of that text; nothing: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let fine = text.len() == ID && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fine.then(|| Self(text.to_ascii_lowercase()))
    }

    /// Whole, as commands take it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its beginning, as people say it.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a line says of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// The node that answers.
    Myself,
    /// It is a master.
    Master,
    /// It is a replica.
    Replica,
    /// This view gets no answer from it: `fail?`.
    PFail,
    /// A majority says so.
    Fail,
    /// It was met and has not answered yet; its name is not its own.
    Handshake,
    /// Its address is not known.
    NoAddr,
    /// It will not take over: `nofailover`.
    NoFailover,
}

/// A slot on its way, as its holder says it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OpenSlot {
    /// The slot.
    pub slot: u16,
    /// Whether it comes in (`-<-`), or goes out (`->-`).
    pub importing: bool,
    /// Where it comes from, or goes to.
    pub peer: NodeId,
}

/// A node as one view has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLine {
    /// Its name.
    pub id: NodeId,
    /// Where it is; nothing: that is not known (`noaddr`, or `:0`).
    pub addr: Option<NodeAddr>,
    /// Its announced name.
    pub hostname: Option<String>,
    /// What it is.
    pub flags: BTreeSet<Flag>,
    /// Of which master it is a replica.
    pub master: Option<NodeId>,
    /// Since when an answer is waited for, milliseconds since 1970; 0: none is.
    pub ping_sent: u64,
    /// When it last answered, milliseconds since 1970; 0: never, or it is the one that answers.
    pub pong_received: u64,
    /// Its configuration epoch.
    pub epoch: u64,
    /// Whether the line to it stands.
    pub connected: bool,
    /// Slots it is said to own.
    pub slots: SlotSet,
    /// Slots on their way; in the line of the node that answers alone.
    pub open: Vec<OpenSlot>,
}

impl NodeLine {
    /// Whether that is said of it.
    pub fn is(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// Whether it owns slots as a master.
    pub fn owns(&self) -> bool {
        self.is(Flag::Master) && !self.slots.is_empty()
    }
}

/// A line that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {number} of CLUSTER NODES is none: {why}: \"{}\"", Shown::text(line))]
pub struct NodesError {
    /// Which, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub why: &'static str,
    /// Its beginning.
    pub line: String,
}

/// Reads a view. One line that is none spoils it: half a view would name masters missing that are not.
pub fn parse(text: &str) -> Result<Vec<NodeLine>, NodesError> {
    let mut all = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            continue;
        }
        let wrong = |why| NodesError { number: place + 1, why, line: line.chars().take(80).collect() };
        if all.len() >= NODES {
            return Err(wrong("there are more than 4,096 nodes"));
        }
        all.push(node(line).map_err(wrong)?);
    }
    match all.iter().filter(|one| one.is(Flag::Myself)).count() {
        1 => Ok(all),
        0 => Err(NodesError { number: 0, why: "no line is the node's own (myself)", line: String::new() }),
        _ => Err(NodesError { number: 0, why: "more than one line is the node's own (myself)", line: String::new() }),
    }
}

fn node(line: &str) -> Result<NodeLine, &'static str> {
    let mut words = line.split(' ');
    let mut word = |what| words.next().filter(|word| !word.is_empty()).ok_or(what);
    let id = NodeId::parse(word("it has no name")?).ok_or("its name is not 40 hexadecimal digits")?;
    let (addr, hostname) = address(word("it has no address")?)?;
    let mut flags = BTreeSet::new();
    for flag in word("it has no flags")?.split(',') {
        flags.extend(match flag {
            "myself" => Some(Flag::Myself),
            "master" => Some(Flag::Master),
            "slave" | "replica" => Some(Flag::Replica),
            "fail?" => Some(Flag::PFail),
            "fail" => Some(Flag::Fail),
            "handshake" => Some(Flag::Handshake),
            "noaddr" => Some(Flag::NoAddr),
            "nofailover" => Some(Flag::NoFailover),
            // `noflags`, and what later servers say.
            _ => None,
        });
    }
    let master = match word("it has no master")? {
        "-" => None,
        text => Some(NodeId::parse(text).ok_or("its master's name is not 40 hexadecimal digits")?),
    };
    let mut number = |what| word(what)?.parse::<u64>().map_err(|_| what);
    let ping_sent = number("its time of the last ping is no number")?;
    let pong_received = number("its time of the last pong is no number")?;
    let epoch = number("its epoch is no number")?;
    let connected = match word("its line's state is missing")? {
        "connected" => true,
        "disconnected" => false,
        _ => return Err("its line is neither connected nor disconnected"),
    };
    let (mut ranges, mut open) = (Vec::new(), Vec::new());
    for word in words.filter(|word| !word.is_empty()) {
        match word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => open.push(opened(inner)?),
            None => ranges.push(range(word)?),
        }
    }
    let slots = SlotSet::of(ranges);
    Ok(NodeLine { id, addr, hostname, flags, master, ping_sent, pong_received, epoch, connected, slots, open })
}

/// `ip:port@busport[,hostname[,name=value…]]`
fn address(text: &str) -> Result<(Option<NodeAddr>, Option<String>), &'static str> {
    let mut parts = text.split(',');
    let addr = parts.next().unwrap_or_default();
    let hostname = parts.next().filter(|name| !name.is_empty() && !name.contains('=') && name.len() <= 255);
    let addr = addr.split_once('@').map_or(addr, |(addr, _)| addr);
    let (host, port) = addr.rsplit_once(':').ok_or("its address has no port")?;
    let port: u16 = port.parse().map_err(|_| "its port is no number up to 65,535")?;
    // A node that was never told its own address says `:port`.
    let host = if host.is_empty() { hostname.unwrap_or_default() } else { host };
    let known = if host.is_empty() || port == 0 { None } else { NodeAddr::new(host, port) };
    Ok((known, hostname.map(ToOwned::to_owned)))
}

fn slot(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|slot| *slot < SLOTS).ok_or("a slot is no number below 16,384")
}

fn range(word: &str) -> Result<(u16, u16), &'static str> {
    let (from, to) = word.split_once('-').unwrap_or((word, word));
    let (from, to) = (slot(from)?, slot(to)?);
    if from <= to { Ok((from, to)) } else { Err("a range of slots ends before it begins") }
}

/// `8450->-id`, `8450-<-id`
fn opened(inner: &str) -> Result<OpenSlot, &'static str> {
    let out = inner.split_once("->-").map(|(number, peer)| (number, peer, false));
    let parts = out.or_else(|| inner.split_once("-<-").map(|(number, peer)| (number, peer, true)));
    let (number, peer, importing) = parts.ok_or("an open slot goes neither in nor out")?;
    let peer = NodeId::parse(peer).ok_or("an open slot's other node is not 40 hexadecimal digits")?;
    Ok(OpenSlot { slot: slot(number)?, importing, peer })
}
