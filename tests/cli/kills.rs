//! `firn restore` killed, or held still, while it delivers; a worker beside it that goes on.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use firn::base::Clock;
use rusqlite::Connection;

use crate::kit::{Home, LONG, Running, eventually, noise, put, same_trees, tree};

/// Files to restore, a few an archive.
const FILES: usize = 240;

/// Everything in the vault, in many archives; leases of so many seconds.
fn backed_up(lease: &str) -> Home {
    let home = Home::with(&format!(
        r#"state = {{ url = "sqlite:firn.db" }}
staging = {{ path = "staging" }}
source = [{{ name = "ugc", kind = "directory", path = "photos" }}]
vault = {{ kind = "directory", path = "vault" }}
backup = {{ bundle_size = "64KiB", bundle_age = "1s" }}
restore = {{ slots = 2, new_per_second = 1000 }}
worker = {{ lease = "{lease}" }}
"#
    ));
    for n in 0..FILES {
        put(&home.photos().join(format!("d{}/f{n}", n % 3)), &noise(n as u64, 20_000 + n), 0o640, (1_600_000_000, 5));
    }
    home.back_up();
    home
}

fn state(home: &Home) -> Connection {
    Connection::open(home.path("firn.db")).unwrap()
}

fn number(home: &Home, sql: &str) -> i64 {
    state(home).query_row(sql, [], |row| row.get(0)).unwrap()
}

fn restoring(home: &Home) -> Running {
    home.start(home.command(["restore".as_ref(), "ugc".as_ref(), home.path("dest").as_os_str()]))
}

/// What has its name at the destination, with its inode: written anew it would have another.
fn named(home: &Home) -> BTreeMap<Vec<u8>, u64> {
    let mut files = BTreeMap::new();
    for folder in ["d0", "d1", "d2"] {
        let Ok(dir) = fs::read_dir(home.path("dest").join(folder)) else { continue };
        for entry in dir.map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if !name.starts_with(".firn-part-") {
                files.insert(format!("{folder}/{name}").into_bytes(), entry.metadata().unwrap().ino());
            }
        }
    }
    files
}

/// Waits until the restore is in the middle: everything can be read, and so many files have their name.
fn in_the_middle(home: &Home, restore: &mut Running, files: usize) {
    eventually(LONG, "the delivery is under way", || {
        assert!(!restore.is_over(), "it ended before: {}", restore.said());
        let begun = named(home).len() >= files;
        let waits = || number(home, "SELECT count(*) FROM plan_part WHERE live = 1 AND state = 0");
        (begun && waits() == 0).then_some(())
    });
}

/// Every file is there, whole, once, and nothing else; the state says so.
#[track_caller]
fn all_delivered(home: &Home) {
    same_trees(&home.photos(), &home.path("dest"));
    assert_eq!(tree(&home.path("dest")).len(), FILES);
    let one = home.firn(&["restores", "1", "--json"]).expect(0).json();
    let files = u64::try_from(FILES).unwrap();
    assert_eq!(
        (&one["state"], &one["delivered"], &one["failed"]),
        (&"ended".into(), &files.into(), &0.into()),
        "{one}"
    );
    assert_eq!((&one["archives_left"], &one["archives_stopped"]), (&0.into(), &0.into()));
    assert_eq!(number(home, "SELECT count(DISTINCT file) FROM restore WHERE state IN (1, 2)"), 240);
    assert_eq!(number(home, "SELECT count(*) FROM plan_part WHERE live = 1 OR owner IS NOT NULL"), 0);
}

/// Waits until a worker has finished the plan, and ends that.
#[track_caller]
fn finishes(home: &Home, worker: Running) {
    eventually(LONG, "the plan has ended", || {
        let all = home.firn(&["restores", "--json"]).json();
        (all["plans"][0]["state"] == "ended").then_some(())
    });
    worker.signal("TERM");
    worker.wait(LONG).expect(0);
}

/// Holds a process still, and not while it holds the state's lock: then nobody could go on.
#[track_caller]
fn hold_still(home: &Home, process: &Running) {
    eventually(LONG, "it is held still outside a transaction", || {
        process.signal("STOP");
        let state = state(home);
        state.busy_timeout(Duration::ZERO).unwrap();
        let free = state.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok();
        if !free {
            process.signal("CONT");
        }
        free.then_some(())
    });
}

/// The lease is an hour: that the first one is dead is seen, though nobody has waited for it.
#[test]
fn a_restore_that_is_killed_is_finished_by_the_worker_alone() {
    let home = backed_up("1h");
    let mut restore = restoring(&home);
    in_the_middle(&home, &mut restore, 10);
    restore.signal("KILL");
    eventually(LONG, "the destination is at rest", || {
        let before = named(&home);
        Clock::system().pause(Duration::from_millis(20));
        (named(&home) == before).then_some(())
    });
    let (there, known) = (named(&home), number(&home, "SELECT delivered FROM plan"));
    assert!((10..FILES).contains(&there.len()), "in the middle: {}", there.len());
    let one = home.firn(&["restores", "1", "--json"]).json();
    assert_eq!((&one["state"], &one["delivered"]), (&"running".into(), &known.into()));
    finishes(&home, home.start(home.command(["run", "--workers", "restore"])));
    all_delivered(&home);
    let all = named(&home);
    assert!(there.iter().all(|(name, inode)| all.get(name) == Some(inode)), "what has its name is not written anew");
    let late = i64::try_from(there.len()).unwrap() - known;
    assert_eq!(number(&home, "SELECT there FROM plan"), late, "found there: what the state did not know of");
    home.firn(&["restores", "1"]).expect(0).prints(&["plan 1  ended", "240"]);
    home.firn(&["restore", "--resume", "1"]).expect(2).says(&["plan 1 is ended; only a running one goes on"]);
    assert_eq!(restore.wait(LONG).code, -1);
}

#[test]
fn a_restore_that_goes_on_beside_a_running_worker_does_no_harm() {
    let home = backed_up("1h");
    let mut first = restoring(&home);
    in_the_middle(&home, &mut first, 10);
    first.signal("KILL");
    first.wait(LONG);
    let mut resumed = home.start(home.command(["restore", "--resume", "1", "--json"]));
    // Of the one that goes on, not of the one that was killed.
    let held = format!(
        "SELECT count(*) FROM plan_part p JOIN worker w ON w.id = p.owner
         WHERE p.live = 1 AND w.ended_at IS NULL AND w.pid = {}",
        resumed.pid()
    );
    let held = held.as_str();
    // Held still with work in its hands, so that both have some.
    loop {
        eventually(LONG, "it has begun", || (number(&home, held) > 0 || resumed.is_over()).then_some(()));
        assert!(!resumed.is_over(), "{}", resumed.said());
        hold_still(&home, &resumed);
        if number(&home, held) > 0 {
            break;
        }
        resumed.signal("CONT");
    }
    let before = number(&home, "SELECT delivered FROM plan");
    let worker = home.start(home.command(["run", "--workers", "restore"]));
    eventually(LONG, "the worker delivers all but what the other holds", || {
        let left = number(&home, "SELECT count(*) FROM plan_part WHERE live = 1");
        (left == number(&home, held)).then_some(())
    });
    assert!(number(&home, "SELECT delivered FROM plan") > before, "the worker took part");
    assert_eq!(home.firn(&["restores", "1", "--json"]).json()["state"], "running");
    resumed.signal("CONT");
    let done = resumed.wait(LONG).expect(0).json();
    assert_eq!((&done["state"], &done["not_restored"]), (&"ended".into(), &0.into()));
    let came = done["restored"].as_u64().unwrap() + done["already_there"].as_u64().unwrap();
    assert_eq!(came, 240);
    finishes(&home, worker);
    all_delivered(&home);
}

/// What it held is taken over when its lease has run out; then it comes back, in the middle of a file for all it knows.
#[test]
fn a_restore_that_is_held_still_beyond_its_lease_finds_its_work_done_and_harms_nothing() {
    let home = backed_up("10s");
    let mut held = restoring(&home);
    in_the_middle(&home, &mut held, 10);
    hold_still(&home, &held);
    finishes(&home, home.start(home.command(["run", "--workers", "restore"])));
    let (there, delivered) = (named(&home), number(&home, "SELECT delivered FROM plan"));
    assert_eq!((there.len(), delivered), (FILES, 240));
    held.signal("CONT");
    let done = held.wait(LONG);
    assert!(done.code == 0 || done.code == 1, "{done:?}");
    assert_eq!(named(&home), there, "what has its name is not written anew");
    all_delivered(&home);
}
