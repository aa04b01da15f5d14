//! The command: its words, its JSON, its exit codes, and Ctrl-C.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::kit::by_hand;
use crate::session;
use crate::support::redis::{Cluster, Redis};
use crate::support::waiting::{LONG, eventually};

pub fn firn(hosts: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
    command.env_clear().env("HOME", "/nonexistent").args(["bench", "redis", "--hosts", hosts]).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[track_caller]
pub fn done(mut command: Command, code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "{out}\n{err}");
    (out, err)
}

pub const SHORT: [&str; 6] = ["--seconds", "1", "--warm-up", "0s", "--clients", "5"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SHORT, more].concat()
}

#[test]
fn figures_are_said_in_words_and_in_json() {
    let server = Redis::start(&[]);
    let host = server.addr().to_string();
    let (out, err) = done(firn(&host, &with(&["trans", "--overhead"])), 0);
    assert_eq!(err, "");
    for part in [
        "transactions (WATCH, GET, MULTI, SET, EXEC)",
        "5 clients at one host, 9,999 keys, values of 27 bytes, random choice",
        "committed ",
        " of those that came to EXEC)",
        "  WATCH ",
        "  EXEC ",
        "against an answerer on this machine that answers at once",
        " keys removed (firn-bench:",
    ] {
        assert!(out.contains(part), "{part:?} is not in:\n{out}");
    }
    let (out, _) = done(firn(&host, &with(&["get_set", "--json", "--seed", "5", "--keys", "20"])), 0);
    let json: Value = serde_json::from_str(&out).unwrap();
    let number = |path: &str| json.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path}: {json:#}"));
    assert_eq!((&json["work"], &json["choice"], &json["seed"]), (&"get_set".into(), &"random".into(), &5.into()));
    assert!((number("/seconds") - 1.0).abs() < 1e-9, "{json:#}");
    assert_eq!((&json["clients"], &json["keys"], &json["value_bytes"]), (&5.into(), &20.into(), &27.into()));
    assert!((number("/per_second") - number("/counts/commits")).abs() < 1.0);
    assert!(number("/trip/p50_ms") <= number("/trip/p999_ms") && number("/trip/p999_ms") <= number("/trip/max_ms"));
    assert!(number("/trip/mean_ms") > 0.0 && number("/trip/p99_ms") > 0.0);
    assert_eq!(json.pointer("/steps/0/command"), Some(&"GET".into()));
    for nothing in ["/transaction", "/committed", "/overhead", "/invariant"] {
        assert_eq!(json.pointer(nothing), Some(&Value::Null), "{nothing}");
    }
    // What is no transaction is not aborted.
    assert_eq!((&json["abort_share"], &json["attempts"]), (&Value::Null, &json["counts"]["commits"]));
    assert!(json.pointer("/unanswered/count").and_then(Value::as_u64) <= Some(5), "{json:#}");
    assert!(json.pointer("/unanswered/oldest_ms").is_some_and(Value::is_f64), "{json:#}");
    for zero in ["aborts", "failed", "undecided", "moved", "asked", "reconnects"] {
        assert_eq!(json["counts"][zero], 0, "{zero}");
    }
    assert_eq!((&json["removed"], &json["left"]), (&20.into(), &Value::Array(Vec::new())));
    assert_eq!(json.pointer("/hosts/0/host").and_then(Value::as_str), Some(host.as_str()));
    assert_eq!(server.keys(), 0);
}

#[test]
fn a_broken_invariant_is_an_exit_code() {
    let server = Redis::start(&[]);
    let (honest, _) = done(firn(&server.addr().to_string(), &with(&["trans", "--invariant", "--accounts", "4"])), 0);
    assert!(honest.contains("invariant holds: 4 accounts, "), "{honest}");
    let proxy = format!("127.0.0.1:{}", session::forgetful(server.port()));
    let (out, _) = done(firn(&proxy, &with(&["trans", "--invariant", "--accounts", "4", "--json"])), 1);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert!(json.pointer("/invariant/lost_updates").and_then(Value::as_u64) > Some(0), "{out}");
}

#[test]
fn ctrl_c_ends_it_and_removes_its_keys() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let server = Redis::start(&[]);
        let child = firn(&server.addr().to_string(), &["--seconds", "600", "get_set"]).spawn().unwrap();
        eventually(LONG, "it writes", || (server.keys() > 0).then_some(()));
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!((output.status.code().is_some(), server.keys()), (true, 0), "{out}{err}");
        assert!(out.contains(" (stopped)"), "{out}{err}");
        assert_eq!(err, "firn: it is ended, and its keys are removed; interrupt it again to leave them\n");
    }
}

#[test]
fn none_that_came_to_exec_have_no_share() {
    let server = Redis::start(&["--maxmemory-policy", "noeviction", "--maxmemory", "1"]);
    let host = server.addr().to_string();
    let (out, _) = done(firn(&host, &with(&["trans"])), 1);
    assert!(out.contains("committed 0, aborted 0 (– of those that came to EXEC), failed "), "{out}");
    let (out, _) = done(firn(&host, &with(&["trans", "--json"])), 1);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["abort_share"], &json["attempts"]), (&Value::Null, &json["counts"]["failed"]));
}

/// A cluster one of whose nodes hangs while keys are removed.
#[test]
fn ctrl_c_twice_tells_what_removes_the_keys() {
    let cluster = Cluster::bare(3);
    for node in &cluster.nodes {
        node.cmd(&["ACL", "SETUSER", "it's", "on", ">secret", "~firn-bench:*", "+@all"]);
    }
    let keys = || cluster.nodes.iter().map(Redis::keys).sum::<u64>();
    for login in [&[][..], &["--user", "it's", "--password", "env:REDIS_PASSWORD"]] {
        let more = [login, &["--seconds", "600", "--cluster", "--keys", "300", "get_set"]].concat();
        let mut command = firn(&cluster.nodes[1].addr().to_string(), &more);
        command.env("REDIS_PASSWORD", "secret");
        let mut child = command.spawn().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        eventually(LONG, "it writes", || (keys() > 200).then_some(()));
        cluster.nodes[2].freeze();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        err.read_line(&mut line).unwrap();
        assert_eq!(line, "firn: it is ended, and its keys are removed; interrupt it again to leave them\n");
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let mut rest = String::new();
        err.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{rest}");
        cluster.nodes[2].thaw();
        let (said, commands) = rest.split_once('\n').unwrap();
        assert_eq!(said, "firn: interrupted again; keys of the run may be left, and this removes them:");
        assert!(keys() > 0 && !rest.contains("secret"), "{rest}");
        let told = by_hand(commands, "secret\n");
        assert_eq!(keys(), 0, "{commands}{told}");
    }
}

#[test]
fn what_is_asked_wrongly_is_told() {
    let says = |hosts: &str, more: &[&str], code: i32, text: &str| {
        let (_, err) = done(firn(hosts, more), code);
        assert!(err.contains(text), "{text:?} is not in:\n{err}");
    };
    says("a b:1", &["trans"], 2, "--hosts: \"a b:1\" is no host; write HOST:PORT, such as 10.0.0.1:6379");
    says("a:1", &["get_set", "--invariant"], 2, "--invariant is a check of transactions; ask for it with trans");
    says("a:1", &["trans", "--warm-up", "1"], 2, "--warm-up: \"1\" is not a span of time");
    says("a:1", &["trans", "--password", "hunter2"], 2, "--password: a secret is not written into the configuration");
    says("a:1", &["trans", "--password", "env:FIRN_NO_SUCH"], 2, "the environment variable FIRN_NO_SUCH is not set");
    says("a:1", &["trans", "--user", "x"], 2, "--password");
    says("a:1", &["bogus"], 2, "get_set");
    says("a:1", &["trans", "--invariant", "--keys", "5"], 2, "'--invariant' cannot be used with '--keys <N>'");
    says("a:1", &["trans", "--value-bytes", "5", "--invariant"], 2, "cannot be used with");
    says("a:1,a:1", &["trans"], 2, "a:1 is named twice");
    says("127.0.0.1:1", &["trans"], 1, "127.0.0.1:1: connection refused; nothing was loaded");
    let (_, err) = done(firn("a:1", &["trans", "--password", "hunter2"]), 2);
    assert!(!err.contains("hunter2"), "{err}");
}

#[test]
fn more_connections_than_files_are_refused() {
    let server = Redis::start(&[]);
    let mut command = Command::new("sh");
    let line = format!(
        "ulimit -n 120; exec {} bench redis --hosts {} --clients 50 trans",
        env!("CARGO_BIN_EXE_firn"),
        server.addr()
    );
    command.args(["-c", &line]);
    let (_, err) = done(command, 2);
    let text = "50 connections are more than this process may have open (120 files); take fewer --clients, or raise the \
                limit (ulimit -n 150)";
    assert!(err.contains(text), "{err}");
}

#[test]
fn a_password_lets_in() {
    let server = Redis::start(&["--requirepass", "geheim"]);
    let mut command = firn(&server.addr().to_string(), &with(&["trans", "--password", "env:REDIS_PASSWORD"]));
    command.env("REDIS_PASSWORD", "geheim");
    let (out, _) = done(command, 0);
    assert!(out.contains("removed") && !out.contains("geheim"), "{out}");
    let mut command = firn(&server.addr().to_string(), &with(&["trans", "--password", "env:REDIS_PASSWORD"]));
    command.env("REDIS_PASSWORD", "wrong");
    let (_, err) = done(command, 1);
    assert!(err.contains("does not take this user and password; nothing was loaded"), "{err}");
}
