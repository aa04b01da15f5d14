//! The ledger: what is set aside for a plan, day by day (UTC), and what has been spent of it.
//!
//! Of a plan that is spread over days, the share of its day `n` is set aside for the day of the calendar on which, so many
//! times 24 hours after the confirmation, its parts may be asked for: the same time of the day, so many days later.
//!
//! What counts for a day is, for a plan that is carried out, the larger of what is set aside and what is spent; for one
//! that is over, what was spent. Money that is spent on another day than it was set aside for takes its place along: the
//! sum of a plan's places is its ceiling for as long as it runs. What was set aside for a day that is over and is not spent
//! yet can be spent from today on, and counts for today: no midnight makes a budget free that a running plan may use. Days to
//! come are measured by what is set aside for them alone: what will slip into them nobody knows yet.

use std::collections::BTreeMap;

use rusqlite::params;

use super::db::Db;
use crate::base::calendar::{day, day_word, month, month_word};
use crate::base::ids::PlanId;
use crate::base::{Money, Time};
use crate::store::{Confirm, Confirmed, HurryPlan, PlanState, Result, StoreError, Used, UsedDays};

/// Of days; ?4 is today.
const COUNTS: &str = "coalesce(sum(CASE WHEN open = 1 AND day >= ?4 THEN max(reserved, spent) ELSE spent END), 0)";

fn of_days(db: &Db<'_>, spender: &str, from: i64, until: i64) -> Result<Money> {
    let today = day(db.now());
    let sum = db.one(
        &format!("SELECT {COUNTS} FROM ledger WHERE spender = ?1 AND day >= ?2 AND day < ?3"),
        params![spender, from, until, today],
        |row| row.get(0),
    )?;
    let sum: Money = sum.unwrap_or_default();
    Ok(if (from..until).contains(&today) { sum.plus(carried(db, spender, today)?) } else { sum })
}

/// What running plans have set aside for days before today and did not spend.
fn carried(db: &Db<'_>, spender: &str, today: i64) -> Result<Money> {
    let sum = db.one(
        "SELECT coalesce(sum(reserved - spent), 0) FROM ledger INDEXED BY ledger_open
         WHERE open = 1 AND spender = ?1 AND day < ?2 AND reserved > spent",
        params![spender, today],
        |row| row.get(0),
    )?;
    Ok(sum.unwrap_or_default())
}

pub(super) fn used(db: &Db<'_>, spender: &str) -> Result<Used> {
    let today = day(db.now());
    let (from, until) = month(today);
    Ok(Used { day: of_days(db, spender, today, today + 1)?, month: of_days(db, spender, from, until)? })
}

/// What counts for each day that has something, from the first of this month to the last of the month that day lies in
/// which is so many days from today.
pub(super) fn used_days(db: &Db<'_>, spender: &str, later: u32) -> Result<UsedDays> {
    let today = day(db.now());
    let (from, until) = (month(today).0, month(today + i64::from(later)).1);
    let mut days: Vec<(i64, Money)> = db.rows(
        &format!("SELECT day, {COUNTS} FROM ledger WHERE spender = ?1 AND day >= ?2 AND day < ?3 GROUP BY day"),
        params![spender, from, until, today],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let carried = carried(db, spender, today)?;
    if !carried.is_zero() {
        match days.binary_search_by_key(&today, |(day, _)| *day) {
            Ok(at) => days[at].1 = days[at].1.plus(carried),
            Err(at) => days.insert(at, (today, carried)),
        }
    }
    Ok(UsedDays { today, days })
}

/// What falls to each day from today, each day named once.
pub(super) fn shares(days: &[(u32, Money)]) -> BTreeMap<u32, Money> {
    let mut shares = BTreeMap::new();
    for (day, money) in days {
        let share: &mut Money = shares.entry(*day).or_default();
        *share = share.plus(*money);
    }
    shares
}

/// Budgets that hold.
pub(super) struct Limits {
    plan: Option<Money>,
    day: Option<Money>,
    month: Option<Money>,
}

impl From<&Confirm> for Limits {
    fn from(confirm: &Confirm) -> Self {
        Self { plan: confirm.plan_limit, day: confirm.day_limit, month: confirm.month_limit }
    }
}

impl From<&HurryPlan> for Limits {
    fn from(hurry: &HurryPlan) -> Self {
        Self { plan: hurry.plan_limit, day: hurry.day_limit, month: hurry.month_limit }
    }
}

/// The budget that a plan would go beyond, if there is one. `days`: what is added on each day from today; `ceiling`: what
/// the plan may come to as a whole.
pub(super) fn over(
    db: &Db<'_>,
    spender: &str,
    limits: &Limits,
    days: &BTreeMap<u32, Money>,
    ceiling: Money,
) -> Result<Option<Confirmed>> {
    let beyond = |budget, when, limit: Option<Money>, used: Money, asked: Money| {
        let limit = limit.filter(|limit| used.plus(asked) > *limit && !asked.is_zero())?;
        Some(Confirmed::Over { budget, when, limit, used, asked })
    };
    if let Some(over) = beyond("plan", String::new(), limits.plan, Money::ZERO, ceiling) {
        return Ok(Some(over));
    }
    let today = day(db.now());
    let mut months: Vec<(i64, i64, Money)> = Vec::new();
    for (later, money) in days {
        let at = today + i64::from(*later);
        let used = of_days(db, spender, at, at + 1)?;
        if let Some(over) = beyond("day", day_word(at), limits.day, used, *money) {
            return Ok(Some(over));
        }
        let (from, until) = month(at);
        match months.iter_mut().find(|known| known.0 == from) {
            Some(known) => known.2 = known.2.plus(*money),
            None => months.push((from, until, *money)),
        }
    }
    for (from, until, money) in months {
        let used = of_days(db, spender, from, until)?;
        if let Some(over) = beyond("month", month_word(from), limits.month, used, money) {
            return Ok(Some(over));
        }
    }
    Ok(None)
}

pub(super) fn reserve(db: &Db<'_>, spender: &str, plan: PlanId, day: i64, money: Money) -> Result<()> {
    db.run(
        "INSERT INTO ledger (spender, day, plan, reserved, spent, open) VALUES (?1, ?2, ?3, ?4, 0, 1)
         ON CONFLICT (spender, day, plan) DO UPDATE SET reserved = reserved + excluded.reserved",
        params![spender, day, plan, money],
    )?;
    Ok(())
}

/// Spends money of a running plan today. Whether its ceiling allows that; else nothing changes.
pub(super) fn spend(db: &Db<'_>, spender: &str, plan: PlanId, money: Money) -> Result<bool> {
    if money < Money::ZERO {
        return Err(StoreError::Impossible(format!("plan {plan} is to spend {money}, less than nothing")));
    }
    let changed = db.run(
        "UPDATE plan SET spent = spent + ?2 WHERE id = ?1 AND state = ?3 AND ?2 <= ceiling - held - spent",
        params![plan, money, PlanState::Running],
    )?;
    if changed == 0 {
        return Ok(false);
    }
    let today = day(db.now());
    reserve(db, spender, plan, today, Money::ZERO)?;
    db.run(
        "UPDATE ledger SET spent = spent + ?4 WHERE spender = ?1 AND day = ?2 AND plan = ?3",
        params![spender, today, plan, money],
    )?;
    // What today lacks was set aside for other days.
    let lacks = db.one(
        "SELECT spent - reserved FROM ledger WHERE spender = ?1 AND day = ?2 AND plan = ?3",
        params![spender, today, plan],
        |row| row.get::<_, Money>(0),
    )?;
    let mut lacks = lacks.unwrap_or_default();
    let others: Vec<(i64, Money)> = db.rows(
        "SELECT day, reserved - spent FROM ledger INDEXED BY ledger_plan WHERE plan = ?1 AND day <> ?2 AND spender = ?3 AND reserved > spent
         ORDER BY day",
        params![plan, today, spender],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (other, free) in others {
        if lacks <= Money::ZERO {
            break;
        }
        let moved = lacks.min(free);
        reserve(db, spender, plan, other, Money::ZERO.minus(moved))?;
        reserve(db, spender, plan, today, moved)?;
        lacks = lacks.minus(moved);
    }
    Ok(true)
}

/// Raises the ceiling of a running plan for something that is done later: it is set aside today, and held for that alone.
pub(super) fn raise(db: &Db<'_>, spender: &str, plan: PlanId, money: Money) -> Result<()> {
    db.run(
        "UPDATE plan SET ceiling = ceiling + ?2, raised = raised + ?2, held = held + ?2 WHERE id = ?1",
        params![plan, money],
    )?;
    reserve(db, spender, plan, day(db.now()), money)
}

/// What a ceiling was raised by and is held is not needed: it is lowered again.
pub(super) fn lower(db: &Db<'_>, spender: &str, plan: PlanId, money: Money) -> Result<()> {
    db.run(
        "UPDATE plan SET ceiling = ceiling - ?2, raised = raised - ?2, held = held - ?2 WHERE id = ?1",
        params![plan, money],
    )?;
    let free: Vec<(i64, Money)> = db.rows(
        "SELECT day, reserved - spent FROM ledger INDEXED BY ledger_plan WHERE plan = ?1 AND spender = ?2 AND reserved > spent
         ORDER BY day = ?3 DESC, day DESC",
        params![plan, spender, day(db.now())],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut left = money;
    for (day, free) in free {
        let back = left.min(free);
        reserve(db, spender, plan, day, Money::ZERO.minus(back))?;
        left = left.minus(back);
    }
    Ok(())
}

/// What is held becomes what may be spent, or the other way round.
pub(super) fn hold(db: &Db<'_>, plan: PlanId, more: Money) -> Result<()> {
    db.run("UPDATE plan SET held = held + ?2 WHERE id = ?1", params![plan, more])?;
    Ok(())
}

/// Takes back what was spent `at` that time and, as it turned out, was not.
pub(super) fn refund(db: &Db<'_>, spender: &str, plan: PlanId, money: Money, at: Time) -> Result<()> {
    db.run("UPDATE plan SET spent = max(0, spent - ?2) WHERE id = ?1", params![plan, money])?;
    let mut left = money;
    let days: Vec<(i64, Money)> = db.rows(
        "SELECT day, spent FROM ledger INDEXED BY ledger_plan WHERE plan = ?1 AND spender = ?2 AND spent > 0 ORDER BY day = ?3 DESC, day DESC",
        params![plan, spender, day(at)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (on, spent) in days {
        let back = left.min(spent);
        db.run(
            "UPDATE ledger SET spent = spent - ?4 WHERE spender = ?1 AND day = ?2 AND plan = ?3",
            params![spender, on, plan, back],
        )?;
        left = left.minus(back);
    }
    Ok(())
}

/// A plan is over: only what was spent counts.
pub(super) fn close(db: &Db<'_>, plan: PlanId) -> Result<()> {
    db.run("UPDATE ledger SET open = 0 WHERE plan = ?", [plan])?;
    Ok(())
}
