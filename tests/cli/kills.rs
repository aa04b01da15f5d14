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

/// Everything in the vault, in many archives, of which so many may be read after each look; with leases of that length.
fn backed_up(lease: &str, a_look: u32) -> Home {
    let home = Home::with(&format!(
        r#"state = {{ url = "sqlite:firn.db" }}
staging = {{ path = "staging" }}
source = [{{ name = "ugc", kind = "directory", path = "photos" }}]
vault = {{ kind = "directory", path = "vault" }}
backup = {{ bundle_size = "64KiB", bundle_age = "1s" }}
restore = {{ slots = 2, new_per_second = {a_look} }}
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

/// As [`eventually`], for what is there before the restore ends.
#[track_caller]
fn soon(what: &str, restore: &mut Running, mut holds: impl FnMut() -> bool) {
    eventually(LONG, what, || {
        let holds = holds();
        assert!(holds || !restore.is_over(), "it ended before {what}: {}", restore.said());
        holds.then_some(())
    });
}

/// Waits until so many files have their name.
#[track_caller]
fn in_the_middle(home: &Home, restore: &mut Running, files: usize) {
    soon("the delivery is under way", restore, || named(home).len() >= files);
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

/// Whether every thread of a process is stopped: the signal reaches one after the other.
fn stands(process: &Running) -> bool {
    fs::read_dir(format!("/proc/{}/task", process.pid())).unwrap().map(Result::unwrap).all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    })
}

/// Holds a restore still in the middle of its delivery, and not while it has the state's lock: then nobody could go on.
#[track_caller]
fn hold_still(home: &Home, restore: &mut Running, in_hand: impl Fn() -> bool) {
    loop {
        soon("it has work in hand", restore, &in_hand);
        restore.signal("STOP");
        eventually(LONG, "it stands still", || stands(restore).then_some(()));
        let state = state(home);
        state.busy_timeout(Duration::ZERO).unwrap();
        if in_hand() && state.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok() {
            return;
        }
        restore.signal("CONT");
    }
}

/// Parts of the plan that a process is delivering.
fn held_by(home: &Home, process: u32) -> i64 {
    let sql = "SELECT count(*) FROM plan_part p JOIN worker w ON w.id = p.owner
               WHERE p.live = 1 AND w.ended_at IS NULL AND w.pid = ";
    number(home, &format!("{sql}{process}"))
}

/// The lease is an hour: that the first one is dead is seen, though nobody has waited for it.
#[test]
fn a_restore_that_is_killed_is_finished_by_the_worker_alone() {
    let home = backed_up("1h", 8);
    let mut restore = restoring(&home);
    in_the_middle(&home, &mut restore, 10);
    restore.signal("KILL");
    eventually(LONG, "the destination is at rest", || {
        let before = named(&home);
        // Two looks of one try, not a wait: whether the process is gone cannot be asked without waiting for it.
        Clock::system().pause(Duration::from_millis(20));
        (named(&home) == before).then_some(())
    });
    let (there, known) = (named(&home), number(&home, "SELECT delivered FROM plan"));
    assert!((10..FILES).contains(&there.len()), "in the middle: {}", there.len());
    let one = home.firn(&["restores", "1", "--json"]).json();
    assert_eq!((&one["state"], &one["delivered"]), (&"running".into(), &known.into()));
    finishes(&home, home.start(home.command(["run"])));
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
    let home = backed_up("1h", 1000);
    let mut first = restoring(&home);
    // What the vault is still asked for is asked for by one of them, and waits for that one.
    let waits = || number(&home, "SELECT count(*) FROM plan_part WHERE live = 1 AND state IN (0, 1)");
    soon("all can be read", &mut first, || named(&home).len() >= 10 && waits() == 0);
    first.signal("KILL");
    first.wait(LONG);
    let mut resumed = home.start(home.command(["restore", "--resume", "1", "--json"]));
    // Held still with work in its hands, so that both have some.
    let pid = resumed.pid();
    hold_still(&home, &mut resumed, || held_by(&home, pid) > 0 && waits() == 0);
    let before = number(&home, "SELECT delivered FROM plan");
    let worker = home.start(home.command(["run", "--workers", "restore"]));
    eventually(LONG, "the worker delivers all but what the other holds", || {
        let left = number(&home, "SELECT count(*) FROM plan_part WHERE live = 1");
        (left == held_by(&home, pid)).then_some(())
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
    let home = backed_up("10s", 8);
    let mut held = restoring(&home);
    in_the_middle(&home, &mut held, 10);
    let pid = held.pid();
    hold_still(&home, &mut held, || held_by(&home, pid) > 0);
    finishes(&home, home.start(home.command(["run", "--workers", "restore"])));
    let (there, delivered) = (named(&home), number(&home, "SELECT delivered FROM plan"));
    assert_eq!((there.len(), delivered), (FILES, 240));
    held.signal("CONT");
    // All that was asked for is there, whoever brought it.
    let done = held.wait(LONG).expect(0).prints(&["restored ", " files, "]);
    assert_eq!(done.err, "");
    assert_eq!(named(&home), there, "what has its name is not written anew");
    all_delivered(&home);
}

#[test]
fn a_restore_that_lost_its_lease_while_nobody_went_on_says_how_to_go_on() {
    let home = backed_up("1h", 8);
    let mut held = restoring(&home);
    in_the_middle(&home, &mut held, 10);
    let pid = held.pid();
    hold_still(&home, &mut held, || held_by(&home, pid) > 0);
    // An hour later.
    state(&home).execute("UPDATE worker SET lease_until = 1 WHERE ended_at IS NULL", []).unwrap();
    let other = home.start(home.command(["run", "--workers", "alert"]));
    eventually(LONG, "its work is given back", || {
        (number(&home, "SELECT count(*) FROM event WHERE what = 'session.reaped'") > 0).then_some(())
    });
    other.signal("TERM");
    other.wait(LONG).expect(0);
    held.signal("CONT");
    held.wait(LONG).expect(1).says(&[
        "plan 1 could not be carried out: ",
        "; it goes on with firn restore --resume 1, or where the restore worker runs (firn run)",
    ]);
    assert_eq!(home.firn(&["restores", "1", "--json"]).json()["state"], "running");
    home.firn(&["restore", "--resume", "1"]).expect(0);
    all_delivered(&home);
}
