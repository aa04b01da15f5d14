//! `firn delay freeze`

use clap::Args as ClapArgs;

use super::arrival::{self, Wanted};
use super::rounds::Signals;
use super::tend::{agreed, look, may_act, time, until};
use crate::base::{Shown, Time};
use crate::cli::{CliError, FAILED, out, who};
use crate::config::Config;
use crate::delay::freeze::danger::{Facts, dangers};
use crate::delay::freeze::keeper::FRESH;
use crate::delay::freeze::line::{Line, is_parallel};
use crate::delay::freeze::record::{Asked, Phase};
use crate::delay::freeze::report::{self, prospect, prospect_lines, sight_lines};
use crate::delay::freeze::sight::Sight;
use crate::delay::freeze::statement::Statement;
use crate::delay::freeze::told;
use crate::services::Services;

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
The SQL thread is stopped first, then the IO thread, by the account freeze_user. \"frozen\" is said when both
read No and the executed position has not moved over tool_interval. From then on the workers (firn run)
stop it again if anything starts it, until `firn delay resume`; so does this command with --watch.

Exit code: 0 it is frozen; 1 it is not (yet): the freeze goes on, and the workers with it; 2 nothing was begun.")]
pub struct Freeze {
    /// The replica, or one channel of it (db14/main)
    replica: String,
    #[command(flatten)]
    statement: Wanted,
    /// Since when the service is degraded: T+0 of the recovery steps (default: the statement's time, else now)
    #[arg(long, value_name = "TIME")]
    degraded: Option<String>,
    /// Does not ask before it stops the replica
    #[arg(long)]
    yes: bool,
    /// Stays, and stops the replica again if anything starts it, until it is interrupted or the replica resumed
    #[arg(long)]
    watch: bool,
}

pub(super) async fn freeze(config: Config, args: Freeze) -> Result<u8, CliError> {
    may_act(&config)?;
    let statement = args.statement.read()?;
    let degraded = time("--degraded", args.degraded.as_deref())?;
    let services = Services::open(config, true).await?;
    let limits = services.freeze_limits(&args.replica).map_err(|e| arrival::near(&services, &args.replica, e))?;
    let name = services.freeze_name(&args.replica).await?;
    let threads = services.freeze_threads(&name)?;
    let now = services.store.now().await?;
    let shown = Shown::text(&name).to_string();
    let (sight, facts) = look(&services, &*threads).await?;
    if let Some(sight) = &sight {
        out::line(format!("{shown}:"))?;
        for line in sight_lines(sight) {
            out::line(format!("  {line}"))?;
        }
    }
    let judged = services.freeze_line(&name, &limits).await?;
    if !statement.is_unknown() {
        let line = seen_line(judged, sight.as_ref(), facts.as_ref(), Services::is_external(&limits));
        tell_prospect(&statement, line.as_ref(), now)?;
    }
    if let (Some(facts), Some(sight)) = (&facts, &sight) {
        for danger in dangers(facts, sight) {
            out::line(format!("  {danger}"))?;
        }
    }
    agreed(&name, args.yes, "stop the SQL thread, then the IO thread, of")?;
    let keeper = services.keeper();
    let asked = Asked {
        replica: name.clone(),
        channel: name.split_once('/').map(|(_, channel)| channel.to_owned()).unwrap_or_default(),
        external: Services::is_external(&limits),
        gap: limits.tool_interval,
        statement,
        degraded,
        who: who(),
        loss: None,
        facts,
    };
    let kept = keeper.begin(asked).await?;
    let mut signals = Signals::new()?;
    let kept = until(&keeper, &*threads, kept, None, &mut signals, |kept| kept.record.phase == Phase::Frozen).await?;
    let now = services.store.now().await?;
    let done = told::is_frozen(&kept.record, now, FRESH);
    out::line("")?;
    out::line(report::lines(&kept.record, services.freeze_line(&name, &limits).await?, now).join("\n"))?;
    if !done {
        out::line(format!(
            "\n{shown} is not frozen yet: the workers (firn run) go on; firn delay freeze {shown} does, too"
        ))?;
        return Ok(FAILED);
    }
    if args.watch {
        out::line(format!("\nwatching until {shown} is resumed; interrupted, the workers (firn run) watch alone"))?;
        // All of it up to now has just been printed.
        let told = kept.record.history.last().cloned();
        let kept = until(&keeper, &*threads, kept, told, &mut signals, |kept| kept.ended).await?;
        let now = services.store.now().await?;
        return Ok(if kept.ended || told::is_frozen(&kept.record, now, FRESH) { 0 } else { FAILED });
    }
    out::line(format!(
        "\nthe workers (firn run) watch that it stands; where none runs: firn delay freeze {shown} --watch"
    ))?;
    Ok(0)
}

/// How far it has got, by what was judged and what is seen now.
fn seen_line(judged: Option<Line>, sight: Option<&Sight>, facts: Option<&Facts>, external: bool) -> Option<Line> {
    let line = match (judged, sight) {
        (Some(line), Some(sight)) => line.with(sight.clone()),
        (None, Some(sight)) => Line::alone(sight.clone(), external, FRESH, FRESH),
        (line, None) => line?,
    };
    Some(Line { parallel: is_parallel(facts, line.parallel), ..line })
}

fn tell_prospect(statement: &Statement, line: Option<&Line>, now: Time) -> Result<(), CliError> {
    match line {
        Some(line) => {
            for text in prospect_lines(statement, &prospect(statement, line, now)) {
                out::line(format!("  {text}"))?;
            }
        }
        None => out::line("  it was never seen: how far it has got is not known")?,
    }
    Ok(())
}
