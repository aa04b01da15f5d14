//! The terminal layer on a real terminal.

use rustix::process::Signal;

use super::program::{self, SIGNALLED, start, start_deaf};
use super::pty::{Modes, PLAIN, Pty, STOPPED};

/// A terminal while the program has it.
const TAKEN: Modes = Modes { alternate: true, cursor: false, mouse: false, paste: true };

#[test]
fn it_takes_the_terminal_and_gives_it_back_as_it_was() {
    let mut pty = start((80, 24), &[]);
    assert_eq!(pty.modes(), TAKEN);
    pty.press("x ctrl-c alt-b shift-tab f5 ctrl-left enter pgdn");
    pty.wait_for("key pgdn");
    for key in ["x", "ctrl-c", "alt-b", "shift-tab", "f5", "ctrl-left", "enter", "pgdn"] {
        assert!(pty.text().contains(&format!("key {key}")), "{key}: {}", pty.text());
    }
    pty.press("q");
    let ended = pty.end();
    ended.exactly(0);
    assert!(!ended.text.contains("ready"), "{}", ended.text);
}

#[test]
fn an_escape_alone_is_a_key_without_another_one() {
    let mut pty = start((80, 24), &[]);
    pty.press("esc");
    pty.wait_for("key esc");
    pty.press("q");
    pty.end().exactly(0);
}

#[test]
fn an_unchanged_screen_sends_nothing() {
    let mut pty = start((80, 24), &[]);
    pty.press("n");
    pty.wait_for("drew again: 0, all: few");
    pty.press("q");
    pty.end().exactly(0);
}

#[test]
fn frames_are_synchronized_updates() {
    let mut pty = start((80, 24), &[]);
    pty.press("x q");
    let raw = pty.end().raw;
    let raw = String::from_utf8_lossy(&raw);
    let begun = raw.matches("\x1b[?2026h").count();
    // Leaving ends one more, in case that a frame was cut short.
    assert_eq!((begun >= 2, raw.matches("\x1b[?2026l").count()), (true, begun + 1), "{raw:?}");
}

#[test]
fn another_size_is_told_and_repainted() {
    let mut pty = start((80, 24), &[]);
    for size in [(100, 30), (20, 5), (1, 1), (80, 24)] {
        pty.resize(size);
        if size.0 > 1 {
            pty.wait_for(&format!("ready {}x{}", size.0, size.1));
            pty.wait_for(&format!("size {}x{}", size.0, size.1));
        } else {
            pty.wait_for("r");
        }
    }
    pty.press("q");
    pty.end().exactly(0);
}

/// Smaller and back before anything was drawn: the terminal has dropped text, and has the size that it had.
#[test]
fn a_size_that_comes_and_goes_is_repainted() {
    let mut pty = start((80, 24), &[]);
    pty.press("x");
    pty.wait_for("key x");
    for _ in 0..20 {
        pty.resize((5, 2));
        pty.resize((80, 24));
        pty.press("y");
    }
    pty.press("z");
    pty.wait_for("key z");
    pty.wait_for("ready 80x24");
    pty.press("q");
    pty.end().exactly(0);
}

#[test]
fn stopped_by_ctrl_z_and_brought_back() {
    let mut pty = start((80, 24), &[]);
    for round in 0..2 {
        pty.press("m ctrl-z");
        // The shell's screen still shows what it said in the round before.
        pty.wait_until("the shell to say so again", |screen| screen.contents().matches(STOPPED).count() > round);
        assert_eq!(pty.modes(), PLAIN, "round {round}");
        pty.press("enter");
        pty.wait_for("ready 80x24");
        pty.wait_gone(STOPPED);
        pty.wait_until("the terminal to be taken", |screen| screen.alternate_screen() && screen.hide_cursor());
        assert_eq!(pty.modes(), Modes { mouse: round == 0, ..TAKEN });
        pty.press("x");
        pty.wait_for("key x");
    }
    let stopped = pty.stty_stopped();
    pty.press("q");
    let ended = pty.end();
    ended.exactly(0);
    assert_eq!(stopped, ended.stty.0, "stty -g before and while stopped");
}

#[test]
fn stopped_from_outside_it_takes_the_terminal_again() {
    let mut pty = start((80, 24), &[]);
    // Nothing can be done about this one: the shell writes over the screen.
    pty.signal(Signal::STOP);
    pty.wait_for(STOPPED);
    pty.press("enter");
    pty.wait_gone(STOPPED);
    pty.wait_for("signal SIGCONT");
    pty.press("x");
    pty.wait_for("key x");
    pty.press("q");
    pty.end().exactly(0);
}

#[test]
fn a_paste_arrives_as_text() {
    let mut pty = start((80, 24), &[]);
    pty.paste("q\rsecond\x1b[A");
    pty.wait_for(r#"paste 11 false "q\nsecond\u{1b}[A""#);
    let long = "x".repeat(100_000);
    pty.paste(&long);
    pty.wait_for("paste 100000 false");
    pty.press("q");
    pty.end().exactly(0);
}

#[test]
fn the_mouse_is_told_while_it_is_on() {
    let mut pty = start((80, 24), &[]);
    pty.press("m");
    pty.wait_until("the mouse to be on", |screen| screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None);
    pty.click(7, 3);
    pty.wait_for("mouse Click 7 3");
    pty.wheel_down(0, 0);
    pty.wait_for("mouse WheelDown 0 0");
    pty.press("q");
    let ended = pty.end();
    ended.exactly(0);
    let raw = String::from_utf8_lossy(&ended.raw).into_owned();
    for motion in ["?1002h", "?1003h"] {
        assert!(!raw.contains(motion), "{motion} asks for motion");
    }
}

#[test]
fn a_copy_is_wrapped_for_tmux() {
    for (env, expected) in [
        (&[][..], "\x1b]52;c;Y29waWVkIHRleHQ=\x07"),
        (&[("TMUX", "/tmp/x,1,0")], "\x1bPtmux;\x1b\x1b]52;c;Y29waWVkIHRleHQ=\x07\x1b\\"),
    ] {
        let mut pty = start((80, 24), env);
        pty.press("c q");
        let ended = pty.end();
        ended.exactly(0);
        assert!(String::from_utf8_lossy(&ended.raw).contains(expected));
    }
}

#[test]
fn a_panic_of_the_loop_gives_the_terminal_back_and_then_speaks() {
    let mut pty = start((80, 24), &[]);
    pty.press("m p");
    let ended = pty.end();
    assert_eq!((ended.modes, &ended.stty.0), (PLAIN, &ended.stty.1));
    assert_eq!(ended.code, 101, "{}", ended.text);
    assert!(ended.text.contains("panicked at"), "{}", ended.text);
    assert!(ended.text.contains("fallen"), "{}", ended.text);
}

#[test]
fn a_panic_of_a_worker_goes_to_the_log_and_never_to_the_screen() {
    let mut pty = start((200, 24), &[]);
    pty.press("w");
    pty.wait_for("log: a worker panicked");
    let text = pty.text();
    assert!(text.contains("panic=a worker has\\x0afallen over"), "{text}");
    assert!(text.contains("place=tests/pty/program.rs:"), "{text}");
    assert_eq!(pty.modes(), TAKEN);
    pty.press("x");
    pty.wait_for("key x");
    pty.press("q");
    let ended = pty.end();
    ended.exactly(0);
    assert!(!String::from_utf8_lossy(&ended.raw).contains("panicked at"), "something was printed");
}

#[test]
fn signals_end_it_and_the_terminal_is_as_before() {
    for signal in [Signal::HUP, Signal::TERM] {
        let pty = start((80, 24), &[]);
        pty.signal(signal);
        pty.end().exactly(SIGNALLED);
    }
}

#[test]
fn an_interrupt_from_outside_is_told() {
    let mut pty = start((80, 24), &[]);
    pty.signal(Signal::INT);
    pty.wait_for("signal SIGINT");
    pty.press("q");
    pty.end().exactly(0);
}

#[test]
fn a_connection_that_breaks_ends_it() {
    assert!(start((80, 24), &[]).hang_up(), "still running after SIGHUP");
}

/// The hangup's signal does not reach it: the dead terminal alone must end it, and not spin.
#[test]
fn a_terminal_that_is_gone_ends_even_what_hears_no_signal() {
    assert!(start_deaf().hang_up(), "still running on a terminal that is gone");
}

#[test]
fn a_terminal_that_cannot_place_text_is_refused() {
    let pty = Pty::start((80, 24), program::command(), &[("PTY_TEST_PROGRAM", "listens"), ("TERM", "dumb")]);
    let ended = pty.end();
    ended.exactly(2);
    assert!(ended.text.contains("TERM is \"dumb\": such a terminal cannot place text"), "{}", ended.text);
    assert!(!String::from_utf8_lossy(&ended.raw).contains("\x1b[?"), "it was drawn on");
}

#[test]
fn output_that_is_no_terminal_is_refused() {
    let inner = ["sh", "-c", "\"$@\" | cat", "sh"].map(str::to_owned).into_iter().chain(program::command());
    let pty = Pty::start((80, 24), inner, &[("PTY_TEST_PROGRAM", "listens")]);
    let ended = pty.end();
    assert!(ended.text.contains("standard output is not a terminal"), "{}", ended.text);
    assert!(!String::from_utf8_lossy(&ended.raw).contains("\x1b[?"), "it was drawn on");
}
