//! A screen as a picture: SVG of the cells as they are, for manuals. Letters are text; lines, bars and blocks are drawn,
//! so that no font decides whether they meet.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Modifier;

use super::format::width;
use super::theme::{Ink, PAPER, PEN};

/// A cell's size, in the picture's units. Letters of most monospaced fonts are 0.6 of their size wide.
const CELL: (f32, f32) = (8.0, 18.0);
/// The size of letters, and how far below a cell's top their line is.
const LETTERS: (f32, f32) = (13.333, 13.4);
/// Around the screen.
const MARGIN: f32 = 12.0;

/// How a cell is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Style {
    ink: Ink,
    ground: Ink,
    set: Modifier,
}

impl Style {
    fn of(cell: &Cell) -> Self {
        let (mut ink, mut ground) = (Ink::of(cell.fg).unwrap_or(PEN), Ink::of(cell.bg).unwrap_or(PAPER));
        if cell.modifier.contains(Modifier::REVERSED) {
            (ink, ground) = (ground, ink);
        }
        if cell.modifier.contains(Modifier::DIM) {
            ink = ink.towards(ground);
        }
        let set = cell.modifier & (Modifier::BOLD | Modifier::ITALIC | Modifier::UNDERLINED);
        Self { ink, ground, set }
    }

    /// What a text says of itself; what is usual is left out.
    fn words(self) -> String {
        let mut words = String::new();
        if self.ink != PEN {
            let _ = write!(words, " fill=\"{}\"", self.ink);
        }
        for (modifier, word) in [
            (Modifier::BOLD, " font-weight=\"bold\""),
            (Modifier::ITALIC, " font-style=\"italic\""),
            (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        ] {
            if self.set.contains(modifier) {
                words += word;
            }
        }
        words
    }
}

/// Signs that are drawn in one piece where several stand side by side, so that no seam shows.
const LONG: [&str; 3] = ["─", "█", "░"];

/// How many cells a symbol takes.
fn cells_of(symbol: &str) -> u16 {
    u16::try_from(width(symbol).max(1)).unwrap_or(1)
}

/// The cells of a row, without those that a wide sign covers.
fn cells(buffer: &Buffer, row: u16) -> impl Iterator<Item = (u16, &str, Style)> {
    let area = buffer.area;
    let mut next = 0;
    (0..area.width).filter_map(move |column| {
        let cell = buffer.cell((area.x + column, area.y + row)).filter(|_| column >= next)?;
        next = column + cells_of(cell.symbol());
        Some((column, cell.symbol(), Style::of(cell)))
    })
}

/// The buffer as SVG.
pub fn svg(buffer: &Buffer, title: &str) -> String {
    let area = buffer.area;
    let (wide, high) = (f32::from(area.width) * CELL.0, f32::from(area.height) * CELL.1);
    let (grounds, signs, letters) = (&mut String::new(), &mut String::new(), &mut String::new());
    for row in 0..area.height {
        let cells: Vec<(u16, &str, Style)> = cells(buffer, row).collect();
        for same in cells.chunk_by(|(_, _, one), (_, _, other)| one.ground == other.ground) {
            let (Some((from, _, style)), Some((last, symbol, _))) = (same.first(), same.last()) else { continue };
            if style.ground != PAPER {
                block(
                    grounds,
                    (*from, row),
                    (0.0, 0.0, f32::from(last - from + cells_of(symbol)), 1.0),
                    style.ground,
                    1.0,
                );
            }
        }
        let alike = |one: &(u16, &str, Style), other: &(u16, &str, Style)| {
            let long = LONG.contains(&one.1) && one.1 == other.1;
            // A letter of a font that stands in for another may be of another width: it stands alone.
            let word = [one.1, other.1].iter().all(|symbol| symbol.is_ascii() && *symbol != " ");
            one.2 == other.2 && (long || word)
        };
        for run in cells.chunk_by(alike) {
            let Some((column, symbol, style)) = run.first() else { continue };
            let long = f32::from(u16::try_from(run.len()).unwrap_or(u16::MAX));
            if *symbol != " " && !sign(signs, (*column, row), symbol, long, style.ink) {
                let text: String = run.iter().map(|(_, symbol, _)| *symbol).collect();
                write(letters, (*column, row), *style, &text);
            }
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{} {} {} {}\" role=\"img\">\n<title>{}</title>\n\
         <rect x=\"{}\" y=\"{}\" width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{PAPER}\"/>\n\
         <g shape-rendering=\"crispEdges\">\n{grounds}{signs}</g>\n\
         <g font-family=\"'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"{}\" fill=\"{PEN}\">\n{letters}</g>\n</svg>\n",
        -MARGIN,
        -MARGIN,
        wide + 2.0 * MARGIN,
        high + 2.0 * MARGIN,
        escaped(title),
        -MARGIN,
        -MARGIN,
        LETTERS.0,
    )
}

fn write(out: &mut String, at: (u16, u16), style: Style, text: &str) {
    // What the font's letters really measure does not matter: they are spread over their cells.
    let spread = match u16::try_from(text.chars().count()) {
        Ok(letters @ 2..) => format!(" textLength=\"{}\"", f32::from(letters) * CELL.0),
        _ => String::new(),
    };
    let (x, y) = (f32::from(at.0) * CELL.0, f32::from(at.1) * CELL.1 + LETTERS.1);
    let _ = writeln!(out, "<text x=\"{x}\" y=\"{y:.1}\"{spread}{}>{}</text>", style.words(), escaped(text));
}

/// A rectangle in a cell, in parts of it: left, top, width, height.
fn block(out: &mut String, at: (u16, u16), part: (f32, f32, f32, f32), ink: Ink, opacity: f32) {
    let (x, y) = ((f32::from(at.0) + part.0) * CELL.0, (f32::from(at.1) + part.1) * CELL.1);
    let (wide, high) = (part.2 * CELL.0, part.3 * CELL.1);
    let opacity = if opacity < 1.0 { format!(" opacity=\"{opacity}\"") } else { String::new() };
    let _ = writeln!(
        out,
        "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{wide:.2}\" height=\"{high:.2}\" fill=\"{ink}\"{opacity}/>"
    );
}

/// Draws a sign that is no letter, over so many cells; false if it is a letter.
fn sign(out: &mut String, at: (u16, u16), symbol: &str, long: f32, ink: Ink) -> bool {
    let mut chars = symbol.chars();
    let (Some(c), None) = (chars.next(), chars.next()) else { return false };
    let eighths = |from: char| f32::from(u16::try_from(c as u32 - from as u32).unwrap_or(0)) / 8.0;
    match c {
        // Lower blocks, one eighth to all of it.
        '▁'..='█' => {
            let high = eighths('▀');
            block(out, at, (0.0, 1.0 - high, long, high), ink, 1.0);
        }
        // Left blocks, seven eighths to one.
        '▉'..='▏' => block(out, at, (0.0, 0.0, 1.0 - eighths('█'), 1.0), ink, 1.0),
        '░' => block(out, at, (0.0, 0.0, long, 1.0), ink, 0.25),
        _ => {
            // Towards the left, the right, up, down.
            let [left, right, up, down] = match c {
                '─' => [true, true, false, false],
                '│' => [false, false, true, true],
                '┌' => [false, true, false, true],
                '┐' => [true, false, false, true],
                '└' => [false, true, true, false],
                '┘' => [true, false, true, false],
                _ => return false,
            };
            let (x, y) = (f32::from(at.0) * CELL.0, f32::from(at.1) * CELL.1);
            let mut path = String::new();
            if left || right {
                let (from, to) = (if left { 0.0 } else { 0.5 }, if right { long } else { 0.5 });
                let _ = write!(path, "M{} {}H{}", x + from * CELL.0, y + 0.5 * CELL.1, x + to * CELL.0);
            }
            if up || down {
                let (from, to) = (if up { 0.0 } else { 0.5 }, if down { 1.0 } else { 0.5 });
                let _ = write!(path, "M{} {}V{}", x + 0.5 * CELL.0, y + from * CELL.1, y + to * CELL.1);
            }
            let _ = writeln!(out, "<path d=\"{path}\" stroke=\"{ink}\"/>");
        }
    }
    true
}

/// Text for XML: what is markup is spelled out, what XML cannot hold is replaced.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::{Modifier, Style};

    use super::*;

    /// A picture's lines that begin so, without their beginning.
    fn lines<'a>(svg: &'a str, begin: &str) -> Vec<&'a str> {
        svg.lines().filter_map(|line| line.strip_prefix(begin)).collect()
    }

    #[test]
    fn words_blocks_and_lines_stand_where_their_cells_are() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 0, "a<b&  ▄▌┌é", Style::new());
        buffer.set_string(1, 1, "on", Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED));
        let svg = svg(&buffer, "a & b");
        assert!(svg.contains("viewBox=\"-12 -12 120 60\""), "{svg}");
        assert!(svg.contains("<title>a &amp; b</title>"), "{svg}");
        assert_eq!(
            lines(&svg, "<text "),
            [
                "x=\"0\" y=\"13.4\" textLength=\"32\">a&lt;b&amp;</text>",
                "x=\"72\" y=\"13.4\">é</text>",
                format!("x=\"8\" y=\"31.4\" textLength=\"16\" fill=\"{PAPER}\" font-weight=\"bold\">on</text>")
                    .as_str(),
            ]
        );
        assert_eq!(
            lines(&svg, "<rect ")[1..],
            [
                format!("x=\"8.00\" y=\"18.00\" width=\"16.00\" height=\"18.00\" fill=\"{PEN}\"/>"),
                format!("x=\"48.00\" y=\"9.00\" width=\"8.00\" height=\"9.00\" fill=\"{PEN}\"/>"),
                format!("x=\"56.00\" y=\"0.00\" width=\"4.00\" height=\"18.00\" fill=\"{PEN}\"/>"),
            ]
        );
        assert_eq!(lines(&svg, "<path "), [format!("d=\"M68 9H72M68 9V18\" stroke=\"{PEN}\"/>")]);
    }

    #[test]
    fn a_wide_sign_takes_both_its_cells_and_nothing_of_xml_gets_through() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        buffer.set_string(0, 0, "日x", Style::new());
        buffer[(4, 0)].set_symbol("\u{1b}");
        let svg = svg(&buffer, "");
        let expected =
            ["x=\"0\" y=\"13.4\">日</text>", "x=\"16\" y=\"13.4\">x</text>", "x=\"32\" y=\"13.4\">\u{fffd}</text>"];
        assert_eq!(lines(&svg, "<text "), expected);
    }
}
