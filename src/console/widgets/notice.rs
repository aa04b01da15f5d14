//! A short message that passes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Words, paint};
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// How loud a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// Something was done.
    #[default]
    Info,
    /// Something was not done, or not wholly.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// The word that stands before the message; nothing before plain information.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Level::Info => None,
            Level::Warn => Some("note:"),
            Level::Error => Some("error:"),
        }
    }

    /// Its role.
    pub const fn role(self) -> Role {
        match self {
            Level::Info => Role::Notice,
            Level::Warn => Role::Warning,
            Level::Error => Role::Critical,
        }
    }
}

/// A short message that passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice<'a> {
    /// How loud.
    pub level: Level,
    /// What it says.
    pub text: Words<'a>,
    /// How many more wait behind it.
    pub more: usize,
}

/// Draws it in one row and gives the column after it.
pub fn draw(view: &Notice<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> u16 {
    if area.height == 0 {
        return area.x;
    }
    let role = view.level.role();
    let more = if view.more > 0 { format!("  (+{})", view.more) } else { String::new() };
    let room = area.width.saturating_sub(paint::width(&more, look));
    let words = view.level.word().map_or_else(|| view.text.to_string(), |word| format!("{word} {}", view.text));
    let x = paint::text(&words, role, area.x, area.y, room, look, buf);
    paint::text(&more, Role::Dim, x, area.y, area.right().saturating_sub(x), look, buf)
}
