//! The Restore tab over a made-up state: what that is, and consoles over it. Its lists, what is written in it and what is asked
//! have rooms of their own.

mod lists;
mod plans;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use firn::base::hash::Hash32;
use firn::base::ids::{ArchiveId, FileId, Key, PlanId, RetrievalId, RetrievalUuid};
use firn::base::{Money, Severity, Time};
use firn::console::effect::{Effect, Query, Written};
use firn::console::model::Model;
use firn::console::msg::{Msg, Reply};
use firn::console::overlay::{Confirm, Overlay};
use firn::console::tabs::restore::about::{self, ListOf};
use firn::restore::findings::Held;
use firn::restore::price::Budget;
use firn::restore::snapshot::{JobLine, PlanLine, RestoreSnapshot, Steps};
use firn::restore::view::{DraftView, LineVerdict, QuoteView, VerdictPage};
use firn::services::Faster;
use firn::store::{
    EventRow, HurryJob, NewEvent, NewPart, PartState, PlanPartRow, PlanRow, PlanState, PlanTotals, RestoreRow,
    RestoreState, RetrievalRow, RetrievalState, Used,
};
use firn::vault::tariff::Price;
use uuid::Uuid;

use crate::kit::{NOW, ago, archive, desk, go, press, said, send, type_in};

fn dollars(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn later(secs: u64) -> Time {
    NOW.plus(Duration::from_secs(secs))
}

pub fn totals(tier: &str) -> PlanTotals {
    PlanTotals {
        tier: Some(tier.to_owned()),
        tariff: "glacier-vault".to_owned(),
        tariff_hash: Hash32([1; 32]),
        hash: Hash32([7; 32]),
        files: 9_000,
        bytes: 42_000_000_000,
        impossible: 2,
        overwrites: 0,
        archives: 120,
        jobs: 110,
        joined: 10,
        asked_bytes: 60_000_000_000,
        read_bytes: 43_000_000_000,
        price: dollars("12.40"),
        sure: false,
        ceiling: dollars("19.80"),
        risks: vec![("one job asked again".to_owned(), dollars("7.40"))],
        seconds: Some((3 * 3600, 5 * 3600)),
    }
}

pub fn plan(id: i64, state: PlanState) -> PlanRow {
    let begun = matches!(state, PlanState::Running | PlanState::Ended | PlanState::Cancelled);
    PlanRow {
        id: PlanId(id),
        state,
        title: format!("a list of {} lines", id * 100),
        made_by: "mira on db-ops-2".to_owned(),
        made_at: ago(7_200),
        host: "db-ops-1".to_owned(),
        vault: "glacier".to_owned(),
        supplement_of: (id == 3).then_some(PlanId(2)),
        totals: (state != PlanState::Draft).then(|| totals("standard")),
        confirmed: begun.then(|| ("mira on db-ops-2".to_owned(), ago(7_000))),
        ended_at: (state == PlanState::Ended).then(|| ago(60)),
        spent: if begun { dollars("3.10") } else { Money::ZERO },
        delivered: if begun { 1_204 } else { 0 },
        there: 0,
        delivered_bytes: if begun { 5_000_000_000 } else { 0 },
        failed: if begun { 7 } else { 0 },
        parts_left: 60,
        parts_stopped: 1,
        raised: Money::ZERO,
        held: Money::ZERO,
    }
}

pub fn retrieval(n: u64, state: RetrievalState) -> RetrievalRow {
    RetrievalRow {
        id: RetrievalId(n.cast_signed()),
        uuid: RetrievalUuid(Uuid::from_u128(u128::from(n) + 1_000)),
        vault: "glacier".to_owned(),
        archive: ArchiveId(n.cast_signed()),
        archive_uuid: archive(u128::from(n) + 64),
        remote_id: b"remote-id".to_vec(),
        range: n << 20..(n + 64) << 20,
        tier: Some("standard".to_owned()),
        plan: Some(PlanId(4)),
        state,
        job_id: Some(b"job-1".to_vec()),
        price: dollars("0.10"),
        asked_at: ago(4_000 + n),
        ready_at: (state == RetrievalState::Ready).then(|| ago(600)),
        expires_at: (state == RetrievalState::Ready).then(|| later(3 * 3600 + n * 7_200)),
        next_look: later(60),
        note: n.is_multiple_of(4).then(|| "the vault said: throttled".to_owned()),
        due: None,
        faster: None,
    }
}

fn job(n: u64, state: RetrievalState) -> JobLine {
    let row = retrieval(n, state);
    let plans = if n.is_multiple_of(3) { vec![PlanId(4), PlanId(6)] } else { vec![PlanId(4)] };
    JobLine { expected: Some(row.asked_at.plus(Duration::from_hours(5))), plans, row }
}

/// Restores with something of everything.
pub fn restores() -> RestoreSnapshot {
    let line = |row, steps| PlanLine { row, steps, held: None };
    let steps = Steps {
        recorded: 0,
        asked: 58,
        ready: 2,
        done: 60,
        stopped: 1,
        ready_at: Some(later(9_000)),
        expires_at: Some(later(40_000)),
        reason: None,
        more: false,
    };
    let full = Held {
        severity: Severity::Critical,
        why: "cannot write /srv/restored/a/1.jpg: No space left on device".to_owned(),
    };
    let ending = Steps { asked: 0, ready: 2, expires_at: Some(later(3 * 3600)), ..steps.clone() };
    let states = [RetrievalState::Intended, RetrievalState::Asked, RetrievalState::Ready, RetrievalState::Ready];
    RestoreSnapshot {
        now: NOW,
        plans: vec![
            line(plan(7, PlanState::Planned), None),
            PlanLine { held: Some(full), ..line(plan(6, PlanState::Running), Some(ending)) },
            line(plan(4, PlanState::Running), Some(steps)),
            line(plan(3, PlanState::Ended), None),
            line(plan(2, PlanState::Cancelled), None),
        ],
        more_plans: false,
        jobs: (1..=12).map(|n| job(n, states[usize::try_from(n % 4).unwrap()])).collect(),
        more_jobs: false,
        used: Used { day: dollars("3.10"), month: dollars("41.00") },
        limits: Budget { plan: Some(dollars("50")), day: Some(dollars("20")), month: None },
    }
}

pub fn quote(tier: &str, price: &str, over: &[&str]) -> QuoteView {
    let totals = totals(tier);
    QuoteView {
        tier: Some(tier.to_owned()),
        files: totals.files,
        bytes: totals.bytes,
        archives: totals.archives,
        jobs: totals.jobs,
        joined: totals.joined,
        asked_bytes: totals.asked_bytes,
        read_bytes: totals.read_bytes,
        price: dollars(price),
        sure: false,
        ceiling: dollars(price).plus(dollars("7.40")),
        risks: totals.risks,
        seconds: totals.seconds,
        days: 1,
        dearest: dollars(price).plus(dollars("7.40")),
        over: over.iter().map(|line| (*line).to_owned()).collect(),
    }
}

const OVER: &str = "the plan may cost up to $97.40 (ceiling); the budget of a day is $20.00 and $3.10 of it is used";

pub fn draft() -> DraftView {
    DraftView {
        plan: PlanId(8),
        title: "a list of 400 lines".to_owned(),
        quotes: vec![quote("expedited", "90", &[OVER]), quote("standard", "12.40", &[]), quote("bulk", "3.10", &[])],
        overwrites: 0,
        notes: vec!["3 were deleted at their source since".to_owned()],
        refused: (1..=7).map(|n| format!("line {n}: column 1: there is no source \"avatr\"")).collect(),
        refused_count: 7,
        undelivered: None,
    }
}

fn verdict(line: usize, usable: bool) -> LineVerdict {
    let severity = if usable { Severity::Ok } else { Severity::Critical };
    let short = if usable {
        format!("ok  photos:a/{line}.jpg → file:/srv/restored/{line}.jpg  12.0 kB")
    } else {
        format!("column 1: there is no source \"avatr\" (line {}); did you mean \"avatar\"?", line + 1)
    };
    LineVerdict { line, usable, severity, short }
}

fn file_row(n: u64, state: RestoreState) -> RestoreRow {
    RestoreRow {
        archive: (state != RestoreState::Impossible).then_some(ArchiveId(1)),
        offset: n * 512,
        n,
        file: Some(FileId(n.cast_signed())),
        source: Some("photos".to_owned()),
        name: Key::new(format!("a/{n}.jpg").into_bytes()),
        asked: None,
        length: 12_000,
        place: "/srv/restored".into(),
        target: Key::new(format!("a/{n}.jpg").into_bytes()),
        overwrite: false,
        kind: "folder".to_owned(),
        state,
        reason: matches!(state, RestoreState::Failed | RestoreState::Impossible)
            .then(|| "its SHA-256 is another than when it was archived".to_owned()),
        done_at: None,
    }
}

fn part_row(n: i64, state: PartState) -> PlanPartRow {
    PlanPartRow {
        plan: PlanId(4),
        archive: ArchiveId(n),
        uuid: archive(n.unsigned_abs().into()),
        state,
        part: NewPart {
            archive: ArchiveId(n),
            need: Some(100..900),
            range: Some(0..1 << 20),
            files: 12,
            bytes: 120_000,
            read_bytes: 130_000,
            price: dollars("0.05"),
            full_price: dollars("0.05"),
            egress: dollars("0.01"),
            joins: None,
            day: 0,
        },
        retrieval: (state == PartState::Ready).then(|| retrieval(3, RetrievalState::Ready)),
        attempts: 0,
        asked_times: 2,
        not_before: None,
        reason: (state == PartState::Stopped).then(|| "the archive is damaged".to_owned()),
    }
}

/// What the state says to a query of this tab.
pub fn reply(query: &Query) -> Option<Reply> {
    Some(match query {
        Query::Plan(id) => {
            let row = restores().plans.into_iter().find(|line| line.row.id == *id).unwrap();
            let parts: Vec<PlanPartRow> = [(1, PartState::Done), (2, PartState::Ready), (3, PartState::Stopped)]
                .map(|(n, state)| part_row(n, state))
                .into();
            let event = EventRow {
                id: 1,
                at: ago(7_000),
                event: NewEvent {
                    who: "mira on db-ops-2".to_owned(),
                    what: "restore.confirm".to_owned(),
                    object: format!("plan {id}"),
                    detail: "confirmed up to $19.80".to_owned(),
                    outcome: "done".to_owned(),
                },
            };
            Reply::Details(query.clone(), Ok(Box::new(about::plan(&row, "db-ops-1", (&parts, false), &[event], NOW))))
        }
        Query::Plans { page, .. } => Reply::Plans(*page, Ok(Vec::new())),
        Query::PlanRows { of, .. } => {
            let files = |wrong: bool| {
                let states = [RestoreState::Impossible, RestoreState::Failed, RestoreState::Delivered];
                let states = states.into_iter().take(if wrong { 2 } else { 3 });
                states.zip(1..).map(|(state, n)| about::file(&file_row(n, state), PlanState::Ended)).collect()
            };
            let rows = match of {
                ListOf::Files { wrong } => files(*wrong),
                ListOf::Parts => vec![about::part(&part_row(3, PartState::Stopped), NOW)],
            };
            Reply::PlanRows(query.clone(), Ok(rows))
        }
        Query::Draft { .. } | Query::Supplement(_) => Reply::Draft(query.clone(), Ok(Box::new(draft()))),
        Query::Choose { plan: id, .. } => {
            Reply::Chosen(query.clone(), Ok(Box::new(PlanRow { id: *id, ..plan(8, PlanState::Planned) })))
        }
        Query::Faster { plan, .. } => Reply::Faster(query.clone(), Ok(vec![faster(*plan, "expedited", "3.10", 300)])),
        _ => return None,
    })
}

/// What making a plan's jobs faster takes.
fn faster(plan: PlanId, tier: &'static str, price: &str, seconds: u64) -> Faster {
    let job = |n: u64| HurryJob {
        job: retrieval(n, RetrievalState::Asked).uuid,
        from: Some("standard".to_owned()),
        price: dollars(price),
    };
    Faster {
        plan,
        title: "a list of 400 lines".to_owned(),
        tier,
        jobs: [1, 5, 9].map(job).into(),
        bytes: 201_326_592,
        price: Price { amount: dollars(price), sure: false },
        ceiling: dollars("19.80").plus(dollars(price)),
        larger: 2,
        hours: (Duration::from_secs(seconds / 5), Duration::from_secs(seconds)),
        over: Vec::new(),
    }
}

/// A console on the Restore tab.
fn tab() -> Model {
    let mut model = desk();
    press(&mut model, "2");
    model
}

fn confirm(model: &Model) -> &Confirm {
    match model.overlays.last() {
        Some(Overlay::Confirm(confirm)) => confirm,
        other => panic!("no dialog, but {other:?}: {}", said(model)),
    }
}

/// A list of so many lines, those of `wrong` wrong, in the batch editor.
fn list(model: &mut Model, lines: usize, wrong: &[usize]) {
    press(model, "b");
    let text: Vec<String> = (0..lines)
        .map(
            |n| if wrong.contains(&n) { format!("avatr:{n}.jpg /srv/x/") } else { format!("photos:a/{n}.jpg /srv/x/") },
        )
        .collect();
    let effects = send(model, Msg::Paste(text.join("\n")));
    let revision = checked(&effects);
    let verdicts = (0..lines).map(|n| verdict(n, !wrong.contains(&n))).collect();
    send(model, Msg::Verdicts(Written::Batch, VerdictPage { revision, verdicts }));
    send(model, Msg::Checked(Written::Batch, revision, Ok(())));
}

/// The revision that was given to be looked at.
fn checked(effects: &[Effect]) -> u64 {
    let revision = effects.iter().find_map(|effect| match effect {
        Effect::Check { revision, .. } => Some(*revision),
        _ => None,
    });
    revision.unwrap_or_else(|| panic!("nothing is looked at: {effects:?}"))
}

/// The form with a request that can be planned.
pub fn requested() -> Model {
    let mut model = tab();
    press(&mut model, "n");
    let revision = checked(&type_in(&mut model, "photos:a.jpg"));
    send(&mut model, Msg::Verdicts(Written::Form, VerdictPage { revision, verdicts: vec![verdict(0, true)] }));
    model
}

/// The batch editor with some lines, one of them wrong; `undone`: the last change was taken back.
pub fn written(undone: bool) -> Model {
    let mut model = tab();
    list(&mut model, 5, &[2]);
    if undone {
        press(&mut model, "x alt-u");
    }
    model
}

/// Consoles in which there is little to be done on this tab.
pub fn bare() -> Vec<Model> {
    let mut empty = tab();
    let nothing = RestoreSnapshot { plans: Vec::new(), jobs: Vec::new(), ..restores() };
    send(&mut empty, Msg::Restores(Arc::new(nothing)));
    let mut bare = vec![empty];
    let mut read_only = tab();
    read_only.setup.read_only = true;
    bare.push(read_only);
    for key in ["n", "b"] {
        let mut model = tab();
        press(&mut model, key);
        bare.push(model);
    }
    // One tier, and that over a budget.
    let mut over = tab();
    go(&mut over, "down down r");
    if let Some(Overlay::Quotes(quotes)) = over.overlays.last_mut() {
        quotes.view.quotes.truncate(1);
        quotes.selected = 0;
    }
    bare.push(over);
    // Plans that have ended well, or are not known any more, and their files.
    for (known, keys) in [(true, "enter"), (false, "enter"), (false, "enter enter!")] {
        let mut model = tab();
        go(&mut model, &format!("down down down {keys}"));
        let mut snapshot = restores();
        if known {
            let row = &mut snapshot.plans[3].row;
            (row.failed, row.delivered) = (0, 9_000);
        } else {
            snapshot.plans.clear();
        }
        send(&mut model, Msg::Restores(Arc::new(snapshot)));
        bare.push(model);
    }
    bare
}
