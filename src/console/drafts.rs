//! What was being written when the console ended, however it ended: kept in a file, a line each.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Texts by name, in a file.
#[derive(Debug, Clone)]
pub struct Drafts {
    place: Option<PathBuf>,
    texts: BTreeMap<String, String>,
}

/// A file of drafts is no longer than this, bytes: beyond it somebody has named something else.
const LONGEST: u64 = 1 << 20;

/// Nor is a long text longer than this, bytes.
const LONGEST_TEXT: u64 = 64 << 20;

impl Drafts {
    /// Reads what is there; what cannot be read is as if nothing was.
    pub fn load(place: Option<PathBuf>) -> Self {
        let read = |path: &Path| {
            let small = std::fs::metadata(path).is_ok_and(|meta| meta.len() <= LONGEST);
            small.then(|| std::fs::read(path).ok()).flatten()
        };
        let texts = place.as_deref().and_then(read).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { place, texts: texts.unwrap_or_default() }
    }

    /// The texts.
    pub fn texts(&self) -> &BTreeMap<String, String> {
        &self.texts
    }

    /// Keeps a text; an empty one is forgotten. Written at once: whatever ends the process, it is there.
    pub fn keep(&mut self, name: &str, text: &str) -> std::io::Result<()> {
        let changed = if text.is_empty() {
            self.texts.remove(name).is_some()
        } else {
            self.texts.insert(name.to_owned(), text.to_owned()).as_deref() != Some(text)
        };
        match &self.place {
            Some(place) if changed => self.write(place),
            _ => Ok(()),
        }
    }

    /// A long text, which has a file of its own; nothing where there is none.
    pub fn long(&self, name: &str) -> Option<String> {
        let place = self.place.as_ref()?.with_extension(name);
        let small = std::fs::metadata(&place).is_ok_and(|meta| meta.is_file() && meta.len() <= LONGEST_TEXT);
        small.then(|| std::fs::read_to_string(&place).ok()).flatten()
    }

    /// Keeps a long text in a file of its own; an empty one is forgotten.
    pub fn keep_long(&mut self, name: &str, text: &str) -> std::io::Result<()> {
        let Some(place) = self.place.as_ref().map(|place| place.with_extension(name)) else { return Ok(()) };
        if !text.is_empty() {
            return put(&place, text.as_bytes());
        }
        match std::fs::remove_file(&place) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    fn write(&self, place: &Path) -> std::io::Result<()> {
        put(place, &serde_json::to_vec(&self.texts).map_err(std::io::Error::other)?)
    }
}

/// Under another name first: a console that ends in the middle leaves the old ones.
fn put(place: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut name = place.as_os_str().to_owned();
    name.push(format!(".part{}", std::process::id()));
    let part = PathBuf::from(name);
    let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    std::fs::rename(&part, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_there_when_the_next_console_starts() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("state/drafts.json");
        let mut drafts = Drafts::load(Some(place.clone()));
        drafts.keep("restore-into", "/srv/rest").unwrap();
        drafts.keep("find", "a\u{1b}b\n").unwrap();
        let again = Drafts::load(Some(place.clone()));
        assert_eq!(again.texts().get("restore-into").map(String::as_str), Some("/srv/rest"));
        assert_eq!(again.texts().get("find").map(String::as_str), Some("a\u{1b}b\n"));
        let mut again = again;
        again.keep("find", "").unwrap();
        assert_eq!(Drafts::load(Some(place.clone())).texts().len(), 1);
        std::fs::write(&place, b"\xffnot json").unwrap();
        assert!(Drafts::load(Some(place)).texts().is_empty());
    }
}
