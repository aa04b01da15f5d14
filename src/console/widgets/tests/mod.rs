//! Every widget drawn into a buffer: as text, with its styles, and at any size.

mod frame;
mod lists;
mod overlays;
mod sweep;

use ratatui::buffer::{Buffer, CellWidth as _};
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Hit, HitId, Piece, paint};
use crate::base::Severity;
use crate::console::glyphs::{Charts, Glyphs, Look};
use crate::console::theme::{Depth, Role, Theme};

/// Themes outlive the views of a test.
fn theme(depth: Depth) -> Theme {
    Theme::named("default", depth).unwrap()
}

fn utf8(theme: &Theme) -> Look<'_> {
    Look { theme, glyphs: Glyphs::utf8(), charts: Charts::Braille }
}

/// A screen, drawn.
struct Screen {
    buf: Buffer,
    hits: Vec<Hit>,
}

impl Screen {
    /// Draws on a cleared screen of that size.
    fn draw(width: u16, height: u16, look: &Look<'_>, draw: impl FnOnce(Rect, &mut Buffer, &mut Vec<Hit>)) -> Screen {
        let area = Rect::new(0, 0, width, height);
        let mut screen = Screen { buf: Buffer::empty(area), hits: Vec::new() };
        paint::clear(area, look, &mut screen.buf);
        draw(area, &mut screen.buf, &mut screen.hits);
        screen
    }

    /// What is seen, without the spaces at the ends of lines.
    fn text(&self) -> String {
        let area = self.buf.area;
        let line = |y: u16| {
            let mut line = String::new();
            let mut skip = 0;
            for x in area.left()..area.right() {
                let symbol = self.buf[(x, y)].symbol();
                if skip > 0 {
                    skip -= 1;
                } else {
                    line.push_str(symbol);
                    skip = symbol.cell_width().saturating_sub(1);
                }
            }
            line.trim_end().to_owned()
        };
        (area.top()..area.bottom()).map(line).collect::<Vec<_>>().join("\n")
    }

    /// The style of the first cell of the first place where the text stands.
    fn style_of(&self, text: &str) -> Style {
        let area = self.buf.area;
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                let here: String = (x..area.right()).map(|x| self.buf[(x, y)].symbol()).collect();
                if here.starts_with(text) {
                    let cell = &self.buf[(x, y)];
                    return Style::new().fg(cell.fg).bg(cell.bg).add_modifier(cell.modifier);
                }
            }
        }
        panic!("{text:?} is not in\n{}", self.text());
    }

    /// Whether the first cell of a text has a role's style.
    #[track_caller]
    fn assert_role(&self, text: &str, role: Role, look: &Look<'_>) {
        let found = self.style_of(text);
        let style = look.theme.style(role);
        assert_eq!(
            (found.fg, found.add_modifier),
            (style.fg.or(Some(ratatui::style::Color::Reset)), style.add_modifier),
            "{text:?} is not drawn as {}",
            role.name()
        );
    }

    /// The text under a hit.
    fn under(&self, id: HitId) -> String {
        let (area, _) = self.hits.iter().find(|(_, hit)| *hit == id).unwrap_or_else(|| panic!("no {id:?}"));
        (area.left()..area.right()).map(|x| self.buf[(x, area.y)].symbol()).collect::<String>().trim_end().to_owned()
    }
}

/// A picture in the source, without the line break after the opening quote.
#[track_caller]
fn assert_seen(screen: &Screen, picture: &str) {
    let picture = picture.strip_prefix('\n').unwrap_or(picture);
    let picture = picture.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let picture = picture.trim_end_matches('\n');
    assert!(screen.text().trim_end_matches('\n') == picture, "seen:\n{}\nexpected:\n{picture}", screen.text());
}
