//! The pictures of the batch editor and of the form.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use super::editor::Editor;
use super::form::{Field, Form, TIERS};
use crate::base::Severity;
use crate::base::units::Count;
use crate::console::format::{self, Cut};
use crate::console::glyphs::Look;
use crate::console::theme::Role;
use crate::console::widgets::pane::{self, PaneView};
use crate::console::widgets::{Extent, paint};
use crate::restore::view::LineVerdict;

/// From here on verdicts stand beside their lines.
const WIDE: u16 = 100;
/// Rows for the verdict of the line that has the cursor.
const BELOW: u16 = 2;

/// A tab is drawn as a blank: it is one to the list.
fn blank(text: &str) -> String {
    text.replace('\t', " ")
}

/// The mark of a verdict.
fn mark(verdict: Option<&LineVerdict>, look: &Look<'_>) -> (&'static str, Role) {
    match verdict {
        None => (" ", Role::Dim),
        Some(verdict) => (look.glyphs.severity(verdict.severity), Role::of(verdict.severity)),
    }
}

/// The title: how many lines, and how many of them are what.
fn counted(editor: &Editor) -> (String, Role) {
    let counts = editor.counts();
    let words = match counts.empty {
        Some(empty) => {
            format!(
                "{} ok  {} wrong  {} empty",
                Count(counts.ok as u64),
                Count(counts.wrong as u64),
                Count(empty as u64)
            )
        }
        None => format!("{} ok  {} wrong  looking …", Count(counts.ok as u64), Count(counts.wrong as u64)),
    };
    (words, if counts.wrong > 0 { Role::Warning } else { Role::Dim })
}

/// Draws the list being written over the tab; gives how many lines are seen, and the cell of the cursor.
pub fn batch(editor: &Editor, hint: &str, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> (Extent, Option<Position>) {
    let lines = editor.lines();
    let (row, column) = editor.cursor();
    paint::clear(area, look, buf);
    let title = format!("Batch: line {} of {}", Count(row as u64 + 1), Count(lines.len() as u64));
    let (words, role) = counted(editor);
    let view = PaneView { title: title.into(), right: "".into(), focused: true };
    let inner = pane::draw(&view, look, area, buf);
    if area.height >= 3 && area.width >= 8 {
        let room = area.width.saturating_sub(paint::width(&view.title, look).saturating_add(8));
        let wide = paint::width(&words, look).saturating_add(2).min(room);
        let from = area.right().saturating_sub(wide.saturating_add(1));
        paint::text(&format!(" {words} "), role, from, area.y, wide, look, buf);
        paint::on_border(hint, Role::Dim, area, area.bottom() - 1, look, buf);
    }
    let below = if inner.height > BELOW + 3 { BELOW + 1 } else { 0 };
    let body = Rect { height: inner.height - below, ..inner };
    let height = usize::from(body.height);
    let extent = Extent { total: lines.len(), shown: height };
    if height == 0 || body.width == 0 {
        return (extent, None);
    }
    // The cursor's line in the middle, but at both ends.
    let top = row.saturating_sub(height / 2).min(lines.len().saturating_sub(height));
    let digits = u16::try_from(lines.len().to_string().len()).unwrap_or(6).max(3);
    let gutter = (digits + 3).min(body.width);
    let beside = if body.width >= WIDE { (body.width - gutter) * 2 / 5 } else { 0 };
    let room = body.width.saturating_sub(gutter + beside);
    let mut at = None;
    for ((n, line), y) in lines.iter().enumerate().skip(top).zip(body.top()..body.bottom()) {
        let number = format::fit(&(n + 1).to_string(), digits.into(), Cut::Start, format::Align::Right, "");
        let own = n == row;
        paint::text(&number, if own { Role::Strong } else { Role::Dim }, body.x, y, digits.min(body.width), look, buf);
        let verdict = editor.verdict(n);
        let (sign, role) = mark(verdict, look);
        if gutter > digits + 1 {
            paint::text(sign, role, body.x + digits + 1, y, 1, look, buf);
        }
        let x = body.x + gutter;
        let shown = blank(line);
        if own {
            let split = shown.char_indices().nth(column).map_or(shown.len(), |(at, _)| at);
            at = Some(Position { x: x + written(&shown, split, x, y, room, look, buf), y });
        } else {
            paint::text(&shown, Role::Text, x, y, room, look, buf);
        }
        if let Some(verdict) = verdict.filter(|_| beside > 2) {
            let role = if verdict.severity == Severity::Ok { Role::Dim } else { Role::of(verdict.severity) };
            paint::text(&verdict.short, role, x + room + 1, y, beside - 1, look, buf);
        }
    }
    if let Some(Position { x, y }) = at
        && let Some(cell) = buf.cell_mut((x.min(body.right() - 1), y))
    {
        cell.set_style(Style::new().add_modifier(Modifier::REVERSED));
    }
    if below > 0 {
        let under = Rect { y: body.bottom(), height: below, ..inner };
        paint::rule(Rect { height: 1, ..under }, look, buf);
        beneath(editor, row, Rect { y: under.y + 1, height: BELOW, ..under }, look, buf);
    }
    (extent, at.filter(|at| at.x < body.right()))
}

/// Writes a line so that the cursor is seen; gives the cursor's column.
fn written(line: &str, split: usize, x: u16, y: u16, room: u16, look: &Look<'_>, buf: &mut Buffer) -> u16 {
    let (before, after) = line.split_at(split);
    let (before, after) = (look.text(before), look.text(after));
    let mut seen = Vec::new();
    let mut column = 0;
    for (grapheme, cells) in format::graphemes(&before).into_iter().rev() {
        if column + cells >= usize::from(room) {
            break;
        }
        column += cells;
        seen.push(grapheme);
    }
    seen.reverse();
    let end = paint::styled(&seen.concat(), look.theme.style(Role::Input), Cut::End, x, y, room, look, buf);
    let left = room.saturating_sub(end.saturating_sub(x));
    paint::styled(&after, look.theme.style(Role::Input), Cut::End, end, y, left, look, buf);
    u16::try_from(column).unwrap_or(u16::MAX)
}

/// The verdict of the line that has the cursor, in full.
fn beneath(editor: &Editor, row: usize, area: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let (words, role) = match (&editor.wrong, editor.verdict(row)) {
        (Some(wrong), _) => (wrong.clone(), Role::Warning),
        (None, Some(verdict)) => (verdict.short.clone(), Role::of(verdict.severity)),
        (None, None) if editor.is_empty() => (
            "paste or type requests, a line each: SOURCE DEST, such as photos:a/b.jpg file:/srv/restored/b.jpg"
                .to_owned(),
            Role::InputHint,
        ),
        (None, None) if editor.is_checked() => ("nothing is asked for in this line".to_owned(), Role::Dim),
        (None, None) => ("looking …".to_owned(), Role::Dim),
    };
    sentence(&words, role, area, look, buf);
}

/// A sentence in as many rows as there are, its end cut.
fn sentence(words: &str, role: Role, area: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let lines = format::wrap(&look.text(words), area.width.into());
    let most = usize::from(area.height);
    for (n, y) in (area.top()..area.bottom()).enumerate() {
        let Some(line) = lines.get(n) else { break };
        // The last row takes what is left, cut where it ends.
        let rest = if n + 1 == most { lines[n..].join(" ") } else { line.clone() };
        paint::text(&rest, role, area.x, y, area.width, look, buf);
    }
}

/// The width of the form, in cells.
const FORM: u16 = 90;

/// Draws the form as a dialog; gives the cell of the cursor.
pub fn form(
    form: &Form,
    default_dest: &str,
    hint: &str,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let outer = paint::centred(area, FORM, 10);
    let inner = paint::dialog(outer, "Restore", hint, false, look, buf);
    let mut cursor = None;
    let names = 14.min(inner.width);
    for (n, field) in Field::ALL.into_iter().enumerate() {
        let Some(row) = paint::row(inner, u16::try_from(n).unwrap_or(0)) else { break };
        let own = field == form.field;
        let name =
            if own { format!("{} {}", look.glyphs.cursor, field.title()) } else { format!("  {}", field.title()) };
        paint::text(&name, if own { Role::Key } else { Role::Dim }, row.x, row.y, names, look, buf);
        let place = Rect { x: row.x + names, width: row.width - names, ..row };
        let edit = match field {
            Field::Source => Some((&form.source, "photos:avatar/2026/a.jpg, or photos:avatar/ for all below it")),
            Field::Dest => Some((&form.dest, default_dest)),
            Field::AsOf => Some((&form.as_of, "now; or a day or time, such as 2026-11-22")),
            Field::Tier => None,
        };
        match edit {
            Some((edit, placeholder)) if own => {
                let x = paint::line(edit, placeholder, place, look, buf);
                cursor = x.map(|x| Position { x, y: row.y });
            }
            Some((edit, placeholder)) if edit.is_empty() => {
                let room = place.width.saturating_sub(2);
                paint::text(placeholder, Role::InputHint, place.x.saturating_add(2), place.y, room, look, buf);
            }
            Some((edit, _)) => {
                paint::text(edit.text(), Role::Text, place.x, place.y, place.width, look, buf);
            }
            None => tiers(form, own, place, look, buf),
        }
    }
    let under = Rect { y: inner.y + 5, height: inner.height.saturating_sub(5), ..inner };
    let (words, role) = match (&form.wrong, &form.verdict) {
        (Some(wrong), _) => (wrong.as_str(), Role::Warning),
        (None, Some(verdict)) => (verdict.short.as_str(), Role::of(verdict.severity)),
        (None, None) if form.line().is_empty() => (
            "words as in a list: a name with blanks stands in \"quotes\"; nothing is asked for before a plan is confirmed",
            Role::InputHint,
        ),
        (None, None) => ("looking …", Role::Dim),
    };
    if inner.height > 5 {
        sentence(words, role, under, look, buf);
    }
    cursor
}

fn tiers(form: &Form, own: bool, place: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let mut x = place.x;
    for (n, word) in TIERS.into_iter().enumerate() {
        let word = if word.is_empty() { "choose on the plan" } else { word };
        let chosen = n == form.tier;
        let words = if chosen { format!("[{word}]") } else { format!(" {word} ") };
        let role = match (chosen, own) {
            (true, true) => Role::ButtonFocus,
            (true, false) => Role::Strong,
            (false, _) => Role::Dim,
        };
        x = paint::text(&words, role, x, place.y, place.right().saturating_sub(x), look, buf).saturating_add(1);
    }
}
