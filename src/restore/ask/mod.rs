//! Requests: what is asked for, line by line. One grammar for the form, the pasted list, files and the command line.
//!
//! Pure: [`parse_line`] makes an [`Ask`] of a line, or says in one sentence what is wrong with it and where; [`lines()`]
//! goes through a text. An ask is written again by its `Display`, in one spelling, and read back as the same. Thin:
//! [`verdict`] holds pages of asks against the catalog, [`check`] does so for an editor, revision by revision.
//!
//! # The grammar
//!
//! A line is `SOURCE DEST [as-of TIME] [overwrite]`, words separated by blanks or tabs.
//!
//! | SOURCE | is |
//! | --- | --- |
//! | `NAME:PATH` | a file of a source by its key; where no file has that key, everything below it as a folder |
//! | `NAME:PATH/` | everything below a folder |
//! | `NAME:` or `NAME` | everything of a source |
//! | `source:NAME:PATH` | the same for a source whose name is a word of this table |
//! | `prefix:NAME:TEXT` | keys that begin so, letter by letter |
//! | `fid:88123` | a MogileFS file by its fid |
//! | `mogile://DOMAIN/KEY` | a MogileFS file by domain and key |
//! | `https://HOST/…` | the file behind a URL, by the patterns of the configuration (`[[url]]`) |
//! | `version:N` | one version of a file, by firn's number for it |
//! | `archive:UUID` | all files of an archive |
//! | `between:FROM..TO`, `between:NAME:FROM..TO` | what a vault took from FROM on and before TO, of all sources or one |
//! | `everything:` | all there is |
//!
//! | DEST | is |
//! | --- | --- |
//! | `file:/PATH` or `/PATH` | that very file; a folder when it ends with `/` or SOURCE names many: each file gets its key below it |
//! | `PATH` | the same, relative to where firn was started (command line only) |
//! | `mogile:` | MogileFS, under its own domain and key |
//! | `mogile://DOMAIN/KEY`, `mogile://DOMAIN/` | MogileFS, under another key; its own key in another domain |
//! | `s3://BUCKET/KEY`, `s3://BUCKET/PREFIX/` | a bucket, under that key; each file's key below a prefix |
//!
//! TIME is `2026-11-22` (midnight, UTC) or `2026-11-22T12:00:00Z`: files as they were then, instead of as the newest a
//! vault holds. `overwrite` replaces what is at the destination and differs; else it is kept.
//!
//! Names are bytes and taken as they are. A blank in one is quoted: `'…'` takes everything as it is, in `"…"` there are
//! `\"`, `\\`, `\xNN` (a byte) and `\u{N}` (a character): what firn shows of a name can be pasted between them. Quotes
//! may stand anywhere in a word. Only `http:` and `https:` know percent escapes, and lose their query and fragment. `#`
//! where a word would begin starts a comment. Empty lines, CRLF and a byte order mark at the start are no matter. A line
//! has 8,192 bytes at most.

pub mod check;
mod dest;
mod error;
mod line;
pub mod lines;
mod source;
#[cfg(test)]
mod tests;
pub mod verdict;
#[cfg(test)]
mod verdict_tests;
mod words;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use dest::DestSpec;
pub use error::{Kind, LINE_LIMIT, LineError};
pub use line::parse_line;
pub use lines::lines;
pub use source::{SourceSpec, read_time};
pub use words::{has_comment, quoted};

use crate::base::Time;
use crate::base::ids::SourceId;
use crate::base::url::UrlRule;
use crate::store::{Result, Store};

/// The grammar in a few lines, for help texts. The page of this module says it in full.
pub const GRAMMAR: &str = "\
A request is a line: SOURCE DEST [as-of TIME] [overwrite]

SOURCE
  NAME:PATH               a file of a source; where no file has that key, all below it
  NAME:PATH/  NAME:       all below a folder; everything of a source
  source:NAME:PATH        the same, should NAME be a word of this list
  prefix:NAME:TEXT        keys that begin so, letter by letter
  fid:88123               a MogileFS file by its fid
  mogile://DOMAIN/KEY     a MogileFS file by domain and key
  https://HOST/...        the file behind a URL, by the [[url]] patterns of the configuration
  version:N               one version of a file, by firn's number for it
  archive:UUID            all files of an archive
  between:[NAME:]FROM..TO what a vault took from FROM on and before TO
  everything:             all there is
DEST
  file:/PATH  /PATH       that very file; a folder when it ends with / or SOURCE names many
  PATH                    the same, relative to here (command line only)
  mogile:                 MogileFS, under its own domain and key
  mogile://DOMAIN/[KEY]   MogileFS, under another key, or its own key in another domain
  s3://BUCKET/KEY         a bucket, under that key; below it when it ends with /

TIME is 2026-11-22 (midnight, UTC) or 2026-11-22T12:00:00Z: files as they were then.
overwrite replaces what is at the destination and differs; else it is kept.
A name with blanks stands in '...' (as it is) or \"...\" (with \\\" \\\\ \\xNN \\u{N}). # begins a comment.
";

/// What a line asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ask {
    /// Which files.
    pub source: SourceSpec,
    /// Where to.
    pub dest: DestSpec,
    /// As they were then; nothing: the newest a vault holds.
    pub at: Option<Time>,
    /// Whether what is at the destination and differs is replaced.
    pub overwrite: bool,
}

/// In the one spelling that reads back as the same ask.
impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.dest)?;
        if let Some(at) = self.at {
            write!(f, " as-of {}", exact(at))?;
        }
        if self.overwrite { f.write_str(" overwrite") } else { Ok(()) }
    }
}

/// A time to the microsecond, as it reads back.
fn exact(time: Time) -> String {
    // What no calendar holds is never read from a line.
    jiff::Timestamp::from_microsecond(time.as_micros()).map_or_else(|_| time.to_string(), |stamp| stamp.to_string())
}

/// What names in a line may mean.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Sources, and their numbers where the state knows them.
    sources: Vec<(Arc<str>, Option<SourceId>)>,
    /// Domains of MogileFS; none where there is no such source.
    domains: Vec<Arc<str>>,
    urls: Vec<UrlRule>,
    dest: Option<DestSpec>,
    base: Option<PathBuf>,
}

impl Names {
    /// Sources of the configuration, and those that the state knows beside them: what a source that is configured no
    /// longer left in the vault can be asked for, too.
    pub async fn known(store: &dyn Store, configured: impl IntoIterator<Item = &str>) -> Result<Self> {
        let mut names = Self::of(configured);
        for row in store.sources().await? {
            match names.sources.iter_mut().find(|(name, _)| **name == *row.name) {
                Some((_, id)) => *id = Some(row.id),
                None => names.sources.push((row.name.into(), Some(row.id))),
            }
        }
        Ok(names)
    }

    /// Sources by their names alone.
    pub fn of<'a>(sources: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names = Self::default();
        for source in sources {
            if !names.sources.iter().any(|(name, _)| **name == *source) {
                names.sources.push((source.into(), None));
            }
        }
        names
    }

    /// With the patterns of the configuration.
    #[must_use]
    pub fn with_urls(mut self, urls: impl IntoIterator<Item = UrlRule>) -> Self {
        self.urls.extend(urls);
        self
    }

    /// With the domains of MogileFS.
    #[must_use]
    pub fn with_domains<'a>(mut self, domains: impl IntoIterator<Item = &'a str>) -> Self {
        self.domains.extend(domains.into_iter().map(Arc::from));
        self
    }

    /// With a destination for lines that name none.
    #[must_use]
    pub fn with_dest(mut self, dest: DestSpec) -> Self {
        self.dest = Some(dest);
        self
    }

    /// With the folder that relative paths are relative to (absolute, without symbolic links, as the system tells it).
    #[must_use]
    pub fn with_base(mut self, base: PathBuf) -> Self {
        self.base = Some(base);
        self
    }

    /// The number of a source; nothing where the state has never seen it.
    pub fn id(&self, source: &str) -> Option<SourceId> {
        self.sources.iter().find(|(name, _)| **name == *source).and_then(|(_, id)| *id)
    }

    /// The source of that name.
    fn source(&self, name: &[u8]) -> Option<&Arc<str>> {
        self.sources.iter().map(|(known, _)| known).find(|known| known.as_bytes() == name)
    }

    fn source_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.sources.iter().map(|(name, _)| &**name)
    }

    /// In words: which sources there are.
    fn sources_known(&self) -> String {
        if self.sources.is_empty() {
            return "no source is configured, and the state knows none".to_owned();
        }
        format!("there are: {}", words::list(self.source_names()))
    }
}
