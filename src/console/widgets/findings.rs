//! The list of findings.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Extent, Hit, Words};
use crate::base::Severity;
use crate::console::glyphs::Look;

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

/// Draws it over the middle of the screen; the selected finding is told in full beneath the list.
pub fn draw(view: &FindingsView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) -> Extent {
    let _ = (view, look, area, buf, hits);
    Extent::default()
}
