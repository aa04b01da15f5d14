//! `firn delay freeze-step`, `freeze-loss`

use clap::Args as ClapArgs;

use super::tend::{agreed, may_act, time};
use crate::base::Shown;
use crate::base::units::parse_span;
use crate::cli::{CliError, out, who};
use crate::config::Config;
use crate::delay::freeze::orders;
use crate::delay::freeze::report;
use crate::delay::freeze::steps::{LossInput, Step};
use crate::services::Services;

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Steps: degraded, stopped, removed, promoted, validated, declared, demoted. A replica that is promoted is
not watched any more. When recovery is declared, the clock of the loss stops.")]
pub struct StepArgs {
    /// The replica, as it was frozen
    replica: String,
    /// The step that is done
    step: String,
    /// When it was done (default: now)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// It is not done after all; of a promotion: the replica is stopped again
    #[arg(long, conflicts_with = "at")]
    undo: bool,
    /// Does not ask before a promotion is taken back
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, ClapArgs)]
pub struct LossArgs {
    /// The replica, as it was frozen
    replica: String,
    /// What an hour of the service is worth, dollars
    value: String,
    /// How much of the service is lost, percent
    #[arg(long, value_name = "PERCENT", default_value = "100")]
    exposure: String,
    /// How long it takes to rebuild the data from a backup
    #[arg(long, value_name = "SPAN")]
    rebuild: String,
}

pub(super) async fn step(config: Config, args: StepArgs) -> Result<u8, CliError> {
    may_act(&config)?;
    let Some(step) = Step::named(&args.step) else {
        let all: Vec<&str> = Step::ALL.iter().map(|step| step.word()).collect();
        let shown = Shown::text(&args.step);
        return Err(CliError::Usage(format!("\"{shown}\" is no recovery step; there are {}", all.join(", "))));
    };
    let at = time("--at", args.at.as_deref())?;
    let services = Services::open(config, false).await?;
    let now = services.store.now().await?;
    if let Some(at) = at.filter(|at| *at > now) {
        return Err(CliError::Usage(format!("--at: {at} is not here yet, it is {now}; nothing was changed")));
    }
    let name = services.freeze_name(&args.replica).await?;
    if args.undo && step == Step::Promoted {
        // Stopped is what stands as a primary now.
        let open = services.keeper().open_of(&name).await?;
        if open.is_some_and(|kept| orders::stops(&kept.record)) {
            agreed(&name, args.yes, "take the promotion back, so that both threads are stopped again, of")?;
        }
    }
    let order = |record: &_, now| orders::tick(record, step, !args.undo, &who(), at.unwrap_or(now), now);
    let kept = services.keeper().order(&name, &who(), order).await?;
    out::line(report::recovery_lines(&kept.record, services.store.now().await?).join("\n"))?;
    Ok(0)
}

pub(super) async fn loss(config: Config, args: LossArgs) -> Result<u8, CliError> {
    may_act(&config)?;
    let rebuild = parse_span(&args.rebuild).map_err(|e| CliError::Usage(format!("--rebuild: {e}")))?;
    let input = LossInput::parse(&args.value, &args.exposure, rebuild).map_err(|e| CliError::Usage(e.to_string()))?;
    let services = Services::open(config, false).await?;
    let name = services.freeze_name(&args.replica).await?;
    let order = |record: &_, now| orders::set_loss(record, input, &who(), now);
    let kept = services.keeper().order(&name, &who(), order).await?;
    out::line(report::recovery_lines(&kept.record, services.store.now().await?).join("\n"))?;
    Ok(0)
}
