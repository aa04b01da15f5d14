//! Processes that watch a made-up cluster over one state, and a clock that is moved by hand.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use firn::base::clock::Hand;
use firn::base::sink::Totals;
use firn::base::world::{Group, World as Turns};
use firn::base::{Clock, Severity, Stop, Time, task};
use firn::redis::history::History;
use firn::redis::limits::{Limits, Subject};
use firn::redis::look::Look;
use firn::redis::probe::Probe;
use firn::redis::snapshot::Health;
use firn::redis::station::{Cluster, Station};
use firn::redis::watch::Keeper;
use firn::services::redis::{read_silences, recall};
use firn::store::sqlite::SqliteStore;
use firn::store::{ClusterRow, NewEvent, NewSilence, NoticeRow, Store};
use firn::worker::under::{self, Work};

use super::world::{World, at};
use crate::support::host;

/// The cluster's name.
pub const SHOP: &str = "shop";
/// How long tasks are waited for before they are asked again.
const PATIENCE: Duration = Duration::from_millis(100);
/// Who does not renew its lease is missed after so long.
pub const LEASE: u64 = 30;
/// Silences are read anew so often.
const SILENCES: Duration = Duration::from_secs(5);

type Happens = Box<dyn Fn(&mut World) + Send>;

/// What happens to the cluster; every process sees the same.
#[derive(Clone)]
pub struct Scene {
    clock: Clock,
    happens: Arc<Mutex<Happens>>,
}

#[async_trait]
impl Probe for Scene {
    async fn tick(&self) -> Vec<Look> {
        let second = self.clock.now().since(at(0)).as_secs().try_into().unwrap();
        let mut world = World::well(second);
        (self.happens.lock().unwrap())(&mut world);
        world.looks(second)
    }
}

/// A process that looks at the cluster, and keeps its history if it may.
pub struct Process {
    station: Arc<Station>,
    group: Group,
    stop: Stop,
}

impl Process {
    /// As by SIGKILL.
    pub fn kill(self) {
        self.group.kill();
    }

    /// As it should be: what it holds is given back once time has passed.
    pub fn stop(&self) {
        self.stop.stop();
    }

    /// How it says the cluster stands.
    pub fn health(&self) -> Arc<Health> {
        self.station.told().health.unwrap()
    }
}

/// Everything.
pub struct Stage {
    pub store: Arc<dyn Store>,
    scene: Scene,
    runtime: tokio::runtime::Runtime,
    turns: Turns,
    clock: Clock,
    hand: Hand,
    dir: tempfile::TempDir,
}

impl Stage {
    /// All is well.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let turns = Turns::new(runtime.handle().clone(), 1);
        let (clock, hand) = Clock::manual(at(0));
        let store = SqliteStore::open(&dir.path().join("firn.db"), clock.clone(), true).unwrap();
        let happens: Happens = Box::new(|_| {});
        let scene = Scene { clock: clock.clone(), happens: Arc::new(Mutex::new(happens)) };
        Self { store: Arc::new(store), scene, runtime, turns, clock, hand, dir }
    }

    /// From now on that happens.
    pub fn now(&self, happens: impl Fn(&mut World) + Send + 'static) {
        *self.scene.happens.lock().unwrap() = Box::new(happens);
    }

    /// A process on a host.
    pub fn process(&self, name: &str) -> Process {
        let under = host::under(name, &self.store, &self.clock, "redis", Duration::from_secs(LEASE));
        let cluster = Cluster {
            subject: Subject::cluster(SHOP),
            limits: Arc::new(Limits::default()),
            every: Duration::from_secs(2),
            production: true,
            probe: Arc::new(self.scene.clone()),
        };
        let station = Arc::new(Station::new(cluster, self.clock.clone()));
        let stop = Stop::new();
        let (store, clock, told, watched) =
            (Arc::clone(&self.store), self.clock.clone(), stop.clone(), Arc::clone(&station));
        let group = self.turns.spawn_apart(async move {
            recall(&*store, &watched).await;
            let (looks, again) = (Arc::clone(&watched), told.clone());
            drop(task::spawn(async move { looks.run(&again).await }));
            let (hushed, rests, by) = (Arc::clone(&watched), clock.clone(), Arc::clone(&store));
            drop(task::spawn(async move {
                loop {
                    read_silences(&*by, std::slice::from_ref(&hushed)).await;
                    rests.sleep(SILENCES).await;
                }
            }));
            let ended = under::run(
                under,
                told,
                |lease, inner| -> Vec<Work> {
                    let (clock, session) = (clock.clone(), lease.session);
                    let counters = Arc::new(Totals::default());
                    let keeper = Keeper { station: watched, store, clock: clock.clone(), session, counters };
                    let reaps = under::reap(lease.clone(), clock, inner.clone());
                    vec![Box::pin(keeper.run(inner.clone())), Box::pin(reaps)]
                },
                std::future::pending(),
            );
            ended.await.unwrap();
        });
        Process { station, group, stop }
    }

    /// Lets that much time pass.
    pub fn pass(&self, secs: u64) {
        let limit = self.hand.mono().plus(Duration::from_secs(secs));
        self.turns.release();
        loop {
            while !self.turns.at_rest(PATIENCE) {}
            if !self.hand.wake_next(limit) {
                break;
            }
        }
        self.hand.move_to(limit);
    }

    /// Asks the state something.
    pub fn ask<T>(&self, asked: impl Future<Output = T>) -> T {
        self.runtime.block_on(asked)
    }

    /// What is kept of the cluster.
    pub fn row(&self) -> Option<ClusterRow> {
        self.ask(self.store.cluster(SHOP.to_owned())).unwrap()
    }

    /// On which host that was written.
    pub fn writer(&self) -> Option<String> {
        Some(self.row()?.writer?.0)
    }

    pub fn history(&self) -> History {
        serde_json::from_str(&self.row().unwrap().body).unwrap()
    }

    /// What people are told: by rule and object.
    pub fn notices(&self) -> BTreeMap<(String, String), NoticeRow> {
        let all = self.ask(self.store.notices()).unwrap();
        all.into_iter().map(|row| ((row.rule.clone(), row.object.clone()), row)).collect()
    }

    /// The same, short; what is acknowledged, or silenced, is told nobody.
    pub fn told(&self) -> Vec<(String, Severity)> {
        self.rows(false)
    }

    /// What is acknowledged, or silenced.
    pub fn quiet(&self) -> Vec<(String, Severity)> {
        self.rows(true)
    }

    fn rows(&self, quiet: bool) -> Vec<(String, Severity)> {
        let now = self.time();
        let rows = self.notices().into_values().filter(|row| row.ack_until.is_some_and(|until| until > now) == quiet);
        rows.map(|row| (format!("{} {}", row.rule, row.object), row.severity)).collect()
    }

    /// What was raised and cleared, the oldest first.
    pub fn turns(&self) -> Vec<(String, String)> {
        let all = self.ask(self.store.events(None, 100)).unwrap();
        let turns = all.into_iter().rev().map(|row| row.event).filter(|event| event.what.starts_with("finding."));
        turns.map(|event| (event.what, event.object)).collect()
    }

    /// Ends a silence.
    pub fn unsilence(&self, node: Option<&str>) {
        let ended = self.store.silence_end(SHOP.to_owned(), node.map(str::to_owned), "mira".to_owned());
        assert!(self.ask(ended).unwrap());
    }

    /// What is written down of what happened, the oldest first.
    pub fn events(&self) -> Vec<NewEvent> {
        let all = self.ask(self.store.events(None, 100)).unwrap();
        all.into_iter().rev().map(|row| row.event).filter(|event| event.who == format!("redis {SHOP}")).collect()
    }

    /// Silences a node, or the cluster.
    pub fn silence(&self, node: Option<&str>, secs: u64) {
        let until = self.clock.now().plus(Duration::from_secs(secs));
        let new = NewSilence {
            cluster: SHOP.to_owned(),
            node: node.map(str::to_owned),
            until,
            who: "mira".to_owned(),
            why: "a new disk".to_owned(),
        };
        self.ask(self.store.silence(new)).unwrap();
    }

    pub fn time(&self) -> Time {
        self.clock.now()
    }

    /// The state's file, for what no process would write into it.
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("firn.db")
    }
}
