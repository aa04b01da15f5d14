//! Prices. Whole-number arithmetic throughout; each of the functions rounds up to a billionth of a dollar, once, on the
//! quantity it is given. So quantities are added up first and priced together: prices of the parts of a plan, each
//! rounded up by itself, add up to a little more than the price of the plan, never to less.

use std::fmt;

use super::{DayRetrieved, Row, Rule, Tariff};
use crate::base::Money;
use crate::vault::Tier;

/// What something costs, and whether all the rows it rests on are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Dollars.
    pub amount: Money,
    /// Whether every row it rests on is verified.
    pub sure: bool,
}

impl Price {
    /// Nothing, for sure.
    pub const NOTHING: Self = Self { amount: Money::ZERO, sure: true };

    /// Both together; sure if both are.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { amount: self.amount.plus(other.amount), sure: self.sure && other.sure }
    }
}

/// `$12.34`, or `~$12.34` where it rests on a row that is not verified.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.sure { "" } else { "~" };
        f.pad(&format!("{mark}{}", self.amount))
    }
}

/// `nanos / unit` rounded up; the largest amount there is where it does not fit.
pub(super) fn rounded_up(nanos: Option<i128>, unit: i128) -> Money {
    let up = nanos.and_then(|nanos| {
        let whole = nanos.checked_div(unit)?;
        let rest = nanos.checked_rem(unit)?;
        i64::try_from(whole.checked_add(i128::from(rest > 0))?).ok()
    });
    up.map_or(Money::MAX, Money::from_nanos)
}

/// So many of a row that is priced per `unit`.
fn of(row: &Row, quantity: u64, unit: u64) -> Price {
    let nanos = i128::from(row.value.nanos()).checked_mul(i128::from(quantity));
    // No quantity costs nothing, whatever the row says.
    Price { amount: rounded_up(nanos, i128::from(unit)), sure: quantity == 0 || row.verified }
}

impl Tariff {
    /// What asking for so many jobs costs; nothing where the tariff does not offer the tier.
    pub fn request_price(&self, tier: Option<Tier>, requests: u64) -> Option<Price> {
        Some(of(&self.rates(tier)?.requests, requests, 1000))
    }

    /// What retrieving so many bytes costs; nothing where the tariff does not offer the tier.
    ///
    /// `stored` (bytes in the vault) counts under [`Rule::PeakHour`] alone, where it makes part of a retrieval free; 0
    /// where it is not known, which is never too cheap. There it is assumed that all is asked for at once, comes evenly
    /// over the hours the tariff gives a job, and is all that is retrieved that month: the price of a plan as a whole.
    pub fn retrieval_price(&self, tier: Option<Tier>, bytes: u64, stored: u64) -> Option<Price> {
        let row = &self.rates(tier)?.gigabyte;
        Some(match self.rule {
            Rule::PerGigabyte => of(row, bytes, self.gigabyte),
            Rule::PeakHour(peak) => {
                let day = DayRetrieved { bytes, hours: peak.job_hours };
                let amount = peak.price(row.value, self.gigabyte, stored, &[day]);
                Price { amount, sure: bytes == 0 || row.verified }
            }
        })
    }

    /// The most that retrieving so many bytes can cost, whenever they come: under [`Rule::PeakHour`] all in one hour with
    /// nothing free, else [`Tariff::retrieval_price`].
    pub fn worst_retrieval_price(&self, tier: Option<Tier>, bytes: u64) -> Option<Price> {
        match self.rule {
            Rule::PerGigabyte => self.retrieval_price(tier, bytes, 0),
            Rule::PeakHour(peak) => {
                let row = &self.rates(tier)?.gigabyte;
                let amount = peak.worst(row.value, self.gigabyte, bytes);
                Some(Price { amount, sure: bytes == 0 || row.verified })
            }
        }
    }

    /// What it costs that so many bytes leave the service's network.
    pub fn egress_price(&self, bytes: u64) -> Price {
        of(&self.egress, bytes, self.gigabyte)
    }

    /// What uploading by so many requests costs.
    pub fn upload_price(&self, requests: u64) -> Price {
        of(&self.upload, requests, 1000)
    }

    /// What so many requests for what the vault holds cost.
    pub fn inventory_price(&self, requests: u64) -> Price {
        of(&self.inventory, requests, 1000)
    }

    /// What keeping so many bytes for a month costs.
    pub fn storage_price(&self, bytes: u64) -> Price {
        of(&self.storage, bytes, self.gigabyte)
    }

    /// Whether it costs nothing that bytes leave the service's network.
    pub fn egress_is_free(&self) -> bool {
        self.egress.value.is_zero()
    }
}
