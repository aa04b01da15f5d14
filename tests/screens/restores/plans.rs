//! What plans cost, the questions about them, and what came of these.

use std::sync::Arc;

use firn::base::hash::Hash32;
use firn::base::ids::PlanId;
use firn::console::effect::{Deed, Effect, Query};
use firn::console::model::Model;
use firn::console::msg::{Msg, Reply};
use firn::console::overlay::{Focus, Overlay};
use firn::console::tabs::restore::about;
use firn::restore::snapshot::{PlanLine, RestoreSnapshot};
use firn::restore::view::QuoteView;
use firn::services::Faster;
use firn::store::{Hurry, PlanState, PlanTotals, RetrievalState};

use super::{OVER, confirm, dollars, faster, list, plan, quote, reply, restores, retrieval, tab, totals};
use crate::kit::{NOW, ago, go, press, said, screen, seen, send, top, type_in};
use crate::pictures::compare;

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
fn files_that_replace_what_is_there_are_told_and_asked_for_by_a_word() {
    let told = "12 files replace what is there and differs";
    let mut model = quotes();
    let Some(Overlay::Quotes(quotes)) = model.overlays.last_mut() else { panic!("{}", said(&model)) };
    quotes.view.overwrites = 12;
    compare("restore-plan-overwrites-80x24.txt", &screen(&model, (80, 24)));
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        assert!(text.contains(told), "{told:?} in\n{text}");
    }
    // However cheap it is: a word is typed. Also of a plan that was saved before.
    model.setup.confirm_above = dollars("100");
    let effects = press(&mut model, "enter");
    let [Effect::Ask(query @ Query::Choose { .. })] = &effects[..] else { panic!("{effects:?}") };
    let mut row = plan(8, PlanState::Planned);
    row.totals = Some(PlanTotals { overwrites: 12, ..totals("standard") });
    send(&mut model, Msg::Reply(Reply::Chosen(query.clone(), Ok(Box::new(row.clone())))));
    seen(&mut model);
    compare("restore-confirm-overwrites-80x24.txt", &screen(&model, (80, 24)));
    let mut later = tab();
    later.setup.confirm_above = dollars("100");
    let mut newer = restores();
    newer.plans[0].row.totals = Some(PlanTotals { overwrites: 1, ..totals("standard") });
    send(&mut later, Msg::Restores(Arc::new(newer)));
    press(&mut later, "c");
    for (model, told) in [(&model, told), (&later, "1 file replaces what is there and differs")] {
        let asked = confirm(model);
        assert_eq!((asked.word.as_deref(), &*asked.effect[0]), (Some("restore"), told));
    }
    // A key alone does not do it.
    assert_eq!(press(&mut later, "right enter"), []);
    assert_eq!(top(&later), "confirm");
    type_in(&mut later, "restore");
    let effects = press(&mut later, "enter enter");
    assert!(matches!(&effects[..], [Effect::Do(_, Deed::Confirm { plan: PlanId(7), .. }), _]), "{effects:?}");
    // All about the plan says it, too.
    let line = PlanLine { row, steps: None, held: None };
    let details = about::plan(&line, "db-ops-1", (&[], false), &[], NOW);
    let files = details.groups.iter().find(|group| group.title == "files").unwrap();
    assert!(files.lines.iter().any(|(name, value, _)| name == "overwrite" && value == told), "{files:?}");
}

#[test]
fn an_answer_finds_who_waits_for_it_though_help_lies_over_it() {
    let waits = |model: &Model| model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Waiting(_)));
    let mut model = tab();
    list(&mut model, 400, &[3]);
    let effects = press(&mut model, "f2");
    let query = effects.iter().find_map(|effect| match effect {
        Effect::Ask(query @ Query::Draft { .. }) => Some(query.clone()),
        _ => None,
    });
    let query = query.unwrap_or_else(|| panic!("nothing is priced: {effects:?}"));
    for over in ["?", ":"] {
        // The plan is there when help is left, and is not thrown away.
        let mut model = model.clone();
        press(&mut model, over);
        let word = top(&model);
        assert_eq!(send(&mut model, Msg::Reply(reply(&query).unwrap())), []);
        assert_eq!((top(&model), waits(&model)), (word, false));
        assert_eq!(press(&mut model, "esc"), []);
        assert_eq!(top(&model), "quotes");
    }
    // Nor does what failed stand there for ever: it is told where it was asked for.
    let mut failed = model.clone();
    press(&mut failed, "?");
    send(&mut failed, Msg::Reply(Reply::Draft(query.clone(), Err("the disk is full".to_owned()))));
    assert_eq!((top(&failed), said(&failed)), ("help", "no plan: the disk is full"));
    press(&mut failed, "esc");
    assert_eq!((top(&failed), failed.restore.editor.wrong.as_deref()), ("batch", Some("the disk is full")));
    // Who has left is not followed: that plan is dropped.
    let mut left = model.clone();
    press(&mut left, "esc ?");
    let effects = send(&mut left, Msg::Reply(reply(&query).unwrap()));
    assert!(matches!(&effects[..], [Effect::Do(_, Deed::Drop(PlanId(8)))]), "{effects:?}");
    // The question about a plan that was saved: seen before a key is for it.
    send(&mut model, Msg::Reply(reply(&query).unwrap()));
    let effects = press(&mut model, "enter");
    let [Effect::Ask(query @ Query::Choose { .. })] = &effects[..] else { panic!("{effects:?}") };
    press(&mut model, "?");
    send(&mut model, Msg::Reply(reply(query).unwrap()));
    seen(&mut model);
    assert_eq!((top(&model), waits(&model)), ("help", false));
    press(&mut model, "esc");
    assert_eq!((top(&model), press(&mut model, "right enter")), ("confirm", vec![]));
    assert_eq!(confirm(&model).focus, Focus::Cancel);
    seen(&mut model);
    press(&mut model, "right");
    assert_eq!(confirm(&model).focus, Focus::Go);
    // What making jobs faster costs.
    let mut model = tab();
    let effects = press(&mut model, "down down u");
    let [Effect::Ask(query @ Query::Faster { .. })] = &effects[..] else { panic!("{effects:?}") };
    let mut refused = model.clone();
    press(&mut model, "?");
    send(&mut model, Msg::Reply(reply(query).unwrap()));
    assert_eq!((top(&model), waits(&model)), ("help", false));
    press(&mut model, "esc");
    assert_eq!((top(&model), confirm(&model).go, confirm(&model).seen), ("confirm", "faster", false));
    press(&mut refused, "?");
    send(&mut refused, Msg::Reply(Reply::Faster(query.clone(), Err("the vault is away".to_owned()))));
    assert_eq!((top(&refused), waits(&refused), said(&refused)), ("help", false, "the vault is away"));
}

#[test]
fn not_to_wait_is_not_said_to_undo_what_is_saved() {
    let close = firn::console::action::find("waiting.close").unwrap();
    assert_eq!(close.text, "do not wait; nothing is spent (a plan that is being saved is saved)");
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
fn what_is_held_up_is_told_with_its_reason_and_tried_again_by_a_key() {
    let mut model = tab();
    // Plan 7 waits for its answer: nothing of it is held up.
    assert_eq!(press(&mut model, "t"), []);
    assert_eq!(said(&model), "restore.again: nothing of plan 7 is held up");
    go(&mut model, "down");
    let text = screen(&model, (140, 40));
    let row = text.lines().find(|line| line.contains("a list of 600")).unwrap();
    assert!(row.contains("HELD UP") && row.contains("cannot write /srv/resto"), "{text}");
    let effects = press(&mut model, "t");
    assert!(matches!(&effects[..], [Effect::Do(_, Deed::Again(PlanId(6)))]), "{effects:?}");
    // Asked once until it is answered.
    assert_eq!(press(&mut model, "t"), []);
    assert!(said(&model).contains("it was asked for and has not been answered yet"), "{}", said(&model));
}
