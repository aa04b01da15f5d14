//! Reading a history.

use std::io::BufRead;
use std::str::FromStr;

use super::TraceError;
use super::columns::{COLUMNS, Column, IDLE};
use super::csv::Rows;
use crate::base::{Shown, Time};
use crate::delay::seen::{Heartbeat, IoThread, Look, Position, Seen, Status};

/// When a history without `wall_utc` begins: the times of its verdicts are then only good for their differences.
const SOME_TIME: Time = Time::from_secs(1_000_000_000);

/// A row of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its `t_seconds`.
    pub seconds: f64,
    /// What it says.
    pub look: Look,
}

/// Reads a history, a row at a time.
pub struct Reader<R> {
    rows: Rows<R>,
    header: Vec<Option<Column>>,
    ignored: Vec<String>,
    origin: Option<Time>,
    before: Option<f64>,
    over: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    pub fn new(from: R) -> Result<Self, TraceError> {
        let mut rows = Rows::new(from);
        let (_, names) = rows.next()?.ok_or(TraceError::Empty)?;
        let (mut header, mut ignored) = (Vec::new(), Vec::new());
        for name in &names {
            let plain = name.trim().to_ascii_lowercase();
            let known = COLUMNS.iter().find(|(_, names)| names.contains(&plain.as_str()));
            let column = known.map(|(column, names)| (*column, plain == names[0]));
            let Some((column, first)) = column else {
                if !IDLE.contains(&plain.as_str()) {
                    ignored.push(Shown::text(name).to_string());
                }
                header.push(None);
                continue;
            };
            match header.iter_mut().find(|other| **other == Some(column)) {
                None => header.push(Some(column)),
                // Two sources of one figure, such as ps_desired_delay beside sql_delay: the status' own counts.
                Some(other)
                    if names.iter().filter(|other| other.trim().eq_ignore_ascii_case(name.trim())).count() == 1 =>
                {
                    if first {
                        *other = None;
                        header.push(Some(column));
                    } else {
                        header.push(None);
                    }
                }
                Some(_) => return Err(TraceError::Twice { column: Shown::text(name).to_string() }),
            }
        }
        if !header.iter().any(|column| matches!(column, Some(Column::Seconds | Column::Wall))) {
            return Err(TraceError::NoTime);
        }
        Ok(Self { rows, header, ignored, origin: None, before: None, over: false })
    }

    /// Columns that are not known; safe to show.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Whether the column of the delay is there: without it there is no sample.
    pub fn has_delay(&self) -> bool {
        self.header.contains(&Some(Column::Delay))
    }

    /// Whether the local heartbeat is told.
    pub fn has_local(&self) -> bool {
        self.header.contains(&Some(Column::Local))
    }

    /// Whether the primary's own heartbeat is told.
    pub fn has_primary(&self) -> bool {
        self.header.contains(&Some(Column::Primary))
    }

    fn row(&mut self) -> Result<Option<Row>, TraceError> {
        let Some((line, fields)) = self.rows.next()? else { return Ok(None) };
        if fields.len() != self.header.len() {
            return Err(TraceError::Fields { line, found: fields.len(), expected: self.header.len() });
        }
        let values: Vec<(Column, &str)> = self
            .header
            .iter()
            .zip(&fields)
            .filter_map(|(column, field)| Some(((*column)?, field.trim())))
            .filter(|(_, field)| !field.is_empty() && *field != "NULL")
            .collect();
        let fields = Fields { line, values, header: &self.header };
        let wall =
            fields.get(Column::Wall).map(|text| wall(text).ok_or_else(|| fields.wrong(Column::Wall, text, WALL)));
        let wall = wall.transpose()?;
        let (at, seconds) = match (fields.number(Column::Seconds)?, wall) {
            (Some(seconds), wall) => {
                let origin = *self.origin.get_or_insert(wall.map_or(SOME_TIME, |wall| moved(wall, -seconds)));
                (moved(origin, seconds), seconds)
            }
            (None, Some(wall)) => {
                let origin = *self.origin.get_or_insert(wall);
                (wall, crate::delay::trend::seconds(wall, origin))
            }
            (None, None) => return Err(fields.wrong(Column::Seconds, "", "a number; every row has a time")),
        };
        if let Some(before) = self.before.filter(|before| *before >= seconds) {
            return Err(TraceError::Order { line, found: seconds, before });
        }
        self.before = Some(seconds);
        let seen = fields.seen()?;
        Ok(Some(Row { seconds, look: Look { at, seen } }))
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Row, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let row = self.row().transpose();
        // Behind a row that cannot be read nothing is known to be in its place.
        self.over = !matches!(row, Some(Ok(_)));
        row
    }
}

const NUMBER: &str = "a number";
const WHOLE: &str = "a whole number";
const WALL: &str = "a time such as 2026-11-22T05:54:01.500";

/// Times so far from the first row's are no history.
const CENTURY: f64 = 3.2e9;

#[allow(clippy::cast_possible_truncation)] // clamped
fn moved(time: Time, seconds: f64) -> Time {
    let micros = (seconds.clamp(-CENTURY, CENTURY) * 1e6).round() as i64;
    Time::from_micros(time.as_micros().saturating_add(micros))
}

/// In UTC, unless an offset is told with it.
fn wall(text: &str) -> Option<Time> {
    if let Ok(told) = text.parse::<jiff::Timestamp>() {
        return Some(Time::from_micros(told.as_microsecond()));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Time::from_micros(zoned.timestamp().as_microsecond()))
}

/// The fields of a row that are not empty.
struct Fields<'a> {
    line: u64,
    values: Vec<(Column, &'a str)>,
    header: &'a [Option<Column>],
}

impl Fields<'_> {
    fn get(&self, column: Column) -> Option<&str> {
        self.values.iter().find(|(other, _)| *other == column).map(|(_, value)| *value)
    }

    fn text(&self, column: Column) -> Option<String> {
        self.get(column).map(str::to_owned)
    }

    fn wrong(&self, column: Column, found: &str, wanted: &'static str) -> TraceError {
        let shown: String = found.chars().take(60).collect();
        let found = if found.is_empty() { "an empty field".to_owned() } else { Shown::text(&shown).to_string() };
        TraceError::Value { line: self.line, column: column.name(), found, wanted }
    }

    fn parsed<T: FromStr>(&self, column: Column, wanted: &'static str) -> Result<Option<T>, TraceError> {
        let parse = |text: &str| text.parse().map_err(|_| self.wrong(column, text, wanted));
        self.get(column).map(parse).transpose()
    }

    fn whole(&self, column: Column) -> Result<Option<u64>, TraceError> {
        self.parsed(column, WHOLE)
    }

    fn number(&self, column: Column) -> Result<Option<f64>, TraceError> {
        let number = self.parsed::<f64>(column, NUMBER)?;
        match number.filter(|number| !number.is_finite() || number.abs() > CENTURY) {
            Some(number) => Err(self.wrong(column, &number.to_string(), "a number of seconds below a century")),
            None => Ok(number),
        }
    }

    fn yes(&self, column: Column) -> Result<Option<bool>, TraceError> {
        let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "1" => Ok(true),
            "no" | "off" | "0" => Ok(false),
            _ => Err(self.wrong(column, text, "Yes or No")),
        };
        self.get(column).map(parse).transpose()
    }

    fn io(&self) -> Result<Option<IoThread>, TraceError> {
        let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
            "yes" => Ok(IoThread::Yes),
            "no" => Ok(IoThread::No),
            "connecting" | "preparing" => Ok(IoThread::Connecting),
            _ => Err(self.wrong(Column::Io, text, "Yes, No, Connecting or Preparing")),
        };
        self.get(Column::Io).map(parse).transpose()
    }

    fn position(&self, file: Column, at: Column) -> Result<Option<Position>, TraceError> {
        let at = self.whole(at)?;
        Ok(self.text(file).zip(at).map(|(file, at)| Position { file, at }))
    }

    /// A heartbeat's age; a column that is there and says nothing was not read in this look.
    fn heartbeat(&self, column: Column, why: Option<&str>) -> Result<Option<Heartbeat>, TraceError> {
        if let Some(age) = self.number(column)? {
            return Ok(Some(Heartbeat::Age(age)));
        }
        let unread = || why.map_or_else(|| "no value was recorded".to_owned(), str::to_owned);
        Ok(self.header.contains(&Some(column)).then(|| Heartbeat::Unread(unread())))
    }

    fn seen(&self) -> Result<Result<Seen, String>, TraceError> {
        let notes = self.get(Column::Notes);
        if !self.values.iter().any(|(column, _)| column.shows_a_look()) {
            let why = notes.map_or("no sample was recorded", |notes| {
                notes.rsplit_once("sample failed: ").map_or(notes, |(_, why)| why)
            });
            return Ok(Err(why.to_owned()));
        }
        let no_delay = self.get(Column::NoDelay);
        let delay = match no_delay.and_then(|text| text.strip_prefix("no row: ")) {
            Some(which) => Some(Heartbeat::NoRow(which.to_owned())),
            None => {
                self.heartbeat(Column::Delay, no_delay.map(|text| text.strip_prefix("unread: ").unwrap_or(text)))?
            }
        };
        // Where the history says nothing of replication, its status is there and not known.
        let replicates = self.yes(Column::Replication)?.unwrap_or(true);
        Ok(Ok(Seen {
            server_id: self.whole(Column::ServerId)?,
            server_uuid: self.text(Column::ServerUuid),
            uptime: self.whole(Column::Uptime)?,
            version: self.text(Column::Version),
            read_only: self.yes(Column::ReadOnly)?,
            status: if replicates { Some(self.status()?) } else { None },
            delay,
            local: self.heartbeat(Column::Local, None)?,
            primary: self.heartbeat(Column::Primary, None)?,
            notes: notes.map(str::to_owned).into_iter().collect(),
            ..Seen::default()
        }))
    }

    fn status(&self) -> Result<Status, TraceError> {
        Ok(Status {
            channel: self.text(Column::Channel).unwrap_or_default(),
            io: self.io()?,
            sql: self.yes(Column::Sql)?,
            io_errno: self.parsed(Column::IoErrno, WHOLE)?,
            io_error: self.text(Column::IoError),
            sql_errno: self.parsed(Column::SqlErrno, WHOLE)?,
            sql_error: self.text(Column::SqlError),
            io_state: self.text(Column::IoState),
            sql_state: self.text(Column::SqlState),
            source_host: self.text(Column::SourceHost),
            source_port: self.parsed(Column::SourcePort, "a port")?,
            source_id: self.whole(Column::SourceId)?,
            source_uuid: self.text(Column::SourceUuid),
            received: self.position(Column::ReceivedFile, Column::ReceivedAt)?,
            executed: self.position(Column::ExecutedFile, Column::ExecutedAt)?,
            relay: self.position(Column::RelayFile, Column::RelayAt)?,
            received_gtid: self.text(Column::ReceivedGtid),
            executed_gtid: self.text(Column::ExecutedGtid),
            relay_space: self.whole(Column::RelaySpace)?,
            until: self.text(Column::Until),
            sql_delay: self.whole(Column::SqlDelay)?,
            sql_remaining: self.whole(Column::SqlRemaining)?,
            seconds_behind: self.whole(Column::SecondsBehind)?,
            queued_age: self.number(Column::Queued)?,
            applied_age: self.number(Column::Applied)?,
        })
    }
}
