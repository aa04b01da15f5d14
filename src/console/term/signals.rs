//! The signals that a console answers.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// A signal that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: the terminal or the connection is gone. The process must end; drawing is of no use.
    Hangup,
    /// SIGTERM: told to end.
    Terminate,
    /// SIGINT from outside; ctrl-c on the terminal is a key.
    Interrupt,
    /// SIGCONT: running again after a stop, [`super::Screen::suspend`] or from outside. Answer with
    /// [`super::Screen::reclaim`].
    Continue,
}

impl Signal {
    /// Its name, such as `SIGHUP`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::Continue => "SIGCONT",
        }
    }
}

/// Receives signals. From the moment there is one, their usual effect on the process is off for good.
///
/// SIGTSTP is not among them. On the terminal ctrl-z is a key, and from outside it stops the process as it is: a
/// handler would take the stop itself away.
#[derive(Debug)]
pub struct Signals {
    hangup: unix::Signal,
    terminate: unix::Signal,
    interrupt: unix::Signal,
    resume: unix::Signal,
}

impl Signals {
    /// Begins to listen. Inside a tokio runtime with I/O.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: unix::signal(SignalKind::hangup())?,
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            resume: unix::signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    /// The next one. May be dropped and asked again without losing any.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.hangup.recv() => Signal::Hangup,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.resume.recv() => Signal::Continue,
        }
    }
}
