//! A command of the operator's: the message as JSON on its standard input.

use std::io::{Read as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};

use super::{SendError, Sender, Sent};
use crate::base::{Clock, Shown, task};
use crate::store::AlertMessage;

/// A command takes no longer; then it is killed, with all it started.
pub const WITHIN: Duration = Duration::from_secs(30);

/// Of what it says on standard error, so many bytes are repeated.
const REPEATED: usize = 200;

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// After its end, what it said is waited for no longer: something it left behind may hold its standard error open.
const SAID_WITHIN: Duration = Duration::from_millis(500);

/// Runs a program for each message, without a shell.
pub struct CommandSender {
    program: String,
    args: Vec<String>,
    within: Duration,
}

impl CommandSender {
    /// A program (a path, or a name that is looked for in `PATH`) and its arguments.
    pub fn new(program: String, args: Vec<String>) -> Self {
        Self { program, args, within: WITHIN }
    }

    /// Another limit for one run.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }
}

#[async_trait]
impl Sender for CommandSender {
    fn name(&self) -> &'static str {
        "command"
    }

    async fn send(&self, message: &AlertMessage) -> Result<Sent, SendError> {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        let (program, within) = (Shown::text(&self.program).to_string(), self.within);
        let mut input = message.json.clone();
        input.push('\n');
        let ran = task::blocking(move || run(&mut command, &program, input, within)).await;
        ran.unwrap_or_else(|e| Err(SendError::perhaps(format!("the command fell over: {e}"))))
    }
}

fn run(command: &mut Command, program: &str, input: String, within: Duration) -> Result<Sent, SendError> {
    // A group of its own: what it starts can be ended with it.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let started = command.spawn();
    let mut child = started.map_err(|e| SendError::certain(format!("the command {program} cannot be started: {e}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // On a thread of its own, for it may never read. That it does not is its own matter.
        beside(move || drop(stdin.write_all(input.as_bytes())));
    }
    let (told, words) = mpsc::channel();
    if let Some(mut stderr) = child.stderr.take() {
        beside(move || {
            let mut words = Vec::new();
            // The rest is read and dropped, so that it does not wait for us.
            let first = stderr.by_ref().take(REPEATED as u64).read_to_end(&mut words);
            let _ = told.send(words);
            if first.is_ok() {
                let _ = std::io::copy(&mut stderr, &mut std::io::sink());
            }
        });
    }
    let (status, killed) = end(&mut child, within)
        .map_err(|e| SendError::perhaps(format!("the command {program} cannot be waited for: {e}")))?;
    if status.success() {
        return Ok(Sent::default());
    }
    let words = words.recv_timeout(SAID_WITHIN).unwrap_or_default();
    let words = Shown::bytes(words.trim_ascii()).to_string();
    let said = if words.is_empty() { "; it said nothing".to_owned() } else { format!("; it said: {words}") };
    let how = match (killed, status.code(), status.signal()) {
        (true, ..) => format!("was killed: it took longer than {} s", within.as_secs_f32()),
        (false, Some(code), _) => format!("ended with exit code {code}"),
        (false, None, signal) => format!("was ended by signal {}", signal.unwrap_or_default()),
    };
    let text = format!("the command {program} {how}{said}");
    // Who was killed may have passed it on before.
    Err(SendError { text, certain: !killed && status.signal().is_none() })
}

/// Waits for its end, or ends it; whether it was ended.
fn end(child: &mut Child, within: Duration) -> std::io::Result<(ExitStatus, bool)> {
    // A process lives in the world's time, whatever clock firn goes by.
    let clock = Clock::system();
    let began = clock.mono();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, false));
        }
        if clock.mono().since(began) >= within {
            break;
        }
        clock.pause(LOOK);
    }
    // It has not been waited for, so the number is still its own.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may be gone this moment.
        let _ = kill_process_group(group, Signal::KILL);
    }
    child.kill()?;
    Ok((child.wait()?, true))
}

/// Work on a thread that nobody waits for. Without a thread it is left undone.
fn beside(work: impl FnOnce() + Send + 'static) {
    let _ = std::thread::Builder::new().name("firn-alert".to_owned()).spawn(work);
}
