//! Complete bundles that wait where nobody is left: taken over by whoever has their staged files, or given up.

use std::time::Duration;

use firn::base::ids::{Lane, SessionId};
use firn::store::{Adopted, ArchiveState, QueueState, StagedFile};

use crate::world::{World, confirmed, contents, host_key, new_bundle, new_direct, uuid};

on_every_engine! {
    complete_bundles_of_an_empty_host_are_taken_over
    what_was_taken_over_belongs_to_its_new_host_alone
    sealed_bundles_out_of_reach_are_given_up_when_their_host_is_lost
    uploads_out_of_reach_are_left_to_be_settled
    a_host_with_a_session_keeps_its_bundles
    own_bundles_are_left_as_they_are
    own_bundles_follow_their_folder
    what_somebody_works_on_is_left_to_him
    a_host_that_nobody_remembers_is_lost
}

const LOST_AFTER: u64 = 100;

const NONE: Adopted = Adopted { adopted: 0, abandoned: 0 };

/// Adopts for a host what lies in `/taken`.
async fn adopt(w: &World, session: SessionId, host: &str, numbers: &[u8]) -> Adopted {
    adopt_in(w, session, host, "/taken", numbers).await
}

async fn adopt_in(w: &World, session: SessionId, host: &str, dir: &str, numbers: &[u8]) -> Adopted {
    let names = numbers.iter().map(|number| format!("{number}.tar")).collect();
    let lost_after = Duration::from_secs(LOST_AFTER);
    w.store.adopt_staged(session, host_key(host), dir.into(), names, lost_after).await.unwrap()
}

async fn state(w: &World, number: u8) -> ArchiveState {
    w.store.archive(uuid(number)).await.unwrap().unwrap().state
}

/// A sealed bundle of one new file.
async fn sealed(w: &World, session: SessionId, number: u8) {
    let claimed = w.claimed(session, &format!("f{number}"), 1).await;
    w.seal(session, number, &[claimed]).await;
}

/// Bundles 1 and 2 sealed, 3 on its way and 4 unknown, on a host whose only session has ended since.
async fn left_behind(w: &World) {
    let gone = w.session().await;
    for number in [3, 4] {
        sealed(w, gone, number).await;
        w.upload(gone).await;
    }
    w.store.session_end(gone).await.unwrap();
    let gone = w.session().await;
    let taken = w.store.settle_claim(gone, 9).await.unwrap();
    w.store.upload_unknown(gone, taken[1].bundle, String::new(), w.now().await).await.unwrap();
    for number in [1, 2] {
        sealed(w, gone, number).await;
    }
    w.store.session_end(gone).await.unwrap();
    let states = [state(w, 1).await, state(w, 2).await, state(w, 3).await, state(w, 4).await];
    assert_eq!(
        states,
        [ArchiveState::Sealed, ArchiveState::Sealed, ArchiveState::Uploading, ArchiveState::Unknown],
        "this is where the test begins"
    );
}

/// The bundles that are staged in a host's folder, with their bytes there.
async fn lies(w: &World, host: &str, dir: &str) -> Vec<String> {
    let rows = w.store.staged(host_key(host), dir.into()).await.unwrap();
    let mut names: Vec<_> = rows.into_iter().filter(|(.., size)| size.is_some()).map(|(name, ..)| name).collect();
    names.sort();
    names
}

async fn complete_bundles_of_an_empty_host_are_taken_over(w: World) {
    left_behind(&w).await;
    let heir = w.session_on("beta").await;
    assert_eq!(adopt(&w, heir, "beta", &[1, 3, 4, 77]).await, Adopted { adopted: 3, abandoned: 0 });
    assert_eq!(lies(&w, "beta", "/taken").await, ["1.tar", "3.tar", "4.tar"]);
    assert_eq!(lies(&w, "alpha", "/staging").await, ["2.tar"], "its file is not here");
    assert_eq!(w.queued(Lane::Live, QueueState::Bundled).await.len(), 4, "their files are not queued again");
    // One is sent from here, the others are asked about and found to be missing in the vault: sent from here too.
    let lies_here = |number: u8| Some(StagedFile { dir: "/taken".into(), name: format!("{number}.tar") });
    let upload = w.store.upload_claim(heir, Lane::Live, host_key("beta")).await.unwrap().unwrap();
    assert_eq!((upload.bundle.uuid, upload.staged), (uuid(1), lies_here(1)));
    w.store.upload_stored(heir, upload.bundle, confirmed(1)).await.unwrap();
    for taken in w.store.settle_claim(heir, 9).await.unwrap() {
        w.store.upload_failed(heir, taken.bundle, "absent", String::new(), w.now().await).await.unwrap();
    }
    for number in [3, 4] {
        let upload = w.store.upload_claim(heir, Lane::Live, host_key("beta")).await.unwrap().unwrap();
        assert_eq!((upload.bundle.uuid, upload.staged), (uuid(number), lies_here(number)));
        w.store.upload_stored(heir, upload.bundle, confirmed(number)).await.unwrap();
    }
    assert_eq!(w.queued(Lane::Live, QueueState::Bundled).await, ["f2"]);
    assert_eq!(w.version_of("f4", None).await, Some(1));
}

async fn what_was_taken_over_belongs_to_its_new_host_alone(w: World) {
    left_behind(&w).await;
    let heir = w.session_on("beta").await;
    assert_eq!(adopt(&w, heir, "beta", &[1, 2, 3, 4]).await.adopted, 4);
    let (back, third) = (w.session().await, w.session_on("gamma").await);
    assert_eq!(w.store.upload_claim(back, Lane::Live, host_key("alpha")).await.unwrap(), None);
    w.advance(LOST_AFTER);
    assert_eq!(adopt(&w, third, "gamma", &[1, 2, 3, 4]).await, NONE, "somebody lives on beta");
    assert_eq!(adopt(&w, heir, "beta", &[1, 2, 3, 4]).await, NONE, "once");
    assert_eq!(lies(&w, "beta", "/taken").await.len(), 4);
}

async fn sealed_bundles_out_of_reach_are_given_up_when_their_host_is_lost(w: World) {
    let gone = w.session().await;
    sealed(&w, gone, 1).await;
    sealed(&w, gone, 2).await;
    w.advance(30);
    // It was last heard of when it last renewed.
    w.store.session_renew(gone, crate::world::LEASE, String::new()).await.unwrap();
    w.store.session_end(gone).await.unwrap();
    let heir = w.session_on("beta").await;
    w.advance(LOST_AFTER - 1);
    assert_eq!(adopt(&w, heir, "beta", &[]).await, NONE);
    assert_eq!(lies(&w, "alpha", "/staging").await, ["1.tar", "2.tar"]);
    w.advance(1);
    assert_eq!(adopt(&w, heir, "beta", &[2]).await, Adopted { adopted: 1, abandoned: 1 });
    let row = w.store.archive(uuid(1)).await.unwrap().unwrap();
    let why = "nobody has been on its host for long, and its staged file is not here";
    assert_eq!((row.state, row.note.as_deref()), (ArchiveState::Abandoned, Some(why)));
    assert_eq!(w.store.members(row.id, None, 9).await.unwrap(), [], "it is no copy of them");
    let told = w.store.failures(None, 9).await.unwrap();
    assert_eq!((told.len(), told[0].archive, told[0].file), (1, Some(row.id), None));
    assert_eq!(
        (told[0].stage.as_str(), told[0].reason.as_str(), told[0].detail.as_str()),
        ("bundle", "lost-host", why)
    );
    let again = w.claim(heir, Lane::Live).await;
    assert_eq!((again.len(), again[0].found.key.to_string(), again[0].attempts), (1, "f1".to_owned(), 0));
    assert_eq!(w.queued(Lane::Live, QueueState::Bundled).await, ["f2"]);
    assert_eq!(adopt(&w, heir, "beta", &[1, 2]).await, NONE, "the abandoned one does not come back");
}

/// The vault may hold what was being sent: whoever asks it finds out.
async fn uploads_out_of_reach_are_left_to_be_settled(w: World) {
    left_behind(&w).await;
    let heir = w.session_on("beta").await;
    w.advance(LOST_AFTER);
    assert_eq!(adopt(&w, heir, "beta", &[]).await, Adopted { adopted: 0, abandoned: 2 });
    assert_eq!((state(&w, 3).await, state(&w, 4).await), (ArchiveState::Uploading, ArchiveState::Unknown));
    for taken in w.store.settle_claim(heir, 9).await.unwrap() {
        w.store.settle_stored(heir, taken.bundle, confirmed(1)).await.unwrap();
    }
    assert_eq!((w.version_of("f3", None).await, w.version_of("f4", None).await), (Some(1), Some(1)));
    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, ["f1", "f2"]);
}

async fn a_host_with_a_session_keeps_its_bundles(w: World) {
    left_behind(&w).await;
    let (heir, back) = (w.session_on("beta").await, w.session().await);
    // Even one that has not been heard of: nobody has taken it for dead.
    w.advance(LOST_AFTER * 10);
    assert_eq!(adopt(&w, heir, "beta", &[1, 3]).await, NONE);
    assert_eq!(lies(&w, "alpha", "/staging").await, ["1.tar", "2.tar", "3.tar", "4.tar"]);
    let upload = w.upload(back).await;
    assert_eq!((upload.bundle.uuid, upload.staged.unwrap().dir), (uuid(1), "/staging".into()));
}

async fn own_bundles_are_left_as_they_are(w: World) {
    left_behind(&w).await;
    w.advance(LOST_AFTER * 10);
    let session = w.session().await;
    assert_eq!(adopt_in(&w, session, "alpha", "/staging", &[1, 2, 3, 4]).await, NONE);
    assert_eq!(adopt_in(&w, session, "alpha", "/staging", &[]).await, NONE, "whoever sends one sees what is missing");
    assert_eq!(lies(&w, "alpha", "/staging").await.len(), 4);
}

async fn own_bundles_follow_their_folder(w: World) {
    left_behind(&w).await;
    w.advance(LOST_AFTER * 10);
    let session = w.session().await;
    assert_eq!(adopt(&w, session, "alpha", &[2, 3]).await, Adopted { adopted: 2, abandoned: 0 });
    assert_eq!(lies(&w, "alpha", "/taken").await, ["2.tar", "3.tar"]);
    assert_eq!(lies(&w, "alpha", "/staging").await, ["1.tar", "4.tar"], "those are not in the new folder");
}

async fn what_somebody_works_on_is_left_to_him(w: World) {
    left_behind(&w).await;
    let (heir, works) = (w.session_on("beta").await, w.session_on("gamma").await);
    // Being asked about, from another host; not complete; without a staged file.
    let asked = w.store.settle_claim(works, 9).await.unwrap();
    assert_eq!(asked.len(), 2);
    w.open_on(works, 5, "alpha").await;
    let claimed = w.claimed(works, "big", 1).await;
    let direct = w.store.bundle_open(works, new_direct(6, claimed.file)).await.unwrap();
    w.store.upload_contents(works, direct, contents(std::slice::from_ref(&claimed))).await.unwrap();
    assert_eq!(adopt(&w, heir, "beta", &[1, 2, 3, 4, 5, 6]).await.adopted, 2);
    assert_eq!(lies(&w, "beta", "/taken").await, ["1.tar", "2.tar"]);
    w.store.upload_stored(works, direct, confirmed(6)).await.unwrap();
    for upload in asked {
        w.store.settle_stored(works, upload.bundle, confirmed(9)).await.unwrap();
    }
}

async fn a_host_that_nobody_remembers_is_lost(w: World) {
    let gone = w.session().await;
    let claimed = w.claimed(gone, "a", 1).await;
    // Under a name that no session ever had.
    let bundle = w.store.bundle_open(gone, new_bundle(1, "omega")).await.unwrap();
    w.store.bundle_seal(gone, bundle, contents(std::slice::from_ref(&claimed))).await.unwrap();
    let heir = w.session_on("beta").await;
    assert_eq!(adopt(&w, heir, "beta", &[]).await, Adopted { adopted: 0, abandoned: 1 });
    assert_eq!(w.queued(Lane::Live, QueueState::Queued).await, ["a"]);
}
