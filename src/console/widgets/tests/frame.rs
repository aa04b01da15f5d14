//! Header, footer, notice, strip, pane, and what a screen too small shows.

use super::super::bar::{self, BarView};
use super::super::footer::{self, FooterView, KeyHint};
use super::super::header::{self, Connection, HeaderView, Tab};
use super::super::notice::{self, Level, Notice};
use super::super::pane::{self, PaneView};
use super::super::spark::{self, SparkView};
use super::super::strip::{self, Item, Part};
use super::super::{Extent, follow, small};
use super::*;

pub(super) fn header_view() -> HeaderView<'static> {
    let tab = |title: &'static str, severity, count| Tab { title: title.into(), severity, count, configured: true };
    HeaderView {
        environment: Some("prod".into()),
        production: true,
        host: "db-ops-1".into(),
        tabs: vec![
            tab("Backup", Severity::Ok, 0),
            tab("Restore", Severity::Ok, 3),
            Tab { configured: false, ..tab("Audit", Severity::Ok, 0) },
            tab("Delay", Severity::Critical, 1),
            tab("Redis", Severity::Warning, 2),
            tab("Counters", Severity::Ok, 0),
        ],
        active: 0,
        badge: None,
        read_only: false,
        held: None,
        workers: None,
        connections: vec![
            Connection { name: "vault".into(), state: "ok".into(), severity: Severity::Ok },
            Connection { name: "db".into(), state: "ok".into(), severity: Severity::Ok },
        ],
        clock: "12:04Z".into(),
    }
}

pub(super) fn footer_view() -> FooterView<'static> {
    let key = |key: &'static str, text: &'static str, enabled| KeyHint { key: key.into(), text: text.into(), enabled };
    FooterView {
        notice: None,
        finding: Some((
            Severity::Critical,
            "Delay: replica db14 out of band 11 min, not recovering (slope +0.9 s/s)".into(),
        )),
        keys: vec![key("f", "freeze", true), key("w", "window", false)],
        fixed: vec![key("?", "help", true), key(":", "command", true), key("q", "quit", true)],
    }
}

fn header(view: &HeaderView<'_>, width: u16, look: &Look<'_>) -> Screen {
    Screen::draw(width, 2, look, |area, buf, hits| header::draw(view, look, area, buf, hits))
}

fn footer(view: &FooterView<'_>, width: u16, look: &Look<'_>) -> Screen {
    Screen::draw(width, 2, look, |area, buf, hits| footer::draw(view, look, area, buf, hits))
}

#[test]
fn the_header_at_120_columns_and_its_styles() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let screen = header(&header_view(), 120, &look);
    assert_seen(
        &screen,
        "
 firn   prod   db-ops-1  1 Backup  2 Restore ●3  3 Audit  4 Delay ✖1  5 Redis ⚠2  6 Counters    vault ok  db ok  12:04Z
────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
",
    );
    screen.assert_role("✖1", Role::Critical, &look);
    screen.assert_role("⚠2", Role::Warning, &look);
    screen.assert_role("●3", Role::Ok, &look);
    screen.assert_role("1 Backup", Role::TabActive, &look);
    screen.assert_role("2 Restore", Role::TabIdle, &look);
    screen.assert_role("3 Audit", Role::Disabled, &look);
    screen.assert_role(" prod ", Role::Production, &look);
    assert_eq!(screen.under(HitId::Tab(3)), "4 Delay ✖1");
    assert_eq!(screen.hits.len(), 6);
}

#[test]
fn the_header_at_80_columns_keeps_environment_titles_and_marks() {
    let theme = theme(Depth::None);
    let look = utf8(&theme);
    assert_seen(
        &header(&header_view(), 80, &look),
        "
  prod   1 Backup  2 Restore ●3  3 Audit  4 Delay ✖1  5 Redis ⚠2  6 Counters
────────────────────────────────────────────────────────────────────────────────
",
    );
}

#[test]
fn the_header_loses_what_matters_least_first_and_marks_never() {
    let theme = theme(Depth::None);
    let look = utf8(&theme);
    let db = Connection { name: "db".into(), state: "retry in 5 s".into(), severity: Severity::Critical };
    let full = HeaderView {
        badge: Some("DEMO".into()),
        held: Some("12:04:31Z".into()),
        workers: Some("fetch upload".into()),
        connections: vec![header_view().connections.remove(0), db],
        ..header_view()
    };
    let lines = [190, 150, 130, 110, 90, 70, 60, 50].map(|width| {
        let screen = header(&full, width, &look);
        let text = screen.text();
        text.lines().next().unwrap_or_default().to_owned()
    });
    for (line, width) in lines.iter().zip([190, 150, 130, 110, 90, 70, 60, 50]) {
        for kept in ["prod", "DEMO", "HELD", "●3", "✖1", "⚠2"] {
            assert!(line.contains(kept), "{kept} at {width}: {line}");
        }
        assert_eq!(line.contains("db retry in 5 s"), width > 60, "{width}: {line}");
    }
    let lines = Screen::draw(190, 8, &look, |area, buf, _| {
        for (line, y) in lines.iter().zip(0..) {
            paint::text(line, Role::Text, 0, y, area.width, &look, buf);
        }
    });
    assert_seen(&lines, "
 firn   prod    DEMO    HELD since 12:04:31Z   db-ops-1  1 Backup  2 Restore ●3  3 Audit  4 Delay ✖1  5 Redis ⚠2  6 Counters          workers fetch upload  vault ok  db retry in 5 s  12:04Z
 firn   prod    DEMO    HELD since 12:04:31Z   1 Backup  2 Restore ●3  3 Audit  4 Delay ✖1  5 Redis ⚠2  6 Counters  vault ok  db retry in 5 s  12:04Z
  prod    DEMO    HELD since 12:04:31Z   1 Backup  2 Restore ●3  3 Audit  4 Delay ✖1  5 Redis ⚠2  6 Counters      db retry in 5 s
 firn   prod    DEMO    HELD since 12:04:31Z   1 Backup  2 ●3  3  4 ✖1  5 ⚠2  6       db retry in 5 s  12:04Z
  prod    DEMO    HELD   1 Backup  2 ●3  3  4 ✖1  5 ⚠2  6                 db retry in 5 s
  prod    DEMO    HELD   1  2 ●3  3  4 ✖1  5 ⚠2  6    db retry in 5 s
  prod    DEMO    HELD   1  2 ●3  3  4 ✖1  5 ⚠2  6
  prod    DEMO    HELD   1  2 ●3  3  4 ✖1  5 ⚠2
");
}

#[test]
fn the_footer_at_80_and_120_columns_and_its_styles() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    assert_seen(
        &footer(&footer_view(), 80, &look),
        "
 ✖ Delay: replica db14 out of band 11 min, not recovering (slope +0.9 s/s)
 f freeze  w window                                   ? help  : command  q quit
",
    );
    let screen = footer(&footer_view(), 120, &look);
    assert_seen(
        &screen,
        "
────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
 ✖ Delay: replica db14 out of band 11 min, not recovering (slope +0.9 s…  f freeze  w window  ? help  : command  q quit
",
    );
    screen.assert_role("✖", Role::Critical, &look);
    screen.assert_role("f freeze", Role::Key, &look);
    screen.assert_role("w window", Role::Disabled, &look);
    assert_eq!(screen.under(HitId::Key(1)), "w window");
    assert_eq!(screen.under(HitId::Key(4)), "q quit");
}

#[test]
fn a_message_stands_in_for_the_finding() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let message = Notice { level: Level::Error, text: "resize: host db-2 is gone".into(), more: 2 };
    let screen = footer(&FooterView { notice: Some(message), ..footer_view() }, 80, &look);
    assert_seen(
        &screen,
        "
 error: resize: host db-2 is gone  (+2)
 f freeze  w window                                   ? help  : command  q quit
",
    );
    screen.assert_role("error:", Role::Critical, &look);
}

#[test]
fn a_message_alone() {
    let theme = theme(Depth::None);
    let look = utf8(&theme);
    let message = Notice { level: Level::Info, text: "copied 64 characters".into(), more: 0 };
    let screen = Screen::draw(14, 1, &look, |area, buf, _| _ = notice::draw(&message, &look, area, buf));
    assert_seen(&screen, "copied 64 cha…");
}

fn line(values: &[Option<f64>]) -> Vec<Part<'_>> {
    let text = |text: &'static str, role| Item::Text(Piece::new(text, role));
    vec![
        Part {
            items: vec![
                text("FOUND ", Role::Dim),
                text("1,204/min ", Role::Text),
                Item::Spark { values, width: 6, role: Role::Spark },
            ],
            drop: 2,
        },
        Part {
            items: vec![
                text("FETCH ", Role::Dim),
                text("6/8 ", Role::Text),
                Item::Bar { fraction: Some(0.75), width: 5, role: Role::Bar },
            ],
            drop: 0,
        },
        Part { items: vec![text("IN VAULT ", Role::Dim), text("3,018,442 archives", Role::Text)], drop: 0 },
        Part { items: vec![text("$ 312.40 / month", Role::Text)], drop: 3 },
    ]
}

#[test]
fn a_strip_loses_its_least_important_parts() {
    let theme = theme(Depth::None);
    let look = Look { charts: Charts::Block, ..utf8(&theme) };
    let values = [Some(0.0), None, Some(2.0), Some(4.0), Some(6.0), Some(8.0)];
    let screen = Screen::draw(90, 4, &look, |area, buf, _| {
        for (width, y) in [90, 72, 50, 30].into_iter().zip(0..) {
            strip::draw(&line(&values), 3, &look, Rect { y, width, height: 1, ..area }, buf);
        }
    });
    assert_seen(
        &screen,
        "
FOUND 1,204/min ▁ ▃▅▆█   FETCH 6/8 ███▊░   IN VAULT 3,018,442 archives   $ 312.40 / month
FOUND 1,204/min ▁ ▃▅▆█   FETCH 6/8 ███▊░   IN VAULT 3,018,442 archives
FETCH 6/8 ███▊░   IN VAULT 3,018,442 archives
FETCH 6/8 ███▊░   IN VAULT 3,…
",
    );
}

#[test]
fn bars_in_both_sets_of_signs() {
    let theme = theme(Depth::None);
    let ascii = Look { glyphs: Glyphs::ascii(), ..utf8(&theme) };
    let fractions = [Some(0.0), Some(0.001), Some(0.71), Some(0.999), Some(1.0), None];
    let draw = |look: &Look<'_>| {
        Screen::draw(8, 6, look, |area, buf, _| {
            for (fraction, y) in fractions.into_iter().zip(0..) {
                bar::draw(&BarView { fraction, role: Role::Bar }, look, Rect { y, height: 1, ..area }, buf);
            }
        })
    };
    assert_seen(
        &draw(&utf8(&theme)),
        "
░░░░░░░░
▏░░░░░░░
█████▋░░
███████▉
████████
╌╌╌╌╌╌╌╌
",
    );
    assert_seen(
        &draw(&ascii),
        "
--------
--------
#####=--
#######=
########
????????
",
    );
}

#[test]
fn a_gap_in_a_sparkline_is_a_gap_and_zero_is_seen() {
    let theme = theme(Depth::None);
    let values: Vec<Option<f64>> = [0.0, 0.0, -1.0, -1.0, 1.0, 8.0, -1.0, 4.0, 8.0]
        .map(|value| (value >= 0.0).then_some(value))
        .into_iter()
        .chain([Some(f64::NAN)])
        .collect();
    let looks = [
        utf8(&theme),
        Look { charts: Charts::Block, ..utf8(&theme) },
        Look { charts: Charts::Ascii, ..utf8(&theme) },
        Look { glyphs: Glyphs::ascii(), ..utf8(&theme) },
    ];
    let screen = Screen::draw(12, 4, &looks[0], |area, buf, _| {
        for (look, y) in looks.iter().zip(0..) {
            let view = SparkView { values: &values, top: None, role: Role::Spark };
            spark::draw(&view, look, Rect { y, height: 1, ..area }, buf);
        }
    });
    assert_seen(
        &screen,
        "
       ⣀ ⣸⢰⡇
  ▁▁  ▂█ ▅█
  __  .# =#
  __  .# =#
",
    );
    assert_eq!(spark::top(&values, None), Some(8.0));
    assert_eq!(spark::top(&[None], None), None);
    assert_eq!((spark::holds(12, &looks[0]), spark::holds(12, &looks[3])), (24, 12));
}

#[test]
fn the_pane_with_the_keys_says_so_by_sign_and_style() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let view = |focused| PaneView { title: "Bundles 12/1,882,004".into(), right: "live".into(), focused };
    let mut within = Vec::new();
    let screen = Screen::draw(40, 6, &look, |area, buf, _| {
        within.push(pane::draw(&view(true), &look, Rect { height: 3, ..area }, buf));
        within.push(pane::draw(&view(false), &look, Rect { y: 3, height: 3, ..area }, buf));
        within.push(pane::draw(&view(false), &look, Rect { width: 3, ..area }, buf));
    });
    assert_seen(
        &screen,
        "
┌ ▸ Bundles 12/1,882,004 ──────── live ┐
│                                      │
└──────────────────────────────────────┘
┌ Bundles 12/1,882,004 ────────── live ┐
│                                      │
└──────────────────────────────────────┘
",
    );
    assert_eq!(within, [Rect::new(1, 1, 38, 1), Rect::new(1, 4, 38, 1), Rect::new(0, 0, 3, 6)]);
    screen.assert_role("┌", Role::BorderFocus, &look);
}

#[test]
fn a_screen_too_small_says_so_in_one_line() {
    let theme = theme(Depth::None);
    let look = utf8(&theme);
    let draw = |width, height| Screen::draw(width, height, &look, |area, buf, _| small::draw(&look, area, buf)).text();
    assert_eq!(draw(40, 1), "   too small: 40×1; firn needs 60×16");
    assert_eq!(draw(12, 1), "needs 60×16");
    assert_eq!(draw(3, 1), "sm…");
    assert!(small::is_too_small(Rect::new(0, 0, 59, 50)) && small::is_too_small(Rect::new(0, 0, 90, 15)));
    assert!(!small::is_too_small(Rect::new(0, 0, 60, 16)));
}

#[test]
fn the_selected_row_is_followed() {
    assert_eq!(follow(0, Some(5), 10, 100), 0);
    assert_eq!(follow(0, Some(10), 10, 100), 1);
    assert_eq!(follow(50, Some(20), 10, 100), 20);
    assert_eq!(follow(95, None, 10, 100), 90);
    assert_eq!(follow(3, Some(2), 0, 100), 2);
    assert_eq!(follow(u64::MAX, Some(u64::MAX), 10, u64::MAX), u64::MAX - 10);
    assert_eq!(Extent { total: 9, shown: 4 }.most(), 5);
}

#[test]
fn with_ascii_signs_nothing_else_is_drawn() {
    let theme = theme(Depth::None);
    let look = Look { glyphs: Glyphs::ascii(), ..utf8(&theme) };
    let mut view = header_view();
    view.host = "büro→漢".into();
    let screen = header(&view, 150, &look);
    assert!(screen.text().is_ascii(), "{}", screen.text());
    assert!(screen.text().contains("b\\u{fc}ro->\\u{6f22}"), "{}", screen.text());
    assert!(screen.text().contains("4 Delay X1  5 Redis !2"), "{}", screen.text());
}
