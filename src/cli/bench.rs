//! `firn bench`

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{CliError, FAILED, out};
use crate::base::secret::SecretRef;
use crate::base::units::parse_span;
use crate::base::{Clock, Shown, Stop};
use crate::config::Config;
use crate::redis::addr::NodeAddr;
use crate::redis::bench::{self, BenchError, Choice, Guard, Live, Login, Spec, Work, words};
use crate::services::Services;
use crate::services::redis::{guard, is_guarded};

/// The port of a host that names none.
const PORT: u16 = 6379;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Loads redis servers with GET and SET, or with transactions of five round trips, and says what came of them
    #[command(after_help = "\
Work:
  get_set  GET and SET in turn, each one round trip
  trans    transactions of WATCH, GET, MULTI, SET, EXEC: five round trips; aborted ones are told apart

It writes keys of its own prefix alone (firn-bench:RUN:) and removes them at its end, on Ctrl-C too; a second
Ctrl-C leaves them and says how they are removed.

Exit code: 0 it ran; 1 it came to nothing (as with a host that does not answer), keys are left, or the invariant is
broken; 2 it was asked wrongly, or is refused.")]
    Redis(Box<Args>),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Doing {
    #[value(name = "get_set")]
    GetSet,
    #[value(name = "trans")]
    Trans,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Choosing {
    Random,
    Walk,
}

#[derive(Debug, ClapArgs)]
#[allow(clippy::struct_excessive_bools)] // flags of a command line
pub struct Args {
    /// What clients do
    work: Doing,
    /// Hosts to load, such as a:6379,b:6379; with --cluster any nodes of it
    #[arg(long, value_name = "HOST:PORT,…", required = true, value_delimiter = ',')]
    hosts: Vec<String>,
    /// Clients of each host, or of each master of a cluster; each has one request under way
    #[arg(long, value_name = "N", default_value_t = 100)]
    clients: u32,
    /// How long is measured, in seconds
    #[arg(long, value_name = "S", default_value_t = 10)]
    seconds: u32,
    /// How long clients work before that
    #[arg(long, value_name = "SPAN", default_value = "1s")]
    warm_up: String,
    /// Over how many keys
    #[arg(long, value_name = "N", default_value_t = 9_999, conflicts_with = "invariant")]
    keys: u32,
    /// Bytes of a value
    #[arg(long, value_name = "N", default_value_t = 27, conflicts_with = "invariant")]
    value_bytes: usize,
    /// How clients choose keys: any, or all of them walk over the same keys in step, so that transactions contend
    #[arg(long, value_name = "HOW", default_value = "random")]
    choice: Choosing,
    /// What random choice begins with (default: something random, which is told)
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The hosts are nodes of one cluster: all of its masters are loaded, redirections are followed
    #[arg(long)]
    cluster: bool,
    /// The user of an access list
    #[arg(long, value_name = "NAME", requires = "password")]
    user: Option<String>,
    /// Where the password stands: `env:NAME` or `file:PATH`
    #[arg(long, value_name = "WHERE")]
    password: Option<String>,
    /// Threads (default: half the cores, four at most, no more than hosts)
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// With trans: clients transfer between accounts, and what they committed is held against what is there at the end
    #[arg(long)]
    invariant: bool,
    /// With --invariant: accounts of each host or master
    #[arg(long, value_name = "N", default_value_t = 100, requires = "invariant")]
    accounts: u16,
    /// First measures what the tool takes itself (about 1 s)
    #[arg(long)]
    overhead: bool,
    /// Loads a host that the configuration marks as production
    #[arg(long)]
    anyway: bool,
    /// As JSON: times in milliseconds; what is not known is null
    #[arg(long)]
    json: bool,
}

impl From<BenchError> for CliError {
    fn from(e: BenchError) -> Self {
        match e {
            BenchError::Limit { .. }
            | BenchError::Long { .. }
            | BenchError::Twice(_)
            | BenchError::Production { .. }
            | BenchError::Tls { .. }
            | BenchError::Files { .. }
            | BenchError::IsCluster { .. } => Self::Usage(e.to_string()),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// What is kept off: clusters of the configuration, with what is remembered of them where the state can be read.
async fn kept_off(config: Option<Config>) -> Guard {
    let Some(config) = config.filter(|config| config.redis.iter().any(is_guarded)) else { return Guard::default() };
    let configs = config.redis.clone();
    let services = Services::open(config, false).await.ok();
    guard(&configs, services.as_ref().map(|services| &*services.store)).await
}

/// Runs a benchmark; the configuration, where there is one, says what it keeps off.
pub(super) async fn run(config: Option<Config>, command: Command) -> Result<u8, CliError> {
    let Command::Redis(args) = command;
    let spec = Spec { guard: kept_off(config).await, ..spec(&args)? };
    let stop = Stop::new();
    let mut interrupts = Interrupts::new()?;
    let mut screen = Screen { shown: !args.json && std::io::stderr().is_terminal(), written: false };
    let remedy: Mutex<Arc<[String]>> = Mutex::new(Arc::new([]));
    let mut running = Box::pin(bench::run(spec, Clock::system(), stop.clone(), |live| {
        remedy.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&live.remedy);
        screen.show(&live);
    }));
    let outcome = tokio::select! {
        outcome = &mut running => Some(outcome),
        () = interrupts.heard() => {
            stop.stop();
            out::error("it is ended, and its keys are removed; interrupt it again to leave them");
            tokio::select! {
                outcome = &mut running => Some(outcome),
                () = interrupts.heard() => None,
            }
        }
    };
    drop(running);
    screen.clear();
    let Some(outcome) = outcome else {
        return Err(CliError::Refused(left(&remedy.lock().unwrap_or_else(PoisonError::into_inner))));
    };
    let outcome = outcome?;
    if args.json {
        out::json(&outcome)?;
    } else {
        for line in words::lines(&outcome) {
            out::line(line)?;
        }
    }
    let broken = outcome.invariant.as_ref().is_some_and(|verdict| !verdict.holds());
    Ok(if broken || !outcome.left.is_empty() || outcome.counts.commits == 0 { FAILED } else { 0 })
}

/// What whoever interrupts it twice is told.
fn left(remedy: &[String]) -> String {
    if remedy.is_empty() {
        return "interrupted again; no key had been written".to_owned();
    }
    let what = if remedy.len() == 1 { "this removes them" } else { "these remove them, one for each host" };
    format!("interrupted again; keys of the run may be left, and {what}:\n{}", remedy.join("\n"))
}

fn spec(args: &Args) -> Result<Spec, CliError> {
    let wrong = |flag: &str, text: &str, mend: &str| {
        CliError::Usage(format!("{flag}: \"{}\" is no host; {mend}", Shown::text(text)))
    };
    let hosts = args.hosts.iter().map(|text| {
        NodeAddr::parse(text, PORT).ok_or_else(|| wrong("--hosts", text, "write HOST:PORT, such as 10.0.0.1:6379"))
    });
    let hosts = hosts.collect::<Result<Vec<_>, _>>()?;
    let work = match (args.work, args.invariant) {
        (Doing::GetSet, true) => {
            let text = "--invariant is a check of transactions; ask for it with trans";
            return Err(CliError::Usage(text.to_owned()));
        }
        (Doing::GetSet, false) => Work::GetSet,
        (Doing::Trans, false) => Work::Trans,
        (Doing::Trans, true) => Work::Transfer { accounts: args.accounts },
    };
    let login = match &args.password {
        None => None,
        Some(text) => {
            let secret = SecretRef::parse(text, Path::new("")).and_then(|secret| secret.read());
            let password = secret.map_err(|e| CliError::Usage(format!("--password: {e}")))?;
            Some(Login { user: args.user.clone(), password })
        }
    };
    Ok(Spec {
        clients: args.clients,
        span: Duration::from_secs(args.seconds.into()),
        warm_up: parse_span(&args.warm_up).map_err(|e| CliError::Usage(format!("--warm-up: {e}")))?,
        keys: args.keys,
        value: args.value_bytes,
        choice: match args.choice {
            Choosing::Random => Choice::Random,
            Choosing::Walk => Choice::Walk,
        },
        seed: args.seed,
        cluster: args.cluster,
        login,
        threads: args.threads,
        overhead: args.overhead,
        anyway: args.anyway,
        ..Spec::new(hosts, work)
    })
}

/// What tells the process to end. One that comes between two waits is not missed.
struct Interrupts([Signal; 3]);

impl Interrupts {
    fn new() -> std::io::Result<Self> {
        let [a, b, c] = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self([a?, b?, c?]))
    }

    /// Returns when one has come.
    async fn heard(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// One line of standard error that is written over, where that is a terminal.
struct Screen {
    shown: bool,
    written: bool,
}

impl Screen {
    fn show(&mut self, live: &Live) {
        if self.shown {
            // There is nowhere left to say that this failed.
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K{}", words::live(live));
            self.written = true;
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.written) {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}
