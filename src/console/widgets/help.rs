//! Help: every action with its keys, searched as one types.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::line_edit::LineEdit;
use super::{Extent, Hit, Words};
use crate::console::glyphs::Look;

/// What help shows.
#[derive(Debug, Clone)]
pub struct HelpView<'a> {
    /// What is searched for.
    pub query: &'a LineEdit,
    /// The actions that match, in order; those of one group follow one another.
    pub rows: Vec<HelpRow<'a>>,
    /// Actions there are without the search.
    pub total: usize,
    /// Lines that are scrolled away, as drawn (headings of groups take one each).
    pub scroll: usize,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpRow<'a> {
    /// Its group.
    pub group: Words<'a>,
    /// Its keys as people write them.
    pub keys: Words<'a>,
    /// What it does.
    pub text: Words<'a>,
    /// Why it cannot act now.
    pub why_not: Option<Words<'a>>,
}

/// Draws it over the middle of the screen.
pub fn draw(view: &HelpView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) -> Extent {
    let _ = (view, look, area, buf, hits);
    Extent::default()
}
