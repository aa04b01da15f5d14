//! A question that is answered with one line.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::line_edit::LineEdit;
use super::{Words, paint};
use crate::console::glyphs::Look;
use crate::console::theme::Role;

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

/// The width of the dialog, in cells.
const WIDTH: u16 = 72;

/// Draws it as a dialog in the middle of the area. Gives the cell of the cursor, which is drawn too.
pub fn draw(view: &PromptView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let area = area.intersection(buf.area);
    let outer = paint::centred(area, WIDTH, 4);
    let within = paint::dialog(outer, &view.label, "Enter go on  Esc back", false, look, buf);
    let row = paint::row(within, 0)?;
    let x = paint::line(view.line, &view.placeholder, row, look, buf);
    if let Some(under) = paint::row(within, 1) {
        let (words, role) = beneath(view, look);
        paint::text(&words, role, under.x, under.y, under.width, look, buf);
    }
    Some(Position { x: x?, y: row.y })
}

/// Draws it in one row: label, line, and hint or error on the right. Gives the cell of the cursor.
pub fn draw_row(view: &PromptView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let row = paint::row(area.intersection(buf.area), 0)?;
    let label = format!("{} ", view.label);
    let x = paint::text(&label, Role::Key, row.x, row.y, row.width / 3, look, buf);
    let left = row.right().saturating_sub(x);
    let (words, role) = beneath(view, look);
    // What is wrong may take half; a hint only what is left of a good line.
    let beside = paint::width(&words, look).saturating_add(2);
    let beside = if view.error.is_some() { beside.min(left / 2) } else { beside };
    let beside = if left.saturating_sub(beside) < left.min(20) { 0 } else { beside };
    let line = Rect { x, width: left - beside, ..row };
    let column = paint::line(view.line, &view.placeholder, line, look, buf)?;
    let from = line.right().saturating_add(2);
    paint::text(&words, role, from, row.y, row.right().saturating_sub(from), look, buf);
    Some(Position { x: column, y: row.y })
}

fn beneath(view: &PromptView<'_>, look: &Look<'_>) -> (String, Role) {
    match &view.error {
        Some(error) => {
            let mark = look.glyphs.severity(crate::base::Severity::Critical);
            (format!("{mark} {error}"), Role::InputError)
        }
        None => (view.hint.to_string(), Role::InputHint),
    }
}
