//! The plan screen: what a draft comes to in each tier, side by side, against the budgets.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::rows::{price, takes};
use crate::base::units::{Count, Size};
use crate::base::{Money, Shown};
use crate::console::format::{self, Align, Cut};
use crate::console::glyphs::Look;
use crate::console::theme::Role;
use crate::console::widgets::detail::{self, DetailLine, DetailView};
use crate::console::widgets::pane::{self, PaneView};
use crate::console::widgets::{Extent, Piece, paint};
use crate::restore::price::Budget;
use crate::restore::view::{DraftView, QuoteView, replaces};
use crate::store::{PlanTotals, Used};

/// A draft, and the tier that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotes {
    /// The draft.
    pub view: DraftView,
    /// The tier: a place in its quotes.
    pub selected: usize,
    /// Lines of what is below that are scrolled away.
    pub top: usize,
    /// It has been saved: leaving does not throw it away.
    pub saved: bool,
}

impl Quotes {
    /// A draft; the tier that was wished for is selected, else the first that fits the budgets.
    pub fn new(view: DraftView, wished: Option<&str>) -> Self {
        let wished = wished.and_then(|word| view.quotes.iter().position(|quote| quote.tier.as_deref() == Some(word)));
        let fits = || view.quotes.iter().position(|quote| quote.over.is_empty());
        let selected = wished.or_else(fits).unwrap_or(0);
        Self { view, selected, top: 0, saved: false }
    }

    /// The quote of the tier that is looked at.
    pub fn quote(&self) -> Option<&QuoteView> {
        self.view.quotes.get(self.selected)
    }

    /// Looks at another tier, round and round.
    pub fn go(&mut self, by: isize) {
        let count = self.view.quotes.len().cast_signed();
        if count > 0 {
            self.selected = usize::try_from((self.selected.cast_signed() + by).rem_euclid(count)).unwrap_or(0);
            self.top = 0;
        }
    }

    /// Why the tier that is looked at cannot be confirmed.
    pub fn refused(&self) -> Option<String> {
        let Some(quote) = self.quote() else { return Some("the vault offers no tier".to_owned()) };
        if quote.files == 0 {
            return Some("none of it can be restored; what is below says why".to_owned());
        }
        self.view.undelivered.clone().or_else(|| quote.over.first().cloned())
    }
}

/// The word of a tier.
pub fn tier(word: Option<&str>) -> String {
    word.map_or_else(|| "at once".to_owned(), |word| Shown::text(word).to_string())
}

/// What is asked before a plan is confirmed: what it is about, and what happens.
pub fn question(title: &str, totals: &PlanTotals) -> (Vec<String>, Vec<String>) {
    let object = vec![title.to_owned(), format!("{}, {}", format::files(totals.files), Size(totals.bytes))];
    // What is lost by it comes before what it costs.
    let mut effect: Vec<String> = replaces(totals.overwrites).into_iter().collect();
    effect.extend([
        format!("tier {}: {}", tier(totals.tier.as_deref()), takes(totals.seconds)),
        format!("price {}, ceiling {}", price(totals.price, totals.sure), price(totals.ceiling, totals.sure)),
    ]);
    if !totals.sure {
        effect.push("~ : some prices of the tariff are not verified".to_owned());
    }
    let mut asks = format!("{} for {} archives", jobs(totals.jobs), Count(totals.archives));
    if totals.joined > 0 {
        // Writing to a string does not fail.
        let _ = write!(asks, ", {} joined that are there already", Count(totals.joined));
    }
    effect.push(format!(
        "asks the vault for {asks}, {} made readable, {} read",
        Size(totals.asked_bytes),
        Size(totals.read_bytes)
    ));
    if totals.impossible > 0 {
        effect.push(format!("{} cannot be restored and are left out", format::files(totals.impossible)));
    }
    effect.push("the ceiling is set aside in the budget; what is asked cannot be taken back".to_owned());
    (object, effect)
}

fn jobs(count: u64) -> String {
    if count == 1 { "1 job".to_owned() } else { format!("{} jobs", Count(count)) }
}

/// A name, and what stands beside it for each tier.
type Line = (&'static str, fn(&QuoteView) -> (String, Role));

/// The rows of the comparison.
const LINES: [Line; 10] = [
    ("price", |q| (price(q.price, q.sure), Role::Strong)),
    ("ceiling", |q| (price(q.ceiling, q.sure), Role::Text)),
    ("time", |q| (takes(q.seconds), Role::Strong)),
    ("files", |q| (Count(q.files).to_string(), Role::Text)),
    ("their bytes", |q| (Size(q.bytes).to_string(), Role::Text)),
    ("archives", |q| (Count(q.archives).to_string(), Role::Text)),
    ("jobs to ask", |q| (Count(q.jobs).to_string(), Role::Text)),
    ("jobs joined", |q| (Count(q.joined).to_string(), Role::Text)),
    ("made readable", |q| (Size(q.asked_bytes).to_string(), Role::Text)),
    ("read", |q| (Size(q.read_bytes).to_string(), Role::Text)),
];

/// Draws it over the tab.
pub fn draw(
    quotes: &Quotes,
    money: (Used, Budget),
    hint: &str,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) -> Extent {
    paint::clear(area, look, buf);
    let title = format!("Plan {}: {}", quotes.view.plan, quotes.view.title);
    let inner = pane::draw(&PaneView { title: title.into(), right: "".into(), focused: true }, look, area, buf);
    if area.height >= 3 {
        paint::on_border(hint, Role::Dim, area, area.bottom() - 1, look, buf);
    }
    let inner = paint::inset(inner, u16::from(inner.width > 40), 0);
    let names = 15.min(inner.width / 3);
    let count = u16::try_from(quotes.view.quotes.len()).unwrap_or(1).max(1);
    let column = (inner.width.saturating_sub(names) / count).min(26);
    let mut y = inner.y;
    for n in 0..LINES.len() + 2 {
        if y >= inner.bottom() {
            break;
        }
        let name = match n {
            0 => "tier",
            n if n <= LINES.len() => LINES[n - 1].0,
            _ => "budgets",
        };
        paint::text(name, Role::Dim, inner.x, y, names, look, buf);
        for (at, quote) in quotes.view.quotes.iter().enumerate() {
            let own = at == quotes.selected;
            let (words, role) = match n {
                0 => {
                    let word = tier(quote.tier.as_deref());
                    let word = if own { format!("{} {word}", look.glyphs.cursor) } else { word };
                    (word, if own { Role::Selected } else { Role::Title })
                }
                n if n <= LINES.len() => LINES[n - 1].1(quote),
                _ if quote.over.is_empty() => ("within".to_owned(), Role::Ok),
                _ => (format!("{} OVER", look.glyphs.severity(crate::base::Severity::Critical)), Role::Critical),
            };
            let x = inner.x + names + column * u16::try_from(at).unwrap_or(0);
            let words = format::fit(
                &look.text(&words),
                usize::from(column.saturating_sub(2)),
                Cut::End,
                Align::Right,
                look.glyphs.ellipsis,
            );
            paint::text(&words, role, x, y, column.saturating_sub(1), look, buf);
        }
        y += 1;
    }
    let rest = Rect {
        y: y.saturating_add(1).min(inner.bottom()),
        height: inner.bottom().saturating_sub(y.saturating_add(1)),
        ..inner
    };
    let lines = below(quotes, money);
    let view = DetailView { title: "".into(), lines, scroll: quotes.top, selected: None, hint: "".into() };
    let extent = detail::draw_lines(&view, look, rest, buf);
    paint::more(quotes.top.min(extent.most()) > 0, quotes.top < extent.most(), area, rest, look, buf);
    extent
}

fn of(used: Money, limit: Option<Money>) -> String {
    limit.map_or_else(|| format!("{used} used, no budget"), |limit| format!("{used} of {limit} used"))
}

/// What stands below the comparison, about the tier that is looked at.
fn below(quotes: &Quotes, (used, limits): (Used, Budget)) -> Vec<DetailLine<'static>> {
    let text = |text: String, role: Role| DetailLine::Text(Piece::new(text, role));
    let mut lines = Vec::new();
    let Some(quote) = quotes.quote() else {
        return vec![text("the vault offers no tier for it".to_owned(), Role::Warning)];
    };
    for sentence in quotes.view.undelivered.iter().chain(&quote.over) {
        lines.push(text(format!("refused: {sentence}"), Role::Critical));
    }
    lines.extend(replaces(quotes.view.overwrites).map(|said| text(said, Role::Warning)));
    let plan = limits.plan.map_or_else(|| "no budget".to_owned(), |limit| format!("at most {limit}"));
    lines.push(text(
        format!("one plan {plan}; today {}; this month {}", of(used.day, limits.day), of(used.month, limits.month)),
        Role::Text,
    ));
    if quote.days > 1 {
        let (days, most) = (Count(u64::from(quote.days)), price(quote.dearest, quote.sure));
        let spread = format!("spread over {days} days ([restore] rate_per_day): at most {most} on one of them");
        lines.push(text(spread, Role::Text));
    }
    if quote.risks.is_empty() {
        lines.push(text("the ceiling is the price: nothing can make it dearer".to_owned(), Role::Text));
    } else {
        lines.push(text("the ceiling is the price and these risks:".to_owned(), Role::Text));
        for (name, money) in &quote.risks {
            lines.push(text(format!("  {}  {}", price(*money, quote.sure), Shown::text(name)), Role::Text));
        }
    }
    if !quote.sure {
        lines.push(text("~ : it rests on prices that nobody has verified".to_owned(), Role::Dim));
    }
    lines.extend(quotes.view.notes.iter().map(|note| text(note.clone(), Role::Text)));
    let refused = quotes.view.refused_count;
    if refused > 0 {
        lines.push(text(format!("left out: {}", Count(refused)), Role::Warning));
        lines.extend(quotes.view.refused.iter().map(|line| text(format!("  {line}"), Role::Warning)));
        let more = refused.saturating_sub(quotes.view.refused.len() as u64);
        if more > 0 {
            lines.push(text(format!("  and {} more", Count(more)), Role::Dim));
        }
    }
    lines
}
