//! The last line of the screen, and the rule above it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::notice::{self, Notice};
use super::{Hit, HitId, Words, paint};
use crate::base::Severity;
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What the last line shows. It takes two rows: a rule and the line; one when there is no more.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FooterView<'a> {
    /// A short message that passes; it stands in for the finding.
    pub notice: Option<Notice<'a>>,
    /// The newest finding, in one line: severity and text.
    pub finding: Option<(Severity, Words<'a>)>,
    /// The keys that matter here, the first the most.
    pub keys: Vec<KeyHint<'a>>,
    /// The keys that hold everywhere, on the right: `? help`, `: command`, `q quit`.
    pub fixed: Vec<KeyHint<'a>>,
}

/// A key and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHint<'a> {
    /// The key as people write it.
    pub key: Words<'a>,
    /// What it does, in a word or two.
    pub text: Words<'a>,
    /// It can act now; if not it is dimmed.
    pub enabled: bool,
}

/// Below this many columns a message and the keys do not share a row.
const NARROW: u16 = 100;

/// Between keys, in cells.
const GAP: u16 = 2;

/// Draws it. [`super::HitId::Key`] counts `keys` and then `fixed`.
pub fn draw(view: &FooterView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) {
    let area = area.intersection(buf.area);
    // In a narrow screen what is wrong, or was done, has a row of its own in place of the rule.
    let narrow = area.width < NARROW && (view.notice.is_some() || view.finding.is_some());
    let line = if let (Some(above), Some(line)) = (paint::row(area, 0), paint::row(area, 1)) {
        if narrow {
            let said = if above.width > 2 { paint::inset(above, 1, 0) } else { above };
            message(view, said, said.width, look, buf);
        } else {
            paint::rule(above, look, buf);
        }
        line
    } else {
        let Some(line) = paint::row(area, 0) else { return };
        line
    };
    let inner = if line.width > 2 { paint::inset(line, 1, 0) } else { line };
    // What holds everywhere stands on the right, in at most half of the line.
    let fixed = taken(&view.fixed, inner.width / 2, look);
    let wide = total(fixed, look);
    keys(fixed, view.keys.len(), Rect { x: inner.right() - wide, width: wide, ..inner }, look, buf, hits);
    let room = Rect { width: inner.width.saturating_sub(if wide > 0 { wide + GAP } else { 0 }), ..inner };
    // A message stands alone; a finding leaves half of what is left to the keys that matter here.
    let needed = total(&view.keys, look).saturating_add(GAP);
    let most = room.width.saturating_sub(needed).max(room.width / 2);
    let alone = area.height > 1 && narrow;
    let x = if alone { room.x } else { message(view, room, most, look, buf) };
    let from = if x > room.x { x.saturating_add(GAP) } else { x };
    let rest = Rect { x: from, width: room.right().saturating_sub(from), ..room };
    keys(taken(&view.keys, rest.width, look), 0, rest, look, buf, hits);
}

/// Draws what is said, or else what is wrong (in at most `most` cells); gives the column after it.
fn message(view: &FooterView<'_>, room: Rect, most: u16, look: &Look<'_>, buf: &mut Buffer) -> u16 {
    if let Some(message) = &view.notice {
        return notice::draw(message, look, room, buf);
    }
    let Some((severity, text)) = &view.finding else { return room.x };
    let mark = format!("{} ", look.glyphs.severity(*severity));
    let x = paint::text(&mark, Role::of(*severity), room.x, room.y, most, look, buf);
    paint::text(text, Role::Text, x, room.y, (room.x + most).saturating_sub(x), look, buf)
}

/// Draws keys from the left of a row.
fn keys(shown: &[KeyHint<'_>], first: usize, row: Rect, look: &Look<'_>, buf: &mut Buffer, hits: &mut Vec<Hit>) {
    let mut x = row.x;
    for (n, hint) in shown.iter().enumerate() {
        let (key, text) = if hint.enabled { (Role::Key, Role::Text) } else { (Role::Disabled, Role::Disabled) };
        let from = x;
        x = paint::text(&hint.key, key, x, row.y, row.right().saturating_sub(x), look, buf);
        x = paint::text(&format!(" {}", hint.text), text, x, row.y, row.right().saturating_sub(x), look, buf);
        hits.push((Rect { x: from, width: x - from, ..row }, HitId::Key(first + n)));
        x = x.saturating_add(GAP);
    }
}

/// As many of the first keys as fit.
fn taken<'k, 'a>(hints: &'k [KeyHint<'a>], room: u16, look: &Look<'_>) -> &'k [KeyHint<'a>] {
    let fits = (0..=hints.len()).rev().find(|count| total(&hints[..*count], look) <= room);
    &hints[..fits.unwrap_or(0)]
}

fn total(hints: &[KeyHint<'_>], look: &Look<'_>) -> u16 {
    let widths = hints.iter().map(|hint| paint::width(&hint.key, look) + 1 + paint::width(&hint.text, look) + GAP);
    widths.fold(0, u16::saturating_add).saturating_sub(GAP)
}
