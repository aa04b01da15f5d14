//! Delivery of a plan's parts: what is wanted of one archive, read once and in order, checked, and put where it goes.
//!
//! A part is claimed in the state and walked page by page (`walk`). What is there already, byte for byte, is not read.
//! The rest is read in pieces (`pieces`), the next one while the last one is hashed and written. Nothing has its final
//! name before its SHA-256 has been found right. Many files share a sync (`batch`):
//!
//! 1. bytes, mode and time of a batch's files are written under names of firn's;
//! 2. one `syncfs` a file system makes them durable, along with the final names of the batch before;
//! 3. the outcomes of the batch before are written to the state;
//! 4. the batch's files get their final names.
//!
//! So the state never says of a file that it is there while a power cut could still take it. A sync that fails may have lost
//! whatever was being written, in this batch, in the next one and in other parts: all of it is written anew
//! (`syncs`). A crash between 4 and the
//! next 3 leaves files that the next try finds there by their bytes. Meanwhile the next batch is read and written.
//!
//! Trouble of one file is that file's outcome. Trouble of a destination as a whole leaves its files waiting, and the part
//! is tried again; files for other destinations go on.

mod batch;
mod folders;
mod item;
mod member;
mod pieces;
mod purse;
mod reader;
mod syncs;
mod walk;
mod writer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::folders::{Places, Seen};
pub use self::syncs::SyncCall;
use self::syncs::{Syncs, by_the_system};
use self::walk::{Claim, Job};
use crate::base::backoff::Backoff;
use crate::base::ids::{DestId, PlanId, SessionId};
use crate::base::{Clock, Money, Shown, Stop};
use crate::store::{PartEnd, PartKey, PartWork, RetrievalState, Store, StoreError};
use crate::vault::{JobRequest, JobState, Vault, VaultError};

/// Most files of a batch, and most outcomes of a transaction.
pub(super) const BATCH_FILES: usize = 1000;
/// Bytes at which a batch is full.
pub(super) const BATCH_BYTES: u64 = 256 << 20;
/// The longest that a batch is filled.
pub(super) const BATCH_SPAN: Duration = Duration::from_secs(1);

/// Waits of a part that could not be delivered.
const WAITS: Backoff = Backoff { first: Duration::from_secs(15), longest: Duration::from_mins(15) };
/// Failures of a part in a row after which trouble that nobody knows is taken for that of its files.
const STUBBORN: u32 = 4;
/// Plans whose destinations are remembered.
const PLANS: usize = 16;

/// What reading so many bytes from the vault costs.
pub type Egress = Arc<dyn Fn(u64) -> Money + Send + Sync>;

/// Delivers parts that its session has claimed; several at once share their syncs.
pub struct Delivery {
    store: Arc<dyn Store>,
    vault: Arc<dyn Vault>,
    clock: Clock,
    session: SessionId,
    stop: Stop,
    /// What reading costs, as it is when a part is claimed: to the end of the part it stays so.
    egress: Arc<dyn Fn() -> Egress + Send + Sync>,
    seen: Arc<Seen>,
    syncs: Arc<Syncs>,
    plans: Mutex<HashMap<PlanId, Arc<Places>>>,
}

impl Delivery {
    /// Over a state and a vault, for one session; `stop` ends what is being delivered between two pieces.
    pub fn new(
        store: Arc<dyn Store>,
        vault: Arc<dyn Vault>,
        clock: Clock,
        session: SessionId,
        stop: Stop,
        egress: Egress,
    ) -> Self {
        let syncs = Arc::new(Syncs::new(clock.clone(), by_the_system()));
        let egress: Arc<dyn Fn() -> Egress + Send + Sync> = Arc::new(move || Arc::clone(&egress));
        Self { store, vault, clock, session, stop, egress, seen: Arc::default(), syncs, plans: Mutex::default() }
    }

    /// With destinations below a folder, as if that were `/`. Messages name them as they are named.
    #[must_use]
    pub fn below(self, root: Option<std::path::PathBuf>) -> Self {
        Self { seen: Arc::new(Seen::below(root)), ..self }
    }

    /// With reading at a price that may change: each claim keeps the one that holds when it begins, so that what it gives
    /// back is what it took.
    #[must_use]
    pub fn priced_by(self, egress: Arc<dyn Fn() -> Egress + Send + Sync>) -> Self {
        Self { egress, ..self }
    }

    /// With file systems synced by `call`, rather than by `syncfs`.
    #[must_use]
    pub fn synced_by(self, call: SyncCall) -> Self {
        Self { syncs: Arc::new(Syncs::new(self.clock.clone(), call)), ..self }
    }

    /// Delivers a claimed part as far as it goes, and lets go of it. Whether its plan has ended with it. An error is the
    /// state's: where the part belongs to somebody else by now, nothing of this try is left under a name of firn's.
    pub async fn deliver(&self, work: PartWork) -> Result<bool, StoreError> {
        let key = PartKey { plan: work.plan, archive: work.archive, generation: work.generation };
        let end = match self.job(&work).await? {
            Ok(job) => {
                let places = self.places(work.plan).await?;
                let there = self.delivered_before(work.plan, &places).await?;
                Claim::new(self, &work, key, job, places, there).carry_out().await?
            }
            Err(end) => end,
        };
        let ended = self.store.part_end(self.session, key, end).await?;
        if ended {
            self.seen.forget(work.plan);
            self.plans().remove(&work.plan);
        }
        Ok(ended)
    }

    fn plans(&self) -> MutexGuard<'_, HashMap<PlanId, Arc<Places>>> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Destinations of a plan. They do not change once it has been saved.
    async fn places(&self, plan: PlanId) -> Result<Arc<Places>, StoreError> {
        if let Some(places) = self.plans().get(&plan) {
            return Ok(Arc::clone(places));
        }
        let places: Arc<Places> = Arc::new(self.store.plan_places(plan).await?.into_iter().collect());
        let mut plans = self.plans();
        if plans.len() >= PLANS {
            plans.clear();
        }
        plans.insert(plan, Arc::clone(&places));
        Ok(places)
    }

    /// Whether the plan's one destination has got files before, so that it must be there. (Of several it is not known
    /// which.)
    async fn delivered_before(
        &self,
        plan: PlanId,
        places: &HashMap<DestId, crate::store::DestRow>,
    ) -> Result<bool, StoreError> {
        Ok(places.len() == 1 && self.store.plan(plan).await?.is_some_and(|plan| plan.delivered > 0))
    }

    /// The job whose output is read, or how the part ends without one.
    async fn job(&self, work: &PartWork) -> Result<Result<Job, PartEnd>, StoreError> {
        if let Some(job) = &work.retrieval {
            return Ok(match (&job.job_id, job.state) {
                (Some(id), RetrievalState::Ready) => Ok(Job { id: id.clone(), retrieval: Some(job.uuid) }),
                (_, state) => {
                    let note = job.note.as_deref().map(|note| format!(" ({})", Shown::text(note))).unwrap_or_default();
                    Err(PartEnd::AskAgain(format!("its job is {state}{note}")))
                }
            });
        }
        if self.vault.capabilities().thaw {
            let why = format!("the vault {} reads nothing without a job, and the plan has none", self.vault.name());
            return Ok(Err(PartEnd::Stopped(format!("{why}; a supplement plan asks for one"))));
        }
        let detail = self.store.archive_detail(work.uuid).await?;
        let Some(remote_id) = detail.and_then(|detail| detail.row.remote_id) else {
            let why = format!("the state does not know what the vault calls archive {}", work.uuid);
            return Ok(Err(PartEnd::Stopped(format!("{why}; a supplement plan looks for other copies"))));
        };
        let description = format!("plan {}, archive {}", work.plan, work.uuid);
        let asked = self.vault.request(JobRequest { remote_id, range: None, tier: None, description }).await;
        let stands = match asked {
            Ok(id) => self.vault.status(&id).await.map(|state| (id, state)),
            Err(e) => Err(e),
        };
        Ok(match stands {
            Ok((id, JobState::Ready { .. })) => Ok(Job { id, retrieval: None }),
            Ok((_, state)) => Err(self.later(work, format!("the vault has not made it readable: {state:?}")).await?),
            Err(e @ VaultError::NoSuch { .. }) => Err(gone(&e.to_string())),
            Err(e) => Err(self.later(work, e.to_string()).await?),
        })
    }

    /// It failed, and is tried again: the later the more often it has.
    async fn later(&self, work: &PartWork, reason: String) -> Result<PartEnd, StoreError> {
        let wait = WAITS.after(work.attempts.saturating_add(1), spread(work));
        Ok(PartEnd::Later { next_try: self.store.now().await?.plus(wait), reason, failed: true })
    }
}

/// The vault holds the archive no more.
fn gone(why: &str) -> PartEnd {
    PartEnd::Stopped(format!("{why}; a supplement plan looks for other copies"))
}

/// Parts that failed together do not try again together.
fn spread(work: &PartWork) -> u8 {
    work.uuid.0.as_bytes()[15]
}
