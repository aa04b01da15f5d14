//! A bar of a fraction.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What a bar shows, in one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BarView {
    /// From 0 to 1; nothing when it is not known.
    pub fraction: Option<f64>,
    /// The role of its filled part.
    pub role: Role,
}

/// Draws it.
pub fn draw(view: &BarView, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let _ = (view, look, area, buf);
}
