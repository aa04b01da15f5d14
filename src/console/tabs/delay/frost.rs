//! The pictures of a freeze: the line in which the statement is typed with what is told under it, and the freeze itself.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};

use super::freeze::{FreezeForm, FrozenView, Told, What, form as told_of, head, title};
use crate::base::{Shown, Time};
use crate::console::format;
use crate::console::glyphs::Look;
use crate::console::theme::Role;
use crate::console::widgets::detail::{self, DetailLine, DetailView};
use crate::console::widgets::pane::{self, PaneView};
use crate::console::widgets::prompt::{self, PromptView};
use crate::console::widgets::{Extent, Piece, paint};

/// The pane; gives what is within it.
fn framed(title: String, right: &str, hint: &str, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    paint::clear(area, look, buf);
    let inner = pane::draw(&PaneView { title: title.into(), right: right.into(), focused: true }, look, area, buf);
    if area.height >= 3 {
        paint::on_border(hint, Role::Dim, area, area.bottom().saturating_sub(1), look, buf);
    }
    if inner.width > 20 { paint::inset(inner, 1, 0) } else { inner }
}

fn lines(told: &[Told]) -> Vec<DetailLine<'_>> {
    let line = |one: &'_ Told| match one.what {
        What::Heading => DetailLine::Heading(one.text.clone().into()),
        _ => DetailLine::Text(Piece::new(one.text.clone(), one.role)),
    };
    told.iter().map(line).collect()
}

/// Draws the form; says how many lines there are and how many fit, and where the cursor is.
pub fn form(
    view: &FreezeForm,
    now: Time,
    hint: &str,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) -> (Extent, Option<Position>) {
    let area = area.intersection(buf.area);
    let right = if view.asked.is_some() { "reading …" } else { "" };
    let inner = framed(format!("Freeze {}", Shown::text(&view.name)), right, hint, look, area, buf);
    let gap = u16::from(inner.height >= 8);
    let [top, _, below] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(gap), Constraint::Fill(1)]).areas(inner);
    let prompt = PromptView {
        label: "bad statement".into(),
        line: &view.edit,
        placeholder: "2026-11-22T12:04:00Z, binlog.000123:4567, a GTID".into(),
        hint: "".into(),
        error: None,
    };
    let cursor = prompt::draw_row(&prompt, look, top, buf);
    let told = told_of(view, now);
    let drawn = DetailView { lines: lines(&told), scroll: view.top, ..DetailView::default() };
    let extent = detail::draw_lines(&drawn, look, below, buf);
    let scroll = view.top.min(extent.most());
    paint::more(scroll > 0, scroll < extent.most(), area, below, look, buf);
    (extent, cursor)
}

/// Draws a freeze; says how many lines there are and how many fit.
pub fn frozen(view: &FrozenView, now: Time, hint: &str, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Extent {
    let area = area.intersection(buf.area);
    let record = view.record();
    let right = view.wrong.as_ref().map_or("", |_| "not read anew");
    let inner = framed(title(&view.name, record, now), right, hint, look, area, buf);
    let wrong = view.wrong.as_ref().map(|why| format!("it was not read: {}", Shown::text(why)));
    let first = match (record, wrong) {
        (Some(record), None) => head(record, now),
        (_, Some(text)) => Told { text, role: Role::Unknown, what: What::Words },
        (None, None) => Told { text: "reading …".to_owned(), role: Role::Dim, what: What::Words },
    };
    let said = format::wrap(&look.text(&first.text), inner.width.into());
    let heads = u16::try_from(said.len()).unwrap_or(u16::MAX).min((inner.height / 3).max(1));
    let gap = u16::from(inner.height >= 20);
    let [top, _, below] =
        Layout::vertical([Constraint::Length(heads), Constraint::Length(gap), Constraint::Fill(1)]).areas(inner);
    for (words, row) in said.iter().zip(top.rows()) {
        paint::text(words, first.role, row.x, row.y, row.width, look, buf);
    }
    let told = view.lines(now);
    let selected = view.place(&told);
    let mut drawn = DetailView { lines: lines(&told), selected, ..DetailView::default() };
    let rows = selected.and_then(|at| detail::rows_of(&drawn, at, below.width, look));
    let height = usize::from(below.height);
    // All of the selected line is seen, and what is around it.
    let middle = rows.map_or(0, |(first, last)| first.saturating_sub(height.saturating_sub(last + 1 - first) / 2));
    drawn.scroll = middle;
    let extent = detail::draw_lines(&drawn, look, below, buf);
    let scroll = middle.min(extent.most());
    paint::more(scroll > 0, scroll < extent.most(), area, below, look, buf);
    extent
}
