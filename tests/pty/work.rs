//! The console over a real directory and a real vault, with workers in it and without.

use std::fs;

use rustix::process::Signal;

use super::place::Place;
use super::pty::{Modes, PLAIN, Pty};

const LEAVE: &str = "Leave the console";
/// Files that a vault holds: members of archives that were stored.
const SAFE: &str =
    "SELECT count(*) FROM member JOIN archive ON archive.id = member.archive WHERE stored_at IS NOT NULL";
/// Workers that have not said goodbye.
const ALIVE: &str = "SELECT count(*) FROM worker WHERE ended_at IS NULL";

/// Waits until the vault has files; nothing waits any more.
fn wait_until_safe(pty: &Pty) {
    pty.wait_until("archives in the vault", |screen| {
        let text = screen.contents();
        let archives = text.split("IN VAULT ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        archives.is_some_and(|n| n > 0) && text.contains("live 0") && text.contains("history 0")
    });
}

#[test]
fn its_own_workers_back_up_and_leaving_says_what_becomes_of_their_work() {
    let place = Place::new(30);
    let mut pty = place.console(&[]);
    wait_until_safe(&pty);
    pty.press("q");
    pty.wait_for(LEAVE);
    for said in [
        "workers run in it",
        "(scan,fetch,upload,reconcile,restore,delay,heartbeat,redis,alert)",
        "the workers of this console take no new work and finish what they have,",
        "within 20 s",
        "what is left then is taken up at the next start; nothing is lost",
        "no other worker runs on this state: nothing is backed up until one does",
    ] {
        assert!(pty.text().contains(said), "{said:?} is not said:\n{}", pty.text());
    }
    pty.press("right enter");
    pty.end().exactly(0);
    assert_eq!(place.number(SAFE), 30);
    assert_eq!(place.number(ALIVE), 0, "its workers have not ended");
    // It comes back to what it left.
    let mut pty = place.console(&[]);
    wait_until_safe(&pty);
    pty.press("q");
    pty.wait_for(LEAVE);
    pty.press("right enter");
    pty.end().exactly(0);
}

/// The disaster: the state and the vault are there, the source is gone.
#[test]
fn a_console_without_a_source_restores_what_the_vault_holds() {
    let place = Place::backed_up(3);
    let config = fs::read_to_string(place.path("firn.toml")).unwrap();
    let (before, after) = config.split_once("[[source]]").unwrap();
    let after = after.find("\n[").map_or("", |end| &after[end..]);
    fs::write(place.path("firn.toml"), format!("{before}{after}")).unwrap();
    let mut pty = place.open((140, 40), &[]);
    pty.wait_for("Backup is not configured");
    pty.press("2");
    pty.wait_for("no plan yet");
    pty.press("n");
    pty.paste("everything:");
    pty.press("tab");
    pty.paste(&format!("{}/", place.path("out").display()));
    pty.wait_for("ok");
    pty.press("enter");
    pty.wait_for("their bytes");
    pty.press("enter");
    pty.wait_for("3 files");
    pty.press("right enter");
    pty.wait_for("100 %");
    assert_eq!(fs::read_dir(place.path("out")).unwrap().count(), 3);
    pty.signal(Signal::TERM);
    pty.end().exactly(0);
}

#[test]
fn a_file_written_while_it_runs_is_backed_up() {
    let place = Place::backed_up(3);
    let pty = place.console(&[]);
    pty.wait_for("running");
    fs::write(place.path("photos/new.jpg"), "a new one").unwrap();
    pty.wait_until("a second archive", |screen| screen.contents().contains("IN VAULT 2 archives"));
    assert_eq!(place.number(SAFE), 4);
    pty.signal(Signal::TERM);
    pty.end().exactly(0);
    assert_eq!(place.number(ALIVE), 0, "its workers have not ended");
}

#[test]
fn a_hangup_ends_its_workers_too() {
    let place = Place::backed_up(3);
    let pty = place.console(&[]);
    pty.wait_for("running");
    pty.signal(Signal::HUP);
    pty.end().exactly(0);
    assert_eq!(place.number(ALIVE), 0, "its workers have not ended");
}

#[test]
fn without_workers_nothing_is_made_and_nothing_is_asked() {
    let place = Place::new(3);
    let ended = place.open((140, 40), &["--no-workers"]).end();
    ended.exactly(1);
    assert!(ended.text.contains("there is no state database at"), "{}", ended.text);
    assert!(!place.path("firn.db").exists(), "a state was made");
    let run = place.firn(&["run", "--until-idle", "--quiet"]);
    assert!(run.status.success(), "{run:?}");
    let mut pty = place.console(&["--no-workers"]);
    pty.wait_for("IN VAULT 1 archive");
    assert_eq!(place.number(ALIVE), 0, "a worker runs");
    // Nobody's work is at stake: no question.
    pty.press("q");
    pty.end().exactly(0);
}

#[test]
fn read_only_changes_nothing_whatever_is_pressed() {
    let place = Place::backed_up(3);
    let events = place.number("SELECT count(*) FROM event");
    let mut pty = place.console(&["--read-only"]);
    pty.wait_for("READ-ONLY");
    for press in ["x", "A", "R"] {
        pty.press(press);
        pty.wait_for("this console is read-only");
        pty.press("2 1");
    }
    pty.press(":");
    pty.wait_for("the name of an action");
    pty.write("backup.seal");
    pty.wait_for(": backup.seal");
    pty.press("enter");
    pty.wait_for("backup.seal: this console is read-only ([console] read_only, or --read-only)");
    pty.press("esc");
    pty.wait_gone("Command");
    assert_eq!(place.number(ALIVE), 0, "a worker runs");
    pty.press("q");
    pty.end().exactly(0);
    assert_eq!(place.number("SELECT count(*) FROM event"), events);
}

#[test]
fn what_was_being_typed_survives_a_hangup() {
    let place = Place::backed_up(3);
    for (signal, more) in [(Signal::HUP, "ugc:0"), (Signal::TERM, "00")] {
        let mut pty = place.console(&["--no-workers"]);
        pty.press("f");
        pty.wait_for("find a file");
        pty.write(more);
        pty.wait_for(if signal == Signal::HUP { "ugc:0" } else { "ugc:000" });
        pty.signal(signal);
        pty.end().exactly(0);
    }
    let mut pty = place.console(&["--no-workers"]);
    pty.press("f");
    pty.wait_for("ugc:000");
    pty.press("enter");
    pty.wait_for("0002.jpg");
    // A key on its heels would be a key with alt.
    pty.press("esc");
    pty.wait_gone("0002.jpg");
    pty.press("q");
    pty.end().exactly(0);
}

#[test]
fn the_mouse_is_left_alone_until_it_is_asked_for() {
    let place = Place::backed_up(3);
    let mut pty = place.console(&["--no-workers"]);
    let taken = Modes { alternate: true, cursor: false, mouse: false, paste: true };
    assert_eq!(pty.modes(), taken);
    pty.press("M");
    pty.wait_until("the mouse", |screen| screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None);
    let column = pty.look(|screen| screen.rows(0, 140).next().unwrap().find("3 Audit").unwrap());
    pty.click(u16::try_from(column).unwrap(), 0);
    pty.wait_for("no Audit tab.");
    pty.press("M");
    pty.wait_until("no mouse", |screen| screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None);
    assert_eq!(pty.modes(), taken);
    // Left while it is on: the terminal has it back all the same.
    pty.press("M");
    pty.wait_until("the mouse", |screen| screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None);
    pty.press("q");
    let ended = pty.end();
    ended.exactly(0);
    assert_eq!(ended.modes, PLAIN);
    for motion in ["?1002h", "?1003h"] {
        assert!(!String::from_utf8_lossy(&ended.raw).contains(motion), "{motion} asks for motion");
    }
}

#[test]
fn a_file_is_found_and_restored_from_the_console() {
    let place = Place::backed_up(3);
    let into = place.path("restored");
    let mut pty = place.console(&[]);
    pty.press("f");
    pty.wait_for("find a file");
    pty.write("ugc:0001");
    pty.press("enter");
    pty.wait_for("0001.jpg");
    pty.press("R");
    pty.wait_for("restore ugc:0001.jpg into the folder");
    pty.press("ctrl-u");
    pty.write(into.to_str().unwrap());
    pty.press("enter");
    pty.wait_for("their bytes");
    pty.press("enter");
    pty.wait_for("1 file");
    pty.press("right enter");
    pty.wait_for("plan 1 is confirmed");
    // Where it was asked for, the search is still open.
    pty.press("esc");
    pty.wait_gone("files that begin with");
    pty.press("2");
    pty.wait_for("100 %");
    assert_eq!(fs::read_to_string(into.join("0001.jpg")).unwrap(), "picture 1");
    pty.signal(Signal::TERM);
    pty.end().exactly(0);
}
