//! All there is about a freeze, as text and JSON. Times are RFC 3339 in UTC, spans seconds; what is not known is null.

use std::time::Duration;

use serde_json::{Value, json};

use super::arrival::{Answer, Applied, Arrival, answer, arrival};
use super::commands::{About, Command, Where, commands};
use super::danger::{Facts, dangers};
use super::keeper::FRESH;
use super::line::{Line, is_parallel};
use super::record::{Record, shown};
use super::sight::Sight;
use super::statement::Statement;
use super::steps::{checklist, elapsed, loss};
use super::told;
use crate::base::units::Span;
use crate::base::{Shown, Time};
use crate::delay::seen::IoThread;
use crate::delay::state::Place;

/// What is known of a statement and a replica: the verdict, and when it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// Whether it has been applied.
    pub answer: Answer,
    /// When it reaches the replica, where its time is known.
    pub arrival: Option<Arrival>,
}

/// What is known of a statement and a replica.
pub fn prospect(statement: &Statement, line: &Line, now: Time) -> Prospect {
    Prospect { answer: answer(statement, line, now), arrival: statement.time.map(|time| arrival(time, line, now)) }
}

/// That in lines.
pub fn prospect_lines(statement: &Statement, prospect: &Prospect) -> Vec<String> {
    let mut lines = vec![format!("statement {}: {}", statement.words(), prospect.answer.applied)];
    lines.push(format!("  {}", prospect.answer.why));
    if let Some(arrival) = &prospect.arrival {
        lines.push(format!("  it reaches this replica {}", arrival.words));
    }
    lines
}

/// How far a record's own looks say the replica has got; nothing where it was never seen.
pub fn line_of(record: &Record, judged: Option<Line>) -> Option<Line> {
    let sight = record.last.clone()?;
    let line = match judged {
        Some(line) => line.with(sight),
        None => Line::alone(sight, record.external, record.gap, FRESH),
    };
    let parallel = is_parallel(record.facts.as_ref(), line.parallel);
    Some(Line { parallel, frozen: record.keeps_stopped(), ..line })
}

/// A look in lines.
pub fn sight_lines(sight: &Sight) -> Vec<String> {
    let mut lines = vec![format!("threads {}, as of {}", sight.threads_words(), sight.at)];
    let place = |what: &str, place: &Place| {
        let position = place.position.as_ref().map(super::place::word);
        let gtid = place.gtid.as_deref().map(|gtid| format!("GTIDs {}", shown(gtid)));
        let words: Vec<String> = position.into_iter().chain(gtid).collect();
        format!("{what} {}", if words.is_empty() { "unknown".to_owned() } else { words.join(", ") })
    };
    let relay = sight.relay.as_ref().map(|relay| format!(" (relay log {})", super::place::word(relay)));
    lines.push(format!("{}{}", place("executed", &sight.executed), relay.unwrap_or_default()));
    lines.push(place("received", &sight.received));
    for (thread, error) in [("SQL", &sight.sql_error), ("IO", &sight.io_error)] {
        if let Some((errno, text)) = error {
            lines.push(format!("{thread} thread error {errno}: {}", shown(text)));
        }
    }
    lines
}

/// The commands to run, from what is recorded; none where the server's version is not known.
pub fn commands_of(record: &Record) -> Vec<Command> {
    let (Some(facts), Some(sight)) = (&record.facts, &record.last) else { return Vec::new() };
    let Some(server) = facts.server else { return Vec::new() };
    commands(&About {
        replica: &record.replica,
        server,
        channel: record.channel(),
        facts,
        sight,
        statement: &record.statement,
    })
}

/// What resuming does, in lines; and whether the statement may still be applied by it.
pub fn resume_lines(
    record: &Record,
    sight: &Sight,
    facts: Option<&Facts>,
    line: Option<&Line>,
    now: Time,
) -> (Vec<String>, bool) {
    let mut lines = Vec::new();
    if record.external {
        lines.push("the SQL thread is left to the delay tool: see that it runs".to_owned());
    }
    if let (Some(executed), Some(received)) = (&sight.executed.position, &sight.received.position) {
        let (executed, received) = (super::place::word(executed), super::place::word(received));
        lines.push(format!("what was received and not applied lies from {executed} to {received}"));
    }
    if facts.is_some_and(Facts::start_deletes) {
        lines.push("this replica uses GTIDs (MariaDB): the start deletes its relay log, and all that was not applied is asked of the source again; if the source is lost, so is that".to_owned());
    }
    let statement = &record.statement;
    let Some(line) = line.filter(|_| !statement.is_unknown()) else {
        return (lines, !statement.is_unknown());
    };
    let found = prospect(statement, line, now);
    let pending = found.answer.applied != Applied::Already;
    lines.push(format!("statement {}: {}", statement.words(), found.answer.applied));
    if pending && let Some(time) = statement.time {
        // As if it ran.
        let mut line = line.clone();
        (line.sight.sql, line.frozen) = (Some(true), false);
        let when = match arrival(time, &line, now).not_before {
            Some(first) if first > now => format!("not before {first}, in {}", Span(first.since(now))),
            _ => "at once".to_owned(),
        };
        lines.push(format!("RESUMED, IT IS APPLIED HERE: {when}"));
    } else if pending {
        lines.push("RESUMED, IT IS APPLIED HERE when its delay is over".to_owned());
    }
    (lines, pending)
}

/// Where a command is run, in words.
pub fn place_of(command: &Command) -> &'static str {
    match command.at {
        Where::Shell => "on the replica's host",
        Where::SourceShell => "on the source's host",
        Where::Sql => "as SQL on the replica",
        Where::Firn => "here",
    }
}

fn command_lines(commands: &[Command]) -> Vec<String> {
    let line = |command: &Command| {
        let at = place_of(command);
        [format!("  {} ({at}):", command.what), format!("    {}", command.text)]
    };
    commands.iter().flat_map(line).collect()
}

/// All there is about a freeze.
pub fn lines(record: &Record, judged: Option<Line>, now: Time) -> Vec<String> {
    let mut all = vec![format!("{}: {}", Shown::text(&record.replica), told::words(record, now, FRESH))];
    all.push(format!("asked for by {} at {}", shown(&record.asked.who), record.asked.at));
    if let Some(proof) = &record.proof {
        all.push(format!(
            "proof: the position did not move from {} to {}, and both threads read No at every look",
            proof.first.at, proof.last.at
        ));
    }
    if let Some(sight) = &record.last {
        all.extend(sight_lines(sight));
    }
    if !record.statement.is_unknown()
        && let Some(line) = line_of(record, judged)
    {
        all.extend(prospect_lines(&record.statement, &prospect(&record.statement, &line, now)));
    }
    if !record.is_over() {
        all.push(String::new());
        all.push("the relay log:".to_owned());
        let (facts, sight) = (record.facts.clone().unwrap_or_default(), record.last.clone().unwrap_or_default());
        all.extend(dangers(&facts, &sight).into_iter().map(|danger| format!("  {danger}")));
        let commands = commands_of(record);
        if !commands.is_empty() {
            all.push(String::new());
            all.push("commands:".to_owned());
            all.extend(command_lines(&commands));
        }
    }
    all.push(String::new());
    all.extend(recovery_lines(record, now));
    all.push(String::new());
    all.push("history:".to_owned());
    all.extend(record.history.iter().map(|entry| format!("  {}  {}", entry.at, entry.text)));
    all
}

/// The checklist and the loss.
pub fn recovery_lines(record: &Record, now: Time) -> Vec<String> {
    let mut all = vec![format!("recovery steps, T+0 is {}, elapsed {}:", record.degraded, Span(elapsed(record, now)))];
    all.extend(checklist(record).iter().map(|line| format!("  {}", line.words())));
    match loss(record, now) {
        Some(Ok(loss)) => all.extend(loss.words()),
        Some(Err(e)) => all.push(format!("loss: {e}")),
        None => all.push(format!(
            "loss: nobody has said what an hour is worth: firn delay freeze-loss {} DOLLARS --rebuild 20h",
            Shown::text(&record.replica)
        )),
    }
    all
}

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

fn sight_json(sight: &Sight) -> Value {
    let io = sight.io.map(|io| match io {
        IoThread::Yes => "Yes",
        IoThread::No => "No",
        IoThread::Connecting => "Connecting",
    });
    let error =
        |error: &Option<(u32, String)>| error.as_ref().map(|(errno, text)| json!({ "errno": errno, "text": text }));
    json!({
        "at": sight.at.to_string(),
        "io_running": io,
        "sql_running": sight.sql,
        "executed": sight.executed.position.as_ref().map(super::place::word),
        "executed_gtid": sight.executed.gtid,
        "received": sight.received.position.as_ref().map(super::place::word),
        "received_gtid": sight.received.gtid,
        "relay": sight.relay.as_ref().map(super::place::word),
        "relay_log_bytes": sight.relay_space,
        "sql_delay_seconds": sight.sql_delay,
        "sql_error": error(&sight.sql_error),
        "io_error": error(&sight.io_error),
        "uptime_seconds": sight.uptime,
    })
}

fn facts_json(facts: &Facts, sight: &Sight) -> Value {
    json!({
        "relay_log_purge": facts.relay_log_purge,
        "relay_log_recovery": facts.relay_log_recovery,
        "skip_replica_start": facts.skip_start,
        "relay_log_folder": facts.relay_dir,
        "consequences": dangers(facts, sight),
    })
}

/// A prospect as JSON.
pub fn prospect_json(statement: &Statement, prospect: &Prospect) -> Value {
    json!({
        "statement": statement.words(),
        "applied": prospect.answer.applied,
        "why": prospect.answer.why,
        "not_before": prospect.arrival.as_ref().and_then(|come| come.not_before).map(|at| at.to_string()),
        "expected": prospect.arrival.as_ref().and_then(|come| come.expected).map(|at| at.to_string()),
        "arrives": prospect.arrival.as_ref().map(|come| come.words.clone()),
    })
}

/// All there is about a freeze, as JSON.
pub fn json(record: &Record, judged: Option<Line>, now: Time) -> Value {
    let line = line_of(record, judged);
    let prospect = line.as_ref().filter(|_| !record.statement.is_unknown());
    let prospect = prospect.map(|line| prospect_json(&record.statement, &self::prospect(&record.statement, line, now)));
    let loss = loss(record, now).and_then(Result::ok);
    let step = |line: &super::steps::Line| {
        json!({
            "step": line.step.word(),
            "words": line.step.words(),
            "planned_seconds": line.step.planned().map(seconds),
            "done_after_seconds": line.done.map(seconds),
            "who": line.who,
        })
    };
    let default = Sight::default();
    json!({
        "replica": record.replica,
        "channel": record.channel(),
        "state": record.phase.word(),
        "frozen": told::is_frozen(record, now, FRESH),
        "text": told::words(record, now, FRESH),
        "asked_by": record.asked.who,
        "asked_at": record.asked.at.to_string(),
        "frozen_at": record.frozen_at.map(|at| at.to_string()),
        "proof": record.proof.as_ref().map(|proof| json!({
            "from": proof.first.at.to_string(),
            "to": proof.last.at.to_string(),
            "at": proof.last.place_words(),
        })),
        "restarts": record.restarts,
        "restarted_at": record.restarted_at.map(|at| at.to_string()),
        "trouble": record.trouble.as_ref().map(|trouble| json!({
            "since": trouble.since.to_string(),
            "what": trouble.what,
            "why": trouble.text,
            "tries": trouble.tries,
        })),
        "unseen_since": record.blind.as_ref().map(|(since, _)| since.to_string()),
        "unseen_why": record.blind.as_ref().map(|(_, why)| why.clone()),
        "before": record.before.as_ref().map(sight_json),
        "last": record.last.as_ref().map(sight_json),
        "statement": prospect,
        "relay_log": record.facts.as_ref().map(|facts| facts_json(facts, record.last.as_ref().unwrap_or(&default))),
        "commands": commands_of(record),
        "degraded_at": record.degraded.to_string(),
        "elapsed_seconds": seconds(elapsed(record, now)),
        "steps": checklist(record).iter().map(step).collect::<Vec<_>>(),
        "loss": loss.map(|loss| json!({
            "value_per_hour_nanodollars": loss.input.value_nanos,
            "exposure_percent": f64::from(loss.input.exposure) / 1_000.0,
            "rebuild_seconds": seconds(loss.input.rebuild),
            "over": loss.over,
            "with_delay_nanodollars": loss.with.nanos(),
            "without_delay_nanodollars": loss.without.nanos(),
        })),
        "history": record.history.iter().map(|entry| json!({ "at": entry.at.to_string(), "text": entry.text })).collect::<Vec<_>>(),
    })
}
