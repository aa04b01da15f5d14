//! What can be restored: by key, by prefix, now, and as of a time.

use firn::base::FileTime;
use firn::base::ids::{Key, Lane};
use firn::store::{Restorable, RestorableKey};

use crate::world::{World, at, key, uuid};

on_every_engine! {
    a_stored_version_tells_where_it_lies
    a_new_version_keeps_the_old_one_restorable
    a_deleted_file_can_be_restored
    as_of_a_time_what_was_not_there_is_not_restored
    a_version_that_came_back_is_the_newest
    as_of_a_time_what_was_never_stored_gives_way_to_what_was
    as_of_a_time_a_version_that_became_a_later_one_gives_way_too
    a_key_without_a_stored_version_comes_with_none
    keys_come_in_order_by_prefix_and_page
    a_prefix_of_the_highest_bytes_has_no_end
    the_first_archive_that_holds_a_version_is_named
}

async fn a_stored_version_tells_where_it_lies(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("before", 1), ("a", 7)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    w.deliver(session, 1, &claimed).await;
    let offset = w.store.archive(uuid(1)).await.unwrap().unwrap().manifest_offset.unwrap();
    let found = w.restorable("a", None).await.unwrap();
    let data_offset = found.version.as_ref().unwrap().data_offset;
    assert!(data_offset > 2048 && data_offset < offset, "{data_offset}");
    let expected = Restorable {
        file: claimed[1].file,
        length: 1007,
        mode: 0o640,
        mtime: FileTime { secs: 7, nanos: 5 },
        sha256: crate::world::sha256(&claimed[1].found),
        gone_at: None,
        newer_waits: false,
        archive: uuid(1),
        archive_id: found.version.as_ref().unwrap().archive_id,
        remote_id: b"remote/1".to_vec(),
        data_offset,
    };
    assert_eq!(found, RestorableKey { key: key("a"), version: Some(expected), absent: false });
}

async fn a_new_version_keeps_the_old_one_restorable(w: World) {
    let session = w.session().await;
    w.stored(session, "a", 1, 1).await;
    w.advance(100);
    let second = w.claimed(session, "a", 2).await;
    let waiting = w.restorable("a", None).await.unwrap().version.unwrap();
    assert_eq!((waiting.length, waiting.newer_waits), (1001, true));
    w.advance(50);
    w.deliver(session, 2, &[second]).await;
    w.advance(50);
    w.stored(session, "a", 3, 3).await;
    let expected = [(-1, None), (0, Some(1)), (99, Some(1)), (100, Some(2)), (199, Some(2)), (200, Some(3))];
    for (seconds, version) in expected {
        assert_eq!(w.version_of("a", Some(at(seconds))).await, version, "as of {seconds} s");
    }
    assert_eq!(w.version_of("a", None).await, Some(3));
    assert!(!w.restorable("a", None).await.unwrap().version.unwrap().newer_waits);
}

async fn a_deleted_file_can_be_restored(w: World) {
    let session = w.session().await;
    let id = w.stored(session, "a", 1, 1).await;
    w.advance(100);
    w.store.mark_gone(session, vec![id]).await.unwrap();
    let found = w.restorable("a", None).await.unwrap().version.unwrap();
    assert_eq!((found.gone_at, found.newer_waits), (Some(at(100)), false));
    assert_eq!(w.version_of("a", Some(at(99))).await, Some(1));
    assert_eq!(w.version_of("a", Some(at(100))).await, None, "it was gone by then");
}

async fn as_of_a_time_what_was_not_there_is_not_restored(w: World) {
    let session = w.session().await;
    let id = w.stored(session, "a", 1, 1).await;
    w.advance(10);
    w.store.mark_gone(session, vec![id]).await.unwrap();
    w.advance(10);
    w.stored(session, "a", 2, 2).await;
    w.stored(session, "b", 1, 3).await;
    let expected = [(5, Some(1), None), (15, None, None), (25, Some(2), Some(1))];
    for (seconds, a, b) in expected {
        assert_eq!(
            (w.version_of("a", Some(at(seconds))).await, w.version_of("b", Some(at(seconds))).await),
            (a, b),
            "{seconds} s"
        );
    }
}

async fn a_version_that_came_back_is_the_newest(w: World) {
    let session = w.session().await;
    w.stored(session, "a", 1, 1).await;
    w.advance(10);
    w.stored(session, "a", 2, 2).await;
    w.advance(10);
    assert_eq!(w.find(session, Lane::Live, &[("a", 1)]).await, 0, "it is in the vault");
    let found = w.restorable("a", None).await.unwrap().version.unwrap();
    assert_eq!((found.length, found.newer_waits), (1001, false), "what the source shows is what is restored");
    assert_eq!(w.version_of("a", Some(at(15))).await, Some(2));
    assert_eq!(w.version_of("a", Some(at(25))).await, Some(1));
}

/// What would be restored of `a` as of so many seconds: version, and whether a newer one was there. Here there is always
/// one when the source had the file at all.
async fn as_of(w: &World, seconds: i64) -> Option<(u64, bool)> {
    let found = w.restorable("a", Some(at(seconds))).await.unwrap();
    assert_eq!(found.absent, found.version.is_none(), "as of {seconds} s");
    found.version.map(|version| (version.length - 1000, version.newer_waits))
}

async fn as_of_a_time_what_was_never_stored_gives_way_to_what_was(w: World) {
    let session = w.session().await;
    w.stored(session, "a", 1, 1).await;
    w.advance(10);
    w.stored(session, "a", 2, 2).await;
    w.advance(10);
    let third = w.claimed(session, "a", 3).await;
    w.advance(10);
    // The third is at work, so the fourth is a row of its own; the third then comes to nothing.
    let fourth = w.claimed(session, "a", 4).await;
    w.store.fetch_gone(session, vec![(third.file, third.generation)]).await.unwrap();
    assert_eq!(as_of(&w, 35).await, Some((2, true)), "the fourth is on its way");
    let waiting = w.restorable("a", None).await.unwrap().version.unwrap();
    assert_eq!((waiting.length, waiting.newer_waits), (1002, true));
    w.deliver(session, 3, std::slice::from_ref(&fourth)).await;
    w.advance(10);
    w.store.mark_gone(session, vec![fourth.file]).await.unwrap();
    w.advance(10);
    w.claimed(session, "a", 5).await;
    let expected = [
        (-1, None),
        (9, Some((1, false))),
        (10, Some((2, false))),
        (20, Some((2, true))),
        (29, Some((2, true))),
        (30, Some((4, false))),
        (39, Some((4, false))),
        (40, None),
        (49, None),
        (50, Some((4, true))),
    ];
    for (seconds, version) in expected {
        assert_eq!(as_of(&w, seconds).await, version, "as of {seconds} s");
    }
    let page = w.store.restorable(w.source().await, Vec::new(), None, Some(at(25)), 9).await.unwrap();
    assert_eq!(page, [w.restorable("a", Some(at(25))).await.unwrap()], "a page tells the same");
}

/// A row that waits becomes a later version, and that there was another before it is not remembered; but the one before
/// that was not deleted either.
async fn as_of_a_time_a_version_that_became_a_later_one_gives_way_too(w: World) {
    let session = w.session().await;
    let first = w.stored(session, "a", 1, 1).await;
    w.advance(10);
    w.find(session, Lane::Live, &[("a", 2)]).await;
    w.advance(10);
    w.find(session, Lane::Live, &[("a", 3)]).await;
    let expected = [(9, Some((1, false))), (10, Some((1, true))), (19, Some((1, true))), (20, Some((1, true)))];
    for (seconds, version) in expected {
        assert_eq!(as_of(&w, seconds).await, version, "as of {seconds} s, with a later version on its way");
    }
    let third = w.claim(session, Lane::Live).await;
    w.deliver(session, 2, &third).await;
    for (seconds, version) in [(9, Some((1, false))), (15, Some((1, true))), (20, Some((3, false)))] {
        assert_eq!(as_of(&w, seconds).await, version, "as of {seconds} s, with the later version stored");
    }
    // Deleted, then found again as a version that became another: it was not there in between.
    w.advance(10);
    w.store.mark_gone(session, vec![third[0].file]).await.unwrap();
    w.advance(10);
    w.find(session, Lane::Live, &[("a", 4)]).await;
    w.advance(10);
    w.find(session, Lane::Live, &[("a", 5)]).await;
    assert_eq!((as_of(&w, 35).await, as_of(&w, 50).await), (None, Some((3, true))));
    assert_ne!(first, third[0].file);
}

async fn a_key_without_a_stored_version_comes_with_none(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1)]).await;
    // Not stored is one thing, not there is another.
    let never = |absent| Some(RestorableKey { key: key("a"), version: None, absent });
    for (time, absent) in [(None, false), (Some(at(0)), false), (Some(at(-1)), true)] {
        assert_eq!(w.restorable("a", time).await, never(absent), "{time:?}");
    }
    assert_eq!(w.restorable("b", None).await, None);
    let other = w.store.source("other".to_owned(), "directory").await.unwrap().id;
    assert_eq!(w.store.restorable_key(other, key("a"), None).await.unwrap(), None, "that is another source's");
    assert_eq!(w.store.restorable(other, Vec::new(), None, None, 9).await.unwrap(), []);
}

async fn pages(w: &World, prefix: &[u8], limit: u32) -> Vec<Key> {
    let (mut after, mut keys) = (None, Vec::new());
    loop {
        let page = w.store.restorable(w.source().await, prefix.to_vec(), after, None, limit).await.unwrap();
        assert!(page.len() <= limit as usize);
        let Some(last) = page.last() else { return keys };
        after = Some(last.key.clone());
        keys.extend(page.into_iter().map(|row| row.key));
    }
}

async fn keys_come_in_order_by_prefix_and_page(w: World) {
    let session = w.session().await;
    let names = ["b", "a/2", "a", "a/1/x", "a/1", "a0", "a.", "A/1"];
    for (number, name) in (1..).zip(names) {
        w.stored(session, name, 1, number).await;
    }
    // Many versions of a key are one key.
    for (number, version) in (20..).zip(2..6) {
        w.stored(session, "a/1", version, number).await;
    }
    let under = |prefix: &'static str| {
        let w = &w;
        async move {
            let keys = pages(w, prefix.as_bytes(), 2).await;
            keys.into_iter().map(|key| key.to_string()).collect::<Vec<_>>()
        }
    };
    assert_eq!(under("a/").await, ["a/1", "a/1/x", "a/2"]);
    assert_eq!(under("a/1").await, ["a/1", "a/1/x"]);
    assert_eq!(under("").await, ["A/1", "a", "a.", "a/1", "a/1/x", "a/2", "a0", "b"]);
    assert_eq!(under("c").await, Vec::<String>::new());
    assert_eq!(w.version_of("a/1", None).await, Some(5));
    let all = w.store.restorable(w.source().await, b"a/1".to_vec(), None, Some(at(0)), 9).await.unwrap();
    assert_eq!(all.len(), 2, "as of a time keys come too, with the version they had");
}

async fn a_prefix_of_the_highest_bytes_has_no_end(w: World) {
    let session = w.session().await;
    let keys: [&[u8]; 4] = [b"\xfe\xff", b"\xff", b"\xff\xff", b"\xff\xffa"];
    let files = keys.map(|bytes| firn::base::file::FoundFile { key: Key::new(bytes), ..crate::world::file("", 1) });
    w.store.found(session, w.source().await, Lane::Live, files.to_vec()).await.unwrap();
    assert_eq!(pages(&w, b"\xff\xff", 1).await, keys[2..].iter().map(|bytes| Key::new(*bytes)).collect::<Vec<_>>());
    assert_eq!(pages(&w, b"\xfe", 1).await, [Key::new(keys[0])]);
}

/// An archive that was unknown for too long and turned up is a second copy of its files.
async fn the_first_archive_that_holds_a_version_is_named(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    w.seal(session, 1, &[claimed]).await;
    let upload = w.upload(session).await;
    w.store.upload_unknown(session, upload.bundle, String::new(), w.now().await).await.unwrap();
    let taken = w.store.settle_claim(session, 1).await.unwrap().remove(0);
    w.store.repeat_unknown(session, taken.bundle, w.now().await).await.unwrap();
    let again = w.claim(session, Lane::Live).await;
    w.deliver(session, 2, &again).await;
    let taken = w.store.settle_claim(session, 1).await.unwrap().remove(0);
    w.store.settle_stored(session, taken.bundle, crate::world::confirmed(1)).await.unwrap();
    let found = w.restorable("a", None).await.unwrap().version.unwrap();
    assert_eq!((found.archive, found.remote_id.as_slice()), (uuid(1), b"remote/1".as_slice()));
}
