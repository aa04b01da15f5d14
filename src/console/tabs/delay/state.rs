//! What the tab remembers: how its list is looked at, and how much time a chart shows.

use std::sync::Arc;
use std::time::Duration;

use super::rows;
use super::summary::Summary;
use crate::base::{Severity, Time};
use crate::console::effect::Query;
use crate::console::list::{ListState, SortKey};
use crate::delay::job::Job;
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

/// Samples that were read for a chart. Of very many no more are kept than can be seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The span they were read for.
    pub span: Span,
    /// Until when.
    pub to: Time,
    /// Samples, oldest first; nothing is a gap.
    pub samples: Vec<(Time, Option<f64>)>,
    /// Samples were left out: gaps are where they are written, and nowhere else.
    pub thinned: bool,
    /// The least and the most of all that were read.
    pub range: Option<(f64, f64)>,
    /// Jobs that touch that time.
    pub jobs: Vec<Job>,
}

/// So many samples are drawn as they are.
const FEW: usize = 4_096;
/// More are drawn in so many parts, each narrower than a dot of the widest screen.
const PARTS: i64 = 1_024;

impl Read {
    /// What was read for a span.
    pub fn new(span: Span, chart: DelayChart) -> Self {
        let known = chart.samples.iter().filter_map(|(_, value)| value.filter(|value| value.is_finite()));
        let range = known.fold(None, |range: Option<(f64, f64)>, value| {
            Some(range.map_or((value, value), |(least, most)| (least.min(value), most.max(value))))
        });
        let thinned = chart.thinned || chart.samples.len() > FEW;
        let samples = if thinned { thin(&chart) } else { chart.samples };
        Self { span, to: chart.to, samples, thinned, range, jobs: chart.jobs }
    }
}

/// Of each part of the time the first, least, greatest and last sample that is known, so that no dip is lost; and a gap
/// where nothing is known for longer than a part.
fn thin(chart: &DelayChart) -> Vec<(Time, Option<f64>)> {
    let length = chart.to.as_micros().saturating_sub(chart.from.as_micros()).max(PARTS);
    let wide = length / PARTS;
    let part = |at: Time| at.as_micros().saturating_sub(chart.from.as_micros()) / wide;
    let mut kept: Vec<(Time, Option<f64>)> = Vec::new();
    let known = chart.samples.iter().filter_map(|(at, value)| Some((*at, value.filter(|value| value.is_finite())?)));
    let mut known = known.peekable();
    while let Some(first) = known.next() {
        if let Some((before, Some(_))) = kept.last()
            && first.0.as_micros().saturating_sub(before.as_micros()) > wide
        {
            kept.push((*before, None));
        }
        let (mut least, mut most, mut end) = (first, first, first);
        // Up to the end of its part, or to a gap that begins in it.
        while let Some(next) = known.next_if(|next| part(next.0) == part(first.0)) {
            least = if next.1 < least.1 { next } else { least };
            most = if next.1 > most.1 { next } else { most };
            end = next;
        }
        let mut all = [first, least, most, end];
        all.sort_by_key(|(at, _)| *at);
        for (at, value) in all {
            if kept.last() != Some(&(at, Some(value))) {
                kept.push((at, Some(value)));
            }
        }
    }
    kept
}

/// A replica that is looked at closely.
#[derive(Debug, Clone)]
pub struct ReplicaView {
    /// Its name.
    pub name: String,
    /// What its chart is drawn from; nothing while that is read.
    pub chart: Option<Read>,
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
    /// All that is shown in a few figures.
    pub summary: Summary,
    /// How much time a chart shows.
    pub span: Span,
    /// Whether somebody has looked at the list.
    pub looked: bool,
    /// The statement that was typed last: it comes to every replica.
    pub statement: String,
}

impl Default for State {
    fn default() -> Self {
        let list = ListState { sort: Some(rows::STATE), descending: true, ..ListState::default() };
        let (ranked, summary, span) = (Vec::new(), Summary::default(), Span::default());
        Self { list, ranked, shown: None, newest: None, summary, span, looked: false, statement: String::new() }
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
        self.summary = Summary::of(&snapshot);
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

    /// The time of what is shown.
    pub fn now(&self) -> Option<Time> {
        self.shown.as_ref().map(|snapshot| snapshot.now)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chart(samples: Vec<(Time, Option<f64>)>) -> DelayChart {
        DelayChart { from: Time::from_secs(0), to: Time::from_secs(864_000), samples, thinned: false, jobs: Vec::new() }
    }

    fn ten_days(at: impl Fn(i64) -> Option<f64>) -> DelayChart {
        chart((0..=86_400).map(|n| (Time::from_secs(n * 10), at(n))).collect())
    }

    #[test]
    fn ten_days_of_samples_become_few_and_no_dip_is_lost() {
        let read = Read::new(Span::Ten, ten_days(|n| Some(if n == 41_234 { 3.0 } else { 7_200.0 })));
        assert!(read.thinned && read.samples.len() <= 4 * 1_025, "{}", read.samples.len());
        assert!(read.samples.contains(&(Time::from_secs(412_340), Some(3.0))));
        assert_eq!(read.range, Some((3.0, 7_200.0)));
        assert!(read.samples.iter().all(|(_, value)| value.is_some()));
        assert_eq!(read.samples.first(), Some(&(Time::from_secs(0), Some(7_200.0))));
        assert_eq!(read.samples.last(), Some(&(Time::from_secs(864_000), Some(7_200.0))));
    }

    #[test]
    fn a_gap_longer_than_can_be_hidden_stays_one_whether_it_is_told_or_not() {
        // An hour of the ten days.
        let gap = |n: i64| (!(40_000..40_360).contains(&n)).then_some(7_200.0);
        let told = ten_days(gap);
        let mut untold = told.clone();
        untold.samples.retain(|(_, value)| value.is_some());
        for chart in [told, untold] {
            let read = Read::new(Span::Ten, chart);
            let at = read.samples.iter().position(|(_, value)| value.is_none()).unwrap();
            assert_eq!(read.samples[at].0, Time::from_secs(399_990));
            assert_eq!(read.samples[at + 1].0, Time::from_secs(403_600));
            assert_eq!(read.samples.iter().filter(|(_, value)| value.is_none()).count(), 1);
        }
        // What is few is kept as it is, its gaps among it.
        let few = vec![(Time::from_secs(1), Some(2.0)), (Time::from_secs(2), None), (Time::from_secs(3), Some(4.0))];
        let read = Read::new(Span::Ten, chart(few.clone()));
        assert_eq!((read.samples, read.thinned), (few, false));
        // It is few because more was left out: what lies apart has no gap between it for that.
        let lie_apart = vec![(Time::from_secs(1), Some(2.0)), (Time::from_secs(172), Some(4.0))];
        let read = Read::new(Span::Ten, DelayChart { thinned: true, ..chart(lie_apart.clone()) });
        assert_eq!((read.samples, read.thinned), (lie_apart, true));
        assert_eq!(Read::new(Span::Ten, chart(Vec::new())).range, None);
    }

    proptest! {
        #[test]
        fn what_is_thinned_has_the_same_extremes_in_order(values in prop::collection::vec(prop::option::of(-1e6..1e6f64), 4_097..9_000)) {
            let step = 864_000 / i64::try_from(values.len()).unwrap();
            let at = |n: usize| Time::from_secs(i64::try_from(n).unwrap() * step);
            let samples: Vec<_> = values.iter().enumerate().map(|(n, value)| (at(n), *value)).collect();
            let read = Read::new(Span::Ten, chart(samples.clone()));
            let extremes = |samples: &[(Time, Option<f64>)]| {
                let known: Vec<f64> = samples.iter().filter_map(|(_, value)| *value).collect();
                (known.iter().copied().reduce(f64::min), known.iter().copied().reduce(f64::max))
            };
            prop_assert_eq!(extremes(&read.samples), extremes(&samples));
            prop_assert_eq!(read.range, extremes(&samples).0.zip(extremes(&samples).1));
            prop_assert!(read.samples.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            prop_assert!(read.samples.iter().all(|sample| sample.1.is_none() || samples.contains(sample)));
        }
    }
}
