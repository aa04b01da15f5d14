//! The console when something is wrong around it: the state, the terminal, what others have written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rusqlite::params;

use super::place::{FIRN, Place};
use super::program::start_panicking;
use super::pty::{PLAIN, Pty};

/// What is refused before anything is drawn.
#[track_caller]
fn refused(pty: Pty, said: &[&str]) {
    let ended = pty.end();
    for said in said {
        assert!(ended.text.replace(['\r', '\n'], "").contains(said), "{said:?} is not said:\n{}", ended.text);
    }
    assert_ne!(ended.code, 0);
    assert!(ended.code < 128, "{}", ended.code);
    assert_eq!((ended.modes, &ended.stty.0), (PLAIN, &ended.stty.1));
    assert!(!String::from_utf8_lossy(&ended.raw).contains("\x1b[?1049h"), "it was drawn on");
}

#[test]
fn a_state_that_is_something_else_is_refused() {
    let place = Place::new(1);
    fs::write(place.path("firn.db"), "not a database, but long enough to be looked at closely".repeat(99)).unwrap();
    refused(place.open((200, 24), &[]), &["firn.db is not a state database of firn", "move this one away"]);
    fs::remove_file(place.path("firn.db")).unwrap();
    fs::create_dir(place.path("firn.db")).unwrap();
    refused(place.open((200, 24), &[]), &["it is not a file; name a file in [state] url"]);
    fs::remove_dir(place.path("firn.db")).unwrap();
    let other = place.state();
    other.execute_batch("CREATE TABLE customers (name TEXT)").unwrap();
    drop(other);
    refused(place.open((200, 24), &[]), &["firn.db is not a state database of firn", "1 tables"]);
}

#[test]
fn a_state_that_another_program_locks_is_refused() {
    let place = Place::backed_up(1);
    let other = place.state();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    refused(place.open((200, 24), &[]), &["firn.db", "locked"]);
}

#[test]
fn a_state_in_a_folder_without_permission_is_refused() {
    let place = Place::backed_up(1);
    fs::create_dir(place.path("closed")).unwrap();
    let config = fs::read_to_string(place.path("firn.toml")).unwrap();
    fs::write(place.path("firn.toml"), format!("{config}[state]\nurl = \"sqlite:closed/firn.db\"\n")).unwrap();
    fs::rename(place.path("firn.db"), place.path("closed/firn.db")).unwrap();
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(place.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = place.command(&["--no-workers"]);
    if rustix::process::geteuid().is_root() {
        // Nothing is closed to root. Where it was built, others may not be let in.
        let binary = place.path("firn");
        assert!(Command::new("cp").arg(FIRN).arg(&binary).status().unwrap().success());
        binary.to_str().unwrap().clone_into(&mut command[0]);
        let other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"].map(str::to_owned);
        command.splice(0..0, other);
    }
    refused(Pty::start((200, 24), command, &[]), &["closed/firn.db: Permission denied"]);
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_state_that_goes_and_comes_back_while_it_runs() {
    let place = Place::backed_up(2);
    let (state, aside) = (place.path("firn.db"), place.path("aside"));
    let mut pty = place.console(&[]);
    pty.wait_for("running");
    fs::rename(&state, &aside).unwrap();
    pty.wait_for("db away");
    pty.wait_for("was removed while it was open");
    // It lives, and answers keys.
    pty.press("2");
    pty.wait_for("RUNNING");
    pty.press("1");
    fs::rename(&aside, &state).unwrap();
    pty.wait_for("db ok");
    pty.wait_gone("while it was open");
    // Another one in its place is not taken for it.
    fs::rename(&state, &aside).unwrap();
    fs::copy(&aside, &state).unwrap();
    pty.wait_for("was replaced by another file");
    fs::rename(&aside, &state).unwrap();
    pty.wait_for("db ok");
    pty.press("q");
    pty.wait_for("Leave the console");
    pty.press("right enter");
    pty.end().exactly(0);
}

#[test]
fn a_state_that_another_program_holds_while_it_runs() {
    let place = Place::backed_up(2);
    let mut pty = place.console(&["--no-workers"]);
    let other = place.state();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // Readers are not kept out; nothing that is shown is old.
    pty.press("ctrl-r 2");
    pty.wait_for("RUNNING");
    pty.press("1");
    pty.wait_for("db ok");
    other.execute_batch("ROLLBACK").unwrap();
    pty.press("q");
    pty.end().exactly(0);
}

#[test]
fn a_terminal_too_small_says_so_and_grows() {
    for size in [(1, 1), (20, 5), (59, 40), (200, 15)] {
        let mut pty = Pty::start(size, [FIRN, "demo"], &[]);
        if size.0 > 10 {
            pty.wait_for("60×16");
        } else {
            pty.wait_until("the alternate screen", vt100::Screen::alternate_screen);
        }
        pty.resize((100, 30));
        pty.wait_for("FETCH");
        pty.wait_gone("60×16");
        pty.press("q");
        pty.wait_for("Leave the console");
        pty.press("right enter");
        pty.end().exactly(0);
    }
}

#[test]
fn what_other_workers_write_is_never_obeyed_by_the_terminal() {
    let place = Place::backed_up(2);
    let evil = "\x1b]0;owned\x07\x1b[31mred\r\n\u{202e}txt";
    let state = place.state();
    let far = place.number("SELECT max(last_seen) FROM worker") + 3_600_000_000;
    let pool = |name: &str, size: &str| {
        let name = serde_json::json!(name);
        format!(
            "{{\"pools\": [{{\"pool\": {name}, \"size\": {size}, \"busy\": 99, \"paused\": false, \"draining\": true}}]}}"
        )
    };
    let said = [
        "no json at all \x1b[2J".to_owned(),
        "{\"pools\": 7, \"sources\": [], \"in_hand\": -3, \"scanning\": \"x\"}".to_owned(),
        pool(evil, "3"),
        pool("fetch", "0"),
        pool("upload", "1e300"),
        format!("{}{}", "[".repeat(500), "]".repeat(500)),
        "null".to_owned(),
        format!("{{\"x\": \"{}\"}}", "y".repeat(1 << 20)),
    ];
    for (n, doing) in said.iter().enumerate() {
        state
            .execute(
                "INSERT INTO worker (host, machine_id, boot_id, pid_namespace, pid, pid_start, kinds, started, last_seen, lease_until, doing)
                 VALUES (?1, ?1, ?1, ?1, ?2, 1, ?1, ?3, ?3, ?3, ?4)",
                params![format!("host{n}{evil}"), n, far, doing],
            )
            .unwrap();
    }
    drop(state);
    let mut pty = place.console(&["--no-workers"]);
    pty.press("right right enter down down F");
    pty.wait_for("Findings");
    pty.press("esc");
    pty.wait_gone("Findings");
    pty.press("2 1");
    pty.wait_for("host2\\x1b]0;owned");
    pty.wait_for("host3");
    pty.press("q");
    let ended = pty.end();
    ended.exactly(0);
    let raw = String::from_utf8_lossy(&ended.raw).into_owned();
    for bad in ["\x1b]0;", "\x1b[31mred", "\u{202e}", "\x1b[2J \x1b"] {
        assert!(!raw.contains(bad), "{bad:?} reached the terminal");
    }
}

#[test]
fn names_full_of_escape_sequences_are_shown_and_not_obeyed() {
    let place = Place::new(0);
    let names: [&[u8]; 4] =
        [b"a\x1b]0;owned\x07.jpg", b"b\x1b[2J\x1b[31mred", b"c\nnew\rline\tand\xff\xfe", "d\u{202e}gpj.exe".as_bytes()];
    for name in names {
        use std::os::unix::ffi::OsStrExt as _;
        fs::write(place.path("photos").join(Path::new(std::ffi::OsStr::from_bytes(name))), "x").unwrap();
    }
    assert!(place.firn(&["run", "--until-idle", "--quiet"]).status.success());
    let mut pty = place.console(&["--no-workers"]);
    pty.press("f enter");
    for shown in ["a\\x1b]0;owned\\x07.jpg", "b\\x1b[2J", "c\\x0anew\\x0dline"] {
        pty.wait_for(shown);
    }
    pty.press("enter");
    pty.wait_for("SHA-256");
    pty.press("esc");
    pty.wait_gone("SHA-256");
    pty.press("esc");
    pty.wait_gone("all files");
    pty.press("q");
    let ended = pty.end();
    ended.exactly(0);
    let raw = String::from_utf8_lossy(&ended.raw).into_owned();
    for bad in ["\x1b]0;", "\x1b[31mred", "\u{202e}"] {
        assert!(!raw.contains(bad), "{bad:?} reached the terminal");
    }
}

#[test]
fn a_worker_that_panics_is_told_and_writes_nothing_over_the_screen() {
    let place = Place::backed_up(2);
    let mut pty = start_panicking((200, 50), place.path("firn.toml").to_str().unwrap());
    pty.wait_for("the workers of this console stopped:");
    pty.wait_for("workers STOPPED");
    // It goes on: keys, the state, and what happened in the log.
    pty.wait_for("db ok");
    pty.press("L");
    pty.wait_for("panic=a worker has \\x1b[31mfallen\\x0aover place=tests");
    pty.press("esc");
    pty.wait_gone("place=tests");
    pty.press("q");
    pty.wait_for("Leave the console");
    pty.press("right enter");
    let ended = pty.end();
    ended.exactly(0);
    let raw = String::from_utf8_lossy(&ended.raw).into_owned();
    // The first may fall before the screen is taken; what comes after that is the screen's.
    let (_, drawn) = raw.split_once("\x1b[?1049h").unwrap();
    for bad in ["\x1b[31mfallen", "note: run with"] {
        assert!(!drawn.contains(bad), "{bad:?} reached the terminal");
    }
}

/// A process that hangs, and goes when the test does.
struct Hanging(std::process::Child);

impl Drop for Hanging {
    fn drop(&mut self) {
        // A stopped process is killed all the same.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_worker_that_hangs_is_told_by_how_long_it_was_not_heard_of() {
    let place = Place::backed_up(2);
    let command = place.command(&["--set", "worker.lease=10s", "run", "--quiet"]);
    let quiet = std::process::Stdio::null();
    let worker = Command::new(&command[0]).args(&command[1..]).stderr(quiet).spawn().unwrap();
    let worker = Hanging(worker);
    let pty = place.console(&["--no-workers"]);
    pty.wait_for("running");
    let pid = rustix::process::Pid::from_child(&worker.0);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    // Its pools are not shown as working on: nothing is known of them.
    pty.wait_for("not heard of for");
    pty.wait_for("–/8");
    pty.wait_gone("running");
    let mut pty = pty;
    pty.press("q");
    pty.end().exactly(0);
}
