//! Claims: their order, their limits, and that no file is ever claimed twice at a time.

use std::collections::HashSet;
use std::sync::Arc;

use firn::base::ids::{Generation, Lane};
use firn::store::{Claimed, FetchFailure, QueueState, Store};
use tokio::sync::Barrier;

use crate::world::{World, confirmed, contents, failure, host_key, new_bundle, new_session, refs, refused};

on_every_engine! {
    lanes_are_claimed_apart_and_oldest_first
    a_claim_takes_no_more_than_its_limit
    a_failed_file_waits_for_its_next_try
    failed_files_take_half_of_a_claim
    a_failure_that_does_not_count_leaves_the_attempts
    what_is_given_back_is_due_at_once
    what_is_put_off_waits_and_nothing_is_said_of_it
    the_newest_failures_of_a_file_are_kept
    every_claim_has_a_new_generation
    one_stale_file_undoes_the_whole_operation
    a_retry_makes_waiting_files_due
    two_processes_never_claim_one_file_twice
}

fn names(claimed: &[Claimed]) -> Vec<String> {
    claimed.iter().map(|claimed| claimed.found.key.to_string()).collect()
}

async fn lanes_are_claimed_apart_and_oldest_first(w: World) {
    let session = w.session().await;
    w.find(session, Lane::History, &[("h1", 1)]).await;
    w.find(session, Lane::Live, &[("l1", 1), ("l2", 1)]).await;
    w.advance(1);
    w.find(session, Lane::Live, &[("l3", 1)]).await;
    w.find(session, Lane::History, &[("h2", 1)]).await;
    let live = w.claim(session, Lane::Live).await;
    assert_eq!(names(&live), ["l1", "l2", "l3"]);
    assert!(live.iter().all(|claimed| claimed.lane == Lane::Live));
    assert_eq!(names(&w.claim(session, Lane::History).await), ["h1", "h2"]);
    assert_eq!(w.claim(session, Lane::Live).await, [], "what is claimed is not claimed again");
}

async fn a_claim_takes_no_more_than_its_limit(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 1), ("c", 1)]).await;
    assert_eq!(w.store.claim(session, Lane::Live, 0).await.unwrap(), []);
    assert_eq!(names(&w.store.claim(session, Lane::Live, 2).await.unwrap()), ["a", "b"]);
    assert_eq!(names(&w.store.claim(session, Lane::Live, 2).await.unwrap()), ["c"]);
}

async fn a_failed_file_waits_for_its_next_try(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    w.store.fetch_failed(session, vec![failure(&claimed, w.in_secs(10).await)]).await.unwrap();
    assert_eq!(w.queued(Lane::Live, QueueState::Failed).await, ["a"]);
    w.advance(9);
    assert_eq!(w.claim(session, Lane::Live).await, []);
    w.advance(1);
    let again = w.claim(session, Lane::Live).await.remove(0);
    assert_eq!((again.file, again.attempts), (claimed.file, 1));
    let told = w.store.failures(None, 9).await.unwrap();
    assert_eq!((told.len(), told[0].stage.as_str(), told[0].file), (1, "fetch", Some(claimed.file)));
    assert_eq!((told[0].reason.as_str(), told[0].detail.as_str()), ("permission", "a cannot be read"));
    w.store.give_back(session, refs(&[again])).await.unwrap();
    assert_eq!(w.queued(Lane::Live, QueueState::Failed).await, ["a"], "given back, it is still one that failed");
}

async fn failed_files_take_half_of_a_claim(w: World) {
    let session = w.session().await;
    let bad: Vec<_> = (0..6).map(|n| format!("bad{n}")).collect();
    w.find(session, Lane::Live, &bad.iter().map(|name| (name.as_str(), 1)).collect::<Vec<_>>()).await;
    let claimed = w.claim(session, Lane::Live).await;
    // Their tries come due in the reverse order.
    let mut failures = Vec::new();
    for (n, file) in claimed.iter().enumerate() {
        failures.push(failure(file, w.in_secs(10 - n as u64).await));
    }
    w.store.fetch_failed(session, failures).await.unwrap();
    w.find(session, Lane::Live, &[("new0", 1), ("new1", 1), ("new2", 1)]).await;
    w.advance(20);
    let first = w.store.claim(session, Lane::Live, 4).await.unwrap();
    assert_eq!(names(&first), ["bad5", "bad4", "new0", "new1"]);
    // When there is little that is new, failed ones still take no more than half; the next claim gets them.
    assert_eq!(names(&w.store.claim(session, Lane::Live, 4).await.unwrap()), ["bad3", "bad2", "new2"]);
    assert_eq!(names(&w.store.claim(session, Lane::Live, 4).await.unwrap()), ["bad1", "bad0"]);
}

async fn a_failure_that_does_not_count_leaves_the_attempts(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    let failure = FetchFailure { counts: false, ..failure(&claimed, w.now().await) };
    w.store.fetch_failed(session, vec![failure]).await.unwrap();
    assert_eq!(w.queued(Lane::Live, QueueState::Failed).await, ["a"]);
    assert_eq!(w.claim(session, Lane::Live).await[0].attempts, 0);
}

async fn what_is_given_back_is_due_at_once(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 1)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    w.store.give_back(session, refs(&claimed[..1])).await.unwrap();
    assert_eq!(names(&w.claim(session, Lane::Live).await), ["a"]);
}

async fn what_is_put_off_waits_and_nothing_is_said_of_it(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("new", 1), ("failed", 1), ("other", 1)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    w.store.fetch_failed(session, vec![failure(&claimed[1], w.now().await)]).await.unwrap();
    let mut both = w.claim(session, Lane::Live).await;
    both.push(claimed[0].clone());
    let later = w.in_secs(30).await;
    w.store.put_off(session, refs(&both), later).await.unwrap();
    for (state, name, attempts) in [(QueueState::Queued, "new", 0), (QueueState::Failed, "failed", 1)] {
        let rows = w.store.queue_page(Lane::Live, state, None, 9).await.unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.key.to_string(), row.next_try, row.attempts)).collect();
        assert_eq!(told, [(name.to_owned(), later, attempts)], "{state}");
    }
    assert_eq!(w.queued(Lane::Live, QueueState::Fetching).await, ["other"]);
    assert_eq!(w.store.failures(None, 9).await.unwrap().len(), 1, "the one of before");
    w.advance(29);
    assert_eq!(w.claim(session, Lane::Live).await, []);
    w.advance(1);
    let again = w.claim(session, Lane::Live).await;
    let told: Vec<_> = again.iter().map(|c| (c.found.key.to_string(), c.attempts, c.queued_at)).collect();
    let since = claimed[0].queued_at;
    assert_eq!(told, [("failed".to_owned(), 1, since), ("new".to_owned(), 0, since)]);
    // It was given up: the claim of before holds nothing.
    let what = format!("file {}", claimed[0].file);
    refused(w.store.put_off(session, refs(&claimed[..1]), later).await, &what, session);
}

async fn the_newest_failures_of_a_file_are_kept(w: World) {
    const KEPT: usize = 10;
    let session = w.session().await;
    w.find(session, Lane::Live, &[("bad", 1), ("worse", 1)]).await;
    for n in 0..KEPT + 3 {
        for claimed in w.claim(session, Lane::Live).await {
            // The other one fails seldom: what is kept is counted for each file.
            let bad = claimed.found.key.to_string() == "bad";
            let due = if bad || n % 4 == 3 { w.in_secs(1).await } else { w.in_secs(4 - n as u64 % 4).await };
            let failed = FetchFailure { detail: format!("{} {n}", claimed.found.key), ..failure(&claimed, due) };
            w.store.fetch_failed(session, vec![failed]).await.unwrap();
        }
        w.advance(1);
    }
    let told = w.store.failures(None, 100).await.unwrap();
    let of = |name: &str| -> Vec<String> {
        told.iter().map(|row| row.detail.clone()).filter(|detail| detail.starts_with(name)).collect()
    };
    let newest: Vec<_> = (3..KEPT + 3).rev().map(|n| format!("bad {n}")).collect();
    assert_eq!(of("bad"), newest);
    assert_eq!(of("worse"), ["worse 12", "worse 8", "worse 4", "worse 0"]);
    let page = w.store.failed_page(None, 9).await.unwrap();
    assert!(page.iter().any(|row| row.reason.as_ref().is_some_and(|(_, detail)| detail == "bad 12")), "{page:?}");
    // Those of archives are not counted with any file.
    for number in 0..KEPT + 2 {
        let bundle = w.open(session, u8::try_from(number).unwrap()).await;
        w.store.bundle_abandon(session, bundle, Vec::new(), String::new()).await.unwrap();
    }
    assert_eq!(w.store.failures(None, 100).await.unwrap().len(), told.len() + KEPT + 2);
}

async fn every_claim_has_a_new_generation(w: World) {
    let session = w.session().await;
    let first = w.claimed(session, "a", 1).await;
    w.store.give_back(session, refs(std::slice::from_ref(&first))).await.unwrap();
    let second = w.claim(session, Lane::Live).await.remove(0);
    assert!(second.generation > first.generation);
    // The same session, the same file, an older claim.
    refused(
        w.store.give_back(session, refs(std::slice::from_ref(&first))).await,
        &format!("file {}", first.file),
        session,
    );
    let bundle = w.open(session, 1).await;
    let sealed = contents(std::slice::from_ref(&first));
    refused(w.store.bundle_seal(session, bundle, sealed).await, &format!("file {}", first.file), session);
    w.store.give_back(session, refs(&[second])).await.unwrap();
}

async fn one_stale_file_undoes_the_whole_operation(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 1)]).await;
    let mut claimed = w.claim(session, Lane::Live).await;
    claimed[1].generation = Generation(claimed[1].generation.0 + 1);
    let what = format!("file {}", claimed[1].file);
    let due = w.now().await;
    refused(w.store.give_back(session, refs(&claimed)).await, &what, session);
    refused(w.store.put_off(session, refs(&claimed), w.in_secs(5).await).await, &what, session);
    let failures = claimed.iter().map(|claimed| failure(claimed, due)).collect();
    refused(w.store.fetch_failed(session, failures).await, &what, session);
    refused(w.store.fetch_gone(session, refs(&claimed)).await, &what, session);
    let bundle = w.open(session, 1).await;
    refused(w.store.bundle_seal(session, bundle, contents(&claimed)).await, &what, session);
    assert_eq!(w.queued(Lane::Live, QueueState::Fetching).await, ["a", "b"]);
    assert_eq!(w.store.failures(None, 9).await.unwrap(), []);
    assert_eq!(w.store.members(bundle.archive, None, 9).await.unwrap(), []);
}

async fn a_retry_makes_waiting_files_due(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1)]).await;
    w.find(session, Lane::History, &[("b", 1), ("c", 1)]).await;
    let mut claimed = w.claim(session, Lane::Live).await;
    claimed.extend(w.claim(session, Lane::History).await);
    let later = w.in_secs(1000).await;
    w.store.fetch_failed(session, claimed.iter().map(|c| failure(c, later)).collect()).await.unwrap();
    assert_eq!(w.store.retry_failed(Some(claimed[2].file)).await.unwrap(), 1);
    assert_eq!(names(&w.claim(session, Lane::History).await), ["c"]);
    assert_eq!(w.store.retry_failed(None).await.unwrap(), 2);
    assert_eq!(w.store.retry_failed(None).await.unwrap(), 0, "they are due already");
    assert_eq!(names(&w.claim(session, Lane::Live).await), ["a"]);
    let again = w.claim(session, Lane::History).await;
    assert_eq!(names(&again), ["b"]);
    // What waits without having failed is made due as well; what is at work is not touched.
    w.find(session, Lane::Live, &[("d", 1)]).await;
    let waits = w.claim(session, Lane::Live).await;
    w.store.put_off(session, refs(&waits), later).await.unwrap();
    assert_eq!(w.store.retry_failed(Some(again[0].file)).await.unwrap(), 0);
    assert_eq!(w.store.retry_failed(None).await.unwrap(), 1);
    assert_eq!(names(&w.claim(session, Lane::Live).await), ["d"]);
}

/// Four sessions, two of them in another process's handle, empty one queue together and upload what they bundled.
async fn two_processes_never_claim_one_file_twice(w: World) {
    const FILES: usize = 300;
    let finder = w.session().await;
    let names: Vec<_> = (0..FILES).map(|n| format!("f{n:03}")).collect();
    w.find(finder, Lane::Live, &names.iter().map(|name| (name.as_str(), 1)).collect::<Vec<_>>()).await;
    let stores = [Arc::clone(&w.store), Arc::clone(&w.store), w.another(), w.another()];
    let ready = Arc::new(Barrier::new(stores.len()));
    let workers = stores.into_iter().enumerate().map(|(n, store)| {
        let ready = Arc::clone(&ready);
        firn::base::task::spawn(empty(store, u8::try_from(n).unwrap(), ready))
    });
    let (mut files, mut archives, mut workers_that_worked) = (Vec::new(), Vec::new(), 0);
    for worker in workers.collect::<Vec<_>>() {
        let (claimed, uploaded) = worker.await.unwrap();
        workers_that_worked += usize::from(!claimed.is_empty());
        files.extend(claimed);
        archives.extend(uploaded);
    }
    assert_eq!((files.len(), files.iter().collect::<HashSet<_>>().len()), (FILES, FILES));
    assert_eq!(archives.iter().collect::<HashSet<_>>().len(), archives.len(), "one archive was uploaded twice");
    assert_eq!(workers_that_worked, 4, "not all of them claimed something: too little was tried here");
    assert_eq!(w.in_queue().await, 0);
    let totals = w.store.totals().await.unwrap();
    assert_eq!((totals[0].stored_files, totals[1].archives), (FILES as u64, archives.len() as u64));
}

async fn empty(
    store: Arc<dyn Store>,
    worker: u8,
    ready: Arc<Barrier>,
) -> (Vec<firn::base::ids::FileId>, Vec<firn::base::ids::ArchiveId>) {
    let session = store.session_start(new_session("alpha")).await.unwrap().id;
    ready.wait().await;
    let (mut files, mut archives) = (Vec::new(), Vec::new());
    let (mut number, mut first) = (worker * 60, true);
    loop {
        let claimed = store.claim(session, Lane::Live, 7).await.unwrap();
        if std::mem::take(&mut first) {
            // Who is lucky with the database's lock may empty the queue before another has claimed anything.
            ready.wait().await;
        }
        if !claimed.is_empty() {
            let bundle = store.bundle_open(session, new_bundle(number, "alpha")).await.unwrap();
            number += 1;
            store.bundle_seal(session, bundle, contents(&claimed)).await.unwrap();
            files.extend(claimed.iter().map(|claimed| claimed.file));
        }
        let upload = store.upload_claim(session, Lane::Live, host_key("alpha")).await.unwrap();
        if let Some(upload) = &upload {
            archives.push(upload.bundle.archive);
            store.upload_stored(session, upload.bundle, confirmed(worker)).await.unwrap();
        }
        if claimed.is_empty() && upload.is_none() {
            return (files, archives);
        }
        tokio::task::yield_now().await;
    }
}
