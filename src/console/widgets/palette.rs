//! The palette: an action by its name.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::line_edit::LineEdit;
use super::{Extent, Hit, Words};
use crate::console::glyphs::Look;

/// What the palette shows.
#[derive(Debug, Clone)]
pub struct PaletteView<'a> {
    /// What is typed.
    pub query: &'a LineEdit,
    /// The actions that match, the best first.
    pub rows: Vec<PaletteRow<'a>>,
    /// The selected one, from 0.
    pub selected: usize,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaletteRow<'a> {
    /// Its name as one types it.
    pub name: Words<'a>,
    /// What it does.
    pub text: Words<'a>,
    /// Its keys as people write them.
    pub keys: Words<'a>,
    /// Why it cannot act now.
    pub why_not: Option<Words<'a>>,
}

/// Draws it at the top of the area.
pub fn draw(view: &PaletteView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) -> Extent {
    let _ = (view, look, area, buf, hits);
    Extent::default()
}
