//! Things that go away, come back, or are something else by then: hosts, uploads, folders, staged files, growing files.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::kit::{Home, LONG, MINIMAL, eventually, noise, put};

/// The state, read and written behind firn's back.
fn state(home: &Home) -> Connection {
    let state = Connection::open(home.path("firn.db")).unwrap();
    state.busy_timeout(Duration::from_secs(10)).unwrap();
    state
}

/// One number; nought while there is no such table yet.
fn number(home: &Home, sql: &str) -> i64 {
    state(home).query_row(sql, [], |row| row.get(0)).unwrap_or(0)
}

/// One file, fetched and sealed, not sent.
fn sealed(home: &Home) -> PathBuf {
    put(&home.photos().join("precious"), &noise(1, 50_000), 0o644, (7, 7));
    home.firn(&["run", "--until-idle", "--workers", "scan,fetch"]).expect(0);
    let staged: Vec<_> = fs::read_dir(home.path("staging")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(staged.len(), 1, "{staged:?}");
    staged[0].clone()
}

fn flip(path: &PathBuf) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 9_000).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 9_000).unwrap();
}

#[test]
fn a_machine_that_was_renamed_sends_what_it_had_staged() {
    let home = Home::new();
    sealed(&home);
    assert_eq!(state(&home).execute("UPDATE archive SET host = 'another name'", []).unwrap(), 1);
    state(&home).execute("UPDATE worker SET host = 'another name', machine_id = ''", []).unwrap();
    // What was staged is the only copy by now.
    fs::remove_file(home.photos().join("precious")).unwrap();
    put(&home.photos().join("other"), b"other", 0o644, (7, 7));
    home.back_up().says(&["were taken over"]);
    assert_eq!(home.status()["stored"]["files"], 2);
    home.firn(&["restore", "ugc", "out"]).expect(0);
    assert_eq!(fs::read(home.path("out/precious")).unwrap(), noise(1, 50_000));
}

#[test]
fn what_a_lost_machine_had_staged_is_fetched_anew() {
    let home = Home::new();
    let staged = sealed(&home);
    state(&home).execute("UPDATE archive SET host = 'lost'", []).unwrap();
    state(&home)
        .execute("UPDATE worker SET host = 'lost', machine_id = '', last_seen = last_seen - 7200000000", [])
        .unwrap();
    fs::rename(staged, home.path("elsewhere")).unwrap();
    home.back_up();
    assert_eq!(home.check_tars(), (1, 1));
    assert_eq!(home.status()["stored"]["files"], 1);
}

#[test]
fn a_staged_file_that_is_read_wrongly_once_is_sent_again_as_it_is() {
    let home = Home::new();
    let staged = sealed(&home);
    fs::remove_file(home.photos().join("precious")).unwrap();
    put(&home.photos().join("other"), b"other", 0o644, (7, 7));
    flip(&staged);
    let running = home.start(home.command(["run"]));
    let mismatch = "SELECT count(*) FROM failure WHERE reason = 'mismatch'";
    eventually(LONG, "the vault finds it", || (number(&home, mismatch) > 0).then_some(()));
    running.signal("TERM");
    running.wait(LONG).expect(0);
    // It is back where it was, and sound again.
    flip(&staged);
    home.back_up();
    home.firn(&["restore", "ugc", "out"]).expect(0);
    assert_eq!(fs::read(home.path("out/precious")).unwrap(), noise(1, 50_000));
}

#[test]
fn a_staged_file_that_stays_wrong_is_set_aside_and_its_files_are_fetched_anew() {
    let home = Home::new();
    flip(&sealed(&home));
    home.back_up().says(&["the vault holds something else than was sent"]);
    assert_eq!(home.finding(LONG, "archive.mismatch")["severity"], "CRITICAL");
    let names: Vec<_> = fs::read_dir(home.path("staging")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.len() == 1 && names[0].to_str().unwrap().ends_with(".tar.aside"), "{names:?}");
    assert_eq!(home.check_tars(), (1, 1));
    home.restores_whole();
}

#[test]
fn an_upload_that_is_gone_from_the_vault_is_begun_anew() {
    let home = Home::with(&MINIMAL.replace(r#"path = "staging""#, r#"path = "staging", budget = "200MB""#));
    File::create(home.photos().join("huge")).unwrap().set_len(600_000_000).unwrap();
    let running = home.start(home.command(["run"]));
    eventually(LONG, "parts are stored", || (number(&home, "SELECT count(*) FROM part") > 1).then_some(()));
    running.signal("KILL");
    running.wait(LONG);
    let left: Vec<_> = fs::read_dir(home.path("vault/incoming")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    fs::remove_file(&left[0]).unwrap();
    home.back_up();
    assert_eq!(home.check_tars(), (1, 1));
}

#[test]
fn a_folder_that_took_the_name_of_a_deleted_file_is_what_is_restored() {
    let home = Home::new();
    put(&home.photos().join("a"), b"the file", 0o644, (7, 7));
    home.back_up();
    let before = number(&home, "SELECT value FROM meta WHERE key = 'time_high'");
    let before = jiff::Timestamp::from_microsecond(before).unwrap().to_string();
    fs::remove_file(home.photos().join("a")).unwrap();
    for name in ["a/one", "a/two", "a-1", "a-2", "b"] {
        put(&home.photos().join(name), name.as_bytes(), 0o644, (7, 7));
    }
    home.back_up();
    home.firn(&["restore", "ugc", "all"])
        .expect(0)
        .prints(&["1 deleted files are left out: folders have their names now"]);
    for name in ["a/one", "a/two", "a-1", "a-2", "b"] {
        assert_eq!(fs::read(home.path("all").join(name)).unwrap(), name.as_bytes());
    }
    home.firn(&["restore", "ugc:a", "folder"]).expect(0);
    let found: Vec<_> = fs::read_dir(home.path("folder")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(found, ["a"], "a-1 and a-2 are not below a");
    assert_eq!(fs::read_dir(home.path("folder/a")).unwrap().count(), 2);
    home.firn(&["restore", "--at", &before, "ugc:a", "then"]).expect(0);
    assert_eq!(fs::read(home.path("then/a")).unwrap(), b"the file");
}

#[test]
fn a_root_that_is_exchanged_for_another_folder_is_watched_from_then_on() {
    let home = Home::with(&MINIMAL.replace("20s", "1s"));
    put(&home.photos().join("old"), b"old", 0o644, (7, 7));
    let running = home.start(home.command(["run"]));
    eventually(LONG, "it is stored", || home.status()["stored"]["files"].as_u64().filter(|n| *n == 1));
    fs::rename(home.photos(), home.path("photos.old")).unwrap();
    put(&home.photos().join("new"), b"new", 0o644, (7, 7));
    eventually(LONG, "the new one is stored", || home.status()["stored"]["files"].as_u64().filter(|n| *n == 2));
    put(&home.photos().join("newer"), b"newer", 0o644, (7, 7));
    eventually(LONG, "so is one after it", || home.status()["stored"]["files"].as_u64().filter(|n| *n == 3));
    running.signal("TERM");
    running.wait(LONG).expect(0);
}

#[test]
fn a_staging_folder_that_is_removed_is_made_anew() {
    let home = Home::with(&MINIMAL.replace("20s", "1s"));
    put(&home.photos().join("first"), b"first", 0o644, (7, 7));
    let running = home.start(home.command(["run"]));
    eventually(LONG, "it is stored", || home.status()["stored"]["files"].as_u64().filter(|n| *n == 1));
    fs::remove_dir_all(home.path("staging")).unwrap();
    put(&home.photos().join("second"), b"second", 0o644, (7, 7));
    eventually(LONG, "the second is stored", || home.status()["stored"]["files"].as_u64().filter(|n| *n == 2));
    running.signal("TERM");
    running.wait(LONG).expect(0).says(&["was removed or exchanged while it was in use"]);
    home.restores_whole();
}

/// Files that grow while they are read give their share of the staging budget back, each time.
#[test]
fn files_that_grow_all_the_time_do_not_eat_the_staging_budget() {
    let config = MINIMAL.replace(r#"path = "staging""#, r#"path = "staging", budget = "100MB""#).replace("20s", "1s");
    let home = Home::with(&config.replace(r#"path = "photos""#, r#"path = "photos", rescan = "1s""#));
    let growing: Vec<PathBuf> = (0..4).map(|n| home.photos().join(format!("log{n}"))).collect();
    for path in &growing {
        put(path, &noise(1, 20_000_000), 0o644, (7, 7));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = growing
        .iter()
        .map(|path| {
            let (mut log, stop) = (OpenOptions::new().append(true).open(path).unwrap(), Arc::clone(&stop));
            thread::spawn(move || {
                // Even should the test fail, this ends.
                for _ in 0..3_000 {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    log.write_all(b"one more line\n").unwrap();
                    // So often, not until something holds.
                    thread::park_timeout(Duration::from_millis(30));
                }
            })
        })
        .collect();
    let running = home.start(home.command(["run"]));
    // Twice the budget, had nothing been given back.
    let spoiled = "SELECT count(*) FROM failure WHERE reason = 'changing'";
    eventually(LONG, "many reads are spoiled", || (number(&home, spoiled) >= 10).then_some(()));
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().unwrap();
    }
    put(&home.photos().join("small"), b"small", 0o644, (7, 7));
    eventually(LONG, "everything is stored", || home.status()["stored"]["files"].as_u64().filter(|n| *n >= 5));
    running.signal("TERM");
    running.wait(LONG).expect(0);
    home.restores_whole();
}

/// The upload's end was not seen, and what stands in the vault under its name is something else: the staged file may be
/// the sound one.
#[test]
fn a_staged_file_is_kept_when_the_vault_holds_something_else_under_its_name() {
    let home = Home::new();
    let staged = sealed(&home);
    home.firn(&["vault", "init"]);
    let stem = staged.file_stem().unwrap().to_str().unwrap().to_owned();
    let shard = firn::base::ids::ArchiveUuid(stem.parse().unwrap()).shard();
    let offset = number(&home, "SELECT manifest_offset FROM archive");
    let folder = home.path("vault/archives").join(shard);
    fs::create_dir_all(&folder).unwrap();
    let wrong = folder.join(format!("{stem}.m{offset}.tar"));
    fs::copy(&staged, &wrong).unwrap();
    flip(&wrong);
    state(&home).execute("UPDATE archive SET state = 2, owner = NULL", []).unwrap();
    home.back_up().says(&["the vault holds something else than was sent"]);
    assert!(home.path("staging").join(format!("{stem}.tar.aside")).exists());
    assert!(wrong.exists(), "nothing is deleted from the vault");
    assert_eq!(home.status()["stored"]["files"], 1);
    home.restores_whole();
}
