//! Plans: drafted, saved, confirmed by one, cancelled, dropped, looked at.

use std::time::Duration;

use firn::base::Money;
use firn::base::hash::Hash32;
use firn::base::ids::{ArchiveId, Generation, PlanId, SessionId};
use firn::restore::findings;
use firn::store::{
    Confirm, Confirmed, Heard, JobAsked, Look, NewDest, NewPart, NewPlan, NewRestore, PartEnd, PartState, PlanState,
    PlannedFile, RestoreState, RetrievalState, RunningPlan,
};

use crate::planned::{
    Stored, all, at_hand, confirm, delivered, failed, held, impossible, offset, part, totals, usd, wanted,
};
use crate::world::{START, VAULT, World, host_key, key, refused};

on_every_engine! {
    a_draft_becomes_a_plan_and_a_plan_runs
    a_plan_that_is_saved_takes_no_more_files_and_no_more_parts
    a_plan_is_confirmed_once
    a_plan_that_was_dropped_or_cancelled_is_not_confirmed
    pricing_anew_throws_the_parts_away_and_nothing_else
    of_two_who_price_a_plan_at_once_the_later_one_has_it_alone
    what_makes_no_plan_is_refused_with_words
    a_plan_without_parts_ends_as_it_is_confirmed
    a_cancelled_plan_stops_where_it_stands
    cancelling_counts_the_jobs_that_nobody_needs_any_more
    files_of_a_plan_are_read_page_by_page
    only_what_went_wrong
    plans_are_listed_newest_first_and_without_those_dropped
    what_was_not_delivered_is_told_however_many_plans_are_newer
    plans_that_run_are_seen_with_the_host_that_carries_them_out
    prune_goes_in_small_steps_and_takes_only_what_nobody_confirmed
    destinations_are_entered_once
    two_files_do_not_go_to_one_place
}

/// A plan of one file, which was not delivered: over, if `over`.
async fn undelivered(w: &World, session: SessionId, of: &Stored, over: bool) -> PlanId {
    let plan = w.running("alpha", &[at_hand(of)], usd(1)).await;
    assert_eq!(w.ask(session, plan, of, 1, usd(0)).await, JobAsked::Nothing);
    let work = w.claim_part(session, "alpha").await.unwrap();
    let files = w.store.part_files(plan, work.archive, None, 10).await.unwrap();
    let outcomes =
        files.iter().take(files.len() - usize::from(!over)).map(|file| failed(file.offset, file.n, "no leave"));
    w.store.part_outcomes(session, held(&work), outcomes.collect()).await.unwrap();
    if over {
        assert!(w.store.part_end(session, held(&work), PartEnd::Done).await.unwrap());
    }
    plan
}

async fn what_was_not_delivered_is_told_however_many_plans_are_newer(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    let day = Duration::from_hours(24);
    let told = async || {
        let since = w.now().await.minus(day * 7);
        let plans = w.store.plans_undelivered(since, 1000).await.unwrap();
        let ids: Vec<PlanId> = plans.iter().map(|plan| plan.id).collect();
        let found = findings::gather(&*w.store, w.now().await).await.unwrap();
        // Nobody restores here, which is told, too.
        let found = found.iter().filter(|found| found.key.rule != "restore.none");
        let rules: Vec<_> = found.map(|found| (found.key.rule, found.key.object.clone())).collect();
        let expected: Vec<_> = ids.iter().map(|id| ("restore.failed", format!("plan {id}"))).collect();
        assert_eq!(rules, expected);
        ids
    };
    let ended = undelivered(&w, session, &stored, true).await;
    let runs = undelivered(&w, session, &stored, false).await;
    assert_eq!(told().await, [runs, ended]);
    for _ in 0..60 {
        w.draft("alpha").await;
    }
    assert_eq!(told().await, [runs, ended]);
    // A supplement takes it up when it is confirmed, and not before.
    let new = NewPlan {
        title: "the rest".to_owned(),
        who: "bob".to_owned(),
        host: host_key("alpha"),
        vault: VAULT.to_owned(),
        supplement_of: Some(runs),
    };
    let rest = w.store.plan_begin(new).await.unwrap();
    assert!(w.store.plan_save(rest, Generation(0), totals(Money::ZERO, Money::ZERO)).await.unwrap());
    assert_eq!(told().await, [runs, ended]);
    assert_eq!(w.store.plan_confirm(confirm(rest, Money::ZERO)).await.unwrap(), Confirmed::Yes);
    for _ in 0..60 {
        w.draft("alpha").await;
    }
    assert_eq!(told().await, [ended]);
    // After a week nobody is told any more.
    w.advance(7 * 24 * 3600 - 1);
    assert_eq!(told().await, [ended]);
    w.advance(1);
    assert_eq!(told().await, []);
}

async fn plans_that_run_are_seen_with_the_host_that_carries_them_out(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let one = w.running("alpha", &[all(&stored)], usd(1)).await;
    w.advance(5);
    let two = w.running("beta", &[all(&stored)], usd(1)).await;
    let over = w.running("alpha", &[all(&stored)], usd(1)).await;
    assert!(w.store.plan_cancel(over, "ann".to_owned()).await.unwrap().done);
    w.saved("alpha", &[all(&stored)], usd(1)).await;
    let hour = Duration::from_hours(1);
    let look = |plans| Look { archives: 1, failed: 1, plans, flow: hour, latest: 1, latest_within: hour };
    let seen = async |plans| w.store.overview(look(plans)).await.unwrap().running;
    let running = |plan, host: &str, known: bool, since| RunningPlan {
        plan,
        host: host_key(host),
        host_name: known.then(|| host.to_owned()),
        since,
    };
    let alpha = running(one, "alpha", true, START);
    let later = START.plus(Duration::from_secs(5));
    assert_eq!(seen(10).await, [alpha.clone(), running(two, "beta", false, later)], "nobody of beta was ever heard of");
    assert_eq!(seen(1).await, std::slice::from_ref(&alpha));
    // A session that has ended says what its host is called.
    let gone = w.session_on("beta").await;
    w.store.session_end(gone).await.unwrap();
    assert_eq!(seen(10).await, [alpha, running(two, "beta", true, later)]);
}

async fn a_draft_becomes_a_plan_and_a_plan_runs(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    let (plan, dest) = w.draft("alpha").await;
    let row = w.plan(plan).await;
    assert_eq!((row.state, row.totals.clone(), row.made_at), (PlanState::Draft, None, START));
    assert_eq!((row.made_by.as_str(), row.host), ("bob", host_key("alpha")));
    assert_eq!(
        w.store.plan_confirm(confirm(plan, Money::ZERO)).await.unwrap(),
        Confirmed::Not(PlanState::Draft),
        "what has no price cannot be confirmed"
    );
    let mut files = wanted(&stored, dest);
    files.push(NewRestore {
        n: 99_999,
        file: None,
        name: key("never/heard/of"),
        from: None,
        length: 0,
        dest,
        target: key("of"),
        overwrite: false,
        why: Some("it is not in the catalog".to_owned()),
        asked: None,
    });
    w.store.plan_add(plan, files).await.unwrap();
    w.store.plan_parts(plan, Generation(0), vec![part(&all(&stored))]).await.unwrap();
    assert_eq!(w.store.parts_to_ask(9).await.unwrap(), [], "nothing is asked for before it is confirmed");
    assert!(w.store.plan_save(plan, Generation(0), totals(usd(110), usd(220))).await.unwrap());
    assert_eq!(w.store.parts_to_ask(9).await.unwrap(), [], "nor when it is saved");
    let row = w.plan(plan).await;
    assert_eq!((row.state, row.totals), (PlanState::Planned, Some(totals(usd(110), usd(220)))));
    assert_eq!(w.store.plan_confirm(confirm(plan, usd(220))).await.unwrap(), Confirmed::Yes);
    let row = w.plan(plan).await;
    assert_eq!((row.state, row.confirmed, row.parts_left), (PlanState::Running, Some(("ann".to_owned(), START)), 1));
    let asked = w.store.parts_to_ask(9).await.unwrap();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].plan, asked[0].uuid, asked[0].state), (plan, stored.uuid, PartState::Waiting));
    assert_eq!((asked[0].part.clone(), asked[0].not_before), (part(&all(&stored)), Some(START)));
    let rows = w.outcomes(plan).await;
    assert_eq!((rows[0].archive, rows[0].file, rows[0].source.as_deref()), (None, None, None));
    assert_eq!((rows[0].name.clone(), rows[0].state), (key("never/heard/of"), RestoreState::Impossible));
    assert_eq!(rows[0].reason.as_deref(), Some("it is not in the catalog"));
    assert_eq!((rows[1].name.clone(), rows[1].source.as_deref()), (key("1/0"), Some("ugc")));
    assert_eq!((rows[1].place.to_str(), rows[2].state), (Some("/srv/restored"), RestoreState::Waiting));
    let told = w.store.events(None, 1).await.unwrap().remove(0).event;
    assert_eq!((told.who.as_str(), told.what.as_str()), ("ann", "restore.confirmed"));
    assert_eq!(told.detail, "docs: of yesterday: 2 files, $1.10, at most $2.20");
}

async fn a_plan_that_is_saved_takes_no_more_files_and_no_more_parts(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let more = w.archived(session, 2, 1).await;
    let plan = w.saved("alpha", &[all(&stored)], usd(100)).await;
    let dest = w.store.plan_places(plan).await.unwrap().remove(0).0;
    for state in ["planned", "running", "cancelled"] {
        let words = format!("files are added to plan {plan}, which is {state}");
        impossible(w.store.plan_add(plan, wanted(&more, dest)).await, &words);
        impossible(w.store.plan_parts(plan, Generation(0), vec![part(&all(&more))]).await, &words);
        let another = NewDest { kind: "folder", place: "/srv/elsewhere".into() };
        impossible(w.store.plan_dests(plan, vec![another]).await, &words);
        assert!(!w.store.plan_save(plan, Generation(0), totals(usd(1), usd(1))).await.unwrap(), "it is saved once");
        match state {
            "planned" => assert_eq!(w.store.plan_confirm(confirm(plan, usd(100))).await.unwrap(), Confirmed::Yes),
            "running" => assert!(w.store.plan_cancel(plan, "ann".to_owned()).await.unwrap().done),
            _ => {}
        }
    }
    let none = PlanId(plan.0 + 1);
    let words = format!("files are added to plan {none}, which is not there");
    impossible(w.store.plan_add(none, wanted(&more, dest)).await, &words);
    assert_eq!(w.plan(plan).await.totals, Some(totals(Money::ZERO, usd(100))));
    assert_eq!(w.outcomes(plan).await.len(), 1);
    assert_eq!(w.store.plan_places(plan).await.unwrap().len(), 1);
}

async fn a_plan_is_confirmed_once(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let plan = w.saved("alpha", &[at_hand(&stored)], usd(100)).await;
    let other = Confirm { hash: Hash32([9; 32]), ..confirm(plan, usd(100)) };
    assert_eq!(w.store.plan_confirm(other.clone()).await.unwrap(), Confirmed::Changed);
    assert_eq!((w.plan(plan).await.state, w.used().await), (PlanState::Planned, (Money::ZERO, Money::ZERO)));
    assert_eq!(w.store.plan_confirm(confirm(plan, usd(100))).await.unwrap(), Confirmed::Yes);
    w.advance(60);
    let second = Confirm { who: "eve".to_owned(), ..confirm(plan, usd(100)) };
    let already = Confirmed::Already { who: "ann".to_owned(), at: START };
    assert_eq!(w.another().plan_confirm(second.clone()).await.unwrap(), already);
    assert_eq!(w.store.plan_confirm(other).await.unwrap(), already, "who was first is said whatever was shown");
    assert_eq!(w.used().await, (usd(100), usd(100)), "its ceiling is reserved once");
    // Asked for, delivered, ended: still somebody was first.
    assert_eq!(w.ask(session, plan, &stored, 1, usd(1)).await, JobAsked::Nothing);
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert!(w.done(session, &work).await);
    assert_eq!(w.plan(plan).await.state, PlanState::Ended);
    assert_eq!(w.store.plan_confirm(second).await.unwrap(), already);
    assert_eq!(w.used().await, (Money::ZERO, Money::ZERO));
}

async fn a_plan_that_was_dropped_or_cancelled_is_not_confirmed(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let dropped = w.saved("alpha", &[all(&stored)], usd(100)).await;
    assert!(w.store.plan_drop(dropped).await.unwrap());
    assert!(!w.store.plan_drop(dropped).await.unwrap(), "it is gone already");
    let not = Confirmed::Not(PlanState::Dropped);
    assert_eq!(w.store.plan_confirm(confirm(dropped, usd(100))).await.unwrap(), not);
    assert_eq!(w.store.plan_confirm(confirm(PlanId(4711), usd(100))).await.unwrap(), not, "and one that never was");
    let cancelled = w.running("alpha", &[all(&stored)], usd(100)).await;
    assert!(!w.store.plan_drop(cancelled).await.unwrap(), "what runs is not dropped");
    assert_eq!(w.store.plan_unpriced(cancelled).await.unwrap(), None, "nor priced anew");
    assert!(w.store.plan_cancel(cancelled, "eve".to_owned()).await.unwrap().done);
    let not = Confirmed::Not(PlanState::Cancelled);
    assert_eq!(w.store.plan_confirm(confirm(cancelled, usd(100))).await.unwrap(), not);
    assert!(!w.store.plan_cancel(cancelled, "eve".to_owned()).await.unwrap().done, "it is cancelled once");
    assert_eq!(w.used().await, (Money::ZERO, Money::ZERO));
}

async fn pricing_anew_throws_the_parts_away_and_nothing_else(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    let plan = w.saved("alpha", &[all(&stored)], usd(100)).await;
    assert_eq!(w.store.plan_unpriced(plan).await.unwrap(), Some(Generation(1)));
    let row = w.plan(plan).await;
    assert_eq!((row.state, row.totals), (PlanState::Draft, None));
    assert_eq!(w.store.plan_parts_page(plan, None, 9).await.unwrap(), []);
    assert_eq!(w.outcomes(plan).await.len(), 2);
    assert_eq!(w.store.plan_confirm(confirm(plan, usd(100))).await.unwrap(), Confirmed::Not(PlanState::Draft));
    let second = Generation(1);
    assert!(w.store.plan_parts(plan, second, vec![part(&all(&stored))]).await.unwrap());
    let dearer = firn::store::PlanTotals { hash: Hash32([6; 32]), ..totals(usd(200), usd(300)) };
    assert!(w.store.plan_save(plan, second, dearer).await.unwrap());
    assert_eq!(
        w.store.plan_confirm(confirm(plan, usd(300))).await.unwrap(),
        Confirmed::Changed,
        "who was shown the cheaper tier has not confirmed this one"
    );
    let now = Confirm { hash: Hash32([6; 32]), ..confirm(plan, usd(300)) };
    assert_eq!(w.store.plan_confirm(now).await.unwrap(), Confirmed::Yes);
}

async fn of_two_who_price_a_plan_at_once_the_later_one_has_it_alone(w: World) {
    let session = w.session().await;
    let (one, two) = (w.archived(session, 1, 1).await, w.archived(session, 2, 1).await);
    let plan = w.saved("alpha", &[all(&one), all(&two)], usd(100)).await;
    let dear = |of| vec![NewPart { price: usd(900), ..part(&all(of)) }];
    let first = w.store.plan_unpriced(plan).await.unwrap().unwrap();
    assert!(w.store.plan_parts(plan, first, dear(&one)).await.unwrap());
    let second = w.store.plan_unpriced(plan).await.unwrap().unwrap();
    assert!(second > first);
    assert!(w.store.plan_parts(plan, second, vec![part(&all(&one))]).await.unwrap());
    assert!(!w.store.plan_parts(plan, first, dear(&two)).await.unwrap(), "it was overtaken");
    assert!(w.store.plan_parts(plan, second, vec![part(&all(&two))]).await.unwrap());
    let other = firn::store::PlanTotals { hash: Hash32([6; 32]), ..totals(usd(1800), usd(1900)) };
    assert!(!w.store.plan_save(plan, first, other.clone()).await.unwrap(), "no totals of one over parts of another");
    assert_eq!(w.plan(plan).await.state, PlanState::Draft);
    assert!(w.store.plan_save(plan, second, totals(usd(200), usd(300))).await.unwrap());
    // Nor afterwards.
    assert!(!w.store.plan_parts(plan, first, dear(&two)).await.unwrap());
    assert!(!w.store.plan_save(plan, first, other).await.unwrap());
    let parts = w.store.plan_parts_page(plan, None, 9).await.unwrap();
    assert_eq!(parts.iter().map(|row| row.part.price).collect::<Vec<_>>(), [usd(100), usd(100)]);
    assert_eq!(w.plan(plan).await.totals, Some(totals(usd(200), usd(300))));
}

async fn what_makes_no_plan_is_refused_with_words(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let other = w.archived(session, 2, 1).await;
    let (plan, dest) = w.draft("alpha").await;
    let file = wanted(&stored, dest).remove(0);
    let versionless = NewRestore { n: 5, file: None, ..file.clone() };
    impossible(
        w.store.plan_add(plan, vec![file.clone(), versionless]).await,
        &format!("file 5 of plan {plan} has an archive and no version"),
    );
    assert_eq!(w.outcomes(plan).await, [], "what is refused leaves nothing of its batch");
    let reasonless = NewRestore { n: 6, from: None, ..file.clone() };
    impossible(
        w.store.plan_add(plan, vec![reasonless]).await,
        &format!("file 6 of plan {plan} has no archive and no reason"),
    );
    let nowhere = NewPart { archive: ArchiveId(4711), ..part(&all(&stored)) };
    impossible(
        w.store.plan_parts(plan, Generation(0), vec![nowhere]).await,
        &format!("plan {plan} has a part of archive 4711, which is not known"),
    );
    let late = NewPart { day: 3661, ..part(&all(&stored)) };
    impossible(
        w.store.plan_parts(plan, Generation(0), vec![late]).await,
        &format!("plan {plan} goes on 3,661 days after its confirmation; it is spread over 3,660 at most"),
    );
    for (need, range, words) in [
        (Some(0..10), None, "needs Some(0..10) of archive 1 and asks for None"),
        (Some(0..11), Some(0..10), "needs Some(0..11) of archive 1 and asks for Some(0..10)"),
        (None, Some(0..10), "needs None of archive 1 and asks for Some(0..10)"),
    ] {
        let uncovered = NewPart { need, range, ..part(&all(&stored)) };
        impossible(w.store.plan_parts(plan, Generation(0), vec![uncovered]).await, &format!("plan {plan} {words}"));
    }
    w.store.plan_add(plan, vec![file]).await.unwrap();
    w.store.plan_add(plan, wanted(&other, dest)).await.unwrap();
    w.store.plan_parts(plan, Generation(0), vec![part(&all(&stored))]).await.unwrap();
    impossible(
        w.store.plan_save(plan, Generation(0), totals(usd(1), usd(2))).await,
        &format!("plan {plan} has files of archive {} and no part for them", other.archive),
    );
    w.store.plan_parts(plan, Generation(0), vec![part(&all(&other))]).await.unwrap();
    impossible(
        w.store.plan_save(plan, Generation(0), totals(usd(200), usd(199))).await,
        &format!("plan {plan} costs $2.00 and at most $1.99"),
    );
    assert!(w.store.plan_save(plan, Generation(0), totals(usd(200), usd(200))).await.unwrap());
    for (days, sum) in [
        (vec![(0, usd(199))], "$1.99"),
        (vec![], "$0.00"),
        (vec![(0, usd(100)), (1, usd(101))], "$2.01"),
        (vec![(0, usd(300)), (1, usd(-100))], "$2.00"),
    ] {
        impossible(
            w.store.plan_confirm(Confirm { days, ..confirm(plan, usd(200)) }).await,
            &format!("plan {plan} has a ceiling of $2.00 and {sum} is set aside for it"),
        );
    }
    let late = Confirm { days: vec![(4000, usd(200))], ..confirm(plan, usd(200)) };
    impossible(
        w.store.plan_confirm(late).await,
        &format!("plan {plan} goes on 4,000 days after its confirmation; it is spread over 3,660 at most"),
    );
    assert_eq!((w.plan(plan).await.state, w.used().await), (PlanState::Planned, (Money::ZERO, Money::ZERO)));
}

async fn a_plan_without_parts_ends_as_it_is_confirmed(w: World) {
    let plan = w.running("alpha", &[], Money::ZERO).await;
    let row = w.plan(plan).await;
    assert_eq!((row.state, row.ended_at, row.parts_left), (PlanState::Ended, Some(START), 0));
    let events = w.store.events(None, 2).await.unwrap();
    assert_eq!(events[0].event.what, "restore.ended");
    assert_eq!(events[0].event.detail, "docs: of yesterday: 0 files delivered, 0 failed, $0.00 spent");
}

async fn a_cancelled_plan_stops_where_it_stands(w: World) {
    let session = w.session().await;
    let (one, two, three) =
        (w.archived(session, 1, 2).await, w.archived(session, 2, 2).await, w.archived(session, 3, 2).await);
    let plan = w.running("alpha", &[all(&one), all(&two), all(&three)], usd(500)).await;
    w.ready(session, plan, &one, 1, usd(100)).await;
    w.ready(session, plan, &two, 2, usd(100)).await;
    let first = w.claim_part(session, "alpha").await.unwrap();
    assert!(!w.done(session, &first).await);
    let second = w.claim_part(session, "alpha").await.unwrap();
    let file = w.store.part_files(plan, second.archive, None, 1).await.unwrap().remove(0);
    w.store.part_outcomes(session, held(&second), vec![delivered(file.offset, file.n)]).await.unwrap();
    w.advance(60);
    let cancelled = w.store.plan_cancel(plan, "eve".to_owned()).await.unwrap();
    assert_eq!((cancelled.done, cancelled.spent, cancelled.delivered, cancelled.jobs), (true, usd(200), 3, 0));
    // Who was delivering finds out at its next word, whichever it is.
    let what = format!("the part of archive {} of plan {plan}", second.archive);
    let (store, key) = (&w.store, held(&second));
    refused(store.part_outcomes(session, key, vec![delivered(0, 0)]).await, &what, session);
    refused(store.part_spend(session, key, usd(1)).await, &what, session);
    refused(store.part_end(session, key, firn::store::PartEnd::Done).await, &what, session);
    let row = w.plan(plan).await;
    assert_eq!((row.state, row.ended_at), (PlanState::Cancelled, Some(START.plus(std::time::Duration::from_mins(1)))));
    assert_eq!((row.delivered, row.failed, row.parts_left), (3, 0, 0));
    assert_eq!(w.states(plan).await, [PartState::Done, PartState::Cancelled, PartState::Cancelled]);
    assert_eq!(
        w.tally(plan).await,
        [("already there", 0), ("delivered", 3), ("waiting", 3)].into_iter().filter(|(_, n)| *n > 0).collect()
    );
    assert_eq!(w.used().await, (usd(200), usd(200)), "what was spent stays spent, the rest is free");
    assert!(w.store.parts_to_ask(9).await.unwrap().is_empty() && w.claim_part(session, "alpha").await.is_none());
    let told = w.store.events(None, 1).await.unwrap().remove(0).event;
    assert_eq!((told.who.as_str(), told.what.as_str()), ("eve", "restore.cancelled"));
    assert_eq!(told.detail, "3 files delivered, $2.00 spent, 0 jobs go on at the vault");
}

async fn cancelling_counts_the_jobs_that_nobody_needs_any_more(w: World) {
    let session = w.session().await;
    let (own, shared) = (w.archived(session, 1, 1).await, w.archived(session, 2, 1).await);
    let plan = w.running("alpha", &[all(&own), all(&shared)], usd(500)).await;
    w.taken(session, plan, &own, 1, usd(100)).await;
    w.taken(session, plan, &shared, 2, usd(100)).await;
    let other = w.running("alpha", &[all(&shared)], usd(500)).await;
    assert!(matches!(w.ask(session, other, &shared, 3, usd(100)).await, JobAsked::Joined(_)));
    let cancelled = w.store.plan_cancel(plan, "eve".to_owned()).await.unwrap();
    assert_eq!((cancelled.jobs, cancelled.spent), (1, usd(200)), "the other plan waits for the second");
    // Such a job goes on, and a later wish finds it.
    let until = w.in_secs(24 * 3600).await;
    let row = w.hear(1, Heard::Ready { until: Some(until), next_look: until }).await;
    assert_eq!(row.state, RetrievalState::Ready);
    let later = w.running("alpha", &[all(&own)], usd(500)).await;
    assert!(matches!(w.ask(session, later, &own, 4, usd(100)).await, JobAsked::Joined(_)));
    // One whose output would stay until somebody closes it is closed at once.
    assert_eq!(w.store.plan_cancel(other, "eve".to_owned()).await.unwrap().jobs, 1);
    let row = w.hear(2, Heard::Ready { until: None, next_look: until }).await;
    assert_eq!(row.state, RetrievalState::Closed);
    let left: Vec<_> = w.store.retrievals(None, 9).await.unwrap().into_iter().map(|job| job.uuid).collect();
    assert_eq!(left, [crate::planned::job(1)]);
}

async fn files_of_a_plan_are_read_page_by_page(w: World) {
    let session = w.session().await;
    let (one, two) = (w.archived(session, 1, 3).await, w.archived(session, 2, 2).await);
    let (plan, dest) = w.draft("alpha").await;
    // The same file at two places: another number.
    let mut files = wanted(&two, dest);
    files.extend(wanted(&one, dest));
    let twice = NewRestore { n: 77_777, target: key("again"), ..wanted(&one, dest).remove(1) };
    files.push(twice);
    w.store.plan_add(plan, files).await.unwrap();
    let (mut after, mut seen, mut shown) = (None, Vec::new(), Vec::new());
    loop {
        let page = w.store.plan_files(plan, after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some((last.archive, last.offset, last.n));
        seen.extend(page.iter().map(|file: &PlannedFile| (file.archive, file.offset, file.n)));
        assert!(page.iter().all(|file| file.archive_size > 4096 && file.length == 1001));
    }
    let a = |n: usize| (one.archive, offset(n));
    let b = |n: usize| (two.archive, offset(n));
    assert_eq!(
        seen.iter().map(|(archive, offset, _)| (*archive, *offset)).collect::<Vec<_>>(),
        [a(0), a(1), a(1), a(2), b(0), b(1)]
    );
    after = None;
    loop {
        let page = w.store.plan_restores(plan, false, after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.archive.unwrap(), last.offset, last.n));
        shown.extend(page.iter().map(|row| (row.archive.unwrap(), row.offset, row.n)));
    }
    assert_eq!(shown, seen);
}

async fn only_what_went_wrong(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 5).await;
    let (plan, dest) = w.draft("alpha").await;
    w.store.plan_add(plan, wanted(&stored, dest)).await.unwrap();
    let never = NewRestore {
        n: 1,
        file: None,
        from: None,
        name: key("x"),
        why: Some("no vault has it".to_owned()),
        ..wanted(&stored, dest).remove(0)
    };
    w.store.plan_add(plan, vec![never]).await.unwrap();
    w.store.plan_parts(plan, Generation(0), vec![part(&at_hand(&stored))]).await.unwrap();
    assert!(w.store.plan_save(plan, Generation(0), totals(usd(1), usd(1))).await.unwrap());
    assert_eq!(w.store.plan_confirm(confirm(plan, usd(1))).await.unwrap(), Confirmed::Yes);
    w.ask(session, plan, &stored, 1, usd(1)).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    let n = |n: u64| stored.archive.0.unsigned_abs() * 1000 + n;
    let bad = vec![failed(offset(1), n(1), "no room"), failed(offset(3), n(3), "no leave"), delivered(offset(0), n(0))];
    w.store.part_outcomes(session, held(&work), bad).await.unwrap();
    let (mut after, mut wrong) = (None, Vec::new());
    loop {
        let page = w.store.plan_restores(plan, true, after, 1).await.unwrap();
        let Some(row) = page.into_iter().next() else { break };
        after = Some((row.archive.unwrap_or(ArchiveId(0)), row.offset, row.n));
        wrong.push((row.state, row.reason.unwrap()));
    }
    let said = |state, why: &str| (state, why.to_owned());
    assert_eq!(
        wrong,
        [
            said(RestoreState::Impossible, "no vault has it"),
            said(RestoreState::Failed, "no room"),
            said(RestoreState::Failed, "no leave")
        ]
    );
}

async fn plans_are_listed_newest_first_and_without_those_dropped(w: World) {
    let mut plans = Vec::new();
    for _ in 0..5 {
        plans.push(w.draft("alpha").await.0);
    }
    w.store.plan_drop(plans[1]).await.unwrap();
    w.store.plan_drop(plans[4]).await.unwrap();
    let ids = async |before, limit| {
        let rows = w.store.plans(before, limit).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 2).await, [plans[3], plans[2]]);
    assert_eq!(ids(Some(plans[2]), 9).await, [plans[0]]);
    assert_eq!(w.plan(plans[4]).await.state, PlanState::Dropped, "by its number it is found until it is removed");
}

async fn prune_goes_in_small_steps_and_takes_only_what_nobody_confirmed(w: World) {
    let session = w.session().await;
    let (one, two) = (w.archived(session, 1, 3).await, w.archived(session, 2, 3).await);
    let old = w.drafted("alpha", &[all(&one), all(&two)]).await;
    let saved = w.saved("alpha", &[all(&one)], usd(1)).await;
    let runs = w.running("alpha", &[all(&one)], usd(1)).await;
    w.advance(1000);
    let young = w.drafted("alpha", &[all(&one)]).await;
    let dropped = w.drafted("alpha", &[all(&one)]).await;
    w.store.plan_drop(dropped).await.unwrap();
    // Rows of the three: 6 + 2 + 1 + 1, 3 + 1 + 1 + 1, and again 6.
    let (mut steps, mut all_gone) = (0, 0);
    let before = w.in_secs(0).await.minus(std::time::Duration::from_secs(500));
    loop {
        let gone = w.store.plan_prune(before, 2).await.unwrap();
        assert!(gone <= 2, "{gone}");
        if gone == 0 {
            break;
        }
        (steps, all_gone) = (steps + 1, all_gone + gone);
    }
    assert_eq!((steps, all_gone), (11, 22));
    let left: Vec<_> = w.store.plans(None, 9).await.unwrap().into_iter().map(|row| (row.id, row.state)).collect();
    assert_eq!(left, [(young, PlanState::Draft), (runs, PlanState::Running)]);
    for gone in [old, saved, dropped] {
        assert_eq!(w.store.plan(gone).await.unwrap(), None);
        assert_eq!(w.outcomes(gone).await, []);
        assert_eq!(w.store.plan_parts_page(gone, None, 9).await.unwrap(), []);
        assert_eq!(w.store.plan_places(gone).await.unwrap(), []);
    }
    assert_eq!((w.outcomes(runs).await.len(), w.outcomes(young).await.len()), (3, 3));
    let next = w.draft("alpha").await.0;
    assert!(next > dropped, "a number is not given again: {next} after {dropped}");
}

async fn destinations_are_entered_once(w: World) {
    let (plan, dest) = w.draft("alpha").await;
    let place = |place: &str| NewDest { kind: "folder", place: place.into() };
    let again = vec![place("/a"), place("/srv/restored"), place("/a")];
    let ids = w.store.plan_dests(plan, again).await.unwrap();
    assert!(ids[0] == ids[2] && ids[1] == dest && ids[0] != dest, "{ids:?}");
    let places = w.store.plan_places(plan).await.unwrap();
    let shown: Vec<_> = places.iter().map(|(_, row)| (row.kind.as_str(), row.place.to_str().unwrap())).collect();
    assert_eq!(shown, [("folder", "/srv/restored"), ("folder", "/a")]);
    let (other, _) = w.draft("alpha").await;
    assert_eq!(w.store.plan_places(other).await.unwrap().len(), 1, "each plan has its own");
}

async fn two_files_do_not_go_to_one_place(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    let (plan, dest) = w.draft("alpha").await;
    let files = wanted(&stored, dest);
    let same = NewRestore { n: 50, target: files[0].target.clone(), ..files[1].clone() };
    let elsewhere = w.store.plan_dests(plan, vec![NewDest { kind: "folder", place: "/b".into() }]).await.unwrap()[0];
    let there = NewRestore { n: 51, dest: elsewhere, ..same.clone() };
    let nowhere = |n| NewRestore { n, file: None, from: None, why: Some("gone".to_owned()), ..same.clone() };
    let added = vec![nowhere(1), files[0].clone(), same.clone(), there, nowhere(2), files[1].clone()];
    assert_eq!(w.store.plan_add(plan, added).await.unwrap(), [50]);
    assert_eq!(w.outcomes(plan).await.len(), 5, "what goes nowhere is in nobody's way");
    // Another plan may restore to the same place.
    let (other, dest) = w.draft("alpha").await;
    assert_eq!(w.store.plan_add(other, vec![NewRestore { dest, ..same }]).await.unwrap(), Vec::<u64>::new());
}
