//! Lists: selection by id, sort, filter, marks; and lists of any length that are loaded a few pages at a time. Pure.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};

/// What a column sorts by. What is unknown comes last, whatever the direction.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// Text, by its bytes.
    Text(String),
    /// A number.
    Number(f64),
    /// Unknown.
    None,
}

impl SortKey {
    /// A number that a screen's precision is enough for.
    #[allow(clippy::cast_precision_loss)] // sorted by, never shown
    pub fn count(n: u64) -> Self {
        Self::Number(n as f64)
    }

    fn order(&self, other: &Self, descending: bool) -> Ordering {
        let turned = |order: Ordering| if descending { order.reverse() } else { order };
        match (self, other) {
            (Self::None, Self::None) => Ordering::Equal,
            (Self::Text(a), Self::Text(b)) => turned(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => turned(a.total_cmp(b)),
            (Self::None, _) | (Self::Text(_), Self::Number(_)) => Ordering::Greater,
            (_, Self::None) | (Self::Number(_), Self::Text(_)) => Ordering::Less,
        }
    }
}

/// Whether a row's text passes a filter: every word must be in it, every word after `!` must not; letters of either
/// case are the same.
pub fn passes(filter: &str, text: &str) -> bool {
    let text = text.to_lowercase();
    filter.to_lowercase().split_whitespace().all(|word| match word.strip_prefix('!') {
        Some("") => true,
        Some(not) => !text.contains(not),
        None => text.contains(word),
    })
}

/// How a list is looked at. The rows themselves are elsewhere; `order` says which of them are shown, and in what order.
#[derive(Debug, Clone)]
pub struct ListState<Id> {
    /// The selected row.
    pub selected: Option<Id>,
    /// Marked rows.
    pub marks: BTreeSet<Id>,
    /// The column sorted by; nothing: as the rows come.
    pub sort: Option<usize>,
    /// Largest first.
    pub descending: bool,
    /// What is filtered by.
    pub filter: String,
    /// The first row on the screen, as a place in `order`.
    pub top: usize,
    /// Rows that are shown: places in the rows as they came, in the order of the screen.
    pub order: Vec<usize>,
    /// Ids in the same order.
    pub ids: Vec<Id>,
    /// How many rows there are without the filter.
    pub total: usize,
    /// The selected row has gone; the one at its place is selected instead.
    pub lost: bool,
}

impl<Id> Default for ListState<Id> {
    fn default() -> Self {
        Self {
            selected: None,
            marks: BTreeSet::new(),
            sort: None,
            descending: false,
            filter: String::new(),
            top: 0,
            order: Vec::new(),
            ids: Vec::new(),
            total: 0,
            lost: false,
        }
    }
}

impl<Id: Clone + Ord> ListState<Id> {
    /// Takes up new rows: `id` and `key` are those of a row, `text` all that it shows. The selection follows its id; if that has gone,
    /// the place stays.
    pub fn arrange<R>(
        &mut self,
        rows: &[R],
        id: impl Fn(&R) -> Id,
        key: impl Fn(&R, usize) -> SortKey,
        text: impl Fn(&R) -> String,
    ) {
        let before = self.place();
        self.total = rows.len();
        self.order = if self.filter.trim().is_empty() {
            (0..rows.len()).collect()
        } else {
            (0..rows.len()).filter(|at| passes(&self.filter, &text(&rows[*at]))).collect()
        };
        if let Some(column) = self.sort {
            let mut keyed: Vec<(SortKey, usize)> = self.order.iter().map(|at| (key(&rows[*at], column), *at)).collect();
            keyed.sort_by(|a, b| a.0.order(&b.0, self.descending).then(a.1.cmp(&b.1)));
            self.order = keyed.into_iter().map(|(_, at)| at).collect();
        }
        self.ids = self.order.iter().map(|at| id(&rows[*at])).collect();
        let all: BTreeSet<Id> = rows.iter().map(&id).collect();
        self.marks.retain(|mark| all.contains(mark));
        let found = self.selected.as_ref().and_then(|selected| self.ids.iter().position(|id| id == selected));
        self.lost = found.is_none() && self.selected.is_some() && before.is_some();
        let place = found.or(before).unwrap_or(0).min(self.ids.len().saturating_sub(1));
        self.selected = self.ids.get(place).cloned();
    }

    /// Where the selected row stands on the list.
    pub fn place(&self) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        self.ids.iter().position(|id| id == selected)
    }

    /// Moves the selection by some rows, as far as there are any.
    pub fn step(&mut self, by: isize) {
        let last = self.ids.len().saturating_sub(1);
        let place = self.place().unwrap_or(0).saturating_add_signed(by).min(last);
        self.select(place);
    }

    /// Selects the row at a place.
    pub fn select(&mut self, place: usize) {
        self.lost = false;
        self.selected = self.ids.get(place.min(self.ids.len().saturating_sub(1))).cloned();
    }

    /// The first row to be shown so that the selected one is among `height` rows, and as little moves as can be.
    pub fn scrolled(&self, height: usize) -> usize {
        let (place, height) = (self.place().unwrap_or(0), height.max(1));
        let top = self.top.min(place).max((place + 1).saturating_sub(height));
        top.min(self.ids.len().saturating_sub(height))
    }

    /// Marks the selected row, or takes the mark away, and goes to the next.
    pub fn mark(&mut self) {
        if let Some(id) = self.selected.clone() {
            if !self.marks.remove(&id) {
                self.marks.insert(id);
            }
            self.step(1);
        }
    }

    /// Sorts by the next column; after the last as the rows come.
    pub fn next_sort(&mut self, columns: usize) {
        self.sort = match self.sort {
            None => (columns > 0).then_some(0),
            Some(at) => (at + 1 < columns).then_some(at + 1),
        };
    }
}

/// Pages of a list of any length, in the order of the state: a few of them are held, and the keys where each page
/// seen so far begins, so that it can be gone through both ways.
#[derive(Debug, Clone)]
pub struct Paged<K, R> {
    /// Where each known page starts: after this key; the first after nothing.
    starts: Vec<Option<K>>,
    /// Which page the first held one is.
    first: usize,
    held: VecDeque<Vec<R>>,
    /// The list ends with the last page held.
    ended: bool,
    /// A page that has been asked for.
    asked: Option<usize>,
}

/// Rows of a page.
pub const PAGE: u32 = 200;
/// Pages held.
const HELD: usize = 5;
/// A page is asked for when the selection comes this near to the end of what is held.
const NEAR: usize = 60;

impl<K, R> Default for Paged<K, R> {
    fn default() -> Self {
        Self { starts: vec![None], first: 0, held: VecDeque::new(), ended: false, asked: None }
    }
}

impl<K: Clone, R> Paged<K, R> {
    /// Rows held, in order.
    pub fn rows(&self) -> impl Iterator<Item = &R> {
        self.held.iter().flatten()
    }

    /// How many rows come before those held.
    pub fn before(&self) -> usize {
        self.first * PAGE as usize
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.held.iter().map(Vec::len).sum()
    }

    /// Whether none are held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether more come after those held.
    pub fn more(&self) -> bool {
        !self.ended
    }

    /// Whether the first page has come, even an empty one.
    pub fn loaded(&self) -> bool {
        !self.held.is_empty()
    }

    /// The page that should be asked for when row `place` of those held is selected: its number and the key after which
    /// it starts. It counts as asked for from then on.
    pub fn want(&mut self, place: usize) -> Option<(usize, Option<K>)> {
        if self.asked.is_some() {
            return None;
        }
        let page = if self.held.is_empty() {
            self.first
        } else if place < NEAR && self.first > 0 {
            self.first - 1
        } else if place + NEAR >= self.len() && !self.ended {
            self.first + self.held.len()
        } else {
            return None;
        };
        let start = self.starts.get(page)?.clone();
        self.asked = Some(page);
        Some((page, start))
    }

    /// Asks for a page that is held again, to see what has changed in it.
    pub fn again(&mut self, place: usize) -> Option<(usize, Option<K>)> {
        let page = self.first + place / PAGE as usize;
        let start = self.starts.get(page)?.clone();
        if self.asked.is_some() {
            return None;
        }
        self.asked = Some(page);
        Some((page, start))
    }

    /// A page could not be had.
    pub fn failed(&mut self) {
        self.asked = None;
    }

    /// A page has come. `key` is that of a row.
    pub fn put(&mut self, page: usize, rows: Vec<R>, key: impl Fn(&R) -> K) {
        if self.asked == Some(page) {
            self.asked = None;
        }
        let full = rows.len() == PAGE as usize;
        if page > self.first + self.held.len() || page + 1 < self.first {
            return;
        }
        if full && let Some(last) = rows.last() {
            let next = Some(key(last));
            if page + 1 == self.starts.len() {
                self.starts.push(next);
            } else if let Some(start) = self.starts.get_mut(page + 1) {
                *start = next;
            }
        }
        if page + 1 == self.first {
            self.held.push_front(rows);
            self.first = page;
            if self.held.len() > HELD {
                self.held.pop_back();
                self.ended = false;
            }
            return;
        }
        let place = page - self.first;
        if place == self.held.len() {
            self.held.push_back(rows);
        } else {
            self.held[place] = rows;
            if !full {
                // It ends here now: what was held after it has moved up.
                self.held.truncate(place + 1);
                self.starts.truncate(page + 1);
            }
        }
        if place + 1 == self.held.len() {
            self.ended = !full;
        }
        if self.held.len() > HELD {
            self.held.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(rows: &[(u32, &str)]) -> ListState<u32> {
        let mut list = ListState::default();
        arrange(&mut list, rows);
        list
    }

    fn arrange(list: &mut ListState<u32>, rows: &[(u32, &str)]) {
        list.arrange(rows, |row| row.0, |row, _| SortKey::Text(row.1.to_owned()), |row| row.1.to_owned());
    }

    #[test]
    fn the_selection_follows_its_row_through_sorting_and_new_rows() {
        let mut list = list(&[(1, "c"), (2, "a"), (3, "b")]);
        list.select(1);
        list.sort = Some(0);
        arrange(&mut list, &[(1, "c"), (2, "a"), (3, "b"), (4, "0")]);
        assert_eq!((list.ids.clone(), list.selected), (vec![4, 2, 3, 1], Some(2)));
        list.descending = true;
        arrange(&mut list, &[(1, "c"), (2, "a"), (3, "b")]);
        assert_eq!((list.ids.clone(), list.selected), (vec![1, 3, 2], Some(2)));
    }

    #[test]
    fn a_row_that_has_gone_leaves_its_place_selected_and_says_so() {
        let mut list = list(&[(1, "a"), (2, "b"), (3, "c")]);
        list.select(1);
        arrange(&mut list, &[(1, "a"), (3, "c")]);
        assert_eq!((list.selected, list.lost), (Some(3), true));
        arrange(&mut list, &[]);
        assert_eq!(list.selected, None);
        list.step(-3);
        list.mark();
        assert_eq!((list.scrolled(0), list.scrolled(9)), (0, 0));
    }

    #[test]
    fn filters_take_words_and_leave_words_out() {
        for (filter, text, passes_it) in [
            ("", "anything", true),
            ("avatar", "ugc:Avatar/1.jpg", true),
            ("avatar jpg", "ugc:avatar/1.jpg", true),
            ("avatar !jpg", "ugc:avatar/1.jpg", false),
            ("!", "x", true),
            ("png", "ugc:avatar/1.jpg", false),
        ] {
            assert_eq!(passes(filter, text), passes_it, "{filter:?} {text:?}");
        }
    }

    #[test]
    fn unknown_sorts_last_both_ways() {
        let rows = [(1, Some(5.0)), (2, None), (3, Some(7.0))];
        let mut list: ListState<u32> = ListState { sort: Some(0), ..ListState::default() };
        for (descending, expected) in [(false, [1, 3, 2]), (true, [3, 1, 2])] {
            list.descending = descending;
            list.arrange(&rows, |r| r.0, |r, _| r.1.map_or(SortKey::None, SortKey::Number), |_| String::new());
            assert_eq!(list.ids, expected);
        }
    }

    /// A state of `0..size` that answers pages.
    fn page(size: usize, after: Option<usize>) -> Vec<usize> {
        let from = after.map_or(0, |key| key + 1);
        (from..size).take(PAGE as usize).collect()
    }

    proptest! {
        #[test]
        fn any_place_of_a_long_list_is_reached_both_ways_and_little_is_held(
            size in 0usize..3000, steps in prop::collection::vec(-400isize..400, 0..60),
        ) {
            let mut paged: Paged<usize, usize> = Paged::default();
            let mut at = 0usize;
            for step in std::iter::once(0).chain(steps) {
                let local = at.saturating_sub(paged.before()).saturating_add_signed(step).min(paged.len().saturating_sub(1));
                at = paged.before() + local;
                while let Some((number, start)) = paged.want(at.saturating_sub(paged.before())) {
                    let rows = page(size, start);
                    paged.put(number, rows, |row| *row);
                }
                let rows: Vec<usize> = paged.rows().copied().collect();
                prop_assert!(rows.len() <= PAGE as usize * HELD);
                prop_assert!(rows.iter().enumerate().all(|(n, row)| *row == paged.before() + n));
                prop_assert!(paged.more() || paged.before() + rows.len() == size);
                if size > 0 {
                    prop_assert!(rows.contains(&at));
                }
            }
        }
    }
}
