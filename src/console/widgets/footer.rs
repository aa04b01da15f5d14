//! The last line of the screen, and the rule above it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::notice::Notice;
use super::{Hit, Words};
use crate::base::Severity;
use crate::console::glyphs::Look;

/// What the last line shows. It takes two rows: a rule and the line; one when there is no more.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FooterView<'a> {
    /// A short message that passes; it stands in for the finding.
    pub notice: Option<Notice<'a>>,
    /// The newest finding, in one line: severity and text.
    pub finding: Option<(Severity, Words<'a>)>,
    /// The keys that matter here, the first the most.
    pub keys: Vec<KeyHint<'a>>,
    /// The keys that hold everywhere, on the right: `? help`, `: command`, `q quit`.
    pub fixed: Vec<KeyHint<'a>>,
}

/// A key and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHint<'a> {
    /// The key as people write it.
    pub key: Words<'a>,
    /// What it does, in a word or two.
    pub text: Words<'a>,
    /// It can act now; if not it is dimmed.
    pub enabled: bool,
}

/// Draws it. [`super::HitId::Key`] counts `keys` and then `fixed`.
pub fn draw(view: &FooterView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) {
    let _ = (view, look, area, buf, hits);
}
