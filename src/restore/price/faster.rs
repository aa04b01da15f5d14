//! What making jobs faster costs that are under way.

use std::time::Duration;

use super::{Budget, OverBudget, Terms, Used};
use crate::base::Money;
use crate::vault::Tier;
use crate::vault::tariff::{Price, place};

/// A job that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnderWay {
    /// Bytes that it makes readable.
    pub bytes: u64,
    /// The tier that it is in.
    pub tier: Option<Tier>,
}

/// What it takes to make jobs faster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faster {
    /// To which tier.
    pub tier: Tier,
    /// What each costs, by its place among those that were asked about; those that are no slower are left out.
    pub jobs: Vec<(usize, Money)>,
    /// Bytes that they make readable.
    pub bytes: u64,
    /// What all of them cost: the sum of what each does.
    pub price: Price,
    /// Jobs that are larger than the service promises its time for.
    pub larger: u64,
    /// How long they take from then on: from, to.
    pub hours: (Duration, Duration),
    /// Budgets that the plan would go beyond.
    pub over: Vec<OverBudget>,
}

impl Terms {
    /// What making a job faster costs: a request in the faster tier and the retrieval of its bytes, in full; nothing of what
    /// was paid is given back (S3 user guide, "restoring-objects-upgrade-tier": both requests are charged). Under the rule
    /// of the peak hour it is the most that this can come to. Nothing where the tier cannot be had.
    pub fn faster_price(&self, tier: Tier, bytes: u64) -> Option<Price> {
        let tier = Some(tier);
        if !self.tiers().contains(&tier) {
            return None;
        }
        Some(self.tariff().request_price(tier, 1)?.plus(self.tariff().worst_retrieval_price(tier, bytes)?))
    }
}

/// What making these jobs faster takes, in each tier that is faster than one of them at least, the fastest first.
/// `ceiling`: what their plan may come to without it.
pub fn faster(terms: &Terms, jobs: &[UnderWay], ceiling: Money, budget: Budget, used: &Used) -> Vec<Faster> {
    let mut offers = Vec::new();
    for tier in terms.tiers().iter().copied().flatten() {
        let Some(rates) = terms.tariff().rates(Some(tier)) else { continue };
        let mut offer = Faster {
            tier,
            jobs: Vec::new(),
            bytes: 0,
            price: Price::NOTHING,
            larger: 0,
            hours: (rates.fastest, rates.slowest),
            over: Vec::new(),
        };
        for (at, job) in jobs.iter().enumerate() {
            let Some(price) = terms.faster_price(tier, job.bytes).filter(|_| place(Some(tier)) < place(job.tier))
            else {
                continue;
            };
            offer.jobs.push((at, price.amount));
            offer.bytes = offer.bytes.saturating_add(job.bytes);
            offer.price = offer.price.plus(price);
            offer.larger += u64::from(rates.largest.is_some_and(|largest| job.bytes > largest));
        }
        if offer.jobs.is_empty() {
            continue;
        }
        let more = offer.price.amount;
        if !more.is_zero() {
            offer.over = budget.over(ceiling.plus(more), &[(0, more)], used);
        }
        offers.push(offer);
    }
    offers
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::restore::price::tests::caps;
    use crate::vault::tariff::Tariff;

    const GIB: u64 = 1 << 30;

    fn terms(name: &str, tiers: &'static [Tier]) -> Terms {
        Terms::new(Arc::new(Tariff::named(name).unwrap()), &caps("glacier", tiers, true), 0, 50).unwrap()
    }

    const TIERS: &[Tier] = &[Tier::Expedited, Tier::Standard, Tier::Bulk];

    fn nanos(of: i64) -> Money {
        Money::from_nanos(of)
    }

    #[test]
    fn each_job_costs_a_request_and_its_bytes_in_the_faster_tier_and_no_slower_one_is_offered() {
        let terms = terms("glacier-vault", TIERS);
        let job = |bytes, tier| UnderWay { bytes, tier: Some(tier) };
        let jobs = [job(2 * GIB, Tier::Bulk), job(GIB, Tier::Standard), job(GIB, Tier::Expedited)];
        let offers = faster(&terms, &jobs, Money::ZERO, Budget::default(), &Used::default());
        let told: Vec<_> = offers.iter().map(|of| (of.tier, of.jobs.clone(), of.bytes, of.larger)).collect();
        // $0.03 a gigabyte and $10 a thousand requests; $0.01 and $0.05 (the tariff's own rows).
        let (expedited, standard) = (30_000_000, 10_000_000);
        assert_eq!(
            told,
            [
                (
                    Tier::Expedited,
                    vec![(0, nanos(10_000_000 + 2 * expedited)), (1, nanos(10_000_000 + expedited))],
                    3 * GIB,
                    2
                ),
                (Tier::Standard, vec![(0, nanos(50_000 + 2 * standard))], 2 * GIB, 0),
            ]
        );
        assert_eq!(offers[0].price.amount, nanos(20_000_000 + 3 * expedited));
        let rates = terms.tariff().rates(Some(Tier::Expedited)).unwrap();
        assert_eq!(offers[0].hours, (rates.fastest, rates.slowest));
        assert_eq!(faster(&terms, &jobs[2..], Money::ZERO, Budget::default(), &Used::default()), []);
        assert_eq!(faster(&terms, &[], Money::ZERO, Budget::default(), &Used::default()), []);
    }

    #[test]
    fn budgets_are_measured_by_the_plans_new_ceiling_and_by_what_the_day_gets_on_top() {
        let terms = terms("glacier-vault", TIERS);
        let jobs = [UnderWay { bytes: 100 * GIB, tier: Some(Tier::Bulk) }];
        let dollars = |text| Money::parse(text).unwrap();
        let budget = Budget { plan: Some(dollars("5")), day: Some(dollars("3.50")), month: Some(dollars("3.51")) };
        let used = Used { today: 20_779, days: [(20_779, dollars("0.50"))].into() };
        let offers = faster(&terms, &jobs, dollars("2"), budget, &used);
        let told: Vec<String> = offers[0].over.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "the plan may cost up to $5.01 (its ceiling); the budget of a plan is $5.00; raise [budget] restore_plan, choose a slower tier, or restore less at once",
                "the plan may cost up to $3.01 in a day (its ceiling); the budget of a day is $3.50 and $0.5000 of it is reserved or spent; raise [budget] restore_day, choose a slower tier, or spread it over days",
            ]
        );
        assert_eq!(offers[1].over, []);
    }
}
