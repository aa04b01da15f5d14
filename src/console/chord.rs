//! A key with its modifiers, apart from how a terminal encodes it; and how people write it.

use std::fmt;
use std::str::FromStr;

/// What is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Press {
    /// A character, as typed (a capital letter carries no shift).
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// F1 to F12.
    F(u8),
}

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chord {
    /// What is pressed.
    pub press: Press,
    /// With control.
    pub ctrl: bool,
    /// With alt.
    pub alt: bool,
}

impl Chord {
    /// A key alone.
    pub const fn plain(press: Press) -> Self {
        Self { press, ctrl: false, alt: false }
    }

    /// A character alone.
    pub const fn char(c: char) -> Self {
        Self::plain(Press::Char(c))
    }

    /// The text that it types; nothing for a command.
    pub fn typed(self) -> Option<char> {
        match self.press {
            Press::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }
}

/// Names of keys that are no characters.
const NAMES: [(&str, Press); 16] = [
    ("enter", Press::Enter),
    ("esc", Press::Esc),
    ("tab", Press::Tab),
    ("shift-tab", Press::BackTab),
    ("backspace", Press::Backspace),
    ("delete", Press::Delete),
    ("insert", Press::Insert),
    ("up", Press::Up),
    ("down", Press::Down),
    ("left", Press::Left),
    ("right", Press::Right),
    ("pgup", Press::PageUp),
    ("pgdn", Press::PageDown),
    ("home", Press::Home),
    ("end", Press::End),
    ("space", Press::Char(' ')),
];

/// A key that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{}\" is no key; write a character, \"ctrl-x\", \"alt-x\", \"f1\" to \"f12\", or one of {}",
    crate::base::Shown::text(.found),
    NAMES.map(|(name, _)| name).join(", ")
)]
pub struct ChordError {
    /// What was found.
    pub found: String,
}

impl FromStr for Chord {
    type Err = ChordError;

    fn from_str(text: &str) -> Result<Self, ChordError> {
        let bad = || ChordError { found: text.to_owned() };
        let mut rest = text;
        let (mut ctrl, mut alt) = (false, false);
        // A minus alone is a character.
        while rest.len() > 1 {
            if let Some(after) = rest.strip_prefix("ctrl-").filter(|_| !ctrl) {
                (ctrl, rest) = (true, after);
            } else if let Some(after) = rest.strip_prefix("alt-").filter(|_| !alt) {
                (alt, rest) = (true, after);
            } else {
                break;
            }
        }
        let named = NAMES.iter().find(|(name, _)| *name == rest).map(|(_, press)| *press);
        let function = || rest.strip_prefix('f')?.parse().ok().filter(|n| (1..=12).contains(n)).map(Press::F);
        let one = || {
            let mut chars = rest.chars();
            chars.next().filter(|c| chars.next().is_none() && !c.is_control() && *c != ' ').map(Press::Char)
        };
        let press = named.or_else(one).or_else(function).ok_or_else(bad)?;
        // Terminals send control with a letter as one byte: there is no capital.
        if ctrl && matches!(press, Press::Char(c) if c.is_uppercase()) {
            return Err(bad());
        }
        Ok(Self { press, ctrl, alt })
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, press)| *press == self.press) {
            return f.write_str(name);
        }
        match self.press {
            Press::Char(c) => write!(f, "{c}"),
            Press::F(n) => write!(f, "f{n}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn written_as_people_write_them() {
        for text in
            ["a", "A", "?", "-", "ctrl-c", "alt-x", "ctrl-alt-q", "space", "enter", "f12", "pgdn", "shift-tab", "f"]
        {
            let chord: Chord = text.parse().unwrap();
            assert_eq!(chord.to_string(), text);
        }
        for text in ["", " ", "ctrl-", "ctrl-C", "f13", "f0", "entr", "ab", "ctrl-ctrl-a", "\u{7}", "meta-x"] {
            let error = text.parse::<Chord>().unwrap_err();
            assert!(error.to_string().contains("is no key; write a character"), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn every_chord_reads_back(c in any::<char>(), ctrl in any::<bool>(), alt in any::<bool>()) {
            let sent = !(c.is_control() || ctrl && c.is_uppercase());
            prop_assume!(sent);
            let chord = Chord { press: Press::Char(c), ctrl, alt };
            prop_assert_eq!(chord.to_string().parse::<Chord>(), Ok(chord));
        }
    }
}
