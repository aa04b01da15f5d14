//! What the tab remembers: how its list is looked at, and how much time a chart shows.

use std::sync::Arc;
use std::time::Duration;

use super::rows;
use crate::base::{Severity, Time};
use crate::console::effect::Query;
use crate::console::list::{ListState, SortKey};
use crate::delay::snapshot::{DelayChart, DelaySnapshot, ReplicaLine};

/// How much time a chart shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Span {
    /// One hour.
    Hour,
    /// Six.
    #[default]
    Six,
    /// A day.
    Day,
    /// As long as samples are kept.
    Ten,
}

impl Span {
    /// All, the shortest first.
    pub const ALL: [Span; 4] = [Span::Hour, Span::Six, Span::Day, Span::Ten];

    /// How long it is.
    pub fn length(self) -> Duration {
        Duration::from_hours(match self {
            Self::Hour => 1,
            Self::Six => 6,
            Self::Day => 24,
            Self::Ten => 240,
        })
    }

    /// The same in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hour => "1 h",
            Self::Six => "6 h",
            Self::Day => "24 h",
            Self::Ten => "10 d",
        }
    }

    /// A chart of it changes by a column's width in no less than this: it need not be read more often.
    pub fn step(self) -> Duration {
        self.length() / 240
    }

    /// The next shorter one.
    pub fn closer(self) -> Option<Self> {
        self.at(-1)
    }

    /// The next longer one.
    pub fn wider(self) -> Option<Self> {
        self.at(1)
    }

    /// The next longer one, and after the longest the shortest.
    #[must_use]
    pub fn next(self) -> Self {
        self.wider().unwrap_or(Self::ALL[0])
    }

    fn at(self, by: isize) -> Option<Self> {
        let at = Self::ALL.iter().position(|span| *span == self)?;
        Self::ALL.get(at.checked_add_signed(by)?).copied()
    }
}

/// A replica that is looked at closely.
#[derive(Debug, Clone)]
pub struct ReplicaView {
    /// Its name.
    pub name: String,
    /// What its chart is drawn from, and the span it was read for; nothing while that is read.
    pub chart: Option<(Span, Box<DelayChart>)>,
    /// What has been asked and not been answered.
    pub asked: Option<Query>,
    /// Why the chart could not be read.
    pub wrong: Option<String>,
    /// The first line shown of what is below the chart.
    pub top: usize,
}

impl ReplicaView {
    /// One of which nothing has been read.
    pub fn new(name: String) -> Self {
        Self { name, chart: None, asked: None, wrong: None, top: 0 }
    }
}

/// What the list can be sorted by: the column, and whether it begins with the largest.
const SORTS: [(usize, bool); 4] = [(rows::STATE, true), (rows::NAME, false), (rows::DELAY, true), (rows::SLOPE, true)];

/// The tab's own state.
#[derive(Debug, Clone)]
pub struct State {
    /// The list.
    pub list: ListState<String>,
    /// Places in the snapshot, worst first: what `list` calls its rows.
    pub ranked: Vec<usize>,
    /// What is shown.
    pub shown: Option<Arc<DelaySnapshot>>,
    /// The newest there is: the same, but while the screen is held.
    pub newest: Option<Arc<DelaySnapshot>>,
    /// How much time a chart shows.
    pub span: Span,
}

impl Default for State {
    fn default() -> Self {
        let list = ListState { sort: Some(rows::STATE), descending: true, ..ListState::default() };
        Self { list, ranked: Vec::new(), shown: None, newest: None, span: Span::default() }
    }
}

/// What comes first when nothing else is asked: the worst; of equally bad ones those that nobody has stopped, and of these
/// the one that has been out of bounds longest.
fn rank(line: &ReplicaLine) -> (std::cmp::Reverse<Severity>, bool, Time) {
    let since = line.verdict.as_ref().and_then(|verdict| verdict.out_since);
    (std::cmp::Reverse(line.severity()), line.frozen.is_some(), since.unwrap_or(Time::from_micros(i64::MAX)))
}

impl State {
    /// Takes up what a snapshot shows.
    pub fn adopt(&mut self, snapshot: Arc<DelaySnapshot>) {
        let mut ranked: Vec<usize> = (0..snapshot.replicas.len()).collect();
        ranked.sort_by_key(|at| snapshot.replicas.get(*at).map(rank));
        self.ranked = ranked;
        self.shown = Some(snapshot);
        self.arrange();
    }

    /// Puts the list in order anew: other rows, another filter, another sort.
    pub fn arrange(&mut self) {
        let Some(snapshot) = self.shown.clone() else { return };
        let now = snapshot.now;
        let lines: Vec<&ReplicaLine> = self.ranked.iter().filter_map(|at| snapshot.replicas.get(*at)).collect();
        let key = |line: &&ReplicaLine, column: usize| rows::key(line, column);
        self.list.arrange(&lines, |line| line.name.clone(), key, |line| rows::text(line, now));
    }

    /// The replica at a place of the list.
    pub fn line(&self, place: usize) -> Option<&ReplicaLine> {
        let at = *self.ranked.get(*self.list.order.get(place)?)?;
        self.shown.as_ref()?.replicas.get(at)
    }

    /// A replica by its name.
    pub fn named(&self, name: &str) -> Option<&ReplicaLine> {
        self.shown.as_ref()?.replicas.iter().find(|line| line.name == name)
    }

    /// The selected replica.
    pub fn selected(&self) -> Option<&ReplicaLine> {
        self.named(self.list.selected.as_ref()?)
    }

    /// Filters the list.
    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.list.filter);
        self.arrange();
    }

    /// Sorts the list by what comes next, or turns the order round; says how it is sorted then.
    pub fn sort(&mut self, turn: bool) -> String {
        if turn {
            self.list.descending = !self.list.descending;
        } else {
            let at = SORTS.iter().position(|(column, _)| Some(*column) == self.list.sort);
            let (column, descending) = SORTS[at.map_or(0, |at| (at + 1) % SORTS.len())];
            (self.list.sort, self.list.descending) = (Some(column), descending);
        }
        self.arrange();
        let column = self.list.sort.unwrap_or(rows::STATE);
        let how = match (column, self.list.descending) {
            (rows::STATE, true) => "worst first",
            (rows::STATE, false) => "best first",
            (rows::NAME, true) => "from Z to A",
            (rows::NAME, false) => "from A to Z",
            (_, true) => "largest first",
            (_, false) => "smallest first",
        };
        format!("sorted by {}, {how}", rows::TITLES.get(column).copied().unwrap_or_default())
    }
}

/// A number to sort by.
pub(super) fn number(value: Option<f64>) -> SortKey {
    value.filter(|value| value.is_finite()).map_or(SortKey::None, SortKey::Number)
}
