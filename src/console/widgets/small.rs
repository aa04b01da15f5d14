//! What a terminal too small for the console shows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint;
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// The least size at which the console is drawn: columns and rows.
pub const LEAST: (u16, u16) = (60, 16);

/// Whether an area is too small.
pub fn is_too_small(area: Rect) -> bool {
    area.width < LEAST.0 || area.height < LEAST.1
}

/// Draws one line that says so.
pub fn draw(look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.height == 0 {
        return;
    }
    let (least_width, least_height) = LEAST;
    let words = [
        format!("too small: {}×{}; firn needs {least_width}×{least_height}", area.width, area.height),
        format!("needs {least_width}×{least_height}"),
        "small".to_owned(),
    ];
    let fits = words.iter().find(|words| paint::width(words, look) <= area.width).or(words.last());
    let words = fits.map_or("", String::as_str);
    let used = paint::width(words, look).min(area.width);
    let at = paint::centred(area, used, 1);
    paint::text(words, Role::Strong, at.x, at.y, used, look, buf);
}
