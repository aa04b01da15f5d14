//! The heartbeat table, as pt-heartbeat keeps it (old and new): one row a writer, with the time it was written. Its age is
//! computed by the server that is asked, in UTC, and never clamped: a time zone mistaken then shows as what it is. Pure.

use std::collections::BTreeMap;

use super::connect::{Table, words};
use super::seen::Heartbeat;
use crate::base::Time;

/// A heartbeat table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatTable {
    /// Its database.
    pub database: String,
    /// Its name.
    pub table: String,
    /// How far its times are ahead of UTC, seconds.
    pub offset: i32,
}

impl HeartbeatTable {
    /// Quoted for a statement.
    pub fn quoted(&self) -> String {
        format!("{}.{}", identifier(&self.database), identifier(&self.table))
    }

    /// Its name, safe to show.
    pub fn shown(&self) -> String {
        format!("{}.{}", words(&self.database), words(&self.table))
    }

    /// All rows, with their ages in microseconds. Legacy tables have `id` for `server_id`. Both ways in which pt-heartbeat
    /// writes a time (`2026-11-22T05:51:31.000900` and, its first, `2026-11-22 06:38:42`) are taken.
    pub fn select(&self, id: IdColumn) -> String {
        format!(
            "SELECT {} AS writer, ts, TIMESTAMPDIFF(MICROSECOND, REPLACE(ts, 'T', ' '), UTC_TIMESTAMP(6)) AS age FROM {}",
            id.name(),
            self.quoted()
        )
    }
}

/// A name in backquotes.
pub(super) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The column that names the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdColumn {
    /// Today's.
    #[default]
    ServerId,
    /// That of tables from before pt-heartbeat 2.0.
    Id,
}

impl IdColumn {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerId => "server_id",
            Self::Id => "id",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::ServerId => Self::Id,
            Self::Id => Self::ServerId,
        }
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    /// When it was written, as it stands there.
    pub ts: String,
    /// Seconds since then; nothing: it is no time.
    pub age: Option<f64>,
}

/// The rows of a table by their writers, and what is odd.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beats {
    /// By `server_id`.
    pub by_writer: BTreeMap<u64, Beat>,
    /// Rows without a writer that is a number.
    pub strange: usize,
}

/// Reads what [`HeartbeatTable::select`] answers.
#[allow(clippy::cast_precision_loss)] // microseconds of three hundred years are whole in an f64
pub fn beats(answer: &Table, table: &HeartbeatTable) -> Beats {
    let mut beats = Beats::default();
    for row in 0..answer.rows.len() {
        let Some(writer) = answer.value(row, "writer").and_then(|text| text.trim().parse().ok()) else {
            beats.strange += 1;
            continue;
        };
        let age = answer.value(row, "age").and_then(|text| text.trim().parse::<i64>().ok());
        let age = age.map(|micros| micros as f64 / 1e6 + f64::from(table.offset));
        let ts = answer.value(row, "ts").map(words).unwrap_or_default();
        beats.by_writer.insert(writer, Beat { ts, age });
    }
    beats
}

impl Beats {
    /// The heartbeat of one writer.
    pub fn of(&self, writer: u64, table: &HeartbeatTable, server: &str) -> Heartbeat {
        let place = format!("{} on {server}", table.shown());
        match self.by_writer.get(&writer) {
            Some(Beat { age: Some(age), .. }) => Heartbeat::Age(*age),
            Some(Beat { ts, .. }) => {
                Heartbeat::Unread(format!("the row of server {writer} in {place} has no time: \"{ts}\""))
            }
            None if self.by_writer.is_empty() => {
                Heartbeat::NoRow(format!("{place} is empty: nobody has written a heartbeat, or it is not replicated"))
            }
            None => {
                let mut writers: Vec<String> = self.by_writer.keys().take(8).map(u64::to_string).collect();
                if self.by_writer.len() > writers.len() {
                    writers.push("…".to_owned());
                }
                Heartbeat::NoRow(format!(
                    "{place} has no row of server {writer}; it has rows of {}",
                    writers.join(", ")
                ))
            }
        }
    }

    /// When the heartbeat of one writer was written, by the writer's clock; nothing where its row says no time.
    pub fn written(&self, writer: u64, table: &HeartbeatTable) -> Option<Time> {
        let beat = self.by_writer.get(&writer).filter(|beat| beat.age.is_some())?;
        let stamp = beat.ts.trim().parse::<jiff::civil::DateTime>().ok()?;
        let utc = stamp.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(Time::from_micros(utc.as_microsecond().saturating_sub(i64::from(table.offset) * 1_000_000)))
    }

    /// The one writer that is not `own`, if there is no other.
    pub fn only_other(&self, own: Option<u64>) -> Option<u64> {
        let mut others = self.by_writer.keys().filter(|writer| Some(**writer) != own);
        let first = others.next()?;
        others.next().is_none().then_some(*first)
    }

    /// Writers whose rows were written anew since `before`.
    pub fn moved(&self, before: &Self) -> Vec<u64> {
        let moved = |(writer, beat): (&u64, &Beat)| {
            before.by_writer.get(writer).is_some_and(|old| old.ts != beat.ts).then_some(*writer)
        };
        self.by_writer.iter().filter_map(moved).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(offset: i32) -> HeartbeatTable {
        HeartbeatTable { database: "percona".to_owned(), table: "heart`beat".to_owned(), offset }
    }

    fn answer(rows: &[(&str, &str, Option<&str>)]) -> Table {
        let text = |text: &str| Some(text.to_owned());
        let row = |(writer, ts, age): &(&str, &str, Option<&str>)| vec![text(writer), text(ts), age.map(str::to_owned)];
        Table {
            columns: ["writer", "ts", "age"].map(str::to_owned).to_vec(),
            rows: rows.iter().map(row).collect(),
            cut: Vec::new(),
        }
    }

    #[test]
    fn the_table_is_quoted_and_its_time_computed_in_utc() {
        assert_eq!(
            table(0).select(IdColumn::default()),
            "SELECT server_id AS writer, ts, TIMESTAMPDIFF(MICROSECOND, REPLACE(ts, 'T', ' '), UTC_TIMESTAMP(6)) AS age \
             FROM `percona`.`heart``beat`"
        );
        assert!(table(0).select(IdColumn::ServerId.other()).starts_with("SELECT id AS writer,"));
        assert_eq!(IdColumn::Id.other(), IdColumn::ServerId);
    }

    #[test]
    fn an_age_is_never_clamped_and_shifted_by_the_clock_it_was_written_in() {
        let rows = [("1", "2026-11-22T05:51:31.000900", Some("7200500000")), ("2", "x", Some("-3500000"))];
        let ages = |offset| {
            let beats = beats(&answer(&rows), &table(offset));
            [1, 2].map(|writer| beats.of(writer, &table(offset), "db14:3306"))
        };
        assert_eq!(ages(0), [Heartbeat::Age(7200.5), Heartbeat::Age(-3.5)]);
        // Written in +09:00 without that being told it is from the future; told, it is as old as it is.
        let tokyo = [("1", "x", Some("-25199500000"))];
        assert_eq!(beats(&answer(&tokyo), &table(32_400)).of(1, &table(32_400), "s"), Heartbeat::Age(7200.5));
    }

    #[test]
    fn when_a_heartbeat_was_written_is_told_by_its_writers_clock() {
        let rows = [
            ("1", "2026-11-22T05:51:31.000900", Some("7200500000")),
            ("2", "2026-11-22 06:38:42", Some("-5")),
            ("3", "soon", Some("1")),
            ("4", "2026-11-22T05:51:31", None),
        ];
        let written = |offset| {
            let beats = beats(&answer(&rows), &table(offset));
            [1, 2, 3, 4, 5].map(|writer| beats.written(writer, &table(offset)))
        };
        let (first, second) = (1_795_326_691_000_900, 1_795_329_522_000_000);
        let at = |micros| Some(Time::from_micros(micros));
        assert_eq!(written(0), [at(first), at(second), None, None, None]);
        // Written in +09:00.
        assert_eq!(written(32_400)[0], at(first - 32_400_000_000));
    }

    #[test]
    fn no_row_is_told_apart_from_an_empty_table_and_from_a_row_without_a_time() {
        let told = |rows: &[_], writer| beats(&answer(rows), &table(0)).of(writer, &table(0), "db14:3306");
        assert_eq!(
            told(&[], 1),
            Heartbeat::NoRow(
                "percona.heart`beat on db14:3306 is empty: nobody has written a heartbeat, or it is not replicated"
                    .to_owned()
            )
        );
        let rows = [("2", "x", Some("1")), ("3", "soon", None), ("", "x", Some("1"))];
        assert_eq!(
            told(&rows, 1),
            Heartbeat::NoRow("percona.heart`beat on db14:3306 has no row of server 1; it has rows of 2, 3".to_owned())
        );
        assert_eq!(
            told(&rows, 3),
            Heartbeat::Unread(
                "the row of server 3 in percona.heart`beat on db14:3306 has no time: \"soon\"".to_owned()
            )
        );
        assert_eq!(beats(&answer(&rows), &table(0)).strange, 1);
    }

    #[test]
    fn who_writes_is_seen_by_what_moves() {
        let before = beats(&answer(&[("1", "a", None), ("2", "b", None), ("3", "c", None)]), &table(0));
        let after = beats(&answer(&[("1", "x", None), ("2", "b", None), ("4", "d", None)]), &table(0));
        assert_eq!(after.moved(&before), [1]);
        assert_eq!((after.only_other(Some(1)), before.only_other(None)), (None, None));
        let two = beats(&answer(&[("1", "x", None), ("2", "b", None)]), &table(0));
        assert_eq!((two.only_other(Some(2)), two.only_other(Some(9)), two.only_other(None)), (Some(1), None, None));
    }
}
