//! Jobs that are made faster: the money, what stood as it was shown, and what is repeated.

use firn::base::Money;
use firn::base::ids::PlanId;
use firn::store::{
    Heard, Hurried, HurryHeard, HurryJob, HurryPlan, HurryStep, PartState, PlanState, RetrievalRow, RetrievalState,
};
use proptest::prelude::*;

use crate::planned::{Stored, all, impossible, job, usd};
use crate::world::{World, refused};

on_every_engine! {
    the_ceiling_is_raised_and_the_price_set_aside_before_the_vault_is_asked
    what_no_longer_stands_as_it_was_shown_is_left_out_and_not_paid
    a_plan_that_does_not_run_pays_for_nothing
    budgets_hold_as_they_do_when_a_plan_is_confirmed
    what_is_held_is_spent_on_nothing_else
    repeating_spends_once
    what_was_refused_is_free_again_and_the_job_goes_on_as_it_was
    a_refusal_for_the_moment_is_tried_again_at_its_time
    what_cannot_be_known_counts_as_paid
    a_job_that_has_come_to_its_end_is_not_asked_about
    a_plan_that_was_cancelled_pays_no_more
    a_plan_that_joined_pays_for_anothers_job
    a_session_that_is_over_begins_nothing
}

/// Makes these jobs of a plan expedited, each for so many cents.
fn hurry(plan: PlanId, jobs: &[(u128, i64)]) -> HurryPlan {
    let jobs = jobs.iter().map(|(number, cents)| HurryJob {
        job: job(*number),
        from: Some("standard".to_owned()),
        price: usd(*cents),
    });
    HurryPlan {
        plan,
        who: "cleo".to_owned(),
        tier: "expedited".to_owned(),
        jobs: jobs.collect(),
        plan_limit: None,
        day_limit: None,
        month_limit: None,
    }
}

/// A running plan over archives from 1 on, ceiling $3.00 each, whose jobs (of the same numbers) cost $1.00 and are under way.
async fn running(w: &World, session: firn::base::ids::SessionId, archives: u8) -> (PlanId, Vec<Stored>) {
    let mut stored = Vec::new();
    for number in 1..=archives {
        stored.push(w.archived(session, number, 1).await);
    }
    let wishes: Vec<_> = stored.iter().map(all).collect();
    let plan = w.running("alpha", &wishes, usd(300 * i64::from(archives))).await;
    for (number, of) in (1..).zip(&stored) {
        w.taken(session, plan, of, number, usd(100)).await;
    }
    (plan, stored)
}

fn yes(jobs: u64, left_out: u64, price: i64, ceiling: i64) -> Hurried {
    Hurried::Yes { jobs, left_out, price: usd(price), ceiling: usd(ceiling) }
}

impl World {
    async fn hurry(&self, hurry: HurryPlan) -> Hurried {
        self.store.plan_hurry(hurry).await.unwrap()
    }

    async fn begin(&self, session: firn::base::ids::SessionId, number: u128) -> HurryStep {
        self.store.hurry_begin(session, job(number)).await.unwrap()
    }

    async fn heard_of(&self, number: u128, heard: HurryHeard) -> RetrievalRow {
        self.store.hurry_heard(job(number), u32::MAX, heard).await.unwrap().expect("the job is known")
    }

    async fn hurries(&self) -> Vec<u128> {
        self.store.hurries_due(100).await.unwrap().into_iter().map(|job| job.uuid.0.as_u128()).collect()
    }

    async fn row(&self, number: u128) -> RetrievalRow {
        self.store.retrieval(job(number)).await.unwrap().expect("the job is known")
    }

    /// Spent, ceiling, what the ceiling was raised by; today's part of the budget.
    async fn money(&self, plan: PlanId) -> (Money, Money, Money, Money) {
        let row = self.plan(plan).await;
        (row.spent, row.totals.map(|totals| totals.ceiling).unwrap_or_default(), row.raised, self.used().await.0)
    }
}

fn asked(step: HurryStep) -> RetrievalRow {
    match step {
        HurryStep::Ask(job) => job,
        other => panic!("the vault was to be asked: {other:?}"),
    }
}

async fn the_ceiling_is_raised_and_the_price_set_aside_before_the_vault_is_asked(w: World) {
    let session = w.session().await;
    let (plan, _) = running(&w, session, 2).await;
    assert_eq!(w.money(plan).await, (usd(200), usd(600), Money::ZERO, usd(600)));
    assert_eq!(w.hurry(hurry(plan, &[(1, 40), (2, 60)])).await, yes(2, 0, 100, 700));
    assert_eq!(w.money(plan).await, (usd(200), usd(700), usd(100), usd(700)), "set aside, not spent");
    let wish = w.row(1).await.faster.unwrap();
    assert_eq!((wish.tier.as_str(), wish.plan, wish.price, wish.asked), ("expedited", plan, usd(40), None));
    let told = w.store.events(None, 1).await.unwrap().remove(0).event;
    assert_eq!(
        (told.who.as_str(), told.what.as_str(), told.object, told.outcome.as_str()),
        ("cleo", "restore.faster", format!("plan {plan}"), "done")
    );
    assert_eq!(told.detail, "docs: of yesterday: 2 jobs from standard to expedited, $1.00 more, at most $7.00");
    assert_eq!(w.hurries().await, [1, 2]);
    let row = asked(w.begin(session, 1).await);
    assert_eq!((row.tier.as_deref(), row.state), (Some("standard"), RetrievalState::Asked));
    assert_eq!(row.faster.unwrap().asked, Some(w.now().await), "intent before the request");
    assert_eq!(w.money(plan).await, (usd(240), usd(700), usd(100), usd(700)));
    let (next_look, due) = (w.in_secs(60).await, Some(w.in_secs(300).await));
    let row = w.heard_of(1, HurryHeard::Done { next_look, due }).await;
    assert_eq!((row.tier.as_deref(), row.next_look, row.due, row.faster), (Some("expedited"), next_look, due, None));
    assert_eq!((row.state, row.price), (RetrievalState::Asked, usd(100)));
    assert_eq!(w.hurries().await, [2]);
    // Who looks for something as fast joins it now.
    assert_eq!(w.money(plan).await, (usd(240), usd(700), usd(100), usd(700)));
    let again = HurryJob { job: job(1), from: Some("expedited".to_owned()), price: usd(40) };
    assert_eq!(w.hurry(HurryPlan { jobs: vec![again], ..hurry(plan, &[]) }).await, Hurried::Nothing, "no faster tier");
}

async fn what_no_longer_stands_as_it_was_shown_is_left_out_and_not_paid(w: World) {
    let session = w.session().await;
    let (plan, stored) = running(&w, session, 5).await;
    let shown = hurry(plan, &[(1, 10), (2, 20), (3, 30), (4, 40), (5, 50), (5, 50), (99, 60)]);
    let until = Some(w.in_secs(90_000).await);
    w.hear(1, Heard::Ready { until, next_look: w.in_secs(600).await }).await;
    w.hear(2, Heard::Failed("x".to_owned())).await;
    assert_eq!(w.hurry(hurry(plan, &[(3, 30)])).await, yes(1, 0, 30, 1530));
    let mut other = shown.clone();
    other.jobs[3].from = Some("bulk".to_owned());
    // 1 is ready, 2 failed, 3 is being made faster, 4 was shown in another tier, 99 is nobody's; 5 counts once.
    assert_eq!(w.hurry(other).await, yes(1, 6, 50, 1580));
    assert_eq!(w.hurry(hurry(plan, &[(1, 10), (2, 20)])).await, Hurried::Nothing);
    assert_eq!(w.money(plan).await.1, usd(1580), "nothing is set aside for what is left out");
    // A job that no part of this plan waits for.
    let stranger = w.running("alpha", &[all(&stored[1])], usd(300)).await;
    assert_eq!(w.hurry(hurry(stranger, &[(4, 10)])).await, Hurried::Nothing);
    let negative = w.store.plan_hurry(hurry(plan, &[(4, -1)])).await;
    let words = format!("making job {} of plan {plan} faster is to cost -$0.0100, less than nothing", job(4));
    impossible(negative, &words);
    assert_eq!(w.hurry(HurryPlan { tier: "bulk".to_owned(), ..hurry(plan, &[(4, 40)]) }).await, Hurried::Nothing);
    assert_eq!(w.hurry(HurryPlan { tier: "standard".to_owned(), ..hurry(plan, &[(4, 40)]) }).await, Hurried::Nothing);
}

async fn a_plan_that_does_not_run_pays_for_nothing(w: World) {
    let session = w.session().await;
    let (plan, stored) = running(&w, session, 1).await;
    let saved = w.saved("alpha", &[all(&stored[0])], usd(300)).await;
    assert_eq!(w.hurry(hurry(saved, &[(1, 10)])).await, Hurried::Not(PlanState::Planned));
    assert!(w.store.plan_cancel(plan, "dora".to_owned()).await.unwrap().done);
    assert_eq!(w.hurry(hurry(plan, &[(1, 10)])).await, Hurried::Not(PlanState::Cancelled));
    assert_eq!(w.hurry(hurry(PlanId(999), &[(1, 10)])).await, Hurried::Not(PlanState::Dropped));
    assert_eq!(w.hurries().await, Vec::<u128>::new());
    assert_eq!(w.money(plan).await.1, usd(300));
}

async fn budgets_hold_as_they_do_when_a_plan_is_confirmed(w: World) {
    let session = w.session().await;
    let (plan, _) = running(&w, session, 1).await;
    let over = |budget, when: &str, limit, used, asked| Hurried::Over {
        budget,
        when: when.to_owned(),
        limit: usd(limit),
        used: usd(used),
        asked: usd(asked),
    };
    let now = w.now().await.to_string();
    let (day, month) = (&now[..10], &now[..7]);
    let wish = || hurry(plan, &[(1, 50)]);
    let limited = |plan_limit, day_limit, month_limit| HurryPlan {
        plan_limit: Some(usd(plan_limit)),
        day_limit: Some(usd(day_limit)),
        month_limit: Some(usd(month_limit)),
        ..wish()
    };
    assert_eq!(w.hurry(limited(349, 900, 900)).await, over("plan", "", 349, 0, 350));
    assert_eq!(w.hurry(limited(350, 349, 900)).await, over("day", day, 349, 300, 50));
    assert_eq!(w.hurry(limited(350, 350, 349)).await, over("month", month, 349, 300, 50));
    let told = w.store.events(None, 1).await.unwrap().remove(0).event;
    assert_eq!((told.what.as_str(), told.outcome.as_str()), ("restore.faster", "denied"));
    assert_eq!(
        told.detail,
        format!(
            "docs: of yesterday: making its jobs faster costs $0.5000 more and comes to $0.5000; the budget of the month {month} is $3.49, and $3.00 of it is reserved or spent"
        )
    );
    assert_eq!((w.money(plan).await.1, w.hurries().await), (usd(300), vec![]), "nothing was entered");
    assert_eq!(w.hurry(limited(350, 350, 350)).await, yes(1, 0, 50, 350), "to the last cent");
    // What costs nothing is under every budget.
    let (other, _) = {
        let stored = w.archived(session, 9, 1).await;
        let plan = w.running("alpha", &[all(&stored)], usd(300)).await;
        w.taken(session, plan, &stored, 9, usd(100)).await;
        (plan, stored)
    };
    let free = HurryPlan { plan_limit: Some(usd(1)), day_limit: Some(usd(1)), ..hurry(other, &[(9, 0)]) };
    assert_eq!(w.hurry(free).await, yes(1, 0, 0, 300));
}

async fn what_is_held_is_spent_on_nothing_else(w: World) {
    let session = w.session().await;
    let (plan, _) = running(&w, session, 2).await;
    let until = Some(w.in_secs(90_000).await);
    w.hear(2, Heard::Ready { until, next_look: w.in_secs(600).await }).await;
    assert_eq!(w.hurry(hurry(plan, &[(1, 50)])).await, yes(1, 0, 50, 650));
    let work = w.claim_part(session, "alpha").await.unwrap();
    let key = crate::planned::held(&work);
    // $6.50 at most, of which $2.00 is spent: the last 50 cents are held.
    assert!(!w.store.part_spend(session, key, usd(401)).await.unwrap());
    assert!(w.store.part_spend(session, key, usd(400)).await.unwrap());
    assert!(!w.store.part_spend(session, key, Money::from_nanos(1)).await.unwrap());
    asked(w.begin(session, 1).await);
    assert_eq!(w.money(plan).await, (usd(650), usd(650), usd(50), usd(650)));
    // Free again, it is not the plan's for other things.
    w.heard_of(1, HurryHeard::Refused { why: "no".to_owned(), again: None }).await;
    assert_eq!(w.money(plan).await, (usd(600), usd(600), Money::ZERO, usd(600)));
    assert!(!w.store.part_spend(session, key, Money::from_nanos(1)).await.unwrap());
}

async fn repeating_spends_once(w: World) {
    let session = w.session().await;
    let (plan, _) = running(&w, session, 1).await;
    w.hurry(hurry(plan, &[(1, 50)])).await;
    asked(w.begin(session, 1).await);
    // Whoever sent it died; the next one finds it.
    for _ in 0..3 {
        assert!(matches!(w.begin(session, 1).await, HurryStep::Again(_)));
        assert_eq!(w.money(plan).await, (usd(150), usd(350), usd(50), usd(350)));
        assert_eq!(w.hurries().await, [1]);
        let again = w.in_secs(60).await;
        let row = w.heard_of(1, HurryHeard::Unknown { why: "no answer".to_owned(), again }).await;
        assert_eq!(row.note.as_deref(), Some("whether it was made faster (expedited) is not known yet: no answer"));
        assert_eq!((row.faster.unwrap().next, w.hurries().await), (again, vec![]));
        w.advance(60);
    }
    assert_eq!(w.row(1).await.faster.unwrap().tries, 3);
    // A worker that was given up hears that its request came to nothing: it does not know of the later ones.
    let stale = HurryHeard::Refused { why: "out of capacity".to_owned(), again: None };
    let row = w.store.hurry_heard(job(1), 2, stale).await.unwrap().unwrap();
    assert!(row.faster.is_some_and(|hurry| hurry.asked.is_some()));
    assert_eq!(w.money(plan).await, (usd(150), usd(350), usd(50), usd(350)));
    assert_eq!(w.hurry(hurry(plan, &[(1, 50)])).await, Hurried::Nothing, "it is being made faster already");
    let done = HurryHeard::Done { next_look: w.in_secs(60).await, due: None };
    for _ in 0..2 {
        let row = w.heard_of(1, done.clone()).await;
        assert_eq!((row.tier.as_deref(), row.faster, row.note), (Some("expedited"), None, None));
        assert_eq!(w.money(plan).await, (usd(150), usd(350), usd(50), usd(350)));
    }
    assert_eq!(w.begin(session, 1).await, HurryStep::Gone);
    // A late refusal changes nothing.
    let row = w.heard_of(1, HurryHeard::Refused { why: "late".to_owned(), again: None }).await;
    assert_eq!((row.tier.as_deref(), row.note), (Some("expedited"), None));
    assert_eq!(w.money(plan).await, (usd(150), usd(350), usd(50), usd(350)));
    assert_eq!(w.store.hurry_heard(job(9), 0, done).await.unwrap(), None, "that is nobody's");
}

async fn what_was_refused_is_free_again_and_the_job_goes_on_as_it_was(w: World) {
    let session = w.session().await;
    let (plan, _) = running(&w, session, 1).await;
    let before = w.row(1).await;
    w.hurry(hurry(plan, &[(1, 50)])).await;
    asked(w.begin(session, 1).await);
    let row = w.heard_of(1, HurryHeard::Refused { why: "no capacity".to_owned(), again: None }).await;
    let note = "not made faster (expedited): no capacity; it goes on as it was";
    assert_eq!(row.note.as_deref(), Some(note));
    assert_eq!(RetrievalRow { note: None, ..row }, before);
    assert_eq!(w.money(plan).await, (usd(100), usd(300), Money::ZERO, usd(300)));
    // A look at the job does not take the note away; its end does.
    let row = w.hear(1, Heard::Still { next_look: w.in_secs(60).await, note: None }).await;
    assert_eq!(row.note.as_deref(), Some(note));
    assert_eq!(w.hurry(hurry(plan, &[(1, 50)])).await, yes(1, 0, 50, 350), "it may be asked for again");
    assert_eq!(w.row(1).await.note, None);
    asked(w.begin(session, 1).await);
    w.heard_of(1, HurryHeard::Refused { why: "no capacity".to_owned(), again: None }).await;
    let row = w.hear(1, Heard::Ready { until: None, next_look: w.in_secs(60).await }).await;
    assert_eq!((row.state, row.note), (RetrievalState::Ready, None));
}

async fn a_refusal_for_the_moment_is_tried_again_at_its_time(w: World) {
    let session = w.session().await;
    let (plan, _) = running(&w, session, 1).await;
    w.hurry(hurry(plan, &[(1, 50)])).await;
    asked(w.begin(session, 1).await);
    let again = Some(w.in_secs(60).await);
    let row = w.heard_of(1, HurryHeard::Refused { why: "throttled".to_owned(), again }).await;
    assert_eq!(row.note.as_deref(), Some("not made faster (expedited) yet: throttled"));
    let wish = row.faster.unwrap();
    assert_eq!((wish.asked, wish.tries, Some(wish.next)), (None, 1, again));
    assert_eq!(w.money(plan).await, (usd(100), usd(350), usd(50), usd(350)), "held, not spent");
    assert_eq!(w.hurries().await, Vec::<u128>::new());
    w.advance(60);
    assert_eq!(w.hurries().await, [1]);
    assert_eq!(asked(w.begin(session, 1).await).faster.unwrap().tries, 1);
    assert_eq!(w.money(plan).await, (usd(150), usd(350), usd(50), usd(350)));
}

async fn what_cannot_be_known_counts_as_paid(w: World) {
    let session = w.session().await;
    let (plan, _) = running(&w, session, 1).await;
    w.hurry(hurry(plan, &[(1, 50)])).await;
    asked(w.begin(session, 1).await);
    let row = w.heard_of(1, HurryHeard::Lost("it is listed no more".to_owned())).await;
    assert_eq!((row.tier.as_deref(), row.faster), (Some("standard"), None));
    let note = "whether it was made faster (expedited) cannot be known, and counts as paid: it is listed no more";
    assert_eq!(row.note.as_deref(), Some(note));
    assert_eq!(w.money(plan).await, (usd(150), usd(350), usd(50), usd(350)));
}

async fn a_job_that_has_come_to_its_end_is_not_asked_about(w: World) {
    let session = w.session().await;
    let (plan, _) = running(&w, session, 2).await;
    w.hurry(hurry(plan, &[(1, 50), (2, 70)])).await;
    let until = Some(w.in_secs(90_000).await);
    w.hear(1, Heard::Ready { until, next_look: w.in_secs(600).await }).await;
    w.hear(2, Heard::Failed("x".to_owned())).await;
    assert_eq!(w.states(plan).await, [PartState::Ready, PartState::Waiting]);
    assert_eq!(w.hurries().await, [1, 2]);
    for number in [1, 2] {
        assert_eq!(w.begin(session, number).await, HurryStep::Gone);
        assert_eq!(w.row(number).await.faster, None);
    }
    assert_eq!((w.money(plan).await, w.hurries().await), ((usd(200), usd(600), Money::ZERO, usd(600)), vec![]));
}

async fn a_plan_that_was_cancelled_pays_no_more(w: World) {
    let session = w.session().await;
    let (plan, stored) = running(&w, session, 2).await;
    // Another plan waits for the first job, too.
    let joined = w.running("alpha", &[all(&stored[0])], usd(300)).await;
    assert!(matches!(w.ask(session, joined, &stored[0], 9, usd(100)).await, firn::store::JobAsked::Joined(_)));
    w.hurry(hurry(plan, &[(1, 50), (2, 70)])).await;
    asked(w.begin(session, 2).await);
    assert!(w.store.plan_cancel(plan, "dora".to_owned()).await.unwrap().done);
    assert_eq!(
        w.money(plan).await,
        (usd(270), usd(720), usd(120), usd(570)),
        "its rest is free, and the other's is set aside"
    );
    assert_eq!(w.begin(session, 1).await, HurryStep::Gone);
    assert_eq!(
        w.row(1).await.note.as_deref(),
        Some("not made faster (expedited): the plan that was to pay for it is over; it goes on as it was")
    );
    // What was asked before is heard of all the same, and its money comes back.
    w.heard_of(2, HurryHeard::Refused { why: "no".to_owned(), again: None }).await;
    assert_eq!(w.money(plan).await, (usd(200), usd(600), Money::ZERO, usd(500)));
    assert_eq!(w.hurries().await, Vec::<u128>::new());
}

async fn a_plan_that_joined_pays_for_anothers_job(w: World) {
    let session = w.session().await;
    let (first, stored) = running(&w, session, 1).await;
    let second = w.running("alpha", &[all(&stored[0])], usd(300)).await;
    assert!(matches!(w.ask(session, second, &stored[0], 9, usd(100)).await, firn::store::JobAsked::Joined(_)));
    assert_eq!(w.hurry(hurry(second, &[(1, 50)])).await, yes(1, 0, 50, 350));
    asked(w.begin(session, 1).await);
    w.heard_of(1, HurryHeard::Done { next_look: w.in_secs(60).await, due: None }).await;
    assert_eq!((w.plan(first).await.spent, w.plan(second).await.spent), (usd(100), usd(50)));
    // Both wait for the same job: both have it sooner.
    for plan in [first, second] {
        assert_eq!(w.part(plan, &stored[0]).await.retrieval.unwrap().tier.as_deref(), Some("expedited"));
    }
}

async fn a_session_that_is_over_begins_nothing(w: World) {
    let session = w.session().await;
    let (plan, _) = running(&w, session, 1).await;
    w.hurry(hurry(plan, &[(1, 50)])).await;
    w.store.session_end(session).await.unwrap();
    refused(w.store.hurry_begin(session, job(1)).await, "the lease", session);
    assert_eq!(w.money(plan).await, (usd(100), usd(350), usd(50), usd(350)));
}

/// What may happen to a job that is to be made faster.
#[derive(Debug, Clone, Copy)]
enum Act {
    Hurry,
    Begin,
    Done,
    Refused,
    Later,
    Unknown,
    Lost,
    Ready,
    Read,
    Wait,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever comes in whatever order: never more is spent than the ceiling, what is set aside is the ceiling, and each
    /// job was paid for once at most beyond what it cost first.
    #[test]
    fn the_sums_hold_whatever_happens(acts in prop::collection::vec((1..4u128, prop_oneof![
        Just(Act::Hurry), Just(Act::Begin), Just(Act::Begin), Just(Act::Done), Just(Act::Refused), Just(Act::Later),
        Just(Act::Unknown), Just(Act::Lost), Just(Act::Ready), Just(Act::Read), Just(Act::Wait),
    ]), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let w = World::new(Box::new(crate::world::Sqlite::fresh()));
            let session = w.session().await;
            let (plan, _) = running(&w, session, 3).await;
            let mut reading = Vec::new();
            for (number, act) in acts {
                let (why, soon) = ("x".to_owned(), w.in_secs(30).await);
                let due = Some(soon);
                match act {
                    Act::Hurry => drop(w.hurry(hurry(plan, &[(number, 35)])).await),
                    Act::Begin => drop(w.begin(session, number).await),
                    Act::Done => drop(w.heard_of(number, HurryHeard::Done { next_look: soon, due }).await),
                    Act::Refused => drop(w.heard_of(number, HurryHeard::Refused { why, again: None }).await),
                    Act::Later => drop(w.heard_of(number, HurryHeard::Refused { why, again: due }).await),
                    Act::Unknown => drop(w.heard_of(number, HurryHeard::Unknown { why, again: soon }).await),
                    Act::Lost => drop(w.heard_of(number, HurryHeard::Lost(why)).await),
                    Act::Ready => {
                        let until = Some(w.in_secs(90_000).await);
                        w.hear(number, Heard::Ready { until, next_look: soon }).await;
                    }
                    Act::Read => {
                        reading.extend(w.claim_part(session, "alpha").await);
                        if let Some(work) = reading.last() {
                            w.store.part_spend(session, crate::planned::held(work), usd(90)).await.unwrap();
                        }
                    }
                    // Over midnight, too.
                    Act::Wait => w.advance(20_000),
                }
                let row = w.plan(plan).await;
                let ceiling = row.totals.unwrap().ceiling;
                assert!(row.spent <= ceiling, "{} of {ceiling}", row.spent);
                assert_eq!(ceiling, usd(900).plus(row.raised));
                assert_eq!(w.used().await.1, ceiling, "what is set aside is the ceiling");
                assert!(Money::ZERO <= row.raised && row.raised <= usd(3 * 35 * 40));
            }
        });
    }
}
