//! How what is asked for stands: one look-up for many.

use firn::base::Time;
use firn::base::ids::{FileId, Key, Lane};
use firn::store::{ArchiveState, Asked, QueueState, Ready, RestorableKey, Standing};

use crate::world::{World, at, failure, key, uuid};

on_every_engine! {
    a_stored_version_is_ready
    what_no_vault_holds_says_where_it_stands
    an_archive_that_nobody_knows_of_holds_its_files
    what_its_source_deleted_first_is_lost
    what_was_not_there_then_says_when_it_was
    a_key_that_is_no_file_may_be_a_folder
    the_key_that_was_meant_is_found_beside_it
    only_so_many_are_looked_for
    archives_and_versions_by_their_names
    whatever_happened_it_says_what_would_be_restored
}

async fn ask(w: &World, what: Asked) -> Standing {
    let mut found = w.store.standing(vec![what], 9).await.unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

async fn of(w: &World, name: &str, at: Option<Time>) -> Standing {
    ask(w, Asked::Key(w.source().await, key(name), at)).await
}

async fn near(w: &World, name: &str) -> Option<String> {
    match of(w, name, None).await {
        Standing::Unknown { near } => near.map(|key| key.to_string()),
        other => panic!("{name} is {other:?}"),
    }
}

/// Where the newest version of "a" lies, as a restore has it.
async fn lies(w: &World) -> (firn::base::ids::ArchiveId, u64) {
    let version = w.restorable("a", None).await.unwrap().version.unwrap();
    (version.archive_id, version.data_offset)
}

async fn a_stored_version_is_ready(w: World) {
    let session = w.session().await;
    let file = w.stored(session, "a", 1, 1).await;
    let source = w.source().await;
    let from = lies(&w).await;
    let (length, gone_at, newer_waits, archive) = (1001, None, false, uuid(1));
    let ready = Ready { file, source, key: key("a"), length, gone_at, newer_waits, archive, from };
    assert_eq!(of(&w, "a", None).await, Standing::Ready(ready.clone()));
    assert_eq!(of(&w, "a", Some(at(0))).await, Standing::Ready(ready.clone()));
    assert_eq!(ask(&w, Asked::Version(file)).await, Standing::Ready(ready.clone()));
    w.advance(10);
    w.find(session, Lane::Live, &[("a", 2)]).await;
    assert_eq!(of(&w, "a", None).await, Standing::Ready(Ready { newer_waits: true, ..ready.clone() }));
    assert_eq!(of(&w, "a", Some(at(5))).await, Standing::Ready(ready.clone()));
    let second = w.claim(session, Lane::Live).await;
    w.deliver(session, 2, &second).await;
    let newer = Ready { file: second[0].file, length: 1002, archive: uuid(2), from: lies(&w).await, ..ready.clone() };
    assert_eq!(of(&w, "a", None).await, Standing::Ready(newer.clone()));
    w.advance(10);
    w.store.mark_gone(session, vec![second[0].file]).await.unwrap();
    assert_eq!(of(&w, "a", None).await, Standing::Ready(Ready { gone_at: Some(at(20)), ..newer }));
    let many = w.store.standing(vec![Asked::Anything, Asked::Prefix(source, b"".to_vec())], 0).await.unwrap();
    assert_eq!(many, [Standing::Many, Standing::Many]);
}

async fn what_no_vault_holds_says_where_it_stands(w: World) {
    let session = w.session().await;
    let waits = |state, since: i64, next_try: i64| Standing::Waits {
        lane: Lane::Live,
        state,
        since: at(since),
        next_try: at(next_try),
    };
    w.find(session, Lane::Live, &[("a", 1)]).await;
    w.advance(5);
    assert_eq!(of(&w, "a", None).await, waits(QueueState::Queued, 0, 0));
    let claimed = w.claim(session, Lane::Live).await;
    assert_eq!(of(&w, "a", None).await, waits(QueueState::Fetching, 0, 0));
    assert_eq!(ask(&w, Asked::Version(claimed[0].file)).await, waits(QueueState::Fetching, 0, 0));
    w.store.fetch_failed(session, vec![failure(&claimed[0], at(60))]).await.unwrap();
    assert_eq!(of(&w, "a", None).await, waits(QueueState::Failed, 0, 60));
    assert_eq!(of(&w, "a", Some(at(3))).await, waits(QueueState::Failed, 0, 60));
    w.advance(60);
    let again = w.claim(session, Lane::Live).await;
    w.seal(session, 1, &again).await;
    assert_eq!(of(&w, "a", None).await, waits(QueueState::Bundled, 0, 60));
    w.upload(session).await;
    assert_eq!(of(&w, "a", None).await, waits(QueueState::Bundled, 0, 60), "it is on its way");
    assert_eq!(
        ask(&w, Asked::Archive(uuid(1))).await,
        Standing::Held { archive: uuid(1), state: ArchiveState::Uploading }
    );
}

async fn an_archive_that_nobody_knows_of_holds_its_files(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    w.seal(session, 1, std::slice::from_ref(&claimed)).await;
    let upload = w.upload(session).await;
    w.store.upload_unknown(session, upload.bundle, "no reply".to_owned(), at(60)).await.unwrap();
    let held = Standing::Held { archive: uuid(1), state: ArchiveState::Unknown };
    assert_eq!(of(&w, "a", None).await, held);
    assert_eq!(of(&w, "a", Some(at(0))).await, held);
    assert_eq!(ask(&w, Asked::Version(claimed.file)).await, held);
    assert_eq!(ask(&w, Asked::Archive(uuid(1))).await, held);
}

async fn what_its_source_deleted_first_is_lost(w: World) {
    let session = w.session().await;
    let claimed = w.claimed(session, "a", 1).await;
    w.advance(5);
    w.store.fetch_gone(session, vec![(claimed.file, claimed.generation)]).await.unwrap();
    assert_eq!(of(&w, "a", None).await, Standing::Lost { gone_at: at(5) });
    // A folder has its name now.
    w.find(session, Lane::Live, &[("a/b", 1)]).await;
    assert_eq!(of(&w, "a", None).await, Standing::Many);
}

async fn what_was_not_there_then_says_when_it_was(w: World) {
    let session = w.session().await;
    w.advance(50);
    w.stored(session, "a", 1, 1).await;
    assert_eq!(of(&w, "a", Some(at(49))).await, Standing::Absent { first_seen: at(50) });
}

async fn a_key_that_is_no_file_may_be_a_folder(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a/b/c", 1), ("ab", 1)]).await;
    let source = w.source().await;
    assert_eq!(of(&w, "a", None).await, Standing::Many);
    assert_eq!(of(&w, "a/b", None).await, Standing::Many);
    assert_eq!(ask(&w, Asked::Prefix(source, b"a/b/".to_vec())).await, Standing::Many);
    assert_eq!(ask(&w, Asked::Prefix(source, b"a".to_vec())).await, Standing::Many);
    assert_eq!(ask(&w, Asked::Prefix(source, b"ac".to_vec())).await, Standing::Unknown { near: Some(key("ab")) });
    let other = w.store.source("other".to_owned(), "directory").await.unwrap().id;
    assert_eq!(ask(&w, Asked::Prefix(other, Vec::new())).await, Standing::Unknown { near: None });
    assert_eq!(ask(&w, Asked::Key(other, key("ab"), None)).await, Standing::Unknown { near: None });
}

async fn the_key_that_was_meant_is_found_beside_it(w: World) {
    let session = w.session().await;
    let names =
        ["2025/img_0001.jpg", "2026/img_0001.jpg", "2026/img_0002.jpg", "2026/rome/a.jpg", "2027/x.jpg", "readme"];
    w.find(session, Lane::Live, &names.map(|name| (name, 1))).await;
    let cases = [
        ("2026/img_0001.jgp", Some("2026/img_0001.jpg")),
        ("2026/img_0003.jpg", Some("2026/img_0001.jpg")),
        ("2026/Rome", Some("2026/rome")),
        ("readm", Some("readme")),
        ("2028", Some("2025")),
        ("/2026/img_0001.jpg", Some("2026/img_0001.jpg")),
        ("./readme", Some("readme")),
        ("2026/quite another name.png", None),
        ("2024/img_0001.jpg", None),
    ];
    for (name, expected) in cases {
        let found = near(&w, name).await;
        // Of several that are as near any will do.
        let fine = found.as_deref() == expected
            || name == "2026/img_0003.jpg" && found.as_deref() == Some("2026/img_0002.jpg")
            || name == "2028" && found.is_some_and(|found| found.starts_with("202"));
        assert!(fine, "{name}: expected {expected:?}");
    }
    let folder = ask(&w, Asked::Prefix(w.source().await, b"2026/rom/".to_vec())).await;
    assert_eq!(folder, Standing::Unknown { near: Some(key("2026/rome/")) });
    let bytes = ask(&w, Asked::Key(w.source().await, Key::new(*b"2026/\xff"), None)).await;
    assert_eq!(bytes, Standing::Unknown { near: None });
}

async fn only_so_many_are_looked_for(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("readme", 1)]).await;
    let source = w.source().await;
    let asked = ["readm", "Readme", "reade"].map(|name| Asked::Key(source, key(name), None));
    let found = w.store.standing(asked.to_vec(), 2).await.unwrap();
    let meant = || Standing::Unknown { near: Some(key("readme")) };
    assert_eq!(found, [meant(), meant(), Standing::Unknown { near: None }]);
}

async fn archives_and_versions_by_their_names(w: World) {
    let session = w.session().await;
    assert_eq!(ask(&w, Asked::Anything).await, Standing::Unknown { near: None });
    w.stored(session, "a", 1, 1).await;
    assert_eq!(ask(&w, Asked::Anything).await, Standing::Many);
    assert_eq!(ask(&w, Asked::Archive(uuid(1))).await, Standing::Many);
    assert_eq!(ask(&w, Asked::Archive(uuid(2))).await, Standing::Unknown { near: None });
    assert_eq!(ask(&w, Asked::Version(FileId(999))).await, Standing::Unknown { near: None });
}

/// Many histories of a few keys: what is ready is always the very version that a restore takes.
async fn whatever_happened_it_says_what_would_be_restored(w: World) {
    let session = w.session().await;
    let source = w.source().await;
    let mut draw = 7u32;
    let mut any = |below: u32| {
        draw = draw.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (draw >> 8) % below
    };
    let names = ["a", "b", "c", "d/e"];
    let (mut number, mut versions, mut ready) = (0, [0u8; 4], 0);
    for _ in 0..240 {
        let which = any(4) as usize;
        match any(5) {
            0 | 1 => {
                // Now and then a version that was there before.
                versions[which] =
                    if any(4) == 0 { versions[which].saturating_sub(1).max(1) } else { versions[which] + 1 };
                w.find(session, Lane::Live, &[(names[which], versions[which])]).await;
            }
            2 => {
                let claimed = w.claim(session, Lane::Live).await;
                if !claimed.is_empty() && number < 250 {
                    number += 1;
                    w.deliver(session, number, &claimed).await;
                }
            }
            3 => {
                let rows = w.store.find_files(Some(source), names[which].into(), None, 1).await.unwrap();
                w.store.mark_gone(session, rows.iter().map(|row| row.file).collect()).await.unwrap();
            }
            _ => w.advance(10),
        }
        let now = w.now().await;
        let times = [None, Some(now), Some(Time::from_micros(now.as_micros() - 15_000_000)), Some(at(30))];
        for (name, time) in names.iter().flat_map(|name| times.map(|time| (*name, time))) {
            let restored = w.restorable(name, time).await;
            let said = of(&w, name, time).await;
            match (&restored, &said) {
                (Some(RestorableKey { version: Some(version), .. }), Standing::Ready(found)) => {
                    ready += 1;
                    let told = (found.file, found.length, found.gone_at, found.newer_waits, found.archive);
                    let taken = (version.file, version.length, version.gone_at, version.newer_waits, version.archive);
                    assert_eq!(told, taken, "{name} as of {time:?}");
                }
                (Some(RestorableKey { version: None, absent, .. }), other) => {
                    assert!(!matches!(other, Standing::Ready(_)), "{name} as of {time:?}: {other:?}");
                    assert_eq!(*absent, matches!(other, Standing::Absent { .. }), "{name} as of {time:?}: {other:?}");
                }
                (None, Standing::Unknown { .. }) => {}
                (restored, said) => panic!("{name} as of {time:?}: {restored:?}, and {said:?}"),
            }
        }
    }
    assert!(ready > 500, "only {ready} were ready");
}
