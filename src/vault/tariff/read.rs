//! Reading a tariff, and what is wrong with one.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::{Peak, Rates, Row, Rule, SPEEDS, Tariff, place, tier_word};
use crate::base::near::nearest;
use crate::base::units::{parse_size, parse_span};
use crate::base::{Money, Shown};

/// A tariff that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TariffError {
    /// It is no TOML.
    #[error("tariff {tariff}:{line}: not TOML: {message}")]
    NotToml {
        /// The tariff, safe to show.
        tariff: String,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// It says something that means nothing or that is not allowed.
    #[error("tariff {tariff}:{line}: {at}: found {found}; allowed is {allowed}")]
    Found {
        /// The tariff, safe to show.
        tariff: String,
        /// The line, from 1.
        line: usize,
        /// The key, safe to show.
        at: String,
        /// What was found, safe to show.
        found: String,
        /// What would be right, and the nearest name where one is near.
        allowed: String,
    },
    /// It does not say what it must.
    #[error("tariff {tariff}:{line}: {at}: it is missing; write {wanted}")]
    Missing {
        /// The tariff, safe to show.
        tariff: String,
        /// The line of the section that should have it, from 1.
        line: usize,
        /// The key.
        at: String,
        /// What belongs there.
        wanted: String,
    },
    /// There is no tariff of that name.
    #[error("no tariff is called \"{name}\"; the tariffs are {known}; or write the path of a file{near}")]
    NoSuch {
        /// The name, safe to show.
        name: String,
        /// The names there are.
        known: String,
        /// The nearest name, as the end of a sentence, or nothing.
        near: String,
    },
    /// Its file cannot be read.
    #[error("cannot read the tariff {place}: {detail}; mend [vault] tariff, or name one of {}", Tariff::names().collect::<Vec<_>>().join(", "))]
    Unread {
        /// The file, safe to show.
        place: String,
        /// What is wrong with it.
        detail: String,
    },
}

/// A tariff file is no longer than this, bytes.
const LONGEST: u64 = 1 << 20;
/// A text in a tariff is no longer than this, bytes.
const LONGEST_TEXT: usize = 300;
/// No row is dearer than this, dollars: whoever writes more has slipped a digit, and no product overflows.
const DEAREST: i64 = 1000;

type Result<T> = std::result::Result<T, TariffError>;

/// The text of a tariff file.
pub(super) fn text_of(path: &Path) -> Result<String> {
    let unread = |detail: String| TariffError::Unread { place: Shown::path(path).to_string(), detail };
    // A pipe would be waited for.
    if !std::fs::metadata(path).map_err(|e| unread(e.to_string()))?.is_file() {
        return Err(unread("it is not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    read.map_err(|e| unread(e.to_string()))?;
    if bytes.len() as u64 > LONGEST {
        return Err(unread(format!("it has over {LONGEST} bytes: it is something else")));
    }
    String::from_utf8(bytes).map_err(|e| {
        let before = e.as_bytes().get(..e.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        unread(format!("line {line} has bytes that are not UTF-8; save it as UTF-8"))
    })
}

/// That no tariff has this name.
pub(super) fn no_such(name: &str) -> TariffError {
    TariffError::NoSuch {
        name: Shown::text(name).to_string(),
        known: Tariff::names().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "),
        near: did_you_mean(name, Tariff::names()),
    }
}

/// `; did you mean "bulk"?`, if a known word is near.
fn did_you_mean<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> String {
    nearest(word, known).map_or_else(String::new, |best| format!("; did you mean \"{best}\"?"))
}

const SECTIONS: [&str; 15] = [
    "name",
    "title",
    "currency",
    "gigabyte",
    "rule",
    "minimum_days",
    "peak",
    "storage",
    "upload",
    "egress",
    "inventory",
    "immediate",
    "expedited",
    "standard",
    "bulk",
];
const A_ROW: &str = "a section of value, source, date and verified";
const A_TIER: &str = "a section of fastest, slowest, perhaps largest, and the rows gigabyte and requests";
const A_PEAK: &str = "a section of free_percent, month_days, month_hours and job_hours";

/// Reads a tariff.
pub(super) fn tariff(called: &str, text: &str) -> Result<Tariff> {
    let file = File { called, text };
    let document = DeTable::parse(text).map_err(|error| TariffError::NotToml {
        tariff: Shown::text(called).to_string(),
        line: file.line(&error.span().unwrap_or(0..0)),
        message: Shown::text(error.message().lines().next().unwrap_or("it cannot be read")).to_string(),
    })?;
    let top = Section { file: &file, at: String::new(), line: 1, table: document.get_ref() };
    top.only(&SECTIONS)?;
    let (_, currency) = top.word("currency", "\"USD\"")?;
    if currency != "USD" {
        let allowed = "\"USD\": firn reckons in US dollars alone; convert the prices and say so in their sources";
        return Err(top.found("currency", format!("\"{}\"", Shown::text(&currency)), allowed));
    }
    let (_, name) = top.word("name", A_NAME)?;
    if !is_name(&name) {
        return Err(top.found("name", format!("\"{}\"", Shown::text(&name)), A_NAME));
    }
    let rule = rule(&top)?;
    let row = |key: &str| top.row(key);
    let two = "1073741824 or 1000000000";
    let gigabyte = top.whole("gigabyte", 1_000_000_000..=1 << 30, two)?;
    if ![1_000_000_000, 1 << 30].contains(&gigabyte) {
        return Err(top.found("gigabyte", gigabyte.to_string(), two));
    }
    let mut tariff = Tariff {
        name,
        title: top.word("title", "what it is, in words, in quotes")?.1,
        gigabyte,
        rule,
        minimum_days: u32::try_from(top.whole("minimum_days", 0..=3650, "a number of days, up to 3650")?).unwrap_or(0),
        storage: row("storage")?,
        upload: row("upload")?,
        egress: row("egress")?,
        inventory: row("inventory")?,
        rates: [const { None }; SPEEDS.len()],
    };
    for tier in SPEEDS {
        let rates = top.section(tier_word(tier), A_TIER)?.map(|section| rates(&section)).transpose()?;
        if let Some(slot) = tariff.rates.get_mut(place(tier)) {
            *slot = rates;
        }
    }
    if tariff.tiers().next().is_none() {
        let words = SPEEDS.map(|tier| format!("[{}]", tier_word(tier)));
        return Err(top.missing("tiers", &format!("at least one of {}, {A_TIER}", words.join(", "))));
    }
    Ok(tariff)
}

const A_NAME: &str = "a name of lower-case letters, digits and \"-\", 64 at most, in quotes";

fn is_name(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(fine)
}

fn rule(top: &Section<'_>) -> Result<Rule> {
    let allowed = "\"per-gigabyte\" or \"peak-hour\"";
    let (_, word) = top.word("rule", allowed)?;
    let peak = top.section("peak", A_PEAK)?;
    match (word.as_str(), peak) {
        ("per-gigabyte", None) => Ok(Rule::PerGigabyte),
        ("per-gigabyte", Some(peak)) => Err(TariffError::Found {
            tariff: Shown::text(top.file.called).to_string(),
            line: peak.line,
            at: "peak".to_owned(),
            found: "a section".to_owned(),
            allowed: "none where rule is \"per-gigabyte\": take it away, or write rule = \"peak-hour\"".to_owned(),
        }),
        ("peak-hour", None) => Err(top.missing("peak", &format!("[peak], {A_PEAK}"))),
        ("peak-hour", Some(peak)) => {
            peak.only(&["free_percent", "month_days", "month_hours", "job_hours"])?;
            let whole = |key: &str, most: u32| {
                let least = u64::from(key != "free_percent");
                let allowed = format!("a whole number from {least} to {most}");
                peak.whole(key, least..=u64::from(most), &allowed).map(|n| u32::try_from(n).unwrap_or(most))
            };
            Ok(Rule::PeakHour(Peak {
                free_percent: whole("free_percent", 100)?,
                month_days: whole("month_days", 31)?,
                month_hours: whole("month_hours", 744)?,
                job_hours: whole("job_hours", 24)?,
            }))
        }
        _ => Err(top.found(
            "rule",
            format!("\"{}\"", Shown::text(&word)),
            &format!("{allowed}{}", did_you_mean(&word, ["per-gigabyte", "peak-hour"])),
        )),
    }
}

fn rates(section: &Section<'_>) -> Result<Rates> {
    section.only(&["fastest", "slowest", "largest", "gigabyte", "requests"])?;
    let rates = Rates {
        gigabyte: section.row("gigabyte")?,
        requests: section.row("requests")?,
        fastest: section.span("fastest")?,
        slowest: section.span("slowest")?,
        largest: section.size("largest")?,
    };
    if rates.fastest > rates.slowest {
        return Err(section.found(
            "slowest",
            "less than fastest".to_owned(),
            "what a job takes at the worst: as long as fastest, or longer",
        ));
    }
    Ok(rates)
}

/// A tariff while it is read.
struct File<'a> {
    called: &'a str,
    text: &'a str,
}

impl File<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        self.text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1)
    }
}

/// A section of it, or its top.
struct Section<'a> {
    file: &'a File<'a>,
    at: String,
    line: usize,
    table: &'a DeTable<'a>,
}

impl<'a> Section<'a> {
    fn path(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at) }
    }

    /// The value of a key, and its line.
    fn value(&self, key: &str) -> Option<(usize, &'a DeValue<'a>)> {
        let (found, value) = self.table.iter().find(|(found, _)| found.get_ref().as_ref() == key)?;
        Some((self.file.line(&found.span()), value.get_ref()))
    }

    /// Refuses keys other than these.
    fn only(&self, known: &[&str]) -> Result<()> {
        // The first in the file, not the first by name.
        let mut unknown = BTreeMap::new();
        for key in self.table.keys() {
            if !known.contains(&key.get_ref().as_ref()) {
                unknown.insert(key.span().start, key);
            }
        }
        let Some(key) = unknown.into_values().next() else { return Ok(()) };
        let word = key.get_ref().as_ref();
        let place = if self.at.is_empty() { "the file".to_owned() } else { self.at.clone() };
        Err(TariffError::Found {
            tariff: Shown::text(self.file.called).to_string(),
            line: self.file.line(&key.span()),
            at: place,
            found: format!("\"{}\"", Shown::text(word)),
            allowed: format!("{}{}", known.join(", "), did_you_mean(word, known.iter().copied())),
        })
    }

    fn found(&self, key: &str, found: String, allowed: &str) -> TariffError {
        TariffError::Found {
            tariff: Shown::text(self.file.called).to_string(),
            line: self.value(key).map_or(self.line, |(line, _)| line),
            at: self.path(key),
            found,
            allowed: allowed.to_owned(),
        }
    }

    fn missing(&self, key: &str, wanted: &str) -> TariffError {
        TariffError::Missing {
            tariff: Shown::text(self.file.called).to_string(),
            line: self.line,
            at: self.path(key),
            wanted: wanted.to_owned(),
        }
    }

    /// A text in quotes, not empty and not endless, with its line.
    fn word(&self, key: &str, allowed: &str) -> Result<(usize, String)> {
        match self.value(key) {
            None => Err(self.missing(key, allowed)),
            Some((line, DeValue::String(text))) if !text.is_empty() && text.len() <= LONGEST_TEXT => {
                Ok((line, text.clone().into_owned()))
            }
            Some((_, DeValue::String(text))) if text.is_empty() => Err(self.found(key, "\"\"".to_owned(), allowed)),
            Some((_, DeValue::String(text))) => {
                let found = format!("a text of {} bytes", text.len());
                Err(self.found(key, found, &format!("{LONGEST_TEXT} bytes at most: {allowed}")))
            }
            Some((_, other)) => Err(self.found(key, shown(other), allowed)),
        }
    }

    fn whole(&self, key: &str, within: std::ops::RangeInclusive<u64>, allowed: &str) -> Result<u64> {
        match self.value(key) {
            None => Err(self.missing(key, allowed)),
            Some((_, value)) => {
                let read = match value {
                    DeValue::Integer(n) if n.radix() == 10 => n.as_str().replace('_', "").parse().ok(),
                    _ => None,
                };
                read.filter(|n| within.contains(n)).ok_or_else(|| self.found(key, shown(value), allowed))
            }
        }
    }

    fn span(&self, key: &str) -> Result<Duration> {
        let allowed = "a span of time up to 90d, such as \"5m\" or \"12h\", in quotes";
        let (_, text) = self.word(key, allowed)?;
        let read = parse_span(&text).ok().filter(|span| *span <= Duration::from_hours(24 * 90));
        read.ok_or_else(|| self.found(key, format!("\"{}\"", Shown::text(&text)), allowed))
    }

    fn size(&self, key: &str) -> Result<Option<u64>> {
        if self.value(key).is_none() {
            return Ok(None);
        }
        let allowed = "a size, such as \"250MB\", in quotes; or no such key";
        let (_, text) = self.word(key, allowed)?;
        let read = parse_size(&text).ok().filter(|bytes| *bytes > 0);
        read.map(Some).ok_or_else(|| self.found(key, format!("\"{}\"", Shown::text(&text)), allowed))
    }

    fn section(&self, key: &str, allowed: &str) -> Result<Option<Section<'a>>> {
        match self.value(key) {
            None => Ok(None),
            Some((line, DeValue::Table(table))) => {
                Ok(Some(Section { file: self.file, at: self.path(key), line, table }))
            }
            Some((_, other)) => Err(self.found(key, shown(other), allowed)),
        }
    }

    fn row(&self, key: &str) -> Result<Row> {
        let path = self.path(key);
        let section = self.section(key, A_ROW)?.ok_or_else(|| self.missing(key, &format!("[{path}], {A_ROW}")))?;
        section.only(&["value", "source", "date", "verified"])?;
        let money =
            format!("dollars up to {DEAREST} in quotes, with up to nine digits after the point, such as \"0.0025\"");
        let (_, text) = section.word("value", &money)?;
        let most = Money::from_cents(DEAREST * 100);
        let value = Money::parse(&text)
            .filter(|value| *value <= most)
            .ok_or_else(|| section.found("value", format!("\"{}\"", Shown::text(&text)), &money))?;
        let (_, source) = section.word("source", "where the price was read, in quotes")?;
        let day = "the day it was read, such as \"2026-11-22\", in quotes";
        let (_, date) = section.word("date", day)?;
        if date.len() != 10 || date.parse::<jiff::civil::Date>().is_err() {
            return Err(section.found("date", format!("\"{}\"", Shown::text(&date)), day));
        }
        let truth = "true where the price was read in its source, else false";
        let verified = match section.value("verified") {
            None => return Err(section.missing("verified", truth)),
            Some((_, DeValue::Boolean(verified))) => *verified,
            Some((_, other)) => return Err(section.found("verified", shown(other), truth)),
        };
        Ok(Row { value, source, date, verified })
    }
}

/// A value in words, safe to show.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("\"{}\"", Shown::text(text)),
        DeValue::Integer(number) => Shown::text(number.as_str()).to_string(),
        DeValue::Float(number) => Shown::text(number.as_str()).to_string(),
        other => format!("a value of type {}", other.type_str()),
    }
}
