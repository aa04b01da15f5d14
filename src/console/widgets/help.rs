//! Help: every action with its keys, searched as one types.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::line_edit::LineEdit;
use super::{Extent, Hit, HitId, Words, paint};
use crate::console::format::{self, Align, Cut};
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What help shows.
#[derive(Debug, Clone)]
pub struct HelpView<'a> {
    /// What is searched for.
    pub query: &'a LineEdit,
    /// The actions that match, in order; those of one group follow one another.
    pub rows: Vec<HelpRow<'a>>,
    /// Actions there are without the search.
    pub total: usize,
    /// Lines that are scrolled away, as drawn (headings of groups take one each).
    pub scroll: usize,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpRow<'a> {
    /// Its group.
    pub group: Words<'a>,
    /// Its keys as people write them.
    pub keys: Words<'a>,
    /// What it does.
    pub text: Words<'a>,
    /// Why it cannot act now.
    pub why_not: Option<Words<'a>>,
}

/// The widest the dialog gets, in cells.
const WIDEST: u16 = 96;

/// Draws it over the middle of the screen.
pub fn draw(view: &HelpView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) -> Extent {
    let area = area.intersection(buf.area);
    let outer = paint::centred(
        area,
        area.width.saturating_sub(4).clamp(20.min(area.width), WIDEST),
        area.height.saturating_sub(2),
    );
    let within = paint::dialog(outer, "Help", "Esc back", false, look, buf);
    let Some(row) = paint::row(within, 0) else { return Extent::default() };
    let count = format!("{} of {}", view.rows.len(), view.total);
    let label = paint::text("search ", Role::Dim, row.x, row.y, row.width, look, buf);
    let room = row.right().saturating_sub(label).saturating_sub(paint::width(&count, look) + 1);
    paint::line(view.query, "an action or a key", Rect { x: label, width: room, ..row }, look, buf);
    if room > 0 {
        paint::right(&count, Role::Dim, row, look, buf);
    }
    let body = Rect { y: within.y.saturating_add(2), height: within.height.saturating_sub(2), ..within };
    if view.rows.is_empty() {
        if body.height > 0 {
            let words = "no action or key has this in it";
            paint::text(words, Role::Dim, body.x, body.y, body.width, look, buf);
        }
        return Extent { total: 0, shown: usize::from(body.height) };
    }
    let keys = view.rows.iter().map(|row| paint::width(&row.keys, look)).max().unwrap_or(0).min(body.width / 3);
    let lines = lines(view);
    let extent = Extent { total: lines.len(), shown: usize::from(body.height) };
    let scroll = view.scroll.min(extent.most());
    for (line, y) in lines.iter().skip(scroll).zip(body.top()..body.bottom()) {
        let at = Rect { y, height: 1, ..body };
        match line {
            Line::Group(name) => _ = paint::text(name, Role::Title, at.x, y, at.width, look, buf),
            Line::Row(n, row) => {
                draw_row(row, view.query.text(), keys, at, look, buf);
                hits.push((at, HitId::Entry(*n)));
            }
        }
    }
    paint::more(scroll > 0, scroll < extent.most(), outer, body, look, buf);
    extent
}

enum Line<'r> {
    Group(&'r str),
    Row(usize, &'r HelpRow<'r>),
}

/// The actions with the headings of their groups.
fn lines<'r>(view: &'r HelpView<'r>) -> Vec<Line<'r>> {
    let mut lines = Vec::with_capacity(view.rows.len() + 8);
    let mut group: Option<&str> = None;
    for (n, row) in view.rows.iter().enumerate() {
        if group != Some(row.group.as_ref()) {
            group = Some(row.group.as_ref());
            lines.push(Line::Group(row.group.as_ref()));
        }
        lines.push(Line::Row(n, row));
    }
    lines
}

fn draw_row(row: &HelpRow<'_>, query: &str, keys: u16, at: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let (key, text) = if row.why_not.is_some() { (Role::Disabled, Role::Disabled) } else { (Role::Key, Role::Text) };
    let words = format::fit(&look.text(&row.keys), keys.into(), Cut::End, Align::Left, look.glyphs.ellipsis);
    let x =
        paint::found(&words, query, key, at.x.saturating_add(2), at.y, keys.min(at.width.saturating_sub(2)), look, buf);
    let x = x.saturating_add(2);
    let x = paint::found(&row.text, query, text, x, at.y, at.right().saturating_sub(x), look, buf);
    if let Some(why) = &row.why_not {
        let x = x.saturating_add(2);
        paint::text(&format!("({why})"), Role::Disabled, x, at.y, at.right().saturating_sub(x), look, buf);
    }
}
