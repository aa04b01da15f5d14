//! Pieces of the screen: plain values in, cells out. Nothing here waits, reads a clock or remembers.
//!
//! Each piece has a view (what it shows) and a `draw`. A `draw` paints inside its area alone, at any size, and gives
//! back no more than what the next key needs to know: where a click would land ([`Hit`]) and how far it scrolls
//! ([`Extent`]). Every text passes [`Look::text`](super::glyphs::Look::text), so nothing from outside acts on the terminal.

pub mod band;
pub mod bar;
pub mod chart;
pub mod confirm;
pub mod detail;
pub mod findings;
pub mod footer;
pub mod header;
pub mod help;
pub mod line_edit;
pub mod log_view;
pub mod notice;
pub mod paint;
pub mod palette;
pub mod pane;
pub mod picker;
pub mod prompt;
pub mod slots;
pub mod small;
pub mod spark;
pub mod strip;
pub mod table;
pub mod trendchart;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use ratatui::layout::Rect;

use super::theme::Role;

/// Text of a view, borrowed or its own.
pub type Words<'a> = Cow<'a, str>;

/// What a click lands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HitId {
    /// A tab, by its place from 0.
    Tab(usize),
    /// A row of a table.
    Row {
        /// The table's own number ([`table::TableView::id`]).
        table: u16,
        /// The row, from 0 of all.
        row: u64,
    },
    /// The title of a table's column.
    Column {
        /// The table's own number.
        table: u16,
        /// The column, by its place in the view.
        column: usize,
    },
    /// A button of a dialog, by its place from 0.
    Button(usize),
    /// An entry of a list (help, palette, findings, themes), by its place from 0 of all.
    Entry(usize),
    /// A key of the last line, by its place in the view.
    Key(usize),
}

/// An area and what a click in it lands on.
pub type Hit = (Rect, HitId);

/// How much there is to scroll through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// Lines (or rows) there are.
    pub total: usize,
    /// Lines that fit.
    pub shown: usize,
}

impl Extent {
    /// The largest offset that still fills the view.
    pub fn most(self) -> usize {
        self.total.saturating_sub(self.shown)
    }
}

/// A piece of text with its role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The text.
    pub text: Words<'a>,
    /// What it is for.
    pub role: Role,
}

impl<'a> Piece<'a> {
    /// Text with a role.
    pub fn new(text: impl Into<Words<'a>>, role: Role) -> Self {
        Self { text: text.into(), role }
    }

    /// Plain text.
    pub fn plain(text: impl Into<Words<'a>>) -> Self {
        Self::new(text, Role::Text)
    }
}

/// The offset at which `selected` is seen: as near to `offset` as can be. Rows are counted from 0.
pub fn follow(offset: u64, selected: Option<u64>, shown: usize, total: u64) -> u64 {
    let shown = u64::try_from(shown).unwrap_or(u64::MAX).max(1);
    let most = total.saturating_sub(shown);
    let wanted = match selected {
        Some(row) if row < offset => row,
        Some(row) if row >= offset.saturating_add(shown) => row - shown + 1,
        _ => offset,
    };
    wanted.min(most)
}
