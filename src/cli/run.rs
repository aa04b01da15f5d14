//! `firn run`

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args as ClapArgs;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use super::progress::{Moment, Screen};
use super::{CliError, FAILED, out};
use crate::backup::pipe::Kinds;
use crate::backup::pipeline::{Ended, Job};
use crate::base::sink::Totals;
use crate::base::task;
use crate::base::units::Span;
use crate::base::{Clock, Stop};
use crate::config::Config;
use crate::services::{Crew, Services};
use crate::store::Store;
use crate::worker::supervisor::{Standing, supervise};

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Exit code:
  0  told to stop (SIGTERM, SIGHUP, SIGINT); with --until-idle: everything is stored
  1  it could not start; --until-idle left something unstored or was told to stop; a second signal
  2  the configuration or the command line is wrong
Told to stop, it finishes what is in progress within [worker] stop_within; whatever is left then is
taken up at the next start.")]
pub struct Args {
    /// Which workers run here: scan, fetch, upload, reconcile, restore, delay, heartbeat, redis, alert; comma-separated (default: all)
    #[arg(long, value_name = "LIST")]
    workers: Option<String>,
    /// Ends when nothing is left to do: 0 if all is stored, 1 if something failed for good
    #[arg(long)]
    until_idle: bool,
    /// Shows no progress, only the log
    #[arg(long)]
    quiet: bool,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let kinds = args.workers.as_deref().map_or_else(|| Ok(Kinds::all()), Kinds::parse)?;
    let screen = Screen::new();
    log_to(&screen, &config.log_level);
    more_open_files();
    let stop_within = config.stop_within;
    let services = Arc::new(Services::open(config, true).await?);
    // Where there is nothing to back up there may be something to watch; who names workers, or waits for a backup, means it.
    let only_watches = services.config.sources.is_empty() && services.watches();
    let kinds = if only_watches && args.workers.is_none() && !args.until_idle { kinds.without_backup() } else { kinds };
    let backup = kinds.of_backup();
    // What is left to do with --until-idle is what is to be backed up.
    let crew = if args.until_idle { None } else { Some(services.start(&kinds.without_backup())) };
    if let (true, Some(crew)) = (backup.is_empty(), &crew) {
        return others(&services.clock, crew, stop_within).await;
    }
    let totals = Totals::default();
    let job = Arc::new(services.job(backup, args.until_idle, Arc::new(totals.clone())).await?);
    if args.until_idle {
        // Nothing could be stored: better told now than waited for.
        job.vault.ready().await.map_err(crate::services::ServiceError::from)?;
    }
    let ended: Arc<Mutex<Option<Ended>>> = Arc::default();
    let (standing, mut stands) = watch::channel(Standing::Running);
    let stop = Stop::new();
    let clock = services.clock.clone();
    let worker = {
        let (job, ended) = (Arc::clone(&job), Arc::clone(&ended));
        task::spawn(supervise("backup", clock.clone(), stop.clone(), standing, move |inner| {
            let (job, ended) = (Arc::clone(&job), Arc::clone(&ended));
            async move {
                let result = job.run(inner).await?;
                *ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                Ok::<(), crate::backup::pipe::BackupError>(())
            }
        }))
    };
    let mut signals = Signals::listen()?;
    let mut show = Show {
        store: Arc::clone(&services.store),
        totals,
        screen: screen.clone(),
        clock: clock.clone(),
        job,
        last: None,
    };
    let mut stopped_by = None;
    loop {
        tokio::select! {
            ended = stands.wait_for(|standing| *standing == Standing::Ended) => {
                // Its sender is gone only if the supervisor itself fell over; that is the end, too.
                let _ = ended;
                break;
            }
            name = signals.next() => {
                if stopped_by.is_some() {
                    screen.close();
                    out::error(&format!("{name} again: ending at once; what was in progress is taken up at the next start"));
                    return Ok(FAILED);
                }
                tracing::info!(signal = name, within_s = stop_within.as_secs(), "stopping: work in progress is finished");
                stopped_by = Some(name);
                stop.stop();
                if let Some(crew) = &crew {
                    crew.stop.stop();
                }
                let (clock, screen, code) = (clock.clone(), screen.clone(), told_to_stop(args.until_idle));
                drop(task::spawn(async move {
                    clock.sleep(stop_within).await;
                    screen.close();
                    let within = Span(stop_within);
                    out::error(&format!(
                        "not finished within {within} (worker.stop_within); what was in progress is taken up at the next start"
                    ));
                    std::process::exit(code.into());
                }));
            }
            () = clock.sleep(screen.every()), if !args.quiet => show.moment().await,
        }
    }
    if !args.quiet {
        show.moment().await;
    }
    if let Some(mut crew) = crew {
        crew.stop.stop();
        // Its sender is gone only if it fell over; that is the end, too.
        let _ = crew.standing.wait_for(|standing| *standing == Standing::Ended).await;
    }
    screen.close();
    let panicked = worker.await.is_err();
    let ended = ended.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(verdict(args.until_idle, stopped_by, ended, panicked))
}

/// Workers that back nothing up: until a signal, and then until they have ended.
async fn others(clock: &Clock, crew: &Crew, within: Duration) -> Result<u8, CliError> {
    let mut signals = Signals::listen()?;
    let name = signals.next().await;
    tracing::info!(signal = name, within_s = within.as_secs(), "stopping: work in progress is finished");
    crew.stop.stop();
    let mut standing = crew.standing.clone();
    tokio::select! {
        ended = standing.wait_for(|standing| *standing == Standing::Ended) => drop(ended),
        name = signals.next() => {
            out::error(&format!("{name} again: ending at once; what was in progress is taken up at the next start"));
            return Ok(FAILED);
        }
        () = clock.sleep(within) => {
            out::error(&format!(
                "not finished within {} (worker.stop_within); what was in progress is taken up at the next start",
                Span(within)
            ));
        }
    }
    Ok(0)
}

fn verdict(until_idle: bool, stopped_by: Option<&'static str>, ended: Option<Ended>, panicked: bool) -> u8 {
    match (ended, stopped_by) {
        _ if panicked => FAILED,
        (_, Some(_)) => told_to_stop(until_idle),
        (Some(ended), None) => {
            if ended.given_up > 0 {
                out::error(&format!("{} files could not be backed up; `firn queue` lists them", ended.given_up));
            }
            for source in &ended.held {
                out::error(&format!("the source {source} was not backed up; `firn status` says why"));
            }
            if ended.given_up > 0 || !ended.held.is_empty() { FAILED } else { 0 }
        }
        (None, None) => FAILED,
    }
}

/// Told to stop: that is what it did. Asked to finish everything and told to stop before: it did not.
fn told_to_stop(until_idle: bool) -> u8 {
    u8::from(until_idle) * FAILED
}

fn log_to(screen: &Screen, level: &str) {
    let filter = EnvFilter::new(format!("firn={level}"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(screen.clone())
        .with_ansi(false)
        .with_target(false)
        .finish();
    // A second subscriber in one process is none of ours to replace.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Deep trees take an open file a level: as many as the system allows.
pub(super) fn more_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Not allowed: then the usual number has to do, and folders beyond it are reported.
    let _ = setrlimit(Resource::Nofile, limit);
}

struct Signals {
    term: Signal,
    hangup: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, CliError> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.hangup.recv() => "SIGHUP",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Gathers moments and shows them.
struct Show {
    store: Arc<dyn Store>,
    totals: Totals,
    screen: Screen,
    clock: Clock,
    job: Arc<Job>,
    last: Option<(crate::base::clock::Mono, u64)>,
}

impl Show {
    async fn moment(&mut self) {
        // A state that cannot be read says so in the log; the line waits for it.
        let Ok(lanes) = self.store.lanes().await else { return };
        let stored_bytes = self.totals.get("backup.stored_bytes").unwrap_or(0);
        let now = self.clock.mono();
        let rate = self.last.and_then(|(at, bytes)| {
            let millis = u64::try_from(now.since(at).as_millis()).ok().filter(|millis| *millis > 0)?;
            Some((stored_bytes.saturating_sub(bytes)).saturating_mul(1000) / millis)
        });
        if self.last.is_none_or(|(at, _)| now.since(at) >= Duration::from_secs(2)) {
            self.last = Some((now, stored_bytes));
        }
        let scanning =
            self.job.view.glance().is_some_and(|glance| glance.scanning.values().any(|what| what == "scanning"));
        self.screen.show(&Moment {
            stored_files: self.totals.get("backup.stored_files").unwrap_or(0),
            stored_bytes,
            archives: self.totals.get("backup.stored_archives").unwrap_or(0),
            rate,
            lanes,
            scanning,
        });
    }
}
