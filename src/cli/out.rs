//! Standard output and standard error.

use std::io::Write as _;

use serde::Serialize;

use super::CliError;
use crate::base::Shown;
use crate::base::escape::shown_again;

/// Writes text and a newline.
pub(super) fn line(text: impl AsRef<str>) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{}", text.as_ref())?)
}

/// Writes a line of a question: to standard error where standard output is a JSON object and nothing else.
pub(super) fn question(json: bool, text: impl AsRef<str>) -> Result<(), CliError> {
    if json { Ok(writeln!(std::io::stderr().lock(), "{}", text.as_ref())?) } else { line(text) }
}

/// Writes text as it is.
pub(super) fn write(text: &str) -> Result<(), CliError> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// Writes a value as JSON, indented.
pub(super) fn json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::other)?;
    line(escaped(&text))
}

/// Writes a value as JSON on one line.
pub(super) fn json_line(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string(value).map_err(std::io::Error::other)?;
    line(escaped(&text))
}

/// A JSON object whose last fields are lists that come a page at a time: memory does not grow with them.
pub(super) struct Lists {
    items: u64,
}

impl Lists {
    /// Begins with the fields of an object, of which there is at least one.
    pub(super) fn begin(head: &impl Serialize) -> Result<Self, CliError> {
        let text = serde_json::to_string_pretty(head).map_err(std::io::Error::other)?;
        write(&escaped(text.strip_suffix("\n}").unwrap_or(&text)))?;
        Ok(Self { items: 0 })
    }

    /// The list of that name is next.
    pub(super) fn list(&mut self, name: &str) -> Result<(), CliError> {
        self.items = 0;
        write(&format!(",\n  \"{name}\": ["))
    }

    /// The next item of the list, on a line of its own.
    pub(super) fn item(&mut self, item: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(item).map_err(std::io::Error::other)?;
        let comma = if self.items > 0 { "," } else { "" };
        self.items += 1;
        write(&format!("{comma}\n    {}", escaped(&text)))
    }

    /// The list is over.
    pub(super) fn over(&mut self) -> Result<(), CliError> {
        write(if self.items > 0 { "\n  ]" } else { "]" })
    }

    /// The last list is over, and the object.
    pub(super) fn end(mut self) -> Result<(), CliError> {
        self.over()?;
        line("\n}")
    }
}

/// JSON whose strings spell out what could act on a terminal: the same JSON.
pub(super) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        let plain = matches!(c, '\n' | ' '..='~');
        if plain || !Shown::text(c.encode_utf8(&mut [0; 4])).to_string().starts_with('\\') {
            text.push(c);
        } else {
            text.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

/// Says what went wrong. What a service said of it may be part of it, and acts on no terminal.
pub(super) fn error(text: &str) {
    let shown = text.lines().map(shown_again).collect::<Vec<_>>().join("\n");
    // There is nowhere left to say that this failed.
    let _ = writeln!(std::io::stderr().lock(), "firn: {shown}");
}

#[cfg(test)]
mod tests {
    use super::escaped;
    use serde_json::{Value, json};

    #[test]
    fn what_could_act_on_a_terminal_is_spelled_out_and_reads_back() {
        let value = json!({ "key": "a\u{9b}31m\u{7f}\u{202e}\u{e0041}\u{e9}\u{1f600}\\\"\n" });
        let text = escaped(&value.to_string());
        assert_eq!(text, r#"{"key":"a\u009b31m\u007f\u202e\udb40\udc41é😀\\\"\n"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
