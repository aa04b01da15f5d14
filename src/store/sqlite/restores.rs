//! The operations of [`Restores`], each one transaction.

use async_trait::async_trait;

use super::{SqliteStore, delivery, hurries, ledger, plan_rows, plans, restorable, retrievals};
use crate::base::ids::{ArchiveId, DestId, Generation, PlanId, RetrievalId, RetrievalUuid, SessionId};
use crate::base::{Money, Time};
use crate::store::{
    AskPart, CancelledPlan, Confirm, Confirmed, DestRow, FileOutcome, Heard, Hurried, HurryHeard, HurryPlan, HurryStep,
    JobAsked, NewDest, NewPart, NewPlan, NewRestore, PartEnd, PartFile, PartKey, PartWork, PlanPartRow, PlanRow,
    PlanTotals, PlannedFile, RestorePlace, RestoreRow, Restores, Result, RetrievalRow, Used, UsedDays,
};

#[async_trait]
impl Restores for SqliteStore {
    async fn plan_begin(&self, new: NewPlan) -> Result<PlanId> {
        self.write(move |db| plans::begin(db, &new)).await
    }

    async fn plan_dests(&self, plan: PlanId, dests: Vec<NewDest>) -> Result<Vec<DestId>> {
        self.write(move |db| plans::dests(db, plan, &dests)).await
    }

    async fn plan_add(&self, plan: PlanId, files: Vec<NewRestore>) -> Result<Vec<u64>> {
        self.write(move |db| plans::add(db, plan, &files)).await
    }

    async fn plan_files(&self, plan: PlanId, after: Option<RestorePlace>, limit: u32) -> Result<Vec<PlannedFile>> {
        self.read(move |db| plans::files(db, plan, after, limit)).await
    }

    async fn joinable(&self, vault: String, archives: Vec<ArchiveId>, until: Time) -> Result<Vec<RetrievalRow>> {
        self.read(move |db| retrievals::joinable(db, &vault, &archives, until)).await
    }

    async fn plan_unpriced(&self, plan: PlanId) -> Result<Option<Generation>> {
        self.write(move |db| plans::unpriced(db, plan)).await
    }

    async fn plan_parts(&self, plan: PlanId, pricing: Generation, parts: Vec<NewPart>) -> Result<bool> {
        self.write(move |db| plans::parts(db, plan, pricing, &parts)).await
    }

    async fn plan_save(&self, plan: PlanId, pricing: Generation, totals: PlanTotals) -> Result<bool> {
        self.write(move |db| plans::save(db, plan, pricing, &totals)).await
    }

    async fn plan_confirm(&self, confirm: Confirm) -> Result<Confirmed> {
        self.write(move |db| plans::confirm(db, &confirm)).await
    }

    async fn plan_drop(&self, plan: PlanId) -> Result<bool> {
        self.write(move |db| plans::drop_unconfirmed(db, plan)).await
    }

    async fn plan_cancel(&self, plan: PlanId, who: String) -> Result<CancelledPlan> {
        self.write(move |db| plans::cancel(db, plan, &who)).await
    }

    async fn plan_prune(&self, before: Time, limit: u32) -> Result<u64> {
        self.write(move |db| plans::prune(db, before, limit)).await
    }

    async fn archives_between(
        &self,
        from: Time,
        to: Time,
        before: Option<(Time, ArchiveId)>,
        limit: u32,
    ) -> Result<Vec<(ArchiveId, Time)>> {
        self.read(move |db| restorable::archives_between(db, from, to, before, limit)).await
    }

    async fn plan(&self, plan: PlanId) -> Result<Option<PlanRow>> {
        self.read(move |db| plan_rows::plan(db, plan)).await
    }

    async fn plans(&self, before: Option<PlanId>, limit: u32) -> Result<Vec<PlanRow>> {
        self.read(move |db| plan_rows::plans(db, before, limit)).await
    }

    async fn plans_undelivered(&self, ended: Time, limit: u32) -> Result<Vec<PlanRow>> {
        self.read(move |db| plan_rows::undelivered(db, ended, limit)).await
    }

    async fn plan_parts_page(&self, plan: PlanId, after: Option<ArchiveId>, limit: u32) -> Result<Vec<PlanPartRow>> {
        self.read(move |db| plan_rows::parts_page(db, plan, after, limit)).await
    }

    async fn plan_restores(
        &self,
        plan: PlanId,
        wrong: bool,
        after: Option<RestorePlace>,
        limit: u32,
    ) -> Result<Vec<RestoreRow>> {
        self.read(move |db| plan_rows::restores(db, plan, wrong, after, limit)).await
    }

    async fn plan_rest(&self, plan: PlanId, after: Option<RestorePlace>, limit: u32) -> Result<Vec<RestoreRow>> {
        self.read(move |db| plan_rows::rest(db, plan, after, limit)).await
    }

    async fn parts_held(&self, limit: u32) -> Result<Vec<PlanPartRow>> {
        self.read(move |db| plan_rows::parts_held(db, limit)).await
    }

    async fn plan_held(&self, plan: PlanId) -> Result<(u64, Option<String>)> {
        self.read(move |db| plan_rows::held(db, plan)).await
    }

    async fn plan_again(&self, plan: PlanId) -> Result<u64> {
        self.write(move |db| delivery::again(db, plan)).await
    }

    async fn plans_held(&self, limit: u32) -> Result<Vec<PlanPartRow>> {
        self.read(move |db| plan_rows::plans_held(db, limit)).await
    }

    async fn retrievals(&self, after: Option<RetrievalId>, limit: u32) -> Result<Vec<RetrievalRow>> {
        self.read(move |db| retrievals::live(db, after, limit)).await
    }

    async fn used_days(&self, spender: &'static str, later: u32) -> Result<UsedDays> {
        self.read(move |db| ledger::used_days(db, spender, later)).await
    }

    async fn used(&self, spender: &'static str) -> Result<Used> {
        self.read(move |db| ledger::used(db, spender)).await
    }

    async fn parts_to_ask(&self, limit: u32) -> Result<Vec<PlanPartRow>> {
        self.read(move |db| retrievals::parts_to_ask(db, limit)).await
    }

    async fn part_ask(&self, session: SessionId, ask: AskPart) -> Result<JobAsked> {
        self.write(move |db| retrievals::ask(db, session, &ask)).await
    }

    async fn retrievals_due(&self, limit: u32) -> Result<Vec<RetrievalRow>> {
        self.read(move |db| retrievals::due(db, limit)).await
    }

    async fn retrieval(&self, uuid: RetrievalUuid) -> Result<Option<RetrievalRow>> {
        self.read(move |db| retrievals::by_uuid(db, uuid)).await
    }

    async fn retrieval_heard(&self, uuid: RetrievalUuid, heard: Heard) -> Result<Option<RetrievalRow>> {
        self.write(move |db| retrievals::heard(db, uuid, &heard)).await
    }

    async fn retrieval_wanted(&self, uuid: RetrievalUuid) -> Result<u64> {
        self.read(move |db| retrievals::wanted(db, uuid)).await
    }

    async fn plan_hurry(&self, hurry: HurryPlan) -> Result<Hurried> {
        self.write(move |db| hurries::plan_hurry(db, &hurry)).await
    }

    async fn hurries_due(&self, limit: u32) -> Result<Vec<RetrievalRow>> {
        self.read(move |db| hurries::due(db, limit)).await
    }

    async fn hurry_begin(&self, session: SessionId, uuid: RetrievalUuid) -> Result<HurryStep> {
        self.write(move |db| hurries::begin(db, session, uuid)).await
    }

    async fn hurry_heard(&self, uuid: RetrievalUuid, tries: u32, heard: HurryHeard) -> Result<Option<RetrievalRow>> {
        self.write(move |db| hurries::heard(db, uuid, tries, &heard)).await
    }

    async fn part_claim(&self, session: SessionId, host: String, plan: Option<PlanId>) -> Result<Option<PartWork>> {
        self.write(move |db| delivery::claim(db, session, &host, plan)).await
    }

    async fn plan_places(&self, plan: PlanId) -> Result<Vec<(DestId, DestRow)>> {
        self.read(move |db| plans::places(db, plan)).await
    }

    async fn part_files(
        &self,
        plan: PlanId,
        archive: ArchiveId,
        after: Option<(u64, u64)>,
        limit: u32,
    ) -> Result<Vec<PartFile>> {
        self.read(move |db| delivery::files(db, plan, archive, after, limit)).await
    }

    async fn part_spend(&self, session: SessionId, work: PartKey, money: Money) -> Result<bool> {
        self.write(move |db| delivery::spend(db, session, work, money)).await
    }

    async fn part_unspend(&self, session: SessionId, work: PartKey, money: Money) -> Result<()> {
        self.write(move |db| delivery::unspend(db, session, work, money)).await
    }

    async fn part_outcomes(&self, session: SessionId, work: PartKey, outcomes: Vec<FileOutcome>) -> Result<()> {
        self.write(move |db| delivery::outcomes(db, session, work, &outcomes)).await
    }

    async fn part_end(&self, session: SessionId, work: PartKey, end: PartEnd) -> Result<bool> {
        self.write(move |db| delivery::end(db, session, work, &end)).await
    }
}
