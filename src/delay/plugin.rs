//! A verdict as a monitoring plugin says it: one line that pagers carry, figures for graphs, an exit code, and more lines for
//! who asks. After the Monitoring Plugins Development Guidelines; old cores read 4 KiB of output, and a line of less than
//! 80 characters is shown whole everywhere.

mod perf;
mod words;

use std::fmt;
use std::fmt::Write as _;

use super::snapshot::ReplicaLine;
use super::verdict::Verdict;
use crate::base::escape::shown_again;
use crate::base::{Severity, Shown};

pub use self::words::{limit, number};

/// The most characters of the first line, without the figures.
pub const WIDTH: usize = 79;
/// The most bytes of everything.
const OUTPUT: usize = 4000;
/// The most characters of one further line.
const LONG: usize = 300;

/// What a plugin prints, and its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
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
    /// It cannot say: the first line of `text` is why, others follow it. `text` may hold anything.
    pub fn unknown(text: &str) -> Self {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let why = lines.next().unwrap_or_default();
        let short = Short { head: why.to_owned(), ..Short::default() };
        let line = short.line(Severity::Unknown, "");
        let mut plugin = Self { line, long: Vec::new(), perfdata: String::new(), exit: Severity::Unknown.exit_code() };
        // What did not fit is said in full.
        let whole = plain(why);
        if !whole.is_empty() && !plugin.line.ends_with(&whole) {
            plugin.push(&whole);
        }
        lines.for_each(|line| plugin.push(line));
        plugin.bound();
        plugin
    }

    /// Adds a line, if there is anything on it.
    fn push(&mut self, text: &str) {
        let text = cut(plain(text).trim(), LONG);
        if !text.is_empty() {
            self.long.push(text);
        }
    }

    /// Leaves out lines from the end until all of it fits into [`OUTPUT`].
    fn bound(&mut self) {
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
            self.long.push(format!("... {more} more lines do not fit: firn delay shows them"));
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

/// How a replica stands, for a plugin. With `verbosity` 1 all that matches in full, 2 also every limit with what is measured
/// against it, 3 also how it came to this.
pub fn plugin(line: &ReplicaLine, verbosity: u8) -> Plugin {
    let Some(verdict) = &line.verdict else {
        return Plugin::unknown(&format!("nobody has judged {} yet", Shown::text(&line.name)));
    };
    let mut plugin = Plugin {
        line: words::short(line, verdict).line(verdict.severity, &Shown::text(&line.name).to_string()),
        long: Vec::new(),
        perfdata: perf::perfdata(line, verdict),
        exit: verdict.severity.exit_code(),
    };
    if verbosity >= 1 {
        matching(&mut plugin, line, verdict);
    }
    if verbosity >= 2 {
        measures(&mut plugin, verdict);
    }
    if verbosity >= 3 {
        for turn in line.state.turns.iter().rev() {
            plugin.push(&format!("since {} {} rule {}: {}", turn.since, turn.severity, turn.rule.0, turn.text));
        }
    }
    plugin.bound();
    plugin
}

/// All that matches, what excuses it and for how long, and the likely cause.
fn matching(plugin: &mut Plugin, line: &ReplicaLine, verdict: &Verdict) {
    plugin.push(&format!("{}: {}", Shown::text(&line.name), verdict.text));
    for found in &verdict.matches {
        plugin.push(&format!("rule {} {}: {}", found.rule.0, found.severity, found.text));
    }
    let degraded = &verdict.degraded;
    let causes = [("job", degraded.job), ("recovery", degraded.recovery), ("trend", degraded.trend)];
    for (cause, (so_long, most)) in causes.into_iter().filter_map(|(cause, of)| Some((cause, of?))) {
        plugin.push(&format!("degraded by {cause}: {}s of {}s", number(so_long, &[most]), number(most, &[])));
    }
    if let Some(hint) = &verdict.hint {
        plugin.push(&format!("likely cause: {hint}"));
    }
    for note in line.state.seen.iter().flat_map(|(_, seen)| &seen.notes) {
        plugin.push(&format!("note: {note}"));
    }
    if let Some(frozen) = &line.frozen {
        plugin.push(&format!("stopped in an emergency: {}", frozen.words));
    }
}

/// Every limit with what is measured against it, those that are most used first.
fn measures(plugin: &mut Plugin, verdict: &Verdict) {
    for measured in &verdict.measured {
        let mut text = match measured.value {
            Some(value) => {
                let edges: Vec<f64> = measured.least.into_iter().chain(measured.most).collect();
                format!("{} {}s", measured.name, number(value, &edges))
            }
            None => format!("{} not known", measured.name),
        };
        let bounds = match (measured.least, measured.most) {
            (Some(least), Some(most)) => Some(format!("{} to {}s", number(least, &[]), number(most, &[]))),
            (Some(least), None) => Some(format!("at least {}s", number(least, &[]))),
            (None, Some(most)) => Some(format!("at most {}s", number(most, &[]))),
            (None, None) => None,
        };
        // Writing to a string does not fail.
        if let Some(bounds) = bounds {
            let _ = write!(text, ", {bounds}");
        }
        if let Some(used) = measured.used.filter(|used| used.is_finite()) {
            let _ = write!(text, ", {:.0} % used", used * 100.0);
        }
        plugin.push(&text);
    }
}

/// A first line before it is fitted: what must be said, and what is added where there is room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Short {
    /// What must be said; cut at a word if even that does not fit.
    head: String,
    /// One of them is added, the first that fits.
    tails: Vec<String>,
    /// A text that is added after a colon, cut at a word: what a server said.
    fill: Option<String>,
}

impl Short {
    /// A line of nothing but a head.
    fn head(head: impl Into<String>) -> Self {
        Self { head: head.into(), ..Self::default() }
    }

    fn tail(mut self, tail: impl Into<String>) -> Self {
        self.tails.push(tail.into());
        self
    }

    fn fill(mut self, fill: Option<&str>) -> Self {
        self.fill = fill.filter(|text| !text.trim().is_empty()).map(|text| plain(text.trim()));
        self
    }

    /// The line: the most of it that fits, the name of the replica only where it costs nothing.
    fn line(&self, severity: Severity, name: &str) -> String {
        let bare = format!("DELAY {severity} - ");
        let named = if name.is_empty() { bare.clone() } else { format!("{bare}{}: ", plain(name)) };
        let head = plain(self.head.trim());
        let head = if head.is_empty() { "no reason is known".to_owned() } else { head };
        let fits = |text: &String| text.chars().count() <= WIDTH;
        let both = |tail: String| [&named, &bare].map(|begin| format!("{begin}{head}{tail}"));
        let whole = self.fill.iter().flat_map(|fill| both(format!(": {fill}")));
        // What a server said is worth more than a name or a limit, even a part of it.
        let part = self.fill.iter().filter_map(|fill| {
            let begin = format!("{bare}{head}: ");
            let room = WIDTH.checked_sub(begin.chars().count()).filter(|room| *room >= 12)?;
            Some(format!("{begin}{}", cut(fill, room)))
        });
        let tails = self.tails.iter().flat_map(|tail| both(plain(tail)));
        let mut lines = whole.chain(part).chain(tails).chain(both(String::new()));
        lines.find(fits).unwrap_or_else(|| cut(&format!("{bare}{head}"), WIDTH))
    }
}

/// Text that a plugin may print: what could act on a terminal is spelled out, no `|` (it begins the figures), and plain
/// signs where a pager may not have others.
fn plain(text: &str) -> String {
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
fn cut(text: &str, width: usize) -> String {
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
    fn what_must_be_said_goes_before_what_is_added() {
        let short =
            Short::head("Active backup 9208s of 64800s").tail("; intercept 16408s out of 5400:9000").tail("; 16408s");
        assert_eq!(
            short.line(Severity::Warning, "db14"),
            "DELAY WARNING - db14: Active backup 9208s of 64800s; 16408s"
        );
        let filled =
            Short::head("SQL thread error 1062").fill(Some("Could not execute Write_rows: Duplicate entry '1'"));
        assert_eq!(
            filled.line(Severity::Critical, "db14"),
            "DELAY CRITICAL - SQL thread error 1062: Could not execute Write_rows..."
        );
        let long = Short::head("word ".repeat(40));
        let line = long.line(Severity::Critical, "db14");
        assert!(line.chars().count() <= WIDTH && line.ends_with("word..."), "{line}");
    }

    #[test]
    fn what_is_unknown_is_said_in_full_below() {
        let plugin = Plugin::unknown(&format!("the state is not there: {}\nsecond", "x ".repeat(80)));
        assert!(plugin.line.starts_with("DELAY UNKNOWN - the state is not there: x x"), "{}", plugin.line);
        assert_eq!(plugin.long.len(), 2);
        assert_eq!((plugin.long[1].as_str(), plugin.exit), ("second", 3));
        assert_eq!(Plugin::unknown("").line, "DELAY UNKNOWN - no reason is known");
        let many = Plugin::unknown(&"a line of words\n".repeat(1000));
        assert!(many.to_string().len() <= OUTPUT, "{}", many.to_string().len());
        assert!(many.long.last().is_some_and(|line| line.contains("more lines do not fit")), "{many:?}");
    }
}
