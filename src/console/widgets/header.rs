//! The first line of the screen, and the rule under it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Hit, Words};
use crate::base::Severity;
use crate::console::glyphs::Look;

/// What the first line shows. It takes two rows: the line and a rule; one when there is no more.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeaderView<'a> {
    /// The environment's name; nothing when none is configured.
    pub environment: Option<Words<'a>>,
    /// It is a production environment.
    pub production: bool,
    /// The host the console runs on.
    pub host: Words<'a>,
    /// The tabs in order; a tab's key is its place from 1.
    pub tabs: Vec<Tab<'a>>,
    /// The open tab, by its place from 0.
    pub active: usize,
    /// The demo runs.
    pub demo: bool,
    /// Nothing dangerous can be done.
    pub read_only: bool,
    /// Since when the screen is held, as text (`12:04:31Z`).
    pub held: Option<Words<'a>>,
    /// Which workers run in this process: `fetch upload`; nothing when none.
    pub workers: Option<Words<'a>>,
    /// What the console is connected to.
    pub connections: Vec<Connection<'a>>,
    /// The minute in UTC, `12:04Z`.
    pub clock: Words<'a>,
}

/// A tab's title.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tab<'a> {
    /// Its title.
    pub title: Words<'a>,
    /// The worst of its findings.
    pub severity: Severity,
    /// How many findings are that bad; with [`Severity::Ok`], how many things are under way (none: no mark).
    pub count: u64,
    /// Its area is configured.
    pub configured: bool,
}

/// Something the console is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection<'a> {
    /// Its name: `vault`, `db`.
    pub name: Words<'a>,
    /// How it stands, in a word: `ok`, `retry in 5 s`.
    pub state: Words<'a>,
    /// How bad that is.
    pub severity: Severity,
}

/// Draws it.
pub fn draw(view: &HeaderView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) {
    let _ = (view, look, area, buf, hits);
}
