//! What screens and reports read: what moved, who was there, how long files took, details, the search for files.

use std::time::Duration;

use firn::base::Time;
use firn::base::hash::{Hash16, Hash32};
use firn::base::ids::{ArchiveId, FileId, Lane};
use firn::store::{
    ArchiveState, FAILURES, FLOW_KEPT, FileState, FlowRow, Latest, Look, NewSession, PartRow, PoolChange, QueueState,
    Watch,
};

use crate::world::{
    LEASE, START, VAULT, World, confirmed, contents, failure, host_key, key, new_direct, process, uuid,
};

on_every_engine! {
    what_moves_is_counted_by_ten_seconds_and_lane
    only_what_enters_the_queue_counts_as_found
    what_is_refused_moves_nothing
    what_moved_long_ago_is_dropped
    who_was_there_is_told_until_when_they_were_heard_of
    the_newest_live_files_tell_how_long_they_took
    a_file_tells_all_there_is_about_it
    an_archive_tells_all_there_is_about_it
    files_are_found_by_the_beginning_of_their_keys
    the_search_goes_on_where_a_page_ended
    a_file_tells_where_it_stands
    failed_files_come_in_pages_backwards
    orders_of_all_hosts_are_told
    an_overview_is_what_its_parts_are
    one_version_is_restored_although_there_are_newer_ones
    an_archive_is_restored_as_it_lies_there
    what_was_put_back_is_the_newest_of_its_archive_too
    of_what_was_taken_in_a_time_the_newest_version_is_there_wherever_it_lies
}

/// START is a whole multiple of ten seconds.
fn row(bucket: i64, lane: Lane) -> FlowRow {
    FlowRow {
        at: START.plus(Duration::from_secs(bucket.unsigned_abs() * 10)),
        lane,
        found_files: 0,
        found_bytes: 0,
        stored_files: 0,
        stored_bytes: 0,
        archives: 0,
        archive_bytes: 0,
    }
}

async fn flow(w: &World) -> Vec<FlowRow> {
    w.store.flow(Time::from_secs(0)).await.unwrap()
}

async fn what_moves_is_counted_by_ten_seconds_and_lane(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 2)]).await;
    w.advance(9);
    w.find(session, Lane::History, &[("c", 3)]).await;
    w.find(session, Lane::Live, &[("d", 4)]).await;
    let first = [
        FlowRow { found_files: 3, found_bytes: 3007, ..row(0, Lane::Live) },
        FlowRow { found_files: 1, found_bytes: 1003, ..row(0, Lane::History) },
    ];
    assert_eq!(flow(&w).await, first);
    w.advance(11);
    let live = w.claim(session, Lane::Live).await;
    let history = w.claim(session, Lane::History).await;
    // A file of the other lane in a bundle of this one counts in its own; the archive where it belongs.
    let both = [live[0].clone(), history[0].clone()];
    w.deliver(session, 1, &both).await;
    let size = contents(&both).size;
    let second = [
        FlowRow {
            stored_files: 1,
            stored_bytes: both[0].found.length,
            archives: 1,
            archive_bytes: size,
            ..row(2, Lane::Live)
        },
        FlowRow { stored_files: 1, stored_bytes: 1003, ..row(2, Lane::History) },
    ];
    assert_eq!(flow(&w).await, [first, second].concat());
    assert_eq!(w.another().flow(START.plus(Duration::from_secs(20))).await.unwrap(), second);
    assert_eq!(w.store.flow(START.plus(Duration::from_micros(20_000_001))).await.unwrap(), []);
}

async fn only_what_enters_the_queue_counts_as_found(w: World) {
    let session = w.session().await;
    w.find(session, Lane::History, &[("a", 1)]).await;
    w.advance(10);
    // Known; changed while it waits, and overtaking; claimed, and gone.
    w.find(session, Lane::History, &[("a", 1)]).await;
    w.find(session, Lane::Live, &[("a", 7)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    w.store.fetch_gone(session, crate::world::refs(&claimed)).await.unwrap();
    assert_eq!(flow(&w).await, [FlowRow { found_files: 1, found_bytes: 1001, ..row(0, Lane::History) }]);
}

async fn what_is_refused_moves_nothing(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    let bundle = w.seal(session, 1, std::slice::from_ref(&claimed)).await;
    let before = flow(&w).await;
    w.store.upload_stored(session, bundle, confirmed(1)).await.unwrap_err();
    w.store.session_end(session).await.unwrap();
    let source = w.source().await;
    w.store.found(session, source, Lane::Live, vec![crate::world::file("b", 1)]).await.unwrap_err();
    assert_eq!(flow(&w).await, before);
}

async fn what_moved_long_ago_is_dropped(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1)]).await;
    w.advance(FLOW_KEPT.as_secs());
    w.find(session, Lane::Live, &[("b", 1)]).await;
    assert_eq!(flow(&w).await.len(), 2, "just old enough to stay");
    w.advance(10);
    w.find(session, Lane::Live, &[("c", 1)]).await;
    let kept: Vec<_> = flow(&w).await.into_iter().map(|row| row.at).collect();
    assert_eq!(kept, [START.plus(FLOW_KEPT), START.plus(FLOW_KEPT + Duration::from_secs(10))]);
    w.advance(FLOW_KEPT.as_secs() + 10);
    w.store.prune(Time::from_secs(0)).await.unwrap();
    assert_eq!(flow(&w).await, []);
}

async fn who_was_there_is_told_until_when_they_were_heard_of(w: World) {
    let new = |kinds: &str| NewSession { process: process("alpha"), kinds: kinds.to_owned(), lease: LEASE };
    let ended = w.store.session_start(new("scan")).await.unwrap().id;
    w.advance(30);
    w.store.session_renew(ended, LEASE, String::new()).await.unwrap();
    w.advance(5);
    w.store.session_end(ended).await.unwrap();
    let lost = w.store.session_start(new("fetch")).await.unwrap().id;
    w.advance(20);
    w.store.session_renew(lost, LEASE, String::new()).await.unwrap();
    w.advance(100);
    let works = w.store.session_start(new("scan,upload")).await.unwrap().id;
    w.advance(50);
    let at = |secs| START.plus(Duration::from_secs(secs));
    let watch = |from, until, kinds: &str| Watch { from: at(from), until: at(until), kinds: kinds.to_owned() };
    let all = [watch(0, 30, "scan"), watch(35, 55, "fetch"), watch(155, 165, "scan,upload")];
    assert_eq!(w.store.watched(Time::from_secs(0)).await.unwrap(), all);
    assert_eq!(w.store.watched(at(31)).await.unwrap(), all[1..], "who was last heard of before is left out");
    assert_eq!(w.store.watched(at(56)).await.unwrap(), all[2..]);
    w.store.session_end(works).await.unwrap();
    assert_eq!(w.store.watched(at(56)).await.unwrap(), [watch(155, 155, "scan,upload")], "it never wrote");
}

async fn the_newest_live_files_tell_how_long_they_took(w: World) {
    let session = w.session().await;
    for n in 0..3u8 {
        w.find(session, Lane::Live, &[(&format!("{n}"), 1)]).await;
        w.advance(7);
        let claimed = w.claim(session, Lane::Live).await;
        w.deliver(session, n + 1, &claimed).await;
    }
    let at = |secs| START.plus(Duration::from_secs(secs));
    let took = [(14, 21), (7, 14), (0, 7)].map(|(found, stored)| Latest { found: at(found), stored: at(stored) });
    assert_eq!(w.store.latest(START, 10).await.unwrap(), took);
    assert_eq!(w.store.latest(START, 2).await.unwrap(), took[..2]);
    assert_eq!(w.store.latest(at(14), 10).await.unwrap(), took[..2]);
    // What is only on its way is not there yet, and history is another matter.
    w.find(session, Lane::Live, &[("waits", 1)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    w.seal(session, 9, &claimed).await;
    assert_eq!(w.store.latest(START, 10).await.unwrap(), took);
}

async fn a_file_tells_all_there_is_about_it(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    for n in 0..3 {
        let again = w.claim(session, Lane::Live).await;
        let of = again.first().unwrap_or(&claimed);
        w.store.fetch_failed(session, vec![failure(of, w.in_secs(1).await)]).await.unwrap();
        w.advance(1);
        let detail = w.store.file_detail(claimed.file).await.unwrap().unwrap();
        let queue = detail.queue.unwrap();
        assert_eq!((queue.state, queue.attempts, queue.owner), (QueueState::Failed, n + 1, None));
        assert_eq!((queue.queued_at, detail.failures.len()), (START, usize::try_from(n).unwrap() + 1));
        assert_eq!((detail.row.state, detail.sha256, detail.copies.len()), (FileState::Failed, None, 0));
        assert_eq!(detail.failures[0].detail, "a cannot be read");
        assert!(detail.failures.is_sorted_by(|a, b| a.id > b.id), "the newest first");
    }
    let again = w.claim(session, Lane::Live).await;
    let bundle = w.deliver(session, 4, &again).await;
    let stored = w.now().await;
    w.advance(5);
    w.find(session, Lane::Live, &[("a", 2)]).await;
    let detail = w.store.file_detail(claimed.file).await.unwrap().unwrap();
    assert_eq!((detail.row.source_name.as_str(), detail.row.key.clone()), ("ugc", key("a")));
    assert_eq!((detail.row.length, detail.mode, detail.row.mtime.secs), (1001, 0o640, 1));
    assert_eq!((detail.version.as_bytes(), detail.row.first_seen), ([1].as_slice(), START));
    assert_eq!((detail.sha256, detail.md5), (Some(Hash32([1; 32])), Some(Hash16([1; 16]))));
    assert_eq!((detail.superseded_at, detail.queue, detail.row.gone_at), (Some(w.now().await), None, None));
    let copy = &detail.copies[0];
    assert_eq!((copy.archive, copy.vault.as_str(), copy.state), (bundle.uuid, VAULT, ArchiveState::Stored));
    assert_eq!((copy.header_offset, copy.data_offset, copy.length), (0, 2048, 1001));
    assert_eq!((copy.remote_id.as_deref(), copy.stored_at), (Some(b"remote/4".as_slice()), Some(stored)));
    assert_eq!(w.store.file_detail(FileId(999)).await.unwrap(), None);
}

async fn an_archive_tells_all_there_is_about_it(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    let bundle = w.seal(session, 1, std::slice::from_ref(&claimed)).await;
    let mut last = bundle;
    for _ in 0..FAILURES + 3 {
        last = w.upload(session).await.bundle;
        let now = w.now().await;
        w.store.upload_failed(session, last, "upload", "no room".to_owned(), now).await.unwrap();
    }
    let detail = w.store.archive_detail(uuid(1)).await.unwrap().unwrap();
    assert_eq!(detail.row, w.store.archive(uuid(1)).await.unwrap().unwrap());
    assert_eq!((detail.host.clone(), detail.staging_name.as_deref()), (host_key("alpha"), Some("1.tar")));
    assert_eq!(detail.staging_dir.unwrap().to_str(), Some("/staging"));
    assert_eq!((detail.failures.len(), detail.failures[0].detail.as_str()), (FAILURES as usize, "no room"));
    assert_eq!((detail.confirmed, detail.verified_at, detail.direct_file), (None, None, None));
    let upload = w.upload(session).await;
    assert!(upload.bundle.generation > last.generation);
    w.store.upload_stored(session, upload.bundle, confirmed(1)).await.unwrap();
    let detail = w.store.archive_detail(uuid(1)).await.unwrap().unwrap();
    assert_eq!((detail.confirmed, detail.verified_at), (Some(confirmed(1).check), Some(w.now().await)));
    assert_eq!(detail.verified_how.as_deref(), Some("on upload"));

    let large = w.claimed(session, "large", 1).await;
    let direct = w.store.bundle_open(session, new_direct(2, large.file)).await.unwrap();
    w.store.upload_begun(session, direct, b"upload".to_vec(), 8).await.unwrap();
    for number in 0..3 {
        let part = PartRow { number, size: 8, tree_hash: Hash32([0; 32]), etag: None };
        w.store.part_stored(session, direct, part).await.unwrap();
    }
    let detail = w.store.archive_detail(uuid(2)).await.unwrap().unwrap();
    assert_eq!((detail.upload_id.as_deref(), detail.part_size), (Some(b"upload".as_slice()), Some(8)));
    assert_eq!((detail.parts, detail.part_bytes, detail.direct_file), (3, 24, Some(large.file)));
    assert_eq!((detail.staging_dir, detail.failures), (None, Vec::new()));
    assert_eq!(w.store.archive_detail(uuid(99)).await.unwrap(), None);
}

/// Source and key of what is found.
async fn found(w: &World, prefix: &[u8]) -> Vec<String> {
    let rows = w.store.find_files(None, prefix.to_vec(), None, 100).await.unwrap();
    rows.into_iter().map(|row| format!("{}:{}", row.source_name, row.key)).collect()
}

/// Files in two sources.
async fn two_sources(w: &World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("b", 1), ("a/1", 1), ("a/2", 1), ("a0", 1)]).await;
    let other = w.store.source("other".to_owned(), "directory").await.unwrap().id;
    let files = ["a/3", "a", "c"].map(|name| crate::world::file(name, 1));
    w.store.found(session, other, Lane::Live, files.into()).await.unwrap();
}

async fn files_are_found_by_the_beginning_of_their_keys(w: World) {
    assert_eq!(found(&w, b"").await, [""; 0]);
    two_sources(&w).await;
    assert_eq!(found(&w, b"").await, ["ugc:a/1", "ugc:a/2", "ugc:a0", "ugc:b", "other:a", "other:a/3", "other:c"]);
    assert_eq!(found(&w, b"a/").await, ["ugc:a/1", "ugc:a/2", "other:a/3"]);
    assert_eq!(found(&w, b"z").await, [""; 0]);
    assert_eq!(found(&w, b"\xff").await, [""; 0]);
    let other = w.store.sources().await.unwrap().into_iter().find(|row| row.name == "other").unwrap();
    let rows = w.store.find_files(Some(other.id), b"a".to_vec(), None, 100).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.key.to_string()).collect::<Vec<_>>(), ["a", "a/3"]);
}

async fn the_search_goes_on_where_a_page_ended(w: World) {
    two_sources(&w).await;
    for prefix in [b"".as_slice(), b"a", b"a/"] {
        for limit in 1..5 {
            let (mut after, mut seen) = (None, Vec::new());
            loop {
                let page = w.store.find_files(None, prefix.to_vec(), after, limit).await.unwrap();
                let Some(last) = page.last() else { break };
                assert!(page.len() <= limit as usize);
                after = Some((last.source, last.key.clone()));
                seen.extend(page.iter().map(|row| format!("{}:{}", row.source_name, row.key)));
            }
            assert_eq!(seen, found(&w, prefix).await, "{prefix:?} by {limit}");
        }
    }
}

async fn a_file_tells_where_it_stands(w: World) {
    let session = w.session().await;
    let one = || async {
        let rows = w.store.find_files(None, b"a".to_vec(), None, 9).await.unwrap();
        assert_eq!(rows.len(), 1, "one row a key");
        rows[0].clone()
    };
    let state = || async { (one().await.state, one().await.archive) };
    w.find(session, Lane::Live, &[("a", 1)]).await;
    assert_eq!(state().await, (FileState::Queued, None));
    let claimed = w.claim(session, Lane::Live).await;
    assert_eq!(state().await, (FileState::Fetching, None));
    w.store.fetch_failed(session, vec![failure(&claimed[0], w.now().await)]).await.unwrap();
    assert_eq!(state().await, (FileState::Failed, None));
    let claimed = w.claim(session, Lane::Live).await;
    w.seal(session, 1, &claimed).await;
    assert_eq!(state().await, (FileState::Bundled, None));
    let upload = w.upload(session).await;
    w.store.upload_stored(session, upload.bundle, confirmed(1)).await.unwrap();
    assert_eq!(state().await, (FileState::Stored, Some(uuid(1))));
    // The newest version is what counts.
    w.advance(1);
    w.find(session, Lane::Live, &[("a", 2)]).await;
    assert_eq!((one().await.length, state().await), (1002, (FileState::Queued, None)));
    // Put back as it was: that version is current again, and safe.
    w.advance(1);
    w.find(session, Lane::Live, &[("a", 1)]).await;
    assert_eq!((one().await.length, state().await), (1001, (FileState::Stored, Some(uuid(1)))));
    w.store.mark_gone(session, vec![claimed[0].file]).await.unwrap();
    assert_eq!(state().await, (FileState::Gone, Some(uuid(1))));
    assert_eq!(one().await.gone_at, Some(w.now().await));
    let overtaken = w.store.file_detail(FileId(claimed[0].file.0 + 1)).await.unwrap().unwrap();
    assert_eq!((overtaken.row.state, overtaken.row.length), (FileState::Nowhere, 1002));
}

async fn failed_files_come_in_pages_backwards(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("c", 1), ("e", 1), ("g", 1)]).await;
    w.find(session, Lane::History, &[("b", 1), ("d", 1), ("f", 1)]).await;
    let mut claimed = w.claim(session, Lane::Live).await;
    claimed.extend(w.claim(session, Lane::History).await);
    claimed.sort_by_key(|file| file.found.key.clone());
    for (n, file) in claimed.iter().enumerate() {
        let due = w.in_secs(10 + (n as u64) / 2).await;
        w.store.fetch_failed(session, vec![failure(file, due)]).await.unwrap();
    }
    let all = w.store.failed_page(None, 100).await.unwrap();
    assert_eq!(all.len(), 7);
    for limit in 1..9 {
        let (mut before, mut seen) = (None, Vec::new());
        loop {
            let page = w.store.failed_page_before(before, limit).await.unwrap();
            let Some(first) = page.first() else { break };
            before = Some((first.row.next_try, first.row.file));
            seen = [page, seen].concat();
        }
        assert_eq!(seen, all, "by {limit}");
    }
}

async fn orders_of_all_hosts_are_told(w: World) {
    let mut asked = Vec::new();
    for (host, pool) in [("beta", "upload"), ("alpha", "fetch"), ("alpha", "seal")] {
        let change = PoolChange {
            host: host.to_owned(),
            pool: pool.to_owned(),
            size: None,
            paused: None,
            drain: None,
            who: "kim".to_owned(),
            until: None,
        };
        asked.push(w.store.order(change).await.unwrap());
    }
    asked.rotate_left(1);
    assert_eq!(w.store.all_orders().await.unwrap(), asked);
    let events = w.store.events(None, 1).await.unwrap();
    assert_eq!((events[0].event.object.as_str(), events[0].event.detail.as_str()), ("seal on alpha", "now"));
}

async fn an_overview_is_what_its_parts_are(w: World) {
    let session = w.session().await;
    w.stored(session, "a", 1, 1).await;
    w.find(session, Lane::History, &[("b", 1), ("c", 1)]).await;
    let claimed = w.claim(session, Lane::History).await;
    w.store.fetch_failed(session, vec![failure(&claimed[0], w.in_secs(9).await)]).await.unwrap();
    w.open(session, 2).await;
    w.store.duty_take("scan:ugc".to_owned(), session).await.unwrap();
    let hour = Duration::from_hours(1);
    let look = Look { archives: 5, failed: 5, plans: 5, flow: hour, latest: 5, latest_within: hour };
    let seen = w.store.overview(look).await.unwrap();
    let (s, since) = (&w.store, START.minus(hour));
    assert_eq!((seen.now, seen.totals), (START, s.totals().await.unwrap()));
    assert_eq!((seen.lanes, seen.sessions), (s.lanes().await.unwrap(), s.sessions().await.unwrap()));
    assert_eq!((seen.notices, seen.orders), (s.notices().await.unwrap(), s.all_orders().await.unwrap()));
    assert_eq!(
        (seen.archives, seen.failed),
        (s.archives_live(5).await.unwrap(), s.failed_page(None, 5).await.unwrap())
    );
    assert_eq!((seen.flow, seen.watched), (s.flow(since).await.unwrap(), s.watched(since).await.unwrap()));
    assert_eq!((seen.latest, seen.sources), (s.latest(since, 5).await.unwrap(), s.sources().await.unwrap()));
    assert_eq!(seen.duties, [("scan:ugc".to_owned(), s.duty("scan:ugc".to_owned()).await.unwrap().unwrap())]);
    let none = Look { archives: 0, failed: 0, plans: 0, flow: Duration::ZERO, latest: 0, latest_within: hour };
    let seen = s.overview(none).await.unwrap();
    assert_eq!((seen.archives.len(), seen.failed.len(), seen.latest.len()), (0, 0, 0));
}

async fn one_version_is_restored_although_there_are_newer_ones(w: World) {
    let session = w.session().await;
    let old = w.stored(session, "a", 1, 1).await;
    w.advance(1);
    let new = w.stored(session, "a", 2, 2).await;
    let length = |file| {
        let store = w.store.clone();
        async move { store.restorable_file(file).await.unwrap().unwrap().version.map(|version| version.length) }
    };
    assert_eq!((length(old).await, length(new).await), (Some(1001), Some(1002)));
    let row = w.store.restorable_file(old).await.unwrap().unwrap();
    assert_eq!((row.key, row.version.unwrap().archive, row.absent), (key("a"), uuid(1), false));
    w.find(session, Lane::Live, &[("b", 1)]).await;
    let waits = w.claim(session, Lane::Live).await[0].file;
    assert_eq!(length(waits).await, None, "no vault holds it");
    assert_eq!(w.store.restorable_file(FileId(999)).await.unwrap(), None);
}

/// The newer version was stored first: of what was taken in a span of time that one is the newest all the same.
async fn of_what_was_taken_in_a_time_the_newest_version_is_there_wherever_it_lies(w: World) {
    let session = w.session().await;
    let old = w.claimed(session, "a", 1).await;
    w.seal(session, 1, &[old]).await;
    w.advance(1);
    let new = w.claimed(session, "a", 2).await;
    w.seal(session, 2, &[new]).await;
    let (first, second) = (w.upload(session).await, w.upload(session).await);
    w.advance(10);
    let (from, between) = (w.now().await, w.in_secs(5).await);
    w.store.upload_stored(session, second.bundle, confirmed(2)).await.unwrap();
    w.advance(10);
    w.store.upload_stored(session, first.bundle, confirmed(1)).await.unwrap();
    let to = w.in_secs(1).await;
    let lengths = async |upload: &firn::store::Upload, within| {
        let rows = w.store.restorable_members(upload.bundle.archive, within, None, 9).await.unwrap();
        rows.into_iter().map(|row| row.version.length).collect::<Vec<_>>()
    };
    assert_eq!(lengths(&first, None).await, [1001]);
    assert_eq!(lengths(&second, Some((from, to))).await, [1002]);
    assert_eq!(lengths(&first, Some((from, to))).await, [0; 0], "a newer one was taken in that time");
    assert_eq!(lengths(&first, Some((between, to))).await, [1001], "none was");
}

/// Both versions lie in one archive, and the source has put the older one back: it is the newest there is.
async fn what_was_put_back_is_the_newest_of_its_archive_too(w: World) {
    let session = w.session().await;
    let old = w.claimed(session, "a", 1).await;
    w.advance(1);
    let new = w.claimed(session, "a", 2).await;
    let bundle = w.seal(session, 1, &[old, new]).await;
    let upload = w.upload(session).await;
    w.store.upload_stored(session, upload.bundle, confirmed(1)).await.unwrap();
    w.advance(1);
    w.find(session, Lane::Live, &[("a", 1)]).await;
    let lengths = async |within| {
        let rows = w.store.restorable_members(bundle.archive, within, None, 9).await.unwrap();
        rows.into_iter().map(|row| row.version.length).collect::<Vec<_>>()
    };
    assert_eq!(lengths(None).await, [1002], "as it lies there, the later one");
    assert_eq!(lengths(Some((START, w.in_secs(1).await))).await, [1001], "of that time, the newest");
}

async fn an_archive_is_restored_as_it_lies_there(w: World) {
    let session = w.session().await;
    let first = w.claimed(session, "a", 1).await;
    w.find(session, Lane::Live, &[("b", 1)]).await;
    let second = w.claim(session, Lane::Live).await;
    w.advance(1);
    // It changed while its first version lay in the open bundle already: both are in it.
    w.find(session, Lane::Live, &[("a", 2)]).await;
    let third = w.claim(session, Lane::Live).await;
    let all = [[first].as_slice(), &second, &third].concat();
    let bundle = w.seal(session, 1, &all).await;
    let there = |after, limit| {
        let store = w.store.clone();
        async move { store.restorable_members(bundle.archive, None, after, limit).await.unwrap() }
    };
    assert_eq!(there(None, 9).await, [], "no vault holds it yet");
    let upload = w.upload(session).await;
    w.store.upload_stored(session, upload.bundle, confirmed(1)).await.unwrap();
    let rows = there(None, 9).await;
    let seen: Vec<_> = rows.iter().map(|row| (row.source.as_str(), row.key.to_string(), row.version.length)).collect();
    assert_eq!(seen, [("ugc", "b".to_owned(), 1001), ("ugc", "a".to_owned(), 1002)], "the later of two versions");
    assert!(rows.iter().all(|row| row.version.remote_id == b"remote/1" && row.version.archive == uuid(1)));
    let paged = [there(None, 1).await, there(Some(rows[0].header_offset), 9).await].concat();
    assert_eq!(paged, rows);
    assert_eq!(w.store.restorable_members(ArchiveId(99), None, None, 9).await.unwrap(), []);
}
