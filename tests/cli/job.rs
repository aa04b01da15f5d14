//! `firn job`: starts and ends by hand, and a command as a job, whatever becomes of it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::kit::{Done, Home, LONG, MINIMAL, Running, eventually};

/// A state, and two replicas; one has a class of jobs of its own.
fn home() -> Home {
    let home = bare();
    home.back_up();
    home
}

/// The same without a state.
fn bare() -> Home {
    let replicas = r#"replica = [
    { name = "db14", host = "db14.invalid", user = "firn", password = "env:REPLICA_PASSWORD", jobs = "reindex:4h" },
    { name = "db15", host = "db15.invalid", user = "firn", password = "env:REPLICA_PASSWORD" },
]
"#;
    Home::with(&format!("{MINIMAL}{replicas}"))
}

fn jobs(home: &Home) -> Value {
    home.firn(&["job", "list", "--json"]).expect(0).json()
}

/// The command in the shell as a job, away from any terminal, with no signal ignored: whoever runs the tests may ignore some
/// (`nohup`, a shell's `&`), and the command would inherit that.
fn in_shell(home: &Home, flags: &[&str], script: &str) -> Command {
    let mut args = vec!["job", "run"];
    args.extend(flags);
    args.extend(["backup", "db14", "--", "sh", "-c", script]);
    home.through(&["env", "--default-signal", "setsid"], args)
}

fn wrapped(home: &Home, script: &str) -> Done {
    home.run(in_shell(home, &[], script))
}

/// Waits until the command has written its number into the file `pid`.
fn its_number(home: &Home) -> i32 {
    eventually(LONG, "the command runs", || {
        let text = fs::read_to_string(home.path("pid")).ok()?;
        text.strip_suffix('\n')?.parse().ok()
    })
}

fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// What the last job that ended was, and how.
fn last(home: &Home) -> (String, String) {
    let jobs = jobs(home);
    assert_eq!(jobs["running"].as_array().unwrap().len(), 0, "{jobs}");
    let word = |name: &str| jobs["ended"][0][name].as_str().unwrap().to_owned();
    (word("class"), word("outcome"))
}

#[test]
fn a_job_begins_and_ends_by_hand() {
    let home = home();
    home.firn(&["job", "list"]).expect(0).prints(&["no job runs, and none has ended within 7 d\n"]);
    let start = |args: &[&str]| home.firn(&[&["job", "start"], args].concat());
    let end = |args: &[&str]| home.firn(&[&["job", "end"], args].concat());
    start(&["backup", "db14"]).expect(0).prints(&["the backup on db14: running since 20", "; its limit is 18 h\n"]);
    start(&["backup", "db14"]).expect(1).says(&[
        "the backup on db14 has been running since 20",
        ", tester on ",
        " said; nothing was changed: if it is over, `firn job end backup db14` says so",
    ]);
    start(&["reindex", "db14/main", "--at", "2026-11-20"])
        .expect(0)
        .prints(&["the reindex on db14/main: running since 2026-11-20T00:00:00Z; its limit is 4 h"]);
    let listed = home
        .firn(&["job", "list", "db14"])
        .expect(0)
        .prints(&["running  backup    db14  since 20", " of 18 h)  tester on "]);
    assert_eq!(listed.out.lines().count(), 1, "{}", listed.out);
    let both = jobs(&home);
    let running = both["running"].as_array().unwrap();
    assert_eq!(running.len(), 2);
    assert_eq!((&running[0]["class"], &running[0]["limit_seconds"]), (&"reindex".into(), &14_400.into()));
    assert_eq!((&running[1]["replica"], &running[1]["end"]), (&"db14".into(), &Value::Null));
    assert_eq!(both["ended"].as_array().unwrap().len(), 0);
    end(&["reindex", "db14/main", "--at", "2026-11-20T05:30:00Z"])
        .expect(0)
        .prints(&["the reindex on db14/main: ended at 2026-11-20T05:30:00Z after 5 h 30 min"]);
    end(&["backup", "db14"]).expect(0).prints(&["the backup on db14: ended at 20", " after "]);
    home.firn(&["job", "list", "--since", "3650d"]).expect(0).prints(&[
        "ended    backup    db14  20",
        "  done  tester on ",
        "ended    reindex   db14/main  2026-11-20T00:00:00Z to 2026-11-20T05:30:00Z (5 h 30 min, longer than 4 h)  done",
    ]);
    let ended = jobs(&home)["ended"].clone();
    assert_eq!((&ended[0]["class"], &ended[0]["outcome"]), (&"backup".into(), &"done".into()));
    assert!(ended[0]["ended_by"].as_str().unwrap().starts_with("tester on "));
    home.firn(&["job", "list", "db15"]).expect(0).prints(&["no job runs"]);
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let home = home();
    let firn = |args: &[&str]| home.firn(args);
    firn(&["job", "start", "backpu", "db14"])
        .expect(2)
        .says(&["db14 has no class of jobs \"backpu\"; did you mean \"backup\"?"]);
    firn(&["job", "start", "reindex", "db15"]).expect(2).says(&[
        "db15 has no class of jobs \"reindex\"; there are: backup, deshard; more classes are named in [delay] jobs",
    ]);
    firn(&["job", "start", "backup", "bd14"]).expect(2).says(&["there is no replica \"bd14\"; did you mean \"db14\"?"]);
    firn(&["job", "list", "n\x1b[2Jobody"])
        .expect(2)
        .clean()
        .says(&["there is no replica \"n\\x1b[2Jobody\"; there are: db14, db15"]);
    firn(&["job", "start", "backup", "db14", "--at", "noon"])
        .expect(2)
        .says(&["--at: \"noon\" is no time; write 2026-11-22 or 2026-11-22T12:00:00Z (UTC)"]);
    firn(&["job", "start", "backup", "db14", "--at", "9999-01-01"]).expect(1).says(&[
        "--at: 9999-01-01T00:00:00Z is not here yet, it is 20",
        "; nothing was changed: say so when the job begins",
    ]);
    let none = "none has ever begun there; nothing was changed: `firn job start` says that one begins, --at when";
    firn(&["job", "end", "backup", "db14"]).expect(1).says(&["the backup on db14 has an end without a start: ", none]);
    firn(&["job", "end", "bakcup", "db14"]).expect(2).says(&["did you mean \"backup\"?"]);
    firn(&["job", "end", "backup", "db16"]).expect(2).says(&["there is no replica \"db16\"; did you mean \"db14\"?"]);
    firn(&["job", "list", "--since", "soon"]).expect(2).says(&["--since: \"soon\" is not a span of time"]);
    assert_eq!(jobs(&home)["running"].as_array().unwrap().len(), 0, "nothing was entered");
    firn(&["job", "start", "backup", "db14", "--at", "2026-11-20T12:00:00Z"])
        .expect(0)
        .prints(&["; its limit is 18 h: it has run longer than that already"]);
    firn(&["job", "end", "backup", "db14", "--at", "2026-11-20T11:59:59Z"]).expect(1).says(&[
        "--at: 2026-11-20T11:59:59Z is before the backup on db14 began (2026-11-20T12:00:00Z); nothing was changed",
    ]);
    firn(&["job", "end", "backup", "db14", "--at", "9999-01-01"])
        .expect(1)
        .says(&["--at: 9999-01-01T00:00:00Z is not here yet", "say so when the job has ended"]);
    firn(&["job", "end", "backup", "db14", "--at", "2026-11-20T13:00:00Z"]).expect(0);
    firn(&["job", "end", "backup", "db14"]).expect(1).says(&[
        "an end without a start: the last one began at 2026-11-20T12:00:00Z and ended at 2026-11-20T13:00:00Z, tester on ",
    ]);
    let absent = bare();
    absent.firn(&["job", "start", "backup", "db14"]).expect(1).says(&["there is no state database at "]);
    Home::new()
        .firn(&["job", "start", "backup", "db14"])
        .expect(2)
        .says(&["no replica is configured; add [[replica]] with a name and a host"]);
}

/// A class that has left the configuration does not lock its job in.
#[test]
fn a_job_of_a_class_that_is_gone_can_be_ended() {
    let home = home();
    home.firn(&["job", "start", "reindex", "db14"]).expect(0);
    let config = fs::read_to_string(home.path("firn.toml")).unwrap();
    fs::write(home.path("firn.toml"), config.replace(", jobs = \"reindex:4h\"", "")).unwrap();
    home.firn(&["job", "start", "reindex", "db14"]).expect(2);
    home.firn(&["job", "list"]).expect(0).prints(&["running  reindex   db14  since 20"]);
    home.firn(&["job", "end", "reindex", "db14"]).expect(0);
    assert_eq!(last(&home), ("reindex".to_owned(), "done".to_owned()));
    home.firn(&["job", "end", "reindex", "db14"]).expect(1).says(&["an end without a start: the last one began at "]);
}

#[test]
fn a_command_is_run_as_a_job() {
    let home = home();
    let done = wrapped(&home, "echo to out; echo to err >&2; exit 0").expect(0);
    assert_eq!((done.out.as_str(), done.err.as_str()), ("to out\n", "to err\n"), "nothing of firn's is between");
    assert_eq!(last(&home), ("backup".to_owned(), "done".to_owned()));
    assert_eq!(jobs(&home)["ended"][0]["detail"], "sh (and 2 arguments)");
    // While it runs, it is there.
    wrapped(&home, "./firn --config firn.toml job list > seen").expect(0);
    let seen = fs::read_to_string(home.path("seen")).unwrap();
    assert!(seen.starts_with("running  backup    db14  since 20"), "{seen}");
    wrapped(&home, "exit 3").expect(3);
    assert_eq!(last(&home), ("backup".to_owned(), "exit code 3".to_owned()));
    wrapped(&home, "kill -KILL $$").expect(137);
    assert_eq!(last(&home), ("backup".to_owned(), "ended by signal 9".to_owned()));
    let run = |command: &[&str]| home.firn(&[&["job", "run", "backup", "db14", "--"], command].concat());
    run(&["./no-such-command"]).expect(127).says(&["./no-such-command cannot be run: No such file"]);
    assert!(last(&home).1.starts_with("not run: No such file"));
    run(&["./firn.toml"]).expect(126).says(&["./firn.toml cannot be run: Permission denied"]);
    home.firn(&["job", "run", "backup", "db14"]).expect(2).says(&["<COMMAND>"]);
    assert_eq!(jobs(&home)["running"].as_array().unwrap().len(), 0);
}

#[test]
fn its_standard_input_is_the_commands() {
    let home = home();
    fs::write(home.path("words"), "three blind mice\n").unwrap();
    let mut command = home.command(["job", "run", "deshard", "db14", "--", "cat"]);
    command.stdin(fs::File::open(home.path("words")).unwrap());
    assert_eq!(home.run(command).expect(0).out, "three blind mice\n");
}

fn started(home: &Home, script: &str) -> (Running, i32) {
    let running = home.start(in_shell(home, &[], script));
    let pid = its_number(home);
    (running, pid)
}

#[test]
fn a_signal_is_passed_on_and_the_job_ends() {
    let home = home();
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3), ("USR1", 10), ("USR2", 12)] {
        let (running, _) = started(&home, "echo $$ > pid; exec sleep 1000");
        running.signal(signal);
        running.wait(LONG).expect(128 + number);
        assert_eq!(last(&home), ("backup".to_owned(), format!("ended by signal {number}")));
        fs::remove_file(home.path("pid")).unwrap();
    }
    // It may end in an orderly way, and take its time.
    let (running, _) = started(&home, "trap 'echo bye; exit 7' TERM; echo $$ > pid; while :; do sleep 0.02; done");
    running.signal("TERM");
    let done = running.wait(LONG).expect(7);
    assert_eq!(done.out, "bye\n");
    assert_eq!(last(&home), ("backup".to_owned(), "exit code 7".to_owned()));
}

/// A backup that is a script of several programs does not go on in the background while its job has ended.
#[test]
fn what_the_command_has_started_is_told_too() {
    let home = home();
    let (running, pid) = started(&home, "sleep 1000 & echo $! > pid; wait");
    assert!(lives(pid));
    running.signal("TERM");
    running.wait(LONG).expect(143);
    eventually(LONG, "the command's child ends", || (!lives(pid)).then_some(()));
}

#[test]
fn what_was_ignored_at_the_start_is_ignored_by_the_command_too() {
    let home = home();
    let script = "echo $$ > pid; until [ -e go ]; do sleep 0.02; done";
    // As `nohup` does.
    let mut command = home.through(&["sh", "-c", "trap '' HUP; exec setsid \"$@\"", "sh"], ["job", "run"]);
    command.args(["backup", "db14", "--", "sh", "-c", script]);
    let running = home.start(command);
    its_number(&home);
    running.signal("HUP");
    fs::write(home.path("go"), "").unwrap();
    running.wait(LONG).expect(0);
    assert_eq!(last(&home), ("backup".to_owned(), "done".to_owned()));
}

#[test]
fn a_job_whose_firn_is_killed_stays_open_and_the_next_one_is_told() {
    let home = home();
    let (running, pid) = started(&home, "echo $$ > pid; exec sleep 1000");
    running.signal("KILL");
    assert_eq!(running.wait(LONG).code, -1);
    assert!(lives(pid), "nobody told it");
    Command::new("kill").arg(pid.to_string()).status().unwrap();
    // Without what goes on with the clock.
    let running = || {
        let mut rows = jobs(&home)["running"].clone();
        rows[0].as_object_mut().unwrap().remove("seconds").unwrap();
        rows
    };
    let open = running();
    assert_eq!((&open[0]["class"], &open[0]["limit_seconds"]), (&"backup".into(), &64_800.into()));
    fs::remove_file(home.path("pid")).unwrap();
    wrapped(&home, "echo $$ > pid").expect(125).says(&[
        "the backup on db14 has been running since 20",
        " said (sh (and 2 arguments)); nothing was changed: if it is over, `firn job end backup db14` says so",
        "the command was not run (--anyway runs it even so)",
    ]);
    assert!(!home.path("pid").exists(), "it was not run");
    home.run(in_shell(&home, &["--anyway"], "echo $$ > pid; exit 4"))
        .expect(4)
        .says(&["the command runs even so (--anyway), and nothing excuses the delay"]);
    assert!(home.path("pid").exists());
    assert_eq!(running(), open, "that one is as it was");
    home.firn(&["job", "end", "backup", "db14"]).expect(0);
    wrapped(&home, "exit 0").expect(0);
}

#[test]
fn a_job_that_cannot_be_entered_is_run_only_when_that_is_asked_for() {
    let absent = bare();
    wrapped(&absent, "touch ran").expect(125).says(&["there is no state database at ", "the command was not run"]);
    assert!(!absent.path("ran").exists());
    absent
        .run(in_shell(&absent, &["--anyway"], "touch ran; exit 6"))
        .expect(6)
        .says(&["there is no state database at "]);
    assert!(absent.path("ran").exists());
    assert!(!absent.path("firn.db").exists(), "it makes none");
    let home = home();
    let unknown = home.firn(&["job", "run", "backup", "bd14", "--", "touch", "ran"]).expect(125);
    unknown.says(&["there is no replica \"bd14\"; did you mean \"db14\"?"]);
    fs::write(home.path("firn.toml"), "nonsense = 1").unwrap();
    wrapped(&home, "touch ran").expect(125).says(&["nonsense"]);
    assert!(!home.path("ran").exists());
    home.run(in_shell(&home, &["--anyway"], "touch ran")).expect(0);
    assert!(home.path("ran").exists());
}

#[test]
fn an_end_that_cannot_be_written_is_said_loudly_and_the_exit_code_is_the_commands() {
    let home = home();
    wrapped(&home, "mkdir away; mv firn.db* away; exit 4").expect(4).says(&[
        "THE END OF A JOB COULD NOT BE WRITTEN: there is no state database at ",
        "; the backup on db14 counts as running until `firn job end backup db14 --at 20",
        "` says otherwise",
    ]);
    for name in fs::read_dir(home.path("away")).unwrap().map(|entry| entry.unwrap().file_name()) {
        fs::rename(home.path("away").join(&name), home.path("").join(&name)).unwrap();
    }
    assert_eq!(jobs(&home)["running"].as_array().unwrap().len(), 1);
    home.firn(&["job", "end", "backup", "db14"]).expect(0);
    // Somebody else says so before.
    wrapped(
        &home,
        "./firn --config firn.toml job end backup db14; ./firn --config firn.toml job start backup db14; exit 5",
    )
    .expect(5)
    .says(&["the backup on db14 has ended; tester on ", " has said that it had ended before"]);
    assert_eq!(jobs(&home)["running"].as_array().unwrap().len(), 1, "another job is not ended");
}
