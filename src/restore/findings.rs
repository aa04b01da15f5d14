//! What is wrong with restores: files that were not delivered, parts that stand still, jobs that are late or about to expire.

use std::time::Duration;

use crate::base::units::{Count, Span};
use crate::base::{Finding, Severity, Shown, Time};
use crate::retrieval::room::MARGIN;
use crate::store::{Look, PartState, PlanPartRow, PlanRow, Result, RetrievalRow, RetrievalState, Store};
use crate::worker::heard::nobody_restores;

/// The duty, and the scope of its findings.
pub const SCOPE: &str = "restore";
/// Plans that are told of.
const MOST: u32 = 1000;
/// Jobs that are looked at in one go.
const PAGE: u32 = 1000;
/// What a plan did not deliver is told for so long after its end.
const TOLD: Duration = Duration::from_hours(7 * 24);
/// Output with no more left than this, for which work waits, is told: an hour before it is asked for again ([`MARGIN`]).
const ENDING: Duration = Duration::from_hours(6);
/// A vault that refuses so often in a row does not only ask for patience.
const REFUSALS: u32 = 4;
/// A job is late when it takes longer than this: no tier takes longer than two days.
const LATE: Duration = Duration::from_hours(48);

/// What holds now.
pub async fn gather(store: &dyn Store, now: Time) -> Result<Vec<Finding>> {
    let plans = store.plans_undelivered(now.minus(TOLD), MOST).await?;
    let mut found: Vec<Finding> = plans.iter().map(|plan| undelivered(plan, now)).collect();
    for part in store.plans_held(MOST).await? {
        let (plan, held) = (part.plan, held(&part));
        found.push(
            Finding::new("restore.held", format!("plan {plan}"), held.severity, now)
                .value(format!("archive {}: {}", part.uuid, held.why))
                .limit("a destination that takes files, and a vault that gives them")
                .next(format!(
                    "mend it; it is tried again by itself (firn restores {plan} shows all that stand still)"
                )),
        );
    }
    // Who restores on another host tells of those where nobody does.
    let nothing = Duration::ZERO;
    let look = Look { archives: 0, failed: 0, plans: MOST, flow: nothing, latest: 0, latest_within: nothing };
    let seen = store.overview(look).await?;
    found.extend(nobody_restores(&seen.running, &seen.sessions, now));
    let mut after = None;
    loop {
        let jobs = store.retrievals(after, PAGE).await?;
        for job in &jobs {
            found.extend(of_job(store, job, now).await?);
        }
        after = jobs.last().map(|job| job.id);
        if jobs.len() < PAGE as usize {
            break;
        }
    }
    Ok(found)
}

/// What holds a plan up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// How bad that is.
    pub severity: Severity,
    /// Why.
    pub why: String,
}

/// What holds a part up that failed when it was last tried, or was refused.
pub fn held(part: &PlanPartRow) -> Held {
    // Vaults refuse now and then: who asks too fast is told to come again.
    let refused = matches!(part.state, PartState::Waiting | PartState::Asked);
    let severity = if refused && part.attempts < REFUSALS { Severity::Warning } else { Severity::Critical };
    let reason = part.reason.as_deref().unwrap_or("why is not known");
    let why = if refused { format!("{reason} (refused {} times)", part.attempts) } else { reason.to_owned() };
    Held { severity, why }
}

fn undelivered(plan: &PlanRow, now: Time) -> Finding {
    let files = plan.totals.as_ref().map_or(0, |totals| totals.files);
    let mut value = format!("{} of {} files were not delivered", Count(plan.failed), Count(files));
    if plan.parts_stopped > 0 {
        value = format!("{value}; {} archives were stopped", Count(plan.parts_stopped));
    }
    Finding::new("restore.failed", format!("plan {}", plan.id), Severity::Warning, plan.ended_at.unwrap_or(now))
        .value(format!("{value} ({})", Shown::text(&plan.title)))
        .limit("every file delivered")
        .next(format!("firn restores {id} says why; firn restore --rest-of {id} plans what is left", id = plan.id))
}

async fn of_job(store: &dyn Store, job: &RetrievalRow, now: Time) -> Result<Option<Finding>> {
    let object = format!("archive {}", job.archive_uuid);
    Ok(match job.state {
        RetrievalState::Ready => {
            let Some(until) = job.expires_at.filter(|until| until.since(now) <= ENDING) else { return Ok(None) };
            let waiting = store.retrieval_wanted(job.uuid).await?;
            (waiting > 0).then(|| {
                Finding::new("retrieval.expiring", object, Severity::Warning, now)
                    .value(format!(
                        "its output is gone in {}, and {} parts of plans wait to be delivered",
                        Span(until.since(now)),
                        Count(waiting)
                    ))
                    .limit(format!("{} left while work waits", Span(ENDING)))
                    .next(format!(
                        "see that its destination takes files; with {} left it is asked for again, which costs as much again",
                        Span(MARGIN)
                    ))
            })
        }
        RetrievalState::Intended | RetrievalState::Asked if now.since(job.asked_at) > LATE => Some(
            Finding::new("retrieval.late", object, Severity::Warning, job.asked_at)
                .value(format!(
                    "{} since {}{}",
                    job.state,
                    job.asked_at,
                    job.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default()
                ))
                .limit(format!("an end within {}", Span(LATE)))
                .next("the vault's own console says how its jobs stand; firn goes on asking"),
        ),
        _ => None,
    })
}
