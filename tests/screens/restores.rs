//! The Restore tab over a made-up state: its lists, the form, the batch editor, the plan screen, the questions, and what
//! became of each file.

use std::sync::Arc;
use std::time::Duration;

use firn::base::hash::Hash32;
use firn::base::ids::{ArchiveId, FileId, Key, PlanId, RetrievalId, RetrievalUuid};
use firn::base::{Money, Severity, Time};
use firn::console::effect::{Deed, Effect, Query, Written};
use firn::console::model::Model;
use firn::console::msg::{Msg, Reply};
use firn::console::overlay::{Confirm, Focus, Overlay};
use firn::console::tabs::TabId;
use firn::console::tabs::restore::about::{self, ListOf};
use firn::restore::price::Budget;
use firn::restore::snapshot::{self, JobLine, PlanLine, RestoreSnapshot, Step, Steps};
use firn::restore::view::{DraftView, LineVerdict, QuoteView, VerdictPage};
use firn::services::Faster;
use firn::store::{
    EventRow, Hurry, HurryJob, NewEvent, NewPart, PartState, PlanPartRow, PlanRow, PlanState, PlanTotals, RestoreRow,
    RestoreState, RetrievalRow, RetrievalState, Used,
};
use firn::vault::tariff::Price;
use uuid::Uuid;

use super::kit::{NOW, ago, archive, busy, console, desk, finding, go, press, said, screen, seen, send, top, type_in};
use super::pictures::compare;

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
    let line = |row, steps| PlanLine { row, steps };
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
    let ending = Steps { asked: 0, ready: 2, expires_at: Some(later(3 * 3600)), ..steps.clone() };
    let states = [RetrievalState::Intended, RetrievalState::Asked, RetrievalState::Ready, RetrievalState::Ready];
    RestoreSnapshot {
        now: NOW,
        plans: vec![
            line(plan(7, PlanState::Planned), None),
            line(plan(6, PlanState::Running), Some(ending)),
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

#[test]
fn the_tab_shows_plans_jobs_and_money() {
    let model = tab();
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        compare(&format!("restore-{}x{}.txt", size.0, size.1), &text);
        for wanted in [
            "RUNNING 2",
            "2,408 of 18,000",
            "JOBS 6 asked  6 ready",
            "today $3.10 of $20.00",
            "this month $41.00, no budget",
            "to be confirmed",
            "job asked (58)",
            "fetching (2)",
            "1,204/9,000",
            "Jobs",
        ] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
    }
    let text = screen(&model, (140, 40));
    for wanted in ["ready in 2 h 30 min", "expires in 3 h", "throttled", "~$19.80", "4 +1"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
}

#[test]
fn what_expires_within_five_hours_is_a_warning() {
    use firn::console::tabs::restore::rows::countdown;
    use firn::console::theme::Role;
    use firn::restore::snapshot::Due;
    let at = |secs| countdown(Some(Due::Expires(later(secs))), NOW);
    assert_eq!((at(5 * 3600).text.as_str(), at(5 * 3600).role), ("expires in 5 h", Role::Text));
    assert_eq!((at(5 * 3600 - 1).role, at(0).text.as_str()), (Role::Warning, "expired"));
    let late = countdown(Some(Due::Ready(ago(1_200))), NOW);
    assert_eq!((late.text.as_str(), late.role), ("late 20 min", Role::Warning));
    assert_eq!(countdown(None, NOW).text, "–");
}

#[test]
fn the_steps_are_those_of_the_slowest_part() {
    let parts = [part_row(1, PartState::Done), part_row(2, PartState::Ready), part_row(3, PartState::Stopped)];
    let steps = snapshot::steps(&parts, false);
    assert_eq!(steps.slowest(), Some(Step::Ready));
    assert_eq!((steps.done, steps.ready, steps.stopped), (1, 1, 1));
    assert_eq!(steps.expires_at, retrieval(3, RetrievalState::Ready).expires_at);
    assert_eq!(steps.reason.as_deref(), Some("the archive is damaged"));
    let mut asked = part_row(4, PartState::Asked);
    let due = Some(ago(4_001).plus(Duration::from_hours(5)));
    asked.retrieval = Some(RetrievalRow { due, ..retrieval(1, RetrievalState::Asked) });
    let steps = snapshot::steps(&[asked, part_row(5, PartState::Done)], true);
    assert_eq!((steps.slowest(), steps.more), (Some(Step::Asked), true));
    // Whatever the plan counts with as a whole.
    assert_eq!(steps.ready_at, due);
    assert_eq!(snapshot::steps(&[], false).slowest(), None);
    let json = snapshot::json(&restores());
    assert_eq!(json["plans"][1]["steps"]["slowest"], "fetching");
    assert_eq!(json["plans"][0]["totals"]["ceiling"], "19.800000000");
    assert_eq!(
        (&json["plans"][0]["steps"], &json["budget"]["month"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
    assert_eq!(json["jobs"][2]["plans"], serde_json::json!([4, 6]));
    assert_eq!(json["jobs"][0]["job_id"], "job-1");
}

#[test]
fn a_pasted_list_is_judged_line_by_line_and_gone_through() {
    let mut model = tab();
    let wrong = [3, 50, 51, 200, 201, 202, 399];
    list(&mut model, 400, &wrong);
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        compare(&format!("restore-batch-{}x{}.txt", size.0, size.1), &text);
        assert!(text.contains("393 ok  7 wrong  0 empty"), "{text}");
    }
    // The cursor stands behind what was pasted, on the last line; from there round.
    let mut found = Vec::new();
    for _ in 0..8 {
        press(&mut model, "f3");
        found.push(model.restore.editor.cursor().0);
    }
    assert_eq!(found, [3, 50, 51, 200, 201, 202, 399, 3]);
    let text = screen(&model, (80, 24));
    assert!(text.contains("there is no source \"avatr\" (line 4); did you mean \"avatar\"?"), "{text}");
    assert_eq!(said(&model), "");
}

#[test]
fn a_verdict_of_an_older_text_is_never_drawn() {
    let mut model = tab();
    press(&mut model, "b");
    let before = checked(&type_in(&mut model, "avatr:x"));
    let now = checked(&type_in(&mut model, "y"));
    assert!(now > before);
    send(
        &mut model,
        Msg::Verdicts(Written::Batch, VerdictPage { revision: before, verdicts: vec![verdict(0, false)] }),
    );
    send(&mut model, Msg::Checked(Written::Batch, before, Err("it was too slow".to_owned())));
    assert_eq!((model.restore.editor.verdict(0), model.restore.editor.is_checked()), (None, false));
    let text = screen(&model, (140, 40));
    assert!(text.contains("looking …") && !text.contains("avatar") && !text.contains("too slow"), "{text}");
    send(&mut model, Msg::Verdicts(Written::Batch, VerdictPage { revision: now, verdicts: vec![verdict(0, false)] }));
    send(&mut model, Msg::Checked(Written::Batch, now, Ok(())));
    assert!(screen(&model, (140, 40)).contains("0 ok  1 wrong  0 empty"));
    // A line that is not there has none.
    let beyond = VerdictPage { revision: now, verdicts: vec![verdict(7, true)] };
    send(&mut model, Msg::Verdicts(Written::Batch, beyond));
    assert_eq!(model.restore.editor.counts().ok, 0);
    // Nothing of it can be planned.
    assert_eq!(press(&mut model, "f2"), []);
    assert_eq!(said(&model), "batch.plan: no line of the list can be planned; each says why");
    // What could not be looked at says so, and may be planned: each line is looked at again then.
    let now = checked(&type_in(&mut model, "z"));
    send(&mut model, Msg::Checked(Written::Batch, now, Err("the state is locked".to_owned())));
    assert!(screen(&model, (80, 24)).contains("the state is locked"));
    assert_eq!(press(&mut model, "f2").len(), 1);
}

#[test]
fn what_is_written_is_kept_undone_and_never_thrown_away() {
    let mut model = tab();
    list(&mut model, 3, &[]);
    let effects = type_in(&mut model, "!");
    let [Effect::Check { .. }, Effect::Draft { name: "batch", text }] = &effects[..] else { panic!("{effects:?}") };
    assert!(text.ends_with("photos:a/2.jpg /srv/x/!"), "{text}");
    let text = text.clone();
    press(&mut model, "f8");
    assert!(model.restore.editor.is_empty() && said(&model).starts_with("the list is empty; alt-u brings it back"));
    press(&mut model, "alt-u");
    assert_eq!(model.restore.editor.text(), text);
    press(&mut model, "alt-r");
    assert!(model.restore.editor.is_empty());
    press(&mut model, "alt-u esc");
    assert_eq!(top(&model), "");
    press(&mut model, "b");
    assert_eq!(model.restore.editor.text(), text);
    // A long one is not written at each key, but every second and when it is left.
    let long = "photos:a/b.jpg /srv/x/\n".repeat(5_000);
    let effects = send(&mut model, Msg::Paste(long));
    assert!(matches!(&effects[..], [Effect::Check { .. }]), "{effects:?}");
    let effects = send(&mut model, Msg::Tick);
    assert!(matches!(&effects[..], [Effect::Draft { name: "batch", .. }]), "{effects:?}");
    assert_eq!(send(&mut model, Msg::Tick), []);
    type_in(&mut model, "x");
    assert!(matches!(&press(&mut model, "esc")[..], [Effect::Draft { name: "batch", .. }]));
    // Nor is more put in than a list holds.
    press(&mut model, "b");
    let before = model.restore.editor.revision();
    assert_eq!(send(&mut model, Msg::Paste("x".repeat(17 << 20))), []);
    assert!(said(&model).contains("nothing was put in; `firn restore --batch` reads any number"), "{}", said(&model));
    assert_eq!(model.restore.editor.revision(), before);
}

#[test]
fn control_characters_are_letters_in_a_list() {
    let mut model = tab();
    press(&mut model, "b");
    send(&mut model, Msg::Paste("\u{feff}a\x1b[2Jb\tc\r\n\u{202e}d\x07".to_owned()));
    assert_eq!(model.restore.editor.lines(), ["a\\x1b[2Jb\tc", "\\u{202e}d\\x07"]);
    let text = screen(&model, (80, 24));
    assert!(text.contains("a\\x1b[2Jb c"), "{text}");
    // Keys of the list: words, lines, and back.
    press(&mut model, "ctrl-home ctrl-k enter");
    type_in(&mut model, "one two");
    press(&mut model, "ctrl-w left backspace");
    assert_eq!(model.restore.editor.lines()[1], "on ");
    press(&mut model, "tab shift-tab pgdn pgup ctrl-end");
    assert_eq!(model.restore.editor.cursor().0, 2);
    assert_eq!(top(&model), "batch");
}

#[test]
fn a_list_is_read_from_a_file_and_written_to_one() {
    let mut model = tab();
    press(&mut model, "b f5");
    type_in(&mut model, "requests.txt");
    press(&mut model, "enter");
    let wrong = "\"requests.txt\" is no file's absolute path; write it from the root";
    assert!(screen(&model, (140, 40)).contains(wrong));
    press(&mut model, "ctrl-u");
    type_in(&mut model, "~/requests.txt");
    let effects = press(&mut model, "enter");
    let path = std::path::PathBuf::from("/home/robin/requests.txt");
    assert_eq!(effects, [Effect::Load(path.clone())]);
    let effects = send(&mut model, Msg::Reply(Reply::Loaded(path.clone(), Ok("photos:a /srv/\n# b\n".to_owned()))));
    assert!(checked(&effects) > 0 && said(&model) == "2 lines of /home/robin/requests.txt were put in");
    send(&mut model, Msg::Reply(Reply::Loaded(path.clone(), Err("line 2 is not UTF-8".to_owned()))));
    assert_eq!(said(&model), "/home/robin/requests.txt was not read: line 2 is not UTF-8");
    // To where it came from it is written over; to another place only where nothing is.
    let effects = press(&mut model, "f6 enter");
    let [Effect::Save { path: to, replace: true, text }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((to, &**text), (&path, "photos:a /srv/\n# b\n"));
    press(&mut model, "f6 ctrl-u");
    type_in(&mut model, "/srv/other.txt");
    let effects = press(&mut model, "enter");
    assert!(matches!(&effects[..], [Effect::Save { replace: false, .. }]), "{effects:?}");
    let told = Reply::Saved("/srv/other.txt".into(), Err("there is a file of that name; name another".to_owned()));
    send(&mut model, Msg::Reply(told));
    assert!(said(&model).ends_with("there is a file of that name; name another"));
    // Put into another list, a file is not what that list is written over.
    let other = "/home/robin/other.txt";
    send(&mut model, Msg::Reply(Reply::Loaded(other.into(), Ok("photos:c /srv/\n".to_owned()))));
    let effects = press(&mut model, "f6 enter");
    assert!(matches!(&effects[..], [Effect::Save { path: to, replace: true, .. }] if *to == path), "{effects:?}");
}

#[test]
fn a_form_is_one_line_of_a_list() {
    let mut model = tab();
    press(&mut model, "n");
    type_in(&mut model, "photos:a/b.jpg");
    press(&mut model, "tab");
    type_in(&mut model, "/srv/x/");
    press(&mut model, "tab");
    let effects = type_in(&mut model, "2026-11-22");
    let Some(Effect::Check { of: Written::Form, revision, text, dest }) =
        effects.iter().rev().find(|effect| matches!(effect, Effect::Check { .. }))
    else {
        panic!("{effects:?}")
    };
    assert_eq!(&**text, "photos:a/b.jpg /srv/x/ as-of 2026-11-22");
    assert_eq!(dest.as_deref(), Some("file:/home/robin/restored/"));
    let page = |revision, usable| VerdictPage { revision, verdicts: vec![verdict(0, usable)] };
    send(&mut model, Msg::Verdicts(Written::Form, page(revision - 1, false)));
    assert_eq!(model.restore.form.verdict, None, "of an older text");
    send(&mut model, Msg::Verdicts(Written::Form, page(*revision, false)));
    compare("restore-form-80x24.txt", &screen(&model, (80, 24)));
    // A line that cannot be planned is not.
    assert_eq!(press(&mut model, "enter"), []);
    assert!(said(&model).starts_with("form.plan: column 1: there is no source"), "{}", said(&model));
    send(&mut model, Msg::Verdicts(Written::Form, page(*revision, true)));
    press(&mut model, "tab right right right");
    let effects = press(&mut model, "enter");
    let [Effect::Ask(query @ Query::Draft { tier: Some("bulk"), .. })] = &effects[..] else { panic!("{effects:?}") };
    send(&mut model, Msg::Reply(reply(query).unwrap()));
    let Some(Overlay::Quotes(quotes)) = model.overlays.last() else { panic!("{}", said(&model)) };
    assert_eq!(quotes.selected, 2, "the tier that was wished for");
    // What is typed is there again.
    press(&mut model, "esc esc n");
    assert_eq!(model.restore.form.source.text(), "photos:a/b.jpg");
    // A comment in one line of it would silence the others.
    press(&mut model, "tab");
    type_in(&mut model, " # 12");
    assert_eq!(press(&mut model, "enter"), []);
    let why = "source: a # begins a comment; leave it out, or put the name in quotes: '#1.jpg'";
    assert!(said(&model).ends_with(why) && screen(&model, (120, 40)).contains(why), "{}", said(&model));
    press(&mut model, "ctrl-u");
    type_in(&mut model, "'photos:a/b #1.jpg'");
    assert_eq!(model.restore.form.commented(), None);
}

/// The plan screen over a list.
fn quotes() -> Model {
    let mut model = tab();
    list(&mut model, 400, &[3]);
    go(&mut model, "f2");
    assert_eq!(top(&model), "quotes", "{}", said(&model));
    model
}

#[test]
fn the_plan_screen_prices_each_tier_and_refuses_what_goes_over_a_budget() {
    let mut model = quotes();
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        compare(&format!("restore-plan-{}x{}.txt", size.0, size.1), &text);
        for wanted in ["expedited", "standard", "bulk", "~$12.40", "~$3.10", "3 h to 5 h", "OVER", "within"] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
    }
    let text = screen(&model, (140, 40));
    for wanted in ["one job asked again", "left out: 7", "line 7: column 1", "today $3.10 of $20.00 used"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    press(&mut model, "left");
    assert!(screen(&model, (140, 40)).contains(&format!("refused: {OVER}")));
    assert_eq!(press(&mut model, "enter"), [], "nothing is saved, nothing asked");
    assert_eq!(said(&model), format!("quotes.save: {OVER}"));
    // What was not saved is dropped when it is left; the list is still there.
    let effects = press(&mut model, "esc");
    assert!(matches!(&effects[..], [Effect::Do(_, Deed::Drop(PlanId(8)))]), "{effects:?}");
    assert_eq!(top(&model), "batch");
}

#[test]
fn a_plan_for_what_this_version_does_not_write_to_is_priced_and_not_saved() {
    let mut model = quotes();
    let why = "2 files go to S3 or MogileFS, which this version does not write to yet";
    let Some(Overlay::Quotes(quotes)) = model.overlays.last_mut() else { panic!("{}", said(&model)) };
    quotes.view.undelivered = Some(why.to_owned());
    let text = screen(&model, (140, 40));
    for wanted in [format!("refused: {why}"), "~$12.40".to_owned()] {
        assert!(text.contains(&wanted), "{wanted:?} in\n{text}");
    }
    assert_eq!(press(&mut model, "enter"), [], "nothing is saved, nothing asked");
    assert_eq!(said(&model), format!("quotes.save: {why}"));
}

#[test]
fn the_plan_screen_says_over_how_many_days_a_plan_is_spread() {
    let mut model = quotes();
    assert!(!screen(&model, (140, 40)).contains("spread"));
    let Some(Overlay::Quotes(quotes)) = model.overlays.last_mut() else { panic!("{}", said(&model)) };
    let spread = QuoteView {
        days: 10,
        dearest: dollars("2.40"),
        seconds: Some((788_400, 795_600)),
        ..quote("standard", "12.40", &[])
    };
    quotes.view.quotes[quotes.selected] = spread;
    let text = screen(&model, (140, 40));
    for wanted in ["spread over 10 days ([restore] rate_per_day): at most ~$2.40 on one of them", "9 d 3 h to 9 d 5 h"]
    {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
}

#[test]
fn a_plan_is_saved_then_asked_about_then_confirmed_as_it_was_shown() {
    let mut model = quotes();
    let effects = press(&mut model, "enter");
    let [Effect::Ask(query @ Query::Choose { plan: PlanId(8), tier, .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((tier.as_deref(), top(&model)), (Some("standard"), "waiting"));
    // Who stops waiting does not stop it: it is not asked for a second time beside the first.
    let mut impatient = model.clone();
    press(&mut impatient, "esc");
    assert_eq!((top(&impatient), press(&mut impatient, "enter")), ("quotes", vec![]));
    assert_eq!(said(&impatient), "quotes.save: save plan 8: it was asked for and has not been answered yet");
    send(&mut impatient, Msg::Reply(reply(query).unwrap()));
    assert_eq!(top(&impatient), "quotes", "nobody waits for the question any more");
    let again = press(&mut impatient, "enter");
    assert!(matches!(&again[..], [Effect::Ask(Query::Choose { plan: PlanId(8), .. })]), "{again:?}");
    send(&mut model, Msg::Reply(reply(query).unwrap()));
    // It comes when it comes: a key before it was seen is not for it.
    assert_eq!(press(&mut model, "right enter"), []);
    seen(&mut model);
    let asked = confirm(&model);
    assert_eq!((asked.focus, asked.word.as_deref()), (Focus::Cancel, Some("restore")), "above the limit");
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        compare(&format!("restore-confirm-{}x{}.txt", size.0, size.1), &text);
        for wanted in ["9,000 files", "~$12.40", "ceiling ~$19.80", "3 h to 5 h", "42.0 GB"] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
    }
    let mut left = model.clone();
    press(&mut left, "esc esc");
    assert_eq!((top(&left), said(&left)), ("batch", "plan 8 is saved and waits to be confirmed (c on the list Plans)"));
    type_in(&mut model, "restore");
    let effects = press(&mut model, "enter enter");
    let [Effect::Do(ticket, Deed::Confirm { plan: PlanId(8), hash })] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((*hash, top(&model)), (Hash32([7; 32]), ""));
    let already = "plan 8 was confirmed by mira at 2026-11-22T12:00:00Z; it is carried out once".to_owned();
    send(&mut model, Msg::Reply(Reply::Done(*ticket, Err(already))));
    assert!(said(&model).ends_with("confirmed by mira at 2026-11-22T12:00:00Z; it is carried out once"));
    // A cheap one wants no word.
    let mut model = tab();
    model.setup.confirm_above = dollars("100");
    press(&mut model, "c");
    assert_eq!(confirm(&model).word, None);
}

#[test]
fn a_plan_that_somebody_else_has_confirmed_meanwhile_is_not_confirmed_again() {
    let mut model = tab();
    model.setup.confirm_above = dollars("100");
    press(&mut model, "c");
    let mut newer = restores();
    newer.plans[0].row = plan(7, PlanState::Running);
    send(&mut model, Msg::Restores(Arc::new(newer)));
    assert_eq!(press(&mut model, "right enter"), []);
    let told = format!(
        "plan 7 is running; it was confirmed by mira on db-ops-2 at {} meanwhile; nothing was done, look again",
        ago(7_000)
    );
    assert_eq!(said(&model), told);
    assert_eq!(press(&mut model, "c"), []);
    assert!(
        said(&model).starts_with("restore.confirm: plan 7 is running; it was confirmed by mira"),
        "{}",
        said(&model)
    );
}

#[test]
fn what_came_of_confirming_is_said() {
    use firn::console::desk::told;
    use firn::store::Confirmed;
    let id = PlanId(7);
    let who = || "mira\x1b[2J".to_owned();
    assert_eq!(told(id, Confirmed::Yes).unwrap(), "plan 7 is confirmed: the restore worker of its host carries it out");
    let already = told(id, Confirmed::Already { who: who(), at: NOW }).unwrap_err();
    assert_eq!(already, format!("plan 7 was confirmed by mira\\x1b[2J at {NOW}; it is carried out once"));
    assert_eq!(
        told(id, Confirmed::Changed).unwrap_err(),
        "plan 7 is no longer the one that was shown; look at it again"
    );
    assert_eq!(
        told(id, Confirmed::Not(PlanState::Cancelled)).unwrap_err(),
        "plan 7 is cancelled; it cannot be confirmed"
    );
    let over = Confirmed::Over {
        budget: "day",
        when: "2026-11-22".to_owned(),
        limit: dollars("20"),
        used: dollars("3.10"),
        asked: dollars("19.80"),
    };
    assert_eq!(
        told(id, over).unwrap_err(),
        "plan 7 would go beyond the budget of a day (2026-11-22): $20.00, of which $3.10 is spent or set aside, and the \
         plan may cost up to $19.80; nothing was asked for"
    );
}

#[test]
fn stopping_a_plan_says_what_is_paid_and_what_goes_on() {
    let mut model = tab();
    press(&mut model, "down down x");
    let asked = confirm(&model);
    assert_eq!(asked.word.as_deref(), Some("stop"), "many files");
    compare("restore-cancel-80x24.txt", &screen(&model, (80, 24)));
    let text = asked.effect.join("\n");
    for wanted in
        ["$3.10 of at most $19.80 is spent already", "12 jobs of it are under way", "what has been delivered stays"]
    {
        assert!(text.contains(wanted), "{wanted:?} in {text}");
    }
    // The board has its first jobs alone.
    let mut cut = tab();
    send(&mut cut, Msg::Restores(Arc::new(RestoreSnapshot { more_jobs: true, ..restores() })));
    press(&mut cut, "down down x");
    let words = "12 jobs of it are on the board and there may be more: what was asked for goes on";
    assert!(confirm(&cut).effect.iter().any(|line| line.starts_with(words)), "{:?}", confirm(&cut).effect);
    type_in(&mut model, "stop");
    let effects = press(&mut model, "enter enter");
    assert!(matches!(&effects[..], [Effect::Do(_, Deed::Cancel(PlanId(4)))]), "{effects:?}");
    // One that nobody has confirmed is dropped; one that has ended is not stopped.
    let mut model = tab();
    press(&mut model, "x right");
    assert!(matches!(&press(&mut model, "enter")[..], [Effect::Do(_, Deed::Drop(PlanId(7)))]));
    let mut model = tab();
    press(&mut model, "down down down x");
    assert_eq!(said(&model), "restore.cancel: plan 3 is ended; there is nothing to stop");
}

#[test]
fn details_say_everything_and_lead_to_the_files_that_are_wrong() {
    let mut model = tab();
    go(&mut model, "down down enter");
    assert_eq!(top(&model), "plan");
    let text = screen(&model, (140, 70));
    for wanted in [
        "mira on db-ops-2",
        "standard: 3 h to 5 h",
        "~$12.40",
        "one job asked again",
        "glacier-vault",
        "job asked 58",
        "the archive is damaged",
        "restore.confirm",
        "not possible",
    ] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    compare("restore-details-80x24.txt", &screen(&model, (80, 24)));
    go(&mut model, "enter");
    assert_eq!(top(&model), "rows");
    assert!(screen(&model, (140, 40)).contains("plan 4, files: 3"));
    go(&mut model, "w down");
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        compare(&format!("restore-wrong-{}x{}.txt", size.0, size.1), &text);
        for wanted in ["files that are wrong: 2", "its SHA-256 is another", "retry what", "/srv/restored/a/2.jpg"] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
    }
    go(&mut model, "esc a");
    assert!(screen(&model, (140, 40)).contains("plan 4, archives: 1"));
    go(&mut model, "esc r");
    assert_eq!(top(&model), "quotes");
    // What nobody waits for any more is dropped.
    let mut model = tab();
    go(&mut model, "down down down");
    let effects = press(&mut model, "r");
    let [Effect::Ask(query @ Query::Supplement(PlanId(3)))] = &effects[..] else { panic!("{effects:?}") };
    press(&mut model, "esc");
    let effects = send(&mut model, Msg::Reply(reply(query).unwrap()));
    assert!(matches!(&effects[..], [Effect::Do(_, Deed::Drop(PlanId(8)))]), "{effects:?}");
}

#[test]
fn jobs_are_made_faster_when_their_price_was_seen_and_agreed_to() {
    let mut model = tab();
    model.setup.confirm_above = dollars("100");
    let effects = press(&mut model, "down down u");
    let [Effect::Ask(query @ Query::Faster { plan: PlanId(4), job: None, most: false })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(top(&model), "waiting");
    let offers = vec![faster(PlanId(4), "expedited", "3.10", 300), faster(PlanId(4), "standard", "0.40", 18_000)];
    send(&mut model, Msg::Reply(Reply::Faster(query.clone(), Ok(offers.clone()))));
    // It comes when it comes: a key before it was seen is not for it.
    assert_eq!(press(&mut model, "right enter"), []);
    seen(&mut model);
    let asked = confirm(&model);
    assert_eq!((asked.focus, asked.word.as_deref(), asked.go), (Focus::Cancel, None, "faster"));
    assert_eq!(asked.object, ["plan 4: a list of 400 lines", "3 jobs under way, 201.3 MB"]);
    assert_eq!(
        asked.effect,
        [
            "tier standard: 60 min to 5 h from then on",
            "price ~$0.4000 more, the plan's ceiling becomes ~$20.20",
            "~ : some prices of the tariff are not verified",
            "2 jobs are larger than the vault's service promises that time for",
            "expedited instead: ~$3.10 for 3 jobs (key U)",
            "nothing of what was paid is given back; what is asked cannot be taken back",
            "a job that the vault does not make faster goes on as it was; its money is free again",
        ]
    );
    compare("restore-faster-80x24.txt", &screen(&model, (80, 24)));
    // Enter on Cancel does nothing.
    let mut left = model.clone();
    assert_eq!((press(&mut left, "enter"), top(&left)), (vec![], ""));
    let effects = press(&mut model, "right enter");
    let [Effect::Do(ticket, Deed::Faster(deed))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(**deed, offers[1]);
    // Not twice, while it has not been answered.
    assert_eq!(press(&mut model, "U"), []);
    assert_eq!(
        said(&model),
        "restore.fastest: make jobs of plan 4 faster: it was asked for and has not been answered yet"
    );
    send(&mut model, Msg::Reply(Reply::Done(*ticket, Err("plan 4 is ended now; nothing was asked for".to_owned()))));
    assert_eq!(said(&model), "make jobs of plan 4 faster: plan 4 is ended now; nothing was asked for");
    // As fast as can be; a dear one wants the word.
    model.setup.confirm_above = dollars("3");
    let effects = press(&mut model, "U");
    let [Effect::Ask(query @ Query::Faster { most: true, .. })] = &effects[..] else { panic!("{effects:?}") };
    send(&mut model, Msg::Reply(Reply::Faster(query.clone(), Ok(offers.clone()))));
    seen(&mut model);
    assert_eq!(confirm(&model).word.as_deref(), Some("faster"));
    assert!(confirm(&model).effect[0].starts_with("tier expedited: "), "{:?}", confirm(&model).effect);
    // What is over a budget is not asked about; what nobody waits for any more does not come.
    press(&mut model, "esc");
    let over = vec![Faster { over: vec![OVER.to_owned()], ..offers[0].clone() }];
    press(&mut model, "u");
    let query = Query::Faster { plan: PlanId(4), job: None, most: false };
    send(&mut model, Msg::Reply(Reply::Faster(query.clone(), Ok(over))));
    assert_eq!((top(&model), said(&model)), ("", &*format!("jobs of plan 4 are not made expedited: {OVER}")));
    send(&mut model, Msg::Reply(Reply::Faster(query.clone(), Ok(offers))));
    assert_eq!(top(&model), "");
    press(&mut model, "u");
    let why = "3 jobs of plan 4 under way at the vault are in its fastest tier already".to_owned();
    send(&mut model, Msg::Reply(Reply::Faster(query, Err(why.clone()))));
    assert_eq!((top(&model), said(&model)), ("", &*why));
}

#[test]
fn a_job_is_made_faster_alone_and_what_is_not_under_way_is_told() {
    let mut model = tab();
    press(&mut model, "right");
    let job = retrieval(1, RetrievalState::Asked).uuid;
    let effects = press(&mut model, "u");
    assert_eq!(effects, [Effect::Ask(Query::Faster { plan: PlanId(4), job: Some(job), most: false })]);
    press(&mut model, "esc");
    let not = |model: &mut Model, keys: &str, why: &str| {
        assert_eq!(press(model, keys), [], "{why}");
        assert_eq!((top(model), said(model)), ("", &*format!("restore.faster: {why}")));
    };
    not(&mut model, "down u", "the job is ready; only one that is under way is made faster");
    let mut newer = restores();
    let hurry =
        Hurry { tier: "expedited".to_owned(), plan: PlanId(4), price: dollars("1"), asked: None, tries: 0, next: NOW };
    newer.jobs[0].row.faster = Some(hurry);
    newer.jobs[4].plans = vec![PlanId(3)];
    send(&mut model, Msg::Restores(Arc::new(newer)));
    assert!(screen(&model, (140, 40)).contains("→ expedi"), "{}", screen(&model, (140, 40)));
    not(&mut model, "up u", "it is being made faster already (expedited)");
    not(&mut model, "down down down down u", "no running plan waits for the job; nobody would pay for it");
    let mut model = tab();
    not(&mut model, "u", "plan 7 is planned; only jobs of a running plan are made faster");
    not(&mut model, "down u", "no job of plan 6 is under way at the vault; there is nothing to make faster");
    // A vault that cannot.
    model.setup.no_faster = Some("the vault cannot".to_owned());
    not(&mut model, "down u", "the vault cannot");
    press(&mut model, "enter");
    press(&mut model, "u");
    assert_eq!((top(&model), said(&model)), ("plan", "plan.faster: the vault cannot"));
}

#[test]
fn a_read_only_console_writes_nothing_and_plans_nothing() {
    let mut model = tab();
    model.setup.read_only = true;
    for key in ["n", "b", "c", "x", "u", "U", "r"] {
        assert_eq!(press(&mut model, key), []);
        assert_eq!(top(&model), "", "{key}");
        assert!(said(&model).ends_with("this console is read-only ([console] read_only, or --read-only)"), "{key}");
    }
    // It looks at everything.
    go(&mut model, "down enter enter w");
    assert_eq!(top(&model), "rows");
}

#[test]
fn a_finding_of_restores_leads_to_its_plan_or_its_job() {
    let mut snapshot = busy();
    let uuid = archive(3 + 64);
    snapshot.findings = vec![
        finding(Severity::Warning, "restore.stopped", "plan 4"),
        finding(Severity::Unknown, "retrieval.failed", &uuid.to_string()),
    ];
    let mut model = console(snapshot);
    send(&mut model, Msg::Restores(Arc::new(restores())));
    assert!(screen(&model, (140, 40)).lines().next().unwrap().contains("Restore ⚠1"));
    press(&mut model, "F enter");
    assert_eq!((model.tab, model.restore.plans.selected), (TabId::Restore, Some(PlanId(4))));
    press(&mut model, "F down enter");
    assert_eq!(model.restore.jobs.selected, Some(RetrievalId(3)));
    assert_eq!(model.restore.selected_plan(), Some(PlanId(4)));
}

#[test]
fn the_lists_are_filtered_sorted_and_held() {
    let mut model = tab();
    press(&mut model, "/");
    type_in(&mut model, "running");
    press(&mut model, "enter");
    assert_eq!(model.restore.plans.ids, [PlanId(6), PlanId(4)]);
    press(&mut model, "esc s");
    assert_eq!(model.restore.plans.ids, [2, 3, 4, 6, 7].map(PlanId));
    assert_eq!(said(&model), "sorted by plan, smallest first");
    press(&mut model, "S");
    assert_eq!(model.restore.plans.ids, [7, 6, 4, 3, 2].map(PlanId));
    press(&mut model, "right end");
    assert_eq!(model.restore.jobs.selected, Some(RetrievalId(12)));
    assert_eq!(press(&mut model, "y"), [Effect::Copy(archive(76).to_string())]);
    press(&mut model, "z");
    let mut newer = restores();
    newer.plans.truncate(1);
    send(&mut model, Msg::Restores(Arc::new(newer)));
    assert_eq!(model.restore.rows.len(), 5, "held");
    press(&mut model, "z");
    assert_eq!(model.restore.rows.len(), 1);
}
