//! The sums of a plan: what every tier costs, what it can come to, how long it takes.

use std::fmt;
use std::time::Duration;

use super::{Asked, Budget, OverBudget, Part, Terms, Usage, Used};
use crate::base::Money;
use crate::vault::Tier;
use crate::vault::tariff::{Price, Rates, Tariff};

/// What can make a plan dearer than its price. Each is in the ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// Every job is asked for once more: it failed, or its output expired before it was read.
    AskedAgain,
    /// Every retrieval that is joined expires or fails, and is asked for.
    JoinExpires,
    /// Every output is read once more, its delivery having been cut off.
    ReadAgain,
    /// Under the rule of the peak hour: all of it comes in one hour, and the free share of the day is used up elsewhere.
    PeakHour,
}

/// The risk in words, as the screen and the plan's record have it.
impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AskedAgain => "every job asked for once more",
            Self::JoinExpires => "what is joined expires",
            Self::ReadAgain => "every output read once more",
            Self::PeakHour => "all in one hour, nothing free",
        })
    }
}

/// A plan in one tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The tier.
    pub tier: Option<Tier>,
    /// Wishes.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Archives they are in.
    pub archives: u64,
    /// Jobs that are asked for.
    pub jobs: u64,
    /// Archives whose running retrieval is joined instead.
    pub joined: u64,
    /// Bytes the jobs make readable.
    pub asked_bytes: u64,
    /// Bytes read of outputs.
    pub read_bytes: u64,
    /// Jobs of more bytes than the service's times hold for.
    pub larger: u64,
    /// What it costs if all goes well.
    pub price: Price,
    /// Of it, what retrieving costs (the rest is requests and egress).
    pub retrieval: Price,
    /// The most it can cost: price and risks together. Whoever carries the plan out asks for nothing beyond it.
    pub ceiling: Money,
    /// What makes the difference; only those that cost anything.
    pub risks: Vec<(Risk, Money)>,
    /// Until everything can be read, at the best and at the worst the service says, the time it takes to ask included.
    pub hours: (Duration, Duration),
    /// Budgets it would exceed.
    pub over: Vec<OverBudget>,
}

/// Parts of a plan, added up.
#[derive(Debug)]
pub struct QuoteFold<'a> {
    terms: &'a Terms,
    files: u64,
    bytes: u64,
    archives: u64,
    sums: Vec<Sum>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    usage: Usage,
    at_risk: Usage,
    larger: u64,
}

impl<'a> QuoteFold<'a> {
    /// Nothing yet.
    pub fn new(terms: &'a Terms) -> Self {
        Self { terms, files: 0, bytes: 0, archives: 0, sums: vec![Sum::default(); terms.tiers().len()] }
    }

    /// One part more.
    pub fn add(&mut self, part: &Part) {
        self.files += part.files;
        self.bytes = self.bytes.saturating_add(part.bytes);
        self.archives += 1;
        for (sum, tier) in self.sums.iter_mut().zip(self.terms.tiers()) {
            let Some(offer) = part.offer(*tier) else { continue };
            let usage = offer.usage();
            sum.usage = sum.usage.plus(usage);
            sum.at_risk = sum.at_risk.plus(offer.at_risk());
            let largest = self.terms.tariff().rates(*tier).and_then(|rates| rates.largest);
            sum.larger += u64::from(usage.jobs > 0 && largest.is_some_and(|largest| usage.asked > largest));
        }
    }

    /// A quote for every tier that can be had, measured against budgets. It is taken to be carried out at once; a plan
    /// that is spread over days is measured by [`Budget::over`] with what falls on a day.
    pub fn finish(self, budget: &Budget, used: Used) -> Vec<Quote> {
        let tiers = self.terms.tiers().iter().zip(&self.sums);
        tiers.filter_map(|(tier, sum)| self.quote(*tier, *sum, budget, used)).collect()
    }

    fn quote(&self, tier: Option<Tier>, sum: Sum, budget: &Budget, used: Used) -> Option<Quote> {
        let Sum { usage, at_risk: joined, larger } = sum;
        let tariff: &Tariff = self.terms.tariff();
        let rates = tariff.rates(tier)?;
        let requests = |jobs| tariff.request_price(tier, jobs);
        let retrieval = |bytes| tariff.retrieval_price(tier, bytes, self.terms.stored);
        let price = requests(usage.jobs)?.plus(retrieval(usage.asked)?).plus(tariff.egress_price(usage.read));
        let asking = |jobs, bytes| Some(requests(jobs)?.amount.plus(retrieval(bytes)?.amount));
        let once = asking(usage.jobs, usage.asked)?;
        let own = asking(joined.jobs, joined.asked)?;
        let twice = usage.plus(usage);
        // Twice the bytes may be dearer than twice the price: under the rule of the peak hour they are.
        let again = asking(twice.jobs, twice.asked)?.max(once.plus(once));
        let all = twice.plus(joined);
        let expired = asking(all.jobs, all.asked)?.max(again.plus(own));
        // Where the price is so much a gigabyte this is no more than `expired`.
        let worst = requests(all.jobs)?.amount.plus(tariff.worst_retrieval_price(tier, all.asked)?.amount);
        let mut risks = vec![
            (Risk::AskedAgain, again.minus(once)),
            (Risk::JoinExpires, expired.minus(again)),
            (Risk::ReadAgain, tariff.egress_price(usage.read).amount),
            (Risk::PeakHour, worst.minus(expired)),
        ];
        risks.retain(|(_, amount)| *amount > Money::ZERO);
        let ceiling = risks.iter().fold(price.amount, |sum, (_, amount)| sum.plus(*amount));
        Some(Quote {
            tier,
            files: self.files,
            bytes: self.bytes,
            archives: self.archives,
            jobs: usage.jobs,
            joined: joined.jobs,
            asked_bytes: usage.asked,
            read_bytes: usage.read,
            larger,
            retrieval: retrieval(usage.asked)?,
            price,
            ceiling,
            risks,
            hours: hours(rates, usage.jobs, joined.jobs, self.terms.new_per_second),
            over: budget.over(Asked::at_once(ceiling), used),
        })
    }
}

/// From when until when everything can be read.
fn hours(rates: &Rates, jobs: u64, joined: u64, new_per_second: u32) -> (Duration, Duration) {
    match (jobs, joined) {
        (0, 0) => (Duration::ZERO, Duration::ZERO),
        // What is joined may be ready, and is no slower than the tier.
        (0, _) => (Duration::ZERO, rates.slowest),
        _ => {
            // The last job is asked for when all others have been.
            let asking = Duration::from_secs((jobs - 1) / u64::from(new_per_second.max(1)));
            (rates.fastest + asking, rates.slowest + asking)
        }
    }
}
