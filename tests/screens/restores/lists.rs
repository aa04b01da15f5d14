//! The lists of plans and jobs: what they show, how they are gone through, and where details lead.

use std::sync::Arc;
use std::time::Duration;

use firn::base::Severity;
use firn::base::ids::{PlanId, RetrievalId};
use firn::console::effect::{Deed, Effect, Query};
use firn::console::msg::Msg;
use firn::console::tabs::TabId;
use firn::restore::snapshot::{self, Step};
use firn::store::{PartState, RetrievalRow, RetrievalState};

use super::{later, part_row, reply, restores, retrieval, tab};
use crate::kit::{NOW, ago, archive, busy, console, finding, go, press, said, screen, send, top, type_in};
use crate::pictures::compare;

#[test]
fn the_tab_shows_plans_jobs_and_money() {
    let model = tab();
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        compare(&format!("restore-{}x{}.txt", size.0, size.1), &text);
        for wanted in [
            "RUNNING 2",
            "2,408 of 18,000",
            "today $3.10 of $20.00",
            "this month $41.00, no budget",
            "to be confirmed",
            "job asked (58)",
            "1 HELD UP",
            "HELD UP    ",
            "1,204/9,000",
            "Jobs",
        ] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
    }
    let text = screen(&model, (140, 40));
    for wanted in
        ["JOBS 6 asked  6 ready", "ready in 2 h 30 min", "cannot write /srv/resto", "throttled", "~$19.80", "4 +1"]
    {
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
    type_in(&mut model, "job asked");
    press(&mut model, "enter");
    assert_eq!(model.restore.plans.ids, [PlanId(4)]);
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
