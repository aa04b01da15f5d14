//! Days and months of money: of the calendar, UTC.

use super::Time;

/// Microseconds of a day. UTC has no other days.
pub const DAY: i64 = 86_400_000_000;

/// The day of a time: whole days since 1970, UTC.
pub fn day(time: Time) -> i64 {
    time.as_micros().div_euclid(DAY)
}

/// The first day of a day's month, and of the month after it.
pub fn month(day: i64) -> (i64, i64) {
    let first = |year: i16, month: i8| {
        jiff::civil::Date::new(year, month, 1).ok().and_then(|date| {
            let since = date.since(jiff::civil::date(1970, 1, 1)).ok()?;
            Some(i64::from(since.get_days()))
        })
    };
    let date = i32::try_from(day)
        .ok()
        .and_then(|days| jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).ok());
    let Some(date) = date else { return (day, day + 1) };
    let (year, next) = if date.month() == 12 { (date.year() + 1, 1) } else { (date.year(), date.month() + 1) };
    (first(date.year(), date.month()).unwrap_or(day), first(year, next).unwrap_or(day + 1))
}

/// A day as it is written: `2026-11-22`.
pub fn day_word(day: i64) -> String {
    cut(day, 10)
}

/// A day's month as it is written: `2026-11`.
pub fn month_word(day: i64) -> String {
    cut(day, 7)
}

fn cut(day: i64, letters: usize) -> String {
    let whole = Time::from_micros(day.saturating_mul(DAY)).to_string();
    whole.get(..letters).unwrap_or(&whole).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_and_end_as_the_calendar_has_it() {
        let day_of = |text: &str| day(Time::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond()));
        for (at, from, until) in [
            ("2026-11-23T04:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2024-02-29T23:59:59Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
            ("2025-12-31T23:59:59Z", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(month(day_of(at)), (day_of(from), day_of(until)), "{at}");
            assert_eq!((day_word(day_of(at)), month_word(day_of(at))), (at[..10].to_owned(), at[..7].to_owned()));
        }
    }
}
