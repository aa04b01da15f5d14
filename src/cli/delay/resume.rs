//! `firn delay resume`

use std::time::Duration;

use clap::Args as ClapArgs;

use super::arrival;
use super::rounds::Signals;
use super::tend::{agreed, look, may_act, until};
use crate::base::units::Span;
use crate::base::{Shown, Time};
use crate::cli::{CliError, FAILED, out, who};
use crate::config::Config;
use crate::delay::freeze::danger::Facts;
use crate::delay::freeze::keeper::{KeepError, Kept};
use crate::delay::freeze::line::{Line, is_parallel};
use crate::delay::freeze::orders;
use crate::delay::freeze::record::Phase;
use crate::delay::freeze::report;
use crate::delay::freeze::sight::Sight;
use crate::services::Services;

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Exit code: 0 it runs again (with --until: it stands at that place, proven); 1 it does not (yet): the resume
goes on, and the workers with it; 2 nothing was begun.")]
#[allow(clippy::struct_excessive_bools)] // flags of a command line
pub struct Resume {
    /// The replica, as it was frozen
    replica: String,
    /// Lets the SQL thread run up to a place (`FILE:POSITION`, or a GTID) and no further; the replica stays frozen there
    #[arg(long, value_name = "PLACE", conflicts_with = "no_start")]
    until: Option<String>,
    /// Ends the freeze and starts nothing: after a promotion, or when somebody else goes on by hand
    #[arg(long)]
    no_start: bool,
    /// Lets somebody go on by hand: nothing is watched or started, the freeze stays open for its recovery steps
    #[arg(long, conflicts_with_all = ["until", "no_start"])]
    by_hand: bool,
    /// Does not ask
    #[arg(long)]
    yes: bool,
    /// With --yes: also where the statement has not been applied, so that it will be
    #[arg(long, requires = "yes")]
    lets_it_apply: bool,
}

pub(super) async fn resume(config: Config, args: Resume) -> Result<u8, CliError> {
    may_act(&config)?;
    let until_spot = args.until.as_deref().map(|text| arrival::spot("--until", text)).transpose()?;
    let services = Services::open(config, false).await?;
    let name = services.freeze_name(&args.replica).await?;
    let keeper = services.keeper();
    let shown = Shown::text(&name).to_string();
    let Some(kept) = keeper.open_of(&name).await? else { return Err(KeepError::None(shown).into()) };
    if args.no_start {
        agreed(&name, args.yes, "end the freeze, and start nothing, of")?;
        keeper.order(&name, &who(), |record, now| orders::ask_release(record, &who(), now)).await?;
        out::line(format!("the freeze of {shown} is ended; nothing was started, nobody watches that it stands"))?;
        return Ok(0);
    }
    if args.by_hand {
        agreed(&name, args.yes, "go on by hand, unwatched, with")?;
        keeper.order(&name, &who(), |record, now| orders::ask_by_hand(record, &who(), now)).await?;
        out::line(format!("nobody watches that {shown} stands; firn delay freeze {shown} stops it and watches anew"))?;
        return Ok(0);
    }
    let limits = services.freeze_limits(&name)?;
    let threads = services.freeze_threads(&name)?;
    let (sight, facts) = look(&services, &*threads).await?;
    let Some(sight) = sight else {
        return Err(CliError::Refused(format!("{shown} is not resumed while it cannot be seen; nothing was done")));
    };
    let now = services.store.now().await?;
    out::line(report::lines(&kept.record, services.freeze_line(&name, &limits).await?, now).join("\n"))?;
    out::line("")?;
    let judged = services.freeze_line(&name, &limits).await?;
    let line = report::line_of(&kept.record, judged).map(|line| line.with(sight.clone()));
    let line = line.map(|line| Line { parallel: is_parallel(facts.as_ref(), line.parallel), ..line });
    if let Some(spot) = until_spot {
        let Some(line) = line else {
            return Err(CliError::Refused(format!("how far {shown} has got is not known; nothing was done")));
        };
        if facts.as_ref().is_some_and(Facts::start_deletes) {
            let e = crate::delay::freeze::commands::CommandError::DeletesRelayLog(shown);
            return Err(CliError::Refused(e.to_string()));
        }
        // What cannot be ordered is told before anybody types a name.
        orders::ask_until(&kept.record, spot.clone(), &who(), &line, now).map_err(KeepError::NotNow)?;
        let waits = sight.sql_delay.filter(|delay| *delay > 0);
        if let Some(delay) = waits {
            let delay = Span(Duration::from_secs(delay));
            out::line(format!(
                "the SQL thread goes on waiting {delay} for each transaction, so it may take that long"
            ))?;
        }
        agreed(&name, args.yes, "run the SQL thread up to that place, and no further, of")?;
        // While the name was typed it may have gone on.
        let (sight, facts) = look(&services, &*threads).await?;
        let Some(sight) = sight else {
            return Err(CliError::Refused(format!("{shown} cannot be seen any more; nothing was done")));
        };
        let line = Line { parallel: is_parallel(facts.as_ref(), line.parallel), ..line.with(sight) };
        let kept = keeper
            .order(&name, &who(), |record, now| orders::ask_until(record, spot.clone(), &who(), &line, now))
            .await?;
        let mut signals = Signals::new()?;
        let frozen = |kept: &Kept| kept.record.phase == Phase::Frozen;
        let kept = until(&keeper, &*threads, kept, None, &mut signals, frozen).await?;
        let shown = Shown::text(&name).to_string();
        let failed = kept.record.last.as_ref().and_then(|sight| sight.sql_error.as_ref());
        if let Some((errno, text)) = failed {
            out::line(format!(
                "{shown} did not get to that place: the SQL thread stopped with error {errno}: {}",
                Shown::text(text)
            ))?;
        }
        return Ok(if kept.record.phase == Phase::Frozen && failed.is_none() { 0 } else { FAILED });
    }
    let pending = tell_resume(&kept, &sight, facts.as_ref(), line.as_ref(), now)?;
    if args.yes && pending && !args.lets_it_apply {
        return Err(CliError::Refused(format!(
            "the statement may not have been applied on {shown}, and resuming lets it be applied; --lets-it-apply says that this is meant. Nothing was done"
        )));
    }
    agreed(&name, args.yes, "start both threads of")?;
    let kept = keeper.order(&name, &who(), |record, now| orders::ask_resume(record, &who(), now)).await?;
    let mut signals = Signals::new()?;
    let kept = until(&keeper, &*threads, kept, None, &mut signals, |kept| kept.ended).await?;
    if kept.ended {
        return Ok(0);
    }
    out::line(format!(
        "{shown} does not run yet: the workers (firn run) go on, and so does firn delay resume {shown}"
    ))?;
    Ok(FAILED)
}

/// Says what resuming does; whether the statement may still be applied by it.
fn tell_resume(
    kept: &Kept,
    sight: &Sight,
    facts: Option<&Facts>,
    line: Option<&Line>,
    now: Time,
) -> Result<bool, CliError> {
    let (lines, pending) = report::resume_lines(&kept.record, sight, facts, line, now);
    out::line("resuming starts the IO thread, then the SQL thread:")?;
    for line in lines {
        out::line(format!("  {line}"))?;
    }
    Ok(pending)
}
