//! A site whose clock is moved by hand: a source, a vault (a folder, or an emulated Glacier in this process), a state; the
//! real pipeline that fills it, and the real road from a request to delivered files.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firn::backup::pipe::Kinds;
use firn::base::clock::Hand;
use firn::base::host::ProcessIdentity;
use firn::base::ids::PlanId;
use firn::base::sink::NoSink;
use firn::base::world::{Group, World};
use firn::base::{Clock, Money, Stop, Time};
use firn::config::Config;
use firn::restore::work::Job;
use firn::services::{Drafted, Order, Services, Wanted};
use firn::store::sqlite::SqliteStore;
use firn::store::{Confirmed, PlanRow, PlanState, RestoreRow, Store};
use firn::vault::fake::{Core, FakeVault, Fault, Glacier, Link, Logged, Rules, Shelf, Topic, Weather, Window};
use firn::vault::{Tier, Vault};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::door::{Door, Ways};
use crate::support::between::Over;
pub use crate::trees::*;

/// When sites begin, unless said: a Thursday in November.
pub const START: Time = Time::from_secs(1_763_020_800);
/// Requests that are written down of a site.
const LOG: usize = 200_000;
/// Longer than anything that is not over waits here, of the site's time.
const LONG: Duration = Duration::from_hours(20 * 24);
/// Leases of a site outlive the strides of its clock.
const LEASE: Duration = Duration::from_hours(100 * 24);
/// The pieces in which a clock goes on, in the beginning and later.
const STRIDES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(5));

/// What a vault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Directory,
    Glacier,
}

/// What differs from site to site.
#[derive(Clone)]
pub struct Plot {
    pub kind: Kind,
    pub link: Link,
    pub topic: Topic,
    /// Lines of the configuration beside the site's own.
    pub more: String,
    /// Where it lies; nothing: in a folder of its own, that goes with it.
    pub at: Option<PathBuf>,
    /// When it begins.
    pub start: Time,
    /// In how many short pieces a clock goes on at first.
    pub short: u32,
    /// Whether a Glacier makes jobs faster that are under way.
    pub upgrade: bool,
}

impl Plot {
    pub fn of(kind: Kind) -> Self {
        let (link, topic) = (Link::default(), Topic::default());
        Self { kind, link, topic, more: String::new(), at: None, start: START, short: 45, upgrade: false }
    }

    pub fn glacier() -> Self {
        Self::of(Kind::Glacier)
    }

    #[must_use]
    pub fn with(self, more: &str) -> Self {
        Self { more: format!("{}{more}\n", self.more), ..self }
    }
}

/// The site.
pub struct Site {
    root: PathBuf,
    runtime: Option<Runtime>,
    pub world: World,
    pub clock: Clock,
    pub hand: Hand,
    pub store: Arc<dyn Store>,
    pub services: Arc<Services>,
    pub glacier: Option<Arc<Glacier>>,
    /// What the way to the vault does, where it is a Glacier.
    pub ways: Arc<Ways>,
    turns: Cell<u32>,
    config: String,
    plot: Plot,
    _temp: Option<TempDir>,
}

/// A tariff under which the smallest restore costs dollars: the vault's own with its figures ninetyfold.
fn dear() -> String {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/src/vault/tariff/glacier-vault.toml");
    let text = fs::read_to_string(own).unwrap();
    let mut dear = String::new();
    for line in text.lines() {
        match line.strip_prefix("value = \"").and_then(|rest| rest.strip_suffix('"')) {
            Some(value) => {
                let dearer = Money::parse(value).unwrap().nanos() * 90;
                writeln!(dear, "value = \"{}\"", Money::from_nanos(dearer).exact()).unwrap();
            }
            None => writeln!(dear, "{line}").unwrap(),
        }
    }
    dear
}

impl Site {
    pub fn new(kind: Kind) -> Self {
        Self::built(Plot::of(kind))
    }

    pub fn built(plot: Plot) -> Self {
        let temp =
            plot.at.is_none().then(|| tempfile::Builder::new().prefix("firn-rounds").tempdir_in(fast()).unwrap());
        let root = temp.as_ref().map_or_else(|| plot.at.clone().unwrap(), |temp| temp.path().to_owned());
        fs::create_dir_all(root.join("photos")).unwrap();
        fs::write(root.join("dear.toml"), dear()).unwrap();
        let tariff = if plot.kind == Kind::Glacier { "tariff = \"dear.toml\"\n" } else { "" };
        let config = format!(
            "[state]\nurl = \"sqlite:firn.db\"\n[staging]\npath = \"staging\"\nbudget = \"8MiB\"\n\
             [[source]]\nname = \"ugc\"\npath = \"photos\"\n\
             [vault]\nname = \"cold\"\npath = \"vault\"\n{tariff}\
             [backup]\nbundle_size = \"1MiB\"\nbundle_age = \"1s\"\nfetchers = 2\nuploaders = 2\n{}",
            plot.more
        );
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        // No two processes over one state draw the same names.
        let world = World::new(runtime.handle().clone(), plot.start.as_micros().unsigned_abs());
        let (clock, hand) = Clock::manual(plot.start);
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&root.join("firn.db"), clock.clone(), true).unwrap());
        let ways = Arc::new(Ways::default());
        let glacier = (plot.kind == Kind::Glacier).then(|| {
            let rules = Rules { seed: 11, topic: Some(plot.topic.clone()), upgrade: plot.upgrade, ..Rules::default() };
            let mut core = Core::new(rules, START.minus(Duration::from_hours(48)));
            core.keep_log(LOG);
            Glacier::new(core, Shelf::open(&root.join("shelf")).unwrap())
        });
        let mut site = Self {
            services: Arc::new(Services::over(
                Config::parse(Some((&root.join("firn.toml"), &config)), &[], &[]).unwrap(),
                clock.clone(),
                Arc::clone(&store),
                earlier(),
            )),
            root,
            runtime: Some(runtime),
            world,
            clock,
            hand,
            store,
            glacier,
            ways,
            turns: Cell::new(0),
            config,
            plot,
            _temp: temp,
        };
        site.services = Arc::new(site.another(earlier(), &site.config));
        site.world.release();
        site
    }

    /// What another process over the same site works with.
    pub fn another(&self, process: ProcessIdentity, config: &str) -> Services {
        let config = Config::parse(Some((&self.path("firn.toml"), config)), &[], &[]).unwrap();
        let store = Arc::new(SqliteStore::open(&self.path("firn.db"), self.clock.clone(), false).unwrap());
        let services = Services::over(config, self.clock.clone(), store, process);
        match &self.glacier {
            None => services,
            Some(glacier) => {
                let fake = FakeVault::new("cold", self.clock.clone(), Arc::clone(glacier), self.plot.link);
                services.with_vault(Arc::new(Over(Door::new(fake, Arc::clone(&self.ways)))) as Arc<dyn Vault>)
            }
        }
    }

    /// The configuration, with more lines.
    pub fn config_with(&self, more: &str) -> String {
        format!("{}{more}\n", self.config)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().unwrap()
    }

    /// For threads that ask beside the site's time.
    pub fn handle(&self) -> tokio::runtime::Handle {
        self.runtime().handle().clone()
    }

    /// An answer of the state, while nothing moves.
    pub fn ask<T>(&self, question: impl Future<Output = T>) -> T {
        self.runtime().block_on(question)
    }

    fn rest(&self) {
        while !self.world.at_rest(Duration::from_millis(100)) {}
    }

    /// Lets everything come to rest, moves the clock on, and so on until it is `over`.
    #[track_caller]
    pub fn drive(&self, what: &str, mut over: impl FnMut() -> bool) {
        let began = self.clock.mono();
        for turn in 0.. {
            self.rest();
            if over() {
                return;
            }
            assert!(self.clock.mono().since(began) < LONG, "never: {what}");
            self.turns.set(self.turns.get() + 1);
            self.hand.advance(if turn < self.plot.short { STRIDES.0 } else { STRIDES.1 });
        }
    }

    /// Moves the clock on by so much, in small pieces.
    pub fn pass(&self, span: Duration) {
        let until = self.clock.mono().plus(span);
        self.drive("time passes", || self.clock.mono() >= until);
    }

    /// Carries work out in the site's time.
    #[track_caller]
    pub fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (over, answer) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
        let (told, given) = (Arc::clone(&over), Arc::clone(&answer));
        drop(self.world.spawn(async move {
            let done = work.await;
            *given.lock().unwrap() = Some(done);
            told.store(true, Ordering::SeqCst);
        }));
        self.drive("work ends", || over.load(Ordering::SeqCst));
        answer.lock().unwrap().take().unwrap()
    }

    /// Backs up all there is.
    #[track_caller]
    pub fn back_up(&self) {
        let services = Arc::clone(&self.services);
        let ended = self.run(async move {
            let mut job = services.job(Kinds::all(), true, Arc::new(NoSink)).await.unwrap();
            job.lease = LEASE;
            Arc::new(job).run(Stop::new()).await.unwrap()
        });
        assert_eq!((ended.given_up, ended.held.len()), (0, 0));
        if let Some(glacier) = &self.glacier {
            glacier.core().keep_log(LOG);
        }
    }

    /// Drafts what lines ask for.
    #[track_caller]
    pub fn draft(&self, order: Order) -> Drafted {
        let services = Arc::clone(&self.services);
        self.run(async move {
            let names = services.names().await.unwrap();
            let wanted = Wanted { order, names, title: None, who: "anna".to_owned(), current: false, overwrite: false };
            services.draft(wanted).await.unwrap()
        })
    }

    /// A plan as it is saved in a tier (nothing: in the only way there is).
    #[track_caller]
    pub fn plan(&self, order: Order, tier: Option<Tier>) -> PlanRow {
        let drafted = self.draft(order);
        assert_eq!((drafted.wrong_count, drafted.added.impossible), (0, 0), "{:?}", drafted.wrong);
        self.choose(drafted.plan, tier)
    }

    #[track_caller]
    pub fn choose(&self, plan: PlanId, tier: Option<Tier>) -> PlanRow {
        let services = Arc::clone(&self.services);
        self.run(async move { services.choose(plan, tier).await.unwrap().unwrap() })
    }

    /// Confirms a plan as it is.
    #[track_caller]
    pub fn confirm(&self, plan: &PlanRow) -> Confirmed {
        let services = Arc::clone(&self.services);
        let (id, hash) = (plan.id, plan.totals.as_ref().unwrap().hash);
        self.run(async move { services.confirm(id, hash, "bert".to_owned()).await.unwrap() })
    }

    /// From lines to a plan that is carried out.
    #[track_caller]
    pub fn confirmed(&self, lines: &str, tier: Option<Tier>) -> PlanRow {
        let plan = self.plan(Order::Text(lines.into()), tier);
        assert_eq!(self.confirm(&plan), Confirmed::Yes);
        plan
    }

    /// A plan as it stands.
    #[track_caller]
    pub fn row(&self, plan: PlanId) -> PlanRow {
        self.ask(self.store.plan(plan)).unwrap().unwrap()
    }

    /// Starts a worker of a process.
    pub fn start(&self, services: Arc<Services>, only: Option<PlanId>) -> Worker {
        let (stop, ended) = (Stop::new(), Arc::new(Mutex::new(None)));
        let (inner, told) = (stop.clone(), Arc::clone(&ended));
        let group = self.world.spawn_apart(async move {
            let mut job: Job = services.restore_job(only).await.unwrap();
            job.lease = LEASE;
            let done = Arc::new(job).run(inner).await.map_err(|e| e.to_string());
            *told.lock().unwrap() = Some(done);
        });
        Worker { group, stop, ended }
    }

    /// A worker until none of these plans is running any more.
    #[track_caller]
    pub fn carry_out(&self, plans: &[PlanId]) {
        let worker = self.start(Arc::clone(&self.services), None);
        self.drive("plans are carried out", || worker.fell().is_some() || self.over(plans));
        self.end(&worker);
    }

    /// Stops a worker, and waits for its end.
    #[track_caller]
    pub fn end(&self, worker: &Worker) {
        worker.stop.stop();
        self.drive("a worker ends", || worker.ended.lock().unwrap().is_some());
        assert_eq!(worker.ended.lock().unwrap().take(), Some(Ok(())));
    }

    pub fn over(&self, plans: &[PlanId]) -> bool {
        plans.iter().all(|plan| self.row(*plan).state != PlanState::Running)
    }

    /// Files of a plan; of all of them, or of those that went wrong.
    pub fn files(&self, plan: PlanId, wrong: bool) -> Vec<RestoreRow> {
        self.ask(self.store.plan_restores(plan, wrong, None, 100_000)).unwrap()
    }

    /// What is wrong from now on, and until this is called again.
    pub fn weather(&self, faults: &[Fault]) {
        let (from, until) = (Time::from_secs(0), Time::from_secs(1 << 40));
        let windows = faults.iter().map(|fault| Window { from, until, fault: *fault }).collect();
        self.glacier.as_ref().unwrap().core().set_weather(Weather { windows });
    }

    /// Requests of a kind that are counted.
    pub fn billed(&self, op: &str) -> Vec<Logged> {
        let glacier = self.glacier.as_ref().unwrap();
        let core = glacier.core();
        assert_eq!(core.log_dropped(), 0, "the log is not whole");
        core.log().iter().filter(|logged| logged.billed && logged.op == op).cloned().collect()
    }

    /// Forgets the requests up to now.
    pub fn new_log(&self) {
        self.glacier.as_ref().unwrap().core().keep_log(LOG);
    }

    /// What the requests cost, as the script reckons it that shares nothing with firn.
    pub fn reckoned(&self) -> Money {
        let log = {
            let core = self.glacier.as_ref().unwrap().core();
            assert_eq!(core.log_dropped(), 0, "the log is not whole");
            core.log_lines()
        };
        let file = self.path("log.jsonl");
        fs::write(&file, log).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/price.py");
        let mut command = Command::new("python3");
        let done = command.arg(script).arg(self.path("dear.toml")).arg(&file).output().unwrap();
        let out = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success(), "{out}{}", String::from_utf8_lossy(&done.stderr));
        let total = out.lines().find_map(|line| line.strip_prefix("total ")).unwrap();
        Money::parse(total).unwrap()
    }

    /// The archives of the vault by the service's ids, in order of size.
    pub fn held(&self) -> Vec<(String, u64)> {
        let holdings = self.glacier.as_ref().unwrap().core().holdings();
        let mut held: Vec<(String, u64)> =
            holdings.iter().map(|listed| (listed.archive_id.to_string(), listed.size)).collect();
        held.sort_by_key(|(_, size)| *size);
        held
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.world.hold();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// A worker that carries plans out.
pub struct Worker {
    pub group: Group,
    pub stop: Stop,
    ended: Arc<Mutex<Option<Result<(), String>>>>,
}

impl Worker {
    /// What it ended with, if it has.
    pub fn fell(&self) -> Option<Result<(), String>> {
        self.ended.lock().unwrap().clone()
    }
}

/// A process of this host that does not live any more, as far as this one can see.
pub fn earlier() -> ProcessIdentity {
    let own = ProcessIdentity::own();
    ProcessIdentity { pid_start: own.pid_start + 1, ..own }
}

/// A tree of so many files, backed up and deleted.
pub fn lost_tree(site: &Site, dice: &mut Dice, files: u64) -> BTreeMap<PathBuf, Look> {
    let photos = site.path("photos");
    fill(&photos, dice, files);
    let before = tree(&photos);
    assert_eq!(before.len() as u64, files);
    site.back_up();
    clear(&photos);
    before
}

/// So many small files, backed up and deleted.
pub fn fill_small(site: &Site, files: u64, bytes: usize) -> BTreeMap<PathBuf, Look> {
    let photos = site.path("photos");
    for n in 0..files {
        put(&photos.join(format!("{n}.jpg")), &noise(n + 1, bytes), 0o640, Duration::from_secs(1_400_000_000 + n));
    }
    let before = tree(&photos);
    site.back_up();
    clear(&photos);
    before
}
