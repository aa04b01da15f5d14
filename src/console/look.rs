//! From what is configured and what the terminal can do to how everything is drawn.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::glyphs::{Charts, Glyphs, Look};
use super::term::Caps;
use super::theme::{Depth, Theme, ThemeError};
use crate::base::Shown;
use crate::config::ConsoleConfig;

/// A file of a theme or a keymap is no longer than this, bytes.
const LONGEST: u64 = 1 << 20;

/// Why a theme cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// It says what it must not, or there is no such theme.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// Its file cannot be read.
    #[error("cannot read the theme {place}: {detail}; mend [console] theme, or name one of {}", Theme::names().collect::<Vec<_>>().join(", "))]
    Unread {
        /// Where.
        place: String,
        /// What the system said.
        detail: String,
    },
}

/// How everything is drawn, owned.
#[derive(Debug, Clone)]
pub struct OwnLook {
    /// Styles by role.
    pub theme: Theme,
    glyphs: &'static Glyphs,
    charts: Charts,
    depth: Depth,
    base: PathBuf,
}

/// How many colours are shown.
pub fn depth(config: &ConsoleConfig, caps: &Caps) -> Depth {
    let asked = match config.colour.as_str() {
        "none" => Some(Depth::None),
        "16" => Some(Depth::Ansi16),
        "256" => Some(Depth::Ansi256),
        "true" => Some(Depth::True),
        _ => None,
    };
    let no_color = caps.no_color.then_some("1");
    Depth::decide(asked, no_color, caps.colorterm.as_deref(), Some(caps.term.as_str()))
}

/// The file of a theme that is called by the path of its file (relative to `base`); nothing for one of firn's own.
pub fn file(name: &str, base: &Path) -> Option<PathBuf> {
    let own = Theme::text(name).is_some() || !name.contains(['/', '.']);
    (!own).then(|| base.join(name))
}

/// Loads a theme by its name, or by the path of its file (relative to `base`).
pub fn theme(name: &str, base: &Path, depth: Depth) -> Result<Theme, LookError> {
    let Some(path) = file(name, base) else { return Ok(Theme::named(name, depth)?) };
    let text = read(&path)?;
    // What a theme inherits lies beside it.
    let folder = path.parent().unwrap_or(base).to_owned();
    let lookup = |wanted: &str| {
        let plain = !wanted.contains(['/', '\0']);
        plain.then(|| read(&folder.join(format!("{wanted}.toml"))).ok()).flatten()
    };
    Ok(Theme::from_text(&path.to_string_lossy(), &text, depth, &lookup)?)
}

fn read(path: &Path) -> Result<String, LookError> {
    let unread = |detail: String| LookError::Unread { place: Shown::path(path).to_string(), detail };
    read_text(path).map_err(unread)
}

/// The text of a theme or a keymap, or why it cannot be read. What is no file may have no length, and no end.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    // A pipe would be waited for.
    if !std::fs::metadata(path).map_err(|e| e.to_string())?.is_file() {
        return Err("it is not a file".to_owned());
    }
    let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
    match read {
        Ok(_) if text.len() as u64 > LONGEST => Err(format!("it has over {LONGEST} bytes: it is something else")),
        Ok(_) => Ok(text),
        Err(e) => Err(e.to_string()),
    }
}

impl OwnLook {
    /// What is configured, where `auto` follows the terminal.
    pub fn new(config: &ConsoleConfig, caps: &Caps) -> Result<Self, LookError> {
        let depth = depth(config, caps);
        let ascii = match config.glyphs.as_str() {
            "ascii" => true,
            "utf8" => false,
            _ => !caps.utf8,
        };
        let charts = Charts::named(&config.charts).unwrap_or(if ascii { Charts::Ascii } else { Charts::Block });
        Ok(Self {
            theme: theme(&config.theme, &config.base, depth)?,
            glyphs: if ascii { Glyphs::ascii() } else { Glyphs::utf8() },
            charts,
            depth,
            base: config.base.clone(),
        })
    }

    /// Takes another theme.
    pub fn change(&mut self, name: &str) -> Result<(), LookError> {
        self.theme = theme(name, &self.base, self.depth)?;
        Ok(())
    }

    /// For the widgets.
    pub fn look(&self) -> Look<'_> {
        Look { theme: &self.theme, glyphs: self.glyphs, charts: self.charts }
    }
}
