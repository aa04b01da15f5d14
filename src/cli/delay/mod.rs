//! `firn delay`

mod limits;
mod replay;

use clap::Subcommand;

use super::CliError;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judges a recorded history, and prints the verdict at each sample: tries limits before they are set
    Replay(Box<replay::Args>),
}

pub(super) fn run(command: Command) -> Result<u8, CliError> {
    match command {
        Command::Replay(args) => replay::run(*args),
    }
}
