//! What was asked of the service and what it counts for its bill: for an independent look at a price.

use serde_json::json;

use super::core::Core;
use super::jobs::word;
use crate::base::Time;
use crate::vault::Tier;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// When it came.
    pub at: Time,
    /// What was asked: `job` (a retrieval), `output` (bytes of one), `upgrade`, `upload`, and so on.
    pub op: &'static str,
    /// Of a retrieval, how fast it is to be.
    pub tier: Option<Tier>,
    /// Bytes: of a job those that it retrieves, of an output those that were sent, of an upload those that came.
    pub bytes: u64,
    /// Whether it is counted. What was refused is not; what took effect is, even if the reply was lost.
    pub billed: bool,
}

/// Requests in their order.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    most: usize,
    kept: Vec<Logged>,
    dropped: u64,
}

impl Core {
    /// Writes down the requests from now on, the first `most` of them; what was written before goes. Nothing is
    /// written down unless this was asked for.
    pub fn keep_log(&mut self, most: usize) {
        self.ledger = Ledger { most, ..Ledger::default() };
    }

    /// The requests that were written down.
    pub fn log(&self) -> &[Logged] {
        &self.ledger.kept
    }

    /// Requests that came when the log was full. Unless there are none, it does not tell the bill.
    pub fn log_dropped(&self) -> u64 {
        self.ledger.dropped
    }

    /// The requests that are counted, as lines of JSON: `{"at":…,"billed":true,"bytes":…,"op":…,"tier":…}`; `tier` only where
    /// there is one. What was refused is not among them.
    pub fn log_lines(&self) -> String {
        let mut lines = String::new();
        for logged in self.ledger.kept.iter().filter(|logged| logged.billed) {
            let mut line = json!({
                "op": logged.op, "bytes": logged.bytes, "at": logged.at.to_string(), "billed": true,
            });
            if let Some(tier) = logged.tier {
                line["tier"] = word(tier).to_ascii_lowercase().into();
            }
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
        lines
    }

    pub(super) fn note(&mut self, op: &'static str, tier: Option<Tier>, bytes: u64, billed: bool) {
        let at = self.now;
        let ledger = &mut self.ledger;
        if ledger.most == 0 {
            return;
        }
        if ledger.kept.len() < ledger.most {
            ledger.kept.push(Logged { at, op, tier, bytes, billed });
        } else {
            ledger.dropped += 1;
        }
    }
}
