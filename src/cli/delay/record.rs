//! `firn delay record`

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::named;
use crate::base::units::parse_span;
use crate::base::{Clock, Shown};
use crate::cli::{CliError, out};
use crate::config::Config;
use crate::delay::probe::Probe as _;
use crate::delay::seen::{Look, Seen};
use crate::delay::trace::Writer;
use crate::services::lines;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The replica
    replica: String,
    /// Writes to this new file (else to standard output)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// For how long, such as 90s or 2h (else until it is interrupted)
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    span: Option<Duration>,
    /// Which channel, where the replica has several
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
}

fn span(text: &str) -> Result<Duration, String> {
    parse_span(text).map_err(|e| e.to_string())
}

/// Looks at a replica each interval and writes what it sees. A look that fails is a row that says so.
pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let replica = named(&config, &args.replica)?;
    let to: Box<dyn Write + Send> = match &args.out {
        Some(path) => {
            let made = File::options().write(true).create_new(true).open(path);
            let failed = |e| {
                CliError::Refused(format!(
                    "cannot create {}: {e}; name a file that is not there yet",
                    Shown::path(path)
                ))
            };
            Box::new(made.map_err(failed)?)
        }
        None => Box::new(std::io::stdout()),
    };
    let clock = Clock::system();
    let probe = lines::probe(replica, clock.clone());
    let mut trace = Writer::new(to, replica.local_heartbeat, replica.primary.is_some())?;
    let interval = replica.limits.interval;
    let began = clock.mono();
    let (mut rows, mut failed, mut found) = (0_u64, 0_u64, false);
    let mut stop = std::pin::pin!(interrupted());
    loop {
        let started = clock.mono();
        let looked = tokio::select! {
            biased;
            () = &mut stop => break,
            looked = probe.look() => looked,
        };
        let seen = match looked {
            Ok(looks) => match the_one(looks, args.channel.as_deref().or(replica.channel.as_deref())) {
                Ok(seen) => {
                    found = true;
                    Ok(seen)
                }
                // It was there: that it is not just now is a missed sample.
                Err(why) if found => {
                    failed += 1;
                    Err(why.to_string())
                }
                Err(refused) => {
                    if let Some(path) = &args.out {
                        // It was made above and is nobody's history.
                        let _ = std::fs::remove_file(path);
                    }
                    return Err(refused);
                }
            },
            Err(why) => {
                failed += 1;
                Err(why.to_string())
            }
        };
        trace.row(&Look { at: Seen::when(seen.as_ref(), clock.now()), seen })?;
        rows += 1;
        if args.span.is_some_and(|span| clock.mono().since(began).saturating_add(interval) > span) {
            break;
        }
        let rest = interval.saturating_sub(clock.mono().since(started));
        tokio::select! {
            biased;
            () = &mut stop => break,
            () = clock.sleep(rest) => {}
        }
    }
    probe.close().await;
    trace.into_inner().flush()?;
    if let Some(path) = &args.out {
        out::line(format!("{}: {rows} samples, {failed} of which failed", Shown::path(path)))?;
    }
    Ok(u8::from(rows > 0 && failed == rows))
}

/// The channel that is recorded: one history is one channel's.
fn the_one(looks: Vec<Seen>, channel: Option<&str>) -> Result<Seen, CliError> {
    let name = |look: &Seen| look.status.as_ref().map_or_else(String::new, |status| status.channel.clone());
    let names: Vec<String> = looks.iter().map(|look| format!("\"{}\"", Shown::text(&name(look)))).collect();
    let several = looks.len() > 1;
    let mut fitting = looks.into_iter().filter(|look| channel.is_none_or(|channel| name(look) == channel));
    match fitting.next() {
        Some(look) if !several || channel.is_some() => Ok(look),
        _ => Err(CliError::Usage(format!(
            "the replica has the channels {}; name the one to record: --channel NAME",
            names.join(", ")
        ))),
    }
}

/// Returns when the process is told to end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        // Signals then end it as they end any process.
        _ => std::future::pending().await,
    }
}
