//! Copying to the clipboard of whoever sits at the terminal: OSC 52.

use data_encoding::BASE64;

use super::Caps;
use crate::base::escape::shown_again;

/// The longest text that is copied, in bytes. Terminals drop longer sequences without a word.
pub const COPY_LIMIT: usize = 100_000;

/// How much of a sequence GNU screen passes on at once, in bytes; it knows 768, and others have settled on this.
const SCREEN_CHUNK: usize = 76;

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The terminal would print the sequence.
    #[error("TERM is \"dumb\": such a terminal has no clipboard; select the text by hand")]
    Dumb,
    /// Nothing to copy.
    #[error("there is nothing to copy")]
    Empty,
    /// Too long.
    #[error("the text is {bytes} bytes long and at most {COPY_LIMIT} can be copied; copy less of it")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The terminal is gone.
    #[error("the terminal cannot be written to: {0}")]
    Write(#[from] std::io::Error),
}

/// The bytes that copy `text`. Lines stay lines; anything else that could act on a terminal it is pasted into is
/// spelled out, as on the screen.
///
/// Inside tmux the sequence is sent twice, bare and wrapped: depending on its version and options (`set-clipboard`,
/// `allow-passthrough`) tmux takes the one, the other, both or none, and copying twice is copying once.
pub(super) fn sequence(caps: &Caps, text: &str) -> Result<Vec<u8>, CopyError> {
    if caps.dumb {
        return Err(CopyError::Dumb);
    }
    if text.is_empty() {
        return Err(CopyError::Empty);
    }
    let text = text.split('\n').map(shown_again).collect::<Vec<_>>().join("\n");
    if text.len() > COPY_LIMIT {
        return Err(CopyError::TooLong { bytes: text.len() });
    }
    let bare = format!("\x1b]52;c;{}\x07", BASE64.encode(text.as_bytes()));
    let whole = if caps.tmux {
        format!("{bare}\x1bPtmux;{}\x1b\\", bare.replace('\x1b', "\x1b\x1b"))
    } else if caps.screen {
        // Every chunk a string of its own; the terminal behind sees them joined.
        let chunks = bare.as_bytes().chunks(SCREEN_CHUNK).map(|chunk| [b"\x1bP", chunk, b"\x1b\\"].concat());
        return Ok(chunks.collect::<Vec<_>>().concat());
    } else {
        bare
    };
    Ok(whole.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(caps: &Caps, text: &str) -> String {
        String::from_utf8(sequence(caps, text).unwrap()).unwrap()
    }

    #[test]
    fn bare_in_tmux_and_in_screen() {
        let bare = "\x1b]52;c;Zm90by5qcGc=\x07";
        assert_eq!(written(&Caps::default(), "foto.jpg"), bare);
        let tmux = Caps { tmux: true, ..Caps::default() };
        assert_eq!(written(&tmux, "foto.jpg"), format!("{bare}\x1bPtmux;\x1b\x1b]52;c;Zm90by5qcGc=\x07\x1b\\"));
        let screen = Caps { screen: true, ..Caps::default() };
        assert_eq!(written(&screen, "foto.jpg"), format!("\x1bP{bare}\x1b\\"));
        let long = written(&screen, &"x".repeat(1000));
        let parts: Vec<&str> =
            long.split_terminator("\x1b\\").map(|part| part.strip_prefix("\x1bP").unwrap()).collect();
        assert!(parts.len() > 10 && parts.iter().all(|part| part.len() <= SCREEN_CHUNK));
        assert_eq!(parts.concat(), written(&Caps::default(), &"x".repeat(1000)));
    }

    #[test]
    fn only_what_is_safe_to_paste_goes_in() {
        let text = "a\x1b[2J\u{202e}\r\nb\\x0a";
        let sent = written(&Caps::default(), text);
        let inner = sent.strip_prefix("\x1b]52;c;").and_then(|rest| rest.strip_suffix('\x07')).unwrap();
        let pasted = String::from_utf8(BASE64.decode(inner.as_bytes()).unwrap()).unwrap();
        assert_eq!(pasted, "a\\x1b[2J\\u{202e}\\x0d\nb\\x0a");
    }

    #[test]
    fn refused_with_the_reason() {
        let said = |caps: &Caps, text: &str| sequence(caps, text).unwrap_err().to_string();
        let dumb = Caps { dumb: true, ..Caps::default() };
        assert_eq!(said(&dumb, "x"), "TERM is \"dumb\": such a terminal has no clipboard; select the text by hand");
        assert_eq!(said(&Caps::default(), ""), "there is nothing to copy");
        assert_eq!(
            said(&Caps::default(), &"x".repeat(COPY_LIMIT + 1)),
            "the text is 100001 bytes long and at most 100000 can be copied; copy less of it"
        );
        assert!(sequence(&Caps::default(), &"x".repeat(COPY_LIMIT)).is_ok());
    }
}
