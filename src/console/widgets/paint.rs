//! Putting text into cells: every text on the screen goes through here.

use ratatui::buffer::{Buffer, CellWidth as _};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::Piece;
use super::line_edit::LineEdit;
use crate::console::format::{self, Cut};
use crate::console::glyphs::{Border, Look};
use crate::console::theme::Role;

/// Empties an area: blank cells in the style of plain text. The frame does it first, a dialog for its own area.
pub fn clear(area: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let ground = look.theme.style(Role::Text);
    for y in area.top()..area.bottom() {
        // A wide sign that begins left of the area would be drawn over its first column.
        let beside = area.left().checked_sub(1).and_then(|x| buf.cell_mut((x, y)));
        if let Some(cell) = beside.filter(|cell| cell.symbol().cell_width() > 1) {
            cell.set_symbol(" ");
        }
        for x in area.left()..area.right() {
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.reset();
                cell.set_style(ground);
            }
        }
    }
}

/// Writes text at `x`, `y` in at most `room` cells (cut at its end) and gives the column after it.
pub fn text(words: &str, role: Role, x: u16, y: u16, room: u16, look: &Look<'_>, buf: &mut Buffer) -> u16 {
    styled(words, look.theme.style(role), Cut::End, x, y, room, look, buf)
}

/// Writes text in a style, cut where it is said, and gives the column after it.
#[allow(clippy::too_many_arguments)] // where, what and how; a struct of them would be built for each word
pub fn styled(
    words: &str,
    style: Style,
    cut: Cut,
    x: u16,
    y: u16,
    room: u16,
    look: &Look<'_>,
    buf: &mut Buffer,
) -> u16 {
    let area = buf.area;
    if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() || room == 0 {
        return x;
    }
    let room = room.min(area.right() - x);
    let words = look.text(words);
    let words = format::cut(&words, usize::from(room), cut, look.glyphs.ellipsis);
    buf.set_stringn(x, y, words.as_ref(), usize::from(room), style).0
}

/// Writes pieces one after another in at most `room` cells and gives the column after them.
pub fn pieces(pieces: &[Piece<'_>], mut x: u16, y: u16, room: u16, look: &Look<'_>, buf: &mut Buffer) -> u16 {
    let end = x.saturating_add(room);
    for piece in pieces {
        x = text(&piece.text, piece.role, x, y, end.saturating_sub(x), look, buf);
    }
    x
}

/// Writes text so that it ends at the right edge of a row `room` wide.
pub fn right(words: &str, role: Role, row: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let used = width(words, look).min(row.width);
    text(words, role, row.right() - used, row.y, used, look, buf);
}

/// Cells that text takes as it is drawn.
pub fn width(words: &str, look: &Look<'_>) -> u16 {
    u16::try_from(format::width(&look.text(words))).unwrap_or(u16::MAX)
}

/// Puts a sign of one cell. Signs come from the glyphs, never from outside.
pub fn sign(sign: &str, role: Role, x: u16, y: u16, look: &Look<'_>, buf: &mut Buffer) {
    if let Some(cell) = buf.cell_mut((x, y)) {
        cell.set_symbol(sign).set_style(look.theme.style(role));
    }
}

/// A rule across a row.
pub fn rule(row: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let row = row.intersection(buf.area);
    for x in row.left()..row.right() {
        if row.height > 0 {
            sign(look.glyphs.rule, Role::Border, x, row.y, look, buf);
        }
    }
}

/// The row at a place of an area, from 0; nothing below it, nor where it has no width.
pub fn row(area: Rect, n: u16) -> Option<Rect> {
    (n < area.height && area.width > 0).then(|| Rect { y: area.y.saturating_add(n), height: 1, ..area })
}

/// The area without so many cells on the left and right and rows on top and bottom.
pub fn inset(area: Rect, sides: u16, ends: u16) -> Rect {
    Rect {
        x: area.x.saturating_add(sides.min(area.width)),
        y: area.y.saturating_add(ends.min(area.height)),
        width: area.width.saturating_sub(sides.saturating_mul(2)),
        height: area.height.saturating_sub(ends.saturating_mul(2)),
    }
}

/// An area of at most that size in the middle of another.
pub fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Draws a border along the inside of an area of at least 2 by 2.
pub fn border(area: Rect, border: &Border, role: Role, look: &Look<'_>, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.width < 2 || area.height < 2 {
        return;
    }
    let (right, bottom) = (area.right() - 1, area.bottom() - 1);
    for x in area.left() + 1..right {
        sign(border.horizontal, role, x, area.top(), look, buf);
        sign(border.horizontal, role, x, bottom, look, buf);
    }
    for y in area.top() + 1..bottom {
        sign(border.vertical, role, area.left(), y, look, buf);
        sign(border.vertical, role, right, y, look, buf);
    }
    let places = [(area.left(), area.top()), (right, area.top()), (area.left(), bottom), (right, bottom)];
    for (corner, (x, y)) in border.corners.iter().zip(places) {
        sign(corner, role, x, y, look, buf);
    }
}

/// Clears an area and draws a dialog's border with a title and a hint at its bottom; gives the area within, with a
/// column free on both sides where there is room.
pub fn dialog(area: Rect, title: &str, hint: &str, danger: bool, look: &Look<'_>, buf: &mut Buffer) -> Rect {
    let area = area.intersection(buf.area);
    clear(area, look, buf);
    if area.width < 4 || area.height < 3 {
        return area;
    }
    let (lines, role) = if danger {
        (&look.glyphs.danger_border, Role::DangerBorder)
    } else {
        (&look.glyphs.border, Role::DialogBorder)
    };
    border(area, lines, role, look, buf);
    let title_role = if danger { Role::DangerBorder } else { Role::Title };
    on_border(title, title_role, area, area.top(), look, buf);
    on_border(hint, Role::Dim, area, area.bottom() - 1, look, buf);
    inset(area, if area.width >= 12 { 2 } else { 1 }, 1)
}

/// Writes text into a horizontal border, a space on both sides.
pub fn on_border(words: &str, role: Role, area: Rect, y: u16, look: &Look<'_>, buf: &mut Buffer) -> u16 {
    let start = area.left().saturating_add(1);
    if words.is_empty() || area.width < 6 {
        return start;
    }
    text(&format!(" {words} "), role, start, y, area.width - 2, look, buf)
}

/// Marks on the right border of a dialog that there is more above or below. `inner` is the area that scrolls.
pub fn more(above: bool, below: bool, outer: Rect, inner: Rect, look: &Look<'_>, buf: &mut Buffer) {
    if outer.width == 0 || inner.height == 0 {
        return;
    }
    let x = outer.right() - 1;
    if above {
        sign(look.glyphs.more_above, Role::Strong, x, inner.top(), look, buf);
    }
    if below {
        sign(look.glyphs.more_below, Role::Strong, x, inner.bottom() - 1, look, buf);
    }
}

/// Paints the row of what is selected: where the keys go to it in one style, but for severities, which keep theirs;
/// elsewhere strongly. What is dim does not stay so.
pub fn select(row: Rect, focused: bool, look: &Look<'_>, buf: &mut Buffer) {
    let row = row.intersection(buf.area);
    let style = look.theme.style(if focused { Role::Selected } else { Role::Strong });
    let plain = look.theme.style(Role::Text);
    let severities = [Role::Unknown, Role::Warning, Role::Critical].map(|role| look.theme.style(role));
    for x in row.left()..row.right() {
        for y in row.top()..row.bottom() {
            if let Some(cell) = buf.cell_mut((x, y)) {
                let severe = severities.iter().any(|style| {
                    style.fg.is_none_or(|fg| fg == cell.fg)
                        && cell.modifier.contains(style.add_modifier)
                        && *style != plain
                });
                if focused && !severe {
                    cell.set_style(Style::reset()).set_style(plain);
                }
                cell.modifier.remove(Modifier::DIM);
                cell.set_style(style);
            }
        }
    }
}

/// Writes text with what a search found in it set off: the words of the query, whatever their case.
#[allow(clippy::too_many_arguments)] // where, what and how
pub fn found(
    words: &str,
    query: &str,
    role: Role,
    x: u16,
    y: u16,
    room: u16,
    look: &Look<'_>,
    buf: &mut Buffer,
) -> u16 {
    let end = text(words, role, x, y, room, look, buf);
    let shown = look.text(words);
    for word in query.split_whitespace() {
        let word = look.text(word);
        let Some(at) = find(&shown, &word) else { continue };
        let from = x.saturating_add(u16::try_from(format::width(&shown[..at.start])).unwrap_or(u16::MAX));
        let until = from.saturating_add(u16::try_from(format::width(&shown[at])).unwrap_or(u16::MAX)).min(end);
        let style = look.theme.style(Role::Match);
        for x in from..until {
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.set_style(style);
            }
        }
    }
    end
}

/// Where a word stands in a text, whatever its case.
fn find(text: &str, word: &str) -> Option<std::ops::Range<usize>> {
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    let wanted = lower(word);
    if wanted.is_empty() {
        return None;
    }
    text.char_indices().find_map(|(start, _)| {
        let mut taken = String::new();
        let end = text[start..].char_indices().find_map(|(at, c)| {
            taken.extend(c.to_lowercase());
            (taken.len() >= wanted.len()).then_some(start + at + c.len_utf8())
        })?;
        (taken == wanted).then_some(start..end)
    })
}

/// Draws a line being edited, with its cursor as a reversed cell; gives the cursor's column.
pub fn line(edit: &LineEdit, placeholder: &str, area: Rect, look: &Look<'_>, buf: &mut Buffer) -> Option<u16> {
    if area.width == 0 || area.height == 0 {
        return None;
    }
    let (seen, column) = edit.window(usize::from(area.width), look);
    text(&seen, Role::Input, area.x, area.y, area.width, look, buf);
    if edit.is_empty() {
        let room = area.width.saturating_sub(2);
        text(placeholder, Role::InputHint, area.x.saturating_add(2), area.y, room, look, buf);
    }
    let x = area.x.saturating_add(u16::try_from(column).unwrap_or(u16::MAX)).min(area.right() - 1);
    let cell = buf.cell_mut((x, area.y))?;
    cell.set_style(Style::new().add_modifier(Modifier::REVERSED));
    Some(x)
}
