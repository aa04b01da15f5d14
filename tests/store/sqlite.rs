//! What is about SQLite alone: the file, its settings, its schema, and the ways it can be wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use firn::base::Clock;
use firn::base::clock::Hand;
use firn::base::ids::Lane;
use firn::store::sqlite::SqliteStore;
use firn::store::{QueueState, Store, StoreError};
use rusqlite::Connection;

use crate::world::{LEASE, START, file, new_session, process};

struct Place {
    dir: tempfile::TempDir,
    clock: Clock,
    hand: Hand,
}

impl Place {
    fn new() -> Self {
        let (clock, hand) = Clock::manual(START);
        Self { dir: tempfile::tempdir().unwrap(), clock, hand }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("firn.db")
    }

    fn open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.path(), self.clock.clone(), true)
    }

    /// The sentence with which it is refused.
    fn refusal(&self) -> String {
        refusal(self.open())
    }

    /// A look at the database past the store.
    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

fn refusal(opened: Result<SqliteStore, StoreError>) -> String {
    match opened {
        Ok(store) => panic!("{} was opened", store.place()),
        Err(e) => e.to_string(),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Schema and migration rows.
fn schema(db: &Connection) -> (Vec<String>, Vec<(i64, String, i64)>) {
    let all = |sql: &str| -> Vec<String> {
        db.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let steps = db
        .prepare("SELECT number, name, applied_at FROM migration ORDER BY number")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    (all("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"), steps)
}

#[test]
fn a_new_database_gets_every_step_and_opening_it_again_changes_nothing() {
    let place = Place::new();
    drop(place.open().unwrap());
    let first = schema(&place.raw());
    assert!(first.1.iter().map(|(number, ..)| *number).eq(1..=i64::try_from(first.1.len()).unwrap()), "{:?}", first.1);
    assert!(first.1.iter().all(|(_, name, at)| !name.is_empty() && *at == START.as_micros()), "{:?}", first.1);
    place.hand.advance(Duration::from_secs(100));
    drop(place.open().unwrap());
    assert_eq!(schema(&place.raw()), first);
    let id: i64 = place.raw().pragma_query_value(None, "application_id", |row| row.get(0)).unwrap();
    assert_eq!(id.to_be_bytes()[4..], *b"firn");
}

#[test]
fn a_step_that_is_missing_is_made_good() {
    let place = Place::new();
    drop(place.open().unwrap());
    let whole = schema(&place.raw());
    // As it was before the last step.
    let (last, name, _) = whole.1.last().unwrap().clone();
    let raw = place.raw();
    assert_eq!(name, "redis clusters");
    raw.execute_batch("DROP TABLE cluster; DROP TABLE silence").unwrap();
    raw.execute("DELETE FROM migration WHERE number = ?", [last]).unwrap();
    drop(raw);
    drop(place.open().unwrap());
    assert_eq!(schema(&place.raw()), whole);
}

#[test]
fn a_newer_schema_is_refused_with_both_versions_and_the_mend() {
    let place = Place::new();
    drop(place.open().unwrap());
    let known = schema(&place.raw()).1.len();
    place.raw().execute("INSERT INTO migration VALUES (?1, 'from the future', 0)", [known + 4]).unwrap();
    let before = fs::read(place.path()).unwrap();
    let expected = format!(
        "the state database {} has schema {}, made by a newer firn; this one knows up to {known}: use the newer firn",
        shown(&place.path()),
        known + 4
    );
    assert_eq!(place.refusal(), expected);
    assert_eq!(fs::read(place.path()).unwrap(), before, "it is left as it was");
}

#[tokio::test]
async fn a_session_sees_at_its_next_renewal_that_the_schema_has_grown() {
    let place = Place::new();
    let store = place.open().unwrap();
    let session = store.session_start(new_session("alpha")).await.unwrap().id;
    store.session_renew(session, LEASE, String::new()).await.unwrap();
    let known = schema(&place.raw()).1.len();
    place.raw().execute("INSERT INTO migration VALUES (?1, 'from the future', 0)", [known + 1]).unwrap();
    let error = store.session_renew(session, LEASE, String::new()).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { .. }), "{error}");
    let versions = format!("has schema {}, made by a newer firn; this one knows up to {known}", known + 1);
    assert!(error.to_string().contains(&versions), "{error}");
}

#[test]
fn without_leave_to_make_one_a_missing_database_is_said_to_be_missing() {
    let place = Place::new();
    let expected = format!(
        "there is no state database at {}; `firn run` makes one, or [state] url points at the wrong place",
        shown(&place.path())
    );
    assert_eq!(refusal(SqliteStore::open(&place.path(), place.clock.clone(), false)), expected);
    assert!(!place.path().exists());
}

#[test]
fn a_missing_folder_is_named() {
    let place = Place::new();
    let inside = place.dir.path().join("absent/firn.db");
    let said = refusal(SqliteStore::open(&inside, place.clock.clone(), true));
    assert!(said.starts_with(&format!("cannot open the state database {}: ", shown(&inside))), "{said}");
    let mend = format!("; make the folder {} or mend [state] url", shown(inside.parent().unwrap()));
    assert!(said.ends_with(&mend), "{said}");
}

#[test]
fn a_folder_is_not_a_database() {
    let place = Place::new();
    fs::create_dir(place.path()).unwrap();
    let expected = format!(
        "cannot open the state database {}: it is not a file; name a file in [state] url",
        shown(&place.path())
    );
    assert_eq!(place.refusal(), expected);
}

#[test]
fn another_programs_database_is_left_alone() {
    let place = Place::new();
    place
        .raw()
        .execute_batch("CREATE TABLE accounts (id INTEGER PRIMARY KEY); CREATE INDEX i ON accounts (id)")
        .unwrap();
    let before = fs::read(place.path()).unwrap();
    let expected = format!(
        "{} is not a state database of firn (its application_id is 0x0 and it holds 2 tables and indexes); point [state] url at another file, or move this one away",
        shown(&place.path())
    );
    assert_eq!(place.refusal(), expected);
    assert_eq!(fs::read(place.path()).unwrap(), before);
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let place = Place::new();
    let text = "a holiday photo, perhaps ".repeat(400);
    fs::write(place.path(), &text).unwrap();
    let expected = format!(
        "{} is not a state database of firn (file is not a database); point [state] url at another file, or move this one away",
        shown(&place.path())
    );
    assert_eq!(place.refusal(), expected);
    assert_eq!(fs::read_to_string(place.path()).unwrap(), text);
}

#[test]
fn an_empty_file_becomes_a_database() {
    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    drop(place.open().unwrap());
    assert!(!schema(&place.raw()).1.is_empty());
}

/// Every page but the first is overwritten: that the file is damaged is seen by whoever reads there.
#[tokio::test]
async fn damage_is_told_with_the_way_out() {
    let place = Place::new();
    {
        let store = place.open().unwrap();
        let session = store.session_start(new_session("alpha")).await.unwrap().id;
        let source = store.source("ugc".to_owned(), "directory").await.unwrap().id;
        let files = (0..200).map(|n| file(&format!("{n}"), 1)).collect();
        store.found(session, source, Lane::Live, files).await.unwrap();
    }
    // Closing is the threads' own affair: the log is folded in here, whoever was last.
    let raw = place.raw();
    raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let root: i64 = raw.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'file'", [], |r| r.get(0)).unwrap();
    let page: i64 = raw.pragma_query_value(None, "page_size", |row| row.get(0)).unwrap();
    drop(raw);
    let mut bytes = fs::read(place.path()).unwrap();
    let start = usize::try_from((root - 1) * page).unwrap();
    bytes[start..start + usize::try_from(page).unwrap()].fill(0xa5);
    fs::write(place.path(), bytes).unwrap();
    let store = place.open().unwrap();
    let error = store.queue_page(Lane::Live, QueueState::Queued, None, 9).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    let expected = format!(
        "the state database {} is damaged (database disk image is malformed); stop every firn, move it and its -wal and -shm files aside and put a sound copy in its place; every archive in the vault holds a MANIFEST.json of its files",
        shown(&place.path())
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
#[ignore = "long: waits out the 10 s for another program's lock"]
async fn a_lock_held_by_another_program_is_told_after_a_while() {
    let place = Place::new();
    let store = place.open().unwrap();
    let raw = place.raw();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.session_start(new_session("alpha")).await.unwrap_err();
    let path = shown(&place.path());
    let expected = format!(
        "the state database {path} has been locked by another program for over 10 s; find it (`fuser {path}`) and end it"
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(store.sessions().await.unwrap(), [], "reading goes on meanwhile");
    raw.execute_batch("ROLLBACK").unwrap();
    store.session_start(new_session("alpha")).await.unwrap();
}

#[tokio::test]
async fn a_short_lock_is_waited_for() {
    let place = Place::new();
    let store = Arc::new(place.open().unwrap());
    let raw = place.raw();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = Arc::clone(&store);
    let asked = firn::base::task::spawn(async move { waiting.session_start(new_session("alpha")).await });
    // Reads are answered while the writer waits.
    for _ in 0..20 {
        assert_eq!(store.sessions().await.unwrap(), []);
        assert!(!asked.is_finished());
    }
    raw.execute_batch("COMMIT").unwrap();
    asked.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_read_only_database_is_refused_and_the_mend_is_named() {
    let place = Place::new();
    // Held open meanwhile, as by a daemon of another user.
    let held = place.open().unwrap();
    held.session_start(new_session("alpha")).await.unwrap();
    assert!(Command::new("chmod").args(["-R", "a-w,a+rX"]).arg(place.dir.path()).status().unwrap().success());
    let said = if rustix::process::geteuid().is_root() {
        // Root writes where it may not: an ordinary user is asked.
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::writes_what_it_is_given", "--ignored", "--nocapture"])
            .env("FIRN_TEST_STATE", place.path())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    } else {
        written(&place.path()).await
    };
    assert!(Command::new("chmod").args(["-R", "u+w"]).arg(place.dir.path()).status().unwrap().success());
    let expected = format!(
        "the state database {} cannot be written: its file may only be read by this user; mend its permissions or its mount",
        shown(&place.path())
    );
    assert!(said.contains(&expected), "{said}");
}

/// The half of the test above that runs as another user.
#[tokio::test]
#[ignore = "run by another test, as another user"]
async fn writes_what_it_is_given() {
    let Some(path) = std::env::var_os("FIRN_TEST_STATE") else {
        eprintln!("nothing to do: FIRN_TEST_STATE names no database");
        return;
    };
    eprintln!("{}", written(Path::new(&path)).await);
}

/// With which sentence it is refused.
async fn written(path: &Path) -> String {
    let store = match SqliteStore::open(path, Clock::system(), true) {
        Ok(store) => store,
        Err(e) => return e.to_string(),
    };
    match store.session_start(new_session("alpha")).await {
        Ok(session) => format!("session {} was entered", session.id),
        Err(e) => format!("opened; {e}"),
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let place = Place::new();
    {
        let store = place.open().unwrap();
        store.session_start(new_session("alpha")).await.unwrap();
    }
    let rows = place.open().unwrap().sessions().await.unwrap();
    assert_eq!((rows.len(), &rows[0].process), (1, &process("alpha")));
}

/// A full file system is told as such, and work goes on when there is room again.
#[tokio::test]
async fn a_full_disk_is_told_and_work_goes_on_when_there_is_room() {
    let (clock, _hand) = Clock::manual(START);
    let dir = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(dir.path()).output();
    match mounted {
        Ok(output) if output.status.success() => {}
        other => {
            eprintln!("not tested: a file system of 2 MB cannot be mounted here ({other:?})");
            return;
        }
    }
    let path = dir.path().join("firn.db");
    let outcome = fill(&path, clock).await;
    assert!(Command::new("umount").arg("-l").arg(dir.path()).status().unwrap().success());
    let (said, after) = outcome;
    let expected = format!(
        "the state database {} cannot grow: its file system is full; free space there, work goes on by itself",
        shown(&path)
    );
    assert_eq!(said, expected);
    after.unwrap();
}

async fn fill(path: &Path, clock: Clock) -> (String, Result<(), StoreError>) {
    let store = SqliteStore::open(path, clock, true).unwrap();
    let session = store.session_start(new_session("alpha")).await.unwrap().id;
    let source = store.source("ugc".to_owned(), "directory").await.unwrap().id;
    let ballast = path.with_file_name("ballast");
    fs::write(&ballast, vec![1; 1 << 20]).unwrap();
    let batch = |n: usize| (0..100).map(|i| file(&format!("{n:05}/{i:05}/{}", "x".repeat(200)), 1)).collect();
    let mut entered = 0;
    let said = loop {
        match store.found(session, source, Lane::Live, batch(entered)).await {
            Ok(_) => entered += 1,
            Err(e) => break e.to_string(),
        }
        assert!(entered < 1000, "2 MB never filled");
    };
    fs::remove_file(ballast).unwrap();
    (said, store.found(session, source, Lane::Live, batch(entered)).await.map(|_| ()))
}
