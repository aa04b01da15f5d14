//! A short list to choose from: themes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Extent, Hit, Words};
use crate::console::glyphs::Look;

/// What the list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PickerView<'a> {
    /// Its title: `Theme`.
    pub title: Words<'a>,
    /// The entries: a name and a remark.
    pub entries: Vec<(Words<'a>, Words<'a>)>,
    /// The selected one, from 0.
    pub selected: usize,
    /// The one in force, from 0.
    pub current: Option<usize>,
    /// What stands at the bottom.
    pub hint: Words<'a>,
}

/// Draws it over the middle of the screen.
pub fn draw(view: &PickerView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) -> Extent {
    let _ = (view, look, area, buf, hits);
    Extent::default()
}
