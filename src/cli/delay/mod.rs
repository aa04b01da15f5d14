//! `firn delay`: delayed replicas.

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
}

impl Args {
    /// Whether it says how replicas stand: a report that cannot see says so by its exit code.
    pub(super) fn is_report(&self) -> bool {
        self.command.is_none()
    }
}

pub(super) async fn run(config: impl FnOnce() -> Result<Config, ConfigError>, args: Args) -> Result<u8, CliError> {
    match args.command {
        None => status::run(config()?, args.status).await,
        // It needs no configuration.
        Some(Command::Replay(args)) => replay::run(&args),
    }
}
