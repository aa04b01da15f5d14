//! A bundle from its opening to the vault: sealed, uploaded, failed, abandoned; and those that go there directly.

use firn::base::hash::Hash32;
use firn::base::ids::{ArchiveId, Generation, Lane};
use firn::store::{
    ArchiveState, BundleRef, ClosedBy, PartRow, QueueState, ResumedBundle, StagedFile, StoreError, StoredFiles,
};

use crate::world::{
    START, VAULT, World, confirmed, contents, failure, host_key, new_bundle, new_direct, refs, refused, uuid,
};

on_every_engine! {
    a_bundle_is_open_then_sealed_then_uploading_then_stored
    a_sealed_bundle_tells_what_it_holds
    an_upload_is_claimed_by_its_lane_and_host_only
    sealed_bundles_go_in_the_order_they_are_due
    an_abandoned_bundle_gives_its_files_back
    a_failed_upload_is_tried_again_when_it_is_due
    an_upload_that_came_to_nothing_queues_its_files
    what_has_no_contents_cannot_be_stored
    a_name_is_used_once
    a_superseded_file_in_a_bundle_goes_into_the_vault_all_the_same
    parts_are_kept_until_the_archive_is_stored
    a_direct_upload_is_paused_and_taken_up_again
    a_direct_upload_is_taken_up_after_its_session_died
    a_direct_upload_waits_for_whoever_fetches_its_file
    a_direct_upload_of_an_old_version_is_not_taken_up
    a_direct_upload_ends_with_its_contents
    staged_bundles_are_wanted_until_they_are_stored
}

async fn state(w: &World, bundle: BundleRef) -> ArchiveState {
    w.store.archive(bundle.uuid).await.unwrap().unwrap().state
}

fn part(number: u32, byte: u8) -> PartRow {
    PartRow { number, size: 1 << 20, tree_hash: Hash32([byte; 32]), etag: Some(vec![byte]) }
}

async fn a_bundle_is_open_then_sealed_then_uploading_then_stored(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    let bundle = w.open(session, 1).await;
    let row = w.store.archive(uuid(1)).await.unwrap().unwrap();
    assert_eq!((row.state, row.owner, row.opened_at), (ArchiveState::Open, Some(session), START));
    assert_eq!((row.vault.as_str(), row.lane, row.size, row.files), (VAULT, Lane::Live, None, None));
    assert_eq!(w.queued(Lane::Live, QueueState::Fetching).await, ["a"]);

    w.advance(5);
    let sealed = contents(std::slice::from_ref(&claimed));
    w.store.bundle_seal(session, bundle, sealed.clone()).await.unwrap();
    let row = w.store.archive(uuid(1)).await.unwrap().unwrap();
    assert_eq!((row.state, row.owner, row.sealed_at), (ArchiveState::Sealed, None, Some(w.now().await)));
    assert_eq!((row.size, row.files, row.closed_by), (Some(sealed.size), Some(1), Some(ClosedBy::Age)));
    assert_eq!((row.manifest_offset, row.check), (Some(sealed.manifest_offset), Some(sealed.check)));
    assert_eq!(w.queued(Lane::Live, QueueState::Bundled).await, ["a"]);
    refused(w.store.bundle_seal(session, bundle, sealed).await, &format!("archive {}", uuid(1)), session);

    w.advance(5);
    let upload = w.upload(session).await;
    let row = w.store.archive(uuid(1)).await.unwrap().unwrap();
    assert_eq!((row.state, row.owner, row.uploading_at), (ArchiveState::Uploading, Some(session), Some(w.now().await)));
    assert_eq!(w.version_of("a", None).await, None, "a file is safe only when its archive is stored");

    w.advance(5);
    let stored = w.store.upload_stored(session, upload.bundle, confirmed(1)).await.unwrap();
    assert_eq!(stored, StoredFiles { files: 1, bytes: 1001 });
    let row = w.store.archive(uuid(1)).await.unwrap().unwrap();
    assert_eq!((row.state, row.owner, row.stored_at), (ArchiveState::Stored, None, Some(w.now().await)));
    assert_eq!(row.remote_id.as_deref(), Some(b"remote/1".as_slice()));
    assert_eq!((w.in_queue().await, w.version_of("a", None).await), (0, Some(1)));
    assert_eq!(w.store.archives_live(9).await.unwrap(), []);
    let again = w.store.upload_stored(session, upload.bundle, confirmed(1)).await;
    refused(again, &format!("archive {}", uuid(1)), session);
}

async fn a_sealed_bundle_tells_what_it_holds(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 2), ("c", 3)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    let bundle = w.seal(session, 1, &claimed).await;
    let sealed = contents(&claimed);
    let all = w.store.members(bundle.archive, None, 9).await.unwrap();
    assert_eq!(all.len(), 3);
    for (row, (member, claimed)) in all.iter().zip(sealed.members.iter().zip(&claimed)) {
        assert_eq!((row.file, &row.key, row.sha256), (claimed.file, &claimed.found.key, Some(member.sha256)));
        assert_eq!((row.header_offset, row.data_offset), (member.header_offset, member.data_offset));
        assert_eq!((row.length, row.source), (member.length, claimed.source));
    }
    let page = w.store.members(bundle.archive, Some(all[0].header_offset), 1).await.unwrap();
    assert_eq!(page, all[1..2]);
    let upload = w.upload(session).await;
    assert_eq!((upload.size, upload.manifest_offset), (Some(sealed.size), Some(sealed.manifest_offset)));
    assert_eq!((upload.check, upload.tree_hash), (Some(sealed.check), Some(sealed.tree_hash)));
    let staged = StagedFile { dir: "/staging".into(), name: "1.tar".to_owned() };
    assert_eq!((upload.staged, upload.upload_id, upload.repeated), (Some(staged), None, false));
}

async fn an_upload_is_claimed_by_its_lane_and_host_only(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    w.seal(session, 1, &[claimed]).await;
    let claim = |lane, host: &str| w.store.upload_claim(session, lane, host_key(host));
    assert_eq!(claim(Lane::History, "alpha").await.unwrap(), None);
    assert_eq!(claim(Lane::Live, "beta").await.unwrap(), None);
    assert!(claim(Lane::Live, "alpha").await.unwrap().is_some());
    assert_eq!(claim(Lane::Live, "alpha").await.unwrap(), None, "once");
}

async fn sealed_bundles_go_in_the_order_they_are_due(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 1), ("c", 1)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    // Opened in one order, sealed in another.
    let (first, second) = (w.open(session, 1).await, w.open(session, 2).await);
    w.store.bundle_seal(session, second, contents(&claimed[..1])).await.unwrap();
    w.advance(1);
    w.store.bundle_seal(session, first, contents(&claimed[1..2])).await.unwrap();
    w.seal(session, 3, &claimed[2..]).await;
    let mut order = Vec::new();
    for _ in 0..3 {
        order.push(w.upload(session).await.bundle.uuid);
    }
    assert_eq!(order, [uuid(2), uuid(1), uuid(3)]);
}

async fn an_abandoned_bundle_gives_its_files_back(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    let bundle = w.open(session, 1).await;
    let claims = refs(std::slice::from_ref(&claimed));
    w.store.bundle_abandon(session, bundle, claims.clone(), "the staging disk is full".to_owned()).await.unwrap();
    let row = w.store.archive(uuid(1)).await.unwrap().unwrap();
    assert_eq!((row.state, row.note.as_deref()), (ArchiveState::Abandoned, Some("the staging disk is full")));
    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, ["a"]);
    let told = w.store.failures(None, 9).await.unwrap().remove(0);
    assert_eq!((told.stage.as_str(), told.reason.as_str(), told.archive), ("bundle", "abandoned", Some(row.id)));
    let again = w.store.bundle_abandon(session, bundle, claims, String::new()).await;
    refused(again, &format!("archive {}", uuid(1)), session);
    assert_eq!(w.claim(session, Lane::Live).await[0].attempts, 0, "that was not the file's fault");
}

async fn a_failed_upload_is_tried_again_when_it_is_due(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    w.seal(session, 1, &[claimed]).await;
    let upload = w.upload(session).await;
    let later = w.in_secs(30).await;
    let why = "the vault is read-only".to_owned();
    w.store.upload_failed(session, upload.bundle, "read-only", why, later).await.unwrap();
    let row = w.store.archive(uuid(1)).await.unwrap().unwrap();
    let told = w.store.failures(None, 9).await.unwrap();
    assert_eq!((told.len(), told[0].stage.as_str(), told[0].archive), (1, "upload", Some(row.id)));
    assert_eq!((told[0].reason.as_str(), told[0].detail.as_str()), ("read-only", "the vault is read-only"));
    assert_eq!((row.state, row.attempts, row.next_try), (ArchiveState::Sealed, 1, Some(later)));
    assert_eq!(row.note.as_deref(), Some("the vault is read-only"));
    w.advance(29);
    let claim = || w.store.upload_claim(session, Lane::Live, host_key("alpha"));
    assert_eq!(claim().await.unwrap(), None);
    w.advance(1);
    let again = claim().await.unwrap().unwrap();
    assert_eq!((again.bundle.archive, again.attempts), (upload.bundle.archive, 1));
    let late = w.store.upload_stored(session, upload.bundle, confirmed(1)).await;
    refused(late, &format!("archive {}", uuid(1)), session);
    w.store.upload_stored(session, again.bundle, confirmed(1)).await.unwrap();
    assert_eq!(w.store.archive(uuid(1)).await.unwrap().unwrap().note, None, "what was wrong is over");
}

async fn an_upload_that_came_to_nothing_queues_its_files(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 1)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    w.seal(session, 1, &claimed).await;
    let upload = w.upload(session).await;
    let why = "its staged file is gone".to_owned();
    assert_eq!(w.store.upload_abandon(session, upload.bundle, "nothing-to-send", why).await.unwrap(), 2);
    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, ["a", "b"]);
    assert_eq!(w.store.members(upload.bundle.archive, None, 9).await.unwrap(), [], "it is no copy of them");
    assert_eq!(w.store.failures(None, 1).await.unwrap()[0].reason, "nothing-to-send");
    let again = w.claim(session, Lane::Live).await;
    assert!(again[0].generation > claimed[0].generation);
    w.deliver(session, 2, &again).await;
    assert_eq!(w.restorable("a", None).await.unwrap().version.unwrap().archive, uuid(2));
}

async fn what_has_no_contents_cannot_be_stored(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    let direct = w.store.bundle_open(session, new_direct(1, claimed.file)).await.unwrap();
    let error = w.store.upload_stored(session, direct, confirmed(1)).await.unwrap_err();
    let reason = format!("archive {} is to be stored and has no contents", direct.archive);
    assert!(matches!(&error, StoreError::Impossible(text) if *text == reason), "{error}");
    assert_eq!(state(&w, direct).await, ArchiveState::Uploading);
    // Sealed and not claimed for an upload, it is not stored either.
    let bundle = w.seal(session, 2, &[claimed]).await;
    refused(w.store.upload_stored(session, bundle, confirmed(2)).await, &format!("archive {}", uuid(2)), session);
}

async fn a_name_is_used_once(w: World) {
    let session = w.session().await;
    w.open(session, 1).await;
    let error = w.store.bundle_open(session, new_bundle(1, "alpha")).await.unwrap_err().to_string();
    assert!(error.contains("failed: ") && error.contains("archive.uuid"), "{error}");
    assert_eq!(w.store.archives_live(9).await.unwrap().len(), 1);
}

async fn a_superseded_file_in_a_bundle_goes_into_the_vault_all_the_same(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    w.seal(session, 1, &[claimed]).await;
    w.advance(10);
    w.find(session, Lane::Live, &[("a", 2)]).await;
    let upload = w.upload(session).await;
    assert_eq!(w.store.upload_stored(session, upload.bundle, confirmed(1)).await.unwrap().files, 1);
    assert_eq!(w.version_of("a", None).await, Some(1));
    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, ["a"]);
}

async fn parts_are_kept_until_the_archive_is_stored(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    w.seal(session, 1, &[claimed]).await;
    let upload = w.upload(session).await;
    let archive = upload.bundle.archive;
    w.store.upload_begun(session, upload.bundle, b"first".to_vec(), 1 << 20).await.unwrap();
    for row in [part(1, 1), part(0, 2), part(1, 3)] {
        w.store.part_stored(session, upload.bundle, row).await.unwrap();
    }
    assert_eq!(w.store.parts(archive).await.unwrap(), [part(0, 2), part(1, 3)], "a part sent again is the newer one");
    w.store.upload_begun(session, upload.bundle, b"second".to_vec(), 1 << 20).await.unwrap();
    assert_eq!(w.store.parts(archive).await.unwrap(), [], "another upload holds nothing of the first");
    w.store.part_stored(session, upload.bundle, part(0, 4)).await.unwrap();
    w.store.upload_failed(session, upload.bundle, "upload", String::new(), w.now().await).await.unwrap();
    let again = w.upload(session).await;
    assert_eq!(again.upload_id.as_deref(), Some(b"second".as_slice()));
    assert_eq!(w.store.parts(archive).await.unwrap(), [part(0, 4)]);
    w.store.upload_stored(session, again.bundle, confirmed(1)).await.unwrap();
    assert_eq!(w.store.parts(archive).await.unwrap(), []);
}

async fn a_direct_upload_is_paused_and_taken_up_again(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "big", 1).await;
    let direct = w.store.bundle_open(session, new_direct(1, claimed.file)).await.unwrap();
    assert_eq!(state(&w, direct).await, ArchiveState::Uploading, "before the first byte leaves");
    w.store.upload_begun(session, direct, b"id".to_vec(), 1 << 20).await.unwrap();
    w.store.part_stored(session, direct, part(0, 1)).await.unwrap();
    w.store.direct_pause(session, direct, failure(&claimed, w.in_secs(10).await)).await.unwrap();
    assert_eq!(w.queued(Lane::Live, QueueState::Failed).await, ["big"]);
    assert_eq!(w.store.settle_claim(session, 9).await.unwrap(), [], "it is left for whoever fetches the file");
    assert!(!w.store.due(host_key("alpha")).await.unwrap().settle, "and nobody is sent to settle it");
    let late = w.store.part_stored(session, direct, part(1, 1)).await;
    refused(late, &format!("archive {}", uuid(1)), session);

    w.advance(10);
    let again = w.claim(session, Lane::Live).await.remove(0);
    assert_eq!(again.resume, Some(direct.archive));
    let resumed = w.store.direct_resume(session, direct.archive, again.file).await.unwrap().unwrap();
    let generation = resumed.bundle.generation;
    assert!(generation > direct.generation);
    let bundle = BundleRef { generation, ..direct };
    assert_eq!(resumed, ResumedBundle { bundle, upload_id: Some(b"id".to_vec()), parts: vec![part(0, 1)] });
    assert_eq!(w.store.direct_resume(session, direct.archive, again.file).await.unwrap(), None, "once");
    assert_eq!(w.store.direct_resume(session, ArchiveId(99), again.file).await.unwrap(), None);
}

async fn a_direct_upload_is_taken_up_after_its_session_died(w: World) {
    let (dead, other) = (w.session().await, w.session().await);
    let claimed = w.claimed(dead, "big", 1).await;
    let direct = w.store.bundle_open(dead, new_direct(1, claimed.file)).await.unwrap();
    w.store.upload_begun(dead, direct, b"id".to_vec(), 1 << 20).await.unwrap();
    w.store.part_stored(dead, direct, part(0, 1)).await.unwrap();
    w.store.reap(dead, other, true, true).await.unwrap();
    assert_eq!(w.store.settle_claim(other, 9).await.unwrap(), []);
    let again = w.claim(other, Lane::Live).await.remove(0);
    assert_eq!(again.resume, Some(direct.archive));
    assert_eq!(w.store.direct_resume(other, direct.archive, claimed.file).await.unwrap().unwrap().parts, [part(0, 1)]);
    // The late owner cannot add to what is another's now.
    refused(w.store.part_stored(dead, direct, part(1, 9)).await, &format!("archive {}", uuid(1)), dead);
}

/// Between the claim and the taking up of it the source is opened, and a place waited for.
async fn a_direct_upload_waits_for_whoever_fetches_its_file(w: World) {
    let (dead, session) = (w.session().await, w.session().await);
    let claimed = w.claimed(dead, "big", 1).await;
    let direct = w.store.bundle_open(dead, new_direct(1, claimed.file)).await.unwrap();
    w.store.direct_pause(dead, direct, failure(&claimed, w.now().await)).await.unwrap();
    let nothing_to_settle = async || {
        assert!(!w.store.due(host_key("alpha")).await.unwrap().settle);
        assert_eq!(w.store.settle_claim(session, 9).await.unwrap(), []);
    };
    // Whoever claims it is fetching; is told to stop; cannot have it now; dies.
    let claim = async |who| {
        let again = w.claim(who, Lane::Live).await.remove(0);
        assert_eq!(again.resume, Some(direct.archive));
        nothing_to_settle().await;
        again
    };
    let again = claim(session).await;
    w.store.give_back(session, refs(&[again])).await.unwrap();
    nothing_to_settle().await;
    let again = claim(session).await;
    w.store.put_off(session, refs(&[again]), w.now().await).await.unwrap();
    nothing_to_settle().await;
    claim(dead).await;
    w.store.reap(dead, session, true, true).await.unwrap();
    nothing_to_settle().await;
    // Once its file is fetched without it, it is left behind.
    let again = claim(session).await;
    w.store.fetch_failed(session, vec![failure(&again, w.now().await)]).await.unwrap();
    assert_eq!(w.store.settle_claim(session, 9).await.unwrap().len(), 1);
}

async fn a_direct_upload_of_an_old_version_is_not_taken_up(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "big", 1).await;
    let direct = w.store.bundle_open(session, new_direct(1, claimed.file)).await.unwrap();
    w.store.direct_pause(session, direct, failure(&claimed, w.now().await)).await.unwrap();
    w.find(session, Lane::Live, &[("big", 2)]).await;
    assert!(w.store.due(host_key("alpha")).await.unwrap().settle);
    let taken = w.store.settle_claim(session, 9).await.unwrap();
    assert_eq!(taken.iter().map(|upload| upload.bundle.archive).collect::<Vec<_>>(), [direct.archive]);
    assert_eq!(w.claim(session, Lane::Live).await[0].resume, None);
}

async fn a_direct_upload_ends_with_its_contents(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "big", 1).await;
    let direct = w.store.bundle_open(session, new_direct(1, claimed.file)).await.unwrap();
    w.store.upload_contents(session, direct, contents(std::slice::from_ref(&claimed))).await.unwrap();
    assert_eq!(w.queued(Lane::Live, QueueState::Bundled).await, ["big"]);
    let stale = BundleRef { generation: Generation(direct.generation.0 - 1), ..direct };
    refused(w.store.upload_stored(session, stale, confirmed(1)).await, &format!("archive {}", uuid(1)), session);
    w.store.upload_stored(session, direct, confirmed(1)).await.unwrap();
    assert_eq!((w.in_queue().await, w.version_of("big", None).await), (0, Some(1)));
}

async fn staged_bundles_are_wanted_until_they_are_stored(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 1)]).await;
    let claimed = w.claim(session, Lane::Live).await;
    w.seal(session, 1, &claimed[..1]).await;
    w.open(session, 2).await;
    let gone = w.open(session, 3).await;
    w.store.bundle_abandon(session, gone, Vec::new(), String::new()).await.unwrap();
    w.open_on(session, 4, "beta").await;
    w.store.bundle_open(session, new_direct(5, claimed[1].file)).await.unwrap();
    // What another host or folder has staged is wanted as well, wherever its file turns up; its bytes are for those to
    // judge who have written it.
    let staged = |host: &'static str, dir: &'static str| {
        let store = w.store.clone();
        async move {
            let rows = store.staged(host_key(host), dir.into()).await.unwrap();
            let mut rows: Vec<_> = rows.into_iter().map(|(name, uuid, size)| (uuid, name, size)).collect();
            rows.sort();
            rows
        }
    };
    let row = |number: u8, size| (uuid(number), format!("{number}.tar"), size);
    let size = contents(&claimed[..1]).size;
    assert_eq!(staged("alpha", "/staging").await, [row(1, Some(size)), row(2, None), row(4, None)]);
    let unknown_sizes = [row(1, None), row(2, None), row(4, None)];
    assert_eq!(staged("alpha", "/elsewhere").await, unknown_sizes);
    assert_eq!(staged("beta", "/staging").await, unknown_sizes);
    let upload = w.upload(session).await;
    assert_eq!(staged("alpha", "/staging").await.len(), 3);
    w.store.upload_unknown(session, upload.bundle, String::new(), w.now().await).await.unwrap();
    let taken = w.store.settle_claim(session, 9).await.unwrap();
    assert_eq!(staged("alpha", "/staging").await[0], row(1, Some(size)));
    w.store.settle_stored(session, taken[0].bundle, confirmed(1)).await.unwrap();
    assert_eq!(staged("alpha", "/staging").await, [row(2, None), row(4, None)]);
}
