//! A line of figures, bars and sparklines that loses its least important parts where there is no room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::bar::{self, BarView};
use super::spark::{self, SparkView};
use super::{Piece, paint};
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// A part of the line: it is drawn whole or not at all (the last that stays is cut).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Part<'a> {
    /// What it holds, without space between.
    pub items: Vec<Item<'a>>,
    /// Parts with the largest number go first; those with 0 stay.
    pub drop: u8,
}

/// A piece of a part.
#[derive(Debug, Clone, PartialEq)]
pub enum Item<'a> {
    /// Text.
    Text(Piece<'a>),
    /// A bar so many cells wide.
    Bar {
        /// From 0 to 1; nothing when it is not known.
        fraction: Option<f64>,
        /// Cells.
        width: u16,
        /// The role of its filled part.
        role: Role,
    },
    /// A sparkline so many cells wide.
    Spark {
        /// The series, oldest first; nothing is a gap.
        values: &'a [Option<f64>],
        /// Cells.
        width: u16,
        /// Its role.
        role: Role,
    },
}

/// Draws the parts in one row, `gap` cells apart.
pub fn draw(parts: &[Part<'_>], gap: u16, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.height == 0 {
        return;
    }
    let row = Rect { height: 1, ..area };
    let mut x = row.x;
    for (n, part) in staying(parts, gap, look, row.width).into_iter().enumerate() {
        if n > 0 {
            x = x.saturating_add(gap);
        }
        for item in &part.items {
            let room = row.right().saturating_sub(x);
            let at = |width: u16| Rect { x, width: width.min(room), ..row };
            match item {
                Item::Text(piece) => x = paint::text(&piece.text, piece.role, x, row.y, room, look, buf),
                Item::Bar { fraction, width, role } => {
                    bar::draw(&BarView { fraction: *fraction, role: *role }, look, at(*width), buf);
                    x = x.saturating_add(*width);
                }
                Item::Spark { values, width, role } => {
                    spark::draw(&SparkView { values, top: None, role: *role }, look, at(*width), buf);
                    x = x.saturating_add(*width);
                }
            }
        }
    }
}

/// Cells a part takes.
pub fn width(part: &Part<'_>, look: &Look<'_>) -> u16 {
    let widths = part.items.iter().map(|item| match item {
        Item::Text(piece) => paint::width(&piece.text, look),
        Item::Bar { width, .. } | Item::Spark { width, .. } => *width,
    });
    widths.fold(0, u16::saturating_add)
}

/// The parts that stay: while they are too wide together, the last of those with the largest number goes.
fn staying<'p, 'a>(parts: &'p [Part<'a>], gap: u16, look: &Look<'_>, room: u16) -> Vec<&'p Part<'a>> {
    let mut stay: Vec<(&Part<'_>, u32)> = parts.iter().map(|part| (part, u32::from(width(part, look)))).collect();
    loop {
        let gaps = u32::from(gap) * u32::try_from(stay.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let used = stay.iter().map(|(_, width)| width).sum::<u32>().saturating_add(gaps);
        let goes =
            stay.iter().enumerate().filter(|(_, (part, _))| part.drop > 0).max_by_key(|(_, (part, _))| part.drop);
        match goes.map(|(at, _)| at) {
            Some(at) if used > u32::from(room) => _ = stay.remove(at),
            _ => return stay.into_iter().map(|(part, _)| part).collect(),
        }
    }
}
