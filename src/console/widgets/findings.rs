//! The list of findings.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Extent, Hit, HitId, Words, follow, paint};
use crate::base::Severity;
use crate::console::format::{self, Align, Cut};
use crate::console::glyphs::Look;
use crate::console::theme::Role;

/// What the list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FindingsView<'a> {
    /// The findings, the worst first.
    pub rows: Vec<FindingRow<'a>>,
    /// The selected one, from 0.
    pub selected: Option<usize>,
    /// What stands at the bottom: `a acknowledge  Esc back`.
    pub hint: Words<'a>,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FindingRow<'a> {
    /// How bad.
    pub severity: Severity,
    /// Its area: `Backup`.
    pub area: Words<'a>,
    /// What it is about: rule and object.
    pub object: Words<'a>,
    /// What was seen.
    pub value: Words<'a>,
    /// What it should be.
    pub limit: Words<'a>,
    /// For how long: `11 min`.
    pub age: Words<'a>,
    /// What an operator does about it.
    pub next_step: Words<'a>,
    /// Acknowledged until then, as text.
    pub acknowledged: Option<Words<'a>>,
}

/// The widest the dialog gets, in cells.
const WIDEST: u16 = 140;

/// Draws it over the middle of the screen; the selected finding is told in full beneath the list.
pub fn draw(view: &FindingsView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) -> Extent {
    let area = area.intersection(buf.area);
    let outer = paint::centred(
        area,
        area.width.saturating_sub(4).clamp(20.min(area.width), WIDEST),
        area.height.saturating_sub(2),
    );
    let within = paint::dialog(outer, &format!("Findings {}", view.rows.len()), &view.hint, false, look, buf);
    if view.rows.is_empty() {
        if within.height > 0 {
            paint::text("nothing is wrong", Role::Ok, within.x, within.y, within.width, look, buf);
        }
        return Extent { total: 0, shown: usize::from(within.height) };
    }
    let selected = view.selected.map(|selected| selected.min(view.rows.len() - 1));
    let told = selected.and_then(|selected| view.rows.get(selected)).map(|row| told(row, within.width, look));
    let told = told.unwrap_or_default();
    // The list keeps at least a third; under it a rule and the selected finding.
    let most = within.height.saturating_sub(within.height / 3).saturating_sub(1);
    let foot = if within.height < 5 { 0 } else { u16::try_from(told.len()).unwrap_or(u16::MAX).min(most) };
    let list = Rect { height: within.height - if foot > 0 { foot + 1 } else { 0 }, ..within };
    let extent = Extent { total: view.rows.len(), shown: usize::from(list.height) };
    let total = u64::try_from(view.rows.len()).unwrap_or(u64::MAX);
    let first = follow(0, selected.and_then(|row| u64::try_from(row).ok()), extent.shown, total);
    let first = usize::try_from(first).unwrap_or(0);
    for ((n, row), y) in view.rows.iter().enumerate().skip(first).zip(list.top()..list.bottom()) {
        let at = Rect { y, height: 1, ..list };
        draw_row(row, selected == Some(n), at, look, buf);
        hits.push((at, HitId::Entry(n)));
    }
    paint::more(first > 0, first < extent.most(), outer, list, look, buf);
    if foot > 0 {
        paint::rule(Rect { y: list.bottom(), height: 1, ..within }, look, buf);
        for ((line, role), y) in told.iter().zip(list.bottom() + 1..within.bottom()) {
            paint::text(line, *role, within.x, y, within.width, look, buf);
        }
    }
    extent
}

fn draw_row(row: &FindingRow<'_>, selected: bool, at: Rect, look: &Look<'_>, buf: &mut Buffer) {
    let quiet = row.acknowledged.is_some();
    let text = if quiet { Role::Dim } else { Role::Text };
    let fit =
        |words: &str, width: usize, align| format::fit(&look.text(words), width, Cut::End, align, look.glyphs.ellipsis);
    let cursor = if selected { look.glyphs.cursor } else { " " };
    let mut x = at.x;
    let mut put =
        |words: &str, role: Role, x: u16| paint::text(words, role, x, at.y, at.right().saturating_sub(x), look, buf);
    x = put(cursor, Role::Accent, x);
    let word = format!("{} {} ", look.glyphs.severity(row.severity), fit(row.severity.word(), 8, Align::Left));
    x = put(&word, if quiet { Role::Dim } else { Role::of(row.severity) }, x);
    x = put(&format!("{}  ", fit(&row.age, 9, Align::Right)), Role::Dim, x);
    let acknowledged = row.acknowledged.as_ref().map(|until| format!("[ack until {until}] ")).unwrap_or_default();
    x = put(&acknowledged, Role::Dim, x);
    put(&format!("{}: {}: {}", row.area, row.object, row.value), text, x);
    if selected {
        paint::select(at, true, look, buf);
    }
}

/// A finding in full.
fn told(row: &FindingRow<'_>, width: u16, look: &Look<'_>) -> Vec<(String, Role)> {
    let parts = [
        ("", &row.value, Role::Strong),
        ("should be: ", &row.limit, Role::Text),
        ("next: ", &row.next_step, Role::Accent),
    ];
    let told = parts.into_iter().filter(|(_, words, _)| !words.is_empty());
    let lines = told.flat_map(|(before, words, role)| {
        let lines = format::wrap(&look.text(&format!("{before}{words}")), width.into());
        lines.into_iter().map(move |line| (line, role))
    });
    lines.collect()
}
