//! The freeze of a replica on a terminal: nothing is stopped, and nothing let go of, until its name has been typed.

use super::place::Place;
use super::pty::Pty;

/// Nobody listens on that port.
const CONFIG: &str = r#"
[[replica]]
name = "db14"
host = "127.0.0.1"
port = 1
user = "firn"
freeze_user = "freezer"
tls = "off"
"#;

fn open(place: &Place, args: &[&str], question: &str) -> Pty {
    let pty = place.open((120, 30), &[&["delay"], args].concat());
    pty.wait_for(question);
    pty
}

/// Types a line, and looks at how it ends.
#[track_caller]
fn answered(mut pty: Pty, line: &str, code: i32, said: &str) {
    pty.write(line);
    pty.press("enter");
    let ended = pty.end();
    ended.exactly(code);
    assert!(ended.text.contains(said), "{said:?} in {}", ended.text);
}

#[test]
fn a_freeze_and_its_end_want_the_name_typed() {
    let place = Place::with(CONFIG, 0, |_| Vec::new());
    let freezes = |which: &str| place.number(&format!("SELECT count(*) FROM freeze WHERE {which}"));
    let stop = "stop the SQL thread, then the IO thread, of db14: type its name to go on:";
    let wrong = "that is not its name; nothing was done";
    for line in ["db41", "yes", ""] {
        answered(open(&place, &["freeze", "db14"], stop), line, 2, wrong);
        assert_eq!(freezes("1"), 0, "{line:?}");
    }
    // That it cannot be seen keeps nobody from having it stopped.
    let mut pty = open(&place, &["freeze", "db14"], stop);
    assert!(pty.text().contains("it cannot be seen now: cannot reach 127.0.0.1:1"), "{}", pty.text());
    pty.write("db14");
    pty.press("enter");
    pty.wait_for("being frozen: the SQL thread is being stopped");
    assert_eq!(freezes("ended IS NULL"), 1);
    pty.press("ctrl-c");
    let ended = pty.end();
    ended.exactly(1);
    assert!(ended.text.contains("db14 is not frozen yet: the workers (firn run) go on"), "{}", ended.text);

    // What cannot be seen is not resumed; nobody is asked for a name.
    let ended = place.open((120, 30), &["delay", "resume", "db14"]).end();
    ended.exactly(1);
    assert!(ended.text.contains("db14 is not resumed while it cannot be seen; nothing was done"), "{}", ended.text);
    let end = "end the freeze, and start nothing, of db14: type its name to go on:";
    for line in ["db41", ""] {
        answered(open(&place, &["resume", "db14", "--no-start"], end), line, 2, wrong);
        assert_eq!(freezes("ended IS NULL"), 1, "{line:?}");
    }
    answered(open(&place, &["resume", "db14", "--no-start"], end), "db14", 0, "the freeze of db14 is ended");
    assert_eq!((freezes("ended IS NULL"), freezes("ended IS NOT NULL")), (0, 1));
}

#[test]
fn a_promotion_is_taken_back_by_its_replicas_name() {
    let place = Place::with(CONFIG, 0, |_| Vec::new());
    let mut pty = open(&place, &["freeze", "db14"], "type its name to go on:");
    pty.write("db14");
    pty.press("enter");
    pty.wait_for("being frozen");
    pty.press("ctrl-c");
    pty.end().exactly(1);
    place.open((120, 30), &["delay", "freeze-step", "db14", "promoted"]).end().exactly(0);
    let state = || -> String { place.state().query_row("SELECT state FROM freeze", [], |row| row.get(0)).unwrap() };
    assert_eq!(state(), "released");
    let question = "take the promotion back, so that both threads are stopped again, of db14: type its name";
    let undo = ["freeze-step", "db14", "promoted", "--undo"];
    answered(open(&place, &undo, question), "db41", 2, "that is not its name; nothing was done");
    assert_eq!(state(), "released");
    answered(open(&place, &undo, question), "db14", 0, "[ ] T+40  promoted");
    assert_eq!(state(), "asked");
}
