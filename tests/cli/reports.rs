//! What `status` and `queue` say, to people and to scripts, and how progress is shown.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::process::Stdio;

use serde_json::Value;

use crate::kit::{Home, LONG, eventually, noise, odd_names, plain_tree, put};

#[track_caller]
fn has(value: &Value, keys: &[&str]) {
    let found: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(found, keys.iter().copied().collect());
}

#[test]
fn names_of_json_are_stable() {
    let home = Home::new();
    plain_tree(&home.photos(), 10);
    home.back_up();
    // Something of everything: a worker, a finding, a queue.
    fs::write(home.path("vault/notes.txt"), "not firn's").unwrap();
    put(&home.photos().join("more"), b"more", 0o644, (7, 7));
    home.firn(&["run", "--until-idle", "--workers", "scan"]).expect(0);
    let running = home.start(home.command(["run", "--workers", "upload"]));
    let status = eventually(LONG, "a worker is seen", || {
        let status = home.status();
        status["workers"][0]["doing"]["pools"].is_array().then_some(status)
    });
    has(
        &status,
        &[
            "time",
            "severity",
            "state",
            "stored",
            "lanes",
            "counted_up_to",
            "archives",
            "pace",
            "latency",
            "history_left_seconds",
            "bundles",
            "failed",
            "sources",
            "workers",
            "pools",
            "orders",
            "findings",
        ],
    );
    has(&status["stored"], &["archives", "archive_bytes", "files", "file_bytes"]);
    let lane = ["lane", "files", "bytes", "queued", "fetching", "bundled", "failed", "oldest", "oldest_seconds"];
    has(&status["lanes"][0], &lane);
    assert_eq!((&status["lanes"][0]["lane"], &status["lanes"][1]["lane"]), (&"live".into(), &"history".into()));
    has(&status["archives"], &["open", "sealed", "uploading", "unknown", "more"]);
    let pace = ["found_per_minute", "stored_per_minute", "bytes_per_second", "bucket_seconds", "found", "bytes"];
    has(&status["pace"], &pace);
    has(&status["latency"], &["files", "p50_seconds", "p99_seconds"]);
    let pool = ["host", "pid", "pool", "busy", "size", "paused", "draining", "seen", "alive", "order"];
    has(&status["pools"][0], &pool);
    has(&status["sources"][0], &["name", "place", "scanned", "files", "last_scan"]);
    let worker = ["session", "host", "pid", "kinds", "started", "last_seen", "alive", "doing"];
    has(&status["workers"][0], &worker);
    has(&status["workers"][0]["doing"]["pools"][0], &["pool", "size", "busy", "paused", "draining"]);
    assert_eq!(status["stored"]["files"], 10);
    running.signal("TERM");
    running.wait(LONG).expect(0);
    let done = home.firn(&["status", "--json"]).expect(1);
    let finding = ["severity", "rule", "object", "value", "limit", "since", "next_step", "acknowledged_until"];
    has(&done.json()["findings"][0], &finding);
    assert_eq!(done.json()["findings"][0]["rule"], "worker.none");
    let queue = home.firn(&["queue", "--json"]).expect(1).json();
    has(&queue, &["time", "severity", "lanes", "counted_up_to", "archives", "failed", "fetching", "queued"]);
    has(&queue["queued"][0], &["source", "key", "lane", "state", "bytes", "queued", "attempts", "next_try"]);
    assert_eq!(queue["queued"][0]["key"], "more");
}

#[test]
fn exit_codes_are_the_severity() {
    let home = Home::new();
    for report in ["status", "queue"] {
        home.firn(&[report]).expect(3).says(&[
            "there is no state database at ",
            "`firn run` makes one, or [state] url points at the wrong place",
        ]);
    }
    plain_tree(&home.photos(), 3);
    home.back_up();
    home.firn(&["status"]).expect(0).prints(&["OK  20", "stored     3 files", "workers    none runs"]);
    home.firn(&["queue"]).expect(0).prints(&["live      0 files, 0 B"]);
    put(&home.photos().join("waits"), b"w", 0o644, (7, 7));
    home.firn(&["run", "--until-idle", "--workers", "scan"]).expect(0);
    home.firn(&["status"]).expect(1).prints(&[
        "WARNING",
        "worker.none queue: 1 files wait and no worker runs",
        "start one: firn run",
    ]);
    home.firn(&["queue"]).expect(1).prints(&["WARNING: `firn status` says why", "queued    ugc:waits  live"]);
    home.back_up();
    fs::rename(home.photos(), home.path("away")).unwrap();
    home.firn(&["run", "--until-idle"]).expect(1);
    home.firn(&["status"]).expect(2).prints(&["CRITICAL"]);
    home.firn(&["queue"]).expect(2).prints(&["CRITICAL: `firn status` says why"]);
}

#[test]
fn keys_that_are_not_text_keep_their_bytes_in_json_and_nothing_raw_reaches_a_terminal() {
    let home = Home::new();
    for name in odd_names() {
        put(&home.photos().join(name), b"x", 0o644, (7, 7));
    }
    home.firn(&["run", "--until-idle", "--workers", "scan"]).expect(0).clean();
    let queue = home.firn(&["queue", "--json", "--limit", "1000"]).expect(1).clean().json();
    let queued = queue["queued"].as_array().unwrap();
    assert_eq!(queued.len(), odd_names().len());
    assert!(queued.iter().any(|row| row["key_b64"] == "//4gbm90IMMoIHV0Zi04"));
    assert!(queued.iter().any(|row| row["key"] == "new\nline"));
    let text = home.firn(&["queue", "--limit", "1000"]).expect(1).clean();
    for shown in
        ["new\\x0aline", "esc\\x1b[2J\\x1b]0;title\\x07", "\\xff\\xfe not \\xc3( utf-8", "right-to-left-\\u{202e}gpj"]
    {
        assert!(text.out.contains(shown), "{shown:?} is not in {}", text.out);
    }
    home.firn(&["status"]).clean();
    home.back_up().clean();
}

#[test]
fn failures_of_odd_names_are_shown_escaped_everywhere() {
    let home = Home::new();
    let unreadable = home.photos().join("no\nentry\x1b[5m");
    fs::create_dir(&unreadable).unwrap();
    put(&unreadable.join("f"), b"x", 0o644, (7, 7));
    put(&home.photos().join("fine"), b"x", 0o644, (7, 7));
    put(&home.photos().join("shut\r\x1b[2K"), b"x", 0o000, (7, 7));
    let Some(wrapper) = crate::trouble::somebody_else(&home) else { return };
    fs::set_permissions(&unreadable, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let run = home.through(wrapper, ["run", "--until-idle", "--set", "backup.attempts=1"]);
    home.run(run).expect(1).clean().says(&["1 files could not be backed up; `firn queue` lists them"]);
    home.firn(&["status"]).clean().prints(&["source.unreadable ugc (permission): 1 not backed up; the first: "]);
    home.firn(&["queue"]).clean().prints(&["ugc:shut\\x0d\\x1b[2K", "Permission denied"]);
    fs::set_permissions(&unreadable, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn a_reader_that_leaves_early_is_no_trouble() {
    let home = Home::new();
    for n in 0..3000 {
        put(&home.photos().join(format!("{n}-{}", "x".repeat(200))), b"", 0o644, (7, 7));
    }
    home.firn(&["run", "--until-idle", "--workers", "scan"]).expect(0);
    for args in [["queue", "--limit", "3000"].as_slice(), &["queue", "--limit", "3000", "--json"]] {
        let mut child =
            home.command(args).stdout(Stdio::piped()).stderr(File::create(home.path("err")).unwrap()).spawn().unwrap();
        let mut first = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let status = eventually(LONG, "it ends", || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
        assert_eq!(fs::read_to_string(home.path("err")).unwrap(), "");
    }
}

#[test]
fn progress_is_plain_lines_in_a_file_and_one_line_written_over_on_a_terminal() {
    let home = Home::small("64KiB");
    plain_tree(&home.photos(), 40);
    let done = home.back_up().clean().says(&["firn: waiting: live 0, history 0; stored 40 files, "]);
    assert!(done.err.lines().count() < 20, "{}", done.err);
    for n in 0..200 {
        put(&home.photos().join(format!("more\n{n}")), &noise(n, 9000), 0o644, (7, 7));
    }
    // `script` gives it a terminal of its own, and what it wrote there.
    let typescript = home.path("typescript");
    let mut wrapper = std::process::Command::new("script");
    let line = format!("{} --config {} run --until-idle", env!("CARGO_BIN_EXE_firn"), home.path("firn.toml").display());
    wrapper.args(["--quiet", "--return", "--command", &line]).arg(&typescript);
    wrapper.env("HOME", home.path("")).env("TERM", "xterm").stdin(Stdio::null());
    home.run(wrapper).expect(0);
    let shown = fs::read_to_string(&typescript).unwrap();
    let body: Vec<&str> = shown.lines().filter(|line| !line.starts_with("Script ")).collect();
    let body = body.join("\n");
    assert!(body.contains("\r\x1b[K") && body.contains("stored 200 files"), "{body:?}");
    let plain = body.replace("\r\x1b[K", "").replace('\r', "");
    assert!(!plain.chars().any(|c| c.is_control() && c != '\n'), "{plain:?}");
}
