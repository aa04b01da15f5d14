//! The terminal as a device: its modes, its size, and writing to it.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags};
use rustix::termios::{self, OptionalActions, QueueSelector, Termios};

/// What a terminal that does not know its size is taken for, as on a serial line.
const UNKNOWN: Size = Size { width: 80, height: 24 };

/// Writes to the terminal, also where another process has made it non-blocking: the setting belongs to the open
/// file, which is shared.
#[derive(Debug)]
pub struct Tty(File);

impl Tty {
    /// Standard output.
    pub(super) fn stdout() -> io::Result<Self> {
        Ok(Self(File::from(rustix::io::dup(io::stdout())?)))
    }
}

impl Write for Tty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match (&self.0).write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let mut poll = [PollFd::new(&self.0, PollFlags::OUT)];
                    match rustix::event::poll(&mut poll, None) {
                        Ok(_) | Err(rustix::io::Errno::INTR) => {}
                        Err(e) => return Err(e.into()),
                    }
                }
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The modes of a terminal, and what they were before.
#[derive(Debug)]
pub(super) struct Modes {
    device: OwnedFd,
    before: Mutex<Option<Termios>>,
}

impl Modes {
    /// Of standard input.
    pub(super) fn stdin() -> io::Result<Self> {
        Ok(Self { device: rustix::io::dup(io::stdin())?, before: Mutex::new(None) })
    }

    /// Every key at once, unechoed, and none of them a signal. What was before is noted the first time alone, so that
    /// repeating it does not forget.
    pub(super) fn raw(&self) -> io::Result<()> {
        let now = termios::tcgetattr(&self.device)?;
        let mut raw = now.clone();
        raw.make_raw();
        self.lock().get_or_insert(now);
        Ok(termios::tcsetattr(&self.device, OptionalActions::Now, &raw)?)
    }

    /// As before [`Self::raw`]. What was typed and not read is thrown away: the rest of a paste is no command for the
    /// shell.
    pub(super) fn restore(&self) -> io::Result<()> {
        let Some(before) = self.lock().take() else { return Ok(()) };
        let flushed = termios::tcflush(&self.device, QueueSelector::IFlush);
        termios::tcsetattr(&self.device, OptionalActions::Now, &before)?;
        Ok(flushed?)
    }

    /// Its size in cells.
    pub(super) fn size(&self) -> io::Result<Size> {
        size_of(&self.device)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Termios>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The size of a terminal in cells.
pub(super) fn size_of(device: impl AsFd) -> io::Result<Size> {
    let size = termios::tcgetwinsize(device)?;
    Ok(match (size.ws_col, size.ws_row) {
        (0, _) | (_, 0) => UNKNOWN,
        (width, height) => Size { width, height },
    })
}

/// The byte that the terminal's erase key sends.
pub(super) fn erase_byte(device: impl AsFd) -> io::Result<u8> {
    Ok(termios::tcgetattr(device)?.special_codes[termios::SpecialCodeIndex::VERASE])
}
