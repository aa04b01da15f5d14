//! The way to an emulated Glacier, on which requests for archives go astray.

use std::future::pending;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use firn::vault::fake::FakeVault;
use firn::vault::{JobRequest, JobState, Result, Tier, Vault, VaultError};

use crate::support::between::Between;

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
impl Between for Door {
    fn below(&self) -> &dyn Vault {
        &self.below
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

    async fn upgrade(&self, job_id: &[u8], tier: Tier) -> Result<()> {
        self.ways.asked_faster.fetch_add(1, Ordering::SeqCst);
        let astray = *self.ways.faster.lock().unwrap();
        if astray == Astray::There {
            return pending().await;
        }
        let answer = self.below.upgrade(job_id, tier).await;
        if astray == Astray::Back { pending().await } else { answer }
    }

    async fn status(&self, job_id: &[u8]) -> Result<JobState> {
        self.ways.call("status");
        self.below.status(job_id).await
    }

    async fn read(&self, job_id: &[u8], range: Range<u64>) -> Result<Vec<u8>> {
        self.ways.call("read");
        self.below.read(job_id, range).await
    }
}
