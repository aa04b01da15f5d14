//! A gauge of a value between two bounds: `─────┤   ●    ├─────`. Where it stands is told by place, how bad that is by a
//! sign of its own.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint;
use crate::base::Severity;
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What a gauge shows, in one row. The allowed part takes its middle third; zero is its left end; what is beyond the upper
/// bound comes ever nearer to the right end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandView {
    /// The least allowed.
    pub least: f64,
    /// The most allowed.
    pub most: f64,
    /// The value; nothing: it is not known, and no mark is drawn.
    pub value: Option<f64>,
    /// How bad it is.
    pub severity: Severity,
}

/// Under so many cells there is the mark alone.
const NARROW: u16 = 7;

/// Draws it.
pub fn draw(view: &BandView, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.width == 0 || area.height == 0 {
        return;
    }
    let mark = (look.glyphs.severity(view.severity), Role::of(view.severity));
    if area.width < NARROW {
        paint::sign(mark.0, mark.1, area.x, area.y, look, buf);
        return;
    }
    let (left, right) = bounds(area.width);
    for at in 0..area.width {
        let (sign, role) = match at {
            at if at == left => (look.glyphs.band[0], Role::Text),
            at if at == right => (look.glyphs.band[1], Role::Text),
            at if at > left && at < right => (" ", Role::Text),
            _ => (look.glyphs.rule, Role::Axis),
        };
        paint::sign(sign, role, area.x + at, area.y, look, buf);
    }
    if let Some(at) = view.value.and_then(|value| place(value, view.least, view.most, area.width)) {
        paint::sign(mark.0, mark.1, area.x + at, area.y, look, buf);
    }
}

/// The cells of the bounds in a gauge so wide.
fn bounds(width: u16) -> (u16, u16) {
    let left = width / 3;
    (left, width - 1 - left)
}

/// The cell of a value: between the bounds' cells when it is allowed, the bounds included, and outside when it is not.
/// Nothing where value or bounds are no numbers, or the bounds are the wrong way round.
pub fn place(value: f64, least: f64, most: f64, width: u16) -> Option<u16> {
    if !value.is_finite() || !least.is_finite() || !most.is_finite() || least >= most || width < NARROW {
        return None;
    }
    let (left, right) = bounds(width);
    Some(if value < least {
        let part = if least > 0.0 { value / least } else { 0.0 };
        cell(part, left)
    } else if value <= most {
        left + 1 + cell((value - least) / (most - least), right - left - 1)
    } else {
        let over = value - most;
        right + 1 + cell(over / (over + (most - least)), width - right - 1)
    })
}

/// The cell of a part of one among `count`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and the width of a screen
fn cell(part: f64, count: u16) -> u16 {
    ((part.clamp(0.0, 1.0) * f64::from(count)).floor() as u16).min(count.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_post_on_a_gauge() {
        // Target 7,200 s, allowed 5,400 to 9,000 s, and the backup's 16,408 s.
        let at = |value| place(value, 5_400.0, 9_000.0, 21);
        assert_eq!(bounds(21), (7, 13));
        let cases = [(-5.0, 0), (0.0, 0), (5_399.0, 6), (5_400.0, 8), (7_200.0, 10), (9_000.0, 12), (9_001.0, 14)];
        for (value, cell) in cases {
            assert_eq!(at(value), Some(cell), "{value}");
        }
        assert_eq!(at(16_408.0), Some(18));
        assert_eq!(at(1e18), Some(20));
        assert_eq!(at(f64::NAN), None);
        assert_eq!(place(1.0, 5.0, 5.0, 21), None);
    }

    proptest! {
        #[test]
        fn inside_is_inside_and_more_is_never_further_left(
            least in 0.0..1e6f64, wide in 1.0..1e6f64, values in prop::collection::vec(-1e6..1e7f64, 2..20), width in 7..200u16,
        ) {
            let most = least + wide;
            let (left, right) = bounds(width);
            let mut values = values;
            values.sort_by(f64::total_cmp);
            let mut before = 0;
            for value in values {
                let at = place(value, least, most, width).unwrap();
                prop_assert!(at < width && at >= before, "{value}: {at} after {before}");
                prop_assert_eq!(at > left && at < right, value >= least && value <= most, "{} at {}", value, at);
                prop_assert!(at != left && at != right);
                before = at;
            }
        }
    }
}
