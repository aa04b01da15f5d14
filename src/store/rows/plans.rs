//! Plans: what is to be restored, where to, from which archives, and what became of it.

use std::ffi::OsString;
use std::ops::Range;

use crate::base::hash::{Hash16, Hash32};
use crate::base::ids::{ArchiveId, ArchiveUuid, DestId, FileId, Generation, Key, PlanId, RetrievalId, SourceId};
use crate::base::{FileTime, Money, Time};
use crate::store::{ArchiveState, RetrievalRow};

coded! {
    /// Where a plan stands.
    PlanState {
        /// Being put together; nobody can confirm it.
        Draft = 0 "draft",
        /// Priced and saved; nothing has been asked for.
        Planned = 1 "planned",
        /// Confirmed: it is carried out.
        Running = 2 "running",
        /// Nothing of it is left to do.
        Ended = 3 "ended",
        /// Somebody stopped it.
        Cancelled = 4 "cancelled",
        /// Nobody confirmed it.
        Dropped = 5 "dropped",
    }
}

coded! {
    /// Where an archive's part of a plan stands.
    PartState {
        /// No job has been asked for.
        Waiting = 0 "waiting",
        /// Its job is under way.
        Asked = 1 "asked",
        /// Its job's output can be read, or it needs no job.
        Ready = 2 "ready",
        /// Each of its files has its outcome.
        Done = 3 "done",
        /// It cannot go on as planned; why is said.
        Stopped = 4 "stopped",
        /// The plan was cancelled.
        Cancelled = 5 "cancelled",
    }
}

coded! {
    /// Where a file of a plan stands.
    RestoreState {
        /// Not there yet.
        Waiting = 0 "waiting",
        /// It is there.
        Delivered = 1 "delivered",
        /// It was there already, byte for byte.
        There = 2 "already there",
        /// It could not be delivered; why is said.
        Failed = 3 "failed",
        /// No vault can give it; why is said.
        Impossible = 4 "not possible",
    }
}

/// What a plan restores to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NewDest {
    /// `folder`; a plan with files for another kind is priced and never confirmed.
    pub kind: &'static str,
    /// Its place: a folder's absolute path.
    pub place: OsString,
}

/// A plan to be put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPlan {
    /// What was asked for, in words; safe to show.
    pub title: String,
    /// Who asks.
    pub who: String,
    /// The host whose folders it restores to.
    pub host: String,
    /// From which vault.
    pub vault: String,
    /// The plan whose rest it is.
    pub supplement_of: Option<PlanId>,
}

/// A file wanted at a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRestore {
    /// Grows with each file of a plan: files keep the order in which they were asked for.
    pub n: u64,
    /// Which version of which file; nothing where there is none.
    pub file: Option<FileId>,
    /// What it is called: its key, or what was asked for.
    pub name: Key,
    /// Where it is: the archive, and where its bytes start there. Nothing: `why` says why not.
    pub from: Option<(ArchiveId, u64)>,
    /// Bytes.
    pub length: u64,
    /// Where to.
    pub dest: DestId,
    /// Its path below the destination.
    pub target: Key,
    /// Whether what is there is replaced.
    pub overwrite: bool,
    /// Why it cannot be restored.
    pub why: Option<String>,
    /// The source of a key that has no version to be restored, and as of when one was wanted: another plan may find one.
    pub asked: Option<(SourceId, Option<Time>)>,
}

/// A file of a draft, with what its archive is like: in order of archive and offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// The archive.
    pub archive: ArchiveId,
    /// Its bytes.
    pub archive_size: u64,
    /// Where it stands.
    pub archive_state: ArchiveState,
    /// Where the file's bytes start.
    pub offset: u64,
    /// Tells two wishes for one file apart.
    pub n: u64,
    /// Bytes.
    pub length: u64,
    /// Where it goes.
    pub dest: DestId,
    /// Its path there.
    pub target: Key,
    /// Whether what is there is replaced.
    pub overwrite: bool,
}

/// An archive's part of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPart {
    /// The archive.
    pub archive: ArchiveId,
    /// Bytes of it that are wanted, from the first to the last; nothing: no job is needed.
    pub need: Option<Range<u64>>,
    /// Bytes of it that a job is asked for; nothing as above.
    pub range: Option<Range<u64>>,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that are read.
    pub read_bytes: u64,
    /// What asking costs (nothing when it joins).
    pub price: Money,
    /// What asking costs when the job that it counts on is gone.
    pub full_price: Money,
    /// What reading costs.
    pub egress: Money,
    /// The job that it joins.
    pub joins: Option<RetrievalId>,
    /// So many times 24 hours after the confirmation it may be asked for, at the earliest.
    pub day: u32,
}

/// What a plan comes to, as it is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanTotals {
    /// How fast, as the tier's word; nothing where there is nothing to choose.
    pub tier: Option<String>,
    /// The tariff's name.
    pub tariff: String,
    /// The hash of its content.
    pub tariff_hash: Hash32,
    /// The hash of the whole plan.
    pub hash: Hash32,
    /// Files that will be delivered.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that cannot be.
    pub impossible: u64,
    /// Of the files, those that may replace what is there and differs.
    pub overwrites: u64,
    /// Archives.
    pub archives: u64,
    /// Jobs to be asked for.
    pub jobs: u64,
    /// Jobs that are there already.
    pub joined: u64,
    /// Bytes to be made readable.
    pub asked_bytes: u64,
    /// Bytes to be read.
    pub read_bytes: u64,
    /// What it costs.
    pub price: Money,
    /// Whether all prices that it rests on are verified.
    pub sure: bool,
    /// What it costs at most.
    pub ceiling: Money,
    /// Why it may cost more than its price: names and amounts.
    pub risks: Vec<(String, Money)>,
    /// How long it takes, seconds: from, to; nothing when that is not known.
    pub seconds: Option<(u64, u64)>,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    /// Its number.
    pub id: PlanId,
    /// Where it stands.
    pub state: PlanState,
    /// What was asked for.
    pub title: String,
    /// Who asked.
    pub made_by: String,
    /// When.
    pub made_at: Time,
    /// The host whose folders it restores to.
    pub host: String,
    /// From which vault.
    pub vault: String,
    /// The plan whose rest it is.
    pub supplement_of: Option<PlanId>,
    /// What it comes to; nothing for a draft.
    pub totals: Option<PlanTotals>,
    /// Who confirmed it, and when.
    pub confirmed: Option<(String, Time)>,
    /// When nothing of it was left to do.
    pub ended_at: Option<Time>,
    /// What has been spent.
    pub spent: Money,
    /// Files that have been delivered, or were there.
    pub delivered: u64,
    /// Of those, how many were there already.
    pub there: u64,
    /// Bytes that have been delivered.
    pub delivered_bytes: u64,
    /// Files that failed.
    pub failed: u64,
    /// Parts that are not at their end.
    pub parts_left: u64,
    /// Parts that were stopped.
    pub parts_stopped: u64,
    /// What its ceiling was raised by since it was confirmed, to make jobs faster.
    pub raised: Money,
    /// What of its ceiling is held for jobs that are still to be made faster.
    pub held: Money,
}

/// An archive's part of a plan, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanPartRow {
    /// The plan.
    pub plan: PlanId,
    /// The archive.
    pub archive: ArchiveId,
    /// Its name.
    pub uuid: ArchiveUuid,
    /// Where the part stands.
    pub state: PartState,
    /// As it was planned.
    pub part: NewPart,
    /// Its job.
    pub retrieval: Option<RetrievalRow>,
    /// How often a job was asked for.
    pub asked_times: u32,
    /// When it may go on.
    pub not_before: Option<Time>,
    /// What is in its way, or why it was stopped.
    pub reason: Option<String>,
    /// How often in a row it has failed, or was refused.
    pub attempts: u32,
}

/// Confirms a plan: who, under which limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// The plan.
    pub plan: PlanId,
    /// As it was shown.
    pub hash: Hash32,
    /// Who confirms.
    pub who: String,
    /// What the ceiling comes to on each day from today: reserved for that day.
    pub days: Vec<(u32, Money)>,
    /// The most that one plan may cost.
    pub plan_limit: Option<Money>,
    /// The most that restores may cost in a day (UTC).
    pub day_limit: Option<Money>,
    /// The most that restores may cost in a month (UTC).
    pub month_limit: Option<Money>,
}

/// What came of confirming.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// It is carried out.
    Yes,
    /// Somebody was first.
    Already {
        /// Who.
        who: String,
        /// When.
        at: Time,
    },
    /// It is no longer the plan that was shown.
    Changed,
    /// It can no longer be confirmed.
    Not(PlanState),
    /// Files of it go to something else than folders: that is priced only.
    Undelivered {
        /// Its kind: `s3`, `mogile`.
        kind: String,
    },
    /// It would go beyond a budget.
    Over {
        /// `plan`, `day` or `month`.
        budget: &'static str,
        /// Which day or month; empty for a plan.
        when: String,
        /// The budget.
        limit: Money,
        /// What is spent and reserved already.
        used: Money,
        /// What this plan would add.
        asked: Money,
    },
}

/// What restores have used of their budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// Today (UTC), spent and reserved.
    pub day: Money,
    /// This month (UTC), spent and reserved.
    pub month: Money,
}

/// What restores have used of their budgets, day by day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsedDays {
    /// Today: whole days since 1970, UTC.
    pub today: i64,
    /// Days that have something, in order, each with what is spent and reserved.
    pub days: Vec<(i64, Money)>,
}

/// A part whose files can be delivered, claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartWork {
    /// The plan.
    pub plan: PlanId,
    /// The archive.
    pub archive: ArchiveId,
    /// Its name.
    pub uuid: ArchiveUuid,
    /// Bytes of the archive.
    pub archive_size: u64,
    /// Under which it is held.
    pub generation: Generation,
    /// Its job; nothing when none is needed.
    pub retrieval: Option<RetrievalRow>,
    /// Failures of it as a whole in a row.
    pub attempts: u32,
}

/// A file to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFile {
    /// Where its bytes start in the archive.
    pub offset: u64,
    /// Tells two wishes for one file apart.
    pub n: u64,
    /// The file.
    pub file: FileId,
    /// Its source.
    pub source: SourceId,
    /// Its key.
    pub key: Key,
    /// Bytes.
    pub length: u64,
    /// Permission bits.
    pub mode: u32,
    /// Last change of its content.
    pub mtime: FileTime,
    /// SHA-256 of its bytes.
    pub sha256: Hash32,
    /// Their MD5, where it is known.
    pub md5: Option<Hash16>,
    /// Where to.
    pub dest: DestId,
    /// Its path there.
    pub target: Key,
    /// Whether what is there is replaced.
    pub overwrite: bool,
}

/// How a file of a part came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOutcome {
    /// Where its bytes start in the archive.
    pub offset: u64,
    /// Tells two wishes for one file apart.
    pub n: u64,
    /// Delivered, there, or failed.
    pub state: RestoreState,
    /// Its bytes.
    pub bytes: u64,
    /// Why it failed.
    pub reason: Option<String>,
}

/// How a claimed part goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartEnd {
    /// Each of its files has its outcome.
    Done,
    /// Not now; again then.
    Later {
        /// When.
        next_try: Time,
        /// Why.
        reason: String,
        /// Whether it counts as a failure.
        failed: bool,
    },
    /// Its job's output cannot be read any more: it has to be asked for again.
    AskAgain(String),
    /// It cannot go on.
    Stopped(String),
}

/// A file of a plan, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreRow {
    /// The archive; nothing when no vault has it.
    pub archive: Option<ArchiveId>,
    /// Where its bytes start there.
    pub offset: u64,
    /// Its number in the plan.
    pub n: u64,
    /// The file.
    pub file: Option<FileId>,
    /// Its source's name.
    pub source: Option<String>,
    /// Its key, or what was asked for.
    pub name: Key,
    /// Of a key that had no version: its source, and as of when one was wanted.
    pub asked: Option<(SourceId, Option<Time>)>,
    /// Bytes.
    pub length: u64,
    /// What it goes to: `folder`, or another kind.
    pub kind: String,
    /// Where to: the folder.
    pub place: OsString,
    /// Its path there.
    pub target: Key,
    /// Whether what is there is replaced.
    pub overwrite: bool,
    /// Where it stands.
    pub state: RestoreState,
    /// Why it failed.
    pub reason: Option<String>,
    /// When it had its outcome.
    pub done_at: Option<Time>,
}

/// What a cancelled plan leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelledPlan {
    /// Whether it was running.
    pub done: bool,
    /// What had been spent.
    pub spent: Money,
    /// Files that had been delivered.
    pub delivered: u64,
    /// Jobs that go on at the vault although nobody needs them: they cannot be taken back.
    pub jobs: u64,
}
