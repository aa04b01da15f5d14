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

/// Writes text as it is.
pub(super) fn write(text: &str) -> Result<(), CliError> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// Writes a value as JSON, indented.
pub(super) fn json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::other)?;
    line(escaped(&text))
}

/// JSON whose strings spell out what could act on a terminal: the same JSON.
fn escaped(json: &str) -> String {
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
