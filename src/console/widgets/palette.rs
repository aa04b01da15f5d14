//! The palette: an action by its name.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::line_edit::LineEdit;
use super::{Extent, Hit, HitId, Words, follow, paint};
use crate::console::format::{self, Align, Cut};
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What the palette shows.
#[derive(Debug, Clone)]
pub struct PaletteView<'a> {
    /// What is typed.
    pub query: &'a LineEdit,
    /// The actions that match, the best first.
    pub rows: Vec<PaletteRow<'a>>,
    /// The selected one, from 0.
    pub selected: usize,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaletteRow<'a> {
    /// Its name as one types it.
    pub name: Words<'a>,
    /// What it does.
    pub text: Words<'a>,
    /// Its keys as people write them.
    pub keys: Words<'a>,
    /// Why it cannot act now.
    pub why_not: Option<Words<'a>>,
}

/// The widest the palette gets, in cells, and the most rows it shows.
const WIDEST: u16 = 88;
const MOST: usize = 12;

/// Draws it at the top of the area.
pub fn draw(view: &PaletteView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) -> Extent {
    let area = area.intersection(buf.area);
    let rows = u16::try_from(view.rows.len().clamp(1, MOST)).unwrap_or(1);
    let outer = paint::centred(area, area.width.saturating_sub(4).clamp(20.min(area.width), WIDEST), rows + 3);
    // At a third of the height: it stays where it is while the list below gets shorter.
    let outer = Rect { y: area.y + (area.height - outer.height).min(area.height / 6), ..outer };
    let within = paint::dialog(outer, "Command", "Enter run  Esc back", false, look, buf);
    let Some(row) = paint::row(within, 0) else { return Extent::default() };
    let x = paint::text(": ", Role::Key, row.x, row.y, row.width, look, buf);
    let line = Rect { x, width: row.right().saturating_sub(x), ..row };
    paint::line(view.query, "the name of an action", line, look, buf);
    let body = Rect { y: within.y + 1, height: within.height - 1, ..within };
    let extent = Extent { total: view.rows.len(), shown: usize::from(body.height) };
    if view.rows.is_empty() {
        if body.height > 0 {
            paint::text("no action is called so", Role::Dim, body.x, body.y, body.width, look, buf);
        }
        return extent;
    }
    let names = view.rows.iter().map(|row| paint::width(&row.name, look)).max().unwrap_or(0).min(body.width / 2);
    let selected = view.selected.min(view.rows.len() - 1);
    let total = u64::try_from(view.rows.len()).unwrap_or(u64::MAX);
    let first = follow(0, u64::try_from(selected).ok(), extent.shown, total);
    let first = usize::try_from(first).unwrap_or(0);
    for ((n, row), y) in view.rows.iter().enumerate().skip(first).zip(body.top()..body.bottom()) {
        let at = Rect { y, height: 1, ..body };
        draw_row(row, view.query.text(), names, n == selected, at, look, buf);
        hits.push((at, HitId::Entry(n)));
    }
    paint::more(first > 0, first < extent.most(), outer, body, look, buf);
    extent
}

fn draw_row(
    row: &PaletteRow<'_>,
    query: &str,
    names: u16,
    selected: bool,
    at: Rect,
    look: &Look<'_>,
    buf: &mut Buffer,
) {
    let off = row.why_not.is_some();
    let role = |role: Role| if off { Role::Disabled } else { role };
    if selected {
        paint::sign(look.glyphs.cursor, Role::Accent, at.x, at.y, look, buf);
    }
    let x = at.x.saturating_add(2);
    let name = format::fit(&look.text(&row.name), names.into(), Cut::End, Align::Left, look.glyphs.ellipsis);
    let x = paint::found(&name, query, role(Role::Strong), x, at.y, names.min(at.width.saturating_sub(2)), look, buf);
    let x = x.saturating_add(2);
    let keys = paint::width(&row.keys, look);
    let room = at.right().saturating_sub(x).saturating_sub(keys.saturating_add(1));
    let words = match &row.why_not {
        Some(why) => format!("{} ({why})", row.text),
        None => row.text.to_string(),
    };
    let x = paint::text(&words, role(Role::Text), x, at.y, room, look, buf);
    if at.right().saturating_sub(x) > keys {
        paint::right(&row.keys, role(Role::Key), at, look, buf);
    }
    if selected {
        paint::select(at, true, look, buf);
    }
}
