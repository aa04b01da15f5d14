//! The way in that firn uses: the vault's contract over the [`Core`], in this process, with the time that requests take.
//!
//! It is a client as one over the network is: it computes firn's own tree hash of what it sends, compares what it is
//! answered, and knows of an archive only what it was told. The service does not know archives by firn's names, so
//! whether it holds one is read from its inventory, which is a day old ([`FakeVault::head`]).

mod answers;
mod inbox;
mod known;
mod sending;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use self::known::Known;
use super::core::{Core, Inventory, Op};
use super::draw::Draw;
use super::hash::MIB;
use super::jobs::{JOBS_ON_A_PAGE, JobFilter, Retrieval};
use super::refusal::Refusal;
use super::shelf::Shelf;
use super::uploads::{LARGEST_PART, PART_LIMIT};
use crate::base::disk::Room;
use crate::base::hash::{Check, CheckKind};
use crate::base::ids::ArchiveUuid;
use crate::base::task;
use crate::base::{Clock, Time};
use crate::vault::tree::{LEAF, Tree, leaf};
use crate::vault::{
    ArchiveName, Capabilities, Confirmed, Head, Item, JobRequest, JobSeen, JobState, Messages, OpenUpload, Page,
    PartBody, PartRules, Progress, Put, Result, Tier, Vault, VaultError,
};

/// Items on a page of uploads or of the inventory.
const PAGE: usize = 50;
/// A request that has not taken effect after so long will not.
const REQUEST_LIVES: Duration = Duration::from_mins(15);
/// The progress of one transfer is told in so many steps at most.
const STEPS: u64 = 16;

/// A vault at the service, and where its bytes lie: what all doors to it share.
#[derive(Debug)]
pub struct Glacier {
    core: Mutex<Core>,
    shelf: Shelf,
}

impl Glacier {
    /// A vault with its bytes on `shelf`.
    pub fn new(core: Core, shelf: Shelf) -> Arc<Self> {
        Arc::new(Self { core: Mutex::new(core), shelf })
    }

    /// The state machine. It is not to be held across a wait.
    pub fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where its bytes lie.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }
}

/// How long requests take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Each request.
    pub base: Duration,
    /// Bytes that one connection carries a second; nothing: they take no time.
    pub bytes_per_second: Option<u64>,
    /// Up to so many per cent are added, drawn for each request, so that no two end at one time.
    pub jitter_percent: u32,
    /// Archives larger than this are put in parts, bytes.
    pub parts_above: u64,
}

impl Default for Link {
    /// No time at all; parts above 100 MiB, as the service advises.
    fn default() -> Self {
        Self { base: Duration::ZERO, bytes_per_second: None, jitter_percent: 0, parts_above: 100 * MIB }
    }
}

/// A door to a [`Glacier`].
#[derive(Debug, Clone)]
pub struct FakeVault(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    clock: Clock,
    glacier: Arc<Glacier>,
    link: Link,
    known: Known,
    /// Bytes that have been sent, of all requests.
    sent: AtomicU64,
}

impl FakeVault {
    /// The vault `name`, by the time of `clock`.
    pub fn new(name: impl Into<String>, clock: Clock, glacier: Arc<Glacier>, link: Link) -> Self {
        let known = Known::since(clock.now());
        Self(Arc::new(Inner { name: name.into(), clock, glacier, link, known, sent: AtomicU64::new(0) }))
    }

    /// Bytes that this door has sent so far.
    pub fn sent_bytes(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// Runs file work where it may block.
    async fn blocking<T: Send + 'static>(&self, op: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        let inner = Arc::clone(&self.0);
        let name = inner.name.clone();
        let done = task::blocking(move || op(&inner)).await;
        done.unwrap_or_else(|e| Err(VaultError::Internal { vault: name, detail: e.to_string() }))
    }

    /// A request without a body.
    async fn ask<T>(
        &self,
        op: Op,
        subject: &str,
        request: impl FnOnce(&mut Core, Time) -> std::result::Result<T, Refusal>,
    ) -> Result<T> {
        self.0.carry(op, subject, 0, |_| {}).await;
        self.0.now(request).map_err(|refusal| self.0.refused(refusal))
    }
}

impl Inner {
    /// A request to the service as it stands now.
    fn now<T>(
        &self,
        request: impl FnOnce(&mut Core, Time) -> std::result::Result<T, Refusal>,
    ) -> std::result::Result<T, Refusal> {
        request(&mut self.glacier.core(), self.clock.now())
    }

    /// The time that a request takes; `moved` hears of the bytes on the way. No two requests end at one time, but where
    /// the link takes none.
    async fn carry(&self, op: Op, subject: &str, bytes: u64, moved: impl Fn(u64) + Send + Sync) {
        let byte_time = match self.link.bytes_per_second {
            Some(rate) => {
                let micros = u128::from(bytes) * 1_000_000 / u128::from(rate.max(1));
                Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
            }
            None => Duration::ZERO,
        };
        let usual = self.link.base.saturating_add(byte_time);
        if usual.is_zero() {
            moved(bytes);
            return;
        }
        let (seed, turn) = {
            let core = self.glacier.core();
            (core.rules().seed, core.turns(op, subject))
        };
        let more = usual.saturating_mul(self.link.jitter_percent) / 100;
        let usual = usual.saturating_add(
            Draw::new(seed, &["latency", op.word(), subject], u64::from(turn)).between(Duration::ZERO, more),
        );
        let steps = bytes.div_ceil(MIB).clamp(1, STEPS);
        let step = usual / u32::try_from(steps).unwrap_or(1);
        for n in 1..=steps {
            let slow = self.glacier.core().rules().weather.slowness(self.clock.now());
            // What does not divide evenly is waited for at the end.
            let span = if n == steps { usual.saturating_sub(step * u32::try_from(n - 1).unwrap_or(0)) } else { step };
            self.clock.sleep(span.saturating_mul(slow)).await;
            moved(bytes * n / steps - bytes * (n - 1) / steps);
        }
    }

    /// Bytes have been sent. Whoever counts them counts them here.
    fn account(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    fn inventory(&self, after: Option<&str>) -> Result<Page<Item>> {
        let (newest, next) = self.newest();
        let Some(inventory) = newest else {
            return Err(self.not_possible(format!("it has not been listed yet; that is done first at {next}")));
        };
        // A page's place names its inventory: pages of two do not make one list.
        let stamp = inventory.taken.as_micros().to_string();
        let from = match after.map(|after| after.split_once(' ')) {
            None => 0,
            Some(Some((taken, at))) if taken == stamp => {
                at.parse().map_err(|_| self.not_possible("the inventory has no such page".to_owned()))?
            }
            Some(Some(_)) => {
                let detail = format!("a newer inventory was taken at {}; read it from its beginning", inventory.taken);
                return Err(self.not_possible(detail));
            }
            Some(None) => return Err(self.not_possible("the inventory has no such page".to_owned())),
        };
        let items = inventory.archives.iter().skip(from).take(PAGE).map(|listed| {
            match ArchiveName::parse(&listed.description) {
                Some(name) => {
                    Item::Archive { name, remote_id: listed.archive_id.as_bytes().to_vec(), size: listed.size }
                }
                None => Item::Foreign(listed.archive_id.as_bytes().to_vec()),
            }
        });
        let items: Vec<Item> = items.collect();
        let to = from.saturating_add(items.len());
        let next = (to < inventory.archives.len()).then(|| format!("{stamp} {to}"));
        Ok(Page { items, next })
    }

    /// The newest inventory, and when the next is taken.
    fn newest(&self) -> (Option<Arc<Inventory>>, Time) {
        let (mut core, now) = (self.glacier.core(), self.clock.now());
        (core.last_inventory(now), core.next_inventory(now))
    }
}

#[async_trait]
impl Vault for FakeVault {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn place(&self) -> String {
        "an emulated Glacier vault in this process".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        let (lag, upgrade) = {
            let core = self.0.glacier.core();
            (core.rules().inventory_every, core.rules().upgrade)
        };
        Capabilities {
            kind: "glacier",
            check: CheckKind::TreeHash,
            refuses_wrong_hash: true,
            thaw: true,
            range_jobs: true,
            tiers: &[Tier::Expedited, Tier::Standard, Tier::Bulk],
            upgrade,
            extend: false,
            lists_jobs: true,
            idempotent_put: false,
            minimum_age: Duration::from_hours(90 * 24),
            parts: PartRules { smallest: MIB, largest: LARGEST_PART, most: PART_LIMIT },
            archive_size: (1, PART_LIMIT * LARGEST_PART),
            request_lives: REQUEST_LIVES,
            inventory_lag: lag,
        }
    }

    async fn ready(&self) -> Result<()> {
        self.ask(Op::Describe, "", Core::describe).await
    }

    async fn room(&self) -> Result<Option<Room>> {
        Ok(None)
    }

    async fn put(&self, put: Put) -> Result<Confirmed> {
        let stated = self.0.tree_hash(put.expect)?;
        let _under_way = self.0.known.begin(put.name.uuid, &self.0.clock);
        if put.size > self.0.link.parts_above {
            self.put_in_parts(put, stated).await
        } else {
            self.put_whole(put, stated).await
        }
    }

    async fn begin(&self, name: ArchiveName, part_size: u64) -> Result<Vec<u8>> {
        let description = name.to_string();
        let begin = |core: &mut Core, now| core.initiate_upload(now, &description, part_size);
        Ok(self.ask(Op::Initiate, &description, begin).await?.as_bytes().to_vec())
    }

    async fn put_part(&self, upload_id: &[u8], number: u32, part_size: u64, body: PartBody) -> Result<Vec<u8>> {
        let start = u64::from(number).saturating_mul(part_size);
        let laid = self.blocking(move |inner| {
            let bytes = (*body).as_ref();
            let mut tree = Tree::new();
            bytes.chunks(LEAF).for_each(|piece| tree.push(leaf(piece)));
            let body = inner.glacier.shelf.lay(bytes);
            let body = body.map_err(|source| VaultError::Disk { vault: inner.name.clone(), source })?;
            Ok((body, tree.root()))
        });
        let (body, hash) = laid.await?;
        // Whoever sends parts counts those that are there.
        let hash = self.send_part(upload_id, start, body, hash, &Progress::default()).await?;
        Ok(hash.to_string().into_bytes())
    }

    async fn complete(&self, upload_id: &[u8], name: ArchiveName, size: u64, expect: Check) -> Result<Confirmed> {
        let stated = self.0.tree_hash(expect)?;
        let id = self.0.text(upload_id, "upload")?;
        let _under_way = self.0.known.begin(name.uuid, &self.0.clock);
        self.0.carry(Op::Complete, id, 0, |_| {}).await;
        let done = self.0.now(|core, now| core.complete_upload(now, id, size, stated));
        self.0.confirmed(name.uuid, stated, done)
    }

    async fn uploads(&self, after: Option<String>) -> Result<Page<OpenUpload>> {
        let list = |core: &mut Core, now| core.list_uploads(now, after.as_deref(), PAGE);
        let (page, next) = self.ask(Op::Uploads, after.as_deref().unwrap_or(""), list).await?;
        let open = page.into_iter().map(|view| OpenUpload {
            upload_id: view.upload_id.as_bytes().to_vec(),
            uuid: ArchiveName::parse(&view.description).map(|name| name.uuid),
            size: view.size,
        });
        Ok(Page { items: open.collect(), next: next.map(|next| next.to_string()) })
    }

    async fn abort(&self, upload_id: &[u8]) -> Result<()> {
        let id = self.0.text(upload_id, "upload")?;
        self.ask(Op::Abort, id, |core, now| core.abort_upload(now, id)).await
    }

    /// The service knows archives by its own ids alone: whether it holds one of this name is read from its newest
    /// inventory. One that lists it says so; one that does not is final when it was taken after the last request
    /// about the archive could take effect. Requests of other processes are taken to have ended when this door was made.
    async fn head(&self, uuid: ArchiveUuid) -> Result<Head> {
        self.0.carry(Op::Describe, &uuid.to_string(), 0, |_| {}).await;
        let (newest, next) = self.0.newest();
        Ok(self.0.known.head(uuid, newest.as_ref(), next))
    }

    async fn request(&self, job: JobRequest) -> Result<Vec<u8>> {
        let archive_id = self.0.text(&job.remote_id, "archive")?.to_owned();
        let JobRequest { range, tier, description, .. } = job;
        let asked = Retrieval { archive_id, range, tier, description };
        self.0.carry(Op::Job, &asked.archive_id, 0, |_| {}).await;
        match self.0.now(|core, now| core.initiate_retrieval(now, &asked)) {
            Ok(id) => Ok(id.as_bytes().to_vec()),
            Err(refusal @ Refusal::NoReply) => {
                let (vault, detail) = (self.0.name.clone(), refusal.to_string());
                Err(VaultError::JobUnknown { vault, description: asked.description, detail })
            }
            Err(refusal) => Err(self.0.refused(refusal)),
        }
    }

    async fn jobs(&self, after: Option<String>) -> Result<Page<JobSeen>> {
        let list = |core: &mut Core, now| core.list_jobs(now, JobFilter::default(), after.as_deref(), JOBS_ON_A_PAGE);
        let (page, next) = self.ask(Op::Jobs, after.as_deref().unwrap_or(""), list).await?;
        // Jobs of inventories are not retrievals of archives.
        let items = page.into_iter().filter_map(answers::seen).collect();
        Ok(Page { items, next: next.map(|next| next.to_string()) })
    }

    async fn upgrade(&self, job_id: &[u8], tier: Tier) -> Result<()> {
        let id = self.0.text(job_id, "job")?;
        self.0.carry(Op::Upgrade, id, 0, |_| {}).await;
        let vault = || self.0.name.clone();
        self.0.now(|core, now| core.upgrade_job(now, id, tier)).map_err(|refusal| match refusal {
            Refusal::NotFaster(tier) => VaultError::NotFaster { vault: vault(), tier },
            Refusal::NoReply => VaultError::FasterUnknown { vault: vault(), detail: refusal.to_string() },
            other => self.0.refused(other),
        })
    }

    async fn extend(&self, job_id: &[u8], _until: Time) -> Result<()> {
        // A job that is not there is said to be so.
        self.status(job_id).await?;
        Err(self.0.not_possible("what was retrieved is kept for a day; ask for the archive again".to_owned()))
    }

    async fn status(&self, job_id: &[u8]) -> Result<JobState> {
        let id = self.0.text(job_id, "job")?;
        self.0.carry(Op::Status, id, 0, |_| {}).await;
        match self.0.now(|core, now| core.describe_job(now, id)) {
            Ok(job) => Ok(answers::state(job.phase)),
            Err(Refusal::JobGone { .. }) => Ok(JobState::Expired),
            Err(refusal) => Err(self.0.refused(refusal)),
        }
    }

    async fn read(&self, job_id: &[u8], range: Range<u64>) -> Result<Vec<u8>> {
        let id = self.0.text(job_id, "job")?;
        let bytes = range.clone();
        let output = self.0.now(|core, now| core.job_output(now, id, bytes));
        let output = output.map_err(|refusal| self.0.refused(refusal))?;
        self.0.carry(Op::Output, id, output.sent, |_| {}).await;
        let wanted = range.end.saturating_sub(range.start);
        if output.sent < wanted {
            let (vault, start, got) = (self.0.name.clone(), range.start, output.sent);
            return Err(VaultError::CutShort { vault, start, got, wanted });
        }
        self.blocking(move |inner| {
            let mut bytes = Vec::new();
            for (body, range) in &output.pieces {
                let read = body.read_into(&mut bytes, range.clone());
                read.map_err(|source| VaultError::Disk { vault: inner.name.clone(), source })?;
            }
            output.spoil(&mut bytes);
            let mut tree = Tree::new();
            bytes.chunks(LEAF).for_each(|piece| tree.push(leaf(piece)));
            match output.hash {
                Some(hash) if hash != tree.root() => {
                    let (expected, found) = (Check::TreeHash(hash), Check::TreeHash(tree.root()));
                    Err(VaultError::OutputMismatch { vault: inner.name.clone(), range, expected, found })
                }
                _ => Ok(bytes),
            }
        })
        .await
    }

    async fn inventory(&self, after: Option<String>) -> Result<Page<Item>> {
        self.0.carry(Op::Describe, "inventory", 0, |_| {}).await;
        self.0.inventory(after.as_deref())
    }

    async fn delete(&self, remote_id: &[u8]) -> Result<()> {
        let id = self.0.text(remote_id, "archive")?;
        let done = self.ask(Op::Delete, id, |core, now| core.delete(now, id)).await;
        // An answer that was lost may be that it is gone.
        self.0.known.deleted(remote_id, self.0.clock.now());
        done
    }

    fn messages(&self) -> Option<Arc<dyn Messages>> {
        let told = self.0.glacier.core().rules().topic.is_some();
        told.then(|| Arc::new(self.clone()) as Arc<dyn Messages>)
    }
}
