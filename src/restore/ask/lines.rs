//! A text, line by line. Pure, but for [`Reader`], which reads a file or standard input.

use std::io::{self, BufRead};

use super::error::{LINE_LIMIT, LineError};
use super::{Ask, Names, line, parse_line};

/// What a text may begin with: a byte order mark.
pub const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a line came to: nothing where it is empty or only a comment.
pub type Parsed = Option<Result<Ask, LineError>>;

/// The lines of a text, numbered from 1, each parsed as it is reached. Nothing of the text is copied.
pub fn lines<'a>(text: &'a [u8], names: &'a Names) -> impl Iterator<Item = (usize, Parsed)> + 'a {
    raw(text).map(|(number, line)| (number, parse_line(line, names)))
}

/// The lines of a text, numbered from 1, as they stand there: without a byte order mark at its start, and without what
/// separates them (a carriage return before that stays).
pub fn raw(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let text = text.strip_prefix(BOM).unwrap_or(text);
    // An end of the last line begins no other one.
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    (1..).zip(text.split(|byte| *byte == b'\n'))
}

/// Lines of a stream. Memory does not grow with it, nor with one line of it.
pub struct Reader<R> {
    from: R,
    line: Vec<u8>,
    number: usize,
}

impl<R: BufRead> Reader<R> {
    /// Of a file, or of standard input.
    pub fn new(from: R) -> Self {
        Self { from, line: Vec::new(), number: 0 }
    }

    /// The next line, with its number from 1; nothing after the last.
    pub fn next(&mut self, names: &Names) -> io::Result<Option<(usize, Parsed)>> {
        self.line.clear();
        let mut over = false;
        loop {
            let read = match self.from.fill_buf() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if read.is_empty() {
                if self.line.is_empty() && !over {
                    return Ok(None);
                }
                break;
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let piece = &read[..end.unwrap_or(read.len())];
            // Room for what is not counted: a byte order mark and a carriage return.
            let room = (LINE_LIMIT + BOM.len() + 2).saturating_sub(self.line.len());
            over |= piece.len() > room;
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            let length = piece.len() + usize::from(end.is_some());
            self.from.consume(length);
            if end.is_some() {
                break;
            }
        }
        self.number += 1;
        if over {
            return Ok(Some((self.number, Some(Err(line::too_long())))));
        }
        let text = self.line.as_slice();
        let text = if self.number == 1 { text.strip_prefix(BOM).unwrap_or(text) } else { text };
        Ok(Some((self.number, parse_line(text, names))))
    }
}
