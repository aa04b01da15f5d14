//! Screens kept as files, and how a new one is compared with them.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use firn::console::theme::{Role, Theme};
use ratatui::buffer::{Buffer, Cell};

/// Set to `1`, it writes the pictures anew instead of comparing.
const RENEW: &str = "FIRN_RENEW";

fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/screens/pictures").join(name)
}

/// Lines of both that differ, with their numbers; no more than some.
fn difference(kept: &str, drawn: &str) -> String {
    let (kept, drawn): (Vec<&str>, Vec<&str>) = (kept.lines().collect(), drawn.lines().collect());
    let mut out = String::new();
    let mut shown = 0;
    for n in 0..kept.len().max(drawn.len()) {
        let (before, after) = (kept.get(n).copied(), drawn.get(n).copied());
        if before == after {
            continue;
        }
        shown += 1;
        if shown > 20 {
            out.push_str("  and more\n");
            break;
        }
        for (sign, line) in [('-', before), ('+', after)] {
            if let Some(line) = line {
                writeln!(out, "{:>4} {sign}{line}", n + 1).unwrap();
            }
        }
    }
    out
}

/// Fails where a picture differs from the one that is kept.
pub fn compare(name: &str, drawn: &str) {
    let place = place(name);
    if std::env::var(RENEW).is_ok_and(|value| value == "1") {
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, drawn).unwrap();
        return;
    }
    let hint = format!("if it should look like this, run the tests with {RENEW}=1 and look at what has changed");
    let kept = fs::read_to_string(&place).unwrap_or_else(|e| panic!("there is no picture {name} ({e}); {hint}"));
    let difference = difference(&kept, drawn);
    assert!(kept == drawn, "{name} (- as kept, + as drawn):\n{difference}{hint}");
}

/// Roles whose styles a cell can have. Where several share one, the first names it.
const TOLD: [Role; 27] = [
    Role::Critical,
    Role::Warning,
    Role::Unknown,
    Role::Ok,
    Role::Strong,
    Role::Dim,
    Role::Production,
    Role::Environment,
    Role::Badge,
    Role::ReadOnly,
    Role::Held,
    Role::TabActive,
    Role::TabIdle,
    Role::Disabled,
    Role::Selected,
    Role::ColumnSorted,
    Role::Column,
    Role::Title,
    Role::BorderFocus,
    Role::Border,
    Role::Key,
    Role::Live,
    Role::History,
    Role::Accent,
    Role::Bar,
    Role::Chart,
    Role::Stale,
];

/// What a cell looks like, in a word: the role whose colours and modifiers it has, over the ground.
fn word(cell: &Cell, theme: &Theme) -> String {
    let ground = theme.style(Role::Text);
    let (fg, bg, modifier) = (cell.fg, cell.bg, cell.modifier);
    let is = |role: &Role| {
        let style = ground.patch(theme.style(*role));
        style.fg.unwrap_or_default() == fg
            && style.bg.unwrap_or_default() == bg
            && style.add_modifier - style.sub_modifier == modifier
    };
    if is(&Role::Text) {
        return "text".to_owned();
    }
    if let Some(role) = TOLD.iter().find(|role| is(role)) {
        return role.name().to_owned();
    }
    // What is selected keeps the colours of its cells, and is turned round.
    let selected = theme.style(Role::Selected).add_modifier;
    if !selected.is_empty() && modifier.contains(selected) {
        return Role::Selected.name().to_owned();
    }
    format!("{fg}/{bg}/{modifier:?}")
}

/// The styles of a screen, a line each: how many cells from the left look like what.
pub fn styles(buffer: &Buffer, theme: &Theme) -> String {
    let area = buffer.area;
    let mut out = String::new();
    for y in area.top()..area.bottom() {
        let mut runs: Vec<(String, usize)> = Vec::new();
        for x in area.left()..area.right() {
            let word = word(buffer.cell((x, y)).unwrap(), theme);
            match runs.last_mut() {
                Some((last, count)) if *last == word => *count += 1,
                _ => runs.push((word, 1)),
            }
        }
        let line: Vec<String> = runs.iter().map(|(word, count)| format!("{count} {word}")).collect();
        writeln!(out, "{}", line.join(", ")).unwrap();
    }
    out
}

/// The role that the cells of the first such text on the screen look like.
pub fn looks(buffer: &Buffer, theme: &Theme, text: &str) -> String {
    let area = buffer.area;
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            let mut at = x;
            let found = text.chars().all(|c| {
                let same = buffer.cell((at, y)).is_some_and(|cell| cell.symbol().starts_with(c));
                at += 1;
                same
            });
            if found {
                return word(buffer.cell((x, y)).unwrap(), theme);
            }
        }
    }
    panic!("{text:?} is not on the screen:\n{}", firn::console::print::text(buffer));
}

#[test]
fn a_difference_is_told_line_by_line() {
    assert_eq!(difference("a\nb\nc\n", "a\nx\nc\nd\n"), "   2 -b\n   2 +x\n   4 +d\n");
    assert_eq!(difference("a\n", "a\n"), "");
}
