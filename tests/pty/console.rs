//! The console on a real terminal, over the demo: nothing of it leaves the machine, and it looks the same every time.

use rustix::process::Signal;

use super::pty::{Ended, Modes, PLAIN, Pty, STOPPED};

/// The console's command line.
const FIRN: &str = env!("CARGO_BIN_EXE_firn");
const DEMO: [&str; 2] = [FIRN, "demo"];
/// Tabs in the order of their keys.
const TABS: [&str; 6] = ["Backup", "Restore", "Audit", "Delay", "Redis", "Counters"];
/// The title of the question before it ends.
const LEAVE: &str = "Leave the console";
/// A terminal while the console has it.
const TAKEN: Modes = Modes { alternate: true, cursor: false, mouse: false, paste: true };

/// The demo, drawn.
fn demo(size: (u16, u16), env: &[(&str, &str)]) -> Pty {
    let pty = Pty::start(size, DEMO, env);
    pty.wait_for("DEMO");
    // The state has been read, and workers work on it.
    pty.wait_for("FETCH");
    pty
}

/// Ends it as an operator does, and everything is as before.
#[track_caller]
fn leave(pty: Pty) -> String {
    String::from_utf8_lossy(&ended(pty).raw).into_owned()
}

/// The same, with all that is known of its end.
#[track_caller]
fn ended(mut pty: Pty) -> Ended {
    pty.press("q");
    pty.wait_until("the question, or the end", |screen| {
        screen.contents().contains(LEAVE) || !screen.alternate_screen()
    });
    if pty.modes().alternate {
        pty.press("right enter");
    }
    let ended = pty.end();
    ended.exactly(0);
    ended
}

/// What the tab's own lines show: without header and footer.
fn middle(pty: &Pty) -> String {
    pty.look(|screen| {
        let (rows, columns) = screen.size();
        screen.rows(0, columns.get()).take(usize::from(rows.get()) - 2).skip(2).collect::<Vec<_>>().join("\n")
    })
}

#[test]
fn it_takes_the_terminal_and_gives_it_back_as_it_was() {
    let pty = demo((80, 24), &[]);
    assert_eq!(pty.modes(), TAKEN);
    leave(pty);
}

#[test]
fn every_tab_is_reached_by_its_key_and_by_going_round() {
    let mut pty = demo((120, 40), &[]);
    for (at, tab) in TABS.iter().enumerate().skip(1) {
        pty.press(&(at + 1).to_string());
        if *tab == "Restore" {
            pty.wait_for("no plan yet: n asks for one file or folder, b for a list");
            continue;
        }
        if *tab == "Delay" {
            pty.wait_for("REPLICAS 2");
            continue;
        }
        if *tab == "Redis" {
            pty.wait_for("SLOTS 16,384/16,384");
            continue;
        }
        pty.wait_for(&format!("This version of firn has no {tab} tab."));
    }
    pty.press("tab");
    pty.wait_for("FETCH");
    pty.press("shift-tab");
    pty.wait_for("no Counters tab.");
    pty.press("1");
    pty.wait_for("FETCH");
    leave(pty);
}

#[test]
fn help_is_searched_by_typing() {
    let mut pty = demo((120, 40), &[]);
    pty.press("?");
    pty.wait_for("pause the selected pool");
    pty.write("suspend the");
    pty.wait_for("suspend the console");
    pty.wait_gone("pause the selected pool");
    pty.press("esc");
    pty.wait_gone("suspend the console");
    leave(pty);
}

#[test]
fn the_palette_does_what_is_typed() {
    let mut pty = demo((120, 40), &[]);
    pty.press(":");
    pty.wait_for("the name of an action");
    pty.write("tab.2");
    pty.press("enter");
    pty.wait_for("RUNNING");
    pty.press("1");
    pty.wait_for("FETCH");
    leave(pty);
}

#[test]
fn a_filter_is_typed_pasted_and_dropped() {
    let mut pty = demo((120, 40), &[]);
    pty.press("/");
    pty.write("zq");
    pty.wait_for("zq");
    // Pasted control characters are no keys: nothing is entered, cleared or left.
    pty.paste("7\x1b[2J\x03\rx");
    pty.wait_for("zq7");
    pty.wait_for("DEMO");
    assert!(!pty.text().contains(LEAVE));
    pty.press("esc");
    pty.wait_gone("zq7");
    leave(pty);
}

#[test]
fn a_question_has_cancel_focused_and_ctrl_c_cancels_it_first() {
    let mut pty = demo((120, 40), &[]);
    for no in ["enter", "esc", "ctrl-c"] {
        pty.press("q");
        pty.wait_for(LEAVE);
        pty.press(no);
        pty.wait_gone(LEAVE);
        assert!(pty.modes().alternate, "{no} has ended it");
    }
    leave(pty);
}

#[test]
fn signals_end_it_and_the_terminal_is_as_before() {
    for signal in [Signal::HUP, Signal::TERM] {
        let pty = demo((80, 24), &[]);
        pty.signal(signal);
        let ended = pty.end();
        assert_eq!((ended.modes, &ended.stty.0), (PLAIN, &ended.stty.1), "{signal:?}");
        assert!(ended.code < 128, "{signal:?} killed it: {}", ended.code);
    }
}

#[test]
fn a_connection_that_breaks_ends_it() {
    assert!(demo((80, 24), &[]).hang_up(), "still running after its terminal is gone");
}

#[test]
fn another_size_is_repainted_down_to_one_cell() {
    let mut pty = demo((80, 24), &[]);
    pty.resize((59, 15));
    pty.wait_for("too small");
    pty.resize((1, 1));
    pty.resize((200, 60));
    pty.wait_for("Counters");
    pty.wait_gone("too small");
    // To the last row, which only a screen of this size has.
    pty.wait_until("a footer", |screen| screen.rows(0, 200).last().is_some_and(|row| row.contains("help")));
    pty.resize((80, 24));
    pty.wait_until("a footer", |screen| screen.rows(0, 80).last().is_some_and(|row| row.contains("help")));
    leave(pty);
}

#[test]
fn stopped_by_ctrl_z_and_brought_back() {
    let mut pty = demo((80, 24), &[]);
    pty.press("ctrl-z");
    pty.wait_for(STOPPED);
    assert_eq!(pty.modes(), PLAIN);
    pty.press("enter");
    pty.wait_for("DEMO");
    pty.wait_gone(STOPPED);
    let stopped = pty.stty_stopped();
    pty.press("2");
    pty.wait_for("RUNNING");
    let ended = ended(pty);
    assert_eq!(stopped, ended.stty.0, "stty -g before and while stopped");
}

#[test]
fn without_colour_there_are_still_styles() {
    let pty = demo((120, 40), &[("NO_COLOR", "1")]);
    let (coloured, styled) = pty.look(|screen| {
        let cells = (0..40).flat_map(|row| (0..120).map(move |column| (row, column)));
        let cells: Vec<&vt100::Cell> = cells.filter_map(|(row, column)| screen.cell(row, column)).collect();
        let plain = vt100::Color::Default;
        (
            cells.iter().filter(|cell| cell.fgcolor() != plain || cell.bgcolor() != plain).count(),
            cells.iter().filter(|cell| cell.bold() || cell.inverse()).count(),
        )
    });
    assert_eq!(coloured, 0);
    assert!(styled > 0);
    let raw = leave(pty);
    // Every "select graphic rendition" that it sent: 39 and 49 take colours away, the others around them set some.
    let sent = raw.split("\x1b[").skip(1).filter_map(|rest| {
        let (numbers, _) = rest.split_once('m')?;
        numbers.chars().all(|c| c.is_ascii_digit() || c == ';').then_some(numbers)
    });
    let colours: Vec<u32> = sent
        .flat_map(|numbers| numbers.split(';').filter_map(|n| n.parse().ok()))
        .filter(|n| matches!(n, 30..=38 | 40..=48 | 90..=107))
        .collect();
    assert_eq!(colours, [0; 0]);
}

#[test]
fn where_the_locale_is_not_utf_8_only_ascii_is_sent() {
    for locale in [("LANG", "C"), ("LC_ALL", "en_US.ISO-8859-1")] {
        let pty = demo((120, 40), &[locale]);
        assert!(middle(&pty).contains("FETCH"));
        let raw = leave(pty);
        let foreign: String = raw.chars().filter(|c| !c.is_ascii()).take(40).collect();
        assert_eq!(foreign, "", "{locale:?}");
    }
}

#[test]
fn what_is_no_terminal_is_refused_with_what_to_do_instead() {
    let piped = ["sh", "-c", "\"$@\" | cat", "sh", FIRN, "demo"];
    let fed = ["sh", "-c", "\"$@\" < /dev/null", "sh", FIRN, "demo"];
    for (program, env, why) in [
        (&piped[..], &[][..], "standard output is not a terminal"),
        (&fed, &[], "standard input is not a terminal"),
        (&DEMO, &[("TERM", "dumb")], "TERM is \"dumb\""),
    ] {
        let ended = Pty::start((120, 24), program, env).end();
        assert!(ended.text.contains(why), "{}", ended.text);
        assert!(ended.text.contains("firn status"), "{}", ended.text);
        assert!(!String::from_utf8_lossy(&ended.raw).contains("\x1b[?1049h"), "it was drawn on");
        assert_eq!((ended.modes, &ended.stty.0), (PLAIN, &ended.stty.1));
    }
}
