//! The list of requests as it is written: its text, and what is thought of each line. A verdict belongs to one revision of
//! the text; those of an older one are never held.

use std::collections::BTreeMap;
use std::sync::Arc;

use tui_textarea::{CursorMove, TextArea};

use crate::base::Severity;
use crate::console::chord::{Chord, Press};
use crate::console::format;
use crate::restore::view::{LineVerdict, VerdictPage};

/// Bytes that a list holds at most. `firn restore --batch` reads any number.
pub const LONGEST: usize = 16 << 20;
/// Lines that it holds at most.
pub const MOST_LINES: usize = 200_000;
/// A draft no longer than this is kept at each change; a longer one every second, and whenever the list is left.
pub const KEPT_AT_ONCE: usize = 64 << 10;

/// What a key did to the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is no key of the list.
    No,
    /// The cursor moved, or nothing did.
    Moved,
    /// The text is another one.
    Changed,
}

/// Lines of a list, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Lines that can be planned.
    pub ok: usize,
    /// Lines that cannot.
    pub wrong: usize,
    /// Lines that say nothing; nothing until all have been looked at.
    pub empty: Option<usize>,
}

/// The list of requests as it is written.
#[derive(Debug, Clone)]
pub struct Editor {
    area: TextArea<'static>,
    bytes: usize,
    revision: u64,
    kept: u64,
    verdicts: BTreeMap<usize, LineVerdict>,
    counts: Counts,
    /// Why it could not be looked at.
    pub wrong: Option<String>,
}

/// Deletes the word before the cursor, as shells have it: spaces, then what is no space. At the beginning of a line, its
/// break.
fn delete_word(area: &mut TextArea<'static>) -> bool {
    let cursor = area.cursor();
    let before: String = area.lines().get(cursor.0).map_or("", String::as_str).chars().take(cursor.1).collect();
    let words = before.trim_end();
    let keep = words.rfind(' ').map_or(0, |space| space + 1);
    let count = before[keep..].chars().count();
    if count == 0 {
        return area.delete_char();
    }
    for _ in 0..count {
        area.move_cursor(CursorMove::Back);
    }
    area.delete_str(count)
}

impl Default for Editor {
    fn default() -> Self {
        Self {
            area: TextArea::default(),
            bytes: 0,
            revision: 0,
            kept: 0,
            verdicts: BTreeMap::new(),
            counts: Counts { empty: Some(1), ..Counts::default() },
            wrong: None,
        }
    }
}

impl Editor {
    /// A list that was kept as a draft.
    pub fn of(text: &str) -> Self {
        let mut editor = Self::default();
        editor.put(text);
        editor.area.move_cursor(CursorMove::Top);
        editor.area.move_cursor(CursorMove::Head);
        editor.kept = editor.revision;
        editor
    }

    /// Its lines.
    pub fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// Where the cursor stands: line and character, both from 0.
    pub fn cursor(&self) -> (usize, usize) {
        let cursor = self.area.cursor();
        (cursor.0, cursor.1)
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// All of it, a line each.
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Which text it is: grows with each change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What is thought of a line.
    pub fn verdict(&self, line: usize) -> Option<&LineVerdict> {
        self.verdicts.get(&line)
    }

    /// How many lines are what, as far as they have been looked at.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether every line has been looked at.
    pub fn is_checked(&self) -> bool {
        self.counts.empty.is_some()
    }

    /// The text, when it has changed since it was last kept: it counts as kept then. With `all` however long it is.
    pub fn unkept(&mut self, all: bool) -> Option<String> {
        if self.kept == self.revision || !all && self.bytes > KEPT_AT_ONCE {
            return None;
        }
        self.kept = self.revision;
        Some(self.text())
    }

    /// The text to be looked at.
    pub fn to_check(&self) -> Arc<str> {
        self.text().into()
    }

    fn changed(&mut self) {
        self.bytes = self.area.lines().iter().map(|line| line.len() + 1).sum::<usize>().saturating_sub(1);
        self.revision += 1;
        self.verdicts.clear();
        self.wrong = None;
        // A text that says nothing has been looked at.
        self.counts = Counts { empty: self.area.is_empty().then_some(1), ..Counts::default() };
    }

    /// Takes verdicts, if they are of this text; whether they were.
    pub fn adopt(&mut self, page: VerdictPage) -> bool {
        if page.revision != self.revision {
            return false;
        }
        for verdict in page.verdicts {
            if verdict.line >= self.area.lines().len() {
                continue;
            }
            let usable = verdict.usable;
            let old = self.verdicts.insert(verdict.line, verdict);
            let mut count = |usable: bool, by: isize| {
                let of = if usable { &mut self.counts.ok } else { &mut self.counts.wrong };
                *of = of.saturating_add_signed(by);
            };
            if let Some(old) = old {
                count(old.usable, -1);
            }
            count(usable, 1);
        }
        true
    }

    /// All lines of a revision have been looked at, or why they could not be.
    pub fn ended(&mut self, revision: u64, result: Result<(), String>) -> bool {
        if revision != self.revision {
            return false;
        }
        match result {
            Ok(()) => self.counts.empty = Some(self.area.lines().len().saturating_sub(self.verdicts.len())),
            Err(why) => self.wrong = Some(why),
        }
        true
    }

    /// Puts text in at the cursor. Control characters become their visible form, all but line ends and tabs. Nothing is
    /// put in when the list would hold too much.
    pub fn paste(&mut self, text: &str) -> Result<usize, String> {
        let lines = text.matches('\n').count();
        if self.bytes.saturating_add(text.len()) > LONGEST || self.area.lines().len() + lines > MOST_LINES {
            let most = crate::base::units::Size(LONGEST as u64);
            return Err(format!(
                "a list holds {MOST_LINES} lines and {most} at most: nothing was put in; `firn restore --batch` reads any number"
            ));
        }
        self.put(text);
        Ok(lines + 1)
    }

    fn put(&mut self, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let plain = text.bytes().all(|b| (0x20..0x7f).contains(&b) || b == b'\n' || b == b'\t');
        if plain {
            self.area.insert_str(text);
        } else {
            let line = |line: &str| {
                let line = line.strip_suffix('\r').unwrap_or(line);
                line.split('\t').map(format::safe).collect::<Vec<_>>().join("\t")
            };
            let safe: Vec<String> = text.split('\n').map(line).collect();
            self.area.insert_str(safe.join("\n"));
        }
        self.changed();
    }

    /// Empties it; undone as one change.
    pub fn clear(&mut self) -> bool {
        self.area.select_all();
        let any = self.area.cut();
        if any {
            self.changed();
        }
        any
    }

    /// Takes the last change back.
    pub fn undo(&mut self) -> bool {
        let any = self.area.undo();
        if any {
            self.changed();
        }
        any
    }

    /// Does it again.
    pub fn redo(&mut self) -> bool {
        let any = self.area.redo();
        if any {
            self.changed();
        }
        any
    }

    /// Goes to the beginning of a line.
    pub fn go_to(&mut self, line: usize) {
        // A jump reaches the first 65,536 lines.
        let near = u16::try_from(line).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(near, 0));
        for _ in usize::from(near)..line {
            self.area.move_cursor(CursorMove::Down);
        }
    }

    /// Moves the cursor by lines.
    pub fn step(&mut self, by: isize) {
        let (way, count) =
            if by < 0 { (CursorMove::Up, by.unsigned_abs()) } else { (CursorMove::Down, by.unsigned_abs()) };
        for _ in 0..count.min(self.area.lines().len()) {
            self.area.move_cursor(way);
        }
    }

    /// The next line that cannot be planned, after the cursor and round: its place.
    pub fn next_wrong(&self) -> Option<usize> {
        let (at, _) = self.cursor();
        let wrong = |(_, verdict): &(&usize, &LineVerdict)| verdict.severity == Severity::Critical || !verdict.usable;
        let after = self.verdicts.range(at + 1..).find(wrong);
        after.or_else(|| self.verdicts.range(..=at).find(wrong)).map(|(line, _)| *line)
    }

    /// Takes a key that is text, movement or deletion.
    pub fn key(&mut self, chord: Chord) -> Taken {
        if let Some(c) = chord.typed() {
            if self.bytes >= LONGEST {
                return Taken::Moved;
            }
            self.area.insert_str(format::safe(c.encode_utf8(&mut [0; 4])));
            self.changed();
            return Taken::Changed;
        }
        let area = &mut self.area;
        let other = match (chord.press, chord.ctrl, chord.alt) {
            (Press::Enter, false, false) if area.lines().len() < MOST_LINES => {
                area.insert_newline();
                true
            }
            (Press::Tab, false, false) => area.insert_str(" "),
            (Press::Backspace, false, false) | (Press::Char('h'), true, false) => area.delete_char(),
            (Press::Delete, false, false) => area.delete_next_char(),
            (Press::Char('w'), true, false) | (Press::Backspace, _, _) => delete_word(area),
            (Press::Char('u'), true, false) => area.delete_line_by_head(),
            (Press::Char('k'), true, false) => area.delete_line_by_end(),
            (press, ctrl, false) => {
                let way = match (press, ctrl) {
                    (Press::Up, false) => CursorMove::Up,
                    (Press::Down, false) => CursorMove::Down,
                    (Press::Left, false) => CursorMove::Back,
                    (Press::Right, false) => CursorMove::Forward,
                    (Press::Left, true) => CursorMove::WordBack,
                    (Press::Right, true) => CursorMove::WordForward,
                    (Press::Home, false) | (Press::Char('a'), true) => CursorMove::Head,
                    (Press::End, false) | (Press::Char('e'), true) => CursorMove::End,
                    (Press::Home, true) => {
                        area.move_cursor(CursorMove::Top);
                        CursorMove::Head
                    }
                    (Press::End, true) => {
                        area.move_cursor(CursorMove::Bottom);
                        CursorMove::End
                    }
                    (Press::Enter | Press::BackTab, false) => return Taken::Moved,
                    _ => return Taken::No,
                };
                area.move_cursor(way);
                false
            }
            _ => return Taken::No,
        };
        if other {
            self.changed();
            return Taken::Changed;
        }
        Taken::Moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Clock;
    use proptest::prelude::*;
    use std::time::Duration;

    fn chord() -> impl Strategy<Value = Chord> {
        let keys = [
            "a",
            "#",
            "é",
            "漢",
            "enter",
            "tab",
            "backspace",
            "delete",
            "left",
            "right",
            "up",
            "down",
            "home",
            "end",
            "ctrl-home",
            "ctrl-end",
            "ctrl-left",
            "ctrl-right",
            "ctrl-w",
            "ctrl-u",
            "ctrl-k",
            "ctrl-a",
            "ctrl-e",
            "alt-x",
            "f9",
        ];
        prop::sample::select(keys.map(|key| key.parse().unwrap()).to_vec())
    }

    proptest! {
        #[test]
        fn whatever_is_pressed_the_list_is_a_list(
            texts in prop::collection::vec("[a-z \t\n\r\u{1b}\u{301}漢]{0,30}", 0..4),
            keys in prop::collection::vec(chord(), 0..80),
            undo in any::<bool>(),
        ) {
            let mut editor = Editor::default();
            for text in &texts {
                editor.paste(text).unwrap();
            }
            for key in keys {
                let (before, revision) = (editor.text(), editor.revision());
                let taken = editor.key(key);
                prop_assert!(editor.text() == before || taken == Taken::Changed);
                prop_assert_eq!(editor.revision() > revision, taken == Taken::Changed);
                prop_assert_eq!(editor.bytes, editor.text().len());
                let (row, column) = editor.cursor();
                prop_assert!(column <= editor.lines()[row].chars().count());
                prop_assert!(editor.lines().iter().all(|line| line.chars().all(|c| c == '\t' || !c.is_control())));
            }
            if undo {
                editor.clear();
                let emptied = editor.is_empty();
                prop_assert!(emptied);
                editor.undo();
            }
            let lines = editor.lines().len();
            editor.go_to(lines + 5);
            prop_assert_eq!(editor.cursor().0, lines - 1);
        }
    }

    #[test]
    fn ten_thousand_pasted_lines_are_there_at_once_and_every_line_is_reached() {
        let clock = Clock::system();
        let text =
            (0..10_000).map(|n| format!("photos:avatar/2026/{n:05}.jpg /srv/restored/")).collect::<Vec<_>>().join("\n");
        let mut editor = Editor::default();
        let began = clock.mono();
        assert_eq!(editor.paste(&text), Ok(10_000));
        let pasted = clock.mono().since(began);
        let began = clock.mono();
        for _ in 0..10 {
            editor.key(Chord::char('x'));
        }
        let keys = clock.mono().since(began) / 10;
        println!("10,000 lines: pasted in {pasted:?}, a key in {keys:?}");
        // Without optimisation; a console is built with it.
        assert!(pasted < Duration::from_secs(1) && keys < Duration::from_millis(250), "{pasted:?}, {keys:?}");
        editor.paste(&"\n".repeat(80_000)).unwrap();
        for line in [0, 70_000, 65_535, 65_536, 89_999] {
            editor.go_to(line);
            assert_eq!(editor.cursor(), (line, 0));
        }
    }

    #[test]
    fn verdicts_are_counted_once_and_the_next_wrong_line_is_found_round_the_end() {
        let mut editor = Editor::of("a\nb\n\nc");
        let verdict = |line, usable| LineVerdict {
            line,
            usable,
            severity: if usable { Severity::Ok } else { Severity::Critical },
            short: String::new(),
        };
        let revision = editor.revision();
        let page = |verdicts| VerdictPage { revision, verdicts };
        assert!(editor.adopt(page(vec![verdict(0, false), verdict(1, true)])));
        assert!(editor.adopt(page(vec![verdict(0, true), verdict(3, false)])));
        assert!(!editor.adopt(VerdictPage { revision: revision + 1, verdicts: Vec::new() }));
        assert!(!editor.is_checked());
        assert!(editor.ended(revision, Ok(())));
        assert_eq!(editor.counts(), Counts { ok: 2, wrong: 1, empty: Some(1) });
        assert_eq!(editor.next_wrong(), Some(3));
        editor.go_to(3);
        assert_eq!(editor.next_wrong(), Some(3));
        editor.key(Chord::char('x'));
        assert_eq!((editor.next_wrong(), editor.counts()), (None, Counts::default()));
    }
}
