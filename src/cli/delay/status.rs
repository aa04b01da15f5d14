//! `firn delay [REPLICA] [--json] [--watch]`

use clap::Args as ClapArgs;

use super::rounds;
use crate::base::Shown;
use crate::base::near::nearest;
use crate::cli::{CliError, out};
use crate::config::Config;
use crate::delay::report;
use crate::delay::snapshot::DelaySnapshot;
use crate::services::Services;
use crate::store::server_of;

#[derive(Debug, ClapArgs)]
#[group(skip)]
#[command(after_help = "\
The verdicts are those that workers (firn run) wrote; of a replica whose worker has written nothing for
longer than max-last-seen that is the verdict.

Exit code: the worst of what is shown: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (also: it could not look).
With --watch that of the last round.")]
pub struct Args {
    /// One replica, with all there is about it: limits, threads, heartbeats, jobs, verdicts before this one
    #[arg(value_name = "REPLICA")]
    replica: Option<String>,
    /// As JSON. Times are RFC 3339 in UTC, delays and spans seconds; what is not known is null. With --watch a line a
    /// round
    #[arg(long)]
    json: bool,
    /// Looks again every 10 seconds until it is interrupted; each round is printed below the one before
    #[arg(long)]
    watch: bool,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    if !services.has_replicas() {
        let text = "the configuration names no replica; add [[replica]] with a name, a host, a user and a password";
        return Err(CliError::Usage(text.to_owned()));
    }
    if !args.watch {
        return round(&services, &args).await;
    }
    rounds::watch(&services.clock, args.json, async || round(&services, &args).await).await
}

/// Looks once and prints what is to be seen.
async fn round(services: &Services, args: &Args) -> Result<u8, CliError> {
    let mut snapshot = services.delays().await?;
    if let Some(replica) = &args.replica {
        select(services, &mut snapshot, replica)?;
    }
    let code = report::severity(&snapshot).exit_code();
    if args.json {
        let value = report::json::json(&snapshot);
        if args.watch {
            out::json_line(&value)?;
        } else {
            out::json(&value)?;
        }
        return Ok(code);
    }
    let lines = match args.replica {
        Some(_) => snapshot.replicas.iter().flat_map(|line| report::details(line, snapshot.now)).collect(),
        None => report::text(&snapshot),
    };
    out::line(lines.join("\n"))?;
    Ok(code)
}

/// Leaves one replica, or all channels of one server.
fn select(services: &Services, snapshot: &mut DelaySnapshot, replica: &str) -> Result<(), CliError> {
    let known: Vec<String> = services.replicas().into_iter().map(|known| known.name).collect();
    let all: Vec<String> = snapshot.replicas.iter().map(|line| line.name.clone()).collect();
    snapshot.replicas.retain(|line| line.name == replica || server_of(&line.name) == replica);
    if snapshot.replicas.is_empty() {
        return Err(unknown(replica, known.iter().chain(&all).map(String::as_str)));
    }
    Ok(())
}

/// No replica has that name.
pub(in crate::cli) fn unknown<'a>(replica: &str, known: impl IntoIterator<Item = &'a str>) -> CliError {
    let near = nearest(replica, known).map_or_else(
        || "`firn delay` lists those there are".to_owned(),
        |near| format!("did you mean \"{}\"?", Shown::text(near)),
    );
    CliError::Usage(format!("no replica \"{}\" is configured; {near}", Shown::text(replica)))
}
