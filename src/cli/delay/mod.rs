//! `firn delay`: delayed replicas.

mod arrival;
mod freeze;
mod frozen;
pub(super) mod limits;
mod replay;
pub(super) mod status;

use clap::{Args as ClapArgs, Subcommand};

use super::CliError;
use crate::config::{Config, ConfigError};

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
    FreezeStep(freeze::StepArgs),
    /// Says what the loss is computed from
    FreezeLoss(freeze::LossArgs),
    /// Lets a frozen replica go on
    Resume(freeze::Resume),
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
        Some(Command::Freeze(args)) => freeze::freeze(config()?, args).await,
        Some(Command::Frozen(args)) => frozen::run(config()?, args).await,
        Some(Command::FreezeStep(args)) => freeze::step(config()?, args).await,
        Some(Command::FreezeLoss(args)) => freeze::loss(config()?, args).await,
        Some(Command::Resume(args)) => freeze::resume(config()?, args).await,
    }
}
