//! How replicas stand, as text for people and JSON for scripts. The Delay tab draws the same snapshot.

pub mod json;

use std::time::Duration;

use super::plugin::{limit, number};
use super::seen::{IoThread, Status};
use super::snapshot::{DelaySnapshot, ReplicaLine};
use super::state::{Moved, Place};
use super::verdict::{Measured, Verdict};
use crate::base::escape::shown_again;
use crate::base::units::{Count, Span};
use crate::base::{Severity, Shown, Time};

/// What is not known.
const NOTHING: &str = "–";
/// The widest name that others are lined up with.
const NAME: usize = 32;

/// How bad it is in all: the worst of all replicas. There are none: UNKNOWN, nothing is watched.
pub fn severity(snapshot: &DelaySnapshot) -> Severity {
    snapshot.replicas.iter().map(ReplicaLine::severity).max().unwrap_or(Severity::Unknown)
}

/// All replicas, a line each, the worst first.
pub fn text(snapshot: &DelaySnapshot) -> Vec<String> {
    let mut rows: Vec<&ReplicaLine> = snapshot.replicas.iter().collect();
    rows.sort_by_key(|line| std::cmp::Reverse(line.severity()));
    let mut lines = vec![total(snapshot)];
    let names: Vec<String> = rows.iter().map(|line| Shown::text(&line.name).to_string()).collect();
    let bounds: Vec<String> = rows.iter().map(|line| bounds(line)).collect();
    let width = |head: &str, cells: &[String]| {
        let widest = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        widest.max(head.len()).min(NAME)
    };
    let (name, band) = (width("replica", &names), width("allowed", &bounds));
    if !rows.is_empty() {
        lines.push(format!(
            "{:name$}  {:8}  {:>9}  {:>band$}  {:>9}  {:>5}  why",
            "replica", "state", "delay", "allowed", "slope", "r"
        ));
    }
    for ((line, shown), bounds) in rows.iter().zip(&names).zip(&bounds) {
        let verdict = line.verdict.as_ref();
        let fit = verdict.and_then(|verdict| verdict.fit);
        let delay = verdict.and_then(|verdict| verdict.delay).map(|(delay, _)| number(delay, &edges(line)));
        let slope = fit.map(|fit| signed(fit.slope));
        let r = fit.and_then(|fit| fit.correlation).map(|r| format!("{r:.2}"));
        lines.push(format!(
            "{shown:name$}  {:8}  {:>9}  {bounds:>band$}  {:>9}  {:>5}  {}",
            line.severity(),
            delay.as_deref().unwrap_or(NOTHING),
            slope.as_deref().unwrap_or(NOTHING),
            r.as_deref().unwrap_or(NOTHING),
            why(line, snapshot.now)
        ));
    }
    lines
}

/// `CRITICAL  2026-11-22T12:04:05Z  3 replicas: 1 CRITICAL, 2 OK`.
fn total(snapshot: &DelaySnapshot) -> String {
    let count = |severity| snapshot.replicas.iter().filter(|line| line.severity() == severity).count() as u64;
    let all = [Severity::Critical, Severity::Warning, Severity::Unknown, Severity::Ok];
    let counts: Vec<String> = all
        .into_iter()
        .map(|severity| (severity, count(severity)))
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{} {severity}", Count(count)))
        .collect();
    let all = snapshot.replicas.len() as u64;
    let replicas = if all == 1 { "replica" } else { "replicas" };
    let counts = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
    format!("{}  {}  {} {replicas}{counts}", severity(snapshot), snapshot.now, Count(all))
}

/// Why it is so, in one line.
fn why(line: &ReplicaLine, now: Time) -> String {
    let mut parts = Vec::new();
    if let Some(frozen) = &line.frozen {
        parts.push(format!("EMERGENCY: {}", one_line(&frozen.words)));
    }
    parts.push(line.verdict.as_ref().map_or_else(|| "nobody has judged it yet".to_owned(), |v| one_line(&v.text)));
    if let Some(hint) = line.verdict.as_ref().and_then(|verdict| verdict.hint.as_deref()) {
        parts.push(one_line(hint));
    }
    if let Some((who, at)) = line.judged.as_ref().filter(|(_, at)| now.since(*at) > line.limits.interval * 2) {
        parts.push(format!("{} wrote {} ago", Shown::text(who), Span(now.since(*at))));
    }
    parts.join("; ")
}

/// A text that is safe to show stays on its line.
fn one_line(text: &str) -> String {
    shown_again(text)
}

/// What is allowed: `5400–9000`.
fn bounds(line: &ReplicaLine) -> String {
    format!("{}–{}", limit(line.limits.min_delay_time), limit(line.limits.max_delay_time))
}

fn edges(line: &ReplicaLine) -> [f64; 2] {
    [line.limits.min_delay_time.as_secs_f64(), line.limits.max_delay_time.as_secs_f64()]
}

/// A slope: `+0.98`, never `-0.00`.
fn signed(slope: f64) -> String {
    let text = format!("{slope:+.2}");
    if text == "-0.00" { "+0.00".to_owned() } else { text }
}

/// So many seconds, or that it is not known.
fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| format!("{} s", number(value, &[])))
}

/// One replica with all there is about it.
pub fn details(line: &ReplicaLine, now: Time) -> Vec<String> {
    let mut lines = vec![format!("{}  {}  {}", line.severity(), Shown::text(&line.name), why(line, now))];
    let mut say = |name: &str, what: String| lines.push(format!("  {name:<10} {what}"));
    if let Some(group) = &line.group {
        say("group", Shown::text(group).to_string());
    }
    if let Some(verdict) = &line.verdict {
        for found in &verdict.matches {
            say(&format!("rule {}", found.rule.0), format!("{}: {}", found.severity, one_line(&found.text)));
        }
        say("delay", standing(line, verdict));
        for text in excused(verdict) {
            say("degraded", text);
        }
        if let Some(since) = verdict.out_since {
            say("out since", format!("{since} ({})", Span(verdict.at.since(since))));
        }
    }
    if let Some((at, seen)) = &line.state.seen {
        say("seen", format!("{at} ({} ago)", Span(now.since(*at))));
        if let Some(status) = &seen.status {
            say("threads", threads(status));
            for (name, number, text) in
                [("IO error", status.io_errno, &status.io_error), ("SQL error", status.sql_errno, &status.sql_error)]
            {
                if let Some(number) = number.filter(|number| *number != 0) {
                    let text = text.as_deref().map_or_else(String::new, |text| format!(": {}", Shown::text(text)));
                    say(name, format!("{number}{text}"));
                }
            }
        }
        for note in &seen.notes {
            say("note", one_line(note));
        }
    }
    if let Some((at, why)) = &line.state.blind {
        say("blind", format!("{at}: {}", one_line(why)));
    }
    for (name, place) in [("received", &line.state.received), ("executed", &line.state.executed)] {
        if let Some(moved) = place {
            say(name, place_since(moved, now));
        }
    }
    for (name, beat) in [("local hb", line.state.local), ("primary hb", line.state.primary)] {
        if let Some((age, at)) = beat {
            say(name, format!("{} old at {at}", seconds(Some(age))));
        }
    }
    for job in &line.jobs {
        let end =
            job.end.map_or_else(|| format!("runs for {}", Span(now.since(job.start))), |end| format!("ended {end}"));
        say("job", format!("{} since {}, {end}", Shown::text(&job.class), job.start));
    }
    for measured in line.verdict.iter().flat_map(|verdict| &verdict.measured) {
        say("limit", measure(measured));
    }
    for turn in line.state.turns.iter().rev() {
        say("since", format!("{} {} (rule {}): {}", turn.since, turn.severity, turn.rule.0, one_line(&turn.text)));
    }
    if let Some((who, at)) = &line.judged {
        say("judged by", format!("{} at {at}", Shown::text(who)));
    }
    lines
}

/// The delay, its trend, and where it leads.
fn standing(line: &ReplicaLine, verdict: &Verdict) -> String {
    let mut parts = vec![match verdict.delay {
        Some((delay, at)) => format!("{} s at {at}", number(delay, &edges(line))),
        None => "not known".to_owned(),
    }];
    parts.push(format!("allowed {} s", bounds(line)));
    if let Some(fit) = verdict.fit {
        parts.push(format!("intercept {} s", number(fit.intercept, &edges(line))));
        parts.push(format!("slope {} s/s", signed(fit.slope)));
        parts.push(format!("r {}", fit.correlation.map_or_else(|| NOTHING.to_owned(), |r| format!("{r:.2}"))));
        parts.push(format!("replays at {:.2}×", fit.replay_speed()));
        parts.push(format!("{} samples", fit.count));
    }
    let span = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
    if let Some(back) = verdict.back_in.and_then(span) {
        parts.push(format!("back in bounds in about {}", Span(back)));
    }
    if let Some(out) = verdict.out_in.and_then(span) {
        parts.push(format!("out of bounds in about {}", Span(out)));
    }
    parts.join(", ")
}

/// Degraded seconds by cause, each beside its limit.
fn excused(verdict: &Verdict) -> Vec<String> {
    let causes =
        [("job", verdict.degraded.job), ("recovery", verdict.degraded.recovery), ("trend", verdict.degraded.trend)];
    let of = |(cause, of): (&str, Option<(f64, f64)>)| {
        of.map(|(so_long, most)| format!("by {cause} for {} s of {} s", number(so_long, &[most]), number(most, &[])))
    };
    causes.into_iter().filter_map(of).collect()
}

fn threads(status: &Status) -> String {
    let io = match status.io {
        Some(IoThread::Yes) => "Yes",
        Some(IoThread::No) => "No",
        Some(IoThread::Connecting) => "Connecting",
        None => NOTHING,
    };
    let sql = match status.sql {
        Some(true) => "Yes",
        Some(false) => "No",
        None => NOTHING,
    };
    let said = |state: &Option<String>| {
        let state = state.as_deref().filter(|state| !state.is_empty());
        state.map_or_else(String::new, |state| format!(" ({})", Shown::text(state)))
    };
    let delay = status.sql_delay.map_or_else(|| NOTHING.to_owned(), |delay| format!("{delay} s"));
    format!("IO {io}{}, SQL {sql}{}, SQL_Delay {delay}", said(&status.io_state), said(&status.sql_state))
}

/// A place in a log, and for how long it has been there.
fn place_since(moved: &Moved<Place>, now: Time) -> String {
    let position = moved.value.position.as_ref().map(|at| format!("{}:{}", Shown::text(&at.file), at.at));
    let gtid = moved.value.gtid.as_deref().map(|gtid| format!("GTID {}", Shown::text(gtid)));
    let at = position.or(gtid).unwrap_or_else(|| NOTHING.to_owned());
    format!("{at}, unchanged for {}", Span(now.since(moved.since)))
}

fn measure(measured: &Measured) -> String {
    let edges: Vec<f64> = measured.least.into_iter().chain(measured.most).collect();
    let value = measured.value.map_or_else(|| NOTHING.to_owned(), |value| format!("{} s", number(value, &edges)));
    let bounds = match (measured.least, measured.most) {
        (Some(least), Some(most)) => format!("{}–{} s", number(least, &[]), number(most, &[])),
        (Some(least), None) => format!("at least {} s", number(least, &[])),
        (None, Some(most)) => format!("at most {} s", number(most, &[])),
        (None, None) => NOTHING.to_owned(),
    };
    let used = match (measured.from_bound(), measured.used.filter(|used| used.is_finite())) {
        (Some((far, beyond)), _) => format!(" ({} s {})", number(far, &[]), if beyond { "beyond" } else { "to go" }),
        (None, Some(used)) => format!(" ({:.0} %)", used * 100.0),
        (None, None) => String::new(),
    };
    format!("{}: {value}, {bounds}{used}", measured.name)
}
