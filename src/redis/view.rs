//! One node's view of its cluster, made ready to be laid beside others.

use super::addr::NodeAddr;
use super::info::Info;
use super::look::Look;
use super::nodes::{Flag, NodeId, NodeLine};
use super::slots::SlotSet;

/// A view.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// Where the node that has it was asked.
    pub addr: &'a NodeAddr,
    /// The lines, sorted by name.
    lines: Vec<&'a NodeLine>,
    /// The line of the node itself.
    pub myself: &'a NodeLine,
    /// Its `CLUSTER INFO`, where that was told.
    pub cluster: Option<&'a Info>,
}

impl<'a> View<'a> {
    /// What a look brought; nothing: no view. What a node tells while it loads is none: valkey (8.1 on) answers meanwhile, and
    /// redis refuses, but the bus stands still at both, so it is of before the restart.
    pub fn of(look: &'a Look) -> Option<Self> {
        let all = look.view()?;
        if look.info().is_some_and(|info| info.flag("loading") == Some(true)) {
            return None;
        }
        let myself = all.iter().find(|line| line.is(Flag::Myself))?;
        let mut lines: Vec<&NodeLine> = all.iter().collect();
        lines.sort_by(|a, b| a.id.cmp(&b.id));
        Some(Self { addr: &look.addr, lines, myself, cluster: look.cluster() })
    }

    /// The lines, sorted by name.
    pub fn lines(&self) -> &[&'a NodeLine] {
        &self.lines
    }

    /// The line of a node.
    pub fn line(&self, id: &NodeId) -> Option<&'a NodeLine> {
        let place = self.lines.binary_search_by(|line| line.id.cmp(id)).ok()?;
        self.lines.get(place).copied()
    }

    /// Those that belong to it: whoever only shakes hands has no name of its own yet.
    pub fn members(&self) -> impl Iterator<Item = &'a NodeLine> {
        self.lines.iter().copied().filter(|line| !line.is(Flag::Handshake))
    }

    /// Slots that the node claims for itself.
    pub fn claims(&self) -> Option<&'a SlotSet> {
        self.myself.owns().then_some(&self.myself.slots)
    }

    /// The highest epoch it knows of.
    pub fn epoch(&self) -> Option<u64> {
        self.cluster?.number("cluster_current_epoch")
    }

    /// Whether it gets no answer from a node: `fail?`, `fail`.
    pub fn misses(&self, id: &NodeId) -> bool {
        self.line(id).is_some_and(failing)
    }

    /// Whether it calls a node gone: it misses it, has no line to it, or has lost its address. Nothing: it does not know it,
    /// or is it.
    pub fn gone(&self, id: &NodeId) -> Option<bool> {
        let line = self.line(id).filter(|line| !line.is(Flag::Myself) && !line.is(Flag::Handshake))?;
        Some(failing(line) || !line.connected || line.is(Flag::NoAddr))
    }
}

/// `fail?` or `fail`.
pub fn failing(line: &NodeLine) -> bool {
    line.is(Flag::PFail) || line.is(Flag::Fail)
}
