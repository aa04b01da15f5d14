//! Operations on delayed replicas: what is seen and judged of them, jobs that hold them up, and those that were stopped
//! in an emergency.

use async_trait::async_trait;

use super::{
    DelaySample, DutyRow, EndJob, Forget, Forgotten, FreezeBegun, FreezeRow, JobEnded, JobRow, JobStarted, JudgedRow,
    JudgedWrite, NewEvent, NewFreeze, NewJob, NewJudged, Result,
};
use crate::base::Time;
use crate::base::ids::{FreezeId, JobId, SessionId};

/// The state database, as far as delayed replicas go.
#[async_trait]
pub trait Delays: Send + Sync {
    // --- what is seen and judged ----------------------------------------------------------------------------------

    /// Takes or keeps many duties: for each, in the same order, what [`super::Store::duty_take`] answers.
    async fn duties_take(&self, names: Vec<String>, session: SessionId) -> Result<Vec<Option<DutyRow>>>;
    /// Writes samples and verdicts, for each row all or nothing of it: what became of each, in the same order. Texts that
    /// are too long are cut.
    async fn delay_write(&self, session: SessionId, rows: Vec<NewJudged>) -> Result<Vec<JudgedWrite>>;
    /// What the judge says of all replicas, by name; with `since` of those that were written then or later (the largest
    /// `written` that was seen gives what has changed since, and that row once more).
    async fn judged(&self, since: Option<Time>) -> Result<Vec<JudgedRow>>;
    /// The names of all that the judge says something of, in order.
    async fn judged_names(&self) -> Result<Vec<String>>;
    /// What the judge says of one.
    async fn judged_one(&self, replica: String) -> Result<Option<JudgedRow>>;
    /// Drops what is kept of replicas that are watched no more; how many there were. Their samples go with age.
    async fn judged_forget(&self, replicas: Vec<String>) -> Result<u64>;
    /// Forgets what is told of a replica or a heartbeat that is no more: verdicts and open findings (whose scopes are
    /// called as the duties are). A whole one that a live session works on is left; of a channel the session that works on
    /// it learns by [`JudgedWrite::Forgotten`]. Leaves an event.
    async fn delay_forget(&self, what: Forget, who: String) -> Result<Forgotten>;
    /// Samples of a replica from a time to another, both included, oldest first: at most `limit`. The next page begins a
    /// microsecond after the last one.
    async fn delay_samples(&self, replica: String, from: Time, to: Time, limit: u32) -> Result<Vec<DelaySample>>;
    /// The same of many, each from its own time on, all read at one instant: for each the newest `limit`, oldest first.
    async fn delay_windows(&self, replicas: Vec<(String, Time)>, limit: u32) -> Result<Vec<Vec<DelaySample>>>;
    /// Drops samples from before that time, at most `limit` of them; how many. Fewer than `limit`: there are no more.
    async fn delay_prune(&self, before: Time, limit: u32) -> Result<u64>;

    // --- jobs -----------------------------------------------------------------------------------------------------

    /// Enters a job that begins, unless one of its class runs there. Leaves an event.
    async fn job_start(&self, new: NewJob) -> Result<JobStarted>;
    /// Enters the end of a job. Leaves an event.
    async fn job_end(&self, end: EndJob) -> Result<JobEnded>;
    /// Jobs that run, and those that ended at that time or later, of one replica or of all, by their start. For spans
    /// that hold few, such as a recovery window; [`Delays::jobs_ended`] has pages.
    async fn jobs(&self, replica: Option<String>, ended_since: Time) -> Result<Vec<JobRow>>;
    /// Jobs that have ended, of one replica or of all, the last to end first: after a place (end, number), at most
    /// `limit`.
    async fn jobs_ended(
        &self,
        replica: Option<String>,
        before: Option<(Time, JobId)>,
        limit: u32,
    ) -> Result<Vec<JobRow>>;
    /// Drops jobs and freezes that ended before that time, at most `limit` of each; how many.
    async fn jobs_prune(&self, before: Time, limit: u32) -> Result<u64>;

    // --- replicas stopped in an emergency -------------------------------------------------------------------------

    /// Begins a freeze, unless the replica has one that has not ended. Leaves an event. [`super::StoreError::TooLarge`]
    /// when its body is.
    async fn freeze_begin(&self, new: NewFreeze) -> Result<FreezeBegun>;
    /// Changes an open freeze, if it still has that revision: whether it did. What an operator, or the worker, did is left
    /// as an event with it.
    async fn freeze_update(
        &self,
        id: FreezeId,
        revision: u64,
        state: String,
        body: String,
        event: Option<NewEvent>,
    ) -> Result<bool>;
    /// Ends an open freeze the same way.
    async fn freeze_end(
        &self,
        id: FreezeId,
        revision: u64,
        state: String,
        body: String,
        event: Option<NewEvent>,
    ) -> Result<bool>;
    /// Freezes that have not ended, the oldest first: one a replica at most.
    async fn freezes_open(&self) -> Result<Vec<FreezeRow>>;
    /// One freeze.
    async fn freeze(&self, id: FreezeId) -> Result<Option<FreezeRow>>;
    /// Freezes of a replica, the newest first: at most `limit`.
    async fn freeze_list(&self, replica: String, limit: u32) -> Result<Vec<FreezeRow>>;
}
