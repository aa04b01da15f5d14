//! All about a replica, as lines: what the verdict rests on, the limits with what is measured against them, jobs, threads,
//! heartbeats, positions, and how the verdict has changed. Pure.

use std::time::Duration;

use super::rows::{self, plain, secs, slope, span};
use crate::base::{Severity, Shown, Time};
use crate::console::details::{Details, Group, moment};
use crate::console::format;
use crate::console::theme::Role;
use crate::delay::job::Job;
use crate::delay::judge::RULES;
use crate::delay::limits::{DelayBy, Limits};
use crate::delay::seen::{Heartbeat, IoThread, Position, Seen, Status};
use crate::delay::snapshot::ReplicaLine;
use crate::delay::state::{Moved, Place, Turn};
use crate::delay::verdict::{Measured, Verdict};

/// Limits of what there always is.
const ALWAYS: [&str; 5] = ["min-delay-time", "max-delay-time", "max-master-behind", "max-last-seen", "tool-interval"];

/// From here on a limit is near.
const NEAR: f64 = 0.8;

fn shown(text: &str) -> String {
    Shown::text(text).to_string()
}

/// A limit and what is measured against it, and how near that is.
pub fn measured(one: &Measured) -> (String, Role) {
    let limit = match (one.least, one.most) {
        (Some(least), Some(most)) => format!("within {}–{} s", plain(least), plain(most)),
        (Some(least), None) => format!("at least {} s", plain(least)),
        (None, Some(most)) => format!("of {} s", plain(most)),
        (None, None) => String::new(),
    };
    // A job's time, a recovery's, a trend's: where there is none, there is nothing to be known.
    let absent = if ALWAYS.iter().any(|name| one.name.starts_with(name)) { "not known," } else { "–" };
    let value = one.value.map_or_else(|| absent.to_owned(), |value| secs(Some(value)));
    let role = match one.used {
        Some(used) if used >= 1.0 => Role::Critical,
        Some(used) if used >= NEAR => Role::Warning,
        Some(_) => Role::Text,
        None => Role::Dim,
    };
    let share = match (one.from_bound(), one.used) {
        (Some((far, beyond)), _) => format!("  {} {}", secs(Some(far)), if beyond { "beyond" } else { "to go" }),
        (None, Some(used)) => format!("  {}", format::percent(Some(used))),
        (None, None) => String::new(),
    };
    (format!("{value} {limit}{share}"), role)
}

fn limits(line: &ReplicaLine) -> Group {
    let mut group = Group::new("limits, the nearest first");
    match &line.verdict {
        Some(verdict) if !verdict.measured.is_empty() => {
            for one in &verdict.measured {
                let (text, role) = measured(one);
                group.role(&shown(&one.name), text, role);
            }
        }
        _ => configured(&line.limits, &mut group),
    }
    let of = &line.limits;
    let trend = format!("over {}, a sample every {}", format::span(Some(of.window)), format::span(Some(of.interval)));
    group.line("trend", trend);
    group
}

/// The limits alone, where nothing has been measured.
fn configured(of: &Limits, group: &mut Group) {
    group.role("allowed", format!("{} s, nothing measured yet", rows::bounds(of)), Role::Dim);
    let rest = [
        ("max-seconds-behind", of.max_seconds_behind),
        ("max-relay-behind", of.max_relay_behind),
        ("max-master-behind", of.max_master_behind),
        ("max-last-seen", of.max_last_seen),
        ("max-recovery-time", of.max_recovery_time),
        ("max-trend-time", of.max_trend_time),
    ];
    for (name, limit) in rest {
        group.role(name, format!("{} s", plain(limit.as_secs_f64())), Role::Dim);
    }
    for class in &of.jobs {
        group.role(&format!("{} at most", shown(&class.name)), format::span(Some(class.longest)), Role::Dim);
    }
}

fn why(line: &ReplicaLine, now: Time) -> Group {
    let mut group = Group::new("");
    let (text, role) = rows::why(line, now);
    let severity = line.severity();
    group.role(severity.word(), text, if severity == Severity::Ok { role } else { Role::of(severity) });
    let Some(verdict) = &line.verdict else { return group };
    if line.frozen.is_some() {
        group.line("verdict", shown(rows::short(verdict)));
    }
    group.some("likely cause", verdict.hint.as_ref().map(|hint| shown(hint)));
    for other in verdict.matches.iter().filter(|other| other.rule != verdict.rule) {
        let text = format!("rule {}, {}: {}", other.rule.0, other.severity.word(), shown(&other.text));
        group.role("also", text, Role::of(other.severity));
    }
    let count = verdict.matches.len();
    let first = if count > 1 { format!(", the first of {count} that match") } else { String::new() };
    group.line(
        "decided by",
        format!(
            "rule {}, {}{first}",
            verdict.rule.0,
            RULES.iter().find(|rule| rule.id == verdict.rule).map_or("none", |rule| rule.name)
        ),
    );
    group
}

fn trend(verdict: &Verdict, now: Time) -> Group {
    let mut group = Group::new("delay");
    let sample = verdict.delay;
    group.line(
        "newest sample",
        format::known(sample, |(value, at)| {
            format!("{}, {} ago", secs(Some(value)), format::span(Some(now.since(at))))
        }),
    );
    match verdict.fit {
        None => group.role("trend", "too few samples", Role::Dim),
        Some(fit) => {
            group.line("fitted, now", secs(Some(fit.intercept)));
            group.line("slope", format!("{}, replays at {}", slope(Some(fit.slope)), rows::speed(&fit)));
            let samples = format!("{} over {} samples", rows::correlation(fit.correlation), fit.count);
            group.line("correlation", samples);
        }
    }
    let at = |seconds: f64| {
        let ahead = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
        format!("in {}, at {}", span(seconds), format::utc_day(Some(now.plus(ahead))))
    };
    group.some("back in bounds", verdict.back_in.map(at));
    if let Some(seconds) = verdict.out_in {
        group.role("leaves its bounds", at(seconds), Role::Warning);
    }
    group.some("out of bounds since", verdict.out_since.map(|at| moment(Some(at), now)));
    group
}

/// A job in words, and how that is drawn.
fn job(job: &Job, limits: &Limits, now: Time) -> (String, Role) {
    let longest = limits.class(&job.class).map(|class| class.longest);
    match job.end {
        None => {
            let ran = now.since(job.start);
            let of = longest.map_or_else(
                || ", and its class has no limit".to_owned(),
                |longest| format!(" of at most {}", format::span(Some(longest))),
            );
            let role = if longest.is_some_and(|longest| ran > longest) { Role::Critical } else { Role::Warning };
            (format!("runs for {}{of}, since {}", format::span(Some(ran)), format::utc_day(Some(job.start))), role)
        }
        Some(end) => {
            let ran = format::span(Some(end.since(job.start)));
            let over = end.plus(limits.max_recovery_time);
            let window = if over > now {
                format!("; its recovery window is open until {}", format::utc_day(Some(over)))
            } else {
                String::new()
            };
            (format!("ended {} ago after {ran}{window}", format::age(now, Some(end))), Role::Text)
        }
    }
}

fn jobs(line: &ReplicaLine, now: Time) -> Group {
    let mut group = Group::new("jobs");
    if line.jobs.is_empty() {
        group.role("none", "no job runs, and none ended within its recovery window", Role::Dim);
    }
    for one in &line.jobs {
        let (text, role) = job(one, &line.limits, now);
        group.role(&shown(&one.class), text, role);
    }
    group
}

fn degraded(verdict: &Verdict) -> Group {
    let mut group = Group::new("degraded for");
    let causes =
        [("a job", verdict.degraded.job), ("recovery", verdict.degraded.recovery), ("a trend", verdict.degraded.trend)];
    for (name, cause) in causes {
        match cause {
            None => group.role(name, "not degraded", Role::Dim),
            Some((seconds, limit)) => {
                let role = if seconds > limit { Role::Critical } else { Role::Warning };
                group.role(name, format!("{} of {} s", secs(Some(seconds)), plain(limit)), role);
            }
        }
    }
    group
}

fn io(status: &Status) -> (String, Role) {
    let (word, role) = match status.io {
        None => (format::UNKNOWN, Role::Unknown),
        Some(IoThread::Yes) => ("Yes", Role::Ok),
        Some(IoThread::No) => ("No", Role::Critical),
        Some(IoThread::Connecting) => ("Connecting", Role::Warning),
    };
    (thread(word, status.io_state.as_deref(), status.io_errno, status.io_error.as_deref()), role)
}

fn sql(status: &Status, by: DelayBy) -> (String, Role) {
    let (word, role) = match (status.sql, by) {
        (None, _) => (format::UNKNOWN, Role::Unknown),
        (Some(true), _) => ("Yes", Role::Ok),
        // A tool that holds transactions back stops and starts it.
        (Some(false), DelayBy::External) if status.sql_errno.unwrap_or(0) == 0 => ("No", Role::Text),
        (Some(false), _) => ("No", Role::Critical),
    };
    (thread(word, status.sql_state.as_deref(), status.sql_errno, status.sql_error.as_deref()), role)
}

fn thread(word: &str, state: Option<&str>, errno: Option<u32>, error: Option<&str>) -> String {
    let state = state.filter(|state| !state.is_empty()).map_or_else(String::new, |state| format!(", {}", shown(state)));
    let error = match (errno, error) {
        (Some(0) | None, _) => String::new(),
        (Some(errno), text) => format!("; error {errno}: {}", shown(text.unwrap_or("without words"))),
    };
    format!("{word}{state}{error}")
}

fn threads(seen: &Seen, limits: &Limits) -> Group {
    let mut group = Group::new("threads");
    let Some(status) = &seen.status else {
        group.role("replication", "the server is no replica", Role::Critical);
        return group;
    };
    let (text, role) = io(status);
    group.role("IO thread", text, role);
    let (text, role) = sql(status, limits.delay_by);
    group.role("SQL thread", text, role);
    group.line(
        "held back by",
        match limits.delay_by {
            DelayBy::Native => "the server".to_owned(),
            DelayBy::External => {
                format!("a tool that looks every {}", format::span(Some(limits.tool_interval)))
            }
        },
    );
    let known = |seconds: Option<u64>| format::known(seconds, |seconds| format!("{} s", format::count(Some(seconds))));
    let waits = status.sql_remaining.map_or_else(String::new, |left| format!(", the next event waits {left} s"));
    group.line("configured delay", format!("{}{waits}", known(status.sql_delay)));
    group.line("Seconds_Behind", format!("{}, never judged", known(status.seconds_behind)));
    group.some("UNTIL", status.until.as_ref().map(|until| shown(until)));
    group.some("relay logs", status.relay_space.map(|bytes| format::size(Some(bytes))));
    group
}

fn beat(beat: Option<&Heartbeat>, none: &str) -> (String, Role) {
    match beat {
        None => (none.to_owned(), Role::Dim),
        Some(Heartbeat::Age(age)) if *age < -1.0 => {
            (format!("{}: from the future, check the clocks and UTC", secs(Some(*age))), Role::Critical)
        }
        Some(Heartbeat::Age(age)) => (format!("{} old", secs(Some(*age))), Role::Text),
        Some(Heartbeat::NoRow(what)) => (format!("no row: {}", shown(what)), Role::Critical),
        Some(Heartbeat::Unread(why)) => (format!("could not be read: {}", shown(why)), Role::Warning),
    }
}

fn heartbeats(seen: &Seen) -> Group {
    let mut group = Group::new("heartbeats");
    let beats = [
        ("delayed", &seen.delay, "none"),
        ("local", &seen.local, "none is expected"),
        ("primary's own", &seen.primary, "none is expected"),
    ];
    for (name, heartbeat, none) in beats {
        let (text, role) = beat(heartbeat.as_ref(), none);
        group.role(name, text, role);
    }
    group
}

fn position(position: &Position) -> String {
    format!("{}:{}", shown(&position.file), position.at)
}

fn place(moved: Option<&Moved<Place>>, now: Time) -> String {
    let Some(moved) = moved else { return format::UNKNOWN.to_owned() };
    let at = moved.value.position.as_ref().map(position);
    let gtid = moved.value.gtid.as_ref().map(|gtid| shown(gtid));
    let what = match (at, gtid) {
        (Some(at), Some(gtid)) => format!("{at}, {gtid}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => format::UNKNOWN.to_owned(),
    };
    format!("{what}; there for {}", format::age(now, Some(moved.since)))
}

fn positions(line: &ReplicaLine, now: Time) -> Group {
    let mut group = Group::new("positions");
    group.line("received", place(line.state.received.as_ref(), now));
    group.line("executed", place(line.state.executed.as_ref(), now));
    let status = line.state.seen.as_ref().and_then(|(_, seen)| seen.status.as_ref());
    group.some("in the relay log", status.and_then(|status| status.relay.as_ref()).map(position));
    group
}

fn server(line: &ReplicaLine, seen: &Seen) -> Group {
    let mut group = Group::new("server");
    let status = seen.status.as_ref();
    let number = |id: Option<u64>| format::known(id, |id| id.to_string());
    group.some("version", seen.version.as_ref().map(|version| shown(version)));
    group.line("server_id", number(seen.server_id));
    let source = status.and_then(|status| status.source_host.as_ref()).map(|host| {
        let port = status.and_then(|status| status.source_port).map_or_else(String::new, |port| format!(":{port}"));
        format!("{}{port}, server_id {}", shown(host), number(status.and_then(|status| status.source_id)))
    });
    group.line("source", format::known(source, |source| source));
    group.some("channel", status.map(|status| shown(&status.channel)).filter(|channel| !channel.is_empty()));
    group.line("read_only", format::known(seen.read_only, |on| if on { "ON" } else { "OFF" }.to_owned()));
    group.some("up for", seen.uptime.map(|up| format::span(Some(Duration::from_secs(up)))));
    group.some("group", line.group.as_ref().map(|group| shown(group)));
    for note in &seen.notes {
        group.role("note", shown(note), Role::Warning);
    }
    group
}

fn judge(line: &ReplicaLine, now: Time) -> Group {
    let mut group = Group::new("judged");
    match &line.judged {
        None => group.role("by", "nobody", Role::Unknown),
        Some((host, at)) => {
            let old = rows::old(line, now).is_some();
            let role = if old { Role::Warning } else { Role::Text };
            group.role("by", format!("{}, {} ago", shown(host), format::age(now, Some(*at))), role);
        }
    }
    group.line("last seen", moment(line.state.seen.as_ref().map(|(at, _)| *at), now));
    if let Some((at, why)) = &line.state.blind {
        group.role("newest look failed", format!("{} ago: {}", format::age(now, Some(*at)), shown(why)), Role::Warning);
    }
    let why = line.state.began_why.as_ref().map_or_else(String::new, |why| format!(": {}", shown(why)));
    group.line("its window began", format!("{}{why}", moment(line.state.began, now)));
    group
}

fn turn(turn: &Turn) -> (String, String, Role) {
    let text = format!("{}, rule {}: {}", turn.severity.word(), turn.rule.0, shown(&turn.text));
    (format::utc_day(Some(turn.since)), text, Role::of(turn.severity))
}

fn history(turns: &[Turn]) -> Group {
    let mut group = Group::new("history, the newest first");
    if turns.is_empty() {
        group.role("none", "its verdict has never changed", Role::Dim);
    }
    for one in turns.iter().rev() {
        let (when, text, role) = turn(one);
        group.role(&when, text, role);
    }
    group
}

/// All about a replica.
pub fn replica(line: &ReplicaLine, now: Time) -> Details {
    let mut groups = vec![why(line, now)];
    groups.extend(line.verdict.as_ref().map(|verdict| trend(verdict, now)));
    groups.push(limits(line));
    groups.push(jobs(line, now));
    groups.extend(line.verdict.as_ref().map(degraded));
    if let Some((_, seen)) = &line.state.seen {
        groups.push(threads(seen, &line.limits));
        groups.push(heartbeats(seen));
    }
    groups.push(positions(line, now));
    groups.push(history(&line.state.turns));
    groups.push(judge(line, now));
    groups.extend(line.state.seen.as_ref().map(|(_, seen)| server(line, seen)));
    Details { title: line.name.clone(), groups, id: line.name.clone(), failed: false }
}
