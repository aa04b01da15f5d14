//! A source that was backed up for real into a directory vault, plans of its files, and sessions that deliver them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use firn::backup::pipe::Kinds;
use firn::base::clock::Hand;
use firn::base::hash::Hash32;
use firn::base::host::ProcessIdentity;
use firn::base::ids::{ArchiveId, DestId, Generation, Key, PlanId, RetrievalUuid, SessionId};
use firn::base::sink::NoSink;
use firn::base::{Clock, Money, Stop};
use firn::config::Config;
use firn::restore::parts::{Delivery, Egress};
use firn::services::Services;
use firn::store::sqlite::SqliteStore;
use firn::store::{
    AskPart, Confirm, Confirmed, NewDest, NewPart, NewPlan, NewRestore, NewSession, PlanRow, PlanState, PlanTotals,
    Restorable, RestoreRow, RestoreState, Store,
};
use firn::vault::Vault;
use tempfile::TempDir;
use uuid::Uuid;

pub use super::support::dice::noise;
use super::support::folders;
pub use super::support::folders::tree;

/// The longest anything here may take; only what hangs comes near it.
pub const DEADLINE: Duration = Duration::from_mins(2);

/// Size of bundles, and the budget of the staging folder.
const USUAL: (&str, &str) = ("2MiB", "16MiB");

/// The host of every plan and session.
pub const HOST: &str = "alpha";

pub struct World {
    pub temp: Home,
    pub store: Arc<dyn Store>,
    pub vault: Arc<dyn Vault>,
    hand: Hand,
}

/// The folder of a world: of its own, or of the process that started this one.
pub enum Home {
    Own(TempDir),
    #[cfg(feature = "faults")]
    Other(PathBuf),
}

impl Home {
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(temp) => temp.path(),
            #[cfg(feature = "faults")]
            Self::Other(path) => path,
        }
    }
}

/// A file that is wanted: its key, where to, and whether it replaces what is there.
pub struct Want {
    pub key: String,
    pub dest: PathBuf,
    pub target: String,
    pub overwrite: bool,
}

impl World {
    /// Backs up what `fill` puts into the source.
    pub async fn backed_up(fill: impl FnOnce(&Path)) -> Self {
        Self::backed_up_by(USUAL, fill).await
    }

    /// In archives of about that size, with that budget of the staging folder.
    pub async fn backed_up_by(bundle: (&str, &str), fill: impl FnOnce(&Path)) -> Self {
        let temp = tempfile::Builder::new().prefix("firn-restore").tempdir().unwrap();
        fs::create_dir(temp.path().join("photos")).unwrap();
        fill(&temp.path().join("photos"));
        let services = services(temp.path(), bundle).await;
        let job = services.job(Kinds::all(), true, Arc::new(NoSink)).await.unwrap();
        let vault = Arc::clone(&job.vault);
        let ended = tokio::time::timeout(DEADLINE, Arc::new(job).run(Stop::new())).await.expect("it ends").unwrap();
        assert_eq!((ended.given_up, ended.held.len()), (0, 0));
        drop(services);
        Self::over(Home::Own(temp), vault)
    }

    /// The world of another process.
    #[cfg(feature = "faults")]
    pub async fn reopened(home: &Path) -> Self {
        let vault = services(home, USUAL).await.vault().await.unwrap();
        Self::over(Home::Other(home.to_owned()), vault)
    }

    /// The state's clock is moved by hand from here on.
    fn over(temp: Home, vault: Arc<dyn Vault>) -> Self {
        let (clock, hand) = Clock::manual(Clock::system().now());
        let store = SqliteStore::open(&temp.path().join("firn.db"), clock, false).unwrap();
        Self { temp, store: Arc::new(store), vault, hand }
    }

    /// What was left for later is due.
    pub fn time_passes(&self) {
        self.hand.advance(Duration::from_hours(1));
    }

    /// Whoever has died gives back what it held.
    #[cfg(feature = "faults")]
    pub async fn end_sessions(&self) {
        for session in self.store.sessions().await.unwrap() {
            self.store.session_end(session.id).await.unwrap();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub fn photos(&self) -> PathBuf {
        self.path("photos")
    }

    /// The newest version of each key, by key.
    pub async fn versions(&self) -> BTreeMap<String, Restorable> {
        let source = self.store.source("ugc".to_owned(), "directory").await.unwrap();
        let mut versions = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.store.restorable(source.id, Vec::new(), after.clone(), None, 1000).await.unwrap();
            let Some(last) = page.last() else { return versions };
            after = Some(last.key.clone());
            versions.extend(page.into_iter().filter_map(|key| Some((key.key.to_string(), key.version?))));
        }
    }

    /// The file of the archive that holds a key.
    pub async fn archive_of(&self, key: &str) -> (PathBuf, Restorable) {
        let version = self.versions().await.remove(key).unwrap();
        (self.path("vault").join(String::from_utf8(version.remote_id.clone()).unwrap()), version)
    }

    /// Wants for all files, below one folder.
    pub async fn all(&self, dest: &str) -> Vec<Want> {
        let want = |key: String| Want { target: key.clone(), key, dest: self.path(dest), overwrite: false };
        self.versions().await.into_keys().map(want).collect()
    }

    pub async fn session(&self) -> SessionId {
        let process = ProcessIdentity { host: HOST.to_owned(), ..ProcessIdentity::own() };
        let session = NewSession { process, kinds: "restore".to_owned(), lease: Duration::from_hours(1000) };
        self.store.session_start(session).await.unwrap().id
    }

    /// A confirmed plan whose parts can be claimed: none needs a job.
    pub async fn plan(&self, wants: &[Want], ceiling: Money) -> PlanId {
        let store = &self.store;
        let new = NewPlan {
            title: "a test".to_owned(),
            who: "tester".to_owned(),
            host: HOST.to_owned(),
            vault: self.vault.name().to_owned(),
            supplement_of: None,
        };
        let plan = store.plan_begin(new).await.unwrap();
        let versions = self.versions().await;
        let mut dests: BTreeMap<PathBuf, DestId> = BTreeMap::new();
        let mut files = Vec::new();
        let mut archives: BTreeMap<ArchiveId, (u64, u64)> = BTreeMap::new();
        for (n, want) in (1..).zip(wants) {
            let version = &versions[&want.key];
            if !dests.contains_key(&want.dest) {
                let dest = NewDest { kind: "folder", place: want.dest.clone().into() };
                dests.insert(want.dest.clone(), store.plan_dests(plan, vec![dest]).await.unwrap()[0]);
            }
            let archive = store.archive_detail(version.archive).await.unwrap().unwrap().row.id;
            let (count, bytes) = archives.entry(archive).or_default();
            *count += 1;
            *bytes += version.length;
            files.push(NewRestore {
                n,
                file: Some(version.file),
                name: Key::new(want.key.as_bytes()),
                from: Some((archive, version.data_offset)),
                length: version.length,
                dest: dests[&want.dest],
                target: Key::new(want.target.as_bytes()),
                overwrite: want.overwrite,
                why: None,
                asked: None,
            });
        }
        let count = files.len() as u64;
        for page in files.chunks(1000) {
            store.plan_add(plan, page.to_vec()).await.unwrap();
        }
        let parts = archives.iter().map(|(archive, (files, bytes))| NewPart {
            archive: *archive,
            need: None,
            range: None,
            files: *files,
            bytes: *bytes,
            read_bytes: *bytes,
            price: Money::ZERO,
            full_price: Money::ZERO,
            egress: Money::ZERO,
            joins: None,
            day: 0,
        });
        store.plan_parts(plan, Generation(0), parts.collect()).await.unwrap();
        self.confirm(plan, (count, archives.len() as u64), ceiling).await;
        let session = self.session().await;
        for archive in archives.keys() {
            let ask = AskPart {
                plan,
                archive: *archive,
                uuid: RetrievalUuid(Uuid::from_u128(9)),
                price: Money::ZERO,
                tariff_hash: Hash32([6; 32]),
                joinable_until: store.now().await.unwrap(),
                most: 1,
            };
            store.part_ask(session, ask).await.unwrap();
        }
        store.session_end(session).await.unwrap();
        plan
    }

    async fn confirm(&self, plan: PlanId, (files, archives): (u64, u64), ceiling: Money) {
        let hash = Hash32([5; 32]);
        let totals = PlanTotals {
            tier: None,
            tariff: "none".to_owned(),
            tariff_hash: Hash32([6; 32]),
            hash,
            files,
            bytes: 0,
            impossible: 0,
            overwrites: 0,
            archives,
            jobs: 0,
            joined: 0,
            asked_bytes: 0,
            read_bytes: 0,
            price: ceiling,
            sure: true,
            ceiling,
            risks: Vec::new(),
            seconds: None,
        };
        assert!(self.store.plan_save(plan, Generation(0), totals).await.unwrap());
        let confirm = Confirm {
            plan,
            hash,
            who: "tester".to_owned(),
            days: vec![(0, ceiling)],
            plan_limit: None,
            day_limit: None,
            month_limit: None,
        };
        assert_eq!(self.store.plan_confirm(confirm).await.unwrap(), Confirmed::Yes);
    }

    /// Delivers what can be claimed now, up to four parts at once. How many parts there were.
    pub async fn deliver(&self) -> usize {
        self.deliver_from(Arc::clone(&self.vault)).await
    }

    pub async fn deliver_from(&self, vault: Arc<dyn Vault>) -> usize {
        let session = self.session().await;
        let delivery = Arc::new(self.delivery(vault, session, free(), Stop::new()));
        let done = self.deliver_with(&delivery, session, 4).await;
        self.store.session_end(session).await.unwrap();
        done
    }

    pub fn delivery(&self, vault: Arc<dyn Vault>, session: SessionId, egress: Egress, stop: Stop) -> Delivery {
        Delivery::new(Arc::clone(&self.store), vault, Clock::system(), session, stop, egress)
    }

    pub async fn deliver_with(&self, delivery: &Arc<Delivery>, session: SessionId, at_once: usize) -> usize {
        let work = async {
            let mut done = 0;
            let mut running = tokio::task::JoinSet::new();
            loop {
                while running.len() < at_once {
                    let claimed = self.store.part_claim(session, HOST.to_owned(), None).await.unwrap();
                    let Some(part) = claimed else { break };
                    let delivery = Arc::clone(delivery);
                    running.spawn(async move { delivery.deliver(part).await.unwrap() });
                }
                match running.join_next().await {
                    Some(ended) => ended.unwrap(),
                    None => return done,
                };
                done += 1;
            }
        };
        tokio::time::timeout(DEADLINE, work).await.expect("delivery ends")
    }

    pub async fn row(&self, plan: PlanId) -> PlanRow {
        self.store.plan(plan).await.unwrap().unwrap()
    }

    /// All files of a plan, by where they go.
    pub async fn outcomes(&self, plan: PlanId) -> BTreeMap<String, RestoreRow> {
        let mut rows = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.store.plan_restores(plan, false, after, 1000).await.unwrap();
            let Some(last) = page.last() else { return rows };
            after = Some((last.archive.unwrap(), last.offset, last.n));
            rows.extend(page.into_iter().map(|row| (format!("{}/{}", tail(&row), row.target), row)));
        }
    }

    /// How many files stand so.
    pub async fn count(&self, plan: PlanId, state: RestoreState) -> usize {
        self.outcomes(plan).await.values().filter(|row| row.state == state).count()
    }

    /// The plan has ended, and every file of it is there.
    pub async fn all_delivered(&self, plan: PlanId, files: usize) {
        let row = self.row(plan).await;
        let wrong: Vec<_> = self.outcomes(plan).await.into_values().filter_map(|row| row.reason).collect();
        assert_eq!((row.state, row.failed, wrong), (PlanState::Ended, 0, Vec::new()));
        assert_eq!(row.delivered, files as u64);
    }

    /// Why a file failed.
    pub async fn reason(&self, plan: PlanId, target: &str) -> String {
        let rows = self.outcomes(plan).await;
        let row = rows.values().find(|row| row.target.to_string() == target).unwrap();
        assert_eq!(row.state, RestoreState::Failed, "{target}: {:?}", row.reason);
        row.reason.clone().unwrap()
    }
}

fn tail(row: &RestoreRow) -> String {
    Path::new(&row.place).file_name().unwrap().to_string_lossy().into_owned()
}

/// Reading costs nothing.
pub fn free() -> Egress {
    Arc::new(|_| Money::ZERO)
}

pub async fn services(home: &Path, (bundle, budget): (&str, &str)) -> Services {
    let text = format!(
        "[state]\nurl = \"sqlite:firn.db\"\n[staging]\nbudget = \"{budget}\"\n\
         [[source]]\nname = \"ugc\"\npath = \"photos\"\n[vault]\nname = \"cold\"\npath = \"vault\"\n\
         [backup]\nbundle_size = \"{bundle}\"\nbundle_age = \"1s\"\nfetchers = 2\nuploaders = 2\nmd5 = \"always\"\n"
    );
    let config = Config::parse(Some((&home.join("firn.toml"), &text)), &[], &[]).unwrap();
    Services::open(config, true).await.unwrap()
}

/// Writes a file of a tree with a mode and a time.
pub fn put(root: &Path, key: &str, bytes: &[u8], mode: u32, mtime: Duration) {
    folders::put(&root.join(key), bytes, mode, mtime);
}

/// Many small files in some folders, empty ones, and two that are larger than what is read at a time.
pub fn mixed(root: &Path) {
    for n in 0..300u64 {
        let size = usize::try_from(n * 37 % 5000).unwrap();
        let mtime = Duration::new(1_600_000_000 + n, 123_456_789);
        put(root, &format!("{}/{}/f{n}.jpg", n % 7, n % 3), &noise(n + 1, size), 0o640, mtime);
    }
    put(root, "empty", b"", 0o600, Duration::from_secs(5));
    put(root, "deep/er/and/deeper/x", b"x", 0o755, Duration::from_secs(77));
    put(root, "film.mov", &noise(7, (9 << 20) + 77), 0o444, Duration::new(9, 9));
    put(root, "clip.mov", &noise(8, (5 << 20) + 1), 0o644, Duration::new(9, 9));
}

/// Both hold the same files, with the same modes, times and bytes.
#[track_caller]
pub fn same(left: &Path, right: &Path) {
    folders::same(&tree(left), &tree(right));
}
