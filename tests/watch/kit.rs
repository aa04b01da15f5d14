//! A state, a clock that is moved by hand, and replicas that say what they are told to.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use firn::base::clock::{Hand, Mono};
use firn::base::world::{Group, World};
use firn::base::{Clock, Severity, Stop, Time};
use firn::delay::limits::Limits;
use firn::delay::probe::{Probe, Unseen};
use firn::delay::seen::{Heartbeat, IoThread, Position, Seen, Status};
use firn::delay::state::State;
use firn::delay::watch::{Target, Watch};
use firn::store::sqlite::SqliteStore;
use firn::store::{JudgedRow, Store};
use firn::worker::under::{self, Work};

use crate::support::host;

/// When it begins.
pub const START: Time = Time::from_secs(1_790_000_000);
/// How long the world is waited for before it is asked again.
const PATIENCE: Duration = Duration::from_millis(100);

/// A process that watches.
pub struct Process {
    group: Option<Group>,
    stop: Stop,
}

/// Everything.
pub struct Stage {
    pub store: Arc<dyn Store>,
    pub clock: Clock,
    runtime: tokio::runtime::Runtime,
    world: World,
    hand: Hand,
    start: Mono,
    _dir: tempfile::TempDir,
}

impl Stage {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = World::new(runtime.handle().clone(), 1);
        let (clock, hand) = Clock::manual(START);
        let store = SqliteStore::open(&dir.path().join("firn.db"), clock.clone(), true).unwrap();
        let start = hand.mono();
        Self { store: Arc::new(store), clock, runtime, world, hand, start, _dir: dir }
    }

    /// A process on a host that watches these.
    pub fn process(&self, name: &str, targets: &[Target]) -> Process {
        let under = host::under(name, &self.store, &self.clock, "delay", Duration::from_mins(1));
        let (store, clock, targets) = (Arc::clone(&self.store), self.clock.clone(), targets.to_vec());
        let stop = Stop::new();
        let told = stop.clone();
        let group = self.world.spawn_apart(async move {
            let ended = under::run(
                under,
                told,
                |lease, inner| -> Vec<Work> {
                    let watch = Watch { targets, store, clock: clock.clone(), session: lease.session };
                    vec![Box::pin(watch.run(inner.clone())), Box::pin(under::reap(lease.clone(), clock, inner.clone()))]
                },
                std::future::pending(),
            );
            ended.await.unwrap();
        });
        Process { group: Some(group), stop }
    }

    /// Lets that much time pass.
    pub fn pass(&self, secs: u64) {
        let limit = self.hand.mono().plus(Duration::from_secs(secs));
        self.world.release();
        loop {
            while !self.world.at_rest(PATIENCE) {}
            if !self.hand.wake_next(limit) {
                break;
            }
        }
        self.hand.move_to(limit);
    }

    /// Seconds since it began.
    pub fn age(&self) -> u64 {
        self.hand.mono().since(self.start).as_secs()
    }

    /// Asks the state something.
    pub fn ask<T>(&self, asked: impl Future<Output = T>) -> T {
        self.runtime.block_on(asked)
    }

    pub fn judged(&self, replica: &str) -> JudgedRow {
        self.ask(self.store.judged_one(replica.to_owned()))
            .unwrap()
            .unwrap_or_else(|| panic!("{replica} is not judged"))
    }

    pub fn state(&self, replica: &str) -> State {
        serde_json::from_str(&self.judged(replica).state).unwrap()
    }

    /// Verdict and rule.
    pub fn verdict(&self, replica: &str) -> (Severity, u8) {
        let row = self.judged(replica);
        (row.severity, row.rule)
    }

    /// Samples of a replica: seconds since the beginning, and what was seen.
    pub fn samples(&self, replica: &str) -> Vec<(i64, Option<i64>)> {
        let end = self.clock.now();
        let rows = self.ask(self.store.delay_samples(replica.to_owned(), START, end, 100_000)).unwrap();
        rows.iter().map(|row| ((row.at.as_micros() - START.as_micros()) / 1_000_000, row.delay)).collect()
    }
}

impl Process {
    /// As by SIGKILL.
    pub fn kill(mut self) {
        self.group.take().unwrap().kill();
    }

    /// As it should be: what it holds is given back once time has passed.
    pub fn stop(self) {
        self.stop.stop();
    }
}

/// What a replica does when it is looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Does {
    /// It answers.
    Answers(Vec<Seen>),
    /// It answers that it cannot.
    Fails(&'static str),
    /// It never answers.
    Hangs,
    /// The look falls over.
    Panics,
}

/// A replica that says what it is told to.
#[derive(Debug, Clone)]
pub struct Acted(Arc<Mutex<(Does, u64)>>);

impl Acted {
    pub fn new(does: Does) -> Self {
        Self(Arc::new(Mutex::new((does, 0))))
    }

    fn lock(&self) -> MutexGuard<'_, (Does, u64)> {
        self.0.lock().unwrap()
    }

    /// From now on it does that.
    pub fn now(&self, does: Does) {
        self.lock().0 = does;
    }

    /// How often it was looked at.
    pub fn looks(&self) -> u64 {
        self.lock().1
    }

    /// As a target of that name.
    pub fn target(&self, name: &str, limits: Limits) -> Target {
        Target {
            name: name.to_owned(),
            group: None,
            limits: Arc::new(limits),
            local: false,
            primary: false,
            channel: None,
            probe: Arc::new(self.clone()),
        }
    }
}

#[async_trait]
impl Probe for Acted {
    async fn look(&self) -> Result<Vec<Seen>, Unseen> {
        let (does, looks) = {
            let mut told = self.lock();
            told.1 += 1;
            told.clone()
        };
        match does {
            Does::Answers(mut seen) => {
                // The source is written to.
                for status in seen.iter_mut().filter_map(|seen| seen.status.as_mut()) {
                    for place in [&mut status.received, &mut status.executed].into_iter().flatten() {
                        place.at += looks;
                    }
                }
                Ok(seen)
            }
            Does::Fails(why) => Err(Unseen(why.to_owned())),
            Does::Hangs => std::future::pending().await,
            Does::Panics => panic!("the look fell over"),
        }
    }
}

/// A replica in order, that far behind.
pub fn behind(delay: f64, channel: &str) -> Seen {
    let place = |at| Some(Position { file: "bin.000001".to_owned(), at });
    Seen {
        server_id: Some(2),
        status: Some(Status {
            channel: channel.to_owned(),
            io: Some(IoThread::Yes),
            sql: Some(true),
            io_errno: Some(0),
            sql_errno: Some(0),
            source_id: Some(1),
            received: place(400),
            executed: place(100),
            sql_delay: Some(7200),
            ..Status::default()
        }),
        delay: Some(Heartbeat::Age(delay)),
        ..Seen::default()
    }
}
