//! The screen: entered, left, painted.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::layout::Size;
use ratatui::{Frame, Terminal};
use rustix::event::Timespec;

use super::Caps;
use super::canvas::{Canvas, Sized};
use super::clipboard::{self, CopyError};
use super::tty::{Modes, Tty};

/// Alternate screen, bracketed paste, cursor hidden.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?25l\x1b[0m\x1b[2J";
/// What [`ENTER`], [`MOUSE_ON`] and a frame that was cut short have changed, in the opposite order.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?1006l\x1b[?1000l\x1b[?25h\x1b[?2004l\x1b[?1049l";
/// Buttons and the wheel, no motion; coordinates as decimal numbers.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";
/// A synchronized update: the terminal shows the frame at once, or ignores both.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// How long a stop may take to reach this thread.
const STOPPING: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// The terminal while the console has it. Dropping it leaves.
///
/// `W` is where the bytes go: the terminal ([`Screen::open`]), or anything else with a size of its own
/// ([`Screen::over`]) for tests and measurements.
#[derive(Debug)]
pub struct Screen<W: Write> {
    terminal: Terminal<Canvas>,
    writer: W,
    shared: Arc<Shared>,
    caps: Caps,
    mouse: bool,
    repaint: bool,
    written: u64,
}

/// What must be known to give the terminal back from anywhere.
#[derive(Debug)]
struct Shared {
    entered: AtomicBool,
    modes: Option<Arc<Modes>>,
}

/// Gives the terminal back where the [`Screen`] is out of reach: in a panic hook.
#[derive(Debug, Clone)]
pub struct Restorer(Arc<Shared>);

impl Restorer {
    /// Leaves the screen, unless it has been left. There is nobody to tell of an error.
    pub fn restore(&self) {
        let Some(modes) = &self.0.modes else { return };
        if self.0.entered.swap(false, Ordering::SeqCst) {
            let _ = Tty::stdout().and_then(|mut tty| tty.write_all(LEAVE));
            let _ = modes.restore();
        }
    }
}

impl Screen<Tty> {
    /// The terminal on standard output and input; not yet entered.
    pub fn open(caps: Caps) -> io::Result<Self> {
        let modes = Arc::new(Modes::stdin()?);
        let canvas = Canvas::new(Sized::Device(Arc::clone(&modes)));
        Self::build(Tty::stdout()?, canvas, Some(modes), caps)
    }
}

impl<W: Write> Screen<W> {
    /// A screen of a fixed size whose bytes go to `writer`: no device behind it, no modes to set.
    pub fn over(writer: W, size: Size, caps: Caps) -> io::Result<Self> {
        Self::build(writer, Canvas::new(Sized::Fixed(size)), None, caps)
    }

    fn build(writer: W, canvas: Canvas, modes: Option<Arc<Modes>>, caps: Caps) -> io::Result<Self> {
        // Whether there are colours is the theme's to decide. Left to itself crossterm answers NO_COLOR with a reset
        // of bold and reverse, too.
        crossterm::style::force_color_output(true);
        let shared = Arc::new(Shared { entered: AtomicBool::new(false), modes });
        let terminal = Terminal::new(canvas)?;
        Ok(Self { terminal, writer, shared, caps, mouse: false, repaint: true, written: 0 })
    }

    /// Takes the terminal: raw mode, alternate screen, bracketed paste, cursor hidden, and the mouse if it is on. Does
    /// nothing where that is so.
    pub fn enter(&mut self) -> io::Result<()> {
        if self.shared.entered.load(Ordering::SeqCst) { Ok(()) } else { self.take() }
    }

    /// Takes the terminal again after somebody else may have had it (SIGCONT): as [`Self::enter`], but whether or not
    /// it is entered; the next frame is painted whole.
    pub fn reclaim(&mut self) -> io::Result<()> {
        self.take()
    }

    fn take(&mut self) -> io::Result<()> {
        // Modes first: a process in the background is stopped here, before it has written over the shell.
        self.shared.entered.store(true, Ordering::SeqCst);
        if let Some(modes) = &self.shared.modes {
            modes.raw()?;
        }
        self.repaint = true;
        let mut bytes = ENTER.to_vec();
        if self.mouse {
            bytes.extend_from_slice(MOUSE_ON);
        }
        self.write(&bytes)
    }

    /// Gives the terminal back as it was. Does nothing where it is not entered.
    pub fn leave(&mut self) -> io::Result<()> {
        if !self.shared.entered.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        let written = self.write(LEAVE);
        // The modes, even if nothing can be written any more.
        let restored = self.shared.modes.as_ref().map_or(Ok(()), |modes| modes.restore());
        written.and(restored)
    }

    /// Paints a frame and says how many bytes that took: one write, and none at all if nothing changed. An error means
    /// that the terminal is gone.
    pub fn draw(&mut self, paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<usize> {
        if self.repaint {
            self.terminal.backend_mut().forget();
            self.terminal.clear()?;
            self.repaint = false;
        }
        self.terminal.draw(paint)?;
        let frame = self.terminal.backend_mut().take();
        if frame.is_empty() {
            return Ok(0);
        }
        let mut bytes = Vec::with_capacity(BEGIN.len() + frame.len() + END.len());
        for part in [BEGIN, &frame, END] {
            bytes.extend_from_slice(part);
        }
        self.terminal.backend_mut().give_back(frame);
        self.write(&bytes)?;
        Ok(bytes.len())
    }

    /// The next [`Self::draw`] clears the screen and paints everything.
    pub fn clear_and_redraw(&mut self) {
        self.repaint = true;
    }

    /// Reports of buttons and wheel; off at first. Kept over [`Self::leave`] and [`Self::enter`].
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        if self.mouse == on {
            return Ok(());
        }
        self.mouse = on;
        if self.shared.entered.load(Ordering::SeqCst) {
            self.write(if on { MOUSE_ON } else { MOUSE_OFF })
        } else {
            Ok(())
        }
    }

    /// Whether the mouse is on.
    pub fn mouse(&self) -> bool {
        self.mouse
    }

    /// Leaves, stops the whole process group as ctrl-z does, and takes the terminal again when it goes on.
    ///
    /// The group, not this process alone: started through another program (`cargo run`, a script), that one would go on
    /// and keep the shell waiting. A group that nobody could continue is not stopped by the system; then this
    /// returns at once.
    pub fn suspend(&mut self) -> io::Result<()> {
        self.leave()?;
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        // On the main thread the stop has been by now. On another one it takes hold within moments, and the terminal must
        // not be taken again before it does.
        let _ = rustix::event::poll(&mut [], Some(&STOPPING));
        self.enter()
    }

    /// Its size in cells.
    pub fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    /// The size of a screen made by [`Self::over`]; a terminal knows its own.
    pub fn set_size(&mut self, size: Size) {
        self.terminal.backend_mut().set_size(size);
    }

    /// Copies text to the clipboard of whoever sits at the terminal; whether it arrives, nobody tells. How many bytes
    /// were sent.
    pub fn copy(&mut self, text: &str) -> Result<usize, CopyError> {
        let bytes = clipboard::sequence(&self.caps, text)?;
        self.write(&bytes)?;
        Ok(bytes.len())
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Gives the terminal back from a panic hook.
    pub fn restorer(&self) -> Restorer {
        Restorer(Arc::clone(&self.shared))
    }

    /// What the bytes went to.
    pub fn writer(&self) -> &W {
        &self.writer
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)?;
        self.writer.flush()?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing given back.
        let _ = self.leave();
    }
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
