//! `firn delay doctor` and `firn delay record`.

use std::path::Path;
use std::process::{Command, Output};

use crate::kit::{TABLE, account, beating, replicated};
use crate::support::mariadb::{Mariadb, shared};

fn firn(dir: &Path, config: &str, args: &[&str]) -> (i32, String) {
    std::fs::write(dir.join("firn.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
    command.arg("--config").arg(dir.join("firn.toml")).args(args).env_remove("FIRN_CONFIG");
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

fn replica(user: &str, database: &str, more: &str) -> String {
    let port = shared().replica.port();
    format!(
        "[[replica]]\nname = \"db14\"\nhost = \"127.0.0.1\"\nport = {port}\nuser = \"{user}\"\ntls = \"off\"\n\
         heartbeat = \"{database}.heartbeat\"\n{more}\n"
    )
}

#[test]
fn the_doctor_says_what_works_and_gives_the_statement_for_what_does_not() {
    let (pair, dir) = (shared(), tempfile::tempdir().unwrap());
    beating("doctor");
    replicated("INSERT INTO doctor.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6), 1)");
    account(&pair.replica, "well", &["REPLICA MONITOR ON *.*", "SELECT ON doctor.heartbeat"]);
    let (code, told) = firn(dir.path(), &replica("well", "doctor", ""), &["delay", "doctor"]);
    assert_eq!(code, 0, "{told}");
    for line in [
        "db14\n",
        &format!("OK       connection         127.0.0.1:{} as 'well'@'127.0.0.1': 10.", pair.replica.port()),
        "server_id 2, not read-only\n",
        "OK       clock              ",
        "OK       status             SHOW ALL SLAVES STATUS: source 1, IO yes, SQL runs, delay set to 0 s\n",
        "OK       heartbeat          doctor.heartbeat: server 1: ",
        "OK       delay              ",
        "OK       uptime             ",
    ] {
        assert!(told.contains(line), "no {line:?} in\n{told}");
    }
    account(&pair.replica, "ill", &[]);
    let freeze = "local_heartbeat = true\nfreeze_user = \"well\"";
    let (code, told) = firn(dir.path(), &replica("ill", "doctor", freeze), &["delay", "doctor", "db14"]);
    assert_eq!(code, 2, "{told}");
    for line in [
        "CRITICAL status             ",
        "→ GRANT REPLICA MONITOR ON *.* TO 'ill'@'127.0.0.1'\n",
        "CRITICAL heartbeat          ",
        "→ GRANT SELECT ON `doctor`.`heartbeat` TO 'ill'@'127.0.0.1'\n",
        "WARNING  freeze account     'well'@'127.0.0.1' has no REPLICATION SLAVE ADMIN by itself (roles are not followed)\n",
        "→ GRANT REPLICATION SLAVE ADMIN ON *.* TO 'well'@'127.0.0.1'\n",
    ] {
        assert!(told.contains(line), "no {line:?} in\n{told}");
    }
    // What it gives is enough.
    for line in told.lines().filter_map(|line| line.trim().strip_prefix("→ GRANT ")) {
        pair.replica.sql(&format!("SET sql_log_bin=0; GRANT {line}"));
    }
    let (code, told) =
        firn(dir.path(), &replica("ill", "doctor", "freeze_user = \"well\""), &["delay", "doctor", "db14"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("OK       freeze account     has REPLICATION SLAVE ADMIN\n"), "{told}");
    let (code, told) = firn(dir.path(), &replica("ill", "doctor", ""), &["delay", "doctor", "db15"]);
    assert_eq!(
        (code, told.as_str()),
        (2, "firn: \"db15\" names no replica of the configuration; did you mean db14?\n")
    );
}

#[test]
fn a_clock_in_another_zone_is_suspected() {
    let dir = tempfile::tempdir().unwrap();
    beating("zone");
    replicated("INSERT INTO zone.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6) - INTERVAL 9 HOUR, 1)");
    let (code, told) = firn(dir.path(), &replica("root", "zone", ""), &["delay", "doctor"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("WARNING  delay              the heartbeat is +32"), "{told}");
    assert!(told.contains("→ heartbeat_clock = \"+hh:mm\", or the writer's --utc\n"), "{told}");
    replicated("UPDATE zone.heartbeat SET ts = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR");
    let (code, told) = firn(dir.path(), &replica("root", "zone", ""), &["delay", "doctor"]);
    assert_eq!(code, 2, "{told}");
    assert!(told.contains(" s: from the future\n"), "{told}");
}

#[test]
fn what_is_recorded_can_be_replayed() {
    let dir = tempfile::tempdir().unwrap();
    beating("record");
    replicated("INSERT INTO record.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6) - INTERVAL 7200 SECOND, 1)");
    let config = replica("root", "record", "interval = \"1s\"");
    let file = dir.path().join("db14.csv");
    let path = file.to_str().unwrap();
    let (code, told) = firn(dir.path(), &config, &["delay", "record", "db14", "--out", path, "--for", "3s"]);
    assert_eq!((code, told), (0, format!("{path}: 3 samples, 0 of which failed\n")));
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.starts_with("t_seconds,"), "{text}");
    let (code, told) = firn(dir.path(), &config, &["delay", "replay", path, "--json"]);
    assert_eq!(told.lines().filter(|line| line.contains("\"delay\":720")).count(), 3, "{code} {told}");
    // It is not written over.
    let (code, told) = firn(dir.path(), &config, &["delay", "record", "db14", "--out", path, "--for", "1s"]);
    assert_eq!(code, 1);
    assert!(
        told.starts_with(&format!("firn: cannot create {path}: "))
            && told.contains("name a file that is not there yet"),
        "{told}"
    );
    // A server that is away is a row without a sample.
    let away = config.replace(&format!("port = {}", shared().replica.port()), "port = 1");
    let (code, told) = firn(dir.path(), &away, &["delay", "record", "db14", "--for", "1s"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("sample failed: cannot reach 127.0.0.1:1: "), "{told}");
}

/// A history is one channel's: which of several is for whoever records it to say.
#[test]
fn of_several_channels_one_is_recorded() {
    let (pair, dir) = (shared(), tempfile::tempdir().unwrap());
    let server = Mariadb::start(3, &[]);
    server.sql(&format!("CREATE DATABASE hb; CREATE TABLE hb.heartbeat {TABLE}"));
    server.sql("INSERT INTO hb.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6) - INTERVAL 7200 SECOND, 1)");
    for (channel, port) in [("east", pair.primary.port()), ("west", pair.replica.port())] {
        server
            .sql(&format!("CHANGE MASTER '{channel}' TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_DELAY=9"));
    }
    let config = replica("root", "hb", "interval = \"1s\"")
        .replace(&pair.replica.port().to_string(), &server.port().to_string());
    let file = dir.path().join("db14.csv");
    let path = file.to_str().unwrap();
    let record = |more: &[&str]| {
        firn(dir.path(), &config, &[&["delay", "record", "db14", "--out", path, "--for", "2s"], more].concat())
    };
    for more in [&[][..], &["--channel", "north"]] {
        let (code, told) = record(more);
        assert_eq!(
            (code, told.as_str()),
            (2, "firn: the replica has the channels \"east\", \"west\"; name the one to record: --channel NAME\n"),
            "{more:?}"
        );
        assert!(!file.exists(), "nothing was recorded");
    }
    let (code, told) = record(&["--channel", "west"]);
    assert_eq!((code, told), (0, format!("{path}: 2 samples, 0 of which failed\n")));
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let at = lines.next().unwrap().iter().position(|name| name.eq_ignore_ascii_case("channel_name")).unwrap();
    assert_eq!(lines.map(|row| row[at].to_owned()).collect::<Vec<_>>(), ["west", "west"], "{text}");
}
