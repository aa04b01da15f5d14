//! The list of replicas: what it shows, how it is sorted, filtered, held; what is old or not known.

use std::sync::Arc;
use std::time::Duration;

use firn::base::{Severity, Time};
use firn::console::effect::Effect;
use firn::console::glyphs::{Charts, Glyphs, Look};
use firn::console::model::Area;
use firn::console::msg::Msg;
use firn::console::print;
use firn::console::tabs::TabId;
use firn::console::theme::{Depth, Theme};
use firn::delay::limits::Limits;
use firn::delay::snapshot::{DelaySnapshot, ReplicaLine};
use firn::delay::verdict::RuleId;

use super::{
    backup, critical, delays, frozen, healthy, job, many, over, recovery, replica, stale, tab, unknown, verdict,
};
use crate::kit::{
    NOW, ago, blank, busy, console, finding, go, paint, paint_as, press, said, screen, send, top, type_in,
};
use crate::pictures::{compare, looks};

fn only(replicas: Vec<ReplicaLine>) -> DelaySnapshot {
    DelaySnapshot { now: NOW, replicas }
}

/// The row of a replica on the screen.
fn row(text: &str, name: &str) -> String {
    let found = text.lines().skip(4).find(|line| line.contains(name));
    found.unwrap_or_else(|| panic!("no row of {name} in\n{text}")).to_owned()
}

fn mono(model: &firn::console::model::Model, size: (u16, u16)) -> String {
    let theme = Theme::named("mono", Depth::None).unwrap();
    let look = Look { theme: &theme, glyphs: Glyphs::ascii(), charts: Charts::Ascii };
    print::text(&paint_as(model, &look, size).0)
}

#[test]
fn the_tab_shows_every_replica_with_its_state_and_why() {
    let model = tab();
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        compare(&format!("delay-{}x{}.txt", size.0, size.1), &text);
        for wanted in [
            "REPLICAS 8",
            "✖ 2 CRITICAL",
            "⚠ 2 WARNING",
            "? 1 UNKNOWN",
            "● 3 OK",
            "1 FROZEN",
            "worst db14-delay for 11 min",
            "1 never judged",
            "1 not judged lately",
            "band 5,400–9,000",
            "likely cause: the applier is stuck",
        ] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
        let wanted = [
            ("db14", "✖ CRITICAL", "12,870 s", ["not recovering: 386", "out of bounds, and slope does"]),
            ("db07", "✖ CRITICAL", "7,900 s", ["FROZEN: stopped at"; 2]),
            ("db09", "⚠ WARNING", "14,944 s", ["in recovery window", "out of bounds, currently in recovery"]),
            ("db11", "⚠ WARNING", "16,408 s", ["Active backup"; 2]),
            ("db20", "? UNKNOWN", " – ", ["nobody has judged"; 2]),
            ("db01", "● OK", "7,204 s", ["delay 7204 s"; 2]),
            ("db03", "? OK", "7,204 s", ["judged 45 s ago"; 2]),
        ];
        for (name, state, delay, why) in wanted {
            let row = row(&text, name);
            for wanted in [state, delay, why[usize::from(size.0 > 80)]] {
                assert!(row.contains(wanted), "{wanted:?} in {row}");
            }
        }
        // What is not known is no zero: its only digits are those of its name.
        let row = row(&text, "db20");
        assert_eq!(row.chars().filter(char::is_ascii_digit).collect::<String>(), "20", "{row}");
    }
    let text = screen(&model, (140, 40));
    for wanted in ["JOBS backup 1", "judged by db-ops-1 (6), db-ops-2 (1)", "+0.98 s/s", "−0.61 s/s", "−0.98"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    // With more room it is told who judged, and of which group it is.
    let wide = screen(&model, (220, 40));
    assert!(row(&wide, "db14").ends_with("4 s db-ops-1    shop    │"), "{wide}");
    compare("delay-ascii-80x24.txt", &mono(&model, (80, 24)));
    compare("delay-ascii-140x40.txt", &mono(&model, (140, 40)));
}

#[test]
fn what_is_out_of_bounds_stands_outside_the_band() {
    let text = screen(&tab(), (140, 40));
    let gauge = |name: &str| {
        let row = row(&text, name);
        row.chars().skip_while(|c| *c != '─').take_while(|c| "─┤├ ●✖⚠?".contains(*c)).collect::<String>()
    };
    let inside = |name: &str| {
        let gauge = gauge(name);
        let band: String = gauge.chars().skip_while(|c| *c != '┤').take_while(|c| *c != '├').collect();
        band.chars().any(|c| "●✖⚠?".contains(c))
    };
    assert_eq!(["db01", "db07", "db09", "db11", "db14"].map(inside), [true, true, false, false, false]);
    // Whoever has no value has no mark.
    assert!(!gauge("db20").trim_end().contains(['●', '✖', '⚠', '?']), "{}", gauge("db20"));
    let low = replica("db05-delay", verdict(Severity::Critical, 22, "too little", 20.0, 0.0, None));
    let text = screen(&over(only(vec![low])), (140, 40));
    let row = row(&text, "db05");
    assert!(
        row.find('✖').unwrap() < row.find('┤').unwrap() && row.rfind('✖').unwrap() < row.find('┤').unwrap(),
        "{row}"
    );
}

#[test]
fn severities_are_told_by_word_sign_and_style() {
    let model = tab();
    let theme = Theme::named("default", Depth::True).unwrap();
    let (buffer, _) = paint(&model, (140, 40));
    // The first row is selected, and keeps the style of its severity.
    for (text, role) in [
        ("⚠ WARNING", "warning"),
        ("? UNKNOWN", "unknown"),
        ("● OK", "ok"),
        ("? OK", "stale"),
        ("judged 45 s ago", "stale"),
        ("nobody has judged it yet", "unknown"),
        ("1 FROZEN", "held"),
    ] {
        assert_eq!(looks(&buffer, &theme, text), role, "{text}");
    }
    for line in [healthy("a"), backup(), recovery(), critical(), unknown()] {
        let (severity, text) = (line.severity(), mono(&over(only(vec![line])), (80, 24)));
        let sign = Glyphs::ascii().severity(severity);
        assert!(text.contains(&format!("{sign} {}", severity.word())), "{text}");
        assert!(text.is_ascii());
    }
}

#[test]
fn what_nobody_judges_any_more_is_in_doubt_and_then_critical() {
    let at = |secs| ReplicaLine { judged: Some(("db-ops-2".to_owned(), ago(secs))), ..healthy("db03-delay") };
    // Two intervals of ten seconds are not too long.
    let text = screen(&over(only(vec![at(20)])), (140, 40));
    assert!(
        row(&text, "db03").contains("● OK") && !text.contains("ago:") && !text.contains("not judged lately"),
        "{text}"
    );
    let text = screen(&over(only(vec![at(21)])), (140, 40));
    assert!(row(&text, "db03").contains("? OK") && text.contains("judged 21 s ago: delay 7204 s"), "{text}");
    // That nobody judges is the verdict then, and says so itself.
    let mut gone = at(300);
    let said = "worker last seen 300 s ago, limit 60 s: is firn run running?";
    let verdict = gone.verdict.as_mut().unwrap();
    (verdict.severity, verdict.rule, verdict.text) = (Severity::Critical, RuleId(2), said.to_owned());
    let text = screen(&over(only(vec![gone])), (140, 40));
    assert!(
        row(&text, "db03").contains("✖ CRITICAL") && text.contains(said) && !text.contains("judged 5 min"),
        "{text}"
    );
    assert!(text.contains("1 not judged lately"), "{text}");
}

#[test]
fn hundreds_are_gone_through_by_pages_and_only_those_in_sight_are_drawn() {
    let mut model = over(many(200));
    let text = screen(&model, (80, 24));
    compare("delay-200-80x24.txt", &text);
    compare("delay-200-140x40.txt", &screen(&model, (140, 40)));
    assert!(text.contains("REPLICAS 200") && text.contains("Replicas 1/200") && text.contains("171 OK"), "{text}");
    let height = model.height("replicas");
    press(&mut model, "pgdn");
    assert_eq!(model.delay.list.place(), Some(height - 1));
    press(&mut model, "end");
    let (buffer, report) = paint(&model, (80, 24));
    model.drawn(report);
    let text = print::text(&buffer);
    assert!(text.contains("Replicas 200/200") && row(&text, "db199").contains("OK"), "{text}");
    let rows = model.report.hits.iter().filter(|(_, hit)| matches!(hit, firn::console::model::Hit::Replica(_))).count();
    assert!(rows <= 24 && model.delay.list.top + rows == 200, "{rows} rows from {}", model.delay.list.top);
    // A click selects.
    let (rect, _) = model.report.hits.iter().rev().nth(2).cloned().unwrap();
    send(&mut model, Msg::Click(rect.x + 3, rect.y));
    assert_eq!(model.delay.list.place(), Some(197));
}

#[test]
fn without_replicas_it_says_what_would_switch_it_on() {
    let lines: &'static [&'static str] = &["[[replica]]", "name = \"db14-delay\""];
    let mut model = blank();
    for (tab, area) in &mut model.setup.areas {
        if *tab == TabId::Delay {
            *area = Area::Off(lines);
        }
    }
    go(&mut model, "4");
    let text = screen(&model, (80, 24));
    for wanted in ["Delay is not configured.", "/etc/firn/firn.toml", "[[replica]]", "name = \"db14-delay\""] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!(said(&model), "delay.details: Delay is not configured");
    // Configured, and nothing has been read yet; then there is none.
    let mut model = console(busy());
    go(&mut model, "4");
    model.delay = firn::console::tabs::delay::State::default();
    assert!(screen(&model, (80, 24)).contains("reading the state …"));
    assert!(screen(&over(only(Vec::new())), (80, 24)).contains("no replica is configured"));
}

#[test]
fn the_list_is_sorted_worst_first_and_by_name_delay_and_slope() {
    let mut model = tab();
    let names = |model: &firn::console::model::Model| {
        model.delay.list.ids.iter().map(|name| name[..4].to_owned()).collect::<Vec<_>>().join(" ")
    };
    // What somebody stopped on purpose comes after what nobody has seen to.
    assert_eq!(names(&model), "db14 db07 db09 db11 db20 db01 db03 db21");
    press(&mut model, "S");
    assert_eq!(
        (names(&model).as_str(), said(&model)),
        ("db01 db03 db21 db20 db09 db11 db14 db07", "sorted by state, best first")
    );
    let wanted = [
        ("db01 db03 db07 db09 db11 db14 db20 db21", "sorted by replica, from A to Z"),
        // What is not known comes last, whichever way.
        ("db11 db09 db14 db07 db01 db03 db21 db20", "sorted by delay now, largest first"),
        ("db07 db11 db14 db01 db03 db21 db09 db20", "sorted by slope, largest first"),
        ("db14 db07 db09 db11 db20 db01 db03 db21", "sorted by state, worst first"),
    ];
    for (order, words) in wanted {
        press(&mut model, "s");
        assert_eq!((names(&model).as_str(), said(&model)), (order, words));
    }
    press(&mut model, "s s S");
    assert_eq!(said(&model), "sorted by delay now, smallest first");
    assert_eq!(names(&model), "db01 db03 db21 db07 db14 db09 db11 db20");
}

#[test]
fn the_list_is_filtered_by_all_that_a_row_says() {
    let mut model = tab();
    for (filter, found) in [
        ("backup", 2),
        ("critical", 2),
        ("shop !critical", 5),
        ("db-ops-2", 1),
        ("FROZEN", 1),
        ("unknown", 1),
        ("nothing like it", 0),
    ] {
        press(&mut model, "/");
        type_in(&mut model, filter);
        press(&mut model, "enter");
        assert_eq!(model.delay.list.ids.len(), found, "{filter}: {:?}", model.delay.list.ids);
        let text = screen(&model, (80, 24));
        assert!(text.contains(&format!("/{filter}/")), "{text}");
        if found == 0 {
            assert!(text.contains("no row passes the filter; Esc drops it"), "{text}");
            assert_eq!(press(&mut model, "enter"), []);
            assert_eq!(said(&model), "delay.details: nothing is selected: the list is empty");
        }
        press(&mut model, "esc");
        assert_eq!((model.delay.list.ids.len(), said(&model)), (8, "the filter is gone"));
    }
}

#[test]
fn the_selection_follows_its_replica_and_the_screen_can_be_held() {
    let mut model = tab();
    press(&mut model, "down down");
    assert_eq!(model.delay.list.selected.as_deref(), Some("db09-delay"));
    assert_eq!(press(&mut model, "y"), [Effect::Copy("db09-delay".to_owned())]);
    press(&mut model, "z");
    let mut newer = delays();
    newer.replicas.retain(|line| line.severity() != Severity::Critical);
    newer.now = newer.now.plus(Duration::from_secs(2));
    send(&mut model, Msg::Delays(Arc::new(newer)));
    assert_eq!(model.delay.list.ids.len(), 8, "held");
    press(&mut model, "z");
    assert_eq!((model.delay.list.ids.len(), model.delay.list.place()), (6, Some(0)));
    assert_eq!(model.delay.list.selected.as_deref(), Some("db09-delay"));
}

#[test]
fn a_finding_of_a_replica_is_seen_from_every_tab_and_leads_to_it() {
    let mut snapshot = busy();
    let rule = firn::delay::findings::REPLICA;
    snapshot.findings = vec![finding(Severity::Critical, rule, "db09-delay")];
    let mut model = console(snapshot);
    send(&mut model, Msg::Delays(Arc::new(delays())));
    assert!(screen(&model, (140, 40)).lines().next().unwrap().contains("4 Delay ✖1"));
    model.delay.set_filter("db14");
    press(&mut model, "F enter");
    assert_eq!((model.tab, top(&model)), (TabId::Delay, ""));
    assert_eq!(model.delay.list.selected.as_deref(), Some("db09-delay"));
}

#[test]
fn bounds_stand_in_the_title_where_all_share_them_and_else_in_the_rows() {
    let mut other = healthy("db02-delay");
    let limits = Limits {
        min_delay_time: Duration::from_mins(10),
        max_delay_time: Duration::from_mins(30),
        ..Limits::default()
    };
    other.limits = Arc::new(limits);
    let text = screen(&over(only(vec![healthy("db01-delay"), other])), (200, 40));
    assert!(!text.contains("band 5,400") && text.contains("allowed"), "{text}");
    assert!(row(&text, "db01").contains("5,400–9,000") && row(&text, "db02").contains("600–1,800"), "{text}");
}

#[test]
fn jobs_that_run_are_counted_by_class() {
    let mut lines = vec![backup(), healthy("db01-delay"), healthy("db02-delay")];
    lines[1].jobs = vec![job("deshard", 60, None), job("backup", 9_000, Some(4_000))];
    lines[2].jobs = vec![job("backup", 60, None)];
    let text = screen(&over(only(lines)), (140, 40));
    assert!(text.contains("JOBS backup 2, deshard 1"), "{text}");
    assert!(screen(&over(only(vec![recovery()])), (140, 40)).contains("JOBS none run"));
}

#[test]
fn many_judges_are_counted() {
    let by = |n: usize| ReplicaLine { judged: Some((format!("db-ops-{n}"), ago(1))), ..healthy(&format!("db{n}")) };
    let text = screen(&over(only((1..=5).map(by).collect())), (140, 40));
    assert!(text.contains("judged by db-ops-1 (1), db-ops-2 (1), db-ops-3 (1), 2 more hosts"), "{text}");
    let text = screen(&over(only(vec![unknown()])), (140, 40));
    assert!(text.contains("judged by nobody"), "{text}");
}

#[test]
fn numbers_are_written_as_people_read_them() {
    use firn::console::tabs::delay::rows::{correlation, plain, secs, slope};
    let cases = [
        (secs(Some(16_408.4)), "16,408 s"),
        (secs(Some(0.44)), "0.4 s"),
        (secs(Some(99.94)), "99.9 s"),
        (secs(Some(99.96)), "100 s"),
        (secs(Some(-17_979.0)), "−17,979 s"),
        (secs(None), "–"),
        (secs(Some(f64::NAN)), "–"),
        (plain(9_000.0), "9,000"),
        (plain(-0.2), "0"),
        (slope(Some(-0.001)), "+0.00 s/s"),
        (slope(Some(-0.61)), "−0.61 s/s"),
        (slope(None), "–"),
        (correlation(Some(-1.0)), "−1.00"),
        (correlation(None), "–"),
    ];
    for (text, expected) in cases {
        assert_eq!(text, expected);
    }
    assert_eq!(frozen().severity(), Severity::Critical);
    assert!(stale().judged.unwrap().1 < NOW && Time::default() < NOW);
}
