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

/// The silence that holds longest of a finding: of those that take it as a whole, and of those of the nodes that bring it
/// about, where each of them has one, the one that ends first.
fn holding<'a>(silences: &[&'a Silence], finding: &Finding) -> Option<&'a Silence> {
    let longest = |takes: &dyn Fn(&Silence) -> bool| {
        silences.iter().copied().filter(|silence| takes(silence)).max_by_key(|silence| silence.until)
    };
    let whole = longest(&|silence| silence.takes(finding));
    let of = |cause: &NodeAddr| longest(&|silence| silence.target == Target::Node(cause.clone()));
    let causes: Option<Vec<&Silence>> = finding.causes.iter().map(of).collect();
    let causes = causes.and_then(|causes| causes.into_iter().min_by_key(|silence| silence.until));
    whole.into_iter().chain(causes).max_by_key(|silence| silence.until)
}

/// Takes what is silenced out of the total. The silence that holds longest is the one that is named.
#[must_use]
pub fn apply(mut health: Health, silences: &[Silence], now: Time) -> Health {
    let silences: Vec<&Silence> = silences.iter().filter(|silence| silence.holds(now)).collect();
    for finding in &mut health.findings {
        let silence = holding(&silences, finding);
        finding.silenced_until = silence.map(|silence| silence.until);
        finding.silenced = silence.map(|silence| {
            format!("silenced until {} by {}: {}", silence.until, Shown::text(&silence.who), Shown::text(&silence.why))
        });
    }
    health.total();
    health
}
