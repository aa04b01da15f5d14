//! The log over the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Extent, Words};
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What the log shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogView<'a> {
    /// Its entries, oldest first.
    pub entries: Vec<LogEntry<'a>>,
    /// Entries scrolled away below; 0 shows the newest.
    pub back: usize,
    /// Entries lost because too many came.
    pub lost: u64,
    /// Where the file is, safe to show; nothing when there is none.
    pub file: Option<Words<'a>>,
    /// What stands at the bottom.
    pub hint: Words<'a>,
}

/// How loud an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something may.
    Warn,
    /// What happened.
    Info,
    /// Details.
    Debug,
}

impl LogLevel {
    /// The word in the list.
    pub const fn word(self) -> &'static str {
        match self {
            LogLevel::Error => "ERROR",
            LogLevel::Warn => "WARN",
            LogLevel::Info => "INFO",
            LogLevel::Debug => "DEBUG",
        }
    }

    /// Its role.
    pub const fn role(self) -> Role {
        match self {
            LogLevel::Error => Role::LogError,
            LogLevel::Warn => Role::LogWarn,
            LogLevel::Info => Role::LogInfo,
            LogLevel::Debug => Role::LogDebug,
        }
    }
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry<'a> {
    /// When, as text: `12:04:31Z`.
    pub time: Words<'a>,
    /// How loud.
    pub level: LogLevel,
    /// Who says it.
    pub target: Words<'a>,
    /// What.
    pub text: Words<'a>,
}

/// Draws it over the middle of the screen; long entries are broken.
pub fn draw(view: &LogView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Extent {
    let _ = (view, look, area, buf);
    Extent::default()
}
