//! What every task of a running pipeline shares.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::digest::Md5Policy;
use super::moving::Moving;
use super::plan::Sizes;
use super::staging::{Reservation, Staging};
use crate::base::backoff::Backoff;
use crate::base::buffers::{Buffer, Buffers};
use crate::base::clock::Mono;
use crate::base::disk::DiskError;
use crate::base::ids::{ArchiveUuid, Lane, SessionId, SourceId};
use crate::base::random::RandomError;
use crate::base::sink::CounterSink;
use crate::base::task;
use crate::base::{Clock, Stop, Time};
use crate::source::{Source, SourceError};
use crate::store::{SourceRow, Store, StoreError};
use crate::vault::{Vault, VaultError};
pub use crate::worker::kinds::{Kind, KindError, Kinds};
use crate::worker::pool::Pool;

/// How the pipeline is to work.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which worker kinds run.
    pub kinds: Kinds,
    /// A bundle is closed at this many bytes …
    pub bundle_size: u64,
    /// … or at this age.
    pub bundle_age: Duration,
    /// A larger file is never staged.
    pub direct_over: u64,
    /// When MD5 is computed.
    pub md5: Md5Policy,
    /// A file that failed this often is given up until somebody retries it.
    pub attempts: u32,
    /// An archive that is unknown for longer is repeated; nothing: never.
    pub repeat_unknown_after: Option<Duration>,
    /// Who can reach the staging folder.
    pub host: String,
    /// What people call this machine.
    pub host_name: String,
    /// Close bundles as soon as nothing else is there to go into them.
    pub until_idle: bool,
}

/// Why a pipeline ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The state database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The staging folder, before anything was begun.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// No random bytes for a name.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The lease.
    #[error(transparent)]
    Lease(#[from] crate::worker::session::LeaseError),
    /// The staging folder was removed or exchanged.
    #[error("the staging folder {place} was removed or exchanged while it was in use; it is opened anew")]
    StagingGone {
        /// Where.
        place: String,
    },
    /// A task of it panicked or was cancelled.
    #[error("a task of the backup pipeline failed: {0}")]
    Task(String),
}

/// What every task shares.
pub struct Pipe {
    /// How to work.
    pub settings: Settings,
    /// The state.
    pub store: Arc<dyn Store>,
    /// The vault.
    pub vault: Arc<dyn Vault>,
    /// Sources by their row, with the row as it was at the start.
    pub sources: HashMap<SourceId, Arc<dyn Source>>,
    /// Where bundles wait.
    pub staging: Staging,
    /// Memory.
    pub buffers: Buffers,
    /// Who fetches.
    pub fetch: Pool,
    /// Who uploads.
    pub upload: Pool,
    /// Under which lease.
    pub session: SessionId,
    /// Time.
    pub clock: Clock,
    /// Where work is counted.
    pub counters: Arc<dyn CounterSink>,
    /// Ends this pipeline.
    pub stop: Stop,
    /// Files were queued.
    pub queued: Notify,
    /// A bundle was sealed.
    pub sealed: Notify,
    /// Bundles that are being filled or sent.
    pub moving: Moving,
    /// Why it must end.
    fatal: Mutex<Option<BackupError>>,
    /// Budget that staged bundles hold.
    staged: Mutex<HashMap<ArchiveUuid, Vec<Reservation>>>,
    /// When the vault is tried again after it could not be written.
    vault_rest: Mutex<VaultRest>,
    /// Sources whose root is away, and until when that is taken for so.
    held: Mutex<HashMap<SourceId, Mono>>,
    /// Files claimed and not yet bundled, failed or given back.
    in_hand: AtomicU64,
    tasks: AtomicU64,
    task_ended: Notify,
}

/// Counts a task while it runs; one that panics is the end of the pipeline.
struct TaskGuard(Arc<Pipe>);

impl TaskGuard {
    fn new(pipe: &Arc<Pipe>) -> Self {
        pipe.tasks.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(pipe))
    }
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(BackupError::Task("it panicked; the log has the words".to_owned()));
        }
        self.0.tasks.fetch_sub(1, Ordering::SeqCst);
        self.0.task_ended.notify_waiters();
    }
}

#[derive(Default)]
struct VaultRest {
    failures: u32,
    until: Option<Mono>,
}

/// A source whose root was not there is looked for again after this.
const HELD: Duration = Duration::from_secs(15);

/// Waits after the vault as a whole could not be written.
const VAULT_AGAIN: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(30) };

/// What a pipeline is made from.
pub struct Parts {
    /// How to work.
    pub settings: Settings,
    /// The state.
    pub store: Arc<dyn Store>,
    /// The vault.
    pub vault: Arc<dyn Vault>,
    /// Sources and their rows.
    pub sources: Vec<(SourceRow, Arc<dyn Source>)>,
    /// Where bundles wait.
    pub staging: Staging,
    /// Memory.
    pub buffers: Buffers,
    /// Who fetches.
    pub fetch: Pool,
    /// Who uploads.
    pub upload: Pool,
    /// Under which lease.
    pub session: SessionId,
    /// Time.
    pub clock: Clock,
    /// Where work is counted.
    pub counters: Arc<dyn CounterSink>,
    /// Ends this pipeline.
    pub stop: Stop,
}

impl Pipe {
    /// Nothing runs yet.
    pub fn new(parts: Parts) -> Self {
        Self {
            settings: parts.settings,
            store: parts.store,
            vault: parts.vault,
            sources: parts.sources.into_iter().map(|(row, source)| (row.id, source)).collect(),
            staging: parts.staging,
            buffers: parts.buffers,
            fetch: parts.fetch,
            upload: parts.upload,
            session: parts.session,
            clock: parts.clock,
            counters: parts.counters,
            stop: parts.stop,
            queued: Notify::new(),
            sealed: Notify::new(),
            moving: Moving::default(),
            fatal: Mutex::default(),
            staged: Mutex::default(),
            vault_rest: Mutex::default(),
            held: Mutex::default(),
            in_hand: AtomicU64::new(0),
            tasks: AtomicU64::new(0),
            task_ended: Notify::new(),
        }
    }

    /// Sizes that decide how files travel.
    pub fn sizes(&self) -> Sizes {
        Sizes { target: self.settings.bundle_size, direct_over: self.settings.direct_over }
    }

    /// A buffer, once there is one: history leaves some to live files.
    pub async fn take_buffer(&self, lane: Lane) -> Buffer {
        let leave = match lane {
            Lane::Live => 0,
            Lane::History => 2,
        };
        self.buffers.take(leave).await
    }

    /// Ends the pipeline: everything it holds is given back when it is started anew. The first reason counts.
    pub fn fail(&self, error: BackupError) {
        let mut fatal = lock(&self.fatal);
        if fatal.is_none() {
            *fatal = Some(error);
        }
        self.stop.stop();
    }

    /// Why it ended, if it failed.
    pub fn failure(&self) -> Option<BackupError> {
        lock(&self.fatal).take()
    }

    /// Runs a task of the pipeline: an error of it is the end of the pipeline, a panic too.
    pub fn spawn(self: &Arc<Self>, task: impl Future<Output = Result<(), BackupError>> + Send + 'static) {
        let guard = TaskGuard::new(self);
        task::spawn(async move {
            if let Err(e) = task.await {
                guard.0.fail(e);
            }
        });
    }

    /// Returns when none of its tasks runs.
    pub async fn tasks_ended(&self) {
        loop {
            let ended = self.task_ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.tasks.load(Ordering::SeqCst) == 0 {
                return;
            }
            ended.await;
        }
    }

    /// How many of its tasks run.
    pub fn tasks(&self) -> u64 {
        self.tasks.load(Ordering::SeqCst)
    }

    /// The store's time `span` from now.
    pub async fn at(&self, span: Duration) -> Result<Time, StoreError> {
        Ok(self.store.now().await?.plus(span))
    }

    /// A staged bundle holds its share of the budget until [`Self::release`].
    pub fn hold(&self, uuid: ArchiveUuid, share: Vec<Reservation>) {
        lock(&self.staged).insert(uuid, share);
    }

    /// A staged bundle is gone from the folder.
    pub fn release(&self, uuid: ArchiveUuid) {
        let share = lock(&self.staged).remove(&uuid);
        drop(share);
    }

    /// The vault could not be written as a whole.
    pub fn vault_failed(&self) {
        let mut rest = lock(&self.vault_rest);
        rest.failures += 1;
        rest.until = Some(self.clock.mono().plus(VAULT_AGAIN.after(rest.failures, 128)));
    }

    /// The vault took something.
    pub fn vault_worked(&self) {
        *lock(&self.vault_rest) = VaultRest::default();
    }

    /// How long the vault is to be left alone.
    pub fn vault_rests(&self) -> Option<Duration> {
        let now = self.clock.mono();
        lock(&self.vault_rest).until.map(|until| until.since(now)).filter(|rest| !rest.is_zero())
    }

    /// A source's root is not there: nothing more is fetched of it for a while, unless it is seen before.
    pub fn hold_source(&self, source: SourceId) {
        lock(&self.held).insert(source, self.clock.mono().plus(HELD));
    }

    /// It is there. Whether it had been held.
    pub fn release_source(&self, source: SourceId) -> bool {
        lock(&self.held).remove(&source).is_some()
    }

    /// Whether there is no source to fetch from.
    pub fn all_held(&self) -> bool {
        let (now, held) = (self.clock.mono(), lock(&self.held));
        self.sources.keys().all(|source| held.get(source).is_some_and(|until| *until > now))
    }

    /// Counts files taken in hand (positive) or done with (negative).
    pub fn hand(&self, files: i64) {
        self.in_hand.fetch_add(files.cast_unsigned(), Ordering::SeqCst);
    }

    /// Files claimed and not yet bundled, failed or given back.
    pub fn in_hand(&self) -> u64 {
        self.in_hand.load(Ordering::SeqCst)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs something that blocks.
pub async fn blocking<T: Send + 'static>(op: impl FnOnce() -> T + Send + 'static) -> Result<T, BackupError> {
    task::blocking(op).await.map_err(|e| BackupError::Task(e.to_string()))
}
