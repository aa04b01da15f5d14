//! What a round over the replicas costs does not grow with the samples, jobs and freezes that are kept: counted in steps
//! of SQLite's machine, which are the same on every machine.

use std::path::Path;

use firn::base::Time;
use firn::base::clock::Clock;
use firn::base::ids::{FreezeId, JobId, SessionId};
use firn::store::sqlite::SqliteStore;
use firn::store::{Delays as _, FreezeBegun, JobEnded, JobStarted, JudgedWrite, NewFreeze, Store as _, delay_duty};
use rusqlite::{Connection, params};

use crate::delays::judged;
use crate::jobs::{end, job};
use crate::world::new_session;

/// The present.
const NOW: i64 = 1_000_000_000;
/// Replicas.
const REPLICAS: usize = 20;
/// Samples of each, and jobs, that are old enough to go.
const OLD: usize = 10;

struct State {
    store: SqliteStore,
    session: SessionId,
    path: std::path::PathBuf,
}

fn name(n: usize) -> String {
    format!("db{n:02}")
}

fn ago(seconds: i64) -> Time {
    Time::from_secs(NOW - seconds)
}

impl State {
    /// With so many samples of each replica, and as many jobs and freezes of all together, ten seconds apart.
    async fn filled(path: &Path, kept: i64) -> Self {
        let (clock, _) = Clock::manual(Time::from_secs(NOW));
        let store = SqliteStore::open(path, clock.clone(), true).unwrap();
        let session = store.session_start(new_session("alpha")).await.unwrap().id;
        let names: Vec<String> = (0..REPLICAS).map(name).collect();
        store.duties_take(names.iter().map(|name| delay_duty(name)).collect(), session).await.unwrap();
        let rows = names.iter().map(|name| judged(name, 1, ago(100))).collect();
        assert!(store.delay_write(session, rows).await.unwrap().iter().all(JudgedWrite::is_written));
        drop(store);
        let db = Connection::open(path).unwrap();
        // What is kept begins an hour ago; what is to go is a million seconds old.
        for (count, first) in [(kept, 3600), (i64::try_from(OLD).unwrap(), 1_000_000)] {
            let list = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)";
            let given = params![count, ago(first).as_micros(), i64::try_from(REPLICAS).unwrap()];
            for (into, what) in [
                ("sample", "r.id, ?2 - i * 10000000, 7200000000, 0 FROM n, replica r WHERE ?3 > 0"),
                (
                    "window (replica, class, start, ended, made_at, started_by, ended_by, detail, outcome)",
                    "printf('db%02d', i % ?3), 'backup', ?2 - i * 10000000 - 1, ?2 - i * 10000000, 0, 'a', 'b', '', 'done'
                     FROM n",
                ),
                (
                    "freeze (replica, state, body, revision, who, started, changed, ended)",
                    "printf('db%02d', i % ?3), 'resumed', '{}', 3, 'a', 0, 0, ?2 - i * 10000000 FROM n",
                ),
            ] {
                db.execute(&format!("INSERT INTO {into} {list} SELECT {what}"), given).unwrap();
            }
        }
        db.execute("UPDATE replica SET oldest = (SELECT min(at) FROM sample s WHERE s.replica = replica.id)", [])
            .unwrap();
        drop(db);
        // A new connection: its plans are made for what is there now.
        let store = SqliteStore::open(path, clock, true).unwrap();
        Self { store, session, path: path.to_owned() }
    }

    /// Runs an operation and sees that it found what there is.
    async fn run(&self, operation: &str) {
        let store = &self.store;
        match operation {
            "duties" => {
                let names = (0..REPLICAS).map(|n| delay_duty(&name(n))).collect();
                assert!(store.duties_take(names, self.session).await.unwrap().iter().all(Option::is_some));
            }
            "write" => {
                let rows = (0..REPLICAS).map(|n| judged(&name(n), 1, ago(90))).collect();
                let wrote = store.delay_write(self.session, rows).await.unwrap();
                assert!(wrote.iter().all(JudgedWrite::is_written), "{wrote:?}");
            }
            "verdicts" => assert_eq!(store.judged(None).await.unwrap().len(), REPLICAS),
            "new verdicts" => assert_eq!(store.judged(Some(ago(-1))).await.unwrap(), []),
            "names" => assert_eq!(store.judged_names().await.unwrap().len(), REPLICAS),
            "one verdict" => assert!(store.judged_one(name(7)).await.unwrap().is_some()),
            // Both states have an hour and a quarter of it.
            "window" => {
                let rows = store.delay_samples(name(7), ago(4500), ago(0), 1000).await.unwrap();
                assert_eq!(rows.len(), 92);
            }
            "windows" => {
                let asked = (0..REPLICAS).map(|n| (name(n), ago(4500))).collect();
                assert!(store.delay_windows(asked, 60).await.unwrap().iter().all(|window| window.len() == 60));
            }
            "prune, nothing" => assert_eq!(store.delay_prune(ago(2_000_000), 1000).await.unwrap(), 0),
            "prune" => assert_eq!(store.delay_prune(ago(999_999), 1000).await.unwrap(), (OLD * REPLICAS) as u64),
            "prune, the first" => assert_eq!(store.delay_prune(ago(999_999), 5).await.unwrap(), 5),
            "job start and end" => {
                let JobStarted::Started(_) = store.job_start(job(&name(3), "backup")).await.unwrap() else { panic!() };
                let JobEnded::Ended(_) = store.job_end(end(&name(3), "backup")).await.unwrap() else { panic!() };
            }
            "end without start" => {
                let JobEnded::NotRunning(Some(_)) = store.job_end(end(&name(3), "backup")).await.unwrap() else {
                    panic!()
                };
            }
            "end of what never ran" => {
                let JobEnded::NotRunning(None) = store.job_end(end(&name(3), "deshard")).await.unwrap() else {
                    panic!()
                };
            }
            "jobs" => assert_eq!(store.jobs(None, ago(3650)).await.unwrap().len(), 6),
            "jobs of one" => assert_eq!(store.jobs(Some(name(3)), ago(3650)).await.unwrap().len(), 1),
            "ended jobs" => {
                let before = Some((ago(3700), JobId(0)));
                assert_eq!(store.jobs_ended(None, before, 5).await.unwrap().len(), 5);
            }
            "ended jobs of one" => {
                let before = Some((ago(3700), JobId(0)));
                assert_eq!(store.jobs_ended(Some(name(3)), before, 2).await.unwrap().len(), 2);
            }
            "prune of jobs" => assert_eq!(store.jobs_prune(ago(999_999), 1000).await.unwrap(), 2 * OLD as u64),
            "prune of jobs, nothing" => assert_eq!(store.jobs_prune(ago(2_000_000), 1000).await.unwrap(), 0),
            "freeze" => {
                let new = NewFreeze {
                    replica: name(3),
                    state: "asked".to_owned(),
                    body: "{}".to_owned(),
                    who: "ann".to_owned(),
                };
                let FreezeBegun::Begun(row) = store.freeze_begin(new).await.unwrap() else { panic!() };
                let (state, body) = ("frozen".to_owned(), "{}".to_owned());
                assert!(store.freeze_update(row.id, 0, state.clone(), body.clone(), None).await.unwrap());
                assert_eq!(store.freezes_open().await.unwrap().len(), 1);
                assert!(store.freeze_end(row.id, 1, state, body, None).await.unwrap());
            }
            "freezes of one" => assert_eq!(store.freeze_list(name(3), 2).await.unwrap().len(), 2),
            "one freeze" => assert!(store.freeze(FreezeId(7)).await.unwrap().is_some()),
            other => panic!("{other} is no operation"),
        }
    }

    /// Two looks at one state that differ in nothing but in what was done before are no two states.
    async fn steps_of(&self, operation: &str) -> u64 {
        let copy = self.path.with_extension("copy");
        let _ = std::fs::remove_file(&copy);
        let db = Connection::open(&self.path).unwrap();
        db.execute("VACUUM INTO ?", [copy.to_str().unwrap()]).unwrap();
        let (clock, _) = Clock::manual(Time::from_secs(NOW));
        let store = SqliteStore::open(&copy, clock, true).unwrap();
        let state = Self { store, session: self.session, path: copy };
        let before = state.store.steps();
        state.run(operation).await;
        state.store.steps() - before
    }
}

const OPERATIONS: &[&str] = &[
    "duties",
    "write",
    "verdicts",
    "names",
    "new verdicts",
    "one verdict",
    "window",
    "windows",
    "prune, nothing",
    "prune",
    "prune, the first",
    "job start and end",
    "end without start",
    "end of what never ran",
    "jobs",
    "jobs of one",
    "ended jobs",
    "ended jobs of one",
    "prune of jobs",
    "prune of jobs, nothing",
    "freeze",
    "freezes of one",
    "one freeze",
];

#[tokio::test]
async fn a_round_over_the_replicas_costs_the_same_with_a_hundred_times_the_history() {
    let dir = tempfile::tempdir().unwrap();
    let small = State::filled(&dir.path().join("small.db"), 100).await;
    let large = State::filled(&dir.path().join("large.db"), 10_000).await;
    let mut wrong = Vec::new();
    for operation in OPERATIONS {
        let (few, many) = (small.steps_of(operation).await, large.steps_of(operation).await);
        // Within a tenth.
        if many * 10 > few * 11 || many * 10 < few * 9 || few == 0 {
            wrong.push(format!("{operation}: {few} steps with 100 samples a replica, {many} with 10,000"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
