//! `firn check redis`

use std::time::Duration;

use clap::{ArgAction, Args as ClapArgs};

use crate::base::plugin::Plugin;
use crate::cli::CliError;
use crate::cli::redis::look;
use crate::config::Config;
use crate::redis::plugin::{LABEL, plugin};

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
It looks at the cluster itself, three to five times, about 1 s apart, and goes on from what the worker (firn
run) has kept: since when something is wrong, and what was silenced, are as everybody sees them. It writes nothing.

Exit code: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. UNKNOWN is also a usage error, --help, and no answer
in time; what could not be looked into raises an OK to WARNING and is said apart.")]
pub struct Args {
    /// The cluster: its name in the configuration
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    /// Seconds, or a span, until an answer is UNKNOWN
    #[arg(short, long, value_name = "SECONDS", default_value = "10", value_parser = super::timeout)]
    timeout: Duration,
    /// Says more below the line: all findings; twice what to do; three times what happened
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

impl Args {
    /// How long it may take.
    pub(super) fn within(&self) -> Duration {
        self.timeout
    }
}

pub(super) async fn run(config: Config, args: Args) -> Result<Plugin, CliError> {
    let read = look(config, Some(&args.cluster)).await?;
    let health = read.clusters.first().and_then(|one| one.health.as_ref());
    let nothing = || Plugin::unknown(LABEL, "the look at it came to nothing");
    Ok(health.map_or_else(nothing, |health| plugin(health, args.verbose)))
}
