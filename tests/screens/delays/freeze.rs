//! A replica frozen from the console: when a statement reaches it, the question, the freeze with its checklist, resume.

use std::sync::Arc;
use std::time::Duration;

use firn::base::Time;
use firn::console::effect::{Deed, Effect, FreezeOf, Query};
use firn::console::glyphs::{Charts, Glyphs, Look};
use firn::console::model::Model;
use firn::console::msg::{Msg, Reply};
use firn::console::overlay::{Focus, Overlay};
use firn::console::print;
use firn::console::tabs::delay::freeze::{Reading, statement};
use firn::console::theme::{Depth, Theme};
use firn::console::update::update;
use firn::delay::freeze::danger::{Facts, GtidUse};
use firn::delay::freeze::line::Line;
use firn::delay::freeze::record::{Asked, Phase, Record};
use firn::delay::freeze::report;
use firn::delay::freeze::sight::{Mark, Sight};
use firn::delay::freeze::statement::Statement;
use firn::delay::freeze::steps::{LossInput, Step};
use firn::delay::freeze::{machine, orders};
use firn::delay::privilege::Flavour;
use firn::delay::seen::{IoThread, Position};
use firn::delay::snapshot::{DelaySnapshot, Frozen};
use firn::delay::state::Place;

use super::{asked, delays, later, tab};
use crate::kit::{NOW, ago, go, paint, paint_as, press, said, screen, send, top, type_in};
use crate::pictures::compare;
use crate::sweep::EVIL;

/// When the bad statement began.
const BEGAN: u64 = 1_325;

fn place(at: u64) -> Place {
    Place { position: Some(Position { file: "binlog.000123".to_owned(), at }), gtid: None }
}

fn sight(at: Time, sql: bool, io: IoThread) -> Sight {
    Sight {
        at,
        mark: place(1_234).position.map(Mark::Position),
        io: Some(io),
        sql: Some(sql),
        executed: place(1_234),
        received: place(4_567),
        relay: Some(Position { file: "relay.000044".to_owned(), at: 8_812 }),
        relay_space: Some(812_000_000),
        sql_delay: Some(7_200),
        ..Sight::default()
    }
}

fn facts() -> Facts {
    Facts {
        server: Flavour::parse("10.11.19-MariaDB"),
        relay_log_purge: Some(true),
        relay_log_recovery: Some(true),
        skip_start: Some(false),
        channel: Some(String::new()),
        relay_dir: Some("/var/lib/mysql".to_owned()),
        gtid: Some(GtidUse::No),
        parallel: Some(0),
    }
}

/// How far the replica has got, as it is seen now.
fn line() -> Line {
    let known = Line::alone(sight(ago(4), true, IoThread::Yes), false, Duration::from_mins(1), Duration::from_mins(1));
    let applied = Some(ago(4).minus(Duration::from_millis(7_204_200)));
    Line { delay: Some(7_204.2), applied, slope: Some(0.001), ..known }
}

/// A freeze that has seen these looks, so many seconds ago.
fn record(name: &str, looks: &[(u64, bool, IoThread)]) -> Record {
    let asked = Asked {
        replica: name.to_owned(),
        channel: String::new(),
        external: false,
        gap: Duration::from_mins(1),
        statement: Statement { time: Some(ago(BEGAN)), spot: None },
        degraded: None,
        who: "robin on db-ops-1".to_owned(),
        loss: Some(LossInput::parse("10000", "100", Duration::from_hours(20)).unwrap()),
        facts: Some(facts()),
    };
    let mut record = Box::new(Record::new(asked, ago(looks[0].0)));
    for (at, sql, io) in looks {
        record = machine::next(&record, Ok(sight(ago(*at), *sql, *io)), ago(*at)).record;
    }
    *record
}

/// One that is proven to stand, and was seen a second ago.
fn stands(name: &str) -> Record {
    let looks = [
        (720, true, IoThread::Yes),
        (719, false, IoThread::Yes),
        (718, false, IoThread::No),
        (717, false, IoThread::No),
        (650, false, IoThread::No),
        (1, false, IoThread::No),
    ];
    let record = record(name, &looks);
    assert_eq!(record.phase, Phase::Frozen);
    record
}

/// One whose IO thread is being stopped.
fn under_way(name: &str) -> Record {
    let record = record(name, &[(4, true, IoThread::Yes), (3, false, IoThread::Yes), (2, false, IoThread::Yes)]);
    assert_eq!(record.phase, Phase::StoppingIo);
    record
}

fn reading(record: Option<Record>) -> Reading {
    let line = match &record {
        Some(record) => report::line_of(record, Some(line())),
        None => Some(line()),
    };
    let facts = record.is_none().then(facts);
    Reading { at: NOW, record: record.map(Box::new), line, facts, cannot: None, unseen: None }
}

/// The answer to what is asked of a replica that may have to be frozen.
pub fn answer_freeze(query: &Query) -> Reply {
    let Query::Freeze { name, .. } = query else { panic!("{query:?}") };
    let found = reading((name == "db07-delay").then(|| stands(name)));
    Reply::Freeze(query.clone(), Ok(Box::new(found)))
}

/// The replica's freeze, opened from its picture, with this read.
fn opened(name: &str, found: Result<Reading, String>) -> Model {
    let mut model = tab();
    let at = model.delay.list.ids.iter().position(|id| id == name).unwrap();
    model.delay.list.select(at);
    go(&mut model, "enter");
    let query = asked(&press(&mut model, "f"));
    send(&mut model, Msg::Reply(Reply::Freeze(query, found.map(Box::new))));
    let (_, report) = paint(&model, (80, 24));
    model.drawn(report);
    model
}

fn form() -> Model {
    opened("db14-delay", Ok(reading(None)))
}

fn frozen() -> Model {
    opened("db07-delay", Ok(reading(Some(stands("db07-delay")))))
}

/// Consoles on which no freeze can be begun, ticked or resumed.
pub fn bare() -> Vec<Model> {
    let mut wrong = form();
    type_in(&mut wrong, "noon");
    let mut unread = tab();
    go(&mut unread, "enter right f!");
    assert_eq!(top(&unread), "frozen");
    let mut gone = tab();
    go(&mut gone, "enter");
    send(&mut gone, Msg::Delays(Arc::new(DelaySnapshot { now: NOW, replicas: Vec::new() })));
    vec![wrong, unread, gone]
}

fn as_mono(model: &Model) -> String {
    let theme = Theme::named("mono", Depth::None).unwrap();
    let look = Look { theme: &theme, glyphs: Glyphs::ascii(), charts: Charts::Ascii };
    print::text(&paint_as(model, &look, (80, 24)).0)
}

fn one_line(text: &str) -> String {
    let words = text.lines().map(|line| line.trim_matches(|c: char| "│▕▏|▼▲ ".contains(c)));
    words.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn each_has_its_picture() {
    let mut typed = form();
    type_in(&mut typed, &ago(BEGAN).to_string());
    let going = opened("db07-delay", Ok(reading(Some(under_way("db07-delay")))));
    let shots: [(&str, Model, &[&str]); 3] = [
        (
            "form",
            typed,
            &[
                "Freeze db14-delay",
                "not yet applied",
                "1:37:54 left at the earliest",
                "it reaches this replica in 97 min at the earliest",
            ],
        ),
        (
            "going",
            going,
            &["db07-delay: freeze", "being frozen: the SQL thread stands, the IO thread is being stopped"],
        ),
        ("frozen", frozen(), &["db07-delay: FROZEN", "frozen since", "[x] T+5", "[ ] T+35", "elapsed 22 min"]),
    ];
    for (word, model, wanted) in shots {
        for size in [(80, 24), (140, 40)] {
            let text = screen(&model, size);
            compare(&format!("freeze-{word}-{}x{}.txt", size.0, size.1), &text);
            for wanted in wanted {
                assert!(one_line(&text).contains(wanted), "{wanted:?} in\n{text}");
            }
        }
        let text = as_mono(&model);
        compare(&format!("freeze-{word}-mono-80x24.txt"), &text);
        assert!(text.is_ascii());
    }
}

#[test]
fn it_counts_down_by_the_clock_of_the_state() {
    let mut model = form();
    type_in(&mut model, &ago(BEGAN).to_string());
    let text = one_line(&screen(&model, (140, 40)));
    assert!(text.contains("1:37:54 left at the earliest"), "{text}");
    // Nothing is read meanwhile.
    assert_eq!(update(&mut model, Msg::Tick, later(1)), []);
    assert!(model.dirty);
    let text = one_line(&screen(&model, (140, 40)));
    assert!(text.contains("1:37:53 left at the earliest") && text.contains("not yet applied"), "{text}");
    update(&mut model, Msg::Tick, later(1_800));
    let text = one_line(&screen(&model, (140, 40)));
    // What was last seen half an hour ago says no more that it has not been applied.
    assert!(text.contains("cannot tell") && text.contains("1:07:54 left at the earliest"), "{text}");
    update(&mut model, Msg::Tick, later(5_890));
    assert!(!screen(&model, (140, 40)).contains(" left"), "{}", screen(&model, (140, 40)));
}

#[test]
fn a_wrong_statement_says_why_and_nothing_is_asked() {
    let mut model = form();
    type_in(&mut model, "noon");
    let why = "\"noon\" is no time (2026-11-22T12:04:00Z, UTC), no place in a log (binlog.000123:4567) and no GTID";
    assert!(one_line(&screen(&model, (80, 24))).contains(why), "{}", screen(&model, (80, 24)));
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!((top(&model), said(&model)), ("freeze", format!("freeze.go: {why}").as_str()));
    // What is typed is there again for the next replica: the statement comes to all of them.
    press(&mut model, "esc right");
    go(&mut model, "right right f");
    let Some(Overlay::Freeze(form)) = model.overlays.last() else { panic!("{}", top(&model)) };
    assert_eq!((form.edit.text(), form.name == "db14-delay"), ("noon", false));
}

#[test]
fn a_freeze_wants_the_replicas_name_and_asks_once() {
    let mut model = form();
    type_in(&mut model, "binlog.000123:4000");
    assert_eq!(press(&mut model, "enter"), []);
    let Some(Overlay::Confirm(confirm)) = model.overlays.last() else { panic!("{}", said(&model)) };
    assert_eq!((confirm.focus, confirm.word.as_deref()), (Focus::Cancel, Some("db14-delay")));
    let text = screen(&model, (80, 24));
    for wanted in ["statement at binlog.000123:4000: not yet applied", "the SQL thread is stopped first"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    type_in(&mut model, "freeze");
    assert_eq!(press(&mut model, "tab enter"), []);
    assert_eq!(said(&model), "type \"db14-delay\" to go on");
    press(&mut model, "ctrl-u");
    type_in(&mut model, "db14-delay");
    let effects = press(&mut model, "enter");
    let [Effect::Do(_, Deed::Freeze(of))] = &effects[..] else { panic!("{effects:?}") };
    let wanted = FreezeOf {
        replica: "db14-delay".to_owned(),
        statement: statement("binlog.000123:4000").unwrap(),
        facts: Some(facts()),
    };
    assert_eq!(**of, wanted);
    // Until it is answered it is not asked for again, and what is read shows the freeze.
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!(said(&model), "freeze.go: freeze of db14-delay: it was asked for and has not been answered yet");
    let query = asked(&send(&mut model, Msg::Delays(Arc::new(DelaySnapshot { now: later(2), ..delays() }))));
    assert_eq!(query, Query::Freeze { name: "db14-delay".to_owned(), look: false, ended: false });
    let found = reading(Some(under_way("db14-delay")));
    send(&mut model, Msg::Reply(Reply::Freeze(query, Ok(Box::new(found)))));
    assert_eq!(top(&model), "frozen");
    let text = screen(&model, (80, 24));
    assert!(text.contains("db14-delay: freeze") && !text.contains("FROZEN"), "{text}");
}

#[test]
fn it_is_looked_at_every_ten_seconds_and_not_with_the_freeze_account_where_nothing_may_be_changed() {
    let at = |secs| Msg::Delays(Arc::new(DelaySnapshot { now: later(secs), ..delays() }));
    let mut model = form();
    let query = asked(&send(&mut model, at(2)));
    assert_eq!(query, Query::Freeze { name: "db14-delay".to_owned(), look: true, ended: false });
    // A look that hangs is not asked for twice.
    assert_eq!(send(&mut model, at(4)), []);
    send(&mut model, Msg::Reply(Reply::Freeze(query, Ok(Box::new(reading(None))))));
    assert_eq!(send(&mut model, at(6)), []);
    let soon = NOW.plus(Duration::from_secs(10));
    let query = asked(&update(&mut model, at(10), soon));
    send(&mut model, Msg::Reply(Reply::Freeze(query, Err("the state is away".to_owned()))));
    assert!(screen(&model, (140, 40)).contains("it was not read: the state is away"));
    let mut model = form();
    model.setup.read_only = true;
    assert_eq!(send(&mut model, at(2)), []);
    let query = asked(&update(&mut model, at(12), soon));
    assert_eq!(query, Query::Freeze { name: "db14-delay".to_owned(), look: false, ended: false });
}

#[test]
fn a_read_only_console_freezes_ticks_and_resumes_nothing() {
    let why = "this console is read-only ([console] read_only, or --read-only)";
    for (mut model, key, id) in
        [(form(), "enter", "freeze.go"), (frozen(), "space", "frozen.tick"), (frozen(), "r", "frozen.resume")]
    {
        model.setup.read_only = true;
        let over = model.overlays.len();
        assert_eq!(press(&mut model, key), []);
        assert_eq!((said(&model), model.overlays.len()), (format!("{id}: {why}").as_str(), over));
    }
}

#[test]
fn where_no_account_may_stop_it_that_is_the_reason() {
    let why = "db14-delay has no account that may stop its threads";
    let cannot = || Some(why.to_owned());
    let mut model = opened("db14-delay", Ok(Reading { cannot: cannot(), ..reading(None) }));
    assert!(one_line(&screen(&model, (80, 24))).contains(&format!("it cannot be frozen from here: {why}")));
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!(said(&model), format!("freeze.go: {why}"));
    let found = Reading { cannot: cannot(), ..reading(Some(stands("db07-delay"))) };
    let mut model = opened("db07-delay", Ok(found));
    assert_eq!(press(&mut model, "r"), []);
    assert_eq!(said(&model), format!("frozen.resume: {why}"));
}

#[test]
fn steps_are_ticked_and_a_promotion_asks() {
    let mut model = frozen();
    // The first that is not done is selected.
    let effects = press(&mut model, "space");
    let tick = |step, done| Deed::FreezeTick { replica: "db07-delay".to_owned(), step, done };
    assert!(matches!(&effects[..], [Effect::Do(_, deed)] if *deed == tick(Step::Removed, true)), "{effects:?}");
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!(said(&model), "frozen.tick: step removed of db07-delay: it was asked for and has not been answered yet");
    // One that is done is taken back.
    let effects = press(&mut model, "up enter");
    assert!(matches!(&effects[..], [Effect::Do(_, deed)] if *deed == tick(Step::Stopped, false)), "{effects:?}");
    assert_eq!(press(&mut model, "down down space"), []);
    let Some(Overlay::Confirm(confirm)) = model.overlays.last() else { panic!("{}", said(&model)) };
    assert_eq!(confirm.word.as_deref(), Some("db07-delay"));
    assert!(one_line(&screen(&model, (80, 24))).contains("nobody watches that it stands"));
    type_in(&mut model, "db07-delay");
    let effects = press(&mut model, "tab enter");
    assert!(matches!(&effects[..], [Effect::Do(_, deed)] if *deed == tick(Step::Promoted, true)), "{effects:?}");
    // Below the steps nothing is ticked.
    assert_eq!(press(&mut model, "end space"), []);
    assert_eq!(said(&model), "frozen.tick: select a recovery step (with the arrow keys)");
}

#[test]
fn resume_says_what_it_lets_be_applied_and_wants_the_name() {
    let mut model = frozen();
    assert_eq!(press(&mut model, "r"), []);
    let Some(Overlay::Confirm(confirm)) = model.overlays.last() else { panic!("{}", said(&model)) };
    assert_eq!((confirm.focus, confirm.word.as_deref()), (Focus::Cancel, Some("db07-delay")));
    let text = one_line(&screen(&model, (140, 40)));
    for wanted in
        ["RESUMED, IT IS APPLIED HERE: not before", "not yet applied", "not applied lies from binlog.000123:1234 to"]
    {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    type_in(&mut model, "db07-delay");
    let effects = press(&mut model, "tab enter");
    assert!(matches!(&effects[..], [Effect::Do(_, Deed::Resume(name))] if name == "db07-delay"), "{effects:?}");
    // One that was promoted is started by nobody.
    let mut record = stands("db07-delay");
    record = *orders::tick(&record, Step::Promoted, true, "robin", NOW, NOW).unwrap().record;
    let mut model = opened("db07-delay", Ok(reading(Some(record.clone()))));
    assert_eq!(press(&mut model, "r"), []);
    assert!(
        said(&model).starts_with("frozen.resume: db07-delay was promoted: nothing is started on it"),
        "{}",
        said(&model)
    );
    // One that is over is told, and neither ticked nor resumed.
    record = *orders::ask_release(&record, "robin", NOW).unwrap().record;
    let mut model = opened("db07-delay", Ok(reading(Some(record))));
    assert_eq!(press(&mut model, "r space"), []);
    assert_eq!(said(&model), "frozen.tick: the freeze is over");
    assert!(screen(&model, (80, 24)).contains("ended at"));
}

#[test]
fn all_there_is_about_a_freeze_is_seen_and_copied() {
    let mut model = frozen();
    let mut seen = String::new();
    let mut copied = Vec::new();
    press(&mut model, "home");
    for _ in 0..60 {
        let (buffer, report) = paint(&model, (80, 24));
        model.drawn(report);
        seen.push_str(&print::text(&buffer));
        let Effect::Copy(text) = &press(&mut model, "y")[0] else { panic!() };
        copied.push(text.clone());
        press(&mut model, "down");
    }
    let seen = one_line(&seen);
    for wanted in [
        "loss without the delayed replica",
        "relay_log_recovery is ON",
        "and asks the source for it again",
        "mariadb-binlog",
        "proof: from",
        "asked for by robin on db-ops-1",
        "firn delay resume db07-delay --until FILE:POSITION",
        "firn delay resume db07-delay --by-hand",
        "executed binlog.000123:1234",
        "freeze asked for by robin",
    ] {
        assert!(seen.contains(wanted), "{wanted:?} in\n{seen}");
    }
    assert!(copied.contains(&"firn delay resume db07-delay --by-hand".to_owned()), "{copied:?}");
    assert!(copied.iter().any(|text| text.starts_with("[x] T+5")), "{copied:?}");
    let Effect::Copy(all) = &press(&mut model, "Y")[0] else { panic!() };
    assert!(all.starts_with("db07-delay: frozen since") && all.contains("\nhistory:\n"), "{all}");
}

#[test]
fn one_that_was_not_seen_lately_is_not_called_frozen() {
    let mut model = frozen();
    let text = screen(&model, (80, 24));
    assert!(text.contains("db07-delay: FROZEN"), "{text}");
    update(&mut model, Msg::Tick, NOW.plus(Duration::from_mins(1)));
    let text = screen(&model, (80, 24));
    assert!(text.contains("was frozen at") && text.contains("nobody watches it") && !text.contains("FROZEN"), "{text}");
}

#[test]
fn only_what_is_proven_is_called_frozen_whatever_the_words() {
    let shown = |proven| {
        let mut snapshot = delays();
        let line = snapshot.replicas.iter_mut().find(|line| line.name == "db14-delay").unwrap();
        line.frozen =
            Some(Frozen { proven, words: "frozen cellar: it cannot be read".to_owned(), ..Frozen::default() });
        let mut model = tab();
        send(&mut model, Msg::Delays(Arc::new(snapshot)));
        screen(&model, (140, 40))
    };
    // Another one of the list is frozen.
    let count = |text: &str| text.matches("FROZEN: ").count();
    assert!(count(&shown(true)) > 1 && count(&shown(false)) == 1, "{}", shown(false));
    assert!(shown(false).contains("FREEZE: frozen cellar") && shown(true).contains("FROZEN: cellar"));
    assert!(shown(false).contains("1 FROZEN") && shown(true).contains("2 FROZEN"));
}

#[test]
fn what_servers_say_is_letters() {
    let mut record = stands("db07-delay");
    record = Record {
        replica: EVIL.to_owned(),
        asked: firn::delay::freeze::record::By { at: NOW, who: EVIL.to_owned() },
        ..record
    };
    record.last.as_mut().unwrap().sql_error = Some((1062, EVIL.to_owned()));
    record.last.as_mut().unwrap().executed.gtid = Some(EVIL.to_owned());
    record.facts.as_mut().unwrap().relay_dir = Some(EVIL.to_owned());
    let evil = Reading { cannot: Some(EVIL.to_owned()), unseen: Some(EVIL.to_owned()), ..reading(None) };
    let mut over = vec![
        opened("db07-delay", Ok(reading(Some(record)))),
        opened("db07-delay", Err(EVIL.to_owned())),
        opened("db14-delay", Ok(evil)),
        opened("db14-delay", Err(EVIL.to_owned())),
    ];
    for model in &mut over {
        for _ in 0..50 {
            let (buffer, report) = paint(model, (80, 24));
            crate::kit::assert_printable(&buffer, "a freeze");
            model.drawn(report);
            press(model, "down");
        }
    }
}
