//! The log over the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Extent, Words, paint};
use crate::console::format::{self, Count};
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

/// Draws it over the middle of the screen; long entries are broken. The extent counts entries.
pub fn draw(view: &LogView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Extent {
    let area = area.intersection(buf.area);
    let outer = paint::centred(area, area.width.saturating_sub(2), area.height.saturating_sub(2));
    let file = view.file.as_ref().map(|file| format!(" {file}")).unwrap_or_default();
    let lost = match view.lost {
        0 => String::new(),
        lost => format!(" ({} older entries are in the file alone)", Count(lost)),
    };
    let title = format!("Log{file}{lost}");
    let within = paint::dialog(outer, &title, &view.hint, false, look, buf);
    if view.entries.is_empty() && within.height > 0 {
        paint::text("nothing has been logged", Role::Dim, within.x, within.y, within.width, look, buf);
    }
    let back = view.back.min(view.entries.len().saturating_sub(1));
    let mut bottom = within.bottom();
    let mut shown = 0;
    // From the newest that is seen upwards: what does not fit costs nothing.
    for entry in view.entries.iter().rev().skip(back) {
        if bottom <= within.y {
            break;
        }
        let head = format!("{} {:5} ", entry.time, entry.level.word());
        let indent = paint::width(&head, look).min(within.width);
        let room = within.width - indent;
        let words = format!("{}: {}", entry.target, entry.text);
        let lines = format::wrap(&look.text(&words), room.into());
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).max(1);
        // The oldest that is seen may lose its first lines.
        let top = bottom.saturating_sub(height).max(within.y);
        let skip = usize::from(height - (bottom - top));
        for (line, y) in lines.iter().skip(skip).zip(top..bottom) {
            paint::text(line, entry.level.role(), within.x + indent, y, room, look, buf);
        }
        if skip == 0 {
            let x = paint::text(&entry.time, Role::Dim, within.x, top, indent, look, buf);
            let left = (within.x + indent).saturating_sub(x + 1);
            paint::text(entry.level.word(), entry.level.role(), x + 1, top, left, look, buf);
        }
        bottom = top;
        shown += 1;
    }
    paint::more(back + shown < view.entries.len(), back > 0, outer, within, look, buf);
    Extent { total: view.entries.len(), shown }
}
