//! The sums of a plan: what every tier costs, what it can come to, how long it takes.

use std::fmt;
use std::time::Duration;

use super::{Budget, OverBudget, Part, Shares, Spread, Terms, Usage, Used};
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
    /// Until everything can be read, at the best and at the worst the service says, the time it takes to ask included: on
    /// the last of its days, should it be spread over several.
    pub hours: (Duration, Duration),
    /// What the ceiling comes to on each of its days, from 0, the day of the confirmation; together they are the ceiling.
    pub days: Vec<(u32, Money)>,
    /// Budgets it would exceed on these days.
    pub over: Vec<OverBudget>,
}

impl Quote {
    /// Over how many days it is spread; 1 for a plan that is asked for at once.
    pub fn day_count(&self) -> u32 {
        self.days.last().map_or(1, |(last, _)| last.saturating_add(1))
    }
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

#[derive(Debug, Clone)]
struct Sum {
    usage: Usage,
    at_risk: Usage,
    larger: u64,
    spread: Spread,
    days: Vec<Day>,
}

/// What falls on a day.
#[derive(Debug, Clone, Copy, Default)]
struct Day {
    usage: Usage,
    egress: Money,
}

impl<'a> QuoteFold<'a> {
    /// Nothing yet. `rate`: bytes that are asked for in a day, at most; more is spread over days.
    pub fn new(terms: &'a Terms, rate: Option<u64>) -> Self {
        let none = Sum {
            usage: Usage::default(),
            at_risk: Usage::default(),
            larger: 0,
            spread: Spread::new(rate),
            days: vec![Day::default()],
        };
        Self { terms, files: 0, bytes: 0, archives: 0, sums: vec![none; terms.tiers().len()] }
    }

    /// The last day that has something, in whatever tier.
    pub fn last_day(&self) -> u32 {
        let longest = self.sums.iter().map(|sum| sum.days.len()).max().unwrap_or(1);
        u32::try_from(longest - 1).unwrap_or(u32::MAX)
    }

    /// One part more.
    pub fn add(&mut self, part: &Part) {
        self.files += part.files;
        self.bytes = self.bytes.saturating_add(part.bytes);
        self.archives += 1;
        for (sum, tier) in self.sums.iter_mut().zip(self.terms.tiers()) {
            let Some(offer) = part.offer(*tier) else { continue };
            let usage = offer.usage();
            let before = self.terms.tariff().egress_price(sum.usage.read).amount;
            sum.usage = sum.usage.plus(usage);
            let day = sum.spread.place(usage.asked) as usize;
            if sum.days.len() <= day {
                sum.days.resize(day + 1, Day::default());
            }
            if let Some(day) = sum.days.get_mut(day) {
                day.usage = day.usage.plus(usage);
                let egress = self.terms.tariff().egress_price(sum.usage.read).amount;
                day.egress = day.egress.plus(egress.minus(before));
            }
            sum.at_risk = sum.at_risk.plus(offer.at_risk());
            let largest = self.terms.tariff().rates(*tier).and_then(|rates| rates.largest);
            sum.larger += u64::from(usage.jobs > 0 && largest.is_some_and(|largest| usage.asked > largest));
        }
    }

    /// A quote for every tier that can be had, measured against budgets, each day of it by what falls on that.
    pub fn finish(self, budget: &Budget, used: &Used) -> Vec<Quote> {
        let tiers = self.terms.tiers().iter().zip(&self.sums);
        tiers.filter_map(|(tier, sum)| self.quote(*tier, sum, budget, used)).collect()
    }

    fn quote(&self, tier: Option<Tier>, sum: &Sum, budget: &Budget, used: &Used) -> Option<Quote> {
        let Sum { usage, at_risk: joined, larger, .. } = *sum;
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
        let mut quote = Quote {
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
            hours: hours(rates, &sum.days, usage.jobs, joined.jobs, self.terms.new_per_second),
            days: Vec::new(),
            over: Vec::new(),
        };
        quote.days = days(&Shares::new(self.terms, &quote), sum)?;
        quote.over = budget.over(ceiling, &quote.days, used);
        Some(quote)
    }
}

/// What the ceiling comes to on each day, to the last digit the sum of what the shares of its parts may come to: on a day
/// after the first, jobs are asked for in the order of the parts.
fn days(shares: &Shares<'_>, sum: &Sum) -> Option<Vec<(u32, Money)>> {
    let (mut so_far, mut days) = (Usage::default(), Vec::with_capacity(sum.days.len()));
    for (later, day) in (0..).zip(&sum.days) {
        let before = so_far;
        so_far = so_far.plus(day.usage);
        let once = shares.asking(so_far)?.minus(shares.asking(before)?).plus(day.egress);
        days.push((later, once.plus(once)));
    }
    if let Some(first) = days.first_mut() {
        first.1 = first.1.plus(shares.own(sum.at_risk)?);
    }
    topped_up(&mut days, shares.ceiling());
    Some(days)
}

/// What the ceiling has beyond the parts' own (the peak hour's risk) may fall on the first day.
pub fn topped_up(days: &mut [(u32, Money)], ceiling: Money) {
    let sum: Money = days.iter().map(|day| day.1).sum();
    if let Some(first) = days.first_mut() {
        first.1 = first.1.plus(ceiling.minus(sum));
    }
}

/// From when until when everything can be read.
fn hours(rates: &Rates, days: &[Day], jobs: u64, joined: u64, new_per_second: u32) -> (Duration, Duration) {
    match (jobs, joined) {
        (0, 0) => (Duration::ZERO, Duration::ZERO),
        // What is joined may be ready, and is no slower than the tier.
        (0, _) => (Duration::ZERO, rates.slowest),
        _ => {
            // The last job is asked for when all others have been, and its day has come.
            let per_second = u64::from(new_per_second.max(1));
            let asked = (0..).zip(days).fold(Duration::ZERO, |asked, (later, day)| {
                let begins = Duration::from_hours(24).saturating_mul(later);
                asked.max(begins) + Duration::from_secs(day.usage.jobs.saturating_sub(1) / per_second)
            });
            (rates.fastest + asked, rates.slowest + asked)
        }
    }
}
