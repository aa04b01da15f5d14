//! `firn`: the interactive console.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;

use super::{CliError, who};
use crate::config::{Config, home, user_state};
use crate::console::run;
use crate::console::setup::{self, ConsoleError, Options};
use crate::services::Services;

/// What a headless command says instead.
pub(super) const HEADLESS: &str = "without a terminal: `firn status`, `firn queue` (both with --json), `firn run`";

#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Args {
    /// The console runs no workers, whatever [console] workers says
    #[arg(long)]
    pub(super) no_workers: bool,
    /// The console shows everything and changes nothing; no workers run in it
    #[arg(long)]
    pub(super) read_only: bool,
}

impl Args {
    /// Whether any of it was given.
    pub(super) fn any(&self) -> bool {
        self.no_workers || self.read_only
    }
}

/// The folder of the console's log.
pub(super) fn log_folder(config: &Config) -> Option<PathBuf> {
    config.console.log.clone().or_else(|| user_state().map(|state| state.join("log")))
}

/// Where the console keeps what was typed and not yet done.
pub(super) fn drafts() -> Option<PathBuf> {
    user_state().map(|state| state.join("drafts.json"))
}

/// A console that there is no terminal for names what there is instead.
pub(super) fn refused(e: ConsoleError) -> CliError {
    match e {
        ConsoleError::Refused(refusal) => {
            CliError::Refused(format!("the console needs a terminal: {refusal}; {HEADLESS}"))
        }
        other => CliError::Console(other),
    }
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    // Told before anything is opened or made.
    setup::files(&config.console).map_err(refused)?;
    run::terminal().map_err(refused)?;
    let options = Options {
        no_workers: args.no_workers,
        read_only: args.read_only,
        who: who(),
        drafts: drafts(),
        log: log_folder(&config),
        home: home(),
    };
    // Only whoever works makes a state; and a newcomer, who is to see what is missing.
    let configured = config.vault.is_some();
    let writes = !args.read_only && !config.console.read_only;
    let works = writes && (!configured || !args.no_workers && config.console.workers != "none");
    super::run::more_open_files();
    let services = Arc::new(Services::open(config, works).await?);
    run::run(services, options, None).await.map_err(refused)
}
