//! A point in time as the state database stores it.

use std::fmt;
use std::time::Duration;

/// Microseconds since 1970-01-01T00:00:00Z. The unit of every time in the state database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    /// From microseconds since 1970 UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since 1970 UTC.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970 UTC.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The time `span` later; stays at the largest time there is rather than wrap.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// The time `span` earlier.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// `2026-11-22T12:04:05Z`; a time no calendar holds is shown as its microseconds.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0.div_euclid(1_000_000)) {
            Ok(stamp) => stamp.fmt(f),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

/// A file's time as its file system keeps it: whole seconds since 1970 UTC (they may be negative, and reach far beyond
/// what [`Time`] holds) and the nanoseconds after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileTime {
    /// Seconds since 1970 UTC.
    pub secs: i64,
    /// Nanoseconds after `secs`, below 1,000,000,000.
    pub nanos: u32,
}

/// `-12.000000005`: seconds and nanoseconds, always nine digits.
impl fmt::Display for FileTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A time before 1970 counts its nanoseconds forward from the second below it; decimal notation counts back.
        if self.secs < 0 && self.nanos > 0 {
            let whole = (self.secs + 1).unsigned_abs();
            return write!(f, "-{whole}.{:09}", 1_000_000_000 - self.nanos);
        }
        write!(f, "{}.{:09}", self.secs, self.nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_in_utc_to_the_second() {
        assert_eq!(Time::from_micros(1_795_348_845_999_999).to_string(), "2026-11-22T12:00:45Z");
        assert_eq!(Time::from_micros(-1).to_string(), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn file_times_as_decimal_seconds() {
        let cases = [((5, 7), "5.000000007"), ((-12, 0), "-12.000000000"), ((-1, 999_999_999), "-0.000000001")];
        for ((secs, nanos), text) in cases {
            assert_eq!(FileTime { secs, nanos }.to_string(), text);
        }
    }

    #[test]
    fn arithmetic_never_wraps() {
        let end = Time::from_micros(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(Time::from_secs(1).since(Time::from_secs(3)), Duration::ZERO);
        assert_eq!(Time::from_secs(3).minus(Duration::from_secs(2)), Time::from_secs(1));
    }
}
