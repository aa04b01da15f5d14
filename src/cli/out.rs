//! Standard output and standard error.

use std::io::Write as _;

use serde::Serialize;

use super::CliError;

/// Writes text and a newline.
pub(super) fn line(text: impl AsRef<str>) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{}", text.as_ref())?)
}

/// Writes a value as JSON, indented.
pub(super) fn json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::other)?;
    line(text)
}

/// Says what went wrong.
pub(super) fn error(text: &str) {
    // There is nowhere left to say that this failed.
    let _ = writeln!(std::io::stderr().lock(), "firn: {text}");
}
