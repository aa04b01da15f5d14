//! The SOURCE of a line. Pure.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use uuid::Uuid;

use super::error::{Kind, brief};
use super::words::{Word, Wrong, list, quoted};
use super::{Names, exact};
use crate::base::Time;
use crate::base::ids::{ArchiveUuid, FileId, Key};
use crate::base::near::nearest;
use crate::base::url::{Owner, Url, UrlError};

/// Which files are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SourceSpec {
    /// A file of a source by its key; where no file has that key, everything below it as a folder. One that ends with a
    /// slash is a folder.
    Path {
        /// The source.
        source: Arc<str>,
        /// Never empty.
        key: Key,
    },
    /// Everything of a source.
    Source(Arc<str>),
    /// Keys of a source that begin so.
    Prefix {
        /// The source.
        source: Arc<str>,
        /// How they begin.
        prefix: Key,
    },
    /// A MogileFS file by its fid, from 1.
    Fid(u64),
    /// A MogileFS file by domain and key.
    Mogile {
        /// The domain.
        domain: Arc<str>,
        /// Never empty.
        key: Key,
    },
    /// A version of a file.
    Version(FileId),
    /// All files of an archive.
    Archive(ArchiveUuid),
    /// What a vault took from `from` on and before `to`.
    Between {
        /// Of that source alone.
        source: Option<Arc<str>>,
        /// From.
        from: Time,
        /// To, without it.
        to: Time,
    },
    /// All there is.
    Everything,
}

/// Words that stand before a colon and are no source's name.
const RESERVED: [&str; 12] =
    ["fid", "mogile", "http", "https", "source", "prefix", "archive", "version", "between", "everything", "file", "s3"];

/// Where the rest of a word begins, behind a head and its colon.
fn behind(head: &str) -> usize {
    head.len() + 1
}

impl SourceSpec {
    /// Whether it names many files by itself, whatever the catalog holds.
    pub fn is_many(&self) -> bool {
        match self {
            Self::Path { key, .. } => key.as_bytes().ends_with(b"/"),
            Self::Fid(_) | Self::Mogile { .. } | Self::Version(_) => false,
            Self::Source(_) | Self::Prefix { .. } | Self::Archive(_) | Self::Between { .. } | Self::Everything => true,
        }
    }

    /// What it is called where `as-of` does not go with it.
    pub fn names_versions(&self) -> Option<&'static str> {
        match self {
            Self::Fid(_) => Some("fid:"),
            Self::Version(_) => Some("version:"),
            Self::Archive(_) => Some("archive:"),
            Self::Between { .. } => Some("between:"),
            Self::Path { .. } | Self::Source(_) | Self::Prefix { .. } | Self::Mogile { .. } | Self::Everything => None,
        }
    }

    /// As a word, before it is quoted.
    fn word(&self) -> Vec<u8> {
        let named = |source: &str| {
            let keyword = if RESERVED.contains(&source) { "source:" } else { "" };
            format!("{keyword}{source}:").into_bytes()
        };
        match self {
            Self::Path { source, key } => [&named(source), key.as_bytes()].concat(),
            Self::Source(source) => named(source),
            Self::Prefix { source, prefix } => [b"prefix:", source.as_bytes(), b":", prefix.as_bytes()].concat(),
            Self::Fid(fid) => format!("fid:{fid}").into_bytes(),
            Self::Mogile { domain, key } => [b"mogile://", domain.as_bytes(), b"/", key.as_bytes()].concat(),
            Self::Version(file) => format!("version:{file}").into_bytes(),
            Self::Archive(uuid) => format!("archive:{uuid}").into_bytes(),
            Self::Between { source, from, to } => {
                let source = source.as_ref().map_or_else(String::new, |source| format!("{source}:"));
                format!("between:{source}{}..{}", exact(*from), exact(*to)).into_bytes()
            }
            Self::Everything => b"everything:".to_vec(),
        }
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.word()))
    }
}

/// Reads the first word of a line.
pub(super) fn read(word: &Word<'_>, names: &Names) -> Result<SourceSpec, Wrong> {
    let bytes: &[u8] = &word.bytes;
    let all = || word.place.clone();
    let Some(colon) = bytes.iter().position(|byte| *byte == b':') else {
        if let Some(source) = names.source(bytes) {
            return Ok(SourceSpec::Source(Arc::clone(source)));
        }
        if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit) {
            return Err((Kind::Number(brief(bytes)), all()));
        }
        let found = brief(bytes);
        if RESERVED.iter().any(|head| bytes == head.as_bytes()) {
            let near = Some(format!("{found}:"));
            return Err((Kind::NoSource { found, near, known: String::new() }, all()));
        }
        let text = std::str::from_utf8(bytes).ok();
        let near = text.filter(|text| !text.is_empty()).and_then(|text| nearest(text, names.source_names()));
        let known = names.sources_known();
        let kind = match near.map(str::to_owned) {
            Some(near) => Kind::NoSource { found, near: Some(near), known },
            None => Kind::Bare { found, known },
        };
        return Err((kind, all()));
    };
    let (head, rest) = (&bytes[..colon], &bytes[colon + 1..]);
    if let Some(url) = Url::read(bytes) {
        return by_url(word, url, names);
    }
    let Some(reserved) = RESERVED.into_iter().find(|word| head == word.as_bytes()) else {
        return of_source(word, 0..colon, names);
    };
    let read = keyword(word, reserved, rest, names);
    // Its name is a word of the grammar, and what follows makes no sense with it.
    let meant = read.is_err() && reserved != "source" && names.source(head).is_some();
    if meant { Err((Kind::Reserved(reserved), word.within(0..colon + 1))) } else { read }
}

/// What stands behind a word of the grammar.
fn keyword(word: &Word<'_>, head: &'static str, rest: &[u8], names: &Names) -> Result<SourceSpec, Wrong> {
    let at = behind(head);
    let behind = || if rest.is_empty() { word.place.clone() } else { word.within(at..at + rest.len()) };
    let text = std::str::from_utf8(rest).ok();
    let number = || {
        let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|text| text.parse::<i64>().ok()).filter(|number| *number > 0)
    };
    match head {
        "fid" => match number() {
            Some(fid) => Ok(SourceSpec::Fid(fid.unsigned_abs())),
            None => Err((Kind::Fid(brief(rest)), behind())),
        },
        "version" => match number() {
            Some(file) => Ok(SourceSpec::Version(FileId(file))),
            None => Err((Kind::Version(brief(rest)), behind())),
        },
        // Spelled as firn prints it: other spellings of a UUID are other things' names.
        "archive" => match text.filter(|text| text.len() == 36).and_then(|text| Uuid::try_parse(text).ok()) {
            Some(uuid) => Ok(SourceSpec::Archive(ArchiveUuid(uuid))),
            None => Err((Kind::Archive(brief(rest)), behind())),
        },
        "everything" if rest.is_empty() => Ok(SourceSpec::Everything),
        "everything" => Err((Kind::Everything, behind())),
        "between" => between(word, at, rest, names),
        "mogile" => mogile(word, at, rest, names),
        "source" | "prefix" => {
            let Some(colon) = rest.iter().position(|byte| *byte == b':') else {
                return match names.source(rest) {
                    Some(source) if head == "source" => Ok(SourceSpec::Source(Arc::clone(source))),
                    Some(source) => Ok(SourceSpec::Prefix { source: Arc::clone(source), prefix: Key::new([]) }),
                    None => Err((no_source(rest, names), behind())),
                };
            };
            let spec = of_source(word, at..at + colon, names)?;
            Ok(match spec {
                SourceSpec::Path { source, key } if head == "prefix" => SourceSpec::Prefix { source, prefix: key },
                SourceSpec::Source(source) if head == "prefix" => SourceSpec::Prefix { source, prefix: Key::new([]) },
                spec => spec,
            })
        }
        "http" | "https" => Err((Kind::Url(UrlError::NoHost), word.place.clone())),
        other => Err((Kind::Destination(other), word.within(0..at))),
    }
}

/// `NAME:PATH`, with the name at that place of the word.
fn of_source(word: &Word<'_>, name: Range<usize>, names: &Names) -> Result<SourceSpec, Wrong> {
    let found = &word.bytes[name.clone()];
    let Some(source) = names.source(found) else {
        let place = if found.is_empty() { word.place.clone() } else { word.within(name) };
        return Err((no_source(found, names), place));
    };
    let source = Arc::clone(source);
    let key = &word.bytes[name.end + 1..];
    Ok(if key.is_empty() { SourceSpec::Source(source) } else { SourceSpec::Path { source, key: Key::new(key) } })
}

fn no_source(found: &[u8], names: &Names) -> Kind {
    let text = std::str::from_utf8(found).unwrap_or_default();
    let near = nearest(text, names.source_names().chain(RESERVED[..10].iter().copied()));
    let near = near.filter(|_| !text.is_empty()).map(str::to_owned);
    Kind::NoSource { found: brief(found), near, known: names.sources_known() }
}

fn mogile(word: &Word<'_>, at: usize, rest: &[u8], names: &Names) -> Result<SourceSpec, Wrong> {
    let wrong = || (Kind::Mogile(brief(&word.bytes)), word.place.clone());
    let path = rest.strip_prefix(b"//").ok_or_else(wrong)?;
    let slash = path.iter().position(|byte| *byte == b'/').ok_or_else(wrong)?;
    let (found, key) = (&path[..slash], &path[slash + 1..]);
    if found.is_empty() || key.is_empty() {
        return Err(wrong());
    }
    let place = word.within(at + 2..at + 2 + slash);
    let domain = domain(found, names).map_err(|kind| (kind, place))?;
    Ok(SourceSpec::Mogile { domain, key: Key::new(key) })
}

/// The domain of that name. Where none is known any may be meant: what there is to restore says the verdict.
fn domain(found: &[u8], names: &Names) -> Result<Arc<str>, Kind> {
    if let Some(known) = names.domains.iter().find(|known| known.as_bytes() == found) {
        return Ok(Arc::clone(known));
    }
    match std::str::from_utf8(found) {
        Ok(text) if names.domains.is_empty() => Ok(text.into()),
        text => {
            let known = || names.domains.iter().map(|name| &**name);
            let near = text.ok().and_then(|text| nearest(text, known())).map(str::to_owned);
            let known = format!("there are: {}", list(known().collect::<Vec<_>>().into_iter()));
            Err(Kind::NoDomain { found: brief(found), near, known })
        }
    }
}

fn by_url(word: &Word<'_>, url: Result<Url, UrlError>, names: &Names) -> Result<SourceSpec, Wrong> {
    let all = || word.place.clone();
    let url = url.map_err(|error| match error {
        UrlError::Escape(at) => (Kind::Url(error), word.within(at..(at + 3).min(word.bytes.len()))),
        UrlError::NoHost => (Kind::Url(error), all()),
    })?;
    if names.urls.is_empty() {
        return Err((Kind::NoPatterns, all()));
    }
    let (owner, key) = names.urls.iter().find_map(|rule| rule.find(&url)).ok_or_else(|| (Kind::NoPattern, all()))?;
    let key = Key::new(key);
    match owner {
        Owner::Source(name) => match names.source(&name) {
            Some(source) => Ok(SourceSpec::Path { source: Arc::clone(source), key }),
            None => Err((no_source(&name, names), all())),
        },
        Owner::Domain(name) => {
            let domain = domain(&name, names).map_err(|kind| (kind, all()))?;
            Ok(SourceSpec::Mogile { domain, key })
        }
    }
}

fn between(word: &Word<'_>, at: usize, rest: &[u8], names: &Names) -> Result<SourceSpec, Wrong> {
    let all = || word.place.clone();
    let times = |bytes: &[u8]| {
        let (from, to) = std::str::from_utf8(bytes).ok()?.split_once("..")?;
        Some((read_time(from)?, read_time(to)?))
    };
    let (source, times) = if let Some(times) = times(rest) {
        (None, times)
    } else {
        let wrong = || (Kind::Between(brief(rest)), all());
        let colon = rest.iter().position(|byte| *byte == b':').ok_or_else(wrong)?;
        let times = times(&rest[colon + 1..]).ok_or_else(wrong)?;
        let found = &rest[..colon];
        let place = if found.is_empty() { all() } else { word.within(at..at + colon) };
        let source = names.source(found).ok_or_else(|| (no_source(found, names), place))?;
        (Some(Arc::clone(source)), times)
    };
    let (from, to) = times;
    if from >= to {
        return Err((Kind::Empty { from: exact(from), to: exact(to) }, all()));
    }
    Ok(SourceSpec::Between { source, from, to })
}

/// `2026-11-22` (midnight, UTC) or `2026-11-22T12:00:00Z`; another offset than `Z` is understood, too.
pub fn read_time(text: &str) -> Option<Time> {
    let stamp = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        // A time of day without its offset would be another moment for everybody who writes it.
        let date = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == "2026-11-22".len())?;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    })?;
    Some(Time::from_micros(stamp.as_microsecond()))
}
