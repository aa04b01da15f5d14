//! `firn delay`: delayed replicas.

pub(super) mod limits;
pub(super) mod status;

use clap::Args as ClapArgs;

use super::CliError;
use crate::config::Config;

#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    status: status::Args,
}

impl Args {
    /// Whether it says how replicas stand: a report that cannot see says so by its exit code.
    pub(super) fn is_report(&self) -> bool {
        true
    }
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    status::run(config, args.status).await
}
