//! What stands between firn and a vault: doubles that do one thing otherwise and ask the vault below for the rest.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use firn::base::Time;
use firn::base::disk::Room;
use firn::base::hash::Check;
use firn::base::ids::ArchiveUuid;
use firn::vault::{
    ArchiveName, Capabilities, Confirmed, Head, Item, JobRequest, JobSeen, JobState, Messages, OpenUpload, Page,
    PartBody, Put, Result, Tier, Vault,
};

/// A double of a vault: what it leaves out, the vault below does. [`Over`] makes a vault of it.
#[async_trait]
pub trait Between: Send + Sync {
    /// The vault below.
    fn below(&self) -> &dyn Vault;

    fn name(&self) -> &str {
        self.below().name()
    }

    fn place(&self) -> String {
        self.below().place()
    }

    fn capabilities(&self) -> Capabilities {
        self.below().capabilities()
    }

    async fn ready(&self) -> Result<()> {
        self.below().ready().await
    }

    async fn room(&self) -> Result<Option<Room>> {
        self.below().room().await
    }

    async fn put(&self, put: Put) -> Result<Confirmed> {
        self.below().put(put).await
    }

    async fn begin(&self, name: ArchiveName, part_size: u64) -> Result<Vec<u8>> {
        self.below().begin(name, part_size).await
    }

    async fn put_part(&self, upload_id: &[u8], number: u32, part_size: u64, body: PartBody) -> Result<Vec<u8>> {
        self.below().put_part(upload_id, number, part_size, body).await
    }

    async fn complete(&self, upload_id: &[u8], name: ArchiveName, size: u64, expect: Check) -> Result<Confirmed> {
        self.below().complete(upload_id, name, size, expect).await
    }

    async fn uploads(&self, after: Option<String>) -> Result<Page<OpenUpload>> {
        self.below().uploads(after).await
    }

    async fn abort(&self, upload_id: &[u8]) -> Result<()> {
        self.below().abort(upload_id).await
    }

    async fn head(&self, uuid: ArchiveUuid) -> Result<Head> {
        self.below().head(uuid).await
    }

    async fn request(&self, job: JobRequest) -> Result<Vec<u8>> {
        self.below().request(job).await
    }

    async fn jobs(&self, after: Option<String>) -> Result<Page<JobSeen>> {
        self.below().jobs(after).await
    }

    async fn upgrade(&self, job_id: &[u8], tier: Tier) -> Result<()> {
        self.below().upgrade(job_id, tier).await
    }

    async fn extend(&self, job_id: &[u8], until: Time) -> Result<()> {
        self.below().extend(job_id, until).await
    }

    async fn status(&self, job_id: &[u8]) -> Result<JobState> {
        self.below().status(job_id).await
    }

    async fn read(&self, job_id: &[u8], range: Range<u64>) -> Result<Vec<u8>> {
        self.below().read(job_id, range).await
    }

    async fn inventory(&self, after: Option<String>) -> Result<Page<Item>> {
        self.below().inventory(after).await
    }

    async fn delete(&self, remote_id: &[u8]) -> Result<()> {
        self.below().delete(remote_id).await
    }

    fn messages(&self) -> Option<Arc<dyn Messages>> {
        self.below().messages()
    }
}

/// The vault that a double is.
pub struct Over<B>(pub B);

#[async_trait]
impl<B: Between> Vault for Over<B> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn place(&self) -> String {
        self.0.place()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn ready(&self) -> Result<()> {
        self.0.ready().await
    }

    async fn room(&self) -> Result<Option<Room>> {
        self.0.room().await
    }

    async fn put(&self, put: Put) -> Result<Confirmed> {
        self.0.put(put).await
    }

    async fn begin(&self, name: ArchiveName, part_size: u64) -> Result<Vec<u8>> {
        self.0.begin(name, part_size).await
    }

    async fn put_part(&self, upload_id: &[u8], number: u32, part_size: u64, body: PartBody) -> Result<Vec<u8>> {
        self.0.put_part(upload_id, number, part_size, body).await
    }

    async fn complete(&self, upload_id: &[u8], name: ArchiveName, size: u64, expect: Check) -> Result<Confirmed> {
        self.0.complete(upload_id, name, size, expect).await
    }

    async fn uploads(&self, after: Option<String>) -> Result<Page<OpenUpload>> {
        self.0.uploads(after).await
    }

    async fn abort(&self, upload_id: &[u8]) -> Result<()> {
        self.0.abort(upload_id).await
    }

    async fn head(&self, uuid: ArchiveUuid) -> Result<Head> {
        self.0.head(uuid).await
    }

    async fn request(&self, job: JobRequest) -> Result<Vec<u8>> {
        self.0.request(job).await
    }

    async fn jobs(&self, after: Option<String>) -> Result<Page<JobSeen>> {
        self.0.jobs(after).await
    }

    async fn upgrade(&self, job_id: &[u8], tier: Tier) -> Result<()> {
        self.0.upgrade(job_id, tier).await
    }

    async fn extend(&self, job_id: &[u8], until: Time) -> Result<()> {
        self.0.extend(job_id, until).await
    }

    async fn status(&self, job_id: &[u8]) -> Result<JobState> {
        self.0.status(job_id).await
    }

    async fn read(&self, job_id: &[u8], range: Range<u64>) -> Result<Vec<u8>> {
        self.0.read(job_id, range).await
    }

    async fn inventory(&self, after: Option<String>) -> Result<Page<Item>> {
        self.0.inventory(after).await
    }

    async fn delete(&self, remote_id: &[u8]) -> Result<()> {
        self.0.delete(remote_id).await
    }

    fn messages(&self) -> Option<Arc<dyn Messages>> {
        self.0.messages()
    }
}
