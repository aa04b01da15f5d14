//! The demo is the same each time: on any number of threads, stepped or paced, in whatever pieces.

#![allow(clippy::unwrap_used)] // helpers of tests

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use firn::backup::pipe::Kinds;
use firn::base::sink::NoSink;
use firn::base::{Clock, Stop};
use firn::demo::{DemoDriver, DemoOptions};
use firn::services::Services;
use firn::store::NoticeRow;
use firn::worker::supervisor::{Standing, supervise};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

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
        let scenario = Some(scenario.to_owned());
        Self::new(&DemoOptions {
            scenario,
            seed,
            until: Some(Duration::ZERO),
            threads: Some(threads),
            ..DemoOptions::default()
        })
    }

    fn notices(&self) -> Vec<NoticeRow> {
        self.runtime.block_on(self.services.store.notices()).unwrap()
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

#[test]
fn the_same_on_one_thread_and_on_four() {
    for (scenario, minutes) in [("calm", 2), ("bad-night", 3)] {
        let until = Duration::from_mins(minutes);
        let played = |threads, seed| {
            let real = Clock::system();
            let began = real.mono();
            let play = Play::of(scenario, seed, threads);
            play.driver.run_until(until);
            let state = play.state();
            println!("{scenario} on {threads}: {:?}, {} rows", real.mono().since(began), state.lines().count());
            state
        };
        let one = played(1, 7);
        same(&one, &played(4, 7), scenario);
    }
}
