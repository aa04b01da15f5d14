//! One line of text being edited.

use ratatui::buffer::CellWidth as _;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::chord::{Chord, Press};
use crate::console::format;
use crate::console::glyphs::Look;

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
        if let Some(c) = chord.typed() {
            self.paste(c.encode_utf8(&mut [0; 4]));
            return true;
        }
        match (chord.press, chord.ctrl, chord.alt) {
            (Press::Left, false, false) => self.cursor = self.before(),
            (Press::Right, false, false) => self.cursor = self.after(),
            (Press::Home, false, false) | (Press::Char('a'), true, false) => self.cursor = 0,
            (Press::End, false, false) | (Press::Char('e'), true, false) => self.cursor = self.text.len(),
            // Some terminals send control and H for backspace.
            (Press::Backspace, _, _) | (Press::Char('h'), true, false) => self.delete(self.before(), self.cursor),
            (Press::Delete, false, false) => self.delete(self.cursor, self.after()),
            (Press::Char('w'), true, false) => self.delete(self.word_before(), self.cursor),
            (Press::Char('u'), true, false) => self.delete(0, self.cursor),
            (Press::Char('k'), true, false) => self.delete(self.cursor, self.text.len()),
            _ => return false,
        }
        true
    }

    /// Takes text at the cursor: line breaks and tabs become spaces, other characters that could act on a terminal
    /// their visible form (`\x1b`), and what is too much is left out. Gives how many characters were left out.
    pub fn paste(&mut self, text: &str) -> usize {
        let spaced: String = text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }).collect();
        let safe = format::safe(&spaced);
        let room = LONGEST.saturating_sub(self.text.chars().count());
        let taken: String = safe.chars().take(room).collect();
        let left_out = safe.chars().count() - taken.chars().count();
        self.text.insert_str(self.cursor, &taken);
        let wanted = self.cursor + taken.len();
        // What was put in may join with what follows it.
        self.cursor = self.bounds().into_iter().find(|bound| *bound >= wanted).unwrap_or(self.text.len());
        left_out
    }

    /// What is seen of it in `width` cells: the text from where it must be scrolled to, and the cursor's column.
    pub fn window(&self, width: usize, look: &Look<'_>) -> (String, usize) {
        let (before, after) = self.text.split_at(self.cursor);
        let (before, after) = (look.text(before), look.text(after));
        let mut shown = Vec::new();
        let mut column = 0;
        // The cursor itself takes a cell.
        for (grapheme, cells) in format::graphemes(&before).into_iter().rev() {
            if column + cells >= width {
                break;
            }
            column += cells;
            shown.push(grapheme);
        }
        shown.reverse();
        let mut used = column;
        for (grapheme, cells) in format::graphemes(&after) {
            if used + cells > width {
                break;
            }
            used += cells;
            shown.push(grapheme);
        }
        (shown.concat(), column)
    }

    /// Where graphemes begin, and the end. What has no width of its own belongs to what is before it.
    fn bounds(&self) -> Vec<usize> {
        let mut bounds = vec![0];
        let mut at = 0;
        let span = Span::raw(self.text.as_str());
        for grapheme in span.styled_graphemes(Style::new()) {
            if grapheme.symbol.cell_width() > 0 && at > 0 {
                bounds.push(at);
            }
            at += grapheme.symbol.len();
        }
        if at > 0 {
            bounds.push(at);
        }
        bounds
    }

    fn before(&self) -> usize {
        self.bounds().into_iter().rev().find(|bound| *bound < self.cursor).unwrap_or(0)
    }

    fn after(&self) -> usize {
        self.bounds().into_iter().find(|bound| *bound > self.cursor).unwrap_or(self.text.len())
    }

    /// The beginning of the word before the cursor, as shells have it: spaces, then what is no space.
    fn word_before(&self) -> usize {
        let words = self.text[..self.cursor].trim_end();
        words.rfind(' ').map_or(0, |space| space + 1)
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        // What follows may now join with what is before.
        self.cursor = self.bounds().into_iter().find(|bound| *bound >= from).unwrap_or(self.text.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::glyphs::{Charts, Glyphs};
    use crate::console::theme::{Depth, Theme};
    use proptest::prelude::*;

    fn press(line: &mut LineEdit, keys: &str) {
        for key in keys.split(' ') {
            assert!(line.key(key.parse().unwrap()), "{key}");
        }
    }

    #[test]
    fn edits_as_a_line_does() {
        let mut line = LineEdit::new("tiger beetle");
        press(&mut line, "ctrl-w");
        assert_eq!(line.text(), "tiger ");
        press(&mut line, "home delete T end b e left backspace a");
        assert_eq!(line.text(), "Tiger ae");
        press(&mut line, "ctrl-a right ctrl-k");
        assert_eq!(line.text(), "T");
        press(&mut line, "x ctrl-u");
        assert!(line.is_empty());
        press(&mut line, "backspace delete left right ctrl-w");
        assert_eq!(line, LineEdit::default());
        for other in ["enter", "esc", "tab", "up", "alt-x", "ctrl-c", "f1"] {
            assert!(!line.key(other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn one_press_is_one_sign() {
        let mut line = LineEdit::new("ae\u{301}漢");
        press(&mut line, "backspace");
        assert_eq!(line.text(), "ae\u{301}");
        press(&mut line, "backspace");
        assert_eq!(line.text(), "a");
    }

    #[test]
    fn what_is_pasted_cannot_act_and_is_bounded() {
        let mut line = LineEdit::default();
        assert_eq!(line.paste("a\r\nb\tc\x1b[2J\u{202e}\\x41"), 0);
        assert_eq!(line.text(), "a  b c\\x1b[2J\\u{202e}\\x41");
        line.clear();
        assert_eq!(line.paste(&"x".repeat(LONGEST + 5)), 5);
        assert_eq!(line.paste("y"), 1);
        assert_eq!(line.text().len(), LONGEST);
    }

    #[test]
    fn scrolls_to_its_cursor() {
        let theme = Theme::named("default", Depth::None).unwrap();
        let look = Look { theme: &theme, glyphs: Glyphs::utf8(), charts: Charts::Braille };
        let mut line = LineEdit::new("abcdefgh");
        assert_eq!(line.window(9, &look), ("abcdefgh".to_owned(), 8));
        assert_eq!(line.window(4, &look), ("fgh".to_owned(), 3));
        press(&mut line, "left left left");
        assert_eq!(line.window(4, &look), ("cdef".to_owned(), 3));
        assert_eq!(LineEdit::new("漢字").window(3, &look), ("字".to_owned(), 2));
        assert_eq!(line.window(0, &look), (String::new(), 0));
        assert_eq!(line.window(1, &look), ("f".to_owned(), 0));
    }

    proptest! {
        #[test]
        fn never_breaks_a_sign_whatever_is_pressed(
            pasted in ".{0,12}",
            keys in prop::collection::vec(prop::sample::select(vec![
                "left", "right", "home", "end", "backspace", "delete", "ctrl-w", "ctrl-u", "a", "\u{301}", "漢", "space",
            ]), 0..30),
            width in 0..20usize,
        ) {
            let theme = Theme::named("default", Depth::None).unwrap();
            let look = Look { theme: &theme, glyphs: Glyphs::utf8(), charts: Charts::Braille };
            let mut line = LineEdit::new(&pasted);
            for key in keys {
                line.key(key.parse().unwrap());
                prop_assert!(line.bounds().contains(&line.cursor), "{line:?}");
                let (seen, column) = line.window(width, &look);
                prop_assert!(format::width(&seen) <= width);
                prop_assert!(column < width.max(1));
                prop_assert!(line.text().chars().all(|c| !c.is_control()));
            }
        }
    }
}
