//! Files as sources show them: queued, superseded, become another version while they wait, gone, back again.

use firn::base::Time;
use firn::base::file::FoundFile;
use firn::base::ids::{FileId, Lane, SessionId, Version};
use firn::store::{CHANGED_AGAIN, ChangedFile, FoundOutcome, NEW_VERSION_WITHIN, QueueState};

use crate::world::{START, World, confirmed, contents, failure, file, key, refs};

on_every_engine! {
    a_new_file_is_queued_once
    a_source_is_entered_on_first_sight
    a_scan_is_remembered
    whether_a_source_has_files_is_known
    keys_are_bytes
    a_waiting_file_becomes_its_new_version
    a_new_version_of_a_failed_file_is_tried_soon
    a_new_version_of_a_file_at_work_is_a_new_row
    one_version_of_a_key_is_current_whatever_waited
    live_overtakes_history
    a_known_version_is_not_queued_again
    what_is_gone_leaves_the_queue_and_stays_known
    a_file_that_comes_back_unchanged_is_not_stored_again
    a_file_that_comes_back_before_it_was_stored_is_queued_again
    a_file_found_changed_when_it_is_fetched_becomes_that_version
    a_file_that_keeps_changing_while_it_is_read_counts_as_failed
    a_file_found_changed_into_a_version_that_is_known_makes_that_one_current
    a_late_report_of_an_older_version_is_mended_by_the_fetch
    current_files_come_in_pages_up_to_a_number
}

async fn current(w: &World) -> Vec<(FileId, String)> {
    let all = w.store.current_files(w.source().await, FileId(0), FileId(i64::MAX), 100).await.unwrap();
    all.into_iter().map(|(id, key)| (id, key.to_string())).collect()
}

async fn known(w: &World, name: &str, version: u8) -> Option<FileId> {
    let asked = vec![(key(name), Version::new([version]))];
    w.store.known(w.source().await, asked).await.unwrap()[0]
}

async fn change(w: &World, session: SessionId, claimed: &firn::store::Claimed, to: FoundFile) {
    let changed = ChangedFile { file: claimed.file, generation: claimed.generation, found: to, failed: None };
    w.store.fetch_changed(session, vec![changed]).await.unwrap();
}

async fn a_new_file_is_queued_once(w: World) {
    let (session, source) = (w.session().await, w.source().await);
    let found = |lane| w.store.found(session, source, lane, vec![file("a", 1), file("b", 2)]);
    let new = FoundOutcome { queued: 2, bytes: 2003, known: 0 };
    assert_eq!(found(Lane::History).await.unwrap(), new);
    assert_eq!(found(Lane::History).await.unwrap(), FoundOutcome { queued: 0, bytes: 0, known: 2 });
    assert_eq!(w.queued(Lane::History, QueueState::Queued).await, ["a", "b"]);
    let claimed = w.claim(session, Lane::History).await;
    assert_eq!(claimed[0].found, file("a", 1), "what was found comes back whole");
    assert_eq!((claimed[0].source, claimed[0].queued_at, claimed[0].attempts), (source, START, 0));
    assert_eq!(w.store.newest_file().await.unwrap(), claimed[1].file);
}

async fn a_source_is_entered_on_first_sight(w: World) {
    let first = w.store.source("ugc".to_owned(), "directory").await.unwrap();
    assert_eq!((first.name.as_str(), first.device, first.files_present, first.scanned), ("ugc", None, None, None));
    let second = w.store.source("other".to_owned(), "directory").await.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(w.store.source("ugc".to_owned(), "directory").await.unwrap(), first);
    // One key in two sources is two files.
    let session = w.session().await;
    for source in [first.id, second.id] {
        assert_eq!(w.store.found(session, source, Lane::Live, vec![file("a", 1)]).await.unwrap().queued, 1);
    }
    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, ["a", "a"]);
}

async fn a_scan_is_remembered(w: World) {
    let (session, source) = (w.session().await, w.source().await);
    w.store.source_rooted(source, Some(u64::MAX - 5)).await.unwrap();
    w.advance(7);
    w.store.source_scanned(source, session, START, 12).await.unwrap();
    let row = w.another().source("ugc".to_owned(), "directory").await.unwrap();
    assert_eq!(row.device, Some(u64::MAX - 5), "a device number may have its highest bit set");
    assert_eq!((row.files_present, row.scanned), (Some(12), Some(Time::from_secs(1_000_007))));
    assert_eq!(row.scanned_by, Some(session));
    w.store.source_rooted(source, None).await.unwrap();
    assert_eq!(w.store.source("ugc".to_owned(), "directory").await.unwrap().device, None);
}

async fn whether_a_source_has_files_is_known(w: World) {
    let (session, source) = (w.session().await, w.source().await);
    let has_files = || async { w.store.source("ugc".to_owned(), "directory").await.unwrap().has_files };
    assert!(!has_files().await);
    let other = w.store.source("other".to_owned(), "directory").await.unwrap().id;
    w.store.found(session, other, Lane::Live, vec![file("a", 1)]).await.unwrap();
    assert!(!has_files().await, "that is another source's");
    w.store.found(session, source, Lane::History, vec![file("a", 1)]).await.unwrap();
    assert!(has_files().await, "whether it is stored or not");
    let first = w.claim(session, Lane::History).await.remove(0);
    w.find(session, Lane::History, &[("a", 2)]).await;
    let second = known(&w, "a", 2).await.unwrap();
    w.store.mark_gone(session, vec![second]).await.unwrap();
    assert_ne!(first.file, second);
    assert!(!has_files().await, "one version is superseded and the other gone");
    w.find(session, Lane::Live, &[("a", 2)]).await;
    assert!(has_files().await, "it is back");
}

async fn keys_are_bytes(w: World) {
    let (session, source) = (w.session().await, w.source().await);
    let keys: [&[u8]; 6] = [b"a\0b", b"line\nfeed", b"\xff\xfe", b" ", "\u{e9}".as_bytes(), b"e\xcc\x81"];
    let files = keys.map(|bytes| FoundFile { key: firn::base::ids::Key::new(bytes), ..file("", 1) });
    w.store.found(session, source, Lane::Live, files.to_vec()).await.unwrap();
    let claimed = w.claim(session, Lane::Live).await;
    assert_eq!(claimed.into_iter().map(|claimed| claimed.found).collect::<Vec<_>>(), files);
}

async fn a_waiting_file_becomes_its_new_version(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1)]).await;
    let id = known(&w, "a", 1).await.unwrap();
    w.advance(30);
    assert_eq!(w.find(session, Lane::Live, &[("a", 2)]).await, 1);
    assert_eq!((known(&w, "a", 1).await, known(&w, "a", 2).await), (None, Some(id)), "one row all day long");
    assert_eq!(current(&w).await, [(id, "a".to_owned())]);
    let claimed = w.claim(session, Lane::Live).await;
    assert_eq!((claimed.len(), &claimed[0].found, claimed[0].queued_at), (1, &file("a", 2), START));
    let totals = &w.store.totals().await.unwrap()[0];
    assert_eq!((totals.queued_files, totals.queued_bytes), (1, 1002), "its bytes are those of the version it is now");
    // It has been seen since it became this version, not since its row was made.
    w.deliver(session, 1, &claimed).await;
    assert_eq!(w.version_of("a", Some(Time::from_secs(1_000_029))).await, None, "this version was not there then");
    assert_eq!(w.version_of("a", Some(Time::from_secs(1_000_030))).await, Some(2));
}

/// Somebody may have mended what hindered the old one; but a file that is rewritten all the time is not tried each time.
async fn a_new_version_of_a_failed_file_is_tried_soon(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("far", 1), ("near", 1)]).await;
    w.find(session, Lane::History, &[("new", 1)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    let (far, near) = (w.in_secs(3600).await, w.in_secs(2).await);
    w.store.fetch_failed(session, vec![failure(&claimed[0], far), failure(&claimed[1], near)]).await.unwrap();
    w.advance(1);
    // The same version again says nothing new.
    w.find(session, Lane::Live, &[("far", 1), ("near", 1)]).await;
    let due = |state| {
        let store = w.store.clone();
        async move {
            let rows = store.queue_page(Lane::Live, state, None, 9).await.unwrap();
            rows.into_iter().map(|row| (row.key.to_string(), row.next_try, row.attempts)).collect::<Vec<_>>()
        }
    };
    let (near, far) = (("near".to_owned(), near, 1), ("far".to_owned(), far, 1));
    assert_eq!(due(QueueState::Failed).await, [near.clone(), far]);
    w.find(session, Lane::Live, &[("far", 2), ("near", 2), ("new", 2)]).await;
    let soon = w.now().await.plus(NEW_VERSION_WITHIN);
    assert_eq!(
        due(QueueState::Failed).await,
        [near, ("far".to_owned(), soon, 1)],
        "attempts stay, and so does its state"
    );
    assert_eq!(due(QueueState::Queued).await, [("new".to_owned(), START, 0)], "what was due stays due");
    // A third version does not put it off.
    w.advance(3);
    w.find(session, Lane::Live, &[("far", 3)]).await;
    assert_eq!(due(QueueState::Failed).await[1], ("far".to_owned(), soon, 1));
    w.advance(2);
    let keys: Vec<_> = w.claim(session, Lane::Live).await.into_iter().map(|c| (c.found, c.attempts)).collect();
    assert_eq!(keys, [(file("near", 2), 1), (file("far", 3), 1), (file("new", 2), 0)]);
}

async fn a_new_version_of_a_file_at_work_is_a_new_row(w: World) {
    let session = w.session().await;
    let first = w.claimed(session, "a", 1).await;
    assert_eq!(w.find(session, Lane::Live, &[("a", 2)]).await, 1);
    let second = known(&w, "a", 2).await.unwrap();
    assert_ne!(second, first.file);
    assert_eq!((known(&w, "a", 1).await, current(&w).await), (None, vec![(second, "a".to_owned())]));
    // What is at work goes on.
    w.deliver(session, 1, &[first]).await;
    assert_eq!(w.version_of("a", None).await, Some(1));
    assert!(w.restorable("a", None).await.unwrap().version.unwrap().newer_waits);
    let claimed = w.claim(session, Lane::Live).await;
    w.deliver(session, 2, &claimed).await;
    assert_eq!(w.version_of("a", None).await, Some(2));
}

/// The first version is claimed, superseded, and comes back into the queue; then a third one is found.
async fn one_version_of_a_key_is_current_whatever_waited(w: World) {
    let session = w.session().await;
    let first = w.claimed(session, "a", 9).await;
    w.find(session, Lane::Live, &[("a", 2)]).await;
    let second = w.claim(session, Lane::Live).await;
    w.store.give_back(session, refs(&[first])).await.unwrap();
    w.deliver(session, 1, &second).await;
    w.advance(1);
    w.find(session, Lane::Live, &[("a", 3)]).await;
    assert_eq!(current(&w).await.len(), 1, "two versions of one key are current");
    assert!(known(&w, "a", 3).await.is_some());
    let third = w.claim(session, Lane::Live).await;
    assert_eq!(third.len(), 1);
    w.deliver(session, 2, &third).await;
    assert_eq!(w.version_of("a", None).await, Some(3));
    assert!(!w.restorable("a", None).await.unwrap().version.unwrap().newer_waits);
}

async fn live_overtakes_history(w: World) {
    let session = w.session().await;
    w.find(session, Lane::History, &[("a", 1), ("b", 1), ("c", 1), ("d", 1)]).await;
    let totals = |lane: &'static str| {
        let store = w.store.clone();
        async move {
            let totals = store.totals().await.unwrap();
            totals.into_iter().find(|t| t.lane == lane).map_or((0, 0), |t| (t.queued_files, t.queued_bytes))
        }
    };
    // Seen again as it is: it has been touched. Seen changed: likewise.
    assert_eq!(w.find(session, Lane::Live, &[("b", 1), ("c", 2)]).await, 1);
    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, ["b", "c"]);
    assert_eq!(w.queued(Lane::History, QueueState::Queued).await, ["a", "d"]);
    assert_eq!((totals("live").await, totals("history").await), ((2, 2003), (2, 2002)));
    // History never takes from live, and a file at work stays in its lane.
    w.find(session, Lane::History, &[("b", 1), ("c", 3)]).await;
    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, ["b", "c"]);
    let claimed = w.store.claim(session, Lane::History, 1).await.unwrap();
    w.find(session, Lane::Live, &[("a", 1)]).await;
    assert_eq!(claimed[0].found.key, key("a"));
    assert_eq!(w.queued(Lane::History, QueueState::Fetching).await, ["a"]);
}

async fn a_known_version_is_not_queued_again(w: World) {
    let session = w.session().await;
    w.stored(session, "a", 1, 1).await;
    assert_eq!(w.find(session, Lane::Live, &[("a", 1)]).await, 0);
    assert_eq!(w.in_queue().await, 0);
}

async fn what_is_gone_leaves_the_queue_and_stays_known(w: World) {
    let session = w.session().await;
    let stored = w.stored(session, "stored", 1, 1).await;
    w.find(session, Lane::Live, &[("waits", 1), ("works", 1)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    w.store.give_back(session, refs(&claimed[..1])).await.unwrap();
    w.advance(5);
    let all = vec![stored, claimed[0].file, claimed[1].file];
    assert_eq!(w.store.mark_gone(session, all.clone()).await.unwrap(), 3);
    assert_eq!(w.store.mark_gone(session, all).await.unwrap(), 0, "once");
    assert_eq!(current(&w).await, []);
    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, Vec::<String>::new());
    assert_eq!(w.queued(Lane::Live, QueueState::Fetching).await, ["works"], "who reads it finds out");
    let kept = w.restorable("stored", None).await.unwrap().version.unwrap();
    assert_eq!(kept.gone_at, Some(w.now().await), "its archive stays");
    w.store.fetch_gone(session, refs(&claimed[1..])).await.unwrap();
    assert_eq!(w.in_queue().await, 0);
    let totals = w.store.totals().await.unwrap();
    assert_eq!((totals[0].queued_files, totals[0].left_files, totals[0].stored_files), (3, 3, 1));
}

async fn a_file_that_comes_back_unchanged_is_not_stored_again(w: World) {
    let session = w.session().await;
    let id = w.stored(session, "a", 1, 1).await;
    w.store.mark_gone(session, vec![id]).await.unwrap();
    assert_eq!(w.find(session, Lane::Live, &[("a", 1)]).await, 0);
    assert_eq!((w.in_queue().await, known(&w, "a", 1).await), (0, Some(id)));
    assert_eq!(w.restorable("a", None).await.unwrap().version.unwrap().gone_at, None);
}

async fn a_file_that_comes_back_before_it_was_stored_is_queued_again(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1)]).await;
    let id = known(&w, "a", 1).await.unwrap();
    w.store.mark_gone(session, vec![id]).await.unwrap();
    assert_eq!(w.in_queue().await, 0);
    assert_eq!(w.find(session, Lane::History, &[("a", 1)]).await, 1);
    assert_eq!(w.queued(Lane::History, QueueState::Queued).await, ["a"]);
    assert_eq!(known(&w, "a", 1).await, Some(id));
}

async fn a_file_found_changed_when_it_is_fetched_becomes_that_version(w: World) {
    let session = w.session().await;
    w.find(session, Lane::History, &[("a", 1)]).await;
    let claimed = w.claim(session, Lane::History).await.remove(0);
    w.advance(5);
    change(&w, session, &claimed, file("a", 2)).await;
    assert_eq!((known(&w, "a", 1).await, known(&w, "a", 2).await), (None, Some(claimed.file)));
    let row = w.store.queue_page(Lane::History, QueueState::Queued, None, 9).await.unwrap().remove(0);
    assert_eq!((row.next_try, row.queued_at), (w.now().await.plus(CHANGED_AGAIN), START));
    assert_eq!(w.claim(session, Lane::History).await, [], "one that is written all the time is not read all the time");
    w.advance(CHANGED_AGAIN.as_secs());
    let again = w.claim(session, Lane::History).await.remove(0);
    assert_eq!((again.file, again.found, again.attempts), (claimed.file, file("a", 2), 0));
    assert!(again.generation > claimed.generation);
    assert_eq!(w.store.totals().await.unwrap()[0].queued_bytes, 1002);
}

async fn a_file_that_keeps_changing_while_it_is_read_counts_as_failed(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    let failed = Some(("a changed while it was read".to_owned(), w.in_secs(30).await));
    let changed = ChangedFile { file: claimed.file, generation: claimed.generation, found: file("a", 2), failed };
    w.store.fetch_changed(session, vec![changed]).await.unwrap();
    assert_eq!(w.queued(Lane::Live, QueueState::Failed).await, ["a"]);
    let reason = w.store.failed_page(None, 1).await.unwrap()[0].reason.clone().unwrap();
    assert_eq!(reason, ("changing".to_owned(), "a changed while it was read".to_owned()));
    w.advance(29);
    assert_eq!(w.claim(session, Lane::Live).await, []);
    w.advance(1);
    let again = w.claim(session, Lane::Live).await.remove(0);
    assert_eq!((again.attempts, again.found), (1, file("a", 2)));
}

async fn a_file_found_changed_into_a_version_that_is_known_makes_that_one_current(w: World) {
    let session = w.session().await;
    let stored = w.stored(session, "a", 1, 1).await;
    // Replaced, and put back before the second version was read.
    let second = w.claimed(session, "a", 2).await;
    change(&w, session, &second, file("a", 1)).await;
    assert_eq!((w.in_queue().await, current(&w).await), (0, vec![(stored, "a".to_owned())]));
    assert_eq!(w.version_of("a", None).await, Some(1));
    assert_eq!(w.store.totals().await.unwrap()[0].left_files, 2);
    // The same where the version put back is in no archive: it is to be fetched.
    let first = w.claimed(session, "b", 1).await;
    w.find(session, Lane::Live, &[("b", 2)]).await;
    let second = w.claim(session, Lane::Live).await.remove(0);
    w.store.fetch_gone(session, refs(&[first])).await.unwrap();
    change(&w, session, &second, file("b", 1)).await;
    let again = w.claim(session, Lane::Live).await;
    assert_eq!(again.iter().map(|c| &c.found).collect::<Vec<_>>(), [&file("b", 1)]);
}

/// A scan and a watch report out of order: the older version supersedes the newer one. Whoever fetches sees what the
/// source shows, and that is stored.
async fn a_late_report_of_an_older_version_is_mended_by_the_fetch(w: World) {
    let session = w.session().await;
    let first = w.claimed(session, "a", 1).await;
    w.find(session, Lane::Live, &[("a", 3)]).await;
    let third = w.claim(session, Lane::Live).await.remove(0);
    w.find(session, Lane::Live, &[("a", 2)]).await;
    w.store.fetch_failed(session, vec![failure(&third, w.now().await)]).await.unwrap();
    change(&w, session, &first, file("a", 3)).await;
    loop {
        let claimed = w.claim(session, Lane::Live).await;
        let Some(claimed) = claimed.first() else { break };
        if claimed.found == file("a", 3) {
            let bundle = w.open(session, 1).await;
            w.store.bundle_seal(session, bundle, contents(std::slice::from_ref(claimed))).await.unwrap();
            let upload = w.upload(session).await;
            w.store.upload_stored(session, upload.bundle, confirmed(1)).await.unwrap();
        } else {
            change(&w, session, claimed, file("a", 3)).await;
        }
    }
    assert_eq!((w.version_of("a", None).await, current(&w).await.len()), (Some(3), 1));
    assert!(!w.restorable("a", None).await.unwrap().version.unwrap().newer_waits);
}

async fn current_files_come_in_pages_up_to_a_number(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 1), ("c", 1), ("d", 1)]).await;
    let up_to = w.store.newest_file().await.unwrap();
    let gone = known(&w, "b", 1).await.unwrap();
    w.store.mark_gone(session, vec![gone]).await.unwrap();
    w.find(session, Lane::Live, &[("later", 1)]).await;
    let source = w.source().await;
    let (mut after, mut seen) = (FileId(0), Vec::new());
    loop {
        let page = w.store.current_files(source, after, up_to, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some((last, _)) = page.last() else { break };
        after = *last;
        seen.extend(page.into_iter().map(|(_, key)| key.to_string()));
    }
    assert_eq!(seen, ["a", "c", "d"], "neither what is gone nor what came after the scan began");
}
