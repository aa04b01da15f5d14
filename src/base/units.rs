//! Sizes and spans of time as people write and read them.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not a size; write a whole number and a unit, such as \"25MB\" (25,000,000) or \"64MiB\" (67,108,864)"
)]
pub struct SizeError {
    found: String,
}

/// Reads `25MB`, `64MiB`, `1.5GB`, `4096`. Decimal units are powers of 1,000, binary ones (`KiB` …) of 1,024.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let wrong = || SizeError { found: text.to_owned() };
    let trimmed = text.trim();
    // `bytesize` stops at the largest number it can hold; firn calls that what it is.
    let size = trimmed.parse::<ByteSize>().map_err(|_| wrong())?.as_u64();
    if size == u64::MAX || !trimmed.starts_with(|c: char| c.is_ascii_digit()) { Err(wrong()) } else { Ok(size) }
}

/// Writes a size so that [`parse_size`] reads the same number back, in the largest unit that divides it.
pub fn exact_size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 8] = [
        ("TiB", 1 << 40),
        ("TB", 1_000_000_000_000),
        ("GiB", 1 << 30),
        ("GB", 1_000_000_000),
        ("MiB", 1 << 20),
        ("MB", 1_000_000),
        ("KiB", 1 << 10),
        ("kB", 1_000),
    ];
    let fits = UNITS.iter().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit));
    fits.map_or_else(|| format!("{bytes}B"), |(name, unit)| format!("{}{name}", bytes / unit))
}

/// A size for people: `25.0 MB`, `312 B`. Decimal units, as storage is sold.
#[derive(Debug, Clone, Copy)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    #[allow(clippy::cast_precision_loss)] // three digits are shown
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        let mut units = ["kB", "MB", "GB", "TB", "PB", "EB"].into_iter();
        let mut unit = "B";
        while value >= 999.95 {
            let Some(next) = units.next() else { break };
            value /= 1000.0;
            unit = next;
        }
        let text = if unit == "B" { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") };
        f.pad(&text)
    }
}

/// A text that is no span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not a span of time; write a number and a unit, such as \"20s\", \"15m\", \"6h\", \"2d\" or \"1h30m\""
)]
pub struct SpanError {
    found: String,
}

/// Reads `20s`, `15m`, `6h`, `2d` (a day is 24 hours), `1h30m`, `250ms`.
pub fn parse_span(text: &str) -> Result<Duration, SpanError> {
    let wrong = || SpanError { found: text.to_owned() };
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let count: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = rest[digits..].trim_start();
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let unit = match &rest[..letters] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" | "min" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            "d" => Duration::from_hours(24),
            _ => return Err(wrong()),
        };
        let count = u32::try_from(count).map_err(|_| wrong())?;
        total = unit.checked_mul(count).and_then(|span| total.checked_add(span)).ok_or_else(wrong)?;
        rest = rest[letters..].trim_start();
    }
    Ok(total)
}

/// Writes a span so that [`parse_span`] reads the same one back (to the millisecond).
pub fn exact_span(span: Duration) -> String {
    let millis = span.as_millis();
    let units: [(&str, u128); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let fits = units.iter().find(|(_, unit)| millis > 0 && millis.is_multiple_of(*unit));
    fits.map_or_else(|| "0s".to_owned(), |(name, unit)| format!("{}{name}", millis / unit))
}

/// An age or a countdown for people: `21 s`, `4 min`, `9 d 4 h`. Two units at most.
#[derive(Debug, Clone, Copy)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_secs();
        let two = |big: u64, big_name: &str, small: u64, small_name: &str| {
            if small == 0 { format!("{big} {big_name}") } else { format!("{big} {big_name} {small} {small_name}") }
        };
        let text = match secs {
            0 if self.0.is_zero() => "0 s".to_owned(),
            0 => format!("{} ms", self.0.as_millis()),
            1..=119 => format!("{secs} s"),
            120..=7199 => format!("{} min", secs / 60),
            7200..=172_799 => two(secs / 3600, "h", secs % 3600 / 60, "min"),
            _ => two(secs / 86_400, "d", secs % 86_400 / 3600, "h"),
        };
        f.pad(&text)
    }
}

/// A whole number with its thousands set apart: `1,882,004`.
#[derive(Debug, Clone, Copy)]
pub struct Count(pub u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_as_people_write_them() {
        let cases = [
            ("25MB", 25_000_000),
            ("64MiB", 64 << 20),
            ("4096", 4096),
            ("1.5GB", 1_500_000_000),
            ("0", 0),
            (" 2 TB ", 2_000_000_000_000),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "-1", "25 MBs", "99999999999EB", "2,5GB", "0x10", "1e9", "+5", ".5GB"] {
            assert_eq!(parse_size(text), Err(SizeError { found: text.to_owned() }), "{text}");
        }
    }

    #[test]
    fn spans_as_people_write_them() {
        let cases = [("20s", 20), ("6h", 21_600), ("1h30m", 5400), ("2d", 172_800), ("15 min", 900), ("0s", 0)];
        for (text, secs) in cases {
            assert_eq!(parse_span(text), Ok(Duration::from_secs(secs)), "{text}");
        }
        for text in ["", "20", "s", "-5s", "1.5h", "1 week", "99999999999999d", "5s5", "20S"] {
            assert_eq!(parse_span(text), Err(SpanError { found: text.to_owned() }), "{text}");
        }
    }

    #[test]
    fn shown_for_people() {
        let sizes = [
            (0, "0 B"),
            (312, "312 B"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (25_000_000, "25.0 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, text) in sizes {
            assert_eq!(Size(bytes).to_string(), text);
        }
        let spans = [
            (0, "0 s"),
            (21_000, "21 s"),
            (119_000, "119 s"),
            (120_000, "2 min"),
            (7_200_000, "2 h"),
            (791_999_000, "9 d 3 h"),
            (40, "40 ms"),
        ];
        for (millis, text) in spans {
            assert_eq!(Span(Duration::from_millis(millis)).to_string(), text);
        }
        assert_eq!(Count(1_882_004).to_string(), "1,882,004");
        assert_eq!(Count(7).to_string(), "7");
    }

    proptest! {
        #[test]
        fn exact_forms_read_back(bytes in 0..u64::MAX, millis in 0..10_000_000_000u64) {
            prop_assert_eq!(parse_size(&exact_size(bytes)), Ok(bytes));
            let span = Duration::from_millis(millis);
            if millis % 1000 == 0 || millis < u64::from(u32::MAX) {
                prop_assert_eq!(parse_span(&exact_span(span)), Ok(span));
            }
        }
    }
}
