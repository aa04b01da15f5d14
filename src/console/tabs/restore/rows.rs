//! The lists of the tab: what each column shows of a row, and what it sorts by. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use crate::base::ids::PlanId;
use crate::base::units::{Count, Size};
use crate::base::{Money, Shown, Time};
use crate::console::format;
use crate::console::list::SortKey;
use crate::console::tabs::backup::rows::{part_of, short};
use crate::console::tabs::backup::{Cell, Column};
use crate::console::theme::Role;
use crate::restore::snapshot::{Due, ENDING, JobLine, PlanLine, Step, Steps};
use crate::store::{PartState, PlanRow, PlanState, RestoreState, RetrievalState};

/// A list of the tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pane {
    /// Plans.
    Plans,
    /// Retrieval jobs.
    Jobs,
}

impl Pane {
    /// Both, in the order of the keys.
    pub const ALL: [Pane; 2] = [Pane::Plans, Pane::Jobs];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Plans => "Plans",
            Self::Jobs => "Jobs",
        }
    }

    /// The word by which drawings report it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plans => "plans",
            Self::Jobs => "jobs",
        }
    }
}

/// A price as it is drawn: with `~` before it where it rests on what nobody has verified.
pub fn price(money: Money, sure: bool) -> String {
    if sure { money.to_string() } else { format!("~{money}") }
}

/// How a plan's state is drawn.
pub fn plan_role(state: PlanState) -> Role {
    match state {
        PlanState::Draft | PlanState::Dropped | PlanState::Cancelled => Role::Dim,
        PlanState::Planned => Role::Notice,
        PlanState::Running => Role::Accent,
        PlanState::Ended => Role::Ok,
    }
}

/// How the state of a plan's part is drawn.
pub fn part_role(state: PartState) -> Role {
    match state {
        PartState::Waiting => Role::Text,
        PartState::Asked | PartState::Ready => Role::Accent,
        PartState::Done => Role::Ok,
        PartState::Stopped => Role::Warning,
        PartState::Cancelled => Role::Dim,
    }
}

/// How a file's outcome is drawn.
pub fn file_role(state: RestoreState) -> Role {
    match state {
        RestoreState::Waiting => Role::Text,
        RestoreState::Delivered | RestoreState::There => Role::Ok,
        RestoreState::Failed | RestoreState::Impossible => Role::Warning,
    }
}

fn job_role(state: RetrievalState) -> Role {
    match state {
        RetrievalState::Intended | RetrievalState::Asked => Role::Text,
        RetrievalState::Ready => Role::Ok,
        RetrievalState::Failed | RetrievalState::Expired => Role::Warning,
        RetrievalState::Closed => Role::Dim,
    }
}

/// Files that a plan delivers, if that is known.
pub fn wanted(row: &PlanRow) -> Option<u64> {
    row.totals.as_ref().map(|totals| totals.files)
}

/// The time until something, in words.
pub fn countdown(due: Option<Due>, now: Time) -> Cell {
    match due {
        None => Cell::new(format::UNKNOWN).role(Role::Dim),
        Some(Due::Ready(at)) if at > now => Cell::new(format!("ready in {}", format::span(Some(at.since(now))))),
        Some(Due::Ready(at)) => Cell::new(format!("late {}", format::span(Some(now.since(at))))).role(Role::Warning),
        Some(Due::Expires(at)) if at <= now => Cell::new("expired").role(Role::Warning),
        Some(Due::Expires(at)) => {
            let left = at.since(now);
            let role = if left < ENDING { Role::Warning } else { Role::Text };
            Cell::new(format!("expires in {}", format::span(Some(left)))).role(role)
        }
    }
}

/// The step of a plan's slowest part, in words.
pub fn step(line: &PlanLine, _: Time) -> Cell {
    let row = &line.row;
    let totals = row.totals.as_ref();
    match row.state {
        PlanState::Draft => return Cell::new("being put together").role(Role::Dim),
        PlanState::Planned => return Cell::new("to be confirmed").role(Role::Notice),
        PlanState::Dropped => return Cell::new("never confirmed").role(Role::Dim),
        PlanState::Cancelled => return Cell::new("cancelled").role(Role::Dim),
        PlanState::Ended if row.failed > 0 || row.parts_stopped > 0 => {
            return Cell::new("ended, not whole").role(Role::Warning);
        }
        PlanState::Ended if totals.is_some_and(|totals| totals.impossible > 0) => {
            return Cell::new("ended, not whole").role(Role::Warning);
        }
        PlanState::Ended => return Cell::new("delivered").role(Role::Ok),
        PlanState::Running => {}
    }
    if let Some(held) = &line.held {
        return Cell::new("HELD UP").role(Role::of(held.severity));
    }
    let Some(steps) = &line.steps else { return Cell::new(format::UNKNOWN).role(Role::Dim) };
    let more = if steps.more { "+" } else { "" };
    match steps.slowest() {
        None => Cell::new(format::UNKNOWN).role(Role::Dim),
        Some(Step::Recorded) => Cell::new(format!("recorded ({}{more})", Count(steps.recorded))),
        Some(Step::Asked) => Cell::new(format!("job asked ({}{more})", Count(steps.asked))).role(Role::Accent),
        Some(Step::Ready) => Cell::new(format!("fetching ({}{more})", Count(steps.ready))).role(Role::Accent),
        Some(Step::Delivered) => Cell::new("delivered").role(Role::Ok),
        Some(Step::Stopped) => Cell::new(format!("stopped ({}{more})", Count(steps.stopped))).role(Role::Warning),
    }
}

/// Where the parts of a plan stand, one step after the other.
pub fn chain(steps: &Steps) -> String {
    let counts = [
        ("recorded", steps.recorded),
        ("job asked", steps.asked),
        ("fetching", steps.ready),
        ("delivered", steps.done),
    ];
    let mut text = counts.map(|(word, count)| format!("{word} {}", Count(count))).join(" → ");
    if steps.stopped > 0 {
        // Writing to a string does not fail.
        let _ = write!(text, ", stopped {}", Count(steps.stopped));
    }
    if steps.more {
        text.push_str(", of the first archives; there are more");
    }
    text
}

fn files(row: &PlanRow) -> Cell {
    Cell::new(format!("{}/{}", Count(row.delivered), format::count(wanted(row))))
}

fn done(row: &PlanRow) -> Cell {
    let part = wanted(row).and_then(|wanted| part_of(row.delivered, wanted));
    let begun = !matches!(row.state, PlanState::Draft | PlanState::Planned | PlanState::Dropped);
    match part.filter(|_| begun) {
        Some(part) => Cell { text: format::percent(Some(part)), role: Role::Text, part: Some(part) },
        None => Cell::new(format::UNKNOWN).role(Role::Dim),
    }
}

/// Columns of the plans.
pub const PLANS: &[Column<PlanLine>] = &[
    Column {
        title: "plan",
        width: 5,
        grow: 0,
        right: true,
        drop: 0,
        cell: |p, _| Cell::new(p.row.id.to_string()),
        key: |p| SortKey::count(p.row.id.0.unsigned_abs()),
    },
    Column {
        title: "what",
        width: 12,
        grow: 4,
        right: false,
        drop: 0,
        cell: |p, _| Cell::new(Shown::text(&p.row.title).to_string()),
        key: |p| SortKey::Text(p.row.title.clone()),
    },
    Column {
        title: "step",
        width: 16,
        grow: 1,
        right: false,
        drop: 0,
        cell: step,
        key: |p| {
            let step = p.steps.as_ref().and_then(Steps::slowest).map_or("", Step::word);
            SortKey::Text(format!("{} {step}", p.row.state.word()))
        },
    },
    Column {
        title: "files",
        width: 13,
        grow: 0,
        right: true,
        drop: 0,
        cell: |p, _| files(&p.row),
        key: |p| wanted(&p.row).map_or(SortKey::None, SortKey::count),
    },
    Column {
        title: "done",
        width: 12,
        grow: 0,
        right: false,
        drop: 3,
        cell: |p, _| done(&p.row),
        key: |p| {
            let part = wanted(&p.row).and_then(|wanted| part_of(p.row.delivered, wanted));
            part.map_or(SortKey::None, SortKey::Number)
        },
    },
    Column {
        title: "failed",
        width: 6,
        grow: 0,
        right: true,
        drop: 2,
        cell: |p, _| {
            let failed = p.row.failed + p.row.totals.as_ref().map_or(0, |totals| totals.impossible);
            let role = if failed > 0 { Role::Warning } else { Role::Dim };
            Cell::new(Count(failed).to_string()).role(role)
        },
        key: |p| SortKey::count(p.row.failed),
    },
    Column {
        title: "spent of ceiling",
        width: 20,
        grow: 0,
        right: true,
        drop: 5,
        cell: |p, _| {
            let ceiling = p.row.totals.as_ref().map(|totals| price(totals.ceiling, totals.sure));
            Cell::new(format!("{}/{}", p.row.spent, format::known(ceiling, |text| text)))
        },
        key: |p| SortKey::count(p.row.spent.nanos().unsigned_abs()),
    },
    Column {
        title: "next",
        width: 22,
        grow: 1,
        right: false,
        drop: 1,
        cell: |p, now| match (&p.held, p.due(now)) {
            // What holds it up comes before what would be next without it.
            (Some(held), _) => Cell::new(Shown::text(&held.why).to_string()).role(Role::of(held.severity)),
            (None, None) => {
                let why = p.steps.as_ref().and_then(|steps| steps.reason.as_ref());
                why.map_or_else(
                    || Cell::new(format::UNKNOWN).role(Role::Dim),
                    |why| Cell::new(Shown::text(why).to_string()).role(Role::Warning),
                )
            }
            (None, due) => countdown(due, now),
        },
        key: |p| p.due(Time::default()).map_or(SortKey::None, due_key),
    },
];

fn due_key(due: Due) -> SortKey {
    let (Due::Ready(at) | Due::Expires(at)) = due;
    SortKey::count(u64::try_from(at.as_micros()).unwrap_or(0))
}

/// Plans in a few words.
pub fn plans(plans: &[PlanId]) -> String {
    match plans {
        [] => format::UNKNOWN.to_owned(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} +{}", rest.len()),
    }
}

/// Columns of the jobs.
pub const JOBS: &[Column<JobLine>] = &[
    Column {
        title: "archive",
        width: 8,
        grow: 0,
        right: false,
        drop: 0,
        cell: |j, _| Cell::new(short(j.row.archive_uuid)),
        key: |j| SortKey::Text(j.row.archive_uuid.to_string()),
    },
    Column {
        title: "range",
        width: 20,
        grow: 0,
        right: false,
        drop: 4,
        cell: |j, _| {
            let length = j.row.range.end.saturating_sub(j.row.range.start);
            Cell::new(format!("{} from {}", Size(length), Size(j.row.range.start)))
        },
        key: |j| SortKey::count(j.row.range.end.saturating_sub(j.row.range.start)),
    },
    Column {
        title: "tier",
        width: 9,
        grow: 0,
        right: false,
        drop: 2,
        cell: |j, _| {
            let tier = j.row.tier.as_ref().map(|tier| Shown::text(tier).to_string());
            let text = format::known(tier, |tier| tier);
            match &j.row.faster {
                Some(hurry) => Cell::new(format!("→ {}", Shown::text(&hurry.tier))).role(Role::Notice),
                None => Cell::new(text),
            }
        },
        key: |j| j.row.tier.clone().map_or(SortKey::None, SortKey::Text),
    },
    Column {
        title: "plan",
        width: 8,
        grow: 0,
        right: true,
        drop: 1,
        cell: |j, _| Cell::new(plans(&j.plans)),
        key: |j| j.plans.first().map_or(SortKey::None, |plan| SortKey::count(plan.0.unsigned_abs())),
    },
    Column {
        title: "state",
        width: 7,
        grow: 0,
        right: false,
        drop: 0,
        cell: |j, _| Cell::new(j.row.state.word()).role(job_role(j.row.state)),
        key: |j| SortKey::Text(j.row.state.word().to_owned()),
    },
    Column {
        title: "asked",
        width: 7,
        grow: 0,
        right: true,
        drop: 3,
        cell: |j, now| Cell::new(format::short_span(Some(now.since(j.row.asked_at)))),
        key: |j| SortKey::count(u64::MAX - u64::try_from(j.row.asked_at.as_micros()).unwrap_or(0)),
    },
    Column {
        title: "next",
        width: 22,
        grow: 0,
        right: false,
        drop: 0,
        cell: |j, now| countdown(j.due(), now),
        key: |j| j.due().map_or(SortKey::None, due_key),
    },
    Column {
        title: "note",
        width: 10,
        grow: 3,
        right: false,
        drop: 1,
        cell: |j, _| {
            let note = j.row.note.as_ref().map_or_else(String::new, |note| Shown::text(note).to_string());
            Cell::new(note).role(Role::Warning)
        },
        key: |j| j.row.note.clone().map_or(SortKey::None, SortKey::Text),
    },
];

/// How long something takes, from and to.
pub fn takes(seconds: Option<(u64, u64)>) -> String {
    let span = |seconds| format::span(Some(Duration::from_secs(seconds)));
    match seconds {
        None => "not known".to_owned(),
        Some((_, 0)) => "at once".to_owned(),
        Some((from, to)) if from == to || from == 0 => format!("up to {}", span(to)),
        Some((from, to)) => format!("{} to {}", span(from), span(to)),
    }
}
