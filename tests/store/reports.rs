//! What reports read: totals, lanes, what is due, what is left, pages.

use firn::base::Time;
use firn::base::ids::{Lane, SessionId};
use firn::store::{COUNTED_UP_TO, Due, LaneState, QueueState, Total, Unfinished};

use crate::world::{START, VAULT, World, confirmed, failure, host_key, new_direct, uuid};

on_every_engine! {
    totals_are_summed_over_writers_and_outlive_them
    lanes_tell_how_they_stand
    what_is_due_is_told_by_lane
    what_is_left_is_told_until_nothing_is
    what_failed_too_often_is_given_up
    the_queue_comes_in_pages
    failed_files_come_in_pages_of_both_lanes
    live_archives_come_oldest_first
}

async fn totals_are_summed_over_writers_and_outlive_them(w: World) {
    let (first, second) = (w.session().await, w.session().await);
    w.stored(first, "a", 1, 1).await;
    w.find(second, Lane::Live, &[("b", 2), ("c", 3)]).await;
    w.find(second, Lane::History, &[("d", 4)]).await;
    let claimed = w.claim(second, Lane::Live).await;
    w.deliver(second, 2, &claimed[..1]).await;
    let in_queue = |lane: &str, queued: (u64, u64), stored: (u64, u64)| Total {
        lane: lane.to_owned(),
        queued_files: queued.0,
        queued_bytes: queued.1,
        left_files: stored.0,
        left_bytes: stored.1,
        stored_files: stored.0,
        stored_bytes: stored.1,
        ..Total::default()
    };
    let size = crate::world::contents(&claimed[..1]).size;
    let expected = [
        in_queue("live", (3, 3006), (2, 2003)),
        in_queue("history", (1, 1004), (0, 0)),
        Total {
            vault: VAULT.to_owned(),
            lane: "live".to_owned(),
            archives: 2,
            archive_bytes: 2 * size,
            ..Total::default()
        },
    ];
    assert_eq!(w.store.totals().await.unwrap(), expected);
    w.store.session_end(first).await.unwrap();
    w.store.reap(second, SessionId(0), true, true).await.unwrap();
    assert_eq!(w.store.totals().await.unwrap(), expected);
    w.advance(1);
    w.store.prune(w.now().await).await.unwrap();
    assert_eq!(w.another().totals().await.unwrap(), expected);
}

async fn lanes_tell_how_they_stand(w: World) {
    let session = w.session().await;
    let lane = |lane| {
        let store = w.store.clone();
        async move { store.lanes().await.unwrap().into_iter().find(|state| state.lane == lane).unwrap() }
    };
    let empty =
        LaneState { lane: Lane::Live, files: 0, bytes: 0, queued: 0, fetching: 0, bundled: 0, failed: 0, oldest: None };
    assert_eq!(lane(Lane::Live).await, empty);
    w.find(session, Lane::Live, &[("a", 1), ("b", 2), ("c", 3)]).await;
    w.advance(10);
    w.find(session, Lane::Live, &[("d", 4)]).await;
    let claimed = w.store.claim(session, Lane::Live, 3).await.unwrap();
    w.store.fetch_failed(session, vec![failure(&claimed[0], w.in_secs(60).await)]).await.unwrap();
    w.seal(session, 1, &claimed[1..2]).await;
    let full = LaneState {
        files: 4,
        bytes: 4010,
        queued: 1,
        fetching: 1,
        bundled: 1,
        failed: 1,
        oldest: Some(START),
        ..empty.clone()
    };
    assert_eq!(lane(Lane::Live).await, full);
    assert_eq!(lane(Lane::History).await, LaneState { lane: Lane::History, ..empty });
    let upload = w.upload(session).await;
    w.store.upload_stored(session, upload.bundle, confirmed(1)).await.unwrap();
    assert_eq!(lane(Lane::Live).await, LaneState { files: 3, bytes: 3008, bundled: 0, ..full });
}

async fn what_is_due_is_told_by_lane(w: World) {
    let session = w.session().await;
    let due = || async { w.store.due(host_key("alpha")).await.unwrap() };
    assert_eq!(due().await, Due::default());
    w.find(session, Lane::History, &[("a", 1)]).await;
    assert_eq!(due().await, Due { fetch: [false, true], ..Due::default() });
    let claimed = w.claim(session, Lane::History).await;
    assert_eq!(due().await, Due::default(), "it is at work");
    w.store.fetch_failed(session, vec![failure(&claimed[0], w.in_secs(5).await)]).await.unwrap();
    assert_eq!(due().await, Due::default());
    w.advance(5);
    assert_eq!(due().await, Due { fetch: [false, true], ..Due::default() });
    let claimed = w.claim(session, Lane::History).await;
    w.seal(session, 1, &claimed).await;
    assert_eq!(due().await, Due { upload: [true, false], ..Due::default() });
    assert_eq!(w.store.due(host_key("beta")).await.unwrap(), Due::default(), "that bundle lies on another host");
    let upload = w.upload(session).await;
    assert_eq!(due().await, Due::default());
    w.store.upload_unknown(session, upload.bundle, String::new(), w.now().await).await.unwrap();
    assert_eq!(due().await, Due { settle: true, ..Due::default() });
    assert!(w.store.due(host_key("beta")).await.unwrap().settle, "anybody may ask the vault");
    w.store.settle_claim(session, 9).await.unwrap();
    assert_eq!(due().await, Due::default());
}

async fn what_is_left_is_told_until_nothing_is(w: World) {
    let session = w.session().await;
    let left = || async { w.store.unfinished(5).await.unwrap() };
    assert_eq!(left().await, Unfinished::default());
    w.find(session, Lane::History, &[("a", 1)]).await;
    assert_eq!(left().await, Unfinished { waiting: true, ..Unfinished::default() });
    let claimed = w.claim(session, Lane::History).await;
    assert_eq!(left().await, Unfinished { fetching: true, ..Unfinished::default() });
    let retry = w.in_secs(5).await;
    w.store.fetch_failed(session, vec![failure(&claimed[0], retry)]).await.unwrap();
    assert_eq!(left().await, Unfinished { retry_at: Some(retry), ..Unfinished::default() });
    w.advance(5);
    let claimed = w.claim(session, Lane::History).await;
    w.seal(session, 1, &claimed).await;
    assert_eq!(left().await, Unfinished { bundled: true, archives: true, ..Unfinished::default() });
    let upload = w.upload(session).await;
    w.store.upload_unknown(session, upload.bundle, String::new(), w.now().await).await.unwrap();
    assert_eq!(left().await, Unfinished { bundled: true, archives: true, ..Unfinished::default() });
    let taken = w.store.settle_claim(session, 9).await.unwrap();
    w.store.settle_stored(session, taken[0].bundle, confirmed(1)).await.unwrap();
    assert_eq!(left().await, Unfinished::default());
}

async fn what_failed_too_often_is_given_up(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 1)]).await;
    let fail_all = || async {
        for claimed in w.claim(session, Lane::Live).await {
            let due = w.in_secs(1).await;
            w.store.fetch_failed(session, vec![failure(&claimed, due)]).await.unwrap();
        }
        w.advance(1);
    };
    fail_all().await;
    fail_all().await;
    assert_eq!(w.store.unfinished(2).await.unwrap(), Unfinished { given_up: 2, ..Unfinished::default() });
    assert_eq!(w.store.unfinished(3).await.unwrap().given_up, 0);
    assert_eq!(w.store.unfinished(3).await.unwrap().retry_at, Some(w.now().await));
    // A report is not to grow with the queue.
    let many: Vec<_> = (0..COUNTED_UP_TO + 50).map(|n| format!("{n}")).collect();
    w.find(session, Lane::History, &many.iter().map(|name| (name.as_str(), 1)).collect::<Vec<_>>()).await;
    let lanes = w.store.lanes().await.unwrap();
    assert_eq!((lanes[1].queued, lanes[1].files), (COUNTED_UP_TO, COUNTED_UP_TO + 50));
}

async fn the_queue_comes_in_pages(w: World) {
    let session = w.session().await;
    // Several are due at one moment: the page goes on within it.
    w.find(session, Lane::Live, &[("a", 1), ("b", 1), ("c", 1)]).await;
    w.advance(1);
    w.find(session, Lane::Live, &[("d", 1), ("e", 1)]).await;
    w.find(session, Lane::History, &[("other", 1)]).await;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = w.store.queue_page(Lane::Live, QueueState::Queued, after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.next_try, last.file));
        seen.extend(page.iter().map(|row| row.key.to_string()));
        assert!(page.len() <= 2 && page.iter().all(|row| row.source == "ugc" && row.lane == Lane::Live));
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
}

async fn failed_files_come_in_pages_of_both_lanes(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("c", 1), ("e", 1)]).await;
    w.find(session, Lane::History, &[("b", 1), ("d", 1)]).await;
    let mut claimed = w.claim(session, Lane::Live).await;
    claimed.extend(w.claim(session, Lane::History).await);
    claimed.sort_by_key(|file| file.found.key.clone());
    for (n, file) in claimed.iter().enumerate() {
        // Two of them are due at one moment, in different lanes.
        let due = w.in_secs(10 + (n as u64) / 2).await;
        w.store.fetch_failed(session, vec![failure(file, due)]).await.unwrap();
    }
    let (mut after, mut seen) = (None::<(Time, _)>, Vec::new());
    loop {
        let page = w.store.failed_page(after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.row.next_try, last.row.file));
        for row in page {
            let name = row.row.key.to_string();
            assert_eq!(row.reason, Some(("permission".to_owned(), format!("{name} cannot be read"))));
            seen.push((row.row.next_try, row.row.file, name));
        }
    }
    assert!(seen.is_sorted(), "{seen:?}");
    let mut names: Vec<_> = seen.into_iter().map(|(.., name)| name).collect();
    names.sort();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
}

async fn live_archives_come_oldest_first(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 1), ("c", 1), ("d", 1)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    w.seal(session, 1, &claimed[..1]).await;
    let unknown = w.upload(session).await;
    w.store.upload_unknown(session, unknown.bundle, String::new(), w.now().await).await.unwrap();
    w.store.bundle_open(session, new_direct(2, claimed[1].file)).await.unwrap();
    w.open(session, 3).await;
    w.seal(session, 4, &claimed[2..3]).await;
    let gone = w.open(session, 5).await;
    w.store.bundle_abandon(session, gone, Vec::new(), String::new()).await.unwrap();
    let names = |rows: Vec<firn::store::ArchiveRow>| rows.into_iter().map(|row| row.uuid).collect::<Vec<_>>();
    assert_eq!(names(w.store.archives_live(9).await.unwrap()), [1, 2, 3, 4].map(uuid));
    assert_eq!(names(w.store.archives_live(2).await.unwrap()), [1, 2].map(uuid));
    assert_eq!(w.store.archive(uuid(99)).await.unwrap(), None);
}
