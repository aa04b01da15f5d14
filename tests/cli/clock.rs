//! A clock that goes back.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use firn::backup::pipe::{BackupError, Kinds};
use firn::backup::pipeline::Ended;
use firn::base::clock::Hand;
use firn::base::host::ProcessIdentity;
use firn::base::sink::Totals;
use firn::base::task::JoinHandle;
use firn::base::{Clock, Severity, Stop, Time};
use firn::config::{Config, Given};
use firn::services::Services;
use firn::store::sqlite::SqliteStore;
use rusqlite::Connection;

use crate::kit::{Home, LONG, plain_tree, put};

/// A pipeline on a clock that is moved by hand.
struct Moved {
    services: Services,
    hand: Hand,
    stop: Stop,
    worker: JoinHandle<Result<Ended, BackupError>>,
}

impl Moved {
    async fn start(home: &Home, now: Time) -> Self {
        let (clock, hand) = Clock::manual(now);
        let config = Config::load(&Given { file: Some(home.path("firn.toml")), set: Vec::new() }).unwrap();
        let (path, opened): (PathBuf, Clock) = (config.state.clone(), clock.clone());
        let store = Arc::new(SqliteStore::open(&path, opened, true).unwrap());
        let services = Services::over(config, clock, store, ProcessIdentity::own());
        let job = Arc::new(services.job(Kinds::all(), false, Arc::new(Totals::default())).await.unwrap());
        let stop = Stop::new();
        let worker = firn::base::task::spawn(job.run(stop.clone()));
        Self { services, hand, stop, worker }
    }

    /// Lets the clock go on, in steps that leave the work time to be done, until `look` finds what it looks for.
    async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut(&Services) -> Option<T>) -> T {
        let began = Clock::system().mono();
        loop {
            if let Some(found) = look(&self.services).await {
                return found;
            }
            assert!(Clock::system().mono().since(began) < LONG, "{what}");
            assert!(!self.worker.is_finished(), "the pipeline has ended");
            self.step().await;
        }
    }

    /// One step of the clock, and so much real time for the work that it wakes. Whoever calls it has a deadline.
    async fn step(&self) {
        self.hand.advance(Duration::from_millis(200));
        Clock::system().sleep(Duration::from_millis(5)).await;
    }

    async fn stored(&self, files: u64) {
        self.until(&format!("{files} files are stored"), async |services| {
            let stored: u64 = services.store.totals().await.unwrap().iter().map(|total| total.stored_files).sum();
            (stored == files).then_some(())
        })
        .await;
    }

    async fn end(self) {
        self.stop.stop();
        let began = Clock::system().mono();
        while !self.worker.is_finished() {
            assert!(Clock::system().mono().since(began) < LONG, "it ends when told");
            self.step().await;
        }
        self.worker.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_ages_leases_and_retries_go_on_when_the_clock_goes_back() {
    let home = Home::small("64KiB");
    plain_tree(&home.photos(), 20);
    let start = Time::from_secs(1_800_000_000);
    let moved = Moved::start(&home, start).await;
    moved.stored(20).await;
    let store = Arc::clone(&moved.services.store);
    let before = store.now().await.unwrap();
    let lease = store.sessions().await.unwrap()[0].lease_until;
    // An hour back.
    moved.hand.set_wall(start.minus(Duration::from_hours(1)));
    assert!(store.now().await.unwrap() >= before, "the state's time does not go back");
    // A bundle still comes of age.
    put(&home.photos().join("later"), b"later", 0o644, (7, 7));
    moved.stored(21).await;
    let finding = moved
        .until("the clock is found to be behind", async |services| {
            services.store.notices().await.unwrap().into_iter().find(|notice| notice.rule == "clock.behind")
        })
        .await;
    assert_eq!(finding.severity, Severity::Warning);
    assert!(
        finding.value.contains("this host's clock is 60 min behind the newest time in the state"),
        "{}",
        finding.value
    );
    assert_eq!(finding.next_step, "mend the clock (ntp)");
    // The lease is renewed by the state's time.
    let renewed = moved
        .until("the lease is renewed", async |services| {
            services.store.sessions().await.unwrap().into_iter().find(|session| session.lease_until > lease)
        })
        .await;
    assert!(renewed.lease_until > before);
    // What fails is tried again at its time, though the wall has an hour to go until then.
    fs::rename(home.path("vault"), home.path("away")).unwrap();
    put(&home.photos().join("tried again"), b"tried again", 0o644, (7, 7));
    moved
        .until("an upload fails", async |services| {
            let live = services.store.archives_live(100).await.unwrap();
            live.into_iter().find(|archive| archive.attempts > 0)
        })
        .await;
    fs::rename(home.path("away"), home.path("vault")).unwrap();
    moved.stored(22).await;
    // And when the clock is right again the finding goes.
    moved.hand.set_wall(store.now().await.unwrap());
    moved
        .until("the finding is gone", async |services| {
            let notices = services.store.notices().await.unwrap();
            notices.iter().all(|notice| notice.rule != "clock.behind").then_some(())
        })
        .await;
    moved.end().await;
    assert_eq!(home.check_tars(), (22, 22));
}

/// The program itself: the state has seen a later time than the machine shows.
#[test]
fn the_program_works_while_its_clock_is_behind_the_state() {
    let home = Home::new();
    plain_tree(&home.photos(), 5);
    home.back_up();
    let db = Connection::open(home.path("firn.db")).unwrap();
    let ahead = Clock::system().now().plus(Duration::from_hours(2)).as_micros();
    assert_eq!(db.execute("UPDATE meta SET value = ?1 WHERE key = 'time_high'", [ahead]).unwrap(), 1);
    drop(db);
    put(&home.photos().join("more"), b"more", 0o644, (7, 7));
    home.back_up();
    home.firn(&["status"]).expect(1).prints(&[
        "WARNING    clock.behind ",
        "this host's clock is ",
        " behind the newest time in the state",
        "mend the clock (ntp)",
    ]);
    assert_eq!(home.check_tars(), (6, 6));
    home.restores_whole();
}
