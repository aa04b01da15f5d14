//! Operations on plans and retrieval jobs. A plan is put together as a draft, saved with its price and its hash, confirmed
//! by one compare-and-set that sets its ceiling aside, and then carried out part by part (one archive each) by whoever
//! comes: each part is claimed under a session, each file's outcome is a row.

use async_trait::async_trait;

use super::{
    AskPart, CancelledPlan, Confirm, Confirmed, FileOutcome, Heard, Hurried, HurryHeard, HurryPlan, HurryStep,
    JobAsked, NewDest, NewPart, NewPlan, NewRestore, PartEnd, PartFile, PartWork, PlanPartRow, PlanRow, PlanTotals,
    PlannedFile, RestoreRow, Result, RetrievalRow, Used, UsedDays,
};
use crate::base::ids::{ArchiveId, DestId, Generation, PlanId, RetrievalUuid, SessionId};
use crate::base::{Money, Time};

/// A place among the files of a plan: archive, offset, number.
pub type RestorePlace = (ArchiveId, u64, u64);

/// The state database, as far as restores go.
#[async_trait]
pub trait Restores: Send + Sync {
    // --- putting a plan together ----------------------------------------------------------------------------------

    /// Begins a draft.
    async fn plan_begin(&self, new: NewPlan) -> Result<PlanId>;
    /// Numbers of its destinations, entered on first sight.
    async fn plan_dests(&self, plan: PlanId, dests: Vec<NewDest>) -> Result<Vec<DestId>>;
    /// Adds files to a draft; the numbers of those that were not added, since another file of the plan goes to their place.
    /// One that is in an archive is a version of a file; one that is in none has a reason.
    async fn plan_add(&self, plan: PlanId, files: Vec<NewRestore>) -> Result<Vec<u64>>;
    /// Files of a plan that an archive has, in order of archive, offset and number: after a place, at most `limit`.
    async fn plan_files(&self, plan: PlanId, after: Option<RestorePlace>, limit: u32) -> Result<Vec<PlannedFile>>;
    /// Jobs of these archives that can be joined: asked for, or readable until `until` at least.
    async fn joinable(&self, vault: String, archives: Vec<ArchiveId>, until: Time) -> Result<Vec<RetrievalRow>>;
    /// Throws a draft's parts away, to be added anew for another tier; a plan that is saved becomes a draft again. The number
    /// of the pricing that begins so, which overtakes the one before; nothing when it is neither. A new draft has 0.
    async fn plan_unpriced(&self, plan: PlanId) -> Result<Option<Generation>>;
    /// Adds parts to a draft. What is asked for covers what is needed. Whether that pricing is still the newest; else
    /// nothing is added.
    async fn plan_parts(&self, plan: PlanId, pricing: Generation, parts: Vec<NewPart>) -> Result<bool>;
    /// Saves a draft: it can be confirmed from now on. Whether it was a draft, and that pricing the newest. Each archive
    /// that has files of it needs a part, and its ceiling is not below its price.
    async fn plan_save(&self, plan: PlanId, pricing: Generation, totals: PlanTotals) -> Result<bool>;
    /// Confirms a plan: one compare-and-set, and its ceiling is reserved in the ledger. The shares of the days must sum to
    /// it.
    async fn plan_confirm(&self, confirm: Confirm) -> Result<Confirmed>;
    /// Throws away what was never confirmed. Whether it was there to be thrown away.
    async fn plan_drop(&self, plan: PlanId) -> Result<bool>;
    /// Stops a plan. What is in the vault's hands goes on there; what has been delivered stays.
    async fn plan_cancel(&self, plan: PlanId, who: String) -> Result<CancelledPlan>;
    /// Drops drafts and plans that were made before `before` and never confirmed, and removes files and parts of dropped
    /// ones, at most `limit` rows. How many rows.
    async fn plan_prune(&self, before: Time, limit: u32) -> Result<u64>;

    /// Archives that a vault took from `from` on and before `to`, the newest first: those taken before `before`, at most
    /// `limit`, each with when it was.
    async fn archives_between(
        &self,
        from: Time,
        to: Time,
        before: Option<(Time, ArchiveId)>,
        limit: u32,
    ) -> Result<Vec<(ArchiveId, Time)>>;

    // --- looking --------------------------------------------------------------------------------------------------

    /// A plan.
    async fn plan(&self, plan: PlanId) -> Result<Option<PlanRow>>;
    /// Plans, the newest first, with numbers below `before`: at most `limit`. Without those that were dropped.
    async fn plans(&self, before: Option<PlanId>, limit: u32) -> Result<Vec<PlanRow>>;
    /// Plans that left files undelivered, that run or have ended since `ended`, and that no confirmed plan takes up: the
    /// running ones first, then those that ended last; at most `limit` of each.
    async fn plans_undelivered(&self, ended: Time, limit: u32) -> Result<Vec<PlanRow>>;
    /// Parts of a plan by archive: after it, at most `limit`.
    async fn plan_parts_page(&self, plan: PlanId, after: Option<ArchiveId>, limit: u32) -> Result<Vec<PlanPartRow>>;
    /// Files of a plan in order of archive, offset and number (those that no vault has come first): after a place, at
    /// most `limit`; `wrong` leaves only those that failed or are not possible.
    async fn plan_restores(
        &self,
        plan: PlanId,
        wrong: bool,
        after: Option<RestorePlace>,
        limit: u32,
    ) -> Result<Vec<RestoreRow>>;
    /// What a plan did not deliver, in the same order: what failed or is not possible; of one that runs no more also what
    /// waited.
    async fn plan_rest(&self, plan: PlanId, after: Option<RestorePlace>, limit: u32) -> Result<Vec<RestoreRow>>;
    /// Parts of running plans that failed when they were last tried, by plan and archive: at most `limit`.
    async fn parts_held(&self, limit: u32) -> Result<Vec<PlanPartRow>>;
    /// How many parts of a running plan failed when they were last tried, and why one of them did.
    async fn plan_held(&self, plan: PlanId) -> Result<(u64, Option<String>)>;
    /// Has the parts of a running plan that failed tried again now; how many.
    async fn plan_again(&self, plan: PlanId) -> Result<u64>;
    /// Of each running plan that has such parts the first of them, by plan: at most `limit`.
    async fn plans_held(&self, limit: u32) -> Result<Vec<PlanPartRow>>;
    /// Jobs that somebody may wait for, by number: after one, at most `limit`.
    async fn retrievals(&self, after: Option<crate::base::ids::RetrievalId>, limit: u32) -> Result<Vec<RetrievalRow>>;
    /// What a spender has used of its budgets now.
    async fn used(&self, spender: &'static str) -> Result<Used>;
    /// What it has used day by day, from the first of this month to the end of the month that is so many days later.
    async fn used_days(&self, spender: &'static str, later: u32) -> Result<UsedDays>;

    // --- jobs -----------------------------------------------------------------------------------------------------

    /// Parts of running plans that have no job and may ask for one now, those that have waited longest first, then in
    /// order of plan and archive: at most `limit`.
    async fn parts_to_ask(&self, limit: u32) -> Result<Vec<PlanPartRow>>;
    /// Joins a job, or enters one and sets its price aside under the plan's ceiling; one transaction.
    async fn part_ask(&self, session: SessionId, ask: AskPart) -> Result<JobAsked>;
    /// Jobs that are to be looked at now: at most `limit`, the longest due first.
    async fn retrievals_due(&self, limit: u32) -> Result<Vec<RetrievalRow>>;
    /// A job by its name.
    async fn retrieval(&self, uuid: RetrievalUuid) -> Result<Option<RetrievalRow>>;
    /// Writes what was heard of a job. Parts that wait for one that failed or expired wait for another. How the job
    /// stands then.
    async fn retrieval_heard(&self, uuid: RetrievalUuid, heard: Heard) -> Result<Option<RetrievalRow>>;
    /// How many parts still need a job.
    async fn retrieval_wanted(&self, uuid: RetrievalUuid) -> Result<u64>;

    // --- made faster ----------------------------------------------------------------------------------------------

    /// Enters that jobs of a running plan are to be made faster: one compare-and-set on the plan and on each job as it was
    /// shown. The plan's ceiling is raised by what that costs, which is reserved today and held for it alone.
    async fn plan_hurry(&self, hurry: HurryPlan) -> Result<Hurried>;
    /// Jobs that the vault is to be asked to make faster now: at most `limit`, the longest due first.
    async fn hurries_due(&self, limit: u32) -> Result<Vec<RetrievalRow>>;
    /// Spends what making a job faster costs, before the vault is asked; once, however often it is asked.
    async fn hurry_begin(&self, session: SessionId, uuid: RetrievalUuid) -> Result<HurryStep>;
    /// Writes what was heard of making a job faster. How it stands then.
    /// `tries` is that of the request that was heard of: what an older one did not do tells nothing.
    async fn hurry_heard(&self, uuid: RetrievalUuid, tries: u32, heard: HurryHeard) -> Result<Option<RetrievalRow>>;

    // --- delivery -------------------------------------------------------------------------------------------------

    /// Claims a part of a running plan that this host delivers and whose job can be read; of one plan only, if named.
    async fn part_claim(&self, session: SessionId, host: String, plan: Option<PlanId>) -> Result<Option<PartWork>>;
    /// Destinations of a plan: number and folder.
    async fn plan_places(&self, plan: PlanId) -> Result<Vec<(DestId, DestRow)>>;
    /// Files of a part that wait, in order: after a place (offset, number), at most `limit`.
    async fn part_files(
        &self,
        plan: PlanId,
        archive: ArchiveId,
        after: Option<(u64, u64)>,
        limit: u32,
    ) -> Result<Vec<PartFile>>;
    /// Sets money aside for what is about to be read of a claimed part, under the plan's ceiling. Whether it may be.
    async fn part_spend(&self, session: SessionId, work: PartKey, money: Money) -> Result<bool>;
    /// Takes back what was spent for a claimed part and, as it turned out, was not. Who lost its claim, most of all because
    /// the plan was cancelled, may do so once, as long as nobody else has claimed the part.
    async fn part_unspend(&self, session: SessionId, work: PartKey, money: Money) -> Result<()>;
    /// Writes outcomes of files of a claimed part.
    async fn part_outcomes(&self, session: SessionId, work: PartKey, outcomes: Vec<FileOutcome>) -> Result<()>;
    /// Lets go of a claimed part. Whether the plan has ended with it. A job whose output is said to be unreadable is over
    /// for everybody.
    async fn part_end(&self, session: SessionId, work: PartKey, end: PartEnd) -> Result<bool>;
}

/// A claimed part: plan, archive, and the generation of the claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartKey {
    /// The plan.
    pub plan: PlanId,
    /// The archive.
    pub archive: ArchiveId,
    /// Under which it is held.
    pub generation: Generation,
}

/// A destination as it stands in the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestRow {
    /// Its kind.
    pub kind: String,
    /// Its place.
    pub place: std::ffi::OsString,
}
