//! Bytes of a terminal become keys, pastes and the mouse.

use super::input::{Input, MouseKind, PASTE_LIMIT};
use crate::console::chord::{Chord, Press};

const ESC: u8 = 0x1b;
/// The longest sequence that is waited for; a longer one is no key's.
const LONGEST: usize = 64;
/// Ends a paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// What a parser waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pending {
    /// Nothing has begun.
    Nothing,
    /// The rest of a key.
    Key,
    /// The end of a paste.
    Paste,
}

/// Turns bytes into inputs. How the bytes are cut into reads makes no difference.
#[derive(Debug)]
pub(super) struct Parser {
    /// What the erase key sends: a terminal whose backspace is ctrl-h says so.
    erase: u8,
    buffer: Vec<u8>,
    paste: Option<Paste>,
}

/// A paste on its way.
#[derive(Debug, Default)]
struct Paste {
    text: Vec<u8>,
    cut: bool,
}

/// What the beginning of the buffer is.
#[derive(Debug)]
enum Step {
    /// Too short to say.
    More,
    /// So many bytes, and what they are; nothing for what is not of use.
    Taken(usize, Option<Input>),
    /// So many bytes, and a paste begins.
    Paste(usize),
}

impl Parser {
    pub(super) fn new(erase: u8) -> Self {
        Self { erase, buffer: Vec::new(), paste: None }
    }

    pub(super) fn pending(&self) -> Pending {
        match (&self.paste, self.buffer.is_empty()) {
            (Some(_), _) => Pending::Paste,
            (None, true) => Pending::Nothing,
            (None, false) => Pending::Key,
        }
    }

    /// Takes bytes and adds what they complete.
    pub(super) fn feed(&mut self, bytes: &[u8], found: &mut Vec<Input>) {
        self.buffer.extend_from_slice(bytes);
        self.run(false, found);
    }

    /// No more bytes came in time: what is pending is all there is.
    pub(super) fn idle(&mut self, found: &mut Vec<Input>) {
        if let Some(mut paste) = self.paste.take() {
            paste.take(&std::mem::take(&mut self.buffer));
            found.push(paste.done());
        }
        self.run(true, found);
    }

    fn run(&mut self, last: bool, found: &mut Vec<Input>) {
        let mut at = 0;
        loop {
            if let Some(paste) = &mut self.paste {
                let rest = &self.buffer[at..];
                let (taken, ended) = paste_in(rest);
                paste.take(&rest[..taken]);
                at += taken;
                if !ended {
                    break;
                }
                at += PASTE_END.len();
                found.extend(self.paste.take().map(Paste::done));
            } else if at == self.buffer.len() {
                break;
            } else {
                match step(&self.buffer[at..], self.erase, last) {
                    Step::More => break,
                    Step::Taken(taken, input) => {
                        at += taken;
                        found.extend(input);
                    }
                    Step::Paste(taken) => {
                        at += taken;
                        self.paste = Some(Paste::default());
                    }
                }
            }
        }
        self.buffer.drain(..at);
    }
}

/// How many of these bytes are certainly text of a paste, and whether its end mark follows them.
fn paste_in(rest: &[u8]) -> (usize, bool) {
    let mut from = 0;
    while let Some(escape) = rest[from..].iter().position(|b| *b == ESC) {
        let at = from + escape;
        if rest[at..].starts_with(PASTE_END) {
            return (at, true);
        }
        if PASTE_END.starts_with(&rest[at..]) {
            return (at, false);
        }
        from = at + 1;
    }
    (rest.len(), false)
}

impl Paste {
    fn take(&mut self, bytes: &[u8]) {
        let room = PASTE_LIMIT - self.text.len();
        self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.cut |= bytes.len() > room;
    }

    /// Terminals send a pasted line end as the enter key does.
    fn done(self) -> Input {
        let mut text = String::from_utf8_lossy(&self.text).replace("\r\n", "\n").replace('\r', "\n");
        // A replacement character is longer than the byte that it stands for.
        let end = text.floor_char_boundary(PASTE_LIMIT);
        let cut = self.cut || end < text.len();
        text.truncate(end);
        Input::Paste { text, cut }
    }
}

/// The first key, or whatever else it is. `last`: no more bytes are to come.
fn step(bytes: &[u8], erase: u8, last: bool) -> Step {
    match *bytes {
        [] => Step::More,
        [ESC] if !last => Step::More,
        // Two: one alone, and whatever the second begins.
        [ESC] | [ESC, ESC, ..] => key(1, Chord::plain(Press::Esc)),
        [ESC, b'[', ..] => control_sequence(bytes, last),
        [ESC, b'O', ..] => match bytes.get(2) {
            None if !last => Step::More,
            None => key(2, alt(Chord::char('O'))),
            Some(&ESC) => Step::Taken(2, None),
            Some(letter) => Step::Taken(3, keypad(*letter).map(|press| Input::Key(Chord::plain(press)))),
        },
        [ESC, ref rest @ ..] => match step(rest, erase, last) {
            Step::Taken(taken, Some(Input::Key(chord))) => key(taken + 1, alt(chord)),
            Step::Taken(taken, other) => Step::Taken(taken + 1, other),
            other => other,
        },
        [b, ..] if b < 0x80 => key(1, ascii(b, erase)),
        _ => character(bytes, last),
    }
}

fn key(taken: usize, chord: Chord) -> Step {
    Step::Taken(taken, Some(Input::Key(chord)))
}

fn alt(chord: Chord) -> Chord {
    Chord { alt: true, ..chord }
}

fn ctrl(c: char) -> Chord {
    Chord { ctrl: true, ..Chord::char(c) }
}

fn ascii(b: u8, erase: u8) -> Chord {
    match b {
        0x0d => Chord::plain(Press::Enter),
        b'\t' => Chord::plain(Press::Tab),
        0x7f => Chord::plain(Press::Backspace),
        0x08 if erase == 0x08 => Chord::plain(Press::Backspace),
        0x00 => ctrl(' '),
        0x01..=0x1a => ctrl(char::from(b + 0x60)),
        0x1b..=0x1f => ctrl(char::from(b + 0x40)),
        _ => Chord::char(char::from(b)),
    }
}

/// A character of several bytes. Bytes that are none are dropped one by one.
fn character(bytes: &[u8], last: bool) -> Step {
    let length = match bytes[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Step::Taken(1, None),
    };
    let have = &bytes[..bytes.len().min(length)];
    match std::str::from_utf8(have) {
        Ok(text) => {
            let c = text.chars().next().filter(|c| !c.is_control());
            Step::Taken(length, c.map(|c| Input::Key(Chord::char(c))))
        }
        Err(e) if e.error_len().is_none() && !last => Step::More,
        Err(_) => Step::Taken(1, None),
    }
}

/// `ESC O` and a letter: keys in application mode, F1 to F4.
fn keypad(letter: u8) -> Option<Press> {
    Some(match letter {
        b'M' => Press::Enter,
        b'I' => Press::Tab,
        _ => return lettered(letter),
    })
}

/// Keys whose sequence ends in a letter.
fn lettered(letter: u8) -> Option<Press> {
    Some(match letter {
        b'A' => Press::Up,
        b'B' => Press::Down,
        b'C' => Press::Right,
        b'D' => Press::Left,
        b'H' => Press::Home,
        b'F' => Press::End,
        b'P' => Press::F(1),
        b'Q' => Press::F(2),
        b'R' => Press::F(3),
        b'S' => Press::F(4),
        b'Z' => Press::BackTab,
        _ => return None,
    })
}

/// Keys whose sequence ends in a tilde.
fn numbered(number: u32) -> Option<Press> {
    Some(match number {
        1 | 7 => Press::Home,
        2 => Press::Insert,
        3 => Press::Delete,
        4 | 8 => Press::End,
        5 => Press::PageUp,
        6 => Press::PageDown,
        11..=15 => Press::F(u8::try_from(number - 10).ok()?),
        17..=21 => Press::F(u8::try_from(number - 11).ok()?),
        23 | 24 => Press::F(u8::try_from(number - 12).ok()?),
        _ => return None,
    })
}

/// `ESC [`, parameters, a final byte.
fn control_sequence(bytes: &[u8], last: bool) -> Step {
    let body = &bytes[2..];
    let Some(end) = body.iter().position(|b| !(0x20..=0x3f).contains(b)) else {
        return match (body.len(), last) {
            (0, true) => key(2, alt(Chord::char('['))),
            (length, _) if last || length > LONGEST => Step::Taken(bytes.len(), None),
            _ => Step::More,
        };
    };
    let (parameters, letter) = (&body[..end], body[end]);
    let taken = 2 + end + 1;
    match letter {
        // Cut short by another sequence or a control character.
        0x00..=0x1f | 0x7f.. => Step::Taken(taken - 1, None),
        // The Linux console's F1 to F5: one more letter.
        b'[' if end == 0 => match body.get(1) {
            None if !last => Step::More,
            Some(f @ b'A'..=b'E') => key(taken + 1, Chord::plain(Press::F(f - b'A' + 1))),
            _ => Step::Taken(taken, None),
        },
        // The mouse of a terminal that knows no decimal reports: three bytes follow.
        b'M' if end == 0 => match body.get(1..4) {
            None if !last => Step::More,
            None => Step::Taken(bytes.len(), None),
            Some(report) => {
                let [code, column, row] = [0, 1, 2].map(|at| u32::from(report[at]).saturating_sub(32));
                Step::Taken(taken + 3, mouse(code, column, row))
            }
        },
        b'~' if parameters == b"200" => Step::Paste(taken),
        _ => Step::Taken(taken, sequence(parameters, letter)),
    }
}

/// A whole sequence that is no paste.
fn sequence(parameters: &[u8], letter: u8) -> Option<Input> {
    if let Some(report) = parameters.strip_prefix(b"<") {
        let numbers = numbers(report)?;
        let [code, column, row] = numbers.as_slice() else { return None };
        return (letter == b'M').then(|| mouse(code.0, column.0, row.0)).flatten();
    }
    let numbers = numbers(parameters)?;
    let first = numbers.first().map_or(1, |number| number.0);
    let (modifiers, event) = numbers.get(1).copied().unwrap_or((1, 1));
    // Repeats and releases, from terminals that tell them.
    if event > 1 {
        return None;
    }
    let press = match letter {
        b'~' if first == 27 => return coded(numbers.get(2)?.0, modifiers),
        b'u' => return coded(first, modifiers),
        b'~' => numbered(first)?,
        _ => lettered(letter)?,
    };
    Some(Input::Key(with(press, modifiers)))
}

/// `1;5` or `97;5:1`: numbers, each with the first of its sub-numbers (1 where there is none).
fn numbers(text: &[u8]) -> Option<Vec<(u32, u32)>> {
    let text = std::str::from_utf8(text).ok()?;
    if text.is_empty() {
        return Some(Vec::new());
    }
    let one = |part: &str| if part.is_empty() { Some(1) } else { part.parse().ok() };
    text.split(';')
        .map(|part| {
            let mut parts = part.split(':');
            Some((one(parts.next()?)?, parts.next().map_or(Some(1), one)?))
        })
        .collect()
}

/// Modifiers are sent as one more than their bits: shift 1, alt 2, control 4. Shift is in the key itself.
fn with(press: Press, modifiers: u32) -> Chord {
    let bits = modifiers.saturating_sub(1);
    let press = match press {
        Press::Tab if bits & 1 != 0 => Press::BackTab,
        Press::Char(c) if bits & 4 != 0 => Press::Char(c.to_ascii_lowercase()),
        Press::Char(c) if bits & 1 != 0 => Press::Char(c.to_ascii_uppercase()),
        other => other,
    };
    Chord { press, ctrl: bits & 4 != 0, alt: bits & 2 != 0 }
}

/// A key told by its character's number.
fn coded(number: u32, modifiers: u32) -> Option<Input> {
    let press = match number {
        9 => Press::Tab,
        13 => Press::Enter,
        27 => Press::Esc,
        8 | 127 => Press::Backspace,
        // The private area stands for keys such as caps lock.
        0xe000..=0xf8ff => return None,
        other => Press::Char(char::from_u32(other).filter(|c| !c.is_control())?),
    };
    Some(Input::Key(with(press, modifiers)))
}

/// A report of the mouse; places count from 1.
fn mouse(code: u32, column: u32, row: u32) -> Option<Input> {
    // Shift, alt and control are 4, 8 and 16; motion is 32.
    let kind = match code & !0b1_1100 {
        0 => MouseKind::Click,
        64 => MouseKind::WheelUp,
        65 => MouseKind::WheelDown,
        _ => return None,
    };
    let place = |at: u32| u16::try_from(at.checked_sub(1)?).ok();
    Some(Input::Mouse { kind, column: place(column)?, row: place(row)? })
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
