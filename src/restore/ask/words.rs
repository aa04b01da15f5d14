//! A line as words: blanks, quotes, escapes, comments. Pure.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use super::error::Kind;
use crate::base::Shown;

/// A word, and where it stands in its line (bytes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) place: Range<usize>,
    /// Whether anything in it was quoted.
    pub(super) quoted: bool,
}

impl Word<'_> {
    /// Where bytes of the word stand in the line: where nothing was quoted there exactly, else the whole word.
    pub(super) fn within(&self, part: Range<usize>) -> Range<usize> {
        if self.quoted { self.place.clone() } else { self.place.start + part.start..self.place.start + part.end }
    }

    /// Whether it is that very word, not quoted: one that is quoted is a name.
    pub(super) fn is(&self, word: &str) -> bool {
        !self.quoted && *self.bytes == *word.as_bytes()
    }
}

/// The words of a line, one after the other.
pub(super) struct Words<'a> {
    line: &'a [u8],
    at: usize,
}

/// Whether text that is to be a few words of a line would begin a comment there, and silence what stands behind it.
pub fn has_comment(text: &str) -> bool {
    let mut words = Words::new(text.as_bytes());
    while let Ok(Some(_)) = words.next() {}
    text.as_bytes().get(words.at) == Some(&b'#')
}

/// What is wrong, and where in the line (bytes).
pub(super) type Wrong = (Kind, Range<usize>);

impl<'a> Words<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    /// The next word; nothing at the end of the line or at a comment.
    pub(super) fn next(&mut self) -> Result<Option<Word<'a>>, Wrong> {
        while self.line.get(self.at).is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            self.at += 1;
        }
        let start = self.at;
        match self.line.get(start) {
            None | Some(b'#') => return Ok(None),
            Some(_) => {}
        }
        // Nearly every word has no quote: it is a piece of the line.
        let mut owned: Option<Vec<u8>> = None;
        let mut plain = start;
        while let Some(byte) = self.line.get(self.at) {
            match byte {
                b' ' | b'\t' => break,
                b'"' | b'\'' => {
                    let bytes = owned.get_or_insert_default();
                    visible(self.line, plain..self.at)?;
                    bytes.extend_from_slice(&self.line[plain..self.at]);
                    self.quote(*byte, bytes)?;
                    plain = self.at;
                }
                _ => self.at += 1,
            }
        }
        visible(self.line, plain..self.at)?;
        let last = &self.line[plain..self.at];
        let quoted = owned.is_some();
        let bytes = match owned {
            None => Cow::Borrowed(last),
            Some(mut bytes) => {
                bytes.extend_from_slice(last);
                Cow::Owned(bytes)
            }
        };
        Ok(Some(Word { bytes, place: start..self.at, quoted }))
    }

    /// From an opening quote to behind the closing one.
    fn quote(&mut self, quote: u8, bytes: &mut Vec<u8>) -> Result<(), Wrong> {
        let open = self.at;
        self.at += 1;
        loop {
            match self.line.get(self.at) {
                None => return Err((Kind::OpenQuote(char::from(quote)), open..self.line.len())),
                Some(byte) if *byte == quote => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') if quote == b'"' => self.escape(bytes)?,
                Some(byte) => {
                    bytes.push(*byte);
                    self.at += 1;
                }
            }
        }
    }

    /// `\"`, `\\`, `\xNN`, `\u{N}`.
    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), Wrong> {
        let rest = &self.line[self.at..];
        let (length, read) = match rest.get(1) {
            Some(byte @ (b'"' | b'\\')) => {
                bytes.push(*byte);
                (2, true)
            }
            Some(b'x') => {
                let byte = rest.get(2..4).and_then(hex).and_then(|value| u8::try_from(value).ok());
                bytes.extend(byte);
                (4, byte.is_some())
            }
            Some(b'u') => {
                let end = rest.iter().take(10).position(|byte| *byte == b'}');
                let digits = end.and_then(|end| rest.get(2..end)?.strip_prefix(b"{"));
                let found = digits.and_then(hex).and_then(char::from_u32);
                if let Some(c) = found {
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                (end.map_or(2, |end| end + 1), found.is_some())
            }
            _ => (2, false),
        };
        let length = length.min(rest.len());
        if !read {
            // Up to a whole character.
            let text = String::from_utf8_lossy(&rest[..length.max(2).min(rest.len())]);
            let text: String = text.chars().take_while(|c| *c != char::REPLACEMENT_CHARACTER).collect();
            let shown = format!("\\{}", super::error::brief(&text.as_bytes()[1..]));
            return Err((Kind::Escape(shown), self.at..self.at + length));
        }
        self.at += length;
        Ok(())
    }
}

/// One to six hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u32> {
    let fine = (1..=6).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    fine.then(|| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())?
}

/// What stands outside quotes is seen: no control character, and no blank that looks like one that separates.
fn visible(line: &[u8], place: Range<usize>) -> Result<(), Wrong> {
    let text = &line[place.clone()];
    if text.iter().all(|byte| (0x21..0x7f).contains(byte)) {
        return Ok(());
    }
    let mut at = place.start;
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            let here = at..at + c.len_utf8();
            if c.is_ascii_control() {
                return Err((Kind::Control(Shown::text(c.encode_utf8(&mut [0; 4])).to_string()), here));
            }
            if c.is_whitespace() {
                return Err((Kind::OddBlank(u32::from(c)), here));
            }
            at += c.len_utf8();
        }
        at += chunk.invalid().len();
    }
    Ok(())
}

/// A word as a line holds it: as it is where nothing in it needs a quote, else in double quotes with escapes. Read
/// again it is the same bytes; shown it does nothing to a terminal.
pub fn quoted(bytes: &[u8]) -> String {
    let shown = Shown::bytes(bytes).to_string();
    let plain = !bytes.is_empty()
        && bytes[0] != b'#'
        && shown.as_bytes() == bytes
        && !shown.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    if plain {
        return shown;
    }
    let mut text = String::with_capacity(shown.len() + 2);
    text.push('"');
    for c in shown.chars() {
        match c {
            '"' => text.push_str("\\\""),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// The column of a byte of a line: characters before it, and one. A byte that is not UTF-8 is one character, as it is
/// where it is shown.
pub(super) fn column(line: &[u8], at: usize) -> usize {
    1 + chars(&line[..at.min(line.len())])
}

/// How many characters some bytes are.
pub(super) fn chars(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

/// Words, comma-separated, as far as a sentence bears it.
pub(super) fn list<'a>(words: impl ExactSizeIterator<Item = &'a str>) -> String {
    const NAMED: usize = 8;
    let count = words.len();
    let mut text = String::new();
    for (n, word) in words.take(NAMED).enumerate() {
        if n > 0 {
            text.push_str(", ");
        }
        text.push_str(&Shown::text(word).to_string());
    }
    if count > NAMED {
        // Writing to a string does not fail.
        let _ = write!(text, " and {} more", count - NAMED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &[u8]) -> Result<Vec<Vec<u8>>, Wrong> {
        let (mut words, mut all) = (Words::new(line), Vec::new());
        while let Some(word) = words.next()? {
            all.push(word.bytes.into_owned());
        }
        Ok(all)
    }

    #[test]
    fn words_are_separated_by_blanks_and_joined_by_quotes() {
        let cases: [(&[u8], &[&[u8]]); 10] = [
            (b"  a\t b  ", &[b"a", b"b"]),
            (b"a#b # c d", &[b"a#b"]),
            (b"# all", &[]),
            (br#"a"b c"d 'e "f'"#, &[b"ab cd", b"e \"f"]),
            (br#""" ''"#, &[b"", b""]),
            (br#""\"\\\x0a\xff\u{202e}""#, b"\"\\\n\xff\xe2\x80\xae".split(|_| false).collect::<Vec<_>>().leak()),
            (br"a\b '\x41'", &[br"a\b", br"\x41"]),
            (b"\xff\xfe", &[b"\xff\xfe"]),
            (b"'#' \"#\"", &[b"#", b"#"]),
            ("é\u{200d}ü".as_bytes(), &["é\u{200d}ü".as_bytes()]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line).unwrap(), expected, "{}", Shown::bytes(line));
        }
    }

    proptest! {
        #[test]
        fn any_word_reads_back_as_it_was(all: Vec<Vec<u8>>) {
            let line = all.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
            prop_assert!(line.chars().all(|c| !c.is_control()));
            prop_assert_eq!(words(line.as_bytes()).unwrap(), all);
        }

        #[test]
        fn any_line_is_words_or_wrong_at_a_place_in_it(line: Vec<u8>) {
            if let Err((_, place)) = words(&line) {
                prop_assert!(place.start < place.end && place.end <= line.len());
            }
        }

        #[test]
        fn quotes_everywhere(line in r#"[ab"'\\x41{}u #\t]{0,40}"#) {
            if let Err((_, place)) = words(line.as_bytes()) {
                prop_assert!(place.start < place.end && place.end <= line.len());
            }
        }
    }
}
