//! The list of the tab: what each column shows of a replica, and what it sorts by. Pure.

use std::time::Duration;

use super::state::number;
use super::summary::Summary;
use crate::base::escape::shown_again;
use crate::base::units::Count;
use crate::base::{Severity, Shown, Time};
use crate::console::format::{self, Cut};
use crate::console::glyphs::Look;
use crate::console::list::SortKey;
use crate::console::theme::Role;
use crate::console::widgets::band::BandView;
use crate::console::widgets::table::{Cell, Column, Row};
use crate::delay::freeze::told::FROZEN;
use crate::delay::limits::Limits;
use crate::delay::snapshot::ReplicaLine;
use crate::delay::verdict::{Fit, RuleId, Verdict};

/// The column of names.
pub const NAME: usize = 0;
/// The column of states.
pub const STATE: usize = 1;
/// The column of delays.
pub const DELAY: usize = 2;
/// The column of slopes.
pub const SLOPE: usize = 4;

/// Titles of the columns. The last two are there where they say something.
pub const TITLES: [&str; 11] =
    ["replica", "state", "delay now", "band", "slope", "r", "last 6 h", "why", "judged", "allowed", "group"];

/// From this width on the reason gets more room.
const ROOMY: u16 = 110;

/// The rule by which it is a verdict that nobody judges.
const NOBODY_JUDGES: RuleId = RuleId(2);

/// A judgement older than so many intervals is stale.
pub const STALE_AFTER: u32 = 2;

/// Seconds as they are written: `16,408 s`, `0.4 s`; nothing is a dash.
pub fn secs(value: Option<f64>) -> String {
    format::known(value.filter(|value| value.is_finite()), |value| {
        let sign = if value < 0.0 { "−" } else { "" };
        let size = value.abs();
        if size < 99.95 { format!("{sign}{size:.1} s") } else { format!("{sign}{} s", Count(whole(size))) }
    })
}

/// The same in whole seconds and without their unit, for scales and bounds.
pub fn plain(value: f64) -> String {
    let sign = if value <= -0.5 { "−" } else { "" };
    format!("{sign}{}", Count(whole(value.abs())))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from zero up; saturates
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// A span of seconds in words: `4 h 33 min`.
pub fn span(seconds: f64) -> String {
    format::span(Duration::try_from_secs_f64(seconds.max(0.0)).ok())
}

/// How fast a replica replays what happened: `1.00×`; never less than not at all.
pub fn speed(fit: &Fit) -> String {
    let speed = fit.replay_speed();
    format!("{:.2}×", if speed < 0.005 { 0.0 } else { speed })
}

/// A slope: `+0.98 s/s`.
pub fn slope(value: Option<f64>) -> String {
    format::known(value.filter(|value| value.is_finite()), |value| {
        let hundredths = (value * 100.0).round() / 100.0;
        // There is no −0.00.
        let hundredths = if hundredths == 0.0 { 0.0 } else { hundredths };
        format!("{hundredths:+.2} s/s").replace('-', "−")
    })
}

/// A correlation: `0.99`.
pub fn correlation(value: Option<f64>) -> String {
    format::known(value.filter(|value| value.is_finite()), |value| format!("{value:.2}").replace('-', "−"))
}

/// Bounds: `5,400–9,000`.
pub fn bounds(limits: &Limits) -> String {
    format!("{}–{}", plain(limits.min_delay_time.as_secs_f64()), plain(limits.max_delay_time.as_secs_f64()))
}

/// The bounds, where all replicas have the same.
pub fn shared(lines: &[ReplicaLine]) -> Option<&Limits> {
    let both = |line: &ReplicaLine| (line.limits.min_delay_time, line.limits.max_delay_time);
    let first = lines.first()?;
    lines.iter().all(|line| both(line) == both(first)).then_some(&first.limits)
}

/// How old the judgement is, where it is older than it should be.
pub fn old(line: &ReplicaLine, now: Time) -> Option<Duration> {
    let (_, at) = line.judged.as_ref()?;
    let age = now.since(*at);
    (age > line.limits.interval * STALE_AFTER).then_some(age)
}

/// The same, where what is shown says nothing of it: after a while that nobody judges is itself the verdict.
pub fn stale(line: &ReplicaLine, now: Time) -> Option<Duration> {
    let told = line.verdict.as_ref().is_some_and(|verdict| verdict.rule == NOBODY_JUDGES);
    old(line, now).filter(|_| !told)
}

/// The newest sample's delay; whether it is within bounds.
fn delay(line: &ReplicaLine) -> (Option<f64>, bool) {
    let value = line.verdict.as_ref().and_then(|verdict| verdict.delay).map(|(value, _)| value);
    let (least, most) = (line.limits.min_delay_time.as_secs_f64(), line.limits.max_delay_time.as_secs_f64());
    (value, value.is_some_and(|value| (least..=most).contains(&value)))
}

fn fit_slope(line: &ReplicaLine) -> Option<f64> {
    Some(line.verdict.as_ref()?.fit?.slope)
}

/// The verdict's words, those that matter first: what every sentence begins with is left away.
pub fn short(verdict: &Verdict) -> &str {
    const BEGINNINGS: [&str; 3] =
        ["Replication delay intercept is ", "Replication delay intercept ", "Replication delay "];
    let text = verdict.text.as_str();
    BEGINNINGS.iter().find_map(|beginning| text.strip_prefix(beginning)).unwrap_or(text)
}

/// The same in few words, where there is no room for sentences: that it is out of bounds is seen beside it.
fn brief(text: &str) -> std::borrow::Cow<'_, str> {
    const OUT: &str = "out of bounds, ";
    const NOT: &str = "and slope does not indicate recovery";
    let Some(rest) = text.strip_prefix(OUT) else { return text.into() };
    match rest.strip_prefix(NOT) {
        Some(figures) => format!("not recovering{figures}").into(),
        None => rest.strip_prefix("currently ").unwrap_or(rest).into(),
    }
}

/// Why a replica is in its state, and how that is drawn.
pub fn why(line: &ReplicaLine, now: Time) -> (String, Role) {
    reason(line, now, false)
}

fn reason(line: &ReplicaLine, now: Time, in_brief: bool) -> (String, Role) {
    let said = match &line.verdict {
        None => "nobody has judged it yet".to_owned(),
        Some(verdict) if in_brief => Shown::text(&brief(short(verdict))).to_string(),
        Some(verdict) => Shown::text(short(verdict)).to_string(),
    };
    if let Some(frozen) = &line.frozen {
        // Said in the first word, it is not said twice.
        let words = frozen.words.strip_prefix(FROZEN).filter(|_| frozen.proven).unwrap_or(&frozen.words);
        let word = if frozen.proven { "FROZEN" } else { "FREEZE" };
        return (format!("{word}: {}", shown_again(words)), Role::Strong);
    }
    if let Some(age) = stale(line, now) {
        return (format!("judged {} ago: {said}", format::span(Some(age))), Role::Stale);
    }
    let role = match line.severity() {
        Severity::Ok => Role::Dim,
        Severity::Unknown if line.verdict.is_none() => Role::Unknown,
        _ => Role::Text,
    };
    (said, role)
}

/// Who judged it, and how long ago.
fn judged(line: &ReplicaLine, now: Time) -> String {
    format::known(line.judged.as_ref(), |(host, at)| {
        format!("{} {}", format::short_span(Some(now.since(*at))), Shown::text(host))
    })
}

/// What a column sorts by.
pub fn key(line: &ReplicaLine, column: usize) -> SortKey {
    match column {
        NAME => SortKey::Text(line.name.clone()),
        STATE => SortKey::Number(match line.severity() {
            Severity::Ok => 0.0,
            Severity::Unknown => 1.0,
            Severity::Warning => 2.0,
            Severity::Critical => 3.0,
        }),
        DELAY => number(delay(line).0),
        SLOPE => number(fit_slope(line)),
        _ => SortKey::None,
    }
}

/// All that a row says, for the filter.
pub fn text(line: &ReplicaLine, now: Time) -> String {
    let group = line.group.as_deref().unwrap_or_default();
    let jobs: Vec<&str> = line.jobs.iter().map(|job| job.class.as_str()).collect();
    let words = [line.name.as_str(), group, line.severity().word(), &why(line, now).0, &judged(line, now)];
    format!("{} {}", words.join(" "), jobs.join(" "))
}

/// The columns that there are.
pub struct Heads {
    /// They, in the order of a row's cells.
    pub columns: Vec<Column<'static>>,
    /// The bounds differ: each row says its own.
    allowed: bool,
    /// Some replicas are in a group.
    group: bool,
    /// Reasons are told in few words.
    brief: bool,
}

/// Which columns there are, and how wide.
pub fn heads(sum: &Summary, width: u16) -> Heads {
    let band = sum.bounds.as_ref().map_or_else(|| TITLES[3].to_owned(), |bounds| format!("{} {bounds}", TITLES[3]));
    let name = u16::try_from(sum.longest.clamp(7, 24)).unwrap_or(24);
    let words = |at: usize, min: u16, weight: u16| Column::words(TITLES[at], min, weight);
    let mut columns = vec![
        words(0, name.min(12), u16::from(name > 12)).cut(Cut::Middle),
        words(1, 10, 0),
        Column::numbers(TITLES[2], 9),
        Column::words(band, 17, 1).drop(3),
        Column::numbers(TITLES[4], 10).drop(4),
        Column::numbers(TITLES[5], 5).drop(6),
        words(6, 12, 1).drop(5),
        // Where there is room, the reason is worth more of it than what it was computed from.
        words(7, if width >= ROOMY { 36 } else { 20 }, 4),
        words(8, 14, 0).drop(7),
    ];
    let (allowed, group) = (sum.bounds.is_none(), sum.grouped);
    if allowed {
        columns.push(words(9, 12, 0).drop(6));
    }
    if group {
        columns.push(words(10, 8, 0).drop(8));
    }
    Heads { columns, allowed, group, brief: width < ROOMY }
}

/// Its state. What was judged too long ago is in doubt, and looks like that.
fn state<'a>(line: &ReplicaLine, now: Time, look: &Look<'_>) -> Cell<'a> {
    let severity = line.severity();
    let (sign, role) = match stale(line, now) {
        None => (severity, Role::of(severity)),
        Some(_) => (Severity::Unknown, Role::Stale),
    };
    Cell::new(format!("{} {}", look.glyphs.severity(sign), severity.word()), role)
}

/// A replica's row.
pub fn row<'a>(line: &'a ReplicaLine, heads: &Heads, now: Time, look: &Look<'_>) -> Row<'a> {
    let severity = line.severity();
    let old = old(line, now).is_some();
    let role = Role::of(severity);
    let (value, inside) = delay(line);
    let (least, most) = (line.limits.min_delay_time.as_secs_f64(), line.limits.max_delay_time.as_secs_f64());
    let figures = match (value, old) {
        (None, _) => Role::Dim,
        (Some(_), true) => Role::Stale,
        (Some(_), false) if inside => Role::Text,
        (Some(_), false) => role,
    };
    let (why, why_role) = reason(line, now, heads.brief);
    // Twice the middle of the band: what is on target stands at half the height.
    let largest = line.spark.iter().flatten().copied().fold(least + most, f64::max);
    let quiet = if old { Role::Stale } else { Role::Text };
    let fit = line.verdict.as_ref().and_then(|verdict| verdict.fit);
    let mut cells = vec![
        Cell::new(Shown::text(&line.name).to_string(), Role::Text),
        state(line, now, look),
        Cell::new(secs(value), figures),
        Cell::Band(BandView { least, most, value, severity }),
        Cell::new(slope(fit.map(|fit| fit.slope)), quiet),
        Cell::new(correlation(fit.and_then(|fit| fit.correlation)), quiet),
        Cell::Whole { values: &line.spark, top: largest },
        Cell::new(why, why_role),
        Cell::new(judged(line, now), if old { Role::Stale } else { Role::Dim }),
    ];
    if heads.allowed {
        cells.push(Cell::new(bounds(&line.limits), Role::Dim));
    }
    if heads.group {
        let group = line.group.as_ref().map_or_else(String::new, |group| Shown::text(group).to_string());
        cells.push(Cell::new(group, Role::Dim));
    }
    Row { cells, marked: false }
}
