//! Details: lines of keys and values and of text, in a pane or over the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Extent, Piece, Words};
use crate::console::glyphs::Look;

/// What the details show.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DetailView<'a> {
    /// The title.
    pub title: Words<'a>,
    /// The lines.
    pub lines: Vec<DetailLine<'a>>,
    /// Lines that are scrolled away, as drawn (a long text takes several).
    pub scroll: usize,
    /// The line that is selected, by its place in `lines`: what copying takes.
    pub selected: Option<usize>,
    /// What stands at the bottom: `y copy  Esc back`.
    pub hint: Words<'a>,
}

/// A line of details.
#[derive(Debug, Clone, PartialEq)]
pub enum DetailLine<'a> {
    /// A heading.
    Heading(Words<'a>),
    /// A key and its value; values stand in one column and are broken where they are too long.
    Pair(Words<'a>, Piece<'a>),
    /// Text, broken where it is too long.
    Text(Piece<'a>),
    /// Nothing.
    Gap,
}

/// Draws them over the middle of the screen, in a dialog as large as they need.
pub fn draw(view: &DetailView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Extent {
    let _ = (view, look, area, buf);
    Extent::default()
}

/// Draws the lines alone in an area, without border, title and hint.
pub fn draw_lines(view: &DetailView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Extent {
    let _ = (view, look, area, buf);
    Extent::default()
}
