//! What is written in a key of its own shape: classes of jobs, tables, clocks, hosts, channels, queries.

use std::time::Duration;

use crate::base::Shown;
use crate::base::units::parse_span;
use crate::config::schema::{self, nearest};

/// Longest `jobs_query`, bytes.
const LONGEST_QUERY: usize = 4096;
/// Most classes of jobs.
const CLASSES: usize = 32;

pub(super) fn known_class(word: &str, names: &[String]) -> Result<String, String> {
    if names.iter().any(|name| name == word) {
        return Ok(word.to_owned());
    }
    let near = nearest(word, names.iter().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    Err(format!("found \"{}\", which is no class of jobs{near}; there are {}", Shown::text(word), names.join(", ")))
}

/// `reindex:4h, copy:90m`, or `none`.
pub(super) fn classes(text: &str) -> Result<Vec<(String, Duration)>, String> {
    let allowed = "allowed are names with how long one may run, such as \"reindex:4h, copy:90m\", or \"none\"";
    if text == "none" {
        return Ok(Vec::new());
    }
    let mut all: Vec<(String, Duration)> = Vec::new();
    for item in text.split(',') {
        let wrong = |why: &str| format!("found \"{}\"{why}; {allowed}", Shown::text(item.trim()));
        let (name, longest) = item.trim().split_once(':').ok_or_else(|| wrong(""))?;
        let name = name.trim();
        if schema::Kind::Name.read(name).is_none() {
            return Err(wrong(", and a name is letters, digits, \"_\", \".\" and \"-\""));
        }
        let longest = parse_span(longest).map_err(|_| wrong(""))?;
        if longest.is_zero() || longest > Duration::from_hours(720) {
            return Err(wrong(", and a job runs from 1 s to 30 d"));
        }
        if let Some(key) = ["backup", "deshard"].into_iter().find(|post| *post == name) {
            return Err(wrong(&format!(", whose limit is max_{key}_behind")));
        }
        if all.iter().any(|(other, _)| other == name) {
            return Err(wrong(" a second time"));
        }
        if all.len() + 2 >= CLASSES {
            return Err(wrong(&format!(", one more than the {CLASSES} classes there may be")));
        }
        all.push((name.to_owned(), longest));
    }
    Ok(all)
}

/// `DATABASE.TABLE`, of names that need no more than quotes.
pub(super) fn table(text: &str) -> Result<(String, String), String> {
    let fine = |name: &str| {
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '-');
        (1..=64).contains(&name.len()) && name.chars().all(letter)
    };
    match text.split_once('.') {
        Some((database, table)) if fine(database) && fine(table) => Ok((database.to_owned(), table.to_owned())),
        _ => Err(format!(
            "found \"{}\"; allowed is DATABASE.TABLE, each of letters, digits, \"_\", \"$\" and \"-\", 64 at most",
            Shown::text(text)
        )),
    }
}

/// How far a clock is ahead of UTC, seconds.
pub(super) fn offset(text: &str) -> Result<i32, String> {
    let wrong = || {
        format!(
            "found \"{}\"; allowed is \"utc\" or a fixed offset such as \"+09:00\": a zone by its name changes its offset \
             twice a year, and delays would be wrong by an hour",
            Shown::text(text)
        )
    };
    if text.eq_ignore_ascii_case("utc") {
        return Ok(0);
    }
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return Err(wrong()),
    };
    let (hours, minutes) = rest.split_once(':').ok_or_else(wrong)?;
    let two = |digits: &str| {
        let fine = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        fine.then(|| digits.parse::<i32>().ok()).flatten().ok_or_else(wrong)
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let secs = sign * (hours * 3600 + minutes * 60);
    // What MySQL takes for an offset.
    if minutes < 60 && (-50_340..=50_400).contains(&secs) { Ok(secs) } else { Err(wrong()) }
}

pub(super) fn host(text: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '@' | '\'' | '"' | '`' | '[' | ']');
    if text.len() <= 255 && text.chars().all(fine) && text.matches(':').count() != 1 {
        return Ok(text.to_owned());
    }
    Err(format!("found \"{}\"; allowed is a host name or an address, without a port", Shown::text(text)))
}

pub(super) fn channel(text: &str) -> Result<String, String> {
    if text.len() <= 64 && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("found \"{}\"; allowed is a channel's name, 64 bytes at most", Shown::text(text)))
}

/// One SELECT.
pub(super) fn query(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    let select = trimmed.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"))
        && trimmed[6..].starts_with(char::is_whitespace);
    let why = if !select {
        "which is no SELECT"
    } else if trimmed.contains(';') {
        "with a \";\" in it"
    } else if trimmed.len() > LONGEST_QUERY {
        "which is too long"
    } else {
        return Ok(trimmed.to_owned());
    };
    let begin: String = trimmed.chars().take(40).collect();
    Err(format!(
        "found \"{}\", {why}; allowed is one SELECT of three columns (class, start, end), {LONGEST_QUERY} bytes at most",
        Shown::text(&begin)
    ))
}
