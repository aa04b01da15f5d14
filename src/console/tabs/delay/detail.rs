//! The picture of one replica: the chart of its delay above, everything else below it.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::about;
use super::draw::text;
use super::rows::{self, plain, secs, slope};
use super::state::{Read, ReplicaView, Span};
use crate::base::{Severity, Shown, Time};
use crate::console::details::Details;
use crate::console::format;
use crate::console::glyphs::Look;
use crate::console::theme::Role;
use crate::console::widgets::detail::{self, DetailLine, DetailView};
use crate::console::widgets::pane::{self, PaneView};
use crate::console::widgets::strip::Part;
use crate::console::widgets::trendchart::{self, Limit, Line, TrendView, Window};
use crate::console::widgets::{Extent, Piece, paint};
use crate::delay::job::Job;
use crate::delay::snapshot::ReplicaLine;
use crate::delay::trend::seconds;

/// From this width on what is below the chart stands in two columns.
const TWO_COLUMNS: u16 = 110;
/// Between them.
const GAP: u16 = 3;
/// Rows of a chart at most.
const HIGHEST: u16 = 22;
/// A line that leads on is drawn over this part of the time shown.
const AHEAD: f64 = 0.2;
/// Samples so many intervals apart have a gap between them: one that came late is none.
const APART: f64 = 2.5;

/// What is drawn.
pub struct Shot<'a> {
    /// What is remembered of it.
    pub view: &'a ReplicaView,
    /// The replica; nothing: it is configured no more.
    pub line: Option<&'a ReplicaLine>,
    /// How much time.
    pub span: Span,
    /// The time of what is shown.
    pub now: Time,
    /// The keys.
    pub hint: String,
}

/// Draws it; says how many lines there are below the chart and how many fit.
pub fn draw(shot: &Shot<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Extent {
    let area = area.intersection(buf.area);
    paint::clear(area, look, buf);
    let reading = shot.view.asked.is_some() && shot.view.chart.as_ref().is_none_or(|read| read.span != shot.span);
    let right = format!("{}{} shown", if reading { "reading … " } else { "" }, shot.span.word());
    let title = title(shot);
    let inner = pane::draw(&PaneView { title: title.into(), right: right.into(), focused: true }, look, area, buf);
    if area.height >= 3 {
        paint::on_border(&shot.hint, Role::Dim, area, area.bottom() - 1, look, buf);
    }
    let inner = if inner.width > 20 { paint::inset(inner, 1, 0) } else { inner };
    let Some(line) = shot.line else {
        paint::text("it is configured no more", Role::Unknown, inner.x, inner.y, inner.width, look, buf);
        return Extent::default();
    };
    let said = format::wrap(&look.text(&rows::why(line, shot.now).0), inner.width.into());
    let role = match line.severity() {
        Severity::Ok if rows::stale(line, shot.now).is_some() => Role::Unknown,
        Severity::Ok => Role::Text,
        severity => Role::of(severity),
    };
    let heads = u16::try_from(said.len()).unwrap_or(1).min(if inner.height >= 14 { 2 } else { 1 });
    let tall = match inner.height {
        0..7 => 0,
        7..14 => 2,
        height => (height / 2).clamp(8, HIGHEST),
    };
    let [top, middle, _, below] = Layout::vertical([
        Constraint::Length(heads),
        Constraint::Length(tall),
        Constraint::Length(u16::from(inner.height >= 30)),
        Constraint::Fill(1),
    ])
    .areas(inner);
    for (words, row) in said.iter().zip(top.rows()) {
        paint::text(words, role, row.x, row.y, row.width, look, buf);
    }
    chart(shot, line, look, middle, buf);
    lines(&about::replica(line, shot.now), shot.view.top, look, below, buf)
}

fn title(shot: &Shot<'_>) -> String {
    let name = Shown::text(&shot.view.name).to_string();
    let Some(line) = shot.line else { return name };
    let since = line.state.turns.last().map(|turn| turn.since);
    let since = since.map_or_else(String::new, |since| format!(" for {}", format::age(shot.now, Some(since))));
    let group = line.group.as_ref().map_or_else(String::new, |group| format!(" ({})", Shown::text(group)));
    let frozen = if line.is_frozen() { ", FROZEN" } else { "" };
    format!("{name}{group}: {}{frozen}{since}", line.severity().word())
}

/// What stands below the chart; on a wide screen in two columns, the second going on where the first ends.
fn lines(details: &Details, scroll: usize, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Extent {
    let mut lines = Vec::new();
    // What the first group says first is said above.
    for (at, group) in details.groups.iter().enumerate() {
        if at > 0 {
            lines.push(DetailLine::Gap);
        }
        if !group.title.is_empty() {
            lines.push(DetailLine::Heading(group.title.as_str().into()));
        }
        let skip = usize::from(at == 0);
        for (name, value, role) in group.lines.iter().skip(skip) {
            lines.push(DetailLine::Pair(name.as_str().into(), Piece::new(value.as_str(), *role)));
        }
    }
    let columns = u16::from(area.width >= TWO_COLUMNS) + 1;
    let wide = (area.width.saturating_sub(GAP * (columns - 1))) / columns;
    let height = usize::from(area.height);
    let mut view = DetailView { title: "".into(), lines, scroll: 0, selected: None, hint: "".into() };
    // How many rows there are is known only once they are broken; nothing is drawn for that.
    let nowhere = Rect { width: wide, height: 0, ..area };
    let total = detail::draw_lines(&view, look, nowhere, buf).total;
    let shown = height * usize::from(columns);
    let scroll = scroll.min(total.saturating_sub(shown));
    // So that the second column may begin near the end.
    view.lines.extend((0..shown).map(|_| DetailLine::Gap));
    for column in 0..columns {
        let at = Rect { x: area.x + column * (wide + GAP), width: wide, ..area };
        view.scroll = scroll + usize::from(column) * height;
        detail::draw_lines(&view, look, at, buf);
    }
    if area.width > 0 && height > 0 {
        let edge = Rect { width: area.width + 1, ..area };
        paint::more(scroll > 0, scroll + shown < total, edge, area, look, buf);
    }
    Extent { total, shown }
}

fn chart(shot: &Shot<'_>, line: &ReplicaLine, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let read = shot.view.chart.as_ref();
    let now = shot.now;
    let length = shot.span.length().as_secs_f64();
    let verdict = line.verdict.as_ref();
    let fit = verdict.and_then(|verdict| verdict.fit);
    let ahead = verdict.is_some_and(|verdict| verdict.back_in.or(verdict.out_in).is_some());
    let to = if ahead { length * AHEAD } else { 0.0 };
    let samples = samples(read, line, now);
    let limits = &line.limits;
    let thinned = read.is_some_and(|read| read.thinned);
    let apart = if thinned { f64::INFINITY } else { limits.interval.as_secs_f64() * APART };
    let bounds = [("at least", limits.min_delay_time), ("at most", limits.max_delay_time)];
    let value = fit.map(|fit| fit.intercept);
    let limit = |n: usize| {
        let (words, bound) = bounds[n];
        let bound = bound.as_secs_f64();
        let out = value.is_some_and(|value| if n == 0 { value < bound } else { value > bound });
        let role = if out { Role::of(line.severity()) } else { Role::Dim };
        Limit { value: bound, name: format!("{words} {} s ({})", plain(bound), rows::span(bound)).into(), role }
    };
    let windows = windows(read, line, now);
    let fitted = fit.map(|fit| Line { slope: fit.slope, intercept: fit.intercept, from: -limits.window.as_secs_f64() });
    let ticks = ticks(shot.span, now, verdict.and_then(|verdict| verdict.back_in.or(verdict.out_in)), verdict);
    let numbers = numbers(shot, line);
    let empty = if read.is_none() { "reading …" } else { "no sample in this time" };
    let wrong = shot.view.wrong.as_ref().map(|why| format!("its samples were not read: {}", Shown::text(why)));
    let view = TrendView {
        from: -length,
        to,
        samples: &samples,
        apart,
        limits: [limit(0), limit(1)],
        line: fitted,
        windows: &windows,
        ticks: &ticks,
        numbers: &numbers,
        write: &plain,
        empty: empty.into(),
        wrong: wrong.map(Into::into),
    };
    trendchart::draw(&view, look, area, buf);
}

/// Samples that were read, and the newest one, which may be newer.
fn samples(read: Option<&Read>, line: &ReplicaLine, now: Time) -> Vec<(f64, Option<f64>)> {
    let read = read.map_or(&[][..], |chart| &chart.samples);
    let mut samples: Vec<(f64, Option<f64>)> = read.iter().map(|(at, value)| (seconds(*at, now), *value)).collect();
    let last = read.last().map(|(at, _)| *at);
    if let Some((value, at)) = line.verdict.as_ref().and_then(|verdict| verdict.delay)
        && last.is_none_or(|last| at > last)
    {
        samples.push((seconds(at, now), Some(value)));
    }
    samples
}

/// Jobs and, behind each, the time it has to recover in. Each class has its ground; recovery has one of its own.
fn windows(read: Option<&Read>, line: &ReplicaLine, now: Time) -> Vec<Window<'static>> {
    const RECOVERY: usize = 2;
    let mut jobs: Vec<&Job> = read.map_or(&[][..], |chart| &chart.jobs).iter().collect();
    for job in &line.jobs {
        // As it stands now: one that was read as running may have ended.
        jobs.retain(|known| (&known.class, known.start) != (&job.class, job.start));
        jobs.push(job);
    }
    jobs.sort_by_key(|job| job.start);
    let of = |class: &str| line.limits.jobs.iter().position(|known| known.name == class).unwrap_or(0) % RECOVERY;
    let recovery = jobs.iter().filter_map(|job| {
        let end = job.end?;
        let over = end.plus(line.limits.max_recovery_time).min(now);
        let name = "recovery".into();
        Some(Window { from: seconds(end, now), to: seconds(over, now), ground: RECOVERY, name })
    });
    let running = jobs.iter().map(|job| Window {
        from: seconds(job.start, now),
        to: job.end.map_or(0.0, |end| seconds(end, now)),
        ground: of(&job.class),
        name: Shown::text(&job.class).to_string().into(),
    });
    // A job is drawn over the recovery of another.
    let mut all: Vec<Window<'static>> = recovery.chain(running).collect();
    all.sort_by(|a, b| (a.ground != RECOVERY).cmp(&(b.ground != RECOVERY)).then(a.from.total_cmp(&b.from)));
    all
}

/// What stands under the chart: now, where it leads, the left end, and times between.
fn ticks(
    span: Span,
    now: Time,
    turn: Option<f64>,
    verdict: Option<&crate::delay::verdict::Verdict>,
) -> Vec<(f64, crate::console::widgets::Words<'static>)> {
    let length = span.length().as_secs_f64();
    let at = |x: f64| {
        let moved = Duration::try_from_secs_f64(x.abs()).unwrap_or(Duration::MAX);
        if x < 0.0 { now.minus(moved) } else { now.plus(moved) }
    };
    let write = |x: f64| match span {
        Span::Ten => format::utc_day(Some(at(x))).get(5..10).unwrap_or_default().to_owned(),
        _ => format::utc_minute(at(x)),
    };
    let mut ticks = vec![(0.0, format!("{} now", format::utc_minute(now)).into())];
    if let Some(turn) = turn {
        let word = if verdict.is_some_and(|verdict| verdict.back_in.is_some()) { "back" } else { "out" };
        ticks.push((turn, format!("{word} {}", format::utc_minute(at(turn))).into()));
    }
    ticks.push((-length, write(-length).into()));
    ticks.extend((1..6).map(|n| -length * f64::from(n) / 6.0).map(|x| (x, write(x).into())));
    ticks
}

/// The figures over the chart, which are all there is where there is no room for one.
fn numbers(shot: &Shot<'_>, line: &ReplicaLine) -> Vec<Part<'static>> {
    let verdict = line.verdict.as_ref();
    let fit = verdict.and_then(|verdict| verdict.fit);
    let pair = |name: &str, value: String, role: Role, drop: u8| Part {
        items: vec![text(format!("{name} "), Role::Dim), text(value, role)],
        drop,
    };
    let severe = if line.severity() == Severity::Ok { Role::Text } else { Role::of(line.severity()) };
    let role = if rows::old(line, shot.now).is_some() { Role::Stale } else { severe };
    let mut parts = vec![
        pair("now", secs(verdict.and_then(|verdict| verdict.delay).map(|(value, _)| value)), role, 0),
        pair("of", format!("{} s", rows::bounds(&line.limits)), Role::Text, 0),
        pair("slope", slope(fit.map(|fit| fit.slope)), Role::Text, 0),
        pair("fit", secs(fit.map(|fit| fit.intercept)), Role::Text, 3),
        pair("r", rows::correlation(fit.and_then(|fit| fit.correlation)), Role::Text, 4),
    ];
    if let Some(fit) = fit {
        parts.push(pair("replays at", rows::speed(&fit), Role::Text, 5));
    }
    match verdict.map(|verdict| (verdict.back_in, verdict.out_in)) {
        Some((Some(back), _)) => parts.push(pair("back in", rows::span(back), Role::Strong, 1)),
        Some((None, Some(out))) => parts.push(pair("out in", rows::span(out), Role::Warning, 1)),
        _ => {}
    }
    let range = shot.view.chart.as_ref().and_then(|read| read.range);
    if let Some((least, most)) = range {
        parts.push(pair("least", secs(Some(least)), Role::Text, 2));
        parts.push(pair("most", secs(Some(most)), Role::Text, 2));
    }
    parts
}
