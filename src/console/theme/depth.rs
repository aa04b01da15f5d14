//! How much colour a terminal shows.

use std::fmt;
use std::str::FromStr;

use crate::base::Shown;

/// How much colour a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// None: modifiers alone.
    None,
    /// The 16 colours of ANSI, as the terminal's owner set them.
    Ansi16,
    /// The 256 of xterm.
    Ansi256,
    /// 24 bits.
    True,
}

/// Terminals that show 24 bits and whose name says so even where `COLORTERM` did not come along (over SSH).
const TRUE_TERMS: [&str; 7] = ["xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm", "iterm2", "contour"];

/// Terminals without colour.
const PLAIN_TERMS: [&str; 5] = ["dumb", "vt100", "vt102", "vt220", "unknown"];

impl Depth {
    /// Decides by what was asked for (flag or configuration), else by the environment: `NO_COLOR` (set and not empty:
    /// no colour, as no-color.org has it), `COLORTERM`, `TERM`. A terminal that says nothing gets no colour.
    pub fn decide(asked: Option<Depth>, no_color: Option<&str>, colorterm: Option<&str>, term: Option<&str>) -> Depth {
        if let Some(asked) = asked {
            return asked;
        }
        let term = term.unwrap_or("");
        // Families are written `alacritty-direct`, `foot-extra`.
        let is = |names: &[&str]| {
            names
                .iter()
                .any(|name| term.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
        };
        if no_color.is_some_and(|value| !value.is_empty()) || term.is_empty() || is(&PLAIN_TERMS) {
            Depth::None
        } else if matches!(colorterm, Some("truecolor" | "24bit")) || is(&TRUE_TERMS) || term.ends_with("-direct") {
            Depth::True
        } else if term.contains("256color") {
            Depth::Ansi256
        } else if term.ends_with("-mono") || term.ends_with("-m") {
            Depth::None
        } else {
            Depth::Ansi16
        }
    }

    /// The word the configuration uses.
    pub const fn word(self) -> &'static str {
        match self {
            Depth::None => "none",
            Depth::Ansi16 => "16",
            Depth::Ansi256 => "256",
            Depth::True => "true",
        }
    }

    /// All of them, the least first.
    pub const ALL: [Depth; 4] = [Depth::None, Depth::Ansi16, Depth::Ansi256, Depth::True];
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A word that is no depth of colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{}\" is no depth of colour; write \"none\", \"16\", \"256\" or \"true\"", Shown::text(.found))]
pub struct DepthError {
    /// What was found.
    pub found: String,
}

impl FromStr for Depth {
    type Err = DepthError;

    fn from_str(text: &str) -> Result<Self, DepthError> {
        let found = Depth::ALL.into_iter().find(|depth| depth.word() == text);
        found.ok_or_else(|| DepthError { found: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_wins_then_no_color_then_the_terminal() {
        let cases = [
            (Some(Depth::Ansi16), Some("1"), Some("truecolor"), Some("dumb"), Depth::Ansi16),
            (None, Some("1"), Some("truecolor"), Some("xterm-256color"), Depth::None),
            (None, Some(""), Some("truecolor"), Some("xterm-256color"), Depth::True),
            (None, None, Some("24bit"), Some("xterm"), Depth::True),
            (None, None, Some("truecolor"), Some("dumb"), Depth::None),
            (None, None, None, Some("xterm-256color"), Depth::Ansi256),
            (None, None, Some("yes"), Some("screen.xterm-256color"), Depth::Ansi256),
            (None, None, None, Some("xterm-kitty"), Depth::True),
            (None, None, None, Some("foot-extra"), Depth::True),
            (None, None, None, Some("footloose"), Depth::Ansi16),
            (None, None, None, Some("xterm-direct"), Depth::True),
            (None, None, None, Some("linux"), Depth::Ansi16),
            (None, None, None, Some("screen"), Depth::Ansi16),
            (None, None, None, Some("xterm-mono"), Depth::None),
            (None, None, None, Some("vt100"), Depth::None),
            (None, None, Some("truecolor"), Some(""), Depth::None),
            (None, None, None, None, Depth::None),
        ];
        for (asked, no_color, colorterm, term, depth) in cases {
            assert_eq!(
                Depth::decide(asked, no_color, colorterm, term),
                depth,
                "{asked:?} NO_COLOR={no_color:?} COLORTERM={colorterm:?} TERM={term:?}"
            );
        }
    }

    #[test]
    fn words_read_back_and_others_are_refused() {
        for depth in Depth::ALL {
            assert_eq!(depth.word().parse(), Ok(depth));
        }
        assert_eq!(
            "24".parse::<Depth>().map_err(|error| error.to_string()),
            Err("\"24\" is no depth of colour; write \"none\", \"16\", \"256\" or \"true\"".to_owned())
        );
    }
}
