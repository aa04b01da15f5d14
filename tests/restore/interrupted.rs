//! Interrupted anywhere: by a stop, by being dropped, by the loss of the claim.

use std::fs;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use firn::base::{Money, Stop};
use firn::store::{PlanState, RestoreState, StoreError};
use firn::vault::Result;

use super::vaults::Watched;
use super::world::{HOST, World, free, mixed, same, tree};

/// Files that go through the vault one read at a time, so that there are many places to stop at.
fn left_behind(world: &World) -> usize {
    tree(&world.path("back")).into_keys().filter(|path| path.to_string_lossy().contains(".firn-part")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_it_between_pieces_and_nothing_recorded_is_fetched_again() {
    let world = World::backed_up(mixed).await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let mut stops = 0;
    loop {
        let session = world.session().await;
        let stop = Stop::new();
        let thrown = stop.clone();
        // The second read of each session is its last.
        let vault = Watched::twisted(Arc::clone(&world.vault), move |read: Result<Vec<u8>>, number, _: &Range<u64>| {
            if number >= 1 {
                thrown.stop();
            }
            read
        });
        let vault = Arc::new(vault);
        let recorded = world.row(plan).await.delivered_bytes;
        let delivery = world.delivery(vault.clone(), session, free(), stop);
        let Some(part) = world.store.part_claim(session, HOST.to_owned(), None).await.unwrap() else { break };
        let archive = part.archive;
        delivery.deliver(part).await.unwrap();
        let parts = world.store.plan_parts_page(plan, None, 100).await.unwrap();
        let part = parts.into_iter().find(|part| part.archive == archive).unwrap();
        if part.state == firn::store::PartState::Ready {
            assert_eq!(part.reason.as_deref(), Some("firn was stopped; it goes on with its next run"));
            stops += 1;
        }
        assert_eq!(left_behind(&world), 0);
        assert!(world.row(plan).await.delivered_bytes >= recorded);
        world.store.session_end(session).await.unwrap();
        if stops > 20 {
            // A file that takes three reads never comes through in two: the rest in one go.
            world.deliver().await;
            break;
        }
    }
    assert!(stops > 0);
    world.all_delivered(plan, wants.len()).await;
    same(&world.photos(), &world.path("back"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_at_any_moment_it_is_gone_on_with_by_another_session() {
    let world = World::backed_up(mixed).await;
    let wants = world.all("back").await;
    for polls in [1usize, 2, 3, 5, 8, 13, 21, 34, 55, 89] {
        let _ = fs::remove_dir_all(world.path("back"));
        let plan = world.plan(&wants, Money::ZERO).await;
        let session = world.session().await;
        let delivery = world.delivery(Arc::clone(&world.vault), session, free(), Stop::new());
        let mut left = polls;
        // Polled so often, over as many parts as that takes, and then dropped.
        while let Some(part) = world.store.part_claim(session, HOST.to_owned(), None).await.unwrap() {
            let mut running = Box::pin(delivery.deliver(part));
            let ended = std::future::poll_fn(|cx| {
                if left == 0 {
                    return std::task::Poll::Ready(false);
                }
                left -= 1;
                running.as_mut().poll(cx).map(|_| true)
            });
            if !ended.await {
                break;
            }
        }
        world.store.session_end(session).await.unwrap();
        let recorded = world.row(plan).await.delivered_bytes;
        let vault = Arc::new(Watched::new(Arc::clone(&world.vault)));
        world.deliver_from(vault.clone()).await;
        world.all_delivered(plan, wants.len()).await;
        same(&world.photos(), &world.path("back"));
        let all: u64 = wants.iter().map(|want| fs::metadata(world.photos().join(&want.key)).unwrap().len()).sum();
        let read: u64 = vault.reads().iter().map(|(_, range)| range.end - range.start).sum();
        // What lies between files that are read together: headers and padding, and a page of theirs here and there.
        let between = 3 * 1024 * wants.len() as u64 + (64 << 10);
        assert!(read <= all - recorded + between, "after {polls}: {read} read of {} that were left", all - recorded);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_was_lost_leaves_nothing_under_a_name_of_firns() {
    let world = World::backed_up(mixed).await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let session = world.session().await;
    let part = world.store.part_claim(session, HOST.to_owned(), None).await.unwrap().unwrap();
    // Lost before anything is written to the state.
    world.store.session_end(session).await.unwrap();
    let delivery = world.delivery(Arc::clone(&world.vault), session, free(), Stop::new());
    let error = delivery.deliver(part.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::Stale { .. }), "{error:?}");
    let what = format!("the part of archive {} of plan {plan}", part.archive);
    let text = format!("{what} no longer belongs to session {session}: its lease was lost and the work was given back");
    assert_eq!(error.to_string(), text);
    assert_eq!(left_behind(&world), 0);
    assert_eq!(world.row(plan).await.delivered, 0);
    // Who has it now finds what was named already by its bytes.
    world.deliver().await;
    world.all_delivered(plan, wants.len()).await;
    assert!(world.count(plan, RestoreState::There).await > 0);
    same(&world.photos(), &world.path("back"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_is_cancelled_meanwhile_is_let_go_of() {
    let world = World::backed_up(mixed).await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let session = world.session().await;
    let reads = Arc::new(AtomicU64::new(0));
    let vault = {
        let reads = Arc::clone(&reads);
        Arc::new(Watched::twisted(Arc::clone(&world.vault), move |read, _, _| {
            reads.fetch_add(1, Ordering::SeqCst);
            read
        }))
    };
    let part = world.store.part_claim(session, HOST.to_owned(), None).await.unwrap().unwrap();
    world.store.plan_cancel(plan, "tester".to_owned()).await.unwrap();
    let delivery = world.delivery(vault, session, free(), Stop::new());
    assert!(matches!(delivery.deliver(part).await, Err(StoreError::Stale { .. })));
    assert_eq!(world.row(plan).await.state, PlanState::Cancelled);
    assert_eq!(left_behind(&world), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_try_left_behind_is_replaced_and_cleared_away() {
    let world = World::backed_up(mixed).await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let versions = world.versions().await;
    // As a crash leaves it: of a file that is there and of one that is not.
    let part = |key: &str| {
        let version = &versions[key];
        let n = wants.iter().position(|want| want.key == key).unwrap() + 1;
        format!(".firn-part-{plan}-{}-{}-{n}", version.archive, version.data_offset)
    };
    fs::create_dir_all(world.path("back/1/1")).unwrap();
    fs::copy(world.photos().join("1/1/f1.jpg"), world.path("back/1/1/f1.jpg")).unwrap();
    fs::set_permissions(
        world.path("back/1/1/f1.jpg"),
        fs::metadata(world.photos().join("1/1/f1.jpg")).unwrap().permissions(),
    )
    .unwrap();
    let mtime = fs::metadata(world.photos().join("1/1/f1.jpg")).unwrap().modified().unwrap();
    fs::File::open(world.path("back/1/1/f1.jpg")).unwrap().set_modified(mtime).unwrap();
    fs::write(world.path("back/1/1").join(part("1/1/f1.jpg")), "half").unwrap();
    fs::write(world.path("back").join(part("film.mov")), "half").unwrap();
    // The first claims of the plan are over.
    let session = world.session().await;
    while world.store.part_claim(session, HOST.to_owned(), None).await.unwrap().is_some() {}
    world.store.session_end(session).await.unwrap();
    world.deliver().await;
    world.all_delivered(plan, wants.len()).await;
    assert_eq!(world.count(plan, RestoreState::There).await, 1);
    same(&world.photos(), &world.path("back"));
}
