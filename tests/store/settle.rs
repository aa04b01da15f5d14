//! Uploads whose end nobody saw, and what the vault says of them.

use firn::base::ids::{Lane, SessionId, VaultUuid};
use firn::store::{ArchiveState, ChangedFile, Orphan, QueueState, Upload};

use crate::world::{VAULT, World, confirmed, file, host_key, refused, uuid};

on_every_engine! {
    an_unknown_upload_is_asked_about_when_it_is_due
    since_when_nobody_knows_is_kept
    the_vault_holds_what_was_unknown
    the_vault_does_not_hold_what_was_unknown
    an_archive_unknown_for_too_long_gives_its_files_to_another
    a_repeated_archive_that_turns_up_is_a_duplicate
    a_repeated_archive_that_is_abandoned_takes_nothing_from_its_successor
    a_row_that_an_archive_names_stays_the_version_that_lies_there
    an_upload_without_an_owner_is_settled_once
    an_orphan_is_listed_once
    a_vault_is_known_by_its_identity
    of_two_identities_of_a_vault_the_first_stands
}

/// A file in an upload whose reply was lost.
async fn lost(w: &World, session: SessionId, name: &str, number: u8) -> Upload {
    let claimed = w.claimed(session, name, 1).await;
    w.seal(session, number, &[claimed]).await;
    let upload = w.upload(session).await;
    let next_try = w.in_secs(10).await;
    w.store.upload_unknown(session, upload.bundle, "the reply was lost".to_owned(), next_try).await.unwrap();
    upload
}

async fn settle(w: &World, session: SessionId) -> Upload {
    let mut taken = w.store.settle_claim(session, 9).await.unwrap();
    assert_eq!(taken.len(), 1);
    taken.remove(0)
}

async fn state(w: &World, number: u8) -> ArchiveState {
    w.store.archive(uuid(number)).await.unwrap().unwrap().state
}

async fn an_unknown_upload_is_asked_about_when_it_is_due(w: World) {
    let session = w.session().await;
    let upload = lost(&w, session, "a", 1).await;
    assert_eq!(state(&w, 1).await, ArchiveState::Unknown);
    assert_eq!(w.queued(Lane::Live, QueueState::Bundled).await, ["a"], "its files wait for the answer");
    assert_eq!(w.version_of("a", None).await, None, "and are not safe");
    w.advance(9);
    assert!(!w.store.due(host_key("alpha")).await.unwrap().settle);
    assert_eq!(w.store.settle_claim(session, 9).await.unwrap(), []);
    w.advance(1);
    assert!(w.store.due(host_key("alpha")).await.unwrap().settle);
    let taken = settle(&w, session).await;
    assert_eq!((taken.bundle.archive, taken.state), (upload.bundle.archive, ArchiveState::Unknown));
    assert_eq!((taken.attempts, taken.repeated), (1, false));
    let late = w.store.upload_stored(session, upload.bundle, confirmed(1)).await;
    refused(late, &format!("archive {}", uuid(1)), session);
}

async fn since_when_nobody_knows_is_kept(w: World) {
    let session = w.session().await;
    let since = w.now().await;
    lost(&w, session, "a", 1).await;
    for _ in 0..3 {
        w.advance(10);
        let taken = settle(&w, session).await;
        assert_eq!(taken.unknown_since, Some(since));
        let next_try = w.in_secs(10).await;
        w.store.upload_unknown(session, taken.bundle, "asked in vain".to_owned(), next_try).await.unwrap();
    }
    let row = w.store.archive(uuid(1)).await.unwrap().unwrap();
    assert_eq!((row.attempts, row.note.as_deref()), (4, Some("asked in vain")));
}

async fn the_vault_holds_what_was_unknown(w: World) {
    let session = w.session().await;
    lost(&w, session, "a", 1).await;
    w.advance(10);
    let taken = settle(&w, session).await;
    let state = w.store.settle_stored(session, taken.bundle, confirmed(1)).await.unwrap();
    assert_eq!((state, w.in_queue().await), (ArchiveState::Stored, 0));
    assert_eq!(w.version_of("a", None).await, Some(1));
    assert_eq!(w.store.archives_live(9).await.unwrap(), []);
}

async fn the_vault_does_not_hold_what_was_unknown(w: World) {
    let session = w.session().await;
    lost(&w, session, "a", 1).await;
    w.advance(10);
    let taken = settle(&w, session).await;
    w.store.upload_failed(session, taken.bundle, "upload", "not there".to_owned(), w.now().await).await.unwrap();
    let again = w.upload(session).await;
    assert_eq!((again.bundle.archive, again.unknown_since), (taken.bundle.archive, None));
    w.store.upload_stored(session, again.bundle, confirmed(1)).await.unwrap();
    assert_eq!(w.version_of("a", None).await, Some(1));
}

async fn an_archive_unknown_for_too_long_gives_its_files_to_another(w: World) {
    let session = w.session().await;
    lost(&w, session, "a", 1).await;
    w.advance(10);
    let taken = settle(&w, session).await;
    let next_try = w.in_secs(100).await;
    assert_eq!(w.store.repeat_unknown(session, taken.bundle, next_try).await.unwrap(), 1);
    assert_eq!(
        (state(&w, 1).await, w.queued(Lane::Live, QueueState::Queued).await),
        (ArchiveState::Unknown, vec!["a".to_owned()])
    );
    assert_eq!(w.store.settle_claim(session, 9).await.unwrap(), [], "it is asked about later");
    let again = w.claim(session, Lane::Live).await;
    w.deliver(session, 2, &again).await;
    assert_eq!(w.restorable("a", None).await.unwrap().version.unwrap().archive, uuid(2));
    // An upload that is not unknown is not repeated.
    let claimed = w.claimed(session, "b", 1).await;
    w.seal(session, 3, &[claimed]).await;
    let upload = w.upload(session).await;
    let refusal = w.store.repeat_unknown(session, upload.bundle, next_try).await;
    refused(refusal, &format!("archive {}", uuid(3)), session);
}

async fn a_repeated_archive_that_turns_up_is_a_duplicate(w: World) {
    let session = w.session().await;
    lost(&w, session, "a", 1).await;
    w.advance(10);
    let taken = settle(&w, session).await;
    w.store.repeat_unknown(session, taken.bundle, w.in_secs(5).await).await.unwrap();
    w.advance(5);
    let taken = settle(&w, session).await;
    assert!(taken.repeated);
    assert_eq!(w.store.settle_stored(session, taken.bundle, confirmed(1)).await.unwrap(), ArchiveState::Duplicate);
    assert_eq!(w.store.archives_live(9).await.unwrap(), []);
    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, ["a"], "its file goes into the other all the same");
    assert_eq!(w.version_of("a", None).await, Some(1), "and can be restored from this one until then");
    let archives: u64 = w.store.totals().await.unwrap().iter().map(|total| total.archives).sum();
    assert_eq!(archives, 0, "a duplicate is not counted among the stored");
}

async fn a_repeated_archive_that_is_abandoned_takes_nothing_from_its_successor(w: World) {
    let session = w.session().await;
    lost(&w, session, "a", 1).await;
    w.advance(10);
    let taken = settle(&w, session).await;
    w.store.repeat_unknown(session, taken.bundle, w.now().await).await.unwrap();
    let claimed = w.claim(session, Lane::Live).await;
    w.seal(session, 2, &claimed).await;
    let taken = settle(&w, session).await;
    assert_eq!(w.store.upload_abandon(session, taken.bundle, "absent", String::new()).await.unwrap(), 0);
    assert_eq!(w.queued(Lane::Live, QueueState::Bundled).await, ["a"]);
    let upload = w.upload(session).await;
    assert_eq!(w.store.upload_stored(session, upload.bundle, confirmed(2)).await.unwrap().files, 1);
    assert_eq!(w.version_of("a", None).await, Some(1));
}

/// Sent in an archive that is unknown for too long, queued again, and found changed before it is fetched: were its row to
/// become the new version, the archive that turns up would be taken for a copy of what it does not hold.
async fn a_row_that_an_archive_names_stays_the_version_that_lies_there(w: World) {
    let session = w.session().await;
    lost(&w, session, "found", 1).await;
    lost(&w, session, "fetched", 2).await;
    w.advance(10);
    for taken in w.store.settle_claim(session, 9).await.unwrap() {
        w.store.repeat_unknown(session, taken.bundle, w.now().await).await.unwrap();
    }
    w.find(session, Lane::Live, &[("found", 2)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    assert_eq!(claimed.len(), 2);
    let old = claimed.iter().find(|claimed| claimed.found == file("fetched", 1)).unwrap();
    let change = ChangedFile { file: old.file, generation: old.generation, found: file("fetched", 2), failed: None };
    w.store.fetch_changed(session, vec![change]).await.unwrap();
    for taken in w.store.settle_claim(session, 9).await.unwrap() {
        w.store.settle_stored(session, taken.bundle, confirmed(1)).await.unwrap();
    }
    let mut both: Vec<_> = claimed.into_iter().filter(|claimed| claimed.found == file("found", 2)).collect();
    both.extend(w.claim(session, Lane::Live).await);
    assert_eq!(both.len(), 2);
    for name in ["found", "fetched"] {
        let kept = w.restorable(name, None).await.unwrap().version.unwrap();
        assert_eq!((kept.length, kept.sha256.0[0], kept.newer_waits), (1001, 1, true), "{name}");
    }
    w.deliver(session, 3, &both).await;
    for name in ["found", "fetched"] {
        let kept = w.restorable(name, None).await.unwrap().version.unwrap();
        assert_eq!((kept.length, kept.sha256.0[0], kept.archive), (1002, 2, uuid(3)), "{name}");
    }
}

async fn an_upload_without_an_owner_is_settled_once(w: World) {
    let (dead, first, second) = (w.session().await, w.session().await, w.session().await);
    for (number, name) in [(1, "a"), (2, "b"), (3, "c")] {
        let claimed = w.claimed(dead, name, 1).await;
        w.seal(dead, number, &[claimed]).await;
        w.upload(dead).await;
    }
    assert_eq!(w.store.settle_claim(first, 9).await.unwrap(), [], "its owner lives");
    w.store.reap(dead, first, true, true).await.unwrap();
    let mine = w.store.settle_claim(first, 2).await.unwrap();
    let theirs = w.another().settle_claim(second, 9).await.unwrap();
    assert_eq!((mine.len(), theirs.len()), (2, 1));
    assert_eq!(w.store.settle_claim(second, 9).await.unwrap(), []);
    let what = format!("archive {}", mine[0].bundle.uuid);
    refused(w.store.settle_stored(second, mine[0].bundle, confirmed(1)).await, &what, second);
}

async fn an_orphan_is_listed_once(w: World) {
    let session = w.session().await;
    let orphan =
        Orphan { uuid: uuid(9), vault: VAULT.to_owned(), remote_id: b"there".to_vec(), size: 77, manifest_offset: 7 };
    w.store.orphan_found(session, orphan.clone()).await.unwrap();
    w.store.orphan_found(session, orphan.clone()).await.unwrap();
    let row = w.store.archive(uuid(9)).await.unwrap().unwrap();
    assert_eq!((row.state, row.size, row.manifest_offset), (ArchiveState::Orphan, Some(77), Some(7)));
    assert_eq!(row.remote_id, Some(b"there".to_vec()));
    assert_eq!((w.store.archives_live(9).await.unwrap().len(), w.store.events(None, 9).await.unwrap().len()), (0, 1));
    // One of our own is left as it is.
    w.stored(session, "a", 1, 1).await;
    w.store.orphan_found(session, Orphan { uuid: uuid(1), ..orphan }).await.unwrap();
    assert_eq!(state(&w, 1).await, ArchiveState::Stored);
}

async fn a_vault_is_known_by_its_identity(w: World) {
    let known = || w.store.vault_identity(VAULT.to_owned());
    let new = known().await.unwrap();
    assert_eq!((new.uuid, new.made, new.state_is_new), (None, false, true));
    let uuid = VaultUuid::new().unwrap();
    w.store.vault_remember(VAULT.to_owned(), uuid, false).await.unwrap();
    assert_eq!((known().await.unwrap().uuid, known().await.unwrap().made), (Some(uuid), false));
    w.store.vault_remember(VAULT.to_owned(), uuid, true).await.unwrap();
    let session = w.session().await;
    w.open(session, 1).await;
    let there = w.another().vault_identity(VAULT.to_owned()).await.unwrap();
    assert_eq!((there.uuid, there.made, there.state_is_new), (Some(uuid), true, false));
    assert_eq!(w.store.vault_identity("other".to_owned()).await.unwrap().uuid, None);
}

/// Two processes make one vault at once: both write the same identity into it.
async fn of_two_identities_of_a_vault_the_first_stands(w: World) {
    let (first, second) = (VaultUuid::new().unwrap(), VaultUuid::new().unwrap());
    assert_eq!(w.store.vault_remember(VAULT.to_owned(), first, false).await.unwrap(), first);
    assert_eq!(w.another().vault_remember(VAULT.to_owned(), second, false).await.unwrap(), first);
    assert_eq!(w.store.vault_remember(VAULT.to_owned(), second, true).await.unwrap(), first);
    let known = || async { w.store.vault_identity(VAULT.to_owned()).await.unwrap() };
    assert_eq!((known().await.uuid, known().await.made), (Some(first), false), "the second was made, not this one");
    assert_eq!(w.store.vault_remember(VAULT.to_owned(), first, true).await.unwrap(), first);
    assert!(known().await.made);
    assert_eq!(w.store.vault_remember("other".to_owned(), second, false).await.unwrap(), second);
    // At the same moment.
    for round in 0..20 {
        let writers = [w.another(), w.another()].map(|store| {
            let name = format!("vault {round}");
            firn::base::task::spawn(async move {
                let mine = VaultUuid::new().unwrap();
                (mine, store.vault_remember(name, mine, false).await.unwrap())
            })
        });
        let [one, other] = writers;
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        assert_eq!(one.1, other.1);
        assert!(one.1 == one.0 || one.1 == other.0, "it is neither's");
    }
}
