//! `firn delay replay`, as a process.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn trace(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/delay/traces").join(name)
}

const LAB: &str = "--min-delay-time 15 --max-delay-time 26 --window 20s --max-recovery-time 1m --max-trend-time 60 \
    --max-backup-behind 3m --max-last-seen 5 --max-seconds-behind 5 --max-master-behind 30 --max-relay-behind 120 --io-grace 10";

fn firn(file: &std::path::Path, args: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
    command.args(["delay", "replay"]).arg(file).args(args.split_whitespace());
    command.env_remove("FIRN_CONFIG").env("HOME", "/nowhere").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn written(content: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.csv");
    std::fs::write(&file, content).unwrap();
    (folder, file)
}

#[test]
fn json_is_an_object_a_line() {
    let output = firn(&trace("02-backup-idle.csv"), &format!("--json --job backup:30-120 {LAB}"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 200);
    let keys: Vec<&String> = lines[0].as_object().unwrap().keys().collect();
    let mut expected = ["t_seconds", "severity", "rule", "text", "delay", "intercept", "slope", "correlation"];
    expected.sort_unstable();
    let mut keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, expected);
    // Too few samples: no line, and nothing that could be taken for one.
    assert_eq!((&lines[0]["t_seconds"], &lines[0]["severity"]), (&Value::from(0), &Value::from("UNKNOWN")));
    assert_eq!((&lines[0]["intercept"], &lines[0]["slope"]), (&Value::Null, &Value::Null));
    assert_eq!((&lines[125]["severity"], &lines[125]["rule"]), (&Value::from("WARNING"), &Value::from(17)));
    assert_eq!(lines[30]["delay"].as_f64(), Some(21.498));
    assert!((lines[120]["intercept"].as_f64().unwrap() - 94.6).abs() < 0.1);
    assert!((lines[120]["slope"].as_f64().unwrap() + 0.30).abs() < 0.01);
}

#[test]
fn lines_for_people_and_what_they_come_to() {
    let output = firn(&trace("08-replica-killed.wide.csv"), LAB);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[35].starts_with("t=35     CRITICAL #3  no sample for 6 s: (2003, \"Can't connect"), "{}", lines[35]);
    assert_eq!(
        lines[170..],
        ["CRITICAL 57 s in 1 stretch", "UNKNOWN  17 s in 2 stretches", "OK       95 s in 2 stretches"]
    );
}

/// Without an interval that is given, it is that of the history: a default of ten seconds would refuse this window.
#[test]
fn the_interval_is_the_histories() {
    let refused = firn(
        &trace("01-healthy.csv"),
        &format!("{} --interval 10", LAB.replace("--max-last-seen 5", "--max-last-seen 60")),
    );
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        text(&refused.stderr),
        "firn: window 20 s is shorter than 3 intervals of 10 s; a trend needs 3 samples: lengthen window to 30 s or more, or \
         shorten interval\n"
    );
}

#[test]
fn what_is_refused_is_named() {
    let healthy = trace("01-healthy.csv");
    let cases = [
        ("--job backup:120-30", "\"backup:120-30\" ends before it starts; write the start first: \"backup:30-120\""),
        ("--job backup", "\"backup\" is no job; write its class, when it started and when it ended"),
        ("--job backup:x-3", "\"backup:x-3\" is no job;"),
        ("--job lunch:1-2", "--job: \"lunch\" is no job class; there are backup, deshard; add one by --job-class"),
        ("--window lots", "\"lots\" is no limit; write seconds (5400) or a span of time (90m, 1h30m, 500ms)"),
        ("--window=-3", "\"-3\" is no limit; write seconds (5400)"),
        ("--job-class lunch", "\"lunch\" is no job class; write its name and how long one may run: \"reindex=2h\""),
        ("--min-delay-time 9001", "min-delay-time 9001 s is not below max-delay-time 9000 s;"),
    ];
    for (args, words) in cases {
        let output = firn(&healthy, args);
        assert_eq!(output.status.code(), Some(2), "{args}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{args}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{args}");
    }
}

#[test]
fn files_that_are_no_history() {
    let cases = [
        ("", "the file is empty; its first line must name the columns, such as t_seconds,delay_seconds,io_running"),
        ("a,b\n1,2\n", "the header names neither t_seconds nor wall_utc; a history needs the time of each row"),
        ("t_seconds,t_seconds\n1,2\n", "the header names the column t_seconds twice; each is possible once"),
        (
            "t_seconds,delay_seconds\n1\n",
            "line 2: 1 fields, but the header names 2 columns; leave a field empty for NULL",
        ),
        ("t_seconds,delay_seconds\n1,2\n1,3\n", "line 3: its time 1 s does not come after 1 s of the row before"),
        ("t_seconds,delay_seconds\n0,7200\n10,soon\n", "line 3, column delay_seconds: soon is not a number"),
        (
            "t_seconds,delay_seconds\n0,NaN\n",
            "line 2, column delay_seconds: NaN is not a number of seconds below a century",
        ),
        (
            "t_seconds,io_running\n0,Perhaps\n",
            "line 2, column io_running: Perhaps is not Yes, No, Connecting or Preparing",
        ),
        (
            "t_seconds,delay_seconds\n,7200\n",
            "line 2, column t_seconds: an empty field is not a number; every row has a time",
        ),
        ("t_seconds,notes\n0,\"a\n", "line 2: a quote is not closed, or has text behind it"),
        ("t_seconds,wall_utc\n0,noon\n", "line 2, column wall_utc: noon is not a time such as 2026-11-22T05:54:01.500"),
    ];
    for (content, words) in cases {
        let (_folder, file) = written(content);
        let output = firn(&file, "--json");
        assert_eq!(output.status.code(), Some(1), "{content:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{content:?}: {}", text(&output.stderr));
    }
    let missing = firn(std::path::Path::new("/nowhere/history.csv"), "");
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        text(&missing.stderr).starts_with("firn: /nowhere/history.csv: cannot be opened: "),
        "{}",
        text(&missing.stderr)
    );
}

/// A time that is told with its offset is that time.
#[test]
fn times_are_in_utc_or_say_by_how_much_they_are_not() {
    let rows = "2026-11-22T05:54:01+02:00,7200\n2026-11-22T03:54:11Z,7200\n2026-11-22T03:54:21.5,7200\n";
    let (_folder, file) = written(&format!("wall_utc,delay_seconds\n{rows}"));
    let output = firn(&file, "--json");
    let printed = text(&output.stdout);
    let times = printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["t_seconds"].clone());
    assert_eq!(
        times.collect::<Vec<_>>(),
        [Value::from(0), Value::from(10), Value::from(20.5)],
        "{}",
        text(&output.stderr)
    );
}

/// Columns by name, in any order and both spellings; those that nobody knows are told and passed over.
#[test]
fn columns_go_by_name() {
    let mut content = "mood,Last_SQL_Errno,Replica_SQL_Running,delay_seconds,t_seconds\r\n".to_owned();
    for t in (0..400).step_by(10) {
        let (errno, runs) = if t < 350 { ("0", "Yes") } else { ("1062", "No") };
        write!(content, "fine,{errno},{runs},7200.0,{t}\r\n").unwrap();
    }
    let (_folder, file) = written(&content);
    let output = firn(&file, "--json");
    assert_eq!(
        text(&output.stderr),
        format!("firn: {}: columns that are not known are passed over: mood\n", file.display())
    );
    let last: Value = serde_json::from_str(text(&output.stdout).lines().last().unwrap()).unwrap();
    assert_eq!((&last["rule"], &last["t_seconds"]), (&Value::from(5), &Value::from(390)));
}
