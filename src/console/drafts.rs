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

    fn write(&self, place: &Path) -> std::io::Result<()> {
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Under another name first: a console that ends in the middle leaves the old ones.
        let part = place.with_extension(format!("part{}", std::process::id()));
        let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        let bytes = serde_json::to_vec(&self.texts).map_err(std::io::Error::other)?;
        file.write_all(&bytes)?;
        std::fs::rename(&part, place)
    }
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
