//! Everything that can be wrong with a command line, and with what it names, is UNKNOWN and a line on standard output.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::reader::read;

const CONFIG: &str =
    "state = { url = \"sqlite:firn.db\" }\nreplica = [{ name = \"db14\", host = \"h\", user = \"u\" }]\n";

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
    command.env_clear().env("HOME", dir).current_dir(dir).args(args).stdin(Stdio::null());
    command
}

fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = command(dir, args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn it_is_unknown_and_said_on_the_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("firn.toml"), CONFIG).unwrap();
    std::fs::write(dir.path().join("none.toml"), "state = { url = \"sqlite:firn.db\" }\n").unwrap();
    std::fs::write(dir.path().join("bad.toml"), "state = 7\nreplica = [{ name = \"x\" }]\n").unwrap();
    std::fs::write(dir.path().join("text.toml"), "this is no configuration").unwrap();
    std::fs::write(dir.path().join("junk.db"), "this is no database, however long it is made to be").unwrap();
    std::fs::write(dir.path().join("junk.toml"), CONFIG.replace("firn.db", "junk.db")).unwrap();
    let with = |config: &'static str, rest: &[&'static str]| [&["--config", config], rest].concat();
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (vec!["check"], "usage: nothing is named to be checked"),
        (vec!["check", "nonsense"], "usage: unrecognized subcommand 'nonsense'"),
        (vec!["check", "delay"], "usage: the following required arguments were not provided"),
        (vec!["check", "delay", "db14", "--bogus"], "usage: unexpected argument '--bogus' found"),
        (vec!["--bogus", "check", "delay", "db14"], "usage: unexpected argument '--bogus' found"),
        (vec!["check", "delay", "db14", "db15"], "usage: unexpected argument 'db15' found"),
        (vec!["check", "delay", "db14", "-t", "0"], "\"0\" is no time-out; allowed is more than 0"),
        (vec!["check", "delay", "db14", "-t", "soon"], "\"soon\" is no time-out; write seconds"),
        (vec!["check", "delay", "db14", "--window", "\x1b[2J|"], "is no limit; write seconds"),
        (vec!["check", "delay", "db14", "--delay-by", "me"], "holds nothing back"),
        (vec!["check", "delay", "db14", "-H", "db15"], "usage: the following required arguments were not provided"),
        (vec!["check", "delay", "db14", "--direct", "-H", "a b"], "\"a b\" is no host; write its name or address"),
        (vec!["check", "delay", "db14", "--direct", "-P", "0"], "0 is not in 1..="),
        (vec!["check", "delay", "db14", "--direct", "--password", "hunter2"], "env:NAME"),
        (with("firn.toml", &["check", "delay", "db41", "--direct"]), "did you mean \"db14\"?"),
        (with("firn.toml", &["check", "delay", "db14", "--direct", "-H", "127.0.0.1", "-P", "1"]), "too few samples: "),
        (vec!["--read-only", "check", "delay", "db14"], "--no-workers and --read-only are for the console"),
        (with("", &["check", "delay", "db14"]), "usage: a value is required for '--config <FILE>'"),
        (with("absent.toml", &["check", "delay", "db14"]), "absent.toml"),
        (with("bad.toml", &["check", "delay", "db14"]), "bad.toml"),
        (with("text.toml", &["check", "delay", "db14"]), "text.toml"),
        (with("firn.toml", &["--set", "delay.window", "check", "delay", "db14"]), "delay.window"),
        (with("firn.toml", &["check", "delay", "db14"]), "firn.db"),
        (with("junk.toml", &["check", "delay", "db14"]), "junk.db"),
    ];
    for (args, said) in cases {
        let (code, out, err) = run(dir.path(), &args);
        assert_eq!((code, err.as_str()), (3, ""), "{args:?}: {out}");
        let text = out.strip_suffix('\n').unwrap_or_else(|| panic!("{args:?}: no line: {out:?}"));
        let output = read(text).unwrap_or_else(|e| panic!("{args:?}: {e}: {text}"));
        // Whose line it is says the check that was meant, where one was.
        let service = if args.contains(&"delay") { "DELAY" } else { "FIRN" };
        assert_eq!((output.service.as_str(), output.word.as_str()), (service, "UNKNOWN"), "{args:?}");
        assert!(text.contains(said), "{args:?}: {said:?} is not in:\n{text}");
    }
    assert!(!dir.path().join("firn.db").exists(), "a check makes no state");
}

#[test]
fn who_asks_for_help_is_not_told_that_all_is_well() {
    let dir = tempfile::tempdir().unwrap();
    for (args, said) in [
        (vec!["check", "--help"], "delay"),
        (vec!["check", "-h"], "delay"),
        (vec!["check", "delay", "--help"], "--max-delay-time"),
        (vec!["check", "delay", "-h"], "--max-trend-time"),
        (vec!["check", "delay", "--version"], env!("CARGO_PKG_VERSION")),
        (vec!["check", "delay", "-V"], env!("CARGO_PKG_VERSION")),
        (vec!["check", "help"], "delay"),
    ] {
        let (code, out, err) = run(dir.path(), &args);
        assert_eq!((code, err.as_str()), (3, ""), "{args:?}");
        assert!(out.contains(said), "{args:?}: {out}");
    }
    // Elsewhere it is no failure, and a usage error stays what it was.
    assert_eq!(run(dir.path(), &["--help"]).0, 0);
    assert_eq!(run(dir.path(), &["status", "--bogus"]).0, 2);
    assert_eq!(run(dir.path(), &["config", "check", "--bogus"]).0, 2);
}

#[test]
fn where_nobody_reads_it_nothing_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path(), &["check", "delay", "db14"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn the_report_that_cannot_see_is_unknown_too() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("firn.toml"), CONFIG).unwrap();
    let (code, out, err) = run(dir.path(), &["--config", "firn.toml", "delay"]);
    assert_eq!((code, out.as_str()), (3, ""), "{err}");
    assert!(err.contains("firn.db"), "{err}");
}
