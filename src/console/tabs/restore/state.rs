//! What the tab remembers: which list has the keys, how each is looked at, and what is being written.

use std::path::PathBuf;
use std::sync::Arc;

use super::editor::Editor;
use super::form::Form;
use super::rows::{JOBS, PLANS, Pane};
use crate::base::Time;
use crate::base::ids::{PlanId, RetrievalId};
use crate::console::list::{ListState, Paged, SortKey};
use crate::console::tabs::backup::Column;
use crate::restore::snapshot::{JobLine, PlanLine, RestoreSnapshot};

/// The tab's own state.
#[derive(Debug, Clone)]
pub struct State {
    /// Which list has the keys.
    pub pane: Pane,
    /// Plans.
    pub plans: ListState<PlanId>,
    /// Jobs.
    pub jobs: ListState<RetrievalId>,
    /// Pages of plans; the first comes with each snapshot.
    pub paged: Paged<PlanId, PlanLine>,
    /// Those rows in one piece, as `plans` counts them.
    pub rows: Vec<PlanLine>,
    /// What is shown.
    pub shown: Option<Arc<RestoreSnapshot>>,
    /// The newest there is: the same, but while the screen is held.
    pub newest: Option<Arc<RestoreSnapshot>>,
    /// The list that is being written.
    pub editor: Editor,
    /// The request that is being written.
    pub form: Form,
    /// The file that the list came from or was saved to last.
    pub file: Option<PathBuf>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            pane: Pane::Plans,
            plans: ListState::default(),
            jobs: ListState::default(),
            paged: Paged::default(),
            rows: Vec::new(),
            shown: None,
            newest: None,
            editor: Editor::default(),
            form: Form::default(),
            file: None,
        }
    }
}

/// The place of a plan in the order of the state: the newest first.
pub fn plan_id(line: &PlanLine) -> PlanId {
    line.row.id
}

fn job_id(line: &JobLine) -> RetrievalId {
    line.row.id
}

fn arrange<R, Id: Clone + Ord>(
    list: &mut ListState<Id>,
    rows: &[R],
    columns: &'static [Column<R>],
    now: Time,
    id: fn(&R) -> Id,
) {
    let text = |row: &R| columns.iter().map(|column| (column.cell)(row, now).text).collect::<Vec<_>>().join(" ");
    let key = |row: &R, at: usize| columns.get(at).map_or(SortKey::None, |column| (column.key)(row));
    list.arrange(rows, id, key, text);
}

impl State {
    /// Takes up what a snapshot shows.
    pub fn adopt(&mut self, snapshot: Arc<RestoreSnapshot>) {
        if self.paged.before() == 0 {
            self.paged.put(0, snapshot.plans.clone(), plan_id);
        }
        self.shown = Some(snapshot);
        self.arrange();
    }

    /// Puts the lists in order anew: other rows, another filter, another sort.
    pub fn arrange(&mut self) {
        self.rows = self.paged.rows().cloned().collect();
        let Some(snapshot) = self.shown.clone() else { return };
        arrange(&mut self.plans, &self.rows, PLANS, snapshot.now, plan_id);
        arrange(&mut self.jobs, &snapshot.jobs, JOBS, snapshot.now, job_id);
    }

    /// Moves the selection of the list that has the keys.
    pub fn step(&mut self, by: isize) {
        match self.pane {
            Pane::Plans => self.plans.step(by),
            Pane::Jobs => self.jobs.step(by),
        }
    }

    /// Selects a row of a list.
    pub fn select(&mut self, pane: Pane, place: usize) {
        self.pane = pane;
        match pane {
            Pane::Plans => self.plans.select(place),
            Pane::Jobs => self.jobs.select(place),
        }
    }

    /// Where the first row of a list stands.
    pub fn set_top(&mut self, pane: Pane, top: usize) {
        match pane {
            Pane::Plans => self.plans.top = top,
            Pane::Jobs => self.jobs.top = top,
        }
    }

    /// The filter of the list that has the keys.
    pub fn filter(&self) -> &str {
        match self.pane {
            Pane::Plans => &self.plans.filter,
            Pane::Jobs => &self.jobs.filter,
        }
    }

    /// Filters the list that has the keys.
    pub fn set_filter(&mut self, text: &str) {
        let filter = match self.pane {
            Pane::Plans => &mut self.plans.filter,
            Pane::Jobs => &mut self.jobs.filter,
        };
        text.clone_into(filter);
        self.arrange();
    }

    /// Sorts the list that has the keys by its next column, or turns the order round; says how it is sorted then.
    pub fn sort(&mut self, turn: bool) -> (Option<&'static str>, bool) {
        fn next<Id: Clone + Ord>(
            list: &mut ListState<Id>,
            titles: &[&'static str],
            turn: bool,
        ) -> (Option<&'static str>, bool) {
            if turn {
                list.descending = !list.descending;
                list.sort = list.sort.or(Some(0));
            } else {
                list.next_sort(titles.len());
            }
            (list.sort.and_then(|at| titles.get(at).copied()), list.descending)
        }
        let sorted = match self.pane {
            Pane::Plans => next(&mut self.plans, &PLANS.iter().map(|column| column.title).collect::<Vec<_>>(), turn),
            Pane::Jobs => next(&mut self.jobs, &JOBS.iter().map(|column| column.title).collect::<Vec<_>>(), turn),
        };
        self.arrange();
        sorted
    }

    /// Whether no row of the list that has the keys is selected.
    pub fn is_nothing_selected(&self) -> bool {
        match self.pane {
            Pane::Plans => self.plans.selected.is_none(),
            Pane::Jobs => self.jobs.selected.is_none(),
        }
    }

    /// A plan that has been read.
    pub fn plan(&self, plan: PlanId) -> Option<&PlanLine> {
        self.rows.iter().find(|line| line.row.id == plan)
    }

    /// A plan as it stands in the newest snapshot, or as it was read.
    pub fn newest_plan(&self, plan: PlanId) -> Option<&PlanLine> {
        let newest = self.newest.as_ref().and_then(|snapshot| snapshot.plans.iter().find(|line| line.row.id == plan));
        newest.or_else(|| self.plan(plan))
    }

    /// The selected job.
    pub fn job(&self) -> Option<&JobLine> {
        let selected = self.jobs.selected?;
        self.shown.as_ref()?.jobs.iter().find(|line| line.row.id == selected)
    }

    /// The plan that the keys are about: the selected one, or the first that waits for the selected job.
    pub fn selected_plan(&self) -> Option<PlanId> {
        match self.pane {
            Pane::Plans => self.plans.selected,
            Pane::Jobs => self.job().and_then(|job| job.plans.first().copied()),
        }
    }

    /// What the selected row is called, to be copied.
    pub fn selected_name(&self) -> Option<String> {
        match self.pane {
            Pane::Plans => self.plans.selected.map(|plan| plan.to_string()),
            Pane::Jobs => self.job().map(|job| job.row.archive_uuid.to_string()),
        }
    }
}
