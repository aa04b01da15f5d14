//! The composition root: from a configuration to what is alive.

mod crew;
pub mod delays;
mod faster;
mod freezes;
mod heartbeats;
pub mod lines;
mod play;
pub mod redis;
mod restores;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use tokio::sync::Mutex;

pub use self::crew::Crew;
pub use self::faster::{Faster, NotFaster, are, jobs, told};
pub use self::freezes::NoFreeze;
pub use self::restores::{Drafted, Order, Wanted};
use crate::alert::send::mail;
use crate::alert::{self, Limits, Means, Senders};
use crate::backup::digest::Md5Policy;
use crate::backup::pipe::{Kinds, Settings};
use crate::backup::pipeline::{Job, View};
use crate::backup::snapshot::{Snapshot, gather};
use crate::backup::staging::PROBE;
use crate::base::buffers::BUFFER;
use crate::base::disk::{Dir, DiskError};
use crate::base::host::ProcessIdentity;
use crate::base::ids::VaultUuid;
use crate::base::random::RandomError;
use crate::base::sink::CounterSink;
use crate::base::task::{self, JoinHandle};
use crate::base::{Clock, Shown};
use crate::config::{Config, real};
use crate::delay::gather::Memory;
use crate::delay::watch::Target;
pub use crate::demo::{DemoDriver, DemoOptions};
use crate::demo::{DemoError, Stage};
use crate::redis::station::Station;
use crate::restore::price::NoTier;
use crate::restore::{RestoreError, Restorer};
use crate::source::Source;
use crate::source::directory::DirectorySource;
use crate::store::sqlite::SqliteStore;
use crate::store::{NewEvent, Store, StoreError};
use crate::vault::directory::{DirectoryVault, IDENTITY_FILE};
use crate::vault::tariff::TariffError;
use crate::vault::{Vault, VaultError};
use crate::worker::pool::{Pool, SizeError};

/// Something that cannot be brought to life.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The staging folder.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A pool.
    #[error(transparent)]
    Pool(#[from] SizeError),
    /// The vault's tariff.
    #[error(transparent)]
    Tariff(#[from] TariffError),
    /// A tariff that is not the vault's.
    #[error(transparent)]
    NoTier(#[from] NoTier),
    /// A restore.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// No job is made faster.
    #[error(transparent)]
    NotFaster(#[from] NotFaster),
    /// A folder that nothing is restored into.
    #[error(transparent)]
    NoDestination(#[from] NoDestination),
    /// The demo.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// Mail.
    #[error(transparent)]
    Mail(#[from] mail::MailError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// No source.
    #[error("the configuration names no source; add [[source]] with a name and a path")]
    NoSource,
    /// No vault.
    #[error("the configuration names no vault; add [vault] with a path")]
    NoVault,
    /// The folder is not empty and no vault.
    #[error(
        "{place} holds files and is no vault ({IDENTITY_FILE} is missing); name an empty folder in [vault] path, or make it a vault with `firn vault init`"
    )]
    NotEmpty {
        /// Where.
        place: String,
    },
    /// The vault belongs to another state.
    #[error(
        "{place} is a vault ({found}) that this state does not know; use the state database that does, or name another folder in [vault] path"
    )]
    Stranger {
        /// Where.
        place: String,
        /// Its identity.
        found: VaultUuid,
    },
    /// The state knows archives, and no vault of that name.
    #[error(
        "this state has archives elsewhere and knows no vault named {name}; if {place} is to be one, make it with `firn vault init`"
    )]
    NewVault {
        /// The vault's name.
        name: String,
        /// Where.
        place: String,
    },
    /// It is a vault already.
    #[error("{place} is this state's vault {name} already; nothing was changed")]
    MadeAlready {
        /// The vault's name.
        name: String,
        /// Where.
        place: String,
    },
}

/// A folder that nothing is restored into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{dest} {how} {what} ({path}); restore to a folder outside it: nothing was restored")]
pub struct NoDestination {
    /// The folder, safe to show.
    pub dest: String,
    /// `lies in` or `holds`.
    pub how: &'static str,
    /// Whose it is.
    pub what: &'static str,
    /// Its root, safe to show.
    pub path: String,
}

/// What is alive.
pub struct Services {
    /// What it was made from.
    pub config: Config,
    /// Time.
    pub clock: Clock,
    /// The state.
    pub store: Arc<dyn Store>,
    /// This process.
    pub process: ProcessIdentity,
    /// What the header says of a demo, such as `DEMO calm ×10`; nothing where everything is real.
    pub badge: Option<String>,
    backing: Backing,
    /// Servers with replicas that were handed in; nothing: those that the configuration names.
    replicas: Option<Vec<Target>>,
    /// What was read of their verdicts.
    judged: Mutex<Memory>,
    /// Who looks at redis clusters.
    stations: OnceLock<Vec<Arc<Station>>>,
    /// Whether they do.
    looking: AtomicBool,
}

/// What the parts that differ are made of.
enum Backing {
    /// The folders that the configuration names.
    Live,
    /// What a demo is made of, and which of its hosts this is.
    Demo(Arc<Stage>, usize),
    /// The folders that the configuration names, and a vault that was handed in.
    Handed(Arc<dyn Vault>),
}

impl Services {
    /// What a configuration names, over a state that is open already.
    pub fn over(config: Config, clock: Clock, store: Arc<dyn Store>, process: ProcessIdentity) -> Self {
        Self {
            config,
            clock,
            store,
            process,
            badge: None,
            backing: Backing::Live,
            replicas: None,
            judged: Mutex::default(),
            stations: OnceLock::new(),
            looking: AtomicBool::new(false),
        }
    }

    /// The same over a vault that is there already, whatever its kind.
    #[must_use]
    pub fn with_vault(self, vault: Arc<dyn Vault>) -> Self {
        Self { backing: Backing::Handed(vault), ..self }
    }

    /// The same with replicas that are looked at by what is handed in.
    #[must_use]
    pub fn with_replicas(self, replicas: Vec<Target>) -> Self {
        Self { replicas: Some(replicas), ..self }
    }

    /// A demo in a temporary folder, and what moves its clock. Nothing of it runs before the driver moves; it ends, and
    /// its folder goes, when the driver is dropped.
    pub fn demo(options: &DemoOptions) -> Result<(Self, DemoDriver), ServiceError> {
        let (stage, driver) = Stage::open(options)?;
        play::begin(&stage);
        Ok((Self::of_stage(&stage, 0), driver))
    }

    /// A process of a demo: that of one of its hosts.
    fn of_stage(stage: &Arc<Stage>, host: usize) -> Self {
        Self {
            config: stage.config.clone(),
            clock: stage.clock.clone(),
            store: Arc::clone(&stage.store),
            process: stage.process(host),
            badge: Some(stage.badge.clone()),
            backing: Backing::Demo(Arc::clone(stage), host),
            replicas: Some(stage.replicas()),
            judged: Mutex::default(),
            stations: OnceLock::new(),
            looking: AtomicBool::new(false),
        }
    }

    /// Starts a task where this pipeline's tasks run: beside the caller, or in the demo's world.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match &self.backing {
            Backing::Live | Backing::Handed(_) => task::spawn(task),
            Backing::Demo(stage, _) => stage.world.spawn(task),
        }
    }

    /// Opens the state; makes it if `create` says so.
    pub async fn open(config: Config, create: bool) -> Result<Self, ServiceError> {
        let clock = Clock::system();
        let (path, opened) = (config.state.clone(), clock.clone());
        let store = task::blocking(move || SqliteStore::open(&path, opened, create))
            .await
            .map_err(|_| StoreError::Closed)??;
        Ok(Self::over(config, clock, Arc::new(store), ProcessIdentity::own()))
    }

    /// The vault, as whatever it is; a live one as [`Services::attach_vault`] finds it.
    pub async fn vault(&self) -> Result<Arc<dyn Vault>, ServiceError> {
        match &self.backing {
            Backing::Live => Ok(Arc::new(self.attach_vault().await?)),
            Backing::Demo(stage, host) => stage.vault(*host).ok_or(ServiceError::NoVault),
            Backing::Handed(vault) => Ok(Arc::clone(vault)),
        }
    }

    fn directory(&self) -> Result<DirectoryVault, ServiceError> {
        let vault = self.config.vault.as_ref().ok_or(ServiceError::NoVault)?;
        Ok(DirectoryVault::new(vault.name.clone(), vault.path.clone()))
    }

    /// The vault that this state knows. One that it does not know yet is made, the first time: when the state is new
    /// and the folder absent or empty. A known one comes back even while it cannot be reached.
    pub async fn attach_vault(&self) -> Result<DirectoryVault, ServiceError> {
        let vault = self.directory()?;
        let (name, place) = (vault.name().to_owned(), vault.place());
        let known = self.store.vault_identity(name.clone()).await?;
        if let (Some(uuid), true) = (known.uuid, known.made) {
            vault.only_as(uuid);
            return Ok(vault);
        }
        // What stands there is read first: another process of this state may be making it, and that enters it in the
        // state before.
        let found = vault.identity().await?;
        let vacant = found.is_some() || vault.is_vacant().await?;
        let known = self.store.vault_identity(name.clone()).await?;
        match (known.uuid, found) {
            // Its making was interrupted after it was written.
            (Some(uuid), Some(found)) if found.uuid == uuid => {
                self.store.vault_remember(name, uuid, true).await?;
                vault.only_as(uuid);
                Ok(vault)
            }
            (_, Some(found)) => Err(ServiceError::Stranger { place, found: found.uuid }),
            (_, None) if !known.state_is_new => Err(ServiceError::NewVault { name, place }),
            (None, None) if !vacant => Err(ServiceError::NotEmpty { place }),
            (uuid, None) => self.make(vault, uuid).await,
        }
    }

    /// Makes the configured folder a vault of this state, whatever else it holds.
    pub async fn make_vault(&self) -> Result<VaultUuid, ServiceError> {
        let vault = self.directory()?;
        let (name, place) = (vault.name().to_owned(), vault.place());
        let found = vault.identity().await?;
        let known = self.store.vault_identity(name.clone()).await?;
        match (known.uuid, found) {
            (Some(uuid), Some(found)) if found.uuid == uuid && known.made => {
                Err(ServiceError::MadeAlready { name, place })
            }
            (Some(uuid), Some(found)) if found.uuid == uuid => {
                self.store.vault_remember(name, uuid, true).await?;
                Ok(uuid)
            }
            (_, Some(found)) => Err(ServiceError::Stranger { place, found: found.uuid }),
            // The identity is known and gone: the mount is missing, or the wrong folder is named.
            (Some(expected), None) if known.made => {
                Err(VaultError::NoIdentity { vault: name, place, file: IDENTITY_FILE, expected }.into())
            }
            (uuid, None) => {
                let made = self.make(vault, uuid).await?;
                let known = self.store.vault_identity(made.name().to_owned()).await?;
                known.uuid.ok_or(ServiceError::NoVault)
            }
        }
    }

    /// The intent first, then the identity, then that it is there: interrupted anywhere, it is taken up again. Two
    /// processes that do it at once make one vault.
    async fn make(&self, vault: DirectoryVault, uuid: Option<VaultUuid>) -> Result<DirectoryVault, ServiceError> {
        let name = vault.name().to_owned();
        let uuid = match uuid {
            Some(uuid) => uuid,
            None => VaultUuid::new()?,
        };
        let uuid = self.store.vault_remember(name.clone(), uuid, false).await?;
        let made = vault.make(uuid, self.clock.now()).await?;
        self.store.vault_remember(name.clone(), uuid, true).await?;
        if made {
            let event = NewEvent {
                who: format!("pid {} on {}", self.process.pid, self.process.host),
                what: "vault.made".to_owned(),
                object: name,
                detail: format!("{} is now the vault {uuid}", vault.place()),
                outcome: "done".to_owned(),
            };
            self.store.event(event).await?;
        }
        vault.only_as(uuid);
        Ok(vault)
    }

    /// The sources of the configuration.
    pub fn sources(&self) -> Vec<(Arc<dyn Source>, std::time::Duration)> {
        if let Backing::Demo(stage, _) = &self.backing {
            return stage.sources.clone();
        }
        let source = |config: &crate::config::SourceConfig| -> (Arc<dyn Source>, std::time::Duration) {
            (Arc::new(DirectorySource::new(config.name.clone(), config.path.clone())), config.rescan)
        };
        self.config.sources.iter().map(source).collect()
    }

    /// Everything a pipeline needs. What cannot work is told here, not by a worker that falls over and over.
    pub async fn job(
        &self,
        kinds: Kinds,
        until_idle: bool,
        counters: Arc<dyn CounterSink>,
    ) -> Result<Job, ServiceError> {
        if let Backing::Demo(stage, host) = &self.backing {
            return Ok(stage.job(*host, kinds, until_idle, counters)?);
        }
        if self.config.sources.is_empty() {
            return Err(ServiceError::NoSource);
        }
        let vault = self.vault().await?;
        let staging = self.config.staging.clone();
        writable(&staging).await?;
        let backup = &self.config.backup;
        let md5 = match backup.md5.as_str() {
            "always" => Md5Policy::Always,
            "never" => Md5Policy::Never,
            _ => Md5Policy::Auto,
        };
        Ok(Job {
            settings: Settings {
                kinds,
                bundle_size: backup.bundle_size,
                bundle_age: backup.bundle_age,
                direct_over: self.config.staging_budget / 2,
                md5,
                attempts: backup.attempts,
                repeat_unknown_after: backup.repeat_unknown_after,
                host: self.process.host_key(),
                host_name: self.process.host.clone(),
                until_idle,
            },
            store: Arc::clone(&self.store),
            vault,
            sources: self.sources(),
            staging,
            staging_name: None,
            staging_budget: self.config.staging_budget,
            staging_for_live: self.config.staging_budget / 4,
            buffers: usize::try_from(backup.memory).unwrap_or(usize::MAX) / BUFFER,
            fetch: Pool::new("fetch", backup.fetchers)?,
            upload: Pool::new("upload", backup.uploaders)?,
            clock: self.clock.clone(),
            counters,
            process: self.process.clone(),
            lease: self.config.lease,
            view: View::default(),
        })
    }

    /// What the worker of alerts works with. In a demo nobody is told.
    pub fn alerts(&self) -> Result<Means, ServiceError> {
        let (mut senders, from) = alert_senders(&self.config)?;
        if matches!(self.backing, Backing::Demo(..)) {
            senders = Senders::default();
        }
        let limits = alert_settings(&self.config).limits;
        Ok(Means { senders, limits, from, store: Arc::clone(&self.store), clock: self.clock.clone() })
    }

    /// How everything stands now.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let sources: Vec<(String, String)> =
            self.sources().iter().map(|(source, _)| (source.name().to_owned(), source.place())).collect();
        gather(&*self.store, &sources).await
    }

    /// Whether the vault can be reached and is the one that this state knows. Makes nothing.
    pub async fn vault_ready(&self) -> Result<(), ServiceError> {
        if !matches!(self.backing, Backing::Live) {
            return Ok(self.vault().await?.ready().await?);
        }
        let vault = self.directory()?;
        let known = self.store.vault_identity(vault.name().to_owned()).await?;
        if let (Some(uuid), true) = (known.uuid, known.made) {
            vault.only_as(uuid);
            vault.ready().await?;
        } else {
            // The first worker makes it, if it can be one.
            if vault.identity().await?.is_none() && !vault.is_vacant().await? {
                return Err(ServiceError::NotEmpty { place: vault.place() });
            }
        }
        Ok(())
    }

    /// Whether something may be restored into a folder: never into the vault or the staging folder. The name of the source
    /// it lies in, for what is restored there is backed up again.
    pub fn destination(&self, dest: &Path) -> Result<Option<String>, NoDestination> {
        let config = &self.config;
        let dest = real(dest);
        let vault = config.vault.as_ref().map(|vault| ("the vault", real(&vault.path)));
        for (what, path) in vault.into_iter().chain([("the staging folder", real(&config.staging))]) {
            // Below it, or above: a key may spell the way down into it.
            let how = match (dest.starts_with(&path), path.starts_with(&dest)) {
                (true, _) => "lies in",
                (_, true) => "holds",
                _ => continue,
            };
            let (dest, path) = (Shown::path(&dest).to_string(), Shown::path(&path).to_string());
            return Err(NoDestination { dest, how, what, path });
        }
        let holds = |root: &Path| dest.starts_with(root) && dest != root;
        let source = config.sources.iter().find(|source| holds(&real(&source.path)));
        Ok(source.map(|source| source.name.clone()))
    }

    /// Whether the vault must make archives readable before it gives anything back.
    pub fn thaws(&self) -> bool {
        match &self.backing {
            Backing::Live => false,
            Backing::Demo(stage, host) => stage.vault(*host).is_some_and(|vault| vault.capabilities().thaw),
            Backing::Handed(vault) => vault.capabilities().thaw,
        }
    }

    /// Whether the vault can make a retrieval faster that is under way.
    fn hurries(&self) -> bool {
        match &self.backing {
            Backing::Live => false,
            Backing::Demo(stage, host) => stage.vault(*host).is_some_and(|vault| vault.capabilities().upgrade),
            Backing::Handed(vault) => vault.capabilities().upgrade,
        }
    }

    /// The folder that destinations lie below, should it not be `/`.
    fn root(&self) -> Option<PathBuf> {
        match &self.backing {
            Backing::Live | Backing::Handed(_) => None,
            Backing::Demo(stage, _) => Some(stage.root()),
        }
    }

    /// What restores files.
    pub async fn restorer(&self) -> Result<Restorer, ServiceError> {
        let vault = self.vault().await?;
        vault.ready().await?;
        Ok(Restorer { store: Arc::clone(&self.store), vault })
    }
}

/// Who is told what, as a configuration has it.
pub fn alert_settings(config: &Config) -> alert::Settings {
    let alert = &config.alert;
    let mail = alert.mail.as_ref().map(|mail| mail::Settings {
        server: mail.server.clone(),
        port: mail.port,
        tls: match mail.tls.as_str() {
            "tls" => mail::Tls::Wrapped,
            "none" | "insecure" => mail::Tls::Never,
            _ => mail::Tls::StartTls,
        },
        insecure: mail.tls == "insecure",
        login: mail.login.clone(),
        from: mail.from.clone(),
        to: mail.to.clone(),
        ca: mail.ca.clone(),
    });
    alert::Settings {
        limits: Limits {
            least: alert.min_severity,
            critical: alert.repeat_critical,
            other: alert.repeat,
            digest: alert.digest,
        },
        mail,
        command: alert.command.clone(),
        ping: alert.ping_url.clone().map(|place| (place, alert.ping_every)),
    }
}

/// The senders of a configuration, and what messages say of where they come from.
pub fn alert_senders(config: &Config) -> Result<(Senders, alert::Origin), ServiceError> {
    let host = ProcessIdentity::own().host;
    let senders = Senders::new(&alert_settings(config), &host)?;
    Ok((senders, alert::Origin { environment: config.console.environment.clone(), host }))
}

/// A folder that can be made and written.
async fn writable(path: &Path) -> Result<(), ServiceError> {
    let path = path.to_owned();
    let tried = task::blocking(move || {
        let dir = Dir::open_or_make(&path)?;
        let probe = std::ffi::OsString::from(format!("{PROBE}{}", std::process::id()));
        dir.remove(&probe)?;
        dir.create(&probe, 0o600)?;
        dir.remove(&probe)
    });
    match tried.await {
        Ok(done) => Ok(done?),
        Err(e) => Err(DiskError {
            op: "try",
            path: Shown::text("the staging folder").to_string().into(),
            source: std::io::Error::other(e.to_string()),
        }
        .into()),
    }
}
