//! The command line: what can be asked, and the headless commands, a file each.

mod ack;
mod alert;
mod bench;
mod check;
mod config;
mod console;
mod delay;
mod demo;
mod faster;
mod find;
mod findings;
mod job;
mod out;
mod pool;
mod progress;
mod queue;
mod redis;
mod restore;
mod restores;
mod retry;
mod run;
mod show;
mod source;
mod status;
mod vault;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::base::Shown;
use crate::config::{Config, ConfigError, Given};
use crate::console::setup::ConsoleError;
use crate::restore::RestoreError;
use crate::services::ServiceError;
use crate::store::{FileRow, SourceRow, Store, StoreError};

/// Off-site cold backups that survive anything: a directory backed up into a vault, and given back.
///
/// Without a command: the interactive console, with the workers that [console] workers names embedded in it.
#[allow(rustdoc::private_intra_doc_links)] // it is the text of --help, too
#[derive(Debug, Parser)]
#[command(name = "firn", version, max_term_width = 100)]
pub struct Cli {
    /// The configuration file (else `FIRN_CONFIG`, else the user's, else the machine's: see `firn config paths`)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Overrides one setting, such as --set backup.fetchers=16; may be repeated
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    console: console::Args,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Opens the console over a make-believe site: no network, no credentials, nothing real is touched
    Demo(demo::Args),
    /// Runs the workers: scan and watch, fetch, bundle, upload
    Run(run::Args),
    /// Says how everything stands; the exit code is its severity: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN
    Status(status::Args),
    /// Lists what waits, what is on its way and what failed; exit code as for status
    Queue(queue::Args),
    /// Restores files from the vault: plans, prices, asks, delivers
    Restore(Box<restore::Args>),
    /// Lists restore plans and the vault's jobs, or shows or stops one plan
    Restores(restores::Args),
    /// Makes files that failed due at once
    Retry(retry::Args),
    /// Acknowledges a finding for a while: it no longer counts in the severity
    Ack(ack::Args),
    /// Says how delayed replicas stand: delay, bounds, slope, reason; exit code as for status
    Delay(Box<delay::Args>),
    /// Says how redis clusters stand: who is dead, which slots nobody serves, what cannot fail over; exit code as for status
    Redis(Box<redis::Args>),
    /// Checks one thing as a plugin of Nagios or Icinga: one line, figures, exit code 0, 1, 2 or 3
    #[command(subcommand)]
    Check(check::Command),
    /// Lists open findings: what is wrong, since when, what to do, who was told; exit code as for status
    Findings(findings::Args),
    /// Measures what servers do under load
    #[command(subcommand)]
    Bench(bench::Command),
    /// Looks for files by the beginning of their keys
    Find(find::Args),
    /// Shows all there is about a file or an archive
    Show(show::Args),
    /// The vault
    #[command(subcommand)]
    Vault(vault::Command),
    /// The sources
    #[command(subcommand)]
    Source(source::Command),
    /// Alerts
    #[command(subcommand)]
    Alert(alert::Command),
    /// Jobs that hold a delayed replica up: backups, deshards
    #[command(subcommand)]
    Job(job::Command),
    /// Pauses, resumes, drains or resizes a pool of running workers, or seals what they have open, on any host
    #[command(subcommand)]
    Pool(pool::Command),
    /// The configuration
    #[command(subcommand)]
    Config(config::Command),
}

/// A command that failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error(transparent)]
    Worker(#[from] crate::backup::pipe::KindError),
    #[error(transparent)]
    Pool(#[from] crate::worker::pool::SizeError),
    #[error(transparent)]
    Console(#[from] crate::console::setup::ConsoleError),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Refused(String),
    #[error("cannot write the answer: {0}")]
    Output(#[from] std::io::Error),
}

impl From<crate::base::disk::DiskError> for CliError {
    fn from(e: crate::base::disk::DiskError) -> Self {
        Self::Restore(RestoreError::Disk(e))
    }
}

/// How long threads that still block are waited for at the end.
const LEAVE_WITHIN: Duration = Duration::from_millis(500);

/// Exit code of a command that could not do what it was asked.
const FAILED: u8 = 1;
/// Exit code of a command that was asked for something impossible, as clap's own.
const USAGE: u8 = 2;
/// Exit code of a report that cannot see.
const BLIND: u8 = 3;

/// Parses a command line, the program's name first, and runs it.
pub fn main(args: Vec<OsString>) -> ExitCode {
    if check::is_asked(&args) { check::main(&args) } else { Cli::parse_from(args).run() }
}

impl Cli {
    /// Runs the command. What went wrong is said on standard error.
    pub fn run(self) -> ExitCode {
        if matches!(self.command, Some(Command::Check(_))) {
            return check::run(self);
        }
        let blind = match &self.command {
            Some(Command::Status(_) | Command::Queue(_) | Command::Findings(_)) => true,
            Some(Command::Delay(args)) => args.is_report(),
            Some(Command::Redis(args)) => args.is_report(),
            _ => false,
        };
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(e) => {
                out::error(&format!("cannot start: {e}"));
                return ExitCode::from(FAILED);
            }
        };
        let code = match &self.command {
            Some(Command::Demo(args)) => self.demo(&runtime, args),
            _ => runtime.block_on(self.dispatch()),
        };
        // Tasks let go of the state, which then closes its file; threads that still block (a walk of a slow disk) are not
        // waited for long: nothing of theirs is needed.
        runtime.shutdown_timeout(LEAVE_WITHIN);
        match code {
            Ok(code) => ExitCode::from(code),
            // Whoever read the answer has gone; that is no failure of ours.
            Err(CliError::Output(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(e) => {
                out::error(&e.to_string());
                ExitCode::from(match e {
                    _ if blind => BLIND,
                    CliError::Config(_)
                    | CliError::Usage(_)
                    | CliError::Worker(_)
                    | CliError::Pool(_)
                    | CliError::Console(ConsoleError::Keymap(_) | ConsoleError::Look(_) | ConsoleError::Workers(_))
                    | CliError::Service(
                        ServiceError::Demo(_)
                        | ServiceError::Mail(_)
                        | ServiceError::NoDestination(_)
                        | ServiceError::Tariff(_)
                        | ServiceError::NoTier(_)
                        | ServiceError::Restore(
                            RestoreError::NoArchive(_) | RestoreError::NotStored { .. } | RestoreError::NoFile(_),
                        ),
                    )
                    | CliError::Restore(
                        RestoreError::NoArchive(_) | RestoreError::NotStored { .. } | RestoreError::NoFile(_),
                    ) => USAGE,
                    _ => FAILED,
                })
            }
        }
    }

    fn demo(&self, runtime: &tokio::runtime::Runtime, args: &demo::Args) -> Result<u8, CliError> {
        let console = Config::without_file(&self.set)?.console;
        demo::run(runtime, console, args, &self.console)
    }

    async fn dispatch(self) -> Result<u8, CliError> {
        let given = given(self.config, self.set)?;
        let Some(command) = self.command else {
            return console::run(Config::load(&given)?, self.console).await;
        };
        if self.console.any() {
            let text = "--no-workers and --read-only are for the console (firn, firn demo) alone";
            return Err(CliError::Usage(text.to_owned()));
        }
        match command {
            // They are not run in here.
            Command::Demo(_) | Command::Check(_) => Ok(0),
            Command::Delay(args) => delay::run(|| Config::load(&given), *args).await,
            Command::Redis(args) => redis::run(|| Config::load(&given), *args).await,
            Command::Run(args) => run::run(Config::load(&given)?, args).await,
            Command::Status(args) => status::run(Config::load(&given)?, args).await,
            Command::Queue(args) => queue::run(Config::load(&given)?, args).await,
            Command::Restore(args) => restore::run(Config::load(&given)?, *args).await,
            Command::Restores(args) => restores::run(Config::load(&given)?, args).await,
            Command::Retry(args) => retry::run(Config::load(&given)?, args).await,
            Command::Ack(args) => ack::run(Config::load(&given)?, args).await,
            Command::Findings(args) => findings::run(Config::load(&given)?, args).await,
            Command::Alert(command) => alert::run(Config::load(&given)?, command).await,
            // It needs no configuration; one that there is says what is kept off.
            Command::Bench(command) => {
                let config = match Config::load(&given) {
                    Ok(config) => Some(config),
                    Err(crate::config::ConfigError::None(_)) => None,
                    Err(e) => return Err(e.into()),
                };
                bench::run(config, command).await
            }
            Command::Find(args) => find::run(Config::load(&given)?, args).await,
            Command::Show(args) => show::run(Config::load(&given)?, args).await,
            Command::Vault(command) => vault::run(Config::load(&given)?, command).await,
            Command::Source(command) => source::run(Config::load(&given)?, command).await,
            Command::Job(command) => job::run(&given, command).await,
            Command::Pool(command) => pool::run(Config::load(&given)?, command).await,
            Command::Config(command) => config::run(&given, command),
        }
    }
}

/// Where the configuration is, and what overrides it.
fn given(config: Option<PathBuf>, set: Vec<String>) -> Result<Given, CliError> {
    let file = config.or_else(|| std::env::var_os("FIRN_CONFIG").map(PathBuf::from));
    if file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
        let text = "the configuration file's name (--config, or FIRN_CONFIG) is empty; name a file, or leave it out";
        return Err(CliError::Usage(text.to_owned()));
    }
    Ok(Given { file, set })
}

/// Who asks: the operating system's user, on this host.
fn who() -> String {
    let user = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).or_else(|_| std::env::var("LOGNAME"));
    let user = user.unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()));
    format!("{user} on {}", rustix::system::uname().nodename().to_string_lossy())
}

/// `NAME:KEY` of a source that the state knows, or just a key.
async fn source_and_key(store: &dyn Store, text: &OsString) -> Result<(Option<SourceRow>, Vec<u8>), CliError> {
    use std::os::unix::ffi::OsStrExt as _;
    let (name, rest) = split_source(text);
    let named = text.as_bytes().contains(&b':');
    let source = store.sources().await?.into_iter().find(|row| named && row.name == name);
    // A colon may stand in a key.
    let key = if source.is_some() { rest } else { text.as_bytes().to_vec() };
    Ok((source, key))
}

/// The newest version of the file `NAME:KEY`.
async fn the_file(store: &dyn Store, text: &OsString) -> Result<FileRow, CliError> {
    let shown = Shown::bytes(text.as_encoded_bytes()).to_string();
    let (source, key) = source_and_key(store, text).await?;
    let Some(source) = source else {
        let names: Vec<String> = store.sources().await?.into_iter().map(|row| row.name).collect();
        return Err(CliError::Usage(format!(
            "\"{shown}\" names no source; write NAME:KEY with one of: {}",
            Shown::text(&names.join(", "))
        )));
    };
    let found = store.find_files(Some(source.id), key.clone(), None, 1).await?.into_iter().next();
    found.filter(|row| row.key.as_bytes() == key).ok_or_else(|| {
        CliError::Refused(format!("no file {shown} is known; `firn find` lists keys by what they begin with"))
    })
}

/// `NAME:PATH`, `NAME:` or `NAME`, as bytes.
fn split_source(text: &OsString) -> (String, Vec<u8>) {
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = text.as_bytes();
    match bytes.iter().position(|byte| *byte == b':') {
        Some(colon) => (String::from_utf8_lossy(&bytes[..colon]).into_owned(), bytes[colon + 1..].to_vec()),
        None => (String::from_utf8_lossy(bytes).into_owned(), Vec::new()),
    }
}
