//! A command as a job on a terminal: it reads there, its keys reach it, and it is stopped and goes on with firn.

use std::fs;

use rustix::process::{Pid, Signal};

use super::place::Place;
use super::pty::{Ended, LONG, Pty, STOPPED};
use super::support::waiting::eventually;

const CONFIG: &str = r#"
[[replica]]
name = "db14"
host = "db14.invalid"
user = "firn"
password = "env:REPLICA_PASSWORD"
"#;

/// Reads a line between two of its own.
const SCRIPT: &str = "echo ready; read -r line; echo \"it reads $line\"; exit 5";

fn place() -> Place {
    let place = Place::with(CONFIG, 1, |_| Vec::new());
    place.back_up();
    place
}

/// Whether every process of a group is stopped.
fn stand(group: Pid) -> bool {
    let group = group.as_raw_nonzero().to_string();
    let read =
        fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("stat")).ok());
    let mut of_group = read.filter_map(|stat| {
        // After the name: state, parent, group.
        let mut words = stat.rsplit_once(") ")?.1.split(' ');
        let state = words.next()?.to_owned();
        (words.nth(1)? == group).then_some(state)
    });
    of_group.all(|state| state == "T")
}

fn start(place: &Place) -> Pty {
    let pty = place.open((100, 24), &["job", "run", "backup", "db14", "--", "sh", "-c", SCRIPT]);
    pty.wait_for("ready");
    assert_eq!(place.number("SELECT count(*) FROM window WHERE ended IS NULL"), 1);
    pty
}

/// It ended with that exit code, and so it stands in the state.
#[track_caller]
fn over(place: &Place, ended: &Ended, code: i32, outcome: &str) {
    ended.exactly(code);
    let how: String = place.state().query_row("SELECT outcome FROM window", [], |row| row.get(0)).unwrap();
    assert_eq!(how, outcome);
}

#[test]
fn it_reads_the_terminal() {
    let place = place();
    let mut pty = start(&place);
    pty.write("a line");
    pty.press("enter");
    let ended = pty.end();
    assert!(ended.text.contains("it reads a line"), "{}", ended.text);
    over(&place, &ended, 5, "exit code 5");
}

#[test]
fn keys_reach_it_by_themselves_and_signals_are_passed_on() {
    let place = place();
    let mut pty = start(&place);
    // Had it come from the keyboard, the command would have had it too: it is not told a second time.
    pty.signal(Signal::INT);
    pty.write("on");
    pty.press("enter");
    over(&place, &pty.end(), 5, "exit code 5");
    place.state().execute("DELETE FROM window", []).unwrap();
    let mut pty = start(&place);
    pty.press("ctrl-c");
    over(&place, &pty.end(), 130, "ended by signal 2");
    place.state().execute("DELETE FROM window", []).unwrap();
    let pty = start(&place);
    pty.signal(Signal::TERM);
    over(&place, &pty.end(), 143, "ended by signal 15");
}

#[test]
fn it_is_stopped_and_goes_on_with_firn() {
    let place = place();
    let mut pty = start(&place);
    let job = pty.pid();
    pty.press("ctrl-z");
    pty.wait_for(STOPPED);
    // The shell knows of firn alone. A command that has not got to its signal yet would still read, and take the Enter that is
    // for the shell.
    eventually(LONG, "every process of the job stands", || stand(job).then_some(()));
    assert_eq!(place.number("SELECT count(*) FROM window WHERE ended IS NULL"), 1, "it has not ended");
    pty.press("enter");
    pty.write("after all");
    pty.press("enter");
    pty.wait_for("it reads after all");
    over(&place, &pty.end(), 5, "exit code 5");
}
