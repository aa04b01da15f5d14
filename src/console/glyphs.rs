//! The signs the console draws with: UTF-8, or plain ASCII for terminals and locales that cannot show them.

use std::borrow::Cow;

use super::format;
use super::theme::Theme;
use crate::base::Severity;

/// How charts and sparklines are drawn. Some fonts lack braille; some terminals have ASCII alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charts {
    /// Braille dots: two columns and four levels a cell.
    #[default]
    Braille,
    /// Blocks: one column and eight levels a cell.
    Block,
    /// ASCII: one column and a few levels a cell.
    Ascii,
}

impl Charts {
    /// All kinds, by the word the configuration uses.
    pub const ALL: [(&'static str, Charts); 3] =
        [("braille", Charts::Braille), ("block", Charts::Block), ("ascii", Charts::Ascii)];

    /// The kind of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, charts)| *charts)
    }
}

/// Pieces of a border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Border {
    /// Left to right.
    pub horizontal: &'static str,
    /// Top to bottom.
    pub vertical: &'static str,
    /// The corners: top left, top right, bottom left, bottom right.
    pub corners: [&'static str; 4],
}

/// One set of signs. Every sign is one cell wide, but the ellipsis of the ASCII set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Nothing but ASCII may be drawn: other characters are spelled out.
    pub ascii_only: bool,
    /// Marks of the severities: OK, UNKNOWN, WARNING, CRITICAL.
    pub severities: [&'static str; 4],
    /// Sorted from small to large.
    pub ascending: &'static str,
    /// Sorted from large to small.
    pub descending: &'static str,
    /// The selected row or entry.
    pub cursor: &'static str,
    /// A marked row.
    pub marked: &'static str,
    /// More above.
    pub more_above: &'static str,
    /// More below.
    pub more_below: &'static str,
    /// Where text was cut.
    pub ellipsis: &'static str,
    /// A value that is not known.
    pub unknown: &'static str,
    /// A pool that is paused.
    pub paused: &'static str,
    /// A pool that drains.
    pub draining: &'static str,
    /// Between words of one line.
    pub dot: &'static str,
    /// Ends of a bar's last cell, from one eighth to full (ASCII: full alone counts).
    pub bar: [&'static str; 8],
    /// What a bar has not reached.
    pub bar_rest: &'static str,
    /// A bar of unknown length.
    pub bar_unknown: &'static str,
    /// Levels of a column of one cell, lowest first.
    pub levels: &'static [&'static str],
    /// A gap in a series: nobody looked.
    pub gap: &'static str,
    /// The scrollbar: its track and its handle.
    pub scroll: [&'static str; 2],
    /// A rule across the screen.
    pub rule: &'static str,
    /// A threshold in a chart.
    pub threshold: &'static str,
    /// A line that was computed and not measured.
    pub fit: &'static str,
    /// Where now is, in a chart that goes on beyond it.
    pub now: &'static str,
    /// The grounds of marked spans of a chart, told apart by their shapes.
    pub grounds: [&'static str; 3],
    /// The ends of the allowed part of a gauge.
    pub band: [&'static str; 2],
    /// Slots of a cluster: served, open, not seen, disputed, unassigned, failing.
    pub slots: [&'static str; 6],
    /// Borders of panes and dialogs.
    pub border: Border,
    /// Borders of dialogs that ask before something dangerous.
    pub danger_border: Border,
}

const UTF8: Glyphs = Glyphs {
    ascii_only: false,
    severities: ["●", "?", "⚠", "✖"],
    ascending: "▲",
    descending: "▼",
    cursor: "▸",
    marked: "◆",
    more_above: "↑",
    more_below: "↓",
    ellipsis: "…",
    unknown: "–",
    paused: "‖",
    draining: "⇣",
    dot: "·",
    bar: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    bar_rest: "░",
    bar_unknown: "╌",
    levels: &["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    gap: " ",
    scroll: ["│", "█"],
    rule: "─",
    threshold: "┄",
    fit: "•",
    now: "┊",
    grounds: ["╱", "╲", "·"],
    band: ["┤", "├"],
    slots: ["─", "◇", "?", "≠", "░", "✖"],
    border: Border { horizontal: "─", vertical: "│", corners: ["┌", "┐", "└", "┘"] },
    danger_border: Border { horizontal: "━", vertical: "┃", corners: ["┏", "┓", "┗", "┛"] },
};

const ASCII: Glyphs = Glyphs {
    ascii_only: true,
    severities: ["o", "?", "!", "X"],
    ascending: "^",
    descending: "v",
    cursor: ">",
    marked: "*",
    more_above: "^",
    more_below: "v",
    ellipsis: "...",
    unknown: "-",
    paused: "=",
    draining: "v",
    dot: ".",
    bar: ["-", "-", "-", "-", "=", "=", "=", "#"],
    bar_rest: "-",
    bar_unknown: "?",
    levels: &["_", ".", "-", "=", "+", "*", "#"],
    gap: " ",
    scroll: ["|", "#"],
    rule: "-",
    threshold: "-",
    fit: "+",
    now: "|",
    grounds: ["/", "\\", "."],
    band: ["[", "]"],
    slots: ["-", "~", "?", "#", ".", "X"],
    border: Border { horizontal: "-", vertical: "|", corners: ["+", "+", "+", "+"] },
    danger_border: Border { horizontal: "=", vertical: "#", corners: ["#", "#", "#", "#"] },
};

impl Glyphs {
    /// Signs for terminals that show UTF-8.
    pub const fn utf8() -> &'static Glyphs {
        &UTF8
    }

    /// Signs of plain ASCII.
    pub const fn ascii() -> &'static Glyphs {
        &ASCII
    }

    /// The mark of a severity.
    pub fn severity(&self, severity: Severity) -> &'static str {
        self.severities[match severity {
            Severity::Ok => 0,
            Severity::Unknown => 1,
            Severity::Warning => 2,
            Severity::Critical => 3,
        }]
    }
}

/// How everything is drawn: handed to every widget.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Styles by role.
    pub theme: &'a Theme,
    /// Signs.
    pub glyphs: &'a Glyphs,
    /// How charts are drawn.
    pub charts: Charts,
}

impl Look<'_> {
    /// Text as it may be drawn: nothing in it acts on the terminal, and with ASCII signs nothing in it is beyond ASCII.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.glyphs.ascii_only { format::ascii(text) } else { format::safe(text) }
    }

    /// The charts that can be drawn: with ASCII signs, ASCII alone.
    pub fn charts(&self) -> Charts {
        if self.glyphs.ascii_only { Charts::Ascii } else { self.charts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sign of a set, through its debug form: a sign added later is looked at too.
    fn text(glyphs: &Glyphs) -> String {
        format!("{glyphs:?}")
    }

    #[test]
    fn the_ascii_set_is_ascii_and_the_other_is_not() {
        assert!(text(Glyphs::ascii()).is_ascii(), "{}", text(Glyphs::ascii()));
        assert!(!text(Glyphs::utf8()).is_ascii());
    }

    #[test]
    fn signs_are_one_cell_wide_and_nothing_escapes_them() {
        for glyphs in [Glyphs::utf8(), Glyphs::ascii()] {
            let mut signs = vec![
                glyphs.ascending,
                glyphs.descending,
                glyphs.cursor,
                glyphs.marked,
                glyphs.more_above,
                glyphs.more_below,
                glyphs.unknown,
                glyphs.paused,
                glyphs.draining,
                glyphs.dot,
                glyphs.bar_rest,
                glyphs.bar_unknown,
                glyphs.gap,
                glyphs.rule,
                glyphs.threshold,
                glyphs.fit,
                glyphs.now,
            ];
            signs.extend(glyphs.grounds.iter().chain(&glyphs.band).chain(&glyphs.slots));
            signs.extend(glyphs.severities.iter().chain(&glyphs.bar).chain(glyphs.levels).chain(&glyphs.scroll));
            for border in [glyphs.border, glyphs.danger_border] {
                signs.extend([border.horizontal, border.vertical]);
                signs.extend(border.corners);
            }
            for sign in signs {
                assert_eq!((format::width(sign), format::safe(sign).as_ref()), (1, sign));
            }
        }
    }

    #[test]
    fn severities_have_marks_of_their_own() {
        for glyphs in [Glyphs::utf8(), Glyphs::ascii()] {
            let all = [Severity::Ok, Severity::Unknown, Severity::Warning, Severity::Critical];
            let marks: std::collections::BTreeSet<_> = all.map(|severity| glyphs.severity(severity)).into();
            assert_eq!(marks.len(), 4);
        }
        assert_eq!(Glyphs::utf8().severity(Severity::Critical), "✖");
        assert_eq!(Glyphs::ascii().severity(Severity::Warning), "!");
    }

    #[test]
    fn charts_by_their_words() {
        assert_eq!(Charts::named("block"), Some(Charts::Block));
        assert_eq!(Charts::named("dots"), None);
    }
}
