//! The dialog before something dangerous.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Extent, Hit, Words};
use crate::console::glyphs::Look;

/// What the dialog shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfirmView<'a> {
    /// What is asked: `Delete 12 archives?`.
    pub title: Words<'a>,
    /// What it is about, a line each: names, counts.
    pub objects: Vec<Words<'a>>,
    /// What will happen, a line each: price, time, what cannot be undone.
    pub effects: Vec<Words<'a>>,
    /// The button that does it: `Restore 12 files`.
    pub action: Words<'a>,
    /// The button that does it has the focus; else Cancel has it.
    pub action_focused: bool,
    /// It is dangerous: the border says so.
    pub danger: bool,
    /// The word that must be typed first, and what is typed so far.
    pub word: Option<(Words<'a>, Words<'a>)>,
    /// Why the action cannot be pressed now, in a sentence; nothing when it can.
    pub refused: Option<Words<'a>>,
    /// Lines of objects and effects that are scrolled away.
    pub scroll: usize,
}

/// Draws it in the middle of the area. [`super::HitId::Button`] 0 is Cancel, 1 the action.
pub fn draw(view: &ConfirmView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) -> Extent {
    let _ = (view, look, area, buf, hits);
    Extent::default()
}
