//! All about a plan, and lists of its parts and of its files, as lines. Pure.

use super::rows::{chain, file_role, part_role, plan_role, price, takes};
use crate::base::ids::{ArchiveId, PlanId};
use crate::base::units::{Count, Size};
use crate::base::{Money, Shown, Time};
use crate::console::details::{Details, Group, moment};
use crate::console::effect::Query;
use crate::console::format;
use crate::console::list::Paged;
use crate::console::theme::Role;
use crate::restore::snapshot::PlanLine;
use crate::restore::view::replaces;
use crate::store::{
    EventRow, PlanPartRow, PlanState, PlanTotals, RestorePlace, RestoreRow, RestoreState, RetrievalState,
};

/// Parts that the details list themselves; the others are in the list of parts.
pub const PARTS_SHOWN: usize = 20;

/// Which list of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListOf {
    /// Its files; those alone that failed or are not possible.
    Files {
        /// Only those.
        wrong: bool,
    },
    /// Its parts: an archive each.
    Parts,
}

/// Where a page of such a list begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListPlace {
    /// After this file.
    File(RestorePlace),
    /// After this part.
    Part(ArchiveId),
}

/// A row of such a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    /// Its place in the list.
    pub place: ListPlace,
    /// What it is called, safe to show.
    pub name: String,
    /// How much it is.
    pub size: String,
    /// Where it stands.
    pub state: String,
    /// How that is drawn.
    pub role: Role,
    /// What is to be said of it: why, and what to do; empty: nothing.
    pub note: String,
}

/// Files or parts of a plan.
#[derive(Debug, Clone)]
pub struct PlanList {
    /// The plan.
    pub plan: PlanId,
    /// Which list.
    pub of: ListOf,
    /// Its rows.
    pub paged: Paged<ListPlace, ListRow>,
    /// The selected one, as a place in what is held.
    pub selected: usize,
    /// Why they could not be read.
    pub wrong: Option<String>,
}

impl PlanList {
    /// A list of which nothing has been read.
    pub fn new(plan: PlanId, of: ListOf) -> Self {
        Self { plan, of, paged: Paged::default(), selected: 0, wrong: None }
    }

    /// The query for a page of it.
    pub fn query(&self, page: usize, after: Option<ListPlace>) -> Query {
        Query::PlanRows { plan: self.plan, of: self.of, page, after }
    }

    /// The selected row.
    pub fn row(&self) -> Option<&ListRow> {
        self.paged.rows().nth(self.selected)
    }
}

/// What can be done about a file that was not delivered.
fn mend(state: RestoreState, plan: PlanState) -> &'static str {
    match (state, plan) {
        (RestoreState::Failed, PlanState::Running) => "; once the plan has ended, retry what failed (r on the plan)",
        (RestoreState::Failed, _) => "; retry what failed (r on the plan)",
        _ => "",
    }
}

/// A file of a plan.
pub fn file(row: &RestoreRow, plan: PlanState) -> ListRow {
    let name = match &row.source {
        Some(source) => crate::console::tabs::backup::rows::name(source, &row.name),
        None => row.name.shown().to_string(),
    };
    let reason = row.reason.as_ref().map(|reason| Shown::text(reason).to_string());
    let to = format!("{}/{}", Shown::path(std::path::Path::new(&row.place)), row.target.shown());
    let note = match (row.state, reason) {
        (RestoreState::Failed | RestoreState::Impossible, reason) => {
            let why = reason.unwrap_or_else(|| "no reason was recorded".to_owned());
            format!("{why}{}; it was to go to {to}", mend(row.state, plan))
        }
        (_, Some(reason)) => format!("{to}; {reason}"),
        (_, None) => to,
    };
    ListRow {
        place: ListPlace::File((row.archive.unwrap_or(ArchiveId(0)), row.offset, row.n)),
        name,
        size: Size(row.length).to_string(),
        state: row.state.word().to_owned(),
        role: file_role(row.state),
        note,
    }
}

/// A part of a plan.
pub fn part(row: &PlanPartRow, now: Time) -> ListRow {
    let mut notes: Vec<String> = row.reason.iter().map(|reason| Shown::text(reason).to_string()).collect();
    if let Some(job) = &row.retrieval {
        let asked = format::span(Some(now.since(job.asked_at)));
        notes.push(match job.state {
            RetrievalState::Intended | RetrievalState::Asked => format!("its job was asked for {asked} ago"),
            other => format!("its job, asked for {asked} ago, is {other}"),
        });
        notes.extend(job.expires_at.map(|at| format!("readable until {}", format::utc_day(Some(at)))));
        notes.extend(job.faster.as_ref().map(|hurry| format!("to be made faster: {}", Shown::text(&hurry.tier))));
        notes.extend(job.note.as_ref().map(|note| Shown::text(note).to_string()));
    }
    if row.asked_times > 1 {
        notes.push(format!("asked for {} times", row.asked_times));
    }
    notes.extend(row.not_before.filter(|at| *at > now).map(|at| format!("not before {}", format::utc_day(Some(at)))));
    let range = row.part.range.as_ref().map_or_else(
        || "no job needed".to_owned(),
        |range| format!("bytes {} to {}", Count(range.start), Count(range.end)),
    );
    notes.push(format!("{range}; asking {}, reading {}", row.part.price, row.part.egress));
    ListRow {
        place: ListPlace::Part(row.archive),
        name: format!("archive {}", row.uuid),
        size: format!("{}, {}", format::files(row.part.files), Size(row.part.bytes)),
        state: row.state.word().to_owned(),
        role: part_role(row.state),
        note: notes.join("; "),
    }
}

fn money(totals: &PlanTotals, spent: Money, raised: Money) -> Group {
    let mut group = Group::new("money");
    group.line("price", price(totals.price, totals.sure));
    group.line("ceiling", price(totals.ceiling, totals.sure));
    for (name, money) in &totals.risks {
        group.line("  of it", format!("{} {}", price(*money, totals.sure), Shown::text(name)));
    }
    if !raised.is_zero() {
        group.line("  of it", format!("{} jobs made faster since", price(raised, totals.sure)));
    }
    group.line("spent", spent.to_string());
    group.line("tariff", Shown::text(&totals.tariff).to_string());
    if !totals.sure {
        group.role("~", "some of its prices are not verified", Role::Warning);
    }
    group
}

/// All about a plan: the plan, what its host is called, its first parts (and whether there are more), what was done to it
/// (the newest last).
pub fn plan(
    line: &PlanLine,
    host: &str,
    (parts, more): (&[PlanPartRow], bool),
    events: &[EventRow],
    now: Time,
) -> Details {
    let row = &line.row;
    let mut what = Group::new("");
    what.role("state", row.state.word(), plan_role(row.state));
    if let Some(held) = &line.held {
        what.role("HELD UP", Shown::text(&held.why).to_string(), Role::of(held.severity));
    }
    what.line("asked for", Shown::text(&row.title).to_string());
    what.line("by", Shown::text(&row.made_by).to_string());
    what.line("made", moment(Some(row.made_at), now));
    match &row.confirmed {
        Some((who, at)) => what.line("confirmed by", format!("{} at {}", Shown::text(who), moment(Some(*at), now))),
        None => what.role("confirmed by", "nobody yet", Role::Dim),
    }
    if row.ended_at.is_some() {
        what.line("ended", moment(row.ended_at, now));
    }
    what.line("from the vault", Shown::text(&row.vault).to_string());
    what.line("delivered on", Shown::text(host).to_string());
    what.some("the rest of plan", row.supplement_of.map(|plan| plan.to_string()));
    if let Some(totals) = &row.totals {
        what.line("tier", format!("{}: {}", super::quotes::tier(totals.tier.as_deref()), takes(totals.seconds)));
    }
    let mut files = Group::new("files");
    let totals = row.totals.as_ref();
    files.line(
        "wanted",
        format::known(totals, |totals| format!("{}, {}", format::files(totals.files), Size(totals.bytes))),
    );
    if let Some(said) = totals.and_then(|totals| replaces(totals.overwrites)) {
        files.role("overwrite", said, Role::Warning);
    }
    files.line("delivered", format!("{}, {}", format::files(row.delivered), Size(row.delivered_bytes)));
    let role = if row.failed > 0 { Role::Warning } else { Role::Text };
    files.role("failed", Count(row.failed).to_string(), role);
    let impossible = totals.map(|totals| totals.impossible);
    let role = if impossible.unwrap_or(0) > 0 { Role::Warning } else { Role::Text };
    files.role("not possible", format::count(impossible), role);
    let mut groups = vec![what, files];
    groups.extend(totals.map(|totals| money(totals, row.spent, row.raised)));
    let mut steps = Group::new("archives");
    steps.line("wanted", format::count(totals.map(|totals| totals.archives)));
    steps.some("steps", line.steps.as_ref().map(chain));
    steps.line("left", Count(row.parts_left).to_string());
    let role = if row.parts_stopped > 0 { Role::Warning } else { Role::Text };
    steps.role("stopped", Count(row.parts_stopped).to_string(), role);
    // What is in somebody's way comes first.
    let mut order: Vec<&PlanPartRow> = parts.iter().collect();
    order.sort_by_key(|part| part.reason.is_none());
    for part in order.iter().take(PARTS_SHOWN) {
        let line = self::part(part, now);
        let text = format!("{}, {}: {}", line.state, line.size, line.note);
        steps.role(&crate::console::tabs::backup::rows::short(part.uuid), text, line.role);
    }
    if more || parts.len() > PARTS_SHOWN {
        steps.role("", "and more: `a` lists all of them", Role::Dim);
    }
    groups.push(steps);
    if !events.is_empty() {
        let mut history = Group::new("history");
        for event in events {
            let text = format!(
                "{}: {} {}",
                Shown::text(&event.event.who),
                Shown::text(&event.event.what),
                Shown::text(&event.event.detail)
            );
            history.line(&format::utc_day(Some(event.at)), text);
        }
        groups.push(history);
    }
    Details { title: format!("plan {}", row.id), groups, id: row.id.to_string(), failed: false }
}
