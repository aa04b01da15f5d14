//! How long a plan takes to be put together, priced in every tier and saved.
//!
//! `cargo bench --bench plan -- [--files N] [--rows N] [--dir DIR]`: N files (default 100,000) drawn from a catalog of N
//! archived files (default 3,000,000: 30,000 archives of a hundred files), by key, each to a place of its own. Prints the
//! seconds of looking the files up and entering them, of pricing them, and of saving the plan, and the ratio of all of it
//! to a yardstick beside it (as many rows written into a table of the same kind of database by themselves). The goal for the
//! plan is 2 s.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]

#[allow(dead_code)]
#[path = "../store/archived.rs"]
mod archived;

#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use firn::base::Time;
use firn::base::clock::Clock;
use firn::restore::Restorer;
use firn::restore::ask::verdict::{PAGE, Taken, Verdict, verdicts};
use firn::restore::ask::{Names, parse_line};
use firn::restore::plan::draft::{Draft, Place};
use firn::restore::plan::price::Pricing;
use firn::restore::price::{Budget, Terms};
use firn::store::sqlite::SqliteStore;
use firn::store::{NewPlan, Store};
use firn::vault::fake::core::{Core, Rules};
use firn::vault::fake::door::{FakeVault, Glacier, Link};
use firn::vault::fake::shelf::Shelf;
use firn::vault::tariff::Tariff;
use firn::vault::{Tier, Vault};
use support::flags::Flags;

fn main() {
    let flags = Flags::read(&["files", "rows", "dir"]);
    let (files, rows) = (flags.number("files", 100_000u64), flags.number("rows", 3_000_000u64));
    let temp = flags.folder();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(temp.path(), files, rows));
}

async fn run(temp: &Path, files: u64, rows: u64) {
    let place = temp.join("firn.db");
    drop(archived::State::filled(&place, rows).await);
    let now = Time::from_secs(1_000_000_000);
    let (clock, _) = Clock::manual(now);
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&place, clock.clone(), false).unwrap());
    let glacier = Glacier::new(Core::new(Rules::default(), now), Shelf::open(&temp.join("shelf")).unwrap());
    let vault: Arc<dyn Vault> = Arc::new(FakeVault::new("vault", clock, glacier, Link::default()));
    let tariff = Arc::new(Tariff::named("glacier-vault").unwrap());
    let pricing = Pricing {
        terms: Terms::new(tariff, &vault.capabilities(), 1 << 40, 50).unwrap(),
        budget: Budget::default(),
        rate: None,
        margin: Duration::from_hours(5),
        vault: "vault".to_owned(),
    };
    let names = Names::known(&*store, []).await.unwrap();
    let lines: Vec<_> = (0..files).map(|n| (usize::try_from(n).unwrap() + 1, line(n, files, rows))).collect();
    let restorer = Restorer { store: Arc::clone(&store), vault };
    let began = Instant::now();
    let (title, who, host, vault) = ("bench".to_owned(), "bench".to_owned(), "here".to_owned(), "vault".to_owned());
    let new = NewPlan { title, who, host, vault, supplement_of: None };
    let mut draft = Draft::begin(&restorer, new).await.unwrap();
    let plan = draft.plan;
    let mut taken = Taken::default();
    for page in lines.chunks(PAGE) {
        let parsed = page.iter().map(|(n, text)| (*n, parse_line(text, &names).unwrap())).collect();
        for found in verdicts(&*store, &names, parsed, now, &mut taken).await.unwrap() {
            let Verdict::One { ready, .. } = &found.verdict else { panic!("{}", found.short()) };
            draft.ready(ready, &Place::Below("/srv/restored".into()), false).await.unwrap();
        }
    }
    let added = draft.finish().await.unwrap();
    assert_eq!(added.files, files);
    let entered = began.elapsed().as_secs_f64();
    let quotes = pricing.quotes(&*store, plan).await.unwrap();
    let priced = began.elapsed().as_secs_f64() - entered;
    let saved = pricing.choose(&*store, plan, Some(Tier::Bulk)).await.unwrap().unwrap();
    let all = began.elapsed().as_secs_f64();
    let yardstick = yardstick(temp, files);
    println!(
        "{files} files of {} archives: {all:.2} s ({:.2} of the goal), {:.1} of the yardstick of {yardstick:.2} s",
        quotes[0].archives,
        all / 2.0,
        all / yardstick
    );
    println!(
        "looked up and entered {entered:.2} s; priced in {} tiers {priced:.2} s; priced again and saved {:.2} s ({} jobs, {})",
        quotes.len(),
        all - entered - priced,
        saved.jobs,
        saved.price
    );
}

/// A file of the filled state; steps that have no factor in common with a round number of rows meet each once.
fn line(n: u64, files: u64, rows: u64) -> String {
    let row = (n * (rows / files.max(1)).max(1)) % rows + 1;
    format!("large:{:07}/{row:08}.jpg /srv/restored/", row / 10)
}

/// Seconds to write as many rows of the same size in transactions of the same size.
fn yardstick(temp: &Path, files: u64) -> f64 {
    let db = rusqlite::Connection::open(temp.join("yardstick.db")).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE t (a INTEGER, b INTEGER, c BLOB, PRIMARY KEY (a, b)) WITHOUT ROWID;
         CREATE UNIQUE INDEX u ON t (c);",
    )
    .unwrap();
    let began = Instant::now();
    for page in 0..files.div_ceil(500) {
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        for n in page * 500..files.min((page + 1) * 500) {
            let mut insert = db.prepare_cached("INSERT INTO t VALUES (?1, ?2, ?3)").unwrap();
            insert.execute(rusqlite::params![n % 30_000, n, format!("{:07}/{n:08}.jpg", n / 10)]).unwrap();
        }
        db.execute_batch("COMMIT").unwrap();
    }
    began.elapsed().as_secs_f64()
}
