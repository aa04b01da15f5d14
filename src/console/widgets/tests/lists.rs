//! Tables and charts.

use std::cell::RefCell;

use super::super::chart::{self, ChartView, Threshold};
use super::super::table::{self, Cell, Column, Row, TableView};
use super::*;
use crate::console::format::{Align, Cut};

pub(super) fn columns() -> Vec<Column<'static>> {
    vec![
        Column::words("id", 5, 0),
        Column::words("lane", 7, 0).drop(2),
        Column::words("state", 9, 0),
        Column::numbers("files", 6).drop(1),
        Column::numbers("size", 8),
        Column::numbers("age", 6).drop(1),
        Column::words("progress", 12, 1).cut(Cut::End),
    ]
}

pub(super) fn bundle<'a>(n: u64) -> Option<Row<'a>> {
    let state = if n == 2 { Cell::new("unknown", Role::Unknown) } else { Cell::plain("uploading") };
    (n != 3).then(|| Row {
        cells: vec![
            Cell::plain(format!("{:04x}", n * 31)),
            Cell::new("live", Role::Live),
            state,
            Cell::plain("212"),
            Cell::plain("25.0 MB"),
            Cell::plain("31 s"),
            Cell::Bar {
                fraction: (n != 2).then_some(0.71),
                text: Piece::plain(if n == 2 { "–" } else { "71 % 9.0 MB/s" }),
            },
        ],
        marked: n == 1,
    })
}

fn table(view: &TableView<'_>, width: u16, height: u16, look: &Look<'_>) -> Screen {
    Screen::draw(width, height, look, |area, buf, hits| _ = table::draw(view, look, area, buf, hits))
}

fn bundles<'a>(columns: &'a [Column<'a>], row: &'a dyn Fn(u64) -> Option<Row<'a>>) -> TableView<'a> {
    TableView {
        id: 7,
        columns,
        total: 1_882_004,
        offset: 0,
        selected: Some(2),
        focused: true,
        sorted: Some((4, false)),
        row,
        empty: "no bundle is on its way: nothing waits in the queue".into(),
    }
}

#[test]
fn a_table_at_three_widths() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let columns = columns();
    let view = bundles(&columns, &bundle);
    let screen = table(&view, 100, 6, &look);
    assert_seen(
        &screen,
        "
 id     lane     state       files     size▼     age  progress
 0000   live     uploading     212   25.0 MB    31 s  ████████▌░░░ 71 % 9.0 MB/s                   █
◆001f   live     uploading     212   25.0 MB    31 s  ████████▌░░░ 71 % 9.0 MB/s                   │
▸003e   live     unknown       212   25.0 MB    31 s  ╌╌╌╌╌╌╌╌╌╌╌╌ –                               │
 …                                                                                                 │
 007c   live     uploading     212   25.0 MB    31 s  ████████▌░░░ 71 % 9.0 MB/s                   │
",
    );
    assert_seen(
        &table(&view, 60, 6, &look),
        "
 id     state       files     size▼     age  progress
 0000   uploading     212   25.0 MB    31 s  ████▉░░ 71 % …█
◆001f   uploading     212   25.0 MB    31 s  ████▉░░ 71 % …│
▸003e   unknown       212   25.0 MB    31 s  ╌╌╌╌╌╌╌ –     │
 …                                                         │
 007c   uploading     212   25.0 MB    31 s  ████▉░░ 71 % …│
",
    );
    assert_seen(
        &table(&view, 24, 4, &look),
        "
 id    sta…  siz…  pro…
 0000  upl…  25.…  71 …█
◆001f  upl…  25.…  71 …│
▸003e  unk…  25.…  –   │
",
    );
    screen.assert_role("size▼", Role::ColumnSorted, &look);
    screen.assert_role("live", Role::Live, &look);
    let unknown = screen.style_of("unknown");
    let expected = look.theme.style(Role::Unknown).patch(look.theme.style(Role::Selected));
    assert_eq!((unknown.fg, unknown.add_modifier), (expected.fg, expected.add_modifier));
    assert_eq!(screen.under(HitId::Column { table: 7, column: 2 }), "state");
    assert!(screen.under(HitId::Row { table: 7, row: 1 }).starts_with("◆001f"), "{:?}", screen.hits);
}

#[test]
fn an_empty_table_says_why() {
    let theme = theme(Depth::None);
    let look = utf8(&theme);
    let columns = columns();
    let view = TableView { total: 0, selected: None, ..bundles(&columns, &bundle) };
    assert_seen(
        &table(&view, 40, 4, &look),
        "
 id     state         size▼  progress
 no bundle is on its way: nothing waits
 in the queue
",
    );
}

#[test]
fn only_rows_that_are_seen_are_asked_for() {
    let theme = theme(Depth::None);
    let look = utf8(&theme);
    let asked = RefCell::new(Vec::new());
    let row = |n: u64| {
        asked.borrow_mut().push(n);
        Some(Row { cells: vec![Cell::plain(n.to_string())], marked: false })
    };
    let columns = [Column { align: Align::Right, ..Column::words("n", 10, 1) }];
    let view = TableView { offset: 900_000, selected: Some(900_001), ..bundles(&columns, &row) };
    let screen = table(&view, 20, 5, &look);
    assert_eq!(*asked.borrow(), [900_000, 900_001, 900_002, 900_003]);
    assert_seen(
        &screen,
        "
                  n
             900000│
▸            900001█
             900002│
             900003│
",
    );
    let end = TableView { offset: 1_882_000, selected: None, ..bundles(&columns, &row) };
    assert_seen(
        &table(&end, 20, 5, &look),
        "
                  n
            1882000│
            1882001│
            1882002│
            1882003█
",
    );
}

#[test]
fn names_from_outside_are_spelled_out_and_shift_nothing() {
    let theme = theme(Depth::None);
    let look = utf8(&theme);
    let row = |n: u64| {
        let names = ["a\x1b[2Jb", "漢字漢字漢字.jpg", "x\u{302}x\u{302}\u{202e}gpj", "plain"];
        let name = names[usize::try_from(n).unwrap()];
        Some(Row { cells: vec![Cell::plain(name), Cell::plain("7")], marked: false })
    };
    let columns = [Column::words("name", 12, 0).cut(Cut::Middle), Column::numbers("n", 3)];
    let view = TableView { total: 4, selected: None, sorted: None, ..bundles(&columns, &row) };
    let screen = table(&view, 20, 5, &look);
    assert_seen(
        &screen,
        r"
 name            n
 a\x1b[2Jb       7
 漢字漢….jpg     7
 x̂x̂\u{2…e}gpj    7
 plain           7
",
    );
    assert!(screen.buf.content().iter().all(|cell| !cell.symbol().chars().any(char::is_control)));
}

pub(super) fn series() -> Vec<Option<f64>> {
    let value = |n: u32| 4e6 + 3e6 * (f64::from(n) / 8.0).sin();
    (0..60).map(|n| (!(20..26).contains(&n)).then(|| value(n))).collect()
}

pub(super) fn write(value: f64) -> String {
    crate::console::format::byte_rate(Some(value))
}

fn chart(look: &Look<'_>, width: u16, height: u16) -> Screen {
    let values = series();
    let thresholds = [Threshold { value: 8e6, name: "limit".into(), severity: Severity::Warning }];
    let view = ChartView {
        values: &values,
        second: None,
        top: None,
        thresholds: &thresholds,
        write: &write,
        from: "10 min ago".into(),
        to: "now".into(),
        numbers: "now 5.1 MB/s  max 7.0 MB/s".into(),
    };
    Screen::draw(width, height, look, |area, buf, _| chart::draw(&view, look, area, buf))
}

#[test]
fn a_chart_with_a_gap_and_a_limit_in_words() {
    let theme = theme(Depth::Ansi16);
    let look = utf8(&theme);
    let screen = chart(&look, 60, 10);
    assert_seen(
        &screen,
        "
now 5.1 MB/s  max 7.0 MB/s
10.0 MB/s │
          │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ ⚠ limit 8.0 MB/s
          │      ⣀⡠⠤⠒⠒⠒⠢⠤⣀⣀                               ⢀⡠
 5.0 MB/s │  ⢀⡠⠔⠉          ⠁                          ⢀⡠⠒⠉⠁
          │⣀⠖⠁                                      ⣀⠔⠊
          │                     ⠈⠑⠤⡀             ⡠⠔⠊
          │                        ⠈⠑⠢⠤⣀⡀   ⢀⣀⡠⠒⠉
    0 B/s │                             ⠈⠉⠉⠉⠁
           10 min ago                                    now
",
    );
    screen.assert_role("⚠ limit", Role::Warning, &look);
    assert_seen(
        &chart(&Look { charts: Charts::Block, ..look }, 60, 9),
        "
now 5.1 MB/s  max 7.0 MB/s
10.0 MB/s │
          │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ ⚠ limit 8.0 MB/s
          │     ▂▄▅▆▇▇▇▇▆▅▄▂                             ▂▃▅
 5.0 MB/s │  ▃▅█████████████                          ▃▅████
          │▇████████████████     ▄                 ▃▆███████
          │█████████████████     ██▇▆▃         ▃▅▇██████████
    0 B/s │█████████████████     ███████▇▇▇▇▇███████████████
           10 min ago                                    now
",
    );
    assert_seen(
        &chart(&Look { glyphs: Glyphs::ascii(), ..look }, 60, 9),
        "
now 5.1 MB/s  max 7.0 MB/s
10.0 MB/s |
          |------------------------------- ! limit 8.0 MB/s
          |     .-=**##**=-.                             .-+
 5.0 MB/s |  -=#############                          .+####
          |*################     =                 -*#######
          |#################     ###+-         -=*##########
    0 B/s |#################     ########****###############
           10 min ago                                    now
",
    );
}

#[test]
fn a_chart_without_room_keeps_its_numbers() {
    let theme = theme(Depth::None);
    let look = utf8(&theme);
    assert_seen(
        &chart(&look, 29, 2),
        "
now 5.1 MB/s  max 7.0 MB/s
⣶⣶⣿⣿⣿⣿⣿⣿⣿   ⣦⣤⣤⣤⣤⣀⣀⣠⣤⣤⣤⣴⣶⣶⣶⣿⣿
",
    );
    assert_seen(&chart(&look, 12, 1), "now 5.1 MB/…");
}

#[test]
fn a_chart_of_nothing_says_so() {
    let theme = theme(Depth::None);
    let look = utf8(&theme);
    let view = ChartView {
        values: &[None, None],
        second: Some(&[None]),
        top: None,
        thresholds: &[],
        write: &write,
        from: "10 min ago".into(),
        to: "now".into(),
        numbers: "now –".into(),
    };
    let screen = Screen::draw(40, 5, &look, |area, buf, _| chart::draw(&view, &look, area, buf));
    assert_seen(&screen, "now –\nnothing measured yet");
}

#[test]
fn a_second_series_lies_beneath_and_what_is_beyond_the_scale_says_so() {
    let theme = theme(Depth::Ansi16);
    let look = Look { charts: Charts::Block, ..utf8(&theme) };
    let (first, second) = (vec![Some(2.0); 40], vec![Some(6.0); 40]);
    let thresholds = [Threshold { value: 20.0, name: "late".into(), severity: Severity::Critical }];
    let view = ChartView {
        values: &first,
        second: Some(&second),
        top: Some(8.0),
        thresholds: &thresholds,
        write: &|value| format!("{value:.0} s"),
        from: "then".into(),
        to: "now".into(),
        numbers: "now 2 s".into(),
    };
    let screen = Screen::draw(40, 6, &look, |area, buf, _| chart::draw(&view, &look, area, buf));
    assert_seen(
        &screen,
        "
now 2 s
8 s │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ ↑ ✖ late 20 s
    │███████████████████████████████████
    │███████████████████████████████████
0 s │███████████████████████████████████
     then                            now
",
    );
    let role = |y: u16| screen.buf[(20, y)].fg;
    assert_eq!(Some(role(4)), look.theme.style(Role::Chart).fg);
    assert_eq!(Some(role(2)), look.theme.style(Role::ChartSecond).fg);
}
