//! `firn vault init`

use clap::Subcommand;

use super::{CliError, out};
use crate::config::Config;
use crate::services::Services;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes the configured folder a vault of this state (`firn run` does so by itself when state and folder are new)
    Init,
}

pub(super) async fn run(config: Config, command: Command) -> Result<u8, CliError> {
    let Command::Init = command;
    let services = Services::open(config, true).await?;
    let uuid = services.make_vault().await?;
    out::line(format!("the vault has identity {uuid}"))?;
    Ok(0)
}
