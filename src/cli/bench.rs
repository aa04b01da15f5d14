//! `firn bench`

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::{CliError, FAILED, out};
use crate::base::secret::SecretRef;
use crate::base::units::parse_span;
use crate::base::{Clock, Shown, Stop};
use crate::redis::addr::NodeAddr;
use crate::redis::bench::{self, BenchError, Choice, Live, Login, Production, Spec, Work, words};

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

Exit code: 0 it ran; 1 it came to nothing, keys are left, or the invariant is broken; 2 it was not begun.")]
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
    #[arg(long, value_name = "N", default_value_t = 9_999)]
    keys: u32,
    /// Bytes of a value
    #[arg(long, value_name = "N", default_value_t = 27)]
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
            | BenchError::Files { .. }
            | BenchError::IsCluster { .. } => Self::Usage(e.to_string()),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// Runs a benchmark. `production` says which hosts are marked as that.
pub(super) async fn run(production: Production, command: Command) -> Result<u8, CliError> {
    let Command::Redis(args) = command;
    let spec = spec(&args, production)?;
    let stop = Stop::new();
    let mut screen = Screen { shown: !args.json && std::io::stderr().is_terminal(), written: false };
    let prefix = Mutex::new(String::new());
    let mut running = Box::pin(bench::run(spec, Clock::system(), stop.clone(), |live| {
        prefix.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&live.prefix);
        screen.show(&live);
    }));
    let outcome = tokio::select! {
        outcome = &mut running => outcome,
        heard = interrupted() => {
            heard?;
            stop.stop();
            out::error("it is ended, and its keys are removed; interrupt it again to leave them");
            tokio::select! {
                outcome = &mut running => outcome,
                heard = interrupted() => {
                    heard?;
                    let prefix = prefix.lock().unwrap_or_else(PoisonError::into_inner);
                    return Err(CliError::Refused(format!(
                        "interrupted again; keys of the run may be left, of each host `redis-cli -h HOST -p PORT --scan \
                         --pattern '{prefix}*' | xargs redis-cli -h HOST -p PORT DEL` removes them"
                    )));
                }
            }
        }
    };
    drop(running);
    screen.clear();
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

fn spec(args: &Args, production: Production) -> Result<Spec, CliError> {
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
        production,
        anyway: args.anyway,
        ..Spec::new(hosts, work)
    })
}

/// Returns when the process is told to end.
async fn interrupted() -> Result<(), CliError> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
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
