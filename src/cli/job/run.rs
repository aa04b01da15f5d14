//! `firn job run`: a command as a job.

use std::ffi::OsString;
use std::fs::File;
use std::future::poll_fn;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus};
use std::task::Poll;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpgrp, kill_process, kill_process_group, waitid};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use super::{enter, limit_of, places, the};
use crate::base::{Shown, task};
use crate::cli::{CliError, out, who};
use crate::config::{Config, Given};
use crate::services::{ServiceError, Services};
use crate::store::{EndJob, JobEnded, JobRow, NewJob, StoreError};

/// The job could not be entered (as `timeout` and `nohup` say that they themselves failed).
const REFUSED: u8 = 125;
/// The command cannot be run, as shells say it.
const NOT_RUN: u8 = 126;
/// There is no such command, as shells say it.
const NOT_FOUND: u8 = 127;
/// Added to the number of the signal that ended the command, as shells do.
const SIGNALLED: i32 = 128;

/// How often the end is tried to be written, and what lies between: the job's hours are worth a minute.
const TRIES: u32 = 4;
const BETWEEN: Duration = Duration::from_secs(5);

pub(super) async fn run(
    given: &Given,
    anyway: bool,
    class: String,
    replica: String,
    command: Vec<OsString>,
) -> Result<u8, CliError> {
    // Before anything is entered: from here on no signal leaves a job behind.
    let mut signals = Passed::listen()?;
    let entered = match begin(given, &class, &replica, &command).await {
        Ok(entered) => Some(entered),
        Err(e) => {
            out::error(&e.to_string());
            if !anyway {
                out::error("the command was not run (--anyway runs it even so)");
                return Ok(REFUSED);
            }
            out::error("the command runs even so (--anyway), and nothing excuses the delay");
            None
        }
    };
    let (code, outcome) = carry_out(&command, &mut signals).await;
    if let Some((config, row)) = entered {
        finish(&config, &row, outcome).await;
    }
    Ok(code)
}

async fn begin(given: &Given, class: &str, replica: &str, command: &[OsString]) -> Result<(Config, JobRow), CliError> {
    let config = Config::load(given)?;
    limit_of(&places(&config), class, replica)?;
    // Its arguments may hold passwords: they stay out of the state, its events and its lists.
    let program = command.first().map_or_else(String::new, |word| Shown::bytes(word.as_encoded_bytes()).to_string());
    let detail = match command.len().saturating_sub(1) {
        0 => program,
        1 => format!("{program} (and 1 argument)"),
        more => format!("{program} (and {more} arguments)"),
    };
    let new = NewJob { replica: replica.to_owned(), class: class.to_owned(), start: None, who: who(), detail };
    // It is closed again: the command may take hours, and the state may be moved meanwhile.
    let services = Services::open(config.clone(), false).await?;
    let row = enter(&*services.store, new).await?;
    Ok((config, row))
}

/// Writes that it has ended. What stands in the way is said, and changes nothing about how the command ended.
async fn finish(config: &Config, row: &JobRow, outcome: String) {
    let what = the(&row.class, &row.replica);
    let clock = crate::base::Clock::system();
    let ended_at = clock.now();
    let mut tries = 0;
    let error = loop {
        tries += 1;
        match write_end(config, row, outcome.clone()).await {
            Ok(JobEnded::Ended(_)) => return,
            Ok(JobEnded::NotRunning(found)) => {
                let by = found.and_then(|row| row.ended_by).map_or_else(
                    || "it is not in the state any more".to_owned(),
                    |by| format!("{} has said that it had ended before", Shown::text(&by)),
                );
                out::error(&format!("{what} has ended; {by}"));
                return;
            }
            Ok(JobEnded::BeforeStart(_) | JobEnded::Future(_)) => break "the state's clock is behind".to_owned(),
            Err(e) if tries == TRIES || !may_pass(&e) => break e.to_string(),
            Err(e) => out::error(&format!("the end of {what} is not written yet: {e}; trying again")),
        }
        clock.sleep(BETWEEN).await;
    };
    out::error(&format!(
        "THE END OF A JOB COULD NOT BE WRITTEN: {error}; {what} counts as running until `firn job end {} {} --at {ended_at}` says otherwise",
        Shown::text(&row.class),
        Shown::text(&row.replica)
    ));
}

/// Whether it may be over in a moment: somebody has the state, or its disk is full.
fn may_pass(e: &CliError) -> bool {
    let (CliError::Store(e) | CliError::Service(ServiceError::Store(e))) = e else { return false };
    matches!(
        e,
        StoreError::Locked { .. } | StoreError::Full { .. } | StoreError::ReadOnly { .. } | StoreError::Engine { .. }
    )
}

async fn write_end(config: &Config, row: &JobRow, outcome: String) -> Result<JobEnded, CliError> {
    let services = Services::open(config.clone(), false).await?;
    let ending = EndJob {
        replica: row.replica.clone(),
        class: row.class.clone(),
        only: Some(row.id),
        end: None,
        who: who(),
        outcome,
    };
    Ok(services.store.job_end(ending).await?)
}

/// Runs it to its end: the exit code, and how it ended in words.
async fn carry_out(command: &[OsString], signals: &mut Passed) -> (u8, String) {
    let Some((program, args)) = command.split_first() else {
        return (NOT_FOUND, "no command".to_owned());
    };
    let mut command = Command::new(program);
    command.args(args);
    // Keys of a terminal reach its whole foreground group, so that is where the command belongs. Elsewhere it has a group
    // of its own: what it starts is told to end with it.
    let terminal = File::open("/dev/tty").ok();
    if terminal.is_none() {
        command.process_group(0);
    }
    let name = Shown::bytes(program.as_encoded_bytes()).to_string();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) => {
            out::error(&format!("{name} cannot be run: {e}"));
            let code = if e.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN };
            return (code, format!("not run: {e}"));
        }
    };
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let waiting = task::blocking(move || pid.map(wait));
    tokio::pin!(waiting);
    loop {
        tokio::select! {
            // It is over, or it cannot be waited for that way; its number is its own until it is asked for below.
            _ = &mut waiting => break,
            sent = signals.next() => {
                if let Some(pid) = pid {
                    pass(sent, pid, terminal.as_ref());
                }
            }
        }
    }
    ended(&mut child, &name)
}

/// Until it has ended, without asking how: the number stays its own.
fn wait(pid: Pid) {
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {}
}

fn pass(sent: Signal, pid: Pid, terminal: Option<&File>) {
    let key = sent == Signal::INT || sent == Signal::QUIT;
    // It may have ended this moment.
    let _ = match terminal {
        None => kill_process_group(pid, sent),
        Some(terminal) if key && rustix::termios::tcgetpgrp(terminal).is_ok_and(|front| front == getpgrp()) => Ok(()),
        Some(_) => kill_process(pid, sent),
    };
}

fn ended(child: &mut Child, name: &str) -> (u8, String) {
    let status: ExitStatus = match child.wait() {
        Ok(status) => status,
        Err(e) => {
            out::error(&format!("{name} cannot be waited for: {e}"));
            return (NOT_RUN, format!("cannot be waited for: {e}"));
        }
    };
    match (status.code(), status.signal()) {
        (Some(0), _) => (0, "done".to_owned()),
        (Some(code), _) => (u8::try_from(code).unwrap_or(u8::MAX), format!("exit code {code}")),
        (None, signal) => {
            let signal = signal.unwrap_or(0);
            (u8::try_from(SIGNALLED + signal).unwrap_or(u8::MAX), format!("ended by signal {signal}"))
        }
    }
}

/// Signals that are passed on.
struct Passed(Vec<(Signal, Stream)>);

impl Passed {
    /// All that end a process which does not expect them, but those that firn was told to ignore: the command inherits
    /// that.
    fn listen() -> Result<Self, CliError> {
        let ignored = ignored();
        let all = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::USR1, Signal::USR2];
        let heard = all.into_iter().filter(|one| ignored & (1 << (one.as_raw() - 1)) == 0);
        let streams = heard.map(|one| Ok((one, signal(SignalKind::from_raw(one.as_raw()))?)));
        Ok(Self(streams.collect::<Result<_, std::io::Error>>()?))
    }

    async fn next(&mut self) -> Signal {
        poll_fn(|cx| {
            let heard = self.0.iter_mut().find_map(|(which, stream)| stream.poll_recv(cx).is_ready().then_some(*which));
            heard.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// A bit for each signal that is ignored; none where nobody tells.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
