//! What is laid over the lists: a frame, and in it groups of lines that can be scrolled.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::details::Group;
use crate::console::glyphs::Look;
use crate::console::theme::Role;
use crate::console::widgets::detail::{self, DetailLine, DetailView};
use crate::console::widgets::pane::{self, PaneView};
use crate::console::widgets::{Extent, Piece, paint};

/// Groups as lines to be drawn.
fn lines(groups: &[Group]) -> Vec<DetailLine<'_>> {
    let mut lines = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        if at > 0 {
            lines.push(DetailLine::Gap);
        }
        if !group.title.is_empty() {
            lines.push(DetailLine::Heading(group.title.as_str().into()));
        }
        for (name, value, role) in &group.lines {
            let piece = Piece::new(value.as_str(), *role);
            lines.push(if name.is_empty() {
                DetailLine::Text(piece)
            } else {
                DetailLine::Pair(name.as_str().into(), piece)
            });
        }
    }
    lines
}

/// A frame over what was there; gives the room in it.
pub fn frame(title: String, right: String, hint: &str, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    paint::clear(area, look, buf);
    let inner = pane::draw(&PaneView { title: title.into(), right: right.into(), focused: true }, look, area, buf);
    if area.height >= 3 {
        paint::on_border(hint, Role::Dim, area, area.bottom() - 1, look, buf);
    }
    if inner.width > 20 { paint::inset(inner, 1, 0) } else { inner }
}

/// Draws groups from a line on, in `area` of what `outer` is the border of; says how many lines there are and how many fit.
pub fn scrolled(groups: &[Group], top: usize, look: &Look<'_>, outer: Rect, area: Rect, buf: &mut Buffer) -> Extent {
    let view = DetailView { title: "".into(), lines: lines(groups), scroll: top, selected: None, hint: "".into() };
    let extent = detail::draw_lines(&view, look, area, buf);
    let top = top.min(extent.most());
    paint::more(top > 0, top < extent.most(), outer, area, look, buf);
    extent
}
