//! A sparkline: a series in one row. What is not known is a gap, never zero.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What a sparkline shows, in one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparkView<'a> {
    /// The series, oldest first; the newest stands on the right. Only as many as fit are drawn.
    pub values: &'a [Option<f64>],
    /// The top of the scale; nothing: the largest value that is drawn. The bottom is zero.
    pub top: Option<f64>,
    /// Its role.
    pub role: Role,
}

/// Draws it.
pub fn draw(view: &SparkView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let _ = (view, look, area, buf);
}
