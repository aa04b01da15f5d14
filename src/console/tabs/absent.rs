//! A tab whose area is not there: why, and what would switch it on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::glyphs::Look;
use crate::console::model::Area;
use crate::console::tabs::TabId;
use crate::console::theme::Role;
use crate::console::widgets::Piece;
use crate::console::widgets::detail::{self, DetailLine, DetailView};

/// Draws it.
pub fn draw(tab: TabId, area: &Area, file: Option<&str>, look: &Look<'_>, rect: Rect, buf: &mut Buffer) {
    let text = |text: String, role: Role| DetailLine::Text(Piece::new(text, role));
    let mut lines = vec![DetailLine::Gap];
    match area {
        Area::On => return,
        Area::Off(config) => {
            lines.push(text(format!("{} is not configured.", tab.title()), Role::Strong));
            let place = file.map_or_else(|| "the configuration file".to_owned(), str::to_owned);
            lines.push(text(format!("These lines in {place} switch it on:"), Role::Text));
            lines.push(DetailLine::Gap);
            lines.extend(config.iter().map(|line| text(format!("    {line}"), Role::Accent)));
            lines.push(DetailLine::Gap);
            lines.push(text(
                "`firn config init` writes a file with every key, `firn config check` reads it.".to_owned(),
                Role::Dim,
            ));
        }
        Area::Absent(instead) => {
            lines.push(text(format!("This version of firn has no {} tab.", tab.title()), Role::Strong));
            lines.push(text((*instead).to_owned(), Role::Text));
        }
    }
    let view = DetailView { title: "".into(), lines, scroll: 0, selected: None, hint: "".into() };
    detail::draw_lines(&view, look, rect, buf);
}
