//! A short list to choose from: themes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Extent, Hit, HitId, Words, follow, paint};
use crate::console::format::{self, Align, Cut};
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What the list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PickerView<'a> {
    /// Its title: `Theme`.
    pub title: Words<'a>,
    /// The entries: a name and a remark.
    pub entries: Vec<(Words<'a>, Words<'a>)>,
    /// The selected one, from 0.
    pub selected: usize,
    /// The one in force, from 0.
    pub current: Option<usize>,
    /// What stands at the bottom.
    pub hint: Words<'a>,
}

/// Draws it over the middle of the screen.
pub fn draw(view: &PickerView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) -> Extent {
    let area = area.intersection(buf.area);
    let names = view.entries.iter().map(|(name, _)| paint::width(name, look)).max().unwrap_or(0);
    let remarks = view.entries.iter().map(|(_, remark)| paint::width(remark, look)).max().unwrap_or(0);
    let ends = [&view.title, &view.hint].map(|words| paint::width(words, look).saturating_add(2));
    let width = names.saturating_add(remarks).saturating_add(6).max(ends[0]).max(ends[1]);
    let height = u16::try_from(view.entries.len()).unwrap_or(u16::MAX).saturating_add(2);
    let outer = paint::centred(area, width.saturating_add(4), height);
    let within = paint::dialog(outer, &view.title, &view.hint, false, look, buf);
    let extent = Extent { total: view.entries.len(), shown: usize::from(within.height) };
    let total = u64::try_from(extent.total).unwrap_or(u64::MAX);
    let first = follow(0, u64::try_from(view.selected).ok(), extent.shown, total);
    let first = usize::try_from(first).unwrap_or(0);
    for ((n, (name, remark)), y) in view.entries.iter().enumerate().skip(first).zip(within.top()..within.bottom()) {
        let at = Rect { y, height: 1, ..within };
        let (cursor, current) = (n == view.selected, view.current == Some(n));
        let signs = format!(
            "{}{} ",
            if cursor { look.glyphs.cursor } else { " " },
            if current { look.glyphs.marked } else { " " },
        );
        let x = paint::text(&signs, Role::Accent, at.x, y, at.width, look, buf);
        let name = format::fit(&look.text(name), names.into(), Cut::End, Align::Left, look.glyphs.ellipsis);
        let x = paint::text(&name, Role::Text, x, y, at.right().saturating_sub(x), look, buf).saturating_add(2);
        paint::text(remark, Role::Dim, x, y, at.right().saturating_sub(x), look, buf);
        if cursor {
            paint::select(at, true, look, buf);
        }
        hits.push((at, HitId::Entry(n)));
    }
    paint::more(first > 0, first < extent.most(), outer, within, look, buf);
    extent
}
