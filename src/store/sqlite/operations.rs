//! The trait's operations, each one transaction: which statements run, and on which thread.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::params;

use super::{
    SqliteStore, adopt, bundles, details, events, files, flow, notices, queue, reports, restorable, sessions, tally,
    told, uploads, verdicts,
};
use crate::base::file::FoundFile;
use crate::base::ids::{
    ArchiveId, ArchiveUuid, FileId, Generation, Key, Lane, SessionId, SourceId, VaultUuid, Version,
};
use crate::base::{Finding, Time, faults};
use crate::store::{
    Adopted, AlertMessage, AlertView, ArchiveDetail, ArchiveRow, ArchiveState, Asked, BundleRef, ChangedFile, Claimed,
    Confirmation, Due, DutyRow, EventRow, FailedRow, FailureRow, FetchFailure, FileDetail, FileRow, FlowRow,
    FoundOutcome, Hold, LaneState, Latest, Look, MemberRow, NewBundle, NewEvent, NewSession, NoticeRound, NoticeRow,
    OrderRow, Orphan, Overview, PartRow, PoolChange, QueueRow, QueueState, Reaped, RestorableKey, RestorableMember,
    Result, ResumedBundle, SealedBundle, Session, SessionRow, SourceRow, Standing, Store, StoreError, StoredFiles,
    TellerRow, ToldRow, Total, Unfinished, Upload, VaultKnown, Watch,
};

#[async_trait]
impl Store for SqliteStore {
    #[allow(clippy::misnamed_getters)] // what it is called, which may be another thing than where it is
    fn place(&self) -> &str {
        &self.shared.name
    }

    async fn now(&self) -> Result<Time> {
        self.read(|db| Ok(db.now())).await
    }

    async fn session_start(&self, new: NewSession) -> Result<Session> {
        self.write(move |db| sessions::start(db, &new)).await
    }

    async fn session_renew(&self, session: SessionId, lease: Duration, doing: String) -> Result<Session> {
        self.write(move |db| sessions::renew(db, session, lease, &doing)).await
    }

    async fn session_end(&self, session: SessionId) -> Result<Reaped> {
        self.write(move |db| sessions::end(db, session)).await
    }

    async fn sessions(&self) -> Result<Vec<SessionRow>> {
        self.read(sessions::open).await
    }

    async fn reap(&self, dead: SessionId, by: SessionId, certain: bool, here: bool) -> Result<Reaped> {
        self.write(move |db| sessions::reap(db, dead, by, certain, here)).await
    }

    async fn source(&self, name: String, kind: &'static str) -> Result<SourceRow> {
        self.write(move |db| files::source(db, &name, kind)).await
    }

    async fn source_rooted(&self, source: SourceId, device: Option<u64>) -> Result<()> {
        self.write(move |db| files::rooted(db, source, device)).await
    }

    async fn source_scanned(&self, source: SourceId, by: SessionId, started: Time, files: u64) -> Result<()> {
        self.write(move |db| files::scanned(db, source, by, started, files)).await
    }

    async fn known(&self, source: SourceId, files: Vec<(Key, Version)>) -> Result<Vec<Option<FileId>>> {
        self.read(move |db| files::known(db, source, &files)).await
    }

    async fn found(
        &self,
        session: SessionId,
        source: SourceId,
        lane: Lane,
        files: Vec<FoundFile>,
    ) -> Result<FoundOutcome> {
        self.write(move |db| files::found(db, session, source, lane, &files)).await
    }

    async fn newest_file(&self) -> Result<FileId> {
        self.read(files::newest).await
    }

    async fn current_files(
        &self,
        source: SourceId,
        after: FileId,
        up_to: FileId,
        limit: u32,
    ) -> Result<Vec<(FileId, Key)>> {
        self.read(move |db| files::current(db, source, after, up_to, limit)).await
    }

    async fn mark_gone(&self, session: SessionId, files: Vec<FileId>) -> Result<u64> {
        self.write(move |db| files::mark_gone(db, session, &files)).await
    }

    async fn claim(&self, session: SessionId, lane: Lane, limit: u32) -> Result<Vec<Claimed>> {
        self.write(move |db| queue::claim(db, session, lane, limit)).await
    }

    async fn give_back(&self, session: SessionId, files: Vec<(FileId, Generation)>) -> Result<()> {
        self.write(move |db| queue::give_back(db, session, &files)).await
    }

    async fn put_off(&self, session: SessionId, files: Vec<(FileId, Generation)>, next_try: Time) -> Result<()> {
        self.write(move |db| queue::put_off(db, session, &files, next_try)).await
    }

    async fn adopt_staged(
        &self,
        session: SessionId,
        host: String,
        dir: PathBuf,
        names: Vec<String>,
        lost_after: Duration,
    ) -> Result<Adopted> {
        self.write(move |db| adopt::staged(db, session, &host, &dir, &names, lost_after)).await
    }

    async fn fetch_failed(&self, session: SessionId, failures: Vec<FetchFailure>) -> Result<()> {
        self.write(move |db| queue::failed(db, session, &failures)).await
    }

    async fn fetch_gone(&self, session: SessionId, files: Vec<(FileId, Generation)>) -> Result<()> {
        self.write(move |db| queue::gone(db, session, &files)).await
    }

    async fn fetch_changed(&self, session: SessionId, files: Vec<ChangedFile>) -> Result<()> {
        self.write(move |db| queue::changed(db, session, &files)).await
    }

    async fn retry_failed(&self, only: Option<FileId>) -> Result<u64> {
        self.write(move |db| queue::retry(db, only)).await
    }

    async fn bundle_open(&self, session: SessionId, new: NewBundle) -> Result<BundleRef> {
        self.write(move |db| bundles::open(db, session, &new)).await
    }

    async fn direct_resume(
        &self,
        session: SessionId,
        archive: ArchiveId,
        file: FileId,
    ) -> Result<Option<ResumedBundle>> {
        self.write(move |db| bundles::direct_resume(db, session, archive, file)).await
    }

    async fn direct_pause(&self, session: SessionId, bundle: BundleRef, failure: FetchFailure) -> Result<()> {
        self.write(move |db| bundles::direct_pause(db, session, bundle, &failure)).await
    }

    async fn bundle_seal(&self, session: SessionId, bundle: BundleRef, sealed: SealedBundle) -> Result<()> {
        if faults::bug("delete-before-commit") {
            let files: Vec<_> = sealed.members.iter().map(|member| member.file).collect();
            self.write(move |db| bundles::forget(db, &files)).await?;
        }
        self.write(move |db| bundles::seal(db, session, bundle, &sealed)).await
    }

    async fn bundle_abandon(
        &self,
        session: SessionId,
        bundle: BundleRef,
        files: Vec<(FileId, Generation)>,
        why: String,
    ) -> Result<()> {
        self.write(move |db| bundles::abandon(db, session, bundle, &files, &why)).await
    }

    async fn upload_claim(&self, session: SessionId, lane: Lane, host: String) -> Result<Option<Upload>> {
        self.write(move |db| uploads::claim(db, session, lane, &host)).await
    }

    async fn upload_begun(
        &self,
        session: SessionId,
        bundle: BundleRef,
        upload_id: Vec<u8>,
        part_size: u64,
    ) -> Result<()> {
        self.write(move |db| uploads::begun(db, session, bundle, &upload_id, part_size)).await
    }

    async fn part_stored(&self, session: SessionId, bundle: BundleRef, part: PartRow) -> Result<()> {
        self.write(move |db| uploads::part_stored(db, session, bundle, &part)).await
    }

    async fn parts(&self, archive: ArchiveId) -> Result<Vec<PartRow>> {
        self.read(move |db| bundles::parts(db, archive)).await
    }

    async fn upload_contents(&self, session: SessionId, bundle: BundleRef, sealed: SealedBundle) -> Result<()> {
        self.write(move |db| uploads::contents(db, session, bundle, &sealed)).await
    }

    async fn upload_stored(
        &self,
        session: SessionId,
        bundle: BundleRef,
        confirmed: Confirmation,
    ) -> Result<StoredFiles> {
        self.write(move |db| uploads::stored(db, session, bundle, &confirmed)).await
    }

    async fn upload_failed(
        &self,
        session: SessionId,
        bundle: BundleRef,
        reason: &'static str,
        why: String,
        next_try: Time,
    ) -> Result<()> {
        self.write(move |db| uploads::failed(db, session, bundle, reason, &why, next_try)).await
    }

    async fn upload_unknown(&self, session: SessionId, bundle: BundleRef, why: String, next_try: Time) -> Result<()> {
        self.write(move |db| uploads::unknown(db, session, bundle, &why, next_try)).await
    }

    async fn upload_abandon(
        &self,
        session: SessionId,
        bundle: BundleRef,
        reason: &'static str,
        why: String,
    ) -> Result<u64> {
        self.write(move |db| uploads::abandon(db, session, bundle, reason, &why)).await
    }

    async fn failures(&self, before: Option<i64>, limit: u32) -> Result<Vec<FailureRow>> {
        self.read(move |db| events::failures(db, before, limit)).await
    }

    async fn settle_claim(&self, session: SessionId, limit: u32) -> Result<Vec<Upload>> {
        self.write(move |db| uploads::settle_claim(db, session, limit)).await
    }

    async fn settle_stored(
        &self,
        session: SessionId,
        bundle: BundleRef,
        confirmed: Confirmation,
    ) -> Result<ArchiveState> {
        self.write(move |db| uploads::settle_stored(db, session, bundle, &confirmed)).await
    }

    async fn repeat_unknown(&self, session: SessionId, bundle: BundleRef, next_try: Time) -> Result<u64> {
        self.write(move |db| uploads::repeat(db, session, bundle, next_try)).await
    }

    async fn orphan_found(&self, session: SessionId, orphan: Orphan) -> Result<()> {
        self.write(move |db| uploads::orphan(db, session, &orphan)).await
    }

    async fn archives_live(&self, limit: u32) -> Result<Vec<ArchiveRow>> {
        self.read(move |db| reports::archives_live(db, limit)).await
    }

    async fn archive(&self, uuid: ArchiveUuid) -> Result<Option<ArchiveRow>> {
        self.read(move |db| reports::archive(db, uuid)).await
    }

    async fn members(&self, archive: ArchiveId, after: Option<u64>, limit: u32) -> Result<Vec<MemberRow>> {
        self.read(move |db| reports::members(db, archive, after, limit)).await
    }

    async fn staged(&self, host: String, dir: PathBuf) -> Result<Vec<(String, ArchiveUuid, Option<u64>)>> {
        self.read(move |db| reports::staged(db, &host, &dir)).await
    }

    async fn due(&self, host: String) -> Result<Due> {
        self.read(move |db| reports::due(db, &host)).await
    }

    async fn unfinished(&self, attempts: u32) -> Result<Unfinished> {
        self.read(move |db| reports::unfinished(db, attempts)).await
    }

    async fn vault_identity(&self, name: String) -> Result<VaultKnown> {
        self.read(move |db| {
            let known = db.one("SELECT uuid, made_at IS NOT NULL FROM vault WHERE name = ?", [name], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            let used = db.one("SELECT 1 FROM archive LIMIT 1", [], |_| Ok(()))?;
            let (uuid, made) = known.map_or((None, false), |(uuid, made)| (Some(uuid), made));
            Ok(VaultKnown { uuid, made, state_is_new: used.is_none() })
        })
        .await
    }

    async fn vault_remember(&self, name: String, uuid: VaultUuid, made: bool) -> Result<VaultUuid> {
        self.write(move |db| {
            let made_at = made.then(|| db.now());
            db.run(
                "INSERT INTO vault (name, uuid, made_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET made_at = coalesce(made_at, ?3) WHERE uuid = ?2",
                params![name, uuid, made_at],
            )?;
            let stands = db.one("SELECT uuid FROM vault WHERE name = ?", [&name], |row| row.get(0))?;
            stands.ok_or_else(|| StoreError::Impossible(format!("the vault {name:?} was entered and is not there")))
        })
        .await
    }

    async fn notice_round(&self, scope: String, findings: Vec<Finding>) -> Result<NoticeRound> {
        self.write(move |db| notices::round(db, &scope, &findings)).await
    }

    async fn notices(&self) -> Result<Vec<NoticeRow>> {
        self.read(notices::notices).await
    }

    async fn notice_ack(&self, rule: String, object: String, until: Time, who: String) -> Result<bool> {
        self.write(move |db| notices::ack(db, &rule, &object, until, &who)).await
    }

    async fn duty_take(&self, name: String, session: SessionId) -> Result<Option<DutyRow>> {
        self.write(move |db| notices::duty_take(db, &name, session)).await
    }

    async fn duty_done(
        &self,
        name: String,
        session: SessionId,
        generation: Generation,
        next_run: Time,
        result: String,
    ) -> Result<()> {
        self.write(move |db| notices::duty_done(db, &name, session, generation, next_run, &result)).await
    }

    async fn duty_release(&self, name: String, session: SessionId) -> Result<()> {
        self.write(move |db| notices::duty_release(db, &name, session)).await
    }

    async fn duty(&self, name: String) -> Result<Option<DutyRow>> {
        self.read(move |db| notices::duty(db, &name)).await
    }

    async fn order(&self, change: PoolChange) -> Result<OrderRow> {
        self.write(move |db| notices::order(db, &change)).await
    }

    async fn orders(&self, host: String) -> Result<Vec<OrderRow>> {
        self.read(move |db| notices::orders(db, &host)).await
    }

    async fn all_orders(&self) -> Result<Vec<OrderRow>> {
        self.read(notices::all_orders).await
    }

    async fn order_applied(&self, host: String, pool: String, generation: Generation, result: String) -> Result<()> {
        self.write(move |db| notices::order_applied(db, &host, &pool, generation, &result)).await
    }

    async fn event(&self, event: NewEvent) -> Result<()> {
        self.write(move |db| events::add(db, &event)).await
    }

    async fn events(&self, before: Option<i64>, limit: u32) -> Result<Vec<EventRow>> {
        self.read(move |db| events::page(db, before, limit)).await
    }

    async fn events_of(&self, object: String, limit: u32) -> Result<Vec<EventRow>> {
        self.read(move |db| events::of(db, &object, limit)).await
    }

    async fn prune(&self, older_than: Time) -> Result<u64> {
        self.write(move |db| events::prune(db, older_than)).await
    }

    async fn alert_enter(&self, hold: Hold, sender: String) -> Result<()> {
        self.write(move |db| told::enter(db, hold, &sender)).await
    }

    async fn alert_view(&self, sender: String) -> Result<AlertView> {
        self.read(move |db| told::view(db, &sender)).await
    }

    async fn alert_begin(&self, hold: Hold, sender: String, message: AlertMessage) -> Result<()> {
        self.write(move |db| told::begin(db, hold, &sender, &message)).await
    }

    async fn alert_sent(&self, hold: Hold, sender: String, message: Option<String>, but: Option<String>) -> Result<()> {
        self.write(move |db| told::sent(db, hold, &sender, message.as_deref(), but.as_deref())).await
    }

    async fn alert_failed(
        &self,
        hold: Hold,
        sender: String,
        certain: bool,
        error: String,
        next_try: Time,
    ) -> Result<()> {
        self.write(move |db| told::failed(db, hold, &sender, certain, &error, next_try)).await
    }

    async fn tellers(&self) -> Result<Vec<TellerRow>> {
        self.read(told::tellers).await
    }

    async fn told(&self) -> Result<Vec<(String, ToldRow)>> {
        self.read(told::of_open).await
    }

    async fn totals(&self) -> Result<Vec<Total>> {
        self.read(tally::totals).await
    }

    async fn lanes(&self) -> Result<Vec<LaneState>> {
        self.read(reports::lanes).await
    }

    async fn queue_page(
        &self,
        lane: Lane,
        state: QueueState,
        after: Option<(Time, FileId)>,
        limit: u32,
    ) -> Result<Vec<QueueRow>> {
        self.read(move |db| reports::queue_page(db, lane, state, after, limit)).await
    }

    async fn failed_page(&self, after: Option<(Time, FileId)>, limit: u32) -> Result<Vec<FailedRow>> {
        self.read(move |db| reports::failed_page(db, after, limit)).await
    }

    async fn restorable(
        &self,
        source: SourceId,
        prefix: Vec<u8>,
        after: Option<Key>,
        at: Option<Time>,
        limit: u32,
    ) -> Result<Vec<RestorableKey>> {
        self.read(move |db| restorable::page(db, source, &prefix, after.as_ref(), at, limit)).await
    }

    async fn restorable_key(&self, source: SourceId, key: Key, at: Option<Time>) -> Result<Option<RestorableKey>> {
        self.read(move |db| restorable::one(db, source, key, at)).await
    }
    async fn failed_page_before(&self, before: Option<(Time, FileId)>, limit: u32) -> Result<Vec<FailedRow>> {
        self.read(move |db| reports::failed_page_before(db, before, limit)).await
    }

    async fn overview(&self, look: Look) -> Result<Overview> {
        self.read(move |db| reports::overview(db, look)).await
    }

    async fn sources(&self) -> Result<Vec<SourceRow>> {
        self.read(files::sources).await
    }

    async fn flow(&self, since: Time) -> Result<Vec<FlowRow>> {
        self.read(move |db| flow::rows(db, since)).await
    }

    async fn watched(&self, since: Time) -> Result<Vec<Watch>> {
        self.read(move |db| flow::watched(db, since)).await
    }

    async fn latest(&self, since: Time, limit: u32) -> Result<Vec<Latest>> {
        self.read(move |db| flow::latest(db, since, limit)).await
    }

    async fn file_detail(&self, file: FileId) -> Result<Option<FileDetail>> {
        self.read(move |db| details::file(db, file)).await
    }

    async fn archive_detail(&self, uuid: ArchiveUuid) -> Result<Option<ArchiveDetail>> {
        self.read(move |db| details::archive(db, uuid)).await
    }

    async fn find_files(
        &self,
        source: Option<SourceId>,
        prefix: Vec<u8>,
        after: Option<(SourceId, Key)>,
        limit: u32,
    ) -> Result<Vec<FileRow>> {
        self.read(move |db| details::find(db, source, &prefix, after.as_ref(), limit)).await
    }

    async fn restorable_file(&self, file: FileId) -> Result<Option<RestorableKey>> {
        self.read(move |db| restorable::file(db, file, None)).await
    }

    async fn restorable_elsewhere(&self, file: FileId, than: ArchiveId) -> Result<Option<RestorableKey>> {
        self.read(move |db| restorable::file(db, file, Some(than))).await
    }

    async fn restorable_members(
        &self,
        archive: ArchiveId,
        within: Option<(Time, Time)>,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RestorableMember>> {
        self.read(move |db| restorable::members(db, archive, within, after, limit)).await
    }

    async fn standing(&self, asked: Vec<Asked>, near: u32) -> Result<Vec<Standing>> {
        self.read(move |db| verdicts::standing(db, &asked, near)).await
    }
}
