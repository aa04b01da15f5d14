//! What the tab remembers: which list has the keys, and how each is looked at.

use super::rows::{BUNDLES, Column, FAILURES, POOLS, Pane, RowId, name};
use crate::backup::snapshot::{Bundle, PoolRow, Snapshot};
use crate::base::Time;
use crate::base::ids::FileId;
use crate::console::list::{ListState, Paged, SortKey};
use crate::store::FailedRow;

/// The tab's own state.
#[derive(Debug, Clone)]
pub struct State {
    /// Which list has the keys.
    pub pane: Pane,
    /// Archives on their way.
    pub bundles: ListState<RowId>,
    /// Files that failed.
    pub failures: ListState<RowId>,
    /// Pools.
    pub pools: ListState<RowId>,
    /// Pages of failed files; the first comes with each snapshot.
    pub failed: Paged<(Time, FileId), FailedRow>,
    /// Those rows in one piece, as `failures` counts them.
    pub failed_rows: Vec<FailedRow>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            pane: Pane::Bundles,
            bundles: ListState::default(),
            failures: ListState::default(),
            pools: ListState::default(),
            failed: Paged::default(),
            failed_rows: Vec::new(),
        }
    }
}

/// The place of a failed file in the order of the state.
pub fn failed_place(row: &FailedRow) -> (Time, FileId) {
    (row.row.next_try, row.row.file)
}

fn bundle_id(bundle: &Bundle) -> RowId {
    RowId::Archive(bundle.row.uuid)
}

fn failed_id(row: &FailedRow) -> RowId {
    RowId::File(row.row.file)
}

/// A pool by what it is.
pub fn pool_id(pool: &PoolRow) -> RowId {
    RowId::Pool(pool.host.clone(), pool.pid, pool.pool.clone())
}

fn arrange<R>(list: &mut ListState<RowId>, rows: &[R], columns: &'static [Column<R>], now: Time, id: fn(&R) -> RowId) {
    let text = |row: &R| columns.iter().map(|column| (column.cell)(row, now).text).collect::<Vec<_>>().join(" ");
    let key = |row: &R, at: usize| columns.get(at).map_or(SortKey::None, |column| (column.key)(row));
    list.arrange(rows, id, key, text);
}

impl State {
    /// Takes up what a snapshot shows.
    pub fn adopt(&mut self, snapshot: &Snapshot) {
        if self.failed.before() == 0 {
            self.failed.put(0, snapshot.failed.clone(), failed_place);
        }
        self.arrange(snapshot);
    }

    /// Puts the lists in order anew: other rows, another filter, another sort.
    pub fn arrange(&mut self, snapshot: &Snapshot) {
        let now = snapshot.now;
        self.failed_rows = self.failed.rows().cloned().collect();
        arrange(&mut self.bundles, &snapshot.bundles, BUNDLES, now, bundle_id);
        arrange(&mut self.failures, &self.failed_rows, FAILURES, now, failed_id);
        arrange(&mut self.pools, &snapshot.pools, POOLS, now, pool_id);
    }

    /// The list that has the keys.
    pub fn list(&self) -> &ListState<RowId> {
        self.of(self.pane)
    }

    /// The same, to be changed.
    pub fn list_mut(&mut self) -> &mut ListState<RowId> {
        self.of_mut(self.pane)
    }

    /// A list, to be changed.
    pub fn of_mut(&mut self, pane: Pane) -> &mut ListState<RowId> {
        match pane {
            Pane::Bundles => &mut self.bundles,
            Pane::Failures => &mut self.failures,
            Pane::Pools => &mut self.pools,
        }
    }

    /// A list.
    pub fn of(&self, pane: Pane) -> &ListState<RowId> {
        match pane {
            Pane::Bundles => &self.bundles,
            Pane::Failures => &self.failures,
            Pane::Pools => &self.pools,
        }
    }

    /// How many columns the list that has the keys has.
    pub fn columns(&self) -> usize {
        self.titles().len()
    }

    /// Titles of its columns.
    pub fn titles(&self) -> Vec<&'static str> {
        match self.pane {
            Pane::Bundles => BUNDLES.iter().map(|column| column.title).collect(),
            Pane::Failures => FAILURES.iter().map(|column| column.title).collect(),
            Pane::Pools => POOLS.iter().map(|column| column.title).collect(),
        }
    }

    /// The selected bundle.
    pub fn bundle<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Bundle> {
        let selected = self.bundles.selected.as_ref()?;
        snapshot.bundles.iter().find(|bundle| bundle_id(bundle) == *selected)
    }

    /// The selected failure.
    pub fn failure(&self) -> Option<&FailedRow> {
        let selected = self.failures.selected.as_ref()?;
        self.failed_rows.iter().find(|row| failed_id(row) == *selected)
    }

    /// The selected pool.
    pub fn pool<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a PoolRow> {
        let selected = self.pools.selected.as_ref()?;
        snapshot.pools.iter().find(|pool| pool_id(pool) == *selected)
    }

    /// Failed files that are marked, or the selected one.
    pub fn chosen_failures(&self) -> Vec<&FailedRow> {
        if self.failures.marks.is_empty() {
            return self.failure().into_iter().collect();
        }
        self.failed_rows.iter().filter(|row| self.failures.marks.contains(&failed_id(row))).collect()
    }

    /// What the selected row is called, to be copied.
    pub fn selected_name(&self, snapshot: &Snapshot) -> Option<String> {
        match self.pane {
            Pane::Bundles => self.bundle(snapshot).map(|bundle| bundle.row.uuid.to_string()),
            Pane::Failures => self.failure().map(|row| name(&row.row.source, &row.row.key)),
            Pane::Pools => self.pool(snapshot).map(|pool| format!("{} {}", pool.host, pool.pool)),
        }
    }
}
