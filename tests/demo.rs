//! The demo is the same each time: on any number of threads, and in whatever pieces its clock is moved. It shows what
//! its scenarios promise, touches nothing but its folder, and leaves nothing behind.

#![allow(clippy::unwrap_used)] // helpers of tests

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use firn::backup::pipe::Kinds;
use firn::backup::snapshot::Snapshot;
use firn::base::sink::NoSink;
use firn::base::{Clock, Severity, Stop};
use firn::demo::{DemoDriver, DemoOptions};
use firn::services::Services;
use firn::worker::supervisor::{Standing, supervise};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// Nothing here takes as long.
const PATIENCE: Duration = Duration::from_mins(1);

/// A demo with its embedded pipeline, as the console starts it.
struct Play {
    services: Services,
    driver: DemoDriver,
    runtime: Runtime,
}

impl Play {
    fn new(options: &DemoOptions) -> Self {
        let (services, driver) = Services::demo(options).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let job = Arc::new(runtime.block_on(services.job(Kinds::all(), false, Arc::new(NoSink))).unwrap());
        let (standing, _) = watch::channel(Standing::Running);
        let run = move |stop| {
            let job = Arc::clone(&job);
            async move { job.run(stop).await.map(|_| ()) }
        };
        drop(services.spawn(supervise("backup", services.clock.clone(), Stop::new(), standing, run)));
        Self { services, driver, runtime }
    }

    fn of(scenario: &str, seed: u64, threads: usize) -> Self {
        let (scenario, until) = (Some(scenario.to_owned()), Some(Duration::ZERO));
        Self::new(&DemoOptions { scenario, seed, until, threads: Some(threads), ..DemoOptions::default() })
    }

    fn snapshot(&self) -> Snapshot {
        self.runtime.block_on(self.services.snapshot()).unwrap()
    }

    /// Every table of the state, every row, every column.
    fn state(&self) -> String {
        dump(&self.driver.folder().join("firn.db"))
    }
}

fn dump(path: &Path) -> String {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(tables.len() > 10, "{tables:?}");
    let mut out = String::new();
    for table in tables {
        let mut rows = Vec::new();
        let mut statement = db.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = statement.column_count();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let mut line = table.clone();
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    ValueRef::Null => line.push_str("|-"),
                    ValueRef::Integer(n) => write!(line, "|{n}").unwrap(),
                    ValueRef::Real(n) => write!(line, "|{n}").unwrap(),
                    ValueRef::Text(text) => write!(line, "|{}", String::from_utf8_lossy(text)).unwrap(),
                    ValueRef::Blob(bytes) => write!(line, "|{}", bytes.escape_ascii()).unwrap(),
                }
            }
            rows.push(line);
        }
        rows.sort();
        for row in rows {
            out.push_str(&row);
            out.push('\n');
        }
    }
    out
}

/// Fails with the first line that differs, not with two states.
fn same(one: &str, other: &str, what: &str) {
    for (n, (left, right)) in one.lines().zip(other.lines()).enumerate() {
        assert_eq!(left, right, "{what}: row {n}");
    }
    assert_eq!(one.lines().count(), other.lines().count(), "{what}: rows");
}

/// One run in one piece on one thread, one on four threads, in pieces, with somebody looking on.
fn the_same_twice(scenario: &str, until: Duration) -> String {
    let one = Play::of(scenario, 7, 1);
    one.driver.run_until(until);
    let four = Play::of(scenario, 7, 4);
    for piece in [1, 7, 50, 51, 120] {
        four.driver.run_until(Duration::from_secs(piece).min(until));
        four.snapshot();
    }
    four.driver.run_until(until);
    let state = one.state();
    same(&state, &four.state(), scenario);
    assert_eq!(one.snapshot(), four.snapshot(), "{scenario}");
    let temp = std::env::temp_dir();
    assert!(!state.contains(temp.to_str().unwrap()), "the folder's name is in the state");
    // Not a microsecond more, nor less.
    let scenario = firn::demo::scenario::Scenario::find(scenario).unwrap();
    assert_eq!(one.services.clock.now(), scenario.start.plus(until));
    assert_eq!(one.driver.age(), until);
    state
}

#[test]
fn a_calm_evening_is_the_same_on_one_thread_and_on_four() {
    let state = the_same_twice("calm", Duration::from_secs(130));
    let other = Play::of("calm", 8, 2);
    other.driver.run_until(Duration::from_secs(130));
    assert_ne!(other.state(), state, "another seed is another evening");
}

#[test]
fn a_bad_night_is_the_same_on_one_thread_and_on_four() {
    the_same_twice("bad-night", Duration::from_secs(435));
}

#[test]
fn nothing_is_wrong_on_a_calm_evening() {
    let play = Play::of("calm", 1, 2);
    let mut left = u64::MAX;
    for minute in 1..=6 {
        play.driver.run_until(Duration::from_mins(minute));
        let snapshot = play.snapshot();
        assert_eq!((snapshot.severity, &snapshot.findings[..]), (Severity::Ok, &[][..]), "after {minute} min");
        assert!(snapshot.failed.is_empty(), "{:?}", snapshot.failed);
        let history = snapshot.lanes.iter().find(|lane| lane.lane == firn::base::ids::Lane::History).unwrap();
        assert!(minute == 1 || history.files < left, "the backlog shrinks: {} of {left} left", history.files);
        left = history.files;
    }
    let snapshot = play.snapshot();
    let live = snapshot.lanes.iter().find(|lane| lane.lane == firn::base::ids::Lane::Live).unwrap();
    assert!(live.files < 200 && snapshot.stored.archives > 60, "{live:?} {:?}", snapshot.stored);
    assert!(snapshot.latency.p50.unwrap() < Duration::from_mins(1), "new files overtake: {:?}", snapshot.latency);
    let failures = play.runtime.block_on(play.services.store.failures(None, 10)).unwrap();
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn a_bad_night_keeps_its_promises() {
    let play = Play::of("bad-night", 1, 2);
    let holds = |secs: u64| {
        play.driver.run_until(Duration::from_secs(secs));
        let snapshot = play.snapshot();
        let rules: BTreeSet<(Severity, String)> =
            snapshot.findings.iter().map(|row| (row.severity, row.rule.clone())).collect();
        println!("{secs} s: {rules:?}");
        (snapshot, rules)
    };
    let has = |rules: &BTreeSet<(Severity, String)>, severity, rule: &str| rules.contains(&(severity, rule.to_owned()));
    let (snapshot, rules) = holds(40);
    // Somebody's pause is told, and nothing else.
    assert!(rules.iter().all(|(_, rule)| rule == "worker.pool"), "it begins well: {rules:?}");
    let upload = |snapshot: &Snapshot| {
        snapshot.pools.iter().find(|row| row.host == "db-ops-2" && row.pool == "upload").cloned().unwrap()
    };
    // Somebody paused the other host's uploads; both hosts' pools are seen.
    assert!(upload(&snapshot).paused, "{:?}", snapshot.pools);
    assert!(snapshot.workers.len() == 2 && snapshot.pools.len() >= 4);
    assert_eq!(upload(&snapshot).order.unwrap().who, "mira on db-ops-2");
    // Uploads are throttled, then replies are lost.
    let (snapshot, _) = holds(100);
    let fetch = snapshot.pools.iter().find(|row| row.host == "db-ops-1" && row.pool == "fetch").unwrap();
    assert_eq!(fetch.size, 7);
    let (snapshot, rules) = holds(215);
    assert!(has(&rules, Severity::Warning, "archive.unknown") && has(&rules, Severity::Warning, "backup.failed"));
    let unknown = |snapshot: &Snapshot| {
        snapshot.bundles.iter().filter(|bundle| bundle.row.state == firn::store::ArchiveState::Unknown).count()
    };
    assert!(unknown(&snapshot) > 0);
    // The disk of a source goes away …
    let (snapshot, rules) = holds(250);
    assert!(has(&rules, Severity::Critical, "source.root"), "{rules:?}");
    assert_eq!(snapshot.severity, Severity::Critical);
    let gone: i64 = Connection::open(play.driver.folder().join("firn.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM file JOIN source ON source.id = file.source WHERE gone_at IS NOT NULL AND source.name = 'photos'", [], |row| row.get(0))
        .unwrap();
    assert!(gone < 20, "{gone}: what is on a disk that is away is not taken for deleted");
    // … and comes back, while the vault is out.
    let (_, rules) = holds(310);
    assert!(!has(&rules, Severity::Critical, "source.root"), "{rules:?}");
    assert!(has(&rules, Severity::Critical, "vault.unreachable"), "{rules:?}");
    // Staging is full of what was paused and what is unknown.
    let full = |snapshot: &Snapshot| {
        snapshot.workers.iter().any(|worker| worker.staging.is_some_and(|(used, budget)| used * 10 >= budget * 7))
    };
    let (snapshot, rules) = holds(380);
    assert!(full(&snapshot), "{:?}", snapshot.workers.iter().map(|worker| worker.staging).collect::<Vec<_>>());
    assert!(!has(&rules, Severity::Critical, "vault.unreachable"), "{rules:?}");
    let acked = snapshot.findings.iter().find(|row| row.rule == "backup.failed").unwrap();
    assert!(acked.ack_until.is_some(), "somebody has acknowledged it");
    // The other host falls over; what it had passes to this one.
    let (snapshot, _) = holds(450);
    let sessions = play.runtime.block_on(play.services.store.sessions()).unwrap();
    assert_eq!(sessions.iter().map(|row| row.process.host.as_str()).collect::<Vec<_>>(), ["db-ops-1"]);
    assert!(snapshot.workers.iter().all(|worker| worker.host == "db-ops-1"));
    let stored = snapshot.stored.archives;
    let (snapshot, _) = holds(510);
    assert!(snapshot.stored.archives > stored, "work goes on");
    // Files failed for different reasons.
    let failures = play.runtime.block_on(play.services.store.failures(None, 10_000)).unwrap();
    let reasons: BTreeSet<&str> = failures.iter().map(|failure| failure.reason.as_str()).collect();
    assert!(["permission", "io", "changing", "upload"].iter().all(|reason| reasons.contains(reason)), "{reasons:?}");
}

/// What this process has open: files by name, sockets by number.
fn open_files() -> (BTreeSet<PathBuf>, BTreeSet<String>) {
    let (mut files, mut sockets) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir("/proc/self/fd").unwrap() {
        // One that was closed meanwhile.
        let Ok(target) = fs::read_link(entry.unwrap().path()) else { continue };
        let text = target.to_string_lossy().into_owned();
        if let Some(number) = text.strip_prefix("socket:[").and_then(|text| text.strip_suffix(']')) {
            sockets.insert(number.to_owned());
        } else if target.is_absolute() && !["/dev", "/proc", "/anon"].iter().any(|root| text.starts_with(root)) {
            files.insert(target);
        }
    }
    (files, sockets)
}

#[test]
fn nothing_outside_its_folder_no_network_and_nothing_left() {
    let before = open_files().0;
    let play = Play::of("bad-night", 3, 2);
    let folder = play.driver.folder().to_owned();
    assert!(folder.starts_with(std::env::temp_dir()));
    let demos = std::env::temp_dir().join("firn-demo-");
    for secs in 1..=60 {
        play.driver.run_until(Duration::from_secs(secs));
        let (files, sockets) = open_files();
        let elsewhere: Vec<&PathBuf> = files
            .difference(&before)
            .filter(|path| !path.to_string_lossy().starts_with(demos.to_str().unwrap()))
            .collect();
        assert!(elsewhere.is_empty(), "{elsewhere:?}");
        for table in ["tcp", "tcp6", "udp", "udp6"] {
            let open = fs::read_to_string(format!("/proc/self/net/{table}")).unwrap_or_default();
            let ours = open.lines().filter_map(|line| line.split_ascii_whitespace().nth(9));
            assert_eq!(ours.filter(|number| sockets.contains(*number)).count(), 0, "{table}");
        }
    }
    assert!(fs::read_dir(folder.join("staging")).unwrap().count() == 2 && folder.join("vault").is_dir());
    drop(play);
    assert!(!folder.exists(), "the folder goes with the demo");
}

#[test]
fn a_paced_clock_runs_at_its_speed_and_is_stopped_at_once() {
    let options = DemoOptions { speed: 40.0, ..DemoOptions::default() };
    let play = Play::new(&options);
    assert_eq!(play.services.badge.as_deref(), Some("DEMO calm ×40"));
    let real = Clock::system();
    let began = real.mono();
    assert_eq!(play.driver.age(), Duration::ZERO, "nothing moves before it is told to");
    play.driver.pace();
    play.driver.pace();
    while play.driver.age() < Duration::from_secs(40) || play.snapshot().stored.archives == 0 {
        assert!(real.mono().since(began) < PATIENCE, "{:?} old", play.driver.age());
    }
    let (age, passed) = (play.driver.age(), real.mono().since(began));
    assert!(age <= passed.mul_f64(40.0), "{age:?} in {passed:?} is faster than asked for");
    let folder = play.driver.folder().to_owned();
    let ends = real.mono();
    drop(play);
    assert!(real.mono().since(ends) < Duration::from_secs(10) && !folder.exists());
}

#[test]
fn a_scenario_of_ones_own_and_what_cannot_be() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("mine.toml");
    let text = r#"
        [scenario]
        about = "a handful of files"
        start = "2026-01-01T00:00:00Z"
        [[host]]
        name = "here"
        pid = 5
        [[source]]
        name = "few"
        place = "/srv/few"
        folder = "few"
        history = 40
        "#;
    fs::write(&path, text).unwrap();
    let play = Play::of(path.to_str().unwrap(), 1, 1);
    assert_eq!(play.services.badge.as_deref(), Some("DEMO mine"));
    assert_eq!(play.services.process.host, "here");
    play.driver.run_until(Duration::from_mins(2));
    let snapshot = play.snapshot();
    assert_eq!((snapshot.stored.files, snapshot.severity), (40, Severity::Ok));
    let refused = |options: &DemoOptions| match Services::demo(options) {
        Err(e) => e.to_string(),
        Ok(_) => panic!("it was given"),
    };
    let usual = DemoOptions::default();
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY, 1001.0] {
        let told = refused(&DemoOptions { speed, ..usual.clone() });
        assert_eq!(told, format!("a speed of {speed} is not possible; a number above 0, and 1000 at most, is"));
    }
    assert_eq!(refused(&DemoOptions { threads: Some(0), ..usual.clone() }), "0 threads are not possible; 1 to 64 are");
    fs::write(&path, text.replace("history = 40", "histroy = 40")).unwrap();
    let told = refused(&DemoOptions { scenario: Some(path.display().to_string()), ..usual });
    let expected = format!(
        "the scenario cannot be played:\n  {}:12: source.histroy: unknown key; did you mean \"history\"?;",
        path.display()
    );
    assert!(told.starts_with(&expected), "{told}");
}

/// The demo invents nothing: what is shown is gathered from the state, as always.
#[test]
fn no_snapshot_is_made_under_demo() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo");
    let mut folders = vec![src];
    let mut looked = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            looked += 1;
            for word in ["snapshot", "NoticeRow", "Finding", "LaneState", "ArchiveRow", "notice_round"] {
                assert!(!text.contains(word), "{} names {word}", path.display());
            }
        }
    }
    assert!(looked >= 7, "{looked} files");
}
