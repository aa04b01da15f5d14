//! One replica looked at closely: its chart, what is read for it, and all that the verdict rests on.

use std::sync::Arc;
use std::time::Duration;

use firn::console::effect::{Effect, Query};
use firn::console::glyphs::{Charts, Glyphs, Look};
use firn::console::model::Model;
use firn::console::msg::{Msg, Reply};
use firn::console::overlay::Overlay;
use firn::console::print;
use firn::console::tabs::delay::{ReplicaView, Span};
use firn::console::theme::{Depth, Theme};
use firn::delay::snapshot::DelaySnapshot;

use super::{answer_chart, asked, delays, healthy, later, over, tab};
use crate::kit::{NOW, go, paint, paint_as, press, said, screen, send, top};
use crate::pictures::{compare, looks};

/// The replica whose name begins so, looked at closely.
fn closely(name: &str) -> Model {
    let mut model = tab();
    let at = model.delay.list.ids.iter().position(|id| id.starts_with(name)).unwrap();
    model.delay.list.select(at);
    go(&mut model, "enter");
    assert_eq!(top(&model), "replica");
    model
}

fn view(model: &Model) -> &ReplicaView {
    match model.overlays.last() {
        Some(Overlay::Replica(view)) => view,
        other => panic!("{other:?}"),
    }
}

fn chart(span: Span, name: &str, until: firn::base::Time) -> Query {
    Query::DelayChart { name: name.to_owned(), span, until }
}

fn as_ascii(model: &Model) -> String {
    let theme = Theme::named("mono", Depth::None).unwrap();
    let look = Look { theme: &theme, glyphs: Glyphs::ascii(), charts: Charts::Ascii };
    print::text(&paint_as(model, &look, (80, 24)).0)
}

#[test]
fn each_state_has_its_picture() {
    let wanted: [(&str, &str, &[&str]); 6] = [
        ("db01", "healthy", &["OK for 10 d", "now 7,204 s", "of 5,400–9,000 s", "at most 9,000 s", "12:00Z now"]),
        ("db11", "backup", &["WARNING", "Active backup 9208 s", "now 16,408 s", " backup ", "20,000"]),
        (
            "db09",
            "recovery",
            &["in recovery window for backup", "back in 2 h 42 min", " recovery ", " backup ", " deshard "],
        ),
        ("db14", "critical", &["CRITICAL for 11 min", "slope does not indicate recovery", "also", "rule 12"]),
        ("db20", "unknown", &["UNKNOWN", "nobody has judged it yet", "now –", "no sample in this time"]),
        ("db07", "frozen", &["CRITICAL, FROZEN", "FROZEN: stopped at 11:48Z", "SQL thread stopped, no job"]),
    ];
    for (name, word, wanted) in wanted {
        let model = closely(name);
        for size in [(80, 24), (140, 40)] {
            let text = screen(&model, size);
            compare(&format!("delay-{word}-{}x{}.txt", size.0, size.1), &text);
            for wanted in wanted {
                assert!(text.contains(wanted), "{wanted:?} in\n{text}");
            }
        }
        let text = as_ascii(&model);
        compare(&format!("delay-{word}-ascii-80x24.txt"), &text);
        assert!(text.is_ascii());
    }
    let theme = Theme::named("default", Depth::True).unwrap();
    let look = Look { theme: &theme, glyphs: Glyphs::utf8(), charts: Charts::Braille };
    let text = print::text(&paint_as(&closely("db09"), &look, (140, 40)).0);
    compare("delay-recovery-braille-140x40.txt", &text);
}

#[test]
fn windows_limits_and_the_fitted_line_are_told_apart_without_colour() {
    let text = as_ascii(&closely("db09"));
    // A deshard, a backup, their recovery; samples, the line that leads on, now, the limits.
    for (sign, least) in [('\\', 5), ('/', 20), ('*', 30), ('+', 5), ('-', 60)] {
        let count = text.lines().skip(6).take(8).flat_map(str::chars).filter(|c| *c == sign).count();
        assert!(count >= least, "{count} of {sign:?} in\n{text}");
    }
    // Recovery is dots, and nothing but dots and blanks stands where it is alone.
    let bottom = text.lines().find(|line| line.trim_start_matches('|').trim_start().starts_with("0 |")).unwrap();
    assert!(bottom.contains(" . . .") && bottom.contains("/ / /") && bottom.contains('\\'), "{text}");
}

#[test]
fn a_limit_that_is_broken_is_drawn_as_bad_as_the_verdict() {
    let theme = Theme::named("default", Depth::True).unwrap();
    let (buffer, _) = paint(&closely("db14"), (140, 40));
    assert_eq!(looks(&buffer, &theme, "at most 9,000 s"), "critical");
    assert_eq!(looks(&buffer, &theme, "at least 5,400 s"), "dim");
    assert_eq!(looks(&buffer, &theme, "3,870 s beyond"), "critical");
    assert_eq!(looks(&buffer, &theme, "– of 28,800 s"), "dim");
    let (buffer, _) = paint(&closely("db11"), (140, 40));
    assert_eq!(looks(&buffer, &theme, "at most 9,000 s"), "warning");
}

#[test]
fn a_chart_is_read_when_it_would_look_otherwise_and_not_before() {
    let mut model = tab();
    let name = "db14-delay";
    let query = asked(&press(&mut model, "enter"));
    assert_eq!(query, chart(Span::Six, name, NOW));
    assert!(screen(&model, (140, 40)).contains("reading … 6 h shown"));
    // What is asked is not asked again before it is answered.
    let again = |secs| Msg::Delays(Arc::new(DelaySnapshot { now: later(secs), ..delays() }));
    assert_eq!(send(&mut model, again(2)), []);
    send(&mut model, Msg::Reply(answer_chart(&query)));
    assert!(view(&model).chart.is_some() && view(&model).asked.is_none());
    // A column of six hours is some ninety seconds wide.
    assert_eq!(send(&mut model, again(89)), []);
    let query = asked(&send(&mut model, again(90)));
    assert_eq!(query, chart(Span::Six, name, later(90)));
    let failed = Err("the state is \u{1b}[1maway".to_owned());
    send(&mut model, Msg::Reply(Reply::DelayChart(query, failed)));
    assert_eq!(view(&model).wrong.as_deref(), Some("the state is \u{1b}[1maway"));
    // What was read stays, and it is tried again.
    assert!(view(&model).chart.is_some());
    let query = asked(&send(&mut model, again(92)));
    send(&mut model, Msg::Reply(answer_chart(&query)));
    assert_eq!(view(&model).wrong, None);
    // Closer and wider.
    let query = asked(&press(&mut model, "["));
    assert_eq!(query, chart(Span::Hour, name, later(92)));
    assert_eq!(press(&mut model, "["), []);
    assert_eq!(said(&model), "replica.closer: 1 h is the shortest time there is");
    // What was read of six hours is new enough; the answer that nobody waits for any more changes nothing.
    assert_eq!(press(&mut model, "e"), []);
    send(&mut model, Msg::Reply(answer_chart(&query)));
    assert_eq!(view(&model).chart.as_ref().map(|read| read.span), Some(Span::Six));
    for (span, key) in [(Span::Day, "]"), (Span::Ten, "-")] {
        assert_eq!(asked(&press(&mut model, key)), chart(span, name, later(92)));
    }
    assert_eq!(press(&mut model, "]"), []);
    assert_eq!(said(&model), "replica.wider: samples are kept for 10 d and no longer");
    assert_eq!(asked(&press(&mut model, "e")), chart(Span::Hour, name, later(92)));
    // The next replica is looked at as closely.
    assert_eq!(asked(&press(&mut model, "right")), chart(Span::Hour, "db07-delay", later(92)));
    assert_eq!(asked(&press(&mut model, "left")), chart(Span::Hour, name, later(92)));
    assert_eq!(asked(&press(&mut model, "h")), chart(Span::Hour, "db21-delay/archive", later(92)));
    assert_eq!(press(&mut model, "y"), [Effect::Copy("db21-delay/archive".to_owned())]);
}

#[test]
fn a_chart_that_cannot_be_read_says_why() {
    let mut model = tab();
    let query = asked(&press(&mut model, "enter"));
    send(&mut model, Msg::Reply(Reply::DelayChart(query, Err("the disk said no".to_owned()))));
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        // The newest sample is known all the same.
        assert!(
            text.contains("now 12,870 s") && text.contains("its samples were not read: the disk said no"),
            "{text}"
        );
    }
}

#[test]
fn while_the_screen_is_held_nothing_is_read_anew() {
    let mut model = closely("db14");
    press(&mut model, "esc z enter");
    let query = chart(Span::Six, "db14-delay", NOW);
    send(&mut model, Msg::Reply(answer_chart(&query)));
    let newer = DelaySnapshot { now: later(900), ..delays() };
    assert_eq!(send(&mut model, Msg::Delays(Arc::new(newer))), []);
    // Another span of the held time is.
    assert_eq!(asked(&press(&mut model, "]")), chart(Span::Day, "db14-delay", NOW));
}

#[test]
fn everything_that_the_verdict_rests_on_is_below_the_chart() {
    let mut model = closely("db11");
    let mut seen = String::new();
    for _ in 0..12 {
        let (buffer, report) = paint(&model, (80, 24));
        model.drawn(report);
        seen.push_str(&print::text(&buffer));
        press(&mut model, "pgdn");
    }
    let joined = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    for wanted in [
        "decided by",
        "newest sample",
        "fitted, now",
        "replays at 0.00×",
        "limits, the nearest first",
        "16,408 s of 9,000 s 7,408 s beyond",
        "0.5 s of 1,800 s 1 %",
        "– of 28,800 s",
        "over 10 min, a sample every 10 s",
        "runs for 2 h 33 min of at most 18 h",
        "9,208 s of 64,800 s",
        "not degraded",
        "Yes, Waiting for master to send event",
        "held back by the server",
        "7,200 s, the next event waits 12 s",
        "never judged",
        "local 0.4 s old",
        "primary's own 0.5 s old",
        "binlog.000123:4567; there for 1 s",
        "binlog.000123:1234; there for 2 h 33 min",
        "relay.000044:8812",
        "history, the newest first",
        "WARNING, rule 14",
        "OK, rule 16",
        "db-ops-1, 4 s ago",
        "the first look",
        "10.11.19-MariaDB",
        "db01:3306, server_id 1",
        "read_only ON",
    ] {
        assert!(joined.contains(wanted), "{wanted:?} in\n{seen}");
    }
    // The end is the end: a page further changes nothing.
    let (before, _) = paint(&model, (80, 24));
    press(&mut model, "pgdn end");
    assert_eq!(print::text(&paint(&model, (80, 24)).0), print::text(&before));
    press(&mut model, "home");
    assert!(screen(&model, (80, 24)).contains("decided by"));
    let Effect::Copy(all) = &press(&mut model, "Y")[0] else { panic!() };
    assert!(all.starts_with("db11-delay\n") && all.contains("  read_only: ON\n"), "{all}");
}

#[test]
fn in_two_columns_nothing_is_lost_and_nothing_is_twice() {
    let mut model = closely("db11");
    let mut seen = String::new();
    for _ in 0..4 {
        let (buffer, report) = paint(&model, (140, 40));
        model.drawn(report);
        seen.push_str(&print::text(&buffer));
        press(&mut model, "pgdn");
    }
    for wanted in [
        "decided by",
        "limits, the nearest",
        "degraded for",
        "threads",
        "heartbeats",
        "positions",
        "history",
        "judged",
        "server",
    ] {
        assert!(seen.contains(wanted), "{wanted:?} in\n{seen}");
    }
    let first = screen(&closely("db11"), (140, 40));
    for heading in ["limits, the nearest first", "degraded for", "threads   "] {
        assert_eq!(first.matches(heading).count(), 1, "{heading} in\n{first}");
    }
}

#[test]
fn a_replica_that_is_configured_no_more_says_so() {
    let mut model = closely("db14");
    let none = DelaySnapshot { now: later(2), replicas: vec![healthy("db01-delay")] };
    send(&mut model, Msg::Delays(Arc::new(none)));
    assert!(screen(&model, (80, 24)).contains("it is configured no more"));
    assert_eq!(press(&mut model, "Y"), []);
    assert_eq!(said(&model), "replica.copy-all: it is configured no more");
    press(&mut model, "esc");
    assert_eq!(top(&model), "");
}

#[test]
fn spans_are_as_long_as_they_say() {
    let hours = [1, 6, 24, 240];
    for (span, hours) in Span::ALL.into_iter().zip(hours) {
        assert_eq!(span.length(), Duration::from_hours(hours));
    }
    assert_eq!(Span::Ten.next(), Span::Hour);
    assert_eq!(over(delays()).delay.span, Span::Six);
}
