//! The way to an emulated Glacier, on which requests for archives go astray.

use std::future::pending;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use firn::base::Time;
use firn::base::disk::Room;
use firn::base::hash::Check;
use firn::base::ids::ArchiveUuid;
use firn::vault::fake::FakeVault;
use firn::vault::{
    ArchiveName, Capabilities, Confirmed, Head, Item, JobRequest, JobSeen, JobState, Messages, OpenUpload, Page,
    PartBody, Put, Result, Tier, Vault, VaultError,
};

/// Called with each job request before it goes on, and with the id after.
pub type Heard = Box<dyn Fn(&JobRequest, Option<&[u8]>) + Send + Sync>;

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Astray {
    /// To the vault, and its answer comes back.
    #[default]
    Not,
    /// To the vault; the answer never comes.
    Back,
    /// Nowhere; there is no answer, ever.
    There,
}

/// What goes astray.
#[derive(Default)]
pub struct Ways {
    /// So many requests are lost before they arrive: they have no effect, and nobody knows that.
    pub lost: AtomicU32,
    /// What becomes of requests to make a job faster.
    pub faster: Mutex<Astray>,
    /// How many of those went out.
    pub asked_faster: AtomicU32,
    /// Who listens.
    pub heard: Mutex<Option<Heard>>,
    /// A call of that name falls over, once.
    pub falls: Mutex<Option<&'static str>>,
}

impl Ways {
    fn call(&self, name: &'static str) {
        let falls = self.falls.lock().unwrap().take_if(|falls| *falls == name).is_some();
        assert!(!falls, "the {name} fell over");
    }
}

/// A door, and the way to it.
pub struct Door {
    below: FakeVault,
    ways: Arc<Ways>,
}

impl Door {
    pub fn new(below: FakeVault, ways: Arc<Ways>) -> Self {
        Self { below, ways }
    }

    fn tell(&self, job: &JobRequest, id: Option<&[u8]>) {
        if let Some(heard) = self.ways.heard.lock().unwrap().as_ref() {
            heard(job, id);
        }
    }
}

#[async_trait]
impl Vault for Door {
    fn name(&self) -> &str {
        self.below.name()
    }

    fn place(&self) -> String {
        self.below.place()
    }

    fn capabilities(&self) -> Capabilities {
        self.below.capabilities()
    }

    async fn ready(&self) -> Result<()> {
        self.below.ready().await
    }

    async fn room(&self) -> Result<Option<Room>> {
        self.below.room().await
    }

    async fn put(&self, put: Put) -> Result<Confirmed> {
        self.below.put(put).await
    }

    async fn begin(&self, name: ArchiveName, part_size: u64) -> Result<Vec<u8>> {
        self.below.begin(name, part_size).await
    }

    async fn put_part(&self, upload_id: &[u8], number: u32, part_size: u64, body: PartBody) -> Result<Vec<u8>> {
        self.below.put_part(upload_id, number, part_size, body).await
    }

    async fn complete(&self, upload_id: &[u8], name: ArchiveName, size: u64, expect: Check) -> Result<Confirmed> {
        self.below.complete(upload_id, name, size, expect).await
    }

    async fn uploads(&self, after: Option<String>) -> Result<Page<OpenUpload>> {
        self.below.uploads(after).await
    }

    async fn abort(&self, upload_id: &[u8]) -> Result<()> {
        self.below.abort(upload_id).await
    }

    async fn head(&self, uuid: ArchiveUuid) -> Result<Head> {
        self.below.head(uuid).await
    }

    async fn request(&self, job: JobRequest) -> Result<Vec<u8>> {
        let lost = |n: u32| n.checked_sub(1);
        if self.ways.lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lost).is_ok() {
            let detail = "the connection was reset".to_owned();
            return Err(VaultError::JobUnknown { vault: self.name().to_owned(), description: job.description, detail });
        }
        self.tell(&job, None);
        let answer = self.below.request(job.clone()).await;
        self.tell(&job, answer.as_deref().ok());
        answer
    }

    async fn jobs(&self, after: Option<String>) -> Result<Page<JobSeen>> {
        self.below.jobs(after).await
    }

    async fn upgrade(&self, job_id: &[u8], tier: Tier) -> Result<()> {
        self.ways.asked_faster.fetch_add(1, Ordering::SeqCst);
        let astray = *self.ways.faster.lock().unwrap();
        if astray == Astray::There {
            return pending().await;
        }
        let answer = self.below.upgrade(job_id, tier).await;
        if astray == Astray::Back { pending().await } else { answer }
    }

    async fn extend(&self, job_id: &[u8], until: Time) -> Result<()> {
        self.below.extend(job_id, until).await
    }

    async fn status(&self, job_id: &[u8]) -> Result<JobState> {
        self.ways.call("status");
        self.below.status(job_id).await
    }

    async fn read(&self, job_id: &[u8], range: Range<u64>) -> Result<Vec<u8>> {
        self.ways.call("read");
        self.below.read(job_id, range).await
    }

    async fn inventory(&self, after: Option<String>) -> Result<Page<Item>> {
        self.below.inventory(after).await
    }

    async fn delete(&self, remote_id: &[u8]) -> Result<()> {
        self.below.delete(remote_id).await
    }

    fn messages(&self) -> Option<Arc<dyn Messages>> {
        self.below.messages()
    }
}
