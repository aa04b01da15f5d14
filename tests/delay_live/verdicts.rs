//! From the servers to the verdict: a pair that is delayed for real, the workers of a `firn run`, and what `firn delay` and
//! `firn check delay` say of it.

use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::kit::{TABLE, account};
use crate::support::child::Child;
use crate::support::mariadb::{Mariadb, Pair};
use crate::support::waiting::{LONG, eventually};

/// A `firn run` that is killed with the test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn firn(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
    command.arg("--config").arg(dir.join("firn.toml")).env_remove("FIRN_CONFIG").env("USER", "tester");
    command
}

fn run(dir: &Path) -> Running {
    let mut command = firn(dir);
    command.args(["run", "--workers", "delay,heartbeat", "--quiet"]).stdout(Stdio::null()).stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

/// What stands in the report, and what the plugin says in the same moment: severity, rule, the plugin's line.
fn said(dir: &Path) -> (String, u64, String) {
    let severity = |report: &Value| report["replicas"][0]["severity"].as_str().unwrap_or_default().to_owned();
    // Two questions; a verdict that changes between them is asked for again.
    eventually(LONG, "report and plugin say the same", || {
        let report: Value =
            serde_json::from_slice(&firn(dir).args(["delay", "--json"]).output().unwrap().stdout).ok()?;
        let plugin = firn(dir).args(["check", "delay", "db14"]).output().unwrap();
        let after: Value =
            serde_json::from_slice(&firn(dir).args(["delay", "--json"]).output().unwrap().stdout).ok()?;
        let line = String::from_utf8(plugin.stdout).unwrap().lines().next()?.to_owned();
        let (before, after) = ((severity(&report), rule(&report)), (severity(&after), rule(&after)));
        if before != after {
            return None;
        }
        let code = match before.0.as_str() {
            "OK" => 0,
            "WARNING" => 1,
            "CRITICAL" => 2,
            _ => 3,
        };
        assert_eq!(plugin.status.code(), Some(code), "{before:?}: {line}");
        assert!(line.starts_with(&format!("DELAY {} - ", before.0)), "{before:?}: {line}");
        Some((before.0, before.1, line))
    })
}

fn rule(report: &Value) -> u64 {
    report["replicas"][0]["rule"].as_u64().unwrap_or_default()
}

/// Waits for a verdict by one of these rules; what was said.
#[track_caller]
fn comes(dir: &Path, wanted: &str, rules: &[u64]) -> String {
    let what = format!("{wanted} by one of {rules:?}");
    eventually(LONG, &what, || {
        let (severity, rule, line) = said(dir);
        (severity == wanted && rules.contains(&rule)).then_some(line)
    })
}

fn config(dir: &Path, pair: &Pair) {
    let (primary, replica) = (pair.primary.port(), pair.replica.port());
    let text = format!(
        "[delay]\ntls = \"off\"\nheartbeat = \"beat.heartbeat\"\nwindow = \"10s\"\ninterval = \"1s\"\nmax_last_seen = \"8s\"\n\
         max_seconds_behind = \"8s\"\nmin_delay_time = \"2s\"\nmax_delay_time = \"12s\"\nmax_recovery_time = \"60s\"\n\
         max_trend_time = \"60s\"\nmax_backup_behind = \"5m\"\nio_grace = \"2s\"\n\
         [[replica]]\nname = \"db14\"\nhost = \"127.0.0.1\"\nport = {replica}\nuser = \"watcher\"\n\
         primary_host = \"127.0.0.1\"\nprimary_port = {primary}\n\
         [[heartbeat]]\nname = \"db1\"\nhost = \"127.0.0.1\"\nport = {primary}\nuser = \"beater\"\ntls = \"off\"\n\
         table = \"beat.heartbeat\"\n"
    );
    std::fs::write(dir.join("firn.toml"), text).unwrap();
}

fn job(dir: &Path, what: &str) {
    let output = firn(dir).args(["job", what, "backup", "db14"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn watcher(server: &Mariadb) {
    account(server, "watcher", &["REPLICA MONITOR ON *.*", "SELECT ON beat.*"]);
}

#[test]
fn what_happens_to_a_delayed_pair_is_said_by_all_who_are_asked() {
    let (mut pair, dir) = (Pair::start(5), tempfile::tempdir().unwrap());
    let dir = dir.path();
    pair.primary.sql(&format!(
        "CREATE DATABASE beat; CREATE TABLE beat.heartbeat {TABLE}; CREATE TABLE beat.a (id INT PRIMARY KEY)"
    ));
    watcher(&pair.primary);
    watcher(&pair.replica);
    account(&pair.primary, "beater", &["SELECT, INSERT, UPDATE ON beat.*", "BINLOG MONITOR ON *.*"]);
    config(dir, &pair);
    let first = run(dir);
    comes(dir, "OK", &[16]);

    // A backup stops the SQL thread, and says so.
    job(dir, "start");
    pair.replica.sql("STOP SLAVE SQL_THREAD");
    let line = comes(dir, "WARNING", &[14]);
    assert!(line.contains("Active backup"), "{line}");
    let delay = || -> Option<f64> {
        let output = firn(dir).args(["delay", "--json"]).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).ok()?["replicas"][0]["delay"].as_f64()
    };
    eventually(LONG, "the delay grows beyond its bounds", || delay().filter(|delay| *delay > 14.0));
    comes(dir, "WARNING", &[14]);
    // Whoever takes over says the same.
    drop(first);
    let second = run(dir);
    comes(dir, "WARNING", &[14]);
    pair.replica.sql("START SLAVE SQL_THREAD");
    job(dir, "end");
    let line = comes(dir, "WARNING", &[17]);
    assert!(line.contains("Recovery after backup"), "{line}");
    comes(dir, "OK", &[16]);

    // The same without a job is a fault.
    pair.replica.sql("STOP SLAVE SQL_THREAD");
    comes(dir, "CRITICAL", &[8]);
    pair.replica.sql("START SLAVE SQL_THREAD");
    comes(dir, "OK", &[16]);

    pair.replica.sql("STOP SLAVE IO_THREAD");
    let line = comes(dir, "CRITICAL", &[7]);
    assert!(line.contains("IO thread stopped"), "{line}");
    pair.replica.sql("START SLAVE IO_THREAD");
    comes(dir, "OK", &[16]);

    pair.replica.sql("SET sql_log_bin=0; INSERT INTO beat.a VALUES (7)");
    pair.primary.sql("INSERT INTO beat.a VALUES (7)");
    let line = comes(dir, "CRITICAL", &[5]);
    assert!(line.contains("SQL thread error 1062"), "{line}");
    pair.replica.sql("SET sql_log_bin=0; DELETE FROM beat.a; START SLAVE SQL_THREAD");
    comes(dir, "OK", &[16]);

    pair.primary.kill();
    comes(dir, "CRITICAL", &[6]);
    pair.primary.restart();
    comes(dir, "OK", &[16]);
    drop(second);
    let line = comes(dir, "CRITICAL", &[2]);
    assert!(line.contains("worker last seen"), "{line}");
}

#[test]
fn who_waits_for_a_statement_is_told_when_it_has_been_applied() {
    let (pair, dir) = (Pair::start(0), tempfile::tempdir().unwrap());
    let dir = dir.path();
    pair.primary.sql(&format!(
        "CREATE DATABASE beat; CREATE TABLE beat.heartbeat {TABLE}; CREATE TABLE beat.a (id INT PRIMARY KEY)"
    ));
    watcher(&pair.primary);
    account(&pair.primary, "beater", &["SELECT, INSERT, UPDATE ON beat.*", "BINLOG MONITOR ON *.*"]);
    eventually(LONG, "the tables are there", || {
        (pair.replica.sql("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'beat'") == "2")
            .then_some(())
    });
    watcher(&pair.replica);
    let delayed = |seconds: u32| {
        pair.replica.sql(&format!("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY={seconds}; START SLAVE"));
    };
    delayed(600);
    config(dir, &pair);
    let _worker = run(dir);
    // Before the statement stands another: where a replica stands exactly, it may be the one or the other.
    pair.primary.sql("INSERT INTO beat.a VALUES (6)");
    let place = pair.primary.sql("SHOW MASTER STATUS").split('\t').take(2).collect::<Vec<_>>().join(":");
    pair.primary.sql("INSERT INTO beat.a VALUES (7)");
    let mut arrival = firn(dir);
    let time = pair.primary.sql("SELECT DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%dT%H:%i:%sZ')");
    arrival.args(["delay", "arrival", "--position", &place, "--statement-time", &time]);
    eventually(LONG, "what is judged tells", || (arrival.output().unwrap().status.code() == Some(0)).then_some(()));

    let mut child = Child::start(arrival.arg("--watch"));
    assert!(
        child.says("statement ").starts_with(&format!("statement at {place}, of {time}, as of ")),
        "{:?}",
        child.said
    );
    let line = child.says("db14: ");
    assert!(line.starts_with("db14: not yet applied; it reaches it "), "{line}");
    delayed(0);
    child.says("db14: already applied");
    child.signal(Signal::INT);
    assert_eq!(child.ends(), Some(2), "of the last round");
    // A line a round for scripts.
    let mut child = Child::start(arrival.arg("--json"));
    let value: Value = serde_json::from_str(&child.says("db14")).unwrap();
    assert_eq!(value["replicas"][0]["applied"], "already");
    child.signal(Signal::HUP);
    assert_eq!(child.ends(), Some(2));
}
