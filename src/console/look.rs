//! From what is configured and what the terminal can do to how everything is drawn.

use std::path::{Path, PathBuf};

use super::glyphs::{Charts, Glyphs, Look};
use super::term::Caps;
use super::theme::{Depth, Theme, ThemeError};
use crate::base::Shown;
use crate::config::ConsoleConfig;

/// A theme file is no longer than this, bytes.
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

/// Loads a theme by its name, or by the path of its file (relative to `base`).
pub fn theme(name: &str, base: &Path, depth: Depth) -> Result<Theme, LookError> {
    if Theme::text(name).is_some() || !name.contains(['/', '.']) {
        return Ok(Theme::named(name, depth)?);
    }
    let path = base.join(name);
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
    let meta = std::fs::metadata(path).map_err(|e| unread(e.to_string()))?;
    if meta.len() > LONGEST {
        return Err(unread(format!("it has {} bytes, a theme has {LONGEST} at most", meta.len())));
    }
    std::fs::read_to_string(path).map_err(|e| unread(e.to_string()))
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
