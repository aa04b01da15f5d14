//! The first line of the screen, and the rule under it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Hit, HitId, Piece, Words, paint};
use crate::base::Severity;
use crate::console::format::Count;
use crate::console::glyphs::Look;
use crate::console::theme::Role;

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
    /// What else must be said before anything: that nothing here is real. Its first word stays at any width.
    pub badge: Option<Words<'a>>,
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

/// What the line can do without, in the order in which it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extra {
    Workers,
    Host,
    /// Connections that are well.
    Well,
    Product,
    Clock,
    /// Since when the screen is held.
    Since,
    /// The title of the open tab.
    Active,
}

/// What of the line is drawn. Connections that are not well, modes, marks and the environment are in every plan.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// The least that stays; nothing: no extra does.
    from: Option<Extra>,
    /// The titles of the other tabs stay.
    titles: bool,
}

impl Plan {
    fn keeps(self, extra: Extra) -> bool {
        self.from.is_some_and(|from| extra >= from)
    }

    /// From all to the least. The titles of tabs go when all that is less is gone, and make room for it again.
    fn all() -> impl Iterator<Item = Plan> {
        use Extra::{Active, Clock, Host, Product, Since, Well, Workers};
        let steps = [Workers, Host, Well, Product, Clock, Since];
        let stages =
            [true, false].into_iter().flat_map(move |titles| steps.map(|from| Plan { from: Some(from), titles }));
        stages.chain([Some(Active), None].map(|from| Plan { from, titles: false }))
    }
}

/// A piece of the line and, for a tab, its place.
type Part<'a> = (Vec<Piece<'a>>, Option<usize>);

/// Between the parts of the line, in cells.
const GAP: u16 = 2;

/// Draws it.
pub fn draw(view: &HeaderView<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer, hits: &mut Vec<Hit>) {
    let area = area.intersection(buf.area);
    let Some(line) = paint::row(area, 0) else { return };
    buf.set_style(line, look.theme.style(Role::Header));
    let inner = if line.width > 2 { paint::inset(line, 1, 0) } else { line };
    let mut last = None;
    for plan in Plan::all() {
        let (left, right) = (left(view, plan, look), right(view, plan));
        let used = width(&left, look).saturating_add(width(&right, look)).saturating_add(GAP);
        let fits = used <= inner.width;
        last = Some((left, right));
        if fits {
            break;
        }
    }
    let (left, right) = last.unwrap_or_default();
    let end = inner.right();
    let mut x = inner.x;
    for (n, (pieces, tab)) in left.iter().enumerate() {
        if n > 0 {
            x = x.saturating_add(GAP);
        }
        let from = x;
        x = paint::pieces(pieces, x, line.y, end.saturating_sub(x), look, buf);
        if let Some(tab) = tab.filter(|_| x > from) {
            hits.push((Rect { x: from, width: x - from, ..line }, HitId::Tab(tab)));
        }
    }
    let wide = width(&right, look);
    if end.saturating_sub(x) > wide {
        x = end - wide;
        for (n, (pieces, _)) in right.iter().enumerate() {
            x = x.saturating_add(if n > 0 { GAP } else { 0 });
            x = paint::pieces(pieces, x, line.y, end.saturating_sub(x), look, buf);
        }
    }
    if let Some(under) = paint::row(area, 1) {
        paint::rule(under, look, buf);
    }
}

fn left<'a>(view: &'a HeaderView<'a>, plan: Plan, look: &Look<'_>) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    let mut part = |pieces: Vec<Piece<'a>>| parts.push((pieces, None));
    if plan.keeps(Extra::Product) {
        part(vec![Piece::new("firn", Role::Title)]);
    }
    let role = if view.production { Role::Production } else { Role::Environment };
    match &view.environment {
        // The space is in the role's colours: production is a block, not a word among words.
        Some(name) if view.production => part(vec![Piece::new(format!(" {name} "), role)]),
        Some(name) => part(vec![Piece::new(name.as_ref(), role)]),
        None if view.production => part(vec![Piece::new(" PRODUCTION ", role)]),
        None => {}
    }
    if let Some(badge) = &view.badge {
        let first = badge.split_whitespace().next().unwrap_or_default();
        let words = if plan.keeps(Extra::Since) { badge.as_ref() } else { first };
        part(vec![Piece::new(format!(" {words} "), Role::Badge)]);
    }
    if view.read_only {
        part(vec![Piece::new(" READ-ONLY ", Role::ReadOnly)]);
    }
    if let Some(since) = &view.held {
        let words = if plan.keeps(Extra::Since) { format!(" HELD since {since} ") } else { " HELD ".to_owned() };
        part(vec![Piece::new(words, Role::Held)]);
    }
    if plan.keeps(Extra::Host) && !view.host.is_empty() {
        part(vec![Piece::new(view.host.as_ref(), Role::Dim)]);
    }
    for (place, tab) in view.tabs.iter().enumerate() {
        let active = place == view.active;
        let role = match (active, tab.configured) {
            (true, _) => Role::TabActive,
            (false, true) => Role::TabIdle,
            (false, false) => Role::Disabled,
        };
        let title = if plan.titles || (active && plan.keeps(Extra::Active)) {
            format!("{} {}", place + 1, tab.title)
        } else {
            (place + 1).to_string()
        };
        let mut pieces = vec![Piece::new(title, role)];
        if tab.count > 0 {
            let mark = format!("{}{}", look.glyphs.severity(tab.severity), Count(tab.count));
            pieces.extend([Piece::plain(" "), Piece::new(mark, Role::of(tab.severity))]);
        }
        parts.push((pieces, Some(place)));
    }
    parts
}

fn right<'a>(view: &'a HeaderView<'a>, plan: Plan) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    if plan.keeps(Extra::Workers) {
        let here = view.workers.as_ref().map_or_else(|| "no workers".to_owned(), |here| format!("workers {here}"));
        parts.push((vec![Piece::new(here, Role::Dim)], None));
    }
    for connection in &view.connections {
        if plan.keeps(Extra::Well) || connection.severity > Severity::Ok {
            let name = Piece::new(format!("{} ", connection.name), Role::Dim);
            let state = Piece::new(connection.state.as_ref(), Role::of(connection.severity));
            parts.push((vec![name, state], None));
        }
    }
    if plan.keeps(Extra::Clock) {
        parts.push((vec![Piece::new(view.clock.as_ref(), Role::Text)], None));
    }
    parts
}

fn width(parts: &[Part<'_>], look: &Look<'_>) -> u16 {
    let pieces = parts.iter().flat_map(|(pieces, _)| pieces).map(|piece| paint::width(&piece.text, look));
    let gaps = GAP.saturating_mul(u16::try_from(parts.len().saturating_sub(1)).unwrap_or(u16::MAX));
    pieces.fold(gaps, u16::saturating_add)
}
