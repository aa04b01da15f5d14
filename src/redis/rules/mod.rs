//! The rules, by name: each looks at the facts and says what it finds. None knows of another; what a finding's first tick
//! means is not theirs to say.

mod cluster;
mod led;
mod load;
mod memory;
mod nodes;
mod replication;
mod safety;
mod slots;
mod views;

use std::time::Duration;

pub(super) use self::replication::bytes as bytes_behind;
pub(super) use self::slots::opened;
use super::addr::NodeAddr;
use super::facts::Facts;
use super::finding::{Object, RuleId};
use super::limits::Limits;
use crate::base::Severity;

/// What a rule finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Raw {
    /// How bad.
    pub severity: Severity,
    /// About what.
    pub object: Object,
    /// What makes it the same one tick after tick: the object, unless that changes.
    pub key: Option<String>,
    /// In words; safe to show.
    pub text: String,
    /// What to do.
    pub next: Option<String>,
    /// The command.
    pub command: Option<String>,
    /// In few words; nothing: the words without what stands beside a node's name, up to the first semicolon.
    pub brief: Option<String>,
    /// The nodes that bring it about, where it is about another or about more.
    pub causes: Vec<NodeAddr>,
}

impl Raw {
    fn new(severity: Severity, object: Object, text: impl Into<String>) -> Self {
        let causes = Vec::new();
        Self { severity, object, key: None, text: text.into(), next: None, command: None, brief: None, causes }
    }

    fn critical(object: Object, text: impl Into<String>) -> Self {
        Self::new(Severity::Critical, object, text)
    }

    fn warning(object: Object, text: impl Into<String>) -> Self {
        Self::new(Severity::Warning, object, text)
    }

    fn unknown(object: Object, text: impl Into<String>) -> Self {
        Self::new(Severity::Unknown, object, text)
    }

    fn notice(object: Object, text: impl Into<String>) -> Self {
        Self::new(Severity::Ok, object, text)
    }

    fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    fn brief(mut self, brief: impl Into<String>) -> Self {
        self.brief = Some(brief.into());
        self
    }

    /// Another node that brings it about: it is not told while all of them are silenced.
    fn because(mut self, node: &NodeAddr) -> Self {
        if !self.causes.contains(node) {
            self.causes.push(node.clone());
        }
        self
    }
}

/// A rule.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// Its name.
    pub name: &'static str,
    /// How long what it finds must have been there, beside the ticks.
    pub wait: fn(&Limits) -> Duration,
    /// What it finds.
    pub find: fn(&Facts<'_>) -> Vec<Raw>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.id, self.name)
    }
}

const fn rule(id: &'static str, name: &'static str, find: fn(&Facts<'_>) -> Vec<Raw>) -> Rule {
    Rule { id: RuleId(id), name, wait: at_once, find }
}

const fn waits(
    id: &'static str,
    name: &'static str,
    wait: fn(&Limits) -> Duration,
    find: fn(&Facts<'_>) -> Vec<Raw>,
) -> Rule {
    Rule { id: RuleId(id), name, wait, find }
}

fn at_once(_: &Limits) -> Duration {
    Duration::ZERO
}

fn disputed(limits: &Limits) -> Duration {
    limits.views_differ
}

/// All rules, in the order of the table.
pub const RULES: [Rule; 44] = [
    rule("A1", "unreachable", nodes::unreachable),
    rule("A2", "hung", nodes::hung),
    rule("A3", "loading", nodes::loading),
    rule("A4", "blocked by a script", nodes::busy),
    rule("A5", "not seen", nodes::blind),
    rule("A6", "clients", nodes::clients),
    rule("A7", "no such server", nodes::other),
    rule("A8", "another node", nodes::replaced),
    rule("A9", "slow answers", nodes::slow),
    rule("B1", "slots uncovered", cluster::uncovered),
    rule("B2", "state fail", cluster::state),
    rule("B3", "slots failing", cluster::failing),
    rule("B4", "no quorum", cluster::quorum),
    rule("B5", "flags", cluster::flags),
    rule("B6", "open slots", slots::open),
    rule("B7", "tasks that move slots", slots::tasks),
    rule("B8", "no replica", safety::alone),
    rule("B9", "none can take over", safety::stuck),
    rule("B10", "one machine", safety::hosts),
    rule("B11", "owners changed", cluster::changed),
    rule("B12", "unlike", safety::unlike),
    rule("B13", "imbalance", safety::imbalance),
    waits("C1", "members differ", disputed, views::members),
    waits("C2", "owners differ", disputed, views::owners),
    waits("C3", "claimed twice", disputed, views::splits),
    waits("C4", "partition", disputed, views::partition),
    rule("C5", "roles or epochs differ", views::roles),
    rule("D1", "link down", replication::link),
    rule("D2", "behind", replication::behind),
    rule("D3", "beyond the backlog", replication::backlog),
    rule("D4", "resyncs", replication::resyncs),
    rule("D5", "no acknowledgements", replication::silent),
    rule("D6", "replicas missing", replication::missing),
    rule("D7", "replica buffers", replication::buffers),
    rule("E1", "memory full", memory::full),
    rule("E2", "evictions", memory::evictions),
    rule("E3", "no memory limit", memory::unlimited),
    rule("E4", "fragmentation", memory::fragmentation),
    rule("E5", "cannot save", memory::saving),
    rule("E6", "rewrite, age, fork", memory::late),
    rule("E7", "restarted", load::restarted),
    rule("E8", "redirections", load::errors),
    rule("E9", "refused logins", load::logins),
    rule("E10", "slow commands and full buffers", load::slow),
];
