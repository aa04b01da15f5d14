//! `firn restores`

use clap::Args as ClapArgs;
use serde::Serialize;

use super::{CliError, faster, out, who};
use crate::base::ids::{ArchiveId, PlanId};
use crate::base::units::{Count, Size, Span};
use crate::base::{Severity, Shown, Time};
use crate::config::Config;
use crate::restore::view::replaces;
use crate::services::Services;
use crate::store::{Look, PlanPartRow, PlanRow, PlanState, RestoreRow, RetrievalRow};
use crate::worker::heard::nobody_restores;

#[derive(Debug, ClapArgs)]
#[allow(clippy::struct_excessive_bools)] // flags of a command line
#[command(after_help = "\
Exit code:
  0  nothing is wrong with restores
  1  something is to be seen to (WARNING), or the command could not be carried out
  2  files wait that cannot go on (CRITICAL), or the command line is wrong
  3  the state cannot be read (UNKNOWN)")]
pub struct Args {
    /// One plan: its price, its archives and jobs, and its files that went wrong
    plan: Option<i64>,
    /// With each of its files
    #[arg(long, requires = "plan")]
    files: bool,
    /// Stops the plan; what has been delivered stays, what has been asked for is paid
    #[arg(long, requires = "plan", conflicts_with = "files")]
    cancel: bool,
    /// Makes the plan's jobs that are under way faster, where the vault can: expedited or standard. Says what that costs first
    #[arg(long, value_name = "TIER", requires = "plan", conflicts_with_all = ["files", "cancel"])]
    faster: Option<String>,
    /// Does not ask before it spends
    #[arg(long, requires = "faster")]
    yes: bool,
    /// How many plans are listed, newest first
    #[arg(long, default_value_t = 20, value_name = "N", conflicts_with = "plan")]
    limit: u32,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// A plan in JSON.
#[derive(Debug, Serialize)]
struct PlanView {
    plan: i64,
    state: &'static str,
    title: String,
    made_by: String,
    made_at: String,
    confirmed_by: Option<String>,
    confirmed_at: Option<String>,
    ended_at: Option<String>,
    vault: String,
    tier: Option<String>,
    tariff: Option<String>,
    files: Option<u64>,
    bytes: Option<u64>,
    archives: Option<u64>,
    delivered: u64,
    already_there: u64,
    delivered_bytes: u64,
    failed: u64,
    not_possible: Option<u64>,
    overwrites: Option<u64>,
    archives_left: u64,
    archives_stopped: u64,
    price_nanodollars: Option<i64>,
    ceiling_nanodollars: Option<i64>,
    spent_nanodollars: i64,
    made_faster_nanodollars: i64,
    supplement_of: Option<i64>,
}

/// An archive of a plan in JSON.
#[derive(Debug, Serialize)]
struct PartView {
    archive: String,
    state: &'static str,
    files: u64,
    bytes: u64,
    range: Option<(u64, u64)>,
    job: Option<JobView>,
    asked_times: u32,
    not_before: Option<String>,
    reason: Option<String>,
}

/// A job in JSON.
#[derive(Debug, Serialize)]
struct JobView {
    job: String,
    archive: String,
    state: &'static str,
    tier: Option<String>,
    range: (u64, u64),
    asked_at: String,
    ready_at: Option<String>,
    expires_at: Option<String>,
    faster: Option<String>,
    note: Option<String>,
}

/// A file of a plan in JSON.
#[derive(Debug, Serialize)]
struct FileView {
    name: String,
    source: Option<String>,
    bytes: u64,
    to: String,
    state: &'static str,
    reason: Option<String>,
    at: Option<String>,
}

/// `firn restores --json`.
#[derive(Debug, Serialize)]
struct Report {
    severity: &'static str,
    plans: Vec<PlanView>,
    more_plans: bool,
    jobs: Vec<JobView>,
    more_jobs: bool,
    used_today_nanodollars: i64,
    used_this_month_nanodollars: i64,
}

/// `firn restores PLAN --json`; the lists `parts` and `files` follow.
#[derive(Debug, Serialize)]
struct One {
    #[serde(flatten)]
    plan: PlanView,
    risks: Vec<(String, i64)>,
}

/// Rows read in one go.
const PAGE: u32 = 500;
/// Jobs listed.
const JOBS: u32 = 200;

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    match args.plan.map(PlanId) {
        Some(plan) if args.cancel => cancel(&services, plan).await,
        Some(plan) if args.faster.is_some() => {
            let asked =
                faster::Asked { tier: args.faster.as_deref().unwrap_or_default(), yes: args.yes, json: args.json };
            faster::run(&services, plan, asked).await
        }
        Some(plan) => one(&services, plan, &args).await,
        None => list(&services, &args).await,
    }
}

async fn cancel(services: &Services, plan: PlanId) -> Result<u8, CliError> {
    let done = services.cancel_plan(plan, who()).await?;
    if !done.done {
        let state = services.store.plan(plan).await?.map(|row| row.state);
        return Err(CliError::Refused(match state {
            Some(state) => format!("plan {plan} is {state}; only a running one is cancelled"),
            None => format!("there is no plan {plan}; firn restores lists them"),
        }));
    }
    out::line(format!(
        "plan {plan} is cancelled: {} files had been delivered and stay, {} is paid, {} jobs go on at the vault and cannot be taken back",
        Count(done.delivered),
        done.spent,
        Count(done.jobs)
    ))?;
    Ok(0)
}

/// The worst finding about restores.
async fn severity(services: &Services) -> Result<Severity, CliError> {
    let now = services.store.now().await?;
    let of_restores = |rule: &str| rule.starts_with("restore.") || rule.starts_with("retrieval.");
    let notices = services.store.notices().await?;
    let open = notices.iter().filter(|row| of_restores(&row.rule) && row.ack_until.is_none_or(|until| until <= now));
    let told = open.map(|row| row.severity).max().unwrap_or_default();
    let nothing = std::time::Duration::ZERO;
    let look = Look { archives: 0, failed: 0, plans: PAGE, flow: nothing, latest: 0, latest_within: nothing };
    let seen = services.store.overview(look).await?;
    let alone = nobody_restores(&seen.running, &seen.sessions, now);
    Ok(alone.into_iter().map(|found| found.severity).max().unwrap_or_default().max(told))
}

async fn list(services: &Services, args: &Args) -> Result<u8, CliError> {
    // One more than is told says whether there are more.
    let mut plans = services.store.plans(None, args.limit.saturating_add(1)).await?;
    let mut jobs = services.store.retrievals(None, JOBS + 1).await?;
    let (more_plans, more_jobs) = (plans.len() > args.limit as usize, jobs.len() > JOBS as usize);
    plans.truncate(args.limit as usize);
    jobs.truncate(JOBS as usize);
    let used = services.store.used("restore").await?;
    let severity = severity(services).await?;
    if args.json {
        out::json(&Report {
            severity: severity.word(),
            plans: plans.iter().map(view).collect(),
            more_plans,
            more_jobs,
            jobs: jobs.iter().map(job_view).collect(),
            used_today_nanodollars: used.day.nanos(),
            used_this_month_nanodollars: used.month.nanos(),
        })?;
        return Ok(severity.exit_code());
    }
    let more = |more: bool| if more { "+" } else { "" };
    let budget = services.budget();
    let of = |limit: Option<crate::base::Money>| limit.map_or_else(String::new, |limit| format!(" of {limit}"));
    out::line(format!(
        "{severity}: {}{} plans, {}{} jobs at the vault; spent and reserved today {}{}, this month {}{}",
        Count(plans.len() as u64),
        more(more_plans),
        Count(jobs.len() as u64),
        more(more_jobs),
        used.day,
        of(budget.day),
        used.month,
        of(budget.month)
    ))?;
    let now = services.store.now().await?;
    for plan in &plans {
        out::line(line(plan, now))?;
    }
    for job in &jobs {
        out::line(format!("  {}", job_line(job, now)))?;
    }
    Ok(severity.exit_code())
}

/// A plan in a line.
fn line(plan: &PlanRow, now: Time) -> String {
    let files = plan.totals.as_ref().map_or(0, |totals| totals.files);
    let mut text = format!("plan {}  {}  {} of {} files", plan.id, plan.state, Count(plan.delivered), Count(files));
    if plan.failed > 0 {
        text = format!("{text}, {} failed", Count(plan.failed));
    }
    if let Some(totals) = &plan.totals {
        let tier = totals.tier.as_deref().map(|tier| format!(" {tier}")).unwrap_or_default();
        text = format!("{text}{tier}, {} spent of {} (at most {})", plan.spent, totals.price, totals.ceiling);
        if let (PlanState::Running, Some((_, at)), Some((_, seconds))) =
            (plan.state, &plan.confirmed, totals.seconds.filter(|(_, to)| *to > 0))
        {
            let due = at.plus(std::time::Duration::from_secs(seconds));
            let left = if due > now { format!("within {}", Span(due.since(now))) } else { "now".to_owned() };
            text = format!("{text}, due {left}");
        }
    }
    let who = plan.confirmed.as_ref().map_or(&plan.made_by, |(who, _)| who);
    format!("{text}  {}  by {}", Shown::text(&plan.title), Shown::text(who))
}

fn job_line(job: &RetrievalRow, now: Time) -> String {
    let tier = job.tier.as_deref().map(|tier| format!(" {tier}")).unwrap_or_default();
    let mut text = format!(
        "job of archive {}{tier}  {}  {}",
        job.archive_uuid,
        Size(job.range.end.saturating_sub(job.range.start)),
        job.state
    );
    text = match job.expires_at {
        Some(until) if until > now => format!("{text}, gone in {}", Span(until.since(now))),
        _ => format!("{text}, asked for {} ago", Span(now.since(job.asked_at))),
    };
    if let Some(hurry) = &job.faster {
        text = format!("{text}, to be made {}", Shown::text(&hurry.tier));
    }
    match &job.note {
        Some(note) => format!("{text}: {}", Shown::text(note)),
        None => text,
    }
}

async fn one(services: &Services, plan: PlanId, args: &Args) -> Result<u8, CliError> {
    let Some(row) = services.store.plan(plan).await? else {
        return Err(CliError::Usage(format!("there is no plan {plan}; firn restores lists them")));
    };
    let now = services.store.now().await?;
    if args.json {
        let risks = row.totals.as_ref().map(|totals| totals.risks.clone()).unwrap_or_default();
        let risks = risks.into_iter().map(|(name, amount)| (name, amount.nanos())).collect();
        let mut object = out::Lists::begin(&One { plan: view(&row), risks })?;
        object.list("parts")?;
        let mut after = None;
        while let Some(page) = parts_page(services, plan, &mut after).await? {
            page.iter().try_for_each(|part| object.item(&part_view(part)))?;
        }
        object.over()?;
        object.list("files")?;
        let mut after = None;
        while let Some(page) = files_page(services, plan, !args.files, &mut after).await? {
            page.iter().try_for_each(|file| object.item(&file_view(file)))?;
        }
        object.end()?;
    } else {
        describe(&row, now)?;
        let mut after = None;
        while let Some(page) = parts_page(services, plan, &mut after).await? {
            page.iter().try_for_each(|part| out::line(part_line(part, now)))?;
        }
        let mut after = None;
        while let Some(page) = files_page(services, plan, !args.files, &mut after).await? {
            for file in page {
                out::line(file_line(&file))?;
            }
        }
    }
    let wrong = row.failed + row.totals.as_ref().map_or(0, |totals| totals.impossible);
    Ok(if wrong > 0 { Severity::Warning.exit_code() } else { 0 })
}

fn describe(row: &PlanRow, now: Time) -> Result<(), CliError> {
    out::line(line(row, now))?;
    out::line(format!("made by {} at {}", Shown::text(&row.made_by), row.made_at))?;
    if let Some((who, at)) = &row.confirmed {
        out::line(format!("confirmed by {} at {at}", Shown::text(who)))?;
    }
    if let Some(of) = row.supplement_of {
        out::line(format!("the rest of plan {of}"))?;
    }
    if let Some(totals) = &row.totals {
        if let Some(said) = replaces(totals.overwrites) {
            out::line(said)?;
        }
        let sure = if totals.sure { "" } else { "~" };
        out::line(format!(
            "price {sure}{} by the tariff {}, at most {}: {} jobs for {} of {} archives ({} joined), {} read",
            totals.price,
            Shown::text(&totals.tariff),
            totals.ceiling,
            Count(totals.jobs),
            Size(totals.asked_bytes),
            Count(totals.archives),
            Count(totals.joined),
            Size(totals.read_bytes)
        ))?;
        for (risk, amount) in &totals.risks {
            out::line(format!("  of which {amount}: {risk}"))?;
        }
        if !row.raised.is_zero() {
            out::line(format!("  of which {}: jobs made faster since", row.raised))?;
        }
    }
    Ok(())
}

async fn parts_page(
    services: &Services,
    plan: PlanId,
    after: &mut Option<ArchiveId>,
) -> Result<Option<Vec<PlanPartRow>>, CliError> {
    let page = services.store.plan_parts_page(plan, *after, PAGE).await?;
    let Some(last) = page.last() else { return Ok(None) };
    *after = Some(last.archive);
    Ok(Some(page))
}

async fn files_page(
    services: &Services,
    plan: PlanId,
    wrong: bool,
    after: &mut Option<(ArchiveId, u64, u64)>,
) -> Result<Option<Vec<RestoreRow>>, CliError> {
    let page = services.store.plan_restores(plan, wrong, *after, PAGE).await?;
    let Some(last) = page.last() else { return Ok(None) };
    *after = Some((last.archive.unwrap_or(ArchiveId(0)), last.offset, last.n));
    Ok(Some(page))
}

fn part_line(part: &PlanPartRow, now: Time) -> String {
    let mut text = format!("archive {}  {}  {} files", part.uuid, part.state, Count(part.part.files));
    if let Some(job) = &part.retrieval {
        text = format!("{text}  {}", job_line(job, now));
    }
    if let Some(at) = part.not_before.filter(|at| *at > now) {
        text = format!("{text}, not before {at}");
    }
    match &part.reason {
        Some(reason) => format!("{text}: {}", Shown::text(reason)),
        None => text,
    }
}

fn to(row: &RestoreRow) -> String {
    let mut place = row.place.clone();
    place.push("/");
    place.push(std::os::unix::ffi::OsStrExt::from_bytes(row.target.as_bytes()) as &std::ffi::OsStr);
    Shown::path(std::path::Path::new(&place)).to_string()
}

fn file_line(row: &RestoreRow) -> String {
    let source = row.source.as_deref().map(|source| format!("{}:", Shown::text(source))).unwrap_or_default();
    let text = format!("{source}{} → {}  {}", row.name, to(row), row.state);
    match &row.reason {
        Some(reason) => format!("{text}: {}", Shown::text(reason)),
        None => text,
    }
}

fn file_view(row: &RestoreRow) -> FileView {
    FileView {
        name: row.name.to_string(),
        source: row.source.clone(),
        bytes: row.length,
        to: to(row),
        state: row.state.word(),
        reason: row.reason.clone(),
        at: row.done_at.map(|at| at.to_string()),
    }
}

fn view(plan: &PlanRow) -> PlanView {
    let totals = plan.totals.as_ref();
    PlanView {
        plan: plan.id.0,
        state: plan.state.word(),
        title: plan.title.clone(),
        made_by: plan.made_by.clone(),
        made_at: plan.made_at.to_string(),
        confirmed_by: plan.confirmed.as_ref().map(|(who, _)| who.clone()),
        confirmed_at: plan.confirmed.as_ref().map(|(_, at)| at.to_string()),
        ended_at: plan.ended_at.map(|at| at.to_string()),
        vault: plan.vault.clone(),
        tier: totals.and_then(|totals| totals.tier.clone()),
        tariff: totals.map(|totals| totals.tariff.clone()),
        files: totals.map(|totals| totals.files),
        bytes: totals.map(|totals| totals.bytes),
        archives: totals.map(|totals| totals.archives),
        delivered: plan.delivered,
        already_there: plan.there,
        delivered_bytes: plan.delivered_bytes,
        failed: plan.failed,
        not_possible: totals.map(|totals| totals.impossible),
        overwrites: totals.map(|totals| totals.overwrites),
        archives_left: plan.parts_left,
        archives_stopped: plan.parts_stopped,
        price_nanodollars: totals.map(|totals| totals.price.nanos()),
        ceiling_nanodollars: totals.map(|totals| totals.ceiling.nanos()),
        spent_nanodollars: plan.spent.nanos(),
        made_faster_nanodollars: plan.raised.nanos(),
        supplement_of: plan.supplement_of.map(|plan| plan.0),
    }
}

fn job_view(job: &RetrievalRow) -> JobView {
    JobView {
        job: job.uuid.to_string(),
        archive: job.archive_uuid.to_string(),
        state: job.state.word(),
        tier: job.tier.clone(),
        range: (job.range.start, job.range.end),
        asked_at: job.asked_at.to_string(),
        ready_at: job.ready_at.map(|at| at.to_string()),
        expires_at: job.expires_at.map(|at| at.to_string()),
        faster: job.faster.as_ref().map(|hurry| hurry.tier.clone()),
        note: job.note.clone(),
    }
}

fn part_view(part: &PlanPartRow) -> PartView {
    PartView {
        archive: part.uuid.to_string(),
        state: part.state.word(),
        files: part.part.files,
        bytes: part.part.bytes,
        range: part.part.range.as_ref().map(|range| (range.start, range.end)),
        job: part.retrieval.as_ref().map(job_view),
        asked_times: part.asked_times,
        not_before: part.not_before.map(|at| at.to_string()),
        reason: part.reason.clone(),
    }
}
