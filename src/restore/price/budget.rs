//! Budgets: what a plan, a day and a month may cost. A plan is measured by its ceiling, since that is what it may spend;
//! one that is spread over days by what falls on each of them. Days and months are those of the calendar, UTC. What a
//! confirmation sets aside the ledger measures once more, by the same rule.

use std::collections::BTreeMap;

use crate::base::Money;
use crate::base::calendar::{day_word, month, month_word};

/// What may be spent; nothing: as much as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// By one plan.
    pub plan: Option<Money>,
    /// By all plans on a day.
    pub day: Option<Money>,
    /// By all plans in a month.
    pub month: Option<Money>,
}

/// What other plans have reserved or spent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Used {
    /// Today: whole days since 1970, UTC.
    pub today: i64,
    /// By day, from the first of this month to the last of the month in which the plan ends.
    pub days: BTreeMap<i64, Money>,
}

impl Used {
    fn within(&self, from: i64, until: i64) -> Money {
        self.days.range(from..until).map(|(_, money)| *money).sum()
    }
}

/// A budget that a plan would exceed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    /// That of a plan.
    #[error(
        "the plan may cost up to {asked} (its ceiling); the budget of a plan is {limit}; raise [budget] restore_plan, choose a slower tier, or restore less at once"
    )]
    Plan {
        /// The plan's ceiling.
        asked: Money,
        /// The budget.
        limit: Money,
    },
    /// That of a day.
    #[error(
        "the plan may cost up to {asked} {} (its ceiling); the budget of a day is {limit} and {used} of it is reserved or spent; raise [budget] restore_day, choose a slower tier, or {}", on(.when.as_deref(), "on", "in a day"), spread(.when.is_some())
    )]
    Day {
        /// Which day; nothing for a plan that is asked for at once.
        when: Option<String>,
        /// What the plan may cost that day.
        asked: Money,
        /// The budget.
        limit: Money,
        /// What others have of it.
        used: Money,
    },
    /// That of a month.
    #[error(
        "the plan may cost up to {asked} {} (its ceiling); the budget of a month is {limit} and {used} of it is reserved or spent; raise [budget] restore_month, choose a slower tier, or {}", on(.when.as_deref(), "in", "in a month"), wait(.when.is_some())
    )]
    Month {
        /// Which month; nothing for a plan that is asked for at once.
        when: Option<String>,
        /// What the plan may cost that month.
        asked: Money,
        /// The budget.
        limit: Money,
        /// What others have of it.
        used: Money,
    },
}

fn on(when: Option<&str>, on: &str, at_once: &str) -> String {
    when.map_or_else(|| at_once.to_owned(), |when| format!("{on} {when}"))
}

const fn spread(is_spread: bool) -> &'static str {
    if is_spread { "spread it further (a smaller [restore] rate_per_day)" } else { "spread it over days" }
}

const fn wait(is_spread: bool) -> &'static str {
    if is_spread { "restore less at once" } else { "wait for the next month" }
}

impl Budget {
    /// The budgets that a plan would exceed, each with the first day or month in which it does; none where it may be spent.
    /// `days`: what its ceiling comes to so many days from today, each day once. To spend a budget to its last cent is
    /// fine, and what costs nothing exceeds none.
    pub fn over(&self, ceiling: Money, days: &[(u32, Money)], used: &Used) -> Vec<OverBudget> {
        let exceeds = |asked: Money, used: Money, limit: Money| asked > Money::ZERO && asked.plus(used) > limit;
        let named = |word: String| (days.len() > 1).then_some(word);
        let mut over = Vec::new();
        if let Some(limit) = self.plan.filter(|limit| exceeds(ceiling, Money::ZERO, *limit)) {
            over.push(OverBudget::Plan { asked: ceiling, limit });
        }
        let mut months: BTreeMap<(i64, i64), Money> = BTreeMap::new();
        let mut of_days = BTreeMap::new();
        for (later, asked) in days {
            let day = used.today + i64::from(*later);
            of_days.insert(day, *asked);
            let asked_before = months.entry(month(day)).or_default();
            *asked_before = asked_before.plus(*asked);
        }
        if let Some(limit) = self.day {
            let all = of_days.into_iter().map(|(day, asked)| (day, asked, used.within(day, day + 1)));
            let first = all.into_iter().find(|(_, asked, used)| exceeds(*asked, *used, limit));
            over.extend(first.map(|(day, asked, used)| OverBudget::Day {
                when: named(day_word(day)),
                asked,
                limit,
                used,
            }));
        }
        if let Some(limit) = self.month {
            let all = months.into_iter().map(|((from, until), asked)| (from, asked, used.within(from, until)));
            let first = all.into_iter().find(|(_, asked, used)| exceeds(*asked, *used, limit));
            over.extend(first.map(|(from, asked, used)| OverBudget::Month {
                when: named(month_word(from)),
                asked,
                limit,
                used,
            }));
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    /// On 2026-11-22, and earlier in that month.
    fn used(today: &str, earlier: &str) -> Used {
        let day = 20_779;
        assert_eq!(day_word(day), "2026-11-22");
        Used { today: day, days: BTreeMap::from([(day - 9, dollars(earlier)), (day, dollars(today))]) }
    }

    #[test]
    fn a_refusal_says_ceiling_budget_what_is_used_and_what_helps() {
        let budget = Budget { plan: Some(dollars("5")), day: Some(dollars("10")), month: Some(dollars("100")) };
        let asked = dollars("12.40");
        let told: Vec<String> =
            budget.over(asked, &[(0, asked)], &used("3", "87.50")).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "the plan may cost up to $12.40 (its ceiling); the budget of a plan is $5.00; raise [budget] restore_plan, choose a slower tier, or restore less at once",
                "the plan may cost up to $12.40 in a day (its ceiling); the budget of a day is $10.00 and $3.00 of it is reserved or spent; raise [budget] restore_day, choose a slower tier, or spread it over days",
                "the plan may cost up to $12.40 in a month (its ceiling); the budget of a month is $100.00 and $90.50 of it is reserved or spent; raise [budget] restore_month, choose a slower tier, or wait for the next month",
            ]
        );
    }

    #[test]
    fn a_budget_may_be_spent_to_its_end_and_not_a_billionth_further() {
        let budget = Budget { day: Some(dollars("10")), ..Budget::default() };
        let over = |asked: Money, so_far: &str| !budget.over(asked, &[(0, asked)], &used(so_far, "0")).is_empty();
        assert!(!over(dollars("7"), "3"));
        assert!(over(dollars("7.000000001"), "3"));
        // Spent beyond it by others: what costs nothing may go on.
        assert!(!over(Money::ZERO, "11"));
        let all = Used { days: BTreeMap::from([(0, Money::MAX)]), ..Used::default() };
        assert_eq!(budget.over(Money::MAX, &[(0, Money::MAX)], &all).len(), 1);
        assert_eq!(Budget::default().over(Money::MAX, &[(0, Money::MAX)], &Used::default()), []);
    }

    #[test]
    fn a_plan_spread_over_days_is_measured_by_each_of_them_and_by_each_month() {
        let budget = Budget { day: Some(dollars("12")), month: Some(dollars("60")), ..Budget::default() };
        let days = |count: u32| (0..count).map(|day| (day, dollars("10"))).collect::<Vec<_>>();
        let over = |count: u32, used: &Used| -> Vec<String> {
            let asked = dollars("10").nanos() * i64::from(count);
            budget.over(Money::from_nanos(asked), &days(count), used).iter().map(ToString::to_string).collect()
        };
        assert_eq!(over(3, &used("2", "1")), [""; 0]);
        // What another plan has set aside for the third day counts there, and there alone.
        let mut later = used("2", "1");
        later.days.insert(later.today + 2, dollars("2.50"));
        assert_eq!(
            over(3, &later),
            [
                "the plan may cost up to $10.00 on 2026-11-24 (its ceiling); the budget of a day is $12.00 and $2.50 of it is reserved or spent; raise [budget] restore_day, choose a slower tier, or spread it further (a smaller [restore] rate_per_day)"
            ]
        );
        // Nine days of November are too much for it; of fourteen days, six are December's.
        let mut before = used("0", "0");
        assert_eq!(
            over(14, &before),
            [
                "the plan may cost up to $90.00 in 2026-11 (its ceiling); the budget of a month is $60.00 and $0.00 of it is reserved or spent; raise [budget] restore_month, choose a slower tier, or restore less at once"
            ]
        );
        before.today += 4;
        assert_eq!(over(11, &before), [""; 0]);
    }
}
