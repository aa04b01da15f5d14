//! The retrieval room: asks the vault for what confirmed plans need, and hears what became of it.
//!
//! One process of all that share a state does it, the holder of the duty [`DUTY`]. A job is entered in the state before the
//! request leaves, under a name of its own that goes into the job's description. Asking is not idempotent (Glacier
//! developer guide, api-initiate-job-post: each request makes another job, and is billed): a request whose reply was lost
//! is looked for among the vault's jobs by that name before it is asked again. That a job is at its end is told by a
//! message where the vault sends some, and asked for when its time is over: messages come late, twice, or not at all. What
//! a message says is never taken for how the job stands; the vault is asked. What is to be made faster: [`super::hurry`].

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::messages::{JobName, Parsed, parse};
use crate::base::backoff::Backoff;
use crate::base::clock::Mono;
use crate::base::ids::{RetrievalUuid, SessionId};
use crate::base::{Clock, Shown, Stop, Time, task};
use crate::store::{AskPart, Heard, JobAsked, PlanPartRow, RetrievalRow, RetrievalState, Store, StoreError};
use crate::vault::tariff::{InForce, tier_named};
use crate::vault::{JobRequest, JobSeen, JobState, Vault, VaultError};

/// The duty's name.
pub const DUTY: &str = "retrieval";
/// Output that lives no longer than this is not joined any more, and asked for again where work waits for it (the margin
/// that Amazon's own mover of vaults uses).
pub const MARGIN: Duration = Duration::from_hours(5);
/// An archive is asked for this often at most in one plan: once, and once again.
pub const TRIES: u32 = 2;

/// A job is looked at again no sooner than this.
const TICK: Duration = Duration::from_secs(1);
/// What [`Settings::per_second`] counts in.
const SECOND: Duration = Duration::from_secs(1);
/// Requests on their way at a time.
pub(super) const AT_ONCE: usize = 8;
/// Jobs looked at in one round.
const ROUND: u32 = 100;
/// Messages taken at a time.
const MESSAGES: usize = 10;
/// After a refusal, until it is asked for again.
pub(super) const REFUSED: Duration = Duration::from_mins(1);
/// A request that was refused is sent again so much later: the later the more often it was.
const AGAIN: Backoff = Backoff { first: REFUSED, longest: Duration::from_mins(15) };
/// A job that should be at its end is looked at so often.
const OVERDUE: Duration = Duration::from_mins(10);
/// Output that stays is looked at so often all the same.
const STAYS: Duration = Duration::from_hours(24);

/// How the room works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Jobs asked for in a second at most.
    pub per_second: u32,
    /// The tariff that jobs are paid by; read anew before anything is asked for.
    pub tariff: Arc<InForce>,
    /// Between two looks at the state.
    pub tick: Duration,
}

/// Asks and hears.
pub struct Room {
    /// The state.
    pub store: Arc<dyn Store>,
    /// The vault.
    pub vault: Arc<dyn Vault>,
    /// Time.
    pub clock: Clock,
    /// Under which it works.
    pub session: SessionId,
    /// How.
    pub settings: Settings,
}

/// Requests of the last second. (Looks may be closer together than that.)
#[derive(Debug, Default)]
struct Pace(VecDeque<(Mono, u32)>);

impl Pace {
    /// How many may leave now.
    fn left(&mut self, per_second: u32, now: Mono) -> u32 {
        while self.0.front().is_some_and(|(at, _)| now.since(*at) >= SECOND) {
            self.0.pop_front();
        }
        self.0.iter().fold(per_second, |left, (_, sent)| left.saturating_sub(*sent))
    }

    fn sent(&mut self, sent: u32, now: Mono) {
        if sent > 0 {
            self.0.push_back((now, sent));
        }
    }
}

impl Room {
    /// Works until told to stop, whenever this session holds the duty.
    pub async fn run(self: Arc<Self>, stop: Stop) -> Result<(), StoreError> {
        let mut pace = Pace::default();
        while !stop.is_stopped() {
            if let Some(duty) = self.store.duty_take(DUTY.to_owned(), self.session).await? {
                self.round(&mut pace).await?;
                if duty.last_run.is_none_or(|at| self.clock.now().since(at) >= Duration::from_mins(1)) {
                    let next = self.store.now().await?.plus(TICK);
                    self.store
                        .duty_done(DUTY.to_owned(), self.session, duty.generation, next, "looked".to_owned())
                        .await?;
                }
            }
            tokio::select! {
                biased;
                () = stop.stopped() => {}
                () = self.clock.sleep(self.settings.tick) => {}
            }
        }
        self.store.duty_release(DUTY.to_owned(), self.session).await
    }

    /// Hears, asks, looks: once. What is to be made faster is asked for first.
    async fn round(self: &Arc<Self>, pace: &mut Pace) -> Result<(), StoreError> {
        self.hear().await?;
        // What is readable at once is no job that anybody waits for; there it is a round's measure.
        let per_second = self.settings.per_second;
        let thaws = self.vault.capabilities().thaw;
        let most = if thaws { pace.left(per_second, self.clock.mono()) } else { per_second };
        let hurried = self.hurry(most).await?;
        pace.sent(hurried, self.clock.mono());
        let sent = self.ask(most.saturating_sub(hurried)).await?;
        pace.sent(sent, self.clock.mono());
        self.look().await
    }

    /// Takes messages, and looks at the jobs they are about. Those of others are left where they are.
    async fn hear(&self) -> Result<(), StoreError> {
        let Some(messages) = self.vault.messages() else { return Ok(()) };
        let received = match messages.receive(MESSAGES).await {
            Ok(received) => received,
            Err(e) => {
                tracing::warn!(error = %e, "no messages could be taken; jobs are looked at when their time is over");
                return Ok(());
            }
        };
        for message in received {
            match parse(&message.body) {
                Parsed::Ours { job, job_id, .. } => {
                    let Some(row) = self.store.retrieval(job).await? else {
                        // Another firn shares the queue.
                        continue;
                    };
                    if row.job_id.as_deref().is_some_and(|known| known != job_id.as_bytes()) {
                        tracing::warn!(%job, job_id, "a message names another job by that name; it is left alone");
                        continue;
                    }
                    if row.state == RetrievalState::Intended {
                        // The request's reply was lost; here is its name.
                        let next_look = self.store.now().await?;
                        let due = self.due(&row);
                        let heard = Heard::Taken { job_id: job_id.into_bytes(), next_look, due };
                        self.store.retrieval_heard(job, heard).await?;
                    }
                    // Done only when what it said is in the state: else it comes again.
                    if self.look_at(job).await?
                        && let Err(e) = messages.done(&message.receipt).await
                    {
                        tracing::warn!(error = %e, "a message could not be taken out of the queue; it comes again");
                    }
                }
                Parsed::Foreign(what) | Parsed::Broken(what) => tracing::debug!(what, "a message is not firn's"),
            }
        }
        Ok(())
    }

    /// Asks for what plans need, for so many parts at most. How many requests left.
    async fn ask(self: &Arc<Self>, most: u32) -> Result<u32, StoreError> {
        if most == 0 {
            return Ok(0);
        }
        let parts = self.store.parts_to_ask(most).await?;
        if parts.is_empty() {
            return Ok(0);
        }
        self.settings.tariff.renew().await;
        let mut sent = 0;
        for some in parts.chunks(AT_ONCE) {
            let tasks: Vec<_> = some
                .iter()
                .map(|part| {
                    let (room, part) = (Arc::clone(self), part.clone());
                    task::spawn(async move { room.ask_for(&part).await })
                })
                .collect();
            for asked in tasks {
                match asked.await {
                    Ok(done) => sent += u32::from(done?),
                    Err(e) => return Err(StoreError::Impossible(format!("asking for an archive failed: {e}"))),
                }
            }
        }
        if sent > 0 {
            tracing::info!(jobs = sent, "asked the vault for archives");
        }
        Ok(sent)
    }

    /// Whether a request left.
    async fn ask_for(&self, part: &PlanPartRow) -> Result<bool, StoreError> {
        let uuid = RetrievalUuid::new().map_err(|e| StoreError::Impossible(e.to_string()))?;
        let joinable_until = self.store.now().await?.plus(MARGIN);
        let ask = AskPart {
            plan: part.plan,
            archive: part.archive,
            uuid,
            price: part.part.full_price,
            tariff_hash: self.settings.tariff.get().hash(),
            joinable_until,
            most: TRIES,
        };
        match self.store.part_ask(self.session, ask).await? {
            JobAsked::New(job) => {
                self.request(&job, part.attempts).await?;
                Ok(true)
            }
            JobAsked::Joined(job) => {
                tracing::debug!(plan = %part.plan, job = %job.uuid, "joined a job");
                Ok(false)
            }
            JobAsked::Stopped(why) => {
                tracing::warn!(plan = %part.plan, archive = %part.uuid, why, "a part of a plan was stopped");
                Ok(false)
            }
            JobAsked::Nothing | JobAsked::Gone => Ok(false),
        }
    }

    /// Sends the request for a job that is entered; one of its kind was refused so often before.
    async fn request(&self, job: &RetrievalRow, refused: u32) -> Result<(), StoreError> {
        let range = self.vault.capabilities().range_jobs.then(|| job.range.clone());
        let request = JobRequest {
            remote_id: job.remote_id.clone(),
            range,
            tier: job.tier.as_deref().and_then(tier_named).flatten(),
            description: JobName { uuid: job.uuid }.to_string(),
        };
        let answer = self.vault.request(request).await;
        let now = self.store.now().await?;
        let heard = match answer {
            Ok(job_id) => {
                let next_look = self.first_look(job, now);
                let heard = Heard::Taken { job_id, next_look, due: self.due(job) };
                self.store.retrieval_heard(job.uuid, heard).await?;
                // What is readable at once need not wait for the next round.
                if next_look <= now {
                    self.look_at(job.uuid).await?;
                }
                return Ok(());
            }
            Err(e @ VaultError::JobUnknown { .. }) => {
                Heard::Still { next_look: now.plus(REFUSED), note: Some(e.to_string()) }
            }
            Err(e @ VaultError::NoSuch { .. }) => Heard::Gone(format!("{e}; a supplement plan looks for other copies")),
            Err(e) => {
                Heard::Refused { why: e.to_string(), next_try: now.plus(AGAIN.after(refused.saturating_add(1), 128)) }
            }
        };
        self.store.retrieval_heard(job.uuid, heard).await?;
        Ok(())
    }

    /// How long a job of a tier takes at most, if that is known.
    pub(super) fn slowest(&self, tier: &str) -> Option<Duration> {
        Some(self.settings.tariff.get().rates(tier_named(tier)?)?.slowest)
    }

    /// When a job that was just taken is looked at: when it should be at its end, or sooner where nothing tells of it.
    pub(super) fn first_look(&self, job: &RetrievalRow, now: Time) -> Time {
        if !self.vault.capabilities().thaw {
            return now;
        }
        let slowest = job.tier.as_deref().and_then(|tier| self.slowest(tier)).unwrap_or(OVERDUE);
        now.plus(if self.vault.messages().is_some() { slowest } else { self.every(job) })
    }

    /// When a job that was taken can be read at the latest.
    fn due(&self, job: &RetrievalRow) -> Option<Time> {
        if !self.vault.capabilities().thaw {
            return None;
        }
        Some(job.asked_at.plus(self.slowest(job.tier.as_deref()?)?))
    }

    /// How often a job is looked at of which nothing is told: the faster it is the more often, for it was dear.
    fn every(&self, job: &RetrievalRow) -> Duration {
        let slowest = job.tier.as_deref().and_then(|tier| self.slowest(tier)).unwrap_or(OVERDUE);
        (slowest / 20).clamp(TICK, OVERDUE)
    }

    /// Looks at the jobs that are due.
    async fn look(&self) -> Result<(), StoreError> {
        let due = self.store.retrievals_due(ROUND).await?;
        let lost = due.iter().any(|job| job.state == RetrievalState::Intended);
        let listed = if lost && self.vault.capabilities().lists_jobs { self.list().await } else { None };
        for job in due {
            if job.state == RetrievalState::Intended {
                self.settle(&job, listed.as_ref()).await?;
            } else {
                self.look_at(job.uuid).await?;
            }
        }
        Ok(())
    }

    /// The vault's jobs that have a name of firn's; nothing when they could not all be read.
    pub(super) async fn list(&self) -> Option<HashMap<RetrievalUuid, JobSeen>> {
        let mut found = HashMap::new();
        let mut after = None;
        loop {
            let page = match self.vault.jobs(after).await {
                Ok(page) => page,
                Err(e) => {
                    tracing::warn!(error = %e, "the vault's jobs could not be listed");
                    return None;
                }
            };
            for job in page.items {
                if let Some(name) = JobName::parse(&job.description) {
                    found.insert(name.uuid, job);
                }
            }
            after = page.next;
            if after.is_none() {
                return Some(found);
            }
        }
    }

    /// A request whose reply nobody saw: taken if the vault has its job, else not, once it can no longer take effect.
    async fn settle(
        &self,
        job: &RetrievalRow,
        listed: Option<&HashMap<RetrievalUuid, JobSeen>>,
    ) -> Result<(), StoreError> {
        let (now, caps) = (self.store.now().await?, self.vault.capabilities());
        let wait = |note: &str| Heard::Still { next_look: now.plus(REFUSED), note: Some(note.to_owned()) };
        let heard = match listed.map(|listed| listed.get(&job.uuid)) {
            Some(Some(seen)) => Heard::Taken { job_id: seen.job_id.clone(), next_look: now, due: self.due(job) },
            // Asking again costs nothing there.
            None if !caps.lists_jobs => Heard::Refused { why: "its request was interrupted".to_owned(), next_try: now },
            None => wait("whether its request reached the vault is not known: its jobs could not be listed"),
            Some(None) if now.since(job.asked_at) > caps.request_lives => {
                Heard::Refused { why: "its request did not reach the vault".to_owned(), next_try: now }
            }
            Some(None) => wait("its request was interrupted; it may still reach the vault"),
        };
        self.store.retrieval_heard(job.uuid, heard).await?;
        Ok(())
    }

    /// Asks the vault how a job stands, and writes it down. Whether that is known now.
    async fn look_at(&self, uuid: RetrievalUuid) -> Result<bool, StoreError> {
        let Some(job) = self.store.retrieval(uuid).await? else { return Ok(true) };
        let Some(job_id) = job.job_id.as_deref() else { return Ok(true) };
        if !matches!(job.state, RetrievalState::Asked | RetrievalState::Ready) {
            return Ok(true);
        }
        let answer = self.vault.status(job_id).await;
        let now = self.store.now().await?;
        let (heard, known) = match answer {
            Ok(JobState::Ready { until }) if until.is_some_and(|until| until <= now) => (Heard::Expired, true),
            Ok(JobState::Ready { until }) if job.state == RetrievalState::Asked => {
                (Heard::Ready { until, next_look: next_look(until, now) }, true)
            }
            Ok(JobState::Ready { until: Some(until) }) if until.since(now) <= MARGIN => {
                (Heard::Ending { next_look: until }, true)
            }
            Ok(JobState::Ready { until }) => (Heard::Ready { until, next_look: next_look(until, now) }, true),
            Ok(JobState::InProgress) => (Heard::Still { next_look: now.plus(self.again(&job, now)), note: None }, true),
            Ok(JobState::Failed(why)) => (Heard::Failed(Shown::text(&why).to_string()), true),
            Ok(JobState::Expired) | Err(VaultError::NoSuch { .. }) => (Heard::Expired, true),
            Err(e) => (Heard::Still { next_look: now.plus(REFUSED), note: Some(e.to_string()) }, false),
        };
        self.store.retrieval_heard(uuid, heard).await?;
        Ok(known)
    }

    /// How long a job that is not at its end is left alone.
    fn again(&self, job: &RetrievalRow, now: Time) -> Duration {
        // One that was made faster is due by its new tier.
        let due = job.due.unwrap_or_else(|| self.first_look(job, job.asked_at));
        let told = self.vault.messages().is_some() && due > now;
        if told { due.since(now).max(TICK) } else { self.every(job) }
    }
}

/// When output that can be read is looked at again: when it begins to come to its end.
fn next_look(until: Option<Time>, now: Time) -> Time {
    match until {
        None => now.plus(STAYS),
        Some(until) => until.minus(MARGIN).max(now.plus(TICK)),
    }
}
