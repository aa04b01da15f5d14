//! Putting text into cells: every text on the screen goes through here.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::console::format::{self, Cut};
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// Empties an area: blank cells in the style of plain text. The frame does it first, a dialog for its own area.
pub fn clear(area: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let ground = look.theme.style(Role::Text);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.reset();
                cell.set_style(ground);
            }
        }
    }
}

/// Writes text at `x`, `y` in at most `room` cells (cut at its end) and gives the column after it.
pub fn text(words: &str, role: Role, x: u16, y: u16, room: u16, look: &Look<'_>, buf: &mut Buffer) -> u16 {
    styled(words, look.theme.style(role), Cut::End, x, y, room, look, buf)
}

/// Writes text in a style.
#[allow(clippy::too_many_arguments)] // where, what and how; a struct of them would be built for each word
pub fn styled(
    words: &str,
    style: Style,
    cut: Cut,
    x: u16,
    y: u16,
    room: u16,
    look: &Look<'_>,
    buf: &mut Buffer,
) -> u16 {
    let area = buf.area;
    if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() || room == 0 {
        return x;
    }
    let room = room.min(area.right() - x);
    let words = look.text(words);
    let words = format::cut(&words, usize::from(room), cut, look.glyphs.ellipsis);
    buf.set_stringn(x, y, words.as_ref(), usize::from(room), style).0
}
