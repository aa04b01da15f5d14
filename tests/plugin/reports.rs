//! What `firn delay` prints, as text and as JSON.

use firn::base::Severity::{self, Critical, Ok as Fine, Warning};
use firn::delay::report::json::json;
use firn::delay::report::{details, severity, text};
use firn::delay::snapshot::{DelaySnapshot, ReplicaLine};
use serde_json::Value;

use crate::made::{Made as _, NOW, ago, fit, job, line, verdict};

fn snapshot() -> DelaySnapshot {
    let named = |name: &str, line: ReplicaLine| ReplicaLine { name: name.to_owned(), ..line };
    let fine = named("db02", line(verdict(16, Fine, "delay on target")));
    let backup = line(verdict(14, Warning, "Active backup 9208 s of 64800 s"))
        .verdict(|v| {
            v.fit = fit(16408.0, 1.0, Some(1.0));
            v.delay = Some((16401.4, ago(1.0)));
            v.degraded.job = Some((9208.0, 64800.0));
        })
        .jobs(vec![job("backup", 9208.0, None)]);
    let stale = ReplicaLine {
        judged: Some(("db-ops-2".to_owned(), ago(300.0))),
        ..line(verdict(2, Critical, "worker last seen 300 s ago"))
    };
    let stale = stale.verdict(|v| (v.delay, v.fit, v.hint) = (None, None, Some("firn run is not running".to_owned())));
    let unseen = ReplicaLine { verdict: None, judged: None, ..line(verdict(16, Fine, "")) };
    let replicas = vec![fine, named("db14", backup), named("db09\x1b[2J", stale), named("db11", unseen)];
    DelaySnapshot { now: NOW, replicas }
}

#[test]
fn a_line_a_replica_the_worst_first() {
    let expected = [
        "CRITICAL  2026-11-22T12:00:45Z  4 replicas: 1 CRITICAL, 1 WARNING, 1 UNKNOWN, 1 OK",
        "replica      state         delay    allowed      slope      r  why",
        "db09\\x1b[2J  CRITICAL          –  5400–9000          –      –  worker last seen 300 s ago; firn run is not running; db-ops-2 wrote 5 min ago",
        "db14         WARNING       16401  5400–9000      +1.00   1.00  Active backup 9208 s of 64800 s",
        "db11         UNKNOWN           –  5400–9000          –      –  nobody has judged it yet",
        "db02         OK             7204  5400–9000      +0.00      –  delay on target",
    ];
    assert_eq!(text(&snapshot()), expected);
    let none = DelaySnapshot { now: NOW, replicas: Vec::new() };
    assert_eq!(text(&none), ["UNKNOWN  2026-11-22T12:00:45Z  0 replicas"]);
}

#[test]
fn the_worst_of_all_is_the_exit_code() {
    let mut snapshot = snapshot();
    let mut seen = Vec::new();
    while !snapshot.replicas.is_empty() {
        seen.push(severity(&snapshot));
        let worst = snapshot.replicas.iter().enumerate().max_by_key(|(_, line)| line.severity()).unwrap().0;
        snapshot.replicas.remove(worst);
    }
    assert_eq!(seen, [Critical, Warning, Severity::Unknown, Fine]);
    assert_eq!(severity(&snapshot), Severity::Unknown, "nothing is watched");
}

#[test]
fn one_replica_with_all_there_is() {
    let snapshot = snapshot();
    let said = details(&snapshot.replicas[1], NOW).join("\n");
    for part in [
        "WARNING  db14  Active backup 9208 s of 64800 s",
        "rule 14    WARNING: Active backup",
        "delay      16401 s at 2026-11-22T12:00:44Z, allowed 5400–9000 s, intercept 16408 s, slope +1.00 s/s, r 1.00, replays at 0.00×, 60 samples",
        "degraded   by job for 9208 s of 64800 s",
        "threads    IO Yes, SQL Yes, SQL_Delay 7200 s",
        "received   mysql-bin.000123:4711, unchanged for 500 ms",
        "job        backup since 2026-11-22T09:27:17Z, runs for 2 h 33 min",
        "limit      max-delay-time: 7204 s, at most 9000 s (1796 s to go)",
        "judged by  db-ops-1 at 2026-11-22T12:00:44Z",
    ] {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
}

/// Every field of an object and of what it holds, as paths.
fn paths(value: &Value, at: &str, found: &mut Vec<String>) {
    if let Value::Object(fields) = value {
        for (name, value) in fields {
            let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            paths(value, &path, found);
            found.push(path);
        }
    }
}

#[test]
fn scripts_are_told_null_for_what_is_not_known() {
    let value = json(&snapshot());
    assert_eq!((value["severity"].as_str(), value["time"].as_str()), (Some("CRITICAL"), Some("2026-11-22T12:00:45Z")));
    let [fine, backup, stale, unseen] = [0, 1, 2, 3].map(|n| &value["replicas"][n]);
    assert_eq!(fine["replica"], "db02", "in the order of the configuration");
    assert_eq!(
        (&backup["delay"], &backup["intercept"], &backup["slope"]),
        (&16401.4.into(), &16408.0.into(), &1.0.into())
    );
    assert_eq!(backup["degraded"]["job"]["limit"], 64800.0);
    assert_eq!(backup["degraded"]["trend"], Value::Null);
    assert_eq!((&backup["jobs"][0]["class"], &backup["jobs"][0]["seconds"]), (&"backup".into(), &9208.0.into()));
    assert_eq!((&stale["delay"], &stale["correlation"]), (&Value::Null, &Value::Null));
    assert_eq!(stale["judged_age_seconds"], 300.0);
    for name in ["rule", "text", "delay", "matches", "degraded", "judged_by", "judged_at", "at"] {
        assert_eq!(unseen[name], Value::Null, "{name}");
    }
    assert_eq!(unseen["severity"], "UNKNOWN");
    assert_eq!(fine["limits"]["max_delay_time"], 9000.0);
    assert_eq!(fine["limits"]["jobs"][0]["longest"], 64800.0);
    // What is not a number is not known.
    let odd = DelaySnapshot {
        now: NOW,
        replicas: vec![line(verdict(16, Fine, "")).verdict(|v| v.fit = fit(f64::NAN, f64::INFINITY, None))],
    };
    let odd = json(&odd);
    assert_eq!((&odd["replicas"][0]["intercept"], &odd["replicas"][0]["slope"]), (&Value::Null, &Value::Null));
}

#[test]
fn every_replica_has_the_same_fields() {
    let value = json(&snapshot());
    let all: Vec<Vec<String>> = value["replicas"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_object().unwrap().keys().cloned().collect())
        .collect();
    assert!(all.windows(2).all(|two| two[0] == two[1]), "{all:?}");
    let mut found = Vec::new();
    paths(&value["replicas"][0], "", &mut found);
    for path in
        ["state.seen.status.sql_delay", "state.received.position", "state.turns", "limits.delay_by", "limits.io_grace"]
    {
        assert!(found.iter().any(|found| found == path), "{path} is not in {found:?}");
    }
}
