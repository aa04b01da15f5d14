//! What an operator does by hand: retry, acknowledge, seal; and the snapshot that every report is written from.

use firn::backup::snapshot::{gather, json};
use firn::base::Clock;
use firn::store::sqlite::SqliteStore;
use serde_json::Value;

use crate::kit::{Home, LONG, eventually, plain_tree, put};

/// What the library gathers from a home's state, as JSON.
fn gathered(home: &Home) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = SqliteStore::open(&home.path("firn.db"), Clock::system(), false).unwrap();
    let sources = [("ugc".to_owned(), home.photos().display().to_string())];
    json(&runtime.block_on(gather(&store, &sources)).unwrap())
}

/// Without what goes on with the clock.
fn at_rest(mut snapshot: Value) -> Value {
    for moves in ["time", "pace", "history_left_seconds"] {
        assert!(snapshot.as_object_mut().unwrap().remove(moves).is_some(), "{moves} is missing");
    }
    for finding in snapshot["findings"].as_array_mut().unwrap() {
        assert!(finding.as_object_mut().unwrap().remove("since").is_some());
    }
    snapshot
}

#[test]
fn what_status_says_is_what_is_gathered() {
    let home = Home::new();
    plain_tree(&home.photos(), 120);
    home.back_up();
    put(&home.photos().join("waits"), b"w", 0o644, (7, 7));
    home.firn(&["run", "--until-idle", "--workers", "scan"]).expect(0);
    let status = home.firn(&["status", "--json"]).expect(1).json();
    assert_eq!(at_rest(status), at_rest(gathered(&home)));
}

#[test]
fn what_is_not_known_is_null_and_a_dash() {
    let home = Home::new();
    plain_tree(&home.photos(), 3);
    home.back_up();
    let status = home.status();
    for rate in ["found_per_minute", "stored_per_minute", "bytes_per_second"] {
        assert_eq!(status["pace"][rate], Value::Null, "{rate}: no minute has been seen");
    }
    assert_eq!((&status["latency"]["files"], &status["latency"]["p50_seconds"]), (&0.into(), &Value::Null));
    assert_eq!(status["history_left_seconds"], 0, "nothing waits");
    home.firn(&["status"]).expect(0).prints(&[
        "pace       – files/min found, – files/min stored, –/s; file to vault: half within –, 99 % within –",
    ]);
}

#[test]
fn what_is_open_is_sealed_when_somebody_asks() {
    // An age that no test waits for.
    let config = crate::kit::MINIMAL.replace("\"20s\"", "\"6h\"");
    let home = Home::with(&config);
    let running = home.watching();
    home.firn(&["pool", "seal"]).expect(0).prints(&["seal on ", ": nothing was open"]);
    plain_tree(&home.photos(), 14);
    let filling = || {
        let status = home.status();
        let all_in = status["workers"][0]["doing"]["in_hand"] == 14;
        let progress = &status["bundles"][0]["progress"];
        (all_in && progress["done"].as_u64()? > 0).then(|| status["bundles"][0].clone())
    };
    let bundle = eventually(LONG, "the files lie in an open bundle, and its worker says so", filling);
    assert_eq!((&bundle["state"], &bundle["progress"]["of"]), (&"open".into(), &25_000_000.into()));
    assert!(bundle["worker"].as_str().unwrap().ends_with(&format!(" {}", home.status()["workers"][0]["pid"])));
    home.firn(&["queue"]).prints(&["open      ", "  filling  ", " %"]);
    home.firn(&["pool", "seal"]).expect(0).prints(&["seal on ", ": sealed 1 bundle, 14 files"]);
    eventually(LONG, "all is stored", || (home.status()["stored"]["files"] == 14).then_some(()));
    let order = home.status()["orders"][0].clone();
    assert_eq!((&order["pool"], &order["generation"], &order["applied"]), (&"seal".into(), &2.into(), &2.into()));
    running.signal("TERM");
    running.wait(LONG).expect(0);
    assert_eq!(home.check_tars(), (14, 14));
    home.firn(&["pool", "seal", "--host", "else\x1bwhere"])
        .expect(1)
        .clean()
        .says(&["no worker runs on else\\x1bwhere, so nothing is open there; nothing was ordered"]);
    assert_eq!(home.status()["orders"].as_array().unwrap().len(), 1);
}

#[test]
fn what_failed_is_due_at_once_when_somebody_asks() {
    let home = Home::new();
    put(&home.photos().join("fine"), b"x", 0o644, (7, 7));
    let names = ["shut", "locked\n"];
    for name in names {
        put(&home.photos().join(name), b"x", 0o000, (7, 7));
    }
    let Some(wrapper) = crate::trouble::somebody_else(&home) else { return };
    let run = || home.run(home.through(wrapper, ["run", "--until-idle", "--set", "backup.attempts=1"]));
    let firn = |args: &[&str]| home.run(home.through(wrapper, args));
    run().expect(1);
    firn(&["retry"]).expect(2).says(&["required", "--all"]);
    firn(&["retry", "ugc:shut", "--all"]).expect(2).says(&["cannot be used with"]);
    firn(&["retry", "ugc:fine"])
        .expect(1)
        .says(&["ugc:fine is stored: it waits for no other try, and nothing was changed"]);
    firn(&["retry", "ugc:shu"])
        .expect(1)
        .says(&["no file ugc:shu is known; `firn find` lists keys by what they begin with"]);
    firn(&["retry", "other:shut"]).expect(2).says(&["\"other:shut\" names no source; write NAME:KEY with one of: ugc"]);
    let next = |key: &str| {
        let queue = firn(&["queue", "--json"]).json();
        let row = queue["failed"].as_array().unwrap().iter().find(|row| row["key"] == key).cloned().unwrap();
        row["next_try"].as_str().unwrap().to_owned()
    };
    // Later than any machine is slow.
    let db = rusqlite::Connection::open(home.path("firn.db")).unwrap();
    db.execute("UPDATE queue SET next_try = next_try + 3600000000 WHERE state = 3", []).unwrap();
    drop(db);
    let before = names.map(next);
    firn(&["retry", "ugc:shut"]).expect(0).prints(&["1 file is due now"]);
    assert!(next("shut") < before[0] && next("locked\n") == before[1], "{before:?}");
    firn(&["retry", "--all"]).expect(0).clean().prints(&["1 file is due now"]);
    assert!(next("locked\n") < before[1], "{before:?}");
    firn(&["retry", "--all"]).expect(0).prints(&["nothing waits for a later try"]);
    for name in names {
        put(&home.photos().join(name), b"x", 0o644, (7, 7));
    }
    run().expect(0);
    assert_eq!(firn(&["status", "--json"]).json()["stored"]["files"], 3);
}

#[test]
fn a_finding_is_acknowledged_for_a_while() {
    let home = Home::new();
    plain_tree(&home.photos(), 3);
    home.back_up();
    std::fs::rename(home.photos(), home.path("away")).unwrap();
    home.firn(&["run", "--until-idle"]).expect(1);
    let status = home.firn(&["status", "--json"]).expect(2).json();
    let findings = status["findings"].as_array().unwrap().clone();
    assert_eq!(findings.len(), 1, "{findings:?}");
    let rule = findings[0]["rule"].as_str().unwrap();
    let ack = |rule: &str, object: &str, span: &str| home.firn(&["ack", rule, object, "--for", span]);
    ack(rule, "ugc", "8d").expect(2).says(&[
        "--for: 8 d is not possible; more than nothing and at most 7 d are: what is quiet for good is forgotten",
    ]);
    ack(rule, "ugc", "0s").expect(2).says(&["--for: 0 s is not possible"]);
    ack(rule, "ugc", "soon").expect(2).says(&["--for: ", "\"soon\" is not a span of time"]);
    let missing = "there is no open finding source.odd of \"u\\x1bgc\"; `firn status` lists them";
    ack("source.odd", "u\x1bgc", "1h").expect(1).clean().says(&[missing]);
    ack("worker.none", "queue", "1h")
        .expect(1)
        .says(&["worker.none cannot be acknowledged: it holds for as long as no worker runs; start one: firn run"]);
    ack("restore.none", "plan 1", "1h").expect(1).says(&[
        "restore.none cannot be acknowledged: it holds for as long as no worker restores on the plan's host; start one there: firn run",
    ]);
    home.firn(&["status"]).expect(2);
    ack(rule, "ugc", "7d").expect(0).prints(&[rule, " ugc: acknowledged until 20"]);
    home.firn(&["status"]).expect(0).prints(&[
        "OK  20",
        &format!("CRITICAL   {rule} ugc: "),
        " (acknowledged until 20",
    ]);
    ack(rule, "ugc", "250ms").expect(0);
    eventually(LONG, "it counts again", || (home.firn(&["status"]).code == 2).then_some(()));
}
