//! A line of figures, bars and sparklines that loses its least important parts where there is no room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Piece;
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// A part of the line: it is drawn whole or not at all (the last that stays is cut).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Part<'a> {
    /// What it holds, without space between.
    pub items: Vec<Item<'a>>,
    /// Parts with the largest number go first; those with 0 stay.
    pub drop: u8,
}

/// A piece of a part.
#[derive(Debug, Clone, PartialEq)]
pub enum Item<'a> {
    /// Text.
    Text(Piece<'a>),
    /// A bar so many cells wide.
    Bar {
        /// From 0 to 1; nothing when it is not known.
        fraction: Option<f64>,
        /// Cells.
        width: u16,
        /// The role of its filled part.
        role: Role,
    },
    /// A sparkline so many cells wide.
    Spark {
        /// The series, oldest first; nothing is a gap.
        values: &'a [Option<f64>],
        /// Cells.
        width: u16,
        /// Its role.
        role: Role,
    },
}

/// Draws the parts in one row, `gap` cells apart.
pub fn draw(parts: &[Part<'_>], gap: u16, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let _ = (parts, gap, look, area, buf);
}
