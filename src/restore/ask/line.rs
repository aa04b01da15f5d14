//! One line. Pure.

use std::ops::Range;

use super::error::{Kind, LINE_LIMIT, LineError, brief};
use super::words::{Word, Words, Wrong};
use super::{Ask, DestSpec, Names, dest, source};
use crate::base::Time;
use crate::base::near::nearest;

/// Words behind SOURCE DEST.
const OPTIONS: [&str; 2] = ["as-of", "overwrite"];

/// What a line asks for, or what is wrong with it; nothing for a line that is empty or only a comment.
pub fn parse_line(line: impl AsRef<[u8]>, names: &Names) -> Option<Result<Ask, LineError>> {
    let line = line.as_ref();
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > LINE_LIMIT {
        return Some(Err(too_long()));
    }
    read(line, names).map_err(|(kind, place)| kind.at(line, place)).transpose()
}

fn read(line: &[u8], names: &Names) -> Result<Option<Ask>, Wrong> {
    let mut words = Words::new(line);
    let Some(first) = words.next()? else { return Ok(None) };
    // All of them first: a quote that is never closed changes what every word before it was meant to be.
    let mut rest = Vec::new();
    while let Some(word) = words.next()? {
        rest.push(word);
    }
    let source = source::read(&first, names)?;
    let option = |word: &Word<'_>| OPTIONS.iter().any(|option| word.is(option));
    let (second, rest) = match rest.split_first() {
        Some((second, rest)) if !option(second) => (Some(second), rest),
        _ => (None, rest.as_slice()),
    };
    let many = source.is_many();
    let dest = match (second, &names.dest) {
        (Some(word), _) => dest::read(word, many, rest.first().is_some_and(|word| !option(word)), names)?,
        (None, Some(dest)) => of_form(dest, many).map_err(|kind| (kind, first.place.clone()))?,
        (None, None) => return Err((Kind::NoDest, first.place.end..first.place.end)),
    };
    let (at, overwrite) = options(rest)?;
    if let (Some((_, place)), Some(what)) = (&at, source.names_versions()) {
        return Err((Kind::AsOf(what), place.clone()));
    }
    Ok(Some(Ask { source, dest, at: at.map(|(at, _)| at), overwrite }))
}

fn of_form(dest: &DestSpec, many: bool) -> Result<DestSpec, Kind> {
    if many { dest.clone().for_many() } else { Ok(dest.clone()) }
}

/// A time, and where it stands in the line.
type Placed = (Time, Range<usize>);

/// The options, each once, in any order.
fn options(words: &[Word<'_>]) -> Result<(Option<Placed>, bool), Wrong> {
    let (mut at, mut overwrite) = (None, false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word.is("overwrite") {
            if std::mem::replace(&mut overwrite, true) {
                return Err((Kind::Twice("overwrite"), word.place.clone()));
            }
        } else if word.is("as-of") {
            if at.is_some() {
                return Err((Kind::Twice("as-of"), word.place.clone()));
            }
            let time = words.next().ok_or_else(|| (Kind::NoTime, word.place.clone()))?;
            let read = std::str::from_utf8(&time.bytes).ok().and_then(source::read_time);
            let read = read.ok_or_else(|| (Kind::Time(brief(&time.bytes)), time.place.clone()))?;
            at = Some((read, word.place.start..time.place.end));
        } else {
            let text = std::str::from_utf8(&word.bytes).unwrap_or_default();
            let near = nearest(text, OPTIONS);
            return Err((Kind::Option { found: brief(&word.bytes), near }, word.place.clone()));
        }
    }
    Ok((at, overwrite))
}

/// A line that is not kept, for it is too long.
pub(super) fn too_long() -> LineError {
    LineError { kind: Kind::TooLong, column: LINE_LIMIT + 1, length: 0 }
}
