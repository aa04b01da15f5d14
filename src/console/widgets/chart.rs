//! A line chart with axes, gaps and thresholds.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Words;
use crate::base::Severity;
use crate::console::glyphs::Look;

/// What a chart shows, without a border. The bottom of the scale is zero.
#[derive(Clone)]
pub struct ChartView<'a> {
    /// The series, oldest first, one value a column of the scale; the newest stands on the right. Nothing is a gap.
    pub values: &'a [Option<f64>],
    /// A second series, drawn beneath.
    pub second: Option<&'a [Option<f64>]>,
    /// The top of the scale; nothing: the largest value or threshold, rounded up.
    pub top: Option<f64>,
    /// Lines across, with the words that name them.
    pub thresholds: &'a [Threshold<'a>],
    /// Writes a value of the scale: `9.0 MB/s`.
    pub write: &'a dyn Fn(f64) -> String,
    /// What stands under the left end: `10 min ago`.
    pub from: Words<'a>,
    /// What stands under the right end: `now`.
    pub to: Words<'a>,
    /// The row of numbers that stays when there is no room for a chart: `now 9.0 MB/s  max 12.1 MB/s`.
    pub numbers: Words<'a>,
}

/// A line across a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold<'a> {
    /// Where it is.
    pub value: f64,
    /// What it means, in a word or two.
    pub name: Words<'a>,
    /// How bad it is to be beyond it.
    pub severity: Severity,
}

/// Draws it.
pub fn draw(view: &ChartView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let _ = (view, look, area, buf);
}
