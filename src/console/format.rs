//! Values as the console writes them, and text fitted to columns.
//!
//! What is not known is nothing (`None`) and is drawn as a dash, never as zero. Widths are display widths: what a
//! terminal advances by, grapheme by grapheme, as the screen buffer counts.

use std::borrow::Cow;
use std::time::Duration;

use ratatui::buffer::CellWidth as _;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::base::units;
pub use crate::base::units::{Count, Size};
use crate::base::{Shown, Time};

/// What stands for a value that is not known. The ASCII glyphs turn it into `-` when it is drawn.
pub const UNKNOWN: &str = "–";

/// Where text that is too long is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cut {
    /// Its end goes.
    #[default]
    End,
    /// Its middle goes: beginning and end tell names apart.
    Middle,
    /// Its beginning goes: the end is what matters (paths, what is being typed).
    Start,
}

/// On which side a value stands in its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    /// Left: words.
    #[default]
    Left,
    /// Right: numbers.
    Right,
}

/// `1,882,004`, or a dash.
pub fn count(value: Option<u64>) -> String {
    known(value, |value| Count(value).to_string())
}

/// `1 file`, `1,500 files`.
pub fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{} files", Count(count)) }
}

/// `25.0 MB`, or a dash.
pub fn size(bytes: Option<u64>) -> String {
    known(bytes, |bytes| Size(bytes).to_string())
}

/// Bytes a second as `9.0 MB/s`, or a dash. What is no number from zero up is not known.
pub fn byte_rate(per_second: Option<f64>) -> String {
    known(whole(per_second), |bytes| format!("{}/s", Size(bytes)))
}

/// Things a minute as `1,204/min`, or a dash; below ten with one decimal.
pub fn rate_per_minute(per_minute: Option<f64>) -> String {
    match per_minute.filter(|value| value.is_finite() && *value > 0.0 && *value < 9.95) {
        Some(value) => format!("{value:.1}/min"),
        None => known(whole(per_minute), |value| format!("{}/min", Count(value))),
    }
}

/// Things a second as `1,204`, or a dash; below ten with one decimal.
pub fn rate(per_second: Option<f64>) -> String {
    match per_second.filter(|value| value.is_finite() && *value > 0.0 && *value < 9.95) {
        Some(value) => format!("{value:.1}"),
        None => known(whole(per_second), |value| Count(value).to_string()),
    }
}

/// A short time as `0.29 ms`, `85 ms`, `1.2 s`, or a dash.
pub fn millis(time: Option<Duration>) -> String {
    known(time, |time| {
        let ms = time.as_secs_f64() * 1e3;
        match ms {
            ..9.995 => format!("{ms:.2} ms"),
            ..999.5 => format!("{ms:.0} ms"),
            _ => format!("{:.1} s", ms / 1e3),
        }
    })
}

/// A span or an age as `31 s`, `11 min`, `9 d 4 h`, or a dash.
pub fn span(span: Option<Duration>) -> String {
    known(span, |span| {
        // Below a second a screen that is drawn once a second has nothing to tell.
        if span < Duration::from_secs(1) { "0 s".to_owned() } else { units::Span(span).to_string() }
    })
}

/// The same for a narrow column: its largest unit alone (`31 s`, `119 min`, `47 h`, `29 d`), which is never cut.
pub fn short_span(span: Option<Duration>) -> String {
    let text = self::span(span);
    let mut words = text.splitn(3, ' ');
    match (words.next(), words.next()) {
        (Some(number), Some(unit)) => format!("{number} {unit}"),
        _ => text,
    }
}

/// How long ago `then` was, or a dash.
pub fn age(now: Time, then: Option<Time>) -> String {
    span(then.map(|then| now.since(then)))
}

/// A fraction of one as `71 %`, or a dash. Never `100 %` before it is whole, never `0 %` once something is done.
pub fn percent(fraction: Option<f64>) -> String {
    known(fraction.filter(|f| f.is_finite()), |fraction| {
        let hundredths = (fraction * 100.0).round().clamp(0.0, 999.0);
        let hundredths = if fraction > 0.0 && hundredths < 1.0 { 1.0 } else { hundredths };
        let hundredths = if fraction < 1.0 && hundredths > 99.0 { 99.0 } else { hundredths };
        format!("{hundredths:.0} %")
    })
}

/// The minute in UTC, `12:04Z`.
pub fn utc_minute(time: Time) -> String {
    let (hour, minute, _) = time_of_day(time);
    format!("{hour:02}:{minute:02}Z")
}

/// The second in UTC, `12:04:31Z`.
pub fn utc_second(time: Time) -> String {
    let (hour, minute, second) = time_of_day(time);
    format!("{hour:02}:{minute:02}:{second:02}Z")
}

/// The day and the minute in UTC, `2026-11-22 12:04Z`, or a dash.
pub fn utc_day(time: Option<Time>) -> String {
    known(time, |time| {
        let text = time.to_string();
        match (text.get(..10), text.get(11..16)) {
            (Some(day), Some(minute)) if text.ends_with('Z') => format!("{day} {minute}Z"),
            _ => text,
        }
    })
}

/// The value written by `write`, or a dash.
pub fn known<T>(value: Option<T>, write: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), write)
}

fn time_of_day(time: Time) -> (i64, i64, i64) {
    let second = time.as_micros().div_euclid(1_000_000).rem_euclid(86_400);
    (second / 3600, second / 60 % 60, second % 60)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be from zero up; saturates
fn whole(value: Option<f64>) -> Option<u64> {
    value.filter(|value| value.is_finite() && *value >= 0.0).map(|value| value.round() as u64)
}

/// Text with whatever could act on a terminal spelled out (`\x1b`, `\u{202e}`). Text that went through [`Shown`]
/// already stays as it is: a backslash is left alone, so this is the last gate and not a second escaping.
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut one = [0; 4];
    let mut changed = false;
    for c in text.chars() {
        if c == ' ' || c.is_ascii_graphic() || is_sign(c) {
            out.push(c);
            continue;
        }
        let before = out.len();
        let one: &str = c.encode_utf8(&mut one);
        out.push_str(&Shown::text(one).to_string());
        changed |= out[before..] != *one;
    }
    if changed { Cow::Owned(out) } else { Cow::Borrowed(text) }
}

/// Letters and signs that are common on this screen and are known to hide nothing; others are asked about.
fn is_sign(c: char) -> bool {
    matches!(c as u32, 0xa1..=0xac | 0xae..=0x2ff | 0x2010..=0x2027 | 0x2190..=0x24ff | 0x2500..=0x28ff)
}

/// Safe text in plain ASCII: what the console itself writes is spelled with ASCII signs, any other character as
/// `\u{e9}`.
pub fn ascii(text: &str) -> Cow<'_, str> {
    let text = safe(text);
    if text.is_ascii() {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            '–' | '—' | '−' => out.push('-'),
            '…' => out.push_str("..."),
            '→' => out.push_str("->"),
            '←' => out.push_str("<-"),
            '↑' => out.push('^'),
            '↓' => out.push('v'),
            '·' | '•' => out.push('.'),
            '×' => out.push('x'),
            '≤' => out.push_str("<="),
            '≥' => out.push_str(">="),
            '±' => out.push_str("+-"),
            'µ' => out.push('u'),
            '‘' | '’' => out.push('\''),
            '“' | '”' => out.push('"'),
            c => {
                use std::fmt::Write as _;
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
        }
    }
    Cow::Owned(out)
}

/// The graphemes of safe text with their widths in cells; those of no width are left out, as the screen buffer does.
pub fn graphemes(text: &str) -> Vec<(String, usize)> {
    let span = Span::raw(text);
    let all = span.styled_graphemes(Style::new());
    all.map(|g| (g.symbol.to_owned(), usize::from(g.symbol.cell_width()))).filter(|(_, width)| *width > 0).collect()
}

/// How many cells text takes.
pub fn width(text: &str) -> usize {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return text.len();
    }
    let text = safe(text);
    let span = Span::raw(text.as_ref());
    span.styled_graphemes(Style::new()).map(|g| usize::from(g.symbol.cell_width())).sum()
}

/// Text cut to at most `width` cells, with `mark` (an ellipsis) where something went. Never wider; may be a cell
/// narrower where a wide character did not fit.
pub fn cut<'a>(text: &'a str, width: usize, cut: Cut, mark: &str) -> Cow<'a, str> {
    let text = safe(text);
    if self::width(&text) <= width {
        return text;
    }
    let mark_width = self::width(mark);
    // A mark that leaves room for nothing says less than the text's own beginning.
    let (mark, room) = if mark_width < width { (mark, width - mark_width) } else { ("", width) };
    let graphemes = graphemes(&text);
    let head = |room: usize| {
        let mut used = 0;
        let fits = graphemes.iter().take_while(|(_, w)| {
            used += w;
            used <= room
        });
        fits.map(|(g, _)| g.as_str()).collect::<String>()
    };
    let tail = |room: usize| {
        let mut used = 0;
        let fits = graphemes.iter().rev().take_while(|(_, w)| {
            used += w;
            used <= room
        });
        let mut parts: Vec<&str> = fits.map(|(g, _)| g.as_str()).collect();
        parts.reverse();
        parts.concat()
    };
    Cow::Owned(match cut {
        Cut::End => format!("{}{mark}", head(room)),
        Cut::Start => format!("{mark}{}", tail(room)),
        Cut::Middle => format!("{}{mark}{}", head(room.div_ceil(2)), tail(room / 2)),
    })
}

/// Text cut and padded to exactly `width` cells.
pub fn fit(text: &str, width: usize, cut: Cut, align: Align, mark: &str) -> String {
    let text = self::cut(text, width, cut, mark);
    let space = " ".repeat(width.saturating_sub(self::width(&text)));
    match align {
        Align::Left => format!("{text}{space}"),
        Align::Right => format!("{space}{text}"),
    }
}

/// Text broken into lines of at most `width` cells: at spaces (which go) where it can be, else anywhere; its line breaks
/// are kept. With no width there are no lines.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if width == 0 {
        return lines;
    }
    for paragraph in text.split('\n') {
        let paragraph = safe(paragraph.strip_suffix('\r').unwrap_or(paragraph));
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split(' ') {
            let needed = self::width(word);
            if used > 0 && used + 1 + needed > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            } else if used > 0 || !line.is_empty() {
                line.push(' ');
                used += 1;
            }
            if needed <= width {
                line.push_str(word);
                used += needed;
                continue;
            }
            for (grapheme, w) in graphemes(word) {
                if used + w > width && used > 0 {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                if w <= width {
                    line.push_str(&grapheme);
                    used += w;
                }
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_known_is_a_dash_and_never_zero() {
        let unknown = [
            count(None),
            size(None),
            byte_rate(None),
            byte_rate(Some(f64::NAN)),
            byte_rate(Some(-1.0)),
            rate_per_minute(None),
            rate_per_minute(Some(f64::INFINITY)),
            rate(None),
            rate(Some(f64::NAN)),
            rate(Some(-3.0)),
            millis(None),
            span(None),
            age(Time::from_secs(5), None),
            percent(None),
            percent(Some(f64::NAN)),
            utc_day(None),
        ];
        assert!(unknown.iter().all(|text| text == UNKNOWN), "{unknown:?}");
    }

    #[test]
    fn values_as_people_read_them() {
        let now = Time::from_micros(1_795_348_845_999_999);
        let cases = [
            (count(Some(1_882_004)), "1,882,004"),
            (size(Some(25_000_000)), "25.0 MB"),
            (byte_rate(Some(9_000_000.4)), "9.0 MB/s"),
            (byte_rate(Some(0.0)), "0 B/s"),
            (rate_per_minute(Some(1204.3)), "1,204/min"),
            (rate_per_minute(Some(0.35)), "0.3/min"),
            (rate_per_minute(Some(9.96)), "10/min"),
            (rate_per_minute(Some(0.0)), "0/min"),
            (rate(Some(1204.3)), "1,204"),
            (rate(Some(0.35)), "0.3"),
            (rate(Some(9.96)), "10"),
            (rate(Some(0.0)), "0"),
            (millis(Some(Duration::from_micros(294))), "0.29 ms"),
            (millis(Some(Duration::from_micros(9_996))), "10 ms"),
            (millis(Some(Duration::from_millis(85))), "85 ms"),
            (millis(Some(Duration::from_millis(1_240))), "1.2 s"),
            (millis(Some(Duration::ZERO)), "0.00 ms"),
            (span(Some(Duration::from_millis(900))), "0 s"),
            (span(Some(Duration::from_secs(31))), "31 s"),
            (span(Some(Duration::from_mins(11))), "11 min"),
            (span(Some(Duration::from_hours(9 * 24 + 4))), "9 d 4 h"),
            (short_span(Some(Duration::from_hours(9 * 24 + 4))), "9 d"),
            (short_span(Some(Duration::from_mins(47 * 60 + 59))), "47 h"),
            (short_span(Some(Duration::from_mins(119))), "119 min"),
            (short_span(None), UNKNOWN),
            (age(now, Some(now.minus(Duration::from_secs(21)))), "21 s"),
            (age(now, Some(now.plus(Duration::from_secs(21)))), "0 s"),
            (percent(Some(0.0)), "0 %"),
            (percent(Some(0.0001)), "1 %"),
            (percent(Some(0.71)), "71 %"),
            (percent(Some(0.9999)), "99 %"),
            (percent(Some(1.0)), "100 %"),
            (utc_minute(now), "12:00Z"),
            (utc_second(now), "12:00:45Z"),
            (utc_second(Time::from_micros(-1)), "23:59:59Z"),
            (utc_day(Some(now)), "2026-11-22 12:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn cut_where_it_is_asked() {
        let cases = [
            (Cut::End, "abcdefgh", 5, "abcd…"),
            (Cut::Start, "abcdefgh", 5, "…efgh"),
            (Cut::Middle, "abcdefgh", 5, "ab…gh"),
            (Cut::End, "abc", 3, "abc"),
            (Cut::End, "abc", 1, "a"),
            (Cut::End, "abc", 0, ""),
            (Cut::End, "漢字漢字", 4, "漢…"),
            (Cut::End, "e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            (Cut::Start, "a\x1bb", 3, "…bb"),
        ];
        for (how, text, width, expected) in cases {
            assert_eq!(cut(text, width, how, "…"), expected, "{text} {width}");
        }
        assert_eq!(fit("漢字漢", 4, Cut::End, Align::Right, "…"), " 漢…");
        assert_eq!(fit("7", 3, Cut::End, Align::Right, "…"), "  7");
    }

    #[test]
    fn escaped_once_and_no_more() {
        let evil = "a\x1b[31m\u{202e}\\b\u{200b}é漢";
        assert_eq!(safe(evil), "a\\x1b[31m\\u{202e}\\b\\u{200b}é漢");
        let shown = Shown::text(evil).to_string();
        assert_eq!(safe(&shown), shown);
        assert_eq!(ascii("file→vault – 3 × é…"), "file->vault - 3 x \\u{e9}...");
    }

    #[test]
    fn broken_at_spaces_where_it_can_be() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("a\n\nb\r\nc", 9), ["a", "", "b", "c"]);
        assert_eq!(wrap("漢字", 3), ["漢", "字"]);
        assert_eq!(wrap("", 5), [""]);
        assert!(wrap("x", 0).is_empty());
    }

    proptest! {
        #[test]
        fn a_fitted_text_is_exactly_as_wide_as_asked(
            text in "(\\PC|[漢字e\u{301}\u{200b}\u{1F600}\x1b\u{ff9e}]){0,24}",
            room in 0..40usize,
            how in prop::sample::select(vec![Cut::End, Cut::Middle, Cut::Start]),
            align in prop::sample::select(vec![Align::Left, Align::Right]),
            mark in prop::sample::select(vec!["…", "..."]),
        ) {
            let fitted = fit(&text, room, how, align, mark);
            prop_assert_eq!(width(&fitted), room, "{:?}", fitted);
            prop_assert!(fitted.chars().all(|c| !c.is_control()));
            // What is drawn is what was measured.
            let area = ratatui::layout::Rect::new(0, 0, 60, 1);
            let mut buf = ratatui::buffer::Buffer::empty(area);
            let end = buf.set_stringn(0, 0, &fitted, 60, Style::new()).0;
            prop_assert_eq!(usize::from(end), room);
        }

        #[test]
        fn no_line_is_wider_than_asked_and_no_letter_is_lost(text in "[a-z漢 ]{0,60}", room in 2..20usize) {
            let lines = wrap(&text, room);
            prop_assert!(lines.iter().all(|line| width(line) <= room), "{lines:?}");
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }

        #[test]
        fn ascii_is_ascii(text: String) {
            prop_assert!(ascii(&text).bytes().all(|b| (0x20..0x7f).contains(&b)));
        }

        /// The list of signs that are let through without asking holds none that hides something.
        #[test]
        fn signs_hide_nothing(c: char) {
            if is_sign(c) {
                prop_assert_eq!(Shown::text(&c.to_string()).to_string(), c.to_string());
            }
        }
    }
}
