//! What a restore costs, before anything is asked for: which range of each archive, how much is read of it, the price in
//! every tier, the ceiling it can come to, and whether that is within the budgets.
//!
//! Pure. Wishes come one by one in the order of archive and offset ([`part::PartFold`]); one archive is held at a time.
//! What a plan keeps of an archive is its [`part::Part`]; the sums of all are the [`quote::Quote`]s, one a tier. Quantities
//! ([`Usage`]) are added up and priced once, so that a plan's price is that of its request log to the last digit; what
//! each part costs of it is told by [`share::Shares`] once a tier is chosen. Under a rate parts are given days
//! ([`spread::Spread`]): a quote knows what falls on each of its days, budgets are held against that, and its time ends with
//! the last of them.

pub mod budget;
pub mod faster;
pub mod part;
pub mod quote;
pub mod ranges;
pub mod share;
pub mod spread;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use budget::{Budget, OverBudget, Used};
pub use faster::{Faster, UnderWay, faster};
pub use part::{Offer, Part, PartError, PartFold, Running, Wanted};
pub use quote::{Quote, QuoteFold, Risk};
pub use ranges::{Reads, cover, reads};
pub use share::{Share, Shares};
pub use spread::Spread;

use crate::vault::tariff::{Price, Tariff, tier_word};
use crate::vault::{Capabilities, Tier};

/// What is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Jobs asked for.
    pub jobs: u64,
    /// Bytes they make readable.
    pub asked: u64,
    /// Bytes read of their output.
    pub read: u64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            jobs: self.jobs.saturating_add(other.jobs),
            asked: self.asked.saturating_add(other.asked),
            read: self.read.saturating_add(other.read),
        }
    }
}

/// On which terms a vault gives archives back.
#[derive(Debug, Clone)]
pub struct Terms {
    tariff: Arc<Tariff>,
    range_jobs: bool,
    tiers: Vec<Option<Tier>>,
    stored: u64,
    new_per_second: u32,
}

/// A tariff that does not fit the vault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the tariff {tariff} prices {priced}, the vault (kind {kind}) retrieves {offered}; nothing can be priced: name the vault's own tariff in [vault] tariff"
)]
pub struct NoTier {
    /// The tariff.
    tariff: String,
    /// What it prices.
    priced: String,
    /// The vault's kind.
    kind: &'static str,
    /// What the vault can do.
    offered: String,
}

impl Terms {
    /// The terms of a vault under a tariff. `stored`: bytes in the vault (they make part of a retrieval free under the
    /// rule of the peak hour; 0 where they are not known). `new_per_second`: jobs that are asked for in a second, at most.
    ///
    /// A tier that the vault has and the tariff does not price is left out: its price is unknown, not nothing.
    pub fn new(tariff: Arc<Tariff>, caps: &Capabilities, stored: u64, new_per_second: u32) -> Result<Self, NoTier> {
        let offered: Vec<Option<Tier>> =
            if caps.tiers.is_empty() { vec![None] } else { caps.tiers.iter().copied().map(Some).collect() };
        let tiers: Vec<Option<Tier>> = offered.iter().copied().filter(|tier| tariff.rates(*tier).is_some()).collect();
        if tiers.is_empty() {
            let words =
                |tiers: &mut dyn Iterator<Item = Option<Tier>>| tiers.map(tier_word).collect::<Vec<_>>().join(", ");
            return Err(NoTier {
                priced: words(&mut tariff.tiers()),
                offered: words(&mut offered.into_iter()),
                tariff: tariff.name.clone(),
                kind: caps.kind,
            });
        }
        Ok(Self { tariff, range_jobs: caps.range_jobs, tiers, stored, new_per_second: new_per_second.max(1) })
    }

    /// The tariff.
    pub fn tariff(&self) -> &Arc<Tariff> {
        &self.tariff
    }

    /// The tiers that can be had and priced.
    pub fn tiers(&self) -> &[Option<Tier>] {
        &self.tiers
    }

    /// Whether what is read of a job's output costs nothing by itself.
    pub fn egress_is_free(&self) -> bool {
        self.tariff.egress_is_free()
    }

    /// Whether a job asks for a range: the vault can, and the whole archive would be dearer.
    pub fn by_range(&self, tier: Option<Tier>) -> bool {
        self.range_jobs && self.tariff.rates(tier).is_some_and(|rates| !rates.gigabyte.value.is_zero())
    }

    /// What so much usage costs in a tier; nothing where the tariff does not offer it. Under the rule of the peak hour it
    /// is the price of everything together, and prices of parts do not add up: see [`Shares`].
    pub fn price(&self, tier: Option<Tier>, usage: Usage) -> Option<Price> {
        let requests = self.tariff.request_price(tier, usage.jobs)?;
        let retrieval = self.tariff.retrieval_price(tier, usage.asked, self.stored)?;
        Some(requests.plus(retrieval).plus(self.tariff.egress_price(usage.read)))
    }
}
