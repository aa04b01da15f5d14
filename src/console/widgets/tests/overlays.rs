//! Dialogs.

use super::super::confirm::{self, ConfirmView};
use super::super::detail::{self, DetailLine, DetailView};
use super::super::findings::{self, FindingRow, FindingsView};
use super::super::help::{self, HelpRow, HelpView};
use super::super::line_edit::LineEdit;
use super::super::log_view::{self, LogEntry, LogLevel, LogView};
use super::super::palette::{self, PaletteRow, PaletteView};
use super::super::picker::{self, PickerView};
use super::super::prompt::{self, PromptView};
use super::super::{Extent, Words};
use super::*;

pub(super) fn confirm_view() -> ConfirmView<'static> {
    ConfirmView {
        title: "Restore 2 files?".into(),
        objects: vec!["a/b/tiger.jpg".into(), "a/b/beetle\x1b[2J.jpg".into()],
        effects: vec![
            "Written to /srv/back; what is there under these names is kept.".into(),
            "Costs $ 0.00 and takes about 3 s.".into(),
        ],
        action: "Restore 2 files".into(),
        action_focused: false,
        danger: true,
        word: Some(("restore".into(), "rest".into())),
        refused: Some("the word is not typed yet".into()),
        scroll: 0,
    }
}

fn confirm(view: &ConfirmView<'_>, width: u16, height: u16, look: &Look<'_>) -> (Screen, Extent) {
    let mut extent = Extent::default();
    let screen = Screen::draw(width, height, look, |area, buf, hits| {
        extent = confirm::draw(view, look, area, buf, hits);
    });
    (screen, extent)
}

#[test]
fn a_dangerous_question_with_cancel_focused() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let (screen, _) = confirm(&confirm_view(), 72, 14, &look);
    assert_seen(
        &screen,
        r#"

   ┏ ⚠ Restore 2 files? ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
   ┃ a/b/tiger.jpg                                                  ┃
   ┃ a/b/beetle\x1b[2J.jpg                                          ┃
   ┃                                                                ┃
   ┃ Written to /srv/back; what is there under these names is kept. ┃
   ┃ Costs $ 0.00 and takes about 3 s.                              ┃
   ┃                                                                ┃
   ┃ Type "restore" to go on: rest                                  ┃
   ┃ the word is not typed yet                                      ┃
   ┃                                [▸Cancel ]  [ Restore 2 files ] ┃
   ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
"#,
    );
    screen.assert_role("[▸Cancel ]", Role::ButtonFocus, &look);
    screen.assert_role("[ Restore 2 files ]", Role::Disabled, &look);
    screen.assert_role("┏", Role::DangerBorder, &look);
    screen.assert_role("a/b/tiger.jpg", Role::Strong, &look);
    assert_eq!(screen.under(HitId::Button(0)), "[▸Cancel ]");
    assert_eq!(screen.under(HitId::Button(1)), "[ Restore 2 files ]");
}

#[test]
fn a_plain_question_with_the_action_focused() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let view = ConfirmView { danger: false, word: None, refused: None, action_focused: true, ..confirm_view() };
    let (screen, _) = confirm(&view, 72, 11, &look);
    assert_seen(
        &screen,
        r"

   ┌ Restore 2 files? ──────────────────────────────────────────────┐
   │ a/b/tiger.jpg                                                  │
   │ a/b/beetle\x1b[2J.jpg                                          │
   │                                                                │
   │ Written to /srv/back; what is there under these names is kept. │
   │ Costs $ 0.00 and takes about 3 s.                              │
   │                                                                │
   │                                [ Cancel ]  [▸Restore 2 files ] │
   └────────────────────────────────────────────────────────────────┘
",
    );
    screen.assert_role("[▸Restore 2 files ]", Role::ButtonFocus, &look);
    screen.assert_role("[ Cancel ]", Role::Button, &look);
    let (screen, _) = confirm(&ConfirmView { danger: true, ..view }, 72, 11, &look);
    screen.assert_role("[▸Restore 2 files ]", Role::ButtonDanger, &look);
}

#[test]
fn a_long_question_scrolls_and_keeps_its_buttons() {
    let theme = theme(Depth::None);
    let look = utf8(&theme);
    let objects: Vec<Words<'_>> = (1..=40).map(|n| format!("file-{n}.jpg").into()).collect();
    let view = ConfirmView { objects, scroll: 5, ..confirm_view() };
    let (screen, extent) = confirm(&view, 50, 11, &look);
    assert_seen(
        &screen,
        r#"
┏ ⚠ Restore 2 files? ━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ file-6.jpg                                     ↑
┃ file-7.jpg                                     ┃
┃ file-8.jpg                                     ┃
┃ file-9.jpg                                     ┃
┃ file-10.jpg                                    ┃
┃ file-11.jpg                                    ↓
┃ Type "restore" to go on: rest                  ┃
┃ the word is not typed yet                      ┃
┃                [▸Cancel ]  [ Restore 2 files ] ┃
┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
"#,
    );
    assert_eq!(extent, Extent { total: 44, shown: 6 });
    let (screen, _) = confirm(&ConfirmView { scroll: 1000, ..view }, 50, 11, &look);
    assert!(screen.text().contains("Costs $ 0.00"), "{}", screen.text());
}

pub(super) fn detail_view() -> DetailView<'static> {
    DetailView {
        title: "Bundle 7f3a".into(),
        lines: vec![
            DetailLine::Heading("Where it is".into()),
            DetailLine::Pair("vault".into(), Piece::plain("cold (directory)")),
            DetailLine::Pair("archive".into(), Piece::new("0d4f\u{202e}-11", Role::Accent)),
            DetailLine::Gap,
            DetailLine::Pair(
                "sha256".into(),
                Piece::plain("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
            ),
            DetailLine::Text(Piece::new(
                "The reply of the first upload was lost; the vault was asked and has it.",
                Role::Warning,
            )),
        ],
        scroll: 0,
        selected: Some(4),
        hint: "y copy  Esc back".into(),
    }
}

#[test]
fn details_stand_in_columns_and_are_broken_where_too_long() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let view = detail_view();
    let mut extent = Extent::default();
    let screen = Screen::draw(56, 12, &look, |area, buf, _| extent = detail::draw(&view, &look, area, buf));
    assert_seen(
        &screen,
        r"

┌ Bundle 7f3a ─────────────────────────────────────────┐
│ Where it is                                          │
│ vault    cold (directory)                            │
│ archive  0d4f\u{202e}-11                             │
│                                                      │
│ sha256   9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0 │
│          b822cd15d6c15b0f00a08                       │
│ The reply of the first upload was lost; the vault    │
│ was asked and has it.                                │
└ y copy  Esc back ────────────────────────────────────┘
",
    );
    assert_eq!(extent, Extent { total: 8, shown: 8 });
    screen.assert_role("The reply", Role::Warning, &look);
    assert_eq!(detail::rows_of(&view, 4, 52, &look), Some((4, 5)));
    let small = Screen::draw(40, 6, &look, |area, buf, _| {
        extent = detail::draw(&DetailView { scroll: 99, ..view.clone() }, &look, area, buf);
    });
    assert_seen(
        &small,
        "
┌ Bundle 7f3a ─────────────────────────┐
│          15b0f00a08                  ↑
│ The reply of the first upload was    │
│ lost; the vault was asked and has    │
│ it.                                  │
└ y copy  Esc back ────────────────────┘
",
    );
}

pub(super) fn help_rows() -> Vec<HelpRow<'static>> {
    let row = |group: &'static str, keys: &'static str, text: &'static str, why: Option<&'static str>| HelpRow {
        group: group.into(),
        keys: keys.into(),
        text: text.into(),
        why_not: why.map(Words::from),
    };
    vec![
        row("Everywhere", "?", "help", None),
        row("Everywhere", "z", "hold the screen", None),
        row("Pools", "p", "pause or resume the pool", None),
        row("Pools", "+", "one place more", Some("no pool is selected")),
    ]
}

#[test]
fn help_in_groups_with_what_was_searched_for_set_off() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let query = LineEdit::new("POOL");
    let view = HelpView { query: &query, rows: help_rows(), total: 64, scroll: 0 };
    let mut extent = Extent::default();
    let screen = Screen::draw(70, 13, &look, |area, buf, hits| {
        extent = help::draw(&view, &look, area, buf, hits);
    });
    assert_seen(
        &screen,
        "

  ┌ Help ──────────────────────────────────────────────────────────┐
  │ search POOL                                            4 of 64 │
  │                                                                │
  │ Everywhere                                                     │
  │   ?  help                                                      │
  │   z  hold the screen                                           │
  │ Pools                                                          │
  │   p  pause or resume the pool                                  │
  │   +  one place more  (no pool is selected)                     │
  │                                                                │
  └ Esc back ──────────────────────────────────────────────────────┘
",
    );
    assert_eq!(extent.total, 6);
    screen.assert_role("Everywhere", Role::Title, &look);
    screen.assert_role("one place more", Role::Disabled, &look);
    let found = screen.style_of("pool").add_modifier;
    assert!(found.contains(look.theme.style(Role::Match).add_modifier), "{found:?}");
    assert_eq!(screen.under(HitId::Entry(1)).trim(), "z  hold the screen");
    let none = HelpView { rows: Vec::new(), ..view };
    let screen = Screen::draw(50, 8, &look, |area, buf, hits| _ = help::draw(&none, &look, area, buf, hits));
    assert_seen(
        &screen,
        "

  ┌ Help ──────────────────────────────────────┐
  │ search POOL                        0 of 64 │
  │                                            │
  │ no action or key has this in it            │
  │                                            │
  └ Esc back ──────────────────────────────────┘
",
    );
}

pub(super) fn palette_rows() -> Vec<PaletteRow<'static>> {
    let row = |name: &'static str, text: &'static str, keys: &'static str, why: Option<&'static str>| PaletteRow {
        name: name.into(),
        text: text.into(),
        keys: keys.into(),
        why_not: why.map(Words::from),
    };
    vec![
        row("pool-pause", "pause or resume the pool", "p", None),
        row("pool-larger", "one place more", "+", Some("read-only")),
        row("pool-drain", "finish what is begun, take nothing new", "", None),
    ]
}

#[test]
fn the_palette_says_why_not() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let query = LineEdit::new("pool");
    let view = PaletteView { query: &query, rows: palette_rows(), selected: 2 };
    let screen = Screen::draw(70, 12, &look, |area, buf, hits| _ = palette::draw(&view, &look, area, buf, hits));
    assert_seen(
        &screen,
        "


  ┌ Command ───────────────────────────────────────────────────────┐
  │ : pool                                                         │
  │   pool-pause   pause or resume the pool                      p │
  │   pool-larger  one place more (read-only)                    + │
  │ ▸ pool-drain   finish what is begun, take nothing new          │
  └ Enter run  Esc back ───────────────────────────────────────────┘
",
    );
    assert_eq!(screen.hits.len(), 3);
    assert!(screen.under(HitId::Entry(2)).starts_with("▸ pool-drain"));
    let none = PaletteView { rows: Vec::new(), ..view };
    let screen = Screen::draw(50, 6, &look, |area, buf, hits| _ = palette::draw(&none, &look, area, buf, hits));
    assert_seen(
        &screen,
        "

  ┌ Command ───────────────────────────────────┐
  │ : pool                                     │
  │ no action is called so                     │
  └ Enter run  Esc back ───────────────────────┘
",
    );
}

#[test]
fn a_prompt_says_what_is_wrong_in_its_place() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let line = LineEdit::new("(jpg");
    let view = PromptView {
        label: "filter".into(),
        line: &line,
        placeholder: "part of a name".into(),
        hint: "/…/ is a pattern".into(),
        error: Some("the parenthesis is not closed".into()),
    };
    let mut at = None;
    let screen = Screen::draw(60, 6, &look, |area, buf, _| at = prompt::draw(&view, &look, area, buf));
    assert_seen(
        &screen,
        "

┌ filter ──────────────────────────────────────────────────┐
│ (jpg                                                     │
│ ✖ the parenthesis is not closed                          │
└ Enter go on  Esc back ───────────────────────────────────┘
",
    );
    screen.assert_role("✖ the", Role::InputError, &look);
    assert_eq!(at.map(|at| (at.x, at.y)), Some((6, 2)));
    assert!(screen.buf[(6, 2)].modifier.contains(ratatui::style::Modifier::REVERSED));
    let empty = LineEdit::default();
    let hinted = PromptView { error: None, line: &empty, ..view.clone() };
    let screen = Screen::draw(60, 3, &look, |area, buf, _| {
        prompt::draw_row(&view, &look, Rect { height: 1, ..area }, buf);
        prompt::draw_row(&hinted, &look, Rect { y: 1, height: 1, ..area }, buf);
        prompt::draw_row(&hinted, &look, Rect { y: 2, height: 1, width: 20, ..area }, buf);
    });
    assert_seen(
        &screen,
        "
filter (jpg                         ✖ the parenthesis is no…
filter   part of a name                     /…/ is a pattern
filte…  part of a n…
",
    );
}

pub(super) fn finding_rows() -> Vec<FindingRow<'static>> {
    vec![
        FindingRow {
            severity: Severity::Critical,
            area: "Backup".into(),
            object: "source.root ugc".into(),
            value: "/srv/ugc is empty; the last scan saw 12 files".into(),
            limit: "a mounted disk".into(),
            age: "11 min".into(),
            next_step: "mount it; nothing is taken from the queue until then".into(),
            acknowledged: None,
        },
        FindingRow {
            severity: Severity::Unknown,
            area: "Backup".into(),
            object: "upload.unknown 7f3a".into(),
            value: "the reply was lost".into(),
            age: "9 d 4 h".into(),
            acknowledged: Some("13:00Z".into()),
            ..FindingRow::default()
        },
    ]
}

#[test]
fn findings_with_the_selected_one_in_full() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let view = FindingsView { rows: finding_rows(), selected: Some(0), hint: "a acknowledge  Esc back".into() };
    let screen = Screen::draw(80, 12, &look, |area, buf, hits| _ = findings::draw(&view, &look, area, buf, hits));
    assert_seen(
        &screen,
        "

  ┌ Findings 2 ──────────────────────────────────────────────────────────────┐
  │ ▸✖ CRITICAL    11 min  Backup: source.root ugc: /srv/ugc is empty; the … │
  │  ? UNKNOWN    9 d 4 h  [ack until 13:00Z] Backup: upload.unknown 7f3a: … │
  │                                                                          │
  │                                                                          │
  │ ──────────────────────────────────────────────────────────────────────── │
  │ /srv/ugc is empty; the last scan saw 12 files                            │
  │ should be: a mounted disk                                                │
  │ next: mount it; nothing is taken from the queue until then               │
  └ a acknowledge  Esc back ─────────────────────────────────────────────────┘
",
    );
    assert_eq!(screen.hits.len(), 2);
    let mark = screen.style_of("✖ CRITICAL");
    assert_eq!(mark.fg, look.theme.style(Role::Critical).fg);
    screen.assert_role("? UNKNOWN", Role::Dim, &look);
    let none = FindingsView::default();
    let screen = Screen::draw(40, 6, &look, |area, buf, hits| _ = findings::draw(&none, &look, area, buf, hits));
    assert_seen(
        &screen,
        "

  ┌ Findings 0 ──────────────────────┐
  │ nothing is wrong                 │
  │                                  │
  └──────────────────────────────────┘
",
    );
}

pub(super) fn log_entries() -> Vec<LogEntry<'static>> {
    let entry = |time: &'static str, level, target: &'static str, text: &'static str| LogEntry {
        time: time.into(),
        level,
        target: target.into(),
        text: text.into(),
    };
    vec![
        entry("12:04:29Z", LogLevel::Debug, "store", "page of 500 rows"),
        entry("12:04:30Z", LogLevel::Info, "backup", "bundle 7f3a sealed"),
        entry(
            "12:04:31Z",
            LogLevel::Error,
            "vault",
            "the disk of /srv/cold is full: 0 B are free and 25.0 MB are needed\x07",
        ),
    ]
}

#[test]
fn the_log_from_its_newest_entry_up() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let view = LogView {
        entries: log_entries(),
        back: 0,
        lost: 1204,
        file: Some("/var/log/firn.log".into()),
        hint: "Esc back".into(),
    };
    let mut extent = Extent::default();
    let mut draw = |view: &LogView<'_>, height| {
        Screen::draw(76, height, &look, |area, buf, _| extent = log_view::draw(view, &look, area, buf))
    };
    let screen = draw(&view, 9);
    assert_seen(
        &screen,
        r"

 ┌ Log /var/log/firn.log (1,204 older entries are in the file alone) ─────┐
 │                                                                        │
 │ 12:04:29Z DEBUG store: page of 500 rows                                │
 │ 12:04:30Z INFO  backup: bundle 7f3a sealed                             │
 │ 12:04:31Z ERROR vault: the disk of /srv/cold is full: 0 B are free and │
 │                 25.0 MB are needed\x07                                 │
 └ Esc back ──────────────────────────────────────────────────────────────┘
",
    );
    screen.assert_role("ERROR", Role::LogError, &look);
    let screen = draw(&LogView { back: 1, ..view.clone() }, 5);
    assert_seen(
        &screen,
        "

 ┌ Log /var/log/firn.log (1,204 older entries are in the file alone) ─────┐
 │ 12:04:30Z INFO  backup: bundle 7f3a sealed                             ↓
 └ Esc back ──────────────────────────────────────────────────────────────┘
",
    );
    assert_eq!(extent, Extent { total: 3, shown: 1 });
}

#[test]
fn a_list_to_choose_from() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let view = PickerView {
        title: "Theme".into(),
        entries: vec![("default".into(), "the terminal's own colours".into()), ("mono".into(), "no colour".into())],
        selected: 1,
        current: Some(0),
        hint: "Enter take  Esc back".into(),
    };
    let screen = Screen::draw(50, 6, &look, |area, buf, hits| _ = picker::draw(&view, &look, area, buf, hits));
    assert_seen(
        &screen,
        "

   ┌ Theme ──────────────────────────────────┐
   │  ◆ default  the terminal's own colours  │
   │ ▸  mono     no colour                   │
   └ Enter take  Esc back ───────────────────┘
",
    );
    assert!(screen.under(HitId::Entry(1)).contains("mono"));
}

#[test]
fn a_dialog_over_wide_signs_keeps_its_border() {
    let theme = theme(Depth::None);
    let look = utf8(&theme);
    let screen = Screen::draw(12, 3, &look, |area, buf, _| {
        for y in 0..3 {
            paint::text("漢字漢字漢字", Role::Text, 0, y, 12, &look, buf);
        }
        paint::dialog(Rect { x: 3, width: 6, ..area }, "", "", false, &look, buf);
    });
    assert_seen(&screen, "漢 ┌────┐ 字\n漢 │    │ 字\n漢 └────┘ 字");
}
