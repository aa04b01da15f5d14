//! Everything that the Restore tab and `firn restores` show, at one instant: plans with the step each is in, retrieval
//! jobs with their countdowns, money against its budgets.
//!
//! Pure: [`steps`], [`due`] and [`json()`]. Thin: [`gather`] reads the state, a bounded number of rows whatever it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::base::encode::put_bytes;
use crate::base::ids::{PlanId, RetrievalId};
use crate::base::{Money, Time};
use crate::restore::findings::{Held, held};
use crate::restore::price::Budget;
use crate::retrieval::room::MARGIN;
use crate::store::{
    PartState, PlanPartRow, PlanRow, PlanState, PlanTotals, Result, RetrievalRow, RetrievalState, Store, Used,
};

/// Plans that a snapshot lists.
pub const PLANS: u32 = 200;
/// Jobs that a snapshot lists.
pub const JOBS: u32 = 500;
/// Running plans whose parts are looked at.
const LOOKED_AT: usize = 16;
/// Parts of each of them.
const PARTS: u32 = 200;
/// A job whose output lives shorter than this is asked for again where work still waits for it.
pub const ENDING: Duration = MARGIN;

/// How restores stand at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoreSnapshot {
    /// The instant, by the clock of the state.
    pub now: Time,
    /// Plans, the newest first, up to [`PLANS`].
    pub plans: Vec<PlanLine>,
    /// There are older ones.
    pub more_plans: bool,
    /// Jobs that somebody may wait for, by number, up to [`JOBS`].
    pub jobs: Vec<JobLine>,
    /// There are more of them.
    pub more_jobs: bool,
    /// What restores have used of their budgets.
    pub used: Used,
    /// The budgets.
    pub limits: Budget,
}

/// A plan, and where its parts stand.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanLine {
    /// The plan.
    pub row: PlanRow,
    /// Where its parts stand; nothing where they were not looked at.
    pub steps: Option<Steps>,
    /// What holds it up: the worst of its parts; nothing where none failed when it was last tried.
    pub held: Option<Held>,
}

/// Where the parts of a plan stand: how many are in each step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Steps {
    /// Recorded; no job has been asked for.
    pub recorded: u64,
    /// Their jobs are under way.
    pub asked: u64,
    /// Readable: fetched, checked and delivered file by file.
    pub ready: u64,
    /// Each file has its outcome.
    pub done: u64,
    /// They cannot go on.
    pub stopped: u64,
    /// When the last of the jobs under way should be readable; nothing when that is not known.
    pub ready_at: Option<Time>,
    /// When the first output that is still needed is gone.
    pub expires_at: Option<Time>,
    /// Why the first of them that is held up is.
    pub reason: Option<String>,
    /// Only the first parts were looked at: there are more.
    pub more: bool,
}

/// The step of a plan's slowest part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Recorded; a job is still to be asked for.
    Recorded,
    /// Its job is under way.
    Asked,
    /// It is readable: fetched, checked, delivered.
    Ready,
    /// It is delivered.
    Delivered,
    /// It was stopped.
    Stopped,
}

impl Step {
    /// The word that reports use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Asked => "job asked",
            Self::Ready => "fetching",
            Self::Delivered => "delivered",
            Self::Stopped => "stopped",
        }
    }
}

impl Steps {
    /// The step of the slowest.
    pub fn slowest(&self) -> Option<Step> {
        let counts = [
            (self.recorded, Step::Recorded),
            (self.asked, Step::Asked),
            (self.ready, Step::Ready),
            (self.done, Step::Delivered),
            (self.stopped, Step::Stopped),
        ];
        counts.into_iter().find(|(count, _)| *count > 0).map(|(_, step)| step)
    }
}

/// A job, who waits for it, and when it should be readable.
#[derive(Debug, Clone, PartialEq)]
pub struct JobLine {
    /// The job.
    pub row: RetrievalRow,
    /// Plans that are known to wait for it, lowest first.
    pub plans: Vec<PlanId>,
    /// When it should be readable, by the longest time its plan counts with; nothing when that is not known.
    pub expected: Option<Time>,
}

/// What is waited for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// It is gone then.
    Expires(Time),
    /// It should be readable then.
    Ready(Time),
}

impl JobLine {
    /// What is waited for next of it.
    pub fn due(&self) -> Option<Due> {
        match self.row.state {
            RetrievalState::Intended | RetrievalState::Asked => self.expected.map(Due::Ready),
            RetrievalState::Ready => self.row.expires_at.map(Due::Expires),
            _ => None,
        }
    }
}

impl PlanLine {
    /// What is waited for next of it: what expires soon comes before what becomes readable.
    pub fn due(&self, now: Time) -> Option<Due> {
        let steps = self.steps.as_ref()?;
        due(steps, now)
    }
}

/// What is waited for next: an output that is soon gone, else the next one that can be read, else the first to go.
pub fn due(steps: &Steps, now: Time) -> Option<Due> {
    let expires = steps.expires_at.map(Due::Expires);
    let ready = steps.ready_at.filter(|_| steps.asked > 0).map(Due::Ready);
    let ending = steps.expires_at.is_some_and(|at| at.since(now) < ENDING);
    if ending { expires } else { ready.or(expires) }
}

/// Where parts of one plan stand.
pub fn steps(parts: &[PlanPartRow], more: bool) -> Steps {
    let mut steps = Steps { more, ..Steps::default() };
    for part in parts {
        match part.state {
            PartState::Waiting => steps.recorded += 1,
            PartState::Asked => steps.asked += 1,
            PartState::Ready => steps.ready += 1,
            PartState::Done => steps.done += 1,
            PartState::Stopped | PartState::Cancelled => steps.stopped += 1,
        }
        if let Some(job) = &part.retrieval {
            match part.state {
                PartState::Asked => {
                    steps.ready_at = steps.ready_at.max(job.due);
                }
                PartState::Ready => {
                    let expires = [steps.expires_at, job.expires_at];
                    steps.expires_at = expires.into_iter().flatten().min();
                }
                _ => {}
            }
        }
        let held = !matches!(part.state, PartState::Done | PartState::Cancelled);
        if steps.reason.is_none() && held {
            steps.reason.clone_from(&part.reason);
        }
    }
    steps
}

/// What holds plans up, by plan: up to [`PLANS`] of them.
pub async fn stuck(store: &dyn Store) -> Result<BTreeMap<PlanId, Held>> {
    Ok(store.plans_held(PLANS).await?.iter().map(|part| (part.plan, held(part))).collect())
}

/// Reads how restores stand.
pub async fn gather(store: &dyn Store, limits: Budget) -> Result<RestoreSnapshot> {
    let now = store.now().await?;
    let rows = store.plans(None, PLANS).await?;
    let more_plans = rows.len() == PLANS as usize;
    let mut waiting: BTreeMap<RetrievalId, BTreeSet<PlanId>> = BTreeMap::new();
    let mut plans = Vec::with_capacity(rows.len());
    let mut stuck = stuck(store).await?;
    let mut looked_at = 0;
    for row in rows {
        let mut standing = None;
        // Newest first: those that somebody watches.
        if row.state == PlanState::Running && looked_at < LOOKED_AT {
            looked_at += 1;
            let parts = store.plan_parts_page(row.id, None, PARTS).await?;
            for part in &parts {
                let live = matches!(part.state, PartState::Asked | PartState::Ready);
                if let Some(job) = part.retrieval.as_ref().filter(|_| live) {
                    waiting.entry(job.id).or_default().insert(row.id);
                }
            }
            standing = Some(steps(&parts, parts.len() == PARTS as usize));
        }
        let held = stuck.remove(&row.id);
        plans.push(PlanLine { row, steps: standing, held });
    }
    let jobs = store.retrievals(None, JOBS).await?;
    let more_jobs = jobs.len() == JOBS as usize;
    let jobs = jobs.into_iter().map(|row| job_line(row, &waiting)).collect();
    let used = store.used(SPENDER).await?;
    Ok(RestoreSnapshot { now, plans, more_plans, jobs, more_jobs, used, limits })
}

/// Restores in the ledger.
pub const SPENDER: &str = "restore";

fn job_line(row: RetrievalRow, waiting: &BTreeMap<RetrievalId, BTreeSet<PlanId>>) -> JobLine {
    let mut of = waiting.get(&row.id).cloned().unwrap_or_default();
    of.extend(row.plan);
    let expected = row.due;
    JobLine { row, plans: of.into_iter().collect(), expected }
}

/// All of it for scripts. Names are stable: fields are added, none is renamed. Times are RFC 3339 in UTC, sizes bytes,
/// money US dollars as decimal text, spans whole seconds; what is not known is null.
pub fn json(snapshot: &RestoreSnapshot) -> Value {
    json!({
        "time": snapshot.now.to_string(),
        "plans": snapshot.plans.iter().map(plan).collect::<Vec<_>>(),
        "more_plans": snapshot.more_plans,
        "jobs": snapshot.jobs.iter().map(job).collect::<Vec<_>>(),
        "more_jobs": snapshot.more_jobs,
        "used": { "day": dollars(snapshot.used.day), "month": dollars(snapshot.used.month) },
        "budget": {
            "plan": snapshot.limits.plan.map(dollars),
            "day": snapshot.limits.day.map(dollars),
            "month": snapshot.limits.month.map(dollars),
        },
    })
}

/// An amount exactly: `12.340000000`.
pub fn dollars(money: Money) -> String {
    let (sign, nanos) =
        if money.nanos() < 0 { ("-", money.nanos().unsigned_abs()) } else { ("", money.nanos().unsigned_abs()) };
    format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

fn time(at: Option<Time>) -> Value {
    at.map_or(Value::Null, |at| Value::from(at.to_string()))
}

fn plan(line: &PlanLine) -> Value {
    let row = &line.row;
    json!({
        "plan": row.id.0,
        "state": row.state.word(),
        "title": row.title,
        "host": row.host,
        "vault": row.vault,
        "made_by": row.made_by,
        "made_at": row.made_at.to_string(),
        "supplement_of": row.supplement_of.map(|plan| plan.0),
        "confirmed_by": row.confirmed.as_ref().map(|(who, _)| who),
        "confirmed_at": time(row.confirmed.as_ref().map(|(_, at)| *at)),
        "ended_at": time(row.ended_at),
        "totals": row.totals.as_ref().map(totals),
        "spent": dollars(row.spent),
        "raised": dollars(row.raised),
        "delivered": row.delivered,
        "delivered_bytes": row.delivered_bytes,
        "failed": row.failed,
        "parts_left": row.parts_left,
        "parts_stopped": row.parts_stopped,
        "held": line.held.as_ref().map(|held| json!({ "severity": held.severity.word(), "why": held.why })),
        "steps": line.steps.as_ref().map(|steps| json!({
            "slowest": steps.slowest().map(Step::word),
            "recorded": steps.recorded,
            "job_asked": steps.asked,
            "fetching": steps.ready,
            "delivered": steps.done,
            "stopped": steps.stopped,
            "ready_at": time(steps.ready_at),
            "expires_at": time(steps.expires_at),
            "reason": steps.reason,
            "more": steps.more,
        })),
    })
}

fn totals(totals: &PlanTotals) -> Value {
    json!({
        "tier": totals.tier,
        "tariff": totals.tariff,
        "tariff_hash": totals.tariff_hash.to_string(),
        "hash": totals.hash.to_string(),
        "files": totals.files,
        "bytes": totals.bytes,
        "impossible": totals.impossible,
        "overwrites": totals.overwrites,
        "archives": totals.archives,
        "jobs": totals.jobs,
        "joined": totals.joined,
        "asked_bytes": totals.asked_bytes,
        "read_bytes": totals.read_bytes,
        "price": dollars(totals.price),
        "price_verified": totals.sure,
        "ceiling": dollars(totals.ceiling),
        "risks": totals.risks.iter().map(|(name, money)| json!({ "risk": name, "price": dollars(*money) })).collect::<Vec<_>>(),
        "seconds": totals.seconds.map(|(from, to)| json!([from, to])),
    })
}

fn job(line: &JobLine) -> Value {
    let row = &line.row;
    let mut fields = serde_json::Map::new();
    put_bytes(&mut fields, "archive_id", &row.remote_id);
    if let Some(id) = &row.job_id {
        put_bytes(&mut fields, "job_id", id);
    }
    let known = json!({
        "retrieval": row.uuid.to_string(),
        "archive": row.archive_uuid.to_string(),
        "vault": row.vault,
        "from": row.range.start,
        "until": row.range.end,
        "tier": row.tier,
        "faster": row.faster.as_ref().map(|hurry| &hurry.tier),
        "plans": line.plans.iter().map(|plan| plan.0).collect::<Vec<_>>(),
        "state": row.state.word(),
        "price": dollars(row.price),
        "asked_at": row.asked_at.to_string(),
        "expected_at": time(line.expected),
        "ready_at": time(row.ready_at),
        "expires_at": time(row.expires_at),
        "note": row.note,
    });
    if let Value::Object(known) = known {
        fields.extend(known);
    }
    Value::Object(fields)
}
