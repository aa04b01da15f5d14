//! `firn delay`: delayed replicas.

mod arrival;
mod doctor;
mod forget;
mod freeze;
mod frozen;
pub(super) mod limits;
mod record;
mod replay;
mod resume;
mod rounds;
pub(super) mod status;
mod steps;
mod tend;

use clap::{Args as ClapArgs, Subcommand};

use super::CliError;
use crate::base::Shown;
use crate::base::near::nearest;
use crate::config::{Config, ConfigError, ReplicaConfig};

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    status: status::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judges a recorded history, and prints the verdict at each sample: tries limits before they are set
    Replay(Box<replay::Args>),
    /// Says when a bad statement reaches each delayed replica, and whether it has been applied there
    Arrival(arrival::Args),
    /// Stops a replica in an emergency: the SQL thread, then the IO thread; proves that it stands
    Freeze(freeze::Freeze),
    /// Says what is frozen: proof, what a restart would delete, commands, recovery steps, loss
    Frozen(frozen::Args),
    /// Ticks a recovery step of a frozen replica
    FreezeStep(steps::StepArgs),
    /// Says what the loss is computed from
    FreezeLoss(steps::LossArgs),
    /// Lets a frozen replica go on
    Resume(resume::Resume),
    /// Records what is seen of a replica, for `firn delay replay`
    Record(record::Args),
    /// Forgets a replica, a channel or a heartbeat that is no more
    Forget(forget::Args),
    /// Tries what looking at replicas takes, and says what is missing; the exit code is the worst severity
    Doctor(doctor::Args),
}

impl Args {
    /// Whether it says how replicas stand: a report that cannot see says so by its exit code.
    pub(super) fn is_report(&self) -> bool {
        matches!(self.command, None | Some(Command::Frozen(_) | Command::Arrival(_)))
    }
}

pub(super) async fn run(config: impl FnOnce() -> Result<Config, ConfigError>, args: Args) -> Result<u8, CliError> {
    match args.command {
        None => status::run(config()?, args.status).await,
        // It needs no configuration.
        Some(Command::Replay(args)) => replay::run(&args),
        Some(Command::Arrival(args)) => arrival::run(config()?, args).await,
        Some(Command::Freeze(args)) => Box::pin(freeze::freeze(config()?, args)).await,
        Some(Command::Frozen(args)) => frozen::run(config()?, args).await,
        Some(Command::FreezeStep(args)) => Box::pin(steps::step(config()?, args)).await,
        Some(Command::FreezeLoss(args)) => Box::pin(steps::loss(config()?, args)).await,
        Some(Command::Resume(args)) => Box::pin(resume::resume(config()?, args)).await,
        Some(Command::Record(args)) => record::run(config()?, args).await,
        Some(Command::Forget(args)) => forget::run(config()?, args).await,
        Some(Command::Doctor(args)) => doctor::run(config()?, args).await,
    }
}

/// A replica of the configuration.
fn named<'a>(config: &'a Config, name: &str) -> Result<&'a ReplicaConfig, CliError> {
    let all = &config.delay.replicas;
    all.iter().find(|replica| replica.name == name).ok_or_else(|| {
        let near = nearest(name, all.iter().map(|replica| replica.name.as_str()));
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        CliError::Usage(format!("\"{}\" names no replica of the configuration{near}", Shown::text(name)))
    })
}
