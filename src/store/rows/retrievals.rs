//! Retrievals: jobs at a vault, and what makes them faster.

use std::ops::Range;

use crate::base::hash::Hash32;
use crate::base::ids::{ArchiveId, ArchiveUuid, PlanId, RetrievalId, RetrievalUuid};
use crate::base::{Money, Time};
use crate::store::PlanState;

coded! {
    /// Where a retrieval job stands.
    RetrievalState {
        /// Entered; the request may or may not have left.
        Intended = 0 "asking",
        /// The vault has taken the request.
        Asked = 1 "asked",
        /// Its output can be read.
        Ready = 2 "ready",
        /// It came to nothing.
        Failed = 3 "failed",
        /// Its output is gone again.
        Expired = 4 "expired",
        /// Nobody needs it any more.
        Closed = 5 "closed",
    }
}

/// A retrieval job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrievalRow {
    /// Its number.
    pub id: RetrievalId,
    /// Its name in the job's description.
    pub uuid: RetrievalUuid,
    /// The vault.
    pub vault: String,
    /// The archive.
    pub archive: ArchiveId,
    /// The archive's name.
    pub archive_uuid: ArchiveUuid,
    /// The vault's name for the archive.
    pub remote_id: Vec<u8>,
    /// Bytes of the archive.
    pub range: Range<u64>,
    /// How fast, as the tier's word.
    pub tier: Option<String>,
    /// The plan that asked first.
    pub plan: Option<PlanId>,
    /// Where it stands.
    pub state: RetrievalState,
    /// The vault's name for the job.
    pub job_id: Option<Vec<u8>>,
    /// What asking cost.
    pub price: Money,
    /// When it was entered.
    pub asked_at: Time,
    /// When its output could be read.
    pub ready_at: Option<Time>,
    /// Until when; nothing where it stays.
    pub expires_at: Option<Time>,
    /// When it is next looked at.
    pub next_look: Time,
    /// What was last heard of it, when that is bad.
    pub note: Option<String>,
    /// By when it should be readable, where it was made faster since it was asked for.
    pub due: Option<Time>,
    /// It is to be made faster.
    pub faster: Option<Hurry>,
}

/// What is under way to make a job faster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hurry {
    /// To which tier.
    pub tier: String,
    /// The plan that pays.
    pub plan: PlanId,
    /// What that costs.
    pub price: Money,
    /// Since when a request for it may have reached the vault: its price is spent. Nothing: none has, its price is held.
    pub asked: Option<Time>,
    /// How often the vault was asked and did not do it.
    pub tries: u32,
    /// When the vault is asked next.
    pub next: Time,
}

/// A job that is to be made faster, as it was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HurryJob {
    /// The job.
    pub job: RetrievalUuid,
    /// The tier it is in.
    pub from: Option<String>,
    /// What making it faster costs.
    pub price: Money,
}

/// Makes jobs that a running plan waits for faster, at the plan's cost: who, which, under which limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HurryPlan {
    /// The plan.
    pub plan: PlanId,
    /// Who asks for it.
    pub who: String,
    /// To which tier.
    pub tier: String,
    /// The jobs.
    pub jobs: Vec<HurryJob>,
    /// The most that one plan may cost.
    pub plan_limit: Option<Money>,
    /// The most that restores may cost in a day (UTC).
    pub day_limit: Option<Money>,
    /// The most that restores may cost in a month (UTC).
    pub month_limit: Option<Money>,
}

/// What came of asking for jobs to be made faster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hurried {
    /// They will be.
    Yes {
        /// How many.
        jobs: u64,
        /// Jobs that no longer stood as they were shown, and are left as they are.
        left_out: u64,
        /// What was set aside.
        price: Money,
        /// The plan's ceiling now.
        ceiling: Money,
    },
    /// None of them stands as it was shown any more.
    Nothing,
    /// The plan is not running.
    Not(PlanState),
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
        /// What would be added; for a plan, what it could come to as a whole.
        asked: Money,
    },
}

/// Whether the vault is to be asked to make a job faster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HurryStep {
    /// Now; its price has just been spent.
    Ask(RetrievalRow),
    /// Once more: what came of the request before is not known. Its price was spent then.
    Again(RetrievalRow),
    /// No: it need not or cannot be any more, and its money is free again.
    Gone,
}

/// What was heard of making a job faster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HurryHeard {
    /// It is.
    Done {
        /// When to look at it.
        next_look: Time,
        /// By when it should be readable.
        due: Option<Time>,
    },
    /// It certainly was not, and goes on as it was. Asked again then; nothing: its money is free again.
    Refused {
        /// Why.
        why: String,
        /// When it is asked again.
        again: Option<Time>,
    },
    /// It may have been; asked again then.
    Unknown {
        /// Why.
        why: String,
        /// When.
        again: Time,
    },
    /// It may have been, and that cannot be found out any more: it counts as paid.
    Lost(String),
}

/// A job to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskPart {
    /// The plan.
    pub plan: PlanId,
    /// The archive.
    pub archive: ArchiveId,
    /// The name it would get.
    pub uuid: RetrievalUuid,
    /// What it would cost now.
    pub price: Money,
    /// The tariff it costs that by.
    pub tariff_hash: Hash32,
    /// A job whose output lives at least until then is joined.
    pub joinable_until: Time,
    /// The archive is not asked for again when it has been so often.
    pub most: u32,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobAsked {
    /// The part waits for a job that was there.
    Joined(RetrievalRow),
    /// A job was entered, and money set aside: the vault is to be asked now.
    New(RetrievalRow),
    /// No job is needed.
    Nothing,
    /// The part was stopped; why.
    Stopped(String),
    /// Somebody else has done it, or the plan is over.
    Gone,
}

/// What was heard of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The vault took the request, and calls it so.
    Taken {
        /// The vault's name for the job.
        job_id: Vec<u8>,
        /// When to look at it.
        next_look: Time,
        /// When its output can be read at the latest, by its tier; nothing: that is not known.
        due: Option<Time>,
    },
    /// The request certainly did not take effect: what was set aside is free again. Tried again then.
    Refused {
        /// Why.
        why: String,
        /// When the parts that wait for it may ask again.
        next_try: Time,
    },
    /// The vault does not have the archive: what was set aside is free again, and parts that wait for it are stopped.
    Gone(String),
    /// Nothing new; looked at again then.
    Still {
        /// When.
        next_look: Time,
        /// What is in the way.
        note: Option<String>,
    },
    /// Its output can be read.
    Ready {
        /// Until when.
        until: Option<Time>,
        /// When to look at it again.
        next_look: Time,
    },
    /// It came to nothing.
    Failed(String),
    /// Its output is gone.
    Expired,
    /// Its output will soon be gone: parts that nobody is delivering ask for another job.
    Ending {
        /// When to look at it again.
        next_look: Time,
    },
}
