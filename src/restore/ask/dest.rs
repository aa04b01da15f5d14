//! The DEST of a line. Pure.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{Kind, brief};
use super::words::{Word, Wrong, quoted};
use super::{Names, SourceSpec};
use crate::base::ids::Key;
use crate::base::near::nearest;

/// Where files are restored to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DestSpec {
    /// Here: that very file, or a folder below which each file gets its key.
    Local {
        /// Absolute; without `.`, `..` and a slash at its end.
        path: PathBuf,
        /// Whether it is a folder.
        folder: bool,
    },
    /// MogileFS.
    Mogile {
        /// The domain; nothing: the file's own.
        domain: Option<Arc<str>>,
        /// The key; nothing: the file's own.
        key: Option<Key>,
    },
    /// A bucket.
    S3 {
        /// Its name.
        bucket: Arc<str>,
        /// The very key, or what each file's key is put behind.
        key: Key,
        /// Whether it is a prefix: empty, or with a slash at its end.
        folder: bool,
    },
}

/// The longest path a system call takes, bytes (Linux, `PATH_MAX` without its zero byte).
const LONGEST_PATH: usize = 4095;
/// The longest key of S3, bytes (S3 user guide, object keys).
const LONGEST_S3_KEY: usize = 1024;
/// The longest key of MogileFS, bytes (its schema: `dkey varchar(255)`).
const LONGEST_MOGILE_KEY: usize = 255;

/// How destinations begin.
const SCHEMES: [&str; 3] = ["file:", "mogile:", "s3:"];

impl DestSpec {
    /// Reads a destination alone, as a form's field holds it. `many`: whether many files go there.
    pub fn read(text: &[u8], many: bool, names: &Names) -> Result<Self, Kind> {
        let word = Word { bytes: text.into(), place: 0..text.len(), quoted: true };
        read(&word, many, false, names).map_err(|(kind, _)| kind)
    }

    /// Whether this version delivers there.
    pub fn is_delivered(&self) -> bool {
        matches!(self, Self::Local { .. })
    }

    /// As a destination for many files.
    pub(super) fn for_many(mut self) -> Result<Self, Kind> {
        match &mut self {
            Self::Local { folder, .. } => *folder = true,
            Self::Mogile { domain, key: Some(_) } => {
                return Err(Kind::OneKey(domain.as_deref().map(str::as_bytes).map_or_else(String::new, brief)));
            }
            Self::Mogile { .. } => {}
            Self::S3 { key, folder, .. } => {
                if !*folder {
                    *key = Key::new([key.as_bytes(), b"/"].concat());
                }
                *folder = true;
            }
        }
        Ok(self)
    }

    /// As a word, before it is quoted.
    pub(super) fn word(&self) -> Vec<u8> {
        match self {
            Self::Local { path, folder } => {
                let path = path.as_os_str().as_bytes();
                let slash: &[u8] = if *folder && !path.ends_with(b"/") { b"/" } else { b"" };
                [b"file:", path, slash].concat()
            }
            Self::Mogile { domain: None, .. } => b"mogile:".to_vec(),
            Self::Mogile { domain: Some(domain), key } => {
                let key = key.as_ref().map_or(&b""[..], |key| key.as_bytes());
                [b"mogile://", domain.as_bytes(), b"/", key].concat()
            }
            Self::S3 { bucket, key, .. } => [b"s3://", bucket.as_bytes(), b"/", key.as_bytes()].concat(),
        }
    }
}

impl fmt::Display for DestSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.word()))
    }
}

/// Reads the second word of a line. `more`: whether further words follow, no options among them.
pub(super) fn read(word: &Word<'_>, many: bool, more: bool, names: &Names) -> Result<DestSpec, Wrong> {
    let bytes: &[u8] = &word.bytes;
    let all = || word.place.clone();
    let dest = if let Some(path) = bytes.strip_prefix(b"file:") {
        local(path, word, more, names)
    } else if bytes.starts_with(b"/") {
        local(bytes, word, more, names)
    } else if let Some(rest) = bytes.strip_prefix(b"mogile:") {
        mogile(rest, word)
    } else if let Some(rest) = bytes.strip_prefix(b"s3:") {
        s3(rest, word)
    } else if names.base.is_some() && !scheme(bytes) && !bytes.is_empty() {
        local(bytes, word, more, names)
    } else {
        Err((unknown(bytes, more), all()))
    };
    let dest = dest?;
    if many { dest.for_many().map_err(|kind| (kind, all())) } else { Ok(dest) }
}

/// Whether a word begins as a URL does: a path that does is written with `./` before it.
fn scheme(bytes: &[u8]) -> bool {
    let head = bytes.split(|byte| *byte == b':').next().unwrap_or_default();
    head.len() < bytes.len()
        && head.first().is_some_and(u8::is_ascii_alphabetic)
        && head.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn unknown(bytes: &[u8], more: bool) -> Kind {
    let colon = bytes.iter().position(|byte| *byte == b':').map_or(bytes.len(), |colon| colon + 1);
    let head = std::str::from_utf8(&bytes[..colon]).unwrap_or_default().to_ascii_lowercase();
    let near = nearest(&head, SCHEMES).filter(|_| head.ends_with(':'));
    if near.is_none() && !scheme(bytes) && (bytes.contains(&b'/') || matches!(bytes, b"." | b"..")) {
        return Kind::Relative { found: brief(bytes), more };
    }
    Kind::Dest { found: brief(bytes), near, more }
}

fn local(bytes: &[u8], word: &Word<'_>, more: bool, names: &Names) -> Result<DestSpec, Wrong> {
    let wrong = |kind| Err((kind, word.place.clone()));
    // file:///PATH is the same as file:/PATH; file://HOST/PATH is another machine's.
    let bytes = match bytes.strip_prefix(b"//") {
        Some(path) if word.bytes.starts_with(b"file:") => match path.first() {
            Some(b'/') => path,
            _ => return wrong(Kind::Host),
        },
        _ => bytes,
    };
    if bytes.is_empty() {
        return wrong(Kind::Dest { found: brief(&word.bytes), near: None, more });
    }
    let absolute = bytes.starts_with(b"/");
    let mut path = match &names.base {
        _ if absolute => PathBuf::from("/"),
        Some(base) => base.clone(),
        None => return wrong(Kind::Relative { found: brief(bytes), more }),
    };
    let mut down = false;
    for part in bytes.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            // Up from where firn was started is exact, for that is a path without links; later it may not be.
            b".." if !absolute && !down => {
                path.pop();
            }
            b".." => return wrong(Kind::Up),
            part if part.len() > 255 || part.contains(&0) => return wrong(Kind::Unusable),
            part => {
                down = true;
                path.push(Path::new(&OsString::from_vec(part.to_vec())));
            }
        }
    }
    if path.as_os_str().len() > LONGEST_PATH {
        return wrong(Kind::Unusable);
    }
    let last = bytes.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    Ok(DestSpec::Local { path, folder: matches!(last, b"" | b"." | b"..") })
}

fn too_long(key: &[u8], what: &'static str, limit: usize) -> Option<Kind> {
    (key.len() > limit).then_some(Kind::KeyLong { found: key.len(), what, limit })
}

fn mogile(rest: &[u8], word: &Word<'_>) -> Result<DestSpec, Wrong> {
    let wrong = |kind| (kind, word.place.clone());
    if rest.is_empty() {
        return Ok(DestSpec::Mogile { domain: None, key: None });
    }
    let form = || wrong(Kind::Mogile(brief(&word.bytes)));
    let path = rest.strip_prefix(b"//").ok_or_else(form)?;
    let slash = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
    let domain = std::str::from_utf8(&path[..slash]).ok().filter(|domain| !domain.is_empty()).ok_or_else(form)?;
    let key = path.get(slash + 1..).filter(|key| !key.is_empty());
    if let Some(kind) = key.and_then(|key| too_long(key, "MogileFS", LONGEST_MOGILE_KEY)) {
        return Err(wrong(kind));
    }
    Ok(DestSpec::Mogile { domain: Some(domain.into()), key: key.map(Key::new) })
}

fn s3(rest: &[u8], word: &Word<'_>) -> Result<DestSpec, Wrong> {
    let path = rest.strip_prefix(b"//").unwrap_or_default();
    let slash = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
    let (bucket, key) = (&path[..slash], path.get(slash + 1..).unwrap_or_default());
    // S3 user guide, general purpose bucket naming rules.
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fine = (3..=63).contains(&bucket.len())
        && bucket.iter().all(|byte| edge(byte) || matches!(byte, b'.' | b'-'))
        && bucket.first().is_some_and(edge)
        && bucket.last().is_some_and(edge);
    let Some(name) = std::str::from_utf8(bucket).ok().filter(|_| fine) else {
        return Err((Kind::Bucket(brief(bucket)), word.place.clone()));
    };
    if let Some(kind) = too_long(key, "S3", LONGEST_S3_KEY) {
        return Err((kind, word.place.clone()));
    }
    let folder = key.is_empty() || key.ends_with(b"/");
    Ok(DestSpec::S3 { bucket: name.into(), key: Key::new(key), folder })
}

/// What two lines must not both write to, once it is known which file goes there. Nothing where that depends on what a
/// selection holds.
pub(super) fn target(dest: &DestSpec, source: &SourceSpec, key: Option<&Key>) -> Option<Vec<u8>> {
    match dest {
        DestSpec::Local { folder: true, .. } | DestSpec::S3 { folder: true, .. } => {
            Some([&dest.word(), key?.as_bytes()].concat())
        }
        DestSpec::Local { .. } | DestSpec::S3 { .. } | DestSpec::Mogile { key: Some(_), .. } => Some(dest.word()),
        DestSpec::Mogile { domain, key: None } => match source {
            SourceSpec::Mogile { domain: own, key } => {
                let domain = domain.as_ref().unwrap_or(own);
                Some([b"mogile://", domain.as_bytes(), b"/", key.as_bytes()].concat())
            }
            _ => Some([&dest.word(), key?.as_bytes()].concat()),
        },
    }
}
