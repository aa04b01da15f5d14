//! A chart of a delay over time: the samples, the line fitted to them and where it leads, the band it is allowed in, and
//! the windows in which it may leave it. Everything is told apart by shape; colour comes on top.
//!
//! ```text
//!  now 16,408 s   fit 16,401 s   +0.98 s/s   r 0.99
//!  20,000 │                    //backup//////┊
//!         │                    ////////////⡠⠊┊••
//!   9,000 │┄ at most 9,000 s ┄┄┄┄┄┄┄┄┄⡠⠊┄┄┄┄┄┄┄┄┄┄
//!         │⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉//////┊
//!   5,400 │┄ at least 5,400 s ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
//!       0 │
//!          06:00Z            09:00Z       12:00Z now
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::chart::columns;
use super::strip::{self, Part};
use super::{Words, paint, spark};
use crate::console::format::{self, Align, Cut};
use crate::console::glyphs::{Charts, Look};
use crate::console::theme::Role;

/// What it shows, without a border. Times are seconds from now (what was is below zero), values seconds of delay; the
/// bottom of the scale is zero, and what is below it stands there.
#[derive(Clone)]
pub struct TrendView<'a> {
    /// The left end, below zero.
    pub from: f64,
    /// The right end, zero or above.
    pub to: f64,
    /// Samples, oldest first; nothing is a gap.
    pub samples: &'a [(f64, Option<f64>)],
    /// Samples further apart than this have a gap between them, seconds.
    pub apart: f64,
    /// The limits, the lower one first.
    pub limits: [Limit<'a>; 2],
    /// The line that was fitted.
    pub line: Option<Line>,
    /// Windows, the latest drawn over those before.
    pub windows: &'a [Window<'a>],
    /// What stands under the chart, what matters most first; one for which there is no room is left out.
    pub ticks: &'a [(f64, Words<'a>)],
    /// The row of numbers, which stays when there is no room for a chart.
    pub numbers: &'a [Part<'a>],
    /// Writes a value of the scale.
    pub write: &'a dyn Fn(f64) -> String,
    /// What is said where no sample is known in this time.
    pub empty: Words<'a>,
}

/// A limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit<'a> {
    /// Where it is.
    pub value: f64,
    /// What it is, in words.
    pub name: Words<'a>,
    /// How it is drawn.
    pub role: Role,
}

/// A line: `intercept` at now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Seconds a second.
    pub slope: f64,
    /// Its value now.
    pub intercept: f64,
    /// Where the samples begin that it was fitted to: below zero.
    pub from: f64,
}

/// A span of time that is marked.
#[derive(Debug, Clone, PartialEq)]
pub struct Window<'a> {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Its ground among [`crate::console::glyphs::Glyphs::grounds`].
    pub ground: usize,
    /// What it is, in a word.
    pub name: Words<'a>,
}

/// So much more than the largest value is in sight.
const HEADROOM: f64 = 1.05;

/// Under so many rows or columns there are the numbers, and a sparkline where there is a second row.
const LEAST: (u16, u16) = (30, 6);

/// Draws it.
pub fn draw(view: &TrendView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let Some(first) = paint::row(area, 0) else { return };
    strip::draw(view.numbers, 3, look, first, buf);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        if let Some(second) = paint::row(area, 1) {
            small(view, look, second, buf);
        }
        return;
    }
    let top = scale(view);
    let labels = labels(view, top);
    let wide = labels.iter().map(|(_, label)| paint::width(label, look)).max().unwrap_or(0).min(area.width / 3);
    let plot = Rect { x: area.x + wide + 2, y: area.y + 1, width: area.width - wide - 2, height: area.height - 2 };
    axis(&labels, top, wide, plot, look, buf);
    for window in view.windows {
        ground(view, window, plot, look, buf);
    }
    for limit in &view.limits {
        if let Some(y) = row_of(limit.value, top, plot) {
            for x in plot.left()..plot.right() {
                paint::sign(look.glyphs.threshold, limit.role, x, y, look, buf);
            }
        }
    }
    if let Some(x) = column_of(view, 0.0, plot).filter(|_| view.to > 0.0) {
        for y in plot.top()..plot.bottom() {
            paint::sign(look.glyphs.now, Role::Axis, x, y, look, buf);
        }
    }
    if let Some(line) = view.line {
        fitted(view, line, top, plot, look, buf);
    }
    let grid = sampled(view, top, plot, look);
    grid.draw(plot, look, buf);
    words(view, &grid, top, plot, look, buf);
    ticks(view, plot, look, buf);
    if !known(view).any(|_| true) {
        let limits = view.limits.iter().filter_map(|limit| row_of(limit.value, top, plot)).collect::<Vec<_>>();
        let y = (plot.y + plot.height / 2..plot.bottom()).find(|y| !limits.contains(y)).unwrap_or(plot.y);
        let words = format!(" {} ", view.empty);
        paint::text(&words, Role::Unknown, plot.x + 1, y, plot.width.saturating_sub(2), look, buf);
    }
}

/// Samples that are known and in sight.
fn known<'a>(view: &'a TrendView<'_>) -> impl Iterator<Item = (f64, f64)> + 'a {
    let inside = |x: f64| x >= view.from && x <= view.to;
    view.samples.iter().filter_map(move |(x, value)| value.filter(|v| v.is_finite() && inside(*x)).map(|v| (*x, v)))
}

/// The top of the scale: rounded up, so that it does not move with each sample.
fn scale(view: &TrendView<'_>) -> f64 {
    let limits = view.limits.iter().map(|limit| limit.value).filter(|value| value.is_finite());
    let largest = known(view).map(|(_, value)| value).chain(limits).fold(0.0, f64::max);
    rounded(largest * HEADROOM)
}

/// The next of some round numbers, closer together than those of a chart whose top matters less.
fn rounded(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0];
    steps.into_iter().find(|step| value <= power * step * (1.0 + 1e-9)).unwrap_or(10.0) * power
}

/// Values of the scale that are written beside it, those that matter most first.
fn labels(view: &TrendView<'_>, top: f64) -> Vec<(f64, String)> {
    let [least, most] = [view.limits[0].value, view.limits[1].value];
    [most, least, top, 0.0].map(|value| (value, (view.write)(value))).into()
}

/// One row for all of it: the mean of each part of the time.
fn small(view: &TrendView<'_>, look: &Look<'_>, row: Rect, buf: &mut Buffer) {
    let count = spark::holds(row.width, look);
    let mut sums = vec![(0.0, 0.0); count];
    for (x, value) in known(view) {
        if let Some(part) = part_of(x, view, count).and_then(|at| sums.get_mut(at)) {
            *part = (part.0 + value, part.1 + 1.0);
        }
    }
    let values: Vec<Option<f64>> = sums.into_iter().map(|(sum, seen)| (seen > 0.0).then(|| sum / seen)).collect();
    let values = columns(&values, count);
    spark::draw(&spark::SparkView { values: &values, top: Some(scale(view)), role: Role::Spark }, look, row, buf);
}

/// The part of the time, among `count`, that a moment lies in.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // cells of a screen
fn part_of(x: f64, view: &TrendView<'_>, count: usize) -> Option<usize> {
    let part = (x - view.from) / (view.to - view.from);
    if !part.is_finite() || !(0.0..=1.0).contains(&part) || count == 0 {
        return None;
    }
    Some(((part * count as f64).floor() as usize).min(count - 1))
}

/// The step of a value among `count` from the bottom, from 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and some times the rows of a screen
fn step(value: f64, top: f64, count: u16) -> u16 {
    ((value / top).clamp(0.0, 1.0) * f64::from(count.saturating_sub(1))).round() as u16
}

/// The column of a moment.
fn column_of(view: &TrendView<'_>, x: f64, plot: Rect) -> Option<u16> {
    part_of(x, view, plot.width.into()).and_then(|at| u16::try_from(at).ok()).map(|at| plot.x + at)
}

/// The row of a value; nothing beyond the scale.
fn row_of(value: f64, top: f64, plot: Rect) -> Option<u16> {
    // As finely as samples are drawn, so that a line and its samples meet.
    (value.is_finite() && value <= top).then(|| plot.bottom() - 1 - step(value, top, plot.height * 4) / 4)
}

fn axis(labels: &[(f64, String)], top: f64, wide: u16, plot: Rect, look: &Look<'_>, buf: &mut Buffer) {
    for y in plot.top()..plot.bottom() {
        paint::sign(look.glyphs.border.vertical, Role::Axis, plot.x - 1, y, look, buf);
    }
    let mut taken = Vec::new();
    for (value, label) in labels {
        let Some(y) = row_of(*value, top, plot).filter(|y| !taken.contains(y)) else { continue };
        let label = format::fit(&look.text(label), wide.into(), Cut::End, Align::Right, look.glyphs.ellipsis);
        paint::text(&label, Role::Axis, plot.x - wide - 2, y, wide, look, buf);
        taken.push(y);
    }
}

/// The columns of a window; nothing when it is out of sight.
fn span_of(view: &TrendView<'_>, window: &Window<'_>, plot: Rect) -> Option<(u16, u16)> {
    if window.to < view.from || window.from > view.to || window.from > window.to {
        return None;
    }
    let from = column_of(view, window.from.max(view.from), plot)?;
    let to = column_of(view, window.to.min(view.to), plot)?;
    Some((from, to))
}

fn ground(view: &TrendView<'_>, window: &Window<'_>, plot: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let Some((from, to)) = span_of(view, window, plot) else { return };
    let sign = look.glyphs.grounds[window.ground % look.glyphs.grounds.len()];
    for y in plot.top()..plot.bottom() {
        // Every other cell, so that what is drawn over it stands out; of the narrowest one something is left.
        for x in (from..=to).filter(|x| (x + y).is_multiple_of(2) || from == to) {
            paint::sign(sign, Role::Dim, x, y, look, buf);
        }
    }
}

/// The fitted line over its window, and where it leads.
fn fitted(view: &TrendView<'_>, line: Line, top: f64, plot: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let wide = (view.to - view.from) / f64::from(plot.width.max(1));
    for x in plot.left()..plot.right() {
        let at = view.from + (f64::from(x - plot.x) + 0.5) * wide;
        let value = line.intercept + line.slope * at;
        if at < line.from || !(0.0..=top).contains(&value) {
            continue;
        }
        if let Some(y) = row_of(value, top, plot) {
            paint::sign(look.glyphs.fit, Role::ChartSecond, x, y, look, buf);
        }
    }
}

/// Dots of cells: as many across and up a cell as its signs can show.
struct Grid {
    across: u16,
    up: u16,
    width: u16,
    height: u16,
    dots: Vec<u8>,
}

impl Grid {
    fn new(plot: Rect, look: &Look<'_>) -> Self {
        let (across, up) = match look.charts() {
            Charts::Braille => (2, 4),
            Charts::Block => (1, 2),
            Charts::Ascii => (1, 1),
        };
        let cells = usize::from(plot.width) * usize::from(plot.height);
        Self { across, up, width: plot.width, height: plot.height, dots: vec![0; cells] }
    }

    /// Sets the dot at a column from the left and a height from the bottom.
    fn set(&mut self, column: u16, height: u16) {
        let (x, below) = (column / self.across, height / self.up);
        if x < self.width && below < self.height {
            let at = usize::from(self.height - 1 - below) * usize::from(self.width) + usize::from(x);
            let bit = column % self.across * self.up + height % self.up;
            if let Some(cell) = self.dots.get_mut(at) {
                *cell |= 1 << bit;
            }
        }
    }

    /// A line from one dot to another, each end set.
    fn join(&mut self, from: (u16, u16), to: (u16, u16)) {
        let across = to.0.saturating_sub(from.0);
        let height = |n: u16| {
            let (a, b) = (i64::from(from.1), i64::from(to.1));
            let at = a + (b - a) * i64::from(n) / i64::from(across.max(1));
            u16::try_from(at).unwrap_or(0)
        };
        let mut before = from.1;
        for n in 0..=across {
            let at = if n == across { to.1 } else { height(n) };
            for between in before.min(at)..=before.max(at) {
                self.set(from.0 + n, between);
            }
            before = at;
        }
    }

    fn is_empty(&self, x: u16, y: u16) -> bool {
        let at = usize::from(y) * usize::from(self.width) + usize::from(x);
        self.dots.get(at).is_none_or(|dots| *dots == 0)
    }

    fn draw(&self, plot: Rect, look: &Look<'_>, buf: &mut Buffer) {
        for (at, dots) in self.dots.iter().enumerate().filter(|(_, dots)| **dots != 0) {
            let wide = usize::from(self.width);
            let (Ok(x), Ok(y)) = (u16::try_from(at % wide), u16::try_from(at / wide)) else { continue };
            paint::sign(&self.sign(*dots), Role::Chart, plot.x + x, plot.y + y, look, buf);
        }
    }

    fn sign(&self, dots: u8) -> String {
        // Dots of a cell from the bottom, left and right (Unicode 15, chapter 21.1).
        const DOTS: [u32; 8] = [0x40, 0x04, 0x02, 0x01, 0x80, 0x20, 0x10, 0x08];
        match (self.across, self.up) {
            (2, _) => {
                let bits = DOTS.iter().enumerate().filter(|(n, _)| dots & (1 << n) != 0).map(|(_, bit)| bit).sum();
                spark::braille(bits).to_string()
            }
            (_, 2) => ["▄", "▀", "█"][usize::from((dots - 1).min(2))].to_owned(),
            _ => "*".to_owned(),
        }
    }
}

/// The samples as dots; neighbours are joined, gaps are not. Of many in one column each is seen: a dip is no mean.
fn sampled(view: &TrendView<'_>, top: f64, plot: Rect, look: &Look<'_>) -> Grid {
    let mut grid = Grid::new(plot, look);
    let (wide, high) = (plot.width.saturating_mul(grid.across), plot.height.saturating_mul(grid.up));
    let mut before: Option<(f64, (u16, u16))> = None;
    for (x, value) in view.samples {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            before = None;
            continue;
        };
        let Some(column) = part_of(*x, view, wide.into()).and_then(|at| u16::try_from(at).ok()) else {
            before = None;
            continue;
        };
        let dot = (column, step(value, top, high));
        match before.filter(|(then, _)| x - then <= view.apart) {
            Some((_, from)) => grid.join(from, dot),
            None => grid.set(dot.0, dot.1),
        }
        before = Some((*x, dot));
    }
    grid
}

/// Names of windows and limits, where they hide no sample.
fn words(view: &TrendView<'_>, grid: &Grid, top: f64, plot: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let free = |from: u16, to: u16, y: u16| (from..to).all(|x| grid.is_empty(x - plot.x, y - plot.y));
    for limit in &view.limits {
        let Some(y) = row_of(limit.value, top, plot) else { continue };
        // From the left; elsewhere where the samples run there. The scale beside it has the number anyway.
        let place = |name: &str| {
            let words = format!(" {name} ");
            let wide = paint::width(&words, look);
            let places = plot.x + 1..plot.right().saturating_sub(wide);
            places.step_by(2).find(|x| free(*x, x + wide, y)).map(|x| (words, wide, x))
        };
        let brief = limit.name.split(" (").next().unwrap_or_default();
        if let Some((words, wide, x)) = place(&limit.name).or_else(|| place(brief)) {
            paint::text(&words, limit.role, x, y, wide, look, buf);
        }
    }
    let limits: Vec<u16> = view.limits.iter().filter_map(|limit| row_of(limit.value, top, plot)).collect();
    let mut taken: Vec<(u16, u16, u16)> = Vec::new();
    let mut windows: Vec<&Window<'_>> = view.windows.iter().collect();
    windows.sort_by(|a, b| a.from.total_cmp(&b.from));
    for window in windows {
        let Some((from, _)) = span_of(view, window, plot) else { continue };
        let words = format!(" {} ", window.name);
        let wide = paint::width(&words, look);
        if wide > plot.width {
            continue;
        }
        // From where it begins, or as far to the right as there is room.
        let from = from.min(plot.right() - wide);
        let apart = |y: u16| taken.iter().all(|(row, left, right)| *row != y || *left >= from + wide || *right <= from);
        let rows = [plot.y, plot.bottom() - 1, plot.y + 1, plot.bottom() - 2];
        let fits = |y: &u16| plot.top() <= *y && !limits.contains(y) && apart(*y) && free(from, from + wide, *y);
        if let Some(y) = rows.into_iter().find(fits) {
            paint::text(&words, Role::Strong, from, y, wide, look, buf);
            taken.push((y, from, from + wide));
        }
    }
}

/// What stands under the chart. Each begins at its moment, but for those that would run over the right end.
fn ticks(view: &TrendView<'_>, plot: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let mut taken: Vec<(u16, u16)> = Vec::new();
    for (at, words) in view.ticks {
        let Some(x) = column_of(view, *at, plot) else { continue };
        let wide = paint::width(words, look);
        let x = x.min(plot.right().saturating_sub(wide));
        let clear = taken.iter().all(|(from, to)| x > *to + 1 || x + wide + 1 < *from);
        if x >= plot.x && clear {
            paint::text(words, Role::Axis, x, plot.bottom(), wide, look, buf);
            taken.push((x, x + wide));
        }
    }
}
