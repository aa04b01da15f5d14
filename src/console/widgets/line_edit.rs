//! One line of text being edited.

use crate::console::chord::Chord;

/// Characters a line holds at most.
pub const LONGEST: usize = 4096;

/// One line of text being edited. The cursor stands between graphemes, so that what looks like one sign is one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineEdit {
    text: String,
    /// Where the cursor is, in bytes; always between graphemes.
    cursor: usize,
}

impl LineEdit {
    /// A line with text, the cursor at its end.
    pub fn new(text: &str) -> Self {
        let mut line = Self::default();
        line.paste(text);
        line
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Empties it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes a key; whether it was one of its own (typed text, movement, deletion).
    pub fn key(&mut self, chord: Chord) -> bool {
        let _ = chord;
        false
    }

    /// Takes text at the cursor: line breaks and tabs become spaces, other control characters their visible form
    /// (`\x1b`), and what is too much is left out. Gives how many characters were left out.
    pub fn paste(&mut self, text: &str) -> usize {
        let _ = text;
        0
    }

    /// What is seen of it in `width` cells: the text from where it must be scrolled to, and the cursor's column.
    pub fn window(&self, width: usize) -> (String, usize) {
        let _ = width;
        (String::new(), self.cursor)
    }
}
