//! Places in logs: read, checked, put in order.

use std::cmp::Ordering;

use crate::base::Shown;
use crate::delay::seen::Position;

/// The longest name of a log that is taken (the server's own limit is 511 bytes with the folder).
const LONGEST: usize = 255;

/// The first event of a log begins here, after its magic number.
const FIRST: u64 = 4;

/// A text that is no place in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// No `FILE:POSITION`.
    #[error("\"{0}\" is no place in a log; write FILE:POSITION, such as binlog.000123:4567")]
    Shape(String),
    /// Not the name of a log.
    #[error(
        "\"{0}\" is not the name of a log file; it ends in a dot and digits (binlog.000123), without folder, and is made of letters, digits and . _ - @ + ~ ="
    )]
    File(String),
    /// No byte of a log.
    #[error("{0} is not a position in a log; positions are whole numbers from {FIRST} (where the first event begins)")]
    At(String),
}

/// The name of a log: what all logs of one server begin with, and its number.
fn parts(file: &str) -> Option<(&str, u64)> {
    let (base, number) = file.rsplit_once('.')?;
    if base.is_empty() || number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((base, number.parse().ok()?))
}

/// What all logs of one server begin with: `binlog` of `binlog.000123`.
pub fn base(file: &str) -> Option<&str> {
    parts(file).map(|(base, _)| base)
}

/// Checks the name of a log before it stands in a statement.
pub fn check_file(file: &str) -> Result<(), PlaceError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-@+~=".contains(c);
    // A name that begins with a dash would be read as an option by the tools it is handed to.
    if file.len() > LONGEST || !file.chars().all(plain) || file.starts_with('-') || parts(file).is_none() {
        return Err(PlaceError::File(cut(file)));
    }
    Ok(())
}

/// Reads `FILE:POSITION`.
pub fn parse(text: &str) -> Result<Position, PlaceError> {
    let (file, at) = text.trim().rsplit_once(':').ok_or_else(|| PlaceError::Shape(cut(text)))?;
    check_file(file)?;
    let wrong = || PlaceError::At(cut(at));
    if !at.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let at: u64 = at.parse().map_err(|_| wrong())?;
    if at < FIRST { Err(wrong()) } else { Ok(Position { file: file.to_owned(), at }) }
}

/// What was written, short and safe to show.
fn cut(text: &str) -> String {
    Shown::text(&text.chars().take(80).collect::<String>()).to_string()
}

/// Which of two places comes first; nothing where they are not in logs of one name. Numbers count, not letters: log
/// 1000000 comes after log 999999.
pub fn order(a: &Position, b: &Position) -> Option<Ordering> {
    let ((base_a, number_a), (base_b, number_b)) = (parts(&a.file)?, parts(&b.file)?);
    (base_a == base_b).then(|| (number_a, a.at).cmp(&(number_b, b.at)))
}

/// `FILE:POSITION`, safe to show.
pub fn word(place: &Position) -> String {
    format!("{}:{}", Shown::text(&place.file), place.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(file: &str, at: u64) -> Position {
        Position { file: file.to_owned(), at }
    }

    #[test]
    fn places_are_read_or_refused_with_the_reason() {
        assert_eq!(parse("binlog.000123:4567"), Ok(at("binlog.000123", 4567)));
        assert_eq!(parse(" db-1.relay@002d-bin.1000000:4 "), Ok(at("db-1.relay@002d-bin.1000000", 4)));
        for (text, why) in [
            (
                "binlog.000123",
                "\"binlog.000123\" is no place in a log; write FILE:POSITION, such as binlog.000123:4567",
            ),
            ("binlog:17", "\"binlog\" is not the name of a log file"),
            ("/var/lib/binlog.000001:17", "\"/var/lib/binlog.000001\" is not the name of a log file"),
            ("a'b.000001:17", "\"a'b.000001\" is not the name of a log file"),
            ("-e.000001:17", "\"-e.000001\" is not the name of a log file"),
            ("binlog.000001:3", "3 is not a position in a log; positions are whole numbers from 4"),
            ("binlog.000001:+5", "+5 is not a position in a log"),
            ("binlog.000001:99999999999999999999", "99999999999999999999 is not a position in a log"),
        ] {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.starts_with(why), "{text}: {said}");
        }
        let long = format!("{}.000001:4", "a".repeat(300));
        assert!(parse(&long).unwrap_err().to_string().len() < 300);
    }

    #[test]
    fn logs_are_in_order_by_their_number_and_only_under_one_name() {
        assert_eq!(order(&at("b.999999", 900), &at("b.1000000", 4)), Some(Ordering::Less));
        assert_eq!(order(&at("b.000002", 4), &at("b.000001", 900)), Some(Ordering::Greater));
        assert_eq!(order(&at("b.000002", 4), &at("b.2", 4)), Some(Ordering::Equal));
        assert_eq!(order(&at("b.000001", 4), &at("c.000001", 4)), None);
        assert_eq!(order(&at("INVALID", 0), &at("c.000001", 4)), None);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(number in 0u64..2_000_000_000, place in 4u64..u64::MAX) {
            let place = at(&format!("mysql-bin.{number:06}"), place);
            prop_assert_eq!(parse(&word(&place)), Ok(place));
        }
    }
}
