//! What a monitoring plugin prints: one line that pagers carry, figures for graphs, an exit code, and more lines for who asks.
//! After the Monitoring Plugins Development Guidelines; old cores read 4 KiB of output, and a line of less than 80 characters is
//! shown whole everywhere.

use std::fmt;

use super::Severity;
use super::escape::shown_again;

/// The most characters of the first line, without the figures.
pub const WIDTH: usize = 79;
/// The most bytes of everything.
const OUTPUT: usize = 4000;
/// The most characters of one further line.
const LONG: usize = 300;

/// What a plugin prints, and its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    /// What is checked, as the first line begins: `DELAY`.
    pub label: &'static str,
    /// The first line, at most [`WIDTH`] characters.
    pub line: String,
    /// Further lines.
    pub long: Vec<String>,
    /// Figures for graphs (perfdata); empty: there are none.
    pub perfdata: String,
    /// The exit code: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    pub exit: u8,
}

impl Plugin {
    /// With a first line that fits, and what it exits with.
    pub fn new(label: &'static str, severity: Severity, line: String, perfdata: String) -> Self {
        Self { label, line, long: Vec::new(), perfdata, exit: severity.exit_code() }
    }

    /// It cannot say: the first line of `text` is why, others follow it. `text` may hold anything.
    pub fn unknown(label: &'static str, text: &str) -> Self {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let why = plain(lines.next().unwrap_or("no reason is known").trim());
        let line = cut(&format!("{label} UNKNOWN - {why}"), WIDTH);
        let mut plugin = Self::new(label, Severity::Unknown, line, String::new());
        // What did not fit is said in full.
        if !plugin.line.ends_with(&why) {
            plugin.push(&why);
        }
        lines.for_each(|line| plugin.push(line));
        plugin.bound();
        plugin
    }

    /// Adds a line, if there is anything on it.
    pub fn push(&mut self, text: &str) {
        let text = cut(plain(text).trim_end(), LONG);
        if !text.trim().is_empty() {
            self.long.push(text);
        }
    }

    /// Leaves out lines from the end until all of it is within what old cores read.
    pub fn bound(&mut self) {
        let mut left = OUTPUT.saturating_sub(self.line.len() + self.perfdata.len() + 64);
        let fits = self.long.iter().take_while(|line| {
            let fits = line.len() < left;
            left = left.saturating_sub(line.len() + 1);
            fits
        });
        let fits = fits.count();
        let more = self.long.len() - fits;
        if more > 0 {
            self.long.truncate(fits);
            let command = self.label.to_ascii_lowercase();
            self.long.push(format!("... {more} more lines do not fit: firn {command} shows them"));
        }
    }
}

/// As it is printed, without the last newline.
impl fmt::Display for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)?;
        if !self.perfdata.is_empty() {
            write!(f, " | {}", self.perfdata)?;
        }
        self.long.iter().try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// Text that a plugin may print: what could act on a terminal is spelled out, no `|` (it begins the figures), and plain
/// signs where a pager may not have others.
pub fn plain(text: &str) -> String {
    let mut to = String::with_capacity(text.len());
    for c in shown_again(text).chars() {
        match c {
            '|' => to.push('/'),
            '\u{2012}'..='\u{2015}' | '\u{2212}' => to.push('-'),
            '\u{2026}' => to.push_str("..."),
            c if c.is_whitespace() => to.push(' '),
            c => to.push(c),
        }
    }
    to
}

/// The text within so many characters: cut after a word, if there is one in the second half.
pub fn cut(text: &str, width: usize) -> String {
    const ELLIPSIS: &str = "...";
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(ELLIPSIS.len());
    let kept: String = text.chars().take(room).collect();
    let goes_on = text.chars().nth(room).is_some_and(|c| c != ' ');
    let word = kept.rfind(' ').filter(|at| goes_on && *at * 2 > kept.len());
    let kept = word.map_or(kept.as_str(), |at| &kept[..at]);
    let kept = kept.trim_end_matches([' ', ',', ';', ':', '-', '(']);
    let mut cut = format!("{kept}{ELLIPSIS}");
    // Narrower than the dots themselves.
    if cut.chars().count() > width {
        cut = text.chars().take(width).collect();
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_after_a_word_and_between_letters_of_any_alphabet() {
        let cases = [
            ("short", 10, "short"),
            ("one two three", 13, "one two three"),
            ("one two three", 12, "one two..."),
            ("one two, three", 11, "one two..."),
            ("unbreakable", 8, "unbre..."),
            ("ééééééééé", 6, "ééé..."),
            ("日本語日本語", 5, "日本..."),
            ("abc", 2, "ab"),
        ];
        for (text, width, expected) in cases {
            assert_eq!(cut(text, width), expected, "{text:?} in {width}");
        }
    }

    #[test]
    fn nothing_in_it_begins_figures_or_acts_on_a_terminal() {
        assert_eq!(plain("a|b\n\x1b[2J – −1 \u{202e}…"), "a/b\\x0a\\x1b[2J - -1 \\u{202e}...");
    }

    #[test]
    fn what_is_unknown_is_said_in_full_below() {
        let plugin = Plugin::unknown("DELAY", &format!("the state is not there: {}\nsecond", "x ".repeat(80)));
        assert!(plugin.line.starts_with("DELAY UNKNOWN - the state is not there: x x"), "{}", plugin.line);
        assert_eq!(plugin.long.len(), 2);
        assert_eq!((plugin.long[1].as_str(), plugin.exit), ("second", 3));
        assert_eq!(Plugin::unknown("DELAY", "").line, "DELAY UNKNOWN - no reason is known");
        let many = Plugin::unknown("DELAY", &"a line of words\n".repeat(1000));
        assert!(many.to_string().len() <= OUTPUT, "{}", many.to_string().len());
        assert!(many.long.last().is_some_and(|line| line.contains("more lines do not fit")), "{many:?}");
    }
}
