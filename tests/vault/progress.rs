//! How far uploads have come is told while they are under way: by the vault for what comes whole, by its parts for what
//! does not.

use std::fs;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use firn::backup::pipe::Kinds;
use firn::backup::snapshot::Progress;
use firn::base::disk::Room;
use firn::base::hash::Check;
use firn::base::ids::ArchiveUuid;
use firn::base::sink::NoSink;
use firn::base::{Stop, Time};
use firn::store::ArchiveState;
use firn::vault::{
    ArchiveName, Capabilities, Confirmed, Head, Item, JobRequest, JobSeen, JobState, OpenUpload, Page, PartBody, Put,
    Result, Tier, Vault,
};
use tokio::sync::Semaphore;

use super::subject::body;
use super::world::{DEADLINE, World, eventually};

/// A vault that stops a quarter into what comes whole and after the first part of what does not, until it is let go.
struct Slow {
    below: Arc<dyn Vault>,
    gate: Arc<Semaphore>,
}

impl Slow {
    async fn wait(&self) {
        self.gate.acquire().await.unwrap().forget();
        // Once open, it is open for all.
        self.gate.add_permits(1);
    }
}

#[async_trait]
impl Vault for Slow {
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
        put.progress.set(put.size / 4);
        self.wait().await;
        self.below.put(put).await
    }

    async fn begin(&self, name: ArchiveName, part_size: u64) -> Result<Vec<u8>> {
        self.below.begin(name, part_size).await
    }

    async fn put_part(&self, upload_id: &[u8], number: u32, part_size: u64, body: PartBody) -> Result<Vec<u8>> {
        if number > 0 {
            self.wait().await;
        }
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
        self.below.request(job).await
    }

    async fn jobs(&self, after: Option<String>) -> Result<Page<JobSeen>> {
        self.below.jobs(after).await
    }

    async fn upgrade(&self, job_id: &[u8], tier: Tier) -> Result<()> {
        self.below.upgrade(job_id, tier).await
    }

    async fn extend(&self, job_id: &[u8], until: Time) -> Result<()> {
        self.below.extend(job_id, until).await
    }

    async fn status(&self, job_id: &[u8]) -> Result<JobState> {
        self.below.status(job_id).await
    }

    async fn read(&self, job_id: &[u8], range: Range<u64>) -> Result<Vec<u8>> {
        self.below.read(job_id, range).await
    }

    async fn inventory(&self, after: Option<String>) -> Result<Page<Item>> {
        self.below.inventory(after).await
    }

    async fn delete(&self, remote_id: &[u8]) -> Result<()> {
        self.below.delete(remote_id).await
    }
}

/// Bytes of a part of what goes straight to the vault.
const PART: u64 = 8 << 20;

/// Uploads a file of `bytes` and comes back with the progress that was told while it was held up, and the size of its
/// archive as far as it was known.
async fn told_of(bytes: usize) -> (Progress, Option<u64>) {
    let world = World::new();
    fs::write(world.path("photos/file"), body(bytes, 1)).unwrap();
    let services = world.services().await;
    let gate = Arc::new(Semaphore::new(0));
    let mut job = services.job(Kinds::all(), false, Arc::new(NoSink)).await.unwrap();
    job.vault = Arc::new(Slow { below: Arc::clone(&job.vault), gate: Arc::clone(&gate) });
    let view = job.view.clone();
    let stop = Stop::new();
    let running = firn::base::task::spawn(Arc::new(job).run(stop.clone()));
    let told = eventually("the upload is told in the state", || async {
        let bundles = services.snapshot().await.unwrap().bundles;
        let upload = bundles.into_iter().find(|bundle| bundle.row.state == ArchiveState::Uploading)?;
        upload.progress.filter(|progress| progress.done > 0).map(|progress| (progress, upload.row.size))
    })
    .await;
    gate.add_permits(1);
    eventually("all is stored, and nothing moves any more", || async {
        let stored = services.snapshot().await.unwrap().stored.files;
        (stored == 1 && view.glance().is_some_and(|glance| glance.bundles.is_empty())).then_some(())
    })
    .await;
    stop.stop();
    tokio::time::timeout(DEADLINE, running).await.expect("it ends when told").unwrap().unwrap();
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_whole_tells_how_far_it_has_come() {
    let (progress, size) = told_of(100_000).await;
    let size = size.expect("it is complete");
    assert_eq!((progress.done, progress.of), (size / 4, size));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_parts_tells_how_far_it_has_come() {
    // Too large to be staged.
    let (progress, size) = told_of(20 << 20).await;
    assert_eq!((progress.done, size), (PART, None));
    assert!((20 << 20..21 << 20).contains(&progress.of), "known but for the manifest: {progress:?}");
}
