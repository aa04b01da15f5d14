//! The terminal: the only room that touches it.
//!
//! [`Screen`] is entered and left, and paints. [`Inputs`] turns what is typed, pasted, clicked and resized into
//! [`Input`]; [`Signals`] are the process's. [`install_panic_hook`] keeps a worker's panic off the screen.
//!
//! In the order of use:
//!
//! 1. [`Caps::of_process`], [`usable`]: whether there is a terminal to draw on, and what it can do.
//! 2. [`Signals::listen`], then [`Screen::open`], [`install_panic_hook`] with the screen's [`Restorer`], and
//!    [`Inputs::listen`], all on the thread that runs the loop.
//! 3. [`Screen::enter`], and [`Screen::draw`] whenever something changed. An error of any of these, and
//!    [`Input::Lost`], is the end: there is no terminal any more, and the process exits.
//! 4. [`Screen::leave`]; dropping does it too.

mod canvas;
mod caps;
mod clipboard;
mod input;
mod keys;
mod panics;
mod screen;
mod signals;
mod tty;

pub use caps::{Caps, Refusal, usable};
pub use clipboard::{COPY_LIMIT, CopyError};
pub use input::{Input, Inputs, MouseKind, PASTE_LIMIT};
pub use panics::install_panic_hook;
pub use screen::{Restorer, Screen};
pub use signals::{Signal, Signals};
pub use tty::Tty;
