//! The operations of [`Delays`], each one transaction.

use async_trait::async_trait;

use super::{SqliteStore, freezes, jobs, judged};
use crate::base::Time;
use crate::base::ids::{FreezeId, JobId, SessionId};
use crate::store::{
    DelaySample, Delays, DutyRow, EndJob, Forget, Forgotten, FreezeBegun, FreezeRow, JobEnded, JobRow, JobStarted,
    JudgedRow, JudgedWrite, NewEvent, NewFreeze, NewJob, NewJudged, Result,
};

#[async_trait]
impl Delays for SqliteStore {
    async fn duties_take(&self, names: Vec<String>, session: SessionId) -> Result<Vec<Option<DutyRow>>> {
        self.write(move |db| judged::duties_take(db, &names, session)).await
    }

    async fn delay_write(&self, session: SessionId, rows: Vec<NewJudged>) -> Result<Vec<JudgedWrite>> {
        self.write(move |db| rows.iter().map(|row| judged::write(db, session, row)).collect()).await
    }

    async fn judged(&self, since: Option<Time>) -> Result<Vec<JudgedRow>> {
        self.read(move |db| judged::all(db, since)).await
    }

    async fn judged_names(&self) -> Result<Vec<String>> {
        self.read(judged::names).await
    }

    async fn judged_one(&self, replica: String) -> Result<Option<JudgedRow>> {
        self.read(move |db| judged::one(db, &replica)).await
    }

    async fn judged_forget(&self, replicas: Vec<String>) -> Result<u64> {
        self.write(move |db| judged::forget(db, &replicas)).await
    }

    async fn delay_forget(&self, what: Forget, who: String) -> Result<Forgotten> {
        self.write(move |db| judged::forget_told(db, &what, &who)).await
    }

    async fn delay_samples(&self, replica: String, from: Time, to: Time, limit: u32) -> Result<Vec<DelaySample>> {
        self.read(move |db| judged::samples(db, &replica, from, to, limit)).await
    }

    async fn delay_windows(&self, replicas: Vec<(String, Time)>, limit: u32) -> Result<Vec<Vec<DelaySample>>> {
        self.read(move |db| replicas.iter().map(|(name, from)| judged::newest(db, name, *from, limit)).collect()).await
    }

    async fn delay_prune(&self, before: Time, limit: u32) -> Result<u64> {
        self.write(move |db| judged::prune(db, before, limit)).await
    }

    async fn job_start(&self, new: NewJob) -> Result<JobStarted> {
        self.write(move |db| jobs::start(db, &new)).await
    }

    async fn job_end(&self, end: EndJob) -> Result<JobEnded> {
        self.write(move |db| jobs::end(db, &end)).await
    }

    async fn jobs(&self, replica: Option<String>, ended_since: Time) -> Result<Vec<JobRow>> {
        self.read(move |db| jobs::jobs(db, replica.as_deref(), ended_since)).await
    }

    async fn jobs_ended(
        &self,
        replica: Option<String>,
        before: Option<(Time, JobId)>,
        limit: u32,
    ) -> Result<Vec<JobRow>> {
        self.read(move |db| jobs::ended(db, replica.as_deref(), before, limit)).await
    }

    async fn jobs_prune(&self, before: Time, limit: u32) -> Result<u64> {
        self.write(move |db| Ok(jobs::prune(db, before, limit)? + freezes::prune(db, before, limit)?)).await
    }

    async fn freeze_begin(&self, new: NewFreeze) -> Result<FreezeBegun> {
        self.write(move |db| freezes::begin(db, &new)).await
    }

    async fn freeze_update(
        &self,
        id: FreezeId,
        revision: u64,
        state: String,
        body: String,
        event: Option<NewEvent>,
    ) -> Result<bool> {
        self.write(move |db| freezes::change(db, id, revision, (&state, &body), event.as_ref(), false)).await
    }

    async fn freeze_end(
        &self,
        id: FreezeId,
        revision: u64,
        state: String,
        body: String,
        event: Option<NewEvent>,
    ) -> Result<bool> {
        self.write(move |db| freezes::change(db, id, revision, (&state, &body), event.as_ref(), true)).await
    }

    async fn freezes_open(&self) -> Result<Vec<FreezeRow>> {
        self.read(freezes::open).await
    }

    async fn freeze(&self, id: FreezeId) -> Result<Option<FreezeRow>> {
        self.read(move |db| freezes::one(db, id)).await
    }

    async fn freeze_list(&self, replica: String, limit: u32) -> Result<Vec<FreezeRow>> {
        self.read(move |db| freezes::list(db, &replica, limit)).await
    }
}
