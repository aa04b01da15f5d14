//! What comes from the terminal.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ratatui::layout::Size;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::keys::{Parser, Pending};
use super::tty;
use crate::console::chord::Chord;

/// The longest paste that is passed on, in bytes.
pub const PASTE_LIMIT: usize = 4 << 20;

/// Inputs that wait to be taken; beyond them the terminal waits.
const WAITING: usize = 256;

/// How long the rest of a key's bytes may take. Alone after that, an escape is the escape key.
const ESCAPE: Duration = Duration::from_millis(50);
/// How long a paste may stand still before it counts as ended: its end mark was lost.
const PASTE: Duration = Duration::from_secs(2);

/// What comes from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(Chord),
    /// Text was pasted: line ends as `\n`, bytes that are not UTF-8 replaced, control characters still in it.
    Paste {
        /// The text, at most [`PASTE_LIMIT`] bytes.
        text: String,
        /// There was more, which is lost.
        cut: bool,
    },
    /// The terminal has another size: columns, rows. Answer with [`super::Screen::clear_and_redraw`]: by the time of the
    /// next frame it may have its old size again, and nothing but this tells that it has dropped text in between.
    Resize(u16, u16),
    /// The mouse.
    Mouse {
        /// What it did.
        kind: MouseKind,
        /// The column, from 0.
        column: u16,
        /// The row, from 0.
        row: u16,
    },
    /// The terminal is gone, and why. Comes once, and nothing after it.
    Lost(String),
}

/// What the mouse did. Motion, releases and other buttons are not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseKind {
    /// The left button was pressed.
    Click,
    /// The wheel, up.
    WheelUp,
    /// The wheel, down.
    WheelDown,
}

/// Reads the terminal on a thread of its own, which ends with this or with the terminal.
#[derive(Debug)]
pub struct Inputs {
    receiver: mpsc::Receiver<Input>,
    resized: Signal,
    device: OwnedFd,
    stop: Arc<OwnedFd>,
    lost: bool,
}

impl Inputs {
    /// Standard input. Inside a tokio runtime with I/O; before the screen is entered, so that a type-ahead is kept.
    pub fn listen() -> io::Result<Self> {
        Self::listen_to(rustix::io::dup(io::stdin())?)
    }

    /// Any terminal.
    pub(super) fn listen_to(device: OwnedFd) -> io::Result<Self> {
        // What is no terminal has no erase key.
        let erase = tty::erase_byte(&device).unwrap_or(0x7f);
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let (sender, receiver) = mpsc::channel(WAITING);
        let (source, stopped) = (rustix::io::dup(&device)?, Arc::clone(&stop));
        thread::Builder::new().name("terminal input".to_owned()).spawn(move || {
            let why = read(&source, &stopped, &sender, erase);
            if let Some(why) = why {
                // Nobody left to tell: nothing to tell.
                let _ = sender.blocking_send(Input::Lost(why));
            }
        })?;
        Ok(Self { receiver, resized: signal(SignalKind::window_change())?, device, stop, lost: false })
    }

    /// The next input; after [`Input::Lost`] it waits for ever. May be dropped and asked again without losing any.
    pub async fn next(&mut self) -> Input {
        if self.lost {
            return std::future::pending().await;
        }
        let next = tokio::select! {
            biased;
            next = self.receiver.recv() => next.unwrap_or_else(|| Input::Lost("its reader has stopped".to_owned())),
            _ = self.resized.recv() => match tty::size_of(&self.device) {
                Ok(Size { width, height }) => Input::Resize(width, height),
                Err(e) => Input::Lost(format!("its size cannot be read: {e}")),
            },
        };
        self.lost = matches!(next, Input::Lost(_));
        next
    }
}

impl Drop for Inputs {
    fn drop(&mut self) {
        self.receiver.close();
        // Wakes the reader. A full counter means that it was woken before.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
    }
}

/// Reads until told to stop (nothing) or until the terminal is gone (the reason).
fn read(source: &OwnedFd, stop: &OwnedFd, sender: &mpsc::Sender<Input>, erase: u8) -> Option<String> {
    let mut parser = Parser::new(erase);
    let mut found = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        let wait = match parser.pending() {
            Pending::Nothing => None,
            Pending::Key => Some(ESCAPE),
            Pending::Paste => Some(PASTE),
        };
        match ready(source, stop, wait) {
            Ok(Ready::Stop) => return None,
            Ok(Ready::Nothing) => parser.idle(&mut found),
            Ok(Ready::Bytes) => match rustix::io::read(source, &mut bytes) {
                Ok(0) => return Some("it has been hung up".to_owned()),
                Ok(count) => parser.feed(&bytes[..count], &mut found),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(e) => return Some(io::Error::from(e).to_string()),
            },
            Err(e) => return Some(io::Error::from(e).to_string()),
        }
        for input in found.drain(..) {
            if sender.blocking_send(input).is_err() {
                return None;
            }
        }
    }
}

enum Ready {
    Bytes,
    Nothing,
    Stop,
}

fn ready(source: impl AsFd, stop: impl AsFd, wait: Option<Duration>) -> Result<Ready, Errno> {
    let mut fds = [PollFd::new(&source, PollFlags::IN), PollFd::new(&stop, PollFlags::IN)];
    let limit = wait.and_then(|wait| Timespec::try_from(wait).ok());
    match poll(&mut fds, limit.as_ref()) {
        Ok(0) => Ok(Ready::Nothing),
        Ok(_) if !fds[1].revents().is_empty() => Ok(Ready::Stop),
        // Hung up or in error: the read tells.
        Ok(_) => Ok(Ready::Bytes),
        Err(Errno::INTR) => ready(source, stop, wait),
        Err(e) => Err(e),
    }
}
