//! `firn check delay REPLICA`

use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Args as ClapArgs};

use crate::base::Shown;
use crate::cli::CliError;
use crate::cli::delay::limits::{LimitFlags, seconds};
use crate::cli::delay::status::unknown;
use crate::config::Config;
use crate::delay::gather;
use crate::delay::plugin::{Plugin, plugin};
use crate::services::Services;
use crate::store::server_of;

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
It says what the worker (firn run) that watches the replica said last, as the console does; a worker that
was not seen for max-last-seen is CRITICAL. With limits given here it is judged anew by them, from the
same samples; the worker's own verdict, and alerts, stay as they are.

Exit code: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. UNKNOWN is also a usage error, --help, a state that
cannot be read, and no answer in time.")]
pub struct Args {
    /// The replica: its name in the configuration, with /CHANNEL behind it where it has several
    #[arg(value_name = "REPLICA")]
    replica: String,
    /// Seconds, or a span, until an answer is UNKNOWN
    #[arg(short, long, value_name = "SECONDS", default_value = "10", value_parser = timeout)]
    timeout: Duration,
    /// Says more below the line: all that matches; twice every limit with its measure; three times the history
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    #[command(flatten)]
    limits: LimitFlags,
}

impl Args {
    pub(super) fn within(&self) -> Duration {
        self.timeout
    }
}

/// A time-out is something to wait for, and a monitoring system does not wait for an hour.
fn timeout(text: &str) -> Result<Duration, String> {
    let span =
        seconds(text).map_err(|_| format!("{text:?} is no time-out; write seconds (10) or a span of time (10s)"))?;
    if span.is_zero() || span > Duration::from_hours(1) {
        return Err(format!("{text:?} is no time-out; allowed is more than 0 and at most 1h"));
    }
    Ok(span)
}

pub(super) async fn run(config: Config, args: Args) -> Result<Plugin, CliError> {
    let services = Services::open(config, false).await?;
    let replica = args.replica.as_str();
    let all = services.replicas();
    let Some(mut known) = all.iter().find(|known| known.name == server_of(replica)).cloned() else {
        return Err(unknown(replica, all.iter().map(|known| known.name.as_str())));
    };
    let anew = args.limits.any();
    args.limits.apply(Arc::make_mut(&mut known.limits));
    let lines = gather::one(&*services.store, &known, replica, anew).await?;
    match lines.as_slice() {
        [line] => Ok(plugin(line, args.verbose)),
        several => {
            let names: Vec<String> = several.iter().map(|line| Shown::text(&line.name).to_string()).collect();
            Err(CliError::Usage(format!(
                "{} has several channels, each is checked by itself; name one: {}",
                Shown::text(replica),
                names.join(", ")
            )))
        }
    }
}
