//! `firn check`: plugins of Nagios, Icinga and those that call plugins as they do. Standard output holds one line and what
//! belongs below it; whatever goes wrong (a usage error, a panic, no answer in time) is UNKNOWN, 3, and said there.

mod delay;
mod redis;

use std::any::Any;
use std::ffi::OsString;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Parser as _, Subcommand};

use super::delay::limits::seconds;
use super::{Cli, CliError, given};
use crate::base::Severity;
use crate::base::plugin::Plugin;
use crate::config::Config;
use crate::delay::plugin::limit;

/// What a line begins with that no check has begun.
const NONE: &str = "FIRN";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks a delayed replica
    #[command(version)]
    Delay(Box<delay::Args>),
    /// Checks a redis cluster
    #[command(version)]
    Redis(redis::Args),
}

impl Command {
    /// How long it may take.
    fn within(&self) -> Duration {
        match self {
            Self::Delay(args) => args.within(),
            Self::Redis(args) => args.within(),
        }
    }

    /// What its line begins with.
    fn label(&self) -> &'static str {
        match self {
            Self::Delay(_) => crate::delay::plugin::LABEL,
            Self::Redis(_) => crate::redis::plugin::LABEL,
        }
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

/// Options before the command that take the next word.
const WITH_WORD: [&str; 2] = ["--config", "--set"];

/// Whether a command line, the program's name first, asks for a check: its first word that is no option is `check`.
pub(super) fn is_asked(args: &[OsString]) -> bool {
    let mut args = args.iter().skip(1);
    while let Some(arg) = args.next() {
        if WITH_WORD.iter().any(|option| arg == *option) {
            args.next();
        } else if !arg.as_encoded_bytes().starts_with(b"-") {
            return arg == "check";
        }
    }
    false
}

/// What its line begins with, whatever else is wrong with a command line: the word behind `check` says.
fn meant(args: &[OsString]) -> &'static str {
    let word = args.iter().skip_while(|arg| *arg != "check").nth(1);
    match word.and_then(|word| word.to_str()) {
        Some("delay") => crate::delay::plugin::LABEL,
        Some("redis") => crate::redis::plugin::LABEL,
        _ => NONE,
    }
}

/// Parses a command line that asks for a check, and runs it.
pub(super) fn main(args: &[OsString]) -> ExitCode {
    // What falls over is told on the line, and nowhere before it.
    std::panic::set_hook(Box::new(|_| {}));
    let label = meant(args);
    let parsed = catch_unwind(AssertUnwindSafe(|| Cli::try_parse_from(args)));
    match parsed {
        Ok(Ok(cli)) => run(cli),
        Ok(Err(e)) if matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // Whoever asks for help by mistake, from a check's definition, must not read OK.
            let _ = write!(std::io::stdout().lock(), "{}", e.render());
            ExitCode::from(Severity::Unknown.exit_code())
        }
        Ok(Err(e)) => print(&usage(label, &e)),
        Err(panic) => print(&fell(label, &*panic)),
    }
}

/// Runs a check.
pub(super) fn run(cli: Cli) -> ExitCode {
    let Cli { config, set, console, command } = cli;
    let Some(super::Command::Check(command)) = command else {
        return print(&Plugin::unknown(NONE, "no check is named; firn check --help lists them"));
    };
    if console.any() {
        return print(&Plugin::unknown(
            command.label(),
            "--no-workers and --read-only are for the console (firn, firn demo) alone",
        ));
    }
    let (span, label) = (command.within(), command.label());
    print(&within(label, span, move || match answer(config, set, command) {
        Ok(plugin) => plugin,
        Err(e) => Plugin::unknown(label, &e.to_string()),
    }))
}

fn answer(config: Option<PathBuf>, set: Vec<String>, command: Command) -> Result<Plugin, CliError> {
    let config = Config::load(&given(config, set)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let plugin = runtime.block_on(async {
        match command {
            Command::Delay(args) => delay::run(config, *args).await,
            Command::Redis(args) => redis::run(config, args).await,
        }
    });
    // Nothing of what still runs is needed.
    runtime.shutdown_background();
    plugin
}

/// What `work` says, or that it fell over, or that it took longer than `span`. It may go on then; the process ends.
fn within(label: &'static str, span: Duration, work: impl FnOnce() -> Plugin + Send + 'static) -> Plugin {
    let (tell, told) = mpsc::sync_channel(1);
    let run = move || {
        let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| fell(label, &*panic));
        // Nobody waits for it any more.
        let _ = tell.send(done);
    };
    if let Err(e) = thread::Builder::new().name("firn-check".to_owned()).spawn(run) {
        return Plugin::unknown(label, &format!("cannot start: {e}"));
    }
    told.recv_timeout(span).unwrap_or_else(|e| match e {
        RecvTimeoutError::Timeout => Plugin::unknown(
            label,
            &format!(
                "no answer within {}s; the state, or a server, does not answer (-t sets another limit)",
                limit(span)
            ),
        ),
        RecvTimeoutError::Disconnected => Plugin::unknown(label, "the check ended without an answer"),
    })
}

/// It fell over.
fn fell(label: &'static str, panic: &(dyn Any + Send)) -> Plugin {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Plugin::unknown(label, &format!("firn fell over: {}", said.unwrap_or("it did not say why")))
}

/// What is wrong with the command line.
fn usage(label: &'static str, e: &clap::Error) -> Plugin {
    if e.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Plugin::unknown(label, "usage: nothing is named to be checked; firn check --help lists what can be");
    }
    let text = e.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    Plugin::unknown(label, &format!("usage: {text}"))
}

/// Prints it. Where nobody can read it, nothing is known.
fn print(plugin: &Plugin) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{plugin}").and_then(|()| out.flush());
    ExitCode::from(if written.is_ok() { plugin.exit } else { Severity::Unknown.exit_code() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> bool {
        is_asked(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_first_word_tells_a_check() {
        for line in [
            "firn check",
            "firn check delay db14",
            "firn --config x check delay",
            "firn --config=x --set a.b=c --bogus check",
            "firn --set check check --help",
        ] {
            assert!(asked(line), "{line}");
        }
        for line in ["firn", "firn config check", "firn --config check status", "firn help check", "firn --set check"] {
            assert!(!asked(line), "{line}");
        }
    }

    #[test]
    fn what_falls_over_is_unknown_and_says_so() {
        let plugin = within("DELAY", Duration::from_mins(1), || panic!("index 4 of {}", 3));
        assert_eq!((plugin.line.as_str(), plugin.exit), ("DELAY UNKNOWN - firn fell over: index 4 of 3", 3));
        let plugin = within("DELAY", Duration::from_mins(1), || std::panic::panic_any(7));
        assert_eq!(plugin.line, "DELAY UNKNOWN - firn fell over: it did not say why");
    }

    #[test]
    fn what_takes_too_long_is_unknown_and_says_so() {
        let (sender, held) = mpsc::channel::<()>();
        let plugin = within("DELAY", Duration::from_millis(20), move || {
            let _ = held.recv();
            Plugin::unknown("DELAY", "too late")
        });
        assert!(plugin.line.starts_with("DELAY UNKNOWN - no answer within 0.02s; the state,"), "{}", plugin.line);
        assert_eq!(plugin.exit, 3);
        drop(sender);
    }

    #[test]
    fn an_answer_in_time_is_told() {
        let plugin = within("DELAY", Duration::from_mins(1), || Plugin::unknown("DELAY", "x"));
        assert_eq!(plugin, Plugin::unknown("DELAY", "x"));
    }
}
