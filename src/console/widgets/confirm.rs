//! The dialog before something dangerous.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Extent, Hit, HitId, Words, paint};
use crate::console::format::{self, Cut};
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What the dialog shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfirmView<'a> {
    /// What is asked: `Delete 12 archives?`.
    pub title: Words<'a>,
    /// What it is about, a line each: names, counts.
    pub objects: Vec<Words<'a>>,
    /// What will happen, a line each: price, time, what cannot be undone.
    pub effects: Vec<Words<'a>>,
    /// The button that does it: `Restore 12 files`.
    pub action: Words<'a>,
    /// The button that does it has the focus; else Cancel has it.
    pub action_focused: bool,
    /// It is dangerous: the border says so.
    pub danger: bool,
    /// The word that must be typed first, and what is typed so far.
    pub word: Option<(Words<'a>, Words<'a>)>,
    /// Why the action cannot be pressed now, in a sentence; nothing when it can.
    pub refused: Option<Words<'a>>,
    /// Lines of objects and effects that are scrolled away.
    pub scroll: usize,
}

/// The widest the dialog gets, in cells.
const WIDEST: u16 = 78;

/// Draws it in the middle of the area. [`super::HitId::Button`] 0 is Cancel, 1 the action. The buttons, the word and why
/// not always stay; objects and effects scroll.
pub fn draw(view: &ConfirmView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) -> Extent {
    let area = area.intersection(buf.area);
    let title = if view.danger {
        format!("{} {}", look.glyphs.severity(crate::base::Severity::Warning), view.title)
    } else {
        view.title.to_string()
    };
    let cancel = button("Cancel", !view.action_focused, look);
    let action = button(&view.action, view.action_focused, look);
    let word = view.word.as_ref().map(|(wanted, typed)| (format!("Type \"{wanted}\" to go on: "), typed));
    let inner = area.width.min(WIDEST).saturating_sub(4);
    let needed = view.objects.iter().chain(&view.effects).map(|line| paint::width(line, look));
    let needed = needed.chain([
        paint::width(&title, look) + 2,
        paint::width(&cancel, look).saturating_add(paint::width(&action, look)).saturating_add(2),
        word.as_ref().map_or(0, |(ask, typed)| paint::width(ask, look) + paint::width(typed, look) + 1),
        view.refused.as_ref().map_or(0, |why| paint::width(why, look)),
        30,
    ]);
    let width = needed.max().unwrap_or(0).min(inner);
    let body = lines(view, usize::from(width), look);
    let refused = view.refused.as_ref().map(|why| format::wrap(&look.text(why), width.into())).unwrap_or_default();
    let refused = &refused[..refused.len().min(2)];
    let rows = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    let feet = rows(refused.len() + usize::from(word.is_some()) + 1);
    let height = rows(body.len()).saturating_add(feet).saturating_add(3);
    let outer = paint::centred(area, width.saturating_add(4), height);
    let within = paint::dialog(outer, &title, "", view.danger, look, buf);
    // From the bottom up: buttons, why not, the word; then a row free, where there is one; then what it is about.
    let mut bottom = within.bottom();
    let mut take = |above: u16| {
        bottom = bottom.saturating_sub(1);
        (bottom >= within.y.saturating_add(above)).then_some(Rect { y: bottom, height: 1, ..within })
    };
    if let Some(row) = take(0) {
        draw_buttons(view, [&cancel, &action], row, look, buf, hits);
    }
    for why in refused.iter().rev() {
        if let Some(row) = take(0) {
            paint::text(why, Role::Disabled, row.x, row.y, row.width, look, buf);
        }
    }
    if let (Some((ask, typed)), Some(row)) = (word, take(0)) {
        let half = row.width.saturating_sub(paint::width(typed, look).saturating_add(1).min(row.width / 2));
        let x = paint::text(&ask, Role::Text, row.x, row.y, half, look, buf);
        let room = row.right().saturating_sub(x + 1);
        let x = paint::styled(typed, look.theme.style(Role::Input), Cut::Start, x, row.y, room, look, buf);
        if let Some(cell) = buf.cell_mut((x, row.y)).filter(|_| x < row.right()) {
            cell.set_style(look.theme.style(Role::Selected));
        }
    }
    let free = u16::from(bottom.saturating_sub(within.y) > rows(body.len()));
    let height = bottom.saturating_sub(within.y).saturating_sub(free);
    let content = Rect { height, ..within };
    let extent = Extent { total: body.len(), shown: usize::from(height) };
    let scroll = view.scroll.min(extent.most());
    for ((line, role), y) in body.iter().skip(scroll).zip(content.top()..content.bottom()) {
        paint::text(line, *role, content.x, y, content.width, look, buf);
    }
    paint::more(scroll > 0, scroll < extent.most(), outer, content, look, buf);
    extent
}

/// Objects and, a line beneath, effects.
fn lines(view: &ConfirmView<'_>, width: usize, look: &Look<'_>) -> Vec<(String, Role)> {
    let broken = |words: &Words<'_>, role| {
        format::wrap(&look.text(words), width).into_iter().map(move |line| (line, role)).collect::<Vec<_>>()
    };
    let mut lines: Vec<(String, Role)> = view.objects.iter().flat_map(|line| broken(line, Role::Strong)).collect();
    if !view.objects.is_empty() && !view.effects.is_empty() {
        lines.push((String::new(), Role::Text));
    }
    lines.extend(view.effects.iter().flat_map(|line| broken(line, Role::Text)));
    lines
}

/// A button; the one that Enter presses has a sign too.
fn button(words: &str, focused: bool, look: &Look<'_>) -> String {
    format!("[{}{words} ]", if focused { look.glyphs.cursor } else { " " })
}

fn draw_buttons(
    view: &ConfirmView<'_>,
    [cancel, action]: [&str; 2],
    row: Rect,
    look: &Look<'_>,
    buf: &mut Buffer,
    hits: &mut Vec<Hit>,
) {
    let action_role = match (view.action_focused, view.refused.is_some(), view.danger) {
        (_, true, _) => Role::Disabled,
        (true, false, true) => Role::ButtonDanger,
        (true, false, false) => Role::ButtonFocus,
        (false, false, _) => Role::Button,
    };
    let cancel_role = if view.action_focused { Role::Button } else { Role::ButtonFocus };
    let wide = paint::width(cancel, look).saturating_add(2).saturating_add(paint::width(action, look));
    let from = row.right().saturating_sub(wide).max(row.x);
    let x = paint::text(cancel, cancel_role, from, row.y, row.right().saturating_sub(from), look, buf);
    hits.push((Rect { x: from, width: x - from, ..row }, HitId::Button(0)));
    let from = x.saturating_add(2).min(row.right());
    let x = paint::text(action, action_role, from, row.y, row.right().saturating_sub(from), look, buf);
    if x > from {
        hits.push((Rect { x: from, width: x - from, ..row }, HitId::Button(1)));
    }
}
