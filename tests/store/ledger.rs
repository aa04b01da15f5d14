//! The ledger: budgets of a plan, a day and a month, what is set aside and what is spent.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use firn::base::Money;
use firn::base::clock::{Clock, Hand};
use firn::base::ids::PlanId;
use firn::store::sqlite::SqliteStore;
use firn::store::{Confirm, Confirmed, Heard, JobAsked, PlanState, Restores as _, Store};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::planned::{Stored, Wish, all, at_hand, confirm, held, midnight, usd};
use crate::world::{START, Sqlite, World};

on_every_engine! {
    a_plan_over_its_own_budget_is_refused
    a_day_holds_what_is_set_aside_and_spent_in_it
    a_month_ends_with_its_last_day
    a_plan_is_spread_over_the_end_of_a_month
    a_day_that_is_named_twice_is_one_day
    what_costs_nothing_is_under_every_budget
    of_two_plans_that_fit_alone_one_is_confirmed
    what_is_confirmed_before_midnight_has_its_next_day_a_day_later
    money_spent_on_another_day_takes_its_place_along
    what_is_given_back_was_spent_on_its_day
    closing_leaves_what_was_spent
}

/// A saved plan of one archive, with that ceiling.
async fn saved(w: &World, of: &Stored, cents: i64) -> PlanId {
    w.saved("alpha", &[all(of)], usd(cents)).await
}

fn over(budget: &'static str, when: &str, limit: i64, used: i64, asked: i64) -> Confirmed {
    let (limit, used, asked) = (usd(limit), usd(used), usd(asked));
    Confirmed::Over { budget, when: when.to_owned(), limit, used, asked }
}

async fn a_plan_over_its_own_budget_is_refused(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let plan = saved(&w, &stored, 101).await;
    let limited = Confirm { plan_limit: Some(usd(100)), ..confirm(plan, usd(101)) };
    assert_eq!(w.store.plan_confirm(limited).await.unwrap(), over("plan", "", 100, 0, 101));
    assert_eq!(w.plan(plan).await.state, PlanState::Planned);
    assert_eq!(w.store.parts_to_ask(9).await.unwrap(), [], "nothing is asked for");
    assert_eq!(w.used().await, (Money::ZERO, Money::ZERO));
    let limited = Confirm { plan_limit: Some(usd(101)), ..confirm(plan, usd(101)) };
    assert_eq!(w.store.plan_confirm(limited).await.unwrap(), Confirmed::Yes, "up to the last cent");
}

async fn a_day_holds_what_is_set_aside_and_spent_in_it(w: World) {
    let session = w.session().await;
    w.set_wall(midnight("2026-11-23").plus(Duration::from_hours(9)));
    let (one, two) = (w.archived(session, 1, 1).await, w.archived(session, 2, 1).await);
    let limited = |plan, cents| Confirm { day_limit: Some(usd(1000)), ..confirm(plan, usd(cents)) };
    let first = saved(&w, &one, 700).await;
    assert_eq!(w.store.plan_confirm(limited(first, 700)).await.unwrap(), Confirmed::Yes);
    let second = saved(&w, &two, 301).await;
    assert_eq!(w.store.plan_confirm(limited(second, 301)).await.unwrap(), over("day", "2026-11-23", 1000, 700, 301));
    // Tomorrow is another day, and what is set aside for it counts there.
    let tomorrow = Confirm { days: vec![(0, usd(300)), (1, usd(1))], ..limited(second, 301) };
    assert_eq!(w.store.plan_confirm(tomorrow).await.unwrap(), Confirmed::Yes);
    assert_eq!(w.used().await, (usd(1000), usd(1001)));
    let third = saved(&w, &one, 1000).await;
    let days = vec![(1, usd(1000))];
    let late = Confirm { days, ..limited(third, 1000) };
    assert_eq!(w.store.plan_confirm(late).await.unwrap(), over("day", "2026-11-24", 1000, 1, 1000));
    // What was spent counts when its plan is over; what was only set aside does not.
    w.taken(session, first, &one, 1, usd(200)).await;
    w.store.plan_cancel(first, "ann".to_owned()).await.unwrap();
    assert_eq!(w.used().await, (usd(500), usd(501)));
    let fits = limited(third, 1000);
    assert_eq!(w.store.plan_confirm(fits).await.unwrap(), over("day", "2026-11-23", 1000, 500, 1000));
    // What was set aside for days that are over, and is not spent, may be spent today.
    w.set_wall(midnight("2026-11-25"));
    assert_eq!(w.used().await, (usd(301), usd(501)));
    assert_eq!(
        w.store.plan_confirm(limited(third, 1000)).await.unwrap(),
        over("day", "2026-11-25", 1000, 301, 1000),
        "no midnight makes that free"
    );
    w.store.plan_cancel(second, "ann".to_owned()).await.unwrap();
    assert_eq!(w.used().await, (Money::ZERO, usd(200)));
    assert_eq!(w.store.plan_confirm(limited(third, 1000)).await.unwrap(), Confirmed::Yes);
}

async fn a_month_ends_with_its_last_day(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let limited = |plan, cents| Confirm { month_limit: Some(usd(1000)), ..confirm(plan, usd(cents)) };
    let (mut months, mut running) = (BTreeMap::new(), None);
    for (day, fits) in [
        ("2027-12-01", true),
        ("2027-12-31", false),
        ("2028-01-01", true),
        ("2028-01-31", false),
        ("2028-02-29", true),
        ("2028-03-01", true),
    ] {
        // The last second of the day.
        w.set_wall(midnight(day).plus(Duration::from_secs(86_399)));
        let plan = saved(&w, &stored, 600).await;
        let month = day[..7].to_owned();
        if let Some(before) = running.filter(|_| fits) {
            assert_eq!(
                w.store.plan_confirm(limited(plan, 600)).await.unwrap(),
                over("month", &month, 1000, 600, 600),
                "what runs may spend its money in this month, too"
            );
            w.store.plan_cancel(before, "ann".to_owned()).await.unwrap();
        }
        let came = w.store.plan_confirm(limited(plan, 600)).await.unwrap();
        running = if fits { Some(plan) } else { running };
        let expected = if fits { Confirmed::Yes } else { over("month", &month, 1000, 600, 600) };
        assert_eq!(came, expected, "{day}");
        *months.entry(month).or_insert(0) += i32::from(fits);
        assert_eq!(w.used().await.1, usd(600), "{day}");
    }
    assert!(months.values().all(|plans| *plans == 1), "{months:?}");
}

async fn a_plan_is_spread_over_the_end_of_a_month(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    w.set_wall(midnight("2026-11-29"));
    let limited = |plan: PlanId, days: &[(u32, i64)], ceiling: i64| Confirm {
        days: days.iter().map(|(day, cents)| (*day, usd(*cents))).collect(),
        day_limit: Some(usd(500)),
        month_limit: Some(usd(1000)),
        ..confirm(plan, usd(ceiling))
    };
    let first = saved(&w, &stored, 1900).await;
    // Two days of November and two of December, with 100 to spare in December.
    let days = [(0, 500), (1, 500), (2, 500), (3, 400)];
    assert_eq!(w.store.plan_confirm(limited(first, &days, 1900)).await.unwrap(), Confirmed::Yes);
    assert_eq!(w.used().await, (usd(500), usd(1000)));
    let second = saved(&w, &stored, 200).await;
    let (november, december) = (over("month", "2026-11", 1000, 1000, 1), over("month", "2026-12", 1000, 900, 101));
    let at = |days: &[(u32, i64)]| limited(second, days, days.iter().map(|(_, cents)| *cents).sum());
    let short = |days: &[(u32, i64)]| {
        let mut last = days.to_vec();
        last.push((40, 200 - days.iter().map(|(_, cents)| *cents).sum::<i64>()));
        at(&last)
    };
    assert_eq!(w.store.plan_confirm(Confirm { day_limit: None, ..short(&[(0, 1)]) }).await.unwrap(), november);
    assert_eq!(
        w.store.plan_confirm(Confirm { day_limit: None, ..short(&[(3, 50), (9, 51)]) }).await.unwrap(),
        december
    );
    let of_day = over("day", "2026-12-01", 500, 500, 1);
    assert_eq!(w.store.plan_confirm(short(&[(2, 1)])).await.unwrap(), of_day);
    assert_eq!(w.plan(second).await.state, PlanState::Planned);
    assert_eq!(w.store.plan_confirm(short(&[(3, 50), (9, 50)])).await.unwrap(), Confirmed::Yes);
    w.set_wall(midnight("2026-12-31"));
    assert_eq!(w.used().await, (usd(2000), usd(2000)), "nothing of it is spent: all of it may be today");
    w.store.plan_cancel(first, "ann".to_owned()).await.unwrap();
    assert_eq!(w.used().await, (usd(100), usd(100)));
    w.set_wall(midnight("2027-01-08"));
    assert_eq!(w.used().await, (usd(200), usd(200)));
}

async fn a_day_that_is_named_twice_is_one_day(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    w.set_wall(midnight("2026-11-23"));
    let plan = saved(&w, &stored, 200).await;
    let days = vec![(0, usd(100)), (0, usd(100))];
    let twice = Confirm { days, day_limit: Some(usd(199)), ..confirm(plan, usd(200)) };
    assert_eq!(w.store.plan_confirm(twice.clone()).await.unwrap(), over("day", "2026-11-23", 199, 0, 200));
    let enough = Confirm { day_limit: Some(usd(200)), ..twice };
    assert_eq!(w.store.plan_confirm(enough).await.unwrap(), Confirmed::Yes);
    assert_eq!(w.used().await, (usd(200), usd(200)));
}

async fn what_is_confirmed_before_midnight_has_its_next_day_a_day_later(w: World) {
    let session = w.session().await;
    let stored = [w.archived(session, 1, 1).await, w.archived(session, 2, 1).await, w.archived(session, 3, 1).await];
    let late = midnight("2026-11-30").plus(Duration::from_mins(24 * 60 - 5));
    w.set_wall(late);
    let wishes: Vec<_> = (0..).zip(&stored).map(|(day, of)| Wish { day, ..all(of) }).collect();
    let plan = w.saved("alpha", &wishes, usd(300)).await;
    let days = vec![(0, usd(110)), (1, usd(90)), (2, usd(100))];
    assert_eq!(w.store.plan_confirm(Confirm { days, ..confirm(plan, usd(300)) }).await.unwrap(), Confirmed::Yes);
    let mut begins = Vec::new();
    for of in &stored {
        begins.push(w.part(plan, of).await.not_before.unwrap());
    }
    assert_eq!(begins, [0, 24, 48].map(|hours| late.plus(Duration::from_hours(hours))));
    let due = async || w.store.parts_to_ask(9).await.unwrap().len();
    let used = async |later: u32| w.store.used_days("restore", later).await.unwrap();
    let today = firn::base::calendar::day(late);
    // Each day's money is set aside for the day on which its parts may be asked for.
    let [first, second, third] = [(today, usd(110)), (today + 1, usd(90)), (today + 2, usd(100))];
    assert_eq!((due().await, used(1).await.today), (1, today));
    assert_eq!(used(1).await.days, [first, second, third]);
    assert_eq!(used(0).await.days, [first], "of this month alone");
    w.set_wall(midnight("2026-12-01"));
    assert_eq!(due().await, 1, "five minutes later it is another day, and no other rate");
    let both = (today + 1, usd(200));
    assert_eq!(
        (used(0).await.today, used(0).await.days),
        (today + 1, vec![both, third]),
        "yesterday's may be spent today"
    );
    w.set_wall(begins[1]);
    assert_eq!((due().await, used(0).await.today), (2, today + 1));
}

async fn what_costs_nothing_is_under_every_budget(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let dear = saved(&w, &stored, 500).await;
    assert_eq!(w.store.plan_confirm(confirm(dear, usd(500))).await.unwrap(), Confirmed::Yes);
    // The budgets were lowered since: nothing more may cost anything.
    let free = saved(&w, &stored, 0).await;
    let none = Some(Money::ZERO);
    let limited = Confirm { plan_limit: none, day_limit: none, month_limit: none, ..confirm(free, Money::ZERO) };
    assert_eq!(w.store.plan_confirm(limited).await.unwrap(), Confirmed::Yes);
}

async fn of_two_plans_that_fit_alone_one_is_confirmed(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    for round in 0..10 {
        // A day of its own for each round.
        w.advance(86_400);
        let (one, two) = (saved(&w, &stored, 60).await, saved(&w, &stored, 60).await);
        let limited = |plan| Confirm { day_limit: Some(usd(100)), ..confirm(plan, usd(60)) };
        let (first, second): (Arc<dyn Store>, Arc<dyn Store>) = (w.another(), w.another());
        let (a, b) = tokio::join!(first.plan_confirm(limited(one)), second.plan_confirm(limited(two)));
        let (a, b) = (a.unwrap(), b.unwrap());
        let yes = [&a, &b].into_iter().filter(|came| **came == Confirmed::Yes).count();
        assert_eq!(yes, 1, "round {round}: {a:?}, {b:?}");
        let refused = if a == Confirmed::Yes { b } else { a };
        assert!(matches!(refused, Confirmed::Over { budget: "day", .. }), "{refused:?}");
        assert_eq!(w.used().await.0, usd(60));
        // The same plan by two at once: the second is told who was first.
        let plan = saved(&w, &stored, 10).await;
        let by = |who: &str| Confirm { who: who.to_owned(), ..confirm(plan, usd(10)) };
        let (a, b) = tokio::join!(first.plan_confirm(by("ann")), second.plan_confirm(by("eve")));
        let at = w.now().await;
        let already = |who: &str| Confirmed::Already { who: who.to_owned(), at };
        match (a.unwrap(), b.unwrap()) {
            (Confirmed::Yes, told) => assert_eq!(told, already("ann")),
            (told, Confirmed::Yes) => assert_eq!(told, already("eve")),
            other => panic!("{other:?}"),
        }
        for over in [one, two, plan] {
            w.store.plan_cancel(over, "ann".to_owned()).await.unwrap();
        }
    }
}

/// By day: spent or reserved, as it counts.
async fn places(w: &World, days: &[&str]) -> Vec<Money> {
    let mut seen = Vec::new();
    for day in days {
        w.set_wall(midnight(day));
        seen.push(w.used().await.0);
    }
    seen
}

async fn money_spent_on_another_day_takes_its_place_along(w: World) {
    let session = w.session().await;
    let (one, two) = (w.archived(session, 1, 1).await, w.archived(session, 2, 1).await);
    w.set_wall(midnight("2026-11-23"));
    let plan = w.saved("alpha", &[all(&one), Wish { day: 1, ..all(&two) }], usd(300)).await;
    let days = vec![(0, usd(100)), (1, usd(200))];
    assert_eq!(w.store.plan_confirm(Confirm { days, ..confirm(plan, usd(300)) }).await.unwrap(), Confirmed::Yes);
    // More than today's share: the rest of it was tomorrow's.
    w.taken(session, plan, &one, 1, usd(150)).await;
    assert_eq!(w.used().await, (usd(150), usd(300)));
    // Later than planned: the place goes along, and nothing stays behind.
    w.set_wall(midnight("2026-11-25"));
    w.taken(session, plan, &two, 2, usd(120)).await;
    assert_eq!(w.used().await, (usd(150), usd(300)), "30 of the 24th were never asked for, and still may be");
    let days = ["2026-11-25", "2026-11-26"];
    assert_eq!(places(&w, &days).await, [usd(150), usd(30)]);
    w.store.plan_cancel(plan, "ann".to_owned()).await.unwrap();
    assert_eq!(w.used().await, (Money::ZERO, usd(270)), "what was spent");
}

async fn what_is_given_back_was_spent_on_its_day(w: World) {
    let session = w.session().await;
    let (one, two) = (w.archived(session, 1, 1).await, w.archived(session, 2, 1).await);
    w.set_wall(midnight("2026-11-30"));
    let plan = w.running("alpha", &[all(&one), all(&two)], usd(300)).await;
    assert!(matches!(w.ask(session, plan, &one, 1, usd(100)).await, JobAsked::New(_)));
    w.set_wall(midnight("2026-12-01"));
    assert!(matches!(w.ask(session, plan, &two, 2, usd(120)).await, JobAsked::New(_)));
    w.hear(1, Heard::Refused { why: "throttled".to_owned(), next_try: w.in_secs(9).await }).await;
    assert_eq!(w.plan(plan).await.spent, usd(120));
    w.store.plan_cancel(plan, "ann".to_owned()).await.unwrap();
    assert_eq!(w.used().await, (usd(120), usd(120)), "what was spent today was not given back");
    // What was asked and never left is given back even when its plan is over.
    w.hear(2, Heard::Refused { why: "it did not reach the vault".to_owned(), next_try: w.in_secs(9).await }).await;
    assert_eq!((w.plan(plan).await.spent, w.used().await), (Money::ZERO, (Money::ZERO, Money::ZERO)));
}

async fn closing_leaves_what_was_spent(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    w.set_wall(midnight("2026-11-23"));
    let plan = w.running("alpha", &[all(&stored)], usd(300)).await;
    w.ready(session, plan, &stored, 1, usd(100)).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert!(w.store.part_spend(session, held(&work), usd(20)).await.unwrap());
    assert_eq!(w.used().await, (usd(300), usd(300)));
    assert!(w.done(session, &work).await);
    assert_eq!(w.used().await, (usd(120), usd(120)));
    assert_eq!(w.plan(plan).await.spent, usd(120));
    let limited = Confirm { day_limit: Some(usd(200)), ..confirm(saved(&w, &stored, 81).await, usd(81)) };
    assert_eq!(w.store.plan_confirm(limited).await.unwrap(), over("day", "2026-11-23", 200, 120, 81));
}

/// A state that can be looked at past the store.
struct Place {
    w: World,
    path: std::path::PathBuf,
    hand: Hand,
}

impl Place {
    fn new() -> Self {
        let engine = Sqlite::fresh();
        let (path, hand) = (engine.path(), engine.hand());
        Self { w: World::new(Box::new(engine)), path, hand }
    }

    /// Of a plan: what is set aside and spent, by day, whether it still counts as open.
    fn ledger(&self, plan: PlanId) -> Vec<(i64, i64, i64, bool)> {
        Connection::open(&self.path)
            .unwrap()
            .prepare("SELECT day, reserved, spent, open FROM ledger WHERE plan = ? ORDER BY day")
            .unwrap()
            .query_map([plan.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }
}

/// What happens to a running plan's money.
#[derive(Debug, Clone)]
enum Step {
    /// An archive is asked for.
    Ask(i64),
    /// The newest request that was not heard of did not take effect.
    Refused,
    /// It was taken and failed: it can be asked for again.
    Failed,
    /// Output is read.
    Read(i64),
    /// Days pass.
    Days(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0i64..400).prop_map(Step::Ask),
        2 => Just(Step::Refused),
        2 => Just(Step::Failed),
        3 => (0i64..200).prop_map(Step::Read),
        3 => (0u8..5).prop_map(Step::Days),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_places_of_a_running_plan_are_its_ceiling(
        steps in steps(),
        shares in proptest::collection::vec((0u32..6, 0i64..400), 1..5),
        cancelled: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(spend(steps, shares, cancelled))?;
    }
}

async fn spend(steps: Vec<Step>, shares: Vec<(u32, i64)>, cancelled: bool) -> Result<(), TestCaseError> {
    let place = Place::new();
    let w = &place.w;
    let session = w.session().await;
    let lease = Duration::from_hours(24 * 365);
    w.store.session_renew(session, lease, String::new()).await.unwrap();
    let (asked, read) = (w.archived(session, 1, 1).await, w.archived(session, 2, 1).await);
    let ceiling: i64 = shares.iter().map(|(_, cents)| *cents).sum();
    let plan = w.saved("alpha", &[all(&asked), at_hand(&read)], usd(ceiling)).await;
    let days = shares.iter().map(|(day, cents)| (*day, usd(*cents))).collect();
    let yes = w.store.plan_confirm(Confirm { days, ..confirm(plan, usd(ceiling)) }).await.unwrap();
    prop_assert_eq!(yes, Confirmed::Yes);
    w.ask(session, plan, &read, 1000, Money::ZERO).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    let (mut spent, mut under_way, mut number) = (0, None, 0);
    for step in steps {
        match step {
            Step::Ask(cents) => {
                number += 1;
                let ask = firn::store::AskPart { most: 1000, ..w.asking(plan, &asked, number, usd(cents)).await };
                let fits = spent + cents <= ceiling;
                match w.store.part_ask(session, ask).await.unwrap() {
                    JobAsked::New(_) => {
                        prop_assert!(fits && under_way.is_none());
                        spent += cents;
                        under_way = Some((number, cents));
                    }
                    // It can no longer be asked for: the rest of this run only reads.
                    JobAsked::Stopped(_) => prop_assert!(!fits && under_way.is_none()),
                    JobAsked::Gone => {}
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            Step::Refused => {
                if let Some((number, cents)) = under_way.take() {
                    let next_try = w.now().await;
                    w.hear(number, Heard::Refused { why: "throttled".to_owned(), next_try }).await;
                    spent -= cents;
                }
            }
            Step::Failed => {
                if let Some((number, _)) = under_way.take() {
                    w.hear(number, Heard::Taken { job_id: b"x".to_vec(), next_look: START, due: None }).await;
                    w.hear(number, Heard::Failed("x".to_owned())).await;
                }
            }
            Step::Read(cents) => {
                let may = w.store.part_spend(session, held(&work), usd(cents)).await.unwrap();
                prop_assert_eq!(may, spent + cents <= ceiling);
                spent += if may { cents } else { 0 };
            }
            Step::Days(days) => place.hand.advance(Duration::from_hours(24 * u64::from(days))),
        }
        let rows = place.ledger(plan);
        let reserved: i64 = rows.iter().map(|(_, reserved, ..)| reserved).sum();
        prop_assert_eq!(reserved, usd(ceiling).nanos(), "{:?}", rows);
        let of_days: i64 = rows.iter().map(|(_, _, spent, _)| spent).sum();
        prop_assert_eq!(of_days, usd(spent).nanos(), "{:?}", rows);
        prop_assert!(
            rows.iter().all(|(_, reserved, spent, open)| 0 <= *spent && spent <= reserved && *open),
            "{:?}",
            rows
        );
        prop_assert_eq!(w.plan(plan).await.spent, usd(spent));
    }
    let before: Vec<_> = place.ledger(plan).into_iter().map(|(day, _, spent, _)| (day, spent)).collect();
    if cancelled {
        w.store.plan_cancel(plan, "ann".to_owned()).await.unwrap();
    } else {
        w.done(session, &work).await;
        let over = w.plan(plan).await.state == PlanState::Ended;
        if !over {
            return Ok(());
        }
    }
    let after = place.ledger(plan);
    prop_assert!(after.iter().all(|(_, _, _, open)| !open));
    prop_assert_eq!(after.into_iter().map(|(day, _, spent, _)| (day, spent)).collect::<Vec<_>>(), before);
    let today = w.now().await.as_micros().div_euclid(86_400_000_000);
    let counted = place.ledger(plan).into_iter().find(|(day, ..)| *day == today).map_or(0, |(_, _, spent, _)| spent);
    prop_assert_eq!(w.used().await.0.nanos(), counted);
    Ok(())
}

/// Two plans that fit into a month's budget alone and not together, confirmed at the same time by two processes.
#[tokio::test]
async fn of_two_processes_one_confirms() {
    let place = Place::new();
    let w = &place.w;
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    for round in 0..3 {
        let (one, two) = (saved(w, &stored, 60).await, saved(w, &stored, 60).await);
        let mut children: Vec<_> = [one, two]
            .into_iter()
            .map(|plan| {
                Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "ledger::confirms_what_it_is_given", "--ignored", "--nocapture"])
                    .env("FIRN_TEST_STATE", &place.path)
                    .env("FIRN_TEST_PLAN", plan.to_string())
                    .env("FIRN_TEST_LIMIT", (100 + 60 * round).to_string())
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        // Each says when it has opened the state; then both are told to go on.
        for child in &mut children {
            let stderr = child.stderr.as_mut().unwrap();
            let mut line = Vec::new();
            while !line.ends_with(b"ready\n") {
                let mut byte = [0];
                assert_eq!(std::io::Read::read(stderr, &mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&line));
                line.push(byte[0]);
            }
        }
        for child in &mut children {
            drop(child.stdin.take());
        }
        let said: Vec<_> = children
            .into_iter()
            .map(|child| String::from_utf8_lossy(&child.wait_with_output().unwrap().stderr).into_owned())
            .collect();
        let yes = said.iter().filter(|said| said.contains("came: Yes")).count();
        let refused =
            said.iter().filter(|said| said.contains("came: Over { budget: \"month\", when: \"1970-01\"")).count();
        assert_eq!((yes, refused), (1, 1), "{said:?}");
        assert_eq!(w.used().await.1, usd(60 * (i64::from(round) + 1)));
        let states = [w.plan(one).await.state, w.plan(two).await.state];
        assert!(states.contains(&PlanState::Running) && states.contains(&PlanState::Planned), "{states:?}");
    }
}

/// One of the two processes above.
#[tokio::test]
#[ignore = "run by another test, as another process"]
async fn confirms_what_it_is_given() {
    let Some(path) = std::env::var_os("FIRN_TEST_STATE") else {
        eprintln!("nothing to do: FIRN_TEST_STATE names no database");
        return;
    };
    let (clock, _) = Clock::manual(START);
    let store = SqliteStore::open(Path::new(&path), clock, false).unwrap();
    let number = |name| std::env::var(name).unwrap().parse::<i64>().unwrap();
    let (plan, limit) = (PlanId(number("FIRN_TEST_PLAN")), usd(number("FIRN_TEST_LIMIT")));
    eprintln!("ready");
    std::io::Read::read_to_end(&mut std::io::stdin(), &mut Vec::new()).unwrap();
    let came = store.plan_confirm(Confirm { month_limit: Some(limit), ..confirm(plan, usd(60)) }).await.unwrap();
    eprintln!("came: {came:?}");
}
