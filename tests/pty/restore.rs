//! A list of requests from a paste to files, through a terminal: verdicts, plan, question, done; a hang-up in the middle
//! and another console that looks on.

use std::fs;

use super::place::Place;

/// Lines of the list.
const LINES: usize = 400;
/// Those that are wrong, from 0.
const WRONG: [usize; 7] = [3, 50, 51, 200, 201, 202, 399];

#[test]
fn a_pasted_list_is_judged_planned_confirmed_and_delivered() {
    let place = Place::backed_up(LINES);
    let out = place.path("out");
    let line = |n: usize| {
        let source = if WRONG.contains(&n) { "ugd" } else { "ugc" };
        format!("{source}:{n:04}.jpg {}/", out.display())
    };
    let list = (0..LINES).map(line).collect::<Vec<_>>().join("\n");
    let mut pty = place.console(&["--no-workers"]);
    pty.press("2");
    pty.wait_for("no plan yet");
    pty.press("b");
    pty.wait_for("Batch: line 1 of 1");
    pty.paste(&list);
    pty.wait_for("393 ok  7 wrong  0 empty");
    pty.press("f3");
    pty.wait_for("Batch: line 4 of 400");
    pty.wait_for("did you mean \"ugc\"?");
    // The line breaks down; the list is there in the next console.
    assert!(pty.hang_up(), "it ends with its terminal");
    let mut pty = place.console(&["--no-workers"]);
    pty.press("2 b");
    pty.wait_for("393 ok  7 wrong  0 empty");
    pty.press("f2");
    pty.wait_for("left out: 7");
    pty.wait_for("within");
    pty.press("enter");
    pty.wait_for("393 files");
    assert!(!out.exists(), "nothing is done before it is confirmed");
    assert_eq!(place.number("SELECT count(*) FROM plan WHERE state = 1"), 1, "it is saved");
    // A second console confirms it, and carries it out.
    let mut second = place.console(&[]);
    second.press("2");
    second.wait_for("to be confirmed");
    second.press("c");
    second.wait_for("the ceiling is set aside");
    second.press("right enter");
    second.wait_for("393/393");
    // The first one hears who was faster.
    pty.press("right enter");
    pty.wait_until("who was faster", |screen| screen.contents().contains("confirmed by"));
    assert_eq!(place.number("SELECT count(*) FROM plan WHERE confirmed_at IS NOT NULL"), 1);
    for n in 0..LINES {
        let path = out.join(format!("{n:04}.jpg"));
        if WRONG.contains(&n) {
            assert!(!path.exists(), "{n}");
        } else {
            assert_eq!(fs::read_to_string(path).unwrap(), format!("picture {n}"));
        }
    }
    pty.press("esc");
    pty.wait_for("Batch: line");
    pty.press("esc");
    pty.wait_gone("Batch: line");
    for mut pty in [pty, second] {
        pty.press("q");
        pty.wait_until("the question, or the end", |screen| {
            screen.contents().contains("Leave the console") || !screen.alternate_screen()
        });
        if pty.modes().alternate {
            pty.press("right enter");
        }
        pty.end().exactly(0);
    }
}
