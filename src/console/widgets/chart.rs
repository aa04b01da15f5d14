//! A line chart with axes, gaps and thresholds.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Words, paint, spark};
use crate::base::Severity;
use crate::console::format;
use crate::console::glyphs::{Charts, Glyphs, Look};
use crate::console::theme::Role;

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

/// Draws it. Below four rows or thirty columns the numbers stay, and a sparkline where there is a second row.
pub fn draw(view: &ChartView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let Some(first) = paint::row(area, 0) else { return };
    paint::text(&view.numbers, Role::Text, first.x, first.y, first.width, look, buf);
    if area.height < 4 || area.width < 30 {
        if let Some(second) = paint::row(area, 1) {
            spark::draw(&spark::SparkView { values: view.values, top: view.top, role: Role::Spark }, look, second, buf);
        }
        return;
    }
    let Some(top) = scale(view) else {
        let room = area.width;
        paint::text("nothing measured yet", Role::Dim, area.x, area.y + 1, room, look, buf);
        return;
    };
    let labels = [(view.write)(top), (view.write)(top / 2.0), (view.write)(0.0)];
    let wide = labels.iter().map(|label| paint::width(label, look)).max().unwrap_or(0).min(area.width / 3);
    let plot = Rect { x: area.x + wide + 2, y: area.y + 1, width: area.width - wide - 2, height: area.height - 2 };
    draw_axes(view, &labels, wide, plot, look, buf);
    if let Some(second) = view.second {
        draw_series(second, top, Role::ChartSecond, plot, look, buf);
    }
    draw_series(view.values, top, Role::Chart, plot, look, buf);
    for threshold in view.thresholds {
        draw_threshold(view, threshold, top, plot, look, buf);
    }
}

/// The top of the scale, rounded up so that it does not move with each value; nothing when nothing is known.
fn scale(view: &ChartView<'_>) -> Option<f64> {
    let series = view.values.iter().chain(view.second.unwrap_or_default()).flatten().copied();
    let largest = series.filter(|value| value.is_finite()).reduce(f64::max)?;
    let limits = view.thresholds.iter().map(|threshold| threshold.value).filter(|value| value.is_finite());
    let largest = limits.fold(largest, f64::max);
    Some(view.top.filter(|top| top.is_finite() && *top > 0.0).unwrap_or_else(|| round_up(largest)))
}

/// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
pub fn round_up(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    // A hair of tolerance: 0.3 / 0.1 is a little more than 3.
    let step = [1.0, 2.0, 2.5, 5.0].into_iter().find(|step| value <= power * step * (1.0 + 1e-9));
    step.unwrap_or(10.0) * power
}

fn draw_axes(view: &ChartView<'_>, labels: &[String; 3], wide: u16, plot: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let bottom = plot.bottom() - 1;
    // Where a value of half the scale is drawn.
    let middle = bottom - step(1.0, 2.0, plot.height * 4) / 4;
    let places = [(plot.y, true), (middle, plot.height >= 5), (bottom, true)];
    for (label, (y, _)) in labels.iter().zip(places).filter(|(_, (_, drawn))| *drawn) {
        let label =
            format::fit(&look.text(label), wide.into(), format::Cut::End, format::Align::Right, look.glyphs.ellipsis);
        paint::text(&label, Role::Axis, plot.x - wide - 2, y, wide, look, buf);
    }
    for y in plot.top()..plot.bottom() {
        paint::sign(look.glyphs.border.vertical, Role::Axis, plot.x - 1, y, look, buf);
    }
    let under = Rect { y: plot.bottom(), height: 1, ..plot };
    let end = paint::text(&view.from, Role::Axis, under.x, under.y, under.width, look, buf);
    if end.saturating_add(paint::width(&view.to, look)) < under.right() {
        paint::right(&view.to, Role::Axis, under, look, buf);
    }
}

/// The values drawn over so many columns: each column the mean of what is known of its part of the time; a column of
/// which nothing is known is a gap.
pub(super) fn columns(values: &[Option<f64>], count: usize) -> Vec<Option<f64>> {
    let part = |n: usize| {
        let from = n * values.len() / count;
        let to = ((n + 1) * values.len() / count).max(from + 1).min(values.len());
        let known = values.get(from..to).unwrap_or_default().iter().flatten().filter(|value| value.is_finite());
        let (sum, seen) = known.fold((0.0, 0.0), |(sum, seen), value| (sum + value, seen + 1.0));
        (seen > 0.0).then(|| sum / seen)
    };
    (0..count).map(part).collect()
}

/// The step of a value among `count` from the bottom, from 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and four times the rows of a screen
fn step(value: f64, top: f64, count: u16) -> u16 {
    ((value / top).clamp(0.0, 1.0) * f64::from(count.saturating_sub(1))).round() as u16
}

fn draw_series(values: &[Option<f64>], top: f64, role: Role, plot: Rect, look: &Look<'_>, buf: &mut Buffer) {
    match look.charts() {
        Charts::Braille => draw_dots(values, top, role, plot, look, buf),
        Charts::Block => draw_columns(values, top, role, Glyphs::utf8().levels, plot, look, buf),
        Charts::Ascii => draw_columns(values, top, role, Glyphs::ascii().levels, plot, look, buf),
    }
}

/// A line of dots; neighbours are joined, gaps are not.
fn draw_dots(values: &[Option<f64>], top: f64, role: Role, plot: Rect, look: &Look<'_>, buf: &mut Buffer) {
    // Dots of a cell from the bottom, left and right (Unicode 15, chapter 21.1).
    const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];
    let mut before: Option<u16> = None;
    for (n, value) in (0..plot.width.saturating_mul(2)).zip(columns(values, usize::from(plot.width) * 2)) {
        let Some(value) = value else {
            before = None;
            continue;
        };
        let at = step(value, top, plot.height * 4);
        let from = before.map_or(at, |before| if before < at { before + 1 } else { before.saturating_sub(1).max(at) });
        for height in at.min(from)..=at.max(from) {
            let (x, y) = (plot.x + n / 2, plot.bottom() - 1 - height / 4);
            let dot = DOTS[usize::from(n % 2)][usize::from(height % 4)];
            let there = buf.cell((x, y)).and_then(|cell| cell.symbol().chars().next());
            let there = there.map_or(0, u32::from).checked_sub(0x2800).filter(|dots| *dots <= 0xff).unwrap_or(0);
            paint::sign(&spark::braille(there | dot).to_string(), role, x, y, look, buf);
        }
        before = Some(at);
    }
}

/// Columns from the bottom up, in so many levels a cell.
fn draw_columns(
    values: &[Option<f64>],
    top: f64,
    role: Role,
    levels: &[&str],
    plot: Rect,
    look: &Look<'_>,
    buf: &mut Buffer,
) {
    let count = u16::try_from(levels.len()).unwrap_or(1).max(1);
    for (x, value) in (plot.left()..plot.right()).zip(columns(values, plot.width.into())) {
        let Some(value) = value else { continue };
        let height = step(value, top, plot.height * count);
        for (n, y) in (plot.top()..plot.bottom()).rev().enumerate() {
            let below = u16::try_from(n).unwrap_or(u16::MAX).saturating_mul(count);
            // Zero is drawn on the lowest level: it was measured.
            if height < below || (height == below && below > 0) {
                break;
            }
            let sign = levels.get(usize::from((height - below).min(count - 1))).copied().unwrap_or(" ");
            paint::sign(sign, role, x, y, look, buf);
        }
    }
}

/// A line across where nothing is drawn, and its name and value at the right end.
fn draw_threshold(
    view: &ChartView<'_>,
    threshold: &Threshold<'_>,
    top: f64,
    plot: Rect,
    look: &Look<'_>,
    buf: &mut Buffer,
) {
    if !threshold.value.is_finite() {
        return;
    }
    let y = plot.bottom() - 1 - step(threshold.value, top, plot.height * 4) / 4;
    let role = Role::of(threshold.severity);
    for x in plot.left()..plot.right() {
        if buf.cell((x, y)).is_some_and(|cell| cell.symbol() == " ") {
            paint::sign(look.glyphs.threshold, role, x, y, look, buf);
        }
    }
    // What lies beyond the scale stands at its top, and says so.
    let beyond = if threshold.value > top { format!("{} ", look.glyphs.more_above) } else { String::new() };
    let mark = look.glyphs.severity(threshold.severity);
    let words = format!(" {beyond}{mark} {} {} ", threshold.name, (view.write)(threshold.value));
    paint::right(&words, role, Rect { y, height: 1, ..plot }, look, buf);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_round_and_never_below_what_it_holds() {
        let cases =
            [(0.0, 1.0), (0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (2.4, 2.5), (9.1, 10.0), (1204.0, 2000.0), (1e9, 1e9)];
        for (value, top) in cases {
            assert!((round_up(value) - top).abs() < 1e-9 * top, "{value}: {}", round_up(value));
        }
        assert!((round_up(f64::NAN) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_column_of_which_nothing_is_known_is_a_gap() {
        assert_eq!(columns(&[Some(1.0), Some(3.0), None, None, None, Some(5.0)], 3), [Some(2.0), None, Some(5.0)]);
        assert_eq!(columns(&[Some(1.0), None], 4), [Some(1.0), Some(1.0), None, None]);
        assert_eq!(columns(&[Some(f64::NAN)], 1), [None]);
        assert_eq!(columns(&[], 2), [None, None]);
    }
}
