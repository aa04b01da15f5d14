//! Retrieval jobs: joined, asked for, heard of, in whatever order and however often.

use firn::base::Money;
use firn::base::hash::Hash32;
use firn::store::{
    ArchiveState, AskPart, Confirmed, Heard, JobAsked, PartEnd, PartState, PlanState, PlanTotals, RestoreState,
    RetrievalRow, RetrievalState,
};

use crate::planned::{Stored, Wish, all, at_hand, confirm, held, job, totals, usd};
use crate::world::{START, World, refused};

on_every_engine! {
    a_job_is_entered_before_it_is_asked_for
    a_job_is_joined_only_where_its_range_covers_and_its_output_lives
    a_slower_job_is_joined_only_when_it_has_come_to_its_end
    ten_plans_that_want_one_archive_make_one_job
    what_needs_no_job_is_ready_at_once
    a_part_is_asked_for_when_its_day_has_come
    a_refused_request_costs_nothing_and_is_made_again_later
    an_archive_that_the_vault_has_not_stops_its_parts
    a_job_that_came_to_nothing_sends_who_waits_for_another
    who_is_reading_keeps_what_it_reads
    late_and_double_messages_change_nothing
    an_older_word_does_not_shorten_what_is_known
    an_archive_is_asked_for_so_often_and_then_its_part_stops
    a_changed_tariff_stops_a_part
    the_ceiling_stops_a_part_and_the_rest_goes_on
    an_archive_that_is_no_longer_safe_stops_its_part
    jobs_are_looked_at_when_they_are_due
    a_session_that_is_over_asks_for_nothing
}

fn asked(asked: JobAsked) -> RetrievalRow {
    match asked {
        JobAsked::New(job) => job,
        other => panic!("a new job was to be entered: {other:?}"),
    }
}

fn joined(asked: JobAsked) -> RetrievalRow {
    match asked {
        JobAsked::Joined(job) => job,
        other => panic!("a job was to be joined: {other:?}"),
    }
}

fn stopped(asked: JobAsked) -> String {
    match asked {
        JobAsked::Stopped(why) => why,
        other => panic!("the part was to be stopped: {other:?}"),
    }
}

fn some(of: &Stored, start: u64, end: u64) -> Wish<'_> {
    Wish { need: Some(start..end), range: Some(start..end), ..all(of) }
}

async fn a_job_is_entered_before_it_is_asked_for(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    let plan = w.running("alpha", &[all(&stored)], usd(300)).await;
    let entered = asked(w.ask(session, plan, &stored, 1, usd(100)).await);
    assert_eq!((entered.uuid, entered.archive_uuid, entered.range.clone()), (job(1), stored.uuid, 0..1 << 20));
    assert_eq!((entered.tier.as_deref(), entered.plan, entered.price), (Some("standard"), Some(plan), usd(100)));
    assert_eq!((entered.state, entered.job_id.clone()), (RetrievalState::Intended, None));
    assert_eq!((entered.remote_id.as_slice(), entered.asked_at), (b"remote/1".as_slice(), START));
    assert_eq!(w.plan(plan).await.spent, usd(100), "its price is spent before the request leaves");
    let part = w.part(plan, &stored).await;
    assert_eq!((part.state, part.asked_times), (PartState::Asked, 1));
    assert_eq!(part.retrieval, Some(entered.clone()));
    assert_eq!(w.ask(session, plan, &stored, 2, usd(100)).await, JobAsked::Gone, "somebody has asked already");
    assert_eq!(w.store.retrieval(job(2)).await.unwrap(), None);
    assert_eq!(w.plan(plan).await.spent, usd(100));
    assert!(w.claim_part(session, "alpha").await.is_none(), "it cannot be read yet");
    w.advance(60);
    let taken = w.hear(1, Heard::Taken { job_id: b"x".to_vec(), next_look: w.in_secs(5).await, due: None }).await;
    assert_eq!((taken.state, taken.job_id.as_deref()), (RetrievalState::Asked, Some(b"x".as_slice())));
    let until = Some(w.in_secs(9000).await);
    let ready = w.hear(1, Heard::Ready { until, next_look: w.in_secs(500).await }).await;
    assert_eq!((ready.state, ready.expires_at), (RetrievalState::Ready, until));
    assert_eq!(ready.ready_at, Some(w.now().await));
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert_eq!((work.plan, work.uuid, work.retrieval.clone()), (plan, stored.uuid, Some(ready)));
    assert_eq!(w.store.retrieval_wanted(job(1)).await.unwrap(), 1);
    assert!(w.done(session, &work).await);
    assert_eq!(w.store.retrieval_wanted(job(1)).await.unwrap(), 0);
    assert_eq!(w.store.retrieval_heard(job(9), Heard::Expired).await.unwrap(), None, "that is nobody's");
}

async fn a_job_is_joined_only_where_its_range_covers_and_its_output_lives(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let first = w.running("alpha", &[some(&stored, 1 << 20, 3 << 20)], usd(300)).await;
    w.taken(session, first, &stored, 1, usd(100)).await;
    let mut number = 10;
    for (start, end, covered) in [(0, 2, false), (2, 4, false), (1, 3, true), (1, 2, true), (2, 3, true), (0, 4, false)]
    {
        number += 1;
        let plan = w.running("alpha", &[some(&stored, start << 20, end << 20)], usd(300)).await;
        let came = w.ask(session, plan, &stored, number, usd(100)).await;
        if covered {
            assert_eq!(joined(came).uuid, job(1), "{start}..{end}");
            assert_eq!(w.plan(plan).await.spent, Money::ZERO, "joining is free");
        } else {
            assert_eq!(asked(came).uuid, job(number), "{start}..{end}");
            let why = "the test takes it back".to_owned();
            w.hear(number, Heard::Refused { why, next_try: w.in_secs(1_000_000).await }).await;
        }
    }
    // What is needed is to be covered, not what would be asked for.
    let part = Wish { need: Some(1 << 20..2 << 20), range: Some(0..4 << 20), ..all(&stored) };
    let plan = w.running("alpha", &[part], usd(300)).await;
    assert_eq!(joined(w.ask(session, plan, &stored, 19, usd(100)).await).uuid, job(1));
    // Its output is there for a while.
    let until = w.in_secs(6 * 3600).await;
    w.hear(1, Heard::Ready { until: Some(until), next_look: until }).await;
    let plan = w.running("alpha", &[some(&stored, 1 << 20, 2 << 20)], usd(300)).await;
    assert_eq!(joined(w.ask(session, plan, &stored, 20, usd(100)).await).state, RetrievalState::Ready);
    assert_eq!(w.part(plan, &stored).await.state, PartState::Ready);
    let joinable = w.store.joinable(crate::world::VAULT.to_owned(), vec![stored.archive], until).await.unwrap();
    assert_eq!(joinable.iter().map(|job| job.uuid).collect::<Vec<_>>(), [job(1)]);
    let too_late = until.plus(std::time::Duration::from_secs(1));
    let archives = vec![stored.archive];
    assert_eq!(w.store.joinable(crate::world::VAULT.to_owned(), archives.clone(), too_late).await.unwrap(), []);
    assert_eq!(w.store.joinable("warm".to_owned(), archives, until).await.unwrap(), [], "that is another vault");
    w.advance(3600);
    let plan = w.running("alpha", &[some(&stored, 1 << 20, 2 << 20)], usd(300)).await;
    joined(w.ask(session, plan, &stored, 21, usd(100)).await);
    w.advance(1);
    let plan = w.running("alpha", &[some(&stored, 1 << 20, 2 << 20)], usd(300)).await;
    asked(w.ask(session, plan, &stored, 22, usd(100)).await);
}

async fn a_slower_job_is_joined_only_when_it_has_come_to_its_end(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let running = async |tier: Option<&str>| {
        let plan = w.drafted("alpha", &[all(&stored)]).await;
        let tier = tier.map(str::to_owned);
        let totals = PlanTotals { tier, ..totals(usd(100), usd(300)) };
        assert!(w.store.plan_save(plan, firn::base::ids::Generation(0), totals).await.unwrap());
        assert_eq!(w.store.plan_confirm(confirm(plan, usd(300))).await.unwrap(), Confirmed::Yes);
        plan
    };
    let bulk = running(Some("bulk")).await;
    w.taken(session, bulk, &stored, 1, usd(100)).await;
    let same = running(Some("bulk")).await;
    assert_eq!(joined(w.ask(session, same, &stored, 9, usd(100)).await).uuid, job(1));
    let fast = running(Some("expedited")).await;
    w.taken(session, fast, &stored, 2, usd(100)).await;
    let middle = running(Some("standard")).await;
    assert_eq!(joined(w.ask(session, middle, &stored, 9, usd(100)).await).uuid, job(2), "not the slower one");
    w.hear(2, Heard::Failed("no capacity".to_owned())).await;
    let until = Some(w.in_secs(24 * 3600).await);
    w.hear(1, Heard::Ready { until, next_look: START }).await;
    assert_eq!(joined(w.ask(session, fast, &stored, 9, usd(100)).await).uuid, job(1), "that is there now");
}

async fn ten_plans_that_want_one_archive_make_one_job(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 3).await;
    let mut plans = Vec::new();
    for _ in 0..10 {
        plans.push(w.running("alpha", &[all(&stored)], usd(300)).await);
    }
    let parts = w.store.parts_to_ask(100).await.unwrap();
    assert_eq!(parts.iter().map(|part| part.plan).collect::<Vec<_>>(), plans);
    let (mut new, mut old) = (0, 0);
    for (number, plan) in (1..).zip(&plans) {
        match w.ask(session, *plan, &stored, number, usd(100)).await {
            JobAsked::New(_) => new += 1,
            JobAsked::Joined(job) => old += u32::from(job.uuid == self::job(1)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((new, old), (1, 9));
    assert_eq!(w.store.retrievals(None, 100).await.unwrap().len(), 1);
    assert_eq!(w.store.retrieval_wanted(job(1)).await.unwrap(), 10);
    w.hear(1, Heard::Taken { job_id: b"x".to_vec(), next_look: START, due: None }).await;
    let until = Some(w.in_secs(90_000).await);
    w.hear(1, Heard::Ready { until, next_look: START }).await;
    for left in (0..10).rev() {
        let work = w.claim_part(session, "alpha").await.unwrap();
        assert!(w.done(session, &work).await);
        assert_eq!(w.store.retrieval_wanted(job(1)).await.unwrap(), left);
    }
    let mut spent = Vec::new();
    for plan in plans {
        let row = w.plan(plan).await;
        assert_eq!((row.state, row.delivered), (PlanState::Ended, 3));
        spent.push(row.spent);
    }
    assert_eq!(spent.into_iter().sum::<Money>(), usd(100), "one of them paid");
}

async fn what_needs_no_job_is_ready_at_once(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let plan = w.running("alpha", &[at_hand(&stored)], Money::ZERO).await;
    assert_eq!(w.ask(session, plan, &stored, 1, usd(100)).await, JobAsked::Nothing);
    assert_eq!(w.plan(plan).await.spent, Money::ZERO);
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert_eq!((work.retrieval.clone(), work.archive), (None, stored.archive));
    assert!(w.done(session, &work).await);
}

async fn a_part_is_asked_for_when_its_day_has_come(w: World) {
    let session = w.session().await;
    let (one, two) = (w.archived(session, 1, 1).await, w.archived(session, 2, 1).await);
    let plan = w.running("alpha", &[all(&one), Wish { day: 2, ..all(&two) }], usd(300)).await;
    let due = async || w.store.parts_to_ask(9).await.unwrap().into_iter().map(|part| part.archive).collect::<Vec<_>>();
    assert_eq!(due().await, [one.archive]);
    assert_eq!(w.ask(session, plan, &two, 1, usd(100)).await, JobAsked::Gone, "not before its day");
    // Twice 24 hours later, not at midnight.
    let begins = START.plus(std::time::Duration::from_hours(48));
    assert_eq!(w.part(plan, &two).await.not_before, Some(begins));
    let second = std::time::Duration::from_secs(1);
    w.set_wall(begins.minus(second));
    assert_eq!(due().await, [one.archive]);
    w.advance(1);
    assert_eq!(due().await, [one.archive, two.archive]);
    asked(w.ask(session, plan, &two, 1, usd(100)).await);
}

async fn a_refused_request_costs_nothing_and_is_made_again_later(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let plan = w.running("alpha", &[all(&stored)], usd(100)).await;
    let other = w.running("alpha", &[all(&stored)], usd(100)).await;
    asked(w.ask(session, plan, &stored, 1, usd(100)).await);
    joined(w.ask(session, other, &stored, 2, usd(100)).await);
    let next_try = w.in_secs(60).await;
    let row = w.hear(1, Heard::Refused { why: "throttled".to_owned(), next_try }).await;
    assert_eq!((row.state, row.note.as_deref()), (RetrievalState::Failed, Some("throttled")));
    assert_eq!((w.plan(plan).await.spent, w.plan(other).await.spent), (Money::ZERO, Money::ZERO));
    for plan in [plan, other] {
        let part = w.part(plan, &stored).await;
        assert_eq!((part.state, part.retrieval, part.asked_times), (PartState::Waiting, None, 0));
        assert_eq!((part.not_before, part.reason.as_deref()), (Some(next_try), Some("throttled")));
        assert_eq!(w.ask(session, plan, &stored, 3, usd(100)).await, JobAsked::Gone, "not before that time");
    }
    assert_eq!(w.store.parts_to_ask(9).await.unwrap(), []);
    // It comes twice, and late.
    let again = Heard::Refused { why: "throttled".to_owned(), next_try };
    w.hear(1, again.clone()).await;
    w.advance(60);
    assert_eq!(w.store.parts_to_ask(9).await.unwrap().len(), 2);
    // Refusals are no tries: however many came before, it is asked for.
    for number in 10..15 {
        asked(w.ask(session, plan, &stored, number, usd(100)).await);
        w.hear(number, Heard::Refused { why: "throttled".to_owned(), next_try: w.now().await }).await;
    }
    asked(w.ask(session, plan, &stored, 20, usd(100)).await);
    // Of all that was refused nothing is kept but the count of what was put off, until the vault takes one.
    for number in [1, 2, 10, 14] {
        assert_eq!(w.store.retrieval(job(number)).await.unwrap(), None);
    }
    assert_eq!(w.store.retrieval_heard(job(1), again).await.unwrap(), None);
    assert_eq!(w.plan(plan).await.spent, usd(100), "a late refusal gives back nothing twice");
    assert_eq!((w.part(plan, &stored).await.attempts, w.part(other, &stored).await.attempts), (1, 1));
    w.hear(20, Heard::Taken { job_id: vec![1], next_look: w.in_secs(9).await, due: None }).await;
    assert_eq!((w.part(plan, &stored).await.attempts, w.part(other, &stored).await.attempts), (0, 1));
    assert_eq!(w.part(plan, &stored).await.state, PartState::Asked);
}

async fn an_archive_that_the_vault_has_not_stops_its_parts(w: World) {
    let session = w.session().await;
    let (stored, safe) = (w.archived(session, 1, 2).await, w.archived(session, 2, 1).await);
    let plan = w.running("alpha", &[all(&stored), all(&safe)], usd(300)).await;
    let other = w.running("alpha", &[all(&stored)], usd(300)).await;
    asked(w.ask(session, plan, &stored, 1, usd(100)).await);
    joined(w.ask(session, other, &stored, 2, usd(100)).await);
    w.hear(1, Heard::Gone("the vault has no such archive".to_owned())).await;
    for plan in [plan, other] {
        let part = w.part(plan, &stored).await;
        assert_eq!((part.state, part.reason.as_deref()), (PartState::Stopped, Some("the vault has no such archive")));
        assert_eq!((w.plan(plan).await.spent, w.plan(plan).await.failed), (Money::ZERO, 2));
    }
    assert_eq!((w.plan(plan).await.state, w.plan(other).await.state), (PlanState::Running, PlanState::Ended));
    assert_eq!(w.states(plan).await, [PartState::Stopped, PartState::Waiting]);
}

async fn a_job_that_came_to_nothing_sends_who_waits_for_another(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let soon = w.in_secs(600).await;
    for (number, heard, state, why) in [
        (1, Heard::Failed("InternalError".to_owned()), RetrievalState::Failed, "its job failed: InternalError"),
        (2, Heard::Expired, RetrievalState::Expired, "its job's output is gone"),
        (3, Heard::Ending { next_look: soon }, RetrievalState::Ready, "its job's output is about to be gone"),
    ] {
        let plan = w.running("alpha", &[all(&stored)], usd(300)).await;
        let other = w.running("alpha", &[all(&stored)], usd(300)).await;
        w.ready(session, plan, &stored, number, usd(100)).await;
        joined(w.ask(session, other, &stored, 99, usd(100)).await);
        assert_eq!(w.part(other, &stored).await.state, PartState::Ready);
        let row = w.hear(number, heard).await;
        assert_eq!(row.state, state);
        for (plan, times) in [(plan, 1), (other, 0)] {
            let part = w.part(plan, &stored).await;
            assert_eq!((part.state, part.retrieval), (PartState::Waiting, None));
            assert_eq!((part.reason.as_deref(), part.asked_times), (Some(why), times));
        }
        assert_eq!(w.plan(plan).await.spent, usd(100), "that is paid");
        let later = w.in_secs(24 * 3600).await;
        let last = AskPart { joinable_until: later, ..w.asking(plan, &stored, number + 10, usd(100)).await };
        if state == RetrievalState::Ready {
            // What is about to be gone lives too short to be joined.
            w.advance(20 * 3600);
        }
        let last = AskPart { joinable_until: w.in_secs(5 * 3600).await, ..last };
        let new = asked(w.store.part_ask(session, last).await.unwrap());
        assert_eq!(new.uuid, job(number + 10));
        joined(w.ask(session, other, &stored, 99, usd(100)).await);
        for plan in [plan, other] {
            w.store.plan_cancel(plan, "ann".to_owned()).await.unwrap();
        }
        w.hear(number + 10, Heard::Failed("no longer of use".to_owned())).await;
        w.hear(number, Heard::Expired).await;
    }
}

async fn who_is_reading_keeps_what_it_reads(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    for (number, heard) in [(1, Heard::Failed("x".to_owned())), (2, Heard::Expired)] {
        let plan = w.running("alpha", &[all(&stored)], usd(300)).await;
        w.ready(session, plan, &stored, number, usd(100)).await;
        let work = w.claim_part(session, "alpha").await.unwrap();
        w.hear(number, heard).await;
        let part = w.part(plan, &stored).await;
        assert_eq!((part.state, part.retrieval.map(|job| job.uuid)), (PartState::Ready, Some(job(number))));
        if number == 1 {
            // It had all it needed.
            assert!(w.done(session, &work).await);
        } else {
            // It lets go: there is nothing to come back to, so the archive is asked for again.
            let next_try = w.in_secs(30).await;
            let end = PartEnd::Later { next_try, reason: "no room".to_owned(), failed: true };
            assert!(!w.store.part_end(session, held(&work), end).await.unwrap());
            let part = w.part(plan, &stored).await;
            assert_eq!((part.state, part.retrieval, part.not_before), (PartState::Waiting, None, Some(next_try)));
            assert_eq!(w.store.parts_to_ask(9).await.unwrap(), []);
            w.advance(30);
            asked(w.ask(session, plan, &stored, 12, usd(100)).await);
        }
    }
    // What is about to be gone is still there for who reads it.
    let plan = w.running("alpha", &[all(&stored)], usd(300)).await;
    let other = w.another();
    w.hear(12, Heard::Failed("x".to_owned())).await;
    w.ready(session, plan, &stored, 3, usd(100)).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    w.hear(3, Heard::Ending { next_look: w.in_secs(600).await }).await;
    assert_eq!(other.retrieval_wanted(job(3)).await.unwrap(), 1);
    let end = PartEnd::Later { next_try: w.now().await, reason: "stopping".to_owned(), failed: false };
    w.store.part_end(session, held(&work), end).await.unwrap();
    let work = w.claim_part(session, "alpha").await.expect("it can still be read");
    assert_eq!(work.retrieval.as_ref().map(|job| job.uuid), Some(job(3)));
    assert!(w.done(session, &work).await);
}

/// Everything that can be seen of a plan, its parts and its jobs.
async fn seen(w: &World, plan: firn::base::ids::PlanId, number: u128) -> String {
    let job = w.store.retrieval(job(number)).await.unwrap();
    let parts = w.store.plan_parts_page(plan, None, 9).await.unwrap();
    format!("{:?}\n{parts:?}\n{job:?}\n{:?}\n{:?}", w.plan(plan).await, w.outcomes(plan).await, w.used().await)
}

async fn late_and_double_messages_change_nothing(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let plan = w.running("alpha", &[all(&stored)], usd(900)).await;
    let (soon, later) = (w.in_secs(600).await, w.in_secs(30 * 3600).await);
    let taken = Heard::Taken { job_id: b"x".to_vec(), next_look: soon, due: None };
    let ready = Heard::Ready { until: Some(later), next_look: soon };
    let refused = Heard::Refused { why: "no".to_owned(), next_try: soon };
    let gone = Heard::Gone("no".to_owned());
    let failed = Heard::Failed("no".to_owned());
    let ending = Heard::Ending { next_look: soon };
    asked(w.ask(session, plan, &stored, 1, usd(100)).await);
    // What nobody can know of a request that nobody has taken.
    let before = seen(&w, plan, 1).await;
    for heard in [&ready, &ending] {
        w.hear(1, heard.clone()).await;
        assert_eq!(seen(&w, plan, 1).await, before, "{heard:?}");
    }
    w.hear(1, taken.clone()).await;
    let before = seen(&w, plan, 1).await;
    let other_name = Heard::Taken { job_id: b"y".to_vec(), next_look: later, due: None };
    for heard in [&taken, &other_name, &refused, &gone, &ending] {
        w.hear(1, heard.clone()).await;
        assert_eq!(seen(&w, plan, 1).await, before, "{heard:?}");
    }
    w.hear(1, ready.clone()).await;
    w.advance(5);
    let before = seen(&w, plan, 1).await;
    for heard in [&ready, &taken, &refused, &gone] {
        w.hear(1, heard.clone()).await;
        assert_eq!(seen(&w, plan, 1).await, before, "{heard:?}");
    }
    // The part waits for the next job: the old one has nothing to say any more.
    w.hear(1, Heard::Expired).await;
    w.ready(session, plan, &stored, 2, usd(100)).await;
    let before = [seen(&w, plan, 1).await, seen(&w, plan, 2).await];
    let still = Heard::Still { next_look: later, note: Some("late".to_owned()) };
    for heard in [&Heard::Expired, &failed, &ready, &taken, &refused, &gone, &ending, &still] {
        w.hear(1, heard.clone()).await;
        assert_eq!([seen(&w, plan, 1).await, seen(&w, plan, 2).await], before, "{heard:?}");
    }
    // Nor has any job to a plan that is over.
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert!(w.done(session, &work).await);
    let plan_seen = async || (w.plan(plan).await, w.states(plan).await, w.outcomes(plan).await, w.used().await);
    let before = plan_seen().await;
    for heard in [&failed, &Heard::Expired, &ending, &ready] {
        w.hear(2, heard.clone()).await;
        assert_eq!(plan_seen().await, before, "{heard:?}");
    }
}

async fn an_older_word_does_not_shorten_what_is_known(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let plan = w.running("alpha", &[all(&stored)], usd(900)).await;
    w.ready(session, plan, &stored, 1, usd(100)).await;
    let (earlier, later) = (w.in_secs(3600).await, w.in_secs(48 * 3600).await);
    let row = w.hear(1, Heard::Ready { until: Some(later), next_look: earlier }).await;
    assert_eq!((row.expires_at, row.next_look), (Some(later), earlier), "it was extended");
    for until in [Some(earlier), None, Some(later)] {
        let row = w.hear(1, Heard::Ready { until, next_look: earlier }).await;
        assert_eq!(row.expires_at, Some(later), "{until:?}");
    }
}

async fn an_archive_is_asked_for_so_often_and_then_its_part_stops(w: World) {
    let session = w.session().await;
    let (bad, good) = (w.archived(session, 1, 3).await, w.archived(session, 2, 2).await);
    let plan = w.running("alpha", &[all(&bad), all(&good)], usd(900)).await;
    for number in [1, 2] {
        w.taken(session, plan, &bad, number, usd(100)).await;
        w.hear(number, Heard::Failed("InternalError".to_owned())).await;
    }
    let expected = format!(
        "archive {} was asked for 2 times without coming through (its job failed: InternalError); a supplement plan asks for it again",
        bad.uuid
    );
    assert_eq!(stopped(w.ask(session, plan, &bad, 3, usd(100)).await), expected);
    let row = w.plan(plan).await;
    assert_eq!((row.state, row.failed, row.parts_left, row.parts_stopped), (PlanState::Running, 3, 1, 1));
    assert_eq!(w.part(plan, &bad).await.reason, Some(expected.clone()));
    for file in w.outcomes(plan).await.into_iter().filter(|file| file.archive == Some(bad.archive)) {
        assert_eq!(
            (file.state, file.reason, file.done_at),
            (RestoreState::Failed, Some(expected.clone()), Some(START))
        );
    }
    let told = w.store.events(None, 1).await.unwrap().remove(0).event;
    assert_eq!((told.what.as_str(), told.detail), ("restore.stopped", format!("archive {}: {expected}", bad.archive)));
    assert_eq!(w.ask(session, plan, &bad, 4, usd(100)).await, JobAsked::Gone);
    // The rest goes on.
    w.ready(session, plan, &good, 5, usd(100)).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert!(w.done(session, &work).await);
    let row = w.plan(plan).await;
    assert_eq!((row.state, row.delivered, row.failed, row.spent), (PlanState::Ended, 2, 3, usd(300)));
    assert_eq!(w.tally(plan).await, [("delivered", 2), ("failed", 3)].into());
}

async fn a_changed_tariff_stops_a_part(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let plan = w.running("alpha", &[all(&stored)], usd(300)).await;
    let dearer = AskPart { tariff_hash: Hash32([1; 32]), ..w.asking(plan, &stored, 1, usd(100)).await };
    assert_eq!(
        stopped(w.store.part_ask(session, dearer.clone()).await.unwrap()),
        "the tariff glacier-vault has changed since the plan was made; a supplement plan prices it anew"
    );
    let row = w.plan(plan).await;
    assert_eq!((row.state, row.spent, row.failed), (PlanState::Ended, Money::ZERO, 1));
    // Joining costs nothing by any tariff.
    let (payer, joins) =
        (w.running("alpha", &[all(&stored)], usd(300)).await, w.running("alpha", &[all(&stored)], usd(300)).await);
    w.taken(session, payer, &stored, 2, usd(100)).await;
    joined(w.store.part_ask(session, AskPart { plan: joins, ..dearer }).await.unwrap());
}

async fn the_ceiling_stops_a_part_and_the_rest_goes_on(w: World) {
    let session = w.session().await;
    let (one, two, three) =
        (w.archived(session, 1, 1).await, w.archived(session, 2, 1).await, w.archived(session, 3, 1).await);
    let plan = w.running("alpha", &[all(&one), all(&two), all(&three)], usd(250)).await;
    asked(w.ask(session, plan, &one, 1, usd(150)).await);
    assert_eq!(
        stopped(w.ask(session, plan, &two, 2, usd(101)).await),
        "asking for it costs $1.01 and $1.50 of the plan's ceiling of $2.50 is spent or held; a supplement plan prices it anew"
    );
    assert_eq!(w.store.retrieval(job(2)).await.unwrap(), None, "nothing is asked for");
    asked(w.ask(session, plan, &three, 3, usd(100)).await);
    assert_eq!(w.plan(plan).await.spent, usd(250), "to the last cent");
    assert_eq!(w.states(plan).await, [PartState::Asked, PartState::Stopped, PartState::Asked]);
    let asking = w.asking(plan, &one, 9, usd(-1)).await;
    w.hear(1, Heard::Failed("x".to_owned())).await;
    crate::planned::impossible(
        w.store.part_ask(session, asking).await,
        &format!("plan {plan} is to spend -$0.0100, less than nothing"),
    );
}

async fn an_archive_that_is_no_longer_safe_stops_its_part(w: World) {
    let session = w.session().await;
    // One whose reply was lost: whether the vault has it is not known.
    let claimed = w.claimed(session, "a", 1).await;
    w.seal(session, 1, std::slice::from_ref(&claimed)).await;
    let upload = w.upload(session).await;
    w.store.upload_unknown(session, upload.bundle, String::new(), w.now().await).await.unwrap();
    let unknown = Stored { archive: upload.bundle.archive, uuid: upload.bundle.uuid, files: vec![claimed.file] };
    let plan = w.running("alpha", &[all(&unknown)], usd(300)).await;
    assert_eq!(
        stopped(w.ask(session, plan, &unknown, 1, usd(100)).await),
        format!("archive {} is unknown now; a supplement plan looks for other copies", unknown.uuid)
    );
    assert_eq!((w.plan(plan).await.state, w.plan(plan).await.spent), (PlanState::Ended, Money::ZERO));
    // A second copy is as good as the first.
    let taken = w.store.settle_claim(session, 1).await.unwrap().remove(0);
    w.store.repeat_unknown(session, taken.bundle, w.now().await).await.unwrap();
    let again = w.claim(session, firn::base::ids::Lane::Live).await;
    w.deliver(session, 2, &again).await;
    let taken = w.store.settle_claim(session, 1).await.unwrap().remove(0);
    let state = w.store.settle_stored(session, taken.bundle, crate::world::confirmed(1)).await.unwrap();
    assert_eq!(state, ArchiveState::Duplicate);
    let plan = w.running("alpha", &[all(&unknown)], usd(300)).await;
    asked(w.ask(session, plan, &unknown, 2, usd(100)).await);
}

async fn jobs_are_looked_at_when_they_are_due(w: World) {
    let session = w.session().await;
    let (one, two) = (w.archived(session, 1, 1).await, w.archived(session, 2, 1).await);
    let plan = w.running("alpha", &[all(&one), all(&two)], usd(900)).await;
    let due = async |limit| {
        let rows = w.store.retrievals_due(limit).await.unwrap();
        rows.into_iter().map(|job| job.uuid.0.as_u128()).collect::<Vec<_>>()
    };
    asked(w.ask(session, plan, &one, 1, usd(100)).await);
    assert_eq!(due(9).await, [1], "whether its request left is to be found out");
    w.hear(1, Heard::Taken { job_id: b"x".to_vec(), next_look: w.in_secs(100).await, due: None }).await;
    asked(w.ask(session, plan, &two, 2, usd(100)).await);
    w.hear(2, Heard::Taken { job_id: b"y".to_vec(), next_look: w.in_secs(50).await, due: None }).await;
    assert_eq!(due(9).await, Vec::<u128>::new());
    w.advance(100);
    assert_eq!((due(9).await, due(1).await), (vec![2, 1], vec![2]), "the longest due first");
    let note = Some("the vault does not answer".to_owned());
    let row = w.hear(2, Heard::Still { next_look: w.in_secs(10).await, note: note.clone() }).await;
    assert_eq!((row.note, due(9).await), (note, vec![1]));
    w.hear(1, Heard::Failed("x".to_owned())).await;
    assert_eq!(due(9).await, Vec::<u128>::new(), "what is over is not looked at");
    w.advance(10);
    assert_eq!(due(9).await, [2]);
    let listed = |rows: Vec<RetrievalRow>| rows.into_iter().map(|job| job.uuid.0.as_u128()).collect::<Vec<_>>();
    let rows = w.store.retrievals(None, 9).await.unwrap();
    let first = rows[0].id;
    assert_eq!(listed(rows), [2]);
    assert_eq!(listed(w.store.retrievals(Some(first), 9).await.unwrap()), Vec::<u128>::new());
}

async fn a_session_that_is_over_asks_for_nothing(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let plan = w.running("alpha", &[all(&stored)], usd(900)).await;
    w.store.session_end(session).await.unwrap();
    let ask = w.asking(plan, &stored, 1, usd(100)).await;
    refused(w.store.part_ask(session, ask).await, "the lease", session);
    assert_eq!(w.plan(plan).await.spent, Money::ZERO);
}
