//! Colours of pictures, where there is no terminal whose owner has chosen them.

use std::fmt;

use ratatui::style::Color;

use super::colour::{self, Colour};

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink(u8, u8, u8);

/// The ground of a picture.
pub const PAPER: Ink = Ink(24, 27, 33);
/// Text on it.
pub const PEN: Ink = Ink(208, 213, 222);

/// The 16, readable on the ground.
const INKS16: [Ink; 16] = [
    Ink(53, 59, 69),
    Ink(240, 98, 102),
    Ink(126, 190, 110),
    Ink(229, 192, 105),
    Ink(97, 160, 239),
    Ink(204, 128, 224),
    Ink(86, 188, 200),
    Ink(184, 190, 200),
    Ink(110, 118, 132),
    Ink(255, 130, 132),
    Ink(152, 213, 136),
    Ink(245, 215, 140),
    Ink(135, 186, 250),
    Ink(222, 160, 240),
    Ink(128, 214, 224),
    Ink(242, 244, 248),
];

impl Ink {
    /// A terminal's colour; nothing for the terminal's own.
    pub fn of(color: Color) -> Option<Self> {
        match Colour::read(&colour::written(color))? {
            Colour::Terminal => None,
            Colour::Indexed(n @ 0..16) => Some(INKS16[usize::from(n)]),
            other => other.rgb().map(|(r, g, b)| Self(r, g, b)),
        }
    }

    /// Two fifths of the way to another: what is dim.
    #[must_use]
    pub fn towards(self, other: Self) -> Self {
        let mix = |a: u8, b: u8| u8::try_from((u16::from(a) * 3 + u16::from(b) * 2) / 5).unwrap_or(a);
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

impl fmt::Display for Ink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}
