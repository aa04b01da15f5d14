//! Maintenance: findings of a node or a cluster that somebody expects are taken out of the total until a time, and shown as
//! what they are.

use serde::{Deserialize, Serialize};

use super::addr::NodeAddr;
use super::finding::{Finding, Object};
use super::snapshot::Health;
use crate::base::{Shown, Time};

/// What is silenced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Everything of the cluster.
    Cluster,
    /// What is found of a node.
    Node(NodeAddr),
}

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// What.
    pub target: Target,
    /// Until when.
    pub until: Time,
    /// Who said so.
    pub who: String,
    /// Why.
    pub why: String,
}

impl Silence {
    /// Whether it is in force.
    pub fn holds(&self, now: Time) -> bool {
        now < self.until
    }

    fn takes(&self, finding: &Finding) -> bool {
        match (&self.target, &finding.object) {
            (Target::Cluster, _) => true,
            (Target::Node(node), Object::Node(of)) => node == of,
            (Target::Node(_), _) => false,
        }
    }
}

/// Takes what is silenced out of the total. The silence that holds longest is the one that is named.
#[must_use]
pub fn apply(mut health: Health, silences: &[Silence], now: Time) -> Health {
    for finding in &mut health.findings {
        let holding = silences.iter().filter(|silence| silence.holds(now) && silence.takes(finding));
        finding.silenced = holding.max_by_key(|silence| silence.until).map(|silence| {
            format!("silenced until {} by {}: {}", silence.until, Shown::text(&silence.who), Shown::text(&silence.why))
        });
    }
    health.total();
    health
}
