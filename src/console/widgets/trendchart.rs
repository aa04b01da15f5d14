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

mod grid;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use self::grid::Grid;
use super::chart::columns;
use super::strip::{self, Part};
use super::{Words, paint, spark};
use crate::console::format::{self, Align, Cut};
use crate::console::glyphs::Look;
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
    /// What is wrong with what is shown, such as that it is old; nothing: nothing.
    pub wrong: Option<Words<'a>>,
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
    let empty = known(view).next().is_none().then_some(&view.empty);
    if let Some(words) = view.wrong.as_ref().or(empty) {
        let limits = view.limits.iter().filter_map(|limit| row_of(limit.value, top, plot)).collect::<Vec<_>>();
        let y = (plot.y + plot.height / 2..plot.bottom()).find(|y| !limits.contains(y)).unwrap_or(plot.y);
        let role = if view.wrong.is_some() { Role::Warning } else { Role::Unknown };
        paint::text(&format!(" {words} "), role, plot.x + 1, y, plot.width.saturating_sub(2), look, buf);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::glyphs::{Charts, Glyphs};
    use crate::console::theme::{Depth, Theme};
    use proptest::prelude::*;

    fn limit(value: f64, name: &'static str) -> Limit<'static> {
        Limit { value, name: name.into(), role: Role::Dim }
    }

    /// An hour of a band of 5,400 to 9,000 s.
    fn view<'a>(samples: &'a [(f64, Option<f64>)], windows: &'a [Window<'a>]) -> TrendView<'a> {
        TrendView {
            from: -3_600.0,
            to: 0.0,
            samples,
            apart: 25.0,
            limits: [limit(5_400.0, "least"), limit(9_000.0, "most")],
            line: None,
            windows,
            ticks: &[],
            numbers: &[],
            write: &|value| format!("{value:.0}"),
            empty: "nothing".into(),
            wrong: None,
        }
    }

    /// What is drawn in ASCII, right of the scale, without the row of numbers and the ticks.
    fn plot(view: &TrendView<'_>, width: u16, height: u16) -> Vec<String> {
        let theme = Theme::named("mono", Depth::None).unwrap();
        let look = Look { theme: &theme, glyphs: Glyphs::ascii(), charts: Charts::Ascii };
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        draw(view, &look, area, &mut buf);
        let text = |y: u16| (0..width).map(|x| buf.cell((x, y)).unwrap().symbol()).collect::<String>();
        let rows = 1..height - 1;
        rows.map(text).map(|row| row.split_once('|').map_or(row.clone(), |(_, rest)| rest.to_owned())).collect()
    }

    fn every_ten(at: impl Fn(f64) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
        (0..=360).map(|n| -3_600.0 + f64::from(n) * 10.0).map(|x| (x, at(x))).collect()
    }

    /// The columns that hold a sample.
    fn seen(rows: &[String]) -> Vec<bool> {
        let wide = rows.first().map_or(0, |row| row.chars().count());
        (0..wide).map(|x| rows.iter().any(|row| row.chars().nth(x) == Some('*'))).collect()
    }

    #[test]
    fn a_gap_stays_a_gap_whether_nobody_looked_or_nothing_was_seen() {
        let unseen = every_ten(|x| (!(-1_800.0..-900.0).contains(&x)).then_some(7_200.0));
        let unlooked: Vec<_> = unseen.iter().copied().filter(|(_, value)| value.is_some()).collect();
        for samples in [unseen, unlooked] {
            let columns = seen(&plot(&view(&samples, &[]), 72, 12));
            let gap = columns.iter().skip(35).take(10).filter(|seen| **seen).count();
            assert!(
                gap == 0 && columns[..25].iter().all(|seen| *seen) && columns[55..].iter().all(|seen| *seen),
                "{columns:?}"
            );
        }
        // A sample that comes late is none.
        let every_other: Vec<_> = every_ten(|_| Some(7_200.0)).into_iter().step_by(2).collect();
        assert!(seen(&plot(&view(&every_other, &[]), 200, 12)).iter().skip(1).all(|seen| *seen));
    }

    #[test]
    fn a_dip_of_one_sample_is_seen_however_much_time_is_shown() {
        let samples = every_ten(|x| Some(if (x + 1_000.0).abs() < 1.0 { 0.0 } else { 7_200.0 }));
        for width in [40, 72, 200] {
            let rows = plot(&view(&samples, &[]), width, 12);
            assert!(rows.last().unwrap().contains('*'), "{rows:#?}");
        }
    }

    #[test]
    fn the_fitted_line_begins_with_its_window_and_leads_on() {
        let samples = every_ten(|_| Some(7_200.0));
        let line = Line { slope: 2.0, intercept: 7_200.0, from: -600.0 };
        let mut ahead = view(&samples, &[]);
        (ahead.to, ahead.line) = (720.0, Some(line));
        let rows = plot(&ahead, 80, 14);
        let column = |sign: char, row: &String| row.chars().position(|c| c == sign);
        let first = rows.iter().filter_map(|row| column('+', row)).min().unwrap();
        let now = rows.iter().filter_map(|row| column('|', row)).min().unwrap();
        let last = rows
            .iter()
            .filter_map(|row| row.chars().collect::<Vec<_>>().iter().rposition(|c| *c == '+'))
            .max()
            .unwrap();
        // Ten minutes of seventy-two, before now and after it.
        let tenth = (last - now) * 600 / 720;
        assert!(first.abs_diff(now - tenth) <= 1 && last > now, "{first} {now} {last}\n{rows:#?}");
        // Upwards.
        let top = rows.iter().position(|row| row.contains('+')).unwrap();
        assert!(column('+', &rows[top]).unwrap() > now, "{rows:#?}");
        // Nothing is drawn of a line beyond the scale.
        ahead.line = Some(Line { slope: 0.0, intercept: 1e9, from: -600.0 });
        assert!(!plot(&ahead, 80, 14).iter().any(|row| row.contains('+')));
    }

    #[test]
    fn windows_have_their_ground_and_their_name_and_no_name_hides_a_sample() {
        let window = |from, to, ground, name: &'static str| Window { from, to, ground, name: name.into() };
        let windows = [
            window(-3_000.0, -2_900.0, 1, "deshard"),
            window(-2_900.0, -2_000.0, 2, "recovery"),
            window(-1_500.0, 0.0, 0, "backup"),
            window(-9_000.0, -5_000.0, 0, "long ago"),
        ];
        let samples = every_ten(|_| Some(9_990.0));
        let rows = plot(&view(&samples, &windows), 80, 14);
        let text = rows.join("\n");
        for wanted in ["\\", " . .", " / /", "deshard", "recovery", "backup"] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
        assert!(!text.contains("long ago"));
        assert!(seen(&rows).iter().all(|seen| *seen), "{text}");
    }

    #[test]
    fn what_is_below_zero_stands_at_the_bottom_and_the_scale_has_room() {
        let samples = every_ten(|x| Some(x * 5.0));
        let rows = plot(&view(&samples, &[]), 60, 12);
        assert!(rows.last().unwrap().matches('*').count() > 40, "{rows:#?}");
        let cases = [(9_450.0, 10_000.0), (12_600.0, 15_000.0), (17_228.0, 20_000.0), (0.0, 1.0), (f64::INFINITY, 1.0)];
        for (value, top) in cases {
            assert!((rounded(value) - top).abs() < 1e-6, "{value}: {}", rounded(value));
        }
    }

    proptest! {
        #[test]
        fn nothing_is_drawn_outside_and_no_column_without_a_sample_has_one(
            samples in prop::collection::vec((-8_000.0..2_000.0f64, prop::option::of(-1e5..1e6f64)), 0..60),
            (width, height) in (0..140u16, 0..30u16), ahead in 0.0..3_000.0f64, slope in -3.0..3.0f64,
        ) {
            let mut samples = samples;
            samples.sort_by(|a, b| a.0.total_cmp(&b.0));
            let theme = Theme::named("mono", Depth::None).unwrap();
            for (glyphs, charts) in [(Glyphs::ascii(), Charts::Ascii), (Glyphs::utf8(), Charts::Braille), (Glyphs::utf8(), Charts::Block)] {
                let look = Look { theme: &theme, glyphs, charts };
                let whole = Rect::new(0, 0, width + 4, height + 4);
                let area = Rect::new(2, 2, width, height);
                let mut buf = Buffer::empty(whole);
                let line = Some(Line { slope, intercept: 7_200.0, from: -600.0 });
                draw(&TrendView { to: ahead, line, ..view(&samples, &[]) }, &look, area, &mut buf);
                for y in 0..whole.height {
                    for x in 0..whole.width {
                        let inside = area.contains(ratatui::layout::Position { x, y });
                        prop_assert!(inside || buf.cell((x, y)).unwrap().symbol() == " ", "{x}, {y}");
                    }
                }
            }
            // Alone, each sample is a dot in the column of its time.
            if width > 60 && height > 8 {
                let apart = TrendView { apart: 0.0, ..view(&samples, &[]) };
                let columns = seen(&plot(&apart, width, height)).iter().filter(|seen| **seen).count();
                let known = samples.iter().filter(|(x, value)| value.is_some() && (-3_600.0..=0.0).contains(x)).count();
                prop_assert!(columns <= known && (known == 0) == (columns == 0), "{columns} of {known}");
            }
        }
    }
}
