//! Every widget at every size: nothing panics, nothing is drawn outside its area, whatever the signs and charts.

use super::super::Words;
use super::super::bar::{self, BarView};
use super::super::chart::{self, ChartView, Threshold};
use super::super::detail::DetailView;
use super::super::findings::FindingsView;
use super::super::help::HelpView;
use super::super::line_edit::LineEdit;
use super::super::log_view::LogView;
use super::super::notice::{Level, Notice};
use super::super::palette::PaletteView;
use super::super::pane::PaneView;
use super::super::picker::PickerView;
use super::super::prompt::PromptView;
use super::super::spark::{self, SparkView};
use super::super::strip::{self, Item, Part};
use super::super::table::{self, TableView};
use super::super::{
    confirm, detail, findings, footer, header, help, log_view, notice, palette, pane, picker, prompt, small,
};
use super::frame::{footer_view, header_view};
use super::lists::{bundle, columns, series, write};
use super::overlays::{confirm_view, detail_view, finding_rows, help_rows, log_entries, palette_rows};
use super::*;

/// Draws one widget.
type Draw<'a> = Box<dyn Fn(&Look<'_>, Rect, &mut Buffer, &mut Vec<Hit>) + 'a>;

/// Every widget, with much to show.
fn all<'a>(
    values: &'a [Option<f64>],
    columns: &'a [table::Column<'a>],
    line: &'a LineEdit,
) -> Vec<(&'static str, Draw<'a>)> {
    let thresholds = &[
        Threshold { value: 8e6, name: Words::Borrowed("limit"), severity: Severity::Warning },
        Threshold { value: f64::NAN, name: Words::Borrowed("none"), severity: Severity::Warning },
    ];
    let chart = ChartView {
        values,
        second: Some(values),
        top: None,
        thresholds,
        write: &write,
        from: "10 min ago".into(),
        to: "now".into(),
        numbers: "now 5.1 MB/s".into(),
    };
    let table = |total| TableView {
        id: 0,
        columns,
        total,
        offset: 1,
        selected: Some(2),
        focused: true,
        sorted: Some((0, true)),
        row: &bundle,
        empty: "there is nothing here and this sentence is a long one".into(),
    };
    let message = Notice { level: Level::Warn, text: "a message of some length".into(), more: 3 };
    let prompt = PromptView {
        label: "destination".into(),
        line,
        placeholder: "a folder".into(),
        hint: "a hint".into(),
        error: Some("an error of some length".into()),
    };
    let hinted = PromptView { error: None, ..prompt.clone() };
    let findings = FindingsView { rows: finding_rows(), selected: Some(1), hint: "a acknowledge".into() };
    let palette = PaletteView { query: line, rows: palette_rows(), selected: 9 };
    let picker = PickerView {
        title: "Theme".into(),
        entries: (0..40).map(|n| (format!("theme-{n}").into(), "a remark".into())).collect(),
        selected: 39,
        current: Some(3),
        hint: "Enter take".into(),
    };
    let parts = vec![
        Part { items: vec![Item::Spark { values, width: 9, role: Role::Spark }], drop: 1 },
        Part { items: vec![Item::Bar { fraction: Some(0.3), width: 9, role: Role::Bar }], drop: 0 },
        Part { items: vec![Item::Text(Piece::plain("漢字漢字漢字"))], drop: 0 },
    ];
    let detail = DetailView { scroll: 3, ..detail_view() };
    let inline = detail.clone();
    let with_message = footer::FooterView { notice: Some(message.clone()), ..footer_view() };
    let log = LogView {
        entries: log_entries(),
        back: 1,
        lost: 3,
        file: Some("/var/log/firn.log".into()),
        hint: "Esc".into(),
    };
    let pane_view = PaneView { title: "漢字漢字漢字 12/1,882,004".into(), right: "live".into(), focused: true };
    let spark_view = SparkView { values, top: Some(0.0), role: Role::Spark };
    vec![
        ("header", Box::new(|l, a, b, h| header::draw(&header_view(), l, a, b, h))),
        ("footer", Box::new(|l, a, b, h| footer::draw(&footer_view(), l, a, b, h))),
        ("footer with a message", Box::new(move |l, a, b, h| footer::draw(&with_message, l, a, b, h))),
        ("notice", Box::new(move |l, a, b, _| _ = notice::draw(&message, l, a, b))),
        ("table", Box::new(move |l, a, b, h| _ = table::draw(&table(u64::MAX), l, a, b, h))),
        ("empty table", Box::new(move |l, a, b, h| _ = table::draw(&table(0), l, a, b, h))),
        ("bar", Box::new(|l, a, b, _| bar::draw(&BarView { fraction: Some(0.5), role: Role::Bar }, l, a, b))),
        ("sparkline", Box::new(move |l, a, b, _| spark::draw(&spark_view, l, a, b))),
        ("chart", Box::new(move |l, a, b, _| chart::draw(&chart, l, a, b))),
        ("pane", Box::new(move |l, a, b, _| _ = pane::draw(&pane_view, l, a, b))),
        ("strip", Box::new(move |l, a, b, _| strip::draw(&parts, 3, l, a, b))),
        ("confirm", Box::new(|l, a, b, h| _ = confirm::draw(&confirm_view(), l, a, b, h))),
        ("detail", Box::new(move |l, a, b, _| _ = detail::draw(&detail, l, a, b))),
        ("lines of details", Box::new(move |l, a, b, _| _ = detail::draw_lines(&inline, l, a, b))),
        (
            "help",
            Box::new(|l, a, b, h| {
                let view = HelpView { query: line, rows: help_rows(), total: 9, scroll: 2 };
                _ = help::draw(&view, l, a, b, h);
            }),
        ),
        ("palette", Box::new(move |l, a, b, h| _ = palette::draw(&palette, l, a, b, h))),
        ("prompt", Box::new(move |l, a, b, _| _ = prompt::draw(&prompt, l, a, b))),
        ("prompt in a row", Box::new(move |l, a, b, _| _ = prompt::draw_row(&hinted, l, a, b))),
        ("findings", Box::new(move |l, a, b, h| _ = findings::draw(&findings, l, a, b, h))),
        ("log", Box::new(move |l, a, b, _| _ = log_view::draw(&log, l, a, b))),
        ("picker", Box::new(move |l, a, b, h| _ = picker::draw(&picker, l, a, b, h))),
        ("too small", Box::new(|l, a, b, _| small::draw(l, a, b))),
    ]
}

#[test]
fn nothing_panics_and_nothing_is_drawn_outside() {
    let theme = theme(Depth::True);
    let looks = [
        utf8(&theme),
        Look { charts: Charts::Block, ..utf8(&theme) },
        Look { glyphs: Glyphs::ascii(), ..utf8(&theme) },
    ];
    let (values, columns, line) = (series(), columns(), LineEdit::new("漢字 and more than fits in it"));
    let heights = [0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 16, 24, 30];
    let widths = [0, 1, 2, 3, 4, 5, 6, 8, 11, 12, 13, 17, 20, 29, 30, 31, 40, 59, 60, 79, 80, 120];
    for (name, draw) in all(&values, &columns, &line) {
        for look in &looks {
            for (height, width) in heights.into_iter().flat_map(|h| widths.into_iter().map(move |w| (h, w))) {
                // The area lies inside a larger screen, away from its corner.
                let area = Rect::new(3, 2, width, height);
                let mut buf = Buffer::empty(Rect::new(0, 0, width + 5, height + 4));
                for cell in &mut buf.content {
                    cell.set_symbol("·");
                }
                let mut hits = Vec::new();
                draw(look, area, &mut buf, &mut hits);
                for (n, cell) in buf.content.iter().enumerate() {
                    let (x, y) = buf.pos_of(n);
                    let outside = !area.contains((x, y).into());
                    assert!(!outside || cell.symbol() == "·", "{name} at {width}×{height} draws at {x},{y}: {cell:?}");
                    let ascii = !look.glyphs.ascii_only || cell.symbol().is_ascii() || cell.symbol() == "·";
                    assert!(ascii, "{name} at {width}×{height}: {cell:?} is not ASCII");
                }
                for (hit, id) in hits {
                    assert_eq!(hit.intersection(area), hit, "{name} at {width}×{height}: {id:?}");
                }
            }
        }
    }
}

#[test]
fn an_area_beyond_the_screen_is_clipped() {
    let theme = theme(Depth::None);
    let look = utf8(&theme);
    let (values, columns, line) = (series(), columns(), LineEdit::new("text"));
    for (_, draw) in all(&values, &columns, &line) {
        for area in [Rect::new(70, 20, 50, 30), Rect::new(200, 100, 10, 10), Rect::new(0, 0, 500, 500)] {
            let mut buf = Buffer::empty(Rect::new(0, 0, 80, 24));
            draw(&look, area, &mut buf, &mut Vec::new());
        }
    }
}
