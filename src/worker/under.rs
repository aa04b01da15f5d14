//! Several tasks under one lease: the first that fails, or panics, ends them all, and says why.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::session::{Lease, LeaseError};
use crate::base::host::ProcessIdentity;
use crate::base::{Clock, Stop, task};
use crate::store::{Store, StoreError};

/// What a task does, and why it could not.
pub type Work = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// Who works, and where it is written.
#[derive(Clone)]
pub struct Under {
    /// The state.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Clock,
    /// This process.
    pub process: ProcessIdentity,
    /// What it says it does.
    pub kinds: String,
    /// How long the lease holds.
    pub length: Duration,
}

/// Why work ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lease, or a task.
    #[error("a task of the {kinds} worker failed: {why}")]
    Failed {
        /// What it says it does.
        kinds: String,
        /// Why.
        why: String,
    },
}

/// Tells the first failure, and stops the others.
#[derive(Clone)]
struct Told {
    first: Arc<watch::Sender<Option<String>>>,
    stop: Stop,
}

impl Told {
    fn start<E: std::fmt::Display + Send + 'static>(
        &self,
        what: Pin<Box<dyn Future<Output = Result<(), E>> + Send>>,
    ) -> task::JoinHandle<()> {
        let told = self.clone();
        task::spawn(async move {
            let why = match task::caught(what).await {
                Ok(Ok(())) => return,
                Ok(Err(why)) => why.to_string(),
                Err(panic) => panic.to_string(),
            };
            told.first.send_if_modified(|first| {
                let none = first.is_none();
                first.get_or_insert(why);
                none
            });
            told.stop.stop();
        })
    }
}

/// Begins a lease, runs what `parts` makes of it, and ends it in good order: when `stop` is thrown, when `over` comes
/// back, or when a part or the lease fails. Each part is to end when the switch it is handed is thrown.
pub async fn run(
    under: Under,
    stop: Stop,
    parts: impl FnOnce(&Lease, &Stop) -> Vec<Work>,
    over: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), WorkError> {
    let Under { store, clock, process, kinds, length } = under;
    let (lease, _) = Lease::begin(store, clock, process, kinds.clone(), length).await?;
    let (inner, keep) = (Stop::new(), Stop::new());
    let (told, mut failed) = watch::channel(None::<String>);
    let told = Told { first: Arc::new(told), stop: inner.clone() };
    let keeper = {
        let (lease, keep) = (lease.clone(), keep.clone());
        told.start::<LeaseError>(Box::pin(async move { lease.keep(&keep, String::new).await }))
    };
    let tasks: Vec<_> = parts(&lease, &inner).into_iter().map(|work| told.start::<StoreError>(work)).collect();
    let ended = tokio::select! {
        biased;
        () = stop.stopped() => Ok(()),
        () = inner.stopped() => Ok(()),
        ended = over => ended,
    };
    inner.stop();
    for task in tasks {
        // What there was to say of it has been told.
        let _ = task.await;
    }
    keep.stop();
    let _ = keeper.await;
    // What it held is for others, however it ended.
    let given_back = lease.end().await;
    if let Some(why) = failed.borrow_and_update().clone() {
        return Err(WorkError::Failed { kinds, why });
    }
    ended?;
    given_back?;
    Ok(())
}

/// Between two looks for those who died.
const REAP: Duration = Duration::from_secs(10);

/// Takes over what workers held that died, until told to stop.
pub async fn reap(lease: Lease, clock: Clock, stop: Stop) -> Result<(), StoreError> {
    while !stop.is_stopped() {
        lease.reap().await?;
        tokio::select! {
            biased;
            () = stop.stopped() => {}
            () = clock.sleep(REAP) => {}
        }
    }
    Ok(())
}
