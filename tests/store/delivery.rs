//! Delivery: parts claimed, their files' outcomes, and how parts and plans come to their end.

use firn::base::Money;
use firn::base::hash::Hash16;
use firn::base::ids::Generation;
use firn::restore::findings;
use firn::store::{
    FileOutcome, Heard, JobAsked, PartEnd, PartFile, PartKey, PartState, PartWork, PlanState, RestoreState,
    RetrievalState,
};

use crate::planned::{Stored, all, at_hand, delivered, failed, held, impossible, job, offset, usd};
use crate::world::{START, World, host_key, key, refused};

on_every_engine! {
    a_host_claims_what_is_its_own
    one_plan_is_claimed_from_when_it_is_named
    parts_come_in_the_order_they_became_ready
    a_claimed_part_tells_everything_about_its_files
    who_lost_its_claim_changes_nothing
    an_outcome_counts_once
    an_outcome_is_one_that_a_file_can_have
    a_part_is_done_when_none_of_its_files_waits
    put_off_it_comes_again_at_its_time
    of_each_plan_that_is_held_up_one_part_is_told
    output_that_cannot_be_read_is_asked_for_again_and_joined_by_nobody
    what_no_job_makes_readable_stops
    a_stopped_part_takes_its_files_with_it
    what_a_dead_session_held_is_free_again
    reading_is_paid_under_the_ceiling
    what_was_not_sent_is_given_back_once
    a_plan_ends_with_its_last_part
}

/// A running plan of archives that need no job, each of them ready.
async fn readable(w: &World, session: firn::base::ids::SessionId, of: &[&Stored]) -> firn::base::ids::PlanId {
    readable_on(w, session, "alpha", of).await
}

async fn readable_on(
    w: &World,
    session: firn::base::ids::SessionId,
    host: &str,
    of: &[&Stored],
) -> firn::base::ids::PlanId {
    let wishes: Vec<_> = of.iter().map(|of| at_hand(of)).collect();
    let plan = w.running(host, &wishes, usd(100)).await;
    for of in of {
        assert_eq!(w.ask(session, plan, of, 1, usd(1)).await, JobAsked::Nothing);
    }
    plan
}

async fn files(w: &World, work: &PartWork) -> Vec<PartFile> {
    w.store.part_files(work.plan, work.archive, None, 1000).await.unwrap()
}

fn what(work: &PartWork) -> String {
    format!("the part of archive {} of plan {}", work.archive, work.plan)
}

async fn a_host_claims_what_is_its_own(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 1).await;
    let beta = readable_on(&w, session, "beta", &[&stored]).await;
    assert!(w.claim_part(session, "alpha").await.is_none());
    let alpha = readable(&w, session, &[&stored]).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert_eq!((work.plan, work.archive, work.uuid), (alpha, stored.archive, stored.uuid));
    assert!(work.archive_size > 4096 && work.attempts == 0, "{work:?}");
    assert!(w.claim_part(session, "alpha").await.is_none(), "it is claimed");
    let elsewhere = w.session_on("beta").await;
    assert_eq!(w.claim_part(elsewhere, "beta").await.unwrap().plan, beta);
    w.store.session_end(elsewhere).await.unwrap();
    refused(w.store.part_claim(elsewhere, host_key("beta"), None).await, "the lease", elsewhere);
}

async fn one_plan_is_claimed_from_when_it_is_named(w: World) {
    let session = w.session().await;
    let (one, two) = (w.archived(session, 1, 1).await, w.archived(session, 2, 1).await);
    let first = readable(&w, session, &[&one, &two]).await;
    let second = readable(&w, session, &[&one]).await;
    let claim = async |plan| w.store.part_claim(session, host_key("alpha"), Some(plan)).await.unwrap();
    assert_eq!(claim(second).await.map(|work| (work.plan, work.archive)), Some((second, one.archive)));
    assert_eq!(claim(second).await, None);
    assert_eq!(w.store.part_claim(session, host_key("beta"), Some(first)).await.unwrap(), None, "another host's");
    assert_eq!(claim(first).await.map(|work| (work.plan, work.archive)), Some((first, one.archive)));
    assert_eq!(claim(first).await.map(|work| (work.plan, work.archive)), Some((first, two.archive)));
    assert_eq!(claim(first).await, None);
}

async fn parts_come_in_the_order_they_became_ready(w: World) {
    let session = w.session().await;
    let (one, two) = (w.archived(session, 1, 1).await, w.archived(session, 2, 1).await);
    let plan = w.running("alpha", &[all(&one), all(&two)], usd(900)).await;
    w.taken(session, plan, &one, 1, usd(100)).await;
    w.advance(10);
    w.ready(session, plan, &two, 2, usd(100)).await;
    w.advance(10);
    w.hear(1, Heard::Ready { until: None, next_look: w.in_secs(9).await }).await;
    assert_eq!(w.claim_part(session, "alpha").await.unwrap().archive, two.archive);
    assert_eq!(w.claim_part(session, "alpha").await.unwrap().archive, one.archive);
}

async fn a_claimed_part_tells_everything_about_its_files(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 3).await;
    let plan = readable(&w, session, &[&stored]).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    let all = files(&w, &work).await;
    let dest = w.store.plan_places(plan).await.unwrap()[0].0;
    let expected = |n: usize| PartFile {
        offset: offset(n),
        n: stored.archive.0.unsigned_abs() * 1000 + n as u64,
        file: stored.files[n],
        source: firn::base::ids::SourceId(1),
        key: key(&format!("1/{n}")),
        length: 1001,
        mode: 0o640,
        mtime: firn::base::FileTime { secs: 1, nanos: 5 },
        sha256: firn::base::hash::Hash32([1; 32]),
        md5: Some(Hash16([1; 16])),
        dest,
        target: key(&format!("{}/{n}", stored.archive)),
        overwrite: false,
    };
    assert_eq!(all, [expected(0), expected(1), expected(2)]);
    let after = Some((all[0].offset, all[0].n));
    assert_eq!(w.store.part_files(plan, stored.archive, after, 1).await.unwrap(), [expected(1)]);
    // What has its outcome is not read again.
    w.store.part_outcomes(session, held(&work), vec![delivered(all[1].offset, all[1].n)]).await.unwrap();
    assert_eq!(files(&w, &work).await, [expected(0), expected(2)]);
}

async fn who_lost_its_claim_changes_nothing(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    let plan = readable(&w, session, &[&stored]).await;
    let lost = w.claim_part(session, "alpha").await.unwrap();
    let end = PartEnd::Later { next_try: w.now().await, reason: "a pause".to_owned(), failed: false };
    w.store.part_end(session, held(&lost), end).await.unwrap();
    let other = w.session().await;
    let work = w.claim_part(other, "alpha").await.unwrap();
    assert!(work.generation > lost.generation);
    let file = files(&w, &work).await.remove(0);
    let before = (w.plan(plan).await, w.part(plan, &stored).await, w.outcomes(plan).await, w.used().await);
    let forged = [
        (session, held(&lost)),
        (session, held(&work)),
        (other, held(&lost)),
        (other, PartKey { generation: Generation(work.generation.0 + 1), ..held(&work) }),
    ];
    for (who, part) in forged {
        let bad = vec![failed(file.offset, file.n, "stale")];
        refused(w.store.part_outcomes(who, part, bad).await, &what(&work), who);
        refused(w.store.part_spend(who, part, usd(1)).await, &what(&work), who);
        for end in [
            PartEnd::Done,
            PartEnd::AskAgain("stale".to_owned()),
            PartEnd::Stopped("stale".to_owned()),
            PartEnd::Later { next_try: START, reason: "stale".to_owned(), failed: true },
        ] {
            refused(w.store.part_end(who, part, end).await, &what(&work), who);
        }
        let after = (w.plan(plan).await, w.part(plan, &stored).await, w.outcomes(plan).await, w.used().await);
        assert_eq!(after, before);
    }
    assert!(w.done(other, &work).await);
    refused(w.store.part_end(other, held(&work), PartEnd::Done).await, &what(&work), other);
}

async fn an_outcome_counts_once(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 4).await;
    let plan = readable(&w, session, &[&stored]).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    let all = files(&w, &work).await;
    let there = FileOutcome { state: RestoreState::There, bytes: 0, ..delivered(all[1].offset, all[1].n) };
    let batch = vec![
        delivered(all[0].offset, all[0].n),
        there,
        failed(all[2].offset, all[2].n, "no leave to write it"),
        delivered(all[0].offset, all[0].n),
    ];
    for _ in 0..2 {
        w.store.part_outcomes(session, held(&work), batch.clone()).await.unwrap();
        let row = w.plan(plan).await;
        assert_eq!((row.delivered, row.delivered_bytes, row.failed), (2, 1001, 1));
    }
    // The first outcome stands, and what is no file of the part has none.
    let others = vec![failed(all[0].offset, all[0].n, "late"), delivered(4711, 4711)];
    w.store.part_outcomes(session, held(&work), others).await.unwrap();
    let row = w.plan(plan).await;
    assert_eq!((row.delivered, row.delivered_bytes, row.failed), (2, 1001, 1));
    assert_eq!(w.tally(plan).await, [("already there", 1), ("delivered", 1), ("failed", 1), ("waiting", 1)].into());
    let rows = w.outcomes(plan).await;
    assert_eq!((rows[0].reason.clone(), rows[0].done_at), (None, Some(START)));
    assert_eq!(rows[2].reason.as_deref(), Some("no leave to write it"));
    assert_eq!(rows[3].done_at, None);
}

async fn an_outcome_is_one_that_a_file_can_have(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    let plan = readable(&w, session, &[&stored]).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    let all = files(&w, &work).await;
    for (state, word) in [(RestoreState::Waiting, "waiting"), (RestoreState::Impossible, "not possible")] {
        let wrong = FileOutcome { state, ..delivered(all[1].offset, all[1].n) };
        let words = format!("file {} of plan {plan} is said to have come out as {word:?}", all[1].n);
        let batch = vec![delivered(all[0].offset, all[0].n), wrong];
        impossible(w.store.part_outcomes(session, held(&work), batch).await, &words);
        assert_eq!((w.plan(plan).await.delivered, w.tally(plan).await), (0, [("waiting", 2)].into()));
    }
}

async fn a_part_is_done_when_none_of_its_files_waits(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    let plan = readable(&w, session, &[&stored]).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    let all = files(&w, &work).await;
    w.store.part_outcomes(session, held(&work), vec![delivered(all[0].offset, all[0].n)]).await.unwrap();
    let words = format!("{} is done, and files of it wait", what(&work));
    impossible(w.store.part_end(session, held(&work), PartEnd::Done).await, &words);
    assert_eq!((w.plan(plan).await.parts_left, w.plan(plan).await.state), (1, PlanState::Running));
    w.store.part_outcomes(session, held(&work), vec![failed(all[1].offset, all[1].n, "x")]).await.unwrap();
    assert!(w.store.part_end(session, held(&work), PartEnd::Done).await.unwrap());
    assert_eq!(w.states(plan).await, [PartState::Done]);
}

async fn put_off_it_comes_again_at_its_time(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    let plan = readable(&w, session, &[&stored]).await;
    let later = async |work: &PartWork, failed| {
        let (next_try, reason) = (w.in_secs(30).await, "the disk is full".to_owned());
        let end = PartEnd::Later { next_try, reason, failed };
        assert!(!w.store.part_end(session, held(work), end).await.unwrap(), "the plan goes on");
    };
    for attempts in 0..3 {
        let work = w.claim_part(session, "alpha").await.unwrap();
        assert_eq!(work.attempts, attempts);
        later(&work, true).await;
        let part = w.part(plan, &stored).await;
        assert_eq!((part.state, part.reason.as_deref()), (PartState::Ready, Some("the disk is full")));
        w.advance(29);
        assert!(w.claim_part(session, "alpha").await.is_none(), "not before its time");
        w.advance(1);
    }
    let work = w.claim_part(session, "alpha").await.unwrap();
    later(&work, false).await;
    w.advance(30);
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert_eq!(work.attempts, 3, "a pause is no failure, and mends none");
    let file = files(&w, &work).await.remove(0);
    w.store.part_outcomes(session, held(&work), vec![delivered(file.offset, file.n)]).await.unwrap();
    later(&work, true).await;
    w.advance(30);
    assert_eq!(w.store.plan_held(plan).await.unwrap(), (1, Some("the disk is full".to_owned())));
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert_eq!(work.attempts, 1, "a file came through since");
    // Somebody has mended it and does not want to wait; what is being tried is let be.
    assert_eq!(w.store.plan_again(plan).await.unwrap(), 0);
    later(&work, true).await;
    assert!(w.claim_part(session, "alpha").await.is_none());
    assert_eq!(w.store.plan_again(plan).await.unwrap(), 1);
    assert_eq!(w.store.plan_held(plan).await.unwrap(), (0, None));
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert_eq!(work.attempts, 0);
    assert!(w.done(session, &work).await);
}

async fn output_that_cannot_be_read_is_asked_for_again_and_joined_by_nobody(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    let plan = w.running("alpha", &[all(&stored)], usd(900)).await;
    let other = w.running("alpha", &[all(&stored)], usd(900)).await;
    w.ready(session, plan, &stored, 1, usd(100)).await;
    assert!(matches!(w.ask(session, other, &stored, 9, usd(100)).await, JobAsked::Joined(_)));
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert_eq!(work.plan, plan);
    let file = files(&w, &work).await.remove(0);
    w.store.part_outcomes(session, held(&work), vec![delivered(file.offset, file.n)]).await.unwrap();
    let again = PartEnd::AskAgain("the vault says that it has expired".to_owned());
    assert!(!w.store.part_end(session, held(&work), again).await.unwrap());
    let row = w.store.retrieval(job(1)).await.unwrap().unwrap();
    assert_eq!((row.state, row.note.as_deref()), (RetrievalState::Expired, Some("the vault says that it has expired")));
    for plan in [plan, other] {
        let part = w.part(plan, &stored).await;
        assert_eq!((part.state, part.retrieval), (PartState::Waiting, None));
        assert_eq!(part.reason.as_deref(), Some("the vault says that it has expired"));
    }
    assert!(matches!(w.ask(session, plan, &stored, 2, usd(100)).await, JobAsked::New(_)), "not the same job again");
    assert!(matches!(w.ask(session, other, &stored, 3, usd(100)).await, JobAsked::Joined(new) if new.uuid == job(2)));
    w.hear(2, Heard::Taken { job_id: b"2".to_vec(), next_look: START, due: None }).await;
    w.hear(2, Heard::Ready { until: None, next_look: START }).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert_eq!(files(&w, &work).await.len(), 1, "what was delivered stays delivered");
    assert!(w.done(session, &work).await);
    assert_eq!(w.store.retrieval(job(2)).await.unwrap().unwrap().state, RetrievalState::Ready, "the other wants it");
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert!(w.done(session, &work).await);
    assert_eq!(w.store.retrieval(job(2)).await.unwrap().unwrap().state, RetrievalState::Closed);
}

async fn what_no_job_makes_readable_stops(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    let plan = readable(&w, session, &[&stored]).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    let again = PartEnd::AskAgain("it was moved to a colder class".to_owned());
    assert!(w.store.part_end(session, held(&work), again).await.unwrap());
    assert_eq!(
        w.part(plan, &stored).await.reason.as_deref(),
        Some(
            "no job was to make it readable, and it cannot be read (it was moved to a colder class); a supplement plan sees why"
        )
    );
    assert_eq!((w.plan(plan).await.state, w.plan(plan).await.failed), (PlanState::Ended, 2));
}

async fn a_stopped_part_takes_its_files_with_it(w: World) {
    let session = w.session().await;
    let (one, two) = (w.archived(session, 1, 3).await, w.archived(session, 2, 1).await);
    let plan = readable(&w, session, &[&one, &two]).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    let file = files(&w, &work).await.remove(0);
    w.store.part_outcomes(session, held(&work), vec![delivered(file.offset, file.n)]).await.unwrap();
    let why = "reading it costs more than is left of the ceiling";
    assert!(!w.store.part_end(session, held(&work), PartEnd::Stopped(why.to_owned())).await.unwrap());
    let row = w.plan(plan).await;
    assert_eq!((row.delivered, row.failed, row.parts_left, row.parts_stopped), (1, 2, 1, 1));
    let wrong = w.store.plan_restores(plan, true, None, 9).await.unwrap();
    assert_eq!(wrong.iter().filter(|file| file.reason.as_deref() == Some(why)).count(), 2);
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert!(w.store.part_end(session, held(&work), PartEnd::Stopped(why.to_owned())).await.unwrap(), "the last one");
    assert_eq!(w.plan(plan).await.state, PlanState::Ended);
}

async fn what_a_dead_session_held_is_free_again(w: World) {
    let session = w.session().await;
    let (one, two) = (w.archived(session, 1, 2).await, w.archived(session, 2, 1).await);
    let plan = w.running("alpha", &[all(&one), at_hand(&two)], usd(900)).await;
    w.ready(session, plan, &one, 1, usd(100)).await;
    w.ask(session, plan, &two, 2, usd(100)).await;
    let dead = w.session_on("alpha").await;
    let (first, second) = (w.claim_part(dead, "alpha").await.unwrap(), w.claim_part(dead, "alpha").await.unwrap());
    // The output of the first runs out while nobody reads it.
    w.hear(1, Heard::Expired).await;
    assert!(w.claim_part(session, "alpha").await.is_none());
    w.advance(61);
    assert!(w.store.reap(dead, session, false, true).await.unwrap().done);
    for work in [&first, &second] {
        refused(w.store.part_end(dead, held(work), PartEnd::Done).await, &what(work), dead);
    }
    let work = w.claim_part(session, "alpha").await.unwrap();
    assert_eq!(work.archive, two.archive);
    assert!(work.generation > second.generation);
    assert!(!w.done(session, &work).await);
    let part = w.part(plan, &one).await;
    assert_eq!((part.state, part.retrieval), (PartState::Waiting, None), "there is nothing to read any more");
    assert!(matches!(w.ask(session, plan, &one, 3, usd(100)).await, JobAsked::New(_)));
}

async fn reading_is_paid_under_the_ceiling(w: World) {
    let session = w.session().await;
    let stored = w.archived(session, 1, 2).await;
    let plan = readable(&w, session, &[&stored]).await;
    let work = w.claim_part(session, "alpha").await.unwrap();
    let spend = async |money| w.store.part_spend(session, held(&work), money).await.unwrap();
    assert!(spend(usd(60)).await);
    assert!(!spend(usd(41)).await, "that is beyond $1.00");
    assert!(!spend(Money::MAX).await);
    assert_eq!(w.plan(plan).await.spent, usd(60));
    assert!(spend(usd(40)).await && spend(Money::ZERO).await);
    impossible(
        w.store.part_spend(session, held(&work), usd(-1)).await,
        &format!("plan {plan} is to spend -$0.0100, less than nothing"),
    );
    assert_eq!((w.plan(plan).await.spent, w.used().await), (usd(100), (usd(100), usd(100))));
}

async fn of_each_plan_that_is_held_up_one_part_is_told(w: World) {
    let session = w.session().await;
    let stored = [w.archived(session, 1, 1).await, w.archived(session, 2, 1).await, w.archived(session, 3, 1).await];
    let all: Vec<&Stored> = stored.iter().collect();
    let (one, two) = (readable(&w, session, &all).await, readable(&w, session, &all[1..]).await);
    let fine = readable(&w, session, &all[..1]).await;
    assert_eq!(w.store.plans_held(10).await.unwrap(), []);
    while let Some(work) = w.claim_part(session, "alpha").await {
        let (reason, failed) = (format!("no room for {}", work.archive), work.plan != fine);
        let end = PartEnd::Later { next_try: w.in_secs(60).await, reason, failed };
        w.store.part_end(session, held(&work), end).await.unwrap();
    }
    let told = async |most| {
        let parts = w.store.plans_held(most).await.unwrap();
        parts.into_iter().map(|part| (part.plan, part.archive, part.reason.unwrap())).collect::<Vec<_>>()
    };
    let part = |plan, of: &Stored| (plan, of.archive, format!("no room for {}", of.archive));
    assert_eq!(told(10).await, [part(one, &stored[0]), part(two, &stored[1])]);
    assert_eq!(told(1).await, [part(one, &stored[0])]);
    let gathered = findings::gather(&*w.store, w.now().await).await.unwrap();
    let told: Vec<_> = gathered.iter().map(|found| (found.key.rule, found.key.object.clone())).collect();
    let of = |rule| move |id| (rule, format!("plan {id}"));
    assert_eq!(told[..2], [one, two].map(of("restore.held")));
    // Whoever restores tells of other hosts' plans that nobody restores: no session here says that it does.
    assert!(told[2..].iter().all(|found| found.0 == "restore.none") && told[2..].contains(&of("restore.none")(one)));
}

async fn what_was_not_sent_is_given_back_once(w: World) {
    let session = w.session().await;
    let stored = [w.archived(session, 1, 1).await, w.archived(session, 2, 1).await];
    let plan = readable(&w, session, &[&stored[0], &stored[1]]).await;
    let unspend = async |key, cents| w.store.part_unspend(session, key, usd(cents)).await;
    let (first, second) =
        (w.claim_part(session, "alpha").await.unwrap(), w.claim_part(session, "alpha").await.unwrap());
    for work in [&first, &second] {
        assert!(w.store.part_spend(session, held(work), usd(30)).await.unwrap());
    }
    // Of a part that is held, as often as there is something.
    unspend(held(&first), 4).await.unwrap();
    unspend(held(&first), 6).await.unwrap();
    assert_eq!((w.plan(plan).await.spent, w.used().await.0), (usd(50), usd(100)));
    let words = format!("plan {plan} is to get -$0.0100 back, less than nothing");
    impossible(unspend(held(&first), -1).await, &words);
    // Of one that was given back, by who had it, until somebody else has it.
    let later = PartEnd::Later { next_try: w.now().await, reason: "no room".to_owned(), failed: true };
    w.store.part_end(session, held(&first), later.clone()).await.unwrap();
    unspend(held(&first), 5).await.unwrap();
    refused(unspend(held(&first), 5).await, &what(&first), session);
    let again = w.claim_part(session, "alpha").await.unwrap();
    assert_eq!(again.archive, first.archive);
    refused(unspend(held(&first), 5).await, &what(&first), session);
    w.store.part_end(session, held(&again), later).await.unwrap();
    let third = w.claim_part(session, "alpha").await.unwrap();
    refused(unspend(held(&again), 5).await, &what(&again), session);
    assert_eq!(w.plan(plan).await.spent, usd(45));
    // Of a plan that was cancelled meanwhile.
    assert_eq!(w.store.plan_cancel(plan, "ann".to_owned()).await.unwrap().spent, usd(45));
    unspend(held(&second), 25).await.unwrap();
    refused(unspend(held(&second), 25).await, &what(&second), session);
    unspend(held(&third), 10).await.unwrap();
    refused(unspend(held(&third), 10).await, &what(&third), session);
    refused(unspend(held(&first), 5).await, &what(&first), session);
    let left = usd(10);
    assert_eq!((w.plan(plan).await.spent, w.used().await), (left, (left, left)));
    assert!(
        !w.store.part_spend(session, held(&second), usd(1)).await.is_ok_and(|may| may),
        "nothing is spent any more"
    );
}

async fn a_plan_ends_with_its_last_part(w: World) {
    let session = w.session().await;
    let (one, two) = (w.archived(session, 1, 1).await, w.archived(session, 2, 1).await);
    let plan = readable(&w, session, &[&one, &two]).await;
    let (first, second) =
        (w.claim_part(session, "alpha").await.unwrap(), w.claim_part(session, "alpha").await.unwrap());
    assert!(!w.done(session, &second).await);
    assert_eq!((w.plan(plan).await.state, w.plan(plan).await.parts_left), (PlanState::Running, 1));
    w.advance(9);
    assert!(w.done(session, &first).await);
    let row = w.plan(plan).await;
    assert_eq!((row.state, row.parts_left, row.ended_at), (PlanState::Ended, 0, Some(w.now().await)));
    let told = w.store.events(None, 1).await.unwrap().remove(0).event;
    assert_eq!((told.who.as_str(), told.what.as_str(), told.object), ("ann", "restore.ended", format!("plan {plan}")));
    assert_eq!(told.detail, "docs: of yesterday: 2 files delivered, 0 failed, $0.00 spent");
    assert_eq!(w.used().await, (Money::ZERO, Money::ZERO), "what was reserved is free");
}
