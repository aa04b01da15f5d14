//! Rows of comma-separated values (RFC 4180), with a bound.

use std::io::{BufRead, Read as _};

use super::{LONGEST, TraceError};

/// Reads rows.
pub(super) struct Rows<R> {
    from: R,
    /// Lines read.
    line: u64,
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, line: 0 }
    }

    /// The next row's fields and the line it begins on. Empty lines are passed over.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Vec<String>)>, TraceError> {
        loop {
            let begins = self.line + 1;
            let Some(text) = self.record(begins)? else { return Ok(None) };
            let text = if begins == 1 { text.strip_prefix('\u{feff}').unwrap_or(&text) } else { &text };
            if !text.is_empty() {
                return split(text).map(|fields| Some((begins, fields))).ok_or(TraceError::Quote { line: begins });
            }
        }
    }

    /// A line, and those behind it as long as a quote is open; without its end.
    fn record(&mut self, begins: u64) -> Result<Option<String>, TraceError> {
        let mut bytes = Vec::new();
        // Whether a quote is open: it carries a row over the end of its line.
        let (mut open, mut looked) = (false, 0);
        loop {
            let left = (LONGEST + 2).saturating_sub(bytes.len());
            let mut limited = self.from.by_ref().take(u64::try_from(left).unwrap_or(u64::MAX));
            let read = limited.read_until(b'\n', &mut bytes);
            let read = read.map_err(|error| TraceError::Io { line: self.line + 1, error })?;
            if read == 0 && bytes.is_empty() {
                return Ok(None);
            }
            let ended = bytes.last() == Some(&b'\n');
            if bytes.len() > LONGEST {
                return Err(TraceError::Long { line: begins });
            }
            self.line += u64::from(read > 0);
            open = bytes[looked..].iter().fold(open, |open, byte| open != (*byte == b'"'));
            looked = bytes.len();
            if open && read > 0 && ended {
                continue;
            }
            if ended {
                bytes.pop();
                if bytes.last() == Some(&b'\r') {
                    bytes.pop();
                }
            }
            return String::from_utf8(bytes).map(Some).map_err(|_| TraceError::Encoding { line: begins });
        }
    }
}

/// The fields of a row; nothing: a quote is wrong.
fn split(text: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut field = String::new();
            let mut inside = quoted;
            rest = loop {
                let end = inside.find('"')?;
                field.push_str(&inside[..end]);
                let behind = &inside[end + 1..];
                match behind.strip_prefix('"') {
                    Some(more) => {
                        field.push('"');
                        inside = more;
                    }
                    None => break behind,
                }
            };
            fields.push(field);
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let field = &rest[..end];
            if field.contains('"') {
                return None;
            }
            fields.push(field.to_owned());
            rest = &rest[end..];
        }
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.is_empty() => return Some(fields),
            None => return None,
        }
    }
}

/// A field as it is written. What ends a line becomes a space: a row is a line.
pub(super) fn field(text: &str) -> String {
    let text = text.replace(['\n', '\r', '\0'], " ");
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_and_quotes() {
        let fields = |text: &str| split(text).map(|fields| fields.join("|"));
        assert_eq!(fields("a,,c"), Some("a||c".to_owned()));
        assert_eq!(fields(r#""a,""b""",2,"#), Some("a,\"b\"|2|".to_owned()));
        for wrong in [r#"a"b"#, r#""a"b,c"#, r#""a"#] {
            assert_eq!(fields(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rows_keep_their_lines() {
        let mut rows = Rows::new("\u{feff}a,b\r\n\n1,\"x\ny\"\n2,z".as_bytes());
        let mut read = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            read.push(row);
        }
        let row = |line, fields: [&str; 2]| (line, fields.map(str::to_owned).to_vec());
        assert_eq!(read, [row(1, ["a", "b"]), row(3, ["1", "x\ny"]), row(5, ["2", "z"])]);
    }

    #[test]
    fn a_row_is_bounded() {
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        let error = Rows::new(endless).next().unwrap_err().to_string();
        assert_eq!(error, "line 1: longer than 65536 bytes, the most a row may have; is it a text file with a header?");
        let quoted = format!("\"{}", "a\n".repeat(40_000));
        let error = Rows::new(quoted.as_bytes()).next().unwrap_err().to_string();
        assert!(error.starts_with("line 1: longer than 65536 bytes"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(texts in prop::collection::vec("[^\n\r\0]*", 1..6)) {
            let line = texts.iter().map(|text| field(text)).collect::<Vec<_>>().join(",");
            prop_assert_eq!(split(&line), Some(texts));
        }
    }
}
