//! A table that draws only the rows that are seen, however many there are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::band::{self, BandView};
use super::bar::{self, BarView};
use super::spark::{self, SparkView};
use super::{Extent, Hit, HitId, Piece, Words, chart, paint};
use crate::console::format::{self, Align, Count, Cut};
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
    /// A sparkline of a whole span, however narrow the column is; nothing is a gap.
    Whole {
        /// The series, oldest first.
        values: &'a [Option<f64>],
        /// The top of its scale; the bottom is zero.
        top: f64,
    },
    /// A gauge of a value and its bounds.
    Band(BandView),
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

/// Between columns, in cells.
const GAP: u16 = 2;
/// Before the columns: the sign of what is selected or marked.
const GUTTER: u16 = 1;

/// Draws it and says how many rows there are and how many fit.
pub fn draw(view: &TableView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) -> Extent {
    let area = area.intersection(buf.area);
    let total = usize::try_from(view.total).unwrap_or(usize::MAX);
    if area.width == 0 || area.height == 0 {
        return Extent { total, shown: 0 };
    }
    let titles = u16::from(area.height > 1);
    let body = Rect { y: area.y + titles, height: area.height - titles, ..area };
    let shown = usize::from(body.height);
    let scrolls = total > shown && area.width > 8;
    let inner = Rect { width: area.width - u16::from(scrolls), ..area };
    let places = layout(view.columns, inner.width, look);
    if titles > 0 {
        draw_titles(view, &places, inner, look, buf, hits);
    }
    if view.total == 0 {
        let wide = usize::from(body.width.saturating_sub(GUTTER));
        for (line, y) in format::wrap(&look.text(&view.empty), wide).iter().zip(body.top()..body.bottom()) {
            paint::text(
                line,
                Role::Dim,
                body.x.saturating_add(GUTTER),
                y,
                body.width.saturating_sub(GUTTER),
                look,
                buf,
            );
        }
        return Extent { total, shown };
    }
    for (n, y) in (view.offset..view.total).zip(body.top()..body.bottom()) {
        let row = Rect { y, height: 1, ..inner };
        draw_row(view, n, &places, row, look, buf);
        hits.push((row, HitId::Row { table: view.id, row: n }));
    }
    if scrolls {
        draw_scrollbar(view, Rect { x: area.right() - 1, width: 1, ..body }, look, buf);
    }
    Extent { total, shown }
}

/// Where a column stands: its place in the view, its first cell from the table's left, its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    column: usize,
    x: u16,
    width: u16,
}

/// Room for the columns: those with the largest `drop` go while there is too little, what is left over goes by weight.
fn layout(columns: &[Column<'_>], width: u16, look: &Look<'_>) -> Vec<Place> {
    let room = width.saturating_sub(GUTTER);
    // A title keeps a cell for the sign of sorting, so that sorting moves nothing.
    let least = |column: &Column<'_>| column.min.max(paint::width(&column.title, look).saturating_add(1));
    let mut stay: Vec<(usize, u16)> = columns.iter().map(least).enumerate().collect();
    let used = |stay: &[(usize, u16)]| {
        let gaps = GAP.saturating_mul(u16::try_from(stay.len().saturating_sub(1)).unwrap_or(u16::MAX));
        stay.iter().map(|(_, width)| *width).fold(gaps, u16::saturating_add)
    };
    while used(&stay) > room {
        let goes = stay.iter().enumerate().max_by_key(|(_, (column, _))| columns[*column].drop);
        match goes.map(|(at, (column, _))| (at, columns[*column].drop)) {
            Some((at, drop)) if drop > 0 => _ = stay.remove(at),
            _ => break,
        }
    }
    // Those that always stay give from the widest.
    while used(&stay) > room {
        match stay.iter_mut().filter(|(_, width)| *width > 1).max_by_key(|(_, width)| *width) {
            Some((_, width)) => *width -= 1,
            None => break,
        }
    }
    let left = room.saturating_sub(used(&stay));
    let weights: u32 = stay.iter().map(|(column, _)| u32::from(columns[*column].weight)).sum();
    let share = |weight: u16| (u32::from(left) * u32::from(weight)).checked_div(weights).unwrap_or(0);
    let mut rest = left;
    for (column, width) in &mut stay {
        let share = u16::try_from(share(columns[*column].weight)).unwrap_or(0).min(rest);
        *width = width.saturating_add(share);
        rest -= share;
    }
    if let Some((_, width)) = stay.iter_mut().find(|(column, _)| columns[*column].weight > 0) {
        *width = width.saturating_add(rest);
    }
    let mut x = GUTTER;
    let mut places = Vec::with_capacity(stay.len());
    for (column, wide) in stay {
        if x >= width {
            break;
        }
        places.push(Place { column, x, width: wide.min(width - x) });
        x = x.saturating_add(wide).saturating_add(GAP);
    }
    places
}

fn draw_titles(
    view: &TableView<'_>,
    places: &[Place],
    area: Rect,
    look: &Look<'_>,
    buf: &mut Buffer,
    hits: &mut Vec<Hit>,
) {
    for place in places {
        let column = &view.columns[place.column];
        let (role, sign) = match view.sorted {
            Some((sorted, true)) if sorted == place.column => (Role::ColumnSorted, look.glyphs.ascending),
            Some((sorted, false)) if sorted == place.column => (Role::ColumnSorted, look.glyphs.descending),
            _ => (Role::Column, ""),
        };
        let words = format!("{}{sign}", column.title);
        let words = format::fit(&look.text(&words), place.width.into(), Cut::End, column.align, look.glyphs.ellipsis);
        let x = area.x + place.x;
        paint::text(&words, role, x, area.y, place.width, look, buf);
        let hit = Rect { x, y: area.y, width: place.width, height: 1 };
        hits.push((hit, HitId::Column { table: view.id, column: place.column }));
    }
}

fn draw_row(view: &TableView<'_>, n: u64, places: &[Place], row: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let selected = view.selected == Some(n);
    let data = (view.row)(n);
    if data.as_ref().is_some_and(|data| data.marked) {
        paint::sign(look.glyphs.marked, Role::Marked, row.x, row.y, look, buf);
    } else if selected {
        paint::sign(look.glyphs.cursor, Role::Accent, row.x, row.y, look, buf);
    }
    let cells = data.as_ref().map_or(&[][..], |data| &data.cells);
    if let Some(data) = &data {
        for place in places {
            if let Some(cell) = data.cells.get(place.column) {
                let at = Rect { x: row.x + place.x, width: place.width, ..row };
                draw_cell(cell, &view.columns[place.column], at, look, buf);
            }
        }
    } else {
        let room = row.width.saturating_sub(GUTTER);
        paint::text(look.glyphs.ellipsis, Role::Dim, row.x.saturating_add(GUTTER), row.y, room, look, buf);
    }
    if selected {
        paint::select(row, view.focused, look, buf);
        // A bar is not turned inside out with the row: what is filled of it stays filled.
        for (place, cell) in places.iter().filter_map(|place| Some((place, cells.get(place.column)?))) {
            if let Cell::Bar { fraction, .. } = cell {
                let at = Rect { x: row.x + place.x, width: bar_width(place.width), ..row };
                paint::clear(at, look, buf);
                bar::draw(&BarView { fraction: *fraction, role: Role::Bar }, look, at, buf);
            }
        }
    }
}

/// The bars of a column are of one length, whatever stands after them.
fn bar_width(column: u16) -> u16 {
    match column {
        0..12 => 0,
        width => (width / 2).min(12),
    }
}

fn draw_cell(cell: &Cell<'_>, column: &Column<'_>, at: Rect, look: &Look<'_>, buf: &mut Buffer) {
    match cell {
        Cell::Text(piece) => {
            let words = look.text(&piece.text);
            let words = format::fit(&words, at.width.into(), column.cut, column.align, look.glyphs.ellipsis);
            paint::text(&words, piece.role, at.x, at.y, at.width, look, buf);
        }
        Cell::Bar { fraction, text } => {
            let bar = bar_width(at.width);
            bar::draw(&BarView { fraction: *fraction, role: Role::Bar }, look, Rect { width: bar, ..at }, buf);
            let skip = if bar > 0 { bar + 1 } else { 0 };
            paint::text(&text.text, text.role, at.x + skip, at.y, at.width - skip, look, buf);
        }
        Cell::Spark(values) => {
            spark::draw(&SparkView { values, top: None, role: Role::Spark }, look, at, buf);
        }
        Cell::Whole { values, top } => {
            let values = chart::columns(values, spark::holds(at.width, look).min(values.len()));
            spark::draw(&SparkView { values: &values, top: Some(*top), role: Role::Spark }, look, at, buf);
        }
        Cell::Band(view) => band::draw(view, look, at, buf),
    }
}

fn draw_scrollbar(view: &TableView<'_>, at: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let height = u64::from(at.height);
    let total = view.total.max(1);
    // Wide numbers: a table may have as many rows as a u64 counts.
    let scaled = |row: u64| u64::try_from(u128::from(row) * u128::from(height) / u128::from(total)).unwrap_or(height);
    let length = scaled(height).clamp(1, height.max(1));
    let most = view.total.saturating_sub(height);
    let from =
        if view.offset >= most { height.saturating_sub(length) } else { scaled(view.offset).min(height - length) };
    for (n, y) in (0..height).zip(at.top()..at.bottom()) {
        let inside = n >= from && n < from + length;
        let role = if inside { Role::Accent } else { Role::Border };
        paint::sign(look.glyphs.scroll[usize::from(inside)], role, at.x, y, look, buf);
    }
}

/// The title of a table's pane: `Bundles 12/1,882,004`, with a filter `Files /jpg/ 3/40 of 1,882,004`. Rows are counted
/// from 0 and shown from 1; the filter's second part is how many rows there are without it, where that is known.
pub fn title(name: &str, selected: Option<u64>, total: u64, filter: Option<(&str, Option<u64>)>) -> String {
    let place = match selected.filter(|row| *row < total) {
        Some(row) => format!("{}/{}", Count(row + 1), Count(total)),
        None => Count(total).to_string(),
    };
    match filter {
        None => format!("{name} {place}"),
        Some((words, None)) => format!("{name} /{words}/ {place}"),
        Some((words, Some(all))) => format!("{name} /{words}/ {place} of {}", Count(all)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::glyphs::{Charts, Glyphs};
    use crate::console::theme::{Depth, Theme};
    use proptest::prelude::*;

    #[test]
    fn titles_say_where_one_is() {
        assert_eq!(title("Bundles", Some(11), 1_882_004, None), "Bundles 12/1,882,004");
        assert_eq!(title("Files", None, 40, Some(("jpg", Some(1_882_004)))), "Files /jpg/ 40 of 1,882,004");
        assert_eq!(title("Files", Some(2), 40, Some(("jpg", None))), "Files /jpg/ 3/40");
        assert_eq!(title("Files", Some(40), 40, None), "Files 40");
    }

    proptest! {
        #[test]
        fn columns_stay_inside_and_apart(
            columns in prop::collection::vec((0..30u16, 0..4u16, 0..4u8), 0..8),
            width in 0..200u16,
        ) {
            let theme = Theme::named("default", Depth::None).unwrap();
            let look = Look { theme: &theme, glyphs: Glyphs::utf8(), charts: Charts::Braille };
            let columns: Vec<Column<'_>> =
                columns.into_iter().map(|(min, weight, drop)| Column::words("title", min, weight).drop(drop)).collect();
            let places = layout(&columns, width, &look);
            for place in &places {
                prop_assert!(place.x + place.width <= width, "{places:?}");
            }
            for pair in places.windows(2) {
                prop_assert!(pair[0].x + pair[0].width + GAP <= pair[1].x && pair[0].column < pair[1].column);
            }
            // A column goes only when there is no room for all that stay.
            let gone: Vec<&Column<'_>> =
                columns.iter().enumerate().filter(|(n, _)| places.iter().all(|p| p.column != *n)).map(|(_, c)| c).collect();
            let needed: u16 = columns.iter().map(|c| c.min.max(6) + GAP).sum();
            prop_assert!(gone.is_empty() || needed > width, "{places:?}");
            // Where something has a weight, nothing is left over.
            if let Some(last) = places.last() && columns.iter().any(|c| c.weight > 0) && gone.is_empty() && needed <= width {
                prop_assert_eq!(last.x + last.width, width);
            }
        }
    }
}
