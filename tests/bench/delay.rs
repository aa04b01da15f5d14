//! What watching a thousand delayed replicas takes.
//!
//! `cargo bench --bench delay -- [--replicas N] [--seconds N] [--dir DIR]`: a process watches N replicas (default 1,000) at
//! a sample every 10 s for some seconds (default 30), with windows that are full from the start; their servers answer at
//! once. Prints the processor time it takes of one core (the goal is 5 %), what reading all of them back takes for a
//! screen, the first time and every two seconds after that, and as yardsticks from the same run what it takes to write as
//! many rows of the same size into such a database each 10 s, and to read as much.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss
)]

#[allow(dead_code)]
#[path = "../watch/kit.rs"]
mod kit;

#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use firn::base::host::ProcessIdentity;
use firn::base::{Clock, Stop, Time};
use firn::delay::gather::{Known, Memory};
use firn::delay::limits::Limits;
use firn::delay::watch::{Target, Watch};
use firn::store::sqlite::SqliteStore;
use firn::store::{DelaySample, NewJudged, NewSession, Store, delay_duty};
use firn::worker::session::Lease;
use firn::worker::under::{self, Under, Work};

use kit::{Acted, Does, behind};
use support::flags::Flags;
use support::waiting::in_time;

fn main() {
    let flags = Flags::read(&["replicas", "seconds", "dir"]);
    let (replicas, seconds) = (flags.number("replicas", 1000_u32), flags.number("seconds", 30_u64));
    let temp = flags.folder();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(temp.path(), replicas, Duration::from_secs(seconds)));
}

/// Processor time of this process so far (proc(5): fields 14 and 15 of stat, in ticks of a hundredth of a second).
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    Duration::from_millis((fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10)
}

async fn run(temp: &Path, replicas: u32, span: Duration) {
    let clock = Clock::system();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&temp.join("firn.db"), clock.clone(), true).unwrap());
    let acted = Acted::new(Does::Answers(vec![behind(7200.0, "")]));
    let targets: Vec<Target> = (0..replicas).map(|n| acted.target(&format!("db{n:04}"), Limits::default())).collect();
    fill(&*store, &targets, clock.now()).await;
    let stop = Stop::new();
    let under = Under {
        store: Arc::clone(&store),
        clock: clock.clone(),
        process: ProcessIdentity::own(),
        kinds: "delay".to_owned(),
        length: Duration::from_mins(1),
    };
    let watching = {
        let (targets, store, clock, told) = (targets.clone(), Arc::clone(&store), clock.clone(), stop.clone());
        tokio::spawn(async move {
            let parts = |lease: &Lease, inner: &Stop| -> Vec<Work> {
                let watch = Watch { targets, store, clock, session: lease.session };
                vec![Box::pin(watch.run(inner.clone()))]
            };
            under::run(under, told, parts, std::future::pending()).await.unwrap();
        })
    };
    // All of them have been looked at once, and are on their schedules.
    let all = async || (acted.looks() >= u64::from(replicas)).then_some(());
    in_time(Duration::from_mins(1), "all are looked at once", all).await;
    let (before, began, looks) = (processor(), Instant::now(), acted.looks());
    // The span is what is measured.
    tokio::time::sleep(span).await;
    let (spent, took, looked) = (processor().saturating_sub(before), began.elapsed(), acted.looks() - looks);
    let share = 100.0 * spent.as_secs_f64() / took.as_secs_f64();
    println!(
        "{replicas} replicas, {looked} looks in {:.0} s: {share:.1} % of one core (goal 5.0); {:.0} µs a look",
        took.as_secs_f64(),
        spent.as_secs_f64() * 1e6 / looked as f64
    );
    let known: Vec<Known> = targets.iter().map(Known::from).collect();
    let mut memory = Memory::default();
    let mut reads: Vec<Duration> = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        assert_eq!(memory.gather(&*store, &known).await.unwrap().replicas.len(), targets.len());
        reads.push(began.elapsed());
        // As often as a console looks.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let first = reads.remove(0);
    reads.sort_unstable();
    println!(
        "all read back for a screen: {:.1} ms, and {:.1} ms each time after that",
        first.as_secs_f64() * 1e3,
        reads[4].as_secs_f64() * 1e3
    );
    stop.stop();
    watching.await.unwrap();
    yardstick(temp, &*store, share).await;
}

/// A window of samples for each.
async fn fill(store: &dyn Store, targets: &[Target], now: Time) {
    let new = NewSession { process: ProcessIdentity::own(), kinds: "fill".to_owned(), lease: Duration::from_mins(1) };
    let session = store.session_start(new).await.unwrap().id;
    let duties = store.duties_take(targets.iter().map(|one| delay_duty(&one.name)).collect(), session).await.unwrap();
    let samples: Vec<DelaySample> = (1..=60)
        .rev()
        .map(|back| DelaySample {
            at: now.minus(Duration::from_secs(10 * back)),
            delay: Some(7_200_000_000),
            severity: firn::base::Severity::Ok,
        })
        .collect();
    let rows = targets.iter().zip(duties).map(|(one, duty)| NewJudged {
        replica: one.name.clone(),
        generation: duty.unwrap().generation,
        known: false,
        at: now.minus(Duration::from_secs(10)),
        samples: samples.clone(),
        severity: firn::base::Severity::Ok,
        rule: 16,
        text: String::new(),
        state: "{}".to_owned(),
        spark: String::new(),
    });
    store.delay_write(session, rows.collect()).await.unwrap();
    store.session_end(session).await.unwrap();
}

/// As many rows of that size written each 10 s, in as many transactions, and nothing else.
async fn yardstick(temp: &Path, store: &dyn Store, share: f64) {
    let rows = store.judged(None).await.unwrap();
    let place = temp.join("yardstick.db");
    let written = tokio::task::spawn_blocking(move || {
        let db = rusqlite::Connection::open(place).unwrap();
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE t (name TEXT PRIMARY KEY, state TEXT, spark TEXT) WITHOUT ROWID",
        )
        .unwrap();
        let before = processor();
        for _ in 0..5 {
            for some in rows.chunks(20) {
                let tx = db.unchecked_transaction().unwrap();
                for row in some {
                    tx.execute(
                        "INSERT INTO t VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET state = ?2, spark = ?3",
                        [&row.replica, &row.state, &row.spark],
                    )
                    .unwrap();
                }
                tx.commit().unwrap();
            }
        }
        (processor().saturating_sub(before)) / 5
    });
    let one = written.await.unwrap().as_secs_f64() * 10.0;
    println!("yardstick: the same rows written by themselves: {one:.1} % of one core; ratio {:.1}", share / one);
}
