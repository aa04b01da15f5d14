//! A border with a title.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Words, paint};
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What a pane's border shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PaneView<'a> {
    /// Its title.
    pub title: Words<'a>,
    /// What stands on the right of the title's line.
    pub right: Words<'a>,
    /// It has the keys.
    pub focused: bool,
}

/// Draws the border and gives the area within. An area too small for a border (under 3 rows or 4 columns) gets none,
/// and is given back whole.
pub fn draw(view: &PaneView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let area = area.intersection(buf.area);
    if area.width < 4 || area.height < 3 {
        return area;
    }
    let role = if view.focused { Role::BorderFocus } else { Role::Border };
    paint::border(area, &look.glyphs.border, role, look, buf);
    let title = if view.focused { Role::Title } else { Role::Text };
    // The pane that has the keys says so by a sign too.
    let words = if view.focused && !view.title.is_empty() {
        format!("{} {}", look.glyphs.cursor, view.title)
    } else {
        view.title.to_string()
    };
    let end = paint::on_border(&words, title, area, area.top(), look, buf);
    let wide = paint::width(&view.right, look).saturating_add(2);
    let room = area.right().saturating_sub(2).saturating_sub(end);
    if !view.right.is_empty() && wide <= room {
        let row = Rect { width: area.width - 1, height: 1, ..area };
        paint::right(&format!(" {} ", view.right), Role::Dim, row, look, buf);
    }
    paint::inset(area, 1, 1)
}
