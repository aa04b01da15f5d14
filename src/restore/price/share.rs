//! What each part of a plan costs, so that together they cost what the plan does, to the last digit.
//!
//! A part's price is what the plan's price grows by when the part joins those before it: rounded up as a whole, so that
//! thirty thousand parts are not rounded up thirty thousand times. Then the ledger, which adds up parts, never meets a
//! ceiling that it is a few billionths of a dollar above.

use super::{Offer, Quote, Terms, Usage};
use crate::base::Money;
use crate::vault::Tier;
use crate::vault::tariff::Rule;

/// What a part of a plan costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Asking for its job: request and retrieval; nothing where a retrieval is joined. Over all parts, and with `egress`,
    /// it is the plan's price.
    pub asking: Money,
    /// Asking for it once more, or for the first time should what is joined be gone.
    pub again: Money,
    /// Reading its output.
    pub egress: Money,
}

/// Shares of a plan, part by part, each once.
#[derive(Debug)]
pub struct Shares<'a> {
    terms: &'a Terms,
    quote: &'a Quote,
    /// Of the parts so far.
    usage: Usage,
    at_risk: Usage,
}

impl<'a> Shares<'a> {
    /// No part yet, of the plan that is quoted.
    pub fn new(terms: &'a Terms, quote: &'a Quote) -> Self {
        Self { terms, quote, usage: Usage::default(), at_risk: Usage::default() }
    }

    /// The tier that is quoted.
    pub fn tier(&self) -> Option<Tier> {
        self.quote.tier
    }

    /// The most that the plan can cost.
    pub(super) fn ceiling(&self) -> Money {
        self.quote.ceiling
    }

    /// The next part's share; nothing for an offer in another tier than the quote's.
    pub fn next(&mut self, offer: &Offer) -> Option<Share> {
        if offer.tier != self.quote.tier {
            return None;
        }
        let (before, at_risk_before) = (self.usage, self.at_risk);
        self.usage = before.plus(offer.usage());
        self.at_risk = at_risk_before.plus(offer.at_risk());
        let asking = self.asking(self.usage)?.minus(self.asking(before)?);
        let own = self.own(self.at_risk)?.minus(self.own(at_risk_before)?);
        let egress = |usage: Usage| self.terms.tariff().egress_price(usage.read).amount;
        let again = if offer.joined.is_some() { own } else { asking };
        Some(Share { asking, again, egress: egress(self.usage).minus(egress(before)) })
    }

    /// What asking for the parts so far costs: under the rule of the peak hour, which prices a plan as a whole, their
    /// share of the plan's retrieval by bytes.
    pub(super) fn asking(&self, usage: Usage) -> Option<Money> {
        let tariff = self.terms.tariff();
        let requests = tariff.request_price(self.quote.tier, usage.jobs)?.amount;
        let retrieval = match tariff.rule {
            Rule::PerGigabyte => tariff.retrieval_price(self.quote.tier, usage.asked, 0)?.amount,
            Rule::PeakHour(_) => part_of(self.quote.retrieval.amount, usage.asked, self.quote.asked_bytes),
        };
        Some(requests.plus(retrieval))
    }

    /// What asking for what is joined so far would cost.
    pub(super) fn own(&self, at_risk: Usage) -> Option<Money> {
        self.terms.price(self.quote.tier, at_risk).map(|price| price.amount)
    }
}

/// `part / all` of an amount, rounded up.
fn part_of(amount: Money, part: u64, all: u64) -> Money {
    let (part, all) = (i128::from(part.min(all)), i128::from(all.max(1)));
    let nanos = (i128::from(amount.nanos()) * part).div_euclid(all);
    let rest = (i128::from(amount.nanos()) * part).rem_euclid(all);
    i64::try_from(nanos + i128::from(rest > 0)).map_or(amount, Money::from_nanos)
}
