//! The real pipeline over the emulated vault in bad weather: replies that are lost, refusals, another hash in a reply. In
//! the end everything is stored once, and what came out wrong is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use firn::backup::pipe::Kinds;
use firn::base::sink::NoSink;
use firn::base::{Clock, Stop};
use firn::services::Services;
use firn::store::Store;
use firn::vault::fake::{Core, FakeVault, Fault, Glacier, Link, Rules, Shelf, TierTimes, Weather, Window};
use firn::vault::{ArchiveName, JobRequest, JobState, Vault as _};

use super::subject::body;
use super::world::{DEADLINE, World, eventually};

/// An emulated vault on the machine's clock, listed each second, whose retrievals are ready at once.
fn emulated(world: &World, fault: Fault) -> (Arc<Glacier>, FakeVault) {
    let clock = Clock::system();
    let now = clock.now();
    // Until the test changes it.
    let windows = vec![Window { from: now, until: now.plus(DEADLINE * 2), fault }];
    let at_once = (Duration::ZERO, Duration::ZERO);
    let rules = Rules {
        weather: Weather { windows },
        inventory_every: Duration::from_secs(1),
        tiers: TierTimes { expedited: at_once, standard: at_once, bulk: at_once },
        ..Rules::default()
    };
    let glacier = Glacier::new(Core::new(rules, now), Shelf::open(&world.path("shelf")).unwrap());
    let door = FakeVault::new("cold", clock, Arc::clone(&glacier), Link::default());
    (glacier, door)
}

/// What the service holds: how many archives of each of firn's names.
fn held(glacier: &Glacier) -> BTreeMap<String, usize> {
    // As an inventory of a later time would list it.
    let later = Clock::system().now().plus(Duration::from_hours(1));
    let mut held = BTreeMap::new();
    for listed in &glacier.core().last_inventory(later).unwrap().archives {
        let name = ArchiveName::parse(&listed.description).unwrap();
        *held.entry(name.uuid.to_string()).or_default() += 1;
    }
    held
}

async fn read_back(door: &FakeVault, remote_id: Vec<u8>, from: u64, length: u64) -> Vec<u8> {
    let request = JobRequest { remote_id, range: None, tier: None, description: "test".to_owned() };
    let job = door.request(request).await.unwrap();
    assert!(matches!(door.status(&job).await.unwrap(), JobState::Ready { .. }));
    door.read(&job, from..from + length).await.unwrap()
}

/// What the state tells of what went wrong.
async fn told(store: &dyn Store) -> Vec<String> {
    let failures = store.failures(None, 200).await.unwrap().into_iter().map(|failure| failure.detail);
    let events = store.events(None, 200).await.unwrap().into_iter().map(|event| event.event.detail);
    failures.chain(events).collect()
}

/// Backs up small files, which share a bundle, and one that goes in parts: in this weather until something is told with
/// these words, then in fair weather until all is stored. Comes back with how many archives the service holds of each
/// name, and the names that the state has its files in.
async fn everything_gets_through(fault: Fault, words: &str) -> (BTreeMap<String, usize>, BTreeSet<String>) {
    let world = World::new();
    let mut files: BTreeMap<String, Vec<u8>> =
        (0..5u8).map(|n| (format!("p{n}"), body(1000 * usize::from(n), u64::from(n)))).collect();
    files.insert("video".to_owned(), body(5 << 20, 9));
    for (name, bytes) in &files {
        fs::write(world.path("photos").join(name), bytes).unwrap();
    }
    let services: Services = world.services().await;
    let (glacier, door) = emulated(&world, fault);
    let mut job = services.job(Kinds::all(), false, Arc::new(NoSink)).await.unwrap();
    job.vault = Arc::new(door.clone());
    let stop = Stop::new();
    let running = firn::base::task::spawn(Arc::new(job).run(stop.clone()));
    let store = Arc::clone(&services.store);
    eventually(words, || async { told(&*store).await.iter().any(|told| told.contains(words)).then_some(()) }).await;
    glacier.core().set_weather(Weather::default());
    let wanted = files.len() as u64;
    eventually("everything is stored", || async {
        let stored: u64 = store.totals().await.unwrap().iter().map(|total| total.stored_files).sum();
        (stored == wanted).then_some(())
    })
    .await;
    stop.stop();
    tokio::time::timeout(DEADLINE, running).await.expect("it ends when told").unwrap().unwrap();

    let source = store.source("ugc".to_owned(), "directory").await.unwrap();
    let keys = store.restorable(source.id, vec![], None, None, 100).await.unwrap();
    let mut archives = BTreeSet::new();
    for key in keys {
        let (name, version) = (key.key.to_string(), key.version.expect("it is stored"));
        let read = read_back(&door, version.remote_id, version.data_offset, version.length).await;
        assert!(read == files.remove(&name).unwrap(), "{name} comes back otherwise");
        archives.insert(version.archive.to_string());
    }
    assert!(files.is_empty(), "never stored: {:?}", files.keys());
    (held(&glacier), archives)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_replies_are_settled_by_the_inventory_and_nothing_is_sent_twice() {
    let words = "may or may not hold archive";
    let (held, archives) = everything_gets_through(Fault::LostReply { one_in: 1 }, words).await;
    assert_eq!(held.keys().collect::<Vec<_>>(), archives.iter().collect::<Vec<_>>(), "each archive is one of ours");
    assert!(held.values().all(|copies| *copies == 1), "{held:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_now_is_sent_later() {
    let (held, archives) = everything_gets_through(Fault::Throttle { one_in: 1 }, "ThrottlingException").await;
    assert_eq!(held.keys().collect::<Vec<_>>(), archives.iter().collect::<Vec<_>>());
    assert!(held.values().all(|copies| *copies == 1), "{held:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_hash_in_a_reply_is_never_called_stored() {
    let words = " was sent; it stays there as ";
    let (held, archives) = everything_gets_through(Fault::CorruptReply { one_in: 1 }, words).await;
    // What was not believed is still there, and no file is said to be in it.
    assert!(archives.iter().all(|archive| held[archive] == 1), "{held:?}");
    assert!(held.len() > archives.len(), "{held:?}");
}
