//! A sparkline: a series in one row. What is not known is a gap, never zero.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint;
use crate::console::glyphs::{Charts, Glyphs, Look};
use crate::console::theme::Role;

/// What a sparkline shows, in one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparkView<'a> {
    /// The series, oldest first; the newest stands on the right. Only as many as fit are drawn.
    pub values: &'a [Option<f64>],
    /// The top of the scale; nothing: the largest value that is drawn. The bottom is zero.
    pub top: Option<f64>,
    /// Its role.
    pub role: Role,
}

/// The top of the scale: what is asked for, else the largest value. Nothing when there is none.
pub fn top(values: &[Option<f64>], asked: Option<f64>) -> Option<f64> {
    let largest = || values.iter().flatten().copied().filter(|value| value.is_finite()).reduce(f64::max);
    asked.filter(|top| top.is_finite()).or_else(largest)
}

/// How many values a row of that width shows.
pub fn holds(width: u16, look: &Look<'_>) -> usize {
    usize::from(width) * if look.charts() == Charts::Braille { 2 } else { 1 }
}

/// Draws it.
pub fn draw(view: &SparkView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.height == 0 || area.width == 0 {
        return;
    }
    let values = &view.values[view.values.len().saturating_sub(holds(area.width, look))..];
    let Some(top) = top(values, view.top) else { return };
    let charts = look.charts();
    let per_cell = if charts == Charts::Braille { 2 } else { 1 };
    // The newest stands at the right end, whatever their number.
    for (cell, x) in values.rchunks(per_cell).zip((area.left()..area.right()).rev()) {
        let sign = match charts {
            Charts::Braille => {
                let right = cell.last().copied().flatten();
                let left = if cell.len() > 1 { cell.first().copied().flatten() } else { None };
                let dots = column(level(left, top, 4), false) | column(level(right, top, 4), true);
                if dots == 0 { look.glyphs.gap.to_owned() } else { braille(dots).to_string() }
            }
            charts => {
                let levels = if charts == Charts::Ascii { Glyphs::ascii().levels } else { Glyphs::utf8().levels };
                let value = cell.last().copied().flatten();
                let level = level(value, top, levels.len()).and_then(|level| levels.get(level));
                (*level.unwrap_or(&look.glyphs.gap)).to_owned()
            }
        };
        paint::sign(&sign, view.role, x, area.y, look, buf);
    }
}

/// The level of a value among `count`, from 0: zero is on the lowest, so that it is seen and is no gap.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // a handful of levels
fn level(value: Option<f64>, top: f64, count: usize) -> Option<usize> {
    let value = value.filter(|value| value.is_finite())?;
    let most = count.saturating_sub(1);
    if top <= 0.0 {
        return Some(0);
    }
    Some(((value / top).clamp(0.0, 1.0) * most as f64).round() as usize)
}

/// The dots of a column of braille from the bottom up to a level.
fn column(level: Option<usize>, right: bool) -> u32 {
    // Dots 7, 3, 2, 1 from the bottom on the left; 8, 6, 5, 4 on the right (Unicode 15, chapter 21.1).
    const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];
    level.map_or(0, |level| DOTS[usize::from(right)].iter().take(level + 1).sum())
}

/// The sign with these dots.
pub(super) fn braille(dots: u32) -> char {
    char::from_u32(0x2800 + (dots & 0xff)).unwrap_or(' ')
}
