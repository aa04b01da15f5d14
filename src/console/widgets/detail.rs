//! Details: lines of keys and values and of text, in a pane or over the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Extent, Piece, Words, paint};
use crate::console::format;
use crate::console::glyphs::Look;
use crate::console::theme::Role;

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

/// The widest the dialog gets, in cells.
const WIDEST: u16 = 110;

/// Draws them over the middle of the screen, in a dialog as large as they need.
pub fn draw(view: &DetailView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Extent {
    let area = area.intersection(buf.area);
    let most = area.width.min(WIDEST).saturating_sub(4);
    let keys = keys(view, most, look);
    let needed = view.lines.iter().map(|line| match line {
        DetailLine::Heading(words) => paint::width(words, look),
        DetailLine::Pair(_, value) => paint::width(&value.text, look).saturating_add(keys),
        DetailLine::Text(piece) => paint::width(&piece.text, look),
        DetailLine::Gap => 0,
    });
    let ends = [&view.title, &view.hint].map(|words| paint::width(words, look).saturating_add(2));
    let width = needed.chain(ends).max().unwrap_or(0).max(30).min(most);
    let rows = broken(view, width, look).len();
    let height = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2);
    let outer = paint::centred(area, width.saturating_add(4), height);
    let within = paint::dialog(outer, &view.title, &view.hint, false, look, buf);
    let extent = draw_lines(view, look, within, buf);
    let scroll = view.scroll.min(extent.most());
    paint::more(scroll > 0, scroll < extent.most(), outer, within, look, buf);
    extent
}

/// Draws the lines alone in an area, without border, title and hint.
pub fn draw_lines(view: &DetailView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Extent {
    let area = area.intersection(buf.area);
    let lines = broken(view, area.width, look);
    let extent = Extent { total: lines.len(), shown: usize::from(area.height) };
    let scroll = view.scroll.min(extent.most());
    for (line, y) in lines.iter().skip(scroll).zip(area.top()..area.bottom()) {
        let mut x = area.x;
        for (words, role, cells) in &line.parts {
            paint::text(words, *role, x, y, area.right().saturating_sub(x), look, buf);
            x = x.saturating_add(*cells);
        }
        if view.selected == Some(line.of) {
            paint::select(Rect { y, height: 1, ..area }, true, look, buf);
        }
    }
    extent
}

/// The rows, as drawn, at which a line begins and ends, in an area so many cells wide: what to scroll to.
pub fn rows_of(view: &DetailView<'_>, line: usize, width: u16, look: &Look<'_>) -> Option<(usize, usize)> {
    let rows = broken(view, width, look);
    let first = rows.iter().position(|row| row.of == line)?;
    Some((first, rows.iter().rposition(|row| row.of == line)?))
}

/// A row as it is drawn: words with their roles and the cells up to the next, and the line it is of.
struct Row {
    parts: Vec<(String, Role, u16)>,
    of: usize,
}

/// Cells of the column of keys, with the space after it: at most a third of the width.
fn keys(view: &DetailView<'_>, width: u16, look: &Look<'_>) -> u16 {
    let keys = view.lines.iter().filter_map(|line| match line {
        DetailLine::Pair(key, _) => Some(paint::width(key, look)),
        _ => None,
    });
    keys.max().map_or(0, |widest| (widest + 2).min(width / 3))
}

fn broken(view: &DetailView<'_>, width: u16, look: &Look<'_>) -> Vec<Row> {
    let keys = keys(view, width, look);
    let mut rows = Vec::new();
    for (of, line) in view.lines.iter().enumerate() {
        match line {
            DetailLine::Gap => rows.push(Row { parts: Vec::new(), of }),
            DetailLine::Heading(words) => rows.push(Row { parts: vec![(words.to_string(), Role::Title, width)], of }),
            DetailLine::Text(piece) => {
                let lines = format::wrap(&look.text(&piece.text), width.into());
                rows.extend(lines.into_iter().map(|line| Row { parts: vec![(line, piece.role, width)], of }));
            }
            DetailLine::Pair(key, value) => {
                let room = width.saturating_sub(keys);
                let key =
                    format::cut(&look.text(key), keys.saturating_sub(1).into(), format::Cut::End, look.glyphs.ellipsis)
                        .into_owned();
                for (n, line) in format::wrap(&look.text(&value.text), room.into()).into_iter().enumerate() {
                    let key = if n == 0 { key.clone() } else { String::new() };
                    rows.push(Row { parts: vec![(key, Role::Dim, keys), (line, value.role, room)], of });
                }
            }
        }
    }
    rows
}
