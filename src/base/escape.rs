//! What comes from outside, made safe to show.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Text or bytes from outside (keys, host names, server messages), written so that nothing in it can move a cursor,
/// change a colour, hide or reorder letters: control characters and bytes that are not UTF-8 as `\x1b`, invisible and
/// bidirectional ones as `\u{202e}`, a backslash as `\\`. The same bytes always show the same way and different bytes
/// differently. Every outlet takes it: screen, reports, errors, log.
#[derive(Debug, Clone)]
pub struct Shown<'a>(Cow<'a, [u8]>);

impl<'a> Shown<'a> {
    /// Bytes that may or may not be UTF-8.
    pub fn bytes(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }

    /// Text.
    pub fn text(text: &'a str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }

    /// A path.
    pub fn path(path: &'a std::path::Path) -> Self {
        use std::os::unix::ffi::OsStrExt as _;
        Self(Cow::Borrowed(path.as_os_str().as_bytes()))
    }

    /// Owned, to outlive what it was made from.
    pub fn into_owned(self) -> Shown<'static> {
        Shown(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\\' => f.write_str("\\\\")?,
                    c if (c as u32) < 0x20 || c as u32 == 0x7f => write!(f, "\\x{:02x}", c as u32)?,
                    c if hides(c) => write!(f, "\\u{{{:x}}}", c as u32)?,
                    c => f.write_char(c)?,
                }
            }
            for b in chunk.invalid() {
                write!(f, "\\x{b:02x}")?;
            }
        }
        Ok(())
    }
}

/// Text that may hold what was shown before, such as a line of the log: as [`Shown`], but a backslash stays one, so that
/// nothing is escaped twice.
pub fn shown_again(text: &str) -> String {
    text.split('\\').map(|part| Shown::text(part).to_string()).collect::<Vec<_>>().join("\\")
}

/// Characters that show nothing, or change how others are shown: C1 controls, format characters (category Cf), bidi,
/// zero width, variation selectors, fillers, line and paragraph separators, tags.
fn hides(c: char) -> bool {
    matches!(c as u32,
        0x80..=0x9f | 0xad | 0x34f | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890..=0x891 | 0x8e2
        | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e
        | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
        | 0x110bd | 0x110cd | 0x13430..=0x1343f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_act_on_a_terminal_is_spelled_out() {
        let cases: [(&[u8], &str); 9] = [
            (b"plain.jpg", "plain.jpg"),
            (b"a\nb", "a\\x0ab"),
            (b"\x1b[2J\x07", "\\x1b[2J\\x07"),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("é\u{202e}gpj".as_bytes(), "é\\u{202e}gpj"),
            ("a\u{200b}b".as_bytes(), "a\\u{200b}b"),
            ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
            (b"C:\\x1b", "C:\\\\x1b"),
            ("\u{e0041}".as_bytes(), "\\u{e0041}"),
        ];
        for (bytes, shown) in cases {
            assert_eq!(Shown::bytes(bytes).to_string(), shown);
        }
    }

    #[test]
    fn what_was_shown_is_not_escaped_twice() {
        let once = Shown::text("a\x1b[2J\u{202e}C:\\x").to_string();
        assert_eq!(shown_again(&once), once);
        assert_eq!(shown_again("a\nb\\"), "a\\x0ab\\");
    }

    proptest! {
        #[test]
        fn never_a_control_byte_and_never_two_inputs_alike(a: Vec<u8>, b: Vec<u8>) {
            let shown = Shown::bytes(&a).to_string();
            prop_assert!(shown.chars().all(|c| !c.is_control() && !hides(c)));
            if a != b {
                prop_assert_ne!(shown, Shown::bytes(&b).to_string());
            }
        }
    }
}
