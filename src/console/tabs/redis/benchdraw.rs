//! The pictures of the benchmark: the form, and a run that goes on or has ended.

use std::collections::VecDeque;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};

use super::bench::{Field, Form, Run, rate};
use super::head::text;
use super::sheet::{frame, scrolled};
use crate::base::Shown;
use crate::base::units::Count;
use crate::console::details::Group;
use crate::console::format;
use crate::console::glyphs::Look;
use crate::console::theme::Role;
use crate::console::widgets::bar::{self, BarView};
use crate::console::widgets::spark::{self, SparkView};
use crate::console::widgets::strip::{self, Part};
use crate::console::widgets::{Extent, paint};
use crate::redis::bench::{Counts, Latency, Outcome, Phase, Verdict, words};

/// Cells of the names of the form's lines, with the space behind.
const NAMES: u16 = 19;

/// Draws the form; gives the cell of the cursor.
pub fn form(
    form: &Form,
    wrong: Option<&str>,
    hint: &str,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let area = area.intersection(buf.area);
    let inner =
        frame("Benchmark".to_owned(), "it loads servers; never in production".to_owned(), hint, look, area, buf);
    let mut cursor = None;
    for (at, field) in Field::ALL.into_iter().enumerate() {
        let Some(row) = u16::try_from(at).ok().and_then(|at| paint::row(inner, at)) else { break };
        let own = field == form.field;
        let sign = if own { look.glyphs.cursor } else { " " };
        let role = if own { Role::Strong } else { Role::Dim };
        paint::text(&format!("{sign} {}", field.title()), role, row.x, row.y, NAMES.min(row.width), look, buf);
        let value =
            Rect { x: row.x.saturating_add(NAMES).min(row.right()), width: row.width.saturating_sub(NAMES), ..row };
        match (form.text(field), form.chosen(field)) {
            (Some(edit), _) if own => {
                let offer = if field == Field::Hosts { "10.0.0.1:7000, 10.0.0.2:7000" } else { "" };
                cursor = paint::line(edit, offer, value, look, buf).map(|x| Position { x, y: value.y });
            }
            (Some(edit), _) => {
                paint::text(edit.text(), Role::Text, value.x, value.y, value.width, look, buf);
            }
            (None, chosen) => {
                let role = if own { Role::Strong } else { Role::Text };
                let words = chosen.unwrap_or_default();
                let words = if own { format!("{words}   (Space: another)") } else { words.to_owned() };
                paint::text(&words, role, value.x, value.y, value.width, look, buf);
            }
        }
    }
    let count = u16::try_from(Field::ALL.len()).unwrap_or(u16::MAX);
    let below = Rect {
        y: inner.y.saturating_add(count + 1).min(inner.bottom()),
        height: inner.height.saturating_sub(count + 1),
        ..inner
    };
    let (words, role) = match wrong {
        Some(wrong) => (wrong, Role::InputError),
        None => (
            "Keys begin with firn-bench: and a name of the run's own; no others are touched, and these are removed at the \
             end. A second of warm-up is not counted.",
            Role::Dim,
        ),
    };
    for (line, row) in format::wrap(&look.text(words), below.width.into()).iter().zip(below.rows()) {
        paint::text(line, role, row.x, row.y, row.width, look, buf);
    }
    cursor
}

/// Where a run stands, in words.
fn phase(run: &Run) -> (String, Role) {
    match (&run.ended, &run.live) {
        (Some(Err(why)), _) => (format!("nothing came of it: {}", Shown::text(why)), Role::Critical),
        (Some(Ok(outcome)), _) => {
            let (word, role) = if outcome.stopped { ("stopped", Role::Warning) } else { ("ended", Role::Ok) };
            match &outcome.invariant {
                None => (word.to_owned(), role),
                Some(verdict) => {
                    let (said, of) = invariant(verdict);
                    (format!("{word}; invariant {said}"), if of == Role::Ok { role } else { of })
                }
            }
        }
        (None, _) if run.stopping => ("stopping: keys are removed".to_owned(), Role::Warning),
        (None, None) => ("starting".to_owned(), Role::Dim),
        (None, Some(live)) => {
            let word = match live.phase {
                Phase::Connecting => "connecting",
                Phase::WarmUp => "warming up: nothing counts yet",
                Phase::Measuring => "measuring",
                Phase::Ending => "ending: keys are removed",
            };
            (word.to_owned(), Role::Accent)
        }
    }
}

/// What the invariant check says, in a word or two.
fn invariant(of: &Verdict) -> (&'static str, Role) {
    match (&of.unknown, of.holds()) {
        (Some(_), _) => ("not known", Role::Unknown),
        (None, true) => ("holds", Role::Ok),
        (None, false) => ("BROKEN", Role::Critical),
    }
}

/// Draws a run; says how many lines of figures there are and how many fit.
pub fn run(run: &Run, top: usize, hint: &str, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Extent {
    let area = area.intersection(buf.area);
    let ask = &run.ask;
    let hosts = if ask.hosts.len() == 1 {
        ask.hosts[0].to_string()
    } else {
        format!("{} hosts", Count(ask.hosts.len() as u64))
    };
    let name = format!("Benchmark {}: {hosts}, {} clients of each", ask.work.name(), Count(ask.clients.into()));
    let inner = frame(name, String::new(), hint, look, area, buf);
    let charts = if inner.height >= 12 { 5 } else { 1 };
    let [head, _, below] =
        Layout::vertical([Constraint::Length(charts), Constraint::Length(u16::from(charts > 1)), Constraint::Fill(1)])
            .areas(inner);
    let rows: Vec<Rect> = head.rows().collect();
    let (words, role) = phase(run);
    if let Some(row) = rows.first() {
        progress(run, &words, role, look, *row, buf);
    }
    if let [_, rates, tops, tails, bottoms] = rows.as_slice() {
        // What came of it all, once that is known.
        let whole = run.ended.as_ref().and_then(|ended| ended.as_ref().ok());
        let now = whole.map_or_else(|| run.rates.back().copied().flatten(), |all| Some(all.per_second));
        series("a second", format::rate(now), &run.rates, format::rate, (*rates, *tops), look, buf);
        let millis =
            |value: Option<f64>| format::millis(value.and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok()));
        let tail = |all: &std::sync::Arc<Outcome>| Some(all.transaction.or(all.trip)?.p99.as_secs_f64() * 1e3);
        let now = whole.map_or_else(|| run.tails.back().copied().flatten(), tail);
        series("p99", millis(now), &run.tails, millis, (*tails, *bottoms), look, buf);
    }
    scrolled(&figures(run), top, look, area, below, buf)
}

fn progress(run: &Run, words: &str, role: Role, look: &Look<'_>, row: Rect, buf: &mut Buffer) {
    let (since, of) = match (&run.ended, &run.live) {
        (Some(Ok(outcome)), _) => (outcome.span, outcome.span),
        (_, Some(live)) => (live.since.min(live.of), live.of),
        _ => (Duration::ZERO, run.ask.span),
    };
    let fraction = (!of.is_zero()).then(|| since.as_secs_f64() / of.as_secs_f64());
    let wide = 20.min(row.width / 3);
    bar::draw(&BarView { fraction, role: Role::Bar }, look, Rect { width: wide, ..row }, buf);
    let x = row.x + wide + 1;
    let room = row.right().saturating_sub(x);
    let said = match &run.ended {
        Some(Err(_)) => words.to_owned(),
        _ => format!("{:.0} s of {:.0} s, {words}", since.as_secs_f64(), of.as_secs_f64()),
    };
    paint::text(&said, role, x, row.y, room, look, buf);
}

/// A series: its name, its newest value and its course; in the row below the least and the most that is shown.
fn series(
    name: &str,
    now: String,
    values: &VecDeque<Option<f64>>,
    write: impl Fn(Option<f64>) -> String,
    (row, under): (Rect, Rect),
    look: &Look<'_>,
    buf: &mut Buffer,
) {
    let names = 22.min(row.width);
    let parts = [Part { items: vec![text(format!("{name} "), Role::Title), text(now, Role::Strong)], drop: 0 }];
    strip::draw(&parts, 1, look, Rect { width: names, ..row }, buf);
    let chart = Rect { x: row.x + names, width: row.width - names, ..row };
    let shown = spark::holds(chart.width, look).min(values.len());
    let kept: Vec<Option<f64>> = values.iter().skip(values.len() - shown).copied().collect();
    spark::draw(&SparkView { values: &kept, top: None, role: Role::Spark }, look, chart, buf);
    let known = || kept.iter().flatten().copied().filter(|value| value.is_finite());
    let words = format!("least {}, most {}", write(known().reduce(f64::min)), write(known().reduce(f64::max)));
    paint::right(&words, Role::Dim, under, look, buf);
}

/// Counts of what came of attempts.
fn counts(title: &str, counts: &Counts, a_second: Option<f64>) -> Group {
    let mut group = Group::new(title);
    group.line("a second", format::rate(a_second));
    group.line("commits", Count(counts.commits).to_string());
    let share = words::share(counts.abort_share());
    group.line("aborts", format!("{} ({share} of what was decided)", Count(counts.aborts)));
    let role = if counts.failed > 0 { Role::Critical } else { Role::Text };
    group.role("errors", Count(counts.failed).to_string(), role);
    if counts.undecided > 0 {
        group.role("nobody knows", format!("{} (EXEC without an answer)", Count(counts.undecided)), Role::Warning);
    }
    for (code, seen) in &counts.errors {
        let words = format!("{} times: {}", Count(seen.count), Shown::text(&seen.text));
        group.role(&format!("  {}", Shown::text(code)), words, Role::Critical);
    }
    for (name, count) in [
        ("redirected", counts.moved + counts.asked),
        ("connected anew", counts.reconnects),
        ("GETs of no key", counts.misses),
    ] {
        if count > 0 {
            group.line(name, Count(count).to_string());
        }
    }
    group
}

fn latency(group: &mut Group, name: &str, latency: Option<&Latency>) {
    let words = format::known(latency, |one| {
        let times = [("mean", one.mean), ("p50", one.p50), ("p99", one.p99), ("p99.9", one.p999), ("max", one.max)];
        times.map(|(name, time)| format!("{name} {}", format::millis(Some(time)))).join("   ")
    });
    group.line(name, words);
}

/// The figures of a run: of its last part and so far while it goes on, then what came of it.
pub fn figures(run: &Run) -> Vec<Group> {
    match (&run.ended, &run.live) {
        (Some(Ok(outcome)), _) => outcome_of(outcome),
        (_, Some(live)) => {
            let mut now = Group::new("now");
            latency(&mut now, "round trip", live.trip.as_ref());
            if live.transaction.is_some() {
                latency(&mut now, "transaction", live.transaction.as_ref());
            }
            // What is counted begins after the warm-up, and ends before what is under way does.
            let warm_up = live.of.saturating_sub(run.ask.span);
            let span = live.since.min(live.of).saturating_sub(warm_up).as_secs_f64();
            let a_second = (span > 0.0).then(|| rate(live.so_far.commits, span));
            vec![now, counts("so far", &live.so_far, a_second)]
        }
        _ => Vec::new(),
    }
}

/// What the invariant check found, as the command line says it too.
fn verdict(of: &Verdict) -> Group {
    let mut group = Group::new("invariant");
    let (said, role) = invariant(of);
    let why = of.unknown.as_ref().map_or_else(String::new, |why| format!(": {}", Shown::text(why)));
    let accounts = format!("{} accounts, {} transfers", Count(of.accounts), Count(of.transfers));
    group.role("it", format!("{said}{why}; {accounts}"), role);
    let found = of.sum_found.map_or_else(|| format::UNKNOWN.to_owned(), |sum| sum.to_string());
    let role = if of.sum_found == Some(of.sum_expected) { Role::Text } else { Role::Critical };
    group.role("sum", format!("{found} of {}", of.sum_expected), role);
    for (name, count) in [
        ("lost updates", of.lost_updates),
        ("foreign updates", of.foreign_updates),
        ("wrong accounts", of.wrong_accounts),
    ] {
        group.role(name, Count(count).to_string(), if count > 0 { Role::Critical } else { Role::Text });
    }
    if of.settled > 0 {
        group.line("settled", format!("{} whose EXEC was not answered and that were carried out", Count(of.settled)));
    }
    for line in words::wrong(of) {
        group.role("", line, Role::Critical);
    }
    group
}

fn outcome_of(outcome: &Outcome) -> Vec<Group> {
    let mut all = counts("in all", &outcome.counts, Some(outcome.per_second));
    if let Some(text) = words::unanswered(&outcome.unanswered) {
        all.line("at the end", text);
    }
    all.line("attempts", Count(outcome.attempts).to_string());
    all.line("attempts a second", format::rate(Some(outcome.attempts_per_second)));
    all.line("round trips a second", format::rate(Some(outcome.trips_per_second)));
    let mut times = Group::new("times");
    latency(&mut times, "round trip", outcome.trip.as_ref());
    for (name, one) in [("transaction", &outcome.transaction), ("  committed", &outcome.committed)] {
        if one.is_some() {
            latency(&mut times, name, one.as_ref());
        }
    }
    for step in &outcome.steps {
        latency(&mut times, &format!("  {}", step.command), Some(&step.trip));
    }
    // What it was asked for comes first.
    let mut groups: Vec<Group> = outcome.invariant.iter().map(verdict).collect();
    groups.extend([all, times]);
    if outcome.hosts.len() > 1 {
        let mut group = Group::new("hosts");
        for host in &outcome.hosts {
            let seconds = outcome.span.as_secs_f64();
            let a_second = (seconds > 0.0).then(|| rate(host.counts.commits, seconds));
            let time = |of: fn(Latency) -> Duration| format::millis(host.attempt.map(of));
            let words = format!(
                "{} a second, aborted {}, failed {}, mean {}, p99 {}, max {}",
                format::rate(a_second),
                Count(host.counts.aborts),
                Count(host.counts.failed),
                time(|attempt| attempt.mean),
                time(|attempt| attempt.p99),
                time(|attempt| attempt.max)
            );
            group.line(&host.host.to_string(), words);
        }
        groups.push(group);
    }
    let mut asked = Group::new("");
    asked.line("asked for", words::about(outcome));
    groups.push(asked);
    let mut keys = Group::new("keys");
    keys.line("removed", Count(outcome.removed).to_string());
    for left in &outcome.left {
        let words = format!("{} may be left: {}", Count(left.keys), Shown::text(&left.why));
        keys.role(&left.host.to_string(), words, Role::Warning);
        keys.line("  command", Shown::text(&left.command).to_string());
    }
    if let Some(busy) = outcome.busiest_thread.filter(|busy| *busy >= 90.0) {
        keys.role("mind", format!("a thread of firn was busy {busy:.0} %: it may be the limit"), Role::Warning);
    }
    groups.push(keys);
    groups
}
