//! Sessions are leases: renewed, run out, reaped; and whoever comes back from the dead changes nothing.

use std::fmt::Write as _;

use firn::base::Time;
use firn::base::ids::{Generation, Lane, SessionId};
use firn::store::{ArchiveState, ChangedFile, Orphan, PartRow, QueueState, Reaped};

use crate::world::{
    LEASE, START, World, confirmed, contents, failure, file, host_key, new_bundle, new_direct, refs, refused, uuid,
};

on_every_engine! {
    a_lease_holds_from_its_last_renewal
    what_a_session_writes_of_itself_is_there_for_others
    a_session_that_lives_is_not_reaped
    a_lease_that_has_run_out_may_still_be_renewed_until_somebody_reaps_it
    reaping_gives_back_what_the_dead_held
    reaping_twice_does_nothing
    a_dead_process_is_reaped_at_once
    the_dead_hold_nothing_against_those_who_come_back
    the_reaped_take_no_new_work
    sealed_bundles_of_a_lost_host_go_back_to_the_queue
    sealed_bundles_stay_while_another_session_of_their_host_lives
    ending_in_order_gives_back_and_keeps_what_is_sealed
    session_numbers_are_never_used_twice
    time_does_not_go_back_with_the_wall
    time_does_not_go_back_over_a_restart
    leases_run_by_the_store_and_not_by_the_wall
}

async fn a_lease_holds_from_its_last_renewal(w: World) {
    let session = w.store.session_start(crate::world::new_session("alpha")).await.unwrap();
    assert_eq!(session.lease_until, START.plus(LEASE));
    w.advance(25);
    let renewed = w.store.session_renew(session.id, LEASE, String::new()).await.unwrap();
    assert_eq!(renewed.id, session.id);
    assert_eq!(renewed.lease_until, START.plus(std::time::Duration::from_secs(85)));
    assert_eq!(w.store.sessions().await.unwrap()[0].lease_until, renewed.lease_until);
}

async fn what_a_session_writes_of_itself_is_there_for_others(w: World) {
    let (first, second) = (w.session().await, w.session_on("beta").await);
    w.advance(3);
    w.store.session_renew(second, LEASE, "{\"pools\":2}".to_owned()).await.unwrap();
    let rows = w.another().sessions().await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!(rows[0].process, crate::world::process("alpha"));
    assert_eq!((rows[0].doing.as_str(), rows[0].last_seen, rows[0].started), ("", START, START));
    assert_eq!((rows[1].doing.as_str(), rows[1].kinds.as_str()), ("{\"pools\":2}", "backup"));
    assert_eq!((rows[1].started, rows[1].last_seen), (START, Time::from_secs(1_000_003)));
    w.store.session_end(first).await.unwrap();
    assert_eq!(w.store.sessions().await.unwrap().len(), 1, "one that has ended is not listed");
}

async fn a_session_that_lives_is_not_reaped(w: World) {
    let (live, other) = (w.session().await, w.session().await);
    let claimed = w.claimed(live, "a", 1).await;
    w.advance(59);
    assert_eq!(w.store.reap(live, other, false, true).await.unwrap(), Reaped::default());
    w.store.fetch_failed(live, vec![failure(&claimed, w.now().await)]).await.unwrap();
    // At the very end of the lease it may be reaped.
    w.advance(1);
    assert!(w.store.reap(live, other, false, true).await.unwrap().done);
}

async fn a_lease_that_has_run_out_may_still_be_renewed_until_somebody_reaps_it(w: World) {
    let (late, other) = (w.session().await, w.session().await);
    w.advance(1000);
    w.store.session_renew(late, LEASE, String::new()).await.unwrap();
    assert!(!w.store.reap(late, other, false, true).await.unwrap().done);
    w.advance(60);
    assert!(w.store.reap(late, other, false, true).await.unwrap().done);
    refused(w.store.session_renew(late, LEASE, String::new()).await, "the lease", late);
}

async fn reaping_gives_back_what_the_dead_held(w: World) {
    let (dead, other) = (w.session().await, w.session().await);
    w.find(dead, Lane::Live, &[("fetched", 1), ("failed before", 1), ("staged", 1), ("sent", 1)]).await;
    let claimed = w.claim(dead, Lane::Live).await;
    let of = |name: &str| claimed.iter().find(|c| c.found.key == crate::world::key(name)).unwrap().clone();
    // One that failed before and is being fetched again.
    w.store.fetch_failed(dead, vec![failure(&of("failed before"), w.now().await)]).await.unwrap();
    assert_eq!(w.claim(dead, Lane::Live).await.len(), 1);
    w.seal(dead, 1, &[of("sent")]).await;
    let sent = w.upload(dead).await;
    let open = w.open(dead, 2).await;
    w.store.duty_take("scan".to_owned(), dead).await.unwrap().unwrap();

    w.advance(61);
    let reaped = w.store.reap(dead, other, false, true).await.unwrap();
    assert_eq!(reaped, Reaped { done: true, files: 3, abandoned: 1, uploads: 1 });

    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, ["fetched", "staged"]);
    assert_eq!(w.queued(Lane::Live, QueueState::Failed).await, ["failed before"], "a failure stays one");
    assert_eq!(w.queued(Lane::Live, QueueState::Bundled).await, ["sent"]);
    assert_eq!(w.claim(other, Lane::Live).await.len(), 3, "they are due at once");
    let row = w.store.archive(open.uuid).await.unwrap().unwrap();
    assert_eq!(
        (row.state, row.note.as_deref()),
        (ArchiveState::Abandoned, Some("its session ended before it was sent"))
    );
    let row = w.store.archive(sent.bundle.uuid).await.unwrap().unwrap();
    assert_eq!((row.state, row.owner), (ArchiveState::Uploading, None), "what has begun never goes back by time");
    assert_eq!(w.store.settle_claim(other, 9).await.unwrap().len(), 1);
    assert_eq!(w.store.duty("scan".to_owned()).await.unwrap().unwrap().owner, None);
    let told = w.store.events(None, 1).await.unwrap().remove(0).event;
    assert_eq!((told.what.as_str(), told.who), ("session.reaped", format!("session {other}")));
    assert_eq!(told.detail, "it died: 3 files queued again, 1 bundles abandoned, 1 uploads to settle");
}

async fn reaping_twice_does_nothing(w: World) {
    let (dead, other) = (w.session().await, w.session().await);
    w.claimed(dead, "a", 1).await;
    w.advance(60);
    assert_eq!(w.store.reap(dead, other, false, true).await.unwrap().files, 1);
    assert_eq!(w.claim(other, Lane::Live).await.len(), 1);
    let before = w.store.events(None, 100).await.unwrap();
    assert_eq!(w.store.reap(dead, other, true, true).await.unwrap(), Reaped::default());
    assert_eq!(w.store.events(None, 100).await.unwrap(), before);
    assert_eq!(w.queued(Lane::Live, QueueState::Fetching).await, ["a"], "who claimed it since keeps it");
}

async fn a_dead_process_is_reaped_at_once(w: World) {
    let (dead, other) = (w.session().await, w.session().await);
    w.claimed(dead, "a", 1).await;
    assert!(w.store.reap(dead, other, true, true).await.unwrap().done);
    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, ["a"]);
}

/// Everything that a session could do with what it held is refused after it was reaped, and nothing is changed.
async fn the_dead_hold_nothing_against_those_who_come_back(w: World) {
    let (dead, other) = (w.session().await, w.session().await);
    w.find(dead, Lane::Live, &[("a", 1), ("b", 1), ("c", 1)]).await;
    let claimed = w.claim(dead, Lane::Live).await;
    let (a, sealed_file, direct_file) = (&claimed[0], &claimed[1], &claimed[2]);
    w.seal(dead, 1, std::slice::from_ref(sealed_file)).await;
    let sent = w.upload(dead).await.bundle;
    let open = w.open(dead, 2).await;
    let direct = w.store.bundle_open(dead, new_direct(3, direct_file.file)).await.unwrap();
    let duty = w.store.duty_take("scan".to_owned(), dead).await.unwrap().unwrap();
    w.advance(60);
    w.store.reap(dead, other, false, true).await.unwrap();
    let before = picture(&w).await;

    let now = w.now().await;
    let of_a = format!("file {}", a.file);
    let s = &w.store;
    refused(s.give_back(dead, refs(std::slice::from_ref(a))).await, &of_a, dead);
    refused(s.put_off(dead, refs(std::slice::from_ref(a)), now).await, &of_a, dead);
    refused(s.fetch_failed(dead, vec![failure(a, now)]).await, &of_a, dead);
    refused(s.fetch_gone(dead, refs(std::slice::from_ref(a))).await, &of_a, dead);
    let changed = ChangedFile { file: a.file, generation: a.generation, found: file("a", 2), failed: None };
    refused(s.fetch_changed(dead, vec![changed]).await, &of_a, dead);
    let sealed = contents(std::slice::from_ref(a));
    refused(s.bundle_seal(dead, open, sealed.clone()).await, &format!("archive {}", open.uuid), dead);
    refused(s.bundle_abandon(dead, open, Vec::new(), String::new()).await, &format!("archive {}", open.uuid), dead);
    for archive in [sent, direct] {
        let what = format!("archive {}", archive.uuid);
        refused(s.upload_begun(dead, archive, vec![1], 1).await, &what, dead);
        let part = PartRow { number: 0, size: 1, tree_hash: firn::base::hash::Hash32([0; 32]), etag: None };
        refused(s.part_stored(dead, archive, part).await, &what, dead);
        refused(s.upload_contents(dead, archive, sealed.clone()).await, &what, dead);
        refused(s.upload_stored(dead, archive, confirmed(1)).await, &what, dead);
        refused(s.upload_failed(dead, archive, "upload", String::new(), now).await, &what, dead);
        refused(s.upload_unknown(dead, archive, String::new(), now).await, &what, dead);
        refused(s.upload_abandon(dead, archive, "word", String::new()).await, &what, dead);
        refused(s.settle_stored(dead, archive, confirmed(1)).await, &what, dead);
        refused(s.repeat_unknown(dead, archive, now).await, &what, dead);
    }
    refused(s.direct_pause(dead, direct, failure(direct_file, now)).await, &format!("archive {}", direct.uuid), dead);
    refused(s.duty_done("scan".to_owned(), dead, duty.generation, now, String::new()).await, "the duty scan", dead);
    s.duty_release("scan".to_owned(), dead).await.unwrap();
    assert_eq!(picture(&w).await, before);
    // The same under the right session and an older generation.
    let again = w.claim(other, Lane::Live).await;
    let old = (again[0].file, Generation(again[0].generation.0 - 1));
    refused(s.give_back(other, vec![old]).await, &format!("file {}", old.0), other);
}

/// What a session has to be alive for, whether it held something or not.
async fn the_reaped_take_no_new_work(w: World) {
    let (dead, other) = (w.session().await, w.session().await);
    let source = w.source().await;
    w.stored(other, "kept", 1, 9).await;
    w.find(other, Lane::Live, &[("a", 1)]).await;
    w.store.reap(dead, other, true, true).await.unwrap();
    let kept = w.store.newest_file().await.unwrap();
    let before = picture(&w).await;
    let s = &w.store;
    refused(s.claim(dead, Lane::Live, 9).await, "the lease", dead);
    refused(s.bundle_open(dead, new_bundle(1, "alpha")).await, "the lease", dead);
    refused(s.upload_claim(dead, Lane::Live, host_key("alpha")).await, "the lease", dead);
    refused(s.settle_claim(dead, 9).await, "the lease", dead);
    let names = vec!["1.tar".to_owned()];
    let adopted = s.adopt_staged(dead, host_key("alpha"), "/staging".into(), names, LEASE).await;
    refused(adopted, "the lease", dead);
    refused(s.duty_take("scan".to_owned(), dead).await, "the lease", dead);
    refused(s.direct_resume(dead, firn::base::ids::ArchiveId(1), kept).await, "the lease", dead);
    refused(s.session_renew(dead, LEASE, String::new()).await, "the lease", dead);
    // What it saw of the source may be old: it must not enter it over what others have seen since.
    refused(s.found(dead, source, Lane::Live, vec![file("a", 2)]).await, "the lease", dead);
    refused(s.mark_gone(dead, vec![kept]).await, "the lease", dead);
    refused(s.source_scanned(source, dead, START, 5).await, "the lease", dead);
    let orphan = Orphan { uuid: uuid(77), vault: "cold".to_owned(), remote_id: vec![1], size: 1, manifest_offset: 0 };
    refused(s.orphan_found(dead, orphan).await, "the lease", dead);
    assert_eq!(picture(&w).await, before);
    // Nobody's number is not a session either.
    refused(s.claim(SessionId(4711), Lane::Live, 9).await, "the lease", SessionId(4711));
}

async fn sealed_bundles_of_a_lost_host_go_back_to_the_queue(w: World) {
    let (dead, other) = (w.session().await, w.session_on("beta").await);
    w.find(dead, Lane::Live, &[("sealed", 1), ("sent", 1)]).await;
    let claimed = w.claim(dead, Lane::Live).await;
    w.seal(dead, 1, &claimed[1..]).await;
    let sent = w.upload(dead).await;
    let sealed = w.seal(dead, 2, &claimed[..1]).await;
    w.advance(60);
    let reaped = w.store.reap(dead, other, false, false).await.unwrap();
    assert_eq!(reaped, Reaped { done: true, files: 1, abandoned: 1, uploads: 1 });
    assert_eq!(w.store.archive(sealed.uuid).await.unwrap().unwrap().state, ArchiveState::Abandoned);
    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, ["sealed"]);
    assert_eq!(w.store.archive(sent.bundle.uuid).await.unwrap().unwrap().state, ArchiveState::Unknown);
    let taken = w.store.settle_claim(other, 9).await.unwrap().remove(0);
    assert_eq!(taken.unknown_since, Some(w.now().await));
}

async fn sealed_bundles_stay_while_another_session_of_their_host_lives(w: World) {
    let (dead, living, other) = (w.session().await, w.session().await, w.session_on("beta").await);
    let claimed = w.claimed(dead, "a", 1).await;
    let sealed = w.seal(dead, 1, &[claimed]).await;
    assert_eq!(w.store.reap(dead, other, true, false).await.unwrap().abandoned, 0);
    assert_eq!(w.store.archive(sealed.uuid).await.unwrap().unwrap().state, ArchiveState::Sealed);
    w.store.upload_claim(living, Lane::Live, host_key("alpha")).await.unwrap().expect("its host can still send it");
}

async fn ending_in_order_gives_back_and_keeps_what_is_sealed(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 1)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    let sealed = w.seal(session, 1, &claimed[..1]).await;
    w.open(session, 2).await;
    let ended = w.store.session_end(session).await.unwrap();
    assert_eq!(ended, Reaped { done: true, files: 1, abandoned: 1, uploads: 0 });
    assert_eq!(w.store.archive(sealed.uuid).await.unwrap().unwrap().state, ArchiveState::Sealed);
    let next = w.session().await;
    assert!(w.store.upload_claim(next, Lane::Live, host_key("alpha")).await.unwrap().is_some());
    assert_eq!(w.claim(next, Lane::Live).await.len(), 1);
    refused(w.store.session_renew(session, LEASE, String::new()).await, "the lease", session);
}

async fn session_numbers_are_never_used_twice(mut w: World) {
    let first = w.session().await;
    w.store.session_end(first).await.unwrap();
    w.advance(10);
    assert_eq!(w.store.prune(w.now().await).await.unwrap(), 1);
    w.reopen();
    assert!(w.session().await > first);
}

async fn time_does_not_go_back_with_the_wall(w: World) {
    w.session().await;
    w.set_wall(START.minus(std::time::Duration::from_hours(1)));
    assert_eq!(w.now().await, START);
    w.advance(10);
    assert_eq!(w.now().await, Time::from_secs(1_000_010), "it goes on by the monotonic clock");
    w.set_wall(Time::from_secs(2_000_000));
    assert_eq!(w.now().await, Time::from_secs(2_000_000), "it follows the wall forward");
    w.set_wall(START);
    w.advance(1);
    assert_eq!(w.now().await, Time::from_secs(2_000_001));
}

async fn time_does_not_go_back_over_a_restart(mut w: World) {
    let session = w.session().await;
    w.advance(500);
    w.find(session, Lane::Live, &[("a", 1)]).await;
    w.set_wall(Time::from_secs(10));
    w.reopen();
    // The first thing a new process does may be to read.
    assert!(w.store.due(host_key("alpha")).await.unwrap().fetch[0], "what was due before the wall went back is due");
    assert_eq!(w.now().await, Time::from_secs(1_000_500));
    w.advance(5);
    assert_eq!(w.now().await, Time::from_secs(1_000_505));
    assert_eq!(w.claim(session, Lane::Live).await.len(), 1);
}

async fn leases_run_by_the_store_and_not_by_the_wall(w: World) {
    let (session, other) = (w.session().await, w.session().await);
    w.set_wall(Time::from_secs(5));
    w.advance(59);
    assert!(!w.store.reap(session, other, false, true).await.unwrap().done);
    w.advance(1);
    assert!(w.store.reap(session, other, false, true).await.unwrap().done);
}

/// All that a late writer could have touched.
async fn picture(w: &World) -> String {
    let s = &w.store;
    let mut picture = format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
        s.totals().await.unwrap(),
        s.sessions().await.unwrap(),
        s.failures(None, 100).await.unwrap(),
        s.events(None, 100).await.unwrap(),
        s.duty("scan".to_owned()).await.unwrap(),
    );
    for lane in Lane::ALL {
        for state in QueueState::ALL {
            let _ = write!(picture, "\n{:?}", s.queue_page(lane, *state, None, 100).await.unwrap());
        }
    }
    for number in 0..=100 {
        let row = s.archive(uuid(number)).await.unwrap();
        if let Some(row) = row {
            let members = s.members(row.id, None, 100).await.unwrap();
            let _ = write!(picture, "\n{row:?} {members:?} {:?}", s.parts(row.id).await.unwrap());
        }
    }
    let keys = s.restorable(w.source().await, Vec::new(), None, None, 100).await.unwrap();
    let source = s.source("ugc".to_owned(), "directory").await.unwrap();
    picture + &format!("\n{keys:?} {source:?}")
}
