//! A question that is answered with one line.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::Words;
use super::line_edit::LineEdit;
use crate::console::glyphs::Look;

/// What the prompt shows.
#[derive(Debug, Clone)]
pub struct PromptView<'a> {
    /// What is asked: `filter`, `destination`.
    pub label: Words<'a>,
    /// The line.
    pub line: &'a LineEdit,
    /// What stands in the line while it is empty.
    pub placeholder: Words<'a>,
    /// What helps, under the line.
    pub hint: Words<'a>,
    /// What is wrong, in its place.
    pub error: Option<Words<'a>>,
}

/// Draws it as a dialog in the middle of the area. Gives the cell of the cursor.
pub fn draw(view: &PromptView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let _ = (view, look, area, buf);
    None
}

/// Draws it in one row: label, line, and hint or error on the right. Gives the cell of the cursor.
pub fn draw_row(view: &PromptView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let _ = (view, look, area, buf);
    None
}
