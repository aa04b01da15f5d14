//! What can be wrong with a line: one sentence each, with its place.

use super::words;
use crate::base::Shown;
use crate::base::url::UrlError;

/// A line may have this many bytes.
pub const LINE_LIMIT: usize = 8192;

/// A line that asks for nothing that can be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {kind}")]
pub struct LineError {
    /// What is wrong.
    pub kind: Kind,
    /// Where it begins: the place of a character in the line, from 1.
    pub column: usize,
    /// How many characters it goes on for; 0 where something is missing.
    pub length: usize,
}

/// What is wrong with a line. Texts in it are safe to show, and short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Kind {
    /// Over [`LINE_LIMIT`].
    #[error("the line goes on for over {LINE_LIMIT} bytes; a line names one source and one destination")]
    TooLong,
    /// A quote without an end.
    #[error("the quote {0} that opens here is never closed")]
    OpenQuote(char),
    /// A backslash in double quotes before something else than it may stand before.
    #[error("{0} is no escape; in double quotes there are \\\", \\\\, \\xNN (a byte) and \\u{{N}} (a character)")]
    Escape(String),
    /// A control character outside quotes.
    #[error("here is a control character; in double quotes it is written {0}")]
    Control(String),
    /// A blank that is none.
    #[error(
        "here is U+{0:04X}, a blank that does not separate words; put a plain one there, or quotes around the name"
    )]
    OddBlank(u32),

    /// A source that there is not.
    #[error("there is no source \"{found}\"{}", mean_or(.near.as_deref(), .known))]
    NoSource {
        /// What stands there.
        found: String,
        /// What is nearest to it.
        near: Option<String>,
        /// Which sources there are, in words.
        known: String,
    },
    /// No colon, and no source's name.
    #[error("\"{found}\" does not say of which source; write NAME:PATH ({known})")]
    Bare {
        /// What stands there.
        found: String,
        /// Which sources there are, in words.
        known: String,
    },
    /// Only a number.
    #[error("\"{0}\" is only a number; write fid:{0} for a MogileFS file, version:{0} for a version by firn's number")]
    Number(String),
    /// A word before the colon that is kept for something else.
    #[error("\"{0}:\" is a word of the grammar; for the source of that name write source:{0}:PATH")]
    Reserved(&'static str),
    /// A destination where a source is due.
    #[error("\"{0}:\" is a destination; a line is SOURCE DEST, the source first")]
    Destination(&'static str),
    /// `fid:` and no fid.
    #[error("\"{0}\" is no fid; a fid is a whole number from 1 on, such as fid:88123")]
    Fid(String),
    /// `version:` and no number.
    #[error("\"{0}\" is no number of a version; it is a whole number from 1 on, as `firn find` shows it")]
    Version(String),
    /// `archive:` and no UUID.
    #[error("\"{0}\" is no archive's name; an archive is named by its whole UUID, as `firn show` prints it")]
    Archive(String),
    /// `everything:` and more.
    #[error("\"everything:\" stands alone; for everything of a source write NAME:")]
    Everything,
    /// `between:` without two times.
    #[error(
        "\"{0}\" are no two times; write between:FROM..TO or between:NAME:FROM..TO, such as between:2026-11-01..2026-11-22"
    )]
    Between(String),
    /// The end before the beginning.
    #[error("nothing lies between {from} and {to}: FROM is before TO, and TO itself is not in it")]
    Empty {
        /// From.
        from: String,
        /// To.
        to: String,
    },
    /// A MogileFS name without its parts.
    #[error("\"{0}\" names no file of MogileFS; write mogile://DOMAIN/KEY")]
    Mogile(String),
    /// A domain that there is not.
    #[error("there is no domain \"{found}\"{}", mean_or(.near.as_deref(), .known))]
    NoDomain {
        /// What stands there.
        found: String,
        /// What is nearest to it.
        near: Option<String>,
        /// Which domains there are, in words.
        known: String,
    },
    /// A URL that cannot be read.
    #[error(transparent)]
    Url(UrlError),
    /// A URL that no pattern fits.
    #[error("no pattern fits this URL; `firn config show` lists them ([[url]])")]
    NoPattern,
    /// A URL, and no pattern at all.
    #[error("a URL is found by the patterns of the configuration, and it has none; add [[url]] with a pattern")]
    NoPatterns,

    /// No destination.
    #[error("the destination is missing; write SOURCE DEST, such as file:/srv/restored/")]
    NoDest,
    /// A destination that is none.
    #[error("\"{found}\" is no destination{}; there are file:/PATH, mogile:, mogile://DOMAIN/KEY and s3://BUCKET/KEY{}", mean(*.near), blanks(*.more))]
    Dest {
        /// What stands there.
        found: String,
        /// What is nearest to it.
        near: Option<&'static str>,
        /// Whether more words follow: then blanks were perhaps meant to belong to a name.
        more: bool,
    },
    /// A relative path where there is nothing it could be relative to.
    #[error("\"{found}\" is a relative path; write the whole of it, from \"/\" on{}", blanks(*.more))]
    Relative {
        /// What stands there.
        found: String,
        /// Whether more words follow.
        more: bool,
    },
    /// A host in a `file:` destination.
    #[error("\"file:\" takes a path of this machine; write file:/PATH")]
    Host,
    /// `..` in a path.
    #[error("the path goes up (\"..\"); write the path that is meant")]
    Up,
    /// A path with what no file system takes.
    #[error("the path has a part of over 255 bytes, a zero byte, or over 4,095 bytes; no file system takes it")]
    Unusable,
    /// A bucket's name that is none.
    #[error("\"{0}\" is no bucket's name; it is 3 to 63 small letters, digits, \".\" and \"-\"; write s3://BUCKET/KEY")]
    Bucket(String),
    /// A key of a destination that is too long.
    #[error("the key has {found} bytes; {what} takes {limit} at most")]
    KeyLong {
        /// Bytes.
        found: usize,
        /// Of what.
        what: &'static str,
        /// Bytes.
        limit: usize,
    },
    /// Many files to one name.
    #[error("many files cannot go to one key; write mogile: (each under its own), or mogile://{0}/")]
    OneKey(String),

    /// A word that is no option.
    #[error("\"{found}\" is one word too many{}; after SOURCE DEST come as-of TIME and overwrite, and a name with blanks stands in quotes", mean(*.near))]
    Option {
        /// What stands there.
        found: String,
        /// What is nearest to it.
        near: Option<&'static str>,
    },
    /// An option a second time.
    #[error("\"{0}\" stands here a second time")]
    Twice(&'static str),
    /// `as-of` and no time.
    #[error("\"as-of\" is followed by a time, such as 2026-11-22 or 2026-11-22T12:00:00Z")]
    NoTime,
    /// `as-of` and something else.
    #[error("\"{0}\" is no time; write 2026-11-22 or 2026-11-22T12:00:00Z (UTC)")]
    Time(String),
    /// `as-of` where versions are named already.
    #[error("\"as-of\" does not go with {0}, which names its versions itself")]
    AsOf(&'static str),
}

fn mean(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"))
}

fn mean_or(near: Option<&str>, known: &str) -> String {
    if near.is_some() { mean(near) } else { format!("; {known}") }
}

fn blanks(more: bool) -> &'static str {
    if more { "; a name with blanks stands in quotes" } else { "" }
}

impl Kind {
    /// With its place: bytes of the line.
    pub(super) fn at(self, line: &[u8], place: std::ops::Range<usize>) -> LineError {
        let end = place.end.min(line.len());
        let length = line.get(place.start..end).map_or(0, words::chars);
        LineError { kind: self, column: words::column(line, place.start), length }
    }
}

/// Something from a line, safe to show and not too long for a sentence.
pub(super) fn brief(bytes: &[u8]) -> String {
    const LONGEST: usize = 80;
    // What is cut off does not have to be escaped first.
    let shown = Shown::bytes(&bytes[..bytes.len().min(4 * LONGEST)]).to_string();
    if bytes.len() <= 4 * LONGEST && shown.chars().count() <= LONGEST {
        return shown;
    }
    let mut cut: String = shown.chars().take(LONGEST).collect();
    cut.push('…');
    cut
}
