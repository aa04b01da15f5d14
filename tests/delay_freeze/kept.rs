//! The watch over a state: several processes, one that dies, a script that starts the replica each second.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use firn::base::clock::Hand;
use firn::base::host::ProcessIdentity;
use firn::base::{Clock, Stop, Time, task};
use firn::delay::freeze::danger::Facts;
use firn::delay::freeze::keeper::{Keeper, Kept, SCOPE};
use firn::delay::freeze::machine::Act;
use firn::delay::freeze::orders;
use firn::delay::freeze::record::Phase;
use firn::delay::freeze::sight::Sight;
use firn::delay::freeze::threads::{Threads, ThreadsError};
use firn::delay::freeze::told;
use firn::store::NewSession;
use firn::store::sqlite::SqliteStore;

use super::machine::asked;
use super::support::waiting::in_time;
use super::world::Fake;

const FRESH: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

pub struct Site {
    dir: tempfile::TempDir,
    pub clock: Clock,
    pub hand: Hand,
    pub keeper: Keeper,
    pub fake: Arc<Fake>,
}

impl Site {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (clock, hand) = Clock::manual(Time::from_secs(1_795_435_200));
        let store = Arc::new(SqliteStore::open(&dir.path().join("firn.db"), clock.clone(), true).unwrap());
        let keeper = Keeper { store, clock: clock.clone(), own: "firn on db1".to_owned() };
        let fake = Arc::new(Fake::new(&clock));
        Self { dir, clock, hand, keeper, fake }
    }

    /// Another process over the same state.
    pub fn other(&self) -> Keeper {
        let store = SqliteStore::open(&self.dir.path().join("firn.db"), self.clock.clone(), false).unwrap();
        Keeper { store: Arc::new(store), clock: self.clock.clone(), own: "firn on db2".to_owned() }
    }

    async fn round(&self, keeper: &Keeper, kept: &Kept) -> Kept {
        keeper.tend(kept.id, &*self.fake).await.unwrap().unwrap().kept
    }

    async fn rounds(&self, keeper: &Keeper, kept: &Kept, seconds: u64) -> Kept {
        let mut last = kept.clone();
        for _ in 0..seconds {
            last = self.round(keeper, &last).await;
            self.hand.advance(SECOND);
        }
        last
    }

    pub fn is_frozen(&self, kept: &Kept) -> bool {
        told::is_frozen(&kept.record, self.clock.now(), FRESH)
    }

    async fn events(&self) -> Vec<(String, String)> {
        let mut rows = self.keeper.store.events(None, 100).await.unwrap();
        rows.reverse();
        rows.into_iter().map(|row| (row.event.what, row.event.who)).collect()
    }
}

#[tokio::test]
async fn frozen_and_resumed_with_every_step_in_the_events() {
    let site = Site::new();
    let kept = site.keeper.begin(asked()).await.unwrap();
    let kept = site.rounds(&site.keeper, &kept, 26).await;
    assert!(site.is_frozen(&kept));
    let stored = site.keeper.open_of("db14").await.unwrap().unwrap();
    assert_eq!(stored.record.phase, Phase::Frozen);
    site.keeper
        .order("db14", "anna on db1", |record, now| orders::ask_resume(record, "anna on db1", now))
        .await
        .unwrap();
    let kept = site.rounds(&site.keeper, &kept, 4).await;
    assert!(kept.ended && site.fake.with(|world| world.sql && world.io));
    assert_eq!(site.keeper.open_of("db14").await.unwrap(), None);
    let row = site.keeper.store.freeze(kept.id).await.unwrap().unwrap();
    assert!(row.ended.is_some() && row.state == "resumed");
    let told = site.events().await;
    let told: Vec<(&str, &str)> = told.iter().map(|(what, who)| (what.as_str(), who.as_str())).collect();
    assert_eq!(
        told,
        [
            ("freeze.begun", "anna on db1"),
            ("freeze.frozen", "firn on db1"),
            ("freeze.resume", "anna on db1"),
            ("freeze.resumed", "firn on db1"),
        ]
    );
    // The next one is another.
    assert_ne!(site.keeper.begin(asked()).await.unwrap().id, kept.id);
}

#[tokio::test]
async fn asked_for_twice_it_is_one_freeze() {
    let site = Site::new();
    let first = site.keeper.begin(asked()).await.unwrap();
    let second = site.other().begin(asked()).await.unwrap();
    assert_eq!(first.id, second.id);
    assert_eq!(second.revision, first.revision + 1);
    let none = site.keeper.order("db99", "anna", |record, now| orders::ask_resume(record, "anna", now)).await;
    assert_eq!(
        none.unwrap_err().to_string(),
        "db99 is not frozen, and is not being frozen; begin with: firn delay freeze db99"
    );
}

#[tokio::test]
async fn against_a_script_that_starts_the_sql_thread_each_second() {
    let site = Site::new();
    let mut kept = site.keeper.begin(asked()).await.unwrap();
    kept = site.rounds(&site.keeper, &kept, 3).await;
    for _ in 0..60 {
        site.fake.with(|world| world.sql = true);
        kept = site.round(&site.keeper, &kept).await;
        site.hand.advance(SECOND);
        assert!(!site.is_frozen(&kept));
        assert!(!site.fake.with(|world| world.sql), "it is stopped at the next look");
    }
    assert!(kept.record.restarts >= 58, "{}", kept.record.restarts);
    kept = site.rounds(&site.keeper, &kept, 26).await;
    assert!(site.is_frozen(&kept));
    let words = told::words(&kept.record, site.clock.now(), FRESH);
    assert!(words.contains(&format!("something has started it {} times", kept.record.restarts)), "{words}");
}

#[tokio::test]
async fn two_processes_tend_one_freeze_and_count_once() {
    let site = Site::new();
    let other = site.other();
    let mut kept = site.keeper.begin(asked()).await.unwrap();
    for _ in 0..30 {
        let (here, there) = tokio::join!(site.keeper.tend(kept.id, &*site.fake), other.tend(kept.id, &*site.fake));
        let (here, there) = (here.unwrap().unwrap(), there.unwrap().unwrap());
        kept = if here.kept.revision > there.kept.revision { here.kept } else { there.kept };
        site.hand.advance(SECOND);
    }
    assert!(site.is_frozen(&kept));
    assert_eq!(kept.record.restarts, 0);
    let frozen = site.events().await.iter().filter(|(what, _)| what == "freeze.frozen").count();
    assert_eq!(frozen, 1);
}

/// Threads whose acts never come to an end: the process dies there.
struct Hangs(Arc<Fake>, bool);

#[async_trait]
impl Threads for Hangs {
    async fn look(&self, now: Time) -> Result<Sight, ThreadsError> {
        self.0.look(now).await
    }

    async fn facts(&self) -> Result<Facts, ThreadsError> {
        self.0.facts().await
    }

    async fn perform(&self, act: &Act) -> Result<(), ThreadsError> {
        if self.1 {
            self.0.perform(act).await?;
        }
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_process_that_dies_in_an_act_leaves_another_one_to_go_on() {
    for done in [false, true] {
        let site = Site::new();
        let mut kept = site.keeper.begin(asked()).await.unwrap();
        let hangs = Hangs(Arc::clone(&site.fake), done);
        for phase in [Phase::StoppingSql, Phase::StoppingIo] {
            let dies = tokio::time::timeout(Duration::from_millis(300), site.keeper.tend(kept.id, &hangs)).await;
            assert!(dies.is_err(), "it hangs in the act");
            let stored = site.keeper.open_of("db14").await.unwrap().unwrap();
            assert_eq!(stored.record.phase, phase, "the record is written before the act");
            if !done {
                // Nothing was done: the next one does it.
                kept = site.round(&site.other(), &kept).await;
            }
        }
        kept = site.rounds(&site.other(), &kept, 26).await;
        assert!(site.is_frozen(&kept));
    }
}

/// The freeze is asked for again while the resuming process looks.
struct Meanwhile(Arc<Fake>, Keeper);
#[async_trait]
impl Threads for Meanwhile {
    async fn look(&self, now: Time) -> Result<Sight, ThreadsError> {
        let seen = self.0.look(now).await;
        self.1.begin(asked()).await.unwrap();
        seen
    }
    async fn facts(&self) -> Result<Facts, ThreadsError> {
        self.0.facts().await
    }
    async fn perform(&self, act: &Act) -> Result<(), ThreadsError> {
        self.0.perform(act).await
    }
}

#[tokio::test]
async fn nothing_is_started_that_was_just_told_to_stand() {
    let site = Site::new();
    let kept = site.keeper.begin(asked()).await.unwrap();
    let kept = site.rounds(&site.keeper, &kept, 26).await;
    site.keeper.order("db14", "anna", |record, now| orders::ask_resume(record, "anna", now)).await.unwrap();
    let meanwhile = Meanwhile(Arc::clone(&site.fake), site.other());
    let tended = site.keeper.tend(kept.id, &meanwhile).await.unwrap().unwrap();
    assert!(tended.overtaken);
    assert!(site.fake.with(|world| !world.sql && !world.io));
}

#[tokio::test]
async fn the_watch_tends_all_open_freezes_and_tells_people() {
    let site = Site::new();
    site.keeper.begin(asked()).await.unwrap();
    let mut stranger = asked();
    stranger.replica = "db99".to_owned();
    site.keeper.begin(stranger).await.unwrap();
    let (stop, fake) = (Stop::new(), Arc::clone(&site.fake));
    let threads = move |name: &str| -> Result<Arc<dyn Threads>, String> {
        let known: Arc<dyn Threads> = Arc::clone(&fake) as Arc<dyn Threads>;
        if name == "db14" { Ok(known) } else { Err(format!("{name} is not configured")) }
    };
    let new =
        NewSession { process: ProcessIdentity::own(), kinds: "delay".to_owned(), lease: Duration::from_hours(10_000) };
    let session = site.keeper.store.session_start(new).await.unwrap().id;
    let watch = task::spawn(site.keeper.clone().run(session, threads, stop.clone()));
    let frozen = async || {
        site.hand.advance(Duration::from_millis(200));
        let kept = site.keeper.open_of("db14").await.unwrap().unwrap();
        site.is_frozen(&kept).then_some(())
    };
    in_time(Duration::from_mins(1), "db14 is frozen", frozen).await;
    let told = async || {
        site.hand.advance(Duration::from_millis(200));
        let rows = site.keeper.store.notices().await.unwrap();
        let texts: Vec<String> =
            rows.iter().map(|row| format!("{} {} {}: {}", row.severity, row.rule, row.object, row.value)).collect();
        let stands = texts.iter().any(|text| text.starts_with("WARNING delay.freeze db14: frozen since"));
        let alone = texts
            .iter()
            .any(|text| text == "CRITICAL delay.freeze db99: nobody watches that it stands: db99 is not configured");
        (stands && alone).then_some(())
    };
    in_time(Duration::from_mins(1), "people are told of both", told).await;
    // Whatever starts it is undone without anybody's help.
    site.fake.with(|world| world.sql = true);
    let again = async || {
        site.hand.advance(Duration::from_millis(200));
        let kept = site.keeper.open_of("db14").await.unwrap().unwrap();
        (kept.record.restarts > 0 && site.is_frozen(&kept) && site.fake.with(|world| !world.sql)).then_some(())
    };
    in_time(Duration::from_mins(1), "it is stopped again", again).await;
    stop.stop();
    watch.await.unwrap().unwrap();
    assert_eq!(SCOPE, "delay.freeze");
}

#[tokio::test]
async fn one_that_cannot_be_reached_is_told_and_not_called_frozen() {
    let site = Site::new();
    let kept = site.keeper.begin(asked()).await.unwrap();
    let kept = site.rounds(&site.keeper, &kept, 26).await;
    assert!(site.is_frozen(&kept));
    *site.fake.blind.lock().unwrap() = Some("connection refused");
    let kept = site.rounds(&site.keeper, &kept, 2).await;
    assert!(!site.is_frozen(&kept));
    let words = told::words(&kept.record, site.clock.now(), FRESH);
    assert!(words.ends_with("it cannot be seen now: cannot reach db14:3306: connection refused"), "{words}");
    *site.fake.blind.lock().unwrap() = None;
    *site.fake.refuses.lock().unwrap() = Some("no");
    site.fake.with(|world| world.sql = true);
    let kept = site.rounds(&site.keeper, &kept, 3).await;
    let words = told::words(&kept.record, site.clock.now(), FRESH);
    assert!(words.contains("cannot stop the SQL thread (3 times): cannot reach db14:3306: no"), "{words}");
}
