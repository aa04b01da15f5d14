//! `firn delay forget`: replicas and heartbeats that were taken out of the configuration.

use std::fs;

use crate::kit::{Home, LONG, MINIMAL};

/// Nobody answers there.
const REPLICA: &str = "replica = [\n{ name = \"db14\", host = \"127.0.0.1\", port = 1, user = \"firn\", tls = \"off\", \
    interval = \"1s\", window = \"10s\", max_last_seen = \"2s\" },\n]\n";
const HEARTBEAT: &str =
    "heartbeat = [\n{ name = \"db1\", host = \"127.0.0.1\", port = 1, user = \"firn\", tls = \"off\" },\n]\n";

#[test]
fn what_is_no_more_is_forgotten_and_what_is_configured_or_watched_is_not() {
    let home = Home::with(&format!("{MINIMAL}{REPLICA}{HEARTBEAT}"));
    let forget = |args: &[&str]| home.firn(&[&["delay", "forget"], args].concat());
    let running = home.start(home.command(["run"]));
    let found = home.finding(LONG, "delay.replica");
    assert_eq!((&found["object"], &found["severity"]), (&"db14".into(), &"CRITICAL".into()));
    forget(&["db14"])
        .expect(1)
        .says(&["db14 is in the configuration ([[replica]]), and would be there again at once; take it out first"]);
    forget(&["--heartbeat", "db1"]).expect(1).says(&["db1 is in the configuration ([[heartbeat]])"]);
    // Somebody else took it out; the one that runs has it still.
    fs::write(home.path("firn.toml"), MINIMAL).unwrap();
    let pid = running.pid();
    let works = format!("process {pid} on ");
    forget(&["db14"])
        .expect(1)
        .says(&[&works, " works on db14: its configuration has it; take it out there, restart that firn"]);
    forget(&["db14\u{1b}[31m"]).expect(1).says(&["nothing is kept of \"db14"]).clean();
    running.signal("TERM");
    running.wait(LONG).expect(0);
    forget(&["db14"]).expect(0).prints(&["db14: forgotten (1 verdicts, 1 open findings)"]);
    assert_eq!(home.status()["findings"].as_array().unwrap().iter().filter(|one| one["object"] == "db14").count(), 0);
    forget(&["db14"])
        .expect(1)
        .says(&["nothing is kept of \"db14\": no verdict, no open finding; firn delay lists replicas"]);
}
