//! Budgets: what a plan, a day and a month may cost. A plan is measured by its ceiling, since that is what it may spend.

use crate::base::Money;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// On the day.
    pub day: Money,
    /// In the month.
    pub month: Money,
}

/// What a plan may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// As a whole.
    pub plan: Money,
    /// On the day that is looked at; the dearest where it is spread over days.
    pub day: Money,
    /// In the month.
    pub month: Money,
}

impl Asked {
    /// All of it on one day.
    pub const fn at_once(ceiling: Money) -> Self {
        Self { plan: ceiling, day: ceiling, month: ceiling }
    }
}

/// A budget that a plan would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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
        "the plan may cost up to {asked} in a day (its ceiling); the budget of a day is {limit} and {used} of it is reserved or spent; raise [budget] restore_day, choose a slower tier, or spread it over days"
    )]
    Day {
        /// What the plan may cost that day.
        asked: Money,
        /// The budget.
        limit: Money,
        /// What others have of it.
        used: Money,
    },
    /// That of a month.
    #[error(
        "the plan may cost up to {asked} in a month (its ceiling); the budget of a month is {limit} and {used} of it is reserved or spent; raise [budget] restore_month, choose a slower tier, or wait for the next month"
    )]
    Month {
        /// What the plan may cost that month.
        asked: Money,
        /// The budget.
        limit: Money,
        /// What others have of it.
        used: Money,
    },
}

impl Budget {
    /// The budgets that so much would exceed; none where it may be spent. To spend a budget to its last cent is fine, and
    /// what costs nothing exceeds none.
    pub fn over(&self, asked: Asked, used: Used) -> Vec<OverBudget> {
        let exceeds = |asked: Money, used: Money, limit: Money| asked > Money::ZERO && asked.plus(used) > limit;
        let mut over = Vec::new();
        if let Some(limit) = self.plan.filter(|limit| exceeds(asked.plan, Money::ZERO, *limit)) {
            over.push(OverBudget::Plan { asked: asked.plan, limit });
        }
        if let Some(limit) = self.day.filter(|limit| exceeds(asked.day, used.day, *limit)) {
            over.push(OverBudget::Day { asked: asked.day, limit, used: used.day });
        }
        if let Some(limit) = self.month.filter(|limit| exceeds(asked.month, used.month, *limit)) {
            over.push(OverBudget::Month { asked: asked.month, limit, used: used.month });
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

    #[test]
    fn a_refusal_says_ceiling_budget_what_is_used_and_what_helps() {
        let budget = Budget { plan: Some(dollars("5")), day: Some(dollars("10")), month: Some(dollars("100")) };
        let used = Used { day: dollars("3"), month: dollars("90.50") };
        let told: Vec<String> =
            budget.over(Asked::at_once(dollars("12.40")), used).iter().map(ToString::to_string).collect();
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
        let over =
            |asked: Money, used: Money| !budget.over(Asked::at_once(asked), Used { day: used, month: used }).is_empty();
        assert!(!over(dollars("7"), dollars("3")));
        assert!(over(dollars("7.000000001"), dollars("3")));
        // Spent beyond it by others: what costs nothing may go on.
        assert!(!over(Money::ZERO, dollars("11")));
        assert!(over(Money::MAX, Money::MAX));
        assert_eq!(Budget::default().over(Asked::at_once(Money::MAX), Used::default()), []);
    }

    #[test]
    fn a_plan_spread_over_days_is_measured_by_its_dearest_day() {
        let budget = Budget { day: Some(dollars("10")), ..Budget::default() };
        let asked = Asked { plan: dollars("30"), day: dollars("9"), month: dollars("30") };
        assert_eq!(budget.over(asked, Used::default()), []);
    }
}
