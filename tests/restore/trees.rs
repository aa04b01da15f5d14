//! What was backed up comes back as it was.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use firn::base::{Money, Stop};
use firn::store::{PlanState, RestoreState};

use super::vaults::Watched;
use super::world::{Want, World, free, mixed, same, tree};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_comes_back_as_it_was_and_each_archive_is_read_once() {
    let world = World::backed_up(mixed).await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let vault = Arc::new(Watched::new(Arc::clone(&world.vault)));
    let parts = world.deliver_from(vault.clone()).await;
    assert!(parts > 1, "several archives");
    world.all_delivered(plan, wants.len()).await;
    same(&world.photos(), &world.path("back"));
    // No byte twice, and in order.
    let mut last: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for (job, range) in vault.reads() {
        let end = last.entry(job).or_default();
        assert!(range.start >= *end, "{range:?} after {end}");
        assert!(range.end - range.start <= 4 << 20);
        *end = range.end;
    }
    assert_eq!(last.len(), parts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_wanted_at_two_places_is_read_once() {
    let world = World::backed_up(mixed).await;
    let want = |key: &str, dest: &str, target: &str| Want {
        key: key.to_owned(),
        dest: world.path(dest),
        target: target.to_owned(),
        overwrite: false,
    };
    let wants = [
        want("film.mov", "one", "a/film"),
        want("film.mov", "two", "film"),
        want("1/1/f1.jpg", "one", "small"),
        want("1/1/f1.jpg", "one", "again/small"),
        want("empty", "one", "e1"),
        want("empty", "two", "e2"),
    ];
    let plan = world.plan(&wants, Money::ZERO).await;
    let vault = Arc::new(Watched::new(Arc::clone(&world.vault)));
    world.deliver_from(vault.clone()).await;
    world.all_delivered(plan, 6).await;
    let film = fs::read(world.photos().join("film.mov")).unwrap();
    assert!(fs::read(world.path("one/a/film")).unwrap() == film && fs::read(world.path("two/film")).unwrap() == film);
    let small = fs::read(world.photos().join("1/1/f1.jpg")).unwrap();
    assert!(fs::read(world.path("one/small")).unwrap() == small);
    assert!(fs::read(world.path("one/again/small")).unwrap() == small);
    assert_eq!(fs::read(world.path("one/e1")).unwrap(), b"");
    let read: u64 = vault.reads().iter().map(|(_, range)| range.end - range.start).sum();
    assert_eq!(read, film.len() as u64 + small.len() as u64, "each once; nothing for the empty one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_wanted_is_read_and_neighbours_together() {
    let world = World::backed_up(mixed).await;
    let wants: Vec<Want> = world.all("back").await.into_iter().filter(|want| want.key.starts_with("3/")).collect();
    let plan = world.plan(&wants, Money::ZERO).await;
    let vault = Arc::new(Watched::new(Arc::clone(&world.vault)));
    let session = world.session().await;
    // Reading has a price here, so that only near ones are read together.
    let egress = Arc::new(|bytes: u64| Money::from_nanos(i64::try_from(bytes).unwrap() / 1_000_000_000));
    let delivery = Arc::new(world.delivery(vault.clone(), session, egress, Stop::new()));
    world.deliver_with(&delivery, session, 2).await;
    world.all_delivered(plan, wants.len()).await;
    let wanted: u64 = world.outcomes(plan).await.values().map(|row| row.length).sum();
    let read: u64 = vault.reads().iter().map(|(_, range)| range.end - range.start).sum();
    assert!(read >= wanted && read <= wanted + 64 * 1024 * wants.len() as u64, "{read} of {wanted}");
    assert_eq!(tree(&world.path("back")).len(), wants.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_already_is_not_read() {
    let world = World::backed_up(mixed).await;
    let first = world.all("back").await;
    let plan = world.plan(&first, Money::ZERO).await;
    world.deliver().await;
    world.all_delivered(plan, first.len()).await;
    let gone = "deep/er/and/deeper/x";
    fs::remove_file(world.path("back").join(gone)).unwrap();
    let plan = world.plan(&first, Money::ZERO).await;
    let vault = Arc::new(Watched::new(Arc::clone(&world.vault)));
    world.deliver_from(vault.clone()).await;
    world.all_delivered(plan, first.len()).await;
    assert_eq!(world.count(plan, RestoreState::There).await, first.len() - 1);
    assert_eq!(vault.reads().len(), 1, "the one that was missing");
    same(&world.photos(), &world.path("back"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_is_paid_for_and_ends_at_the_ceiling() {
    let world = World::backed_up(mixed).await;
    let wants: Vec<Want> = world
        .all("back")
        .await
        .into_iter()
        .filter(|want| ["film.mov", "clip.mov"].contains(&want.key.as_str()))
        .collect();
    let bytes: u64 = wants.iter().map(|want| fs::metadata(world.photos().join(&want.key)).unwrap().len()).sum();
    let cost = |bytes: u64| Money::from_nanos(i64::try_from(bytes).unwrap() * 90);
    for (ceiling, enough) in [(cost(bytes), true), (cost(bytes).minus(Money::from_nanos(1)), false)] {
        let plan = world.plan(&wants, ceiling).await;
        let session = world.session().await;
        let delivery = Arc::new(world.delivery(Arc::clone(&world.vault), session, Arc::new(cost), Stop::new()));
        world.deliver_with(&delivery, session, 1).await;
        let row = world.row(plan).await;
        assert_eq!(row.state, PlanState::Ended);
        if enough {
            world.all_delivered(plan, 2).await;
            assert_eq!(row.spent, ceiling, "what was read, to the last billionth");
            fs::remove_dir_all(world.path("back")).unwrap();
            continue;
        }
        assert!(row.spent < ceiling);
        assert_eq!((row.delivered, row.failed, row.parts_stopped), (1, 1, 1));
        let failed = world.outcomes(plan).await.into_values().find_map(|row| row.reason).unwrap();
        let dear = "reading on costs $0.";
        let ends = format!("of the plan's ceiling of {ceiling} is spent or held; a supplement plan prices it anew");
        assert!(failed.starts_with(dear) && failed.ends_with(&ends), "{failed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_files_than_a_page_has_and_more_than_a_batch() {
    let world = World::backed_up(|root| {
        for n in 0..2_600u64 {
            super::world::put(
                root,
                &format!("d{}/{n}", n % 40),
                &n.to_le_bytes(),
                0o644,
                std::time::Duration::from_secs(n),
            );
        }
    })
    .await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let session = world.session().await;
    let delivery = Arc::new(world.delivery(Arc::clone(&world.vault), session, free(), Stop::new()));
    world.deliver_with(&delivery, session, 2).await;
    world.all_delivered(plan, 2_600).await;
    same(&world.photos(), &world.path("back"));
}
