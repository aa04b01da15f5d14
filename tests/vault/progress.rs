//! How far uploads have come is told while they are under way: by the vault for what comes whole, by its parts for what
//! does not.

use std::fs;
use std::sync::Arc;

use async_trait::async_trait;
use firn::backup::pipe::Kinds;
use firn::backup::snapshot::Progress;
use firn::base::Stop;
use firn::base::sink::NoSink;
use firn::store::ArchiveState;
use firn::vault::{Confirmed, PartBody, Put, Result, Vault};
use tokio::sync::Semaphore;

use super::subject::body;
use super::support::between::{Between, Over};
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
impl Between for Slow {
    fn below(&self) -> &dyn Vault {
        &*self.below
    }

    async fn put(&self, put: Put) -> Result<Confirmed> {
        put.progress.set(put.size / 4);
        self.wait().await;
        self.below.put(put).await
    }

    async fn put_part(&self, upload_id: &[u8], number: u32, part_size: u64, body: PartBody) -> Result<Vec<u8>> {
        if number > 0 {
            self.wait().await;
        }
        self.below.put_part(upload_id, number, part_size, body).await
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
    job.vault = Arc::new(Over(Slow { below: Arc::clone(&job.vault), gate: Arc::clone(&gate) }));
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
