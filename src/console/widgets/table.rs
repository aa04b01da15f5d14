//! A table that draws only the rows that are seen, however many there are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Extent, Hit, Piece, Words};
use crate::console::format::{Align, Cut};
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What a table shows, without a border ([`super::pane`] draws one).
pub struct TableView<'a> {
    /// The table's number in [`super::HitId`].
    pub id: u16,
    /// Its columns.
    pub columns: &'a [Column<'a>],
    /// Rows there are, after the filter.
    pub total: u64,
    /// The first row that is drawn, from 0.
    pub offset: u64,
    /// The selected row, from 0.
    pub selected: Option<u64>,
    /// The table has the keys: its selection is drawn strongly.
    pub focused: bool,
    /// The column it is sorted by, and whether from small to large.
    pub sorted: Option<(usize, bool)>,
    /// The row at a place from 0; nothing when it is not there yet, which is drawn as an ellipsis. Asked once for each
    /// row that is drawn.
    pub row: &'a dyn Fn(u64) -> Option<Row<'a>>,
    /// Why there is no row, in a sentence.
    pub empty: Words<'a>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its title.
    pub title: Words<'a>,
    /// The least width at which it makes sense, in cells. Never under the width of the title.
    pub min: u16,
    /// Its share of what is left over; 0: it stays at `min`.
    pub weight: u16,
    /// Where its values stand.
    pub align: Align,
    /// Where a value too long is cut.
    pub cut: Cut,
    /// Columns with the largest number are dropped first when there is no room; 0 is never dropped.
    pub drop: u8,
}

impl<'a> Column<'a> {
    /// A column of words that takes its share of the room.
    pub fn words(title: impl Into<Words<'a>>, min: u16, weight: u16) -> Self {
        Self { title: title.into(), min, weight, align: Align::Left, cut: Cut::End, drop: 0 }
    }

    /// A column of numbers of a fixed width.
    pub fn numbers(title: impl Into<Words<'a>>, min: u16) -> Self {
        Self { title: title.into(), min, weight: 0, align: Align::Right, cut: Cut::End, drop: 0 }
    }

    /// Says when it is dropped.
    #[must_use]
    pub fn drop(mut self, drop: u8) -> Self {
        self.drop = drop;
        self
    }

    /// Says where its values are cut.
    #[must_use]
    pub fn cut(mut self, cut: Cut) -> Self {
        self.cut = cut;
        self
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row<'a> {
    /// A cell for each column.
    pub cells: Vec<Cell<'a>>,
    /// It is marked.
    pub marked: bool,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Text.
    Text(Piece<'a>),
    /// A bar and text after it; nothing for a fraction that is not known.
    Bar {
        /// From 0 to 1.
        fraction: Option<f64>,
        /// What stands after it: `71 % 9.0 MB/s`.
        text: Piece<'a>,
    },
    /// A sparkline; nothing is a gap.
    Spark(&'a [Option<f64>]),
}

impl<'a> Cell<'a> {
    /// Plain text.
    pub fn plain(text: impl Into<Words<'a>>) -> Self {
        Self::new(text, Role::Text)
    }

    /// Text with a role.
    pub fn new(text: impl Into<Words<'a>>, role: Role) -> Self {
        Cell::Text(Piece::new(text, role))
    }
}

/// Draws it and says how many rows there are and how many fit.
pub fn draw(view: &TableView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) -> Extent {
    let _ = (view, look, area, buf, hits);
    Extent::default()
}

/// The title of a table's pane: `Bundles 12/1,882,004`, with a filter `Files /jpg/ 40 of 1,882,004`.
pub fn title(name: &str, selected: Option<u64>, total: u64, filter: Option<(&str, Option<u64>)>) -> String {
    let _ = (name, selected, total, filter);
    String::new()
}
