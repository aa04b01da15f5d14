//! The real pipeline over a vault that flips bits: nothing is called stored that is not, and it is told. The same state
//! over an honest vault then stores everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use firn::backup::pipe::Kinds;
use firn::backup::pipeline::Job;
use firn::base::sink::NoSink;
use firn::base::{Severity, Stop};
use firn::services::Services;
use firn::store::{Restorable, Store};

use super::liars::{Liar, Lie};
use super::subject::body;
use super::support::between::Over;
use super::world::{DEADLINE, World, eventually, everything_in};

/// A few small ones that go into a bundle, and one that is too large to be staged.
fn write_files(world: &World) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, Vec<u8>> =
        (0..5u8).map(|n| (format!("p{n}"), body(1000 * usize::from(n), u64::from(n)))).collect();
    files.insert("video".to_owned(), body(5 << 20, 9));
    for (name, bytes) in &files {
        fs::write(world.path("photos").join(name), bytes).unwrap();
    }
    files
}

async fn job(services: &Services, until_idle: bool) -> Job {
    services.job(Kinds::all(), until_idle, Arc::new(NoSink)).await.unwrap()
}

/// The source's keys, each with where the state says that its bytes can be had: the archive's file and the offset there.
async fn restorable(world: &World, store: &dyn Store) -> BTreeMap<String, Option<(PathBuf, usize)>> {
    let source = store.source("ugc".to_owned(), "directory").await.unwrap();
    let keys = store.restorable(source.id, vec![], None, None, 100).await.unwrap();
    let place = |version: Restorable| {
        let path = world.vault().join(String::from_utf8(version.remote_id).unwrap());
        (path, usize::try_from(version.data_offset).unwrap())
    };
    keys.into_iter().map(|key| (key.key.to_string(), key.version.map(place))).collect()
}

/// The archives that lie in the vault, by the vault's names for them: what lies in a shard.
fn archives(world: &World) -> BTreeSet<String> {
    let below = |path: PathBuf| path.strip_prefix(world.vault()).unwrap().to_str().unwrap().to_owned();
    let all = everything_in(&world.vault().join("archives")).into_keys().map(below);
    all.filter(|path| path.matches('/').count() == 2).collect()
}

async fn nothing_wrong_is_called_stored(lie: Lie, told: &str) {
    let world = World::new();
    let files = write_files(&world);
    let services = world.services().await;
    let aside = world.path("aside");
    fs::create_dir(&aside).unwrap();
    let mut lying = job(&services, false).await;
    let liar = Liar::new(Arc::clone(&lying.vault), lie, &aside);
    let ways = Arc::clone(&liar.ways);
    lying.vault = Arc::new(Over(liar));
    let stop = Stop::new();
    let running = firn::base::task::spawn(Arc::new(lying).run(stop.clone()));
    let store = Arc::clone(&services.store);
    let notice = eventually("a finding about the mismatch", || {
        let store = Arc::clone(&store);
        async move { store.notices().await.unwrap().into_iter().find(|notice| notice.rule == "archive.mismatch") }
    })
    .await;
    assert_eq!((notice.severity, notice.object.as_str()), (Severity::Critical, "cold"));
    assert!(notice.value.contains(told), "{}", notice.value);
    assert!(notice.next_step.starts_with("test the vault's disk"), "{}", notice.next_step);
    // Both ways into the vault have been tried.
    eventually("both a bundle and a file in parts were sent", || {
        let both = ways.lock().unwrap().len() == 2;
        async move { both.then_some(()) }
    })
    .await;
    stop.stop();
    tokio::time::timeout(DEADLINE, running).await.expect("it ends when told").unwrap().unwrap();

    let stored: u64 = store.totals().await.unwrap().iter().map(|total| total.stored_files + total.archives).sum();
    assert_eq!(stored, 0);
    let places = restorable(&world, &*store).await;
    assert_eq!(places.keys().collect::<Vec<_>>(), files.keys().collect::<Vec<_>>());
    assert!(places.values().all(Option::is_none), "{places:?}");
    let queued: u64 = store.lanes().await.unwrap().iter().map(|lane| lane.files).sum();
    assert_eq!(queued, files.len() as u64, "every file is still to be done");
    let events = store.events(None, 200).await.unwrap();
    let alarm = events.iter().find(|event| event.event.what == "archive.mismatch").expect("an alarm");
    assert!(alarm.event.detail.contains(told), "{}", alarm.event.detail);
    // What it took is not thrown away (it may be the nearest thing to a copy); where it stays is told.
    let left = archives(&world);
    let failures = store.failures(None, 200).await.unwrap();
    for archive in &left {
        let told = failures.iter().any(|failure| failure.detail.ends_with(&format!("it stays there as {archive}")));
        assert!(told, "{archive} is told as staying: {failures:?}");
    }
    assert_eq!(left.is_empty(), lie == Lie::FlipsOnTheWay, "{left:?}");

    // The same state over the honest vault.
    let honest = Arc::new(job(&services, true).await);
    let ended = tokio::time::timeout(DEADLINE, honest.run(Stop::new())).await.expect("it ends").unwrap();
    assert_eq!((ended.given_up, ended.held.len()), (0, 0));
    let places = restorable(&world, &*store).await;
    assert_eq!(places.len(), files.len());
    for (name, bytes) in &files {
        let (archive, offset) = places[name].as_ref().expect(name);
        let stored = fs::read(archive).unwrap();
        assert!(stored[*offset..].starts_with(bytes), "{name} is in {} as it is in the source", archive.display());
        assert!(!left.iter().any(|wrong| archive.ends_with(wrong)), "{} is not taken for right", archive.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_flips_bits_and_confirms_what_it_holds_stores_nothing() {
    nothing_wrong_is_called_stored(Lie::FlipsAndTells, " was sent").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_finds_flipped_bits_by_itself_stores_nothing() {
    nothing_wrong_is_called_stored(Lie::FlipsOnTheWay, "it was not kept and is sent again").await;
}
