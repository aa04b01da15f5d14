//! A bar of a fraction.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint;
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What a bar shows, in one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BarView {
    /// From 0 to 1; nothing when it is not known.
    pub fraction: Option<f64>,
    /// The role of its filled part.
    pub role: Role,
}

/// Draws it. It is full only when all is done, and empty only when nothing is.
pub fn draw(view: &BarView, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.height == 0 {
        return;
    }
    let filled = view.fraction.filter(|fraction| fraction.is_finite()).map(|fraction| eighths(fraction, area.width));
    for (n, x) in (0..u32::from(area.width)).zip(area.left()..) {
        let (sign, role) = match filled {
            None => (look.glyphs.bar_unknown, Role::BarRest),
            Some(filled) => match filled.saturating_sub(n * 8) {
                0 => (look.glyphs.bar_rest, Role::BarRest),
                part => (look.glyphs.bar[usize::try_from(part.min(8)).unwrap_or(8) - 1], view.role),
            },
        };
        paint::sign(sign, role, x, area.y, look, buf);
    }
}

/// How many eighths of a cell are filled.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 8 × 65,535
fn eighths(fraction: f64, width: u16) -> u32 {
    let all = u32::from(width) * 8;
    let filled = (fraction.clamp(0.0, 1.0) * f64::from(all)).floor() as u32;
    match filled {
        0 if fraction > 0.0 => all.min(1),
        filled if fraction < 1.0 => filled.min(all.saturating_sub(1)),
        filled => filled,
    }
}

#[cfg(test)]
mod tests {
    use super::eighths;

    #[test]
    fn full_only_when_all_is_done() {
        let cases = [(0.0, 0), (1e-9, 1), (0.5, 16), (0.71, 22), (0.999_999, 31), (1.0, 32), (7.0, 32), (-1.0, 0)];
        for (fraction, filled) in cases {
            assert_eq!(eighths(fraction, 4), filled, "{fraction}");
        }
        assert_eq!(eighths(0.5, 0), 0);
    }
}
