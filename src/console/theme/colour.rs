//! Colours: how they are written, and the nearest that a terminal can show.

use ratatui::style::Color;

use super::Depth;

/// A colour of a theme file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// The terminal's own foreground or background.
    Terminal,
    /// A colour of the terminal's table: 0–15 are its owner's, 16–255 xterm's cube and greys.
    Indexed(u8),
    /// Red, green and blue.
    Rgb(u8, u8, u8),
}

/// Names of the terminal's 16 colours, by their number, and ratatui's words for them.
const NAMED: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("dark-gray", Color::DarkGray),
    ("light-red", Color::LightRed),
    ("light-green", Color::LightGreen),
    ("light-yellow", Color::LightYellow),
    ("light-blue", Color::LightBlue),
    ("light-magenta", Color::LightMagenta),
    ("light-cyan", Color::LightCyan),
    ("white", Color::White),
];

/// What xterm shows for the 16 unless its owner says otherwise (XTerm-col.ad); most terminals are near it.
const XTERM16: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

impl Colour {
    /// Reads `red`, `default`, `#ff5f00`, `203`.
    pub fn read(text: &str) -> Option<Colour> {
        if text == "default" {
            return Some(Colour::Terminal);
        }
        if let Some(number) = NAMED.iter().position(|(name, _)| *name == text) {
            return u8::try_from(number).ok().map(Colour::Indexed);
        }
        if let Some(hex) = text.strip_prefix('#') {
            if hex.len() != 6 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            let part = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
            return Some(Colour::Rgb(part(0)?, part(2)?, part(4)?));
        }
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| digits).map(Colour::Indexed)
    }

    /// The names that [`read`](Self::read) knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name).chain(["default"])
    }

    /// The least depth that shows it as it is.
    pub fn needs(self) -> Depth {
        match self {
            Colour::Terminal => Depth::None,
            Colour::Indexed(0..16) => Depth::Ansi16,
            Colour::Indexed(_) => Depth::Ansi256,
            Colour::Rgb(..) => Depth::True,
        }
    }

    /// The nearest colour a terminal of that depth shows; nothing where it is the terminal's own, or there is none.
    pub fn at(self, depth: Depth) -> Option<Color> {
        let (r, g, b) = self.rgb()?;
        match (depth, self) {
            (Depth::None, _) => None,
            (_, Colour::Indexed(n @ 0..16)) => Some(NAMED[usize::from(n)].1),
            (Depth::Ansi16, _) => Some(NAMED[usize::from(nearest((r, g, b), 0..=15))].1),
            (_, Colour::Indexed(n)) => Some(Color::Indexed(n)),
            (Depth::Ansi256, _) => Some(Color::Indexed(nearest((r, g, b), 16..=255))),
            (Depth::True, _) => Some(Color::Rgb(r, g, b)),
        }
    }

    /// What it looks like, as far as that can be known; nothing for the terminal's own.
    pub fn rgb(self) -> Option<(u8, u8, u8)> {
        match self {
            Colour::Terminal => None,
            Colour::Rgb(r, g, b) => Some((r, g, b)),
            Colour::Indexed(n) => Some(indexed(n)),
        }
    }
}

/// A colour of xterm's table of 256: 16 of the owner's, a cube of 6×6×6, 24 greys.
fn indexed(n: u8) -> (u8, u8, u8) {
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    match n {
        0..16 => XTERM16[usize::from(n)],
        16..232 => (level((n - 16) / 36), level((n - 16) / 6 % 6), level((n - 16) % 6)),
        232.. => (8 + 10 * (n - 232), 8 + 10 * (n - 232), 8 + 10 * (n - 232)),
    }
}

fn nearest(rgb: (u8, u8, u8), among: std::ops::RangeInclusive<u8>) -> u8 {
    let first = *among.start();
    let best = among.min_by(|a, b| distance(rgb, indexed(*a)).total_cmp(&distance(rgb, indexed(*b))));
    best.unwrap_or(first)
}

/// How different two colours look: distance in Oklab (Björn Ottosson, 2020, bottosson.github.io/posts/oklab); about
/// 0.02 is just seen, black and white are 1.
pub(super) fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
    let (a, b) = (oklab(linear(a)), oklab(linear(b)));
    (0..3).map(|n| (a[n] - b[n]).powi(2)).sum::<f64>().sqrt()
}

/// Light of the three primaries, 0 to 1, from sRGB (IEC 61966-2-1).
pub(super) fn linear((r, g, b): (u8, u8, u8)) -> [f64; 3] {
    [r, g, b].map(|v| {
        let v = f64::from(v) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    })
}

/// Oklab from linear light.
#[allow(clippy::many_single_char_names)] // the letters of the definition
pub(super) fn oklab([r, g, b]: [f64; 3]) -> [f64; 3] {
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

/// A terminal's colour as a theme file has it.
pub(super) fn written(color: Color) -> String {
    match color {
        Color::Reset => "default".to_owned(),
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Indexed(n) => n.to_string(),
        named => {
            NAMED.iter().find(|(_, known)| *known == named).map_or_else(String::new, |(name, _)| (*name).to_owned())
        }
    }
}

/// The colour of a terminal's colour; nothing for its own.
#[cfg(test)]
pub(super) fn of(color: Color) -> Option<Colour> {
    Colour::read(&written(color)).filter(|colour| *colour != Colour::Terminal)
}
