//! The demo: the same pipeline, over a [`source`] made of nothing, an acted vault and a clock that can run fast.
//!
//! A [`scenario`] says what there is and what goes wrong when. [`Stage`] makes the backends behind their usual traits and
//! hands out the usual [`Job`]; the tasks run in a [`World`], where they take turns, and [`DemoDriver`] moves the clock
//! only while that world is at rest. So the same seed, scenario and time give the same state, on any number of threads.
//! Everything that is shown was written by the pipeline; nothing is invented here.
//!
//! Files are restored below a folder of the demo's own, which is `/` to whoever restores: `file:/srv/x` names the same place
//! in each run, and nothing outside is written to. What plays beside the console's own process, the other hosts and the
//! operators who restore, is started by who can start processes: the composition root.

pub mod clusters;
mod driver;
mod folder;
pub mod replicas;
pub mod scenario;
pub mod source;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use driver::DemoDriver;

use self::clusters::{ActedProbe, Reel};
use self::folder::Folder;
use self::replicas::past::Past;
use self::replicas::server::{ActedServer, target};
use self::scenario::{Action, Host, PlaceTrouble, Restore, Scenario, ScenarioError};
use self::source::DemoSource;
use self::source::files::Files;
use crate::backup::digest::Md5Policy;
use crate::backup::pipe::{Kinds, Settings};
use crate::backup::pipeline::{Job, View};
use crate::base::Clock;
use crate::base::host::ProcessIdentity;
use crate::base::random::RandomError;
use crate::base::sink::CounterSink;
use crate::base::world::{World, mix};
use crate::config::{BackupConfig, Config, ConfigError, ConsoleConfig, SourceConfig, VaultConfig};
use crate::delay::watch::Target;
use crate::redis::limits::{Limits, Subject};
use crate::redis::station::Cluster;
use crate::source::Source;
use crate::store::sqlite::SqliteStore;
use crate::store::{PoolChange, Store, StoreError};
use crate::vault::Vault;
use crate::vault::fake::{Core, FakeVault, Glacier, Link, Refusal, Rules, Shelf, Weather, Window};
use crate::worker::pool::{Pool, SizeError};

/// What a state of the demo calls its staging folders.
const STAGING: &str = "/var/spool/firn";
/// What it is called itself.
const STATE: &str = "/var/lib/firn/firn.db";
/// The fastest that a clock is paced.
const FASTEST: f64 = 1000.0;
/// Most threads for the demo's tasks.
const MOST_THREADS: usize = 64;

/// What a demo is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoOptions {
    /// The name of a scenario, or the path of one; `calm` if nobody says.
    pub scenario: Option<String>,
    /// Virtual seconds to a real one, when it is paced; nothing: as the scenario has it.
    pub speed: Option<f64>,
    /// What everything random is drawn from.
    pub seed: u64,
    /// How far the clock is stepped; nothing: it is paced.
    pub until: Option<Duration>,
    /// Threads that the demo's tasks run on; the outcome does not depend on it.
    pub threads: Option<usize>,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { scenario: None, speed: None, seed: 1, until: None, threads: None }
    }
}

/// A demo that cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Its scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// Its speed.
    #[error("a speed of {found} is not possible; a number above 0, and {FASTEST} at most, is")]
    Speed {
        /// What was asked for.
        found: f64,
    },
    /// Its threads.
    #[error("{found} threads are not possible; 1 to {MOST_THREADS} are")]
    Threads {
        /// What was asked for.
        found: usize,
    },
    /// What it is configured with beside.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its folder.
    #[error("cannot make a folder for the demo in {place}: {source}; set TMPDIR to a folder that can be written")]
    Folder {
        /// Where.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its threads cannot be had.
    #[error("the system gives no threads for the demo: {0}")]
    Runtime(std::io::Error),
    /// No random name for its folder.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Where its vault's bytes lie.
    #[error(transparent)]
    Disk(#[from] crate::base::disk::DiskError),
    /// Its state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A pool of one of its hosts.
    #[error(transparent)]
    Pool(#[from] SizeError),
}

/// What a demo is made of.
pub struct Stage {
    scenario: Scenario,
    /// For the header.
    pub badge: String,
    /// What a configuration would have said.
    pub config: Config,
    /// Its time.
    pub clock: Clock,
    /// Its state.
    pub store: Arc<dyn Store>,
    /// Its sources, and how often each is scanned.
    pub sources: Vec<(Arc<dyn Source>, Duration)>,
    /// Where its tasks take turns.
    pub world: World,
    /// Its vault, as each of its hosts sees it.
    vaults: Vec<Arc<dyn Vault>>,
    glacier: Arc<Glacier>,
    /// Its delayed replicas.
    servers: Vec<Arc<ActedServer>>,
    /// What its redis clusters go through.
    reels: Vec<Arc<Reel>>,
    folder: PathBuf,
}

impl Stage {
    /// Sets the stage in a temporary folder. Nothing runs before the driver moves.
    pub fn open(options: &DemoOptions) -> Result<(Arc<Self>, DemoDriver), DemoError> {
        let asked = options.speed.unwrap_or(1.0);
        if !(asked > 0.0 && asked <= FASTEST) {
            return Err(DemoError::Speed { found: asked });
        }
        let threads = options.threads.unwrap_or(2);
        if !(1..=MOST_THREADS).contains(&threads) {
            return Err(DemoError::Threads { found: threads });
        }
        let scenario = Scenario::find(options.scenario.as_deref().unwrap_or("calm"))?;
        let speed = options.speed.unwrap_or(f64::from(scenario.speed));
        let folder = Folder::make()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("firn-demo")
            .enable_all()
            .build()
            .map_err(DemoError::Runtime)?;
        let world = World::new(runtime.handle().clone(), mix(options.seed));
        let (clock, hand) = Clock::manual(scenario.start);
        let file = folder.path().join("firn.db");
        let store = SqliteStore::open_as(&file, Some(STATE.to_owned()), clock.clone(), true)?;
        let shelf = Shelf::open(&folder.path().join("vault"))?;
        let glacier = Glacier::new(core(&scenario, options.seed), shelf);
        let sources = sources(&scenario, options.seed, &clock);
        let acted = |spec: &scenario::ReplicaSpec| {
            Arc::new(ActedServer::new(spec.clone(), options.seed, scenario.start, clock.clone()))
        };
        let servers = scenario.replicas.iter().map(acted).collect();
        let reel = |spec: &scenario::ClusterSpec| Arc::new(Reel::new(spec, options.seed, scenario.start));
        let reels = scenario.clusters.iter().map(reel).collect();
        let stage = Self {
            badge: badge(&scenario, options, speed),
            config: config(&scenario)?,
            vaults: scenario.hosts.iter().map(|_| door(&scenario, &glacier, &clock)).collect(),
            store: Arc::new(store),
            folder: folder.path().to_owned(),
            world: world.clone(),
            clock,
            sources,
            glacier,
            servers,
            reels,
            scenario,
        };
        Ok((Arc::new(stage), DemoDriver::new(runtime, world, hand, speed, folder)))
    }

    /// Its hosts; the first is the one of this process.
    pub fn hosts(&self) -> &[Host] {
        &self.scenario.hosts
    }

    /// The process that works on a host.
    pub fn process(&self, host: usize) -> ProcessIdentity {
        // A scenario has at least one host.
        self.scenario.hosts.get(host).map_or_else(ProcessIdentity::own, process)
    }

    /// The vault, as a host sees it; nothing where there is no such host.
    pub fn vault(&self, host: usize) -> Option<Arc<dyn Vault>> {
        self.vaults.get(host).cloned()
    }

    /// Its delayed replicas, to be watched.
    pub fn replicas(&self) -> Vec<Target> {
        self.servers.iter().map(target).collect()
    }

    /// Its redis clusters, to be watched: for each who asks, others to look at the same.
    pub fn clusters(&self) -> Vec<Cluster> {
        let acted = |(spec, reel): (&scenario::ClusterSpec, &Arc<Reel>)| Cluster {
            subject: Subject::cluster(&spec.name),
            limits: Arc::new(Limits { node_timeout: spec.node_timeout, ..Limits::default() }),
            every: spec.interval,
            production: false,
            probe: Arc::new(ActedProbe::new(Arc::clone(reel), self.clock.clone())),
        };
        self.scenario.clusters.iter().zip(&self.reels).map(acted).collect()
    }

    /// The server of that name, whose threads can be stopped.
    pub fn server(&self, name: &str) -> Option<Arc<ActedServer>> {
        self.servers.iter().find(|server| server.spec().name == name).cloned()
    }

    /// What operators restore.
    pub fn restores(&self) -> &[Restore] {
        &self.scenario.restores
    }

    /// What goes wrong where restores go.
    pub fn places(&self) -> &[PlaceTrouble] {
        &self.scenario.places
    }

    /// What files are restored below: to whoever restores it is `/`. Nothing that is asked of a demo writes elsewhere.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Spoils the byte at `offset` of an archive beneath the vault.
    pub fn spoil(&self, remote_id: &[u8], offset: u64) -> Result<(), Refusal> {
        let id = String::from_utf8_lossy(remote_id);
        self.glacier.core().spoil(&id, offset)
    }

    /// The next retrieval that is asked for comes to nothing at its end; each call, another one.
    pub fn fail_next_job(&self) {
        self.glacier.core().fail_next_job("The job failed: an internal error occurred.");
    }

    /// Everything that the pipeline of a host needs.
    pub fn job(
        &self,
        host: usize,
        kinds: Kinds,
        until_idle: bool,
        counters: Arc<dyn CounterSink>,
    ) -> Result<Job, DemoError> {
        let Some((host, vault)) = self.scenario.hosts.get(host).zip(self.vault(host)) else {
            return Err(SizeError { asked: 0 }.into());
        };
        let (backup, process) = (&self.scenario.backup, process(host));
        Ok(Job {
            settings: Settings {
                kinds,
                bundle_size: backup.bundle_size,
                bundle_age: backup.bundle_age,
                direct_over: backup.staging_budget / 2,
                md5: Md5Policy::Auto,
                attempts: backup.attempts,
                repeat_unknown_after: backup.repeat_unknown_after,
                host: process.host_key(),
                host_name: process.host.clone(),
                until_idle,
            },
            store: Arc::clone(&self.store),
            vault,
            sources: self.sources.clone(),
            staging: self.folder.join("staging").join(&host.name),
            staging_name: Some(PathBuf::from(STAGING)),
            staging_budget: backup.staging_budget,
            staging_for_live: backup.staging_budget / 4,
            // One for each who fetches, and those that history leaves to live files.
            buffers: usize::try_from(host.fetchers).unwrap_or(usize::MAX).saturating_add(3),
            fetch: Pool::new("fetch", host.fetchers)?,
            upload: Pool::new("upload", host.uploaders)?,
            clock: self.clock.clone(),
            counters,
            process,
            lease: backup.lease,
            view: View::default(),
        })
    }

    /// Starts what comes before everything else: what its replicas have been through.
    pub fn begin_past(&self) {
        if self.servers.is_empty() {
            return;
        }
        let past = Past {
            servers: self.servers.clone(),
            targets: self.replicas(),
            jobs: self.scenario.jobs.clone(),
            start: self.scenario.start,
            store: Arc::clone(&self.store),
            clock: self.clock.clone(),
            process: self.process(0),
            lease: self.scenario.backup.lease,
        };
        drop(self.world.spawn(async move {
            if let Err(e) = past.play().await {
                tracing::error!(error = %e, "what the replicas of the scenario have been through could not be written");
            }
        }));
    }

    /// Starts what operators order and acknowledge.
    pub fn begin(self: &Arc<Self>) {
        for order in &self.scenario.orders {
            let (stage, order) = (Arc::clone(self), order.clone());
            drop(self.world.spawn(async move {
                stage.clock.sleep(order.at).await;
                let (paused, drain, size) = match order.action {
                    Action::Pause => (Some(true), Some(false), None),
                    Action::Resume => (Some(false), Some(false), None),
                    Action::Drain => (Some(false), Some(true), None),
                    Action::Resize(size) => (None, None, Some(size)),
                };
                let until = order.holds.map(|span| stage.clock.now().plus(span));
                let change =
                    PoolChange { host: order.host, pool: order.pool, size, paused, drain, who: order.who, until };
                if let Err(e) = stage.store.order(change).await {
                    tracing::error!(error = %e, "an order of the scenario could not be given");
                }
            }));
        }
        for ack in &self.scenario.acks {
            let (stage, ack) = (Arc::clone(self), ack.clone());
            drop(self.world.spawn(async move {
                stage.clock.sleep(ack.at).await;
                let until = stage.clock.now().plus(ack.holds);
                match stage.store.notice_ack(ack.rule.clone(), ack.object, until, ack.who).await {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::warn!(rule = ack.rule, "the scenario acknowledges a finding that is not there");
                    }
                    Err(e) => tracing::error!(error = %e, "a finding could not be acknowledged"),
                }
            }));
        }
    }
}

/// What stands in the header.
fn badge(scenario: &Scenario, options: &DemoOptions, speed: f64) -> String {
    match options.until {
        Some(_) => format!("DEMO {}", scenario.name),
        None => format!("DEMO {} ×{speed}", scenario.name),
    }
}

/// A host's process, the same in each run.
fn process(host: &Host) -> ProcessIdentity {
    let machine = host.name.bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte)));
    ProcessIdentity {
        host: host.name.clone(),
        machine_id: format!("{machine:016x}{:016x}", mix(machine)),
        boot_id: "00000000-0000-4000-8000-000000000000".to_owned(),
        pid_namespace: "pid:[4026531836]".to_owned(),
        pid: host.pid,
        pid_start: 1,
    }
}

fn sources(scenario: &Scenario, seed: u64, clock: &Clock) -> Vec<(Arc<dyn Source>, Duration)> {
    let source = |spec: &scenario::SourceSpec| -> (Arc<dyn Source>, Duration) {
        let troubles = scenario.troubles.iter().filter(|trouble| trouble.source == spec.name).cloned().collect();
        let files = Files::new(spec.clone(), seed, scenario.start, troubles);
        (Arc::new(DemoSource::new(files, clock.clone())), spec.rescan)
    };
    scenario.sources.iter().map(source).collect()
}

/// The service, as it has been for some days.
fn core(scenario: &Scenario, seed: u64) -> Core {
    let window = |spell: &scenario::Spell| Window {
        from: scenario.start.plus(spell.from),
        until: scenario.start.plus(spell.until),
        fault: spell.fault,
    };
    let weather = Weather { windows: scenario.weather.iter().map(window).collect() };
    let every = scenario.vault.inventory_every;
    let output_lives = scenario.vault.output_lives;
    let rules = Rules { seed, weather, inventory_every: every, output_lives, ..Rules::default() };
    Core::new(rules, scenario.start.minus(every * 3 + every / 4))
}

fn door(scenario: &Scenario, glacier: &Arc<Glacier>, clock: &Clock) -> Arc<dyn Vault> {
    let vault = &scenario.vault;
    let link = Link {
        base: vault.request,
        bytes_per_second: Some(vault.rate),
        jitter_percent: vault.jitter,
        ..Link::default()
    };
    Arc::new(FakeVault::new(vault.name.clone(), clock.clone(), Arc::clone(glacier), link))
}

/// What a configuration would have said.
fn config(scenario: &Scenario) -> Result<Config, ConfigError> {
    let backup = &scenario.backup;
    let host = scenario.hosts.first();
    let source = |spec: &scenario::SourceSpec| SourceConfig {
        name: spec.name.clone(),
        path: PathBuf::from(&spec.place),
        rescan: spec.rescan,
    };
    let fetchers = host.map_or(2, |host| host.fetchers);
    // What a scenario does not speak of is as nobody says otherwise.
    Ok(Config {
        state: PathBuf::from(STATE),
        staging: PathBuf::from(STAGING),
        staging_budget: backup.staging_budget,
        sources: scenario.sources.iter().map(source).collect(),
        vault: Some(VaultConfig {
            name: scenario.vault.name.clone(),
            path: PathBuf::from(&scenario.vault.name),
            tariff: scenario.vault.tariff.clone(),
            base: PathBuf::from("."),
        }),
        backup: BackupConfig {
            bundle_size: backup.bundle_size,
            bundle_age: backup.bundle_age,
            fetchers,
            uploaders: host.map_or(2, |host| host.uploaders),
            md5: "auto".to_owned(),
            attempts: backup.attempts,
            memory: (u64::from(fetchers) + 3) * crate::base::buffers::BUFFER as u64,
            repeat_unknown_after: backup.repeat_unknown_after,
        },
        restore: scenario.restore,
        budget: scenario.budget,
        lease: backup.lease,
        console: ConsoleConfig {
            environment: "demo".to_owned(),
            workers: host.map_or_else(|| "all".to_owned(), |host| host.workers.clone()),
            ..ConsoleConfig::default()
        },
        ..Config::parse(None, &[], &[])?
    })
}
