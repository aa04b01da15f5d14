//! Writing a history.

use std::io::{self, Write};

use super::columns::{COLUMNS, Column};
use super::csv::field;
use crate::base::Time;
use crate::delay::seen::{Heartbeat, IoThread, Look, Position, Seen, Status};
use crate::delay::trend::seconds;

/// Writes a history, a row at a time. Jobs are not part of it: they are given when it is judged.
pub struct Writer<W> {
    to: W,
    columns: Vec<Column>,
    first: Option<Time>,
}

impl<W: Write> Writer<W> {
    /// Writes the header. The heartbeats that are not looked for have no column: an empty field would be one that could not
    /// be read.
    pub fn new(mut to: W, local: bool, primary: bool) -> io::Result<Self> {
        let columns = COLUMNS.iter().map(|(column, _)| *column);
        let columns: Vec<Column> = columns
            .filter(|column| (*column != Column::Local || local) && (*column != Column::Primary || primary))
            .collect();
        let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
        writeln!(to, "{}", names.join(","))?;
        Ok(Self { to, columns, first: None })
    }

    /// Writes a look. Texts of servers are written as they are, but for what would end the line.
    pub fn row(&mut self, look: &Look) -> io::Result<()> {
        let first = *self.first.get_or_insert(look.at);
        let texts: Vec<String> = self.columns.iter().map(|column| field(&value(*column, look, first))).collect();
        writeln!(self.to, "{}", texts.join(","))
    }

    /// Gives back what is written to.
    pub fn into_inner(self) -> W {
        self.to
    }
}

fn value(column: Column, look: &Look, first: Time) -> String {
    match (column, &look.seen) {
        (Column::Seconds, _) => seconds(look.at, first).to_string(),
        (Column::Wall, _) => jiff::Timestamp::from_microsecond(look.at.as_micros())
            .map_or_else(|_| String::new(), |stamp| format!("{stamp:.6}").trim_end_matches('Z').to_owned()),
        (Column::Notes, Err(why)) => format!("sample failed: {why}"),
        (_, Err(_)) => String::new(),
        (column, Ok(seen)) if column.of_status() => {
            seen.status.as_ref().and_then(|status| of_status(column, status)).unwrap_or_default()
        }
        (column, Ok(seen)) => of_look(column, seen).unwrap_or_default(),
    }
}

fn of_look(column: Column, seen: &Seen) -> Option<String> {
    match column {
        Column::Delay => age(seen.delay.as_ref()),
        Column::NoDelay => match &seen.delay {
            Some(Heartbeat::NoRow(which)) => Some(format!("no row: {which}")),
            Some(Heartbeat::Unread(why)) => Some(format!("unread: {why}")),
            Some(Heartbeat::Age(_)) => None,
            None => Some("no heartbeat was looked for".to_owned()),
        },
        Column::Local => age(seen.local.as_ref()),
        Column::Primary => age(seen.primary.as_ref()),
        Column::Replication => Some(yes(seen.status.is_some())),
        Column::ServerId => shown(seen.server_id),
        Column::ServerUuid => seen.server_uuid.clone(),
        Column::Uptime => shown(seen.uptime),
        Column::Version => seen.version.clone(),
        Column::ReadOnly => seen.read_only.map(yes),
        Column::Notes => Some(seen.notes.join("; ")),
        _ => None,
    }
}

fn of_status(column: Column, status: &Status) -> Option<String> {
    let file = |position: &Option<Position>| position.as_ref().map(|position| position.file.clone());
    let at = |position: &Option<Position>| position.as_ref().map(|position| position.at.to_string());
    match column {
        Column::Channel => Some(status.channel.clone()),
        Column::SourceHost => status.source_host.clone(),
        Column::SourcePort => shown(status.source_port),
        Column::SourceId => shown(status.source_id),
        Column::SourceUuid => status.source_uuid.clone(),
        Column::Io => status.io.map(|io| {
            let word = match io {
                IoThread::Yes => "Yes",
                IoThread::No => "No",
                IoThread::Connecting => "Connecting",
            };
            word.to_owned()
        }),
        Column::Sql => status.sql.map(yes),
        Column::IoState => status.io_state.clone(),
        Column::SqlState => status.sql_state.clone(),
        Column::SecondsBehind => shown(status.seconds_behind),
        Column::SqlDelay => shown(status.sql_delay),
        Column::SqlRemaining => shown(status.sql_remaining),
        Column::Until => status.until.clone(),
        Column::ReceivedFile => file(&status.received),
        Column::ReceivedAt => at(&status.received),
        Column::ExecutedFile => file(&status.executed),
        Column::ExecutedAt => at(&status.executed),
        Column::RelayFile => file(&status.relay),
        Column::RelayAt => at(&status.relay),
        Column::RelaySpace => shown(status.relay_space),
        Column::ReceivedGtid => status.received_gtid.clone(),
        Column::ExecutedGtid => status.executed_gtid.clone(),
        Column::IoErrno => shown(status.io_errno),
        Column::IoError => status.io_error.clone(),
        Column::SqlErrno => shown(status.sql_errno),
        Column::SqlError => status.sql_error.clone(),
        Column::Queued => shown(status.queued_age.filter(|age| age.is_finite())),
        Column::Applied => shown(status.applied_age.filter(|age| age.is_finite())),
        _ => None,
    }
}

fn age(heartbeat: Option<&Heartbeat>) -> Option<String> {
    match heartbeat {
        Some(Heartbeat::Age(age)) if age.is_finite() => Some(age.to_string()),
        _ => None,
    }
}

fn shown<T: std::fmt::Display>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn yes(is: bool) -> String {
    if is { "Yes" } else { "No" }.to_owned()
}
