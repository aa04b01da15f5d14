//! Orders to the pools of a running firn, and the signals that end it.

use std::time::Duration;

use serde_json::Value;

use crate::kit::{Home, LONG, eventually, noise, plain_tree, put};

fn stored(home: &Home) -> u64 {
    home.status()["stored"]["files"].as_u64().unwrap()
}

fn pool(home: &Home, name: &str) -> Value {
    let status = home.status();
    let pools = status["workers"][0]["doing"]["pools"].as_array().cloned().unwrap_or_default();
    pools.into_iter().find(|pool| pool["pool"] == name).unwrap_or(Value::Null)
}

#[test]
fn a_paused_pool_stores_nothing_and_goes_on_when_resumed() {
    let home = Home::small("64KiB");
    let running = home.watching();
    home.firn(&["pool", "pause", "upload", "--for", "1h"]).expect(0).prints(&["upload on ", ": paused until 20"]);
    plain_tree(&home.photos(), 30);
    eventually(LONG, "a bundle is sealed", || home.status()["archives"]["sealed"].as_u64().filter(|n| *n > 0));
    assert_eq!(stored(&home), 0);
    eventually(LONG, "its worker has written that it is paused", || {
        (pool(&home, "upload")["paused"] == true).then_some(())
    });
    home.firn(&["status"]).prints(&["pool       upload 0 of 2 at work; PAUSED: firn pool resume upload"]);
    home.firn(&["pool", "resume", "upload"]).expect(0).prints(&["running with 2"]);
    eventually(LONG, "all is stored", || (stored(&home) == 30).then_some(()));
    running.signal("TERM");
    running.wait(LONG).expect(0);
    assert_eq!(home.check_tars(), (30, 30));
}

#[test]
fn a_pool_is_drained_and_resized_while_it_runs() {
    let home = Home::small("64KiB");
    let running = home.watching();
    home.firn(&["pool", "drain", "fetch"]).expect(0).prints(&["fetch on ", ": drain"]);
    plain_tree(&home.photos(), 10);
    eventually(LONG, "the files are queued", || home.status()["lanes"][0]["queued"].as_u64().filter(|n| *n == 10));
    home.firn(&["pool", "resize", "fetch", "7"]).expect(0);
    eventually(LONG, "the size is seen", || (pool(&home, "fetch")["size"] == 7).then_some(()));
    assert_eq!(pool(&home, "fetch")["draining"], true);
    home.firn(&["pool", "resume", "fetch"]).expect(0).prints(&["running with 7"]);
    eventually(LONG, "all is stored", || (stored(&home) == 10).then_some(()));
    running.signal("TERM");
    running.wait(LONG).expect(0);
}

#[test]
fn orders_that_cannot_be_and_orders_that_nobody_hears() {
    let home = Home::new();
    home.back_up();
    home.firn(&["pool", "resize", "upload", "1"])
        .expect(2)
        .says(&["a pool of 1 is not possible; 2 (one place is kept for live files) to 1024 are"]);
    home.firn(&["pool", "pause", "upload", "--for", "soon"]).expect(2).says(&["--for: ", "\"soon\""]);
    home.firn(&["pool", "pause", "download"]).expect(2).says(&["'download'", "fetch, upload"]);
    home.firn(&["pool", "pause", "upload", "--host", "else\x1bwhere", "--for", "10s"])
        .expect(0)
        .clean()
        .prints(&["upload on else\\x1bwhere: ordered; no worker runs there, the next one to start applies it"]);
}

/// Ends within its time, with the exit code that `firn run --help` promises; and the next run finishes what was left.
fn ends(signal: &str) {
    let home = Home::small("64KiB");
    for n in 0..200 {
        put(&home.photos().join(format!("f{n}")), &noise(n, 30_000), 0o644, (7, 7));
    }
    let running = home.start(home.command(["run"]));
    eventually(LONG, "it is at work", || (home.status()["stored"]["files"].as_u64()? > 0).then_some(()));
    running.signal(signal);
    let done = running.wait(Duration::from_secs(25)).expect(0).clean().says(&[signal]);
    assert!(!done.err.contains("not finished within"), "{}", done.err);
    let status = home.status();
    assert_eq!(status["archives"]["uploading"], 0, "nothing is left half sent");
    assert_eq!(status["lanes"][1]["fetching"], 0, "nothing is left claimed");
    home.back_up();
    assert_eq!(home.check_tars(), (200, 200));
    home.restores_whole();
}

#[test]
fn each_signal_ends_it_in_good_order() {
    std::thread::scope(|scope| {
        for signal in ["TERM", "HUP", "INT"] {
            scope.spawn(move || ends(signal));
        }
    });
}

#[test]
fn told_to_stop_before_it_was_idle_is_a_failure_of_until_idle() {
    let home = Home::small("64KiB");
    home.back_up();
    home.firn(&["pool", "pause", "upload", "--for", "1h"]).expect(0);
    plain_tree(&home.photos(), 10);
    let running = home.start(home.command(["run", "--until-idle"]));
    eventually(LONG, "a bundle is sealed", || home.status()["archives"]["sealed"].as_u64().filter(|n| *n > 0));
    running.signal("TERM");
    running.wait(Duration::from_secs(25)).expect(1);
    home.firn(&["pool", "resume", "upload"]).expect(0);
    home.back_up();
    assert_eq!(home.check_tars(), (10, 10));
}
