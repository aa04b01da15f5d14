//! A confirmed plan, carried out in this process, and what is told meanwhile and in the end.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::Report;
use crate::base::ids::{ArchiveId, PlanId};
use crate::base::units::{Count, Size, Span};
use crate::base::{Shown, Stop, task};
use crate::cli::{CliError, FAILED, out};
use crate::services::{ServiceError, Services};
use crate::store::{PlanRow, PlanState, RetrievalState, StoreError};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// Between two lines where nobody sees a line change.
const SAY: Duration = Duration::from_mins(1);
/// Files told in one go.
const PAGE: u32 = 500;

/// Goes on with a plan that is confirmed.
pub(super) async fn resume(services: &Arc<Services>, plan: PlanId, json: bool) -> Result<u8, CliError> {
    let report = match services.store.plan(plan).await? {
        Some(row) if row.state == PlanState::Running && row.host != services.process.host_key() => {
            return Err(CliError::Usage(format!(
                "plan {plan} delivers to folders of another host ({}); it goes on there: firn restore --resume {plan}, or the restore worker (firn run)",
                Shown::text(&row.host)
            )));
        }
        Some(row) if row.state == PlanState::Running => json.then(|| Report::of_plan(&row)),
        Some(row) => return Err(CliError::Usage(format!("plan {plan} is {}; only a running one goes on", row.state))),
        None => return Err(CliError::Usage(format!("there is no plan {plan}; firn restores lists them"))),
    };
    // Whoever asks for it has mended what held it up.
    services.store.plan_again(plan).await?;
    let thaws = services.thaws();
    carry_out(services, plan, thaws, report).await
}

/// Carries a plan out to its end, and tells how it came out. Where nothing has to be thawed, nobody waits for a destination
/// or a vault that holds up all that is left: the plan stays, and whoever has mended it goes on.
pub(super) async fn carry_out(
    services: &Arc<Services>,
    plan: PlanId,
    thaws: bool,
    json: Option<Report>,
) -> Result<u8, CliError> {
    let job = Arc::new(services.restore_job(Some(plan)).await?);
    let stop = Stop::new();
    let mut work = task::spawn(job.run(stop.clone()));
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let mut said = Said::new(json.is_none());
    let mut held = None;
    let signalled = loop {
        tokio::select! {
            ended = &mut work => {
                let ended = ended.map_err(|e| e.to_string()).and_then(|ended| ended.map_err(|e| e.to_string()));
                if let Err(why) = ended {
                    said.close();
                    unless_over(services, plan, &why).await?;
                }
                break None;
            }
            _ = term.recv() => break Some("SIGTERM"),
            _ = interrupt.recv() => break Some("SIGINT"),
            _ = hangup.recv() => break Some("SIGHUP"),
            () = services.clock.sleep(LOOK) => {
                said.say(services, plan).await?;
                held = if thaws { None } else { held_by(services, plan).await? };
                if held.is_some() {
                    break None;
                }
            }
        }
    };
    stop.stop();
    if !work.is_finished() {
        // What is in progress is finished, or left for the next.
        let _ = work.await;
    }
    said.close();
    let row = services.store.plan(plan).await?.ok_or_else(|| StoreError::Impossible(format!("plan {plan} is gone")))?;
    let runs = row.state == PlanState::Running;
    tell_wrong(services, plan).await?;
    if let Some(name) = signalled.filter(|_| runs) {
        out::error(&format!(
            "{name}: plan {plan} goes on with firn restore --resume {plan}, or where the restore worker runs (firn run)"
        ));
    } else if let Some(why) = held.filter(|_| runs) {
        out::error(&format!(
            "{why}; what has its name there is whole. Make room, or mend what the reason names, then firn restore --resume {plan} (or firn restores {plan} --cancel)"
        ));
    }
    let whole = not_restored(&row) == 0 && row.state == PlanState::Ended;
    match json {
        Some(report) => out::json(&report.ended(&row))?,
        None if runs => {}
        None => out::line(ended(&row))?,
    }
    Ok(if whole { 0 } else { FAILED })
}

/// What this process could not go on with (its lease was lost while it was held still) another may have finished.
async fn unless_over(services: &Services, plan: PlanId, why: &str) -> Result<(), CliError> {
    let running = services.store.plan(plan).await?.is_none_or(|row| row.state == PlanState::Running);
    if !running {
        return Ok(());
    }
    Err(CliError::Refused(format!(
        "plan {plan} could not be carried out: {why}; it goes on with firn restore --resume {plan}, or where the restore worker runs (firn run)"
    )))
}

/// Files that are not there.
pub(super) fn not_restored(plan: &PlanRow) -> u64 {
    plan.failed + plan.totals.as_ref().map_or(0, |totals| totals.impossible)
}

fn ended(plan: &PlanRow) -> String {
    let mut text = format!("restored {} files, {}", Count(plan.delivered - plan.there), Size(plan.delivered_bytes));
    if plan.there > 0 {
        text = format!("{text}; {} were there already", Count(plan.there));
    }
    let lost = not_restored(plan);
    if lost > 0 {
        text = format!("{text}; {} NOT restored", Count(lost));
    }
    if !plan.spent.is_zero() {
        text = format!("{text}; {} spent", plan.spent);
    }
    if plan.state == PlanState::Ended { text } else { format!("{text}; plan {} is {}", plan.id, plan.state) }
}

/// Names each file that is not there, and why.
pub(super) async fn tell_wrong(services: &Services, plan: PlanId) -> Result<(), CliError> {
    let mut after = None;
    loop {
        let page = services.store.plan_restores(plan, true, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some((last.archive.unwrap_or(ArchiveId(0)), last.offset, last.n));
        for row in page {
            out::error(&format!("{}: {}", row.name, row.reason.as_deref().unwrap_or("no reason is known")));
        }
    }
}

/// Why the plan stands still, if it does: all that is left of it failed when it was last tried.
async fn held_by(services: &Services, plan: PlanId) -> Result<Option<String>, ServiceError> {
    let (held, reason) = services.store.plan_held(plan).await?;
    if held == 0 {
        return Ok(None);
    }
    let left = services.store.plan(plan).await?.map_or(0, |row| row.parts_left);
    Ok(reason.filter(|_| held >= left))
}

/// What is said while it goes on: a line that is written over on a terminal, a line now and then elsewhere.
struct Said {
    wanted: bool,
    terminal: bool,
    last: Option<crate::base::clock::Mono>,
    width: usize,
}

impl Said {
    fn new(wanted: bool) -> Self {
        Self { wanted, terminal: std::io::stderr().is_terminal(), last: None, width: 0 }
    }

    async fn say(&mut self, services: &Services, plan: PlanId) -> Result<(), CliError> {
        let now = services.clock.mono();
        let every = if self.terminal { Duration::from_secs(1) } else { SAY };
        let first = *self.last.get_or_insert(now);
        if !self.wanted || now.since(first) < every {
            return Ok(());
        }
        self.last = Some(now);
        let Some(row) = services.store.plan(plan).await? else { return Ok(()) };
        let text = moment(services, &row).await?;
        if self.terminal {
            let mut to = std::io::stderr().lock();
            // What goes nowhere is not told.
            let _ = write!(to, "\r{text:<width$}", width = self.width);
            let _ = to.flush();
            self.width = text.chars().count();
        } else {
            out::error(&text);
        }
        Ok(())
    }

    fn close(&self) {
        if self.terminal && self.width > 0 {
            let _ = write!(std::io::stderr().lock(), "\r{:width$}\r", "", width = self.width);
        }
    }
}

async fn moment(services: &Services, plan: &PlanRow) -> Result<String, CliError> {
    let files = plan.totals.as_ref().map_or(0, |totals| totals.files);
    let mut text = format!(
        "plan {}: {} of {} files, {}",
        plan.id,
        Count(plan.delivered),
        Count(files),
        Size(plan.delivered_bytes)
    );
    if plan.failed > 0 {
        text = format!("{text}, {} failed", Count(plan.failed));
    }
    let jobs = services.store.retrievals(None, PAGE).await?;
    let under_way = jobs.iter().filter(|job| {
        job.plan == Some(plan.id) && matches!(job.state, RetrievalState::Intended | RetrievalState::Asked)
    });
    let under_way = under_way.count();
    if under_way > 0 {
        let now = services.store.now().await?;
        let expected = plan.confirmed.as_ref().and_then(|(_, at)| {
            let seconds = plan.totals.as_ref()?.seconds?;
            Some(at.plus(Duration::from_secs(seconds.1)).since(now))
        });
        text = format!("{text}, {under_way} jobs under way");
        if let Some(left) = expected {
            text = format!("{text}, ready within {}", Span(left));
        }
    }
    Ok(Shown::text(&text).to_string())
}
