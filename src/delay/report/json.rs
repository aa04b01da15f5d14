//! The snapshot for scripts. Names are stable: fields are added, none is renamed. Times are RFC 3339 in UTC, spans and
//! delays seconds; what is not known is null.

use serde_json::{Map, Value, json};

use super::severity;
use crate::base::Time;
use crate::delay::job::Job;
use crate::delay::limits::{DelayBy, Limits};
use crate::delay::seen::{Heartbeat, IoThread, Position, Seen, Status};
use crate::delay::snapshot::{DelaySnapshot, Frozen, ReplicaLine};
use crate::delay::state::{Moved, Place, State};
use crate::delay::verdict::{Fit, Verdict};

/// All replicas.
pub fn json(snapshot: &DelaySnapshot) -> Value {
    json!({
        "time": snapshot.now.to_string(),
        "severity": severity(snapshot).word(),
        "replicas": snapshot.replicas.iter().map(|line| replica(line, snapshot.now)).collect::<Vec<_>>(),
    })
}

/// One replica.
pub fn replica(line: &ReplicaLine, now: Time) -> Value {
    let mut fields = Map::new();
    let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    add("replica", line.name.as_str().into());
    add("group", line.group.as_deref().into());
    add("severity", line.severity().word().into());
    add("frozen", line.frozen.as_ref().map(|frozen| frozen.words.as_str()).into());
    add("freeze", line.frozen.as_ref().map_or(Value::Null, freeze));
    add("judged_by", line.judged.as_ref().map(|(who, _)| who.as_str()).into());
    add("judged_at", time(line.judged.as_ref().map(|(_, at)| *at)));
    add("judged_age_seconds", line.judged.as_ref().map(|(_, at)| now.since(*at).as_secs_f64()).into());
    let verdict = line.verdict.as_ref();
    add("at", time(verdict.map(|verdict| verdict.at)));
    add("rule", verdict.map(|verdict| verdict.rule.0).into());
    add("text", verdict.map(|verdict| verdict.text.as_str()).into());
    add("hint", verdict.and_then(|verdict| verdict.hint.as_deref()).into());
    let delay = verdict.and_then(|verdict| verdict.delay);
    add("delay", real(delay.map(|(delay, _)| delay)));
    add("delay_at", time(delay.map(|(_, at)| at)));
    let fit = verdict.and_then(|verdict| verdict.fit);
    add("intercept", real(fit.map(|fit| fit.intercept)));
    add("slope", real(fit.map(|fit| fit.slope)));
    add("correlation", real(fit.and_then(|fit| fit.correlation)));
    add("samples", fit.map(|fit| fit.count).into());
    add("replay_speed", real(fit.as_ref().map(Fit::replay_speed)));
    add("back_in_seconds", real(verdict.and_then(|verdict| verdict.back_in)));
    add("out_in_seconds", real(verdict.and_then(|verdict| verdict.out_in)));
    add("out_since", time(verdict.and_then(|verdict| verdict.out_since)));
    add("degraded", verdict.map_or(Value::Null, degraded));
    add("matches", verdict.map_or(Value::Null, matches));
    add("measured", verdict.map_or(Value::Null, measured));
    add("limits", limits(&line.limits));
    add("jobs", line.jobs.iter().map(|job| one_job(job, now)).collect());
    add("state", state(&line.state));
    add("spark", line.spark.iter().map(|value| real(*value)).collect());
    Value::Object(fields)
}

/// A number, or null: JSON has no others.
fn real(value: Option<f64>) -> Value {
    value.and_then(serde_json::Number::from_f64).map_or(Value::Null, Value::Number)
}

fn time(at: Option<Time>) -> Value {
    at.map_or(Value::Null, |at| Value::from(at.to_string()))
}

/// A freeze, beside its words in `frozen`.
fn freeze(frozen: &Frozen) -> Value {
    let at = frozen.at.position.as_ref();
    json!({
        "state": frozen.state,
        "proven": frozen.proven,
        "since": time(frozen.since),
        "who": frozen.who,
        "why": frozen.why,
        "statement": frozen.statement,
        "file": at.map(|at| at.file.as_str()),
        "position": at.map(|at| at.at),
        "gtid": frozen.at.gtid,
    })
}

fn degraded(verdict: &Verdict) -> Value {
    let of = |of: Option<(f64, f64)>| {
        of.map_or(Value::Null, |(so_long, most)| json!({ "seconds": real(Some(so_long)), "limit": real(Some(most)) }))
    };
    let degraded = &verdict.degraded;
    json!({ "job": of(degraded.job), "recovery": of(degraded.recovery), "trend": of(degraded.trend) })
}

fn matches(verdict: &Verdict) -> Value {
    let one = |found: &crate::delay::verdict::Match| json!({ "rule": found.rule.0, "severity": found.severity.word(), "text": found.text });
    verdict.matches.iter().map(one).collect()
}

fn measured(verdict: &Verdict) -> Value {
    let one = |measured: &crate::delay::verdict::Measured| {
        json!({
            "name": measured.name,
            "value": real(measured.value),
            "least": real(measured.least),
            "most": real(measured.most),
            "used": real(measured.used),
        })
    };
    verdict.measured.iter().map(one).collect()
}

fn limits(limits: &Limits) -> Value {
    let seconds = |span: std::time::Duration| real(Some(span.as_secs_f64()));
    let by = match limits.delay_by {
        DelayBy::Native => "native",
        DelayBy::External => "external",
    };
    let jobs: Vec<Value> = limits
        .jobs
        .iter()
        .map(|class| json!({ "class": class.name, "longest": seconds(class.longest), "stops_io": class.stops_io }))
        .collect();
    json!({
        "max_seconds_behind": seconds(limits.max_seconds_behind),
        "max_relay_behind": seconds(limits.max_relay_behind),
        "max_master_behind": seconds(limits.max_master_behind),
        "max_last_seen": seconds(limits.max_last_seen),
        "min_delay_time": seconds(limits.min_delay_time),
        "max_delay_time": seconds(limits.max_delay_time),
        "max_recovery_time": seconds(limits.max_recovery_time),
        "max_trend_time": seconds(limits.max_trend_time),
        "jobs": jobs,
        "window": seconds(limits.window),
        "interval": seconds(limits.interval),
        "io_grace": seconds(limits.io_grace),
        "delay_by": by,
        "tool_interval": seconds(limits.tool_interval),
    })
}

fn one_job(job: &Job, now: Time) -> Value {
    let ran = job.end.unwrap_or(now).since(job.start);
    json!({
        "class": job.class,
        "start": job.start.to_string(),
        "end": time(job.end),
        "seconds": real(Some(ran.as_secs_f64())),
    })
}

fn state(state: &State) -> Value {
    let beat = |of: Option<(f64, Time)>| {
        of.map_or(Value::Null, |(age, at)| json!({ "age": real(Some(age)), "at": at.to_string() }))
    };
    let turns: Vec<Value> = state
        .turns
        .iter()
        .map(|turn| {
            json!({
                "since": turn.since.to_string(),
                "severity": turn.severity.word(),
                "rule": turn.rule.0,
                "text": turn.text,
            })
        })
        .collect();
    let blind = state.blind.as_ref();
    json!({
        "window_began": time(state.began),
        "window_began_why": state.began_why,
        "seen_at": time(state.seen.as_ref().map(|(at, _)| *at)),
        "seen": state.seen.as_ref().map_or(Value::Null, |(_, seen)| look(seen)),
        "blind_at": time(blind.map(|(at, _)| *at)),
        "blind_why": blind.map(|(_, why)| why.as_str()),
        "received": state.received.as_ref().map_or(Value::Null, place),
        "executed": state.executed.as_ref().map_or(Value::Null, place),
        "local_heartbeat": beat(state.local),
        "primary_heartbeat": beat(state.primary),
        "io_bad_since": time(state.io_bad_since),
        "out_since": time(state.out_since),
        "excused": state.excused,
        "in_since": time(state.in_since),
        "turns": turns,
    })
}

fn place(moved: &Moved<Place>) -> Value {
    let Place { position: at, gtid } = &moved.value;
    let at = at.as_ref();
    json!({
        "file": at.map(|at| at.file.as_str()),
        "position": at.map(|at| at.at),
        "gtid": gtid,
        "since": moved.since.to_string(),
    })
}

/// What was seen last.
fn look(seen: &Seen) -> Value {
    json!({
        "server_id": seen.server_id,
        "server_uuid": seen.server_uuid,
        "uptime_seconds": seen.uptime,
        "version": seen.version,
        "read_only": seen.read_only,
        "heartbeat": beat(seen.delay.as_ref()),
        "local_heartbeat": beat(seen.local.as_ref()),
        "primary_heartbeat": beat(seen.primary.as_ref()),
        "notes": seen.notes,
        "status": seen.status.as_ref().map_or(Value::Null, status),
    })
}

/// A heartbeat as it was read: its age, or why there is none.
fn beat(beat: Option<&Heartbeat>) -> Value {
    let (age, no_row, unread) = match beat {
        None => return Value::Null,
        Some(Heartbeat::Age(age)) => (Some(*age), None, None),
        Some(Heartbeat::NoRow(why)) => (None, Some(why), None),
        Some(Heartbeat::Unread(why)) => (None, None, Some(why)),
    };
    json!({ "age": real(age), "no_row": no_row, "unread": unread })
}

fn status(status: &Status) -> Value {
    let position =
        |at: &Option<Position>| at.as_ref().map_or(Value::Null, |at| json!({ "file": at.file, "position": at.at }));
    let io = status.io.map(|io| match io {
        IoThread::Yes => "Yes",
        IoThread::No => "No",
        IoThread::Connecting => "Connecting",
    });
    json!({
        "channel": status.channel,
        "io_running": io,
        "sql_running": status.sql.map(|runs| if runs { "Yes" } else { "No" }),
        "io_errno": status.io_errno,
        "io_error": status.io_error,
        "sql_errno": status.sql_errno,
        "sql_error": status.sql_error,
        "io_state": status.io_state,
        "sql_state": status.sql_state,
        "source_host": status.source_host,
        "source_port": status.source_port,
        "source_id": status.source_id,
        "source_uuid": status.source_uuid,
        "received": position(&status.received),
        "executed": position(&status.executed),
        "relay": position(&status.relay),
        "received_gtid": status.received_gtid,
        "executed_gtid": status.executed_gtid,
        "relay_space_bytes": status.relay_space,
        "until": status.until,
        "sql_delay": status.sql_delay,
        "sql_remaining_delay": status.sql_remaining,
        "seconds_behind": status.seconds_behind,
        "queued_age": real(status.queued_age),
        "applied_age": real(status.applied_age),
    })
}
