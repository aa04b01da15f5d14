//! The state database: the truth about work. Memory is a cache of it.
//!
//! [`Store`] is a trait of named operations; each is one transaction, and each that moves work names the session and
//! the generation it was made under. Under an older one it changes no row and answers [`StoreError::Stale`]; its maker
//! then drops its local copy. Times inside the store come from [`Store::now`] alone.
//!
//! | file | states |
//! | --- | --- |
//! | queue row | `queued → fetching → bundled`, then deleted by the transaction that makes its archive `stored`; beside them `failed` (tried again, at `next_try`). A file that its source deleted first leaves the queue and has `gone_at` |
//! | archive row | `open → sealed → uploading → stored`; beside them `abandoned`, `unknown` (the reply was lost), `duplicate`, `orphan` (in the vault, not ours), `damaged` |
//!
//! A lease is a session: a row of `worker`, renewed by a timer. What a session holds (files being fetched, open
//! bundles, uploads, duties) names the session; when it ends or its lease runs out, another session *reaps* it, which
//! gives back everything in one transaction.

mod clusters;
mod delays;
mod restores;
mod rows;
pub mod sqlite;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

pub use clusters::*;
pub use delays::*;
pub use restores::*;
pub use rows::*;

use crate::base::file::FoundFile;
use crate::base::ids::{ArchiveId, ArchiveUuid, FileId, Generation, Key, Lane, SessionId, SourceId, VaultUuid};
use crate::base::{Finding, Time};

/// A store operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no state database there, and this command does not make one.
    #[error("there is no state database at {place}; `firn run` makes one, or [state] url points at the wrong place")]
    Absent {
        /// Where.
        place: String,
    },
    /// It could not be opened.
    #[error("cannot open the state database {place}: {detail}")]
    Unopened {
        /// Where.
        place: String,
        /// What the engine said.
        detail: String,
    },
    /// It has been taken away under an open store. What is written to a file without a name is lost.
    #[error(
        "the state database {place} was {what} while it was open; put the one that was there back, or start firn anew to use what is there now"
    )]
    Moved {
        /// Where it was.
        place: String,
        /// What became of it: `removed` or `replaced by another file`.
        what: &'static str,
    },
    /// The file is something else.
    #[error(
        "{place} is not a state database of firn ({detail}); point [state] url at another file, or move this one away"
    )]
    NotFirn {
        /// Where.
        place: String,
        /// What it is instead.
        detail: String,
    },
    /// A newer firn has written it.
    #[error(
        "the state database {place} has schema {found}, made by a newer firn; this one knows up to {known}: use the newer firn"
    )]
    Newer {
        /// Where.
        place: String,
        /// Its schema.
        found: i64,
        /// The newest schema this build knows.
        known: i64,
    },
    /// An embedded database on a file system shared over a network loses data.
    #[error(
        "the state database {place} is on a network file system ({kind}), where SQLite's locks cannot be trusted; put it on a local disk"
    )]
    NetworkFileSystem {
        /// Where.
        place: String,
        /// The file system.
        kind: &'static str,
    },
    /// Somebody else holds it.
    #[error("the state database {place} has been locked by another program for over {} s; find it (`fuser {place}`) and end it", .waited.as_secs())]
    Locked {
        /// Where.
        place: String,
        /// How long was waited.
        waited: Duration,
    },
    /// No room.
    #[error(
        "the state database {place} cannot grow: its file system is full; free space there, work goes on by itself"
    )]
    Full {
        /// Where.
        place: String,
    },
    /// Not writable.
    #[error("the state database {place} cannot be written: {detail}; mend its permissions or its mount")]
    ReadOnly {
        /// Where.
        place: String,
        /// What the engine said.
        detail: String,
    },
    /// Damaged.
    #[error(
        "the state database {place} is damaged ({detail}); stop every firn, move it and its -wal and -shm files aside and put a sound copy in its place; every archive in the vault holds a MANIFEST.json of its files"
    )]
    Corrupt {
        /// Where.
        place: String,
        /// What the engine said.
        detail: String,
    },
    /// The work belongs to somebody else now.
    #[error("{what} no longer belongs to session {session}: its lease was lost and the work was given back")]
    Stale {
        /// The row.
        what: String,
        /// Who asked.
        session: SessionId,
    },
    /// It is larger than what is kept of its kind.
    #[error("{what} takes {bytes} bytes, and at most {most} are kept; nothing was written: make it shorter")]
    TooLarge {
        /// What it is.
        what: String,
        /// Its bytes.
        bytes: usize,
        /// What is possible.
        most: usize,
    },
    /// Something the rules exclude stands in the database.
    #[error("the state database holds what cannot be: {0}")]
    Impossible(String),
    /// The store's thread has ended.
    #[error("the state database has been closed")]
    Closed,
    /// Anything else the engine said.
    #[error("the state database {place} failed: {detail}")]
    Engine {
        /// Where.
        place: String,
        /// What it said.
        detail: String,
    },
}

/// What every engine answers with.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The state database.
#[async_trait]
pub trait Store: Restores + Delays + Clusters {
    /// Where it is, safe to show (no password).
    fn place(&self) -> &str;

    /// The clock of leases, next tries and duties: never below the largest time already stored, and it goes on when
    /// the wall clock steps back.
    async fn now(&self) -> Result<Time>;

    // --- sessions -------------------------------------------------------------------------------------------------

    /// Enters a session and gives it a lease.
    async fn session_start(&self, new: NewSession) -> Result<Session>;
    /// Renews the lease and writes what the session is doing. [`StoreError::Stale`] when it has been reaped.
    async fn session_renew(&self, session: SessionId, lease: Duration, doing: String) -> Result<Session>;
    /// Ends a session in good order; what it may still hold is given back.
    async fn session_end(&self, session: SessionId) -> Result<Reaped>;
    /// Sessions that have not ended, oldest first.
    async fn sessions(&self) -> Result<Vec<SessionRow>>;
    /// Gives back everything a dead session held. `here` says whether its staging folder is within the reaper's reach:
    /// then its sealed bundles stay and its uploads wait to be settled; else sealed bundles are abandoned and uploads
    /// become unknown. A session that is not dead (its lease holds and `certain` is false) is left alone.
    async fn reap(&self, dead: SessionId, by: SessionId, certain: bool, here: bool) -> Result<Reaped>;

    // --- sources and files ----------------------------------------------------------------------------------------

    /// The source of that name, entered on first sight.
    async fn source(&self, name: String, kind: &'static str) -> Result<SourceRow>;
    /// Writes what a source's root was found to be.
    async fn source_rooted(&self, source: SourceId, device: Option<u64>) -> Result<()>;
    /// A scan went through to its end: `files` were present.
    async fn source_scanned(&self, source: SourceId, by: SessionId, started: Time, files: u64) -> Result<()>;
    /// For each key and version, the row that is current for exactly that version, if there is one.
    async fn known(
        &self,
        source: SourceId,
        files: Vec<(Key, crate::base::ids::Version)>,
    ) -> Result<Vec<Option<FileId>>>;
    /// Enters files that a scan or a watch found: new versions are queued in `lane` and supersede older ones of their
    /// key (one that was only waiting becomes the new version itself: a file that changes all day leaves one row);
    /// a known version that had been taken for gone is current again.
    async fn found(
        &self,
        session: SessionId,
        source: SourceId,
        lane: Lane,
        files: Vec<FoundFile>,
    ) -> Result<FoundOutcome>;
    /// The largest file number so far: what is entered later is larger.
    async fn newest_file(&self) -> Result<FileId>;
    /// Current files of a source with numbers above `after`, up to `up_to`, in order: at most `limit`.
    async fn current_files(
        &self,
        source: SourceId,
        after: FileId,
        up_to: FileId,
        limit: u32,
    ) -> Result<Vec<(FileId, Key)>>;
    /// Marks files as gone from their source. Their archives stay.
    async fn mark_gone(&self, session: SessionId, files: Vec<FileId>) -> Result<u64>;

    // --- queue ----------------------------------------------------------------------------------------------------

    /// Claims up to `limit` files of a lane that are due, oldest first, failed ones that are due before new ones.
    async fn claim(&self, session: SessionId, lane: Lane, limit: u32) -> Result<Vec<Claimed>>;
    /// Gives claimed files back untouched.
    async fn give_back(&self, session: SessionId, files: Vec<(FileId, Generation)>) -> Result<()>;
    /// Gives claimed files back that nothing is wrong with and that cannot be had now (their disk is away): due again at
    /// `next_try`, with no attempt counted and none recorded.
    async fn put_off(&self, session: SessionId, files: Vec<(FileId, Generation)>, next_try: Time) -> Result<()>;
    /// Records failed attempts; each file is tried again at its `next_try`.
    async fn fetch_failed(&self, session: SessionId, failures: Vec<FetchFailure>) -> Result<()>;
    /// Claimed files that their source no longer has: marked gone, out of the queue.
    async fn fetch_gone(&self, session: SessionId, files: Vec<(FileId, Generation)>) -> Result<()>;
    /// Claimed files that are another version by now. The version claimed can no longer be read and was never stored, so
    /// its row becomes the new version, still queued; unless that one has been entered already.
    async fn fetch_changed(&self, session: SessionId, files: Vec<ChangedFile>) -> Result<()>;
    /// Makes one file that waits for its next try (or all of them) due at once. Returns how many.
    async fn retry_failed(&self, only: Option<FileId>) -> Result<u64>;

    // --- bundles and uploads --------------------------------------------------------------------------------------

    /// Enters a bundle before anything of it is written: `open`, or `uploading` when it goes straight to the vault.
    async fn bundle_open(&self, session: SessionId, new: NewBundle) -> Result<BundleRef>;
    /// Takes up a bundle that was going straight to the vault when its session ended. Nothing if it is not there to be
    /// taken up any more.
    async fn direct_resume(
        &self,
        session: SessionId,
        archive: ArchiveId,
        file: FileId,
    ) -> Result<Option<ResumedBundle>>;
    /// Lets go of a bundle that goes straight to the vault, to be taken up again when its file is next tried.
    async fn direct_pause(&self, session: SessionId, bundle: BundleRef, failure: FetchFailure) -> Result<()>;
    /// The bundle's bytes are durable in staging: members are entered, their files become `bundled`, the archive
    /// becomes `sealed`. One transaction.
    async fn bundle_seal(&self, session: SessionId, bundle: BundleRef, sealed: SealedBundle) -> Result<()>;
    /// The bundle comes to nothing; its files are queued again (those in `files` are still being fetched).
    async fn bundle_abandon(
        &self,
        session: SessionId,
        bundle: BundleRef,
        files: Vec<(FileId, Generation)>,
        why: String,
    ) -> Result<()>;
    /// Claims the next sealed bundle of a lane on `host` whose time has come: it is `uploading` from here on, before the
    /// first byte leaves.
    async fn upload_claim(&self, session: SessionId, lane: Lane, host: String) -> Result<Option<Upload>>;
    /// Names the upload that the vault opened for it.
    async fn upload_begun(
        &self,
        session: SessionId,
        bundle: BundleRef,
        upload_id: Vec<u8>,
        part_size: u64,
    ) -> Result<()>;
    /// A part is durable in the vault.
    async fn part_stored(&self, session: SessionId, bundle: BundleRef, part: PartRow) -> Result<()>;
    /// Parts in order of number.
    async fn parts(&self, archive: ArchiveId) -> Result<Vec<PartRow>>;
    /// For a bundle that goes straight to the vault: what it holds, known only at its end, entered before the vault is
    /// asked to complete it.
    async fn upload_contents(&self, session: SessionId, bundle: BundleRef, sealed: SealedBundle) -> Result<()>;
    /// The vault has confirmed it: the archive is `stored` and its files leave the queue.
    async fn upload_stored(
        &self,
        session: SessionId,
        bundle: BundleRef,
        confirmed: Confirmation,
    ) -> Result<StoredFiles>;
    /// The attempt failed and the vault certainly does not hold it: `sealed` again, tried at `next_try`.
    /// `reason` is a word for the failure's kind.
    async fn upload_failed(
        &self,
        session: SessionId,
        bundle: BundleRef,
        reason: &'static str,
        why: String,
        next_try: Time,
    ) -> Result<()>;
    /// Nobody knows whether the vault holds it; it is asked again at `next_try`.
    async fn upload_unknown(&self, session: SessionId, bundle: BundleRef, why: String, next_try: Time) -> Result<()>;
    /// The vault certainly does not hold it and nothing is left to send: abandoned, its files queued again. `reason` is a
    /// word for the failure's kind.
    async fn upload_abandon(
        &self,
        session: SessionId,
        bundle: BundleRef,
        reason: &'static str,
        why: String,
    ) -> Result<u64>;
    /// The newest failures with numbers below `before`.
    async fn failures(&self, before: Option<i64>, limit: u32) -> Result<Vec<FailureRow>>;
    /// Takes over archives that are `uploading` without an owner or `unknown` and due, to settle them with the vault.
    /// Uploads whose one file is queued again are left for its fetcher.
    async fn settle_claim(&self, session: SessionId, limit: u32) -> Result<Vec<Upload>>;
    /// The vault said it holds an archive that was `unknown`: `stored`, or `duplicate` when its files have gone into
    /// another one meanwhile.
    async fn settle_stored(
        &self,
        session: SessionId,
        bundle: BundleRef,
        confirmed: Confirmation,
    ) -> Result<ArchiveState>;
    /// An archive has been `unknown` for too long: its files are queued again; it stays `unknown` and the vault is asked
    /// again at `next_try`.
    async fn repeat_unknown(&self, session: SessionId, bundle: BundleRef, next_try: Time) -> Result<u64>;
    /// An archive that the vault holds and nobody here knows.
    async fn orphan_found(&self, session: SessionId, orphan: Orphan) -> Result<()>;
    /// Archives that are not settled, by state: at most `limit`, oldest first.
    async fn archives_live(&self, limit: u32) -> Result<Vec<ArchiveRow>>;
    /// One archive.
    async fn archive(&self, uuid: ArchiveUuid) -> Result<Option<ArchiveRow>>;
    /// Members of an archive after a header offset, in order of offset.
    async fn members(&self, archive: ArchiveId, after: Option<u64>, limit: u32) -> Result<Vec<MemberRow>>;
    /// Bundles that are still wanted, staged anywhere: name, and bytes where they are complete and lie in that folder of
    /// that host.
    async fn staged(&self, host: String, dir: PathBuf) -> Result<Vec<(String, ArchiveUuid, Option<u64>)>>;

    /// Takes over complete bundles of hosts where nobody is left: those whose staged files (`names`) lie in `dir` now
    /// belong to `host` (a machine that was renamed, a container that was made anew). Those of hosts where nobody has
    /// been for `lost_after` and whose files lie nowhere in reach are abandoned, their files queued again.
    async fn adopt_staged(
        &self,
        session: SessionId,
        host: String,
        dir: PathBuf,
        names: Vec<String>,
        lost_after: Duration,
    ) -> Result<Adopted>;

    // --- vault ----------------------------------------------------------------------------------------------------

    /// The identity written into the vault of that name, if this state has one.
    async fn vault_identity(&self, name: String) -> Result<VaultKnown>;
    /// Remembers it: before it is written into the vault (`made` is false), and once it stands there. The first one
    /// stays: of two processes that make a vault at once both get the answer of the first.
    async fn vault_remember(&self, name: String, uuid: VaultUuid, made: bool) -> Result<VaultUuid>;

    // --- findings, duties, orders, events -------------------------------------------------------------------------

    /// Writes the whole set of findings that hold within `scope` now. What was not there before is raised, what is no
    /// longer there is cleared; both are the difference, and both leave an event.
    async fn notice_round(&self, scope: String, findings: Vec<Finding>) -> Result<NoticeRound>;
    /// Open findings, worst first.
    async fn notices(&self) -> Result<Vec<NoticeRow>>;
    /// Acknowledges a finding until a time. Whether there was such a finding.
    async fn notice_ack(&self, rule: String, object: String, until: Time, who: String) -> Result<bool>;
    /// Takes or keeps a duty: nothing if another live session has it.
    async fn duty_take(&self, name: String, session: SessionId) -> Result<Option<DutyRow>>;
    /// Writes the outcome of a run of a duty and when it is next due.
    async fn duty_done(
        &self,
        name: String,
        session: SessionId,
        generation: Generation,
        next_run: Time,
        result: String,
    ) -> Result<()>;
    /// Lets go of a duty.
    async fn duty_release(&self, name: String, session: SessionId) -> Result<()>;
    /// A duty as it stands.
    async fn duty(&self, name: String) -> Result<Option<DutyRow>>;
    /// Asks for a change to a pool; returns the order as it stands after it.
    async fn order(&self, change: PoolChange) -> Result<OrderRow>;
    /// Orders in force for a host.
    async fn orders(&self, host: String) -> Result<Vec<OrderRow>>;
    /// Orders in force on all hosts, by host and pool.
    async fn all_orders(&self) -> Result<Vec<OrderRow>>;
    /// An order has been applied, or could not be.
    async fn order_applied(&self, host: String, pool: String, generation: Generation, result: String) -> Result<()>;
    /// Records something an operator did or an alarm that changed.
    async fn event(&self, event: NewEvent) -> Result<()>;
    /// The newest events with numbers below `before`.
    async fn events(&self, before: Option<i64>, limit: u32) -> Result<Vec<EventRow>>;
    /// The newest events of one object, the newest first: at most `limit`.
    async fn events_of(&self, object: String, limit: u32) -> Result<Vec<EventRow>>;
    /// Drops events, failures and ended sessions older than `older_than`; how many rows. Beside them what moved more
    /// than [`FLOW_KEPT`] ago, which is not counted.
    async fn prune(&self, older_than: Time) -> Result<u64>;

    // --- alerts ---------------------------------------------------------------------------------------------------

    /// Enters a sender into service, unless it is.
    async fn alert_enter(&self, hold: Hold, sender: String) -> Result<()>;
    /// All that a sender's next message depends on.
    async fn alert_view(&self, sender: String) -> Result<AlertView>;
    /// A message is about to be sent, for the first time or again. It takes the place of any other one that this sender
    /// has pending.
    async fn alert_begin(&self, hold: Hold, sender: String, message: AlertMessage) -> Result<()>;
    /// The message (of a ping: nothing) went out: what it tells has been told.
    async fn alert_sent(&self, hold: Hold, sender: String, message: Option<String>, but: Option<String>) -> Result<()>;
    /// It did not go out. When that is `certain` it is pending no longer: what is to be told then is told anew. Else it
    /// stays, to be sent again as it is.
    async fn alert_failed(
        &self,
        hold: Hold,
        sender: String,
        certain: bool,
        error: String,
        next_try: Time,
    ) -> Result<()>;
    /// How all senders stand that have ever been in service.
    async fn tellers(&self) -> Result<Vec<TellerRow>>;
    /// What was told, by whom: rule and object, sender, when; of open findings alone.
    async fn told(&self) -> Result<Vec<(String, ToldRow)>>;

    // --- reports --------------------------------------------------------------------------------------------------

    /// Totals per vault and lane, summed over all writers.
    async fn totals(&self) -> Result<Vec<Total>>;
    /// What is due now.
    async fn due(&self, host: String) -> Result<Due>;
    /// What is left to do; a file that failed `attempts` times or more is given up (until somebody retries it).
    async fn unfinished(&self, attempts: u32) -> Result<Unfinished>;
    /// How each lane stands.
    async fn lanes(&self) -> Result<Vec<LaneState>>;
    /// Queue rows of a lane and state after a place in their order.
    async fn queue_page(
        &self,
        lane: Lane,
        state: QueueState,
        after: Option<(Time, FileId)>,
        limit: u32,
    ) -> Result<Vec<QueueRow>>;
    /// Failed queue rows with their newest reason, the next to be tried first.
    async fn failed_page(&self, after: Option<(Time, FileId)>, limit: u32) -> Result<Vec<FailedRow>>;
    /// The page of the same rows that ends before a place (nothing: the last page), in the same order.
    async fn failed_page_before(&self, before: Option<(Time, FileId)>, limit: u32) -> Result<Vec<FailedRow>>;
    /// How everything stands, read at one instant.
    async fn overview(&self, look: Look) -> Result<Overview>;
    /// Sources that this state has ever seen, by number.
    async fn sources(&self) -> Result<Vec<SourceRow>>;
    /// What moved since then, oldest first: buckets that began at `since` or later.
    async fn flow(&self, since: Time) -> Result<Vec<FlowRow>>;
    /// Who has been at work since then: every session that was heard of at `since` or later. Only in these spans does
    /// a missing [`FlowRow`] mean that nothing moved; else nobody looked.
    async fn watched(&self, since: Time) -> Result<Vec<Watch>>;
    /// The newest live files stored since then, at most `limit`, newest first.
    async fn latest(&self, since: Time, limit: u32) -> Result<Vec<Latest>>;
    /// All about a version of a file.
    async fn file_detail(&self, file: FileId) -> Result<Option<FileDetail>>;
    /// All about an archive.
    async fn archive_detail(&self, uuid: ArchiveUuid) -> Result<Option<ArchiveDetail>>;
    /// Files whose keys begin with `prefix`, of one source or (in order of their number) of all: after `after`, at most
    /// `limit`, each as its newest version.
    async fn find_files(
        &self,
        source: Option<SourceId>,
        prefix: Vec<u8>,
        after: Option<(SourceId, Key)>,
        limit: u32,
    ) -> Result<Vec<FileRow>>;

    // --- what can be restored -------------------------------------------------------------------------------------

    /// Keys of a source in order: after `after`, with `prefix`, at most `limit`, each with the version that would be
    /// restored `at` that time (or now). A key without any stored version comes with none.
    async fn restorable(
        &self,
        source: SourceId,
        prefix: Vec<u8>,
        after: Option<Key>,
        at: Option<Time>,
        limit: u32,
    ) -> Result<Vec<RestorableKey>>;
    /// The same for one key.
    async fn restorable_key(&self, source: SourceId, key: Key, at: Option<Time>) -> Result<Option<RestorableKey>>;
    /// One version of a file, whether or not there are newer ones; without a version when no vault holds it. Nothing
    /// when there is no such file.
    async fn restorable_file(&self, file: FileId) -> Result<Option<RestorableKey>>;
    /// The same from another archive than this one, where another one holds that version, too.
    async fn restorable_elsewhere(&self, file: FileId, than: ArchiveId) -> Result<Option<RestorableKey>>;
    /// Files of an archive that a vault holds, as they lie there: after a header offset, at most `limit`. Of two versions
    /// of one key the later. `within`: without those that have a newer version in an archive that a vault took then, from
    /// the first moment to before the second.
    async fn restorable_members(
        &self,
        archive: ArchiveId,
        within: Option<(Time, Time)>,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RestorableMember>>;
    /// How what is asked for stands, each for itself, all read at one instant. For at most `near` of the keys that are
    /// not known, what lies beside them is looked through for the one that was perhaps meant.
    async fn standing(&self, asked: Vec<Asked>, near: u32) -> Result<Vec<Standing>>;
}
