//! Every tab and every overlay at every size, with both sets of signs, in every theme.

use firn::base::Severity;
use firn::console::glyphs::{Charts, Glyphs, Look};
use firn::console::model::Model;
use firn::console::tabs::TabId;
use firn::console::theme::{Depth, Theme};
use firn::store::NoticeRow;

use super::kit::{WAYS, assert_printable, blank, busy, console, desk, finding, idle, open, paint_as, screen};
use firn::console::print;

/// Every place there is to look at.
fn places() -> Vec<(String, Model)> {
    let mut places = vec![
        ("a console that has heard of nothing".to_owned(), blank()),
        ("an idle state".to_owned(), console(idle())),
        ("many replicas".to_owned(), super::delays::over(super::delays::many(200))),
        ("many nodes".to_owned(), super::redis::alone(super::redis::healthy("shop", 30))),
        ("several clusters".to_owned(), super::redis::over(super::redis::clusters())),
        ("a cluster in dispute".to_owned(), super::redis::alone(super::redis::disputed())),
        ("independent nodes".to_owned(), super::redis::alone(super::redis::list())),
        ("a benchmark that has ended".to_owned(), super::redis::load::ended()),
    ];
    for tab in TabId::ALL {
        let mut model = desk();
        model.tab = tab;
        places.push((format!("the tab {}", tab.title()), model));
    }
    places.extend(WAYS.iter().map(|(name, way)| ((*name).to_owned(), open(way))));
    places
}

#[test]
fn nothing_is_too_small_or_too_large_to_be_drawn() {
    let theme = Theme::named("default", Depth::Ansi16).unwrap();
    let columns = [0, 1, 2, 3, 7, 12, 20, 39, 40, 41, 59, 60, 79, 80, 109, 110, 111, 140, 220];
    let rows = [0, 1, 2, 3, 4, 5, 7, 9, 10, 14, 15, 23, 24, 31, 40, 70];
    for (name, model) in places() {
        for (glyphs, charts) in [(Glyphs::utf8(), Charts::Braille), (Glyphs::ascii(), Charts::Ascii)] {
            let look = Look { theme: &theme, glyphs, charts };
            for columns in columns {
                for rows in rows {
                    let (buffer, report) = paint_as(&model, &look, (columns, rows));
                    let what = format!("{name} at {columns}x{rows}");
                    assert_printable(&buffer, &what);
                    if glyphs.ascii_only {
                        assert!(buffer.content.iter().all(|cell| cell.symbol().is_ascii()), "{what}");
                    }
                    let outside = report.hits.iter().find(|(rect, _)| rect.intersection(buffer.area) != *rect);
                    assert!(outside.is_none(), "{what}: {outside:?}");
                }
            }
        }
    }
}

#[test]
fn what_matters_is_there_in_the_least_terminal_that_is_promised() {
    let text = screen(&desk(), (80, 24));
    for wanted in ["FOUND", "FETCH", "UPLOAD", "IN VAULT", "live 312", "18,460", "failed 30", "Bundles", "Pools", "✖"]
    {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    let mut model = desk();
    model.setup.production = true;
    model.setup.environment = "PROD".to_owned();
    model.setup.read_only = true;
    model.held = Some(model.now);
    model.setup.badge = Some("DEMO bad-night ×10".to_owned());
    let first = screen(&model, (60, 24)).lines().next().unwrap().to_owned();
    for wanted in ["PROD", "DEMO", "READ-ONLY", "HELD", "✖1"] {
        assert!(first.contains(wanted), "{wanted:?} in {first:?}");
    }
}

#[test]
fn every_theme_is_drawn_at_every_depth_and_severities_differ_without_colour() {
    let only = |severity| vec![finding(severity, "vault.unreachable", "glacier")];
    let depths = [Depth::None, Depth::Ansi16, Depth::Ansi256, Depth::True];
    for name in Theme::names() {
        for depth in depths {
            let theme = Theme::named(name, depth).unwrap();
            for glyphs in [Glyphs::utf8(), Glyphs::ascii()] {
                let look = Look { theme: &theme, glyphs, charts: Charts::Block };
                let mut drawn = Vec::new();
                for severity in [Severity::Unknown, Severity::Warning, Severity::Critical] {
                    let mut snapshot = busy();
                    snapshot.findings = only(severity);
                    let model = console(snapshot);
                    let text = print::text(&paint_as(&model, &look, (120, 40)).0);
                    let (first, last) = (text.lines().next().unwrap(), text.lines().last().unwrap());
                    // Beside the tab's title, and before the finding itself.
                    let mark = glyphs.severity(severity);
                    assert!(first.contains(&format!("Backup {mark}1")), "{name} {depth:?}: {first}");
                    assert!(last.trim_start().starts_with(mark), "{name} {depth:?}: {last}");
                    let mut opened = model;
                    super::kit::press(&mut opened, "F");
                    let text = print::text(&paint_as(&opened, &look, (120, 40)).0);
                    assert!(text.contains(mark), "{name} {depth:?}: {text}");
                    drawn.push(mark);
                }
                drawn.dedup();
                assert_eq!(drawn.len(), 3, "three signs");
            }
        }
    }
}

/// Everything that comes from outside is full of what terminals obey.
pub const EVIL: &str = "\x1b[31m\x07\r\n\t\u{202e}\u{9b}5n\x1b]52;c;AAAA\x07漢e\u{301}\u{200b}\u{0}";

fn evil_notice(row: &NoticeRow) -> NoticeRow {
    NoticeRow {
        rule: format!("{}{EVIL}", row.rule),
        object: EVIL.to_owned(),
        value: EVIL.to_owned(),
        limit: EVIL.to_owned(),
        next_step: EVIL.to_owned(),
        ..row.clone()
    }
}

fn evil_restores() -> firn::restore::snapshot::RestoreSnapshot {
    let mut snapshot = super::restores::restores();
    for line in &mut snapshot.plans {
        let row = &mut line.row;
        (row.title, row.made_by, row.vault) = (EVIL.to_owned(), EVIL.to_owned(), EVIL.to_owned());
        EVIL.clone_into(&mut row.host);
        if let Some(totals) = &mut row.totals {
            (totals.tier, totals.tariff) = (Some(EVIL.to_owned()), EVIL.to_owned());
            EVIL.clone_into(&mut totals.risks[0].0);
        }
        if let Some((who, _)) = &mut row.confirmed {
            EVIL.clone_into(who);
        }
        if let Some(steps) = &mut line.steps {
            (steps.reason, steps.ready_at, steps.expires_at) = (Some(EVIL.to_owned()), None, None);
        }
    }
    for line in &mut snapshot.jobs {
        (line.row.note, line.row.tier) = (Some(EVIL.to_owned()), Some(EVIL.to_owned()));
    }
    snapshot
}

#[test]
fn names_from_outside_are_letters_and_no_commands() {
    let mut snapshot = busy();
    snapshot.state = EVIL.to_owned();
    for bundle in &mut snapshot.bundles {
        bundle.worker = Some(EVIL.to_owned());
        bundle.row.note = Some(EVIL.to_owned());
        bundle.row.vault = EVIL.to_owned();
    }
    for row in &mut snapshot.failed {
        row.row.source = EVIL.to_owned();
        row.row.key = firn::base::ids::Key::new(EVIL.as_bytes());
        row.reason = Some((EVIL.to_owned(), EVIL.to_owned()));
    }
    for pool in &mut snapshot.pools {
        pool.host = EVIL.to_owned();
        pool.pool = EVIL.to_owned();
        let mut order = super::kit::order(EVIL, EVIL, 1);
        order.who = EVIL.to_owned();
        order.result = Some(EVIL.to_owned());
        pool.order = Some(order);
    }
    snapshot.findings = snapshot.findings.iter().map(evil_notice).collect();
    for (name, way) in WAYS {
        let mut model = console(snapshot.clone());
        super::kit::send(&mut model, firn::console::msg::Msg::Restores(std::sync::Arc::new(evil_restores())));
        let delays = super::delays::outside::evil_delays();
        super::kit::send(&mut model, firn::console::msg::Msg::Delays(std::sync::Arc::new(delays)));
        model.setup.environment = EVIL.to_owned();
        model.setup.host = EVIL.to_owned();
        model.setup.badge = Some(EVIL.to_owned());
        super::kit::send(&mut model, firn::console::msg::Msg::Vault(Err(EVIL.to_owned())));
        let line = firn::log::Line { text: EVIL.to_owned(), ..super::kit::log_line(1) };
        super::kit::send(&mut model, firn::console::msg::Msg::Log(vec![std::sync::Arc::new(line)], 0));
        for keys in way.split_whitespace() {
            super::kit::go(&mut model, keys);
        }
        for overlay in &mut model.overlays {
            use firn::console::overlay::Overlay;
            match overlay {
                Overlay::Details(view) => view.wrong = Some(EVIL.to_owned()),
                Overlay::Files(files) => EVIL.clone_into(&mut files.title),
                Overlay::Prompt(prompt) => prompt.wrong = Some(EVIL.to_owned()),
                Overlay::Confirm(confirm) => confirm.object.push(EVIL.to_owned()),
                _ => {}
            }
        }
        for size in [(60, 20), (140, 40), (220, 60)] {
            for (glyphs, charts) in [(Glyphs::utf8(), Charts::Block), (Glyphs::ascii(), Charts::Ascii)] {
                let theme = Theme::named("default", Depth::True).unwrap();
                let (buffer, _) = paint_as(&model, &Look { theme: &theme, glyphs, charts }, size);
                assert_printable(&buffer, name);
            }
        }
        let text = screen(&model, (220, 60));
        assert!(text.contains("\\x1b[31m"), "{name}: it is spelled out\n{text}");
        model.tell(Severity::Warning, EVIL);
        assert_printable(&super::kit::paint(&model, (140, 40)).0, name);
    }
}
