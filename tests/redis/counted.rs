//! What servers count, as firn counts it on: by who keeps the history, and by nobody else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use firn::base::clock::Hand;
use firn::base::host::ProcessIdentity;
use firn::base::sink::Totals;
use firn::base::task::{self, JoinHandle};
use firn::base::{Clock, Stop};
use firn::redis::limits::{Limits, Subject};
use firn::redis::look::Look;
use firn::redis::probe::Probe;
use firn::redis::station::{Cluster, Station};
use firn::redis::watch::{KIND, Keeper};
use firn::store::sqlite::SqliteStore;
use firn::store::{Clusters as _, NewSession, Store, StoreError};

use super::support::waiting::in_time;
use super::world::{World, at};

const LONG: Duration = Duration::from_secs(30);
const COMMANDS: &str = "redis.shop.10_0_0_1:7001.commands";
const NEXT: &str = "redis.shop.10_0_0_2:7002.commands";

/// A node's commands at a second of a world in which all is well.
const fn commands(second: u64) -> u64 {
    (1000 + second) * 2000
}

/// What the nodes answer at the moment, to whoever asks.
#[derive(Default)]
struct Nodes(Mutex<Vec<Look>>);

#[async_trait]
impl Probe for Nodes {
    async fn tick(&self) -> Vec<Look> {
        self.0.lock().unwrap().clone()
    }
}

/// Nodes, and a state that several processes share.
struct Shared {
    nodes: Arc<Nodes>,
    store: Arc<SqliteStore>,
    clock: Clock,
    hand: Hand,
    _dir: tempfile::TempDir,
}

/// A process that looks and would keep the history.
struct Process {
    station: Arc<Station>,
    counters: Totals,
    stop: Stop,
    keeper: JoinHandle<Result<(), StoreError>>,
}

impl Shared {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (clock, hand) = Clock::manual(at(0));
        let store = Arc::new(SqliteStore::open(&dir.path().join("firn.db"), clock.clone(), true).unwrap());
        Self { nodes: Arc::default(), store, clock, hand, _dir: dir }
    }

    async fn process(&self) -> Process {
        let cluster = Cluster {
            subject: Subject::cluster("shop"),
            limits: Arc::new(Limits::default()),
            every: Duration::from_secs(2),
            production: false,
            probe: Arc::clone(&self.nodes) as Arc<dyn Probe>,
        };
        let station = Arc::new(Station::new(cluster, self.clock.clone()));
        let new =
            NewSession { process: ProcessIdentity::own(), kinds: KIND.to_owned(), lease: Duration::from_hours(1) };
        let (counters, stop) = (Totals::default(), Stop::new());
        let keeper = Keeper {
            station: Arc::clone(&station),
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            clock: self.clock.clone(),
            session: self.store.session_start(new).await.unwrap().id,
            counters: Arc::new(counters.clone()),
        };
        Process { station, counters, keeper: task::spawn(keeper.run(stop.clone())), stop }
    }

    /// From now on the nodes answer as they do at a second.
    fn answer(&self, second: i64, change: impl FnOnce(&mut World)) {
        let mut world = World::well(second);
        change(&mut world);
        *self.nodes.0.lock().unwrap() = world.looks(second);
    }

    /// Looks until somebody has kept what is seen: counting begins there.
    async fn kept(&self, process: &Process, since: i64) {
        in_time(LONG, "the history is kept", async || {
            process.station.tick().await;
            let row = self.store.cluster("shop".to_owned()).await.unwrap();
            row.filter(|row| row.written >= at(since)).map(drop)
        })
        .await;
    }
}

impl Process {
    fn commands(&self) -> Option<u64> {
        self.counters.get(COMMANDS)
    }

    async fn counts(&self, wanted: u64) {
        in_time(LONG, "what has grown is counted", async || (self.commands()? >= wanted).then_some(())).await;
        assert_eq!(self.commands(), Some(wanted));
    }

    /// Ends it; what it has counted in all.
    async fn end(self) -> Option<u64> {
        self.stop.stop();
        self.keeper.await.unwrap().unwrap();
        self.counters.get(COMMANDS)
    }
}

#[tokio::test]
async fn ticks_add_up_to_what_servers_counted() {
    let shared = Shared::new();
    shared.answer(0, |_| {});
    let one = shared.process().await;
    shared.kept(&one, 0).await;
    assert_eq!(one.commands(), None, "what a server counted before it was looked at is not firn's to count");
    for second in [2, 4] {
        shared.answer(second, |_| {});
        one.station.tick().await;
    }
    one.counts(commands(4) - commands(0)).await;
    // It does not answer for a while, which says nothing of what it counts meanwhile.
    shared.answer(6, |world| world.dies(7001));
    one.station.tick().await;
    shared.answer(8, |_| {});
    one.station.tick().await;
    one.counts(commands(8) - commands(0)).await;
    assert_eq!(one.counters.get("redis.shop.10_0_0_2:7004.commands"), Some(commands(8) - commands(0)));
    assert_eq!(one.counters.get("redis.shop.10_0_0_1:7001.rejected"), Some(0), "told, and none");
    assert_eq!(one.counters.get("redis.shop.10_0_0_1:7001.hits"), None, "never told");
    assert_eq!(one.end().await, Some(commands(8) - commands(0)));
}

#[tokio::test]
async fn a_restart_counts_neither_backwards_nor_from_nothing() {
    let shared = Shared::new();
    let one = shared.process().await;
    shared.answer(0, |_| {});
    shared.kept(&one, 0).await;
    // It begins anew, and has already counted more than before; at last somebody says CONFIG RESETSTAT.
    for (second, count) in [(2, 9_000_000), (4, 9_000_050), (6, 3), (8, 10)] {
        shared.answer(second, |world| {
            world.node(7001).set("run_id", "b".repeat(40));
            world.node(7001).set("total_commands_processed", count);
        });
        one.station.tick().await;
        in_time(LONG, "the tick is counted, as the next node shows", async || {
            (one.counters.get(NEXT)? >= commands(second.unsigned_abs()) - commands(0)).then_some(())
        })
        .await;
    }
    assert_eq!(one.end().await, Some(50 + 7));
}

#[tokio::test]
async fn of_two_processes_one_counts() {
    let shared = Shared::new();
    shared.answer(0, |_| {});
    let one = shared.process().await;
    shared.kept(&one, 0).await;
    let two = shared.process().await;
    for second in [2, 4, 6, 8] {
        shared.answer(second, |_| {});
        two.station.tick().await;
        one.station.tick().await;
        one.counts(commands(second.unsigned_abs()) - commands(0)).await;
    }
    // The other takes over: it counts on from what it sees then.
    shared.hand.advance(Duration::from_secs(30));
    assert_eq!(one.end().await, Some(commands(8) - commands(0)));
    shared.answer(34, |_| {});
    in_time(LONG, "the duty is taken over", async || {
        shared.hand.advance(Duration::from_secs(5));
        two.station.tick().await;
        let row = shared.store.cluster("shop".to_owned()).await.unwrap().unwrap();
        (row.written >= at(30)).then_some(())
    })
    .await;
    assert_eq!(two.commands(), None);
    shared.answer(36, |_| {});
    two.station.tick().await;
    two.counts(commands(36) - commands(34)).await;
    assert_eq!(two.end().await, Some(commands(36) - commands(34)));
}
