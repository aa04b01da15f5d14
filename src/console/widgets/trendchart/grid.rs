//! Dots finer than cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::glyphs::{Charts, Look};
use crate::console::theme::Role;
use crate::console::widgets::{paint, spark};

/// Dots of cells: as many across and up a cell as its signs can show.
pub(super) struct Grid {
    /// Dots of a cell from left to right.
    pub across: u16,
    /// Dots of a cell from the bottom up.
    pub up: u16,
    width: u16,
    height: u16,
    dots: Vec<u8>,
}

impl Grid {
    pub fn new(plot: Rect, look: &Look<'_>) -> Self {
        let (across, up) = match look.charts() {
            Charts::Braille => (2, 4),
            Charts::Block => (1, 2),
            Charts::Ascii => (1, 1),
        };
        let cells = usize::from(plot.width) * usize::from(plot.height);
        Self { across, up, width: plot.width, height: plot.height, dots: vec![0; cells] }
    }

    /// Sets the dot at a column from the left and a height from the bottom.
    pub fn set(&mut self, column: u16, height: u16) {
        let (x, below) = (column / self.across, height / self.up);
        if x < self.width && below < self.height {
            let at = usize::from(self.height - 1 - below) * usize::from(self.width) + usize::from(x);
            let bit = column % self.across * self.up + height % self.up;
            if let Some(cell) = self.dots.get_mut(at) {
                *cell |= 1 << bit;
            }
        }
    }

    /// A line from one dot to another, each end set.
    pub fn join(&mut self, from: (u16, u16), to: (u16, u16)) {
        let across = to.0.saturating_sub(from.0);
        let height = |n: u16| {
            let (a, b) = (i64::from(from.1), i64::from(to.1));
            let at = a + (b - a) * i64::from(n) / i64::from(across.max(1));
            u16::try_from(at).unwrap_or(0)
        };
        let mut before = from.1;
        for n in 0..=across {
            let at = if n == across { to.1 } else { height(n) };
            for between in before.min(at)..=before.max(at) {
                self.set(from.0 + n, between);
            }
            before = at;
        }
    }

    pub fn is_empty(&self, x: u16, y: u16) -> bool {
        let at = usize::from(y) * usize::from(self.width) + usize::from(x);
        self.dots.get(at).is_none_or(|dots| *dots == 0)
    }

    pub fn draw(&self, plot: Rect, look: &Look<'_>, buf: &mut Buffer) {
        for (at, dots) in self.dots.iter().enumerate().filter(|(_, dots)| **dots != 0) {
            let wide = usize::from(self.width);
            let (Ok(x), Ok(y)) = (u16::try_from(at % wide), u16::try_from(at / wide)) else { continue };
            paint::sign(&self.sign(*dots), Role::Chart, plot.x + x, plot.y + y, look, buf);
        }
    }

    fn sign(&self, dots: u8) -> String {
        // Dots of a cell from the bottom, left and right (Unicode 15, chapter 21.1).
        const DOTS: [u32; 8] = [0x40, 0x04, 0x02, 0x01, 0x80, 0x20, 0x10, 0x08];
        match (self.across, self.up) {
            (2, _) => {
                let bits = DOTS.iter().enumerate().filter(|(n, _)| dots & (1 << n) != 0).map(|(_, bit)| bit).sum();
                spark::braille(bits).to_string()
            }
            (_, 2) => ["▄", "▀", "█"][usize::from((dots - 1).min(2))].to_owned(),
            _ => "*".to_owned(),
        }
    }
}
